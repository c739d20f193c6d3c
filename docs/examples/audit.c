/* Corrections that keep what was there: overrule a value, hide a range, and look at it all as it
 * was known before. */
#include <bede.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void check(int status, const struct bede_error *error)
{
    if (status >= 0) return;
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Prints what shows, and returns how many values that is. */
static size_t show(struct bede *bede, uint32_t tag, const char *title, int64_t as_of_ns)
{
    struct bede_error error;
    struct bede_cursor *cursor;
    struct bede_columns columns;
    struct bede_read read = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of_ns = as_of_ns};
    size_t count = 0;
    int status;
    printf("%s:", title);
    check(bede_cursor_open(&cursor, bede, tag, &read, &error), &error);
    while ((status = bede_cursor_next(cursor, &columns, &error)) == BEDE_OK) {
        const double *values = columns.values;
        for (size_t i = 0; i < columns.count; i++) printf(" %g", values[i]);
        count += columns.count;
    }
    check(status, &error);
    bede_cursor_close(cursor);
    printf("\n");
    return count;
}

int main(int argc, char **argv)
{
    enum { SAMPLES = 5 };
    struct bede_error error;
    struct bede *bede;
    struct bede_mask mask;
    uint32_t ph;
    char name[64];
    int64_t times[SAMPLES];
    double values[SAMPLES] = {7.1, 7.2, 72.0, 7.2, 7.3};
    int64_t begin_ns = now_ns() - INT64_C(3600000000000);

    check(bede_open(&bede, argc > 1 ? argv[1] : "plant", NULL, &error), &error);
    snprintf(name, sizeof name, "lab.ph.%" PRId64, begin_ns);
    check(bede_tag(bede, name, BEDE_F64, &ph, &error), &error);
    for (int i = 0; i < SAMPLES; i++) times[i] = begin_ns + i * INT64_C(60000000000);
    struct bede_columns columns = {.count = SAMPLES, .times_ns = times, .values = values};
    check(bede_append(bede, ph, &columns, NULL, &error), &error);
    int64_t before_ns = now_ns();
    while (now_ns() < before_ns + 2000000) continue; /* moments are told apart by milliseconds */

    union bede_value right = {.f64 = 7.2};
    check(bede_correct(bede, ph, times[2], &right, BEDE_GOOD, "anna", "decimal point", &error),
          &error);
    check(bede_delete(bede, &ph, 1, times[3], times[4] + 1, "anna", "probe out of the basin", &mask,
                      &error),
          &error);
    size_t shown = show(bede, ph, "now", 0);
    size_t as_before = show(bede, ph, "as known before", before_ns);
    check(bede_undelete(bede, &mask, "ben", "it was in", &error), &error);
    size_t lifted = show(bede, ph, "after the deletion was lifted", 0);
    check(bede_close(bede, &error), &error);
    return shown == 3 && as_before == SAMPLES && lifted == SAMPLES ? 0 : 1;
}
