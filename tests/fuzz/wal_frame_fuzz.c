/* Goal:   no bytes in a log can crash recovery, and what it accepts it understands.
 * Method: any bytes as a frame, with the checksums put right so that the columns are reached; a
 *         batch that comes out is encoded again and must come out the same. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/arena.h"
#include "storage/base/assert.h"
#include "storage/base/hash.h"
#include "storage/wal_frame.h"
#include "tests/fuzz/fuzz.h"

static void repair_checksums(uint8_t *bytes, size_t size)
{
    struct wal_frame_header header;
    if (size < sizeof header) return;
    memcpy(&header, bytes, sizeof header);
    header.magic = WAL_FRAME_MAGIC;
    if (header.frame_bytes >= sizeof header && header.frame_bytes <= size) {
        header.columns_checksum = hash32(bytes + sizeof header, header.frame_bytes - sizeof header);
    }
    header.header_checksum = hash32(&header, offsetof(struct wal_frame_header, header_checksum));
    memcpy(bytes, &header, sizeof header);
}

static void check_again(const struct batch *batch, uint64_t sequence, bool more)
{
    size_t size = wal_frame_bytes(batch);
    uint8_t *bytes = malloc(size);
    ASSERT(bytes);
    wal_frame_encode(bytes, batch, sequence, more ? WAL_FRAME_MORE : 0);

    struct arena arena;
    struct batch again;
    uint64_t sequence_again;
    bool more_again;
    arena_init(&arena, WAL_FRAME_ARENA_BYTES);
    enum status status =
        wal_frame_decode(bytes, size, &arena, &again, &sequence_again, &more_again);
    ASSERT(status == STATUS_OK);
    ASSERT(sequence_again == sequence && more_again == more);
    ASSERT(again.sample_count == batch->sample_count);
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry left = batch_entry(batch, i), right = batch_entry(&again, i);
        ASSERT(entry_compare(&left, &right) == 0);
        ASSERT(batch_time_ns(batch, i) == batch_time_ns(&again, i));
        ASSERT(batch_tag(batch, i) == batch_tag(&again, i));
    }
    arena_finish(&arena);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0)); /* aligned, as the log's buffer is */
    ASSERT(copy);
    if (size > 0) memcpy(copy, bytes, size);
    repair_checksums(copy, size);

    struct arena arena;
    struct batch batch;
    uint64_t sequence;
    bool more;
    arena_init(&arena, WAL_FRAME_ARENA_BYTES);
    if (wal_frame_decode(copy, size, &arena, &batch, &sequence, &more) == STATUS_OK) {
        check_again(&batch, sequence, more);
    }
    arena_finish(&arena);
    free(copy);
    return 0;
}
