/* Codec: one way to store a column of 64-bit words or of texts.
 *
 * To add one: write its file, add its row to the table in codec.c and its id here. Ids are on
 * disk and are never reused. docs/format/codecs.md draws the bytes of each.
 *
 * K1  decode(encode(x)) is x, bit for bit
 * K2  the encoded bytes are a function of the values alone
 * K3  decode() reads nothing outside source[0..source_bytes) and writes nothing outside
 *     target[0..count rounded up to CODEC_TARGET_MULTIPLE): whatever the bytes are, the answer is
 *     a status
 */
#ifndef STORAGE_CODEC_H
#define STORAGE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/status.h"
#include "storage/sample.h"

enum codec_id {
    CODEC_ABSENT = 0,   /* no bytes: every word is the stream's default */
    CODEC_RAW = 1,      /* the words */
    CODEC_CONSTANT = 2, /* one word */
    CODEC_RLE = 3,      /* runs: word, length */
    CODEC_FOR = 4,      /* word - minimum, packed at one width */
    CODEC_DELTA = 5,    /* first word, then (differences - minimum) ÷ their gcd, packed */
    CODEC_TEXT = 6,     /* lengths, then the bytes one behind the other */
    CODEC_TEXT_LZ4 = 7, /* the same, compressed */
};

enum {
    CODEC_VALUES_MAX = 65535,
    CODEC_TARGET_MULTIPLE = 64,
    CODEC_BYTES_ENOUGH = 16, /* looking on costs more than it could save */
};

struct codec {
    enum codec_id id;
    const char *name;

    /* Bytes that encode() will write, or SIZE_MAX when these words are not for this codec. */
    size_t (*measure)(const uint64_t *values, size_t count);

    /* Writes measure() bytes. */
    void (*encode)(uint8_t *target, const uint64_t *values, size_t count);

    /* STATUS_CORRUPT when source does not hold exactly count words. target is aligned to 64 and has
     * room for count rounded up to a multiple of CODEC_TARGET_MULTIPLE. */
    enum status (*decode)(uint64_t *target, size_t count, const uint8_t *source,
                          size_t source_bytes);
};

extern const struct codec codec_raw;
extern const struct codec codec_constant;
extern const struct codec codec_rle;
extern const struct codec codec_for;
extern const struct codec codec_delta;

extern const struct codec *const codecs[]; /* of words, in order of preference at equal size */
extern const size_t codecs_count;

const struct codec *codec_find(uint8_t id); /* NULL when unknown or not of words */

/* The smallest, or the first of the table that is small enough; raw for anything. */
const struct codec *codec_choose(const uint64_t *values, size_t count, size_t *out_bytes);

/* Texts: values are addresses of struct text_value. target needs text_codec_bytes_max(). */
size_t text_codec_bytes_max(const uint64_t *values, size_t count);
size_t text_codec_encode(uint8_t *target, const uint64_t *values, size_t count,
                         enum codec_id *out_id);
/* Gives the addresses of texts built in the arena. A zero length and a NULL text differ: NULL (0)
 * stays 0. */
enum status text_codec_decode(uint64_t *target, size_t count, enum codec_id id,
                              const uint8_t *source, size_t source_bytes, struct arena *arena);

#endif
