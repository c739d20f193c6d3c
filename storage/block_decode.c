#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/block.h"
#include "storage/block_rules.h"
#include "storage/codec.h"

/* One stream as it lies in a block. */
struct stream {
    uint8_t codec; /* enum codec_id */
    const uint8_t *bytes;
    size_t size;
};

/* A block on its way out. */
struct block_reading {
    const struct block_header *header;
    struct stream streams[BLOCK_STREAM_COUNT];
    size_t count;
    struct arena *arena; /* borrowed */
};

static bool bytes_are_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

/* False unless lengths, streams and padding are the whole payload. */
static bool streams_find(struct stream streams[BLOCK_STREAM_COUNT], const uint8_t *bytes,
                         const struct block_header *header)
{
    size_t first = block_streams_offset(header);
    size_t end = BLOCK_PAYLOAD_OFFSET + header->payload_bytes;
    if (first > end) return false;
    const uint8_t *length = bytes + BLOCK_PAYLOAD_OFFSET;
    size_t offset = first;
    for (size_t i = 0; i < BLOCK_STREAM_COUNT; i++) {
        streams[i] = (struct stream){.codec = header->codecs[i]};
        if (streams[i].codec == CODEC_ABSENT) continue;
        size_t size = bytes_get_u32(length);
        length += sizeof(uint32_t);
        if (size > end - offset) return false;
        streams[i].bytes = bytes + offset;
        streams[i].size = size;
        offset += size;
        size_t padding = bytes_align(size, BLOCK_ALIGNMENT) - size; /* end is a multiple, too */
        if (!bytes_are_zero(bytes + offset, padding)) return false;
        offset += padding;
    }
    return offset == end && bytes_are_zero(length, (size_t)(bytes + first - length));
}

static uint64_t *take_words(const struct block_reading *reading)
{
    size_t room = bytes_align(reading->count, CODEC_TARGET_MULTIPLE);
    return arena_take_raw(reading->arena, room * sizeof(uint64_t));
}

/* All words, of a stream that is there. */
static enum status stream_words(const struct block_reading *reading, enum block_stream index,
                                const uint64_t **out_words)
{
    const struct stream *stream = &reading->streams[index];
    if (stream->codec == CODEC_RAW) {
        if (stream->size != reading->count * sizeof(uint64_t)) return STATUS_CORRUPT;
        *out_words = (const uint64_t *)(const void *)stream->bytes;
        return STATUS_OK;
    }
    uint64_t *words = take_words(reading);
    if (!words) return STATUS_NO_MEMORY;
    *out_words = words;
    const struct codec *codec = codec_find(stream->codec);
    return codec->decode(words, reading->count, stream->bytes, stream->size);
}

/* NULL words: all are *word, which holds the default before. */
static enum status stream_column(const struct block_reading *reading, enum block_stream index,
                                 const uint64_t **out_words, uint64_t *word)
{
    const struct stream *stream = &reading->streams[index];
    *out_words = NULL;
    if (stream->codec == CODEC_ABSENT) return STATUS_OK;
    if (stream->codec != CODEC_CONSTANT) return stream_words(reading, index, out_words);
    if (stream->size != sizeof *word) return STATUS_CORRUPT;
    *word = bytes_get_u64(stream->bytes);
    return STATUS_OK;
}

static enum status narrow_u32(const struct block_reading *reading, const uint64_t *words,
                              const uint32_t **out_column)
{
    uint32_t *column = arena_take_raw(reading->arena, reading->count * sizeof *column);
    if (!column) return STATUS_NO_MEMORY;
    uint64_t all_bits = 0;
    for (size_t i = 0; i < reading->count; i++) {
        all_bits |= words[i];
        column[i] = (uint32_t)words[i];
    }
    *out_column = column;
    return all_bits <= UINT32_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status narrow_u8(const struct block_reading *reading, const uint64_t *words,
                             const uint8_t **out_column)
{
    uint8_t *column = arena_take_raw(reading->arena, reading->count);
    if (!column) return STATUS_NO_MEMORY;
    uint64_t all_bits = 0;
    for (size_t i = 0; i < reading->count; i++) {
        all_bits |= words[i];
        column[i] = (uint8_t)words[i];
    }
    *out_column = column;
    return all_bits <= UINT8_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status stream_texts(const struct block_reading *reading, enum block_stream index,
                                const uint64_t **out_words)
{
    const struct stream *stream = &reading->streams[index];
    uint64_t *words = take_words(reading);
    if (!words) return STATUS_NO_MEMORY;
    *out_words = words;
    return text_codec_decode(words, reading->count, (enum codec_id)stream->codec, stream->bytes,
                             stream->size, reading->arena);
}

static enum status read_times(const struct block_reading *reading, struct batch *batch)
{
    const uint64_t *words;
    enum status status = stream_words(reading, BLOCK_STREAM_TIME, &words);
    if (status < 0) return status;
    batch->times_ns = (const int64_t *)words;
    return batch->times_ns[0] == reading->header->first_time_ns ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_values(const struct block_reading *reading, struct batch *batch)
{
    if (batch->type == VALUE_TEXT) {
        return stream_texts(reading, BLOCK_STREAM_VALUE, &batch->values);
    }
    return stream_words(reading, BLOCK_STREAM_VALUE, &batch->values);
}

/* A batch has no place for one quality other than good beside the column. */
static enum status read_qualities(const struct block_reading *reading, struct batch *batch)
{
    if (reading->streams[BLOCK_STREAM_QUALITY].codec == CODEC_ABSENT) return STATUS_OK;
    const uint64_t *words;
    enum status status = stream_words(reading, BLOCK_STREAM_QUALITY, &words);
    return status < 0 ? status : narrow_u32(reading, words, &batch->qualities);
}

static enum status read_revisions(const struct block_reading *reading, struct batch *batch)
{
    enum status status = stream_column(reading, BLOCK_STREAM_CLOCK, &batch->clocks, &batch->clock);
    if (status < 0) return status;

    const uint64_t *words;
    uint64_t generation = 0;
    status = stream_column(reading, BLOCK_STREAM_GENERATION, &words, &generation);
    if (status < 0) return status;
    if (words) return narrow_u32(reading, words, &batch->generations);
    batch->generation = (uint32_t)generation;
    return generation <= UINT32_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_origins(const struct block_reading *reading, struct batch *batch)
{
    uint64_t header_origin = reading->header->origin;
    batch->origin = header_origin;
    enum status status =
        stream_column(reading, BLOCK_STREAM_ORIGIN, &batch->origins, &batch->origin);
    if (status < 0) return status;
    uint64_t first = batch->origins ? batch->origins[0] : batch->origin;
    return first == header_origin ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_kinds(const struct block_reading *reading, struct batch *batch)
{
    const uint64_t *words;
    uint64_t kind = ENTRY_COLLECTED;
    enum status status = stream_column(reading, BLOCK_STREAM_KIND, &words, &kind);
    if (status < 0) return status;
    if (words) return narrow_u8(reading, words, &batch->kinds);
    batch->kind = (uint8_t)kind;
    return kind <= UINT8_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_notes(const struct block_reading *reading, struct batch *batch)
{
    if (reading->streams[BLOCK_STREAM_NOTE].codec == CODEC_ABSENT) return STATUS_OK;
    const uint64_t *words;
    enum status status = stream_texts(reading, BLOCK_STREAM_NOTE, &words);
    if (status < 0) return status;
    const struct text_value **notes =
        arena_take_raw(reading->arena, reading->count * sizeof *notes);
    if (!notes) return STATUS_NO_MEMORY;
    for (size_t i = 0; i < reading->count; i++) notes[i] = value_text(words[i]);
    batch->notes = notes;
    return STATUS_OK;
}

size_t block_decode_bytes_max(const struct block_header *header)
{
    /* Each stream at most as words and narrowed; the payload at most as text that LZ4 packed best,
     * unpacked, then taken apart. Twice, for what an arena leaves unused at the ends of its
     * chunks. */
    size_t room = bytes_align(header->sample_count, CODEC_TARGET_MULTIPLE);
    size_t bytes = room * 2 * sizeof(uint64_t) * BLOCK_STREAM_COUNT;
    if (header->type == VALUE_TEXT || header->codecs[BLOCK_STREAM_NOTE] != CODEC_ABSENT) {
        size_t texts = (size_t)header->payload_bytes * 256;
        size_t texts_max =
            2 * (size_t)header->sample_count * text_value_bytes(TEXT_VALUE_BYTES_MAX);
        bytes += 2 * (texts < texts_max ? texts : texts_max) + 2 * room * sizeof(uint32_t);
    }
    return 2 * bytes + (16 << 10);
}

enum status block_decode(const uint8_t *bytes, size_t size, struct arena *arena,
                         struct batch *out_batch)
{
    ASSERT((uintptr_t)bytes % BLOCK_ALIGNMENT == 0);
    const struct block_header *header = (const struct block_header *)(const void *)bytes;
    if (size < sizeof *header || !block_header_is_valid(header)) return STATUS_CORRUPT;
    if (header->payload_bytes > size - BLOCK_PAYLOAD_OFFSET) return STATUS_CORRUPT;
    struct block_reading reading = {
        .header = header,
        .count = header->sample_count,
        .arena = arena,
    };
    if (!streams_find(reading.streams, bytes, header)) return STATUS_CORRUPT;

    static enum status (*const readers[])(const struct block_reading *, struct batch *) = {
        read_times,   read_values, read_qualities, read_revisions,
        read_origins, read_kinds,  read_notes,
    };
    struct batch batch = {.sample_count = header->sample_count, .type = header->type};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        enum status status = readers[i](&reading, &batch);
        if (status < 0) return status;
    }
    if (!block_entries_are_valid((enum block_kind)header->kind, &batch)) return STATUS_CORRUPT;
    *out_batch = batch;
    return STATUS_OK;
}
