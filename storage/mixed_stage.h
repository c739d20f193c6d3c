/* Mixed stage: gathers tags with few samples until they fill a mixed block.
 *
 * Threads: one thread at a time. */
#ifndef STORAGE_MIXED_STAGE_H
#define STORAGE_MIXED_STAGE_H

#include "storage/digest.h"
#include "storage/mixed_block.h"
#include "storage/segment_stage.h"

enum {
    MIXED_TAGS_MAX = 1024, /* of a block that a writer makes */
    MIXED_SAMPLES_MAX = 16384,
};

struct mixed_stage {
    struct segment_stage samples; /* of all tags, tag by tag */
    struct mixed_entry *entries;  /* owned */
    size_t tag_count;
    size_t tags_max;
    int64_t first_time_ns; /* of all samples */
    int64_t last_time_ns;
    uint64_t sequence; /* greatest */
    struct digest digest;
    struct arena scratch; /* of encoding */
};

/* tags_max 0: MIXED_TAGS_MAX. */
enum status mixed_stage_init(struct mixed_stage *stage, size_t tags_max, struct error *error);
void mixed_stage_finish(struct mixed_stage *stage); /* accepts a zeroed one */

/* Whether so many samples of one more tag fit. */
bool mixed_stage_has_room(const struct mixed_stage *stage, size_t sample_count);

/* Copies the samples of a tag, of one type and not texts; tags rise by identity. There must be
 * room. */
enum status mixed_stage_add(struct mixed_stage *stage, struct identity identity,
                            const struct batch *batch, uint64_t sequence, struct error *error);
void mixed_stage_clear(struct mixed_stage *stage);

/* Appends the block of what is gathered. */
enum status mixed_stage_encode(struct mixed_stage *stage, struct buffer *target,
                               struct error *error);

#endif
