/* Goal:   every sample falls into the one bucket that it belongs to, and a block stands for its
 *         samples only where it may.
 * Method: borders of buckets of odd widths against one another and against single samples; a row a
 *         case of what a block may answer. That the sums are right is shown against a twin in
 *         store_model_test.c. */
#include "storage/aggregation.h"

#include "storage/base/bytes.h"
#include "storage/base/random.h"
#include "tests/unit.h"

enum { BUCKETS_MAX = 1200 };
static struct bucket buckets[BUCKETS_MAX];

static void check_time(const struct aggregation_rules *rules, int64_t time_ns)
{
    struct aggregation aggregation;
    uint64_t value = 0;
    struct batch batch = {
        .sample_count = 1, .times_ns = &time_ns, .values = &value, .type = VALUE_I64};
    aggregation_init(&aggregation, rules, buckets);
    aggregation_add(&aggregation, &batch);
    size_t found = 0, index = 0;
    for (size_t i = 0; i < rules->bucket_count; i++) {
        found += buckets[i].count;
        if (buckets[i].count > 0) index = i;
    }
    bool is_inside = time_ns >= rules->from_ns && time_ns < rules->to_ns;
    ck_assert_uint_eq(found, is_inside);
    if (!is_inside) return;
    ck_assert_int_le(aggregation_boundary(rules, index), time_ns);
    ck_assert_int_gt(aggregation_boundary(rules, index + 1), time_ns);
}

START_TEST(a_sample_falls_into_one_bucket)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 300); seed++) {
        struct random random;
        random_init(&random, seed);
        struct aggregation_rules rules = {
            .from_ns = (int64_t)random_u64(&random) >> random_below(&random, 60),
            .bucket_count = 1 + random_below(&random, BUCKETS_MAX),
        };
        if (rules.from_ns > INT64_MAX - BUCKETS_MAX) continue;
        uint64_t room = (uint64_t)INT64_MAX - (uint64_t)rules.from_ns;
        uint64_t width = rules.bucket_count + random_below(&random, room - rules.bucket_count);
        rules.to_ns = (int64_t)((uint64_t)rules.from_ns + width);
        ck_assert_int_eq(aggregation_boundary(&rules, 0), rules.from_ns);
        ck_assert_int_eq(aggregation_boundary(&rules, rules.bucket_count), rules.to_ns);
        for (size_t i = 0; i < rules.bucket_count; i++) {
            ck_assert_int_lt(aggregation_boundary(&rules, i), aggregation_boundary(&rules, i + 1));
        }
        for (int i = 0; i < 20; i++) {
            size_t bucket = random_below(&random, rules.bucket_count + 1);
            int64_t border_ns = aggregation_boundary(&rules, bucket);
            check_time(&rules, border_ns);
            if (border_ns > INT64_MIN) check_time(&rules, border_ns - 1);
        }
    }
}
END_TEST

START_TEST(a_block_answers_only_for_all_of_its_samples)
{
    /* Two buckets of 50, and a block of ten samples from 10 to 40 with values from 2 to 6. */
    const struct aggregation_rules plain = {.from_ns = 0, .to_ns = 100, .bucket_count = 2};
    struct block_descriptor block = {.first_time_ns = 10,
                                     .last_time_ns = 40,
                                     .type = VALUE_F64,
                                     .flags = BLOCK_STATISTICS,
                                     .sample_count = 10,
                                     .good_count = 10,
                                     .minimum = bits_of_double(2),
                                     .maximum = bits_of_double(6),
                                     .longest_gap_ns = 5};
    struct row {
        const char *why;
        struct aggregation_rules rules;
        struct block_descriptor block;
        bool expected;
    } rows[] = {
        {"within a bucket", plain, block, true},
        {"over a border", plain, block, false},
        {"from before the range", plain, block, false},
        {"up to its end", plain, block, false},
        {"without statistics", plain, block, false},
        {"not all good, but all are asked for", plain, block, true},
        {"not all good, and good ones are asked for", plain, block, false},
        {"all values in the range", plain, block, true},
        {"no value in the range", plain, block, true},
        {"some values in the range", plain, block, false},
        {"an integral that slopes", plain, block, true},
        {"an integral of another form", plain, block, false},
        {"an integral with a gap too long", plain, block, false},
        {"an integral with a gap just short enough", plain, block, true},
    };
    rows[1].block.last_time_ns = 50;
    rows[2].rules.from_ns = 11;
    rows[3].rules.to_ns = 40;
    rows[4].block.flags = 0;
    rows[5].block.good_count = 9;
    rows[6].block.good_count = 9;
    rows[6].rules.good_only = true;
    for (size_t i = 7; i <= 9; i++) rows[i].rules.has_range = true;
    rows[7].rules.low = 2;
    rows[7].rules.high = 6;
    rows[8].rules.low = 7;
    rows[8].rules.high = 9;
    rows[9].rules.low = 5;
    rows[9].rules.high = 9;
    for (size_t i = 10; i <= 13; i++) rows[i].rules.has_integral = true;
    rows[11].rules.is_stepped = true;
    rows[12].rules.max_gap_ns = 4;
    rows[13].rules.max_gap_ns = 5;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct aggregation aggregation;
        aggregation_init(&aggregation, &rows[i].rules, buckets);
        ck_assert_msg(aggregation_takes_block(&aggregation, &rows[i].block) == rows[i].expected,
                      "%s", rows[i].why);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_sample_falls_into_one_bucket,
        a_block_answers_only_for_all_of_its_samples,
    };
    return unit_run("aggregation", tests, sizeof tests / sizeof tests[0]);
}
