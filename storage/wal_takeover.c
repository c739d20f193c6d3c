#include "storage/wal_takeover.h"

/* Whether something of the log, at or above from_position, may lie in the file. */
static bool found_is_live(const struct wal_files *files, uint64_t number, uint64_t end_position)
{
    uint64_t from_position = files->released_position;
    return end_position > from_position && number >= from_position / files->file_bytes &&
           wal_position(files->file_bytes, number, 0) < end_position;
}

static enum status found_keep(struct wal_files *files, const struct wal_numbers *found,
                              uint64_t end_position, struct error *error)
{
    for (size_t i = 0; i < found->count; i++) {
        uint64_t number = found->numbers[i];
        if (!found_is_live(files, number, end_position)) continue;
        uint64_t end = end_position - wal_position(files->file_bytes, number, 0);
        if (end > files->file_bytes) end = files->file_bytes;
        enum status status = wal_files_add_found(files, number, end, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status found_remove(const struct wal_files *files,
                                const struct wal_directory *directory, uint64_t end_position,
                                struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    for (size_t i = 0; i < directory->files.count; i++) {
        uint64_t number = directory->files.numbers[i];
        if (found_is_live(files, number, end_position)) continue;
        wal_path(path, files->directory, number);
        enum status status = file_remove(files->file_system, path, error);
        if (status < 0) return status;
    }
    for (size_t i = 0; i < directory->spares.count; i++) {
        wal_spare_path(path, files->directory, directory->spares.numbers[i]);
        enum status status = file_remove(files->file_system, path, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static uint64_t newest_of(const struct wal_numbers *numbers)
{
    return numbers->count > 0 ? numbers->numbers[numbers->count - 1] : 0;
}

enum status wal_takeover(struct wal_writer *writer, const struct wal_directory *directory,
                         uint64_t end_position, struct error *error)
{
    struct wal_files *files = writer->files;
    enum status status = found_keep(files, &directory->files, end_position, error);
    if (status < 0) return status;
    files->next_spare = newest_of(&directory->spares) + 1;
    uint64_t newest = files->released_position / files->file_bytes;
    if (newest < newest_of(&directory->files)) newest = newest_of(&directory->files);
    status = wal_writer_begin(writer, newest + 1, end_position, error);
    return status < 0 ? status : found_remove(files, directory, end_position, error);
}
