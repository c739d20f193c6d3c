/* Border: how what is public and what is the store's become one another. Inside the library only. */
#ifndef ENGINE_BORDER_H
#define ENGINE_BORDER_H

#include <stdbool.h>
#include <string.h>

#include "engine/bede.h"
#include "storage/base/arena.h"
#include "storage/base/status.h"
#include "storage/batch.h"
#include "storage/store.h"

struct bede {
    struct store *store;
};

/* The public result for a status. A failure's error goes to *error, which may be NULL. */
static inline int report(enum status status, const struct error *inner, struct bede_error *error)
{
    if (status < 0 && error) {
        error->status = status;
        error->os_errno = inner->os_errno;
        memcpy(error->text, inner->text, sizeof error->text);
    }
    return status;
}

const char *text_or_empty(const char *text);

/* Of one value in a public column. */
size_t type_bytes(uint8_t type);

/* A view. */
struct bede_text text_outside(uint64_t bits);

/* Columns as the outside sees them: views where the form is the same, else copies in the arena. */
enum status columns_outside(const struct batch *batch, struct arena *arena, bool history,
                            struct bede_columns *out_columns, struct error *error);

#endif
