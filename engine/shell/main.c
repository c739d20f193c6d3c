/* bede: the command line. One binary, sub-commands as in git. */
#include <stdio.h>
#include <string.h>

#include "engine/bede.h"
#include "engine/shell/bench_command.h"
#include "engine/shell/care_commands.h"
#include "engine/shell/command.h"
#include "engine/shell/dump_command.h"
#include "engine/shell/import_command.h"
#include "engine/shell/tags_command.h"

static enum exit_code help_run(const struct command *command, int argc, const char **argv);

const struct command commands[] = {
    {"import",
     "FILE… | - [--format long|wide] [--unit s|ms|us|ns] [--zone Z] [--tag-prefix P] [--batch N] "
     "[--reject FILE] [--progress] [--data DIR]",
     "read values from CSV files; makes the store if there is none",
     "long:  a header  tag,ts,value[,quality]  and one value a line\n"
     "wide:  a header  ts,TAG,TAG,…  and one time a line; empty fields are no values\n"
     "ts is RFC 3339, or an integer in --unit (default ns). --zone is the offset of times that\n"
     "have none: UTC (default) or +HH:MM. Tags that are not there are made: f64 when the text is\n"
     "a number, else text. Lines that cannot be stored go to --reject with the reason in a column\n"
     "$reason; corrected, that file is imported as it is.\n",
     import_run},
    {"dump", "[--tags GLOB] [--from T] [--to T] [--data DIR]",
     "print what is visible, one line a value, in canonical form",
     "tag,ts_ns,type,value,quality  sorted by tag, then time. Stores of equal content print equal\n"
     "bytes.\n",
     dump_run},
    {"digest", "[--tags GLOB] [--from T] [--to T] [--data DIR]",
     "count and 128-bit sum over what dump prints", "Equal exactly when the dumps are.\n",
     digest_run},
    {"verify", "[DIR] [--deep]", "read and check every byte; one line a damage",
     "Ends with 0 when all is well, 3 when damage was found.\n", verify_run},
    {"stats", "[--json] [--data DIR]", "tags, values, bytes by kind, memory", "", stats_run},
    {"compact", "[--all] [--data DIR]", "merge segments until nothing is left to do", "",
     compact_run},
    {"bench",
     "[WORKLOAD…] [--json] [--data DIR | --keep DIR] [--export DIR] [--scale S] [--seed N]",
     "measure this machine with the workloads of the benchmark",
     "plant     1,000 tags at 1 s for 3 hours: 10.8 million values\n"
     "single    one tag, 50 million values at 10 ms\n"
     "slow      1,000,000 tags, one value a minute, 30 of each\n"
     "backfill  the plant, its middle third loaded last\n"
     "ett, nab, skab, rosa   real data, from folders of these names in $BEDE_DATA_DIR (default\n"
     "                       ../shared/data); left out when they are not there\n"
     "Without names, all of them. Works in --data (default ./bench-data), which takes up to 2 GB;\n"
     "--keep DIR works there and leaves the stores. Each workload runs in a process of its own:\n"
     "append (durable), flush and merge, questions, each the median of several runs, warm. Behind\n"
     "a figure stands what it must reach. --scale 0.01 runs a hundredth, and holds nothing\n"
     "against that. --export DIR writes NAME.csv (for import --unit ms) and NAME.tags.csv "
     "instead.\n",
     bench_command_run},
    {"tags", "list [GLOB] | export [GLOB] | import FILE|- [--dry-run] [--data DIR]",
     "what is recorded: list, write as CSV, change from CSV",
     "export, edit, import: rows are found by their id, else by name; new names make new tags.\n"
     "import prints what changes before it does it; with --dry-run it only prints.\n",
     tags_run},
    {"help", "[COMMAND]", "this list, or all about one command", "", help_run},
};
const size_t commands_count = sizeof commands / sizeof commands[0];

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static enum exit_code command_is_unknown(const char *name)
{
    const char *names[sizeof commands / sizeof commands[0]];
    for (size_t i = 0; i < commands_count; i++) names[i] = commands[i].name;
    const char *nearest = nearest_name(name, names, commands_count);
    (void)fprintf(stderr, "bede: there is no command \"%s\"", name);
    if (nearest) (void)fprintf(stderr, "; did you mean \"%s\"?", nearest);
    (void)fprintf(stderr, "\n`bede help` lists them.\n");
    return EXIT_WRONG_USAGE;
}

static void print_help(const struct command *command)
{
    printf("bede %s %s\n\n%s\n", command->name, command->usage, command->summary);
    if (command->details[0]) printf("\n%s", command->details);
}

static enum exit_code help_run(const struct command *command, int argc, const char **argv)
{
    (void)command;
    if (argc > 0) {
        const struct command *asked = command_find(argv[0]);
        if (!asked) return command_is_unknown(argv[0]);
        print_help(asked);
        return EXIT_DONE;
    }
    printf("bede %s, a historian for plants\n\n", bede_version());
    for (size_t i = 0; i < commands_count; i++) {
        printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    printf("\nbede help COMMAND says more. Data lies in ./bede-data unless --data DIR says "
           "otherwise.\nEnds with 0 when done, 1 when it failed or was done in part, 2 on wrong "
           "usage.\n");
    return EXIT_DONE;
}

static bool asks_for_help(int argc, const char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    const char **words = (const char **)(void *)(argv + 1);
    int count = argc - 1;
    if (count == 0 || strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
        return (int)help_run(NULL, 0, NULL);
    }
    if (strcmp(words[0], "--version") == 0) {
        printf("bede %s\n", bede_version());
        return EXIT_DONE;
    }
    const struct command *command = command_find(words[0]);
    if (!command) return (int)command_is_unknown(words[0]);
    if (asks_for_help(count - 1, words + 1)) {
        print_help(command);
        return EXIT_DONE;
    }
    return (int)command->run(command, count - 1, words + 1);
}
