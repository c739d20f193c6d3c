/* How fast values become durable: columns, scans, single values; memory, recovery.
 *
 * All through engine/bede.h, with the default policy: an append is acknowledged when it is synced. */
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "engine/bede.h"

#define SECOND_NS INT64_C(1000000000)
#define EPOCH_NS (INT64_C(1760000000) * SECOND_NS)
#define MIB ((uint64_t)1 << 20)

static struct bede_error error;

static void must(int status, const char *what)
{
    if (status < 0) bench_die(what, error.text);
}

static struct bede *open_store(const char *directory, uint64_t memory_bytes)
{
    struct bede *bede;
    struct bede_options options = {.memory_bytes_max = memory_bytes};
    must(bede_open(&bede, directory, &options, &error), "open");
    return bede;
}

static uint32_t *make_tags(struct bede *bede, size_t count)
{
    struct bede_tag_definition *definitions = calloc(count, sizeof *definitions);
    char(*names)[32] = calloc(count, sizeof *names);
    uint32_t *tags = calloc(count, sizeof *tags);
    if (!definitions || !names || !tags) bench_die("tags", "out of memory");
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "area%zu.unit%zu.pv", i / 1000, i % 1000);
        definitions[i] = (struct bede_tag_definition){.name = names[i], .type = BEDE_F64};
    }
    must(bede_tags_create(bede, definitions, count, tags, &error), "tags");
    free(definitions);
    free(names);
    return tags;
}

/* A signal with three decimals: a slow walk and some noise, from a table so that making it costs
 * nothing beside storing it. */
static const double *signal_table(size_t count)
{
    double *table = malloc(count * sizeof *table);
    if (!table) bench_die("signal", "out of memory");
    uint64_t state = 42;
    double walk = 50;
    for (size_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        walk += ((double)(state >> 40) / (1 << 24) - 0.5) * 0.1;
        table[i] = round((walk + (double)(state >> 60)) * 1000) / 1000;
    }
    return table;
}

static void columns_of_one_tag(void)
{
    enum { COLUMN = 1000, COLUMNS = 60000, IN_FLIGHT = 512 };
    struct bede *bede = open_store(bench_directory("columns"), 0);
    uint32_t *tags = make_tags(bede, 1000);
    const double *signal = signal_table(COLUMN + 4096);
    static int64_t times[COLUMN];
    uint64_t tickets[IN_FLIGHT] = {0};
    double begin = bench_seconds(), begin_cpu = bench_cpu_seconds();
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t round_of_tag = i / 1000;
        for (size_t j = 0; j < COLUMN; j++) {
            times[j] = EPOCH_NS + (int64_t)(round_of_tag * COLUMN + j) * SECOND_NS;
        }
        struct bede_columns columns = {
            .count = COLUMN, .times_ns = times, .values = signal + i % 4096};
        uint64_t *ticket = &tickets[i % IN_FLIGHT];
        must(bede_wait(bede, *ticket, &error), "wait");
        must(bede_append(bede, tags[i % 1000], &columns, ticket, &error), "append");
    }
    must(bede_sync(bede, &error), "sync");
    double seconds = bench_seconds() - begin;
    char remark[128];
    (void)snprintf(remark, sizeof remark,
                   "60 M values, 1,000 tags, CPU %.1f ns/value, peak %.0f MB",
                   (bench_cpu_seconds() - begin_cpu) * 1e9 / ((double)COLUMN * COLUMNS),
                   (double)bench_peak_bytes() / 1e6);
    bench_print("columns of one tag, 1,000 values a ticket",
                (double)COLUMN * COLUMNS / seconds / 1e6, "M values/s", 10, remark);
    must(bede_close(bede, &error), "close");
    free(tags);
}

static void scans(size_t tag_count, size_t scan_count, const char *what)
{
    enum { IN_FLIGHT = 32 };
    struct bede *bede = open_store(bench_directory("scans"), tag_count > 100000 ? 2048 * MIB : 0);
    uint32_t *tags = make_tags(bede, tag_count);
    const double *signal = signal_table(tag_count + 4096);
    uint64_t tickets[IN_FLIGHT] = {0};
    double begin = bench_seconds(), begin_cpu = bench_cpu_seconds();
    for (size_t i = 0; i < scan_count; i++) {
        struct bede_scan scan = {
            .time_ns = EPOCH_NS + (int64_t)i * SECOND_NS,
            .count = tag_count,
            .tags = tags,
            .values = (const union bede_value *)(const void *)(signal + i % 4096),
        };
        uint64_t *ticket = &tickets[i % IN_FLIGHT];
        must(bede_wait(bede, *ticket, &error), "wait");
        must(bede_append_scan(bede, &scan, ticket, &error), "scan");
    }
    must(bede_sync(bede, &error), "sync");
    double seconds = bench_seconds() - begin;
    double values = (double)tag_count * (double)scan_count;
    char remark[128];
    struct bede_stats stats;
    must(bede_stats(bede, &stats, &error), "stats");
    (void)snprintf(remark, sizeof remark,
                   "%.0f M values, CPU %.1f ns/value, peak %.0f MB, %llu flushes", values / 1e6,
                   (bench_cpu_seconds() - begin_cpu) * 1e9 / values,
                   (double)bench_peak_bytes() / 1e6, (unsigned long long)stats.flush_count);
    bench_print(what, values / seconds / 1e6, "M values/s", 10, remark);
    if (tag_count >= 1000000) {
        bench_print("memory with 1 M active tags, peak", (double)bench_peak_bytes() / (1 << 30),
                    "GiB", 2, "floor is a ceiling");
    }
    must(bede_close(bede, &error), "close");
    free(tags);
}

/* ---- Single values ---- */

enum { THREADS = 8, TICKETS = 64, SINGLES = 400000 };

struct single {
    struct bede *bede;
    uint32_t tag;
};

static void *append_singles(void *context)
{
    const struct single *single = context;
    struct bede_error own;
    uint64_t tickets[TICKETS] = {0};
    for (size_t i = 0; i < SINGLES; i++) {
        int64_t time_ns = EPOCH_NS + (int64_t)i * SECOND_NS;
        double value = (double)i;
        struct bede_columns columns = {.count = 1, .times_ns = &time_ns, .values = &value};
        uint64_t *ticket = &tickets[i % TICKETS];
        if (bede_wait(single->bede, *ticket, &own) < 0) bench_die("wait", own.text);
        if (bede_append(single->bede, single->tag, &columns, ticket, &own) < 0) {
            bench_die("append", own.text);
        }
    }
    return NULL;
}

static void single_values(void)
{
    struct bede *bede = open_store(bench_directory("singles"), 0);
    uint32_t *tags = make_tags(bede, THREADS);
    pthread_t threads[THREADS];
    struct single singles[THREADS];
    double begin = bench_seconds();
    for (size_t i = 0; i < THREADS; i++) {
        singles[i] = (struct single){bede, tags[i]};
        if (pthread_create(&threads[i], NULL, append_singles, &singles[i]) != 0) {
            bench_die("thread", "cannot start");
        }
    }
    for (size_t i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
    must(bede_sync(bede, &error), "sync");
    double seconds = bench_seconds() - begin;
    bench_print("one value a call, 8 threads x 64 tickets",
                (double)THREADS * SINGLES / seconds / 1e6, "M values/s", 0.5, "");
    must(bede_close(bede, &error), "close");
    free(tags);
}

static void blocking_appends(void)
{
    enum { APPENDS = 3000 };
    static double samples[APPENDS];
    const char *directory = bench_directory("blocking");
    double sync_p99;
    double sync = bench_sync_seconds(directory, &sync_p99);
    struct bede *bede = open_store(directory, 0);
    uint32_t *tags = make_tags(bede, 1);
    for (size_t i = 0; i < APPENDS; i++) {
        double begin = bench_seconds();
        must(bede_append_f64(bede, tags[0], EPOCH_NS + (int64_t)i * SECOND_NS, 1.5, BEDE_GOOD,
                             &error),
             "append");
        samples[i] = bench_seconds() - begin;
    }
    double median = bench_percentile(samples, APPENDS, 0.5);
    double p99 = bench_percentile(samples, APPENDS, 0.99);
    char remark[160];
    (void)snprintf(remark, sizeof remark,
                   "floor is a ceiling: 3 x the sync; append %.0f us median, %.0f us p99; sync "
                   "%.0f, %.0f",
                   median * 1e6, p99 * 1e6, sync * 1e6, sync_p99 * 1e6);
    bench_print("a single blocking append, p99 / median sync", p99 / sync, "x", 3, remark);
    must(bede_close(bede, &error), "close");
    free(tags);
}

/* ---- Recovery ---- */

/* Fills the log in a process of its own, which dies without closing. */
static void recovery_from_a_full_log(void)
{
    enum { TAGS = 10000, SCANS = 16000 };
    const char *directory = bench_directory("recovery");
    (void)fflush(stdout);
    pid_t child = fork();
    if (child < 0) bench_die("fork", "cannot");
    if (child == 0) {
        struct bede *bede;
        /* So much memory that no flush comes before the log is nearly full. */
        struct bede_options options = {.memory_bytes_max = 12 * 1024 * MIB};
        must(bede_open(&bede, directory, &options, &error), "open");
        uint32_t *tags = make_tags(bede, TAGS);
        const double *signal = signal_table(TAGS + 4096);
        struct bede_stats stats = {0};
        uint64_t ticket = 0;
        for (size_t i = 0; i < SCANS; i++) {
            struct bede_scan scan = {
                .time_ns = EPOCH_NS + (int64_t)i * SECOND_NS,
                .count = TAGS,
                .tags = tags,
                .values = (const union bede_value *)(const void *)(signal + i % 4096),
            };
            must(bede_append_scan(bede, &scan, &ticket, &error), "scan");
            must(bede_stats(bede, &stats, &error), "stats");
            if (stats.flush_count > 0) bench_die("recovery", "flushed too early");
            if (stats.wal_bytes > 1500 * MIB) break;
        }
        must(bede_sync(bede, &error), "sync");
        _exit(0);
    }
    int result;
    if (waitpid(child, &result, 0) != child || result != 0) bench_die("recovery", "child failed");
    double begin = bench_seconds();
    struct bede *bede = open_store(directory, 2048 * MIB);
    double seconds = bench_seconds() - begin;
    struct bede_stats stats;
    must(bede_stats(bede, &stats, &error), "stats");
    char remark[128];
    (void)snprintf(remark, sizeof remark, "floor is a ceiling: %.0f M values in %.1f GiB of log",
                   (double)stats.recovered_count / 1e6,
                   (double)stats.wal_bytes / (double)(1024 * MIB));
    bench_print("recovery from a full log", seconds, "s", 15, remark);
    must(bede_close(bede, &error), "close");
}

/* ---- Opening ---- */

static void opening_a_million_tags(void)
{
    const char *directory = bench_directory("opening");
    struct bede *bede = open_store(directory, 0);
    double begin = bench_seconds();
    free(make_tags(bede, 1000000));
    double made = bench_seconds() - begin;
    must(bede_close(bede, &error), "close");
    begin = bench_seconds();
    bede = open_store(directory, 0);
    double seconds = bench_seconds() - begin;
    char remark[128];
    (void)snprintf(remark, sizeof remark, "floor is a ceiling; making them took %.1f s", made);
    bench_print("opening a store of 1,000,000 tags", seconds, "s", 3, remark);
    must(bede_close(bede, &error), "close");
}

int main(int argument_count, char **arguments)
{
    const char *only = argument_count > 1 ? arguments[1] : "";
    bench_print_machine(bench_directory("machine"));
    if (!*only || strcmp(only, "columns") == 0) columns_of_one_tag();
    if (!*only || strcmp(only, "scans") == 0) {
        scans(10000, 6000, "scans of 10,000 tags, one value each");
    }
    if (!*only || strcmp(only, "million") == 0) {
        scans(1000000, 60, "scans of 1,000,000 tags, one value each");
    }
    if (!*only || strcmp(only, "singles") == 0) single_values();
    if (!*only || strcmp(only, "blocking") == 0) blocking_appends();
    if (!*only || strcmp(only, "opening") == 0) opening_a_million_tags();
    if (!*only || strcmp(only, "recovery") == 0) recovery_from_a_full_log();
    return 0;
}
