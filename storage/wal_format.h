/* The write-ahead log as it lies on disk: numbered, preallocated files of groups of frames.
 *
 *   file    [ header 4096 ][ group ][ group ] … zeros
 *   group   [ header 64 ][ frame ][ frame ] …, padded with zeros to WAL_ALIGNMENT
 *   frame   [ header 64 ][ columns ], padded with zeros to 8
 *
 * A position in the log is file number x file bytes + offset, so positions rise for ever.
 *
 *   columns, each present only when its flag says so (values always), padded to 8 each, in this
 *   order:
 *     tags u32 · times i64 · values u64 · qualities u32 · types u8 · clocks u64 · notes u64 · texts
 *   texts: every text value in order of samples, then every note, each a struct text_value padded
 *   to 4 and directly behind the one before. values and notes hold their offsets within the texts,
 *   UINT64_MAX in notes for none. Where a column is missing, the header has the value of all.
 *
 * W1  a header's checksum covers the header before it; a frame has a second one over its columns
 * W2  everything below a file's previous_end was durable when that file's header was written; what
 *     the earlier file holds at or above it is not part of the log
 * W3  everything below a group's durable_position was durable when the group was written
 * W4  sequences rise by one a frame, through all files, starting at the file's first_sequence
 * W5  a frame flagged MORE belongs to one append with the frame that follows it, which is flagged
 *     AFTER and lies in the same group: all or none
 * W6  a recycled file keeps its old bytes behind the new ones: a group counts only when it names
 *     the number of its file
 * W7  an open log never goes on in a file that it found: it starts the next one
 * W8  where the log left a file for a later one stands an empty group that says so, if there was
 *     room: it is written once the later file is durable, so that this is missed when it is gone
 *
 * So a bad frame below any later previous_end, durable_position or clean close is damage: it is
 * skipped singly and reported. A bad frame above all of them is a torn tail and ends the log.
 *
 * Changing anything here changes docs/format/wal.md and WAL_VERSION (W8 did not: who does not know
 * it reads an empty group). */
#ifndef STORAGE_WAL_FORMAT_H
#define STORAGE_WAL_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/sample.h"

enum {
    WAL_VERSION = 1,
    WAL_ALIGNMENT = 4096,
    WAL_FRAME_SAMPLES_MAX = 65536,
    WAL_FRAME_BYTES_MAX = 4 << 20,
    WAL_FILE_BYTES_MIN = 4 * WAL_ALIGNMENT,
    WAL_FILE_BYTES_MAX = 1 << 30,
};
#define WAL_FILE_MAGIC 0x314c415745444542ull /* "BEDEWAL1" */
#define WAL_GROUP_MAGIC 0x50524757u          /* "WGRP" */
#define WAL_FRAME_MAGIC 0x4d524657u          /* "WFRM" */

struct wal_file_header { /* zeros behind it up to WAL_ALIGNMENT */
    uint64_t magic;
    uint32_t version;
    uint32_t features; /* 0 */
    struct identity store;
    uint64_t number;
    uint64_t file_bytes;
    uint64_t first_sequence;
    uint64_t previous_end; /* position */
    uint64_t checksum;
};

static inline uint64_t wal_position(uint64_t file_bytes, uint64_t number, uint64_t offset)
{
    return number * file_bytes + offset;
}

enum wal_group_flag {
    WAL_GROUP_CLEAN_CLOSE = 1,
    WAL_GROUP_GOES_ON = 2, /* W8 */
};

struct wal_group_header {
    uint32_t magic;
    uint32_t frame_count;
    uint64_t payload_bytes; /* frames, without padding to WAL_ALIGNMENT */
    uint64_t file_number;
    uint64_t first_sequence;
    uint64_t durable_position; /* at most that of the group */
    uint64_t clock_ceiling;    /* no stamp in or before this group is greater */
    uint32_t flags;
    uint32_t reserved;
    uint64_t checksum;
};

enum wal_frame_flag {
    WAL_FRAME_TAGS = 1 << 0,
    WAL_FRAME_TIMES = 1 << 1,
    WAL_FRAME_QUALITIES = 1 << 2,
    WAL_FRAME_TYPES = 1 << 3,
    WAL_FRAME_CLOCKS = 1 << 4,
    WAL_FRAME_TEXTS = 1 << 5,
    WAL_FRAME_NOTES = 1 << 6,
    WAL_FRAME_MORE = 1 << 7,
    WAL_FRAME_AFTER = 1 << 8,
    WAL_FRAME_FLAGS = (1 << 9) - 1, /* all of them */
};

struct wal_frame_header { /* tag, time, type, clock: the first sample's, if there is a column */
    uint32_t magic;
    uint32_t frame_bytes; /* this header included; a multiple of 8 */
    uint64_t sequence;
    uint64_t origin;
    uint64_t clock;
    int64_t time_ns;
    uint32_t generation;
    uint32_t tag;
    uint32_t sample_count;
    uint16_t flags;
    uint8_t kind;
    uint8_t type;
    uint32_t columns_checksum;
    uint32_t header_checksum; /* over the 60 bytes before it */
};

static_assert(sizeof(struct wal_file_header) == 72, "no hidden padding reaches the disk");
static_assert(sizeof(struct wal_group_header) == 64, "no hidden padding reaches the disk");
static_assert(offsetof(struct wal_group_header, checksum) == 56, "the checksum comes last");
static_assert(sizeof(struct wal_frame_header) == 64, "no hidden padding reaches the disk");
static_assert(offsetof(struct wal_frame_header, header_checksum) == 60, "the checksum comes last");

#endif
