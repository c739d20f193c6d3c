/* Runs: | how many | frame of the word of each | frame of the length of each |. */
#include "storage/codec.h"
#include "storage/codec_field.h"
#include "storage/codec_frame.h"

enum {
    RUN_BYTES_MIN = 2, /* what a run takes, guessed low */
    REPEATS_PART = 4,  /* where less than a quarter repeats, lengths cost what words save */
};

static size_t find_runs(uint64_t *run_words, uint64_t *lengths, const uint64_t *words, size_t count)
{
    size_t runs = 0, first = 0;
    for (size_t i = 1; i <= count; i++) {
        if (i < count && words[i] == words[first]) continue;
        run_words[runs] = words[first];
        lengths[runs] = i - first;
        runs++;
        first = i;
    }
    return runs;
}

static size_t rle_encode(uint8_t *target, size_t room, const struct codec_column *column,
                         struct codec_hint *hint)
{
    (void)hint;
    size_t changes = column->survey.changes;
    if (room < FIELD_BYTES_MAX || changes * RUN_BYTES_MIN > room) return 0;
    if (changes > column->count - column->count / REPEATS_PART) return 0;
    uint64_t run_words[CODEC_RUN], lengths[CODEC_RUN];
    size_t runs = find_runs(run_words, lengths, column->words, column->count);

    size_t header_bytes = (size_t)(field_put(target, runs) - target);
    size_t bytes = header_bytes;
    size_t words_bytes = frame_encode(target + bytes, room - bytes, run_words, runs, NULL);
    bytes += words_bytes;
    size_t lengths_bytes = frame_encode(target + bytes, room - bytes, lengths, runs, NULL);
    bytes += lengths_bytes;
    return words_bytes && lengths_bytes ? bytes : 0;
}

static enum status fill(uint64_t *target, size_t count, const uint64_t *run_words,
                        const uint64_t *lengths, size_t runs)
{
    size_t filled = 0;
    for (size_t run = 0; run < runs; run++) {
        size_t length = lengths[run];
        if (length == 0 || length > count - filled) return STATUS_CORRUPT;
        for (size_t i = 0; i < length; i++) target[filled + i] = run_words[run];
        filled += length;
    }
    return filled == count ? STATUS_OK : STATUS_CORRUPT;
}

static enum status rle_decode(uint64_t *target, size_t count, const uint8_t *source,
                              size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    uint64_t runs = field_take(&reader);
    if (reader.failed || runs == 0 || runs > count) return STATUS_CORRUPT;
    uint64_t run_words[CODEC_RUN], lengths[CODEC_RUN];
    enum status status = frame_decode(run_words, runs, &reader);
    if (status < 0) return status;
    status = frame_decode(lengths, runs, &reader);
    if (status < 0) return status;
    if (reader.next != reader.end) return STATUS_CORRUPT;
    return fill(target, count, run_words, lengths, runs);
}

const struct codec codec_rle = {
    .id = CODEC_RLE,
    .name = "rle",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_RUN,
    .encode = rle_encode,
    .decode = rle_decode,
};
