#include "storage/base/file_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "storage/base/assert.h"
#include "storage/base/buffer.h"
#include "storage/base/file_image.h"

struct file_memory {
    struct file_system file_system;
    uv_mutex_t mutex; /* guards all below, and what files point to */
    struct image image;
    struct memory_file *files; /* open ones */
};

struct memory_file {
    struct file file;
    struct file_memory *memory; /* borrowed */
    struct image_node *node;    /* used; NULL after a crash */
    struct memory_file *next;
    struct memory_file *previous;
    bool is_read_only;
    bool has_lock;
    char path[]; /* for messages */
};

static const struct file_operations memory_file_operations;
static const struct file_system_operations memory_operations;

static struct memory_file *memory_file_of(struct file *file)
{
    ASSERT(file->operations == &memory_file_operations);
    return (struct memory_file *)file;
}

static struct file_memory *file_memory_of(struct file_system *file_system)
{
    ASSERT(file_system->operations == &memory_operations);
    return (struct file_memory *)file_system;
}

/* The failure that a disk would report with this errno. */
static enum status refuse(struct error *error, int os_errno, const char *path, const char *what)
{
    errno = os_errno;
    return error_set(error, STATUS_IO, "%s: %s", path, what);
}

/* ---- an open file ---- */

/* The file with the lock held, or NULL, unlocked and *error set, when a crash came between. */
static struct memory_file *file_enter(struct file *base, struct error *error)
{
    struct memory_file *file = memory_file_of(base);
    uv_mutex_lock(&file->memory->mutex);
    if (file->node) return file;
    uv_mutex_unlock(&file->memory->mutex);
    (void)refuse(error, EIO, file->path, "was open when the system crashed");
    return NULL;
}

static enum status memory_read_at(struct file *base, void *bytes, size_t size, uint64_t offset,
                                  struct error *error)
{
    struct memory_file *file = file_enter(base, error);
    if (!file) return error->status;
    enum status status = STATUS_OK;
    const struct buffer *content = &file->node->visible;
    if (offset > content->size_bytes || size > content->size_bytes - offset) {
        status = size == 0 ? STATUS_OK : STATUS_END;
    } else if (size > 0) {
        memcpy(bytes, content->bytes + offset, size);
    }
    uv_mutex_unlock(&file->memory->mutex);
    return status;
}

static enum status memory_write_at(struct file *base, const void *bytes, size_t size,
                                   uint64_t offset, struct error *error)
{
    struct memory_file *file = file_enter(base, error);
    if (!file) return error->status;
    enum status status = file->is_read_only
                             ? refuse(error, EBADF, file->path, "is open for reading only")
                             : image_write(file->node, bytes, size, offset, error);
    uv_mutex_unlock(&file->memory->mutex);
    return status;
}

static enum status memory_sync(struct file *base, struct error *error)
{
    struct memory_file *file = file_enter(base, error);
    if (!file) return error->status;
    image_sync(file->node);
    uv_mutex_unlock(&file->memory->mutex);
    return STATUS_OK;
}

static enum status memory_size(struct file *base, uint64_t *out_bytes, struct error *error)
{
    struct memory_file *file = file_enter(base, error);
    if (!file) return error->status;
    *out_bytes = file->node->visible.size_bytes;
    uv_mutex_unlock(&file->memory->mutex);
    return STATUS_OK;
}

static enum status memory_truncate(struct file *base, uint64_t size_bytes, struct error *error)
{
    struct memory_file *file = file_enter(base, error);
    if (!file) return error->status;
    enum status status = file->is_read_only
                             ? refuse(error, EINVAL, file->path, "is open for reading only")
                             : image_resize(file->node, size_bytes, error);
    uv_mutex_unlock(&file->memory->mutex);
    return status;
}

/* Lets go of the node and of the lock on it. */
static void file_leave(struct memory_file *file)
{
    if (!file->node) return;
    if (file->has_lock) file->node->is_locked = false;
    image_leave(file->node);
    file->node = NULL;
}

static void memory_close(struct file *base)
{
    struct memory_file *file = memory_file_of(base);
    struct file_memory *memory = file->memory;
    uv_mutex_lock(&memory->mutex);
    file_leave(file);
    *(file->previous ? &file->previous->next : &memory->files) = file->next;
    if (file->next) file->next->previous = file->previous;
    uv_mutex_unlock(&memory->mutex);
    free(file);
}

static const struct file_operations memory_file_operations = {
    .read_at = memory_read_at,
    .write_at = memory_write_at,
    .sync = memory_sync,
    .size = memory_size,
    .truncate = memory_truncate,
    .close = memory_close,
};

/* ---- the file system: each operation in a form that wants the lock held ---- */

/* The node at path, made or emptied as the mode wants it. */
static enum status memory_open_node(struct file_memory *memory, struct image_node **out_node,
                                    const char *path, enum file_mode mode, struct error *error)
{
    bool creates = mode == FILE_CREATE || mode == FILE_EXTEND || mode == FILE_CREATE_DIRECT;
    struct image_place place;
    int failure = image_find(&memory->image, path, &place);
    if (failure == ENOENT && !creates) return STATUS_NOT_FOUND;
    if (failure != 0) return refuse(error, failure, path, "cannot open");
    if (!place.node && !creates) return STATUS_NOT_FOUND;
    if (place.node && place.node->is_directory) {
        return refuse(error, EISDIR, path, "is a directory");
    }
    enum status status = STATUS_OK;
    if (!place.node) {
        status = image_make(&memory->image, &place, false, error);
    } else if ((mode == FILE_CREATE || mode == FILE_CREATE_DIRECT) &&
               place.node->visible.size_bytes > 0) {
        status = image_resize(place.node, 0, error);
    }
    if (status < 0) return status;
    *out_node = place.node;
    return STATUS_OK;
}

static enum status memory_open_locked(struct file_memory *memory, struct memory_file **out_file,
                                      const char *path, enum file_mode mode, struct error *error)
{
    size_t path_bytes = strlen(path) + 1;
    struct memory_file *file = calloc(1, sizeof *file + path_bytes);
    if (!file) return error_set(error, STATUS_NO_MEMORY, "%s: cannot open", path);
    file->file.operations = &memory_file_operations;
    file->memory = memory;
    file->is_read_only = mode == FILE_READ;
    memcpy(file->path, path, path_bytes);

    enum status status = memory_open_node(memory, &file->node, path, mode, error);
    if (status != STATUS_OK) {
        free(file);
        return status;
    }
    image_use(file->node);
    file->next = memory->files;
    if (file->next) file->next->previous = file;
    memory->files = file;
    *out_file = file;
    return STATUS_OK;
}

static enum status memory_open(struct file_system *file_system, struct file **out_file,
                               const char *path, enum file_mode mode, struct error *error)
{
    struct file_memory *memory = file_memory_of(file_system);
    uv_mutex_lock(&memory->mutex);
    struct memory_file *file = NULL;
    enum status status = memory_open_locked(memory, &file, path, mode, error);
    if (status == STATUS_OK) *out_file = &file->file;
    uv_mutex_unlock(&memory->mutex);
    return status;
}

static enum status memory_rename_locked(struct file_memory *memory, const char *from_path,
                                        const char *to_path, struct error *error)
{
    struct image_place from;
    struct image_place to;
    int failure = image_find(&memory->image, from_path, &from);
    if (failure == 0 && !from.node) failure = ENOENT;
    if (failure == 0) failure = image_find(&memory->image, to_path, &to);
    if (failure != 0) return refuse(error, failure, from_path, "cannot rename");
    if (!from.directory || !to.directory) return refuse(error, EBUSY, from_path, "is the root");

    bool is_directory = from.node->is_directory;
    if (to.node && to.node != from.node) {
        if (!is_directory && to.node->is_directory) failure = EISDIR;
        if (is_directory && !to.node->is_directory) failure = ENOTDIR;
        if (is_directory && to.node->is_directory && !image_is_empty(to.node)) failure = ENOTEMPTY;
    }
    if (failure != 0) return refuse(error, failure, to_path, "cannot be replaced");
    if (is_directory && from.directory != to.directory) {
        return error_set(error, STATUS_UNSUPPORTED, "%s: is a directory and cannot move",
                         from_path);
    }
    return image_rename(&from, &to, error);
}

static enum status memory_rename(struct file_system *file_system, const char *from, const char *to,
                                 struct error *error)
{
    struct file_memory *memory = file_memory_of(file_system);
    uv_mutex_lock(&memory->mutex);
    enum status status = memory_rename_locked(memory, from, to, error);
    uv_mutex_unlock(&memory->mutex);
    return status;
}

static enum status memory_remove_locked(struct file_memory *memory, const char *path,
                                        struct error *error)
{
    struct image_place place;
    int failure = image_find(&memory->image, path, &place);
    if (failure == ENOENT || (failure == 0 && !place.node)) return STATUS_NOT_FOUND;
    if (failure != 0) return refuse(error, failure, path, "cannot remove");
    if (!place.directory) return refuse(error, EBUSY, path, "is the root");
    if (place.node->is_directory && !image_is_empty(place.node)) {
        return refuse(error, ENOTEMPTY, path, "cannot remove");
    }
    return image_remove(&place, error);
}

static enum status memory_remove(struct file_system *file_system, const char *path,
                                 struct error *error)
{
    struct file_memory *memory = file_memory_of(file_system);
    uv_mutex_lock(&memory->mutex);
    enum status status = memory_remove_locked(memory, path, error);
    uv_mutex_unlock(&memory->mutex);
    return status;
}

static enum status memory_create_directory(struct file_system *file_system, const char *path,
                                           struct error *error)
{
    struct file_memory *memory = file_memory_of(file_system);
    uv_mutex_lock(&memory->mutex);
    struct image_place place;
    enum status status = STATUS_EXISTS;
    int failure = image_find(&memory->image, path, &place);
    if (failure != 0) {
        status = refuse(error, failure, path, "cannot create the directory");
    } else if (!place.node) {
        status = image_make(&memory->image, &place, true, error);
    }
    uv_mutex_unlock(&memory->mutex);
    return status;
}

/* NULL and errno when there is no such directory. */
static struct image_node *directory_find(struct file_memory *memory, const char *path)
{
    struct image_place place;
    int failure = image_find(&memory->image, path, &place);
    if (failure == 0 && !place.node) failure = ENOENT;
    if (failure == 0 && !place.node->is_directory) failure = ENOTDIR;
    errno = failure;
    return failure == 0 ? place.node : NULL;
}

static enum status memory_sync_directory(struct file_system *file_system, const char *path,
                                         struct error *error)
{
    struct file_memory *memory = file_memory_of(file_system);
    uv_mutex_lock(&memory->mutex);
    enum status status = STATUS_OK;
    struct image_node *directory = directory_find(memory, path);
    if (directory) {
        image_sync(directory);
    } else {
        status = error_set(error, STATUS_IO, "%s: cannot sync", path);
    }
    uv_mutex_unlock(&memory->mutex);
    return status;
}

static enum status memory_list(struct file_system *file_system, const char *path,
                               enum status (*visit)(void *context, const char *name), void *context,
                               struct error *error)
{
    struct file_memory *memory = file_memory_of(file_system);
    struct buffer names;
    buffer_init(&names, SIZE_MAX / 2);
    uv_mutex_lock(&memory->mutex);
    const struct image_node *directory = directory_find(memory, path);
    enum status status;
    if (directory) {
        status = image_list(directory, &names, error);
    } else if (errno == ENOENT) {
        status = STATUS_NOT_FOUND;
    } else {
        status = error_set(error, STATUS_IO, "%s: cannot list", path);
    }
    uv_mutex_unlock(&memory->mutex);

    if (status == STATUS_OK) {
        status = file_visit(visit, context, (const char *)names.bytes, names.size_bytes);
    }
    buffer_finish(&names);
    return status;
}

static enum status memory_lock(struct file_system *file_system, struct file **out_file,
                               const char *path, struct error *error)
{
    struct file *base;
    enum status status = memory_open(file_system, &base, path, FILE_EXTEND, error);
    if (status < 0) return status;
    struct memory_file *file = file_enter(base, error);
    if (!file) {
        status = error->status;
        goto fail;
    }
    file->has_lock = !file->node->is_locked;
    file->node->is_locked = true;
    uv_mutex_unlock(&file->memory->mutex);

    status = file->has_lock ? file_lock_sign(base, error) : file_lock_refuse(base, path, error);
    if (status < 0) goto fail;
    *out_file = base;
    return STATUS_OK;

fail:
    file_close(base);
    return status;
}

static const struct file_system_operations memory_operations = {
    .open = memory_open,
    .rename = memory_rename,
    .remove = memory_remove,
    .create_directory = memory_create_directory,
    .sync_directory = memory_sync_directory,
    .list = memory_list,
    .lock = memory_lock,
};

/* ---- the disk itself ---- */

/* Without an image yet. */
static enum status memory_create_bare(struct file_memory **out_memory, struct error *error)
{
    struct file_memory *memory = calloc(1, sizeof *memory);
    if (!memory || uv_mutex_init(&memory->mutex) != 0) {
        free(memory);
        return error_set(error, STATUS_NO_MEMORY, "a file system in memory");
    }
    memory->file_system.operations = &memory_operations;
    *out_memory = memory;
    return STATUS_OK;
}

enum status file_memory_create(struct file_memory **out_memory, struct error *error)
{
    struct file_memory *memory = NULL;
    enum status status = memory_create_bare(&memory, error);
    if (status < 0) return status;
    status = image_init(&memory->image, UINT64_MAX, error);
    if (status < 0) goto fail;
    *out_memory = memory;
    return STATUS_OK;

fail:
    file_memory_destroy(memory);
    return status;
}

void file_memory_destroy(struct file_memory *memory)
{
    if (!memory) return;
    for (struct memory_file *next, *file = memory->files; file; file = next) {
        next = file->next;
        memory_close(&file->file);
    }
    image_finish(&memory->image);
    uv_mutex_destroy(&memory->mutex);
    free(memory);
}

struct file_system *file_memory_system(struct file_memory *memory)
{
    return &memory->file_system;
}

enum status file_memory_copy(struct file_memory **out_copy, struct file_memory *memory,
                             struct error *error)
{
    struct file_memory *copy = NULL;
    enum status status = memory_create_bare(&copy, error);
    if (status < 0) return status;
    uv_mutex_lock(&memory->mutex);
    status = image_copy(&copy->image, &memory->image, error);
    uv_mutex_unlock(&memory->mutex);
    if (status < 0) goto fail;
    *out_copy = copy;
    return STATUS_OK;

fail:
    file_memory_destroy(copy);
    return status;
}

void file_memory_crash(struct file_memory *memory, struct random *random, enum file_crash crash)
{
    uv_mutex_lock(&memory->mutex);
    for (struct memory_file *file = memory->files; file; file = file->next) file_leave(file);
    image_crash(&memory->image, random, crash);
    uv_mutex_unlock(&memory->mutex);
}

void file_memory_limit(struct file_memory *memory, uint64_t bytes_max)
{
    uv_mutex_lock(&memory->mutex);
    memory->image.bytes_max = bytes_max;
    uv_mutex_unlock(&memory->mutex);
}

uint64_t file_memory_total_bytes(struct file_memory *memory)
{
    uv_mutex_lock(&memory->mutex);
    uint64_t bytes = memory->image.bytes;
    uv_mutex_unlock(&memory->mutex);
    return bytes;
}

static struct image_node *file_find(struct file_memory *memory, const char *path)
{
    struct image_place place;
    if (image_find(&memory->image, path, &place) != 0 || !place.node) return NULL;
    return place.node->is_directory ? NULL : place.node;
}

enum status file_memory_bytes(struct file_memory *memory, const char *path,
                              const uint8_t **out_bytes, size_t *out_size)
{
    uv_mutex_lock(&memory->mutex);
    const struct image_node *node = file_find(memory, path);
    if (node) {
        *out_bytes = node->visible.bytes;
        *out_size = node->visible.size_bytes;
    }
    uv_mutex_unlock(&memory->mutex);
    return node ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status file_memory_damage(struct file_memory *memory, const char *path, const void *bytes,
                               size_t size, uint64_t offset)
{
    uv_mutex_lock(&memory->mutex);
    struct image_node *node = file_find(memory, path);
    if (node) image_damage(node, bytes, size, offset);
    uv_mutex_unlock(&memory->mutex);
    return node ? STATUS_OK : STATUS_NOT_FOUND;
}

void file_memory_drop(struct file *file)
{
    if (file->operations != &memory_file_operations) return;
    struct error error;
    const struct memory_file *entered = file_enter(file, &error);
    if (!entered) return;
    image_drop(entered->node);
    uv_mutex_unlock(&entered->memory->mutex);
}

void file_memory_drop_directory(struct file_system *file_system, const char *path)
{
    if (file_system->operations != &memory_operations) return;
    struct file_memory *memory = file_memory_of(file_system);
    uv_mutex_lock(&memory->mutex);
    struct image_node *directory = directory_find(memory, path);
    if (directory) image_drop(directory);
    uv_mutex_unlock(&memory->mutex);
}
