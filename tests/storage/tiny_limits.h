/* Tiny limits: a plan that merges whatever it can, so that a short run of a test meets every sort of
 * merge. */
#ifndef TESTS_STORAGE_TINY_LIMITS_H
#define TESTS_STORAGE_TINY_LIMITS_H

#include "storage/base/random.h"
#include "storage/compaction_deal.h"
#include "storage/compaction_plan.h"

static inline struct compaction_limits tiny_limits(struct random *random)
{
    return (struct compaction_limits){
        .merge_count_max = 2 + random_below(random, 6),
        .merge_bytes_max = random_below(random, 4) == 0 ? 20000 : UINT64_MAX,
        .loose_count_min = 1 + random_below(random, 3),
        .loose_count_max = 2 + random_below(random, 3),
        .open_count_min = 2 + random_below(random, 2),
        .month_open_count_min = 2 + random_below(random, 2),
        .closed_count_min = 2,
        .window_count_max = 1 + random_below(random, 4),
        .segment_count_max = random_below(random, 10),
        .size_ratio = 1 + (unsigned)random_below(random, 4),
        .small_bytes = random_below(random, 10000),
        .month_bytes_max = random_below(random, 2) == 0 ? 12000 : UINT64_MAX,
        .closed_after_ns = (int64_t)random_below(random, 3600) * INT64_C(1000000000),
        .output_count_max = COMPACTION_OUTPUTS_MIN + random_below(random, 4),
    };
}

#endif
