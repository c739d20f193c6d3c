/* Goal:   two servers have equal digests exactly if they hold the same entries, however these are
 *         cut into batches.
 * Method: the worked example of docs/format/digest.md; a naive twin that follows that page word by
 *         word; every cut and order; every neighbour of an entry, one bit away. */
#include "storage/digest.h"

#include "storage/base/hash.h"
#include "storage/base/random.h"
#include "tests/unit.h"

static const struct {
    uint32_t size_bytes;
    char bytes[12];
} note = {12, "ann\0mistyped"}, note_copy = {12, "ann\0mistyped"},
  note_other = {12, "ann\0mistypee"}, nothing = {0, ""};

static const struct text_value *text_of(const void *text)
{
    return text;
}

static struct digest digest_of(struct identity identity, int64_t time_ns, const struct entry *entry)
{
    struct digest digest = {0};
    digest_entry(&digest, identity, time_ns, entry);
    return digest;
}

static void assert_digest(struct digest digest, uint64_t high, uint64_t low, uint64_t count)
{
    ck_assert_msg(digest.high == high && digest.low == low && digest.count == count,
                  "got %016lx %016lx, %lu entries", digest.high, digest.low, digest.count);
}

/* ---- The page ------------------------------------------------------------------------------- */

START_TEST(the_example_of_the_page)
{
    struct identity identity = identity_of_tag("", "boiler1.pressure", 1);
    ck_assert_uint_eq(identity.high, 0x21f13ff4f9031690);
    ck_assert_uint_eq(identity.low, 0x31be7132894e43f4);

    uint64_t bits;
    memcpy(&bits, &(double){4.2}, sizeof bits);
    struct entry collected = {.origin = 7, .type = VALUE_F64, .value = bits};
    struct digest digest = digest_of(identity, 1700000000000000000, &collected);
    assert_digest(digest, 0x14aac1d671efa875, 0x5eb4f39e5968f798, 1);

    memcpy(&bits, &(double){4.25}, sizeof bits);
    struct entry correction = {
        .origin = 7,
        .type = VALUE_F64,
        .value = bits,
        .clock = 1700000060000ull << 16,
        .generation = 1,
        .kind = ENTRY_CORRECTION,
        .quality = 0x40000000,
        .note = text_of(&note),
    };
    digest_add(&digest, digest_of(identity, 1700000000000000000, &correction));
    assert_digest(digest, 0x7893ac822dc8da6f, 0x0f9c7f5a29bb4220, 2);
}
END_TEST

/* The naive twin: the page, word by word, with 32-bit halves for the products. */
static void twin_round(uint64_t left, uint64_t right, uint64_t *out_low, uint64_t *out_high)
{
    uint64_t a = left >> 32, b = left & UINT32_MAX, c = right >> 32, d = right & UINT32_MAX;
    uint64_t middle = a * d + (b * d >> 32), other = b * c + (middle & UINT32_MAX);
    *out_low = (left * right) ^ left;
    *out_high = (a * c + (middle >> 32) + (other >> 32)) ^ right;
}

static void twin_sum(struct digest *digest, uint64_t low, uint64_t high)
{
    uint64_t carry = low > UINT64_MAX - digest->low;
    digest->low += low;
    digest->high += high + carry;
}

static void twin_entry(struct digest *digest, struct identity identity, int64_t time_ns,
                       const struct entry *entry)
{
    unsigned char bytes[32] = {0};
    memcpy(bytes, &identity.low, 8);
    memcpy(bytes + 8, &identity.high, 8);
    memcpy(bytes + 16, &entry->origin, 8);
    memcpy(bytes + 24, &entry->generation, 4);
    bytes[28] = entry->type;
    bytes[29] = entry->kind;
    struct hash128 key = hash128(bytes, sizeof bytes);
    uint64_t value = entry->value;
    if (entry->type == VALUE_TEXT && entry->kind != ENTRY_DELETION) {
        value = hash64(value_text(value)->bytes, value_text(value)->size_bytes);
    }
    uint64_t seed_low, seed_high, first_low, first_high, low, high;
    twin_round(entry->clock ^ key.low ^ 0x6a09e667f3bcc909,
               entry->quality ^ key.high ^ 0xbb67ae8584caa73b, &seed_low, &seed_high);
    twin_round((uint64_t)time_ns ^ key.low ^ 0x3c6ef372fe94f82b,
               value ^ key.high ^ 0xa54ff53a5f1d36f1, &first_low, &first_high);
    twin_round(first_low ^ seed_low, first_high ^ seed_high, &low, &high);
    twin_sum(digest, low, high);
    digest->count++;
    if (!entry->note) return;
    struct hash128 text = hash128(entry->note->bytes, entry->note->size_bytes);
    twin_round(low ^ text.low ^ 0x510e527fade682d1, high ^ text.high ^ 0x9b05688c2b3e6c1f, &low,
               &high);
    twin_sum(digest, low, high);
}

/* ---- Random batches ------------------------------------------------------------------------- */

enum { COUNT_MAX = 40 };

struct columns {
    int64_t times_ns[COUNT_MAX];
    uint64_t values[COUNT_MAX];
    uint32_t qualities[COUNT_MAX];
    uint8_t types[COUNT_MAX];
    uint8_t kinds[COUNT_MAX];
    uint64_t clocks[COUNT_MAX];
    uint32_t generations[COUNT_MAX];
    uint64_t origins[COUNT_MAX];
    const struct text_value *notes[COUNT_MAX];
};

/* Each column is there or not; short runs in each. */
static struct batch random_batch(struct random *random, struct columns *columns)
{
    struct batch batch = {
        .sample_count = (uint32_t)random_below(random, COUNT_MAX) + 1,
        .times_ns = columns->times_ns,
        .values = columns->values,
        .qualities = random_chance(random, 1, 2) ? columns->qualities : NULL,
        .kinds = random_chance(random, 1, 2) ? columns->kinds : NULL,
        .clocks = random_chance(random, 1, 2) ? columns->clocks : NULL,
        .generations = random_chance(random, 1, 3) ? columns->generations : NULL,
        .origins = random_chance(random, 1, 3) ? columns->origins : NULL,
        .type = random_chance(random, 1, 4) ? VALUE_TEXT : VALUE_I64,
        .kind = random_chance(random, 1, 2) ? ENTRY_CORRECTION : ENTRY_COLLECTED,
        .clock = 5,
        .generation = 6,
        .origin = 7,
    };
    if (batch.type == VALUE_I64 && random_chance(random, 1, 3)) batch.types = columns->types;
    if (random_chance(random, 1, 3)) batch.notes = columns->notes;
    for (size_t i = 0; i < COUNT_MAX; i++) {
        columns->times_ns[i] = (int64_t)random_u64(random);
        columns->values[i] = random_u64(random);
        if (batch.type == VALUE_TEXT) {
            columns->values[i] =
                value_from_text(text_of(random_chance(random, 1, 2) ? &note : &nothing));
        }
        columns->qualities[i] = (uint32_t)random_below(random, 3) / 2 << 31;
        columns->types[i] = random_chance(random, 1, 3) ? VALUE_STATE : VALUE_I64;
        columns->kinds[i] = random_chance(random, 1, 3);
        columns->clocks[i] = random_below(random, 3) / 2;
        columns->generations[i] = random_chance(random, 1, 3);
        columns->origins[i] = random_chance(random, 1, 3);
        columns->notes[i] = random_chance(random, 1, 2) ? text_of(&note) : NULL;
    }
    return batch;
}

START_TEST(batches_and_entries_are_as_the_page_says)
{
    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < 20000; i++) {
        struct columns columns;
        struct batch batch = random_batch(&random, &columns);
        struct identity identity = {random_below(&random, 3), random_u64(&random)};
        struct digest expected = {0}, whole = {0}, singly = {0};
        for (size_t j = 0; j < batch.sample_count; j++) {
            struct entry entry = batch_entry(&batch, j);
            twin_entry(&expected, identity, batch.times_ns[j], &entry);
            digest_entry(&singly, identity, batch.times_ns[j], &entry);
        }
        digest_batch(&whole, identity, &batch);
        ck_assert(digest_equal(whole, expected));
        ck_assert(digest_equal(singly, expected));
        ck_assert_uint_eq(whole.count, batch.sample_count);
    }
}
END_TEST

START_TEST(a_cut_does_not_matter)
{
    struct random random;
    random_init(&random, 2);
    for (int i = 0; i < 5000; i++) {
        struct columns columns;
        struct batch batch = random_batch(&random, &columns);
        struct identity identity = {1, 2};
        struct digest whole = {0}, rest = {0};
        digest_batch(&whole, identity, &batch);
        size_t middle = random_below(&random, batch.sample_count);
        struct batch tail = batch_slice(&batch, middle, batch.sample_count - middle);
        digest_batch(&rest, identity, &tail); /* later part first */
        struct digest head = {0};
        if (middle > 0) {
            struct batch slice = batch_slice(&batch, 0, middle);
            digest_batch(&head, identity, &slice);
        }
        struct digest sum = rest;
        digest_add(&sum, head);
        ck_assert(digest_equal(sum, whole)); /* D1 */
        digest_subtract(&sum, rest);
        ck_assert(digest_equal(sum, head));
        digest_subtract(&sum, head);
        assert_digest(sum, 0, 0, 0);
    }
}
END_TEST

START_TEST(sums_carry_and_borrow)
{
    struct digest sum = {.low = UINT64_MAX, .high = 1, .count = 1};
    digest_add(&sum, (struct digest){.low = 1, .high = 2, .count = 3});
    assert_digest(sum, 4, 0, 4);
    digest_subtract(&sum, (struct digest){.low = 1, .high = 2, .count = 3});
    assert_digest(sum, 1, UINT64_MAX, 1);
}
END_TEST

/* ---- Nothing changes unnoticed -------------------------------------------------------------- */

struct sample {
    struct identity identity;
    int64_t time_ns;
    struct entry entry;
};

enum { NEIGHBOURS = 64 + 64 + 64 + 64 + 64 + 64 + 32 + 32 + 8 + 8 };

/* The sample with one bit of one field flipped. */
static struct sample neighbour_of(struct sample sample, unsigned bit)
{
    uint64_t *const words[] = {&sample.identity.low, &sample.identity.high, &sample.entry.clock,
                               &sample.entry.origin, &sample.entry.value};
    if (bit < 5 * 64) {
        *words[bit / 64] ^= 1ull << bit % 64;
    } else if (bit < 6 * 64) {
        sample.time_ns = (int64_t)((uint64_t)sample.time_ns ^ 1ull << bit % 64);
    } else if (bit < 6 * 64 + 32) {
        sample.entry.generation ^= 1u << bit % 32;
    } else if (bit < 6 * 64 + 64) {
        sample.entry.quality ^= 1u << bit % 32;
    } else if (bit < 6 * 64 + 72) {
        sample.entry.type = (uint8_t)(sample.entry.type ^ 1u << bit % 8);
    } else {
        sample.entry.kind = (uint8_t)(sample.entry.kind ^ 1u << bit % 8);
    }
    return sample;
}

static struct digest sample_digest(struct sample sample)
{
    return digest_of(sample.identity, sample.time_ns, &sample.entry);
}

static int digest_compare(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct digest));
}

/* Plain industrial samples as well as random bits: zero fields must not weaken the mix. */
static struct sample random_sample(struct random *random)
{
    struct sample sample = {.identity = {random_u64(random), random_u64(random)},
                            .entry.type = VALUE_I64};
    if (random_chance(random, 1, 4)) return sample;
    sample.time_ns = 1700000000 * INT64_C(1000000000) + (int64_t)random_below(random, 1000);
    sample.entry.origin = random_u64(random);
    if (random_chance(random, 1, 2)) sample.entry.value = random_below(random, 100);
    if (random_chance(random, 1, 2)) sample.entry.clock = random_u64(random);
    return sample;
}

START_TEST(every_bit_counts)
{
    struct random random;
    random_init(&random, 3);
    for (int i = 0; i < 300; i++) {
        struct sample sample = random_sample(&random);
        struct digest digests[1 + NEIGHBOURS];
        digests[NEIGHBOURS] = sample_digest(sample);
        for (unsigned bit = 0; bit < NEIGHBOURS; bit++) {
            digests[bit] = sample_digest(neighbour_of(sample, bit));
        }
        qsort(digests, 1 + NEIGHBOURS, sizeof *digests, digest_compare);
        for (unsigned j = 0; j < NEIGHBOURS; j++) {
            ck_assert(!digest_equal(digests[j], digests[j + 1]));
        }
    }
}
END_TEST

START_TEST(two_bits_flipped_in_one_sample_do_not_cancel)
{
    struct random random;
    random_init(&random, 4);
    for (int i = 0; i < 4; i++) {
        struct sample sample = random_sample(&random);
        struct digest digest = sample_digest(sample);
        for (unsigned first = 0; first < NEIGHBOURS; first++) {
            for (unsigned second = 0; second < first; second++) {
                struct sample other = neighbour_of(neighbour_of(sample, first), second);
                if (other.entry.type == VALUE_TEXT) continue; /* the value would be an address */
                ck_assert(!digest_equal(sample_digest(other), digest));
            }
        }
    }
}
END_TEST

static struct digest pair_digest(struct sample left, struct sample right)
{
    struct digest digest = sample_digest(left);
    digest_add(&digest, sample_digest(right));
    return digest;
}

START_TEST(swaps_between_samples_are_seen)
{
    struct random random;
    random_init(&random, 5);
    for (int i = 0; i < 100000; i++) {
        struct sample left = random_sample(&random), right = left;
        right.time_ns += 1 + (int64_t)random_below(&random, 5);
        right.entry.value += 1 + random_below(&random, 5);
        right.entry.clock += random_below(&random, 2);
        right.entry.quality ^= (uint32_t)random_below(&random, 2);
        right.identity.low ^= random_below(&random, 2);
        struct digest digest = pair_digest(left, right);

        struct sample values[2] = {left, right};
        values[0].entry.value = right.entry.value;
        values[1].entry.value = left.entry.value;
        ck_assert(!digest_equal(pair_digest(values[0], values[1]), digest));

        struct sample equal = left; /* a value that is there twice instead */
        equal.time_ns = right.time_ns;
        ck_assert(!digest_equal(pair_digest(left, equal), digest));
        if (left.identity.low != right.identity.low) {
            struct sample tags[2] = {left, right};
            tags[0].identity = right.identity;
            tags[1].identity = left.identity;
            ck_assert(!digest_equal(pair_digest(tags[0], tags[1]), digest));
        }
        if (left.entry.clock != right.entry.clock) {
            struct sample clocks[2] = {left, right};
            clocks[0].entry.clock = right.entry.clock;
            clocks[1].entry.clock = left.entry.clock;
            ck_assert(!digest_equal(pair_digest(clocks[0], clocks[1]), digest));
        }
    }
}
END_TEST

/* A product of time and value alone would not see these: its sums are linear in the values. */
START_TEST(changes_that_cancel_on_a_straight_line_are_seen)
{
    struct random random;
    random_init(&random, 6);
    for (int i = 0; i < 20000; i++) {
        struct sample sample = random_sample(&random);
        int64_t step_ns = 1 + (int64_t)random_below(&random, 1000);
        static const int changes[3] = {1, -2, 1};
        struct digest before = {0}, after = {0};
        for (int j = 0; j < 3; j++) {
            digest_add(&before, sample_digest(sample));
            struct sample changed = sample;
            changed.entry.value += (uint64_t)changes[j];
            digest_add(&after, sample_digest(changed));
            sample.time_ns += step_ns;
        }
        ck_assert(!digest_equal(before, after));
    }
}
END_TEST

START_TEST(a_doubled_entry_does_not_cancel)
{
    struct random random;
    random_init(&random, 7);
    struct sample sample = random_sample(&random);
    struct digest digest = sample_digest(sample), twice = digest, zero = {0};
    digest_add(&twice, digest);
    twice.count = zero.count;
    ck_assert(!digest_equal(twice, zero)); /* D2 */
}
END_TEST

START_TEST(texts_and_notes_count_by_content)
{
    struct identity identity = {1, 2};
    struct entry plain = {.type = VALUE_I64, .clock = 3, .kind = ENTRY_CORRECTION, .value = 4};
    struct entry noted = plain, copied = plain, other = plain, empty = plain;
    noted.note = text_of(&note);
    copied.note = text_of(&note_copy);
    other.note = text_of(&note_other);
    empty.note = text_of(&nothing);
    struct digest digest = digest_of(identity, 9, &noted);
    ck_assert(digest_equal(digest, digest_of(identity, 9, &copied)));
    ck_assert(!digest_equal(digest, digest_of(identity, 9, &other)));
    ck_assert(!digest_equal(digest, digest_of(identity, 9, &plain)));
    ck_assert(!digest_equal(digest, digest_of(identity, 9, &empty)));
    ck_assert(!digest_equal(digest_of(identity, 9, &plain), digest_of(identity, 9, &empty)));

    /* A note belongs to its entry. */
    struct entry second = plain, second_noted = noted;
    second.value = second_noted.value = 5;
    digest_add(&digest, digest_of(identity, 9, &second));
    struct digest moved = digest_of(identity, 9, &plain);
    digest_add(&moved, digest_of(identity, 9, &second_noted));
    ck_assert(!digest_equal(digest, moved));

    struct entry text = {.type = VALUE_TEXT, .value = value_from_text(text_of(&note))};
    struct entry text_copy = text, text_other = text;
    text_copy.value = value_from_text(text_of(&note_copy));
    text_other.value = value_from_text(text_of(&note_other));
    digest = digest_of(identity, 9, &text);
    ck_assert(digest_equal(digest, digest_of(identity, 9, &text_copy)));
    ck_assert(!digest_equal(digest, digest_of(identity, 9, &text_other)));

    struct entry deletion = {.type = VALUE_TEXT, .clock = 3, .kind = ENTRY_DELETION};
    ck_assert_uint_eq(digest_of(identity, 9, &deletion).count, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_example_of_the_page,
        batches_and_entries_are_as_the_page_says,
        a_cut_does_not_matter,
        sums_carry_and_borrow,
        every_bit_counts,
        two_bits_flipped_in_one_sample_do_not_cancel,
        swaps_between_samples_are_seen,
        changes_that_cancel_on_a_straight_line_are_seen,
        a_doubled_entry_does_not_cancel,
        texts_and_notes_count_by_content,
    };
    return unit_run("digest", tests, sizeof tests / sizeof *tests);
}
