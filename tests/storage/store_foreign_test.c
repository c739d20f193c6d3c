/* Goal:   entries of another server come in as they were made, and take no more room in the log than
 *         our own do.
 * Method: entries of many revisions, origins and kinds, in one call, counted in the log as frames and
 *         files, and read back with their history, before and after a start that replays them. */
#include "storage/stamp.h"
#include "tests/storage/small_store.h"

enum { ENTRIES = 4000, ORIGINS = 3, NOTE_BYTES = 8 };

struct foreign {
    int64_t times_ns[ENTRIES];
    uint64_t values[ENTRIES];
    uint64_t clocks[ENTRIES];
    uint32_t generations[ENTRIES];
    uint64_t origins[ENTRIES];
    uint8_t kinds[ENTRIES];
    const struct text_value *notes[ENTRIES];
};
static struct foreign foreign;

static const struct {
    uint32_t size_bytes;
    char bytes[NOTE_BYTES];
} note = {NOTE_BYTES, "ann\0why"};

static uint64_t first_clock(void)
{
    return stamp_ceiling_of(SMALL_EPOCH_NS);
}

/* One revision: a backfill of a peer. */
static void fill_backfill(void)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        foreign.times_ns[i] = SMALL_EPOCH_NS + (int64_t)i;
        foreign.values[i] = i;
        foreign.clocks[i] = first_clock();
        foreign.generations[i] = 7;
        foreign.origins[i] = 1000;
        foreign.kinds[i] = ENTRY_COLLECTED;
        foreign.notes[i] = NULL;
    }
}

/* Stretches of many lengths, each of another kind, origin or generation, with a clock for each. */
static void fill_medley(void)
{
    fill_backfill();
    size_t length = 1;
    for (size_t first = 0; first < ENTRIES; first += length++) {
        uint8_t kind = (uint8_t)(length % 3);
        for (size_t i = first; i < first + length && i < ENTRIES; i++) {
            foreign.kinds[i] = kind;
            foreign.clocks[i] = first_clock() + i;
            foreign.origins[i] = 1000 + length / 3 % ORIGINS;
            foreign.generations[i] = (uint32_t)(length / 9 % 2 + 7);
            if (kind == ENTRY_DELETION) foreign.values[i] = 0;
            if (kind != ENTRY_COLLECTED && i % 2 == 0) {
                foreign.notes[i] = (const struct text_value *)(const void *)&note;
            }
        }
    }
}

static struct batch foreign_batch(uint32_t tag)
{
    return (struct batch){.sample_count = ENTRIES,
                          .tag = tag,
                          .times_ns = foreign.times_ns,
                          .values = foreign.values,
                          .type = VALUE_I64,
                          .kinds = foreign.kinds,
                          .clocks = foreign.clocks,
                          .generations = foreign.generations,
                          .origins = foreign.origins,
                          .notes = foreign.notes};
}

static bool entry_is_at(const struct batch *batch, size_t index, size_t place)
{
    struct batch all = foreign_batch(batch->tag);
    struct entry expected = batch_entry(&all, place);
    struct entry entry = batch_entry(batch, index);
    return batch_time_ns(batch, index) == foreign.times_ns[place] &&
           entry_compare(&entry, &expected) == 0;
}

static void check_history(struct small_store *small, uint32_t tag)
{
    struct store_range range = {
        .from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of = UINT64_MAX, .history = true};
    struct cursor *cursor;
    struct batch batch;
    size_t next = 0;
    enum status status;
    ASSERT_OK(store_cursor(small->store, tag, &range, &cursor, &small->error), &small->error);
    while ((status = cursor_next(cursor, &batch, &small->error)) == STATUS_OK) {
        for (size_t i = 0; i < batch.sample_count; i++, next++) {
            ck_assert_uint_lt(next, ENTRIES);
            ck_assert_msg(entry_is_at(&batch, i, next), "entry %zu", next);
        }
    }
    ck_assert_int_eq(status, STATUS_END);
    cursor_close(cursor);
    ck_assert_uint_eq(next, ENTRIES);
}

/* Frames that merging all of them took. */
static uint64_t merge_all(struct small_store *small)
{
    small_store_init(small);
    small->options.wal_file_bytes = 64 << 10;
    small_store_open(small);
    uint32_t tag = small_store_tag(small, "boiler.pressure", VALUE_I64);
    ASSERT_OK(small_store_append(small, tag, 1, 1), &small->error);
    ASSERT_OK(store_flush(small->store, &small->error), &small->error);
    int64_t time_ns = SMALL_EPOCH_NS + 2 * SMALL_SECOND_NS;
    uint64_t value = 0, before, ticket;
    struct batch one = {.sample_count = 1, .tag = tag, .times_ns = &time_ns, .values = &value};
    ASSERT_OK(store_append(small->store, &one, &before, &small->error), &small->error);

    uint32_t other = small_store_tag(small, "boiler.flow", VALUE_I64);
    struct batch batch = foreign_batch(other);
    ASSERT_OK(store_merge(small->store, &batch, &ticket, &small->error), &small->error);
    ASSERT_OK(store_wait(small->store, ticket, &small->error), &small->error);
    check_history(small, other);
    struct store_statistics statistics = small_store_statistics(small);
    ck_assert_uint_le(statistics.wal_bytes, 10 * small->options.wal_file_bytes);
    small_store_close(small);
    small_store_open(small);
    check_history(small, other);
    return ticket - before - 1; /* the new tag's record */
}

START_TEST(a_backfill_of_one_revision_takes_as_few_frames_as_its_bytes_need)
{
    struct small_store small;
    fill_backfill();
    uint64_t frame_count = merge_all(&small);
    /* 36 bytes an entry at most, about 55 KiB a frame */
    ck_assert_uint_le(frame_count, 3);
    small_store_finish(&small);
}
END_TEST

START_TEST(entries_of_many_revisions_share_a_frame_where_one_can_hold_them)
{
    struct small_store small;
    fill_medley();
    uint64_t frame_count = merge_all(&small);
    ck_assert_uint_le(frame_count, 100); /* 89 stretches, some longer than a frame */
    small_store_finish(&small);
}
END_TEST

START_TEST(an_entry_that_cannot_be_keeps_all_of_them_out)
{
    struct small_store small;
    uint64_t ticket;
    fill_backfill();
    small_store_init(&small);
    small_store_open(&small);
    uint32_t tag = small_store_tag(&small, "boiler.pressure", VALUE_I64);
    struct batch batch = foreign_batch(tag);
    foreign.clocks[ENTRIES - 1] = 0; /* with a generation */
    ASSERT_STATUS(STATUS_BAD_INPUT, store_merge(small.store, &batch, &ticket, &small.error),
                  &small.error);
    ck_assert_uint_eq(small_store_statistics(&small).sample_count, 0);
    small_store_finish(&small);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_backfill_of_one_revision_takes_as_few_frames_as_its_bytes_need,
        entries_of_many_revisions_share_a_frame_where_one_can_hold_them,
        an_entry_that_cannot_be_keeps_all_of_them_out,
    };
    return unit_run("store_foreign", tests, sizeof tests / sizeof tests[0]);
}
