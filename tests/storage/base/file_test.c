#include "storage/base/file.h"

#include <unistd.h>

#include "tests/simulation/temporary.h"
#include "tests/unit.h"

static struct file_system *disk;
static char directory[TEMPORARY_PATH_BYTES];
static struct error error;

/* A path below the test's directory; valid until the fourth call after. */
static const char *below(const char *name)
{
    static char paths[4][2 * TEMPORARY_PATH_BYTES];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static void begin(void)
{
    disk = file_system_posix();
    temporary_make(directory);
}

static void end(void)
{
    temporary_remove(directory);
}

/* Goal:   each mode opens what it promises, and says so when it cannot.
 * Method: every mode on a file that is absent and on one that holds three bytes. */
START_TEST(file_modes)
{
    static const struct {
        const char *why;
        enum file_mode mode;
        enum status when_absent;
        uint64_t bytes_kept;
    } cases[] = {
        {"reading needs a file", FILE_READ, STATUS_NOT_FOUND, 3},
        {"writing needs a file", FILE_WRITE, STATUS_NOT_FOUND, 3},
        {"creating empties", FILE_CREATE, STATUS_OK, 0},
        {"extending keeps", FILE_EXTEND, STATUS_OK, 3},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file *file = NULL;
        ASSERT_STATUS(cases[i].when_absent,
                      file_open(disk, &file, below("absent"), cases[i].mode, &error), &error);
        file_close(file);
        if (file) ASSERT_OK(file_remove(disk, below("absent"), &error), &error);

        ASSERT_OK(file_open(disk, &file, below("present"), FILE_CREATE, &error), &error);
        ASSERT_OK(file_write_at(file, "abc", 3, 0, &error), &error);
        file_close(file);
        ASSERT_OK(file_open(disk, &file, below("present"), cases[i].mode, &error), &error);
        uint64_t size;
        ASSERT_OK(file_size(file, &size, &error), &error);
        ck_assert_msg(size == cases[i].bytes_kept, "%s", cases[i].why);
        enum status written = cases[i].mode == FILE_READ ? STATUS_IO : STATUS_OK;
        ASSERT_STATUS(written, file_write_at(file, "d", 1, 0, &error), &error);
        file_close(file);
    }
    struct file *file;
    ASSERT_STATUS(STATUS_IO, file_open(disk, &file, below("no/where"), FILE_CREATE, &error),
                  &error);
    ck_assert_int_ne(error.os_errno, 0);
    ck_assert_ptr_nonnull(strstr(error.text, "no/where"));
    end();
}
END_TEST

/* Goal:   what was written is read; beyond the end there is STATUS_END, and a gap is zeros.
 * Method: a write behind the end, reads across every border, both ways of truncating. */
START_TEST(file_reads_what_was_written)
{
    begin();
    struct file *file;
    char bytes[8];
    uint64_t size;
    ASSERT_OK(file_open(disk, &file, below("f"), FILE_CREATE, &error), &error);
    ASSERT_OK(file_write_at(file, "wxyz", 4, 4, &error), &error);
    ASSERT_OK(file_read_at(file, bytes, 8, 0, &error), &error);
    ck_assert_mem_eq(bytes, "\0\0\0\0wxyz", 8);
    ASSERT_STATUS(STATUS_END, file_read_at(file, bytes, 5, 4, &error), &error);
    ASSERT_STATUS(STATUS_END, file_read_at(file, bytes, 1, 8, &error), &error);
    ASSERT_STATUS(STATUS_END, file_read_at(file, bytes, 1, UINT64_MAX, &error), &error);
    ASSERT_OK(file_truncate(file, 5, &error), &error);
    ASSERT_OK(file_truncate(file, 7, &error), &error);
    ASSERT_OK(file_size(file, &size, &error), &error);
    ck_assert_uint_eq(size, 7);
    ASSERT_OK(file_read_at(file, bytes, 7, 0, &error), &error);
    ck_assert_mem_eq(bytes, "\0\0\0\0w\0\0", 7);
    ASSERT_OK(file_sync(file, &error), &error);
    file_close(file);
    file_close(NULL);
    end();
}
END_TEST

static enum status name_collect(void *context, const char *name)
{
    char *names = context;
    strcat(names, name); /* NOLINT: three short names */
    return strcmp(name, "stop") == 0 ? STATUS_CORRUPT : STATUS_OK;
}

static enum status name_remove(void *context, const char *name)
{
    (void)context;
    return file_remove(disk, below(name), &error);
}

/* Goal:   names can be made, renamed, listed, removed and synced, and what is missing is told.
 * Method: one life of some names. */
START_TEST(file_names)
{
    begin();
    struct file *file;
    char names[64] = "";
    ASSERT_OK(file_create_directory(disk, below("d"), &error), &error);
    ASSERT_STATUS(STATUS_EXISTS, file_create_directory(disk, below("d"), &error), &error);
    ASSERT_STATUS(STATUS_IO, file_create_directory(disk, below("x/d"), &error), &error);
    ASSERT_OK(file_open(disk, &file, below("d/a"), FILE_CREATE, &error), &error);
    file_close(file);
    ASSERT_STATUS(STATUS_IO, file_rename(disk, below("d/x"), below("d/b"), &error), &error);
    ASSERT_OK(file_rename(disk, below("d/a"), below("d/b"), &error), &error);
    ASSERT_OK(file_sync_directory(disk, below("d"), &error), &error);
    ASSERT_STATUS(STATUS_IO, file_sync_directory(disk, below("d/b"), &error), &error);

    ASSERT_OK(file_list(disk, below("d"), name_collect, names, &error), &error);
    ck_assert_str_eq(names, "b");
    ASSERT_STATUS(STATUS_NOT_FOUND, file_list(disk, below("x"), name_collect, names, &error),
                  &error);
    ASSERT_STATUS(STATUS_IO, file_remove(disk, below("d"), &error), &error);
    ASSERT_STATUS(STATUS_NOT_FOUND, file_remove(disk, below("d/a"), &error), &error);
    ASSERT_OK(file_remove(disk, below("d/b"), &error), &error);
    ASSERT_OK(file_remove(disk, below("d"), &error), &error);
    end();
}
END_TEST

/* Goal:   a listing stops at the visitor's failure, and the visitor may remove what it sees.
 * Method: many files; a visitor that fails, then one that removes. */
START_TEST(file_list_obeys_its_visitor)
{
    begin();
    struct file *file;
    char names[64] = "";
    ASSERT_OK(file_open(disk, &file, below("stop"), FILE_CREATE, &error), &error);
    file_close(file);
    ASSERT_STATUS(STATUS_CORRUPT, file_list(disk, directory, name_collect, names, &error), &error);
    for (int i = 0; i < 500; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        ASSERT_OK(file_open(disk, &file, below(name), FILE_CREATE, &error), &error);
        file_close(file);
    }
    ASSERT_OK(file_list(disk, directory, name_remove, NULL, &error), &error);
    names[0] = 0;
    ASSERT_OK(file_list(disk, directory, name_collect, names, &error), &error);
    ck_assert_str_eq(names, "");
    end();
}
END_TEST

/* Goal:   one holder of a lock at a time; who comes second learns the holder's pid.
 * Method: lock twice, let go, lock again. */
START_TEST(file_lock_names_its_holder)
{
    begin();
    struct file *first;
    struct file *second;
    char expected[64];
    (void)snprintf(expected, sizeof expected, "is in use by pid %ld", (long)getpid());
    for (int round = 0; round < 2; round++) {
        ASSERT_OK(file_lock(disk, &first, below("LOCK"), &error), &error);
        ASSERT_STATUS(STATUS_BUSY, file_lock(disk, &second, below("LOCK"), &error), &error);
        ck_assert_ptr_nonnull(strstr(error.text, expected));
        file_close(first);
    }
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        file_modes,
        file_reads_what_was_written,
        file_names,
        file_list_obeys_its_visitor,
        file_lock_names_its_holder,
    };
    return unit_run("file", tests, sizeof tests / sizeof *tests);
}
