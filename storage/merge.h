/* Merge: several sources of one tag as one stream of cells, in order of time.
 *
 * Where only one source has anything to say, whole stretches pass through untouched; only cells
 * that several sources know, and those with explicit entries, are taken apart.
 *
 *   source a   ████████████        ██████████
 *   source b              ▲ ████████        ▲
 *   steps      [ run      ][cell][ run  ][ run …
 *
 * X1  steps rise strictly in time, and together hold every entry of every source
 * X2  a run's rows are collected, each alone in its cell
 * X3  no step reaches the limit; a higher limit lets the merge go on where it ended
 */
#ifndef STORAGE_MERGE_H
#define STORAGE_MERGE_H

#include "storage/source.h"

enum { MERGE_SOURCES_MAX = 4096 };

struct merge_step {
    uint64_t sequence; /* none of its entries has a greater one */
    /* A run when its sample_count is above 0: a view, valid until the next step. */
    struct batch run;
    /* Else a cell: entries in no order, equal ones perhaps more than once. Valid as long. */
    int64_t time_ns;
    const struct entry *entries;
    size_t entry_count;
};

struct merge {
    struct source **sources; /* owned array of borrowed sources; those with rows left */
    size_t source_count;
    size_t source_count_max;
    struct entry *entries; /* owned; of the cell at hand */
    size_t entry_count_max;
    struct arena kept; /* texts of the cell at hand whose source had to move on */
    size_t run_source; /* whose run was handed out last, to be stepped over */
    size_t run_count;  /* 0: none */
    int64_t limit_ns;  /* INT64_MAX, which no stored time is, unless merge_limit() said less */
};

void merge_init(struct merge *merge);
void merge_finish(struct merge *merge);
void merge_reset(struct merge *merge); /* forgets the sources and the limit */
/* Only what lies below it is given out. */
void merge_limit(struct merge *merge, int64_t limit_ns);

/* The source has rows loaded (its open gave STATUS_OK). */
enum status merge_add(struct merge *merge, struct source *source, struct error *error);

/* The time of the next step, whatever the limit; INT64_MAX: there is none. Not while a run is out:
 * after merge_next() gave STATUS_END. */
int64_t merge_next_ns(const struct merge *merge);

/* STATUS_END after the last below the limit. */
enum status merge_next(struct merge *merge, struct merge_step *out_step, struct error *error);

#endif
