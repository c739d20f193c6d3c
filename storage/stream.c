#include "storage/stream.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

uint8_t *stream_plan_words(struct stream_plan *plan, uint8_t *target, const uint64_t *words,
                           uint64_t word, size_t count, const struct stream_wish *wish)
{
    static const struct stream_wish everyday = {.type = VALUE_I64};
    *plan = (struct stream_plan){
        .codec = CODEC_CONSTANT,
        .word = words ? words[0] : word,
        .bytes = sizeof word,
    };
    if (!words) return target;
    if (!wish) wish = &everyday;
    enum codec_id codec;
    plan->bytes = codec_encode(target, wish->type, words, count, wish->hint, wish->class, &codec);
    plan->codec = (uint8_t)codec;
    plan->encoded = target;
    return target + plan->bytes;
}

void stream_plan_default(struct stream_plan *plan, uint64_t word)
{
    if (plan->codec != CODEC_CONSTANT || plan->word != word) return;
    plan->codec = CODEC_ABSENT;
    plan->bytes = 0;
}

static size_t lengths_bytes(size_t present_count)
{
    return bytes_align(present_count * sizeof(uint32_t), STREAM_ALIGNMENT);
}

static size_t plans_lengths_bytes(const struct stream_plan *plans, size_t stream_count)
{
    size_t present_count = 0;
    for (size_t i = 0; i < stream_count; i++) present_count += plans[i].codec != CODEC_ABSENT;
    return lengths_bytes(present_count);
}

size_t streams_bytes(const struct stream_plan *plans, size_t stream_count)
{
    size_t bytes = plans_lengths_bytes(plans, stream_count);
    for (size_t i = 0; i < stream_count; i++)
        bytes += bytes_align(plans[i].bytes, STREAM_ALIGNMENT);
    return bytes;
}

static void stream_encode(uint8_t *target, const struct stream_plan *plan)
{
    if (plan->encoded) {
        memcpy(target, plan->encoded, plan->bytes);
    } else {
        bytes_put_u64(target, plan->word);
    }
    memset(target + plan->bytes, 0, bytes_align(plan->bytes, STREAM_ALIGNMENT) - plan->bytes);
}

void streams_write(uint8_t *target, const struct stream_plan *plans, size_t stream_count)
{
    uint8_t *length = target;
    uint8_t *stream = target + plans_lengths_bytes(plans, stream_count);
    memset(length, 0, (size_t)(stream - length));
    for (size_t i = 0; i < stream_count; i++) {
        if (plans[i].codec == CODEC_ABSENT) continue;
        bytes_put_u32(length, (uint32_t)plans[i].bytes);
        length += sizeof(uint32_t);
        stream_encode(stream, &plans[i]);
        stream += bytes_align(plans[i].bytes, STREAM_ALIGNMENT);
    }
}

size_t streams_lengths_bytes(const uint8_t *codecs_of_streams, size_t stream_count)
{
    size_t present_count = 0;
    for (size_t i = 0; i < stream_count; i++) present_count += codecs_of_streams[i] != CODEC_ABSENT;
    return lengths_bytes(present_count);
}

bool streams_find(struct stream *streams, const uint8_t *codecs_of_streams, size_t stream_count,
                  const uint8_t *payload, size_t payload_bytes)
{
    size_t first = streams_lengths_bytes(codecs_of_streams, stream_count);
    if (first > payload_bytes) return false;
    const uint8_t *length = payload;
    size_t offset = first;
    for (size_t i = 0; i < stream_count; i++) {
        streams[i] = (struct stream){.codec = codecs_of_streams[i]};
        if (streams[i].codec == CODEC_ABSENT) continue;
        size_t size = bytes_get_u32(length);
        length += sizeof(uint32_t);
        if (size > payload_bytes - offset) return false;
        streams[i].bytes = payload + offset;
        streams[i].size = size;
        offset += size;
        size_t padding = bytes_align(size, STREAM_ALIGNMENT) - size;
        if (padding > payload_bytes - offset) return false;
        if (!bytes_are_zero(payload + offset, padding)) return false;
        offset += padding;
    }
    return offset == payload_bytes && bytes_are_zero(length, (size_t)(payload + first - length));
}

static uint64_t *take_words(struct arena *arena, size_t count)
{
    return arena_take_raw(arena, bytes_align(count, CODEC_TARGET_MULTIPLE) * sizeof(uint64_t));
}

enum status stream_words(const struct stream *stream, enum value_type type, size_t count,
                         struct arena *arena, const uint64_t **out_words)
{
    if (stream->codec == CODEC_RAW) {
        if (stream->size != count * sizeof(uint64_t)) return STATUS_CORRUPT;
        *out_words = (const uint64_t *)(const void *)stream->bytes;
        return STATUS_OK;
    }
    uint64_t *words = take_words(arena, count);
    if (!words) return STATUS_NO_MEMORY;
    *out_words = words;
    return codec_decode(words, stream->codec, type, count, stream->bytes, stream->size);
}

enum status stream_words_range(const struct stream *stream, enum value_type type, size_t count,
                               struct stream_range range, struct arena *arena,
                               const uint64_t **out_words)
{
    ASSERT(range.first <= count && range.count <= count - range.first);
    if (stream->codec != CODEC_PARTS || range.count == count) {
        enum status status = stream_words(stream, type, count, arena, out_words);
        if (status == STATUS_OK) *out_words += range.first;
        return status;
    }
    size_t first = range.first / CODEC_RUN * CODEC_RUN;
    size_t end = range.first + range.count;
    uint64_t *words = take_words(arena, bytes_align(end - first, CODEC_RUN));
    if (!words) return STATUS_NO_MEMORY;
    *out_words = words + (range.first - first);
    return parts_decode_range(words, type, count, first, end, stream->bytes, stream->size);
}

enum status stream_column(const struct stream *stream, size_t count, struct arena *arena,
                          const uint64_t **out_words, uint64_t *word)
{
    *out_words = NULL;
    if (stream->codec == CODEC_ABSENT) return STATUS_OK;
    if (stream->codec != CODEC_CONSTANT)
        return stream_words(stream, VALUE_I64, count, arena, out_words);
    if (stream->size != sizeof *word) return STATUS_CORRUPT;
    *word = bytes_get_u64(stream->bytes);
    return STATUS_OK;
}

enum status stream_texts(const struct stream *stream, size_t count, struct arena *arena,
                         const uint64_t **out_words)
{
    uint64_t *words = take_words(arena, count);
    if (!words) return STATUS_NO_MEMORY;
    *out_words = words;
    return text_codec_decode(words, count, (enum codec_id)stream->codec, stream->bytes,
                             stream->size, arena);
}

enum status stream_narrow_u32(const uint64_t *words, size_t count, struct arena *arena,
                              const uint32_t **out_column)
{
    uint32_t *column = arena_take_raw(arena, count * sizeof *column);
    if (!column) return STATUS_NO_MEMORY;
    uint64_t all_bits = 0;
    for (size_t i = 0; i < count; i++) {
        all_bits |= words[i];
        column[i] = (uint32_t)words[i];
    }
    *out_column = column;
    return all_bits <= UINT32_MAX ? STATUS_OK : STATUS_CORRUPT;
}

enum status stream_narrow_u8(const uint64_t *words, size_t count, struct arena *arena,
                             const uint8_t **out_column)
{
    uint8_t *column = arena_take_raw(arena, count);
    if (!column) return STATUS_NO_MEMORY;
    uint64_t all_bits = 0;
    for (size_t i = 0; i < count; i++) {
        all_bits |= words[i];
        column[i] = (uint8_t)words[i];
    }
    *out_column = column;
    return all_bits <= UINT8_MAX ? STATUS_OK : STATUS_CORRUPT;
}
