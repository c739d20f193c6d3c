#include "storage/base/status.h"

#include <errno.h>

#include "tests/unit.h"

/* Goal:   a status says by its sign who acts on it, and every one has a text of its own.
 * Method: the whole table, against itself. */
START_TEST(statuses_differ)
{
    static const struct {
        enum status status;
        const char *name;
    } rows[] = {
#define STATUS_ROW(name, value, text) {name, #name},
        STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t j = 0; j < i; j++) {
            ck_assert_msg(rows[i].status != rows[j].status, "%s is %s", rows[i].name, rows[j].name);
            ck_assert_str_ne(status_text(rows[i].status), status_text(rows[j].status));
        }
    }
    ck_assert_int_eq(STATUS_OK, 0);
}
END_TEST

/* Goal:   the origin of a failure records all that a person needs, in one line.
 * Method: one row a case: what was reported while errno had this value. */
START_TEST(errors_are_filled_in)
{
    static const struct {
        const char *why;
        enum status reported;
        int os_errno;
        enum status expected;
        int expected_errno;
    } cases[] = {
        {"the system failed", STATUS_IO, EIO, STATUS_IO, EIO},
        {"the disk is full", STATUS_IO, ENOSPC, STATUS_NO_SPACE, ENOSPC},
        {"so is the quota", STATUS_IO, EDQUOT, STATUS_NO_SPACE, EDQUOT},
        {"errno is of no interest", STATUS_CORRUPT, EIO, STATUS_CORRUPT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        errno = cases[i].os_errno;
        enum status status = error_set(&error, cases[i].reported, "%s: %d", "wal/1", 7);
        ck_assert_msg(status == cases[i].expected, "%s", cases[i].why);
        ck_assert_int_eq(error.status, cases[i].expected);
        ck_assert_int_eq(error.os_errno, cases[i].expected_errno);
        ck_assert_str_eq(error.text, "wal/1: 7");
    }
}
END_TEST

/* Goal:   a message that is too long is cut, and ends.
 * Method: one of a thousand characters. */
START_TEST(long_messages_are_cut)
{
    struct error error;
    (void)error_set(&error, STATUS_BAD_INPUT, "%01000d", 0);
    ck_assert_uint_eq(strlen(error.text), sizeof error.text - 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {statuses_differ, errors_are_filled_in, long_messages_are_cut};
    return unit_run("status", tests, sizeof tests / sizeof tests[0]);
}
