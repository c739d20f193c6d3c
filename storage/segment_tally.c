#include "storage/segment_tally.h"

#include "storage/base/assert.h"
#include "storage/codec.h"

/* So many nodes never shared a plant; and each of them is looked for one by one. */
enum { ORIGINS_MAX = 65536 };

static uint16_t good_count(const struct batch *batch)
{
    if (!batch->qualities) return (uint16_t)batch->sample_count;
    unsigned count = 0;
    for (size_t i = 0; i < batch->sample_count; i++) {
        count += quality_class(batch->qualities[i]) == QUALITY_GOOD;
    }
    return (uint16_t)count;
}

static uint16_t header_flags(const struct block_header *header)
{
    const uint8_t *stream_codecs = header->codecs;
    unsigned flags = 0;
    if (stream_codecs[BLOCK_STREAM_QUALITY] != CODEC_ABSENT) flags |= BLOCK_HAS_QUALITY;
    if (stream_codecs[BLOCK_STREAM_CLOCK] != CODEC_ABSENT) flags |= BLOCK_HAS_REVISION;
    if (stream_codecs[BLOCK_STREAM_GENERATION] != CODEC_ABSENT) flags |= BLOCK_HAS_REVISION;
    if (stream_codecs[BLOCK_STREAM_ORIGIN] != CODEC_ABSENT) flags |= BLOCK_HAS_ORIGINS;
    return (uint16_t)flags;
}

/* Main blocks only: of a history nobody asks for a sum. */
static void descriptor_add_statistics(struct block_descriptor *descriptor,
                                      const struct batch *batch, bool step)
{
    struct statistics statistics;
    if (descriptor->kind != BLOCK_MAIN || !statistics_of(&statistics, batch, step)) return;
    descriptor->flags |= step ? BLOCK_STATISTICS | BLOCK_STEPPED : BLOCK_STATISTICS;
    descriptor->minimum = statistics.minimum;
    descriptor->maximum = statistics.maximum;
    descriptor->first_value = statistics.first;
    descriptor->last_value = statistics.last;
    descriptor->sum = statistics.sum;
    descriptor->integral = statistics.integral;
    descriptor->longest_gap_ns = statistics.longest_gap_ns;
    descriptor->minimum_index = statistics.minimum_index;
    descriptor->maximum_index = statistics.maximum_index;
}

void descriptor_fill(struct block_descriptor *out_descriptor, const struct block_header *header,
                     const struct batch *batch, bool step)
{
    struct digest digest = {0};
    digest_batch(&digest, header->identity, batch);
    *out_descriptor = (struct block_descriptor){
        .first_time_ns = header->first_time_ns,
        .last_time_ns = batch_time_ns(batch, batch->sample_count - 1),
        .block_bytes = BLOCK_PAYLOAD_OFFSET + header->payload_bytes,
        .sample_count = header->sample_count,
        .good_count = good_count(batch),
        .type = header->type,
        .kind = header->kind,
        .flags = header_flags(header),
        .block_checksum = (uint32_t)header->checksum,
        .digest_low = digest.low,
        .digest_high = digest.high,
    };
    descriptor_add_statistics(out_descriptor, batch, step);
}

void segment_tally_init(struct segment_tally *tally)
{
    *tally = (struct segment_tally){
        .first_time_ns = INT64_MAX, .last_time_ns = INT64_MIN, .first_sequence = UINT64_MAX};
    buffer_init(&tally->origins, ORIGINS_MAX * sizeof(struct segment_origin));
}

void segment_tally_finish(struct segment_tally *tally)
{
    buffer_finish(&tally->origins);
}

static struct segment_origin *tally_origins(const struct segment_tally *tally)
{
    return (struct segment_origin *)(void *)tally->origins.bytes;
}

/* Counts samples of a node in a block of this sequence. */
static enum status tally_origin(struct segment_tally *tally, uint64_t node, size_t sample_count,
                                uint64_t sequence, struct error *error)
{
    uint32_t count = (uint32_t)(tally->origins.size_bytes / sizeof(struct segment_origin));
    uint32_t index = tally->last_origin;
    if (index >= count || tally_origins(tally)[index].node != node) {
        for (index = 0; index < count && tally_origins(tally)[index].node != node;) index++;
    }
    if (index == count) {
        struct segment_origin fresh = {.node = node, .first_sequence = sequence};
        enum status status = buffer_add(&tally->origins, &fresh, sizeof fresh, error);
        if (status < 0) return status;
    }
    struct segment_origin *origin = &tally_origins(tally)[index];
    origin->sample_count += sample_count;
    if (sequence < origin->first_sequence) origin->first_sequence = sequence;
    if (sequence > origin->last_sequence) origin->last_sequence = sequence;
    tally->last_origin = index;
    return STATUS_OK;
}

static enum status tally_origin_column(struct segment_tally *tally, const struct batch *batch,
                                       uint64_t sequence, struct error *error)
{
    size_t count = batch->sample_count;
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && batch->origins[end] == batch->origins[first];) end++;
        enum status status =
            tally_origin(tally, batch->origins[first], end - first, sequence, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static uint64_t clock_max(const struct batch *batch)
{
    if (!batch->clocks) return batch->clock;
    uint64_t greatest = 0;
    for (size_t i = 0; i < batch->sample_count; i++) {
        if (batch->clocks[i] > greatest) greatest = batch->clocks[i];
    }
    return greatest;
}

struct tally_block tally_block_of(const struct block_descriptor *descriptor,
                                  const struct block_header *header)
{
    return (struct tally_block){
        .first_time_ns = descriptor->first_time_ns,
        .last_time_ns = descriptor->last_time_ns,
        .sequence = descriptor->sequence,
        .digest = {descriptor->digest_low, descriptor->digest_high, descriptor->sample_count},
        .origin = header->origin,
    };
}

enum status segment_tally_add(struct segment_tally *tally, const struct tally_block *block,
                              const struct batch *columns, uint32_t *out_origin_index,
                              struct error *error)
{
    bool has_column = columns && columns->origins;
    /* The header's origin first, so that it is in the section even before the column is read. */
    enum status status = tally_origin(tally, block->origin, has_column ? 0 : block->digest.count,
                                      block->sequence, error);
    if (status < 0) return status;
    *out_origin_index = tally->last_origin;
    if (has_column) {
        status = tally_origin_column(tally, columns, block->sequence, error);
        if (status < 0) return status;
    }
    digest_add(&tally->digest, block->digest);
    if (block->first_time_ns < tally->first_time_ns) tally->first_time_ns = block->first_time_ns;
    if (block->last_time_ns > tally->last_time_ns) tally->last_time_ns = block->last_time_ns;
    if (block->sequence < tally->first_sequence) tally->first_sequence = block->sequence;
    if (block->sequence > tally->last_sequence) tally->last_sequence = block->sequence;
    uint64_t clock = columns ? clock_max(columns) : 0;
    if (clock > tally->clock_max) tally->clock_max = clock;
    return STATUS_OK;
}

void segment_tally_tell(const struct segment_tally *tally, struct segment_footer *footer)
{
    footer->first_time_ns = tally->first_time_ns;
    footer->last_time_ns = tally->last_time_ns;
    footer->sample_count = tally->digest.count;
    footer->block_count = tally->block_count;
    footer->first_sequence = tally->first_sequence;
    footer->last_sequence = tally->last_sequence;
    footer->digest_low = tally->digest.low;
    footer->digest_high = tally->digest.high;
    footer->clock_max = tally->clock_max;
}
