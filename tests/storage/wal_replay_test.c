/* Goal:   what was promised is there after a crash, once, in order and unchanged; the rest is a
 *         beginning of what was appended; appends are there as a whole or not at all; and where a
 *         disk has lost or changed bytes, that is said, and nothing wrong is handed out.
 * Method: a model of the log (wal_model.h) and random walks over it on a disk in memory: appends,
 *         waits, flushes, failing calls, crashes of every kind, also in the middle of recovery. Then
 *         logs of known content whose files are damaged in random places. */
#include "storage/wal_replay.h"

#include "storage/base/file_fault.h"
#include "storage/wal_directory.h"
#include "tests/storage/wal_model.h"

static struct wal_model model;
static uint64_t seed_in_work; /* printed when a test fails: run it with BEDE_SEED */

/* ---- Crashes -------------------------------------------------------------------------------- */

static struct wal_options random_options(struct random *random, struct file_system *file_system)
{
    uint64_t file_bytes = (4 + random_below(random, 13)) * WAL_ALIGNMENT;
    uint64_t buffer_bytes = (1 + random_below(random, file_bytes / WAL_ALIGNMENT - 2));
    return (struct wal_options){
        .file_system = file_system,
        .policy = (enum wal_policy)random_below(random, 3),
        .file_bytes = file_bytes,
        .buffer_bytes = buffer_bytes * WAL_ALIGNMENT,
        .bytes_max = 4 * file_bytes,
        .manual = true,
    };
}

static enum status random_step(struct random *random)
{
    clock_virtual_advance(&model.clock, (int64_t)random_below(random, 4000000));
    switch (random_below(random, 12)) {
    case 0: return model_flush(&model);
    case 1:
    case 2: {
        enum status status = wal_commit(model.wal, &model.error);
        if (status == STATUS_OK) model.safe_sequence = model.last_sequence;
        return status;
    }
    case 3:
    case 4:
    case 5: return model_wait(&model);
    default:
        return model_append(&model, random, 1 + random_below(random, 3),
                            random_chance(random, 1, 4) ? 200 : 5);
    }
}

/* Opens with a call that fails and a crash, until an open gets through. */
static void open_through_crashes(struct random *random, struct file_memory *memory,
                                 struct file_fault *fault)
{
    for (;;) {
        bool will_fail = random_chance(random, 1, 2);
        struct file_fault_plan plan = {.status = STATUS_IO,
                                       .step = random_below(random, 60),
                                       .is_sticky = random_chance(random, 1, 2),
                                       .part_per_1024 = (uint32_t)random_below(random, 1025)};
        file_fault_plan(fault, will_fail ? &plan : NULL);
        struct wal_recovery recovery;
        enum status status = model_open(&model, &recovery);
        bool is_met = file_fault_is_met(fault);
        file_fault_plan(fault, NULL);
        if (status == STATUS_OK && !is_met) return;
        ck_assert_msg(is_met, "%s", model.error.text);
        if (status == STATUS_OK) (void)model_close(&model);
        ck_assert_uint_eq(file_fault_open_count(fault), 0);
        if (random_chance(random, 1, 2)) {
            file_memory_crash(memory, random,
                              (enum file_crash)random_below(random, FILE_CRASH_COUNT));
        }
    }
}

/* Some steps, then the end: a clean close, a call that fails, or a crash out of the blue. */
static void live_and_die(struct random *random, struct file_memory *memory,
                         struct file_fault *fault)
{
    if (random_chance(random, 1, 2)) {
        file_fault_plan(fault, &(struct file_fault_plan){
                                   .status = STATUS_IO,
                                   .step = random_below(random, 40),
                                   .is_sticky = random_chance(random, 1, 2),
                                   .part_per_1024 = (uint32_t)random_below(random, 1025),
                               });
    }
    enum status status = STATUS_OK;
    for (uint64_t step = random_below(random, 40); step > 0 && status == STATUS_OK; step--) {
        status = random_step(random);
    }
    ck_assert_msg(status == STATUS_OK || file_fault_is_met(fault), "%s", model.error.text);
    bool is_crashed = random_chance(random, 1, 2);
    enum file_crash crash = (enum file_crash)random_below(random, FILE_CRASH_COUNT);
    if (is_crashed) file_memory_crash(memory, random, crash);
    status = model_close(&model);
    if (is_crashed) ck_assert(status < 0 || model.last_sequence == model.safe_sequence);
    file_fault_plan(fault, NULL);
    ck_assert_uint_eq(file_fault_open_count(fault), 0);
}

static void crash_walk(uint64_t seed)
{
    struct random random, flush_random;
    struct error error;
    struct file_memory *memory;
    struct file_fault *fault;
    seed_in_work = seed;
    random_init(&random, seed);
    random_init(&flush_random, ~seed);
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
    struct wal_options options = random_options(&random, file_fault_system(fault));
    model_init(&model, &options);
    for (int life = 0; life < 8; life++) {
        model.flush_chance = random_chance(&random, 1, 2) ? &flush_random : NULL;
        open_through_crashes(&random, memory, fault);
        model.flush_chance = NULL;
        live_and_die(&random, memory, fault);
    }
    file_fault_destroy(fault);
    file_memory_destroy(memory);
}

START_TEST(crashes_lose_nothing_promised)
{
    uint64_t only = unit_number("BEDE_SEED", UINT64_MAX);
    uint64_t count = unit_number("BEDE_SEEDS", 600);
    for (uint64_t seed = 0; seed < count; seed++) {
        if (only == UINT64_MAX || seed == only) {
            crash_walk(seed);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {crashes_lose_nothing_promised};
    int result = unit_run("wal_replay", tests, sizeof tests / sizeof tests[0]);
    if (result != EXIT_SUCCESS) printf("at seed %lu\n", (unsigned long)seed_in_work);
    return result;
}
