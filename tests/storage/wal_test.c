/* Goal:   an append is durable when the log says so, whatever the policy and however many append at
 *         once; the log keeps its limits; its first failure is its last word.
 * Method: scenarios over a model of the log (wal_model.h), each a sentence; then threads. Crashes
 *         and damage are the business of wal_replay_test.c. */
#include "storage/wal.h"

#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <uv.h>

#include "storage/base/file_fault.h"
#include "storage/wal_directory.h"
#include "tests/storage/wal_model.h"

static struct wal_model model;
static struct random random_numbers;
static struct file_memory *memory;
static struct file_fault *fault;
static struct error error;

/* An empty disk, and a model of a log on it. */
static void begin(enum wal_policy policy, bool manual)
{
    random_init(&random_numbers, 1);
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
    model_init(&model, &(struct wal_options){
                           .file_system = file_fault_system(fault),
                           .policy = policy,
                           .file_bytes = 16 * WAL_ALIGNMENT,
                           .buffer_bytes = 4 * WAL_ALIGNMENT,
                           .bytes_max = 64 * WAL_ALIGNMENT,
                           .manual = manual,
                       });
}

static void end(void)
{
    ck_assert_uint_eq(file_fault_open_count(fault), 0);
    file_fault_destroy(fault);
    file_memory_destroy(memory);
}

static void open_log(void)
{
    struct wal_recovery recovery;
    ASSERT_OK(model_open(&model, &recovery), &model.error);
}

static void append(size_t frame_count, size_t samples_max)
{
    ASSERT_OK(model_append(&model, &random_numbers, frame_count, samples_max), &model.error);
}

/* ---- Promises ------------------------------------------------------------------------------- */

START_TEST(what_was_appended_is_there_after_a_clean_close)
{
    for (int policy = WAL_DURABLE; policy <= WAL_NONE; policy++) {
        for (int manual = 0; manual < 2; manual++) {
            begin((enum wal_policy)policy, manual);
            open_log();
            for (int i = 0; i < 40; i++) append(1 + (size_t)i % 3, 60);
            ASSERT_OK(model_close(&model), &model.error);
            file_memory_crash(memory, &random_numbers, FILE_CRASH_LOST);

            struct wal_recovery recovery;
            ASSERT_OK(model_open(&model, &recovery), &model.error);
            ck_assert(recovery.clean_close);
            ck_assert_uint_eq(recovery.last_sequence, 79);
            ck_assert_uint_eq(recovery.frame_count, 79);
            ck_assert_uint_eq(recovery.torn_bytes, 0);
            ASSERT_OK(model_close(&model), &model.error);
            end();
        }
    }
}
END_TEST

START_TEST(a_group_is_one_write_and_one_sync)
{
    begin(WAL_DURABLE, true);
    open_log();
    for (int i = 0; i < 10; i++) append(1, 2);
    file_fault_plan(fault, NULL);
    ASSERT_OK(model_wait(&model), &model.error);
    ck_assert_uint_eq(file_fault_step_count(fault), 2);
    ASSERT_OK(model_wait(&model), &model.error);
    ASSERT_OK(wal_commit(model.wal, &error), &error);
    ck_assert_uint_eq(file_fault_step_count(fault), 2);
    ASSERT_OK(model_close(&model), &model.error);
    end();
}
END_TEST

START_TEST(with_an_interval_values_show_at_once_and_are_durable_later)
{
    begin(WAL_INTERVAL, true);
    open_log();
    for (uint64_t i = 1; i < 10; i += 2) {
        append(1, 2);
        ASSERT_OK(model_wait(&model), &model.error);
        ck_assert_uint_eq(wal_applied_sequence(model.wal), i);
        ck_assert_uint_eq(wal_durable_sequence(model.wal), i - 1);
        clock_virtual_advance(&model.clock, 10000000);
        append(1, 2);
        ASSERT_OK(model_wait(&model), &model.error);
        ck_assert_uint_eq(wal_durable_sequence(model.wal), i + 1);
    }
    ASSERT_OK(model_close(&model), &model.error);
    end();
}
END_TEST

START_TEST(without_a_policy_only_a_commit_makes_durable)
{
    begin(WAL_NONE, true);
    open_log();
    append(2, 2);
    ASSERT_OK(model_wait(&model), &model.error);
    ck_assert_uint_eq(wal_durable_sequence(model.wal), 0);
    ASSERT_OK(wal_commit(model.wal, &error), &error);
    ck_assert_uint_eq(wal_durable_sequence(model.wal), 2);
    ASSERT_OK(model_close(&model), &model.error);
    end();
}
END_TEST

START_TEST(the_ceiling_of_stamps_survives)
{
    begin(WAL_DURABLE, true);
    open_log();
    append(1, 2);
    wal_raise_ceiling(model.wal, 77);
    wal_raise_ceiling(model.wal, 50);
    ASSERT_OK(model_close(&model), &model.error);
    struct wal_recovery recovery;
    for (int i = 0; i < 2; i++) { /* the second time, from the second file's group */
        ASSERT_OK(model_open(&model, &recovery), &model.error);
        ck_assert_uint_eq(recovery.clock_ceiling, 77);
        append(1, 2);
        ASSERT_OK(model_close(&model), &model.error);
    }
    end();
}
END_TEST

/* ---- Limits --------------------------------------------------------------------------------- */

START_TEST(an_append_that_can_never_fit_is_refused)
{
    begin(WAL_DURABLE, true);
    open_log();
    size_t bytes_max = 4 * WAL_ALIGNMENT - sizeof(struct wal_group_header);
    ASSERT_STATUS(STATUS_TOO_LARGE, wal_begin(model.wal, bytes_max + 1, &error), &error);
    ASSERT_OK(wal_begin(model.wal, bytes_max, &error), &error);
    wal_end(model.wal);
    append(1, 2); /* the lock is free again */
    ASSERT_OK(model_close(&model), &model.error);
    end();
}
END_TEST

START_TEST(at_its_cap_a_log_says_again_until_released)
{
    begin(WAL_DURABLE, true);
    open_log();
    while (wal_live_bytes(model.wal) <= model.options.bytes_max) {
        ck_assert(wal_begin(model.wal, 0, &error) == STATUS_OK);
        wal_end(model.wal);
        append(3, 60);
        ASSERT_OK(model_wait(&model), &model.error);
    }
    ck_assert(wal_is_near_cap(model.wal));
    ASSERT_STATUS(STATUS_AGAIN, wal_begin(model.wal, 0, &error), &error);
    ASSERT_OK(model_flush(&model), &model.error);
    ck_assert_uint_eq(wal_live_bytes(model.wal), 0);
    ck_assert(!wal_is_near_cap(model.wal));
    append(3, 60);
    ASSERT_OK(model_close(&model), &model.error);
    end();
}
END_TEST

static void count_files(size_t *out_live, size_t *out_spare)
{
    struct wal_directory directory;
    ASSERT_OK(wal_directory_read(&directory, model.options.file_system, "wal", &error), &error);
    *out_live = directory.files.count;
    *out_spare = directory.spares.count;
    wal_directory_finish(&directory);
}

START_TEST(released_files_are_used_again_and_the_rest_removed)
{
    begin(WAL_DURABLE, true);
    model.options.bytes_max = UINT64_MAX;
    open_log();
    size_t live, spare;
    uint64_t bytes_max = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 200; i++) append(2, 60);
        ASSERT_OK(model_flush(&model), &model.error);
        count_files(&live, &spare);
        ck_assert_uint_eq(live, 1);
        ck_assert_uint_eq(wal_disk_bytes(model.wal), (live + spare) * model.options.file_bytes);
        if (round == 3) bytes_max = file_memory_total_bytes(memory);
        if (round > 3) ck_assert(file_memory_total_bytes(memory) <= 2 * bytes_max);
    }
    ck_assert(spare > 2);
    for (int i = 0; i < 2; i++) { /* two small rounds: fewer spares are needed */
        while (live == 1) {
            append(2, 60);
            ASSERT_OK(model_wait(&model), &model.error);
            count_files(&live, &spare);
        }
        ASSERT_OK(model_flush(&model), &model.error);
        count_files(&live, &spare);
    }
    ck_assert(spare <= 2);
    ASSERT_OK(model_close(&model), &model.error);
    end();
}
END_TEST

START_TEST(old_groups_of_a_recycled_file_are_not_read)
{
    begin(WAL_DURABLE, true);
    open_log();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 60; i++) append(1, 60);
        ASSERT_OK(model_flush(&model), &model.error);
    }
    append(1, 60);
    ASSERT_OK(model_wait(&model), &model.error);
    uint64_t position = model.position;
    struct wal_recovery recovery;
    model_expect_replay(&model);
    ASSERT_OK(wal_inspect(&model.options, model.flushed_position, model.flushed_sequence, &recovery,
                          &error),
              &error);
    ck_assert_uint_eq(recovery.frame_count, 1);
    ck_assert_uint_eq(recovery.torn_bytes, 0);
    ck_assert_uint_eq(model.position, position);
    ASSERT_OK(model_close(&model), &model.error);
    end();
}
END_TEST

/* A daemon that dies at every start must not fill the disk with empty files of the log. */
START_TEST(files_without_content_do_not_pile_up)
{
    begin(WAL_DURABLE, true);
    open_log();
    append(2, 20);
    ASSERT_OK(model_close(&model), &model.error);
    for (int i = 0; i < 10; i++) {
        open_log();
        ASSERT_OK(model_close(&model), &model.error);
    }
    size_t live, spare;
    count_files(&live, &spare);
    ck_assert_uint_eq(live, 2); /* the content's, and the newest */
    ck_assert_uint_eq(spare, 0);
    end();
}
END_TEST

/* ---- Failure -------------------------------------------------------------------------------- */

START_TEST(the_first_failure_is_the_last_word)
{
    for (int manual = 0; manual < 2; manual++) {
        begin(WAL_DURABLE, manual);
        open_log();
        append(1, 2);
        ASSERT_OK(model_wait(&model), &model.error);
        file_fault_plan(fault, &(struct file_fault_plan){.status = STATUS_IO, .is_sticky = true});
        append(1, 2);
        uint64_t sequence = wal_last_sequence(model.wal);
        struct error first = {0}, later = {0};
        ASSERT_STATUS(STATUS_IO, wal_wait(model.wal, sequence, &first), &first);
        file_fault_plan(fault, NULL);
        ASSERT_STATUS(STATUS_IO, wal_begin(model.wal, 0, &later), &later);
        ck_assert_str_eq(first.text, later.text);
        ASSERT_STATUS(STATUS_IO, wal_commit(model.wal, &later), &later);
        ASSERT_STATUS(STATUS_IO, wal_release(model.wal, model.position, &later), &later);
        ASSERT_OK(wal_wait(model.wal, sequence - 1, &later), &later); /* was durable before */
        ASSERT_STATUS(STATUS_IO, wal_close(model.wal, &later), &later);
        ck_assert_str_eq(first.text, later.text);
        end();
    }
}
END_TEST

static enum status apply_fails(void *context, const struct batch *batch, uint64_t sequence,
                               struct error *out_error)
{
    (void)context, (void)batch, (void)sequence;
    return error_set(out_error, STATUS_NO_MEMORY, "no room");
}

START_TEST(a_batch_that_cannot_be_applied_poisons_too)
{
    begin(WAL_DURABLE, true);
    model.options.apply = apply_fails;
    open_log();
    append(1, 2);
    ASSERT_STATUS(STATUS_NO_MEMORY, wal_wait(model.wal, 1, &error), &error);
    ASSERT_STATUS(STATUS_NO_MEMORY, model_close(&model), &model.error);
    end();
}
END_TEST

/* ---- Files of others ------------------------------------------------------------------------ */

static void header_change(uint64_t number, void (*change)(struct wal_file_header *header))
{
    char path[FILE_PATH_BYTES_MAX];
    const uint8_t *bytes;
    size_t size;
    struct wal_file_header header;
    wal_path(path, "wal", number);
    ASSERT_OK(file_memory_bytes(memory, path, &bytes, &size), &error);
    memcpy(&header, bytes, sizeof header);
    ck_assert_mem_eq(&header.magic, "BEDEWAL1", 8);
    ck_assert_uint_eq(header.number, number);
    change(&header);
    header.checksum = hash64(&header, offsetof(struct wal_file_header, checksum));
    ASSERT_OK(file_memory_damage(memory, path, &header, sizeof header, 0), &error);
}

static void version_raise(struct wal_file_header *header)
{
    header->version++;
}

static void feature_add(struct wal_file_header *header)
{
    header->features = 1;
}

static void store_change(struct wal_file_header *header)
{
    header->store.low++;
}

START_TEST(a_file_of_another_kind_is_named_and_left_alone)
{
    static const struct {
        const char *why;
        void (*change)(struct wal_file_header *header);
        enum status expected;
    } cases[] = {
        {"a newer version wrote it", version_raise, STATUS_UNSUPPORTED},
        {"it uses what this version does not know", feature_add, STATUS_UNSUPPORTED},
        {"it came from another store", store_change, STATUS_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(WAL_DURABLE, true);
        open_log();
        append(1, 2);
        ASSERT_OK(model_close(&model), &model.error);
        header_change(1, cases[i].change);
        struct wal_recovery recovery;
        ASSERT_STATUS(cases[i].expected, model_open(&model, &recovery), &model.error);
        ck_assert_msg(strstr(model.error.text, "0000000000000001.wal") != NULL, "%s", cases[i].why);
        size_t live, spare;
        count_files(&live, &spare);
        ck_assert_uint_eq(live, 1);
        end();
    }
}
END_TEST

static struct wal_recovery recover_without(uint64_t number)
{
    begin(WAL_DURABLE, true);
    for (int life = 0; life < 3; life++) {
        open_log();
        append(2, 60);
        ASSERT_OK(model_close(&model), &model.error);
    }
    char path[FILE_PATH_BYTES_MAX];
    wal_path(path, "wal", number);
    ASSERT_OK(file_remove(model.options.file_system, path, &error), &error);
    struct wal_recovery recovery;
    model_expect_replay(&model);
    model.allows_holes = true;
    ASSERT_OK(wal_inspect(&model.options, 0, 0, &recovery, &error), &error);
    end();
    return recovery;
}

START_TEST(a_file_that_is_missing_is_damage)
{
    struct wal_recovery recovery = recover_without(1);
    ck_assert_uint_eq(recovery.damaged_count, 1);
    ck_assert_uint_eq(recovery.frame_count, 4);
    recovery = recover_without(2);
    ck_assert_uint_eq(recovery.damaged_count, 1);
    ck_assert_uint_eq(recovery.frame_count, 4);
    ck_assert(strncmp(recovery.first_damage, "0000000000000001.wal at ", 24) == 0);

    recovery = recover_without(3);
    ck_assert_uint_eq(recovery.damaged_count, 1);
    ck_assert_uint_eq(recovery.frame_count, 4);
    ck_assert(!recovery.clean_close);
    ck_assert_str_eq(recovery.first_damage, "0000000000000003.wal is missing"); /* W8 */

    /* The only one: where the flushed part ends says so, or the owner who knows better. */
    begin(WAL_DURABLE, true);
    open_log();
    append(2, 60);
    ASSERT_OK(model_close(&model), &model.error);
    ASSERT_OK(file_remove(model.options.file_system, "wal/0000000000000001.wal", &error), &error);
    ASSERT_OK(wal_inspect(&model.options, model.position, 2, &recovery, &error), &error);
    ck_assert_uint_eq(recovery.damaged_count, 1);
    ck_assert_uint_eq(recovery.last_sequence, 2);
    ASSERT_OK(wal_inspect(&model.options, 0, 0, &recovery, &error), &error);
    ck_assert_uint_eq(recovery.damaged_count, 0); /* as before its first file */
    model.options.was_used = true;
    ASSERT_OK(wal_inspect(&model.options, 0, 0, &recovery, &error), &error);
    ck_assert_uint_eq(recovery.damaged_count, 1);
    ck_assert_str_eq(recovery.first_damage, "0000000000000001.wal is missing");
    end();
}
END_TEST

static enum status newest_visit(void *context, const char *name)
{
    uint64_t *newest = context;
    uint64_t number = strtoull(name, NULL, 16);
    if (strstr(name, ".wal") && number > *newest) *newest = number;
    return STATUS_OK;
}

/* The log is closed, or its power fails; then its newest file is gone, or not. */
static struct wal_recovery recover_grown(uint64_t file_count, bool is_closed, bool is_gone)
{
    uint64_t newest = 0;
    char path[FILE_PATH_BYTES_MAX];
    begin(WAL_DURABLE, true);
    open_log();
    while (newest < file_count) {
        append(1, 60);
        ASSERT_OK(model_wait(&model), &model.error);
        ASSERT_OK(file_list(model.options.file_system, "wal", newest_visit, &newest, &error),
                  &error);
    }
    if (!is_closed) file_memory_crash(memory, &random_numbers, FILE_CRASH_KILLED);
    (void)model_close(&model); /* fails after a crash */
    wal_path(path, "wal", newest);
    if (is_gone) ASSERT_OK(file_remove(model.options.file_system, path, &error), &error);
    struct wal_recovery recovery;
    model_expect_replay(&model);
    model.allows_holes = true;
    ASSERT_OK(wal_inspect(&model.options, 0, 0, &recovery, &error), &error);
    end();
    return recovery;
}

START_TEST(the_file_that_a_log_grew_into_is_missed_after_a_close_and_after_a_crash)
{
    for (uint64_t file_count = 2; file_count <= 4; file_count++) {
        for (int is_closed = 0; is_closed < 2; is_closed++) {
            struct wal_recovery recovery = recover_grown(file_count, is_closed, false);
            ck_assert_uint_eq(recovery.damaged_count, 0);
            recovery = recover_grown(file_count, is_closed, true);
            ck_assert_uint_eq(recovery.damaged_count, 1);
            ck_assert_uint_eq(recovery.damaged_bytes, 0);
            char expected[64];
            (void)snprintf(expected, sizeof expected, "%016" PRIx64 ".wal is missing", file_count);
            ck_assert_str_eq(recovery.first_damage, expected);
        }
    }
}
END_TEST

/* ---- Threads -------------------------------------------------------------------------------- */

enum { APPENDERS = 4, APPENDS = 400, IN_FLIGHT = 16 };

/* What the log hands out: each batch names its appender (tag) and counts (value). */
struct crowd {
    struct wal *wal;
    uint64_t next_value[APPENDERS]; /* commit thread only */
    uint64_t applied_count;
    atomic_uint_fast64_t position;
};

struct appender {
    struct crowd *crowd;
    uint32_t tag;
    uv_thread_t thread;
};

static enum status crowd_apply(void *context, const struct batch *batch, uint64_t sequence,
                               struct error *out_error)
{
    struct crowd *crowd = context;
    (void)out_error;
    ck_assert_uint_eq(sequence, ++crowd->applied_count);
    ck_assert_uint_eq(batch->values[0], crowd->next_value[batch->tag]++);
    return STATUS_OK;
}

static enum status crowd_applied(void *context, uint64_t sequence, uint64_t position,
                                 struct error *out_error)
{
    struct crowd *crowd = context;
    (void)out_error;
    ck_assert_uint_eq(sequence, crowd->applied_count);
    atomic_store(&crowd->position, position);
    return STATUS_OK;
}

static uint64_t append_value(struct crowd *crowd, uint32_t tag, uint64_t value)
{
    struct error failure;
    struct batch batch = {.sample_count = 1, .tag = tag, .values = &value, .type = VALUE_I64};
    enum status status;
    while ((status = wal_begin(crowd->wal, wal_frame_bytes(&batch), &failure)) == STATUS_AGAIN) {
        (void)sched_yield(); /* until the releaser made room */
    }
    ck_assert_msg(status == STATUS_OK, "%s", failure.text);
    uint64_t sequence = wal_add(crowd->wal, &batch, false);
    wal_end(crowd->wal);
    return sequence;
}

static void append_in_a_row(void *context)
{
    struct appender *appender = context;
    uint64_t tickets[IN_FLIGHT] = {0};
    for (uint64_t i = 0; i < APPENDS + IN_FLIGHT; i++) {
        struct error failure;
        uint64_t *ticket = &tickets[i % IN_FLIGHT];
        enum status status = wal_wait(appender->crowd->wal, *ticket, &failure);
        ck_assert_msg(status == STATUS_OK, "%s", failure.text);
        ck_assert(wal_is_applied(appender->crowd->wal, *ticket));
        *ticket = i < APPENDS ? append_value(appender->crowd, appender->tag, i) : 0;
    }
}

static void release_in_a_row(void *context)
{
    struct crowd *crowd = context;
    struct error failure;
    while (wal_applied_sequence(crowd->wal) < APPENDERS * APPENDS) {
        uint64_t position = atomic_load(&crowd->position);
        enum status status = wal_commit(crowd->wal, &failure);
        if (status == STATUS_OK) status = wal_release(crowd->wal, position, &failure);
        ck_assert_msg(status == STATUS_OK, "%s", failure.text);
    }
}

START_TEST(many_append_at_once_and_the_cap_holds)
{
    for (int policy = WAL_DURABLE; policy <= WAL_NONE; policy++) {
        begin((enum wal_policy)policy, false);
        struct crowd crowd = {0};
        struct wal_options options = model.options;
        options.clock = clock_system();
        options.interval_ms = 1;
        options.file_bytes = 8 * WAL_ALIGNMENT;
        options.buffer_bytes = 2 * WAL_ALIGNMENT;
        options.bytes_max = 8 * WAL_ALIGNMENT; /* so low that appenders need releases */
        options.apply = crowd_apply;
        options.applied = crowd_applied;
        options.context = &crowd;
        struct wal_recovery recovery;
        ASSERT_OK(wal_open(&crowd.wal, &options, 0, 0, &recovery, &error), &error);

        struct appender appenders[APPENDERS];
        uv_thread_t releaser;
        ck_assert_int_eq(uv_thread_create(&releaser, release_in_a_row, &crowd), 0);
        for (uint32_t i = 0; i < APPENDERS; i++) {
            appenders[i] = (struct appender){.crowd = &crowd, .tag = i};
            ck_assert_int_eq(uv_thread_create(&appenders[i].thread, append_in_a_row, &appenders[i]),
                             0);
        }
        for (size_t i = 0; i < APPENDERS; i++) {
            ck_assert_int_eq(uv_thread_join(&appenders[i].thread), 0);
        }
        ck_assert_int_eq(uv_thread_join(&releaser), 0);
        ASSERT_OK(wal_close(crowd.wal, &error), &error);
        ck_assert_uint_eq(crowd.applied_count, APPENDERS * APPENDS);
        end();
    }
}
END_TEST

static void wait_for_failure(void *context)
{
    struct crowd *crowd = context;
    struct error failure;
    uint64_t value = 0;
    struct batch batch = {.sample_count = 1, .values = &value, .type = VALUE_I64};
    enum status status;
    do {
        status = wal_begin(crowd->wal, wal_frame_bytes(&batch), &failure);
        if (status < 0) break;
        batch.time_ns++;
        uint64_t sequence = wal_add(crowd->wal, &batch, false);
        wal_end(crowd->wal);
        status = wal_wait(crowd->wal, sequence, &failure);
    } while (status == STATUS_OK);
    ck_assert_int_eq(status, STATUS_IO);
}

static enum status apply_nothing(void *context, const struct batch *batch, uint64_t sequence,
                                 struct error *out_error)
{
    (void)context, (void)batch, (void)sequence, (void)out_error;
    return STATUS_OK;
}

static enum status applied_nothing(void *context, uint64_t sequence, uint64_t position,
                                   struct error *out_error)
{
    (void)context, (void)sequence, (void)position, (void)out_error;
    return STATUS_OK;
}

START_TEST(a_failure_wakes_all_who_wait)
{
    begin(WAL_DURABLE, false);
    struct crowd crowd = {0};
    struct wal_options options = model.options;
    options.clock = clock_system();
    options.bytes_max = UINT64_MAX;
    options.apply = apply_nothing;
    options.applied = applied_nothing;
    file_fault_plan(fault,
                    &(struct file_fault_plan){.status = STATUS_IO, .step = 40, .is_sticky = true});
    struct wal_recovery recovery;
    ASSERT_OK(wal_open(&crowd.wal, &options, 0, 0, &recovery, &error), &error);
    uv_thread_t threads[APPENDERS];
    options.context = &crowd;
    for (size_t i = 0; i < APPENDERS; i++) {
        ck_assert_int_eq(uv_thread_create(&threads[i], wait_for_failure, &crowd), 0);
    }
    for (size_t i = 0; i < APPENDERS; i++) ck_assert_int_eq(uv_thread_join(&threads[i]), 0);
    ASSERT_STATUS(STATUS_IO, wal_close(crowd.wal, &error), &error);
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_was_appended_is_there_after_a_clean_close,
        a_group_is_one_write_and_one_sync,
        with_an_interval_values_show_at_once_and_are_durable_later,
        without_a_policy_only_a_commit_makes_durable,
        the_ceiling_of_stamps_survives,
        an_append_that_can_never_fit_is_refused,
        at_its_cap_a_log_says_again_until_released,
        released_files_are_used_again_and_the_rest_removed,
        old_groups_of_a_recycled_file_are_not_read,
        files_without_content_do_not_pile_up,
        the_first_failure_is_the_last_word,
        a_batch_that_cannot_be_applied_poisons_too,
        a_file_of_another_kind_is_named_and_left_alone,
        a_file_that_is_missing_is_damage,
        the_file_that_a_log_grew_into_is_missed_after_a_close_and_after_a_crash,
        many_append_at_once_and_the_cap_holds,
        a_failure_wakes_all_who_wait,
    };
    return unit_run("wal", tests, sizeof tests / sizeof tests[0]);
}
