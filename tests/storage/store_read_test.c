/* Goal:   what the store tells of itself is true while others write.
 * Method: journal records that nobody can read, as a peer might send them, come in by one thread
 *         while another asks; the thread sanitizer sees whether the count is read under its lock. */
#include <uv.h>

#include "tests/storage/small_store.h"

enum { RECORDS = 200 };

static void ask(void *context)
{
    struct small_store *small = context;
    struct store_statistics statistics;
    struct error error;
    uint64_t last = 0;
    do {
        ck_assert_int_eq(store_statistics(small->store, &statistics, &error), STATUS_OK);
        ck_assert_uint_ge(statistics.bad_record_count, last);
        last = statistics.bad_record_count;
    } while (last < RECORDS);
}

START_TEST(unreadable_records_are_counted_while_somebody_asks_for_the_count)
{
    struct small_store small;
    small_store_init(&small);
    small.options.manual = false;
    small_store_open(&small);
    uv_thread_t asker;
    ck_assert_int_eq(uv_thread_create(&asker, ask, &small), 0);
    struct {
        uint32_t size_bytes;
        char bytes[12];
    } text = {.size_bytes = 12, .bytes = "not a record"};
    uint64_t value = value_from_text((const struct text_value *)(const void *)&text);
    uint64_t ticket = 0;
    for (int64_t i = 0; i < RECORDS; i++) {
        int64_t time_ns = SMALL_EPOCH_NS + i;
        struct batch batch = {.sample_count = 1,
                              .tag = 0, /* the store's own journal is its first tag */
                              .times_ns = &time_ns,
                              .values = &value,
                              .type = VALUE_TEXT,
                              .origin = 78};
        ASSERT_OK(store_merge(small.store, &batch, &ticket, &small.error), &small.error);
        ASSERT_OK(store_wait(small.store, ticket, &small.error), &small.error);
    }
    ck_assert_int_eq(uv_thread_join(&asker), 0);
    ck_assert_uint_eq(small_store_statistics(&small).bad_record_count, RECORDS);
    small_store_finish(&small);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        unreadable_records_are_counted_while_somebody_asks_for_the_count,
    };
    return unit_run("store_read", tests, sizeof tests / sizeof tests[0]);
}
