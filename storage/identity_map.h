/* Identity map: which dense local number stands for which tag identity, in an append-only file.
 *
 *   file     [ header 64 ][ record 24 ][ record 24 ] …
 *
 *   header   0       8       12       16         40         48       52     56         64
 *            +-------+-------+--------+----------+----------+--------+------+----------+
 *            | magic |version|features|   zero   | checksum | durable| zero | checksum |
 *            +-------+-------+--------+----------+----------+--------+------+----------+
 *   record   [ identity 16 ][ number 4 ][ checksum 4 ]     record n holds number n
 *
 * I1  numbers are given in order of first use, from 0, without holes
 * I2  a number is durable before identity_map_add() returns it
 * I3  a torn tail is cut at the last whole record: its numbers were never given out
 * I4  a bad record that whole ones follow keeps its place, so that the numbers behind it stay what
 *     they were, and stands for no identity
 * I5  durable is a number of records that were durable when it was written, with every add and
 *     at the close: a bad or missing record below it is damage, and its number is never reused.
 *     Without it (its writing was cut short) I3 and I4 alone say what is kept
 *
 * Changing anything here changes docs/format/catalog.md and IDENTITY_MAP_VERSION.
 *
 * Threads: any thread; finding takes no lock that adding holds during its sync. */
#ifndef STORAGE_IDENTITY_MAP_H
#define STORAGE_IDENTITY_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/file.h"
#include "storage/sample.h"

enum { IDENTITY_MAP_VERSION = 1 };

struct identity_map;

/* STATUS_CORRUPT when the header is damaged. */
enum status identity_map_open(struct identity_map **out_map, struct file_system *file_system,
                              const char *path, struct error *error);
void identity_map_close(struct identity_map *map);

uint32_t identity_map_count(const struct identity_map *map);
uint32_t identity_map_damaged_count(const struct identity_map *map); /* I5; found by the open */

/* TAG_NONE when unknown. */
uint32_t identity_map_find(struct identity_map *map, struct identity identity);

/* ASSERTs number < count. All zeros for a bad record. */
struct identity identity_map_identity(struct identity_map *map, uint32_t number);

/* Gives numbers to those of the identities that have none; one sync for all. Zero is no identity:
 * STATUS_BAD_INPUT. STATUS_TOO_LARGE when there would be more than TAG_COUNT_MAX. A failed write or
 * sync leaves the map as it was and refuses every later add (the file's end is unknown). */
enum status identity_map_add(struct identity_map *map, const struct identity *identities,
                             size_t count, uint32_t *out_numbers, struct error *error);

#endif
