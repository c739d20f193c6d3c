/* Manifest: which files make up the store at this moment, as a log of edits.
 *
 *   MANIFEST-n   [ header 64 ][ edit ][ edit ] …    the first edit holds the whole state
 *   edit         [ magic u32 | bytes u32 | checksum u64 ][ body, padded to 8 ]
 *   CURRENT      "MANIFEST-<n> <checksum of that name>\n", replaced by rename
 *
 * M1  an edit is durable before manifest_commit() returns; a torn last edit never counted
 * M2  a new MANIFEST is complete and durable before CURRENT names it
 * M3  the two newest are kept; the older one is a valid, if outdated, state
 * M4  a bad edit that whole ones follow is damage, not a torn tail
 *
 * Threads: the owner locks. */
#ifndef STORAGE_MANIFEST_H
#define STORAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/file.h"
#include "storage/sample.h"

enum {
    MANIFEST_VERSION = 1,
    MANIFEST_SEGMENTS_MAX = 65536,
    MANIFEST_GENERATIONS_MAX = 1024,
    MANIFEST_NAME_SPACE_BYTES_MAX = 63
};

struct manifest_segment {
    uint64_t number;
    uint64_t size_bytes;
    uint64_t sample_count;
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint32_t level;
    uint32_t reserved;
};

struct manifest_state {
    struct identity store;
    uint64_t node;
    uint32_t generation;
    uint32_t generation_count; /* generations of this node that ever were, the last one current */
    uint32_t generations[MANIFEST_GENERATIONS_MAX];
    char name_space[MANIFEST_NAME_SPACE_BYTES_MAX + 1];
    uint64_t wal_file_bytes;
    uint64_t flushed_position; /* of the WAL: everything below lies in segments */
    uint64_t flushed_sequence;
    uint64_t clock_ceiling;
    uint64_t next_number;              /* for segments, snapshots and frontiers; never used twice */
    uint64_t snapshot_number;          /* of the catalog; 0: none */
    uint64_t frontier_number;          /* 0: none */
    struct manifest_segment *segments; /* owned; by number */
    size_t segment_count;
};

struct manifest;

/* STATUS_NOT_FOUND when the directory holds no store. STATUS_CORRUPT when CURRENT or the manifest
 * is damaged, naming it (whatever is intact is not guessed at here). */
enum status manifest_open(struct manifest **out_manifest, struct file_system *file_system,
                          const char *directory, struct error *error);

/* For a new store: state->segments is empty. */
enum status manifest_create(struct manifest **out_manifest, struct file_system *file_system,
                            const char *directory, const struct manifest_state *state,
                            struct error *error);
void manifest_close(struct manifest *manifest); /* accepts NULL */

const struct manifest_state *manifest_state(const struct manifest *manifest);

/* What changes; everything but the segments is taken from state as a whole. */
struct manifest_edit {
    const struct manifest_state *state; /* its segments are ignored; NULL: as it was */
    const struct manifest_segment *added;
    size_t added_count;
    const uint64_t *dropped; /* numbers; must be live */
    size_t dropped_count;
};

/* Appends one edit and syncs; starts a new MANIFEST when the file has grown past its limit. A
 * failure leaves the state as it was and refuses every later commit. */
enum status manifest_commit(struct manifest *manifest, const struct manifest_edit *edit,
                            struct error *error);

/* Reads everything again and calls report once a damage. */
enum status manifest_verify(struct file_system *file_system, const char *directory,
                            void (*report)(void *context, const char *text), void *context,
                            uint64_t *out_damaged_count, struct error *error);

#endif
