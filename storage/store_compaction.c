/* The store's merges: one after another, as the plan says, while samples go on coming in. */
#include <stdlib.h>
#include <string.h>

#include "storage/block.h"
#include "storage/compaction.h"
#include "storage/compaction_plan.h"
#include "storage/compaction_weights.h"
#include "storage/disk_names.h"
#include "storage/store_state.h"

/* What is to be done, and for whom. */
struct merge_order {
    struct store *store;
    const struct compaction_limits *limits;
    uint64_t end_number; /* flushes from it on are left alone */
    bool is_paced;
};

/* ---- One merge ---- */

static enum status order_begin(void *context, uint32_t level, struct segment_writer **out_writer,
                               uint64_t *out_number, struct error *error)
{
    struct merge_order *order = context;
    *out_number = store_take_number(order->store);
    return store_segment_create(order->store, *out_number, level, out_writer, error);
}

static struct merge_pressure store_pressure(struct store *store)
{
    return (struct merge_pressure){
        .flushed_count = atomic_load_explicit(&store->flushed_count, memory_order_relaxed),
        .flushed_count_max = STORE_FLUSHED_MAX,
        .appends_wait = atomic_load_explicit(&store->waiting_count, memory_order_relaxed) > 0,
        .commit_ns = wal_commit_ns(store->wal),
    };
}

/* The merger yields to the plant, but not to who waits for it. */
static void order_pace(void *context, uint64_t bytes)
{
    const struct merge_order *order = context;
    struct store *store = order->store;
    if (!order->is_paced) return;
    for (;;) {
        struct merge_pressure pressure = store_pressure(store);
        int64_t wait_ns = merge_budget_take(&store->merge_budget, bytes, &pressure,
                                            store->clock->monotonic_ns(store->clock));
        if (wait_ns == 0 || atomic_load(&store->hurry_count) > 0) return;
        uv_mutex_lock(&store->keeper_lock);
        bool must_stop = store->must_stop;
        if (!must_stop) {
            (void)uv_cond_timedwait(&store->merger_wakes, &store->keeper_lock, (uint64_t)wait_ns);
        }
        uv_mutex_unlock(&store->keeper_lock);
        if (must_stop) return;
        bytes = 0;
    }
}

/* Merges into these windows, and lets what comes of it take the place of the segments. */
static enum status order_merge(struct merge_order *order, struct segment *const *segments,
                               size_t count, const struct time_window *windows, size_t window_count,
                               struct error *error)
{
    struct store *store = order->store;
    uint32_t block_samples_max = store->options.block_samples_max;
    struct compaction_options options = {
        .segments = segments,
        .segment_count = count,
        .windows = windows,
        .window_count = window_count,
        .copy_samples_min = (block_samples_max > 0 ? block_samples_max : BLOCK_SAMPLES) / 2,
        .begin = order_begin,
        .pace = order_pace,
        .context = order,
    };
    struct compaction_result result = {.numbers = calloc(window_count, sizeof(uint64_t))};
    if (!result.numbers) {
        return error_set(error, STATUS_NO_MEMORY, "merge into %zu segments", window_count);
    }
    enum status status = compaction_run(&options, &result, error);
    struct store_publication publication = {
        .added = result.numbers,
        .added_count = result.count,
        .dropped = segments,
        .dropped_count = count,
    };
    if (status == STATUS_OK) status = store_publish(store, &publication, error);
    if (status < 0) store_discard(store, &publication);
    free(result.numbers);
    if (status < 0) return status;
    atomic_fetch_add(&store->compaction_count, 1);
    atomic_fetch_add(&store->compacted_bytes, result.bytes);
    atomic_fetch_add(&store->copied_block_count, result.copied_count);
    atomic_fetch_add(&store->encoded_block_count, result.encoded_count);
    return STATUS_OK;
}

/* ---- Dealing out ---- */

/* The windows that the segments reach into, in order; *out_weights is the caller's to free. */
static enum status deal_windows(const struct compaction_view *view, int64_t first_ns,
                                int64_t last_ns, struct compaction_weight **out_weights,
                                size_t *out_count, struct error *error)
{
    size_t count = 0, count_max = 0;
    struct compaction_weight *weights = NULL;
    for (int64_t time_ns = first_ns; time_ns <= last_ns; time_ns = weights[count++].window.to_ns) {
        if (count == count_max) {
            count_max = count_max ? 2 * count_max : 64;
            struct compaction_weight *grown = realloc(weights, count_max * sizeof *weights);
            if (!grown) {
                free(weights);
                return error_set(error, STATUS_NO_MEMORY, "%zu windows", count_max);
            }
            weights = grown;
        }
        weights[count] = (struct compaction_weight){compaction_window(view, time_ns), 1};
    }
    *out_weights = weights;
    *out_count = count;
    return STATUS_OK;
}

/* Only with more windows than outputs is there a choice, and a reason to look where samples lie. */
static enum status deal_weigh(struct compaction_weight *weights, size_t count,
                              struct segment *const *segments, size_t segment_count,
                              size_t output_count_max, struct error *error)
{
    if (count <= output_count_max) return STATUS_OK;
    for (size_t i = 0; i < count; i++) weights[i].sample_count = 0;
    for (size_t i = 0; i < segment_count; i++) {
        enum status status = compaction_weigh(weights, count, segments[i], error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status order_deal(struct merge_order *order, const struct compaction_view *view,
                              struct segment *const *segments, size_t segment_count,
                              struct error *error)
{
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    for (size_t i = 0; i < segment_count; i++) {
        const struct segment_footer *footer = segment_footer(segments[i]);
        if (footer->first_time_ns < first_ns) first_ns = footer->first_time_ns;
        if (footer->last_time_ns > last_ns) last_ns = footer->last_time_ns;
    }
    size_t output_count_max = order->limits->output_count_max, weight_count = 0;
    struct compaction_weight *weights = NULL;
    struct time_window *windows = calloc(output_count_max, sizeof *windows);
    enum status status = STATUS_NO_MEMORY;
    if (!windows) {
        status = error_set(error, STATUS_NO_MEMORY, "%zu windows", output_count_max);
        goto done;
    }
    status = deal_windows(view, first_ns, last_ns, &weights, &weight_count, error);
    if (status < 0) goto done;
    status = deal_weigh(weights, weight_count, segments, segment_count, output_count_max, error);
    if (status < 0) goto done;
    size_t window_count = compaction_deal(windows, output_count_max, weights, weight_count);
    status = order_merge(order, segments, segment_count, windows, window_count, error);
done:
    free(weights);
    free(windows);
    return status;
}

/* ---- Damage ---- */

static bool store_is_damaged(const struct store *store, uint64_t number)
{
    for (size_t at = 0; at < store->damaged.size_bytes; at += sizeof number) {
        if (memcmp(store->damaged.bytes + at, &number, sizeof number) == 0) return true;
    }
    return false;
}

static void ignore_damage(void *context, const char *text)
{
    (void)context;
    (void)text;
}

/* A merge met damage: the segments that have it are left alone until the next start, or all that they
 * would be merged with stayed as they are. */
static void store_find_damage(struct store *store, struct segment *const *segments, size_t count)
{
    struct error ignored; /* what is not found is met again */
    for (size_t i = 0; i < count; i++) {
        struct segment_check check;
        enum status status = segment_verify(segments[i], ignore_damage, NULL, &check, &ignored);
        uint64_t number = segment_number(segments[i]);
        if (status == STATUS_OK && check.damaged_count > 0) {
            (void)buffer_add(&store->damaged, &number, sizeof number, &ignored);
        }
    }
}

/* ---- The plan ---- */

/* One merge, of what the plan names among the segments. STATUS_END: nothing to do. */
static enum status order_step(struct merge_order *order, struct segment *const *segments,
                              size_t count, struct error *error)
{
    struct store *store = order->store;
    struct compaction_segment *seen = calloc(count + 1, sizeof *seen);
    struct segment **chosen = calloc(count + 1, sizeof *chosen);
    enum status status = STATUS_END;
    if (!seen || !chosen) {
        status = error_set(error, STATUS_NO_MEMORY, "plan of %zu segments", count);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        const struct segment_footer *footer = segment_footer(segments[i]);
        seen[i] = (struct compaction_segment){
            .index = i,
            .first_ns = footer->first_time_ns,
            .last_ns = footer->last_time_ns,
            .bytes = segment_bytes(segments[i]),
            .level = segment_level(segments[i]),
        };
    }
    struct compaction_view view;
    compaction_view_init(&view, seen, count, store->clock->wall_ns(store->clock), order->limits);
    struct compaction_plan plan = compaction_plan(&view);
    if (plan.count == 0) goto done;
    atomic_store(&store->merges_go_on, true);
    for (size_t i = 0; i < plan.count; i++) {
        chosen[i] = segments[seen[plan.first_index + i].index];
    }
    status = store_may_publish(store, error);
    if (status < 0) goto done;
    if (time_window_is_all(&plan.home)) {
        status = order_deal(order, &view, chosen, plan.count, error);
    } else {
        status = order_merge(order, chosen, plan.count, &plan.home, 1, error);
    }
    if (status == STATUS_CORRUPT) store_find_damage(store, chosen, plan.count);
done:
    free(seen);
    free(chosen);
    return status;
}

/* One merge among the segments that are meant, and those that merges made. Holds on to the segments
 * only: a snapshot would keep heads in memory for as long as a merge takes. */
static enum status order_once(struct merge_order *order, struct error *error)
{
    struct store *store = order->store;
    struct snapshot *snapshot = store_snapshot(store);
    size_t count = 0;
    struct segment **segments = calloc(snapshot->segment_count + 1, sizeof(struct segment *));
    for (size_t i = 0; segments && i < snapshot->segment_count; i++) {
        struct segment *segment = snapshot->segments[i];
        bool is_wanted = segment_number(segment) < order->end_number ||
                         segment_level(segment) != SEGMENT_FLUSHED;
        is_wanted = is_wanted && !store_is_damaged(store, segment_number(segment));
        if (is_wanted) segments[count++] = segment_ref(segment);
    }
    snapshot_unref(snapshot);
    if (!segments) return error_set(error, STATUS_NO_MEMORY, "plan of a merge");
    enum status status = order_step(order, segments, count, error);
    for (size_t i = 0; i < count; i++) segment_unref(segments[i]);
    free(segments);

    if (status != STATUS_OK) atomic_store(&store->merges_go_on, false);
    uv_mutex_lock(&store->keeper_lock);
    uv_cond_broadcast(&store->room_made);
    uv_mutex_unlock(&store->keeper_lock);
    return status;
}

static const struct compaction_limits *store_limits(const struct store *store)
{
    const struct compaction_limits *limits = store->options.compaction_limits;
    return limits ? limits : &compaction_limits_usual;
}

/* What is flushed meanwhile waits for the next time, or this might never end. The lock is kept, so
 * that of the segments of a higher level all that come are its own. */
enum status store_compact(struct store *store, bool all, struct error *error)
{
    enum status status;
    atomic_fetch_add(&store->hurry_count, 1);
    uv_mutex_lock(&store->keeper_lock);
    uv_cond_signal(&store->merger_wakes);
    uv_mutex_unlock(&store->keeper_lock);
    uv_mutex_lock(&store->merge_lock);
    atomic_fetch_sub(&store->hurry_count, 1);
    struct merge_order order = {
        .store = store,
        .limits = all ? &compaction_limits_all : store_limits(store),
        .end_number = store_take_number(store),
    };
    do {
        status = order_once(&order, error);
    } while (status == STATUS_OK);
    uv_mutex_unlock(&store->merge_lock);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status store_merge_once(struct store *store, struct error *error)
{
    struct merge_order order = {
        .store = store,
        .limits = store_limits(store),
        .end_number = UINT64_MAX,
        .is_paced = !store->options.manual,
    };
    uv_mutex_lock(&store->merge_lock);
    enum status status = order_once(&order, error);
    uv_mutex_unlock(&store->merge_lock);
    return status;
}

void store_merger(void *context)
{
    struct store *store = context;
    merge_budget_init(&store->merge_budget, store->clock->monotonic_ns(store->clock));
    uv_mutex_lock(&store->keeper_lock);
    while (!store->must_stop) {
        if (!store->merger_is_asked) {
            uv_cond_wait(&store->merger_wakes, &store->keeper_lock);
            continue;
        }
        store->merger_is_asked = false;
        uv_mutex_unlock(&store->keeper_lock);
        struct error error;
        enum status status = store_merge_once(store, &error);
        uv_mutex_lock(&store->keeper_lock);
        /* One merge made may call for another; a failed one waits for the next flush. */
        if (status == STATUS_OK) store->merger_is_asked = true;
    }
    uv_mutex_unlock(&store->keeper_lock);
}
