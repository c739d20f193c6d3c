/* Digest: a short sum that two servers compare instead of their data.
 *
 * The digest of a set of entries is the sum, modulo 2^128, of one mix an entry, and their count;
 * the digest of a cell is that of its state (E4), so it covers everything that must be equal on
 * every server: identity, time, type, kind, revision, quality, value or text, origin and note.
 *
 * D1  additive: digest(A and B) = digest(A) + digest(B), whatever blocks they lie in
 * D2  a doubled entry does not cancel (sum, not xor)
 * D3  the mix never changes; a new field of an entry must not change the mix of entries without it
 *
 * At most 2 ns a value for runs in which quality and revision stay the same. */
#ifndef STORAGE_DIGEST_H
#define STORAGE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/batch.h"

struct digest {
    uint64_t low;
    uint64_t high;
    uint64_t count;
};

void digest_add(struct digest *digest, struct digest other);
void digest_subtract(struct digest *digest, struct digest other);
bool digest_equal(struct digest left, struct digest right);

/* Adds every entry of a batch of one tag. */
void digest_batch(struct digest *digest, struct identity identity, const struct batch *batch);
void digest_entry(struct digest *digest, struct identity identity, int64_t time_ns,
                  const struct entry *entry);

#endif
