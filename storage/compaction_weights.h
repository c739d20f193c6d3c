/* Compaction weights: how many samples of some segments lie in each of a row of windows, by what
 * descriptors say. A block that reaches over several windows is taken to be spread over all of them,
 * so what is called empty is.
 *
 * Threads: one thread at a time. */
#ifndef STORAGE_COMPACTION_WEIGHTS_H
#define STORAGE_COMPACTION_WEIGHTS_H

#include "storage/compaction_deal.h"
#include "storage/segment_reader.h"

/* Adds what the segment holds; weights rise in time and cover all of it. */
enum status compaction_weigh(struct compaction_weight *weights, size_t count,
                             struct segment *segment, struct error *error);

#endif
