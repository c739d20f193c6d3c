/* Differences of neighbours, in multiples of their unit:
 *
 *   | first, signed | unit | offset, signed, unless the unit is 1 | frame of the multiples |
 *
 *   word[i] - word[i - 1] = offset + unit x multiple[i], modulo 2^64
 *
 * The unit is what makes nanoseconds free: times of a device that counts milliseconds have a unit
 * of 1,000,000. There is a multiple for the first word, too, so that a run of words is a run of
 * multiples; it repeats the next one and says nothing. */
#include "storage/codec.h"
#include "storage/codec_field.h"
#include "storage/codec_frame.h"
#include "storage/kernels.h"

enum {
    COUNT_MIN = 3, /* fewer are no longer as they are */
    HEADER_BYTES_MAX = 3 * FIELD_BYTES_MAX,
};
#define STEP_MAX (INT64_C(1) << 61) /* of steps above, the unit is 1: no difference may overflow */

struct unit {
    uint64_t unit;
    uint64_t offset;
    uint64_t inverse; /* of the unit's odd part, modulo 2^64 */
    unsigned shift;   /* the unit is its odd part << shift */
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
static void unit_set(struct unit *unit, uint64_t value)
{
    unit->unit = value;
    unit->shift = (unsigned)__builtin_ctzll(value);
    uint64_t odd = value >> unit->shift;
    uint64_t inverse = odd; /* right in the lowest 3 bits; each round doubles that */
    for (int bits = 3; bits < 64; bits *= 2) inverse *= 2 - odd * inverse;
    unit->inverse = inverse;
}

static inline bool unit_divides(const struct unit *unit, uint64_t distance)
{
    uint64_t quotient = distance * unit->inverse;
    quotient = quotient >> unit->shift | quotient << (-unit->shift & 63);
    return quotient <= UINT64_MAX / unit->unit;
}

/* The unit shrinks a few times at most; from then on a multiplication tests each step. */
static struct unit unit_of(const uint64_t *steps, size_t count, const struct survey *survey)
{
    struct unit unit = {.unit = 1, .inverse = 1};
    if (survey->step_minimum <= -STEP_MAX || survey->step_maximum >= STEP_MAX) return unit;
    if (survey->step_minimum == survey->step_maximum) return unit;
    int64_t first = survey->step_minimum;
    unit_set(&unit, (uint64_t)(survey->step_maximum - first));
    for (size_t i = 1; i < count && unit.unit != 1; i++) {
        uint64_t distance = steps[i] - (uint64_t)first;
        if (!unit_divides(&unit, distance)) unit_set(&unit, gcd(distance, unit.unit));
    }
    if (unit.unit != 1) unit.offset = (uint64_t)(first % (int64_t)unit.unit);
    return unit;
}

static inline int64_t multiple_of(const struct unit *unit, int64_t step)
{
    int64_t distance = (int64_t)((uint64_t)step - unit->offset);
    return (int64_t)((uint64_t)(distance >> unit->shift) * unit->inverse);
}

static void divide(uint64_t *steps, size_t count, const struct unit *unit)
{
    for (size_t i = 1; i < count; i++) steps[i] = (uint64_t)multiple_of(unit, (int64_t)steps[i]);
}

static size_t delta_encode(uint8_t *target, size_t room, const struct codec_column *column,
                           struct codec_hint *hint)
{
    (void)hint;
    const uint64_t *words = column->words;
    size_t count = column->count;
    if (count < COUNT_MIN || room < HEADER_BYTES_MAX) return 0;
    uint64_t steps[CODEC_RUN];
    kernels_here()->differences(steps, words, count);
    struct unit unit = unit_of(steps, count, &column->survey);
    if (unit.unit != 1) divide(steps, count, &unit);
    steps[0] = steps[1];
    struct survey survey = {
        .minimum = multiple_of(&unit, column->survey.step_minimum),
        .maximum = multiple_of(&unit, column->survey.step_maximum),
    };

    uint8_t *next = field_put(target, field_of_signed(words[0]));
    next = field_put(next, unit.unit);
    if (unit.unit != 1) next = field_put(next, field_of_signed(unit.offset));
    size_t header_bytes = (size_t)(next - target);
    size_t bytes = frame_encode(next, room - header_bytes, steps, count, &survey);
    return bytes ? header_bytes + bytes : 0;
}

static enum status delta_decode(uint64_t *target, size_t count, const uint8_t *source,
                                size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    uint64_t first = field_to_signed(field_take(&reader));
    uint64_t unit = field_take(&reader);
    uint64_t offset = unit == 1 ? 0 : field_to_signed(field_take(&reader));
    if (count < COUNT_MIN || reader.failed || unit == 0) return STATUS_CORRUPT;
    enum status status = frame_decode(target, count, &reader);
    if (status < 0) return status;
    if (reader.next != reader.end || target[0] != target[1]) return STATUS_CORRUPT;

    const struct kernels *kernels = kernels_here();
    if (unit != 1) kernels->scale(target, count, unit, offset);
    kernels->sums(target, count, first - target[0]);
    return STATUS_OK;
}

const struct codec codec_delta = {
    .id = CODEC_DELTA,
    .name = "delta",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_RUN,
    .encode = delta_encode,
    .decode = delta_decode,
};
