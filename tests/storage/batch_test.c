/* Goal:   a batch gives the same entries whether a column is there or stands for all.
 * Method: one batch with every column and one with none, read entry by entry and in every slice. */
#include "storage/batch.h"

#include "tests/unit.h"

enum { COUNT = 5 };

static const struct text_value note = {.size_bytes = 0};
static const uint32_t tags[COUNT] = {1, 2, 3, 4, 5};
static const int64_t times_ns[COUNT] = {-20, -10, 0, 10, 20};
static const uint64_t values[COUNT] = {100, 101, 102, 103, 104};
static const uint32_t qualities[COUNT] = {0, 1, 2, 3, 4};
static const uint8_t types[COUNT] = {VALUE_F64, VALUE_F32, VALUE_I64, VALUE_STATE, VALUE_I64};
static const uint8_t kinds[COUNT] = {0, 1, 1, 0, 1};
static const uint64_t clocks[COUNT] = {11, 12, 13, 14, 15};
static const uint32_t generations[COUNT] = {21, 22, 23, 24, 25};
static const uint64_t origins[COUNT] = {31, 32, 33, 34, 35};
static const struct text_value *const notes[COUNT] = {NULL, &note, NULL, NULL, &note};

static const struct batch columns = {
    .sample_count = COUNT,
    .tags = tags,
    .times_ns = times_ns,
    .values = values,
    .qualities = qualities,
    .types = types,
    .kinds = kinds,
    .clocks = clocks,
    .generations = generations,
    .origins = origins,
    .notes = notes,
};

static void assert_entry(struct entry entry, struct entry expected)
{
    ck_assert_uint_eq(entry.clock, expected.clock);
    ck_assert_uint_eq(entry.origin, expected.origin);
    ck_assert_uint_eq(entry.value, expected.value);
    ck_assert_uint_eq(entry.generation, expected.generation);
    ck_assert_uint_eq(entry.quality, expected.quality);
    ck_assert_uint_eq(entry.kind, expected.kind);
    ck_assert_uint_eq(entry.type, expected.type);
    ck_assert_ptr_eq(entry.note, expected.note);
}

START_TEST(columns_are_read_by_index_in_every_slice)
{
    for (size_t first = 0; first < COUNT; first++) {
        for (size_t count = 1; count <= COUNT - first; count++) {
            struct batch slice = batch_slice(&columns, first, count);
            ck_assert_uint_eq(slice.sample_count, count);
            for (size_t i = 0; i < count; i++) {
                size_t at = first + i;
                ck_assert_uint_eq(batch_tag(&slice, i), tags[at]);
                ck_assert_int_eq(batch_time_ns(&slice, i), times_ns[at]);
                assert_entry(batch_entry(&slice, i), (struct entry){.clock = clocks[at],
                                                                    .origin = origins[at],
                                                                    .value = values[at],
                                                                    .generation = generations[at],
                                                                    .quality = qualities[at],
                                                                    .kind = kinds[at],
                                                                    .type = types[at],
                                                                    .note = notes[at]});
            }
        }
    }
}
END_TEST

START_TEST(a_missing_column_is_the_same_for_all)
{
    struct batch batch = {
        .sample_count = COUNT,
        .tag = 7,
        .time_ns = 70,
        .values = values,
        .type = VALUE_I64,
        .kind = ENTRY_CORRECTION,
        .clock = 71,
        .generation = 72,
        .origin = 73,
    };
    struct batch slice = batch_slice(&batch, 2, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(batch_tag(&slice, i), 7);
        ck_assert_int_eq(batch_time_ns(&slice, i), 70);
        assert_entry(batch_entry(&slice, i), (struct entry){.clock = 71,
                                                            .origin = 73,
                                                            .value = values[2 + i],
                                                            .generation = 72,
                                                            .kind = ENTRY_CORRECTION,
                                                            .type = VALUE_I64});
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        columns_are_read_by_index_in_every_slice,
        a_missing_column_is_the_same_for_all,
    };
    return unit_run("batch", tests, sizeof tests / sizeof *tests);
}
