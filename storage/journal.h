/* Journal: configuration as history. Each record is one text sample of the tag
 * "$journal/<node>.<generation>" of the node that made it, at stamp_journal_ns() of its stamp.
 *
 * A record is one line a person can read, fields separated by one space, texts in JSON quotes:
 *
 *   <sequence> <chain> store "<name-space>"
 *   <sequence> <chain> tag <identity> <incarnation> path="…" [name="…" type=f64 unit="…" …]
 *   <sequence> <chain> mask <group> <from> <to> user="…" reason="…" <identity> <identity> …
 *   <sequence> <chain> unmask <group> user="…" reason="…"
 *
 * J1  sequence counts from 1 without holes; chain is hash64 of the record before, in hexadecimal
 * J2  a record changes fields of one tag, each a register: the greatest stamp (clock, node,
 *     generation) wins a field, so the fold does not depend on the order of records
 * J3  masks form a grow-only set; a group is the stamp of its first record; an unmask names a
 *     group and hides it for ever
 * J4  an unknown word or field is kept out of the fold but not an error: a newer version wrote it
 *
 * Changing anything here changes docs/format/catalog.md. */
#ifndef STORAGE_JOURNAL_H
#define STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/entry.h"
#include "storage/sample.h"

enum { JOURNAL_RECORD_BYTES_MAX = TEXT_VALUE_BYTES_MAX, JOURNAL_MASK_TAGS_MAX = 1000 };

enum tag_field {
    TAG_FIELD_NAME,
    TAG_FIELD_TYPE,
    TAG_FIELD_UNIT,
    TAG_FIELD_DESCRIPTION,
    TAG_FIELD_STEP,
    TAG_FIELD_ZERO,
    TAG_FIELD_SPAN,
    TAG_FIELD_MAX_GAP,
    TAG_FIELD_STATES,
    TAG_FIELD_SOURCE,
    TAG_FIELD_ATTRIBUTES,
    TAG_FIELD_DELETED,
    TAG_FIELD_COUNT,
};
#define TAG_FIELDS_ALL ((1u << TAG_FIELD_COUNT) - 1)

enum { TAG_NAME_BYTES_MAX = 255, TAG_TEXT_BYTES_MAX = 4096 };

/* What a tag is defined by. Texts are never NULL; but for the name they are UTF-8 of at most
 * TAG_TEXT_BYTES_MAX bytes. */
struct tag_definition {
    const char *name; /* 1 .. TAG_NAME_BYTES_MAX bytes of clean UTF-8 */
    const char *unit;
    const char *description;
    const char *states;     /* of a state tag: "0=stopped,1=running" */
    const char *source;     /* where it is collected from */
    const char *attributes; /* a JSON object, or "" */
    double zero;            /* finite, as is the span */
    double span;
    int64_t max_gap_ns; /* 0: none */
    uint8_t type;       /* enum value_type */
    bool step;          /* stepped between samples rather than sloped */
    bool deleted;
};

enum tag_field_form { TAG_FORM_TEXT, TAG_FORM_NUMBER, TAG_FORM_TIME, TAG_FORM_TYPE, TAG_FORM_FLAG };

/* One row a field: what records call it, and where a definition holds it. */
struct tag_field_row {
    const char *word;
    enum tag_field_form form;
    size_t offset; /* in struct tag_definition */
    size_t bytes;  /* there */
};
extern const struct tag_field_row tag_field_rows[TAG_FIELD_COUNT];

/* What stands in quotes as \u and four digits. */
static inline bool journal_is_control(char byte)
{
    return (unsigned char)byte < ' ' || byte == 0x7f;
}

enum journal_kind { JOURNAL_STORE, JOURNAL_TAG, JOURNAL_MASK, JOURNAL_UNMASK, JOURNAL_UNKNOWN };

/* A record, parsed: points into the text it was parsed from or into the parser's buffer. */
struct journal_record {
    enum journal_kind kind;
    uint64_t sequence;
    uint64_t chain;
    /* store */
    const char *name_space;
    /* tag */
    struct identity identity;
    uint32_t incarnation;
    const char *path; /* the name it was created under */
    unsigned fields;  /* bits of enum tag_field that are set */
    struct tag_definition definition;
    /* mask, unmask */
    struct revision group;
    int64_t from_ns; /* inclusive */
    int64_t to_ns;   /* exclusive */
    const char *user;
    const char *reason;
    const struct identity *identities;
    size_t identity_count;
};

/* Appends the record as text, without a line end; the fields named by record->fields only. A
 * record that is over a limit leaves the target as it was. */
enum status journal_write(struct buffer *target, const struct journal_record *record,
                          struct error *error);

/* Parses text[0..size). scratch (cleared first) holds the unescaped texts and identities that
 * out_record points to. STATUS_BAD_INPUT when malformed. */
enum status journal_parse(const char *text, size_t size, struct buffer *scratch,
                          struct journal_record *out_record, struct error *error);

/* Whether everything the record says keeps the limits of this header: what is written and what is
 * parsed both do. */
enum status journal_record_check(const struct journal_record *record, struct error *error);

/* Whether the definition keeps the limits of this header; the error names the field. */
enum status tag_definition_check(const struct tag_definition *definition, struct error *error);

#endif
