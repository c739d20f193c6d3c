#include "storage/manifest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/buffer.h"
#include "storage/base/hash.h"
#include "storage/disk_names.h"

enum {
    FILE_BYTES_DEFAULT = 1 << 20,
    FILE_BYTES_LIMIT = 32 << 20, /* of a file that is read, or an edit that is written */
    NAME_BYTES = sizeof "MANIFEST-0123456789abcdef" - 1,
    CURRENT_BYTES = NAME_BYTES + sizeof " 0123456789abcdef\n" - 1,
};

struct manifest {
    struct file_system *file_system; /* borrowed */
    char directory[FILE_PATH_BYTES_MAX];
    struct manifest_state state; /* its segments owned */
    struct buffer edit;          /* owned; what is being written */
    struct file *file;           /* owned; NULL after open: a file that was found is not written */
    uint64_t number;             /* of the file that CURRENT names; 0: none yet */
    uint64_t end;                /* of the file's last edit */
    uint64_t file_bytes_max;     /* beyond it a new file begins */
    bool is_in_doubt;
};

static void current_text(char *target, uint64_t number)
{
    char name[NAME_BYTES + 1];
    (void)snprintf(name, sizeof name, DISK_MANIFEST_FORMAT, number);
    (void)snprintf(target, CURRENT_BYTES + 1, "%s %016" PRIx64 "\n", name,
                   hash64(name, NAME_BYTES));
}

static enum status path_join(char *target, const char *directory, const char *name,
                             struct error *error)
{
    int length = snprintf(target, FILE_PATH_BYTES_MAX, "%s/%s", directory, name);
    if (length >= 0 && length < FILE_PATH_BYTES_MAX) return STATUS_OK;
    return error_set(error, STATUS_BAD_INPUT, "%s/%s: longer than a path may be", directory, name);
}

static enum status manifest_path(char *target, const char *directory, uint64_t number,
                                 struct error *error)
{
    char name[NAME_BYTES + 1];
    (void)snprintf(name, sizeof name, DISK_MANIFEST_FORMAT, number);
    return path_join(target, directory, name, error);
}

/* ---- Reading ---- */

/* STATUS_NOT_FOUND when there is no such file. */
static enum status file_read_whole(struct file_system *file_system, const char *path,
                                   struct buffer *target, struct error *error)
{
    struct file *file = NULL;
    uint64_t size = 0;
    enum status status = file_open(file_system, &file, path, FILE_READ, error);
    if (status != STATUS_OK) return status;
    status = file_size(file, &size, error);
    if (status < 0) goto done;
    if (size > FILE_BYTES_LIMIT) {
        status = error_set(error, STATUS_CORRUPT, "%s: %" PRIu64 " bytes long", path, size);
        goto done;
    }
    buffer_clear(target);
    uint8_t *bytes = buffer_reserve(target, size, error);
    if (!bytes) {
        status = error->status;
        goto done;
    }
    status = file_read_at(file, bytes, size, 0, error);
    if (status == STATUS_END) status = error_set(error, STATUS_CORRUPT, "%s: shrinks", path);
    if (status == STATUS_OK) target->size_bytes = size;
done:
    file_close(file);
    return status;
}

/* The number of the manifest that CURRENT names. */
static enum status current_read(struct file_system *file_system, const char *directory,
                                uint64_t *out_number, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    struct buffer found;
    buffer_init(&found, FILE_BYTES_LIMIT);
    enum status status = path_join(path, directory, DISK_CURRENT, error);
    if (status == STATUS_OK) status = file_read_whole(file_system, path, &found, error);
    if (status != STATUS_OK) goto done;

    /* Whatever number its digits give, the file must be what would be written for that number. */
    char text[CURRENT_BYTES + 1] = {0}, expected[CURRENT_BYTES + 1];
    if (found.size_bytes == CURRENT_BYTES) memcpy(text, found.bytes, CURRENT_BYTES);
    *out_number = strtoull(text + sizeof "MANIFEST-" - 1, NULL, 16);
    current_text(expected, *out_number);
    if (strcmp(text, expected) != 0) {
        status = error_set(error, STATUS_CORRUPT, "%s: does not name a manifest", path);
    }
done:
    buffer_finish(&found);
    return status;
}

static enum status header_check(const struct buffer *file, uint64_t number, const char *path,
                                struct identity *out_store, struct error *error)
{
    struct manifest_header header;
    if (file->size_bytes < sizeof header) {
        return error_set(error, STATUS_CORRUPT, "%s: shorter than its header", path);
    }
    memcpy(&header, file->bytes, sizeof header);
    if (header.magic != MANIFEST_MAGIC ||
        header.checksum != hash64(&header, offsetof(struct manifest_header, checksum))) {
        return error_set(error, STATUS_CORRUPT, "%s: damaged header", path);
    }
    if (header.version != MANIFEST_VERSION || header.features != 0) {
        return error_set(error, STATUS_UNSUPPORTED,
                         "%s: written by a newer version (%" PRIu32 ", features %" PRIx32 ")", path,
                         header.version, header.features);
    }
    if (header.number != number) {
        return error_set(error, STATUS_CORRUPT, "%s: its header is of number %" PRIx64, path,
                         header.number);
    }
    *out_store = header.store;
    return STATUS_OK;
}

/* Follows the edits up to the end or a torn tail (M1, M4). */
static enum status edits_follow(const struct buffer *file, struct identity store, const char *path,
                                struct manifest_state *state, struct error *error)
{
    size_t offset = sizeof(struct manifest_header), length;
    while ((length = manifest_edit_bytes(file->bytes, file->size_bytes, offset)) > 0) {
        enum status status = manifest_edit_follow(state, file->bytes + offset, error);
        if (status == STATUS_CORRUPT ||
            (status == STATUS_OK && identity_compare(state->store, store) != 0)) {
            return error_set(error, STATUS_CORRUPT, "%s: the edit at %zu does not fit", path,
                             offset);
        }
        if (status < 0) return status;
        offset += length;
    }
    bool is_torn = manifest_edit_find(file->bytes, file->size_bytes, offset) == file->size_bytes;
    if (!is_torn || state->generation_count == 0) {
        return error_set(error, STATUS_CORRUPT, "%s: damaged edit at %zu", path, offset);
    }
    return STATUS_OK;
}

static enum status manifest_read(struct manifest *manifest, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    struct identity store;
    struct buffer found;
    buffer_init(&found, FILE_BYTES_LIMIT);
    enum status status =
        current_read(manifest->file_system, manifest->directory, &manifest->number, error);
    if (status != STATUS_OK) goto done;
    status = manifest_path(path, manifest->directory, manifest->number, error);
    if (status == STATUS_OK) status = file_read_whole(manifest->file_system, path, &found, error);
    if (status == STATUS_NOT_FOUND) {
        status = error_set(error, STATUS_CORRUPT, "%s: missing", path);
    }
    if (status == STATUS_OK) status = header_check(&found, manifest->number, path, &store, error);
    if (status == STATUS_OK) status = edits_follow(&found, store, path, &manifest->state, error);
done:
    buffer_finish(&found);
    return status;
}

/* ---- Writing ---- */

static enum status edit_write(struct manifest *manifest, struct error *error)
{
    enum status status = file_write_at(manifest->file, manifest->edit.bytes,
                                       manifest->edit.size_bytes, manifest->end, error);
    if (status == STATUS_OK) status = file_sync(manifest->file, error);
    if (status == STATUS_OK) manifest->end += manifest->edit.size_bytes;
    return status;
}

/* Best effort: the edit before it is durable and counts; and where no seal came to lie, the next
 * edit will. */
static void seal_write(struct manifest *manifest)
{
    struct error ignored;
    buffer_clear(&manifest->edit);
    if (manifest_seal_encode(&manifest->edit, &ignored) < 0) return;
    if (file_write_at(manifest->file, manifest->edit.bytes, manifest->edit.size_bytes,
                      manifest->end, &ignored) < 0) {
        return;
    }
    manifest->end += manifest->edit.size_bytes;
}

/* Of the file that follows. */
static enum status header_encode(struct manifest *manifest, struct identity store,
                                 struct error *error)
{
    struct manifest_header header = {.magic = MANIFEST_MAGIC,
                                     .version = MANIFEST_VERSION,
                                     .number = manifest->number + 1,
                                     .store = store};
    header.checksum = hash64(&header, offsetof(struct manifest_header, checksum));
    return buffer_add(&manifest->edit, &header, sizeof header, error);
}

static enum status current_write(struct manifest *manifest, uint64_t number, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX], temporary[FILE_PATH_BYTES_MAX], text[CURRENT_BYTES + 1];
    current_text(text, number);
    enum status status = path_join(path, manifest->directory, DISK_CURRENT, error);
    if (status < 0) return status;
    status = path_join(temporary, manifest->directory, DISK_CURRENT_TEMPORARY, error);
    if (status < 0) return status;
    struct file *file = NULL;
    status = file_open(manifest->file_system, &file, temporary, FILE_CREATE, error);
    if (status < 0) return status;
    status = file_write_at(file, text, CURRENT_BYTES, 0, error);
    if (status == STATUS_OK) status = file_sync(file, error);
    file_close(file);
    /* The manifest's own name must be durable before CURRENT speaks of it (M2). */
    if (status == STATUS_OK) {
        status = file_sync_directory(manifest->file_system, manifest->directory, error);
    }
    if (status == STATUS_OK) status = file_rename(manifest->file_system, temporary, path, error);
    if (status == STATUS_OK) {
        status = file_sync_directory(manifest->file_system, manifest->directory, error);
    }
    return status;
}

/* Removes what is older than the two newest (M3). A failure leaves it to the next time. */
static enum status old_visit(void *context, const char *name)
{
    const struct manifest *manifest = context;
    char known[NAME_BYTES + 1], path[FILE_PATH_BYTES_MAX];
    struct error ignored;
    if (strncmp(name, "MANIFEST-", sizeof "MANIFEST-" - 1) != 0) return STATUS_OK;
    uint64_t number = strtoull(name + sizeof "MANIFEST-" - 1, NULL, 16);
    (void)snprintf(known, sizeof known, DISK_MANIFEST_FORMAT, number);
    if (strcmp(name, known) != 0 || number + 1 >= manifest->number) return STATUS_OK;
    if (path_join(path, manifest->directory, name, &ignored) < 0) return STATUS_OK;
    (void)file_remove(manifest->file_system, path, &ignored);
    return STATUS_OK;
}

static void old_remove(struct manifest *manifest)
{
    struct error ignored;
    (void)file_list(manifest->file_system, manifest->directory, old_visit, manifest, &ignored);
}

/* Writes the whole state, as it was encoded, into a new file and makes CURRENT name it (M2). */
static enum status manifest_rotate(struct manifest *manifest, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    uint64_t number = manifest->number + 1;
    enum status status = manifest_path(path, manifest->directory, number, error);
    if (status < 0) return status;

    file_close(manifest->file);
    manifest->file = NULL;
    manifest->end = 0;
    /* A file of this name may be left from a rotation whose directory sync failed: its name may then
     * never become durable, and only a new one does. */
    status = file_remove(manifest->file_system, path, error);
    if (status < 0) return status;
    status = file_open(manifest->file_system, &manifest->file, path, FILE_CREATE, error);
    if (status == STATUS_OK) status = edit_write(manifest, error);
    if (status == STATUS_OK) status = current_write(manifest, number, error);
    if (status < 0) return status;
    manifest->number = number;
    /* A large state must not make every edit begin a new file. */
    if (manifest->file_bytes_max < 2 * manifest->end) manifest->file_bytes_max = 2 * manifest->end;
    old_remove(manifest);
    return STATUS_OK;
}

static enum status manifest_append(struct manifest *manifest, struct error *error)
{
    enum status status = edit_write(manifest, error);
    if (status == STATUS_OK) seal_write(manifest);
    return status;
}

/* Puts what is to be written into the buffer: the edit, or with begins_file header and whole
 * state. */
static enum status manifest_encode(struct manifest *manifest, const struct manifest_state *after,
                                   const struct manifest_edit *edit, bool begins_file,
                                   struct error *error)
{
    struct manifest_edit whole = {.added = after->segments, .added_count = after->segment_count};
    buffer_clear(&manifest->edit);
    if (!begins_file) return manifest_edit_encode(&manifest->edit, after, edit, error);
    enum status status = header_encode(manifest, after->store, error);
    return status < 0 ? status : manifest_edit_encode(&manifest->edit, after, &whole, error);
}

enum status manifest_commit(struct manifest *manifest, const struct manifest_edit *edit,
                            struct error *error)
{
    if (manifest->is_in_doubt) {
        return error_set(error, STATUS_IO, "%s: an earlier edit failed; open the store again",
                         manifest->directory);
    }
    struct manifest_state after;
    enum status status = manifest_state_after(&manifest->state, edit, &after, error);
    ASSERT(status != STATUS_BAD_INPUT);
    if (status < 0) return status;

    bool begins_file = !manifest->file || manifest->end > manifest->file_bytes_max;
    status = manifest_encode(manifest, &after, edit, begins_file, error);
    if (status < 0) goto fail;
    status = begins_file ? manifest_rotate(manifest, error) : manifest_append(manifest, error);
    if (status < 0) {
        manifest->is_in_doubt = true;
        goto fail;
    }
    free(manifest->state.segments);
    manifest->state = after;
    return STATUS_OK;

fail:
    free(after.segments);
    return status;
}

enum status manifest_renew(struct manifest *manifest, struct error *error)
{
    file_close(manifest->file);
    manifest->file = NULL;
    return manifest_commit(manifest, &(struct manifest_edit){0}, error);
}

/* ---- Lifetime ---- */

static struct manifest *manifest_make(struct file_system *file_system, const char *directory)
{
    struct manifest *manifest = calloc(1, sizeof *manifest);
    if (!manifest) return NULL;
    manifest->file_system = file_system;
    manifest->file_bytes_max = FILE_BYTES_DEFAULT;
    buffer_init(&manifest->edit, FILE_BYTES_LIMIT);
    (void)snprintf(manifest->directory, sizeof manifest->directory, "%s", directory);
    return manifest;
}

enum status manifest_open(struct manifest **out_manifest, struct file_system *file_system,
                          const char *directory, struct error *error)
{
    struct manifest *manifest = manifest_make(file_system, directory);
    if (!manifest) return error_set(error, STATUS_NO_MEMORY, "%s: manifest", directory);
    enum status status = manifest_read(manifest, error);
    if (status != STATUS_OK) {
        manifest_close(manifest);
        return status;
    }
    *out_manifest = manifest;
    return STATUS_OK;
}

enum status manifest_create(struct manifest **out_manifest, struct file_system *file_system,
                            const char *directory, const struct manifest_state *state,
                            struct error *error)
{
    ASSERT(state->segment_count == 0);
    struct manifest *manifest = manifest_make(file_system, directory);
    if (!manifest) return error_set(error, STATUS_NO_MEMORY, "%s: manifest", directory);
    struct manifest_edit first = {.state = state};
    enum status status = manifest_commit(manifest, &first, error);
    if (status < 0) {
        manifest_close(manifest);
        return status;
    }
    *out_manifest = manifest;
    return STATUS_OK;
}

void manifest_close(struct manifest *manifest)
{
    if (!manifest) return;
    file_close(manifest->file);
    buffer_finish(&manifest->edit);
    free(manifest->state.segments);
    free(manifest);
}

const struct manifest_state *manifest_state(const struct manifest *manifest)
{
    return &manifest->state;
}

bool manifest_is_in_doubt(const struct manifest *manifest)
{
    return manifest->is_in_doubt;
}

void manifest_limit(struct manifest *manifest, uint64_t file_bytes_max)
{
    manifest->file_bytes_max = file_bytes_max;
}

/* ---- Verifying ---- */

struct manifest_check {
    struct file_system *file_system; /* borrowed */
    const char *directory;
    void (*report)(void *context, const char *text);
    void *context;
    uint64_t damaged_count;
};

static void check_report(struct manifest_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void check_report(struct manifest_check *check, const char *format, ...)
{
    char text[FILE_PATH_BYTES_MAX + 200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check->damaged_count++;
    check->report(check->context, text);
}

/* Each bad place up to the next whole edit. What such an edit held is not known, so the edits
 * behind it are only checked each for itself. */
static void check_edits(struct manifest_check *check, const struct buffer *file, const char *path)
{
    size_t offset = sizeof(struct manifest_header);
    while (offset < file->size_bytes) {
        size_t length = manifest_edit_bytes(file->bytes, file->size_bytes, offset);
        if (length == 0) {
            size_t next = manifest_edit_find(file->bytes, file->size_bytes, offset);
            if (next == file->size_bytes) return; /* a torn tail */
            check_report(check, "%s: damaged edit at %zu, %zu bytes", path, offset, next - offset);
            length = next - offset;
        }
        offset += length;
    }
}

static enum status check_file(struct manifest_check *check, uint64_t number, bool must_exist,
                              struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    struct identity store;
    struct manifest_state state = {0};
    struct buffer found;
    buffer_init(&found, FILE_BYTES_LIMIT);
    uint64_t damaged_count = check->damaged_count;
    enum status status = manifest_path(path, check->directory, number, error);
    if (status == STATUS_OK) status = file_read_whole(check->file_system, path, &found, error);
    if (status == STATUS_NOT_FOUND) {
        if (must_exist) check_report(check, "%s: missing", path);
        status = STATUS_OK;
        goto done;
    }
    if (status == STATUS_OK) status = header_check(&found, number, path, &store, error);
    if (status == STATUS_OK) {
        check_edits(check, &found, path);
        status = edits_follow(&found, store, path, &state, error);
    }
    if (status == STATUS_CORRUPT) {
        /* Unless it is what the walk over the edits has told already. */
        if (check->damaged_count == damaged_count) check_report(check, "%s", error->text);
        status = STATUS_OK;
    }
done:
    free(state.segments);
    buffer_finish(&found);
    return status;
}

enum status manifest_verify(struct file_system *file_system, const char *directory,
                            void (*report)(void *context, const char *text), void *context,
                            uint64_t *out_damaged_count, struct error *error)
{
    struct manifest_check check = {
        .file_system = file_system, .directory = directory, .report = report, .context = context};
    uint64_t number = 0;
    enum status status = current_read(file_system, directory, &number, error);
    if (status == STATUS_CORRUPT) {
        check_report(&check, "%s", error->text);
    } else if (status != STATUS_OK) {
        return status;
    } else {
        status = check_file(&check, number, true, error);
        if (status == STATUS_OK && number > 1)
            status = check_file(&check, number - 1, false, error);
        if (status < 0) return status;
    }
    *out_damaged_count = check.damaged_count;
    return STATUS_OK;
}
