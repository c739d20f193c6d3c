/* The public face of care: flushing, merging, figures, checking. */
#include <string.h>

#include "engine/border.h"

int bede_flush(struct bede *bede, struct bede_error *error)
{
    struct error inner;
    return report(store_flush(bede->store, &inner), &inner, error);
}

int bede_compact(struct bede *bede, int all, struct bede_error *error)
{
    struct error inner;
    return report(store_compact(bede->store, all != 0, &inner), &inner, error);
}

int bede_stats(struct bede *bede, struct bede_stats *out_stats, struct bede_error *error)
{
    struct error inner;
    struct store_statistics inside;
    enum status status = store_statistics(bede->store, &inside, &inner);
    if (status < 0) return report(status, &inner, error);
    *out_stats = (struct bede_stats){
        .tag_count = inside.tag_count,
        .sample_count = inside.sample_count,
        .segment_count = inside.segment_count,
        .segment_bytes = inside.segment_bytes,
        .wal_bytes = inside.wal_bytes,
        .catalog_bytes = inside.catalog_bytes,
        .memory_bytes = inside.memory_bytes,
        .appended_count = inside.appended_count,
        .late_count = inside.late_count,
        .flush_count = inside.flush_count,
        .compaction_count = inside.compaction_count,
        .recovered_count = inside.recovery.sample_count,
        .recovered_ns = inside.recovery_ns,
        .damaged_count = inside.recovery.damaged_count + inside.bad_record_count,
        .torn_bytes = inside.recovery.torn_bytes,
    };
    memcpy(out_stats->first_damage, inside.recovery.first_damage, sizeof out_stats->first_damage);
    return BEDE_OK;
}

int bede_verify(const char *path, void (*report_damage)(void *context, const char *damage),
                void *context, struct bede_verify_result *out_result, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct store_check check = {0};
    enum status status =
        store_verify(file_system_posix(), path, report_damage, context, &check, &inner);
    if (status == STATUS_OK) {
        *out_result = (struct bede_verify_result){
            .block_count = check.block_count,
            .sample_count = check.sample_count,
            .damaged_count = check.damaged_count,
        };
    }
    return report(status, &inner, error);
}
