/* Goal:   a block answers for itself only where nothing else has a say.
 * Method: a row a case: what lies where, and which pieces come of it. */
#include "storage/aggregate_plan.h"

#include "tests/unit.h"

enum { EXTENTS_MAX = 6 };
enum { NONE, BLOCK, MERGE }; /* what a piece is */

static const struct {
    const char *why;
    struct {
        int64_t first_ns, last_ns;
        bool is_plain;
    } extents[EXTENTS_MAX];
    size_t count;
    struct mask mask; /* to 0: none */
    struct {
        int sort;
        int64_t first_ns, last_ns;
    } expected[EXTENTS_MAX];
} cases[] = {
    {"nothing", {{0, 0, false}}, 0, {0}, {{NONE, 0, 0}}},
    {"one block", {{1, 5, true}}, 1, {0}, {{BLOCK, 1, 5}}},
    {"one head", {{1, 5, false}}, 1, {0}, {{MERGE, 1, 5}}},
    {"blocks side by side", {{1, 5, true}, {6, 9, true}}, 2, {0}, {{BLOCK, 1, 5}, {BLOCK, 6, 9}}},
    {"blocks that share a time", {{1, 5, true}, {5, 9, true}}, 2, {0}, {{MERGE, 1, 9}}},
    {"in no order", {{6, 9, true}, {1, 5, true}}, 2, {0}, {{BLOCK, 1, 5}, {BLOCK, 6, 9}}},
    {"a head over the second of three",
     {{1, 5, true}, {6, 9, true}, {7, 8, false}, {10, 12, true}},
     4,
     {0},
     {{BLOCK, 1, 5}, {MERGE, 6, 9}, {BLOCK, 10, 12}}},
    {"a long one over all", {{0, 20, false}, {1, 5, true}, {6, 9, true}}, 3, {0}, {{MERGE, 0, 20}}},
    {"a long one, and a block behind it",
     {{0, 7, true}, {1, 2, true}, {6, 9, true}, {10, 11, true}},
     4,
     {0},
     {{MERGE, 0, 9}, {BLOCK, 10, 11}}},
    {"two heads become one pass", {{1, 2, false}, {5, 6, false}}, 2, {0}, {{MERGE, 1, 6}}},
    {"a mask over a block",
     {{1, 5, true}, {6, 9, true}},
     2,
     {.from_ns = 5, .to_ns = 6},
     {{MERGE, 1, 5}, {BLOCK, 6, 9}}},
    {"a mask between blocks",
     {{1, 4, true}, {6, 9, true}},
     2,
     {.from_ns = 5, .to_ns = 6},
     {{BLOCK, 1, 4}, {BLOCK, 6, 9}}},
    {"a mask's end is not in it",
     {{1, 4, true}, {6, 9, true}},
     2,
     {.from_ns = -3, .to_ns = 1},
     {{BLOCK, 1, 4}, {BLOCK, 6, 9}}},
};

START_TEST(blocks_answer_where_they_are_alone)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct extent extents[EXTENTS_MAX];
        struct aggregate_piece pieces[EXTENTS_MAX];
        for (size_t j = 0; j < cases[i].count; j++) {
            extents[j] = (struct extent){.first_ns = cases[i].extents[j].first_ns,
                                         .last_ns = cases[i].extents[j].last_ns,
                                         .is_plain = cases[i].extents[j].is_plain};
        }
        size_t mask_count = cases[i].mask.to_ns != 0;
        size_t count = aggregate_plan(extents, cases[i].count, &cases[i].mask, mask_count, pieces);
        size_t expected_count = 0;
        while (expected_count < EXTENTS_MAX && cases[i].expected[expected_count].sort != NONE) {
            expected_count++;
        }
        ck_assert_msg(count == expected_count, "%s: %zu pieces", cases[i].why, count);
        for (size_t j = 0; j < count; j++) {
            int sort = pieces[j].block ? BLOCK : MERGE;
            ck_assert_msg(sort == cases[i].expected[j].sort &&
                              pieces[j].first_ns == cases[i].expected[j].first_ns &&
                              pieces[j].last_ns == cases[i].expected[j].last_ns,
                          "%s: piece %zu", cases[i].why, j);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {blocks_answer_where_they_are_alone};
    return unit_run("aggregate_plan", tests, sizeof tests / sizeof tests[0]);
}
