/* Store: all of storage behind open, append, read, close. What engine/bede.h shows of a store is
 * this, with the inside kept in.
 *
 * Threads: any number at once, but for store_open() and store_close(). */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/aggregation.h"
#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/catalog.h"
#include "storage/change_feed.h"
#include "storage/compaction_plan.h"
#include "storage/cursor.h"
#include "storage/snapshot.h"
#include "storage/wal.h"
#include "storage/wal_format.h"

struct store;

/* Zero (NULL) means the default in every field. */
struct store_options {
    struct file_system *file_system; /* posix */
    struct clock *clock;             /* the system's */
    const char *path;                /* required */
    const char *name_space;
    uint64_t memory_bytes_max;
    uint64_t wal_bytes_max;
    uint64_t wal_file_bytes;
    uint64_t wal_buffer_bytes;
    enum wal_policy policy;
    uint32_t sync_interval_ms;
    uint32_t flush_interval_s;
    uint32_t block_samples_max;
    uint64_t node;       /* for tests: of a new store; else from the system's randomness */
    uint32_t generation; /* for tests, too */
    bool existing_only;  /* STATUS_NOT_FOUND instead of making one */
    bool manual;         /* no threads: for simulations on one seed */
    /* For tests: what the plan goes by; NULL: the usual. */
    const struct compaction_limits *compaction_limits;
};

enum {
    STORE_BATCH_SAMPLES_MAX = WAL_FRAME_SAMPLES_MAX,
    STORE_SAMPLE_BYTES = 20, /* time, value, quality */
};

enum status store_open(struct store **out_store, const struct store_options *options,
                       struct error *error);
enum status store_close(struct store *store, struct error *error); /* accepts NULL */

struct catalog *store_catalog(struct store *store);
uint64_t store_node(const struct store *store);
uint32_t store_generation(const struct store *store);
struct clock *store_clock(struct store *store);
struct change_feed *store_feed(struct store *store);

/* ---- Tags: store_tags.c ---- */

/* All or none. STATUS_EXISTS when a name is taken: error->text names it. */
enum status store_tags_create(struct store *store, const struct tag_definition *definitions,
                              size_t count, uint32_t *out_numbers, struct error *error);
/* Bits of 1 << enum tag_field. */
enum status store_tag_change(struct store *store, uint32_t number,
                             const struct tag_definition *definition, unsigned fields,
                             struct error *error);
/* The end is clamped to now. */
enum status store_mask(struct store *store, const uint32_t *numbers, size_t count, int64_t from_ns,
                       int64_t to_ns, const char *user, const char *reason,
                       struct revision *out_group, struct error *error);
/* STATUS_NOT_FOUND when the group is unknown. */
enum status store_unmask(struct store *store, struct revision group, const char *user,
                         const char *reason, struct error *error);

/* ---- Writing: store_write.c ---- */

/* Collected samples of one tag, in any order, with tag, times_ns, values, qualities of the batch
 * set and type left to the catalog; at most STORE_BATCH_SAMPLES_MAX, all or none, and no more than
 * the log takes at once. The ticket is for store_wait(). */
enum status store_append(struct store *store, const struct batch *batch, uint64_t *out_ticket,
                         struct error *error);
/* What the log takes at once: samples of STORE_SAMPLE_BYTES each, and their texts. */
size_t store_append_bytes_max(const struct store *store);
/* One value each of several tags (tags, time_ns, values, qualities); each tag once. All or none, and
 * no more than the log takes at once. */
enum status store_append_scan(struct store *store, const struct batch *batch, uint64_t *out_ticket,
                              struct error *error);
enum status store_wait(struct store *store, uint64_t ticket, struct error *error);
enum status store_sync(struct store *store, struct error *error);

/* A correction or deletion of one cell; waits. value and quality of a deletion are ignored. */
enum status store_append_explicit(struct store *store, uint32_t number, int64_t time_ns,
                                  enum entry_kind kind, uint64_t value, uint32_t quality,
                                  const char *user, const char *reason, struct error *error);

/* ---- Other servers': store_foreign.c ---- */

/* Entries as another server made them: revision, origin, kind, notes as they are; of one tag. Any
 * number, in any order; a failure may leave some of them merged. */
enum status store_merge(struct store *store, const struct batch *batch, uint64_t *out_ticket,
                        struct error *error);

/* ---- Reading: store_read.c ---- */

struct snapshot *store_snapshot(struct store *store); /* give back with snapshot_unref() */

struct store_range {
    int64_t from_ns; /* included */
    int64_t to_ns;   /* excluded */
    uint64_t as_of;  /* clock; UINT64_MAX: now */
    bool history;
};
enum status store_cursor(struct store *store, uint32_t number, const struct store_range *range,
                         struct cursor **out_cursor, struct error *error);
/* The newest sample at or before time_ns, its text in the arena. STATUS_NOT_FOUND. */
enum status store_value_at(struct store *store, uint32_t number, int64_t time_ns,
                           struct arena *arena, int64_t *out_time_ns, struct entry *out_entry,
                           struct error *error);

/* The newest sample that is not more than ten minutes in the future; as store_value_at(). */
enum status store_latest(struct store *store, uint32_t number, struct arena *arena,
                         int64_t *out_time_ns, struct entry *out_entry, struct error *error);

/* What the samples of a tag add up to, by bucket: store_aggregate.c. is_stepped and max_gap_ns of
 * the rules are left to the catalog. */
enum status store_aggregate(struct store *store, uint32_t number,
                            const struct aggregation_rules *rules, uint64_t as_of,
                            struct bucket *buckets, struct error *error);

/* ---- Care ---- */

enum status store_flush(struct store *store, struct error *error);
/* Merges the segments that are there when it begins, as the plan says until it says nothing more; all:
 * into one a window, a month where its days are over and small, else a day. */
enum status store_compact(struct store *store, bool all, struct error *error);

struct store_statistics {
    uint64_t tag_count;
    uint64_t sample_count;
    uint64_t segment_count;
    uint64_t segment_bytes;
    uint64_t wal_bytes;
    uint64_t catalog_bytes;
    uint64_t memory_bytes;
    uint64_t appended_count;
    uint64_t late_count;
    uint64_t flush_count;
    uint64_t compaction_count;
    uint64_t compacted_bytes;     /* that merges wrote */
    uint64_t copied_block_count;  /* that merges took over as they were, */
    uint64_t encoded_block_count; /* and that they made; mixed ones not among them */
    uint64_t open_ns;             /* the whole of store_open() */
    uint64_t recovery_ns;
    struct wal_recovery recovery;
    uint64_t bad_record_count; /* journal records that cannot be read */
};
enum status store_statistics(struct store *store, struct store_statistics *out_statistics,
                             struct error *error);

/* Reads and checks every byte of a store that is not open: verify.c. */
struct store_check {
    uint64_t block_count;
    uint64_t sample_count;
    uint64_t damaged_count;
};
enum status store_verify(struct file_system *file_system, const char *path,
                         void (*report)(void *context, const char *text), void *context,
                         struct store_check *out_check, struct error *error);

#endif
