/* Goal:   a compaction ends although flushes go on, and one that fails leaves no file behind that
 *         nothing names.
 * Method: a disk that appends and flushes whenever a merge has put its segment in place, and one
 *         whose calls fail, each once; segments are counted, in the store and on the disk. */
#include "tests/storage/small_store.h"

enum { SEGMENTS = 20 /* more than one merge takes */, FLUSHES_MAX = 50 };

static uint32_t begin(struct small_store *small)
{
    small_store_open(small);
    uint32_t tag = small_store_tag(small, "boiler.pressure", VALUE_I64);
    for (int64_t i = 0; i < SEGMENTS; i++) {
        ASSERT_OK(small_store_append(small, tag, i, (uint64_t)i), &small->error);
        ASSERT_OK(store_flush(small->store, &small->error), &small->error);
    }
    ck_assert_uint_eq(small_store_statistics(small).segment_count, SEGMENTS);
    return tag;
}

static void check_values(struct small_store *small, uint32_t tag, uint64_t count)
{
    struct store_range range = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of = UINT64_MAX};
    struct cursor *cursor;
    struct batch batch;
    uint64_t next = 0;
    enum status status;
    ASSERT_OK(store_cursor(small->store, tag, &range, &cursor, &small->error), &small->error);
    while ((status = cursor_next(cursor, &batch, &small->error)) == STATUS_OK) {
        for (size_t i = 0; i < batch.sample_count; i++) ck_assert_uint_eq(batch.values[i], next++);
    }
    ck_assert_int_eq(status, STATUS_END);
    cursor_close(cursor);
    ck_assert_uint_eq(next, count);
}

/* ---- Flushes that go on ---- */

/* A disk below a plant that does not stand still: after each merge, new samples are flushed. */
struct busy_disk {
    struct file_system file_system;
    struct file_system *below;
    struct small_store *small;
    uint32_t tag;
    int64_t next_second;
    uint64_t flush_count;
    bool is_watching;
};

static struct busy_disk *busy(struct file_system *disk)
{
    return (struct busy_disk *)disk;
}

static enum status busy_open(struct file_system *disk, struct file **out_file, const char *path,
                             enum file_mode mode, struct error *error)
{
    return file_open(busy(disk)->below, out_file, path, mode, error);
}

static enum status busy_rename(struct file_system *disk, const char *from, const char *to,
                               struct error *error)
{
    struct busy_disk *self = busy(disk);
    enum status status = file_rename(self->below, from, to, error);
    if (!self->is_watching || !strstr(to, ".segment") || self->flush_count >= FLUSHES_MAX) {
        return status;
    }
    self->is_watching = false; /* the flush renames, too */
    int64_t second = self->next_second++;
    ASSERT_OK(small_store_append(self->small, self->tag, second, (uint64_t)second), error);
    ASSERT_OK(store_flush(self->small->store, error), error);
    self->flush_count++;
    self->is_watching = true;
    return status;
}

static enum status busy_remove(struct file_system *disk, const char *path, struct error *error)
{
    return file_remove(busy(disk)->below, path, error);
}

static enum status busy_create_directory(struct file_system *disk, const char *path,
                                         struct error *error)
{
    return file_create_directory(busy(disk)->below, path, error);
}

static enum status busy_sync_directory(struct file_system *disk, const char *path,
                                       struct error *error)
{
    return file_sync_directory(busy(disk)->below, path, error);
}

static enum status busy_list(struct file_system *disk, const char *path,
                             enum status (*visit)(void *context, const char *name), void *context,
                             struct error *error)
{
    return file_list(busy(disk)->below, path, visit, context, error);
}

static enum status busy_lock(struct file_system *disk, struct file **out_file, const char *path,
                             struct error *error)
{
    return file_lock(busy(disk)->below, out_file, path, error);
}

static const struct file_system_operations busy_operations = {
    .open = busy_open,
    .rename = busy_rename,
    .remove = busy_remove,
    .create_directory = busy_create_directory,
    .sync_directory = busy_sync_directory,
    .list = busy_list,
    .lock = busy_lock,
};

START_TEST(a_compaction_ends_while_flushes_go_on)
{
    struct small_store small;
    small_store_init(&small);
    struct busy_disk disk = {
        {&busy_operations}, small.options.file_system, &small, 0, SEGMENTS, 0, false};
    small.options.file_system = &disk.file_system;
    disk.tag = begin(&small);
    disk.is_watching = true;
    ASSERT_OK(store_compact(small.store, true, &small.error), &small.error);
    disk.is_watching = false;
    struct store_statistics statistics = small_store_statistics(&small);
    ck_assert_uint_eq(statistics.compaction_count, 2); /* 16 of 20, then that and the rest */
    ck_assert_uint_eq(disk.flush_count, 2);
    ck_assert_uint_eq(statistics.segment_count, 3); /* what was there, and the new ones */
    check_values(&small, disk.tag, SEGMENTS + 2);
    ASSERT_OK(store_compact(small.store, true, &small.error), &small.error);
    ck_assert_uint_eq(small_store_statistics(&small).segment_count, 1);
    check_values(&small, disk.tag, SEGMENTS + 2);
    small_store_finish(&small);
}
END_TEST

/* ---- Failures ---- */

START_TEST(a_compaction_that_the_disk_fails_leaves_no_file_behind)
{
    bool is_met = true;
    uint64_t mended_count = 0, doubtful_count = 0;
    for (uint64_t step = 0; is_met; step++) {
        struct small_store small;
        small_store_init(&small);
        uint32_t tag = begin(&small);
        struct file_fault_plan plan = {
            .status = STATUS_NO_SPACE, .step = step, .part_per_1024 = 700};
        file_fault_plan(small.fault, &plan);
        enum status status = store_compact(small.store, true, &small.error);
        is_met = file_fault_is_met(small.fault);
        file_fault_plan(small.fault, NULL);
        ck_assert(status == STATUS_OK || is_met);
        uint64_t left_count = small_store_file_count(&small, "segments");
        uint64_t live_count = small_store_statistics(&small).segment_count;
        file_fault_plan(small.fault, NULL);
        bool is_done = store_compact(small.store, true, &small.error) == STATUS_OK;
        uint64_t call_count = file_fault_step_count(small.fault);
        if (is_done) {
            ck_assert_uint_eq(left_count, live_count);
            ck_assert_uint_eq(small_store_file_count(&small, "segments"), 1);
            mended_count++;
        } else {
            ck_assert_uint_le(left_count, live_count + 1);
            ck_assert_uint_eq(small_store_file_count(&small, "segments"), left_count);
            ck_assert_uint_eq(call_count, 0); /* nor is any written */
            doubtful_count++;
        }
        small_store_close(&small);
        small_store_open(&small);
        ck_assert_uint_eq(small_store_file_count(&small, "segments"),
                          small_store_statistics(&small).segment_count);
        check_values(&small, tag, SEGMENTS);
        small_store_finish(&small);
    }
    ck_assert_uint_ge(mended_count, 8);
    ck_assert_uint_le(doubtful_count, 4); /* two edits: the write and the sync of each */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_compaction_ends_while_flushes_go_on,
        a_compaction_that_the_disk_fails_leaves_no_file_behind,
    };
    return unit_run("store_compaction", tests, sizeof tests / sizeof tests[0]);
}
