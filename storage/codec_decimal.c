/* Decimals: doubles, or floats, that were decimal numbers, as whole numbers (after ALP, Afroozeh and
 * others, 2023).
 *
 *   | exponent u8 | factor u8, +128 with rests | patches | positions, words of patches |
 *   | digits, nested |                                              without rests
 *   | bytes of the next | digits, nested | rests, nested |          with
 *
 *   x = d x 10^factor x 10^-exponent, in doubles, one multiplication after the other
 *   word = bits of x + rest
 *
 * Two powers and not one, since the lower is not exact: multiplied by a great one first, its error
 * stays below half a digit. A rest is what a mean, a unit or a scale left in the last bits:
 * 46.571999999999996 is 46572 and one bit less. What is no decimal within a few last places is a
 * patch: NaN, -0.0, infinities and words with more digits than the others. Its digits repeat those
 * before, so that they spoil neither frame nor differences. */
#include "storage/codec.h"
#include "storage/codec_field.h"
#include "storage/codec_patch.h"
#include "storage/kernels.h"
#include "storage/packing.h"

enum {
    SAMPLE = 32,
    GLANCE = 8,  /* words that are looked at before the others are */
    STRIDE = 11, /* odd, so that the glance is spread over the column */
    HEADER_BYTES = 2,
    WITH_RESTS = 128,
    SINGLE_EXPONENT_MAX = 10,
    WIDTH_HOPELESS = 48, /* of digits and rests: any word at all is as near to such a decimal */
};

/* What differs between doubles and floats. */
struct form {
    enum codec_id id;
    unsigned exponent_max;
    void (*digits)(struct decimal_outcome *out_outcome, uint64_t *digits, uint64_t *rests,
                   const uint64_t *words, size_t count, unsigned exponent, unsigned factor);
    void (*words)(uint64_t *words, size_t count, unsigned exponent, unsigned factor);
};

static struct form form_of_doubles(void)
{
    const struct kernels *kernels = kernels_here();
    return (struct form){CODEC_DECIMAL, DECIMAL_EXPONENT_MAX, kernels->decimal_digits,
                         kernels->decimal_words};
}

static struct form form_of_floats(void)
{
    const struct kernels *kernels = kernels_here();
    return (struct form){CODEC_DECIMAL_SINGLE, SINGLE_EXPONENT_MAX, kernels->single_digits,
                         kernels->single_words};
}

struct pair {
    unsigned exponent;
    unsigned factor;
    size_t cost; /* bits of the sample */
};

/* Bits of the rests of the sample: a column of them, or a few patches of it. */
static size_t rests_cost(const struct decimal_outcome *outcome)
{
    size_t packed = (size_t)SAMPLE * packing_width(outcome->rests_bits);
    size_t patched = outcome->rests * PATCH_BYTES * 8;
    return packed < patched ? packed : patched;
}

/* Whether smaller factors need not be tried. */
static bool pair_try(struct pair *best, bool *is_any, bool *is_exact, const struct form *form,
                     const uint64_t sample[SAMPLE], unsigned exponent, unsigned factor)
{
    uint64_t digits[SAMPLE], rests[SAMPLE];
    struct decimal_outcome outcome;
    form->digits(&outcome, digits, rests, sample, GLANCE, exponent, factor);
    if (outcome.exceptions == GLANCE) return false;
    unsigned width = packing_width(outcome.digits_range) + packing_width(outcome.rests_bits);
    if (width >= WIDTH_HOPELESS) return true;
    *is_any = true;
    form->digits(&outcome, digits, rests, sample, SAMPLE, exponent, factor);
    size_t digits_cost = (size_t)SAMPLE * packing_width(outcome.digits_range);
    size_t cost = digits_cost + rests_cost(&outcome) + outcome.exceptions * PATCH_BYTES * 8;
    *is_exact = outcome.exceptions + outcome.rests == 0;
    if (outcome.exceptions + 2 <= SAMPLE && cost < best->cost) {
        *best = (struct pair){exponent, factor, cost};
    }
    return *is_exact || digits_cost > best->cost;
}

/* On a sample. A smaller factor means more digits: once all come back, or the digits alone cost too
 * much, what follows is worse. Ties go to the greater exponent, so the first pair by which all come
 * back ends the search. So does a greatest exponent by which not one comes near: it shows decimals of
 * any length, if not as well as a lower. */
static struct pair pair_of(const struct form *form, const uint64_t *words, size_t count)
{
    uint64_t sample[SAMPLE];
    for (size_t i = 0; i < SAMPLE; i++) sample[i] = words[(i * STRIDE % SAMPLE) * count / SAMPLE];
    struct pair best = {.cost = SIZE_MAX};
    bool is_any = false, is_exact = false;
    for (unsigned exponent = form->exponent_max + 1; exponent-- > 0 && !is_exact;) {
        for (unsigned factor = exponent + 1; factor-- > 0;) {
            if (pair_try(&best, &is_any, &is_exact, form, sample, exponent, factor)) break;
        }
        if (!is_any) break;
    }
    return best;
}

/* Digits of exceptions become those before them, or the first that hold; their rests 0. */
static void find_exceptions(uint16_t *positions, uint64_t *digits, uint64_t *rests, size_t count)
{
    size_t first = 0;
    while (first + 1 < count && decimal_is_exception(digits[first], rests[first])) first++;
    bool none_holds = decimal_is_exception(digits[first], rests[first]);
    uint64_t before = none_holds ? 0 : digits[first];
    for (size_t i = 0; i < count; i++) {
        if (decimal_is_exception(digits[i], rests[i])) {
            *positions++ = (uint16_t)i;
            digits[i] = before;
            rests[i] = 0;
        }
        before = digits[i];
    }
}

static size_t encode(const struct form *form, uint8_t *target, size_t room,
                     const struct codec_column *column, struct codec_hint *hint)
{
    const uint64_t *words = column->words;
    size_t count = column->count;
    struct pair pair = {hint->exponent, hint->factor, 0};
    if (hint->codec != form->id) pair = pair_of(form, words, count);
    if (pair.cost >= (size_t)WIDTH_HOPELESS * SAMPLE) return 0;
    uint64_t digits[CODEC_RUN], rests[CODEC_RUN];
    uint16_t positions[CODEC_RUN];
    struct decimal_outcome outcome;
    form->digits(&outcome, digits, rests, words, count, pair.exponent, pair.factor);
    size_t patches = outcome.exceptions;
    if (HEADER_BYTES + FIELD_BYTES_MAX + patches * PATCH_BYTES >= room) return 0;
    if (patches > 0) find_exceptions(positions, digits, rests, count);

    uint8_t *next = target;
    *next++ = (uint8_t)pair.exponent;
    *next++ = (uint8_t)(pair.factor | (outcome.rests ? WITH_RESTS : 0));
    next = field_put(next, patches);
    next = patches_put(next, positions, patches, words);
    size_t header_bytes = (size_t)(next - target);
    struct codec_pair columns = {VALUE_I64, column->class, digits, outcome.rests ? rests : NULL};
    struct codec_hint nothing = {0};
    size_t bytes = codec_pair_encode(next, room - header_bytes, &columns, count, &nothing);
    if (bytes == 0) return 0;
    hint->exponent = (uint8_t)pair.exponent;
    hint->factor = (uint8_t)pair.factor;
    return header_bytes + bytes;
}

static enum status decode(const struct form *form, uint64_t *target, size_t count,
                          const uint8_t *source, size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    unsigned exponent = field_take_byte(&reader);
    unsigned factor = field_take_byte(&reader);
    bool has_rests = factor & WITH_RESTS;
    factor &= ~(unsigned)WITH_RESTS;
    uint64_t patch_count = field_take(&reader);
    const uint8_t *patches = patches_take(&reader, patch_count);
    if (reader.failed || exponent > form->exponent_max || factor > exponent) return STATUS_CORRUPT;
    enum status status = patches_check(count, patches, (size_t)patch_count);
    if (status < 0) return status;
    _Alignas(64) uint64_t rests[CODEC_RUN];
    status = codec_pair_decode(target, has_rests ? rests : NULL, VALUE_I64, count, &reader);
    if (status < 0) return status;
    if (!patches_repeat(target, count, patches, (size_t)patch_count)) return STATUS_CORRUPT;
    if (has_rests && !patches_stand_for(rests, patches, (size_t)patch_count, 0)) {
        return STATUS_CORRUPT;
    }
    form->words(target, count, exponent, factor);
    if (has_rests) kernels_here()->add(target, rests, count);
    patches_apply(target, patches, (size_t)patch_count);
    return STATUS_OK;
}

static size_t decimal_encode(uint8_t *target, size_t room, const struct codec_column *column,
                             struct codec_hint *hint)
{
    struct form form = form_of_doubles();
    return encode(&form, target, room, column, hint);
}

static enum status decimal_decode(uint64_t *target, size_t count, const uint8_t *source,
                                  size_t source_bytes)
{
    struct form form = form_of_doubles();
    return decode(&form, target, count, source, source_bytes);
}

static size_t decimal_single_encode(uint8_t *target, size_t room, const struct codec_column *column,
                                    struct codec_hint *hint)
{
    struct form form = form_of_floats();
    return encode(&form, target, room, column, hint);
}

static enum status decimal_single_decode(uint64_t *target, size_t count, const uint8_t *source,
                                         size_t source_bytes)
{
    struct form form = form_of_floats();
    return decode(&form, target, count, source, source_bytes);
}

const struct codec codec_decimal = {
    .id = CODEC_DECIMAL,
    .name = "decimal",
    .types = CODEC_OF(VALUE_F64),
    .count_max = CODEC_RUN,
    .encode = decimal_encode,
    .decode = decimal_decode,
};

const struct codec codec_decimal_single = {
    .id = CODEC_DECIMAL_SINGLE,
    .name = "decimal, single",
    .types = CODEC_OF(VALUE_F32),
    .count_max = CODEC_RUN,
    .encode = decimal_single_encode,
    .decode = decimal_single_decode,
};
