/* Goal:   every form of a kernel that this processor can run gives, byte for byte, what the plain one
 *         gives; and the forms are chosen by what the processor has.
 * Method: seeded columns of several kinds - small numbers, any bits, doubles and floats of few
 *         digits, NaN and infinities - at counts around the lengths of vectors, through both. */
#include "storage/kernels.h"

#include <math.h>

#include "storage/base/cpu.h"
#include "storage/base/random.h"
#include "storage/packing.h"
#include "tests/unit.h"

enum { COUNT_MAX = PACKING_RUN, KINDS = 5, LEFTS = 8 };

static const size_t counts[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1000, COUNT_MAX};
enum { COUNTS = sizeof counts / sizeof *counts };

static uint64_t random_word(struct random *random, unsigned kind)
{
    double decimal = (double)(int64_t)(random_below(random, 20000) - 10000) / 100;
    float narrow = (float)decimal;
    uint64_t word = 0;
    switch (kind) {
    case 0: return random_below(random, 100) - 50;
    case 1: return random_u64(random);
    case 2: memcpy(&word, &decimal, sizeof decimal); return word;
    case 3: memcpy(&word, &narrow, sizeof narrow); return word;
    default:
        return (UINT64_C(0x7ff8) | random_below(random, 2) << 15) << 48 | random_below(random, 3);
    }
}

static void fill(struct random *random, uint64_t *words, size_t count, unsigned kind)
{
    for (size_t i = 0; i < count; i++) {
        bool is_odd_one = random_chance(random, 1, 50);
        words[i] = random_word(random, is_odd_one ? (unsigned)random_below(random, KINDS) : kind);
    }
}

/* What all kernels make of one column. */
struct results {
    struct survey survey;
    size_t outside;
    size_t exceptions;
    size_t others;
    struct decimal_outcome decimal;
    struct decimal_outcome single;
    uint64_t steps[COUNT_MAX];
    uint64_t sums[COUNT_MAX];
    uint64_t scaled[COUNT_MAX];
    uint64_t digits[COUNT_MAX];
    uint64_t rests[COUNT_MAX];
    uint64_t again[COUNT_MAX];
    uint64_t single_digits[COUNT_MAX];
    uint64_t single_rests[COUNT_MAX];
    uint64_t single_again[COUNT_MAX];
    uint64_t floats[COUNT_MAX];
    uint64_t float_rests[COUNT_MAX];
    uint64_t joined[COUNT_MAX];
    uint64_t numbers[COUNT_MAX];
};

static void run_integers(struct results *results, const struct kernels *kernels,
                         const uint64_t *words, size_t count)
{
    kernels->survey(&results->survey, words, count);
    results->outside = kernels->count_outside(words, count, words[0] - 20, 60);
    kernels->differences(results->steps, words, count);
    memcpy(results->sums, results->steps, count * sizeof *words);
    kernels->sums(results->sums, count, words[0]);
    memcpy(results->scaled, words, count * sizeof *words);
    kernels->scale(results->scaled, count, 1000003, 17);
    uint16_t lefts[LEFTS];
    for (size_t i = 0; i < LEFTS; i++) lefts[i] = (uint16_t)(words[i % count] >> 50);
    results->others = kernels->split_numbers(results->numbers, words, count, 50, lefts, LEFTS);
}

static void run_decimals(struct results *results, const struct kernels *kernels,
                         const uint64_t *words, size_t count, unsigned exponent)
{
    unsigned factor = exponent > 2 ? exponent - 2 : 0;
    kernels->decimal_digits(&results->decimal, results->digits, results->rests, words, count,
                            exponent, factor);
    memcpy(results->again, results->digits, count * sizeof *words);
    kernels->decimal_words(results->again, count, exponent, factor);
    kernels->add(results->again, results->rests, count);
    kernels->single_digits(&results->single, results->single_digits, results->single_rests, words,
                           count, exponent, factor);
    memcpy(results->single_again, results->single_digits, count * sizeof *words);
    kernels->single_words(results->single_again, count, exponent, factor);
    results->exceptions =
        kernels->single_split(results->floats, results->float_rests, words, count);
    memcpy(results->joined, results->floats, count * sizeof *words);
    kernels->single_join(results->joined, results->float_rests, count);
}

/* Digits and rests of exceptions are anything: what a processor makes of NaN is its own affair. */
static void blank_exceptions(struct results *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (decimal_is_exception(results->digits[i], results->rests[i])) {
            results->digits[i] = results->rests[i] = results->again[i] = 0;
        }
        if (decimal_is_exception(results->single_digits[i], results->single_rests[i])) {
            results->single_digits[i] = results->single_rests[i] = results->single_again[i] = 0;
        }
        if (single_is_exception(results->floats[i], results->float_rests[i])) {
            results->floats[i] = results->float_rests[i] = results->joined[i] = 0;
        }
    }
}

static void check_column(const struct kernels *kernels, const uint64_t *words, size_t count,
                         unsigned exponent)
{
    static struct results found, expected;
    memset(&found, 0, sizeof found);
    memset(&expected, 0, sizeof expected);
    run_integers(&found, kernels, words, count);
    run_integers(&expected, &kernels_plain, words, count);
    run_decimals(&found, kernels, words, count, exponent);
    run_decimals(&expected, &kernels_plain, words, count, exponent);
    blank_exceptions(&found, count);
    blank_exceptions(&expected, count);
    ck_assert_mem_eq(&found, &expected, sizeof found);
}

static void check_packing(const struct kernels *kernels, const uint64_t *words, unsigned width)
{
    static uint64_t found[PACKING_RUN], expected[PACKING_RUN], masked[PACKING_RUN];
    for (size_t i = 0; i < PACKING_RUN; i++) masked[i] = words[i] >> (64 - width);
    memset(found, 0, sizeof found);
    memset(expected, 0, sizeof expected);
    kernels->run_pack((uint8_t *)found, masked, 0, width);
    kernels_plain.run_pack((uint8_t *)expected, masked, 0, width);
    ck_assert_mem_eq(found, expected, sizeof found);
    kernels->run_unpack(found, (const uint8_t *)expected, 7, width);
    for (size_t i = 0; i < PACKING_RUN; i++) ck_assert_uint_eq(found[i], masked[i] + 7);
}

/* Of the numbers of a column, what a sum of samples is made of. */
struct summed {
    struct fold folds[2]; /* of all, and of a range */
    struct lane_sums sums;
    struct lane_sums areas[2];
};

static void sum_up(const struct kernels *kernels, const double *numbers, const double *seconds,
                   size_t count, struct summed *out_summed)
{
    double row[COUNT_MAX + LANES];
    for (size_t i = 0; i < COUNT_MAX + LANES; i++) row[i] = i < count ? numbers[i] : (double)NAN;
    *out_summed = (struct summed){
        .folds = {{.minimum = INFINITY, .maximum = -INFINITY}, {.minimum = 1, .maximum = 2}}};
    kernels->fold(&out_summed->folds[0], row, count, -INFINITY, INFINITY);
    kernels->fold(&out_summed->folds[1], row, count, -20, 30.5);
    for (size_t i = 0; i < COUNT_MAX + LANES; i++) {
        row[i] = i < count && isfinite(numbers[i]) ? numbers[i] : 0;
    }
    kernels->areas(&out_summed->sums, &out_summed->areas[0], row, seconds, count, false);
    kernels->areas(&out_summed->sums, &out_summed->areas[1], row, seconds, count, true);
}

/* NaN and infinities are left out where they would make NaN: which one is a processor's affair. */
static void check_sums(const struct kernels *kernels, const uint64_t *words, size_t count)
{
    static double numbers[COUNT_MAX], seconds[COUNT_MAX + LANES];
    for (size_t i = 0; i < count; i++) {
        memcpy(&numbers[i], &words[i], sizeof numbers[i]);
        if (!(fabs(numbers[i]) < 1e100)) numbers[i] = i % 2 ? (double)NAN : 1.5;
        seconds[i] = (double)(words[i] % 100) / 8;
    }
    for (size_t i = count; i < COUNT_MAX + LANES; i++) seconds[i] = 0;
    struct summed expected, found;
    sum_up(&kernels_plain, numbers, seconds, count, &expected);
    sum_up(kernels, numbers, seconds, count, &found);
    ck_assert_mem_eq(&found, &expected, sizeof found);
    uint64_t in_range = 0;
    for (size_t i = 0; i < count; i++) in_range += numbers[i] >= -20 && numbers[i] <= 30.5;
    ck_assert_uint_eq(found.folds[1].count, in_range);
}

static void check_form(const struct kernels *kernels)
{
    struct random random;
    random_init(&random, 1);
    static uint64_t words[COUNT_MAX];
    for (size_t i = 0; i < KINDS * COUNTS; i++) {
        size_t count = counts[i / KINDS];
        fill(&random, words, count, (unsigned)(i % KINDS));
        check_sums(kernels, words, count);
        for (unsigned exponent = 0; exponent <= DECIMAL_EXPONENT_MAX; exponent++) {
            check_column(kernels, words, count, exponent);
        }
    }
    fill(&random, words, COUNT_MAX, 1);
    for (unsigned width = 1; width < 64; width++) check_packing(kernels, words, width);
}

START_TEST(every_form_gives_what_the_plain_one_gives)
{
    unsigned here = cpu_features();
    for (unsigned features = 0; features <= (CPU_AVX2 | CPU_AVX512); features++) {
        if ((features & here) == features) check_form(kernels_for(features));
    }
}
END_TEST

START_TEST(the_form_is_chosen_by_what_the_processor_has)
{
    ck_assert_ptr_eq(kernels_for(0), &kernels_plain);
    ck_assert_ptr_eq(kernels_here(), kernels_for(cpu_features()));
#if defined(__x86_64__)
    ck_assert_ptr_eq(kernels_for(CPU_AVX2), &kernels_avx2);
    ck_assert_ptr_eq(kernels_for(CPU_AVX2 | CPU_AVX512), &kernels_avx512);
#endif
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_form_gives_what_the_plain_one_gives,
        the_form_is_chosen_by_what_the_processor_has,
    };
    return unit_run("kernels", tests, sizeof tests / sizeof *tests);
}
