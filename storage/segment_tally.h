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
#include "storage/statistics.h"

/* A descriptor without offset, sequence and origin_index, from a block and what it holds. step: as
 * for statistics_of(). */
void descriptor_fill(struct block_descriptor *out_descriptor, const struct block_header *header,
                     const struct batch *batch, bool step);

struct segment_tally {
    struct digest digest; /* counts the samples */
    uint64_t block_count; /* mixed ones not among them: the caller counts */
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

/* A block or a mixed block, as far as the sums go. */
struct tally_block {
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint64_t sequence;
    struct digest digest; /* counts the samples */
    uint64_t origin;      /* of its header */
};

/* Gives the index of the header's origin. columns has the clocks and origins of all samples; NULL
 * when the block has neither clocks nor more than one origin. */
enum status segment_tally_add(struct segment_tally *tally, const struct tally_block *block,
                              const struct batch *columns, uint32_t *out_origin_index,
                              struct error *error);

struct tally_block tally_block_of(const struct block_descriptor *descriptor,
                                  const struct block_header *header);

/* The fields of the footer that it knows. */
void segment_tally_tell(const struct segment_tally *tally, struct segment_footer *footer);

#endif
