/* Lattice state: all that one node of the simulation holds, small enough to copy at every commit.
 *
 * L1  a cell's digest is in its tag's sum as soon as the cell changes
 * L2  records rise by journal (node, generation) and time, no two alike; what differs under one
 *     name is decided by the order of entries, like any cell
 */
#ifndef TESTS_SIMULATION_LATTICE_STATE_H
#define TESTS_SIMULATION_LATTICE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/digest.h"
#include "storage/entry.h"
#include "storage/frontier.h"
#include "storage/stamp.h"

enum {
    LATTICE_TAGS = 2,
    LATTICE_TIMES = 12,
    LATTICE_EXPLICIT_MAX = 16, /* in one cell, so in one run */
    LATTICE_RECORDS_MAX = 48,  /* in one run */
};

/* Cells lie two minutes apart, so that ten minutes of future are five of them. */
#define LATTICE_FIRST_NS (INT64_C(1700000000) * 1000000000)
#define LATTICE_STEP_NS (120 * INT64_C(1000000000))

static inline int64_t lattice_time_ns(unsigned index)
{
    return LATTICE_FIRST_NS + index * LATTICE_STEP_NS;
}

/* What the node itself did last in a cell, as far as nothing foreign has beaten it since. */
enum lattice_written { WRITTEN_NOTHING, WRITTEN_ENTRY, WRITTEN_MASK };

struct lattice_cell {
    struct cell cell; /* its room is the one below */
    enum lattice_written written;
    struct entry written_entry;
    struct revision written_mask;
    struct entry room[LATTICE_EXPLICIT_MAX];
};

enum lattice_record_kind { RECORD_MASK, RECORD_UNMASK, RECORD_REGISTER };

/* A record of configuration. The stamp's node and generation name the journal, its clock the time
 * in it. */
struct lattice_record {
    struct revision stamp;
    uint64_t sequence;
    enum lattice_record_kind kind;
    unsigned tags; /* of a mask: a bit a tag */
    int64_t from_ns;
    int64_t to_ns;
    struct revision group; /* of an unmask: the mask's stamp */
    unsigned field;        /* of a register */
    uint64_t value;
};

struct lattice_state {
    uint32_t generation;
    struct stamp_clock clock;
    uint64_t journal_sequence;
    struct frontier_tag frontiers[LATTICE_TAGS];
    struct digest digests[LATTICE_TAGS];
    struct digest journal_digest;
    size_t record_count;
    struct lattice_record records[LATTICE_RECORDS_MAX];
    struct lattice_cell cells[LATTICE_TAGS][LATTICE_TIMES];
};

void lattice_state_init(struct lattice_state *state, uint32_t generation);
void lattice_state_copy(struct lattice_state *target, const struct lattice_state *source);

/* Whether the history is the same: cells, records and digests. */
bool lattice_state_equal(const struct lattice_state *left, const struct lattice_state *right);

/* Whether the digests are those of what the state holds (L1). */
bool lattice_state_digests_hold(const struct lattice_state *state);

/* Merges an entry or a record in. */
void lattice_state_add(struct lattice_state *state, unsigned tag, unsigned time,
                       const struct entry *entry);
void lattice_state_add_record(struct lattice_state *state, const struct lattice_record *record);

/* A record as the journal's entry: same content, same value. */
struct entry lattice_record_entry(const struct lattice_record *record);

bool lattice_record_covers(const struct lattice_record *record, unsigned tag, unsigned time);
bool lattice_state_is_lifted(const struct lattice_state *state, struct revision group);

/* Greatest revision of the masks over a cell; clock 0 for none. */
struct revision lattice_state_mask(const struct lattice_state *state, unsigned tag, unsigned time);

/* Greatest clock of anything that can decide what shows in a cell: its entries and the masks. */
uint64_t lattice_state_known_clock(const struct lattice_state *state, unsigned tag, unsigned time);

const struct entry *lattice_state_shown(const struct lattice_state *state, unsigned tag,
                                        unsigned time);

/* The record that a register has its value from; NULL for none. */
const struct lattice_record *lattice_state_register(const struct lattice_state *state,
                                                    unsigned field);

#endif
