/* WAL directory: which files of the log, and which spare ones, are there. */
#ifndef STORAGE_WAL_DIRECTORY_H
#define STORAGE_WAL_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/file.h"

/* A log that writes a file of WAL_FILE_BYTES_MAX every second gets so far in 136 years. */
#define WAL_NUMBER_MAX UINT32_MAX

struct wal_numbers {
    uint64_t *numbers; /* owned; rising */
    size_t count;
    size_t capacity;
};

struct wal_directory {
    struct wal_numbers files;
    struct wal_numbers spares;
};

/* Names of other kinds are left alone. STATUS_IO when the directory is absent. */
enum status wal_directory_read(struct wal_directory *out_directory, struct file_system *file_system,
                               const char *path, struct error *error);
void wal_directory_finish(struct wal_directory *directory); /* accepts a zeroed one */

/* The path of a file, through DISK_WAL_FORMAT or DISK_WAL_SPARE_FORMAT, into target
 * (FILE_PATH_BYTES_MAX). */
void wal_path(char *target, const char *directory, uint64_t number);
void wal_spare_path(char *target, const char *directory, uint64_t number);

#endif
