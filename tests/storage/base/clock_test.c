#include "storage/base/clock.h"

#include "tests/unit.h"

/* Goal:   the system's clocks go forward and know the century.
 * Method: read them twice. */
START_TEST(clock_of_the_system_goes)
{
    struct clock *clock = clock_system();
    int64_t year_2020_ns = 1577836800LL * 1000000000;
    ck_assert_int_gt(clock->wall_ns(clock), year_2020_ns);
    int64_t before_ns = clock->monotonic_ns(clock);
    ck_assert_int_le(before_ns, clock->monotonic_ns(clock));
}
END_TEST

/* Goal:   a virtual clock stands still until it is told, and its wall time may step back alone.
 * Method: one of them. */
START_TEST(clock_virtual_does_what_it_is_told)
{
    struct clock_virtual clock;
    clock_virtual_init(&clock, 1000);
    ck_assert_int_eq(clock.clock.wall_ns(&clock.clock), 1000);
    ck_assert_int_eq(clock.clock.monotonic_ns(&clock.clock), 0);
    clock_virtual_advance(&clock, 50);
    clock.wall_ns -= 500;
    ck_assert_int_eq(clock.clock.wall_ns(&clock.clock), 550);
    ck_assert_int_eq(clock.clock.monotonic_ns(&clock.clock), 50);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        clock_of_the_system_goes,
        clock_virtual_does_what_it_is_told,
    };
    return unit_run("clock", tests, sizeof tests / sizeof *tests);
}
