#include "storage/segment_stage.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

/* The columns that a batch may have or not: where its pointer lies, and what counts instead. */
static const struct stage_column {
    size_t pointer;
    size_t beside; /* of the number; 0: none, all are zero */
    size_t bytes;  /* of one sample */
} stage_columns[STAGE_COLUMNS] = {
    {offsetof(struct batch, qualities), 0, sizeof(uint32_t)},
    {offsetof(struct batch, types), offsetof(struct batch, type), sizeof(uint8_t)},
    {offsetof(struct batch, kinds), offsetof(struct batch, kind), sizeof(uint8_t)},
    {offsetof(struct batch, clocks), offsetof(struct batch, clock), sizeof(uint64_t)},
    {offsetof(struct batch, generations), offsetof(struct batch, generation), sizeof(uint32_t)},
    {offsetof(struct batch, origins), offsetof(struct batch, origin), sizeof(uint64_t)},
    {offsetof(struct batch, notes), 0, sizeof(struct text_value *)},
};
enum { COLUMN_NOTES = STAGE_COLUMNS - 1 };

enum status segment_stage_init(struct segment_stage *stage, size_t count_max, struct error *error)
{
    *stage = (struct segment_stage){.count_max = count_max};
    buffer_init(&stage->texts, STAGE_TEXT_BYTES_MAX);
    stage->times_ns = malloc(count_max * sizeof *stage->times_ns);
    stage->values = malloc(count_max * sizeof *stage->values);
    if (!stage->times_ns || !stage->values) {
        return error_set(error, STATUS_NO_MEMORY, "columns of %zu samples", count_max);
    }
    segment_stage_clear(stage);
    return STATUS_OK;
}

void segment_stage_finish(struct segment_stage *stage)
{
    free(stage->times_ns);
    free(stage->values);
    for (size_t i = 0; i < STAGE_COLUMNS; i++) free(stage->columns[i]);
    buffer_finish(&stage->texts);
}

void segment_stage_clear(struct segment_stage *stage)
{
    stage->batch = (struct batch){.times_ns = stage->times_ns, .values = stage->values};
    buffer_clear(&stage->texts);
}

static const void *column_pointer(const struct batch *batch, const struct stage_column *column)
{
    const void *pointer;
    memcpy(&pointer, (const uint8_t *)batch + column->pointer, sizeof pointer);
    return pointer;
}

static const void *column_beside(const struct batch *batch, const struct stage_column *column)
{
    static const uint64_t zero = 0;
    return column->beside == 0 ? (const void *)&zero : (const uint8_t *)batch + column->beside;
}

static void column_spread(void *target, const void *number, size_t bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) memcpy((uint8_t *)target + i * bytes, number, bytes);
}

/* The first count samples of a column go behind what is staged. */
static enum status column_add(struct segment_stage *stage, size_t index, const struct batch *batch,
                              size_t count, struct error *error)
{
    const struct stage_column *column = &stage_columns[index];
    struct batch *staged = &stage->batch;
    const void *source = column_pointer(batch, column);
    const void *beside = column_beside(batch, column);
    if (!column_pointer(staged, column)) {
        if (!source && staged->sample_count == 0 && column->beside != 0) {
            memcpy((uint8_t *)staged + column->beside, beside, column->bytes);
        }
        if (!source && memcmp(column_beside(staged, column), beside, column->bytes) == 0) {
            return STATUS_OK;
        }
        void **room = &stage->columns[index];
        if (!*room && !(*room = malloc(stage->count_max * column->bytes))) {
            return error_set(error, STATUS_NO_MEMORY, "column of %zu samples", stage->count_max);
        }
        column_spread(*room, column_beside(staged, column), column->bytes, staged->sample_count);
        memcpy((uint8_t *)staged + column->pointer, room, sizeof *room);
    }
    uint8_t *target = (uint8_t *)stage->columns[index] + staged->sample_count * column->bytes;
    if (source) {
        memcpy(target, source, count * column->bytes);
    } else {
        column_spread(target, beside, column->bytes, count);
    }
    return STATUS_OK;
}

/* ---- Texts and notes ---- */

static size_t text_room(const struct text_value *text)
{
    return text ? bytes_align(text_value_bytes(text->size_bytes), 8) : 0;
}

static const struct text_value *sample_note(const struct batch *batch, size_t index)
{
    return batch->notes ? batch->notes[index] : NULL;
}

static const struct text_value *sample_text(const struct batch *batch, size_t index)
{
    return batch_type(batch, 0) == VALUE_TEXT ? value_text(batch->values[index]) : NULL;
}

/* How many of the first samples have room for their texts (T2). */
static size_t texts_fitting(const struct segment_stage *stage, const struct batch *batch,
                            size_t count)
{
    size_t left = STAGE_TEXT_BYTES_MAX - stage->texts.size_bytes;
    for (size_t i = 0; i < count; i++) {
        size_t needed = text_room(sample_note(batch, i)) + text_room(sample_text(batch, i));
        if (needed > left) return i;
        left -= needed;
    }
    return count;
}

static const struct text_value *text_keep(struct segment_stage *stage,
                                          const struct text_value *text)
{
    if (!text) return NULL;
    struct buffer *texts = &stage->texts;
    ASSERT(text_room(text) <= texts->capacity_bytes - texts->size_bytes);
    uint8_t *place = texts->bytes + texts->size_bytes;
    memcpy(place, text, sizeof *text + text->size_bytes);
    texts->size_bytes += text_room(text);
    return (const struct text_value *)(const void *)place;
}

/* The last count samples staged point to texts of the caller: now to copies. */
static enum status texts_keep(struct segment_stage *stage, size_t count, struct error *error)
{
    struct batch *staged = &stage->batch;
    if (!buffer_reserve(&stage->texts, STAGE_TEXT_BYTES_MAX - stage->texts.size_bytes, error)) {
        return error->status;
    }
    const struct text_value **notes = stage->columns[COLUMN_NOTES];
    for (size_t i = staged->sample_count - count; i < staged->sample_count; i++) {
        if (staged->notes) notes[i] = text_keep(stage, notes[i]);
        if (staged->type == VALUE_TEXT) {
            stage->values[i] = value_from_text(text_keep(stage, value_text(stage->values[i])));
        }
    }
    return STATUS_OK;
}

enum status segment_stage_add(struct segment_stage *stage, const struct batch *batch,
                              size_t *out_count, struct error *error)
{
    struct batch *staged = &stage->batch;
    size_t staged_count = staged->sample_count;
    *out_count = 0;
    size_t count = stage->count_max - staged_count;
    if (count > batch->sample_count) count = batch->sample_count;
    bool has_texts = batch_type(batch, 0) == VALUE_TEXT || batch->notes || staged->notes;
    if (has_texts) count = texts_fitting(stage, batch, count);
    if (count == 0) return STATUS_OK;

    for (size_t i = 0; i < STAGE_COLUMNS; i++) {
        enum status status = column_add(stage, i, batch, count, error);
        if (status < 0) return status;
    }
    memcpy(stage->values + staged_count, batch->values, count * sizeof *stage->values);
    if (batch->times_ns) {
        memcpy(stage->times_ns + staged_count, batch->times_ns, count * sizeof *stage->times_ns);
    } else {
        column_spread(stage->times_ns + staged_count, &batch->time_ns, sizeof batch->time_ns,
                      count);
    }
    staged->sample_count += (uint32_t)count;
    *out_count = count;
    return has_texts ? texts_keep(stage, count, error) : STATUS_OK;
}
