/* Stamp clock: a hybrid logical clock that names moments no other moment has.
 *
 *   63                              16 15          0
 *   | milliseconds since 1970, UTC    | counter     |
 *
 * S1  every stamp taken is greater than every stamp taken, restored or observed before, those
 *     apart that S2 held back
 * S2  a peer's stamp moves the clock at most STAMP_DRAG_MS_MAX ahead of the wall clock
 * S3  the ceiling travels in every WAL group and manifest edit, so a restart never goes back
 * S4  an explicit entry is stamped max(a stamp taken, 1 + the greatest clock in its cell and among
 *     the masks over it): it wins whatever the clocks say. Where that lies above the clock it moves
 *     neither clock nor ceiling, else S2 would fall
 *
 * Threads: the owner locks. Pure: the wall time is handed in. */
#ifndef STORAGE_STAMP_H
#define STORAGE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

enum { STAMP_DRAG_MS_MAX = 60 * 1000 };

struct stamp_clock {
    uint64_t last; /* greatest taken, observed or restored */
};

/* A new stamp; never 0. */
uint64_t stamp_take(struct stamp_clock *clock, int64_t wall_ns);

/* Takes note of a foreign stamp. False when it is further ahead than S2 allows: it was merged all
 * the same, but did not move the clock so far. */
bool stamp_observe(struct stamp_clock *clock, uint64_t stamp, int64_t wall_ns);

/* At start: stamps up to ceiling are used. */
void stamp_restore(struct stamp_clock *clock, uint64_t ceiling);

/* The greatest stamp of this wall time's millisecond: for reading as of a time. */
uint64_t stamp_ceiling_of(int64_t wall_ns);

/* Both are INT64_MAX for stamps beyond the times that 64 bits of ns reach (year 2262). */
int64_t stamp_wall_ns(uint64_t stamp);    /* its milliseconds, as ns */
int64_t stamp_journal_ns(uint64_t stamp); /* and its counter as ns: unique, rising with the stamp */

/* 0 when it is not the journal time of any stamp. */
uint64_t stamp_from_journal_ns(int64_t time_ns);

#endif
