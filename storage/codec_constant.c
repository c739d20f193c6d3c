#include "storage/base/bytes.h"
#include "storage/codec.h"

static size_t constant_encode(uint8_t *target, size_t room, const struct codec_column *column,
                              struct codec_hint *hint)
{
    (void)hint;
    if (column->survey.changes > 0 || room < sizeof *column->words) return 0;
    bytes_put_u64(target, column->words[0]);
    return sizeof *column->words;
}

static enum status constant_decode(uint64_t *target, size_t count, const uint8_t *source,
                                   size_t source_bytes)
{
    if (source_bytes != sizeof *target) return STATUS_CORRUPT;
    uint64_t word = bytes_get_u64(source);
    for (size_t i = 0; i < count; i++) target[i] = word;
    return STATUS_OK;
}

const struct codec codec_constant = {
    .id = CODEC_CONSTANT,
    .name = "constant",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_VALUES_MAX,
    .encode = constant_encode,
    .decode = constant_decode,
};
