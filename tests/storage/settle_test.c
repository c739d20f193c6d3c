/* Goal:   what settles in a segment is each cell's greatest collected entry in the main blocks, and
 *         in the history blocks every explicit entry and the best of every other origin: no site's
 *         own data is erased by another's, and nothing else is kept.
 * Method: random sources (list_source.h) settle into a segment on a disk in memory, which is read
 *         back and compared with the rule, applied naively to all their rows. What was settled is
 *         then settled once more, alone: it must stay as it is. */
#include "storage/settle.h"

#include "storage/base/file_memory.h"
#include "tests/storage/list_source.h"

enum { ROWS_ALL = LIST_SOURCES_MAX * LIST_ROWS_MAX, BLOCK_ROWS = 7 };

static const struct identity identity = {5, 6};
static struct error error;

/* Entries of one kind of block, in order of time and entry; texts in the arena. */
struct content {
    struct source_row rows[ROWS_ALL];
    size_t count;
};

static void content_put(struct content *content, const struct source_row *row)
{
    ck_assert_uint_lt(content->count, ROWS_ALL);
    content->rows[content->count++] = *row;
}

/* ---- The rule ---- */

static bool is_best_of_origin(const struct source_row *rows, size_t count, size_t index)
{
    for (size_t i = index + 1; i < count; i++) {
        const struct entry *other = &rows[i].entry;
        if (other->kind == ENTRY_COLLECTED && other->origin == rows[index].entry.origin) {
            return false;
        }
    }
    return true;
}

/* One cell, its rows rising. */
static void expect_cell(const struct source_row *rows, size_t count, struct content *expected)
{
    const struct source_row *winner = NULL;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].entry.kind == ENTRY_COLLECTED) winner = &rows[i];
    }
    if (winner) content_put(&expected[BLOCK_MAIN], winner);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &rows[i].entry;
        bool is_repeated = i + 1 < count && entry_compare(entry, &rows[i + 1].entry) == 0;
        bool is_kept = entry->kind != ENTRY_COLLECTED ||
                       (entry->origin != winner->entry.origin && is_best_of_origin(rows, count, i));
        if (!is_repeated && is_kept) content_put(&expected[BLOCK_HISTORY], &rows[i]);
    }
}

static void expect(const struct source_world *world, struct content *expected)
{
    expected[BLOCK_MAIN].count = expected[BLOCK_HISTORY].count = 0;
    for (size_t first = 0, count; first < world->row_count; first += count) {
        count = 1;
        while (first + count < world->row_count &&
               world->rows[first + count].time_ns == world->rows[first].time_ns) {
            count++;
        }
        expect_cell(&world->rows[first], count, expected);
    }
}

/* ---- The segment ---- */

static struct segment_writer_options segment_options(struct file_memory *memory, uint64_t number)
{
    return (struct segment_writer_options){.file_system = file_memory_system(memory),
                                           .directory = "segments",
                                           .number = number,
                                           .block_samples_max = BLOCK_ROWS};
}

static void settle_all(struct file_memory *memory, uint64_t number, struct merge *merge)
{
    struct segment_writer_options options = segment_options(memory, number);
    struct segment_writer *writer = NULL;
    struct settle settle;
    ASSERT_OK(segment_writer_create(&writer, &options, &error), &error);
    ASSERT_OK(settle_init(&settle, writer, &error), &error);
    ASSERT_OK(settle_tag(&settle, identity, merge, &error), &error);
    ASSERT_OK(segment_writer_finish(writer, NULL, NULL, &error), &error);
    settle_finish(&settle);
    segment_writer_destroy(writer);
}

static void check_rows(struct segment *segment, enum block_kind kind,
                       const struct content *expected, uint64_t sequence_max)
{
    struct segment_source source;
    size_t next = 0;
    segment_source_init(&source);
    enum status status =
        segment_source_open(&source, segment, identity, kind, INT64_MIN, INT64_MAX, &error);
    while (status == STATUS_OK) {
        struct entry entry = batch_entry(&source.source.batch, source.source.next);
        ck_assert_uint_lt(next, expected->count);
        const struct source_row *row = &expected->rows[next++];
        ck_assert_int_eq(source_time_ns(&source.source), row->time_ns);
        ck_assert_int_eq(entry_compare(&entry, &row->entry), 0);
        ck_assert_uint_ge(source.source.sequence, row->sequence);
        ck_assert_uint_le(source.source.sequence, sequence_max);
        status = source_advance(&source.source, 1, &error);
    }
    ck_assert_int_eq(status, STATUS_END);
    ck_assert_uint_eq(next, expected->count);
    segment_source_finish(&source);
}

static struct segment *check_segment(struct file_memory *memory, uint64_t number,
                                     const struct content *expected)
{
    struct segment *segment = NULL;
    ASSERT_OK(segment_open(&segment, file_memory_system(memory), "segments", number, &error),
              &error);
    check_rows(segment, BLOCK_MAIN, &expected[BLOCK_MAIN], LIST_SEQUENCE_MAX);
    check_rows(segment, BLOCK_HISTORY, &expected[BLOCK_HISTORY], LIST_SEQUENCE_MAX);
    return segment;
}

/* As a compaction of this one segment would. */
static void settle_again(struct file_memory *memory, struct segment *segment, struct merge *merge,
                         const struct content *expected)
{
    struct segment_source sources[2];
    merge_reset(merge);
    for (int kind = BLOCK_MAIN; kind <= BLOCK_HISTORY; kind++) {
        segment_source_init(&sources[kind]);
        enum status status = segment_source_open(
            &sources[kind], segment, identity, (enum block_kind)kind, INT64_MIN, INT64_MAX, &error);
        if (status == STATUS_OK) ASSERT_OK(merge_add(merge, &sources[kind].source, &error), &error);
    }
    settle_all(memory, 2, merge);
    segment_unref(check_segment(memory, 2, expected));
    for (int kind = BLOCK_MAIN; kind <= BLOCK_HISTORY; kind++) {
        segment_source_finish(&sources[kind]);
    }
}

START_TEST(what_settles_is_what_the_rule_says)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t seeds = unit_number("BEDE_SEEDS", 150);
    struct source_world *world = malloc(sizeof *world);
    struct content *expected = calloc(2, sizeof *expected);
    ck_assert(world && expected);
    struct merge merge;
    merge_init(&merge);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct file_memory *memory = NULL;
        ASSERT_OK(file_memory_create(&memory, &error), &error);
        ASSERT_OK(file_create_directory(file_memory_system(memory), "segments", &error), &error);
        merge_reset(&merge);
        source_world_begin(world, seed, &merge);
        expect(world, expected);
        if (world->row_count > 0) { /* a segment is not empty */
            settle_all(memory, 1, &merge);
            struct segment *segment = check_segment(memory, 1, expected);
            settle_again(memory, segment, &merge, expected);
            segment_unref(segment);
        }
        source_world_end(world);
        file_memory_destroy(memory);
    }
    merge_finish(&merge);
    free(expected);
    free(world);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_settles_is_what_the_rule_says};
    return unit_run("settle", tests, sizeof tests / sizeof tests[0]);
}
