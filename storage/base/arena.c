#include "storage/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

enum { CHUNK_BYTES_MIN = 16 << 10 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size_bytes; /* of the whole chunk, this header included */
};

void arena_init(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){.bytes_max = bytes_max};
}

void arena_finish(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->older;
        free(chunk);
    }
    *arena = (struct arena){0};
}

static void arena_enter(struct arena *arena, struct arena_chunk *chunk)
{
    arena->next = (char *)(chunk + 1);
    arena->end = (char *)chunk + chunk->size_bytes;
}

/* Chunks double, so a growing arena settles on few of them. */
static bool arena_grow(struct arena *arena, size_t size_bytes)
{
    if (size_bytes > arena->bytes_max) return false;
    size_t needed_bytes = size_bytes + sizeof(struct arena_chunk) + ARENA_RAW_ALIGNMENT;
    size_t chunk_bytes = arena->chunks ? 2 * arena->chunks->size_bytes : CHUNK_BYTES_MIN;
    size_t left_bytes = arena->bytes_max - arena->bytes;
    if (chunk_bytes > left_bytes) chunk_bytes = left_bytes;
    if (chunk_bytes < needed_bytes) chunk_bytes = needed_bytes;
    if (chunk_bytes > left_bytes) return false; /* A2 */

    struct arena_chunk *chunk = malloc(chunk_bytes);
    if (!chunk) return false;
    *chunk = (struct arena_chunk){.older = arena->chunks, .size_bytes = chunk_bytes};
    arena->chunks = chunk;
    arena->bytes += chunk_bytes;
    arena_enter(arena, chunk);
    return true;
}

static void *arena_place(struct arena *arena, size_t size_bytes, size_t alignment)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        uintptr_t next = ((uintptr_t)arena->next + alignment - 1) / alignment * alignment;
        if (arena->next && next <= (uintptr_t)arena->end &&
            size_bytes <= (uintptr_t)arena->end - next) {
            char *taken = arena->next + (next - (uintptr_t)arena->next);
            arena->next = taken + size_bytes;
            ASSERT(arena->next <= arena->end); /* A1 */
            return taken;
        }
        if (attempt == 0 && !arena_grow(arena, size_bytes)) return NULL;
    }
    return NULL;
}

void *arena_take(struct arena *arena, size_t size_bytes)
{
    void *taken = arena_place(arena, size_bytes, _Alignof(max_align_t));
    return taken ? memset(taken, 0, size_bytes) : NULL;
}

void *arena_take_raw(struct arena *arena, size_t size_bytes)
{
    return arena_place(arena, size_bytes, ARENA_RAW_ALIGNMENT);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *largest = arena->chunks;
    for (struct arena_chunk *chunk = arena->chunks; chunk; chunk = chunk->older) {
        if (chunk->size_bytes > largest->size_bytes) largest = chunk;
    }
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->older;
        if (chunk != largest) free(chunk);
    }
    if (!largest) return;
    largest->older = NULL;
    arena->chunks = largest; /* A3 */
    arena->bytes = largest->size_bytes;
    arena_enter(arena, largest);
}
