/* The parser of journal records: a decoder of outside data, so nothing here trusts a byte. */
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/text.h"
#include "storage/journal.h"

enum { IDENTITY_DIGITS = 32 };

struct parser {
    const char *next; /* borrowed */
    const char *end;
    char *room; /* for the next unescaped text */
    struct identity *identities;
    struct journal_record *record;
    const char *problem; /* NULL: none yet */
};

static bool parser_fail(struct parser *parser, const char *problem)
{
    if (!parser->problem) parser->problem = problem;
    return false;
}

static bool parser_is_at(const struct parser *parser, char wanted)
{
    return parser->next < parser->end && *parser->next == wanted;
}

static bool parser_take(struct parser *parser, char wanted, const char *problem)
{
    if (!parser_is_at(parser, wanted)) return parser_fail(parser, problem);
    parser->next++;
    return true;
}

/* A run of text without quotes; may be empty. */
struct run {
    const char *text;
    size_t size;
};

static bool run_is(struct run run, const char *word)
{
    return run.size == strlen(word) && memcmp(run.text, word, run.size) == 0;
}

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_';
}

static struct run parser_take_word(struct parser *parser)
{
    const char *begin = parser->next;
    while (parser->next < parser->end && is_word_byte(*parser->next)) parser->next++;
    return (struct run){begin, (size_t)(parser->next - begin)};
}

/* Up to the next space: numbers, names of types. */
static struct run parser_take_bare(struct parser *parser)
{
    const char *begin = parser->next;
    while (parser->next<parser->end && * parser->next> ' ' && *parser->next < 0x7f &&
           *parser->next != '"') {
        parser->next++;
    }
    return (struct run){begin, (size_t)(parser->next - begin)};
}

static bool parser_take_decimal(struct parser *parser, uint64_t limit, uint64_t *out_value)
{
    struct run run = parser_take_word(parser);
    uint64_t value = 0;
    if (run.size == 0 || (run.size > 1 && run.text[0] == '0')) {
        return parser_fail(parser, "expected a number");
    }
    for (size_t i = 0; i < run.size; i++) {
        if (run.text[i] > '9') return parser_fail(parser, "expected a number");
        uint64_t digit = (uint64_t)(run.text[i] - '0');
        if (value > (limit - digit) / 10) return parser_fail(parser, "number too large");
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

static bool parser_take_time(struct parser *parser, int64_t *out_time_ns)
{
    struct run run = parser_take_bare(parser);
    if (text_to_i64(run.text, run.size, out_time_ns)) return true;
    return parser_fail(parser, "expected a time in nanoseconds");
}

static bool run_to_hex(struct run run, size_t digits, uint64_t *out_value)
{
    return run.size == digits && text_to_hex(run.text, run.size, out_value);
}

static bool parser_take_hex(struct parser *parser, size_t digits, uint64_t *out_value)
{
    if (run_to_hex(parser_take_word(parser), digits, out_value)) return true;
    return parser_fail(parser, "expected hexadecimal digits");
}

static bool run_to_identity(struct run run, struct identity *out_identity)
{
    if (run.size != IDENTITY_DIGITS) return false;
    struct run high = {run.text, IDENTITY_DIGITS / 2};
    struct run low = {run.text + IDENTITY_DIGITS / 2, IDENTITY_DIGITS / 2};
    return run_to_hex(high, high.size, &out_identity->high) &&
           run_to_hex(low, low.size, &out_identity->low) &&
           (out_identity->high != 0 || out_identity->low != 0);
}

/* What journal_write() escapes, and nothing else. */
static bool parser_take_escape(struct parser *parser, char *out_byte)
{
    if (parser_is_at(parser, '"') || parser_is_at(parser, '\\')) {
        *out_byte = *parser->next++;
        return true;
    }
    if (!parser_take(parser, 'u', "unknown escape")) return false;
    uint64_t code = 0;
    for (int i = 0; i < 4; i++) {
        if (parser->next + i == parser->end || !is_word_byte(parser->next[i])) {
            return parser_fail(parser, "unknown escape"); /* hexadecimal is lower case here */
        }
    }
    if (!text_to_hex(parser->next, 4, &code) || code == 0 || code > 0x7f ||
        !journal_is_control((char)code)) {
        return parser_fail(parser, "unknown escape");
    }
    parser->next += 4;
    *out_byte = (char)code;
    return true;
}

/* A quoted text, unescaped into the room. It takes a byte less there than between its quotes and
 * with them, so the room never runs out. */
static bool parser_take_quoted(struct parser *parser, const char **out_text)
{
    if (!parser_take(parser, '"', "expected a quoted text")) return false;
    char *text = parser->room;
    while (!parser_is_at(parser, '"')) {
        if (parser->next == parser->end) return parser_fail(parser, "text without end");
        char byte = *parser->next++;
        if (journal_is_control(byte)) {
            return parser_fail(parser, "control character in a text");
        }
        if (byte == '\\' && !parser_take_escape(parser, &byte)) return false;
        *parser->room++ = byte;
    }
    parser->next++;
    *parser->room++ = 0;
    *out_text = text;
    return true;
}

static bool parser_take_group(struct parser *parser, struct revision *out_group)
{
    uint64_t generation;
    if (!parser_take_hex(parser, 16, &out_group->clock) ||
        !parser_take(parser, '.', "expected a group") ||
        !parser_take_hex(parser, 16, &out_group->node) ||
        !parser_take(parser, '.', "expected a group") || !parser_take_hex(parser, 8, &generation)) {
        return false;
    }
    out_group->generation = (uint32_t)generation;
    return true;
}

/* ---- What follows the fixed part: word="…", word=bare, bare ---------------------------------- */

struct item {
    struct run word;
    const char *text; /* of word="…", else NULL */
    struct run bare;  /* of word=bare */
    bool has_value;
};

static bool parser_take_item(struct parser *parser, struct item *out_item)
{
    struct item item = {.word = parser_take_word(parser)};
    if (item.word.size == 0) return parser_fail(parser, "expected a word");
    if (parser_is_at(parser, '=')) {
        parser->next++;
        item.has_value = true;
        if (parser_is_at(parser, '"')) {
            if (!parser_take_quoted(parser, &item.text)) return false;
        } else {
            item.bare = parser_take_bare(parser);
            if (item.bare.size == 0) return parser_fail(parser, "expected a value");
        }
    }
    *out_item = item;
    return true;
}

static bool item_to_type(struct run bare, uint8_t *out_type)
{
    char name[16];
    if (bare.size >= sizeof name) return false;
    memcpy(name, bare.text, bare.size);
    name[bare.size] = 0;
    return value_type_from_name(name, out_type);
}

static bool item_to_flag(struct run bare, bool *out_flag)
{
    *out_flag = run_is(bare, "true");
    return *out_flag || run_is(bare, "false");
}

static bool item_to_field(const struct item *item, const struct tag_field_row *row,
                          struct tag_definition *definition)
{
    void *target = (char *)definition + row->offset;
    if ((row->form == TAG_FORM_TEXT) != (item->text != NULL)) return false;
    switch (row->form) {
    case TAG_FORM_TEXT: *(const char **)target = item->text; return true;
    case TAG_FORM_NUMBER: return text_to_double(item->bare.text, item->bare.size, target);
    case TAG_FORM_TIME: return text_to_i64(item->bare.text, item->bare.size, target);
    case TAG_FORM_TYPE: return item_to_type(item->bare, target);
    case TAG_FORM_FLAG: return item_to_flag(item->bare, target);
    }
    UNREACHABLE();
}

/* A text that must be there once. */
static bool parser_set_text(struct parser *parser, const struct item *item, const char **text)
{
    if (*text) return parser_fail(parser, "the same word twice");
    if (!item->text) return parser_fail(parser, "expected a quoted text");
    *text = item->text;
    return true;
}

static bool tag_item(struct parser *parser, const struct item *item)
{
    struct journal_record *record = parser->record;
    if (!item->has_value) return parser_fail(parser, "expected word=value");
    if (run_is(item->word, "path")) return parser_set_text(parser, item, &record->path);
    for (int field = 0; field < TAG_FIELD_COUNT; field++) {
        const struct tag_field_row *row = &tag_field_rows[field];
        if (!run_is(item->word, row->word)) continue;
        if (record->fields & (1u << field)) return parser_fail(parser, "the same word twice");
        record->fields |= 1u << field;
        if (item_to_field(item, row, &record->definition)) return true;
        return parser_fail(parser, "a value that its field cannot have");
    }
    return true; /* J4 */
}

static bool mask_item(struct parser *parser, const struct item *item)
{
    struct journal_record *record = parser->record;
    if (run_is(item->word, "user")) return parser_set_text(parser, item, &record->user);
    if (run_is(item->word, "reason")) return parser_set_text(parser, item, &record->reason);
    if (item->has_value) return true; /* J4 */
    if (record->kind != JOURNAL_MASK || record->identity_count == JOURNAL_MASK_TAGS_MAX) {
        return parser_fail(parser, "too many tags");
    }
    struct identity identity;
    if (!run_to_identity(item->word, &identity)) {
        return parser_fail(parser, "expected an identity");
    }
    parser->identities[record->identity_count++] = identity;
    return true;
}

static bool store_item(struct parser *parser, const struct item *item)
{
    return item->has_value || parser_fail(parser, "expected word=value"); /* J4 */
}

static bool parser_take_items(struct parser *parser,
                              bool (*take)(struct parser *parser, const struct item *item))
{
    while (parser->next < parser->end) {
        struct item item = {.text = NULL};
        if (!parser_take(parser, ' ', "expected a space") || !parser_take_item(parser, &item) ||
            !take(parser, &item)) {
            return false;
        }
    }
    return true;
}

/* ---- The four kinds -------------------------------------------------------------------------- */

static bool parse_store(struct parser *parser)
{
    return parser_take(parser, ' ', "expected a name space") &&
           parser_take_quoted(parser, &parser->record->name_space) &&
           parser_take_items(parser, store_item);
}

static bool parse_tag(struct parser *parser)
{
    struct journal_record *record = parser->record;
    uint64_t incarnation;
    if (!parser_take(parser, ' ', "expected an identity")) return false;
    if (!run_to_identity(parser_take_word(parser), &record->identity)) {
        return parser_fail(parser, "expected an identity");
    }
    if (!parser_take(parser, ' ', "expected an incarnation") ||
        !parser_take_decimal(parser, UINT32_MAX, &incarnation) ||
        !parser_take_items(parser, tag_item)) {
        return false;
    }
    record->incarnation = (uint32_t)incarnation;
    return record->path || parser_fail(parser, "no path");
}

static bool parse_mask(struct parser *parser)
{
    struct journal_record *record = parser->record;
    if (!parser_take(parser, ' ', "expected a group") ||
        !parser_take_group(parser, &record->group)) {
        return false;
    }
    if (record->kind == JOURNAL_MASK && (!parser_take(parser, ' ', "expected a time") ||
                                         !parser_take_time(parser, &record->from_ns) ||
                                         !parser_take(parser, ' ', "expected a time") ||
                                         !parser_take_time(parser, &record->to_ns))) {
        return false;
    }
    if (!parser_take_items(parser, mask_item)) return false;
    return (record->user && record->reason) || parser_fail(parser, "no user or no reason");
}

static bool parse_record(struct parser *parser)
{
    static const struct {
        const char *word;
        enum journal_kind kind;
        bool (*parse)(struct parser *parser);
    } kinds[] = {
        {"store", JOURNAL_STORE, parse_store},
        {"tag", JOURNAL_TAG, parse_tag},
        {"mask", JOURNAL_MASK, parse_mask},
        {"unmask", JOURNAL_UNMASK, parse_mask},
    };
    struct journal_record *record = parser->record;
    if (!parser_take_decimal(parser, UINT64_MAX, &record->sequence) ||
        !parser_take(parser, ' ', "expected a chain") ||
        !parser_take_hex(parser, 16, &record->chain) ||
        !parser_take(parser, ' ', "expected a word")) {
        return false;
    }
    struct run word = parser_take_word(parser);
    if (word.size == 0) return parser_fail(parser, "expected a word");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!run_is(word, kinds[i].word)) continue;
        record->kind = kinds[i].kind;
        return kinds[i].parse(parser);
    }
    record->kind = JOURNAL_UNKNOWN; /* J4 */
    return true;
}

enum status journal_parse(const char *text, size_t size, struct buffer *scratch,
                          struct journal_record *out_record, struct error *error)
{
    if (size > JOURNAL_RECORD_BYTES_MAX) {
        return error_set(error, STATUS_BAD_INPUT, "journal record over %d bytes",
                         JOURNAL_RECORD_BYTES_MAX);
    }
    /* All at once, so that nothing moves: a byte of text needs at most one of room, and an
     * identity takes more in the text than here. */
    size_t identities_bytes = size / IDENTITY_DIGITS * sizeof(struct identity);
    buffer_clear(scratch);
    uint8_t *room = buffer_reserve(scratch, identities_bytes + size, error);
    if (!room) return error->status;

    struct journal_record record = {
        .definition = {.name = "",
                       .unit = "",
                       .description = "",
                       .states = "",
                       .source = "",
                       .attributes = ""},
    };
    struct parser parser = {
        .next = text,
        .end = text + size,
        .room = (char *)room + identities_bytes,
        .identities = (struct identity *)(void *)room,
        .record = &record,
    };
    if (!parse_record(&parser)) {
        return error_set(error, STATUS_BAD_INPUT, "journal record, byte %zu: %s",
                         (size_t)(parser.next - text), parser.problem);
    }
    record.identities = parser.identities;
    enum status status = journal_record_check(&record, error);
    if (status < 0) return status;
    *out_record = record;
    return STATUS_OK;
}
