#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/block.h"
#include "storage/block_rules.h"
#include "storage/stream.h"

/* A block on its way out. */
struct block_reading {
    const struct block_header *header;
    struct stream streams[BLOCK_STREAM_COUNT];
    size_t count;
    struct arena *arena; /* borrowed */
};

/* The words of one stream; see stream.h. */
static enum status block_words(const struct block_reading *reading, enum block_stream index,
                               const uint64_t **out_words)
{
    enum value_type type = block_stream_type(reading->header, index);
    return stream_words(&reading->streams[index], type, reading->count, reading->arena, out_words);
}

static enum status block_column(const struct block_reading *reading, enum block_stream index,
                                const uint64_t **out_words, uint64_t *word)
{
    return stream_column(&reading->streams[index], reading->count, reading->arena, out_words, word);
}

static enum status block_texts(const struct block_reading *reading, enum block_stream index,
                               const uint64_t **out_words)
{
    return stream_texts(&reading->streams[index], reading->count, reading->arena, out_words);
}

static enum status read_times(const struct block_reading *reading, struct batch *batch)
{
    const uint64_t *words;
    enum status status = block_words(reading, BLOCK_STREAM_TIME, &words);
    if (status < 0) return status;
    batch->times_ns = (const int64_t *)words;
    return batch->times_ns[0] == reading->header->first_time_ns ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_values(const struct block_reading *reading, struct batch *batch)
{
    if (batch->type == VALUE_TEXT) {
        return block_texts(reading, BLOCK_STREAM_VALUE, &batch->values);
    }
    return block_words(reading, BLOCK_STREAM_VALUE, &batch->values);
}

/* A batch has no place for one quality other than good beside the column. */
static enum status read_qualities(const struct block_reading *reading, struct batch *batch)
{
    if (reading->streams[BLOCK_STREAM_QUALITY].codec == CODEC_ABSENT) return STATUS_OK;
    const uint64_t *words;
    enum status status = block_words(reading, BLOCK_STREAM_QUALITY, &words);
    return status < 0 ? status
                      : stream_narrow_u32(words, reading->count, reading->arena, &batch->qualities);
}

static enum status read_revisions(const struct block_reading *reading, struct batch *batch)
{
    enum status status = block_column(reading, BLOCK_STREAM_CLOCK, &batch->clocks, &batch->clock);
    if (status < 0) return status;

    const uint64_t *words;
    uint64_t generation = 0;
    status = block_column(reading, BLOCK_STREAM_GENERATION, &words, &generation);
    if (status < 0) return status;
    if (words) return stream_narrow_u32(words, reading->count, reading->arena, &batch->generations);
    batch->generation = (uint32_t)generation;
    return generation <= UINT32_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_origins(const struct block_reading *reading, struct batch *batch)
{
    uint64_t header_origin = reading->header->origin;
    batch->origin = header_origin;
    enum status status =
        block_column(reading, BLOCK_STREAM_ORIGIN, &batch->origins, &batch->origin);
    if (status < 0) return status;
    uint64_t first = batch->origins ? batch->origins[0] : batch->origin;
    return first == header_origin ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_kinds(const struct block_reading *reading, struct batch *batch)
{
    const uint64_t *words;
    uint64_t kind = ENTRY_COLLECTED;
    enum status status = block_column(reading, BLOCK_STREAM_KIND, &words, &kind);
    if (status < 0) return status;
    if (words) return stream_narrow_u8(words, reading->count, reading->arena, &batch->kinds);
    batch->kind = (uint8_t)kind;
    return kind <= UINT8_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_notes(const struct block_reading *reading, struct batch *batch)
{
    if (reading->streams[BLOCK_STREAM_NOTE].codec == CODEC_ABSENT) return STATUS_OK;
    const uint64_t *words;
    enum status status = block_texts(reading, BLOCK_STREAM_NOTE, &words);
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
    bool whole = streams_find(reading.streams, header->codecs, BLOCK_STREAM_COUNT,
                              bytes + BLOCK_PAYLOAD_OFFSET, header->payload_bytes);
    if (!whole) return STATUS_CORRUPT;

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
