#include "storage/compaction.h"

#include <inttypes.h>
#include <stdlib.h>

#include "storage/base/assert.h"
#include "storage/merge_input.h"
#include "storage/settle.h"

#define EXTENTS_BYTES_MAX ((size_t)1 << 32)

/* A segment in the making; nothing of it is there before its first sample. */
struct compaction_output {
    struct segment_writer *writer; /* owned */
    struct settle settle;
};

struct compaction {
    const struct compaction_options *options;
    struct compaction_result *result;
    struct merge_input *inputs;        /* owned, as all below */
    struct compaction_output *outputs; /* by window */
    struct merge merge;
    struct buffer extents; /* of the tag at hand: struct copy_extent */
    size_t copied_count;   /* of its blocks */
};

static const struct copy_extent *compaction_extents(const struct compaction *compaction,
                                                    size_t *out_count)
{
    *out_count = compaction->extents.size_bytes / sizeof(struct copy_extent);
    return (const struct copy_extent *)(const void *)compaction->extents.bytes;
}

/* What all inputs hold of the tag, to be copied or merged. */
static enum status compaction_enter(struct compaction *compaction, struct identity identity,
                                    struct error *error)
{
    const struct compaction_options *options = compaction->options;
    buffer_clear(&compaction->extents);
    merge_reset(&compaction->merge);
    for (uint32_t i = 0; i < options->segment_count; i++) {
        struct merge_input *input = &compaction->inputs[i];
        enum status status = merge_input_enter(input, identity, error);
        if (status == STATUS_OK) {
            status = merge_input_extents(input, i, &compaction->extents, error);
        }
        if (status < 0) return status;
    }
    size_t count;
    (void)compaction_extents(compaction, &count);
    struct copy_extent *extents = (struct copy_extent *)(void *)compaction->extents.bytes;
    compaction->copied_count = copy_plan(extents, count, options->windows, options->window_count,
                                         options->copy_samples_min);
    if (compaction->copied_count == 0) count = 0; /* nothing to look for */
    for (uint32_t i = 0; i < options->segment_count; i++) {
        enum status status =
            merge_input_open(&compaction->inputs[i], i, extents, count, &compaction->merge, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status compaction_output(struct compaction *compaction, size_t window,
                                     struct error *error)
{
    struct compaction_output *output = &compaction->outputs[window];
    if (output->writer) return STATUS_OK;
    const struct compaction_options *options = compaction->options;
    struct compaction_result *result = compaction->result;
    enum status status = options->begin(options->context, options->windows[window].level,
                                        &output->writer, &result->numbers[result->count], error);
    if (status < 0) return status;
    result->count++;
    return settle_init(&output->settle, output->writer, error);
}

static enum status compaction_copy(struct compaction *compaction, struct settle *settle,
                                   struct identity identity, const struct copy_extent *extent,
                                   struct error *error)
{
    const struct block_descriptor *descriptor;
    const uint8_t *block;
    struct merge_input *input = &compaction->inputs[extent->input];
    enum status status = segment_source_next_block(&input->copied, &descriptor, &block, error);
    if (status < 0) return status;
    ASSERT(status == STATUS_OK && descriptor->first_time_ns == extent->first_ns);
    compaction->result->copied_count++;
    return settle_copy(settle, identity, block, descriptor, error);
}

/* The next block to be copied, from the given extent on. */
static size_t next_copied(const struct copy_extent *extents, size_t count, size_t from)
{
    while (from < count && !extents[from].is_copied) from++;
    return from;
}

/* All of the tag that lies in one window: what is merged, and between it what is copied. */
static enum status compaction_settle(struct compaction *compaction, size_t window,
                                     struct identity identity, size_t *next, struct error *error)
{
    enum status status = compaction_output(compaction, window, error);
    if (status < 0) return status;
    struct compaction_output *output = &compaction->outputs[window];
    struct merge *merge = &compaction->merge;
    int64_t to_ns = compaction->options->windows[window].to_ns;
    size_t count;
    const struct copy_extent *extents = compaction_extents(compaction, &count);
    uint64_t bytes = segment_writer_bytes(output->writer);
    settle_begin(&output->settle);
    for (; *next < count && extents[*next].first_ns < to_ns;
         *next = next_copied(extents, count, *next + 1)) {
        merge_limit(merge, extents[*next].first_ns);
        status = settle_merge(&output->settle, identity, merge, error);
        if (status < 0) return status;
        status = compaction_copy(compaction, &output->settle, identity, &extents[*next], error);
        if (status < 0) return status;
    }
    merge_limit(merge, to_ns);
    status = settle_merge(&output->settle, identity, merge, error);
    if (status == STATUS_OK) status = settle_end(&output->settle, identity, error);
    if (status < 0) return status;
    bytes = segment_writer_bytes(output->writer) - bytes;
    compaction->options->pace(compaction->options->context, bytes);
    return STATUS_OK;
}

static enum status compaction_tag(struct compaction *compaction, struct identity identity,
                                  struct error *error)
{
    const struct compaction_options *options = compaction->options;
    enum status status = compaction_enter(compaction, identity, error);
    if (status < 0) return status;
    size_t count, window = 0;
    const struct copy_extent *extents = compaction_extents(compaction, &count);
    size_t next = compaction->copied_count > 0 ? next_copied(extents, count, 0) : count;
    for (;;) {
        int64_t time_ns = merge_next_ns(&compaction->merge);
        if (next < count && extents[next].first_ns < time_ns) time_ns = extents[next].first_ns;
        if (time_ns == INT64_MAX) break;
        while (window < options->window_count && options->windows[window].to_ns <= time_ns) {
            window++;
        }
        if (window == options->window_count || options->windows[window].from_ns > time_ns) {
            return error_set(error, STATUS_CORRUPT,
                             "merge: a sample of time %" PRId64 " where descriptors know of none",
                             time_ns);
        }
        status = compaction_settle(compaction, window, identity, &next, error);
        if (status < 0) return status;
    }
    for (size_t i = 0; i < options->segment_count; i++) {
        status = merge_input_leave(&compaction->inputs[i], error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status compaction_begin(struct compaction *compaction, struct error *error)
{
    const struct compaction_options *options = compaction->options;
    merge_init(&compaction->merge);
    buffer_init(&compaction->extents, EXTENTS_BYTES_MAX);
    compaction->inputs = calloc(options->segment_count, sizeof *compaction->inputs);
    compaction->outputs = calloc(options->window_count, sizeof *compaction->outputs);
    if (!compaction->inputs || !compaction->outputs) {
        return error_set(error, STATUS_NO_MEMORY, "merge of %zu segments", options->segment_count);
    }
    for (size_t i = 0; i < options->segment_count; i++) {
        enum status status = merge_input_init(&compaction->inputs[i], options->segments[i], error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status compaction_finish_outputs(struct compaction *compaction, struct error *error)
{
    struct compaction_result *result = compaction->result;
    for (size_t i = 0; i < compaction->options->window_count; i++) {
        struct compaction_output *output = &compaction->outputs[i];
        if (!output->writer) continue;
        struct segment_footer footer;
        uint64_t bytes;
        enum status status = segment_writer_finish(output->writer, &footer, &bytes, error);
        if (status < 0) return status;
        result->bytes += bytes;
        result->encoded_count += footer.block_count;
    }
    ASSERT(result->encoded_count >= result->copied_count);
    result->encoded_count -= result->copied_count;
    return STATUS_OK;
}

static void compaction_end(struct compaction *compaction)
{
    const struct compaction_options *options = compaction->options;
    for (size_t i = 0; compaction->inputs && i < options->segment_count; i++) {
        merge_input_finish(&compaction->inputs[i]);
    }
    for (size_t i = 0; compaction->outputs && i < options->window_count; i++) {
        settle_finish(&compaction->outputs[i].settle);
        segment_writer_destroy(compaction->outputs[i].writer);
    }
    free(compaction->inputs);
    free(compaction->outputs);
    merge_finish(&compaction->merge);
    buffer_finish(&compaction->extents);
}

enum status compaction_run(const struct compaction_options *options,
                           struct compaction_result *result, struct error *error)
{
    struct compaction compaction = {.options = options, .result = result};
    struct identity identity;
    enum status status = compaction_begin(&compaction, error);
    while (status == STATUS_OK &&
           merge_inputs_least(compaction.inputs, options->segment_count, &identity)) {
        status = compaction_tag(&compaction, identity, error);
    }
    if (status == STATUS_OK) status = compaction_finish_outputs(&compaction, error);
    compaction_end(&compaction);
    return status;
}
