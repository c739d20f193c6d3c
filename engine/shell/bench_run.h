/* Bench run: one workload, from the making of its values to its last question.
 *
 * Values are made by one process and loaded by another, which lives for this workload only: so its
 * processor time and memory are those of the store and of nothing else. */
#ifndef ENGINE_SHELL_BENCH_RUN_H
#define ENGINE_SHELL_BENCH_RUN_H

#include "engine/shell/bench_figure.h"
#include "engine/shell/command.h"
#include "engine/shell/workload_file.h"

struct bench_workload {
    const char *name;
    const char *generator;     /* of workload.h; NULL: real data, in a folder of this name */
    bool middle_last;          /* the middle third of the pieces is loaded last */
    uint64_t memory_bytes_max; /* 0: the default */
};

extern const struct bench_workload bench_workloads[];
extern const size_t bench_workloads_count;

struct bench_settings {
    const struct command *command;
    const char *directory;      /* to work in; exists */
    const char *data_directory; /* where folders of real data lie */
    double scale;
    uint64_t seed;
    bool keep; /* the stores, when done */
};

enum bench_outcome { BENCH_DONE, BENCH_SKIPPED, BENCH_FAILED };

/* Says on stderr what failed. Skipped: there is no such real data here. */
enum bench_outcome bench_run(const struct bench_settings *settings,
                             const struct bench_workload *workload,
                             struct bench_result *out_result);

/* The workload's values in the file at path, in this process; STATUS_NOT_FOUND: no such data. */
enum status bench_make(const struct bench_settings *settings, const struct bench_workload *workload,
                       const char *path, struct error *error);

#endif
