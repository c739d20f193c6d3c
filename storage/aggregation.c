#include "storage/aggregation.h"

#include <math.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/kernels.h"

enum { PIECE = 256 };

__extension__ typedef __int128 int128;

void aggregation_init(struct aggregation *aggregation, const struct aggregation_rules *rules,
                      struct bucket *buckets)
{
    ASSERT(rules->bucket_count >= 1 && rules->from_ns < rules->to_ns);
    ASSERT(!rules->has_integral || !rules->has_range);
    *aggregation = (struct aggregation){.rules = *rules, .buckets = buckets};
    memset(buckets, 0, rules->bucket_count * sizeof *buckets);
}

int64_t aggregation_boundary(const struct aggregation_rules *rules, size_t bucket)
{
    ASSERT(rules->bucket_count >= 1);
    if (bucket >= rules->bucket_count) return rules->to_ns;
    int128 width = (int128)rules->to_ns - rules->from_ns;
    return (int64_t)(rules->from_ns + width * (int128)bucket / (int128)rules->bucket_count);
}

static int64_t bucket_end(const struct aggregation *aggregation, size_t bucket)
{
    return aggregation_boundary(&aggregation->rules, bucket + 1);
}

/* Of a time in [from, to). Mostly that of the sample before, or the next one. */
static size_t bucket_of(const struct aggregation *aggregation, int64_t time_ns)
{
    const struct aggregation_rules *rules = &aggregation->rules;
    size_t near = aggregation->bucket;
    if (time_ns < bucket_end(aggregation, near) && time_ns >= aggregation_boundary(rules, near)) {
        return near;
    }
    int128 offset = (int128)time_ns - rules->from_ns;
    int128 width = (int128)rules->to_ns - rules->from_ns;
    size_t bucket = (size_t)(offset * (int128)rules->bucket_count / width);
    if (bucket >= rules->bucket_count) bucket = rules->bucket_count - 1;
    /* Dividing rounds down both here and in the boundary: one step at most between them. */
    while (time_ns >= bucket_end(aggregation, bucket)) bucket++;
    while (time_ns < aggregation_boundary(rules, bucket)) bucket--;
    return bucket;
}

/* ---- The line ---- */

/* The part of a segment of the line between two times that lies in one bucket. */
static void bucket_add_area(struct bucket *bucket, int64_t from_ns, int64_t to_ns, double height)
{
    int64_t width_ns = to_ns - from_ns;
    exact_sum_add(&bucket->integral, height * ((double)width_ns * 1e-9));
    bucket->covered_ns += width_ns;
}

/* From the line's point to the one given, through every bucket on the way. */
static void line_draw(struct aggregation *aggregation, int64_t time_ns, double value)
{
    const struct aggregation_rules *rules = &aggregation->rules;
    int64_t begin_ns = aggregation->line_ns;
    double begin = aggregation->line_value, length = (double)(time_ns - begin_ns);
    int64_t from_ns = begin_ns > rules->from_ns ? begin_ns : rules->from_ns;
    int64_t to_ns = time_ns < rules->to_ns ? time_ns : rules->to_ns;
    while (from_ns < to_ns) {
        size_t index = bucket_of(aggregation, from_ns);
        int64_t end_ns = bucket_end(aggregation, index);
        if (end_ns > to_ns) end_ns = to_ns;
        double height = begin;
        if (!rules->is_stepped) {
            double middle = ((double)(from_ns - begin_ns) + (double)(end_ns - begin_ns)) * 0.5;
            height = begin + (value - begin) * (middle / length);
        }
        bucket_add_area(&aggregation->buckets[index], from_ns, end_ns, height);
        from_ns = end_ns;
    }
}

static bool line_may_reach(const struct aggregation *aggregation, int64_t time_ns)
{
    uint64_t gap_ns = (uint64_t)time_ns - (uint64_t)aggregation->line_ns;
    int64_t max_gap_ns = aggregation->rules.max_gap_ns;
    return gap_ns <= INT64_MAX && (max_gap_ns == 0 || gap_ns <= (uint64_t)max_gap_ns);
}

/* A stepped value holds up to whatever comes next; a slope needs a number at its end. */
static void line_add(struct aggregation *aggregation, int64_t time_ns, double value, bool is_good)
{
    bool goes_on = is_good && isfinite(value);
    bool is_drawn = aggregation->has_line && line_may_reach(aggregation, time_ns) &&
                    (goes_on || aggregation->rules.is_stepped);
    if (is_drawn) line_draw(aggregation, time_ns, value);
    aggregation->has_line = goes_on;
    aggregation->line_ns = time_ns;
    aggregation->line_value = value;
}

static void lines_add(struct aggregation *aggregation, const struct batch *batch)
{
    for (size_t i = 0; i < batch->sample_count; i++) {
        bool is_good = !batch->qualities || quality_class(batch->qualities[i]) == QUALITY_GOOD;
        double value = value_as_double(batch->type, batch->values[i]);
        line_add(aggregation, batch->times_ns[i], value, is_good);
    }
}

/* ---- Rows of one bucket ---- */

/* Samples that do not count become NaN, so that nothing is made of them. */
static size_t take_numbers(double *numbers, const struct aggregation_rules *rules,
                           const struct batch *rows, size_t first, size_t count)
{
    if (rows->type == VALUE_F64) {
        memcpy(numbers, rows->values + first, count * sizeof *numbers);
    } else {
        for (size_t i = 0; i < count; i++) {
            numbers[i] = value_as_double(rows->type, rows->values[first + i]);
        }
    }
    if (!rows->qualities) return count;
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_good = quality_class(rows->qualities[first + i]) == QUALITY_GOOD;
        if (rules->good_only && !is_good) numbers[i] = NAN;
        good += is_good;
    }
    return good;
}

static bool row_counts(const struct aggregation_rules *rules, const struct batch *rows, size_t row)
{
    if (rules->good_only && rows->qualities &&
        quality_class(rows->qualities[row]) != QUALITY_GOOD) {
        return false;
    }
    if (!rules->has_range) return true;
    double number = value_as_double(rows->type, rows->values[row]);
    return number >= rules->low && number <= rules->high;
}

static void bucket_add_ends(struct bucket *bucket, const struct aggregation_rules *rules,
                            const struct batch *rows)
{
    size_t first = 0, end = rows->sample_count;
    while (first < end && !row_counts(rules, rows, first)) first++;
    if (first == end) return;
    while (!row_counts(rules, rows, end - 1)) end--;
    if (bucket->count == 0) {
        bucket->first_ns = rows->times_ns[first];
        bucket->first = value_as_double(rows->type, rows->values[first]);
    }
    bucket->last_ns = rows->times_ns[end - 1];
    bucket->last = value_as_double(rows->type, rows->values[end - 1]);
}

static void bucket_add_fold(struct bucket *bucket, const struct fold *fold)
{
    if (fold->count == 0) return;
    if (bucket->number_count == 0 || fold->minimum < bucket->minimum) {
        bucket->minimum = fold->minimum;
    }
    if (bucket->number_count == 0 || fold->maximum > bucket->maximum) {
        bucket->maximum = fold->maximum;
    }
    bucket->number_count += fold->count;
    exact_sum_add(&bucket->sum, fold->sum.high);
    bucket->sum.low += fold->sum.low;
}

/* Good ones among the rows that a range lets through. */
static uint64_t good_in_range(const struct aggregation_rules *rules, const struct batch *rows)
{
    uint64_t good = 0;
    for (size_t i = 0; i < rows->sample_count; i++) {
        good += row_counts(rules, rows, i) &&
                (!rows->qualities || quality_class(rows->qualities[i]) == QUALITY_GOOD);
    }
    return good;
}

static void bucket_add_rows(struct bucket *bucket, const struct aggregation_rules *rules,
                            const struct batch *rows)
{
    double low = rules->has_range ? rules->low : -INFINITY;
    double high = rules->has_range ? rules->high : INFINITY;
    struct fold fold = {.minimum = INFINITY, .maximum = -INFINITY};
    size_t good = 0;
    for (size_t first = 0; first < rows->sample_count; first += PIECE) {
        double numbers[PIECE];
        size_t left = rows->sample_count - first;
        size_t count = left < PIECE ? left : PIECE;
        good += take_numbers(numbers, rules, rows, first, count);
        for (size_t i = count; i % LANES != 0; i++) numbers[i] = NAN;
        kernels_here()->fold(&fold, numbers, count, low, high);
    }
    bucket_add_ends(bucket, rules, rows);
    bucket_add_fold(bucket, &fold);
    if (rules->has_range) {
        bucket->count += fold.count;
        bucket->good_count += rows->qualities ? good_in_range(rules, rows) : fold.count;
    } else {
        bucket->count += rules->good_only ? good : rows->sample_count;
        bucket->good_count += good;
    }
}

/* The rows from first on whose time is below the limit. */
static size_t rows_below(const struct batch *batch, size_t first, int64_t limit_ns)
{
    size_t low = first, high = batch->sample_count;
    if (batch->times_ns[high - 1] < limit_ns) return high - first;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (batch->times_ns[middle] < limit_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - first;
}

void aggregation_add(struct aggregation *aggregation, const struct batch *batch)
{
    const struct aggregation_rules *rules = &aggregation->rules;
    ASSERT(batch->times_ns && !batch->types && batch->type != VALUE_TEXT);
    if (rules->has_integral) lines_add(aggregation, batch);
    size_t next = rows_below(batch, 0, rules->from_ns);
    size_t end = rows_below(batch, 0, rules->to_ns);
    while (next < end) {
        size_t index = bucket_of(aggregation, batch->times_ns[next]);
        size_t count = rows_below(batch, next, bucket_end(aggregation, index));
        struct batch rows = batch_slice(batch, next, count);
        bucket_add_rows(&aggregation->buckets[index], rules, &rows);
        aggregation->bucket = index;
        next += count;
    }
}

/* ---- Whole blocks ---- */

static bool integral_is_known(const struct aggregation_rules *rules,
                              const struct block_descriptor *descriptor)
{
    if (!rules->has_integral) return true;
    bool is_stepped = descriptor->flags & BLOCK_STEPPED;
    return descriptor->good_count == descriptor->sample_count && is_stepped == rules->is_stepped &&
           (rules->max_gap_ns == 0 || descriptor->longest_gap_ns <= rules->max_gap_ns);
}

bool aggregation_takes_block(const struct aggregation *aggregation,
                             const struct block_descriptor *descriptor)
{
    const struct aggregation_rules *rules = &aggregation->rules;
    if (!(descriptor->flags & BLOCK_STATISTICS)) return false;
    if (descriptor->first_time_ns < rules->from_ns || descriptor->last_time_ns >= rules->to_ns) {
        return false;
    }
    if (rules->good_only && descriptor->good_count < descriptor->sample_count) return false;
    if (!integral_is_known(rules, descriptor)) return false;
    double minimum = value_as_double(descriptor->type, descriptor->minimum);
    double maximum = value_as_double(descriptor->type, descriptor->maximum);
    if (rules->has_range && (minimum < rules->low || maximum > rules->high)) {
        /* All of it, or none. */
        if (minimum <= rules->high && maximum >= rules->low) return false;
    }
    size_t index = bucket_of(aggregation, descriptor->first_time_ns);
    return descriptor->last_time_ns < bucket_end(aggregation, index);
}

void aggregation_add_block(struct aggregation *aggregation,
                           const struct block_descriptor *descriptor)
{
    const struct aggregation_rules *rules = &aggregation->rules;
    uint8_t type = descriptor->type;
    double minimum = value_as_double(type, descriptor->minimum);
    double maximum = value_as_double(type, descriptor->maximum);
    if (rules->has_range && (minimum > rules->high || maximum < rules->low)) return;
    size_t index = bucket_of(aggregation, descriptor->first_time_ns);
    struct bucket *bucket = &aggregation->buckets[index];
    double first = value_as_double(type, descriptor->first_value);
    double last = value_as_double(type, descriptor->last_value);
    if (rules->has_integral) {
        line_add(aggregation, descriptor->first_time_ns, first, true);
        exact_sum_add(&bucket->integral, descriptor->integral);
        bucket->covered_ns += descriptor->last_time_ns - descriptor->first_time_ns;
        aggregation->line_ns = descriptor->last_time_ns;
        aggregation->line_value = last;
    }
    if (bucket->count == 0) {
        bucket->first_ns = descriptor->first_time_ns;
        bucket->first = first;
    }
    bucket->last_ns = descriptor->last_time_ns;
    bucket->last = last;
    struct fold fold = {
        .count = descriptor->sample_count,
        .minimum = minimum,
        .maximum = maximum,
        .sum = {.high = descriptor->sum},
    };
    bucket_add_fold(bucket, &fold);
    bucket->count += descriptor->sample_count;
    bucket->good_count += descriptor->good_count;
    aggregation->bucket = index;
}
