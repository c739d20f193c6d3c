/* Aggregate twin: what samples add up to, looked at one by one, in long double. */
#ifndef TESTS_STORAGE_AGGREGATE_TWIN_H
#define TESTS_STORAGE_AGGREGATE_TWIN_H

#include <float.h>
#include <math.h>

#include "storage/aggregation.h"
#include "tests/unit.h"

enum { AGGREGATE_ROWS_MAX = 20000 };

/* Everything that shows of a tag, in order of time. */
struct aggregate_rows {
    size_t count;
    int64_t times_ns[AGGREGATE_ROWS_MAX];
    double numbers[AGGREGATE_ROWS_MAX]; /* NaN for texts */
    bool is_good[AGGREGATE_ROWS_MAX];
};

static inline void aggregate_rows_add(struct aggregate_rows *rows, const struct batch *batch)
{
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry entry = batch_entry(batch, i);
        size_t row = rows->count++;
        ck_assert_uint_lt(row, AGGREGATE_ROWS_MAX);
        rows->times_ns[row] = batch_time_ns(batch, i);
        rows->is_good[row] = quality_class(entry.quality) == QUALITY_GOOD;
        rows->numbers[row] =
            entry.type == VALUE_TEXT ? (double)NAN : value_as_double(entry.type, entry.value);
    }
}

static inline bool aggregate_row_counts(const struct aggregate_rows *rows, size_t row,
                                        const struct aggregation_rules *rules)
{
    if (rules->good_only && !rows->is_good[row]) return false;
    return !rules->has_range ||
           (rows->numbers[row] >= rules->low && rows->numbers[row] <= rules->high);
}

static inline void aggregate_check_sum(const struct exact_sum *found, long double expected,
                                       long double scale)
{
    double total = exact_sum_total(found);
    if (!isfinite(expected)) {
        ck_assert(isnan(expected) ? isnan(total) : (long double)total == expected);
        return;
    }
    ck_assert_msg(fabsl(total - expected) <= scale * 16 * DBL_EPSILON + DBL_MIN,
                  "%.17g instead of %.17Lg", total, expected);
}

/* The part of the line between two rows that lies in a bucket. */
static inline void aggregate_line(const struct aggregate_rows *rows, size_t row, int64_t from_ns,
                                  int64_t to_ns, const struct aggregation_rules *rules,
                                  long double *area, long double *scale, int64_t *covered_ns)
{
    int64_t begin_ns = rows->times_ns[row], end_ns = rows->times_ns[row + 1];
    double begin = rows->numbers[row], end = rows->numbers[row + 1];
    if (!rows->is_good[row] || !isfinite(begin)) return;
    bool ends_well = rows->is_good[row + 1] && isfinite(end);
    if (!rules->is_stepped && !ends_well) return;
    if (rules->max_gap_ns > 0 && end_ns - begin_ns > rules->max_gap_ns) return;
    int64_t left_ns = begin_ns > from_ns ? begin_ns : from_ns;
    int64_t right_ns = end_ns < to_ns ? end_ns : to_ns;
    if (left_ns >= right_ns) return;
    long double height = begin;
    if (!rules->is_stepped) {
        long double middle =
            ((long double)(left_ns - begin_ns) + (long double)(right_ns - begin_ns)) / 2;
        height += ((long double)end - begin) * middle / (long double)(end_ns - begin_ns);
    }
    *area += height * (long double)(right_ns - left_ns) / 1e9L;
    *scale += (fabsl((long double)begin) + (ends_well ? fabsl((long double)end) : 0)) *
              (long double)(right_ns - left_ns) / 1e9L;
    *covered_ns += right_ns - left_ns;
}

static inline void aggregate_check_line(const struct aggregate_rows *rows,
                                        const struct bucket *bucket, int64_t from_ns, int64_t to_ns,
                                        const struct aggregation_rules *rules)
{
    long double area = 0, scale = 0;
    int64_t covered_ns = 0;
    for (size_t row = 0; row + 1 < rows->count; row++) {
        aggregate_line(rows, row, from_ns, to_ns, rules, &area, &scale, &covered_ns);
    }
    ck_assert_int_eq(bucket->covered_ns, covered_ns);
    aggregate_check_sum(&bucket->integral, area, scale);
}

static inline void aggregate_check_bucket(const struct aggregate_rows *rows,
                                          const struct bucket *bucket, int64_t from_ns,
                                          int64_t to_ns, const struct aggregation_rules *rules)
{
    uint64_t count = 0, good_count = 0, number_count = 0;
    size_t first = 0, last = 0;
    double minimum = INFINITY, maximum = -INFINITY;
    long double sum = 0, scale = 0;
    for (size_t row = 0; row < rows->count; row++) {
        if (rows->times_ns[row] < from_ns || rows->times_ns[row] >= to_ns) continue;
        if (!aggregate_row_counts(rows, row, rules)) continue;
        if (count == 0) first = row;
        last = row;
        count++;
        good_count += rows->is_good[row];
        double number = rows->numbers[row];
        if (isnan(number)) continue;
        number_count++;
        minimum = fmin(minimum, number);
        maximum = fmax(maximum, number);
        sum += number;
        scale += fabsl((long double)number);
    }
    ck_assert_uint_eq(bucket->count, count);
    ck_assert_uint_eq(bucket->good_count, good_count);
    ck_assert_uint_eq(bucket->number_count, number_count);
    aggregate_check_sum(&bucket->sum, sum, scale);
    if (rules->has_integral) aggregate_check_line(rows, bucket, from_ns, to_ns, rules);
    if (count == 0) return;
    ck_assert_int_eq(bucket->first_ns, rows->times_ns[first]);
    ck_assert_int_eq(bucket->last_ns, rows->times_ns[last]);
    ck_assert(memcmp(&bucket->first, &rows->numbers[first], sizeof bucket->first) == 0 ||
              (isnan(bucket->first) && isnan(rows->numbers[first])));
    ck_assert(memcmp(&bucket->last, &rows->numbers[last], sizeof bucket->last) == 0 ||
              (isnan(bucket->last) && isnan(rows->numbers[last])));
    if (number_count == 0) return;
    ck_assert(bucket->minimum == minimum && bucket->maximum == maximum);
}

static inline void aggregate_check(const struct aggregate_rows *rows, const struct bucket *buckets,
                                   const struct aggregation_rules *rules)
{
    for (size_t i = 0; i < rules->bucket_count; i++) {
        aggregate_check_bucket(rows, &buckets[i], aggregation_boundary(rules, i),
                               aggregation_boundary(rules, i + 1), rules);
    }
}

#endif
