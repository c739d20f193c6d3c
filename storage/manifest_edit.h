/* Manifest edit: one step of the manifest as bytes, and the state that a row of them leads to.
 *
 * Pure. */
#ifndef STORAGE_MANIFEST_EDIT_H
#define STORAGE_MANIFEST_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/manifest_format.h"

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

/* What changes; everything but the segments is taken from state as a whole. */
struct manifest_edit {
    const struct manifest_state *state; /* its segments are ignored; NULL: as it was */
    const struct manifest_segment *added;
    size_t added_count;
    const uint64_t *dropped; /* numbers; must be live */
    size_t dropped_count;
};

/* The state after the edit, whose segments the caller frees with free(). STATUS_BAD_INPUT when the
 * edit drops what is not live, adds what is, or breaks what holds for every state;
 * STATUS_TOO_LARGE above MANIFEST_SEGMENTS_MAX. */
enum status manifest_state_after(const struct manifest_state *state,
                                 const struct manifest_edit *edit, struct manifest_state *out_state,
                                 struct error *error);

/* Appends the edit with the fields of state, whatever edit->state is. */
enum status manifest_edit_encode(struct buffer *target, const struct manifest_state *state,
                                 const struct manifest_edit *edit, struct error *error);

/* Appends an edit without a body. */
enum status manifest_seal_encode(struct buffer *target, struct error *error);

/* Length of the whole, intact edit that starts at offset; 0 when there is none. */
size_t manifest_edit_bytes(const uint8_t *bytes, size_t size, size_t offset);

/* Where the next intact edit starts, at offset (a multiple of 8) or behind; size when there is
 * none. */
size_t manifest_edit_find(const uint8_t *bytes, size_t size, size_t offset);

/* Replaces *state, whose segments it owns, by the state after this intact edit. STATUS_CORRUPT when
 * the edit contradicts itself or the state. */
enum status manifest_edit_follow(struct manifest_state *state, const uint8_t *edit,
                                 struct error *error);

#endif
