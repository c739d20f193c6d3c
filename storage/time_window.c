#include "storage/time_window.h"

#include "storage/base/calendar.h"

#define DAY_NS INT64_C(86400000000000)

enum { ERA_MONTHS_BEFORE = 60 * 12, ERA_MONTHS_AFTER = 12 };

static int64_t day_of(int64_t time_ns)
{
    int64_t day = time_ns / DAY_NS;
    return time_ns % DAY_NS < 0 ? day - 1 : day;
}

/* The first and the last day that a time can name begin before and end after all times. */
static int64_t day_begin_ns(int64_t day)
{
    int64_t begin_ns;
    if (!__builtin_mul_overflow(day, DAY_NS, &begin_ns)) return begin_ns;
    return day < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t month_begin_ns(int64_t month)
{
    int64_t year = month >= 0 ? month / 12 : (month - 11) / 12;
    return day_begin_ns(calendar_days_from_date(year, (unsigned)(month - year * 12) + 1, 1));
}

/* Months since the year 0. */
static int64_t month_of(int64_t time_ns)
{
    int64_t year;
    unsigned month, day;
    calendar_date_from_days(day_of(time_ns), &year, &month, &day);
    return year * 12 + month - 1;
}

struct time_window time_window_all(uint32_t level)
{
    return (struct time_window){INT64_MIN, INT64_MAX, level};
}

bool time_window_is_all(const struct time_window *window)
{
    return window->from_ns == INT64_MIN && window->to_ns == INT64_MAX;
}

struct time_window time_window_day(int64_t time_ns)
{
    int64_t day = day_of(time_ns);
    return (struct time_window){day_begin_ns(day), day_begin_ns(day + 1), SEGMENT_DAY};
}

struct time_window time_window_month(int64_t time_ns)
{
    int64_t month = month_of(time_ns);
    return (struct time_window){month_begin_ns(month), month_begin_ns(month + 1), SEGMENT_MONTH};
}

struct time_window time_window_era(int64_t now_ns)
{
    int64_t month = month_of(now_ns);
    return (struct time_window){month_begin_ns(month - ERA_MONTHS_BEFORE),
                                month_begin_ns(month + 1 + ERA_MONTHS_AFTER), SEGMENT_STRETCH};
}

int time_window_compare(const struct time_window *a, const struct time_window *b)
{
    if (a->level != b->level) return a->level < b->level ? -1 : 1;
    if (a->from_ns != b->from_ns) return a->from_ns < b->from_ns ? -1 : 1;
    return a->to_ns < b->to_ns ? -1 : a->to_ns > b->to_ns;
}
