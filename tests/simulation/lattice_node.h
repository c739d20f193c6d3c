/* Lattice node: the rules by which one node writes, merges, crashes and is restored, over a map of
 * cells instead of files. They are those of storage/entry.h, stamp.h, frontier.h and journal.h:
 *
 *   writing   collected in order: revision 0; late, again or future: a stamp, one a run; explicit:
 *             max(clock, greatest stamp known of the cell and of the masks over it + 1)
 *   merging   every entry keeps its revision, is noted by the clock and raises the frontier; so do
 *             the ends of masks
 *   crashing  what was not committed is lost; frontiers are found again from cells and masks, the
 *             clock goes on from the last commit
 *   restored  to a backup, the generation is new, the wall clock perhaps an old one
 *
 * N1  into a cell that anything lies in or a mask covers nothing goes with revision 0
 * N2  what the node wrote shows, until something greater comes from another node. Only stamps from
 *     which the clock was held back (S2) when the writer took its own win at once, and against
 *     explicit writes not even they
 * N3  what the node masked does not show, in the same sense
 * N4  no peer drags the clock further than S2 allows, not even over a crash
 * N5  digests kept up with every change are those of the whole
 *
 * A fault breaks one rule on purpose: the test must find it. */
#ifndef TESTS_SIMULATION_LATTICE_NODE_H
#define TESTS_SIMULATION_LATTICE_NODE_H

#include "tests/simulation/lattice_state.h"

#define LATTICE_FAULT_TABLE(X)                                                              \
    X(FAULT_NONE, "none")                                                                   \
    X(FAULT_TIES_STAY, "the order does not look at the origin")                             \
    X(FAULT_FIRST_STAYS, "what came first stays")                                           \
    X(FAULT_ONE_EXPLICIT, "merging keeps the greatest explicit entry instead of all")       \
    X(FAULT_FRONTIER_FORGOTTEN, "a crash forgets the frontiers")                            \
    X(FAULT_FRONTIER_BELOW_FOREIGN, "merged samples do not raise the frontier")             \
    X(FAULT_FRONTIER_BELOW_MASK, "masks do not raise the frontier")                         \
    X(FAULT_FRONTIER_BELOW_EXPLICIT, "explicit entries do not raise the frontier")          \
    X(FAULT_FUTURE_NOT_DUE, "future samples never raise the frontier")                      \
    X(FAULT_FUTURE_IN_ORDER, "future samples have revision 0, and move no frontier")        \
    X(FAULT_LATE_STAMP_BACKWARDS, "a late stamp is used again after a step back")           \
    X(FAULT_LATE_STAMP_PAST_FOREIGN, "a late stamp is used again after a foreign entry")    \
    X(FAULT_LATE_STAMP_PAST_MASK, "a late stamp is used again after a mask")                \
    X(FAULT_LATE_STAMP_PAST_EXPLICIT, "a late stamp is used again after an explicit entry") \
    X(FAULT_GENERATION_KEPT, "a restored store keeps its generation")                       \
    X(FAULT_JOURNAL_OF_NODE, "a journal is named by its node alone")                        \
    X(FAULT_CEILING_FORGOTTEN, "a crash sets the stamp clock back to the wall clock")       \
    X(FAULT_SERVED_UNCOMMITTED, "what is not committed is served")                          \
    X(FAULT_NOT_OBSERVED, "foreign stamps are not noted")                                   \
    X(FAULT_CLOCK_DRAGGED, "a foreign stamp moves the clock as far as it likes")            \
    X(FAULT_CLOCK_FOLLOWS, "an explicit stamp above the clock moves the clock")             \
    X(FAULT_EXPLICIT_BY_CLOCK, "an explicit stamp is the clock's, whatever the cell holds") \
    X(FAULT_EXPLICIT_BELOW_MASK, "an explicit stamp does not look at the masks")            \
    X(FAULT_UNMASK_LOST, "an unmask that arrives before its mask is dropped")

enum lattice_fault {
#define LATTICE_FAULT_ENUM(name, text) name,
    LATTICE_FAULT_TABLE(LATTICE_FAULT_ENUM)
#undef LATTICE_FAULT_ENUM
        FAULT_COUNT,
};

struct lattice_node {
    uint64_t id;
    enum lattice_fault fault;
    int64_t wall_ns;     /* set from outside before every call */
    int64_t wall_ns_max; /* that it ever showed */
    uint64_t held_clock; /* greatest stamp that the clock was held back from (S2) */
    uint64_t held_late_clocks[LATTICE_TAGS]; /* the same, when the tag's late stamp was taken */
    const char *failure;                     /* the first invariant that broke; NULL: none */
    int64_t backup_wall_ns;
    struct lattice_state live;
    struct lattice_state durable; /* the live one at the last commit */
    struct lattice_state backup;
};

void lattice_node_init(struct lattice_node *node, uint64_t id, uint32_t generation,
                       enum lattice_fault fault);
void lattice_node_set_wall(struct lattice_node *node, int64_t wall_ns);

/* Writing. The samples' times rise; of the entries type, value, quality, kind and note count. */
void lattice_node_collect(struct lattice_node *node, unsigned tag, const unsigned *times,
                          const struct entry *samples, size_t count);
void lattice_node_explicit(struct lattice_node *node, unsigned tag, unsigned time,
                           struct entry entry);
void lattice_node_mask(struct lattice_node *node, unsigned tags, int64_t from_ns, int64_t to_ns);
void lattice_node_unmask(struct lattice_node *node, struct revision group);
void lattice_node_register(struct lattice_node *node, unsigned field, uint64_t value);

/* Merging what another node has sent. */
void lattice_node_receive(struct lattice_node *node, unsigned tag, unsigned time,
                          const struct entry *entry);
void lattice_node_receive_record(struct lattice_node *node, const struct lattice_record *record);

void lattice_node_commit(struct lattice_node *node);
void lattice_node_crash(struct lattice_node *node);
void lattice_node_back_up(struct lattice_node *node);
void lattice_node_restore(struct lattice_node *node, uint32_t generation);

/* N2 to N5 of the whole node. */
void lattice_node_check(struct lattice_node *node);

#endif
