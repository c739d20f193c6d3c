/* File fault: a file system whose chosen call fails.
 *
 * It stands before any other and passes every call on, counting them; the one that the plan names
 * fails, once, or with all that follow. A test runs its scenario with step 0, 1, 2 ... until a run
 * does not meet the fault.
 *
 * A failing write writes a part of its bytes first. A failing sync, before a file system in memory,
 * also loses what it should have made durable, for good: a later sync that succeeds does not bring
 * it back. Any other failing call does nothing.
 *
 * Threads: as any file system; the plan is made while no call runs. */
#ifndef STORAGE_BASE_FILE_FAULT_H
#define STORAGE_BASE_FILE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/file.h"

struct file_fault;

struct file_fault_plan {
    enum status status;     /* STATUS_IO; or STATUS_NO_SPACE, which counts and hits only calls that
                               may need room */
    uint64_t step;          /* the call that fails; the first is 0 */
    bool is_sticky;         /* and all calls after it */
    uint32_t part_per_1024; /* of a failing write that reaches the file */
};

/* Passes everything on until it has a plan. Wrapped is borrowed. */
enum status file_fault_create(struct file_fault **out_fault, struct file_system *wrapped,
                              struct error *error);
/* No file may be open. */
void file_fault_destroy(struct file_fault *fault);

/* Borrowed; lives as long as fault. */
struct file_system *file_fault_system(struct file_fault *fault);

/* Counts from 0 again. NULL: no call fails. */
void file_fault_plan(struct file_fault *fault, const struct file_fault_plan *plan);
bool file_fault_is_met(const struct file_fault *fault);

/* Calls since the last plan, as it counts them. */
uint64_t file_fault_step_count(const struct file_fault *fault);
uint64_t file_fault_open_count(const struct file_fault *fault);

#endif
