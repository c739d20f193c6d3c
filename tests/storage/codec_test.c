/* Goal:   every codec of words gives back what it took, bit for bit (K1), writes bytes that depend
 *         on the words alone (K2), and answers damaged bytes with a status (K3).
 * Method: walk the table with shapes of columns and counts around the borders; mutate what was
 *         encoded; hold the encoded bytes to hashes that stand here, so that no compiler, option
 *         or change alters them unnoticed. Room is allocated exactly, for the sanitizers to see. */
#include "storage/codec.h"

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/base/random.h"
#include "tests/unit.h"

/* ---- Shapes ---- */

typedef void (*shape)(struct random *random, uint64_t *words, size_t count);

static void shape_constant(struct random *random, uint64_t *words, size_t count)
{
    uint64_t word = random_u64(random);
    for (size_t i = 0; i < count; i++) words[i] = word;
}

static void shape_steady(struct random *random, uint64_t *words, size_t count)
{
    uint64_t step = random_below(random, 3) * 1000000000;
    for (size_t i = 0; i < count; i++) words[i] = 1700000000000000000 + i * step;
}

static void shape_falling(struct random *random, uint64_t *words, size_t count)
{
    uint64_t step = random_u64(random);
    for (size_t i = 0; i < count; i++) words[i] = 0 - i * step;
}

static void shape_jitter_ms(struct random *random, uint64_t *words, size_t count)
{
    uint64_t time_ns = 1700000000000000000;
    for (size_t i = 0; i < count; i++) {
        words[i] = time_ns;
        time_ns += 1000000000 + random_below(random, 7) * 6000000;
    }
}

static void shape_gap(struct random *random, uint64_t *words, size_t count)
{
    size_t gap = random_below(random, count);
    for (size_t i = 0; i < count; i++) words[i] = i * 60 + (i > gap ? 86400 : 0);
}

static void shape_walk(struct random *random, uint64_t *words, size_t count)
{
    uint64_t word = 5000;
    for (size_t i = 0; i < count; i++) words[i] = word += random_below(random, 9) - 4;
}

static void shape_small(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) words[i] = random_below(random, 1000) - 500;
}

static void shape_runs(struct random *random, uint64_t *words, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++) {
        if (random_chance(random, 1, 30)) word = random_u64(random);
        words[i] = word;
    }
}

static void shape_random(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) words[i] = random_u64(random);
}

static void shape_widths(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t width = 1 + random_below(random, 64);
        words[i] = random_u64(random) >> (64 - width);
    }
}

static void shape_extremes(struct random *random, uint64_t *words, size_t count)
{
    static const uint64_t extremes[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < count; i++) words[i] = extremes[random_below(random, 5)];
}

static void shape_two_far(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) words[i] = random_below(random, 2) << 63;
}

static void shape_multiples(struct random *random, uint64_t *words, size_t count)
{
    uint64_t unit = UINT64_C(3) << random_below(random, 50);
    for (size_t i = 0; i < count; i++) words[i] = random_below(random, 100) * unit;
}

static void shape_late_unit(struct random *random, uint64_t *words, size_t count)
{
    /* The last difference alone breaks the unit. */
    for (size_t i = 0; i < count; i++) words[i] = random_below(random, 50) * 1000;
    words[count - 1]++;
}

static const shape shapes[] = {
    shape_constant, shape_steady,  shape_falling,   shape_jitter_ms, shape_gap,
    shape_walk,     shape_small,   shape_runs,      shape_random,    shape_widths,
    shape_extremes, shape_two_far, shape_multiples, shape_late_unit,
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* ---- Round trips ---- */

/* Exactly what decode() may write. */
static uint64_t *target_create(size_t count)
{
    size_t room = bytes_align(count, CODEC_TARGET_MULTIPLE);
    return aligned_alloc(64, room * sizeof(uint64_t));
}

static uint8_t *encoded_create(const struct codec *codec, const uint64_t *words, size_t count,
                               size_t bytes, int garbage)
{
    uint8_t *encoded = malloc(bytes);
    memset(encoded, garbage, bytes);
    codec->encode(encoded, words, count);
    return encoded;
}

static void check_round_trip(const struct codec *codec, const uint64_t *words, size_t count)
{
    size_t bytes = codec->measure(words, count);
    if (bytes == SIZE_MAX) return;
    uint8_t *encoded = encoded_create(codec, words, count, bytes, 0x00);
    uint8_t *again = encoded_create(codec, words, count, bytes, 0xff);
    ck_assert_mem_eq(encoded, again, bytes); /* K2 */
    uint64_t *target = target_create(count);
    ck_assert_int_eq(codec->decode(target, count, encoded, bytes), STATUS_OK);
    ck_assert_mem_eq(target, words, count * sizeof *words); /* K1 */
    free(target);
    free(again);
    free(encoded);
}

static void check_choice(const uint64_t *words, size_t count)
{
    size_t bytes;
    const struct codec *chosen = codec_choose(words, count, &bytes);
    ck_assert_uint_eq(chosen->measure(words, count), bytes);
    for (size_t i = 0; i < codecs_count && bytes > CODEC_BYTES_ENOUGH; i++) {
        ck_assert_uint_ge(codecs[i]->measure(words, count), bytes);
    }
}

static void check_shapes(struct random *random, size_t count)
{
    uint64_t *words = malloc(count * sizeof *words);
    for (size_t i = 0; i < SHAPES; i++) {
        shapes[i](random, words, count);
        for (size_t j = 0; j < codecs_count; j++) check_round_trip(codecs[j], words, count);
        check_choice(words, count);
    }
    free(words);
}

START_TEST(every_codec_gives_back_every_shape)
{
    static const size_t long_counts[] = {1023, 1024, 1025, 2048, 3000, CODEC_VALUES_MAX};
    struct random random;
    random_init(&random, 1);
    for (size_t count = 1; count <= 200; count++) check_shapes(&random, count);
    for (size_t i = 0; i < sizeof long_counts / sizeof *long_counts; i++) {
        check_shapes(&random, long_counts[i]);
    }
}
END_TEST

/* ---- What is expected of the choice ---- */

START_TEST(common_columns_take_the_codec_that_was_made_for_them)
{
    static const struct {
        shape shape;
        enum codec_id expected;
        size_t bytes_max;
    } cases[] = {
        {shape_constant, CODEC_CONSTANT, 8},     {shape_jitter_ms, CODEC_DELTA, 32 + 3 * 128},
        {shape_falling, CODEC_DELTA, 16},        {shape_walk, CODEC_DELTA, 32 + 4 * 128},
        {shape_small, CODEC_FOR, 16 + 10 * 128}, {shape_runs, CODEC_RLE, 60 * 10},
        {shape_random, CODEC_RAW, 8 * 1024},
    };
    struct random random;
    random_init(&random, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t words[1024];
        size_t bytes;
        cases[i].shape(&random, words, 1024);
        const struct codec *codec = codec_choose(words, 1024, &bytes);
        ck_assert_int_eq(codec->id, cases[i].expected);
        ck_assert_uint_le(bytes, cases[i].bytes_max);
    }
}
END_TEST

START_TEST(of_equally_short_ones_the_first_is_taken)
{
    static const uint64_t words[2] = {7, 8};
    size_t bytes;
    ck_assert_int_eq(codec_choose(words, 1, &bytes)->id, CODEC_CONSTANT);
    ck_assert_uint_eq(bytes, 8);
    ck_assert_int_eq(codec_choose(words, 2, &bytes)->id, CODEC_RAW);
    ck_assert_uint_eq(bytes, 16);
}
END_TEST

START_TEST(ids_lead_to_their_rows_and_nothing_else_does)
{
    for (size_t i = 0; i < codecs_count; i++) {
        ck_assert_ptr_eq(codec_find((uint8_t)codecs[i]->id), codecs[i]);
    }
    ck_assert_ptr_null(codec_find(CODEC_ABSENT));
    ck_assert_ptr_null(codec_find(CODEC_TEXT));
    ck_assert_ptr_null(codec_find(CODEC_TEXT_LZ4));
    ck_assert_ptr_null(codec_find(255));
}
END_TEST

/* ---- Damage ---- */

/* A decode must end with a status, and touch nothing outside its exact room. */
static enum status decode_exact(const struct codec *codec, size_t count, const uint8_t *bytes,
                                size_t size)
{
    uint8_t *source = malloc(size ? size : 1);
    memcpy(source, bytes, size);
    uint64_t *target = target_create(count);
    enum status status = codec->decode(target, count, source, size);
    ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
    free(target);
    free(source);
    return status;
}

static void mutate(struct random *random, uint8_t *bytes, size_t size)
{
    size_t changes = 1 + random_below(random, 4);
    for (size_t i = 0; i < changes; i++) {
        /* Mostly at the front, where the fields are. */
        size_t range = random_chance(random, 1, 2) && size > 40 ? 40 : size;
        size_t at = random_below(random, range);
        static const uint8_t telling[] = {0, 1, 63, 64, 65, 127, 128, 255};
        bytes[at] = random_chance(random, 1, 2) ? telling[random_below(random, sizeof telling)]
                                                : (uint8_t)random_u64(random);
    }
}

START_TEST(damaged_bytes_end_in_a_status)
{
    enum { COUNT = 1100 };
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 3));
    uint64_t rounds = unit_number("BEDE_SEEDS", 40);
    uint64_t words[COUNT];
    static uint8_t encoded[2 * COUNT * 10];
    for (uint64_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < SHAPES * codecs_count; i++) {
            const struct codec *codec = codecs[i / SHAPES];
            size_t count = 1 + random_below(&random, random_chance(&random, 1, 4) ? COUNT : 40);
            shapes[i % SHAPES](&random, words, count);
            size_t bytes = codec->measure(words, count);
            if (bytes == SIZE_MAX) continue;
            codec->encode(encoded, words, count);

            mutate(&random, encoded, bytes);
            (void)decode_exact(codec, count, encoded, bytes);
            (void)decode_exact(codec, 1 + random_below(&random, COUNT), encoded, bytes);
            (void)decode_exact(codec, count, encoded, random_below(&random, bytes + 1));
        }
    }
}
END_TEST

START_TEST(one_byte_or_one_word_too_few_or_too_many_is_damage)
{
    enum { COUNT = 100 };
    struct random random;
    random_init(&random, 4);
    uint64_t words[COUNT];
    for (size_t i = 0; i < SHAPES * codecs_count; i++) {
        const struct codec *codec = codecs[i / SHAPES];
        shapes[i % SHAPES](&random, words, COUNT);
        size_t bytes = codec->measure(words, COUNT);
        if (bytes == SIZE_MAX) continue;
        uint8_t *encoded = calloc(1, bytes + 8);
        codec->encode(encoded, words, COUNT);
        ck_assert_int_eq(decode_exact(codec, COUNT, encoded, bytes - 1), STATUS_CORRUPT);
        ck_assert_int_eq(decode_exact(codec, COUNT, encoded, bytes + 1), STATUS_CORRUPT);
        if (codec->id == CODEC_RAW || codec->id == CODEC_RLE) {
            ck_assert_int_eq(decode_exact(codec, COUNT - 1, encoded, bytes), STATUS_CORRUPT);
            ck_assert_int_eq(decode_exact(codec, COUNT + 1, encoded, bytes), STATUS_CORRUPT);
        }
        free(encoded);
    }
}
END_TEST

START_TEST(fields_that_no_encoder_writes_are_damage)
{
    static const struct {
        const char *why;
        enum codec_id codec;
        size_t count;
        size_t size;
        uint64_t words[8];
    } cases[] = {
        {"raw: nothing", CODEC_RAW, 1, 0, {0}},
        {"constant: nothing", CODEC_CONSTANT, 1, 0, {0}},
        {"rle: no runs", CODEC_RLE, 1, 0, {0}},
        {"rle: a run of no words", CODEC_RLE, 2, 20, {7, 8, 0x00002}},
        {"rle: a run beyond the end", CODEC_RLE, 4, 10, {7, 5}},
        {"rle: a run too short", CODEC_RLE, 4, 10, {7, 3}},
        {"rle: lengths that add up to the count modulo 2^16", CODEC_RLE, 4, 20, {7, 8, 0x5ffff}},
        {"rle: more runs than words", CODEC_RLE, 1, 20, {7, 8, 0x10000}},
        {"for: no header", CODEC_FOR, 1, 8, {0}},
        {"for: width 0", CODEC_FOR, 1, 16, {7, 0}},
        {"for: width 64", CODEC_FOR, 1, 24, {7, 64, 0}},
        {"for: width beyond a byte", CODEC_FOR, 1, 24, {7, 0x101, 0}},
        {"for: a width whose bytes overflow", CODEC_FOR, 1, 24, {7, UINT64_MAX, 0}},
        {"for: a bit behind the last word", CODEC_FOR, 3, 24, {7, 2, 1u << 6}},
        {"delta: one word", CODEC_DELTA, 1, 16, {7, 1}},
        {"delta: two words, which raw would hold", CODEC_DELTA, 2, 16, {7, 1}},
        {"delta: half a header", CODEC_DELTA, 3, 24, {7, 1, 1}},
        {"delta: unit 0", CODEC_DELTA, 3, 40, {7, 1, 0, 2, 4}},
        {"delta: width 0", CODEC_DELTA, 3, 32, {7, 1, 1, 0}},
        {"delta: width 64", CODEC_DELTA, 3, 56, {7, 1, 1, 64, 0, 1, 2}},
        {"delta: a first word that is not 0 units", CODEC_DELTA, 3, 40, {7, 1, 1, 2, 1}},
        {"delta: a bit behind the last word", CODEC_DELTA, 3, 40, {7, 1, 1, 2, 1u << 6}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum status status = decode_exact(codec_find((uint8_t)cases[i].codec), cases[i].count,
                                          (const uint8_t *)cases[i].words, cases[i].size);
        ck_assert_msg(status == STATUS_CORRUPT, "%s", cases[i].why);
    }
}
END_TEST

/* ---- The bytes themselves ---- */

START_TEST(the_examples_of_the_format_page_hold)
{
    static const struct {
        const struct codec *codec;
        size_t count;
        uint64_t words[5];
        size_t size;
        uint64_t expected[5];
    } cases[] = {
        {&codec_rle, 5, {5, 5, 5, 9, 9}, 20, {5, 9, 0x20003}},
        {&codec_for, 4, {10, 13, (uint64_t)-2, 6}, 24, {(uint64_t)-2, 4, 0x80fc}},
        {&codec_delta, 3, {100, 160, 220}, 16, {100, 60}},
        {&codec_delta, 5, {100, 160, 220, 340, 400}, 40, {100, 60, 60, 1, 8}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = cases[i].codec->measure(cases[i].words, cases[i].count);
        ck_assert_uint_eq(size, cases[i].size);
        uint8_t *encoded = encoded_create(cases[i].codec, cases[i].words, cases[i].count, size, 0);
        ck_assert_mem_eq(encoded, cases[i].expected, size);
        free(encoded);
    }
}
END_TEST

START_TEST(encoded_bytes_are_what_they_were)
{
    static const struct {
        const struct codec *codec;
        uint64_t expected;
    } cases[] = {
        {&codec_raw, 0xacdd5fdf89c5a55c},   {&codec_constant, 0xacedd622498380b4},
        {&codec_rle, 0xa4b241c57f73fab7},   {&codec_for, 0x0859234ac93c6bc3},
        {&codec_delta, 0x63f98d13b1e1d2ae},
    };
    enum { COUNT = 1500 };
    ck_assert_uint_eq(sizeof cases / sizeof *cases, codecs_count);
    for (size_t i = 0; i < codecs_count; i++) {
        struct random random;
        random_init(&random, 5);
        uint64_t hashes[SHAPES] = {0};
        for (size_t j = 0; j < SHAPES; j++) {
            uint64_t words[COUNT];
            shapes[j](&random, words, COUNT);
            size_t bytes = cases[i].codec->measure(words, COUNT);
            if (bytes == SIZE_MAX) continue;
            uint8_t *encoded = encoded_create(cases[i].codec, words, COUNT, bytes, 0);
            hashes[j] = hash64(encoded, bytes);
            free(encoded);
        }
        uint64_t found = hash64(hashes, sizeof hashes);
        ck_assert_msg(found == cases[i].expected, "%s: 0x%016llx", cases[i].codec->name,
                      (unsigned long long)found);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_codec_gives_back_every_shape,
        common_columns_take_the_codec_that_was_made_for_them,
        of_equally_short_ones_the_first_is_taken,
        ids_lead_to_their_rows_and_nothing_else_does,
        damaged_bytes_end_in_a_status,
        one_byte_or_one_word_too_few_or_too_many_is_damage,
        fields_that_no_encoder_writes_are_damage,
        the_examples_of_the_format_page_hold,
        encoded_bytes_are_what_they_were,
    };
    return unit_run("codec", tests, sizeof tests / sizeof *tests);
}
