/* Goal:   no text can crash the readers of numbers, times and patterns, and what they read comes back
 *         from what they write.
 * Method: any bytes given to each of them; a number or time that comes out is written and read again, and
 *         must have the same bits. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/text.h"
#include "storage/base/time_text.h"
#include "tests/fuzz/fuzz.h"

static void check_numbers(const char *text, size_t size)
{
    char again[TEXT_NUMBER_BYTES_MAX];
    double number, number_again;
    if (text_to_double(text, size, &number)) {
        size_t again_size = text_from_double(again, number);
        ASSERT(again_size <= sizeof again && text_to_double(again, again_size, &number_again));
        ASSERT(memcmp(&number, &number_again, sizeof number) == 0);
    }
    float single, single_again;
    if (text_to_float(text, size, &single)) {
        size_t again_size = text_from_float(again, single);
        ASSERT(again_size <= sizeof again && text_to_float(again, again_size, &single_again));
        ASSERT(memcmp(&single, &single_again, sizeof single) == 0);
    }
    int64_t integer, integer_again;
    if (text_to_i64(text, size, &integer)) {
        size_t again_size = text_from_i64(again, integer);
        ASSERT(again_size <= sizeof again && text_to_i64(again, again_size, &integer_again));
        ASSERT(integer == integer_again);
    }
}

static void check_times(const char *text, size_t size)
{
    char again[TIME_TEXT_BYTES_MAX];
    int64_t ns, ns_again;
    if (time_text_to_ns(text, size, 3600, &ns)) {
        size_t again_size = time_text_from_ns(again, ns);
        ASSERT(again_size <= sizeof again && time_text_to_ns(again, again_size, 0, &ns_again));
        ASSERT(ns == ns_again);
    }
    if (time_text_to_duration_ns(text, size, &ns)) {
        size_t again_size = time_text_from_duration_ns(again, ns);
        ASSERT(again_size <= sizeof again &&
               time_text_to_duration_ns(again, again_size, &ns_again));
        ASSERT(ns == ns_again);
    }
}

/* The first line is the pattern. */
static void check_pattern(const char *text)
{
    char *pattern = strdup(text);
    ASSERT(pattern);
    char *rest = strchr(pattern, '\n');
    if (rest) *rest++ = 0;
    (void)text_matches(pattern, rest ? rest : "");
    if (rest) (void)text_distance(pattern, rest, 3);
    ASSERT(text_matches("*", pattern));
    free(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);
    ASSERT(text);
    if (size > 0) memcpy(text, bytes, size);
    text[size] = 0;
    check_numbers((const char *)bytes, size);
    check_times((const char *)bytes, size);
    check_pattern(text);
    uint64_t hex;
    (void)text_to_hex((const char *)bytes, size, &hex);
    (void)text_is_clean_utf8((const char *)bytes, size);
    free(text);
    return 0;
}
