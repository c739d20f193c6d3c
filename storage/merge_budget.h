/* Merge budget: how many bytes a second merges may write while the plant is at work. A bucket of
 * tokens: it fills at a rate, bytes that were written are taken out, and whoever finds it empty
 * waits until it is not.
 *
 *   segments that flushes made  0 ......... half ............ limit
 *   rate                        calm or busy  ↗ rises         no limit
 *
 * B1  foreground work comes first: while appends wait or commits are slow, merges get a fraction
 * B2  unless segments pile up: before appends would have to wait for merges, these go as fast as
 *     they can
 *
 * Pure: the caller says what time it is. */
#ifndef STORAGE_MERGE_BUDGET_H
#define STORAGE_MERGE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct merge_pressure {
    uint64_t flushed_count;     /* segments that no merge has taken yet */
    uint64_t flushed_count_max; /* at which appends wait */
    bool appends_wait;          /* for room in memory or in the log */
    int64_t commit_ns;          /* how long the last commit took */
};

struct merge_budget {
    int64_t tokens_bytes; /* below 0: owed */
    int64_t filled_ns;    /* monotonic */
};

void merge_budget_init(struct merge_budget *budget, int64_t now_ns);

/* Bytes a second; UINT64_MAX: no limit. */
uint64_t merge_budget_rate(const struct merge_pressure *pressure);

/* Takes out what was written, and says how long to wait before more is; 0: go on. */
int64_t merge_budget_take(struct merge_budget *budget, uint64_t bytes,
                          const struct merge_pressure *pressure, int64_t now_ns);

#endif
