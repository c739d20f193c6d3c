#include "storage/wal_frame.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"

/* Where each column begins, counted from the frame; a missing one is as wide as nothing. */
struct frame_layout {
    size_t tags;
    size_t times;
    size_t values;
    size_t qualities;
    size_t types;
    size_t clocks;
    size_t notes;
    size_t texts;
};

static size_t column_bytes(unsigned is_present, size_t count, size_t width)
{
    return is_present ? bytes_align(count * width, 8) : 0;
}

static struct frame_layout frame_layout(unsigned flags, size_t count)
{
    struct frame_layout at;
    at.tags = sizeof(struct wal_frame_header);
    at.times = at.tags + column_bytes(flags & WAL_FRAME_TAGS, count, sizeof(uint32_t));
    at.values = at.times + column_bytes(flags & WAL_FRAME_TIMES, count, sizeof(int64_t));
    at.qualities = at.values + count * sizeof(uint64_t);
    at.types = at.qualities + column_bytes(flags & WAL_FRAME_QUALITIES, count, sizeof(uint32_t));
    at.clocks = at.types + column_bytes(flags & WAL_FRAME_TYPES, count, sizeof(uint8_t));
    at.notes = at.clocks + column_bytes(flags & WAL_FRAME_CLOCKS, count, sizeof(uint64_t));
    at.texts = at.notes + column_bytes(flags & WAL_FRAME_NOTES, count, sizeof(uint64_t));
    return at;
}

/* ---- Encoding ------------------------------------------------------------------------------- */

static bool batch_has_texts(const struct batch *batch)
{
    if (batch->kind == ENTRY_DELETION) return false; /* its values are 0 */
    if (!batch->types) return batch->type == VALUE_TEXT;
    return memchr(batch->types, VALUE_TEXT, batch->sample_count) != NULL;
}

static bool batch_has_notes(const struct batch *batch)
{
    for (size_t i = 0; batch->notes && i < batch->sample_count; i++) {
        if (batch->notes[i]) return true;
    }
    return false;
}

static unsigned batch_flags(const struct batch *batch)
{
    unsigned flags = 0;
    if (batch->tags) flags |= WAL_FRAME_TAGS;
    if (batch->times_ns) flags |= WAL_FRAME_TIMES;
    if (batch->qualities) flags |= WAL_FRAME_QUALITIES;
    if (batch->types) flags |= WAL_FRAME_TYPES;
    if (batch->clocks) flags |= WAL_FRAME_CLOCKS;
    if (batch_has_notes(batch)) flags |= WAL_FRAME_NOTES;
    if (batch_has_texts(batch)) flags |= WAL_FRAME_TEXTS;
    return flags;
}

static size_t batch_text_bytes(const struct batch *batch, unsigned flags)
{
    size_t bytes = 0;
    for (size_t i = 0; (flags & WAL_FRAME_TEXTS) && i < batch->sample_count; i++) {
        if (batch_type(batch, i) != VALUE_TEXT) continue;
        bytes += text_value_bytes(value_text(batch->values[i])->size_bytes);
    }
    for (size_t i = 0; (flags & WAL_FRAME_NOTES) && i < batch->sample_count; i++) {
        if (batch->notes[i]) bytes += text_value_bytes(batch->notes[i]->size_bytes);
    }
    return bytes_align(bytes, 8);
}

size_t wal_frame_bytes(const struct batch *batch)
{
    unsigned flags = batch_flags(batch);
    return frame_layout(flags, batch->sample_count).texts + batch_text_bytes(batch, flags);
}

/* The last word is cleared first, so that the padding behind the column is zero. */
static void column_put(uint8_t *target, const void *column, size_t bytes)
{
    if (!column) return;
    bytes_put_u64(target + bytes_align(bytes, 8) - 8, 0);
    memcpy(target, column, bytes);
}

static size_t text_put(uint8_t *target, const struct text_value *text)
{
    size_t bytes = text_value_bytes(text->size_bytes);
    bytes_put_u32(target + bytes - sizeof(uint32_t), 0); /* the padding */
    memcpy(target, text, sizeof *text + text->size_bytes);
    return bytes;
}

static void texts_put(uint8_t *target, const struct frame_layout *at, const struct batch *batch,
                      unsigned flags)
{
    uint8_t *texts = target + at->texts;
    size_t end = 0;
    for (size_t i = 0; (flags & WAL_FRAME_TEXTS) && i < batch->sample_count; i++) {
        if (batch_type(batch, i) != VALUE_TEXT) continue;
        bytes_put_u64(target + at->values + i * sizeof(uint64_t), end);
        end += text_put(texts + end, value_text(batch->values[i]));
    }
    for (size_t i = 0; (flags & WAL_FRAME_NOTES) && i < batch->sample_count; i++) {
        const struct text_value *note = batch->notes[i];
        bytes_put_u64(target + at->notes + i * sizeof(uint64_t), note ? end : UINT64_MAX);
        if (note) end += text_put(texts + end, note);
    }
    if (end % 8 != 0) bytes_put_u32(texts + end, 0);
}

/* What holds for the fields of every frame's header; the writer asserts it, the reader asks. */
static bool frame_fields_are_valid(const struct wal_frame_header *header)
{
    unsigned flags = header->flags;
    bool is_explicit = header->kind != ENTRY_COLLECTED;
    if (header->magic != WAL_FRAME_MAGIC || (flags & ~(unsigned)WAL_FRAME_FLAGS) != 0) return false;
    if (header->sample_count < 1 || header->sample_count > WAL_FRAME_SAMPLES_MAX) return false;
    if (header->frame_bytes % 8 != 0 || header->frame_bytes > WAL_FRAME_BYTES_MAX) return false;
    if (header->frame_bytes < frame_layout(flags, header->sample_count).texts) return false;
    if (header->tag >= TAG_COUNT_MAX || !value_type_is_valid(header->type)) return false;
    if (header->kind > ENTRY_DELETION) return false;
    if (header->clock == 0 && (is_explicit || header->generation != 0)) return false; /* E2 */
    if ((flags & WAL_FRAME_TAGS) && (flags & WAL_FRAME_TIMES)) return false;          /* B2 */
    if ((flags & WAL_FRAME_NOTES) && ((flags & WAL_FRAME_TAGS) || !is_explicit))
        return false; /* B4 */
    return !(flags & WAL_FRAME_TEXTS) || header->kind != ENTRY_DELETION;
}

void wal_frame_encode(uint8_t *target, const struct batch *batch, uint64_t sequence, unsigned links)
{
    ASSERT(!batch->kinds && !batch->generations && !batch->origins);
    ASSERT((links & ~(unsigned)(WAL_FRAME_MORE | WAL_FRAME_AFTER)) == 0);
    size_t count = batch->sample_count;
    unsigned flags = batch_flags(batch);
    struct frame_layout at = frame_layout(flags, count);
    size_t bytes = at.texts + batch_text_bytes(batch, flags);

    column_put(target + at.tags, batch->tags, count * sizeof(uint32_t));
    column_put(target + at.times, batch->times_ns, count * sizeof(int64_t));
    column_put(target + at.values, batch->values, count * sizeof(uint64_t));
    column_put(target + at.qualities, batch->qualities, count * sizeof(uint32_t));
    column_put(target + at.types, batch->types, count * sizeof(uint8_t));
    column_put(target + at.clocks, batch->clocks, count * sizeof(uint64_t));
    if (flags & (WAL_FRAME_TEXTS | WAL_FRAME_NOTES)) texts_put(target, &at, batch, flags);

    struct wal_frame_header header = {
        .magic = WAL_FRAME_MAGIC,
        .frame_bytes = (uint32_t)bytes,
        .sequence = sequence,
        .origin = batch->origin,
        .clock = batch->clocks ? batch->clocks[0] : batch->clock,
        .time_ns = batch_time_ns(batch, 0),
        .generation = batch->generation,
        .tag = batch_tag(batch, 0),
        .sample_count = batch->sample_count,
        .flags = (uint16_t)(flags | links),
        .kind = batch->kind,
        .type = batch_type(batch, 0),
        .columns_checksum = hash32(target + sizeof header, bytes - sizeof header),
    };
    header.header_checksum = hash32(&header, offsetof(struct wal_frame_header, header_checksum));
    ASSERT(frame_fields_are_valid(&header));
    memcpy(target, &header, sizeof header);
}

/* ---- Decoding ------------------------------------------------------------------------------- */

bool wal_frame_header_is_valid(const uint8_t *bytes, size_t size)
{
    struct wal_frame_header header;
    if (size < sizeof header || bytes_get_u32(bytes) != WAL_FRAME_MAGIC) return false;
    memcpy(&header, bytes, sizeof header);
    size_t summed_bytes = offsetof(struct wal_frame_header, header_checksum);
    return header.header_checksum == hash32(&header, summed_bytes) /* W1 */ &&
           frame_fields_are_valid(&header) && header.frame_bytes <= size;
}

static bool tags_are_valid(const uint32_t *tags, size_t count)
{
    uint32_t greatest = 0;
    for (size_t i = 0; i < count; i++) greatest = tags[i] > greatest ? tags[i] : greatest;
    return greatest < TAG_COUNT_MAX;
}

/* Bits of any of them; good enough to find one that is too large, or not 0. */
static uint64_t values_united(const uint64_t *values, size_t count)
{
    uint64_t united = 0;
    for (size_t i = 0; i < count; i++) united |= values[i];
    return united;
}

static uint32_t qualities_united(const uint32_t *qualities, size_t count)
{
    uint32_t united = 0;
    for (size_t i = 0; i < count; i++) united |= qualities[i];
    return united;
}

static bool clocks_are_positive(const uint64_t *clocks, size_t count)
{
    uint64_t smallest = UINT64_MAX;
    for (size_t i = 0; i < count; i++) smallest = clocks[i] < smallest ? clocks[i] : smallest;
    return smallest > 0;
}

/* Texts are looked at where their pointers are made. */
static bool values_are_valid(const struct batch *batch)
{
    size_t count = batch->sample_count;
    if (!batch->types) {
        return batch->type == VALUE_TEXT ||
               value_is_valid(batch->type, values_united(batch->values, count));
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t type = batch->types[i];
        if (type != VALUE_TEXT && !value_is_valid(type, batch->values[i])) return false;
    }
    return true;
}

static bool types_are_valid(const uint8_t *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!value_type_is_valid(types[i])) return false;
    }
    return true;
}

static bool columns_are_valid(const struct batch *batch)
{
    size_t count = batch->sample_count;
    if (batch->tags && !tags_are_valid(batch->tags, count)) return false;
    if (batch->types && !types_are_valid(batch->types, count)) return false;
    bool needs_clock = batch->kind != ENTRY_COLLECTED || batch->generation != 0; /* E2 */
    if (batch->clocks && needs_clock && !clocks_are_positive(batch->clocks, count)) return false;
    if (batch->kind != ENTRY_DELETION) return values_are_valid(batch);
    return values_united(batch->values, count) == 0 &&
           (!batch->qualities || qualities_united(batch->qualities, count) == 0);
}

/* Texts lie one directly behind the other, so their offsets say nothing new but must agree. */
struct texts_reader {
    const uint8_t *bytes;
    size_t size;
    size_t next;
};

static const struct text_value *text_take(struct texts_reader *texts, uint64_t offset)
{
    size_t left_bytes = texts->size - texts->next;
    if (offset != texts->next || left_bytes < sizeof(uint32_t)) return NULL;
    uint32_t size_bytes = bytes_get_u32(texts->bytes + texts->next);
    if (size_bytes > TEXT_VALUE_BYTES_MAX || text_value_bytes(size_bytes) > left_bytes) return NULL;
    const void *text = texts->bytes + texts->next;
    texts->next += text_value_bytes(size_bytes);
    return text;
}

/* The values again, with addresses where offsets of texts are. */
static enum status values_link(struct texts_reader *texts, struct arena *arena, struct batch *batch)
{
    size_t count = batch->sample_count;
    uint64_t *values = arena_take_raw(arena, count * sizeof *values);
    if (!values) return STATUS_NO_MEMORY;
    memcpy(values, batch->values, count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        if (batch_type(batch, i) != VALUE_TEXT) continue;
        const struct text_value *text = text_take(texts, values[i]);
        if (!text) return STATUS_CORRUPT;
        values[i] = value_from_text(text);
    }
    batch->values = values;
    return STATUS_OK;
}

static enum status notes_link(struct texts_reader *texts, const uint64_t *offsets,
                              struct arena *arena, struct batch *batch)
{
    size_t count = batch->sample_count;
    const struct text_value **notes = arena_take_raw(arena, count * sizeof(struct text_value *));
    if (!notes) return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        notes[i] = NULL;
        if (offsets[i] == UINT64_MAX) continue;
        notes[i] = text_take(texts, offsets[i]);
        if (!notes[i]) return STATUS_CORRUPT;
    }
    batch->notes = notes;
    return STATUS_OK;
}

static enum status texts_link(const uint8_t *bytes, const struct wal_frame_header *header,
                              struct arena *arena, struct batch *batch)
{
    struct frame_layout at = frame_layout(header->flags, header->sample_count);
    struct texts_reader texts = {.bytes = bytes + at.texts, .size = header->frame_bytes - at.texts};
    enum status status = STATUS_OK;
    if (header->flags & WAL_FRAME_TEXTS) status = values_link(&texts, arena, batch);
    if (status < 0) return status;
    if (header->flags & WAL_FRAME_NOTES) {
        status = notes_link(&texts, (const void *)(bytes + at.notes), arena, batch);
    }
    if (status < 0) return status;
    return bytes_align(texts.next, 8) == texts.size ? STATUS_OK : STATUS_CORRUPT;
}

static const void *column_of(const uint8_t *bytes, unsigned is_present, size_t offset)
{
    return is_present ? bytes + offset : NULL;
}

enum status wal_frame_decode(const uint8_t *bytes, size_t size, struct arena *arena,
                             struct batch *out_batch, uint64_t *out_sequence, bool *out_more)
{
    if (!wal_frame_header_is_valid(bytes, size)) return STATUS_CORRUPT;
    struct wal_frame_header header;
    memcpy(&header, bytes, sizeof header);
    size_t columns_bytes = header.frame_bytes - sizeof header;
    if (header.columns_checksum != hash32(bytes + sizeof header, columns_bytes)) {
        return STATUS_CORRUPT; /* W1 */
    }

    unsigned flags = header.flags;
    struct frame_layout at = frame_layout(flags, header.sample_count);
    struct batch batch = {
        .sample_count = header.sample_count,
        .tag = header.tag,
        .tags = column_of(bytes, flags & WAL_FRAME_TAGS, at.tags),
        .time_ns = header.time_ns,
        .times_ns = column_of(bytes, flags & WAL_FRAME_TIMES, at.times),
        .values = column_of(bytes, true, at.values),
        .qualities = column_of(bytes, flags & WAL_FRAME_QUALITIES, at.qualities),
        .type = header.type,
        .types = column_of(bytes, flags & WAL_FRAME_TYPES, at.types),
        .kind = header.kind,
        .clock = header.clock,
        .clocks = column_of(bytes, flags & WAL_FRAME_CLOCKS, at.clocks),
        .generation = header.generation,
        .origin = header.origin,
    };
    if (!columns_are_valid(&batch)) return STATUS_CORRUPT;
    if (batch_has_texts(&batch) != ((flags & WAL_FRAME_TEXTS) != 0)) return STATUS_CORRUPT;
    enum status status = texts_link(bytes, &header, arena, &batch);
    if (status < 0) return status;

    *out_batch = batch;
    *out_sequence = header.sequence;
    *out_more = (flags & WAL_FRAME_MORE) != 0;
    return STATUS_OK;
}
