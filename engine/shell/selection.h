/* Selection: which tags and which times a command looks at. */
#ifndef ENGINE_SHELL_SELECTION_H
#define ENGINE_SHELL_SELECTION_H

#include "engine/bede.h"
#include "engine/shell/command.h"

#define SELECTION_OPTIONS(selection)                                                          \
    {"--tags", "GLOB", "only tags whose name matches (default: all)", &(selection).pattern},  \
        {"--from", "TIME", "from this time on (RFC 3339, or integer ns)", &(selection).from}, \
    {                                                                                         \
        "--to", "TIME", "before this time", &(selection).to                                   \
    }

struct selection {
    const char *pattern;
    const char *from;
    const char *to;
};

/* False after saying on stderr what is wrong. */
bool selection_range(const struct selection *selection, const struct command *command,
                     struct bede_read *out_read);

/* Calls visit(context, name, columns) for every stretch of every selected tag that is not the
 * store's own ($…), tags sorted by name; a negative answer ends it. False after saying why. */
bool selection_read(const struct selection *selection, const struct command *command,
                    struct bede *bede,
                    int (*visit)(void *context, const char *name,
                                 const struct bede_columns *columns),
                    void *context);

#endif
