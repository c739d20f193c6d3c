/* Texts: a u32 for each (0: NULL, else 1 + its bytes), then the bytes one behind the other.
 * Compressed: a u32 with the bytes of that, then it as one LZ4 block. */
#include <lz4.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/codec.h"

enum {
    LENGTH_BYTES = sizeof(uint32_t),
    LZ4_RATIO_MAX = 255, /* what LZ4 can make of one byte */
};

static size_t plain_bytes(const uint64_t *values, size_t count)
{
    size_t bytes = count * LENGTH_BYTES;
    for (size_t i = 0; i < count; i++) {
        if (values[i] != 0) bytes += value_text(values[i])->size_bytes;
    }
    return bytes;
}

/* Compressed is worth a decompression when at least a tenth is saved. */
static size_t compressed_bytes_max(size_t plain)
{
    return plain - plain / 10 - (plain % 10 != 0);
}

size_t text_codec_bytes_max(const uint64_t *values, size_t count)
{
    size_t plain = plain_bytes(values, count);
    return plain + compressed_bytes_max(plain);
}

static void plain_encode(uint8_t *target, const uint64_t *values, size_t count)
{
    uint8_t *bytes = target + count * LENGTH_BYTES;
    for (size_t i = 0; i < count; i++) {
        const struct text_value *text = value_text(values[i]);
        bytes_put_u32(target + i * LENGTH_BYTES, text ? text->size_bytes + 1 : 0);
        if (!text) continue;
        memcpy(bytes, text->bytes, text->size_bytes);
        bytes += text->size_bytes;
    }
}

size_t text_codec_encode(uint8_t *target, const uint64_t *values, size_t count,
                         enum codec_id *out_id)
{
    size_t plain = plain_bytes(values, count);
    plain_encode(target, values, count);
    *out_id = CODEC_TEXT;
    size_t room = compressed_bytes_max(plain);
    if (plain > LZ4_MAX_INPUT_SIZE || room <= LENGTH_BYTES) return plain;

    uint8_t *compressed = target + plain;
    int size = LZ4_compress_default((const char *)target, (char *)compressed + LENGTH_BYTES,
                                    (int)plain, (int)(room - LENGTH_BYTES));
    if (size <= 0) return plain;
    bytes_put_u32(compressed, (uint32_t)plain);
    size_t compressed_bytes = LENGTH_BYTES + (size_t)size;
    memmove(target, compressed, compressed_bytes);
    *out_id = CODEC_TEXT_LZ4;
    return compressed_bytes;
}

/* Whether the lengths are possible and fit size exactly; what the texts take in memory. */
static bool plain_is_valid(const uint8_t *plain, size_t size, size_t count, size_t *out_bytes)
{
    if (size < count * LENGTH_BYTES) return false;
    size_t left = size - count * LENGTH_BYTES;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t length = bytes_get_u32(plain + i * LENGTH_BYTES);
        if (length == 0) continue;
        if (length - 1 > TEXT_VALUE_BYTES_MAX || length - 1 > left) return false;
        left -= length - 1;
        bytes += text_value_bytes(length - 1);
    }
    *out_bytes = bytes;
    return left == 0;
}

static enum status plain_decode(uint64_t *target, size_t count, const uint8_t *plain, size_t size,
                                struct arena *arena)
{
    size_t texts_bytes;
    if (!plain_is_valid(plain, size, count, &texts_bytes)) return STATUS_CORRUPT;
    uint8_t *place = arena_take_raw(arena, texts_bytes);
    if (!place) return STATUS_NO_MEMORY;

    const uint8_t *bytes = plain + count * LENGTH_BYTES;
    for (size_t i = 0; i < count; i++) {
        uint32_t length = bytes_get_u32(plain + i * LENGTH_BYTES);
        target[i] = 0;
        if (length == 0) continue;
        uint32_t text_bytes = length - 1;
        target[i] = (uint64_t)(uintptr_t)place;
        bytes_put_u32(place + text_value_bytes(text_bytes) - sizeof(uint32_t), 0); /* the padding */
        bytes_put_u32(place, text_bytes);
        memcpy(place + sizeof text_bytes, bytes, text_bytes);
        bytes += text_bytes;
        place += text_value_bytes(text_bytes);
    }
    return STATUS_OK;
}

static enum status compressed_decode(uint64_t *target, size_t count, const uint8_t *source,
                                     size_t source_bytes, struct arena *arena)
{
    if (source_bytes < LENGTH_BYTES || source_bytes > INT32_MAX) return STATUS_CORRUPT;
    size_t compressed_bytes = source_bytes - LENGTH_BYTES;
    size_t size = bytes_get_u32(source);
    if (size > LZ4_MAX_INPUT_SIZE || size / LZ4_RATIO_MAX > compressed_bytes ||
        size > count * (LENGTH_BYTES + TEXT_VALUE_BYTES_MAX)) {
        return STATUS_CORRUPT;
    }
    uint8_t *plain = arena_take_raw(arena, size);
    if (!plain) return STATUS_NO_MEMORY;

    int made = LZ4_decompress_safe((const char *)source + LENGTH_BYTES, (char *)plain,
                                   (int)compressed_bytes, (int)size);
    if (made < 0 || (size_t)made != size) return STATUS_CORRUPT;
    return plain_decode(target, count, plain, size, arena);
}

enum status text_codec_decode(uint64_t *target, size_t count, enum codec_id id,
                              const uint8_t *source, size_t source_bytes, struct arena *arena)
{
    ASSERT(id == CODEC_TEXT || id == CODEC_TEXT_LZ4);
    if (id == CODEC_TEXT) return plain_decode(target, count, source, source_bytes, arena);
    return compressed_decode(target, count, source, source_bytes, arena);
}
