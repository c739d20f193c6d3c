#include "storage/copy_plan.h"

#include <stdlib.h>

static int extent_order(const void *left, const void *right)
{
    const struct copy_extent *a = left;
    const struct copy_extent *b = right;
    if (a->first_ns != b->first_ns) return a->first_ns < b->first_ns ? -1 : 1;
    return a->last_ns < b->last_ns ? -1 : a->last_ns > b->last_ns;
}

size_t copy_plan(struct copy_extent *extents, size_t count, const struct time_window *windows,
                 size_t window_count, uint32_t sample_count_min)
{
    qsort(extents, count, sizeof *extents, extent_order);
    size_t copied_count = 0, window = 0;
    int64_t reached_ns = INT64_MIN; /* by those before; no sample is as early */
    for (size_t i = 0; i < count; i++) {
        struct copy_extent *extent = &extents[i];
        while (window < window_count && windows[window].to_ns <= extent->first_ns) window++;
        bool is_alone = reached_ns < extent->first_ns &&
                        (i + 1 == count || extent->last_ns < extents[i + 1].first_ns);
        bool is_within = window < window_count &&
                         time_window_holds(&windows[window], extent->first_ns, extent->last_ns);
        extent->is_copied = is_alone && is_within && extent->sample_count > 0 &&
                            extent->sample_count >= sample_count_min;
        copied_count += extent->is_copied;
        if (extent->last_ns > reached_ns) reached_ns = extent->last_ns;
    }
    return copied_count;
}
