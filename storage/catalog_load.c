/* Loading a catalog from its snapshot. Beyond the checksums nothing is trusted: a file that was
 * made up leads to STATUS_CORRUPT, not to a crash. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/catalog.h"
#include "storage/catalog_state.h"

enum { SECTION_ALIGNMENT = 8, CHECKSUM_BYTES = sizeof(uint64_t) };

struct loader {
    struct catalog *catalog; /* borrowed; its lock is held alone */
    const char *path;        /* borrowed; for messages */
    uint8_t *bytes;          /* owned; the whole file */
    size_t size_bytes;
    struct catalog_header header;
    struct bytes_reader reader;         /* of the body */
    uint32_t *numbers;                  /* owned; of the tags, in the order of the file */
    struct journal_position *positions; /* owned */
};

static enum status loader_corrupt(const struct loader *loader, const char *what,
                                  struct error *error)
{
    return error_set(error, STATUS_CORRUPT, "%s: damaged %s", loader->path, what);
}

/* ---- The file ----------------------------------------------------------------------------- */

static enum status load_file(struct loader *loader, struct file_system *file_system,
                             struct error *error)
{
    struct file *file;
    enum status status = file_open(file_system, &file, loader->path, FILE_READ, error);
    if (status != STATUS_OK) return status;
    uint64_t size_bytes;
    status = file_size(file, &size_bytes, error);
    if (status == STATUS_OK && size_bytes < sizeof loader->header + CHECKSUM_BYTES) {
        status = loader_corrupt(loader, "header", error);
    }
    if (status == STATUS_OK) {
        loader->size_bytes = size_bytes;
        loader->bytes = malloc(size_bytes);
        status = loader->bytes ? file_read_at(file, loader->bytes, size_bytes, 0, error)
                               : error_set(error, STATUS_NO_MEMORY, "%s: %" PRIu64 " bytes",
                                           loader->path, size_bytes);
    }
    if (status == STATUS_END) status = loader_corrupt(loader, "end", error);
    file_close(file);
    return status;
}

/* K1 */
static enum status load_header(struct loader *loader, struct error *error)
{
    struct catalog_header *header = &loader->header;
    memcpy(header, loader->bytes, sizeof *header);
    if (header->magic != CATALOG_MAGIC ||
        header->checksum != hash64(header, offsetof(struct catalog_header, checksum))) {
        return loader_corrupt(loader, "header", error);
    }
    if (header->version != CATALOG_VERSION || header->features != 0) {
        return error_set(error, STATUS_UNSUPPORTED, "%s: version %" PRIu32 ", features %" PRIx32,
                         loader->path, header->version, header->features);
    }
    size_t body_bytes = loader->size_bytes - sizeof *header - CHECKSUM_BYTES;
    const uint8_t *end = loader->bytes + loader->size_bytes - CHECKSUM_BYTES;
    if (header->body_bytes != body_bytes ||
        bytes_get_u64(end) != hash64(loader->bytes, sizeof *header + body_bytes)) {
        return loader_corrupt(loader, "content", error);
    }
    loader->reader = (struct bytes_reader){.next = loader->bytes + sizeof *header, .end = end};
    return STATUS_OK;
}

/* A section of count records, or NULL when the file is too short for it. */
static const void *take_records(struct loader *loader, size_t count, size_t record_bytes)
{
    size_t left_bytes = (size_t)(loader->reader.end - loader->reader.next);
    if (count > left_bytes / record_bytes) loader->reader.failed = true;
    return bytes_take(&loader->reader, count * record_bytes);
}

static bool take_padding(struct loader *loader)
{
    size_t used_bytes = (size_t)(loader->reader.next - loader->bytes);
    size_t padding_bytes = bytes_align(used_bytes, SECTION_ALIGNMENT) - used_bytes;
    return bytes_take(&loader->reader, padding_bytes) != NULL;
}

/* ---- The sections ------------------------------------------------------------------------- */

static enum status load_positions(struct loader *loader, struct error *error)
{
    size_t count = loader->header.position_count;
    const struct catalog_position *records = take_records(loader, count, sizeof *records);
    if (!records) return loader_corrupt(loader, "positions", error);
    loader->positions = malloc((count + 1) * sizeof *loader->positions);
    if (!loader->positions) return error_set(error, STATUS_NO_MEMORY, "%s", loader->path);
    for (size_t i = 0; i < count; i++) {
        loader->positions[i] = (struct journal_position){
            .node = records[i].node,
            .generation = records[i].generation,
            .time_ns = records[i].time_ns,
            .sequence = records[i].sequence,
            .chain = records[i].chain,
        };
    }
    return STATUS_OK;
}

static enum status load_makers(struct loader *loader, struct error *error)
{
    size_t count = loader->header.maker_count;
    const struct catalog_maker *records = take_records(loader, count, sizeof *records);
    if (!records || count > CATALOG_MAKERS_MAX) return loader_corrupt(loader, "makers", error);
    for (size_t i = 0; i < count; i++) {
        uint16_t maker;
        enum status status = catalog_take_maker(loader->catalog, records[i].node,
                                                records[i].generation, &maker, error);
        if (status < 0) return status;
        if (maker != i) return loader_corrupt(loader, "makers", error);
    }
    return STATUS_OK;
}

static enum status load_liftings(struct loader *loader, struct error *error)
{
    size_t count = loader->header.lifting_count;
    const struct catalog_lifting *records = take_records(loader, count, sizeof *records);
    if (!records) return loader_corrupt(loader, "liftings", error);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct revision group = {.clock = records[i].group_clock,
                                 .node = records[i].group_node,
                                 .generation = records[i].group_generation};
        status = mask_table_lift(&loader->catalog->masks, group, records[i].lifted_at, error);
    }
    return status;
}

static enum status load_masks(struct loader *loader, struct error *error)
{
    size_t count = loader->header.mask_count;
    const struct catalog_mask *records = take_records(loader, count, sizeof *records);
    if (!records) return loader_corrupt(loader, "masks", error);
    struct mask_table *table = &loader->catalog->masks;
    for (size_t i = 0; i < count; i++) {
        struct mask mask = {
            .from_ns = records[i].from_ns,
            .to_ns = records[i].to_ns,
            .stamp = {records[i].stamp_clock, records[i].stamp_node, records[i].stamp_generation},
            .group = {records[i].group_clock, records[i].group_node, records[i].group_generation},
        };
        enum status status = mask_table_add(table, &mask, NULL, 0, error);
        if (status < 0) return status;
        if (mask_table_mask_count(table) != i + 1) return loader_corrupt(loader, "masks", error);
    }
    return STATUS_OK;
}

static enum status load_texts(struct loader *loader, struct error *error)
{
    struct text_pool *pool = &loader->catalog->texts;
    uint32_t count = loader->header.text_count;
    size_t left_bytes = (size_t)(loader->reader.end - loader->reader.next);
    if (count > left_bytes / sizeof(uint16_t)) return loader_corrupt(loader, "texts", error);
    enum status status = text_pool_reserve(pool, count, error);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        uint16_t size = 0;
        const uint8_t *taken = bytes_take(&loader->reader, sizeof size);
        if (taken) memcpy(&size, taken, sizeof size);
        const uint8_t *text = bytes_take(&loader->reader, size);
        if (!text || size > TAG_TEXT_BYTES_MAX || memchr(text, 0, size)) {
            return loader_corrupt(loader, "texts", error);
        }
        uint32_t id;
        status = text_pool_add(pool, (const char *)text, size, &id, error);
        if (status == STATUS_OK && id != i) return loader_corrupt(loader, "texts", error); /* K2 */
    }
    if (status < 0) return status;
    if (!take_padding(loader)) return loader_corrupt(loader, "texts", error);
    return catalog_reserve_names(loader->catalog, error);
}

/* Identities that the map has lost get new numbers. */
static enum status load_identities(struct loader *loader, struct error *error)
{
    size_t count = loader->header.tag_count;
    const struct identity *identities = take_records(loader, count, sizeof *identities);
    if (!identities || count > TAG_COUNT_MAX) return loader_corrupt(loader, "identities", error);
    loader->numbers = malloc((count + 1) * sizeof *loader->numbers);
    if (!loader->numbers) return error_set(error, STATUS_NO_MEMORY, "%s", loader->path);
    enum status status =
        identity_map_add(loader->catalog->map, identities, count, loader->numbers, error);
    if (status == STATUS_BAD_INPUT) return loader_corrupt(loader, "identities", error);
    return status;
}

/* ---- Tags --------------------------------------------------------------------------------- */

static bool name_is_valid(const struct text_pool *texts, uint32_t id)
{
    size_t size = text_pool_size(texts, id);
    return size >= 1 && size <= TAG_NAME_BYTES_MAX;
}

static bool record_is_valid(const struct loader *loader, const struct catalog_tag_record *record)
{
    const struct catalog_header *header = &loader->header;
    const struct text_pool *texts = &loader->catalog->texts;
    const uint32_t ids[] = {record->path,   record->name,   record->unit,      record->description,
                            record->states, record->source, record->attributes};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (ids[i] >= header->text_count) return false;
    }
    if ((record->fields & ~TAG_FIELDS_ALL) != 0 || (record->overridden & ~record->fields) != 0 ||
        record->step > 1 || record->deleted > 1 || record->reserved != 0) {
        return false;
    }
    if (record->created_clock == 0) return record->fields == 0; /* K5 */
    if (record->created_maker >= header->maker_count || !name_is_valid(texts, record->path)) {
        return false;
    }
    if (record->fields == 0) return true;
    if (record->stamp_clock == 0 || record->stamp_maker >= header->maker_count) return false;
    if ((record->fields & (1u << TAG_FIELD_TYPE)) && !value_type_is_valid(record->type)) {
        return false;
    }
    return !(record->fields & (1u << TAG_FIELD_NAME)) || name_is_valid(texts, record->name);
}

static void tag_fill(struct tag *tag, const struct catalog_tag_record *record)
{
    *tag = (struct tag){
        .created_clock = record->created_clock,
        .stamp_clock = record->stamp_clock,
        .zero = record->zero,
        .span = record->span,
        .max_gap_ns = record->max_gap_ns,
        .path = record->path,
        .name = record->name,
        .unit = record->unit,
        .description = record->description,
        .states = record->states,
        .source = record->source,
        .attributes = record->attributes,
        .incarnation = record->incarnation,
        .created_maker = record->created_maker,
        .stamp_maker = record->stamp_maker,
        .fields = record->fields,
        .type = record->type,
        .step = record->step != 0,
        .deleted = record->deleted != 0,
    };
}

/* Stamps of its own that some fields have (K4), and masks. */
static enum status load_tag_lists(struct loader *loader, uint32_t number,
                                  const struct catalog_tag_record *record, struct error *error)
{
    struct catalog *catalog = loader->catalog;
    for (int field = 0; field < TAG_FIELD_COUNT; field++) {
        if (!(record->overridden & (1u << field))) continue;
        const struct catalog_stamp *own = take_records(loader, 1, sizeof *own);
        if (!own || own->clock == 0 || own->maker >= loader->header.maker_count) {
            return loader_corrupt(loader, "stamps", error);
        }
        struct stamp stamp = {.clock = own->clock, .maker = (uint16_t)own->maker};
        enum status status = catalog_override(catalog, catalog_tag(catalog, number),
                                              (enum tag_field)field, stamp, error);
        if (status < 0) return status;
    }
    const uint32_t *masks = take_records(loader, record->mask_count, sizeof *masks);
    for (uint32_t i = 0; masks && i < record->mask_count; i++) {
        if (masks[i] >= loader->header.mask_count) return loader_corrupt(loader, "masks", error);
        enum status status = mask_table_link(&catalog->masks, masks[i], number, error);
        if (status < 0) return status;
    }
    return masks && take_padding(loader) ? STATUS_OK : loader_corrupt(loader, "masks", error);
}

static enum status load_tag(struct loader *loader, uint32_t number, struct error *error)
{
    struct catalog *catalog = loader->catalog;
    const struct catalog_tag_record *record = take_records(loader, 1, sizeof *record);
    if (!record || !record_is_valid(loader, record)) return loader_corrupt(loader, "tags", error);
    enum status status = catalog_reserve_tag(catalog, number, error);
    if (status < 0) return status;
    struct tag *tag = catalog_tag(catalog, number);
    if (tag->created_clock != 0) return loader_corrupt(loader, "identities", error); /* K3 */
    tag_fill(tag, record);
    status = load_tag_lists(loader, number, record, error);
    if (status == STATUS_OK && tag_is_live(tag)) catalog_list_tag(catalog, number);
    return status;
}

static enum status load_body(struct loader *loader, struct error *error)
{
    enum status status = load_positions(loader, error);
    if (status == STATUS_OK) status = load_makers(loader, error);
    if (status == STATUS_OK) status = load_liftings(loader, error);
    if (status == STATUS_OK) status = load_masks(loader, error);
    if (status == STATUS_OK) status = load_texts(loader, error);
    if (status == STATUS_OK) status = load_identities(loader, error);
    for (uint32_t i = 0; i < loader->header.tag_count && status == STATUS_OK; i++) {
        status = load_tag(loader, loader->numbers[i], error);
    }
    if (status < 0) return status;
    if (loader->reader.next != loader->reader.end) return loader_corrupt(loader, "end", error);
    return STATUS_OK;
}

enum status catalog_snapshot_read(struct catalog *catalog, struct file_system *file_system,
                                  const char *path, struct journal_position **out_positions,
                                  size_t *out_position_count, struct error *error)
{
    struct loader loader = {.catalog = catalog, .path = path};
    uv_rwlock_wrlock(&catalog->lock);
    ASSERT(catalog->tag_count == 0);
    enum status status = load_file(&loader, file_system, error);
    if (status == STATUS_OK) status = load_header(&loader, error);
    if (status == STATUS_OK) {
        status = load_body(&loader, error);
        if (status < 0) catalog_forget(catalog);
    }
    uv_rwlock_wrunlock(&catalog->lock);
    free(loader.bytes);
    free(loader.numbers);
    if (status != STATUS_OK) {
        free(loader.positions);
        return status;
    }
    *out_positions = loader.positions;
    *out_position_count = loader.header.position_count;
    return STATUS_OK;
}
