/* A slab of any size is writable to its last byte and aligned as its header says. */
#include "storage/base/slab.h"
#include "tests/unit.h"

START_TEST(is_aligned_and_whole)
{
    const size_t sizes[] = {1, 64, 4096, 192 << 10, SLAB_HUGE_BYTES, 3 * SLAB_HUGE_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *slab = slab_take(sizes[i]);
        ck_assert_ptr_nonnull(slab);
        ck_assert_uint_eq((uintptr_t)slab % 64, 0);
        if (sizes[i] % SLAB_HUGE_BYTES == 0) {
            ck_assert_uint_eq((uintptr_t)slab % SLAB_HUGE_BYTES, 0);
        }
        memset(slab, 0xa5, sizes[i]);
        ck_assert_uint_eq(slab[sizes[i] - 1], 0xa5);
        free(slab);
    }
}
END_TEST

START_TEST(a_pool_keeps_so_many_and_hands_them_out_again)
{
    enum { KEPT = 2, TAKEN = 4, BYTES = 4096 };
    struct slab_pool pool;
    void *slabs[TAKEN];
    ck_assert(slab_pool_init(&pool, BYTES, KEPT));
    for (size_t i = 0; i < TAKEN; i++) {
        slabs[i] = slab_pool_take(&pool);
        ck_assert_ptr_nonnull(slabs[i]);
        memset(slabs[i], 0x5a, BYTES);
    }
    for (size_t i = 0; i < TAKEN; i++) slab_pool_give(&pool, slabs[i]);
    ck_assert_uint_eq(pool.count, KEPT);
    ck_assert_ptr_eq(slab_pool_take(&pool), slabs[1]); /* the last one that was kept */
    ck_assert_uint_eq(pool.count, 1);
    free(slabs[1]);
    slab_pool_finish(&pool);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {is_aligned_and_whole,
                                  a_pool_keeps_so_many_and_hands_them_out_again};
    return unit_run("slab", tests, sizeof tests / sizeof tests[0]);
}
