/* Compaction: the samples of several segments, merged and settled, become segments that each lie in
 * one window of time.
 *
 *   segments ──▶ tag by tag ──▶ blocks that nothing overlaps: copied, byte for byte
 *                           └─▶ all else: merged, settled, encoded again    ──▶ one output a window
 *
 * Which windows and which blocks is for others to say (compaction_deal.h, copy_plan.h).
 *
 * Threads: one thread at a time. */
#ifndef STORAGE_COMPACTION_H
#define STORAGE_COMPACTION_H

#include "storage/segment_reader.h"
#include "storage/segment_writer.h"
#include "storage/time_window.h"

struct compaction_options {
    struct segment *const *segments;
    size_t segment_count;
    const struct time_window *windows; /* rising; they cover every sample */
    size_t window_count;
    uint32_t copy_samples_min; /* of a block that is copied */
    /* Begins an output. */
    enum status (*begin)(void *context, uint32_t level, struct segment_writer **out_writer,
                         uint64_t *out_number, struct error *error);
    /* So many bytes were written since the last call: may wait. */
    void (*pace)(void *context, uint64_t bytes);
    void *context;
};

struct compaction_result {
    uint64_t *numbers; /* of the outputs that were begun, finished or not; room for window_count */
    size_t count;
    uint64_t bytes;
    uint64_t copied_count; /* blocks, mixed ones not among them */
    uint64_t encoded_count;
};

/* Writes the outputs, durable under their names. After a failure it is for the caller to remove
 * those. */
enum status compaction_run(const struct compaction_options *options,
                           struct compaction_result *result, struct error *error);

#endif
