/* Allocation: memory that runs out at a chosen allocation, for tests that walk through all of them.
 *
 *   for (uint64_t step = 0, is_met = true; is_met; step++) {
 *       allocation_fail(step, ALLOCATION_ONCE);
 *       enum status status = scenario();
 *       is_met = allocation_is_met();
 *       allocation_succeed();
 *       ck_assert_int_eq(status, is_met ? STATUS_NO_MEMORY : STATUS_OK);
 *   }
 *
 * A test that names allocation_dep in tests/meson.build has its malloc(), calloc(), realloc(),
 * aligned_alloc(), strdup(), strndup() and free() replaced, with those of everything linked into
 * it, the test framework's included: no ck_assert between allocation_fail() and
 * allocation_succeed(). Shared libraries keep their own.
 *
 * Threads: all are counted, and fail, alike. */
#ifndef TESTS_SIMULATION_ALLOCATION_H
#define TESTS_SIMULATION_ALLOCATION_H

#include <stdbool.h>
#include <stdint.h>

enum allocation_failure {
    ALLOCATION_ONCE,
    ALLOCATION_STICKY, /* and all later ones */
};

/* The allocation that many steps from now fails; 0 is the next. */
void allocation_fail(uint64_t step, enum allocation_failure failure);
void allocation_succeed(void);

/* Whether one failed since the last allocation_fail(). */
bool allocation_is_met(void);

/* Allocated and not freed; compare two, for leaks. */
int64_t allocation_live_count(void);

#endif
