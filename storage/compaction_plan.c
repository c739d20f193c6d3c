#include "storage/compaction_plan.h"

#include "storage/base/assert.h"

/* How many segments from first on are of about one size. */
static size_t run_of_one_size(const uint64_t *segment_bytes, size_t segment_count, size_t first,
                              const struct compaction_limits *limits)
{
    uint64_t smallest = segment_bytes[first];
    if (smallest < limits->small_bytes) smallest = limits->small_bytes;
    size_t count = 1;
    while (first + count < segment_count && count < limits->merge_count_max &&
           segment_bytes[first + count] / limits->size_ratio <= smallest) {
        count++;
    }
    return count;
}

struct compaction_plan compaction_plan(const uint64_t *segment_bytes, size_t segment_count,
                                       const struct compaction_limits *limits)
{
    ASSERT(limits->merge_count_min >= 2 && limits->merge_count_max >= limits->merge_count_min);
    ASSERT(limits->size_ratio >= 1);

    /* The smallest first: they cost least and are the most. */
    for (size_t first = 0; first + limits->merge_count_min <= segment_count; first++) {
        size_t count = run_of_one_size(segment_bytes, segment_count, first, limits);
        if (count >= limits->merge_count_min) {
            return (struct compaction_plan){.first_index = first, .count = count};
        }
    }
    if (segment_count <= limits->segment_count_max) return (struct compaction_plan){0};
    size_t count =
        segment_count < limits->merge_count_max ? segment_count : limits->merge_count_max;
    return (struct compaction_plan){.first_index = 0, .count = count};
}
