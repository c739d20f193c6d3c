/* What the files of the catalog share: its state, and the steps between them. Nobody else includes
 * this; the outside sees catalog.h.
 *
 *   number -> tag -> ids of its texts          texts (each once) -> id
 *              |                                                    |
 *              +--- next of the same name <--- holders: first tag of a name
 *
 * G1  a field of a tag has the stamp of its override, or else the tag's own; a field that is not
 *     set has none
 * G2  a tag is listed (in the list of its name, and with its type) while it is live: defined and not
 *     deleted
 * G3  the first of a list is the tag that the name leads to (C3); the others are in no order
 * G4  the order holds all live tags by shown name, but for those that are flagged as moved
 */
#ifndef STORAGE_CATALOG_STATE_H
#define STORAGE_CATALOG_STATE_H

#include <assert.h>
#include <uv.h>

#include "storage/catalog_format.h"
#include "storage/identity_map.h"
#include "storage/journal.h"
#include "storage/mask.h"
#include "storage/text_pool.h"

enum {
    CATALOG_CHUNK_TAGS = 4096,
    CATALOG_CHUNKS_MAX = TAG_COUNT_MAX / CATALOG_CHUNK_TAGS,
    CATALOG_MAKERS_MAX = UINT16_MAX,
    CATALOG_SHOWN_BYTES_MAX = TAG_NAME_BYTES_MAX + sizeof "~01234567",
};

/* A revision in less room: the maker is an index. */
struct stamp {
    uint64_t clock; /* 0: none */
    uint16_t maker;
};

enum tag_flag { TAG_LISTED = 1, TAG_MOVED = 2 };

struct tag {
    uint64_t created_clock; /* 0: nothing folded yet */
    uint64_t stamp_clock;
    double zero;
    double span;
    int64_t max_gap_ns;
    uint32_t path; /* texts by id */
    uint32_t name;
    uint32_t unit;
    uint32_t description;
    uint32_t states;
    uint32_t source;
    uint32_t attributes;
    uint32_t incarnation;
    uint32_t next_of_name; /* number; TAG_NONE: the last */
    uint32_t overrides;    /* the first + 1; 0: none */
    uint16_t created_maker;
    uint16_t stamp_maker;
    uint16_t fields;     /* that are set: bits of 1 << enum tag_field */
    uint16_t overridden; /* those of them that have a stamp of their own */
    uint8_t type;
    bool step;
    bool deleted;
    uint8_t flags;
};

static_assert(sizeof(struct tag) == 96, "a million of them are kept in memory");

struct tag_chunk {
    struct tag tags[CATALOG_CHUNK_TAGS];
    /* Of listed tags; 0 for others. Every append asks for it, and a byte is nearer than a tag. */
    uint8_t live_types[CATALOG_CHUNK_TAGS];
};

/* Stamp of one field of one tag. */
struct override {
    uint64_t clock;
    uint32_t next; /* + 1; of the tag, or of the free ones */
    uint16_t maker;
    uint16_t field;
};

struct catalog {
    struct identity_map *map; /* borrowed */
    uv_rwlock_t lock;         /* everything below */

    struct text_pool texts;
    struct buffer holders;   /* uint32_t by text id: the first tag of this name, or TAG_NONE */
    struct buffer makers;    /* struct catalog_maker */
    struct buffer overrides; /* struct override */
    uint32_t free_override;  /* + 1 */
    struct mask_table masks;
    struct tag_chunk *chunks[CATALOG_CHUNKS_MAX]; /* owned; NULL above the count */
    uint32_t tag_count;                           /* numbers that have a struct tag */
    uint32_t live_count;

    uint32_t *order; /* owned; numbers of live tags by shown name; never NULL */
    uint32_t order_count;
    uint32_t moved_count;
};

static inline struct tag *catalog_tag(const struct catalog *catalog, uint32_t number)
{
    return &catalog->chunks[number / CATALOG_CHUNK_TAGS]->tags[number % CATALOG_CHUNK_TAGS];
}

static inline uint8_t *catalog_live_type(const struct catalog *catalog, uint32_t number)
{
    return &catalog->chunks[number / CATALOG_CHUNK_TAGS]->live_types[number % CATALOG_CHUNK_TAGS];
}

static inline bool tag_is_defined(const struct tag *tag)
{
    unsigned needed = 1u << TAG_FIELD_NAME | 1u << TAG_FIELD_TYPE;
    return (tag->fields & needed) == needed;
}

static inline bool tag_is_live(const struct tag *tag)
{
    return tag_is_defined(tag) && !tag->deleted;
}

/* ---- catalog.c ---- */

/* Empties the catalog. */
void catalog_forget(struct catalog *catalog);

/* ---- catalog_fold.c ---- */

/* Room for tags up to number. */
enum status catalog_reserve_tag(struct catalog *catalog, uint32_t number, struct error *error);
enum status catalog_take_maker(struct catalog *catalog, uint64_t node, uint32_t generation,
                               uint16_t *out_maker, struct error *error);
struct revision catalog_revision(const struct catalog *catalog, struct stamp stamp);
struct stamp catalog_field_stamp(const struct catalog *catalog, const struct tag *tag,
                                 enum tag_field field);
/* Gives the field, which is set, a stamp of its own. */
enum status catalog_override(struct catalog *catalog, struct tag *tag, enum tag_field field,
                             struct stamp stamp, struct error *error);

/* ---- catalog_names.c ---- */

/* Room for names up to the newest text; then listing cannot fail. */
enum status catalog_reserve_names(struct catalog *catalog, struct error *error);
void catalog_list_tag(struct catalog *catalog, uint32_t number);   /* of a live tag */
void catalog_unlist_tag(struct catalog *catalog, uint32_t number); /* if it is listed */
/* The name as shown (C3), in room or in the texts. */
const char *catalog_shown_name(const struct catalog *catalog, uint32_t number,
                               char room[CATALOG_SHOWN_BYTES_MAX]);

#endif
