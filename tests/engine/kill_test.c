/* Goal:   a process killed at any moment loses nothing that it acknowledged, on a real disk.
 * Method: again and again a child opens the same directory and appends from several threads, with
 *         tickets in flight, corrections, new tags, flushes and merges in between; it tells what was
 *         acknowledged through a pipe. It is killed after a random time. Then the store is checked,
 *         opened, and every value compared with the function of (thread, number) that made it. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/bede.h"
#include "storage/base/random.h"
#include "tests/unit.h"

enum { WRITERS = 3, ROWS = 200, IN_FLIGHT = 8, VALUES_MAX = 4000000 };
#define EPOCH_NS (INT64_C(1760000000) * 1000000000)

static char directory[256];

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int64_t value_of(int writer, uint64_t number)
{
    return (int64_t)((number + 1) * 0x9e3779b97f4a7c15u + (uint64_t)writer);
}

/* Times rise, but for every fifth batch, which is written before the one in front of it. */
static int64_t time_of(uint64_t number)
{
    return EPOCH_NS + (int64_t)number * 1000000;
}

/* ---- The child ---- */

struct writer {
    struct bede *bede;
    int number;
    uint64_t first; /* its first value of this life */
    int pipe;
};

/* What a writer says: all values below this are acknowledged. */
struct message {
    uint64_t writer;
    uint64_t acknowledged;
};

static void die(const struct bede_error *error)
{
    (void)fprintf(stderr, "child: %s\n", error->text);
    _exit(3);
}

static void *write_until_killed(void *context)
{
    struct writer *writer = context;
    struct bede_error error;
    char name[32];
    uint32_t tag;
    uint64_t tickets[IN_FLIGHT] = {0};
    uint64_t ends[IN_FLIGHT] = {0};
    (void)snprintf(name, sizeof name, "writer%d", writer->number);
    if (bede_tag(writer->bede, name, BEDE_I64, &tag, &error) < 0) die(&error);
    uint64_t next = writer->first;
    for (uint64_t round = 0; next + 2 * ROWS < VALUES_MAX; round++) {
        size_t slot = round % IN_FLIGHT;
        if (bede_wait(writer->bede, tickets[slot], &error) < 0) die(&error);
        if (ends[slot] > 0) {
            struct message message = {(uint64_t)writer->number, ends[slot]};
            if (write(writer->pipe, &message, sizeof message) != sizeof message) _exit(4);
        }
        int64_t times[2 * ROWS];
        int64_t values[2 * ROWS];
        bool swaps = round % 5 == 0;
        for (size_t i = 0; i < 2 * ROWS; i++) {
            times[i] = time_of(next + i);
            values[i] = value_of(writer->number, next + i);
        }
        for (int half = 0; half < 2; half++) {
            size_t at = (half == 0) == swaps ? ROWS : 0;
            struct bede_columns columns = {
                .count = ROWS, .times_ns = times + at, .values = values + at};
            if (bede_append(writer->bede, tag, &columns, &tickets[slot], &error) < 0) die(&error);
        }
        next += 2 * ROWS;
        ends[slot] = next;
    }
    return NULL;
}

static void live(const uint64_t *firsts, int pipe, uint64_t seed)
{
    struct bede_error error;
    struct bede *bede;
    struct random random;
    random_init(&random, seed);
    struct bede_options options = {
        .memory_bytes_max = 16 << 20, .wal_bytes_max = 64 << 20, .wal_file_bytes = 1 << 20};
    if (bede_open(&bede, directory, &options, &error) < 0) die(&error);
    struct writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        pthread_t thread;
        writers[i] = (struct writer){bede, i, firsts[i], pipe};
        if (pthread_create(&thread, NULL, write_until_killed, &writers[i]) != 0) _exit(5);
    }
    for (uint64_t round = 0;; round++) {
        char name[32];
        uint32_t tag;
        struct timespec pause = {.tv_nsec = (long)random_below(&random, 20000000)};
        (void)nanosleep(&pause, NULL);
        (void)snprintf(name, sizeof name, "life%" PRIu64 ".%" PRIu64, seed, round);
        if (bede_tag(bede, name, BEDE_F64, &tag, &error) < 0) die(&error);
        union bede_value value = {.f64 = 1};
        if (bede_correct(bede, tag, EPOCH_NS, &value, 0, "anna", "", &error) < 0) die(&error);
        if (round % 4 == 3 && bede_flush(bede, &error) < 0) die(&error);
        if (round % 16 == 15 && bede_compact(bede, 1, &error) < 0) die(&error);
    }
}

/* ---- The parent ---- */

static void report_damage(void *context, const char *damage)
{
    (void)context;
    ck_abort_msg("%s", damage);
}

/* Where the writer goes on: below that, every value is there. */
static uint64_t check_writer(struct bede *bede, int number, uint64_t acknowledged)
{
    struct bede_error error;
    struct bede_cursor *cursor;
    struct bede_columns columns;
    char name[32];
    uint32_t tag;
    (void)snprintf(name, sizeof name, "writer%d", number);
    if (bede_tag_find(bede, name, &tag) != BEDE_OK) {
        ck_assert_uint_eq(acknowledged, 0);
        return 0;
    }
    static uint8_t seen[VALUES_MAX];
    memset(seen, 0, sizeof seen);
    uint64_t end = 0;
    ck_assert_msg(bede_cursor_open(&cursor, bede, tag, NULL, &error) == BEDE_OK, "%s", error.text);
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &error)) == BEDE_OK) {
        const int64_t *values = columns.values;
        /* An assertion that holds costs a write to Check's log; here are millions. */
        for (size_t i = 0; i < columns.count; i++) {
            uint64_t at = (uint64_t)(columns.times_ns[i] - EPOCH_NS) / 1000000;
            if (at >= VALUES_MAX || values[i] != value_of(number, at)) {
                ck_abort_msg("writer %d: value %" PRIu64 " differs", number, at);
            }
            if (seen[at]) ck_abort_msg("writer %d: value %" PRIu64 " is there twice", number, at);
            seen[at] = 1;
            end = at + 1;
        }
    }
    ck_assert_msg(status == BEDE_END, "%s", error.text);
    bede_cursor_close(cursor);
    for (uint64_t i = 0; i < acknowledged; i++) {
        if (seen[i]) continue;
        ck_abort_msg("writer %d: value %" PRIu64 " of %" PRIu64 " acknowledged ones is gone",
                     number, i, acknowledged);
    }
    /* Of the last pairs a half may be missing that nobody was promised: they are written again. */
    uint64_t whole = 0;
    while (whole < end && seen[whole]) whole++;
    return whole / (2 * ROWS) * (2 * ROWS);
}

static uint64_t one_life(uint64_t *acknowledged, uint64_t *firsts, uint64_t seed)
{
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)close(pipes[0]);
        live(firsts, pipes[1], seed);
    }
    (void)close(pipes[1]);
    struct random random;
    random_init(&random, seed ^ 0x5eed);
    double end = now_seconds() + 0.02 + random_double(&random) * 0.4;
    while (now_seconds() < end) {
        struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_msg(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL,
                  "the child ended by itself: %d", result);
    struct message message;
    while (read(pipes[0], &message, sizeof message) == sizeof message) {
        if (message.acknowledged > acknowledged[message.writer]) {
            acknowledged[message.writer] = message.acknowledged;
        }
    }
    (void)close(pipes[0]);

    struct bede_error error;
    struct bede_verify_result check;
    int status = bede_verify(directory, report_damage, NULL, &check, &error);
    if (status == BEDE_NOT_FOUND) return 0; /* killed before the store was made */
    ck_assert_msg(status == BEDE_OK, "%s", error.text);
    struct bede *bede;
    ck_assert_msg(bede_open(&bede, directory, NULL, &error) == BEDE_OK, "%s", error.text);
    uint64_t total = 0;
    for (int i = 0; i < WRITERS; i++) {
        firsts[i] = check_writer(bede, i, acknowledged[i]);
        total += firsts[i];
    }
    ck_assert_msg(bede_close(bede, &error) == BEDE_OK, "%s", error.text);
    return total;
}

static void remove_directory(void)
{
    char command[300];
    (void)snprintf(command, sizeof command, "rm -rf -- '%s'", directory);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(a_killed_process_loses_nothing_it_acknowledged)
{
    double seconds = (double)unit_number("BEDE_SECONDS", 5);
    uint64_t cycles_max = unit_number("BEDE_SEEDS", UINT64_MAX);
    uint64_t seed = unit_number("BEDE_SEED", 1);
    const char *root = getenv("TMPDIR");
    (void)snprintf(directory, sizeof directory, "%s/bede-kill-%d", root ? root : "/tmp", getpid());
    uint64_t acknowledged[WRITERS] = {0}, firsts[WRITERS] = {0};
    double end = now_seconds() + seconds;
    uint64_t cycles = 0, values = 0, restarts = 0;
    while (cycles < cycles_max && (cycles_max != UINT64_MAX || now_seconds() < end)) {
        uint64_t total = one_life(acknowledged, firsts, seed + cycles++);
        bool is_full = total > (uint64_t)WRITERS * VALUES_MAX / 2;
        if (is_full) { /* begin again with an empty store */
            values += total;
            restarts++;
            remove_directory();
            memset(acknowledged, 0, sizeof acknowledged);
            memset(firsts, 0, sizeof firsts);
        }
    }
    for (int i = 0; i < WRITERS; i++) values += firsts[i];
    printf("kill: %" PRIu64 " cycles, %" PRIu64 " values, %" PRIu64 " stores filled\n", cycles,
           values, restarts);
    remove_directory();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_killed_process_loses_nothing_it_acknowledged};
    return unit_run("kill", tests, sizeof tests / sizeof tests[0]);
}
