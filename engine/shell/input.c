#include "engine/shell/input.h"

#include <errno.h>
#include <string.h>

#include "engine/shell/command.h"

bool input_open(struct input *input, const struct command *command, const char *path)
{
    bool is_standard = strcmp(path, "-") == 0;
    *input = (struct input){.file = is_standard ? stdin : fopen(path, "rb"),
                            .name = is_standard ? "standard input" : path};
    if (input->file) return true;
    (void)command_fail(command, "%s: cannot open: %s", path, strerrordesc_np(errno));
    return false;
}

void input_close(struct input *input)
{
    if (input->file && input->file != stdin) (void)fclose(input->file);
    input->file = NULL;
}

enum status input_read(void *context, char *target, size_t target_bytes, size_t *out_size,
                       struct error *error)
{
    struct input *input = context;
    *out_size = fread(target, 1, target_bytes, input->file);
    if (*out_size == 0 && ferror(input->file)) {
        return error_set(error, STATUS_IO, "%s: cannot read", input->name);
    }
    return STATUS_OK;
}
