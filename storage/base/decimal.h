/* Decimal: digits and a power of ten, on the way from or to a text. */
#ifndef STORAGE_BASE_DECIMAL_H
#define STORAGE_BASE_DECIMAL_H

#include <assert.h>
#include <float.h>
#include <stdbool.h>
#include <stdint.h>

static_assert(FLT_EVAL_METHOD == 0, "every operation on doubles rounds to a double");

/* digits x 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

enum { EXACT_TENS = 22 };

/* The powers of ten that are doubles. */
static const double exact_tens[EXACT_TENS + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* Whether digits and power of ten are doubles both, so that one operation on them rounds as the
 * decimal itself does (Clinger, 1990). */
static inline bool decimal_is_simple(struct decimal decimal)
{
    return decimal.digits <= (uint64_t)1 << DBL_MANT_DIG && decimal.exponent >= -EXACT_TENS &&
           decimal.exponent <= EXACT_TENS;
}

/* The double closest to a simple decimal. */
static inline double decimal_simple_double(struct decimal decimal)
{
    double digits = (double)decimal.digits;
    if (decimal.exponent < 0) return digits / exact_tens[-decimal.exponent];
    return digits * exact_tens[decimal.exponent];
}

#endif
