/* Write-ahead log: makes batches durable, in numbered groups, one sync for all who wait.
 *
 *   caller threads                        commit thread
 *   wal_begin ─ lock, room for it ─┐
 *   wal_add (frames into the       │
 *     filling buffer, numbered)    │
 *   wal_end ─ unlock, wake ────────┴────▶ swap the two buffers; write the full one; sync;
 *   wal_wait(sequence) ◀──────────────── apply(every batch); publish the applied sequence
 *
 * What a group holds is applied (becomes visible) when it is durable, or with the other policies
 * when it is written. A failed write or sync poisons the log: every later call returns that
 * failure; the answer is recovery at the next open, never a retry.
 *
 * Without the thread (options.manual) wal_wait() and wal_commit() do the commit in the calling
 * thread: a simulation then runs in one thread, on one seed.
 *
 * Threads: wal_begin..wal_end hold the lock; all else from any thread. */
#ifndef STORAGE_WAL_H
#define STORAGE_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/batch.h"
#include "storage/wal_replay.h"

struct wal;

enum wal_policy {
    WAL_DURABLE,  /* a group is visible and acknowledged when it is synced */
    WAL_INTERVAL, /* … when it is written; synced every interval */
    WAL_NONE,     /* … when it is written; synced when files change and at close */
};

struct wal_options {
    struct file_system *file_system;
    struct clock *clock;
    const char *directory; /* copied; exists; nobody else makes files in it */
    struct identity store;
    enum wal_policy policy;
    uint32_t interval_ms;
    uint64_t file_bytes;   /* WAL_FILE_BYTES_MIN .. _MAX, multiple of WAL_ALIGNMENT, the same for
                              the life of a store */
    uint64_t bytes_max;    /* cap over all files that recovery would read */
    uint64_t buffer_bytes; /* each of the two; at most file_bytes - 2 * WAL_ALIGNMENT */
    bool manual;
    bool was_used; /* something was appended before: that there is no file at all is damage */

    /* Called for every batch in order of sequence, by the commit thread (or the caller, when
     * manual) without any lock held. The batch is borrowed for the call. A negative status
     * poisons the log. */
    enum status (*apply)(void *context, const struct batch *batch, uint64_t sequence,
                         struct error *error);
    /* After the last batch of a group: the log's next group will begin at position, or behind it
     * with nothing between. Once at the end of wal_open(), too. */
    enum status (*applied)(void *context, uint64_t sequence, uint64_t position,
                           struct error *error);
    void *context;
};

/* Reads the log from from_position, calls apply for every batch with a sequence above
 * applied_sequence and then starts a new file (W7). Files that lie wholly below from_position are
 * removed. STATUS_UNSUPPORTED for a newer version, naming the file. */
enum status wal_open(struct wal **out_wal, const struct wal_options *options,
                     uint64_t from_position, uint64_t applied_sequence,
                     struct wal_recovery *out_recovery, struct error *error);

/* Reads like wal_open(), changes nothing, calls apply only for whole batches. */
enum status wal_inspect(const struct wal_options *options, uint64_t from_position,
                        uint64_t applied_sequence, struct wal_recovery *out_recovery,
                        struct error *error);

/* Commits what was added, writes the clean-close group, stops the thread. The status of the last
 * commit. Frees the log in any case. Accepts NULL. */
enum status wal_close(struct wal *wal, struct error *error);

/* The most bytes that wal_begin() takes. */
size_t wal_append_bytes_max(const struct wal *wal);

/* Takes the lock once the filling buffer has room for bytes (the sum of wal_frame_bytes() to
 * come). STATUS_AGAIN while live bytes are above bytes_max: the owner knows whether a wal_release()
 * is still to be hoped for. STATUS_TOO_LARGE when there never will be room: above
 * wal_append_bytes_max(). Only after STATUS_OK is the lock held. */
enum status wal_begin(struct wal *wal, size_t bytes, struct error *error);

/* Adds one frame under the lock; more: it belongs together with the next one (W5). */
uint64_t wal_add(struct wal *wal, const struct batch *batch, bool more);

/* For stamps taken under the lock: the ceiling that the group will carry. */
void wal_raise_ceiling(struct wal *wal, uint64_t clock);

/* Gives the lock back. */
void wal_end(struct wal *wal);

/* Until the batch of this sequence is applied; 0 waits for nothing. What was applied before the log
 * was poisoned stays so. */
enum status wal_wait(struct wal *wal, uint64_t sequence, struct error *error);
bool wal_is_applied(struct wal *wal, uint64_t sequence);

/* Commits what is in the filling buffer and waits, whatever the policy, until it is durable. */
enum status wal_commit(struct wal *wal, struct error *error);

uint64_t wal_last_sequence(struct wal *wal); /* given out */
uint64_t wal_applied_sequence(struct wal *wal);
uint64_t wal_durable_sequence(struct wal *wal);

/* Everything below position lies in segments: files wholly below become spares. */
enum status wal_release(struct wal *wal, uint64_t position, struct error *error);

/* Bytes that recovery would have to read, spare files not counted; and on disk with them. */
uint64_t wal_live_bytes(struct wal *wal);
uint64_t wal_disk_bytes(struct wal *wal);

/* How long the last commit took, to write and perhaps to sync; 0 when it is a second ago. */
int64_t wal_commit_ns(const struct wal *wal);

/* Whether live bytes are above 3/4 of bytes_max: the owner should flush and release. */
bool wal_is_near_cap(struct wal *wal);

#endif
