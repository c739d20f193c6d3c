/* The public face: a store is opened and closed. Its files check what comes from outside, turn columns
 * into batches and back, and leave the rest to the store. */
#include <stdlib.h>

#include "engine/border.h"

const char *bede_version(void)
{
    return BEDE_VERSION;
}

int bede_open(struct bede **out_bede, const char *path, const struct bede_options *options,
              struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct bede_options defaults = {0};
    if (!options) options = &defaults;
    if (options->sync > BEDE_SYNC_NONE) {
        return report(
            error_set(&inner, STATUS_BAD_INPUT, "sync %u is no enum bede_sync", options->sync),
            &inner, error);
    }
    struct bede *bede = calloc(1, sizeof *bede);
    if (!bede) return report(error_set(&inner, STATUS_NO_MEMORY, "%s", path), &inner, error);
    struct store_options inside = {
        .path = path,
        .name_space = options->name_space,
        .memory_bytes_max = options->memory_bytes_max,
        .wal_bytes_max = options->wal_bytes_max,
        .wal_file_bytes = options->wal_file_bytes,
        .policy = (enum wal_policy)options->sync,
        .sync_interval_ms = options->sync_interval_ms,
        .flush_interval_s = options->flush_interval_s,
        .existing_only = options->flags & BEDE_OPEN_EXISTING,
    };
    enum status status = store_open(&bede->store, &inside, &inner);
    if (status != STATUS_OK) {
        free(bede);
        return report(status, &inner, error);
    }
    *out_bede = bede;
    return BEDE_OK;
}

int bede_close(struct bede *bede, struct bede_error *error)
{
    if (!bede) return BEDE_OK;
    struct error inner;
    enum status status = store_close(bede->store, &inner);
    free(bede);
    return report(status, &inner, error);
}

void bede_free(void *memory)
{
    free(memory);
}
