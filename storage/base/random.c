#include "storage/base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "storage/base/assert.h"

/* The generator is xoshiro256**, seeded through splitmix64 as its authors advise: seeds that
 * differ in one bit, zero included, give unrelated states. */
static uint64_t splitmix64(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

void random_init(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) random->state[i] = splitmix64(&seed);
}

uint64_t random_u64(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
    ASSERT(bound >= 1);
    /* Without the lowest 2^64 % bound numbers, all remainders are equally likely. */
    uint64_t first = (0 - bound) % bound;
    uint64_t number = random_u64(random);
    while (number < first) number = random_u64(random);
    return number % bound;
}

bool random_chance(struct random *random, uint32_t numerator, uint32_t denominator)
{
    return random_below(random, denominator) < numerator;
}

double random_double(struct random *random)
{
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

uint64_t random_system_u64(void)
{
    uint64_t number;
    while (getentropy(&number, sizeof number) < 0) {
        ASSERT(errno == EINTR); /* an identity that is not random would be worse than none */
    }
    return number;
}
