#include "tests/simulation/lattice_state.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"

void lattice_state_init(struct lattice_state *state, uint32_t generation)
{
    state->generation = generation;
    state->clock = (struct stamp_clock){0};
    state->journal_sequence = 0;
    state->journal_digest = (struct digest){0};
    state->record_count = 0;
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        state->frontiers[tag] =
            (struct frontier_tag){.frontier_ns = INT64_MIN, .future_first_ns = INT64_MAX};
        state->digests[tag] = (struct digest){0};
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            struct lattice_cell *cell = &state->cells[tag][time];
            cell_init(&cell->cell, cell->room, LATTICE_EXPLICIT_MAX);
            cell->written = WRITTEN_NOTHING;
        }
    }
}

static void cell_copy(struct lattice_cell *target, const struct lattice_cell *source)
{
    target->cell = source->cell;
    target->cell.explicit_entries = target->room;
    memcpy(target->room, source->room, source->cell.explicit_count * sizeof *source->room);
    target->written = source->written;
    target->written_entry = source->written_entry;
    target->written_mask = source->written_mask;
}

void lattice_state_copy(struct lattice_state *target, const struct lattice_state *source)
{
    memcpy(target, source, offsetof(struct lattice_state, records));
    memcpy(target->records, source->records, source->record_count * sizeof *source->records);
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            cell_copy(&target->cells[tag][time], &source->cells[tag][time]);
        }
    }
}

/* ---- Entries -------------------------------------------------------------------------------- */

static struct identity tag_identity(unsigned tag)
{
    return (struct identity){.low = tag, .high = 1};
}

static void cell_digest(struct digest *digest, unsigned tag, unsigned time, const struct cell *cell)
{
    struct identity identity = tag_identity(tag);
    int64_t time_ns = lattice_time_ns(time);
    if (cell->has_collected) digest_entry(digest, identity, time_ns, &cell->collected);
    for (size_t i = 0; i < cell->explicit_count; i++) {
        digest_entry(digest, identity, time_ns, &cell->explicit_entries[i]);
    }
}

void lattice_state_add(struct lattice_state *state, unsigned tag, unsigned time,
                       const struct entry *entry)
{
    ASSERT(entry_is_valid(entry));
    struct cell *cell = &state->cells[tag][time].cell;
    bool had_collected = cell->has_collected;
    size_t explicit_count = cell->explicit_count;
    struct entry loser = cell->collected;
    ASSERT(cell_add(cell, entry));

    struct digest *sum = &state->digests[tag];
    struct digest change = {0};
    if (entry->kind != ENTRY_COLLECTED) {
        if (cell->explicit_count == explicit_count) return;
    } else if (had_collected) {
        if (entry_compare(&loser, &cell->collected) == 0) return;
        digest_entry(&change, tag_identity(tag), lattice_time_ns(time), &loser);
        digest_subtract(sum, change);
    }
    digest_entry(sum, tag_identity(tag), lattice_time_ns(time), entry);
}

struct revision lattice_state_mask(const struct lattice_state *state, unsigned tag, unsigned time)
{
    struct revision greatest = {0};
    for (size_t i = 0; i < state->record_count; i++) {
        const struct lattice_record *record = &state->records[i];
        if (!lattice_record_covers(record, tag, time)) continue;
        if (revision_compare(record->stamp, greatest) <= 0) continue;
        if (!lattice_state_is_lifted(state, record->stamp)) greatest = record->stamp;
    }
    return greatest;
}

uint64_t lattice_state_known_clock(const struct lattice_state *state, unsigned tag, unsigned time)
{
    uint64_t mask_clock = lattice_state_mask(state, tag, time).clock;
    const struct entry *entry = cell_greatest(&state->cells[tag][time].cell, UINT64_MAX);
    return entry && entry->clock > mask_clock ? entry->clock : mask_clock;
}

const struct entry *lattice_state_shown(const struct lattice_state *state, unsigned tag,
                                        unsigned time)
{
    return cell_shown(&state->cells[tag][time].cell, UINT64_MAX,
                      lattice_state_mask(state, tag, time));
}

/* ---- Records -------------------------------------------------------------------------------- */

static struct identity journal_identity(const struct lattice_record *record)
{
    return (struct identity){.low = record->stamp.node, .high = record->stamp.generation};
}

struct entry lattice_record_entry(const struct lattice_record *record)
{
    const uint64_t words[] = {
        record->sequence,        record->kind,        record->tags,       (uint64_t)record->from_ns,
        (uint64_t)record->to_ns, record->group.clock, record->group.node, record->group.generation,
        record->field,           record->value,
    };
    return (struct entry){
        .origin = record->stamp.node,
        .type = VALUE_I64,
        .value = hash64(words, sizeof words),
    };
}

static void record_digest(struct digest *digest, const struct lattice_record *record)
{
    struct entry entry = lattice_record_entry(record);
    digest_entry(digest, journal_identity(record), stamp_journal_ns(record->stamp.clock), &entry);
}

/* By journal, then time in it. */
static int record_compare(const struct lattice_record *left, const struct lattice_record *right)
{
    int order = identity_compare(journal_identity(left), journal_identity(right));
    if (order != 0) return order;
    int64_t left_ns = stamp_journal_ns(left->stamp.clock);
    int64_t right_ns = stamp_journal_ns(right->stamp.clock);
    return (left_ns > right_ns) - (left_ns < right_ns);
}

static int record_content_compare(const struct lattice_record *left,
                                  const struct lattice_record *right)
{
    struct entry left_entry = lattice_record_entry(left);
    struct entry right_entry = lattice_record_entry(right);
    return entry_compare(&left_entry, &right_entry);
}

void lattice_state_add_record(struct lattice_state *state, const struct lattice_record *record)
{
    size_t place = state->record_count;
    while (place > 0 && record_compare(&state->records[place - 1], record) >= 0) place--;
    struct lattice_record *here = &state->records[place];
    if (place < state->record_count && record_compare(here, record) == 0) { /* L2 */
        if (record_content_compare(record, here) <= 0) return;
        struct digest change = {0};
        record_digest(&change, here);
        digest_subtract(&state->journal_digest, change);
    } else {
        ASSERT(state->record_count < LATTICE_RECORDS_MAX);
        memmove(here + 1, here, (state->record_count - place) * sizeof *here);
        state->record_count++;
    }
    *here = *record;
    record_digest(&state->journal_digest, record);
}

bool lattice_record_covers(const struct lattice_record *record, unsigned tag, unsigned time)
{
    int64_t time_ns = lattice_time_ns(time);
    return record->kind == RECORD_MASK && (record->tags >> tag & 1) != 0 &&
           record->from_ns <= time_ns && time_ns < record->to_ns;
}

bool lattice_state_is_lifted(const struct lattice_state *state, struct revision group)
{
    for (size_t i = 0; i < state->record_count; i++) {
        const struct lattice_record *record = &state->records[i];
        if (record->kind == RECORD_UNMASK && revision_compare(record->group, group) == 0) {
            return true;
        }
    }
    return false;
}

const struct lattice_record *lattice_state_register(const struct lattice_state *state,
                                                    unsigned field)
{
    const struct lattice_record *winner = NULL;
    for (size_t i = 0; i < state->record_count; i++) {
        const struct lattice_record *record = &state->records[i];
        if (record->kind != RECORD_REGISTER || record->field != field) continue;
        if (!winner || revision_compare(record->stamp, winner->stamp) > 0) winner = record;
    }
    return winner;
}

/* ---- Whole states --------------------------------------------------------------------------- */

static bool cell_equal(const struct cell *left, const struct cell *right)
{
    if (left->has_collected != right->has_collected) return false;
    if (left->explicit_count != right->explicit_count) return false;
    if (left->has_collected && entry_compare(&left->collected, &right->collected) != 0) {
        return false;
    }
    for (size_t i = 0; i < left->explicit_count; i++) {
        if (entry_compare(&left->explicit_entries[i], &right->explicit_entries[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool lattice_state_equal(const struct lattice_state *left, const struct lattice_state *right)
{
    if (!digest_equal(left->journal_digest, right->journal_digest)) return false;
    if (left->record_count != right->record_count) return false;
    for (size_t i = 0; i < left->record_count; i++) {
        if (record_compare(&left->records[i], &right->records[i]) != 0) return false;
        if (record_content_compare(&left->records[i], &right->records[i]) != 0) return false;
    }
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        if (!digest_equal(left->digests[tag], right->digests[tag])) return false;
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            if (!cell_equal(&left->cells[tag][time].cell, &right->cells[tag][time].cell)) {
                return false;
            }
        }
    }
    return true;
}

bool lattice_state_digests_hold(const struct lattice_state *state)
{
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        struct digest digest = {0};
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            cell_digest(&digest, tag, time, &state->cells[tag][time].cell);
        }
        if (!digest_equal(digest, state->digests[tag])) return false;
    }
    struct digest digest = {0};
    for (size_t i = 0; i < state->record_count; i++) record_digest(&digest, &state->records[i]);
    return digest_equal(digest, state->journal_digest);
}
