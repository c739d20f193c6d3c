#include "storage/source.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/block.h"

enum {
    READ_BYTES_FIRST = 32 << 10,
    READ_BYTES_MAX = 512 << 10,
    BAG_BATCH_SAMPLES = 1024,
};
#define ARENA_BYTES_MAX ((size_t)1 << 30)

enum status source_advance(struct source *source, size_t count, struct error *error)
{
    ASSERT(count <= source->batch.sample_count - source->next);
    source->next += count;
    if (source->next < source->batch.sample_count) return STATUS_OK;
    return source->refill(source, error);
}

size_t source_count_below(const struct source *source, int64_t limit_ns)
{
    const struct batch *batch = &source->batch;
    size_t left = batch->sample_count - source->next;
    if (batch_time_ns(batch, batch->sample_count - 1) < limit_ns) return left;

    /* Steps of rising width: cheap when two sources alternate, and when one runs far ahead. */
    size_t low = 0, step = 1; /* rows before low are below the limit */
    while (low + step <= left && batch_time_ns(batch, source->next + low + step - 1) < limit_ns) {
        low += step;
        step *= 2;
    }
    size_t high = low + step <= left ? low + step : left; /* row high - 1 is not below */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (batch_time_ns(batch, source->next + middle) < limit_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool source_trim(struct source *source, int64_t from_ns, int64_t to_ns)
{
    source->next = 0;
    if (batch_time_ns(&source->batch, source->batch.sample_count - 1) >= to_ns) {
        source->batch.sample_count = (uint32_t)source_count_below(source, to_ns);
        if (source->batch.sample_count == 0) return false;
    }
    if (batch_time_ns(&source->batch, 0) < from_ns) {
        source->next = source_count_below(source, from_ns);
    }
    return source->next < source->batch.sample_count;
}

void segment_source_init(struct segment_source *source)
{
    *source = (struct segment_source){0};
    segment_bytes_init(&source->bytes);
    arena_init(&source->found, ARENA_BYTES_MAX);
    arena_init(&source->decoded, ARENA_BYTES_MAX);
}

void segment_source_finish(struct segment_source *source)
{
    segment_bytes_finish(&source->bytes);
    arena_finish(&source->found);
    arena_finish(&source->decoded);
}

/* Reads as many of the following blocks as lie side by side and fit, more from time to time: one
 * sample should cost one block, a long pass few reads. */
static enum status segment_source_read(struct segment_source *source, struct error *error)
{
    size_t first = source->descriptor_next;
    size_t count = 1;
    const struct block_descriptor *descriptors = source->descriptors;
    uint64_t end = descriptors[first].offset + descriptors[first].block_bytes;
    while (first + count < source->descriptor_count &&
           descriptors[first + count].offset == bytes_align(end, 8) &&
           descriptors[first + count].offset + descriptors[first + count].block_bytes -
                   descriptors[first].offset <=
               source->read_bytes_max) {
        end = descriptors[first + count].offset + descriptors[first + count].block_bytes;
        count++;
    }
    if (source->read_bytes_max < READ_BYTES_MAX) source->read_bytes_max *= 2;

    size_t bad;
    source->read_count = 0;
    enum status status = segment_read_blocks(source->segment, &descriptors[first], count,
                                             &source->bytes, &source->read_bytes, &bad, error);
    if (status < 0) return status;
    source->read_first = first;
    source->read_count = count;
    return STATUS_OK;
}

enum status segment_source_next_block(struct segment_source *source,
                                      const struct block_descriptor **out_descriptor,
                                      const uint8_t **out_block, struct error *error)
{
    size_t index = source->descriptor_next;
    if (index == source->descriptor_count) return STATUS_END;
    if (index >= source->read_first + source->read_count) {
        enum status status = segment_source_read(source, error);
        if (status < 0) return status;
    }
    source->descriptor_next++;
    *out_descriptor = &source->descriptors[index];
    *out_block = source->read_bytes + (source->descriptors[index].offset -
                                       source->descriptors[source->read_first].offset);
    return STATUS_OK;
}

static enum status segment_source_refill(struct source *base, struct error *error)
{
    struct segment_source *source = (struct segment_source *)base;
    const struct block_descriptor *descriptor;
    const uint8_t *block;
    enum status status;
    while ((status = segment_source_next_block(source, &descriptor, &block, error)) == STATUS_OK) {
        arena_reset(&source->decoded);
        status = block_decode(block, descriptor->block_bytes, &source->decoded, &base->batch);
        if (status < 0) {
            return error_set(error, status, "%s: block at %llu cannot be decoded",
                             segment_path(source->segment), (unsigned long long)descriptor->offset);
        }
        base->sequence = descriptor->sequence;
        if (source_trim(base, source->from_ns, source->to_ns)) return STATUS_OK;
    }
    return status;
}

void segment_source_set(struct segment_source *source, struct segment *segment,
                        enum block_kind kind, const struct block_descriptor *descriptors,
                        size_t count)
{
    source->source = (struct source){.is_run = kind == BLOCK_MAIN, .refill = segment_source_refill};
    source->segment = segment;
    source->from_ns = INT64_MIN;
    source->to_ns = INT64_MAX;
    source->descriptors = descriptors;
    source->descriptor_count = count;
    source->descriptor_next = 0;
    source->read_first = 0;
    source->read_count = 0;
    source->read_bytes_max = READ_BYTES_FIRST;
}

enum status segment_source_load(struct segment_source *source, struct error *error)
{
    return segment_source_refill(&source->source, error);
}

enum status segment_source_open_entry(struct segment_source *source, struct segment *segment,
                                      const struct segment_index_entry *entry, int64_t from_ns,
                                      int64_t to_ns, struct error *error)
{
    arena_reset(&source->found);
    const struct block_descriptor *descriptors;
    size_t count;
    enum status status = segment_descriptors(segment, entry, from_ns, to_ns, &source->found,
                                             &descriptors, &count, error);
    if (status < 0) return status;
    segment_source_set(source, segment, (enum block_kind)entry->kind, descriptors, count);
    source->from_ns = from_ns;
    source->to_ns = to_ns;
    return segment_source_load(source, error);
}

enum status segment_source_open(struct segment_source *source, struct segment *segment,
                                struct identity identity, enum block_kind kind, int64_t from_ns,
                                int64_t to_ns, struct error *error)
{
    struct segment_index_entry entry;
    enum status status = segment_find(segment, identity, kind, &entry, error);
    if (status == STATUS_NOT_FOUND) return STATUS_END;
    if (status < 0) return status;
    return segment_source_open_entry(source, segment, &entry, from_ns, to_ns, error);
}

void mixed_source_init(struct mixed_source *source)
{
    *source = (struct mixed_source){0};
    segment_bytes_init(&source->bytes);
    arena_init(&source->decoded, ARENA_BYTES_MAX);
}

void mixed_source_finish(struct mixed_source *source)
{
    segment_bytes_finish(&source->bytes);
    arena_finish(&source->decoded);
}

static enum status mixed_source_refill(struct source *base, struct error *error)
{
    (void)base;
    (void)error;
    return STATUS_END;
}

void mixed_source_set(struct mixed_source *source, const struct batch *batch, uint64_t sequence)
{
    source->source = (struct source){
        .batch = *batch, .sequence = sequence, .is_run = true, .refill = mixed_source_refill};
}

enum status mixed_source_open(struct mixed_source *source, struct segment *segment,
                              struct identity identity, int64_t from_ns, int64_t to_ns,
                              struct error *error)
{
    const struct mixed_descriptor *descriptor = segment_mixed_find(segment, identity);
    if (!descriptor) return STATUS_END;
    if (descriptor->last_time_ns < from_ns || descriptor->first_time_ns >= to_ns) return STATUS_END;
    struct batch batch;
    enum status status = segment_read_mixed_tag(segment, descriptor, identity, &source->bytes,
                                                &source->decoded, &batch, error);
    if (status == STATUS_NOT_FOUND) return STATUS_END;
    if (status < 0) return status;
    mixed_source_set(source, &batch, descriptor->sequence);
    return source_trim(&source->source, from_ns, to_ns) ? STATUS_OK : STATUS_END;
}

static enum status head_run_source_refill(struct source *base, struct error *error)
{
    (void)error;
    struct head_run_source *source = (struct head_run_source *)base;
    while (head_run_next(&source->run, &base->batch) == STATUS_OK) {
        if (source_trim(base, source->from_ns, source->to_ns)) return STATUS_OK;
    }
    return STATUS_END;
}

enum status head_run_source_open(struct head_run_source *source, const struct head *head,
                                 uint32_t tag, int64_t from_ns, int64_t to_ns, struct error *error)
{
    *source = (struct head_run_source){
        .source = {.is_run = true,
                   .refill = head_run_source_refill,
                   .sequence = head_tag_sequence(head, tag)},
        .run = head_run(head, tag),
        .from_ns = from_ns,
        .to_ns = to_ns,
    };
    return head_run_source_refill(&source->source, error);
}

/* The columns of a bag's batch; all of them, since nothing is the same for all. */
struct bag_columns {
    int64_t *times_ns;
    uint64_t *values;
    uint32_t *qualities;
    uint8_t *kinds;
    uint64_t *clocks;
    uint32_t *generations;
    uint64_t *origins;
    const struct text_value **notes;
};

static bool bag_columns_take(struct bag_columns *columns, struct arena *arena, size_t count)
{
    columns->times_ns = arena_take_raw(arena, count * sizeof(int64_t));
    columns->values = arena_take_raw(arena, count * sizeof(uint64_t));
    columns->qualities = arena_take_raw(arena, count * sizeof(uint32_t));
    columns->kinds = arena_take_raw(arena, count);
    columns->clocks = arena_take_raw(arena, count * sizeof(uint64_t));
    columns->generations = arena_take_raw(arena, count * sizeof(uint32_t));
    columns->origins = arena_take_raw(arena, count * sizeof(uint64_t));
    columns->notes = arena_take_raw(arena, count * sizeof(struct text_value *));
    return columns->times_ns && columns->values && columns->qualities && columns->kinds &&
           columns->clocks && columns->generations && columns->origins && columns->notes;
}

static enum status head_bag_source_refill(struct source *base, struct error *error)
{
    struct head_bag_source *source = (struct head_bag_source *)base;
    if (source->entry_next == source->entry_count) return STATUS_END;
    const struct head_entry *entries = source->entries + source->entry_next;
    size_t left = source->entry_count - source->entry_next;
    size_t count = 1;
    while (count < left && count < BAG_BATCH_SAMPLES &&
           entries[count].entry.type == entries[0].entry.type) { /* U2 */
        count++;
    }
    struct bag_columns columns;
    if (!bag_columns_take(&columns, source->arena, count)) {
        return error_set(error, STATUS_NO_MEMORY, "late samples of a tag");
    }
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i].entry;
        columns.times_ns[i] = entries[i].time_ns;
        columns.values[i] = entry->value;
        columns.qualities[i] = entry->quality;
        columns.kinds[i] = entry->kind;
        columns.clocks[i] = entry->clock;
        columns.generations[i] = entry->generation;
        columns.origins[i] = entry->origin;
        columns.notes[i] = entry->note;
    }
    base->batch = (struct batch){
        .sample_count = (uint32_t)count,
        .times_ns = columns.times_ns,
        .values = columns.values,
        .qualities = columns.qualities,
        .type = entries[0].entry.type,
        .kinds = columns.kinds,
        .clocks = columns.clocks,
        .generations = columns.generations,
        .origins = columns.origins,
        .notes = columns.notes,
    };
    base->next = 0;
    source->entry_next += count;
    return STATUS_OK;
}

enum status head_bag_source_open(struct head_bag_source *source, const struct head *head,
                                 uint32_t tag, int64_t from_ns, int64_t to_ns, struct arena *arena,
                                 struct error *error)
{
    struct head_entry *entries;
    size_t count;
    enum status status = head_bag(head, tag, from_ns, to_ns, arena, &entries, &count, error);
    if (status < 0) return status;
    *source = (struct head_bag_source){
        .source = {.refill = head_bag_source_refill, .sequence = head_tag_sequence(head, tag)},
        .entries = entries,
        .entry_count = count,
        .arena = arena,
    };
    return head_bag_source_refill(&source->source, error);
}
