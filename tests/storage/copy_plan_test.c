/* Goal:   a block is copied exactly when nothing of the tag reaches into it, it lies in one output,
 *         and it is full enough.
 * Method: one row a case; then random extents against the rule, looked up pair by pair. */
#include "storage/copy_plan.h"

#include "storage/base/random.h"
#include "tests/unit.h"

enum { EXTENTS_MAX = 60, FULL = 100 };

/* Two outputs with a gap between them. */
static const struct time_window windows[] = {{0, 100, SEGMENT_DAY}, {200, 300, SEGMENT_DAY}};

static const struct {
    const char *why;
    struct {
        int64_t first_ns, last_ns;
        uint32_t sample_count;
    } extents[4];
    size_t count;
    const char *copied; /* by first time */
} cases[] = {
    {"a full block alone is copied", {{10, 20, FULL}}, 1, "y"},
    {"one of half the samples is full enough", {{10, 20, FULL / 2}}, 1, "y"},
    {"one of less is joined with others", {{10, 20, FULL / 2 - 1}}, 1, "n"},
    {"blocks in a row are copied", {{10, 20, FULL}, {21, 30, FULL}, {31, 40, FULL}}, 3, "yyy"},
    {"two that share a cell are not", {{10, 20, FULL}, {20, 30, FULL}, {31, 40, FULL}}, 3, "nny"},
    {"a late sample spoils the block that it lies in",
     {{10, 20, FULL}, {30, 40, FULL}, {35, 35, 1}, {50, 60, FULL}},
     4,
     "ynny"},
    {"and a long one all that it covers", {{10, 60, 2}, {20, 30, FULL}, {40, 50, FULL}}, 3, "nnn"},
    {"one of long ago that still reaches in",
     {{10, 60, 2}, {20, 22, FULL}, {55, 58, FULL}, {61, 70, FULL}},
     4,
     "nnny"},
    {"an entry of the history is in the way", {{10, 20, FULL}, {12, 12, 0}}, 2, "nn"},
    {"but not beside", {{10, 20, FULL}, {21, 21, 0}}, 2, "yn"},
    {"a block over the border of a window is cut", {{90, 210, FULL}}, 1, "n"},
    {"one up to the border is not", {{90, 99, FULL}, {200, 299, FULL}}, 2, "yy"},
};

START_TEST(copies_what_the_table_says)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct copy_extent extents[4] = {0};
        size_t expected = 0;
        for (size_t j = 0; j < cases[i].count; j++) {
            size_t place = cases[i].count - 1 - j; /* the order does not matter */
            extents[place].first_ns = cases[i].extents[j].first_ns;
            extents[place].last_ns = cases[i].extents[j].last_ns;
            extents[place].sample_count = cases[i].extents[j].sample_count;
            expected += cases[i].copied[j] == 'y';
        }
        size_t count = copy_plan(extents, cases[i].count, windows, 2, FULL / 2);
        ck_assert_msg(count == expected, "%s: %zu", cases[i].why, count);
        for (size_t j = 0; j < cases[i].count; j++) {
            ck_assert_msg(extents[j].is_copied == (cases[i].copied[j] == 'y'), "%s: block %zu",
                          cases[i].why, j);
        }
    }
}
END_TEST

static bool by_the_rule(const struct copy_extent *extents, size_t count, size_t index)
{
    const struct copy_extent *extent = &extents[index];
    bool is_within = false;
    for (size_t i = 0; i < 2; i++) {
        is_within = is_within || time_window_holds(&windows[i], extent->first_ns, extent->last_ns);
    }
    for (size_t i = 0; i < count; i++) {
        bool is_apart =
            extents[i].last_ns < extent->first_ns || extents[i].first_ns > extent->last_ns;
        if (i != index && !is_apart) return false;
    }
    return is_within && extent->sample_count >= FULL / 2;
}

START_TEST(copies_what_the_rule_says)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 20000); seed++) {
        struct random random;
        struct copy_extent extents[EXTENTS_MAX];
        random_init(&random, seed);
        size_t count = random_below(&random, EXTENTS_MAX + 1);
        uint64_t length_max = 1 + random_below(&random, 30);
        for (size_t i = 0; i < count; i++) {
            int64_t first_ns = (int64_t)random_below(&random, 320);
            extents[i] = (struct copy_extent){
                .first_ns = first_ns,
                .last_ns = first_ns + (int64_t)random_below(&random, length_max),
                .sample_count = (uint32_t)random_below(&random, FULL)};
        }
        size_t copied = copy_plan(extents, count, windows, 2, FULL / 2);
        for (size_t i = 0; i < count; i++) {
            ck_assert_msg(extents[i].is_copied == by_the_rule(extents, count, i), "seed %llu",
                          (unsigned long long)seed);
            copied -= extents[i].is_copied;
        }
        ck_assert_uint_eq(copied, 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {copies_what_the_table_says, copies_what_the_rule_says};
    return unit_run("copy_plan", tests, sizeof tests / sizeof tests[0]);
}
