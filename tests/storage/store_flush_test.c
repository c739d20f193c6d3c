/* Goal:   a flush that fails leaves no file behind that nothing names: a disk that is nearly full
 *         is not filled by its retries.
 * Method: every call to the disk, and every allocation, of a flush fails once; the files on the disk
 *         are counted after the failure, after some retries, and after a start. Only where the
 *         manifest itself may name the segment does one stay, one for all retries. */
#include "tests/simulation/allocation.h"
#include "tests/storage/small_store.h"

enum { RETRIES = 3, CATALOG_FILES = 2 /* identities, frontiers */ };

static uint64_t segment_files(struct small_store *small)
{
    return small_store_file_count(small, "segments");
}

static void check_value(struct small_store *small, uint32_t tag, int64_t second, uint64_t expected)
{
    struct arena arena;
    struct entry entry;
    int64_t time_ns;
    arena_init(&arena, 1 << 16);
    ASSERT_OK(store_value_at(small->store, tag, SMALL_EPOCH_NS + second * SMALL_SECOND_NS, &arena,
                             &time_ns, &entry, &small->error),
              &small->error);
    ck_assert_uint_eq(entry.value, expected);
    arena_finish(&arena);
}

/* A store with one segment and something to flush. */
static uint32_t begin(struct small_store *small)
{
    small_store_init(small);
    small_store_open(small);
    uint32_t tag = small_store_tag(small, "boiler.pressure", VALUE_I64);
    ASSERT_OK(small_store_append(small, tag, 1, 10), &small->error);
    ASSERT_OK(store_flush(small->store, &small->error), &small->error);
    ASSERT_OK(small_store_append(small, tag, 2, 20), &small->error);
    return tag;
}

/* After a flush that failed; false when it cannot be done again without a start. */
static bool check_retries(struct small_store *small)
{
    uint64_t left_count = segment_files(small);
    uint64_t live_count = small_store_statistics(small).segment_count;
    if (store_flush(small->store, &small->error) == STATUS_OK) {
        ck_assert_uint_eq(left_count, live_count);
        ck_assert_uint_eq(segment_files(small), live_count + 1);
        ck_assert_uint_eq(small_store_file_count(small, "catalog"), CATALOG_FILES);
        return true;
    }
    ck_assert_uint_le(left_count, live_count + 1);
    for (size_t i = 0; i < RETRIES; i++) {
        file_fault_plan(small->fault, NULL);
        ck_assert_int_lt(store_flush(small->store, &small->error), 0);
        ck_assert_uint_eq(file_fault_step_count(small->fault), 0); /* nor is any written */
        ck_assert_uint_eq(segment_files(small), left_count);
    }
    return false;
}

static void check_start(struct small_store *small, uint32_t tag)
{
    (void)store_close(small->store, &small->error); /* it may have been poisoned */
    small_store_open(small);
    ck_assert_uint_eq(segment_files(small), small_store_statistics(small).segment_count);
    ck_assert_uint_eq(small_store_file_count(small, "catalog"), CATALOG_FILES);
    check_value(small, tag, 1, 10);
    check_value(small, tag, 2, 20);
    small_store_finish(small);
}

/* Failures that a retry got over, and that only a start did. */
struct outcome {
    uint64_t mended_count;
    uint64_t doubtful_count;
};

static void take_outcome(struct small_store *small, enum status status, struct outcome *outcome)
{
    if (status == STATUS_OK) {
        return; /* tidying is done as well as may be */
    }
    if (check_retries(small)) {
        outcome->mended_count++;
    } else {
        outcome->doubtful_count++;
    }
}

static struct outcome walk_disk(enum status failure)
{
    struct outcome outcome = {0};
    bool is_met = true;
    for (uint64_t step = 0; is_met; step++) {
        struct small_store small;
        uint32_t tag = begin(&small);
        struct file_fault_plan plan = {.status = failure, .step = step, .part_per_1024 = 700};
        file_fault_plan(small.fault, &plan);
        enum status status = store_flush(small.store, &small.error);
        is_met = file_fault_is_met(small.fault);
        file_fault_plan(small.fault, NULL);
        ck_assert(status == STATUS_OK || is_met);
        take_outcome(&small, status, &outcome);
        check_start(&small, tag);
    }
    return outcome;
}

START_TEST(a_flush_that_the_disk_fails_leaves_no_file_behind)
{
    const enum status failures[] = {STATUS_IO, STATUS_NO_SPACE};
    for (size_t i = 0; i < 2; i++) {
        struct outcome outcome = walk_disk(failures[i]);
        ck_assert_uint_ge(outcome.mended_count, 8);
        ck_assert_uint_ge(outcome.doubtful_count, 1);
        ck_assert_uint_le(outcome.doubtful_count, 2); /* the edit: its write and its sync */
    }
}
END_TEST

START_TEST(a_flush_that_finds_no_memory_leaves_no_file_behind)
{
    struct outcome outcome = {0};
    bool is_met = true;
    for (uint64_t step = 0; is_met; step++) {
        struct small_store small;
        uint32_t tag = begin(&small);
        allocation_fail(step, ALLOCATION_ONCE);
        enum status status = store_flush(small.store, &small.error);
        is_met = allocation_is_met();
        allocation_succeed();
        ck_assert(status == STATUS_OK || is_met);
        take_outcome(&small, status, &outcome);
        check_start(&small, tag);
    }
    ck_assert_uint_ge(outcome.mended_count, 20);
    ck_assert_uint_le(outcome.doubtful_count, 3); /* the disk in memory needs some for the edit */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_flush_that_the_disk_fails_leaves_no_file_behind,
        a_flush_that_finds_no_memory_leaves_no_file_behind,
    };
    return unit_run("store_flush", tests, sizeof tests / sizeof tests[0]);
}
