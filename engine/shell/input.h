/* Input: a file named on the command line, or "-" for standard input, as a source of CSV. */
#ifndef ENGINE_SHELL_INPUT_H
#define ENGINE_SHELL_INPUT_H

#include <stdio.h>

#include "engine/shell/command.h"
#include "storage/base/status.h"

struct input {
    FILE *file;
    const char *name; /* for messages; borrowed from path */
};

/* False after saying why not. */
bool input_open(struct input *input, const struct command *command, const char *path);
void input_close(struct input *input);

/* A csv_source; context is the struct input. */
enum status input_read(void *context, char *target, size_t target_bytes, size_t *out_size,
                       struct error *error);

#endif
