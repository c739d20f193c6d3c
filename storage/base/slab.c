#include "storage/base/slab.h"

#include <stdlib.h>
#include <sys/mman.h>

void *slab_take(size_t size_bytes)
{
    if (size_bytes % SLAB_HUGE_BYTES != 0) return aligned_alloc(64, (size_bytes + 63) / 64 * 64);
    void *slab = aligned_alloc(SLAB_HUGE_BYTES, size_bytes);
    /* Refused where there are none: then the pages are small. */
    if (slab) (void)madvise(slab, size_bytes, MADV_HUGEPAGE);
    return slab;
}

struct slab_link {
    struct slab_link *next;
};

bool slab_pool_init(struct slab_pool *pool, size_t slab_bytes, size_t count_max)
{
    *pool = (struct slab_pool){.slab_bytes = slab_bytes, .count_max = count_max};
    return uv_mutex_init(&pool->lock) == 0;
}

void slab_pool_finish(struct slab_pool *pool)
{
    while (pool->kept) {
        struct slab_link *slab = pool->kept;
        pool->kept = slab->next;
        free(slab);
    }
    uv_mutex_destroy(&pool->lock);
}

void *slab_pool_take(struct slab_pool *pool)
{
    uv_mutex_lock(&pool->lock);
    struct slab_link *slab = pool->kept;
    if (slab) {
        pool->kept = slab->next;
        pool->count--;
    }
    uv_mutex_unlock(&pool->lock);
    return slab ? slab : slab_take(pool->slab_bytes);
}

void slab_pool_give(struct slab_pool *pool, void *slab)
{
    struct slab_link *given = slab;
    uv_mutex_lock(&pool->lock);
    bool is_kept = pool->count < pool->count_max;
    if (is_kept) {
        given->next = pool->kept;
        pool->kept = given;
        pool->count++;
    }
    uv_mutex_unlock(&pool->lock);
    if (!is_kept) free(slab);
}
