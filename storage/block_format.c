#include "storage/block_format.h"

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/codec.h"

/* F5, and texts by the codecs of texts. */
static bool codec_fits(const struct block_header *header, enum block_stream stream)
{
    uint8_t codec = header->codecs[stream];
    bool is_text =
        stream == BLOCK_STREAM_NOTE || (stream == BLOCK_STREAM_VALUE && header->type == VALUE_TEXT);
    if (codec == CODEC_ABSENT) return stream > BLOCK_STREAM_VALUE;
    if (header->kind == BLOCK_MAIN && stream >= BLOCK_STREAM_KIND) return false;
    if (is_text) return text_codec_takes(codec);
    return codec_takes(codec, block_stream_type(header, stream));
}

bool block_header_is_valid(const struct block_header *header)
{
    if (header->magic != BLOCK_MAGIC || header->kind > BLOCK_HISTORY) return false;
    if (header->sample_count == 0 || !value_type_is_valid(header->type)) return false; /* F2 */
    if (header->payload_bytes % BLOCK_ALIGNMENT != 0) return false;
    if (bytes_get_u32(header->reserved) != 0) return false; /* F4 */
    for (unsigned stream = 0; stream < BLOCK_STREAM_COUNT; stream++) {
        if (!codec_fits(header, (enum block_stream)stream)) return false;
    }
    return true;
}

uint64_t block_checksum(const uint8_t *bytes, size_t size)
{
    size_t behind = offsetof(struct block_header, checksum) + sizeof(uint64_t);
    uint64_t parts[2] = {bytes_get_u64(bytes), hash64(bytes + behind, size - behind)};
    return hash64(parts, sizeof parts); /* F1 */
}
