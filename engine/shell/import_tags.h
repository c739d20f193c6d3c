/* Import tags: the tags that an import meets, each with the rows that wait to be appended.
 *
 * Rows are gathered per tag and appended as columns; tags that are not there yet are made together,
 * when their rows are first written. So a file with one line per tag and time costs neither an
 * append a line nor a sync a tag. */
#ifndef ENGINE_SHELL_IMPORT_TAGS_H
#define ENGINE_SHELL_IMPORT_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/bede.h"

struct import_tag;
struct import_tags;

/* batch: rows of a tag that are appended together. NULL when out of memory. */
struct import_tags *import_tags_create(struct bede *bede, const char *prefix, size_t batch);
void import_tags_destroy(struct import_tags *tags); /* accepts NULL; waiting rows are dropped */

/* The tag of this name, known to the store, to this import, or new. first_value decides the type of
 * a new one. NULL with a reason when there can be no tag of this name; NULL with *error set, and
 * error->status negative, when the store failed. */
struct import_tag *import_tags_find(struct import_tags *tags, const char *name, size_t name_bytes,
                                    const char *first_value, size_t value_bytes,
                                    const char **out_reason, struct bede_error *error);

/* Adds a row; false with a reason when the tag cannot hold the value or the time. *error is set, and
 * error->status negative, when the store failed. */
bool import_tag_add(struct import_tags *tags, struct import_tag *tag, int64_t time_ns,
                    const char *value, size_t value_bytes, uint32_t quality,
                    const char **out_reason, struct bede_error *error);

/* Makes the tags that wait, appends all rows. */
int import_tags_write(struct import_tags *tags, struct bede_error *error);

uint64_t import_tags_row_count(const struct import_tags *tags); /* appended or waiting */

#endif
