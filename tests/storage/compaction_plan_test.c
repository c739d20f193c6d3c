/* Goal:   the plan merges what the table says, and following it ends: with few segments, each in its
 *         window, and no sample written again too often.
 * Method: one row a case; then random plants whose flushes are late, early, far away or from years
 *         ago, followed to the end by a model that merges lists of samples. */
#include "storage/base/random.h"
#include "storage/compaction_deal.h"
#include "storage/compaction_plan.h"
#include "tests/unit.h"

#define HOUR_NS INT64_C(3600000000000)
#define DAY_NS (24 * HOUR_NS)
#define NOW_NS (INT64_C(1773550800000000000)) /* 2026-03-15T05:00:00Z */

/* ---- The table ---- */

/* So many segments alike; times in hours from now. */
struct plan_group {
    size_t count;
    uint32_t level;
    int64_t first_hour;
    int64_t last_hour;
    uint64_t kib;
};

enum { GROUPS = 4, F = SEGMENT_FLUSHED, D = SEGMENT_DAY, M = SEGMENT_MONTH, S = SEGMENT_STRETCH };

/* Hours from now: yesterday ended at -5, the day before at -29, February at -341. */
static const struct {
    const char *why;
    struct plan_group groups[GROUPS];
    size_t count; /* expected: so many, the smallest of them so large, within such a window */
    uint64_t kib;
    uint32_t level;
} cases[] = {
    {"an empty store", {{0}}, 0, 0, 0},
    {"one flush waits for others", {{1, F, -2, -1, 500}}, 0, 0, 0},
    {"fifteen flushes wait for one more", {{15, F, -2, -1, 500}}, 0, 0, 0},
    {"sixteen flushes are dealt out", {{16, F, -2, -1, 500}}, 16, 500, F},
    {"more of them, too, at once", {{40, F, -2, -1, 500}}, 40, 500, F},
    {"but no more than one merge takes", {{99, F, -2, -1, 500}}, 96, 500, F},
    {"flushes of other sizes stand apart", {{15, F, -2, -1, 500}, {9, F, -2, -1, 9000}}, 0, 0, 0},
    {"the small ones go first", {{16, F, -2, -1, 500}, {17, F, -2, -1, 9000}}, 16, 500, F},
    {"too many of any size are dealt out whatever they are",
     {{15, F, -2, -1, 500}, {15, F, -2, -1, 9000}, {5, F, -2, -1, 90000}},
     35,
     500,
     F},
    {"a stretch is dealt out at once, alone",
     {{3, F, -2, -1, 500}, {2, S, -9000, -100, 70}},
     1,
     70,
     S},
    {"a stretch before all months stays", {{3, S, -900000, -800000, 70}}, 0, 0, 0},
    {"four such are merged", {{4, S, -900000, -800000, 70}}, 4, 70, S},
    {"a day's segments wait while it is open", {{63, D, -5, -1, 900}}, 0, 0, 0},
    {"unless they are many", {{64, D, -5, -1, 900}}, 64, 900, D},
    {"those of a day that is over move up to the month",
     {{1, F, -2, -1, 5}, {96, D, -38, -37, 900}},
     96,
     900,
     M},
    {"when there are enough of them", {{1, F, -2, -1, 5}, {95, D, -38, -37, 900}}, 0, 0, 0},
    {"of a large month they become a day",
     {{1, F, -2, -1, 5}, {9, D, -38, -37, 90000}},
     9,
     90000,
     D},
    {"a day is not over so soon after its end",
     {{1, F, -2, -1, 5}, {9, D, -14, -13, 90000}},
     0,
     0,
     0},
    {"the newest day is not over, however long ago", {{9, D, -62, -61, 90000}}, 0, 0, 0},
    {"a month that is over is merged of days and what it has",
     {{1, F, -2, -1, 5}, {2, D, -400, -399, 900}, {2, M, -500, -350, 1900}},
     4,
     900,
     M},
    {"two are enough when there are too many in all",
     {{1, F, -2, -1, 5}, {512, S, -900000, -800000, 4 << 20}, {2, M, -500, -350, 1900}},
     2,
     1900,
     M},
    {"late ones of a few bytes do not move it",
     {{1, F, -2, -1, 5}, {3, D, -400, -399, 9}, {1, M, -500, -350, 99000}},
     0,
     0,
     0},
    {"what reaches over its window is loose, whatever it says",
     {{9, D, -40, -1, 500}, {7, M, -400, -300, 500}},
     16,
     500,
     F},
    {"merges are not larger than the limit",
     {{1, F, -2, -1, 5}, {9, D, -38, -37, UINT64_C(3) << 19}},
     0,
     0,
     0},
};

enum { SEGMENTS_MAX = 4096 };

static size_t fill(struct compaction_segment *segments, const struct plan_group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        for (size_t j = 0; j < groups[i].count; j++, count++) {
            segments[count] = (struct compaction_segment){
                .index = count,
                .first_ns = NOW_NS + groups[i].first_hour * HOUR_NS,
                .last_ns = NOW_NS + groups[i].last_hour * HOUR_NS,
                .bytes = groups[i].kib << 10,
                .level = groups[i].level,
            };
        }
    }
    return count;
}

START_TEST(merges_what_the_table_says)
{
    static struct compaction_segment segments[SEGMENTS_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct compaction_view view;
        size_t count = fill(segments, cases[i].groups);
        compaction_view_init(&view, segments, count, NOW_NS, &compaction_limits_usual);
        struct compaction_plan plan = compaction_plan(&view);
        ck_assert_msg(plan.count == cases[i].count, "%s: %zu of them", cases[i].why, plan.count);
        if (plan.count == 0) continue;
        ck_assert_msg(plan.home.level == cases[i].level, "%s: level %u", cases[i].why,
                      plan.home.level);
        ck_assert_msg(segments[plan.first_index].bytes == cases[i].kib << 10, "%s: %llu bytes",
                      cases[i].why, (unsigned long long)segments[plan.first_index].bytes);
    }
}
END_TEST

static const struct {
    const char *why;
    int64_t hour;      /* of the sample, from now */
    uint64_t full_kib; /* what its month holds already */
    uint32_t level;
} windows[] = {
    {"today's samples go into today", -1, 0, D},
    {"yesterday's into a day, too", -30, 0, D},
    {"those of a month that is over into the month", -400, 0, M},
    {"unless it is large", -400, 300 << 10, D},
    {"a forecast for this month goes into a day", 200, 0, D},
    {"one for a later month into the month", 1000, 0, M},
    {"one for years ahead lies behind all months", 24 * 800, 0, S},
    {"and what is older than all plants before them", -24 * 366 * 70, 0, S},
};

START_TEST(samples_belong_where_the_table_says)
{
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct compaction_segment segments[] = {
            {.first_ns = NOW_NS - HOUR_NS, .last_ns = NOW_NS, .bytes = 5},
            {.index = 1,
             .first_ns = NOW_NS - 401 * HOUR_NS,
             .last_ns = NOW_NS - 400 * HOUR_NS,
             .bytes = windows[i].full_kib << 10,
             .level = SEGMENT_MONTH},
        };
        struct compaction_view view;
        compaction_view_init(&view, segments, 2, NOW_NS, &compaction_limits_usual);
        int64_t time_ns = NOW_NS + windows[i].hour * HOUR_NS;
        struct time_window window = compaction_window(&view, time_ns);
        ck_assert_msg(window.level == windows[i].level, "%s: level %u", windows[i].why,
                      window.level);
        ck_assert_msg(time_window_holds(&window, time_ns, time_ns), "%s", windows[i].why);
    }
}
END_TEST

/* ---- Following the plan ---- */

enum { SAMPLES_MAX = 60000 };

struct model_sample {
    int64_t time_ns;
    unsigned written; /* by merges */
};

struct model_segment {
    struct model_sample **samples; /* owned array of borrowed samples */
    size_t count;
    uint32_t level;
};

struct model {
    struct random random;
    uint64_t seed;
    int64_t now_ns;
    uint64_t sample_bytes;
    const struct compaction_limits *limits;
    struct model_sample samples[SAMPLES_MAX];
    size_t sample_count;
    struct model_segment segments[SEGMENTS_MAX];
    size_t segment_count;
    struct compaction_segment seen[SEGMENTS_MAX];
    uint64_t merge_count;
};

static void model_put(struct model *model, struct model_segment segment)
{
    ck_assert_uint_lt(model->segment_count, SEGMENTS_MAX);
    model->segments[model->segment_count++] = segment;
}

static void model_look(struct model *model, struct compaction_view *view)
{
    for (size_t i = 0; i < model->segment_count; i++) {
        const struct model_segment *segment = &model->segments[i];
        struct compaction_segment *seen = &model->seen[i];
        *seen = (struct compaction_segment){.index = i,
                                            .first_ns = INT64_MAX,
                                            .last_ns = INT64_MIN,
                                            .bytes = 2000 + segment->count * model->sample_bytes,
                                            .level = segment->level};
        for (size_t j = 0; j < segment->count; j++) {
            int64_t time_ns = segment->samples[j]->time_ns;
            if (time_ns < seen->first_ns) seen->first_ns = time_ns;
            if (time_ns > seen->last_ns) seen->last_ns = time_ns;
        }
    }
    compaction_view_init(view, model->seen, model->segment_count, model->now_ns, model->limits);
}

static int weight_order(const void *left, const void *right)
{
    const struct compaction_weight *a = left;
    const struct compaction_weight *b = right;
    return a->window.from_ns < b->window.from_ns ? -1 : a->window.from_ns > b->window.from_ns;
}

/* Into which windows a merge of these samples goes. */
static size_t model_windows(const struct compaction_view *view, const struct model_segment *all,
                            struct time_window *outputs)
{
    struct compaction_weight *weights = calloc(all->count + 1, sizeof *weights);
    ck_assert_ptr_nonnull(weights);
    for (size_t i = 0; i < all->count; i++) {
        weights[i] = (struct compaction_weight){
            .window = compaction_window(view, all->samples[i]->time_ns), .sample_count = 1};
    }
    qsort(weights, all->count, sizeof *weights, weight_order);
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (count > 0 && weights[count - 1].window.from_ns == weights[i].window.from_ns) {
            weights[count - 1].sample_count++;
        } else {
            weights[count++] = weights[i];
        }
    }
    size_t output_count = compaction_deal(outputs, view->limits->output_count_max, weights, count);
    free(weights);
    return output_count;
}

static void model_split(struct model *model, const struct model_segment *all,
                        const struct time_window *outputs, size_t output_count)
{
    size_t dealt_count = 0;
    for (size_t i = 0; i < output_count; i++) {
        struct model_segment made = {.samples = calloc(all->count + 1, sizeof *made.samples),
                                     .level = outputs[i].level};
        ck_assert_ptr_nonnull(made.samples);
        for (size_t j = 0; j < all->count; j++) {
            struct model_sample *sample = all->samples[j];
            if (!time_window_holds(&outputs[i], sample->time_ns, sample->time_ns)) continue;
            sample->written++;
            made.samples[made.count++] = sample;
        }
        dealt_count += made.count;
        ck_assert_uint_gt(made.count, 0);
        model_put(model, made);
    }
    ck_assert_msg(dealt_count == all->count, "seed %llu: samples without a window", /* K1 */
                  (unsigned long long)model->seed);
}

/* One merge of what the plan says; false: it says nothing. */
static bool model_step(struct model *model)
{
    struct compaction_view view;
    model_look(model, &view);
    struct compaction_plan plan = compaction_plan(&view);
    if (plan.count == 0) return false;
    struct model_segment all = {.samples = calloc(SAMPLES_MAX, sizeof *all.samples)};
    ck_assert_ptr_nonnull(all.samples);
    for (size_t i = 0; i < plan.count; i++) {
        struct model_segment *segment = &model->segments[model->seen[plan.first_index + i].index];
        for (size_t j = 0; j < segment->count; j++) all.samples[all.count++] = segment->samples[j];
        free(segment->samples);
        segment->samples = NULL;
    }
    static struct time_window outputs[64];
    outputs[0] = plan.home;
    size_t output_count = time_window_is_all(&plan.home) ? model_windows(&view, &all, outputs) : 1;
    size_t kept = 0;
    for (size_t i = 0; i < model->segment_count; i++) {
        if (model->segments[i].samples) model->segments[kept++] = model->segments[i];
    }
    model->segment_count = kept;
    model_split(model, &all, outputs, output_count);
    free(all.samples);
    model->merge_count++;
    return true;
}

/* What happens at a plant, and how often merges may write a sample in return. */
struct plant {
    unsigned oddness; /* samples of a thousand that are late, early, or far away */
    unsigned flush_count;
    int64_t flush_interval_ns;
    size_t flush_min; /* samples; at most so many more */
    unsigned written_max;
    size_t segment_count_max;
};

static int64_t some_time(struct model *model, unsigned oddness)
{
    struct random *random = &model->random;
    int64_t time_ns = model->now_ns - (int64_t)random_below(random, (uint64_t)HOUR_NS);
    if (random_below(random, 1000) >= oddness) return time_ns;
    switch (random_below(random, 4)) {
    case 0: return time_ns - (int64_t)random_below(random, 40 * (uint64_t)DAY_NS);
    case 1: return time_ns - (int64_t)random_below(random, 20000 * (uint64_t)DAY_NS);
    case 2: return time_ns + (int64_t)random_below(random, 700 * (uint64_t)DAY_NS);
    default: return (int64_t)random_u64(random);
    }
}

static void model_flush(struct model *model, const struct plant *plant)
{
    size_t count = plant->flush_min + random_below(&model->random, plant->flush_min);
    if (model->sample_count + count > SAMPLES_MAX) return;
    struct model_segment segment = {.samples = calloc(count, sizeof *segment.samples),
                                    .count = count};
    ck_assert_ptr_nonnull(segment.samples);
    for (size_t i = 0; i < count; i++) {
        struct model_sample *sample = &model->samples[model->sample_count++];
        *sample = (struct model_sample){.time_ns = some_time(model, plant->oddness)};
        segment.samples[i] = sample;
    }
    model_put(model, segment);
}

static void check_windows(struct model *model, size_t window_count_max)
{
    struct compaction_view view;
    model_look(model, &view);
    size_t loose_count = 0, of_window = 0;
    for (size_t i = 0; i < view.count; i++) {
        bool is_next =
            i > 0 && time_window_compare(&view.segments[i - 1].home, &view.segments[i].home) == 0;
        of_window = is_next ? of_window + 1 : 1;
        if (time_window_is_all(&view.segments[i].home)) {
            loose_count++;
            ck_assert_uint_eq(view.segments[i].level, SEGMENT_FLUSHED); /* K3 */
        } else {
            ck_assert_msg(of_window <= window_count_max, "seed %llu: %zu segments of a window",
                          (unsigned long long)model->seed, of_window);
        }
    }
    ck_assert_uint_le(loose_count, model->limits->loose_count_max);
}

/* In order nothing is written more than twice by merges; what comes from anywhere in time, as often
 * as it takes to deal it out. */
static void run(uint64_t seed, const struct plant *plant)
{
    struct model *model = calloc(1, sizeof *model);
    ck_assert_ptr_nonnull(model);
    model->seed = seed;
    random_init(&model->random, seed);
    model->now_ns = NOW_NS;
    model->sample_bytes = random_below(&model->random, 2) == 0 ? 100 : 40000;
    model->limits = &compaction_limits_usual;
    for (unsigned i = 0; i < plant->flush_count; i++) {
        model->now_ns += plant->flush_interval_ns;
        model_flush(model, plant);
        while (model_step(model)) ck_assert_uint_lt(model->merge_count, 5000);
        if (i % 50 == 0) check_windows(model, model->limits->window_count_max);
        ck_assert_msg(model->segment_count <= plant->segment_count_max,
                      "seed %llu: %zu segments after %u flushes", (unsigned long long)seed,
                      model->segment_count, i);
    }
    check_windows(model, model->limits->window_count_max);
    uint64_t written = 0;
    for (size_t i = 0; i < model->sample_count; i++) {
        written += model->samples[i].written;
        ck_assert_msg(model->samples[i].written <= 10 * plant->written_max,
                      "seed %llu: written %u times", (unsigned long long)seed,
                      model->samples[i].written);
    }
    ck_assert_msg(written <= plant->written_max * model->sample_count,
                  "seed %llu: %.2f times written by merges", (unsigned long long)seed,
                  (double)written / (double)model->sample_count);

    model->limits = &compaction_limits_all;
    while (model_step(model)) ck_assert_uint_lt(model->merge_count, 10000);
    model->limits = &compaction_limits_usual;
    struct compaction_view view;
    model_look(model, &view);
    for (size_t i = 1; i < view.count; i++) {
        ck_assert_int_ne(time_window_compare(&view.segments[i - 1].home, &view.segments[i].home),
                         0);
    }
    for (size_t i = 0; i < model->segment_count; i++) free(model->segments[i].samples);
    free(model);
}

START_TEST(following_the_plan_ends_with_few_segments)
{
    static const struct plant plants[] = {
        {0, 600, HOUR_NS, 30, 2, 120},
        {0, 4600, HOUR_NS / 6, 6, 2, 160}, /* a month of the usual flushes */
        {5, 600, HOUR_NS, 30, 3, 240},
        {500, 600, HOUR_NS, 30, 8, 1400},
    };
    uint64_t first = unit_number("BEDE_SEED", 1);
    for (uint64_t seed = first; seed < first + unit_number("BEDE_SEEDS", 2); seed++) {
        for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) run(seed, &plants[i]);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {merges_what_the_table_says, samples_belong_where_the_table_says,
                                  following_the_plan_ends_with_few_segments};
    return unit_run("compaction_plan", tests, sizeof tests / sizeof tests[0]);
}
