/* Goal:   no bytes in a manifest can crash the opening of a store or lead to a state that the store
 *         itself could not write.
 * Method: any bytes as a row of edits, with the checksums put right; the state that they lead to is
 *         written as one edit, and that edit must lead to it again. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/buffer.h"
#include "storage/base/hash.h"
#include "storage/manifest_edit.h"
#include "storage/manifest_format.h"
#include "tests/fuzz/fuzz.h"

static void repair_checksums(uint8_t *bytes, size_t size)
{
    struct manifest_edit_head head;
    for (size_t offset = 0; offset + sizeof head <= size;) {
        memcpy(&head, bytes + offset, sizeof head);
        if (head.body_bytes > size - offset - sizeof head) return;
        head.magic = MANIFEST_EDIT_MAGIC;
        head.checksum = hash64(&head, 8) ^ hash64(bytes + offset + sizeof head, head.body_bytes);
        memcpy(bytes + offset, &head, sizeof head);
        offset += sizeof head + (head.body_bytes + 7) / 8 * 8;
    }
}

static void check_again(const struct manifest_state *state)
{
    struct error error;
    struct buffer buffer;
    struct manifest_state again = {0};
    struct manifest_edit whole = {.added = state->segments, .added_count = state->segment_count};
    buffer_init(&buffer, 8 << 20);
    enum status status = manifest_edit_encode(&buffer, state, &whole, &error);
    ASSERT(status == STATUS_OK);
    ASSERT(manifest_edit_bytes(buffer.bytes, buffer.size_bytes, 0) == buffer.size_bytes);
    status = manifest_edit_follow(&again, buffer.bytes, &error);
    ASSERT(status == STATUS_OK);
    ASSERT(again.segment_count == state->segment_count);
    for (size_t i = 0; i < again.segment_count; i++) {
        ASSERT(again.segments[i].number == state->segments[i].number);
    }
    ASSERT(again.next_number == state->next_number && again.generation == state->generation);
    free(again.segments);
    buffer_finish(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct manifest_state state = {0};
    struct error error;
    bool has_followed = false;
    uint8_t *copy = malloc(size + (size == 0)); /* aligned, as the store reads it */
    ASSERT(copy);
    if (size > 0) memcpy(copy, bytes, size);
    repair_checksums(copy, size);
    for (size_t offset = 0; (offset = manifest_edit_find(copy, size, offset)) < size;) {
        size_t edit_bytes = manifest_edit_bytes(copy, size, offset);
        ASSERT(edit_bytes > 0 && edit_bytes <= size - offset);
        enum status status = manifest_edit_follow(&state, copy + offset, &error);
        ASSERT(status == STATUS_OK || status == STATUS_CORRUPT);
        has_followed |= status == STATUS_OK && state.generation_count > 0;
        offset += edit_bytes;
    }
    if (has_followed) check_again(&state);
    free(state.segments);
    free(copy);
    return 0;
}
