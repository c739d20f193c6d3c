#include "storage/mixed_block.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/block_format.h"
#include "storage/block_rules.h"
#include "storage/stream.h"

/* Times that several tags share are written once. */
struct timelines {
    const int64_t **firsts; /* where the times of each lie, in the samples */
    uint64_t *lengths;
    size_t count;
    uint16_t *slots; /* by hash: number of a timeline + 1; 0: free */
    size_t slot_mask;
    uint64_t *words; /* the timeline of each tag */
    uint64_t *times;
    size_t time_count;
};

struct mixed_plan {
    const struct mixed_entry *entries;
    size_t tag_count;
    const struct batch *samples;
    struct arena *scratch;
    struct timelines timelines;
    struct stream_plan streams[MIXED_STREAM_COUNT];
};

/* Without words all of them are word; they need no room then. */
static enum status plan_words(struct mixed_plan *plan, enum mixed_stream stream,
                              const uint64_t *words, uint64_t word, size_t count)
{
    struct stream_wish wish = {.type = mixed_stream_type(stream)};
    uint8_t *room = NULL;
    if (words) {
        room = arena_take_raw(plan->scratch, codec_bytes_max(count));
        if (!room) return STATUS_NO_MEMORY;
    }
    (void)stream_plan_words(&plan->streams[stream], room, words, word, count, &wish);
    return STATUS_OK;
}

static bool timeline_is(const struct timelines *timelines, size_t number, const int64_t *times_ns,
                        size_t count)
{
    return timelines->lengths[number] == count &&
           memcmp(timelines->firsts[number], times_ns, count * sizeof *times_ns) == 0;
}

static size_t timeline_add(struct timelines *timelines, const int64_t *times_ns, size_t count)
{
    size_t number = timelines->count++;
    timelines->firsts[number] = times_ns;
    timelines->lengths[number] = count;
    memcpy(timelines->times + timelines->time_count, times_ns, count * sizeof *times_ns);
    timelines->time_count += count;
    return number;
}

/* The timeline with these times; made when there is none. */
static size_t timeline_enter(struct timelines *timelines, const int64_t *times_ns, size_t count)
{
    size_t slot = hash64(times_ns, count * sizeof *times_ns) & timelines->slot_mask;
    while (timelines->slots[slot] != 0) {
        size_t number = timelines->slots[slot] - 1u;
        if (timeline_is(timelines, number, times_ns, count)) return number;
        slot = (slot + 1) & timelines->slot_mask;
    }
    size_t number = timeline_add(timelines, times_ns, count);
    timelines->slots[slot] = (uint16_t)(number + 1);
    return number;
}

static bool timelines_take(struct timelines *timelines, struct arena *scratch, size_t tag_count,
                           size_t sample_count)
{
    size_t slots = 64;
    while (slots < 2 * tag_count) slots *= 2;
    timelines->slot_mask = slots - 1;
    timelines->slots = arena_take(scratch, slots * sizeof *timelines->slots);
    timelines->firsts = arena_take_raw(scratch, tag_count * sizeof *timelines->firsts);
    timelines->lengths = arena_take_raw(scratch, tag_count * sizeof *timelines->lengths);
    timelines->words = arena_take_raw(scratch, tag_count * sizeof *timelines->words);
    timelines->times = arena_take_raw(scratch, sample_count * sizeof *timelines->times);
    return timelines->slots && timelines->firsts && timelines->lengths && timelines->words &&
           timelines->times;
}

/* Mostly a tag has the times of the one before: they were scanned together. */
static enum status plan_times(struct mixed_plan *plan)
{
    struct timelines *timelines = &plan->timelines;
    size_t sample_count = plan->samples->sample_count;
    if (!timelines_take(timelines, plan->scratch, plan->tag_count, sample_count)) {
        return STATUS_NO_MEMORY;
    }
    const int64_t *times_ns = plan->samples->times_ns;
    size_t number = 0;
    for (size_t i = 0; i < plan->tag_count; i++) {
        size_t count = plan->entries[i].sample_count;
        bool is_same = i > 0 && timeline_is(timelines, number, times_ns, count);
        if (!is_same) number = timeline_enter(timelines, times_ns, count);
        timelines->words[i] = number;
        times_ns += count;
    }
    enum status status =
        plan_words(plan, MIXED_STREAM_TIMELINE, timelines->words, 0, plan->tag_count);
    if (status < 0) return status;
    stream_plan_default(&plan->streams[MIXED_STREAM_TIMELINE], 0);
    status = plan_words(plan, MIXED_STREAM_LENGTH, timelines->lengths, 0, timelines->count);
    if (status < 0) return status;
    return plan_words(plan, MIXED_STREAM_TIME, timelines->times, 0, timelines->time_count);
}

/* The values of the tags of one type, in the order of the tags. */
static size_t values_of_type(const struct mixed_plan *plan, uint8_t type, uint64_t *target)
{
    const struct batch *samples = plan->samples;
    size_t count = 0, first = 0;
    for (size_t i = 0; i < plan->tag_count; i++) {
        size_t tag_samples = plan->entries[i].sample_count;
        if (samples->types[first] == type) {
            memcpy(target + count, samples->values + first, tag_samples * sizeof *target);
            count += tag_samples;
        }
        first += tag_samples;
    }
    return count;
}

static enum mixed_stream value_stream(uint8_t type)
{
    return (enum mixed_stream)(MIXED_STREAM_VALUE + type - VALUE_F64);
}

static enum status plan_values(struct mixed_plan *plan)
{
    const struct batch *samples = plan->samples;
    size_t sample_count = samples->sample_count;
    enum status status;
    if (!samples->types) {
        status = plan_words(plan, MIXED_STREAM_TYPE, NULL, samples->type, plan->tag_count);
        if (status < 0) return status;
        return plan_words(plan, value_stream(samples->type), samples->values, 0, sample_count);
    }
    uint64_t *types = arena_take_raw(plan->scratch, plan->tag_count * sizeof *types);
    uint64_t *values = arena_take_raw(plan->scratch, sample_count * sizeof *values);
    if (!types || !values) return STATUS_NO_MEMORY;
    size_t first = 0;
    for (size_t i = 0; i < plan->tag_count; i++) {
        types[i] = samples->types[first];
        first += plan->entries[i].sample_count;
    }
    status = plan_words(plan, MIXED_STREAM_TYPE, types, 0, plan->tag_count);
    if (status < 0) return status;
    for (unsigned type = VALUE_F64; type < VALUE_TEXT; type++) {
        size_t count = values_of_type(plan, (uint8_t)type, values);
        if (count == 0) continue;
        status = plan_words(plan, value_stream((uint8_t)type), values, 0, count);
        if (status < 0) return status;
        values += count;
    }
    return STATUS_OK;
}

static enum status plan_widened(struct mixed_plan *plan, enum mixed_stream stream,
                                const uint32_t *column, uint32_t number)
{
    size_t count = plan->samples->sample_count;
    uint64_t *words = NULL;
    if (column) {
        words = arena_take_raw(plan->scratch, count * sizeof *words);
        if (!words) return STATUS_NO_MEMORY;
        for (size_t i = 0; i < count; i++) words[i] = column[i];
    }
    enum status status = plan_words(plan, stream, words, number, count);
    if (status == STATUS_OK) stream_plan_default(&plan->streams[stream], 0);
    return status;
}

static enum status plan_columns(struct mixed_plan *plan)
{
    const struct batch *samples = plan->samples;
    struct stream_plan *streams = plan->streams;
    size_t count = samples->sample_count;
    enum status status =
        plan_words(plan, MIXED_STREAM_CLOCK, samples->clocks, samples->clock, count);
    if (status < 0) return status;
    stream_plan_default(&streams[MIXED_STREAM_CLOCK], 0);
    status = plan_words(plan, MIXED_STREAM_ORIGIN, samples->origins, samples->origin, count);
    if (status < 0) return status;
    stream_plan_default(&streams[MIXED_STREAM_ORIGIN], streams[MIXED_STREAM_ORIGIN].word);
    status = plan_widened(plan, MIXED_STREAM_QUALITY, samples->qualities, 0);
    if (status < 0) return status;
    return plan_widened(plan, MIXED_STREAM_GENERATION, samples->generations, samples->generation);
}

static enum status plan_streams(struct mixed_plan *plan)
{
    enum status status = plan_times(plan);
    if (status == STATUS_OK) status = plan_values(plan);
    if (status == STATUS_OK) status = plan_columns(plan);
    if (status < 0) return status;
    uint64_t *identities = arena_take_raw(plan->scratch, plan->tag_count * sizeof(struct identity));
    if (!identities) return STATUS_NO_MEMORY;
    for (size_t i = 0; i < plan->tag_count; i++) {
        identities[2 * i] = plan->entries[i].identity.low;
        identities[2 * i + 1] = plan->entries[i].identity.high;
    }
    plan->streams[MIXED_STREAM_IDENTITY] = (struct stream_plan){
        .codec = CODEC_RAW,
        .encoded = (const uint8_t *)identities,
        .bytes = plan->tag_count * sizeof(struct identity),
    };
    return STATUS_OK;
}

static struct mixed_header plan_header(const struct mixed_plan *plan)
{
    const struct batch *samples = plan->samples;
    struct mixed_header header = {
        .magic = MIXED_MAGIC,
        .payload_bytes = (uint32_t)streams_bytes(plan->streams, MIXED_STREAM_COUNT),
        .identity = plan->entries[0].identity,
        .origin = samples->origins ? samples->origins[0] : samples->origin,
        .sample_count = (uint16_t)samples->sample_count,
        .time_count = (uint16_t)plan->timelines.time_count,
        .tag_count = (uint16_t)plan->tag_count,
        .timeline_count = (uint16_t)plan->timelines.count,
    };
    for (size_t i = 0; i < MIXED_STREAM_COUNT; i++) header.codecs[i] = plan->streams[i].codec;
    return header;
}

static bool all_are_collected(const struct batch *samples)
{
    for (size_t i = 0; i < samples->sample_count; i++) {
        if (samples->kinds && samples->kinds[i] != ENTRY_COLLECTED) return false;
        if (samples->notes && samples->notes[i]) return false;
        if (!samples->kinds && !samples->notes) break;
    }
    return samples->kinds || samples->kind == ENTRY_COLLECTED;
}

enum status mixed_block_encode(struct buffer *target, const struct mixed_entry *entries,
                               size_t tag_count, const struct batch *samples, struct arena *scratch,
                               struct error *error)
{
    ASSERT(tag_count >= 1 && tag_count <= samples->sample_count);
    ASSERT(samples->sample_count <= CODEC_VALUES_MAX && samples->times_ns);
    ASSERT(all_are_collected(samples)); /* M4 */
    arena_reset(scratch);
    struct mixed_plan plan = {
        .entries = entries, .tag_count = tag_count, .samples = samples, .scratch = scratch};
    enum status status = plan_streams(&plan);
    if (status < 0) return error_set(error, status, "a block of %zu tags", tag_count);

    struct mixed_header header = plan_header(&plan);
    ASSERT(mixed_header_is_valid(&header));
    size_t bytes = MIXED_PAYLOAD_OFFSET + header.payload_bytes;
    uint8_t *place = buffer_reserve(target, bytes, error);
    if (!place) return error->status;
    streams_write(place + MIXED_PAYLOAD_OFFSET, plan.streams, MIXED_STREAM_COUNT);
    memcpy(place, &header, sizeof header);
    bytes_put_u64(place + offsetof(struct mixed_header, checksum), block_checksum(place, bytes));
    target->size_bytes += bytes;
    return STATUS_OK;
}

bool mixed_block_is_intact(const uint8_t *bytes, size_t size)
{
    struct mixed_header header;
    if (size < sizeof header) return false;
    memcpy(&header, bytes, sizeof header);
    if (!mixed_header_is_valid(&header)) return false;
    if (header.payload_bytes > size - MIXED_PAYLOAD_OFFSET) return false;
    return block_checksum(bytes, MIXED_PAYLOAD_OFFSET + header.payload_bytes) == header.checksum;
}
