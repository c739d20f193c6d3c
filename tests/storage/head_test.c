/* Goal:   a head gives back what was applied, in order of time from its run and its bag together,
 *         also to readers that look while it grows.
 * Method: random batches against a list; then one writer and several readers at once, who must
 *         see whole batches and never a count that falls. */
#include <pthread.h>
#include <stdatomic.h>

#include "storage/base/random.h"
#include "storage/head.h"
#include "tests/unit.h"

enum { TAGS = 5, ROWS = 40, BATCHES = 60 };

struct written {
    int64_t time_ns;
    struct entry entry;
};

static int compare_written(const void *left, const void *right)
{
    const struct written *a = left;
    const struct written *b = right;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return entry_compare(&a->entry, &b->entry);
}

/* All of a tag, from run and bag, sorted. */
static size_t read_tag(const struct head *head, uint32_t tag, struct arena *arena,
                       struct written *target)
{
    size_t count = 0;
    struct head_run run = head_run(head, tag);
    struct batch batch;
    int64_t last_ns = INT64_MIN;
    while (head_run_next(&run, &batch) == STATUS_OK) {
        for (size_t i = 0; i < batch.sample_count; i++) {
            ck_assert_int_gt(batch.times_ns[i], last_ns);
            last_ns = batch.times_ns[i];
            target[count++] = (struct written){last_ns, batch_entry(&batch, i)};
        }
    }
    struct head_entry *entries;
    size_t entry_count;
    struct error error;
    ASSERT_OK(head_bag(head, tag, INT64_MIN, INT64_MAX, arena, &entries, &entry_count, &error),
              &error);
    for (size_t i = 0; i < entry_count; i++) {
        target[count++] = (struct written){entries[i].time_ns, entries[i].entry};
    }
    qsort(target, count, sizeof *target, compare_written);
    return count;
}

static void run_seed(uint64_t seed)
{
    static struct written expected[TAGS][ROWS * BATCHES], found[ROWS * BATCHES];
    size_t counts[TAGS] = {0};
    struct random random;
    random_init(&random, seed);
    struct slab_pool pool;
    ck_assert(slab_pool_init(&pool, 4096, 3));
    struct head *head = head_create(&pool);
    struct error error;
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        int64_t times[ROWS];
        uint64_t values[ROWS];
        uint32_t qualities[ROWS];
        size_t count = 1 + random_below(&random, ROWS);
        int64_t next = (int64_t)random_below(&random, 1000);
        for (size_t i = 0; i < count; i++) {
            next += random_chance(&random, 1, 10) ? -20 : 1 + (int64_t)random_below(&random, 5);
            times[i] = next;
            values[i] = sequence * 1000 + i;
            qualities[i] = (uint32_t)random_below(&random, 3) << 30;
        }
        uint32_t tag = (uint32_t)random_below(&random, TAGS);
        struct batch batch = {
            .sample_count = (uint32_t)count,
            .tag = tag * 3000, /* on several pages */
            .times_ns = times,
            .values = values,
            .qualities = random_chance(&random, 1, 2) ? qualities : NULL,
            .type = VALUE_I64,
            .kind = random_chance(&random, 1, 8) ? ENTRY_CORRECTION : ENTRY_COLLECTED,
            .clock = random_chance(&random, 1, 3) ? sequence : 0,
            .origin = 1 + random_below(&random, 2),
        };
        if (batch.kind == ENTRY_CORRECTION) batch.clock = sequence;
        ASSERT_OK(head_apply(head, &batch, sequence, &error), &error);
        for (size_t i = 0; i < count; i++) {
            expected[tag][counts[tag]++] = (struct written){times[i], batch_entry(&batch, i)};
        }
    }
    for (uint32_t tag = 0; tag < TAGS; tag++) {
        struct arena arena;
        arena_init(&arena, 64 << 20);
        size_t count = read_tag(head, tag * 3000, &arena, found);
        qsort(expected[tag], counts[tag], sizeof expected[tag][0], compare_written);
        ck_assert_msg(count == counts[tag], "seed %llu: %zu of %zu", (unsigned long long)seed,
                      count, counts[tag]);
        for (size_t i = 0; i < count; i++) {
            ck_assert_msg(compare_written(&found[i], &expected[tag][i]) == 0,
                          "seed %llu: entry %zu differs", (unsigned long long)seed, i);
        }
        arena_finish(&arena);
    }
    head_unref(head);
    slab_pool_finish(&pool);
}

START_TEST(gives_back_what_was_applied)
{
    for (uint64_t seed = 1; seed <= 200; seed++) run_seed(seed);
}
END_TEST

/* ---- One writer, several readers ---- */

enum { READERS = 3, GROWN_BATCHES = 4000, GROWN_ROWS = 10 };

struct growing {
    struct head *head;
    atomic_bool done;
};

static void *read_while_it_grows(void *context)
{
    struct growing *growing = context;
    size_t last_count = 0;
    bool done;
    do {
        done = atomic_load(&growing->done);
        size_t count = 0;
        struct head_run run = head_run(growing->head, 1);
        struct batch batch;
        while (head_run_next(&run, &batch) == STATUS_OK) {
            for (size_t i = 0; i < batch.sample_count; i++) {
                ck_assert_uint_eq(batch.values[i], count + i);
                ck_assert_int_eq(batch.times_ns[i], (int64_t)(count + i));
            }
            count += batch.sample_count;
        }
        ck_assert_uint_eq(count % GROWN_ROWS, 0); /* H2 */
        ck_assert_uint_ge(count, last_count);
        last_count = count;
        int64_t time_ns;
        struct entry entry;
        enum status status = head_last(growing->head, 1, &time_ns, &entry);
        if (count > 0) ck_assert_int_eq(status, STATUS_OK);
        if (status != STATUS_OK) continue;
        ck_assert_int_eq(time_ns, (int64_t)entry.value);
        ck_assert_int_ge(time_ns + 1, (int64_t)count);
        ck_assert_int_eq((time_ns + 1) % GROWN_ROWS, 0); /* H2 */
    } while (!done);
    ck_assert_uint_eq(last_count, GROWN_BATCHES * GROWN_ROWS);
    return NULL;
}

START_TEST(readers_see_whole_batches_while_it_grows)
{
    struct slab_pool pool;
    ck_assert(slab_pool_init(&pool, 1 << 16, 3));
    struct growing growing = {.head = head_create(&pool)};
    struct error error;
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_while_it_grows, &growing), 0);
    }
    for (uint64_t sequence = 1; sequence <= GROWN_BATCHES; sequence++) {
        int64_t times[GROWN_ROWS];
        uint64_t values[GROWN_ROWS];
        uint32_t qualities[GROWN_ROWS] = {0, 0, 1u << 30};
        for (size_t i = 0; i < GROWN_ROWS; i++) {
            values[i] = (sequence - 1) * GROWN_ROWS + i;
            times[i] = (int64_t)values[i];
        }
        struct batch batch = {.sample_count = GROWN_ROWS,
                              .tag = 1,
                              .times_ns = times,
                              .values = values,
                              .qualities = sequence % 50 == 0 ? qualities : NULL,
                              .type = VALUE_I64,
                              .clock = sequence / 97, /* a new chunk now and then */
                              .origin = 1};
        ASSERT_OK(head_apply(growing.head, &batch, sequence, &error), &error);
    }
    atomic_store(&growing.done, true);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    head_unref(growing.head);
    slab_pool_finish(&pool);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {gives_back_what_was_applied,
                                  readers_see_whole_batches_while_it_grows};
    return unit_run("head", tests, sizeof tests / sizeof tests[0]);
}
