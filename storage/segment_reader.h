/* Segment: an open segment file; finds the blocks of a tag, and checks every byte it reads (G1).
 *
 * Only header, footer, top, origins and descriptors of mixed blocks stay in memory (24 bytes per 64
 * tags, and 128 a mixed block of up to 1,024 tags); index pages and descriptors are read when asked
 * for.
 *
 * Threads: any number at once; counted references. */
#ifndef STORAGE_SEGMENT_READER_H
#define STORAGE_SEGMENT_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/buffer.h"
#include "storage/base/file.h"
#include "storage/block_cache.h"
#include "storage/block_format.h"
#include "storage/mixed_block.h"
#include "storage/segment_format.h"

struct segment;

/* Room for what is read: bytes of its own, or cached ones that it holds. */
struct segment_bytes {
    struct buffer buffer;      /* what is too large for the cache, or has none */
    struct cached_bytes *held; /* NULL: in the buffer */
};

void segment_bytes_init(struct segment_bytes *bytes);
void segment_bytes_finish(struct segment_bytes *bytes); /* accepts a zeroed one */

/* The new segment has one reference. STATUS_UNSUPPORTED for a newer version or unknown feature
 * bits, STATUS_CORRUPT with file and what is wrong, STATUS_NOT_FOUND without a file. */
enum status segment_open(struct segment **out_segment, struct file_system *file_system,
                         const char *directory, uint64_t number, struct error *error);
struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment); /* accepts NULL */

/* From now on what is read is looked for there first, and left there. Borrowed; before anything is
 * read. */
void segment_set_cache(struct segment *segment, struct block_cache *cache);

/* When the last reference goes, the file is removed. */
void segment_remove_when_unused(struct segment *segment);

uint64_t segment_number(const struct segment *segment);
uint64_t segment_bytes(const struct segment *segment); /* of the file */
uint32_t segment_level(const struct segment *segment);
const char *segment_path(const struct segment *segment);
const struct segment_footer *segment_footer(const struct segment *segment);
const struct segment_origin *segment_origins(const struct segment *segment, size_t *out_count);

/* STATUS_NOT_FOUND when the segment holds nothing of it. */
enum status segment_find(struct segment *segment, struct identity identity, enum block_kind kind,
                         struct segment_index_entry *out_entry, struct error *error);

/* The descriptors of this entry whose [first, last] meets [from_ns, to_ns) (to exclusive;
 * INT64_MAX: no end), read and verified; in the arena. */
enum status segment_descriptors(struct segment *segment, const struct segment_index_entry *entry,
                                int64_t from_ns, int64_t to_ns, struct arena *arena,
                                const struct block_descriptor **out_descriptors, size_t *out_count,
                                struct error *error);

/* Reads the blocks of count descriptors that follow one another in the file, in one read, and
 * verifies each against its descriptor and its own checksum. Block i begins at
 * *out_bytes + (descriptors[i].offset - descriptors[0].offset). The room has the bytes until its
 * next use (8-aligned). On STATUS_CORRUPT *out_bad is the index of the first bad one and the error names
 * file, offset, and the time range. */
enum status segment_read_blocks(struct segment *segment, const struct block_descriptor *descriptors,
                                size_t count, struct segment_bytes *room, const uint8_t **out_bytes,
                                size_t *out_bad, struct error *error);

/* All of them, in order. */
const struct mixed_descriptor *segment_mixed(const struct segment *segment, size_t *out_count);
/* The one mixed block that may hold samples of this tag; NULL: none does. */
const struct mixed_descriptor *segment_mixed_find(const struct segment *segment,
                                                  struct identity identity);
/* Reads and verifies a mixed block, and decodes it; room and arena own what it points to, and are
 * cleared first. */
enum status segment_read_mixed(struct segment *segment, const struct mixed_descriptor *descriptor,
                               struct segment_bytes *room, struct arena *arena,
                               struct mixed_block *out_block, struct error *error);

/* The same, of one tag alone. STATUS_NOT_FOUND when the block has nothing of it. */
enum status segment_read_mixed_tag(struct segment *segment,
                                   const struct mixed_descriptor *descriptor,
                                   struct identity identity, struct segment_bytes *room,
                                   struct arena *arena, struct batch *out_batch,
                                   struct error *error);

/* Fills entries with index page number page, and checks it. */
enum status segment_read_page(struct segment *segment, uint64_t page,
                              struct segment_index_entry entries[SEGMENT_INDEX_PAGE_ENTRIES],
                              size_t *out_count, struct error *error);
/* The identity that an index page begins with. */
struct identity segment_page_identity(const struct segment *segment, uint64_t page);

/* Any bytes of the file, for verifying. */
enum status segment_read(struct segment *segment, void *bytes, size_t size, uint64_t offset,
                         struct error *error);

/* All index entries in order. */
struct segment_walk {
    struct segment *segment; /* borrowed */
    uint64_t next_index;
    struct segment_index_entry page[SEGMENT_INDEX_PAGE_ENTRIES];
    uint64_t page_number; /* UINT64_MAX: none loaded */
};

void segment_walk_init(struct segment_walk *walk, struct segment *segment);
/* STATUS_END after the last. */
enum status segment_walk_next(struct segment_walk *walk, struct segment_index_entry *out_entry,
                              struct error *error);

/* All tags of mixed blocks in order. */
struct mixed_walk {
    struct segment *segment; /* borrowed */
    size_t next_block;
    size_t next_tag;
    const struct mixed_descriptor *descriptor; /* of the block at hand */
    struct mixed_block block;
    struct segment_bytes bytes;
    struct arena decoded;
};

void mixed_walk_init(struct mixed_walk *walk, struct segment *segment);
void mixed_walk_finish(struct mixed_walk *walk);
/* The next tag's samples, valid until the next call. STATUS_END after the last; STATUS_CORRUPT for
 * a damaged block, and the next call goes on behind it. */
enum status mixed_walk_next(struct mixed_walk *walk, struct identity *out_identity,
                            struct batch *out_batch, struct error *error);

struct segment_check {
    uint64_t block_count; /* whole ones, and what they hold */
    uint64_t sample_count;
    uint64_t damaged_count;
};

/* Reads and checks everything (segment_verify.c): tree of checksums, every block decoded, order
 * (G2, F3), counts, digests (G3), totals. Calls report(context, text) once a damage, and goes on
 * behind it. */
enum status segment_verify(struct segment *segment, void (*report)(void *context, const char *text),
                           void *context, struct segment_check *out_check, struct error *error);

#endif
