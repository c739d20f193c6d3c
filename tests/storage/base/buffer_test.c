#include "storage/base/buffer.h"

#include "storage/base/random.h"
#include "tests/unit.h"

/* Goal:   a buffer holds what was added to it, in order, whatever the pieces.
 * Method: random pieces of all kinds into a buffer and into a plain array. */
START_TEST(buffer_holds_what_was_added)
{
    static uint8_t twin[1 << 16];
    struct random random;
    random_init(&random, 1);
    for (int round = 0; round < 200; round++) {
        struct error error;
        struct buffer buffer;
        buffer_init(&buffer, sizeof twin);
        size_t size = 0;
        for (int i = 0; i < 100; i++) {
            uint8_t piece[300];
            size_t piece_bytes = random_below(&random, sizeof piece + 1);
            memset(piece, (int)random_u64(&random), sizeof piece);
            switch (random_below(&random, 5)) {
            case 0:
                ASSERT_OK(buffer_add(&buffer, piece, piece_bytes, &error), &error);
                memcpy(twin + size, piece, piece_bytes);
                size += piece_bytes;
                break;
            case 1:
                ASSERT_OK(buffer_add(&buffer, NULL, piece_bytes, &error), &error);
                memset(twin + size, 0, piece_bytes);
                size += piece_bytes;
                break;
            case 2:
                ASSERT_OK(buffer_print(&buffer, &error, "%d|%s", i, "text"), &error);
                size += (size_t)snprintf((char *)twin + size, 64, "%d|%s", i, "text");
                break;
            case 3:
                ASSERT_OK(buffer_align(&buffer, 64, &error), &error);
                for (; size % 64 != 0; size++) twin[size] = 0;
                break;
            default: {
                uint8_t *place = buffer_reserve(&buffer, piece_bytes, &error);
                ck_assert_ptr_nonnull(place);
                memcpy(place, piece, piece_bytes);
                memcpy(twin + size, piece, piece_bytes);
                buffer.size_bytes += piece_bytes;
                size += piece_bytes;
            }
            }
        }
        ck_assert_uint_eq(buffer.size_bytes, size);
        ck_assert_mem_eq(buffer.bytes, twin, size);
        buffer_finish(&buffer);
    }
}
END_TEST

/* Goal:   a buffer fills to its limit exactly, refuses the byte after it, and stays as it was.
 * Method: text that just fits, then one byte more by every call. */
START_TEST(buffer_keeps_its_limit)
{
    struct error error;
    struct buffer buffer;
    buffer_init(&buffer, 5);
    ASSERT_OK(buffer_print(&buffer, &error, "%s", "12345"), &error);
    ck_assert_uint_eq(buffer.size_bytes, 5);

    ASSERT_STATUS(STATUS_TOO_LARGE, buffer_add(&buffer, "6", 1, &error), &error);
    ASSERT_STATUS(STATUS_TOO_LARGE, buffer_print(&buffer, &error, "6"), &error);
    ASSERT_STATUS(STATUS_TOO_LARGE, buffer_align(&buffer, 8, &error), &error);
    ck_assert_ptr_null(buffer_reserve(&buffer, SIZE_MAX, &error));
    ASSERT_OK(buffer_add(&buffer, NULL, 0, &error), &error);
    ck_assert_uint_eq(buffer.size_bytes, 5);
    ck_assert_mem_eq(buffer.bytes, "12345", 5);
    ck_assert_uint_le(buffer.capacity_bytes, 5);
    buffer_finish(&buffer);
}
END_TEST

/* Goal:   an emptied buffer keeps its memory, and every ending accepts anything.
 * Method: clear and add again; finish twice. */
START_TEST(buffer_can_be_cleared_and_finished)
{
    struct error error;
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    ASSERT_OK(buffer_add(&buffer, NULL, 600, &error), &error);
    const uint8_t *bytes = buffer.bytes;
    buffer_clear(&buffer);
    ck_assert_uint_eq(buffer.size_bytes, 0);
    ASSERT_OK(buffer_add(&buffer, NULL, 600, &error), &error);
    ck_assert_ptr_eq(buffer.bytes, bytes);
    buffer_finish(&buffer);
    buffer_finish(&buffer);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        buffer_holds_what_was_added,
        buffer_keeps_its_limit,
        buffer_can_be_cleared_and_finished,
    };
    return unit_run("buffer", tests, sizeof tests / sizeof *tests);
}
