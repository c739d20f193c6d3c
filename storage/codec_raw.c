#include <string.h>

#include "storage/codec.h"

static size_t raw_measure(const uint64_t *values, size_t count)
{
    (void)values;
    return count * sizeof *values;
}

static void raw_encode(uint8_t *target, const uint64_t *values, size_t count)
{
    memcpy(target, values, count * sizeof *values);
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
    .measure = raw_measure,
    .encode = raw_encode,
    .decode = raw_decode,
};
