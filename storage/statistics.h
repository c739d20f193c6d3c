/* Statistics: what a run of samples adds up to, so that a question about many blocks need not open
 * them.
 *
 * S1  all samples count, whatever their quality; where not all are good, who asks for good ones must
 *     look at the samples
 * S2  nothing is said of texts, nor of runs with a value that is not finite
 * S3  minimum and maximum are by value, -0.0 before 0.0; the first of equal ones counts
 * S4  the sum is within one rounding of the exact one, wherever the borders between runs lie
 * S5  the integral goes from the first to the last sample, over every gap: whether the longest one
 *     still belongs together is for the reader to say
 */
#ifndef STORAGE_STATISTICS_H
#define STORAGE_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/batch.h"
#include "storage/lanes.h"

struct statistics {
    uint64_t minimum; /* bits of values */
    uint64_t maximum;
    uint64_t first;
    uint64_t last;
    double sum;
    double integral; /* value x seconds */
    int64_t longest_gap_ns;
    uint16_t minimum_index;
    uint16_t maximum_index;
};

/* Of samples of one tag and type, rising in time. step: a value holds until the next sample, else it
 * slopes to it. False when there are none (S2). */
bool statistics_of(struct statistics *out_statistics, const struct batch *batch, bool step);

/* A value (no text) as a number. */
double value_as_double(uint8_t type, uint64_t bits);

/* A number that orders as values of this type do, among finite ones. */
static inline int64_t value_order_key(uint8_t type, uint64_t bits)
{
    if (type != VALUE_F64 && type != VALUE_F32) return (int64_t)bits;
    int64_t key = type == VALUE_F64 ? (int64_t)bits : (int64_t)(bits << 32);
    return key ^ (int64_t)((uint64_t)(key >> 63) >> 1);
}

#endif
