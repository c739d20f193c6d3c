#include "storage/statistics.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/kernels.h"
#include "storage/lanes.h"

enum {
    PIECE = 256, /* a multiple of LANES, so that only the last piece ends within lanes */
    STRETCH = 64,
};
#define SECONDS_PER_NS 1e-9

double value_as_double(uint8_t type, uint64_t bits)
{
    switch ((enum value_type)type) {
    case VALUE_F64: return double_of_bits(bits);
    case VALUE_F32: return (double)float_of_bits((uint32_t)bits);
    case VALUE_I64:
    case VALUE_BOOL:
    case VALUE_STATE: return (double)(int64_t)bits;
    case VALUE_TEXT: break;
    }
    ASSERT(false); /* a text is no number */
}

static void take_keys(int64_t keys[STRETCH], uint8_t type, const uint64_t *values)
{
    if (type == VALUE_F64) {
        for (size_t i = 0; i < STRETCH; i++) keys[i] = value_order_key(VALUE_F64, values[i]);
    } else if (type == VALUE_F32) {
        for (size_t i = 0; i < STRETCH; i++) keys[i] = value_order_key(VALUE_F32, values[i]);
    } else {
        memcpy(keys, values, STRETCH * sizeof *keys);
    }
}

/* Through pointers: passed by value, lanes would be part of what the processor must have. */
static inline void keep_lesser(int_lanes *least, const int_lanes *row)
{
    int_lanes is_less = *row < *least;
    *least = (*row & is_less) | (*least & ~is_less);
}

static inline void keep_greater(int_lanes *greatest, const int_lanes *row)
{
    int_lanes is_greater = *row > *greatest;
    *greatest = (*row & is_greater) | (*greatest & ~is_greater);
}

/* The least and the greatest key of a whole stretch. */
static void stretch_extremes(const int64_t keys[STRETCH], int64_t *out_least, int64_t *out_greatest)
{
    int_lanes least, greatest, row;
    memcpy(&least, keys, sizeof least);
    greatest = least;
    for (size_t i = LANES; i < STRETCH; i += LANES) {
        memcpy(&row, keys + i, sizeof row);
        keep_lesser(&least, &row);
        keep_greater(&greatest, &row);
    }
    *out_least = least[0];
    *out_greatest = greatest[0];
    for (size_t lane = 1; lane < LANES; lane++) {
        if (least[lane] < *out_least) *out_least = least[lane];
        if (greatest[lane] > *out_greatest) *out_greatest = greatest[lane];
    }
}

/* Where the least and the greatest stand first; by stretches, so that only two are searched. */
struct extremes {
    int64_t least;
    int64_t greatest;
    size_t least_at; /* first of its stretch, until it is searched */
    size_t greatest_at;
};

static size_t key_position(uint8_t type, const uint64_t *values, size_t first, int64_t key)
{
    while (value_order_key(type, values[first]) != key) first++;
    return first;
}

static struct extremes extremes_of(uint8_t type, const uint64_t *values, size_t count)
{
    int64_t first_key = value_order_key(type, values[0]);
    struct extremes extremes = {.least = first_key, .greatest = first_key};
    size_t first = 0;
    for (; first + STRETCH <= count; first += STRETCH) {
        int64_t keys[STRETCH], least, greatest;
        take_keys(keys, type, values + first);
        stretch_extremes(keys, &least, &greatest);
        if (least < extremes.least) {
            extremes.least = least;
            extremes.least_at = first;
        }
        if (greatest > extremes.greatest) {
            extremes.greatest = greatest;
            extremes.greatest_at = first;
        }
    }
    for (; first < count; first++) {
        int64_t key = value_order_key(type, values[first]);
        if (key < extremes.least) {
            extremes.least = key;
            extremes.least_at = first;
        }
        if (key > extremes.greatest) {
            extremes.greatest = key;
            extremes.greatest_at = first;
        }
    }
    extremes.least_at = key_position(type, values, extremes.least_at, extremes.least);
    extremes.greatest_at = key_position(type, values, extremes.greatest_at, extremes.greatest);
    return extremes;
}

/* S2: what is not finite lies beyond everything that is. */
static bool all_are_finite(uint8_t type, const struct extremes *extremes)
{
    if (type != VALUE_F64 && type != VALUE_F32) return true;
    uint64_t infinity = type == VALUE_F64 ? UINT64_C(0x7ff) << 52 : UINT64_C(0xff) << 23;
    uint64_t sign = type == VALUE_F64 ? UINT64_C(1) << 63 : UINT64_C(1) << 31;
    return extremes->least > value_order_key(type, infinity | sign) &&
           extremes->greatest < value_order_key(type, infinity);
}

static void take_doubles(double *target, uint8_t type, const uint64_t *values, size_t count)
{
    if (type == VALUE_F64) {
        memcpy(target, values, count * sizeof *target);
    } else if (type == VALUE_F32) {
        for (size_t i = 0; i < count; i++) target[i] = (double)float_of_bits((uint32_t)values[i]);
    } else {
        for (size_t i = 0; i < count; i++) target[i] = (double)(int64_t)values[i];
    }
}

static int64_t gap_between(int64_t earlier_ns, int64_t later_ns)
{
    uint64_t gap_ns = (uint64_t)later_ns - (uint64_t)earlier_ns;
    return gap_ns > INT64_MAX ? INT64_MAX : (int64_t)gap_ns;
}

static void find_sums(struct statistics *statistics, uint8_t type, const struct batch *batch,
                      bool step)
{
    struct lane_sums sums = {0}, areas = {0};
    size_t total = batch->sample_count;
    int64_t longest_ns = 0;
    for (size_t first = 0; first < total; first += PIECE) {
        double numbers[PIECE + 1] = {0}, seconds[PIECE] = {0};
        size_t left = total - first;
        size_t count = left < PIECE ? left : PIECE;
        size_t gaps = left > PIECE ? PIECE : count - 1;
        take_doubles(numbers, type, batch->values + first, gaps + 1);
        const int64_t *times_ns = batch->times_ns + first;
        for (size_t i = 0; i < gaps; i++) {
            int64_t gap_ns = gap_between(times_ns[i], times_ns[i + 1]);
            longest_ns = gap_ns > longest_ns ? gap_ns : longest_ns;
            seconds[i] = (double)gap_ns * SECONDS_PER_NS;
        }
        kernels_here()->areas(&sums, &areas, numbers, seconds, count, step);
    }
    struct exact_sum sum = {0}, integral = {0};
    lane_sums_drain(&sums, &sum);
    lane_sums_drain(&areas, &integral);
    statistics->sum = sum.high + sum.low;
    statistics->integral = integral.high + integral.low;
    statistics->longest_gap_ns = longest_ns;
}

bool statistics_of(struct statistics *out_statistics, const struct batch *batch, bool step)
{
    uint8_t type = batch_type(batch, 0);
    size_t count = batch->sample_count;
    ASSERT(count >= 1 && count <= UINT16_MAX && (batch->times_ns || count == 1));
    if (type == VALUE_TEXT) return false; /* S2 */
    struct extremes extremes = extremes_of(type, batch->values, count);
    if (!all_are_finite(type, &extremes)) return false;
    struct statistics statistics = {
        .minimum = batch->values[extremes.least_at],
        .maximum = batch->values[extremes.greatest_at],
        .first = batch->values[0],
        .last = batch->values[count - 1],
        .minimum_index = (uint16_t)extremes.least_at,
        .maximum_index = (uint16_t)extremes.greatest_at,
    };
    struct batch timed = *batch;
    if (!timed.times_ns) timed.times_ns = &batch->time_ns;
    find_sums(&statistics, type, &timed, step);
    *out_statistics = statistics;
    return true;
}
