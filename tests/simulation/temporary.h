/* Temporary directory: a place on a real disk for one test. */
#ifndef TESTS_SIMULATION_TEMPORARY_H
#define TESTS_SIMULATION_TEMPORARY_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEMPORARY_PATH_BYTES = 512 };

/* Makes an empty directory below $TMPDIR, or /tmp; its path into target. */
static inline void temporary_make(char target[TEMPORARY_PATH_BYTES])
{
    const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    int length =
        snprintf(target, TEMPORARY_PATH_BYTES, "%s/bede-test-XXXXXX", base ? base : "/tmp");
    ck_assert(length > 0 && length < TEMPORARY_PATH_BYTES);
    ck_assert_ptr_nonnull(mkdtemp(target));
}

static inline int temporary_remove_one(const char *path, const struct stat *facts, int type,
                                       struct FTW *walk)
{
    (void)facts;
    (void)type;
    (void)walk;
    return remove(path);
}

/* With all that it holds. */
static inline void temporary_remove(const char *path)
{
    ck_assert_int_eq(nftw(path, temporary_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
