/* dump and digest: what is visible, as canonical text, and as one sum over it. */
#ifndef ENGINE_SHELL_DUMP_COMMAND_H
#define ENGINE_SHELL_DUMP_COMMAND_H

#include "engine/shell/command.h"

enum exit_code dump_run(const struct command *command, int argc, const char **argv);
enum exit_code digest_run(const struct command *command, int argc, const char **argv);

#endif
