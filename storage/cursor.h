/* Cursor: one pass over one tag: every reader goes through here.
 *
 * Merges the tag's places (segments, heads), lets masks and explicit entries have their say, and
 * hands out columns. Stretches that nothing overlaps are handed out as they lie in the block.
 *
 * Y1  times rise strictly (with history: never fall)
 * Y2  every sample is what cell_shown() says of its cell
 *
 * Threads: one at a time. */
#ifndef STORAGE_CURSOR_H
#define STORAGE_CURSOR_H

#include "storage/catalog.h"
#include "storage/merge.h"
#include "storage/snapshot.h"

struct cursor;

struct cursor_options {
    uint32_t tag;
    struct identity identity;
    int64_t from_ns;          /* included */
    int64_t to_ns;            /* excluded */
    uint64_t as_of;           /* clock; UINT64_MAX: now */
    bool history;             /* every entry that is kept, in place of what shows */
    const struct mask *masks; /* copied */
    size_t mask_count;
};

/* Takes a reference to the snapshot. */
enum status cursor_open(struct cursor **out_cursor, struct snapshot *snapshot,
                        const struct cursor_options *options, struct error *error);
void cursor_close(struct cursor *cursor); /* accepts NULL */

/* The next columns, of one type, valid until the next call. STATUS_END after the last. */
enum status cursor_next(struct cursor *cursor, struct batch *out_batch, struct error *error);

/* The greatest time at or below time_ns at which any entry may lie, by the borders of blocks: a
 * pass from there up to time_ns finds the newest entry, if there is one. INT64_MIN: none. */
enum status cursor_floor_ns(struct snapshot *snapshot, uint32_t tag, struct identity identity,
                            int64_t time_ns, int64_t *out_from_ns, struct error *error);

#endif
