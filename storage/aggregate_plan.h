/* Which blocks of a tag may answer for themselves, and which stretches must be merged.
 *
 *   block a   |-----|                        alone: direct
 *   block b           |------|  mask         under a mask: merged
 *   block c                     |-----|      overlapped by samples of a head: merged
 *   head                           |----|
 *
 * Pure: every case is a row of a table in tests/storage/aggregate_plan_test.c. store_aggregate.c
 * follows it. */
#ifndef STORAGE_AGGREGATE_PLAN_H
#define STORAGE_AGGREGATE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/mask.h"

/* A place that holds samples of the tag, from first to last time. */
struct extent {
    int64_t first_ns;
    int64_t last_ns;
    bool is_plain;   /* one collected sample a time: a main block, a tag of a mixed one */
    bool is_mixed;   /* for whoever made it: this, ... */
    uint32_t source; /* ... which segment, ... */
    uint32_t index;  /* ... and which of its descriptors */
};

/* A stretch that no other piece overlaps. */
struct aggregate_piece {
    int64_t first_ns;
    int64_t last_ns;
    const struct extent *block; /* stands alone; NULL: to be merged */
};

/* Sorts the extents, unless they rise already. pieces has room for count; they rise in time, and two
 * that are to be merged never follow one another. */
size_t aggregate_plan(struct extent *extents, size_t count, const struct mask *masks,
                      size_t mask_count, struct aggregate_piece *pieces);

#endif
