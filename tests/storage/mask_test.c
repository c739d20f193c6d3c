/* Goal:   which masks lie over a tag, as of any moment, whatever order they became known in.
 * Method: random masks, groups and liftings go into the table shuffled and repeated; every answer
 *         is compared with a plain walk over all that was made. */
#include "storage/base/random.h"
#include "storage/mask.h"
#include "storage/sample.h"
#include "tests/unit.h"

enum { MASKS = 60, GROUPS = 12, TAGS = 9, TIMES = 40 };

static uint64_t seed; /* of the test in work */

struct known {
    struct mask mask;
    uint32_t numbers[TAGS];
    size_t number_count;
};

struct plant {
    struct known masks[MASKS];
    struct revision groups[GROUPS];
    uint64_t lifted_at[GROUPS][2]; /* 0: not */
};

static struct revision revision_at(uint64_t clock)
{
    return (struct revision){.clock = clock, .node = clock % 3, .generation = (uint32_t)clock % 2};
}

static void plant_grow(struct plant *plant, struct random *random)
{
    *plant = (struct plant){0};
    for (uint64_t i = 0; i < GROUPS; i++) {
        plant->groups[i] = revision_at(100 + i);
        for (int j = 0; j < 2; j++) {
            if (random_chance(random, 1, 3))
                plant->lifted_at[i][j] = 100 + random_below(random, 99);
        }
    }
    for (uint64_t i = 0; i < MASKS; i++) {
        struct known *known = &plant->masks[i];
        known->mask.from_ns = (int64_t)random_below(random, TIMES);
        known->mask.to_ns = known->mask.from_ns + 1 + (int64_t)random_below(random, 9);
        known->mask.stamp = revision_at(100 + i);
        known->mask.group = plant->groups[random_below(random, GROUPS)];
        for (uint32_t number = 0; number < TAGS; number++) {
            if (random_chance(random, 1, 3)) known->numbers[known->number_count++] = number;
        }
    }
}

static bool plant_counts(const struct plant *plant, const struct known *known, uint32_t number,
                         uint64_t as_of)
{
    bool is_on_tag = false;
    for (size_t i = 0; i < known->number_count; i++) is_on_tag |= known->numbers[i] == number;
    if (!is_on_tag || known->mask.stamp.clock > as_of) return false;
    for (size_t i = 0; i < GROUPS; i++) {
        if (revision_compare(plant->groups[i], known->mask.group) != 0) continue;
        for (int j = 0; j < 2; j++) {
            uint64_t lifted_at = plant->lifted_at[i][j];
            if (lifted_at != 0 && lifted_at <= as_of) return false;
        }
    }
    return true;
}

static void table_fill(struct mask_table *table, const struct plant *plant, struct random *random)
{
    struct error error;
    bool is_done[MASKS + 2 * GROUPS] = {false};
    for (size_t left = MASKS + 2 * GROUPS; left > 0;) {
        uint64_t event = random_below(random, MASKS + 2 * GROUPS);
        if (!is_done[event]) left--;
        is_done[event] = true;
        if (event < MASKS) {
            const struct known *known = &plant->masks[event];
            ASSERT_OK(
                mask_table_add(table, &known->mask, known->numbers, known->number_count, &error),
                &error);
            ck_assert(mask_table_has_group(table, known->mask.group));
            continue;
        }
        uint64_t group = (event - MASKS) / 2;
        uint64_t lifted_at = plant->lifted_at[group][event % 2];
        if (lifted_at == 0) continue;
        ASSERT_OK(mask_table_lift(table, plant->groups[group], lifted_at, &error), &error);
    }
}

/* The table's answer has exactly the stamps that the walk finds. */
static void check_select(const struct mask_table *table, const struct plant *plant, uint32_t number,
                         struct random *random)
{
    struct mask masks[MASKS];
    int64_t from_ns = (int64_t)random_below(random, TIMES);
    int64_t to_ns = from_ns + 1 + (int64_t)random_below(random, 10);
    uint64_t as_of = random_chance(random, 1, 4) ? UINT64_MAX : 95 + random_below(random, 110);
    struct mask_range range = {from_ns, to_ns, as_of};
    size_t count = mask_table_select(table, number, &range, NULL);
    ck_assert_uint_le(count, MASKS);
    ck_assert_uint_eq(mask_table_select(table, number, &range, masks), count);
    size_t expected_count = 0;
    struct revision expected_over = {.clock = 0};
    for (size_t i = 0; i < MASKS; i++) {
        const struct known *known = &plant->masks[i];
        if (!plant_counts(plant, known, number, as_of)) continue;
        if (known->mask.to_ns <= from_ns || known->mask.from_ns >= to_ns) continue;
        expected_count++;
        bool is_found = false;
        for (size_t j = 0; j < count; j++) {
            is_found |= memcmp(&masks[j], &known->mask, sizeof(struct mask)) == 0;
        }
        ck_assert(is_found);
        if (known->mask.from_ns <= from_ns && from_ns < known->mask.to_ns &&
            revision_compare(known->mask.stamp, expected_over) > 0) {
            expected_over = known->mask.stamp;
        }
    }
    ck_assert_uint_eq(count, expected_count);
    ck_assert_int_eq(revision_compare(masks_over(masks, count, from_ns), expected_over), 0);
}

static void check_end(const struct mask_table *table, const struct plant *plant, uint32_t number)
{
    int64_t expected_ns = INT64_MIN;
    for (size_t i = 0; i < MASKS; i++) {
        const struct known *known = &plant->masks[i];
        for (size_t j = 0; j < known->number_count; j++) {
            if (known->numbers[j] == number && known->mask.to_ns > expected_ns) {
                expected_ns = known->mask.to_ns;
            }
        }
    }
    ck_assert_int_eq(mask_table_end_ns(table, number), expected_ns);
}

START_TEST(masks_are_those_that_a_plain_walk_finds)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", unit_number("BEDE_SEED", 0) ? 1 : 100);
    for (seed = first; seed < first + count; seed++) {
        struct random random;
        struct plant plant;
        struct mask_table table;
        random_init(&random, seed);
        plant_grow(&plant, &random);
        mask_table_init(&table);
        table_fill(&table, &plant, &random);
        for (int i = 0; i < 300; i++) {
            uint32_t number = (uint32_t)random_below(&random, TAGS + 2);
            check_select(&table, &plant, number, &random);
            check_end(&table, &plant, number);
        }
        mask_table_finish(&table);
    }
}
END_TEST

START_TEST(a_group_is_known_by_its_masks_not_by_its_lifting)
{
    struct error error;
    struct mask_table table;
    struct revision group = revision_at(7);
    mask_table_init(&table);
    ck_assert(!mask_table_has_group(&table, group));
    ASSERT_OK(mask_table_lift(&table, group, 9, &error), &error);
    ck_assert(!mask_table_has_group(&table, group));
    struct mask mask = {.from_ns = 1, .to_ns = 2, .stamp = revision_at(7), .group = group};
    uint32_t number = TAG_COUNT_MAX - 1;
    ASSERT_OK(mask_table_add(&table, &mask, &number, 1, &error), &error);
    ck_assert(mask_table_has_group(&table, group));
    mask_table_finish(&table);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        masks_are_those_that_a_plain_walk_finds,
        a_group_is_known_by_its_masks_not_by_its_lifting,
    };
    int result = unit_run("mask", tests, sizeof tests / sizeof tests[0]);
    if (result != EXIT_SUCCESS) printf("seed %llu\n", (unsigned long long)seed);
    return result;
}
