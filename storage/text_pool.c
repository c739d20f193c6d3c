#include "storage/text_pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"

enum {
    SLAB_BYTES = 256 << 10,
    SLOTS_MIN = 64,
    EMPTY_BYTES = sizeof(uint16_t) + 1, /* of the empty text in its slab */
};

struct text_entry {
    uint32_t place; /* slab number x SLAB_BYTES + offset in it */
    uint32_t hash;
};

static const struct text_entry *pool_entry(const struct text_pool *pool, uint32_t id)
{
    ASSERT(id < text_pool_count(pool));
    return (const struct text_entry *)(const void *)pool->entries.bytes + id;
}

static char *pool_place(const struct text_pool *pool, uint32_t place)
{
    char *const *slabs = (char *const *)(const void *)pool->slabs.bytes;
    return slabs[place / SLAB_BYTES] + place % SLAB_BYTES;
}

uint32_t text_pool_count(const struct text_pool *pool)
{
    return (uint32_t)(pool->entries.size_bytes / sizeof(struct text_entry));
}

size_t text_pool_size(const struct text_pool *pool, uint32_t id)
{
    uint16_t size;
    memcpy(&size, pool_place(pool, pool_entry(pool, id)->place), sizeof size);
    return size;
}

const char *text_pool_text(const struct text_pool *pool, uint32_t id)
{
    return pool_place(pool, pool_entry(pool, id)->place) + sizeof(uint16_t);
}

/* The slot that holds the text, or the empty one where it belongs. */
static size_t pool_slot(const struct text_pool *pool, const char *text, size_t size, uint32_t hash)
{
    size_t last = pool->slot_count - 1;
    size_t i = hash & last;
    for (; pool->slots[i] != 0; i = (i + 1) & last) {
        uint32_t id = pool->slots[i] - 1;
        if (pool_entry(pool, id)->hash == hash && text_pool_size(pool, id) == size &&
            memcmp(text_pool_text(pool, id), text, size) == 0) {
            break;
        }
    }
    return i;
}

uint32_t text_pool_find(const struct text_pool *pool, const char *text, size_t size)
{
    return pool->slots[pool_slot(pool, text, size, hash32(text, size))] - 1; /* 0: TEXT_NONE */
}

enum status text_pool_reserve(struct text_pool *pool, size_t text_count, struct error *error)
{
    if (text_count > TEXT_POOL_TEXTS_MAX)
        return error_set(error, STATUS_TOO_LARGE, "too many texts");
    size_t slot_count = pool->slots ? pool->slot_count : SLOTS_MIN;
    while (slot_count / 4 * 3 < text_count) slot_count *= 2;
    if (pool->slots && slot_count == pool->slot_count) return STATUS_OK;

    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots) return error_set(error, STATUS_NO_MEMORY, "%zu texts", text_count);
    for (uint32_t id = 0; id < text_pool_count(pool); id++) {
        size_t i = pool_entry(pool, id)->hash & (slot_count - 1);
        while (slots[i] != 0) i = (i + 1) & (slot_count - 1);
        slots[i] = id + 1;
    }
    free(pool->slots);
    pool->slots = slots;
    pool->slot_count = slot_count;
    return STATUS_OK;
}

/* Room for a text in the last slab, or in a new one. */
static enum status pool_take(struct text_pool *pool, size_t size, uint32_t *out_place,
                             struct error *error)
{
    size_t slab_count = pool->slabs.size_bytes / sizeof(char *);
    if (slab_count == 0 || size > SLAB_BYTES - pool->slab_used) {
        if ((slab_count + 1) * (uint64_t)SLAB_BYTES > TEXT_POOL_BYTES_MAX) {
            return error_set(error, STATUS_TOO_LARGE, "texts of tags: over 4 GiB");
        }
        char *slab = malloc(SLAB_BYTES);
        if (!slab) return error_set(error, STATUS_NO_MEMORY, "texts of tags");
        enum status status = buffer_add(&pool->slabs, &slab, sizeof(char *), error);
        if (status < 0) {
            free(slab);
            return status;
        }
        pool->slab_used = 0;
        slab_count++;
    }
    *out_place = (uint32_t)((slab_count - 1) * SLAB_BYTES + pool->slab_used);
    pool->slab_used += size;
    return STATUS_OK;
}

enum status text_pool_add(struct text_pool *pool, const char *text, size_t size, uint32_t *out_id,
                          struct error *error)
{
    ASSERT(size <= TEXT_POOL_TEXT_BYTES_MAX);
    uint32_t id = text_pool_count(pool);
    enum status status = text_pool_reserve(pool, (size_t)id + 1, error);
    if (status < 0) return status;
    struct text_entry entry = {.hash = hash32(text, size)};
    size_t slot = pool_slot(pool, text, size, entry.hash);
    if (pool->slots[slot] != 0) {
        *out_id = pool->slots[slot] - 1;
        return STATUS_OK;
    }
    if (!buffer_reserve(&pool->entries, sizeof entry, error)) return error->status;
    status = pool_take(pool, sizeof(uint16_t) + size + 1, &entry.place, error);
    if (status < 0) return status;

    char *place = pool_place(pool, entry.place);
    uint16_t stored_size = (uint16_t)size;
    memcpy(place, &stored_size, sizeof stored_size);
    memcpy(place + sizeof stored_size, text, size);
    place[sizeof stored_size + size] = 0;
    status = buffer_add(&pool->entries, &entry, sizeof entry, error);
    ASSERT(status == STATUS_OK); /* its room was there */
    pool->slots[slot] = id + 1;
    *out_id = id;
    return STATUS_OK;
}

enum status text_pool_init(struct text_pool *pool, struct error *error)
{
    *pool = (struct text_pool){0};
    buffer_init(&pool->slabs, TEXT_POOL_BYTES_MAX / SLAB_BYTES * sizeof(char *));
    buffer_init(&pool->entries, TEXT_POOL_TEXTS_MAX * sizeof(struct text_entry));
    uint32_t empty;
    return text_pool_add(pool, "", 0, &empty, error); /* T1 */
}

void text_pool_clear(struct text_pool *pool)
{
    char *const *slabs = (char *const *)(const void *)pool->slabs.bytes;
    for (size_t i = 1; i < pool->slabs.size_bytes / sizeof(char *); i++) free(slabs[i]);
    struct text_entry empty = *pool_entry(pool, 0);
    pool->slabs.size_bytes = sizeof(char *);
    pool->entries.size_bytes = sizeof empty;
    pool->slab_used = EMPTY_BYTES;
    memset(pool->slots, 0, pool->slot_count * sizeof *pool->slots);
    pool->slots[empty.hash & (pool->slot_count - 1)] = 1;
}

void text_pool_finish(struct text_pool *pool)
{
    char *const *slabs = (char *const *)(const void *)pool->slabs.bytes;
    for (size_t i = 0; i < pool->slabs.size_bytes / sizeof(char *); i++) free(slabs[i]);
    buffer_finish(&pool->slabs);
    buffer_finish(&pool->entries);
    free(pool->slots);
    *pool = (struct text_pool){0};
}

uint64_t text_pool_memory_bytes(const struct text_pool *pool)
{
    return pool->slabs.size_bytes / sizeof(char *) * SLAB_BYTES + pool->slabs.capacity_bytes +
           pool->entries.capacity_bytes + pool->slot_count * sizeof(uint32_t);
}
