/* Bench load: a workload file on its way into a store. */
#ifndef ENGINE_SHELL_BENCH_LOAD_H
#define ENGINE_SHELL_BENCH_LOAD_H

#include <stdbool.h>

#include "engine/bede.h"
#include "engine/shell/workload_file.h"

/* Makes the file's tags, numbers in out_tags[tag_count]. Negative with *error set. */
int bench_load_tags(struct bede *bede, struct workload_file *file, uint32_t *out_tags,
                    struct bede_error *error);

/* Appends every piece and waits until all is durable. middle_last: the middle third of the pieces
 * comes behind the last. */
int bench_load_pieces(struct bede *bede, struct workload_file *file, const uint32_t *tags,
                      bool middle_last, struct bede_error *error);

#endif
