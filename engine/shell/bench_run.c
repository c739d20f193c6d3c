#include "engine/shell/bench_run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/shell/bench_load.h"
#include "engine/shell/bench_machine.h"
#include "engine/shell/bench_questions.h"
#include "engine/shell/workload_csv.h"
#include "storage/base/file.h"

#define MINUTE_NS INT64_C(60000000000)

enum { ASK_RUNS_MAX = 9, COLUMN_VALUES_MAX = 65536 };
static const double ask_seconds_max = 2;

const struct bench_workload bench_workloads[] = {
    {.name = "plant", .generator = "plant"},
    {.name = "single", .generator = "single"},
    {.name = "slow", .generator = "slow", .memory_bytes_max = (uint64_t)2 << 30},
    {.name = "backfill", .generator = "plant", .middle_last = true},
    {.name = "ett"},
    {.name = "nab"},
    {.name = "skab"},
    {.name = "rosa"},
};
const size_t bench_workloads_count = sizeof bench_workloads / sizeof bench_workloads[0];

/* ---- Making the values ---- */

static enum status write_generated(struct workload_writer *writer, struct workload *workload,
                                   struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < workload_tag_count(workload) && status >= 0; i++) {
        struct workload_tag tag;
        workload_tag(workload, i, &tag);
        status = workload_writer_tag(writer, &tag, error);
    }
    struct workload_piece piece;
    while (status >= 0 && workload_next(workload, &piece)) {
        status = workload_writer_piece(writer, &piece, error);
    }
    return status;
}

static enum status write_values(const struct bench_settings *settings,
                                const struct bench_workload *workload,
                                struct workload_writer *writer, struct error *error)
{
    if (!workload->generator) {
        char directory[FILE_PATH_BYTES_MAX];
        (void)snprintf(directory, sizeof directory, "%s/%s", settings->data_directory,
                       workload->name);
        return workload_csv_write(writer, directory, error);
    }
    struct workload *values = workload_create(workload->generator, settings->seed, settings->scale);
    if (!values) return error_set(error, STATUS_NO_MEMORY, "out of memory");
    enum status status = write_generated(writer, values, error);
    workload_destroy(values);
    return status;
}

enum status bench_make(const struct bench_settings *settings, const struct bench_workload *workload,
                       const char *path, struct error *error)
{
    struct workload_writer *writer = NULL;
    enum status status = workload_writer_create(&writer, path, error);
    if (status == STATUS_OK) status = write_values(settings, workload, writer, error);
    if (status == STATUS_OK) status = workload_writer_finish(writer, error);
    workload_writer_destroy(writer);
    return status;
}

/* ---- Measuring ---- */

/* One workload at hand, in the process that measures it. */
struct run {
    const struct bench_settings *settings;
    const struct bench_workload *workload;
    const char *store_path;
    const char *file_path;
    struct workload_file *file; /* owned, as all below */
    struct bede *bede;
    uint32_t *tags;
    struct bede_bucket *buckets;
    double *doubles;
    uint64_t journal_bytes;      /* of segments, before there are values: what the tags are */
    struct bench_result *result; /* borrowed */
};

static void add_figure(struct run *run, enum bench_figure_kind kind, double value)
{
    run->result->figures[run->result->count++] =
        (struct bench_figure){.kind = (int32_t)kind, .value = value};
}

/* Everything up to the first value. */
static int run_begin(struct run *run, struct bede_error *error)
{
    struct error cause = {.text = "out of memory"};
    if (workload_file_open(&run->file, run->file_path, &cause) < 0) goto fail;
    size_t tag_count = (size_t)workload_file_totals(run->file)->tag_count;
    run->tags = calloc(tag_count, sizeof *run->tags);
    run->buckets = calloc(BENCH_BUCKETS_MAX, sizeof *run->buckets);
    run->doubles = calloc(COLUMN_VALUES_MAX, sizeof *run->doubles);
    if (!run->tags || !run->buckets || !run->doubles) goto fail;
    struct bede_options options = {.memory_bytes_max = run->workload->memory_bytes_max};
    int status = bede_open(&run->bede, run->store_path, &options, error);
    struct bede_stats stats = {0};
    if (status >= 0) status = bench_load_tags(run->bede, run->file, run->tags, error);
    if (status >= 0) status = bede_flush(run->bede, error);
    if (status >= 0) status = bede_stats(run->bede, &stats, error);
    run->journal_bytes = stats.segment_bytes;
    return status;

fail:
    (void)snprintf(error->text, sizeof error->text, "%s", cause.text);
    return BEDE_IO;
}

static int run_end(struct run *run, int status, struct bede_error *error)
{
    int closed = bede_close(run->bede, status < 0 ? NULL : error);
    workload_file_close(run->file);
    free(run->tags);
    free(run->buckets);
    free(run->doubles);
    return status < 0 ? status : closed;
}

static int measure_append(struct run *run, struct bede_error *error)
{
    double begin = bench_seconds(), begin_cpu = bench_cpu_seconds();
    int status =
        bench_load_pieces(run->bede, run->file, run->tags, run->workload->middle_last, error);
    if (status < 0) return status;
    double seconds = bench_seconds() - begin;
    double values = (double)workload_file_totals(run->file)->value_count;
    add_figure(run, FIGURE_APPEND, values / seconds / 1e6);
    add_figure(run, FIGURE_APPEND_CPU, bench_cpu_seconds() - begin_cpu);
    return BEDE_OK;
}

static int measure_bytes(struct run *run, struct bede_error *error)
{
    struct bede_stats stats;
    double begin = bench_seconds();
    int status = bede_flush(run->bede, error);
    if (status >= 0) status = bede_compact(run->bede, 1, error);
    if (status < 0) return status;
    add_figure(run, FIGURE_COMPACT, bench_seconds() - begin);
    status = bede_stats(run->bede, &stats, error);
    if (status < 0) return status;
    double values = (double)workload_file_totals(run->file)->value_count;
    double bytes = (double)(stats.segment_bytes + stats.catalog_bytes);
    add_figure(run, FIGURE_BYTES, bytes / values);
    add_figure(run, FIGURE_SAMPLES, (double)(stats.segment_bytes - run->journal_bytes) / values);
    add_figure(run, FIGURE_CATALOG, (double)stats.catalog_bytes / values);
    add_figure(run, FIGURE_WAL, (double)stats.wal_bytes / 1e6);
    return BEDE_OK;
}

static int time_question(const struct bench_scope *scope, const struct bench_question *question,
                         struct bench_answer *out_answer, double *out_seconds,
                         struct bede_error *error)
{
    *out_answer = (struct bench_answer){0};
    double begin = bench_seconds();
    int status = question->ask(scope, out_answer, error);
    *out_seconds = bench_seconds() - begin;
    return status;
}

/* Once to warm up, then the median of some more; a question that takes long is warm all along. */
static int measure_question(const struct bench_scope *scope, const struct bench_question *question,
                            struct bench_answer *out_answer, double *out_seconds,
                            struct bede_error *error)
{
    double seconds[ASK_RUNS_MAX];
    size_t runs = 0;
    double begin = bench_seconds();
    int status = time_question(scope, question, out_answer, out_seconds, error);
    while (status >= 0 && runs < ASK_RUNS_MAX && bench_seconds() - begin < ask_seconds_max) {
        status = time_question(scope, question, out_answer, &seconds[runs++], error);
    }
    if (status >= 0 && runs > 0) *out_seconds = bench_percentile(seconds, runs, 0.5);
    return status;
}

/* Sums are taken in another order here than where the values were made. */
static bool is_nearly(double found, double expected)
{
    return fabs(found - expected) <= 1e-9 * fabs(expected) + 1e-9;
}

static bool answer_is_right(const struct run *run, enum bench_figure_kind kind,
                            const struct bench_answer *answer)
{
    const struct workload_totals *totals = workload_file_totals(run->file);
    /* Real data has times that come twice. */
    if (!run->workload->generator) return answer->rows <= totals->value_count;
    if (kind == FIGURE_SUM || kind == FIGURE_SCAN) {
        return answer->rows == totals->value_count && is_nearly(answer->number, totals->sum);
    }
    if (kind == FIGURE_ABOVE) {
        return answer->rows == totals->above_count && is_nearly(answer->number, totals->above_sum);
    }
    return answer->rows > 0;
}

static int ask(struct run *run, const struct bench_scope *scope,
               const struct bench_question *question, struct bede_error *error)
{
    struct bench_answer answer;
    double seconds;
    int status = measure_question(scope, question, &answer, &seconds, error);
    if (status < 0) return status;
    if (!answer_is_right(run, question->kind, &answer)) {
        (void)snprintf(error->text, sizeof error->text, "question %d: wrong answer: %.17g of %llu",
                       (int)question->kind, answer.number, (unsigned long long)answer.rows);
        return BEDE_CORRUPT;
    }
    bool is_scan = question->kind == FIGURE_SCAN;
    add_figure(run, question->kind, is_scan ? (double)answer.rows / seconds / 1e6 : seconds * 1e3);
    struct bench_figure *figure = &run->result->figures[run->result->count - 1];
    figure->has_answer = 1;
    figure->answer = answer.number;
    figure->rows = answer.rows;
    return BEDE_OK;
}

static int measure_questions(struct run *run, struct bede_error *error)
{
    const struct workload_totals *totals = workload_file_totals(run->file);
    struct bench_scope scope = {
        .bede = run->bede,
        .tags = run->tags,
        .tag_count = (size_t)totals->tag_count,
        .from_ns = totals->first_ns - totals->first_ns % MINUTE_NS,
        .to_ns = totals->last_ns + 1,
        .buckets = run->buckets,
        .doubles = run->doubles,
    };
    run->result->from_ns = scope.from_ns;
    run->result->to_ns = scope.to_ns;
    struct bench_question scan = {run->workload->name, FIGURE_SCAN, bench_scan};
    int status = ask(run, &scope, &scan, error);
    for (size_t i = 0; i < bench_questions_count && status >= 0; i++) {
        if (strcmp(bench_questions[i].workload, run->workload->name) != 0) continue;
        status = ask(run, &scope, &bench_questions[i], error);
    }
    return status;
}

static int measure(struct run *run, struct bede_error *error)
{
    int status = run_begin(run, error);
    if (status >= 0) run->result->value_count = workload_file_totals(run->file)->value_count;
    if (status >= 0) status = measure_append(run, error);
    if (status >= 0) status = measure_bytes(run, error);
    if (status >= 0) status = measure_questions(run, error);
    if (status >= 0) add_figure(run, FIGURE_MEMORY, (double)bench_peak_bytes() / 1e6);
    return run_end(run, status, error);
}

/* ---- Processes ---- */

/* What a process of its own does; 0, or the exit code that says why not. */
typedef int (*apart_work)(struct run *run);

static int make_apart(struct run *run)
{
    struct error error;
    enum status status = bench_make(run->settings, run->workload, run->file_path, &error);
    if (status == STATUS_NOT_FOUND) return BENCH_SKIPPED;
    if (status == STATUS_OK) return BENCH_DONE;
    (void)command_fail(run->settings->command, "%s: %s", run->workload->name, error.text);
    return BENCH_FAILED;
}

static int measure_apart(struct run *run)
{
    struct bede_error error;
    if (measure(run, &error) >= 0) return BENCH_DONE;
    (void)command_fail(run->settings->command, "%s: %s", run->workload->name, error.text);
    return BENCH_FAILED;
}

/* The child's side: works, and hands its result over. */
_Noreturn static void work_and_exit(struct run *run, apart_work work, int pipe_end)
{
    int code = work(run);
    FILE *pipe_file = fdopen(pipe_end, "wb");
    if (!pipe_file || fwrite(run->result, sizeof *run->result, 1, pipe_file) != 1 ||
        fclose(pipe_file) != 0) {
        code = BENCH_FAILED;
    }
    _exit(code);
}

static enum bench_outcome do_apart(struct run *run, apart_work work)
{
    int ends[2];
    (void)fflush(NULL);
    if (pipe(ends) != 0) goto fail;
    pid_t child = fork();
    if (child < 0) goto fail;
    if (child == 0) {
        (void)close(ends[0]);
        work_and_exit(run, work, ends[1]);
    }
    (void)close(ends[1]);
    FILE *pipe_file = fdopen(ends[0], "rb");
    bool has_result = pipe_file && fread(run->result, sizeof *run->result, 1, pipe_file) == 1;
    if (pipe_file) (void)fclose(pipe_file);
    int result;
    if (waitpid(child, &result, 0) != child || !WIFEXITED(result) || !has_result) {
        (void)command_fail(run->settings->command, "%s: its process died", run->workload->name);
        return BENCH_FAILED;
    }
    return (enum bench_outcome)WEXITSTATUS(result);

fail:
    (void)command_fail(run->settings->command, "cannot start a process: %s",
                       strerrordesc_np(errno));
    return BENCH_FAILED;
}

/* ---- The directory ---- */

static enum status remove_file(void *context, const char *name)
{
    char path[2 * FILE_PATH_BYTES_MAX];
    struct error error;
    (void)snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
    (void)file_remove(file_system_posix(), path, &error); /* what stays is found by who opens */
    return STATUS_OK;
}

/* A file, or a folder of files: a store is no deeper. */
static enum status remove_folder(void *context, const char *name)
{
    char path[2 * FILE_PATH_BYTES_MAX];
    struct error error;
    (void)snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
    if (file_remove(file_system_posix(), path, &error) >= 0) return STATUS_OK;
    (void)file_list(file_system_posix(), path, remove_file, path, &error);
    return remove_file(context, name);
}

static void remove_store(char *path)
{
    struct error error;
    (void)file_list(file_system_posix(), path, remove_folder, path, &error);
    (void)file_remove(file_system_posix(), path, &error);
}

enum bench_outcome bench_run(const struct bench_settings *settings,
                             const struct bench_workload *workload, struct bench_result *out_result)
{
    char store_path[FILE_PATH_BYTES_MAX], file_path[FILE_PATH_BYTES_MAX];
    struct error error;
    (void)snprintf(store_path, sizeof store_path, "%s/bench-%s", settings->directory,
                   workload->name);
    (void)snprintf(file_path, sizeof file_path, "%s/bench-%s.values", settings->directory,
                   workload->name);
    struct run run = {.settings = settings,
                      .workload = workload,
                      .store_path = store_path,
                      .file_path = file_path,
                      .result = out_result};
    *out_result = (struct bench_result){.workload = workload->name};
    remove_store(store_path);
    enum bench_outcome outcome = do_apart(&run, make_apart);
    if (outcome == BENCH_DONE) outcome = do_apart(&run, measure_apart);
    out_result->workload = workload->name;
    (void)file_remove(file_system_posix(), file_path, &error);
    if (!settings->keep) remove_store(store_path);
    return outcome;
}
