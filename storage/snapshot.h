/* Snapshot: the store at one instant: the live segments and the samples not yet in one.
 *
 * The set never changes, and keeps what it names alive. Within it the active head goes on growing;
 * a cursor sees of a tag what was visible when it was opened.
 *
 * Threads: any; counted references. */
#ifndef STORAGE_SNAPSHOT_H
#define STORAGE_SNAPSHOT_H

#include <stddef.h>

#include "storage/head.h"
#include "storage/segment_reader.h"

struct snapshot {
    _Atomic unsigned references;
    struct head *active;
    struct head *flushing; /* NULL when none is on its way into a segment */
    size_t segment_count;
    struct segment *segments[]; /* by number */
};

/* One reference; takes references of its own to all it names. NULL when out of memory. */
struct snapshot *snapshot_create(struct head *active, struct head *flushing,
                                 struct segment *const *segments, size_t segment_count);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); /* accepts NULL */

/* Another snapshot: without the segments in dropped, with those in added behind, and with these
 * heads. */
struct snapshot *snapshot_with(const struct snapshot *snapshot, struct head *active,
                               struct head *flushing, struct segment *const *dropped,
                               size_t dropped_count, struct segment *const *added,
                               size_t added_count);

#endif
