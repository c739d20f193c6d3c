#include "storage/compaction_weights.h"

#include "storage/base/assert.h"

#define DESCRIPTORS_BYTES_MAX ((size_t)1 << 32)

/* The first window that ends behind the time. */
static size_t weights_find(const struct compaction_weight *weights, size_t count, int64_t time_ns)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (weights[middle].window.to_ns <= time_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void weights_add(struct compaction_weight *weights, size_t count, int64_t first_ns,
                        int64_t last_ns, uint64_t sample_count)
{
    size_t first = weights_find(weights, count, first_ns);
    size_t last = weights_find(weights, count, last_ns);
    ASSERT(first <= last && last < count);
    uint64_t each = sample_count / (last - first + 1);
    for (size_t i = first; i <= last; i++) weights[i].sample_count += each > 0 ? each : 1;
}

static enum status weigh_blocks(struct compaction_weight *weights, size_t count,
                                struct segment *segment, struct error *error)
{
    struct segment_walk walk;
    struct segment_index_entry entry;
    struct arena arena;
    enum status status;
    arena_init(&arena, DESCRIPTORS_BYTES_MAX);
    segment_walk_init(&walk, segment);
    while ((status = segment_walk_next(&walk, &entry, error)) == STATUS_OK) {
        const struct block_descriptor *descriptors;
        size_t descriptor_count;
        arena_reset(&arena);
        status = segment_descriptors(segment, &entry, INT64_MIN, INT64_MAX, &arena, &descriptors,
                                     &descriptor_count, error);
        if (status < 0) break;
        for (size_t i = 0; i < descriptor_count; i++) {
            weights_add(weights, count, descriptors[i].first_time_ns, descriptors[i].last_time_ns,
                        descriptors[i].sample_count);
        }
    }
    arena_finish(&arena);
    return status < 0 ? status : STATUS_OK;
}

static enum status weigh_mixed(struct compaction_weight *weights, size_t count,
                               struct segment *segment, struct error *error)
{
    struct mixed_walk walk;
    struct identity identity;
    struct batch batch;
    enum status status;
    mixed_walk_init(&walk, segment);
    while ((status = mixed_walk_next(&walk, &identity, &batch, error)) == STATUS_OK) {
        weights_add(weights, count, batch_time_ns(&batch, 0),
                    batch_time_ns(&batch, batch.sample_count - 1), batch.sample_count);
    }
    mixed_walk_finish(&walk);
    return status < 0 ? status : STATUS_OK;
}

enum status compaction_weigh(struct compaction_weight *weights, size_t count,
                             struct segment *segment, struct error *error)
{
    enum status status = weigh_blocks(weights, count, segment, error);
    return status < 0 ? status : weigh_mixed(weights, count, segment, error);
}
