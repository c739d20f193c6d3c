#include "storage/digest.h"

#include <assert.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"

__extension__ typedef unsigned __int128 uint128;

static_assert(sizeof(struct digest_constants) == 32, "hashed as it lies in memory");

/* Two words that each depend on all of both. What was multiplied is mixed in again, so that a
 * factor of zero does not swallow the other. */
static inline struct hash128 mix_round(uint64_t left, uint64_t right)
{
    uint128 product = (uint128)left * right;
    return (struct hash128){(uint64_t)product ^ left, (uint64_t)(product >> 64) ^ right};
}

/* What stays the same over a run of entries: everything but time, value and note. */
struct mix_run {
    struct digest_constants constants;
    struct hash128 key;    /* of the constants */
    struct hash128 sample; /* the key, ready for time and value */
    uint64_t clock;
    uint32_t quality;
    struct hash128 seed; /* of key, clock and quality */
};

static void run_seed(struct mix_run *run, const struct entry *entry)
{
    run->clock = entry->clock;
    run->quality = entry->quality;
    run->seed = mix_round(entry->clock ^ run->key.low ^ DIGEST_CLOCK,
                          entry->quality ^ run->key.high ^ DIGEST_QUALITY);
}

static void run_begin(struct mix_run *run, struct identity identity, const struct entry *entry)
{
    run->constants = (struct digest_constants){
        .identity = identity,
        .origin = entry->origin,
        .generation = entry->generation,
        .type = entry->type,
        .kind = entry->kind,
    };
    run->key = hash128(&run->constants, sizeof run->constants);
    run->sample = (struct hash128){run->key.low ^ DIGEST_TIME, run->key.high ^ DIGEST_VALUE};
    run_seed(run, entry);
}

/* The run that the entry continues, or the one it begins. */
static void run_enter(struct mix_run *run, struct identity identity, const struct entry *entry)
{
    const struct digest_constants *constants = &run->constants;
    bool same_key = entry->origin == constants->origin && entry->type == constants->type &&
                    entry->kind == constants->kind && entry->generation == constants->generation;
    if (!same_key) {
        run_begin(run, identity, entry);
    } else if (entry->clock != run->clock || entry->quality != run->quality) {
        run_seed(run, entry);
    }
}

static inline struct hash128 run_mix(const struct mix_run *run, int64_t time_ns, uint64_t value)
{
    struct hash128 first = mix_round((uint64_t)time_ns ^ run->sample.low, value ^ run->sample.high);
    return mix_round(first.low ^ run->seed.low, first.high ^ run->seed.high);
}

static inline void sum_add(struct digest *digest, struct hash128 mix)
{
    digest->low += mix.low;
    digest->high += mix.high + (digest->low < mix.low);
}

static void run_add(struct digest *digest, const struct mix_run *run, int64_t time_ns,
                    const struct entry *entry)
{
    uint64_t value = entry->value;
    if (entry->type == VALUE_TEXT && entry->kind != ENTRY_DELETION) {
        const struct text_value *text = value_text(value);
        value = hash64(text->bytes, text->size_bytes);
    }
    struct hash128 mix = run_mix(run, time_ns, value);
    sum_add(digest, mix);
    digest->count++;
    if (!entry->note) return;
    struct hash128 note = hash128(entry->note->bytes, entry->note->size_bytes);
    sum_add(digest, mix_round(mix.low ^ note.low ^ DIGEST_NOTE_LOW,
                              mix.high ^ note.high ^ DIGEST_NOTE_HIGH)); /* D3 */
}

/* The hot loop: numbers without notes, in one run. */
static void run_add_numbers(struct digest *digest, const struct mix_run *run,
                            const int64_t *times_ns, const uint64_t *values, size_t count)
{
    struct mix_run local = *run; /* in registers */
    uint128 sum = 0;
    for (size_t i = 0; i < count; i++) {
        struct hash128 mix = run_mix(&local, times_ns[i], values[i]);
        sum += (uint128)mix.high << 64 | mix.low;
    }
    sum_add(digest, (struct hash128){(uint64_t)sum, (uint64_t)(sum >> 64)});
    digest->count += count;
}

/* Where the run from first on ends: the samples before have that one's clock and quality. */
static size_t run_end(const struct batch *batch, size_t first)
{
    const uint64_t *clocks = batch->clocks;
    const uint32_t *qualities = batch->qualities;
    if (!clocks && !qualities) return batch->sample_count;
    uint64_t clock = clocks ? clocks[first] : 0;
    uint32_t quality = qualities ? qualities[first] : 0;
    size_t end = first + 1;
    for (; end < batch->sample_count; end++) {
        if (clocks && clocks[end] != clock) break;
        if (qualities && qualities[end] != quality) break;
    }
    return end;
}

/* Whether the hot loop can take runs of it. */
static bool batch_is_plain(const struct batch *batch)
{
    return batch->times_ns && !batch->types && !batch->kinds && !batch->generations &&
           !batch->origins && !batch->notes && batch->type != VALUE_TEXT;
}

void digest_batch(struct digest *digest, struct identity identity, const struct batch *batch)
{
    ASSERT(!batch->tags && batch->sample_count >= 1);
    bool plain = batch_is_plain(batch);
    struct entry entry = batch_entry(batch, 0);
    struct mix_run run;
    run_begin(&run, identity, &entry);
    for (size_t i = 0; i < batch->sample_count;) {
        entry = batch_entry(batch, i);
        run_enter(&run, identity, &entry);
        size_t end = plain ? run_end(batch, i) : i + 1;
        if (plain) {
            run_add_numbers(digest, &run, batch->times_ns + i, batch->values + i, end - i);
        } else {
            run_add(digest, &run, batch_time_ns(batch, i), &entry);
        }
        i = end;
    }
}

void digest_entry(struct digest *digest, struct identity identity, int64_t time_ns,
                  const struct entry *entry)
{
    struct mix_run run;
    run_begin(&run, identity, entry);
    run_add(digest, &run, time_ns, entry);
}

void digest_add(struct digest *digest, struct digest other)
{
    sum_add(digest, (struct hash128){other.low, other.high});
    digest->count += other.count;
}

void digest_subtract(struct digest *digest, struct digest other)
{
    digest->high -= other.high + (digest->low < other.low);
    digest->low -= other.low;
    digest->count -= other.count;
}

bool digest_equal(struct digest left, struct digest right)
{
    return left.low == right.low && left.high == right.high && left.count == right.count;
}
