#include "storage/base/assert.h"
#include "storage/block_rules.h"
#include "storage/mixed_block.h"
#include "storage/stream.h"

/* A block on its way out: all of it, or what one tag has. */
struct mixed_reading {
    const struct mixed_header *header;
    struct stream streams[MIXED_STREAM_COUNT];
    struct arena *arena; /* borrowed */
    struct mixed_block *block;
    struct mixed_tag *tags;
    const uint64_t *lengths; /* of the timelines */
    uint32_t *firsts;        /* where each begins */
    size_t value_counts[MIXED_TYPES];
};

/* What is wanted of a stream. */
struct window {
    size_t first;
    size_t count;
};

static enum status reading_window(const struct mixed_reading *reading, enum mixed_stream stream,
                                  size_t count, struct window window, const uint64_t **out_words)
{
    struct stream_range range = {.first = window.first, .count = window.count};
    return stream_words_range(&reading->streams[stream], mixed_stream_type(stream), count, range,
                              reading->arena, out_words);
}

static enum status reading_words(const struct mixed_reading *reading, enum mixed_stream stream,
                                 size_t count, const uint64_t **out_words)
{
    return reading_window(reading, stream, count, (struct window){0, count}, out_words);
}

/* NULL words: all are *word, which holds the default before. */
static enum status reading_column(const struct mixed_reading *reading, enum mixed_stream stream,
                                  size_t count, struct window window, const uint64_t **out_words,
                                  uint64_t *word)
{
    const struct stream *found = &reading->streams[stream];
    bool is_one = found->codec == CODEC_ABSENT || found->codec == CODEC_CONSTANT;
    if (is_one) return stream_column(found, count, reading->arena, out_words, word);
    return reading_window(reading, stream, count, window, out_words);
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

static enum status read_timelines(struct mixed_reading *reading)
{
    size_t count = reading->header->timeline_count, time_count = reading->header->time_count;
    enum status status = reading_words(reading, MIXED_STREAM_LENGTH, count, &reading->lengths);
    if (status < 0) return status;
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
static enum status read_tags(struct mixed_reading *reading)
{
    const struct mixed_header *header = reading->header;
    size_t count = header->tag_count, sample_count = 0;
    const uint64_t *types, *numbers;
    uint64_t type = 0, number = 0;
    struct window all = {0, count};
    enum status status = reading_column(reading, MIXED_STREAM_TYPE, count, all, &types, &type);
    if (status < 0) return status;
    status = reading_column(reading, MIXED_STREAM_TIMELINE, count, all, &numbers, &number);
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
            .first_value = (uint32_t)reading->value_counts[type - VALUE_F64],
            .type = (uint8_t)type,
        };
        sample_count += length;
        reading->value_counts[type - VALUE_F64] += length;
    }
    reading->block->tags = reading->tags = tags;
    return sample_count == header->sample_count ? STATUS_OK : STATUS_CORRUPT;
}

/* M6 */
static bool values_are_there(const struct mixed_reading *reading)
{
    for (unsigned i = 0; i < MIXED_TYPES; i++) {
        bool is_there = reading->streams[MIXED_STREAM_VALUE + i].codec != CODEC_ABSENT;
        if (is_there != (reading->value_counts[i] > 0)) return false;
    }
    return true;
}

/* What lies beside every time and value, of a window of samples. */
static enum status read_columns(const struct mixed_reading *reading, struct window window,
                                struct batch *columns)
{
    size_t all = reading->header->sample_count, count = window.count;
    struct arena *arena = reading->arena;
    const uint64_t *words;
    uint64_t generation = 0;
    columns->origin = reading->header->origin;
    enum status status =
        reading_column(reading, MIXED_STREAM_CLOCK, all, window, &columns->clocks, &columns->clock);
    if (status < 0) return status;
    status = reading_column(reading, MIXED_STREAM_ORIGIN, all, window, &columns->origins,
                            &columns->origin);
    if (status < 0) return status;
    if (reading->streams[MIXED_STREAM_QUALITY].codec != CODEC_ABSENT) {
        status = reading_window(reading, MIXED_STREAM_QUALITY, all, window, &words);
        if (status == STATUS_OK) {
            status = stream_narrow_u32(words, count, arena, &columns->qualities);
        }
        if (status < 0) return status;
    }
    status = reading_column(reading, MIXED_STREAM_GENERATION, all, window, &words, &generation);
    if (status < 0) return status;
    if (words) return stream_narrow_u32(words, count, arena, &columns->generations);
    columns->generation = (uint32_t)generation;
    return generation <= UINT32_MAX ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_all(struct mixed_reading *reading)
{
    const struct mixed_header *header = reading->header;
    struct mixed_block *block = reading->block;
    const uint64_t *words;
    enum status status = reading_words(reading, MIXED_STREAM_TIME, header->time_count, &words);
    if (status < 0) return status;
    block->times_ns = (const int64_t *)words;
    for (unsigned i = 0; i < MIXED_TYPES; i++) {
        if (reading->value_counts[i] == 0) continue;
        status = reading_words(reading, (enum mixed_stream)(MIXED_STREAM_VALUE + i),
                               reading->value_counts[i], &block->values[i]);
        if (status < 0) return status;
    }
    struct batch *columns = &block->columns;
    status = read_columns(reading, (struct window){0, header->sample_count}, columns);
    if (status < 0) return status;
    uint64_t first = columns->origins ? columns->origins[0] : columns->origin;
    return first == header->origin ? STATUS_OK : STATUS_CORRUPT;
}

static enum status read_one(struct mixed_reading *reading, size_t index, struct batch *out_batch)
{
    const struct mixed_tag *tag = &reading->tags[index];
    struct batch batch = {
        .sample_count = tag->sample_count, .type = tag->type, .kind = ENTRY_COLLECTED};
    unsigned type = tag->type - VALUE_F64;
    struct window times = {tag->first_time, tag->sample_count};
    struct window values = {tag->first_value, tag->sample_count};
    struct window samples = {tag->first_sample, tag->sample_count};
    const uint64_t *words;
    enum status status =
        reading_window(reading, MIXED_STREAM_TIME, reading->header->time_count, times, &words);
    if (status < 0) return status;
    batch.times_ns = (const int64_t *)words;
    status = reading_window(reading, (enum mixed_stream)(MIXED_STREAM_VALUE + type),
                            reading->value_counts[type], values, &batch.values);
    if (status == STATUS_OK) status = read_columns(reading, samples, &batch);
    if (status < 0) return status;
    if (!block_entries_are_valid(BLOCK_MAIN, &batch)) return STATUS_CORRUPT;
    *out_batch = batch;
    return STATUS_OK;
}

static bool entries_are_valid(const struct mixed_block *block)
{
    for (size_t i = 0; i < block->tag_count; i++) {
        struct batch batch = mixed_block_batch(block, i);
        if (!block_entries_are_valid(BLOCK_MAIN, &batch)) return false;
    }
    return true;
}

/* Which tags there are, and where their columns begin. */
static enum status reading_begin(struct mixed_reading *reading, struct mixed_block *block,
                                 const uint8_t *bytes, size_t size, struct arena *arena)
{
    ASSERT((uintptr_t)bytes % STREAM_ALIGNMENT == 0);
    const struct mixed_header *header = (const struct mixed_header *)(const void *)bytes;
    if (size < sizeof *header || !mixed_header_is_valid(header)) return STATUS_CORRUPT;
    if (header->payload_bytes > size - MIXED_PAYLOAD_OFFSET) return STATUS_CORRUPT;
    *block = (struct mixed_block){
        .tag_count = header->tag_count,
        .columns = {.sample_count = header->sample_count, .kind = ENTRY_COLLECTED},
    };
    *reading = (struct mixed_reading){.header = header, .arena = arena, .block = block};
    bool whole = streams_find(reading->streams, header->codecs, MIXED_STREAM_COUNT,
                              bytes + MIXED_PAYLOAD_OFFSET, header->payload_bytes);
    if (!whole) return STATUS_CORRUPT;
    enum status status = read_identities(reading);
    if (status == STATUS_OK) status = read_timelines(reading);
    if (status == STATUS_OK) status = read_tags(reading);
    if (status < 0) return status;
    return values_are_there(reading) ? STATUS_OK : STATUS_CORRUPT;
}

enum status mixed_block_decode(const uint8_t *bytes, size_t size, struct arena *arena,
                               struct mixed_block *out_block)
{
    struct mixed_reading reading;
    struct mixed_block block;
    enum status status = reading_begin(&reading, &block, bytes, size, arena);
    if (status == STATUS_OK) status = read_all(&reading);
    if (status < 0) return status;
    if (!entries_are_valid(&block)) return STATUS_CORRUPT;
    *out_block = block;
    return STATUS_OK;
}

enum status mixed_block_decode_tag(const uint8_t *bytes, size_t size, struct identity identity,
                                   struct arena *arena, struct batch *out_batch)
{
    struct mixed_reading reading;
    struct mixed_block block;
    enum status status = reading_begin(&reading, &block, bytes, size, arena);
    if (status < 0) return status;
    size_t index;
    if (!mixed_block_find(&block, identity, &index)) return STATUS_NOT_FOUND;
    return read_one(&reading, index, out_batch);
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
