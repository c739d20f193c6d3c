#include "storage/packing.h"

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/kernels.h"

enum { UNIT_BITS = 64 };

static size_t rest_units(size_t count, unsigned width)
{
    return (count * width + UNIT_BITS - 1) / UNIT_BITS;
}

size_t packing_bytes(size_t count, unsigned width)
{
    size_t run_units = count / PACKING_RUN * PACKING_LANES * width;
    return (run_units + rest_units(count % PACKING_RUN, width)) * sizeof(uint64_t);
}

/* Of the full width: in a run as in a rest they lie in their order. */
static void words_pack(uint8_t *target, const uint64_t *words, size_t count, uint64_t base)
{
    for (size_t i = 0; i < count; i++) bytes_put_u64(target + i * sizeof *words, words[i] - base);
}

/* Of the full width, or, without a source, of none. */
static void words_unpack(uint64_t *words, size_t count, const uint8_t *source, uint64_t base)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = base + (source ? bytes_get_u64(source + i * sizeof *words) : 0);
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
    ASSERT(width <= UNIT_BITS);
    if (width == 0) return;
    if (width == UNIT_BITS) {
        words_pack(target, words, count, base);
        return;
    }
    const struct kernels *kernels = kernels_here();
    for (; count >= PACKING_RUN; count -= PACKING_RUN) {
        kernels->run_pack(target, words, base, width);
        words += PACKING_RUN;
        target += packing_bytes(PACKING_RUN, width);
    }
    rest_pack(target, words, count, base, width);
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
    ASSERT(width <= UNIT_BITS);
    if (width == 0 || width == UNIT_BITS) {
        words_unpack(words, count, width ? source : NULL, base);
        return true;
    }
    const struct kernels *kernels = kernels_here();
    for (; count >= PACKING_RUN; count -= PACKING_RUN) {
        kernels->run_unpack(words, source, base, width);
        words += PACKING_RUN;
        source += packing_bytes(PACKING_RUN, width);
    }
    return rest_unpack(words, count, source, base, width);
}
