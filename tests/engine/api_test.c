/* Goal:   the public header keeps its word about the store and its tags: opening, policies, limits,
 *         errors, names, care.
 * Method: each sentence of the header is a call or two through the shared library on a real
 *         directory; the store is verified byte by byte after each. What is written and read back is
 *         tested in api_samples_test.c and api_history_test.c. */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/engine/api.h"

static uint64_t count_samples(struct plant *at, uint32_t tag)
{
    struct plant plant = *at;
    struct bede_cursor *cursor;
    struct bede_columns columns;
    uint64_t count = 0;
    EXPECT(BEDE_OK, bede_cursor_open(&cursor, plant.bede, tag, NULL, &plant.error));
    int status;
    while ((status = bede_cursor_next(cursor, &columns, &plant.error)) == BEDE_OK) {
        count += columns.count;
    }
    EXPECT(BEDE_END, status);
    bede_cursor_close(cursor);
    return count;
}

/* ---- The store ---- */

START_TEST(it_says_its_version)
{
    ck_assert_int_gt((int)strlen(bede_version()), 0);
}
END_TEST

START_TEST(what_is_not_there_is_not_made_when_told_so)
{
    struct plant plant = {.options = {.flags = BEDE_OPEN_EXISTING}};
    char below[TEMPORARY_PATH_BYTES + 8];
    temporary_make(plant.path);
    (void)snprintf(below, sizeof below, "%s/none", plant.path);
    EXPECT(BEDE_NOT_FOUND, bede_open(&plant.bede, below, &plant.options, &plant.error));
    ck_assert_int_ne(access(below, F_OK), 0);
    struct bede_verify_result found;
    EXPECT(BEDE_NOT_FOUND, bede_verify(below, plant_report, NULL, &found, &plant.error));
    temporary_remove(plant.path);
}
END_TEST

START_TEST(a_directory_opens_once_and_the_refusal_names_the_pid)
{
    struct plant plant = plant_open(NULL);
    char pid[32];
    struct bede *second = NULL;
    struct bede_verify_result found;
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    EXPECT(BEDE_BUSY, bede_open(&second, plant.path, NULL, &plant.error));
    ck_assert_ptr_null(second);
    ck_assert_int_eq(plant.error.status, BEDE_BUSY);
    ck_assert_msg(strstr(plant.error.text, pid), "%s", plant.error.text);
    EXPECT(BEDE_BUSY, bede_verify(plant.path, plant_report, NULL, &found, &plant.error));

    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int status = bede_open(&second, plant.path, NULL, &plant.error);
        _exit(status == BEDE_BUSY && strstr(plant.error.text, pid) ? 0 : 1);
    }
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert_msg(WIFEXITED(result) && WEXITSTATUS(result) == 0, "the other process opened it");
    plant_close(&plant);
}
END_TEST

START_TEST(every_policy_keeps_what_was_synced_or_closed)
{
    for (uint32_t sync = BEDE_SYNC_EVERY; sync <= BEDE_SYNC_NONE; sync++) {
        struct plant plant =
            plant_open(&(struct bede_options){.sync = sync, .sync_interval_ms = 5});
        uint32_t tag = plant_tag(&plant, "t", BEDE_F64);
        for (int i = 0; i < 100; i++) {
            EXPECT(BEDE_OK,
                   bede_append_f64(plant.bede, tag, EPOCH_NS + i, i, BEDE_GOOD, &plant.error));
        }
        ck_assert_uint_eq(count_samples(&plant, tag), 100);
        EXPECT(BEDE_OK, bede_sync(plant.bede, &plant.error));
        plant_reopen(&plant);
        ck_assert_uint_eq(count_samples(&plant, tag), 100);
        plant_close(&plant);
    }
    struct plant plant = {.options = {.sync = BEDE_SYNC_NONE + 1}};
    temporary_make(plant.path);
    EXPECT(BEDE_BAD_INPUT, bede_open(&plant.bede, plant.path, &plant.options, &plant.error));
    temporary_remove(plant.path);
}
END_TEST

START_TEST(failures_need_no_error_pointer)
{
    struct plant plant = plant_open(NULL);
    const int64_t time_ns = EPOCH_NS;
    const uint32_t nobody = 123456;
    struct bede *second;
    struct bede_cursor *cursor;
    struct bede_sample sample;
    struct bede_mask mask = {.clock = 1};
    union bede_value value = {.f64 = 1};
    uint32_t tag = plant_tag(&plant, "t", BEDE_F64);
    struct bede_columns columns = {.count = 1, .times_ns = &time_ns, .values = &value};
    struct bede_scan scan = {.time_ns = time_ns, .count = 1, .tags = &nobody, .values = &value};
    EXPECT(BEDE_BUSY, bede_open(&second, plant.path, NULL, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_tag(plant.bede, "t", BEDE_I64, &tag, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_append(plant.bede, nobody, &columns, NULL, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_append_f64(plant.bede, nobody, time_ns, 1, 0, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_append_scan(plant.bede, &scan, NULL, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_wait(plant.bede, UINT64_MAX, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_correct(plant.bede, nobody, time_ns, &value, 0, "", "", NULL));
    EXPECT(BEDE_BAD_INPUT, bede_erase(plant.bede, nobody, time_ns, NULL, NULL, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_delete(plant.bede, &nobody, 1, 0, 1, NULL, NULL, NULL, NULL));
    EXPECT(BEDE_NOT_FOUND, bede_undelete(plant.bede, &mask, NULL, NULL, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_cursor_open(&cursor, plant.bede, nobody, NULL, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_value_at(plant.bede, nobody, time_ns, &sample, NULL));
    EXPECT(BEDE_BAD_INPUT, bede_latest(plant.bede, nobody, &sample, NULL));
    EXPECT(BEDE_NOT_FOUND, bede_latest(plant.bede, tag, &sample, NULL));
    bede_cursor_close(NULL);
    bede_unsubscribe(NULL);
    bede_tag_info_free(NULL);
    bede_sample_free(NULL);
    bede_free(NULL);
    EXPECT(BEDE_OK, bede_close(NULL, NULL));
    plant_close(&plant);
}
END_TEST

/* ---- Tags ---- */

START_TEST(a_tag_is_found_by_the_name_and_type_it_was_made_with)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "boiler1.pressure", BEDE_F64);
    uint32_t again;
    ck_assert_uint_eq(plant_tag(&plant, "boiler1.pressure", BEDE_F64), tag);
    EXPECT(BEDE_BAD_INPUT,
           bede_tag(plant.bede, "boiler1.pressure", BEDE_TEXT, &again, &plant.error));
    ck_assert_msg(strstr(plant.error.text, "boiler1.pressure"), "%s", plant.error.text);
    EXPECT(BEDE_OK, bede_tag_find(plant.bede, "boiler1.pressure", &again));
    ck_assert_uint_eq(again, tag);
    EXPECT(BEDE_NOT_FOUND, bede_tag_find(plant.bede, "boiler1", &again));
    plant_reopen(&plant);
    EXPECT(BEDE_OK, bede_tag_find(plant.bede, "boiler1.pressure", &again));
    ck_assert_uint_eq(again, tag);

    char longest[257];
    memset(longest, 'n', sizeof longest);
    longest[256] = 0;
    EXPECT(BEDE_BAD_INPUT, bede_tag(plant.bede, "", BEDE_F64, &again, &plant.error));
    EXPECT(BEDE_BAD_INPUT, bede_tag(plant.bede, "$own", BEDE_F64, &again, &plant.error));
    EXPECT(BEDE_BAD_INPUT, bede_tag(plant.bede, "no.type", 7, &again, &plant.error));
    ck_assert_int_lt(bede_tag(plant.bede, longest, BEDE_F64, &again, &plant.error), 0);
    ck_assert_msg(strstr(plant.error.text, "255"), "%s", plant.error.text);
    longest[255] = 0;
    EXPECT(BEDE_OK, bede_tag(plant.bede, longest, BEDE_F64, &again, &plant.error));
    plant_close(&plant);
}
END_TEST

START_TEST(tags_are_made_all_or_none)
{
    struct plant plant = plant_open(NULL);
    struct bede_tag_definition three[] = {{.name = "c", .type = BEDE_F32},
                                          {.name = "a", .type = BEDE_BOOL},
                                          {.name = "b", .type = BEDE_STATE}};
    uint32_t tags[3], *matched;
    size_t count;
    EXPECT(BEDE_OK, bede_tags_create(plant.bede, three, 3, tags, &plant.error));
    three[0].name = "d";
    EXPECT(BEDE_EXISTS, bede_tags_create(plant.bede, three, 2, tags, &plant.error));
    ck_assert_msg(strstr(plant.error.text, "\"a\""), "%s", plant.error.text);
    EXPECT(BEDE_NOT_FOUND, bede_tag_find(plant.bede, "d", &tags[0]));
    three[1].name = "d";
    EXPECT(BEDE_BAD_INPUT, bede_tags_create(plant.bede, three, 2, tags, &plant.error));
    EXPECT(BEDE_OK, bede_tags_create(plant.bede, three, 0, tags, &plant.error));

    EXPECT(BEDE_OK, bede_tags_match(plant.bede, NULL, &matched, &count, &plant.error));
    ck_assert_uint_eq(count, 3);
    const char *const sorted[] = {"a", "b", "c"};
    for (size_t i = 0; i < count; i++) {
        uint32_t tag;
        EXPECT(BEDE_OK, bede_tag_find(plant.bede, sorted[i], &tag));
        ck_assert_uint_eq(matched[i], tag);
    }
    bede_free(matched);
    EXPECT(BEDE_OK, bede_tags_match(plant.bede, "[bx]", &matched, &count, &plant.error));
    ck_assert_uint_eq(count, 1);
    bede_free(matched);
    EXPECT(BEDE_OK, bede_tags_match(plant.bede, "?x*", &matched, &count, &plant.error));
    ck_assert_uint_eq(count, 0);
    bede_free(matched);
    plant_close(&plant);
}
END_TEST

START_TEST(what_a_tag_is_can_be_read_and_changed_field_by_field)
{
    struct plant plant = plant_open(&(struct bede_options){.name_space = "site"});
    const struct bede_tag_definition made = {.name = "pump",
                                             .unit = "\xc2\xb0"
                                                     "C",
                                             .description = "says \"so\"",
                                             .states = "0=stopped,1=running",
                                             .source = "plc1",
                                             .attributes = "{\"a\": 1}",
                                             .zero = -50,
                                             .span = 0.1,
                                             .max_gap_ns = 5 * SECOND_NS,
                                             .type = BEDE_STATE,
                                             .step = 1};
    uint32_t tag;
    struct bede_tag_info before, after;
    EXPECT(BEDE_OK, bede_tags_create(plant.bede, &made, 1, &tag, &plant.error));
    EXPECT(BEDE_OK, bede_tag_info(plant.bede, tag, &before, &plant.error));
    ck_assert_int_gt(before.created_ns, EPOCH_NS);

    const struct bede_tag_definition change = {.unit = "K", .span = 7, .source = "ignored"};
    EXPECT(BEDE_OK,
           bede_tag_change(plant.bede, tag, &change, BEDE_TAG_UNIT | BEDE_TAG_SPAN, &plant.error));
    EXPECT(BEDE_OK, bede_tag_change(plant.bede, tag, &change, 0, &plant.error));
    EXPECT(BEDE_BAD_INPUT, bede_tag_change(plant.bede, tag, &change, 1u << 11, &plant.error));
    EXPECT(BEDE_BAD_INPUT,
           bede_tag_change(plant.bede, 99999, &change, BEDE_TAG_UNIT, &plant.error));
    plant_reopen(&plant);
    EXPECT(BEDE_OK, bede_tag_info(plant.bede, tag, &after, &plant.error));
    const struct bede_tag_definition *now = &after.definition;
    ck_assert_uint_eq(after.tag, tag);
    ck_assert_int_eq(memcmp(after.identity, before.identity, sizeof after.identity), 0);
    ck_assert_int_eq(after.created_ns, before.created_ns);
    ck_assert_str_eq(now->name, "pump");
    ck_assert_str_eq(before.definition.unit, made.unit);
    ck_assert_str_eq(now->unit, "K");
    ck_assert_str_eq(now->description, made.description);
    ck_assert_str_eq(now->states, made.states);
    ck_assert_str_eq(now->source, "plc1");
    ck_assert_str_eq(now->attributes, made.attributes);
    ck_assert(now->zero == made.zero && now->span == 7);
    ck_assert_int_eq(now->max_gap_ns, made.max_gap_ns);
    ck_assert_int_eq(now->type, BEDE_STATE);
    ck_assert_int_eq(now->step, 1);
    bede_tag_info_free(&before);
    bede_tag_info_free(&after);
    EXPECT(BEDE_NOT_FOUND, bede_tag_info(plant.bede, 99999, &after, &plant.error));
    plant_close(&plant);
}
END_TEST

START_TEST(a_rename_keeps_the_history_and_a_new_tag_of_the_name_begins_empty)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "old", BEDE_F64);
    EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS, 1, BEDE_GOOD, &plant.error));
    const struct bede_tag_definition renamed = {.name = "new"};
    EXPECT(BEDE_OK, bede_tag_change(plant.bede, tag, &renamed, BEDE_TAG_NAME, &plant.error));
    uint32_t found;
    EXPECT(BEDE_NOT_FOUND, bede_tag_find(plant.bede, "old", &found));
    EXPECT(BEDE_OK, bede_tag_find(plant.bede, "new", &found));
    ck_assert_uint_eq(found, tag);
    ck_assert_uint_eq(count_samples(&plant, found), 1);
    uint32_t other = plant_tag(&plant, "old", BEDE_TEXT);
    ck_assert_uint_ne(other, tag);
    ck_assert_uint_eq(count_samples(&plant, other), 0);
    EXPECT(BEDE_BAD_INPUT,
           bede_tag_change(plant.bede, other, &renamed, BEDE_TAG_NAME, &plant.error));

    EXPECT(BEDE_OK, bede_tag_drop(plant.bede, tag, &plant.error));
    EXPECT(BEDE_NOT_FOUND, bede_tag_drop(plant.bede, tag, &plant.error));
    EXPECT(BEDE_NOT_FOUND, bede_tag_find(plant.bede, "new", &found));
    struct bede_tag_info info;
    EXPECT(BEDE_NOT_FOUND, bede_tag_info(plant.bede, tag, &info, &plant.error));
    EXPECT(BEDE_BAD_INPUT,
           bede_append_f64(plant.bede, tag, EPOCH_NS + 1, 1, BEDE_GOOD, &plant.error));
    uint32_t again = plant_tag(&plant, "new", BEDE_F64);
    ck_assert_uint_ne(again, tag);
    for (int opened = 0; opened < 2; opened++) {
        ck_assert_uint_eq(count_samples(&plant, again), 0);
        ck_assert_uint_eq(count_samples(&plant, tag), 1); /* it stays stored */
        plant_reopen(&plant);
    }
    plant_close(&plant);
}
END_TEST

/* ---- Care ---- */

START_TEST(flush_compact_and_stats_agree_about_what_is_stored)
{
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "t", BEDE_F64);
    struct bede_stats stats;
    for (int segment = 0; segment < 3; segment++) {
        for (int i = 0; i < 10; i++) {
            EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS + segment + 10 * (10 - i),
                                            segment, BEDE_GOOD, &plant.error));
        }
        EXPECT(BEDE_OK, bede_flush(plant.bede, &plant.error));
    }
    EXPECT(BEDE_OK, bede_compact(plant.bede, 0, &plant.error));
    EXPECT(BEDE_OK, bede_stats(plant.bede, &stats, &plant.error));
    ck_assert_uint_eq(stats.segment_count, 3);
    ck_assert_uint_eq(stats.flush_count, 3);
    EXPECT(BEDE_OK, bede_compact(plant.bede, 1, &plant.error));
    EXPECT(BEDE_OK, bede_append_f64(plant.bede, tag, EPOCH_NS + 500, 9, BEDE_GOOD, &plant.error));
    EXPECT(BEDE_OK, bede_stats(plant.bede, &stats, &plant.error));
    ck_assert_uint_eq(stats.segment_count, 2); /* then, and today, when the tag was made */
    ck_assert_uint_eq(stats.tag_count, 1);
    ck_assert_uint_eq(stats.sample_count, 31);
    ck_assert_uint_eq(stats.appended_count, 31);
    ck_assert_uint_eq(stats.late_count, 27);
    ck_assert_uint_eq(stats.compaction_count, 1);
    ck_assert_uint_gt(stats.segment_bytes, 0);
    ck_assert_uint_gt(stats.wal_bytes, 0);
    ck_assert_uint_gt(stats.catalog_bytes, 0);
    ck_assert_uint_gt(stats.memory_bytes, 0);
    ck_assert_uint_eq(count_samples(&plant, tag), 31);
    plant_reopen(&plant);
    EXPECT(BEDE_OK, bede_stats(plant.bede, &stats, &plant.error));
    ck_assert_uint_eq(stats.sample_count, 31);
    ck_assert_uint_eq(stats.recovered_count, 1);
    ck_assert_uint_eq(stats.appended_count, 0);
    ck_assert_uint_eq(stats.damaged_count, 0);
    ck_assert_uint_eq(stats.torn_bytes, 0);
    ck_assert_uint_eq(count_samples(&plant, tag), 31);
    plant_close(&plant);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_says_its_version,
        what_is_not_there_is_not_made_when_told_so,
        a_directory_opens_once_and_the_refusal_names_the_pid,
        every_policy_keeps_what_was_synced_or_closed,
        failures_need_no_error_pointer,
        a_tag_is_found_by_the_name_and_type_it_was_made_with,
        tags_are_made_all_or_none,
        what_a_tag_is_can_be_read_and_changed_field_by_field,
        a_rename_keeps_the_history_and_a_new_tag_of_the_name_begins_empty,
        flush_compact_and_stats_agree_about_what_is_stored,
    };
    return unit_run("api", tests, sizeof tests / sizeof tests[0]);
}
