/* Settle: writes the merged cells of one tag into a segment, main blocks first, then history.
 *
 * Of the collected entries of a cell the greatest stays in the main block. A loser is dropped when
 * the winner is of the same origin; one loser of each other origin moves to history, so that a
 * site's own data is never erased by another's. Explicit entries all go to history.
 *
 * Flush and compaction both end here, so a cell has one form on disk. */
#ifndef STORAGE_SETTLE_H
#define STORAGE_SETTLE_H

#include "storage/merge.h"
#include "storage/segment_writer.h"

/* What a pass needs from tag to tag: buffers that stay. */
struct settle {
    struct segment_writer *writer; /* borrowed */
    struct head_entry *history;    /* owned; of the tag at hand */
    size_t history_count;
    size_t history_count_max;
    struct arena texts; /* of the history */
    /* Winners of single cells, until they are written together. */
    struct settle_row *rows; /* owned */
    size_t row_count;
    uint64_t row_sequence;
    uint64_t history_sequence;
};

enum status settle_init(struct settle *settle, struct segment_writer *writer, struct error *error);
void settle_finish(struct settle *settle); /* accepts a zeroed one */

/* Writes everything that the merge gives, for this identity: begin, merge and end in one. */
enum status settle_tag(struct settle *settle, struct identity identity, struct merge *merge,
                       struct error *error);

/* In steps, for a tag whose blocks are copied in part: settle_merge() writes what the merge gives
 * below its limit, settle_copy() a block that lies behind it and that nothing else overlaps. */
void settle_begin(struct settle *settle);
enum status settle_merge(struct settle *settle, struct identity identity, struct merge *merge,
                         struct error *error);
enum status settle_copy(struct settle *settle, struct identity identity, const uint8_t *block,
                        const struct block_descriptor *descriptor, struct error *error);
enum status settle_end(struct settle *settle, struct identity identity, struct error *error);

#endif
