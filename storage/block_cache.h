/* Block cache: bytes of segments that were read and verified, kept while there is room.
 *
 *   shard (by key)   table: key ─▶ entry          ring: entry ─▶ entry ─▶ … ─▶ hand
 *
 * What is asked for again before the hand comes round stays; what is not makes room (CLOCK). Long
 * passes do not put what they read: it would push out what is asked for often.
 *
 * H1  bytes are verified by whoever puts them, and never change
 * H2  they stay in place until the last who holds them gives them back, cached or not
 * H3  what is cached is never more than bytes_max; what is held beyond that is the holders' own
 *
 * Threads: any. */
#ifndef STORAGE_BLOCK_CACHE_H
#define STORAGE_BLOCK_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct block_cache;
struct cached_bytes;

struct block_cache_key {
    uint64_t segment; /* number: never given twice */
    uint64_t offset;
    uint64_t size_bytes;
};

/* NULL when out of memory. */
struct block_cache *block_cache_create(uint64_t bytes_max);
void block_cache_destroy(struct block_cache *cache); /* accepts NULL; nobody holds anything */

/* Memory for so many bytes, held by the caller, to be filled, verified and put (or only given back).
 * NULL when out of memory. */
struct cached_bytes *cached_bytes_create(struct block_cache_key key);
uint8_t *cached_bytes_data(struct cached_bytes *bytes); /* aligned to 64 */
void cached_bytes_give(struct cached_bytes *bytes);     /* accepts NULL */

/* Held by the caller; NULL when they are not there. */
struct cached_bytes *block_cache_take(struct block_cache *cache, struct block_cache_key key);
/* The caller goes on holding them. */
void block_cache_put(struct block_cache *cache, struct cached_bytes *bytes);

struct block_cache_statistics {
    uint64_t bytes;
    uint64_t hit_count;
    uint64_t miss_count;
};
struct block_cache_statistics block_cache_statistics(struct block_cache *cache);

#endif
