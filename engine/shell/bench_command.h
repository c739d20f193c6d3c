/* Command bench: the workloads of the benchmark on this machine, as one table. */
#ifndef ENGINE_SHELL_BENCH_COMMAND_H
#define ENGINE_SHELL_BENCH_COMMAND_H

#include "engine/shell/command.h"

enum exit_code bench_command_run(const struct command *command, int argc, const char **argv);

#endif
