#include "storage/base/file_fault.h"

#include "storage/base/file_memory.h"
#include "tests/unit.h"

static struct error error;
static struct file_memory *memory;
static struct file_fault *fault;
static struct file_system *disk;

static void begin(void)
{
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
    disk = file_fault_system(fault);
}

static void end(void)
{
    ck_assert_uint_eq(file_fault_open_count(fault), 0);
    file_fault_destroy(fault);
    file_memory_destroy(memory);
}

static enum status visit_nothing(void *context, const char *name)
{
    (void)context;
    (void)name;
    return STATUS_OK;
}

/* Every call that there is, once, until one fails. */
static enum status scenario_with(struct file *file, struct file *lock)
{
    char bytes[4];
    uint64_t size;
    enum status status = file_write_at(file, "abcd", 4, 0, &error);
    if (status == STATUS_OK) status = file_sync(file, &error);
    if (status == STATUS_OK) status = file_read_at(file, bytes, 4, 0, &error);
    if (status == STATUS_OK) status = file_size(file, &size, &error);
    if (status == STATUS_OK) status = file_truncate(lock, 0, &error);
    if (status == STATUS_OK) status = file_create_directory(disk, "d", &error);
    if (status == STATUS_OK) status = file_rename(disk, "f", "g", &error);
    if (status == STATUS_OK) status = file_sync_directory(disk, "", &error);
    if (status == STATUS_OK) status = file_list(disk, "", visit_nothing, NULL, &error);
    if (status == STATUS_OK) status = file_remove(disk, "d", &error);
    return status;
}

enum { SCENARIO_CALLS = 12, SCENARIO_CALLS_WITH_ROOM = 8 };

static enum status scenario(void)
{
    struct file *file = NULL;
    struct file *lock = NULL;
    enum status status = file_open(disk, &file, "f", FILE_CREATE, &error);
    if (status == STATUS_OK) status = file_lock(disk, &lock, "LOCK", &error);
    if (status == STATUS_OK) status = scenario_with(file, lock);
    file_close(lock);
    file_close(file);
    return status;
}

/* Goal:   a walk over all steps fails every call once, and ends when the scenario runs clean.
 * Method: walk a scenario of every call there is, with both failures, once and sticky. */
START_TEST(fault_walks_through_every_call)
{
    static const struct {
        const char *why;
        enum status status;
        uint64_t calls;
    } cases[] = {
        {"any call may fail", STATUS_IO, SCENARIO_CALLS},
        {"reading and removing need no room", STATUS_NO_SPACE, SCENARIO_CALLS_WITH_ROOM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            struct file_fault_plan plan = {.status = cases[i].status, .is_sticky = sticky};
            bool is_met = true;
            for (; is_met; plan.step++) {
                begin();
                file_fault_plan(fault, &plan);
                enum status status = scenario();
                is_met = file_fault_is_met(fault);
                ck_assert_int_eq(status, is_met ? cases[i].status : STATUS_OK);
                ck_assert_uint_eq(file_fault_step_count(fault), plan.step + is_met);
                if (is_met) {
                    enum status next = file_sync_directory(disk, "", &error);
                    ck_assert_int_eq(next, sticky ? cases[i].status : STATUS_OK);
                }
                end();
            }
            ck_assert_msg(plan.step == cases[i].calls + 1, "%s", cases[i].why);
        }
    }
}
END_TEST

/* Goal:   without a plan nothing fails, and a new plan counts from 0.
 * Method: the scenario before, under and after a plan. */
START_TEST(fault_obeys_its_plan)
{
    begin();
    ck_assert_int_eq(scenario(), STATUS_OK);
    ck_assert_uint_eq(file_fault_step_count(fault), SCENARIO_CALLS);
    file_fault_plan(fault, &(struct file_fault_plan){.status = STATUS_IO, .is_sticky = true});
    ck_assert_int_eq(scenario(), STATUS_IO);
    ck_assert(file_fault_is_met(fault));
    file_fault_plan(fault, NULL);
    ck_assert_int_eq(scenario(), STATUS_OK);
    ck_assert(!file_fault_is_met(fault));
    end();
}
END_TEST

/* Goal:   a failing write leaves the part that the plan wants, no more and no less.
 * Method: shares of a write, in 1024ths. */
START_TEST(fault_writes_a_part)
{
    static const struct {
        uint32_t part_per_1024;
        size_t size;
        size_t expected;
    } cases[] = {{0, 3000, 0}, {512, 3000, 1500}, {1, 3000, 2}, {1024, 3000, 3000}, {512, 1, 0}};
    uint8_t bytes[3000] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        struct file *file;
        uint64_t size;
        ASSERT_OK(file_open(disk, &file, "f", FILE_CREATE, &error), &error);
        file_fault_plan(fault, &(struct file_fault_plan){.status = STATUS_NO_SPACE,
                                                         .part_per_1024 = cases[i].part_per_1024});
        ASSERT_STATUS(STATUS_NO_SPACE, file_write_at(file, bytes, cases[i].size, 0, &error),
                      &error);
        ASSERT_OK(file_size(file, &size, &error), &error);
        ck_assert_uint_eq(size, cases[i].expected);
        file_close(file);
        end();
    }
}
END_TEST

/* Goal:   after a failed sync, one that succeeds does not mean durable.
 * Method: fail the sync of a file, then of its directory; sync again; let the power fail. */
START_TEST(fault_of_a_sync_loses_the_data)
{
    for (int of_directory = 0; of_directory < 2; of_directory++) {
        begin();
        struct file *file;
        ASSERT_OK(file_open(disk, &file, "f", FILE_CREATE, &error), &error);
        ASSERT_OK(file_write_at(file, "abc", 3, 0, &error), &error);
        file_fault_plan(fault, &(struct file_fault_plan){.status = STATUS_IO});
        enum status failed =
            of_directory ? file_sync_directory(disk, "/", &error) : file_sync(file, &error);
        ck_assert_int_eq(failed, STATUS_IO);
        ASSERT_OK(file_sync(file, &error), &error);
        ASSERT_OK(file_sync_directory(disk, "/", &error), &error);

        struct random random;
        random_init(&random, 0);
        file_memory_crash(memory, &random, FILE_CRASH_LOST);
        const uint8_t *bytes;
        size_t size;
        enum status status = file_memory_bytes(memory, "f", &bytes, &size);
        ck_assert_int_eq(status, of_directory ? STATUS_NOT_FOUND : STATUS_OK);
        if (status == STATUS_OK) ck_assert_uint_eq(size, 0);
        file_close(file);
        end();
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        fault_walks_through_every_call,
        fault_obeys_its_plan,
        fault_writes_a_part,
        fault_of_a_sync_loses_the_data,
    };
    return unit_run("file_fault", tests, sizeof tests / sizeof *tests);
}
