#include "engine/shell/bench_export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bede.h"
#include "engine/shell/sample_text.h"
#include "storage/base/buffer.h"
#include "storage/base/csv.h"
#include "storage/base/file.h"
#include "storage/base/text.h"

#define MILLISECOND_NS INT64_C(1000000)

enum { WRITE_BYTES = 1 << 20, BUFFER_BYTES_MAX = 16 << 20, ROW_BYTES_MAX = 512 };

/* One CSV file on its way to the disk. */
struct target {
    struct file *file; /* owned */
    uint64_t written;
    struct buffer buffer; /* owned */
};

static enum status target_open(struct target *target, const char *directory, const char *name,
                               const char *ending, const char *header, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/%s%s", directory, name, ending);
    *target = (struct target){0};
    buffer_init(&target->buffer, BUFFER_BYTES_MAX);
    enum status status = file_open(file_system_posix(), &target->file, path, FILE_CREATE, error);
    if (status < 0) return status;
    return buffer_add(&target->buffer, header, strlen(header), error);
}

static enum status target_write(struct target *target, size_t least, struct error *error)
{
    struct buffer *buffer = &target->buffer;
    if (buffer->size_bytes < least) return STATUS_OK;
    enum status status =
        file_write_at(target->file, buffer->bytes, buffer->size_bytes, target->written, error);
    target->written += buffer->size_bytes;
    buffer_clear(buffer);
    return status;
}

static enum status target_close(struct target *target, enum status status, struct error *error)
{
    if (status >= 0) status = target_write(target, 1, error);
    file_close(target->file);
    buffer_finish(&target->buffer);
    return status;
}

static enum status write_tags(struct target *target, const struct workload_tag *tags, size_t count,
                              struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status >= 0; i++) {
        status = csv_write_field(&target->buffer, tags[i].name, strlen(tags[i].name), 0, error);
        if (status < 0) break;
        status = buffer_print(&target->buffer, error, ",%s,%d\n", type_text(tags[i].type),
                              (int)tags[i].step);
        if (status >= 0) status = target_write(target, WRITE_BYTES, error);
    }
    return status;
}

static enum status write_row(struct target *target, const struct workload_tag *tag, int64_t time_ns,
                             const uint64_t *value, uint32_t quality, struct error *error)
{
    enum status status = csv_write_field(&target->buffer, tag->name, strlen(tag->name), 0, error);
    if (status < 0) return status;
    char *row = (char *)buffer_reserve(&target->buffer, ROW_BYTES_MAX, error);
    if (!row) return error->status;
    size_t size = 0;
    row[size++] = ',';
    size += text_from_i64(row + size, time_ns / MILLISECOND_NS);
    row[size++] = ',';
    if (tag->type == BEDE_F64) {
        double number;
        memcpy(&number, value, sizeof number);
        size += text_from_double(row + size, number);
    } else {
        size += text_from_i64(row + size, (int64_t)*value);
    }
    row[size++] = ',';
    if (quality != BEDE_GOOD) {
        text_from_hex(row + size, quality, 8);
        size += 8;
    }
    row[size++] = '\n';
    target->buffer.size_bytes += size;
    return target_write(target, WRITE_BYTES, error);
}

static enum status write_piece(struct target *target, const struct workload_tag *tags,
                               const struct workload_piece *piece, struct error *error)
{
    const uint64_t *values = piece->values;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < piece->count && status >= 0; i++) {
        size_t tag = piece->is_scan ? i : piece->tag;
        int64_t time_ns = piece->times_ns[piece->is_scan ? 0 : i];
        uint32_t quality = piece->qualities ? piece->qualities[i] : BEDE_GOOD;
        status = write_row(target, &tags[tag], time_ns, &values[i], quality, error);
    }
    return status;
}

static enum status write_values(struct target *target, struct workload_file *file,
                                const struct workload_tag *tags, struct error *error)
{
    uint64_t count = workload_file_totals(file)->piece_count;
    enum status status = STATUS_OK;
    for (uint64_t i = 0; i < count && status >= 0; i++) {
        struct workload_piece piece;
        status = workload_file_piece(file, i, &piece, error);
        if (status >= 0) status = write_piece(target, tags, &piece, error);
    }
    return status;
}

enum status bench_export(struct workload_file *file, const char *directory, const char *name,
                         struct error *error)
{
    struct target target;
    size_t tag_count = (size_t)workload_file_totals(file)->tag_count;
    struct workload_tag *tags = calloc(tag_count, sizeof *tags);
    if (!tags) return error_set(error, STATUS_NO_MEMORY, "out of memory");
    enum status status = workload_file_tags(file, 0, tag_count, tags, error);
    if (status >= 0) {
        status = target_open(&target, directory, name, ".tags.csv", "name,type,step\n", error);
        if (status >= 0) status = write_tags(&target, tags, tag_count, error);
        status = target_close(&target, status, error);
    }
    if (status >= 0) {
        status = target_open(&target, directory, name, ".csv", "tag,ts,value,quality\n", error);
        if (status >= 0) status = write_values(&target, file, tags, error);
        status = target_close(&target, status, error);
    }
    free(tags);
    return status;
}
