#include "engine/shell/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bede.h"
#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/random.h"

#define MILLISECOND_NS INT64_C(1000000)
#define SECOND_NS INT64_C(1000000000)
#define EPOCH_NS (INT64_C(1767225600) * SECOND_NS) /* 2026-01-01T00:00:00Z */
#define SENSOR_FAILURE (BEDE_BAD | 0x008c0000u)

enum signal_kind { SIGNAL_ANALOG, SIGNAL_COMPUTED, SIGNAL_COUNTER, SIGNAL_STATE, SIGNAL_SETPOINT };

/* What every kind of tag is called and of which type it is. */
static const struct {
    const char *name;
    int type;
    int step;
} signal_kinds[] = {
    [SIGNAL_ANALOG] = {"pv", BEDE_F64, 0},       [SIGNAL_COMPUTED] = {"power", BEDE_F64, 0},
    [SIGNAL_COUNTER] = {"total", BEDE_I64, 1},   [SIGNAL_STATE] = {"mode", BEDE_STATE, 1},
    [SIGNAL_SETPOINT] = {"target", BEDE_F64, 1},
};

/* The kinds of twenty tags, over and over; and how the pieces come. */
struct workload_form {
    const char *name;
    const char *area;
    size_t tag_count;
    size_t row_count; /* values of each tag */
    size_t piece_rows;
    int64_t interval_ns;
    uint8_t kinds[20]; /* enum signal_kind */
    bool is_single;    /* the one tag of `single` instead of kinds */
    bool is_scans;
    bool has_jitter;
};

#define A SIGNAL_ANALOG
#define D SIGNAL_COMPUTED
#define C SIGNAL_COUNTER
#define S SIGNAL_STATE
#define P SIGNAL_SETPOINT
static const struct workload_form forms[] = {
    {.name = "plant",
     .area = "unit",
     .tag_count = 1000,
     .row_count = 10800,
     .piece_rows = 900,
     .interval_ns = SECOND_NS,
     .kinds = {A, A, A, A, A, A, A, A, D, D, D, D, C, C, C, S, S, S, P, P},
     .has_jitter = true},
    {.name = "single",
     .area = "rig",
     .tag_count = 1,
     .row_count = 50000000,
     .piece_rows = 1000,
     .interval_ns = 10 * MILLISECOND_NS,
     .is_single = true},
    {.name = "slow",
     .area = "site",
     .tag_count = 1000000,
     .row_count = 30,
     .piece_rows = 1,
     .interval_ns = 60 * SECOND_NS,
     .kinds = {A, A, A, A, A, A, A, A, A, A, A, A, C, C, C, S, S, S, P, P},
     .is_scans = true},
};
#undef A
#undef D
#undef C
#undef S
#undef P

/* One tag on its way through time. */
struct signal {
    struct random random;
    double middle;
    double walk;   /* around 0; of analog and setpoint in steps of the last decimal */
    int64_t whole; /* a counter's or state's value */
    uint64_t held; /* bits of the last value, kept while it is bad */
    uint16_t bad_left;
    uint8_t kind;
    uint8_t decimals;
};

struct workload {
    struct workload_form form; /* with counts as scaled */
    struct random random;      /* of the scans' times */
    struct signal *signals;    /* owned */
    int64_t *times_ns;         /* owned; of one piece, as the two below */
    uint64_t *values;
    uint32_t *qualities;
    size_t next_row;
    size_t next_tag;
};

static const double powers_of_ten[] = {1, 10, 100, 1000};

/* About normal, of deviation 1. */
static double noise(struct random *random)
{
    double sum = 0;
    for (int i = 0; i < 4; i++) sum += random_double(random) - 0.5;
    return sum * 1.7320508;
}

static void signal_init(struct signal *signal, const struct workload_form *form, size_t index,
                        uint64_t seed)
{
    random_init(&signal->random, seed * 1000003 + index);
    signal->kind = form->kinds[index % 20];
    signal->decimals = (uint8_t)(1 + index / 20 % 3);
    signal->middle = 5 + 95 * random_double(&signal->random);
    if (form->is_single) {
        signal->kind = SIGNAL_ANALOG;
        signal->decimals = 3;
        signal->middle = 50;
    }
    if (signal->kind == SIGNAL_COUNTER) {
        signal->whole = (int64_t)random_below(&signal->random, 1000000);
    }
}

static uint64_t analog_next(struct signal *signal)
{
    double unit = powers_of_ten[signal->decimals];
    signal->walk += 0.3 * noise(&signal->random) - 0.0005 * signal->walk;
    double steps = signal->middle * unit + signal->walk + 2 * noise(&signal->random);
    return bits_of_double(round(steps) / unit);
}

static uint64_t computed_next(struct signal *signal)
{
    signal->walk += 0.002 * noise(&signal->random) - 0.01 * signal->walk;
    return bits_of_double(signal->middle * (1 + signal->walk + 0.001 * noise(&signal->random)));
}

static uint64_t counter_next(struct signal *signal)
{
    signal->whole += (int64_t)signal->middle + (int64_t)random_below(&signal->random, 4);
    return (uint64_t)signal->whole;
}

static uint64_t state_next(struct signal *signal)
{
    if (random_chance(&signal->random, 1, 300)) {
        signal->whole = (int64_t)random_below(&signal->random, 5);
    }
    return (uint64_t)signal->whole;
}

static uint64_t setpoint_next(struct signal *signal)
{
    if (random_chance(&signal->random, 1, 1800)) signal->walk = round(10 * noise(&signal->random));
    return bits_of_double((round(signal->middle * 10) + signal->walk) / 10);
}

/* The single tag: the walk is kept in steps, and turned back at the ends of the span. */
static uint64_t single_next(struct signal *signal)
{
    enum { LOWEST = 40, HIGHEST = 99960, NOISE = 30 };
    signal->walk += random_double(&signal->random) - 0.5;
    double steps = 50000 + signal->walk;
    if (steps < LOWEST || steps > HIGHEST) signal->walk = -signal->walk;
    steps =
        round(50000 + signal->walk) - NOISE + (double)random_below(&signal->random, 2 * NOISE + 1);
    return bits_of_double(steps / 1000);
}

static uint64_t (*const signal_next[])(struct signal *signal) = {
    [SIGNAL_ANALOG] = analog_next,     [SIGNAL_COMPUTED] = computed_next,
    [SIGNAL_COUNTER] = counter_next,   [SIGNAL_STATE] = state_next,
    [SIGNAL_SETPOINT] = setpoint_next,
};

/* The next value, and whether it is good. */
static uint64_t value_next(struct signal *signal, uint32_t *out_quality)
{
    if (signal->bad_left == 0 && random_chance(&signal->random, 1, 20000)) {
        signal->bad_left = (uint16_t)(10 + random_below(&signal->random, 21));
    }
    *out_quality = signal->bad_left > 0 ? SENSOR_FAILURE : BEDE_GOOD;
    if (signal->bad_left > 0) {
        signal->bad_left--;
        return signal->held;
    }
    signal->held = signal_next[signal->kind](signal);
    return signal->held;
}

static void scale_form(struct workload_form *form, double scale)
{
    size_t *shrinks = form->is_scans ? &form->tag_count : &form->row_count;
    size_t least = form->is_scans ? 1000 : 24;
    size_t scaled = (size_t)((double)*shrinks * scale);
    *shrinks = scaled > least ? scaled : least;
    if (form->row_count < form->piece_rows * 12) form->piece_rows = (form->row_count + 11) / 12;
}

struct workload *workload_create(const char *name, uint64_t seed, double scale)
{
    const struct workload_form *form = NULL;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].name, name) == 0) form = &forms[i];
    }
    if (!form) return NULL;
    struct workload *workload = calloc(1, sizeof *workload);
    if (!workload) return NULL;
    workload->form = *form;
    scale_form(&workload->form, scale);
    random_init(&workload->random, seed);

    size_t values = form->is_scans ? workload->form.tag_count : workload->form.piece_rows;
    workload->signals = calloc(workload->form.tag_count, sizeof *workload->signals);
    workload->times_ns = calloc(values, sizeof *workload->times_ns);
    workload->values = calloc(values, sizeof *workload->values);
    workload->qualities = calloc(values, sizeof *workload->qualities);
    if (!workload->signals || !workload->times_ns || !workload->values || !workload->qualities) {
        goto fail;
    }
    for (size_t i = 0; i < workload->form.tag_count; i++) {
        signal_init(&workload->signals[i], &workload->form, i, seed);
    }
    return workload;

fail:
    workload_destroy(workload);
    return NULL;
}

void workload_destroy(struct workload *workload)
{
    if (!workload) return;
    free(workload->signals);
    free(workload->times_ns);
    free(workload->values);
    free(workload->qualities);
    free(workload);
}

size_t workload_tag_count(const struct workload *workload)
{
    return workload->form.tag_count;
}

void workload_tag(const struct workload *workload, size_t index, struct workload_tag *out_tag)
{
    unsigned kind = workload->signals[index].kind;
    *out_tag =
        (struct workload_tag){.type = signal_kinds[kind].type, .step = signal_kinds[kind].step};
    (void)snprintf(out_tag->name, sizeof out_tag->name, "%s%zu.%s%zu", workload->form.area,
                   index / 20, signal_kinds[kind].name, index % 20);
}

/* 1 to 50 ms late, one time in ten. */
static int64_t jitter_ns(struct random *random)
{
    if (!random_chance(random, 1, 10)) return 0;
    return (int64_t)(1 + random_below(random, 50)) * MILLISECOND_NS;
}

static void next_scan(struct workload *workload)
{
    int64_t time_ns = EPOCH_NS + (int64_t)workload->next_row * workload->form.interval_ns;
    workload->times_ns[0] = time_ns + jitter_ns(&workload->random);
    for (size_t i = 0; i < workload->form.tag_count; i++) {
        struct signal *signal = &workload->signals[i];
        workload->values[i] = signal_next[signal->kind](signal);
    }
    workload->next_row++;
}

/* Every tag has a phase of its own within the interval. Whether one of the values is bad. */
static bool next_run(struct workload *workload, size_t tag, size_t count)
{
    const struct workload_form *form = &workload->form;
    struct signal *signal = &workload->signals[tag];
    int64_t phase_ns = (int64_t)(tag * 7 % 900) * MILLISECOND_NS % form->interval_ns;
    bool any_bad = false;
    for (size_t i = 0; i < count; i++) {
        int64_t row = (int64_t)(workload->next_row + i);
        int64_t late_ns = form->has_jitter ? jitter_ns(&signal->random) : 0;
        workload->times_ns[i] = EPOCH_NS + row * form->interval_ns + phase_ns + late_ns;
        workload->qualities[i] = BEDE_GOOD;
        if (form->is_single) {
            workload->values[i] = single_next(signal);
        } else {
            workload->values[i] = value_next(signal, &workload->qualities[i]);
        }
        any_bad = any_bad || workload->qualities[i] != BEDE_GOOD;
    }
    return any_bad;
}

bool workload_next(struct workload *workload, struct workload_piece *out_piece)
{
    const struct workload_form *form = &workload->form;
    if (workload->next_row >= form->row_count) return false;
    size_t left = form->row_count - workload->next_row;
    size_t count = left < form->piece_rows ? left : form->piece_rows;
    *out_piece =
        (struct workload_piece){.times_ns = workload->times_ns, .values = workload->values};
    if (form->is_scans) {
        out_piece->is_scan = true;
        out_piece->count = (uint32_t)form->tag_count;
        next_scan(workload);
        return true;
    }
    out_piece->tag = (uint32_t)workload->next_tag;
    out_piece->count = (uint32_t)count;
    if (next_run(workload, workload->next_tag, count)) out_piece->qualities = workload->qualities;
    if (++workload->next_tag < form->tag_count) return true;
    workload->next_tag = 0;
    workload->next_row += count;
    return true;
}
