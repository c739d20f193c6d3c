#include "engine/shell/selection.h"

#include <string.h>

#include "storage/base/text.h"
#include "storage/base/time_text.h"

static bool time_read(const struct command *command, const char *option, const char *text,
                      int64_t *out_ns)
{
    size_t size = strlen(text);
    if (text_to_i64(text, size, out_ns) || time_text_to_ns(text, size, 0, out_ns)) return true;
    (void)command_misuse(command,
                         "%s: \"%s\" is no time; write 2026-03-01T06:00:00Z or nanoseconds "
                         "since 1970",
                         option, text);
    return false;
}

bool selection_range(const struct selection *selection, const struct command *command,
                     struct bede_read *out_read)
{
    struct bede_read read = {.from_ns = INT64_MIN, .to_ns = INT64_MAX};
    if (selection->from && !time_read(command, "--from", selection->from, &read.from_ns)) {
        return false;
    }
    if (selection->to && !time_read(command, "--to", selection->to, &read.to_ns)) return false;
    *out_read = read;
    return true;
}

static bool read_tag(const struct command *command, struct bede *bede, uint32_t tag,
                     const struct bede_read *read,
                     int (*visit)(void *context, const char *name,
                                  const struct bede_columns *columns),
                     void *context)
{
    struct bede_error error;
    struct bede_tag_info info;
    struct bede_cursor *cursor = NULL;
    struct bede_columns columns;
    int status = bede_tag_info(bede, tag, &info, &error);
    if (status == BEDE_NOT_FOUND) return true; /* dropped meanwhile */
    if (status == BEDE_OK) status = bede_cursor_open(&cursor, bede, tag, read, &error);
    while (status == BEDE_OK) {
        status = bede_cursor_next(cursor, &columns, &error);
        if (status == BEDE_OK && visit(context, info.definition.name, &columns) < 0) {
            bede_cursor_close(cursor);
            bede_tag_info_free(&info);
            return false;
        }
    }
    bede_cursor_close(cursor);
    bede_tag_info_free(&info);
    if (status == BEDE_END) return true;
    (void)command_fail(command, "%s", error.text);
    return false;
}

bool selection_read(const struct selection *selection, const struct command *command,
                    struct bede *bede,
                    int (*visit)(void *context, const char *name,
                                 const struct bede_columns *columns),
                    void *context)
{
    struct bede_read read;
    struct bede_error error;
    uint32_t *tags;
    size_t count;
    if (!selection_range(selection, command, &read)) return false;
    if (bede_tags_match(bede, selection->pattern, &tags, &count, &error) < 0) {
        (void)command_fail(command, "%s", error.text);
        return false;
    }
    bool done = true;
    for (size_t i = 0; i < count && done; i++) {
        done = read_tag(command, bede, tags[i], &read, visit, context);
    }
    bede_free(tags);
    return done;
}
