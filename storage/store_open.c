#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/random.h"
#include "storage/base/slab.h"
#include "storage/disk_names.h"
#include "storage/store_state.h"
#include "storage/wal_format.h"

enum {
    WAL_FILE_BYTES_DEFAULT = 16 << 20,
    WAL_BUFFER_BYTES_DEFAULT = 4 << 20,
    HEAD_SLAB_BYTES_MAX = SLAB_HUGE_BYTES,
    CACHE_SHARE = 8, /* of the memory, for what is read of segments */
};
#define MEMORY_BYTES_DEFAULT ((uint64_t)512 << 20)
#define MEMORY_BYTES_MIN ((uint64_t)8 << 20)
#define WAL_BYTES_DEFAULT ((uint64_t)2 << 30)

static const char *const store_directories[] = {DISK_WAL_DIRECTORY, DISK_SEGMENT_DIRECTORY,
                                                DISK_CATALOG_DIRECTORY};

/* A name whose sync failed may never become durable, whatever is synced later; only a new one
 * does. So it goes again. */
static enum status store_make_root(struct store *store, struct error *error)
{
    struct error ignored;
    enum status status = file_create_directory(store->file_system, store->path, error);
    if (status == STATUS_EXISTS) return STATUS_OK;
    if (status < 0) return status;
    status = file_sync_parent(store->file_system, store->path, error);
    if (status < 0) (void)file_remove(store->file_system, store->path, &ignored);
    return status;
}

/* In the place of an empty one, which is left from a creation that failed (see above). One that
 * holds something is no such thing, and stays: a store that lost its manifest. */
static enum status store_make_directory(struct store *store, const char *path, struct error *error)
{
    enum status status = file_remove(store->file_system, path, error);
    return status < 0 ? status : file_create_directory(store->file_system, path, error);
}

static uint64_t store_new_u64(uint64_t chosen)
{
    while (chosen == 0) chosen = random_system_u64();
    return chosen;
}

static enum status store_create(struct store *store, struct error *error)
{
    const struct store_options *options = &store->options;
    char path[FILE_PATH_BYTES_MAX];
    if (options->wal_file_bytes < WAL_FILE_BYTES_MIN ||
        options->wal_file_bytes > WAL_FILE_BYTES_MAX ||
        options->wal_file_bytes % WAL_ALIGNMENT != 0) {
        return error_set(error, STATUS_BAD_INPUT,
                         "log files of %" PRIu64 " bytes: use %d to %d, a multiple of %d",
                         options->wal_file_bytes, WAL_FILE_BYTES_MIN, WAL_FILE_BYTES_MAX,
                         WAL_ALIGNMENT);
    }
    for (size_t i = 0; i < sizeof store_directories / sizeof store_directories[0]; i++) {
        store_path(store, path, NULL, "%s", store_directories[i]);
        enum status status = store_make_directory(store, path, error);
        if (status < 0) return status;
    }
    enum status status = file_sync_directory(store->file_system, store->path, error);
    if (status == STATUS_OK) status = file_sync_parent(store->file_system, store->path, error);
    if (status < 0) return status;

    struct manifest_state state = {
        .node = store_new_u64(options->node),
        .generation = options->generation,
        .generation_count = 1,
        .wal_file_bytes = options->wal_file_bytes,
        .next_number = 1,
    };
    while (state.generation == 0) state.generation = (uint32_t)random_system_u64();
    state.generations[0] = state.generation;
    state.store = (struct identity){store_new_u64(options->node), store_new_u64(options->node)};
    (void)snprintf(state.name_space, sizeof state.name_space, "%s", options->name_space);
    return manifest_create(&store->manifest, store->file_system, store->path, &state, error);
}

/* Names that no manifest speaks of: left over from a crash. */
struct store_sweep {
    struct store *store;
    const char *directory;
    struct error *error;
};

static bool sweep_keeps(const struct manifest_state *state, const char *directory, const char *name)
{
    char live[64];
    if (strcmp(directory, DISK_SEGMENT_DIRECTORY) == 0) {
        for (size_t i = 0; i < state->segment_count; i++) {
            (void)snprintf(live, sizeof live, DISK_SEGMENT_FORMAT, state->segments[i].number);
            if (strcmp(name, live) == 0) return true;
        }
        return strstr(name, ".segment") == NULL;
    }
    if (strncmp(name, "snapshot-", 9) != 0 && strncmp(name, "frontier-", 9) != 0) return true;
    (void)snprintf(live, sizeof live, DISK_SNAPSHOT_FORMAT, state->snapshot_number);
    if (strcmp(name, live) == 0) return true;
    (void)snprintf(live, sizeof live, DISK_FRONTIER_FORMAT, state->frontier_number);
    return strcmp(name, live) == 0;
}

static enum status sweep_visit(void *context, const char *name)
{
    struct store_sweep *sweep = context;
    const struct manifest_state *state = manifest_state(sweep->store->manifest);
    if (sweep_keeps(state, sweep->directory, name)) return STATUS_OK;
    char path[FILE_PATH_BYTES_MAX];
    store_path(sweep->store, path, sweep->directory, "%s", name);
    enum status status = file_remove(sweep->store->file_system, path, sweep->error);
    return status < 0 ? status : STATUS_OK;
}

static enum status store_remove_leftovers(struct store *store, struct error *error)
{
    const char *const directories[] = {DISK_SEGMENT_DIRECTORY, DISK_CATALOG_DIRECTORY};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        struct store_sweep sweep = {store, directories[i], error};
        char path[FILE_PATH_BYTES_MAX];
        store_path(store, path, NULL, "%s", directories[i]);
        enum status status = file_list(store->file_system, path, sweep_visit, &sweep, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status store_open_segments(struct store *store, struct error *error)
{
    const struct manifest_state *state = manifest_state(store->manifest);
    char directory[FILE_PATH_BYTES_MAX];
    store_path(store, directory, NULL, "%s", DISK_SEGMENT_DIRECTORY);
    struct segment **segments = calloc(state->segment_count + 1, sizeof *segments);
    if (!segments) return error_set(error, STATUS_NO_MEMORY, "segments");
    enum status status = STATUS_OK;
    size_t count = 0;
    for (; count < state->segment_count && status == STATUS_OK; count++) {
        uint64_t number = state->segments[count].number;
        status = segment_open(&segments[count], store->file_system, directory, number, error);
        if (status == STATUS_NOT_FOUND) {
            status = error_set(error, STATUS_CORRUPT, "%s: segment %016" PRIx64 " is missing",
                               directory, number);
        }
        if (status < 0) break;
        segment_set_cache(segments[count], store->cache);
        uint64_t clock_max = segment_footer(segments[count])->clock_max;
        stamp_restore(&store->stamps, clock_max);
    }
    if (status == STATUS_OK) {
        struct snapshot *made = snapshot_create(store->active, NULL, segments, count);
        if (made) store_exchange_snapshot(store, made);
        if (!made) status = error_set(error, STATUS_NO_MEMORY, "snapshot");
    }
    for (size_t i = 0; i < count; i++) segment_unref(segments[i]);
    free(segments);
    return status;
}

static enum status store_raise_frontier(struct store *store, struct identity identity,
                                        int64_t time_ns, struct error *error)
{
    uint32_t number = identity_map_find(store->identities, identity);
    if (number == TAG_NONE) return STATUS_OK;
    struct frontier_tag *tag = frontier_table_tag(store->frontiers, number);
    if (!tag) return error_set(error, STATUS_NO_MEMORY, "frontiers");
    frontier_raise(tag, time_ns);
    return STATUS_OK;
}

static enum status store_raise_mixed(struct store *store, struct segment *segment,
                                     struct error *error)
{
    struct mixed_walk walk;
    struct identity identity;
    struct batch batch;
    mixed_walk_init(&walk, segment);
    enum status status;
    while ((status = mixed_walk_next(&walk, &identity, &batch, error)) == STATUS_OK) {
        int64_t last_ns = batch.times_ns[batch.sample_count - 1];
        status = store_raise_frontier(store, identity, last_ns, error);
        if (status < 0) break;
    }
    mixed_walk_finish(&walk);
    return status < 0 ? status : STATUS_OK;
}

/* The frontiers that a lost file would have held, from all segments (R4). */
static enum status store_rebuild_frontiers(struct store *store, struct error *error)
{
    for (size_t i = 0; i < store->current->segment_count; i++) {
        struct segment *segment = store->current->segments[i];
        struct segment_walk walk;
        struct segment_index_entry entry;
        segment_walk_init(&walk, segment);
        enum status status;
        while ((status = segment_walk_next(&walk, &entry, error)) == STATUS_OK) {
            status = store_raise_frontier(store, entry.identity, entry.last_time_ns, error);
            if (status < 0) return status;
        }
        if (status < 0) return status;
        status = store_raise_mixed(store, segment, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status store_open_frontiers(struct store *store, struct error *error)
{
    store->frontiers = frontier_table_create();
    if (!store->frontiers) return error_set(error, STATUS_NO_MEMORY, "frontiers");
    const struct manifest_state *state = manifest_state(store->manifest);
    if (state->frontier_number != 0) {
        char path[FILE_PATH_BYTES_MAX];
        store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_FRONTIER_FORMAT,
                   state->frontier_number);
        enum status status = frontier_table_read(store->frontiers, store->file_system, path, error);
        if (status == STATUS_OK || (status < 0 && status != STATUS_CORRUPT)) return status;
    }
    return store_rebuild_frontiers(store, error);
}

/* Ends of masks belong to the frontiers (R1). */
static enum status store_raise_masked(struct store *store, struct error *error)
{
    uint32_t count = identity_map_count(store->identities);
    for (uint32_t number = 0; number < count; number++) {
        int64_t end_ns = catalog_mask_end_ns(store->catalog, number);
        if (end_ns == INT64_MIN) continue;
        struct frontier_tag *tag = frontier_table_tag(store->frontiers, number);
        if (!tag) return error_set(error, STATUS_NO_MEMORY, "frontiers");
        frontier_raise(tag, end_ns);
    }
    return STATUS_OK;
}

static enum status store_raise_frontiers(struct store *store, const struct batch *batch,
                                         struct error *error)
{
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct frontier_tag *tag = frontier_table_tag(store->frontiers, batch_tag(batch, i));
        if (!tag) return error_set(error, STATUS_NO_MEMORY, "frontiers");
        frontier_raise(tag, batch_time_ns(batch, i));
    }
    return STATUS_OK;
}

static bool store_knows_tags(const struct store *store, const struct batch *batch)
{
    uint32_t count = identity_map_count(store->identities);
    for (size_t i = 0; i < (batch->tags ? batch->sample_count : 1); i++) {
        if (batch_tag(batch, i) >= count) return false;
    }
    return true;
}

/* What is durable becomes visible: the one way into a head, live and in recovery. */
static enum status store_apply(void *context, const struct batch *batch, uint64_t sequence,
                               struct error *error)
{
    struct store *store = context;
    if (!store->is_settled_in) {
        if (!store_knows_tags(store, batch)) {
            return error_set(error, STATUS_CORRUPT,
                             "log frame %" PRIu64 " names a tag that the identity map lacks",
                             sequence);
        }
        enum status status = store_raise_frontiers(store, batch, error);
        if (status < 0) return status;
        if (head_bytes(store->active) > store->head_bytes_max) {
            status = store_flush(store, error);
            if (status < 0) return status;
        }
    }
    uv_mutex_lock(&store->head_lock);
    if (head_sample_count(store->active) == 0) {
        store->active_since_ns = store->clock->monotonic_ns(store->clock);
    }
    enum status status = head_apply(store->active, batch, sequence, error);
    if (status == STATUS_OK) store->applied_sequence = sequence;
    uint64_t bytes = head_bytes(store->active);
    atomic_store_explicit(&store->active_bytes, bytes, memory_order_relaxed);
    if (status == STATUS_OK && !batch->tags && store_is_journal(store, batch->tag)) {
        status = store_fold(store, batch, error);
    } else if (status == STATUS_OK) {
        change_feed_publish(store->feed, batch, sequence);
    }
    uv_mutex_unlock(&store->head_lock);
    if (store->is_settled_in && bytes > store->head_bytes_max / 4 * 3) store_wake_keeper(store);
    return status;
}

static enum status store_applied(void *context, uint64_t sequence, uint64_t position,
                                 struct error *error)
{
    struct store *store = context;
    (void)sequence, (void)error;
    uv_mutex_lock(&store->head_lock);
    store->applied_position = position;
    uv_mutex_unlock(&store->head_lock);
    return STATUS_OK;
}

static enum status store_open_wal(struct store *store, struct error *error)
{
    const struct manifest_state *state = manifest_state(store->manifest);
    char directory[FILE_PATH_BYTES_MAX];
    store_path(store, directory, NULL, "%s", DISK_WAL_DIRECTORY);
    /* The files are as large as when the store was made; the buffers must fit into them. */
    uint64_t buffer_bytes_max = state->wal_file_bytes - (uint64_t)2 * WAL_ALIGNMENT;
    if (store->options.wal_buffer_bytes > buffer_bytes_max) {
        store->options.wal_buffer_bytes = buffer_bytes_max;
    }
    struct wal_options options = {
        .file_system = store->file_system,
        .clock = store->clock,
        .directory = directory,
        .store = state->store,
        .policy = store->options.policy,
        .interval_ms = store->options.sync_interval_ms,
        .file_bytes = state->wal_file_bytes,
        .bytes_max = store->options.wal_bytes_max,
        .buffer_bytes = store->options.wal_buffer_bytes,
        .manual = store->options.manual,
        /* Tags are made in a store whose log was open. */
        .was_used = identity_map_count(store->identities) > store->journal_count,
        .apply = store_apply,
        .applied = store_applied,
        .context = store,
    };
    store->applied_sequence = state->flushed_sequence;
    store->applied_position = state->flushed_position;
    int64_t begin_ns = store->clock->monotonic_ns(store->clock);
    enum status status = wal_open(&store->wal, &options, state->flushed_position,
                                  state->flushed_sequence, &store->recovery, error);
    if (status < 0) return status;
    store->recovery_ns = (uint64_t)(store->clock->monotonic_ns(store->clock) - begin_ns);
    stamp_restore(&store->stamps, store->recovery.clock_ceiling);
    stamp_restore(&store->stamps, state->clock_ceiling);
    return STATUS_OK;
}

/* The journals of this node, one a generation, known before anything is folded. */
static enum status store_open_journals(struct store *store, struct error *error)
{
    const struct manifest_state *state = manifest_state(store->manifest);
    for (uint32_t i = 0; i < state->generation_count; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, JOURNAL_TAG_FORMAT, state->node, state->generations[i]);
        struct identity identity = identity_of_tag(state->name_space, name, 0);
        uint32_t number;
        enum status status = identity_map_add(store->identities, &identity, 1, &number, error);
        if (status < 0) return status;
        store->journals[store->journal_count++] = (struct store_journal){
            .number = number,
            .position = {.node = state->node,
                         .generation = state->generations[i],
                         .time_ns = INT64_MIN},
        };
        store->journal_number = number;
    }
    return STATUS_OK;
}

static void store_take_positions(struct store *store, const struct journal_position *positions,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < store->journal_count; j++) {
            struct journal_position *own = &store->journals[j].position;
            if (own->node == positions[i].node && own->generation == positions[i].generation) {
                *own = positions[i];
            }
        }
    }
}

/* Folds what segments hold of a journal behind the snapshot; the log brings the rest. */
static enum status store_fold_journal(struct store *store, const struct store_journal *journal,
                                      struct error *error)
{
    struct cursor_options options = {
        .tag = journal->number,
        .identity = identity_map_identity(store->identities, journal->number),
        .from_ns =
            journal->position.time_ns == INT64_MIN ? INT64_MIN : journal->position.time_ns + 1,
        .to_ns = INT64_MAX,
        .as_of = UINT64_MAX,
    };
    struct cursor *cursor = NULL;
    enum status status = cursor_open(&cursor, store->current, &options, error);
    if (status < 0) return status;
    struct batch batch;
    while ((status = cursor_next(cursor, &batch, error)) == STATUS_OK) {
        status = store_fold(store, &batch, error);
        if (status < 0) break;
    }
    cursor_close(cursor);
    return status < 0 ? status : STATUS_OK;
}

static enum status store_open_catalog(struct store *store, struct error *error)
{
    const struct manifest_state *state = manifest_state(store->manifest);
    enum status status = catalog_create(&store->catalog, store->identities, error);
    if (status < 0) return status;
    status = store_open_journals(store, error);
    if (status < 0) return status;
    if (state->snapshot_number != 0) {
        char path[FILE_PATH_BYTES_MAX];
        store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_SNAPSHOT_FORMAT,
                   state->snapshot_number);
        struct journal_position *positions = NULL;
        size_t count = 0;
        status = catalog_snapshot_read(store->catalog, store->file_system, path, &positions, &count,
                                       error);
        if (status == STATUS_OK) store_take_positions(store, positions, count);
        free(positions);
        /* A damaged or lost snapshot costs time: the journals hold all of it. */
        if (status < 0 && status != STATUS_CORRUPT) return status;
    }
    for (size_t i = 0; i < store->journal_count; i++) {
        status = store_fold_journal(store, &store->journals[i], error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status store_start_threads(struct store *store, struct error *error)
{
    if (store->options.manual) return STATUS_OK;
    if (uv_thread_create(&store->keeper, store_keep, store) != 0) {
        return error_set(error, STATUS_NO_MEMORY, "%s: cannot start a thread", store->path);
    }
    store->keeper_runs = true;
    if (uv_thread_create(&store->merger, store_merger, store) != 0) {
        return error_set(error, STATUS_NO_MEMORY, "%s: cannot start a thread", store->path);
    }
    store->merger_runs = true;
    return STATUS_OK;
}

static void store_default_options(struct store *store, const struct store_options *options)
{
    struct store_options *own = &store->options;
    *own = *options;
    if (!own->file_system) own->file_system = file_system_posix();
    if (!own->clock) own->clock = clock_system();
    if (own->memory_bytes_max == 0) own->memory_bytes_max = MEMORY_BYTES_DEFAULT;
    if (own->memory_bytes_max < MEMORY_BYTES_MIN) own->memory_bytes_max = MEMORY_BYTES_MIN;
    if (own->wal_bytes_max == 0) own->wal_bytes_max = WAL_BYTES_DEFAULT;
    if (own->wal_file_bytes == 0) own->wal_file_bytes = WAL_FILE_BYTES_DEFAULT;
    if (own->wal_buffer_bytes == 0) own->wal_buffer_bytes = WAL_BUFFER_BYTES_DEFAULT;
    if (own->sync_interval_ms == 0) own->sync_interval_ms = 100;
    if (own->flush_interval_s == 0) own->flush_interval_s = 600;
    if (!own->name_space) own->name_space = "";
    own->path = store->path;
    store->file_system = own->file_system;
    store->clock = own->clock;
    /* Two heads at most, one filling, one on its way to disk; and what a flush of a million tags and a
     * merge beside it take for their descriptors. */
    store->head_bytes_max = own->memory_bytes_max / 4;
    size_t slab_bytes = store->head_bytes_max / 32;
    if (slab_bytes > HEAD_SLAB_BYTES_MAX) slab_bytes = HEAD_SLAB_BYTES_MAX;
    store->slabs.slab_bytes = slab_bytes;
    store->slabs.count_max = store->head_bytes_max / slab_bytes + 1;
}

static void store_init_locks(struct store *store)
{
    uv_mutex_t *const locks[] = {
        &store->flush_lock,    &store->merge_lock,    &store->manifest_lock,
        &store->explicit_lock, &store->journal_lock,  &store->stamp_lock,
        &store->head_lock,     &store->snapshot_lock, &store->keeper_lock};
    for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++) {
        ASSERT(uv_mutex_init(locks[i]) == 0);
    }
    ASSERT(uv_cond_init(&store->keeper_wakes) == 0);
    ASSERT(uv_cond_init(&store->merger_wakes) == 0);
    ASSERT(uv_cond_init(&store->room_made) == 0);
    ASSERT(slab_pool_init(&store->slabs, 0, 0));
}

/* STATUS_NOT_FOUND when it is not, and then nothing is left behind. */
static enum status store_is_there(struct store *store, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    struct file *file = NULL;
    store_path(store, path, NULL, DISK_CURRENT);
    enum status status = file_open(store->file_system, &file, path, FILE_READ, error);
    file_close(file);
    return status;
}

static void store_take_facts(struct store *store, const struct manifest_state *state)
{
    store->identity = state->store;
    store->node = state->node;
    store->generation = state->generation;
    memcpy(store->name_space, state->name_space, sizeof store->name_space);
    store->next_number = state->next_number;
}

static enum status store_open_files(struct store *store, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    enum status status =
        store->options.existing_only ? store_is_there(store, error) : store_make_root(store, error);
    if (status != STATUS_OK) return status;
    store_path(store, path, NULL, DISK_LOCK);
    status = file_lock(store->file_system, &store->lock_file, path, error);
    if (status < 0) return status;
    status = manifest_open(&store->manifest, store->file_system, store->path, error);
    if (status == STATUS_NOT_FOUND) {
        status = store_create(store, error);
    } else if (status == STATUS_OK) {
        status = manifest_renew(store->manifest, error);
    }
    if (status < 0) return status;
    store_take_facts(store, manifest_state(store->manifest));
    status = store_remove_leftovers(store, error);
    if (status < 0) return status;

    store->active = head_create(&store->slabs);
    if (!store->active) return error_set(error, STATUS_NO_MEMORY, "head");
    status = store_open_segments(store, error);
    if (status < 0) return status;
    store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_IDENTITIES);
    return identity_map_open(&store->identities, store->file_system, path, error);
}

enum status store_open(struct store **out_store, const struct store_options *options,
                       struct error *error)
{
    if (strlen(options->path) + 80 > FILE_PATH_BYTES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "path of a store over %d bytes",
                         FILE_PATH_BYTES_MAX - 80);
    }
    if (options->name_space && strlen(options->name_space) > MANIFEST_NAME_SPACE_BYTES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "name space over %d bytes",
                         MANIFEST_NAME_SPACE_BYTES_MAX);
    }
    struct store *store = calloc(1, sizeof *store);
    if (!store) return error_set(error, STATUS_NO_MEMORY, "%s", options->path);
    store_init_locks(store);
    buffer_init(&store->journal_text, 8 << 20);
    buffer_init(&store->damaged, MANIFEST_SEGMENTS_MAX * sizeof(uint64_t));
    enum status status = STATUS_NO_MEMORY;
    store->path = strdup(options->path);
    store->journals = calloc(STORE_JOURNALS_MAX, sizeof *store->journals);
    if (!store->path || !store->journals) {
        status = error_set(error, STATUS_NO_MEMORY, "%s", options->path);
        goto fail;
    }
    store_default_options(store, options);
    int64_t begin_ns = store->clock->monotonic_ns(store->clock);
    store->latest = latest_table_create();
    store->cache = block_cache_create(store->options.memory_bytes_max / CACHE_SHARE);
    if (!store->latest || !store->cache) {
        status = error_set(error, STATUS_NO_MEMORY, "%s: what is remembered", options->path);
        goto fail;
    }
    status = change_feed_create(&store->feed, error);
    if (status < 0) goto fail;
    status = store_open_files(store, error);
    if (status != STATUS_OK) goto fail;
    status = store_open_catalog(store, error);
    if (status < 0) goto fail;
    status = store_open_frontiers(store, error);
    if (status < 0) goto fail;
    status = store_open_wal(store, error);
    if (status < 0) goto fail;
    status = store_raise_masked(store, error);
    if (status < 0) goto fail;
    store->is_settled_in = true;
    status = store_start_threads(store, error);
    if (status < 0) goto fail;
    store->open_ns = (uint64_t)(store->clock->monotonic_ns(store->clock) - begin_ns);
    *out_store = store;
    return STATUS_OK;

fail:
    (void)store_close(store, NULL); /* the failure to report is the first one */
    return status;
}
