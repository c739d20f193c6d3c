/* CSV: RFC 4180 rows out of a stream of bytes, and fields quoted where they must be. */
#ifndef STORAGE_BASE_CSV_H
#define STORAGE_BASE_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/status.h"

enum { CSV_FIELDS_MAX = 65536, CSV_ROW_BYTES_MAX = 16 << 20 };

/* Borrowed from the reader until its next row. Not ended by a zero byte. */
struct csv_field {
    const char *text;
    size_t size_bytes;
};

struct csv_reader;

/* Pulls bytes: *out_size 0 at the end. */
typedef enum status (*csv_source)(void *context, char *target, size_t target_bytes,
                                  size_t *out_size, struct error *error);

enum status csv_reader_create(struct csv_reader **out_reader, csv_source source, void *context,
                              struct error *error);
void csv_reader_destroy(struct csv_reader *reader);

/* The next row that is not empty. STATUS_END after the last. STATUS_BAD_INPUT names what is wrong
 * with this row (a stray quote, too long, too many fields); the next call goes on behind it. A row
 * whose quotes are wrong ends with its first line. CR LF and LF end rows; a byte order mark at the
 * very start is skipped. */
enum status csv_reader_next(struct csv_reader *reader, const struct csv_field **out_fields,
                            size_t *out_field_count, struct error *error);

uint64_t csv_reader_line(const struct csv_reader *reader); /* of the last row; 1 is the first */
/* The last row as it stood in the source, without its line end. */
struct csv_field csv_reader_row_text(const struct csv_reader *reader);

/* Appends the field, in quotes when it holds a comma, quote, CR or LF, or leading or trailing
 * space, or is empty and quote_empty is set. */
enum status csv_write_field(struct buffer *target, const char *text, size_t size, int quote_empty,
                            struct error *error);

#endif
