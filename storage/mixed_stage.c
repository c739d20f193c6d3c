#include "storage/mixed_stage.h"

#include <stdlib.h>

#include "storage/base/assert.h"

#define SCRATCH_BYTES_MAX ((size_t)64 << 20)

enum status mixed_stage_init(struct mixed_stage *stage, size_t tags_max, struct error *error)
{
    *stage = (struct mixed_stage){.tags_max = tags_max > 0 ? tags_max : MIXED_TAGS_MAX};
    arena_init(&stage->scratch, SCRATCH_BYTES_MAX);
    stage->entries = malloc(stage->tags_max * sizeof *stage->entries);
    if (!stage->entries) {
        return error_set(error, STATUS_NO_MEMORY, "list of %zu tags", stage->tags_max);
    }
    enum status status = segment_stage_init(&stage->samples, MIXED_SAMPLES_MAX, error);
    if (status < 0) return status;
    mixed_stage_clear(stage);
    return STATUS_OK;
}

void mixed_stage_finish(struct mixed_stage *stage)
{
    free(stage->entries);
    segment_stage_finish(&stage->samples);
    arena_finish(&stage->scratch);
}

bool mixed_stage_has_room(const struct mixed_stage *stage, size_t sample_count)
{
    return stage->tag_count < stage->tags_max &&
           sample_count <= MIXED_SAMPLES_MAX - stage->samples.batch.sample_count;
}

enum status mixed_stage_add(struct mixed_stage *stage, struct identity identity,
                            const struct batch *batch, uint64_t sequence, struct error *error)
{
    ASSERT(mixed_stage_has_room(stage, batch->sample_count));
    ASSERT(stage->tag_count == 0 ||
           identity_compare(stage->entries[stage->tag_count - 1].identity, identity) < 0); /* M2 */
    size_t count;
    enum status status = segment_stage_add(&stage->samples, batch, &count, error);
    if (status < 0) return status;
    ASSERT(count == batch->sample_count);
    stage->entries[stage->tag_count++] =
        (struct mixed_entry){.identity = identity, .sample_count = batch->sample_count};
    digest_batch(&stage->digest, identity, batch);
    int64_t first_ns = batch_time_ns(batch, 0);
    int64_t last_ns = batch_time_ns(batch, batch->sample_count - 1);
    if (first_ns < stage->first_time_ns) stage->first_time_ns = first_ns;
    if (last_ns > stage->last_time_ns) stage->last_time_ns = last_ns;
    if (sequence > stage->sequence) stage->sequence = sequence;
    return STATUS_OK;
}

void mixed_stage_clear(struct mixed_stage *stage)
{
    segment_stage_clear(&stage->samples);
    stage->tag_count = 0;
    stage->first_time_ns = INT64_MAX;
    stage->last_time_ns = INT64_MIN;
    stage->sequence = 0;
    stage->digest = (struct digest){0};
}

enum status mixed_stage_encode(struct mixed_stage *stage, struct buffer *target,
                               struct error *error)
{
    return mixed_block_encode(target, stage->entries, stage->tag_count, &stage->samples.batch,
                              &stage->scratch, error);
}
