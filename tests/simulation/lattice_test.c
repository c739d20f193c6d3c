/* Goal:   whatever nodes write, lose, repeat and restore, they end with the same history, and each
 *         shows what was last written on it.
 * Method: random runs of a few nodes with few cells, so that everything collides; each seed is a
 *         run of its own. The same runs with one rule broken must fail: else they would prove
 *         nothing.
 *
 * BEDE_SECONDS (20) says how long, BEDE_SEEDS how many seeds instead, BEDE_SEED the first or only
 * one, BEDE_FAULT which rule to break. */
#include "tests/simulation/lattice.h"

#include "storage/base/clock.h"
#include "tests/unit.h"

enum { FAULT_SEEDS_MAX = 200000 };

static const char *const fault_texts[] = {
#define LATTICE_FAULT_TEXT(name, text) text,
    LATTICE_FAULT_TABLE(LATTICE_FAULT_TEXT)
#undef LATTICE_FAULT_TEXT
};

START_TEST(nodes_converge)
{
    struct lattice *lattice = lattice_create();
    ck_assert_ptr_nonnull(lattice);
    enum lattice_fault fault = (enum lattice_fault)unit_number("BEDE_FAULT", FAULT_NONE);
    uint64_t seed = unit_number("BEDE_SEED", UINT64_MAX);
    uint64_t first = seed == UINT64_MAX ? 0 : seed;
    uint64_t count = unit_number("BEDE_SEEDS", seed == UINT64_MAX ? UINT64_MAX : 1);
    int64_t limit_ns = (int64_t)unit_number("BEDE_SECONDS", 20) * 1000000000;
    bool is_timed = count == UINT64_MAX;
    struct clock *clock = clock_system();
    int64_t start_ns = clock->monotonic_ns(clock);
    uint64_t done = 0;
    for (; done < count; done++) {
        if (is_timed && clock->monotonic_ns(clock) - start_ns > limit_ns) break;
        const char *failure = lattice_run(lattice, first + done, fault);
        ck_assert_msg(!failure, "seed %lu: %s", first + done, failure);
    }
    double seconds = (double)(clock->monotonic_ns(clock) - start_ns) / 1e9;
    printf("%lu seeds in %.1f s\n", done, seconds);
    ck_assert_uint_gt(done, 0);
    lattice_destroy(lattice);
}
END_TEST

START_TEST(a_seed_gives_the_same_run_again)
{
    struct lattice *lattice = lattice_create(), *other = lattice_create();
    ck_assert(lattice && other);
    for (uint64_t seed = 0; seed < 200; seed++) {
        (void)lattice_run(lattice, seed, FAULT_NONE);
        (void)lattice_run(other, 200 - seed, FAULT_NONE); /* what ran before must not matter */
        (void)lattice_run(other, seed, FAULT_NONE);
        ck_assert_uint_eq(lattice_trace(lattice), lattice_trace(other));
    }
    lattice_destroy(lattice);
    lattice_destroy(other);
}
END_TEST

START_TEST(every_broken_rule_is_found)
{
    struct lattice *lattice = lattice_create();
    ck_assert_ptr_nonnull(lattice);
    for (unsigned fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        uint64_t seed = 0;
        const char *failure = NULL;
        for (; seed < FAULT_SEEDS_MAX && !failure; seed++) {
            failure = lattice_run(lattice, seed, (enum lattice_fault)fault);
        }
        ck_assert_msg(failure, "not found: %s", fault_texts[fault]);
        printf("%s: found after %lu seeds, %s\n", fault_texts[fault], seed, failure);
    }
    lattice_destroy(lattice);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nodes_converge,
        a_seed_gives_the_same_run_again,
        every_broken_rule_is_found,
    };
    return unit_run("lattice", tests, sizeof tests / sizeof *tests);
}
