/* Mask: a deleted interval of a tag; and the table of all masks of all tags.
 *
 * Masks come in groups (one deletion by a person), which are lifted as a whole. The table is a
 * grow-only set: adding the same mask again, or lifting a group again, changes nothing, and a group
 * may be lifted before its masks are known.
 *
 *   tag number -> heads -> link -> link -> …      a link names a mask and the next link of its tag
 *                           |
 *                         masks -> groups
 *
 * Threads: the owner locks. */
#ifndef STORAGE_MASK_H
#define STORAGE_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/entry.h"

/* A mask over a tag, as far as it counts as of a moment. */
struct mask {
    int64_t from_ns; /* inclusive */
    int64_t to_ns;   /* exclusive */
    struct revision stamp;
    struct revision group;
};

/* Greatest revision among masks that cover time_ns; clock 0 for none. */
struct revision masks_over(const struct mask *masks, size_t count, int64_t time_ns);

struct mask_group {
    struct revision revision;
    uint64_t lifted_at; /* clock of the earliest lifting; UINT64_MAX: none */
    bool has_masks;
};

/* Where the mask of a stamp, or the group of a revision, lies. */
struct revision_index {
    struct revision_slot *slots; /* owned */
    size_t slot_count;           /* a power of two, at least twice the count */
    size_t count;
};

struct mask_table {
    struct buffer masks;  /* struct mask */
    struct buffer groups; /* struct mask_group */
    struct buffer links;  /* struct mask_link */
    struct buffer heads;  /* by tag number: its newest link + 1; 0: no masks */
    struct revision_index by_stamp;
    struct revision_index by_group;
};

void mask_table_init(struct mask_table *table);
void mask_table_finish(struct mask_table *table);
uint64_t mask_table_memory_bytes(const struct mask_table *table);

/* One mask over these tags. The stamp stands for all of it: a second one with the same stamp is
 * left out. All or nothing. */
enum status mask_table_add(struct mask_table *table, const struct mask *mask,
                           const uint32_t *numbers, size_t count, struct error *error);

enum status mask_table_lift(struct mask_table *table, struct revision group, uint64_t clock,
                            struct error *error);

/* Whether there is a mask of this group. */
bool mask_table_has_group(const struct mask_table *table, struct revision group);

/* The masks of a tag that reach into [from, to), and were set and not lifted as of the clock: how
 * many, and themselves unless target is NULL. In no order. */
struct mask_range {
    int64_t from_ns;
    int64_t to_ns;
    uint64_t as_of;
};
size_t mask_table_select(const struct mask_table *table, uint32_t number,
                         const struct mask_range *range, struct mask *target);

/* Greatest end of any mask on the tag, lifted or not; INT64_MIN for none. */
int64_t mask_table_end_ns(const struct mask_table *table, uint32_t number);

/* For the snapshot: all there is, by index, and which masks lie on a tag. Masks are added without
 * tags first, and so get indexes from 0; then each is laid on its tags. */
enum status mask_table_link(struct mask_table *table, size_t mask_index, uint32_t number,
                            struct error *error);
size_t mask_table_mask_count(const struct mask_table *table);
const struct mask *mask_table_mask(const struct mask_table *table, size_t index);
size_t mask_table_group_count(const struct mask_table *table);
const struct mask_group *mask_table_group(const struct mask_table *table, size_t index);

/* The tag's links, from the newest: begins with the tag's first and ends with 0. */
uint32_t mask_table_first_link(const struct mask_table *table, uint32_t number);
uint32_t mask_table_next_link(const struct mask_table *table, uint32_t link, size_t *out_mask);

#endif
