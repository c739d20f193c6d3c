/* Goal:   every codec of words gives back what it took, bit for bit (K1), writes bytes that depend
 *         on words and hint alone (K2), and answers damaged bytes with a status (K3).
 * Method: walk the table with shapes of columns of all types, and counts around the borders; mutate
 *         what was encoded; hold the encoded bytes to hashes that stand here, so that no compiler,
 *         processor, option or change alters them unnoticed. Room is allocated exactly, for the
 *         sanitizers to see. */
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

/* ---- Shapes of doubles and floats ---- */

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e9, 1e15};
enum { POWERS = sizeof powers / sizeof *powers };

/* Decimals as a text gives them: the double nearest to digits / 10^n. */
static double decimal_walk(struct random *random, double power, int64_t *digits, uint64_t step)
{
    *digits += (int64_t)random_below(random, 2 * step + 1) - (int64_t)step;
    return (double)*digits / power;
}

static void shape_decimals(struct random *random, uint64_t *words, size_t count)
{
    double power = powers[random_below(random, POWERS)];
    uint64_t step = UINT64_C(1) << random_below(random, 40);
    int64_t digits = 2000;
    for (size_t i = 0; i < count; i++) {
        words[i] = bits_of_double(decimal_walk(random, power, &digits, step));
    }
}

static void shape_near_decimals(struct random *random, uint64_t *words, size_t count)
{
    shape_decimals(random, words, count);
    for (size_t i = 0; i < count; i++) {
        if (random_chance(random, 1, 4)) words[i] += random_below(random, 5) - 2;
    }
}

static void shape_widened(struct random *random, uint64_t *words, size_t count)
{
    double power = powers[random_below(random, 6)];
    int64_t digits = 500;
    for (size_t i = 0; i < count; i++) {
        double value = decimal_walk(random, power, &digits, 300);
        words[i] = bits_of_double((double)(float)value) + random_below(random, 2);
    }
}

static void shape_measured(struct random *random, uint64_t *words, size_t count)
{
    double value = 100;
    for (size_t i = 0; i < count; i++) {
        value += random_double(random) - 0.5;
        words[i] = bits_of_double(value);
    }
}

static const uint64_t special_doubles[] = {
    0,                            /* 0 */
    UINT64_C(1) << 63,            /* -0 */
    UINT64_C(0x7ff0000000000000), /* infinity */
    UINT64_C(0xfff0000000000000), /* -infinity */
    UINT64_C(0x7ff8000000000000), /* NaN */
    UINT64_C(0xfff8000000abcdef), /* a negative one with a payload */
    UINT64_C(0x7ff0000000000001), /* a signalling one */
    1,                            /* the least denormal */
    UINT64_C(0x000fffffffffffff), /* the greatest */
    UINT64_C(0x7fefffffffffffff), /* the greatest number */
    UINT64_C(0xffefffffffffffff),
    UINT64_C(0x3ff0000000000000),
};
enum { SPECIAL_DOUBLES = sizeof special_doubles / sizeof *special_doubles };

static void shape_specials(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = special_doubles[random_below(random, SPECIAL_DOUBLES)];
    }
}

static void shape_decimals_with_specials(struct random *random, uint64_t *words, size_t count)
{
    shape_decimals(random, words, count);
    uint32_t rarity = 2 + (uint32_t)random_below(random, 100);
    for (size_t i = 0; i < count; i++) {
        if (!random_chance(random, 1, rarity)) continue;
        words[i] = special_doubles[random_below(random, SPECIAL_DOUBLES)];
    }
}

static void shape_widened_with_specials(struct random *random, uint64_t *words, size_t count)
{
    shape_widened(random, words, count);
    for (size_t i = 0; i < count; i++) {
        if (!random_chance(random, 1, 60)) continue;
        words[i] = special_doubles[random_below(random, SPECIAL_DOUBLES)];
    }
}

/* Every second, now and then late, and twice nothing for a while. */
static void shape_late(struct random *random, uint64_t *words, size_t count)
{
    uint64_t place = 1760000000000000000u;
    for (size_t i = 0; i < count; i++) {
        uint64_t late_ms = random_chance(random, 1, 10) ? 1 + random_below(random, 50) : 0;
        words[i] = place + late_ms * 1000000;
        place += 1000000000;
        if (i == count / 3 || i == count / 2) place += 3600123000000;
    }
}

/* A grid with steps back to where it was before, by a few more or less. */
static void shape_returning(struct random *random, uint64_t *words, size_t count)
{
    uint64_t place = random_below(random, 1000) - 500;
    for (size_t i = 0; i < count; i++) {
        words[i] = place;
        place += 1000;
        if (random_chance(random, 1, 20)) place -= 7 * random_below(random, 4000);
    }
    words[count - 1] -= 9; /* modulo 2^64 a multiple of 7, but not by itself */
}

static void shape_outliers(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = 7000 + random_below(random, 100);
        if (random_chance(random, 1, 90)) words[i] = random_u64(random);
    }
}

static void shape_few(struct random *random, uint64_t *words, size_t count)
{
    uint64_t patterns[200];
    size_t few = 2 + random_below(random, 199);
    for (size_t i = 0; i < few; i++) patterns[i] = random_u64(random);
    for (size_t i = 0; i < count; i++) words[i] = patterns[random_below(random, few)];
}

static void shape_repeated(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) words[i] = i < 300 ? random_u64(random) : words[i - 300];
}

static void shape_float_decimals(struct random *random, uint64_t *words, size_t count)
{
    double power = powers[random_below(random, 6)];
    int64_t digits = -50;
    for (size_t i = 0; i < count; i++) {
        words[i] = bits_of_float((float)decimal_walk(random, power, &digits, 40));
    }
}

static void shape_floats(struct random *random, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = bits_of_float((float)(random_double(random) * 3));
        if (random_chance(random, 1, 50)) words[i] = random_u64(random) >> 32; /* any at all */
    }
}

static const struct {
    shape shape;
    enum value_type type;
} shapes[] = {
    {shape_constant, VALUE_I64},
    {shape_steady, VALUE_I64},
    {shape_falling, VALUE_I64},
    {shape_jitter_ms, VALUE_I64},
    {shape_gap, VALUE_I64},
    {shape_walk, VALUE_I64},
    {shape_small, VALUE_I64},
    {shape_runs, VALUE_I64},
    {shape_random, VALUE_I64},
    {shape_widths, VALUE_I64},
    {shape_extremes, VALUE_I64},
    {shape_two_far, VALUE_I64},
    {shape_multiples, VALUE_I64},
    {shape_late_unit, VALUE_I64},
    {shape_late, VALUE_I64},
    {shape_returning, VALUE_I64},
    {shape_outliers, VALUE_I64},
    {shape_few, VALUE_STATE},
    {shape_repeated, VALUE_I64},
    {shape_decimals, VALUE_F64},
    {shape_near_decimals, VALUE_F64},
    {shape_widened, VALUE_F64},
    {shape_measured, VALUE_F64},
    {shape_specials, VALUE_F64},
    {shape_decimals_with_specials, VALUE_F64},
    {shape_widened_with_specials, VALUE_F64},
    {shape_few, VALUE_F64},
    {shape_random, VALUE_F64},
    {shape_float_decimals, VALUE_F32},
    {shape_floats, VALUE_F32},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* ---- Round trips ---- */

/* Exactly what decode() may write. */
static uint64_t *target_create(size_t count)
{
    size_t room = bytes_align(count, CODEC_TARGET_MULTIPLE);
    return aligned_alloc(64, room * sizeof(uint64_t));
}

static struct codec_column column_of(enum value_type type, const uint64_t *words, size_t count)
{
    struct codec_column column = {.type = type, .words = words, .count = count};
    kernels_here()->survey(&column.survey, words, count);
    return column;
}

static bool codec_fits(const struct codec *codec, const struct codec_column *column)
{
    return codec->types & CODEC_OF(column->type) && column->count <= codec->count_max;
}

/* In exactly this room; 0 bytes when that is not enough. */
static uint8_t *encoded_create(const struct codec *codec, const struct codec_column *column,
                               size_t room, int garbage, size_t *out_bytes)
{
    uint8_t *encoded = malloc(room + (room == 0));
    memset(encoded, garbage, room);
    struct codec_hint hint = {0};
    *out_bytes = codec->encode(encoded, room, column, &hint);
    ck_assert_uint_le(*out_bytes, room);
    return encoded;
}

static void check_decodes(const struct codec *codec, const struct codec_column *column,
                          const uint8_t *encoded, size_t bytes)
{
    uint8_t *source = malloc(bytes);
    memcpy(source, encoded, bytes);
    uint64_t *target = target_create(column->count);
    ck_assert_int_eq(
        codec_decode(target, (uint8_t)codec->id, column->type, column->count, source, bytes),
        STATUS_OK);
    ck_assert_mem_eq(target, column->words, column->count * sizeof *column->words); /* K1 */
    free(target);
    free(source);
}

/* With room for anything, and with just the room it took then, which gives the same bytes; and with
 * one byte less, which it must not write. */
static void check_round_trip(const struct codec *codec, const struct codec_column *column)
{
    if (!codec_fits(codec, column)) return;
    size_t bytes, again_bytes, less_bytes;
    size_t room = 2 * codec_bytes_max(column->count) + 100;
    uint8_t *encoded = encoded_create(codec, column, room, 0x00, &bytes);
    if (bytes > 0) {
        check_decodes(codec, column, encoded, bytes);
        uint8_t *again = encoded_create(codec, column, room, 0xff, &again_bytes);
        ck_assert_uint_eq(bytes, again_bytes);
        ck_assert_mem_eq(encoded, again, bytes); /* K2 */
        uint8_t *less = encoded_create(codec, column, bytes - 1, 0, &less_bytes);
        if (less_bytes > 0) check_decodes(codec, column, less, less_bytes);
        free(less);
        free(again);
    }
    free(encoded);
}

static size_t check_choice(const struct codec_column *column, struct codec_hint *hint,
                           enum codec_class class)
{
    size_t room = codec_bytes_max(column->count);
    uint8_t *encoded = malloc(room);
    enum codec_id id;
    size_t bytes =
        codec_encode(encoded, column->type, column->words, column->count, hint, class, &id);
    ck_assert_uint_le(bytes, room);
    check_decodes(codec_find((uint8_t)id), column, encoded, bytes);
    free(encoded);
    return bytes;
}

static void check_shapes(struct random *random, size_t count)
{
    uint64_t *words = malloc(count * sizeof *words);
    struct codec_hint hint = {0};
    for (size_t i = 0; i < SHAPES; i++) {
        shapes[i].shape(random, words, count);
        struct codec_column column = column_of(shapes[i].type, words, count);
        for (size_t j = 0; j < codecs_count; j++) check_round_trip(codecs[j], &column);
        size_t bytes = check_choice(&column, NULL, CODEC_EVERYDAY);
        ck_assert_uint_le(check_choice(&column, NULL, CODEC_ARCHIVE), bytes);
        (void)check_choice(&column, &hint, CODEC_EVERYDAY); /* of the shape before */
        (void)check_choice(&column, &hint, CODEC_EVERYDAY);
    }
    free(words);
}

START_TEST(every_codec_gives_back_every_shape)
{
    static const size_t long_counts[] = {255, 1000, 1023, 1024, 1025, 2048, 3000};
    struct random random;
    random_init(&random, 1);
    for (size_t count = 1; count <= 130; count++) check_shapes(&random, count);
    for (size_t i = 0; i < sizeof long_counts / sizeof *long_counts; i++) {
        for (int round = 0; round < 5; round++) check_shapes(&random, long_counts[i]);
    }
    check_shapes(&random, CODEC_VALUES_MAX);
}
END_TEST

/* ---- What is expected of the choice ---- */

START_TEST(common_columns_take_the_codec_that_was_made_for_them)
{
    static const struct {
        shape shape;
        enum value_type type;
        enum codec_id expected;
        size_t bytes_max;
    } cases[] = {
        {shape_constant, VALUE_I64, CODEC_CONSTANT, 8},
        {shape_falling, VALUE_I64, CODEC_STEADY, 16},
        {shape_gap, VALUE_I64, CODEC_DELTA, 30},
        {shape_late, VALUE_I64, CODEC_GRID, 30 + 128 + 150},
        {shape_jitter_ms, VALUE_I64, CODEC_DELTA, 32 + 3 * 128},
        {shape_walk, VALUE_I64, CODEC_DELTA, 16 + 4 * 128},
        {shape_small, VALUE_I64, CODEC_FOR, 16 + 10 * 128},
        {shape_outliers, VALUE_I64, CODEC_FOR, 16 + 7 * 128 + 30 * 10},
        {shape_runs, VALUE_I64, CODEC_RLE, 60 * 10},
        {shape_random, VALUE_I64, CODEC_RAW, 8 * 1024},
        {shape_few, VALUE_STATE, CODEC_DICTIONARY, 200 * 8 + 8 * 128 + 16},
        {shape_repeated, VALUE_I64, CODEC_LZ4, 300 * 8 + 200},
        {shape_near_decimals, VALUE_F64, CODEC_DECIMAL, 50 * 128},
        {shape_widened, VALUE_F64, CODEC_SINGLE, 30 * 128},
        {shape_float_decimals, VALUE_F32, CODEC_DECIMAL_SINGLE, 20 * 128},
    };
    struct random random;
    random_init(&random, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t words[1024];
        uint8_t encoded[sizeof words];
        enum codec_id id;
        cases[i].shape(&random, words, 1024);
        size_t bytes = codec_encode(encoded, cases[i].type, words, 1024, NULL, CODEC_EVERYDAY, &id);
        ck_assert_msg(id == cases[i].expected, "case %zu: %s", i, codec_find((uint8_t)id)->name);
        ck_assert_msg(bytes <= cases[i].bytes_max, "case %zu: %zu bytes", i, bytes);
    }
}
END_TEST

START_TEST(a_hint_keeps_its_codec_until_the_column_changes)
{
    struct random random;
    random_init(&random, 6);
    uint64_t words[1024];
    uint8_t encoded[sizeof words];
    struct codec_hint hint = {0};
    enum codec_id id;
    for (int i = 0; i < 5; i++) {
        shape_walk(&random, words, 1024);
        (void)codec_encode(encoded, VALUE_I64, words, 1024, &hint, CODEC_EVERYDAY, &id);
        ck_assert_int_eq(id, CODEC_DELTA);
        ck_assert_uint_eq(hint.age, (unsigned)i);
    }
    shape_random(&random, words, 1024);
    (void)codec_encode(encoded, VALUE_I64, words, 1024, &hint, CODEC_EVERYDAY, &id);
    ck_assert_int_eq(id, CODEC_RAW);
    ck_assert_uint_eq(hint.age, 0);
}
END_TEST

START_TEST(a_hint_is_questioned_now_and_then)
{
    struct random random;
    random_init(&random, 7);
    uint64_t words[1024];
    uint8_t encoded[sizeof words];
    struct codec_hint hint = {.codec = CODEC_FOR, .run_bytes = 8000};
    enum codec_id id = CODEC_FOR;
    for (int i = 0; i < 40 && id == CODEC_FOR; i++) {
        shape_walk(&random, words, 1024);
        (void)codec_encode(encoded, VALUE_I64, words, 1024, &hint, CODEC_EVERYDAY, &id);
    }
    ck_assert_int_eq(id, CODEC_DELTA);
}
END_TEST

START_TEST(any_hint_whatever_is_harmless)
{
    struct random random;
    random_init(&random, 8);
    uint64_t words[1024];
    for (int round = 0; round < 2000; round++) {
        size_t i = random_below(&random, SHAPES);
        size_t count = 1 + random_below(&random, 1024);
        shapes[i].shape(&random, words, count);
        struct codec_column column = column_of(shapes[i].type, words, count);
        struct codec_hint hint = {
            .codec = (uint8_t)random_below(&random, 20),
            .inner = (uint8_t)random_below(&random, 20),
            .exponent = (uint8_t)random_below(&random, 11),
            .run_bytes = (uint32_t)random_below(&random, 9000),
        };
        hint.factor = (uint8_t)random_below(&random, hint.exponent + 1u);
        (void)check_choice(&column, &hint, CODEC_EVERYDAY);
    }
}
END_TEST

#ifdef HAVE_ZSTD
START_TEST(an_archive_takes_planes_where_they_save_a_twenty_fifth)
{
    struct random random;
    random_init(&random, 9);
    uint64_t words[1024];
    uint8_t encoded[sizeof words];
    enum codec_id id;
    shape_walk(&random, words, 1024); /* of nine steps, which take four bits where 3.2 would do */
    size_t bytes = codec_encode(encoded, VALUE_I64, words, 1024, NULL, CODEC_EVERYDAY, &id);
    ck_assert_int_eq(id, CODEC_DELTA);
    size_t archived = codec_encode(encoded, VALUE_I64, words, 1024, NULL, CODEC_ARCHIVE, &id);
    ck_assert_int_eq(id, CODEC_PLANES);
    ck_assert_uint_le(25 * archived, 24 * bytes);
    shape_random(&random, words, 1024);
    (void)codec_encode(encoded, VALUE_I64, words, 1024, NULL, CODEC_ARCHIVE, &id);
    ck_assert_int_eq(id, CODEC_RAW);
}
END_TEST
#else
START_TEST(a_build_without_zstd_says_so)
{
    uint64_t target[CODEC_TARGET_MULTIPLE];
    const uint8_t planes[] = {0, 0x28};
    ck_assert_int_eq(codec_decode(target, CODEC_PLANES, VALUE_I64, 1, planes, sizeof planes),
                     STATUS_UNSUPPORTED);
}
END_TEST
#endif

START_TEST(ids_lead_to_their_rows_and_nothing_else_does)
{
    for (size_t i = 0; i < codecs_count; i++) {
        ck_assert_ptr_eq(codec_find((uint8_t)codecs[i]->id), codecs[i]);
    }
    ck_assert_ptr_null(codec_find(CODEC_ABSENT));
    ck_assert_ptr_null(codec_find(CODEC_TEXT));
    ck_assert_ptr_null(codec_find(CODEC_TEXT_LZ4));
    ck_assert_ptr_null(codec_find(CODEC_TEXT_DICTIONARY));
    ck_assert_ptr_null(codec_find(255));
    ck_assert(codec_takes(CODEC_DECIMAL, VALUE_F64));
    ck_assert(!codec_takes(CODEC_DECIMAL, VALUE_I64));
    ck_assert(!codec_takes(CODEC_TEXT, VALUE_TEXT));
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
    enum value_type type = codec->types & CODEC_OF(VALUE_F64)   ? VALUE_F64
                           : codec->types & CODEC_OF(VALUE_F32) ? VALUE_F32
                                                                : VALUE_I64;
    enum status status = codec_decode(target, (uint8_t)codec->id, type, count, source, size);
    ck_assert(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED);
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
    for (uint64_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < SHAPES * codecs_count; i++) {
            const struct codec *codec = codecs[i / SHAPES];
            size_t count = 1 + random_below(&random, random_chance(&random, 1, 4) ? COUNT : 40);
            shapes[i % SHAPES].shape(&random, words, count);
            struct codec_column column = column_of(shapes[i % SHAPES].type, words, count);
            if (!codec_fits(codec, &column)) continue;
            size_t bytes;
            uint8_t *encoded = encoded_create(codec, &column, 20 * COUNT, 0, &bytes);
            if (bytes > 0) {
                mutate(&random, encoded, bytes);
                (void)decode_exact(codec, count, encoded, bytes);
                (void)decode_exact(codec, 1 + random_below(&random, COUNT), encoded, bytes);
                (void)decode_exact(codec, count, encoded, random_below(&random, bytes + 1));
            }
            free(encoded);
        }
    }
}
END_TEST

START_TEST(one_byte_too_few_or_too_many_is_damage)
{
    enum { COUNT = 100 };
    struct random random;
    random_init(&random, 4);
    uint64_t words[COUNT];
    for (size_t i = 0; i < SHAPES * codecs_count; i++) {
        const struct codec *codec = codecs[i / SHAPES];
        shapes[i % SHAPES].shape(&random, words, COUNT);
        struct codec_column column = column_of(shapes[i % SHAPES].type, words, COUNT);
        if (!codec_fits(codec, &column)) continue;
        size_t bytes;
        uint8_t *encoded = encoded_create(codec, &column, 20 * COUNT, 0, &bytes);
        if (bytes > 0) {
            ck_assert_int_eq(decode_exact(codec, COUNT, encoded, bytes - 1), STATUS_CORRUPT);
            ck_assert_int_eq(decode_exact(codec, COUNT, encoded, bytes + 1), STATUS_CORRUPT);
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
        uint8_t bytes[40];
    } cases[] = {
        {"raw: nothing", CODEC_RAW, 1, 0, {0}},
        {"constant: nothing", CODEC_CONSTANT, 1, 0, {0}},
        {"steady: two words, which raw would hold", CODEC_STEADY, 2, 16, {7}},
        {"steady: half of it", CODEC_STEADY, 3, 8, {7}},
        {"for: nothing", CODEC_FOR, 1, 0, {0}},
        {"for: no base", CODEC_FOR, 1, 2, {0, 0}},
        {"for: width 65", CODEC_FOR, 1, 19, {65, 0, 0}},
        {"for: a bit behind the last word", CODEC_FOR, 3, 11, {2, 0, 0, 1 << 6}},
        {"for: more patches than bytes", CODEC_FOR, 3, 13, {0, 2, 0, 0, 0}},
        {"for: patches without end", CODEC_FOR, 3, 4, {0, 0xff, 0xff, 0x7f}},
        {"for: a patch beyond the end", CODEC_FOR, 3, 13, {0, 1, 0, 3, 0}},
        {"for: patches that do not rise", CODEC_FOR, 3, 23, {0, 2, 0, 1, 0, 1, 0}},
        {"for: a number longer than it need be", CODEC_FOR, 1, 4, {0, 0, 0x80, 0}},
        {"for: a number of 65 bits",
         CODEC_FOR,
         1,
         12,
         {0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2}},
        {"for: a number without end",
         CODEC_FOR,
         1,
         13,
         {0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}},
        {"delta: two words", CODEC_DELTA, 2, 5, {0, 1, 0, 0, 0}},
        {"delta: unit 0", CODEC_DELTA, 3, 6, {0, 0, 0, 0, 0, 0}},
        {"delta: a first step that is not the second", CODEC_DELTA, 3, 13, {0, 1, 1, 0, 0, 1}},
        {"delta: a byte behind", CODEC_DELTA, 3, 6, {0, 1, 0, 0, 0, 0}},
        {"grid: 15 words", CODEC_GRID, 15, 9, {0, 9, 1, 1, 2, 0, 0, 0, 2}},
        {"grid: a step of 0", CODEC_GRID, 16, 9, {0, 0, 1, 1, 2, 0, 0, 0, 2}},
        {"grid: a unit of 0", CODEC_GRID, 16, 9, {0, 9, 0, 1, 2, 0, 0, 0, 2}},
        {"grid: none is off", CODEC_GRID, 16, 9, {0, 9, 1, 0, 0, 0, 0, 0, 2}},
        {"grid: the first is off", CODEC_GRID, 16, 9, {0, 9, 1, 1, 1, 0, 0, 0, 2}},
        {"grid: more are off than said", CODEC_GRID, 16, 9, {0, 9, 1, 1, 6, 0, 0, 0, 2}},
        {"grid: one behind the last", CODEC_GRID, 17, 10, {0, 9, 1, 1, 0, 0, 2, 0, 0, 2}},
        {"grid: off by nothing", CODEC_GRID, 16, 9, {0, 9, 1, 1, 2, 0, 0, 0, 0}},
        {"grid: a byte behind", CODEC_GRID, 16, 10, {0, 9, 1, 1, 2, 0, 0, 0, 2, 0}},
        {"rle: no runs", CODEC_RLE, 1, 7, {0}},
        {"rle: more runs than words", CODEC_RLE, 1, 7, {2, 0, 0, 0, 0, 0, 2}},
        {"rle: a run of no words", CODEC_RLE, 2, 7, {1, 0, 0, 0, 0, 0, 0}},
        {"rle: a run beyond the end", CODEC_RLE, 2, 7, {1, 0, 0, 0, 0, 0, 6}},
        {"rle: a run too short", CODEC_RLE, 2, 7, {1, 0, 0, 0, 0, 0, 2}},
        {"dictionary: one entry", CODEC_DICTIONARY, 2, 4, {1, 0, 0, 0}},
        {"dictionary: 257 entries", CODEC_DICTIONARY, 2, 13, {0x81, 2, 0, 0, 0, 0}},
        {"dictionary: a number beyond", CODEC_DICTIONARY, 2, 12, {3, 0, 0, 0, 3}},
        {"decimal: exponent 19", CODEC_DECIMAL, 1, 12, {19, 0, 0, 2}},
        {"decimal: factor above exponent", CODEC_DECIMAL, 1, 12, {2, 3, 0, 2}},
        {"decimal: digits by a codec of doubles", CODEC_DECIMAL, 1, 7, {2, 0, 0, 8, 2, 0, 0}},
        {"decimal: no digits", CODEC_DECIMAL, 1, 3, {2, 0, 0}},
        {"decimal, single: exponent 11", CODEC_DECIMAL_SINGLE, 1, 12, {11, 0, 0, 2}},
        {"single: no floats", CODEC_SINGLE, 1, 2, {0, 0}},
        {"single: floats by a codec of doubles", CODEC_SINGLE, 1, 12, {0, 3, 10, 0, 0, 4, 0}},
        {"split: no right bits", CODEC_SPLIT, 1, 13, {0, 1, 0, 0, 0}},
        {"split: 64 right bits", CODEC_SPLIT, 1, 13, {64, 1, 0, 0, 0}},
        {"split: no entries", CODEC_SPLIT, 1, 11, {48, 0, 0}},
        {"split: nine entries", CODEC_SPLIT, 1, 37, {48, 9}},
        {"lz4: nothing", CODEC_LZ4, 1, 0, {0}},
        {"parts: a run alone", CODEC_PARTS, 1024, 10, {2, 8}},
        {"parts: parts within", CODEC_PARTS, 1025, 20, {14, 8}},
        {"parts: one too few", CODEC_PARTS, 2049, 20, {2, 8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum status status = decode_exact(codec_find((uint8_t)cases[i].codec), cases[i].count,
                                          cases[i].bytes, cases[i].size);
        ck_assert_msg(status == STATUS_CORRUPT, "%s", cases[i].why);
    }
}
END_TEST

START_TEST(a_column_longer_than_a_run_is_damage_for_codecs_of_runs)
{
    uint8_t bytes[64] = {0};
    for (size_t i = 0; i < codecs_count; i++) {
        if (codecs[i]->count_max > CODEC_RUN) continue;
        ck_assert_int_eq(decode_exact(codecs[i], CODEC_RUN + 1, bytes, 3), STATUS_CORRUPT);
    }
}
END_TEST

/* ---- The bytes themselves ---- */

START_TEST(the_examples_of_the_format_page_hold)
{
    static const struct {
        const struct codec *codec;
        enum value_type type;
        size_t count;
        uint64_t words[16];
        double values[8]; /* instead of words */
        const char *expected;
    } cases[] = {
        {&codec_steady,
         VALUE_I64,
         3,
         {100, 160, 220},
         {0},
         "64 00 00 00 00 00 00 00 3c 00 00 00 00 00 00 00"},
        {&codec_for,
         VALUE_I64,
         4,
         {10, 13, (uint64_t)-2, 6},
         {0},
         "04 00 03 fc 80 00 00 00 00 00 00"},
        {&codec_for,
         VALUE_I64,
         8,
         {5, 5, 5, 5, 5, 900, 5, 5},
         {0},
         "00 01 0a 05 00 84 03 00 00 00 00 00 00"},
        {&codec_delta,
         VALUE_I64,
         5,
         {100, 160, 220, 340, 400},
         {0},
         "c8 01 3c 00 01 00 02 08 00 00 00 00 00 00 00"},
        {&codec_grid,
         VALUE_I64,
         16,
         {100, 110, 120, 134, 140, 150, 160, 170, 180, 190, 200, 212, 220, 230, 290, 300},
         {0},
         "c8 01 0a 02 03 08 48 05 00 02 01 60 00 00 00 00 00 00"},
        {&codec_rle,
         VALUE_I64,
         5,
         {5, 5, 5, 9, 9},
         {0},
         "02 03 00 0a 20 00 00 00 00 00 00 00 01 00 04 01 00 00 00 00 00 00 00"},
        {&codec_dictionary,
         VALUE_I64,
         5,
         {1000, 7, 1000, 7, 1000},
         {0},
         "02 0a 00 0e e1 03 00 00 00 00 00 00 0a 00 00 00 00 00 00 00"},
        {&codec_decimal,
         VALUE_F64,
         4,
         {0},
         {20.1, 20.3, 20.2, 20.2},
         "0e 0d 00 04 02 00 92 03 58 00 00 00 00 00 00 00"},
        {&codec_decimal,
         VALUE_F64,
         4,
         {0},
         {46.572, 46.571999999999996, 46.574, 46.573},
         "12 8f 00 0e 04 02 00 d8 d7 05 60 00 00 00 00 00 00 00 04 01 00 01 09 00 00 00 00 00 00 "
         "00"},
        {&codec_single,
         VALUE_F64,
         4,
         {0},
         {0.5, 0.75, 0.25, 0.5},
         "00 10 09 0a 08 00 04 06 00 32 99 0c 64 00 00 00 00 00 02 00 00 00 00 00 00 00 00"},
        {&codec_split,
         VALUE_F64,
         2,
         {UINT64_C(0x4059000000000001), UINT64_C(0x4059123456789abc)},
         {0},
         "30 01 59 40 00 01 00 00 00 00 00 bc 9a 78 56 34 12 00 00 00 00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t words[16];
        memcpy(words, cases[i].words, sizeof words);
        for (size_t j = 0; cases[i].values[0] != 0 && j < 8; j++) {
            words[j] = bits_of_double(cases[i].values[j]);
        }
        struct codec_column column = column_of(cases[i].type, words, cases[i].count);
        size_t size;
        uint8_t *encoded = encoded_create(cases[i].codec, &column, 100, 0, &size);
        char found[3 * 100 + 1] = "";
        for (size_t j = 0; j < size; j++) {
            (void)snprintf(found + 3 * j, 4, j + 1 < size ? "%02x " : "%02x", encoded[j]);
        }
        ck_assert_str_eq(found, cases[i].expected);
        free(encoded);
    }
}
END_TEST

START_TEST(encoded_bytes_are_what_they_were)
{
    static const struct {
        const struct codec *codec; /* what compression libraries make may change */
        uint64_t expected;
    } cases[] = {
        {&codec_raw, 0x49c3dc7a77bc2fb6},     {&codec_constant, 0x4abaf179c52952d8},
        {&codec_steady, 0xe489611b37750ee9},  {&codec_for, 0x238359c2b204a7f0},
        {&codec_delta, 0xfa251b609ed6b8ec},   {&codec_grid, 0x9213d0ebeb4cdc87},
        {&codec_rle, 0xcb844ca42ffabab3},     {&codec_dictionary, 0xd4e56b9c2c89e39c},
        {&codec_decimal, 0xfc40acf53a189be4}, {&codec_decimal_single, 0xe9d86846d0e6db16},
        {&codec_single, 0xf798e12c0416cdee},  {&codec_split, 0x3fa4f83da3d307c8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct random random;
        random_init(&random, 5);
        uint64_t hashes[SHAPES][2] = {0};
        for (size_t j = 0; j < 2 * SHAPES; j++) {
            uint64_t words[CODEC_RUN];
            size_t count = j % 2 ? CODEC_RUN : 700;
            shapes[j / 2].shape(&random, words, count);
            struct codec_column column = column_of(shapes[j / 2].type, words, count);
            if (shapes[j / 2].shape == shape_repeated || !codec_fits(cases[i].codec, &column))
                continue;
            size_t bytes;
            uint8_t *encoded = encoded_create(cases[i].codec, &column, 10 * CODEC_RUN, 0, &bytes);
            if (bytes > 0) hashes[j / 2][j % 2] = hash64(encoded, bytes);
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
        a_hint_keeps_its_codec_until_the_column_changes,
        a_hint_is_questioned_now_and_then,
        any_hint_whatever_is_harmless,
#ifdef HAVE_ZSTD
        an_archive_takes_planes_where_they_save_a_twenty_fifth,
#else
        a_build_without_zstd_says_so,
#endif
        ids_lead_to_their_rows_and_nothing_else_does,
        damaged_bytes_end_in_a_status,
        one_byte_too_few_or_too_many_is_damage,
        fields_that_no_encoder_writes_are_damage,
        a_column_longer_than_a_run_is_damage_for_codecs_of_runs,
        the_examples_of_the_format_page_hold,
        encoded_bytes_are_what_they_were,
    };
    return unit_run("codec", tests, sizeof tests / sizeof *tests);
}
