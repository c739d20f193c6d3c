/* Goal:   nothing that was corrected or deleted is gone: it can be listed, seen as it was known
 *         before, and shown again; and who follows is told of all of it.
 * Method: each sentence of the header about it is a few calls through the shared library, looked at
 *         while the samples lie in memory, in segments, and after another opening. */
#include <stdbool.h>
#include <time.h>

#include "tests/engine/api.h"

/* The clock of stamps counts milliseconds: the next call comes in a later one. Returns the wall
 * clock between. */
static int64_t pass_time(void)
{
    const struct timespec pause = {.tv_nsec = 3000000};
    struct timespec now;
    (void)nanosleep(&pause, NULL);
    (void)clock_gettime(CLOCK_REALTIME, &now); /* NOLINT(misc-include-cleaner) */
    (void)nanosleep(&pause, NULL);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* Entries of one tag as one text: "offset=value by user (reason)", a deletion as "x". */
static void list_entries(struct plant *at, uint32_t tag, const struct bede_read *read, char *target,
                         size_t target_bytes)
{
    struct plant plant = *at;
    struct bede_cursor *cursor;
    struct bede_columns columns;
    size_t used = 0;
    target[0] = 0;
    EXPECT(BEDE_OK, bede_cursor_open(&cursor, plant.bede, tag, read, &plant.error));
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &plant.error)) == BEDE_OK) {
        const double *values = columns.values;
        for (size_t i = 0; i < columns.count; i++) {
            int kind = columns.kinds ? columns.kinds[i] : BEDE_COLLECTED;
            char value[32] = "x";
            if (kind != BEDE_DELETION) (void)snprintf(value, sizeof value, "%g", values[i]);
            used += (size_t)snprintf(target + used, target_bytes - used, "%s%" PRId64 "=%s",
                                     used ? ", " : "", columns.times_ns[i] - EPOCH_NS, value);
            if (kind == BEDE_COLLECTED) continue;
            ck_assert_int_gt(columns.changed_ns[i], EPOCH_NS);
            used += (size_t)snprintf(target + used, target_bytes - used, " by %.*s (%.*s)",
                                     (int)columns.users[i].size, columns.users[i].bytes,
                                     (int)columns.reasons[i].size, columns.reasons[i].bytes);
        }
    }
    EXPECT(BEDE_END, status);
    bede_cursor_close(cursor);
}

static void expect_entries(struct plant *at, uint32_t tag, const struct bede_read *read,
                           const char *expected)
{
    char found[1024];
    list_entries(at, tag, read, found, sizeof found);
    ck_assert_str_eq(found, expected);
}

static uint32_t plant_values(struct plant *at, const char *name)
{
    struct plant plant = *at;
    uint32_t tag = plant_tag(at, name, BEDE_F64);
    for (int i = 0; i < 4; i++) {
        EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS + i, i, BEDE_GOOD, &plant.error));
    }
    return tag;
}

static const struct bede_read everything = {
    .from_ns = INT64_MIN, .to_ns = INT64_MAX, .flags = BEDE_READ_HISTORY};

/* In memory, in segments, merged, opened again: runs the loop's body with a place for each. */
enum { PLACES = 4 };

static void move_on(struct plant *at, int place)
{
    struct plant plant = *at;
    if (place == 0) EXPECT(BEDE_OK, bede_flush(plant.bede, &plant.error));
    if (place == 1) EXPECT(BEDE_OK, bede_compact(plant.bede, 1, &plant.error));
    if (place == 2) plant_reopen(at);
}

START_TEST(corrections_and_erasures_show_and_keep_who_and_why)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_values(&plant, "t");
    int64_t before_ns = pass_time();
    EXPECT(BEDE_OK, bede_correct(plant.bede, tag, EPOCH_NS + 1, &(union bede_value){.f64 = 11},
                                 BEDE_UNCERTAIN, "anna", "typo", &plant.error));
    EXPECT(BEDE_OK, bede_erase(plant.bede, tag, EPOCH_NS + 2, "bo", NULL, &plant.error));
    EXPECT(BEDE_OK, bede_correct(plant.bede, tag, EPOCH_NS + 9, &(union bede_value){.f64 = 19}, 0,
                                 NULL, NULL, &plant.error)); /* adds one */
    int64_t between_ns = pass_time();
    EXPECT(BEDE_OK, bede_correct(plant.bede, tag, EPOCH_NS + 2, &(union bede_value){.f64 = 12}, 0,
                                 "anna", "it was right", &plant.error));
    EXPECT(BEDE_OK, bede_erase(plant.bede, tag, EPOCH_NS + 3, NULL, "spike", &plant.error));
    for (int place = 0; place < PLACES; place++) {
        expect_entries(&plant, tag, NULL, "0=0, 1=11, 2=12, 9=19");
        expect_entries(&plant, tag, &everything,
                       "0=0, 1=1, 1=11 by anna (typo), 2=2, 2=x by bo (), "
                       "2=12 by anna (it was right), 3=3, 3=x by  (spike), 9=19 by  ()");
        struct bede_read then = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of_ns = between_ns};
        expect_entries(&plant, tag, &then, "0=0, 1=11, 3=3, 9=19");
        then.as_of_ns = before_ns;
        expect_entries(&plant, tag, &then, "0=0, 1=1, 2=2, 3=3");
        struct bede_sample sample;
        EXPECT(BEDE_OK, bede_value_at(plant.bede, tag, EPOCH_NS + 1, &sample, &plant.error));
        ck_assert_uint_eq(sample.quality, BEDE_UNCERTAIN);
        EXPECT(BEDE_OK, bede_value_at(plant.bede, tag, EPOCH_NS + 3, &sample, &plant.error));
        ck_assert_int_eq(sample.time_ns, EPOCH_NS + 2);
        move_on(&plant, place);
    }
    plant_close(&plant);
}
END_TEST

START_TEST(what_is_written_after_a_correction_or_an_erasure_shows)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_values(&plant, "t");
    EXPECT(BEDE_OK, bede_correct(plant.bede, tag, EPOCH_NS + 1, &(union bede_value){.f64 = 11}, 0,
                                 "anna", "typo", &plant.error));
    EXPECT(BEDE_OK, bede_erase(plant.bede, tag, EPOCH_NS + 2, "bo", "", &plant.error));
    for (int i = 1; i <= 2; i++) {
        EXPECT(BEDE_OK,
               bede_append_f64(plant.bede, tag, EPOCH_NS + i, 20 + i, BEDE_GOOD, &plant.error));
    }
    for (int place = 0; place < PLACES; place++) {
        expect_entries(&plant, tag, NULL, "0=0, 1=21, 2=22, 3=3");
        move_on(&plant, place);
    }
    expect_entries(&plant, tag, &everything,
                   "0=0, 1=11 by anna (typo), 1=21, 2=x by bo (), 2=22, 3=3");
    plant_close(&plant);
}
END_TEST

START_TEST(a_deleted_range_is_hidden_until_it_is_shown_again)
{
    struct plant plant = plant_open(NULL);
    const uint32_t tags[] = {plant_values(&plant, "a"), plant_values(&plant, "b")};
    uint32_t other = plant_values(&plant, "other");
    struct bede_mask mask;
    int64_t before_ns = pass_time();
    EXPECT(BEDE_OK, bede_delete(plant.bede, tags, 2, EPOCH_NS + 1, INT64_MAX, "anna", "test run",
                                &mask, &plant.error));
    /* What is written afterwards shows: in the range, and behind its end, which is now. */
    EXPECT(BEDE_OK,
           bede_append_f64(plant.bede, tags[0], EPOCH_NS + 2, 22, BEDE_GOOD, &plant.error));
    for (int place = 0; place < PLACES; place++) {
        struct bede_read then = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of_ns = before_ns};
        struct bede_sample sample;
        expect_entries(&plant, tags[0], NULL, "0=0, 2=22");
        expect_entries(&plant, tags[1], NULL, "0=0");
        expect_entries(&plant, tags[1], &everything, "0=0, 1=1, 2=2, 3=3");
        expect_entries(&plant, tags[1], &then, "0=0, 1=1, 2=2, 3=3");
        expect_entries(&plant, other, NULL, "0=0, 1=1, 2=2, 3=3");
        EXPECT(BEDE_OK, bede_latest(plant.bede, tags[1], &sample, &plant.error));
        ck_assert_int_eq(sample.time_ns, EPOCH_NS);
        move_on(&plant, place);
    }
    EXPECT(BEDE_OK, bede_undelete(plant.bede, &mask, "bo", "it was real", &plant.error));
    for (int opened = 0; opened < 2; opened++) {
        expect_entries(&plant, tags[0], NULL, "0=0, 1=1, 2=22, 3=3");
        expect_entries(&plant, tags[1], NULL, "0=0, 1=1, 2=2, 3=3");
        plant_reopen(&plant);
    }
    mask.clock++;
    EXPECT(BEDE_NOT_FOUND, bede_undelete(plant.bede, &mask, NULL, NULL, &plant.error));
    EXPECT(BEDE_BAD_INPUT,
           bede_delete(plant.bede, tags, 1, EPOCH_NS, EPOCH_NS, NULL, NULL, NULL, &plant.error));
    EXPECT(BEDE_BAD_INPUT, bede_delete(plant.bede, tags, 0, EPOCH_NS, EPOCH_NS + 1, NULL, NULL,
                                       NULL, &plant.error));
    plant_close(&plant);
}
END_TEST

START_TEST(notes_have_limits_that_the_error_names)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_values(&plant, "t");
    static char text[4098];
    memset(text, 'u', sizeof text - 1);
    EXPECT(BEDE_TOO_LARGE, bede_erase(plant.bede, tag, EPOCH_NS, text, "", &plant.error));
    ck_assert_msg(strstr(plant.error.text, "255"), "%s", plant.error.text);
    EXPECT(BEDE_TOO_LARGE, bede_erase(plant.bede, tag, EPOCH_NS, "", text, &plant.error));
    ck_assert_msg(strstr(plant.error.text, "4096"), "%s", plant.error.text);
    EXPECT(BEDE_BAD_INPUT, bede_erase(plant.bede, tag, INT64_MIN, "", "", &plant.error));
    EXPECT(BEDE_OK, bede_erase(plant.bede, tag, EPOCH_NS, "", text + 1, &plant.error));
    expect_entries(&plant, tag, NULL, "1=1, 2=2, 3=3");
    plant_close(&plant);
}
END_TEST

/* ---- Following ---- */

static void expect_next(struct plant *at, struct bede_subscription *subscription, uint32_t tag,
                        int64_t offset_ns, int kind)
{
    struct plant plant = *at;
    uint32_t found = 0;
    struct bede_columns columns;
    EXPECT(BEDE_OK, bede_subscription_next(subscription, 5000, &found, &columns, &plant.error));
    ck_assert_uint_eq(found, tag);
    ck_assert_uint_eq(columns.count, 1);
    ck_assert_int_eq(columns.times_ns[0], EPOCH_NS + offset_ns);
    ck_assert_uint_eq(columns.kinds[0], (unsigned)kind);
}

START_TEST(a_follower_is_told_of_all_that_its_pattern_names)
{
    struct plant plant = plant_open(NULL);
    const uint32_t tags[] = {
        plant_tag(&plant, "in.a", BEDE_F64), plant_tag(&plant, "out", BEDE_F64),
        plant_tag(&plant, "in.b", BEDE_TEXT), plant_tag(&plant, "in.c", BEDE_BOOL)};
    struct bede_subscription *some, *all;
    struct bede_columns columns;
    uint32_t tag;
    EXPECT(BEDE_OK, bede_subscribe(&some, plant.bede, "in.*", 0, &plant.error));
    EXPECT(BEDE_OK, bede_subscribe(&all, plant.bede, NULL, 0, &plant.error));
    EXPECT(BEDE_AGAIN, bede_subscription_next(some, 0, &tag, &columns, &plant.error));

    const struct bede_text text = {"on", 2};
    const union bede_value values[] = {{.f64 = 1}, {.f64 = 2}, {.text = &text}, {.boolean = 1}};
    struct bede_scan scan = {.time_ns = EPOCH_NS, .count = 4, .tags = tags, .values = values};
    EXPECT(BEDE_OK, bede_append_scan(plant.bede, &scan, NULL, &plant.error));
    uint32_t later = plant_tag(&plant, "in.later", BEDE_F64);
    EXPECT(BEDE_OK, bede_append_f64(plant.bede, later, EPOCH_NS + 1, 3, 0, &plant.error));
    EXPECT(BEDE_OK, bede_correct(plant.bede, tags[2], EPOCH_NS + 2, &values[2], 0, "anna", "",
                                 &plant.error));
    EXPECT(BEDE_OK, bede_erase(plant.bede, tags[2], EPOCH_NS, "anna", "", &plant.error));

    expect_next(&plant, some, tags[0], 0, BEDE_COLLECTED);
    EXPECT(BEDE_OK, bede_subscription_next(some, 5000, &tag, &columns, &plant.error));
    ck_assert_uint_eq(tag, tags[2]);
    ck_assert_int_eq(columns.type, BEDE_TEXT);
    ck_assert_uint_eq(((const struct bede_text *)columns.values)->size, 2);
    ck_assert_int_eq(memcmp(((const struct bede_text *)columns.values)->bytes, "on", 2), 0);
    expect_next(&plant, some, tags[3], 0, BEDE_COLLECTED);
    expect_next(&plant, some, tags[2], 2, BEDE_CORRECTION);
    expect_next(&plant, some, tags[2], 0, BEDE_DELETION);
    EXPECT(BEDE_AGAIN, bede_subscription_next(some, 1, &tag, &columns, &plant.error));
    for (size_t i = 0; i < 4; i++) expect_next(&plant, all, tags[i], 0, BEDE_COLLECTED);
    expect_next(&plant, all, later, 1, BEDE_COLLECTED);
    bede_unsubscribe(some);
    bede_unsubscribe(all);
    plant_close(&plant);
}
END_TEST

START_TEST(a_slow_follower_is_told_once_how_much_it_missed)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "t", BEDE_F64);
    struct bede_subscription *subscription;
    struct bede_columns columns;
    EXPECT(BEDE_OK, bede_subscribe(&subscription, plant.bede, "t", 4096, &plant.error));
    uint64_t seen = 0, missed_times = 0;
    for (int i = 0; i < 500; i++) {
        EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS + i, i, 0, &plant.error));
    }
    int status;
    uint32_t found;
    while ((status = bede_subscription_next(subscription, 0, &found, &columns, &plant.error)) !=
           BEDE_AGAIN) {
        if (status == BEDE_MISSED) missed_times++;
        if (status == BEDE_OK) ck_assert_int_eq(columns.times_ns[0], EPOCH_NS + (int64_t)seen);
        seen += columns.count;
    }
    ck_assert_uint_eq(seen, 500);
    ck_assert_uint_eq(missed_times, 1);
    EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS + 500, 1, 0, &plant.error));
    expect_next(&plant, subscription, tag, 500, BEDE_COLLECTED);
    bede_unsubscribe(subscription);
    plant_close(&plant);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        corrections_and_erasures_show_and_keep_who_and_why,
        what_is_written_after_a_correction_or_an_erasure_shows,
        a_deleted_range_is_hidden_until_it_is_shown_again,
        notes_have_limits_that_the_error_names,
        a_follower_is_told_of_all_that_its_pattern_names,
        a_slow_follower_is_told_once_how_much_it_missed,
    };
    return unit_run("api history", tests, sizeof tests / sizeof tests[0]);
}
