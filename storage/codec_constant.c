#include "storage/base/bytes.h"
#include "storage/codec.h"

static size_t constant_measure(const uint64_t *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (values[i] != values[0]) return SIZE_MAX;
    }
    return sizeof *values;
}

static void constant_encode(uint8_t *target, const uint64_t *values, size_t count)
{
    (void)count;
    bytes_put_u64(target, values[0]);
}

static enum status constant_decode(uint64_t *target, size_t count, const uint8_t *source,
                                   size_t source_bytes)
{
    if (source_bytes != sizeof *target) return STATUS_CORRUPT;
    uint64_t value = bytes_get_u64(source);
    for (size_t i = 0; i < count; i++) target[i] = value;
    return STATUS_OK;
}

const struct codec codec_constant = {
    .id = CODEC_CONSTANT,
    .name = "constant",
    .measure = constant_measure,
    .encode = constant_encode,
    .decode = constant_decode,
};
