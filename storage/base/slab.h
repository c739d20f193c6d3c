/* Slab: a large piece of memory, on huge pages where the system has them: what is reached at
 * random then misses the processor's page tables less. */
#ifndef STORAGE_BASE_SLAB_H
#define STORAGE_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum { SLAB_HUGE_BYTES = 2 << 20 };

/* Not zeroed, aligned to 64. NULL when out of memory. Given back with free(). Only sizes that are a
 * multiple of SLAB_HUGE_BYTES get huge pages. */
void *slab_take(size_t size_bytes);

/* Slabs of one size, kept for the next owner: memory that was given back to the system costs a
 * clearing of every page when it is taken again.
 *
 * Threads: any. */
struct slab_pool {
    uv_mutex_t lock;
    size_t slab_bytes;
    size_t count_max; /* kept at most */
    size_t count;     /* under lock, like the list */
    struct slab_link *kept;
};

/* False when out of memory. */
bool slab_pool_init(struct slab_pool *pool, size_t slab_bytes, size_t count_max);
void slab_pool_finish(struct slab_pool *pool);

void *slab_pool_take(struct slab_pool *pool); /* NULL when out of memory */
void slab_pool_give(struct slab_pool *pool, void *slab);

#endif
