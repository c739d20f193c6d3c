/* Block rules: what the entries of a block must keep. The writer asserts it, the reader reports it.
 */
#ifndef STORAGE_BLOCK_RULES_H
#define STORAGE_BLOCK_RULES_H

#include <stdbool.h>

#include "storage/batch.h"
#include "storage/block_format.h"

/* F3, and every entry valid (entry.h). The batch is of one tag and one type, and of the kind if its
 * header is valid. */
bool block_entries_are_valid(enum block_kind kind, const struct batch *batch);

#endif
