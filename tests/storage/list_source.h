/* List source: random sources made of lists, for tests of what merges them.
 *
 * They destroy what they had loaded whenever they are stepped behind it, so that a sanitizer sees a
 * stale look, and cut their batches anywhere: within cells, too. */
#ifndef TESTS_STORAGE_LIST_SOURCE_H
#define TESTS_STORAGE_LIST_SOURCE_H

#include "storage/base/random.h"
#include "storage/merge.h"
#include "tests/unit.h"

enum {
    LIST_SOURCES_MAX = 9,
    LIST_ROWS_MAX = 80,
    LIST_BATCH_MAX = 12,
    LIST_TEXT_BYTES_MAX = 20,
    LIST_SEQUENCE_MAX = 1000,
};

struct source_row {
    int64_t time_ns;
    struct entry entry;
    uint64_t sequence; /* of the batch it comes in */
};

/* The columns of a loaded batch: one allocation each time, with copies of the texts. */
struct source_columns {
    int64_t times_ns[LIST_BATCH_MAX];
    uint64_t values[LIST_BATCH_MAX];
    uint32_t qualities[LIST_BATCH_MAX];
    uint8_t kinds[LIST_BATCH_MAX];
    uint64_t clocks[LIST_BATCH_MAX];
    uint32_t generations[LIST_BATCH_MAX];
    uint64_t origins[LIST_BATCH_MAX];
    const struct text_value *notes[LIST_BATCH_MAX];
    uint32_t texts[2 * LIST_BATCH_MAX][1 + LIST_TEXT_BYTES_MAX / sizeof(uint32_t)];
    size_t text_count;
};

struct list_source {
    struct source source;
    struct source_row rows[LIST_ROWS_MAX];
    size_t batch_ends[LIST_ROWS_MAX];
    size_t row_count, batch_count, batch_next;
    size_t fails_at; /* batch; above batch_count: none */
    struct source_columns *columns;
};

static inline const struct text_value *source_columns_text(struct source_columns *columns,
                                                           const struct text_value *text)
{
    void *copy = columns->texts[columns->text_count++];
    memcpy(copy, text, sizeof *text + text->size_bytes);
    return copy;
}

static inline bool source_entry_has_text(const struct entry *entry)
{
    return entry->type == VALUE_TEXT && entry->kind != ENTRY_DELETION;
}

static inline void source_columns_put(struct source_columns *columns, size_t index,
                                      const struct source_row *row)
{
    const struct entry *entry = &row->entry;
    columns->times_ns[index] = row->time_ns;
    columns->values[index] =
        source_entry_has_text(entry)
            ? value_from_text(source_columns_text(columns, value_text(entry->value)))
            : entry->value;
    columns->qualities[index] = entry->quality;
    columns->kinds[index] = entry->kind;
    columns->clocks[index] = entry->clock;
    columns->generations[index] = entry->generation;
    columns->origins[index] = entry->origin;
    columns->notes[index] = entry->note ? source_columns_text(columns, entry->note) : NULL;
}

static inline enum status list_source_refill(struct source *base, struct error *out_error)
{
    struct list_source *list = (struct list_source *)base;
    free(list->columns);
    list->columns = NULL;
    if (list->batch_next == list->fails_at) {
        return error_set(out_error, STATUS_CORRUPT, "a block of a source");
    }
    if (list->batch_next == list->batch_count) return STATUS_END;
    size_t first = list->batch_next > 0 ? list->batch_ends[list->batch_next - 1] : 0;
    size_t count = list->batch_ends[list->batch_next++] - first;
    struct source_columns *columns = calloc(1, sizeof *columns);
    ck_assert_ptr_nonnull(columns);
    for (size_t i = 0; i < count; i++) source_columns_put(columns, i, &list->rows[first + i]);
    list->columns = columns;
    base->sequence = list->rows[first].sequence;
    base->next = 0;
    base->batch = (struct batch){
        .sample_count = (uint32_t)count,
        .times_ns = columns->times_ns,
        .values = columns->values,
        .qualities = columns->qualities,
        .type = list->rows[first].entry.type,
        .kinds = columns->kinds,
        .clocks = columns->clocks,
        .generations = columns->generations,
        .origins = columns->origins,
        .notes = columns->notes,
    };
    return STATUS_OK;
}

struct source_world {
    struct random random;
    struct arena texts;
    struct list_source sources[LIST_SOURCES_MAX];
    size_t source_count;
    struct source_row rows[LIST_SOURCES_MAX * LIST_ROWS_MAX]; /* of all: the twin; sorted */
    size_t row_count;
};

static inline const struct text_value *source_world_text(struct source_world *world)
{
    uint32_t size = (uint32_t)random_below(&world->random, LIST_TEXT_BYTES_MAX + 1);
    struct text_value *text = arena_take(&world->texts, text_value_bytes(size));
    ck_assert_ptr_nonnull(text);
    text->size_bytes = size;
    memset(text->bytes, 'a' + (int)random_below(&world->random, 20), size);
    return text;
}

/* Few values, so that equal entries come up. */
static inline struct entry source_world_entry(struct source_world *world, bool is_run, uint8_t type)
{
    struct random *random = &world->random;
    struct entry entry = {.type = type, .origin = random_below(random, 3)};
    if (!is_run) entry.kind = (uint8_t)random_below(random, 3);
    if (entry.kind != ENTRY_COLLECTED || random_chance(random, 1, 3)) {
        entry.clock = 1 + random_below(random, 3);
    }
    if (entry.kind != ENTRY_COLLECTED && random_chance(random, 1, 2)) {
        entry.note = source_world_text(world);
    }
    if (entry.kind == ENTRY_DELETION) return entry;
    entry.value =
        type == VALUE_TEXT ? value_from_text(source_world_text(world)) : random_below(random, 4);
    return entry;
}

static inline void list_source_make(struct source_world *world, struct list_source *list,
                                    int64_t span_ns)
{
    struct random *random = &world->random;
    bool is_run = random_chance(random, 1, 2);
    int64_t time_ns = (int64_t)random_below(random, (uint64_t)span_ns);
    *list = (struct list_source){
        .source = {.is_run = is_run, .refill = list_source_refill},
        .row_count = 1 + random_below(random, LIST_ROWS_MAX),
        .fails_at = SIZE_MAX,
    };
    uint8_t type = VALUE_I64;
    uint64_t sequence = 0;
    for (size_t i = 0, left = 0; i < list->row_count; i++, left--) {
        if (left == 0) {
            left = 1 + random_below(random, LIST_BATCH_MAX);
            if (i > 0) list->batch_ends[list->batch_count++] = i;
            type = random_chance(random, 1, 2) ? VALUE_TEXT : VALUE_I64;
            sequence = 1 + random_below(random, LIST_SEQUENCE_MAX);
        }
        list->rows[i] =
            (struct source_row){time_ns, source_world_entry(world, is_run, type), sequence};
        world->rows[world->row_count++] = list->rows[i];
        /* Steps or stays; sometimes far, so that others run alone. */
        if (is_run || random_chance(random, 1, 2)) time_ns++;
        if (random_chance(random, 1, 10)) time_ns += (int64_t)random_below(random, 30);
    }
    list->batch_ends[list->batch_count++] = list->row_count;
}

static inline int source_row_order(const void *left, const void *right)
{
    const struct source_row *a = left;
    const struct source_row *b = right;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return entry_compare(&a->entry, &b->entry);
}

static inline void source_world_begin(struct source_world *world, uint64_t seed,
                                      struct merge *merge)
{
    struct error error;
    *world = (struct source_world){0};
    random_init(&world->random, seed);
    arena_init(&world->texts, 1 << 24);
    world->source_count = random_below(&world->random, LIST_SOURCES_MAX + 1);
    int64_t span_ns = 1 + (int64_t)random_below(&world->random, 200);
    for (size_t i = 0; i < world->source_count; i++) {
        struct list_source *list = &world->sources[i];
        list_source_make(world, list, span_ns);
        ASSERT_OK(list_source_refill(&list->source, &error), &error);
        ASSERT_OK(merge_add(merge, &list->source, &error), &error);
    }
    qsort(world->rows, world->row_count, sizeof world->rows[0], source_row_order);
}

static inline void source_world_end(struct source_world *world)
{
    for (size_t i = 0; i < world->source_count; i++) free(world->sources[i].columns);
    arena_finish(&world->texts);
}

#endif
