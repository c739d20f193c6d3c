/* WAL writer: puts groups into the log's files, one behind the other.
 *
 *   file 8 [ header ][ group ][ group ][ no room for the next ]   file 9 [ header ][ group ] …
 *                                                                          ▲ synced first: file 8
 *
 * Threads: one at a time (the committer). */
#ifndef STORAGE_WAL_WRITER_H
#define STORAGE_WAL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/file.h"
#include "storage/sample.h"
#include "storage/wal_files.h"
#include "storage/wal_format.h"

struct wal_writer {
    struct wal_files *files; /* borrowed */
    struct identity store;
    struct file *file; /* owned; NULL before wal_writer_begin() */
    uint64_t number;
    uint64_t offset; /* of the next group */
    uint64_t durable_position;
    uint64_t written_sequence;
    bool is_dirty; /* written since the last sync */
};

/* Starts the file of this number, and says so at previous_end (W8). What the log holds below it is
 * durable (W2). */
enum status wal_writer_begin(struct wal_writer *writer, uint64_t number, uint64_t previous_end,
                             struct error *error);
void wal_writer_finish(struct wal_writer *writer); /* accepts a zeroed writer */

uint64_t wal_writer_position(const struct wal_writer *writer);

/* Writes frame_count frames that lie at bytes + sizeof(struct wal_group_header), up to size, with a
 * header before them and zeros behind, up to WAL_ALIGNMENT: there is room for both, and bytes is
 * aligned so, too. Of the header, flags and clock_ceiling are the caller's. */
enum status wal_writer_write(struct wal_writer *writer, uint8_t *bytes, size_t size,
                             uint32_t frame_count, struct wal_group_header *header,
                             struct error *error);

/* What was written becomes durable. */
enum status wal_writer_sync(struct wal_writer *writer, struct error *error);

#endif
