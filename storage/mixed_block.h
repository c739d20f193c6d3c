/* Mixed block: encodes the few samples of many tags together, and decodes them again
 * (mixed_format.h). */
#ifndef STORAGE_MIXED_BLOCK_H
#define STORAGE_MIXED_BLOCK_H

#include "storage/base/arena.h"
#include "storage/base/buffer.h"
#include "storage/base/status.h"
#include "storage/batch.h"
#include "storage/mixed_format.h"

/* One tag on its way in: how many of the samples are its own. */
struct mixed_entry {
    struct identity identity;
    uint32_t sample_count;
};

/* Appends the block. samples are those of the first tag, then those of the second, ...; they keep
 * M2 to M4, and have times. scratch is reset. */
enum status mixed_block_encode(struct buffer *target, const struct mixed_entry *entries,
                               size_t tag_count, const struct batch *samples, struct arena *scratch,
                               struct error *error);

/* Whether a whole, intact block starts at bytes: header, length, checksum. */
bool mixed_block_is_intact(const uint8_t *bytes, size_t size);

/* Where the columns of one tag begin. */
struct mixed_tag {
    uint32_t first_sample;
    uint32_t sample_count;
    uint32_t first_time;
    uint32_t first_value; /* among those of its type */
    uint8_t type;
};

/* A block that was decoded: columns in the arena, or in the bytes. */
struct mixed_block {
    size_t tag_count;
    const struct identity *identities;
    const struct mixed_tag *tags;
    const int64_t *times_ns;
    const uint64_t *values[MIXED_TYPES]; /* NULL: no tag of this type */
    struct batch columns;                /* the rest, of all samples; times and values are NULL */
};

/* STATUS_CORRUPT when a stream is malformed or M2 to M4 do not hold. Does not verify the checksum:
 * mixed_block_is_intact() does. bytes are 8-aligned and outlive the block. */
enum status mixed_block_decode(const uint8_t *bytes, size_t size, struct arena *arena,
                               struct mixed_block *out_block);

/* Only what one tag has, without decoding all of the others. STATUS_NOT_FOUND. */
enum status mixed_block_decode_tag(const uint8_t *bytes, size_t size, struct identity identity,
                                   struct arena *arena, struct batch *out_batch);

/* The samples of tag number index, as a view; its tag is left 0. */
struct batch mixed_block_batch(const struct mixed_block *block, size_t index);

/* False when the block holds nothing of it. */
bool mixed_block_find(const struct mixed_block *block, struct identity identity, size_t *out_index);

#endif
