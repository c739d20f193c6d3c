/* The store's side towards other servers: entries as they were made elsewhere, in as few frames as hold
 * them. */
#include "storage/base/assert.h"
#include "storage/store_state.h"
#include "storage/wal_frame.h"

static enum status foreign_check(const struct batch *batch, struct error *error)
{
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry entry = batch_entry(batch, i);
        if (!entry_is_valid(&entry) || !store_time_is_valid(batch_time_ns(batch, i))) {
            return error_set(error, STATUS_BAD_INPUT, "entry %zu is not valid", i);
        }
    }
    return STATUS_OK;
}

/* At most, with a clock and a note of its own. */
static size_t foreign_bytes(const struct entry *entry)
{
    size_t bytes = STORE_SAMPLE_BYTES + 2 * sizeof(uint64_t);
    if (entry->type == VALUE_TEXT && entry->kind != ENTRY_DELETION) {
        bytes += text_value_bytes(value_text(entry->value)->size_bytes);
    }
    if (entry->note) bytes += text_value_bytes(entry->note->size_bytes);
    return bytes;
}

/* How many entries from first on one frame can hold: of one kind, type, generation and origin. */
static size_t run_count(const struct batch *batch, size_t first, size_t bytes_max)
{
    struct entry begin = batch_entry(batch, first);
    size_t left_count = batch->sample_count - first;
    if (left_count > STORE_BATCH_SAMPLES_MAX) left_count = STORE_BATCH_SAMPLES_MAX;
    size_t bytes = foreign_bytes(&begin);
    size_t count = 1;
    for (; count < left_count; count++) {
        struct entry entry = batch_entry(batch, first + count);
        bytes += foreign_bytes(&entry);
        if (bytes > bytes_max || entry.kind != begin.kind || entry.type != begin.type ||
            entry.generation != begin.generation || entry.origin != begin.origin) {
            break;
        }
    }
    return count;
}

static bool clocks_are_equal(const struct batch *batch)
{
    for (size_t i = 1; batch->clocks && i < batch->sample_count; i++) {
        if (batch->clocks[i] != batch->clocks[0]) return false;
    }
    return true;
}

/* What is the same for all is said once. */
static struct batch run_make(const struct batch *batch, size_t first, size_t count)
{
    struct entry begin = batch_entry(batch, first);
    struct batch run = batch_slice(batch, first, count);
    run.kind = begin.kind;
    run.kinds = NULL;
    run.type = begin.type;
    run.types = NULL;
    run.generation = begin.generation;
    run.generations = NULL;
    run.origin = begin.origin;
    run.origins = NULL;
    run.clock = begin.clock;
    if (clocks_are_equal(&run)) run.clocks = NULL;
    return run;
}

/* Our stamps from now on are above theirs. Under the log's lock. */
static void run_observe(struct store *store, const struct batch *run, int64_t now_ns)
{
    uv_mutex_lock(&store->stamp_lock);
    for (size_t i = 0; i < (run->clocks ? run->sample_count : 1); i++) {
        uint64_t clock = run->clocks ? run->clocks[i] : run->clock;
        /* One that is far ahead is merged, too. */
        if (clock != 0) (void)stamp_observe(&store->stamps, clock, now_ns);
    }
    uint64_t ceiling = store->stamps.last;
    uv_mutex_unlock(&store->stamp_lock);
    wal_raise_ceiling(store->wal, ceiling);
}

static enum status run_add(struct store *store, const struct batch *run, int64_t now_ns,
                           uint64_t *out_ticket, struct error *error)
{
    enum status status = store_begin(store, wal_frame_bytes(run), error);
    if (status < 0) return status;
    struct frontier_tag *tag = frontier_table_tag(store->frontiers, run->tag);
    if (tag) {
        run_observe(store, run, now_ns);
        for (size_t i = 0; i < run->sample_count; i++) {
            frontier_note(tag, batch_time_ns(run, i), now_ns);
        }
        *out_ticket = wal_add(store->wal, run, false);
    } else {
        status = error_set(error, STATUS_NO_MEMORY, "frontiers");
    }
    store_end(store);
    return status;
}

enum status store_merge(struct store *store, const struct batch *batch, uint64_t *out_ticket,
                        struct error *error)
{
    *out_ticket = 0;
    if (batch->sample_count == 0) return STATUS_OK;
    ASSERT(!batch->tags && batch->times_ns);
    if (batch->tag >= identity_map_count(store->identities)) {
        return error_set(error, STATUS_BAD_INPUT, "there is no tag %u", batch->tag);
    }
    enum status status = foreign_check(batch, error);
    int64_t now_ns = store->clock->wall_ns(store->clock);
    size_t bytes_max = store_append_bytes_max(store);
    for (size_t first = 0; first < batch->sample_count && status == STATUS_OK;) {
        size_t count = run_count(batch, first, bytes_max);
        struct batch run = run_make(batch, first, count);
        status = run_add(store, &run, now_ns, out_ticket, error);
        first += count;
    }
    return status;
}
