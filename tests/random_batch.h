/* Random batches for tests: valid ones of every shape, and whether two hold the same samples. */
#ifndef TESTS_RANDOM_BATCH_H
#define TESTS_RANDOM_BATCH_H

#include "storage/base/random.h"
#include "storage/batch.h"
#include "tests/unit.h"

enum { RANDOM_BATCH_SAMPLES_MAX = 300, RANDOM_TEXT_BYTES = 40 };

struct random_batch {
    struct batch batch; /* points into the columns below */
    uint32_t tags[RANDOM_BATCH_SAMPLES_MAX];
    int64_t times_ns[RANDOM_BATCH_SAMPLES_MAX];
    uint64_t values[RANDOM_BATCH_SAMPLES_MAX];
    uint32_t qualities[RANDOM_BATCH_SAMPLES_MAX];
    uint8_t types[RANDOM_BATCH_SAMPLES_MAX];
    uint64_t clocks[RANDOM_BATCH_SAMPLES_MAX];
    const struct text_value *notes[RANDOM_BATCH_SAMPLES_MAX];
    uint32_t texts[2 * RANDOM_BATCH_SAMPLES_MAX][1 + RANDOM_TEXT_BYTES / sizeof(uint32_t)];
    size_t text_count;
};

/* Text i is of its own memory, so that content is compared and not the address. */
static inline const struct text_value *random_text(struct random_batch *made, struct random *random)
{
    uint32_t *text = made->texts[made->text_count++];
    uint32_t size_bytes = (uint32_t)random_below(random, RANDOM_TEXT_BYTES + 1);
    text[0] = size_bytes;
    for (uint32_t i = 0; i < size_bytes; i++) {
        ((uint8_t *)(text + 1))[i] = (uint8_t)random_below(random, 256);
    }
    return (const struct text_value *)(const void *)text;
}

static inline uint64_t random_value(struct random_batch *made, struct random *random, uint8_t type)
{
    static const uint64_t bits[] = {
        0,
        0x8000000000000000, /* -0.0 and the smallest integer */
        0x7ff0000000000000, /* infinity */
        0x7ff8000000000001, /* a NaN with a payload */
        0xfff4deadbeef0001, /* a signalling one */
        0x0000000000000001, /* a denormal */
        0x7fffffffffffffff,
        0xffffffffffffffff,
    };
    switch ((enum value_type)type) {
    case VALUE_F64:
    case VALUE_I64:
    case VALUE_STATE:
        return random_chance(random, 1, 2) ? bits[random_below(random, 8)] : random_u64(random);
    case VALUE_F32: return random_below(random, (uint64_t)UINT32_MAX + 1);
    case VALUE_BOOL: return random_below(random, 2);
    case VALUE_TEXT: return value_from_text(random_text(made, random));
    }
    return 0;
}

/* A valid batch (B1-B4) of at most count_max samples, as a WAL frame can hold it. */
static inline void random_batch_make(struct random_batch *made, struct random *random,
                                     size_t count_max)
{
    size_t count = 1 + random_below(random, count_max);
    bool is_scan = random_chance(random, 1, 3);
    bool is_mixed = random_chance(random, 1, 4);
    made->text_count = 0;
    struct batch *batch = &made->batch;
    *batch = (struct batch){
        .sample_count = (uint32_t)count,
        .tag = (uint32_t)random_below(random, 100),
        .time_ns = (int64_t)random_u64(random),
        .values = made->values,
        .type = (uint8_t)(VALUE_F64 + random_below(random, 6)),
        .origin = random_u64(random),
    };
    if (random_chance(random, 1, 2)) {
        batch->clock = 1 + random_below(random, UINT64_MAX);
        batch->generation = (uint32_t)random_u64(random);
        batch->kind = (uint8_t)random_below(random, 3);
        if (random_chance(random, 1, 2)) batch->clocks = made->clocks;
    }
    if (is_scan) batch->tags = made->tags;
    if (!is_scan && random_chance(random, 4, 5)) batch->times_ns = made->times_ns;
    if (random_chance(random, 1, 2)) batch->qualities = made->qualities;
    if (is_mixed) batch->types = made->types;
    if (!is_scan && batch->kind != ENTRY_COLLECTED) batch->notes = made->notes;
    bool is_deletion = batch->kind == ENTRY_DELETION;
    for (size_t i = 0; i < count; i++) {
        made->tags[i] = (uint32_t)random_below(random, TAG_COUNT_MAX);
        made->times_ns[i] = (int64_t)random_u64(random);
        made->types[i] = (uint8_t)(VALUE_F64 + random_below(random, 6));
        made->clocks[i] = 1 + random_below(random, UINT64_MAX);
        made->qualities[i] = is_deletion ? 0 : (uint32_t)random_u64(random);
        made->values[i] = is_deletion ? 0 : random_value(made, random, batch_type(batch, i));
        made->notes[i] = random_chance(random, 1, 2) ? random_text(made, random) : NULL;
    }
}

static inline bool batch_samples_are_equal(const struct batch *left, const struct batch *right)
{
    if (left->sample_count != right->sample_count) return false;
    for (size_t i = 0; i < left->sample_count; i++) {
        struct entry a = batch_entry(left, i), b = batch_entry(right, i);
        if (batch_tag(left, i) != batch_tag(right, i)) return false;
        if (batch_time_ns(left, i) != batch_time_ns(right, i)) return false;
        if (entry_compare(&a, &b) != 0) return false;
    }
    return true;
}

#endif
