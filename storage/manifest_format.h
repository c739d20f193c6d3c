/* The manifest as it lies on disk.
 *
 *   MANIFEST-n   [ header 64 ][ edit ][ edit ] …
 *   edit         [ head 16 ][ body ]
 *   body         [ state 160 ][ generations u32, to a multiple of 8 ][ added 48 each ]
 *                [ dropped: numbers, u64 each ]
 *
 * An edit without a body is a seal: it is written once the edits before it are durable, so that a
 * damaged last edit cannot pass for one that was torn (M4). It may be missing.
 *
 * Changing anything here changes docs/format/manifest.md and MANIFEST_VERSION. */
#ifndef STORAGE_MANIFEST_FORMAT_H
#define STORAGE_MANIFEST_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/sample.h"

enum {
    MANIFEST_VERSION = 1,
    MANIFEST_SEGMENTS_MAX = 65536,
    MANIFEST_GENERATIONS_MAX = 1024,
    MANIFEST_NAME_SPACE_BYTES_MAX = 63
};

#define MANIFEST_MAGIC 0x314e414d45444542ull /* "BEDEMAN1" */
#define MANIFEST_EDIT_MAGIC 0x5449444du      /* "MDIT" */

struct manifest_header {
    uint64_t magic;
    uint32_t version;
    uint32_t features; /* 0; a reader refuses bits it does not know */
    uint64_t number;   /* as in the file's name */
    struct identity store;
    uint64_t reserved[2];
    uint64_t checksum; /* of the 56 bytes before */
};

static_assert(sizeof(struct manifest_header) == 64, "no hidden padding reaches the disk");

struct manifest_edit_head {
    uint32_t magic;
    uint32_t body_bytes;
    uint64_t checksum; /* hash64 of the 8 bytes before, xor hash64 of the body */
};

static_assert(sizeof(struct manifest_edit_head) == 16, "no hidden padding reaches the disk");

/* A live segment. */
struct manifest_segment {
    uint64_t number;
    uint64_t size_bytes;
    uint64_t sample_count;
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint32_t level;
    uint32_t reserved;
};

static_assert(sizeof(struct manifest_segment) == 48, "no hidden padding reaches the disk");

struct manifest_edit_state {
    struct identity store;
    uint64_t node;
    uint32_t generation_count;
    uint32_t added_count;
    uint32_t dropped_count;
    uint32_t reserved;
    char name_space[MANIFEST_NAME_SPACE_BYTES_MAX + 1]; /* zeros behind its end */
    uint64_t wal_file_bytes;
    uint64_t flushed_position;
    uint64_t flushed_sequence;
    uint64_t clock_ceiling;
    uint64_t next_number;
    uint64_t snapshot_number;
    uint64_t frontier_number;
};

static_assert(sizeof(struct manifest_edit_state) == 160, "no hidden padding reaches the disk");

#endif
