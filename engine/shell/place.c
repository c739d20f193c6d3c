#include "engine/shell/place.h"

#include <stdio.h>

const char *place_directory(const struct place *place, const struct command *command)
{
    if (place->server) {
        (void)command_fail(command, "%s: this version works on directories only; use --data",
                           place->server);
        return NULL;
    }
    return place->data ? place->data : PLACE_DEFAULT;
}

struct bede *place_open(const struct place *place, const struct command *command, bool make)
{
    const char *directory = place_directory(place, command);
    if (!directory) return NULL;
    struct bede *bede = NULL;
    struct bede_error error;
    struct bede_options options = {.flags = make ? 0 : BEDE_OPEN_EXISTING};
    int status = bede_open(&bede, directory, &options, &error);
    if (status == BEDE_NOT_FOUND) {
        (void)command_fail(command,
                           "%s: there is no store; `bede import` makes one, "
                           "--data DIR names another",
                           directory);
        return NULL;
    }
    if (status < 0) {
        (void)command_fail(command, "%s", error.text);
        return NULL;
    }
    struct bede_stats stats;
    if (bede_stats(bede, &stats, &error) == BEDE_OK && stats.damaged_count > 0) {
        (void)fprintf(stderr, "bede %s: warning: %llu damaged places in the log, first %s\n",
                      command->name, (unsigned long long)stats.damaged_count, stats.first_damage);
    }
    return bede;
}

enum exit_code place_close(struct bede *bede, const struct command *command, enum exit_code code)
{
    struct bede_error error;
    if (bede_close(bede, &error) < 0) return command_fail(command, "%s", error.text);
    return code;
}
