/* Entry: what lies in a cell (tag, time); which of two wins; how two cells merge.
 *
 * Pure. The order below is the promise that every server ends with the same history, so it is
 * total and looks at nothing but the entries' own bytes.
 *
 *   order   (revision, kind, quality class good > uncertain > bad, type, value bits, status bits,
 *            origin, note), where revision = (clock, origin's node, generation)
 *
 * E1  entry_compare() is 0 only for entries equal in every byte (texts by content)
 * E2  revision 0 (clock 0) has generation 0; an explicit entry has a clock > 0
 * E3  the node of a stamp is the entry's origin: a stamp is (clock, origin, generation)
 * E4  the state of a cell is its greatest collected entry and all its explicit ones
 * E5  merging states is commutative, associative and idempotent
 * E6  what shows is the greatest entry of the state, unless it is a deletion or a newer mask
 *     covers it
 */
#ifndef STORAGE_ENTRY_H
#define STORAGE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/sample.h"

enum entry_kind { ENTRY_COLLECTED = 0, ENTRY_CORRECTION = 1, ENTRY_DELETION = 2 };

/* Who and when: the clock is 0 for what was collected in order. */
struct revision {
    uint64_t clock;
    uint64_t node;
    uint32_t generation;
};

int revision_compare(struct revision left, struct revision right);

struct entry {
    uint64_t clock;
    uint64_t origin; /* node that made it */
    uint64_t value;  /* bits; 0 for a deletion */
    uint32_t generation;
    uint32_t quality; /* 0 for a deletion */
    uint8_t kind;     /* enum entry_kind */
    uint8_t type;     /* enum value_type */
    /* User, zero byte, reason; NULL for none. Explicit entries only. Borrowed. */
    const struct text_value *note;
};

int entry_compare(const struct entry *left, const struct entry *right);
struct revision entry_revision(const struct entry *entry);
bool entry_is_valid(const struct entry *entry); /* E2 and ranges of its fields */

/* The state of a cell in the making. Entries are copied; the texts they point to are borrowed. */
struct cell {
    bool has_collected;
    struct entry collected;
    struct entry *explicit_entries; /* borrowed room; rising by entry_compare(), no equals */
    size_t explicit_count;
    size_t explicit_count_max;
};

void cell_init(struct cell *cell, struct entry *room, size_t room_count);

/* Merges one entry in (E4, E5). False when the room is full. */
bool cell_add(struct cell *cell, const struct entry *entry);

/* The greatest of the state as it was known at as_of: explicit entries with a clock above it do
 * not count; UINT64_MAX for now. NULL for an empty cell. */
const struct entry *cell_greatest(const struct cell *cell, uint64_t as_of);

/* What shows (E6); mask is the greatest revision of a mask over the cell, clock 0 for none. */
const struct entry *cell_shown(const struct cell *cell, uint64_t as_of, struct revision mask);

#endif
