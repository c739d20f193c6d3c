/* The store's reading side: cursors with the masks that count, and single values. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/disk_names.h"
#include "storage/store_state.h"

enum status store_cursor(struct store *store, uint32_t number, const struct store_range *range,
                         struct cursor **out_cursor, struct error *error)
{
    if (number >= identity_map_count(store->identities)) {
        return error_set(error, STATUS_BAD_INPUT, "there is no tag %u", number);
    }
    struct arena arena;
    arena_init(&arena, 64 << 20);
    struct cursor_options options = {
        .tag = number,
        .identity = identity_map_identity(store->identities, number),
        .from_ns = range->from_ns,
        .to_ns = range->to_ns,
        .as_of = range->as_of,
        .history = range->history,
    };
    /* Masks before the snapshot: one that is set in between hides from the next reader only. */
    enum status status =
        catalog_masks(store->catalog, number, range->from_ns, range->to_ns, range->as_of, &arena,
                      &options.masks, &options.mask_count, error);
    if (status == STATUS_OK) {
        struct snapshot *snapshot = store_snapshot(store);
        status = cursor_open(out_cursor, snapshot, &options, error);
        snapshot_unref(snapshot);
    }
    arena_finish(&arena);
    return status;
}

/* The last sample that a pass over [from_ns, to_ns) shows. */
static enum status store_last_in(struct store *store, uint32_t number, int64_t from_ns,
                                 int64_t to_ns, struct arena *arena, int64_t *out_time_ns,
                                 struct entry *out_entry, struct error *error)
{
    struct store_range range = {.from_ns = from_ns, .to_ns = to_ns, .as_of = UINT64_MAX};
    struct cursor *cursor = NULL;
    enum status status = store_cursor(store, number, &range, &cursor, error);
    if (status < 0) return status;
    bool found = false;
    struct batch batch;
    while ((status = cursor_next(cursor, &batch, error)) == STATUS_OK) {
        *out_time_ns = batch.times_ns[batch.sample_count - 1];
        *out_entry = batch_entry(&batch, batch.sample_count - 1);
        found = true;
        if (out_entry->type != VALUE_TEXT) continue;
        const struct text_value *text = value_text(out_entry->value);
        size_t bytes = sizeof *text + text->size_bytes;
        void *copy = arena_take(arena, bytes);
        if (!copy) {
            status = error_set(error, STATUS_NO_MEMORY, "text of %zu bytes", bytes);
            break;
        }
        out_entry->value = value_from_text(memcpy(copy, text, bytes));
    }
    cursor_close(cursor);
    if (status < 0) return status;
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status store_value_at(struct store *store, uint32_t number, int64_t time_ns,
                           struct arena *arena, int64_t *out_time_ns, struct entry *out_entry,
                           struct error *error)
{
    if (number >= identity_map_count(store->identities)) {
        return error_set(error, STATUS_BAD_INPUT, "there is no tag %u", number);
    }
    struct identity identity = identity_map_identity(store->identities, number);
    if (time_ns == INT64_MAX) time_ns--;
    while (time_ns > INT64_MIN) {
        struct snapshot *snapshot = store_snapshot(store);
        int64_t from_ns = INT64_MIN;
        enum status status = cursor_floor_ns(snapshot, number, identity, time_ns, &from_ns, error);
        snapshot_unref(snapshot);
        if (status < 0) return status;
        if (from_ns == INT64_MIN) return STATUS_NOT_FOUND;
        status = store_last_in(store, number, from_ns, time_ns + 1, arena, out_time_ns, out_entry,
                               error);
        if (status != STATUS_NOT_FOUND) return status;
        time_ns = from_ns - 1; /* all of it was hidden */
    }
    return STATUS_NOT_FOUND;
}

/* What is newest of the heads and of what is known of the segments. False when that must be looked
 * up: corrections, late samples, texts, or two of one time. */
static bool latest_is_known(struct store *store, uint32_t number, struct latest *out_latest)
{
    struct snapshot *snapshot = store_snapshot(store);
    const struct head *heads[] = {snapshot->active, snapshot->flushing};
    struct latest latest;
    bool is_known = latest_table_get(store->latest, number, &latest);
    for (size_t i = 0; i < 2 && is_known && heads[i]; i++) {
        int64_t time_ns;
        struct entry entry;
        enum status status = head_last(heads[i], number, &time_ns, &entry);
        if (status == STATUS_END || (status == STATUS_OK && time_ns < latest.time_ns)) continue;
        struct latest newest = {
            .time_ns = time_ns, .value = entry.value, .quality = entry.quality, .type = entry.type};
        is_known = status == STATUS_OK && entry.type != VALUE_TEXT &&
                   (time_ns > latest.time_ns ||
                    (newest.value == latest.value && newest.quality == latest.quality &&
                     newest.type == latest.type));
        latest = newest;
    }
    snapshot_unref(snapshot);
    *out_latest = latest;
    return is_known;
}

/* Whether there may be entries behind this time: samples whose time is still to come, or deletions
 * that would hide what another server sends. Then the newest sample is not remembered. */
static enum status has_entries_behind(struct store *store, uint32_t number, int64_t time_ns,
                                      bool *out_has_entries, struct error *error)
{
    struct snapshot *snapshot = store_snapshot(store);
    int64_t floor_ns = INT64_MIN;
    enum status status =
        cursor_floor_ns(snapshot, number, identity_map_identity(store->identities, number),
                        INT64_MAX - 1, &floor_ns, error);
    snapshot_unref(snapshot);
    *out_has_entries = floor_ns > time_ns;
    return status;
}

enum status store_latest(struct store *store, uint32_t number, struct arena *arena,
                         int64_t *out_time_ns, struct entry *out_entry, struct error *error)
{
    int64_t limit_ns = store->clock->wall_ns(store->clock) + FRONTIER_FUTURE_NS;
    bool is_masked = catalog_mask_end_ns(store->catalog, number) != INT64_MIN;
    struct latest latest;
    if (!is_masked && number < identity_map_count(store->identities) &&
        latest_is_known(store, number, &latest) && latest.time_ns <= limit_ns) {
        *out_time_ns = latest.time_ns;
        *out_entry =
            (struct entry){.value = latest.value, .quality = latest.quality, .type = latest.type};
        return STATUS_OK;
    }
    uint64_t epoch = latest_table_epoch(store->latest);
    bool has_more = false;
    enum status status =
        store_value_at(store, number, limit_ns, arena, out_time_ns, out_entry, error);
    if (status == STATUS_OK) {
        status = has_entries_behind(store, number, *out_time_ns, &has_more, error);
    }
    if (status == STATUS_OK && !has_more && !is_masked && out_entry->type != VALUE_TEXT) {
        latest = (struct latest){.time_ns = *out_time_ns,
                                 .value = out_entry->value,
                                 .quality = out_entry->quality,
                                 .type = out_entry->type};
        latest_table_put(store->latest, number, epoch, &latest);
    }
    return status;
}

/* 0 for a file that is not there. */
static enum status store_file_bytes(struct store *store, const char *path, uint64_t *total_bytes,
                                    struct error *error)
{
    struct file *file = NULL;
    uint64_t bytes = 0;
    enum status status = file_open(store->file_system, &file, path, FILE_READ, error);
    if (status == STATUS_OK) status = file_size(file, &bytes, error);
    file_close(file);
    *total_bytes += bytes;
    return status < 0 ? status : STATUS_OK;
}

static enum status store_catalog_bytes(struct store *store, uint64_t *out_bytes,
                                       struct error *error)
{
    uv_mutex_lock(&store->manifest_lock);
    uint64_t snapshot_number = manifest_state(store->manifest)->snapshot_number;
    uint64_t frontier_number = manifest_state(store->manifest)->frontier_number;
    uv_mutex_unlock(&store->manifest_lock);
    char path[FILE_PATH_BYTES_MAX];
    *out_bytes = 0;
    store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_IDENTITIES);
    enum status status = store_file_bytes(store, path, out_bytes, error);
    if (status < 0) return status;
    store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_SNAPSHOT_FORMAT, snapshot_number);
    status = store_file_bytes(store, path, out_bytes, error);
    if (status < 0) return status;
    store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_FRONTIER_FORMAT, frontier_number);
    return store_file_bytes(store, path, out_bytes, error);
}

/* Records of the own journals, which are samples too, but not the plant's. */
static uint64_t store_journal_count(struct store *store, uint64_t *out_bad_count)
{
    uint64_t count = 0;
    uv_mutex_lock(&store->head_lock);
    for (size_t i = 0; i < store->journal_count; i++) {
        count += store->journals[i].position.sequence;
    }
    *out_bad_count = store->bad_record_count;
    uv_mutex_unlock(&store->head_lock);
    return count;
}

enum status store_statistics(struct store *store, struct store_statistics *out_statistics,
                             struct error *error)
{
    uint64_t catalog_bytes;
    enum status status = store_catalog_bytes(store, &catalog_bytes, error);
    if (status < 0) return status;
    struct snapshot *snapshot = store_snapshot(store);
    struct store_statistics statistics = {
        .tag_count = catalog_tag_count(store->catalog),
        .sample_count = head_sample_count(snapshot->active),
        .segment_count = snapshot->segment_count,
        .wal_bytes = wal_disk_bytes(store->wal),
        .catalog_bytes = catalog_bytes,
        .memory_bytes = head_bytes(snapshot->active) + 2 * store->options.wal_buffer_bytes +
                        catalog_memory_bytes(store->catalog) + latest_table_bytes(store->latest) +
                        block_cache_statistics(store->cache).bytes,
        .appended_count = atomic_load(&store->appended_count),
        .late_count = atomic_load(&store->late_count),
        .flush_count = atomic_load(&store->flush_count),
        .compaction_count = atomic_load(&store->compaction_count),
        .compacted_bytes = atomic_load(&store->compacted_bytes),
        .copied_block_count = atomic_load(&store->copied_block_count),
        .encoded_block_count = atomic_load(&store->encoded_block_count),
        .open_ns = store->open_ns,
        .recovery_ns = store->recovery_ns,
        .recovery = store->recovery,
    };
    if (snapshot->flushing) {
        statistics.sample_count += head_sample_count(snapshot->flushing);
        statistics.memory_bytes += head_bytes(snapshot->flushing);
    }
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        statistics.segment_bytes += segment_bytes(snapshot->segments[i]);
        statistics.sample_count += segment_footer(snapshot->segments[i])->sample_count;
    }
    snapshot_unref(snapshot);
    uint64_t journal_count = store_journal_count(store, &statistics.bad_record_count);
    if (statistics.sample_count > journal_count) {
        statistics.sample_count -= journal_count;
    } else {
        statistics.sample_count = 0;
    }
    *out_statistics = statistics;
    return STATUS_OK;
}
