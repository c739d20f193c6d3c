#include "storage/wal_writer.h"

#include <string.h>

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/wal_directory.h"

uint64_t wal_writer_position(const struct wal_writer *writer)
{
    return wal_position(writer->files->file_bytes, writer->number, writer->offset);
}

enum status wal_writer_begin(struct wal_writer *writer, uint64_t number, uint64_t previous_end,
                             struct error *error)
{
    if (number > WAL_NUMBER_MAX) return error_set(error, STATUS_TOO_LARGE, "log file numbers");
    struct wal_file_header header = {
        .magic = WAL_FILE_MAGIC,
        .version = WAL_VERSION,
        .store = writer->store,
        .number = number,
        .file_bytes = writer->files->file_bytes,
        .first_sequence = writer->written_sequence + 1,
        .previous_end = previous_end,
    };
    struct file *file;
    enum status status = wal_files_take(writer->files, &header, &file, error);
    if (status < 0) return status;
    file_close(writer->file);
    writer->file = file;
    writer->number = number;
    writer->offset = WAL_ALIGNMENT;
    writer->durable_position = wal_writer_position(writer);
    return STATUS_OK;
}

void wal_writer_finish(struct wal_writer *writer)
{
    file_close(writer->file);
    *writer = (struct wal_writer){0};
}

static enum status writer_make_room(struct wal_writer *writer, size_t bytes, struct error *error)
{
    if (bytes <= writer->files->file_bytes - writer->offset) return STATUS_OK;
    enum status status = wal_writer_sync(writer, error);
    if (status < 0) return status;
    return wal_writer_begin(writer, writer->number + 1, wal_writer_position(writer), error);
}

enum status wal_writer_write(struct wal_writer *writer, uint8_t *bytes, size_t size,
                             uint32_t frame_count, struct wal_group_header *header,
                             struct error *error)
{
    size_t padded_bytes = bytes_align(size, WAL_ALIGNMENT);
    enum status status = writer_make_room(writer, padded_bytes, error);
    if (status < 0) return status;
    header->magic = WAL_GROUP_MAGIC;
    header->frame_count = frame_count;
    header->payload_bytes = size - sizeof *header;
    header->file_number = writer->number;
    header->first_sequence = writer->written_sequence + 1; /* W4 */
    header->durable_position = writer->durable_position;   /* W3 */
    header->checksum = hash64(header, offsetof(struct wal_group_header, checksum));
    memcpy(bytes, header, sizeof *header);
    memset(bytes + size, 0, padded_bytes - size);

    status = file_write_at(writer->file, bytes, padded_bytes, writer->offset, error);
    if (status < 0) return status;
    writer->offset += padded_bytes;
    writer->written_sequence += frame_count;
    writer->is_dirty = true;
    wal_files_extend(writer->files, writer->offset);
    return STATUS_OK;
}

enum status wal_writer_sync(struct wal_writer *writer, struct error *error)
{
    if (!writer->is_dirty) return STATUS_OK;
    enum status status = file_sync(writer->file, error);
    if (status < 0) return status;
    writer->durable_position = wal_writer_position(writer);
    writer->is_dirty = false;
    return STATUS_OK;
}
