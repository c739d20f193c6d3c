/* verify, stats and compact: looking after a store. */
#ifndef ENGINE_SHELL_CARE_COMMANDS_H
#define ENGINE_SHELL_CARE_COMMANDS_H

#include "engine/shell/command.h"

enum exit_code verify_run(const struct command *command, int argc, const char **argv);
enum exit_code stats_run(const struct command *command, int argc, const char **argv);
enum exit_code compact_run(const struct command *command, int argc, const char **argv);

#endif
