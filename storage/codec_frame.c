#include "storage/codec_frame.h"

#include "storage/base/assert.h"
#include "storage/codec_field.h"
#include "storage/codec_patch.h"
#include "storage/kernels.h"
#include "storage/packing.h"

enum {
    SAMPLE_MAX = 64,
    EXTREMES = 4,
    WIDTH_MAX = 64,
    WIDTHS_BELOW = 2, /* how far from the sample's width the search for a better one goes */
    WIDTHS_ABOVE = 3,
};

struct frame {
    uint64_t base;
    unsigned width;
    size_t patches;
    size_t bytes; /* of patches and packed words */
};

static uint64_t width_range(unsigned width)
{
    return width ? UINT64_MAX >> (64 - width) : 0;
}

/* The range of a sample without its extremes: where most words are. */
struct core {
    int64_t low;
    int64_t high;
};

/* The least ones, rising; of the greatest the same with the sign of the words turned. */
static void extremes_add(int64_t extremes[EXTREMES], int64_t word)
{
    if (word >= extremes[EXTREMES - 1]) return;
    size_t place = EXTREMES - 1;
    for (; place > 0 && extremes[place - 1] > word; place--) extremes[place] = extremes[place - 1];
    extremes[place] = word;
}

/* As many of the extremes go as a column of this length may well have: not half of it. */
static struct core core_of(const uint64_t *words, size_t count)
{
    size_t stride = count > SAMPLE_MAX ? count / SAMPLE_MAX : 1;
    int64_t lows[EXTREMES], highs[EXTREMES];
    for (size_t i = 0; i < EXTREMES; i++) lows[i] = highs[i] = INT64_MAX;
    size_t sampled = 0;
    for (size_t i = 0; i < count; i += stride, sampled++) {
        extremes_add(lows, (int64_t)words[i]);
        extremes_add(highs, ~(int64_t)words[i]);
    }
    size_t dropped = sampled / 4 < EXTREMES - 1 ? sampled / 4 : EXTREMES - 1;
    return (struct core){lows[dropped], ~highs[dropped]};
}

static void frame_try(struct frame *best, const struct kernels *kernels, const uint64_t *words,
                      size_t count, uint64_t base, unsigned width)
{
    size_t patches = kernels->count_outside(words, count, base, width_range(width));
    size_t bytes = packing_bytes(count, width) + patches * PATCH_BYTES;
    if (bytes >= best->bytes) return;
    *best = (struct frame){.base = base, .width = width, .patches = patches, .bytes = bytes};
}

/* Where the extremes of a sample are far from the rest, a narrower frame around the rest may pay:
 * from the least word up, from the greatest down, or around the middle. */
static struct frame frame_of(const struct kernels *kernels, const struct survey *survey,
                             const uint64_t *words, size_t count)
{
    uint64_t least = (uint64_t)survey->minimum;
    uint64_t greatest = (uint64_t)survey->maximum;
    unsigned full_width = packing_width(greatest - least);
    struct frame best = {.base = least, .width = full_width};
    best.bytes = packing_bytes(count, full_width);
    if (best.bytes <= PATCH_BYTES) return best;

    struct core core = core_of(words, count);
    uint64_t core_range = (uint64_t)core.high - (uint64_t)core.low;
    unsigned core_width = packing_width(core_range);
    if (core_width >= full_width) return best;
    unsigned width = core_width > WIDTHS_BELOW ? core_width - WIDTHS_BELOW : 0;
    for (; width < full_width && width <= core_width + WIDTHS_ABOVE; width++) {
        if (packing_bytes(count, width) + PATCH_BYTES >= best.bytes) break;
        uint64_t range = width_range(width);
        uint64_t middle = (uint64_t)core.low + (uint64_t)((int64_t)(core_range - range) / 2);
        frame_try(&best, kernels, words, count, least, width);
        frame_try(&best, kernels, words, count, middle, width);
        frame_try(&best, kernels, words, count, greatest - range, width);
    }
    return best;
}

/* Positions of the patches, and the words with the base in their place. The width becomes that of
 * what is left, which may be less. */
static void find_patches(struct frame *frame, uint16_t *positions, uint64_t *inside,
                         const uint64_t *words, size_t count)
{
    uint64_t range = width_range(frame->width), above = 0;
    size_t patches = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_inside = words[i] - frame->base <= range;
        positions[patches] = (uint16_t)i;
        patches += !is_inside;
        inside[i] = is_inside ? words[i] : frame->base;
        above |= inside[i] - frame->base;
    }
    ASSERT(patches == frame->patches);
    frame->width = packing_width(above);
    frame->bytes = packing_bytes(count, frame->width) + patches * PATCH_BYTES;
}

size_t frame_encode(uint8_t *target, size_t room, const uint64_t *words, size_t count,
                    const struct survey *survey)
{
    ASSERT(count >= 1 && count <= FRAME_WORDS_MAX);
    const struct kernels *kernels = kernels_here();
    struct survey own;
    if (!survey) kernels->survey(&own, words, count);
    struct frame frame = frame_of(kernels, survey ? survey : &own, words, count);
    uint64_t inside[FRAME_WORDS_MAX];
    uint16_t positions[FRAME_WORDS_MAX + 1];
    const uint64_t *packed = words;
    if (frame.patches > 0) {
        find_patches(&frame, positions, inside, words, count);
        packed = inside;
    }
    uint64_t base_field = field_of_signed(frame.base);
    size_t bytes = 1 + field_bytes(frame.patches) + field_bytes(base_field) + frame.bytes;
    if (bytes > room) return 0;

    uint8_t *next = target;
    *next++ = (uint8_t)frame.width;
    next = field_put(next, frame.patches);
    next = field_put(next, base_field);
    next = patches_put(next, positions, frame.patches, words);
    packing_pack(next, packed, count, frame.base, frame.width);
    return bytes;
}

/* Of a whole run, each width has its size; of fewer words several have the same, and the least that
 * holds them is right. */
static bool width_is_least(const uint64_t *words, size_t count, uint64_t base, unsigned width)
{
    if (count == FRAME_WORDS_MAX) return true;
    uint64_t above = 0;
    for (size_t i = 0; i < count; i++) above |= words[i] - base;
    return packing_width(above) == width;
}

enum status frame_decode(uint64_t *target, size_t count, struct bytes_reader *reader)
{
    ASSERT(count >= 1 && count <= FRAME_WORDS_MAX);
    unsigned width = field_take_byte(reader);
    uint64_t patch_count = field_take(reader);
    uint64_t base = field_to_signed(field_take(reader));
    const uint8_t *patches = patches_take(reader, patch_count);
    if (reader->failed || width > WIDTH_MAX) return STATUS_CORRUPT;
    const uint8_t *packed = bytes_take(reader, packing_bytes(count, width));
    if (!packed) return STATUS_CORRUPT;
    if (!packing_unpack(target, count, packed, base, width)) return STATUS_CORRUPT;
    if (!width_is_least(target, count, base, width)) return STATUS_CORRUPT;
    enum status status = patches_check(count, patches, (size_t)patch_count);
    if (status < 0) return status;
    if (!patches_stand_for(target, patches, (size_t)patch_count, base)) return STATUS_CORRUPT;
    patches_apply(target, patches, (size_t)patch_count);
    return STATUS_OK;
}
