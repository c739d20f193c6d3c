#include "storage/journal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/text.h"

#define ROW(field, text, form_, member)                           \
    [field] = {.word = (text),                                    \
               .form = (form_),                                   \
               .offset = offsetof(struct tag_definition, member), \
               .bytes = sizeof((const struct tag_definition){.type = 0}.member)}

const struct tag_field_row tag_field_rows[TAG_FIELD_COUNT] = {
    ROW(TAG_FIELD_NAME, "name", TAG_FORM_TEXT, name),
    ROW(TAG_FIELD_TYPE, "type", TAG_FORM_TYPE, type),
    ROW(TAG_FIELD_UNIT, "unit", TAG_FORM_TEXT, unit),
    ROW(TAG_FIELD_DESCRIPTION, "description", TAG_FORM_TEXT, description),
    ROW(TAG_FIELD_STEP, "step", TAG_FORM_FLAG, step),
    ROW(TAG_FIELD_ZERO, "zero", TAG_FORM_NUMBER, zero),
    ROW(TAG_FIELD_SPAN, "span", TAG_FORM_NUMBER, span),
    ROW(TAG_FIELD_MAX_GAP, "max_gap", TAG_FORM_TIME, max_gap_ns),
    ROW(TAG_FIELD_STATES, "states", TAG_FORM_TEXT, states),
    ROW(TAG_FIELD_SOURCE, "source", TAG_FORM_TEXT, source),
    ROW(TAG_FIELD_ATTRIBUTES, "attributes", TAG_FORM_TEXT, attributes),
    ROW(TAG_FIELD_DELETED, "deleted", TAG_FORM_FLAG, deleted),
};

/* The member that a row speaks of. */
#define FIELD(type_, definition, row) \
    ((type_ const *)(const void *)((const char *)(definition) + (row)->offset))

/* ---- Limits ------------------------------------------------------------------------------- */

/* Well-formed UTF-8; control characters are fine, they stand in quotes. */
static bool text_is_utf8(const char *text, size_t size)
{
    size_t begin = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && !journal_is_control(text[i])) continue;
        if (!text_is_clean_utf8(text + begin, i - begin)) return false;
        begin = i + 1;
    }
    return true;
}

static enum status text_check(const char *word, const char *text, struct error *error)
{
    size_t size = strlen(text);
    if (size > TAG_TEXT_BYTES_MAX) {
        return error_set(error, STATUS_BAD_INPUT, "%s: more than %d bytes", word,
                         TAG_TEXT_BYTES_MAX);
    }
    if (!text_is_utf8(text, size)) {
        return error_set(error, STATUS_BAD_INPUT, "%s: not valid UTF-8", word);
    }
    return STATUS_OK;
}

static enum status name_check(const char *word, const char *name, struct error *error)
{
    size_t size = strlen(name);
    if (size == 0) return error_set(error, STATUS_BAD_INPUT, "%s: empty", word);
    if (size > TAG_NAME_BYTES_MAX) {
        return error_set(error, STATUS_BAD_INPUT, "%s \"%.40s...\": more than %d bytes", word, name,
                         TAG_NAME_BYTES_MAX);
    }
    if (!text_is_clean_utf8(name, size)) {
        return error_set(error, STATUS_BAD_INPUT,
                         "%s: not valid UTF-8, or with a control character", word);
    }
    return STATUS_OK;
}

static enum status field_check(const struct tag_definition *definition, enum tag_field field,
                               struct error *error)
{
    const struct tag_field_row *row = &tag_field_rows[field];
    switch (row->form) {
    case TAG_FORM_TEXT: {
        const char *text = *FIELD(const char *, definition, row);
        if (field == TAG_FIELD_NAME) return name_check(row->word, text, error);
        return text_check(row->word, text, error);
    }
    case TAG_FORM_NUMBER:
        if (isfinite(*FIELD(double, definition, row))) return STATUS_OK;
        return error_set(error, STATUS_BAD_INPUT, "%s: not a finite number", row->word);
    case TAG_FORM_TIME:
        if (*FIELD(int64_t, definition, row) >= 0) return STATUS_OK;
        return error_set(error, STATUS_BAD_INPUT, "%s: less than 0", row->word);
    case TAG_FORM_TYPE:
        if (value_type_is_valid(*FIELD(uint8_t, definition, row))) return STATUS_OK;
        return error_set(error, STATUS_BAD_INPUT, "%s: no such type", row->word);
    case TAG_FORM_FLAG: return STATUS_OK;
    }
    UNREACHABLE();
}

static enum status fields_check(const struct tag_definition *definition, unsigned fields,
                                struct error *error)
{
    ASSERT((fields & ~TAG_FIELDS_ALL) == 0);
    enum status status = STATUS_OK;
    for (int field = 0; field < TAG_FIELD_COUNT && status == STATUS_OK; field++) {
        if (fields & (1u << field)) status = field_check(definition, (enum tag_field)field, error);
    }
    return status;
}

enum status tag_definition_check(const struct tag_definition *definition, struct error *error)
{
    return fields_check(definition, TAG_FIELDS_ALL, error);
}

static enum status mask_check(const struct journal_record *record, struct error *error)
{
    if (record->identity_count < 1 || record->identity_count > JOURNAL_MASK_TAGS_MAX) {
        return error_set(error, STATUS_BAD_INPUT, "mask: %zu tags, not 1 to %d",
                         record->identity_count, JOURNAL_MASK_TAGS_MAX);
    }
    if (record->from_ns >= record->to_ns) {
        return error_set(error, STATUS_BAD_INPUT, "mask: empty interval");
    }
    return STATUS_OK;
}

enum status journal_record_check(const struct journal_record *record, struct error *error)
{
    if (record->sequence == 0) {
        return error_set(error, STATUS_BAD_INPUT, "sequence: less than 1"); /* J1 */
    }
    enum status status = STATUS_OK;
    switch (record->kind) {
    case JOURNAL_STORE: return text_check("store", record->name_space, error);
    case JOURNAL_TAG:
        status = name_check("path", record->path, error);
        if (status < 0) return status;
        return fields_check(&record->definition, record->fields, error);
    case JOURNAL_MASK:
    case JOURNAL_UNMASK:
        if (record->kind == JOURNAL_MASK) status = mask_check(record, error);
        if (status == STATUS_OK) status = text_check("user", record->user, error);
        if (status == STATUS_OK) status = text_check("reason", record->reason, error);
        return status;
    case JOURNAL_UNKNOWN: return STATUS_OK; /* J4 */
    }
    UNREACHABLE();
}

/* ---- Writing ------------------------------------------------------------------------------ */

/* In JSON quotes. Stretches that need no escape are copied whole. */
static enum status quoted_write(struct buffer *target, const char *text, struct error *error)
{
    enum status status = buffer_add(target, "\"", 1, error);
    while (status == STATUS_OK && *text != 0) {
        size_t plain_bytes = 0;
        while (!journal_is_control(text[plain_bytes]) && !strchr("\"\\", text[plain_bytes])) {
            plain_bytes++;
        }
        status = buffer_add(target, text, plain_bytes, error);
        text += plain_bytes;
        if (status < 0 || *text == 0) break;
        char byte = *text++;
        status = journal_is_control(byte) ? buffer_print(target, error, "\\u%04x", byte)
                                          : buffer_print(target, error, "\\%c", byte);
    }
    return status < 0 ? status : buffer_add(target, "\"", 1, error);
}

static enum status word_write(struct buffer *target, const char *word, const char *text,
                              struct error *error)
{
    enum status status = buffer_print(target, error, " %s=", word);
    return status < 0 ? status : quoted_write(target, text, error);
}

static enum status field_write(struct buffer *target, const struct tag_definition *definition,
                               const struct tag_field_row *row, struct error *error)
{
    char number[TEXT_NUMBER_BYTES_MAX];
    const char *text = number;
    int size = 0;
    switch (row->form) {
    case TAG_FORM_TEXT:
        return word_write(target, row->word, *FIELD(const char *, definition, row), error);
    case TAG_FORM_NUMBER:
        size = (int)text_from_double(number, *FIELD(double, definition, row));
        break;
    case TAG_FORM_TIME: size = (int)text_from_i64(number, *FIELD(int64_t, definition, row)); break;
    case TAG_FORM_TYPE: text = value_type_name(*FIELD(uint8_t, definition, row)); break;
    case TAG_FORM_FLAG: text = *FIELD(bool, definition, row) ? "true" : "false"; break;
    }
    if (text != number) size = (int)strlen(text);
    return buffer_print(target, error, " %s=%.*s", row->word, size, text);
}

static enum status tag_write(struct buffer *target, const struct journal_record *record,
                             struct error *error)
{
    enum status status =
        buffer_print(target, error, " tag %016" PRIx64 "%016" PRIx64 " %" PRIu32,
                     record->identity.high, record->identity.low, record->incarnation);
    if (status == STATUS_OK) status = word_write(target, "path", record->path, error);
    for (int field = 0; field < TAG_FIELD_COUNT && status == STATUS_OK; field++) {
        if (!(record->fields & (1u << field))) continue;
        status = field_write(target, &record->definition, &tag_field_rows[field], error);
    }
    return status;
}

static enum status mask_write(struct buffer *target, const struct journal_record *record,
                              struct error *error)
{
    bool is_mask = record->kind == JOURNAL_MASK;
    enum status status = buffer_print(target, error, " %s %016" PRIx64 ".%016" PRIx64 ".%08" PRIx32,
                                      is_mask ? "mask" : "unmask", record->group.clock,
                                      record->group.node, record->group.generation);
    if (status == STATUS_OK && is_mask) {
        status =
            buffer_print(target, error, " %" PRId64 " %" PRId64, record->from_ns, record->to_ns);
    }
    if (status == STATUS_OK) status = word_write(target, "user", record->user, error);
    if (status == STATUS_OK) status = word_write(target, "reason", record->reason, error);
    for (size_t i = 0; is_mask && i < record->identity_count && status == STATUS_OK; i++) {
        status = buffer_print(target, error, " %016" PRIx64 "%016" PRIx64,
                              record->identities[i].high, record->identities[i].low);
    }
    return status;
}

static enum status record_write(struct buffer *target, const struct journal_record *record,
                                struct error *error)
{
    enum status status =
        buffer_print(target, error, "%" PRIu64 " %016" PRIx64, record->sequence, record->chain);
    if (status < 0) return status;
    switch (record->kind) {
    case JOURNAL_STORE:
        status = buffer_add(target, " store ", strlen(" store "), error);
        return status < 0 ? status : quoted_write(target, record->name_space, error);
    case JOURNAL_TAG: return tag_write(target, record, error);
    case JOURNAL_MASK:
    case JOURNAL_UNMASK: return mask_write(target, record, error);
    case JOURNAL_UNKNOWN: break;
    }
    UNREACHABLE(); /* nobody writes what he does not know */
}

enum status journal_write(struct buffer *target, const struct journal_record *record,
                          struct error *error)
{
    enum status status = journal_record_check(record, error);
    if (status < 0) return status;
    size_t begin = target->size_bytes;
    status = record_write(target, record, error);
    if (status == STATUS_OK && target->size_bytes - begin > JOURNAL_RECORD_BYTES_MAX) {
        status = error_set(error, STATUS_TOO_LARGE, "journal record over %d bytes",
                           JOURNAL_RECORD_BYTES_MAX);
    }
    if (status < 0) target->size_bytes = begin;
    return status;
}
