/* Goal:   many threads at one store lose nothing, mix nothing up, and none waits for ever.
 * Method: for some seconds, on a memory limit so small that flushes and back-pressure never end,
 *         writers append columns (some late), scans, and single values with tickets; others correct,
 *         make tags, flush, merge, follow and read. Every value is a function of its tag and time,
 *         so that a reader can tell a wrong one at any moment, and what was acknowledged before it
 *         began must be there. At the end, and after opening it again, all of it is compared. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "tests/engine/api.h"

enum {
    COLUMN_WRITERS = 2,
    SINGLE_WRITERS = 2,
    WRITERS = COLUMN_WRITERS + SINGLE_WRITERS + 1,
    READERS = 2,
    SCAN_TAGS = 300,
    ROWS = 500,
    IN_FLIGHT = 16,
    STEP_NS = 1000,
    CORRECTED_EVERY = 5000,
    CORRECTED_AT = 17,
    MADE_MAX = 300,
};

/* Check's own assertions are for one thread: what fails here ends the process. */
#define HOLDS(condition, ...)                        \
    do {                                             \
        if (!(condition)) {                          \
            (void)fprintf(stderr, "\n" __VA_ARGS__); \
            (void)fprintf(stderr, "\n");             \
            abort();                                 \
        }                                            \
    } while (0)
#define GIVES(expected, call)                                                           \
    do {                                                                                \
        int got = (call);                                                               \
        HOLDS(got == (expected), "%s: got %d, expected %s (%s)", #call, got, #expected, \
              plant.error.text);                                                        \
    } while (0)

/* Tags written by one thread, at times that are steps from the epoch. */
struct stream {
    struct world *world;
    uint64_t number;
    uint32_t tags[SCAN_TAGS]; /* a scan's; else the first alone */
    size_t tag_count;
    atomic_uint_fast64_t acknowledged; /* all steps below this */
};

struct world {
    struct plant plant;
    struct stream streams[WRITERS]; /* columns, then singles, then the scan */
    uint32_t made[MADE_MAX];
    size_t made_count;
    uint64_t corrected_count;
    struct bede_subscription *subscription;
    uint64_t followed_count; /* samples of the first stream, missed ones too */
    atomic_bool must_stop;
    atomic_bool writers_are_done;
};

static int64_t time_of(uint64_t step)
{
    return EPOCH_NS + (int64_t)step * STEP_NS;
}

static int64_t value_of(uint64_t stream, size_t tag, uint64_t step)
{
    return (int64_t)((step + 1) * 0x9e3779b97f4a7c15u + (stream << 32) + tag);
}

/* Corrections invert a value, in the first stream alone, at these steps. */
static bool may_be_corrected(const struct stream *stream, uint64_t step)
{
    return stream->number == 0 && step % CORRECTED_EVERY == CORRECTED_AT;
}

static void check_value(const struct stream *stream, size_t tag, int64_t time_ns, int64_t value)
{
    uint64_t step = (uint64_t)(time_ns - EPOCH_NS) / STEP_NS;
    int64_t expected = value_of(stream->number, tag, step);
    if (time_ns == time_of(step) && value == expected) return;
    if (may_be_corrected(stream, step) && value == ~expected) return;
    HOLDS(false, "stream %" PRIu64 ", tag %zu: wrong value at step %" PRIu64, stream->number, tag,
          step);
}

static void pause_ms(long ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* ---- Writers ---- */

static void *write_columns(void *context)
{
    struct stream *stream = context;
    struct plant plant = stream->world->plant;
    static const size_t orders[2][2] = {{0, ROWS}, {ROWS, 0}};
    for (uint64_t next = 0, round = 0; !atomic_load(&stream->world->must_stop); round++) {
        int64_t times[2 * ROWS], values[2 * ROWS];
        for (size_t i = 0; i < 2 * ROWS; i++) {
            times[i] = time_of(next + i);
            values[i] = value_of(stream->number, 0, next + i);
        }
        for (size_t half = 0; half < 2; half++) {
            size_t at = orders[round % 4 == 3][half]; /* every fourth time one half comes late */
            struct bede_columns columns = {
                .count = ROWS, .times_ns = times + at, .values = values + at};
            GIVES(BEDE_OK, bede_append(plant.bede, stream->tags[0], &columns, NULL, &plant.error));
        }
        next += 2 * ROWS;
        atomic_store(&stream->acknowledged, next);
    }
    return NULL;
}

static void *write_singles(void *context)
{
    struct stream *stream = context;
    struct plant plant = stream->world->plant;
    uint64_t tickets[IN_FLIGHT] = {0};
    uint64_t step = 0;
    for (; !atomic_load(&stream->world->must_stop); step++) {
        size_t slot = step % IN_FLIGHT;
        GIVES(BEDE_OK, bede_wait(plant.bede, tickets[slot], &plant.error));
        if (step >= IN_FLIGHT) atomic_store(&stream->acknowledged, step - IN_FLIGHT + 1);
        int64_t time_ns = time_of(step);
        int64_t value = value_of(stream->number, 0, step);
        struct bede_columns columns = {.count = 1, .times_ns = &time_ns, .values = &value};
        GIVES(BEDE_OK,
              bede_append(plant.bede, stream->tags[0], &columns, &tickets[slot], &plant.error));
    }
    GIVES(BEDE_OK, bede_sync(plant.bede, &plant.error));
    atomic_store(&stream->acknowledged, step);
    return NULL;
}

static void *write_scans(void *context)
{
    struct stream *stream = context;
    struct plant plant = stream->world->plant;
    for (uint64_t step = 0; !atomic_load(&stream->world->must_stop); step++) {
        union bede_value values[SCAN_TAGS];
        for (size_t i = 0; i < SCAN_TAGS; i++) {
            values[i].i64 = value_of(stream->number, i, step);
        }
        struct bede_scan scan = {.time_ns = time_of(step),
                                 .count = stream->tag_count,
                                 .tags = stream->tags,
                                 .values = values};
        GIVES(BEDE_OK, bede_append_scan(plant.bede, &scan, NULL, &plant.error));
        atomic_store(&stream->acknowledged, step + 1);
    }
    return NULL;
}

/* ---- Those who change and care ---- */

static void *correct_values(void *context)
{
    struct world *world = context;
    struct plant plant = world->plant;
    struct stream *stream = &world->streams[0];
    while (!atomic_load(&world->must_stop)) {
        uint64_t step = world->corrected_count * CORRECTED_EVERY + CORRECTED_AT;
        if (step >= atomic_load(&stream->acknowledged)) {
            pause_ms(1);
            continue;
        }
        union bede_value value = {.i64 = ~value_of(stream->number, 0, step)};
        GIVES(BEDE_OK, bede_correct(plant.bede, stream->tags[0], time_of(step), &value, BEDE_GOOD,
                                    "anna", "inverted", &plant.error));
        world->corrected_count++;
        struct bede_sample found;
        GIVES(BEDE_OK,
              bede_value_at(plant.bede, stream->tags[0], time_of(step), &found, &plant.error));
        HOLDS(found.value.i64 == value.i64, "a correction does not show");
    }
    return NULL;
}

static void *make_tags(void *context)
{
    struct world *world = context;
    struct plant plant = world->plant;
    while (!atomic_load(&world->must_stop) && world->made_count < MADE_MAX) {
        char name[32];
        (void)snprintf(name, sizeof name, "made.%zu", world->made_count);
        uint32_t tag;
        GIVES(BEDE_OK, bede_tag(plant.bede, name, BEDE_F64, &tag, &plant.error));
        GIVES(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS, (double)world->made_count,
                                       BEDE_UNCERTAIN, &plant.error));
        world->made[world->made_count++] = tag;
        pause_ms(2);
    }
    return NULL;
}

static void *care(void *context)
{
    struct world *world = context;
    struct plant plant = world->plant;
    for (unsigned round = 0; !atomic_load(&world->must_stop); round++) {
        struct bede_stats stats;
        pause_ms(20);
        GIVES(BEDE_OK, bede_stats(plant.bede, &stats, &plant.error));
        if (round % 8 == 3) GIVES(BEDE_OK, bede_flush(plant.bede, &plant.error));
        if (round % 16 == 7) GIVES(BEDE_OK, bede_compact(plant.bede, 0, &plant.error));
    }
    return NULL;
}

/* Until all was told: every sample, or how many were missed. */
static void *follow(void *context)
{
    struct world *world = context;
    struct plant plant = world->plant;
    for (;;) {
        uint32_t tag;
        struct bede_columns columns;
        bool is_last = atomic_load(&world->writers_are_done);
        int status = bede_subscription_next(world->subscription, 10, &tag, &columns, &plant.error);
        if (status == BEDE_AGAIN && is_last) break;
        if (status == BEDE_AGAIN) continue;
        if (status == BEDE_OK) {
            HOLDS(tag == world->streams[0].tags[0], "followed tag %" PRIu32, tag);
            const int64_t *values = columns.values;
            for (size_t i = 0; i < columns.count; i++) {
                check_value(&world->streams[0], 0, columns.times_ns[i], values[i]);
            }
        } else {
            GIVES(BEDE_MISSED, status);
        }
        world->followed_count += columns.count;
    }
    return NULL;
}

/* ---- Readers ---- */

/* All steps below the one acknowledged before are there, each once. */
static void check_stream(struct world *world, const struct stream *stream, size_t index)
{
    struct plant plant = world->plant;
    uint64_t acknowledged = atomic_load(&stream->acknowledged);
    uint64_t count_below = 0;
    int64_t last_ns = INT64_MIN;
    struct bede_cursor *cursor;
    GIVES(BEDE_OK, bede_cursor_open(&cursor, plant.bede, stream->tags[index], NULL, &plant.error));
    struct bede_columns columns;
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &plant.error)) == BEDE_OK) {
        const int64_t *values = columns.values;
        for (size_t i = 0; i < columns.count; i++) {
            HOLDS(columns.times_ns[i] > last_ns, "times do not rise");
            last_ns = columns.times_ns[i];
            check_value(stream, index, last_ns, values[i]);
            if (last_ns < time_of(acknowledged)) count_below++;
        }
    }
    GIVES(BEDE_END, status);
    bede_cursor_close(cursor);
    HOLDS(count_below == acknowledged,
          "stream %" PRIu64 ", tag %zu: %" PRIu64 " of %" PRIu64 " acknowledged values",
          stream->number, index, count_below, acknowledged);
}

static void *read_streams(void *context)
{
    struct world *world = context;
    struct plant plant = world->plant;
    for (size_t round = 0; !atomic_load(&world->must_stop); round++) {
        const struct stream *stream = &world->streams[round % WRITERS];
        size_t index = round % stream->tag_count;
        check_stream(world, stream, index);

        uint64_t acknowledged = atomic_load(&stream->acknowledged);
        if (acknowledged == 0) continue;
        struct bede_sample found;
        GIVES(BEDE_OK, bede_latest(plant.bede, stream->tags[index], &found, &plant.error));
        HOLDS(found.time_ns >= time_of(acknowledged - 1), "latest is an older one");
        check_value(stream, index, found.time_ns, found.value.i64);
        int64_t middle_ns = time_of(acknowledged / 2);
        GIVES(BEDE_OK, bede_value_at(plant.bede, stream->tags[index], middle_ns + STEP_NS / 2,
                                     &found, &plant.error));
        HOLDS(found.time_ns == middle_ns, "value_at finds another one");
    }
    return NULL;
}

/* ---- All of them ---- */

static void make_streams(struct world *world)
{
    for (size_t i = 0; i < WRITERS; i++) {
        struct stream *stream = &world->streams[i];
        bool is_scan = i == WRITERS - 1;
        stream->world = world;
        stream->number = i;
        stream->tag_count = is_scan ? SCAN_TAGS : 1;
        for (size_t j = 0; j < stream->tag_count; j++) {
            char name[48];
            const char *kind = is_scan ? "scan" : i < COLUMN_WRITERS ? "column" : "single";
            (void)snprintf(name, sizeof name, "%s.%zu", kind, is_scan ? j : i);
            stream->tags[j] = plant_tag(&world->plant, name, BEDE_I64);
        }
    }
}

static void check_everything(struct world *world)
{
    struct plant plant = world->plant;
    for (size_t i = 0; i < WRITERS; i++) {
        for (size_t j = 0; j < world->streams[i].tag_count; j++) {
            check_stream(world, &world->streams[i], j);
        }
    }
    for (size_t i = 0; i < world->made_count; i++) {
        struct bede_sample found;
        EXPECT(BEDE_OK, bede_latest(plant.bede, world->made[i], &found, &plant.error));
        ck_assert_double_eq(found.value.f64, (double)i);
        ck_assert_uint_eq(found.quality, BEDE_UNCERTAIN);
    }
    const struct stream *corrected = &world->streams[0];
    for (uint64_t i = 0; i < world->corrected_count; i++) {
        uint64_t step = i * CORRECTED_EVERY + CORRECTED_AT;
        struct bede_sample found;
        EXPECT(BEDE_OK,
               bede_value_at(plant.bede, corrected->tags[0], time_of(step), &found, &plant.error));
        ck_assert_int_eq(found.value.i64, ~value_of(corrected->number, 0, step));
    }
}

START_TEST(many_threads_at_one_store_lose_nothing)
{
    static struct world world;
    world.plant = plant_open(&(struct bede_options){.memory_bytes_max = 8 << 20,
                                                    .wal_bytes_max = 16 << 20,
                                                    .wal_file_bytes = 2 << 20,
                                                    .sync = BEDE_SYNC_INTERVAL});
    make_streams(&world);
    struct plant plant = world.plant;
    EXPECT(BEDE_OK,
           bede_subscribe(&world.subscription, plant.bede, "column.0", 256 << 10, &plant.error));

    void *(*const bodies[])(void *) = {correct_values, make_tags,    care,
                                       read_streams,   read_streams, follow};
    enum { BODIES = sizeof bodies / sizeof bodies[0] };
    pthread_t writers[WRITERS], others[BODIES];
    for (size_t i = 0; i < BODIES; i++) {
        ck_assert_int_eq(pthread_create(&others[i], NULL, bodies[i], &world), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        void *(*body)(void *) = i < COLUMN_WRITERS ? write_columns : write_singles;
        if (i == WRITERS - 1) body = write_scans;
        ck_assert_int_eq(pthread_create(&writers[i], NULL, body, &world.streams[i]), 0);
    }
    uint64_t rest_ms = unit_number("BEDE_SECONDS", 3) * 1000;
    for (; rest_ms > 0; rest_ms -= 100) pause_ms(100);
    atomic_store(&world.must_stop, true);
    for (size_t i = 0; i < WRITERS; i++) ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
    for (size_t i = 0; i + 1 < BODIES; i++) ck_assert_int_eq(pthread_join(others[i], NULL), 0);
    atomic_store(&world.writers_are_done, true);
    ck_assert_int_eq(pthread_join(others[BODIES - 1], NULL), 0);

    bede_unsubscribe(world.subscription);
    ck_assert_uint_eq(world.followed_count, world.streams[0].acknowledged + world.corrected_count);

    struct bede_stats stats;
    EXPECT(BEDE_OK, bede_stats(plant.bede, &stats, &plant.error));
    ck_assert_uint_gt(stats.flush_count, 2);
    ck_assert_uint_gt(world.corrected_count, 0);
    ck_assert_uint_gt(world.made_count, 0);
    check_everything(&world);
    plant_reopen(&world.plant);
    check_everything(&world);
    plant_close(&world.plant);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {many_threads_at_one_store_lose_nothing};
    return unit_run("threads", tests, sizeof tests / sizeof tests[0]);
}
