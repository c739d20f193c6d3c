/* Goal:   what several tags put into one block comes out for each of them, bit for bit; and no bytes
 *         make a reader crash or believe what breaks the rules.
 * Method: random tags of every shape through encoding and decoding; tags of one scan, whose times
 *         must be written once; blocks with every byte changed and the checksum put right. */
#include "storage/base/random.h"
#include "storage/block_format.h"
#include "storage/mixed_block.h"
#include "tests/unit.h"

enum { TAGS_MAX = 120, ROWS_MAX = 40, SAMPLES_MAX = TAGS_MAX * ROWS_MAX };

/* Columns of all samples, tag by tag. */
struct made {
    struct mixed_entry entries[TAGS_MAX];
    size_t tag_count;
    int64_t times_ns[SAMPLES_MAX];
    uint64_t values[SAMPLES_MAX];
    uint32_t qualities[SAMPLES_MAX];
    uint8_t types[SAMPLES_MAX];
    uint64_t clocks[SAMPLES_MAX];
    uint32_t generations[SAMPLES_MAX];
    uint64_t origins[SAMPLES_MAX];
    struct batch batch;
};

static uint64_t value_of(struct random *random, uint8_t type)
{
    if (type == VALUE_BOOL) return random_below(random, 2);
    if (type == VALUE_F32) return random_below(random, UINT32_MAX);
    return random_u64(random) >> random_below(random, 64);
}

/* How alike the tags are: none of a column's values differ when its chance is 0 of 1. */
struct likeness {
    uint64_t timelines;
    uint64_t types;
    bool has_qualities;
    bool has_revisions;
    bool has_origins;
};

static void tag_make(struct made *made, struct random *random, const struct likeness *likeness,
                     size_t first, size_t count)
{
    uint64_t timeline = random_below(random, likeness->timelines);
    uint8_t type = (uint8_t)(VALUE_F64 + random_below(random, likeness->types));
    bool is_revised = random_chance(random, 1, 2);
    for (size_t i = 0; i < count; i++) {
        made->times_ns[first + i] = (int64_t)(1000 * i + 7 * timeline) - 900;
        made->values[first + i] = value_of(random, type);
        made->types[first + i] = type;
        made->qualities[first + i] = (uint32_t)random_below(random, 3) << 30;
        made->clocks[first + i] = is_revised ? 1 + random_below(random, 3) : 0;
        made->generations[first + i] = is_revised ? (uint32_t)random_below(random, 3) : 0;
        made->origins[first + i] = random_below(random, 3);
    }
}

static void made_make(struct made *made, struct random *random, const struct likeness *likeness)
{
    made->tag_count = 1 + random_below(random, TAGS_MAX);
    size_t total = 0, count = 1 + random_below(random, ROWS_MAX);
    struct identity identity = {.low = 3};
    for (size_t i = 0; i < made->tag_count; i++) {
        if (random_chance(random, 1, 3)) count = 1 + random_below(random, ROWS_MAX);
        identity.high += random_below(random, 2);
        identity.low++;
        made->entries[i] = (struct mixed_entry){identity, (uint32_t)count};
        tag_make(made, random, likeness, total, count);
        total += count;
    }
    made->batch = (struct batch){
        .sample_count = (uint32_t)total,
        .times_ns = made->times_ns,
        .values = made->values,
        .type = made->types[0],
        .types = likeness->types > 1 ? made->types : NULL,
        .origin = 77,
        .qualities = likeness->has_qualities ? made->qualities : NULL,
        .clocks = likeness->has_revisions ? made->clocks : NULL,
        .generations = likeness->has_revisions ? made->generations : NULL,
        .origins = likeness->has_origins ? made->origins : NULL,
    };
}

struct fixture {
    struct random random;
    struct made made;
    struct buffer bytes;
    struct arena arena;
    struct error error;
};

static struct fixture *fixture_begin(uint64_t seed, const struct likeness *likeness)
{
    static struct fixture fixture;
    random_init(&fixture.random, seed);
    buffer_init(&fixture.bytes, 1 << 24);
    arena_init(&fixture.arena, 1 << 28);
    made_make(&fixture.made, &fixture.random, likeness);
    const struct made *made = &fixture.made;
    ASSERT_OK(mixed_block_encode(&fixture.bytes, made->entries, made->tag_count, &made->batch,
                                 &fixture.arena, &fixture.error),
              &fixture.error);
    return &fixture;
}

static void fixture_end(struct fixture *fixture)
{
    buffer_finish(&fixture->bytes);
    arena_finish(&fixture->arena);
}

static void check_tag(const struct made *made, const struct mixed_block *block, size_t tag,
                      size_t first)
{
    struct batch found = mixed_block_batch(block, tag);
    ck_assert_uint_eq(found.sample_count, made->entries[tag].sample_count);
    for (size_t i = 0; i < found.sample_count; i++) {
        struct entry expected = batch_entry(&made->batch, first + i);
        struct entry entry = batch_entry(&found, i);
        ck_assert_int_eq(found.times_ns[i], made->times_ns[first + i]);
        ck_assert_int_eq(entry_compare(&entry, &expected), 0);
    }
    size_t index;
    ck_assert(mixed_block_find(block, made->entries[tag].identity, &index));
    ck_assert_uint_eq(index, tag);
}

/* The same for who decodes only this tag. */
static void check_alone(struct fixture *fixture, size_t tag, size_t first)
{
    const struct made *made = &fixture->made;
    struct batch found;
    ck_assert_int_eq(mixed_block_decode_tag(fixture->bytes.bytes, fixture->bytes.size_bytes,
                                            made->entries[tag].identity, &fixture->arena, &found),
                     STATUS_OK);
    ck_assert_uint_eq(found.sample_count, made->entries[tag].sample_count);
    for (size_t i = 0; i < found.sample_count; i++) {
        struct entry expected = batch_entry(&made->batch, first + i);
        struct entry entry = batch_entry(&found, i);
        ck_assert_int_eq(found.times_ns[i], made->times_ns[first + i]);
        ck_assert_int_eq(entry_compare(&entry, &expected), 0);
    }
}

static const struct likeness likenesses[] = {
    {.timelines = 1, .types = 1},
    {.timelines = 3, .types = 5, .has_qualities = true},
    {.timelines = 1, .types = 2, .has_revisions = true},
    {.timelines = 1000, .types = 5, .has_origins = true, .has_revisions = true},
};
enum { LIKENESSES = sizeof likenesses / sizeof likenesses[0] };

START_TEST(what_each_tag_put_in_comes_out)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 400); seed++) {
        struct fixture *fixture = fixture_begin(seed, &likenesses[seed % LIKENESSES]);
        const struct buffer *bytes = &fixture->bytes;
        ck_assert(mixed_block_is_intact(bytes->bytes, bytes->size_bytes));
        struct mixed_block block;
        ck_assert_int_eq(
            mixed_block_decode(bytes->bytes, bytes->size_bytes, &fixture->arena, &block),
            STATUS_OK);
        ck_assert_uint_eq(block.tag_count, fixture->made.tag_count);
        size_t first = 0, index;
        for (size_t i = 0; i < block.tag_count; i++) {
            check_tag(&fixture->made, &block, i, first);
            check_alone(fixture, i, first);
            first += fixture->made.entries[i].sample_count;
        }
        ck_assert(!mixed_block_find(&block, (struct identity){.low = 2}, &index));
        ck_assert(!mixed_block_find(&block, (struct identity){.high = UINT64_MAX}, &index));
        fixture_end(fixture);
    }
}
END_TEST

/* A scan has one time for all its tags: it must not cost a time for each of them. */
START_TEST(tags_that_are_scanned_together_share_their_times)
{
    enum { SCANNED_TAGS = 50, SCANS = 20 };
    static struct made made;
    for (size_t i = 0; i < SCANNED_TAGS * SCANS; i++) {
        made.times_ns[i] = (int64_t)((i % SCANS) * (i % SCANS)) * 1000003;
        made.values[i] = 4;
        made.entries[i / SCANS] = (struct mixed_entry){{i / SCANS, 0}, SCANS};
    }
    made.batch = (struct batch){.sample_count = SCANNED_TAGS * SCANS,
                                .times_ns = made.times_ns,
                                .values = made.values,
                                .type = VALUE_I64};
    struct buffer bytes;
    struct arena arena;
    struct error error;
    buffer_init(&bytes, 1 << 20);
    arena_init(&arena, 1 << 24);
    ASSERT_OK(mixed_block_encode(&bytes, made.entries, SCANNED_TAGS, &made.batch, &arena, &error),
              &error);
    const struct mixed_header *header = (const struct mixed_header *)(const void *)bytes.bytes;
    ck_assert_uint_eq(header->timeline_count, 1);
    ck_assert_uint_eq(header->time_count, SCANS);
    size_t names = SCANNED_TAGS * sizeof(struct identity);
    ck_assert_uint_lt(bytes.size_bytes, names + sizeof *header + SCANS * sizeof(int64_t) + 64);
    buffer_finish(&bytes);
    arena_finish(&arena);
}
END_TEST

/* Rises, and is valid, by itself: what a reader may hand out. */
static void check_rules(const struct mixed_block *block)
{
    for (size_t i = 0; i < block->tag_count; i++) {
        struct batch batch = mixed_block_batch(block, i);
        ck_assert_uint_ge(batch.sample_count, 1);
        for (size_t j = 0; j < batch.sample_count; j++) {
            struct entry entry = batch_entry(&batch, j);
            ck_assert(entry_is_valid(&entry));
            if (j > 0) ck_assert_int_lt(batch.times_ns[j - 1], batch.times_ns[j]);
        }
        if (i == 0) continue;
        ck_assert_int_lt(identity_compare(block->identities[i - 1], block->identities[i]), 0);
    }
}

/* Of a length of its own, so that a sanitizer sees what reads behind it. */
static void decode_changed(struct fixture *fixture, uint8_t *bytes, size_t size)
{
    struct mixed_block block;
    arena_reset(&fixture->arena);
    enum status status = mixed_block_decode(bytes, size, &fixture->arena, &block);
    ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
    if (status == STATUS_OK) check_rules(&block);
    struct batch found;
    const struct made *made = &fixture->made;
    for (size_t i = 0; i < made->tag_count; i += 7) {
        status =
            mixed_block_decode_tag(bytes, size, made->entries[i].identity, &fixture->arena, &found);
        ck_assert(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_NOT_FOUND);
    }
}

START_TEST(no_bytes_make_a_reader_crash)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 40); seed++) {
        struct fixture *fixture = fixture_begin(seed, &likenesses[seed % LIKENESSES]);
        size_t size = fixture->bytes.size_bytes;
        uint8_t *bytes = malloc(size);
        memcpy(bytes, fixture->bytes.bytes, size);
        for (size_t i = 0; i < size; i++) {
            bytes[i] ^= (uint8_t)(1 << random_below(&fixture->random, 8));
            ck_assert(!mixed_block_is_intact(bytes, size));
            decode_changed(fixture, bytes, size);
            if (i % 3 == 0) bytes[i] = fixture->bytes.bytes[i]; /* the rest adds up */
        }
        for (size_t cut = 1; cut < size && cut < 200; cut++) {
            memcpy(bytes, fixture->bytes.bytes, size);
            decode_changed(fixture, bytes, size - cut);
        }
        free(bytes);
        fixture_end(fixture);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_each_tag_put_in_comes_out,
        tags_that_are_scanned_together_share_their_times,
        no_bytes_make_a_reader_crash,
    };
    return unit_run("mixed_block", tests, sizeof tests / sizeof tests[0]);
}
