#include "engine/shell/care_commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/shell/place.h"

static void report_damage(void *context, const char *damage)
{
    (void)context;
    printf("%s\n", damage);
}

enum exit_code verify_run(const struct command *command, int argc, const char **argv)
{
    struct place place = {0};
    const char *deep = NULL;
    const struct option options[] = {
        PLACE_OPTIONS(place),
        {"--deep", NULL, "the same: everything is always read and checked", &deep},
    };
    struct arguments arguments;
    if (!arguments_parse(&arguments, command, options, sizeof options / sizeof options[0], argc,
                         argv)) {
        return EXIT_WRONG_USAGE;
    }
    if (arguments.word_count > 1) {
        return command_misuse(command, "unexpected \"%s\"", arguments.words[1]);
    }
    if (arguments.word_count == 1) place.data = arguments.words[0];
    const char *directory = place_directory(&place, command);
    if (!directory) return EXIT_FAILED;
    struct bede_error error;
    struct bede_verify_result result;
    int status = bede_verify(directory, report_damage, NULL, &result, &error);
    if (status == BEDE_NOT_FOUND) return command_fail(command, "%s: there is no store", directory);
    if (status < 0) return command_fail(command, "%s", error.text);
    printf("verified %" PRIu64 " blocks, %" PRIu64 " values, %" PRIu64 " damaged\n",
           result.block_count, result.sample_count, result.damaged_count);
    return result.damaged_count > 0 ? EXIT_DAMAGED : EXIT_DONE;
}

/* Every figure once: its key in JSON, and its line for people. */
struct figure {
    const char *key;
    const char *label;
    double value;
    const char *unit; /* "" for a count, else a number with decimals */
};

static void print_figures(const struct figure *figures, size_t count, bool as_json)
{
    for (size_t i = 0; i < count; i++) {
        const struct figure *figure = &figures[i];
        int decimals = figure->unit[0] ? 2 : 0;
        if (as_json) {
            printf("%s\"%s\": %.*f", i == 0 ? "{" : ", ", figure->key, decimals, figure->value);
        } else {
            printf("%-22s %16.*f%s%s\n", figure->label, decimals, figure->value,
                   figure->unit[0] ? " " : "", figure->unit);
        }
    }
    if (as_json) printf("}\n");
}

enum exit_code stats_run(const struct command *command, int argc, const char **argv)
{
    struct place place = {0};
    const char *json = NULL;
    const struct option options[] = {PLACE_OPTIONS(place),
                                     {"--json", NULL, "one JSON object", &json}};
    if (!options_parse(command, options, sizeof options / sizeof options[0], argc, argv)) {
        return EXIT_WRONG_USAGE;
    }
    struct bede *bede = place_open(&place, command, false);
    if (!bede) return EXIT_FAILED;
    struct bede_error error;
    struct bede_stats stats;
    if (bede_stats(bede, &stats, &error) < 0) {
        (void)command_fail(command, "%s", error.text);
        return place_close(bede, command, EXIT_FAILED);
    }
    double values = stats.sample_count > 0 ? (double)stats.sample_count : 1;
    double bytes = (double)(stats.segment_bytes + stats.catalog_bytes);
    const struct figure figures[] = {
        {"tags", "tags", (double)stats.tag_count, ""},
        {"values", "values", (double)stats.sample_count, ""},
        {"segments", "segments", (double)stats.segment_count, ""},
        {"segment_bytes", "bytes in segments", (double)stats.segment_bytes, ""},
        {"wal_bytes", "bytes in log files", (double)stats.wal_bytes, ""},
        {"catalog_bytes", "bytes in the catalog", (double)stats.catalog_bytes, ""},
        {"bytes_per_value", "bytes a value", bytes / values, "(segments and catalog)"},
        {"memory_bytes", "bytes of memory", (double)stats.memory_bytes, ""},
        {"recovered_values", "values from the log", (double)stats.recovered_count, ""},
        {"recovery_ms", "reading the log took", (double)stats.recovered_ns / 1e6, "ms"},
        {"damaged", "damaged places in log", (double)stats.damaged_count, ""},
    };
    print_figures(figures, sizeof figures / sizeof figures[0], json != NULL);
    return place_close(bede, command, EXIT_DONE);
}

enum exit_code compact_run(const struct command *command, int argc, const char **argv)
{
    struct place place = {0};
    const char *all = NULL;
    const struct option options[] = {
        PLACE_OPTIONS(place),
        {"--all", NULL, "into one a month, or a day, whatever their sizes", &all}};
    if (!options_parse(command, options, sizeof options / sizeof options[0], argc, argv)) {
        return EXIT_WRONG_USAGE;
    }
    struct bede *bede = place_open(&place, command, false);
    if (!bede) return EXIT_FAILED;
    struct bede_error error;
    struct bede_stats before, after;
    int status = bede_flush(bede, &error);
    if (status >= 0) status = bede_stats(bede, &before, &error);
    if (status >= 0) status = bede_compact(bede, all != NULL, &error);
    if (status >= 0) status = bede_stats(bede, &after, &error);
    if (status < 0) {
        (void)command_fail(command, "%s", error.text);
        return place_close(bede, command, EXIT_FAILED);
    }
    printf("%" PRIu64 " segments of %" PRIu64 " bytes before, %" PRIu64 " of %" PRIu64 " after\n",
           before.segment_count, before.segment_bytes, after.segment_count, after.segment_bytes);
    return place_close(bede, command, EXIT_DONE);
}
