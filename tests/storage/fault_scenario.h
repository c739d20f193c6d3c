/* Fault scenario: two lives of a store, and an oracle that keeps what each may show afterwards.
 *
 * A cell is a tag at a second. Of each the oracle keeps the outcomes that are possible: what was
 * acknowledged leaves one, what was tried adds one. */
#ifndef TESTS_STORAGE_FAULT_SCENARIO_H
#define TESTS_STORAGE_FAULT_SCENARIO_H

#include <stdbool.h>

#include "storage/base/file_fault.h"
#include "storage/base/file_memory.h"
#include "storage/store.h"

enum {
    FAULT_TAGS = 3, /* the last holds texts */
    FAULT_LIVES = 2,
    FAULT_LIFE_CELLS = 240,
    FAULT_CELLS = (FAULT_LIVES + 1) * FAULT_LIFE_CELLS, /* of each tag */
    FAULT_OUTCOMES_MAX = 4,
};

struct fault_cell {
    uint64_t outcomes[FAULT_OUTCOMES_MAX]; /* the newest last */
    size_t outcome_count;
    bool is_sent; /* the newest is in the log for sure, and not waited for */
};

struct fault_world {
    struct file_memory *memory;
    struct file_fault *fault;
    struct clock_virtual clock;
    struct store_options options;
    struct store *store; /* NULL while it is closed */
    struct error error;
    uint64_t failed_count; /* calls */
    enum status first_failure;
    char wrong[120]; /* the first promise that was seen broken; empty: none */
    bool was_open;
    bool tag_is_promised[FAULT_TAGS];
    bool unit_is_promised;
    size_t plant_count;           /* tags of the plant that are promised */
    uint32_t numbers[FAULT_TAGS]; /* TAG_NONE: it could not be made */
    uint64_t value_count;
    struct fault_cell cells[FAULT_TAGS][FAULT_CELLS];
};

/* A store that is not there yet, on a disk in memory. */
struct fault_world *fault_world_create(bool has_threads);
void fault_world_destroy(struct fault_world *world);

/* These check nothing by Check, which allocates, too: world->wrong says what they find. */
bool fault_open(struct fault_world *world);
void fault_read(struct fault_world *world); /* everything; what it may not show is wrong */
void fault_close(struct fault_world *world);

/* One life, from open to close: tags, samples in order and late, a scan, corrections, a mask,
 * flushes, merges, reading. Index FAULT_LIVES is for afterwards. */
void fault_life(struct fault_world *world, size_t index);

/* So many tags that their flush writes a snapshot of the catalog, and a start that reads it. */
void fault_plant(struct fault_world *world);

#endif
