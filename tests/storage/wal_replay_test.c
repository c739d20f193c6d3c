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
static uint64_t crash_seed, damage_seed; /* printed when a test fails: run it with BEDE_SEED */

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

/* The program is gone with the power: nothing it does from here on reaches the disk. */
static void log_crash(struct random *random, struct file_memory *memory, struct file_fault *fault,
                      enum file_crash crash)
{
    const struct file_fault_plan all = {.status = STATUS_IO, .is_sticky = true};
    file_memory_crash(memory, random, crash);
    file_fault_plan(fault, &all);
    ck_assert(model_close(&model) < 0);
    file_fault_plan(fault, NULL);
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
    if (random_chance(random, 1, 2)) {
        log_crash(random, memory, fault, (enum file_crash)random_below(random, FILE_CRASH_COUNT));
    } else {
        (void)model_close(&model);
        file_fault_plan(fault, NULL);
    }
    ck_assert_uint_eq(file_fault_open_count(fault), 0);
}

static void crash_walk(uint64_t seed)
{
    struct random random, flush_random;
    struct error error;
    struct file_memory *memory;
    struct file_fault *fault;
    crash_seed = seed;
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
        if (only == UINT64_MAX || seed == only) crash_walk(seed);
    }
}
END_TEST

/* ---- Damage --------------------------------------------------------------------------------- */

static void path_of(char *path, uint64_t number)
{
    wal_path(path, "wal", number);
}

static size_t file_bytes_of(struct file_memory *memory, uint64_t number, const uint8_t **out_bytes)
{
    char path[FILE_PATH_BYTES_MAX];
    size_t size;
    path_of(path, number);
    struct error error;
    ASSERT_OK(file_memory_bytes(memory, path, out_bytes, &size), &error);
    return size;
}

/* Where in a file to hit: half of the time a header, of which there are few. */
static size_t offset_choose(struct random *random, const uint8_t *content, size_t file_bytes)
{
    size_t offset = random_below(random, file_bytes);
    if (random_chance(random, 1, 2)) return offset;
    for (size_t at = offset / 8 * 8; at < file_bytes; at += 8) {
        bool is_header =
            memcmp(content + at, "WFRM", 4) == 0 || memcmp(content + at, "WGRP", 4) == 0;
        if (is_header) return at + random_below(random, sizeof(struct wal_frame_header));
    }
    return offset / WAL_ALIGNMENT * WAL_ALIGNMENT;
}

/* Changes bytes of a file, in one of the ways disks do. */
static void range_damage(struct random *random, struct file_memory *memory, uint64_t number)
{
    static uint8_t bytes[16384];
    const uint8_t *content;
    struct error error;
    size_t file_bytes = file_bytes_of(memory, number, &content);
    size_t size = 1 + random_below(random, random_chance(random, 1, 2) ? 4 : sizeof bytes);
    size_t offset = offset_choose(random, content, file_bytes);
    if (size > file_bytes - offset) size = file_bytes - offset;
    memcpy(bytes, content + offset, size);
    uint64_t kind = random_below(random, 3);
    for (size_t i = 0; i < size; i++) {
        if (kind == 0) bytes[i] = 0;
        if (kind == 1) bytes[i] = (uint8_t)random_u64(random);
        if (kind == 2) bytes[i] ^= (uint8_t)(1u << random_below(random, 8));
    }
    char path[FILE_PATH_BYTES_MAX];
    path_of(path, number);
    ASSERT_OK(file_memory_damage(memory, path, bytes, size, offset), &error);
}

/* A log of several lives, of which some ended by crashes. */
static void log_make(struct random *random, struct file_memory *memory, struct file_fault *fault)
{
    uint64_t lives = 1 + random_below(random, 3);
    for (uint64_t life = 0; life < lives; life++) {
        struct wal_recovery recovery;
        ASSERT_OK(model_open(&model, &recovery), &model.error);
        for (uint64_t step = random_below(random, 30); step > 0; step--) {
            ASSERT_OK(model_append(&model, random, 1 + random_below(random, 3), 30), &model.error);
            if (random_chance(random, 1, 3)) ASSERT_OK(model_wait(&model), &model.error);
            if (random_chance(random, 1, 40)) ASSERT_OK(model_flush(&model), &model.error);
        }
        ASSERT_OK(wal_commit(model.wal, &model.error), &model.error);
        model.safe_sequence = model.last_sequence;
        if (random_chance(random, 1, 2)) {
            ASSERT_OK(model_close(&model), &model.error);
        } else {
            log_crash(random, memory, fault, FILE_CRASH_LOST);
        }
    }
}

struct handed_out {
    bool frames[MODEL_SEQUENCES_MAX];
};

static void handed_out_save(struct handed_out *target)
{
    for (size_t i = 0; i < MODEL_SEQUENCES_MAX; i++) {
        target->frames[i] = model.frames[i].was_handed_out;
    }
}

/* What a damaged log may do: hand out less, in order, by whole appends, and say so. */
static void assert_damage_is_told(const struct wal_recovery *recovery, bool newest_is_hit)
{
    uint64_t lost_count = 0;
    for (uint64_t i = model.flushed_sequence + 1; i <= model.last_sequence; i++) {
        const struct model_frame *frame = &model.frames[i];
        lost_count += !frame->was_handed_out;
        if (!frame->more) continue;
        ck_assert_msg(frame->was_handed_out == model.frames[i + 1].was_handed_out,
                      "%lu without %lu", i, i + 1);
    }
    ck_assert_uint_eq(recovery->frame_count,
                      model.last_sequence - model.flushed_sequence - lost_count);
    ck_assert(recovery->last_sequence >= model.handed_out);
    ck_assert((recovery->first_damage[0] != 0) == (recovery->damaged_count > 0));
    if (recovery->damaged_count > 0) return;
    ck_assert_uint_eq(model.hole_count, 0);
    ck_assert_msg(lost_count == 0 || (newest_is_hit && !recovery->clean_close),
                  "%lu lost and not told", lost_count);
}

static void damage_walk(uint64_t seed)
{
    static struct handed_out inspected, opened;
    struct random random;
    struct error error;
    struct file_memory *memory;
    struct file_fault *fault;
    damage_seed = seed;
    random_init(&random, seed);
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
    struct wal_options options = random_options(&random, file_fault_system(fault));
    options.bytes_max = UINT64_MAX;
    model_init(&model, &options);
    log_make(&random, memory, fault);

    struct wal_directory directory;
    ASSERT_OK(wal_directory_read(&directory, options.file_system, "wal", &error), &error);
    size_t count = directory.files.count;
    bool newest_is_hit = false;
    for (uint64_t hits = 1 + random_below(&random, 3); hits > 0; hits--) {
        size_t index = random_below(&random, count);
        range_damage(&random, memory, directory.files.numbers[index]);
        newest_is_hit |= index + 1 == count;
    }
    wal_directory_finish(&directory);

    model.allows_holes = true;
    struct wal_recovery recovery;
    model_expect_replay(&model);
    ASSERT_OK(wal_inspect(&model.options, model.flushed_position, model.flushed_sequence, &recovery,
                          &error),
              &error);
    assert_damage_is_told(&recovery, newest_is_hit);
    handed_out_save(&inspected);

    /* Opening sees the same, twice: what is lost stays told until it is released. */
    for (int i = 0; i < 2; i++) {
        model_expect_replay(&model);
        ASSERT_OK(wal_open(&model.wal, &model.options, model.flushed_position,
                           model.flushed_sequence, &recovery, &error),
                  &error);
        ck_assert(recovery.damaged_count > 0 || model.hole_count == 0);
        handed_out_save(&opened);
        ck_assert_mem_eq(&inspected, &opened, sizeof opened);
        model.last_sequence = recovery.last_sequence;
        model.safe_sequence = recovery.last_sequence;
        if (i == 0) ASSERT_OK(wal_close(model.wal, &error), &error);
    }
    model.allows_holes = false;
    model.handed_out = recovery.last_sequence;
    ASSERT_OK(model_append(&model, &random, 2, 5), &error);
    ASSERT_OK(model_flush(&model), &error);
    ASSERT_OK(model_append(&model, &random, 2, 5), &error);
    ASSERT_OK(model_close(&model), &error);
    ASSERT_OK(model_open(&model, &recovery), &error); /* nothing of it is left */
    ASSERT_OK(model_close(&model), &error);
    file_fault_destroy(fault);
    file_memory_destroy(memory);
}

START_TEST(damage_is_told_and_the_rest_read)
{
    uint64_t only = unit_number("BEDE_SEED", UINT64_MAX);
    uint64_t count = unit_number("BEDE_SEEDS", 600);
    for (uint64_t seed = 0; seed < count; seed++) {
        if (only == UINT64_MAX || seed == only) damage_walk(seed);
    }
}
END_TEST

/* ---- Old bytes in new places ---------------------------------------------------------------- */

/* Three groups of ten equal frames each, in the only file. */
static struct file_memory *equal_groups_make(void)
{
    struct error error;
    struct file_memory *memory;
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    model_init(&model, &(struct wal_options){.file_system = file_memory_system(memory),
                                             .file_bytes = 16 * WAL_ALIGNMENT,
                                             .buffer_bytes = WAL_ALIGNMENT,
                                             .bytes_max = UINT64_MAX,
                                             .manual = true});
    struct wal_recovery recovery;
    ASSERT_OK(model_open(&model, &recovery), &error);
    for (uint64_t i = 1; i <= 30; i++) {
        const struct batch batch = {.sample_count = 1, .values = &i, .type = VALUE_I64};
        ASSERT_OK(wal_begin(model.wal, wal_frame_bytes(&batch), &error), &error);
        model.frames[i].hash = model_hash(&batch);
        model.last_sequence = wal_add(model.wal, &batch, false);
        wal_end(model.wal);
        if (i % 10 == 0) ASSERT_OK(model_wait(&model), &error);
    }
    ASSERT_OK(model_close(&model), &error);
    return memory;
}

/* A group counts by its header only if its frames are its own: a write that went elsewhere, or was
 * torn over the old content of a recycled file, leaves frames that are whole and old. */
START_TEST(old_frames_in_a_group_are_damage)
{
    struct file_memory *memory = equal_groups_make();
    const uint8_t *content;
    struct error error;
    (void)file_bytes_of(memory, 1, &content);
    size_t frame_bytes = 64 + 8, frames_at = sizeof(struct wal_group_header);
    uint8_t *old_frames = malloc(3 * frame_bytes);
    ck_assert_ptr_nonnull(old_frames);
    memcpy(old_frames, content + WAL_ALIGNMENT + frames_at, 3 * frame_bytes);
    ASSERT_OK(file_memory_damage(memory, "wal/0000000000000001.wal", old_frames, 3 * frame_bytes,
                                 2 * WAL_ALIGNMENT + frames_at),
              &error);
    free(old_frames);

    struct wal_recovery recovery;
    model_expect_replay(&model);
    model.allows_holes = true;
    ASSERT_OK(wal_inspect(&model.options, 0, 0, &recovery, &error), &error);
    ck_assert_uint_eq(recovery.frame_count, 27);
    ck_assert_uint_eq(model.handed_out, 30);
    ck_assert_uint_eq(recovery.damaged_count, 1);
    ck_assert_uint_eq(recovery.damaged_bytes, 3 * frame_bytes);
    ck_assert_str_eq(recovery.first_damage, "0000000000000001.wal at 8256");
    ck_assert(recovery.clean_close);
    file_memory_destroy(memory);
}
END_TEST

START_TEST(a_bad_group_header_costs_no_frames)
{
    struct file_memory *memory = equal_groups_make();
    struct error error;
    ASSERT_OK(file_memory_damage(memory, "wal/0000000000000001.wal", "x", 1, 2 * WAL_ALIGNMENT + 9),
              &error);
    struct wal_recovery recovery;
    model_expect_replay(&model);
    ASSERT_OK(wal_inspect(&model.options, 0, 0, &recovery, &error), &error);
    ck_assert_uint_eq(recovery.frame_count, 30);
    ck_assert_uint_eq(recovery.damaged_count, 1);
    ck_assert_uint_eq(recovery.damaged_bytes, sizeof(struct wal_group_header));
    file_memory_destroy(memory);
}
END_TEST

START_TEST(the_last_group_may_be_torn_without_a_word)
{
    struct file_memory *memory = equal_groups_make();
    struct error error;
    uint8_t zeros[2 * WAL_ALIGNMENT - 1000] = {0}; /* the end of group 3, and the clean close */
    ASSERT_OK(file_memory_damage(memory, "wal/0000000000000001.wal", zeros, sizeof zeros,
                                 3 * WAL_ALIGNMENT + 500),
              &error);
    struct wal_recovery recovery;
    model_expect_replay(&model);
    ASSERT_OK(wal_inspect(&model.options, 0, 0, &recovery, &error), &error);
    ck_assert_uint_eq(recovery.frame_count, 26);
    ck_assert_uint_eq(recovery.last_sequence, 26);
    ck_assert_uint_eq(recovery.damaged_count, 0);
    ck_assert_uint_gt(recovery.torn_bytes, 0);
    ck_assert(!recovery.clean_close);
    file_memory_destroy(memory);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        crashes_lose_nothing_promised,
        damage_is_told_and_the_rest_read,
        old_frames_in_a_group_are_damage,
        a_bad_group_header_costs_no_frames,
        the_last_group_may_be_torn_without_a_word,
    };
    int result = unit_run("wal_replay", tests, sizeof tests / sizeof tests[0]);
    if (result != EXIT_SUCCESS) printf("at seeds %lu and %lu\n", crash_seed, damage_seed);
    return result;
}
