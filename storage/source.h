/* Source: one place that holds samples of a tag, read in order of time: the main or the history
 * blocks of one segment, a mixed block, the run of a head, or its bag. merge.h makes one stream of several.
 *
 *   rows of the loaded batch   [ handed out ... | next ... sample_count )  then refill()
 *
 * U1  times never fall; in a source that is_run they rise strictly and every row is collected
 * U2  the loaded batch is of one type, and stays in place until the next source_advance()
 *
 * Threads: one thread at a time. */
#ifndef STORAGE_SOURCE_H
#define STORAGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/buffer.h"
#include "storage/batch.h"
#include "storage/head.h"
#include "storage/segment_reader.h"

struct source {
    struct batch batch;
    size_t next;       /* row that comes next; == batch.sample_count only at the end */
    uint64_t sequence; /* no row of the loaded batch has a greater one */
    bool is_run;
    /* Loads the next batch, at least one row. STATUS_END after the last. */
    enum status (*refill)(struct source *source, struct error *error);
};

static inline int64_t source_time_ns(const struct source *source)
{
    return batch_time_ns(&source->batch, source->next);
}

/* Steps over count rows; STATUS_END when that was the last. */
enum status source_advance(struct source *source, size_t count, struct error *error);

/* Cuts the loaded batch to [from_ns, to_ns). False when nothing is left of it. */
bool source_trim(struct source *source, int64_t from_ns, int64_t to_ns);

/* The rows from next on whose time is below limit_ns, in the loaded batch. */
size_t source_count_below(const struct source *source, int64_t limit_ns);

/* Blocks of one kind of one tag in one segment. Reused from tag to tag: buffers stay. */
struct segment_source {
    struct source source;
    struct segment *segment; /* borrowed */
    int64_t from_ns;
    int64_t to_ns;
    const struct block_descriptor *descriptors; /* in found */
    size_t descriptor_count;
    size_t descriptor_next;
    size_t read_first; /* descriptors whose blocks are in the buffer */
    size_t read_count;
    size_t read_bytes_max; /* doubles as the pass goes on */
    const uint8_t *read_bytes;
    struct segment_bytes bytes;
    struct arena found;   /* descriptors */
    struct arena decoded; /* columns of the loaded block */
};

void segment_source_init(struct segment_source *source);
void segment_source_finish(struct segment_source *source);

/* Loads the first rows in [from_ns, to_ns). STATUS_END when there are none. */
enum status segment_source_open(struct segment_source *source, struct segment *segment,
                                struct identity identity, enum block_kind kind, int64_t from_ns,
                                int64_t to_ns, struct error *error);
/* The same, when the entry of the index is at hand. */
enum status segment_source_open_entry(struct segment_source *source, struct segment *segment,
                                      const struct segment_index_entry *entry, int64_t from_ns,
                                      int64_t to_ns, struct error *error);

/* Begins on blocks that the caller chose, in order, with descriptors that stay in place; nothing is
 * loaded yet. */
void segment_source_set(struct segment_source *source, struct segment *segment,
                        enum block_kind kind, const struct block_descriptor *descriptors,
                        size_t count);
/* Loads the first rows of what was set. STATUS_END when there are none. */
enum status segment_source_load(struct segment_source *source, struct error *error);
/* Instead of rows: the next block as it lies in the file, checked, valid until the next call.
 * STATUS_END after the last. */
enum status segment_source_next_block(struct segment_source *source,
                                      const struct block_descriptor **out_descriptor,
                                      const uint8_t **out_block, struct error *error);

/* What a mixed block holds of one tag: a single batch. */
struct mixed_source {
    struct source source;
    struct segment_bytes bytes;
    struct arena decoded;
};

void mixed_source_init(struct mixed_source *source);
void mixed_source_finish(struct mixed_source *source);

/* Finds it. STATUS_END when there is nothing in [from_ns, to_ns). */
enum status mixed_source_open(struct mixed_source *source, struct segment *segment,
                              struct identity identity, int64_t from_ns, int64_t to_ns,
                              struct error *error);
/* Of samples at hand, which stay in place. */
void mixed_source_set(struct mixed_source *source, const struct batch *batch, uint64_t sequence);

/* The run of a tag in a head. */
struct head_run_source {
    struct source source;
    struct head_run run;
    int64_t from_ns;
    int64_t to_ns;
};
enum status head_run_source_open(struct head_run_source *source, const struct head *head,
                                 uint32_t tag, int64_t from_ns, int64_t to_ns, struct error *error);

/* The bag of a tag in a head, as columns in the arena. */
struct head_bag_source {
    struct source source;
    const struct head_entry *entries;
    size_t entry_count;
    size_t entry_next;
    struct arena *arena; /* borrowed */
};
enum status head_bag_source_open(struct head_bag_source *source, const struct head *head,
                                 uint32_t tag, int64_t from_ns, int64_t to_ns, struct arena *arena,
                                 struct error *error);

#endif
