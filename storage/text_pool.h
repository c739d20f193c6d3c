/* Text pool: every text once. Units, descriptions and sources repeat a lot among tags; here each
 * distinct one has an id, and its bytes never move.
 *
 *   slabs     [ size 2 | bytes … | 0 ][ size 2 | bytes … | 0 ] … 256 KiB each, texts never span two
 *   entries   [ place 4 | hash 4 ] by id
 *   slots     id + 1 by hash, open addressing; 0: empty
 *
 * T1  ids are given in order of first use, from 0; id 0 is the empty text
 * T2  no text is taken back singly: what is no longer used stays until the pool is filled anew, for
 *     the catalog at the next open
 *
 * Threads: the owner locks; a text stays valid while others are added. */
#ifndef STORAGE_TEXT_POOL_H
#define STORAGE_TEXT_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"

enum { TEXT_POOL_TEXT_BYTES_MAX = 8192, TEXT_POOL_TEXTS_MAX = 1 << 30 };
#define TEXT_POOL_BYTES_MAX ((uint64_t)4 << 30)
#define TEXT_NONE UINT32_MAX

struct text_pool {
    struct buffer slabs;   /* char *, owned */
    struct buffer entries; /* struct text_entry */
    uint32_t *slots;       /* owned */
    size_t slot_count;     /* a power of two; at least 4/3 of the entries */
    size_t slab_used;      /* of the last slab */
};

enum status text_pool_init(struct text_pool *pool, struct error *error);
void text_pool_finish(struct text_pool *pool); /* accepts a zeroed pool */

/* Forgets all but the empty text. */
void text_pool_clear(struct text_pool *pool);

/* Room for so many texts, so that adding them does not grow the index again and again. */
enum status text_pool_reserve(struct text_pool *pool, size_t text_count, struct error *error);

/* The id of the text, given now if it has none. ASSERTs size <= TEXT_POOL_TEXT_BYTES_MAX. */
enum status text_pool_add(struct text_pool *pool, const char *text, size_t size, uint32_t *out_id,
                          struct error *error);

uint32_t text_pool_find(const struct text_pool *pool, const char *text, size_t size); /* or NONE */

const char *text_pool_text(const struct text_pool *pool, uint32_t id); /* ends with a zero byte */
size_t text_pool_size(const struct text_pool *pool, uint32_t id);      /* without it */
uint32_t text_pool_count(const struct text_pool *pool);
uint64_t text_pool_memory_bytes(const struct text_pool *pool);

#endif
