#include "storage/wal_files.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"
#include "storage/wal_directory.h"

enum { SPARES_MIN = 2, ZEROS_BYTES = 1 << 20 };

enum status wal_files_init(struct wal_files *files, struct file_system *file_system,
                           const char *directory, uint64_t file_bytes, uint64_t released_position,
                           struct error *error)
{
    *files = (struct wal_files){
        .file_system = file_system,
        .directory = directory,
        .file_bytes = file_bytes,
        .spare_count_max = WAL_SPARES_MAX,
        .next_spare = 1,
        .released_position = released_position,
    };
    /* One more: the maker's may come when the stock is full. */
    files->spares = calloc(WAL_SPARES_MAX + 1, sizeof *files->spares);
    if (!files->spares) return error_set(error, STATUS_NO_MEMORY, "spare log files");
    ASSERT(uv_mutex_init(&files->lock) == 0);
    ASSERT(uv_cond_init(&files->maker_wakes) == 0);
    files->has_locks = true;
    return STATUS_OK;
}

void wal_files_finish(struct wal_files *files)
{
    if (files->has_maker) {
        uv_mutex_lock(&files->lock);
        files->must_stop = true;
        uv_cond_signal(&files->maker_wakes);
        uv_mutex_unlock(&files->lock);
        ASSERT(uv_thread_join(&files->maker) == 0);
    }
    if (files->has_locks) {
        uv_cond_destroy(&files->maker_wakes);
        uv_mutex_destroy(&files->lock);
    }
    free(files->spares);
    free(files->live);
    *files = (struct wal_files){0};
}

/* ---- Spare files ---------------------------------------------------------------------------- */

static enum status spare_fill(struct file *file, uint64_t file_bytes, struct error *error)
{
    size_t slice_bytes = file_bytes < ZEROS_BYTES ? (size_t)file_bytes : ZEROS_BYTES;
    uint8_t *zeros = aligned_alloc(FILE_DIRECT_ALIGNMENT, slice_bytes);
    if (!zeros) return error_set(error, STATUS_NO_MEMORY, "new log file");
    memset(zeros, 0, slice_bytes);
    enum status status = STATUS_OK;
    for (uint64_t done = 0; status == STATUS_OK && done < file_bytes; done += slice_bytes) {
        uint64_t left_bytes = file_bytes - done;
        if (left_bytes < slice_bytes) slice_bytes = (size_t)left_bytes;
        status = file_write_at(file, zeros, slice_bytes, done, error);
    }
    free(zeros);
    return status < 0 ? status : file_sync(file, error);
}

static enum status spare_make(struct wal_files *files, uint64_t *out_number, struct error *error)
{
    uv_mutex_lock(&files->lock);
    uint64_t number = files->next_spare++;
    uv_mutex_unlock(&files->lock);

    char path[FILE_PATH_BYTES_MAX];
    wal_spare_path(path, files->directory, number);
    struct file *file;
    enum status status = file_open(files->file_system, &file, path, FILE_CREATE_DIRECT, error);
    if (status < 0) return status;
    status = spare_fill(file, files->file_bytes, error);
    file_close(file);
    if (status < 0) {
        struct error ignored;
        (void)file_remove(files->file_system, path, &ignored); /* else the next open does it */
        return status;
    }
    *out_number = number;
    return STATUS_OK;
}

/* Body of the maker. It looks again when a spare was taken: a full disk is not asked in a loop, and
 * whoever needs a file meets the failure itself. */
static void spares_make(void *context)
{
    struct wal_files *files = context;
    uv_mutex_lock(&files->lock);
    while (!files->must_stop) {
        if (files->spare_count == 0) {
            uv_mutex_unlock(&files->lock);
            struct error ignored;
            uint64_t number;
            enum status status = spare_make(files, &number, &ignored);
            uv_mutex_lock(&files->lock);
            if (status == STATUS_OK) files->spares[files->spare_count++] = number;
            if (files->must_stop) break;
        }
        uv_cond_wait(&files->maker_wakes, &files->lock);
    }
    uv_mutex_unlock(&files->lock);
}

enum status wal_files_start(struct wal_files *files, struct error *error)
{
    if (uv_thread_create(&files->maker, spares_make, files) != 0) {
        return error_set(error, STATUS_NO_MEMORY, "cannot start the thread for spare log files");
    }
    files->has_maker = true;
    return STATUS_OK;
}

/* False when there are not more than leave_count. */
static bool spare_pick(struct wal_files *files, size_t leave_count, uint64_t *out_number)
{
    uv_mutex_lock(&files->lock);
    bool is_there = files->spare_count > leave_count;
    if (is_there) *out_number = files->spares[--files->spare_count];
    if (files->spare_count == 0) uv_cond_signal(&files->maker_wakes);
    uv_mutex_unlock(&files->lock);
    return is_there;
}

static enum status released_remove(struct wal_files *files, uint64_t number, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    wal_path(path, files->directory, number);
    enum status status = file_remove(files->file_system, path, error);
    return status < 0 ? status : STATUS_OK;
}

static enum status released_recycle(struct wal_files *files, uint64_t number, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    char spare_path[FILE_PATH_BYTES_MAX];
    wal_path(path, files->directory, number);
    uv_mutex_lock(&files->lock);
    bool is_wanted = files->spare_count < files->spare_count_max;
    uint64_t spare = files->next_spare++;
    uv_mutex_unlock(&files->lock);
    if (!is_wanted) return released_remove(files, number, error);
    wal_spare_path(spare_path, files->directory, spare);
    enum status status = file_rename(files->file_system, path, spare_path, error);
    if (status < 0) return status;
    uv_mutex_lock(&files->lock);
    files->spares[files->spare_count++] = spare;
    uv_mutex_unlock(&files->lock);
    return STATUS_OK;
}

/* About count spares are enough from now on. */
static enum status spares_trim(struct wal_files *files, size_t count, struct error *error)
{
    size_t count_max = count < SPARES_MIN ? SPARES_MIN : count;
    if (count_max > WAL_SPARES_MAX) count_max = WAL_SPARES_MAX;
    uv_mutex_lock(&files->lock);
    files->spare_count_max = count_max;
    uv_mutex_unlock(&files->lock);

    uint64_t spare;
    while (spare_pick(files, count_max, &spare)) {
        char path[FILE_PATH_BYTES_MAX];
        wal_spare_path(path, files->directory, spare);
        enum status status = file_remove(files->file_system, path, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

/* ---- Live files ----------------------------------------------------------------------------- */

/* Under the lock. */
static void live_bytes_update(struct wal_files *files)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->live_count; i++) {
        const struct wal_live_file *file = &files->live[i];
        uint64_t begin = wal_position(files->file_bytes, file->number, WAL_ALIGNMENT);
        uint64_t end = wal_position(files->file_bytes, file->number, file->end);
        if (files->released_position > begin) begin = files->released_position;
        if (end > begin) bytes += end - begin;
    }
    atomic_store(&files->live_bytes, bytes);
}

/* Under the lock. */
static enum status live_reserve(struct wal_files *files, struct error *error)
{
    if (files->live_count < files->live_capacity) return STATUS_OK;
    size_t capacity = files->live_capacity ? 2 * files->live_capacity : 64;
    struct wal_live_file *grown = realloc(files->live, capacity * sizeof *grown);
    if (!grown) return error_set(error, STATUS_NO_MEMORY, "%zu log files", capacity);
    files->live = grown;
    files->live_capacity = capacity;
    return STATUS_OK;
}

static enum status live_add(struct wal_files *files, const struct wal_live_file *file,
                            struct error *error)
{
    uv_mutex_lock(&files->lock);
    enum status status = live_reserve(files, error);
    if (status == STATUS_OK) {
        ASSERT(files->live_count == 0 || files->live[files->live_count - 1].number < file->number);
        files->live[files->live_count++] = *file;
        live_bytes_update(files);
    }
    uv_mutex_unlock(&files->lock);
    return status;
}

enum status wal_files_add_found(struct wal_files *files, uint64_t number, uint64_t end,
                                struct error *error)
{
    const struct wal_live_file file = {.number = number, .end = end, .was_found = true};
    return live_add(files, &file, error);
}

void wal_files_extend(struct wal_files *files, uint64_t end)
{
    uv_mutex_lock(&files->lock);
    files->live[files->live_count - 1].end = end;
    live_bytes_update(files);
    uv_mutex_unlock(&files->lock);
}

static enum status header_write(struct file *file, struct wal_file_header *header,
                                struct error *error)
{
    _Alignas(FILE_DIRECT_ALIGNMENT) uint8_t page[WAL_ALIGNMENT] = {0};
    header->checksum = hash64(header, offsetof(struct wal_file_header, checksum));
    memcpy(page, header, sizeof *header);
    enum status status = file_write_at(file, page, sizeof page, 0, error);
    return status < 0 ? status : file_sync(file, error);
}

enum status wal_files_take(struct wal_files *files, struct wal_file_header *header,
                           struct file **out_file, struct error *error)
{
    uint64_t spare;
    if (!spare_pick(files, 0, &spare)) {
        enum status made = spare_make(files, &spare, error);
        if (made < 0) return made;
    }
    char spare_path[FILE_PATH_BYTES_MAX];
    char path[FILE_PATH_BYTES_MAX];
    wal_spare_path(spare_path, files->directory, spare);
    wal_path(path, files->directory, header->number);

    struct file *file = NULL;
    enum status status = file_open(files->file_system, &file, spare_path, FILE_WRITE_DIRECT, error);
    if (status > 0) status = error_set(error, STATUS_IO, "%s is gone", spare_path);
    if (status < 0) goto fail;
    status = header_write(file, header, error);
    if (status < 0) goto fail;
    status = file_rename(files->file_system, spare_path, path, error);
    if (status < 0) goto fail;
    status = file_sync_directory(files->file_system, files->directory, error); /* K2 */
    if (status < 0) goto fail;
    const struct wal_live_file live = {.number = header->number, .end = WAL_ALIGNMENT};
    status = live_add(files, &live, error);
    if (status < 0) goto fail;
    *out_file = file;
    return STATUS_OK;

fail:
    file_close(file);
    return status;
}

/* The oldest file, when all of it lies below the released position. */
static bool live_pick_released(struct wal_files *files, struct wal_live_file *out_file)
{
    uv_mutex_lock(&files->lock);
    struct wal_live_file oldest = files->live[0];
    uint64_t end = wal_position(files->file_bytes, oldest.number, oldest.end);
    bool is_released = files->live_count > 1 && end <= files->released_position;
    if (is_released) {
        *out_file = oldest;
        files->live_count--;
        memmove(files->live, files->live + 1, files->live_count * sizeof *files->live);
    }
    uv_mutex_unlock(&files->lock);
    return is_released;
}

enum status wal_files_release(struct wal_files *files, uint64_t position, struct error *error)
{
    uv_mutex_lock(&files->lock);
    if (position > files->released_position) files->released_position = position;
    live_bytes_update(files);
    uv_mutex_unlock(&files->lock);

    size_t released_count = 0;
    struct wal_live_file file;
    while (live_pick_released(files, &file)) {
        enum status status = file.was_found ? released_remove(files, file.number, error) /* K3 */
                                            : released_recycle(files, file.number, error);
        if (status < 0) return status;
        released_count++;
    }
    /* The next release will come after about as many files. */
    return released_count > 0 ? spares_trim(files, released_count, error) : STATUS_OK;
}

uint64_t wal_files_live_bytes(const struct wal_files *files)
{
    return atomic_load_explicit(&files->live_bytes, memory_order_relaxed);
}

uint64_t wal_files_disk_bytes(struct wal_files *files)
{
    uv_mutex_lock(&files->lock);
    uint64_t count = files->live_count + files->spare_count;
    uv_mutex_unlock(&files->lock);
    return count * files->file_bytes;
}
