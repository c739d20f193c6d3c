/* Goal:   readers find every tag, get exactly the blocks that meet a range, and never get bytes that
 *         are not what was written.
 * Method: random segments against searching one by one; files that are cut, newer or gone; calls
 *         that fail; readers side by side. */
#include <pthread.h>

#include "storage/base/file_fault.h"
#include "tests/storage/segment_content.h"
#include "tests/storage/segment_mend.h"

/* A segment on a disk in memory, with what was written. */
struct fixture {
    struct random random;
    struct file_memory *memory;
    struct file_system *disk;
    struct content content;
    struct segment *segment;
    struct content_reading reading;
    struct error error;
};

static void fixture_begin(struct fixture *fixture, uint64_t seed, const struct content_shape *shape)
{
    random_init(&fixture->random, seed);
    fixture->memory = content_disk(&fixture->error);
    fixture->disk = file_memory_system(fixture->memory);
    content_make(&fixture->content, &fixture->random, shape);
    content_reading_init(&fixture->reading);
    ASSERT_OK(
        content_segment(&fixture->content, &fixture->random, fixture->disk, 10, &fixture->error),
        &fixture->error);
    ASSERT_OK(segment_open(&fixture->segment, fixture->disk, CONTENT_DIRECTORY, 1, &fixture->error),
              &fixture->error);
}

static void fixture_end(struct fixture *fixture)
{
    segment_unref(fixture->segment);
    content_reading_finish(&fixture->reading);
    content_finish(&fixture->content);
    file_memory_destroy(fixture->memory);
}

static const struct content_shape many_tags = {.tags_max = 400, .rows_max = 3, .text_bytes_max = 5};
static const struct content_shape many_blocks = {
    .tags_max = 4, .rows_max = 400, .text_bytes_max = 5};

static bool content_has(const struct content *content, struct identity identity, uint8_t kind)
{
    struct content_row wanted = {.identity = identity, .kind = kind};
    for (size_t i = 0; i < content->count; i++) {
        if (content_same_tag(&content->rows[i], &wanted)) return true;
    }
    return false;
}

static void check_find(struct fixture *fixture, struct identity identity)
{
    for (int kind = BLOCK_MAIN; kind <= BLOCK_HISTORY; kind++) {
        struct segment_index_entry entry = {0};
        enum status expected =
            content_has(&fixture->content, identity, (uint8_t)kind) ? STATUS_OK : STATUS_NOT_FOUND;
        ASSERT_STATUS(expected,
                      segment_find(fixture->segment, identity, (enum block_kind)kind, &entry,
                                   &fixture->error),
                      &fixture->error);
        if (expected == STATUS_NOT_FOUND) continue;
        ck_assert_int_eq(identity_compare(entry.identity, identity), 0);
        ck_assert_int_eq(entry.kind, kind);
    }
}

/* Tags with both kinds lie across page borders now and then; neighbours that are not there, before
 * the first and behind the last page, too. */
START_TEST(every_tag_is_found_and_no_other)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 20); seed++) {
        struct fixture fixture;
        fixture_begin(&fixture, seed, &many_tags);
        for (size_t i = 0; i < fixture.content.count; i++) {
            struct identity identity = fixture.content.rows[i].identity;
            if (i > 0 && identity_compare(fixture.content.rows[i - 1].identity, identity) == 0) {
                continue;
            }
            check_find(&fixture, identity);
            check_find(&fixture, (struct identity){identity.low + 1, identity.high});
            check_find(&fixture, (struct identity){identity.low - 1, identity.high});
        }
        check_find(&fixture, (struct identity){0, 0});
        check_find(&fixture, (struct identity){UINT64_MAX, UINT64_MAX});
        fixture_end(&fixture);
    }
}
END_TEST

static void check_range(struct fixture *fixture, const struct segment_index_entry *entry,
                        int64_t from_ns, int64_t to_ns)
{
    struct error *error = &fixture->error;
    struct arena *arena = &fixture->reading.found;
    const struct block_descriptor *all, *found;
    size_t all_count, found_count;
    arena_reset(arena);
    ASSERT_OK(segment_descriptors(fixture->segment, entry, INT64_MIN, INT64_MAX, arena, &all,
                                  &all_count, error),
              error);
    ASSERT_OK(segment_descriptors(fixture->segment, entry, from_ns, to_ns, arena, &found,
                                  &found_count, error),
              error);
    ck_assert_uint_eq(all_count, entry->descriptor_count);
    size_t next = 0;
    for (size_t i = 0; i < all_count; i++) {
        if (all[i].last_time_ns < from_ns || all[i].first_time_ns >= to_ns) continue;
        ck_assert_uint_lt(next, found_count);
        ck_assert_uint_eq(all[i].offset, found[next++].offset);
    }
    ck_assert_uint_eq(next, found_count);
}

START_TEST(a_range_gives_the_blocks_that_meet_it)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 20); seed++) {
        struct fixture fixture;
        fixture_begin(&fixture, seed, &many_blocks);
        struct segment_walk walk;
        struct segment_index_entry entry;
        segment_walk_init(&walk, fixture.segment);
        while (segment_walk_next(&walk, &entry, &fixture.error) == STATUS_OK) {
            uint64_t span = (uint64_t)(entry.last_time_ns - entry.first_time_ns) + 20;
            for (int i = 0; i < 100; i++) {
                int64_t from_ns =
                    entry.first_time_ns - 10 + (int64_t)random_below(&fixture.random, span);
                int64_t length_ns = (int64_t)random_below(&fixture.random, i < 50 ? 10 : span);
                check_range(&fixture, &entry, from_ns, from_ns + length_ns);
            }
            check_range(&fixture, &entry, entry.last_time_ns + 1, INT64_MAX);
            check_range(&fixture, &entry, INT64_MIN, entry.first_time_ns);
        }
        fixture_end(&fixture);
    }
}
END_TEST

/* One read of several blocks; when one is bad, it is named and the others still come singly. */
START_TEST(a_damaged_block_is_named)
{
    struct fixture fixture;
    fixture_begin(&fixture, 2, &many_blocks);
    struct error *error = &fixture.error;
    struct segment_index_entry entry;
    struct segment_walk walk;
    const struct block_descriptor *descriptors;
    const uint8_t *bytes;
    size_t count, bad;
    segment_walk_init(&walk, fixture.segment);
    do {
        ASSERT_OK(segment_walk_next(&walk, &entry, error), error);
    } while (entry.descriptor_count < 5);
    ASSERT_OK(segment_descriptors(fixture.segment, &entry, INT64_MIN, INT64_MAX,
                                  &fixture.reading.found, &descriptors, &count, error),
              error);
    struct segment_bytes *buffer = &fixture.reading.bytes;
    ASSERT_OK(segment_read_blocks(fixture.segment, descriptors, 5, buffer, &bytes, &bad, error),
              error);
    ck_assert_uint_eq((uintptr_t)bytes % 8, 0);
    for (size_t i = 0; i < 5; i++) {
        uint64_t offset = descriptors[i].offset - descriptors[0].offset;
        ck_assert(block_is_intact(bytes + offset, descriptors[i].block_bytes));
    }
    uint8_t flipped = bytes[descriptors[3].offset - descriptors[0].offset + 70] ^ 1;
    ASSERT_OK(
        file_memory_damage(fixture.memory, CONTENT_PATH, &flipped, 1, descriptors[3].offset + 70),
        error);
    ASSERT_STATUS(STATUS_CORRUPT,
                  segment_read_blocks(fixture.segment, descriptors, 5, buffer, &bytes, &bad, error),
                  error);
    ck_assert_uint_eq(bad, 3);
    char offset[32];
    (void)snprintf(offset, sizeof offset, "%llu", (unsigned long long)descriptors[3].offset);
    ck_assert_ptr_nonnull(strstr(error->text, offset));
    ck_assert_ptr_nonnull(strstr(error->text, CONTENT_PATH));
    ASSERT_OK(segment_read_blocks(fixture.segment, descriptors + 4, 1, buffer, &bytes, &bad, error),
              error);
    fixture_end(&fixture);
}
END_TEST

/* ---- Files that are not as they were ---- */

static uint8_t *file_copy(struct fixture *fixture, size_t *out_size)
{
    const uint8_t *bytes;
    ASSERT_OK(file_memory_bytes(fixture->memory, CONTENT_PATH, &bytes, out_size), &fixture->error);
    uint8_t *copy = malloc(*out_size);
    memcpy(copy, bytes, *out_size);
    return copy;
}

static enum status open_bytes(struct fixture *fixture, const uint8_t *bytes, size_t size)
{
    struct file *file;
    struct segment *segment;
    ASSERT_OK(file_open(fixture->disk, &file, CONTENT_PATH, FILE_CREATE, &fixture->error),
              &fixture->error);
    if (size > 0) {
        ASSERT_OK(file_write_at(file, bytes, size, 0, &fixture->error), &fixture->error);
    }
    file_close(file);
    enum status status =
        segment_open(&segment, fixture->disk, CONTENT_DIRECTORY, 1, &fixture->error);
    if (status == STATUS_OK) segment_unref(segment);
    return status;
}

START_TEST(a_cut_file_is_refused)
{
    struct fixture fixture;
    const struct content_shape small = {.tags_max = 3, .rows_max = 10, .text_bytes_max = 5};
    fixture_begin(&fixture, 1, &small);
    size_t size;
    uint8_t *bytes = file_copy(&fixture, &size);
    for (size_t cut = 0; cut < size; cut++) {
        ASSERT_STATUS(STATUS_CORRUPT, open_bytes(&fixture, bytes, cut), &fixture.error);
        ck_assert_ptr_nonnull(strstr(fixture.error.text, CONTENT_PATH));
    }
    ASSERT_OK(open_bytes(&fixture, bytes, size), &fixture.error);
    free(bytes);
    fixture_end(&fixture);
}
END_TEST

START_TEST(a_newer_version_is_not_guessed_at)
{
    struct fixture fixture;
    fixture_begin(&fixture, 1, &many_tags);
    size_t size;
    uint8_t *bytes = file_copy(&fixture, &size);
    const size_t offsets[] = {
        offsetof(struct segment_header, version),
        offsetof(struct segment_header, features),
        size - sizeof(struct segment_footer) + offsetof(struct segment_footer, version),
        size - sizeof(struct segment_footer) + offsetof(struct segment_footer, features),
    };
    for (size_t i = 0; i < 4; i++) {
        bytes[offsets[i]] += 1;
        segment_mend(bytes, size);
        ASSERT_STATUS(STATUS_UNSUPPORTED, open_bytes(&fixture, bytes, size), &fixture.error);
        bytes[offsets[i]] -= 1;
    }
    segment_mend(bytes, size);
    ASSERT_OK(open_bytes(&fixture, bytes, size), &fixture.error);
    free(bytes);
    fixture_end(&fixture);
}
END_TEST

START_TEST(the_file_goes_with_the_last_reference)
{
    struct fixture fixture;
    fixture_begin(&fixture, 1, &many_tags);
    struct segment *second = segment_ref(fixture.segment), *again;
    segment_remove_when_unused(fixture.segment);
    segment_unref(second);
    ASSERT_OK(segment_open(&again, fixture.disk, CONTENT_DIRECTORY, 1, &fixture.error),
              &fixture.error);
    segment_unref(again); /* it was not told to remove */
    segment_unref(fixture.segment);
    fixture.segment = NULL;
    ASSERT_STATUS(STATUS_NOT_FOUND,
                  segment_open(&again, fixture.disk, CONTENT_DIRECTORY, 1, &fixture.error),
                  &fixture.error);
    fixture_end(&fixture);
}
END_TEST

/* ---- Reading everything ---- */

/* All blocks of all tags; what comes must be what was written. */
static enum status read_all(const struct content *content, struct segment *segment,
                            struct content_reading *reading, struct error *error)
{
    struct segment_walk walk;
    struct segment_index_entry entry, found;
    segment_walk_init(&walk, segment);
    size_t row = 0;
    enum status status;
    while ((status = segment_walk_next(&walk, &entry, error)) == STATUS_OK) {
        status = segment_find(segment, entry.identity, (enum block_kind)entry.kind, &found, error);
        if (status != STATUS_OK) return status;
        const struct block_descriptor *descriptors;
        size_t count;
        arena_reset(&reading->found);
        status = segment_descriptors(segment, &found, INT64_MIN, INT64_MAX, &reading->found,
                                     &descriptors, &count, error);
        if (status < 0) return status;
        for (size_t i = 0; i < count; i++) {
            struct batch batch;
            status = content_read(reading, segment, &descriptors[i], &batch, error);
            if (status < 0) return status;
            ck_assert(content_equals(content->rows + row, &batch));
            row += batch.sample_count;
        }
    }
    if (status == STATUS_END) ck_assert_uint_eq(row, content->count);
    return status;
}

START_TEST(a_failing_call_is_reported_and_leaks_nothing)
{
    struct fixture fixture;
    const struct content_shape small = {.tags_max = 20, .rows_max = 20, .text_bytes_max = 5};
    fixture_begin(&fixture, 6, &small);
    struct file_fault *fault;
    ASSERT_OK(file_fault_create(&fault, fixture.disk, &fixture.error), &fixture.error);
    for (uint64_t step = 0;; step++) {
        struct file_fault_plan plan = {.status = STATUS_IO, .step = step};
        file_fault_plan(fault, &plan);
        struct segment *segment = NULL;
        struct segment_check check;
        enum status status =
            segment_open(&segment, file_fault_system(fault), CONTENT_DIRECTORY, 1, &fixture.error);
        if (status == STATUS_OK) {
            status = read_all(&fixture.content, segment, &fixture.reading, &fixture.error);
        }
        if (status == STATUS_END) {
            status = segment_verify(segment, NULL, NULL, &check, &fixture.error);
        }
        segment_unref(segment);
        ck_assert_int_eq(status, file_fault_is_met(fault) ? STATUS_IO : STATUS_OK);
        ck_assert_uint_eq(file_fault_open_count(fault), 0);
        if (!file_fault_is_met(fault)) break;
    }
    file_fault_destroy(fault);
    fixture_end(&fixture);
}
END_TEST

static void *read_in_thread(void *context)
{
    struct fixture *fixture = context;
    struct error error;
    struct content_reading reading;
    content_reading_init(&reading);
    struct segment *segment = segment_ref(fixture->segment);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(read_all(&fixture->content, segment, &reading, &error), STATUS_END);
    }
    segment_unref(segment);
    content_reading_finish(&reading);
    return NULL;
}

START_TEST(readers_side_by_side)
{
    struct fixture fixture;
    fixture_begin(&fixture, 8, &many_tags);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_in_thread, &fixture), 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    fixture_end(&fixture);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_tag_is_found_and_no_other,
        a_range_gives_the_blocks_that_meet_it,
        a_damaged_block_is_named,
        a_cut_file_is_refused,
        a_newer_version_is_not_guessed_at,
        the_file_goes_with_the_last_reference,
        a_failing_call_is_reported_and_leaks_nothing,
        readers_side_by_side,
    };
    return unit_run("segment_reader", tests, sizeof tests / sizeof tests[0]);
}
