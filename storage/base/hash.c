#include "storage/base/hash.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/base/assert.h"

struct hash_stream {
    XXH3_state_t state;
};

uint64_t hash64(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

uint32_t hash32(const void *bytes, size_t size)
{
    return (uint32_t)hash64(bytes, size);
}

struct hash128 hash128(const void *bytes, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(bytes, size);
    return (struct hash128){.low = hash.low64, .high = hash.high64};
}

struct hash_stream *hash_stream_create(void)
{
    struct hash_stream *stream = aligned_alloc(_Alignof(struct hash_stream), sizeof *stream);
    if (!stream) return NULL;
    XXH3_INITSTATE(&stream->state);
    hash_stream_reset(stream);
    return stream;
}

void hash_stream_destroy(struct hash_stream *stream)
{
    free(stream);
}

void hash_stream_reset(struct hash_stream *stream)
{
    XXH_errorcode code = XXH3_64bits_reset(&stream->state);
    ASSERT(code == XXH_OK);
}

void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t size)
{
    XXH_errorcode code = XXH3_64bits_update(&stream->state, bytes, size);
    ASSERT(code == XXH_OK || size == 0); /* the only error is bytes == NULL */
}

uint64_t hash_stream_value(const struct hash_stream *stream)
{
    return XXH3_64bits_digest(&stream->state);
}
