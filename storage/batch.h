/* Batch: samples on their way somewhere, in columns. The one currency of this program: a driver
 * fills it, the WAL records it, the head keeps it, a block stores it, a cursor hands it out.
 *
 * A column that is NULL stands for "the same for all", with the value in the field beside it. A
 * batch is a view: the columns are borrowed for the length of the call.
 *
 * B1  sample_count >= 1
 * B2  either all samples are of one tag (tags NULL), or all have one time (times_ns NULL)
 * B3  every type is valid, and every value is valid for its type
 * B4  notes are there only in batches of explicit entries of one tag
 */
#ifndef STORAGE_BATCH_H
#define STORAGE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "storage/entry.h"

struct batch {
    uint32_t sample_count;
    uint32_t tag; /* local number, while tags is NULL */
    const uint32_t *tags;
    int64_t time_ns; /* while times_ns is NULL */
    const int64_t *times_ns;
    const uint64_t *values;
    const uint32_t *qualities; /* NULL: all good */
    uint8_t type;              /* while types is NULL */
    const uint8_t *types;
    uint8_t kind; /* enum entry_kind, while kinds is NULL */
    const uint8_t *kinds;
    uint64_t clock; /* of the revision; 0: collected in order */
    const uint64_t *clocks;
    uint32_t generation;
    const uint32_t *generations;
    uint64_t origin;
    const uint64_t *origins;
    const struct text_value *const *notes; /* NULL: none; entries may be NULL */
};

static inline int64_t batch_time_ns(const struct batch *batch, size_t index)
{
    return batch->times_ns ? batch->times_ns[index] : batch->time_ns;
}

static inline uint32_t batch_tag(const struct batch *batch, size_t index)
{
    return batch->tags ? batch->tags[index] : batch->tag;
}

static inline uint8_t batch_type(const struct batch *batch, size_t index)
{
    return batch->types ? batch->types[index] : batch->type;
}

struct entry batch_entry(const struct batch *batch, size_t index);

/* The samples first .. first + count - 1 of batch, as a view of the same columns. */
struct batch batch_slice(const struct batch *batch, size_t first, size_t count);

#endif
