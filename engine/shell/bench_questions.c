#include "engine/shell/bench_questions.h"

#include <math.h>

#include "engine/shell/workload_file.h"

#define MINUTE_NS INT64_C(60000000000)
#define RAW_ROWS_SPAN_NS (INT64_C(50000) * 1000000000) /* 5 M rows of the single tag */

enum { ONE_TAG = 1, SOME_TAGS = 100, LATEST_TAGS = 1000, PIXELS = 1200 };

/* ---- Passes over tags ---- */

static const double *doubles_of(const struct bench_scope *scope, const struct bede_columns *columns)
{
    if (columns->type == BEDE_F64) return columns->values;
    const int64_t *whole = columns->values;
    for (size_t i = 0; i < columns->count; i++) scope->doubles[i] = (double)whole[i];
    return scope->doubles;
}

/* Four sums side by side: one alone would wait for itself. */
static void add_sum(const struct bench_scope *scope, const struct bede_columns *columns,
                    struct bench_answer *answer)
{
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

static int pass(const struct bench_scope *scope, uint32_t tag, int64_t from_ns, int64_t to_ns,
                struct bench_answer *out_answer, struct bede_error *error)
{
    struct bede_cursor *cursor;
    struct bede_columns columns;
    struct bede_read read = {.from_ns = from_ns, .to_ns = to_ns};
    int status = bede_cursor_open(&cursor, scope->bede, tag, &read, error);
    if (status < 0) return status;
    while ((status = bede_cursor_next(cursor, &columns, error)) == BEDE_OK) {
        add_sum(scope, &columns, out_answer);
    }
    bede_cursor_close(cursor);
    return status < 0 ? status : BEDE_OK;
}

/* ---- Aggregates ---- */

/* Buckets of this width from the beginning on, so many that all values fall into one. */
static struct bede_aggregate buckets_of(const struct bench_scope *scope, int64_t width_ns)
{
    int64_t count = (scope->to_ns - scope->from_ns + width_ns - 1) / width_ns;
    return (struct bede_aggregate){
        .from_ns = scope->from_ns,
        .to_ns = scope->from_ns + count * width_ns,
        .bucket_count = (size_t)count,
    };
}

/* One bucket a tag; the number is the sum of all values, the rows are how many. */
static int sum_all(const struct bench_scope *scope, const struct bede_aggregate *question,
                   struct bench_answer *out_answer, struct bede_error *error)
{
    for (size_t first = 0; first < scope->tag_count; first += BENCH_BUCKETS_MAX) {
        size_t count = scope->tag_count - first;
        if (count > BENCH_BUCKETS_MAX) count = BENCH_BUCKETS_MAX;
        int status = bede_aggregate(scope->bede, scope->tags + first, count, question,
                                    scope->buckets, error);
        if (status < 0) return status;
        for (size_t i = 0; i < count; i++) {
            out_answer->number += scope->buckets[i].sum;
            out_answer->rows += scope->buckets[i].count;
        }
    }
    return BEDE_OK;
}

/* ---- The questions ---- */

int bench_scan(const struct bench_scope *scope, struct bench_answer *out_answer,
               struct bede_error *error)
{
    int status = BEDE_OK;
    for (size_t i = 0; i < scope->tag_count && status >= 0; i++) {
        status = pass(scope, scope->tags[i], INT64_MIN, INT64_MAX, out_answer, error);
    }
    return status;
}

static int ask_raw(const struct bench_scope *scope, struct bench_answer *out_answer,
                   struct bede_error *error)
{
    return pass(scope, scope->tags[ONE_TAG], scope->from_ns, scope->to_ns, out_answer, error);
}

static int ask_rows(const struct bench_scope *scope, struct bench_answer *out_answer,
                    struct bede_error *error)
{
    return pass(scope, scope->tags[0], scope->from_ns, scope->from_ns + RAW_ROWS_SPAN_NS,
                out_answer, error);
}

static int average_minutes(const struct bench_scope *scope, uint32_t tag,
                           struct bench_answer *out_answer, struct bede_error *error)
{
    struct bede_aggregate question = buckets_of(scope, MINUTE_NS);
    int status = bede_aggregate(scope->bede, &tag, 1, &question, scope->buckets, error);
    for (size_t i = 0; i < question.bucket_count && status >= 0; i++) {
        const struct bede_bucket *bucket = &scope->buckets[i];
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

static void add_extremes(const struct bede_bucket *buckets, size_t count, bool with_average,
                         struct bench_answer *answer)
{
    for (size_t i = 0; i < count; i++) {
        if (buckets[i].count == 0) continue;
        answer->number += buckets[i].minimum + buckets[i].maximum;
        if (with_average) answer->number += buckets[i].sum / (double)buckets[i].count;
        answer->rows++;
    }
}

static int ask_ten_minutes(const struct bench_scope *scope, struct bench_answer *out_answer,
                           struct bede_error *error)
{
    struct bede_aggregate question = buckets_of(scope, 10 * MINUTE_NS);
    int status =
        bede_aggregate(scope->bede, scope->tags, SOME_TAGS, &question, scope->buckets, error);
    if (status >= 0) {
        add_extremes(scope->buckets, SOME_TAGS * question.bucket_count, true, out_answer);
    }
    return status;
}

static int ask_trend(const struct bench_scope *scope, struct bench_answer *out_answer,
                     struct bede_error *error)
{
    uint32_t tag = scope->tags[scope->tag_count > ONE_TAG ? ONE_TAG : 0];
    int64_t width_ns = (scope->to_ns - scope->from_ns + PIXELS - 1) / PIXELS;
    struct bede_aggregate question = buckets_of(scope, width_ns);
    int status = bede_aggregate(scope->bede, &tag, 1, &question, scope->buckets, error);
    if (status >= 0) add_extremes(scope->buckets, question.bucket_count, false, out_answer);
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
    struct bede_aggregate question = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .bucket_count = 1};
    return sum_all(scope, &question, out_answer, error);
}

static int ask_above(const struct bench_scope *scope, struct bench_answer *out_answer,
                     struct bede_error *error)
{
    struct bede_aggregate question = {
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .bucket_count = 1,
        .low = nextafter(WORKLOAD_ABOVE, INFINITY),
        .high = INFINITY,
        .flags = BEDE_AGGREGATE_RANGE,
    };
    return sum_all(scope, &question, out_answer, error);
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
