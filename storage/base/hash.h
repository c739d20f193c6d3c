/* Hash: XXH3 for checksums and identities. The constants of the digest are in storage/digest.h. */
#ifndef STORAGE_BASE_HASH_H
#define STORAGE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t low;
    uint64_t high;
};

uint64_t hash64(const void *bytes, size_t size);
uint32_t hash32(const void *bytes, size_t size); /* low half of hash64() */
struct hash128 hash128(const void *bytes, size_t size);

/* In pieces: hash_stream_* over the pieces equals hash64() over their concatenation. */
struct hash_stream;
struct hash_stream *hash_stream_create(void); /* NULL when out of memory */
void hash_stream_destroy(struct hash_stream *stream);
void hash_stream_reset(struct hash_stream *stream);
void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t size);
uint64_t hash_stream_value(const struct hash_stream *stream);

#endif
