/* Frame of reference: the signed minimum, then what each word is above it, packed.
 *
 *   | minimum | width, 7 zero bytes | packed ... |
 */
#include "storage/base/bytes.h"
#include "storage/codec.h"
#include "storage/packing.h"

enum { HEADER_BYTES = 2 * sizeof(uint64_t), WIDTH_MAX = 63 };

struct frame {
    uint64_t minimum;
    unsigned width;
};

static struct frame frame_of(const uint64_t *values, size_t count)
{
    int64_t minimum = (int64_t)values[0], maximum = minimum;
    for (size_t i = count & 1; i < count; i += 2) {
        int64_t left = (int64_t)values[i], right = (int64_t)values[i + 1];
        int64_t low = left < right ? left : right;
        int64_t high = left < right ? right : left;
        minimum = low < minimum ? low : minimum;
        maximum = high > maximum ? high : maximum;
    }
    uint64_t range = (uint64_t)maximum - (uint64_t)minimum;
    return (struct frame){.minimum = (uint64_t)minimum, .width = packing_width(range)};
}

static size_t for_measure(const uint64_t *values, size_t count)
{
    struct frame frame = frame_of(values, count);
    if (frame.width == 0 || frame.width > WIDTH_MAX) return SIZE_MAX;
    return HEADER_BYTES + packing_bytes(count, frame.width);
}

static void for_encode(uint8_t *target, const uint64_t *values, size_t count)
{
    struct frame frame = frame_of(values, count);
    bytes_put_u64(target, frame.minimum);
    bytes_put_u64(target + sizeof(uint64_t), frame.width);
    packing_pack(target + HEADER_BYTES, values, count, frame.minimum, frame.width);
}

static enum status for_decode(uint64_t *target, size_t count, const uint8_t *source,
                              size_t source_bytes)
{
    if (source_bytes < HEADER_BYTES) return STATUS_CORRUPT;
    uint64_t minimum = bytes_get_u64(source);
    uint64_t width = bytes_get_u64(source + sizeof minimum);
    if (width == 0 || width > WIDTH_MAX) return STATUS_CORRUPT;
    if (source_bytes - HEADER_BYTES != packing_bytes(count, (unsigned)width)) return STATUS_CORRUPT;
    bool ends = packing_unpack(target, count, source + HEADER_BYTES, minimum, (unsigned)width);
    return ends ? STATUS_OK : STATUS_CORRUPT;
}

const struct codec codec_for = {
    .id = CODEC_FOR,
    .name = "for",
    .measure = for_measure,
    .encode = for_encode,
    .decode = for_decode,
};
