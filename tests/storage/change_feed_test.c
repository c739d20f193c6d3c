/* Goal:   a follower gets the new samples of its tags, in order and whole, or is told how many it
 *         missed, before what came behind them; a slow one costs nobody anything.
 * Method: random batches published to a follower of a small buffer that fetches at random, against
 *         a naive twin: a list of all that was published. Then limits of the buffer by hand, and
 *         one thread that publishes while others follow, come and go. */
#include "storage/change_feed.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "storage/wal_frame.h"
#include "tests/random_batch.h"

static struct error error;

static bool wants_all(void *context, uint32_t tag)
{
    (void)context, (void)tag;
    return true;
}

static bool wants_even(void *context, uint32_t tag)
{
    (void)context;
    return tag % 2 == 0;
}

enum { ARENA_BYTES = WAL_FRAME_ARENA_BYTES };

/* A batch of one tag whose values count on from first. */
static void publish_numbers(struct change_feed *feed, uint32_t tag, uint64_t first, size_t count)
{
    int64_t times[64];
    uint64_t values[64];
    ck_assert_uint_le(count, 64);
    for (size_t i = 0; i < count; i++) {
        times[i] = (int64_t)(first + i);
        values[i] = first + i;
    }
    struct batch batch = {.sample_count = (uint32_t)count,
                          .tag = tag,
                          .times_ns = times,
                          .values = values,
                          .type = VALUE_I64};
    change_feed_publish(feed, &batch, first + 1);
}

static size_t frame_bytes(size_t count)
{
    static const int64_t times[64];
    static const uint64_t values[64];
    struct batch batch = {
        .sample_count = (uint32_t)count, .times_ns = times, .values = values, .type = VALUE_I64};
    return wal_frame_bytes(&batch);
}

static void assert_next(struct follower *follower, struct arena *arena, uint64_t first,
                        size_t count)
{
    struct batch batch;
    uint64_t missed;
    arena_reset(arena);
    ASSERT_OK(follower_next(follower, 0, arena, &batch, &missed, &error), &error);
    ck_assert_uint_eq(batch.sample_count, count);
    ck_assert_uint_eq(batch.values[0], first);
    ck_assert_uint_eq(batch.values[count - 1], first + count - 1);
}

static void assert_missed(struct follower *follower, struct arena *arena, uint64_t expected)
{
    struct batch batch;
    uint64_t missed = 0;
    ASSERT_STATUS(STATUS_MISSED, follower_next(follower, 0, arena, &batch, &missed, &error),
                  &error);
    ck_assert_uint_eq(missed, expected);
}

static void assert_nothing(struct follower *follower, struct arena *arena)
{
    struct batch batch;
    uint64_t missed;
    ASSERT_STATUS(STATUS_AGAIN, follower_next(follower, 0, arena, &batch, &missed, &error), &error);
}

/* ---- Against the twin ---- */

enum { PUBLISHED_MAX = 200, TWIN_SAMPLES_MAX = 12 };

/* What a follower is owed: the parts of batches that it wants, oldest first. */
struct twin {
    struct random_batch made[PUBLISHED_MAX];
    struct batch owed[PUBLISHED_MAX * TWIN_SAMPLES_MAX];
    size_t owed_first, owed_count;
    uint64_t missed_count;
};

static void twin_publish(struct twin *twin, const struct batch *batch)
{
    if (!batch->tags) {
        if (wants_even(NULL, batch->tag)) twin->owed[twin->owed_count++] = *batch;
        return;
    }
    for (size_t i = 0; i < batch->sample_count; i++) {
        if (!wants_even(NULL, batch->tags[i])) continue;
        struct batch one = batch_slice(batch, i, 1);
        one.tag = batch->tags[i];
        one.tags = NULL;
        twin->owed[twin->owed_count++] = one;
    }
}

/* Fetches one batch. What was missed is all that is owed by then: nothing is taken behind a gap
 * before it was told. False when there is nothing more. */
static bool twin_fetch(struct twin *twin, struct follower *follower, struct arena *arena)
{
    struct batch batch;
    uint64_t missed = 0;
    arena_reset(arena);
    enum status status = follower_next(follower, 0, arena, &batch, &missed, &error);
    if (status == STATUS_AGAIN) {
        ck_assert_uint_eq(twin->owed_first, twin->owed_count);
        return false;
    }
    if (status == STATUS_MISSED) {
        uint64_t owed_count = 0;
        while (twin->owed_first < twin->owed_count) {
            owed_count += twin->owed[twin->owed_first++].sample_count;
        }
        ck_assert_uint_eq(missed, owed_count);
        twin->missed_count += missed;
        return true;
    }
    ck_assert_int_eq(status, STATUS_OK);
    ck_assert_uint_lt(twin->owed_first, twin->owed_count);
    ck_assert(batch_samples_are_equal(&batch, &twin->owed[twin->owed_first++])); /* N1 */
    return true;
}

/* Returns how many samples the follower missed. */
static uint64_t run_twin(uint64_t seed)
{
    struct random random;
    struct change_feed *feed;
    struct follower *follower;
    struct arena arena;
    struct twin *twin = calloc(1, sizeof *twin);
    ck_assert_ptr_nonnull(twin);
    random_init(&random, seed);
    arena_init(&arena, ARENA_BYTES);
    ASSERT_OK(change_feed_create(&feed, &error), &error);
    ASSERT_OK(follower_create(&follower, feed, 1000 + random_below(&random, 8000), wants_even, NULL,
                              &error),
              &error);
    for (size_t i = 0; i < PUBLISHED_MAX; i++) {
        random_batch_make(&twin->made[i], &random, TWIN_SAMPLES_MAX);
        change_feed_publish(feed, &twin->made[i].batch, i + 1);
        twin_publish(twin, &twin->made[i].batch);
        uint64_t fetches = random_below(&random, 4); /* some stay, so that the ring wraps */
        while (fetches > 0 && twin_fetch(twin, follower, &arena)) fetches--;
    }
    while (twin_fetch(twin, follower, &arena)) continue;
    uint64_t missed_count = twin->missed_count;
    follower_destroy(follower);
    change_feed_destroy(feed);
    arena_finish(&arena);
    free(twin);
    return missed_count;
}

START_TEST(a_follower_gets_what_the_twin_expects)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", 100);
    uint64_t gap_count = 0;
    for (uint64_t seed = first; seed < first + count; seed++) gap_count += run_twin(seed) > 0;
    ck_assert(count < 100 || (gap_count > 10 && gap_count < count)); /* both came up */
}
END_TEST

/* ---- The buffer ---- */

struct small_feed {
    struct change_feed *feed;
    struct follower *follower;
    struct arena arena;
};

static void small_feed_begin(struct small_feed *small, size_t buffer_bytes)
{
    arena_init(&small->arena, ARENA_BYTES);
    ASSERT_OK(change_feed_create(&small->feed, &error), &error);
    ASSERT_OK(follower_create(&small->follower, small->feed, buffer_bytes, wants_all, NULL, &error),
              &error);
}

static void small_feed_end(struct small_feed *small)
{
    follower_destroy(small->follower);
    change_feed_destroy(small->feed);
    arena_finish(&small->arena);
}

START_TEST(a_full_buffer_drops_and_tells)
{
    struct small_feed small;
    small_feed_begin(&small, 3 * frame_bytes(4));
    assert_nothing(small.follower, &small.arena);
    for (uint64_t i = 0; i < 5; i++) publish_numbers(small.feed, 1, 4 * i, 4);
    assert_next(small.follower, &small.arena, 0, 4);
    /* There is room again, but not for what comes behind a gap that was not told. */
    publish_numbers(small.feed, 1, 20, 1);
    assert_next(small.follower, &small.arena, 4, 4);
    assert_next(small.follower, &small.arena, 8, 4);
    assert_missed(small.follower, &small.arena, 9);
    assert_nothing(small.follower, &small.arena);
    publish_numbers(small.feed, 1, 21, 4);
    assert_next(small.follower, &small.arena, 21, 4);
    small_feed_end(&small);
}
END_TEST

START_TEST(an_empty_buffer_takes_whatever_it_can_hold)
{
    struct small_feed small;
    small_feed_begin(&small, frame_bytes(40));
    for (uint64_t i = 0; i < 20; i++) {
        publish_numbers(small.feed, 1, 100 * i, 1 + i);
        assert_next(small.follower, &small.arena, 100 * i, 1 + i);
        publish_numbers(small.feed, 1, 100 * i + 50, 40);
        assert_next(small.follower, &small.arena, 100 * i + 50, 40);
    }
    publish_numbers(small.feed, 1, 0, 41);
    assert_missed(small.follower, &small.arena, 41);
    small_feed_end(&small);
}
END_TEST

START_TEST(an_arena_too_small_costs_no_sample)
{
    struct small_feed small;
    struct batch batch;
    uint64_t missed;
    uint32_t text[2] = {4};
    uint64_t value = value_from_text((const struct text_value *)(const void *)text);
    memcpy(text + 1, "text", 4);
    struct batch published = {.sample_count = 1, .tag = 7, .values = &value, .type = VALUE_TEXT};
    small_feed_begin(&small, 1 << 12);
    change_feed_publish(small.feed, &published, 1);
    /* At first not even the frame fits, then not the pointer to its text; and so again. */
    size_t refused_count = 0;
    enum status status = STATUS_NO_MEMORY;
    for (size_t bytes = 0; status != STATUS_OK; bytes += 8) {
        struct arena tiny;
        arena_init(&tiny, bytes);
        status = follower_next(small.follower, 0, &tiny, &batch, &missed, &error);
        if (status == STATUS_OK) ck_assert(batch_samples_are_equal(&batch, &published));
        if (status != STATUS_OK) ck_assert_int_eq(status, STATUS_NO_MEMORY);
        refused_count++;
        arena_finish(&tiny);
    }
    ck_assert_uint_gt(refused_count, 10);
    small_feed_end(&small);
}
END_TEST

START_TEST(a_scan_comes_as_one_batch_a_tag)
{
    struct small_feed small;
    const uint32_t tags[3] = {5, 6, 8};
    const uint64_t values[3] = {50, 60, 80};
    struct batch scan = {
        .sample_count = 3, .tags = tags, .time_ns = 9, .values = values, .type = VALUE_I64};
    small_feed_begin(&small, 1 << 12);
    change_feed_publish(small.feed, &scan, 1);
    for (size_t i = 0; i < 3; i++) {
        struct batch batch;
        uint64_t missed;
        ASSERT_OK(follower_next(small.follower, 0, &small.arena, &batch, &missed, &error), &error);
        ck_assert_ptr_null(batch.tags);
        ck_assert_uint_eq(batch.tag, tags[i]);
        ck_assert_uint_eq(batch.sample_count, 1);
        ck_assert_int_eq(batch_time_ns(&batch, 0), 9);
        ck_assert_uint_eq(batch.values[0], values[i]);
    }
    assert_nothing(small.follower, &small.arena);
    small_feed_end(&small);
}
END_TEST

/* ---- Threads ---- */

enum { THREAD_SAMPLES = 40000, FOLLOWERS = 3 };

struct crowd {
    struct change_feed *feed;
    atomic_bool is_over;
};

/* All of one tag, numbers rising by one: gaps must be as large as was said. */
static void follow(void *context)
{
    struct crowd *crowd = context;
    struct follower *follower;
    struct arena arena;
    struct error own;
    arena_init(&arena, ARENA_BYTES);
    if (follower_create(&follower, crowd->feed, 2000, wants_all, NULL, &own) < 0) abort();
    uint64_t next = UINT64_MAX; /* the first may be any */
    for (;;) {
        struct batch batch;
        uint64_t missed;
        bool was_over = atomic_load(&crowd->is_over);
        arena_reset(&arena);
        enum status status = follower_next(follower, 5, &arena, &batch, &missed, &own);
        if (status == STATUS_AGAIN && was_over) break;
        if (status == STATUS_MISSED && next != UINT64_MAX) next += missed;
        if (status != STATUS_OK) continue;
        if (next != UINT64_MAX && batch.values[0] != next) abort();
        next = batch.values[0] + batch.sample_count;
    }
    /* Nothing was missed unsaid, up to the very end. */
    if (next != UINT64_MAX && next != THREAD_SAMPLES) abort();
    follower_destroy(follower);
    arena_finish(&arena);
}

static void come_and_go(void *context)
{
    struct crowd *crowd = context;
    struct error own;
    while (!atomic_load(&crowd->is_over)) {
        struct follower *follower;
        if (follower_create(&follower, crowd->feed, 500, wants_all, NULL, &own) < 0) abort();
        follower_destroy(follower);
    }
}

START_TEST(followers_come_and_go_while_samples_pass)
{
    struct crowd crowd;
    uv_thread_t threads[FOLLOWERS + 1];
    ASSERT_OK(change_feed_create(&crowd.feed, &error), &error);
    atomic_init(&crowd.is_over, false);
    for (size_t i = 0; i <= FOLLOWERS; i++) {
        ck_assert_int_eq(
            uv_thread_create(&threads[i], i < FOLLOWERS ? follow : come_and_go, &crowd), 0);
    }
    for (uint64_t next = 0; next < THREAD_SAMPLES;) {
        size_t count = 1 + next % 7;
        if (count > THREAD_SAMPLES - next) count = THREAD_SAMPLES - next;
        publish_numbers(crowd.feed, 1, next, count);
        next += count;
    }
    atomic_store(&crowd.is_over, true);
    for (size_t i = 0; i <= FOLLOWERS; i++) ck_assert_int_eq(uv_thread_join(&threads[i]), 0);
    change_feed_destroy(crowd.feed);
}
END_TEST

START_TEST(waiting_takes_the_time_it_was_given)
{
    struct small_feed small;
    struct batch batch;
    uint64_t missed;
    small_feed_begin(&small, 1 << 12);
    uint64_t begin_ns = uv_hrtime();
    ASSERT_STATUS(STATUS_AGAIN,
                  follower_next(small.follower, 30, &small.arena, &batch, &missed, &error), &error);
    ck_assert_uint_ge(uv_hrtime() - begin_ns, 25000000);
    small_feed_end(&small);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_follower_gets_what_the_twin_expects,
        a_full_buffer_drops_and_tells,
        an_empty_buffer_takes_whatever_it_can_hold,
        an_arena_too_small_costs_no_sample,
        a_scan_comes_as_one_batch_a_tag,
        followers_come_and_go_while_samples_pass,
        waiting_takes_the_time_it_was_given,
    };
    return unit_run("change_feed", tests, sizeof tests / sizeof tests[0]);
}
