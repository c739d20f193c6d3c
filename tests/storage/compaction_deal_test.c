/* Goal:   loose samples are dealt out into few outputs, as evenly as windows let them.
 * Method: one row a case, with a digit a window for how much it holds; then random weights against
 *         what holds for every deal. */
#include "storage/compaction_deal.h"

#include "storage/base/random.h"
#include "tests/unit.h"

enum { WINDOWS_MAX = 500, OUTPUTS_MAX = 32 };

static void window_make(struct compaction_weight *weight, size_t index, uint64_t sample_count)
{
    *weight = (struct compaction_weight){
        .window = {(int64_t)index * 10, (int64_t)index * 10 + 10, SEGMENT_DAY},
        .sample_count = sample_count,
    };
}

/* With seven outputs at most there are three shares. */
static const struct {
    const char *why;
    const char *weights;
    const char *outputs; /* a letter a window: the same one for one output, '.' for none */
} cases[] = {
    {"one window", "5", "a"},
    {"each has its own when they are few", "1119111", "abcdefg"},
    {"those that are empty have none", "0010020300", "..a..b.c.."},
    {"more than there are outputs: those with little share theirs", "1111911111", "aaaabccccc"},
    {"a window alone between large ones is one", "91911111", "abcddddd"},
    {"all alike", "111111111111", "aaaaabbbbbcc"},
    {"what is empty at the ends of a stretch is cut off", "0101010910101010", ".aaaaa.bccccccc."},
};

START_TEST(deals_as_the_table_says)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct compaction_weight weights[WINDOWS_MAX];
        struct time_window outputs[COMPACTION_OUTPUTS_MIN];
        char dealt[WINDOWS_MAX] = {0};
        size_t count = strlen(cases[i].weights);
        for (size_t j = 0; j < count; j++) {
            window_make(&weights[j], j, (uint64_t)(cases[i].weights[j] - '0'));
            dealt[j] = '.';
        }
        size_t output_count = compaction_deal(outputs, COMPACTION_OUTPUTS_MIN, weights, count);
        for (size_t j = 0; j < output_count; j++) {
            size_t first = (size_t)outputs[j].from_ns / 10, end = (size_t)outputs[j].to_ns / 10;
            bool is_window = outputs[j].level == SEGMENT_DAY;
            ck_assert_msg(is_window == (end == first + 1), "%s: level", cases[i].why);
            for (size_t k = first; k < end; k++) dealt[k] = (char)('a' + j);
        }
        ck_assert_msg(strcmp(dealt, cases[i].outputs) == 0, "%s: %s", cases[i].why, dealt);
    }
}
END_TEST

static size_t held_count(const struct compaction_weight *weights, size_t count,
                         const struct time_window *output)
{
    size_t held = 0;
    for (size_t i = 0; i < count; i++) {
        held += weights[i].sample_count > 0 &&
                time_window_holds(output, weights[i].window.from_ns, weights[i].window.to_ns - 1);
    }
    return held;
}

START_TEST(every_deal_keeps_what_holds)
{
    static struct compaction_weight weights[WINDOWS_MAX];
    struct time_window outputs[OUTPUTS_MAX];
    struct time_window all = time_window_all(SEGMENT_FLUSHED);
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 20000); seed++) {
        struct random random;
        random_init(&random, seed);
        size_t count = 1 + random_below(&random, WINDOWS_MAX);
        size_t most = COMPACTION_OUTPUTS_MIN +
                      random_below(&random, OUTPUTS_MAX + 1 - COMPACTION_OUTPUTS_MIN);
        uint64_t greatest = UINT64_C(1) << random_below(&random, 40);
        for (size_t i = 0; i < count; i++) {
            bool is_empty = random_below(&random, 3) == 0;
            window_make(&weights[i], i, is_empty ? 0 : random_below(&random, greatest));
        }
        size_t total = held_count(weights, count, &all), held = 0;
        size_t output_count = compaction_deal(outputs, most, weights, count);
        ck_assert_uint_le(output_count, most); /* D2 */
        for (size_t i = 0; i < output_count; i++) {
            if (i > 0) ck_assert_int_ge(outputs[i].from_ns, outputs[i - 1].to_ns); /* D1 */
            size_t of_output = held_count(weights, count, &outputs[i]);
            bool is_stretch = outputs[i].level == SEGMENT_STRETCH;
            ck_assert_msg(is_stretch ? of_output < total : of_output == 1, "seed %llu: D3",
                          (unsigned long long)seed);
            held += of_output;
        }
        ck_assert_uint_eq(held, total); /* D1 */
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {deals_as_the_table_says, every_deal_keeps_what_holds};
    return unit_run("compaction_deal", tests, sizeof tests / sizeof tests[0]);
}
