#include "storage/settle.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

enum { ROWS_MAX = 1024 };
#define TEXTS_BYTES_MAX ((size_t)1 << 30)

/* Winners as columns. */
struct settle_row {
    int64_t times_ns[ROWS_MAX];
    uint64_t values[ROWS_MAX];
    uint32_t qualities[ROWS_MAX];
    uint64_t clocks[ROWS_MAX];
    uint32_t generations[ROWS_MAX];
    uint64_t origins[ROWS_MAX];
    uint8_t type; /* of all */
};

enum status settle_init(struct settle *settle, struct segment_writer *writer, struct error *error)
{
    *settle = (struct settle){.writer = writer};
    arena_init(&settle->texts, TEXTS_BYTES_MAX);
    settle->rows = malloc(sizeof *settle->rows);
    if (!settle->rows) return error_set(error, STATUS_NO_MEMORY, "rows of a merge");
    return STATUS_OK;
}

void settle_finish(struct settle *settle)
{
    free(settle->history);
    free(settle->rows);
    arena_finish(&settle->texts);
    *settle = (struct settle){0};
}

static enum status settle_write_rows(struct settle *settle, struct identity identity,
                                     struct error *error)
{
    if (settle->row_count == 0) return STATUS_OK;
    const struct settle_row *rows = settle->rows;
    struct batch batch = {
        .sample_count = (uint32_t)settle->row_count,
        .times_ns = rows->times_ns,
        .values = rows->values,
        .qualities = rows->qualities,
        .type = rows->type,
        .kind = ENTRY_COLLECTED,
        .clocks = rows->clocks,
        .generations = rows->generations,
        .origins = rows->origins,
    };
    settle->row_count = 0;
    return segment_writer_add(settle->writer, identity, BLOCK_MAIN, &batch, settle->row_sequence,
                              error);
}

/* A text's row is written at once: what it points to is gone with the next step. */
static enum status settle_winner(struct settle *settle, struct identity identity, int64_t time_ns,
                                 const struct entry *entry, uint64_t sequence, struct error *error)
{
    struct settle_row *rows = settle->rows;
    if (settle->row_count > 0 && (settle->row_count == ROWS_MAX || rows->type != entry->type)) {
        enum status status = settle_write_rows(settle, identity, error);
        if (status < 0) return status;
    }
    if (settle->row_count == 0) settle->row_sequence = 0;
    if (sequence > settle->row_sequence) settle->row_sequence = sequence;
    size_t row = settle->row_count++;
    rows->type = entry->type;
    rows->times_ns[row] = time_ns;
    rows->values[row] = entry->value;
    rows->qualities[row] = entry->quality;
    rows->clocks[row] = entry->clock;
    rows->generations[row] = entry->generation;
    rows->origins[row] = entry->origin;
    return entry->type == VALUE_TEXT ? settle_write_rows(settle, identity, error) : STATUS_OK;
}

static enum status settle_keep_text(struct settle *settle, const struct text_value **text,
                                    struct error *error)
{
    size_t bytes = sizeof **text + (*text)->size_bytes;
    void *copy = arena_take(&settle->texts, bytes);
    if (!copy) return error_set(error, STATUS_TOO_LARGE, "history texts of one tag over 1 GiB");
    *text = memcpy(copy, *text, bytes);
    return STATUS_OK;
}

static enum status settle_keep_history(struct settle *settle, int64_t time_ns, struct entry entry,
                                       struct error *error)
{
    if (settle->history_count == settle->history_count_max) {
        size_t count_max = settle->history_count_max ? 2 * settle->history_count_max : 64;
        struct head_entry *history = realloc(settle->history, count_max * sizeof *history);
        if (!history) return error_set(error, STATUS_NO_MEMORY, "%zu history entries", count_max);
        settle->history = history;
        settle->history_count_max = count_max;
    }
    enum status status = STATUS_OK;
    if (entry.type == VALUE_TEXT && entry.kind != ENTRY_DELETION) {
        const struct text_value *text = value_text(entry.value);
        status = settle_keep_text(settle, &text, error);
        entry.value = value_from_text(text);
    }
    if (status == STATUS_OK && entry.note) status = settle_keep_text(settle, &entry.note, error);
    if (status < 0) return status;
    settle->history[settle->history_count++] =
        (struct head_entry){.time_ns = time_ns, .entry = entry};
    return STATUS_OK;
}

static int entry_order(const void *left, const void *right)
{
    return entry_compare(left, right);
}

/* The entries of one cell, sorted here: the greatest collected one wins, and of every other origin
 * the greatest stays as history. */
static enum status settle_cell(struct settle *settle, struct identity identity,
                               const struct merge_step *step, struct entry *entries,
                               struct error *error)
{
    size_t count = step->entry_count;
    qsort(entries, count, sizeof *entries, entry_order);
    const struct entry *winner = NULL;
    for (size_t i = count; i-- > 0 && !winner;) {
        if (entries[i].kind == ENTRY_COLLECTED) winner = &entries[i];
    }
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i];
        if (i + 1 < count && entry_compare(entry, &entries[i + 1]) == 0) continue;
        if (entry->kind == ENTRY_COLLECTED) {
            ASSERT(winner);
            bool is_best_of_origin = entry->origin != winner->origin;
            for (size_t j = i + 1; j < count && is_best_of_origin; j++) {
                is_best_of_origin =
                    entries[j].kind != ENTRY_COLLECTED || entries[j].origin != entry->origin;
            }
            if (!is_best_of_origin) continue;
        }
        enum status status = settle_keep_history(settle, step->time_ns, *entry, error);
        if (status < 0) return status;
        if (step->sequence > settle->history_sequence) settle->history_sequence = step->sequence;
    }
    if (!winner) return STATUS_OK;
    return settle_winner(settle, identity, step->time_ns, winner, step->sequence, error);
}

static enum status settle_write_history(struct settle *settle, struct identity identity,
                                        struct error *error)
{
    for (size_t i = 0; i < settle->history_count; i++) {
        const struct head_entry *row = &settle->history[i];
        const struct entry *entry = &row->entry;
        struct batch batch = {
            .sample_count = 1,
            .times_ns = &row->time_ns,
            .values = &entry->value,
            .qualities = &entry->quality,
            .type = entry->type,
            .kind = entry->kind,
            .clock = entry->clock,
            .generation = entry->generation,
            .origin = entry->origin,
            .notes = &entry->note,
        };
        enum status status = segment_writer_add(settle->writer, identity, BLOCK_HISTORY, &batch,
                                                settle->history_sequence, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

void settle_begin(struct settle *settle)
{
    settle->history_count = 0;
    settle->history_sequence = 0;
    settle->row_count = 0;
    arena_reset(&settle->texts);
}

enum status settle_merge(struct settle *settle, struct identity identity, struct merge *merge,
                         struct error *error)
{
    struct merge_step step;
    enum status status;
    while ((status = merge_next(merge, &step, error)) == STATUS_OK) {
        if (step.run.sample_count > 0) {
            status = settle_write_rows(settle, identity, error);
            if (status < 0) return status;
            status = segment_writer_add(settle->writer, identity, BLOCK_MAIN, &step.run,
                                        step.sequence, error);
        } else {
            /* The merge owns the room of its cell, and lets it be sorted. */
            status = settle_cell(settle, identity, &step, merge->entries, error);
        }
        if (status < 0) return status;
    }
    return status < 0 ? status : STATUS_OK;
}

enum status settle_copy(struct settle *settle, struct identity identity, const uint8_t *block,
                        const struct block_descriptor *descriptor, struct error *error)
{
    enum status status = settle_write_rows(settle, identity, error);
    if (status < 0) return status;
    return segment_writer_copy(settle->writer, block, descriptor, error);
}

enum status settle_end(struct settle *settle, struct identity identity, struct error *error)
{
    enum status status = settle_write_rows(settle, identity, error);
    if (status < 0) return status;
    return settle_write_history(settle, identity, error);
}

enum status settle_tag(struct settle *settle, struct identity identity, struct merge *merge,
                       struct error *error)
{
    settle_begin(settle);
    enum status status = settle_merge(settle, identity, merge, error);
    return status < 0 ? status : settle_end(settle, identity, error);
}
