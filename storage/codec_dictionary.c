/* Few distinct words: | how many | frame of them, in order of first use | their numbers, packed |. */
#include "storage/codec.h"
#include "storage/codec_field.h"
#include "storage/codec_frame.h"
#include "storage/packing.h"

enum {
    ENTRIES_MIN = 2,
    ENTRIES_MAX = 256,
    ENTRIES_WIDTH_MAX = 8,
    SLOTS = 1024, /* at most a quarter is filled */
    SAMPLE = 64,
    SAMPLE_DISTINCT_MAX = 60, /* more: no column of few */
    NO_ENTRY = UINT16_MAX,
};

struct dictionary {
    uint64_t words[ENTRIES_MAX];
    size_t count;
    size_t count_max;
    uint16_t slots[SLOTS]; /* number of the entry, or NO_ENTRY */
};

static void dictionary_init(struct dictionary *dictionary, size_t count_max)
{
    dictionary->count = 0;
    dictionary->count_max = count_max;
    memset(dictionary->slots, 0xff, sizeof dictionary->slots); /* NO_ENTRY */
}

/* The number of the word, new or not; NO_ENTRY when it is one too many. */
static size_t dictionary_number(struct dictionary *dictionary, uint64_t word)
{
    size_t slot = (word ^ word >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 54;
    static_assert(SLOTS == 1 << (64 - 54), "a hash is a slot");
    for (;; slot = (slot + 1) % SLOTS) {
        size_t number = dictionary->slots[slot];
        if (number == NO_ENTRY) break;
        if (dictionary->words[number] == word) return number;
    }
    size_t number = dictionary->count;
    if (number == dictionary->count_max) return NO_ENTRY;
    dictionary->slots[slot] = (uint16_t)number;
    dictionary->words[number] = word;
    dictionary->count++;
    return number;
}

/* How many entries pay: each costs a byte or more, and all cost the width of their numbers. */
static size_t entries_max(size_t room, size_t count)
{
    size_t width = 0;
    while (width < ENTRIES_WIDTH_MAX && packing_bytes(count, (unsigned)width + 1) < room) width++;
    size_t left = room - packing_bytes(count, (unsigned)width);
    size_t entries = (size_t)1 << width;
    return entries < left ? entries : left;
}

static bool sample_promises(const uint64_t *words, size_t count, size_t entries)
{
    struct dictionary dictionary;
    dictionary_init(&dictionary, entries);
    size_t stride = count / SAMPLE;
    for (size_t i = 0; i < SAMPLE; i++) {
        if (dictionary_number(&dictionary, words[i * stride]) == NO_ENTRY) return false;
    }
    return dictionary.count <= SAMPLE_DISTINCT_MAX;
}

static bool dictionary_fill(struct dictionary *dictionary, uint64_t *numbers, const uint64_t *words,
                            size_t count, size_t entries)
{
    dictionary_init(dictionary, entries);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = dictionary_number(dictionary, words[i]);
        if (numbers[i] == NO_ENTRY) return false;
    }
    return dictionary->count >= ENTRIES_MIN;
}

static size_t dictionary_encode(uint8_t *target, size_t room, const struct codec_column *column,
                                struct codec_hint *hint)
{
    (void)hint;
    const uint64_t *words = column->words;
    size_t count = column->count;
    if (room < FIELD_BYTES_MAX) return 0;
    size_t entries = entries_max(room - FIELD_BYTES_MAX, count);
    if (count >= SAMPLE && !sample_promises(words, count, entries)) return 0;
    struct dictionary dictionary;
    uint64_t numbers[CODEC_RUN];
    if (!dictionary_fill(&dictionary, numbers, words, count, entries)) return 0;
    unsigned width = packing_width(dictionary.count - 1);
    size_t packed_bytes = packing_bytes(count, width);
    size_t header_bytes = (size_t)(field_put(target, dictionary.count) - target);
    if (header_bytes + packed_bytes > room) return 0;

    uint8_t *next = target + header_bytes;
    size_t frame_bytes = frame_encode(next, room - header_bytes - packed_bytes, dictionary.words,
                                      dictionary.count, NULL);
    if (frame_bytes == 0) return 0;
    packing_pack(next + frame_bytes, numbers, count, 0, width);
    return header_bytes + frame_bytes + packed_bytes;
}

static enum status dictionary_decode(uint64_t *target, size_t count, const uint8_t *source,
                                     size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    uint64_t entries = field_take(&reader);
    if (reader.failed || entries < ENTRIES_MIN || entries > ENTRIES_MAX) return STATUS_CORRUPT;
    uint64_t words[ENTRIES_MAX] = {0};
    enum status status = frame_decode(words, entries, &reader);
    if (status < 0) return status;
    unsigned width = packing_width(entries - 1);
    const uint8_t *packed = bytes_take(&reader, packing_bytes(count, width));
    if (!packed || reader.next != reader.end) return STATUS_CORRUPT;
    if (!packing_unpack(target, count, packed, 0, width)) return STATUS_CORRUPT;

    uint64_t beyond = 0; /* no number is above 255: its width is 8 at most */
    for (size_t i = 0; i < count; i++) {
        beyond |= entries - 1 - target[i];
        target[i] = words[target[i]];
    }
    return beyond >> 63 ? STATUS_CORRUPT : STATUS_OK;
}

const struct codec codec_dictionary = {
    .id = CODEC_DICTIONARY,
    .name = "dictionary",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_RUN,
    .encode = dictionary_encode,
    .decode = dictionary_decode,
};
