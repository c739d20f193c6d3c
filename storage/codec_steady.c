/* Equal differences: the first word, then the difference, modulo 2^64. */
#include "storage/base/bytes.h"
#include "storage/codec.h"
#include "storage/packing.h"

enum {
    STEADY_BYTES = 2 * sizeof(uint64_t),
    COUNT_MIN = 3, /* fewer are no longer as they are */
};
static_assert(CODEC_TARGET_MULTIPLE % PACKING_LANES == 0, "steady_decode() writes whole rows");

static size_t steady_encode(uint8_t *target, size_t room, const struct codec_column *column,
                            struct codec_hint *hint)
{
    (void)hint;
    int64_t step = column->survey.step_minimum;
    if (column->count < COUNT_MIN || room < STEADY_BYTES) return 0;
    if (column->survey.step_maximum != step) return 0;
    bytes_put_u64(target, column->words[0]);
    bytes_put_u64(target + sizeof step, (uint64_t)step);
    return STEADY_BYTES;
}

/* Each row of lanes from the one before: no lane waits for its neighbour. */
static enum status steady_decode(uint64_t *target, size_t count, const uint8_t *source,
                                 size_t source_bytes)
{
    if (count < COUNT_MIN || source_bytes != STEADY_BYTES) return STATUS_CORRUPT;
    uint64_t first = bytes_get_u64(source);
    uint64_t step = bytes_get_u64(source + sizeof first);
    for (size_t i = 0; i < PACKING_LANES; i++) target[i] = first + i * step;
    uint64_t row_step = PACKING_LANES * step;
    for (size_t i = PACKING_LANES; i < count; i += PACKING_LANES) {
        for (size_t lane = 0; lane < PACKING_LANES; lane++) {
            target[i + lane] = target[i + lane - PACKING_LANES] + row_step;
        }
    }
    return STATUS_OK;
}

const struct codec codec_steady = {
    .id = CODEC_STEADY,
    .name = "steady",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_VALUES_MAX,
    .encode = steady_encode,
    .decode = steady_decode,
};
