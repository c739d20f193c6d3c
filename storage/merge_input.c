#include "storage/merge_input.h"

#include <string.h>

#include "storage/base/assert.h"

#define FOUND_BYTES_MAX ((size_t)1 << 32)

static enum status input_next_entry(struct merge_input *input, struct error *error)
{
    enum status status = segment_walk_next(&input->walk, &input->entry, error);
    input->has_entry = status == STATUS_OK;
    return status < 0 ? status : STATUS_OK;
}

static enum status input_next_mixed(struct merge_input *input, struct error *error)
{
    enum status status =
        mixed_walk_next(&input->mixed_walk, &input->mixed_identity, &input->mixed_batch, error);
    input->has_mixed = status == STATUS_OK;
    return status < 0 ? status : STATUS_OK;
}

enum status merge_input_init(struct merge_input *input, struct segment *segment,
                             struct error *error)
{
    *input = (struct merge_input){.segment = segment};
    arena_init(&input->found, FOUND_BYTES_MAX);
    segment_source_init(&input->sources[BLOCK_MAIN]);
    segment_source_init(&input->sources[BLOCK_HISTORY]);
    segment_source_init(&input->copied);
    mixed_source_init(&input->mixed_source);
    segment_walk_init(&input->walk, segment);
    mixed_walk_init(&input->mixed_walk, segment);
    enum status status = input_next_entry(input, error);
    return status < 0 ? status : input_next_mixed(input, error);
}

void merge_input_finish(struct merge_input *input)
{
    arena_finish(&input->found);
    segment_source_finish(&input->sources[BLOCK_MAIN]);
    segment_source_finish(&input->sources[BLOCK_HISTORY]);
    segment_source_finish(&input->copied);
    mixed_source_finish(&input->mixed_source);
    mixed_walk_finish(&input->mixed_walk);
}

static void identity_lower(struct identity candidate, struct identity *least, bool *found)
{
    if (!*found || identity_compare(candidate, *least) < 0) *least = candidate;
    *found = true;
}

bool merge_inputs_least(const struct merge_input *inputs, size_t count,
                        struct identity *out_identity)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        const struct merge_input *input = &inputs[i];
        if (input->has_entry) identity_lower(input->entry.identity, out_identity, &found);
        if (input->has_mixed) identity_lower(input->mixed_identity, out_identity, &found);
    }
    return found;
}

enum status merge_input_enter(struct merge_input *input, struct identity identity,
                              struct error *error)
{
    arena_reset(&input->found);
    input->descriptor_counts[BLOCK_MAIN] = input->descriptor_counts[BLOCK_HISTORY] = 0;
    input->is_mixed = input->has_mixed && identity_compare(input->mixed_identity, identity) == 0;
    while (input->has_entry && identity_compare(input->entry.identity, identity) == 0) {
        uint8_t kind = input->entry.kind;
        enum status status =
            segment_descriptors(input->segment, &input->entry, INT64_MIN, INT64_MAX, &input->found,
                                &input->descriptors[kind], &input->descriptor_counts[kind], error);
        if (status == STATUS_OK) status = input_next_entry(input, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static struct segment_source *input_history(struct merge_input *input)
{
    struct segment_source *source = &input->sources[BLOCK_HISTORY];
    segment_source_set(source, input->segment, BLOCK_HISTORY, input->descriptors[BLOCK_HISTORY],
                       input->descriptor_counts[BLOCK_HISTORY]);
    return source;
}

/* Each cell of the history by itself: few corrections far apart should leave what lies between them
 * alone. */
static enum status history_extents(struct merge_input *input, struct buffer *extents,
                                   struct error *error)
{
    struct segment_source *source = input_history(input);
    enum status status = segment_source_load(source, error);
    while (status == STATUS_OK) {
        int64_t time_ns = source_time_ns(&source->source);
        struct copy_extent extent = {.first_ns = time_ns, .last_ns = time_ns};
        status = buffer_add(extents, &extent, sizeof extent, error);
        if (status == STATUS_OK) status = source_advance(&source->source, 1, error);
    }
    return status < 0 ? status : STATUS_OK;
}

enum status merge_input_extents(struct merge_input *input, uint32_t number, struct buffer *extents,
                                struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < input->descriptor_counts[BLOCK_MAIN] && status == STATUS_OK; i++) {
        const struct block_descriptor *descriptor = &input->descriptors[BLOCK_MAIN][i];
        struct copy_extent extent = {.first_ns = descriptor->first_time_ns,
                                     .last_ns = descriptor->last_time_ns,
                                     .sample_count = descriptor->sample_count,
                                     .input = number,
                                     .block = (uint32_t)i};
        status = buffer_add(extents, &extent, sizeof extent, error);
    }
    if (status == STATUS_OK && input->is_mixed) {
        const struct batch *batch = &input->mixed_batch;
        struct copy_extent extent = {
            .first_ns = batch_time_ns(batch, 0),
            .last_ns = batch_time_ns(batch, batch->sample_count - 1),
        };
        status = buffer_add(extents, &extent, sizeof extent, error);
    }
    return status < 0 ? status : history_extents(input, extents, error);
}

/* The main blocks in two lists, one of them copied; both as they lie in the file. */
static enum status input_part(struct merge_input *input, uint32_t number,
                              const struct copy_extent *extents, size_t extent_count,
                              struct error *error)
{
    size_t count = input->descriptor_counts[BLOCK_MAIN];
    const struct block_descriptor *all = input->descriptors[BLOCK_MAIN];
    struct block_descriptor *parted = arena_take_raw(&input->found, (count + 1) * sizeof *parted);
    bool *is_copied = arena_take(&input->found, count + 1);
    if (!parted || !is_copied) {
        return error_set(error, STATUS_NO_MEMORY, "%s: %zu descriptors",
                         segment_path(input->segment), count);
    }
    size_t copied_count = 0, settled_count = 0;
    for (size_t i = 0; i < extent_count; i++) {
        if (extents[i].is_copied && extents[i].input == number) is_copied[extents[i].block] = true;
    }
    for (size_t i = 0; i < count; i++) copied_count += is_copied[i];
    struct block_descriptor *settled = parted + copied_count;
    copied_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_copied[i]) {
            parted[copied_count++] = all[i];
        } else {
            settled[settled_count++] = all[i];
        }
    }
    segment_source_set(&input->copied, input->segment, BLOCK_MAIN, parted, copied_count);
    segment_source_set(&input->sources[BLOCK_MAIN], input->segment, BLOCK_MAIN, settled,
                       settled_count);
    return STATUS_OK;
}

static enum status input_load(struct segment_source *source, struct merge *merge,
                              struct error *error)
{
    enum status status = segment_source_load(source, error);
    if (status == STATUS_OK) status = merge_add(merge, &source->source, error);
    return status < 0 ? status : STATUS_OK;
}

enum status merge_input_open(struct merge_input *input, uint32_t number,
                             const struct copy_extent *extents, size_t extent_count,
                             struct merge *merge, struct error *error)
{
    enum status status = STATUS_OK;
    segment_source_set(&input->copied, input->segment, BLOCK_MAIN, NULL, 0);
    segment_source_set(&input->sources[BLOCK_MAIN], input->segment, BLOCK_MAIN, NULL, 0);
    if (input->descriptor_counts[BLOCK_MAIN] > 0) {
        status = input_part(input, number, extents, extent_count, error);
    }
    if (status == STATUS_OK) status = input_load(&input->sources[BLOCK_MAIN], merge, error);
    if (status == STATUS_OK) status = input_load(input_history(input), merge, error);
    if (status < 0 || !input->is_mixed) return status;
    mixed_source_set(&input->mixed_source, &input->mixed_batch,
                     input->mixed_walk.descriptor->sequence);
    return merge_add(merge, &input->mixed_source.source, error);
}

enum status merge_input_leave(struct merge_input *input, struct error *error)
{
    return input->is_mixed ? input_next_mixed(input, error) : STATUS_OK;
}
