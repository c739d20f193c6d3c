/* How fast one tag is read: a cursor over blocks in the page cache, and from memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "engine/bede.h"

#define SECOND_NS INT64_C(1000000000)
#define EPOCH_NS (INT64_C(1760000000) * SECOND_NS)

enum { VALUES = 20000000, COLUMN = 50000, ROUNDS = 5 };

static struct bede_error error;

static void must(int status, const char *what)
{
    if (status < 0) bench_die(what, error.text);
}

static void fill(struct bede *bede, uint32_t tag)
{
    static int64_t times[COLUMN];
    static int64_t values[COLUMN];
    uint64_t state = 7;
    uint64_t ticket = 0;
    for (size_t i = 0; i < VALUES; i += COLUMN) {
        for (size_t j = 0; j < COLUMN; j++) {
            times[j] = EPOCH_NS + (int64_t)(i + j) * SECOND_NS;
            state = state * 6364136223846793005u + 1442695040888963407u;
            values[j] = (int64_t)state; /* any bits: no codec helps */
        }
        struct bede_columns columns = {.count = COLUMN, .times_ns = times, .values = values};
        must(bede_append(bede, tag, &columns, &ticket, &error), "append");
    }
    must(bede_wait(bede, ticket, &error), "wait");
}

static int64_t sum_all(struct bede *bede, uint32_t tag, size_t *out_count)
{
    struct bede_cursor *cursor;
    struct bede_columns columns;
    must(bede_cursor_open(&cursor, bede, tag, NULL, &error), "cursor");
    uint64_t sum[4] = {0};
    size_t count = 0;
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &error)) == BEDE_OK) {
        const uint64_t *values = columns.values;
        size_t i = 0;
        for (; i + 4 <= columns.count; i += 4) {
            for (size_t lane = 0; lane < 4; lane++) sum[lane] += values[i + lane];
        }
        for (; i < columns.count; i++) sum[0] += values[i];
        count += columns.count;
    }
    must(status, "next");
    bede_cursor_close(cursor);
    *out_count = count;
    return (int64_t)(sum[0] + sum[1] + sum[2] + sum[3]);
}

int main(void)
{
    const char *directory = bench_directory("read");
    bench_print_machine(directory);
    struct bede *bede;
    uint32_t tag;
    must(bede_open(&bede, directory, NULL, &error), "open");
    must(bede_tag(bede, "boiler1.any", BEDE_I64, &tag, &error), "tag");
    fill(bede, tag);
    must(bede_flush(bede, &error), "flush");
    must(bede_compact(bede, 1, &error), "compact");
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        size_t count;
        double begin = bench_seconds();
        int64_t sum = sum_all(bede, tag, &count);
        double seconds = bench_seconds() - begin;
        if (count != VALUES || sum == 0) bench_die("read", "not what was written");
        if (seconds < best) best = seconds;
    }
    bench_print("cursor over one tag and sum, warm, raw codec", VALUES / best / 1e9, "G values/s",
                0.5, "20 M values, one core, best of 5");
    must(bede_close(bede, &error), "close");
    return 0;
}
