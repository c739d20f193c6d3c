#include "storage/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

enum {
    ROWS_MAX = 1024,
    DIRECT_ROWS_MIN = 64, /* shorter runs are gathered */
};
#define TEXTS_BYTES_MAX ((size_t)256 << 20)

/* Gathered samples. */
struct cursor_rows {
    int64_t times_ns[ROWS_MAX];
    uint64_t values[ROWS_MAX];
    uint32_t qualities[ROWS_MAX];
    uint8_t kinds[ROWS_MAX];
    uint64_t clocks[ROWS_MAX];
    uint32_t generations[ROWS_MAX];
    uint64_t origins[ROWS_MAX];
    const struct text_value *notes[ROWS_MAX];
};

struct cursor {
    struct snapshot *snapshot; /* owned reference */
    struct cursor_options options;
    struct mask *masks;                     /* owned */
    struct segment_source *segment_sources; /* owned */
    size_t segment_source_count;
    struct mixed_source *mixed_sources; /* owned */
    size_t mixed_source_count;
    struct head_run_source run_sources[2];
    struct head_bag_source bag_sources[2];
    struct arena bags;
    struct merge merge;
    struct merge_step step; /* handed out in part */
    size_t step_next;       /* row of step.run, or entry of a cell with history */
    bool has_step;
    struct entry *explicit_entries; /* owned: room for a cell's */
    size_t explicit_count_max;
    struct cursor_rows *rows; /* owned; NULL until needed */
    size_t row_count;
    uint8_t row_type;
    struct arena texts; /* of the rows */
};

static enum status cursor_add(struct cursor *cursor, struct source *source, enum status opened,
                              struct error *error)
{
    if (opened == STATUS_END) return STATUS_OK;
    return opened < 0 ? opened : merge_add(&cursor->merge, source, error);
}

static enum status cursor_add_head(struct cursor *cursor, const struct head *head, size_t index,
                                   struct error *error)
{
    const struct cursor_options *options = &cursor->options;
    struct head_bag_source *bag = &cursor->bag_sources[index];
    struct head_run_source *run = &cursor->run_sources[index];
    enum status status =
        head_run_source_open(run, head, options->tag, options->from_ns, options->to_ns, error);
    status = cursor_add(cursor, &run->source, status, error);
    if (status < 0) return status;
    status = head_bag_source_open(bag, head, options->tag, options->from_ns, options->to_ns,
                                  &cursor->bags, error);
    return cursor_add(cursor, &bag->source, status, error);
}

static enum status cursor_add_blocks(struct cursor *cursor, struct segment *segment,
                                     enum block_kind kind, struct error *error)
{
    const struct cursor_options *options = &cursor->options;
    struct segment_source *source = &cursor->segment_sources[cursor->segment_source_count++];
    segment_source_init(source);
    enum status status = segment_source_open(source, segment, options->identity, kind,
                                             options->from_ns, options->to_ns, error);
    if (status == STATUS_END) {
        segment_source_finish(source);
        cursor->segment_source_count--;
    }
    return cursor_add(cursor, &source->source, status, error);
}

static enum status cursor_add_mixed(struct cursor *cursor, struct segment *segment,
                                    struct error *error)
{
    const struct cursor_options *options = &cursor->options;
    struct mixed_source *source = &cursor->mixed_sources[cursor->mixed_source_count++];
    mixed_source_init(source);
    enum status status = mixed_source_open(source, segment, options->identity, options->from_ns,
                                           options->to_ns, error);
    if (status == STATUS_END) {
        mixed_source_finish(source);
        cursor->mixed_source_count--;
    }
    return cursor_add(cursor, &source->source, status, error);
}

static enum status cursor_add_segments(struct cursor *cursor, struct error *error)
{
    const struct cursor_options *options = &cursor->options;
    const struct snapshot *snapshot = cursor->snapshot;
    if (snapshot->segment_count == 0) return STATUS_OK;
    cursor->segment_sources = calloc(2 * snapshot->segment_count, sizeof *cursor->segment_sources);
    cursor->mixed_sources = calloc(snapshot->segment_count, sizeof *cursor->mixed_sources);
    if (!cursor->segment_sources || !cursor->mixed_sources) {
        return error_set(error, STATUS_NO_MEMORY, "cursor");
    }
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        struct segment *segment = snapshot->segments[i];
        const struct segment_footer *footer = segment_footer(segment);
        if (footer->last_time_ns < options->from_ns || footer->first_time_ns >= options->to_ns) {
            continue;
        }
        enum status status = cursor_add_blocks(cursor, segment, BLOCK_MAIN, error);
        if (status == STATUS_OK) status = cursor_add_blocks(cursor, segment, BLOCK_HISTORY, error);
        if (status == STATUS_OK) status = cursor_add_mixed(cursor, segment, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

enum status cursor_open(struct cursor **out_cursor, struct snapshot *snapshot,
                        const struct cursor_options *options, struct error *error)
{
    struct cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor) return error_set(error, STATUS_NO_MEMORY, "cursor");
    cursor->snapshot = snapshot_ref(snapshot);
    cursor->options = *options;
    merge_init(&cursor->merge);
    arena_init(&cursor->bags, SIZE_MAX / 2);
    arena_init(&cursor->texts, TEXTS_BYTES_MAX);
    enum status status = STATUS_OK;
    if (options->mask_count > 0) {
        cursor->masks = malloc(options->mask_count * sizeof *cursor->masks);
        if (!cursor->masks) {
            status = error_set(error, STATUS_NO_MEMORY, "cursor");
            goto fail;
        }
        memcpy(cursor->masks, options->masks, options->mask_count * sizeof *cursor->masks);
    }
    cursor->options.masks = cursor->masks;

    /* The heads first: what moves on meanwhile moves from them into no segment of this snapshot. */
    status = cursor_add_head(cursor, snapshot->active, 0, error);
    if (status < 0) goto fail;
    if (snapshot->flushing) status = cursor_add_head(cursor, snapshot->flushing, 1, error);
    if (status < 0) goto fail;
    status = cursor_add_segments(cursor, error);
    if (status < 0) goto fail;
    *out_cursor = cursor;
    return STATUS_OK;

fail:
    cursor_close(cursor);
    return status;
}

void cursor_close(struct cursor *cursor)
{
    if (!cursor) return;
    merge_finish(&cursor->merge);
    for (size_t i = 0; i < cursor->segment_source_count; i++) {
        segment_source_finish(&cursor->segment_sources[i]);
    }
    free(cursor->segment_sources);
    for (size_t i = 0; i < cursor->mixed_source_count; i++) {
        mixed_source_finish(&cursor->mixed_sources[i]);
    }
    free(cursor->mixed_sources);
    arena_finish(&cursor->bags);
    arena_finish(&cursor->texts);
    free(cursor->explicit_entries);
    free(cursor->masks);
    free(cursor->rows);
    snapshot_unref(cursor->snapshot);
    free(cursor);
}

static enum status cursor_keep_text(struct cursor *cursor, const struct text_value **text,
                                    struct error *error)
{
    size_t bytes = sizeof **text + (*text)->size_bytes;
    void *copy = arena_take(&cursor->texts, bytes);
    if (!copy) return error_set(error, STATUS_NO_MEMORY, "texts of a cursor");
    *text = memcpy(copy, *text, bytes);
    return STATUS_OK;
}

/* Gathers one sample; the caller has made sure of room and type. */
static enum status cursor_put(struct cursor *cursor, int64_t time_ns, struct entry entry,
                              struct error *error)
{
    ASSERT(cursor->row_count < ROWS_MAX);
    enum status status = STATUS_OK;
    if (entry.type == VALUE_TEXT && entry.kind != ENTRY_DELETION) {
        const struct text_value *text = value_text(entry.value);
        status = cursor_keep_text(cursor, &text, error);
        entry.value = value_from_text(text);
    }
    if (status == STATUS_OK && entry.note) status = cursor_keep_text(cursor, &entry.note, error);
    if (status < 0) return status;

    struct cursor_rows *rows = cursor->rows;
    size_t row = cursor->row_count++;
    rows->times_ns[row] = time_ns;
    rows->values[row] = entry.value;
    rows->qualities[row] = entry.quality;
    rows->kinds[row] = entry.kind;
    rows->clocks[row] = entry.clock;
    rows->generations[row] = entry.generation;
    rows->origins[row] = entry.origin;
    rows->notes[row] = entry.note;
    cursor->row_type = entry.type;
    return STATUS_OK;
}

static bool cursor_has_room(const struct cursor *cursor, uint8_t type)
{
    return cursor->row_count == 0 || (cursor->row_count < ROWS_MAX && cursor->row_type == type);
}

static void cursor_rows_out(struct cursor *cursor, struct batch *out_batch)
{
    const struct cursor_rows *rows = cursor->rows;
    *out_batch = (struct batch){
        .sample_count = (uint32_t)cursor->row_count,
        .tag = cursor->options.tag,
        .times_ns = rows->times_ns,
        .values = rows->values,
        .qualities = rows->qualities,
        .type = cursor->row_type,
        .kinds = rows->kinds,
        .clocks = rows->clocks,
        .generations = rows->generations,
        .origins = rows->origins,
        .notes = rows->notes,
    };
    cursor->row_count = 0;
}

static bool cursor_is_masked(const struct cursor *cursor, int64_t first_ns, int64_t last_ns)
{
    for (size_t i = 0; i < cursor->options.mask_count; i++) {
        const struct mask *mask = &cursor->masks[i];
        if (mask->from_ns <= last_ns && mask->to_ns > first_ns) return true;
    }
    return false;
}

static struct revision cursor_mask(const struct cursor *cursor, int64_t time_ns)
{
    return masks_over(cursor->masks, cursor->options.mask_count, time_ns);
}

static bool entry_is_hidden(const struct entry *entry, struct revision mask)
{
    return mask.clock != 0 && revision_compare(entry_revision(entry), mask) < 0;
}

/* What shows of the cell at hand; NULL for nothing. */
static enum status cursor_show_cell(struct cursor *cursor, const struct entry **out_shown,
                                    struct error *error)
{
    const struct merge_step *step = &cursor->step;
    if (step->entry_count > cursor->explicit_count_max) {
        free(cursor->explicit_entries);
        cursor->explicit_count_max = 0;
        cursor->explicit_entries = malloc(step->entry_count * sizeof *cursor->explicit_entries);
        if (!cursor->explicit_entries) return error_set(error, STATUS_NO_MEMORY, "cursor");
        cursor->explicit_count_max = step->entry_count;
    }
    struct cell cell;
    cell_init(&cell, cursor->explicit_entries, cursor->explicit_count_max);
    for (size_t i = 0; i < step->entry_count; i++) {
        bool fits = cell_add(&cell, &step->entries[i]);
        ASSERT(fits);
    }
    const struct entry *shown =
        cell_shown(&cell, cursor->options.as_of, cursor_mask(cursor, step->time_ns));
    if (!shown) {
        *out_shown = NULL;
        return STATUS_OK;
    }
    for (size_t i = 0; i < step->entry_count; i++) {
        /* One that outlives the cell. */
        if (entry_compare(shown, &step->entries[i]) == 0) *out_shown = &step->entries[i];
    }
    return STATUS_OK;
}

/* Gathers what the step at hand still has; true in *out_full when the rows must go out first. */
static enum status cursor_gather_run(struct cursor *cursor, bool *out_full, struct error *error)
{
    const struct batch *run = &cursor->step.run;
    bool history = cursor->options.history;
    bool masked = !history &&
                  cursor_is_masked(cursor, run->times_ns[0], run->times_ns[run->sample_count - 1]);
    while (cursor->step_next < run->sample_count) {
        if (!cursor_has_room(cursor, run->type)) {
            *out_full = true;
            return STATUS_OK;
        }
        int64_t time_ns = run->times_ns[cursor->step_next];
        struct entry entry = batch_entry(run, cursor->step_next++);
        if (masked && entry_is_hidden(&entry, cursor_mask(cursor, time_ns))) continue;
        enum status status = cursor_put(cursor, time_ns, entry, error);
        if (status < 0) return status;
    }
    cursor->has_step = false;
    return STATUS_OK;
}

static int entry_order(const void *left, const void *right)
{
    return entry_compare(left, right);
}

static enum status cursor_gather_history(struct cursor *cursor, bool *out_full, struct error *error)
{
    const struct merge_step *step = &cursor->step;
    struct entry *entries = cursor->merge.entries; /* the merge lets its cell be sorted */
    if (cursor->step_next == 0) {
        qsort(entries, step->entry_count, sizeof *entries, entry_order);
    }
    while (cursor->step_next < step->entry_count) {
        const struct entry *entry = &entries[cursor->step_next];
        if (!cursor_has_room(cursor, entry->type)) {
            *out_full = true;
            return STATUS_OK;
        }
        cursor->step_next++;
        bool is_repeated = cursor->step_next < step->entry_count &&
                           entry_compare(entry, &entries[cursor->step_next]) == 0;
        if (is_repeated) continue;
        enum status status = cursor_put(cursor, step->time_ns, *entry, error);
        if (status < 0) return status;
    }
    cursor->has_step = false;
    return STATUS_OK;
}

static enum status cursor_gather_cell(struct cursor *cursor, bool *out_full, struct error *error)
{
    if (cursor->options.history) return cursor_gather_history(cursor, out_full, error);
    const struct entry *shown = NULL;
    enum status status = cursor_show_cell(cursor, &shown, error);
    if (status < 0) return status;
    if (shown) {
        if (!cursor_has_room(cursor, shown->type)) {
            *out_full = true;
            return STATUS_OK;
        }
        status = cursor_put(cursor, cursor->step.time_ns, *shown, error);
    }
    cursor->has_step = false;
    return status;
}

/* Whether the run at hand can go out as it lies in its block. */
static bool cursor_run_is_direct(const struct cursor *cursor)
{
    const struct batch *run = &cursor->step.run;
    return cursor->step_next == 0 && run->sample_count >= DIRECT_ROWS_MIN &&
           !cursor->options.history &&
           !cursor_is_masked(cursor, run->times_ns[0], run->times_ns[run->sample_count - 1]);
}

enum status cursor_next(struct cursor *cursor, struct batch *out_batch, struct error *error)
{
    arena_reset(&cursor->texts);
    for (;;) {
        if (!cursor->has_step) {
            enum status status = merge_next(&cursor->merge, &cursor->step, error);
            if (status < 0) return status;
            if (status == STATUS_END) {
                if (cursor->row_count == 0) return STATUS_END;
                cursor_rows_out(cursor, out_batch);
                return STATUS_OK;
            }
            cursor->has_step = true;
            cursor->step_next = 0;
        }
        bool is_run = cursor->step.run.sample_count > 0;
        if (is_run && cursor_run_is_direct(cursor)) {
            if (cursor->row_count > 0) {
                cursor_rows_out(cursor, out_batch);
                return STATUS_OK;
            }
            *out_batch = cursor->step.run;
            out_batch->tag = cursor->options.tag;
            cursor->has_step = false;
            return STATUS_OK;
        }
        if (!cursor->rows) {
            cursor->rows = malloc(sizeof *cursor->rows);
            if (!cursor->rows) return error_set(error, STATUS_NO_MEMORY, "cursor");
        }
        bool full = false;
        enum status status = is_run ? cursor_gather_run(cursor, &full, error)
                                    : cursor_gather_cell(cursor, &full, error);
        if (status < 0) return status;
        if (full) {
            cursor_rows_out(cursor, out_batch);
            return STATUS_OK;
        }
    }
}

static enum status blocks_floor_ns(struct segment *segment, struct identity identity,
                                   enum block_kind kind, int64_t time_ns, struct arena *arena,
                                   int64_t *floor_ns, struct error *error)
{
    struct segment_index_entry entry;
    enum status status = segment_find(segment, identity, kind, &entry, error);
    if (status < 0) return status;
    if (status == STATUS_NOT_FOUND || entry.first_time_ns > time_ns) return STATUS_OK;
    const struct block_descriptor *descriptors;
    size_t count;
    status = segment_descriptors(segment, &entry, INT64_MIN, time_ns + 1, arena, &descriptors,
                                 &count, error);
    if (status < 0 || count == 0) return status;
    const struct block_descriptor *last = &descriptors[count - 1];
    int64_t candidate_ns = last->last_time_ns <= time_ns ? last->last_time_ns : last->first_time_ns;
    if (candidate_ns > *floor_ns) *floor_ns = candidate_ns;
    return STATUS_OK;
}

static enum status mixed_floor_ns(struct segment *segment, struct identity identity,
                                  int64_t time_ns, int64_t *floor_ns, struct error *error)
{
    struct mixed_source source;
    mixed_source_init(&source);
    enum status status =
        mixed_source_open(&source, segment, identity, INT64_MIN, time_ns + 1, error);
    if (status == STATUS_OK) {
        const struct batch *batch = &source.source.batch;
        int64_t candidate_ns = batch->times_ns[batch->sample_count - 1];
        if (candidate_ns > *floor_ns) *floor_ns = candidate_ns;
    }
    mixed_source_finish(&source);
    return status < 0 ? status : STATUS_OK;
}

static enum status segment_floor_ns(struct segment *segment, struct identity identity,
                                    int64_t time_ns, struct arena *arena, int64_t *floor_ns,
                                    struct error *error)
{
    const struct segment_footer *footer = segment_footer(segment);
    if (footer->first_time_ns > time_ns || footer->last_time_ns <= *floor_ns) return STATUS_OK;
    enum status status =
        blocks_floor_ns(segment, identity, BLOCK_MAIN, time_ns, arena, floor_ns, error);
    if (status == STATUS_OK) {
        status = blocks_floor_ns(segment, identity, BLOCK_HISTORY, time_ns, arena, floor_ns, error);
    }
    if (status < 0) return status;
    return mixed_floor_ns(segment, identity, time_ns, floor_ns, error);
}

static enum status head_floor_ns(const struct head *head, uint32_t tag, int64_t time_ns,
                                 struct arena *arena, int64_t *floor_ns, struct error *error)
{
    struct head_run run = head_run(head, tag);
    struct batch batch;
    while (head_run_next(&run, &batch) == STATUS_OK && batch.times_ns[0] <= time_ns) {
        int64_t last_ns = batch.times_ns[batch.sample_count - 1];
        int64_t candidate_ns = last_ns <= time_ns ? last_ns : batch.times_ns[0];
        if (candidate_ns > *floor_ns) *floor_ns = candidate_ns;
    }
    struct head_entry *entries;
    size_t count;
    enum status status =
        head_bag(head, tag, INT64_MIN, time_ns + 1, arena, &entries, &count, error);
    if (status < 0) return status;
    if (count > 0 && entries[count - 1].time_ns > *floor_ns) {
        *floor_ns = entries[count - 1].time_ns;
    }
    return STATUS_OK;
}

enum status cursor_floor_ns(struct snapshot *snapshot, uint32_t tag, struct identity identity,
                            int64_t time_ns, int64_t *out_from_ns, struct error *error)
{
    ASSERT(time_ns < INT64_MAX);
    struct arena arena;
    arena_init(&arena, SIZE_MAX / 2);
    int64_t floor_ns = INT64_MIN;
    enum status status = head_floor_ns(snapshot->active, tag, time_ns, &arena, &floor_ns, error);
    if (status == STATUS_OK && snapshot->flushing) {
        status = head_floor_ns(snapshot->flushing, tag, time_ns, &arena, &floor_ns, error);
    }
    for (size_t i = 0; i < snapshot->segment_count && status == STATUS_OK; i++) {
        status =
            segment_floor_ns(snapshot->segments[i], identity, time_ns, &arena, &floor_ns, error);
    }
    arena_finish(&arena);
    if (status == STATUS_OK) *out_from_ns = floor_ns;
    return status;
}
