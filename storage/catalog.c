#include "storage/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/catalog_state.h"

/* ---- Life --------------------------------------------------------------------------------- */

void catalog_forget(struct catalog *catalog)
{
    text_pool_clear(&catalog->texts);
    mask_table_finish(&catalog->masks);
    mask_table_init(&catalog->masks);
    buffer_clear(&catalog->holders);
    buffer_clear(&catalog->makers);
    buffer_clear(&catalog->overrides);
    for (size_t i = 0; i < CATALOG_CHUNKS_MAX && catalog->chunks[i]; i++) {
        free(catalog->chunks[i]);
        catalog->chunks[i] = NULL;
    }
    catalog->free_override = 0;
    catalog->tag_count = 0;
    catalog->live_count = 0;
    catalog->order_count = 0;
    catalog->moved_count = 0;
}

enum status catalog_create(struct catalog **out_catalog, struct identity_map *map,
                           struct error *error)
{
    struct catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog || uv_rwlock_init(&catalog->lock) != 0) {
        free(catalog);
        return error_set(error, STATUS_NO_MEMORY, "catalog of tags");
    }
    catalog->map = map;
    buffer_init(&catalog->holders, TEXT_POOL_TEXTS_MAX * sizeof(uint32_t));
    buffer_init(&catalog->makers, CATALOG_MAKERS_MAX * sizeof(struct catalog_maker));
    buffer_init(&catalog->overrides,
                (size_t)TAG_COUNT_MAX * TAG_FIELD_COUNT * sizeof(struct override));
    mask_table_init(&catalog->masks);
    enum status status = text_pool_init(&catalog->texts, error);
    catalog->order = calloc(1, sizeof *catalog->order);
    if (status == STATUS_OK && !catalog->order) {
        status = error_set(error, STATUS_NO_MEMORY, "catalog of tags");
    }
    if (status < 0) {
        catalog_destroy(catalog);
        return status;
    }
    *out_catalog = catalog;
    return STATUS_OK;
}

void catalog_destroy(struct catalog *catalog)
{
    if (!catalog) return;
    text_pool_finish(&catalog->texts);
    mask_table_finish(&catalog->masks);
    buffer_finish(&catalog->holders);
    buffer_finish(&catalog->makers);
    buffer_finish(&catalog->overrides);
    for (size_t i = 0; i < CATALOG_CHUNKS_MAX && catalog->chunks[i]; i++) free(catalog->chunks[i]);
    free(catalog->order);
    uv_rwlock_destroy(&catalog->lock);
    free(catalog);
}

/* ---- Tags --------------------------------------------------------------------------------- */

/* NULL for a hole. */
static const struct tag *catalog_defined_tag(const struct catalog *catalog, uint32_t number)
{
    if (number >= catalog->tag_count) return NULL;
    const struct tag *tag = catalog_tag(catalog, number);
    return tag_is_defined(tag) ? tag : NULL;
}

enum status catalog_type(struct catalog *catalog, uint32_t number, uint8_t *out_type)
{
    uv_rwlock_rdlock(&catalog->lock);
    uint8_t type = number < catalog->tag_count ? *catalog_live_type(catalog, number) : 0;
    uv_rwlock_rdunlock(&catalog->lock);
    if (type == 0) return STATUS_NOT_FOUND;
    *out_type = type;
    return STATUS_OK;
}

struct tag_line catalog_line(struct catalog *catalog, uint32_t number)
{
    struct tag_line line = {0};
    uv_rwlock_rdlock(&catalog->lock);
    const struct tag *tag = catalog_defined_tag(catalog, number);
    if (tag) line = (struct tag_line){.is_stepped = tag->step, .max_gap_ns = tag->max_gap_ns};
    uv_rwlock_rdunlock(&catalog->lock);
    return line;
}

enum status catalog_types(struct catalog *catalog, const uint32_t *numbers, size_t count,
                          uint8_t *out_types, struct error *error)
{
    size_t i = 0;
    uv_rwlock_rdlock(&catalog->lock);
    for (; i < count; i++) {
        out_types[i] =
            numbers[i] < catalog->tag_count ? *catalog_live_type(catalog, numbers[i]) : 0;
        if (out_types[i] == 0) break;
    }
    uv_rwlock_rdunlock(&catalog->lock);
    if (i == count) return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT, "there is no tag %u", numbers[i]);
}

/* A copy that outlives the lock; NULL when the arena is full. */
static const char *view_text(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_take(arena, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static enum status catalog_fill_view(const struct catalog *catalog, uint32_t number,
                                     const struct tag *tag, struct arena *arena,
                                     struct tag_view *out_view, struct error *error)
{
    char room[CATALOG_SHOWN_BYTES_MAX];
    const struct text_pool *texts = &catalog->texts;
    struct stamp created = {.clock = tag->created_clock, .maker = tag->created_maker};
    struct tag_view view = {
        .number = number,
        .incarnation = tag->incarnation,
        .identity = identity_map_identity(catalog->map, number),
        .created = catalog_revision(catalog, created),
        .path = view_text(arena, text_pool_text(texts, tag->path)),
        .definition =
            {
                .name = view_text(arena, catalog_shown_name(catalog, number, room)),
                .unit = view_text(arena, text_pool_text(texts, tag->unit)),
                .description = view_text(arena, text_pool_text(texts, tag->description)),
                .states = view_text(arena, text_pool_text(texts, tag->states)),
                .source = view_text(arena, text_pool_text(texts, tag->source)),
                .attributes = view_text(arena, text_pool_text(texts, tag->attributes)),
                .zero = tag->zero,
                .span = tag->span,
                .max_gap_ns = tag->max_gap_ns,
                .type = tag->type,
                .step = tag->step,
                .deleted = tag->deleted,
            },
    };
    const struct tag_definition *made = &view.definition;
    if (!view.path || !made->name || !made->unit || !made->description || !made->states ||
        !made->source || !made->attributes) {
        return error_set(error, STATUS_TOO_LARGE, "view of a tag: more than %zu bytes",
                         arena->bytes_max);
    }
    *out_view = view;
    return STATUS_OK;
}

enum status catalog_view(struct catalog *catalog, uint32_t number, struct arena *arena,
                         struct tag_view *out_view, struct error *error)
{
    uv_rwlock_rdlock(&catalog->lock);
    const struct tag *tag = catalog_defined_tag(catalog, number);
    enum status status = STATUS_NOT_FOUND;
    if (tag) status = catalog_fill_view(catalog, number, tag, arena, out_view, error);
    uv_rwlock_rdunlock(&catalog->lock);
    return status;
}

/* Whether a tag was ever made under this identity; and whether it still has the path as name. */
static bool catalog_has_tag(struct catalog *catalog, struct identity identity, const char *path,
                            bool *out_has_name)
{
    uint32_t number = identity_map_find(catalog->map, identity);
    uv_rwlock_rdlock(&catalog->lock);
    const struct tag *tag = catalog_defined_tag(catalog, number);
    if (tag) {
        *out_has_name =
            tag_is_live(tag) && strcmp(text_pool_text(&catalog->texts, tag->name), path) == 0;
    }
    uv_rwlock_rdunlock(&catalog->lock);
    return tag != NULL;
}

enum status catalog_incarnation(struct catalog *catalog, const char *name_space, const char *path,
                                uint32_t *out_incarnation)
{
    uint32_t incarnation = 0;
    bool has_name = false;
    while (
        catalog_has_tag(catalog, identity_of_tag(name_space, path, incarnation), path, &has_name)) {
        incarnation++;
    }
    if (has_name) return STATUS_EXISTS;
    *out_incarnation = incarnation;
    return STATUS_OK;
}

size_t catalog_tag_count(struct catalog *catalog)
{
    uv_rwlock_rdlock(&catalog->lock);
    size_t count = catalog->live_count;
    uv_rwlock_rdunlock(&catalog->lock);
    return count;
}

uint64_t catalog_memory_bytes(struct catalog *catalog)
{
    uv_rwlock_rdlock(&catalog->lock);
    uint64_t bytes = sizeof *catalog + text_pool_memory_bytes(&catalog->texts) +
                     catalog->holders.capacity_bytes + catalog->makers.capacity_bytes +
                     catalog->overrides.capacity_bytes + mask_table_memory_bytes(&catalog->masks) +
                     catalog->order_count * sizeof *catalog->order;
    for (size_t i = 0; i < CATALOG_CHUNKS_MAX && catalog->chunks[i]; i++) {
        bytes += sizeof *catalog->chunks[i];
    }
    uv_rwlock_rdunlock(&catalog->lock);
    return bytes;
}

/* ---- Masks -------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): three of its parameters are one range */
enum status catalog_masks(struct catalog *catalog, uint32_t number, int64_t from_ns, int64_t to_ns,
                          uint64_t as_of, struct arena *arena, const struct mask **out_masks,
                          size_t *out_count, struct error *error)
{
    struct mask_range range = {.from_ns = from_ns, .to_ns = to_ns, .as_of = as_of};
    struct mask *masks = NULL;
    uv_rwlock_rdlock(&catalog->lock);
    size_t count = mask_table_select(&catalog->masks, number, &range, NULL);
    if (count > 0) masks = arena_take(arena, count * sizeof *masks);
    if (masks) (void)mask_table_select(&catalog->masks, number, &range, masks);
    uv_rwlock_rdunlock(&catalog->lock);
    if (count > 0 && !masks) {
        return error_set(error, STATUS_TOO_LARGE, "%zu masks over a tag", count);
    }
    *out_masks = masks;
    *out_count = count;
    return STATUS_OK;
}

int64_t catalog_mask_end_ns(struct catalog *catalog, uint32_t number)
{
    uv_rwlock_rdlock(&catalog->lock);
    int64_t end_ns = mask_table_end_ns(&catalog->masks, number);
    uv_rwlock_rdunlock(&catalog->lock);
    return end_ns;
}

bool catalog_has_mask_group(struct catalog *catalog, struct revision group)
{
    uv_rwlock_rdlock(&catalog->lock);
    bool has_group = mask_table_has_group(&catalog->masks, group);
    uv_rwlock_rdunlock(&catalog->lock);
    return has_group;
}
