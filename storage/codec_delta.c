/* Differences of neighbours: their signed minimum, their unit (the gcd of what each is above the
 * minimum), then how many units above the minimum each is, packed. All modulo 2^64.
 *
 *   | first | minimum |                                          all differences are equal
 *   | first | minimum | unit | width, 7 zero bytes | packed ... |
 *
 * The first word is packed too, with 0 units: so a whole run of words is a whole run of units. */
#include "storage/base/bytes.h"
#include "storage/codec.h"
#include "storage/packing.h"

enum {
    STEADY_BYTES = 2 * sizeof(uint64_t),
    HEADER_BYTES = 4 * sizeof(uint64_t),
    WIDTH_MAX = 63,
    COUNT_MIN = 3, /* fewer are no longer as they are */
};
static_assert(CODEC_TARGET_MULTIPLE % PACKING_LANES == 0, "steady_fill() writes whole rows");

struct steps {
    uint64_t minimum;
    uint64_t unit;    /* 0: all steps are equal */
    uint64_t inverse; /* of the unit's odd part, modulo 2^64 */
    unsigned shift;   /* the unit is its odd part << shift */
    unsigned width;
};

static uint64_t gcd(uint64_t left, uint64_t right)
{
    while (right != 0) {
        uint64_t rest = left % right;
        left = right;
        right = rest;
    }
    return left;
}

/* Division by what divides is multiplication with the inverse. */
static void steps_set_unit(struct steps *steps, uint64_t unit)
{
    steps->unit = unit;
    steps->shift = (unsigned)__builtin_ctzll(unit);
    uint64_t odd = unit >> steps->shift;
    uint64_t inverse = odd; /* right in the lowest 3 bits; each round doubles that */
    for (int bits = 3; bits < 64; bits *= 2) inverse *= 2 - odd * inverse;
    steps->inverse = inverse;
}

/* What does not divide gives a quotient above steps_quotient_max(). */
static inline uint64_t steps_divide(const struct steps *steps, uint64_t above)
{
    uint64_t quotient = above * steps->inverse;
    return quotient >> steps->shift | quotient << (-steps->shift & 63);
}

static inline uint64_t steps_quotient_max(const struct steps *steps)
{
    return UINT64_MAX / steps->unit;
}

/* The unit shrinks a few times at most; from then on a multiplication tests each step. */
static void steps_find_unit(struct steps *steps, const uint64_t *values, size_t count)
{
    uint64_t first = values[1] - values[0] - steps->minimum;
    size_t i = 1;
    while (first == 0) {
        i++;
        first = values[i] - values[i - 1] - steps->minimum;
    }
    steps_set_unit(steps, first);
    uint64_t quotient_max = steps_quotient_max(steps);
    for (; i < count && steps->unit != 1; i++) {
        uint64_t above = values[i] - values[i - 1] - steps->minimum;
        if (steps_divide(steps, above) <= quotient_max) continue;
        steps_set_unit(steps, gcd(above, steps->unit));
        quotient_max = steps_quotient_max(steps);
    }
}

static bool steps_are_equal(const uint64_t *values, size_t count)
{
    uint64_t step = values[1] - values[0];
    for (size_t i = 2; i < count; i++) {
        if (values[i] - values[i - 1] != step) return false;
    }
    return true;
}

static struct steps steps_of(const uint64_t *values, size_t count)
{
    struct steps steps = {.minimum = values[1] - values[0]};
    if (steps_are_equal(values, count)) return steps;

    int64_t minimum = (int64_t)steps.minimum, maximum = minimum;
    for (size_t i = 2; i + 1 < count; i += 2) {
        int64_t left = (int64_t)(values[i] - values[i - 1]);
        int64_t right = (int64_t)(values[i + 1] - values[i]);
        int64_t low = left < right ? left : right;
        int64_t high = left < right ? right : left;
        minimum = low < minimum ? low : minimum;
        maximum = high > maximum ? high : maximum;
    }
    int64_t last = (int64_t)(values[count - 1] - values[count - 2]);
    minimum = last < minimum ? last : minimum;
    maximum = last > maximum ? last : maximum;

    steps.minimum = (uint64_t)minimum;
    steps_find_unit(&steps, values, count);
    uint64_t range = (uint64_t)maximum - (uint64_t)minimum;
    steps.width = packing_width(range / steps.unit);
    return steps;
}

static size_t delta_measure(const uint64_t *values, size_t count)
{
    if (count < COUNT_MIN) return SIZE_MAX;
    struct steps steps = steps_of(values, count);
    if (steps.width == 0) return STEADY_BYTES;
    if (steps.width > WIDTH_MAX) return SIZE_MAX;
    return HEADER_BYTES + packing_bytes(count, steps.width);
}

static void delta_encode(uint8_t *target, const uint64_t *values, size_t count)
{
    struct steps steps = steps_of(values, count);
    bytes_put_u64(target, values[0]);
    bytes_put_u64(target + 8, steps.minimum);
    if (steps.width == 0) return;
    bytes_put_u64(target + 16, steps.unit);
    bytes_put_u64(target + 24, steps.width);
    target += HEADER_BYTES;

    uint64_t previous = values[0] - steps.minimum;
    uint64_t units[PACKING_RUN];
    for (size_t first = 0; first < count; first += PACKING_RUN) {
        size_t run = count - first < PACKING_RUN ? count - first : PACKING_RUN;
        for (size_t i = 0; i < run; i++) {
            uint64_t value = values[first + i];
            units[i] = steps_divide(&steps, value - previous - steps.minimum);
            previous = value;
        }
        packing_pack(target, units, run, 0, steps.width);
        target += packing_bytes(run, steps.width);
    }
}

/* Each row of lanes from the one before: no lane waits for its neighbour. Writes whole rows. */
static void steady_fill(uint64_t *target, size_t count, uint64_t first, uint64_t step)
{
    for (size_t i = 0; i < PACKING_LANES; i++) target[i] = first + i * step;
    uint64_t row_step = PACKING_LANES * step;
    for (size_t i = PACKING_LANES; i < count; i += PACKING_LANES) {
        for (size_t lane = 0; lane < PACKING_LANES; lane++) {
            target[i + lane] = target[i + lane - PACKING_LANES] + row_step;
        }
    }
}

static enum status delta_decode(uint64_t *target, size_t count, const uint8_t *source,
                                size_t source_bytes)
{
    if (count < COUNT_MIN || source_bytes < STEADY_BYTES) return STATUS_CORRUPT;
    uint64_t first = bytes_get_u64(source);
    uint64_t minimum = bytes_get_u64(source + 8);
    if (source_bytes == STEADY_BYTES) {
        steady_fill(target, count, first, minimum);
        return STATUS_OK;
    }

    if (source_bytes < HEADER_BYTES) return STATUS_CORRUPT;
    uint64_t unit = bytes_get_u64(source + 16);
    uint64_t width = bytes_get_u64(source + 24);
    if (unit == 0 || width == 0 || width > WIDTH_MAX) return STATUS_CORRUPT;
    if (source_bytes - HEADER_BYTES != packing_bytes(count, (unsigned)width)) return STATUS_CORRUPT;
    bool ends = packing_unpack(target, count, source + HEADER_BYTES, 0, (unsigned)width);
    if (!ends || target[0] != 0) return STATUS_CORRUPT;

    uint64_t steady = first - minimum, units = 0; /* two sums: neither waits for the product */
    for (size_t i = 0; i < count; i++) {
        steady += minimum;
        units += target[i];
        target[i] = steady + unit * units;
    }
    return STATUS_OK;
}

const struct codec codec_delta = {
    .id = CODEC_DELTA,
    .name = "delta",
    .measure = delta_measure,
    .encode = delta_encode,
    .decode = delta_decode,
};
