#include "storage/store.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/block.h"
#include "storage/disk_names.h"
#include "storage/store_state.h"

enum {
    CLOSE_FLUSH_BYTES = 16 << 20,
    MIXED_TAG_SAMPLES_MAX = BLOCK_SAMPLES / 16, /* a block of so many costs more than it holds */
};

void store_path(const struct store *store, char *target, const char *directory, const char *format,
                ...)
{
    int length = directory ? snprintf(target, FILE_PATH_BYTES_MAX, "%s/%s/", store->path, directory)
                           : snprintf(target, FILE_PATH_BYTES_MAX, "%s/", store->path);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(target + length, (size_t)(FILE_PATH_BYTES_MAX - length), format, arguments);
    va_end(arguments);
}

struct catalog *store_catalog(struct store *store)
{
    return store->catalog;
}

uint64_t store_node(const struct store *store)
{
    return store->node;
}

uint32_t store_generation(const struct store *store)
{
    return store->generation;
}

struct clock *store_clock(struct store *store)
{
    return store->clock;
}

struct change_feed *store_feed(struct store *store)
{
    return store->feed;
}

uint64_t store_stamp(struct store *store)
{
    uv_mutex_lock(&store->stamp_lock);
    uint64_t stamp = stamp_take(&store->stamps, store->clock->wall_ns(store->clock));
    uv_mutex_unlock(&store->stamp_lock);
    return stamp;
}

bool store_is_journal(const struct store *store, uint32_t number)
{
    for (size_t i = 0; i < store->journal_count; i++) {
        if (store->journals[i].number == number) return true;
    }
    return false;
}

static bool store_is_stepped(void *context, struct identity identity)
{
    const struct store *store = context;
    uint32_t number = identity_map_find(store->identities, identity);
    return number != TAG_NONE && catalog_line(store->catalog, number).is_stepped;
}

/* With blocks of a size for tests, mixed ones shrink along. */
enum status store_segment_create(struct store *store, uint64_t number, uint32_t level,
                                 struct segment_writer **out_writer, struct error *error)
{
    char directory[FILE_PATH_BYTES_MAX];
    store_path(store, directory, NULL, "%s", DISK_SEGMENT_DIRECTORY);
    uint32_t block_samples_max = store->options.block_samples_max;
    struct segment_writer_options options = {
        .file_system = store->file_system,
        .directory = directory,
        .number = number,
        .store = store->identity,
        .level = level,
        .block_samples_max = block_samples_max,
        .mixed_samples_max = block_samples_max > 0 ? block_samples_max / 2 : MIXED_TAG_SAMPLES_MAX,
        .mixed_tags_max = block_samples_max,
        .is_stepped = store_is_stepped,
        .context = store,
    };
    return segment_writer_create(out_writer, &options, error);
}

struct snapshot *store_snapshot(struct store *store)
{
    uv_mutex_lock(&store->snapshot_lock);
    struct snapshot *snapshot = snapshot_ref(store->current);
    uv_mutex_unlock(&store->snapshot_lock);
    return snapshot;
}

static uint64_t snapshot_flushed_count(const struct snapshot *snapshot)
{
    uint64_t count = 0;
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        count += segment_level(snapshot->segments[i]) == SEGMENT_FLUSHED;
    }
    return count;
}

void store_exchange_snapshot(struct store *store, struct snapshot *made)
{
    atomic_store(&store->flushed_count, snapshot_flushed_count(made));
    uv_mutex_lock(&store->snapshot_lock);
    struct snapshot *old = store->current;
    store->current = made;
    uv_mutex_unlock(&store->snapshot_lock);
    snapshot_unref(old);
}

uint64_t store_take_number(struct store *store)
{
    uv_mutex_lock(&store->manifest_lock);
    uint64_t number = store->next_number++;
    uv_mutex_unlock(&store->manifest_lock);
    return number;
}

static void store_fill_edit(struct store *store, const struct store_publication *publication,
                            struct manifest_state *state)
{
    *state = *manifest_state(store->manifest);
    state->next_number = store->next_number;
    uv_mutex_lock(&store->stamp_lock);
    state->clock_ceiling = store->stamps.last;
    uv_mutex_unlock(&store->stamp_lock);
    if (!publication->ends_flush) return;
    state->flushed_position = publication->flushed_position;
    state->flushed_sequence = publication->flushed_sequence;
    state->frontier_number = publication->frontier_number;
    state->snapshot_number = publication->snapshot_number;
}

static struct manifest_segment manifest_record(const struct segment *segment)
{
    const struct segment_footer *footer = segment_footer(segment);
    return (struct manifest_segment){
        .number = segment_number(segment),
        .size_bytes = segment_bytes(segment),
        .sample_count = footer->sample_count,
        .first_time_ns = footer->first_time_ns,
        .last_time_ns = footer->last_time_ns,
        .level = segment_level(segment),
    };
}

/* One edit that names the segments on both sides. */
static enum status store_commit_edit(struct store *store, struct store_publication *publication,
                                     struct segment *const *added, struct error *error)
{
    size_t added_count = publication->added_count, dropped_count = publication->dropped_count;
    struct manifest_segment *records = malloc((added_count + 1) * sizeof *records);
    uint64_t *dropped = malloc((dropped_count + 1) * sizeof *dropped);
    enum status status = STATUS_NO_MEMORY;
    if (!records || !dropped) {
        status = error_set(error, STATUS_NO_MEMORY, "edit of the manifest");
        goto done;
    }
    for (size_t i = 0; i < added_count; i++) records[i] = manifest_record(added[i]);
    for (size_t i = 0; i < dropped_count; i++) {
        dropped[i] = segment_number(publication->dropped[i]);
    }
    struct manifest_state state;
    store_fill_edit(store, publication, &state);
    struct manifest_edit edit = {
        .state = &state,
        .added = records,
        .added_count = added_count,
        .dropped = dropped,
        .dropped_count = dropped_count,
    };
    bool was_in_doubt = manifest_is_in_doubt(store->manifest);
    status = manifest_commit(store->manifest, &edit, error);
    if (status < 0) {
        publication->is_in_doubt = !was_in_doubt && manifest_is_in_doubt(store->manifest);
    }
done:
    free(records);
    free(dropped);
    return status;
}

static enum status store_publish_locked(struct store *store, struct store_publication *publication,
                                        struct segment *const *added, struct error *error)
{
    /* Everything that can fail for want of memory comes before the manifest is told. */
    struct snapshot *current = store->current;
    struct head *flushing = publication->ends_flush ? NULL : current->flushing;
    struct snapshot *made =
        snapshot_with(current, current->active, flushing, publication->dropped,
                      publication->dropped_count, added, publication->added_count);
    if (!made) return error_set(error, STATUS_NO_MEMORY, "snapshot");
    enum status status = store_commit_edit(store, publication, added, error);
    if (status < 0) {
        snapshot_unref(made);
        return status;
    }
    for (size_t i = 0; i < publication->dropped_count; i++) {
        segment_remove_when_unused(publication->dropped[i]);
    }
    store_exchange_snapshot(store, made);
    return STATUS_OK;
}

enum status store_may_publish(struct store *store, struct error *error)
{
    uv_mutex_lock(&store->manifest_lock);
    bool is_in_doubt = manifest_is_in_doubt(store->manifest);
    uv_mutex_unlock(&store->manifest_lock);
    if (!is_in_doubt) return STATUS_OK;
    return error_set(error, STATUS_IO, "%s: an edit of the manifest failed; open it again",
                     store->path);
}

static enum status store_open_added(struct store *store, uint64_t number,
                                    struct segment **out_segment, struct error *error)
{
    char directory[FILE_PATH_BYTES_MAX];
    store_path(store, directory, NULL, "%s", DISK_SEGMENT_DIRECTORY);
    enum status status = segment_open(out_segment, store->file_system, directory, number, error);
    if (status == STATUS_OK) segment_set_cache(*out_segment, store->cache);
    if (status != STATUS_NOT_FOUND) return status;
    return error_set(error, STATUS_CORRUPT, "segment %016" PRIx64 " is gone", number);
}

enum status store_publish(struct store *store, struct store_publication *publication,
                          struct error *error)
{
    size_t count = publication->added_count;
    struct segment **added = calloc(count + 1, sizeof *added);
    if (!added) return error_set(error, STATUS_NO_MEMORY, "%zu new segments", count);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = store_open_added(store, publication->added[i], &added[i], error);
    }
    if (status == STATUS_OK) {
        uv_mutex_lock(&store->manifest_lock);
        status = store_publish_locked(store, publication, added, error);
        uv_mutex_unlock(&store->manifest_lock);
    }
    for (size_t i = 0; i < count; i++) segment_unref(added[i]);
    free(added);
    return status;
}

/* At once, not at the next start: a disk that is nearly full would be filled by retries. */
void store_discard(struct store *store, const struct store_publication *publication)
{
    if (publication->is_in_doubt) return;
    char path[FILE_PATH_BYTES_MAX];
    struct error ignored; /* what cannot be removed does wait for the next start */
    for (size_t i = 0; i < publication->added_count; i++) {
        store_path(store, path, DISK_SEGMENT_DIRECTORY, DISK_SEGMENT_FORMAT, publication->added[i]);
        (void)file_remove(store->file_system, path, &ignored);
    }
}

void store_wake_keeper(struct store *store)
{
    if (store->options.manual) return;
    uv_mutex_lock(&store->keeper_lock);
    store->keeper_is_asked = true;
    uv_cond_signal(&store->keeper_wakes);
    uv_mutex_unlock(&store->keeper_lock);
}

static bool store_has_memory(struct store *store)
{
    return atomic_load_explicit(&store->active_bytes, memory_order_relaxed) <=
               store->head_bytes_max &&
           wal_live_bytes(store->wal) <= store->options.wal_bytes_max;
}

static bool store_is_piled_up(struct store *store)
{
    return atomic_load_explicit(&store->flushed_count, memory_order_relaxed) >= STORE_FLUSHED_MAX;
}

/* Where merges fail, nobody waits for them: to read slowly is better than to lose. */
static bool store_has_room(struct store *store)
{
    bool is_held =
        store_is_piled_up(store) && (store->options.manual || atomic_load(&store->merges_go_on));
    return store_has_memory(store) && !is_held;
}

/* Without threads: the caller does what they would. */
static enum status store_make_room(struct store *store, struct error *error)
{
    if (!store_has_memory(store)) {
        enum status status = store_flush(store, error);
        if (status < 0) return status;
    }
    enum status status = STATUS_OK;
    struct error ignored; /* see above */
    while (status == STATUS_OK && store_is_piled_up(store)) {
        status = store_merge_once(store, &ignored);
    }
    return STATUS_OK;
}

enum status store_wait_for_room(struct store *store, struct error *error)
{
    if (store_has_room(store)) return STATUS_OK;
    if (store->options.manual) return store_make_room(store, error);
    enum status status = STATUS_OK;
    atomic_fetch_add(&store->waiting_count, 1);
    uv_mutex_lock(&store->keeper_lock);
    while (!store_has_room(store)) {
        if (store->care_error.status < 0) {
            if (error) *error = store->care_error;
            status = store->care_error.status;
            break;
        }
        if (!store_has_memory(store)) {
            store->keeper_is_asked = true;
            uv_cond_signal(&store->keeper_wakes);
        }
        uv_cond_wait(&store->room_made, &store->keeper_lock);
    }
    uv_mutex_unlock(&store->keeper_lock);
    atomic_fetch_sub(&store->waiting_count, 1);
    return status;
}

static void store_stop_threads(struct store *store)
{
    uv_mutex_lock(&store->keeper_lock);
    store->must_stop = true;
    uv_cond_signal(&store->keeper_wakes);
    uv_cond_signal(&store->merger_wakes);
    uv_mutex_unlock(&store->keeper_lock);
    if (store->keeper_runs) ASSERT(uv_thread_join(&store->keeper) == 0);
    if (store->merger_runs) ASSERT(uv_thread_join(&store->merger) == 0);
}

static void store_finish_locks(struct store *store)
{
    uv_mutex_t *const locks[] = {
        &store->flush_lock,    &store->merge_lock,    &store->manifest_lock,
        &store->explicit_lock, &store->journal_lock,  &store->stamp_lock,
        &store->head_lock,     &store->snapshot_lock, &store->keeper_lock};
    for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++) uv_mutex_destroy(locks[i]);
    uv_cond_destroy(&store->keeper_wakes);
    uv_cond_destroy(&store->merger_wakes);
    uv_cond_destroy(&store->room_made);
    slab_pool_finish(&store->slabs);
}

enum status store_close(struct store *store, struct error *error)
{
    if (!store) return STATUS_OK;
    struct error ignored;
    enum status status = STATUS_OK;
    store_stop_threads(store);
    /* A large head is cheaper to write out now than to replay at the next start. */
    bool is_large = store->is_settled_in && head_bytes(store->active) > CLOSE_FLUSH_BYTES;
    if (is_large) status = store_flush(store, error ? error : &ignored);
    enum status closed = wal_close(store->wal, status < 0 || !error ? &ignored : error);
    if (status == STATUS_OK) status = closed;

    snapshot_unref(store->current);
    head_unref(store->active);
    frontier_table_destroy(store->frontiers);
    catalog_destroy(store->catalog);
    identity_map_close(store->identities);
    change_feed_destroy(store->feed);
    latest_table_destroy(store->latest);
    block_cache_destroy(store->cache);
    manifest_close(store->manifest);
    buffer_finish(&store->journal_text);
    buffer_finish(&store->damaged);
    file_close(store->lock_file);
    store_finish_locks(store);
    free(store->journals);
    free(store->path);
    free(store);
    return status;
}
