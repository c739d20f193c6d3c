/* The public face of tags. */
#include <stdlib.h>
#include <string.h>

#include "engine/border.h"
#include "storage/stamp.h"

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
