#include "storage/base/file_crash.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"

/* Keeps the first whole sectors of a write, never all of them. */
static void change_tear(struct image_change *change, struct random *random)
{
    if (change->kind != CHANGE_WRITE) return;
    uint64_t first_sector = change->offset / CRASH_SECTOR_BYTES;
    uint64_t last_sector = (change->offset + change->size - 1) / CRASH_SECTOR_BYTES;
    uint64_t end_sector = first_sector + random_below(random, last_sector - first_sector + 1);
    uint64_t end = end_sector * CRASH_SECTOR_BYTES;
    change->size = end > change->offset ? end - change->offset : 0;
    image_keep(change);
}

static void image_tear(const struct image *image, struct random *random)
{
    uint64_t left_count = random_below(random, image->change_count + 1);
    struct image_change *change = image->first_change;
    for (; left_count > 0; left_count--) {
        image_keep(change);
        change = change->newer;
    }
    if (change) change_tear(change, random);
}

/* Whether a sector on the disk is as this change left it, or a later one. A disk cannot hold a
 * version of a sector without what earlier ones wrote into it, so each sector gets one number, up
 * to which it keeps changes. */
static bool sector_is_kept(const struct image_change *change, uint64_t sector, uint64_t seed)
{
    const struct image *image = change->node->image;
    uint64_t facts[] = {seed, change->node->number, sector};
    uint64_t chance = hash64(facts, sizeof facts);
    if (chance % 3 == 0) return false;
    if (chance % 3 == 1) return true;
    uint64_t first_number = image->first_change->number;
    uint64_t span = image->last_change->number - first_number + 1;
    return change->number < first_number + chance / 3 % span;
}

/* The file has its new size, and in the sectors that were not written, whatever lay there. */
static void content_grow(struct buffer *content, size_t size_bytes, struct random *random)
{
    bool is_garbage = random_chance(random, 1, 2);
    while (content->size_bytes < size_bytes) {
        content->bytes[content->size_bytes++] = is_garbage ? (uint8_t)random_u64(random) : 0;
    }
}

static void write_scatter(const struct image_change *change, struct random *random, uint64_t seed)
{
    struct buffer *durable = &change->node->durable;
    uint64_t end = change->offset + change->size;
    if (end > durable->size_bytes && random_chance(random, 1, 2)) {
        content_grow(durable, end, random);
    }
    if (end > durable->size_bytes) end = durable->size_bytes;
    for (uint64_t next, offset = change->offset; offset < end; offset = next) {
        uint64_t sector = offset / CRASH_SECTOR_BYTES;
        next = (sector + 1) * CRASH_SECTOR_BYTES;
        if (next > end) next = end;
        if (!sector_is_kept(change, sector, seed)) continue;
        memcpy(durable->bytes + offset, change->bytes + (offset - change->offset), next - offset);
    }
}

static void image_scatter(const struct image *image, struct random *random)
{
    uint64_t seed = random_u64(random);
    for (struct image_change *change = image->first_change; change; change = change->newer) {
        struct image_node *node = change->node;
        if (node->is_frozen) continue;
        if (change->kind == CHANGE_WRITE) {
            write_scatter(change, random, seed);
        } else if (random_chance(random, 1, 2)) {
            image_keep(change);
        } else if (change->kind == CHANGE_RESIZE) {
            /* What was written later went to room that only the new size gave. */
            node->is_frozen = true;
        }
    }
}

void image_crash(struct image *image, struct random *random, enum file_crash crash)
{
    switch (crash) {
    case FILE_CRASH_KILLED: return;
    case FILE_CRASH_LOST: break;
    case FILE_CRASH_TORN: image_tear(image, random); break;
    case FILE_CRASH_SCATTERED: image_scatter(image, random); break;
    case FILE_CRASH_COUNT: UNREACHABLE();
    }
    image_restore(image);
}
