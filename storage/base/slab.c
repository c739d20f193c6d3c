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
