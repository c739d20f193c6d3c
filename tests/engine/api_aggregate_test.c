/* Goal:   aggregates of many tags say what their samples say, wherever these lie; and a question
 *         that makes no sense is refused with its reason.
 * Method: tags of known values through the shared library, in memory, in segments, and on more than
 *         one thread; a row a question that is refused. */
#include <math.h>
#include <stdbool.h>

#include "tests/engine/api.h"

enum { TAGS = 100, SAMPLES = 5000, BUCKETS = 50 };
#define BEGIN_NS EPOCH_NS
#define END_NS (BEGIN_NS + SAMPLES * SECOND_NS)

/* Tag t at second i: t + i % 100, every tenth of which is bad. */
static double value_of(size_t tag, size_t second)
{
    return (double)(tag + second % 100);
}

static void fill(struct plant *at, uint32_t tags[TAGS])
{
    struct plant plant = *at;
    static int64_t times_ns[SAMPLES];
    static double values[SAMPLES];
    static uint32_t qualities[SAMPLES];
    for (size_t t = 0; t < TAGS; t++) {
        char name[16];
        (void)snprintf(name, sizeof name, "tag%zu", t);
        tags[t] = plant_tag(at, name, BEDE_F64);
        for (size_t i = 0; i < SAMPLES; i++) {
            times_ns[i] = BEGIN_NS + (int64_t)i * SECOND_NS;
            values[i] = value_of(t, i);
            qualities[i] = i % 10 == 9 ? BEDE_BAD : BEDE_GOOD;
        }
        struct bede_columns columns = {
            .count = SAMPLES, .times_ns = times_ns, .values = values, .qualities = qualities};
        EXPECT(BEDE_OK, bede_append(plant.bede, tags[t], &columns, NULL, &plant.error));
    }
}

static void check_bucket(size_t tag, size_t index, const struct bede_bucket *bucket, bool good_only)
{
    enum { WIDTH = SAMPLES / BUCKETS };
    size_t first = index * WIDTH;
    uint64_t count = 0, good = 0;
    double sum = 0, minimum = INFINITY, maximum = -INFINITY;
    for (size_t i = first; i < first + WIDTH; i++) {
        bool is_good = i % 10 != 9;
        good += is_good;
        if (good_only && !is_good) continue;
        double value = value_of(tag, i);
        count++;
        sum += value;
        minimum = fmin(minimum, value);
        maximum = fmax(maximum, value);
    }
    ck_assert_int_eq(bucket->from_ns, BEGIN_NS + (int64_t)first * SECOND_NS);
    ck_assert_uint_eq(bucket->count, count);
    ck_assert_uint_eq(bucket->good_count, good);
    ck_assert_uint_eq(bucket->number_count, count);
    ck_assert_double_eq(bucket->sum, sum);
    ck_assert_double_eq(bucket->minimum, minimum);
    ck_assert_double_eq(bucket->maximum, maximum);
    ck_assert_double_eq(bucket->first, value_of(tag, first));
    ck_assert_int_eq(bucket->first_ns, BEGIN_NS + (int64_t)first * SECOND_NS);
}

static void check_all(const struct plant *at, const uint32_t tags[TAGS])
{
    struct plant plant = *at;
    static struct bede_bucket buckets[TAGS * BUCKETS];
    for (unsigned flags = 0; flags <= BEDE_AGGREGATE_GOOD; flags++) {
        struct bede_aggregate question = {
            .from_ns = BEGIN_NS, .to_ns = END_NS, .bucket_count = BUCKETS, .flags = flags};
        EXPECT(BEDE_OK, bede_aggregate(plant.bede, tags, TAGS, &question, buckets, &plant.error));
        for (size_t i = 0; i < TAGS * BUCKETS; i++) {
            check_bucket(i / BUCKETS, i % BUCKETS, &buckets[i], flags != 0);
        }
    }
    /* Each bucket's line ends where the next one's begins, and bad values break it. */
    struct bede_aggregate question = {.from_ns = BEGIN_NS,
                                      .to_ns = END_NS,
                                      .bucket_count = BUCKETS,
                                      .flags = BEDE_AGGREGATE_INTEGRAL};
    EXPECT(BEDE_OK, bede_aggregate(plant.bede, tags, 1, &question, buckets, &plant.error));
    int64_t covered_ns = 0;
    for (size_t i = 0; i < BUCKETS; i++) covered_ns += buckets[i].covered_ns;
    ck_assert_int_eq(covered_ns, INT64_C(8) * SAMPLES / 10 * SECOND_NS);
    question.flags = BEDE_AGGREGATE_RANGE;
    question.low = 5;
    question.high = 7;
    EXPECT(BEDE_OK, bede_aggregate(plant.bede, tags, 1, &question, buckets, &plant.error));
    for (size_t i = 0; i < BUCKETS; i++) ck_assert_uint_eq(buckets[i].count, 3);
}

START_TEST(many_tags_are_asked_at_once)
{
    struct plant plant = plant_open(NULL);
    uint32_t tags[TAGS];
    fill(&plant, tags);
    check_all(&plant, tags);
    EXPECT(BEDE_OK, bede_flush(plant.bede, &plant.error));
    check_all(&plant, tags);
    EXPECT(BEDE_OK,
           bede_correct(plant.bede, tags[3], BEGIN_NS, &(union bede_value){.f64 = value_of(3, 0)},
                        BEDE_GOOD, "anna", "the same", &plant.error));
    check_all(&plant, tags);
    uint32_t unknown[2] = {tags[0], 100000};
    struct bede_bucket buckets[2];
    struct bede_aggregate question = {.from_ns = BEGIN_NS, .to_ns = END_NS, .bucket_count = 1};
    EXPECT(BEDE_BAD_INPUT,
           bede_aggregate(plant.bede, unknown, 2, &question, buckets, &plant.error));
    ck_assert_ptr_nonnull(strstr(plant.error.text, "100000"));
    plant_close(&plant);
}
END_TEST

START_TEST(a_question_without_sense_is_refused)
{
    const struct {
        const char *why; /* is in the error */
        struct bede_aggregate question;
    } rows[] = {
        {"before it begins", {.from_ns = 5, .to_ns = 5, .bucket_count = 1}},
        {"0 buckets", {.from_ns = 5, .to_ns = 6}},
        {"buckets in 1 ns", {.from_ns = 5, .to_ns = 6, .bucket_count = 2}},
        {"flags 100", {.from_ns = 5, .to_ns = 6, .bucket_count = 1, .flags = 0x100}},
        {"integral over a range",
         {.from_ns = 5,
          .to_ns = 6,
          .bucket_count = 1,
          .flags = BEDE_AGGREGATE_RANGE | BEDE_AGGREGATE_INTEGRAL}},
        {"1 to 16777216", {.from_ns = 0, .to_ns = INT64_MAX, .bucket_count = SIZE_MAX / 2}},
    };
    struct plant plant = plant_open(NULL);
    uint32_t tag = plant_tag(&plant, "tag", BEDE_F64);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bede_bucket bucket;
        EXPECT(BEDE_BAD_INPUT,
               bede_aggregate(plant.bede, &tag, 1, &rows[i].question, &bucket, &plant.error));
        ck_assert_msg(strstr(plant.error.text, rows[i].why), "%s: %s", rows[i].why,
                      plant.error.text);
    }
    plant_close(&plant);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        many_tags_are_asked_at_once,
        a_question_without_sense_is_refused,
    };
    return unit_run("api_aggregate", tests, sizeof tests / sizeof tests[0]);
}
