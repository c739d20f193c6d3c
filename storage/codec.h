/* Codec: one way to store a column of 64-bit words or of texts.
 *
 * To add one: write its file, add its row to the table in codec.c and its id here. Ids are on
 * disk and are never reused. docs/format/codecs.md draws the bytes of each.
 *
 * Some codecs make other columns of a column - digits of decimals, the floats behind doubles - and
 * store those by another codec. A row says the words of which types it takes, and gives on only
 * words of a type further right, so nesting ends:
 *
 *   parts (more than a run)  ->  f64  ->  f32  ->  i64
 *
 * K1  decode(encode(x)) is x, bit for bit
 * K2  the encoded bytes are a function of the words, their type, the hint and the class alone
 * K3  decode() reads nothing outside source[0..source_bytes) and writes nothing outside
 *     target[0..count rounded up to CODEC_TARGET_MULTIPLE): whatever the bytes are, the answer is
 *     a status
 */
#ifndef STORAGE_CODEC_H
#define STORAGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/bytes.h"
#include "storage/base/status.h"
#include "storage/kernels.h"
#include "storage/sample.h"

enum codec_id {
    CODEC_ABSENT = 0,           /* no bytes: every word is the stream's default */
    CODEC_RAW = 1,              /* the words */
    CODEC_CONSTANT = 2,         /* one word */
    CODEC_STEADY = 3,           /* first word, difference */
    CODEC_FOR = 4,              /* word - base, packed at one width */
    CODEC_DELTA = 5,            /* first word, then differences ÷ their unit, as FOR */
    CODEC_RLE = 6,              /* runs: words as FOR, lengths as FOR */
    CODEC_DICTIONARY = 7,       /* distinct words as FOR, then their numbers, packed */
    CODEC_DECIMAL = 8,          /* doubles: decimal digits, nested */
    CODEC_DECIMAL_SINGLE = 9,   /* floats: the same */
    CODEC_SINGLE = 10,          /* doubles that were floats: floats, nested, and rests, nested */
    CODEC_SPLIT = 11,           /* left bits by a small dictionary, right bits packed */
    CODEC_LZ4 = 12,             /* the words as bytes, compressed */
    CODEC_PLANES = 13,          /* for archives: byte planes, by zstd */
    CODEC_PARTS = 14,           /* more than a run: each run by itself */
    CODEC_TEXT = 15,            /* lengths, then the bytes one behind the other */
    CODEC_TEXT_LZ4 = 16,        /* the same, compressed */
    CODEC_TEXT_DICTIONARY = 17, /* distinct texts, as one of the two above, then their numbers */
    CODEC_GRID = 18,            /* first word, step; which are off the grid, and by how much */
};

enum {
    CODEC_VALUES_MAX = 65535,
    CODEC_RUN = 1024, /* the longest column but for the simplest codecs */
    CODEC_TARGET_MULTIPLE = 64,
    CODEC_BYTES_ENOUGH = 16, /* looking on costs more than it could save */
};

enum codec_class {
    CODEC_EVERYDAY,
    CODEC_ARCHIVE, /* written once, rarely read: zstd, where it saves a twenty-fifth or more */
};

/* What a column like this one took before. Zero: nothing is known. The owner keeps one for each
 * tag; every encoding reads it and brings it up to date. */
struct codec_hint {
    uint8_t codec;    /* enum codec_id of the last winner; 0: none */
    uint8_t inner;    /* of the column it nests */
    uint8_t exponent; /* of decimals */
    uint8_t factor;
    uint8_t age;        /* columns that took it unquestioned since all were tried */
    uint32_t run_bytes; /* what a run takes, on average */
};

/* What is to be encoded. */
struct codec_column {
    enum value_type type;
    enum codec_class class;
    const uint64_t *words;
    size_t count;
    struct survey survey; /* of the words */
};

struct codec {
    enum codec_id id;
    const char *name;
    unsigned types;   /* 1 << enum value_type, of each type whose words it takes */
    size_t count_max; /* words in a column */
    enum codec_class class;

    /* Returns the bytes written, at most room; 0 when these words are not for this codec, or it
     * cannot do with less than room. The hint says what worked before, or nothing, and learns what
     * worked now; never NULL. */
    size_t (*encode)(uint8_t *target, size_t room, const struct codec_column *column,
                     struct codec_hint *hint);

    /* STATUS_CORRUPT when source does not hold exactly count words. target is aligned to 64 and has
     * room for count rounded up to a multiple of CODEC_TARGET_MULTIPLE. */
    enum status (*decode)(uint64_t *target, size_t count, const uint8_t *source,
                          size_t source_bytes);
};

#define CODEC_OF(type) (1u << (type))
#define CODEC_OF_WORDS                                                                        \
    (CODEC_OF(VALUE_F64) | CODEC_OF(VALUE_F32) | CODEC_OF(VALUE_I64) | CODEC_OF(VALUE_BOOL) | \
     CODEC_OF(VALUE_STATE))

extern const struct codec codec_raw;
extern const struct codec codec_constant;
extern const struct codec codec_steady;
extern const struct codec codec_for;
extern const struct codec codec_delta;
extern const struct codec codec_grid;
extern const struct codec codec_rle;
extern const struct codec codec_dictionary;
extern const struct codec codec_decimal;
extern const struct codec codec_decimal_single;
extern const struct codec codec_single;
extern const struct codec codec_split;
extern const struct codec codec_lz4;
extern const struct codec codec_planes;
extern const struct codec codec_parts;

extern const struct codec *const codecs[]; /* of words, in order of preference at equal size */
extern const size_t codecs_count;

const struct codec *codec_find(uint8_t id);         /* NULL when unknown or not of words */
bool codec_takes(uint8_t id, enum value_type type); /* words of this type; false when unknown */

/* What codec_encode() writes at most. */
static inline size_t codec_bytes_max(size_t count)
{
    return count * sizeof(uint64_t);
}

/* Stores the column by the codec that makes it smallest: the hint's, if it does about as well as it
 * did; else all are tried. Returns the bytes written. The hint may be NULL. */
size_t codec_encode(uint8_t *target, enum value_type type, const uint64_t *words, size_t count,
                    struct codec_hint *hint, enum codec_class class, enum codec_id *out_id);

/* By the codec of this id; STATUS_CORRUPT when that takes no words of this type. */
enum status codec_decode(uint64_t *target, uint8_t id, enum value_type type, size_t count,
                         const uint8_t *source, size_t source_bytes);

/* Of a column in parts those that words first..end - 1 lie in; first begins a part. What lies behind
 * them is not looked at. target has room for whole parts. */
enum status parts_decode_range(uint64_t *target, enum value_type type, size_t count, size_t first,
                               size_t end, const uint8_t *source, size_t source_bytes);

/* Columns within a column, at its end: | codec u8 | the column ... |; or, with what is to be added to
 * each word, two of them, and the bytes of the first in front. */
struct codec_pair {
    enum value_type type;
    enum codec_class class;
    const uint64_t *words;
    const uint64_t *rests; /* i64; NULL: there are none */
};

/* Keeps to its room as a codec does. The hint is of the words. */
size_t codec_pair_encode(uint8_t *target, size_t room, const struct codec_pair *pair, size_t count,
                         struct codec_hint *hint);

/* Takes all that the reader has left. Both targets as those of decode(); rests may be NULL. */
enum status codec_pair_decode(uint64_t *words, uint64_t *rests, enum value_type type, size_t count,
                              struct bytes_reader *reader);

/* Texts: values are addresses of struct text_value. target needs text_codec_bytes_max(). Few
 * distinct ones are written once each. */
size_t text_codec_bytes_max(const uint64_t *values, size_t count);
size_t text_codec_encode(uint8_t *target, const uint64_t *values, size_t count,
                         enum codec_id *out_id);
bool text_codec_takes(uint8_t id);
/* Gives the addresses of texts built in the arena; target is as for a codec of words. A zero length
 * and a NULL text differ: NULL (0) stays 0. */
enum status text_codec_decode(uint64_t *target, size_t count, enum codec_id id,
                              const uint8_t *source, size_t source_bytes, struct arena *arena);

#endif
