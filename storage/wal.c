#include "storage/wal.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "storage/base/arena.h"
#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/wal_files.h"
#include "storage/wal_format.h"
#include "storage/wal_frame.h"
#include "storage/wal_takeover.h"
#include "storage/wal_writer.h"

enum { GROUP_HEADER_BYTES = sizeof(struct wal_group_header), COMMIT_RECENT_NS = 1000000000 };

/* A group in the making: room for its header, then the frames. */
struct group_buffer {
    uint8_t *bytes; /* owned; aligned to WAL_ALIGNMENT */
    size_t used_bytes;
    uint32_t frame_count;
};

struct wal {
    struct wal_options options;
    char *directory; /* owned */
    size_t buffer_bytes;
    struct wal_files files;
    bool has_committer;
    uv_thread_t committer;

    uv_mutex_t lock; /* guards all from here on to the committer's own */
    uv_cond_t committer_wakes;
    uv_cond_t group_done; /* applied, durable or failed */
    uv_cond_t room_made;
    struct group_buffer buffers[2];
    struct group_buffer *filling; /* the other one is empty or the committer's */
    bool chain_is_open;           /* the last frame was flagged MORE */
    bool committer_sleeps;
    bool sync_is_wanted;
    bool must_stop;
    bool has_failed;
    struct error failure; /* the first one */
    unsigned done_waiters;
    unsigned room_waiters;
    uint64_t clock_ceiling;

    /* Written under the lock. */
    atomic_uint_fast64_t last_sequence;
    atomic_uint_fast64_t applied_sequence;
    atomic_uint_fast64_t durable_sequence;

    /* Of the last commit; written by the committer. */
    atomic_int_fast64_t commit_ns;
    atomic_int_fast64_t committed_ns; /* monotonic */

    /* The committer's own (manual: of the only thread). */
    struct wal_writer writer;
    int64_t synced_ns; /* monotonic */
    struct arena arena;
};

/* ---- A group (committer) -------------------------------------------------------------------- */

static enum status group_apply(struct wal *wal, const struct group_buffer *buffer,
                               struct error *error)
{
    for (size_t at = GROUP_HEADER_BYTES; at < buffer->used_bytes;) {
        const uint8_t *frame = buffer->bytes + at;
        struct batch batch;
        uint64_t sequence;
        bool more;
        arena_reset(&wal->arena);
        enum status status =
            wal_frame_decode(frame, buffer->used_bytes - at, &wal->arena, &batch, &sequence, &more);
        if (status < 0) return error_set(error, status, "log frame, before it was applied");
        status = wal->options.apply(wal->options.context, &batch, sequence, error);
        if (status < 0) return status;
        struct wal_frame_header header;
        memcpy(&header, frame, sizeof header);
        at += header.frame_bytes;
    }
    return wal->options.applied(wal->options.context, wal->writer.written_sequence,
                                wal_writer_position(&wal->writer), error);
}

static enum status group_commit(struct wal *wal, struct group_buffer *buffer,
                                struct wal_group_header *header, bool must_sync,
                                struct error *error)
{
    enum status status = STATUS_OK;
    int64_t begin_ns = wal->options.clock->monotonic_ns(wal->options.clock);
    if (buffer->frame_count > 0 || header->flags != 0) {
        status = wal_writer_write(&wal->writer, buffer->bytes, buffer->used_bytes,
                                  buffer->frame_count, header, error);
    }
    if (status == STATUS_OK && must_sync) {
        status = wal_writer_sync(&wal->writer, error);
        wal->synced_ns = wal->options.clock->monotonic_ns(wal->options.clock);
    }
    int64_t end_ns = wal->options.clock->monotonic_ns(wal->options.clock);
    atomic_store_explicit(&wal->commit_ns, end_ns - begin_ns, memory_order_relaxed);
    atomic_store_explicit(&wal->committed_ns, end_ns, memory_order_relaxed);
    if (status == STATUS_OK && buffer->frame_count > 0) status = group_apply(wal, buffer, error);
    return status;
}

/* ---- Committing ----------------------------------------------------------------------------- */

static void buffer_clear_group(struct group_buffer *buffer)
{
    buffer->used_bytes = GROUP_HEADER_BYTES;
    buffer->frame_count = 0;
}

static enum status wal_fail(const struct wal *wal, struct error *error)
{
    *error = wal->failure;
    return wal->failure.status;
}

/* Until the next sync is due; 0: now. Only for WAL_INTERVAL. */
static uint64_t interval_left_ns(const struct wal *wal)
{
    int64_t now_ns = wal->options.clock->monotonic_ns(wal->options.clock);
    int64_t due_ns = wal->synced_ns + (int64_t)wal->options.interval_ms * 1000000;
    return now_ns < due_ns ? (uint64_t)(due_ns - now_ns) : 0;
}

static bool wal_must_sync(const struct wal *wal)
{
    if (wal->options.policy == WAL_DURABLE || wal->sync_is_wanted) return true;
    return wal->options.policy == WAL_INTERVAL && interval_left_ns(wal) == 0;
}

static void wal_publish(struct wal *wal)
{
    uint64_t sequence = wal->writer.written_sequence;
    atomic_store_explicit(&wal->applied_sequence, sequence, memory_order_release);
    if (wal->writer.is_dirty) return;
    atomic_store_explicit(&wal->durable_sequence, sequence, memory_order_release);
}

static void wal_poison(struct wal *wal, const struct error *error)
{
    wal->has_failed = true;
    wal->failure = *error;
    uv_cond_broadcast(&wal->room_made);
}

/* Writes what is in the filling buffer, and syncs where the policy or somebody says so. The lock is
 * held before and after. */
static enum status wal_commit_group(struct wal *wal, uint32_t flags)
{
    struct group_buffer *buffer = wal->filling;
    wal->filling = buffer == &wal->buffers[0] ? &wal->buffers[1] : &wal->buffers[0];
    ASSERT(wal->filling->frame_count == 0);
    struct wal_group_header header = {.clock_ceiling = wal->clock_ceiling, .flags = flags};
    bool must_sync = wal_must_sync(wal);
    wal->sync_is_wanted = false;
    if (wal->room_waiters > 0) uv_cond_broadcast(&wal->room_made);
    uv_mutex_unlock(&wal->lock);

    struct error error = {0};
    enum status status = group_commit(wal, buffer, &header, must_sync, &error);
    buffer_clear_group(buffer);

    uv_mutex_lock(&wal->lock);
    if (status < 0) {
        wal_poison(wal, &error);
    } else {
        wal_publish(wal);
    }
    if (wal->done_waiters > 0) uv_cond_broadcast(&wal->group_done);
    return status;
}

static void wal_sleep(struct wal *wal)
{
    wal->committer_sleeps = true;
    if (wal->options.policy == WAL_INTERVAL && wal->writer.is_dirty) {
        (void)uv_cond_timedwait(&wal->committer_wakes, &wal->lock, interval_left_ns(wal));
    } else {
        uv_cond_wait(&wal->committer_wakes, &wal->lock);
    }
    wal->committer_sleeps = false;
}

/* Body of the commit thread. */
static void wal_run(void *context)
{
    struct wal *wal = context;
    uv_mutex_lock(&wal->lock);
    while (!wal->has_failed) {
        if (wal->filling->frame_count > 0 || (wal->writer.is_dirty && wal_must_sync(wal))) {
            (void)wal_commit_group(wal, 0); /* a failure is kept for those who wait */
        } else if (wal->must_stop) {
            break;
        } else {
            wal_sleep(wal);
        }
    }
    uv_mutex_unlock(&wal->lock);
}

/* One signal a sleep, so that callers in a row do not each make a system call. */
static bool wal_take_wake(struct wal *wal)
{
    bool must_wake = wal->committer_sleeps;
    wal->committer_sleeps = false;
    return must_wake;
}

/* Under the lock: a step nearer to what the caller waits for. */
static void wal_advance(struct wal *wal)
{
    if (wal->options.manual) {
        (void)wal_commit_group(wal, 0); /* the caller looks at has_failed */
        return;
    }
    if (wal_take_wake(wal)) uv_cond_signal(&wal->committer_wakes);
    wal->done_waiters++;
    uv_cond_wait(&wal->group_done, &wal->lock);
    wal->done_waiters--;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static struct wal_replay replay_of(const struct wal_options *options, uint64_t from_position,
                                   uint64_t applied_sequence)
{
    return (struct wal_replay){
        .file_system = options->file_system,
        .directory = options->directory,
        .store = options->store,
        .file_bytes = options->file_bytes,
        .from_position = from_position,
        .applied_sequence = applied_sequence,
        .was_used = options->was_used,
        .apply = options->apply,
        .applied = options->applied,
        .context = options->context,
    };
}

static void wal_init_locks(struct wal *wal)
{
    ASSERT(uv_mutex_init(&wal->lock) == 0);
    ASSERT(uv_cond_init(&wal->committer_wakes) == 0);
    ASSERT(uv_cond_init(&wal->group_done) == 0);
    ASSERT(uv_cond_init(&wal->room_made) == 0);
}

static enum status wal_init(struct wal *wal, const struct wal_options *options,
                            uint64_t from_position, struct error *error)
{
    wal_init_locks(wal);
    wal->options = *options;
    wal->buffer_bytes = bytes_align(options->buffer_bytes, WAL_ALIGNMENT);
    ASSERT(wal->buffer_bytes >= WAL_ALIGNMENT);
    ASSERT(wal->buffer_bytes <= options->file_bytes - (uint64_t)2 * WAL_ALIGNMENT);
    wal->directory = strdup(options->directory);
    wal->options.directory = wal->directory;
    for (size_t i = 0; i < 2; i++) {
        wal->buffers[i].bytes = aligned_alloc(WAL_ALIGNMENT, wal->buffer_bytes);
        buffer_clear_group(&wal->buffers[i]);
    }
    wal->filling = &wal->buffers[0];
    arena_init(&wal->arena, WAL_FRAME_ARENA_BYTES);
    if (!wal->directory || !wal->buffers[0].bytes || !wal->buffers[1].bytes) {
        return error_set(error, STATUS_NO_MEMORY, "log buffers of %zu bytes", wal->buffer_bytes);
    }
    wal->writer.files = &wal->files;
    wal->writer.store = options->store;
    return wal_files_init(&wal->files, options->file_system, wal->directory, options->file_bytes,
                          from_position, error);
}

static enum status wal_recover(struct wal *wal, uint64_t applied_sequence,
                               struct wal_recovery *out_recovery, struct error *error)
{
    struct wal_replay replay =
        replay_of(&wal->options, wal->files.released_position, applied_sequence);
    replay.must_settle = true;
    struct wal_directory directory;
    enum status status =
        wal_directory_read(&directory, wal->options.file_system, wal->directory, error);
    if (status < 0) return status;
    uint64_t end_position;
    status = wal_replay(&replay, &directory, out_recovery, &end_position, error);
    if (status < 0) goto done;
    wal->clock_ceiling = out_recovery->clock_ceiling;
    wal->writer.written_sequence = out_recovery->last_sequence;
    atomic_store(&wal->last_sequence, out_recovery->last_sequence);
    wal_publish(wal);
    wal->synced_ns = wal->options.clock->monotonic_ns(wal->options.clock);
    status = wal_takeover(&wal->writer, &directory, end_position, error);
    if (status < 0) goto done;
    status = wal->options.applied(wal->options.context, out_recovery->last_sequence,
                                  wal_writer_position(&wal->writer), error);
done:
    wal_directory_finish(&directory);
    return status;
}

static enum status wal_start(struct wal *wal, struct error *error)
{
    if (wal->options.manual) return STATUS_OK;
    enum status status = wal_files_start(&wal->files, error);
    if (status < 0) return status;
    if (uv_thread_create(&wal->committer, wal_run, wal) != 0) {
        return error_set(error, STATUS_NO_MEMORY, "cannot start the commit thread");
    }
    wal->has_committer = true;
    return STATUS_OK;
}

static void wal_destroy(struct wal *wal)
{
    wal_writer_finish(&wal->writer);
    wal_files_finish(&wal->files);
    arena_finish(&wal->arena);
    uv_cond_destroy(&wal->room_made);
    uv_cond_destroy(&wal->group_done);
    uv_cond_destroy(&wal->committer_wakes);
    uv_mutex_destroy(&wal->lock);
    free(wal->buffers[0].bytes);
    free(wal->buffers[1].bytes);
    free(wal->directory);
    free(wal);
}

enum status wal_open(struct wal **out_wal, const struct wal_options *options,
                     uint64_t from_position, uint64_t applied_sequence,
                     struct wal_recovery *out_recovery, struct error *error)
{
    struct wal *wal = calloc(1, sizeof *wal);
    if (!wal) return error_set(error, STATUS_NO_MEMORY, "log");
    enum status status = wal_init(wal, options, from_position, error);
    if (status < 0) goto fail;
    status = wal_recover(wal, applied_sequence, out_recovery, error);
    if (status < 0) goto fail;
    status = wal_start(wal, error);
    if (status < 0) goto fail;
    *out_wal = wal;
    return STATUS_OK;

fail:
    wal_destroy(wal);
    return status;
}

enum status wal_inspect(const struct wal_options *options, uint64_t from_position,
                        uint64_t applied_sequence, struct wal_recovery *out_recovery,
                        struct error *error)
{
    struct wal_directory directory;
    enum status status =
        wal_directory_read(&directory, options->file_system, options->directory, error);
    if (status < 0) return status;
    struct wal_replay replay = replay_of(options, from_position, applied_sequence);
    uint64_t end_position;
    status = wal_replay(&replay, &directory, out_recovery, &end_position, error);
    wal_directory_finish(&directory);
    return status;
}

/* ---- Closing -------------------------------------------------------------------------------- */

static void wal_stop(struct wal *wal)
{
    if (!wal->has_committer) return;
    uv_mutex_lock(&wal->lock);
    wal->must_stop = true;
    uv_cond_signal(&wal->committer_wakes);
    uv_mutex_unlock(&wal->lock);
    (void)uv_thread_join(&wal->committer); /* fails only for a thread that is none */
}

enum status wal_close(struct wal *wal, struct error *error)
{
    if (!wal) return STATUS_OK;
    wal_stop(wal);
    enum status status = wal_commit(wal, error);
    if (status == STATUS_OK) {
        /* The group of its own says, above all that is durable, that nothing is missing. */
        uv_mutex_lock(&wal->lock);
        wal->sync_is_wanted = true;
        status = wal_commit_group(wal, WAL_GROUP_CLEAN_CLOSE);
        if (status < 0) status = wal_fail(wal, error);
        uv_mutex_unlock(&wal->lock);
    }
    wal_destroy(wal);
    return status;
}

/* ---- Appending ------------------------------------------------------------------------------ */

size_t wal_append_bytes_max(const struct wal *wal)
{
    size_t bytes_max = wal->buffer_bytes - GROUP_HEADER_BYTES;
    return bytes_max < WAL_FRAME_BYTES_MAX ? bytes_max : WAL_FRAME_BYTES_MAX;
}

enum status wal_begin(struct wal *wal, size_t bytes, struct error *error)
{
    if (bytes > wal_append_bytes_max(wal)) {
        return error_set(error, STATUS_TOO_LARGE,
                         "append of %zu bytes: the log takes at most %zu at once", bytes,
                         wal_append_bytes_max(wal));
    }
    uv_mutex_lock(&wal->lock);
    while (!wal->has_failed) {
        if (wal_live_bytes(wal) > wal->options.bytes_max) {
            uv_mutex_unlock(&wal->lock);
            return STATUS_AGAIN;
        }
        if (bytes <= wal->buffer_bytes - wal->filling->used_bytes) return STATUS_OK;
        if (wal->options.manual) {
            (void)wal_commit_group(wal, 0); /* the loop looks at has_failed */
            continue;
        }
        wal->room_waiters++;
        uv_cond_wait(&wal->room_made, &wal->lock);
        wal->room_waiters--;
    }
    enum status status = wal_fail(wal, error);
    uv_mutex_unlock(&wal->lock);
    return status;
}

uint64_t wal_add(struct wal *wal, const struct batch *batch, bool more)
{
    struct group_buffer *buffer = wal->filling;
    size_t bytes = wal_frame_bytes(batch);
    ASSERT(bytes <= wal->buffer_bytes - buffer->used_bytes);
    unsigned links = (more ? WAL_FRAME_MORE : 0u) | (wal->chain_is_open ? WAL_FRAME_AFTER : 0u);
    uint64_t sequence = atomic_load_explicit(&wal->last_sequence, memory_order_relaxed) + 1;
    wal_frame_encode(buffer->bytes + buffer->used_bytes, batch, sequence, links);
    atomic_store_explicit(&wal->last_sequence, sequence, memory_order_relaxed);
    buffer->used_bytes += bytes;
    buffer->frame_count++;
    wal->chain_is_open = more;
    return sequence;
}

void wal_raise_ceiling(struct wal *wal, uint64_t clock)
{
    if (clock > wal->clock_ceiling) wal->clock_ceiling = clock;
}

void wal_end(struct wal *wal)
{
    ASSERT(!wal->chain_is_open); /* W5: in one group */
    bool must_wake = wal->filling->frame_count > 0 && wal_take_wake(wal);
    uv_mutex_unlock(&wal->lock);
    if (must_wake) uv_cond_signal(&wal->committer_wakes);
}

/* ---- Waiting -------------------------------------------------------------------------------- */

bool wal_is_applied(struct wal *wal, uint64_t sequence)
{
    return sequence <= wal_applied_sequence(wal);
}

enum status wal_wait(struct wal *wal, uint64_t sequence, struct error *error)
{
    if (wal_is_applied(wal, sequence)) return STATUS_OK;
    enum status status = STATUS_OK;
    uv_mutex_lock(&wal->lock);
    ASSERT(sequence <= wal_last_sequence(wal));
    while (!wal_is_applied(wal, sequence) && !wal->has_failed) wal_advance(wal);
    if (!wal_is_applied(wal, sequence)) status = wal_fail(wal, error);
    uv_mutex_unlock(&wal->lock);
    return status;
}

enum status wal_commit(struct wal *wal, struct error *error)
{
    enum status status = STATUS_OK;
    uv_mutex_lock(&wal->lock);
    uint64_t sequence = wal_last_sequence(wal);
    while (wal_durable_sequence(wal) < sequence && !wal->has_failed) {
        wal->sync_is_wanted = true;
        if (wal->must_stop) {
            (void)wal_commit_group(wal, 0); /* the loop looks at has_failed */
        } else {
            wal_advance(wal);
        }
    }
    if (wal->has_failed) status = wal_fail(wal, error);
    uv_mutex_unlock(&wal->lock);
    return status;
}

uint64_t wal_last_sequence(struct wal *wal)
{
    return atomic_load_explicit(&wal->last_sequence, memory_order_relaxed);
}

uint64_t wal_applied_sequence(struct wal *wal)
{
    return atomic_load_explicit(&wal->applied_sequence, memory_order_acquire);
}

uint64_t wal_durable_sequence(struct wal *wal)
{
    return atomic_load_explicit(&wal->durable_sequence, memory_order_acquire);
}

/* ---- Releasing ------------------------------------------------------------------------------ */

enum status wal_release(struct wal *wal, uint64_t position, struct error *error)
{
    enum status status = wal_files_release(&wal->files, position, error);
    uv_mutex_lock(&wal->lock);
    if (wal->has_failed) status = wal_fail(wal, error);
    uv_mutex_unlock(&wal->lock);
    return status;
}

uint64_t wal_live_bytes(struct wal *wal)
{
    return wal_files_live_bytes(&wal->files);
}

uint64_t wal_disk_bytes(struct wal *wal)
{
    return wal_files_disk_bytes(&wal->files);
}

int64_t wal_commit_ns(const struct wal *wal)
{
    int64_t since_ns = wal->options.clock->monotonic_ns(wal->options.clock) -
                       atomic_load_explicit(&wal->committed_ns, memory_order_relaxed);
    if (since_ns > COMMIT_RECENT_NS) return 0;
    return atomic_load_explicit(&wal->commit_ns, memory_order_relaxed);
}

bool wal_is_near_cap(struct wal *wal)
{
    return wal_live_bytes(wal) > wal->options.bytes_max / 4 * 3;
}
