#include "storage/base/clock.h"

#include <time.h>

#include "storage/base/assert.h"

static int64_t system_ns(clockid_t id)
{
    struct timespec now;
    int result = clock_gettime(id, &now);
    ASSERT(result == 0); /* fails only for a clock that does not exist */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_wall_ns(struct clock *clock)
{
    (void)clock;
    return system_ns(CLOCK_REALTIME);
}

static int64_t system_monotonic_ns(struct clock *clock)
{
    (void)clock;
    return system_ns(CLOCK_MONOTONIC);
}

struct clock *clock_system(void)
{
    static struct clock clock = {.wall_ns = system_wall_ns, .monotonic_ns = system_monotonic_ns};
    return &clock;
}

static int64_t virtual_wall_ns(struct clock *clock)
{
    return ((struct clock_virtual *)clock)->wall_ns;
}

static int64_t virtual_monotonic_ns(struct clock *clock)
{
    return ((struct clock_virtual *)clock)->monotonic_ns;
}

void clock_virtual_init(struct clock_virtual *clock, int64_t wall_ns)
{
    *clock = (struct clock_virtual){
        .clock = {.wall_ns = virtual_wall_ns, .monotonic_ns = virtual_monotonic_ns},
        .wall_ns = wall_ns,
    };
}

void clock_virtual_advance(struct clock_virtual *clock, int64_t ns)
{
    ASSERT(ns >= 0);
    clock->wall_ns += ns;
    clock->monotonic_ns += ns;
}
