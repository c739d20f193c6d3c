/* Watched disk: passes everything on, and tells of every rename once it is done. */
#ifndef TESTS_STORAGE_WATCHED_DISK_H
#define TESTS_STORAGE_WATCHED_DISK_H

#include "storage/base/file.h"

struct watched_disk {
    struct file_system file_system;
    struct file_system *below; /* borrowed */
    void (*renamed)(void *context, const char *path);
    void *context;
};

static inline struct watched_disk *watched_of(struct file_system *disk)
{
    return (struct watched_disk *)disk;
}

static inline enum status watched_open(struct file_system *disk, struct file **out_file,
                                       const char *path, enum file_mode mode, struct error *error)
{
    return file_open(watched_of(disk)->below, out_file, path, mode, error);
}

static inline enum status watched_rename(struct file_system *disk, const char *from, const char *to,
                                         struct error *error)
{
    struct watched_disk *self = watched_of(disk);
    enum status status = file_rename(self->below, from, to, error);
    if (status == STATUS_OK) self->renamed(self->context, to);
    return status;
}

static inline enum status watched_remove(struct file_system *disk, const char *path,
                                         struct error *error)
{
    return file_remove(watched_of(disk)->below, path, error);
}

static inline enum status watched_create_directory(struct file_system *disk, const char *path,
                                                   struct error *error)
{
    return file_create_directory(watched_of(disk)->below, path, error);
}

static inline enum status watched_sync_directory(struct file_system *disk, const char *path,
                                                 struct error *error)
{
    return file_sync_directory(watched_of(disk)->below, path, error);
}

static inline enum status watched_list(struct file_system *disk, const char *path,
                                       enum status (*visit)(void *context, const char *name),
                                       void *context, struct error *error)
{
    return file_list(watched_of(disk)->below, path, visit, context, error);
}

static inline enum status watched_lock(struct file_system *disk, struct file **out_file,
                                       const char *path, struct error *error)
{
    return file_lock(watched_of(disk)->below, out_file, path, error);
}

static const struct file_system_operations watched_operations = {
    .open = watched_open,
    .rename = watched_rename,
    .remove = watched_remove,
    .create_directory = watched_create_directory,
    .sync_directory = watched_sync_directory,
    .list = watched_list,
    .lock = watched_lock,
};

static inline void watched_disk_init(struct watched_disk *disk, struct file_system *below,
                                     void (*renamed)(void *context, const char *path),
                                     void *context)
{
    *disk = (struct watched_disk){{&watched_operations}, below, renamed, context};
}

#endif
