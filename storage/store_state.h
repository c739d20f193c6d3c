/* What the files of the store share: its state, and the steps between them. Nobody else includes
 * this; the outside sees store.h.
 *
 * Locks, in the order in which they are taken:
 *
 *   flush_lock     one flush at a time
 *   merge_lock     one compaction at a time
 *   explicit_lock  one explicit write at a time, from looking up its cell to its being visible
 *   journal_lock   one journal record after another: sequence, chain, stamps that rise
 *   the WAL's      order of frames = order of frontiers and revisions
 *   stamp_lock     the stamp clock; a leaf
 *   manifest_lock  the manifest, numbers of files, and every exchange of the current snapshot
 *   head_lock      the active head while a batch is applied to it, and its exchange
 *   snapshot_lock  the pointer to the current snapshot; a leaf
 *   keeper_lock    what the keeper is asked for, and who waits for room; a leaf
 */
#ifndef STORAGE_STORE_STATE_H
#define STORAGE_STORE_STATE_H

#include <stdatomic.h>
#include <uv.h>

#include "storage/base/buffer.h"
#include "storage/frontier.h"
#include "storage/identity_map.h"
#include "storage/latest.h"
#include "storage/manifest.h"
#include "storage/merge_budget.h"
#include "storage/segment_writer.h"
#include "storage/stamp.h"
#include "storage/store.h"

/* A journal whose records are folded into the catalog. */
struct store_journal {
    uint32_t number;
    struct journal_position position;
};

enum {
    STORE_JOURNALS_MAX = MANIFEST_GENERATIONS_MAX,
    STORE_FLUSHED_MAX = 64, /* segments that flushes made: with so many, appends wait for a merge */
};

struct store {
    struct store_options options; /* path and name_space point to own copies */
    char *path;                   /* owned */
    struct file *lock_file;       /* owned */
    struct file_system *file_system;
    struct clock *clock;
    /* What the manifest says once and for all, so that appends read it without its lock. */
    struct identity identity;
    uint64_t node;
    uint32_t generation;
    char name_space[MANIFEST_NAME_SPACE_BYTES_MAX + 1];
    struct manifest *manifest; /* under manifest_lock */
    uint64_t next_number;      /* of a file; under manifest_lock */
    struct identity_map *identities;
    struct catalog *catalog;
    struct change_feed *feed;
    struct latest_table *latest;
    struct block_cache *cache; /* of what is read of segments */
    struct wal *wal;           /* NULL while it is being replayed */

    uv_mutex_t flush_lock;
    uv_mutex_t merge_lock;
    uv_mutex_t manifest_lock;
    uv_mutex_t explicit_lock;
    uv_mutex_t journal_lock;
    uv_mutex_t stamp_lock;
    uv_mutex_t head_lock;
    uv_mutex_t snapshot_lock;
    uv_mutex_t keeper_lock;
    struct frontier_table *frontiers; /* under the WAL's lock */
    struct stamp_clock stamps;        /* under stamp_lock */

    /* Under head_lock. */
    struct head *active;            /* owned reference */
    uint64_t applied_sequence;      /* of the last batch in it */
    uint64_t applied_position;      /* of the WAL: the group in work begins here, or the next one */
    int64_t active_since_ns;        /* monotonic; of its first sample */
    struct store_journal *journals; /* owned; STORE_JOURNALS_MAX */
    size_t journal_count;
    size_t journal_tail_count; /* records folded since the catalog snapshot */
    uint64_t bad_record_count; /* journal records that cannot be read */

    struct snapshot
        *current; /* owned reference; under snapshot_lock, exchanged under manifest_lock */

    /* Under journal_lock. */
    struct buffer journal_text;
    uint64_t journal_sequence;
    uint64_t journal_chain;
    uint32_t journal_number;

    /* Under keeper_lock. */
    uv_thread_t keeper; /* flushes */
    uv_thread_t merger; /* compacts */
    bool keeper_runs;
    bool merger_runs;
    bool must_stop;
    bool keeper_is_asked;
    bool merger_is_asked;
    struct error care_error; /* of the last flush, when it failed; status 0: none */
    uv_cond_t keeper_wakes;
    uv_cond_t merger_wakes;
    uv_cond_t room_made;

    struct buffer damaged; /* numbers of segments that merges leave alone; under merge_lock */

    /* Under flush_lock: of the head on its way into a segment. */
    uint64_t flushing_sequence;
    uint64_t flushing_position;

    atomic_uint_fast64_t active_bytes; /* of the active head */
    uint64_t head_bytes_max;           /* above it, appends wait for a flush */
    struct slab_pool slabs;            /* what heads are made of */
    bool is_settled_in;                /* open: WAL and keeper may be used */

    struct merge_budget merge_budget;   /* merger only */
    atomic_uint_fast64_t flushed_count; /* segments that no merge has taken yet */
    atomic_bool merges_go_on;           /* until there is nothing to merge, or one fails */
    atomic_uint waiting_count;          /* appends that wait for room */
    atomic_uint hurry_count;            /* whoever waits for the merger to be through */

    atomic_uint_fast64_t appended_count;
    atomic_uint_fast64_t late_count;
    atomic_uint_fast64_t flush_count;
    atomic_uint_fast64_t compaction_count;
    atomic_uint_fast64_t compacted_bytes;
    atomic_uint_fast64_t copied_block_count;
    atomic_uint_fast64_t encoded_block_count;
    uint64_t open_ns;
    uint64_t recovery_ns;
    struct wal_recovery recovery;
};

/* Times that no sample has, so that ranges can say "from the first" and "to the last". */
static inline bool store_time_is_valid(int64_t time_ns)
{
    return time_ns > INT64_MIN && time_ns < INT64_MAX;
}

/* ---- store.c ---- */

uint64_t store_stamp(struct store *store); /* a new one; any lock may be held */
/* Path of something below the root, through a format of disk_names.h. */
void store_path(const struct store *store, char *target, const char *directory, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
bool store_is_journal(const struct store *store, uint32_t number);

/* Asks the keeper to look; flushes at once in a store without threads. */
void store_wake_keeper(struct store *store);
/* Until the active head has room and merges keep up, or what keeps the head from having some. */
enum status store_wait_for_room(struct store *store, struct error *error);

/* Replaces the current snapshot; made gives up its reference. */
void store_exchange_snapshot(struct store *store, struct snapshot *made);

/* Begins the file of a segment. */
enum status store_segment_create(struct store *store, uint64_t number, uint32_t level,
                                 struct segment_writer **out_writer, struct error *error);

/* Finished segments take their places, all in one edit of the manifest: a crash shows all or none. */
struct store_publication {
    const uint64_t *added; /* their numbers */
    size_t added_count;
    struct segment *const *dropped;
    size_t dropped_count;
    bool ends_flush; /* then the fields below count */
    uint64_t flushed_position;
    uint64_t flushed_sequence;
    uint64_t frontier_number;
    uint64_t snapshot_number;
    /* Set by store_publish(): it failed, and a manifest may name the files all the same. */
    bool is_in_doubt;
};
/* Before anything is written: whether it could be published at all. */
enum status store_may_publish(struct store *store, struct error *error);
enum status store_publish(struct store *store, struct store_publication *publication,
                          struct error *error);
/* After a failure on the way to the end of store_publish(): the segments go, unless they are in
 * doubt. */
void store_discard(struct store *store, const struct store_publication *publication);
uint64_t store_take_number(struct store *store);

/* ---- store_write.c ---- */

/* Begins an append of so many bytes of frames: room in the head, then the log's lock. */
enum status store_begin(struct store *store, size_t bytes, struct error *error);
void store_end(struct store *store); /* gives the lock back */
/* Between the two: makes the frontiers of these tags, so that raising them cannot fail. */
enum status store_reserve_frontiers(struct store *store, const uint32_t *numbers, size_t count,
                                    struct error *error);

/* ---- store_flush.c, store_compaction.c ---- */

void store_keep(void *context);   /* body of the keeper */
void store_merger(void *context); /* body of the merger */
/* One merge, of whatever the plan says. STATUS_END: nothing. */
enum status store_merge_once(struct store *store, struct error *error);

/* ---- store_journal.c ---- */

/* Folds a batch of a journal tag. Under head_lock. */
enum status store_fold(struct store *store, const struct batch *batch, struct error *error);

#endif
