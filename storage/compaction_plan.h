/* Which segments to merge next.
 *
 * Pure: it sees only its arguments, so every case is one row of a table in
 * tests/storage/compaction_plan_test.c. compaction.h does the merging. Any segments may be merged
 * with any others; neighbours by size are taken, so that a byte is rewritten a logarithmic number
 * of times. */
#ifndef STORAGE_COMPACTION_PLAN_H
#define STORAGE_COMPACTION_PLAN_H

#include <stddef.h>
#include <stdint.h>

struct compaction_limits {
    size_t merge_count_min;   /* so many of about one size are worth a merge */
    size_t merge_count_max;   /* sources of one merge */
    unsigned size_ratio;      /* "about one size": the largest at most so many times the smallest */
    uint64_t small_bytes;     /* below it all count as of one size */
    size_t segment_count_max; /* above it the smallest are merged whatever their sizes */
};

/* Sizes in rising order; the segments first_index .. first_index + count - 1 are to be merged.
 * count 0: nothing to do. */
struct compaction_plan {
    size_t first_index;
    size_t count;
};

struct compaction_plan compaction_plan(const uint64_t *segment_bytes, size_t segment_count,
                                       const struct compaction_limits *limits);

#endif
