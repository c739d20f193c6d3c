/* The snapshot of a catalog: written from memory in one piece, read back in one piece. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/catalog.h"
#include "storage/catalog_state.h"
#include "storage/disk_names.h"

#define SNAPSHOT_BYTES_MAX ((size_t)16 << 30)

enum { SECTION_ALIGNMENT = 8, CHECKSUM_BYTES = sizeof(uint64_t) };

/* ---- Writing ------------------------------------------------------------------------------ */

struct snapshot_writer {
    const struct catalog *catalog; /* borrowed; its lock is held */
    struct buffer bytes;
    struct catalog_header header;
    uint32_t *text_ids; /* owned; in the file, by id in the pool; TEXT_NONE: no tag uses it */
};

static bool tag_is_known(const struct catalog *catalog, uint32_t number)
{
    return catalog_tag(catalog, number)->created_clock != 0 ||
           mask_table_first_link(&catalog->masks, number) != 0;
}

static enum status write_positions(struct snapshot_writer *writer,
                                   const struct journal_position *positions, size_t count,
                                   struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct catalog_position position = {
            .node = positions[i].node,
            .time_ns = positions[i].time_ns,
            .sequence = positions[i].sequence,
            .chain = positions[i].chain,
            .generation = positions[i].generation,
        };
        status = buffer_add(&writer->bytes, &position, sizeof position, error);
    }
    writer->header.position_count = (uint32_t)count;
    return status;
}

static enum status write_makers(struct snapshot_writer *writer, struct error *error)
{
    const struct buffer *makers = &writer->catalog->makers;
    writer->header.maker_count = (uint32_t)(makers->size_bytes / sizeof(struct catalog_maker));
    return buffer_add(&writer->bytes, makers->bytes, makers->size_bytes, error);
}

static enum status write_masks(struct snapshot_writer *writer, struct error *error)
{
    const struct mask_table *table = &writer->catalog->masks;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < mask_table_group_count(table) && status == STATUS_OK; i++) {
        const struct mask_group *group = mask_table_group(table, i);
        if (group->lifted_at == UINT64_MAX) continue;
        struct catalog_lifting lifting = {
            .group_clock = group->revision.clock,
            .group_node = group->revision.node,
            .lifted_at = group->lifted_at,
            .group_generation = group->revision.generation,
        };
        writer->header.lifting_count++;
        status = buffer_add(&writer->bytes, &lifting, sizeof lifting, error);
    }
    for (size_t i = 0; i < mask_table_mask_count(table) && status == STATUS_OK; i++) {
        const struct mask *mask = mask_table_mask(table, i);
        struct catalog_mask record = {
            .from_ns = mask->from_ns,
            .to_ns = mask->to_ns,
            .stamp_clock = mask->stamp.clock,
            .stamp_node = mask->stamp.node,
            .group_clock = mask->group.clock,
            .group_node = mask->group.node,
            .stamp_generation = mask->stamp.generation,
            .group_generation = mask->group.generation,
        };
        writer->header.mask_count++;
        status = buffer_add(&writer->bytes, &record, sizeof record, error);
    }
    return status;
}

/* Texts that no tag uses any more are left behind. */
static enum status write_texts(struct snapshot_writer *writer, struct error *error)
{
    const struct catalog *catalog = writer->catalog;
    uint32_t pool_count = text_pool_count(&catalog->texts);
    writer->text_ids = malloc(pool_count * sizeof *writer->text_ids);
    if (!writer->text_ids) return error_set(error, STATUS_NO_MEMORY, "%u texts", pool_count);
    uint32_t *ids = writer->text_ids;
    memset(ids, 0xff, pool_count * sizeof *ids); /* TEXT_NONE */
    ids[0] = 0;                                  /* K2 */
    for (uint32_t number = 0; number < catalog->tag_count; number++) {
        const struct tag *tag = catalog_tag(catalog, number);
        ids[tag->path] = ids[tag->name] = ids[tag->unit] = ids[tag->description] = 0;
        ids[tag->states] = ids[tag->source] = ids[tag->attributes] = 0;
    }
    enum status status = STATUS_OK;
    for (uint32_t id = 0; id < pool_count && status == STATUS_OK; id++) {
        if (ids[id] == TEXT_NONE) continue;
        uint16_t size = (uint16_t)text_pool_size(&catalog->texts, id);
        ids[id] = writer->header.text_count++;
        status = buffer_add(&writer->bytes, &size, sizeof size, error);
        if (status < 0) break;
        status = buffer_add(&writer->bytes, text_pool_text(&catalog->texts, id), size, error);
    }
    return status < 0 ? status : buffer_align(&writer->bytes, SECTION_ALIGNMENT, error);
}

static enum status write_identities(struct snapshot_writer *writer, struct error *error)
{
    const struct catalog *catalog = writer->catalog;
    enum status status = STATUS_OK;
    for (uint32_t number = 0; number < catalog->tag_count && status == STATUS_OK; number++) {
        if (!tag_is_known(catalog, number)) continue;
        struct identity identity = identity_map_identity(catalog->map, number);
        writer->header.tag_count++;
        status = buffer_add(&writer->bytes, &identity, sizeof identity, error);
    }
    return status;
}

/* Stamps and masks that stand behind a tag's record. */
static enum status write_tag_lists(struct snapshot_writer *writer, uint32_t number,
                                   struct error *error)
{
    const struct catalog *catalog = writer->catalog;
    const struct tag *tag = catalog_tag(catalog, number);
    enum status status = STATUS_OK;
    for (int field = 0; field < TAG_FIELD_COUNT && status == STATUS_OK; field++) {
        if (!(tag->overridden & (1u << field))) continue;
        struct stamp stamp = catalog_field_stamp(catalog, tag, (enum tag_field)field);
        struct catalog_stamp record = {.clock = stamp.clock, .maker = stamp.maker};
        status = buffer_add(&writer->bytes, &record, sizeof record, error);
    }
    uint32_t link = mask_table_first_link(&catalog->masks, number);
    while (link != 0 && status == STATUS_OK) {
        size_t mask;
        link = mask_table_next_link(&catalog->masks, link, &mask);
        uint32_t mask_index = (uint32_t)mask;
        status = buffer_add(&writer->bytes, &mask_index, sizeof mask_index, error);
    }
    return status < 0 ? status : buffer_align(&writer->bytes, SECTION_ALIGNMENT, error);
}

static enum status write_tag(struct snapshot_writer *writer, uint32_t number, struct error *error)
{
    const struct catalog *catalog = writer->catalog;
    const struct tag *tag = catalog_tag(catalog, number);
    const uint32_t *ids = writer->text_ids;
    struct catalog_tag_record record = {
        .created_clock = tag->created_clock,
        .stamp_clock = tag->stamp_clock,
        .zero = tag->zero,
        .span = tag->span,
        .max_gap_ns = tag->max_gap_ns,
        .path = ids[tag->path],
        .name = ids[tag->name],
        .unit = ids[tag->unit],
        .description = ids[tag->description],
        .states = ids[tag->states],
        .source = ids[tag->source],
        .attributes = ids[tag->attributes],
        .incarnation = tag->incarnation,
        .created_maker = tag->created_maker,
        .stamp_maker = tag->stamp_maker,
        .fields = tag->fields,
        .overridden = tag->overridden,
        .type = tag->type,
        .step = tag->step,
        .deleted = tag->deleted,
    };
    uint32_t link = mask_table_first_link(&catalog->masks, number);
    for (size_t mask; link != 0; record.mask_count++) {
        link = mask_table_next_link(&catalog->masks, link, &mask);
    }
    enum status status = buffer_add(&writer->bytes, &record, sizeof record, error);
    return status < 0 ? status : write_tag_lists(writer, number, error);
}

/* Everything but the checksums. */
static enum status write_catalog(struct snapshot_writer *writer,
                                 const struct journal_position *positions, size_t position_count,
                                 struct error *error)
{
    const struct catalog *catalog = writer->catalog;
    size_t expected_bytes = catalog->tag_count * (sizeof(struct catalog_tag_record) + 64);
    if (!buffer_reserve(&writer->bytes, expected_bytes, error)) return error->status;
    enum status status = buffer_add(&writer->bytes, NULL, sizeof writer->header, error);
    if (status == STATUS_OK) status = write_positions(writer, positions, position_count, error);
    if (status == STATUS_OK) status = write_makers(writer, error);
    if (status == STATUS_OK) status = write_masks(writer, error);
    if (status == STATUS_OK) status = write_texts(writer, error);
    if (status == STATUS_OK) status = write_identities(writer, error);
    for (uint32_t number = 0; number < catalog->tag_count && status == STATUS_OK; number++) {
        if (tag_is_known(catalog, number)) status = write_tag(writer, number, error);
    }
    return status;
}

static enum status writer_seal(struct snapshot_writer *writer, struct error *error)
{
    struct catalog_header *header = &writer->header;
    header->magic = CATALOG_MAGIC;
    header->version = CATALOG_VERSION;
    header->body_bytes = writer->bytes.size_bytes - sizeof *header;
    header->checksum = hash64(header, offsetof(struct catalog_header, checksum)); /* K1 */
    memcpy(writer->bytes.bytes, header, sizeof *header);
    uint64_t checksum = hash64(writer->bytes.bytes, writer->bytes.size_bytes);
    return buffer_add(&writer->bytes, &checksum, sizeof checksum, error);
}

static enum status file_write_whole(struct file_system *file_system, const char *path,
                                    const struct buffer *bytes, struct error *error)
{
    struct file *file;
    enum status status = file_open(file_system, &file, path, FILE_CREATE, error);
    if (status < 0) return status;
    status = file_write_at(file, bytes->bytes, bytes->size_bytes, 0, error);
    if (status == STATUS_OK) status = file_sync(file, error);
    file_close(file);
    return status;
}

enum status catalog_snapshot_write(struct catalog *catalog, struct file_system *file_system,
                                   const char *path, const struct journal_position *positions,
                                   size_t position_count, struct error *error)
{
    char temporary[FILE_PATH_BYTES_MAX];
    int path_bytes = snprintf(temporary, sizeof temporary, "%s%s", path, DISK_TEMPORARY_SUFFIX);
    if (path_bytes < 0 || (size_t)path_bytes >= sizeof temporary) {
        return error_set(error, STATUS_BAD_INPUT, "%.100s...: path too long", path);
    }
    struct snapshot_writer writer = {.catalog = catalog};
    buffer_init(&writer.bytes, SNAPSHOT_BYTES_MAX);
    uv_rwlock_rdlock(&catalog->lock);
    enum status status = write_catalog(&writer, positions, position_count, error);
    uv_rwlock_rdunlock(&catalog->lock);
    if (status == STATUS_OK) status = writer_seal(&writer, error);
    if (status == STATUS_OK) {
        status = file_write_whole(file_system, temporary, &writer.bytes, error);
        if (status == STATUS_OK) status = file_rename(file_system, temporary, path, error);
        if (status == STATUS_OK) status = file_sync_parent(file_system, path, error);
        struct error ignored;
        /* What is left of it is only in the way. */
        if (status < 0) (void)file_remove(file_system, temporary, &ignored);
    }
    free(writer.text_ids);
    buffer_finish(&writer.bytes);
    return status;
}
