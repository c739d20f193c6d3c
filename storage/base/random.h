/* Random: numbers from a seed that give the same run again, and seeds from the system. */
#ifndef STORAGE_BASE_RANDOM_H
#define STORAGE_BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);
uint64_t random_below(struct random *random, uint64_t bound); /* 0 .. bound-1; bound >= 1 */
bool random_chance(struct random *random, uint32_t numerator, uint32_t denominator);
double random_double(struct random *random); /* 0 <= x < 1 */

/* From the operating system: for identities, never for decisions that a test must repeat. */
uint64_t random_system_u64(void);

#endif
