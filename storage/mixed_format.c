#include "storage/mixed_format.h"

#include "storage/base/bytes.h"
#include "storage/codec.h"
#include "storage/stream.h"

enum value_type mixed_stream_type(enum mixed_stream stream)
{
    if (stream < MIXED_STREAM_VALUE || stream >= MIXED_STREAM_QUALITY) return VALUE_I64;
    return (enum value_type)(VALUE_F64 + stream - MIXED_STREAM_VALUE);
}

/* M6, and all words. */
static bool codec_fits(uint8_t codec, enum mixed_stream stream)
{
    if (stream == MIXED_STREAM_IDENTITY) return codec == CODEC_RAW;
    if (codec != CODEC_ABSENT) return codec_takes(codec, mixed_stream_type(stream));
    return stream != MIXED_STREAM_TYPE && stream != MIXED_STREAM_LENGTH &&
           stream != MIXED_STREAM_TIME;
}

bool mixed_header_is_valid(const struct mixed_header *header)
{
    if (header->magic != MIXED_MAGIC || header->payload_bytes % STREAM_ALIGNMENT != 0) return false;
    if (header->tag_count == 0 || header->timeline_count == 0) return false; /* M2 */
    if (header->sample_count < header->tag_count) return false;
    if (header->time_count < header->timeline_count) return false;                /* M3 */
    if (!bytes_are_zero(header->reserved, sizeof header->reserved)) return false; /* M5 */
    for (unsigned stream = 0; stream < MIXED_STREAM_COUNT; stream++) {
        if (!codec_fits(header->codecs[stream], (enum mixed_stream)stream)) return false;
    }
    return true;
}
