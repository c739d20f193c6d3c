#include "storage/segment_format.h"

#include "storage/base/bytes.h"
#include "storage/base/hash.h"

uint64_t segment_header_checksum(const struct segment_header *header)
{
    return hash64(header, offsetof(struct segment_header, checksum));
}

uint64_t segment_footer_checksum(const struct segment_footer *footer)
{
    return hash64(footer, offsetof(struct segment_footer, checksum));
}

bool segment_header_is_valid(const struct segment_header *header)
{
    return header->reserved == 0; /* G5 */
}

/* Whether the section begins where it must, with whole records; *end moves behind it. */
static bool section_is_valid(const struct segment_section *section, size_t record_bytes,
                             uint64_t file_bytes, uint64_t *end)
{
    uint64_t offset = bytes_align(*end, SEGMENT_ALIGNMENT);
    if (section->offset != offset || offset > file_bytes) return false;
    if (section->size_bytes > file_bytes - offset) return false;
    *end = offset + section->size_bytes;
    return section->size_bytes % record_bytes == 0;
}

bool segment_footer_is_valid(const struct segment_footer *footer, uint64_t file_bytes)
{
    uint64_t end = sizeof(struct segment_header);
    const struct {
        const struct segment_section *section;
        size_t record_bytes;
    } sections[] = {
        {&footer->blocks, BLOCK_ALIGNMENT},
        {&footer->descriptors, sizeof(struct block_descriptor)},
        {&footer->summaries, 1},
        {&footer->index, sizeof(struct segment_index_entry)},
        {&footer->top, sizeof(struct segment_top_entry)},
        {&footer->origins, sizeof(struct segment_origin)},
        {&footer->mixed, sizeof(struct mixed_descriptor)},
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!section_is_valid(sections[i].section, sections[i].record_bytes, file_bytes, &end)) {
            return false;
        }
    }
    if (bytes_align(end, SEGMENT_ALIGNMENT) + sizeof *footer != file_bytes) return false;

    uint64_t index_count = segment_index_count(footer);
    uint64_t page_count =
        (index_count + SEGMENT_INDEX_PAGE_ENTRIES - 1) / SEGMENT_INDEX_PAGE_ENTRIES;
    uint64_t block_count = footer->block_count;
    uint64_t all_count = block_count + segment_mixed_count(footer);
    return footer->magic == SEGMENT_FOOTER_MAGIC && all_count >= 1 && block_count <= UINT32_MAX &&
           footer->descriptors.size_bytes / sizeof(struct block_descriptor) == block_count &&
           footer->summaries.size_bytes == 0 && index_count <= block_count &&
           (index_count > 0) == (block_count > 0) && segment_page_count(footer) == page_count &&
           footer->origins.size_bytes > 0 && footer->sample_count >= all_count &&
           footer->first_time_ns <= footer->last_time_ns &&
           footer->first_sequence <= footer->last_sequence &&
           bytes_are_zero(footer->reserved, sizeof footer->reserved); /* G5 */
}

bool segment_index_entry_is_valid(const struct segment_index_entry *entry,
                                  const struct segment_footer *footer)
{
    return entry->kind <= BLOCK_HISTORY && value_type_is_valid(entry->type) &&
           entry->descriptor_count >= 1 && entry->descriptor_count <= footer->block_count &&
           entry->first_descriptor <= footer->block_count - entry->descriptor_count &&
           entry->sample_count >= entry->descriptor_count &&
           entry->first_time_ns <= entry->last_time_ns &&
           bytes_are_zero(entry->reserved, sizeof entry->reserved); /* G5 */
}

/* G4 */
static bool statistics_are_zero(const struct block_descriptor *descriptor)
{
    const uint8_t *bytes = (const uint8_t *)descriptor;
    size_t first = offsetof(struct block_descriptor, minimum);
    return bytes_are_zero(bytes + first, offsetof(struct block_descriptor, sequence) - first) &&
           descriptor->minimum_index == 0 && descriptor->maximum_index == 0 &&
           (descriptor->flags & BLOCK_STEPPED) == 0;
}

/* Whether a block can lie there. */
static bool place_is_valid(const struct segment_footer *footer, uint64_t offset, uint32_t bytes,
                           size_t header_bytes)
{
    const struct segment_section *blocks = &footer->blocks;
    if (offset < blocks->offset || offset - blocks->offset > blocks->size_bytes) return false;
    if (bytes > blocks->size_bytes - (offset - blocks->offset)) return false;
    return offset % BLOCK_ALIGNMENT == 0 && bytes % BLOCK_ALIGNMENT == 0 && bytes >= header_bytes;
}

static bool origin_is_valid(const struct segment_footer *footer, uint32_t origin_index)
{
    return origin_index < footer->origins.size_bytes / sizeof(struct segment_origin);
}

bool block_descriptor_is_valid(const struct block_descriptor *descriptor,
                               const struct segment_footer *footer)
{
    if (!place_is_valid(footer, descriptor->offset, descriptor->block_bytes,
                        sizeof(struct block_header))) {
        return false;
    }
    if ((descriptor->flags & BLOCK_STATISTICS) == 0 && !statistics_are_zero(descriptor)) {
        return false;
    }
    return descriptor->first_time_ns <= descriptor->last_time_ns && descriptor->sample_count >= 1 &&
           descriptor->good_count <= descriptor->sample_count &&
           value_type_is_valid(descriptor->type) && descriptor->kind <= BLOCK_HISTORY &&
           descriptor->flags <= BLOCK_FLAGS && origin_is_valid(footer, descriptor->origin_index);
}

bool mixed_descriptor_is_valid(const struct mixed_descriptor *descriptor,
                               const struct segment_footer *footer)
{
    return place_is_valid(footer, descriptor->offset, descriptor->block_bytes,
                          sizeof(struct mixed_header)) &&
           descriptor->first_time_ns <= descriptor->last_time_ns && descriptor->tag_count >= 1 &&
           descriptor->sample_count >= descriptor->tag_count &&
           descriptor->sample_count <= UINT16_MAX &&
           identity_compare(descriptor->first_identity, descriptor->last_identity) <= 0 &&
           origin_is_valid(footer, descriptor->origin_index) &&
           bytes_are_zero(descriptor->reserved, sizeof descriptor->reserved); /* G5 */
}

bool mixed_descriptors_follow(const struct mixed_descriptor *earlier,
                              const struct mixed_descriptor *later)
{
    return later->offset >= earlier->offset + earlier->block_bytes &&
           identity_compare(earlier->last_identity, later->first_identity) < 0;
}

bool block_descriptors_follow(const struct block_descriptor *earlier,
                              const struct block_descriptor *later)
{
    if (later->offset != earlier->offset + earlier->block_bytes) return false;
    if (later->kind != earlier->kind) return false;
    return later->first_time_ns > earlier->last_time_ns ||
           (later->kind == BLOCK_HISTORY && later->first_time_ns == earlier->last_time_ns);
}

int segment_index_compare(const struct segment_index_entry *entry, struct identity identity,
                          uint8_t kind)
{
    int order = identity_compare(entry->identity, identity);
    return order != 0 ? order : (int)entry->kind - (int)kind;
}
