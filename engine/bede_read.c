/* The public face of reading: cursors and single values. */
#include <stdlib.h>
#include <string.h>

#include "engine/border.h"
#include "storage/frontier.h"
#include "storage/stamp.h"

struct bede_cursor {
    struct cursor *cursor;
    struct arena arena; /* what the last step handed out */
    bool history;
};

int bede_cursor_open(struct bede_cursor **out_cursor, struct bede *bede, uint32_t tag,
                     const struct bede_read *read, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct store_range range = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of = UINT64_MAX};
    if (read) {
        range = (struct store_range){
            .from_ns = read->from_ns,
            .to_ns = read->to_ns,
            .as_of = read->as_of_ns == 0 ? UINT64_MAX : stamp_ceiling_of(read->as_of_ns),
            .history = read->flags & BEDE_READ_HISTORY,
        };
    }
    struct bede_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor) return report(error_set(&inner, STATUS_NO_MEMORY, "cursor"), &inner, error);
    cursor->history = range.history;
    arena_init(&cursor->arena, 256 << 20);
    enum status status = store_cursor(bede->store, tag, &range, &cursor->cursor, &inner);
    if (status < 0) {
        free(cursor);
        return report(status, &inner, error);
    }
    *out_cursor = cursor;
    return BEDE_OK;
}

int bede_cursor_next(struct bede_cursor *cursor, struct bede_columns *out_columns,
                     struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct batch batch;
    arena_reset(&cursor->arena);
    enum status status = cursor_next(cursor->cursor, &batch, &inner);
    if (status == STATUS_OK) {
        status = columns_outside(&batch, &cursor->arena, cursor->history, out_columns, &inner);
    }
    return report(status, &inner, error);
}

void bede_cursor_close(struct bede_cursor *cursor)
{
    if (!cursor) return;
    cursor_close(cursor->cursor);
    arena_finish(&cursor->arena);
    free(cursor);
}

/* The text of a sample, in memory that the sample owns together with its struct bede_text. */
static enum status sample_outside(int64_t time_ns, const struct entry *entry,
                                  struct bede_sample *out_sample, struct error *error)
{
    struct bede_sample sample = {
        .time_ns = time_ns, .quality = entry->quality, .type = entry->type};
    if (entry->type != VALUE_TEXT) {
        memcpy(&sample.value, &entry->value, sizeof sample.value);
        *out_sample = sample;
        return STATUS_OK;
    }
    struct bede_text inside = text_outside(entry->value);
    struct bede_text *text = malloc(sizeof *text + inside.size + 1);
    if (!text) return error_set(error, STATUS_NO_MEMORY, "text of %zu bytes", inside.size);
    char *bytes = (char *)(text + 1);
    memcpy(bytes, inside.bytes, inside.size);
    bytes[inside.size] = 0;
    *text = (struct bede_text){.bytes = bytes, .size = inside.size};
    sample.value.text = text;
    sample.memory = text;
    *out_sample = sample;
    return STATUS_OK;
}

int bede_value_at(struct bede *bede, uint32_t tag, int64_t time_ns, struct bede_sample *out_sample,
                  struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct arena arena;
    arena_init(&arena, 256 << 20);
    int64_t found_ns;
    struct entry entry;
    enum status status =
        store_value_at(bede->store, tag, time_ns, &arena, &found_ns, &entry, &inner);
    if (status == STATUS_OK) status = sample_outside(found_ns, &entry, out_sample, &inner);
    arena_finish(&arena);
    return report(status, &inner, error);
}

int bede_latest(struct bede *bede, uint32_t tag, struct bede_sample *out_sample,
                struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct arena arena;
    arena_init(&arena, 256 << 20);
    int64_t found_ns;
    struct entry entry;
    enum status status = store_latest(bede->store, tag, &arena, &found_ns, &entry, &inner);
    if (status == STATUS_OK) status = sample_outside(found_ns, &entry, out_sample, &inner);
    arena_finish(&arena);
    return report(status, &inner, error);
}

void bede_sample_free(struct bede_sample *sample)
{
    if (!sample) return;
    free(sample->memory);
    sample->memory = NULL;
}
