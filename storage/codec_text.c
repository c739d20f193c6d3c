/* Texts: a u32 for each (0: NULL, else 1 + its bytes), then the bytes one behind the other.
 * Compressed: a u32 with the bytes of that, then it as one LZ4 block.
 * Few distinct ones, such as messages: each once, as one of those two, and a column of numbers.
 *
 *   | entries | bytes of the next | codec u8 | numbers, as i64 ... | codec u8 | texts of entries ... |
 */
#include <lz4.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/codec.h"
#include "storage/codec_field.h"

enum {
    ENTRIES_MAX = 256,
    ENTRIES_PART = 2, /* few: at most half as many as there are texts */
    SLOTS = 1024,
    DICTIONARY_HEADER_MAX = 2 * FIELD_BYTES_MAX + 2,
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
    size_t numbers = codec_bytes_max(count); /* packed, and, aligned, as words before */
    return plain + compressed_bytes_max(plain) + DICTIONARY_HEADER_MAX + 2 * numbers +
           sizeof(uint64_t);
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

/* Plain or compressed, whatever is shorter. */
static size_t texts_encode(uint8_t *target, const uint64_t *values, size_t count,
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

/* ---- Dictionary ---- */

struct dictionary {
    uint64_t values[ENTRIES_MAX];
    size_t count;
    uint16_t slots[SLOTS]; /* number of the entry + 1, or 0 */
};

static bool texts_are_equal(const struct text_value *left, const struct text_value *right)
{
    if (!left || !right) return left == right;
    return left->size_bytes == right->size_bytes &&
           memcmp(left->bytes, right->bytes, left->size_bytes) == 0;
}

/* The number of the text, new or not; ENTRIES_MAX when it is one too many. */
static size_t dictionary_number(struct dictionary *dictionary, uint64_t value)
{
    const struct text_value *text = value_text(value);
    size_t slot = text ? hash64(text->bytes, text->size_bytes) % SLOTS : 0;
    for (; dictionary->slots[slot]; slot = (slot + 1) % SLOTS) {
        size_t number = (size_t)dictionary->slots[slot] - 1;
        if (texts_are_equal(value_text(dictionary->values[number]), text)) return number;
    }
    if (dictionary->count == ENTRIES_MAX) return ENTRIES_MAX;
    dictionary->values[dictionary->count++] = value;
    dictionary->slots[slot] = (uint16_t)dictionary->count;
    return dictionary->count - 1;
}

static bool dictionary_fill(struct dictionary *dictionary, uint64_t *numbers,
                            const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = dictionary_number(dictionary, values[i]);
        if (numbers[i] == ENTRIES_MAX) return false;
    }
    return dictionary->count <= count / ENTRIES_PART;
}

/* The words at the end of the room that encoding has. */
static uint64_t *numbers_place(uint8_t *target, const uint64_t *values, size_t count)
{
    uintptr_t end = (uintptr_t)target + text_codec_bytes_max(values, count);
    size_t over = end % sizeof(uint64_t);
    return (uint64_t *)(void *)(target + text_codec_bytes_max(values, count) - over) - count;
}

/* Returns 0 when the texts are not few. */
static size_t dictionary_encode(uint8_t *target, const uint64_t *values, size_t count)
{
    struct dictionary dictionary = {.count = 0};
    uint64_t *numbers = numbers_place(target, values, count);
    if (!dictionary_fill(&dictionary, numbers, values, count)) return 0;
    enum codec_id id;
    uint8_t *column = target + DICTIONARY_HEADER_MAX; /* until its bytes are known */
    size_t column_bytes =
        codec_encode(column, VALUE_I64, numbers, count, NULL, CODEC_EVERYDAY, &id);
    uint8_t *next = field_put(target, dictionary.count);
    next = field_put(next, column_bytes);
    *next++ = (uint8_t)id;
    memmove(next, column, column_bytes);
    next += column_bytes;
    size_t texts_bytes = texts_encode(next + 1, dictionary.values, dictionary.count, &id);
    *next = (uint8_t)id;
    return (size_t)(next + 1 - target) + texts_bytes;
}

size_t text_codec_encode(uint8_t *target, const uint64_t *values, size_t count,
                         enum codec_id *out_id)
{
    size_t bytes = dictionary_encode(target, values, count);
    *out_id = CODEC_TEXT_DICTIONARY;
    return bytes ? bytes : texts_encode(target, values, count, out_id);
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

static enum status texts_decode(uint64_t *target, size_t count, uint8_t id, const uint8_t *source,
                                size_t source_bytes, struct arena *arena)
{
    if (id == CODEC_TEXT) return plain_decode(target, count, source, source_bytes, arena);
    if (id != CODEC_TEXT_LZ4) return STATUS_CORRUPT;
    return compressed_decode(target, count, source, source_bytes, arena);
}

static enum status dictionary_decode(uint64_t *target, size_t count, const uint8_t *source,
                                     size_t source_bytes, struct arena *arena)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    uint64_t entries = field_take(&reader);
    uint64_t column_bytes = field_take(&reader);
    uint8_t column_id = field_take_byte(&reader);
    const uint8_t *column = bytes_take(&reader, column_bytes);
    uint8_t texts_id = field_take_byte(&reader);
    if (reader.failed || entries == 0 || entries > ENTRIES_MAX) return STATUS_CORRUPT;
    enum status status = codec_decode(target, column_id, VALUE_I64, count, column, column_bytes);
    if (status < 0) return status;
    uint64_t texts[ENTRIES_MAX];
    status = texts_decode(texts, entries, texts_id, reader.next, (size_t)(reader.end - reader.next),
                          arena);
    if (status < 0) return status;
    for (size_t i = 0; i < count; i++) {
        if (target[i] >= entries) return STATUS_CORRUPT;
        target[i] = texts[target[i]];
    }
    return STATUS_OK;
}

bool text_codec_takes(uint8_t id)
{
    return id == CODEC_TEXT || id == CODEC_TEXT_LZ4 || id == CODEC_TEXT_DICTIONARY;
}

enum status text_codec_decode(uint64_t *target, size_t count, enum codec_id id,
                              const uint8_t *source, size_t source_bytes, struct arena *arena)
{
    ASSERT(text_codec_takes((uint8_t)id));
    if (id == CODEC_TEXT_DICTIONARY) {
        return dictionary_decode(target, count, source, source_bytes, arena);
    }
    return texts_decode(target, count, (uint8_t)id, source, source_bytes, arena);
}
