/* Goal:   after any crash at any moment, what was acknowledged is there, equal and once; of what was
 *         not acknowledged a prefix is there, each append whole or not at all.
 * Method: appends, flushes, merges, corrections, masks and new tags on a disk in memory. At a random
 *         call the disk stops answering, in the midst of whatever goes on; then the power fails with
 *         one of the loss profiles, and the store is opened again. The oracle stands outside: what
 *         an append held is a function of the seed and its number, and only numbers are kept. */
#include <stdbool.h>

#include "storage/base/file_fault.h"
#include "storage/base/file_memory.h"
#include "storage/base/random.h"
#include "storage/store.h"
#include "tests/storage/tiny_limits.h"
#include "tests/unit.h"

enum {
    TAGS = 4,
    TAGS_MAX = 24,
    APPENDS_MAX = 4000,
    LIVES = 6,
    SAMPLES_MAX = 30,
    LATE_SPAN = 1000,
};
/* 2025-10-31T23:59:30Z, and a sample is a minute: days and a month end in every run. */
#define EPOCH_NS (INT64_C(1761955170) * 1000000000)
#define STEP_NS (INT64_C(60) * 1000000000)

/* What the oracle keeps of an append: enough to say what it held. */
struct oracle_append {
    uint8_t tag;
    uint8_t count;
    bool acknowledged;
    bool present;  /* after the last crash */
    int64_t first; /* time of its first sample, in steps since EPOCH_NS; the others follow */
};

struct world {
    uint64_t seed;
    struct random random;
    struct file_memory *memory;
    struct file_fault *fault;
    struct clock_virtual clock;
    struct store_options options;
    struct compaction_limits limits;
    struct store *store;
    struct error error;
    uint32_t numbers[TAGS_MAX];
    size_t tag_count;   /* acknowledged */
    int64_t next[TAGS]; /* time of the next sample in order */
    int64_t late[TAGS]; /* and of the next late one: a range of its own */
    struct oracle_append appends[APPENDS_MAX];
    size_t append_count;
    uint64_t crash_count;
};

static uint64_t below(struct world *world, uint64_t bound)
{
    return random_below(&world->random, bound);
}

static uint64_t oracle_value(const struct world *world, size_t append, size_t sample)
{
    uint64_t mixed = (world->seed + 1) * 0x9e3779b97f4a7c15u + append * 1000 + sample;
    return mixed ^ (mixed >> 29);
}

static const char *tag_name(char *target, size_t number)
{
    (void)snprintf(target, 32, "line%zu.speed", number);
    return target;
}

static enum status create_tag(struct world *world)
{
    char name[32];
    struct tag_definition definition = {.name = tag_name(name, world->tag_count),
                                        .unit = "m/s",
                                        .description = "",
                                        .states = "",
                                        .source = "",
                                        .attributes = "",
                                        .type = VALUE_I64};
    uint32_t number;
    enum status status = store_tags_create(world->store, &definition, 1, &number, &world->error);
    if (status == STATUS_OK) world->numbers[world->tag_count++] = number;
    return status;
}

/* One append; the oracle hears of it before the store does. */
static enum status append(struct world *world)
{
    if (world->append_count == APPENDS_MAX) return STATUS_OK;
    size_t index = world->append_count;
    size_t tag = below(world, TAGS);
    size_t count = 1 + below(world, SAMPLES_MAX);
    /* Late samples lie between those in order: all times are even there, odd here. */
    bool is_late = world->next[tag] > LATE_SPAN && below(world, 3) == 0;
    int64_t *next = is_late ? &world->late[tag] : &world->next[tag];
    struct oracle_append *oracle = &world->appends[world->append_count++];
    *oracle = (struct oracle_append){.tag = (uint8_t)tag, .count = (uint8_t)count, .first = *next};
    int64_t times[SAMPLES_MAX];
    uint64_t values[SAMPLES_MAX];
    for (size_t i = 0; i < count; i++) {
        times[i] = EPOCH_NS + *next * STEP_NS;
        values[i] = oracle_value(world, index, i);
        *next += 2;
    }
    struct batch batch = {.sample_count = (uint32_t)count,
                          .tag = world->numbers[tag],
                          .times_ns = times,
                          .values = values};
    uint64_t ticket;
    enum status status = store_append(world->store, &batch, &ticket, &world->error);
    if (status == STATUS_OK && below(world, 3) > 0) {
        status = store_wait(world->store, ticket, &world->error);
        /* Waiting for one waits for all before it. */
        for (size_t i = 0; status == STATUS_OK && i <= index; i++) {
            world->appends[i].acknowledged = true;
        }
    }
    return status;
}

static enum status correct(struct world *world)
{
    /* At a time of its own, so that the appends stay what they were. */
    size_t tag = below(world, TAGS);
    int64_t time_ns = EPOCH_NS - (int64_t)(1 + below(world, 50)) * 1000000;
    return store_append_explicit(world->store, world->numbers[tag], time_ns,
                                 below(world, 2) == 0 ? ENTRY_CORRECTION : ENTRY_DELETION, 5, 0,
                                 "anna", "", &world->error);
}

static enum status mask(struct world *world)
{
    struct revision group;
    size_t tag = below(world, TAGS);
    enum status status =
        store_mask(world->store, &world->numbers[tag], 1, EPOCH_NS - 100000000, EPOCH_NS - 1,
                   "anna", "before the start", &group, &world->error);
    return status;
}

static enum status act(struct world *world)
{
    clock_virtual_advance(&world->clock, 10 * STEP_NS);
    uint64_t drawn = below(world, 40);
    if (drawn < 30) return append(world);
    if (drawn < 33) return store_flush(world->store, &world->error);
    if (drawn < 35) return store_compact(world->store, below(world, 2) == 0, &world->error);
    if (drawn < 37) return correct(world);
    if (drawn < 38) return mask(world);
    if (drawn < 39 && world->tag_count < TAGS_MAX) return create_tag(world);
    return append(world);
}

/* From the step-th call on nothing reaches the disk any more; of a write perhaps a part. */
static void die_at(struct world *world, uint64_t step)
{
    struct file_fault_plan plan = {.status = STATUS_IO,
                                   .step = step,
                                   .is_sticky = true,
                                   .part_per_1024 = (uint32_t)below(world, 1025)};
    file_fault_plan(world->fault, &plan);
}

/* ---- After a crash ---- */

struct found {
    int64_t time_ns;
    uint64_t value;
};

static size_t read_tag(struct world *world, size_t tag, struct found *found, size_t found_max)
{
    struct store_range range = {.from_ns = EPOCH_NS, .to_ns = INT64_MAX, .as_of = UINT64_MAX};
    struct cursor *cursor = NULL;
    ASSERT_OK(store_cursor(world->store, world->numbers[tag], &range, &cursor, &world->error),
              &world->error);
    size_t count = 0;
    struct batch batch;
    enum status status;
    while ((status = cursor_next(cursor, &batch, &world->error)) == STATUS_OK) {
        for (size_t i = 0; i < batch.sample_count; i++) {
            ck_assert(count < found_max);
            found[count++] = (struct found){batch_time_ns(&batch, i), batch.values[i]};
        }
    }
    ck_assert_msg(status == STATUS_END, "seed %llu: %s", (unsigned long long)world->seed,
                  world->error.text);
    cursor_close(cursor);
    return count;
}

static const struct found *find(const struct found *found, size_t count, int64_t time_ns)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (found[middle].time_ns < time_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && found[low].time_ns == time_ns ? &found[low] : NULL;
}

/* Marks the appends of a tag that are there, and makes sure that nothing else is. */
static void check_tag(struct world *world, size_t tag)
{
    static struct found found[APPENDS_MAX * SAMPLES_MAX];
    size_t count = read_tag(world, tag, found, sizeof found / sizeof found[0]);
    size_t expected = 0;
    for (size_t i = 0; i < world->append_count; i++) {
        struct oracle_append *oracle = &world->appends[i];
        if (oracle->tag != tag) continue;
        size_t present = 0;
        for (size_t j = 0; j < oracle->count; j++) {
            int64_t time_ns = EPOCH_NS + (oracle->first + 2 * (int64_t)j) * STEP_NS;
            const struct found *at = find(found, count, time_ns);
            if (!at) continue;
            present++;
            ck_assert_msg(at->value == oracle_value(world, i, j),
                          "seed %llu: append %zu has another value",
                          (unsigned long long)world->seed, i);
        }
        ck_assert_msg(present == 0 || present == oracle->count,
                      "seed %llu: %zu of %d samples of append %zu", (unsigned long long)world->seed,
                      present, oracle->count, i);
        oracle->present = present > 0;
        expected += present;
    }
    ck_assert_msg(count == expected, "seed %llu: tag %zu has %zu samples, %zu were written",
                  (unsigned long long)world->seed, tag, count, expected);
}

static void check_survivors(struct world *world)
{
    for (size_t tag = 0; tag < TAGS; tag++) check_tag(world, tag);
    size_t kept = 0;
    for (size_t i = 0; i < world->append_count; i++) {
        const struct oracle_append *oracle = &world->appends[i];
        ck_assert_msg(oracle->present || !oracle->acknowledged,
                      "seed %llu: append %zu of %zu was acknowledged and is gone",
                      (unsigned long long)world->seed, i, world->append_count);
        if (!oracle->present) continue;
        ck_assert_msg(kept == i, "seed %llu: append %zu is there, one before it is not",
                      (unsigned long long)world->seed, i);
        kept++;
    }
    /* What is there now is durable; what is not was never promised, and is given up. */
    world->append_count = kept;
    for (size_t i = 0; i < kept; i++) world->appends[i].acknowledged = true;
    for (size_t tag = 0; tag < world->tag_count; tag++) {
        char name[32];
        uint32_t number;
        ASSERT_OK(catalog_find(store_catalog(world->store), tag_name(name, tag), &number),
                  &world->error);
        ck_assert_uint_eq(number, world->numbers[tag]);
    }
    /* A tag that was made but not acknowledged may be there: then it counts. */
    char name[32];
    uint32_t number;
    while (world->tag_count < TAGS_MAX &&
           catalog_find(store_catalog(world->store), tag_name(name, world->tag_count), &number) ==
               STATUS_OK) {
        world->numbers[world->tag_count++] = number;
    }
}

static void report_damage(void *context, const char *text)
{
    ck_abort_msg("seed %llu: %s", (unsigned long long)((struct world *)context)->seed, text);
}

static void check_files(struct world *world)
{
    struct store_check check;
    ASSERT_OK(store_verify(file_memory_system(world->memory), world->options.path, report_damage,
                           world, &check, &world->error),
              &world->error);
}

/* Opens, perhaps crashing on the way; the last try is left in peace. */
static void open_after_crash(struct world *world)
{
    while (below(world, 4) == 0) {
        die_at(world, below(world, 60));
        enum status status = store_open(&world->store, &world->options, &world->error);
        if (status == STATUS_OK) (void)store_close(world->store, &world->error);
        world->store = NULL;
        file_memory_crash(world->memory, &world->random,
                          (enum file_crash)below(world, FILE_CRASH_COUNT));
        world->crash_count++;
    }
    file_fault_plan(world->fault, NULL);
    check_files(world);
    ASSERT_OK(store_open(&world->store, &world->options, &world->error), &world->error);
}

static void live_and_crash(struct world *world)
{
    die_at(world, 5 + below(world, 400));
    enum status status = STATUS_OK;
    for (int i = 0; i < 120 && status >= 0; i++) status = act(world);
    /* Death: nothing more reaches the disk. */
    die_at(world, 0);
    (void)store_close(world->store, &world->error);
    world->store = NULL;
    file_memory_crash(world->memory, &world->random,
                      (enum file_crash)below(world, FILE_CRASH_COUNT));
    world->crash_count++;
}

static uint64_t run(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    ck_assert_ptr_nonnull(world);
    world->seed = seed;
    random_init(&world->random, seed);
    clock_virtual_init(&world->clock, EPOCH_NS + 3600 * INT64_C(1000000000));
    ASSERT_OK(file_memory_create(&world->memory, &world->error), &world->error);
    ASSERT_OK(file_fault_create(&world->fault, file_memory_system(world->memory), &world->error),
              &world->error);
    world->options = (struct store_options){
        .file_system = file_fault_system(world->fault),
        .clock = &world->clock.clock,
        .path = "store",
        .memory_bytes_max = 8 << 20,
        .wal_file_bytes = 64 << 10,
        .wal_buffer_bytes = 16 << 10,
        .wal_bytes_max = 512 << 10,
        .block_samples_max = 4 + (uint32_t)below(world, 60),
        .node = 77,
        .generation = 3,
        .manual = true,
        .compaction_limits = &world->limits,
    };
    world->limits = tiny_limits(&world->random);
    for (size_t tag = 0; tag < TAGS; tag++) world->late[tag] = 1;
    ASSERT_OK(store_open(&world->store, &world->options, &world->error), &world->error);
    while (world->tag_count < TAGS) ASSERT_OK(create_tag(world), &world->error);
    for (int life = 0; life < LIVES; life++) {
        live_and_crash(world);
        open_after_crash(world);
        check_survivors(world);
    }
    ASSERT_OK(store_flush(world->store, &world->error), &world->error);
    check_survivors(world);
    ASSERT_OK(store_close(world->store, &world->error), &world->error);
    check_files(world);
    uint64_t crash_count = world->crash_count;
    file_fault_destroy(world->fault);
    file_memory_destroy(world->memory);
    free(world);
    return crash_count;
}

START_TEST(keeps_what_it_acknowledged)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", UINT64_MAX);
    uint64_t seconds = unit_number("BEDE_SECONDS", 5);
    struct clock *clock = clock_system();
    int64_t end_ns = clock->monotonic_ns(clock) + (int64_t)seconds * INT64_C(1000000000);
    uint64_t done = 0, crash_count = 0;
    while (done < count && (count != UINT64_MAX || clock->monotonic_ns(clock) < end_ns)) {
        crash_count += run(first + done++);
    }
    printf("crash: %llu seeds from %llu, %llu crashes\n", (unsigned long long)done,
           (unsigned long long)first, (unsigned long long)crash_count);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {keeps_what_it_acknowledged};
    return unit_run("store_crash", tests, sizeof tests / sizeof tests[0]);
}
