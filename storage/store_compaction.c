/* Compaction: several segments become one. Any may be merged with any: merging is commutative.
 *
 * Sources are read tag by tag, in order of identity, and settled as a flush settles them; so the
 * memory it takes does not grow with the segments. */
#include <stdlib.h>

#include "storage/base/assert.h"
#include "storage/compaction_plan.h"
#include "storage/disk_names.h"
#include "storage/settle.h"
#include "storage/store_state.h"

enum { MERGE_MAX = 16, SMALL_BYTES = 1 << 20 };

static const struct compaction_limits compaction_limits = {
    .merge_count_min = 8,
    .merge_count_max = MERGE_MAX,
    .size_ratio = 4,
    .small_bytes = SMALL_BYTES,
    .segment_count_max = 32,
};

/* One segment on its way through a merge: its blocks of single tags, and its mixed ones. */
struct merge_input {
    struct segment *segment;
    struct segment_walk walk;
    struct segment_index_entry entry;
    bool has_entry;
    struct mixed_walk mixed_walk;
    struct identity mixed_identity;
    struct batch mixed_batch;
    bool has_mixed;
    struct segment_source sources[2]; /* by enum block_kind */
    struct mixed_source mixed_source;
};

static enum status merge_input_next_entry(struct merge_input *input, struct error *error)
{
    enum status status = segment_walk_next(&input->walk, &input->entry, error);
    input->has_entry = status == STATUS_OK;
    return status < 0 ? status : STATUS_OK;
}

static enum status merge_input_next_mixed(struct merge_input *input, struct error *error)
{
    enum status status =
        mixed_walk_next(&input->mixed_walk, &input->mixed_identity, &input->mixed_batch, error);
    input->has_mixed = status == STATUS_OK;
    return status < 0 ? status : STATUS_OK;
}

static enum status merge_input_init(struct merge_input *input, struct segment *segment,
                                    struct error *error)
{
    input->segment = segment;
    segment_source_init(&input->sources[BLOCK_MAIN]);
    segment_source_init(&input->sources[BLOCK_HISTORY]);
    mixed_source_init(&input->mixed_source);
    segment_walk_init(&input->walk, segment);
    mixed_walk_init(&input->mixed_walk, segment);
    enum status status = merge_input_next_entry(input, error);
    return status < 0 ? status : merge_input_next_mixed(input, error);
}

static void merge_input_finish(struct merge_input *input)
{
    segment_source_finish(&input->sources[BLOCK_MAIN]);
    segment_source_finish(&input->sources[BLOCK_HISTORY]);
    mixed_source_finish(&input->mixed_source);
    mixed_walk_finish(&input->mixed_walk);
}

/* Opens what this input holds of the tag and steps behind it; but behind the mixed tag only once
 * the merge is done with it, since the step may load another block: merge_input_leave(). */
static enum status merge_input_take(struct merge_input *input, struct identity identity,
                                    struct merge *merge, struct error *error)
{
    while (input->has_entry && identity_compare(input->entry.identity, identity) == 0) {
        struct segment_source *source = &input->sources[input->entry.kind];
        enum status status = segment_source_open_entry(source, input->segment, &input->entry,
                                                       INT64_MIN, INT64_MAX, error);
        if (status == STATUS_OK) status = merge_add(merge, &source->source, error);
        if (status < 0) return status;
        status = merge_input_next_entry(input, error);
        if (status < 0) return status;
    }
    if (!input->has_mixed || identity_compare(input->mixed_identity, identity) != 0) {
        return STATUS_OK;
    }
    mixed_source_set(&input->mixed_source, &input->mixed_batch,
                     input->mixed_walk.descriptor->sequence);
    return merge_add(merge, &input->mixed_source.source, error);
}

static enum status merge_input_leave(struct merge_input *input, struct identity identity,
                                     struct error *error)
{
    if (!input->has_mixed || identity_compare(input->mixed_identity, identity) != 0) {
        return STATUS_OK;
    }
    return merge_input_next_mixed(input, error);
}

static void identity_lower(struct identity candidate, struct identity *least, bool *found)
{
    if (!*found || identity_compare(candidate, *least) < 0) *least = candidate;
    *found = true;
}

static bool merge_inputs_least(const struct merge_input *inputs, size_t count,
                               struct identity *out_identity)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        const struct merge_input *input = &inputs[i];
        if (input->has_entry) identity_lower(input->entry.identity, out_identity, &found);
        if (input->has_mixed) identity_lower(input->mixed_identity, out_identity, &found);
    }
    return found;
}

static enum status merge_inputs_settle(struct merge_input *inputs, size_t count,
                                       struct settle *settle, struct merge *merge,
                                       struct error *error)
{
    struct identity identity;
    while (merge_inputs_least(inputs, count, &identity)) {
        merge_reset(merge);
        for (size_t i = 0; i < count; i++) {
            enum status status = merge_input_take(&inputs[i], identity, merge, error);
            if (status < 0) return status;
        }
        enum status status = settle_tag(settle, identity, merge, error);
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            status = merge_input_leave(&inputs[i], identity, error);
        }
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status compaction_write(struct store *store, struct segment *const *segments,
                                    size_t count, uint64_t number, struct error *error)
{
    struct segment_writer *writer = NULL;
    struct settle settle = {0};
    struct merge merge;
    merge_init(&merge);
    enum status status = STATUS_OK;
    struct merge_input *inputs = calloc(count, sizeof *inputs);
    if (!inputs) {
        status = error_set(error, STATUS_NO_MEMORY, "merge of %zu segments", count);
        goto done;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = merge_input_init(&inputs[i], segments[i], error);
    }
    if (status == STATUS_OK) status = store_segment_create(store, number, 1, &writer, error);
    if (status == STATUS_OK) status = settle_init(&settle, writer, error);
    if (status == STATUS_OK) status = merge_inputs_settle(inputs, count, &settle, &merge, error);
    if (status == STATUS_OK) status = segment_writer_finish(writer, NULL, NULL, error);
done:
    settle_finish(&settle);
    merge_finish(&merge);
    segment_writer_destroy(writer);
    for (size_t i = 0; inputs && i < count; i++) merge_input_finish(&inputs[i]);
    free(inputs);
    return status;
}

static int segment_size_order(const void *left, const void *right)
{
    struct segment *const *a = left;
    struct segment *const *b = right;
    uint64_t a_bytes = segment_bytes(*a), b_bytes = segment_bytes(*b);
    if (a_bytes != b_bytes) return a_bytes < b_bytes ? -1 : 1;
    return segment_number(*a) < segment_number(*b) ? -1 : 1;
}

/* One merge, of what the plan names among the sorted segments. STATUS_END: nothing to do. */
static enum status compaction_step(struct store *store, struct segment **segments, size_t count,
                                   bool all, struct error *error)
{
    if (count < 2) return STATUS_END;
    qsort(segments, count, sizeof(struct segment *), segment_size_order);
    struct compaction_plan plan = {0, count < MERGE_MAX ? count : MERGE_MAX};
    if (!all) {
        uint64_t *sizes = malloc(count * sizeof *sizes);
        if (!sizes) return error_set(error, STATUS_NO_MEMORY, "plan of %zu segments", count);
        for (size_t i = 0; i < count; i++) sizes[i] = segment_bytes(segments[i]);
        plan = compaction_plan(sizes, count, &compaction_limits);
        free(sizes);
    }
    if (plan.count == 0) return STATUS_END;
    enum status status = store_may_publish(store, error);
    if (status < 0) return status;
    uint64_t number = store_take_number(store);
    struct store_publication publication = {
        .added = &number,
        .added_count = 1,
        .dropped = segments + plan.first_index,
        .dropped_count = plan.count,
    };
    status = compaction_write(store, publication.dropped, publication.dropped_count, number, error);
    if (status == STATUS_OK) status = store_publish(store, &publication, error);
    if (status < 0) {
        store_discard(store, &publication);
        return status;
    }
    atomic_fetch_add(&store->compaction_count, 1);
    return STATUS_OK;
}

/* One merge among the segments that flushes made below end_number, and those that merges made. Holds
 * on to the segments only: a snapshot would keep heads in memory for as long as a merge takes. */
static enum status compaction_once(struct store *store, uint64_t end_number, bool all,
                                   struct error *error)
{
    struct snapshot *snapshot = store_snapshot(store);
    size_t count = 0;
    struct segment **segments = malloc((snapshot->segment_count + 1) * sizeof(struct segment *));
    for (size_t i = 0; segments && i < snapshot->segment_count; i++) {
        struct segment *segment = snapshot->segments[i];
        bool is_wanted = segment_number(segment) < end_number || segment_level(segment) > 0;
        if (is_wanted) segments[count++] = segment_ref(segment);
    }
    snapshot_unref(snapshot);
    if (!segments) return error_set(error, STATUS_NO_MEMORY, "plan of a merge");
    enum status status = compaction_step(store, segments, count, all, error);
    for (size_t i = 0; i < count; i++) segment_unref(segments[i]);
    free(segments);
    return status;
}

/* What is flushed meanwhile waits for the next time, or this might never end. The lock is kept, so
 * that of the segments of a higher level all that come are its own. */
enum status store_compact(struct store *store, bool all, struct error *error)
{
    enum status status;
    uv_mutex_lock(&store->merge_lock);
    uint64_t end_number = store_take_number(store);
    do {
        status = compaction_once(store, end_number, all, error);
    } while (status == STATUS_OK);
    uv_mutex_unlock(&store->merge_lock);
    return status == STATUS_END ? STATUS_OK : status;
}

void store_merger(void *context)
{
    struct store *store = context;
    uv_mutex_lock(&store->keeper_lock);
    while (!store->must_stop) {
        if (!store->merger_is_asked) {
            uv_cond_wait(&store->merger_wakes, &store->keeper_lock);
            continue;
        }
        store->merger_is_asked = false;
        uv_mutex_unlock(&store->keeper_lock);
        struct error error;
        uv_mutex_lock(&store->merge_lock);
        enum status status = compaction_once(store, UINT64_MAX, false, &error);
        uv_mutex_unlock(&store->merge_lock);
        uv_mutex_lock(&store->keeper_lock);
        /* One merge made may call for another; a failed one waits for the next flush. */
        if (status == STATUS_OK) store->merger_is_asked = true;
    }
    uv_mutex_unlock(&store->keeper_lock);
}
