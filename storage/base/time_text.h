/* Times as people write them: RFC 3339 in UTC or with an offset, to the nanosecond. */
#ifndef STORAGE_BASE_TIME_TEXT_H
#define STORAGE_BASE_TIME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TIME_TEXT_BYTES_MAX = 40 };

/* "2026-03-01T06:00:00Z" with 0, 3, 6 or 9 digits of fraction as needed. Returns the length. */
size_t time_text_from_ns(char *target, int64_t time_ns);

/* RFC 3339, also with a space for the T, without seconds, and without an offset (then
 * offset_default_seconds applies). False when malformed, not a calendar date, or outside int64. */
bool time_text_to_ns(const char *text, size_t size, int32_t offset_default_seconds,
                     int64_t *out_time_ns);

/* "250ms", "10s", "5m", "8h", "7d", sums such as "1h30m"; false when malformed or too large. */
bool time_text_to_duration_ns(const char *text, size_t size, int64_t *out_duration_ns);
size_t time_text_from_duration_ns(char *target, int64_t duration_ns); /* "1h30m", "250ms" */

#endif
