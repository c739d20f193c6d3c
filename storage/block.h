/* Block: encodes a run of one tag's samples, and decodes it again (block_format.h). */
#ifndef STORAGE_BLOCK_H
#define STORAGE_BLOCK_H

#include "storage/base/arena.h"
#include "storage/base/buffer.h"
#include "storage/base/status.h"
#include "storage/batch.h"
#include "storage/block_format.h"
#include "storage/codec.h"

enum {
    BLOCK_SAMPLES = 2048,       /* what a writer makes at most, unless told otherwise */
    BLOCK_BYTES_MAX = 80 << 20, /* a thousand of the longest texts; a writer stages far less */
};

/* Appends the block. The batch is of one tag and one type and keeps F3. The hint is of the tag's
 * values; NULL when nobody keeps one. */
enum status block_encode(struct buffer *target, struct identity identity, enum block_kind kind,
                         const struct batch *batch, struct codec_hint *hint, enum codec_class class,
                         struct error *error);

/* Whether a whole, intact block starts at bytes: header, length, checksum. */
bool block_is_intact(const uint8_t *bytes, size_t size);

/* Bytes of arena that decoding needs at most. */
size_t block_decode_bytes_max(const struct block_header *header);

/* Columns built in the arena (texts may point into bytes, which must then outlive them). The
 * batch's tag is left 0: a block knows identities only. Columns that are the same for all are NULL
 * with the value beside them where the codec says so. STATUS_CORRUPT when a stream is malformed or
 * F3 does not hold. Does not verify the checksum: block_is_intact() does. */
enum status block_decode(const uint8_t *bytes, size_t size, struct arena *arena,
                         struct batch *out_batch);

/* Times and values of a column that is raw on disk are used in place; so bytes must be 8-aligned
 * and outlive the batch. */

#endif
