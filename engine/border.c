#include "engine/border.h"

#include <assert.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/stamp.h"

static_assert((int)BEDE_BUSY == (int)STATUS_BUSY && (int)BEDE_MISSED == (int)STATUS_MISSED &&
                  (int)BEDE_NO_SPACE == (int)STATUS_NO_SPACE && (int)BEDE_IO == (int)STATUS_IO,
              "statuses cross the border as they are");
static_assert((int)BEDE_F64 == (int)VALUE_F64 && (int)BEDE_TEXT == (int)VALUE_TEXT,
              "types cross the border as they are");
static_assert((int)BEDE_DELETION == (int)ENTRY_DELETION, "kinds cross the border as they are");
static_assert((1 << TAG_FIELD_NAME) == BEDE_TAG_NAME &&
                  (1 << TAG_FIELD_ATTRIBUTES) == BEDE_TAG_ATTRIBUTES,
              "fields cross the border as they are");
static_assert(sizeof(union bede_value) == sizeof(uint64_t), "a value is 64 bits");

const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

size_t type_bytes(uint8_t type)
{
    switch ((enum value_type)type) {
    case VALUE_F64:
    case VALUE_I64:
    case VALUE_STATE: return sizeof(uint64_t);
    case VALUE_F32: return sizeof(float);
    case VALUE_BOOL: return sizeof(uint8_t);
    case VALUE_TEXT: return sizeof(struct bede_text);
    }
    UNREACHABLE();
}

struct bede_text text_outside(uint64_t bits)
{
    const struct text_value *text = value_text(bits);
    return (struct bede_text){.bytes = text->bytes, .size = text->size_bytes};
}

static const void *values_outside(const struct batch *batch, struct arena *arena)
{
    size_t count = batch->sample_count;
    if (type_bytes(batch->type) == sizeof(uint64_t)) return batch->values;
    void *narrow = arena_take_raw(arena, count * type_bytes(batch->type));
    if (!narrow) return NULL;
    for (size_t i = 0; i < count; i++) {
        if (batch->type == VALUE_F32) {
            ((uint32_t *)narrow)[i] = (uint32_t)batch->values[i];
        } else if (batch->type == VALUE_BOOL) {
            ((uint8_t *)narrow)[i] = (uint8_t)batch->values[i];
        } else {
            bool is_gone =
                batch->kinds ? batch->kinds[i] == ENTRY_DELETION : batch->kind == ENTRY_DELETION;
            ((struct bede_text *)narrow)[i] =
                is_gone ? (struct bede_text){"", 0} : text_outside(batch->values[i]);
        }
    }
    return narrow;
}

/* Kinds, moments of change, users and reasons. */
static bool history_outside(const struct batch *batch, struct arena *arena,
                            struct bede_columns *columns)
{
    size_t count = batch->sample_count;
    uint8_t *kinds = arena_take_raw(arena, count);
    int64_t *changed = arena_take_raw(arena, count * sizeof *changed);
    struct bede_text *users = arena_take_raw(arena, count * sizeof *users);
    struct bede_text *reasons = arena_take_raw(arena, count * sizeof *reasons);
    if (!kinds || !changed || !users || !reasons) return false;
    for (size_t i = 0; i < count; i++) {
        struct entry entry = batch_entry(batch, i);
        kinds[i] = entry.kind;
        changed[i] = entry.clock == 0 ? 0 : stamp_wall_ns(entry.clock);
        users[i] = (struct bede_text){"", 0};
        reasons[i] = (struct bede_text){"", 0};
        if (!entry.note) continue;
        const char *bytes = entry.note->bytes;
        const char *zero = memchr(bytes, 0, entry.note->size_bytes);
        size_t user_bytes = zero ? (size_t)(zero - bytes) : entry.note->size_bytes;
        users[i] = (struct bede_text){bytes, user_bytes};
        if (zero) {
            reasons[i] = (struct bede_text){zero + 1, entry.note->size_bytes - user_bytes - 1};
        }
    }
    columns->kinds = kinds;
    columns->changed_ns = changed;
    columns->users = users;
    columns->reasons = reasons;
    return true;
}

enum status columns_outside(const struct batch *batch, struct arena *arena, bool history,
                            struct bede_columns *out_columns, struct error *error)
{
    struct bede_columns columns = {
        .count = batch->sample_count,
        .times_ns = batch->times_ns,
        .values = values_outside(batch, arena),
        .qualities = batch->qualities,
        .type = batch->type,
    };
    if (!columns.times_ns) {
        int64_t *times = arena_take_raw(arena, columns.count * sizeof *times);
        for (size_t i = 0; times && i < columns.count; i++) times[i] = batch->time_ns;
        columns.times_ns = times;
    }
    if (!columns.values || !columns.times_ns ||
        (history && !history_outside(batch, arena, &columns))) {
        return error_set(error, STATUS_NO_MEMORY, "%zu samples", columns.count);
    }
    *out_columns = columns;
    return STATUS_OK;
}
