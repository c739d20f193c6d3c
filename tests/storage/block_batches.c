#include "tests/storage/block_batches.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/bytes.h"

/* How varied the entries of one batch are: each is drawn from so many. */
struct variety {
    uint8_t type;
    enum block_kind kind;
    uint64_t values;
    uint64_t qualities;
    uint64_t clocks;
    uint64_t generations;
    uint64_t origins;
    uint64_t steps;
    bool has_notes;
};

struct row {
    int64_t time_ns;
    struct entry entry;
};

static uint64_t random_scale(struct random *random)
{
    static const uint64_t scales[] = {1, 1, 2, 50, 1u << 20};
    return scales[random_below(random, 5)];
}

static const struct text_value *random_text(struct random *random, struct arena *arena,
                                            uint64_t variety)
{
    uint64_t number = random_below(random, variety);
    uint32_t size = (uint32_t)(number % 40);
    uint8_t *text = arena_take(arena, text_value_bytes(size));
    bytes_put_u32(text, size);
    for (uint32_t i = 0; i < size; i++) text[sizeof size + i] = (uint8_t)(number * (i / 4 + 1));
    return (const struct text_value *)(const void *)text;
}

static uint64_t random_value(struct random *random, struct arena *arena,
                             const struct variety *variety)
{
    uint64_t number = random_below(random, variety->values);
    if (variety->type == VALUE_TEXT) {
        return value_from_text(random_text(random, arena, variety->values));
    }
    if (variety->type == VALUE_BOOL) return number % 2;
    if (variety->type == VALUE_F32) return number * 0x9e3779b1 & UINT32_MAX;
    if (variety->type == VALUE_F64) return number * 0x9e3779b97f4a7c15;
    return number - variety->values / 2;
}

static struct entry random_entry(struct random *random, struct arena *arena,
                                 const struct variety *variety)
{
    struct entry entry = {.type = variety->type};
    entry.clock = random_below(random, variety->clocks);
    entry.origin = 70 + random_below(random, variety->origins);
    entry.quality = (uint32_t)(random_below(random, variety->qualities) * 0x40000000);
    if (variety->kind == BLOCK_HISTORY) entry.kind = (uint8_t)random_below(random, 3);
    if (entry.kind != ENTRY_COLLECTED) entry.clock++; /* E2 */
    if (entry.clock > 0) entry.generation = (uint32_t)random_below(random, variety->generations);
    if (entry.kind == ENTRY_DELETION) {
        entry.quality = 0;
    } else {
        entry.value = random_value(random, arena, variety);
    }
    if (entry.kind != ENTRY_COLLECTED && variety->has_notes && random_chance(random, 1, 2)) {
        entry.note = random_text(random, arena, 1000);
    }
    return entry;
}

static int row_compare(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return entry_compare(&a->entry, &b->entry);
}

/* Rising as F3 asks; fewer than count when some came out equal. */
static size_t rows_fill(struct row *rows, size_t count, struct random *random, struct arena *arena,
                        const struct variety *variety)
{
    int64_t time_ns = 1700000000000000000 + (int64_t)random_below(random, 1000);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct row){time_ns, random_entry(random, arena, variety)};
        bool stays = variety->kind == BLOCK_HISTORY && random_chance(random, 1, 3);
        if (!stays) time_ns += 1000000 * (1 + (int64_t)random_below(random, variety->steps));
    }
    qsort(rows, count, sizeof *rows, row_compare);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (row_compare(&rows[kept - 1], &rows[i]) != 0) rows[kept++] = rows[i];
    }
    return kept;
}

/* Whether a column may be left out, and now and then is. */
#define IS_LEFT_OUT(member)                                                         \
    (all_equal(rows, count, offsetof(struct row, member), sizeof rows[0].member) && \
     random_chance(random, 1, 2))

static bool all_equal(const struct row *rows, size_t count, size_t offset, size_t size)
{
    const char *first = (const char *)rows + offset;
    for (size_t i = 1; i < count; i++) {
        if (memcmp(first, (const char *)&rows[i] + offset, size) != 0) return false;
    }
    return true;
}

static struct batch batch_of(const struct row *rows, size_t count, struct random *random,
                             struct arena *arena)
{
    int64_t *times_ns = arena_take(arena, count * sizeof *times_ns);
    uint64_t *values = arena_take(arena, count * sizeof *values);
    uint32_t *qualities = arena_take(arena, count * sizeof *qualities);
    uint8_t *kinds = arena_take(arena, count * sizeof *kinds);
    uint64_t *clocks = arena_take(arena, count * sizeof *clocks);
    uint32_t *generations = arena_take(arena, count * sizeof *generations);
    uint64_t *origins = arena_take(arena, count * sizeof *origins);
    const struct text_value **notes = arena_take(arena, count * sizeof *notes);
    for (size_t i = 0; i < count; i++) {
        times_ns[i] = rows[i].time_ns;
        values[i] = rows[i].entry.value;
        qualities[i] = rows[i].entry.quality;
        kinds[i] = rows[i].entry.kind;
        clocks[i] = rows[i].entry.clock;
        generations[i] = rows[i].entry.generation;
        origins[i] = rows[i].entry.origin;
        notes[i] = rows[i].entry.note;
    }
    const struct entry *first = &rows[0].entry;
    struct batch batch = {
        .sample_count = (uint32_t)count,
        .time_ns = rows[0].time_ns,
        .times_ns = times_ns,
        .values = values,
        .qualities = qualities,
        .type = first->type,
        .kind = first->kind,
        .kinds = kinds,
        .clock = first->clock,
        .clocks = clocks,
        .generation = first->generation,
        .generations = generations,
        .origin = first->origin,
        .origins = origins,
        .notes = notes,
    };
    if (IS_LEFT_OUT(time_ns)) batch.times_ns = NULL;
    if (first->quality == 0 && IS_LEFT_OUT(entry.quality)) batch.qualities = NULL;
    if (IS_LEFT_OUT(entry.kind)) batch.kinds = NULL;
    if (IS_LEFT_OUT(entry.clock)) batch.clocks = NULL;
    if (IS_LEFT_OUT(entry.generation)) batch.generations = NULL;
    if (IS_LEFT_OUT(entry.origin)) batch.origins = NULL;
    if (!first->note && IS_LEFT_OUT(entry.note)) batch.notes = NULL;
    return batch;
}

struct batch block_batch_random(struct random *random, struct arena *arena, enum block_kind kind,
                                uint8_t type, size_t count_max)
{
    /* One after the other: the order within an initializer is the compiler's. */
    struct variety variety = {.type = type, .kind = kind};
    variety.values = random_scale(random);
    variety.qualities = random_chance(random, 1, 2) ? 1 : 4;
    variety.clocks = random_chance(random, 1, 2) ? 1 : random_scale(random);
    variety.generations = random_scale(random);
    variety.origins = random_chance(random, 1, 2) ? 1 : 3;
    variety.steps = random_scale(random);
    variety.has_notes = random_chance(random, 1, 2);
    size_t count = 1 + random_below(random, count_max);
    struct row *rows = arena_take(arena, count * sizeof *rows);
    count = rows_fill(rows, count, random, arena, &variety);
    return batch_of(rows, count, random, arena);
}
