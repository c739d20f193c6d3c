#include "storage/merge_budget.h"

#define SECOND_NS INT64_C(1000000000)
#define COMMIT_SLOW_NS INT64_C(20000000)
#define CALM_BYTES ((uint64_t)64 << 20) /* a second */
#define BUSY_BYTES ((uint64_t)4 << 20)
#define BURST_BYTES ((int64_t)8 << 20) /* that a full bucket holds */
#define WAIT_NS_MAX SECOND_NS          /* then look again: the pressure may have changed */

void merge_budget_init(struct merge_budget *budget, int64_t now_ns)
{
    *budget = (struct merge_budget){.tokens_bytes = BURST_BYTES, .filled_ns = now_ns};
}

uint64_t merge_budget_rate(const struct merge_pressure *pressure)
{
    if (pressure->flushed_count >= pressure->flushed_count_max) return UINT64_MAX;
    bool is_busy = pressure->appends_wait || pressure->commit_ns > COMMIT_SLOW_NS; /* B1 */
    uint64_t rate = is_busy ? BUSY_BYTES : CALM_BYTES;
    uint64_t half = pressure->flushed_count_max / 2;
    if (pressure->flushed_count <= half) return rate;
    /* B2: twice as fast with each sixteenth of what is left. */
    uint64_t sixteenths =
        (pressure->flushed_count - half) * 16 / (pressure->flushed_count_max - half);
    return rate << sixteenths;
}

int64_t merge_budget_take(struct merge_budget *budget, uint64_t bytes,
                          const struct merge_pressure *pressure, int64_t now_ns)
{
    uint64_t rate = merge_budget_rate(pressure);
    double gained = (double)rate * (double)(now_ns - budget->filled_ns) / (double)SECOND_NS;
    budget->filled_ns = now_ns;
    if (gained > (double)(BURST_BYTES - budget->tokens_bytes)) {
        budget->tokens_bytes = BURST_BYTES;
    } else {
        budget->tokens_bytes += (int64_t)gained;
    }
    budget->tokens_bytes -= (int64_t)bytes;
    if (budget->tokens_bytes >= 0 || rate == UINT64_MAX) return 0;
    double wait_ns = -(double)budget->tokens_bytes / (double)rate * (double)SECOND_NS;
    return wait_ns < (double)WAIT_NS_MAX ? (int64_t)wait_ns + 1 : WAIT_NS_MAX;
}
