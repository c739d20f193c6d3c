/* A small plant, as long CSV for `bede import`: the same seed gives the same values.
 *
 * usage: plant [SEED [HOURS]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/base/random.h"

enum { UNITS = 4, SIGNALS = 5, STEP_S = 1 };
static const int64_t start_s = 1767225600; /* 2026-01-01T00:00:00Z */

/* A signal wanders around its middle, is pulled back to it, and is shown as a transmitter shows
 * it: rounded to its resolution. */
static const struct {
    const char *name;
    double middle;
    double wander;
    int decimals;
} signals[SIGNALS] = {
    {"pressure", 4.2, 0.004, 3}, {"temperature", 181.0, 0.05, 1}, {"flow", 12.5, 0.06, 2},
    {"level", 1.35, 0.0008, 3},  {"power", 640.0, 1.5, 0},
};

/* Nearly normal, which is all that a picture needs. */
static double noise(struct random *random)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) sum += random_double(random) - 0.5;
    return sum;
}

static void print_second(struct random *random, int64_t time_s, double values[UNITS][SIGNALS])
{
    for (int unit = 0; unit < UNITS; unit++) {
        for (int signal = 0; signal < SIGNALS; signal++) {
            double *value = &values[unit][signal];
            *value += 0.001 * (signals[signal].middle - *value);
            *value += signals[signal].wander * noise(random);
            printf("boiler%d.%s,%" PRId64 "000000000,%.*f\n", unit + 1, signals[signal].name,
                   time_s, signals[signal].decimals, *value);
        }
        if (random_chance(random, 1, 1800)) {
            printf("boiler%d.note,%" PRId64 "000000000,%s\n", unit + 1, time_s,
                   random_chance(random, 1, 2) ? "burner on" : "burner off");
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    int64_t hours = argc > 2 ? strtoll(argv[2], NULL, 10) : 6;
    struct random random;
    double values[UNITS][SIGNALS];
    random_init(&random, seed);
    for (int unit = 0; unit < UNITS; unit++) {
        for (int signal = 0; signal < SIGNALS; signal++) {
            values[unit][signal] = signals[signal].middle;
        }
    }
    printf("tag,ts,value\n");
    for (int64_t second = 0; second < hours * 3600; second += STEP_S) {
        print_second(&random, start_s + second, values);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
