/* Copy plan: which blocks of a tag a merge copies as they are.
 *
 *   blocks        [   a   ][   b   ]     [   c   ][d]
 *   a late sample              x
 *   copied        [   a   ]              [   c   ]        b is overlapped, d holds too little
 *
 * A block is copied when nothing else of the tag reaches into its times, when it lies in one
 * output, and when it is full enough: runs of small ones are better joined.
 *
 * Pure. */
#ifndef STORAGE_COPY_PLAN_H
#define STORAGE_COPY_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/time_window.h"

/* Samples that lie side by side: a main block, what a mixed block holds of the tag, or the cell of an
 * entry of its history. */
struct copy_extent {
    int64_t first_ns;
    int64_t last_ns;
    uint32_t sample_count; /* 0: no block that could be copied */
    uint32_t input;        /* the caller's: where the block lies, */
    uint32_t block;        /* and which it is */
    bool is_copied;        /* filled in */
};

/* Sorts the extents by time and says which are copied; windows are the outputs, rising. Returns how
 * many. */
size_t copy_plan(struct copy_extent *extents, size_t count, const struct time_window *windows,
                 size_t window_count, uint32_t sample_count_min);

#endif
