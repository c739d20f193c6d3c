#include "storage/aggregate_plan.h"

#include <stdlib.h>

static int extent_order(const void *left, const void *right)
{
    const struct extent *a = left;
    const struct extent *b = right;
    if (a->first_ns != b->first_ns) return a->first_ns < b->first_ns ? -1 : 1;
    return 0;
}

static bool extents_rise(const struct extent *extents, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (extents[i].first_ns < extents[i - 1].first_ns) return false;
    }
    return true;
}

static bool is_masked(const struct extent *extent, const struct mask *masks, size_t mask_count)
{
    for (size_t i = 0; i < mask_count; i++) {
        if (masks[i].from_ns <= extent->last_ns && masks[i].to_ns > extent->first_ns) return true;
    }
    return false;
}

size_t aggregate_plan(struct extent *extents, size_t count, const struct mask *masks,
                      size_t mask_count, struct aggregate_piece *pieces)
{
    if (!extents_rise(extents, count)) qsort(extents, count, sizeof *extents, extent_order);
    size_t piece_count = 0;
    for (size_t i = 0; i < count;) {
        int64_t last_ns = extents[i].last_ns;
        size_t end = i + 1;
        for (; end < count && extents[end].first_ns <= last_ns; end++) {
            if (extents[end].last_ns > last_ns) last_ns = extents[end].last_ns;
        }
        bool is_alone =
            end == i + 1 && extents[i].is_plain && !is_masked(&extents[i], masks, mask_count);
        struct aggregate_piece *before = piece_count > 0 ? &pieces[piece_count - 1] : NULL;
        if (!is_alone && before && !before->block) {
            before->last_ns = last_ns;
        } else {
            pieces[piece_count++] = (struct aggregate_piece){
                .first_ns = extents[i].first_ns,
                .last_ns = last_ns,
                .block = is_alone ? &extents[i] : NULL,
            };
        }
        i = end;
    }
    return piece_count;
}
