#include "storage/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"

enum { BUFFER_BYTES_MIN = 256 };

void buffer_init(struct buffer *buffer, size_t bytes_max)
{
    *buffer = (struct buffer){.bytes_max = bytes_max};
}

void buffer_finish(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size_bytes = 0;
}

/* The capacity doubles, so that adding is cheap on average. */
static enum status buffer_grow(struct buffer *buffer, size_t size, struct error *error)
{
    if (size > buffer->bytes_max - buffer->size_bytes) {
        return error_set(error, STATUS_TOO_LARGE, "more than %zu bytes", buffer->bytes_max);
    }
    size_t needed_bytes = buffer->size_bytes + size;
    size_t capacity_bytes = BUFFER_BYTES_MIN;
    if (buffer->capacity_bytes > BUFFER_BYTES_MIN / 2) capacity_bytes = 2 * buffer->capacity_bytes;
    if (capacity_bytes > buffer->bytes_max) capacity_bytes = buffer->bytes_max;
    if (capacity_bytes < needed_bytes) capacity_bytes = needed_bytes;

    /* One byte more, for the ending zero that vsnprintf() insists on. */
    uint8_t *bytes = realloc(buffer->bytes, capacity_bytes + 1);
    if (!bytes) return error_set(error, STATUS_NO_MEMORY, "%zu bytes", capacity_bytes);
    buffer->bytes = bytes;
    buffer->capacity_bytes = capacity_bytes;
    return STATUS_OK;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t size, struct error *error)
{
    ASSERT(buffer->size_bytes <= buffer->capacity_bytes);
    if (!buffer->bytes || size > buffer->capacity_bytes - buffer->size_bytes) {
        if (buffer_grow(buffer, size, error) < 0) return NULL;
    }
    return buffer->bytes + buffer->size_bytes;
}

enum status buffer_add(struct buffer *buffer, const void *source, size_t size, struct error *error)
{
    uint8_t *target = buffer_reserve(buffer, size, error);
    if (!target) return error->status;
    if (source) {
        memcpy(target, source, size);
    } else {
        memset(target, 0, size);
    }
    buffer->size_bytes += size;
    return STATUS_OK;
}

enum status buffer_print(struct buffer *buffer, struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(length >= 0);

    uint8_t *target = buffer_reserve(buffer, (size_t)length, error);
    if (!target) return error->status;
    va_start(arguments, format);
    (void)vsnprintf((char *)target, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->size_bytes += (size_t)length;
    return STATUS_OK;
}

enum status buffer_align(struct buffer *buffer, size_t alignment, struct error *error)
{
    size_t aligned_bytes = bytes_align(buffer->size_bytes, alignment);
    return buffer_add(buffer, NULL, aligned_bytes - buffer->size_bytes, error);
}
