/* tags: what is recorded, as a list, as CSV, and changed from CSV. */
#ifndef ENGINE_SHELL_TAGS_COMMAND_H
#define ENGINE_SHELL_TAGS_COMMAND_H

#include "engine/shell/command.h"

enum exit_code tags_run(const struct command *command, int argc, const char **argv);

#endif
