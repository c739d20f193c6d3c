/* Kernels: the inner loops of codecs, statistics and aggregates, each in one form for every set of
 * vector instructions.
 *
 * All forms are one source (kernels_loops.h), compiled in one file per set; the plain form is the
 * reference, and tests/storage/kernels_test.c holds every other to it, byte for byte. Nothing here
 * checks what it is given: codecs do, at their border.
 *
 * N1  doubles are multiplied and added as IEEE 754 says, one operation after the other, never
 *     fused: so that digits and what is made of them are the same on every machine
 */
#ifndef STORAGE_KERNELS_H
#define STORAGE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/lanes.h"

enum {
    DECIMAL_EXPONENT_MAX = 18,
    DECIMAL_REST_MAX = 1 << 8,
};
#define DECIMAL_DIGITS_MAX (UINT64_C(1) << 51) /* whole numbers that a sum of doubles keeps */

static inline bool decimal_is_exception(uint64_t digits, uint64_t rest)
{
    return ((rest + DECIMAL_REST_MAX > UINT64_C(2) * DECIMAL_REST_MAX) |
            (digits + DECIMAL_DIGITS_MAX > 2 * DECIMAL_DIGITS_MAX));
}

/* A double is a float, if its rest is small. NaN and infinity are not: what a processor makes of a
 * NaN is its own affair. */
enum { SINGLE_REST_MAX = 1 << 15 };

static inline bool single_is_exception(uint64_t float_word, uint64_t rest)
{
    return (((float_word >> 23 & 0xff) == 0xff) |
            (rest + SINGLE_REST_MAX > UINT64_C(2) * SINGLE_REST_MAX));
}

/* What a column looks like; of one word there is no step, and both steps are 0. */
struct survey {
    int64_t minimum;
    int64_t maximum;
    int64_t step_minimum; /* of the differences of neighbours, modulo 2^64 */
    int64_t step_maximum;
    size_t changes; /* words that differ from the one before */
};

/* What decimals of a column came to. A word whose rest is beyond ±DECIMAL_REST_MAX, or whose digits
 * are beyond ±DECIMAL_DIGITS_MAX, is an exception; its digits and its rest are anything. */
struct decimal_outcome {
    size_t exceptions;
    size_t rests;          /* words that are none, and whose rest is not 0 */
    uint64_t digits_range; /* greatest - least, of words that are no exceptions */
    uint64_t rests_bits;   /* of all rests, or-ed: 0 0, 1 -1, 2 1, 3 -2 ... */
};

/* What numbers fold to. */
struct fold {
    uint64_t count;
    double minimum;
    double maximum;
    struct exact_sum sum;
};

/* Words become digits: d = round(x * 10^exponent * 10^-factor); and digits become words again:
 * x = d * 10^factor * 10^-exponent. The rest is what bits are missing then: word - bits of x. */
struct kernels {
    /* One run of PACKING_RUN words (packing.h); width is 1..63. */
    void (*run_pack)(uint8_t *target, const uint64_t *words, uint64_t base, unsigned width);
    void (*run_unpack)(uint64_t *words, const uint8_t *source, uint64_t base, unsigned width);

    void (*survey)(struct survey *out_survey, const uint64_t *words, size_t count);
    size_t (*count_outside)(const uint64_t *words, size_t count, uint64_t base, uint64_t range);

    void (*differences)(uint64_t *steps, const uint64_t *words, size_t count); /* the first is 0 */
    void (*sums)(uint64_t *words, size_t count, uint64_t before);              /* in place */
    void (*scale)(uint64_t *words, size_t count, uint64_t unit, uint64_t offset);

    /* Of doubles. The second makes words of digits, in place. */
    void (*decimal_digits)(struct decimal_outcome *out_outcome, uint64_t *digits, uint64_t *rests,
                           const uint64_t *words, size_t count, unsigned exponent, unsigned factor);
    void (*decimal_words)(uint64_t *words, size_t count, unsigned exponent, unsigned factor);

    /* Of floats. */
    void (*single_digits)(struct decimal_outcome *out_outcome, uint64_t *digits, uint64_t *rests,
                          const uint64_t *words, size_t count, unsigned exponent, unsigned factor);
    void (*single_words)(uint64_t *words, size_t count, unsigned exponent, unsigned factor);

    void (*add)(uint64_t *words, const uint64_t *rests, size_t count);

    /* Doubles apart into the nearest floats and what is left, in units of the last place, and how
     * many are none (single_is_exception); and together again: words holds floats before, doubles
     * after. */
    size_t (*single_split)(uint64_t *floats, uint64_t *rests, const uint64_t *words, size_t count);
    void (*single_join)(uint64_t *words, const uint64_t *rests, size_t count);

    /* Of samples. Rows have room for whole lanes; what stands there is NaN for the first, zeros for
     * the second, whose numbers are one more than its seconds. Numbers outside low..high, and NaN,
     * are left out of the fold. step: a number holds until the next, else it slopes to it. */
    void (*fold)(struct fold *fold, const double *numbers, size_t count, double low, double high);
    void (*areas)(struct lane_sums *sums, struct lane_sums *areas, const double *numbers,
                  const double *seconds, size_t count, bool step);

    /* Which entry is the left part of each word, entries for none; and how many have none. */
    size_t (*split_numbers)(uint64_t *numbers, const uint64_t *words, size_t count,
                            unsigned right_bits, const uint16_t *lefts, size_t entries);
};

extern const struct kernels kernels_plain;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;
#endif

/* The best form for a processor with these features (enum cpu_feature). */
const struct kernels *kernels_for(unsigned features);

/* The best form for this one. */
const struct kernels *kernels_here(void);

#endif
