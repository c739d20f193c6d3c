/* WAL files: those that the log lives in, and spare ones for it to go on in.
 *
 *   made (zeros, synced) ──▶ spare ──▶ live: [ oldest ] … [ newest, in work ]
 *                              ▲                  │ released
 *                              └──────────────────┘
 *
 * A file that was written once has its blocks on the disk, so that writing it again changes nothing
 * in the file system's own books and syncs fast: a released file is kept as a spare.
 *
 * K1  what a spare holds is never looked at (W6)
 * K2  a file bears a name of the log only when its header is durable; that name is durable before
 *     wal_files_take() returns
 * K3  only files that this open log made are used again: after a crash or a failed sync of the
 *     directory, two names may lead to one file
 *
 * Threads: any, but for init, start and finish. */
#ifndef STORAGE_WAL_FILES_H
#define STORAGE_WAL_FILES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "storage/base/file.h"
#include "storage/wal_format.h"

enum { WAL_SPARES_MAX = 128 };

struct wal_live_file {
    uint64_t number;
    uint64_t end; /* offset */
    bool was_found;
};

struct wal_files {
    struct file_system *file_system; /* borrowed */
    const char *directory;           /* borrowed */
    uint64_t file_bytes;
    bool has_locks;
    bool has_maker;
    uv_thread_t maker; /* keeps one spare ready; there is none in a manual log */

    uv_mutex_t lock;       /* guards all below; a leaf */
    uv_cond_t maker_wakes; /* a spare was taken, or it must stop */
    bool must_stop;
    uint64_t *spares; /* owned; numbers */
    size_t spare_count;
    size_t spare_count_max;     /* released files above it are removed */
    uint64_t next_spare;        /* no spare was ever named so */
    struct wal_live_file *live; /* owned; rising; the last one is in work */
    size_t live_count;
    size_t live_capacity;
    uint64_t released_position;
    atomic_uint_fast64_t live_bytes; /* at or above released_position */
};

enum status wal_files_init(struct wal_files *files, struct file_system *file_system,
                           const char *directory, uint64_t file_bytes, uint64_t released_position,
                           struct error *error);
void wal_files_finish(struct wal_files *files); /* accepts zeroed or half-made files */

/* Starts the thread that makes spares ahead of need. */
enum status wal_files_start(struct wal_files *files, struct error *error);

/* A live file from before; rising numbers. */
enum status wal_files_add_found(struct wal_files *files, uint64_t number, uint64_t end,
                                struct error *error);

/* A spare, made now if there is none, becomes the live file of header->number. The header's
 * checksum is filled in. */
enum status wal_files_take(struct wal_files *files, struct wal_file_header *header,
                           struct file **out_file, struct error *error);

/* The file in work has grown up to this offset. */
void wal_files_extend(struct wal_files *files, uint64_t end);

/* Files of which nothing lies at or above position are live no more, but for the one in work. */
enum status wal_files_release(struct wal_files *files, uint64_t position, struct error *error);

uint64_t wal_files_live_bytes(const struct wal_files *files);
uint64_t wal_files_disk_bytes(struct wal_files *files);

#endif
