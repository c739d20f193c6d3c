/* Workload: values as a plant makes them, from a seed. The same seed gives the same values.
 *
 *   plant     1,000 tags at 1 s for 3 hours: 10.8 million values. Stamps are whole milliseconds; one
 *             in ten comes 1 to 50 ms late. Of twenty tags
 *               8 are slow analog signals of 1 to 3 decimals, noise of a few steps of the last one
 *               4 are computed: doubles with every bit in use, within some percent of a level
 *               3 are counters (i64)
 *               3 are states, which change every five minutes or so
 *               2 are setpoints, which change twice an hour
 *             A value in a thousand is bad, in runs of 10 to 30; the tag then holds its last value.
 *   single    one tag at 10 ms, 50 million values between 0 and 100 with 3 decimals: noise of up to
 *             30 steps of the last decimal either way, over a slow walk
 *   slow      1,000,000 tags, one scan of all a minute, 30 scans: of twenty tags 12 analog,
 *             3 counters, 3 states, 2 setpoints; all good
 *
 * Values come in pieces, as a collector hands them over: a run of one tag (a quarter of an hour of
 * the plant, 1,000 values of the single tag), or a scan of all tags at one time.
 *
 * W1  every value takes 8 bytes: double, or int64_t for counters and states
 * W2  the times of a tag rise strictly over all pieces */
#ifndef ENGINE_SHELL_WORKLOAD_H
#define ENGINE_SHELL_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORKLOAD_NAME_BYTES_MAX = 119, WORKLOAD_PIECE_VALUES_MAX = 1000000 };

struct workload_tag {
    char name[WORKLOAD_NAME_BYTES_MAX + 1];
    int32_t type; /* enum bede_type: f64, i64 or state */
    int32_t step; /* 1: holds its value until the next */
};

struct workload_piece {
    uint32_t tag; /* index, from 0; of a scan: 0, the others follow */
    uint32_t count;
    bool is_scan; /* one value each of count tags at times_ns[0]; else count values of one tag */
    const int64_t *times_ns;
    const void *values;
    const uint32_t *qualities; /* NULL: all good */
};

struct workload;

/* scale: 1 for the figures above; of plant and single the time shrinks with it, of slow the tags.
 * NULL when there is no such workload, or no memory. */
struct workload *workload_create(const char *name, uint64_t seed, double scale);
void workload_destroy(struct workload *workload); /* accepts NULL */

size_t workload_tag_count(const struct workload *workload);
void workload_tag(const struct workload *workload, size_t index, struct workload_tag *out_tag);

/* The next piece, valid until the next call; false after the last. */
bool workload_next(struct workload *workload, struct workload_piece *out_piece);

#endif
