#include "engine/shell/workload_file.h"

#include <stdlib.h>
#include <string.h>

#include "engine/bede.h"
#include "storage/base/assert.h"
#include "storage/base/buffer.h"
#include "storage/base/file.h"

enum { WRITE_BYTES = 1 << 20, BUFFER_BYTES_MAX = 64 << 20, OFFSETS_BYTES_MAX = 64 << 20 };

struct header {
    uint64_t offsets_at; /* 0 while the file is written */
    uint64_t tags_at;
    struct workload_totals totals;
};

struct piece_head {
    uint32_t tag;
    uint32_t count;
    uint32_t is_scan;
    uint32_t has_qualities;
};

/* ---- Writing ---- */

struct workload_writer {
    struct file *file; /* owned */
    uint64_t written;
    struct buffer buffer;  /* owned; stands behind what is written */
    struct buffer offsets; /* owned; uint64_t a piece */
    struct buffer types;   /* owned; uint8_t a tag: enum bede_type */
    struct header header;
};

enum status workload_writer_create(struct workload_writer **out_writer, const char *path,
                                   struct error *error)
{
    struct workload_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return error_set(error, STATUS_NO_MEMORY, "%s: out of memory", path);
    buffer_init(&writer->buffer, BUFFER_BYTES_MAX);
    buffer_init(&writer->offsets, OFFSETS_BYTES_MAX);
    buffer_init(&writer->types, OFFSETS_BYTES_MAX);
    writer->header.tags_at = sizeof writer->header;
    writer->header.totals.first_ns = INT64_MAX;
    writer->header.totals.last_ns = INT64_MIN;
    enum status status = file_open(file_system_posix(), &writer->file, path, FILE_CREATE, error);
    if (status >= 0) status = buffer_add(&writer->buffer, NULL, sizeof writer->header, error);
    if (status < 0) {
        workload_writer_destroy(writer);
        return status;
    }
    *out_writer = writer;
    return STATUS_OK;
}

void workload_writer_destroy(struct workload_writer *writer)
{
    if (!writer) return;
    file_close(writer->file);
    buffer_finish(&writer->buffer);
    buffer_finish(&writer->offsets);
    buffer_finish(&writer->types);
    free(writer);
}

static enum status write_buffer(struct workload_writer *writer, size_t least, struct error *error)
{
    struct buffer *buffer = &writer->buffer;
    if (buffer->size_bytes < least) return STATUS_OK;
    enum status status =
        file_write_at(writer->file, buffer->bytes, buffer->size_bytes, writer->written, error);
    if (status < 0) return status;
    writer->written += buffer->size_bytes;
    buffer_clear(buffer);
    return STATUS_OK;
}

enum status workload_writer_tag(struct workload_writer *writer, const struct workload_tag *tag,
                                struct error *error)
{
    ASSERT(writer->header.totals.piece_count == 0);
    uint8_t type = (uint8_t)tag->type;
    writer->header.totals.tag_count++;
    enum status status = buffer_add(&writer->types, &type, 1, error);
    if (status >= 0) status = buffer_add(&writer->buffer, tag, sizeof *tag, error);
    if (status >= 0) status = write_buffer(writer, WRITE_BYTES, error);
    return status;
}

static double value_at(const void *values, size_t index, uint8_t type)
{
    if (type != BEDE_F64) return (double)((const int64_t *)values)[index];
    return ((const double *)values)[index];
}

static void add_to_totals(struct workload_writer *writer, const struct workload_piece *piece)
{
    struct workload_totals *totals = &writer->header.totals;
    size_t times = piece->is_scan ? 1 : piece->count;
    totals->piece_count++;
    totals->value_count += piece->count;
    if (piece->times_ns[0] < totals->first_ns) totals->first_ns = piece->times_ns[0];
    if (piece->times_ns[times - 1] > totals->last_ns) totals->last_ns = piece->times_ns[times - 1];
    for (size_t i = 0; i < piece->count; i++) {
        size_t tag = piece->is_scan ? i : piece->tag;
        double value = value_at(piece->values, i, writer->types.bytes[tag]);
        totals->sum += value;
        if (value <= WORKLOAD_ABOVE) continue;
        totals->above_sum += value;
        totals->above_count++;
    }
}

enum status workload_writer_piece(struct workload_writer *writer,
                                  const struct workload_piece *piece, struct error *error)
{
    ASSERT(piece->count >= 1 && piece->count <= WORKLOAD_PIECE_VALUES_MAX);
    uint64_t offset = writer->written + writer->buffer.size_bytes;
    struct piece_head head = {piece->tag, piece->count, piece->is_scan, piece->qualities != NULL};
    size_t times = piece->is_scan ? 1 : piece->count;
    add_to_totals(writer, piece);
    struct buffer *buffer = &writer->buffer;
    enum status status = buffer_add(&writer->offsets, &offset, sizeof offset, error);
    if (status >= 0) status = buffer_add(buffer, &head, sizeof head, error);
    if (status >= 0) status = buffer_add(buffer, piece->times_ns, times * 8, error);
    if (status >= 0) status = buffer_add(buffer, piece->values, (size_t)piece->count * 8, error);
    if (status >= 0 && piece->qualities) {
        status = buffer_add(buffer, piece->qualities, (size_t)piece->count * 4, error);
    }
    if (status >= 0) status = write_buffer(writer, WRITE_BYTES, error);
    return status;
}

enum status workload_writer_finish(struct workload_writer *writer, struct error *error)
{
    enum status status = write_buffer(writer, 1, error);
    if (status < 0) return status;
    /* One offset more, so that every piece has an end. */
    uint64_t end = writer->written;
    writer->header.offsets_at = end;
    status = buffer_add(&writer->offsets, &end, sizeof end, error);
    if (status >= 0) {
        status = file_write_at(writer->file, writer->offsets.bytes, writer->offsets.size_bytes, end,
                               error);
    }
    if (status >= 0) {
        status = file_write_at(writer->file, &writer->header, sizeof writer->header, 0, error);
    }
    if (status >= 0) status = file_sync(writer->file, error);
    return status;
}

/* ---- Reading ---- */

struct workload_file {
    struct file *file; /* owned */
    const char *path;  /* owned, behind this struct */
    struct header header;
    uint64_t *offsets; /* owned; of the pieces, and the end of the last */
    uint8_t *bytes;    /* owned; of the piece at hand */
    size_t bytes_capacity;
};

/* The file is ours and whole: when it ends early, somebody else has been at it. */
static enum status read_exactly(struct workload_file *file, void *bytes, size_t size,
                                uint64_t offset, struct error *error)
{
    enum status status = file_read_at(file->file, bytes, size, offset, error);
    if (status == STATUS_END) return error_set(error, STATUS_CORRUPT, "%s: too short", file->path);
    return status;
}

enum status workload_file_open(struct workload_file **out_file, const char *path,
                               struct error *error)
{
    struct workload_file *file = calloc(1, sizeof *file + strlen(path) + 1);
    if (!file) return error_set(error, STATUS_NO_MEMORY, "%s: out of memory", path);
    file->path = memcpy(file + 1, path, strlen(path) + 1);
    enum status status = file_open(file_system_posix(), &file->file, path, FILE_READ, error);
    if (status == STATUS_NOT_FOUND) status = error_set(error, STATUS_IO, "%s: is gone", path);
    if (status < 0) goto fail;
    status = read_exactly(file, &file->header, sizeof file->header, 0, error);
    if (status < 0) goto fail;

    size_t offsets_bytes = (size_t)(file->header.totals.piece_count + 1) * sizeof(uint64_t);
    file->offsets = malloc(offsets_bytes);
    if (!file->offsets) {
        status = error_set(error, STATUS_NO_MEMORY, "%s: out of memory", path);
        goto fail;
    }
    status = read_exactly(file, file->offsets, offsets_bytes, file->header.offsets_at, error);
    if (status < 0) goto fail;
    *out_file = file;
    return STATUS_OK;

fail:
    workload_file_close(file);
    return status;
}

void workload_file_close(struct workload_file *file)
{
    if (!file) return;
    file_close(file->file);
    free(file->offsets);
    free(file->bytes);
    free(file);
}

const struct workload_totals *workload_file_totals(const struct workload_file *file)
{
    return &file->header.totals;
}

enum status workload_file_tags(struct workload_file *file, size_t first, size_t count,
                               struct workload_tag *out_tags, struct error *error)
{
    ASSERT(first + count <= file->header.totals.tag_count);
    return read_exactly(file, out_tags, count * sizeof *out_tags,
                        file->header.tags_at + first * sizeof *out_tags, error);
}

enum status workload_file_piece(struct workload_file *file, uint64_t index,
                                struct workload_piece *out_piece, struct error *error)
{
    ASSERT(index < file->header.totals.piece_count);
    size_t size = (size_t)(file->offsets[index + 1] - file->offsets[index]);
    if (size > file->bytes_capacity) {
        free(file->bytes);
        file->bytes_capacity = 0;
        file->bytes = malloc(size);
        if (!file->bytes)
            return error_set(error, STATUS_NO_MEMORY, "%s: out of memory", file->path);
        file->bytes_capacity = size;
    }
    enum status status = read_exactly(file, file->bytes, size, file->offsets[index], error);
    if (status < 0) return status;
    struct piece_head head;
    memcpy(&head, file->bytes, sizeof head);
    size_t times = head.is_scan ? 1 : head.count;
    uint8_t *times_at = file->bytes + sizeof head;
    uint8_t *values_at = times_at + times * 8;
    *out_piece = (struct workload_piece){
        .tag = head.tag,
        .count = head.count,
        .is_scan = head.is_scan != 0,
        .times_ns = (const int64_t *)(const void *)times_at,
        .values = values_at,
    };
    if (head.has_qualities) {
        out_piece->qualities = (const uint32_t *)(const void *)(values_at + (size_t)head.count * 8);
    }
    return STATUS_OK;
}
