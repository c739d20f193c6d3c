/* Stream: one column on its way into a block, or out of one.
 *
 *   lengths   a u32 for each stream whose codec is not ABSENT, in the order of the block's list;
 *             zeros up to a multiple of STREAM_ALIGNMENT
 *   streams   each padded with zeros to STREAM_ALIGNMENT
 *
 * Which streams a block has, how many words each holds and what an absent one means is said where
 * the block is: block_format.h, mixed_format.h. */
#ifndef STORAGE_STREAM_H
#define STORAGE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/status.h"
#include "storage/codec.h"

enum { STREAM_ALIGNMENT = 8 };

/* ---- Into a block ---- */

struct stream_plan {
    uint8_t codec;          /* enum codec_id */
    uint64_t word;          /* the first */
    const uint8_t *encoded; /* NULL: all are word */
    size_t bytes;
};

/* How words are to be stored. */
struct stream_wish {
    enum value_type type;
    struct codec_hint *hint; /* NULL: none */
    enum codec_class class;
};

/* Encodes these words, and returns the place behind; target needs codec_bytes_max() and outlives the
 * plan. Without words all are word, and nothing is written. Wish NULL: i64, every day. */
uint8_t *stream_plan_words(struct stream_plan *plan, uint8_t *target, const uint64_t *words,
                           uint64_t word, size_t count, const struct stream_wish *wish);
/* Leaves the stream out when all its words are this one. */
void stream_plan_default(struct stream_plan *plan, uint64_t word);

/* Bytes of lengths and streams together; a multiple of STREAM_ALIGNMENT. */
size_t streams_bytes(const struct stream_plan *plans, size_t stream_count);
void streams_write(uint8_t *target, const struct stream_plan *plans, size_t stream_count);

/* ---- Out of a block ---- */

struct stream {
    uint8_t codec; /* enum codec_id */
    const uint8_t *bytes;
    size_t size;
};

/* Where in a payload the first stream begins. */
size_t streams_lengths_bytes(const uint8_t *codecs_of_streams, size_t stream_count);

/* False unless lengths, streams and padding are the whole payload. */
bool streams_find(struct stream *streams, const uint8_t *codecs_of_streams, size_t stream_count,
                  const uint8_t *payload, size_t payload_bytes);

/* All words, of a stream that is there: in the arena, or where they lie. */
enum status stream_words(const struct stream *stream, enum value_type type, size_t count,
                         struct arena *arena, const uint64_t **out_words);
/* A part of them; what lies apart from it need not be decoded, nor looked at. */
struct stream_range {
    size_t first;
    size_t count;
};
enum status stream_words_range(const struct stream *stream, enum value_type type, size_t count,
                               struct stream_range range, struct arena *arena,
                               const uint64_t **out_words);
/* Of i64. NULL words: all are *word, which holds the default before. */
enum status stream_column(const struct stream *stream, size_t count, struct arena *arena,
                          const uint64_t **out_words, uint64_t *word);
enum status stream_texts(const struct stream *stream, size_t count, struct arena *arena,
                         const uint64_t **out_words);

/* Words as a narrower column; STATUS_CORRUPT when one does not fit. */
enum status stream_narrow_u32(const uint64_t *words, size_t count, struct arena *arena,
                              const uint32_t **out_column);
enum status stream_narrow_u8(const uint64_t *words, size_t count, struct arena *arena,
                             const uint8_t **out_column);

#endif
