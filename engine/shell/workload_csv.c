#include "engine/shell/workload_csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bede.h"
#include "storage/base/buffer.h"
#include "storage/base/csv.h"
#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/base/time_text.h"

enum { FILES_MAX = 256, TAGS_MAX = 4096, COLUMN_BYTES_MAX = 64 << 20, LABELS_MAX = 64 };
enum { LABEL_BYTES_MAX = 31, PIECE_ROWS = 1000, MILLISECOND_NS = 1000000 };

/* One tag on its way from the file to its pieces. */
struct column {
    struct workload_tag tag;
    struct buffer times_ns;              /* owned */
    struct buffer values;                /* owned */
    char (*labels)[LABEL_BYTES_MAX + 1]; /* owned; NULL: a column of numbers */
    size_t label_count;
};

struct set {
    const char *directory;
    char *files[FILES_MAX]; /* owned */
    size_t file_count;
    struct column *columns; /* owned; TAGS_MAX of them */
    size_t column_count;
    struct error *error;
};

static void set_finish(struct set *set)
{
    for (size_t i = 0; i < set->file_count; i++) free(set->files[i]);
    for (size_t i = 0; set->columns && i < set->column_count; i++) {
        buffer_finish(&set->columns[i].times_ns);
        buffer_finish(&set->columns[i].values);
        free(set->columns[i].labels);
    }
    free(set->columns);
}

static enum status file_keep(void *context, const char *name)
{
    struct set *set = context;
    size_t length = strlen(name);
    if (length < 4 || strcmp(name + length - 4, ".csv") != 0) return STATUS_OK;
    if (set->file_count == FILES_MAX) {
        return error_set(set->error, STATUS_TOO_LARGE, "%s: more than %d files", set->directory,
                         FILES_MAX);
    }
    char *copy = strdup(name);
    if (!copy) return error_set(set->error, STATUS_NO_MEMORY, "out of memory");
    set->files[set->file_count++] = copy;
    return STATUS_OK;
}

static int order_of_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* A source of CSV: the file, with semicolons made commas when its first line has any. */
struct text_file {
    FILE *file;
    bool is_begun;
    bool has_semicolons;
};

static enum status text_file_read(void *context, char *target, size_t target_bytes,
                                  size_t *out_size, struct error *error)
{
    struct text_file *text = context;
    *out_size = fread(target, 1, target_bytes, text->file);
    if (*out_size == 0 && ferror(text->file)) return error_set(error, STATUS_IO, "cannot read");
    if (!text->is_begun && *out_size > 0) {
        const char *line_end = memchr(target, '\n', *out_size);
        size_t line = line_end ? (size_t)(line_end - target) : *out_size;
        text->has_semicolons = memchr(target, ';', line) != NULL;
        text->is_begun = true;
    }
    for (size_t i = 0; text->has_semicolons && i < *out_size; i++) {
        if (target[i] == ';') target[i] = ',';
    }
    return STATUS_OK;
}

/* Tags are named FILE.COLUMN; a name that the file has twice is told apart by its column. */
static enum status add_columns(struct set *set, const char *file, const struct csv_field *fields,
                               size_t count)
{
    if (set->column_count + count - 1 > TAGS_MAX) {
        return error_set(set->error, STATUS_TOO_LARGE, "%s: more than %d columns", set->directory,
                         TAGS_MAX);
    }
    size_t first = set->column_count;
    for (size_t i = 1; i < count; i++) {
        struct column *column = &set->columns[set->column_count];
        *column = (struct column){.tag = {.type = BEDE_F64}};
        buffer_init(&column->times_ns, COLUMN_BYTES_MAX);
        buffer_init(&column->values, COLUMN_BYTES_MAX);
        (void)snprintf(column->tag.name, sizeof column->tag.name, "%.*s.%.*s",
                       (int)strlen(file) - 4, file, (int)fields[i].size_bytes, fields[i].text);
        for (size_t j = first; j < set->column_count; j++) {
            if (strcmp(set->columns[j].tag.name, column->tag.name) != 0) continue;
            size_t length = strlen(column->tag.name);
            (void)snprintf(column->tag.name + length, sizeof column->tag.name - length, "#%zu", i);
        }
        set->column_count++;
    }
    return STATUS_OK;
}

/* The number of this text among those that the column had so far. */
static bool label_number(struct column *column, const struct csv_field *field, int64_t *out_number)
{
    char label[LABEL_BYTES_MAX + 1];
    (void)snprintf(label, sizeof label, "%.*s", (int)field->size_bytes, field->text);
    size_t i = 0;
    while (i < column->label_count && strcmp(column->labels[i], label) != 0) i++;
    if (i == LABELS_MAX) return false;
    if (i == column->label_count) {
        memcpy(column->labels[i], label, sizeof label);
        column->label_count++;
    }
    *out_number = (int64_t)i;
    return true;
}

static enum status add_value(struct set *set, struct column *column, int64_t time_ns,
                             const struct csv_field *field)
{
    double number = 0;
    int64_t label = 0;
    const void *value = &number;
    bool is_number = text_to_double(field->text, field->size_bytes, &number);
    if (column->values.size_bytes == 0 && !is_number) {
        column->labels = calloc(LABELS_MAX, sizeof *column->labels);
        if (!column->labels) return error_set(set->error, STATUS_NO_MEMORY, "out of memory");
        column->tag.type = BEDE_STATE;
        column->tag.step = 1;
    }
    if (column->labels) {
        if (!label_number(column, field, &label)) return STATUS_OK;
        value = &label;
    } else if (!is_number) {
        return STATUS_OK;
    }
    enum status status = buffer_add(&column->times_ns, &time_ns, sizeof time_ns, set->error);
    if (status >= 0) status = buffer_add(&column->values, value, 8, set->error);
    return status;
}

static bool time_read(const struct csv_field *field, int64_t *out_time_ns)
{
    int64_t milliseconds;
    if (text_to_i64(field->text, field->size_bytes, &milliseconds)) {
        return !__builtin_mul_overflow(milliseconds, MILLISECOND_NS, out_time_ns);
    }
    return time_text_to_ns(field->text, field->size_bytes, 0, out_time_ns);
}

static enum status add_rows(struct set *set, const char *file, struct csv_reader *reader)
{
    const struct csv_field *fields;
    size_t count;
    enum status status = csv_reader_next(reader, &fields, &count, set->error);
    if (status != STATUS_OK) return status;
    size_t first = set->column_count;
    status = add_columns(set, file, fields, count);
    while (status >= 0) {
        status = csv_reader_next(reader, &fields, &count, set->error);
        if (status != STATUS_OK) return status;
        int64_t time_ns;
        if (!time_read(&fields[0], &time_ns)) continue;
        for (size_t i = 1; i < count && first + i <= set->column_count && status >= 0; i++) {
            if (fields[i].size_bytes == 0) continue;
            status = add_value(set, &set->columns[first + i - 1], time_ns, &fields[i]);
        }
    }
    return status;
}

static enum status add_file(struct set *set, const char *name)
{
    char path[FILE_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", set->directory, name);
    struct text_file text = {.file = fopen(path, "rb")};
    if (!text.file) {
        return error_set(set->error, STATUS_IO, "%s: cannot open: %s", path,
                         strerrordesc_np(errno));
    }
    struct csv_reader *reader = NULL;
    enum status status = csv_reader_create(&reader, text_file_read, &text, set->error);
    if (status >= 0) status = add_rows(set, name, reader);
    csv_reader_destroy(reader);
    (void)fclose(text.file);
    return status;
}

static enum status write_column(struct workload_writer *writer, const struct column *column,
                                uint32_t tag, struct error *error)
{
    size_t rows = column->times_ns.size_bytes / 8;
    const int64_t *times_ns = (const int64_t *)(const void *)column->times_ns.bytes;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < rows && status >= 0; i += PIECE_ROWS) {
        struct workload_piece piece = {
            .tag = tag,
            .count = (uint32_t)(rows - i < PIECE_ROWS ? rows - i : PIECE_ROWS),
            .times_ns = times_ns + i,
            .values = column->values.bytes + i * 8,
        };
        status = workload_writer_piece(writer, &piece, error);
    }
    return status;
}

static enum status set_write(const struct set *set, struct workload_writer *writer)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < set->column_count && status >= 0; i++) {
        status = workload_writer_tag(writer, &set->columns[i].tag, set->error);
    }
    for (size_t i = 0; i < set->column_count && status >= 0; i++) {
        status = write_column(writer, &set->columns[i], (uint32_t)i, set->error);
    }
    return status;
}

enum status workload_csv_write(struct workload_writer *writer, const char *directory,
                               struct error *error)
{
    struct set set = {.directory = directory, .error = error};
    enum status status = file_list(file_system_posix(), directory, file_keep, &set, error);
    if (status == STATUS_OK && set.file_count == 0) status = STATUS_NOT_FOUND;
    if (status != STATUS_OK) goto done;
    qsort(set.files, set.file_count, sizeof set.files[0], order_of_names);
    set.columns = calloc(TAGS_MAX, sizeof *set.columns);
    if (!set.columns) {
        status = error_set(error, STATUS_NO_MEMORY, "out of memory");
        goto done;
    }
    for (size_t i = 0; i < set.file_count && status >= 0; i++)
        status = add_file(&set, set.files[i]);
    if (status >= 0) status = set_write(&set, writer);
done:
    set_finish(&set);
    return status;
}
