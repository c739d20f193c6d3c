/* Goal:   every rule of a block that a writer keeps is one that a reader checks.
 * Method: blocks put together by hand that are right but for one stream or one field of the header. */
#include "storage/base/bytes.h"
#include "storage/block.h"
#include "storage/codec.h"
#include "storage/stream.h"
#include "tests/unit.h"

#define BIT_32 (UINT64_C(1) << 32)
#define BIT_63 (UINT64_C(1) << 63)

enum { WORDS = 3, HAND_WORDS_MAX = BLOCK_STREAM_COUNT * 2 * WORDS + 16 };

struct hand_stream {
    uint8_t codec;
    uint64_t words[2 * WORDS]; /* the stream's bytes */
    size_t size;
};

struct hand_block {
    struct block_header header; /* but for payload and checksum */
    struct hand_stream streams[BLOCK_STREAM_COUNT];
};

/* Three samples of an i64, raw; a correction, a deletion and a collected one when of history. */
static struct hand_block hand_block(enum block_kind kind)
{
    struct hand_block block = {
        .header = {.magic = BLOCK_MAGIC,
                   .origin = 7,
                   .first_time_ns = 100,
                   .sample_count = WORDS,
                   .type = VALUE_I64,
                   .kind = (uint8_t)kind},
        .streams = {[BLOCK_STREAM_TIME] = {CODEC_RAW, {100, 200, 300}, 24},
                    [BLOCK_STREAM_VALUE] = {CODEC_RAW, {1, 0, 1}, 24}},
    };
    if (kind == BLOCK_MAIN) return block;
    block.streams[BLOCK_STREAM_CLOCK] = (struct hand_stream){CODEC_RAW, {5, 6, 7}, 24};
    block.streams[BLOCK_STREAM_KIND] = (struct hand_stream){CODEC_RAW, {1, 2, 0}, 24};
    return block;
}

static size_t hand_assemble(uint8_t *target, struct hand_block *block)
{
    for (size_t i = 0; i < BLOCK_STREAM_COUNT; i++) {
        block->header.codecs[i] = block->streams[i].codec;
    }
    uint8_t *length = target + BLOCK_PAYLOAD_OFFSET;
    uint8_t *next = target + BLOCK_PAYLOAD_OFFSET +
                    streams_lengths_bytes(block->header.codecs, BLOCK_STREAM_COUNT);
    memset(length, 0, (size_t)(next - length));
    for (size_t i = 0; i < BLOCK_STREAM_COUNT; i++) {
        const struct hand_stream *stream = &block->streams[i];
        if (stream->codec == CODEC_ABSENT) continue;
        bytes_put_u32(length, (uint32_t)stream->size);
        length += sizeof(uint32_t);
        memcpy(next, stream->words, sizeof stream->words);
        next += bytes_align(stream->size, BLOCK_ALIGNMENT);
    }
    size_t size = (size_t)(next - target);
    block->header.payload_bytes = (uint32_t)(size - BLOCK_PAYLOAD_OFFSET);
    memcpy(target, &block->header, sizeof block->header);
    return size;
}

/* Of a copy that ends where its memory ends. */
static enum status decode_exact(const uint8_t *bytes, size_t size)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    uint8_t *copy = malloc(size + (size == 0));
    memcpy(copy, bytes, size);
    struct batch batch;
    enum status status = block_decode(copy, size, &arena, &batch);
    free(copy);
    arena_finish(&arena);
    return status;
}

static enum status hand_decode(struct hand_block *block)
{
    uint64_t room[HAND_WORDS_MAX];
    size_t size = hand_assemble((uint8_t *)room, block);
    return decode_exact((const uint8_t *)room, size);
}

START_TEST(one_thing_wrong_is_reported)
{
    enum {
        TIME = BLOCK_STREAM_TIME,
        VALUE = BLOCK_STREAM_VALUE,
        QUALITY = BLOCK_STREAM_QUALITY,
        CLOCK = BLOCK_STREAM_CLOCK,
        GENERATION = BLOCK_STREAM_GENERATION,
        ORIGIN = BLOCK_STREAM_ORIGIN,
        KIND = BLOCK_STREAM_KIND,
        NOTE = BLOCK_STREAM_NOTE,
        MAIN = BLOCK_MAIN,
        HISTORY = BLOCK_HISTORY,
        ABSENT = CODEC_ABSENT,
        RAW = CODEC_RAW,
        CONSTANT = CODEC_CONSTANT,
        DELTA = CODEC_DELTA,
        TEXT = CODEC_TEXT,
    };
    static const struct {
        const char *why;
        bool is_right;
        uint8_t kind;   /* enum block_kind */
        uint8_t type;   /* 0: i64 */
        uint8_t stream; /* enum block_stream */
        struct hand_stream replaced;
    } cases[] = {
        {"nothing", true, MAIN, 0, VALUE, {RAW, {1, 2, 3}, 24}},
        {"nothing, history", true, HISTORY, 0, VALUE, {RAW, {1, 0, 3}, 24}},
        {"one time twice", false, MAIN, 0, TIME, {RAW, {100, 100, 300}, 24}},
        {"a time that falls", false, MAIN, 0, TIME, {RAW, {100, 300, 200}, 24}},
        {"a time beyond the end of time", false, MAIN, 0, TIME, {RAW, {100, 200, BIT_63}, 24}},
        {"steady times that wrap", false, MAIN, 0, TIME, {DELTA, {100, INT64_MAX}, 16}},
        {"another first time", false, MAIN, 0, TIME, {RAW, {99, 200, 300}, 24}},
        {"times all the same", false, MAIN, 0, TIME, {CONSTANT, {100}, 8}},
        {"no times", false, MAIN, 0, TIME, {ABSENT, {0}, 0}},
        {"no values", false, MAIN, 0, VALUE, {ABSENT, {0}, 0}},
        {"a bool", true, MAIN, VALUE_BOOL, VALUE, {RAW, {1, 0, 1}, 24}},
        {"a bool of 2", false, MAIN, VALUE_BOOL, VALUE, {RAW, {1, 2, 0}, 24}},
        {"a float", true, MAIN, VALUE_F32, VALUE, {RAW, {1, UINT32_MAX, 0}, 24}},
        {"a float of 33 bits", false, MAIN, VALUE_F32, VALUE, {RAW, {1, BIT_32, 0}, 24}},
        {"no such type", false, MAIN, 7, VALUE, {RAW, {1, 2, 3}, 24}},
        {"texts in a codec of words", false, MAIN, VALUE_TEXT, VALUE, {RAW, {1, 2, 3}, 24}},
        {"words in a codec of texts", false, MAIN, 0, VALUE, {TEXT, {0}, 12}},
        {"texts that are none", false, MAIN, VALUE_TEXT, VALUE, {TEXT, {0}, 12}},
        {"texts that are empty", true, MAIN, VALUE_TEXT, VALUE, {TEXT, {BIT_32 + 1, 1}, 12}},
        {"padding not zero", false, MAIN, VALUE_TEXT, VALUE, {TEXT, {BIT_32 + 1, BIT_32 + 1}, 12}},
        {"no such codec", false, MAIN, 0, VALUE, {99, {1, 2, 3}, 24}},
        {"a raw column too short", false, MAIN, 0, VALUE, {RAW, {1, 2}, 16}},
        {"a quality", true, MAIN, 0, QUALITY, {CONSTANT, {UINT32_MAX}, 8}},
        {"a quality of 33 bits", false, MAIN, 0, QUALITY, {RAW, {0, BIT_32, 0}, 24}},
        {"a constant clock of 12 bytes", false, MAIN, 0, CLOCK, {CONSTANT, {1}, 12}},
        {"a generation without a clock", false, MAIN, 0, GENERATION, {CONSTANT, {1}, 8}},
        {"one generation without a clock", false, MAIN, 0, GENERATION, {RAW, {0, 0, 1}, 24}},
        {"a generation", true, HISTORY, 0, GENERATION, {CONSTANT, {1}, 8}},
        {"a generation of 33 bits", false, HISTORY, 0, GENERATION, {CONSTANT, {BIT_32}, 8}},
        {"generations of 33 bits", false, HISTORY, 0, GENERATION, {RAW, {1, BIT_32, 1}, 24}},
        {"origins", true, MAIN, 0, ORIGIN, {RAW, {7, 8, 9}, 24}},
        {"a first origin unlike the header's", false, MAIN, 0, ORIGIN, {RAW, {8, 7, 7}, 24}},
        {"one origin unlike the header's", false, MAIN, 0, ORIGIN, {CONSTANT, {8}, 8}},
        {"kinds in a main block", false, MAIN, 0, KIND, {CONSTANT, {0}, 8}},
        {"notes in a main block", false, MAIN, 0, NOTE, {TEXT, {0}, 12}},
        {"no such kind", false, HISTORY, 0, KIND, {RAW, {1, 2, 3}, 24}},
        {"a kind of 9 bits", false, HISTORY, 0, KIND, {RAW, {1, 2, 0x100}, 24}},
        {"all of a kind of 9 bits", false, HISTORY, 0, KIND, {CONSTANT, {0x100}, 8}},
        {"a deletion with a value", false, HISTORY, 0, VALUE, {RAW, {1, 1, 1}, 24}},
        {"a correction without a clock", false, HISTORY, 0, CLOCK, {RAW, {0, 6, 7}, 24}},
        {"one time twice, entries rising", true, HISTORY, 0, TIME, {RAW, {100, 100, 300}, 24}},
        {"history whose time falls", false, HISTORY, 0, TIME, {RAW, {100, 200, 199}, 24}},
        {"a note on what was collected", false, HISTORY, 0, NOTE, {TEXT, {0, 1}, 12}},
        {"a note on a correction", true, HISTORY, 0, NOTE, {TEXT, {1, 0}, 12}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hand_block block = hand_block((enum block_kind)cases[i].kind);
        if (cases[i].type) block.header.type = cases[i].type;
        block.streams[cases[i].stream] = cases[i].replaced;
        enum status expected = cases[i].is_right ? STATUS_OK : STATUS_CORRUPT;
        ck_assert_msg(hand_decode(&block) == expected, "%s", cases[i].why);
    }
}
END_TEST

START_TEST(entries_of_one_time_rise_and_do_not_repeat)
{
    for (uint64_t second = 4; second <= 6; second++) {
        struct hand_block block = hand_block(BLOCK_HISTORY);
        block.streams[BLOCK_STREAM_TIME] = (struct hand_stream){CODEC_CONSTANT, {100}, 8};
        block.streams[BLOCK_STREAM_VALUE] = (struct hand_stream){CODEC_CONSTANT, {1}, 8};
        block.streams[BLOCK_STREAM_KIND] = (struct hand_stream){CODEC_CONSTANT, {1}, 8};
        block.streams[BLOCK_STREAM_CLOCK] = (struct hand_stream){CODEC_RAW, {5, second, 9}, 24};
        ck_assert_int_eq(hand_decode(&block), second > 5 ? STATUS_OK : STATUS_CORRUPT);
    }
}
END_TEST

START_TEST(one_field_wrong_is_reported)
{
    static const struct {
        const char *why;
        size_t byte;
        uint8_t value;
    } cases[] = {
        {"magic", 0, 0},
        {"payload of another size", 4, 16},
        {"payload that is no multiple of 8", 4, 65},
        {"payload beyond the end", 7, 1},
        {"first time", offsetof(struct block_header, first_time_ns), 101},
        {"no samples", offsetof(struct block_header, sample_count), 0},
        {"fewer samples", offsetof(struct block_header, sample_count), 2},
        {"more samples", offsetof(struct block_header, sample_count), 4},
        {"type 0", offsetof(struct block_header, type), 0},
        {"no such kind of block", offsetof(struct block_header, kind), 2},
        {"reserved", offsetof(struct block_header, reserved), 1},
        {"reserved, last", offsetof(struct block_header, reserved) + 3, 1},
        {"length of the first stream", BLOCK_PAYLOAD_OFFSET, 25},
        {"a first stream without bytes", BLOCK_PAYLOAD_OFFSET, 0},
        {"a first stream beyond the end", BLOCK_PAYLOAD_OFFSET + 3, 255},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hand_block block = hand_block(BLOCK_MAIN);
        uint64_t room[HAND_WORDS_MAX];
        size_t size = hand_assemble((uint8_t *)room, &block);
        ck_assert_int_eq(decode_exact((const uint8_t *)room, size), STATUS_OK);
        ((uint8_t *)room)[cases[i].byte] = cases[i].value;
        ck_assert_msg(decode_exact((const uint8_t *)room, size) == STATUS_CORRUPT, "%s",
                      cases[i].why);
    }
}
END_TEST

START_TEST(bytes_behind_the_last_stream_are_reported)
{
    struct hand_block block = hand_block(BLOCK_MAIN);
    uint64_t room[HAND_WORDS_MAX] = {0};
    size_t size = hand_assemble((uint8_t *)room, &block);
    block.header.payload_bytes += BLOCK_ALIGNMENT;
    memcpy(room, &block.header, sizeof block.header);
    ck_assert_int_eq(decode_exact((const uint8_t *)room, size + BLOCK_ALIGNMENT), STATUS_CORRUPT);
}
END_TEST

START_TEST(a_cut_block_is_reported)
{
    struct hand_block block = hand_block(BLOCK_HISTORY);
    uint64_t room[HAND_WORDS_MAX];
    size_t size = hand_assemble((uint8_t *)room, &block);
    for (size_t cut = 0; cut < size; cut++) {
        ck_assert_int_eq(decode_exact((const uint8_t *)room, cut), STATUS_CORRUPT);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_thing_wrong_is_reported, entries_of_one_time_rise_and_do_not_repeat,
        one_field_wrong_is_reported, bytes_behind_the_last_stream_are_reported,
        a_cut_block_is_reported,
    };
    return unit_run("block_decode", tests, sizeof tests / sizeof *tests);
}
