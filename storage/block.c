#include "storage/block.h"

#include <stdlib.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/block_rules.h"
#include "storage/stream.h"

struct block_plan {
    const struct batch *batch;
    struct stream_plan streams[BLOCK_STREAM_COUNT];
    uint64_t *words; /* owned; room of the columns that follow */
    const uint64_t *qualities;
    const uint64_t *generations;
    const uint64_t *kinds;
    const uint64_t *notes;
    uint8_t *texts;   /* owned; encoded texts */
    uint8_t *encoded; /* owned; encoded words */
};

/* Texts are encoded at once, since only that tells their size. Returns the place behind them. */
static uint8_t *plan_texts(struct stream_plan *plan, uint8_t *target, const uint64_t *texts,
                           size_t count)
{
    enum codec_id codec;
    size_t bytes = text_codec_encode(target, texts, count, &codec);
    *plan = (struct stream_plan){.codec = (uint8_t)codec, .encoded = target, .bytes = bytes};
    return target + bytes;
}

/* A column of notes may hold none. */
static bool has_notes(const struct batch *batch)
{
    for (size_t i = 0; batch->notes && i < batch->sample_count; i++) {
        if (batch->notes[i]) return true;
    }
    return false;
}

static const uint64_t *widen_notes(uint64_t **next, const struct text_value *const *notes,
                                   size_t count)
{
    uint64_t *words = *next;
    for (size_t i = 0; i < count; i++) words[i] = value_from_text(notes[i]);
    *next += count;
    return words;
}

static const uint64_t *widen_u32(uint64_t **next, const uint32_t *column, size_t count)
{
    if (!column) return NULL;
    uint64_t *words = *next;
    for (size_t i = 0; i < count; i++) words[i] = column[i];
    *next += count;
    return words;
}

static const uint64_t *widen_u8(uint64_t **next, const uint8_t *column, size_t count)
{
    if (!column) return NULL;
    uint64_t *words = *next;
    for (size_t i = 0; i < count; i++) words[i] = column[i];
    *next += count;
    return words;
}

static enum status plan_all_texts(struct block_plan *plan, struct error *error)
{
    const struct batch *batch = plan->batch;
    size_t count = batch->sample_count;
    bool has_texts = batch_type(batch, 0) == VALUE_TEXT;
    size_t bytes_max = has_texts ? text_codec_bytes_max(batch->values, count) : 0;
    if (plan->notes) bytes_max += text_codec_bytes_max(plan->notes, count);
    if (bytes_max == 0) return STATUS_OK;
    if (!(plan->texts = malloc(bytes_max))) {
        return error_set(error, STATUS_NO_MEMORY, "texts of a block");
    }
    uint8_t *next = plan->texts;
    if (has_texts) {
        next = plan_texts(&plan->streams[BLOCK_STREAM_VALUE], next, batch->values, count);
    }
    if (plan->notes) (void)plan_texts(&plan->streams[BLOCK_STREAM_NOTE], next, plan->notes, count);
    return STATUS_OK;
}

/* Columns narrower than words; those that are not there stay NULL. */
static enum status plan_widen(struct block_plan *plan, struct error *error)
{
    const struct batch *batch = plan->batch;
    size_t count = batch->sample_count;
    bool notes_exist = has_notes(batch);
    size_t columns = (batch->qualities ? 1u : 0u) + (batch->generations ? 1u : 0u) +
                     (batch->kinds ? 1u : 0u) + (notes_exist ? 1u : 0u);
    if (columns == 0) return STATUS_OK;
    plan->words = malloc(columns * count * sizeof *plan->words);
    if (!plan->words) return error_set(error, STATUS_NO_MEMORY, "columns of a block");

    uint64_t *next = plan->words;
    plan->qualities = widen_u32(&next, batch->qualities, count);
    plan->generations = widen_u32(&next, batch->generations, count);
    plan->kinds = widen_u8(&next, batch->kinds, count);
    if (notes_exist) plan->notes = widen_notes(&next, batch->notes, count);
    return STATUS_OK;
}

/* Columns that are there; one of values always is. */
static size_t plan_column_count(const struct block_plan *plan)
{
    const struct batch *batch = plan->batch;
    return 1u + (batch->times_ns ? 1u : 0u) + (plan->qualities ? 1u : 0u) +
           (batch->clocks ? 1u : 0u) + (plan->generations ? 1u : 0u) + (batch->origins ? 1u : 0u) +
           (plan->kinds ? 1u : 0u);
}

static enum status plan_all_words(struct block_plan *plan, const struct stream_wish *wish,
                                  struct error *error)
{
    const struct batch *batch = plan->batch;
    size_t count = batch->sample_count;
    uint8_t *next = malloc(plan_column_count(plan) * codec_bytes_max(count));
    if (!next) return error_set(error, STATUS_NO_MEMORY, "streams of a block");
    plan->encoded = next;
    struct stream_plan *streams = plan->streams;
    struct stream_wish plain = {.type = VALUE_I64, .class = wish->class};
    next = stream_plan_words(&streams[BLOCK_STREAM_TIME], next, (const uint64_t *)batch->times_ns,
                             (uint64_t)batch->time_ns, count, &plain);
    if (wish->type != VALUE_TEXT) {
        next = stream_plan_words(&streams[BLOCK_STREAM_VALUE], next, batch->values, 0, count, wish);
    }
    next =
        stream_plan_words(&streams[BLOCK_STREAM_QUALITY], next, plan->qualities, 0, count, &plain);
    next = stream_plan_words(&streams[BLOCK_STREAM_CLOCK], next, batch->clocks, batch->clock, count,
                             &plain);
    next = stream_plan_words(&streams[BLOCK_STREAM_GENERATION], next, plan->generations,
                             batch->generation, count, &plain);
    next = stream_plan_words(&streams[BLOCK_STREAM_ORIGIN], next, batch->origins, batch->origin,
                             count, &plain);
    (void)stream_plan_words(&streams[BLOCK_STREAM_KIND], next, plan->kinds, batch->kind, count,
                            &plain);
    stream_plan_default(&streams[BLOCK_STREAM_QUALITY], 0);
    stream_plan_default(&streams[BLOCK_STREAM_CLOCK], 0);
    stream_plan_default(&streams[BLOCK_STREAM_GENERATION], 0);
    stream_plan_default(&streams[BLOCK_STREAM_ORIGIN], streams[BLOCK_STREAM_ORIGIN].word);
    stream_plan_default(&streams[BLOCK_STREAM_KIND], ENTRY_COLLECTED);
    return STATUS_OK;
}

static enum status block_plan_init(struct block_plan *plan, const struct batch *batch,
                                   struct codec_hint *hint, enum codec_class class,
                                   struct error *error)
{
    *plan = (struct block_plan){.batch = batch};
    enum status status = plan_widen(plan, error);
    if (status < 0) return status;
    struct stream_wish wish = {
        .type = (enum value_type)batch_type(batch, 0),
        .hint = hint,
        .class = class,
    };
    status = plan_all_words(plan, &wish, error);
    return status < 0 ? status : plan_all_texts(plan, error);
}

static void block_plan_finish(struct block_plan *plan)
{
    free(plan->words);
    free(plan->texts);
    free(plan->encoded);
}

/* The header but for payload and checksum. */
static struct block_header plan_header(const struct block_plan *plan, struct identity identity,
                                       enum block_kind kind)
{
    const struct batch *batch = plan->batch;
    struct block_header header = {
        .magic = BLOCK_MAGIC,
        .identity = identity,
        .origin = batch->origins ? batch->origins[0] : batch->origin,
        .first_time_ns = batch_time_ns(batch, 0),
        .sample_count = (uint16_t)batch->sample_count,
        .type = batch_type(batch, 0),
        .kind = (uint8_t)kind,
    };
    for (size_t i = 0; i < BLOCK_STREAM_COUNT; i++) header.codecs[i] = plan->streams[i].codec;
    return header;
}

static void block_write(uint8_t *target, const struct block_header *header,
                        const struct block_plan *plan)
{
    streams_write(target + BLOCK_PAYLOAD_OFFSET, plan->streams, BLOCK_STREAM_COUNT);
    memcpy(target, header, sizeof *header);
    uint64_t checksum = block_checksum(target, BLOCK_PAYLOAD_OFFSET + header->payload_bytes);
    bytes_put_u64(target + offsetof(struct block_header, checksum), checksum);
}

static enum status block_append(struct buffer *target, struct block_header *header,
                                const struct block_plan *plan, struct error *error)
{
    size_t bytes = BLOCK_PAYLOAD_OFFSET + streams_bytes(plan->streams, BLOCK_STREAM_COUNT);
    if (bytes > BLOCK_BYTES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "a block of %zu bytes; the most is %d", bytes,
                         BLOCK_BYTES_MAX);
    }
    header->payload_bytes = (uint32_t)(bytes - BLOCK_PAYLOAD_OFFSET);
    ASSERT(block_header_is_valid(header));
    uint8_t *place = buffer_reserve(target, bytes, error);
    if (!place) return error->status;
    block_write(place, header, plan);
    target->size_bytes += bytes;
    return STATUS_OK;
}

static bool has_one_type(const struct batch *batch)
{
    for (size_t i = 1; batch->types && i < batch->sample_count; i++) {
        if (batch->types[i] != batch->types[0]) return false;
    }
    return true;
}

enum status block_encode(struct buffer *target, struct identity identity, enum block_kind kind,
                         const struct batch *batch, struct codec_hint *hint, enum codec_class class,
                         struct error *error)
{
    ASSERT(batch->sample_count >= 1 && batch->sample_count <= CODEC_VALUES_MAX);
    ASSERT(!batch->tags && has_one_type(batch));
    ASSERT(block_entries_are_valid(kind, batch));
    struct block_plan plan;
    enum status status = block_plan_init(&plan, batch, hint, class, error);
    if (status == STATUS_OK) {
        struct block_header header = plan_header(&plan, identity, kind);
        status = block_append(target, &header, &plan, error);
    }
    block_plan_finish(&plan);
    return status;
}

bool block_is_intact(const uint8_t *bytes, size_t size)
{
    struct block_header header;
    if (size < sizeof header) return false;
    memcpy(&header, bytes, sizeof header);
    if (!block_header_is_valid(&header)) return false;
    if (header.payload_bytes > size - BLOCK_PAYLOAD_OFFSET) return false;
    return block_checksum(bytes, BLOCK_PAYLOAD_OFFSET + header.payload_bytes) == header.checksum;
}
