/* One row a case: sizes of segments in rising order, and which should be merged. */
#include "storage/compaction_plan.h"
#include "tests/unit.h"

static const struct {
    const char *why;
    uint64_t bytes[9];
    size_t count;
    struct compaction_plan expected;
} cases[] = {
    {"an empty store", {0}, 0, {0, 0}},
    {"one segment has nothing to merge with", {10}, 1, {0, 0}},
    {"two of a size are too few", {100, 110}, 2, {0, 0}},
    {"three of about one size are merged", {100, 110, 390}, 3, {0, 3}},
    {"a size of more than the ratio stands apart", {100, 110, 500}, 3, {0, 0}},
    {"the smallest go first", {100, 101, 102, 900, 901, 902}, 6, {0, 3}},
    {"larger ones go when the small ones are too few", {100, 101, 900, 901, 902}, 5, {2, 3}},
    {"below the small size all count as one", {1, 9, 40}, 3, {0, 3}},
    {"no more than the most of one merge", {100, 101, 102, 103, 104, 105}, 6, {0, 5}},
    {"too many segments: the smallest are merged whatever they are",
     {100, 500, 2500, 12500, 62500, 312500, 1562500},
     7,
     {0, 5}},
};

START_TEST(merges_what_the_table_says)
{
    struct compaction_limits limits = {.merge_count_min = 3,
                                       .merge_count_max = 5,
                                       .size_ratio = 4,
                                       .small_bytes = 50,
                                       .segment_count_max = 6};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct compaction_plan plan = compaction_plan(cases[i].bytes, cases[i].count, &limits);
        ck_assert_msg(plan.count == cases[i].expected.count &&
                          (plan.count == 0 || plan.first_index == cases[i].expected.first_index),
                      "%s: %zu from %zu", cases[i].why, plan.count, plan.first_index);
    }
}
END_TEST

/* Steady flushes of one size: the number of segments stays small, and a byte is rewritten a number
 * of times that grows like a logarithm. */
START_TEST(keeps_segments_few_and_rewrites_rare)
{
    enum { FLUSHES = 4000, FLUSH_BYTES = 100 };
    struct compaction_limits limits = {.merge_count_min = 4,
                                       .merge_count_max = 16,
                                       .size_ratio = 4,
                                       .small_bytes = 10,
                                       .segment_count_max = 32};
    uint64_t bytes[64];
    size_t count = 0;
    uint64_t written = 0;
    for (int i = 0; i < FLUSHES; i++) {
        memmove(bytes + 1, bytes, count * sizeof bytes[0]);
        bytes[0] = FLUSH_BYTES;
        count++;
        struct compaction_plan plan;
        while ((plan = compaction_plan(bytes, count, &limits)).count > 0) {
            uint64_t merged = 0;
            for (size_t j = 0; j < plan.count; j++) merged += bytes[plan.first_index + j];
            written += merged;
            count -= plan.count;
            memmove(bytes + plan.first_index, bytes + plan.first_index + plan.count,
                    (count - plan.first_index) * sizeof bytes[0]);
            size_t place = 0;
            while (place < count && bytes[place] < merged) place++;
            memmove(bytes + place + 1, bytes + place, (count - place) * sizeof bytes[0]);
            bytes[place] = merged;
            count++;
        }
        ck_assert_uint_le(count, 33);
    }
    ck_assert_uint_le(written, (uint64_t)7 * FLUSHES * FLUSH_BYTES);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {merges_what_the_table_says, keeps_segments_few_and_rewrites_rare};
    return unit_run("compaction_plan", tests, sizeof tests / sizeof tests[0]);
}
