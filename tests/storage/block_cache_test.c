/* Goal:   what was put is found as it was put, or not at all; what is held stays; and there is never
 *         more than the limit.
 * Method: random takes and puts against what every key must hold, in one thread and in several; long
 *         passes beside keys that are asked for again and again. */
#include "storage/block_cache.h"

#include <pthread.h>
#include <stdbool.h>

#include "storage/base/random.h"
#include "tests/unit.h"

enum { CACHE_BYTES = 1 << 20, THREADS = 4, ROUNDS = 10000 };

static struct block_cache_key some_key(struct random *random, uint64_t variety)
{
    uint64_t number = random_below(random, variety);
    return (struct block_cache_key){
        .segment = number % 7, .offset = number * 64, .size_bytes = 100 + number % 5000};
}

/* What the bytes of a key are. */
static uint8_t byte_of(struct block_cache_key key, size_t index)
{
    return (uint8_t)(key.segment * 31 + key.offset / 64 + index);
}

static struct cached_bytes *make(struct block_cache_key key)
{
    struct cached_bytes *bytes = cached_bytes_create(key);
    ck_assert_ptr_nonnull(bytes);
    uint8_t *data = cached_bytes_data(bytes);
    ck_assert_uint_eq((uintptr_t)data % 64, 0);
    for (size_t i = 0; i < key.size_bytes; i++) data[i] = byte_of(key, i);
    return bytes;
}

static void check(struct cached_bytes *bytes, struct block_cache_key key)
{
    const uint8_t *data = cached_bytes_data(bytes);
    bool is_same = true; /* an assertion a byte would take most of the time */
    for (size_t i = 0; i < key.size_bytes; i++) is_same = is_same && data[i] == byte_of(key, i);
    ck_assert(is_same);
}

struct user {
    struct block_cache *cache;
    uint64_t seed;
};

static void *use(void *context)
{
    const struct user *user = context;
    struct random random;
    random_init(&random, user->seed);
    struct cached_bytes *held = NULL;
    struct block_cache_key held_key = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct block_cache_key key = some_key(&random, 2000);
        struct cached_bytes *bytes = block_cache_take(user->cache, key);
        if (!bytes) {
            bytes = make(key);
            if (random_chance(&random, 3, 4)) block_cache_put(user->cache, bytes);
        }
        check(bytes, key);
        if (random_chance(&random, 1, 50)) { /* kept while much else comes and goes */
            if (held) check(held, held_key);
            cached_bytes_give(held);
            held = bytes;
            held_key = key;
        } else {
            cached_bytes_give(bytes);
        }
        ck_assert_uint_le(block_cache_statistics(user->cache).bytes, CACHE_BYTES);
    }
    cached_bytes_give(held);
    return NULL;
}

START_TEST(what_is_found_is_what_was_put)
{
    struct block_cache *cache = block_cache_create(CACHE_BYTES);
    for (uint64_t seed = 1; seed <= 5; seed++) (void)use(&(struct user){cache, seed});
    struct block_cache_statistics statistics = block_cache_statistics(cache);
    ck_assert_uint_gt(statistics.hit_count, 0);
    ck_assert_uint_gt(statistics.bytes, CACHE_BYTES / 2);
    block_cache_destroy(cache);
}
END_TEST

START_TEST(threads_share_it)
{
    struct block_cache *cache = block_cache_create(CACHE_BYTES);
    pthread_t threads[THREADS];
    struct user users[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        users[i] = (struct user){cache, 100 + i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use, &users[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    block_cache_destroy(cache);
}
END_TEST

/* Each is asked for again before the hand has come round. */
START_TEST(what_is_asked_for_often_stays)
{
    struct block_cache *cache = block_cache_create(CACHE_BYTES);
    uint64_t found = 0, asked = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        struct block_cache_key once = {.segment = 9, .offset = i * 64, .size_bytes = 1000};
        struct block_cache_key often = {.segment = 1, .offset = i % 100 * 64, .size_bytes = 1000};
        struct block_cache_key keys[] = {often, once};
        for (size_t j = 0; j < 2; j++) {
            struct cached_bytes *bytes = block_cache_take(cache, keys[j]);
            if (j == 0) {
                asked++;
                found += bytes != NULL;
            }
            if (!bytes) block_cache_put(cache, bytes = make(keys[j]));
            cached_bytes_give(bytes);
        }
    }
    ck_assert_uint_ge(found, asked * 95 / 100);
    block_cache_destroy(cache);
}
END_TEST

START_TEST(what_is_too_large_is_not_kept)
{
    struct block_cache *cache = block_cache_create(CACHE_BYTES);
    struct block_cache_key key = {.segment = 1, .size_bytes = CACHE_BYTES};
    struct cached_bytes *bytes = make(key);
    block_cache_put(cache, bytes);
    ck_assert_uint_eq(block_cache_statistics(cache).bytes, 0);
    ck_assert_ptr_null(block_cache_take(cache, key));
    cached_bytes_give(bytes);
    cached_bytes_give(NULL);
    block_cache_destroy(cache);
    block_cache_destroy(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_found_is_what_was_put,
        threads_share_it,
        what_is_asked_for_often_stays,
        what_is_too_large_is_not_kept,
    };
    return unit_run("block_cache", tests, sizeof tests / sizeof tests[0]);
}
