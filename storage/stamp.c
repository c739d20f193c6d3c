#include "storage/stamp.h"

#include "storage/base/assert.h"

enum { NS_PER_MS = 1000 * 1000, COUNTER_BITS = 16, COUNTER_MAX = UINT16_MAX };

/* Before 1970 the clock stands at its beginning. */
static uint64_t wall_ms(int64_t wall_ns)
{
    return wall_ns > 0 ? (uint64_t)wall_ns / NS_PER_MS : 0;
}

uint64_t stamp_take(struct stamp_clock *clock, int64_t wall_ns)
{
    ASSERT(clock->last < UINT64_MAX);
    uint64_t now = wall_ms(wall_ns) << COUNTER_BITS;
    clock->last = now > clock->last ? now : clock->last + 1; /* S1: the counter may carry */
    return clock->last;
}

bool stamp_observe(struct stamp_clock *clock, uint64_t stamp, int64_t wall_ns)
{
    uint64_t limit = (wall_ms(wall_ns) + STAMP_DRAG_MS_MAX) << COUNTER_BITS | COUNTER_MAX; /* S2 */
    uint64_t reached = stamp < limit ? stamp : limit;
    if (reached > clock->last) clock->last = reached;
    return stamp <= clock->last;
}

void stamp_restore(struct stamp_clock *clock, uint64_t ceiling)
{
    if (ceiling > clock->last) clock->last = ceiling;
}

uint64_t stamp_ceiling_of(int64_t wall_ns)
{
    if (wall_ns < 0) return 0;
    return wall_ms(wall_ns) << COUNTER_BITS | COUNTER_MAX;
}

int64_t stamp_wall_ns(uint64_t stamp)
{
    uint64_t ms = stamp >> COUNTER_BITS;
    if (ms > INT64_MAX / NS_PER_MS) return INT64_MAX;
    return (int64_t)ms * NS_PER_MS;
}

int64_t stamp_journal_ns(uint64_t stamp)
{
    int64_t wall_ns = stamp_wall_ns(stamp);
    int64_t counter = (int64_t)(stamp & COUNTER_MAX);
    return wall_ns <= INT64_MAX - counter ? wall_ns + counter : INT64_MAX;
}

uint64_t stamp_from_journal_ns(int64_t time_ns)
{
    if (time_ns <= 0) return 0;
    uint64_t counter = (uint64_t)time_ns % NS_PER_MS;
    if (counter > COUNTER_MAX) return 0;
    return wall_ms(time_ns) << COUNTER_BITS | counter;
}
