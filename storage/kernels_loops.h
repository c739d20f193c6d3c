/* The loops behind kernels.h, once. Each file that includes this is compiled for another set of
 * vector instructions; plain loops over lanes become those. */
#ifndef STORAGE_KERNELS_LOOPS_H
#define STORAGE_KERNELS_LOOPS_H

#include <stdbool.h>
#include <string.h>

#include "storage/base/bytes.h"
#include "storage/kernels.h"
#include "storage/packing.h"

enum { UNIT_BITS = 64, RUN_ROWS = PACKING_RUN / PACKING_LANES };

/* ---- Packing ---- */

static inline void loops_run_pack(uint8_t *restrict target, const uint64_t *restrict words,
                                  uint64_t base, unsigned width)
{
    uint64_t units[PACKING_LANES] = {0};
    unsigned filled = 0;
    for (size_t row = 0; row < RUN_ROWS; row++) {
        const uint64_t *source = words + row * PACKING_LANES;
        for (size_t i = 0; i < PACKING_LANES; i++) units[i] |= (source[i] - base) << filled;
        filled += width;
        if (filled < UNIT_BITS) continue;

        memcpy(target, units, sizeof units);
        target += sizeof units;
        filled -= UNIT_BITS;
        if (filled == 0) {
            memset(units, 0, sizeof units);
            continue;
        }
        unsigned taken = width - filled;
        for (size_t i = 0; i < PACKING_LANES; i++) units[i] = (source[i] - base) >> taken;
    }
}

/* Packed units lie at any place, and bytes may be anything. */
typedef uint64_t __attribute__((aligned(1), may_alias)) packed_unit;

static inline void loops_run_unpack(uint64_t *restrict words, const uint8_t *restrict source,
                                    uint64_t base, unsigned width)
{
    uint64_t mask = UINT64_MAX >> (UNIT_BITS - width);
    const packed_unit *units = (const packed_unit *)source;
    unsigned used = 0;
    for (size_t row = 0; row < RUN_ROWS; row++) {
        uint64_t *target = words + row * PACKING_LANES;
        unsigned ends = used + width;
        if (ends <= UNIT_BITS) {
            for (size_t i = 0; i < PACKING_LANES; i++) {
                target[i] = ((units[i] >> used) & mask) + base;
            }
        } else {
            for (size_t i = 0; i < PACKING_LANES; i++) {
                uint64_t high = units[PACKING_LANES + i] << (UNIT_BITS - used);
                target[i] = (((units[i] >> used) | high) & mask) + base;
            }
        }
        if (ends >= UNIT_BITS) units += PACKING_LANES;
        used = ends % UNIT_BITS;
    }
}

/* ---- Integers ---- */

static inline void loops_survey(struct survey *out_survey, const uint64_t *words, size_t count)
{
    int64_t minimum = (int64_t)words[0], maximum = minimum;
    int64_t step_minimum = count > 1 ? (int64_t)(words[1] - words[0]) : 0;
    int64_t step_maximum = step_minimum;
    uint64_t changes = 0;
    for (size_t i = 1; i < count; i++) {
        int64_t word = (int64_t)words[i];
        int64_t step = (int64_t)(words[i] - words[i - 1]);
        minimum = word < minimum ? word : minimum;
        maximum = word > maximum ? word : maximum;
        step_minimum = step < step_minimum ? step : step_minimum;
        step_maximum = step > step_maximum ? step : step_maximum;
        changes += step != 0;
    }
    *out_survey = (struct survey){minimum, maximum, step_minimum, step_maximum, changes};
}

static inline size_t loops_count_outside(const uint64_t *words, size_t count, uint64_t base,
                                         uint64_t range)
{
    uint64_t outside = 0;
    for (size_t i = 0; i < count; i++) outside += words[i] - base > range;
    return outside;
}

static inline void loops_differences(uint64_t *restrict steps, const uint64_t *restrict words,
                                     size_t count)
{
    steps[0] = 0;
    for (size_t i = 1; i < count; i++) steps[i] = words[i] - words[i - 1];
}

#ifdef __AVX512F__
typedef uint64_t __attribute__((vector_size(64))) sums_vector;

/* Sums within a vector in three steps, then what stands before it: from vector to vector waits one
 * addition, where a plain loop waits for one at each word. Narrower vectors gain nothing by it. */
static inline size_t sums_of_vectors(uint64_t *words, size_t count, uint64_t *before)
{
    const sums_vector zero = {0};
    sums_vector carry = zero + *before;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        sums_vector sum;
        memcpy(&sum, words + i, sizeof sum);
        sum += __builtin_shufflevector(sum, zero, 8, 0, 1, 2, 3, 4, 5, 6);
        sum += __builtin_shufflevector(sum, zero, 8, 8, 0, 1, 2, 3, 4, 5);
        sum += __builtin_shufflevector(sum, zero, 8, 8, 8, 8, 0, 1, 2, 3);
        sums_vector total = __builtin_shufflevector(sum, sum, 7, 7, 7, 7, 7, 7, 7, 7);
        sum += carry;
        carry += total;
        memcpy(words + i, &sum, sizeof sum);
    }
    *before = carry[0];
    return i;
}
#else
static inline size_t sums_of_vectors(const uint64_t *words, size_t count, const uint64_t *before)
{
    (void)words, (void)count, (void)before;
    return 0;
}
#endif

static inline void loops_sums(uint64_t *words, size_t count, uint64_t before)
{
    for (size_t i = sums_of_vectors(words, count, &before); i < count; i++) {
        before += words[i];
        words[i] = before;
    }
}

static inline void loops_scale(uint64_t *words, size_t count, uint64_t unit, uint64_t offset)
{
    for (size_t i = 0; i < count; i++) words[i] = words[i] * unit + offset;
}

/* ---- Decimals ---- */

/* Adding 2^52 + 2^51 leaves no bits behind the point: rounding, without a cast that the processor
 * may not have. The bits of the sum are those of the constant plus the whole number. */
#define DECIMAL_MAGIC 6755399441055744.0
#define DECIMAL_MAGIC_BITS UINT64_C(0x4338000000000000)

static const double decimal_up[DECIMAL_EXPONENT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
};
static const double decimal_down[DECIMAL_EXPONENT_MAX + 1] = {
    1e-0,  1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8,  1e-9,
    1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18,
};

static inline double float_of(uint64_t word)
{
    return (double)float_of_bits((uint32_t)word);
}

static inline uint64_t word_of_float(double value)
{
    return bits_of_float((float)value);
}

static inline uint64_t digits_of(double value, double up, double down)
{
    return bits_of_double(value * up * down + DECIMAL_MAGIC) - DECIMAL_MAGIC_BITS; /* N1 */
}

static inline double value_of(uint64_t digits, double up, double down)
{
    return (double_of_bits(digits + DECIMAL_MAGIC_BITS) - DECIMAL_MAGIC) * up * down; /* N1 */
}

/* In masks, all of 64 bits: with bools or branches no compiler makes vectors of it. */
static inline void outcome_of(struct decimal_outcome *out_outcome, const uint64_t *digits,
                              const uint64_t *rests, size_t count)
{
    int64_t least = INT64_MAX, greatest = INT64_MIN;
    uint64_t exceptions = 0, with_rests = 0, rests_bits = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t fails = 0 - (uint64_t)(decimal_is_exception(digits[i], rests[i]));
        uint64_t rest = rests[i] & ~fails;
        int64_t low = (int64_t)((digits[i] & ~fails) | ((uint64_t)INT64_MAX & fails));
        int64_t high = (int64_t)(((uint64_t)low & ~fails) | ((uint64_t)INT64_MIN & fails));
        least = low < least ? low : least;
        greatest = high > greatest ? high : greatest;
        exceptions -= fails;
        with_rests += (uint64_t)(rest != 0);
        rests_bits |= rest << 1 ^ (uint64_t)((int64_t)rest >> 63);
    }
    *out_outcome = (struct decimal_outcome){
        .exceptions = exceptions,
        .rests = with_rests,
        .digits_range = exceptions == count ? 0 : (uint64_t)greatest - (uint64_t)least,
        .rests_bits = rests_bits,
    };
}

static inline void loops_decimal_digits(struct decimal_outcome *out_outcome,
                                        uint64_t *restrict digits, uint64_t *restrict rests,
                                        const uint64_t *restrict words, size_t count,
                                        unsigned exponent, unsigned factor)
{
    double up = decimal_up[exponent], down = decimal_down[factor];
    double again_up = decimal_up[factor], again_down = decimal_down[exponent];
    for (size_t i = 0; i < count; i++) {
        digits[i] = digits_of(double_of_bits(words[i]), up, down);
        rests[i] = words[i] - bits_of_double(value_of(digits[i], again_up, again_down));
    }
    outcome_of(out_outcome, digits, rests, count);
}

static inline void loops_decimal_words(uint64_t *words, size_t count, unsigned exponent,
                                       unsigned factor)
{
    double up = decimal_up[factor], down = decimal_down[exponent];
    for (size_t i = 0; i < count; i++) words[i] = bits_of_double(value_of(words[i], up, down));
}

static inline void loops_single_digits(struct decimal_outcome *out_outcome,
                                       uint64_t *restrict digits, uint64_t *restrict rests,
                                       const uint64_t *restrict words, size_t count,
                                       unsigned exponent, unsigned factor)
{
    double up = decimal_up[exponent], down = decimal_down[factor];
    double again_up = decimal_up[factor], again_down = decimal_down[exponent];
    for (size_t i = 0; i < count; i++) {
        digits[i] = digits_of(float_of(words[i]), up, down);
        rests[i] = words[i] - word_of_float(value_of(digits[i], again_up, again_down));
    }
    outcome_of(out_outcome, digits, rests, count);
}

static inline void loops_single_words(uint64_t *words, size_t count, unsigned exponent,
                                      unsigned factor)
{
    double up = decimal_up[factor], down = decimal_down[exponent];
    for (size_t i = 0; i < count; i++) words[i] = word_of_float(value_of(words[i], up, down));
}

static inline void loops_add(uint64_t *restrict words, const uint64_t *restrict rests, size_t count)
{
    for (size_t i = 0; i < count; i++) words[i] += rests[i];
}

static inline size_t loops_single_split(uint64_t *restrict floats, uint64_t *restrict rests,
                                        const uint64_t *restrict words, size_t count)
{
    uint64_t exceptions = 0;
    for (size_t i = 0; i < count; i++) {
        floats[i] = word_of_float(double_of_bits(words[i]));
        rests[i] = words[i] - bits_of_double(float_of(floats[i]));
    }
    for (size_t i = 0; i < count; i++) exceptions += single_is_exception(floats[i], rests[i]);
    return exceptions;
}

static inline void loops_single_join(uint64_t *restrict words, const uint64_t *restrict rests,
                                     size_t count)
{
    for (size_t i = 0; i < count; i++) words[i] = bits_of_double(float_of(words[i])) + rests[i];
}

/* ---- Split ---- */

static inline size_t loops_split_numbers(uint64_t *restrict numbers, const uint64_t *restrict words,
                                         size_t count, unsigned right_bits, const uint16_t *lefts,
                                         size_t entries)
{
    for (size_t i = 0; i < count; i++) numbers[i] = entries;
    for (size_t entry = 0; entry < entries; entry++) {
        uint64_t left = lefts[entry];
        for (size_t i = 0; i < count; i++) {
            numbers[i] = words[i] >> right_bits == left ? entry : numbers[i];
        }
    }
    uint64_t others = 0;
    for (size_t i = 0; i < count; i++) others += numbers[i] == entries;
    return others;
}

/* ---- Sums over samples ---- */

static inline void loops_fold(struct fold *fold, const double *restrict numbers, size_t count,
                              double low, double high)
{
    double_lanes least, greatest;
    int_lanes kept = {0};
    struct lane_sums sums = {0};
    for (size_t lane = 0; lane < LANES; lane++) {
        least[lane] = fold->minimum;
        greatest[lane] = fold->maximum;
    }
    for (size_t i = 0; i < count; i += LANES) {
        double_lanes row;
        memcpy(&row, numbers + i, sizeof row);
        int_lanes counts = (row >= low) & (row <= high);
        int_lanes is_less = counts & (row < least), is_greater = counts & (row > greatest);
        double_lanes terms = (double_lanes)((int_lanes)row & counts);
        least = (double_lanes)(((int_lanes)row & is_less) | ((int_lanes)least & ~is_less));
        greatest =
            (double_lanes)(((int_lanes)row & is_greater) | ((int_lanes)greatest & ~is_greater));
        kept -= counts;
        lane_sums_add(&sums, &terms);
    }
    for (size_t lane = 0; lane < LANES; lane++) {
        fold->count += (uint64_t)kept[lane];
        if (least[lane] < fold->minimum) fold->minimum = least[lane];
        if (greatest[lane] > fold->maximum) fold->maximum = greatest[lane];
    }
    lane_sums_drain(&sums, &fold->sum);
}

static inline void loops_areas(struct lane_sums *sums, struct lane_sums *areas,
                               const double *restrict numbers, const double *restrict seconds,
                               size_t count, bool step)
{
    for (size_t i = 0; i < count; i += LANES) {
        double_lanes height, next, width;
        memcpy(&height, numbers + i, sizeof height);
        memcpy(&next, numbers + i + 1, sizeof next);
        memcpy(&width, seconds + i, sizeof width);
        lane_sums_add(sums, &height);
        if (!step) height = height * 0.5 + next * 0.5;
        height *= width;
        lane_sums_add(areas, &height);
    }
}

#define KERNELS_OF_LOOPS                                                                    \
    {                                                                                       \
        .run_pack = loops_run_pack, .run_unpack = loops_run_unpack, .survey = loops_survey, \
        .count_outside = loops_count_outside, .differences = loops_differences,             \
        .sums = loops_sums, .scale = loops_scale, .add = loops_add,                         \
        .decimal_digits = loops_decimal_digits, .decimal_words = loops_decimal_words,       \
        .single_digits = loops_single_digits, .single_words = loops_single_words,           \
        .single_split = loops_single_split, .single_join = loops_single_join,               \
        .split_numbers = loops_split_numbers, .fold = loops_fold, .areas = loops_areas,     \
    }

#endif
