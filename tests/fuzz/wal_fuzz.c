/* Goal:   no bytes in a log can crash recovery, and whatever they are, it hands out only valid
 *         samples, in rising sequence, and appends as a whole.
 * Method: any bytes as the groups of a file, with the checksums put right; the first two bytes say
 *         whether there is a newer file, and where that one says that the groups end. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/file_memory.h"
#include "storage/base/hash.h"
#include "storage/wal.h"
#include "storage/wal_directory.h"
#include "storage/wal_frame.h"
#include "tests/fuzz/fuzz.h"

enum { FILE_BYTES = WAL_FILE_BYTES_MIN, CUT_BYTES = 2 };

static const struct identity store = {.low = 1, .high = 2};

static void frames_repair(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + sizeof(struct wal_frame_header) <= size;) {
        struct wal_frame_header header;
        memcpy(&header, bytes + at, sizeof header);
        size_t frame_bytes = header.frame_bytes;
        if (header.magic != WAL_FRAME_MAGIC || frame_bytes < sizeof header) return;
        if (frame_bytes > size - at || frame_bytes % 8 != 0) return;
        header.columns_checksum = hash32(bytes + at + sizeof header, frame_bytes - sizeof header);
        header.header_checksum =
            hash32(&header, offsetof(struct wal_frame_header, header_checksum));
        memcpy(bytes + at, &header, sizeof header);
        at += frame_bytes;
    }
}

static void groups_repair(uint8_t *file, uint64_t number)
{
    for (size_t at = WAL_ALIGNMENT; at < FILE_BYTES; at += WAL_ALIGNMENT) {
        struct wal_group_header header;
        memcpy(&header, file + at, sizeof header);
        if (header.magic != WAL_GROUP_MAGIC) continue;
        header.file_number = number;
        header.checksum = hash64(&header, offsetof(struct wal_group_header, checksum));
        memcpy(file + at, &header, sizeof header);
        frames_repair(file + at + sizeof header, FILE_BYTES - at - sizeof header);
    }
}

static void file_make(struct file_system *file_system, uint8_t *file, uint64_t number,
                      uint64_t previous_end)
{
    struct wal_file_header header = {
        .magic = WAL_FILE_MAGIC,
        .version = WAL_VERSION,
        .store = store,
        .number = number,
        .file_bytes = FILE_BYTES,
        .first_sequence = number == 1 ? 1 : 100,
        .previous_end = previous_end,
    };
    header.checksum = hash64(&header, offsetof(struct wal_file_header, checksum));
    memcpy(file, &header, sizeof header);

    char path[FILE_PATH_BYTES_MAX];
    struct error error;
    struct file *target;
    wal_path(path, "wal", number);
    enum status status = file_open(file_system, &target, path, FILE_CREATE, &error);
    if (status == STATUS_OK) status = file_write_at(target, file, FILE_BYTES, 0, &error);
    ASSERT(status == STATUS_OK);
    file_close(target);
}

struct follower {
    uint64_t sequence;
    uint64_t sample_count;
    uint64_t position;
};

static enum status follow(void *context, const struct batch *batch, uint64_t sequence,
                          struct error *error)
{
    struct follower *follower = context;
    (void)error;
    ASSERT(sequence > follower->sequence);
    follower->sequence = sequence;
    follower->sample_count += batch->sample_count;
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry entry = batch_entry(batch, i);
        ASSERT(entry_is_valid(&entry) && batch_tag(batch, i) < TAG_COUNT_MAX);
    }
    return STATUS_OK;
}

static enum status follow_group(void *context, uint64_t sequence, uint64_t position,
                                struct error *error)
{
    struct follower *follower = context;
    (void)error;
    ASSERT(sequence >= follower->sequence && position >= follower->position);
    follower->position = position;
    return STATUS_OK;
}

static void recover(struct file_system *file_system)
{
    struct follower follower = {0}, again = {0};
    struct wal_options options = {
        .file_system = file_system,
        .clock = clock_system(),
        .directory = "wal",
        .store = store,
        .file_bytes = FILE_BYTES,
        .bytes_max = UINT64_MAX,
        .buffer_bytes = WAL_ALIGNMENT,
        .manual = true,
        .apply = follow,
        .applied = follow_group,
        .context = &follower,
    };
    struct wal_recovery recovery;
    struct error error;
    enum status status = wal_inspect(&options, 0, 0, &recovery, &error);
    ASSERT(status == STATUS_OK);
    ASSERT(recovery.sample_count == follower.sample_count);
    ASSERT(recovery.last_sequence >= follower.sequence);

    struct wal *wal;
    options.context = &again;
    status = wal_open(&wal, &options, 0, 0, &recovery, &error);
    ASSERT(status == STATUS_OK);
    ASSERT(again.sequence == follower.sequence && again.sample_count == follower.sample_count);
    status = wal_close(wal, &error);
    ASSERT(status == STATUS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t file[FILE_BYTES];
    if (size < CUT_BYTES || size > CUT_BYTES + FILE_BYTES - WAL_ALIGNMENT) return 0;
    memset(file, 0, sizeof file);
    memcpy(file + WAL_ALIGNMENT, bytes + CUT_BYTES, size - CUT_BYTES);
    groups_repair(file, 1);

    struct file_memory *memory;
    struct error error;
    enum status status = file_memory_create(&memory, &error);
    ASSERT(status == STATUS_OK);
    struct file_system *file_system = file_memory_system(memory);
    status = file_create_directory(file_system, "wal", &error);
    ASSERT(status == STATUS_OK);
    file_make(file_system, file, 1, 0);
    uint64_t cut = (uint64_t)(bytes[0] + 256 * bytes[1]) / 8 * 8;
    if (cut != 0) file_make(file_system, file, 2, FILE_BYTES + cut % FILE_BYTES);
    recover(file_system);
    file_memory_destroy(memory);
    return 0;
}
