/* Goal:   words lie where the picture in packing.h says, come back, and no stray bit is accepted.
 * Method: pack random words of every width and of counts around the borders of rows, units and
 *         runs, and compare with a twin that sets one bit after the other. */
#include "storage/packing.h"

#include "storage/base/bytes.h"
#include "storage/base/random.h"
#include "tests/unit.h"

enum { COUNT_MAX = 2 * PACKING_RUN + 17 };

static const size_t counts[] = {0,  1,  2,   15,   16,   17,   63,          64,
                                65, 80, 100, 1023, 1024, 1025, 1024 + 1000, COUNT_MAX};
enum { COUNTS = sizeof counts / sizeof *counts };

static void set_bits(uint8_t *target, size_t unit, size_t lanes, size_t lane, size_t bit,
                     uint64_t word, unsigned width)
{
    for (unsigned i = 0; i < width; i++, bit++) {
        size_t at = ((unit + bit / 64 * lanes + lane) * 64) + bit % 64;
        target[at / 8] |= (uint8_t)((word >> i & 1) << at % 8);
    }
}

static void naive_pack(uint8_t *target, const uint64_t *words, size_t count, uint64_t base,
                       unsigned width)
{
    memset(target, 0, packing_bytes(count, width));
    size_t run_words = count / PACKING_RUN * PACKING_RUN;
    for (size_t i = 0; i < count; i++) {
        size_t unit = i / PACKING_RUN * PACKING_LANES * width;
        size_t row = i % PACKING_RUN;
        if (i < run_words) {
            set_bits(target, unit, PACKING_LANES, row % PACKING_LANES, row / PACKING_LANES * width,
                     words[i] - base, width);
        } else {
            set_bits(target, unit, 1, 0, row * width, words[i] - base, width);
        }
    }
}

static void check(struct random *random, size_t count, unsigned width)
{
    size_t bytes = packing_bytes(count, width);
    uint64_t *words = malloc((count + 1) * sizeof *words);
    uint64_t *found = malloc((count + 1) * sizeof *found);
    uint8_t *packed = malloc(bytes + 1);
    uint8_t *expected = malloc(bytes + 1);
    uint64_t base = random_u64(random);
    memset(words, 0, (count + 1) * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        words[i] = base + (width ? random_u64(random) >> (64 - width) : 0);
    }

    naive_pack(expected, words, count, base, width);
    memset(packed, 0xa5, bytes);
    packing_pack(packed, words, count, base, width);
    ck_assert_mem_eq(packed, expected, bytes);
    ck_assert(packing_unpack(found, count, packed, base, width));
    ck_assert_mem_eq(found, words, count * sizeof *words);

    size_t rest_bits = count % PACKING_RUN * width;
    if (rest_bits % 64 != 0) {
        for (size_t bit = rest_bits % 64; bit < 64; bit++) {
            packed[bytes - 8 + bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert(!packing_unpack(found, count, packed, base, width));
            packed[bytes - 8 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    free(words);
    free(found);
    free(packed);
    free(expected);
}

START_TEST(every_width_lies_as_drawn_and_comes_back)
{
    struct random random;
    random_init(&random, 1);
    for (unsigned width = 0; width <= 64; width++) {
        for (size_t i = 0; i < COUNTS; i++) check(&random, counts[i], width);
    }
}
END_TEST

START_TEST(a_width_holds_its_greatest_number_and_no_more)
{
    ck_assert_uint_eq(packing_width(0), 0);
    for (unsigned width = 1; width <= 64; width++) {
        ck_assert_uint_eq(packing_width(UINT64_MAX >> (64 - width)), width);
        ck_assert_uint_eq(packing_width(UINT64_C(1) << (width - 1)), width);
    }
}
END_TEST

START_TEST(a_short_column_takes_no_more_units_than_its_bits_need)
{
    ck_assert_uint_eq(packing_bytes(1, 1), 8);
    ck_assert_uint_eq(packing_bytes(64, 1), 8);
    ck_assert_uint_eq(packing_bytes(65, 1), 16);
    ck_assert_uint_eq(packing_bytes(100, 10), 128);
    ck_assert_uint_eq(packing_bytes(1024, 3), 3 * 128);
    ck_assert_uint_eq(packing_bytes(1025, 3), 3 * 128 + 8);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_width_lies_as_drawn_and_comes_back,
        a_width_holds_its_greatest_number_and_no_more,
        a_short_column_takes_no_more_units_than_its_bits_need,
    };
    return unit_run("packing", tests, sizeof tests / sizeof *tests);
}
