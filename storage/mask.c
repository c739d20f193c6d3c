#include "storage/mask.h"

#include <stdlib.h>

#include "storage/base/assert.h"
#include "storage/sample.h"

enum {
    MASKS_MAX = 16 << 20,
    LINKS_MAX = 256 << 20,
    INDEX_SLOTS_MIN = 16,
};

struct mask_link {
    uint32_t mask;
    uint32_t next; /* link + 1 */
};

struct revision_slot {
    struct revision revision;
    uint32_t position; /* + 1; 0: empty */
};

struct revision masks_over(const struct mask *masks, size_t count, int64_t time_ns)
{
    struct revision greatest = {.clock = 0};
    for (size_t i = 0; i < count; i++) {
        if (time_ns < masks[i].from_ns || time_ns >= masks[i].to_ns) continue;
        if (revision_compare(masks[i].stamp, greatest) > 0) greatest = masks[i].stamp;
    }
    return greatest;
}

/* ---- Index by revision -------------------------------------------------------------------- */

/* The slot of the revision, or the empty one where it belongs. */
static struct revision_slot *index_slot(const struct revision_index *index,
                                        struct revision revision)
{
    uint64_t mixed = (revision.clock ^ revision.node ^ revision.generation) * 0x9e3779b97f4a7c15;
    size_t last = index->slot_count - 1;
    size_t i = (mixed >> 32) & last;
    while (index->slots[i].position != 0 &&
           revision_compare(index->slots[i].revision, revision) != 0) {
        i = (i + 1) & last;
    }
    return &index->slots[i];
}

/* Position of the revision, or SIZE_MAX. */
static size_t index_find(const struct revision_index *index, struct revision revision)
{
    if (!index->slots) return SIZE_MAX;
    const struct revision_slot *slot = index_slot(index, revision);
    return slot->position == 0 ? SIZE_MAX : slot->position - 1;
}

/* Room for one more. */
static enum status index_reserve(struct revision_index *index, struct error *error)
{
    if (index->slots && index->slot_count >= 2 * (index->count + 1)) return STATUS_OK;
    struct revision_index grown = {
        .slot_count = index->slots ? 2 * index->slot_count : INDEX_SLOTS_MIN,
        .count = index->count,
    };
    grown.slots = calloc(grown.slot_count, sizeof *grown.slots);
    if (!grown.slots) return error_set(error, STATUS_NO_MEMORY, "index of masks");
    for (size_t i = 0; i < index->slot_count; i++) {
        const struct revision_slot *slot = &index->slots[i];
        if (slot->position != 0) *index_slot(&grown, slot->revision) = *slot;
    }
    free(index->slots);
    *index = grown;
    return STATUS_OK;
}

/* Its room was reserved, and the revision is new. */
static void index_put(struct revision_index *index, struct revision revision, size_t position)
{
    *index_slot(index, revision) =
        (struct revision_slot){.revision = revision, .position = (uint32_t)position + 1};
    index->count++;
}

/* ---- Table -------------------------------------------------------------------------------- */

void mask_table_init(struct mask_table *table)
{
    *table = (struct mask_table){0};
    buffer_init(&table->masks, MASKS_MAX * sizeof(struct mask));
    buffer_init(&table->groups, MASKS_MAX * sizeof(struct mask_group));
    buffer_init(&table->links, LINKS_MAX * sizeof(struct mask_link));
    buffer_init(&table->heads, TAG_COUNT_MAX * sizeof(uint32_t));
}

void mask_table_finish(struct mask_table *table)
{
    buffer_finish(&table->masks);
    buffer_finish(&table->groups);
    buffer_finish(&table->links);
    buffer_finish(&table->heads);
    free(table->by_stamp.slots);
    free(table->by_group.slots);
    *table = (struct mask_table){0};
}

uint64_t mask_table_memory_bytes(const struct mask_table *table)
{
    return table->masks.capacity_bytes + table->groups.capacity_bytes +
           table->links.capacity_bytes + table->heads.capacity_bytes +
           (table->by_stamp.slot_count + table->by_group.slot_count) * sizeof(struct revision_slot);
}

size_t mask_table_mask_count(const struct mask_table *table)
{
    return table->masks.size_bytes / sizeof(struct mask);
}

const struct mask *mask_table_mask(const struct mask_table *table, size_t index)
{
    ASSERT(index < mask_table_mask_count(table));
    return (const struct mask *)(const void *)table->masks.bytes + index;
}

size_t mask_table_group_count(const struct mask_table *table)
{
    return table->groups.size_bytes / sizeof(struct mask_group);
}

const struct mask_group *mask_table_group(const struct mask_table *table, size_t index)
{
    ASSERT(index < mask_table_group_count(table));
    return (const struct mask_group *)(const void *)table->groups.bytes + index;
}

static struct mask_group *table_group(struct mask_table *table, size_t index)
{
    return (struct mask_group *)(void *)table->groups.bytes + index;
}

uint32_t mask_table_first_link(const struct mask_table *table, uint32_t number)
{
    if (number >= table->heads.size_bytes / sizeof(uint32_t)) return 0;
    return ((const uint32_t *)(const void *)table->heads.bytes)[number];
}

uint32_t mask_table_next_link(const struct mask_table *table, uint32_t link, size_t *out_mask)
{
    ASSERT(link > 0 && link <= table->links.size_bytes / sizeof(struct mask_link));
    const struct mask_link *links = (const struct mask_link *)(const void *)table->links.bytes;
    *out_mask = links[link - 1].mask;
    return links[link - 1].next;
}

/* Finds the group, or makes one without masks that is not lifted. */
static enum status table_take_group(struct mask_table *table, struct revision revision,
                                    struct mask_group **out_group, struct error *error)
{
    size_t index = index_find(&table->by_group, revision);
    if (index == SIZE_MAX) {
        enum status status = index_reserve(&table->by_group, error);
        if (status < 0) return status;
        struct mask_group group = {.revision = revision, .lifted_at = UINT64_MAX};
        status = buffer_add(&table->groups, &group, sizeof group, error);
        if (status < 0) return status;
        index = mask_table_group_count(table) - 1;
        index_put(&table->by_group, revision, index);
    }
    *out_group = table_group(table, index);
    return STATUS_OK;
}

/* Heads for all numbers up to this one. */
static enum status table_reserve_head(struct mask_table *table, uint32_t number,
                                      struct error *error)
{
    size_t wanted_bytes = ((size_t)number + 1) * sizeof(uint32_t);
    if (wanted_bytes <= table->heads.size_bytes) return STATUS_OK;
    return buffer_add(&table->heads, NULL, wanted_bytes - table->heads.size_bytes, error);
}

enum status mask_table_link(struct mask_table *table, size_t mask_index, uint32_t number,
                            struct error *error)
{
    ASSERT(mask_index < mask_table_mask_count(table));
    enum status status = table_reserve_head(table, number, error);
    if (status < 0) return status;
    uint32_t *head = (uint32_t *)(void *)table->heads.bytes + number;
    struct mask_link link = {.mask = (uint32_t)mask_index, .next = *head};
    status = buffer_add(&table->links, &link, sizeof link, error);
    if (status < 0) return status;
    *head = (uint32_t)(table->links.size_bytes / sizeof link);
    return STATUS_OK;
}

/* Room for everything that a mask over these tags needs. */
static enum status table_reserve(struct mask_table *table, const uint32_t *numbers, size_t count,
                                 struct error *error)
{
    enum status status = index_reserve(&table->by_stamp, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = table_reserve_head(table, numbers[i], error);
    }
    if (status < 0) return status;
    bool has_room = buffer_reserve(&table->links, count * sizeof(struct mask_link), error) &&
                    buffer_reserve(&table->masks, sizeof(struct mask), error);
    return has_room ? STATUS_OK : error->status;
}

enum status mask_table_add(struct mask_table *table, const struct mask *mask,
                           const uint32_t *numbers, size_t count, struct error *error)
{
    if (index_find(&table->by_stamp, mask->stamp) != SIZE_MAX) return STATUS_OK;
    enum status status = table_reserve(table, numbers, count, error);
    if (status < 0) return status;
    struct mask_group *group;
    status = table_take_group(table, mask->group, &group, error);
    if (status != STATUS_OK) return status;

    group->has_masks = true;
    size_t index = mask_table_mask_count(table);
    status = buffer_add(&table->masks, mask, sizeof *mask, error);
    ASSERT(status == STATUS_OK); /* its room was there */
    index_put(&table->by_stamp, mask->stamp, index);
    for (size_t i = 0; i < count; i++) {
        status = mask_table_link(table, index, numbers[i], error);
        ASSERT(status == STATUS_OK); /* as well */
    }
    return STATUS_OK;
}

enum status mask_table_lift(struct mask_table *table, struct revision group, uint64_t clock,
                            struct error *error)
{
    struct mask_group *own;
    enum status status = table_take_group(table, group, &own, error);
    if (status < 0) return status;
    if (clock < own->lifted_at) own->lifted_at = clock;
    return STATUS_OK;
}

bool mask_table_has_group(const struct mask_table *table, struct revision group)
{
    size_t index = index_find(&table->by_group, group);
    return index != SIZE_MAX && mask_table_group(table, index)->has_masks;
}

static bool mask_counts(const struct mask_table *table, const struct mask *mask, uint64_t as_of)
{
    if (mask->stamp.clock > as_of) return false;
    const struct mask_group *group =
        mask_table_group(table, index_find(&table->by_group, mask->group));
    return group->lifted_at == UINT64_MAX || group->lifted_at > as_of;
}

size_t mask_table_select(const struct mask_table *table, uint32_t number,
                         const struct mask_range *range, struct mask *target)
{
    size_t count = 0;
    size_t index;
    for (uint32_t link = mask_table_first_link(table, number); link != 0;) {
        link = mask_table_next_link(table, link, &index);
        const struct mask *mask = mask_table_mask(table, index);
        if (mask->to_ns <= range->from_ns || mask->from_ns >= range->to_ns) continue;
        if (!mask_counts(table, mask, range->as_of)) continue;
        if (target) target[count] = *mask;
        count++;
    }
    return count;
}

int64_t mask_table_end_ns(const struct mask_table *table, uint32_t number)
{
    int64_t end_ns = INT64_MIN;
    size_t index;
    for (uint32_t link = mask_table_first_link(table, number); link != 0;) {
        link = mask_table_next_link(table, link, &index);
        const struct mask *mask = mask_table_mask(table, index);
        if (mask->to_ns > end_ns) end_ns = mask->to_ns;
    }
    return end_ns;
}
