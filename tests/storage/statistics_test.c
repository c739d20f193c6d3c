/* Goal:   statistics say of a run what one who adds up its samples one by one would say.
 * Method: random runs of every type against sums in long double and comparisons one by one; sums
 *         that rounding would spoil; values that are not finite. */
#include "storage/statistics.h"

#include <float.h>
#include <math.h>

#include "storage/base/bytes.h"
#include "storage/base/random.h"
#include "tests/unit.h"

enum { SAMPLES_MAX = 3000 };

struct run {
    int64_t times_ns[SAMPLES_MAX];
    uint64_t values[SAMPLES_MAX];
    struct batch batch;
};

static uint64_t random_value(struct random *random, uint8_t type)
{
    double number = ((double)random_below(random, 2001) - 1000) / 8;
    if (random_chance(random, 1, 20)) number = -0.0;
    switch ((enum value_type)type) {
    case VALUE_F64: return bits_of_double(number * pow(10, (double)random_below(random, 12)));
    case VALUE_F32: return bits_of_float((float)number);
    case VALUE_BOOL: return random_below(random, 2);
    case VALUE_I64: return (uint64_t)((int64_t)random_below(random, 1u << 20) - (1 << 19));
    case VALUE_STATE:
    case VALUE_TEXT: break;
    }
    return random_below(random, 5);
}

static void run_make(struct run *run, struct random *random, uint8_t type)
{
    size_t count = 1 + random_below(random, random_chance(random, 1, 2) ? 20 : SAMPLES_MAX);
    int64_t time_ns = (int64_t)random_u64(random) / 4;
    for (size_t i = 0; i < count; i++) {
        time_ns += 1 + (int64_t)random_below(random, 5000000000);
        run->times_ns[i] = time_ns;
        run->values[i] = random_value(random, type);
    }
    run->batch = (struct batch){.sample_count = (uint32_t)count,
                                .times_ns = run->times_ns,
                                .values = run->values,
                                .type = type};
}

static void check_sums(const struct run *run, const struct statistics *statistics, bool step)
{
    uint8_t type = run->batch.type;
    long double sum = 0, sum_scale = 0, area = 0, area_scale = 0;
    int64_t longest_ns = 0;
    for (size_t i = 0; i < run->batch.sample_count; i++) {
        long double number = value_as_double(type, run->values[i]);
        sum += number;
        sum_scale += fabsl(number);
        if (i + 1 == run->batch.sample_count) break;
        int64_t gap_ns = run->times_ns[i + 1] - run->times_ns[i];
        long double next = value_as_double(type, run->values[i + 1]);
        long double part = (step ? number : (number + next) / 2) * (long double)gap_ns / 1e9L;
        area += part;
        area_scale += fabsl(part);
        if (gap_ns > longest_ns) longest_ns = gap_ns;
    }
    ck_assert(fabsl(sum - statistics->sum) <=
              2 * DBL_EPSILON * fabsl(sum) + DBL_EPSILON * DBL_EPSILON * 64 * sum_scale);
    ck_assert(fabsl(area - statistics->integral) <= 4 * DBL_EPSILON * area_scale);
    ck_assert_int_eq(statistics->longest_gap_ns, longest_ns);
}

/* -0.0 is before 0.0, and otherwise numbers order as they do. */
static bool is_less(uint8_t type, uint64_t left, uint64_t right)
{
    double a = value_as_double(type, left), b = value_as_double(type, right);
    if (a == 0 && b == 0 && type != VALUE_I64) return signbit(a) && !signbit(b);
    return a < b;
}

static void check_extremes(const struct run *run, const struct statistics *statistics)
{
    size_t least = 0, greatest = 0, count = run->batch.sample_count;
    for (size_t i = 1; i < count; i++) {
        if (is_less(run->batch.type, run->values[i], run->values[least])) least = i;
        if (is_less(run->batch.type, run->values[greatest], run->values[i])) greatest = i;
    }
    ck_assert_uint_eq(statistics->minimum_index, least);
    ck_assert_uint_eq(statistics->maximum_index, greatest);
    ck_assert_uint_eq(statistics->minimum, run->values[least]);
    ck_assert_uint_eq(statistics->maximum, run->values[greatest]);
    ck_assert_uint_eq(statistics->first, run->values[0]);
    ck_assert_uint_eq(statistics->last, run->values[count - 1]);
}

START_TEST(a_run_adds_up_to_its_samples)
{
    static struct run run;
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 500); seed++) {
        struct random random;
        random_init(&random, seed);
        uint8_t type = (uint8_t)(VALUE_F64 + seed % (VALUE_TEXT - VALUE_F64));
        run_make(&run, &random, type);
        bool step = random_chance(&random, 1, 2);
        struct statistics statistics;
        ck_assert(statistics_of(&statistics, &run.batch, step));
        check_extremes(&run, &statistics);
        check_sums(&run, &statistics, step);
    }
}
END_TEST

/* A large value that comes and goes must not take the small ones along. */
START_TEST(rounding_does_not_add_up)
{
    static struct run run;
    double expected = 0;
    for (size_t i = 0; i < 1002; i++) {
        double value = i == 0 ? 1e17 : i == 1001 ? -1e17 : 0.25;
        if (i > 0 && i < 1001) expected += 0.25;
        run.times_ns[i] = (int64_t)i;
        run.values[i] = bits_of_double(value);
    }
    run.batch = (struct batch){
        .sample_count = 1002, .times_ns = run.times_ns, .values = run.values, .type = VALUE_F64};
    struct statistics statistics;
    ck_assert(statistics_of(&statistics, &run.batch, false));
    ck_assert_double_eq(statistics.sum, expected);
}
END_TEST

START_TEST(nothing_is_said_of_what_is_not_finite)
{
    static const struct {
        const char *why;
        uint8_t type;
        uint64_t bits;
        bool expected;
    } cases[] = {
        {"a number", VALUE_F64, 0x4010000000000000, true},
        {"a denormal", VALUE_F64, 1, true},
        {"infinity", VALUE_F64, 0x7ff0000000000000, false},
        {"minus infinity", VALUE_F64, 0xfff0000000000000, false},
        {"a NaN with a payload", VALUE_F64, 0x7ff8000000000001, false},
        {"a float's infinity", VALUE_F32, 0x7f800000, false},
        {"a float's NaN", VALUE_F32, 0xffc00000, false},
        {"an integer with those bits", VALUE_I64, 0x7ff0000000000000, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t values[3] = {0, cases[i].bits, 0};
        int64_t times_ns[3] = {1, 2, 3};
        struct batch batch = {
            .sample_count = 3, .times_ns = times_ns, .values = values, .type = cases[i].type};
        struct statistics statistics;
        ck_assert_msg(statistics_of(&statistics, &batch, false) == cases[i].expected, "%s",
                      cases[i].why);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_run_adds_up_to_its_samples,
        rounding_does_not_add_up,
        nothing_is_said_of_what_is_not_finite,
    };
    return unit_run("statistics", tests, sizeof tests / sizeof tests[0]);
}
