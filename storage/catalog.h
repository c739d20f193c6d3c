/* Catalog: the fold of all journals, in memory: tags, their registers, and masks.
 *
 * It is told of every durable journal record, in any order, any number of times, and ends the
 * same (J2, J3). A snapshot file holds the fold up to a position in each journal, so that opening a
 * million tags reads one file instead of a million records.
 *
 * C1  folding is commutative, associative, idempotent
 * C2  a tag's number is its index; one whose name and type are not known yet is a hole
 * C3  a name leads to at most one tag: of several with one name the one whose name register has
 *     the greatest stamp; the others show as name~<8 digits of the identity>. Deleted tags and
 *     holes take no part in it
 *
 * Threads: any thread; readers share a lock, folding takes it alone. */
#ifndef STORAGE_CATALOG_H
#define STORAGE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/file.h"
#include "storage/identity_map.h"
#include "storage/journal.h"
#include "storage/mask.h"

struct catalog;

/* The map is borrowed and outlives the catalog. Identities that are not in it when they are folded
 * get their numbers then; giving many their numbers before saves a sync for each. */
enum status catalog_create(struct catalog **out_catalog, struct identity_map *map,
                           struct error *error);
void catalog_destroy(struct catalog *catalog);

/* Folds one parsed record made at this stamp, whole or not at all. */
enum status catalog_fold(struct catalog *catalog, struct revision stamp,
                         const struct journal_record *record, struct error *error);

/* A copy of what a tag is, taken at one moment. Texts belong to the arena. */
struct tag_view {
    uint32_t number;
    uint32_t incarnation;
    struct identity identity;
    struct revision created;          /* least stamp of its records */
    const char *path;                 /* the name it was created under: what its records say */
    struct tag_definition definition; /* name: as shown (C3) */
};

/* STATUS_NOT_FOUND when there is no such name, or the tag is deleted. */
enum status catalog_find(struct catalog *catalog, const char *name, uint32_t *out_number);

/* What appending needs: STATUS_NOT_FOUND for a hole, a deleted tag or no such number. */
enum status catalog_type(struct catalog *catalog, uint32_t number, uint8_t *out_type);
/* How its samples are joined. */
struct tag_line {
    bool is_stepped;    /* a value holds until the next one, else it slopes to it */
    int64_t max_gap_ns; /* 0: any */
};
struct tag_line catalog_line(struct catalog *catalog, uint32_t number);

/* The types of many tags at once. STATUS_BAD_INPUT names the first tag that there is not. */
enum status catalog_types(struct catalog *catalog, const uint32_t *numbers, size_t count,
                          uint8_t *out_types, struct error *error);

/* The view of one tag, deleted or not. STATUS_NOT_FOUND for a hole. */
enum status catalog_view(struct catalog *catalog, uint32_t number, struct arena *arena,
                         struct tag_view *out_view, struct error *error);

/* Numbers of the tags (deleted ones left out) whose shown name matches the glob pattern, sorted by
 * name as bytes; freed by the caller with free(). NULL pattern: all. */
enum status catalog_match(struct catalog *catalog, const char *pattern, uint32_t **out_numbers,
                          size_t *out_count, struct error *error);

size_t catalog_tag_count(struct catalog *catalog); /* deleted ones left out */
uint64_t catalog_memory_bytes(struct catalog *catalog);

/* Smallest incarnation, from 0, under which this path has no tag yet, but for a hole; when the one
 * before is a tag that is not deleted and still has this path as its name, STATUS_EXISTS. */
enum status catalog_incarnation(struct catalog *catalog, const char *name_space, const char *path,
                                uint32_t *out_incarnation);

/* The masks over [from, to) of a tag that were set and not lifted as of the clock, in no
 * order. NULL when there are none. Freed with the arena. */
enum status catalog_masks(struct catalog *catalog, uint32_t number, int64_t from_ns, int64_t to_ns,
                          uint64_t as_of, struct arena *arena, const struct mask **out_masks,
                          size_t *out_count, struct error *error);

/* Greatest end of any mask ever set on this tag, lifted or not; INT64_MIN for none. */
int64_t catalog_mask_end_ns(struct catalog *catalog, uint32_t number);

/* Whether the group is known, and so may be lifted. */
bool catalog_has_mask_group(struct catalog *catalog, struct revision group);

/* Up to where a journal is folded in. */
struct journal_position {
    uint64_t node;
    uint32_t generation;
    int64_t time_ns;   /* of the last record folded; INT64_MIN: none */
    uint64_t sequence; /* of that record */
    uint64_t chain;    /* hash64 of that record: what the next one names */
};

/* Writes a snapshot under a temporary name, syncs it and renames it to path. What it holds is
 * copied first, about 150 bytes a tag, so that folding waits for memory only and not for a disk. */
enum status catalog_snapshot_write(struct catalog *catalog, struct file_system *file_system,
                                   const char *path, const struct journal_position *positions,
                                   size_t position_count, struct error *error);

/* Fills an empty catalog. Positions are freed by the caller with free(). STATUS_NOT_FOUND when
 * there is no such file. STATUS_CORRUPT names the damage and leaves the catalog empty: the journals
 * can be folded from their start instead; any other failure leaves it empty, too. */
enum status catalog_snapshot_read(struct catalog *catalog, struct file_system *file_system,
                                  const char *path, struct journal_position **out_positions,
                                  size_t *out_position_count, struct error *error);

#endif
