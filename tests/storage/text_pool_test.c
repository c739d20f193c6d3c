/* Goal:   a text has one id, whatever comes between, and its bytes never move.
 * Method: add texts at random and again, next to a plain list of them. */
#include <stdbool.h>

#include "storage/base/random.h"
#include "storage/text_pool.h"
#include "tests/unit.h"

enum { TEXTS = 20000 };

static size_t text_of(uint32_t which, char *target)
{
    size_t size = (size_t)snprintf(target, 32, "text %u ", which);
    /* Now and then a long one, so that slabs end at all places. */
    size_t wanted = which % 97 == 0 ? TEXT_POOL_TEXT_BYTES_MAX - which % 5 : size + which % 13;
    memset(target + size, 'x', wanted - size);
    return wanted;
}

START_TEST(a_text_keeps_its_id_and_its_place)
{
    static uint32_t ids[TEXTS];
    static const char *places[TEXTS];
    static char text[TEXT_POOL_TEXT_BYTES_MAX];
    struct error error;
    struct random random;
    struct text_pool pool;
    ASSERT_OK(text_pool_init(&pool, &error), &error);
    random_init(&random, unit_number("BEDE_SEED", 1));
    memset(ids, 0xff, sizeof ids);

    uint32_t count = 1; /* the empty one */
    for (int step = 0; step < 3 * TEXTS; step++) {
        uint32_t which = (uint32_t)random_below(&random, TEXTS);
        size_t size = text_of(which, text);
        ck_assert_uint_eq(text_pool_find(&pool, text, size), ids[which]);
        uint32_t id;
        ASSERT_OK(text_pool_add(&pool, text, size, &id, &error), &error);
        if (ids[which] == TEXT_NONE) {
            ck_assert_uint_eq(id, count++); /* T1 */
            ids[which] = id;
            places[which] = text_pool_text(&pool, id);
        }
        ck_assert_uint_eq(id, ids[which]);
        ck_assert_uint_eq(text_pool_count(&pool), count);
    }
    for (uint32_t which = 0; which < TEXTS; which++) {
        if (ids[which] == TEXT_NONE) continue;
        size_t size = text_of(which, text);
        ck_assert_ptr_eq(text_pool_text(&pool, ids[which]), places[which]);
        ck_assert_uint_eq(text_pool_size(&pool, ids[which]), size);
        ck_assert_mem_eq(places[which], text, size);
        ck_assert_int_eq(places[which][size], 0);
    }
    text_pool_finish(&pool);
}
END_TEST

START_TEST(a_cleared_pool_is_as_new)
{
    struct error error;
    struct text_pool pool;
    ASSERT_OK(text_pool_init(&pool, &error), &error);
    for (int round = 0; round < 3; round++) {
        ck_assert_uint_eq(text_pool_count(&pool), 1);
        ck_assert_uint_eq(text_pool_find(&pool, "", 0), 0);
        ck_assert_str_eq(text_pool_text(&pool, 0), "");
        for (uint32_t i = 0; i < 1000 * (uint32_t)(round + 1); i++) {
            char text[800];
            int size = snprintf(text, sizeof text, "%0700u", i);
            uint32_t id;
            ck_assert_uint_eq(text_pool_find(&pool, text, (size_t)size), TEXT_NONE);
            ASSERT_OK(text_pool_add(&pool, text, (size_t)size, &id, &error), &error);
            ck_assert_uint_eq(id, i + 1);
        }
        text_pool_clear(&pool);
    }
    text_pool_finish(&pool);
    text_pool_finish(&pool);
}
END_TEST

START_TEST(too_many_texts_are_refused)
{
    struct error error;
    struct text_pool pool;
    ASSERT_OK(text_pool_init(&pool, &error), &error);
    ASSERT_STATUS(STATUS_TOO_LARGE,
                  text_pool_reserve(&pool, (size_t)TEXT_POOL_TEXTS_MAX + 1, &error), &error);
    text_pool_finish(&pool);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_text_keeps_its_id_and_its_place,
        a_cleared_pool_is_as_new,
        too_many_texts_are_refused,
    };
    return unit_run("text_pool", tests, sizeof tests / sizeof tests[0]);
}
