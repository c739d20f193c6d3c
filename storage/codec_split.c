/* Words that share their left bits and little else, such as measurements with all their digits:
 * left parts by a dictionary of at most 8, right parts packed as they are (ALP for real doubles).
 *
 *   | right bits u8 | entries u8 | left part (u16) of each entry | patches |
 *   | position (u16) of each patch, rising | left part (u16) of each |
 *   | number of the entry of each word, packed | right part of each word, packed |
 *
 * A patch is a word whose left part is not in the dictionary; its number is 0. */
#include <stdlib.h>

#include "storage/codec.h"
#include "storage/codec_field.h"
#include "storage/packing.h"

enum {
    SAMPLE = 64,
    ENTRIES_MAX = 8,
    LEFT_BITS_MAX = 16,
    SPLIT_PATCH_BYTES = 2 * sizeof(uint16_t),
    WORD_BITS = 64,
    FLOAT_BITS = 32,
};

struct split {
    unsigned right_bits;
    size_t entries;
    uint16_t lefts[ENTRIES_MAX];
    size_t cost; /* bits of the sample */
};

static int word_order(const void *left, const void *right)
{
    uint64_t a = bytes_get_u64(left), b = bytes_get_u64(right);
    return (a > b) - (a < b);
}

struct left_group {
    uint16_t left;
    size_t count;
};

static int group_order(const void *left, const void *right)
{
    const struct left_group *a = left, *b = right;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return (a->left > b->left) - (a->left < b->left);
}

/* One way to cut: the most frequent left parts of a sorted sample, and what they leave. */
static struct split split_at(const uint64_t sample[SAMPLE], unsigned right_bits)
{
    struct left_group groups[SAMPLE];
    size_t group_count = 0;
    for (size_t i = 0; i < SAMPLE; i++) {
        uint16_t left = (uint16_t)(sample[i] >> right_bits);
        if (i == 0 || groups[group_count - 1].left != left) {
            groups[group_count++] = (struct left_group){.left = left};
        }
        groups[group_count - 1].count++;
    }
    if (group_count > ENTRIES_MAX) qsort(groups, group_count, sizeof *groups, group_order);
    struct split split = {.right_bits = right_bits};
    size_t held = 0;
    for (; split.entries < group_count && split.entries < ENTRIES_MAX; split.entries++) {
        split.lefts[split.entries] = groups[split.entries].left;
        held += groups[split.entries].count;
    }
    split.cost = (size_t)SAMPLE * (right_bits + packing_width(split.entries - 1)) +
                 (SAMPLE - held) * SPLIT_PATCH_BYTES * 8;
    return split;
}

static struct split split_of(unsigned bits, const uint64_t *words, size_t count)
{
    uint64_t sample[SAMPLE];
    for (size_t i = 0; i < SAMPLE; i++) sample[i] = words[i * count / SAMPLE];
    qsort(sample, SAMPLE, sizeof *sample, word_order);
    struct split best = {.cost = SIZE_MAX};
    for (unsigned left_bits = 1; left_bits <= LEFT_BITS_MAX; left_bits++) {
        struct split split = split_at(sample, bits - left_bits);
        if (split.cost > best.cost && split.entries == ENTRIES_MAX) break;
        if (split.cost < best.cost) best = split;
    }
    return best;
}

/* The positions of words that are in no entry; their numbers become 0. */
static void find_patches(uint16_t *positions, uint64_t *numbers, size_t entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] < entries) continue;
        *positions++ = (uint16_t)i;
        numbers[i] = 0;
    }
}

static void take_rights(uint64_t *rights, unsigned right_bits, const uint64_t *words, size_t count)
{
    uint64_t mask = UINT64_MAX >> (WORD_BITS - right_bits);
    for (size_t i = 0; i < count; i++) rights[i] = words[i] & mask;
}

static uint8_t *put_u16(uint8_t *target, uint64_t value)
{
    uint16_t narrow = (uint16_t)value;
    memcpy(target, &narrow, sizeof narrow);
    return target + sizeof narrow;
}

static uint64_t get_u16(const uint8_t *source)
{
    uint16_t value;
    memcpy(&value, source, sizeof value);
    return value;
}

/* A reader of damaged blocks may hand on words that are none. */
static bool are_floats(const struct survey *survey)
{
    return survey->minimum >= 0 && survey->maximum <= UINT32_MAX;
}

static size_t split_encode(uint8_t *target, size_t room, const struct codec_column *column,
                           struct codec_hint *hint)
{
    (void)hint;
    const uint64_t *words = column->words;
    size_t count = column->count;
    unsigned bits = column->type == VALUE_F32 ? FLOAT_BITS : WORD_BITS;
    if (packing_bytes(count, bits - LEFT_BITS_MAX) >= room) return 0;
    if (bits == FLOAT_BITS && !are_floats(&column->survey)) return 0;
    struct split split = split_of(bits, words, count);
    if (split.cost * count / SAMPLE / 8 > room) return 0;
    uint64_t numbers[CODEC_RUN], rights[CODEC_RUN];
    uint16_t positions[CODEC_RUN] = {0};
    size_t patches = kernels_here()->split_numbers(numbers, words, count, split.right_bits,
                                                   split.lefts, split.entries);
    unsigned number_bits = packing_width(split.entries - 1);
    size_t numbers_bytes = packing_bytes(count, number_bits);
    size_t bytes = 2 + split.entries * sizeof *positions + field_bytes(patches) +
                   patches * SPLIT_PATCH_BYTES + numbers_bytes +
                   packing_bytes(count, split.right_bits);
    if (bytes > room) return 0;
    if (patches > 0) find_patches(positions, numbers, split.entries, count);
    take_rights(rights, split.right_bits, words, count);

    uint8_t *next = target;
    *next++ = (uint8_t)split.right_bits;
    *next++ = (uint8_t)split.entries;
    for (size_t i = 0; i < split.entries; i++) next = put_u16(next, split.lefts[i]);
    next = field_put(next, patches);
    for (size_t i = 0; i < patches; i++) next = put_u16(next, positions[i]);
    for (size_t i = 0; i < patches; i++) {
        next = put_u16(next, words[positions[i]] >> split.right_bits);
    }
    packing_pack(next, numbers, count, 0, number_bits);
    packing_pack(next + numbers_bytes, rights, count, 0, split.right_bits);
    return bytes;
}

static enum status patch_lefts(uint64_t *target, const uint64_t *numbers, size_t count,
                               const uint8_t *patches, size_t patch_count, unsigned right_bits)
{
    uint64_t mask = UINT64_MAX >> (WORD_BITS - right_bits);
    const uint8_t *lefts = patches + patch_count * sizeof(uint16_t);
    size_t least = 0;
    for (size_t i = 0; i < patch_count; i++) {
        size_t position = get_u16(patches + i * sizeof(uint16_t));
        if (position < least || position >= count || numbers[position] != 0) return STATUS_CORRUPT;
        uint64_t left = get_u16(lefts + i * sizeof(uint16_t));
        target[position] = (target[position] & mask) | left << right_bits;
        least = position + 1;
    }
    return STATUS_OK;
}

static enum status split_decode(uint64_t *target, size_t count, const uint8_t *source,
                                size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    unsigned right_bits = field_take_byte(&reader);
    size_t entries = field_take_byte(&reader);
    if (right_bits == 0 || right_bits >= WORD_BITS || entries == 0 || entries > ENTRIES_MAX) {
        return STATUS_CORRUPT;
    }
    const uint8_t *lefts = bytes_take(&reader, entries * sizeof(uint16_t));
    uint64_t patch_count = field_take(&reader);
    if (reader.failed || patch_count > count) return STATUS_CORRUPT;
    const uint8_t *patches = bytes_take(&reader, patch_count * SPLIT_PATCH_BYTES);
    unsigned number_bits = packing_width(entries - 1);
    const uint8_t *numbers = bytes_take(&reader, packing_bytes(count, number_bits));
    const uint8_t *rights = bytes_take(&reader, packing_bytes(count, right_bits));
    if (reader.failed || reader.next != reader.end) return STATUS_CORRUPT;

    uint64_t tops[ENTRIES_MAX] = {0};
    for (size_t i = 0; i < entries; i++) {
        tops[i] = get_u16(lefts + i * sizeof(uint16_t)) << right_bits;
    }
    uint64_t words[CODEC_RUN];
    bool ends = packing_unpack(words, count, numbers, 0, number_bits);
    ends &= packing_unpack(target, count, rights, 0, right_bits);
    if (!ends) return STATUS_CORRUPT;
    uint64_t beyond = 0; /* no number is above 7: its width is 3 at most */
    for (size_t i = 0; i < count; i++) {
        beyond |= entries - 1 - words[i];
        target[i] |= tops[words[i]];
    }
    if (beyond >> (WORD_BITS - 1)) return STATUS_CORRUPT;
    return patch_lefts(target, words, count, patches, (size_t)patch_count, right_bits);
}

const struct codec codec_split = {
    .id = CODEC_SPLIT,
    .name = "split",
    .types = CODEC_OF(VALUE_F64) | CODEC_OF(VALUE_F32),
    .count_max = CODEC_RUN,
    .encode = split_encode,
    .decode = split_decode,
};
