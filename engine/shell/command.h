/* Command: one word behind `bede`, what it takes, and what it ends with. */
#ifndef ENGINE_SHELL_COMMAND_H
#define ENGINE_SHELL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* or done in part only */
    EXIT_WRONG_USAGE = 2,
    EXIT_DAMAGED = 3,
};

/* One thing that may stand behind a command, as --name or --name VALUE. */
struct option {
    const char *name;  /* with its dashes */
    const char *value; /* what its value is called in the help; NULL: it takes none */
    const char *help;
    const char **text; /* where the value goes, or a text when it takes none */
};

enum { COMMAND_OPTIONS_MAX = 12 };

struct arguments {
    const char **words; /* what is no option, in order; borrowed from argv */
    size_t word_count;
};

struct command {
    const char *name;
    const char *usage;   /* behind the name */
    const char *summary; /* one line */
    const char *details; /* more for `bede help NAME`; may be "" */
    enum exit_code (*run)(const struct command *command, int argc, const char **argv);
};

extern const struct command commands[];
extern const size_t commands_count;

/* Sorts argv into options and words. On a wrong one, says so on stderr and returns false; the
 * command then ends with EXIT_WRONG_USAGE. "--" ends the options. argv is reordered. */
bool arguments_parse(struct arguments *arguments, const struct command *command,
                     const struct option *options, size_t option_count, int argc,
                     const char **argv);

/* The same, for a command that takes options only. */
bool options_parse(const struct command *command, const struct option *options, size_t option_count,
                   int argc, const char **argv);

/* "bede NAME: …" on stderr; returns the code that fits. */
enum exit_code command_fail(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum exit_code command_misuse(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The nearest of several names, for "did you mean"; NULL when none is near. */
const char *nearest_name(const char *word, const char *const *names, size_t count);

#endif
