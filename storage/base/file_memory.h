/* File memory: a file system in memory that can lose its power.
 *
 * All paths, with a leading slash or without, begin at its one root, which is there from the
 * start. What is not synced may not survive a crash; file_crash.h says how much of it does.
 *
 * After a crash the files that were open answer every call with STATUS_IO, and locks are gone;
 * closing such files is as before, and file_memory_destroy() closes what was forgotten.
 *
 * Threads: as any file system; one mutex guards all of it. */
#ifndef STORAGE_BASE_FILE_MEMORY_H
#define STORAGE_BASE_FILE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/file.h"
#include "storage/base/file_crash.h"
#include "storage/base/random.h"

struct file_memory;

enum status file_memory_create(struct file_memory **out_memory, struct error *error);
void file_memory_destroy(struct file_memory *memory);

/* Borrowed; lives as long as memory. */
struct file_system *file_memory_system(struct file_memory *memory);

/* A second disk of the same content, unsynced changes included: to crash one moment in many ways.
 * No file is open on it and no lock held. */
enum status file_memory_copy(struct file_memory **out_copy, struct file_memory *memory,
                             struct error *error);

void file_memory_crash(struct file_memory *memory, struct random *random, enum file_crash crash);

/* Above bytes_max, writes fail with STATUS_NO_SPACE after what still fitted. At first there is no
 * limit. */
void file_memory_limit(struct file_memory *memory, uint64_t bytes_max);
uint64_t file_memory_total_bytes(struct file_memory *memory);

/* What a reader of the file would see; borrowed until the file next changes. STATUS_NOT_FOUND
 * when there is no such file. */
enum status file_memory_bytes(struct file_memory *memory, const char *path,
                              const uint8_t **out_bytes, size_t *out_size);

/* Replaces bytes within the file as a bad disk would: at once, and for good. STATUS_NOT_FOUND when
 * there is no such file. */
enum status file_memory_damage(struct file_memory *memory, const char *path, const void *bytes,
                               size_t size, uint64_t offset);

/* What a failed sync does: unsynced changes stay visible, but no later sync makes them durable.
 * Files of other forms are left alone. */
void file_memory_drop(struct file *file);
void file_memory_drop_directory(struct file_system *file_system, const char *path);

#endif
