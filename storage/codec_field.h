/* Fields: the small numbers in front of packed words, seven bits a byte, the lowest first (LEB128);
 * the top bit says that another byte follows. Signed ones alternate: 0, -1, 1, -2 ... */
#ifndef STORAGE_CODEC_FIELD_H
#define STORAGE_CODEC_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/bytes.h"

enum { FIELD_BYTES_MAX = 10 };

static inline uint64_t field_of_signed(uint64_t word)
{
    return word << 1 ^ (uint64_t)((int64_t)word >> 63);
}

static inline uint64_t field_to_signed(uint64_t field)
{
    return field >> 1 ^ (0 - (field & 1));
}

static inline size_t field_bytes(uint64_t field)
{
    return (70 - (size_t)__builtin_clzll(field | 1)) / 7;
}

/* Returns the place behind it. */
static inline uint8_t *field_put(uint8_t *target, uint64_t field)
{
    for (; field >= 0x80; field >>= 7) *target++ = (uint8_t)(field | 0x80);
    *target++ = (uint8_t)field;
    return target;
}

static inline uint8_t field_take_byte(struct bytes_reader *reader)
{
    const uint8_t *taken = bytes_take(reader, 1);
    return taken ? *taken : 0;
}

/* A number that is longer than it need be, or than 64 bits, fails the reader. */
static inline uint64_t field_take(struct bytes_reader *reader)
{
    uint64_t field = 0;
    for (unsigned bits = 0; bits < 64; bits += 7) {
        uint64_t byte = field_take_byte(reader);
        field |= (byte & 0x7f) << bits;
        if (byte >= 0x80) continue;
        if ((byte == 0 && bits > 0) || (bits == 63 && byte > 1)) reader->failed = true;
        return field;
    }
    reader->failed = true;
    return 0;
}

#endif
