/* Buffer: bytes that grow up to a limit. */
#ifndef STORAGE_BASE_BUFFER_H
#define STORAGE_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/status.h"

struct buffer {
    uint8_t *bytes; /* owned; NULL while capacity is 0 */
    size_t size_bytes;
    size_t capacity_bytes;
    size_t bytes_max; /* never grows past this */
};

void buffer_init(struct buffer *buffer, size_t bytes_max);
void buffer_finish(struct buffer *buffer); /* accepts a zeroed buffer */

/* size_bytes becomes 0; the memory stays. */
void buffer_clear(struct buffer *buffer);

/* Room for size more bytes: their place, or NULL with *error set (STATUS_TOO_LARGE or
 * STATUS_NO_MEMORY). The caller adds what it wrote to size_bytes. Earlier places move. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t size, struct error *error);

/* Appends; zeroed bytes when source is NULL. */
enum status buffer_add(struct buffer *buffer, const void *source, size_t size, struct error *error);

/* Appends formatted text without its ending zero. */
enum status buffer_print(struct buffer *buffer, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Zero bytes up to the next multiple of alignment. */
enum status buffer_align(struct buffer *buffer, size_t alignment, struct error *error);

#endif
