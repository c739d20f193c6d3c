/* Sample text: types, values and qualities as the command line reads and writes them. */
#ifndef ENGINE_SHELL_SAMPLE_TEXT_H
#define ENGINE_SHELL_SAMPLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/bede.h"
#include "storage/base/buffer.h"

const char *type_text(int type); /* "f64" … */
bool type_from_text(const char *text, size_t size, int *out_type);

/* Appends one value of columns as `bede dump` writes it. False when out of memory. */
bool value_write(struct buffer *target, const struct bede_columns *columns, size_t index);

/* A value that is no text. states: "0=stopped,1=running" or "". */
bool value_read(int type, const char *text, size_t size, const char *states,
                union bede_value *out_value);

/* Eight hexadecimal digits, or good, uncertain, bad. */
bool quality_read(const char *text, size_t size, uint32_t *out_quality);

#endif
