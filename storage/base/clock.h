/* Clock: what time it is, from the system or from a test. */
#ifndef STORAGE_BASE_CLOCK_H
#define STORAGE_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_ns)(struct clock *clock);      /* since 1970-01-01T00:00:00Z; may step */
    int64_t (*monotonic_ns)(struct clock *clock); /* never steps back */
};

struct clock *clock_system(void);

/* Stands still until it is told: set the fields. */
struct clock_virtual {
    struct clock clock;
    int64_t wall_ns;
    int64_t monotonic_ns;
};

void clock_virtual_init(struct clock_virtual *clock, int64_t wall_ns);
void clock_virtual_advance(struct clock_virtual *clock, int64_t ns);

#endif
