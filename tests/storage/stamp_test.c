/* Goal:   stamps only ever rise, whatever the wall clock and the peers do, and their journal times
 *         rise with them.
 * Method: tables for S1 to S3 and the edges; a property with a wall clock that steps both ways,
 *         peers far ahead and restarts. */
#include "storage/stamp.h"

#include "storage/base/random.h"
#include "tests/unit.h"

#define MS INT64_C(1000000)

static uint64_t stamp_of(uint64_t ms, uint64_t counter)
{
    return ms << 16 | counter;
}

START_TEST(a_stamp_is_the_wall_clock_or_one_more_than_the_last)
{
    static const struct {
        const char *why;
        uint64_t last_ms, last_counter;
        int64_t wall_ns;
        uint64_t expected_ms, expected_counter;
    } cases[] = {
        {"the first one is the wall clock", 0, 0, 5 * MS, 5, 0},
        {"parts of a millisecond are dropped", 0, 0, 6 * MS - 1, 5, 0},
        {"within a millisecond the counter counts", 5, 0, 5 * MS, 5, 1},
        {"a wall clock that steps back does not matter", 5, 7, 2 * MS, 5, 8},
        {"a new millisecond starts the counter again", 5, 7, 6 * MS, 6, 0},
        {"the counter of a full millisecond carries", 5, 65535, 5 * MS, 6, 0},
        {"the clock never gives 0", 0, 0, 0, 0, 1},
        {"nor before 1970", 0, 0, INT64_MIN, 0, 1},
        {"the last moment that ns can name", 0, 0, INT64_MAX, 9223372036854, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stamp_clock clock = {stamp_of(cases[i].last_ms, cases[i].last_counter)};
        uint64_t expected = stamp_of(cases[i].expected_ms, cases[i].expected_counter);
        ck_assert_msg(stamp_take(&clock, cases[i].wall_ns) == expected, "%s", cases[i].why);
        ck_assert_msg(clock.last == expected, "%s", cases[i].why);
    }
}
END_TEST

START_TEST(more_stamps_than_a_millisecond_has_room_for)
{
    struct stamp_clock clock = {0};
    for (uint64_t i = 0; i < 3 * UINT64_C(65536); i++) {
        ck_assert_uint_eq(stamp_take(&clock, 5 * MS), stamp_of(5, 0) + i);
    }
    ck_assert_uint_eq(stamp_take(&clock, 7 * MS), stamp_of(8, 0)); /* the wall lags behind */
    ck_assert_uint_eq(stamp_take(&clock, 9 * MS), stamp_of(9, 0));
}
END_TEST

START_TEST(a_peer_drags_the_clock_a_minute_at_most)
{
    static const struct {
        const char *why;
        uint64_t last_ms, stamp_ms, stamp_counter;
        bool expected;
        uint64_t expected_ms, expected_counter;
    } cases[] = {
        {"an old stamp changes nothing", 1000, 900, 5, true, 1000, 0},
        {"a newer one is remembered", 1000, 1001, 5, true, 1001, 5},
        {"up to a minute ahead", 1000, 61000, 65535, true, 61000, 65535},
        {"but not further", 1000, 61001, 0, false, 61000, 65535},
        {"not even a stamp of all ones", 1000, (1ull << 48) - 1, 65535, false, 61000, 65535},
        {"an own clock further ahead stays", 99000, 98000, 0, true, 99000, 0},
        {"and is not dragged on", 99000, 99001, 0, false, 99000, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stamp_clock clock = {stamp_of(cases[i].last_ms, 0)};
        uint64_t stamp = stamp_of(cases[i].stamp_ms, cases[i].stamp_counter);
        bool kept_up = stamp_observe(&clock, stamp, 1000 * MS);
        ck_assert_msg(kept_up == cases[i].expected, "%s", cases[i].why);
        ck_assert_msg(clock.last == stamp_of(cases[i].expected_ms, cases[i].expected_counter), "%s",
                      cases[i].why);
    }
}
END_TEST

START_TEST(a_restart_goes_on_above_the_ceiling)
{
    struct stamp_clock clock = {0};
    stamp_restore(&clock, stamp_of(77, 3));
    ck_assert_uint_eq(stamp_take(&clock, 5 * MS), stamp_of(77, 4));
    stamp_restore(&clock, stamp_of(76, 0));
    ck_assert_uint_eq(stamp_take(&clock, 5 * MS), stamp_of(77, 5));
}
END_TEST

START_TEST(times_of_stamps)
{
    static const struct {
        const char *why;
        uint64_t ms, counter;
        int64_t wall_ns, journal_ns;
    } cases[] = {
        {"no stamp", 0, 0, 0, 0},
        {"the counter counts nanoseconds", 5, 3, 5 * MS, 5 * MS + 3},
        {"and stays within its millisecond", 5, 65535, 5 * MS, 5 * MS + 65535},
        {"the last that 64 bits of ns can name", 9223372036853, 1, 9223372036853 * MS,
         9223372036853 * MS + 1},
        {"a stamp from a peer whose clock is nonsense", (1ull << 48) - 1, 1, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t stamp = stamp_of(cases[i].ms, cases[i].counter);
        ck_assert_msg(stamp_wall_ns(stamp) == cases[i].wall_ns, "%s", cases[i].why);
        ck_assert_msg(stamp_journal_ns(stamp) == cases[i].journal_ns, "%s", cases[i].why);
        if (cases[i].journal_ns == INT64_MAX) continue;
        ck_assert_msg(stamp_from_journal_ns(cases[i].journal_ns) == stamp, "%s", cases[i].why);
    }
    ck_assert_uint_eq(stamp_from_journal_ns(5 * MS + 65536), 0);
    ck_assert_uint_eq(stamp_from_journal_ns(-1), 0);
    ck_assert_uint_eq(stamp_from_journal_ns(INT64_MIN), 0);
}
END_TEST

START_TEST(as_of_a_time_includes_its_millisecond)
{
    struct stamp_clock clock = {0};
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_le(stamp_take(&clock, 5 * MS + i), stamp_ceiling_of(5 * MS));
    }
    ck_assert_uint_gt(stamp_take(&clock, 6 * MS), stamp_ceiling_of(6 * MS - 1));
    ck_assert_uint_eq(stamp_ceiling_of(-1), 0);
}
END_TEST

/* A clock, and what it may never fall behind. */
struct clock_run {
    struct random random;
    struct stamp_clock clock;
    int64_t wall_ns;
    uint64_t durable;
    uint64_t greatest; /* S1: of all that counts for it */
    int held_back_count;
};

/* Now and then up to 100 s either way. */
static void run_wall(struct clock_run *run)
{
    int64_t jump_ns = (int64_t)random_below(&run->random, 200000 * MS) - 100000 * MS;
    bool jumps = random_chance(&run->random, 1, 10);
    run->wall_ns += jumps ? jump_ns : (int64_t)random_below(&run->random, 2 * MS);
}

static void run_take(struct clock_run *run)
{
    uint64_t taken = stamp_take(&run->clock, run->wall_ns);
    ck_assert_uint_gt(taken, run->greatest);
    ck_assert_int_gt(stamp_journal_ns(taken), stamp_journal_ns(run->greatest));
    ck_assert_uint_eq(stamp_from_journal_ns(stamp_journal_ns(taken)), taken);
    run->greatest = taken;
}

/* A peer, up to three minutes off. */
static void run_observe(struct clock_run *run)
{
    uint64_t wall = stamp_of((uint64_t)(run->wall_ns / MS), 0);
    uint64_t off = random_below(&run->random, stamp_of(360000, 0));
    uint64_t stamp = wall - stamp_of(180000, 0) + off;
    uint64_t before = run->clock.last;
    bool kept_up = stamp_observe(&run->clock, stamp, run->wall_ns);
    ck_assert(kept_up == (run->clock.last >= stamp));
    ck_assert(run->clock.last == before || run->clock.last < wall + stamp_of(60001, 0)); /* S2 */
    if (kept_up && stamp > run->greatest) run->greatest = stamp;
    run->held_back_count += !kept_up;
}

/* What was taken since is lost with it: nobody saw it. */
static void run_crash(struct clock_run *run)
{
    run->clock = (struct stamp_clock){0};
    stamp_restore(&run->clock, run->durable); /* S3 */
    run->greatest = run->durable;
}

/* Returns how often a peer was held back. */
static int run_of_a_clock(uint64_t seed)
{
    struct clock_run run = {.wall_ns = 1700000000000 * MS};
    random_init(&run.random, seed);
    for (int step = 0; step < 200; step++) {
        run_wall(&run);
        switch (random_below(&run.random, 8)) {
        case 0: run_observe(&run); break;
        case 1: run.durable = run.clock.last; break;
        case 2: run_crash(&run); break;
        default: run_take(&run); break;
        }
    }
    return run.held_back_count;
}

START_TEST(stamps_rise_whatever_clocks_and_peers_do)
{
    int held_back = 0;
    uint64_t seed_only = unit_number("BEDE_SEED", UINT64_MAX);
    uint64_t first = seed_only == UINT64_MAX ? 0 : seed_only;
    uint64_t count = seed_only == UINT64_MAX ? unit_number("BEDE_SEEDS", 1000) : 1;
    for (uint64_t seed = first; seed < first + count; seed++) {
        held_back += run_of_a_clock(seed);
    }
    if (count >= 100) ck_assert_int_gt(held_back, 0);
}
END_TEST

START_TEST(order_of_times_is_order_of_stamps)
{
    struct random random;
    random_init(&random, 7);
    for (int i = 0; i < 100000; i++) {
        uint64_t left = stamp_of(random_below(&random, 3), random_below(&random, 65536));
        uint64_t right = random_chance(&random, 1, 3)
                             ? left + random_below(&random, 3)
                             : stamp_of(random_below(&random, 3), random_below(&random, 65536));
        int64_t left_ns = stamp_journal_ns(left), right_ns = stamp_journal_ns(right);
        ck_assert_int_eq((left > right) - (left < right),
                         (left_ns > right_ns) - (left_ns < right_ns));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_stamp_is_the_wall_clock_or_one_more_than_the_last,
        more_stamps_than_a_millisecond_has_room_for,
        a_peer_drags_the_clock_a_minute_at_most,
        a_restart_goes_on_above_the_ceiling,
        times_of_stamps,
        as_of_a_time_includes_its_millisecond,
        stamps_rise_whatever_clocks_and_peers_do,
        order_of_times_is_order_of_stamps,
    };
    return unit_run("stamp", tests, sizeof tests / sizeof *tests);
}
