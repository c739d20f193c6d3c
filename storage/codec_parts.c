/* Columns longer than a run: each run of words, and the rest, by the codec that suits it.
 *
 *   for each:  | codec u8 | bytes | the column ... |
 *
 * Values in an archive, states that last, trends that change their character: a run is long enough
 * for its own numbers in front to be cheap, and short enough to be decoded in the nearest cache. */
#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/codec.h"
#include "storage/codec_field.h"

enum { HEADER_BYTES_MAX = 1 + FIELD_BYTES_MAX };

static size_t part_count(size_t left)
{
    return left < CODEC_RUN ? left : CODEC_RUN;
}

static size_t parts_encode(uint8_t *target, size_t room, const struct codec_column *column,
                           struct codec_hint *hint)
{
    const uint64_t *words = column->words;
    size_t count = column->count;
    if (count <= CODEC_RUN) return 0;
    uint8_t part[CODEC_RUN * sizeof *words];
    size_t bytes = 0;
    for (size_t first = 0; first < count; first += CODEC_RUN) {
        enum codec_id id;
        size_t part_bytes = codec_encode(part, column->type, words + first,
                                         part_count(count - first), hint, column->class, &id);
        if (part_bytes + HEADER_BYTES_MAX > room - bytes) return 0;
        uint8_t *next = target + bytes;
        *next++ = (uint8_t)id;
        next = field_put(next, part_bytes);
        memcpy(next, part, part_bytes);
        bytes = (size_t)(next + part_bytes - target);
    }
    return bytes;
}

static enum status parts_decode(uint64_t *target, size_t count, const uint8_t *source,
                                size_t source_bytes)
{
    if (count <= CODEC_RUN) return STATUS_CORRUPT;
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    for (size_t first = 0; first < count; first += CODEC_RUN) {
        const struct codec *codec = codec_find(field_take_byte(&reader));
        uint64_t part_bytes = field_take(&reader);
        const uint8_t *part = bytes_take(&reader, part_bytes);
        if (!part || !codec) return STATUS_CORRUPT;
        enum status status =
            codec->decode(target + first, part_count(count - first), part, part_bytes);
        if (status < 0) return status;
    }
    return reader.next == reader.end ? STATUS_OK : STATUS_CORRUPT;
}

enum status parts_decode_range(uint64_t *target, enum value_type type, size_t count, size_t first,
                               size_t end, const uint8_t *source, size_t source_bytes)
{
    ASSERT(first % CODEC_RUN == 0 && first < end && end <= count);
    if (count <= CODEC_RUN) return STATUS_CORRUPT;
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    for (size_t part = 0; part < end; part += CODEC_RUN) {
        uint8_t id = field_take_byte(&reader);
        uint64_t part_bytes = field_take(&reader);
        const uint8_t *bytes = bytes_take(&reader, part_bytes);
        if (!bytes) return STATUS_CORRUPT;
        if (part < first) continue;
        enum status status = codec_decode(target + (part - first), id, type,
                                          part_count(count - part), bytes, part_bytes);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

const struct codec codec_parts = {
    .id = CODEC_PARTS,
    .name = "parts",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_VALUES_MAX,
    .encode = parts_encode,
    .decode = parts_decode,
};
