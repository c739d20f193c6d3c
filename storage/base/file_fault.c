#include "storage/base/file_fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/file_memory.h"

struct file_fault {
    struct file_system file_system;
    struct file_system *wrapped; /* borrowed */
    struct file_fault_plan plan; /* step is UINT64_MAX without one */
    atomic_uint_fast64_t step_count;
    atomic_uint_fast64_t open_count;
    atomic_bool is_met;
};

struct fault_file {
    struct file file;
    struct file_fault *fault; /* borrowed */
    struct file *wrapped;     /* owned */
    char path[];              /* for messages */
};

enum need { NEEDS_NOTHING, NEEDS_ROOM };

static const struct file_operations fault_file_operations;
static const struct file_system_operations fault_operations;

static struct fault_file *fault_file_of(struct file *file)
{
    ASSERT(file->operations == &fault_file_operations);
    return (struct fault_file *)file;
}

static struct file_fault *file_fault_of(struct file_system *file_system)
{
    ASSERT(file_system->operations == &fault_operations);
    return (struct file_fault *)file_system;
}

/* Counts a call: its failure when the plan wants one, else STATUS_OK. */
static enum status fault_step(struct file_fault *fault, enum need need, const char *path,
                              struct error *error)
{
    const struct file_fault_plan *plan = &fault->plan;
    if (plan->status == STATUS_NO_SPACE && need == NEEDS_NOTHING) return STATUS_OK;
    uint64_t step = atomic_fetch_add(&fault->step_count, 1);
    if (step < plan->step || (step > plan->step && !plan->is_sticky)) return STATUS_OK;
    atomic_store(&fault->is_met, true);
    errno = plan->status == STATUS_NO_SPACE ? ENOSPC : EIO;
    return error_set(error, plan->status, "%s: call %llu fails by plan", path,
                     (unsigned long long)step);
}

static enum status fault_read_at(struct file *base, void *bytes, size_t size, uint64_t offset,
                                 struct error *error)
{
    struct fault_file *file = fault_file_of(base);
    enum status status = fault_step(file->fault, NEEDS_NOTHING, file->path, error);
    return status < 0 ? status : file_read_at(file->wrapped, bytes, size, offset, error);
}

static enum status fault_write_at(struct file *base, const void *bytes, size_t size,
                                  uint64_t offset, struct error *error)
{
    struct fault_file *file = fault_file_of(base);
    enum status status = fault_step(file->fault, NEEDS_ROOM, file->path, error);
    if (status == STATUS_OK) return file_write_at(file->wrapped, bytes, size, offset, error);

    struct error ignored; /* the planned failure is the one to report */
    size_t part_bytes = size / 1024 * file->fault->plan.part_per_1024 +
                        size % 1024 * file->fault->plan.part_per_1024 / 1024;
    if (part_bytes > 0) {
        (void)file_write_at(file->wrapped, bytes, part_bytes, offset, &ignored);
    }
    return status;
}

static enum status fault_sync(struct file *base, struct error *error)
{
    struct fault_file *file = fault_file_of(base);
    enum status status = fault_step(file->fault, NEEDS_ROOM, file->path, error);
    if (status == STATUS_OK) return file_sync(file->wrapped, error);
    file_memory_drop(file->wrapped);
    return status;
}

static enum status fault_size(struct file *base, uint64_t *out_bytes, struct error *error)
{
    struct fault_file *file = fault_file_of(base);
    enum status status = fault_step(file->fault, NEEDS_NOTHING, file->path, error);
    return status < 0 ? status : file_size(file->wrapped, out_bytes, error);
}

static enum status fault_truncate(struct file *base, uint64_t size_bytes, struct error *error)
{
    struct fault_file *file = fault_file_of(base);
    enum status status = fault_step(file->fault, NEEDS_ROOM, file->path, error);
    return status < 0 ? status : file_truncate(file->wrapped, size_bytes, error);
}

static void fault_close(struct file *base)
{
    struct fault_file *file = fault_file_of(base);
    file_close(file->wrapped);
    atomic_fetch_sub(&file->fault->open_count, 1);
    free(file);
}

static const struct file_operations fault_file_operations = {
    .read_at = fault_read_at,
    .write_at = fault_write_at,
    .sync = fault_sync,
    .size = fault_size,
    .truncate = fault_truncate,
    .close = fault_close,
};

/* A file around one that is still to be opened. */
static struct fault_file *fault_file_create(struct file_fault *fault, const char *path,
                                            struct error *error)
{
    size_t path_bytes = strlen(path) + 1;
    struct fault_file *file = calloc(1, sizeof *file + path_bytes);
    if (!file) {
        (void)error_set(error, STATUS_NO_MEMORY, "%s: cannot open", path);
        return NULL;
    }
    file->file.operations = &fault_file_operations;
    file->fault = fault;
    memcpy(file->path, path, path_bytes);
    return file;
}

/* Hands the file out when what it wraps is open, else frees it. */
static enum status fault_file_give(struct fault_file *file, struct file **out_file,
                                   enum status status)
{
    if (status != STATUS_OK) {
        free(file);
        return status;
    }
    atomic_fetch_add(&file->fault->open_count, 1);
    *out_file = &file->file;
    return STATUS_OK;
}

static enum status fault_open(struct file_system *file_system, struct file **out_file,
                              const char *path, enum file_mode mode, struct error *error)
{
    struct file_fault *fault = file_fault_of(file_system);
    bool creates = mode == FILE_CREATE || mode == FILE_EXTEND || mode == FILE_CREATE_DIRECT;
    enum status status = fault_step(fault, creates ? NEEDS_ROOM : NEEDS_NOTHING, path, error);
    if (status < 0) return status;
    struct fault_file *file = fault_file_create(fault, path, error);
    if (!file) return error->status;
    status = file_open(fault->wrapped, &file->wrapped, path, mode, error);
    return fault_file_give(file, out_file, status);
}

static enum status fault_rename(struct file_system *file_system, const char *from, const char *to,
                                struct error *error)
{
    struct file_fault *fault = file_fault_of(file_system);
    enum status status = fault_step(fault, NEEDS_ROOM, from, error);
    return status < 0 ? status : file_rename(fault->wrapped, from, to, error);
}

static enum status fault_remove(struct file_system *file_system, const char *path,
                                struct error *error)
{
    struct file_fault *fault = file_fault_of(file_system);
    enum status status = fault_step(fault, NEEDS_NOTHING, path, error);
    return status < 0 ? status : file_remove(fault->wrapped, path, error);
}

static enum status fault_create_directory(struct file_system *file_system, const char *path,
                                          struct error *error)
{
    struct file_fault *fault = file_fault_of(file_system);
    enum status status = fault_step(fault, NEEDS_ROOM, path, error);
    return status < 0 ? status : file_create_directory(fault->wrapped, path, error);
}

static enum status fault_sync_directory(struct file_system *file_system, const char *path,
                                        struct error *error)
{
    struct file_fault *fault = file_fault_of(file_system);
    enum status status = fault_step(fault, NEEDS_ROOM, path, error);
    if (status == STATUS_OK) return file_sync_directory(fault->wrapped, path, error);
    file_memory_drop_directory(fault->wrapped, path);
    return status;
}

static enum status fault_list(struct file_system *file_system, const char *path,
                              enum status (*visit)(void *context, const char *name), void *context,
                              struct error *error)
{
    struct file_fault *fault = file_fault_of(file_system);
    enum status status = fault_step(fault, NEEDS_NOTHING, path, error);
    return status < 0 ? status : file_list(fault->wrapped, path, visit, context, error);
}

static enum status fault_lock(struct file_system *file_system, struct file **out_file,
                              const char *path, struct error *error)
{
    struct file_fault *fault = file_fault_of(file_system);
    enum status status = fault_step(fault, NEEDS_ROOM, path, error);
    if (status < 0) return status;
    struct fault_file *file = fault_file_create(fault, path, error);
    if (!file) return error->status;
    status = file_lock(fault->wrapped, &file->wrapped, path, error);
    return fault_file_give(file, out_file, status);
}

static const struct file_system_operations fault_operations = {
    .open = fault_open,
    .rename = fault_rename,
    .remove = fault_remove,
    .create_directory = fault_create_directory,
    .sync_directory = fault_sync_directory,
    .list = fault_list,
    .lock = fault_lock,
};

enum status file_fault_create(struct file_fault **out_fault, struct file_system *wrapped,
                              struct error *error)
{
    struct file_fault *fault = calloc(1, sizeof *fault);
    if (!fault) return error_set(error, STATUS_NO_MEMORY, "a failing file system");
    fault->file_system.operations = &fault_operations;
    fault->wrapped = wrapped;
    file_fault_plan(fault, NULL);
    *out_fault = fault;
    return STATUS_OK;
}

void file_fault_destroy(struct file_fault *fault)
{
    if (!fault) return;
    ASSERT(fault->open_count == 0);
    free(fault);
}

struct file_system *file_fault_system(struct file_fault *fault)
{
    return &fault->file_system;
}

void file_fault_plan(struct file_fault *fault, const struct file_fault_plan *plan)
{
    static const struct file_fault_plan none = {.status = STATUS_IO, .step = UINT64_MAX};
    fault->plan = plan ? *plan : none;
    ASSERT(fault->plan.status == STATUS_IO || fault->plan.status == STATUS_NO_SPACE);
    ASSERT(fault->plan.part_per_1024 <= 1024);
    atomic_store(&fault->step_count, 0);
    atomic_store(&fault->is_met, false);
}

bool file_fault_is_met(const struct file_fault *fault)
{
    return atomic_load(&fault->is_met);
}

uint64_t file_fault_step_count(const struct file_fault *fault)
{
    return atomic_load(&fault->step_count);
}

uint64_t file_fault_open_count(const struct file_fault *fault)
{
    return atomic_load(&fault->open_count);
}
