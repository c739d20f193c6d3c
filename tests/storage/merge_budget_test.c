/* Goal:   merges go at the pace that the table says, and keep it over time.
 * Method: one row a pressure; then a merge that writes and waits on a virtual clock. */
#include "storage/merge_budget.h"

#include "tests/unit.h"

#define SECOND_NS INT64_C(1000000000)
#define MIB ((uint64_t)1 << 20)

static const struct {
    const char *why;
    struct merge_pressure pressure;
    uint64_t rate;
} cases[] = {
    {"nothing else to do", {1, 64, false, 0}, 64 * MIB},
    {"commits are quick", {1, 64, false, 2000000}, 64 * MIB},
    {"commits are slow", {1, 64, false, 30000000}, 4 * MIB},
    {"appends wait for room", {1, 64, true, 0}, 4 * MIB},
    {"half the segments that may be", {32, 64, true, 0}, 4 * MIB},
    {"some more", {40, 64, true, 0}, 64 * MIB},
    {"and more yet", {40, 64, false, 0}, 1024 * MIB},
    {"as many as may be", {64, 64, true, SECOND_NS}, UINT64_MAX},
    {"more than that", {99, 64, true, SECOND_NS}, UINT64_MAX},
};

START_TEST(the_rate_is_what_the_table_says)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t rate = merge_budget_rate(&cases[i].pressure);
        ck_assert_msg(rate == cases[i].rate, "%s: %llu", cases[i].why, (unsigned long long)rate);
    }
    uint64_t last = 0;
    for (uint64_t count = 0; count <= 64; count++) {
        struct merge_pressure pressure = {count, 64, true, 0};
        uint64_t rate = merge_budget_rate(&pressure);
        ck_assert_uint_ge(rate, last);
        last = rate;
    }
}
END_TEST

/* So many bytes in steps, on a clock that moves by what is waited for only. */
static int64_t duration_ns(uint64_t bytes, uint64_t step, const struct merge_pressure *pressure)
{
    struct merge_budget budget;
    int64_t now_ns = 5 * SECOND_NS;
    merge_budget_init(&budget, now_ns);
    for (; bytes > 0; bytes -= step) {
        int64_t wait_ns = merge_budget_take(&budget, step, pressure, now_ns);
        while (wait_ns > 0) {
            ck_assert_int_le(wait_ns, SECOND_NS);
            now_ns += wait_ns;
            wait_ns = merge_budget_take(&budget, 0, pressure, now_ns);
        }
    }
    return now_ns - 5 * SECOND_NS;
}

START_TEST(a_merge_takes_as_long_as_its_bytes_do)
{
    struct merge_pressure calm = {1, 64, false, 0}, busy = {1, 64, true, 0},
                          full = {64, 64, true, 0};
    /* 8 MiB are in the bucket when it begins. */
    int64_t calm_ns = duration_ns(648 * MIB, 64 << 10, &calm);
    ck_assert(calm_ns > 99 * SECOND_NS / 10 && calm_ns < 101 * SECOND_NS / 10);
    int64_t busy_ns = duration_ns(48 * MIB, 16 * MIB, &busy); /* of one step more than the bucket */
    ck_assert(busy_ns > 99 * SECOND_NS / 10 && busy_ns < 101 * SECOND_NS / 10);
    ck_assert_int_eq(duration_ns(1024 * MIB, MIB, &full), 0);
}
END_TEST

START_TEST(what_was_not_used_is_not_saved_up)
{
    struct merge_pressure calm = {1, 64, false, 0};
    struct merge_budget budget;
    merge_budget_init(&budget, 0);
    ck_assert_int_eq(merge_budget_take(&budget, 8 * MIB, &calm, 3600 * SECOND_NS), 0);
    ck_assert_int_gt(merge_budget_take(&budget, MIB, &calm, 3600 * SECOND_NS), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {the_rate_is_what_the_table_says,
                                  a_merge_takes_as_long_as_its_bytes_do,
                                  what_was_not_used_is_not_saved_up};
    return unit_run("merge_budget", tests, sizeof tests / sizeof tests[0]);
}
