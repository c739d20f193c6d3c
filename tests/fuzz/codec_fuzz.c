/* Goal:   no bytes can crash a codec, and what it accepts it can write again.
 * Method: the input is a codec's id, a count of two bytes, and what that codec is to decode, in
 *         rooms of the exact size. Words and texts that come out make a round trip through every
 *         codec, which is also how encoders meet columns that nobody thought of. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/arena.h"
#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/codec.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_OFFSET = 3, ARENA_BYTES_MAX = 64 << 20 };

static uint64_t *words_create(size_t count)
{
    size_t room = bytes_align(count, CODEC_TARGET_MULTIPLE);
    uint64_t *words = aligned_alloc(64, room * sizeof *words);
    ASSERT(words);
    return words;
}

static void check_decodes(uint8_t id, enum value_type type, const uint64_t *words, size_t count,
                          const uint8_t *encoded, size_t size)
{
    uint64_t *again = words_create(count);
    ASSERT(codec_decode(again, id, type, count, encoded, size) == STATUS_OK);
    ASSERT(memcmp(again, words, count * sizeof *words) == 0);
    free(again);
}

static void check_codec(const struct codec *codec, const struct codec_column *column)
{
    if (!(codec->types & CODEC_OF(column->type)) || column->count > codec->count_max) return;
    size_t room = codec_bytes_max(column->count);
    uint8_t *encoded = malloc(room);
    ASSERT(encoded);
    struct codec_hint hint = {0};
    size_t size = codec->encode(encoded, room, column, &hint);
    ASSERT(size <= room);
    if (size > 0) {
        check_decodes((uint8_t)codec->id, column->type, column->words, column->count, encoded,
                      size);
    }
    free(encoded);
}

static void check_words(enum value_type type, const uint64_t *words, size_t count)
{
    struct codec_column column = {.type = type, .words = words, .count = count};
    kernels_here()->survey(&column.survey, words, count);
    for (size_t i = 0; i < codecs_count; i++) check_codec(codecs[i], &column);
    uint8_t *encoded = malloc(codec_bytes_max(count));
    ASSERT(encoded);
    enum codec_id id;
    size_t size = codec_encode(encoded, type, words, count, NULL, CODEC_EVERYDAY, &id);
    check_decodes((uint8_t)id, type, words, count, encoded, size);
    free(encoded);
}

/* As what the codec takes, and as what its bits may be besides. */
static void fuzz_words(const struct codec *codec, size_t count, const uint8_t *source, size_t size)
{
    static const enum value_type types[] = {VALUE_F64, VALUE_F32, VALUE_I64};
    uint64_t *words = words_create(count);
    bool is_done = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        is_done = is_done || codec_decode(words, (uint8_t)codec->id, types[i], count, source,
                                          size) == STATUS_OK;
        if (is_done) check_words(types[i], words, count);
    }
    free(words);
}

static void check_texts(const uint64_t *texts, size_t count, struct arena *arena)
{
    uint8_t *encoded = malloc(text_codec_bytes_max(texts, count));
    ASSERT(encoded);
    uint64_t *again = words_create(count);
    enum codec_id id;
    size_t size = text_codec_encode(encoded, texts, count, &id);
    ASSERT(text_codec_decode(again, count, id, encoded, size, arena) == STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        ASSERT((again[i] == 0) == (texts[i] == 0));
        if (texts[i] == 0) continue;
        const struct text_value *left = value_text(texts[i]), *right = value_text(again[i]);
        ASSERT(left->size_bytes == right->size_bytes);
        ASSERT(memcmp(left->bytes, right->bytes, left->size_bytes) == 0);
    }
    free(again);
    free(encoded);
}

static void fuzz_texts(enum codec_id id, size_t count, const uint8_t *source, size_t size)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    uint64_t *texts = words_create(count);
    if (text_codec_decode(texts, count, id, source, size, &arena) == STATUS_OK) {
        check_texts(texts, count, &arena);
    }
    free(texts);
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < INPUT_OFFSET) return 0;
    size_t count = (size_t)bytes[1] | (size_t)bytes[2] << 8;
    if (count == 0) return 0;

    size_t source_bytes = size - INPUT_OFFSET;
    uint8_t *source = malloc(source_bytes + (source_bytes == 0));
    ASSERT(source);
    memcpy(source, bytes + INPUT_OFFSET, source_bytes);
    const struct codec *codec = codec_find(bytes[0]);
    if (codec) fuzz_words(codec, count, source, source_bytes);
    if (text_codec_takes(bytes[0])) {
        fuzz_texts((enum codec_id)bytes[0], count, source, source_bytes);
    }
    free(source);
    return 0;
}
