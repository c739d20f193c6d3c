/* Latest: the newest sample of each tag in segments, remembered where somebody has asked for it.
 *
 *   asked, not known  ─▶ looked up ─▶ put           at the next flush: advanced by what the head holds
 *
 * L1  what is known of a tag is at least as new as all that segments hold of it, and shows
 * L2  what was looked up before a flush began is not put after it: the epoch tells
 *
 * Threads: any. */
#ifndef STORAGE_LATEST_H
#define STORAGE_LATEST_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/entry.h"

struct latest {
    int64_t time_ns;
    uint64_t value; /* no text */
    uint32_t quality;
    uint8_t type;
};

struct latest_table;

struct latest_table *latest_table_create(void);        /* NULL when out of memory */
void latest_table_destroy(struct latest_table *table); /* accepts NULL */

uint64_t latest_table_epoch(struct latest_table *table);
/* A flush begins. */
void latest_table_next_epoch(struct latest_table *table);

/* False when it is not known. */
bool latest_table_get(struct latest_table *table, uint32_t number, struct latest *out_latest);
/* Of a look-up that began in this epoch. Where there is no memory for it, it stays unknown. */
void latest_table_put(struct latest_table *table, uint32_t number, uint64_t epoch,
                      const struct latest *latest);

/* A flush moves samples of the tag into a segment, of which this is the newest; NULL: they are more
 * than a plain run, so it must be looked up again. */
void latest_table_advance(struct latest_table *table, uint32_t number, const struct latest *newest);

uint64_t latest_table_bytes(struct latest_table *table);

#endif
