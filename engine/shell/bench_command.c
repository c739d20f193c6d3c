#include "engine/shell/bench_command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/shell/bench_export.h"
#include "engine/shell/bench_machine.h"
#include "engine/shell/bench_run.h"
#include "storage/base/file.h"
#include "storage/base/text.h"

#define DIRECTORY_DEFAULT "./bench-data"
#define DATA_DIRECTORY_DEFAULT "../shared/data"

enum { WORKLOADS_MAX = 16 };

struct bench_texts {
    const char *data, *keep, *export, *scale, *seed, *json;
};

static const struct bench_workload *workload_find(const char *name)
{
    for (size_t i = 0; i < bench_workloads_count; i++) {
        if (strcmp(bench_workloads[i].name, name) == 0) return &bench_workloads[i];
    }
    return NULL;
}

/* The workloads named, or all. False after saying which there is none of. */
static bool workloads_choose(const struct command *command, const struct arguments *arguments,
                             const struct bench_workload **out_chosen, size_t *out_count)
{
    size_t count = arguments->word_count > 0 ? arguments->word_count : bench_workloads_count;
    if (count > WORKLOADS_MAX) {
        (void)command_misuse(command, "more than %d workloads", WORKLOADS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        out_chosen[i] =
            arguments->word_count > 0 ? workload_find(arguments->words[i]) : &bench_workloads[i];
        if (out_chosen[i]) continue;
        (void)command_misuse(command, "there is no workload \"%s\"", arguments->words[i]);
        return false;
    }
    *out_count = count;
    return true;
}

static bool settings_read(struct bench_settings *settings, const struct bench_texts *texts)
{
    const struct command *command = settings->command;
    int64_t seed = 1;
    settings->scale = 1;
    if (texts->scale && (!text_to_double(texts->scale, strlen(texts->scale), &settings->scale) ||
                         !(settings->scale > 0 && settings->scale <= 1))) {
        (void)command_misuse(command, "--scale %s: use a number above 0, up to 1", texts->scale);
        return false;
    }
    if (texts->seed && !text_to_i64(texts->seed, strlen(texts->seed), &seed)) {
        (void)command_misuse(command, "--seed %s: use a whole number", texts->seed);
        return false;
    }
    settings->seed = (uint64_t)seed;
    settings->keep = texts->keep != NULL;
    settings->directory = DIRECTORY_DEFAULT;
    if (texts->data) settings->directory = texts->data;
    if (texts->export) settings->directory = texts->export;
    if (texts->keep) settings->directory = texts->keep;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread runs yet */
    settings->data_directory = getenv("BEDE_DATA_DIR");
    if (!settings->data_directory) settings->data_directory = DATA_DIRECTORY_DEFAULT;
    return true;
}

/* How the plant with its middle third late compares with the plant in order. */
static void add_comparison(struct bench_result *late, const struct bench_result *plant)
{
    static const struct {
        enum bench_figure_kind of;
        enum bench_figure_kind kind;
    } rows[] = {{FIGURE_APPEND, FIGURE_AGAINST_SPEED}, {FIGURE_BYTES, FIGURE_AGAINST_BYTES}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct bench_figure *mine = bench_result_find(late, rows[i].of);
        const struct bench_figure *theirs = bench_result_find(plant, rows[i].of);
        if (!mine || !theirs) continue;
        late->figures[late->count++] = (struct bench_figure){.kind = (int32_t)rows[i].kind,
                                                             .value = mine->value / theirs->value};
    }
}

static enum exit_code run_all(const struct bench_settings *settings,
                              const struct bench_workload *const *workloads, size_t count,
                              bool as_json)
{
    static struct bench_result results[WORKLOADS_MAX];
    const struct bench_result *plant = NULL;
    bool with_floors = settings->scale == 1;
    bool all_done = true;
    size_t printed = 0;
    for (size_t i = 0; i < count; i++) {
        enum bench_outcome outcome = bench_run(settings, workloads[i], &results[i]);
        all_done = all_done && outcome != BENCH_FAILED;
        if (outcome == BENCH_SKIPPED) {
            (void)fprintf(stderr, "bede bench: %s: skipped, no files in %s/%s (BEDE_DATA_DIR)\n",
                          workloads[i]->name, settings->data_directory, workloads[i]->name);
        }
        if (outcome != BENCH_DONE) continue;
        if (strcmp(workloads[i]->name, "plant") == 0) plant = &results[i];
        if (workloads[i]->middle_last && plant) add_comparison(&results[i], plant);
        if (as_json) {
            printf(printed++ > 0 ? ",\n  " : "\n  ");
            bench_result_print_json(&results[i], with_floors);
        } else {
            bench_result_print(&results[i], with_floors);
        }
    }
    return all_done ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code run_and_print(const struct bench_settings *settings,
                                    const struct bench_workload *const *workloads, size_t count,
                                    bool as_json)
{
    struct bench_machine machine;
    struct error error;
    if (bench_machine_read(&machine, settings->directory, &error) < 0) {
        return command_fail(settings->command, "%s", error.text);
    }
    if (!as_json) {
        bench_machine_print(&machine);
        return run_all(settings, workloads, count, false);
    }
    printf("{\"machine\": ");
    bench_machine_print_json(&machine);
    printf(", \"scale\": %g, \"seed\": %llu, \"workloads\": [", settings->scale,
           (unsigned long long)settings->seed);
    enum exit_code code = run_all(settings, workloads, count, true);
    printf("]}\n");
    return code;
}

static enum status export_workload(const struct bench_settings *settings,
                                   const struct bench_workload *workload, struct error *error)
{
    char path[FILE_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/bench-%s.values", settings->directory, workload->name);
    struct workload_file *file = NULL;
    enum status status = bench_make(settings, workload, path, error);
    if (status == STATUS_NOT_FOUND) {
        status = error_set(error, STATUS_BAD_INPUT, "%s: no files in %s/%s (BEDE_DATA_DIR)",
                           workload->name, settings->data_directory, workload->name);
    }
    if (status >= 0) status = workload_file_open(&file, path, error);
    if (status >= 0) status = bench_export(file, settings->directory, workload->name, error);
    workload_file_close(file);
    struct error ignored;
    (void)file_remove(file_system_posix(), path, &ignored); /* it may never have been made */
    return status;
}

static enum exit_code export_all(const struct bench_settings *settings,
                                 const struct bench_workload *const *workloads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error error;
        if (export_workload(settings, workloads[i], &error) < 0) {
            return command_fail(settings->command, "%s", error.text);
        }
    }
    return EXIT_DONE;
}

enum exit_code bench_command_run(const struct command *command, int argc, const char **argv)
{
    struct bench_texts texts = {0};
    const struct option options[] = {
        {"--data", "DIR", "where to work (default: " DIRECTORY_DEFAULT ")", &texts.data},
        {"--keep", "DIR", "the same, and leave the stores there", &texts.keep},
        {"--export", "DIR", "write the workloads there as CSV instead", &texts.export},
        {"--scale", "S", "a part of the workloads, above 0 and up to 1", &texts.scale},
        {"--seed", "N", "of the values (default: 1)", &texts.seed},
        {"--json", NULL, "one JSON object", &texts.json},
    };
    struct bench_settings settings = {.command = command};
    struct arguments arguments;
    const struct bench_workload *workloads[WORKLOADS_MAX];
    size_t count;
    if (!arguments_parse(&arguments, command, options, sizeof options / sizeof options[0], argc,
                         argv) ||
        !workloads_choose(command, &arguments, workloads, &count) ||
        !settings_read(&settings, &texts)) {
        return EXIT_WRONG_USAGE;
    }
    struct error error;
    if (file_create_directory(file_system_posix(), settings.directory, &error) < 0) {
        return command_fail(command, "%s", error.text);
    }
    if (texts.export) return export_all(&settings, workloads, count);
    return run_and_print(&settings, workloads, count, texts.json != NULL);
}
