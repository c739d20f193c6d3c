/* Goal:   a segment gives back every entry that was written, in blocks as full as they can be, with
 *         counts, digests, sequences and origins that are theirs; and no crash or failing call
 *         leaves half a segment under its name.
 * Method: random tags, kinds, types and calls against the list they were made of; copies against
 *         originals; the writing fails and the power goes at every call. */
#include "storage/base/file_fault.h"
#include "storage/digest.h"
#include "tests/storage/segment_content.h"

static const struct content_shape shapes[] = {
    {.tags_max = 1, .rows_max = 1, .text_bytes_max = 10},
    {.tags_max = 5, .rows_max = 900, .text_bytes_max = 10},
    {.tags_max = 200, .rows_max = 3, .text_bytes_max = 10},
    {.tags_max = 100, .rows_max = 60, .text_bytes_max = 100},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* The rows of one block, and what its descriptor says of them. */
static void check_block(const struct content_row *rows, const struct block_descriptor *descriptor,
                        const struct batch *batch)
{
    ck_assert(content_equals(rows, batch));
    size_t count = batch->sample_count, good_count = 0;
    struct digest digest = {0};
    uint64_t sequence = 0;
    for (size_t i = 0; i < count; i++) {
        good_count += quality_class(rows[i].entry.quality) == QUALITY_GOOD;
        if (rows[i].sequence > sequence) sequence = rows[i].sequence;
        digest_entry(&digest, rows[i].identity, rows[i].time_ns, &rows[i].entry);
    }
    ck_assert_int_eq(descriptor->first_time_ns, rows[0].time_ns);
    ck_assert_int_eq(descriptor->last_time_ns, rows[count - 1].time_ns);
    ck_assert_uint_eq(descriptor->sample_count, count);
    ck_assert_uint_eq(descriptor->good_count, good_count);
    ck_assert_uint_eq(descriptor->type, rows[0].entry.type);
    ck_assert_uint_eq(descriptor->kind, rows[0].kind);
    ck_assert_uint_eq(descriptor->digest_low, digest.low);
    ck_assert_uint_eq(descriptor->digest_high, digest.high);
    ck_assert_uint_eq(descriptor->sequence, sequence);
}

/* Blocks of one (tag, kind) against its rows; returns how many rows they hold. */
static size_t check_tag(struct segment *segment, struct content_reading *reading,
                        const struct content_row *rows, const struct segment_index_entry *entry,
                        size_t block_samples_max)
{
    struct error error;
    const struct block_descriptor *descriptors;
    size_t count, row = 0;
    arena_reset(&reading->found);
    ASSERT_OK(segment_descriptors(segment, entry, INT64_MIN, INT64_MAX, &reading->found,
                                  &descriptors, &count, &error),
              &error);
    ck_assert_uint_eq(count, entry->descriptor_count);
    for (size_t i = 0; i < count; i++) {
        struct batch batch;
        ASSERT_OK(content_read(reading, segment, &descriptors[i], &batch, &error), &error);
        check_block(rows + row, &descriptors[i], &batch);
        row += batch.sample_count;
        bool is_full = batch.sample_count == block_samples_max || i + 1 == count ||
                       descriptors[i].type != descriptors[i + 1].type;
        ck_assert(is_full);
    }
    return row;
}

static void check_footer(const struct content *content, const struct segment *segment)
{
    const struct segment_footer *footer = segment_footer(segment);
    struct digest digest = {0};
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    uint64_t clock_max = 0, first_sequence = UINT64_MAX, last_sequence = 0;
    size_t origin_count;
    const struct segment_origin *origins = segment_origins(segment, &origin_count);
    uint64_t counts[8] = {0};
    for (size_t i = 0; i < content->count; i++) {
        const struct content_row *row = &content->rows[i];
        digest_entry(&digest, row->identity, row->time_ns, &row->entry);
        if (row->time_ns < first_ns) first_ns = row->time_ns;
        if (row->time_ns > last_ns) last_ns = row->time_ns;
        if (row->entry.clock > clock_max) clock_max = row->entry.clock;
        if (row->sequence < first_sequence) first_sequence = row->sequence;
        if (row->sequence > last_sequence) last_sequence = row->sequence;
        counts[row->entry.origin - 100]++;
    }
    ck_assert_uint_eq(footer->sample_count, content->count);
    ck_assert_uint_eq(footer->digest_low, digest.low);
    ck_assert_uint_eq(footer->digest_high, digest.high);
    ck_assert_int_eq(footer->first_time_ns, first_ns);
    ck_assert_int_eq(footer->last_time_ns, last_ns);
    ck_assert_uint_eq(footer->clock_max, clock_max);
    ck_assert_uint_le(first_sequence, footer->first_sequence); /* of blocks, not of samples */
    ck_assert_uint_eq(footer->last_sequence, last_sequence);
    for (size_t i = 0; i < origin_count; i++) {
        ck_assert_uint_eq(origins[i].sample_count, counts[origins[i].node - 100]);
        ck_assert_uint_le(origins[i].first_sequence, origins[i].last_sequence);
        counts[origins[i].node - 100] = 0;
    }
    for (size_t i = 0; i < 8; i++) ck_assert_uint_eq(counts[i], 0);
}

static void report_failure(void *context, const char *text)
{
    (void)context;
    ck_abort_msg("%s", text);
}

/* The rows of a tag that shares its block, which come in the order of the list. */
static size_t check_mixed_tag(struct mixed_walk *walk, const struct content_row *rows)
{
    struct error error;
    struct identity identity;
    struct batch batch;
    ASSERT_OK(mixed_walk_next(walk, &identity, &batch, &error), &error);
    ck_assert_int_eq(identity_compare(identity, rows[0].identity), 0);
    ck_assert_uint_eq(rows[0].kind, BLOCK_MAIN);
    ck_assert(content_equals(rows, &batch));
    const struct mixed_descriptor *found = segment_mixed_find(walk->segment, identity);
    ck_assert_ptr_eq(found, walk->descriptor);
    size_t index;
    ck_assert(mixed_block_find(&walk->block, identity, &index));
    ck_assert_uint_eq(index + 1, walk->next_tag);
    ck_assert_uint_le(walk->block.tag_count, CONTENT_MIXED_TAGS_MAX);
    return batch.sample_count;
}

/* Everything in the segment against everything in the list, and the segment against itself. */
static void check_segment(const struct content *content, struct segment *segment,
                          size_t block_samples_max)
{
    struct error error;
    struct segment_walk walk;
    struct mixed_walk mixed;
    struct segment_index_entry entry, found;
    struct identity identity;
    struct batch batch;
    struct content_reading reading;
    content_reading_init(&reading);
    segment_walk_init(&walk, segment);
    mixed_walk_init(&mixed, segment);
    for (size_t row = 0; row < content->count;) {
        const struct content_row *rows = content->rows + row;
        enum status status =
            segment_find(segment, rows[0].identity, (enum block_kind)rows[0].kind, &found, &error);
        if (status == STATUS_NOT_FOUND) {
            row += check_mixed_tag(&mixed, rows);
            continue;
        }
        ASSERT_OK(segment_walk_next(&walk, &entry, &error), &error);
        ck_assert_int_eq(memcmp(&entry, &found, sizeof entry), 0);
        size_t count = check_tag(segment, &reading, rows, &entry, block_samples_max);
        ck_assert_uint_eq(count, entry.sample_count);
        row += count;
    }
    ck_assert_int_eq(segment_walk_next(&walk, &entry, &error), STATUS_END);
    ck_assert_int_eq(mixed_walk_next(&mixed, &identity, &batch, &error), STATUS_END);
    mixed_walk_finish(&mixed);
    check_footer(content, segment);
    struct segment_check check;
    ASSERT_OK(segment_verify(segment, report_failure, NULL, &check, &error), &error);
    ck_assert_uint_eq(check.sample_count, content->count);
    content_reading_finish(&reading);
}

static void run_round_trip(uint64_t seed)
{
    struct error error;
    struct random random;
    struct content content;
    random_init(&random, seed);
    struct file_memory *memory = content_disk(&error);
    struct file_system *disk = file_memory_system(memory);
    content_make(&content, &random, &shapes[seed % SHAPES]);
    uint32_t block_samples_max = (uint32_t)(1 + random_below(&random, 40));
    content.mixed_samples_max = (uint32_t)random_below(&random, block_samples_max);
    ASSERT_OK(content_segment(&content, &random, disk, block_samples_max, &error), &error);
    struct segment *segment;
    ASSERT_OK(segment_open(&segment, disk, CONTENT_DIRECTORY, 1, &error), &error);
    ck_assert_uint_eq(segment_level(segment), 2);
    check_segment(&content, segment, block_samples_max);
    segment_unref(segment);
    content_finish(&content);
    file_memory_destroy(memory);
}

START_TEST(what_was_written_is_read)
{
    uint64_t only = unit_number("BEDE_SEED", 0);
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 200); seed++) {
        run_round_trip(only > 0 ? only : seed);
    }
}
END_TEST

/* ---- Copies ---- */

static void copy_all(struct segment *segment, struct segment_writer *writer)
{
    struct error error;
    struct segment_walk walk;
    struct segment_index_entry entry;
    struct content_reading reading;
    content_reading_init(&reading);
    segment_walk_init(&walk, segment);
    while (segment_walk_next(&walk, &entry, &error) == STATUS_OK) {
        const struct block_descriptor *descriptors;
        const uint8_t *bytes;
        size_t count, bad;
        ASSERT_OK(segment_descriptors(segment, &entry, INT64_MIN, INT64_MAX, &reading.found,
                                      &descriptors, &count, &error),
                  &error);
        ASSERT_OK(
            segment_read_blocks(segment, descriptors, count, &reading.bytes, &bytes, &bad, &error),
            &error);
        for (size_t i = 0; i < count; i++) {
            const uint8_t *block = bytes + (descriptors[i].offset - descriptors[0].offset);
            ASSERT_OK(segment_writer_copy(writer, block, &descriptors[i], &error), &error);
        }
    }
    content_reading_finish(&reading);
}

START_TEST(a_copy_is_the_original)
{
    struct error error;
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 40); seed++) {
        struct random random;
        struct content content;
        random_init(&random, seed);
        struct file_memory *memory = content_disk(&error);
        struct file_system *disk = file_memory_system(memory);
        content_make(&content, &random, &shapes[seed % SHAPES]);
        ASSERT_OK(content_segment(&content, &random, disk, 16, &error), &error);
        struct segment *original, *copy;
        ASSERT_OK(segment_open(&original, disk, CONTENT_DIRECTORY, 1, &error), &error);

        struct segment_writer_options options = {
            .file_system = disk, .directory = CONTENT_DIRECTORY, .number = 2};
        struct segment_writer *writer;
        struct segment_footer footer;
        uint64_t bytes;
        ASSERT_OK(segment_writer_create(&writer, &options, &error), &error);
        copy_all(original, writer);
        ck_assert_uint_eq(segment_writer_sample_count(writer), content.count);
        ASSERT_OK(segment_writer_finish(writer, &footer, &bytes, &error), &error);
        segment_writer_destroy(writer);
        ASSERT_OK(segment_open(&copy, disk, CONTENT_DIRECTORY, 2, &error), &error);
        ck_assert_uint_eq(segment_bytes(copy), bytes);
        ck_assert_int_eq(memcmp(segment_footer(copy), &footer, sizeof footer), 0);
        check_segment(&content, copy, 16);

        /* All between header and footer is the same. */
        const uint8_t *left, *right;
        size_t left_bytes, right_bytes;
        ASSERT_OK(file_memory_bytes(memory, segment_path(original), &left, &left_bytes), &error);
        ASSERT_OK(file_memory_bytes(memory, segment_path(copy), &right, &right_bytes), &error);
        ck_assert_uint_eq(left_bytes, right_bytes);
        ck_assert_int_eq(memcmp(left + 64, right + 64, left_bytes - 64 - sizeof footer), 0);
        segment_unref(original);
        segment_unref(copy);
        content_finish(&content);
        file_memory_destroy(memory);
    }
}
END_TEST

/* A tag whose blocks are partly copied and partly made goes on in one order. */
START_TEST(copied_and_added_samples_lie_side_by_side)
{
    struct error error;
    struct file_memory *memory = content_disk(&error);
    struct file_system *disk = file_memory_system(memory);
    struct content_row rows[12];
    for (size_t i = 0; i < 12; i++) {
        rows[i] = (struct content_row){.identity = {1, 1},
                                       .time_ns = (int64_t)i,
                                       .entry = {.type = VALUE_I64, .value = i, .origin = 100},
                                       .sequence = 1};
    }
    struct random random;
    random_init(&random, 1);
    struct content middle = {.rows = rows + 4, .count = 4};
    ASSERT_OK(content_segment(&middle, &random, disk, 0, &error), &error);
    struct segment *segment;
    ASSERT_OK(segment_open(&segment, disk, CONTENT_DIRECTORY, 1, &error), &error);

    struct segment_writer_options options = {
        .file_system = disk, .directory = CONTENT_DIRECTORY, .number = 2};
    struct segment_writer *writer;
    ASSERT_OK(segment_writer_create(&writer, &options, &error), &error);
    struct content begin = {.rows = rows, .count = 4}, end = {.rows = rows + 8, .count = 4};
    ASSERT_OK(content_write(&begin, &random, writer, &error), &error);
    copy_all(segment, writer);
    ASSERT_OK(content_write(&end, &random, writer, &error), &error);
    ASSERT_OK(segment_writer_finish(writer, NULL, NULL, &error), &error);
    segment_writer_destroy(writer);
    segment_unref(segment);

    ASSERT_OK(segment_open(&segment, disk, CONTENT_DIRECTORY, 2, &error), &error);
    struct content all = {.rows = rows, .count = 12};
    check_segment(&all, segment, 4);
    ck_assert_uint_eq(segment_footer(segment)->block_count, 3);
    segment_unref(segment);
    file_memory_destroy(memory);
}
END_TEST

/* Whether the second tag's values hold until the next one. */
static bool second_is_stepped(void *context, struct identity identity)
{
    (void)context;
    return identity.low == 2;
}

static void add_numbers(struct segment_writer *writer, uint64_t tag, int64_t first_ns)
{
    struct error error;
    const int64_t times_ns[] = {first_ns, first_ns + 1, first_ns + 2};
    const uint64_t values[] = {3, 1, 2};
    struct batch batch = {.sample_count = 3,
                          .times_ns = times_ns,
                          .values = values,
                          .type = VALUE_I64,
                          .origin = 100};
    ASSERT_OK(segment_writer_add(writer, (struct identity){tag, 1}, BLOCK_MAIN, &batch, 1, &error),
              &error);
}

/* A copied block keeps its descriptor; one that is encoded behind it says how the tag is now. */
START_TEST(what_is_encoded_behind_a_copy_knows_its_own_tag)
{
    struct error error;
    struct file_memory *memory = content_disk(&error);
    struct segment_writer_options options = {
        .file_system = file_memory_system(memory), .directory = CONTENT_DIRECTORY, .number = 1};
    struct segment_writer *writer;
    struct segment *segment;
    ASSERT_OK(segment_writer_create(&writer, &options, &error), &error);
    add_numbers(writer, 2, 0);
    ASSERT_OK(segment_writer_finish(writer, NULL, NULL, &error), &error);
    segment_writer_destroy(writer);
    ASSERT_OK(segment_open(&segment, options.file_system, CONTENT_DIRECTORY, 1, &error), &error);

    options.number = 2;
    options.is_stepped = second_is_stepped;
    ASSERT_OK(segment_writer_create(&writer, &options, &error), &error);
    add_numbers(writer, 1, 0);
    copy_all(segment, writer);
    add_numbers(writer, 2, 10);
    ASSERT_OK(segment_writer_finish(writer, NULL, NULL, &error), &error);
    segment_writer_destroy(writer);
    segment_unref(segment);

    ASSERT_OK(segment_open(&segment, options.file_system, CONTENT_DIRECTORY, 2, &error), &error);
    struct segment_index_entry entry;
    const struct block_descriptor *descriptors;
    size_t count;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    ASSERT_OK(segment_find(segment, (struct identity){2, 1}, BLOCK_MAIN, &entry, &error), &error);
    ASSERT_OK(segment_descriptors(segment, &entry, INT64_MIN, INT64_MAX, &arena, &descriptors,
                                  &count, &error),
              &error);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(descriptors[0].flags & BLOCK_STEPPED, 0);
    ck_assert_uint_ne(descriptors[1].flags & BLOCK_STEPPED, 0);
    arena_finish(&arena);
    segment_unref(segment);
    file_memory_destroy(memory);
}
END_TEST

/* ---- Limits ---- */

/* Texts of the greatest length make blocks of a bounded size, not one of all samples. */
START_TEST(long_texts_make_more_blocks)
{
    struct error error;
    struct random random;
    struct content content = {0};
    random_init(&random, 1);
    arena_init(&content.arena, (size_t)1 << 30);
    struct content_row rows[40];
    content.rows = rows;
    content.count = 40;
    struct text_value *text = arena_take(&content.arena, text_value_bytes(TEXT_VALUE_BYTES_MAX));
    text->size_bytes = TEXT_VALUE_BYTES_MAX;
    for (size_t i = 0; i < TEXT_VALUE_BYTES_MAX; i++) {
        text->bytes[i] = (char)random_u64(&random);
    }
    for (size_t i = 0; i < 40; i++) {
        rows[i] = (struct content_row){.identity = {1, 1},
                                       .kind = BLOCK_HISTORY,
                                       .time_ns = (int64_t)i,
                                       .entry = {.kind = ENTRY_CORRECTION,
                                                 .type = VALUE_TEXT,
                                                 .clock = 1,
                                                 .value = value_from_text(text),
                                                 .origin = 100,
                                                 .note = text}};
    }
    struct file_memory *memory = content_disk(&error);
    struct file_system *disk = file_memory_system(memory);
    ASSERT_OK(content_segment(&content, &random, disk, 0, &error), &error);
    struct segment *segment;
    ASSERT_OK(segment_open(&segment, disk, CONTENT_DIRECTORY, 1, &error), &error);
    const struct segment_footer *footer = segment_footer(segment);
    ck_assert_uint_eq(footer->sample_count, 40);
    /* Seven samples of two such texts each fit; an eighth does not, for their lengths. */
    ck_assert_uint_eq(footer->block_count, (40 + 6) / 7);
    struct segment_check check;
    ASSERT_OK(segment_verify(segment, report_failure, NULL, &check, &error), &error);
    segment_unref(segment);
    content_finish(&content);
    file_memory_destroy(memory);
}
END_TEST

/* ---- Crashes and failures ---- */

static enum status names_visit(void *context, const char *name)
{
    unsigned *found = context;
    if (strcmp(name, "0000000000000001.segment") == 0) {
        *found |= 1;
    } else if (strcmp(name, "0000000000000001.segment.tmp") == 0) {
        *found |= 2;
    } else {
        ck_abort_msg("a name of no kind: %s", name);
    }
    return STATUS_OK;
}

/* Bit 0: the segment; bit 1: the temporary name. */
static unsigned names(struct file_system *disk)
{
    struct error error;
    unsigned found = 0;
    ASSERT_OK(file_list(disk, CONTENT_DIRECTORY, names_visit, &found, &error), &error);
    return found;
}

static void check_whole(struct content *content, struct file_system *disk)
{
    struct error error;
    struct segment *segment;
    ASSERT_OK(segment_open(&segment, disk, CONTENT_DIRECTORY, 1, &error), &error);
    check_segment(content, segment, 16);
    segment_unref(segment);
}

/* Larger than the write buffer, so that failures come amid the blocks, too. */
static void content_large(struct content *content, struct random *random)
{
    const struct content_shape shape = {
        .tags_max = 1, .rows_max = 100, .text_bytes_max = TEXT_VALUE_BYTES_MAX};
    do {
        content_make(content, random, &shape);
        size_t text_bytes = 0;
        for (size_t i = 0; i < content->count; i++) {
            const struct entry *entry = &content->rows[i].entry;
            if (entry->type != VALUE_TEXT || entry->kind == ENTRY_DELETION) continue;
            text_bytes += value_text(entry->value)->size_bytes;
        }
        if (text_bytes > 3 << 20) return;
        content_finish(content);
    } while (true);
}

START_TEST(a_failing_call_leaves_no_segment)
{
    struct random random;
    struct content content;
    random_init(&random, 3);
    content_large(&content, &random);
    for (uint64_t step = 0;; step++) {
        struct error error;
        struct file_memory *memory = content_disk(&error);
        struct file_fault *fault;
        ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
        struct file_fault_plan plan = {.status = step % 2 == 0 ? STATUS_IO : STATUS_NO_SPACE,
                                       .step = step / 2,
                                       .part_per_1024 = 500};
        file_fault_plan(fault, &plan);
        enum status status =
            content_segment(&content, &random, file_fault_system(fault), 16, &error);
        bool is_met = file_fault_is_met(fault);
        ck_assert_int_eq(status, is_met ? plan.status : STATUS_OK);
        ck_assert_uint_eq(file_fault_open_count(fault), 0);
        if (!is_met) check_whole(&content, file_memory_system(memory));
        /* The last call makes the name durable; then it is there, whole, and its status unknown. */
        unsigned found = names(file_memory_system(memory));
        ck_assert(found == 0 || found == 1);
        if (found == 1) check_whole(&content, file_memory_system(memory));
        file_fault_destroy(fault);
        file_memory_destroy(memory);
        if (!is_met && plan.status == STATUS_IO) break;
    }
    content_finish(&content);
}
END_TEST

START_TEST(a_crash_leaves_a_whole_segment_or_none)
{
    struct random random;
    struct content content;
    random_init(&random, 4);
    content_large(&content, &random);
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 100); seed++) {
        struct error error;
        struct file_memory *memory = content_disk(&error);
        struct file_fault *fault;
        ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
        struct file_fault_plan plan = {.status = STATUS_IO,
                                       .step = random_below(&random, 12),
                                       .is_sticky = true,
                                       .part_per_1024 = (uint32_t)random_below(&random, 1025)};
        file_fault_plan(fault, &plan);
        enum status status =
            content_segment(&content, &random, file_fault_system(fault), 16, &error);
        file_memory_crash(memory, &random, (enum file_crash)(seed % FILE_CRASH_COUNT));
        unsigned found = names(file_memory_system(memory));
        if (status == STATUS_OK) ck_assert_uint_eq(found, 1);
        if (found & 1) check_whole(&content, file_memory_system(memory));
        file_fault_destroy(fault);
        file_memory_destroy(memory);
    }
    content_finish(&content);
}
END_TEST

START_TEST(an_unfinished_writer_leaves_nothing)
{
    struct error error;
    struct file_memory *memory = content_disk(&error);
    struct file_system *disk = file_memory_system(memory);
    struct segment_writer_options options = {
        .file_system = disk, .directory = CONTENT_DIRECTORY, .number = 1};
    struct segment_writer *writer;
    ASSERT_OK(segment_writer_create(&writer, &options, &error), &error);
    ck_assert_uint_eq(names(disk), 2);
    segment_writer_destroy(writer);
    ck_assert_uint_eq(names(disk), 0);
    segment_writer_destroy(NULL);
    file_memory_destroy(memory);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_was_written_is_read,
        a_copy_is_the_original,
        copied_and_added_samples_lie_side_by_side,
        what_is_encoded_behind_a_copy_knows_its_own_tag,
        long_texts_make_more_blocks,
        a_failing_call_leaves_no_segment,
        a_crash_leaves_a_whole_segment_or_none,
        an_unfinished_writer_leaves_nothing,
    };
    return unit_run("segment_writer", tests, sizeof tests / sizeof tests[0]);
}
