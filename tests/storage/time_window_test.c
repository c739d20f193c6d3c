/* One row a window: a time, and where the day or month that it lies in begins and ends. */
#include "storage/time_window.h"

#include "storage/base/time_text.h"
#include "tests/unit.h"

static int64_t ns(const char *text)
{
    int64_t time_ns = 0;
    if (strcmp(text, "first") == 0) return INT64_MIN;
    if (strcmp(text, "last") == 0) return INT64_MAX;
    ck_assert_msg(time_text_to_ns(text, strlen(text), 0, &time_ns), "%s", text);
    return time_ns;
}

static const struct {
    const char *why;
    const char *time;
    const char *day[2];
    const char *month[2];
} cases[] = {
    {"an ordinary day",
     "2026-03-15T12:00:00Z",
     {"2026-03-15", "2026-03-16"},
     {"2026-03-01", "2026-04-01"}},
    {"a day begins with its first nanosecond",
     "2026-03-15T00:00:00Z",
     {"2026-03-15", "2026-03-16"},
     {"2026-03-01", "2026-04-01"}},
    {"and ends before the next one's",
     "2026-03-15T23:59:59.999999999Z",
     {"2026-03-15", "2026-03-16"},
     {"2026-03-01", "2026-04-01"}},
    {"a year ends with December",
     "2025-12-31T23:00:00Z",
     {"2025-12-31", "2026-01-01"},
     {"2025-12-01", "2026-01-01"}},
    {"a leap day",
     "2024-02-29T01:00:00Z",
     {"2024-02-29", "2024-03-01"},
     {"2024-02-01", "2024-03-01"}},
    {"before 1970 days run the same way",
     "1969-12-31T23:59:59.999999999Z",
     {"1969-12-31", "1970-01-01"},
     {"1969-12-01", "1970-01-01"}},
    {"the first day is cut short",
     "1677-09-21T12:00:00Z",
     {"first", "1677-09-22"},
     {"first", "1677-10-01"}},
    {"the last one, too", "2262-04-11T12:00:00Z", {"2262-04-11", "last"}, {"2262-04-01", "last"}},
};

START_TEST(days_and_months_are_what_the_calendar_says)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t time_ns = ns(cases[i].time);
        struct time_window day = time_window_day(time_ns);
        struct time_window month = time_window_month(time_ns);
        ck_assert_msg(day.from_ns == ns(cases[i].day[0]) && day.to_ns == ns(cases[i].day[1]),
                      "%s: day", cases[i].why);
        ck_assert_msg(month.from_ns == ns(cases[i].month[0]) &&
                          month.to_ns == ns(cases[i].month[1]),
                      "%s: month", cases[i].why);
        ck_assert_int_eq(day.level, SEGMENT_DAY);
        ck_assert_int_eq(month.level, SEGMENT_MONTH);
        ck_assert(time_window_holds(&day, time_ns, time_ns));
        ck_assert(!time_window_holds(&day, time_ns, day.to_ns));
    }
}
END_TEST

START_TEST(the_era_reaches_from_sixty_years_ago_to_a_year_ahead)
{
    struct time_window era = time_window_era(ns("2026-03-15T12:00:00Z"));
    ck_assert_int_eq(era.from_ns, ns("1966-03-01"));
    ck_assert_int_eq(era.to_ns, ns("2027-04-01"));
    ck_assert(!time_window_is_all(&era));
    era = time_window_all(SEGMENT_FLUSHED);
    ck_assert(time_window_is_all(&era));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {days_and_months_are_what_the_calendar_says,
                                  the_era_reaches_from_sixty_years_ago_to_a_year_ahead};
    return unit_run("time_window", tests, sizeof tests / sizeof tests[0]);
}
