/* Segment stage: gathers samples into a block's worth of columns.
 *
 * A column that is the same for all so far stays a number beside the columns: most are.
 *
 * T1  texts and notes are staged with samples of their own type only
 * T2  at most so many samples as a block may have, and STAGE_TEXT_BYTES_MAX of texts and notes */
#ifndef STORAGE_SEGMENT_STAGE_H
#define STORAGE_SEGMENT_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/batch.h"

enum { STAGE_COLUMNS = 7, STAGE_TEXT_BYTES_MAX = 1 << 20 };

struct segment_stage {
    struct batch batch; /* what is gathered: a view of the columns below */
    size_t count_max;
    int64_t *times_ns; /* owned, as all below */
    uint64_t *values;
    void *columns[STAGE_COLUMNS]; /* of what may be the same for all; NULL until one is not */
    struct buffer texts;          /* reserved once, so that texts do not move */
};

enum status segment_stage_init(struct segment_stage *stage, size_t count_max, struct error *error);
void segment_stage_finish(struct segment_stage *stage); /* accepts a zeroed one */

/* Copies as many of the first samples of the batch, which is of one tag and one type, as there is
 * room for. */
enum status segment_stage_add(struct segment_stage *stage, const struct batch *batch,
                              size_t *out_count, struct error *error);
void segment_stage_clear(struct segment_stage *stage);

#endif
