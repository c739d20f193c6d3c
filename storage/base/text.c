#include "storage/base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

/* ---- Numbers to text ---- */

enum { EXACT_DIGITS = 15, DIGITS_MAX = 20, POWER_EXACT_MAX = 22 };

static const double powers_of_ten[POWER_EXACT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A decimal: digits d1 d2 … stand for d1.d2… x 10^exponent. */
struct decimal {
    char digits[DIGITS_MAX];
    size_t digit_count; /* without trailing zeros; at least 1 */
    int exponent;
};

static size_t write_u64(char *target, uint64_t value)
{
    char reversed[DIGITS_MAX];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < count; i++) target[i] = reversed[count - 1 - i];
    return count;
}

static void decimal_trim(struct decimal *decimal)
{
    while (decimal->digit_count > 1 && decimal->digits[decimal->digit_count - 1] == '0') {
        decimal->digit_count--;
    }
}

/* Most values of a plant are decimals of a few digits: then some power of ten makes an integer of
 * them, and dividing that by the power, which is one exact rounding, gives the value again. */
static bool decimal_from_scaled(struct decimal *decimal, double value)
{
    static const double integer_max = 1e15; /* at most 15 digits: no other decimal is as short */
    for (int scale = 0; scale <= 9; scale++) {
        double scaled = value * powers_of_ten[scale];
        if (scaled >= integer_max) return false;
        double rounded = nearbyint(scaled);
        if (rounded < 1 || rounded / powers_of_ten[scale] != value) continue;
        decimal->digit_count = write_u64(decimal->digits, (uint64_t)rounded);
        decimal->exponent = (int)decimal->digit_count - 1 - scale;
        decimal_trim(decimal);
        return true;
    }
    return false;
}

/* The digits of value rounded to so many, from the C library, which rounds exactly; printed gets
 * the text they were taken from. */
static void decimal_from_printed(struct decimal *decimal, double value, int digit_count,
                                 char printed[TEXT_NUMBER_BYTES_MAX])
{
    (void)snprintf(printed, TEXT_NUMBER_BYTES_MAX, "%.*e", digit_count - 1, value);
    decimal->digits[0] = printed[0];
    size_t count = 1;
    const char *next = printed + 1;
    if (*next == '.') {
        for (next++; *next != 'e'; next++) decimal->digits[count++] = *next;
    }
    decimal->digit_count = count;
    decimal->exponent = (int)strtol(next + 1, NULL, 10);
    decimal_trim(decimal);
}

/* Plain from 10^-4 up to 15 digits before the point, else with an exponent. */
static size_t decimal_write(char *target, const struct decimal *decimal)
{
    char *next = target;
    int count = (int)decimal->digit_count;
    int exponent = decimal->exponent;
    if (exponent < -4 || exponent >= EXACT_DIGITS) {
        *next++ = decimal->digits[0];
        if (count > 1) {
            *next++ = '.';
            memcpy(next, decimal->digits + 1, (size_t)count - 1);
            next += count - 1;
        }
        *next++ = 'e';
        *next++ = exponent < 0 ? '-' : '+';
        unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
        if (magnitude < 10) *next++ = '0';
        next += write_u64(next, magnitude);
    } else if (exponent < 0) {
        *next++ = '0';
        *next++ = '.';
        for (int i = -1; i > exponent; i--) *next++ = '0';
        memcpy(next, decimal->digits, (size_t)count);
        next += count;
    } else {
        for (int i = 0; i <= exponent; i++) *next++ = i < count ? decimal->digits[i] : '0';
        if (count > exponent + 1) {
            *next++ = '.';
            memcpy(next, decimal->digits + exponent + 1, (size_t)(count - exponent - 1));
            next += count - exponent - 1;
        }
    }
    return (size_t)(next - target);
}

/* What has no digits: 0 when value is an ordinary number above 0. */
static size_t write_special(char *target, bool negative, bool is_nan, bool is_infinite,
                            bool is_zero, uint64_t bits, unsigned hex_digits)
{
    if (is_nan) {
        memcpy(target, "0x", 2);
        text_from_hex(target + 2, bits, hex_digits);
        return 2 + hex_digits;
    }
    const char *word = is_infinite ? (negative ? "-inf" : "inf") : negative ? "-0" : "0";
    if (!is_infinite && !is_zero) return 0;
    size_t size = strlen(word);
    memcpy(target, word, size);
    return size;
}

size_t text_from_double(char *target, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bool negative = bits >> 63;
    size_t size = write_special(target, negative, isnan(value), isinf(value), value == 0, bits, 16);
    if (size > 0) return size;

    if (negative) target[size++] = '-';
    double magnitude = fabs(value);
    struct decimal decimal;
    if (!decimal_from_scaled(&decimal, magnitude)) {
        /* Below the normal range fewer digits than 15 may do, so all counts are tried there. */
        bool is_subnormal = magnitude < 0x1p-1022;
        for (int count = is_subnormal ? 1 : EXACT_DIGITS; count <= 17; count++) {
            char printed[TEXT_NUMBER_BYTES_MAX];
            decimal_from_printed(&decimal, magnitude, count, printed);
            if (strtod(printed, NULL) == magnitude) break;
        }
    }
    return size + decimal_write(target + size, &decimal);
}

size_t text_from_float(char *target, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bool negative = bits >> 31;
    size_t size = write_special(target, negative, isnan(value), isinf(value), value == 0, bits, 8);
    if (size > 0) return size;

    if (negative) target[size++] = '-';
    float magnitude = fabsf(value);
    struct decimal decimal;
    bool is_subnormal = magnitude < 0x1p-126f;
    for (int count = is_subnormal ? 1 : 6; count <= 9; count++) {
        char printed[TEXT_NUMBER_BYTES_MAX];
        decimal_from_printed(&decimal, (double)magnitude, count, printed);
        if (strtof(printed, NULL) == magnitude) break;
    }
    return size + decimal_write(target + size, &decimal);
}

size_t text_from_i64(char *target, int64_t value)
{
    size_t size = 0;
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        target[size++] = '-';
        magnitude = 0 - magnitude;
    }
    return size + write_u64(target + size, magnitude);
}

void text_from_hex(char *target, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0;) {
        target[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

/* ---- Text to numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_to_i64(const char *text, size_t size, int64_t *out_value)
{
    size_t at = 0;
    bool negative = size > 0 && text[0] == '-';
    if (size > 0 && (text[0] == '-' || text[0] == '+')) at = 1;
    if (at == size) return false;
    uint64_t magnitude = 0;
    for (; at < size; at++) {
        if (!is_digit(text[at])) return false;
        if (__builtin_mul_overflow(magnitude, (uint64_t)10, &magnitude)) return false;
        if (__builtin_add_overflow(magnitude, (uint64_t)(text[at] - '0'), &magnitude)) return false;
    }
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (magnitude > limit) return false;
    *out_value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

bool text_to_hex(const char *text, size_t size, uint64_t *out_value)
{
    if (size == 0 || size > 16) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        unsigned digit;
        if (is_digit(c)) {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (unsigned)(c - 'A') + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    *out_value = value;
    return true;
}

/* A decimal number taken apart: mantissa x 10^exponent, as far as 19 digits hold it. */
struct scan {
    bool negative;
    bool is_exact; /* no digit was left out of the mantissa */
    uint64_t mantissa;
    int exponent;
};

/* Whether all of the text is a decimal number. */
static bool scan_decimal(const char *text, size_t size, struct scan *scan)
{
    *scan = (struct scan){.is_exact = true};
    size_t at = 0;
    if (size > 0 && (text[0] == '-' || text[0] == '+')) {
        scan->negative = text[0] == '-';
        at = 1;
    }
    size_t digits = 0, significant = 0;
    bool behind_point = false;
    for (; at < size; at++) {
        char c = text[at];
        if (c == '.' && !behind_point) {
            behind_point = true;
            continue;
        }
        if (!is_digit(c)) break;
        digits++;
        if (significant < 19) {
            scan->mantissa = scan->mantissa * 10 + (uint64_t)(c - '0');
            if (scan->mantissa > 0) significant++;
            scan->exponent -= behind_point;
        } else {
            if (c != '0') scan->is_exact = false;
            scan->exponent += !behind_point;
        }
    }
    if (digits == 0) return false;
    if (at == size) return true;
    if (text[at] != 'e' && text[at] != 'E') return false;
    int64_t exponent;
    if (size - at > 8 || !text_to_i64(text + at + 1, size - at - 1, &exponent)) return false;
    scan->exponent += (int)exponent;
    return true;
}

static bool word_is(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

/* inf, -inf, +inf, and 0x with the digits of a NaN's bits. */
static bool text_to_special(const char *text, size_t size, double *out_value)
{
    size_t sign = size > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    if (word_is(text + sign, size - sign, "inf")) {
        *out_value = text[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return false;
}

static bool text_to_nan_bits(const char *text, size_t size, unsigned digits, uint64_t *out_bits)
{
    return size == digits + 2 && text[0] == '0' && text[1] == 'x' &&
           text_to_hex(text + 2, digits, out_bits);
}

/* A copy that ends with a zero, for the C library. NULL when it is too long to be worth it. */
static const char *text_ended(const char *text, size_t size, char *target, size_t target_bytes)
{
    if (size >= target_bytes) return NULL;
    memcpy(target, text, size);
    target[size] = 0;
    return target;
}

enum { DECIMAL_BYTES_MAX = 1024 };

bool text_to_double(const char *text, size_t size, double *out_value)
{
    struct scan scan;
    if (!scan_decimal(text, size, &scan)) {
        uint64_t bits;
        if (text_to_special(text, size, out_value)) return true;
        if (!text_to_nan_bits(text, size, 16, &bits)) return false;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isnan(value)) return false;
        *out_value = value;
        return true;
    }
    /* Both factors are exact, so there is one rounding, and it is the right one. */
    if (scan.is_exact && scan.mantissa <= (UINT64_C(1) << 53) &&
        scan.exponent >= -POWER_EXACT_MAX && scan.exponent <= POWER_EXACT_MAX) {
        double value = (double)scan.mantissa;
        value = scan.exponent < 0 ? value / powers_of_ten[-scan.exponent]
                                  : value * powers_of_ten[scan.exponent];
        *out_value = scan.negative ? -value : value;
        return true;
    }
    char copy[DECIMAL_BYTES_MAX];
    const char *ended = text_ended(text, size, copy, sizeof copy);
    if (!ended) return false;
    double value = strtod(ended, NULL);
    if (isinf(value)) return false; /* out of range */
    *out_value = value;
    return true;
}

bool text_to_float(const char *text, size_t size, float *out_value)
{
    struct scan scan;
    if (!scan_decimal(text, size, &scan)) {
        double special;
        uint64_t bits;
        if (text_to_special(text, size, &special)) {
            *out_value = (float)special;
            return true;
        }
        if (!text_to_nan_bits(text, size, 8, &bits)) return false;
        uint32_t narrow = (uint32_t)bits;
        float value;
        memcpy(&value, &narrow, sizeof value);
        if (!isnan(value)) return false;
        *out_value = value;
        return true;
    }
    char copy[DECIMAL_BYTES_MAX];
    const char *ended = text_ended(text, size, copy, sizeof copy);
    if (!ended) return false;
    float value = strtof(ended, NULL);
    if (isinf(value)) return false;
    *out_value = value;
    return true;
}

/* ---- Patterns and names ---- */

/* Steps over one character of UTF-8. */
static const char *next_character(const char *text)
{
    text++;
    while (((unsigned char)*text & 0xc0) == 0x80) text++;
    return text;
}

/* Whether the character at text is in the set that begins behind '['; *out_end is behind its ']'.
 * A set that never ends matches nothing. */
static bool set_matches(const char *set, char c, const char **out_end)
{
    bool negated = *set == '!' || *set == '^';
    bool found = false;
    const char *next = set + (negated ? 1 : 0);
    bool is_first = true;
    while (*next && (is_first || *next != ']')) {
        is_first = false;
        char low = *next++;
        char high = low;
        if (next[0] == '-' && next[1] && next[1] != ']') {
            high = next[1];
            next += 2;
        }
        if ((unsigned char)c >= (unsigned char)low && (unsigned char)c <= (unsigned char)high) {
            found = true;
        }
    }
    *out_end = *next ? next + 1 : NULL;
    return *next && found != negated;
}

/* Matches one element of the pattern (not '*') against one character; NULL when it does not. */
static const char *element_matches(const char *pattern, const char *text, const char **out_text)
{
    if (!*text) return NULL;
    *out_text = text + 1;
    if (*pattern == '?') {
        *out_text = next_character(text);
        return pattern + 1;
    }
    if (*pattern == '[') {
        const char *end;
        bool matches = set_matches(pattern + 1, *text, &end);
        return matches ? end : NULL;
    }
    if (*pattern == '\\' && pattern[1]) pattern++;
    return *pattern == *text ? pattern + 1 : NULL;
}

bool text_matches(const char *pattern, const char *text)
{
    /* Only the last star ever needs to be widened. */
    const char *star = NULL, *star_text = NULL;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            star_text = text;
            continue;
        }
        const char *next_text = text;
        const char *next = *pattern ? element_matches(pattern, text, &next_text) : NULL;
        if (next) {
            pattern = next;
            text = next_text;
            continue;
        }
        if (!*pattern && !*text) return true;
        if (!star || !*star_text) return false;
        star_text = next_character(star_text);
        text = star_text;
        pattern = star;
    }
}

/* Bytes of the well-formed character at text; 0 when it is none. */
static size_t character_bytes(const unsigned char *text, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = text[0];
    if (lead < 0x80) return 1;
    size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || bytes > size) return 0;
    uint32_t code = lead & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[bytes] || code > 0x10ffff || is_surrogate ? 0 : bytes;
}

bool text_is_clean_utf8(const char *text, size_t size)
{
    const unsigned char *next = (const unsigned char *)text;
    const unsigned char *end = next + size;
    while (next < end) {
        size_t bytes = character_bytes(next, (size_t)(end - next));
        if (bytes == 0 || *next < 0x20 || *next == 0x7f) return false;
        next += bytes;
    }
    return true;
}

unsigned text_distance(const char *left, const char *right, unsigned limit)
{
    enum { WORD_MAX = 64 };
    size_t left_size = strlen(left), right_size = strlen(right);
    if (left_size > WORD_MAX || right_size > WORD_MAX) return limit + 1;
    unsigned row[WORD_MAX + 1];
    for (size_t j = 0; j <= right_size; j++) row[j] = (unsigned)j;
    for (size_t i = 1; i <= left_size; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= right_size; j++) {
            unsigned best = diagonal + (left[i - 1] != right[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[right_size] <= limit ? row[right_size] : limit + 1;
}
