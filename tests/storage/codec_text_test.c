/* Goal:   texts come back byte for byte, none apart from empty; compression is used where it saves
 *         a tenth; damaged bytes end in a status.
 * Method: round trips of random columns in rooms of the exact size; mutations; rows of lengths that
 *         no encoder writes. */
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/base/random.h"
#include "storage/codec.h"
#include "tests/unit.h"

enum {
    COUNT_MAX = 300,
    ROOM_MAX = 320 /* a multiple of CODEC_TARGET_MULTIPLE */,
    ARENA_BYTES_MAX = 64 << 20
};

static const struct text_value *text_create(struct arena *arena, const char *bytes, size_t size)
{
    uint8_t *text = arena_take(arena, text_value_bytes((uint32_t)size));
    bytes_put_u32(text, (uint32_t)size);
    memcpy(text + sizeof(uint32_t), bytes, size);
    return (const struct text_value *)(const void *)text;
}

enum kind { KIND_BYTES, KIND_MESSAGES, KIND_FEW, KINDS };

/* None, empty; bytes that do not compress, messages that do, and few that come again. */
static uint64_t random_text(struct random *random, struct arena *arena, enum kind kind)
{
    static const char *const words[] = {"valve opened", "valve closed", "pressure high"};
    if (random_chance(random, 1, 10)) return 0;
    if (random_chance(random, 1, 10)) return value_from_text(text_create(arena, "", 0));
    const char *word = kind == KIND_BYTES ? "" : words[random_below(random, 3)];
    if (kind == KIND_FEW) return value_from_text(text_create(arena, word, strlen(word)));
    if (kind == KIND_MESSAGES) {
        char message[40];
        int length = snprintf(message, sizeof message, "%s %u", word, (unsigned)random_u64(random));
        return value_from_text(text_create(arena, message, (size_t)length));
    }
    char bytes[40];
    size_t size = random_below(random, sizeof bytes + 1);
    for (size_t i = 0; i < size; i++) bytes[i] = (char)random_u64(random);
    return value_from_text(text_create(arena, bytes, size));
}

static uint8_t *encoded_create(const uint64_t *values, size_t count, enum codec_id *out_id,
                               size_t *out_bytes)
{
    uint8_t *room = malloc(text_codec_bytes_max(values, count));
    *out_bytes = text_codec_encode(room, values, count, out_id);
    uint8_t *exact = malloc(*out_bytes);
    memcpy(exact, room, *out_bytes);
    free(room);
    return exact;
}

static void assert_same_texts(const uint64_t *found, const uint64_t *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(found[i] == 0, expected[i] == 0);
        if (expected[i] == 0) continue;
        const struct text_value *text = value_text(expected[i]);
        ck_assert_uint_eq(found[i] % sizeof(uint32_t), 0);
        ck_assert_uint_eq(value_text(found[i])->size_bytes, text->size_bytes);
        ck_assert_mem_eq(value_text(found[i])->bytes, text->bytes, text->size_bytes);
    }
}

START_TEST(texts_come_back_and_none_stays_apart_from_empty)
{
    struct random random;
    random_init(&random, 1);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    bool met[CODEC_TEXT_DICTIONARY + 1] = {false};
    for (size_t round = 0; round < 400; round++) {
        arena_reset(&arena);
        size_t count = 1 + random_below(&random, COUNT_MAX);
        uint64_t values[COUNT_MAX], found[ROOM_MAX];
        enum kind kind = (enum kind)random_below(&random, KINDS);
        for (size_t i = 0; i < count; i++) values[i] = random_text(&random, &arena, kind);

        enum codec_id id;
        size_t bytes;
        uint8_t *encoded = encoded_create(values, count, &id, &bytes);
        ck_assert_int_eq(text_codec_decode(found, count, id, encoded, bytes, &arena), STATUS_OK);
        assert_same_texts(found, values, count);
        met[id] = true;
        free(encoded);
    }
    ck_assert(met[CODEC_TEXT] && met[CODEC_TEXT_LZ4] && met[CODEC_TEXT_DICTIONARY]);
    arena_finish(&arena);
}
END_TEST

START_TEST(compression_is_used_only_where_it_saves_a_tenth)
{
    struct random random;
    random_init(&random, 2);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    char bytes[4000] = {0};
    for (size_t zeros = 0; zeros <= sizeof bytes; zeros += 50) {
        for (size_t i = zeros; i < sizeof bytes; i++) bytes[i] = (char)random_u64(&random);
        uint64_t value = value_from_text(text_create(&arena, bytes, sizeof bytes));
        enum codec_id id;
        size_t size;
        free(encoded_create(&value, 1, &id, &size));
        size_t plain = sizeof(uint32_t) + sizeof bytes;
        if (id == CODEC_TEXT) ck_assert_uint_eq(size, plain);
        if (id == CODEC_TEXT_LZ4) ck_assert_uint_le(10 * size, 9 * plain);
        if (zeros <= 400) ck_assert_int_eq(id, CODEC_TEXT);
        if (zeros >= 500) ck_assert_int_eq(id, CODEC_TEXT_LZ4);
        memset(bytes, 0, zeros);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(the_longest_text_fits_and_a_longer_one_is_damage)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    size_t bytes = sizeof(uint32_t) + TEXT_VALUE_BYTES_MAX + 1;
    uint8_t *plain = calloc(1, bytes);
    uint64_t found;
    bytes_put_u32(plain, TEXT_VALUE_BYTES_MAX + 1);
    ck_assert_int_eq(text_codec_decode(&found, 1, CODEC_TEXT, plain, bytes - 1, &arena), STATUS_OK);
    ck_assert_uint_eq(value_text(found)->size_bytes, TEXT_VALUE_BYTES_MAX);
    bytes_put_u32(plain, TEXT_VALUE_BYTES_MAX + 2);
    ck_assert_int_eq(text_codec_decode(&found, 1, CODEC_TEXT, plain, bytes, &arena),
                     STATUS_CORRUPT);
    free(plain);
    arena_finish(&arena);
}
END_TEST

START_TEST(sizes_that_no_encoder_writes_are_damage)
{
    static const struct {
        const char *why;
        enum codec_id codec;
        size_t count;
        size_t size;
        uint32_t words[4];
    } cases[] = {
        {"nothing", CODEC_TEXT, 1, 0, {0}},
        {"half a length", CODEC_TEXT, 1, 2, {0}},
        {"fewer lengths than texts", CODEC_TEXT, 3, 8, {0, 0}},
        {"a text beyond the end", CODEC_TEXT, 1, 8, {6, 0}},
        {"bytes behind the last text", CODEC_TEXT, 1, 8, {4, 0}},
        {"lengths that add up modulo 2^32", CODEC_TEXT, 2, 12, {0xffffffff, 6, 0}},
        {"compressed: no size", CODEC_TEXT_LZ4, 1, 3, {0}},
        {"compressed: nothing but the size", CODEC_TEXT_LZ4, 1, 4, {5}},
        {"compressed: more than can come of it", CODEC_TEXT_LZ4, 1, 8, {2000, 0}},
        {"compressed: 4 GiB", CODEC_TEXT_LZ4, 1, 16, {UINT32_MAX, 0, 0, 0}},
        {"few: nothing", CODEC_TEXT_DICTIONARY, 1, 0, {0}},
        {"few: no entries", CODEC_TEXT_DICTIONARY, 1, 12, {0x00020800, 0, 0x000f0000}},
        {"few: a number beyond", CODEC_TEXT_DICTIONARY, 1, 16, {0x01020801, 0, 0x0f000000, 0}},
        {"few: by few", CODEC_TEXT_DICTIONARY, 1, 16, {0x00020801, 0, 0x11000000, 0}},
    };
    struct arena arena;
    arena_init(&arena, 1 << 10); /* too small for what the sizes claim */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *source = malloc(cases[i].size + 1);
        memcpy(source, cases[i].words, cases[i].size);
        uint64_t found[64];
        enum status status =
            text_codec_decode(found, cases[i].count, cases[i].codec, source, cases[i].size, &arena);
        ck_assert_msg(status == STATUS_CORRUPT, "%s", cases[i].why);
        free(source);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(damaged_bytes_end_in_a_status)
{
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 3));
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    uint64_t rounds = unit_number("BEDE_SEEDS", 3000);
    for (uint64_t round = 0; round < rounds; round++) {
        arena_reset(&arena);
        size_t count = 1 + random_below(&random, 40);
        uint64_t values[40], found[64];
        enum kind kind = (enum kind)random_below(&random, KINDS);
        for (size_t i = 0; i < count; i++) values[i] = random_text(&random, &arena, kind);
        enum codec_id id;
        size_t bytes;
        uint8_t *encoded = encoded_create(values, count, &id, &bytes);
        for (size_t i = 0; i < 4; i++) {
            encoded[random_below(&random, bytes)] = (uint8_t)random_u64(&random);
            enum status status = text_codec_decode(found, count, id, encoded, bytes, &arena);
            ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
        }
        free(encoded);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(a_full_arena_is_reported)
{
    struct arena arena;
    arena_init(&arena, 0);
    const uint32_t plain[2] = {5, 0x64636261};
    uint64_t found;
    ck_assert_int_eq(
        text_codec_decode(&found, 1, CODEC_TEXT, (const uint8_t *)plain, sizeof plain, &arena),
        STATUS_NO_MEMORY);
    arena_finish(&arena);
}
END_TEST

START_TEST(plain_bytes_are_what_they_were)
{
    /* What LZ4 makes may change with its version, so only plain bytes are held to a hash. */
    struct random random;
    random_init(&random, 4);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    uint64_t values[COUNT_MAX];
    for (size_t i = 0; i < COUNT_MAX; i++) values[i] = random_text(&random, &arena, KIND_BYTES);
    enum codec_id id;
    size_t bytes;
    uint8_t *encoded = encoded_create(values, COUNT_MAX, &id, &bytes);
    ck_assert_int_eq(id, CODEC_TEXT);
    uint64_t found = hash64(encoded, bytes);
    ck_assert_msg(found == 0x875f124a5088e217, "0x%016llx", (unsigned long long)found);
    free(encoded);
    arena_finish(&arena);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        texts_come_back_and_none_stays_apart_from_empty,
        compression_is_used_only_where_it_saves_a_tenth,
        the_longest_text_fits_and_a_longer_one_is_damage,
        sizes_that_no_encoder_writes_are_damage,
        damaged_bytes_end_in_a_status,
        a_full_arena_is_reported,
        plain_bytes_are_what_they_were,
    };
    return unit_run("codec_text", tests, sizeof tests / sizeof *tests);
}
