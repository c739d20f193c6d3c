/* Patches: the words of a column that its codec could not hold, and where they belong.
 *
 *   | position (u16) of each, rising | word (u64) of each |
 *
 * What stands in their place is settled, too, so that every bit of a column means something. */
#ifndef STORAGE_CODEC_PATCH_H
#define STORAGE_CODEC_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/bytes.h"
#include "storage/base/status.h"

enum { PATCH_BYTES = sizeof(uint16_t) + sizeof(uint64_t) };

/* Writes words[position] of each. Returns the place behind. */
uint8_t *patches_put(uint8_t *target, const uint16_t *positions, size_t patch_count,
                     const uint64_t *words);

/* Takes so many from the reader; NULL and a failed reader when they are not there. */
const uint8_t *patches_take(struct bytes_reader *reader, uint64_t patch_count);

/* STATUS_CORRUPT when positions do not rise, or lie outside. */
enum status patches_check(size_t count, const uint8_t *patches, size_t patch_count);

/* What stands in a patch's place until it is applied: always this word, or the word before it, the
 * first of a column the one behind. Positions are checked. */
bool patches_stand_for(const uint64_t *words, const uint8_t *patches, size_t patch_count,
                       uint64_t word);
bool patches_repeat(const uint64_t *words, size_t count, const uint8_t *patches,
                    size_t patch_count);

/* Checked, too. */
void patches_apply(uint64_t *words, const uint8_t *patches, size_t patch_count);

#endif
