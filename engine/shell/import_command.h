/* import: values from CSV files into a store. */
#ifndef ENGINE_SHELL_IMPORT_COMMAND_H
#define ENGINE_SHELL_IMPORT_COMMAND_H

#include "engine/shell/command.h"

enum exit_code import_run(const struct command *command, int argc, const char **argv);

#endif
