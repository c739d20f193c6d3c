/* Goal:   no byte of a segment can change unnoticed; what is damaged is named, and what is not is
 *         still given.
 * Method: every byte is flipped, with the checksums as they were and with checksums made right
 *         again; damages of every level of the tree, and what is said of each. */
#include "tests/storage/segment_content.h"
#include "tests/storage/segment_mend.h"

struct fixture {
    struct random random;
    struct file_memory *memory;
    struct file_system *disk;
    struct content content;
    struct content_reading reading;
    uint8_t *intact; /* owned; the file's bytes */
    uint8_t *bytes;  /* owned; to be damaged */
    size_t size;
    struct segment_footer footer;
    char reports[4096]; /* of the last verify, a line each */
    struct segment_check check;
    struct error error;
};

static void fixture_begin(struct fixture *fixture, uint64_t seed, const struct content_shape *shape)
{
    *fixture = (struct fixture){0};
    random_init(&fixture->random, seed);
    fixture->memory = content_disk(&fixture->error);
    fixture->disk = file_memory_system(fixture->memory);
    content_make(&fixture->content, &fixture->random, shape);
    fixture->content.mixed_samples_max = shape->mixed_samples_max;
    content_reading_init(&fixture->reading);
    ASSERT_OK(
        content_segment(&fixture->content, &fixture->random, fixture->disk, 8, &fixture->error),
        &fixture->error);
    const uint8_t *bytes;
    ASSERT_OK(file_memory_bytes(fixture->memory, CONTENT_PATH, &bytes, &fixture->size),
              &fixture->error);
    fixture->intact = malloc(fixture->size);
    fixture->bytes = malloc(fixture->size);
    memcpy(fixture->intact, bytes, fixture->size);
    memcpy(fixture->bytes, bytes, fixture->size);
    memcpy(&fixture->footer, bytes + fixture->size - sizeof fixture->footer,
           sizeof fixture->footer);
}

static void fixture_end(struct fixture *fixture)
{
    free(fixture->intact);
    free(fixture->bytes);
    content_reading_finish(&fixture->reading);
    content_finish(&fixture->content);
    file_memory_destroy(fixture->memory);
}

static void report_note(void *context, const char *text)
{
    struct fixture *fixture = context;
    size_t length = strlen(fixture->reports);
    (void)snprintf(fixture->reports + length, sizeof fixture->reports - length, "%s\n", text);
}

static struct content_row *row_of(struct content *content, struct identity identity, uint8_t kind,
                                  int64_t time_ns)
{
    struct content_row wanted = {.identity = identity, .kind = kind};
    for (size_t i = 0; i < content->count; i++) {
        struct content_row *row = &content->rows[i];
        if (content_same_tag(row, &wanted) && row->time_ns == time_ns) return row;
    }
    return NULL;
}

/* Whether the batch is a run of the rows that were written. */
static bool was_written(struct fixture *fixture, const struct segment_index_entry *entry,
                        const struct batch *batch)
{
    struct content *content = &fixture->content;
    const struct content_row *end = content->rows + content->count;
    const struct content_row *row =
        row_of(content, entry->identity, entry->kind, batch_time_ns(batch, 0));
    /* Several rows of a history may have this time. */
    for (; row && row < end && row->time_ns == batch_time_ns(batch, 0); row++) {
        if (batch->sample_count <= (size_t)(end - row) && content_equals(row, batch)) return true;
    }
    return false;
}

static void read_tag(struct fixture *fixture, struct segment *segment,
                     const struct segment_index_entry *entry, bool must_be_equal)
{
    struct content_reading *reading = &fixture->reading;
    const struct block_descriptor *descriptors;
    size_t count;
    arena_reset(&reading->found);
    if (segment_descriptors(segment, entry, INT64_MIN, INT64_MAX, &reading->found, &descriptors,
                            &count, &fixture->error) < 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct batch batch;
        if (content_read(reading, segment, &descriptors[i], &batch, &fixture->error) < 0) continue;
        if (must_be_equal) ck_assert(was_written(fixture, entry, &batch));
    }
}

static void read_mixed(struct fixture *fixture, struct segment *segment, bool must_be_equal)
{
    struct mixed_walk walk;
    struct segment_index_entry tag = {.kind = BLOCK_MAIN};
    struct batch batch;
    enum status status;
    mixed_walk_init(&walk, segment);
    do {
        status = mixed_walk_next(&walk, &tag.identity, &batch, &fixture->error);
        if (status == STATUS_OK && must_be_equal) ck_assert(was_written(fixture, &tag, &batch));
    } while (status == STATUS_OK || status == STATUS_CORRUPT);
    ck_assert_int_eq(status, STATUS_END);
    mixed_walk_finish(&walk);
}

/* By walking and by finding. */
static void read_all(struct fixture *fixture, struct segment *segment, bool must_be_equal)
{
    struct segment_walk walk;
    struct segment_index_entry entry;
    segment_walk_init(&walk, segment);
    while (segment_walk_next(&walk, &entry, &fixture->error) == STATUS_OK) {
        read_tag(fixture, segment, &entry, must_be_equal);
    }
    read_mixed(fixture, segment, must_be_equal);
    const struct content *content = &fixture->content;
    for (size_t i = 0; i < content->count; i++) {
        const struct content_row *row = &content->rows[i];
        if (i > 0 && content_same_tag(row - 1, row)) continue;
        enum status status = segment_find(segment, row->identity, (enum block_kind)row->kind,
                                          &entry, &fixture->error);
        bool may_be_mixed = fixture->content.mixed_samples_max > 0 && row->kind == BLOCK_MAIN;
        if (must_be_equal && !may_be_mixed) {
            ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
        }
        if (status == STATUS_OK) read_tag(fixture, segment, &entry, must_be_equal);
    }
}

/* Opens, reads and verifies fixture->bytes. Whether anything was found wrong. */
static bool is_noticed(struct fixture *fixture, bool must_be_equal)
{
    struct segment *segment;
    ASSERT_OK(file_memory_damage(fixture->memory, CONTENT_PATH, fixture->bytes, fixture->size, 0),
              &fixture->error);
    fixture->reports[0] = 0;
    fixture->check = (struct segment_check){0};
    enum status status =
        segment_open(&segment, fixture->disk, CONTENT_DIRECTORY, 1, &fixture->error);
    if (status < 0) {
        ck_assert(status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED);
        return true;
    }
    read_all(fixture, segment, must_be_equal);
    ASSERT_OK(segment_verify(segment, report_note, fixture, &fixture->check, &fixture->error),
              &fixture->error);
    segment_unref(segment);
    ck_assert((fixture->check.damaged_count > 0) == (fixture->reports[0] != 0));
    return fixture->check.damaged_count > 0;
}

static const struct content_shape small = {
    .tags_max = 12, .rows_max = 30, .text_bytes_max = 12, .mixed_samples_max = 7};

START_TEST(every_flipped_byte_is_noticed)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct fixture fixture;
        fixture_begin(&fixture, seed, &small);
        ck_assert(!is_noticed(&fixture, true));
        ck_assert_uint_eq(fixture.check.sample_count, fixture.content.count);
        for (size_t i = 0; i < fixture.size; i++) {
            fixture.bytes[i] ^= (uint8_t)(1 << random_below(&fixture.random, 8));
            ck_assert_msg(is_noticed(&fixture, true), "byte %zu of %zu", i, fixture.size);
            fixture.bytes[i] = fixture.intact[i];
        }
        fixture_end(&fixture);
    }
}
END_TEST

/* What nothing else in the file tells: who made it, its level, when a block was written, and whether
 * its statistics count. And a block has more than one form: bits that no codec looks at. */
static bool stands_alone(const struct fixture *fixture, size_t offset)
{
    const struct segment_section *descriptors = &fixture->footer.descriptors;
    if (offset < sizeof(struct segment_header)) {
        return offset >= offsetof(struct segment_header, store) &&
               offset < offsetof(struct segment_header, reserved);
    }
    if (offset < descriptors->offset) return true;
    const struct segment_section *mixed = &fixture->footer.mixed;
    if (offset >= mixed->offset && offset < mixed->offset + mixed->size_bytes) {
        size_t within = (offset - mixed->offset) % sizeof(struct mixed_descriptor);
        return within >= offsetof(struct mixed_descriptor, sequence) &&
               within < offsetof(struct mixed_descriptor, digest_low);
    }
    if (offset >= descriptors->offset + descriptors->size_bytes) return false;
    size_t within = (offset - descriptors->offset) % sizeof(struct block_descriptor);
    return within == offsetof(struct block_descriptor, flags) ||
           (within >= offsetof(struct block_descriptor, sequence) &&
            within < offsetof(struct block_descriptor, digest_low));
}

/* Checksums are what is compared here: flipped alone they were mended, not changed. */
static bool is_mended(const struct fixture *fixture)
{
    return memcmp(fixture->bytes, fixture->intact, fixture->size) == 0;
}

START_TEST(right_checksums_do_not_hide_what_is_wrong)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct fixture fixture;
        fixture_begin(&fixture, seed, &small);
        for (size_t i = 0; i < fixture.size; i++) {
            fixture.bytes[i] ^= (uint8_t)(1 << random_below(&fixture.random, 8));
            segment_mend(fixture.bytes, fixture.size);
            bool is_known = is_mended(&fixture) || stands_alone(&fixture, i);
            if (!is_noticed(&fixture, false)) {
                ck_assert_msg(is_known, "byte %zu of %zu", i, fixture.size);
                ck_assert(!is_noticed(&fixture, true)); /* the content is the same */
            }
            memcpy(fixture.bytes, fixture.intact, fixture.size);
        }
        fixture_end(&fixture);
    }
}
END_TEST

/* Several bytes at once, sections swapped about: nothing crashes, whatever it says. */
START_TEST(nothing_that_is_read_makes_it_crash)
{
    struct fixture fixture;
    fixture_begin(&fixture, 4, &small);
    size_t tail = (size_t)fixture.footer.descriptors.offset;
    for (uint64_t round = 0; round < unit_number("BEDE_SEEDS", 3000); round++) {
        for (uint64_t count = 1 + random_below(&fixture.random, 6); count > 0; count--) {
            /* Mostly behind the blocks, where places and lengths are. */
            size_t from = random_chance(&fixture.random, 3, 4) ? tail : 0;
            size_t at = from + random_below(&fixture.random, fixture.size - from);
            uint8_t extremes[] = {0, 1, 0x7f, 0x80, 0xff, (uint8_t)random_u64(&fixture.random)};
            fixture.bytes[at] = extremes[random_below(&fixture.random, sizeof extremes)];
        }
        segment_mend(fixture.bytes, fixture.size);
        (void)is_noticed(&fixture, false);
        memcpy(fixture.bytes, fixture.intact, fixture.size);
    }
    fixture_end(&fixture);
}
END_TEST

/* ---- What is said ---- */

/* Damage of one level costs what hangs below it, and nothing else. */
START_TEST(a_damage_costs_what_hangs_below_it)
{
    struct fixture fixture;
    const struct content_shape wide = {.tags_max = 300, .rows_max = 20, .text_bytes_max = 5};
    fixture_begin(&fixture, 10, &wide);
    const struct segment_footer *footer = &fixture.footer;
    ck_assert_uint_gt(segment_page_count(footer), 2);
    ck_assert(!is_noticed(&fixture, true));

    /* A block: its samples. */
    struct block_descriptor descriptor;
    memcpy(&descriptor, fixture.intact + footer->descriptors.offset + sizeof descriptor,
           sizeof descriptor);
    fixture.bytes[descriptor.offset + 20] ^= 1;
    ck_assert(is_noticed(&fixture, true));
    ck_assert_uint_eq(fixture.check.damaged_count, 1);
    ck_assert_uint_eq(fixture.check.block_count, footer->block_count - 1);
    ck_assert_uint_eq(fixture.check.sample_count, footer->sample_count - descriptor.sample_count);
    ck_assert_ptr_nonnull(strstr(fixture.reports, CONTENT_PATH));
    ck_assert_ptr_nonnull(strstr(fixture.reports, "block at"));
    fixture.bytes[descriptor.offset + 20] ^= 1;

    /* A descriptor: its tag. */
    struct segment_index_entry entry;
    memcpy(&entry, fixture.intact + footer->index.offset + 5 * sizeof entry, sizeof entry);
    size_t at = footer->descriptors.offset + entry.first_descriptor * sizeof descriptor + 3;
    fixture.bytes[at] ^= 1;
    ck_assert(is_noticed(&fixture, true));
    ck_assert_uint_eq(fixture.check.damaged_count, 1);
    ck_assert_uint_eq(fixture.check.sample_count, footer->sample_count - entry.sample_count);
    char identity[40];
    (void)snprintf(identity, sizeof identity, "%016llx%016llx",
                   (unsigned long long)entry.identity.high, (unsigned long long)entry.identity.low);
    ck_assert_ptr_nonnull(strstr(fixture.reports, identity));
    fixture.bytes[at] ^= 1;

    /* An index page: its tags; the pages behind it are read all the same. */
    fixture.bytes[footer->index.offset + 64 * sizeof entry + 40] ^= 1;
    ck_assert(is_noticed(&fixture, true));
    ck_assert_uint_eq(fixture.check.damaged_count, 1);
    uint64_t lost = 0;
    for (size_t i = 64; i < 128; i++) {
        memcpy(&entry, fixture.intact + footer->index.offset + i * sizeof entry, sizeof entry);
        lost += entry.sample_count;
    }
    ck_assert_uint_eq(fixture.check.sample_count, footer->sample_count - lost);
    fixture.bytes[footer->index.offset + 64 * sizeof entry + 40] ^= 1;

    /* A gap: nothing. */
    uint64_t end = footer->origins.offset + footer->origins.size_bytes;
    if (end % SEGMENT_ALIGNMENT == 0) end = footer->top.offset + footer->top.size_bytes;
    fixture.bytes[end] ^= 1;
    ck_assert(is_noticed(&fixture, true));
    ck_assert_uint_eq(fixture.check.damaged_count, 1);
    ck_assert_uint_eq(fixture.check.sample_count, footer->sample_count);
    fixture_end(&fixture);
}
END_TEST

/* A mixed block costs what it holds of all its tags. */
START_TEST(a_damaged_mixed_block_costs_its_tags)
{
    struct fixture fixture;
    const struct content_shape slow = {.tags_max = 40, .rows_max = 6, .mixed_samples_max = 7};
    fixture_begin(&fixture, 3, &slow);
    const struct segment_footer *footer = &fixture.footer;
    ck_assert_uint_ge(segment_mixed_count(footer), 2);
    struct mixed_descriptor descriptor;
    memcpy(&descriptor, fixture.intact + footer->mixed.offset + sizeof descriptor,
           sizeof descriptor);
    fixture.bytes[descriptor.offset + 20] ^= 1;
    ck_assert(is_noticed(&fixture, true));
    ck_assert_uint_eq(fixture.check.damaged_count, 1);
    ck_assert_uint_eq(fixture.check.sample_count, footer->sample_count - descriptor.sample_count);
    ck_assert_ptr_nonnull(strstr(fixture.reports, "damaged mixed block at"));
    fixture_end(&fixture);
}
END_TEST

/* F3 holds across blocks, where no block can tell. */
START_TEST(entries_of_one_time_in_two_blocks_have_their_order)
{
    struct fixture fixture;
    fixture_begin(&fixture, 1, &small);
    for (int i = 0; i < 3; i++) {
        /* Rising, equal, falling. */
        struct content_row rows[2] = {
            {.identity = {1, 1}, .kind = BLOCK_HISTORY, .entry = {.type = VALUE_I64, .value = 1}},
            {.identity = {1, 1},
             .kind = BLOCK_HISTORY,
             .entry = {.type = VALUE_I64, .value = (uint64_t)(2 - i)}},
        };
        struct content content = {.rows = rows, .count = 2};
        struct segment *segment;
        ASSERT_OK(content_segment(&content, &fixture.random, fixture.disk, 1, &fixture.error),
                  &fixture.error);
        ASSERT_OK(segment_open(&segment, fixture.disk, CONTENT_DIRECTORY, 1, &fixture.error),
                  &fixture.error);
        fixture.reports[0] = 0;
        ASSERT_OK(segment_verify(segment, report_note, &fixture, &fixture.check, &fixture.error),
                  &fixture.error);
        ck_assert_uint_eq(fixture.check.damaged_count, i == 0 ? 0 : 1);
        if (i > 0) ck_assert_ptr_nonnull(strstr(fixture.reports, "does not follow"));
        segment_unref(segment);
    }
    fixture_end(&fixture);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_flipped_byte_is_noticed,        right_checksums_do_not_hide_what_is_wrong,
        nothing_that_is_read_makes_it_crash,  a_damage_costs_what_hangs_below_it,
        a_damaged_mixed_block_costs_its_tags, entries_of_one_time_in_two_blocks_have_their_order,
    };
    return unit_run("segment_verify", tests, sizeof tests / sizeof tests[0]);
}
