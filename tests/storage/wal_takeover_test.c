/* Goal:   no failing call and no failing allocation makes the log leak, or promise what is not.
 * Method: one scenario (two lives of a log: append, wait, rotate, release, close) again and again,
 *         failing its first call, then its second, and so on, until a run gets through; then what
 *         the failed run promised must be there. Once with a fault that passes and once for good;
 *         once with the disk as it was, once after a crash; then the same for allocations. */
#include "storage/wal_takeover.h"

#include "storage/base/file_fault.h"
#include "tests/simulation/allocation.h"
#include "tests/storage/wal_model.h"

static struct wal_model model;
static struct error error;

struct disk {
    struct file_memory *memory;
    struct file_fault *fault;
};

static void disk_begin(struct disk *disk)
{
    ASSERT_OK(file_memory_create(&disk->memory, &error), &error);
    ASSERT_OK(file_fault_create(&disk->fault, file_memory_system(disk->memory), &error), &error);
    model_init(&model, &(struct wal_options){
                           .file_system = file_fault_system(disk->fault),
                           .policy = WAL_DURABLE,
                           .file_bytes = 6 * WAL_ALIGNMENT,
                           .buffer_bytes = 2 * WAL_ALIGNMENT,
                           .bytes_max = 64 * WAL_ALIGNMENT,
                           .manual = true,
                       });
}

static void disk_end(struct disk *disk)
{
    file_fault_destroy(disk->fault);
    file_memory_destroy(disk->memory);
}

static enum status life(struct random *random)
{
    struct wal_recovery recovery;
    enum status status = model_open(&model, &recovery);
    for (int i = 0; status == STATUS_OK && i < 8; i++) {
        status = model_append(&model, random, 2, 40);
        if (status == STATUS_OK) status = model_wait(&model);
        if (status == STATUS_OK && i == 5) status = model_flush(&model);
    }
    enum status closed = model_close(&model);
    return status < 0 ? status : closed;
}

static enum status scenario(void)
{
    struct random random;
    random_init(&random, 1);
    enum status status = life(&random);
    return status < 0 ? status : life(&random);
}

/* What was promised is there, and the log goes on. */
static void assert_recovers(struct disk *disk, uint64_t step)
{
    struct random random;
    random_init(&random, step);
    ck_assert_uint_eq(file_fault_open_count(disk->fault), 0);
    if (random_chance(&random, 1, 2)) {
        file_memory_crash(disk->memory, &random, (enum file_crash)(step % FILE_CRASH_COUNT));
    }
    ASSERT_OK(life(&random), &model.error);
    struct wal_recovery recovery;
    ASSERT_OK(model_open(&model, &recovery), &model.error);
    ck_assert(recovery.clean_close);
    ASSERT_OK(model_close(&model), &model.error);
}

START_TEST(no_failing_call_breaks_a_promise)
{
    for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
        bool is_met = true;
        for (uint64_t step = 0; is_met; step++) {
            struct disk disk;
            disk_begin(&disk);
            file_fault_plan(disk.fault, &(struct file_fault_plan){
                                            .status = STATUS_IO,
                                            .step = step,
                                            .is_sticky = is_sticky,
                                            .part_per_1024 = (uint32_t)(step * 300 % 1025),
                                        });
            enum status status = scenario();
            is_met = file_fault_is_met(disk.fault);
            file_fault_plan(disk.fault, NULL);
            ck_assert_int_eq(status, is_met ? STATUS_IO : STATUS_OK);
            assert_recovers(&disk, step);
            disk_end(&disk);
            ck_assert(is_met || step > 60);
        }
    }
}
END_TEST

START_TEST(no_full_disk_breaks_a_promise)
{
    struct disk disk;
    disk_begin(&disk);
    ASSERT_OK(scenario(), &model.error);
    uint64_t enough_bytes = file_memory_total_bytes(disk.memory);
    disk_end(&disk);
    for (uint64_t bytes = 0; bytes < enough_bytes; bytes += WAL_ALIGNMENT / 2) {
        disk_begin(&disk);
        file_memory_limit(disk.memory, bytes);
        enum status status = scenario();
        ck_assert(status == STATUS_NO_SPACE || status == STATUS_OK);
        file_memory_limit(disk.memory, UINT64_MAX);
        assert_recovers(&disk, bytes);
        disk_end(&disk);
    }
}
END_TEST

/* Checks nothing itself, because the checks of this test allocate, too. */
struct plain_log {
    struct wal_options options;
    uint64_t promised;
    uint64_t handed_out;
};

static enum status plain_apply(void *context, const struct batch *batch, uint64_t sequence,
                               struct error *out_error)
{
    struct plain_log *log = context;
    (void)batch, (void)out_error;
    log->handed_out = sequence;
    return STATUS_OK;
}

static enum status plain_applied(void *context, uint64_t sequence, uint64_t position,
                                 struct error *out_error)
{
    (void)context, (void)sequence, (void)position, (void)out_error;
    return STATUS_OK;
}

static enum status plain_life(struct plain_log *log)
{
    static const struct {
        uint32_t size_bytes;
        char bytes[4];
    } text = {4, "text"};
    uint64_t values[400];
    for (size_t i = 0; i < 400; i++) values[i] = value_from_text((const void *)&text);
    struct batch batch = {.sample_count = 400, .values = values, .type = VALUE_TEXT};
    struct wal *wal = NULL;
    struct wal_recovery recovery;
    enum status status = wal_open(&wal, &log->options, 0, 0, &recovery, &error);
    for (int i = 0; status == STATUS_OK && i < 5; i++) {
        status = wal_begin(wal, wal_frame_bytes(&batch), &error);
        if (status < 0) break;
        uint64_t sequence = wal_add(wal, &batch, false);
        wal_end(wal);
        status = wal_wait(wal, sequence, &error);
        if (status == STATUS_OK) log->promised = sequence;
    }
    enum status closed = wal_close(wal, &error);
    return status < 0 ? status : closed;
}

static bool plain_walk_step(uint64_t step, enum allocation_failure failure)
{
    struct disk disk;
    disk_begin(&disk);
    struct plain_log log = {.options = model.options};
    log.options.apply = plain_apply;
    log.options.applied = plain_applied;
    log.options.context = &log;
    allocation_fail(step, failure);
    enum status status = plain_life(&log);
    if (status == STATUS_OK) status = plain_life(&log);
    bool is_met = allocation_is_met();
    allocation_succeed();
    ck_assert_int_eq(status, is_met ? STATUS_NO_MEMORY : STATUS_OK);
    ck_assert_uint_eq(file_fault_open_count(disk.fault), 0);

    struct wal_recovery recovery;
    log.handed_out = 0;
    ASSERT_OK(wal_inspect(&log.options, 0, 0, &recovery, &error), &error);
    ck_assert_uint_ge(log.handed_out, log.promised);
    disk_end(&disk);
    return is_met;
}

START_TEST(no_failing_allocation_breaks_a_promise)
{
    for (int failure = ALLOCATION_ONCE; failure <= ALLOCATION_STICKY; failure++) {
        int64_t live_count = allocation_live_count();
        uint64_t step = 0;
        while (plain_walk_step(step, (enum allocation_failure)failure)) step++;
        ck_assert_uint_gt(step, 40);
        ck_assert_int_le(allocation_live_count() - live_count, 10); /* Check's own */
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_failing_call_breaks_a_promise,
        no_full_disk_breaks_a_promise,
        no_failing_allocation_breaks_a_promise,
    };
    return unit_run("wal_takeover", tests, sizeof tests / sizeof tests[0]);
}
