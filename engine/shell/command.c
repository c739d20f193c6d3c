#include "engine/shell/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"

__attribute__((format(printf, 2, 0))) static void complain(const struct command *command,
                                                           const char *format, va_list arguments)
{
    (void)fprintf(stderr, "bede %s: ", command->name);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

enum exit_code command_fail(const struct command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(command, format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

enum exit_code command_misuse(const struct command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(command, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "usage: bede %s %s\n", command->name, command->usage);
    return EXIT_WRONG_USAGE;
}

const char *nearest_name(const char *word, const char *const *names, size_t count)
{
    enum { DISTANCE_MAX = 3 };
    const char *nearest = NULL;
    unsigned least = DISTANCE_MAX + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = text_distance(word, names[i], DISTANCE_MAX);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

static const struct option *option_find(const struct option *options, size_t count,
                                        const char *word, size_t name_bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(options[i].name) == name_bytes &&
            memcmp(options[i].name, word, name_bytes) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static bool option_is_unknown(const struct command *command, const struct option *options,
                              size_t count, const char *word)
{
    const char *names[COMMAND_OPTIONS_MAX];
    for (size_t i = 0; i < count; i++) names[i] = options[i].name;
    const char *nearest = nearest_name(word, names, count);
    if (nearest) {
        (void)command_misuse(command, "unknown option %s (did you mean %s?)", word, nearest);
    } else {
        (void)command_misuse(command, "unknown option %s", word);
    }
    return false;
}

/* Takes the option at argv[*index], with its value from behind '=' or from the next word. */
static bool option_take(const struct command *command, const struct option *options, size_t count,
                        int argc, const char **argv, int *index)
{
    const char *word = argv[*index];
    const char *equals = strchr(word, '=');
    size_t name_bytes = equals ? (size_t)(equals - word) : strlen(word);
    const struct option *option = option_find(options, count, word, name_bytes);
    if (!option) return option_is_unknown(command, options, count, word);
    if (!option->value && equals) {
        (void)command_misuse(command, "%s takes no value", option->name);
        return false;
    }
    if (!option->value) {
        *option->text = option->name;
        return true;
    }
    if (!equals && *index + 1 == argc) {
        (void)command_misuse(command, "%s needs a value: %s", option->name, option->value);
        return false;
    }
    *option->text = equals ? equals + 1 : argv[++*index];
    return true;
}

bool arguments_parse(struct arguments *arguments, const struct command *command,
                     const struct option *options, size_t option_count, int argc, const char **argv)
{
    *arguments = (struct arguments){.words = argv};
    bool options_ended = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (options_ended || word[0] != '-' || word[1] == 0) {
            argv[arguments->word_count++] = word;
        } else if (!option_take(command, options, option_count, argc, argv, &i)) {
            return false;
        }
    }
    return true;
}

bool options_parse(const struct command *command, const struct option *options, size_t option_count,
                   int argc, const char **argv)
{
    struct arguments arguments;
    if (!arguments_parse(&arguments, command, options, option_count, argc, argv)) return false;
    if (arguments.word_count == 0) return true;
    (void)command_misuse(command, "unexpected \"%s\"", arguments.words[0]);
    return false;
}
