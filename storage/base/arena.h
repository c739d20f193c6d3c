/* Arena: memory that is released all at once.
 *
 * A query, a parse or a decode takes all its memory from one arena and frees none of it singly;
 * the owner resets the arena when the work is done, on success and on failure alike.
 *
 *   chunks   [ used ........... ] -> [ used ...... | free ...... ]
 *                                     ^             ^ next        ^ end
 *
 * A1  next <= end, both within the newest chunk
 * A2  the chunks together never exceed bytes_max: that is the arena's limit
 * A3  a reset keeps the largest chunk, so steady work allocates nothing
 */
#ifndef STORAGE_BASE_ARENA_H
#define STORAGE_BASE_ARENA_H

#include <stddef.h>

enum { ARENA_RAW_ALIGNMENT = 64 };

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* owned; the newest first; NULL until first use */
    char *next;
    char *end;
    size_t bytes; /* of all chunks */
    size_t bytes_max;
};

/* Takes no memory yet, so it cannot fail. */
void arena_init(struct arena *arena, size_t bytes_max);
void arena_finish(struct arena *arena); /* accepts a zeroed arena */

/* Zeroed and aligned for any type; NULL at the limit or when out of memory. Valid until
 * arena_reset(). */
void *arena_take(struct arena *arena, size_t size_bytes);

/* The same, not zeroed, and aligned to ARENA_RAW_ALIGNMENT: for columns. */
void *arena_take_raw(struct arena *arena, size_t size_bytes);

void arena_reset(struct arena *arena);

#endif
