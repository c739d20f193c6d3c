#include "storage/base/text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "storage/base/bytes.h"
#include "storage/base/decimal.h"

enum {
    EXPONENT_MAX = 9999,   /* beyond it any digits we pass on are 0 or infinite */
    DIGITS_SHORT_MAX = 18, /* fit int64_t */
    DIGITS_LONG_MAX = 800, /* the middle between two doubles has 767 at most */
    LONG_TEXT_BYTES = DIGITS_LONG_MAX + 2 * TEXT_NUMBER_BYTES_MAX,
};

enum form {
    FORM_NONE, /* not a number */
    FORM_DECIMAL,
    FORM_LONG, /* a decimal of more than DIGITS_SHORT_MAX digits */
    FORM_INFINITY,
    FORM_NAN,
};

/* A text taken apart. */
struct number_text {
    bool is_negative;
    struct decimal decimal; /* of FORM_DECIMAL */
    const char *mantissa;   /* of FORM_LONG: borrowed; digits and at most one point */
    const char *mantissa_end;
    int64_t mantissa_exponent; /* of its last digit */
};

/* ---- The text ---- */

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool exponent_read(const char *next, const char *end, int64_t *out_exponent)
{
    static const int64_t far = 1000000000000000; /* no fraction is long enough to make up for it */
    bool is_negative = next < end && *next == '-';
    if (next < end && (*next == '-' || *next == '+')) next++;
    if (next == end) return false;
    int64_t exponent = 0;
    for (; next < end && is_digit(*next); next++) {
        if (exponent < far) exponent = exponent * 10 + (*next - '0');
    }
    *out_exponent = is_negative ? -exponent : exponent;
    return next == end;
}

static int exponent_limit(int64_t exponent)
{
    if (exponent > EXPONENT_MAX) return EXPONENT_MAX;
    if (exponent < -EXPONENT_MAX) return -EXPONENT_MAX;
    return (int)exponent;
}

static size_t significant_digits(const char *next, const char *end)
{
    while (next < end && (*next == '0' || *next == '.')) next++;
    size_t count = 0;
    for (; next < end; next++) count += is_digit(*next);
    return count;
}

static enum form decimal_read(struct number_text *number, const char *text, const char *end)
{
    const char *next = text;
    uint64_t digits = 0; /* wraps only where there are too many for it */
    for (; next < end && is_digit(*next); next++) digits = digits * 10 + (uint64_t)(*next - '0');
    size_t count = (size_t)(next - text);
    int64_t exponent = 0;
    if (next < end && *next == '.') {
        const char *fraction = ++next;
        for (; next < end && is_digit(*next); next++) {
            digits = digits * 10 + (uint64_t)(*next - '0');
        }
        count += (size_t)(next - fraction);
        exponent = fraction - next;
    }
    if (count == 0) return FORM_NONE;

    const char *mantissa_end = next;
    if (next < end) {
        int64_t shift;
        if (*next != 'e' && *next != 'E') return FORM_NONE;
        if (!exponent_read(next + 1, end, &shift)) return FORM_NONE;
        exponent += shift;
    }
    if (count > DIGITS_SHORT_MAX && significant_digits(text, mantissa_end) > DIGITS_SHORT_MAX) {
        number->mantissa = text;
        number->mantissa_end = mantissa_end;
        number->mantissa_exponent = exponent;
        return FORM_LONG;
    }
    number->decimal = (struct decimal){digits, exponent_limit(exponent)};
    return FORM_DECIMAL;
}

static bool text_is_word(const char *text, const char *end, const char *word)
{
    size_t size = (size_t)(end - text);
    return size == strlen(word) && strncasecmp(text, word, size) == 0;
}

static enum form number_read(struct number_text *number, const char *text, size_t size)
{
    const char *end = text + size;
    number->is_negative = size > 0 && *text == '-';
    if (size > 0 && (*text == '-' || *text == '+')) text++;

    enum form form = decimal_read(number, text, end);
    if (form != FORM_NONE) return form;
    if (text_is_word(text, end, "inf") || text_is_word(text, end, "infinity")) {
        return FORM_INFINITY;
    }
    return text_is_word(text, end, "nan") ? FORM_NAN : FORM_NONE;
}

/* "0x" and exactly so many digits. */
static bool bits_read(const char *text, size_t size, size_t digits, uint64_t *out_bits)
{
    return size == 2 + digits && text[0] == '0' && text[1] == 'x' &&
           text_to_hex(text + 2, digits, out_bits);
}

/* ---- For strtod(): without a point, since every locale has its own ---- */

static void decimal_print(char *target, struct decimal decimal)
{
    target += text_from_i64(target, (int64_t)decimal.digits);
    *target++ = 'e';
    target += text_from_i64(target, decimal.exponent);
    *target = 0;
}

/* What lies behind DIGITS_LONG_MAX digits matters only as "a little more". */
static void long_print(char *target, const struct number_text *number)
{
    int64_t exponent = number->mantissa_exponent;
    size_t count = 0;
    bool is_more = false;
    for (const char *next = number->mantissa; next < number->mantissa_end; next++) {
        if (*next == '.' || (*next == '0' && count == 0)) continue;
        if (count < DIGITS_LONG_MAX) {
            target[count++] = *next;
        } else {
            exponent++;
            is_more |= *next != '0';
        }
    }
    if (is_more) {
        target[count++] = '1';
        exponent--;
    }
    target[count++] = 'e';
    count += text_from_i64(target + count, exponent_limit(exponent));
    target[count] = 0;
}

static void number_print(char *target, enum form form, const struct number_text *number)
{
    if (form == FORM_LONG) {
        long_print(target, number);
    } else {
        decimal_print(target, number->decimal);
    }
}

/* ---- Rounding ---- */

static double number_to_double(enum form form, const struct number_text *number)
{
    if (form == FORM_DECIMAL && decimal_is_simple(number->decimal)) {
        return decimal_simple_double(number->decimal);
    }
    char text[LONG_TEXT_BYTES];
    number_print(text, form, number);
    return strtod(text, NULL);
}

/* Rounding to double first changes the float only if the double lies in the middle between two
 * floats: 1 and then zeros in the bits that the float lacks. (Below FLT_MIN it lacks more, but a
 * simple decimal is zero or at least 1e-22.) */
static bool rounds_twice(double value)
{
    enum { LOST_BITS = DBL_MANT_DIG - FLT_MANT_DIG };
    uint64_t lost = bits_of_double(value) & (((uint64_t)1 << LOST_BITS) - 1);
    return lost == (uint64_t)1 << (LOST_BITS - 1);
}

static float number_to_float(enum form form, const struct number_text *number)
{
    if (form == FORM_DECIMAL && decimal_is_simple(number->decimal)) {
        double value = decimal_simple_double(number->decimal);
        if (!rounds_twice(value)) return (float)value;
    }
    char text[LONG_TEXT_BYTES];
    number_print(text, form, number);
    return strtof(text, NULL);
}

bool text_to_double(const char *text, size_t size, double *out_value)
{
    uint64_t bits;
    if (bits_read(text, size, 16, &bits)) {
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isnan(value)) return false;
        memcpy(out_value, &bits, sizeof bits);
        return true;
    }
    struct number_text number;
    double value = 0;
    enum form form = number_read(&number, text, size);
    switch (form) {
    case FORM_NONE: return false;
    case FORM_INFINITY: value = (double)INFINITY; break;
    case FORM_NAN: value = (double)NAN; break;
    case FORM_DECIMAL:
    case FORM_LONG:
        value = number_to_double(form, &number);
        if (isinf(value)) return false;
        break;
    }
    *out_value = number.is_negative ? -value : value;
    return true;
}

bool text_to_float(const char *text, size_t size, float *out_value)
{
    uint64_t bits;
    if (bits_read(text, size, 8, &bits)) {
        uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        if (!isnan(value)) return false;
        memcpy(out_value, &half, sizeof half);
        return true;
    }
    struct number_text number;
    float value = 0;
    enum form form = number_read(&number, text, size);
    switch (form) {
    case FORM_NONE: return false;
    case FORM_INFINITY: value = INFINITY; break;
    case FORM_NAN: value = NAN; break;
    case FORM_DECIMAL:
    case FORM_LONG:
        value = number_to_float(form, &number);
        if (isinf(value)) return false;
        break;
    }
    *out_value = number.is_negative ? -value : value;
    return true;
}
