/* The fold: journal records into registers of tags, each with the stamp that set it. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/catalog.h"
#include "storage/catalog_state.h"

/* Fields whose change may make the tag live, or shown under another name. */
#define NAMING_FIELDS (1u << TAG_FIELD_NAME | 1u << TAG_FIELD_TYPE | 1u << TAG_FIELD_DELETED)

/* Where a tag keeps its fields: ids of texts, other values as the definition has them. */
static const size_t field_places[TAG_FIELD_COUNT] = {
    [TAG_FIELD_NAME] = offsetof(struct tag, name),
    [TAG_FIELD_TYPE] = offsetof(struct tag, type),
    [TAG_FIELD_UNIT] = offsetof(struct tag, unit),
    [TAG_FIELD_DESCRIPTION] = offsetof(struct tag, description),
    [TAG_FIELD_STEP] = offsetof(struct tag, step),
    [TAG_FIELD_ZERO] = offsetof(struct tag, zero),
    [TAG_FIELD_SPAN] = offsetof(struct tag, span),
    [TAG_FIELD_MAX_GAP] = offsetof(struct tag, max_gap_ns),
    [TAG_FIELD_STATES] = offsetof(struct tag, states),
    [TAG_FIELD_SOURCE] = offsetof(struct tag, source),
    [TAG_FIELD_ATTRIBUTES] = offsetof(struct tag, attributes),
    [TAG_FIELD_DELETED] = offsetof(struct tag, deleted),
};

enum status catalog_reserve_tag(struct catalog *catalog, uint32_t number, struct error *error)
{
    ASSERT(number < TAG_COUNT_MAX);
    for (uint32_t i = catalog->tag_count / CATALOG_CHUNK_TAGS; i <= number / CATALOG_CHUNK_TAGS;
         i++) {
        if (catalog->chunks[i]) continue;
        catalog->chunks[i] = calloc(1, sizeof *catalog->chunks[i]);
        if (!catalog->chunks[i]) return error_set(error, STATUS_NO_MEMORY, "catalog of tags");
    }
    if (number >= catalog->tag_count) catalog->tag_count = number + 1;
    return STATUS_OK;
}

/* ---- Stamps ------------------------------------------------------------------------------- */

static const struct catalog_maker *catalog_maker(const struct catalog *catalog, uint16_t maker)
{
    return (const struct catalog_maker *)(const void *)catalog->makers.bytes + maker;
}

enum status catalog_take_maker(struct catalog *catalog, uint64_t node, uint32_t generation,
                               uint16_t *out_maker, struct error *error)
{
    size_t count = catalog->makers.size_bytes / sizeof(struct catalog_maker);
    /* From the newest: a node writes under its last generation. */
    for (size_t i = count; i-- > 0;) {
        const struct catalog_maker *maker = catalog_maker(catalog, (uint16_t)i);
        if (maker->node != node || maker->generation != generation) continue;
        *out_maker = (uint16_t)i;
        return STATUS_OK;
    }
    if (count == CATALOG_MAKERS_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "more than %d generations of servers",
                         CATALOG_MAKERS_MAX);
    }
    struct catalog_maker maker = {.node = node, .generation = generation};
    *out_maker = (uint16_t)count;
    return buffer_add(&catalog->makers, &maker, sizeof maker, error);
}

struct revision catalog_revision(const struct catalog *catalog, struct stamp stamp)
{
    const struct catalog_maker *maker = catalog_maker(catalog, stamp.maker);
    return (struct revision){
        .clock = stamp.clock, .node = maker->node, .generation = maker->generation};
}

static int stamp_compare(const struct catalog *catalog, struct stamp left, struct stamp right)
{
    if (left.clock != right.clock) return left.clock < right.clock ? -1 : 1;
    if (left.maker == right.maker) return 0;
    return revision_compare(catalog_revision(catalog, left), catalog_revision(catalog, right));
}

static struct override *catalog_override_at(const struct catalog *catalog, uint32_t index)
{
    return (struct override *)(void *)catalog->overrides.bytes + index;
}

struct stamp catalog_field_stamp(const struct catalog *catalog, const struct tag *tag,
                                 enum tag_field field)
{
    if (!(tag->fields & (1u << field))) return (struct stamp){.clock = 0};
    if (!(tag->overridden & (1u << field))) {
        return (struct stamp){.clock = tag->stamp_clock, .maker = tag->stamp_maker};
    }
    for (uint32_t i = tag->overrides; i != 0; i = catalog_override_at(catalog, i - 1)->next) {
        const struct override *override = catalog_override_at(catalog, i - 1);
        if (override->field != field) continue;
        return (struct stamp){.clock = override->clock, .maker = override->maker};
    }
    UNREACHABLE(); /* G1 */
}

/* Back to the tag's own stamp. */
static void override_drop(struct catalog *catalog, struct tag *tag, enum tag_field field)
{
    if (!(tag->overridden & (1u << field))) return;
    tag->overridden &= (uint16_t) ~(1u << field);
    uint32_t *link = &tag->overrides;
    while (catalog_override_at(catalog, *link - 1)->field != field) {
        link = &catalog_override_at(catalog, *link - 1)->next;
    }
    uint32_t index = *link;
    struct override *override = catalog_override_at(catalog, index - 1);
    *link = override->next;
    override->next = catalog->free_override;
    catalog->free_override = index;
}

enum status catalog_override(struct catalog *catalog, struct tag *tag, enum tag_field field,
                             struct stamp stamp, struct error *error)
{
    override_drop(catalog, tag, field);
    struct override override = {
        .clock = stamp.clock, .maker = stamp.maker, .field = (uint16_t)field};
    override.next = tag->overrides;
    uint32_t index = catalog->free_override;
    if (index != 0) {
        catalog->free_override = catalog_override_at(catalog, index - 1)->next;
        *catalog_override_at(catalog, index - 1) = override;
    } else {
        enum status status = buffer_add(&catalog->overrides, &override, sizeof override, error);
        if (status < 0) return status;
        index = (uint32_t)(catalog->overrides.size_bytes / sizeof override);
    }
    tag->overrides = index;
    tag->overridden |= (uint16_t)(1u << field);
    return STATUS_OK;
}

/* Marks the fields as set at this moment. Room for as many overrides is there. */
static void fields_stamp(struct catalog *catalog, struct tag *tag, unsigned fields,
                         struct stamp stamp)
{
    bool is_all = (tag->fields & ~fields) == 0;
    if (is_all) {
        tag->stamp_clock = stamp.clock;
        tag->stamp_maker = stamp.maker;
    }
    bool is_own = tag->stamp_clock == stamp.clock && tag->stamp_maker == stamp.maker;
    tag->fields |= (uint16_t)fields;
    for (int field = 0; field < TAG_FIELD_COUNT; field++) {
        if (!(fields & (1u << field))) continue;
        if (is_own) {
            override_drop(catalog, tag, (enum tag_field)field);
            continue;
        }
        struct error unused;
        enum status status = catalog_override(catalog, tag, (enum tag_field)field, stamp, &unused);
        ASSERT(status == STATUS_OK); /* its room was there */
    }
}

/* ---- A record of one tag ------------------------------------------------------------------ */

/* Which of the fields this stamp wins (J2). */
static unsigned fields_won(const struct catalog *catalog, const struct tag *tag, unsigned fields,
                           struct stamp stamp)
{
    unsigned won = 0;
    for (int field = 0; field < TAG_FIELD_COUNT; field++) {
        if (!(fields & (1u << field))) continue;
        struct stamp held = catalog_field_stamp(catalog, tag, (enum tag_field)field);
        if (held.clock == 0 || stamp_compare(catalog, stamp, held) > 0) won |= 1u << field;
    }
    return won;
}

static const char *definition_text(const struct tag_definition *definition, int field)
{
    const char *text;
    memcpy(&text, (const char *)definition + tag_field_rows[field].offset, sizeof text);
    return text;
}

/* Ids of the texts among the fields. */
static enum status fields_intern(struct catalog *catalog, const struct tag_definition *definition,
                                 unsigned fields, uint32_t *out_ids, struct error *error)
{
    enum status status = STATUS_OK;
    for (int field = 0; field < TAG_FIELD_COUNT && status == STATUS_OK; field++) {
        if (!(fields & (1u << field)) || tag_field_rows[field].form != TAG_FORM_TEXT) continue;
        const char *text = definition_text(definition, field);
        status = text_pool_add(&catalog->texts, text, strlen(text), &out_ids[field], error);
    }
    return status;
}

static void fields_set(struct tag *tag, const struct tag_definition *definition, unsigned fields,
                       const uint32_t *ids)
{
    for (int field = 0; field < TAG_FIELD_COUNT; field++) {
        if (!(fields & (1u << field))) continue;
        const struct tag_field_row *row = &tag_field_rows[field];
        char *target = (char *)tag + field_places[field];
        if (row->form == TAG_FORM_TEXT) {
            memcpy(target, &ids[field], sizeof ids[field]);
        } else {
            memcpy(target, (const char *)definition + row->offset, row->bytes);
        }
    }
}

static enum status fold_tag(struct catalog *catalog, uint32_t number, struct revision revision,
                            const struct journal_record *record, struct error *error)
{
    struct stamp stamp = {.clock = revision.clock};
    enum status status = catalog_reserve_tag(catalog, number, error);
    if (status < 0) return status;
    status = catalog_take_maker(catalog, revision.node, revision.generation, &stamp.maker, error);
    if (status < 0) return status;

    struct tag *tag = catalog_tag(catalog, number);
    struct stamp created = {.clock = tag->created_clock, .maker = tag->created_maker};
    bool is_first = created.clock == 0 || stamp_compare(catalog, stamp, created) < 0;
    unsigned won = fields_won(catalog, tag, record->fields, stamp);
    uint32_t ids[TAG_FIELD_COUNT] = {0};
    uint32_t path = 0;
    status = fields_intern(catalog, &record->definition, won, ids, error);
    if (status == STATUS_OK && is_first) {
        status = text_pool_add(&catalog->texts, record->path, strlen(record->path), &path, error);
    }
    if (status == STATUS_OK) status = catalog_reserve_names(catalog, error);
    if (status < 0) return status;
    if (!buffer_reserve(&catalog->overrides, TAG_FIELD_COUNT * sizeof(struct override), error)) {
        return error->status;
    }

    /* Nothing fails from here: a record counts whole or not at all. */
    if (is_first) {
        tag->created_clock = stamp.clock;
        tag->created_maker = stamp.maker;
        tag->path = path;
        tag->incarnation = record->incarnation;
    }
    if (won & NAMING_FIELDS) catalog_unlist_tag(catalog, number);
    fields_set(tag, &record->definition, won, ids);
    fields_stamp(catalog, tag, won, stamp);
    if ((won & NAMING_FIELDS) && tag_is_live(tag)) catalog_list_tag(catalog, number);
    return STATUS_OK;
}

/* ---- Any record --------------------------------------------------------------------------- */

/* Numbers of the identities; given now to those that have none. */
static enum status fold_numbers(struct catalog *catalog, const struct identity *identities,
                                size_t count, uint32_t *out_numbers, struct error *error)
{
    bool is_known = true;
    for (size_t i = 0; i < count && is_known; i++) {
        out_numbers[i] = identity_map_find(catalog->map, identities[i]);
        is_known = out_numbers[i] != TAG_NONE;
    }
    if (is_known) return STATUS_OK;
    return identity_map_add(catalog->map, identities, count, out_numbers, error);
}

static enum status fold_mask(struct catalog *catalog, const uint32_t *numbers,
                             struct revision stamp, const struct journal_record *record,
                             struct error *error)
{
    for (size_t i = 0; i < record->identity_count; i++) {
        enum status status = catalog_reserve_tag(catalog, numbers[i], error);
        if (status < 0) return status;
    }
    struct mask mask = {record->from_ns, record->to_ns, stamp, record->group};
    return mask_table_add(&catalog->masks, &mask, numbers, record->identity_count, error);
}

static enum status fold_record(struct catalog *catalog, struct revision stamp,
                               const struct journal_record *record, const uint32_t *numbers,
                               struct error *error)
{
    switch (record->kind) {
    case JOURNAL_TAG: return fold_tag(catalog, numbers[0], stamp, record, error);
    case JOURNAL_MASK: return fold_mask(catalog, numbers, stamp, record, error);
    case JOURNAL_UNMASK: return mask_table_lift(&catalog->masks, record->group, stamp.clock, error);
    case JOURNAL_STORE:
    case JOURNAL_UNKNOWN: break; /* J4 */
    }
    return STATUS_OK;
}

enum status catalog_fold(struct catalog *catalog, struct revision stamp,
                         const struct journal_record *record, struct error *error)
{
    if (stamp.clock == 0) {
        return error_set(error, STATUS_BAD_INPUT, "journal record at no time of a stamp");
    }
    uint32_t numbers[JOURNAL_MASK_TAGS_MAX];
    enum status status = STATUS_OK;
    /* Before the lock is taken: it may sync. */
    if (record->kind == JOURNAL_TAG) {
        status = fold_numbers(catalog, &record->identity, 1, numbers, error);
    } else if (record->kind == JOURNAL_MASK) {
        ASSERT(record->identity_count <= JOURNAL_MASK_TAGS_MAX);
        status = fold_numbers(catalog, record->identities, record->identity_count, numbers, error);
    }
    if (status < 0) return status;

    uv_rwlock_wrlock(&catalog->lock);
    status = fold_record(catalog, stamp, record, numbers, error);
    uv_rwlock_wrunlock(&catalog->lock);
    return status;
}
