/* Words that come again in the same order: their bytes as one LZ4 block. */
#include <lz4.h>
#include <lz4hc.h>
#include <string.h>

#include "storage/codec.h"

enum {
    SLOTS_BITS = 11,
    SLOTS = 1 << SLOTS_BITS,
    REPEATS_PART = 4,       /* of fewer than a quarter nothing is made */
    WORTH_BYTES_A_WORD = 3, /* columns that are shorter already are not worth the time */
    COUNT_MIN = 16,
};

/* Words that came before, and were not pushed out by another since; by 32 bits of their hashes. */
static size_t count_repeats(const uint64_t *words, size_t count)
{
    uint32_t seen[SLOTS] = {0};
    size_t repeats = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = (words[i] ^ words[i] >> 32) * UINT64_C(0x9e3779b97f4a7c15);
        size_t slot = hash >> (64 - SLOTS_BITS);
        uint32_t mark = (uint32_t)(hash >> 16) | 1;
        repeats += seen[slot] == mark;
        seen[slot] = mark;
    }
    return repeats;
}

static size_t lz4_encode(uint8_t *target, size_t room, const struct codec_column *column,
                         struct codec_hint *hint)
{
    (void)hint;
    const uint64_t *words = column->words;
    size_t count = column->count;
    if (count < COUNT_MIN || room < count * WORTH_BYTES_A_WORD) return 0;
    if (count_repeats(words, count) < count / REPEATS_PART) return 0;
    int bytes = LZ4_compress_HC((const char *)words, (char *)target, (int)(count * sizeof *words),
                                (int)room, LZ4HC_CLEVEL_DEFAULT);
    return bytes > 0 ? (size_t)bytes : 0;
}

static enum status lz4_decode(uint64_t *target, size_t count, const uint8_t *source,
                              size_t source_bytes)
{
    int expected = (int)(count * sizeof *target);
    if (source_bytes > CODEC_RUN * sizeof *target) return STATUS_CORRUPT;
    int made =
        LZ4_decompress_safe((const char *)source, (char *)target, (int)source_bytes, expected);
    return made == expected ? STATUS_OK : STATUS_CORRUPT;
}

const struct codec codec_lz4 = {
    .id = CODEC_LZ4,
    .name = "lz4",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_RUN,
    .encode = lz4_encode,
    .decode = lz4_decode,
};
