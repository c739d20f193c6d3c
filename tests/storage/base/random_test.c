#include "storage/base/random.h"

#include "tests/unit.h"

/* Goal:   a seed gives the same run on every machine, for ever.
 * Method: the first numbers of xoshiro256** after splitmix64, computed apart, for two seeds. */
START_TEST(random_repeats_its_seed)
{
    static const struct {
        uint64_t seed;
        uint64_t numbers[3];
    } cases[] = {
        {0, {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0}},
        {1, {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct random random;
        random_init(&random, cases[i].seed);
        for (int j = 0; j < 3; j++) ck_assert_uint_eq(random_u64(&random), cases[i].numbers[j]);
    }
}
END_TEST

/* Goal:   numbers below a bound stay below it and are even; chances and fractions keep their share.
 * Method: counts over many draws, within five standard deviations. */
START_TEST(random_is_even)
{
    enum { DRAWS = 100000, BOUND = 10 };
    struct random random;
    random_init(&random, 7);
    int counts[BOUND] = {0};
    int hits = 0;
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t number = random_below(&random, BOUND);
        ck_assert_uint_lt(number, BOUND);
        counts[number]++;
        hits += random_chance(&random, 1, 4);
        double fraction = random_double(&random);
        ck_assert(fraction >= 0 && fraction < 1);
        sum += fraction;
    }
    for (int i = 0; i < BOUND; i++) ck_assert_int_lt(abs(counts[i] - DRAWS / BOUND), 475);
    ck_assert_int_lt(abs(hits - DRAWS / 4), 685);
    ck_assert(sum > DRAWS / 2.0 - 457 && sum < DRAWS / 2.0 + 457);
    ck_assert_uint_eq(random_below(&random, 1), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_lt(random_below(&random, (1ULL << 63) + 1), (1ULL << 63) + 1);
    }
    ck_assert(!random_chance(&random, 0, 5));
    ck_assert(random_chance(&random, 5, 5));
}
END_TEST

/* Goal:   identities from the system differ.
 * Method: two of them; equal ones happen once in 2^64 runs. */
START_TEST(random_of_the_system_differs)
{
    ck_assert_uint_ne(random_system_u64(), random_system_u64());
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        random_repeats_its_seed,
        random_is_even,
        random_of_the_system_differs,
    };
    return unit_run("random", tests, sizeof tests / sizeof *tests);
}
