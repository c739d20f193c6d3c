#include "storage/codec.h"

#include "storage/base/assert.h"

/* RAW before what must be smaller than it; DELTA before RLE and FOR, since steady times, the
 * commonest column, then end the search at once. */
const struct codec *const codecs[] = {
    &codec_constant, &codec_raw, &codec_delta, &codec_rle, &codec_for,
};
const size_t codecs_count = sizeof codecs / sizeof *codecs;

const struct codec *codec_find(uint8_t id)
{
    for (size_t i = 0; i < codecs_count; i++) {
        if (codecs[i]->id == id) return codecs[i];
    }
    return NULL;
}

const struct codec *codec_choose(const uint64_t *values, size_t count, size_t *out_bytes)
{
    ASSERT(count >= 1 && count <= CODEC_VALUES_MAX);
    const struct codec *best = NULL;
    size_t best_bytes = SIZE_MAX;
    for (size_t i = 0; i < codecs_count && best_bytes > CODEC_BYTES_ENOUGH; i++) {
        size_t bytes = codecs[i]->measure(values, count);
        if (bytes >= best_bytes) continue;
        best = codecs[i];
        best_bytes = bytes;
    }
    *out_bytes = best_bytes;
    return best;
}
