/* WAL model: a log, what was put into it, and a check of what comes out.
 *
 * One sequence names one frame for ever, so the model is an array by sequence: the hash of the
 * frame's bytes, and whether it belongs to the next one. What the log hands out, live or in
 * recovery, is held against it. A "flush" stands for the segments and the manifest: it remembers
 * position and sequence, and survives every crash. */
#ifndef TESTS_STORAGE_WAL_MODEL_H
#define TESTS_STORAGE_WAL_MODEL_H

#include "storage/base/clock.h"
#include "storage/base/file_memory.h"
#include "storage/base/hash.h"
#include "storage/wal.h"
#include "storage/wal_frame.h"
#include "tests/random_batch.h"

enum { MODEL_SEQUENCES_MAX = 20000, MODEL_FRAME_BYTES_MAX = 64 << 10 };

struct model_frame {
    uint64_t hash;
    bool more;
    bool was_handed_out; /* since the model_expect_replay() */
};

struct wal_model {
    struct wal_options options;
    struct clock_virtual clock;
    struct wal *wal;
    struct error error;

    struct model_frame frames[MODEL_SEQUENCES_MAX]; /* by sequence */
    uint64_t last_sequence;                         /* given out */
    uint64_t safe_sequence;                         /* promised to be durable */
    uint64_t handed_out;                            /* the last one applied */
    uint64_t position;                              /* from the last applied() */
    uint64_t flushed_position;
    uint64_t flushed_sequence;
    bool allows_holes; /* in damaged logs */
    uint64_t hole_count;

    struct random *flush_chance; /* not NULL: now and then, flush in the middle of a replay */
    struct random_batch batch;
};

static inline uint64_t model_hash(const struct batch *batch)
{
    static _Thread_local _Alignas(8) uint8_t bytes[MODEL_FRAME_BYTES_MAX];
    size_t size = wal_frame_bytes(batch);
    ck_assert(size <= sizeof bytes);
    wal_frame_encode(bytes, batch, 0, 0);
    return hash64(bytes, size);
}

static inline void model_flush_point(struct wal_model *model)
{
    model->flushed_position = model->position;
    model->flushed_sequence = model->handed_out;
}

static inline enum status model_apply(void *context, const struct batch *batch, uint64_t sequence,
                                      struct error *error)
{
    struct wal_model *model = context;
    (void)error;
    ck_assert_msg(sequence > model->handed_out, "%lu after %lu", sequence, model->handed_out);
    ck_assert(sequence < MODEL_SEQUENCES_MAX);
    if (sequence != model->handed_out + 1) {
        ck_assert_msg(model->allows_holes, "%lu after %lu", sequence, model->handed_out);
        model->hole_count++;
    }
    ck_assert_msg(model_hash(batch) == model->frames[sequence].hash, "%lu differs", sequence);
    if (model->flush_chance && random_chance(model->flush_chance, 1, 16)) model_flush_point(model);
    model->frames[sequence].was_handed_out = true;
    model->handed_out = sequence;
    return STATUS_OK;
}

static inline enum status model_applied(void *context, uint64_t sequence, uint64_t position,
                                        struct error *error)
{
    struct wal_model *model = context;
    (void)error;
    ck_assert(sequence >= model->handed_out);
    ck_assert(position >= model->position);
    model->position = position;
    return STATUS_OK;
}

/* options: file system, policy, sizes and manual are the caller's. */
static inline void model_init(struct wal_model *model, const struct wal_options *options)
{
    memset(model, 0, sizeof *model);
    clock_virtual_init(&model->clock, 1700000000000000000);
    model->options = *options;
    model->options.clock = &model->clock.clock;
    model->options.directory = "wal";
    model->options.store = (struct identity){.low = 1, .high = 2};
    model->options.interval_ms = 10;
    model->options.apply = model_apply;
    model->options.applied = model_applied;
    model->options.context = model;
    enum status made = file_create_directory(options->file_system, "wal", &model->error);
    ck_assert(made == STATUS_OK);
    ASSERT_OK(file_sync_directory(options->file_system, "/", &model->error), &model->error);
}

static inline void model_expect_replay(struct wal_model *model)
{
    model->handed_out = model->flushed_sequence;
    model->position = model->flushed_position;
    model->hole_count = 0;
    for (uint64_t i = 0; i <= model->last_sequence; i++) model->frames[i].was_handed_out = false;
}

/* After a replay: nothing promised is missing, no append is there by half; forgets the rest. */
static inline void model_settle(struct wal_model *model, const struct wal_recovery *recovery)
{
    ck_assert_msg(recovery->last_sequence >= model->safe_sequence, "lost from %lu to %lu",
                  recovery->last_sequence + 1, model->safe_sequence);
    ck_assert(recovery->last_sequence >= model->handed_out);
    ck_assert(!model->frames[model->handed_out].more);
    /* A frame that is gone may not come back. */
    for (uint64_t i = recovery->last_sequence + 1; i <= model->last_sequence; i++) {
        model->frames[i] = (struct model_frame){0};
    }
    model->last_sequence = recovery->last_sequence;
    model->safe_sequence = recovery->last_sequence;
}

/* Opens the log of a disk that nobody damaged. */
static inline enum status model_open(struct wal_model *model, struct wal_recovery *out_recovery)
{
    model_expect_replay(model);
    enum status status = wal_open(&model->wal, &model->options, model->flushed_position,
                                  model->flushed_sequence, out_recovery, &model->error);
    if (status < 0) return status;
    ck_assert_msg(out_recovery->damaged_count == 0, "%s", out_recovery->first_damage);
    ck_assert_uint_eq(out_recovery->last_sequence, model->handed_out);
    model_settle(model, out_recovery);
    return STATUS_OK;
}

static inline enum status model_flush(struct wal_model *model)
{
    enum status status = wal_commit(model->wal, &model->error);
    if (status < 0) return status;
    model->safe_sequence = model->last_sequence;
    model_flush_point(model);
    return wal_release(model->wal, model->flushed_position, &model->error);
}

/* An append of frame_count frames of random batches. */
static inline enum status model_append(struct wal_model *model, struct random *random,
                                       size_t frame_count, size_t samples_max)
{
    struct random made = *random; /* the same again, once the bytes are known */
    size_t bytes = 0;
    for (size_t i = 0; i < frame_count; i++) {
        random_batch_make(&model->batch, random, samples_max);
        bytes += wal_frame_bytes(&model->batch.batch);
    }
    enum status status;
    while ((status = wal_begin(model->wal, bytes, &model->error)) == STATUS_AGAIN) {
        status = model_flush(model);
        if (status < 0) return status;
    }
    if (status == STATUS_TOO_LARGE) return STATUS_OK;
    if (status < 0) return status;
    for (size_t i = 0; i < frame_count; i++) {
        bool more = i + 1 < frame_count;
        random_batch_make(&model->batch, &made, samples_max);
        uint64_t sequence = model->last_sequence + 1;
        ck_assert(sequence < MODEL_SEQUENCES_MAX);
        model->frames[sequence] =
            (struct model_frame){.hash = model_hash(&model->batch.batch), .more = more};
        model->last_sequence = sequence;
        ck_assert_uint_eq(wal_add(model->wal, &model->batch.batch, more), sequence);
    }
    wal_end(model->wal);
    return STATUS_OK;
}

/* Waits for the last append; what that promises depends on the policy. */
static inline enum status model_wait(struct wal_model *model)
{
    enum status status = wal_wait(model->wal, model->last_sequence, &model->error);
    if (status < 0) return status;
    ck_assert_uint_eq(model->handed_out, model->last_sequence);
    uint64_t durable = wal_durable_sequence(model->wal);
    if (model->options.policy == WAL_DURABLE) ck_assert_uint_eq(durable, model->last_sequence);
    ck_assert(durable >= model->safe_sequence);
    model->safe_sequence = durable;
    return STATUS_OK;
}

static inline enum status model_close(struct wal_model *model)
{
    enum status status = wal_close(model->wal, &model->error);
    model->wal = NULL;
    if (status == STATUS_OK) model->safe_sequence = model->last_sequence;
    return status;
}

#endif
