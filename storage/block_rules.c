#include "storage/block_rules.h"

/* In bits instead of comparisons, which no vector unit is sure to have for 64 bits: the top bit of
 * low - high, put right where the difference overflows, says whether low < high. */
static bool times_rise(const int64_t *times_ns, size_t count)
{
    uint64_t all_rise = UINT64_MAX;
    for (size_t i = 1; i < count; i++) {
        uint64_t low = (uint64_t)times_ns[i - 1], high = (uint64_t)times_ns[i];
        uint64_t difference = low - high;
        all_rise &= difference ^ ((low ^ high) & (difference ^ low));
    }
    return all_rise >> 63 || count < 2;
}

static bool values_are_valid(const struct batch *batch, uint8_t type)
{
    if (type == VALUE_TEXT) {
        for (size_t i = 0; i < batch->sample_count; i++) {
            const struct text_value *text = value_text(batch->values[i]);
            if (!text || text->size_bytes > TEXT_VALUE_BYTES_MAX) return false;
        }
        return true;
    }
    if (value_is_valid(type, UINT64_MAX)) return true;
    uint64_t all_bits = 0;
    for (size_t i = 0; i < batch->sample_count; i++) all_bits |= batch->values[i];
    return value_is_valid(type, all_bits);
}

/* E2 */
static bool revisions_are_valid(const struct batch *batch)
{
    if (!batch->clocks && !batch->generations) return batch->clock != 0 || batch->generation == 0;
    bool bad = false;
    for (size_t i = 0; i < batch->sample_count; i++) {
        uint64_t clock = batch->clocks ? batch->clocks[i] : batch->clock;
        uint32_t generation = batch->generations ? batch->generations[i] : batch->generation;
        bad |= clock == 0 && generation != 0;
    }
    return !bad;
}

/* That all are collected shows in the header: KIND and NOTE are absent (F5). */
static bool main_is_valid(const struct batch *batch)
{
    if (!batch->times_ns && batch->sample_count > 1) return false;
    if (batch->times_ns && !times_rise(batch->times_ns, batch->sample_count)) return false;
    return revisions_are_valid(batch) && values_are_valid(batch, batch_type(batch, 0));
}

static bool history_is_valid(const struct batch *batch)
{
    struct entry previous = {0};
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry entry = batch_entry(batch, i);
        if (!entry_is_valid(&entry)) return false;
        if (i > 0 && batch_time_ns(batch, i) <= batch_time_ns(batch, i - 1)) {
            if (batch_time_ns(batch, i) < batch_time_ns(batch, i - 1)) return false;
            if (entry_compare(&previous, &entry) >= 0) return false;
        }
        previous = entry;
    }
    return true;
}

bool block_entries_are_valid(enum block_kind kind, const struct batch *batch)
{
    return kind == BLOCK_MAIN ? main_is_valid(batch) : history_is_valid(batch);
}
