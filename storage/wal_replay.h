/* WAL replay: reads a log back, telling damage from a torn tail.
 *
 * From the newest file to the oldest, each header says where the content of the earlier ones ends:
 *
 *   file 7 [ …………… end ]  torn, old    file 8 [ ……………………… ]    file 9 [ ……………… end ] torn, old
 *                     ▲                           previous_end 8 ──┘              ▲
 *                     └── previous_end 7, in the header of 8                      └── found here
 *
 * P1  only the newest file has a tail to look for; below its groups' durable_position all is damage
 * P2  a unit (a frame, or all frames that MORE holds together) is handed out whole or not at all
 * P3  frames are handed out with rising sequences, each once; those up to applied_sequence not
 * P4  of a bad group the frames are looked for singly: in order, below the next good sequence
 * P5  the end found never covers anything that was not handed out, reported or already applied
 * P6  what is handed out is durable: the owner may flush a part of it while it reads the rest
 * P7  that the newest file is missing is seen where the one before it, or the owner, knows of it */
#ifndef STORAGE_WAL_REPLAY_H
#define STORAGE_WAL_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/file.h"
#include "storage/batch.h"
#include "storage/wal_directory.h"

/* What to read, and where it goes. */
struct wal_replay {
    struct file_system *file_system;
    const char *directory;
    struct identity store;
    uint64_t file_bytes;
    uint64_t from_position;
    uint64_t applied_sequence;
    bool must_settle; /* P6; else nothing is changed */
    bool was_used;    /* it had a file once, so that having none is damage */
    enum status (*apply)(void *context, const struct batch *batch, uint64_t sequence,
                         struct error *error);
    enum status (*applied)(void *context, uint64_t sequence, uint64_t position,
                           struct error *error);
    void *context;
};

/* What recovery found. */
struct wal_recovery {
    uint64_t frame_count;
    uint64_t sample_count;
    uint64_t last_sequence; /* of the log; the next append gets one more */
    uint64_t clock_ceiling;
    uint64_t damaged_count; /* bad frames or groups below the durable end: skipped */
    uint64_t damaged_bytes;
    uint64_t torn_bytes; /* dropped behind the end */
    bool clean_close;
    char first_damage[200]; /* file and offset of the first, or what is missing; "" for none */
};

/* directory: as read from replay->directory. out_end_position: where the log ends; from_position when
 * it held nothing new. */
enum status wal_replay(const struct wal_replay *replay, const struct wal_directory *directory,
                       struct wal_recovery *out_recovery, uint64_t *out_end_position,
                       struct error *error);

#endif
