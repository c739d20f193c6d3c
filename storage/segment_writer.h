/* Segment writer: makes one immutable segment file, tag by tag.
 *
 * The file is written under a temporary name in large sequential writes; finish syncs it, renames
 * it and syncs the directory. A writer that is destroyed unfinished leaves at most the temporary
 * name behind, which the store removes at its next start.
 *
 * Threads: one thread at a time. */
#ifndef STORAGE_SEGMENT_WRITER_H
#define STORAGE_SEGMENT_WRITER_H

#include <stdint.h>

#include "storage/base/file.h"
#include "storage/batch.h"
#include "storage/block_format.h"
#include "storage/segment_format.h"

struct segment_writer;

struct segment_writer_options {
    struct file_system *file_system;
    const char *directory; /* copied */
    uint64_t number;       /* gives the file its name */
    struct identity store;
    uint32_t level;
    uint32_t block_samples_max; /* 0: BLOCK_SAMPLES */
    uint32_t mixed_samples_max; /* tags with at most so many main samples share blocks; 0: none */
    uint32_t mixed_tags_max;    /* of one such block; 0: MIXED_TAGS_MAX */
    /* Whether the values of a tag hold until the next one; NULL: none do. Asked where blocks are
     * encoded: a copied one keeps what its descriptor says. */
    bool (*is_stepped)(void *context, struct identity identity);
    void *context;
};

enum status segment_writer_create(struct segment_writer **out_writer,
                                  const struct segment_writer_options *options,
                                  struct error *error);
void segment_writer_destroy(struct segment_writer *writer);

/* Adds entries of one tag. Calls rise by (identity, kind); calls for the same (identity, kind) go
 * on where the last one ended (F3 holds across them), and samples are gathered into full blocks. A
 * change of type begins a new block. sequence: greatest local sequence among them. */
enum status segment_writer_add(struct segment_writer *writer, struct identity identity,
                               enum block_kind kind, const struct batch *batch, uint64_t sequence,
                               struct error *error);

/* Copies an intact block with its descriptor, byte for byte. */
enum status segment_writer_copy(struct segment_writer *writer, const uint8_t *block,
                                const struct block_descriptor *descriptor, struct error *error);

uint64_t segment_writer_sample_count(const struct segment_writer *writer);
uint64_t segment_writer_bytes(const struct segment_writer *writer); /* of blocks, so far */

/* Writes descriptors to footer, syncs, renames. ASSERTs that something was added. out_footer and
 * out_bytes may be NULL. */
enum status segment_writer_finish(struct segment_writer *writer, struct segment_footer *out_footer,
                                  uint64_t *out_bytes, struct error *error);

#endif
