#include "storage/merge.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

#define KEPT_BYTES_MAX ((size_t)1 << 30)

void merge_init(struct merge *merge)
{
    *merge = (struct merge){.limit_ns = INT64_MAX};
    arena_init(&merge->kept, KEPT_BYTES_MAX);
}

void merge_finish(struct merge *merge)
{
    free(merge->sources);
    free(merge->entries);
    arena_finish(&merge->kept);
    *merge = (struct merge){0};
}

void merge_reset(struct merge *merge)
{
    merge->source_count = 0;
    merge->run_count = 0;
    merge->limit_ns = INT64_MAX;
}

void merge_limit(struct merge *merge, int64_t limit_ns)
{
    merge->limit_ns = limit_ns;
}

enum status merge_add(struct merge *merge, struct source *source, struct error *error)
{
    ASSERT(source->next < source->batch.sample_count);
    if (merge->source_count == MERGE_SOURCES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "more than %d places hold samples of one tag",
                         MERGE_SOURCES_MAX);
    }
    if (merge->source_count == merge->source_count_max) {
        size_t count_max = merge->source_count_max ? 2 * merge->source_count_max : 8;
        struct source **sources = realloc(merge->sources, count_max * sizeof *sources);
        if (!sources) return error_set(error, STATUS_NO_MEMORY, "merge of %zu sources", count_max);
        merge->sources = sources;
        merge->source_count_max = count_max;
    }
    merge->sources[merge->source_count++] = source;
    return STATUS_OK;
}

/* Steps a source on, and forgets it at its end. */
static enum status merge_advance(struct merge *merge, size_t index, size_t count,
                                 struct error *error)
{
    enum status status = source_advance(merge->sources[index], count, error);
    if (status != STATUS_END) return status;
    merge->sources[index] = merge->sources[--merge->source_count];
    return STATUS_OK;
}

/* Room for one more entry of the cell at hand. */
static enum status merge_reserve_entry(struct merge *merge, size_t count, struct error *error)
{
    if (count < merge->entry_count_max) return STATUS_OK;
    size_t count_max = count ? 2 * count : 16;
    struct entry *entries = realloc(merge->entries, count_max * sizeof *entries);
    if (!entries) return error_set(error, STATUS_NO_MEMORY, "%zu entries of a cell", count_max);
    merge->entries = entries;
    merge->entry_count_max = count_max;
    return STATUS_OK;
}

static enum status merge_keep_text(struct merge *merge, const struct text_value **text,
                                   struct error *error)
{
    size_t bytes = sizeof **text + (*text)->size_bytes;
    void *copy = arena_take(&merge->kept, bytes);
    if (!copy) return error_set(error, STATUS_NO_MEMORY, "texts of a cell");
    *text = memcpy(copy, *text, bytes);
    return STATUS_OK;
}

/* The source is about to load other rows: what the entries point to is copied. */
static enum status merge_keep_texts(struct merge *merge, size_t first, size_t count,
                                    struct error *error)
{
    for (size_t i = first; i < count; i++) {
        struct entry *entry = &merge->entries[i];
        if (entry->type == VALUE_TEXT && entry->kind != ENTRY_DELETION) {
            const struct text_value *text = value_text(entry->value);
            enum status status = merge_keep_text(merge, &text, error);
            if (status < 0) return status;
            entry->value = value_from_text(text);
        }
        if (entry->note) {
            enum status status = merge_keep_text(merge, &entry->note, error);
            if (status < 0) return status;
        }
    }
    return STATUS_OK;
}

/* Adds the rows of one source at the step's time to it. */
static enum status merge_cell_source(struct merge *merge, size_t index, struct merge_step *step,
                                     struct error *error)
{
    struct source *source = merge->sources[index];
    size_t first = step->entry_count; /* of those whose texts the source still holds */
    while (source_time_ns(source) == step->time_ns) {
        enum status status = merge_reserve_entry(merge, step->entry_count, error);
        if (status < 0) return status;
        merge->entries[step->entry_count++] = batch_entry(&source->batch, source->next);
        if (source->sequence > step->sequence) step->sequence = source->sequence;
        if (source->next + 1 == source->batch.sample_count) {
            status = merge_keep_texts(merge, first, step->entry_count, error);
            if (status < 0) return status;
            first = step->entry_count;
        }
        size_t source_count = merge->source_count;
        status = merge_advance(merge, index, 1, error);
        if (status < 0) return status;
        if (merge->source_count < source_count) return STATUS_OK;
    }
    return STATUS_OK;
}

static enum status merge_cell(struct merge *merge, int64_t time_ns, struct merge_step *out_step,
                              struct error *error)
{
    struct merge_step step = {.time_ns = time_ns};
    /* From the last to the first: a source that ends gives its place to one already seen. */
    for (size_t i = merge->source_count; i-- > 0;) {
        if (source_time_ns(merge->sources[i]) != time_ns) continue;
        enum status status = merge_cell_source(merge, i, &step, error);
        if (status < 0) return status;
    }
    step.entries = merge->entries;
    *out_step = step;
    return STATUS_OK;
}

int64_t merge_next_ns(const struct merge *merge)
{
    ASSERT(merge->run_count == 0);
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < merge->source_count; i++) {
        int64_t time_ns = source_time_ns(merge->sources[i]);
        if (time_ns < next_ns) next_ns = time_ns;
    }
    return next_ns;
}

enum status merge_next(struct merge *merge, struct merge_step *out_step, struct error *error)
{
    arena_reset(&merge->kept);
    if (merge->run_count > 0) {
        enum status status = merge_advance(merge, merge->run_source, merge->run_count, error);
        if (status < 0) return status;
        merge->run_count = 0;
    }
    if (merge->source_count == 0) return STATUS_END;

    size_t earliest = 0;
    int64_t earliest_ns = source_time_ns(merge->sources[0]);
    int64_t others_ns = merge->limit_ns;
    for (size_t i = 1; i < merge->source_count; i++) {
        int64_t time_ns = source_time_ns(merge->sources[i]);
        if (time_ns < earliest_ns) {
            if (earliest_ns < others_ns) others_ns = earliest_ns;
            earliest_ns = time_ns;
            earliest = i;
        } else if (time_ns < others_ns) {
            others_ns = time_ns;
        }
    }
    if (earliest_ns >= merge->limit_ns) return STATUS_END;
    struct source *source = merge->sources[earliest];
    if (!source->is_run || others_ns == earliest_ns) {
        return merge_cell(merge, earliest_ns, out_step, error);
    }
    size_t count = source_count_below(source, others_ns);
    *out_step = (struct merge_step){
        .sequence = source->sequence,
        .run = batch_slice(&source->batch, source->next, count),
    };
    merge->run_source = earliest;
    merge->run_count = count;
    return STATUS_OK;
}
