#include "storage/base/text.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/decimal.h"

__extension__ typedef unsigned __int128 uint128;

/* mantissa x 2^exponent, above zero. */
struct binary {
    uint64_t mantissa;
    int exponent;
    bool is_edge; /* the next number below is half as far away as the next one above */
};

/* What sets double and float apart. */
struct precision {
    int digits_sure;   /* so many digits survive the way through the binary form */
    int digits_enough; /* so many tell any two numbers apart */
    double least;      /* the least number of full precision */
};

static const struct precision precision_double = {DBL_DIG, DBL_DECIMAL_DIG, DBL_MIN};
static const struct precision precision_float = {FLT_DIG, FLT_DECIMAL_DIG, (double)FLT_MIN};

/* ---- Powers of ten ---- */

enum { INTEGER_TENS = 19 };

static const uint64_t integer_tens[INTEGER_TENS + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
    10000000000000000000U,
};

/* Up to 10^38. */
static uint128 wide_ten(int exponent)
{
    if (exponent <= INTEGER_TENS) return integer_tens[exponent];
    return (uint128)integer_tens[INTEGER_TENS] * integer_tens[exponent - INTEGER_TENS];
}

/* floor(log10(2^exponent)), for every exponent that a double has. */
static int log10_of_power(int exponent)
{
    return (exponent * 78913) >> 18;
}

/* ---- Binary to decimal: the fewest digits that read back, of those the closest ---- */

static struct binary binary_of_double(double magnitude)
{
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    uint64_t fraction = bits & 0xfffffffffffff;
    int biased = (int)(bits >> 52);
    if (biased == 0) return (struct binary){fraction, -1074, false};
    return (struct binary){fraction | (uint64_t)1 << 52, biased - 1075,
                           fraction == 0 && biased > 1};
}

static struct binary binary_of_float(float magnitude)
{
    uint32_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    uint32_t fraction = bits & 0x7fffff;
    int biased = (int)(bits >> 23);
    if (biased == 0) return (struct binary){fraction, -149, false};
    return (struct binary){fraction | (uint32_t)1 << 23, biased - 150, fraction == 0 && biased > 1};
}

static int binary_bits(struct binary binary)
{
    return 64 - __builtin_clzll(binary.mantissa);
}

static int binary_log10(struct binary binary)
{
    return log10_of_power(binary_bits(binary) - 1 + binary.exponent); /* or one too small */
}

/* Most values of a plant were decimals once. Such a one, of at most DBL_DIG digits, is less than
 * 1/4 away from the integer found here; that it divides back to the same bits proves it. No other
 * decimal of so many digits can. */
static bool decimal_guess(struct decimal *out_decimal, double magnitude, struct binary binary)
{
    int scale = DBL_DIG - 1 - binary_log10(binary);
    if (scale > EXACT_TENS) scale = EXACT_TENS;
    if (scale < -EXACT_TENS) return false;
    double scaled = scale < 0 ? magnitude / exact_tens[-scale] : magnitude * exact_tens[scale];
    if (scaled >= exact_tens[DBL_DIG]) {
        scale--;
        if (scale < -EXACT_TENS) return false;
        scaled = scale < 0 ? magnitude / exact_tens[-scale] : magnitude * exact_tens[scale];
    }
    *out_decimal = (struct decimal){(uint64_t)(scaled + 0.5), -scale};
    return decimal_simple_double(*out_decimal) == magnitude;
}

/* The number, and the distances to its neighbours, as integers of 128 bits in units of
 *
 *   1 / (4 x denominator) x 10^-scale        so that     number = numerator units
 *                                                   half a step = 2 x step units, or 1 at an edge
 */
struct scaled {
    uint128 numerator;
    uint128 denominator;
    uint128 step;
    int scale;
};

/* False when 128 bits do not hold it: about below 1e-5 (float 1e-22) and above 1e37. */
static bool scaled_make(struct scaled *out_scaled, struct binary binary, int scale)
{
    int left = binary.exponent > 0 ? binary.exponent : 0;
    int right = binary.exponent < 0 ? -binary.exponent : 0;
    int ten_bits = scale > 0 ? scale * 10 / 3 + 1 : 0;
    if (binary_bits(binary) + 3 + left + ten_bits > 128 || right > 125 || scale < -37) return false;

    uint128 step = wide_ten(scale > 0 ? scale : 0) << left;
    *out_scaled = (struct scaled){
        .numerator = (uint128)4 * binary.mantissa * step,
        .denominator = wide_ten(scale < 0 ? -scale : 0) << right,
        .step = step,
        .scale = scale,
    };
    return true;
}

/* Exact, for the magnitudes that plants have. */
static bool decimal_calculate(struct decimal *out_decimal, struct binary binary,
                              const struct precision *precision)
{
    struct scaled number;
    int digits_max = precision->digits_enough;
    int scale = digits_max - 1 - binary_log10(binary);
    if (!scaled_make(&number, binary, scale)) return false;
    uint64_t whole = (uint64_t)(number.numerator / (4 * number.denominator));
    if (whole >= integer_tens[digits_max]) {
        if (!scaled_make(&number, binary, scale - 1)) return false;
        whole = (uint64_t)(number.numerator / (4 * number.denominator));
    }

    /* A neighbour's half way reads back as this number when its mantissa is even. */
    uint64_t ties = binary.mantissa % 2 == 0;
    uint128 reach_up = 2 * number.step + ties;
    uint128 reach_down = (binary.is_edge ? 1 : 2) * number.step + ties;
    for (int count = precision->digits_sure;; count++) {
        ASSERT(count <= digits_max);
        uint64_t dropped = integer_tens[digits_max - count];
        uint64_t digits = whole / dropped;
        uint128 unit = 4 * number.denominator * dropped;
        uint128 below = number.numerator - digits * unit;
        uint128 above = unit - below;
        bool fits_down = below < reach_down;
        bool fits_up = above < reach_up;
        if (!fits_down && !fits_up) continue;
        bool is_up = above < below || (above == below && digits % 2 == 1);
        if (fits_down != fits_up) is_up = fits_up;
        *out_decimal = (struct decimal){digits + is_up, digits_max - count - number.scale};
        return true;
    }
}

static bool decimal_reads_back(struct decimal decimal, double magnitude,
                               const struct precision *precision)
{
    char text[2 * TEXT_NUMBER_BYTES_MAX]; /* without a point, since every locale has its own */
    (void)snprintf(text, sizeof text, "%" PRIu64 "e%d", decimal.digits, decimal.exponent);
    if (precision == &precision_float) return (double)strtof(text, NULL) == magnitude;
    return strtod(text, NULL) == magnitude;
}

/* The closest decimal of so many digits. */
static struct decimal decimal_of_digits(double magnitude, int count)
{
    char text[TEXT_NUMBER_BYTES_MAX];
    (void)snprintf(text, sizeof text, "%.*e", count - 1, magnitude);
    struct decimal decimal = {0};
    const char *next = text;
    for (; *next != 'e'; next++) {
        if (*next < '0' || *next > '9') continue; /* the point */
        decimal.digits = decimal.digits * 10 + (uint64_t)(*next - '0');
    }
    decimal.exponent = (int)strtol(next + 1, NULL, 10) - (count - 1);
    return decimal;
}

/* For all magnitudes, by trying. */
static struct decimal decimal_search(double magnitude, struct binary binary,
                                     const struct precision *precision)
{
    int count = magnitude < precision->least ? 1 : precision->digits_sure;
    for (;; count++) {
        struct decimal decimal = decimal_of_digits(magnitude, count);
        if (count == precision->digits_enough) return decimal;
        if (decimal_reads_back(decimal, magnitude, precision)) return decimal;
        /* At an edge the closest may be too far below, and the next one up still near enough. */
        decimal.digits++;
        if (binary.is_edge && decimal_reads_back(decimal, magnitude, precision)) return decimal;
    }
}

/* ---- Layout ---- */

enum { PLAIN_EXPONENT_MIN = -4, PLAIN_EXPONENT_MAX = 14 };

static void decimal_strip_zeros(struct decimal *decimal)
{
    uint64_t digits = decimal->digits;
    int stripped = 0;
    for (; digits % 100000000 == 0; stripped += 8) digits /= 100000000;
    if (digits % 10000 == 0) digits /= 10000, stripped += 4;
    if (digits % 100 == 0) digits /= 100, stripped += 2;
    if (digits % 10 == 0) digits /= 10, stripped += 1;
    decimal->digits = digits;
    decimal->exponent += stripped;
}

/* "d.ddde-05" */
static size_t scientific_write(char *target, const char *digits, size_t count, int exponent)
{
    char *next = target;
    *next++ = digits[0];
    if (count > 1) {
        *next++ = '.';
        memcpy(next, digits + 1, count - 1);
        next += count - 1;
    }
    *next++ = 'e';
    *next++ = exponent < 0 ? '-' : '+';
    exponent = abs(exponent);
    if (exponent < 10) *next++ = '0';
    next += text_from_i64(next, exponent);
    return (size_t)(next - target);
}

/* before digits stand before the point; or -before zeros behind it, ahead of the digits. */
static size_t plain_write(char *target, const char *digits, size_t count, int before)
{
    if (before <= 0) {
        size_t zeros = (size_t)-before;
        memcpy(target, "0.0000", 2 + zeros);
        memcpy(target + 2 + zeros, digits, count);
        return 2 + zeros + count;
    }
    size_t whole = (size_t)before;
    if (whole >= count) {
        memcpy(target, digits, count);
        memset(target + count, '0', whole - count);
        return whole;
    }
    memcpy(target, digits, whole);
    target[whole] = '.';
    memcpy(target + whole + 1, digits + whole, count - whole);
    return count + 1;
}

static size_t decimal_write(char *target, struct decimal decimal)
{
    decimal_strip_zeros(&decimal);
    char digits[TEXT_NUMBER_BYTES_MAX];
    size_t count = text_from_i64(digits, (int64_t)decimal.digits);
    int exponent = decimal.exponent + (int)count - 1;
    if (exponent < PLAIN_EXPONENT_MIN || exponent > PLAIN_EXPONENT_MAX) {
        return scientific_write(target, digits, count, exponent);
    }
    return plain_write(target, digits, count, exponent + 1);
}

static size_t nan_write(char *target, uint64_t bits, unsigned digits)
{
    target[0] = '0';
    target[1] = 'x';
    text_from_hex(target + 2, bits, digits);
    return 2 + digits;
}

/* Zero and infinity, without their sign; 0 when it is neither. */
static size_t limit_write(char *target, double magnitude)
{
    if (magnitude == 0) {
        *target = '0';
        return 1;
    }
    if (!isinf(magnitude)) return 0;
    for (size_t i = 0; i < 3; i++) target[i] = "inf"[i];
    return 3;
}

size_t text_from_double(char *target, double value)
{
    if (isnan(value)) return nan_write(target, bits_of_double(value), 16);
    size_t sign_bytes = signbit(value) ? 1 : 0;
    *target = '-';
    target += sign_bytes;
    double magnitude = fabs(value);
    size_t size = limit_write(target, magnitude);
    if (size > 0) return sign_bytes + size;

    struct decimal decimal;
    struct binary binary = binary_of_double(magnitude);
    if (!decimal_guess(&decimal, magnitude, binary) &&
        !decimal_calculate(&decimal, binary, &precision_double)) {
        decimal = decimal_search(magnitude, binary, &precision_double);
    }
    return sign_bytes + decimal_write(target, decimal);
}

size_t text_from_float(char *target, float value)
{
    if (isnan(value)) return nan_write(target, bits_of_float(value), 8);
    size_t sign_bytes = signbit(value) ? 1 : 0;
    *target = '-';
    target += sign_bytes;
    float magnitude = fabsf(value);
    size_t size = limit_write(target, (double)magnitude);
    if (size > 0) return sign_bytes + size;

    struct decimal decimal;
    struct binary binary = binary_of_float(magnitude);
    if (!decimal_calculate(&decimal, binary, &precision_float)) {
        decimal = decimal_search((double)magnitude, binary, &precision_float);
    }
    return sign_bytes + decimal_write(target, decimal);
}
