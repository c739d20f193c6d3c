/* Files: the only way the rest of the program touches a disk.
 *
 * Everything goes through struct file_system, so that tests can stand in a disk that loses, tears
 * and corrupts writes on a seed. Three forms exist: posix (here), in memory with crash simulation
 * (file_memory.h), and one that makes any other fail at a chosen call (file_fault.h).
 *
 * Threads: a file system may be used from any thread; one file may be read from any number of
 * threads at once, and written by one at a time. */
#ifndef STORAGE_BASE_FILE_H
#define STORAGE_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "storage/base/status.h"

struct file_system;

enum file_mode {
    FILE_READ,   /* must exist; STATUS_NOT_FOUND (positive) when it does not */
    FILE_WRITE,  /* must exist; read and write; STATUS_NOT_FOUND when it does not */
    FILE_CREATE, /* read and write; made, or emptied when it exists */
    FILE_EXTEND, /* read and write; made when absent, kept when present */
    /* The same as FILE_WRITE and FILE_CREATE, for a file that is written once and hardly read: past
     * the system's cache where that can be done, which takes pages at page borders from memory
     * aligned to FILE_DIRECT_ALIGNMENT. */
    FILE_WRITE_DIRECT,
    FILE_CREATE_DIRECT,
};

enum { FILE_PATH_BYTES_MAX = 1024, FILE_DIRECT_ALIGNMENT = 4096 };

/* First member of every form's file. */
struct file {
    const struct file_operations *operations;
};

struct file_operations {
    /* STATUS_END (positive) when fewer than size bytes exist at offset. */
    enum status (*read_at)(struct file *file, void *bytes, size_t size, uint64_t offset,
                           struct error *error);
    /* Writes all of it, growing the file where needed. */
    enum status (*write_at)(struct file *file, const void *bytes, size_t size, uint64_t offset,
                            struct error *error);
    enum status (*sync)(struct file *file, struct error *error); /* fdatasync */
    enum status (*size)(struct file *file, uint64_t *out_bytes, struct error *error);
    enum status (*truncate)(struct file *file, uint64_t size_bytes, struct error *error);
    void (*close)(struct file *file);
};

struct file_system_operations {
    enum status (*open)(struct file_system *file_system, struct file **out_file, const char *path,
                        enum file_mode mode, struct error *error);
    enum status (*rename)(struct file_system *file_system, const char *from, const char *to,
                          struct error *error);
    /* A file, or a directory that is empty. STATUS_NOT_FOUND when there is none. */
    enum status (*remove)(struct file_system *file_system, const char *path, struct error *error);
    /* STATUS_EXISTS when it is there already. */
    enum status (*create_directory)(struct file_system *file_system, const char *path,
                                    struct error *error);
    /* Makes names created, renamed and removed in this directory durable. */
    enum status (*sync_directory)(struct file_system *file_system, const char *path,
                                  struct error *error);
    /* Calls visit(context, name) once a name; stops at its first negative status. Names may be
     * removed by visit. STATUS_NOT_FOUND when the directory is absent. */
    enum status (*list)(struct file_system *file_system, const char *path,
                        enum status (*visit)(void *context, const char *name), void *context,
                        struct error *error);
    /* An exclusive lock, kept until file_close() of out_file; writes the own pid into the file.
     * STATUS_BUSY names the pid of the holder. */
    enum status (*lock)(struct file_system *file_system, struct file **out_file, const char *path,
                        struct error *error);
};

/* First member of every form. */
struct file_system {
    const struct file_system_operations *operations;
};

struct file_system *file_system_posix(void);

static inline enum status file_open(struct file_system *file_system, struct file **out_file,
                                    const char *path, enum file_mode mode, struct error *error)
{
    return file_system->operations->open(file_system, out_file, path, mode, error);
}

static inline enum status file_rename(struct file_system *file_system, const char *from,
                                      const char *to, struct error *error)
{
    return file_system->operations->rename(file_system, from, to, error);
}

static inline enum status file_remove(struct file_system *file_system, const char *path,
                                      struct error *error)
{
    return file_system->operations->remove(file_system, path, error);
}

static inline enum status file_create_directory(struct file_system *file_system, const char *path,
                                                struct error *error)
{
    return file_system->operations->create_directory(file_system, path, error);
}

static inline enum status file_sync_directory(struct file_system *file_system, const char *path,
                                              struct error *error)
{
    return file_system->operations->sync_directory(file_system, path, error);
}

static inline enum status file_list(struct file_system *file_system, const char *path,
                                    enum status (*visit)(void *context, const char *name),
                                    void *context, struct error *error)
{
    return file_system->operations->list(file_system, path, visit, context, error);
}

static inline enum status file_lock(struct file_system *file_system, struct file **out_file,
                                    const char *path, struct error *error)
{
    return file_system->operations->lock(file_system, out_file, path, error);
}

static inline enum status file_read_at(struct file *file, void *bytes, size_t size, uint64_t offset,
                                       struct error *error)
{
    return file->operations->read_at(file, bytes, size, offset, error);
}

static inline enum status file_write_at(struct file *file, const void *bytes, size_t size,
                                        uint64_t offset, struct error *error)
{
    return file->operations->write_at(file, bytes, size, offset, error);
}

static inline enum status file_sync(struct file *file, struct error *error)
{
    return file->operations->sync(file, error);
}

static inline enum status file_size(struct file *file, uint64_t *out_bytes, struct error *error)
{
    return file->operations->size(file, out_bytes, error);
}

static inline enum status file_truncate(struct file *file, uint64_t size_bytes, struct error *error)
{
    return file->operations->truncate(file, size_bytes, error);
}

/* For the forms: visit() for each of the names, which end by zero bytes. */
static inline enum status file_visit(enum status (*visit)(void *context, const char *name),
                                     void *context, const char *names, size_t size_bytes)
{
    for (size_t next = 0; next < size_bytes; next += strlen(names + next) + 1) {
        enum status status = visit(context, names + next);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

/* For the forms: writes the own pid into a file just locked; and STATUS_BUSY, with the pid in a
 * file that is locked already. */
enum status file_lock_sign(struct file *file, struct error *error);
enum status file_lock_refuse(struct file *file, const char *path, struct error *error);

/* Makes the name of the file durable: syncs the directory that it lies in. */
enum status file_sync_parent(struct file_system *file_system, const char *path,
                             struct error *error);

/* Accepts NULL. Does not sync. */
static inline void file_close(struct file *file)
{
    if (file) file->operations->close(file);
}

#endif
