#include "storage/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/assert.h"
#include "storage/base/buffer.h"

enum {
    FILE_PERMISSIONS = 0640,
    DIRECTORY_PERMISSIONS = 0750,
    LIST_BYTES_MAX = 256 << 20,
    LOCK_TEXT_BYTES = 12, /* a pid, padded to a fixed width, and a line end */
};

/* The call again as long as a signal interrupts it. */
#define UNINTERRUPTED(result, call) \
    do {                            \
        (result) = (call);          \
    } while ((result) < 0 && errno == EINTR)

enum status file_lock_sign(struct file *file, struct error *error)
{
    /* Over the last one, never truncated: a full disk must not keep a store from opening. */
    char text[LOCK_TEXT_BYTES + 1];
    (void)snprintf(text, sizeof text, "%-*ld\n", LOCK_TEXT_BYTES - 1, (long)getpid());
    return file_write_at(file, text, LOCK_TEXT_BYTES, 0, error);
}

enum status file_lock_refuse(struct file *file, const char *path, struct error *error)
{
    char text[LOCK_TEXT_BYTES + 1] = {0};
    long pid = 0;
    if (file_read_at(file, text, LOCK_TEXT_BYTES, 0, error) == STATUS_OK) {
        pid = strtol(text, NULL, 10);
    }
    if (pid <= 0) return error_set(error, STATUS_BUSY, "%s is in use by another process", path);
    return error_set(error, STATUS_BUSY, "%s is in use by pid %ld", path, pid);
}

struct posix_file {
    struct file file;
    int descriptor; /* owned */
    char path[];    /* for messages */
};

static const struct file_operations posix_file_operations;

static struct posix_file *posix_file_of(struct file *file)
{
    ASSERT(file->operations == &posix_file_operations);
    return (struct posix_file *)file;
}

/* From now on through the system's cache: a call did not keep to pages. False when it was already. */
static bool file_end_direct(const struct posix_file *file)
{
    int flags = fcntl(file->descriptor, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) &&
           fcntl(file->descriptor, F_SETFL, flags & ~O_DIRECT) == 0;
}

static enum status posix_read_at(struct file *base, void *bytes, size_t size, uint64_t offset,
                                 struct error *error)
{
    struct posix_file *file = posix_file_of(base);
    if (offset > INT64_MAX) return STATUS_END;
    for (size_t done = 0; done < size;) {
        ssize_t count;
        UNINTERRUPTED(count, pread(file->descriptor, (char *)bytes + done, size - done,
                                   (off_t)(offset + done)));
        if (count < 0 && errno == EINVAL && file_end_direct(file)) continue;
        if (count < 0) {
            return error_set(error, STATUS_IO, "%s: cannot read at %" PRIu64, file->path, offset);
        }
        if (count == 0) return STATUS_END;
        done += (size_t)count;
    }
    return STATUS_OK;
}

static enum status posix_write_at(struct file *base, const void *bytes, size_t size,
                                  uint64_t offset, struct error *error)
{
    struct posix_file *file = posix_file_of(base);
    ASSERT(offset <= INT64_MAX && size <= INT64_MAX - offset);
    for (size_t done = 0; done < size;) {
        ssize_t count;
        UNINTERRUPTED(count, pwrite(file->descriptor, (const char *)bytes + done, size - done,
                                    (off_t)(offset + done)));
        if (count < 0 && errno == EINVAL && file_end_direct(file)) continue;
        if (count < 0) {
            return error_set(error, STATUS_IO, "%s: cannot write at %" PRIu64, file->path, offset);
        }
        done += (size_t)count;
    }
    return STATUS_OK;
}

static enum status posix_sync(struct file *base, struct error *error)
{
    struct posix_file *file = posix_file_of(base);
    int result;
    UNINTERRUPTED(result, fdatasync(file->descriptor)); /* writes a changed size, too */
    if (result < 0) return error_set(error, STATUS_IO, "%s: cannot sync", file->path);
    return STATUS_OK;
}

static enum status posix_size(struct file *base, uint64_t *out_bytes, struct error *error)
{
    struct posix_file *file = posix_file_of(base);
    struct stat facts;
    if (fstat(file->descriptor, &facts) < 0) {
        return error_set(error, STATUS_IO, "%s: cannot tell the size", file->path);
    }
    *out_bytes = (uint64_t)facts.st_size;
    return STATUS_OK;
}

static enum status posix_truncate(struct file *base, uint64_t size_bytes, struct error *error)
{
    struct posix_file *file = posix_file_of(base);
    ASSERT(size_bytes <= INT64_MAX);
    int result;
    UNINTERRUPTED(result, ftruncate(file->descriptor, (off_t)size_bytes));
    if (result < 0) {
        return error_set(error, STATUS_IO, "%s: cannot set the size to %" PRIu64, file->path,
                         size_bytes);
    }
    return STATUS_OK;
}

static void posix_close(struct file *base)
{
    struct posix_file *file = posix_file_of(base);
    if (file->descriptor >= 0) (void)close(file->descriptor); /* what matters has been synced */
    free(file);
}

static const struct file_operations posix_file_operations = {
    .read_at = posix_read_at,
    .write_at = posix_write_at,
    .sync = posix_sync,
    .size = posix_size,
    .truncate = posix_truncate,
    .close = posix_close,
};

static enum status posix_open(struct file_system *file_system, struct file **out_file,
                              const char *path, enum file_mode mode, struct error *error)
{
    static const int flags[] = {
        [FILE_READ] = O_RDONLY,
        [FILE_WRITE] = O_RDWR,
        [FILE_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
        [FILE_EXTEND] = O_RDWR | O_CREAT,
        [FILE_WRITE_DIRECT] = O_RDWR | O_DIRECT,
        [FILE_CREATE_DIRECT] = O_RDWR | O_CREAT | O_TRUNC | O_DIRECT,
    };
    (void)file_system;
    size_t path_bytes = strlen(path) + 1;
    struct posix_file *file = malloc(sizeof *file + path_bytes);
    if (!file) return error_set(error, STATUS_NO_MEMORY, "%s: cannot open", path);
    file->file.operations = &posix_file_operations;
    memcpy(file->path, path, path_bytes);

    UNINTERRUPTED(file->descriptor, open(path, flags[mode] | O_CLOEXEC, FILE_PERMISSIONS));
    if (file->descriptor < 0 && errno == EINVAL) { /* a file system that knows no O_DIRECT */
        int buffered = flags[mode] & ~O_DIRECT;
        UNINTERRUPTED(file->descriptor, open(path, buffered | O_CLOEXEC, FILE_PERMISSIONS));
    }
    if (file->descriptor < 0) {
        bool is_absent = errno == ENOENT && !(flags[mode] & O_CREAT);
        enum status status =
            is_absent ? STATUS_NOT_FOUND : error_set(error, STATUS_IO, "%s: cannot open", path);
        posix_close(&file->file);
        return status;
    }
    *out_file = &file->file;
    return STATUS_OK;
}

static enum status posix_rename(struct file_system *file_system, const char *from, const char *to,
                                struct error *error)
{
    (void)file_system;
    if (rename(from, to) < 0) {
        return error_set(error, STATUS_IO, "%s: cannot rename to %s", from, to);
    }
    return STATUS_OK;
}

static enum status posix_remove(struct file_system *file_system, const char *path,
                                struct error *error)
{
    (void)file_system;
    if (remove(path) == 0) return STATUS_OK;
    if (errno == ENOENT) return STATUS_NOT_FOUND;
    return error_set(error, STATUS_IO, "%s: cannot remove", path);
}

static enum status posix_create_directory(struct file_system *file_system, const char *path,
                                          struct error *error)
{
    (void)file_system;
    if (mkdir(path, DIRECTORY_PERMISSIONS) == 0) return STATUS_OK;
    if (errno == EEXIST) return STATUS_EXISTS;
    return error_set(error, STATUS_IO, "%s: cannot create the directory", path);
}

static enum status posix_sync_directory(struct file_system *file_system, const char *path,
                                        struct error *error)
{
    (void)file_system;
    int descriptor;
    UNINTERRUPTED(descriptor, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor < 0) return error_set(error, STATUS_IO, "%s: cannot open", path);
    enum status status = STATUS_OK;
    int result;
    UNINTERRUPTED(result, fsync(descriptor));
    if (result < 0) status = error_set(error, STATUS_IO, "%s: cannot sync", path);
    (void)close(descriptor);
    return status;
}

/* All names, each ended by a zero byte. */
static enum status directory_read(DIR *directory, const char *path, struct buffer *names,
                                  struct error *error)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory); /* NOLINT(concurrency-mt-unsafe) */
        if (!entry && errno == 0) return STATUS_OK;
        if (!entry) return error_set(error, STATUS_IO, "%s: cannot list", path);
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        enum status status = buffer_add(names, name, strlen(name) + 1, error);
        if (status < 0) return status;
    }
}

static enum status posix_list(struct file_system *file_system, const char *path,
                              enum status (*visit)(void *context, const char *name), void *context,
                              struct error *error)
{
    (void)file_system;
    DIR *directory = opendir(path);
    if (!directory && errno == ENOENT) return STATUS_NOT_FOUND;
    if (!directory) return error_set(error, STATUS_IO, "%s: cannot list", path);

    /* Read to the end before the first visit, which may remove names. */
    struct buffer names;
    buffer_init(&names, LIST_BYTES_MAX);
    enum status status = directory_read(directory, path, &names, error);
    (void)closedir(directory);

    if (status == STATUS_OK) {
        status = file_visit(visit, context, (const char *)names.bytes, names.size_bytes);
    }
    buffer_finish(&names);
    return status;
}

static enum status posix_lock(struct file_system *file_system, struct file **out_file,
                              const char *path, struct error *error)
{
    struct file *file;
    enum status status = posix_open(file_system, &file, path, FILE_EXTEND, error);
    if (status < 0) return status;

    int result;
    UNINTERRUPTED(result, flock(posix_file_of(file)->descriptor, LOCK_EX | LOCK_NB));
    if (result < 0) {
        status = errno == EWOULDBLOCK ? file_lock_refuse(file, path, error)
                                      : error_set(error, STATUS_IO, "%s: cannot lock", path);
        goto fail;
    }
    status = file_lock_sign(file, error);
    if (status < 0) goto fail;

    *out_file = file;
    return STATUS_OK;

fail:
    file_close(file);
    return status;
}

static const struct file_system_operations posix_operations = {
    .open = posix_open,
    .rename = posix_rename,
    .remove = posix_remove,
    .create_directory = posix_create_directory,
    .sync_directory = posix_sync_directory,
    .list = posix_list,
    .lock = posix_lock,
};

struct file_system *file_system_posix(void)
{
    static struct file_system file_system = {.operations = &posix_operations};
    return &file_system;
}

enum status file_sync_parent(struct file_system *file_system, const char *path, struct error *error)
{
    char parent[FILE_PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : 0;
    if (size == 0) return file_sync_directory(file_system, slash ? "/" : ".", error);
    ASSERT(size < sizeof parent);
    memcpy(parent, path, size);
    parent[size] = 0;
    return file_sync_directory(file_system, parent, error);
}
