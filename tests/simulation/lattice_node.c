#include "tests/simulation/lattice_node.h"

#include "storage/base/assert.h"

void lattice_node_init(struct lattice_node *node, uint64_t id, uint32_t generation,
                       enum lattice_fault fault)
{
    node->id = id;
    node->fault = fault;
    node->wall_ns = node->wall_ns_max = node->backup_wall_ns = LATTICE_FIRST_NS;
    node->held_clock = 0;
    node->failure = NULL;
    lattice_state_init(&node->live, generation);
    lattice_state_init(&node->durable, generation);
    lattice_state_init(&node->backup, generation);
}

void lattice_node_set_wall(struct lattice_node *node, int64_t wall_ns)
{
    node->wall_ns = wall_ns;
    if (wall_ns > node->wall_ns_max) node->wall_ns_max = wall_ns;
}

static void node_fail(struct lattice_node *node, const char *failure)
{
    if (!node->failure) node->failure = failure;
}

/* ---- Checks --------------------------------------------------------------------------------- */

static void node_check_cell(struct lattice_node *node, unsigned tag, unsigned time)
{
    const struct lattice_cell *cell = &node->live.cells[tag][time];
    if (cell->written == WRITTEN_NOTHING) return;
    const struct entry *shown = lattice_state_shown(&node->live, tag, time);
    if (cell->written == WRITTEN_MASK) {
        if (shown) node_fail(node, "what the node masked shows"); /* N3 */
    } else if (cell->written_entry.kind == ENTRY_DELETION) {
        if (shown) node_fail(node, "what the node deleted shows"); /* N2 */
    } else if (!shown || entry_compare(shown, &cell->written_entry) != 0) {
        node_fail(node, "what the node wrote does not show"); /* N2 */
    }
}

void lattice_node_check(struct lattice_node *node)
{
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        for (unsigned time = 0; time < LATTICE_TIMES; time++) node_check_cell(node, tag, time);
    }
    if (!lattice_state_digests_hold(&node->live)) node_fail(node, "a digest is wrong"); /* N5 */
    int64_t limit_ns = node->wall_ns_max + (STAMP_DRAG_MS_MAX + 1) * INT64_C(1000000);
    if (node->live.clock.last > stamp_ceiling_of(limit_ns)) {
        node_fail(node, "the clock was dragged"); /* N4 */
    }
}

/* ---- Frontiers and clock -------------------------------------------------------------------- */

/* The two faults are those of what raises it here. */
static void node_raise(struct lattice_node *node, unsigned tag, int64_t time_ns,
                       enum lattice_fault too_low, enum lattice_fault stamp_kept)
{
    struct frontier_tag *frontier = &node->live.frontiers[tag];
    struct frontier_tag before = *frontier;
    frontier_raise(frontier, time_ns);
    if (node->fault == too_low) frontier->frontier_ns = before.frontier_ns;
    if (node->fault == stamp_kept) frontier->late_clock = before.late_clock;
}

static void node_raise_for_mask(struct lattice_node *node, const struct lattice_record *mask)
{
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        if ((mask->tags >> tag & 1) == 0) continue;
        node_raise(node, tag, mask->to_ns, FAULT_FRONTIER_BELOW_MASK, FAULT_LATE_STAMP_PAST_MASK);
    }
}

static uint64_t node_stamp(struct lattice_node *node)
{
    return stamp_take(&node->live.clock, node->wall_ns);
}

static void node_observe(struct lattice_node *node, uint64_t clock)
{
    if (clock == 0 || node->fault == FAULT_NOT_OBSERVED) return;
    bool kept_up = stamp_observe(&node->live.clock, clock, node->wall_ns);
    if (!kept_up && clock > node->held_clock) node->held_clock = clock;
    if (node->fault == FAULT_CLOCK_DRAGGED) stamp_restore(&node->live.clock, clock);
}

/* Whether what is known of a cell may beat a stamp because it was known, and the clock held back
 * from it, when the stamp was taken. */
static bool may_beat(uint64_t known_clock, uint64_t stamp, uint64_t held_clock)
{
    return known_clock >= stamp && known_clock <= held_clock;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void node_write(struct lattice_node *node, unsigned tag, unsigned time,
                       const struct entry *entry)
{
    struct lattice_cell *cell = &node->live.cells[tag][time];
    uint64_t known_clock = lattice_state_known_clock(&node->live, tag, time);
    if (entry->clock == 0 && (known_clock != 0 || cell_greatest(&cell->cell, UINT64_MAX))) {
        node_fail(node, "in order, where something lies already"); /* N1 */
    }
    lattice_state_add(&node->live, tag, time, entry);
    bool is_beaten = entry->kind == ENTRY_COLLECTED &&
                     may_beat(known_clock, entry->clock, node->held_late_clocks[tag]);
    cell->written = is_beaten ? WRITTEN_NOTHING : WRITTEN_ENTRY;
    cell->written_entry = *entry;
    node_check_cell(node, tag, time);
}

static bool node_needs_stamp(const struct lattice_node *node, unsigned tag,
                             const struct frontier_cut *cut)
{
    if (!cut->late_needs_stamp) return false;
    bool has_one = node->live.frontiers[tag].late_clock != 0;
    return !(node->fault == FAULT_LATE_STAMP_BACKWARDS && has_one);
}

void lattice_node_collect(struct lattice_node *node, unsigned tag, const unsigned *times,
                          const struct entry *samples, size_t count)
{
    int64_t times_ns[LATTICE_TIMES];
    ASSERT(count >= 1 && count <= LATTICE_TIMES);
    for (size_t i = 0; i < count; i++) times_ns[i] = lattice_time_ns(times[i]);

    struct frontier_tag *frontier = &node->live.frontiers[tag];
    if (node->fault == FAULT_FUTURE_NOT_DUE) frontier->future_first_ns = INT64_MAX;
    struct frontier_cut cut = frontier_cut(frontier, times_ns, count, node->wall_ns);
    uint64_t stamp = frontier->late_clock;
    if (node_needs_stamp(node, tag, &cut)) {
        stamp = node_stamp(node);
        node->held_late_clocks[tag] = node->held_clock;
    }
    frontier_advance(frontier, &cut, times_ns, count, stamp);
    for (size_t i = 0; i < count; i++) {
        struct entry entry = samples[i];
        bool is_future = i >= cut.late_count + cut.ordered_count;
        bool is_ordered = i >= cut.late_count && !is_future;
        if (is_future && node->fault == FAULT_FUTURE_IN_ORDER) is_ordered = true;
        entry.origin = node->id;
        entry.clock = is_ordered ? 0 : stamp;
        entry.generation = is_ordered ? 0 : node->live.generation;
        node_write(node, tag, times[i], &entry);
    }
}

void lattice_node_explicit(struct lattice_node *node, unsigned tag, unsigned time,
                           struct entry entry)
{
    uint64_t known_clock = lattice_state_known_clock(&node->live, tag, time);
    if (node->fault == FAULT_EXPLICIT_BY_CLOCK) known_clock = 0;
    if (node->fault == FAULT_EXPLICIT_BELOW_MASK) {
        const struct cell *cell = &node->live.cells[tag][time].cell;
        const struct entry *greatest = cell_greatest(cell, UINT64_MAX);
        known_clock = greatest ? greatest->clock : 0;
    }
    entry.origin = node->id;
    entry.generation = node->live.generation;
    entry.clock = node_stamp(node);
    if (entry.clock <= known_clock) entry.clock = known_clock + 1;
    if (entry.clock > node->live.clock.last && entry.clock > node->held_clock) {
        node->held_clock = entry.clock;
    }
    if (node->fault == FAULT_CLOCK_FOLLOWS) stamp_restore(&node->live.clock, entry.clock);
    node_raise(node, tag, lattice_time_ns(time), FAULT_FRONTIER_BELOW_EXPLICIT,
               FAULT_LATE_STAMP_PAST_EXPLICIT);
    node_write(node, tag, time, &entry);
}

/* ---- Configuration -------------------------------------------------------------------------- */

static void node_record(struct lattice_node *node, struct lattice_record *record)
{
    bool is_named_by_node = node->fault == FAULT_JOURNAL_OF_NODE;
    record->sequence = ++node->live.journal_sequence;
    record->stamp = (struct revision){
        .clock = node_stamp(node),
        .node = node->id,
        .generation = is_named_by_node ? 0 : node->live.generation,
    };
    lattice_state_add_record(&node->live, record);
}

void lattice_node_mask(struct lattice_node *node, unsigned tags, int64_t from_ns, int64_t to_ns)
{
    struct lattice_record record = {.kind = RECORD_MASK, .tags = tags, .from_ns = from_ns};
    record.to_ns = to_ns < node->wall_ns ? to_ns : node->wall_ns; /* the future cannot be masked */
    if (record.from_ns >= record.to_ns) return;
    node_record(node, &record);
    node_raise_for_mask(node, &record);

    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            if (!lattice_record_covers(&record, tag, time)) continue;
            struct lattice_cell *cell = &node->live.cells[tag][time];
            uint64_t known_clock = lattice_state_known_clock(&node->live, tag, time);
            bool is_beaten = may_beat(known_clock, record.stamp.clock, node->held_clock);
            cell->written = is_beaten ? WRITTEN_NOTHING : WRITTEN_MASK;
            cell->written_mask = record.stamp;
            node_check_cell(node, tag, time);
        }
    }
}

static const struct lattice_record *node_mask_of(const struct lattice_node *node,
                                                 struct revision group)
{
    for (size_t i = 0; i < node->live.record_count; i++) {
        const struct lattice_record *record = &node->live.records[i];
        bool is_it = revision_compare(record->stamp, group) == 0;
        if (is_it && record->kind == RECORD_MASK) return record;
    }
    return NULL;
}

/* Cells that the group masked show again what they hold. */
static void node_lift(struct lattice_node *node, struct revision group)
{
    const struct lattice_record *mask = node_mask_of(node, group);
    for (unsigned tag = 0; mask && tag < LATTICE_TAGS; tag++) {
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            struct lattice_cell *cell = &node->live.cells[tag][time];
            if (cell->written != WRITTEN_MASK || !lattice_record_covers(mask, tag, time)) continue;
            cell->written = WRITTEN_NOTHING;
        }
    }
}

void lattice_node_unmask(struct lattice_node *node, struct revision group)
{
    struct lattice_record record = {.kind = RECORD_UNMASK, .group = group};
    node_record(node, &record);
    node_lift(node, group);
    if (!lattice_state_is_lifted(&node->live, group)) node_fail(node, "an unmask does nothing");
}

void lattice_node_register(struct lattice_node *node, unsigned field, uint64_t value)
{
    const struct lattice_record *known = lattice_state_register(&node->live, field);
    uint64_t known_clock = known ? known->stamp.clock : 0;
    struct lattice_record record = {.kind = RECORD_REGISTER, .field = field, .value = value};
    node_record(node, &record);
    bool is_beaten = may_beat(known_clock, record.stamp.clock, node->held_clock);
    known = lattice_state_register(&node->live, field);
    bool is_shown = known && revision_compare(known->stamp, record.stamp) == 0;
    if (!is_shown && !is_beaten) {
        node_fail(node, "what the node configured does not show"); /* N2 */
    }
}

/* ---- Merging -------------------------------------------------------------------------------- */

/* Faults of the merge: true when the entry is lost. */
static bool node_loses(const struct lattice_node *node, const struct cell *cell,
                       const struct entry *entry)
{
    bool is_collected = entry->kind == ENTRY_COLLECTED;
    if (node->fault == FAULT_FIRST_STAYS) return is_collected && cell->has_collected;
    if (node->fault == FAULT_TIES_STAY && is_collected && cell->has_collected) {
        struct entry same = *entry;
        same.origin = cell->collected.origin;
        return entry_compare(&same, &cell->collected) == 0;
    }
    if (node->fault == FAULT_ONE_EXPLICIT && !is_collected && cell->explicit_count > 0) {
        return entry_compare(entry, &cell->explicit_entries[cell->explicit_count - 1]) < 0;
    }
    return false;
}

void lattice_node_receive(struct lattice_node *node, unsigned tag, unsigned time,
                          const struct entry *entry)
{
    struct lattice_cell *cell = &node->live.cells[tag][time];
    if (node_loses(node, &cell->cell, entry)) return;
    node_observe(node, entry->clock);
    node_raise(node, tag, lattice_time_ns(time), FAULT_FRONTIER_BELOW_FOREIGN,
               FAULT_LATE_STAMP_PAST_FOREIGN);
    lattice_state_add(&node->live, tag, time, entry);

    bool beats_entry =
        cell->written == WRITTEN_ENTRY && entry_compare(entry, &cell->written_entry) > 0;
    bool beats_mask = cell->written == WRITTEN_MASK &&
                      revision_compare(entry_revision(entry), cell->written_mask) > 0;
    if (beats_entry || beats_mask) cell->written = WRITTEN_NOTHING;
}

static void node_receive_mask(struct lattice_node *node, const struct lattice_record *mask)
{
    node_raise_for_mask(node, mask);
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            struct lattice_cell *cell = &node->live.cells[tag][time];
            if (cell->written != WRITTEN_ENTRY || !lattice_record_covers(mask, tag, time)) continue;
            struct revision revision = entry_revision(&cell->written_entry);
            if (revision_compare(revision, mask->stamp) < 0) cell->written = WRITTEN_NOTHING;
        }
    }
}

void lattice_node_receive_record(struct lattice_node *node, const struct lattice_record *record)
{
    bool is_unmask = record->kind == RECORD_UNMASK;
    bool is_early = is_unmask && !node_mask_of(node, record->group);
    if (is_early && node->fault == FAULT_UNMASK_LOST) return;
    node_observe(node, record->stamp.clock);
    lattice_state_add_record(&node->live, record);
    if (is_unmask) node_lift(node, record->group);
    if (record->kind == RECORD_MASK) node_receive_mask(node, record);
}

/* ---- Durability ----------------------------------------------------------------------------- */

void lattice_node_commit(struct lattice_node *node)
{
    lattice_state_copy(&node->durable, &node->live);
}

/* Every frontier again, from the cells and masks alone: a file of frontiers may be missing. */
static void node_find_frontiers(struct lattice_node *node)
{
    struct lattice_state *live = &node->live;
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        struct frontier_tag *frontier = &live->frontiers[tag];
        *frontier = (struct frontier_tag){.frontier_ns = INT64_MIN, .future_first_ns = INT64_MAX};
        if (node->fault == FAULT_FRONTIER_FORGOTTEN) continue;
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            const struct cell *cell = &live->cells[tag][time].cell;
            bool is_used = cell->has_collected || cell->explicit_count > 0;
            if (is_used) frontier_raise(frontier, lattice_time_ns(time));
        }
    }
    for (size_t i = 0; i < live->record_count; i++) {
        const struct lattice_record *record = &live->records[i];
        if (record->kind != RECORD_MASK || node->fault == FAULT_FRONTIER_FORGOTTEN) continue;
        node_raise_for_mask(node, record);
    }
}

void lattice_node_crash(struct lattice_node *node)
{
    lattice_state_copy(&node->live, &node->durable);
    if (node->fault == FAULT_CEILING_FORGOTTEN) node->live.clock = (struct stamp_clock){0};
    node_find_frontiers(node);
}

void lattice_node_back_up(struct lattice_node *node)
{
    lattice_state_copy(&node->backup, &node->durable);
    node->backup_wall_ns = node->wall_ns;
}

void lattice_node_restore(struct lattice_node *node, uint32_t generation)
{
    lattice_state_copy(&node->durable, &node->backup);
    if (node->fault != FAULT_GENERATION_KEPT) {
        node->durable.generation = generation;
        node->durable.journal_sequence = 0; /* a journal of its own */
    }
    lattice_node_crash(node);
}
