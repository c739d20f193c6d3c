#include "engine/shell/bench_questions.h"

#include <string.h>

#include "engine/shell/workload_file.h"

#define MINUTE_NS INT64_C(60000000000)
#define RAW_ROWS_SPAN_NS (INT64_C(50000) * 1000000000) /* 5 M rows of the single tag */

enum { ONE_TAG = 1, SOME_TAGS = 100, LATEST_TAGS = 1000, PIXELS = 1200 };

/* ---- Passes over tags, until the store has calls for this ---- */

static const double *doubles_of(const struct bench_scope *scope, const struct bede_columns *columns)
{
    if (columns->type == BEDE_F64) return columns->values;
    const int64_t *whole = columns->values;
    for (size_t i = 0; i < columns->count; i++) scope->doubles[i] = (double)whole[i];
    return scope->doubles;
}

/* What a pass does with each column it meets. */
typedef void (*visit_columns)(const struct bench_scope *scope, void *context,
                              const struct bede_columns *columns);

static int pass(const struct bench_scope *scope, uint32_t tag, int64_t from_ns, int64_t to_ns,
                visit_columns visit, void *context, struct bede_error *error)
{
    struct bede_cursor *cursor;
    struct bede_columns columns;
    struct bede_read read = {.from_ns = from_ns, .to_ns = to_ns};
    int status = bede_cursor_open(&cursor, scope->bede, tag, &read, error);
    if (status < 0) return status;
    while ((status = bede_cursor_next(cursor, &columns, error)) == BEDE_OK) {
        visit(scope, context, &columns);
    }
    bede_cursor_close(cursor);
    return status < 0 ? status : BEDE_OK;
}

static int pass_all(const struct bench_scope *scope, visit_columns visit, void *context,
                    struct bede_error *error)
{
    int status = BEDE_OK;
    for (size_t i = 0; i < scope->tag_count && status >= 0; i++) {
        status = pass(scope, scope->tags[i], INT64_MIN, INT64_MAX, visit, context, error);
    }
    return status;
}

/* Four sums side by side: one alone would wait for itself. */
static void add_sum(const struct bench_scope *scope, void *context,
                    const struct bede_columns *columns)
{
    struct bench_answer *answer = context;
    const double *values = doubles_of(scope, columns);
    double sums[4] = {0};
    size_t i = 0;
    for (; i + 4 <= columns->count; i += 4) {
        for (size_t lane = 0; lane < 4; lane++) sums[lane] += values[i + lane];
    }
    for (; i < columns->count; i++) sums[0] += values[i];
    answer->number += sums[0] + sums[1] + sums[2] + sums[3];
    answer->rows += columns->count;
}

static void add_above(const struct bench_scope *scope, void *context,
                      const struct bede_columns *columns)
{
    struct bench_answer *answer = context;
    const double *values = doubles_of(scope, columns);
    double sum = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < columns->count; i++) {
        bool is_above = values[i] > WORKLOAD_ABOVE;
        sum += is_above ? values[i] : 0;
        count += is_above;
    }
    answer->number += sum;
    answer->rows += count;
}

struct bucketing {
    int64_t from_ns;
    int64_t width_ns;
    struct bench_bucket *buckets;
};

/* The rows of one bucket after the other. */
static void add_buckets(const struct bench_scope *scope, void *context,
                        const struct bede_columns *columns)
{
    const struct bucketing *bucketing = context;
    const double *values = doubles_of(scope, columns);
    size_t i = 0;
    while (i < columns->count) {
        int64_t index = (columns->times_ns[i] - bucketing->from_ns) / bucketing->width_ns;
        int64_t end_ns = bucketing->from_ns + (index + 1) * bucketing->width_ns;
        struct bench_bucket *bucket = &bucketing->buckets[index];
        if (bucket->count == 0) *bucket = (struct bench_bucket){0, values[i], values[i], 0};
        size_t begin = i;
        for (; i < columns->count && columns->times_ns[i] < end_ns; i++) {
            bucket->sum += values[i];
            if (values[i] < bucket->min) bucket->min = values[i];
            if (values[i] > bucket->max) bucket->max = values[i];
        }
        bucket->count += i - begin;
    }
}

static int bucket_tag(const struct bench_scope *scope, uint32_t tag, int64_t width_ns,
                      struct bench_bucket *buckets, struct bede_error *error)
{
    size_t count = (size_t)((scope->to_ns - scope->from_ns + width_ns - 1) / width_ns);
    memset(buckets, 0, count * sizeof *buckets);
    struct bucketing bucketing = {scope->from_ns, width_ns, buckets};
    return pass(scope, tag, scope->from_ns, scope->to_ns, add_buckets, &bucketing, error);
}

/* ---- The questions ---- */

int bench_scan(const struct bench_scope *scope, struct bench_answer *out_answer,
               struct bede_error *error)
{
    return pass_all(scope, add_sum, out_answer, error);
}

static int ask_raw(const struct bench_scope *scope, struct bench_answer *out_answer,
                   struct bede_error *error)
{
    return pass(scope, scope->tags[ONE_TAG], scope->from_ns, scope->to_ns, add_sum, out_answer,
                error);
}

static int ask_rows(const struct bench_scope *scope, struct bench_answer *out_answer,
                    struct bede_error *error)
{
    return pass(scope, scope->tags[0], scope->from_ns, scope->from_ns + RAW_ROWS_SPAN_NS, add_sum,
                out_answer, error);
}

static int average_minutes(const struct bench_scope *scope, uint32_t tag,
                           struct bench_answer *out_answer, struct bede_error *error)
{
    int status = bucket_tag(scope, tag, MINUTE_NS, scope->buckets, error);
    size_t count = (size_t)((scope->to_ns - scope->from_ns + MINUTE_NS - 1) / MINUTE_NS);
    for (size_t i = 0; i < count; i++) {
        const struct bench_bucket *bucket = &scope->buckets[i];
        if (bucket->count == 0) continue;
        out_answer->number += bucket->sum / (double)bucket->count;
        out_answer->rows++;
    }
    return status;
}

static int ask_minutes(const struct bench_scope *scope, struct bench_answer *out_answer,
                       struct bede_error *error)
{
    return average_minutes(scope, scope->tags[ONE_TAG], out_answer, error);
}

static int ask_minutes_all(const struct bench_scope *scope, struct bench_answer *out_answer,
                           struct bede_error *error)
{
    return average_minutes(scope, scope->tags[0], out_answer, error);
}

static void add_extremes(const struct bench_bucket *buckets, size_t count, bool with_average,
                         struct bench_answer *answer)
{
    for (size_t i = 0; i < count; i++) {
        if (buckets[i].count == 0) continue;
        answer->number += buckets[i].min + buckets[i].max;
        if (with_average) answer->number += buckets[i].sum / (double)buckets[i].count;
        answer->rows++;
    }
}

static int ask_ten_minutes(const struct bench_scope *scope, struct bench_answer *out_answer,
                           struct bede_error *error)
{
    int64_t width_ns = 10 * MINUTE_NS;
    size_t count = (size_t)((scope->to_ns - scope->from_ns + width_ns - 1) / width_ns);
    int status = BEDE_OK;
    for (size_t i = 0; i < SOME_TAGS && status >= 0; i++) {
        status = bucket_tag(scope, scope->tags[i], width_ns, scope->buckets + i * count, error);
    }
    if (status >= 0) add_extremes(scope->buckets, SOME_TAGS * count, true, out_answer);
    return status;
}

static int ask_trend(const struct bench_scope *scope, struct bench_answer *out_answer,
                     struct bede_error *error)
{
    uint32_t tag = scope->tags[scope->tag_count > ONE_TAG ? ONE_TAG : 0];
    int64_t width_ns = (scope->to_ns - scope->from_ns + PIXELS - 1) / PIXELS;
    int status = bucket_tag(scope, tag, width_ns, scope->buckets, error);
    if (status >= 0) add_extremes(scope->buckets, PIXELS, false, out_answer);
    return status;
}

static int ask_latest(const struct bench_scope *scope, struct bench_answer *out_answer,
                      struct bede_error *error)
{
    for (size_t i = 0; i < LATEST_TAGS; i++) {
        struct bede_sample sample;
        int status = bede_latest(scope->bede, scope->tags[i], &sample, error);
        if (status < 0) return status;
        if (status == BEDE_NOT_FOUND) continue;
        out_answer->number += sample.type == BEDE_F64 ? sample.value.f64 : (double)sample.value.i64;
        out_answer->rows++;
    }
    return BEDE_OK;
}

static int ask_sum(const struct bench_scope *scope, struct bench_answer *out_answer,
                   struct bede_error *error)
{
    return bench_scan(scope, out_answer, error);
}

static int ask_above(const struct bench_scope *scope, struct bench_answer *out_answer,
                     struct bede_error *error)
{
    return pass_all(scope, add_above, out_answer, error);
}

const struct bench_question bench_questions[] = {
    {"plant", FIGURE_RAW, ask_raw},
    {"plant", FIGURE_MINUTES, ask_minutes},
    {"plant", FIGURE_TEN_MINUTES, ask_ten_minutes},
    {"plant", FIGURE_LATEST, ask_latest},
    {"plant", FIGURE_SUM, ask_sum},
    {"plant", FIGURE_ABOVE, ask_above},
    {"plant", FIGURE_TREND, ask_trend},
    {"single", FIGURE_MINUTES_ALL, ask_minutes_all},
    {"single", FIGURE_ROWS, ask_rows},
    {"single", FIGURE_SUM, ask_sum},
    {"single", FIGURE_ABOVE, ask_above},
    {"single", FIGURE_TREND, ask_trend},
    {"slow", FIGURE_LATEST, ask_latest},
    {"slow", FIGURE_SUM, ask_sum},
};
const size_t bench_questions_count = sizeof bench_questions / sizeof bench_questions[0];
