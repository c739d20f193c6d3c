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

int main(void)
{
    const TTest *const tests[] = {is_aligned_and_whole};
    return unit_run("slab", tests, sizeof tests / sizeof tests[0]);
}
