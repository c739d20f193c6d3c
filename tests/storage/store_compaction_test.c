/* Goal:   a compaction ends although flushes go on, makes segments that lie in their windows, leaves
 *         alone what nothing overlaps, and when it fails leaves no file behind that nothing names.
 * Method: a disk that appends and flushes whenever a merge has put a segment in place, and one whose
 *         calls fail, each once; samples of three days, and of fifty years; blocks before and after. */
#include "tests/storage/small_store.h"
#include "tests/storage/watched_disk.h"

enum { SEGMENTS = 24, FLUSHES_MAX = 50, DAY_SECONDS = 86400 };

/* Of four, three and two days ago. */
static int64_t second_of(int64_t index)
{
    return (index / (SEGMENTS / 3) - 4) * DAY_SECONDS + index;
}

/* One segment a sample; what the journal says of the tag is of today. */
static uint32_t begin(struct small_store *small)
{
    small_store_open(small);
    uint32_t tag = small_store_tag(small, "boiler.pressure", VALUE_I64);
    for (int64_t i = 0; i < SEGMENTS; i++) {
        ASSERT_OK(small_store_append(small, tag, second_of(i), (uint64_t)i), &small->error);
        ASSERT_OK(store_flush(small->store, &small->error), &small->error);
    }
    ck_assert_uint_eq(small_store_statistics(small).segment_count, SEGMENTS);
    return tag;
}

static void check_values(struct small_store *small, uint32_t tag, uint64_t count)
{
    struct store_range range = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of = UINT64_MAX};
    struct cursor *cursor;
    struct batch batch;
    uint64_t next = 0;
    enum status status;
    ASSERT_OK(store_cursor(small->store, tag, &range, &cursor, &small->error), &small->error);
    while ((status = cursor_next(cursor, &batch, &small->error)) == STATUS_OK) {
        for (size_t i = 0; i < batch.sample_count; i++) ck_assert_uint_eq(batch.values[i], next++);
    }
    ck_assert_int_eq(status, STATUS_END);
    cursor_close(cursor);
    ck_assert_uint_eq(next, count);
}

/* ---- Flushes that go on ---- */

/* A plant that does not stand still: after each merge, new samples are flushed. */
struct busy_plant {
    struct watched_disk disk;
    struct small_store *small;
    uint32_t tag;
    int64_t next_second;
    uint64_t flush_count;
    bool is_watching;
};

static void flush_more(void *context, const char *path)
{
    struct busy_plant *plant = context;
    struct small_store *small = plant->small;
    if (!plant->is_watching || !strstr(path, ".segment") || plant->flush_count >= FLUSHES_MAX) {
        return;
    }
    plant->is_watching = false; /* the flush renames, too */
    int64_t second = plant->next_second++;
    ASSERT_OK(small_store_append(small, plant->tag, second, (uint64_t)second), &small->error);
    ASSERT_OK(store_flush(small->store, &small->error), &small->error);
    plant->flush_count++;
    plant->is_watching = true;
}

START_TEST(a_compaction_ends_while_flushes_go_on)
{
    struct small_store small;
    small_store_init(&small);
    struct busy_plant plant = {.small = &small, .next_second = SEGMENTS};
    watched_disk_init(&plant.disk, small.options.file_system, flush_more, &plant);
    small.options.file_system = &plant.disk.file_system;
    plant.tag = begin(&small);
    plant.is_watching = true;
    ASSERT_OK(store_compact(small.store, true, &small.error), &small.error);
    plant.is_watching = false;
    struct store_statistics statistics = small_store_statistics(&small);
    ck_assert_uint_eq(statistics.compaction_count,
                      2); /* into days, and three of them into a month */
    ck_assert_uint_eq(plant.flush_count, 5);
    ck_assert_uint_eq(statistics.segment_count, 2 + 5); /* of what was there, and the new ones */
    check_values(&small, plant.tag, SEGMENTS + 5);
    ASSERT_OK(store_compact(small.store, true, &small.error), &small.error);
    ck_assert_uint_eq(small_store_statistics(&small).segment_count, 2);
    check_values(&small, plant.tag, SEGMENTS + 5);
    small_store_finish(&small);
}
END_TEST

/* ---- Failures ---- */

START_TEST(a_compaction_that_the_disk_fails_leaves_no_file_behind)
{
    bool is_met = true;
    uint64_t mended_count = 0, doubtful_count = 0;
    for (uint64_t step = 0; is_met; step++) {
        struct small_store small;
        small_store_init(&small);
        uint32_t tag = begin(&small);
        struct file_fault_plan plan = {
            .status = STATUS_NO_SPACE, .step = step, .part_per_1024 = 700};
        file_fault_plan(small.fault, &plan);
        enum status status = store_compact(small.store, true, &small.error);
        is_met = file_fault_is_met(small.fault);
        file_fault_plan(small.fault, NULL);
        ck_assert(status == STATUS_OK || is_met);
        uint64_t left_count = small_store_file_count(&small, "segments");
        uint64_t live_count = small_store_statistics(&small).segment_count;
        file_fault_plan(small.fault, NULL);
        bool is_done = store_compact(small.store, true, &small.error) == STATUS_OK;
        uint64_t call_count = file_fault_step_count(small.fault);
        if (is_done) {
            ck_assert_uint_eq(left_count, live_count);
            ck_assert_uint_eq(small_store_file_count(&small, "segments"), 2);
            mended_count++;
        } else {
            ck_assert_uint_le(left_count, live_count + 4);
            ck_assert_uint_eq(small_store_file_count(&small, "segments"), left_count);
            ck_assert_uint_eq(call_count, 0); /* nor is any written */
            doubtful_count++;
        }
        small_store_close(&small);
        small_store_open(&small);
        ck_assert_uint_eq(small_store_file_count(&small, "segments"),
                          small_store_statistics(&small).segment_count);
        check_values(&small, tag, SEGMENTS);
        small_store_finish(&small);
    }
    ck_assert_uint_ge(mended_count, 8);
    ck_assert_uint_le(doubtful_count, 4); /* two edits: the write and the sync of each */
}
END_TEST

/* ---- Damage ---- */

/* In the midst of the first block, while the store has the file open. */
static void damage(struct small_store *small, struct segment *segment)
{
    struct file *file;
    uint8_t byte;
    uint64_t offset = sizeof(struct segment_header) + sizeof(struct block_header) + 20;
    ASSERT_OK(file_open(file_memory_system(small->memory), &file, segment_path(segment), FILE_WRITE,
                        &small->error),
              &small->error);
    ASSERT_OK(file_read_at(file, &byte, 1, offset, &small->error), &small->error);
    byte ^= 0x40;
    ASSERT_OK(file_write_at(file, &byte, 1, offset, &small->error), &small->error);
    file_close(file);
}

START_TEST(a_damaged_segment_holds_up_no_other)
{
    struct small_store small;
    small_store_init(&small);
    (void)begin(&small);
    struct snapshot *snapshot = store_snapshot(small.store);
    damage(&small, snapshot->segments[3]);
    uint64_t number = segment_number(snapshot->segments[3]);
    snapshot_unref(snapshot);
    ASSERT_STATUS(STATUS_CORRUPT, store_compact(small.store, true, &small.error), &small.error);
    ASSERT_OK(store_compact(small.store, true, &small.error), &small.error);
    ck_assert_uint_eq(small_store_statistics(&small).segment_count, 3);
    snapshot = store_snapshot(small.store);
    ck_assert_uint_eq(segment_number(snapshot->segments[0]), number);
    snapshot_unref(snapshot);
    small_store_finish(&small);
}
END_TEST

/* ---- Windows ---- */

/* Every segment that a merge made lies where its level says. */
static void check_windows(struct small_store *small)
{
    struct snapshot *snapshot = store_snapshot(small->store);
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        const struct segment_footer *footer = segment_footer(snapshot->segments[i]);
        int64_t first_ns = footer->first_time_ns, last_ns = footer->last_time_ns;
        struct time_window day = time_window_day(first_ns), month = time_window_month(first_ns);
        uint32_t level = segment_level(snapshot->segments[i]);
        if (level == SEGMENT_DAY) ck_assert(time_window_holds(&day, first_ns, last_ns));
        if (level == SEGMENT_MONTH) ck_assert(time_window_holds(&month, first_ns, last_ns));
        if (level != SEGMENT_STRETCH) continue;
        struct time_window era = time_window_era(small->clock.wall_ns);
        ck_assert(last_ns < era.from_ns || first_ns >= era.to_ns);
    }
    snapshot_unref(snapshot);
}

/* Samples of fifty years, and a few that a broken clock gave times far away: more windows than one
 * merge has outputs. */
START_TEST(a_backfill_of_fifty_years_becomes_months)
{
    enum { MONTHS = 600, MONTH_SECONDS = 30 * DAY_SECONDS + 37800, STRAYS = 4 };
    struct small_store small;
    small_store_init(&small);
    small_store_open(&small);
    uint32_t tag = small_store_tag(&small, "boiler.pressure", VALUE_I64);
    for (int64_t i = 0; i < MONTHS; i++) {
        int64_t second = (i - MONTHS) * MONTH_SECONDS;
        ASSERT_OK(small_store_append(&small, tag, second, STRAYS / 2 + (uint64_t)i), &small.error);
    }
    for (int64_t i = 0; i < STRAYS / 2; i++) {
        int64_t years = 70 * INT64_C(365) * DAY_SECONDS;
        ASSERT_OK(small_store_append(&small, tag, i - years, (uint64_t)i), &small.error);
        ASSERT_OK(small_store_append(&small, tag, i + years, MONTHS + STRAYS / 2 + (uint64_t)i),
                  &small.error);
    }
    ASSERT_OK(store_flush(small.store, &small.error), &small.error);
    ASSERT_OK(store_compact(small.store, true, &small.error), &small.error);
    check_windows(&small);
    struct store_statistics statistics = small_store_statistics(&small);
    ck_assert_uint_ge(statistics.segment_count, MONTHS);
    ck_assert_uint_le(statistics.segment_count, MONTHS + 4); /* today, before, after, a split */
    check_values(&small, tag, MONTHS + STRAYS);
    small_store_close(&small);
    small_store_open(&small);
    check_values(&small, tag, MONTHS + STRAYS);
    small_store_finish(&small);
}
END_TEST

/* Nobody asks for merges, and no thread makes any: appends do, before segments pile up. */
START_TEST(appends_wait_while_flushed_segments_pile_up)
{
    enum { FLUSHES = 300, FLUSHED_MAX = 64 };
    struct small_store small;
    small_store_init(&small);
    small_store_open(&small);
    uint32_t tag = small_store_tag(&small, "boiler.pressure", VALUE_I64);
    for (int64_t i = 0; i < FLUSHES; i++) {
        ASSERT_OK(small_store_append(&small, tag, i, (uint64_t)i), &small.error);
        ASSERT_OK(store_flush(small.store, &small.error), &small.error);
        ck_assert_uint_le(small_store_statistics(&small).segment_count, FLUSHED_MAX + 8);
    }
    check_values(&small, tag, FLUSHES);
    small_store_finish(&small);
}
END_TEST

/* ---- Copies ---- */

enum { BLOCK = 16, COPY_SAMPLES = 160, BLOCKS_MAX = 64 };

struct seen_block {
    struct block_descriptor descriptor;
    uint8_t bytes[4096];
    bool is_found; /* afterwards, the same */
};

struct seen_blocks {
    struct seen_block blocks[BLOCKS_MAX];
    size_t count;
};

static struct identity identity_of(struct small_store *small, uint32_t tag)
{
    struct arena arena;
    struct tag_view view;
    arena_init(&arena, 1 << 16);
    ASSERT_OK(catalog_view(store_catalog(small->store), tag, &arena, &view, &small->error),
              &small->error);
    arena_finish(&arena);
    return view.identity;
}

/* Calls visit for every main block of the tag. */
static void each_block(struct small_store *small, uint32_t tag, struct seen_blocks *seen,
                       void (*visit)(struct seen_blocks *seen,
                                     const struct block_descriptor *descriptor,
                                     const uint8_t *block))
{
    struct identity identity = identity_of(small, tag);
    struct snapshot *snapshot = store_snapshot(small->store);
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        struct segment_source source;
        struct segment_index_entry entry;
        const struct block_descriptor *descriptors, *descriptor;
        const uint8_t *block;
        size_t descriptor_count;
        struct segment *segment = snapshot->segments[i];
        if (segment_find(segment, identity, BLOCK_MAIN, &entry, &small->error) != STATUS_OK) {
            continue;
        }
        segment_source_init(&source);
        ASSERT_OK(segment_descriptors(segment, &entry, INT64_MIN, INT64_MAX, &source.found,
                                      &descriptors, &descriptor_count, &small->error),
                  &small->error);
        segment_source_set(&source, segment, BLOCK_MAIN, descriptors, descriptor_count);
        while (segment_source_next_block(&source, &descriptor, &block, &small->error) ==
               STATUS_OK) {
            visit(seen, descriptor, block);
        }
        segment_source_finish(&source);
    }
    snapshot_unref(snapshot);
}

static void block_keep(struct seen_blocks *seen, const struct block_descriptor *descriptor,
                       const uint8_t *block)
{
    ck_assert(seen->count < BLOCKS_MAX && descriptor->block_bytes <= sizeof seen->blocks[0].bytes);
    struct seen_block *kept = &seen->blocks[seen->count++];
    kept->descriptor = *descriptor;
    memcpy(kept->bytes, block, descriptor->block_bytes);
}

/* But for its place in the file, and that of its origin. */
static void block_compare(struct seen_blocks *seen, const struct block_descriptor *descriptor,
                          const uint8_t *block)
{
    for (size_t i = 0; i < seen->count; i++) {
        struct seen_block *kept = &seen->blocks[i];
        struct block_descriptor before = kept->descriptor;
        before.offset = descriptor->offset;
        before.origin_index = descriptor->origin_index;
        if (memcmp(&before, descriptor, sizeof before) != 0) continue;
        kept->is_found = memcmp(kept->bytes, block, descriptor->block_bytes) == 0;
    }
}

static uint32_t begin_copies(struct small_store *small)
{
    small_store_init(small);
    small->options.block_samples_max = BLOCK;
    small_store_open(small);
    uint32_t tag = small_store_tag(small, "boiler.pressure", VALUE_I64);
    for (int64_t i = 0; i < COPY_SAMPLES; i++) {
        int64_t second = -3 * DAY_SECONDS + 2 * i;
        ASSERT_OK(small_store_append(small, tag, second, (uint64_t)(i * i)), &small->error);
        if (i % 40 < 39) continue; /* blocks of 16, 16 and 8 samples */
        ASSERT_OK(store_flush(small->store, &small->error), &small->error);
    }
    return tag;
}

START_TEST(blocks_that_nothing_overlaps_keep_their_bytes)
{
    struct small_store small;
    static struct seen_blocks seen;
    uint32_t tag = begin_copies(&small);
    each_block(&small, tag, &seen, block_keep);
    ck_assert_uint_eq(seen.count, 12);
    /* A late sample in the first block, a correction in the fifth. */
    int64_t base = -3 * DAY_SECONDS;
    ASSERT_OK(small_store_append(&small, tag, base + 5, 1), &small.error);
    ASSERT_OK(store_append_explicit(small.store, tag,
                                    SMALL_EPOCH_NS + (base + 2 * (40 + 20)) * SMALL_SECOND_NS,
                                    ENTRY_CORRECTION, 7, 0, "anna", "spike", &small.error),
              &small.error);
    ASSERT_OK(store_flush(small.store, &small.error), &small.error);
    ASSERT_OK(store_compact(small.store, true, &small.error), &small.error);
    ck_assert_uint_eq(small_store_statistics(&small).segment_count, 2);
    each_block(&small, tag, &seen, block_compare);
    for (size_t i = 0; i < seen.count; i++) {
        bool is_touched = i == 0 || i == 4;
        ck_assert_msg(seen.blocks[i].is_found == !is_touched, "block %zu", i);
    }
    struct store_statistics statistics = small_store_statistics(&small);
    ck_assert_uint_eq(statistics.copied_block_count, 10);
    /* 17 samples in two blocks, 16 in one, the correction, and the journal's. */
    ck_assert_uint_eq(statistics.encoded_block_count, 2 + 1 + 1 + 1);
    small_store_finish(&small);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_compaction_ends_while_flushes_go_on,
        a_compaction_that_the_disk_fails_leaves_no_file_behind,
        a_damaged_segment_holds_up_no_other,
        a_backfill_of_fifty_years_becomes_months,
        appends_wait_while_flushed_segments_pile_up,
        blocks_that_nothing_overlaps_keep_their_bytes,
    };
    return unit_run("store_compaction", tests, sizeof tests / sizeof tests[0]);
}
