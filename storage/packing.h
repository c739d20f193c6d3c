/* Packing: words of one width, side by side.
 *
 * Whole runs of PACKING_RUN words lie in 16 lanes, so that plain loops over the lanes become
 * vector instructions; what is left of a column lies in one lane, so that a short column takes no
 * more bits than it needs.
 *
 *   run     word j is in lane j % 16, row j / 16. A lane is a string of 64 x width bits; its k-th
 *           64-bit unit is at [k * 16 + lane]
 *
 *           unit 0:  | lane 0 | lane 1 | ... | lane 15 |     rows 0, 1, 2 ... from the lowest bit;
 *           unit 1:  | lane 0 | lane 1 | ... | lane 15 |     a row may go on in the next unit
 *
 *   rest    the same with one lane of count % PACKING_RUN rows; bits behind the last are zero
 */
#ifndef STORAGE_PACKING_H
#define STORAGE_PACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKING_RUN = 1024, PACKING_LANES = 16 };

/* Bits that hold every number up to greatest. */
static inline unsigned packing_width(uint64_t greatest)
{
    return greatest ? 64 - (unsigned)__builtin_clzll(greatest) : 0;
}

size_t packing_bytes(size_t count, unsigned width);

/* Packs word - base of each; width is 0..64 and holds them all. Writes packing_bytes(). */
void packing_pack(uint8_t *target, const uint64_t *words, size_t count, uint64_t base,
                  unsigned width);

/* Adds base again. False when bits behind the last word are not zero. */
bool packing_unpack(uint64_t *words, size_t count, const uint8_t *source, uint64_t base,
                    unsigned width);

#endif
