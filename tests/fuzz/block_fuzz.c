/* Goal:   no bytes in a segment can crash a reader; what it accepts keeps the rules of a block.
 * Method: any bytes as a block, with size and checksum put right so that the streams are reached; a
 *         batch that comes out is encoded again, which asserts the rules, and must come out the
 *         same. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/block.h"
#include "tests/fuzz/fuzz.h"

static void repair(uint8_t *bytes, size_t size)
{
    struct block_header header;
    if (size < sizeof header) return;
    memcpy(&header, bytes, sizeof header);
    header.magic = BLOCK_MAGIC;
    header.payload_bytes = (uint32_t)(size - sizeof header) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
    memcpy(bytes, &header, sizeof header);
    header.checksum = block_checksum(bytes, sizeof header + header.payload_bytes);
    memcpy(bytes, &header, sizeof header);
}

static void check_again(const struct block_header *header, const struct batch *batch)
{
    struct buffer buffer;
    struct arena arena;
    struct error error;
    struct batch again;
    buffer_init(&buffer, BLOCK_BYTES_MAX);
    enum status status = block_encode(&buffer, header->identity, (enum block_kind)header->kind,
                                      batch, NULL, CODEC_EVERYDAY, &error);
    ASSERT(status == STATUS_OK);
    ASSERT(block_is_intact(buffer.bytes, buffer.size_bytes));
    struct block_header made;
    memcpy(&made, buffer.bytes, sizeof made);
    arena_init(&arena, block_decode_bytes_max(&made));
    status = block_decode(buffer.bytes, buffer.size_bytes, &arena, &again);
    ASSERT(status == STATUS_OK);
    ASSERT(again.sample_count == batch->sample_count);
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry left = batch_entry(batch, i), right = batch_entry(&again, i);
        ASSERT(entry_compare(&left, &right) == 0);
        ASSERT(batch_time_ns(batch, i) == batch_time_ns(&again, i));
    }
    arena_finish(&arena);
    buffer_finish(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) return 0;
    uint8_t *copy = malloc(size); /* aligned, as a reader's buffer is */
    ASSERT(copy);
    memcpy(copy, bytes, size);
    repair(copy, size);

    struct block_header header = {0};
    if (size >= sizeof header) memcpy(&header, copy, sizeof header);
    struct arena arena;
    struct batch batch;
    arena_init(&arena, block_decode_bytes_max(&header));
    enum status status = block_decode(copy, size, &arena, &batch);
    ASSERT(status == STATUS_OK || status == STATUS_CORRUPT ||
           status == STATUS_UNSUPPORTED); /* the arena is large enough */
    if (status == STATUS_OK) {
        ASSERT(block_is_intact(copy, size));
        check_again(&header, &batch);
    }
    arena_finish(&arena);
    free(copy);
    return 0;
}
