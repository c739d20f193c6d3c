/* Goal:   no file can crash the reader of CSV, and what it reads it could have written.
 * Method: any bytes as a file, pulled in pieces of a size that the first byte gives; each row is written
 *         and read again, and must give the same fields. */
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/csv.h"
#include "tests/fuzz/fuzz.h"

struct bytes_left {
    const char *next;
    size_t size;
    size_t piece_bytes;
};

static enum status pull(void *context, char *target, size_t target_bytes, size_t *out_size,
                        struct error *error)
{
    (void)error;
    struct bytes_left *left = context;
    size_t size = left->size < left->piece_bytes ? left->size : left->piece_bytes;
    if (size > target_bytes) size = target_bytes;
    if (size > 0) memcpy(target, left->next, size);
    left->next += size;
    left->size -= size;
    *out_size = size;
    return STATUS_OK;
}

static void check_again(const struct csv_field *fields, size_t field_count)
{
    struct error error;
    struct buffer row;
    buffer_init(&row, CSV_ROW_BYTES_MAX);
    enum status status = buffer_add(&row, "header\n", 7, &error); /* for a byte order mark */
    for (size_t i = 0; i < field_count; i++) {
        if (i > 0) status = buffer_add(&row, ",", 1, &error);
        ASSERT(status == STATUS_OK);
        status =
            csv_write_field(&row, fields[i].text, fields[i].size_bytes, field_count == 1, &error);
        ASSERT(status == STATUS_OK);
    }

    struct csv_reader *reader;
    const struct csv_field *again;
    size_t again_count;
    struct bytes_left left = {(const char *)row.bytes, row.size_bytes, SIZE_MAX};
    status = csv_reader_create(&reader, pull, &left, &error);
    ASSERT(status == STATUS_OK);
    status = csv_reader_next(reader, &again, &again_count, &error);
    ASSERT(status == STATUS_OK && again_count == 1);
    status = csv_reader_next(reader, &again, &again_count, &error);
    ASSERT(status == STATUS_OK && again_count == field_count);
    for (size_t i = 0; i < field_count; i++) {
        ASSERT(again[i].size_bytes == fields[i].size_bytes);
        ASSERT(memcmp(again[i].text, fields[i].text, fields[i].size_bytes) == 0);
    }
    csv_reader_destroy(reader);
    buffer_finish(&row);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) return 0;
    struct error error;
    struct csv_reader *reader;
    const struct csv_field *fields;
    size_t field_count;
    struct bytes_left left = {(const char *)bytes + 1, size - 1, bytes[0] % 16u + 1};
    enum status status = csv_reader_create(&reader, pull, &left, &error);
    ASSERT(status == STATUS_OK);
    while ((status = csv_reader_next(reader, &fields, &field_count, &error)) != STATUS_END) {
        ASSERT(status == STATUS_OK || status == STATUS_BAD_INPUT);
        if (status == STATUS_OK) check_again(fields, field_count);
    }
    csv_reader_destroy(reader);
    return 0;
}
