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
 * At most 2 ns a value for runs in which quality and revision stay the same.
 *
 *   round(a, b) = (low(a * b) ^ a, high(a * b) ^ b)      of the 128-bit product
 *
 *   key   = XXH3-128 of struct digest_constants
 *   seed  = round(clock ^ key.low ^ DIGEST_CLOCK, quality ^ key.high ^ DIGEST_QUALITY)
 *   first = round(time  ^ key.low ^ DIGEST_TIME,  value   ^ key.high ^ DIGEST_VALUE)
 *   mix   = round(first.low ^ seed.low, first.high ^ seed.high)
 *   note  = XXH3-128 of its bytes; adds, only where there is one (D3),
 *           round(mix.low ^ note.low ^ DIGEST_NOTE_LOW, mix.high ^ note.high ^ DIGEST_NOTE_HIGH)
 *
 * A text's value is XXH3-64 of its bytes. docs/format/digest.md has an example, worked out. */
#ifndef STORAGE_DIGEST_H
#define STORAGE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/batch.h"

/* Fractions of the square roots of 2, 3, 5, 7, 11 and 13, made odd. */
#define DIGEST_CLOCK 0x6a09e667f3bcc909u
#define DIGEST_QUALITY 0xbb67ae8584caa73bu
#define DIGEST_TIME 0x3c6ef372fe94f82bu
#define DIGEST_VALUE 0xa54ff53a5f1d36f1u
#define DIGEST_NOTE_LOW 0x510e527fade682d1u
#define DIGEST_NOTE_HIGH 0x9b05688c2b3e6c1fu

/* What mostly stays the same from entry to entry: hashed once a run. */
struct digest_constants {
    struct identity identity;
    uint64_t origin;
    uint32_t generation;
    uint8_t type;
    uint8_t kind;
    uint8_t zero[2];
};

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
