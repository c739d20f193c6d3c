/* Goal:   what is written after a deletion of a range shows, wherever memory ran out meanwhile; a log of
 *         small files takes as many tags as a large one.
 * Method: every allocation of the deletion fails once, in a store whose frontiers hold nothing of the
 *         tag yet; whether it says that it failed or not, a sample is then written into the range. */
#include "tests/simulation/allocation.h"
#include "tests/storage/small_store.h"

static uint64_t value_at(struct small_store *small, uint32_t tag, int64_t second)
{
    struct arena arena;
    struct entry entry;
    int64_t time_ns;
    arena_init(&arena, 1 << 16);
    ASSERT_OK(store_value_at(small->store, tag, SMALL_EPOCH_NS + second * SMALL_SECOND_NS, &arena,
                             &time_ns, &entry, &small->error),
              &small->error);
    arena_finish(&arena);
    return entry.value;
}

START_TEST(what_is_written_after_a_deletion_that_found_no_memory_shows)
{
    bool is_met = true;
    uint64_t failed_count = 0;
    for (uint64_t step = 0; is_met; step++) {
        struct small_store small;
        struct revision group;
        small_store_init(&small);
        small_store_open(&small);
        uint32_t tag = small_store_tag(&small, "boiler.pressure", VALUE_I64);
        allocation_fail(step, ALLOCATION_ONCE);
        enum status status = store_mask(small.store, &tag, 1, SMALL_EPOCH_NS, INT64_MAX, "ann", "",
                                        &group, &small.error);
        is_met = allocation_is_met();
        allocation_succeed();
        ck_assert(status == STATUS_OK || (is_met && status == STATUS_NO_MEMORY));
        if (status < 0) failed_count++;
        /* A log that could not apply the mask takes nothing more. */
        if (small_store_append(&small, tag, 1, 42) == STATUS_OK) {
            ck_assert_uint_eq(value_at(&small, tag, 1), 42);
        } else {
            ck_assert_int_lt(status, 0);
        }
        small_store_finish(&small);
    }
    ck_assert_uint_ge(failed_count, 4);
}
END_TEST

START_TEST(many_tags_are_made_in_one_call_whatever_the_log_takes_at_once)
{
    enum { TAGS = 300 };
    struct small_store small;
    struct tag_definition definitions[TAGS];
    char names[TAGS][24];
    uint32_t numbers[TAGS], number;
    small_store_init(&small);
    small.options.wal_file_bytes = 16 << 10;
    small_store_open(&small);
    for (size_t i = 0; i < TAGS; i++) {
        (void)snprintf(names[i], sizeof names[i], "boiler.pressure%zu", i);
        definitions[i] = (struct tag_definition){.name = names[i],
                                                 .unit = "bar",
                                                 .description = "in front of the valve",
                                                 .states = "",
                                                 .source = "",
                                                 .attributes = "",
                                                 .type = VALUE_F64};
    }
    ASSERT_OK(store_tags_create(small.store, definitions, TAGS, numbers, &small.error),
              &small.error);
    small_store_close(&small);
    small_store_open(&small);
    for (size_t i = 0; i < TAGS; i++) {
        ck_assert_int_eq(catalog_find(store_catalog(small.store), names[i], &number), STATUS_OK);
        ck_assert_uint_eq(number, numbers[i]);
    }
    small_store_finish(&small);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_after_a_deletion_that_found_no_memory_shows,
        many_tags_are_made_in_one_call_whatever_the_log_takes_at_once,
    };
    return unit_run("store_tags", tests, sizeof tests / sizeof tests[0]);
}
