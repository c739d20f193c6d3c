/* Bench figure: one number of one workload, and what it must reach. */
#ifndef ENGINE_SHELL_BENCH_FIGURE_H
#define ENGINE_SHELL_BENCH_FIGURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Name, key in JSON, words in the table, unit, decimals, whether more is better. */
#define BENCH_FIGURE_TABLE(X)                                                                    \
    X(FIGURE_APPEND, "append", "append, durable", "M values/s", 2, true)                         \
    X(FIGURE_APPEND_CPU, "append_cpu", "processor time of appending", "s", 2, false)             \
    X(FIGURE_COMPACT, "compact", "flush and merge of all", "s", 2, false)                        \
    X(FIGURE_BYTES, "bytes_per_value", "on disk, segments and catalog", "bytes/value", 3, false) \
    X(FIGURE_SAMPLES, "sample_bytes_per_value", "  of it the samples", "bytes/value", 3, false)  \
    X(FIGURE_CATALOG, "catalog_bytes_per_value", "  of it the catalog", "bytes/value", 3, false) \
    X(FIGURE_WAL, "wal", "log files, kept for reuse", "MB", 1, false)                            \
    X(FIGURE_MEMORY, "peak_memory", "memory at its peak", "MB", 0, false)                        \
    X(FIGURE_SCAN, "full_scan", "full scan", "M values/s", 0, true)                              \
    X(FIGURE_RAW, "raw_range", "raw range of one tag, 10,800 rows", "ms", 3, false)              \
    X(FIGURE_MINUTES, "minutes_of_tag", "average a minute, one tag, 3 h", "ms", 3, false)        \
    X(FIGURE_TEN_MINUTES, "ten_minutes", "min max avg per 10 min, 100 tags", "ms", 3, false)     \
    X(FIGURE_LATEST, "latest", "latest of 1,000 tags", "ms", 3, false)                           \
    X(FIGURE_SUM, "sum", "sum of all values", "ms", 3, false)                                    \
    X(FIGURE_ABOVE, "sum_above", "sum and count of those above 50", "ms", 3, false)              \
    X(FIGURE_MINUTES_ALL, "minutes_of_all", "average a minute over all", "ms", 3, false)         \
    X(FIGURE_ROWS, "raw_rows", "5 M raw rows", "ms", 3, false)                                   \
    X(FIGURE_TREND, "trend", "trend of 1,200 pixels over all", "ms", 3, false)                   \
    X(FIGURE_AGAINST_SPEED, "append_against_plant", "append, of the plant's", "x", 2, true)      \
    X(FIGURE_AGAINST_BYTES, "bytes_against_plant", "on disk, of the plant's", "x", 3, false)

enum bench_figure_kind {
#define FIGURE_ENUM(name, key, words, unit, decimals, more) name,
    BENCH_FIGURE_TABLE(FIGURE_ENUM)
#undef FIGURE_ENUM
        FIGURE_KINDS
};

struct bench_figure {
    int32_t kind; /* enum bench_figure_kind */
    int32_t has_answer;
    double value;
    double answer; /* of a question: a number that a peer must find too */
    uint64_t rows; /* of a question: how many it looked at or gave */
};

/* The figures of one workload, in the order in which they came. */
struct bench_result {
    const char *workload;
    uint64_t value_count;
    int64_t from_ns; /* what is asked about: from this time up to the other, which is excluded */
    int64_t to_ns;
    struct bench_figure figures[FIGURE_KINDS];
    size_t count;
};

const struct bench_figure *bench_result_find(const struct bench_result *result,
                                             enum bench_figure_kind kind);

/* The floor (or ceiling) of this figure of this workload; false when there is none. */
bool bench_floor(const char *workload, enum bench_figure_kind kind, double *out_floor);

/* Floors are for workloads of full size: with_floors says whether to hold against them. */
void bench_result_print(const struct bench_result *result, bool with_floors);
void bench_result_print_json(const struct bench_result *result, bool with_floors);

#endif
