#include "storage/base/arena.h"

#include "storage/base/random.h"
#include "tests/unit.h"

static bool is_all(const uint8_t *bytes, size_t size, uint8_t byte)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != byte) return false;
    }
    return true;
}

/* Goal:   what an arena hands out is aligned, zeroed where that is promised, and lies nowhere over
 *         anything else it handed out.
 * Method: random sizes of both kinds; each piece is filled with a byte of its own, and all are
 *         looked at in the end; several rounds, so that a reset arena is used again. */
START_TEST(pieces_are_apart)
{
    enum { PIECES = 200 };
    struct arena arena;
    struct random random;
    uint8_t *pieces[PIECES];
    size_t sizes[PIECES];
    arena_init(&arena, 8 << 20);
    random_init(&random, 1);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < PIECES; i++) {
            bool is_raw = random_chance(&random, 1, 2);
            sizes[i] = random_below(&random, i % 50 == 0 ? 100000 : 300);
            pieces[i] = is_raw ? arena_take_raw(&arena, sizes[i]) : arena_take(&arena, sizes[i]);
            ck_assert_ptr_nonnull(pieces[i]);
            size_t alignment = is_raw ? ARENA_RAW_ALIGNMENT : _Alignof(max_align_t);
            ck_assert_uint_eq((uintptr_t)pieces[i] % alignment, 0);
            if (!is_raw) ck_assert(is_all(pieces[i], sizes[i], 0));
            memset(pieces[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < PIECES; i++) {
            ck_assert(is_all(pieces[i], sizes[i], (uint8_t)i));
        }
        arena_reset(&arena);
    }
    arena_finish(&arena);
}
END_TEST

/* Goal:   A2: an arena says no at its limit, before it takes more, and goes on working.
 * Method: small pieces until it refuses; a piece that no arena of this size can hold. */
START_TEST(it_keeps_its_limit)
{
    enum { BYTES_MAX = 100 << 10 };
    struct arena arena;
    arena_init(&arena, BYTES_MAX);
    ck_assert_ptr_null(arena_take(&arena, BYTES_MAX + 1));
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX));
    ck_assert_ptr_null(arena_take_raw(&arena, SIZE_MAX - 100));
    size_t taken_bytes = 0;
    while (arena_take(&arena, 1000)) taken_bytes += 1000;
    ck_assert_uint_le(arena.bytes, BYTES_MAX);
    ck_assert_uint_le(taken_bytes, BYTES_MAX);
    ck_assert_uint_ge(taken_bytes, BYTES_MAX / 2);

    arena_reset(&arena);
    ck_assert_ptr_nonnull(arena_take(&arena, 1000));
    arena_finish(&arena);
}
END_TEST

/* Goal:   A3: steady work takes no memory after the first rounds.
 * Method: the same work again; the chunk that is left must serve all of it. */
START_TEST(steady_work_takes_nothing)
{
    struct arena arena;
    arena_init(&arena, 8 << 20);
    size_t settled_bytes = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 300; i++) ck_assert_ptr_nonnull(arena_take(&arena, 1000));
        if (round == 10) settled_bytes = arena.bytes;
        if (round > 10) ck_assert_uint_eq(arena.bytes, settled_bytes);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    arena_finish(&arena); /* zeroed now */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {pieces_are_apart, it_keeps_its_limit, steady_work_takes_nothing};
    return unit_run("arena", tests, sizeof tests / sizeof tests[0]);
}
