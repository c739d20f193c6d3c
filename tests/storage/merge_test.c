/* Goal:   of several sources a merge makes one stream in which every entry comes once, in order of
 *         time, whole cell by whole cell, and texts stay readable while their cell is.
 * Method: random sources (list_source.h) against all their rows sorted, also up to limits that rise; one
 *         source that fails, and one too many. */
#include "storage/merge.h"

#include "tests/storage/list_source.h"

static struct error error;

static int entry_order(const void *left, const void *right)
{
    return entry_compare(left, right);
}

/* Rows of the twin from first on that are of one time. */
static size_t twin_cell(const struct source_world *world, size_t first)
{
    size_t count = 0;
    while (first + count < world->row_count &&
           world->rows[first + count].time_ns == world->rows[first].time_ns) {
        count++;
    }
    return count;
}

static void check_run(const struct source_world *world, const struct merge_step *step, size_t *next)
{
    for (size_t i = 0; i < step->run.sample_count; i++) {
        ck_assert_uint_lt(*next, world->row_count);
        const struct source_row *row = &world->rows[*next];
        struct entry entry = batch_entry(&step->run, i);
        ck_assert_int_eq(batch_time_ns(&step->run, i), row->time_ns);
        ck_assert_int_eq(entry_compare(&entry, &row->entry), 0);
        ck_assert_int_eq(entry.kind, ENTRY_COLLECTED); /* X2 */
        ck_assert_uint_eq(twin_cell(world, *next), 1); /* X2 */
        ck_assert_uint_eq(step->sequence, row->sequence);
        (*next)++;
    }
}

static void check_cell(const struct source_world *world, const struct merge_step *step,
                       size_t *next)
{
    struct entry entries[LIST_SOURCES_MAX * LIST_ROWS_MAX];
    size_t count = twin_cell(world, *next);
    uint64_t sequence = 0;
    ck_assert_uint_eq(step->entry_count, count); /* X1 */
    ck_assert_int_eq(step->time_ns, world->rows[*next].time_ns);
    memcpy(entries, step->entries, count * sizeof entries[0]);
    qsort(entries, count, sizeof entries[0], entry_order);
    for (size_t i = 0; i < count; i++) {
        const struct source_row *row = &world->rows[*next + i];
        ck_assert_int_eq(entry_compare(&entries[i], &row->entry), 0);
        if (row->sequence > sequence) sequence = row->sequence;
    }
    ck_assert_uint_eq(step->sequence, sequence);
    *next += count;
}

START_TEST(every_entry_comes_once_and_in_order)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t seeds = unit_number("BEDE_SEEDS", 500);
    uint64_t run_count = 0, cell_count = 0;
    struct source_world *world = malloc(sizeof *world);
    ck_assert_ptr_nonnull(world);
    struct merge merge;
    merge_init(&merge);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        merge_reset(&merge); /* one merge for all: its room stays */
        source_world_begin(world, seed, &merge);
        struct merge_step step;
        enum status status;
        size_t next = 0;
        while ((status = merge_next(&merge, &step, &error)) == STATUS_OK) {
            ck_assert_uint_lt(next, world->row_count);
            if (step.run.sample_count > 0) {
                check_run(world, &step, &next);
                run_count++;
            } else {
                check_cell(world, &step, &next);
                cell_count++;
            }
        }
        ck_assert_int_eq(status, STATUS_END);
        ck_assert_uint_eq(next, world->row_count);
        source_world_end(world);
    }
    ck_assert(seeds < 100 || (run_count > seeds && cell_count > seeds)); /* both came up */
    merge_finish(&merge);
    free(world);
}
END_TEST

/* Limits that rise: between any two of them comes what lies between them. */
START_TEST(a_limit_holds_back_what_reaches_it)
{
    struct source_world *world = malloc(sizeof *world);
    ck_assert_ptr_nonnull(world);
    struct merge merge;
    merge_init(&merge);
    for (uint64_t seed = 1; seed < 500; seed++) {
        merge_reset(&merge);
        source_world_begin(world, seed, &merge);
        struct merge_step step;
        size_t next = 0;
        while (next < world->row_count) {
            size_t border = next + random_below(&world->random, world->row_count - next + 1);
            int64_t limit_ns = border < world->row_count ? world->rows[border].time_ns : INT64_MAX;
            merge_limit(&merge, limit_ns);
            enum status status;
            while ((status = merge_next(&merge, &step, &error)) == STATUS_OK) {
                if (step.run.sample_count > 0) {
                    check_run(world, &step, &next);
                } else {
                    check_cell(world, &step, &next);
                }
                ck_assert_int_lt(world->rows[next - 1].time_ns, limit_ns); /* X3 */
            }
            ck_assert_int_eq(status, STATUS_END);
            ck_assert(next == world->row_count || world->rows[next].time_ns >= limit_ns);
            ck_assert_int_eq(merge_next_ns(&merge),
                             next < world->row_count ? world->rows[next].time_ns : INT64_MAX);
        }
        source_world_end(world);
    }
    merge_finish(&merge);
    free(world);
}
END_TEST

START_TEST(a_source_that_fails_ends_the_merge)
{
    struct source_world *world = malloc(sizeof *world);
    ck_assert_ptr_nonnull(world);
    struct merge merge;
    merge_init(&merge);
    for (uint64_t seed = 1; seed < 500; seed++) {
        merge_reset(&merge);
        source_world_begin(world, seed, &merge);
        uint64_t failing = random_below(&world->random, LIST_SOURCES_MAX);
        bool fails = failing < world->source_count;
        if (fails) {
            /* At any batch but the first, or at the end. */
            struct list_source *list = &world->sources[failing];
            list->fails_at = 1 + random_below(&world->random, list->batch_count);
        }
        struct merge_step step;
        enum status status;
        while ((status = merge_next(&merge, &step, &error)) == STATUS_OK) continue;
        ck_assert_int_eq(status, fails ? STATUS_CORRUPT : STATUS_END);
        source_world_end(world);
    }
    merge_finish(&merge);
    free(world);
}
END_TEST

START_TEST(one_source_too_many_is_refused)
{
    struct source_world *world = calloc(1, sizeof *world);
    ck_assert_ptr_nonnull(world);
    struct merge merge;
    merge_init(&merge);
    random_init(&world->random, 1);
    arena_init(&world->texts, 1 << 24);
    world->source_count = 1;
    list_source_make(world, &world->sources[0], 1);
    ASSERT_OK(list_source_refill(&world->sources[0].source, &error), &error);
    for (size_t i = 0; i < MERGE_SOURCES_MAX; i++) {
        ASSERT_OK(merge_add(&merge, &world->sources[0].source, &error), &error);
    }
    ASSERT_STATUS(STATUS_TOO_LARGE, merge_add(&merge, &world->sources[0].source, &error), &error);
    merge_finish(&merge);
    source_world_end(world);
    free(world);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_entry_comes_once_and_in_order,
        a_limit_holds_back_what_reaches_it,
        a_source_that_fails_ends_the_merge,
        one_source_too_many_is_refused,
    };
    return unit_run("merge", tests, sizeof tests / sizeof tests[0]);
}
