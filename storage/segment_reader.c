#include "storage/segment_reader.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/block.h"
#include "storage/disk_names.h"

#define MIXED_ARENA_BYTES_MAX ((size_t)64 << 20)
enum { CACHED_BYTES_MAX = 64 << 10 }; /* of one read: long passes read more at once */

struct segment {
    atomic_uint reference_count;
    atomic_bool must_remove;         /* when the last reference goes */
    struct file_system *file_system; /* borrowed */
    struct file *file;               /* owned */
    uint64_t number;
    uint64_t bytes;
    struct segment_header header;
    struct segment_footer footer;
    struct segment_top_entry *top;  /* owned */
    struct segment_origin *origins; /* owned */
    struct mixed_descriptor *mixed; /* owned */
    struct block_cache *cache;      /* borrowed; NULL: none */
    char path[FILE_PATH_BYTES_MAX];
};

enum status segment_read(struct segment *segment, void *bytes, size_t size, uint64_t offset,
                         struct error *error)
{
    enum status status = file_read_at(segment->file, bytes, size, offset, error);
    if (status != STATUS_END) return status;
    return error_set(error, STATUS_CORRUPT, "%s: ends before %" PRIu64, segment->path,
                     offset + size);
}

/* ---- Reading through the cache ---- */

void segment_set_cache(struct segment *segment, struct block_cache *cache)
{
    segment->cache = cache;
}

void segment_bytes_init(struct segment_bytes *bytes)
{
    *bytes = (struct segment_bytes){0};
    buffer_init(&bytes->buffer, SIZE_MAX / 2);
}

void segment_bytes_finish(struct segment_bytes *bytes)
{
    buffer_finish(&bytes->buffer);
    cached_bytes_give(bytes->held);
    bytes->held = NULL;
}

/* Bytes of the file, in the room until its next use. *out_verified: they were cached, and need no
 * other look; else segment_keep() them once they are found whole. */
static enum status segment_fetch(struct segment *segment, uint64_t offset, size_t size,
                                 struct segment_bytes *room, const uint8_t **out_bytes,
                                 bool *out_verified, struct error *error)
{
    struct block_cache_key key = {segment->number, offset, size};
    bool is_cacheable = segment->cache && size <= CACHED_BYTES_MAX;
    *out_bytes = NULL;
    cached_bytes_give(room->held);
    room->held = is_cacheable ? block_cache_take(segment->cache, key) : NULL;
    *out_verified = room->held;
    if (room->held) {
        *out_bytes = cached_bytes_data(room->held);
        return STATUS_OK;
    }
    if (is_cacheable) room->held = cached_bytes_create(key);
    buffer_clear(&room->buffer);
    uint8_t *target =
        room->held ? cached_bytes_data(room->held) : buffer_reserve(&room->buffer, size, error);
    if (!target) {
        ASSERT(error->status < 0);
        return error->status;
    }
    *out_bytes = target;
    return segment_read(segment, target, size, offset, error);
}

static void segment_keep(struct segment *segment, struct segment_bytes *room)
{
    if (room->held) block_cache_put(segment->cache, room->held);
}

/* The same, copied: for what is small. *out_whole: they have this checksum. */
static enum status segment_fetch_copy(struct segment *segment, uint64_t offset, size_t size,
                                      uint64_t checksum, void *target, bool *out_whole,
                                      struct error *error)
{
    struct segment_bytes room;
    const uint8_t *bytes;
    bool is_verified;
    segment_bytes_init(&room);
    *out_whole = false;
    enum status status = segment_fetch(segment, offset, size, &room, &bytes, &is_verified, error);
    if (status == STATUS_OK) {
        *out_whole = is_verified || hash64(bytes, size) == checksum;
        if (*out_whole && !is_verified) segment_keep(segment, &room);
        memcpy(target, bytes, size);
    }
    segment_bytes_finish(&room);
    return status;
}

/* ---- Opening ---- */

static enum status version_check(const struct segment *segment, uint32_t version, uint32_t features,
                                 struct error *error)
{
    if (version == SEGMENT_VERSION && features == 0) return STATUS_OK;
    return error_set(error, STATUS_UNSUPPORTED,
                     "%s: written by a newer version (%" PRIu32 ", features %" PRIx32 ")",
                     segment->path, version, features);
}

static enum status segment_open_header(struct segment *segment, struct error *error)
{
    struct segment_header *header = &segment->header;
    enum status status = segment_read(segment, header, sizeof *header, 0, error);
    if (status < 0) return status;
    if (header->magic != SEGMENT_MAGIC || header->checksum != segment_header_checksum(header)) {
        return error_set(error, STATUS_CORRUPT, "%s: damaged header", segment->path);
    }
    status = version_check(segment, header->version, header->features, error);
    if (status < 0) return status;
    if (segment_header_is_valid(header)) return STATUS_OK;
    return error_set(error, STATUS_CORRUPT, "%s: header of no valid form", segment->path);
}

static enum status segment_open_footer(struct segment *segment, struct error *error)
{
    struct segment_footer *footer = &segment->footer;
    if (segment->bytes < sizeof segment->header + sizeof *footer) {
        return error_set(error, STATUS_CORRUPT, "%s: only %" PRIu64 " bytes long", segment->path,
                         segment->bytes);
    }
    uint64_t offset = segment->bytes - sizeof *footer;
    enum status status = segment_read(segment, footer, sizeof *footer, offset, error);
    if (status < 0) return status;
    if (footer->magic != SEGMENT_FOOTER_MAGIC ||
        footer->checksum != segment_footer_checksum(footer)) {
        return error_set(error, STATUS_CORRUPT, "%s: damaged or missing footer at %" PRIu64,
                         segment->path, offset);
    }
    status = version_check(segment, footer->version, footer->features, error);
    if (status < 0) return status;
    if (!segment_footer_is_valid(footer, segment->bytes) ||
        footer->header_checksum != segment->header.checksum ||
        identity_compare(footer->uuid, segment->header.uuid) != 0) {
        return error_set(error, STATUS_CORRUPT, "%s: footer does not fit the file", segment->path);
    }
    return STATUS_OK;
}

/* A section that stays in memory, for the caller to free. */
static enum status segment_open_section(struct segment *segment, const char *what,
                                        const struct segment_section *section, uint64_t checksum,
                                        void **out_bytes, struct error *error)
{
    *out_bytes = malloc(section->size_bytes + 1); /* it may be empty */
    if (!*out_bytes) {
        return error_set(error, STATUS_NO_MEMORY, "%s: %s of %" PRIu64 " bytes", segment->path,
                         what, section->size_bytes);
    }
    enum status status =
        segment_read(segment, *out_bytes, section->size_bytes, section->offset, error);
    if (status < 0) return status;
    if (hash64(*out_bytes, section->size_bytes) == checksum) return STATUS_OK;
    return error_set(error, STATUS_CORRUPT, "%s: damaged %s at %" PRIu64 ", %" PRIu64 " samples",
                     segment->path, what, section->offset, segment->footer.sample_count);
}

/* G2 */
static bool mixed_is_valid(const struct segment *segment)
{
    size_t count = segment_mixed_count(&segment->footer);
    for (size_t i = 0; i < count; i++) {
        if (!mixed_descriptor_is_valid(&segment->mixed[i], &segment->footer)) return false;
        if (i > 0 && !mixed_descriptors_follow(&segment->mixed[i - 1], &segment->mixed[i])) {
            return false;
        }
    }
    return true;
}

static enum status segment_open_sections(struct segment *segment, struct error *error)
{
    const struct segment_footer *footer = &segment->footer;
    void *bytes = NULL;
    enum status status = segment_open_section(segment, "top of the index", &footer->top,
                                              footer->top_checksum, &bytes, error);
    segment->top = bytes;
    if (status < 0) return status;
    status = segment_open_section(segment, "list of origins", &footer->origins,
                                  footer->origins_checksum, &bytes, error);
    segment->origins = bytes;
    if (status < 0) return status;
    status = segment_open_section(segment, "list of mixed blocks", &footer->mixed,
                                  footer->mixed_checksum, &bytes, error);
    segment->mixed = bytes;
    if (status < 0 || mixed_is_valid(segment)) return status;
    return error_set(error, STATUS_CORRUPT, "%s: list of mixed blocks of no valid form",
                     segment->path);
}

enum status segment_open(struct segment **out_segment, struct file_system *file_system,
                         const char *directory, uint64_t number, struct error *error)
{
    struct segment *segment = calloc(1, sizeof *segment);
    if (!segment) return error_set(error, STATUS_NO_MEMORY, "%s: segment", directory);
    atomic_init(&segment->reference_count, 1);
    segment->file_system = file_system;
    segment->number = number;
    (void)snprintf(segment->path, sizeof segment->path, "%s/" DISK_SEGMENT_FORMAT, directory,
                   number);

    enum status status = file_open(file_system, &segment->file, segment->path, FILE_READ, error);
    if (status == STATUS_OK) status = file_size(segment->file, &segment->bytes, error);
    if (status == STATUS_OK) status = segment_open_header(segment, error);
    if (status == STATUS_OK) status = segment_open_footer(segment, error);
    if (status == STATUS_OK) status = segment_open_sections(segment, error);
    if (status != STATUS_OK) {
        segment_unref(segment);
        return status;
    }
    *out_segment = segment;
    return STATUS_OK;
}

struct segment *segment_ref(struct segment *segment)
{
    atomic_fetch_add_explicit(&segment->reference_count, 1, memory_order_relaxed);
    return segment;
}

void segment_unref(struct segment *segment)
{
    if (!segment) return;
    if (atomic_fetch_sub_explicit(&segment->reference_count, 1, memory_order_acq_rel) > 1) return;
    struct error ignored;
    file_close(segment->file);
    /* Where this fails, the store removes it at its next start: no manifest names it any more. */
    if (atomic_load(&segment->must_remove)) {
        (void)file_remove(segment->file_system, segment->path, &ignored);
    }
    free(segment->top);
    free(segment->origins);
    free(segment->mixed);
    free(segment);
}

void segment_remove_when_unused(struct segment *segment)
{
    atomic_store(&segment->must_remove, true);
}

uint64_t segment_number(const struct segment *segment)
{
    return segment->number;
}

uint64_t segment_bytes(const struct segment *segment)
{
    return segment->bytes;
}

uint32_t segment_level(const struct segment *segment)
{
    return segment->header.level;
}

const char *segment_path(const struct segment *segment)
{
    return segment->path;
}

const struct segment_footer *segment_footer(const struct segment *segment)
{
    return &segment->footer;
}

const struct segment_origin *segment_origins(const struct segment *segment, size_t *out_count)
{
    *out_count = segment->footer.origins.size_bytes / sizeof(struct segment_origin);
    return segment->origins;
}

struct identity segment_page_identity(const struct segment *segment, uint64_t page)
{
    return segment->top[page].first_identity;
}

/* ---- The index ---- */

/* Entries rise and are whole, each by itself. */
static bool page_is_valid(const struct segment_index_entry *entries, size_t count,
                          const struct segment_footer *footer)
{
    for (size_t i = 0; i < count; i++) {
        if (!segment_index_entry_is_valid(&entries[i], footer)) return false;
        if (i == 0) continue;
        if (segment_index_compare(&entries[i - 1], entries[i].identity, entries[i].kind) >= 0) {
            return false;
        }
    }
    return true;
}

enum status segment_read_page(struct segment *segment, uint64_t page,
                              struct segment_index_entry entries[SEGMENT_INDEX_PAGE_ENTRIES],
                              size_t *out_count, struct error *error)
{
    const struct segment_footer *footer = &segment->footer;
    const struct segment_top_entry *top = &segment->top[page];
    uint64_t first = page * SEGMENT_INDEX_PAGE_ENTRIES;
    uint64_t count = segment_index_count(footer) - first;
    ASSERT(count >= 1);
    if (count > SEGMENT_INDEX_PAGE_ENTRIES) count = SEGMENT_INDEX_PAGE_ENTRIES;
    uint64_t offset = footer->index.offset + first * sizeof entries[0];
    size_t bytes = count * sizeof entries[0];
    bool is_whole;
    enum status status =
        segment_fetch_copy(segment, offset, bytes, top->page_checksum, entries, &is_whole, error);
    if (status < 0) return status;
    if (!is_whole || identity_compare(entries[0].identity, top->first_identity) != 0 ||
        !page_is_valid(entries, count, footer)) {
        return error_set(error, STATUS_CORRUPT,
                         "%s: damaged index page at %" PRIu64 ", %" PRIu64 " tags from %016" PRIx64
                         "%016" PRIx64,
                         segment->path, offset, count, top->first_identity.high,
                         top->first_identity.low);
    }
    *out_count = count;
    return STATUS_OK;
}

/* The last page that begins before the identity; else the first. A tag's two entries may lie on
 * both sides of a border, so the next page can begin with the same identity. */
static uint64_t page_of(const struct segment *segment, struct identity identity)
{
    uint64_t low = 0, high = segment_page_count(&segment->footer);
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (identity_compare(segment->top[middle].first_identity, identity) < 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* NULL when the page has no such entry. */
static const struct segment_index_entry *page_find(const struct segment_index_entry *entries,
                                                   size_t count, struct identity identity,
                                                   uint8_t kind)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = segment_index_compare(&entries[middle], identity, kind);
        if (order == 0) return &entries[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

enum status segment_find(struct segment *segment, struct identity identity, enum block_kind kind,
                         struct segment_index_entry *out_entry, struct error *error)
{
    uint64_t page_count = segment_page_count(&segment->footer);
    for (uint64_t page = page_of(segment, identity); page < page_count; page++) {
        if (identity_compare(segment->top[page].first_identity, identity) > 0) break;
        struct segment_index_entry entries[SEGMENT_INDEX_PAGE_ENTRIES];
        size_t count;
        enum status status = segment_read_page(segment, page, entries, &count, error);
        if (status < 0) return status;
        const struct segment_index_entry *found =
            page_find(entries, count, identity, (uint8_t)kind);
        if (!found) continue;
        *out_entry = *found;
        return STATUS_OK;
    }
    return STATUS_NOT_FOUND;
}

void segment_walk_init(struct segment_walk *walk, struct segment *segment)
{
    walk->segment = segment;
    walk->next_index = 0;
    walk->page_number = UINT64_MAX;
}

enum status segment_walk_next(struct segment_walk *walk, struct segment_index_entry *out_entry,
                              struct error *error)
{
    if (walk->next_index >= segment_index_count(&walk->segment->footer)) return STATUS_END;
    uint64_t page = walk->next_index / SEGMENT_INDEX_PAGE_ENTRIES;
    if (page != walk->page_number) {
        size_t count;
        walk->page_number = UINT64_MAX;
        enum status status = segment_read_page(walk->segment, page, walk->page, &count, error);
        if (status < 0) return status;
        walk->page_number = page;
    }
    *out_entry = walk->page[walk->next_index++ % SEGMENT_INDEX_PAGE_ENTRIES];
    return STATUS_OK;
}

/* ---- Descriptors ---- */

static bool descriptors_are_valid(const struct block_descriptor *descriptors,
                                  const struct segment_index_entry *entry,
                                  const struct segment_footer *footer)
{
    uint64_t sample_count = 0;
    for (size_t i = 0; i < entry->descriptor_count; i++) {
        if (!block_descriptor_is_valid(&descriptors[i], footer)) return false;
        if (descriptors[i].kind != entry->kind) return false;
        if (i > 0 && !block_descriptors_follow(&descriptors[i - 1], &descriptors[i])) return false;
        sample_count += descriptors[i].sample_count;
    }
    const struct block_descriptor *last = &descriptors[entry->descriptor_count - 1];
    return sample_count == entry->sample_count && last->type == entry->type &&
           descriptors[0].first_time_ns == entry->first_time_ns &&
           last->last_time_ns == entry->last_time_ns;
}

/* The first descriptor that ends at time_ns or later. */
static size_t descriptors_from(const struct block_descriptor *descriptors, size_t count,
                               int64_t time_ns)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (descriptors[middle].last_time_ns < time_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first descriptor that begins at time_ns or later. */
static size_t descriptors_to(const struct block_descriptor *descriptors, size_t count,
                             int64_t time_ns)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (descriptors[middle].first_time_ns < time_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* NOLINTNEXTLINE(readability-function-size): four of its parameters are two ranges */
enum status segment_descriptors(struct segment *segment, const struct segment_index_entry *entry,
                                int64_t from_ns, int64_t to_ns, struct arena *arena,
                                const struct block_descriptor **out_descriptors, size_t *out_count,
                                struct error *error)
{
    const struct segment_footer *footer = &segment->footer;
    ASSERT(segment_index_entry_is_valid(entry, footer));
    size_t count = entry->descriptor_count;
    size_t bytes = count * sizeof(struct block_descriptor);
    uint64_t offset = footer->descriptors.offset +
                      (uint64_t)entry->first_descriptor * sizeof(struct block_descriptor);
    struct block_descriptor *descriptors = arena_take_raw(arena, bytes);
    if (!descriptors) {
        return error_set(error, STATUS_NO_MEMORY, "%s: %zu descriptors", segment->path, count);
    }
    bool is_whole;
    enum status status = segment_fetch_copy(segment, offset, bytes, entry->descriptors_checksum,
                                            descriptors, &is_whole, error);
    if (status < 0) return status;
    if (!is_whole || !descriptors_are_valid(descriptors, entry, footer)) {
        return error_set(error, STATUS_CORRUPT,
                         "%s: damaged descriptors at %" PRIu64 " of tag %016" PRIx64 "%016" PRIx64,
                         segment->path, offset, entry->identity.high, entry->identity.low);
    }
    size_t first = descriptors_from(descriptors, count, from_ns);
    size_t end = to_ns == INT64_MAX ? count : descriptors_to(descriptors, count, to_ns);
    *out_descriptors = descriptors + first;
    *out_count = end > first ? end - first : 0;
    return STATUS_OK;
}

/* ---- Blocks ---- */

static bool block_fits(const uint8_t *block, const struct block_descriptor *descriptor)
{
    if (!block_is_intact(block, descriptor->block_bytes)) return false;
    struct block_header header;
    memcpy(&header, block, sizeof header);
    return BLOCK_PAYLOAD_OFFSET + (uint64_t)header.payload_bytes == descriptor->block_bytes &&
           (uint32_t)header.checksum == descriptor->block_checksum &&
           header.first_time_ns == descriptor->first_time_ns &&
           header.sample_count == descriptor->sample_count && header.type == descriptor->type &&
           header.kind == descriptor->kind;
}

/* NOLINTNEXTLINE(readability-function-size): one answer more than most */
enum status segment_read_blocks(struct segment *segment, const struct block_descriptor *descriptors,
                                size_t count, struct segment_bytes *room, const uint8_t **out_bytes,
                                size_t *out_bad, struct error *error)
{
    ASSERT(count >= 1);
    uint64_t begin = descriptors[0].offset;
    const struct block_descriptor *last = &descriptors[count - 1];
    ASSERT(last->offset >= begin);
    size_t size = (size_t)(last->offset - begin) + last->block_bytes;
    *out_bad = 0;
    const uint8_t *bytes;
    bool is_verified;
    enum status status = segment_fetch(segment, begin, size, room, &bytes, &is_verified, error);
    if (status < 0) return status;
    for (size_t i = 0; i < count && !is_verified; i++) {
        const struct block_descriptor *descriptor = &descriptors[i];
        if (block_fits(bytes + (descriptor->offset - begin), descriptor)) continue;
        *out_bad = i;
        return error_set(error, STATUS_CORRUPT,
                         "%s: damaged block at %" PRIu64 ", %u samples of times %" PRId64
                         " to %" PRId64,
                         segment->path, descriptor->offset, descriptor->sample_count,
                         descriptor->first_time_ns, descriptor->last_time_ns);
    }
    if (!is_verified) segment_keep(segment, room);
    *out_bytes = bytes;
    return STATUS_OK;
}

/* ---- Mixed blocks ---- */

const struct mixed_descriptor *segment_mixed(const struct segment *segment, size_t *out_count)
{
    *out_count = segment_mixed_count(&segment->footer);
    return segment->mixed;
}

const struct mixed_descriptor *segment_mixed_find(const struct segment *segment,
                                                  struct identity identity)
{
    size_t low = 0, high = segment_mixed_count(&segment->footer);
    while (low < high) { /* the first that does not end before it */
        size_t middle = low + (high - low) / 2;
        if (identity_compare(segment->mixed[middle].last_identity, identity) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == segment_mixed_count(&segment->footer)) return NULL;
    const struct mixed_descriptor *found = &segment->mixed[low];
    return identity_compare(found->first_identity, identity) <= 0 ? found : NULL;
}

static bool mixed_fits(const uint8_t *bytes, const struct mixed_descriptor *descriptor)
{
    if (!mixed_block_is_intact(bytes, descriptor->block_bytes)) return false;
    struct mixed_header header;
    memcpy(&header, bytes, sizeof header);
    return MIXED_PAYLOAD_OFFSET + (uint64_t)header.payload_bytes == descriptor->block_bytes &&
           (uint32_t)header.checksum == descriptor->block_checksum &&
           header.tag_count == descriptor->tag_count &&
           header.sample_count == descriptor->sample_count &&
           identity_compare(header.identity, descriptor->first_identity) == 0;
}

static enum status mixed_corrupt(const struct segment *segment,
                                 const struct mixed_descriptor *descriptor, struct error *error)
{
    return error_set(error, STATUS_CORRUPT,
                     "%s: damaged mixed block at %" PRIu64 ", %" PRIu32 " samples of %" PRIu32
                     " tags, of times %" PRId64 " to %" PRId64,
                     segment->path, descriptor->offset, descriptor->sample_count,
                     descriptor->tag_count, descriptor->first_time_ns, descriptor->last_time_ns);
}

/* The bytes of the block, verified. */
static enum status mixed_fetch(struct segment *segment, const struct mixed_descriptor *descriptor,
                               struct segment_bytes *room, const uint8_t **out_bytes,
                               struct error *error)
{
    bool is_verified;
    enum status status = segment_fetch(segment, descriptor->offset, descriptor->block_bytes, room,
                                       out_bytes, &is_verified, error);
    if (status < 0 || is_verified) return status;
    if (!mixed_fits(*out_bytes, descriptor)) return mixed_corrupt(segment, descriptor, error);
    segment_keep(segment, room);
    return STATUS_OK;
}

static enum status mixed_decoded(const struct segment *segment,
                                 const struct mixed_descriptor *descriptor, enum status decoded,
                                 struct error *error)
{
    if (decoded == STATUS_CORRUPT) return mixed_corrupt(segment, descriptor, error);
    if (decoded < 0) return error_set(error, decoded, "%s: mixed block", segment->path);
    return decoded;
}

enum status segment_read_mixed(struct segment *segment, const struct mixed_descriptor *descriptor,
                               struct segment_bytes *room, struct arena *arena,
                               struct mixed_block *out_block, struct error *error)
{
    arena_reset(arena);
    const uint8_t *bytes;
    enum status status = mixed_fetch(segment, descriptor, room, &bytes, error);
    if (status < 0) return status;
    status = mixed_block_decode(bytes, descriptor->block_bytes, arena, out_block);
    return mixed_decoded(segment, descriptor, status, error);
}

enum status segment_read_mixed_tag(struct segment *segment,
                                   const struct mixed_descriptor *descriptor,
                                   struct identity identity, struct segment_bytes *room,
                                   struct arena *arena, struct batch *out_batch,
                                   struct error *error)
{
    arena_reset(arena);
    const uint8_t *bytes;
    enum status status = mixed_fetch(segment, descriptor, room, &bytes, error);
    if (status < 0) return status;
    status = mixed_block_decode_tag(bytes, descriptor->block_bytes, identity, arena, out_batch);
    return mixed_decoded(segment, descriptor, status, error);
}

void mixed_walk_init(struct mixed_walk *walk, struct segment *segment)
{
    *walk = (struct mixed_walk){.segment = segment};
    segment_bytes_init(&walk->bytes);
    arena_init(&walk->decoded, MIXED_ARENA_BYTES_MAX);
}

void mixed_walk_finish(struct mixed_walk *walk)
{
    segment_bytes_finish(&walk->bytes);
    arena_finish(&walk->decoded);
}

enum status mixed_walk_next(struct mixed_walk *walk, struct identity *out_identity,
                            struct batch *out_batch, struct error *error)
{
    if (walk->next_tag == walk->block.tag_count) {
        size_t count;
        const struct mixed_descriptor *descriptors = segment_mixed(walk->segment, &count);
        if (walk->next_block == count) return STATUS_END;
        walk->descriptor = &descriptors[walk->next_block++];
        walk->next_tag = walk->block.tag_count = 0;
        enum status status = segment_read_mixed(walk->segment, walk->descriptor, &walk->bytes,
                                                &walk->decoded, &walk->block, error);
        if (status < 0) return status;
    }
    *out_identity = walk->block.identities[walk->next_tag];
    *out_batch = mixed_block_batch(&walk->block, walk->next_tag++);
    return STATUS_OK;
}
