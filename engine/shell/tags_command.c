#include "engine/shell/tags_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/shell/input.h"
#include "engine/shell/place.h"
#include "engine/shell/sample_text.h"
#include "storage/base/csv.h"
#include "storage/base/text.h"
#include "storage/base/time_text.h"

/* ---- The columns of the CSV: one row each ---- */

enum { IDENTITY_DIGITS = 32, CELL_BYTES_MAX = 4400 };

static void text_of_id(const struct bede_tag_info *info, char *target)
{
    for (size_t i = 0; i < sizeof info->identity; i++) {
        text_from_hex(target + 2 * i, info->identity[i], 2);
    }
    target[IDENTITY_DIGITS] = 0;
}

static const char *text_of_cell(const char *text)
{
    return text ? text : "";
}

/* How one field of a definition is written and read; NULL texts stand for what is not there. */
struct tag_column {
    const char *name;
    unsigned field;
    void (*write)(const struct bede_tag_definition *definition, char *target);
    bool (*read)(struct bede_tag_definition *definition, const char *text);
};

#define TEXT_COLUMN(field)                                                                \
    static void write_##field(const struct bede_tag_definition *definition, char *target) \
    {                                                                                     \
        (void)snprintf(target, CELL_BYTES_MAX, "%s", text_of_cell(definition->field));    \
    }                                                                                     \
    static bool read_##field(struct bede_tag_definition *definition, const char *text)    \
    {                                                                                     \
        definition->field = text;                                                         \
        return true;                                                                      \
    }

TEXT_COLUMN(name)
TEXT_COLUMN(unit)
TEXT_COLUMN(description)
TEXT_COLUMN(states)
TEXT_COLUMN(source)
TEXT_COLUMN(attributes)

#define NUMBER_COLUMN(field)                                                              \
    static void write_##field(const struct bede_tag_definition *definition, char *target) \
    {                                                                                     \
        target[text_from_double(target, definition->field)] = 0;                          \
    }                                                                                     \
    static bool read_##field(struct bede_tag_definition *definition, const char *text)    \
    {                                                                                     \
        return *text == 0 || text_to_double(text, strlen(text), &definition->field);      \
    }

NUMBER_COLUMN(zero)
NUMBER_COLUMN(span)

static void write_type(const struct bede_tag_definition *definition, char *target)
{
    (void)snprintf(target, CELL_BYTES_MAX, "%s", type_text(definition->type));
}

static bool read_type(struct bede_tag_definition *definition, const char *text)
{
    return type_from_text(text, strlen(text), &definition->type);
}

static void write_step(const struct bede_tag_definition *definition, char *target)
{
    (void)snprintf(target, CELL_BYTES_MAX, "%s", definition->step ? "true" : "false");
}

static bool read_step(struct bede_tag_definition *definition, const char *text)
{
    union bede_value value = {.i64 = 0};
    if (*text && !value_read(BEDE_BOOL, text, strlen(text), "", &value)) return false;
    definition->step = value.boolean;
    return true;
}

static void write_max_gap(const struct bede_tag_definition *definition, char *target)
{
    size_t length = definition->max_gap_ns == 0
                        ? 0
                        : time_text_from_duration_ns(target, definition->max_gap_ns);
    target[length] = 0;
}

static bool read_max_gap(struct bede_tag_definition *definition, const char *text)
{
    definition->max_gap_ns = 0;
    return *text == 0 || time_text_to_duration_ns(text, strlen(text), &definition->max_gap_ns);
}

static const struct tag_column columns[] = {
    {"name", BEDE_TAG_NAME, write_name, read_name},
    {"type", BEDE_TAG_TYPE, write_type, read_type},
    {"unit", BEDE_TAG_UNIT, write_unit, read_unit},
    {"description", BEDE_TAG_DESCRIPTION, write_description, read_description},
    {"step", BEDE_TAG_STEP, write_step, read_step},
    {"zero", BEDE_TAG_ZERO, write_zero, read_zero},
    {"span", BEDE_TAG_SPAN, write_span, read_span},
    {"max_gap", BEDE_TAG_MAX_GAP, write_max_gap, read_max_gap},
    {"states", BEDE_TAG_STATES, write_states, read_states},
    {"source", BEDE_TAG_SOURCE, write_source, read_source},
    {"attributes", BEDE_TAG_ATTRIBUTES, write_attributes, read_attributes},
};
enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

/* ---- list and export ---- */

static bool write_row(const struct bede_tag_info *info, bool as_csv)
{
    char cell[CELL_BYTES_MAX];
    struct buffer row;
    struct error error;
    buffer_init(&row, 1 << 20);
    enum status status = STATUS_OK;
    if (as_csv) {
        text_of_id(info, cell);
        status = buffer_add(&row, cell, IDENTITY_DIGITS, &error);
        for (size_t i = 0; i < COLUMN_COUNT && status == STATUS_OK; i++) {
            columns[i].write(&info->definition, cell);
            status = buffer_add(&row, ",", 1, &error);
            if (status < 0) break;
            status = csv_write_field(&row, cell, strlen(cell), 0, &error);
        }
        if (status == STATUS_OK) status = buffer_add(&row, "\n", 1, &error);
    } else {
        status = buffer_print(&row, &error, "%-40s %-5s %-10s %s\n", info->definition.name,
                              type_text(info->definition.type), info->definition.unit,
                              info->definition.description);
    }
    bool written =
        status == STATUS_OK && fwrite(row.bytes, 1, row.size_bytes, stdout) == row.size_bytes;
    buffer_finish(&row);
    return written;
}

static enum exit_code write_tags(const struct command *command, struct bede *bede,
                                 const char *pattern, bool as_csv)
{
    struct bede_error error;
    uint32_t *tags;
    size_t count;
    if (bede_tags_match(bede, pattern, &tags, &count, &error) < 0) {
        return command_fail(command, "%s", error.text);
    }
    if (as_csv) {
        printf("id");
        for (size_t i = 0; i < COLUMN_COUNT; i++) printf(",%s", columns[i].name);
        printf("\n");
    }
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < count && code == EXIT_DONE; i++) {
        struct bede_tag_info info;
        int status = bede_tag_info(bede, tags[i], &info, &error);
        if (status == BEDE_NOT_FOUND) continue;
        if (status < 0) {
            code = command_fail(command, "%s", error.text);
            break;
        }
        if (!write_row(&info, as_csv)) code = command_fail(command, "cannot write");
        bede_tag_info_free(&info);
    }
    bede_free(tags);
    return code;
}

/* ---- import ---- */

/* One row of the file: what becomes of which tag. */
struct change {
    bool is_new;
    uint32_t tag;
    unsigned fields; /* that differ */
    struct bede_tag_definition definition;
    char
        *cells[COLUMN_COUNT]; /* owned texts that the definition points to; NULL: not in the file */
};

struct tags_import {
    const struct command *command;
    struct bede *bede;
    const char *file;
    struct csv_reader *reader;
    int id_column;
    int cell_columns[COLUMN_COUNT]; /* place in the file; -1: none */
    struct change *changes;         /* owned */
    size_t change_count;
    size_t change_count_max;
    uint64_t same_count;
    uint64_t bad_count;
};

static void change_free(struct change *change)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) free(change->cells[i]);
}

static void bad_row(struct tags_import *import, const char *why, const char *what)
{
    import->bad_count++;
    (void)fprintf(stderr, "%s:%" PRIu64 ": %s%s\n", import->file, csv_reader_line(import->reader),
                  why, what);
}

static bool import_header(struct tags_import *import, const struct csv_field *fields, size_t count)
{
    import->id_column = -1;
    for (size_t i = 0; i < COLUMN_COUNT; i++) import->cell_columns[i] = -1;
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        if (fields[i].size_bytes == 2 && memcmp(fields[i].text, "id", 2) == 0) {
            import->id_column = (int)i;
            known = true;
        }
        for (size_t j = 0; j < COLUMN_COUNT && !known; j++) {
            if (strlen(columns[j].name) != fields[i].size_bytes ||
                memcmp(columns[j].name, fields[i].text, fields[i].size_bytes) != 0) {
                continue;
            }
            import->cell_columns[j] = (int)i;
            known = true;
        }
        if (!known) {
            (void)command_fail(import->command, "%s: unknown column \"%.*s\"", import->file,
                               (int)fields[i].size_bytes, fields[i].text);
            return false;
        }
    }
    if (import->cell_columns[0] >= 0) return true;
    (void)command_fail(import->command, "%s: the header lacks the column name", import->file);
    return false;
}

/* The tag with this identity among all; a linear look is enough for the rows that have one whose
 * name no longer fits. */
static bool find_by_id(struct tags_import *import, const char *id, size_t id_bytes,
                       uint32_t *out_tag)
{
    struct bede_error error;
    uint32_t *tags;
    size_t count;
    bool found = false;
    if (id_bytes != IDENTITY_DIGITS) return false;
    if (bede_tags_match(import->bede, NULL, &tags, &count, &error) < 0) return false;
    for (size_t i = 0; i < count && !found; i++) {
        struct bede_tag_info info;
        char text[IDENTITY_DIGITS + 1];
        if (bede_tag_info(import->bede, tags[i], &info, &error) != BEDE_OK) continue;
        text_of_id(&info, text);
        found = memcmp(text, id, IDENTITY_DIGITS) == 0;
        if (found) *out_tag = tags[i];
        bede_tag_info_free(&info);
    }
    bede_free(tags);
    return found;
}

/* Whether the tag of this name is the one with this id; without an id any is. */
static bool id_fits(struct tags_import *import, uint32_t tag, const struct csv_field *id)
{
    struct bede_error error;
    struct bede_tag_info info;
    char text[IDENTITY_DIGITS + 1];
    if (id->size_bytes == 0) return true;
    if (bede_tag_info(import->bede, tag, &info, &error) != BEDE_OK) return false;
    text_of_id(&info, text);
    bede_tag_info_free(&info);
    return id->size_bytes == IDENTITY_DIGITS && memcmp(text, id->text, IDENTITY_DIGITS) == 0;
}

/* Which fields of the tag the row would change. */
static unsigned fields_that_differ(struct tags_import *import, const struct change *change)
{
    struct bede_error error;
    struct bede_tag_info info;
    char now[CELL_BYTES_MAX], then[CELL_BYTES_MAX];
    unsigned fields = 0;
    if (bede_tag_info(import->bede, change->tag, &info, &error) != BEDE_OK) return 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!change->cells[i]) continue;
        columns[i].write(&info.definition, now);
        columns[i].write(&change->definition, then);
        if (strcmp(now, then) != 0) fields |= columns[i].field;
    }
    bede_tag_info_free(&info);
    return fields;
}

static bool import_row(struct tags_import *import, const struct csv_field *fields, size_t count)
{
    struct csv_field id = {"", 0};
    struct change change = {.definition = {.type = BEDE_F64}};
    if (import->id_column >= 0 && (size_t)import->id_column < count) {
        id = fields[import->id_column];
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        int place = import->cell_columns[i];
        if (place < 0 || (size_t)place >= count) continue;
        change.cells[i] = strndup(fields[place].text, fields[place].size_bytes);
        if (!change.cells[i]) {
            change_free(&change);
            return false;
        }
        if (!columns[i].read(&change.definition, change.cells[i])) {
            bad_row(import, "cannot read ", columns[i].name);
            change_free(&change);
            return true;
        }
    }
    if (!change.definition.name || !change.definition.name[0]) {
        bad_row(import, "no name", "");
        change_free(&change);
        return true;
    }
    bool found = bede_tag_find(import->bede, change.definition.name, &change.tag) == BEDE_OK &&
                 id_fits(import, change.tag, &id);
    if (!found && id.size_bytes > 0) {
        found = find_by_id(import, id.text, id.size_bytes, &change.tag);
        if (!found) {
            bad_row(import, "there is no tag of this id", "");
            change_free(&change);
            return true;
        }
    }
    change.is_new = !found;
    if (found) change.fields = fields_that_differ(import, &change);
    if (found && change.fields == 0) {
        import->same_count++;
        change_free(&change);
        return true;
    }
    if (import->change_count == import->change_count_max) {
        size_t count_max = import->change_count_max ? 2 * import->change_count_max : 64;
        struct change *grown = realloc(import->changes, count_max * sizeof *grown);
        if (!grown) {
            change_free(&change);
            return false;
        }
        import->changes = grown;
        import->change_count_max = count_max;
    }
    import->changes[import->change_count++] = change;
    return true;
}

static bool import_rows(struct tags_import *import)
{
    const struct csv_field *fields;
    size_t count;
    struct error error;
    bool has_header = false;
    for (;;) {
        enum status status = csv_reader_next(import->reader, &fields, &count, &error);
        if (status == STATUS_END) return true;
        if (status == STATUS_BAD_INPUT && has_header) {
            bad_row(import, error.text, "");
            continue;
        }
        if (status < 0) {
            (void)command_fail(import->command, "%s: %s", import->file, error.text);
            return false;
        }
        bool goes_on =
            has_header ? import_row(import, fields, count) : import_header(import, fields, count);
        if (!goes_on) return false;
        has_header = true;
    }
}

static void print_change(struct tags_import *import, const struct change *change)
{
    struct bede_error error;
    struct bede_tag_info info;
    char now[CELL_BYTES_MAX], then[CELL_BYTES_MAX];
    if (change->is_new) {
        printf("+ %s (%s)\n", change->definition.name, type_text(change->definition.type));
        return;
    }
    if (bede_tag_info(import->bede, change->tag, &info, &error) != BEDE_OK) return;
    printf("~ %s:", info.definition.name);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!(change->fields & columns[i].field)) continue;
        columns[i].write(&info.definition, now);
        columns[i].write(&change->definition, then);
        printf(" %s \"%s\" -> \"%s\"", columns[i].name, now, then);
    }
    printf("\n");
    bede_tag_info_free(&info);
}

static enum exit_code apply_changes(struct tags_import *import)
{
    struct bede_error error;
    size_t new_count = 0;
    struct bede_tag_definition *made = calloc(import->change_count + 1, sizeof *made);
    uint32_t *numbers = calloc(import->change_count + 1, sizeof *numbers);
    int status = made && numbers ? BEDE_OK : BEDE_NO_MEMORY;
    error.text[0] = 0;
    for (size_t i = 0; i < import->change_count && status == BEDE_OK; i++) {
        const struct change *change = &import->changes[i];
        if (change->is_new) {
            made[new_count++] = change->definition;
        } else {
            status = bede_tag_change(import->bede, change->tag, &change->definition, change->fields,
                                     &error);
        }
    }
    if (status == BEDE_OK) {
        status = bede_tags_create(import->bede, made, new_count, numbers, &error);
    }
    free(made);
    free(numbers);
    return status == BEDE_OK ? EXIT_DONE : command_fail(import->command, "%s", error.text);
}

static enum exit_code import_tags_file(const struct command *command, struct bede *bede,
                                       const char *path, bool dry_run)
{
    struct input input;
    if (!input_open(&input, command, path)) return EXIT_FAILED;
    struct tags_import import = {.command = command, .bede = bede, .file = input.name};
    struct error error;
    enum exit_code code = EXIT_FAILED;
    if (csv_reader_create(&import.reader, input_read, &input, &error) < 0) {
        (void)command_fail(command, "%s: %s", path, error.text);
    } else if (import_rows(&import)) {
        size_t new_count = 0;
        for (size_t i = 0; i < import.change_count; i++) {
            print_change(&import, &import.changes[i]);
            new_count += import.changes[i].is_new;
        }
        printf("%zu new, %zu changed, %" PRIu64 " the same, %" PRIu64 " rejected%s\n", new_count,
               import.change_count - new_count, import.same_count, import.bad_count,
               dry_run ? " (nothing was done)" : "");
        code = dry_run ? EXIT_DONE : apply_changes(&import);
        if (import.bad_count > 0) code = EXIT_FAILED;
    }
    csv_reader_destroy(import.reader);
    for (size_t i = 0; i < import.change_count; i++) change_free(&import.changes[i]);
    free(import.changes);
    input_close(&input);
    return code;
}

enum exit_code tags_run(const struct command *command, int argc, const char **argv)
{
    struct place place = {0};
    const char *dry_run = NULL;
    const struct option options[] = {PLACE_OPTIONS(place),
                                     {"--dry-run", NULL, "only print what would change", &dry_run}};
    struct arguments arguments;
    if (!arguments_parse(&arguments, command, options, sizeof options / sizeof options[0], argc,
                         argv)) {
        return EXIT_WRONG_USAGE;
    }
    const char *verb = arguments.word_count > 0 ? arguments.words[0] : "list";
    const char *what = arguments.word_count > 1 ? arguments.words[1] : NULL;
    bool is_list = strcmp(verb, "list") == 0, is_export = strcmp(verb, "export") == 0;
    bool is_import = strcmp(verb, "import") == 0;
    if (!is_list && !is_export && !is_import) {
        return command_misuse(command, "\"%s\": use list, export or import", verb);
    }
    if (arguments.word_count > 2) {
        return command_misuse(command, "unexpected \"%s\"", arguments.words[2]);
    }
    if (is_import && !what) return command_misuse(command, "which file?");
    struct bede *bede = place_open(&place, command, false);
    if (!bede) return EXIT_FAILED;
    enum exit_code code = is_import ? import_tags_file(command, bede, what, dry_run != NULL)
                                    : write_tags(command, bede, what, is_export);
    return place_close(bede, command, code);
}
