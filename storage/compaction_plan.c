#include "storage/compaction_plan.h"

#include <stdlib.h>

#include "storage/base/assert.h"

#define HOUR_NS INT64_C(3600000000000)
#define DAY_NS (24 * HOUR_NS)

/* A flush every ten minutes makes nine segments of a day; a month has 280 of those, in three merges
 * of 96, which is fewer than four: so what comes in order is written twice by merges. */
const struct compaction_limits compaction_limits_usual = {
    .merge_count_max = 96,
    .merge_bytes_max = UINT64_C(4) << 30,
    .loose_count_min = 16,
    .loose_count_max = 32,
    .open_count_min = 64,
    .month_open_count_min = 96,
    .closed_count_min = 4,
    .window_count_max = 128,
    .segment_count_max = 512,
    .size_ratio = 4,
    .small_bytes = 64 << 10,
    .month_bytes_max = 256 << 20,
    .closed_after_ns = 6 * HOUR_NS,
    .output_count_max = 32,
};

const struct compaction_limits compaction_limits_all = {
    .merge_count_max = 96,
    .merge_bytes_max = UINT64_MAX,
    .loose_count_min = 1,
    .loose_count_max = SIZE_MAX,
    .open_count_min = 2,
    .month_open_count_min = 2,
    .closed_count_min = 2,
    .window_count_max = SIZE_MAX,
    .segment_count_max = SIZE_MAX,
    .size_ratio = UINT32_MAX,
    .small_bytes = UINT64_MAX,
    .month_bytes_max = 256 << 20,
    .closed_after_ns = 6 * HOUR_NS,
    .output_count_max = 32,
};

/* ---- Homes ---- */

static bool window_is_closed(const struct compaction_view *view, const struct time_window *window)
{
    return window->to_ns <= view->now_ns - view->limits->closed_after_ns &&
           !time_window_holds(window, view->newest_ns, view->newest_ns);
}

/* The newest sample that is not ahead of now. A segment that reaches ahead has others before. */
static int64_t newest_of(const struct compaction_view *view)
{
    int64_t newest_ns = INT64_MIN;
    for (size_t i = 0; i < view->count; i++) {
        const struct compaction_segment *segment = &view->segments[i];
        int64_t time_ns = segment->last_ns <= view->now_ns ? segment->last_ns : segment->first_ns;
        if (time_ns <= view->now_ns && time_ns > newest_ns) newest_ns = time_ns;
    }
    return newest_ns;
}

/* What is before the era, or after it. */
static struct time_window window_beyond(const struct compaction_view *view, int64_t time_ns)
{
    const struct time_window *era = &view->era;
    if (time_ns < era->from_ns) return (struct time_window){INT64_MIN, era->from_ns, era->level};
    return (struct time_window){era->to_ns, INT64_MAX, era->level};
}

/* The window that the segment lies in by its level: all of time when in none. */
static struct time_window window_of_level(const struct compaction_view *view,
                                          const struct compaction_segment *segment)
{
    bool is_stretch = segment->level == SEGMENT_STRETCH;
    struct time_window loose = time_window_all(is_stretch ? SEGMENT_STRETCH : SEGMENT_FLUSHED);
    struct time_window window = loose;
    if (segment->level == SEGMENT_DAY) window = time_window_day(segment->first_ns);
    if (segment->level == SEGMENT_MONTH) window = time_window_month(segment->first_ns);
    if (is_stretch && !time_window_holds(&view->era, segment->first_ns, segment->first_ns)) {
        window = window_beyond(view, segment->first_ns);
    }
    bool fits = time_window_holds(&window, segment->first_ns, segment->last_ns);
    return fits ? window : loose;
}

static uint64_t month_bytes(const struct compaction_view *view, int64_t month_ns)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < view->count; i++) {
        if (view->segments[i].month_ns == month_ns) bytes += view->segments[i].bytes;
    }
    return bytes;
}

static int month_order(const void *left, const void *right)
{
    const struct compaction_segment *a = left;
    const struct compaction_segment *b = right;
    return a->month_ns < b->month_ns ? -1 : a->month_ns > b->month_ns;
}

static int home_order(const void *left, const void *right)
{
    const struct compaction_segment *a = left;
    const struct compaction_segment *b = right;
    int order = time_window_compare(&a->home, &b->home);
    if (order != 0) return order;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Closed days of a small month are at home in the month. */
static void view_move_up(struct compaction_view *view)
{
    qsort(view->segments, view->count, sizeof *view->segments, month_order);
    for (size_t first = 0, end; first < view->count; first = end) {
        int64_t month_ns = view->segments[first].month_ns;
        uint64_t bytes = 0;
        for (end = first; end < view->count && view->segments[end].month_ns == month_ns; end++) {
            bytes += view->segments[end].bytes;
        }
        if (month_ns == INT64_MIN || bytes > view->limits->month_bytes_max) continue;
        for (size_t i = first; i < end; i++) {
            struct time_window *home = &view->segments[i].home;
            if (window_is_closed(view, home)) *home = time_window_month(month_ns);
        }
    }
}

void compaction_view_init(struct compaction_view *view, struct compaction_segment *segments,
                          size_t count, int64_t now_ns, const struct compaction_limits *limits)
{
    ASSERT(limits->closed_count_min >= 2 && limits->open_count_min >= 2 &&
           limits->month_open_count_min >= 2 && limits->loose_count_min >= 1); /* K3 */
    ASSERT(limits->merge_count_max >= 2 && limits->size_ratio >= 1);
    *view = (struct compaction_view){
        .segments = segments, .count = count, .limits = limits, .now_ns = now_ns};
    view->newest_ns = newest_of(view);
    view->era = time_window_era(now_ns);
    for (size_t i = 0; i < count; i++) {
        struct compaction_segment *segment = &segments[i];
        segment->home = window_of_level(view, segment);
        bool has_month = segment->home.level == SEGMENT_DAY || segment->home.level == SEGMENT_MONTH;
        segment->month_ns = has_month ? time_window_month(segment->first_ns).from_ns : INT64_MIN;
    }
    view_move_up(view);
    qsort(segments, count, sizeof *segments, home_order);
}

struct time_window compaction_window(const struct compaction_view *view, int64_t time_ns)
{
    if (!time_window_holds(&view->era, time_ns, time_ns)) return window_beyond(view, time_ns);
    struct time_window month = time_window_month(time_ns);
    bool is_ahead = month.from_ns > view->now_ns + DAY_NS;
    bool is_whole = (is_ahead || window_is_closed(view, &month)) &&
                    month_bytes(view, month.from_ns) <= view->limits->month_bytes_max;
    return is_whole ? month : time_window_day(time_ns);
}

/* ---- Merges ---- */

static size_t count_min_of(const struct compaction_view *view, const struct time_window *home)
{
    const struct compaction_limits *limits = view->limits;
    if (home->level == SEGMENT_FLUSHED) return limits->loose_count_min;
    if (time_window_is_all(home)) return 1;
    if (home->level == SEGMENT_STRETCH || window_is_closed(view, home)) {
        return view->count > limits->segment_count_max ? 2 : limits->closed_count_min;
    }
    return home->level == SEGMENT_DAY ? limits->open_count_min : limits->month_open_count_min;
}

/* How many segments from the first on, in rising order of size, go into one merge: of about one
 * size, or of any. */
static size_t run_count(const struct compaction_segment *segments, size_t count, bool any_size,
                        const struct compaction_limits *limits)
{
    uint64_t smallest = segments[0].bytes;
    if (smallest < limits->small_bytes) smallest = limits->small_bytes;
    uint64_t left_bytes = limits->merge_bytes_max;
    size_t taken = 0;
    while (taken < count && taken < limits->merge_count_max) {
        uint64_t bytes = segments[taken].bytes;
        if (bytes > left_bytes) break;
        if (!any_size && bytes / limits->size_ratio > smallest) break;
        left_bytes -= bytes;
        taken++;
    }
    return taken;
}

/* Of one home. */
static struct compaction_plan plan_of_home(const struct compaction_view *view, size_t first,
                                           size_t count)
{
    const struct compaction_limits *limits = view->limits;
    const struct compaction_segment *segments = view->segments + first;
    struct compaction_plan plan = {.home = segments[0].home};
    size_t count_min = count_min_of(view, &plan.home);
    if (time_window_is_all(&plan.home) && plan.home.level == SEGMENT_STRETCH) count = 1;
    /* The smallest first: they cost least and are the most. */
    for (size_t i = 0; i + count_min <= count; i++) {
        plan.first_index = first + i;
        plan.count = run_count(segments + i, count - i, false, limits);
        if (plan.count >= count_min) return plan;
    }
    plan.first_index = first;
    plan.count = 0;
    bool is_loose = time_window_is_all(&plan.home);
    if (count <= (is_loose ? limits->loose_count_max : limits->window_count_max)) return plan;
    plan.count = run_count(segments, count, true, limits);
    if (plan.count < 2) plan.count = 0;
    return plan;
}

struct compaction_plan compaction_plan(const struct compaction_view *view)
{
    for (size_t first = 0, end; first < view->count; first = end) {
        end = first + 1;
        while (end < view->count &&
               time_window_compare(&view->segments[first].home, &view->segments[end].home) == 0) {
            end++;
        }
        struct compaction_plan plan = plan_of_home(view, first, end - first);
        if (plan.count > 0) return plan;
    }
    return (struct compaction_plan){0};
}
