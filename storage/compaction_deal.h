/* Compaction deal: into which windows the samples of loose segments go, at most so many at once.
 *
 *   samples by window   ▁ ▁ █ ▁ █ ▂ ▁ ▁ ▁ ▁ ▂ ▁ ▁
 *   outputs             [1 ][2][3][4][  5  ][ 6 ]     2 and 4 are windows, the others stretches
 *
 * A window that holds its share of the samples is an output, and so are all when they are few;
 * neighbours that hold little go into a stretch, to be dealt out on their own. So a byte is written
 * again a number of times that grows like the logarithm of the windows.
 *
 * D1  outputs rise in time, do not overlap, and cover every window that holds a sample
 * D2  there are at most output_count_max of them
 * D3  a stretch covers fewer windows that hold samples than there were
 *
 * Pure. */
#ifndef STORAGE_COMPACTION_DEAL_H
#define STORAGE_COMPACTION_DEAL_H

#include <stddef.h>

#include "storage/time_window.h"

enum { COMPACTION_OUTPUTS_MIN = 7 };

struct compaction_weight {
    struct time_window window;
    uint64_t sample_count; /* 0: certainly none */
};

/* weights rise in time. outputs has room for output_count_max, at least COMPACTION_OUTPUTS_MIN. */
size_t compaction_deal(struct time_window *outputs, size_t output_count_max,
                       const struct compaction_weight *weights, size_t count);

#endif
