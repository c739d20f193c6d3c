/* Manifest: which files make up the store at this moment, as a log of edits.
 *
 *   MANIFEST-n   [ header 64 ][ edit ][ edit ] …    the first edit holds the whole state
 *   edit         [ magic u32 | bytes u32 | checksum u64 ][ body, a multiple of 8 ]
 *   CURRENT      "MANIFEST-<n> <checksum of that name>\n", replaced by rename
 *
 * M1  an edit is durable before manifest_commit() returns; a torn last edit never counted
 * M2  a new MANIFEST is complete and durable before CURRENT names it
 * M3  the two newest are kept; the older one is a valid, if outdated, state
 * M4  a bad edit that whole ones follow is damage, not a torn tail; a seal (manifest_format.h)
 *     follows every edit once that is durable
 * M5  an open manifest never goes on in a file that it found: its first commit starts the next one
 *
 * Threads: the owner locks. */
#ifndef STORAGE_MANIFEST_H
#define STORAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/file.h"
#include "storage/manifest_edit.h"

struct manifest;

/* STATUS_NOT_FOUND when the directory holds no store. STATUS_CORRUPT when CURRENT or the manifest
 * is damaged, naming it (whatever is intact is not guessed at here). */
enum status manifest_open(struct manifest **out_manifest, struct file_system *file_system,
                          const char *directory, struct error *error);

/* For a new store: state->segments is empty. */
enum status manifest_create(struct manifest **out_manifest, struct file_system *file_system,
                            const char *directory, const struct manifest_state *state,
                            struct error *error);
void manifest_close(struct manifest *manifest); /* accepts NULL */

const struct manifest_state *manifest_state(const struct manifest *manifest);

/* Appends one edit and syncs; starts a new MANIFEST when the file has grown past its limit. A
 * failure leaves the state as it was; one that comes once writing has begun leaves open what a
 * reader finds, so every later commit is refused. */
enum status manifest_commit(struct manifest *manifest, const struct manifest_edit *edit,
                            struct error *error);

/* Whether a commit failed while it was written: what it named may be found at the next start or not,
 * and no other commit is accepted. */
bool manifest_is_in_doubt(const struct manifest *manifest);

/* The size that makes a commit start a new file: for tests, which cannot wait for 1 MiB. */
void manifest_limit(struct manifest *manifest, uint64_t file_bytes_max);

/* Writes the whole state to a new MANIFEST. For a store that goes on after an open: what was read may
 * be in the system's cache alone, and after a sync that failed no other sync makes it durable. */
enum status manifest_renew(struct manifest *manifest, struct error *error);

/* Reads everything again and calls report once a damage. */
enum status manifest_verify(struct file_system *file_system, const char *directory,
                            void (*report)(void *context, const char *text), void *context,
                            uint64_t *out_damaged_count, struct error *error);

#endif
