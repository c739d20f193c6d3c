/* Frame of reference: the column is one frame. */
#include "storage/codec.h"
#include "storage/codec_frame.h"

static_assert((int)CODEC_RUN <= (int)FRAME_WORDS_MAX, "a run is one frame");

static size_t for_encode(uint8_t *target, size_t room, const struct codec_column *column,
                         struct codec_hint *hint)
{
    (void)hint;
    return frame_encode(target, room, column->words, column->count, &column->survey);
}

static enum status for_decode(uint64_t *target, size_t count, const uint8_t *source,
                              size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    enum status status = frame_decode(target, count, &reader);
    if (status < 0) return status;
    return reader.next == reader.end ? STATUS_OK : STATUS_CORRUPT;
}

const struct codec codec_for = {
    .id = CODEC_FOR,
    .name = "for",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_RUN,
    .encode = for_encode,
    .decode = for_decode,
};
