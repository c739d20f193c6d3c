/* The public face: checks what comes from outside, turns columns into batches and back, and leaves
 * the rest to the store. */
#include "engine/bede.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/frontier.h"
#include "storage/stamp.h"
#include "storage/store.h"

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

enum {
    SCAN_PIECE_VALUES = 16384, /* small enough for the cache, large enough for the log */
    PIECE_TEXT_BYTES_MAX = 1 << 20,
    SUBSCRIPTION_BYTES_DEFAULT = 4 << 20,
};

struct bede {
    struct store *store;
};

/* The border between the internal error and the public one. */
static int report(enum status status, const struct error *inner, struct bede_error *error)
{
    if (status < 0 && error) {
        error->status = status;
        error->os_errno = inner->os_errno;
        memcpy(error->text, inner->text, sizeof error->text);
    }
    return status;
}

const char *bede_version(void)
{
    return BEDE_VERSION;
}

int bede_open(struct bede **out_bede, const char *path, const struct bede_options *options,
              struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct bede_options defaults = {0};
    if (!options) options = &defaults;
    if (options->sync > BEDE_SYNC_NONE) {
        return report(
            error_set(&inner, STATUS_BAD_INPUT, "sync %u is no enum bede_sync", options->sync),
            &inner, error);
    }
    struct bede *bede = calloc(1, sizeof *bede);
    if (!bede) return report(error_set(&inner, STATUS_NO_MEMORY, "%s", path), &inner, error);
    struct store_options inside = {
        .path = path,
        .name_space = options->name_space,
        .memory_bytes_max = options->memory_bytes_max,
        .wal_bytes_max = options->wal_bytes_max,
        .wal_file_bytes = options->wal_file_bytes,
        .policy = (enum wal_policy)options->sync,
        .sync_interval_ms = options->sync_interval_ms,
        .flush_interval_s = options->flush_interval_s,
        .existing_only = options->flags & BEDE_OPEN_EXISTING,
    };
    enum status status = store_open(&bede->store, &inside, &inner);
    if (status != STATUS_OK) {
        free(bede);
        return report(status, &inner, error);
    }
    *out_bede = bede;
    return BEDE_OK;
}

int bede_close(struct bede *bede, struct bede_error *error)
{
    if (!bede) return BEDE_OK;
    struct error inner;
    enum status status = store_close(bede->store, &inner);
    free(bede);
    return report(status, &inner, error);
}

void bede_free(void *memory)
{
    free(memory);
}

/* ---- Tags ---- */

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static struct tag_definition definition_inside(const struct bede_tag_definition *definition)
{
    return (struct tag_definition){
        .name = text_or_empty(definition->name),
        .unit = text_or_empty(definition->unit),
        .description = text_or_empty(definition->description),
        .states = text_or_empty(definition->states),
        .source = text_or_empty(definition->source),
        .attributes = text_or_empty(definition->attributes),
        .zero = definition->zero,
        .span = definition->span,
        .max_gap_ns = definition->max_gap_ns,
        .type =
            definition->type < 0 || definition->type > UINT8_MAX ? 0 : (uint8_t)definition->type,
        .step = definition->step != 0,
    };
}

int bede_tags_create(struct bede *bede, const struct bede_tag_definition *definitions, size_t count,
                     uint32_t *out_tags, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct tag_definition *inside = calloc(count + 1, sizeof *inside);
    if (!inside) {
        return report(error_set(&inner, STATUS_NO_MEMORY, "%zu tags", count), &inner, error);
    }
    for (size_t i = 0; i < count; i++) inside[i] = definition_inside(&definitions[i]);
    enum status status = store_tags_create(bede->store, inside, count, out_tags, &inner);
    free(inside);
    if (status == STATUS_EXISTS && error) memcpy(error->text, inner.text, sizeof error->text);
    return report(status, &inner, error);
}

int bede_tag(struct bede *bede, const char *name, int type, uint32_t *out_tag,
             struct bede_error *error)
{
    struct bede_tag_definition definition = {.name = name, .type = type};
    int made = BEDE_EXISTS;
    if (bede_tag_find(bede, name, out_tag) == BEDE_NOT_FOUND) {
        made = bede_tags_create(bede, &definition, 1, out_tag, error);
    }
    if (made != BEDE_EXISTS) return made;

    /* It was there, or another thread made it in between. */
    struct error inner = {.text = ""};
    uint8_t found = 0;
    enum status status = catalog_find(store_catalog(bede->store), name, out_tag);
    if (status == STATUS_OK) status = catalog_type(store_catalog(bede->store), *out_tag, &found);
    if (status != STATUS_OK) return status;
    if (found != type) {
        status = error_set(&inner, STATUS_BAD_INPUT, "tag \"%.150s\" is %s, not %s", name,
                           value_type_name(found),
                           type > 0 && type <= UINT8_MAX && value_type_is_valid((uint8_t)type)
                               ? value_type_name((uint8_t)type)
                               : "what was asked for");
    }
    return report(status, &inner, error);
}

int bede_tag_find(struct bede *bede, const char *name, uint32_t *out_tag)
{
    return catalog_find(store_catalog(bede->store), name, out_tag);
}

int bede_tag_change(struct bede *bede, uint32_t tag, const struct bede_tag_definition *definition,
                    unsigned fields, struct bede_error *error)
{
    struct error inner = {.text = ""};
    if (fields == 0) return BEDE_OK;
    if (fields >= 1u << TAG_FIELD_DELETED) {
        return report(error_set(&inner, STATUS_BAD_INPUT, "fields 0x%x", fields), &inner, error);
    }
    /* What is not changed is taken as it is, so that the whole keeps the limits. */
    struct bede_tag_info info;
    int found = bede_tag_info(bede, tag, &info, error);
    if (found == BEDE_NOT_FOUND) {
        return report(error_set(&inner, STATUS_BAD_INPUT, "there is no tag %u", tag), &inner,
                      error);
    }
    if (found != BEDE_OK) return found;
    struct bede_tag_definition *whole = &info.definition;
    if (fields & BEDE_TAG_NAME) whole->name = definition->name;
    if (fields & BEDE_TAG_TYPE) whole->type = definition->type;
    if (fields & BEDE_TAG_UNIT) whole->unit = definition->unit;
    if (fields & BEDE_TAG_DESCRIPTION) whole->description = definition->description;
    if (fields & BEDE_TAG_STEP) whole->step = definition->step;
    if (fields & BEDE_TAG_ZERO) whole->zero = definition->zero;
    if (fields & BEDE_TAG_SPAN) whole->span = definition->span;
    if (fields & BEDE_TAG_MAX_GAP) whole->max_gap_ns = definition->max_gap_ns;
    if (fields & BEDE_TAG_STATES) whole->states = definition->states;
    if (fields & BEDE_TAG_SOURCE) whole->source = definition->source;
    if (fields & BEDE_TAG_ATTRIBUTES) whole->attributes = definition->attributes;
    struct tag_definition inside = definition_inside(whole);
    enum status status = store_tag_change(bede->store, tag, &inside, fields, &inner);
    bede_tag_info_free(&info);
    return report(status, &inner, error);
}

int bede_tag_drop(struct bede *bede, uint32_t tag, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct bede_tag_info info;
    int found = bede_tag_info(bede, tag, &info, error);
    if (found != BEDE_OK) return found;
    struct tag_definition inside = definition_inside(&info.definition);
    inside.deleted = true;
    enum status status =
        store_tag_change(bede->store, tag, &inside, 1u << TAG_FIELD_DELETED, &inner);
    bede_tag_info_free(&info);
    return report(status, &inner, error);
}

int bede_tag_info(struct bede *bede, uint32_t tag, struct bede_tag_info *out_info,
                  struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct arena *arena = malloc(sizeof *arena);
    if (!arena) return report(error_set(&inner, STATUS_NO_MEMORY, "tag"), &inner, error);
    arena_init(arena, 1 << 20);
    struct tag_view view;
    enum status status = catalog_view(store_catalog(bede->store), tag, arena, &view, &inner);
    if (status == STATUS_OK && view.definition.deleted) status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        arena_finish(arena);
        free(arena);
        return report(status, &inner, error);
    }
    *out_info = (struct bede_tag_info){
        .tag = tag,
        .created_ns = stamp_wall_ns(view.created.clock),
        .definition = {.name = view.definition.name,
                       .unit = view.definition.unit,
                       .description = view.definition.description,
                       .states = view.definition.states,
                       .source = view.definition.source,
                       .attributes = view.definition.attributes,
                       .zero = view.definition.zero,
                       .span = view.definition.span,
                       .max_gap_ns = view.definition.max_gap_ns,
                       .type = view.definition.type,
                       .step = view.definition.step},
        .memory = arena,
    };
    memcpy(out_info->identity, &view.identity, sizeof out_info->identity);
    return BEDE_OK;
}

void bede_tag_info_free(struct bede_tag_info *info)
{
    if (!info || !info->memory) return;
    arena_finish(info->memory);
    free(info->memory);
    *info = (struct bede_tag_info){0};
}

int bede_tags_match(struct bede *bede, const char *pattern, uint32_t **out_tags, size_t *out_count,
                    struct bede_error *error)
{
    struct error inner = {.text = ""};
    enum status status =
        catalog_match(store_catalog(bede->store), pattern, out_tags, out_count, &inner);
    return report(status, &inner, error);
}

/* ---- Writing ---- */

static size_t type_bytes(uint8_t type)
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
    if (type != VALUE_TEXT) return count_max;
    const struct bede_text *texts = columns->values;
    if (bytes_max > PIECE_TEXT_BYTES_MAX) bytes_max = PIECE_TEXT_BYTES_MAX;
    size_t count = 0, bytes = 0;
    while (count < count_max) {
        bytes += STORE_SAMPLE_BYTES + sizeof(uint64_t) + texts[first + count].size;
        if (count > 0 && bytes > bytes_max) break;
        count++;
    }
    return count;
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
    case VALUE_F32: {
        uint32_t bits;
        memcpy(&bits, &value->f32, sizeof bits);
        *out_bits = bits;
        return STATUS_OK;
    }
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

/* ---- Reading ---- */

static struct bede_text text_outside(uint64_t bits)
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

/* Columns as the outside sees them: views where the form is the same, else copies in the arena. */
static enum status columns_outside(const struct batch *batch, struct arena *arena, bool history,
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
    struct clock *clock = store_clock(bede->store);
    return bede_value_at(bede, tag, clock->wall_ns(clock) + FRONTIER_FUTURE_NS, out_sample, error);
}

void bede_sample_free(struct bede_sample *sample)
{
    if (!sample) return;
    free(sample->memory);
    sample->memory = NULL;
}

/* ---- Following ---- */

struct bede_subscription {
    struct bede *bede;
    struct follower *follower;
    struct arena arena;
    uint8_t *wanted; /* owned; one bit a tag number; NULL: all */
    uint32_t wanted_count;
};

static bool subscription_wants(void *context, uint32_t tag)
{
    const struct bede_subscription *subscription = context;
    if (!subscription->wanted) return true;
    return tag < subscription->wanted_count && (subscription->wanted[tag / 8] >> (tag % 8) & 1);
}

static enum status subscription_choose(struct bede_subscription *subscription, const char *pattern,
                                       struct error *error)
{
    uint32_t *tags;
    size_t count;
    enum status status =
        catalog_match(store_catalog(subscription->bede->store), pattern, &tags, &count, error);
    if (status < 0) return status;
    for (size_t i = 0; i < count; i++) {
        if (tags[i] >= subscription->wanted_count) subscription->wanted_count = tags[i] + 1;
    }
    subscription->wanted = calloc(subscription->wanted_count / 8 + 1, 1);
    for (size_t i = 0; subscription->wanted && i < count; i++) {
        subscription->wanted[tags[i] / 8] |= (uint8_t)(1u << (tags[i] % 8));
    }
    free(tags);
    return subscription->wanted ? STATUS_OK : error_set(error, STATUS_NO_MEMORY, "subscription");
}

int bede_subscribe(struct bede_subscription **out_subscription, struct bede *bede,
                   const char *pattern, size_t buffer_bytes, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct bede_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription) {
        return report(error_set(&inner, STATUS_NO_MEMORY, "subscription"), &inner, error);
    }
    subscription->bede = bede;
    arena_init(&subscription->arena, 256 << 20);
    enum status status = STATUS_OK;
    if (pattern) status = subscription_choose(subscription, pattern, &inner);
    if (status == STATUS_OK) {
        if (buffer_bytes == 0) buffer_bytes = SUBSCRIPTION_BYTES_DEFAULT;
        status = follower_create(&subscription->follower, store_feed(bede->store), buffer_bytes,
                                 subscription_wants, subscription, &inner);
    }
    if (status < 0) {
        bede_unsubscribe(subscription);
        return report(status, &inner, error);
    }
    *out_subscription = subscription;
    return BEDE_OK;
}

int bede_subscription_next(struct bede_subscription *subscription, uint32_t timeout_ms,
                           uint32_t *out_tag, struct bede_columns *out_columns,
                           struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct batch batch;
    uint64_t missed = 0;
    arena_reset(&subscription->arena);
    enum status status = follower_next(subscription->follower, timeout_ms, &subscription->arena,
                                       &batch, &missed, &inner);
    if (status == STATUS_MISSED) *out_columns = (struct bede_columns){.count = missed};
    if (status == STATUS_OK) {
        *out_tag = batch.tag;
        status = columns_outside(&batch, &subscription->arena, true, out_columns, &inner);
    }
    return report(status, &inner, error);
}

void bede_unsubscribe(struct bede_subscription *subscription)
{
    if (!subscription) return;
    follower_destroy(subscription->follower);
    arena_finish(&subscription->arena);
    free(subscription->wanted);
    free(subscription);
}

/* ---- Care ---- */

int bede_flush(struct bede *bede, struct bede_error *error)
{
    struct error inner;
    return report(store_flush(bede->store, &inner), &inner, error);
}

int bede_compact(struct bede *bede, int all, struct bede_error *error)
{
    struct error inner;
    return report(store_compact(bede->store, all != 0, &inner), &inner, error);
}

int bede_stats(struct bede *bede, struct bede_stats *out_stats, struct bede_error *error)
{
    struct error inner;
    struct store_statistics inside;
    enum status status = store_statistics(bede->store, &inside, &inner);
    if (status < 0) return report(status, &inner, error);
    *out_stats = (struct bede_stats){
        .tag_count = inside.tag_count,
        .sample_count = inside.sample_count,
        .segment_count = inside.segment_count,
        .segment_bytes = inside.segment_bytes,
        .wal_bytes = inside.wal_bytes,
        .catalog_bytes = inside.catalog_bytes,
        .memory_bytes = inside.memory_bytes,
        .appended_count = inside.appended_count,
        .late_count = inside.late_count,
        .flush_count = inside.flush_count,
        .compaction_count = inside.compaction_count,
        .recovered_count = inside.recovery.sample_count,
        .recovered_ns = inside.recovery_ns,
        .damaged_count = inside.recovery.damaged_count + inside.bad_record_count,
        .torn_bytes = inside.recovery.torn_bytes,
    };
    memcpy(out_stats->first_damage, inside.recovery.first_damage, sizeof out_stats->first_damage);
    return BEDE_OK;
}

int bede_verify(const char *path, void (*report_damage)(void *context, const char *damage),
                void *context, struct bede_verify_result *out_result, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct store_check check = {0};
    enum status status =
        store_verify(file_system_posix(), path, report_damage, context, &check, &inner);
    if (status == STATUS_OK) {
        *out_result = (struct bede_verify_result){
            .block_count = check.block_count,
            .sample_count = check.sample_count,
            .damaged_count = check.damaged_count,
        };
    }
    return report(status, &inner, error);
}
