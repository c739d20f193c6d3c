/* Place: where the data is that a command works on: a directory. */
#ifndef ENGINE_SHELL_PLACE_H
#define ENGINE_SHELL_PLACE_H

#include "engine/bede.h"
#include "engine/shell/command.h"

#define PLACE_DEFAULT "./bede-data"

/* Rows for the option table of every command that needs a place. */
#define PLACE_OPTIONS(place)                                                                \
    {"--data", "DIR", "the store's directory (default: " PLACE_DEFAULT ")", &(place).data}, \
    {                                                                                       \
        "--server", "URL", "a server, as bede://host:port", &(place).server                 \
    }

struct place {
    const char *data;
    const char *server;
};

/* The directory, or NULL after saying on stderr why there is none. */
const char *place_directory(const struct place *place, const struct command *command);

/* Opens the store there, making it when make is set. NULL after saying why not. */
struct bede *place_open(const struct place *place, const struct command *command, bool make);

/* Closes; EXIT_FAILED when that failed, else code. */
enum exit_code place_close(struct bede *bede, const struct command *command, enum exit_code code);

#endif
