/* Goal:   whatever is written in whatever order, the store shows what a naive twin shows: of every
 *         cell the last word, minus what masks hide, now and as of any moment before.
 * Method: random appends (in order, late, unsorted, twice, future), scans, corrections, deletions,
 *         masks and their lifting, entries of other servers, flushes, merges of segments by tiny
 *         limits, days and months that end, reopens and kills, on a store of tiny blocks and tiny
 *         log files in memory, in one thread, one seed a run. The twin keeps every entry ever
 *         written in a list, and looks at all of them. */
#include <stdbool.h>

#include "storage/base/bytes.h"
#include "storage/base/file_memory.h"
#include "storage/base/random.h"
#include "storage/stamp.h"
#include "storage/store.h"
#include "tests/storage/aggregate_twin.h"
#include "tests/storage/tiny_limits.h"
#include "tests/unit.h"

enum { TAGS = 6, OPERATIONS = 60, ROWS_MAX = 48, UNIT_NS = 1000000000, MINUTES_10 = 600 };
/* 2025-10-31T23:57:00Z: a day and a month end early in the run. */
#define EPOCH_NS (INT64_C(1761955020) * UNIT_NS)
#define DAY_NS (INT64_C(86400) * UNIT_NS)

static const uint8_t tag_types[TAGS] = {VALUE_F64,  VALUE_I64,   VALUE_TEXT,
                                        VALUE_BOOL, VALUE_STATE, VALUE_F32};

static bool tag_steps(size_t tag)
{
    return tag % 2 == 1;
}

static int64_t tag_max_gap_ns(size_t tag)
{
    return tag % 3 == 0 ? 0 : 7 * INT64_C(1000000000);
}

/* ---- The twin ---- */

struct twin_entry {
    int64_t time_ns;
    int64_t wall_ns; /* when it was written */
    uint64_t
        revision; /* 0: in order; below FOREIGN_END: a foreign clock; else by order of writing */
    uint64_t origin;
    uint64_t bits;
    char *text; /* owned; NULL for other types */
    uint32_t quality;
    uint8_t kind;
};
enum { FOREIGN_END = 1000000 };

struct twin_mask {
    int64_t from_ns, to_ns, wall_ns, lifted_ns;
    uint64_t revision;
    struct revision group;
};

struct twin_tag {
    struct twin_entry *entries;
    size_t entry_count, entry_count_max;
    struct twin_mask masks[OPERATIONS];
    size_t mask_count;
    int64_t frontier_ns;
};

struct world {
    struct random random;
    uint64_t seed;
    struct file_memory *memory;
    struct clock_virtual clock;
    struct store *store;
    struct store_options options;
    struct compaction_limits limits;
    struct error error;
    uint32_t numbers[TAGS];
    struct twin_tag tags[TAGS];
    uint64_t written; /* counts writes: the twin's clock */
    uint64_t foreign; /* counts foreign stamps */
    bool has_future;  /* the run has future samples, or else foreign entries */
};

static uint64_t below(struct world *world, uint64_t bound)
{
    return random_below(&world->random, bound);
}

static void twin_add(struct world *world, size_t tag, struct twin_entry entry)
{
    struct twin_tag *twin = &world->tags[tag];
    if (twin->entry_count == twin->entry_count_max) {
        twin->entry_count_max = twin->entry_count_max ? 2 * twin->entry_count_max : 64;
        twin->entries = realloc(twin->entries, twin->entry_count_max * sizeof *twin->entries);
        ck_assert_ptr_nonnull(twin->entries);
    }
    entry.wall_ns = world->clock.wall_ns;
    twin->entries[twin->entry_count++] = entry;
    bool is_future = entry.time_ns > world->clock.wall_ns + (int64_t)MINUTES_10 * UNIT_NS;
    if (!is_future && entry.time_ns > twin->frontier_ns) twin->frontier_ns = entry.time_ns;
}

static int quality_rank(uint32_t quality)
{
    uint32_t top = quality >> 30;
    return top == 0 ? 2 : top == 1 ? 1 : 0;
}

/* Whether a beats b; only entries in order can share a revision. */
static bool twin_beats(const struct twin_entry *a, const struct twin_entry *b)
{
    if (a->revision != b->revision) return a->revision > b->revision;
    if (quality_rank(a->quality) != quality_rank(b->quality)) {
        return quality_rank(a->quality) > quality_rank(b->quality);
    }
    if (a->text) {
        int order = strcmp(a->text, b->text);
        if (order != 0) return order > 0;
    } else if (a->bits != b->bits) {
        return a->bits > b->bits;
    }
    if (a->quality != b->quality) return a->quality > b->quality;
    return a->origin > b->origin;
}

static const struct twin_entry *twin_shown(const struct twin_tag *twin, int64_t time_ns,
                                           int64_t as_of_ns)
{
    const struct twin_entry *best = NULL;
    for (size_t i = 0; i < twin->entry_count; i++) {
        const struct twin_entry *entry = &twin->entries[i];
        if (entry->time_ns != time_ns) continue;
        if (entry->kind != ENTRY_COLLECTED && entry->wall_ns > as_of_ns) continue;
        if (!best || twin_beats(entry, best)) best = entry;
    }
    if (!best || best->kind == ENTRY_DELETION) return NULL;
    for (size_t i = 0; i < twin->mask_count; i++) {
        const struct twin_mask *mask = &twin->masks[i];
        bool is_lifted = mask->lifted_ns != INT64_MAX && mask->lifted_ns <= as_of_ns;
        bool counts = mask->wall_ns <= as_of_ns && !is_lifted;
        bool covers = mask->from_ns <= time_ns && time_ns < mask->to_ns;
        if (counts && covers && mask->revision > best->revision) return NULL;
    }
    return best;
}

static int compare_times(const void *left, const void *right)
{
    int64_t a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return a < b ? -1 : a > b;
}

/* All distinct times of a tag in [from, to), rising; the caller frees them. */
static int64_t *twin_times(const struct twin_tag *twin, int64_t from_ns, int64_t to_ns,
                           size_t *out_count)
{
    int64_t *times = malloc((twin->entry_count + 1) * sizeof *times);
    ck_assert_ptr_nonnull(times);
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < twin->entry_count; i++) {
        int64_t time_ns = twin->entries[i].time_ns;
        if (time_ns >= from_ns && time_ns < to_ns) times[count++] = time_ns;
    }
    qsort(times, count, sizeof *times, compare_times);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || times[i] != times[kept - 1]) times[kept++] = times[i];
    }
    *out_count = kept;
    return times;
}

/* ---- Values ---- */

struct value {
    uint64_t bits;
    char *text; /* owned by the twin's entry in the end */
    struct text_value *inside;
};

static uint64_t some_bits(struct world *world, uint8_t type)
{
    static const uint64_t odd_doubles[] = {0x8000000000000000u, 0x7ff8000000000001u,
                                           0xfff4000000000002u, 0x7ff0000000000000u, 1};
    switch ((enum value_type)type) {
    case VALUE_F64: {
        if (below(world, 8) == 0) return odd_doubles[below(world, 5)];
        return bits_of_double((double)below(world, 1000) / 10);
    }
    case VALUE_F32: return below(world, 5) == 0 ? 0x7fc00001u : 0x3f800000u + below(world, 4096);
    case VALUE_I64: return below(world, 5) == 0 ? (uint64_t)INT64_MIN : below(world, 100) - 50;
    case VALUE_BOOL: return below(world, 2);
    case VALUE_STATE: return below(world, 4);
    case VALUE_TEXT: break;
    }
    return 0;
}

static struct value some_value(struct world *world, uint8_t type)
{
    struct value value = {.bits = some_bits(world, type)};
    if (type != VALUE_TEXT) return value;
    uint32_t size = (uint32_t)below(world, 24);
    value.inside = malloc(text_value_bytes(size));
    value.text = malloc(size + 1);
    ck_assert(value.inside && value.text);
    value.inside->size_bytes = size;
    for (uint32_t i = 0; i < size; i++) value.text[i] = (char)('a' + below(world, 26));
    value.text[size] = 0;
    memcpy(value.inside->bytes, value.text, size);
    value.bits = value_from_text(value.inside);
    return value;
}

static uint32_t some_quality(struct world *world)
{
    static const uint32_t qualities[] = {0x40000000u, 0x80000000u, 0x80050000u, 0x00a20000u};
    return below(world, 4) == 0 ? qualities[below(world, 4)] : 0;
}

/* ---- What the store is compared by ---- */

static void check_sample(const struct world *world, size_t tag, const struct twin_entry *expected,
                         const struct batch *batch, size_t row)
{
    struct entry entry = batch_entry(batch, row);
    int64_t time_ns = batch_time_ns(batch, row);
    ck_assert_msg(expected->time_ns == time_ns, "seed %llu tag %zu: %lld instead of %lld",
                  (unsigned long long)world->seed, tag, (long long)(time_ns - EPOCH_NS) / UNIT_NS,
                  (long long)(expected->time_ns - EPOCH_NS) / UNIT_NS);
    bool same = entry.type == tag_types[tag] && entry.quality == expected->quality;
    if (same && entry.type == VALUE_TEXT) {
        const struct text_value *text = value_text(entry.value);
        same = text->size_bytes == strlen(expected->text) &&
               memcmp(text->bytes, expected->text, text->size_bytes) == 0;
    } else if (same) {
        same = entry.value == expected->bits;
    }
    ck_assert_msg(same, "seed %llu tag %zu at %lld: another value (%llx %x, expected %llx %x)",
                  (unsigned long long)world->seed, tag, (long long)(time_ns - EPOCH_NS) / UNIT_NS,
                  (unsigned long long)entry.value, entry.quality,
                  (unsigned long long)expected->bits, expected->quality);
}

static void check_range(struct world *world, size_t tag, int64_t from_ns, int64_t to_ns,
                        int64_t as_of_ns)
{
    struct store_range range = {.from_ns = from_ns,
                                .to_ns = to_ns,
                                .as_of = as_of_ns == INT64_MAX ? UINT64_MAX
                                                               : stamp_ceiling_of(as_of_ns)};
    struct cursor *cursor = NULL;
    ASSERT_OK(store_cursor(world->store, world->numbers[tag], &range, &cursor, &world->error),
              &world->error);
    size_t count, next = 0;
    int64_t *times = twin_times(&world->tags[tag], from_ns, to_ns, &count);
    struct batch batch;
    enum status status;
    while ((status = cursor_next(cursor, &batch, &world->error)) == STATUS_OK) {
        for (size_t row = 0; row < batch.sample_count; row++) {
            const struct twin_entry *expected = NULL;
            while (next < count && !expected) {
                expected = twin_shown(&world->tags[tag], times[next++], as_of_ns);
            }
            ck_assert_msg(expected, "seed %llu tag %zu: shows %lld, which nobody wrote or all hide",
                          (unsigned long long)world->seed, tag,
                          (long long)(batch_time_ns(&batch, row) - EPOCH_NS) / UNIT_NS);
            check_sample(world, tag, expected, &batch, row);
        }
    }
    ck_assert_msg(status == STATUS_END, "seed %llu: %s", (unsigned long long)world->seed,
                  world->error.text);
    while (next < count) {
        int64_t time_ns = times[next++];
        ck_assert_msg(!twin_shown(&world->tags[tag], time_ns, as_of_ns),
                      "seed %llu tag %zu: %lld is missing", (unsigned long long)world->seed, tag,
                      (long long)(time_ns - EPOCH_NS) / UNIT_NS);
    }
    free(times);
    cursor_close(cursor);
}

/* What is newest at or before this time, however it was found. */
static void check_newest(struct world *world, size_t tag, int64_t time_ns, enum status status,
                         int64_t found_ns, const struct entry *entry)
{
    size_t count;
    int64_t *times = twin_times(&world->tags[tag], INT64_MIN, time_ns + 1, &count);
    const struct twin_entry *expected = NULL;
    while (count > 0 && !expected) {
        expected = twin_shown(&world->tags[tag], times[--count], INT64_MAX);
    }
    ck_assert_msg((status == STATUS_OK) == (expected != NULL), "seed %llu: value at: %s",
                  (unsigned long long)world->seed, status_text(status));
    if (expected) {
        struct batch batch = {.sample_count = 1,
                              .times_ns = &found_ns,
                              .values = &entry->value,
                              .qualities = &entry->quality,
                              .type = entry->type};
        check_sample(world, tag, expected, &batch, 0);
    }
    free(times);
}

static void check_value_at(struct world *world, size_t tag, int64_t time_ns)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    int64_t found_ns;
    struct entry entry;
    enum status status = store_value_at(world->store, world->numbers[tag], time_ns, &arena,
                                        &found_ns, &entry, &world->error);
    check_newest(world, tag, time_ns, status, found_ns, &entry);
    arena_finish(&arena);
}

static void check_latest(struct world *world, size_t tag)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    int64_t found_ns;
    struct entry entry;
    enum status status =
        store_latest(world->store, world->numbers[tag], &arena, &found_ns, &entry, &world->error);
    int64_t limit_ns = world->clock.wall_ns + (int64_t)MINUTES_10 * UNIT_NS;
    check_newest(world, tag, limit_ns, status, found_ns, &entry);
    arena_finish(&arena);
}

/* Mostly of the last minutes; of days ago, and of years. */
static int64_t some_time(struct world *world)
{
    int64_t time_ns =
        world->clock.wall_ns / UNIT_NS * UNIT_NS - (int64_t)(below(world, 400) * UNIT_NS);
    if (below(world, 12) == 0) time_ns -= (int64_t)below(world, 70) * DAY_NS;
    if (below(world, 40) == 0) time_ns -= (int64_t)below(world, 100) * 365 * DAY_NS;
    return time_ns;
}

static struct aggregation_rules some_rules(struct world *world, size_t tag)
{
    enum { BUCKETS_MAX = 9 };
    struct aggregation_rules rules = {
        .from_ns = some_time(world) - (int64_t)below(world, 3),
        .bucket_count = 1 + below(world, BUCKETS_MAX),
        .good_only = below(world, 2) == 0,
        .is_stepped = tag_steps(tag),
        .max_gap_ns = tag_max_gap_ns(tag),
    };
    rules.to_ns = rules.from_ns + 1 + (int64_t)below(world, (uint64_t)500 * UNIT_NS);
    if (below(world, 8) == 0) rules.from_ns = INT64_MIN;
    if (below(world, 8) == 0) rules.to_ns = INT64_MAX;
    if (below(world, 3) == 0) {
        rules.has_range = true;
        rules.low = (double)below(world, 60) - 30;
        rules.high = rules.low + (double)below(world, 60);
    } else {
        rules.has_integral = below(world, 2) == 0;
    }
    return rules;
}

/* Statistics, decoded blocks and merged stretches must say what the samples say one by one. The
 * samples are those that a cursor shows, which check_range() compares with the twin. */
static void check_aggregate(struct world *world, size_t tag, int64_t as_of_ns)
{
    static struct aggregate_rows rows;
    struct store_range range = {.from_ns = INT64_MIN,
                                .to_ns = INT64_MAX,
                                .as_of = as_of_ns == INT64_MAX ? UINT64_MAX
                                                               : stamp_ceiling_of(as_of_ns)};
    struct cursor *cursor;
    struct batch batch;
    rows.count = 0;
    ASSERT_OK(store_cursor(world->store, world->numbers[tag], &range, &cursor, &world->error),
              &world->error);
    while (cursor_next(cursor, &batch, &world->error) == STATUS_OK) {
        aggregate_rows_add(&rows, &batch);
    }
    cursor_close(cursor);
    struct bucket buckets[16];
    struct aggregation_rules rules = some_rules(world, tag);
    ASSERT_OK(store_aggregate(world->store, world->numbers[tag], &rules, range.as_of, buckets,
                              &world->error),
              &world->error);
    aggregate_check(&rows, buckets, &rules);
}

static void check_everything(struct world *world)
{
    for (size_t tag = 0; tag < TAGS; tag++) {
        check_range(world, tag, INT64_MIN, INT64_MAX, INT64_MAX);
        check_aggregate(world, tag, INT64_MAX);
        check_latest(world, tag);
    }
}

static void check_something(struct world *world)
{
    size_t tag = below(world, TAGS);
    int64_t from_ns = some_time(world);
    int64_t to_ns = from_ns + (int64_t)(below(world, 200) + 1) * UNIT_NS;
    int64_t as_of_ns = INT64_MAX;
    if (below(world, 2) == 0) {
        as_of_ns =
            EPOCH_NS + (int64_t)below(world, (uint64_t)(world->clock.wall_ns - EPOCH_NS) + 1);
        as_of_ns = as_of_ns / 1000000 * 1000000; /* stamps know milliseconds */
    }
    check_range(world, tag, from_ns, to_ns, as_of_ns);
    check_aggregate(world, tag, as_of_ns);
    check_value_at(world, tag, some_time(world));
    for (size_t i = 0; i < TAGS; i++) check_latest(world, i);
}

/* ---- What is done to it ---- */

static void wait_for(struct world *world, uint64_t ticket)
{
    ASSERT_OK(store_wait(world->store, ticket, &world->error), &world->error);
}

static int64_t future_time(struct world *world)
{
    return world->clock.wall_ns / UNIT_NS * UNIT_NS +
           (int64_t)(MINUTES_10 + 2 + below(world, 30)) * UNIT_NS;
}

/* Times by one of four habits of collectors. */
static size_t some_times(struct world *world, size_t tag, int64_t *times)
{
    size_t count = 1 + below(world, ROWS_MAX);
    const struct twin_tag *twin = &world->tags[tag];
    uint64_t habit = below(world, 4);
    int64_t next = some_time(world);
    if (habit <= 1) { /* in order, as far as time allows */
        next = twin->frontier_ns == INT64_MIN ? next : twin->frontier_ns + UNIT_NS;
    }
    int64_t end_ns = world->clock.wall_ns + (int64_t)(MINUTES_10 - 1) * UNIT_NS;
    for (size_t i = 0; i < count; i++) {
        if (habit == 3) next = some_time(world); /* any order */
        if (next > end_ns) return i;
        times[i] = next;
        next += (int64_t)(1 + below(world, 3)) * UNIT_NS;
        if (habit == 2 && below(world, 8) == 0) next -= (int64_t)below(world, 9) * UNIT_NS;
    }
    if (world->has_future && below(world, 5) == 0) times[count - 1] = future_time(world);
    return count;
}

static struct twin_entry twin_collected(struct world *world, size_t tag, int64_t time_ns,
                                        uint64_t bits, char *text, uint32_t quality)
{
    bool in_order = time_ns > world->tags[tag].frontier_ns &&
                    time_ns <= world->clock.wall_ns + (int64_t)MINUTES_10 * UNIT_NS;
    /* In runs with future samples a revision of 0 is never compared with another's. */
    return (struct twin_entry){
        .time_ns = time_ns,
        .revision = in_order && !world->has_future ? 0 : FOREIGN_END + world->written,
        .origin = store_node(world->store),
        .bits = bits,
        .text = text,
        .quality = quality,
    };
}

static void append_column(struct world *world)
{
    size_t tag = below(world, TAGS);
    int64_t times[ROWS_MAX];
    uint64_t values[ROWS_MAX];
    uint32_t qualities[ROWS_MAX];
    struct value made[ROWS_MAX];
    size_t count = some_times(world, tag, times);
    bool has_quality = below(world, 2) == 0;
    for (size_t i = 0; i < count; i++) {
        made[i] = some_value(world, tag_types[tag]);
        values[i] = made[i].bits;
        qualities[i] = has_quality ? some_quality(world) : 0;
    }
    struct batch batch = {.sample_count = (uint32_t)count,
                          .tag = world->numbers[tag],
                          .times_ns = times,
                          .values = values,
                          .qualities = has_quality ? qualities : NULL};
    uint64_t ticket;
    ASSERT_OK(store_append(world->store, &batch, &ticket, &world->error), &world->error);
    /* The frontier that counts is the one before the batch, so the twin takes note of it at once:
     * only the last of several samples at one time is written. */
    struct twin_entry taken[ROWS_MAX];
    size_t taken_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_last = true;
        for (size_t j = i + 1; j < count; j++) is_last = is_last && times[j] != times[i];
        if (is_last) {
            taken[taken_count++] =
                twin_collected(world, tag, times[i], values[i], made[i].text, qualities[i]);
        } else {
            free(made[i].text);
        }
        free(made[i].inside);
    }
    for (size_t i = 0; i < taken_count; i++) twin_add(world, tag, taken[i]);
    if (below(world, 3) > 0) wait_for(world, ticket);
}

static void append_scan(struct world *world)
{
    uint32_t tags[TAGS];
    uint64_t values[TAGS];
    uint32_t qualities[TAGS];
    uint8_t types[TAGS];
    struct value made[TAGS];
    size_t places[TAGS];
    size_t count = 0;
    int64_t time_ns =
        below(world, 3) == 0 ? some_time(world) : world->clock.wall_ns / UNIT_NS * UNIT_NS;
    if (world->has_future && below(world, 6) == 0) time_ns = future_time(world);
    for (size_t tag = 0; tag < TAGS; tag++) {
        if (below(world, 4) == 0) continue;
        made[count] = some_value(world, tag_types[tag]);
        tags[count] = world->numbers[tag];
        types[count] = tag_types[tag];
        values[count] = made[count].bits;
        qualities[count] = some_quality(world);
        places[count++] = tag;
    }
    struct batch batch = {.sample_count = (uint32_t)count,
                          .tags = tags,
                          .time_ns = time_ns,
                          .values = values,
                          .types = types,
                          .qualities = qualities};
    uint64_t ticket;
    ASSERT_OK(store_append_scan(world->store, &batch, &ticket, &world->error), &world->error);
    for (size_t i = 0; i < count; i++) {
        twin_add(world, places[i],
                 twin_collected(world, places[i], time_ns, values[i], made[i].text, qualities[i]));
        free(made[i].inside);
    }
    wait_for(world, ticket);
}

static void write_explicit(struct world *world)
{
    size_t tag = below(world, TAGS);
    bool is_deletion = below(world, 2) == 0;
    /* Most of them where something is. */
    struct twin_tag *twin = &world->tags[tag];
    int64_t time_ns = some_time(world);
    if (twin->entry_count > 0 && below(world, 4) > 0) {
        time_ns = twin->entries[below(world, twin->entry_count)].time_ns;
    }
    if (time_ns > world->clock.wall_ns) time_ns = world->clock.wall_ns;
    struct value value = some_value(world, tag_types[tag]);
    uint32_t quality = is_deletion ? 0 : some_quality(world);
    ASSERT_OK(store_append_explicit(world->store, world->numbers[tag], time_ns,
                                    is_deletion ? ENTRY_DELETION : ENTRY_CORRECTION, value.bits,
                                    quality, "anna", "calibration", &world->error),
              &world->error);
    free(value.inside);
    twin_add(world, tag,
             (struct twin_entry){.time_ns = time_ns,
                                 .revision = FOREIGN_END + world->written,
                                 .origin = store_node(world->store),
                                 .bits = value.bits,
                                 .text = value.text,
                                 .quality = quality,
                                 .kind = is_deletion ? ENTRY_DELETION : ENTRY_CORRECTION});
}

static void write_mask(struct world *world)
{
    size_t tag = below(world, TAGS);
    struct twin_tag *twin = &world->tags[tag];
    if (twin->mask_count > 0 && below(world, 2) == 0) {
        struct twin_mask *mask = &twin->masks[below(world, twin->mask_count)];
        ASSERT_OK(store_unmask(world->store, mask->group, "anna", "", &world->error),
                  &world->error);
        if (mask->lifted_ns == INT64_MAX) mask->lifted_ns = world->clock.wall_ns;
        return;
    }
    int64_t from_ns = some_time(world);
    int64_t to_ns = from_ns + (int64_t)(1 + below(world, 300)) * UNIT_NS;
    if (from_ns >= world->clock.wall_ns) return;
    struct twin_mask mask = {.from_ns = from_ns,
                             .to_ns = to_ns < world->clock.wall_ns ? to_ns : world->clock.wall_ns,
                             .wall_ns = world->clock.wall_ns,
                             .lifted_ns = INT64_MAX,
                             .revision = FOREIGN_END + world->written};
    ASSERT_OK(store_mask(world->store, &world->numbers[tag], 1, from_ns, to_ns, "anna", "spike",
                         &mask.group, &world->error),
              &world->error);
    twin->masks[twin->mask_count++] = mask;
    if (mask.to_ns > twin->frontier_ns) twin->frontier_ns = mask.to_ns;
}

/* Another server's entry: in order, or with a stamp from long ago. */
static void merge_foreign(struct world *world)
{
    if (world->has_future) return;
    size_t tag = below(world, TAGS);
    bool is_stamped = below(world, 2) == 0;
    struct value value = some_value(world, tag_types[tag]);
    struct twin_entry entry = {.time_ns = some_time(world),
                               .revision = is_stamped ? ++world->foreign : 0,
                               .origin = 1000 + below(world, 3),
                               .bits = value.bits,
                               .text = value.text,
                               .quality = some_quality(world),
                               .kind = ENTRY_COLLECTED};
    struct batch batch = {.sample_count = 1,
                          .tag = world->numbers[tag],
                          .times_ns = &entry.time_ns,
                          .values = &entry.bits,
                          .qualities = &entry.quality,
                          .type = tag_types[tag],
                          .clock = entry.revision,
                          .generation = is_stamped ? 7 : 0,
                          .origin = entry.origin};
    uint64_t ticket;
    int deliveries = below(world, 4) == 0 ? 2 : 1;
    for (int i = 0; i < deliveries; i++) {
        ASSERT_OK(store_merge(world->store, &batch, &ticket, &world->error), &world->error);
    }
    free(value.inside);
    twin_add(world, tag, entry);
    wait_for(world, ticket);
}

static void open_store(struct world *world)
{
    ASSERT_OK(store_open(&world->store, &world->options, &world->error), &world->error);
}

static void reopen(struct world *world)
{
    ASSERT_OK(store_close(world->store, &world->error), &world->error);
    open_store(world);
}

/* The process ends between two instructions; the kernel keeps what was written. */
static void kill_and_reopen(struct world *world)
{
    ASSERT_OK(store_sync(world->store, &world->error), &world->error);
    file_memory_crash(world->memory, &world->random, FILE_CRASH_KILLED);
    (void)store_close(world->store, &world->error); /* its files are gone: it can only fail */
    open_store(world);
}

static void flush(struct world *world)
{
    ASSERT_OK(store_flush(world->store, &world->error), &world->error);
}

static void compact(struct world *world)
{
    ASSERT_OK(store_compact(world->store, below(world, 2) == 0, &world->error), &world->error);
}

static void jump(struct world *world)
{
    int64_t days = below(world, 2) == 0 ? (int64_t)below(world, 40) : 0;
    clock_virtual_advance(&world->clock, days * DAY_NS + (int64_t)below(world, 1200) * UNIT_NS);
}

static const struct {
    void (*act)(struct world *world);
    unsigned weight;
} acts[] = {
    {append_column, 30},  {append_scan, 12}, {write_explicit, 14}, {write_mask, 8},
    {merge_foreign, 12},  {flush, 9},        {compact, 6},         {reopen, 3},
    {kill_and_reopen, 2}, {jump, 3},
};

static void act(struct world *world)
{
    unsigned total = 0;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) total += acts[i].weight;
    uint64_t drawn = below(world, total);
    size_t chosen = 0;
    while (drawn >= acts[chosen].weight) drawn -= acts[chosen++].weight;
    clock_virtual_advance(&world->clock, 1000000 + (int64_t)below(world, 1000) * 1000000);
    world->written++;
    acts[chosen].act(world);
}

static void report_damage(void *context, const char *text)
{
    ck_abort_msg("seed %llu: %s", (unsigned long long)((struct world *)context)->seed, text);
}

static void finish(struct world *world)
{
    struct store_check check;
    ASSERT_OK(store_close(world->store, &world->error), &world->error);
    ASSERT_OK(store_verify(world->options.file_system, world->options.path, report_damage, world,
                           &check, &world->error),
              &world->error);
    for (size_t tag = 0; tag < TAGS; tag++) {
        for (size_t i = 0; i < world->tags[tag].entry_count; i++) {
            free(world->tags[tag].entries[i].text);
        }
        free(world->tags[tag].entries);
    }
    file_memory_destroy(world->memory);
    free(world);
}

static void run(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    ck_assert_ptr_nonnull(world);
    world->seed = seed;
    random_init(&world->random, seed);
    world->has_future = below(world, 2) == 0;
    clock_virtual_init(&world->clock, EPOCH_NS);
    ASSERT_OK(file_memory_create(&world->memory, &world->error), &world->error);
    world->options = (struct store_options){
        .file_system = file_memory_system(world->memory),
        .clock = &world->clock.clock,
        .path = "store",
        .memory_bytes_max = 8 << 20,
        .wal_file_bytes = 64 << 10,
        .wal_buffer_bytes = 32 << 10,
        .wal_bytes_max = 512 << 10,
        .block_samples_max = 2 + (uint32_t)below(world, 9),
        .node = 500 + below(world, 1000),
        .generation = 9,
        .manual = true,
        .compaction_limits = &world->limits,
    };
    world->limits = below(world, 4) == 0 ? compaction_limits_usual : tiny_limits(&world->random);
    open_store(world);
    struct tag_definition definitions[TAGS];
    char names[TAGS][16];
    for (size_t tag = 0; tag < TAGS; tag++) {
        (void)snprintf(names[tag], sizeof names[tag], "unit%zu.value", tag);
        definitions[tag] = (struct tag_definition){.name = names[tag],
                                                   .unit = "",
                                                   .description = "",
                                                   .states = "",
                                                   .source = "",
                                                   .attributes = "",
                                                   .step = tag_steps(tag),
                                                   .max_gap_ns = tag_max_gap_ns(tag),
                                                   .type = tag_types[tag]};
        world->tags[tag].frontier_ns = INT64_MIN;
    }
    ASSERT_OK(store_tags_create(world->store, definitions, TAGS, world->numbers, &world->error),
              &world->error);
    for (int i = 0; i < OPERATIONS; i++) {
        act(world);
        if (i % 4 == 0) {
            ASSERT_OK(store_sync(world->store, &world->error), &world->error);
            check_something(world);
        }
    }
    ASSERT_OK(store_sync(world->store, &world->error), &world->error);
    check_everything(world);
    reopen(world);
    check_everything(world);
    flush(world);
    ASSERT_OK(store_compact(world->store, true, &world->error), &world->error);
    check_everything(world);
    finish(world);
}

START_TEST(shows_what_the_twin_shows)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", UINT64_MAX);
    uint64_t seconds = unit_number("BEDE_SECONDS", 5);
    struct clock *clock = clock_system();
    int64_t end_ns = clock->monotonic_ns(clock) + (int64_t)seconds * UNIT_NS;
    uint64_t done = 0;
    while (done < count && (count != UINT64_MAX || clock->monotonic_ns(clock) < end_ns)) {
        run(first + done++);
    }
    printf("model: %llu seeds from %llu\n", (unsigned long long)done, (unsigned long long)first);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {shows_what_the_twin_shows};
    return unit_run("store_model", tests, sizeof tests / sizeof tests[0]);
}
