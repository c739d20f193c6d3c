#include "storage/manifest_edit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/bytes.h"
#include "storage/base/hash.h"

static size_t generations_bytes(uint32_t count)
{
    return bytes_align(count * sizeof(uint32_t), 8);
}

static uint64_t edit_checksum(const struct manifest_edit_head *head, const void *body)
{
    return hash64(head, offsetof(struct manifest_edit_head, checksum)) ^
           hash64(body, head->body_bytes);
}

static int number_order(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static int segment_order(const void *left, const void *right)
{
    const struct manifest_segment *a = left, *b = right;
    return number_order(&a->number, &b->number);
}

static bool name_space_is_valid(const char *name_space)
{
    size_t length = strnlen(name_space, MANIFEST_NAME_SPACE_BYTES_MAX + 1);
    for (size_t i = length; i <= MANIFEST_NAME_SPACE_BYTES_MAX; i++) {
        if (name_space[i] != 0) return false;
    }
    return length <= MANIFEST_NAME_SPACE_BYTES_MAX;
}

static bool state_is_valid(const struct manifest_state *state)
{
    uint32_t count = state->generation_count;
    if (count == 0 || count > MANIFEST_GENERATIONS_MAX) return false;
    if (state->generations[count - 1] != state->generation) return false;
    if (!name_space_is_valid(state->name_space)) return false;
    uint64_t last_number = 0;
    for (size_t i = 0; i < state->segment_count; i++) {
        const struct manifest_segment *segment = &state->segments[i];
        if (segment->number <= last_number || segment->reserved != 0) return false;
        if (segment->first_time_ns > segment->last_time_ns) return false;
        last_number = segment->number;
    }
    return last_number < state->next_number && state->snapshot_number < state->next_number &&
           state->frontier_number < state->next_number;
}

/* The live segments that are not in gone, which is sorted. False when not all of gone are live. */
static bool segments_keep(const struct manifest_state *state, const uint64_t *gone,
                          size_t gone_count, struct manifest_segment *target, size_t *out_count)
{
    size_t count = 0, next = 0;
    for (size_t i = 0; i < state->segment_count; i++) {
        if (next < gone_count && gone[next] == state->segments[i].number) {
            next++;
        } else {
            target[count++] = state->segments[i];
        }
    }
    *out_count = count;
    return next == gone_count;
}

enum status manifest_state_after(const struct manifest_state *state,
                                 const struct manifest_edit *edit, struct manifest_state *out_state,
                                 struct error *error)
{
    size_t count_max = state->segment_count + edit->added_count;
    struct manifest_segment *segments = calloc(count_max + 1, sizeof *segments);
    uint64_t *gone = calloc(edit->dropped_count + 1, sizeof *gone);
    enum status status = STATUS_OK;
    if (!segments || !gone) {
        status = error_set(error, STATUS_NO_MEMORY, "%zu segments", count_max);
        goto fail;
    }
    if (edit->dropped_count > 0) {
        memcpy(gone, edit->dropped, edit->dropped_count * sizeof *gone);
        qsort(gone, edit->dropped_count, sizeof *gone, number_order);
    }
    size_t count;
    if (!segments_keep(state, gone, edit->dropped_count, segments, &count)) {
        status = error_set(error, STATUS_BAD_INPUT, "a dropped segment is not live");
        goto fail;
    }
    for (size_t i = 0; i < edit->added_count; i++) segments[count++] = edit->added[i];
    qsort(segments, count, sizeof *segments, segment_order);
    if (count > MANIFEST_SEGMENTS_MAX) {
        status = error_set(error, STATUS_TOO_LARGE, "more than %d segments", MANIFEST_SEGMENTS_MAX);
        goto fail;
    }

    struct manifest_state after = edit->state ? *edit->state : *state;
    after.segments = segments;
    after.segment_count = count;
    if (!state_is_valid(&after)) {
        status = error_set(error, STATUS_BAD_INPUT, "no valid state of the store");
        goto fail;
    }
    free(gone);
    *out_state = after;
    return STATUS_OK;

fail:
    free(gone);
    free(segments);
    return status;
}

enum status manifest_edit_encode(struct buffer *target, const struct manifest_state *state,
                                 const struct manifest_edit *edit, struct error *error)
{
    struct manifest_edit_state fields = {
        .store = state->store,
        .node = state->node,
        .generation_count = state->generation_count,
        .added_count = (uint32_t)edit->added_count,
        .dropped_count = (uint32_t)edit->dropped_count,
        .wal_file_bytes = state->wal_file_bytes,
        .flushed_position = state->flushed_position,
        .flushed_sequence = state->flushed_sequence,
        .clock_ceiling = state->clock_ceiling,
        .next_number = state->next_number,
        .snapshot_number = state->snapshot_number,
        .frontier_number = state->frontier_number,
    };
    memcpy(fields.name_space, state->name_space, sizeof fields.name_space);
    size_t numbers_bytes = generations_bytes(state->generation_count);
    size_t added_bytes = edit->added_count * sizeof *edit->added;
    size_t dropped_bytes = edit->dropped_count * sizeof *edit->dropped;
    size_t body_bytes = sizeof fields + numbers_bytes + added_bytes + dropped_bytes;

    struct manifest_edit_head head = {.magic = MANIFEST_EDIT_MAGIC,
                                      .body_bytes = (uint32_t)body_bytes};
    uint8_t *place = buffer_reserve(target, sizeof head + body_bytes, error);
    if (!place) return error->status;
    uint8_t *body = place + sizeof head;
    memset(body, 0, body_bytes);
    memcpy(body, &fields, sizeof fields);
    uint8_t *next = body + sizeof fields;
    memcpy(next, state->generations, state->generation_count * sizeof(uint32_t));
    next += numbers_bytes;
    if (added_bytes > 0) memcpy(next, edit->added, added_bytes);
    next += added_bytes;
    if (dropped_bytes > 0) memcpy(next, edit->dropped, dropped_bytes);
    head.checksum = edit_checksum(&head, body);
    memcpy(place, &head, sizeof head);
    target->size_bytes += sizeof head + body_bytes;
    return STATUS_OK;
}

enum status manifest_seal_encode(struct buffer *target, struct error *error)
{
    struct manifest_edit_head head = {.magic = MANIFEST_EDIT_MAGIC};
    head.checksum = edit_checksum(&head, "");
    return buffer_add(target, &head, sizeof head, error);
}

size_t manifest_edit_bytes(const uint8_t *bytes, size_t size, size_t offset)
{
    struct manifest_edit_head head;
    if (offset > size || size - offset < sizeof head) return 0;
    memcpy(&head, bytes + offset, sizeof head);
    if (head.magic != MANIFEST_EDIT_MAGIC) return 0;
    if (head.body_bytes % 8 != 0 || head.body_bytes > size - offset - sizeof head) return 0;
    if (head.checksum != edit_checksum(&head, bytes + offset + sizeof head)) return 0;
    return sizeof head + head.body_bytes;
}

size_t manifest_edit_find(const uint8_t *bytes, size_t size, size_t offset)
{
    for (; offset < size; offset += 8) {
        if (manifest_edit_bytes(bytes, size, offset) > 0) return offset;
    }
    return size;
}

/* A view of the body's parts, whose lengths it has checked. False when they do not add up. */
static bool edit_body_split(const uint8_t *body, size_t body_bytes,
                            struct manifest_edit_state *fields, const uint8_t **out_generations,
                            const uint8_t **out_added, const uint8_t **out_dropped)
{
    struct bytes_reader reader = {.next = body, .end = body + body_bytes};
    const uint8_t *taken = bytes_take(&reader, sizeof *fields);
    if (!taken) return false;
    memcpy(fields, taken, sizeof *fields);
    if (fields->generation_count > MANIFEST_GENERATIONS_MAX || fields->reserved != 0) return false;
    if (fields->added_count > MANIFEST_SEGMENTS_MAX) return false;
    if (fields->dropped_count > MANIFEST_SEGMENTS_MAX) return false;
    *out_generations = bytes_take(&reader, generations_bytes(fields->generation_count));
    *out_added = bytes_take(&reader, fields->added_count * sizeof(struct manifest_segment));
    *out_dropped = bytes_take(&reader, fields->dropped_count * sizeof(uint64_t));
    return !reader.failed && reader.next == reader.end;
}

static struct manifest_state edit_fields(const struct manifest_edit_state *fields,
                                         const uint8_t *generations)
{
    struct manifest_state state = {
        .store = fields->store,
        .node = fields->node,
        .generation_count = fields->generation_count,
        .wal_file_bytes = fields->wal_file_bytes,
        .flushed_position = fields->flushed_position,
        .flushed_sequence = fields->flushed_sequence,
        .clock_ceiling = fields->clock_ceiling,
        .next_number = fields->next_number,
        .snapshot_number = fields->snapshot_number,
        .frontier_number = fields->frontier_number,
    };
    memcpy(state.name_space, fields->name_space, sizeof state.name_space);
    memcpy(state.generations, generations, fields->generation_count * sizeof(uint32_t));
    if (state.generation_count > 0)
        state.generation = state.generations[fields->generation_count - 1];
    return state;
}

enum status manifest_edit_follow(struct manifest_state *state, const uint8_t *edit,
                                 struct error *error)
{
    struct manifest_edit_head head;
    memcpy(&head, edit, sizeof head);
    if (head.body_bytes == 0) return STATUS_OK; /* a seal */

    struct manifest_edit_state fields;
    const uint8_t *generations, *added, *dropped;
    if (!edit_body_split(edit + sizeof head, head.body_bytes, &fields, &generations, &added,
                         &dropped)) {
        return error_set(error, STATUS_CORRUPT, "lengths in an edit contradict each other");
    }
    struct manifest_state told = edit_fields(&fields, generations);
    struct manifest_edit step = {
        .state = &told,
        .added = (const struct manifest_segment *)(const void *)added,
        .added_count = fields.added_count,
        .dropped = (const uint64_t *)(const void *)dropped,
        .dropped_count = fields.dropped_count,
    };
    struct manifest_state after;
    enum status status = manifest_state_after(state, &step, &after, error);
    if (status == STATUS_NO_MEMORY) return status;
    if (status < 0) return error_set(error, STATUS_CORRUPT, "an edit that does not fit");
    free(state->segments);
    *state = after;
    return STATUS_OK;
}
