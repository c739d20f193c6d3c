/* Lattice: 2 to 6 nodes that write, exchange, crash and are restored at random on one seed, and in
 * the end must hold the same.
 *
 * Inside the run: N1 to N5 of every node, and
 *
 * W1  no stamp is given twice, in one cell or journal, to different content that another node saw
 * W2  at the end every node holds the merge of all that was durable anywhere when exchanges began */
#ifndef TESTS_SIMULATION_LATTICE_H
#define TESTS_SIMULATION_LATTICE_H

#include "tests/simulation/lattice_node.h"

struct lattice;

struct lattice *lattice_create(void); /* NULL when out of memory */
void lattice_destroy(struct lattice *lattice);

/* One run; the same seed and fault give the same run. NULL, or what went wrong. */
const char *lattice_run(struct lattice *lattice, uint64_t seed, enum lattice_fault fault);

/* What the last run did, as a number: for comparing two runs of one seed. */
uint64_t lattice_trace(const struct lattice *lattice);

#endif
