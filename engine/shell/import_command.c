#include "engine/shell/import_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "engine/shell/import_tags.h"
#include "engine/shell/input.h"
#include "engine/shell/place.h"
#include "engine/shell/sample_text.h"
#include "storage/base/clock.h"
#include "storage/base/csv.h"
#include "storage/base/text.h"
#include "storage/base/time_text.h"

enum { BATCH_DEFAULT = 1000, BATCH_MAX = 65536, NAMED_MAX = 10, COLUMN_NONE = -1 };

/* The column that a reject file has more than its source. No tag can have this name, so a corrected
 * reject file is imported as it is. */
#define REASON_COLUMN "$reason"

struct import {
    const struct command *command;
    const char *format; /* "long", "wide" or NULL: told from the header */
    int64_t unit_ns;
    int32_t zone_seconds;
    struct import_tags *tags;
    FILE *reject;        /* NULL: rejected lines are only named */
    char *reject_header; /* owned; of the files whose lines are in it; NULL: none yet */
    uint64_t rejected_count;
    bool show_progress;
    int64_t begin_ns;
    int64_t shown_ns;
    const char *file; /* at hand */
    struct csv_reader *reader;
    size_t column_count; /* of its header */
    size_t field_count;  /* of its row at hand; at least column_count when the row is no CSV */
    bool is_wide;
    /* Columns of the long form. */
    int tag_column, time_column, value_column, quality_column;
    /* Names of the wide form; owned. */
    char **names;
    size_t name_count;
    bool has_failed;
};

static bool field_is(const struct csv_field *field, const char *word)
{
    return strlen(word) == field->size_bytes && strncasecmp(field->text, word, strlen(word)) == 0;
}

/* Puts a line aside with its reason; the first few are named on stderr. */
static void reject_row(struct import *import, const char *reason)
{
    uint64_t line = csv_reader_line(import->reader);
    import->rejected_count++;
    if (import->rejected_count <= NAMED_MAX) {
        (void)fprintf(stderr, "%s:%" PRIu64 ": %s\n", import->file, line, reason);
    } else if (import->rejected_count == NAMED_MAX + 1) {
        (void)fprintf(stderr, "more rejected lines are only counted%s\n",
                      import->reject ? ", and written to the reject file" : "");
    }
    if (!import->reject) return;
    struct csv_field row = csv_reader_row_text(import->reader);
    (void)fwrite(row.text, 1, row.size_bytes, import->reject);
    /* A short row must not have its reason in a column of values. */
    for (size_t i = import->field_count; i < import->column_count; i++) {
        (void)fputc(',', import->reject);
    }
    (void)fprintf(import->reject, ",\"%s\"\n", reason);
}

/* One header for all that is rejected: under another one, columns would change their meaning. */
static bool reject_begin(struct import *import)
{
    struct csv_field row = csv_reader_row_text(import->reader);
    if (!import->reject_header) {
        import->reject_header = strndup(row.text, row.size_bytes);
        if (!import->reject_header) {
            (void)command_fail(import->command, "out of memory");
            return false;
        }
        (void)fprintf(import->reject, "%s," REASON_COLUMN "\n", import->reject_header);
        return true;
    }
    if (strlen(import->reject_header) == row.size_bytes &&
        memcmp(import->reject_header, row.text, row.size_bytes) == 0) {
        return true;
    }
    (void)command_fail(import->command,
                       "%s: its header differs from that of the file before; with --reject, import "
                       "them one by one",
                       import->file);
    return false;
}

static bool time_read(const struct import *import, const struct csv_field *field,
                      int64_t *out_time_ns)
{
    int64_t number;
    if (text_to_i64(field->text, field->size_bytes, &number)) {
        return !__builtin_mul_overflow(number, import->unit_ns, out_time_ns);
    }
    return time_text_to_ns(field->text, field->size_bytes, import->zone_seconds, out_time_ns);
}

/* One value. False when the import cannot go on. */
static bool import_value(struct import *import, const char *name, size_t name_bytes,
                         int64_t time_ns, const struct csv_field *value, uint32_t quality)
{
    struct bede_error error = {.status = BEDE_OK, .text = ""};
    const char *reason = error.text;
    struct import_tag *tag = import_tags_find(import->tags, name, name_bytes, value->text,
                                              value->size_bytes, &reason, &error);
    bool added = tag && import_tag_add(import->tags, tag, time_ns, value->text, value->size_bytes,
                                       quality, &reason, &error);
    if (added) return true;
    if (error.status < 0) {
        (void)command_fail(import->command, "%s:%" PRIu64 ": %s", import->file,
                           csv_reader_line(import->reader), error.text);
        import->has_failed = true;
        return false;
    }
    reject_row(import, reason);
    return true;
}

static bool import_long_row(struct import *import, const struct csv_field *fields, size_t count)
{
    int needed = import->tag_column;
    if (import->time_column > needed) needed = import->time_column;
    if (import->value_column > needed) needed = import->value_column;
    if ((size_t)needed >= count) {
        reject_row(import, "too few fields");
        return true;
    }
    const struct csv_field *tag = &fields[import->tag_column];
    int64_t time_ns;
    uint32_t quality = BEDE_GOOD;
    if (tag->size_bytes == 0) {
        reject_row(import, "no tag");
        return true;
    }
    if (!time_read(import, &fields[import->time_column], &time_ns)) {
        reject_row(import, "ts is no time");
        return true;
    }
    bool has_quality = import->quality_column != COLUMN_NONE &&
                       (size_t)import->quality_column < count &&
                       fields[import->quality_column].size_bytes > 0;
    if (has_quality && !quality_read(fields[import->quality_column].text,
                                     fields[import->quality_column].size_bytes, &quality)) {
        reject_row(import, "quality is none: eight hexadecimal digits, good, uncertain or bad");
        return true;
    }
    return import_value(import, tag->text, tag->size_bytes, time_ns, &fields[import->value_column],
                        quality);
}

static bool import_wide_row(struct import *import, const struct csv_field *fields, size_t count)
{
    int64_t time_ns;
    if (count > import->name_count) {
        reject_row(import, "more fields than the header has");
        return true;
    }
    if (!time_read(import, &fields[0], &time_ns)) {
        reject_row(import, "ts is no time");
        return true;
    }
    for (size_t i = 1; i < count; i++) {
        if (fields[i].size_bytes == 0 || strcmp(import->names[i], REASON_COLUMN) == 0) continue;
        if (!import_value(import, import->names[i], strlen(import->names[i]), time_ns, &fields[i],
                          BEDE_GOOD)) {
            return false;
        }
    }
    return true;
}

static int column_of(const struct csv_field *fields, size_t count, const char *const *names)
{
    for (; *names; names++) {
        for (size_t i = 0; i < count; i++) {
            if (field_is(&fields[i], *names)) return (int)i;
        }
    }
    return COLUMN_NONE;
}

static bool keep_names(struct import *import, const struct csv_field *fields, size_t count)
{
    import->names = calloc(count, sizeof(char *));
    for (size_t i = 0; import->names && i < count; i++) {
        import->names[i] = strndup(fields[i].text, fields[i].size_bytes);
        if (!import->names[i]) return false;
        import->name_count++;
    }
    return import->names != NULL;
}

static void forget_names(struct import *import)
{
    for (size_t i = 0; i < import->name_count; i++) free(import->names[i]);
    free(import->names);
    import->names = NULL;
    import->name_count = 0;
}

/* Learns from the header where everything stands. */
static bool import_header(struct import *import, const struct csv_field *fields, size_t count)
{
    static const char *const tag_names[] = {"tag", "name", NULL};
    static const char *const time_names[] = {"ts", "time", "timestamp", NULL};
    static const char *const value_names[] = {"value", NULL};
    static const char *const quality_names[] = {"quality", NULL};
    import->tag_column = column_of(fields, count, tag_names);
    import->time_column = column_of(fields, count, time_names);
    import->value_column = column_of(fields, count, value_names);
    import->quality_column = column_of(fields, count, quality_names);
    bool is_long = import->tag_column != COLUMN_NONE && import->time_column != COLUMN_NONE &&
                   import->value_column != COLUMN_NONE;
    import->is_wide = import->format ? strcmp(import->format, "wide") == 0 : !is_long;
    if (!import->is_wide && !is_long) {
        (void)command_fail(import->command, "%s: the header lacks one of tag, ts, value",
                           import->file);
        return false;
    }
    if (import->is_wide && (count < 2 || import->time_column != 0)) {
        (void)command_fail(import->command,
                           "%s: the header is neither tag,ts,value nor ts,TAG,TAG,…", import->file);
        return false;
    }
    if (import->is_wide && !keep_names(import, fields, count)) {
        (void)command_fail(import->command, "out of memory");
        return false;
    }
    import->column_count = count;
    return !import->reject || reject_begin(import);
}

static void show_progress(struct import *import)
{
    struct clock *clock = clock_system();
    int64_t now_ns = clock->monotonic_ns(clock);
    if (now_ns - import->shown_ns < 1000000000) return;
    import->shown_ns = now_ns;
    uint64_t count = import_tags_row_count(import->tags);
    (void)fprintf(stderr, "\r%s: line %" PRIu64 ", %" PRIu64 " values, %.0f values/s ",
                  import->file, csv_reader_line(import->reader), count,
                  (double)count * 1e9 / (double)(now_ns - import->begin_ns));
}

static bool import_rows(struct import *import)
{
    const struct csv_field *fields;
    size_t count;
    struct error error;
    bool has_header = false;
    uint64_t rows = 0;
    for (;;) {
        enum status status = csv_reader_next(import->reader, &fields, &count, &error);
        if (status == STATUS_END) break;
        import->field_count = status == STATUS_OK ? count : import->column_count;
        if (status == STATUS_BAD_INPUT && has_header) {
            reject_row(import, error.text);
            continue;
        }
        if (status < 0) {
            (void)command_fail(import->command, "%s:%" PRIu64 ": %s", import->file,
                               csv_reader_line(import->reader), error.text);
            return false;
        }
        if (!has_header) {
            if (!import_header(import, fields, count)) return false;
            has_header = true;
            continue;
        }
        bool goes_on = import->is_wide ? import_wide_row(import, fields, count)
                                       : import_long_row(import, fields, count);
        if (!goes_on) return false;
        if (import->show_progress && ++rows % 4096 == 0) show_progress(import);
    }
    if (!has_header) (void)command_fail(import->command, "%s: is empty", import->file);
    return has_header;
}

static bool import_file(struct import *import, const char *path)
{
    struct input input;
    if (!input_open(&input, import->command, path)) return false;
    import->file = input.name;
    struct error error;
    bool done = false;
    if (csv_reader_create(&import->reader, input_read, &input, &error) < 0) {
        (void)command_fail(import->command, "%s: %s", path, error.text);
    } else {
        done = import_rows(import);
    }
    csv_reader_destroy(import->reader);
    forget_names(import);
    input_close(&input);
    return done;
}

/* ---- What stands on the command line ---- */

static bool unit_read(const char *text, int64_t *out_unit_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text, units[i].name) != 0) continue;
        *out_unit_ns = units[i].ns;
        return true;
    }
    return false;
}

/* UTC, Z, or +HH:MM: what the offset of a time may be. */
static bool zone_read(const char *text, int32_t *out_seconds)
{
    if (strcasecmp(text, "UTC") == 0) text = "Z";
    char moment[64];
    int length = snprintf(moment, sizeof moment, "1970-01-02T00:00:00%s", text);
    int64_t time_ns;
    if (length >= (int)sizeof moment || !strpbrk(text, "Zz+-") ||
        !time_text_to_ns(moment, (size_t)length, 0, &time_ns)) {
        return false;
    }
    *out_seconds = (int32_t)(86400 - time_ns / 1000000000);
    return true;
}

struct import_texts {
    struct place place;
    const char *format, *unit, *zone, *prefix, *batch, *reject, *progress;
};

static bool import_settings(struct import *import, const struct import_texts *texts,
                            size_t *out_batch)
{
    const struct command *command = import->command;
    int64_t batch = BATCH_DEFAULT;
    import->format = texts->format;
    import->unit_ns = 1;
    if (texts->format && strcmp(texts->format, "long") != 0 && strcmp(texts->format, "wide") != 0) {
        (void)command_misuse(command, "--format %s: this version reads long and wide",
                             texts->format);
        return false;
    }
    if (texts->unit && !unit_read(texts->unit, &import->unit_ns)) {
        (void)command_misuse(command, "--unit %s: use s, ms, us or ns", texts->unit);
        return false;
    }
    if (texts->zone && !zone_read(texts->zone, &import->zone_seconds)) {
        (void)command_misuse(command, "--zone %s: use UTC or an offset such as +01:00",
                             texts->zone);
        return false;
    }
    if (texts->batch && (!text_to_i64(texts->batch, strlen(texts->batch), &batch) || batch < 1 ||
                         batch > BATCH_MAX)) {
        (void)command_misuse(command, "--batch %s: use 1 to %d", texts->batch, BATCH_MAX);
        return false;
    }
    *out_batch = (size_t)batch;
    return true;
}

static enum exit_code import_files(struct import *import, const struct arguments *arguments,
                                   struct bede *bede)
{
    struct clock *clock = clock_system();
    import->begin_ns = clock->monotonic_ns(clock);
    bool done = true;
    for (size_t i = 0; i < arguments->word_count && done; i++) {
        done = import_file(import, arguments->words[i]);
    }
    if (import->show_progress) (void)fputc('\n', stderr);
    if (import->has_failed) return EXIT_FAILED; /* said already; what waits was not stored */
    struct bede_error error;
    int status = import_tags_write(import->tags, &error);
    if (status >= 0) status = bede_sync(bede, &error);
    if (status < 0) return command_fail(import->command, "%s", error.text);
    double seconds = (double)(clock->monotonic_ns(clock) - import->begin_ns) / 1e9;
    uint64_t count = import_tags_row_count(import->tags);
    printf("imported %" PRIu64 " values, rejected %" PRIu64 ", %.0f values/s\n", count,
           import->rejected_count, seconds > 0 ? (double)count / seconds : 0.0);
    return done && import->rejected_count == 0 ? EXIT_DONE : EXIT_FAILED;
}

enum exit_code import_run(const struct command *command, int argc, const char **argv)
{
    struct import_texts texts = {0};
    const struct option options[] = {
        PLACE_OPTIONS(texts.place),
        {"--format", "long|wide", "the form of the files (default: told by the header)",
         &texts.format},
        {"--unit", "s|ms|us|ns", "of integer times (default: ns)", &texts.unit},
        {"--zone", "Z", "offset of times that have none (default: UTC)", &texts.zone},
        {"--tag-prefix", "P", "put before every tag name", &texts.prefix},
        {"--batch", "N", "values of a tag appended together (default: 1000)", &texts.batch},
        {"--reject", "FILE", "where lines go that cannot be stored", &texts.reject},
        {"--progress", NULL, "also when stderr is no terminal", &texts.progress},
    };
    struct arguments arguments;
    struct import import = {.command = command};
    size_t batch;
    if (!arguments_parse(&arguments, command, options, sizeof options / sizeof options[0], argc,
                         argv) ||
        !import_settings(&import, &texts, &batch)) {
        return EXIT_WRONG_USAGE;
    }
    if (arguments.word_count == 0) return command_misuse(command, "which file?");
    if (texts.reject && !(import.reject = fopen(texts.reject, "wb"))) {
        return command_fail(command, "%s: cannot make: %s", texts.reject, strerrordesc_np(errno));
    }
    import.show_progress = texts.progress || isatty(STDERR_FILENO);
    enum exit_code code = EXIT_FAILED;
    struct bede *bede = place_open(&texts.place, command, true);
    if (bede) {
        import.tags = import_tags_create(bede, texts.prefix ? texts.prefix : "", batch);
        code = import.tags ? import_files(&import, &arguments, bede)
                           : command_fail(command, "out of memory");
        import_tags_destroy(import.tags);
        code = place_close(bede, command, code);
    }
    free(import.reject_header);
    if (import.reject && fclose(import.reject) != 0) {
        code = command_fail(command, "%s: cannot write: %s", texts.reject, strerrordesc_np(errno));
    }
    return code;
}
