/* Time window: the stretch of time that one segment of a level lies in.
 *
 * Pure. */
#ifndef STORAGE_TIME_WINDOW_H
#define STORAGE_TIME_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/segment_format.h"

struct time_window {
    int64_t from_ns; /* included */
    int64_t to_ns;   /* excluded; INT64_MAX, which no sample has, where time ends */
    uint32_t level;  /* enum segment_level */
};

/* All of time, for what has no window of its own yet. */
struct time_window time_window_all(uint32_t level);
bool time_window_is_all(const struct time_window *window);

/* The UTC day or month of a time. */
struct time_window time_window_day(int64_t time_ns);
struct time_window time_window_month(int64_t time_ns);

/* The months that are given to samples: what lies further from now has one window before and one
 * after them, or a clock that is wrong could make any number of files. */
struct time_window time_window_era(int64_t now_ns);

static inline bool time_window_holds(const struct time_window *window, int64_t first_ns,
                                     int64_t last_ns)
{
    return window->from_ns <= first_ns && last_ns < window->to_ns;
}

/* By level, then by time. */
int time_window_compare(const struct time_window *a, const struct time_window *b);

#endif
