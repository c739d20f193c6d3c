#include "storage/base/time_text.h"

#include <inttypes.h>
#include <time.h>

#include "storage/base/random.h"
#include "tests/unit.h"

#define SECOND_NS INT64_C(1000000000)

static int64_t read_time(const char *text)
{
    int64_t time_ns;
    ck_assert_msg(time_text_to_ns(text, strlen(text), 0, &time_ns), "%s", text);
    return time_ns;
}

/* Goal:   a time is written with as much fraction as it has, over all of its range.
 * Method: rows, there and back. */
START_TEST(time_is_written_as_people_do)
{
    static const struct {
        const char *text;
        int64_t time_ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-03-01T06:00:00Z", 1772344800 * SECOND_NS},
        {"2026-03-01T06:00:00.123Z", 1772344800123000000},
        {"2026-03-01T06:00:00.100Z", 1772344800100000000},
        {"2026-03-01T06:00:00.000123Z", 1772344800000123000},
        {"2026-03-01T06:00:00.000000120Z", 1772344800000000120},
        {"1969-12-31T23:59:59.999999999Z", -1},
        {"2000-02-29T12:00:00Z", 951825600 * SECOND_NS},
        {"1677-09-21T00:12:43.145224192Z", INT64_MIN},
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TIME_TEXT_BYTES_MAX + 1];
        text[time_text_from_ns(text, cases[i].time_ns)] = 0;
        ck_assert_str_eq(text, cases[i].text);
        ck_assert_int_eq(read_time(text), cases[i].time_ns);
    }
}
END_TEST

/* Goal:   a time is read in every form that people and databases write it.
 * Method: rows that all mean 2026-03-01T06:00:00 UTC, for a place one hour ahead. */
START_TEST(time_is_read_in_its_forms)
{
    static const char *const forms[] = {
        "2026-03-01T06:00:00Z",
        "2026-03-01t06:00:00z",
        "2026-03-01 06:00:00Z",
        "2026-03-01T06:00Z",
        "2026-03-01T06:00:00.0Z",
        "2026-03-01T06:00:00.000000000Z",
        "2026-03-01T07:00:00+01:00",
        "2026-03-01T00:30:00-0530",
        "2026-03-01 06:00:00+00",
        "2026-03-02T05:59:00+23:59",
        "2026-02-28T20:00-10:00",
        "2026-03-01T05:59:60Z",
        "2026-03-01T06:59:60+01:00",
        "2026-03-01T07:00:00",
        "2026-03-01 07:00",
        "2026-03-01T06:59:60",
        "2026-03-01T06:00:00.000-00:00",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        int64_t time_ns;
        ck_assert_msg(time_text_to_ns(forms[i], strlen(forms[i]), 3600, &time_ns), "%s", forms[i]);
        ck_assert_msg(time_ns == 1772344800 * SECOND_NS, "%s", forms[i]);
    }
    int64_t midnight_ns;
    ck_assert(time_text_to_ns("2026-03-01", 10, 3600, &midnight_ns));
    ck_assert_int_eq(midnight_ns, (1772323200 - 3600) * SECOND_NS);
    ck_assert_int_eq(read_time("2016-12-31T23:59:60.5Z"), 1483228800 * SECOND_NS + SECOND_NS / 2);
    ck_assert_int_eq(read_time("1970-01-01T00:00:00.5Z"), SECOND_NS / 2);
    ck_assert_int_eq(read_time("1969-12-31T23:59:59.5Z"), -SECOND_NS / 2);
}
END_TEST

/* Goal:   what is no time is refused, and nothing behind the text is looked at.
 * Method: rows; each is followed by what would make some of them a time. */
START_TEST(time_is_all_of_the_text)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-03",
        "2026-03-0",
        "26-03-01",
        "02026-03-01",
        "2026-3-1",
        "2026/03/01",
        "20260301",
        " 2026-03-01",
        "2026-03-01 ",
        "2026-00-01",
        "2026-13-01",
        "2026-03-00",
        "2026-03-32",
        "2026-04-31",
        "2026-02-29",
        "1900-02-29",
        "2026-03-01T",
        "2026-03-01T06",
        "2026-03-01T06:",
        "2026-03-01T6:00",
        "2026-03-01T24:00:00Z",
        "2026-03-01T06:60:00Z",
        "2026-03-01T06:00:61Z",
        "2026-03-01T06:00:",
        "2026-03-01T06:00:00.",
        "2026-03-01T06:00:00.Z",
        "2026-03-01T06:00:00,5Z",
        "2026-03-01T06:00:00ZZ",
        "2026-03-01T06:00:00Z ",
        "2026-03-01T06:00:00 Z",
        "2026-03-01T06:00:00+1",
        "2026-03-01T06:00:00+01:",
        "2026-03-01T06:00:00+01:0",
        "2026-03-01T06:00:00+010",
        "2026-03-01T06:00:00+24:00",
        "2026-03-01T06:00:00+01:60",
        "2026-03-01T06:00:00+01:00Z",
        "2026-03-01X06:00:00Z",
        "-2026-03-01",
        "1677-09-21T00:12:43.145224191Z",
        "2262-04-11T23:47:16.854775808Z",
        "2262-04-11T23:47:17Z",
        "1677-09-21T00:12:42Z",
        "0000-01-01",
        "9999-12-31T23:59:59Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[64];
        int64_t time_ns = 4711;
        (void)snprintf(text, sizeof text, "%s00:00Z", texts[i]);
        ck_assert_msg(!time_text_to_ns(text, strlen(texts[i]), 0, &time_ns), "%s", texts[i]);
        ck_assert_int_eq(time_ns, 4711);
    }
}
END_TEST

/* Goal:   every day of the range has its date.
 * Method: walk the calendar day by day, with the rules for months and leap years as at school. */
START_TEST(time_knows_every_day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1678, month = 1, day = 1;
    for (int64_t time_ns = read_time("1678-01-01"); year < 2262; time_ns += 86400 * SECOND_NS) {
        char expected[64], text[TIME_TEXT_BYTES_MAX + 1];
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT00:00:00Z", year, month, day);
        text[time_text_from_ns(text, time_ns)] = 0;
        if (strcmp(text, expected) != 0) ck_abort_msg("%s, expected %s", text, expected);
        if (read_time(text) != time_ns) ck_abort_msg("%s", text);

        bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        int last = days[month - 1] + (month == 2 && is_leap);
        if (day++ < last) continue;
        day = 1;
        if (month++ < 12) continue;
        month = 1;
        year++;
    }
}
END_TEST

/* Goal:   every time comes back, and is the one that the system's calendar names.
 * Method: random times of all sizes and fractions; gmtime_r() is the twin. */
START_TEST(time_comes_back)
{
    static const int64_t units[] = {1, 1000, 1000000, 1000000000};
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 1));
    for (int i = 0; i < 200000; i++) {
        int64_t time_ns = (int64_t)random_u64(&random) >> random_below(&random, 64);
        time_ns -= time_ns % units[random_below(&random, 4)];
        char text[TIME_TEXT_BYTES_MAX], expected[32];
        size_t size = time_text_from_ns(text, time_ns);
        int64_t again;
        bool is_time = time_text_to_ns(text, size, 12345, &again);
        if (!is_time || again != time_ns)
            ck_abort_msg("%" PRId64 ": %.*s", time_ns, (int)size, text);

        time_t seconds = time_ns / SECOND_NS - (time_ns % SECOND_NS < 0);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        (void)strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm);
        if (memcmp(text, expected, 19) != 0) ck_abort_msg("%.*s: %s", (int)size, text, expected);
    }
}
END_TEST

/* Goal:   durations are read as people write them; what is none, or too long, is refused.
 * Method: rows. */
START_TEST(duration_is_read_as_people_write_it)
{
    static const struct {
        const char *text;
        bool is_duration;
        int64_t duration_ns;
    } cases[] = {
        {"0s", true, 0},
        {"250ms", true, 250000000},
        {"10s", true, 10 * SECOND_NS},
        {"5m", true, 300 * SECOND_NS},
        {"8h", true, 28800 * SECOND_NS},
        {"7d", true, 604800 * SECOND_NS},
        {"1h30m", true, 5400 * SECOND_NS},
        {"90m", true, 5400 * SECOND_NS},
        {"1s1ms1us1ns", true, 1001001001},
        {"106751d23h47m16s854ms775us807ns", true, INT64_MAX},
        {"106751d23h47m16s854ms775us808ns", false, 0},
        {"9223372036854775807ns", true, INT64_MAX},
        {"9223372036854775808ns", false, 0},
        {"99999999999999999999d", false, 0},
        {"106752d", false, 0},
        {"", false, 0},
        {"s", false, 0},
        {"10", false, 0},
        {"1h30", false, 0},
        {"1.5h", false, 0},
        {"-5m", false, 0},
        {"+5m", false, 0},
        {"5 m", false, 0},
        {"5m ", false, 0},
        {"5M", false, 0},
        {"5min", false, 0},
        {"5x", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        int64_t duration_ns = 0;
        (void)snprintf(text, sizeof text, "%ss", cases[i].text);
        bool is_duration = time_text_to_duration_ns(text, strlen(cases[i].text), &duration_ns);
        ck_assert_msg(is_duration == cases[i].is_duration, "%s", cases[i].text);
        ck_assert_msg(duration_ns == cases[i].duration_ns, "%s", cases[i].text);
    }
}
END_TEST

/* Goal:   durations are written in the fewest parts, and come back.
 * Method: rows; then random ones of all lengths. */
START_TEST(duration_comes_back)
{
    static const struct {
        int64_t duration_ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {5400 * SECOND_NS, "1h30m"},
        {250000000, "250ms"},
        {90061 * SECOND_NS, "1d1h1m1s"},
        {1, "1ns"},
        {INT64_MAX, "106751d23h47m16s854ms775us807ns"},
    };
    char text[TIME_TEXT_BYTES_MAX + 1];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text[time_text_from_duration_ns(text, cases[i].duration_ns)] = 0;
        ck_assert_str_eq(text, cases[i].text);
    }
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 2));
    for (int i = 0; i < 100000; i++) {
        int64_t duration_ns = (int64_t)(random_u64(&random) >> (1 + random_below(&random, 63)));
        size_t size = time_text_from_duration_ns(text, duration_ns);
        int64_t again;
        bool is_duration = time_text_to_duration_ns(text, size, &again);
        if (!is_duration || again != duration_ns) ck_abort_msg("%.*s", (int)size, text);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        time_is_written_as_people_do,
        time_is_read_in_its_forms,
        time_is_all_of_the_text,
        time_knows_every_day,
        time_comes_back,
        duration_is_read_as_people_write_it,
        duration_comes_back,
    };
    return unit_run("time_text", tests, sizeof tests / sizeof *tests);
}
