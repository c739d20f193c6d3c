/* Segment tally: what a segment says about its blocks, one by one and together. The writer fills
 * its descriptors, origins and footer from it; verifying compares. */
#ifndef STORAGE_SEGMENT_TALLY_H
#define STORAGE_SEGMENT_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/batch.h"
#include "storage/digest.h"
#include "storage/segment_format.h"

/* A descriptor without offset, sequence and origin_index, from a block and what it holds. */
void descriptor_fill(struct block_descriptor *out_descriptor, const struct block_header *header,
                     const struct batch *batch);

struct segment_tally {
    struct digest digest; /* counts the samples */
    uint64_t block_count;
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t clock_max;
    struct buffer origins; /* owned; of struct segment_origin, in order of first appearance */
    uint32_t last_origin;  /* index of the one found last */
};

void segment_tally_init(struct segment_tally *tally);
void segment_tally_finish(struct segment_tally *tally); /* accepts a zeroed one */

/* Adds a block and gives its descriptor the origin_index. The batch may be NULL when the block has
 * neither clocks nor more than one origin. */
enum status segment_tally_add(struct segment_tally *tally, struct block_descriptor *descriptor,
                              const struct block_header *header, const struct batch *batch,
                              struct error *error);

/* The fields of the footer that it knows. */
void segment_tally_tell(const struct segment_tally *tally, struct segment_footer *footer);

#endif
