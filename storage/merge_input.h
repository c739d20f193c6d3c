/* Merge input: one segment on its way through a compaction, tag by tag.
 *
 *   enter   steps onto a tag, if the segment holds it: descriptors, and what the mixed block has
 *   extents says where its samples lie, for the copy plan
 *   open    gives the merge what is to be settled; what is copied waits
 *   leave   the next tag
 *
 * Memory does not grow with the segment, but for the descriptors of one tag.
 *
 * Threads: one thread at a time. */
#ifndef STORAGE_MERGE_INPUT_H
#define STORAGE_MERGE_INPUT_H

#include "storage/copy_plan.h"
#include "storage/merge.h"

struct merge_input {
    struct segment *segment; /* borrowed */
    struct segment_walk walk;
    struct segment_index_entry entry;
    bool has_entry;
    struct mixed_walk mixed_walk;
    struct identity mixed_identity;
    struct batch mixed_batch;
    bool has_mixed;

    /* Of the tag at hand. */
    bool is_mixed;
    const struct block_descriptor *descriptors[2]; /* in found, by enum block_kind */
    size_t descriptor_counts[2];
    struct arena found;
    struct segment_source sources[2];
    struct segment_source copied; /* the main blocks that are copied */
    struct mixed_source mixed_source;
};

enum status merge_input_init(struct merge_input *input, struct segment *segment,
                             struct error *error);
void merge_input_finish(struct merge_input *input); /* accepts a zeroed one */

/* The least tag that any of them still holds. False: they are through. */
bool merge_inputs_least(const struct merge_input *inputs, size_t count,
                        struct identity *out_identity);

enum status merge_input_enter(struct merge_input *input, struct identity identity,
                              struct error *error);

/* Appends to a buffer of struct copy_extent; number: what they will call this input. */
enum status merge_input_extents(struct merge_input *input, uint32_t number, struct buffer *extents,
                                struct error *error);

/* Hands the merge what the plan does not copy. The extents are those of all inputs. */
enum status merge_input_open(struct merge_input *input, uint32_t number,
                             const struct copy_extent *extents, size_t extent_count,
                             struct merge *merge, struct error *error);

/* The merge is through with the tag. */
enum status merge_input_leave(struct merge_input *input, struct error *error);

#endif
