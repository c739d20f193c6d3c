#include "storage/base/csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

enum { BUFFER_BYTES = 256 << 10, BUFFER_BYTES_MAX = CSV_ROW_BYTES_MAX + BUFFER_BYTES };

struct csv_reader {
    csv_source source;
    void *context;
    char *bytes; /* owned; rows go from its front, and what is left moves there for more to come */
    size_t capacity_bytes;
    size_t next; /* first byte of the row to come */
    size_t end;  /* behind the last byte read */
    bool is_dry; /* the source has nothing more */
    bool is_first;
    bool is_skipping;         /* what comes next is the rest of a row too long */
    uint64_t line;            /* of the last row */
    uint64_t next_line;       /* of the row to come */
    struct csv_field row;     /* as it stood */
    char *unquoted;           /* owned; the last row that had quotes, for its fields */
    struct csv_field *fields; /* owned */
    size_t field_count_max;
};

enum status csv_reader_create(struct csv_reader **out_reader, csv_source source, void *context,
                              struct error *error)
{
    struct csv_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return error_set(error, STATUS_NO_MEMORY, "CSV reader");
    *reader =
        (struct csv_reader){.source = source, .context = context, .is_first = true, .next_line = 1};
    reader->bytes = malloc(BUFFER_BYTES);
    reader->capacity_bytes = BUFFER_BYTES;
    if (!reader->bytes) {
        csv_reader_destroy(reader);
        return error_set(error, STATUS_NO_MEMORY, "CSV reader");
    }
    *out_reader = reader;
    return STATUS_OK;
}

void csv_reader_destroy(struct csv_reader *reader)
{
    if (!reader) return;
    free(reader->bytes);
    free(reader->unquoted);
    free(reader->fields);
    free(reader);
}

uint64_t csv_reader_line(const struct csv_reader *reader)
{
    return reader->line;
}

struct csv_field csv_reader_row_text(const struct csv_reader *reader)
{
    return reader->row;
}

/* More bytes behind the end. STATUS_END when the source is dry. */
static enum status csv_fill(struct csv_reader *reader, struct error *error)
{
    if (reader->is_dry) return STATUS_END;
    if (reader->next > 0) {
        memmove(reader->bytes, reader->bytes + reader->next, reader->end - reader->next);
        reader->end -= reader->next;
        reader->next = 0;
    }
    if (reader->end == reader->capacity_bytes) {
        size_t capacity_bytes = reader->capacity_bytes * 2;
        if (capacity_bytes > BUFFER_BYTES_MAX) capacity_bytes = BUFFER_BYTES_MAX;
        ASSERT(capacity_bytes > reader->capacity_bytes); /* a row too long was taken already */
        char *bytes = realloc(reader->bytes, capacity_bytes);
        if (!bytes) return error_set(error, STATUS_NO_MEMORY, "CSV row");
        reader->bytes = bytes;
        reader->capacity_bytes = capacity_bytes;
    }
    size_t size = 0;
    enum status status = reader->source(reader->context, reader->bytes + reader->end,
                                        reader->capacity_bytes - reader->end, &size, error);
    if (status < 0) return status;
    reader->is_dry = size == 0;
    reader->end += size;
    return size == 0 ? STATUS_END : STATUS_OK;
}

/* Where the row that begins at next ends: at its line feed, or at the end of all. Line feeds inside
 * quotes belong to it and are counted. */
struct csv_extent {
    size_t bytes;     /* without the line end */
    size_t end_bytes; /* with it */
    uint64_t lines;
    bool has_quotes;
};

/* Looks at what is there of the row, from where it stopped before. True when its end was seen. */
static bool csv_scan(const struct csv_reader *reader, size_t *scanned, bool *in_quotes,
                     struct csv_extent *extent)
{
    const char *row = reader->bytes + reader->next;
    size_t size = reader->end - reader->next;
    while (*scanned < size) {
        const char *from = row + *scanned;
        size_t left = size - *scanned;
        if (!*in_quotes) {
            const char *feed = memchr(from, '\n', left);
            size_t stretch = feed ? (size_t)(feed - from) : left;
            const char *quote = memchr(from, '"', stretch);
            if (quote) {
                extent->has_quotes = true;
                *in_quotes = true;
                *scanned += (size_t)(quote - from) + 1;
                continue;
            }
            *scanned += stretch;
            if (!feed) return false;
            extent->bytes = *scanned;
            extent->end_bytes = *scanned + 1;
            return true;
        }
        const char *quote = memchr(from, '"', left);
        size_t stretch = quote ? (size_t)(quote - from) : left;
        for (size_t i = 0; i < stretch; i++) extent->lines += from[i] == '\n';
        *scanned += stretch + (quote != NULL);
        if (quote) *in_quotes = false;
    }
    return false;
}

/* Ends a row whose quotes are wrong with its first line: what an open quote takes in would
 * otherwise be lost with it, up to the end of all. False when it is one line. */
static bool csv_cut_row(const struct csv_reader *reader, struct csv_extent *extent)
{
    const char *row = reader->bytes + reader->next;
    const char *feed = memchr(row, '\n', extent->bytes);
    if (!feed) return false;
    extent->bytes = (size_t)(feed - row);
    extent->end_bytes = extent->bytes + 1;
    extent->lines = 1;
    if (extent->bytes > 0 && row[extent->bytes - 1] == '\r') extent->bytes--;
    return true;
}

/* A row over the limit, as far as it is here; the rest of its line is skipped later. */
static enum status csv_take_long_row(struct csv_reader *reader, struct csv_extent *extent,
                                     struct error *error)
{
    extent->bytes = reader->end - reader->next;
    extent->end_bytes = extent->bytes;
    extent->lines = 1;
    reader->is_skipping = !csv_cut_row(reader, extent);
    if (extent->bytes > CSV_ROW_BYTES_MAX) extent->bytes = CSV_ROW_BYTES_MAX;
    return error_set(error, STATUS_BAD_INPUT, "over %d bytes, or a quote is open",
                     CSV_ROW_BYTES_MAX);
}

static enum status csv_skip_line(struct csv_reader *reader, struct error *error)
{
    while (reader->is_skipping) {
        const char *from = reader->bytes + reader->next;
        const char *feed = memchr(from, '\n', reader->end - reader->next);
        reader->next = feed ? reader->next + (size_t)(feed - from) + 1 : reader->end;
        reader->is_skipping = !feed;
        enum status status = feed ? STATUS_OK : csv_fill(reader, error);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static enum status csv_find_row(struct csv_reader *reader, struct csv_extent *extent,
                                struct error *error)
{
    size_t scanned = 0;
    bool in_quotes = false;
    *extent = (struct csv_extent){.lines = 1};
    while (!csv_scan(reader, &scanned, &in_quotes, extent)) {
        if (scanned > CSV_ROW_BYTES_MAX + 1) return csv_take_long_row(reader, extent, error);
        enum status status = csv_fill(reader, error);
        if (status < 0) return status;
        if (status == STATUS_OK) continue;
        if (reader->next == reader->end) return STATUS_END;
        extent->bytes = reader->end - reader->next;
        extent->end_bytes = extent->bytes;
        break;
    }
    if (extent->bytes > 0 && reader->bytes[reader->next + extent->bytes - 1] == '\r') {
        extent->bytes--;
    }
    if (extent->bytes > CSV_ROW_BYTES_MAX) return csv_take_long_row(reader, extent, error);
    return STATUS_OK;
}

static enum status csv_add_field(struct csv_reader *reader, size_t count, const char *text,
                                 size_t size, struct error *error)
{
    if (count == reader->field_count_max) {
        if (count == CSV_FIELDS_MAX) {
            return error_set(error, STATUS_BAD_INPUT, "more than %d fields", CSV_FIELDS_MAX);
        }
        size_t count_max = count ? 2 * count : 16;
        struct csv_field *fields = realloc(reader->fields, count_max * sizeof *fields);
        if (!fields) return error_set(error, STATUS_NO_MEMORY, "CSV row of %zu fields", count);
        reader->fields = fields;
        reader->field_count_max = count_max;
    }
    reader->fields[count] = (struct csv_field){.text = text, .size_bytes = size};
    return STATUS_OK;
}

/* A quoted field at text: doubled quotes become one, in place. NULL when it is not closed, or
 * something stands between the quote and the comma; else where it ends. */
static char *csv_unquote(char *text, const char *end, size_t *out_size)
{
    char *target = text;
    char *next = text + 1;
    while (next < end) {
        if (*next != '"') {
            *target++ = *next++;
        } else if (next + 1 < end && next[1] == '"') {
            *target++ = '"';
            next += 2;
        } else {
            *out_size = (size_t)(target - text);
            next++;
            return next == end || *next == ',' ? next : NULL;
        }
    }
    return NULL;
}

/* Cuts the row short where its quotes are wrong. */
static enum status csv_split(struct csv_reader *reader, char *row, struct csv_extent *extent,
                             size_t *out_count, struct error *error)
{
    char *next = row;
    char *end = row + extent->bytes;
    size_t count = 0;
    for (;;) {
        char *text = next;
        size_t field_bytes;
        if (extent->has_quotes && next < end && *next == '"') {
            next = csv_unquote(text, end, &field_bytes);
            if (!next) {
                (void)csv_cut_row(reader, extent);
                return error_set(error, STATUS_BAD_INPUT, "field %zu: a quote is open or stray",
                                 count + 1);
            }
        } else {
            while (next < end && *next != ',') next++;
            field_bytes = (size_t)(next - text);
            if (extent->has_quotes && memchr(text, '"', field_bytes)) {
                (void)csv_cut_row(reader, extent);
                return error_set(error, STATUS_BAD_INPUT, "field %zu: a quote in the middle",
                                 count + 1);
            }
        }
        enum status status = csv_add_field(reader, count, text, field_bytes, error);
        if (status < 0) return status;
        count++;
        if (next == end) break;
        next++;
    }
    *out_count = count;
    return STATUS_OK;
}

static void csv_skip_mark(struct csv_reader *reader)
{
    bool has_mark = reader->end >= 3 && memcmp(reader->bytes, "\xef\xbb\xbf", 3) == 0;
    if (has_mark) reader->next = 3;
}

/* Unquoting changes the bytes, so a row with quotes is taken apart in a copy. */
static enum status csv_keep_row(struct csv_reader *reader, const struct csv_extent *extent,
                                char **out_work, struct error *error)
{
    *out_work = reader->bytes + reader->next;
    if (!extent->has_quotes) return STATUS_OK;
    char *copy = realloc(reader->unquoted, extent->bytes + 1);
    if (!copy) return error_set(error, STATUS_NO_MEMORY, "CSV row");
    reader->unquoted = copy;
    memcpy(copy, *out_work, extent->bytes);
    *out_work = copy;
    return STATUS_OK;
}

/* The next row, which may be empty. */
static enum status csv_take_row(struct csv_reader *reader, size_t *out_count, struct error *error)
{
    struct csv_extent extent;
    char *work;
    enum status status = csv_find_row(reader, &extent, error);
    if (status == STATUS_OK) status = csv_keep_row(reader, &extent, &work, error);
    if (status == STATUS_OK) status = csv_split(reader, work, &extent, out_count, error);
    if (status != STATUS_OK && status != STATUS_BAD_INPUT) return status;
    reader->row = (struct csv_field){reader->bytes + reader->next, extent.bytes};
    reader->line = reader->next_line;
    reader->next_line += extent.lines;
    reader->next += extent.end_bytes;
    return status;
}

enum status csv_reader_next(struct csv_reader *reader, const struct csv_field **out_fields,
                            size_t *out_field_count, struct error *error)
{
    while (reader->is_first && reader->end < 3 && !reader->is_dry) {
        enum status status = csv_fill(reader, error);
        if (status < 0) return status;
    }
    if (reader->is_first) csv_skip_mark(reader);
    reader->is_first = false;
    enum status status = csv_skip_line(reader, error);
    if (status != STATUS_OK) return status;
    do {
        status = csv_take_row(reader, out_field_count, error);
    } while (status == STATUS_OK && reader->row.size_bytes == 0);
    *out_fields = reader->fields;
    return status;
}

static bool field_needs_quotes(const char *text, size_t size)
{
    if (size == 0) return false;
    if (text[0] == ' ' || text[size - 1] == ' ') return true;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == ',' || c == '"' || c == '\n' || c == '\r') return true;
    }
    return false;
}

enum status csv_write_field(struct buffer *target, const char *text, size_t size, int quote_empty,
                            struct error *error)
{
    bool quotes = size == 0 ? quote_empty != 0 : field_needs_quotes(text, size);
    if (!quotes) return buffer_add(target, text, size, error);
    uint8_t *place = buffer_reserve(target, 2 * size + 2, error);
    if (!place) return error->status;
    uint8_t *next = place;
    *next++ = '"';
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') *next++ = '"';
        *next++ = (uint8_t)text[i];
    }
    *next++ = '"';
    target->size_bytes += (size_t)(next - place);
    return STATUS_OK;
}
