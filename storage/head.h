/* Head: samples that are visible but not yet in a segment, in columns per tag.
 *
 *   slot of a tag
 *     run    [chunk 16] -> [chunk 16] -> [chunk 32] -> …     times strictly rising
 *     bag    [bag 4] -> [bag 8] -> …                       everything else, as it came
 *
 * A chunk holds samples that share type, revision and origin. What steps back in time, and every
 * explicit entry, goes into the bag; readers sort it. A head is filled until it is full, then
 * another takes its place and this one is flushed into a segment and forgotten.
 *
 * H1  one writer; a count is stored with release behind what it counts, and never falls
 * H2  a reader that loads a count sees whole batches only
 * H3  nothing moves and nothing is freed until the head is destroyed
 * H4  the memory is counted, and the store stops appends before it passes the limit
 *
 * Threads: head_apply() one at a time; readers any number, at the same time. Counted references. */
#ifndef STORAGE_HEAD_H
#define STORAGE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/slab.h"
#include "storage/base/status.h"
#include "storage/batch.h"

struct head;

/* One reference. Its memory comes from the pool, which outlives it, and goes back there. NULL when
 * out of memory. */
struct head *head_create(struct slab_pool *pool);
struct head *head_ref(struct head *head);
void head_unref(struct head *head); /* accepts NULL */

/* Takes the samples of a batch in, texts and notes copied. The only failure is STATUS_NO_MEMORY,
 * and then some of the batch may be in: the caller is finished. */
enum status head_apply(struct head *head, const struct batch *batch, uint64_t sequence,
                       struct error *error);

uint64_t head_bytes(const struct head *head); /* any thread */
uint64_t head_sample_count(const struct head *head);
uint64_t head_first_sequence(const struct head *head); /* of its batches; 0: none yet */
uint64_t head_last_sequence(const struct head *head);

/* One stretch of a tag's run: a view of a chunk. */
struct head_run {
    const struct head_chunk *chunk;
    size_t samples_left; /* of the count loaded at the start, this chunk included */
};

/* What the tag's run holds at this moment. */
struct head_run head_run(const struct head *head, uint32_t tag);
/* The next stretch as a batch without a copy. STATUS_END after the last. */
enum status head_run_next(struct head_run *run, struct batch *out_batch);

/* The newest sample of the tag's run, without a search. STATUS_END when it has none; STATUS_AGAIN
 * when the tag has a bag too, and so more to look at. */
enum status head_last(const struct head *head, uint32_t tag, int64_t *out_time_ns,
                      struct entry *out_entry);

/* The tag's bag at this moment, with times in [from_ns, to_ns), sorted by (time, entry), equal
 * entries once. Memory from the arena. */
struct head_entry {
    int64_t time_ns;
    struct entry entry;
};
enum status head_bag(const struct head *head, uint32_t tag, int64_t from_ns, int64_t to_ns,
                     struct arena *arena, struct head_entry **out_entries, size_t *out_count,
                     struct error *error);

/* Brings what a tag holds nearer to the processor: its slot, or (deep) its first chunk too. Only for
 * a head that is no longer written. */
void head_prefetch(const struct head *head, uint32_t tag, bool deep);

/* Numbers of all tags that hold something, in no order; freed by the caller with free(). Only for
 * a head that is no longer written. */
enum status head_tags(const struct head *head, uint32_t **out_tags, size_t *out_count,
                      struct error *error);

/* Greatest sequence of a batch that touched the tag. */
uint64_t head_tag_sequence(const struct head *head, uint32_t tag);

#endif
