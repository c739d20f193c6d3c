#include "storage/wal_writer.h"

#include <string.h>

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/wal_directory.h"

uint64_t wal_writer_position(const struct wal_writer *writer)
{
    return wal_position(writer->files->file_bytes, writer->number, writer->offset);
}

/* An empty group where the log left the file. It is no part of the log while there is a later one. */
static enum status goes_on_write(const struct wal_writer *writer, struct file *file,
                                 uint64_t number, uint64_t offset, struct error *error)
{
    _Alignas(FILE_DIRECT_ALIGNMENT) uint8_t page[WAL_ALIGNMENT] = {0};
    struct wal_group_header header = {
        .magic = WAL_GROUP_MAGIC,
        .file_number = number,
        .first_sequence = writer->written_sequence + 1,
        .durable_position = wal_position(writer->files->file_bytes, number, offset),
        .flags = WAL_GROUP_GOES_ON,
    };
    header.checksum = hash64(&header, offsetof(struct wal_group_header, checksum));
    memcpy(page, &header, sizeof header);
    return file_write_at(file, page, sizeof page, offset, error);
}

/* W8. Not synced: a note that is lost is one file less whose loss would be seen. */
static enum status previous_mark(const struct wal_writer *writer, uint64_t previous_end,
                                 struct error *error)
{
    const struct wal_files *files = writer->files;
    if (previous_end == 0) return STATUS_OK;
    uint64_t number = (previous_end - 1) / files->file_bytes;
    uint64_t offset = bytes_align(previous_end - number * files->file_bytes, WAL_ALIGNMENT);
    if (offset + WAL_ALIGNMENT > files->file_bytes) return STATUS_OK;
    if (writer->file) return goes_on_write(writer, writer->file, number, offset, error);

    char path[FILE_PATH_BYTES_MAX];
    struct file *file = NULL;
    wal_path(path, files->directory, number);
    enum status status = file_open(files->file_system, &file, path, FILE_WRITE, error);
    if (status == STATUS_OK) status = goes_on_write(writer, file, number, offset, error);
    file_close(file);
    return status < 0 ? status : STATUS_OK;
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
    status = previous_mark(writer, previous_end, error);
    if (status < 0) {
        file_close(file);
        return status;
    }
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
    /* W8 needs a page, too. */
    if (bytes + WAL_ALIGNMENT <= writer->files->file_bytes - writer->offset) return STATUS_OK;
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
