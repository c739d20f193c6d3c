/* Compaction plan: which segments to merge next, and into which windows of time.
 *
 *   flushes ── loose ──▶ days ──▶ the month, when it is small
 *                  └───▶ the month, when it is over       (far from now: before, after)
 *
 * Every segment has a home: the window that it is merged within. One that lies in no window of its
 * level is loose: its home is all of time, and a merge of loose ones deals their samples out
 * (compaction_deal.h). What could not be dealt out at once is a stretch, and is dealt out further,
 * alone. A day of a small month moves up to the month once it is closed.
 *
 * K1  what a merge takes has one home; what it makes lies in windows
 * K2  within a home only segments of about one size are merged, in numbers, so that a byte is
 *     rewritten a logarithmic number of times; an excess of segments is merged whatever their sizes
 * K3  it ends: a merge within a window leaves fewer segments than it took, and what is dealt out
 *     makes windows, or stretches that reach over fewer of them
 *
 * Pure: the caller says what there is and what time it is. */
#ifndef STORAGE_COMPACTION_PLAN_H
#define STORAGE_COMPACTION_PLAN_H

#include <stddef.h>

#include "storage/time_window.h"

struct compaction_limits {
    size_t merge_count_max;      /* segments that one merge takes */
    uint64_t merge_bytes_max;    /* and their bytes */
    size_t loose_count_min;      /* so many loose ones of about one size are merged */
    size_t loose_count_max;      /* above it the smallest are, whatever their sizes */
    size_t open_count_min;       /* the same in a day that is not closed, */
    size_t month_open_count_min; /* in a month that is not, */
    size_t closed_count_min;     /* and in one that is */
    size_t window_count_max;     /* in any window */
    size_t segment_count_max;    /* in all: above it two in a closed window are enough */
    unsigned size_ratio;         /* "about one size": at most so many times the smallest */
    uint64_t small_bytes;        /* below it all count as of one size */
    uint64_t month_bytes_max;    /* a month of more stays in days */
    int64_t closed_after_ns;     /* a window is closed so long after its end */
    size_t output_count_max;     /* windows that loose ones are dealt out into at once */
};

/* As the plan says until it says nothing more; and into one segment a window. */
extern const struct compaction_limits compaction_limits_usual;
extern const struct compaction_limits compaction_limits_all;

struct compaction_segment {
    size_t index; /* the caller's */
    int64_t first_ns;
    int64_t last_ns;
    uint64_t bytes;
    uint32_t level;
    struct time_window home; /* filled in, as below */
    int64_t month_ns;        /* where its month begins; INT64_MIN: it lies in none */
};

/* What the plan looks at: segments, which it sorts by home and size, and the time. */
struct compaction_view {
    struct compaction_segment *segments; /* borrowed */
    size_t count;
    const struct compaction_limits *limits;
    int64_t now_ns;
    int64_t newest_ns;      /* of all samples that are not in the future */
    struct time_window era; /* of now */
};

void compaction_view_init(struct compaction_view *view, struct compaction_segment *segments,
                          size_t count, int64_t now_ns, const struct compaction_limits *limits);

/* Segments first_index .. first_index + count - 1 are to be merged; count 0: nothing to do. */
struct compaction_plan {
    size_t first_index;
    size_t count;
    struct time_window home; /* all of time: to be dealt out */
};
struct compaction_plan compaction_plan(const struct compaction_view *view);

/* Where a loose sample of this time belongs. */
struct time_window compaction_window(const struct compaction_view *view, int64_t time_ns);

#endif
