/* Segment mend: makes the checksums of a segment's bytes right again, from the blocks up, so that
 * damage reaches the checks behind them. Leaves alone what does not lie within the bytes. */
#ifndef TESTS_STORAGE_SEGMENT_MEND_H
#define TESTS_STORAGE_SEGMENT_MEND_H

#include <string.h>

#include "storage/base/hash.h"
#include "storage/segment_format.h"

static inline bool mend_lies_within(uint64_t offset, uint64_t bytes, size_t size)
{
    return offset <= size && bytes <= size - offset;
}

/* The footer, when all its sections lie within the bytes. */
static inline bool mend_footer(const uint8_t *bytes, size_t size, struct segment_footer *footer)
{
    if (size < sizeof(struct segment_header) + sizeof *footer) return false;
    memcpy(footer, bytes + size - sizeof *footer, sizeof *footer);
    return mend_lies_within(footer->descriptors.offset, footer->descriptors.size_bytes, size) &&
           mend_lies_within(footer->index.offset, footer->index.size_bytes, size) &&
           mend_lies_within(footer->top.offset, footer->top.size_bytes, size) &&
           mend_lies_within(footer->origins.offset, footer->origins.size_bytes, size) &&
           mend_lies_within(footer->mixed.offset, footer->mixed.size_bytes, size);
}

static inline void mend_blocks(uint8_t *bytes, size_t size, const struct segment_footer *footer)
{
    struct block_descriptor descriptor;
    uint8_t *next = bytes + footer->descriptors.offset;
    uint64_t count = footer->descriptors.size_bytes / sizeof descriptor;
    for (uint64_t i = 0; i < count; i++, next += sizeof descriptor) {
        memcpy(&descriptor, next, sizeof descriptor);
        if (descriptor.block_bytes < sizeof(struct block_header)) continue;
        if (!mend_lies_within(descriptor.offset, descriptor.block_bytes, size)) continue;
        uint8_t *block = bytes + descriptor.offset;
        uint64_t checksum = block_checksum(block, descriptor.block_bytes);
        memcpy(block + offsetof(struct block_header, checksum), &checksum, sizeof checksum);
        descriptor.block_checksum = (uint32_t)checksum;
        memcpy(next, &descriptor, sizeof descriptor);
    }
}

static inline void mend_mixed(uint8_t *bytes, size_t size, const struct segment_footer *footer)
{
    struct mixed_descriptor descriptor;
    uint8_t *next = bytes + footer->mixed.offset;
    uint64_t count = footer->mixed.size_bytes / sizeof descriptor;
    for (uint64_t i = 0; i < count; i++, next += sizeof descriptor) {
        memcpy(&descriptor, next, sizeof descriptor);
        if (descriptor.block_bytes < sizeof(struct mixed_header)) continue;
        if (!mend_lies_within(descriptor.offset, descriptor.block_bytes, size)) continue;
        uint8_t *block = bytes + descriptor.offset;
        uint64_t checksum = block_checksum(block, descriptor.block_bytes);
        memcpy(block + offsetof(struct mixed_header, checksum), &checksum, sizeof checksum);
        descriptor.block_checksum = (uint32_t)checksum;
        memcpy(next, &descriptor, sizeof descriptor);
    }
}

static inline void mend_index(uint8_t *bytes, const struct segment_footer *footer)
{
    struct segment_index_entry entry;
    uint8_t *next = bytes + footer->index.offset;
    uint64_t count = footer->index.size_bytes / sizeof entry;
    uint64_t block_count = footer->descriptors.size_bytes / sizeof(struct block_descriptor);
    for (uint64_t i = 0; i < count; i++, next += sizeof entry) {
        memcpy(&entry, next, sizeof entry);
        if (!mend_lies_within(entry.first_descriptor, entry.descriptor_count, block_count))
            continue;
        const uint8_t *first = bytes + footer->descriptors.offset +
                               entry.first_descriptor * sizeof(struct block_descriptor);
        entry.descriptors_checksum =
            hash64(first, entry.descriptor_count * sizeof(struct block_descriptor));
        memcpy(next, &entry, sizeof entry);
    }
}

static inline void mend_top(uint8_t *bytes, const struct segment_footer *footer)
{
    struct segment_top_entry top;
    uint8_t *next = bytes + footer->top.offset;
    uint64_t index_bytes = footer->index.size_bytes;
    const uint64_t page_bytes = SEGMENT_INDEX_PAGE_ENTRIES * sizeof(struct segment_index_entry);
    uint64_t count = footer->top.size_bytes / sizeof top;
    for (uint64_t i = 0; i < count && i * page_bytes < index_bytes; i++, next += sizeof top) {
        uint64_t left = index_bytes - i * page_bytes;
        memcpy(&top, next, sizeof top);
        top.page_checksum = hash64(bytes + footer->index.offset + i * page_bytes,
                                   left < page_bytes ? left : page_bytes);
        memcpy(next, &top, sizeof top);
    }
}

static inline void segment_mend(uint8_t *bytes, size_t size)
{
    struct segment_footer footer;
    struct segment_header header;
    if (!mend_footer(bytes, size, &footer)) return;
    mend_blocks(bytes, size, &footer);
    mend_mixed(bytes, size, &footer);
    mend_index(bytes, &footer);
    mend_top(bytes, &footer);
    memcpy(&header, bytes, sizeof header);
    header.checksum = segment_header_checksum(&header);
    memcpy(bytes, &header, sizeof header);
    footer.header_checksum = header.checksum;
    footer.top_checksum = hash64(bytes + footer.top.offset, footer.top.size_bytes);
    footer.origins_checksum = hash64(bytes + footer.origins.offset, footer.origins.size_bytes);
    footer.mixed_checksum = hash64(bytes + footer.mixed.offset, footer.mixed.size_bytes);
    footer.checksum = segment_footer_checksum(&footer);
    memcpy(bytes + size - sizeof footer, &footer, sizeof footer);
}

#endif
