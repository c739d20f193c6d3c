/* Goal:   a sample has revision 0 only where no other can be; late ones share a stamp while they
 *         rise; frontiers outlive a restart, and never come back lower.
 * Method: rows of times against a frontier; a random history against the rules; the file written,
 *         read, and damaged byte by byte. */
#include "storage/base/file_memory.h"
#include "storage/base/random.h"
#include "storage/frontier.h"
#include "tests/unit.h"

#define S INT64_C(1000000000)
#define NOW (1000 * S)

static const struct {
    const char *why;
    int64_t frontier_ns;
    int64_t times_ns[4];
    size_t count;
    size_t late_count, ordered_count;
} cuts[] = {
    {"the first samples of a tag are in order", INT64_MIN, {1 * S, 2 * S}, 2, 0, 2},
    {"beyond the frontier is in order", 5 * S, {6 * S, 7 * S}, 2, 0, 2},
    {"at the frontier is late: something may be there", 5 * S, {5 * S, 6 * S}, 2, 1, 1},
    {"all before the frontier is late", 50 * S, {1 * S, 2 * S, 3 * S}, 3, 3, 0},
    {"ten minutes ahead is not yet future", 5 * S, {NOW + 600 * S}, 1, 0, 1},
    {"more than ten minutes ahead is future", 5 * S, {NOW + 600 * S + 1}, 1, 0, 0},
    {"late, in order and future in one batch",
     5 * S,
     {4 * S, 6 * S, 7 * S, NOW + 700 * S},
     4,
     1,
     2},
};

START_TEST(cuts_where_the_table_says)
{
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct frontier_tag tag = {.frontier_ns = cuts[i].frontier_ns,
                                   .future_first_ns = INT64_MAX};
        struct frontier_cut cut = frontier_cut(&tag, cuts[i].times_ns, cuts[i].count, NOW);
        ck_assert_msg(cut.late_count == cuts[i].late_count &&
                          cut.ordered_count == cuts[i].ordered_count,
                      "%s: %zu late, %zu in order", cuts[i].why, cut.late_count, cut.ordered_count);
        bool any_stamped = cut.ordered_count < cuts[i].count;
        ck_assert_msg(cut.late_needs_stamp == any_stamped, "%s: stamp", cuts[i].why);
    }
}
END_TEST

static bool write_late(struct frontier_tag *tag, int64_t time_ns, uint64_t stamp)
{
    struct frontier_cut cut = frontier_cut(tag, &time_ns, 1, NOW);
    ck_assert_uint_eq(cut.late_count, 1);
    frontier_advance(tag, &cut, &time_ns, 1, cut.late_needs_stamp ? stamp : tag->late_clock);
    return cut.late_needs_stamp;
}

START_TEST(shares_a_stamp_while_late_samples_rise)
{
    struct frontier_tag tag = {.frontier_ns = 100 * S, .future_first_ns = INT64_MAX};
    ck_assert(write_late(&tag, 10 * S, 1));
    ck_assert(!write_late(&tag, 11 * S, 2));
    ck_assert(!write_late(&tag, 50 * S, 3));
    ck_assert(write_late(&tag, 50 * S, 4)); /* the same time again: the later one must win */
    ck_assert(!write_late(&tag, 51 * S, 5));
    frontier_raise(&tag, 60 * S); /* a mask, or a foreign sample */
    ck_assert(write_late(&tag, 61 * S, 6));
    ck_assert(write_late(&tag, 12 * S, 7));
    ck_assert_int_eq(tag.frontier_ns, 100 * S);
}
END_TEST

START_TEST(future_samples_move_the_frontier_when_they_come_due)
{
    struct frontier_tag tag = {.frontier_ns = 100 * S, .future_first_ns = INT64_MAX};
    int64_t future = NOW + 700 * S, ordinary = NOW;
    struct frontier_cut cut = frontier_cut(&tag, &future, 1, NOW);
    frontier_advance(&tag, &cut, &future, 1, 9);
    ck_assert_int_eq(tag.frontier_ns, 100 * S);
    cut = frontier_cut(&tag, &ordinary, 1, NOW);
    ck_assert_uint_eq(cut.ordered_count, 1);
    frontier_advance(&tag, &cut, &ordinary, 1, 0);
    cut = frontier_cut(&tag, &future, 1, NOW + 701 * S); /* written again, now that it is due */
    ck_assert_uint_eq(cut.late_count, 1);
    ck_assert(cut.late_needs_stamp);
    ck_assert_int_eq(tag.frontier_ns, future);
}
END_TEST

/* Against the rule itself: a sample in order lies above everything that was ever written. */
START_TEST(gives_revision_0_only_above_all_that_was)
{
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct random random;
        random_init(&random, seed);
        struct frontier_tag tag = {.frontier_ns = INT64_MIN, .future_first_ns = INT64_MAX};
        int64_t now = NOW, written[200];
        size_t written_count = 0;
        for (int i = 0; i < 60; i++) {
            now += (int64_t)random_below(&random, 100) * S;
            int64_t times[3];
            size_t count = 1 + random_below(&random, 3);
            times[0] = now - 300 * S + (int64_t)random_below(&random, 1200) * S;
            for (size_t j = 1; j < count; j++) {
                times[j] = times[j - 1] + (int64_t)(1 + random_below(&random, 500)) * S;
            }
            struct frontier_cut cut = frontier_cut(&tag, times, count, now);
            for (size_t j = 0; j < cut.ordered_count; j++) {
                for (size_t k = 0; k < written_count; k++) {
                    ck_assert_msg(written[k] != times[cut.late_count + j],
                                  "seed %llu: two samples with revision 0 in one cell",
                                  (unsigned long long)seed);
                }
            }
            frontier_advance(&tag, &cut, times, count, (uint64_t)i + 1);
            for (size_t j = 0; j < count; j++) written[written_count++] = times[j];
        }
    }
}
END_TEST

static struct frontier_table *table_of(const int64_t *frontiers, uint32_t count)
{
    struct frontier_table *table = frontier_table_create();
    for (uint32_t i = 0; i < count; i++) frontier_raise(frontier_table_tag(table, i), frontiers[i]);
    return table;
}

START_TEST(a_file_gives_back_every_frontier_or_says_that_it_is_damaged)
{
    struct error error;
    struct file_memory *memory;
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    struct file_system *disk = file_memory_system(memory);
    const int64_t frontiers[] = {5, INT64_MIN, -7, INT64_MAX - 1};
    struct frontier_table *table = table_of(frontiers, 4);
    frontier_table_tag(table, 2)->future_first_ns = 90; /* waits; a restart takes it as come */
    frontier_table_tag(table, 2)->future_last_ns = 95;
    ASSERT_OK(frontier_table_write(table, disk, "frontier", &error), &error);
    frontier_table_destroy(table);

    table = frontier_table_create();
    ASSERT_OK(frontier_table_read(table, disk, "frontier", &error), &error);
    const int64_t expected[] = {5, INT64_MIN, 95, INT64_MAX - 1};
    ck_assert_uint_eq(frontier_table_count(table), 4);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_int_eq(frontier_table_tag(table, i)->frontier_ns, expected[i]);
    }
    frontier_table_destroy(table);

    const uint8_t *bytes;
    size_t size;
    ASSERT_OK(file_memory_bytes(memory, "frontier", &bytes, &size), &error);
    for (size_t i = 0; i < size; i++) {
        ASSERT_OK(file_memory_bytes(memory, "frontier", &bytes, &size), &error);
        uint8_t flipped = bytes[i] ^ 0x20, original = bytes[i];
        ASSERT_OK(file_memory_damage(memory, "frontier", &flipped, 1, i), &error);
        table = frontier_table_create();
        ck_assert_int_lt(frontier_table_read(table, disk, "frontier", &error), 0);
        ck_assert_uint_eq(frontier_table_count(table), 0);
        frontier_table_destroy(table);
        ASSERT_OK(file_memory_damage(memory, "frontier", &original, 1, i), &error);
    }
    file_memory_destroy(memory);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        cuts_where_the_table_says,
        shares_a_stamp_while_late_samples_rise,
        future_samples_move_the_frontier_when_they_come_due,
        gives_revision_0_only_above_all_that_was,
        a_file_gives_back_every_frontier_or_says_that_it_is_damaged,
    };
    return unit_run("frontier", tests, sizeof tests / sizeof tests[0]);
}
