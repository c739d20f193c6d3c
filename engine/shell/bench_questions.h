/* Bench questions: what people ask of a historian, each one function.
 *
 * They count values of every quality, as an SQL statement without a condition does. */
#ifndef ENGINE_SHELL_BENCH_QUESTIONS_H
#define ENGINE_SHELL_BENCH_QUESTIONS_H

#include "engine/bede.h"
#include "engine/shell/bench_figure.h"

enum { BENCH_BUCKETS_MAX = 16384 };

/* What is asked about: all tags of a workload, from its first minute to behind its last value. */
struct bench_scope {
    struct bede *bede;
    const uint32_t *tags;
    size_t tag_count;
    int64_t from_ns;
    int64_t to_ns;
    struct bede_bucket *buckets; /* BENCH_BUCKETS_MAX of them, for the answer */
    double *doubles;             /* 65,536 of them: whole numbers on their way into a sum */
};

struct bench_answer {
    double number; /* a sum over what was found: the same from whoever answers right */
    uint64_t rows; /* given, or looked at */
};

struct bench_question {
    const char *workload;
    enum bench_figure_kind kind;
    int (*ask)(const struct bench_scope *scope, struct bench_answer *out_answer,
               struct bede_error *error);
};

extern const struct bench_question bench_questions[];
extern const size_t bench_questions_count;

/* Every value of every tag through cursors: the number is their sum. */
int bench_scan(const struct bench_scope *scope, struct bench_answer *out_answer,
               struct bede_error *error);

#endif
