/* Block batches: random batches that a block may hold, for tests. */
#ifndef TESTS_STORAGE_BLOCK_BATCHES_H
#define TESTS_STORAGE_BLOCK_BATCHES_H

#include "storage/base/arena.h"
#include "storage/base/random.h"
#include "storage/batch.h"
#include "storage/block_format.h"

/* At most count_max entries of one type that keep F3. Columns that are the same for all are left
 * out now and then. All in the arena. */
struct batch block_batch_random(struct random *random, struct arena *arena, enum block_kind kind,
                                uint8_t type, size_t count_max);

#endif
