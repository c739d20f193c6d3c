#include "storage/compaction_deal.h"

#include "storage/base/assert.h"

/* How many samples make an output. With S shares in all, at most S windows have one, at most S
 * stretches end when they have gathered one, and one ends before each of those windows and at the
 * end: no more than 2 S + 1. With three shares no stretch can hold everything (D3). */
static uint64_t share_of(const struct compaction_weight *weights, size_t count,
                         size_t output_count_max)
{
    uint64_t sample_count = 0;
    size_t held_count = 0;
    for (size_t i = 0; i < count; i++) {
        sample_count += weights[i].sample_count;
        held_count += weights[i].sample_count > 0;
    }
    if (held_count <= output_count_max) return 1;
    uint64_t shares = (output_count_max - 1) / 2;
    return sample_count / shares + 1;
}

/* Ends a stretch of windows, of which so many hold samples. */
static size_t stretch_put(struct time_window *outputs, size_t output_count,
                          const struct compaction_weight *weights, size_t first, size_t last)
{
    while (weights[first].sample_count == 0) first++;
    while (weights[last].sample_count == 0) last--;
    outputs[output_count] = weights[first].window;
    if (first == last) return output_count + 1;
    outputs[output_count].to_ns = weights[last].window.to_ns;
    outputs[output_count].level = SEGMENT_STRETCH;
    return output_count + 1;
}

size_t compaction_deal(struct time_window *outputs, size_t output_count_max,
                       const struct compaction_weight *weights, size_t count)
{
    ASSERT(output_count_max >= COMPACTION_OUTPUTS_MIN);
    uint64_t share = share_of(weights, count, output_count_max);
    size_t output_count = 0, first = 0;
    uint64_t gathered = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_output = weights[i].sample_count >= share;
        if (is_output && gathered > 0) {
            output_count = stretch_put(outputs, output_count, weights, first, i - 1);
            gathered = 0;
        }
        if (gathered == 0) first = i;
        gathered += weights[i].sample_count;
        if (gathered < share) continue;
        output_count = stretch_put(outputs, output_count, weights, first, i);
        gathered = 0;
    }
    if (gathered > 0) output_count = stretch_put(outputs, output_count, weights, first, count - 1);
    ASSERT(output_count <= output_count_max); /* D2 */
    return output_count;
}
