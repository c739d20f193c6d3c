/* WAL frame: one batch as bytes, and back. The same bytes serve the log, recovery and, once
 * numbers of tags are mapped, the link to another server. */
#ifndef STORAGE_WAL_FRAME_H
#define STORAGE_WAL_FRAME_H

#include "storage/base/arena.h"
#include "storage/base/status.h"
#include "storage/batch.h"
#include "storage/wal_format.h"

/* What an arena needs for one wal_frame_decode(). */
enum { WAL_FRAME_ARENA_BYTES = 2 << 20 };

/* Bytes that the batch takes as a frame, exactly. */
size_t wal_frame_bytes(const struct batch *batch);

/* Writes the frame at target (8-aligned, wal_frame_bytes() long). The batch is valid (B1-B4), with
 * one kind, generation and origin. links: WAL_FRAME_MORE, WAL_FRAME_AFTER (W5). */
void wal_frame_encode(uint8_t *target, const struct batch *batch, uint64_t sequence,
                      unsigned links);

/* Whether a whole frame with a good header starts at bytes, and how long it is. Does not look at
 * the columns. */
bool wal_frame_header_is_valid(const uint8_t *bytes, size_t size);

/* A view of the frame's columns (bytes 8-aligned). When there are texts or notes, pointers to them
 * are built in the arena. STATUS_CORRUPT when the header, the columns' checksum or layout is wrong,
 * or a value is not valid for its type; STATUS_NO_MEMORY when the arena is full. */
enum status wal_frame_decode(const uint8_t *bytes, size_t size, struct arena *arena,
                             struct batch *out_batch, uint64_t *out_sequence, bool *out_more);

#endif
