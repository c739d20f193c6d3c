/* Verify: reads and checks every byte of a store that nobody has open.
 *
 * Each file answers for itself (checksums, order, counts, digests); what several files say of the
 * same thing is compared here. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/disk_names.h"
#include "storage/frontier.h"
#include "storage/manifest.h"
#include "storage/store.h"

struct verify {
    struct file_system *file_system;
    const char *path;
    void (*report)(void *context, const char *text);
    void *context;
    struct store_check check;
    struct manifest *manifest;
    struct identity_map *identities;
    uint64_t wal_sample_count;
};

static void verify_report(struct verify *verify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void verify_report(struct verify *verify, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    verify->check.damaged_count++;
    verify->report(verify->context, text);
}

/* Damage is reported and left behind; any other failure ends the check. */
static enum status verify_damage(struct verify *verify, enum status status,
                                 const struct error *error)
{
    if (status != STATUS_CORRUPT) return status;
    verify_report(verify, "%s", error->text);
    return STATUS_OK;
}

static void verify_path(const struct verify *verify, char *target, const char *directory,
                        const char *format, uint64_t number)
{
    char name[64];
    /* The formats are those of disk_names.h. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(name, sizeof name, format, number);
#pragma GCC diagnostic pop
    (void)snprintf(target, FILE_PATH_BYTES_MAX, "%s/%s/%s", verify->path, directory, name);
}

static enum status verify_mixed_identities(struct verify *verify, struct segment *segment,
                                           uint64_t *unknown_count, struct error *error)
{
    struct mixed_walk walk;
    struct identity identity;
    struct batch batch;
    mixed_walk_init(&walk, segment);
    enum status status;
    do { /* a damaged block was reported before */
        status = mixed_walk_next(&walk, &identity, &batch, error);
        if (status != STATUS_OK) continue;
        if (identity_map_find(verify->identities, identity) == TAG_NONE) ++*unknown_count;
    } while (status == STATUS_OK || status == STATUS_CORRUPT);
    mixed_walk_finish(&walk);
    return status == STATUS_END ? STATUS_OK : status;
}

/* Every tag that a segment speaks of has a number. */
static enum status verify_identities(struct verify *verify, struct segment *segment,
                                     struct error *error)
{
    struct segment_walk walk;
    struct segment_index_entry entry;
    uint64_t unknown_count = 0;
    segment_walk_init(&walk, segment);
    enum status status;
    while ((status = segment_walk_next(&walk, &entry, error)) == STATUS_OK) {
        if (identity_map_find(verify->identities, entry.identity) == TAG_NONE) unknown_count++;
    }
    bool is_over = status == STATUS_END || status == STATUS_CORRUPT;
    if (is_over) status = verify_mixed_identities(verify, segment, &unknown_count, error);
    if (unknown_count > 0) {
        verify_report(verify, "%s: %" PRIu64 " tags are missing in the identity map",
                      segment_path(segment), unknown_count);
    }
    return status;
}

static enum status verify_segment(struct verify *verify, const struct manifest_segment *listed,
                                  struct error *error)
{
    char directory[FILE_PATH_BYTES_MAX];
    (void)snprintf(directory, sizeof directory, "%s/%s", verify->path, DISK_SEGMENT_DIRECTORY);
    struct segment *segment = NULL;
    enum status status =
        segment_open(&segment, verify->file_system, directory, listed->number, error);
    if (status == STATUS_NOT_FOUND) {
        verify_report(verify, "%s/" DISK_SEGMENT_FORMAT ": missing, with %" PRIu64 " samples",
                      directory, listed->number, listed->sample_count);
        return STATUS_OK;
    }
    if (status < 0) return verify_damage(verify, status, error);

    if (segment_footer(segment)->sample_count != listed->sample_count ||
        segment_bytes(segment) != listed->size_bytes) {
        verify_report(verify,
                      "%s: holds %" PRIu64 " samples in %" PRIu64
                      " bytes, the manifest says %" PRIu64 " in %" PRIu64,
                      segment_path(segment), segment_footer(segment)->sample_count,
                      segment_bytes(segment), listed->sample_count, listed->size_bytes);
    }
    struct segment_check check = {0};
    status = segment_verify(segment, verify->report, verify->context, &check, error);
    verify->check.block_count += check.block_count;
    verify->check.sample_count += check.sample_count;
    verify->check.damaged_count += check.damaged_count;
    if (status == STATUS_OK) status = verify_identities(verify, segment, error);
    segment_unref(segment);
    return verify_damage(verify, status, error);
}

static enum status verify_catalog(struct verify *verify, struct error *error)
{
    const struct manifest_state *state = manifest_state(verify->manifest);
    char path[FILE_PATH_BYTES_MAX];
    enum status status = STATUS_OK;
    if (state->snapshot_number != 0) {
        struct catalog *catalog = NULL;
        struct journal_position *positions = NULL;
        size_t count = 0;
        verify_path(verify, path, DISK_CATALOG_DIRECTORY, DISK_SNAPSHOT_FORMAT,
                    state->snapshot_number);
        status = catalog_create(&catalog, verify->identities, error);
        if (status < 0) return status;
        status =
            catalog_snapshot_read(catalog, verify->file_system, path, &positions, &count, error);
        free(positions);
        catalog_destroy(catalog);
        if (status == STATUS_NOT_FOUND) verify_report(verify, "%s: missing", path);
        status = verify_damage(verify, status, error);
    }
    if (status >= 0 && state->frontier_number != 0) {
        struct frontier_table *frontiers = frontier_table_create();
        if (!frontiers) return error_set(error, STATUS_NO_MEMORY, "frontiers");
        verify_path(verify, path, DISK_CATALOG_DIRECTORY, DISK_FRONTIER_FORMAT,
                    state->frontier_number);
        status = frontier_table_read(frontiers, verify->file_system, path, error);
        frontier_table_destroy(frontiers);
        if (status == STATUS_NOT_FOUND) verify_report(verify, "%s: missing", path);
        status = verify_damage(verify, status, error);
    }
    return status < 0 ? status : STATUS_OK;
}

static enum status verify_count_frame(void *context, const struct batch *batch, uint64_t sequence,
                                      struct error *error)
{
    struct verify *verify = context;
    (void)sequence, (void)error;
    uint32_t count = identity_map_count(verify->identities);
    for (size_t i = 0; i < batch->sample_count; i++) {
        if (batch_tag(batch, i) < count) continue;
        verify_report(verify, "log frame %" PRIu64 ": tag %u is missing in the identity map",
                      sequence, batch_tag(batch, i));
        break;
    }
    verify->wal_sample_count += batch->sample_count;
    return STATUS_OK;
}

static enum status verify_applied(void *context, uint64_t sequence, uint64_t position,
                                  struct error *error)
{
    (void)context, (void)sequence, (void)position, (void)error;
    return STATUS_OK;
}

static enum status verify_wal(struct verify *verify, struct error *error)
{
    const struct manifest_state *state = manifest_state(verify->manifest);
    char directory[FILE_PATH_BYTES_MAX];
    (void)snprintf(directory, sizeof directory, "%s/%s", verify->path, DISK_WAL_DIRECTORY);
    struct wal_options options = {
        .file_system = verify->file_system,
        .directory = directory,
        .store = state->store,
        .file_bytes = state->wal_file_bytes,
        .was_used = identity_map_count(verify->identities) > state->generation_count,
        .apply = verify_count_frame,
        .applied = verify_applied,
        .context = verify,
    };
    struct wal_recovery recovery;
    enum status status =
        wal_inspect(&options, state->flushed_position, state->flushed_sequence, &recovery, error);
    if (status < 0) return verify_damage(verify, status, error);
    verify->check.sample_count += verify->wal_sample_count;
    if (recovery.damaged_count > 0) {
        verify_report(verify, "%s: %" PRIu64 " damaged places, %" PRIu64 " bytes",
                      recovery.first_damage, recovery.damaged_count, recovery.damaged_bytes);
    }
    return STATUS_OK;
}

static enum status verify_run(struct verify *verify, struct error *error)
{
    enum status status = manifest_verify(verify->file_system, verify->path, verify->report,
                                         verify->context, &verify->check.damaged_count, error);
    if (status < 0) return status;
    status = manifest_open(&verify->manifest, verify->file_system, verify->path, error);
    if (status == STATUS_CORRUPT) return STATUS_OK; /* reported; nothing else can be found */
    if (status != STATUS_OK) return status;

    char path[FILE_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/%s/%s", verify->path, DISK_CATALOG_DIRECTORY,
                   DISK_IDENTITIES);
    status = identity_map_open(&verify->identities, verify->file_system, path, error);
    if (status < 0) return verify_damage(verify, status, error);
    if (identity_map_damaged_count(verify->identities) > 0) {
        verify_report(verify, "%s: %u damaged records", path,
                      identity_map_damaged_count(verify->identities));
    }
    status = verify_catalog(verify, error);
    const struct manifest_state *state = manifest_state(verify->manifest);
    for (size_t i = 0; i < state->segment_count && status == STATUS_OK; i++) {
        status = verify_segment(verify, &state->segments[i], error);
    }
    return status < 0 ? status : verify_wal(verify, error);
}

enum status store_verify(struct file_system *file_system, const char *path,
                         void (*report)(void *context, const char *text), void *context,
                         struct store_check *out_check, struct error *error)
{
    struct verify verify = {
        .file_system = file_system, .path = path, .report = report, .context = context};
    char lock_path[FILE_PATH_BYTES_MAX];
    (void)snprintf(lock_path, sizeof lock_path, "%s/%s", path, DISK_CURRENT);
    struct file *file = NULL;
    enum status status = file_open(file_system, &file, lock_path, FILE_READ, error);
    if (status != STATUS_OK) return status;
    file_close(file);
    (void)snprintf(lock_path, sizeof lock_path, "%s/%s", path, DISK_LOCK);
    file = NULL;
    status = file_lock(file_system, &file, lock_path, error);
    if (status == STATUS_OK) status = verify_run(&verify, error);
    manifest_close(verify.manifest);
    identity_map_close(verify.identities);
    file_close(file);
    if (status == STATUS_OK) *out_check = verify.check;
    return status;
}
