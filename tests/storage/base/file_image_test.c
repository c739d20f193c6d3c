#include "storage/base/file_image.h"

#include "storage/base/file_fault.h"
#include "storage/base/file_memory.h"
#include "tests/simulation/allocation.h"
#include "tests/unit.h"

static struct error error;

/* Makes files and changes of every sort, not synced, and a copy; gives up at the first failure. */
static enum status scenario_with(struct file_system *disk, struct file *file)
{
    enum status status = file_write_at(file, "abcdef", 6, 1000, &error);
    if (status == STATUS_OK) status = file_sync(file, &error);
    if (status == STATUS_OK) status = file_truncate(file, 5000, &error);
    if (status == STATUS_OK) status = file_write_at(file, "ghijkl", 6, 70000, &error);
    if (status == STATUS_OK) status = file_create_directory(disk, "d", &error);
    if (status == STATUS_OK) status = file_sync_directory(disk, "/", &error);
    if (status == STATUS_OK) status = file_rename(disk, "f", "g", &error);
    if (status == STATUS_OK) status = file_rename(disk, "g", "d/f", &error);
    for (int i = 0; status == STATUS_OK && i < 10; i++) {
        char path[] = {'d', '/', (char)('0' + i), 0};
        struct file *other;
        status = file_open(disk, &other, path, FILE_EXTEND, &error);
        if (status == STATUS_OK) file_close(other);
    }
    if (status == STATUS_OK) status = file_remove(disk, "d/7", &error);
    return status;
}

static enum status scenario(struct file_memory **out_memory, struct file_memory **out_copy)
{
    struct file *file = NULL;
    enum status status = file_memory_create(out_memory, &error);
    if (status < 0) return status;
    struct file_system *disk = file_memory_system(*out_memory);
    status = file_open(disk, &file, "f", FILE_CREATE, &error);
    if (status == STATUS_OK) status = scenario_with(disk, file);
    if (status == STATUS_OK) status = file_memory_copy(out_copy, *out_memory, &error);
    file_close(file);
    return status;
}

/* Goal:   no failing allocation makes the disk in memory leak, lie or break.
 * Method: fail the first allocation of a scenario, then the second, and so on, once and for good;
 *         after each the disk still lives through a crash. */
START_TEST(image_survives_failing_allocations)
{
    for (int failure = 0; failure < 2; failure++) {
        bool is_met = true;
        for (uint64_t step = 0; is_met; step++) {
            struct file_memory *memory = NULL;
            struct file_memory *copy = NULL;
            int64_t live_count = allocation_live_count();
            allocation_fail(step, (enum allocation_failure)failure);
            enum status status = scenario(&memory, &copy);
            is_met = allocation_is_met();
            allocation_succeed();

            struct random random;
            random_init(&random, step);
            if (memory) file_memory_crash(memory, &random, FILE_CRASH_SCATTERED);
            file_memory_destroy(memory);
            file_memory_destroy(copy);
            int64_t left_count = allocation_live_count() - live_count;
            ck_assert_int_eq(status, is_met ? STATUS_NO_MEMORY : STATUS_OK);
            ck_assert_int_eq(left_count, 0);
            ck_assert_uint_lt(step, 1000);
            if (!is_met) ck_assert_uint_gt(step, 40);
        }
    }
}
END_TEST

/* Goal:   a sync and a crash cannot fail for want of memory. (I2)
 * Method: every kind of change unsynced; then no allocation succeeds any more. */
START_TEST(image_needs_no_memory_to_sync_or_crash)
{
    for (int crash = 0; crash < FILE_CRASH_COUNT; crash++) {
        struct file_memory *memory = NULL;
        struct file_memory *copy = NULL;
        struct random random;
        random_init(&random, 5);
        ASSERT_OK(scenario(&memory, &copy), &error);
        allocation_fail(0, ALLOCATION_STICKY);
        file_memory_crash(copy, &random, (enum file_crash)crash);
        enum status status = file_sync_directory(file_memory_system(memory), "d", &error);
        file_memory_crash(memory, &random, (enum file_crash)crash);
        bool is_met = allocation_is_met();
        allocation_succeed();
        ck_assert(!is_met);
        ck_assert_int_eq(status, STATUS_OK);
        file_memory_destroy(memory);
        file_memory_destroy(copy);
    }
}
END_TEST

/* Goal:   the failing disk tells when memory runs out instead of a file, and counts no such file.
 * Method: the same walk over one open and one close. */
START_TEST(image_behind_a_fault)
{
    bool is_met = true;
    for (uint64_t step = 0; is_met; step++) {
        struct file_memory *memory;
        struct file_fault *fault;
        ASSERT_OK(file_memory_create(&memory, &error), &error);
        ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
        struct file *file = NULL;
        allocation_fail(step, ALLOCATION_ONCE);
        enum status status = file_open(file_fault_system(fault), &file, "f", FILE_CREATE, &error);
        is_met = allocation_is_met();
        allocation_succeed();
        ck_assert_int_eq(status, is_met ? STATUS_NO_MEMORY : STATUS_OK);
        ck_assert_uint_eq(file_fault_open_count(fault), is_met ? 0 : 1);
        file_close(file);
        file_fault_destroy(fault);
        file_memory_destroy(memory);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        image_survives_failing_allocations,
        image_needs_no_memory_to_sync_or_crash,
        image_behind_a_fault,
    };
    return unit_run("file_image", tests, sizeof tests / sizeof *tests);
}
