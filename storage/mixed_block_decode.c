#include "storage/base/assert.h"
#include "storage/block_rules.h"
#include "storage/mixed_block.h"
#include "storage/stream.h"

/* A block on its way out. */
struct mixed_reading {
    const struct mixed_header *header;
    struct stream streams[MIXED_STREAM_COUNT];
    struct arena *arena; /* borrowed */
    struct mixed_block *block;
    struct mixed_tag *tags;
    const uint64_t *lengths; /* of the timelines */
    uint32_t *firsts;        /* where each begins */
};

static enum status reading_words(const struct mixed_reading *reading, enum mixed_stream stream,
                                 size_t count, const uint64_t **out_words)
{
    return stream_words(&reading->streams[stream], mixed_stream_type(stream), count, reading->arena,
                        out_words);
}

static enum status reading_column(const struct mixed_reading *reading, enum mixed_stream stream,
                                  size_t count, const uint64_t **out_words, uint64_t *word)
{
    return stream_column(&reading->streams[stream], count, reading->arena, out_words, word);
}

static enum status read_identities(struct mixed_reading *reading)
{
    const uint64_t *words;
    size_t count = reading->header->tag_count;
    enum status status = reading_words(reading, MIXED_STREAM_IDENTITY, 2 * count, &words);
    if (status < 0) return status;
    const struct identity *identities = (const struct identity *)(const void *)words;
    reading->block->identities = identities;
    if (identity_compare(identities[0], reading->header->identity) != 0) return STATUS_CORRUPT;
    for (size_t i = 1; i < count; i++) {
        if (identity_compare(identities[i - 1], identities[i]) >= 0) return STATUS_CORRUPT; /* M2 */
    }
    return STATUS_OK;
}

static enum status read_times(struct mixed_reading *reading)
{
    size_t count = reading->header->timeline_count, time_count = reading->header->time_count;
    const uint64_t *words;
    enum status status = reading_words(reading, MIXED_STREAM_LENGTH, count, &reading->lengths);
    if (status == STATUS_OK) status = reading_words(reading, MIXED_STREAM_TIME, time_count, &words);
    if (status < 0) return status;
    reading->block->times_ns = (const int64_t *)words;
    reading->firsts = arena_take_raw(reading->arena, count * sizeof *reading->firsts);
    if (!reading->firsts) return STATUS_NO_MEMORY;
    size_t first = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t length = reading->lengths[i];
        if (length == 0 || length > time_count - first) return STATUS_CORRUPT; /* M3 */
        reading->firsts[i] = (uint32_t)first;
        first += length;
    }
    return first == time_count ? STATUS_OK : STATUS_CORRUPT;
}

/* Where the columns of each tag begin; counts the values of each type. */
static enum status read_tags(struct mixed_reading *reading, size_t value_counts[MIXED_TYPES])
{
    const struct mixed_header *header = reading->header;
    size_t count = header->tag_count, sample_count = 0;
    const uint64_t *types, *numbers;
    uint64_t type = 0, number = 0;
    enum status status = reading_column(reading, MIXED_STREAM_TYPE, count, &types, &type);
    if (status < 0) return status;
    status = reading_column(reading, MIXED_STREAM_TIMELINE, count, &numbers, &number);
    if (status < 0) return status;
    struct mixed_tag *tags = arena_take_raw(reading->arena, count * sizeof *tags);
    if (!tags) return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (types) type = types[i];
        if (numbers) number = numbers[i];
        if (type < VALUE_F64 || type >= VALUE_TEXT) return STATUS_CORRUPT; /* M4 */
        if (number >= header->timeline_count) return STATUS_CORRUPT;       /* M3 */
        size_t length = reading->lengths[number];
        if (length > header->sample_count - sample_count) return STATUS_CORRUPT;
        tags[i] = (struct mixed_tag){
            .first_sample = (uint32_t)sample_count,
            .sample_count = (uint32_t)length,
            .first_time = reading->firsts[number],
            .first_value = (uint32_t)value_counts[type - VALUE_F64],
            .type = (uint8_t)type,
        };
        sample_count += length;
        value_counts[type - VALUE_F64] += length;
    }
    reading->block->tags = reading->tags = tags;
    return sample_count == header->sample_count ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_values(struct mixed_reading *reading,
                               const size_t value_counts[MIXED_TYPES])
{
    for (unsigned i = 0; i < MIXED_TYPES; i++) {
        enum mixed_stream stream = (enum mixed_stream)(MIXED_STREAM_VALUE + i);
        bool is_there = reading->streams[stream].codec != CODEC_ABSENT;
        if (is_there != (value_counts[i] > 0)) return STATUS_CORRUPT; /* M6 */
        if (!is_there) continue;
        enum status status =
            reading_words(reading, stream, value_counts[i], &reading->block->values[i]);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status read_qualities(struct mixed_reading *reading)
{
    const uint64_t *words;
    size_t count = reading->header->sample_count;
    struct batch *columns = &reading->block->columns;
    if (reading->streams[MIXED_STREAM_QUALITY].codec == CODEC_ABSENT) return STATUS_OK;
    enum status status = reading_words(reading, MIXED_STREAM_QUALITY, count, &words);
    if (status < 0) return status;
    return stream_narrow_u32(words, count, reading->arena, &columns->qualities);
}

static enum status read_revisions(struct mixed_reading *reading)
{
    const uint64_t *words;
    size_t count = reading->header->sample_count;
    struct batch *columns = &reading->block->columns;
    uint64_t generation = 0;
    enum status status =
        reading_column(reading, MIXED_STREAM_CLOCK, count, &columns->clocks, &columns->clock);
    if (status < 0) return status;
    status = reading_column(reading, MIXED_STREAM_GENERATION, count, &words, &generation);
    if (status < 0) return status;
    if (words) return stream_narrow_u32(words, count, reading->arena, &columns->generations);
    columns->generation = (uint32_t)generation;
    return generation <= UINT32_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_origins(struct mixed_reading *reading)
{
    struct batch *columns = &reading->block->columns;
    uint64_t header_origin = reading->header->origin;
    columns->origin = header_origin;
    enum status status = reading_column(reading, MIXED_STREAM_ORIGIN, columns->sample_count,
                                        &columns->origins, &columns->origin);
    if (status < 0) return status;
    uint64_t first = columns->origins ? columns->origins[0] : columns->origin;
    return first == header_origin ? STATUS_OK : STATUS_CORRUPT;
}

static bool entries_are_valid(const struct mixed_block *block)
{
    for (size_t i = 0; i < block->tag_count; i++) {
        struct batch batch = mixed_block_batch(block, i);
        if (!block_entries_are_valid(BLOCK_MAIN, &batch)) return false;
    }
    return true;
}

enum status mixed_block_decode(const uint8_t *bytes, size_t size, struct arena *arena,
                               struct mixed_block *out_block)
{
    ASSERT((uintptr_t)bytes % STREAM_ALIGNMENT == 0);
    const struct mixed_header *header = (const struct mixed_header *)(const void *)bytes;
    if (size < sizeof *header || !mixed_header_is_valid(header)) return STATUS_CORRUPT;
    if (header->payload_bytes > size - MIXED_PAYLOAD_OFFSET) return STATUS_CORRUPT;
    struct mixed_block block = {
        .tag_count = header->tag_count,
        .columns = {.sample_count = header->sample_count, .kind = ENTRY_COLLECTED},
    };
    struct mixed_reading reading = {.header = header, .arena = arena, .block = &block};
    bool whole = streams_find(reading.streams, header->codecs, MIXED_STREAM_COUNT,
                              bytes + MIXED_PAYLOAD_OFFSET, header->payload_bytes);
    if (!whole) return STATUS_CORRUPT;

    size_t value_counts[MIXED_TYPES] = {0};
    enum status status = read_identities(&reading);
    if (status == STATUS_OK) status = read_times(&reading);
    if (status == STATUS_OK) status = read_tags(&reading, value_counts);
    if (status == STATUS_OK) status = read_values(&reading, value_counts);
    if (status == STATUS_OK) status = read_qualities(&reading);
    if (status == STATUS_OK) status = read_revisions(&reading);
    if (status == STATUS_OK) status = read_origins(&reading);
    if (status < 0) return status;
    if (!entries_are_valid(&block)) return STATUS_CORRUPT;
    *out_block = block;
    return STATUS_OK;
}

struct batch mixed_block_batch(const struct mixed_block *block, size_t index)
{
    const struct mixed_tag *tag = &block->tags[index];
    const struct batch *columns = &block->columns;
    size_t first = tag->first_sample;
    struct batch batch = *columns;
    batch.sample_count = tag->sample_count;
    batch.type = tag->type;
    batch.times_ns = block->times_ns + tag->first_time;
    batch.values = block->values[tag->type - VALUE_F64] + tag->first_value;
    if (columns->qualities) batch.qualities = columns->qualities + first;
    if (columns->clocks) batch.clocks = columns->clocks + first;
    if (columns->generations) batch.generations = columns->generations + first;
    if (columns->origins) batch.origins = columns->origins + first;
    return batch;
}

bool mixed_block_find(const struct mixed_block *block, struct identity identity, size_t *out_index)
{
    size_t low = 0, high = block->tag_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = identity_compare(block->identities[middle], identity);
        if (order == 0) {
            *out_index = middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}
