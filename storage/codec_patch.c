#include "storage/codec_patch.h"

uint8_t *patches_put(uint8_t *target, const uint16_t *positions, size_t patch_count,
                     const uint64_t *words)
{
    if (patch_count == 0) return target;
    memcpy(target, positions, patch_count * sizeof *positions);
    target += patch_count * sizeof *positions;
    for (size_t i = 0; i < patch_count; i++) {
        bytes_put_u64(target, words[positions[i]]);
        target += sizeof *words;
    }
    return target;
}

const uint8_t *patches_take(struct bytes_reader *reader, uint64_t patch_count)
{
    if (patch_count > UINT16_MAX) reader->failed = true;
    return bytes_take(reader, (size_t)(patch_count & UINT16_MAX) * PATCH_BYTES);
}

static size_t position_at(const uint8_t *patches, size_t index)
{
    uint16_t position;
    memcpy(&position, patches + index * sizeof position, sizeof position);
    return position;
}

enum status patches_check(size_t count, const uint8_t *patches, size_t patch_count)
{
    size_t least = 0;
    for (size_t i = 0; i < patch_count; i++) {
        size_t position = position_at(patches, i);
        if (position < least || position >= count) return STATUS_CORRUPT;
        least = position + 1;
    }
    return STATUS_OK;
}

bool patches_stand_for(const uint64_t *words, const uint8_t *patches, size_t patch_count,
                       uint64_t word)
{
    for (size_t i = 0; i < patch_count; i++) {
        if (words[position_at(patches, i)] != word) return false;
    }
    return true;
}

bool patches_repeat(const uint64_t *words, size_t count, const uint8_t *patches, size_t patch_count)
{
    for (size_t i = 0; i < patch_count; i++) {
        size_t position = position_at(patches, i);
        size_t neighbour = position > 0 ? position - 1 : (size_t)(count > 1);
        if (words[position] != words[neighbour]) return false;
    }
    return true;
}

void patches_apply(uint64_t *words, const uint8_t *patches, size_t patch_count)
{
    const uint8_t *patched = patches + patch_count * sizeof(uint16_t);
    for (size_t i = 0; i < patch_count; i++) {
        words[position_at(patches, i)] = bytes_get_u64(patched + i * sizeof *words);
    }
}
