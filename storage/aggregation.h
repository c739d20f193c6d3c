/* Aggregation: samples, and whole blocks of them, poured into buckets of time.
 *
 *   buckets      from                                            to
 *                 |----------|----------|----------|-- ... ------|
 *   line             o-----o-----o  (bad)  o-------o                 what the integral is under
 *
 * Pure: it sees samples of one tag, rising in time, each once; who finds them is store_aggregate.c.
 *
 * A1  a block may stand for its samples only when it lies in one bucket, has statistics, and nothing
 *     in the rules tells its samples apart
 * A2  count, minimum, maximum, first, last are those of the samples one by one; sums are within a few
 *     roundings of them, wherever the borders between blocks lie
 * A3  a value that is not a number counts as a sample, and in nothing else
 * A4  the integral is under the line between neighbouring good numbers that are no further apart than
 *     max_gap; each bucket has the part that lies in it
 */
#ifndef STORAGE_AGGREGATION_H
#define STORAGE_AGGREGATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/segment_format.h"
#include "storage/statistics.h"

struct aggregation_rules {
    int64_t from_ns;     /* included */
    int64_t to_ns;       /* excluded */
    size_t bucket_count; /* at least 1; of one width, but for what rounding to whole ns does */
    bool good_only;      /* samples of other quality do not count */
    bool has_range;      /* nor do values outside low..high, borders included */
    double low;
    double high;
    bool has_integral;  /* not with a range */
    bool is_stepped;    /* the line holds until the next sample, else slopes to it */
    int64_t max_gap_ns; /* 0: any */
};

struct bucket {
    uint64_t count; /* samples that count; the fields below are of these */
    uint64_t good_count;
    uint64_t number_count;
    double minimum; /* while number_count > 0 */
    double maximum;
    double first; /* of all that count, numbers or not */
    double last;
    int64_t first_ns;
    int64_t last_ns;
    struct exact_sum sum;
    struct exact_sum integral; /* value x seconds */
    int64_t covered_ns;        /* that the line covers */
};

struct aggregation {
    struct aggregation_rules rules;
    struct bucket *buckets; /* borrowed; bucket_count */
    size_t bucket;          /* of the sample last seen */
    bool has_line;          /* it goes on from the point below */
    int64_t line_ns;
    double line_value;
};

/* Empties the buckets. */
void aggregation_init(struct aggregation *aggregation, const struct aggregation_rules *rules,
                      struct bucket *buckets);

/* Where a bucket begins; of bucket_count: to_ns. */
int64_t aggregation_boundary(const struct aggregation_rules *rules, size_t bucket);

/* Samples of one type; those outside [from, to) only lend their ends to the line. */
void aggregation_add(struct aggregation *aggregation, const struct batch *batch);

/* Whether the block's statistics say all that its samples would (A1). */
bool aggregation_takes_block(const struct aggregation *aggregation,
                             const struct block_descriptor *descriptor);
/* Instead of its samples. */
void aggregation_add_block(struct aggregation *aggregation,
                           const struct block_descriptor *descriptor);

#endif
