/* The mixed block as it lies in a segment file: the few samples of many tags, side by side, so that
 * what must be said of a block is not said for every slow tag. Like a block it names its tags by
 * identity and needs nothing outside itself.
 *
 *    0       4         8               16                              32
 *    +-------+---------+---------------+-------------------------------+
 *    | magic | payload | checksum      | identity of the first tag     |
 *    +-------+---------+---------------+---+---+---+---+---------------+
 *    | origin          | n | nt| tags  | ntl   | codecs [14]  ...  |zro|
 *    +-----------------+---+---+-------+-------+-------------------+---+
 *    32                40      44      46      48                  62  64
 *
 *   payload   lengths and streams (stream.h), in order of enum mixed_stream
 *
 *     IDENTITY    2 words a tag: low, high; raw
 *     TYPE        1 word a tag
 *     TIMELINE    1 word a tag: which timeline its samples follow
 *     LENGTH      1 word a timeline: its times
 *     TIME        the times of timeline 0, of timeline 1, ...
 *     F64..STATE  the values of all tags of one type, tag by tag
 *     QUALITY..   1 word a sample, tag by tag
 *
 * M1  checksum as in a block (F1)
 * M2  identities rise strictly; 1 <= tags, timelines, times, samples <= 65535
 * M3  a timeline has at least one time, and its times rise strictly; a tag has as many samples as
 *     its timeline has times; all of them together are sample_count
 * M4  samples are collected and not texts; no tag has other main samples in the same segment
 * M5  reserved bytes and padding are zero
 * M6  an absent stream means: TIMELINE all 0; a type without samples; QUALITY all good, CLOCK and
 *     GENERATION all 0, ORIGIN all header's origin, which is the first sample's. IDENTITY, TYPE,
 *     LENGTH and TIME are never absent.
 *
 * Changing anything here changes docs/format/segment.md and SEGMENT_VERSION. */
#ifndef STORAGE_MIXED_FORMAT_H
#define STORAGE_MIXED_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/sample.h"

#define MIXED_MAGIC 0x58494d42u /* "BMIX" */

enum mixed_stream {
    MIXED_STREAM_IDENTITY,
    MIXED_STREAM_TYPE,
    MIXED_STREAM_TIMELINE,
    MIXED_STREAM_LENGTH,
    MIXED_STREAM_TIME,
    MIXED_STREAM_VALUE, /* of type 1; the other types follow in order of enum value_type */
    MIXED_STREAM_QUALITY = MIXED_STREAM_VALUE + VALUE_TEXT - VALUE_F64,
    MIXED_STREAM_CLOCK,
    MIXED_STREAM_GENERATION,
    MIXED_STREAM_ORIGIN,
    MIXED_STREAM_COUNT,
};

enum { MIXED_TYPES = VALUE_TEXT - VALUE_F64 };

struct mixed_header {
    uint32_t magic;
    uint32_t payload_bytes;
    uint64_t checksum;
    struct identity identity;
    uint64_t origin;
    uint16_t sample_count; /* of all tags */
    uint16_t time_count;   /* of all timelines */
    uint16_t tag_count;
    uint16_t timeline_count;
    uint8_t codecs[MIXED_STREAM_COUNT];
    uint8_t reserved[2];
};

static_assert(offsetof(struct mixed_header, checksum) == 8, "as in a block");
static_assert(offsetof(struct mixed_header, codecs) == 48, "the picture above");
static_assert(sizeof(struct mixed_header) == 64, "no hidden padding reaches the disk");

enum { MIXED_PAYLOAD_OFFSET = sizeof(struct mixed_header) };

/* The type of a stream's words. */
enum value_type mixed_stream_type(enum mixed_stream stream);

/* What can be said without the payload. */
bool mixed_header_is_valid(const struct mixed_header *header);

#endif
