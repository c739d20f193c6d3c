/* Goal:   a plant that runs for weeks reads as quickly at their end as at their beginning, in few
 *         segments, and what comes in order is written three times at most, the flush included.
 * Method: a store in memory on a virtual clock, one flush every ten minutes and the merges that the
 *         plan asks for behind it: steady values, tags that change once an hour, and, in the second
 *         run, late samples, corrections, masks and clocks that are wrong. A disk counts the bytes
 *         of every segment. A line a day is printed. BEDE_SECONDS runs it for longer. */
#include "storage/base/random.h"
#include "tests/storage/small_store.h"
#include "tests/storage/watched_disk.h"

enum {
    FAST_TAGS = 6,
    SLOW_TAGS = 60,
    TAGS = FAST_TAGS + SLOW_TAGS,
    TICK_SAMPLES = 60, /* of a fast tag: one every ten seconds */
    TICKS_OF_DAY = 144,
    DAYS_MIN = 36,
    SEGMENTS_MAX = 140,
    STRAY_MONTHS_MAX = 170, /* that wrong clocks reach: each has a segment sooner or later */
    READ_BLOCKS_MAX = 70,   /* of a day, which fills nine, and of a tag that shares blocks */
};
#define TICK_NS (INT64_C(600) * SMALL_SECOND_NS)
#define SAMPLE_NS (INT64_C(10) * SMALL_SECOND_NS)
#define DAY_NS (TICKS_OF_DAY * TICK_NS)

struct soak {
    struct small_store small;
    struct watched_disk disk;
    struct random random;
    uint32_t tags[TAGS];
    bool is_messy;
    uint64_t level[FAST_TAGS];
    uint64_t written_bytes; /* of segments, by flushes and merges */
};

static uint64_t below(struct soak *soak, uint64_t bound)
{
    return random_below(&soak->random, bound);
}

static void count_segment(void *context, const char *path)
{
    struct soak *soak = context;
    struct file *file = NULL;
    uint64_t bytes;
    if (!strstr(path, ".segment")) return;
    ASSERT_OK(file_open(soak->disk.below, &file, path, FILE_READ, &soak->small.error),
              &soak->small.error);
    ASSERT_OK(file_size(file, &bytes, &soak->small.error), &soak->small.error);
    file_close(file);
    soak->written_bytes += bytes;
}

static void append(struct soak *soak, size_t tag, const int64_t *times_ns, const uint64_t *values,
                   size_t count)
{
    struct batch batch = {.sample_count = (uint32_t)count,
                          .tag = soak->tags[tag],
                          .times_ns = times_ns,
                          .values = values};
    uint64_t ticket;
    ASSERT_OK(store_append(soak->small.store, &batch, &ticket, &soak->small.error),
              &soak->small.error);
}

/* A walk, so that blocks are neither empty nor noise. */
static uint64_t next_value(struct soak *soak, size_t tag)
{
    soak->level[tag] += below(soak, 9);
    soak->level[tag] -= soak->level[tag] < 4 ? 0 : 4;
    return soak->level[tag];
}

static void append_fast(struct soak *soak, size_t tag, int64_t end_ns, size_t count)
{
    int64_t times_ns[TICK_SAMPLES];
    uint64_t values[TICK_SAMPLES];
    for (size_t i = 0; i < count; i++) {
        times_ns[i] = end_ns - (int64_t)(count - i) * SAMPLE_NS;
        values[i] = next_value(soak, tag);
    }
    append(soak, tag, times_ns, values, count);
}

static void disturb(struct soak *soak)
{
    struct small_store *small = &soak->small;
    int64_t now_ns = small->clock.wall_ns;
    int64_t ago_ns = (int64_t)below(soak, 5 * (uint64_t)DAY_NS);
    size_t tag = below(soak, FAST_TAGS);
    uint64_t drawn = below(soak, 60);
    if (drawn < 5) append_fast(soak, tag, now_ns - ago_ns + 7, 20);
    if (drawn == 5) {
        int64_t cell_ns = now_ns - ago_ns / SAMPLE_NS * SAMPLE_NS - SAMPLE_NS;
        ASSERT_OK(store_append_explicit(small->store, soak->tags[tag], cell_ns, ENTRY_CORRECTION, 5,
                                        0, "anna", "spike", &small->error),
                  &small->error);
    }
    if (drawn == 6) {
        struct revision group;
        ASSERT_OK(store_mask(small->store, &soak->tags[tag], 1, now_ns - ago_ns - SAMPLE_NS,
                             now_ns - ago_ns, "anna", "test", &group, &small->error),
                  &small->error);
    }
    if (drawn == 7) { /* a clock that is wrong by years */
        int64_t time_ns = now_ns + (int64_t)below(soak, 9000) * DAY_NS - 4500 * DAY_NS;
        append(soak, tag, &time_ns, &soak->level[tag], 1);
    }
}

static void tick(struct soak *soak, uint64_t number)
{
    struct small_store *small = &soak->small;
    clock_virtual_advance(&small->clock, TICK_NS);
    for (size_t tag = 0; tag < FAST_TAGS; tag++) {
        append_fast(soak, tag, small->clock.wall_ns, TICK_SAMPLES);
    }
    if (number % 6 == 0) {
        int64_t time_ns = small->clock.wall_ns;
        for (size_t tag = FAST_TAGS; tag < TAGS; tag++) append(soak, tag, &time_ns, &number, 1);
    }
    if (soak->is_messy) disturb(soak);
    ASSERT_OK(store_sync(small->store, &small->error), &small->error);
    ASSERT_OK(store_flush(small->store, &small->error), &small->error);
    ASSERT_OK(store_compact(small->store, false, &small->error), &small->error);
}

/* Blocks that a reader of the tag's last day has to look into. */
static size_t read_blocks(struct soak *soak, size_t tag)
{
    struct small_store *small = &soak->small;
    struct snapshot *snapshot = store_snapshot(small->store);
    struct arena arena;
    struct tag_view view;
    size_t blocks = 0;
    int64_t to_ns = small->clock.wall_ns, from_ns = to_ns - DAY_NS;
    arena_init(&arena, 1 << 24);
    ASSERT_OK(
        catalog_view(store_catalog(small->store), soak->tags[tag], &arena, &view, &small->error),
        &small->error);
    for (size_t i = 0; i < snapshot->segment_count; i++) {
        struct segment *segment = snapshot->segments[i];
        const struct segment_footer *footer = segment_footer(segment);
        if (footer->last_time_ns < from_ns || footer->first_time_ns >= to_ns) continue;
        for (int kind = BLOCK_MAIN; kind <= BLOCK_HISTORY; kind++) {
            struct segment_index_entry entry;
            const struct block_descriptor *descriptors;
            size_t count;
            if (segment_find(segment, view.identity, (enum block_kind)kind, &entry,
                             &small->error) != STATUS_OK) {
                continue;
            }
            ASSERT_OK(segment_descriptors(segment, &entry, from_ns, to_ns, &arena, &descriptors,
                                          &count, &small->error),
                      &small->error);
            blocks += count;
        }
        const struct mixed_descriptor *mixed = segment_mixed_find(segment, view.identity);
        blocks += mixed && mixed->last_time_ns >= from_ns && mixed->first_time_ns < to_ns;
    }
    arena_finish(&arena);
    snapshot_unref(snapshot);
    return blocks;
}

static void begin(struct soak *soak, uint64_t seed, bool is_messy)
{
    *soak = (struct soak){.is_messy = is_messy};
    random_init(&soak->random, seed);
    small_store_init(&soak->small);
    watched_disk_init(&soak->disk, soak->small.options.file_system, count_segment, soak);
    soak->small.options.file_system = &soak->disk.file_system;
    small_store_open(&soak->small);
    for (size_t tag = 0; tag < TAGS; tag++) {
        char name[32];
        (void)snprintf(name, sizeof name, "line.signal%zu", tag);
        soak->tags[tag] = small_store_tag(&soak->small, name, VALUE_I64);
        if (tag < FAST_TAGS) soak->level[tag] = 1000;
    }
}

/* The whole of it: flushes once, and what merges wrote again. */
static double amplification(struct soak *soak, const struct store_statistics *statistics)
{
    uint64_t flushed_bytes = soak->written_bytes - statistics->compacted_bytes;
    return (double)soak->written_bytes / (double)flushed_bytes;
}

static void run(uint64_t seed, bool is_messy, int64_t end_ns)
{
    struct soak *soak = calloc(1, sizeof *soak);
    ck_assert_ptr_nonnull(soak);
    begin(soak, seed, is_messy);
    struct clock *clock = clock_system();
    struct store_statistics statistics = {0};
    for (uint64_t day = 1; day <= DAYS_MIN || clock->monotonic_ns(clock) < end_ns; day++) {
        size_t segment_count_max = 0, block_count_max = 0;
        for (uint64_t i = 0; i < TICKS_OF_DAY; i++) {
            tick(soak, day * TICKS_OF_DAY + i);
            if (i % 12 != 0) continue;
            statistics = small_store_statistics(&soak->small);
            size_t blocks = read_blocks(soak, 0) + read_blocks(soak, FAST_TAGS);
            if (statistics.segment_count > segment_count_max) {
                segment_count_max = statistics.segment_count;
            }
            if (blocks > block_count_max) block_count_max = blocks;
        }
        printf("soak%s, day %llu: %zu segments, %llu KiB, last day of two tags: %zu blocks, "
               "written %.2f times, %llu blocks copied, %llu encoded\n",
               is_messy ? " with late data" : "", (unsigned long long)day, segment_count_max,
               (unsigned long long)statistics.segment_bytes >> 10, block_count_max,
               amplification(soak, &statistics), (unsigned long long)statistics.copied_block_count,
               (unsigned long long)statistics.encoded_block_count);
        uint64_t stray_max = is_messy ? STRAY_MONTHS_MAX : 0;
        ck_assert_uint_le(segment_count_max, SEGMENTS_MAX + stray_max + day / 10);
        ck_assert_uint_le(block_count_max, READ_BLOCKS_MAX);
    }
    ck_assert(is_messy || amplification(soak, &statistics) <= 3.0);
    ck_assert(amplification(soak, &statistics) <= 4.0);
    small_store_finish(&soak->small);
    free(soak);
}

START_TEST(weeks_of_a_plant_stay_readable)
{
    uint64_t seconds = unit_number("BEDE_SECONDS", 0);
    struct clock *clock = clock_system();
    int64_t half_ns = (int64_t)seconds * (SMALL_SECOND_NS / 2);
    run(1, false, clock->monotonic_ns(clock) + half_ns);
    run(unit_number("BEDE_SEED", 1), true, clock->monotonic_ns(clock) + half_ns);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {weeks_of_a_plant_stay_readable};
    return unit_run("store_soak", tests, sizeof tests / sizeof tests[0]);
}
