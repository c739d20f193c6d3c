#include "engine/shell/bench_figure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *key;
    const char *words;
    const char *unit;
    int decimals;
    bool more_is_better;
} kinds[] = {
#define FIGURE_ROW(name, key, words, unit, decimals, more) {key, words, unit, decimals, more},
    BENCH_FIGURE_TABLE(FIGURE_ROW)
#undef FIGURE_ROW
};

static const struct {
    const char *workload;
    enum bench_figure_kind kind;
    double floor;
} floors[] = {
    {"plant", FIGURE_APPEND, 14},
    {"plant", FIGURE_BYTES, 1.95},
    {"plant", FIGURE_MEMORY, 300},
    {"plant", FIGURE_RAW, 0.1},
    {"plant", FIGURE_MINUTES, 0.1},
    {"plant", FIGURE_TEN_MINUTES, 4},
    {"plant", FIGURE_LATEST, 0.2},
    {"plant", FIGURE_SUM, 3},
    {"plant", FIGURE_ABOVE, 15},
    {"single", FIGURE_APPEND, 14},
    {"single", FIGURE_BYTES, 1.15},
    {"single", FIGURE_MEMORY, 300},
    {"single", FIGURE_MINUTES_ALL, 60},
    {"single", FIGURE_ROWS, 15},
    {"slow", FIGURE_APPEND, 10},
    {"slow", FIGURE_SAMPLES, 3.0}, /* thirty values of a tag; its name costs as much again */
    {"slow", FIGURE_MEMORY, 2147},
    {"backfill", FIGURE_AGAINST_SPEED, 0.7},
    {"backfill", FIGURE_AGAINST_BYTES, 1.02},
    {"ett", FIGURE_BYTES, 2.6},
    {"nab", FIGURE_BYTES, 3.2},
};

const struct bench_figure *bench_result_find(const struct bench_result *result,
                                             enum bench_figure_kind kind)
{
    for (size_t i = 0; i < result->count; i++) {
        if (result->figures[i].kind == (int32_t)kind) return &result->figures[i];
    }
    return NULL;
}

bool bench_floor(const char *workload, enum bench_figure_kind kind, double *out_floor)
{
    for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++) {
        if (floors[i].kind != kind || strcmp(floors[i].workload, workload) != 0) continue;
        *out_floor = floors[i].floor;
        return true;
    }
    return false;
}

void bench_result_print(const struct bench_result *result, bool with_floors)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct bench_figure *figure = &result->figures[i];
        const char *unit = kinds[figure->kind].unit;
        bool more = kinds[figure->kind].more_is_better;
        double floor;
        printf("%-9s %-34s %10.*f ", result->workload, kinds[figure->kind].words,
               kinds[figure->kind].decimals, figure->value);
        if (with_floors &&
            bench_floor(result->workload, (enum bench_figure_kind)figure->kind, &floor)) {
            bool is_missed = more ? figure->value < floor : figure->value > floor;
            printf("%-11s %s %g%s\n", unit, more ? "≥" : "≤", floor, is_missed ? " missed" : "");
        } else {
            printf("%s\n", unit);
        }
    }
    (void)fflush(stdout);
}

void bench_result_print_json(const struct bench_result *result, bool with_floors)
{
    printf("{\"workload\": \"%s\", \"values\": %" PRIu64 ", \"from_ns\": \"%" PRId64
           "\", \"to_ns\": \"%" PRId64 "\", \"figures\": [",
           result->workload, result->value_count, result->from_ns, result->to_ns);
    for (size_t i = 0; i < result->count; i++) {
        const struct bench_figure *figure = &result->figures[i];
        double floor;
        printf("%s\n    {\"key\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"", i > 0 ? "," : "",
               kinds[figure->kind].key, figure->value, kinds[figure->kind].unit);
        if (with_floors &&
            bench_floor(result->workload, (enum bench_figure_kind)figure->kind, &floor)) {
            printf(", \"%s\": %g", kinds[figure->kind].more_is_better ? "at_least" : "at_most",
                   floor);
        }
        if (figure->has_answer) {
            printf(", \"answer\": %.17g, \"rows\": %" PRIu64, figure->answer, figure->rows);
        }
        printf("}");
    }
    printf("]}");
}
