#include "storage/block_cache.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"

enum { SHARDS = 16, BUCKETS = 1024 };

struct cached_bytes {
    struct block_cache_key key;
    atomic_uint references; /* the cache's own among them */
    bool is_wanted;         /* asked for since the hand came by; under the shard's lock, as below */
    struct cached_bytes *next_of_bucket;
    struct cached_bytes *next; /* of the ring */
    struct cached_bytes *previous;
};

struct shard {
    uv_mutex_t lock; /* everything below */
    uint64_t bytes;
    uint64_t hit_count;
    uint64_t miss_count;
    struct cached_bytes *hand; /* NULL while the ring is empty */
    struct cached_bytes *buckets[BUCKETS];
};

struct block_cache {
    uint64_t shard_bytes_max;
    struct shard shards[SHARDS];
};

enum { DATA_OFFSET = 128 };
_Static_assert(sizeof(struct cached_bytes) <= DATA_OFFSET, "the bytes follow the entry");

struct block_cache *block_cache_create(uint64_t bytes_max)
{
    struct block_cache *cache = calloc(1, sizeof *cache);
    if (!cache) return NULL;
    cache->shard_bytes_max = bytes_max / SHARDS;
    for (size_t i = 0; i < SHARDS; i++) {
        int result = uv_mutex_init(&cache->shards[i].lock);
        ASSERT(result == 0);
    }
    return cache;
}

struct cached_bytes *cached_bytes_create(struct block_cache_key key)
{
    size_t size = (DATA_OFFSET + (size_t)key.size_bytes + 63) / 64 * 64;
    struct cached_bytes *bytes = aligned_alloc(64, size);
    if (!bytes) return NULL;
    *bytes = (struct cached_bytes){.key = key};
    atomic_store_explicit(&bytes->references, 1, memory_order_relaxed);
    return bytes;
}

uint8_t *cached_bytes_data(struct cached_bytes *bytes)
{
    return (uint8_t *)bytes + DATA_OFFSET;
}

void cached_bytes_give(struct cached_bytes *bytes)
{
    if (!bytes) return;
    if (atomic_fetch_sub_explicit(&bytes->references, 1, memory_order_acq_rel) == 1) free(bytes);
}

static bool keys_are_equal(struct block_cache_key left, struct block_cache_key right)
{
    return left.segment == right.segment && left.offset == right.offset &&
           left.size_bytes == right.size_bytes;
}

static struct cached_bytes **shard_bucket(struct shard *shard, uint64_t hash)
{
    return &shard->buckets[hash / SHARDS % BUCKETS];
}

static struct cached_bytes *shard_find(struct shard *shard, uint64_t hash,
                                       struct block_cache_key key)
{
    struct cached_bytes *bytes = *shard_bucket(shard, hash);
    while (bytes && !keys_are_equal(bytes->key, key)) bytes = bytes->next_of_bucket;
    return bytes;
}

static uint64_t key_hash(struct block_cache_key key)
{
    return hash64(&key, sizeof key);
}

/* Out of the table and the ring. */
static void shard_remove(struct shard *shard, struct cached_bytes *bytes)
{
    struct cached_bytes **link = shard_bucket(shard, key_hash(bytes->key));
    while (*link != bytes) link = &(*link)->next_of_bucket;
    *link = bytes->next_of_bucket;
    bytes->previous->next = bytes->next;
    bytes->next->previous = bytes->previous;
    if (shard->hand == bytes) shard->hand = bytes->next == bytes ? NULL : bytes->next;
    shard->bytes -= bytes->key.size_bytes;
    cached_bytes_give(bytes);
}

/* Until there is room for so many: the hand spares once what was asked for since it came by. */
static void shard_make_room(struct shard *shard, uint64_t bytes_max, uint64_t wanted)
{
    while (shard->hand && shard->bytes + wanted > bytes_max) {
        struct cached_bytes *bytes = shard->hand;
        if (bytes->is_wanted) {
            bytes->is_wanted = false;
            shard->hand = bytes->next;
        } else {
            shard_remove(shard, bytes);
        }
    }
}

/* Behind the hand, so that it is looked at last. */
static void shard_add(struct shard *shard, uint64_t hash, struct cached_bytes *bytes)
{
    struct cached_bytes **bucket = shard_bucket(shard, hash);
    bytes->next_of_bucket = *bucket;
    *bucket = bytes;
    if (shard->hand) {
        bytes->next = shard->hand;
        bytes->previous = shard->hand->previous;
        bytes->previous->next = bytes;
        bytes->next->previous = bytes;
    } else {
        shard->hand = bytes->next = bytes->previous = bytes;
    }
    shard->bytes += bytes->key.size_bytes;
    atomic_fetch_add_explicit(&bytes->references, 1, memory_order_relaxed);
}

void block_cache_destroy(struct block_cache *cache)
{
    if (!cache) return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        while (shard->hand) shard_remove(shard, shard->hand);
        uv_mutex_destroy(&shard->lock);
    }
    free(cache);
}

struct cached_bytes *block_cache_take(struct block_cache *cache, struct block_cache_key key)
{
    uint64_t hash = key_hash(key);
    struct shard *shard = &cache->shards[hash % SHARDS];
    uv_mutex_lock(&shard->lock);
    struct cached_bytes *bytes = shard_find(shard, hash, key);
    if (bytes) {
        bytes->is_wanted = true;
        atomic_fetch_add_explicit(&bytes->references, 1, memory_order_relaxed);
        shard->hit_count++;
    } else {
        shard->miss_count++;
    }
    uv_mutex_unlock(&shard->lock);
    return bytes;
}

void block_cache_put(struct block_cache *cache, struct cached_bytes *bytes)
{
    uint64_t hash = key_hash(bytes->key);
    struct shard *shard = &cache->shards[hash % SHARDS];
    if (bytes->key.size_bytes > cache->shard_bytes_max) return;
    uv_mutex_lock(&shard->lock);
    if (!shard_find(shard, hash, bytes->key)) { /* else another thread was first */
        shard_make_room(shard, cache->shard_bytes_max, bytes->key.size_bytes);
        shard_add(shard, hash, bytes);
    }
    uv_mutex_unlock(&shard->lock);
}

struct block_cache_statistics block_cache_statistics(struct block_cache *cache)
{
    struct block_cache_statistics statistics = {0};
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        uv_mutex_lock(&shard->lock);
        statistics.bytes += shard->bytes;
        statistics.hit_count += shard->hit_count;
        statistics.miss_count += shard->miss_count;
        uv_mutex_unlock(&shard->lock);
    }
    return statistics;
}
