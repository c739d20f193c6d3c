/* The store behind a collector: scans of many tags, many of them in flight, and a subscriber that
 * sees every value as it becomes durable. */
#include <bede.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TAGS = 500, SCANS = 200, IN_FLIGHT = 16 };

static void check(int status, const struct bede_error *error)
{
    if (status >= 0) return;
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

int main(int argc, char **argv)
{
    static char names[TAGS][32];
    static struct bede_tag_definition definitions[TAGS];
    static union bede_value values[TAGS];
    static uint32_t tags[TAGS];
    struct bede_error error;
    struct bede *bede;
    struct bede_subscription *subscription;
    uint64_t tickets[IN_FLIGHT] = {0};
    int64_t time_ns = INT64_C(1772323200000000000); /* 2026-03-01T00:00:00Z */

    check(bede_open(&bede, argc > 1 ? argv[1] : "plant", NULL, &error), &error);
    for (int i = 0; i < TAGS; i++) {
        snprintf(names[i], sizeof names[i], "line%d.motor%d.amps", i / 100, i % 100);
        definitions[i].name = names[i];
        definitions[i].type = BEDE_F64;
        definitions[i].unit = "A";
        definitions[i].span = 100;
    }
    if (bede_tag_find(bede, names[0], &tags[0]) == BEDE_NOT_FOUND) {
        check(bede_tags_create(bede, definitions, TAGS, tags, &error), &error);
    } else {
        for (int i = 0; i < TAGS; i++) check(bede_tag_find(bede, names[i], &tags[i]), &error);
    }
    check(bede_subscribe(&subscription, bede, "line0.motor7.*", 0, &error), &error);

    for (int scan = 0; scan < SCANS; scan++) {
        struct bede_scan columns = {0};
        uint64_t *ticket = &tickets[scan % IN_FLIGHT];
        for (int i = 0; i < TAGS; i++) values[i].f64 = 20 + (scan * 7 + i) % 100 / 10.0;
        columns.time_ns = time_ns + scan * INT64_C(1000000000);
        columns.count = TAGS;
        columns.tags = tags;
        columns.values = values;
        check(bede_wait(bede, *ticket, &error), &error); /* the scan before the last 16 */
        check(bede_append_scan(bede, &columns, ticket, &error), &error);
    }
    check(bede_sync(bede, &error), &error);

    size_t seen = 0;
    uint32_t tag;
    struct bede_columns columns;
    int status;
    while ((status = bede_subscription_next(subscription, 0, &tag, &columns, &error)) == BEDE_OK) {
        seen += columns.count;
    }
    check(status, &error);
    bede_unsubscribe(subscription);

    struct bede_sample sample;
    check(bede_value_at(bede, tags[7], time_ns + INT64_C(90500000000), &sample, &error), &error);
    printf("%d values stored, %zu seen by the subscriber, motor 7 drew %.1f A\n", TAGS * SCANS,
           seen, sample.value.f64);
    check(bede_close(bede, &error), &error);
    return seen == SCANS ? 0 : 1;
}
