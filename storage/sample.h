/* Sample: the types of values, their bits, and the quality beside them. */
#ifndef STORAGE_SAMPLE_H
#define STORAGE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* A value is 64 bits whatever its type:
 *
 *   f64    the bits of the double
 *   f32    the bits of the float, zero above
 *   i64    two's complement
 *   bool   0 or 1
 *   state  the code, as i64; the names of the codes are the tag's
 *   text   in memory the address of a struct text_value; on disk the text itself
 */
#define VALUE_TYPE_TABLE(X)    \
    X(VALUE_F64, 1, "f64")     \
    X(VALUE_F32, 2, "f32")     \
    X(VALUE_I64, 3, "i64")     \
    X(VALUE_BOOL, 4, "bool")   \
    X(VALUE_STATE, 5, "state") \
    X(VALUE_TEXT, 6, "text")

enum value_type {
#define VALUE_TYPE_ENUM(name, value, text) name = value,
    VALUE_TYPE_TABLE(VALUE_TYPE_ENUM)
#undef VALUE_TYPE_ENUM
};

bool value_type_is_valid(uint8_t type);
const char *value_type_name(uint8_t type); /* ASSERTs a valid type */
bool value_type_from_name(const char *name, uint8_t *out_type);

/* Whether these bits can be a value of this (non-text) type. */
bool value_is_valid(uint8_t type, uint64_t bits);

enum { TEXT_VALUE_BYTES_MAX = 64 << 10 };

/* A text in memory, in a WAL frame and in an uncompressed block alike: aligned to 4 bytes. */
struct text_value {
    uint32_t size_bytes;
    char bytes[];
};

/* Bytes that a text of this size occupies, its length included; a multiple of 4. */
static inline uint64_t text_value_bytes(uint32_t size_bytes)
{
    return ((uint64_t)sizeof(uint32_t) + size_bytes + 3) / 4 * 4;
}

static inline const struct text_value *value_text(uint64_t bits)
{
    return (const struct text_value *)(uintptr_t)bits; /* NOLINT(performance-no-int-to-ptr) */
}

static inline uint64_t value_from_text(const struct text_value *text)
{
    return (uint64_t)(uintptr_t)text;
}

/* Quality is an OPC UA status; its top two bits are the class. */
enum quality_class { QUALITY_GOOD = 0, QUALITY_UNCERTAIN = 1, QUALITY_BAD = 2 };

static inline enum quality_class quality_class(uint32_t quality)
{
    uint32_t top = quality >> 30;
    return top >= 2 ? QUALITY_BAD : (enum quality_class)top;
}

/* Identity of a tag or a store: 128 bits, ordered by high, then low. */
struct identity {
    uint64_t low;
    uint64_t high;
};

static inline int identity_compare(struct identity left, struct identity right)
{
    if (left.high != right.high) return left.high < right.high ? -1 : 1;
    if (left.low != right.low) return left.low < right.low ? -1 : 1;
    return 0;
}

/* namespace \0 path \0 incarnation as decimal, through XXH3-128. */
struct identity identity_of_tag(const char *name_space, const char *path, uint32_t incarnation);

/* Numbers of tags are local and dense: 0, 1, 2 … in order of first use. */
enum { TAG_COUNT_MAX = 16 << 20 };
#define TAG_NONE UINT32_MAX

#endif
