/* Flush: the samples in memory become one segment, and the log behind them is given back.
 *
 *   exchange the heads ─▶ segment ─▶ frontiers, catalog snapshot ─▶ sync the log ─▶ manifest edit
 *                                                                  ─▶ release the log, old files
 *
 * Until the manifest edit is durable, a restart finds the log as it was and flushes again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/base/assert.h"
#include "storage/disk_names.h"
#include "storage/settle.h"
#include "storage/store_state.h"

enum {
    SNAPSHOT_TAIL_MIN = 1000,
    RETRY_NS = 1000000000,
    LOOK_NS = 500000000,
    FLUSH_NEAR = 4,
    FLUSH_FAR = 12,
};

struct flush_tag {
    struct identity identity;
    uint32_t number;
};

static int flush_tag_order(const void *left, const void *right)
{
    const struct flush_tag *a = left;
    const struct flush_tag *b = right;
    return identity_compare(a->identity, b->identity);
}

/* Puts an empty head in the place of the active one. STATUS_END when there is nothing to flush. */
static enum status flush_exchange(struct store *store, struct error *error)
{
    struct head *fresh = head_create(&store->slabs);
    if (!fresh) return error_set(error, STATUS_NO_MEMORY, "head");
    enum status status = STATUS_OK;
    uv_mutex_lock(&store->manifest_lock);
    uv_mutex_lock(&store->head_lock);
    struct snapshot *made = NULL;
    if (head_sample_count(store->active) == 0) {
        status = STATUS_END;
    } else {
        made = snapshot_with(store->current, fresh, store->active, NULL, 0, NULL, 0);
        if (!made) status = error_set(error, STATUS_NO_MEMORY, "snapshot");
    }
    if (status == STATUS_OK) {
        store->flushing_sequence = store->applied_sequence;
        store->flushing_position = store->applied_position;
        head_unref(store->active);
        store->active = head_ref(fresh);
        atomic_store_explicit(&store->active_bytes, 0, memory_order_relaxed);
        store_exchange_snapshot(store, made);
    }
    uv_mutex_unlock(&store->head_lock);
    uv_mutex_unlock(&store->manifest_lock);
    head_unref(fresh);
    if (status != STATUS_OK) return status;
    /* Appends go on while the full head is written. */
    uv_mutex_lock(&store->keeper_lock);
    uv_cond_broadcast(&store->room_made);
    uv_mutex_unlock(&store->keeper_lock);
    return STATUS_OK;
}

/* Identities are hashes: dealt out by their highest bits, they are nearly sorted, a few to a
 * bucket. */
static enum status flush_deal_tags(struct store *store, const uint32_t *numbers, size_t count,
                                   struct flush_tag *tags, struct error *error)
{
    unsigned bits = 1;
    while (bits < 20 && (size_t)4 << bits < count) bits++;
    size_t bucket_count = (size_t)1 << bits;
    uint32_t *ends = calloc(bucket_count + 1, sizeof *ends);
    struct identity *identities = malloc(count * sizeof *identities);
    enum status status = STATUS_OK;
    if (!ends || !identities) {
        status = error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        identities[i] = identity_map_identity(store->identities, numbers[i]);
        ends[(identities[i].high >> (64 - bits)) + 1]++;
    }
    for (size_t i = 1; i <= bucket_count; i++) ends[i] += ends[i - 1];
    for (size_t i = 0; i < count; i++) {
        size_t bucket = identities[i].high >> (64 - bits);
        tags[ends[bucket]++] = (struct flush_tag){identities[i], numbers[i]};
    }
    for (size_t i = 0, first = 0; i < bucket_count; first = ends[i++]) {
        qsort(tags + first, ends[i] - first, sizeof *tags, flush_tag_order);
    }
done:
    free(ends);
    free(identities);
    return status;
}

static enum status flush_sorted_tags(struct store *store, const struct head *head,
                                     struct flush_tag **out_tags, size_t *out_count,
                                     struct error *error)
{
    uint32_t *numbers;
    size_t count;
    enum status status = head_tags(head, &numbers, &count, error);
    if (status < 0) return status;
    struct flush_tag *tags = malloc(count * sizeof *tags);
    if (!tags) {
        free(numbers);
        return error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
    }
    status = flush_deal_tags(store, numbers, count, tags, error);
    free(numbers);
    if (status < 0) {
        free(tags);
        return status;
    }
    *out_tags = tags;
    *out_count = count;
    return STATUS_OK;
}

static enum status flush_tag_write(struct settle *settle, struct merge *merge,
                                   const struct head *head, const struct flush_tag *tag,
                                   struct arena *arena, struct error *error)
{
    struct head_run_source run;
    struct head_bag_source bag;
    merge_reset(merge);
    arena_reset(arena);
    enum status status = head_run_source_open(&run, head, tag->number, INT64_MIN, INT64_MAX, error);
    if (status == STATUS_OK) status = merge_add(merge, &run.source, error);
    if (status < 0) return status;
    status = head_bag_source_open(&bag, head, tag->number, INT64_MIN, INT64_MAX, arena, error);
    if (status == STATUS_OK) status = merge_add(merge, &bag.source, error);
    if (status < 0) return status;
    return settle_tag(settle, tag->identity, merge, error);
}

/* Before the segment takes the head's place, so that whoever looks finds it in one of the two. */
static void flush_tag_advance(struct store *store, const struct head *head, uint32_t number)
{
    int64_t time_ns;
    struct entry entry;
    enum status status = head_last(head, number, &time_ns, &entry);
    bool is_plain = status == STATUS_OK && entry.type != VALUE_TEXT;
    struct latest newest = {
        .time_ns = time_ns, .value = entry.value, .quality = entry.quality, .type = entry.type};
    latest_table_advance(store->latest, number, is_plain ? &newest : NULL);
}

static enum status flush_write_segment(struct store *store, const struct head *head,
                                       uint64_t number, struct error *error)
{
    struct flush_tag *tags = NULL;
    size_t count = 0;
    struct segment_writer *writer = NULL;
    struct settle settle = {0};
    struct merge merge;
    struct arena arena;
    merge_init(&merge);
    arena_init(&arena, SIZE_MAX / 2);
    latest_table_next_epoch(store->latest);
    enum status status = flush_sorted_tags(store, head, &tags, &count, error);
    if (status == STATUS_OK) {
        status = store_segment_create(store, number, SEGMENT_FLUSHED, &writer, error);
    }
    if (status == STATUS_OK) status = settle_init(&settle, writer, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        /* Tags come in order of identity, so each lies somewhere else. */
        if (i + FLUSH_FAR < count) head_prefetch(head, tags[i + FLUSH_FAR].number, false);
        if (i + FLUSH_NEAR < count) head_prefetch(head, tags[i + FLUSH_NEAR].number, true);
        status = flush_tag_write(&settle, &merge, head, &tags[i], &arena, error);
        flush_tag_advance(store, head, tags[i].number);
    }
    if (status == STATUS_OK) status = segment_writer_finish(writer, NULL, NULL, error);
    settle_finish(&settle);
    merge_finish(&merge);
    arena_finish(&arena);
    segment_writer_destroy(writer);
    free(tags);
    return status;
}

static enum status flush_write_frontiers(struct store *store, uint64_t number, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_FRONTIER_FORMAT, number);
    return frontier_table_write(store->frontiers, store->file_system, path, error);
}

/* A new snapshot of the catalog once the tail that a start would fold has grown long. folded_count:
 * records that it makes unnecessary to fold. */
static enum status flush_write_catalog(struct store *store, uint64_t *number, size_t *folded_count,
                                       struct error *error)
{
    struct journal_position *positions = malloc(STORE_JOURNALS_MAX * sizeof *positions);
    if (!positions) return error_set(error, STATUS_NO_MEMORY, "catalog snapshot");
    uv_mutex_lock(&store->head_lock);
    size_t tail_count = store->journal_tail_count;
    size_t journal_count = store->journal_count;
    for (size_t i = 0; i < journal_count; i++) positions[i] = store->journals[i].position;
    uv_mutex_unlock(&store->head_lock);

    enum status status = STATUS_OK;
    size_t limit = catalog_tag_count(store->catalog) / 8;
    if (limit < SNAPSHOT_TAIL_MIN) limit = SNAPSHOT_TAIL_MIN;
    if (tail_count >= limit) {
        char path[FILE_PATH_BYTES_MAX];
        *number = store_take_number(store);
        store_path(store, path, DISK_CATALOG_DIRECTORY, DISK_SNAPSHOT_FORMAT, *number);
        status = catalog_snapshot_write(store->catalog, store->file_system, path, positions,
                                        journal_count, error);
        *folded_count = tail_count;
    }
    free(positions);
    return status;
}

/* Files that the manifest no longer names, or never did. A failure leaves them to the next start. */
static void flush_remove(struct store *store, const char *format_of_name, uint64_t number,
                         uint64_t live_number)
{
    if (number == 0 || number == live_number) return;
    char name[64], path[FILE_PATH_BYTES_MAX];
    struct error ignored;
    (void)snprintf(name, sizeof name, "%s%016" PRIx64, format_of_name, number);
    store_path(store, path, DISK_CATALOG_DIRECTORY, "%s", name);
    (void)file_remove(store->file_system, path, &ignored);
}

/* Writes the head that the snapshot calls flushing. */
static enum status flush_run(struct store *store, struct error *error)
{
    uv_mutex_lock(&store->manifest_lock);
    const struct manifest_state *state = manifest_state(store->manifest);
    uint64_t old_frontier = state->frontier_number;
    uint64_t old_snapshot = state->snapshot_number;
    uv_mutex_unlock(&store->manifest_lock);
    enum status status = store_may_publish(store, error);
    if (status < 0) return status;
    struct snapshot *snapshot = store_snapshot(store);
    uint64_t number = store_take_number(store);
    struct store_publication publication = {
        .added = &number,
        .added_count = 1,
        .ends_flush = true,
        .flushed_position = store->flushing_position,
        .flushed_sequence = store->flushing_sequence,
        .frontier_number = store_take_number(store),
        .snapshot_number = old_snapshot,
    };
    size_t folded_count = 0;
    status = flush_write_segment(store, snapshot->flushing, number, error);
    snapshot_unref(snapshot);
    if (status == STATUS_OK) {
        status = flush_write_frontiers(store, publication.frontier_number, error);
    }
    if (status == STATUS_OK) {
        status = flush_write_catalog(store, &publication.snapshot_number, &folded_count, error);
    }
    char directory[FILE_PATH_BYTES_MAX];
    store_path(store, directory, NULL, "%s", DISK_CATALOG_DIRECTORY);
    if (status == STATUS_OK) {
        status = file_sync_directory(store->file_system, directory, error);
    }
    /* The log must not end before what the manifest will call flushed: its numbers would be given
     * out again. */
    if (status == STATUS_OK && store->is_settled_in) status = wal_commit(store->wal, error);
    if (status == STATUS_OK) status = store_publish(store, &publication, error);
    if (status < 0) {
        store_discard(store, &publication);
        if (publication.is_in_doubt) return status;
        flush_remove(store, "frontier-", publication.frontier_number, old_frontier);
        flush_remove(store, "snapshot-", publication.snapshot_number, old_snapshot);
        return status;
    }
    atomic_fetch_add(&store->flush_count, 1);
    uv_mutex_lock(&store->head_lock);
    store->journal_tail_count -= folded_count;
    uv_mutex_unlock(&store->head_lock);
    flush_remove(store, "frontier-", old_frontier, publication.frontier_number);
    flush_remove(store, "snapshot-", old_snapshot, publication.snapshot_number);
    if (!store->is_settled_in) return STATUS_OK;
    return wal_release(store->wal, publication.flushed_position, error);
}

static enum status flush_locked(struct store *store, struct error *error)
{
    /* A head whose flush failed before comes first. */
    struct snapshot *snapshot = store_snapshot(store);
    bool is_waiting = snapshot->flushing != NULL;
    snapshot_unref(snapshot);
    if (is_waiting) {
        enum status status = flush_run(store, error);
        if (status < 0) return status;
    }
    enum status status = flush_exchange(store, error);
    if (status == STATUS_END) return STATUS_OK;
    return status < 0 ? status : flush_run(store, error);
}

enum status store_flush(struct store *store, struct error *error)
{
    uv_mutex_lock(&store->flush_lock);
    enum status status = flush_locked(store, error);
    uv_mutex_unlock(&store->flush_lock);

    uv_mutex_lock(&store->keeper_lock);
    if (status < 0) {
        store->care_error = *error;
    } else {
        store->care_error.status = STATUS_OK;
    }
    store->merger_is_asked = true;
    uv_cond_signal(&store->merger_wakes);
    uv_cond_broadcast(&store->room_made);
    uv_mutex_unlock(&store->keeper_lock);
    return status;
}

static bool keeper_has_work(struct store *store)
{
    if (wal_is_near_cap(store->wal)) return true;
    uv_mutex_lock(&store->head_lock);
    int64_t age_ns = store->clock->monotonic_ns(store->clock) - store->active_since_ns;
    bool has_work = head_bytes(store->active) > store->head_bytes_max / 4 * 3 ||
                    (head_sample_count(store->active) > 0 &&
                     age_ns > store->options.flush_interval_s * INT64_C(1000000000));
    uv_mutex_unlock(&store->head_lock);
    return has_work;
}

void store_keep(void *context)
{
    struct store *store = context;
    uv_mutex_lock(&store->keeper_lock);
    while (!store->must_stop) {
        if (!store->keeper_is_asked) {
            (void)uv_cond_timedwait(&store->keeper_wakes, &store->keeper_lock, LOOK_NS);
        }
        store->keeper_is_asked = false;
        if (store->must_stop) break;
        uv_mutex_unlock(&store->keeper_lock);
        struct error error;
        bool failed = keeper_has_work(store) && store_flush(store, &error) < 0;
        uv_mutex_lock(&store->keeper_lock);
        /* Appends that find no room report the failure; it is tried again all the same. */
        if (failed && !store->must_stop) {
            (void)uv_cond_timedwait(&store->keeper_wakes, &store->keeper_lock, RETRY_NS);
        }
    }
    uv_mutex_unlock(&store->keeper_lock);
}
