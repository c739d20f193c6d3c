/* The segment: an immutable file of blocks, sorted by tag, with all that is needed to find them.
 *
 *   [ header 64 ]
 *   [ blocks: by (identity, kind, first time), each at a multiple of 8; mixed blocks among them ]
 *   [ descriptors: one of 128 bytes a block, in the order of the blocks ]
 *   [ summaries: room for statistics over 64 blocks and over a tag; empty in version 1 ]
 *   [ index: one entry of 64 bytes a (tag, kind), by (identity, kind) ]
 *   [ top: one entry of 24 bytes per 64 index entries ]
 *   [ origins: one entry of 32 bytes an origin ]
 *   [ mixed: one descriptor of 128 bytes a mixed block, by identity ]
 *   [ footer 320, at the very end ]
 *
 * Sections begin at multiples of 64; the gaps are zeros.
 *
 * G1  checksums make a tree: the footer's covers the footer, the footer holds those of header, top,
 *     origins and mixed, top those of index pages, the index those of each tag's descriptors, a
 *     descriptor that of its block. So every byte is checked by whoever reads it, and nothing else
 *     is read
 * G2  blocks lie one behind the other, descriptors of either sort in their order; those of one
 *     (tag, kind) rise by first time; MAIN blocks of one tag do not overlap; HISTORY blocks may
 *     share their border time; the tags of one mixed block end before those of the next begin
 * G3  digest and count are those of the block's entries (digest.h); tag and segment hold sums
 * G4  statistics (minimum .. longest_gap_ns and the indexes; statistics.h) are those of the block's
 *     samples where BLOCK_STATISTICS is set; otherwise they are zero
 * G5  reserved bytes are zero
 *
 * Changing anything here changes docs/format/segment.md and SEGMENT_VERSION. */
#ifndef STORAGE_SEGMENT_FORMAT_H
#define STORAGE_SEGMENT_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/block_format.h"
#include "storage/mixed_format.h"
#include "storage/sample.h"

enum { SEGMENT_VERSION = 1, SEGMENT_ALIGNMENT = 64, SEGMENT_INDEX_PAGE_ENTRIES = 64 };
#define SEGMENT_MAGIC 0x3147455345444542ull        /* "BEDESEG1" */
#define SEGMENT_FOOTER_MAGIC 0x31544f4f46474553ull /* "SEGFOOT1" */

/* How a segment came to be, and how far its times reach. A reader need not care: first and last time
 * are in the footer. */
enum segment_level {
    SEGMENT_FLUSHED = 0, /* by a flush; any times */
    SEGMENT_DAY = 1,     /* by a merge, as all below; within a UTC day */
    SEGMENT_MONTH = 2,   /* within a UTC month */
    SEGMENT_STRETCH = 3, /* any times: far from now, or not dealt out yet */
};

struct segment_header {
    uint64_t magic;
    uint32_t version;
    uint32_t features; /* 0; a reader refuses bits it does not know */
    struct identity uuid;
    struct identity store; /* creator */
    uint32_t level;        /* enum segment_level */
    uint32_t reserved;
    uint64_t checksum; /* of the 56 bytes before */
};

static_assert(sizeof(struct segment_header) == 64, "no hidden padding reaches the disk");

enum block_flag {
    BLOCK_HAS_QUALITY = 1 << 0,  /* a stream of qualities */
    BLOCK_HAS_REVISION = 1 << 1, /* of clocks or generations */
    BLOCK_HAS_ORIGINS = 1 << 2,  /* of origins: more than the one in its header */
    BLOCK_STATISTICS = 1 << 3,   /* minimum .. longest_gap_ns are filled in */
    BLOCK_STEPPED = 1 << 4,      /* the integral took the tag for stepped */
    BLOCK_FLAGS = (1 << 5) - 1,
};

struct block_descriptor {
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint64_t offset; /* in the file */
    uint32_t block_bytes;
    uint16_t sample_count;
    uint16_t good_count;
    uint8_t type;
    uint8_t kind;
    uint16_t flags;
    uint32_t block_checksum; /* low half of the block's own */
    uint64_t minimum;        /* value bits */
    uint64_t maximum;
    uint64_t first_value;
    uint64_t last_value;
    double sum;
    double integral; /* value x seconds from first to last time */
    int64_t longest_gap_ns;
    uint64_t sequence; /* greatest local sequence among its entries */
    uint64_t digest_low;
    uint64_t digest_high;
    uint16_t minimum_index;
    uint16_t maximum_index;
    uint32_t origin_index; /* of the header's origin, in the origins section */
};

static_assert(offsetof(struct block_descriptor, minimum) == 40, "no hidden padding");
static_assert(sizeof(struct block_descriptor) == 128, "no hidden padding reaches the disk");

/* One (tag, kind) in this segment. */
struct segment_index_entry {
    struct identity identity;
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint64_t sample_count;
    uint32_t first_descriptor;
    uint32_t descriptor_count;
    uint64_t descriptors_checksum;
    uint8_t kind;
    uint8_t type; /* of its last block */
    uint8_t reserved[6];
};

static_assert(sizeof(struct segment_index_entry) == 64, "no hidden padding reaches the disk");

struct segment_top_entry {
    struct identity first_identity;
    uint64_t page_checksum;
};

static_assert(sizeof(struct segment_top_entry) == 24, "no hidden padding reaches the disk");

struct segment_origin {
    uint64_t node;
    uint64_t sample_count;
    uint64_t first_sequence; /* local sequences of the blocks that hold it */
    uint64_t last_sequence;
};

static_assert(sizeof(struct segment_origin) == 32, "no hidden padding reaches the disk");

/* A mixed block: its tags' main samples are in it and nowhere else in this segment. */
struct mixed_descriptor {
    struct identity first_identity;
    struct identity last_identity;
    uint64_t offset; /* in the file */
    uint32_t block_bytes;
    uint32_t sample_count;
    int64_t first_time_ns; /* of all samples */
    int64_t last_time_ns;
    uint64_t sequence; /* greatest local sequence among its entries */
    uint64_t digest_low;
    uint64_t digest_high;
    uint32_t block_checksum; /* low half of the block's own */
    uint32_t tag_count;
    uint32_t origin_index; /* of the header's origin, in the origins section */
    uint8_t reserved[28];
};

static_assert(offsetof(struct mixed_descriptor, block_checksum) == 88, "no hidden padding");
static_assert(sizeof(struct mixed_descriptor) == 128, "no hidden padding reaches the disk");

struct segment_section {
    uint64_t offset;
    uint64_t size_bytes;
};

struct segment_footer {
    uint64_t magic;
    uint32_t version;
    uint32_t features;
    struct identity uuid; /* as in the header */
    struct segment_section blocks;
    struct segment_section descriptors;
    struct segment_section summaries;
    struct segment_section index;
    struct segment_section top;
    struct segment_section origins;
    struct segment_section mixed;
    uint64_t header_checksum; /* its own */
    uint64_t top_checksum;
    uint64_t origins_checksum;
    uint64_t mixed_checksum;
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint64_t sample_count;
    uint64_t block_count; /* mixed ones not among them */
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t digest_low;
    uint64_t digest_high;
    uint64_t clock_max; /* greatest revision clock inside */
    uint8_t reserved[64];
    uint64_t checksum; /* of the 312 bytes before */
};

static_assert(sizeof(struct segment_footer) == 320, "no hidden padding reaches the disk");

uint64_t segment_header_checksum(const struct segment_header *header);
uint64_t segment_footer_checksum(const struct segment_footer *footer);

/* What can be said of each alone. A newer version may mean other things by all but the checksum
 * and what is before version, so that comes first. */
bool segment_header_is_valid(const struct segment_header *header);
bool segment_footer_is_valid(const struct segment_footer *footer, uint64_t file_bytes);

/* Within a segment of this footer. */
bool segment_index_entry_is_valid(const struct segment_index_entry *entry,
                                  const struct segment_footer *footer);
bool block_descriptor_is_valid(const struct block_descriptor *descriptor,
                               const struct segment_footer *footer);

bool mixed_descriptor_is_valid(const struct mixed_descriptor *descriptor,
                               const struct segment_footer *footer);

/* Two mixed blocks, one behind the other (G2). */
bool mixed_descriptors_follow(const struct mixed_descriptor *earlier,
                              const struct mixed_descriptor *later);

/* Two descriptors of one (tag, kind), one behind the other (G2). */
bool block_descriptors_follow(const struct block_descriptor *earlier,
                              const struct block_descriptor *later);

/* Entries of the index by identity, then kind. */
int segment_index_compare(const struct segment_index_entry *entry, struct identity identity,
                          uint8_t kind);

static inline uint64_t segment_index_count(const struct segment_footer *footer)
{
    return footer->index.size_bytes / sizeof(struct segment_index_entry);
}

static inline uint64_t segment_mixed_count(const struct segment_footer *footer)
{
    return footer->mixed.size_bytes / sizeof(struct mixed_descriptor);
}

static inline uint64_t segment_page_count(const struct segment_footer *footer)
{
    return footer->top.size_bytes / sizeof(struct segment_top_entry);
}

#endif
