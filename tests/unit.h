/* Unit tests with Check: a list of tests, one line to run them. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/status.h"

/* Check notes every assertion that holds in a temporary file, to name the last one if the test
 * dies: a test on seeds would fill the disk with them, at 70 MB a second. All its other assertions
 * are made of this one. */
#undef ck_assert_msg
#define ck_assert_msg(condition, ...)                                                         \
    ((condition) ? (void)0                                                                    \
                 : _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #condition "' failed", \
                                     __VA_ARGS__))

/* ck_assert that a status is as expected, with the error's text when it is not. */
#define ASSERT_STATUS(expected, call, error)                                            \
    do {                                                                                \
        (error)->text[0] = 0;                                                           \
        enum status unit_status = (call);                                               \
        ck_assert_msg(unit_status == (expected), "%s: got %s, expected %s (%s)", #call, \
                      status_text(unit_status), status_text(expected), (error)->text);  \
    } while (0)
#define ASSERT_OK(call, error) ASSERT_STATUS(STATUS_OK, call, error)

/* Runs them in this process (sanitizers see everything) unless CK_FORK says otherwise. Returns
 * what main() returns. */
static inline int unit_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    for (size_t i = 0; i < count; i++) {
        TCase *tcase = tcase_create(name);
        tcase_set_timeout(tcase, 0);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* How long a test on seeds may run: BEDE_SEEDS fixes the number of seeds, BEDE_SEED runs one. */
static inline uint64_t unit_number(const char *variable, uint64_t fallback)
{
    const char *text = getenv(variable); /* NOLINT(concurrency-mt-unsafe) */
    return text ? strtoull(text, NULL, 0) : fallback;
}

#endif
