/* Singles: doubles that were floats once, and may since have lost their last bit to a decimal text:
 * most of what instruments send.
 *
 *   | patches | positions, words of patches | bytes of the next | floats, nested | rests, nested |
 *
 *   word = bits of the float as a double + rest, modulo 2^64
 *
 * The floats are a column of f32, the rests of i64. Patches are what is no float within some last
 * places of the double; their float repeats the one before, or
 * the first that is one; their rest is 0. */
#include "storage/codec.h"
#include "storage/codec_field.h"
#include "storage/codec_patch.h"
#include "storage/kernels.h"

enum {
    SAMPLE = 32,
    PATCHES_PART = 8, /* more than an eighth: not such a column */
};

static bool sample_promises(const struct kernels *kernels, const uint64_t *words, size_t count)
{
    uint64_t sample[SAMPLE], floats[SAMPLE], rests[SAMPLE];
    for (size_t i = 0; i < SAMPLE; i++) sample[i] = words[i * count / SAMPLE];
    return kernels->single_split(floats, rests, sample, SAMPLE) <= SAMPLE / PATCHES_PART;
}

static void find_exceptions(uint16_t *positions, uint64_t *floats, uint64_t *rests, size_t count)
{
    size_t first = 0;
    while (first + 1 < count && single_is_exception(floats[first], rests[first])) first++;
    uint64_t before = single_is_exception(floats[first], rests[first]) ? 0 : floats[first];
    for (size_t i = 0; i < count; i++) {
        if (single_is_exception(floats[i], rests[i])) {
            *positions++ = (uint16_t)i;
            floats[i] = before;
            rests[i] = 0;
        }
        before = floats[i];
    }
}

static size_t single_encode(uint8_t *target, size_t room, const struct codec_column *column,
                            struct codec_hint *hint)
{
    const struct kernels *kernels = kernels_here();
    const uint64_t *words = column->words;
    size_t count = column->count;
    if (!sample_promises(kernels, words, count)) return 0;
    uint64_t floats[CODEC_RUN], rests[CODEC_RUN];
    uint16_t positions[CODEC_RUN];
    size_t patches = kernels->single_split(floats, rests, words, count);
    if (patches > 0) find_exceptions(positions, floats, rests, count);
    if (FIELD_BYTES_MAX + patches * PATCH_BYTES >= room) return 0;

    uint8_t *next = patches_put(field_put(target, patches), positions, patches, words);
    size_t header_bytes = (size_t)(next - target);
    struct codec_hint inner = {0};
    if (hint->codec == CODEC_SINGLE) {
        inner = *hint;
        inner.codec = hint->inner;
    }
    struct codec_pair columns = {VALUE_F32, column->class, floats, rests};
    size_t bytes = codec_pair_encode(next, room - header_bytes, &columns, count, &inner);
    if (bytes == 0) return 0;
    *hint = inner;
    hint->inner = inner.codec;
    return header_bytes + bytes;
}

static enum status single_decode(uint64_t *target, size_t count, const uint8_t *source,
                                 size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    uint64_t patch_count = field_take(&reader);
    const uint8_t *patches = patches_take(&reader, patch_count);
    if (reader.failed) return STATUS_CORRUPT;
    _Alignas(64) uint64_t rests[CODEC_RUN];
    enum status status = patches_check(count, patches, (size_t)patch_count);
    if (status < 0) return status;
    status = codec_pair_decode(target, rests, VALUE_F32, count, &reader);
    if (status < 0) return status;
    if (!patches_repeat(target, count, patches, (size_t)patch_count) ||
        !patches_stand_for(rests, patches, (size_t)patch_count, 0)) {
        return STATUS_CORRUPT;
    }
    kernels_here()->single_join(target, rests, count);
    patches_apply(target, patches, (size_t)patch_count);
    return STATUS_OK;
}

const struct codec codec_single = {
    .id = CODEC_SINGLE,
    .name = "single",
    .types = CODEC_OF(VALUE_F64),
    .count_max = CODEC_RUN,
    .encode = single_encode,
    .decode = single_decode,
};
