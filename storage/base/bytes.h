/* Bytes: fixed-width little-endian numbers at a place, the bits of a number with a point, and a
 * reader that cannot run over. */
#ifndef STORAGE_BASE_BYTES_H
#define STORAGE_BASE_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "structs are stored as they lie in memory");

static inline uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bytes_get_u32(const void *source)
{
    uint32_t value;
    memcpy(&value, source, sizeof value);
    return value;
}

static inline uint64_t bytes_get_u64(const void *source)
{
    uint64_t value;
    memcpy(&value, source, sizeof value);
    return value;
}

static inline void bytes_put_u32(void *target, uint32_t value)
{
    memcpy(target, &value, sizeof value);
}

static inline void bytes_put_u64(void *target, uint64_t value)
{
    memcpy(target, &value, sizeof value);
}

static inline size_t bytes_align(size_t size, size_t alignment)
{
    return (size + alignment - 1) / alignment * alignment;
}

static inline bool bytes_are_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

/* A bounded reader: once a read would pass the end it fails for good and hands out zeros, so a
 * decoder checks once, at the end. */
struct bytes_reader {
    const uint8_t *next; /* borrowed */
    const uint8_t *end;
    bool failed;
};

static inline const uint8_t *bytes_take(struct bytes_reader *reader, size_t size)
{
    if (reader->failed || size > (size_t)(reader->end - reader->next)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *taken = reader->next;
    reader->next += size;
    return taken;
}

static inline uint32_t bytes_take_u32(struct bytes_reader *reader)
{
    const uint8_t *taken = bytes_take(reader, sizeof(uint32_t));
    return taken ? bytes_get_u32(taken) : 0;
}

static inline uint64_t bytes_take_u64(struct bytes_reader *reader)
{
    const uint8_t *taken = bytes_take(reader, sizeof(uint64_t));
    return taken ? bytes_get_u64(taken) : 0;
}

#endif
