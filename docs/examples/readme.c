/* Records a value, then reads back everything that was ever recorded under its name. */
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

int main(int argc, char **argv)
{
    struct bede_error error;
    struct bede *bede;
    struct bede_cursor *cursor;
    struct bede_columns columns;
    uint32_t pressure;
    int64_t now_ns = (int64_t)time(NULL) * 1000000000;
    int status;

    check(bede_open(&bede, argc > 1 ? argv[1] : "plant", NULL, &error), &error);
    check(bede_tag(bede, "boiler1.pressure", BEDE_F64, &pressure, &error), &error);
    check(bede_append_f64(bede, pressure, now_ns, 4.2, BEDE_GOOD, &error), &error);

    check(bede_cursor_open(&cursor, bede, pressure, NULL, &error), &error);
    while ((status = bede_cursor_next(cursor, &columns, &error)) == BEDE_OK) {
        const double *values = columns.values;
        for (size_t i = 0; i < columns.count; i++) {
            printf("%" PRId64 " %g bar\n", columns.times_ns[i], values[i]);
        }
    }
    check(status, &error);
    bede_cursor_close(cursor);
    check(bede_close(bede, &error), &error);
    return 0;
}
