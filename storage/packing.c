#include "storage/packing.h"

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

enum { UNIT_BITS = 64, RUN_ROWS = PACKING_RUN / PACKING_LANES };

static size_t rest_units(size_t count, unsigned width)
{
    return (count * width + UNIT_BITS - 1) / UNIT_BITS;
}

size_t packing_bytes(size_t count, unsigned width)
{
    size_t run_units = count / PACKING_RUN * PACKING_LANES * width;
    return (run_units + rest_units(count % PACKING_RUN, width)) * sizeof(uint64_t);
}

static void run_pack(uint8_t *restrict target, const uint64_t *restrict words, uint64_t base,
                     unsigned width)
{
    uint64_t units[PACKING_LANES] = {0};
    unsigned filled = 0;
    for (size_t row = 0; row < RUN_ROWS; row++) {
        const uint64_t *source = words + row * PACKING_LANES;
        for (size_t i = 0; i < PACKING_LANES; i++) units[i] |= (source[i] - base) << filled;
        filled += width;
        if (filled < UNIT_BITS) continue;

        memcpy(target, units, sizeof units);
        target += sizeof units;
        filled -= UNIT_BITS;
        if (filled == 0) {
            memset(units, 0, sizeof units);
            continue;
        }
        unsigned taken = width - filled;
        for (size_t i = 0; i < PACKING_LANES; i++) units[i] = (source[i] - base) >> taken;
    }
}

static void rest_pack(uint8_t *target, const uint64_t *words, size_t count, uint64_t base,
                      unsigned width)
{
    uint64_t unit = 0;
    unsigned filled = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = words[i] - base;
        unit |= word << filled;
        filled += width;
        if (filled < UNIT_BITS) continue;

        bytes_put_u64(target, unit);
        target += sizeof unit;
        filled -= UNIT_BITS;
        unit = filled ? word >> (width - filled) : 0;
    }
    if (filled) bytes_put_u64(target, unit);
}

void packing_pack(uint8_t *target, const uint64_t *words, size_t count, uint64_t base,
                  unsigned width)
{
    ASSERT(width >= 1 && width < UNIT_BITS);
    for (; count >= PACKING_RUN; count -= PACKING_RUN) {
        run_pack(target, words, base, width);
        words += PACKING_RUN;
        target += packing_bytes(PACKING_RUN, width);
    }
    rest_pack(target, words, count, base, width);
}

static void run_unpack(uint64_t *restrict words, const uint8_t *restrict source, uint64_t base,
                       unsigned width)
{
    uint64_t mask = UINT64_MAX >> (UNIT_BITS - width);
    unsigned used = 0;
    for (size_t row = 0; row < RUN_ROWS; row++) {
        uint64_t units[2 * PACKING_LANES];
        uint64_t *target = words + row * PACKING_LANES;
        unsigned ends = used + width;
        if (ends <= UNIT_BITS) {
            memcpy(units, source, sizeof units / 2);
            for (size_t i = 0; i < PACKING_LANES; i++) {
                target[i] = ((units[i] >> used) & mask) + base;
            }
        } else {
            memcpy(units, source, sizeof units);
            for (size_t i = 0; i < PACKING_LANES; i++) {
                uint64_t high = units[PACKING_LANES + i] << (UNIT_BITS - used);
                target[i] = (((units[i] >> used) | high) & mask) + base;
            }
        }
        if (ends >= UNIT_BITS) source += sizeof units / 2;
        used = ends % UNIT_BITS;
    }
}

static bool rest_unpack(uint64_t *words, size_t count, const uint8_t *source, uint64_t base,
                        unsigned width)
{
    uint64_t mask = UINT64_MAX >> (UNIT_BITS - width);
    uint64_t unit = 0; /* bits that are read and not yet handed out */
    unsigned held = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = unit;
        if (held >= width) {
            unit >>= width;
            held -= width;
        } else {
            uint64_t next = bytes_get_u64(source);
            source += sizeof next;
            word |= next << held;
            unsigned taken = width - held;
            unit = next >> taken;
            held = UNIT_BITS - taken;
        }
        words[i] = (word & mask) + base;
    }
    return unit == 0;
}

bool packing_unpack(uint64_t *words, size_t count, const uint8_t *source, uint64_t base,
                    unsigned width)
{
    ASSERT(width >= 1 && width < UNIT_BITS);
    for (; count >= PACKING_RUN; count -= PACKING_RUN) {
        run_unpack(words, source, base, width);
        words += PACKING_RUN;
        source += packing_bytes(PACKING_RUN, width);
    }
    return rest_unpack(words, count, source, base, width);
}
