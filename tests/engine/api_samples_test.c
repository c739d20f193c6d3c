/* Goal:   what is appended, in whatever form and order, comes back bit for bit.
 * Method: samples of every type go in as columns and as scans through the shared library, and are
 *         compared while they lie in memory, in segments, and after another opening. */
#include <stdbool.h>

#include "tests/engine/api.h"

enum { MANY = 150000, TEXT_BYTES_MAX = 64 << 10 };

/* The three places a sample may lie in: runs the check in each. */
static void in_every_place(struct plant *at, void (*check)(struct plant *plant))
{
    check(at);
    struct plant plant = *at;
    EXPECT(BEDE_OK, bede_flush(plant.bede, &plant.error));
    check(at);
    plant_reopen(at);
    check(at);
}

/* The whole of a small tag in one array each. */
struct all {
    size_t count;
    int64_t times_ns[64];
    uint32_t qualities[64];
    union bede_value values[64];
};

static struct all read_all(struct plant *at, uint32_t tag, const struct bede_read *read, int type)
{
    struct plant plant = *at;
    struct all all = {0};
    struct bede_cursor *cursor;
    struct bede_columns columns;
    static const size_t widths[] = {0, 8, 4, 8, 1, 8};
    EXPECT(BEDE_OK, bede_cursor_open(&cursor, plant.bede, tag, read, &plant.error));
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &plant.error)) == BEDE_OK) {
        ck_assert_int_eq(columns.type, type);
        ck_assert_ptr_null(columns.kinds);
        for (size_t i = 0; i < columns.count; i++) {
            ck_assert_uint_lt(all.count, 64);
            all.times_ns[all.count] = columns.times_ns[i];
            all.qualities[all.count] = columns.qualities ? columns.qualities[i] : BEDE_GOOD;
            memcpy(&all.values[all.count++], (const char *)columns.values + i * widths[type],
                   widths[type]);
        }
    }
    EXPECT(BEDE_END, status);
    bede_cursor_close(cursor);
    return all;
}

/* ---- Every type ---- */

static const uint64_t f64_bits[] = {
    0x7ff8000000000000,
    0x7ff0000000000001,
    0xfff8dead0000beef,
    0x8000000000000000,
    0,
    0x7ff0000000000000,
    0xfff0000000000000,
    1,
    0x7fefffffffffffff,
    0x3fb999999999999a,
};
static const uint32_t f32_bits[] = {0x7fc00000, 0x7f800001, 0xffdeadbe, 0x80000000, 0,
                                    0x7f800000, 0xff800000, 1,          0x7f7fffff, 0x3dcccccd};
static const int64_t i64_values[] = {INT64_MIN, INT64_MAX, 0, -1, 1, 42, -42, 7, 8, 9};
static const uint8_t bool_values[] = {0, 1, 1, 0, 1, 0, 0, 0, 1, 1};
enum { BITS = 10 };

static const void *const type_values[] = {NULL,       f64_bits,    f32_bits,
                                          i64_values, bool_values, i64_values};
static const char *const type_names[] = {NULL, "f64", "f32", "i64", "bool", "state"};
static const size_t type_widths[] = {0, 8, 4, 8, 1, 8};

static void check_types(struct plant *plant)
{
    for (int type = BEDE_F64; type <= BEDE_STATE; type++) {
        struct all all = read_all(plant, plant_tag(plant, type_names[type], type), NULL, type);
        ck_assert_uint_eq(all.count, BITS);
        for (size_t i = 0; i < BITS; i++) {
            const char *expected = (const char *)type_values[type] + i * type_widths[type];
            ck_assert_msg(memcmp(&all.values[i], expected, type_widths[type]) == 0, "%s %zu",
                          type_names[type], i);
            ck_assert_int_eq(all.times_ns[i], EPOCH_NS + (int64_t)i);
            ck_assert_uint_eq(all.qualities[i], i == 3 ? BEDE_BAD | 0x350000u : BEDE_GOOD);
        }
    }
}

START_TEST(every_type_comes_back_bit_for_bit_from_columns)
{
    struct plant plant = plant_open(NULL);
    int64_t times[BITS];
    uint32_t qualities[BITS] = {[3] = BEDE_BAD | 0x350000u};
    for (size_t i = 0; i < BITS; i++) times[i] = EPOCH_NS + (int64_t)i;
    for (int type = BEDE_F64; type <= BEDE_STATE; type++) {
        uint32_t tag = plant_tag(&plant, type_names[type], type);
        struct bede_columns columns = {
            .count = BITS, .times_ns = times, .values = type_values[type], .qualities = qualities};
        EXPECT(BEDE_OK, bede_append(plant.bede, tag, &columns, NULL, &plant.error));
    }
    in_every_place(&plant, check_types);
    plant_close(&plant);
}
END_TEST

START_TEST(every_type_comes_back_bit_for_bit_from_scans)
{
    struct plant plant = plant_open(NULL);
    uint32_t tags[6], qualities[6] = {0};
    for (int type = BEDE_F64; type <= BEDE_STATE; type++) {
        tags[type] = plant_tag(&plant, type_names[type], type);
    }
    uint64_t ticket = 0;
    for (size_t i = 0; i < BITS; i++) {
        union bede_value values[6];
        for (int type = BEDE_F64; type <= BEDE_STATE; type++) {
            memcpy(&values[type], (const char *)type_values[type] + i * type_widths[type],
                   type_widths[type]);
            qualities[type] = i == 3 ? BEDE_BAD | 0x350000u : BEDE_GOOD;
        }
        struct bede_scan scan = {.time_ns = EPOCH_NS + (int64_t)i,
                                 .count = 5,
                                 .tags = tags + 1,
                                 .values = values + 1,
                                 .qualities = i % 2 == 1 ? qualities + 1 : NULL};
        uint64_t last = ticket;
        EXPECT(BEDE_OK, bede_append_scan(plant.bede, &scan, &ticket, &plant.error));
        ck_assert_uint_gt(ticket, last); /* tickets rise */
    }
    EXPECT(BEDE_OK, bede_wait(plant.bede, ticket, &plant.error));
    in_every_place(&plant, check_types);
    struct bede_scan none = {.time_ns = EPOCH_NS};
    EXPECT(BEDE_OK, bede_append_scan(plant.bede, &none, NULL, &plant.error));
    plant_close(&plant);
}
END_TEST

/* ---- Texts ---- */

static char long_text[TEXT_BYTES_MAX + 1];

static void check_texts(struct plant *at)
{
    struct plant plant = *at;
    uint32_t tag = plant_tag(at, "text", BEDE_TEXT);
    struct bede_sample sample;
    EXPECT(BEDE_OK, bede_value_at(plant.bede, tag, EPOCH_NS, &sample, &plant.error));
    ck_assert_int_eq(sample.type, BEDE_TEXT);
    ck_assert_uint_eq(sample.value.text->size, 0);
    bede_sample_free(&sample);
    EXPECT(BEDE_OK, bede_value_at(plant.bede, tag, EPOCH_NS + 1, &sample, &plant.error));
    ck_assert_uint_eq(sample.value.text->size, 5);
    ck_assert_int_eq(memcmp(sample.value.text->bytes, "a\0\xff\nb", 5), 0);
    bede_sample_free(&sample);

    struct bede_cursor *cursor;
    struct bede_columns columns;
    size_t count = 0;
    EXPECT(BEDE_OK, bede_cursor_open(&cursor, plant.bede, tag, NULL, &plant.error));
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &plant.error)) == BEDE_OK) {
        const struct bede_text *texts = columns.values;
        for (size_t i = 0; i < columns.count; i++) {
            if (count++ < 2) continue;
            ck_assert_uint_eq(texts[i].size, TEXT_BYTES_MAX);
            ck_assert(memcmp(texts[i].bytes, long_text, TEXT_BYTES_MAX) == 0);
        }
    }
    EXPECT(BEDE_END, status);
    bede_cursor_close(cursor);
    ck_assert_uint_eq(count, 102);
}

START_TEST(texts_of_any_bytes_come_back_from_none_to_the_limit)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "text", BEDE_TEXT);
    for (size_t i = 0; i < sizeof long_text; i++) long_text[i] = (char)(i * 37 % 251);
    struct bede_text texts[102] = {{NULL, 0}, {"a\0\xff\nb", 5}};
    int64_t times[102];
    for (size_t i = 0; i < 102; i++) {
        times[i] = EPOCH_NS + (int64_t)i;
        if (i > 1) texts[i] = (struct bede_text){long_text, TEXT_BYTES_MAX};
    }
    struct bede_columns columns = {.count = 101, .times_ns = times, .values = texts};
    EXPECT(BEDE_OK, bede_append(plant.bede, tag, &columns, NULL, &plant.error));
    union bede_value last = {.text = &texts[101]};
    struct bede_scan scan = {.time_ns = times[101], .count = 1, .tags = &tag, .values = &last};
    EXPECT(BEDE_OK, bede_append_scan(plant.bede, &scan, NULL, &plant.error));

    texts[101].size++;
    columns = (struct bede_columns){.count = 1, .times_ns = times, .values = &texts[101]};
    EXPECT(BEDE_TOO_LARGE, bede_append(plant.bede, tag, &columns, NULL, &plant.error));
    ck_assert_msg(strstr(plant.error.text, "65536"), "%s", plant.error.text);
    EXPECT(BEDE_TOO_LARGE, bede_append_scan(plant.bede, &scan, NULL, &plant.error));
    EXPECT(BEDE_TOO_LARGE,
           bede_correct(plant.bede, tag, EPOCH_NS, &last, 0, NULL, NULL, &plant.error));
    in_every_place(&plant, check_texts);
    plant_close(&plant);
}
END_TEST

/* ---- Order, and many ---- */

static void check_order(struct plant *plant)
{
    struct all all = read_all(plant, plant_tag(plant, "t", BEDE_I64), NULL, BEDE_I64);
    ck_assert_uint_eq(all.count, 4);
    const int64_t expected[] = {13, 16, 15, 20};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(all.times_ns[i], EPOCH_NS + (int64_t)i);
        ck_assert_int_eq(all.values[i].i64, expected[i]);
    }
}

START_TEST(of_several_at_one_time_the_last_one_written_counts)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "t", BEDE_I64);
    const int64_t offsets[] = {2, 1, 3, 0, 1, 2, 1};
    int64_t times[7], values[7];
    for (int i = 0; i < 7; i++) {
        times[i] = EPOCH_NS + offsets[i];
        values[i] = 10 + i;
    }
    struct bede_columns columns = {.count = 7, .times_ns = times, .values = values};
    EXPECT(BEDE_OK, bede_append(plant.bede, tag, &columns, NULL, &plant.error));
    const uint32_t twice[] = {tag, tag};
    const union bede_value two[] = {{.i64 = 19}, {.i64 = 20}};
    struct bede_scan scan = {.time_ns = EPOCH_NS + 3, .count = 2, .tags = twice, .values = two};
    EXPECT(BEDE_OK, bede_append_scan(plant.bede, &scan, NULL, &plant.error));
    in_every_place(&plant, check_order);
    plant_close(&plant);
}
END_TEST

static void check_many(struct plant *at)
{
    struct plant plant = *at;
    uint32_t tag = plant_tag(at, "many", BEDE_I64);
    struct bede_cursor *cursor;
    struct bede_columns columns;
    struct bede_read read = {.from_ns = EPOCH_NS + 100, .to_ns = EPOCH_NS + MANY - 100};
    int64_t next = 100;
    EXPECT(BEDE_OK, bede_cursor_open(&cursor, plant.bede, tag, &read, &plant.error));
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &plant.error)) == BEDE_OK) {
        ck_assert(columns.count >= 1 && columns.count <= 65535);
        const int64_t *values = columns.values;
        for (size_t i = 0; i < columns.count; i++, next++) {
            bool is_right = columns.times_ns[i] == EPOCH_NS + next && values[i] == next * next;
            if (!is_right) ck_abort_msg("sample %" PRId64, next);
        }
    }
    EXPECT(BEDE_END, status);
    EXPECT(BEDE_END, bede_cursor_next(cursor, &columns, &plant.error)); /* and stays there */
    ck_assert_int_eq(next, MANY - 100);
    bede_cursor_close(cursor);
}

START_TEST(more_samples_than_one_batch_holds_go_in_with_one_call)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "many", BEDE_I64);
    int64_t *times = malloc(2 * MANY * sizeof *times);
    ck_assert_ptr_nonnull(times);
    int64_t *values = times + MANY;
    for (int64_t i = 0; i < MANY; i++) {
        int64_t step = i * 7919 % MANY; /* every step once, in no order */
        times[i] = EPOCH_NS + step;
        values[i] = step * step;
    }
    struct bede_columns columns = {.count = MANY, .times_ns = times, .values = values};
    EXPECT(BEDE_OK, bede_append(plant.bede, tag, &columns, NULL, &plant.error));
    in_every_place(&plant, check_many);
    free(times);
    plant_close(&plant);
}
END_TEST

START_TEST(a_log_of_small_files_takes_as_many_samples_as_a_large_one)
{
    const struct bede_options options = {.wal_file_bytes = 16 << 10};
    struct plant plant = plant_open(&options);
    uint32_t tag = plant_tag(&plant, "many", BEDE_I64);
    int64_t *times = malloc(2 * MANY * sizeof *times);
    ck_assert_ptr_nonnull(times);
    int64_t *values = times + MANY;
    for (int64_t i = 0; i < MANY; i++) {
        times[i] = EPOCH_NS + i;
        values[i] = i * i;
    }
    struct bede_columns columns = {.count = MANY, .times_ns = times, .values = values};
    EXPECT(BEDE_OK, bede_append(plant.bede, tag, &columns, NULL, &plant.error));
    in_every_place(&plant, check_many);

    /* Texts, too, up to one that no file has room for. */
    uint32_t text_tag = plant_tag(&plant, "text", BEDE_TEXT);
    struct bede_text texts[40];
    for (size_t i = 0; i < 40; i++) texts[i] = (struct bede_text){long_text, 3000};
    columns = (struct bede_columns){.count = 40, .times_ns = times, .values = texts};
    EXPECT(BEDE_OK, bede_append(plant.bede, text_tag, &columns, NULL, &plant.error));
    texts[0].size = 10000;
    columns.count = 1;
    EXPECT(BEDE_TOO_LARGE, bede_append(plant.bede, text_tag, &columns, NULL, &plant.error));
    ck_assert_msg(strstr(plant.error.text, "at most 8128"), "%s", plant.error.text);
    free(times);
    plant_close(&plant);
}
END_TEST

START_TEST(a_scan_that_the_log_cannot_take_at_once_names_size_and_limit)
{
    enum { TEXTS = 100 };
    struct plant plant = plant_open(NULL);
    uint32_t tags[TEXTS];
    union bede_value values[TEXTS];
    struct bede_text text = {long_text, TEXT_BYTES_MAX};
    for (size_t i = 0; i < TEXTS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "text%zu", i);
        tags[i] = plant_tag(&plant, name, BEDE_TEXT);
        values[i].text = &text;
    }
    struct bede_scan scan = {.time_ns = EPOCH_NS, .count = TEXTS, .tags = tags, .values = values};
    EXPECT(BEDE_TOO_LARGE, bede_append_scan(plant.bede, &scan, NULL, &plant.error));
    ck_assert_msg(strstr(plant.error.text, "scan of 100 values takes 65"), "%s", plant.error.text);
    ck_assert_msg(strstr(plant.error.text, "at most 4194240"), "%s", plant.error.text);
    struct bede_sample sample;
    EXPECT(BEDE_NOT_FOUND, bede_latest(plant.bede, tags[0], &sample, &plant.error));
    scan.count = TEXTS / 2;
    EXPECT(BEDE_OK, bede_append_scan(plant.bede, &scan, NULL, &plant.error));
    plant_close(&plant);
}
END_TEST

START_TEST(a_cursor_shows_what_was_there_when_it_was_opened)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "t", BEDE_F64);
    for (int i = 0; i < 3000; i++) {
        int64_t time_ns = EPOCH_NS + 2 * i;
        double value = i;
        uint64_t ticket;
        struct bede_columns columns = {.count = 1, .times_ns = &time_ns, .values = &value};
        EXPECT(BEDE_OK, bede_append(plant.bede, tag, &columns, &ticket, &plant.error));
    }
    EXPECT(BEDE_OK, bede_sync(plant.bede, &plant.error));
    struct bede_cursor *cursor;
    struct bede_columns columns;
    EXPECT(BEDE_OK, bede_cursor_open(&cursor, plant.bede, tag, NULL, &plant.error));
    uint64_t count = 0;
    for (int step = 0; bede_cursor_next(cursor, &columns, &plant.error) == BEDE_OK; step++) {
        count += columns.count;
        int64_t late_ns = EPOCH_NS + 5001 + 2 * step;
        EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, late_ns, 1, 0, &plant.error));
        EXPECT(BEDE_OK,
               bede_append_f64(plant.bede, tag, EPOCH_NS + SECOND_NS + step, 1, 0, &plant.error));
        EXPECT(BEDE_OK, bede_flush(plant.bede, &plant.error));
        EXPECT(BEDE_OK, bede_compact(plant.bede, 1, &plant.error));
    }
    ck_assert_uint_eq(count, 3000);
    bede_cursor_close(cursor);
    plant_close(&plant);
}
END_TEST

/* ---- Single values ---- */

static void check_single_values(struct plant *at)
{
    struct plant plant = *at;
    uint32_t tag = plant_tag(at, "t", BEDE_F64);
    struct bede_sample sample;
    EXPECT(BEDE_NOT_FOUND, bede_value_at(plant.bede, tag, EPOCH_NS - 1, &sample, &plant.error));
    EXPECT(BEDE_NOT_FOUND, bede_value_at(plant.bede, tag, INT64_MIN, &sample, &plant.error));
    EXPECT(BEDE_OK, bede_value_at(plant.bede, tag, EPOCH_NS, &sample, &plant.error));
    ck_assert_double_eq(sample.value.f64, 1);
    EXPECT(BEDE_OK, bede_value_at(plant.bede, tag, EPOCH_NS + 99, &sample, &plant.error));
    ck_assert_int_eq(sample.time_ns, EPOCH_NS);
    EXPECT(BEDE_OK, bede_latest(plant.bede, tag, &sample, &plant.error));
    ck_assert_int_eq(sample.time_ns, EPOCH_NS + 100);
    ck_assert_double_eq(sample.value.f64, 2);
    ck_assert_uint_eq(sample.quality, BEDE_UNCERTAIN);
    ck_assert_int_eq(sample.type, BEDE_F64);
    EXPECT(BEDE_OK, bede_value_at(plant.bede, tag, INT64_MAX, &sample, &plant.error));
    ck_assert_double_eq(sample.value.f64, 3);
}

START_TEST(latest_is_not_moved_by_samples_of_the_future)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "t", BEDE_F64);
    EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS, 1, BEDE_GOOD, &plant.error));
    EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS + 400 * 86400 * SECOND_NS * 100, 3,
                                    BEDE_GOOD, &plant.error));
    EXPECT(BEDE_OK,
           bede_append_f64(plant.bede, tag, EPOCH_NS + 100, 2, BEDE_UNCERTAIN, &plant.error));
    in_every_place(&plant, check_single_values);
    plant_close(&plant);
}
END_TEST

START_TEST(what_cannot_be_a_sample_is_refused_and_nothing_of_it_stored)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "b", BEDE_BOOL);
    const int64_t times[][2] = {{EPOCH_NS, INT64_MIN}, {EPOCH_NS, INT64_MAX}, {1, 2}};
    const uint8_t values[][2] = {{0, 1}, {0, 1}, {1, 2}};
    for (size_t i = 0; i < 3; i++) {
        struct bede_columns columns = {.count = 2, .times_ns = times[i], .values = values[i]};
        EXPECT(BEDE_BAD_INPUT, bede_append(plant.bede, tag, &columns, NULL, &plant.error));
    }
    EXPECT(BEDE_BAD_INPUT, bede_append_f64(plant.bede, tag, EPOCH_NS, 1, 0, &plant.error));
    ck_assert_msg(strstr(plant.error.text, "bool"), "%s", plant.error.text);
    struct bede_columns none = {0};
    EXPECT(BEDE_OK, bede_append(plant.bede, tag, &none, NULL, &plant.error));
    ck_assert_uint_eq(read_all(&plant, tag, NULL, BEDE_BOOL).count, 0);
    struct bede_read backwards = {.from_ns = 10, .to_ns = 5};
    ck_assert_uint_eq(read_all(&plant, tag, &backwards, BEDE_BOOL).count, 0);
    plant_close(&plant);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_type_comes_back_bit_for_bit_from_columns,
        every_type_comes_back_bit_for_bit_from_scans,
        texts_of_any_bytes_come_back_from_none_to_the_limit,
        of_several_at_one_time_the_last_one_written_counts,
        more_samples_than_one_batch_holds_go_in_with_one_call,
        a_log_of_small_files_takes_as_many_samples_as_a_large_one,
        a_scan_that_the_log_cannot_take_at_once_names_size_and_limit,
        a_cursor_shows_what_was_there_when_it_was_opened,
        latest_is_not_moved_by_samples_of_the_future,
        what_cannot_be_a_sample_is_refused_and_nothing_of_it_stored,
    };
    return unit_run("api samples", tests, sizeof tests / sizeof tests[0]);
}
