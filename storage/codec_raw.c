#include <string.h>

#include "storage/codec.h"

static size_t raw_encode(uint8_t *target, size_t room, const struct codec_column *column,
                         struct codec_hint *hint)
{
    (void)hint;
    size_t bytes = column->count * sizeof *column->words;
    if (bytes > room) return 0;
    memcpy(target, column->words, bytes);
    return bytes;
}

static enum status raw_decode(uint64_t *target, size_t count, const uint8_t *source,
                              size_t source_bytes)
{
    if (source_bytes != count * sizeof *target) return STATUS_CORRUPT;
    memcpy(target, source, source_bytes);
    return STATUS_OK;
}

const struct codec codec_raw = {
    .id = CODEC_RAW,
    .name = "raw",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_VALUES_MAX,
    .encode = raw_encode,
    .decode = raw_decode,
};
