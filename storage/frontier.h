/* Frontier: per tag, up to where time is taken; decides which samples need a stamp.
 *
 * A sample beyond the tag's frontier was collected in order and has revision 0: nothing else can
 * lie in its cell. Everything else gets a stamp. Late samples of a tag share one stamp while their
 * times rise, so that a backfill costs no more than a run.
 *
 *        late            |  in order          |  future
 *   ─────────────────────┼────────────────────┼───────────────▶ time
 *                     frontier          now + 10 minutes
 *
 * R1  the frontier is never below the newest stored time of the tag (future ones apart) nor below
 *     the end of a mask on it; it may be above
 * R2  a late stamp is used again only for a time above all it was used for, and never after a
 *     mask, an explicit entry or a foreign entry on the tag
 * R3  when the first of a tag's future samples comes due, the frontier moves to the newest of
 *     them: too high costs a stamp, too low would cost a value
 * R4  the file may be missing or damaged: segments and log can raise every frontier again
 *
 * Threads: the owner locks (the lock of the log, so that order here is order there); only
 * frontier_table_write() may run beside the rest: frontiers only rise. */
#ifndef STORAGE_FRONTIER_H
#define STORAGE_FRONTIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/file.h"
#include "storage/base/status.h"

#define FRONTIER_FUTURE_NS (600 * INT64_C(1000000000))

struct frontier_tag {
    int64_t frontier_ns;     /* INT64_MIN: nothing yet */
    int64_t future_first_ns; /* INT64_MAX: none waiting */
    int64_t future_last_ns;
    int64_t late_last_ns; /* the greatest time that late_clock was used for */
    uint64_t late_clock;  /* 0: take a new stamp */
};

/* Where a strictly rising run of times falls apart. */
struct frontier_cut {
    size_t late_count;
    size_t ordered_count;  /* what is left is future */
    bool late_needs_stamp; /* late_clock cannot be used again */
};

/* Pure but for R3, which now_ns makes due. */
struct frontier_cut frontier_cut(struct frontier_tag *tag, const int64_t *times_ns, size_t count,
                                 int64_t now_ns);

/* The usual case of a single sample, without a cut: takes one that comes in order while none is
 * waiting. False for any other. */
static inline bool frontier_take(struct frontier_tag *tag, int64_t time_ns, int64_t now_ns)
{
    if (time_ns <= tag->frontier_ns || time_ns > now_ns + FRONTIER_FUTURE_NS ||
        tag->future_first_ns != INT64_MAX) {
        return false;
    }
    __atomic_store_n(&tag->frontier_ns, time_ns, __ATOMIC_RELAXED);
    return true;
}

/* Takes note of what was cut off; stamp is the one that late and future ones were given. */
void frontier_advance(struct frontier_tag *tag, const struct frontier_cut *cut,
                      const int64_t *times_ns, size_t count, uint64_t stamp);

/* For what did not pass through a cut: recovery, explicit entries, masks. Ends the use of the late
 * stamp (R2). */
void frontier_raise(struct frontier_tag *tag, int64_t time_ns);

/* For a foreign sample, whose revision is given: one in the future waits, too. */
void frontier_note(struct frontier_tag *tag, int64_t time_ns, int64_t now_ns);

/* All tags by number: grows as numbers are given. */
struct frontier_table;

struct frontier_table *frontier_table_create(void); /* NULL when out of memory */
void frontier_table_destroy(struct frontier_table *table);

/* NULL when out of memory. Stays valid as long as the table. */
struct frontier_tag *frontier_table_tag(struct frontier_table *table, uint32_t number);
uint32_t frontier_table_count(const struct frontier_table *table); /* highest number used + 1 */

/* The file, made durable under a temporary name and renamed. */
enum status frontier_table_write(struct frontier_table *table, struct file_system *file_system,
                                 const char *path, struct error *error);
/* Raises every frontier to what the file says. STATUS_NOT_FOUND, STATUS_CORRUPT: see R4. */
enum status frontier_table_read(struct frontier_table *table, struct file_system *file_system,
                                const char *path, struct error *error);

#endif
