/* Block rules: what the entries of a block must keep. The writer asserts it, the reader reports it.
 */
#ifndef STORAGE_BLOCK_RULES_H
#define STORAGE_BLOCK_RULES_H

#include <stdbool.h>

#include "storage/batch.h"
#include "storage/block_format.h"

/* F3, and every entry valid (entry.h). The batch is of one tag and one type. */
bool block_entries_are_valid(enum block_kind kind, const struct batch *batch);

/* A column of notes may hold none. */
bool block_has_notes(const struct batch *batch);

#endif
