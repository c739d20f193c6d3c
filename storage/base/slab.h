/* Slab: a large piece of memory, on huge pages where the system has them: what is reached at
 * random then misses the processor's page tables less. */
#ifndef STORAGE_BASE_SLAB_H
#define STORAGE_BASE_SLAB_H

#include <stddef.h>

enum { SLAB_HUGE_BYTES = 2 << 20 };

/* Not zeroed, aligned to 64. NULL when out of memory. Given back with free(). Only sizes that are a
 * multiple of SLAB_HUGE_BYTES get huge pages. */
void *slab_take(size_t size_bytes);

#endif
