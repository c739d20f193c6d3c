/* The public face of writing: what is appended, corrected, deleted. */
#include <stdlib.h>
#include <string.h>

#include "engine/border.h"
#include "storage/base/bytes.h"

enum {
    SCAN_PIECE_VALUES = 16384, /* small enough for the cache, large enough for the log */
    PIECE_TEXT_BYTES_MAX = 1 << 20,
};

/* Values as 64-bit words: the caller's own array where it is one already, else in *memory. */
struct words {
    const uint64_t *values;
    void *memory; /* owned */
};

static enum status words_from_texts(struct words *words, const struct bede_text *texts,
                                    size_t count, struct error *error)
{
    size_t bytes = count * sizeof(uint64_t);
    for (size_t i = 0; i < count; i++) {
        if (texts[i].size > TEXT_VALUE_BYTES_MAX) {
            return error_set(error, STATUS_TOO_LARGE, "text of %zu bytes, at most %d are allowed",
                             texts[i].size, TEXT_VALUE_BYTES_MAX);
        }
        bytes += text_value_bytes((uint32_t)texts[i].size);
    }
    words->memory = malloc(bytes);
    if (!words->memory) return error_set(error, STATUS_NO_MEMORY, "texts of %zu bytes", bytes);
    uint64_t *values = words->memory;
    char *next = (char *)(values + count);
    for (size_t i = 0; i < count; i++) {
        struct text_value *text = (struct text_value *)(void *)next;
        text->size_bytes = (uint32_t)texts[i].size;
        if (texts[i].size > 0) memcpy(text->bytes, texts[i].bytes, texts[i].size);
        values[i] = value_from_text(text);
        next += text_value_bytes(text->size_bytes);
    }
    words->values = values;
    return STATUS_OK;
}

static enum status words_make(struct words *words, uint8_t type, const void *values, size_t count,
                              struct error *error)
{
    *words = (struct words){.values = values};
    if (type == VALUE_TEXT) return words_from_texts(words, values, count, error);
    if (type_bytes(type) == sizeof(uint64_t)) return STATUS_OK;
    uint64_t *wide = malloc(count * sizeof *wide);
    if (!wide) return error_set(error, STATUS_NO_MEMORY, "%zu values", count);
    const uint32_t *floats = values; /* the bits, whatever float they are */
    const uint8_t *bytes = values;
    for (size_t i = 0; i < count; i++) wide[i] = type == VALUE_F32 ? floats[i] : bytes[i];
    words->values = wide;
    words->memory = wide;
    return STATUS_OK;
}

static enum status append_piece(struct bede *bede, uint32_t tag, uint8_t type,
                                const struct bede_columns *columns, size_t first, size_t count,
                                uint64_t *out_ticket, struct error *error)
{
    struct words words;
    const char *values = columns->values;
    enum status status = words_make(&words, type, values + first * type_bytes(type), count, error);
    if (status == STATUS_OK) {
        struct batch batch = {
            .sample_count = (uint32_t)count,
            .tag = tag,
            .times_ns = columns->times_ns + first,
            .values = words.values,
            .qualities = columns->qualities ? columns->qualities + first : NULL,
        };
        status = store_append(bede->store, &batch, out_ticket, error);
    }
    free(words.memory);
    return status;
}

/* How many samples from first on go into the log together: no more than a batch or the log's buffer
 * holds, and not all too many texts. At least one: the log says what is wrong with it. */
static size_t piece_count(const struct bede *bede, uint8_t type, const struct bede_columns *columns,
                          size_t first)
{
    size_t bytes_max = store_append_bytes_max(bede->store);
    size_t count_max = columns->count - first;
    if (count_max > STORE_BATCH_SAMPLES_MAX) count_max = STORE_BATCH_SAMPLES_MAX;
    if (count_max > bytes_max / STORE_SAMPLE_BYTES) count_max = bytes_max / STORE_SAMPLE_BYTES;
    if (type != VALUE_TEXT) return count_max > 0 ? count_max : 1;
    const struct bede_text *texts = columns->values;
    if (bytes_max > PIECE_TEXT_BYTES_MAX) bytes_max = PIECE_TEXT_BYTES_MAX;
    size_t count = 0, bytes = 0;
    while (count < count_max) {
        bytes += STORE_SAMPLE_BYTES + sizeof(uint64_t) + texts[first + count].size;
        if (count > 0 && bytes > bytes_max) break;
        count++;
    }
    return count > 0 ? count : 1;
}

int bede_append(struct bede *bede, uint32_t tag, const struct bede_columns *columns,
                uint64_t *out_ticket, struct bede_error *error)
{
    struct error inner = {.text = ""};
    uint8_t type;
    uint64_t ticket = 0;
    if (catalog_type(store_catalog(bede->store), tag, &type) != STATUS_OK) {
        return report(error_set(&inner, STATUS_BAD_INPUT, "there is no tag %u", tag), &inner,
                      error);
    }
    enum status status = STATUS_OK;
    for (size_t first = 0; first < columns->count && status == STATUS_OK;) {
        size_t count = piece_count(bede, type, columns, first);
        status = append_piece(bede, tag, type, columns, first, count, &ticket, &inner);
        first += count;
    }
    if (status == STATUS_OK && !out_ticket) status = store_wait(bede->store, ticket, &inner);
    if (status == STATUS_OK && out_ticket) *out_ticket = ticket;
    return report(status, &inner, error);
}

int bede_append_f64(struct bede *bede, uint32_t tag, int64_t time_ns, double value,
                    uint32_t quality, struct bede_error *error)
{
    struct error inner = {.text = ""};
    uint8_t type;
    if (catalog_type(store_catalog(bede->store), tag, &type) == STATUS_OK && type != VALUE_F64) {
        return report(error_set(&inner, STATUS_BAD_INPUT, "tag %u is %s, not f64", tag,
                                value_type_name(type)),
                      &inner, error);
    }
    struct bede_columns columns = {
        .count = 1, .times_ns = &time_ns, .values = &value, .qualities = &quality};
    if (quality == BEDE_GOOD) columns.qualities = NULL;
    return bede_append(bede, tag, &columns, NULL, error);
}

/* One value of a scan as its 64 bits. Texts of a scan lie in the arena. */
static enum status value_inside(uint8_t type, const union bede_value *value, struct arena *arena,
                                uint64_t *out_bits, struct error *error)
{
    switch ((enum value_type)type) {
    case VALUE_F64:
    case VALUE_I64:
    case VALUE_STATE: memcpy(out_bits, value, sizeof *out_bits); return STATUS_OK;
    case VALUE_F32: *out_bits = bits_of_float(value->f32); return STATUS_OK;
    case VALUE_BOOL: *out_bits = value->boolean != 0; return STATUS_OK;
    case VALUE_TEXT: break;
    }
    const struct bede_text *text = value->text;
    if (text->size > TEXT_VALUE_BYTES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "text of %zu bytes, at most %d are allowed",
                         text->size, TEXT_VALUE_BYTES_MAX);
    }
    struct text_value *inside = arena_take(arena, text_value_bytes((uint32_t)text->size));
    if (!inside) return error_set(error, STATUS_NO_MEMORY, "text of %zu bytes", text->size);
    inside->size_bytes = (uint32_t)text->size;
    if (text->size > 0) memcpy(inside->bytes, text->bytes, text->size);
    *out_bits = value_from_text(inside);
    return STATUS_OK;
}

static enum status scan_piece(struct bede *bede, const struct bede_scan *scan, size_t first,
                              size_t count, struct arena *arena, uint64_t *out_ticket,
                              struct error *error)
{
    arena_reset(arena);
    uint64_t *values = arena_take_raw(arena, count * sizeof *values);
    uint8_t *types = arena_take_raw(arena, count);
    if (!values || !types) return error_set(error, STATUS_NO_MEMORY, "scan of %zu values", count);
    enum status status =
        catalog_types(store_catalog(bede->store), scan->tags + first, count, types, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = value_inside(types[i], &scan->values[first + i], arena, &values[i], error);
    }
    if (status < 0) return status;
    struct batch batch = {
        .sample_count = (uint32_t)count,
        .tags = scan->tags + first,
        .time_ns = scan->time_ns,
        .values = values,
        .types = types,
        .qualities = scan->qualities ? scan->qualities + first : NULL,
    };
    return store_append_scan(bede->store, &batch, out_ticket, error);
}

int bede_append_scan(struct bede *bede, const struct bede_scan *scan, uint64_t *out_ticket,
                     struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct arena arena;
    arena_init(&arena, (size_t)8 << 30);
    uint64_t ticket = 0;
    enum status status = STATUS_OK;
    for (size_t first = 0; first < scan->count && status == STATUS_OK;) {
        size_t count = scan->count - first;
        if (count > SCAN_PIECE_VALUES) count = SCAN_PIECE_VALUES;
        status = scan_piece(bede, scan, first, count, &arena, &ticket, &inner);
        first += count;
    }
    arena_finish(&arena);
    if (status == STATUS_OK && !out_ticket) status = store_wait(bede->store, ticket, &inner);
    if (status == STATUS_OK && out_ticket) *out_ticket = ticket;
    return report(status, &inner, error);
}

int bede_wait(struct bede *bede, uint64_t ticket, struct bede_error *error)
{
    struct error inner;
    return report(store_wait(bede->store, ticket, &inner), &inner, error);
}

int bede_sync(struct bede *bede, struct bede_error *error)
{
    struct error inner;
    return report(store_sync(bede->store, &inner), &inner, error);
}

int bede_correct(struct bede *bede, uint32_t tag, int64_t time_ns, const union bede_value *value,
                 uint32_t quality, const char *user, const char *reason, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    uint8_t type;
    uint64_t bits = 0;
    enum status status = catalog_type(store_catalog(bede->store), tag, &type);
    if (status != STATUS_OK) {
        status = error_set(&inner, STATUS_BAD_INPUT, "there is no tag %u", tag);
    } else {
        status = value_inside(type, value, &arena, &bits, &inner);
    }
    if (status == STATUS_OK) {
        status = store_append_explicit(bede->store, tag, time_ns, ENTRY_CORRECTION, bits, quality,
                                       user, reason, &inner);
    }
    arena_finish(&arena);
    return report(status, &inner, error);
}

int bede_erase(struct bede *bede, uint32_t tag, int64_t time_ns, const char *user,
               const char *reason, struct bede_error *error)
{
    struct error inner;
    return report(store_append_explicit(bede->store, tag, time_ns, ENTRY_DELETION, 0, 0, user,
                                        reason, &inner),
                  &inner, error);
}

/* NOLINTNEXTLINE(readability-function-size): a deletion is this many things */
int bede_delete(struct bede *bede, const uint32_t *tags, size_t count, int64_t from_ns,
                int64_t to_ns, const char *user, const char *reason, struct bede_mask *out_mask,
                struct bede_error *error)
{
    struct error inner;
    struct revision group;
    enum status status = store_mask(bede->store, tags, count, from_ns, to_ns, text_or_empty(user),
                                    text_or_empty(reason), &group, &inner);
    if (status == STATUS_OK && out_mask) {
        *out_mask = (struct bede_mask){
            .clock = group.clock, .node = group.node, .generation = group.generation};
    }
    return report(status, &inner, error);
}

int bede_undelete(struct bede *bede, const struct bede_mask *mask, const char *user,
                  const char *reason, struct bede_error *error)
{
    struct error inner;
    struct revision group = {
        .clock = mask->clock, .node = mask->node, .generation = mask->generation};
    return report(
        store_unmask(bede->store, group, text_or_empty(user), text_or_empty(reason), &inner),
        &inner, error);
}
