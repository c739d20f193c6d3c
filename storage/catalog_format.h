/* The snapshot of a catalog as it lies on disk: one file, written at once and never changed.
 *
 *   [ header 64 ][ positions 40 each ][ makers 16 ][ liftings 32 ][ masks 56 ]
 *   [ texts ][ identities 16 ][ tags ][ checksum 8 ]
 *
 *   header   0        8        12        16         20      24     28    32
 *            +--------+--------+---------+----------+-------+------+-----+
 *            | magic  | version| features| positions| makers| texts| tags|   how many
 *            +--------+--------+---------+----------+-------+------+-----+
 *            | masks  | liftings         | body bytes    | zero       | checksum |
 *            +--------+------------------+---------------+------------+----------+
 *            32       36                 40              48           56         64
 *
 *   texts    [ size 2 | bytes … ][ size 2 | bytes … ] …     the section is padded to 8
 *   tag      [ record 88 ][ stamp 16 ] … [ mask 4 ] …       padded to 8
 *
 * K1  the header's checksum covers the 56 bytes before it; the last 8 bytes of the file cover all
 *     before them
 * K2  text 0 is the empty one; no text is there twice; tags refer to texts, makers and masks by index
 * K3  identity n is that of tag record n; no identity is there twice. Local numbers of tags are not
 *     part of the file
 * K4  of the stamps behind a record, there is one for each bit of overridden, in rising order
 * K5  a tag record with created_clock 0 has no fields: of that tag only masks are known
 *
 * Changing anything here changes docs/format/catalog.md and CATALOG_VERSION. */
#ifndef STORAGE_CATALOG_FORMAT_H
#define STORAGE_CATALOG_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum { CATALOG_VERSION = 1 };
#define CATALOG_MAGIC 0x3154414345444542ull /* "BEDECAT1" */

struct catalog_header {
    uint64_t magic;
    uint32_t version;
    uint32_t features; /* 0 */
    uint32_t position_count;
    uint32_t maker_count;
    uint32_t text_count;
    uint32_t tag_count;
    uint32_t mask_count;
    uint32_t lifting_count;
    uint64_t body_bytes; /* between the header and the last checksum */
    uint64_t reserved;
    uint64_t checksum;
};

/* How far a journal is folded in: struct journal_position. */
struct catalog_position {
    uint64_t node;
    int64_t time_ns;
    uint64_t sequence;
    uint64_t chain;
    uint32_t generation;
    uint32_t reserved;
};

/* Who makes stamps: they refer to it by index. */
struct catalog_maker {
    uint64_t node;
    uint32_t generation;
    uint32_t reserved;
};

/* The earliest unmask of a group. */
struct catalog_lifting {
    uint64_t group_clock;
    uint64_t group_node;
    uint64_t lifted_at; /* clock */
    uint32_t group_generation;
    uint32_t reserved;
};

struct catalog_mask {
    int64_t from_ns; /* inclusive */
    int64_t to_ns;   /* exclusive */
    uint64_t stamp_clock;
    uint64_t stamp_node;
    uint64_t group_clock;
    uint64_t group_node;
    uint32_t stamp_generation;
    uint32_t group_generation;
};

struct catalog_tag_record {
    uint64_t created_clock;
    uint64_t stamp_clock; /* of all fields that are not overridden */
    double zero;
    double span;
    int64_t max_gap_ns;
    uint32_t path; /* texts */
    uint32_t name;
    uint32_t unit;
    uint32_t description;
    uint32_t states;
    uint32_t source;
    uint32_t attributes;
    uint32_t incarnation;
    uint32_t mask_count;
    uint16_t created_maker;
    uint16_t stamp_maker;
    uint16_t fields;     /* that are set: bits of 1 << enum tag_field */
    uint16_t overridden; /* K4 */
    uint8_t type;        /* enum value_type */
    uint8_t step;
    uint8_t deleted;
    uint8_t reserved;
};

struct catalog_stamp {
    uint64_t clock;
    uint32_t maker;
    uint32_t reserved;
};

static_assert(sizeof(struct catalog_header) == 64, "the picture above");
static_assert(offsetof(struct catalog_header, checksum) == 56, "the checksum comes last");
static_assert(sizeof(struct catalog_position) == 40, "no hidden padding reaches the disk");
static_assert(sizeof(struct catalog_maker) == 16, "no hidden padding reaches the disk");
static_assert(sizeof(struct catalog_lifting) == 32, "no hidden padding reaches the disk");
static_assert(sizeof(struct catalog_mask) == 56, "no hidden padding reaches the disk");
static_assert(sizeof(struct catalog_tag_record) == 88, "no hidden padding reaches the disk");
static_assert(sizeof(struct catalog_stamp) == 16, "no hidden padding reaches the disk");

#endif
