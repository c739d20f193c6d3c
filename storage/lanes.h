/* Lanes: eight numbers side by side, of which the compiler makes what the processor has; and sums
 * that lose next to nothing.
 *
 * The order of additions is fixed, so every machine gives the same bits. Lanes are handed on through
 * pointers: passed by value they would be part of what the processor must have. */
#ifndef STORAGE_LANES_H
#define STORAGE_LANES_H

#include <stddef.h>
#include <stdint.h>

enum { LANES = 8 };
typedef double double_lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t int_lanes __attribute__((vector_size(LANES * sizeof(int64_t))));

/* What rounding cuts off is summed beside. */
struct exact_sum {
    double high;
    double low;
};

static inline void exact_sum_add(struct exact_sum *sum, double term)
{
    double next = sum->high + term;
    double back = next - sum->high;
    sum->low += (sum->high - (next - back)) + (term - back);
    sum->high = next;
}

static inline double exact_sum_total(const struct exact_sum *sum)
{
    double total = sum->high + sum->low;
    return total == total ? total : sum->high; /* infinities leave nothing to correct */
}

/* Eight such sums. */
struct lane_sums {
    double_lanes high;
    double_lanes low;
};

static inline void lane_sums_add(struct lane_sums *sums, const double_lanes *terms)
{
    double_lanes next = sums->high + *terms;
    double_lanes back = next - sums->high;
    sums->low += (sums->high - (next - back)) + (*terms - back);
    sums->high = next;
}

/* Adds all eight to a sum. */
static inline void lane_sums_drain(const struct lane_sums *sums, struct exact_sum *target)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        exact_sum_add(target, sums->high[lane]);
        target->low += sums->low[lane];
    }
}

#endif
