/* Byte planes: the lowest bytes of all words, then the next, and so on; as one zstd frame. Bytes of
 * one meaning side by side compress better than words do.
 *
 *   | form u8 | zstd frame |
 *
 * The words are those of the column, or their differences, as signed fields are counted: 0, -1, 1. */
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "storage/codec.h"
#include "storage/codec_field.h"

#ifdef HAVE_ZSTD

enum { LEVEL = 12 };
enum form { FORM_WORDS, FORM_STEPS, FORMS };

static void planes_fill(uint8_t *planes, enum form form, const uint64_t *words, size_t count)
{
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = form == FORM_STEPS ? field_of_signed(words[i] - before) : words[i];
        before = words[i];
        for (size_t byte = 0; byte < sizeof word; byte++) {
            planes[byte * count + i] = (uint8_t)(word >> 8 * byte);
        }
    }
}

static void planes_empty(uint64_t *words, const uint8_t *planes, enum form form, size_t count)
{
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = 0;
        for (size_t byte = 0; byte < sizeof word; byte++) {
            word |= (uint64_t)planes[byte * count + i] << 8 * byte;
        }
        before += form == FORM_STEPS ? field_to_signed(word) : word - before;
        words[i] = before;
    }
}

/* Target is written only on success: the best until now may stand there. */
static size_t planes_encode(uint8_t *target, size_t room, const struct codec_column *column,
                            struct codec_hint *hint)
{
    (void)hint;
    size_t size = column->count * sizeof *column->words;
    uint8_t *planes = malloc(2 * size + 1);
    if (!planes) return 0; /* everyday bytes will do */
    uint8_t *compressed = planes + size;
    size_t best = 0;
    for (unsigned form = FORM_WORDS; form < FORMS; form++) {
        planes_fill(planes, (enum form)form, column->words, column->count);
        size_t left = best ? best - 1 : room;
        if (left > size + 1) left = size + 1;
        if (left < 2) continue;
        size_t bytes = ZSTD_compress(compressed + 1, left - 1, planes, size, LEVEL);
        if (ZSTD_isError(bytes)) continue;
        compressed[0] = (uint8_t)form;
        best = bytes + 1;
        memcpy(target, compressed, best);
    }
    free(planes);
    return best;
}

static enum status planes_decode(uint64_t *target, size_t count, const uint8_t *source,
                                 size_t source_bytes)
{
    if (source_bytes < 1 || source[0] >= FORMS) return STATUS_CORRUPT;
    size_t size = count * sizeof *target;
    uint8_t *planes = malloc(size);
    if (!planes) return STATUS_NO_MEMORY;
    size_t made = ZSTD_decompress(planes, size, source + 1, source_bytes - 1);
    if (made == size) planes_empty(target, planes, (enum form)source[0], count);
    free(planes);
    return made == size ? STATUS_OK : STATUS_CORRUPT;
}

#else

static size_t planes_encode(uint8_t *target, size_t room, const struct codec_column *column,
                            struct codec_hint *hint)
{
    (void)target, (void)room, (void)column, (void)hint;
    return 0;
}

static enum status planes_decode(uint64_t *target, size_t count, const uint8_t *source,
                                 size_t source_bytes)
{
    (void)target, (void)count, (void)source, (void)source_bytes;
    return STATUS_UNSUPPORTED;
}

#endif

const struct codec codec_planes = {
    .id = CODEC_PLANES,
    .name = "planes",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_VALUES_MAX,
    .class = CODEC_ARCHIVE,
    .encode = planes_encode,
    .decode = planes_decode,
};
