#include "storage/batch.h"

#include "storage/base/assert.h"

struct entry batch_entry(const struct batch *batch, size_t index)
{
    ASSERT(index < batch->sample_count);
    return (struct entry){
        .clock = batch->clocks ? batch->clocks[index] : batch->clock,
        .origin = batch->origins ? batch->origins[index] : batch->origin,
        .value = batch->values[index],
        .generation = batch->generations ? batch->generations[index] : batch->generation,
        .quality = batch->qualities ? batch->qualities[index] : 0,
        .kind = batch->kinds ? batch->kinds[index] : batch->kind,
        .type = batch_type(batch, index),
        .note = batch->notes ? batch->notes[index] : NULL,
    };
}

struct batch batch_slice(const struct batch *batch, size_t first, size_t count)
{
    ASSERT(count >= 1); /* B1 */
    ASSERT(first < batch->sample_count && count <= batch->sample_count - first);
    struct batch slice = *batch;
    slice.sample_count = (uint32_t)count;
    slice.values += first;
    if (slice.tags) slice.tags += first;
    if (slice.times_ns) slice.times_ns += first;
    if (slice.qualities) slice.qualities += first;
    if (slice.types) slice.types += first;
    if (slice.kinds) slice.kinds += first;
    if (slice.clocks) slice.clocks += first;
    if (slice.generations) slice.generations += first;
    if (slice.origins) slice.origins += first;
    if (slice.notes) slice.notes += first;
    return slice;
}
