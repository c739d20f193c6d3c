/* Segment content: a random list of entries, a segment made of it, and a comparison of both. */
#ifndef TESTS_STORAGE_SEGMENT_CONTENT_H
#define TESTS_STORAGE_SEGMENT_CONTENT_H

#include "storage/base/arena.h"
#include "storage/base/file_memory.h"
#include "storage/base/random.h"
#include "storage/block.h"
#include "storage/segment_reader.h"
#include "storage/segment_writer.h"
#include "tests/unit.h"

#define CONTENT_DIRECTORY "segments"
#define CONTENT_PATH CONTENT_DIRECTORY "/0000000000000001.segment"
enum { CONTENT_CALL_MAX = 200, CONTENT_MIXED_TAGS_MAX = 3 };

struct content_row {
    struct identity identity;
    uint8_t kind; /* enum block_kind */
    int64_t time_ns;
    struct entry entry;
    uint64_t sequence;
};

/* In order of identity, kind, time, entry. */
struct content {
    struct arena arena; /* owns rows and texts */
    struct content_row *rows;
    size_t count;
    uint32_t mixed_samples_max; /* 0: every tag has blocks of its own */
};

struct content_shape {
    size_t tags_max;
    size_t rows_max; /* of a tag and kind */
    size_t text_bytes_max;
    uint32_t mixed_samples_max; /* for the test that asks for it */
};

static inline const struct text_value *content_text(struct content *content, struct random *random,
                                                    size_t bytes_max)
{
    uint32_t size = (uint32_t)random_below(random, bytes_max + 1);
    struct text_value *text = arena_take(&content->arena, text_value_bytes(size));
    ck_assert_ptr_nonnull(text);
    text->size_bytes = size;
    memset(text->bytes, 'a' + (int)random_below(random, 3), size);
    if (size > 0) text->bytes[random_below(random, size)] = 'z';
    /* Long ones do not compress. */
    for (uint32_t i = 0; size > 1000 && i + 8 <= size; i += 8) {
        uint64_t word = random_u64(random);
        memcpy(text->bytes + i, &word, sizeof word);
    }
    return text;
}

static inline uint64_t content_value(struct content *content, struct random *random, uint8_t type,
                                     size_t text_bytes_max)
{
    switch ((enum value_type)type) {
    case VALUE_F64:
    case VALUE_I64: return random_u64(random) >> random_below(random, 64);
    case VALUE_F32: return random_below(random, UINT32_MAX);
    case VALUE_BOOL: return random_below(random, 2);
    case VALUE_STATE: return random_below(random, 5);
    case VALUE_TEXT: break;
    }
    return value_from_text(content_text(content, random, text_bytes_max));
}

/* Mostly what a plant has: collected in order, good, of one node. */
static inline struct entry content_entry(struct content *content, struct random *random,
                                         uint8_t kind, uint8_t type, size_t text_bytes_max)
{
    struct entry entry = {.type = type, .origin = 100};
    if (random_chance(random, 1, 5)) entry.origin += random_below(random, 4);
    if (kind == BLOCK_HISTORY) entry.kind = (uint8_t)random_below(random, 3);
    if (entry.kind != ENTRY_COLLECTED || random_chance(random, 1, 5)) {
        entry.clock = 1 + random_below(random, 3);
        entry.generation = (uint32_t)random_below(random, 2);
    }
    if (entry.kind != ENTRY_COLLECTED && random_chance(random, 1, 2)) {
        entry.note = content_text(content, random, 20);
    }
    if (entry.kind == ENTRY_DELETION) return entry;
    entry.value = content_value(content, random, type, text_bytes_max);
    if (random_chance(random, 1, 6)) entry.quality = (uint32_t)random_below(random, 3) << 30;
    return entry;
}

static inline int content_row_order(const void *left, const void *right)
{
    const struct content_row *a = left, *b = right;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return entry_compare(&a->entry, &b->entry);
}

/* Rows of one tag and kind; returns how many there are once sorted and told apart. */
static inline size_t content_add_rows(struct content *content, struct random *random,
                                      const struct content_shape *shape, struct identity identity,
                                      uint8_t kind)
{
    struct content_row *rows = content->rows + content->count;
    size_t count = 1 + random_below(random, shape->rows_max);
    uint8_t type = (uint8_t)(VALUE_F64 + random_below(random, VALUE_TEXT));
    int64_t time_ns = (int64_t)random_below(random, 1000) - 500;
    for (size_t i = 0; i < count; i++) {
        if (random_chance(random, 1, 30)) {
            type = (uint8_t)(VALUE_F64 + random_below(random, VALUE_TEXT));
        }
        time_ns += kind == BLOCK_MAIN ? 1 + (int64_t)random_below(random, 10)
                                      : (int64_t)random_below(random, 2);
        rows[i] = (struct content_row){
            .identity = identity,
            .kind = kind,
            .time_ns = time_ns,
            .entry = content_entry(content, random, kind, type, shape->text_bytes_max)};
    }
    qsort(rows, count, sizeof *rows, content_row_order);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (content_row_order(&rows[kept - 1], &rows[i]) < 0) rows[kept++] = rows[i];
    }
    return kept;
}

static inline void content_make(struct content *content, struct random *random,
                                const struct content_shape *shape)
{
    *content = (struct content){0};
    arena_init(&content->arena, (size_t)1 << 30);
    size_t tag_count = 1 + random_below(random, shape->tags_max);
    content->rows =
        arena_take_raw(&content->arena, 2 * tag_count * shape->rows_max * sizeof *content->rows);
    struct identity identity = {0};
    for (size_t i = 0; i < tag_count; i++) {
        if (random_chance(random, 1, 2)) {
            identity.high++;
            identity.low = random_u64(random) / 2;
        }
        identity.low++;
        uint64_t kinds = 1 + random_below(random, 3);
        for (int kind = BLOCK_MAIN; kind <= BLOCK_HISTORY; kind++) {
            if ((kinds >> kind & 1) == 0) continue;
            content->count += content_add_rows(content, random, shape, identity, (uint8_t)kind);
        }
    }
}

static inline void content_finish(struct content *content)
{
    arena_finish(&content->arena);
}

static inline bool content_same_tag(const struct content_row *left, const struct content_row *right)
{
    return identity_compare(left->identity, right->identity) == 0 && left->kind == right->kind;
}

/* Columns of a call. */
struct content_call {
    int64_t times_ns[CONTENT_CALL_MAX];
    uint64_t values[CONTENT_CALL_MAX];
    uint32_t qualities[CONTENT_CALL_MAX];
    uint8_t types[CONTENT_CALL_MAX];
    uint8_t kinds[CONTENT_CALL_MAX];
    uint64_t clocks[CONTENT_CALL_MAX];
    uint32_t generations[CONTENT_CALL_MAX];
    uint64_t origins[CONTENT_CALL_MAX];
    const struct text_value *notes[CONTENT_CALL_MAX];
};

static inline void content_fill(struct content_call *call, const struct content_row *rows,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &rows[i].entry;
        call->times_ns[i] = rows[i].time_ns;
        call->values[i] = entry->value;
        call->qualities[i] = entry->quality;
        call->types[i] = entry->type;
        call->kinds[i] = entry->kind;
        call->clocks[i] = entry->clock;
        call->generations[i] = entry->generation;
        call->origins[i] = entry->origin;
        call->notes[i] = entry->note;
    }
}

static inline bool content_all_same(const void *column, size_t bytes, size_t count)
{
    return count == 1 || memcmp(column, (const char *)column + bytes, bytes * (count - 1)) == 0;
}

/* The rows as a batch; columns that are the same for all are left out, mostly. */
static inline struct batch content_batch(struct content_call *call, struct random *random,
                                         const struct content_row *rows, size_t count)
{
    content_fill(call, rows, count);
    struct batch batch = {.sample_count = (uint32_t)count,
                          .times_ns = call->times_ns,
                          .values = call->values,
                          .type = call->types[0],
                          .kind = call->kinds[0],
                          .clock = call->clocks[0],
                          .generation = call->generations[0],
                          .origin = call->origins[0]};
    bool keeps = random_chance(random, 1, 3);
    static const uint32_t good;
    static const struct text_value *const none;
#define CONTENT_COLUMN(name) \
    if (keeps || !content_all_same(call->name, sizeof call->name[0], count)) batch.name = call->name
    CONTENT_COLUMN(qualities);
    CONTENT_COLUMN(types);
    CONTENT_COLUMN(kinds);
    CONTENT_COLUMN(clocks);
    CONTENT_COLUMN(generations);
    CONTENT_COLUMN(origins);
    CONTENT_COLUMN(notes);
#undef CONTENT_COLUMN
    if (!batch.qualities && call->qualities[0] != good) batch.qualities = call->qualities;
    if (!batch.notes && call->notes[0] != none) batch.notes = call->notes;
    if (count == 1 && keeps) {
        batch.times_ns = NULL;
        batch.time_ns = call->times_ns[0];
    }
    return batch;
}

/* Hands all rows to the writer, in calls of any length. */
static inline enum status content_write(struct content *content, struct random *random,
                                        struct segment_writer *writer, struct error *error)
{
    static struct content_call call;
    for (size_t first = 0, count; first < content->count; first += count) {
        struct content_row *rows = content->rows + first;
        size_t count_max = 1 + random_below(random, CONTENT_CALL_MAX);
        count = 1;
        while (count < count_max && first + count < content->count &&
               content_same_tag(&rows[0], &rows[count])) {
            count++;
        }
        struct batch batch = content_batch(&call, random, rows, count);
        uint64_t sequence = 1 + random_below(random, 1000);
        for (size_t i = 0; i < count; i++) rows[i].sequence = sequence;
        enum status status = segment_writer_add(
            writer, rows[0].identity, (enum block_kind)rows[0].kind, &batch, sequence, error);
        if (status < 0) return status;
        memset(&call, 0xaa, sizeof call); /* the batch was borrowed for the call only */
    }
    return STATUS_OK;
}

/* Makes the whole file CONTENT_PATH. */
static inline enum status content_segment(struct content *content, struct random *random,
                                          struct file_system *disk, uint32_t block_samples_max,
                                          struct error *error)
{
    struct segment_writer_options options = {.file_system = disk,
                                             .directory = CONTENT_DIRECTORY,
                                             .number = 1,
                                             .store = {5, 6},
                                             .level = 2,
                                             .block_samples_max = block_samples_max,
                                             .mixed_samples_max = content->mixed_samples_max,
                                             .mixed_tags_max = CONTENT_MIXED_TAGS_MAX};
    struct segment_writer *writer = NULL;
    enum status status = segment_writer_create(&writer, &options, error);
    if (status == STATUS_OK) status = content_write(content, random, writer, error);
    if (status == STATUS_OK) status = segment_writer_finish(writer, NULL, NULL, error);
    segment_writer_destroy(writer);
    return status;
}

/* Whether the batch is these rows. */
static inline bool content_equals(const struct content_row *rows, const struct batch *batch)
{
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry entry = batch_entry(batch, i);
        if (batch_time_ns(batch, i) != rows[i].time_ns) return false;
        if (entry_compare(&entry, &rows[i].entry) != 0) return false;
    }
    return true;
}

/* Memory for reading blocks. */
struct content_reading {
    struct segment_bytes bytes;
    struct arena found;
    struct arena decoded;
};

static inline void content_reading_init(struct content_reading *reading)
{
    segment_bytes_init(&reading->bytes);
    arena_init(&reading->found, (size_t)1 << 30);
    arena_init(&reading->decoded, (size_t)1 << 30);
}

static inline void content_reading_finish(struct content_reading *reading)
{
    segment_bytes_finish(&reading->bytes);
    arena_finish(&reading->found);
    arena_finish(&reading->decoded);
}

/* Reads and decodes one block. */
static inline enum status content_read(struct content_reading *reading, struct segment *segment,
                                       const struct block_descriptor *descriptor,
                                       struct batch *out_batch, struct error *error)
{
    const uint8_t *bytes;
    size_t bad;
    enum status status =
        segment_read_blocks(segment, descriptor, 1, &reading->bytes, &bytes, &bad, error);
    if (status < 0) return status;
    arena_reset(&reading->decoded);
    return block_decode(bytes, descriptor->block_bytes, &reading->decoded, out_batch);
}

/* An empty disk in memory with the directory on it. */
static inline struct file_memory *content_disk(struct error *error)
{
    struct file_memory *memory;
    ASSERT_OK(file_memory_create(&memory, error), error);
    struct file_system *disk = file_memory_system(memory);
    ASSERT_OK(file_create_directory(disk, CONTENT_DIRECTORY, error), error);
    ASSERT_OK(file_sync_directory(disk, "", error), error);
    return memory;
}

#endif
