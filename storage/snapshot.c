#include "storage/snapshot.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static struct snapshot *snapshot_take(struct head *active, struct head *flushing,
                                      size_t segment_count_max)
{
    struct snapshot *snapshot =
        calloc(1, sizeof *snapshot + segment_count_max * sizeof snapshot->segments[0]);
    if (!snapshot) return NULL;
    atomic_store_explicit(&snapshot->references, 1, memory_order_relaxed);
    snapshot->active = head_ref(active);
    snapshot->flushing = flushing ? head_ref(flushing) : NULL;
    return snapshot;
}

struct snapshot *snapshot_create(struct head *active, struct head *flushing,
                                 struct segment *const *segments, size_t segment_count)
{
    struct snapshot *snapshot = snapshot_take(active, flushing, segment_count);
    if (!snapshot) return NULL;
    for (size_t i = 0; i < segment_count; i++) {
        snapshot->segments[snapshot->segment_count++] = segment_ref(segments[i]);
    }
    return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot) return;
    if (atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1) return;
    head_unref(snapshot->active);
    head_unref(snapshot->flushing);
    for (size_t i = 0; i < snapshot->segment_count; i++) segment_unref(snapshot->segments[i]);
    free(snapshot);
}

static bool segment_is_among(const struct segment *segment, struct segment *const *among,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (among[i] == segment) return true;
    }
    return false;
}

struct snapshot *snapshot_with(const struct snapshot *snapshot, struct head *active,
                               struct head *flushing, struct segment *const *dropped,
                               size_t dropped_count, struct segment *const *added,
                               size_t added_count)
{
    struct snapshot *made = snapshot_take(active, flushing, snapshot->segment_count + added_count);
    if (!made) return NULL;
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        struct segment *segment = snapshot->segments[i];
        if (segment_is_among(segment, dropped, dropped_count)) continue;
        made->segments[made->segment_count++] = segment_ref(segment);
    }
    for (size_t i = 0; i < added_count; i++) {
        made->segments[made->segment_count++] = segment_ref(added[i]);
    }
    return made;
}
