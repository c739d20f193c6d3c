/* Runs: the word of each, then the length of each. */
#include "storage/base/bytes.h"
#include "storage/codec.h"

enum { RUN_BYTES = sizeof(uint64_t) + sizeof(uint16_t) };
static_assert(CODEC_VALUES_MAX <= UINT16_MAX, "one run may hold all words");

static size_t run_count(const uint64_t *values, size_t count)
{
    size_t changes = 0;
    for (size_t i = 1; i < count; i++) changes += values[i] != values[i - 1];
    return changes + 1;
}

static size_t rle_measure(const uint64_t *values, size_t count)
{
    return run_count(values, count) * RUN_BYTES;
}

static void rle_encode(uint8_t *target, const uint64_t *values, size_t count)
{
    uint8_t *lengths = target + run_count(values, count) * sizeof(uint64_t);
    size_t first = 0;
    for (size_t i = 1; i <= count; i++) {
        if (i < count && values[i] == values[first]) continue;
        uint16_t length = (uint16_t)(i - first);
        bytes_put_u64(target, values[first]);
        memcpy(lengths, &length, sizeof length);
        target += sizeof(uint64_t);
        lengths += sizeof length;
        first = i;
    }
}

static enum status rle_decode(uint64_t *target, size_t count, const uint8_t *source,
                              size_t source_bytes)
{
    size_t runs = source_bytes / RUN_BYTES;
    if (source_bytes % RUN_BYTES != 0 || runs > count) return STATUS_CORRUPT;
    const uint8_t *lengths = source + runs * sizeof(uint64_t);
    size_t filled = 0;
    for (size_t run = 0; run < runs; run++) {
        uint64_t value = bytes_get_u64(source + run * sizeof value);
        uint16_t length;
        memcpy(&length, lengths + run * sizeof length, sizeof length);
        if (length == 0 || length > count - filled) return STATUS_CORRUPT;
        for (size_t i = 0; i < length; i++) target[filled + i] = value;
        filled += length;
    }
    return filled == count ? STATUS_OK : STATUS_CORRUPT;
}

const struct codec codec_rle = {
    .id = CODEC_RLE,
    .name = "rle",
    .measure = rle_measure,
    .encode = rle_encode,
    .decode = rle_decode,
};
