/* The block as it lies in a segment file: a run of one tag's samples in streams. Self-contained:
 * it names its tag by identity and needs nothing outside itself, so that it can be copied from
 * segment to segment and shipped to another server byte for byte.
 *
 *    0       4         8               16                              32
 *    +-------+---------+---------------+-------------------------------+
 *    | magic | payload | checksum      | identity                      |
 *    +-------+---------+---------------+---+---+---+---+---+---+---+---+
 *    | origin          | first_time_ns | n |typ|knd| codecs [8]    |zro|
 *    +-----------------+---------------+---+---+---+---------------+---+
 *    32                40              48  50  51  52              60  64
 *
 *   payload   lengths and streams (stream.h), in order of enum block_stream
 *
 * F1  checksum covers every byte before and after itself, payload included: it is the XXH3-64 of
 *     the 8 bytes before it and the XXH3-64 of the bytes after it
 * F2  1 <= sample_count <= 65535
 * F3  kind MAIN: collected entries, one a time, times strictly rising;
 *     kind HISTORY: explicit entries, and collected ones that lost to another origin's, rising by
 *     (time, entry_compare), no two equal
 * F4  reserved bytes and padding are zero, so that a later version can give them meaning
 * F5  an absent stream means: QUALITY all good, CLOCK and GENERATION all 0, ORIGIN all header's
 *     origin, KIND all collected, NOTE none. TIME and VALUE are never absent; KIND and NOTE are in
 *     MAIN. The header's origin is the first sample's.
 *
 * Changing anything here changes docs/format/segment.md and SEGMENT_VERSION. */
#ifndef STORAGE_BLOCK_FORMAT_H
#define STORAGE_BLOCK_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/sample.h"

#define BLOCK_MAGIC 0x4b4c4242u /* "BBLK" */

enum block_stream {
    BLOCK_STREAM_TIME,
    BLOCK_STREAM_VALUE,
    BLOCK_STREAM_QUALITY,
    BLOCK_STREAM_CLOCK,
    BLOCK_STREAM_GENERATION,
    BLOCK_STREAM_ORIGIN,
    BLOCK_STREAM_KIND,
    BLOCK_STREAM_NOTE,
    BLOCK_STREAM_COUNT,
};

enum block_kind { BLOCK_MAIN = 0, BLOCK_HISTORY = 1 };

struct block_header {
    uint32_t magic;
    uint32_t payload_bytes;
    uint64_t checksum;
    struct identity identity;
    uint64_t origin;
    int64_t first_time_ns;
    uint16_t sample_count;
    uint8_t type; /* enum value_type, of all samples */
    uint8_t kind; /* enum block_kind */
    uint8_t codecs[BLOCK_STREAM_COUNT];
    uint8_t reserved[4];
};

static_assert(offsetof(struct block_header, checksum) == 8, "the picture above");
static_assert(offsetof(struct block_header, first_time_ns) == 40, "the picture above");
static_assert(offsetof(struct block_header, codecs) == 52, "the picture above");
static_assert(sizeof(struct block_header) == 64, "no hidden padding reaches the disk");

enum {
    BLOCK_PAYLOAD_OFFSET = sizeof(struct block_header),
    BLOCK_ALIGNMENT = 8, /* of streams in a block, and of blocks in a segment */
};

/* The type of a stream's words. */
static inline enum value_type block_stream_type(const struct block_header *header,
                                                enum block_stream stream)
{
    return stream == BLOCK_STREAM_VALUE ? (enum value_type)header->type : VALUE_I64;
}

/* What can be said without the payload. */
bool block_header_is_valid(const struct block_header *header);

/* Of a whole block of this size (F1); what its header holds does not count. */
uint64_t block_checksum(const uint8_t *bytes, size_t size);

#endif
