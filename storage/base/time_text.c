#include "storage/base/time_text.h"

#include <string.h>

#include "storage/base/calendar.h"
#include "storage/base/text.h"

#define SECOND_NS INT64_C(1000000000)

enum { DAY_SECONDS = 86400 };

static bool is_leap_year(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

static char *write_digits(char *target, uint64_t value, unsigned count)
{
    for (unsigned i = count; i-- > 0;) {
        target[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return target + count;
}

size_t time_text_from_ns(char *target, int64_t time_ns)
{
    int64_t seconds = time_ns / SECOND_NS;
    int64_t fraction = time_ns % SECOND_NS;
    if (fraction < 0) {
        fraction += SECOND_NS;
        seconds--;
    }
    int64_t days = seconds / DAY_SECONDS;
    int64_t of_day = seconds % DAY_SECONDS;
    if (of_day < 0) {
        of_day += DAY_SECONDS;
        days--;
    }
    int64_t year;
    unsigned month, day;
    calendar_date_from_days(days, &year, &month, &day);
    char *next = write_digits(target, (uint64_t)year, 4);
    *next++ = '-';
    next = write_digits(next, month, 2);
    *next++ = '-';
    next = write_digits(next, day, 2);
    *next++ = 'T';
    next = write_digits(next, (uint64_t)of_day / 3600, 2);
    *next++ = ':';
    next = write_digits(next, (uint64_t)of_day / 60 % 60, 2);
    *next++ = ':';
    next = write_digits(next, (uint64_t)of_day % 60, 2);
    if (fraction > 0) {
        unsigned digits = 9;
        while (fraction % 1000 == 0) {
            fraction /= 1000;
            digits -= 3;
        }
        *next++ = '.';
        next = write_digits(next, (uint64_t)fraction, digits);
    }
    *next++ = 'Z';
    return (size_t)(next - target);
}

/* What is left to read. */
struct scan {
    const char *next;
    const char *end;
};

static bool scan_is_at(const struct scan *scan, char c)
{
    return scan->next < scan->end && *scan->next == c;
}

static bool scan_take(struct scan *scan, char c)
{
    if (!scan_is_at(scan, c)) return false;
    scan->next++;
    return true;
}

static bool scan_digits(struct scan *scan, unsigned count, unsigned *out_value)
{
    if ((size_t)(scan->end - scan->next) < count) return false;
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned digit = (unsigned)(scan->next[i] - '0');
        if (digit > 9) return false;
        value = value * 10 + digit;
    }
    scan->next += count;
    *out_value = value;
    return true;
}

/* .5 .123456789: to nanoseconds, cut behind the ninth digit. */
static bool scan_fraction(struct scan *scan, int64_t *out_ns)
{
    int64_t ns = 0, digit_ns = SECOND_NS / 10;
    const char *begin = scan->next;
    while (scan->next < scan->end && *scan->next >= '0' && *scan->next <= '9') {
        ns += (*scan->next++ - '0') * digit_ns;
        digit_ns /= 10;
    }
    *out_ns = ns;
    return scan->next > begin;
}

/* Z, +01:00, -0530, +01, or nothing. */
static bool scan_offset(struct scan *scan, int32_t *offset_seconds)
{
    if (scan->next == scan->end) return true;
    if (scan_take(scan, 'Z') || scan_take(scan, 'z')) {
        *offset_seconds = 0;
        return true;
    }
    bool negative = scan_is_at(scan, '-');
    if (!scan_take(scan, '+') && !scan_take(scan, '-')) return false;
    unsigned hours, minutes = 0;
    if (!scan_digits(scan, 2, &hours)) return false;
    bool has_colon = scan_take(scan, ':');
    if ((has_colon || scan->next < scan->end) && !scan_digits(scan, 2, &minutes)) return false;
    if (hours > 23 || minutes > 59) return false;
    *offset_seconds = (int32_t)(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
}

/* hh:mm[:ss[.f]], into seconds of the day and nanoseconds. */
static bool scan_clock(struct scan *scan, int64_t *out_seconds, int64_t *out_ns)
{
    unsigned hour, minute, second = 0;
    if (!scan_digits(scan, 2, &hour) || !scan_take(scan, ':') || !scan_digits(scan, 2, &minute)) {
        return false;
    }
    if (scan_take(scan, ':')) {
        if (!scan_digits(scan, 2, &second)) return false;
        if (scan_take(scan, '.') && !scan_fraction(scan, out_ns)) return false;
    }
    if (hour > 23 || minute > 59 || second > 60) return false; /* 60: a leap second */
    *out_seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return true;
}

bool time_text_to_ns(const char *text, size_t size, int32_t offset_default_seconds,
                     int64_t *out_time_ns)
{
    struct scan scan = {text, text + size};
    unsigned year, month, day;
    if (!scan_digits(&scan, 4, &year) || !scan_take(&scan, '-') || !scan_digits(&scan, 2, &month) ||
        !scan_take(&scan, '-') || !scan_digits(&scan, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
    int64_t seconds = 0, ns = 0;
    int32_t offset_seconds = offset_default_seconds;
    if (scan.next < scan.end) {
        bool has_clock = scan_take(&scan, 'T') || scan_take(&scan, 't') || scan_take(&scan, ' ');
        if (!has_clock || !scan_clock(&scan, &seconds, &ns)) return false;
        if (!scan_offset(&scan, &offset_seconds) || scan.next != scan.end) return false;
    }
    seconds += calendar_days_from_date(year, month, day) * DAY_SECONDS - offset_seconds;
    /* The last second below zero may be out of range by itself, but not with its fraction. */
    if (seconds < 0 && ns > 0) {
        seconds++;
        ns -= SECOND_NS;
    }
    int64_t time_ns;
    if (__builtin_mul_overflow(seconds, SECOND_NS, &time_ns)) return false;
    if (__builtin_add_overflow(time_ns, ns, &time_ns)) return false;
    *out_time_ns = time_ns;
    return true;
}

static const struct {
    const char *name;
    int64_t ns;
} duration_units[] = {{"d", DAY_SECONDS *SECOND_NS},
                      {"h", 3600 * SECOND_NS},
                      {"m", 60 * SECOND_NS},
                      {"s", SECOND_NS},
                      {"ms", 1000000},
                      {"us", 1000},
                      {"ns", 1}};
enum { DURATION_UNIT_COUNT = sizeof duration_units / sizeof duration_units[0] };

bool time_text_to_duration_ns(const char *text, size_t size, int64_t *out_duration_ns)
{
    const char *next = text, *end = text + size;
    int64_t total_ns = 0;
    if (size == 0) return false;
    while (next < end) {
        const char *begin = next;
        while (next < end && *next >= '0' && *next <= '9') next++;
        int64_t count, part_ns;
        if (!text_to_i64(begin, (size_t)(next - begin), &count)) return false;
        const char *unit = next;
        while (next < end && *next >= 'a' && *next <= 'z') next++;
        size_t unit_bytes = (size_t)(next - unit);
        size_t found = 0;
        while (found < DURATION_UNIT_COUNT &&
               (strlen(duration_units[found].name) != unit_bytes ||
                memcmp(duration_units[found].name, unit, unit_bytes) != 0)) {
            found++;
        }
        if (found == DURATION_UNIT_COUNT) return false;
        if (__builtin_mul_overflow(count, duration_units[found].ns, &part_ns)) return false;
        if (__builtin_add_overflow(total_ns, part_ns, &total_ns)) return false;
    }
    *out_duration_ns = total_ns;
    return true;
}

size_t time_text_from_duration_ns(char *target, int64_t duration_ns)
{
    char *next = target;
    if (duration_ns <= 0) {
        target[0] = '0';
        target[1] = 's';
        return 2;
    }
    for (size_t i = 0; i < DURATION_UNIT_COUNT && duration_ns > 0; i++) {
        int64_t count = duration_ns / duration_units[i].ns;
        if (count == 0) continue;
        duration_ns -= count * duration_units[i].ns;
        next += text_from_i64(next, count);
        size_t unit_bytes = strlen(duration_units[i].name);
        memcpy(next, duration_units[i].name, unit_bytes);
        next += unit_bytes;
    }
    return (size_t)(next - target);
}
