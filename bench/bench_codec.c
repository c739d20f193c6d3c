/* How fast columns become bytes and words again, on one core; and how few bytes the columns of
 * published data take. The data lies in the directory that BEDE_DATA_DIR names (default:
 * ../shared/data, as seen from the sources): a folder for each set, CSV files in it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "storage/base/bytes.h"
#include "storage/codec.h"

enum { RUN = CODEC_RUN, RUNS = 256, ROUNDS_SECONDS_TENTHS = 2, COLUMNS_MAX = 64 };

/* ---- Speed ---- */

static uint64_t words[RUNS][RUN];
static uint8_t encoded[RUNS][RUN * sizeof(uint64_t)];
static size_t sizes[RUNS];
static enum codec_id ids[RUNS];
static uint64_t state = 42;

static double noise(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 40) / (1 << 24) - 0.5;
}

static double decimal_of(double value, int digits)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.*f", digits, value);
    return strtod(text, NULL);
}

static void make_temperature(void)
{
    double value = 80;
    for (size_t i = 0; i < (size_t)RUNS * RUN; i++) {
        value += noise() * 0.2;
        words[i / RUN][i % RUN] = bits_of_double(decimal_of(value, 2));
    }
}

/* A float of three decimals, as a double, printed with 16 digits: a quarter is one ulp off. */
static void make_widened(void)
{
    double value = 12;
    for (size_t i = 0; i < (size_t)RUNS * RUN; i++) {
        value += noise() * 0.5;
        words[i / RUN][i % RUN] =
            bits_of_double((double)(float)decimal_of(value, 3)) + (uint64_t)(noise() > 0.25);
    }
}

static void make_real(void)
{
    for (size_t i = 0; i < (size_t)RUNS * RUN; i++) {
        words[i / RUN][i % RUN] = bits_of_double(100 + noise() * 30 + noise() * 1e-9);
    }
}

static void make_counter(void)
{
    uint64_t value = 1000000;
    for (size_t i = 0; i < (size_t)RUNS * RUN; i++) {
        value += (uint64_t)(noise() * 20 + 50);
        words[i / RUN][i % RUN] = value;
    }
}

static void make_times(void)
{
    uint64_t time_ns = 1760000000000000000;
    for (size_t i = 0; i < (size_t)RUNS * RUN; i++) {
        time_ns += 1000000000 + (uint64_t)(int64_t)(noise() * 6) * 1000000;
        words[i / RUN][i % RUN] = time_ns;
    }
}

static void make_states(void)
{
    uint64_t value = 0;
    for (size_t i = 0; i < (size_t)RUNS * RUN; i++) {
        if (noise() > 0.48) value = (uint64_t)((noise() + 0.5) * 6);
        words[i / RUN][i % RUN] = value;
    }
}

static void encode_all(enum value_type type, bool is_hinted)
{
    struct codec_hint hint = {0};
    for (size_t run = 0; run < RUNS; run++) {
        sizes[run] = codec_encode(encoded[run], type, words[run], RUN, is_hinted ? &hint : NULL,
                                  CODEC_EVERYDAY, &ids[run]);
    }
}

static uint64_t sink; /* so that no sum is left out */

static void decode_all(enum value_type type, bool is_summed)
{
    static _Alignas(64) uint64_t target[RUN];
    for (size_t run = 0; run < RUNS; run++) {
        if (codec_decode(target, (uint8_t)ids[run], type, RUN, encoded[run], sizes[run]) < 0) {
            bench_die("codec", "cannot decode its own");
        }
        if (!is_summed) continue;
        double sums[8] = {0};
        uint64_t whole[8] = {0};
        for (size_t i = 0; type == VALUE_F64 && i < RUN; i += 8) {
            for (size_t lane = 0; lane < 8; lane++) {
                double value;
                memcpy(&value, &target[i + lane], sizeof value);
                sums[lane] += value;
            }
        }
        for (size_t i = 0; type != VALUE_F64 && i < RUN; i += 8) {
            for (size_t lane = 0; lane < 8; lane++) whole[lane] += target[i + lane];
        }
        for (size_t lane = 0; lane < 8; lane++) sink += whole[lane] + bits_of_double(sums[lane]);
    }
}

/* Millions of values a second, the best of several rounds. */
static double measure(void (*work)(enum value_type, bool), enum value_type type, bool flag)
{
    double best = 0;
    double end = bench_seconds() + ROUNDS_SECONDS_TENTHS * 0.1;
    while (bench_seconds() < end) {
        double begin = bench_cpu_seconds();
        work(type, flag);
        double speed = (double)RUNS * RUN / (bench_cpu_seconds() - begin) / 1e6;
        best = speed > best ? speed : best;
    }
    return best;
}

static void bench_speed(const char *name, void (*make)(void), enum value_type type)
{
    char what[96], remark[96];
    make();
    double cold = measure(encode_all, type, false);
    double warm = measure(encode_all, type, true);
    size_t bytes = 0;
    for (size_t run = 0; run < RUNS; run++) bytes += sizes[run];
    (void)snprintf(remark, sizeof remark, "%s, %.1f bits a value; %.0f without a hint",
                   codec_find((uint8_t)ids[RUNS - 1])->name, (double)bytes * 8 / RUNS / RUN, cold);
    (void)snprintf(what, sizeof what, "encode %s", name);
    bench_print(what, warm, "M values/s", 150, remark);
    (void)snprintf(what, sizeof what, "decode %s", name);
    bench_print(what, measure(decode_all, type, false) / 1e3, "G values/s", 1, "");
    (void)snprintf(what, sizeof what, "decode and sum %s", name);
    bench_print(what, measure(decode_all, type, true) / 1e3, "G values/s", 0.5, "");
}

/* ---- Size ---- */

struct column {
    uint64_t *words;
    size_t count;
    size_t count_max;
    bool is_text;
};

/* Bits of all columns of a set, each a mean over its values. */
struct tally {
    double bits;
    double archive_bits;
    size_t columns;
};

static void column_add(struct column *column, const char *cell)
{
    char *end;
    double value = strtod(cell, &end);
    if (end == cell || *end != 0) column->is_text = true;
    if (column->count == column->count_max) {
        column->count_max = column->count_max ? 2 * column->count_max : RUN;
        column->words = realloc(column->words, column->count_max * sizeof *column->words);
        if (!column->words) bench_die("column", "no memory");
    }
    column->words[column->count++] = bits_of_double(value);
}

static double column_bits(const struct column *column, enum codec_class class)
{
    struct codec_hint hint = {0};
    uint8_t target[RUN * sizeof(uint64_t)];
    size_t bytes = 0;
    for (size_t first = 0; first < column->count; first += RUN) {
        size_t count = column->count - first < RUN ? column->count - first : RUN;
        enum codec_id id;
        bytes += codec_encode(target, VALUE_F64, column->words + first, count, &hint, class, &id);
    }
    return (double)bytes * 8 / (double)column->count;
}

static void read_columns(struct column columns[COLUMNS_MAX], FILE *file)
{
    static char line[1 << 16];
    bool is_header = true;
    while (fgets(line, sizeof line, file)) {
        char *rest = line;
        line[strcspn(line, "\r\n")] = 0;
        for (size_t i = 0; rest && i < COLUMNS_MAX; i++) {
            const char *cell = strsep(&rest, ",;");
            if (!is_header) column_add(&columns[i], cell);
        }
        is_header = false;
    }
}

/* Every column but the first, which is time, of which each cell is a number. */
static void tally_file(struct tally *tally, const char *path)
{
    struct column columns[COLUMNS_MAX] = {0};
    FILE *file = fopen(path, "r");
    if (!file) bench_die(path, "cannot read");
    read_columns(columns, file);
    (void)fclose(file);
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        if (i > 0 && columns[i].count > 0 && !columns[i].is_text) {
            tally->bits += column_bits(&columns[i], CODEC_EVERYDAY);
            tally->archive_bits += column_bits(&columns[i], CODEC_ARCHIVE);
            tally->columns++;
        }
        free(columns[i].words);
    }
}

static void bench_size(const char *root, const char *set, double floor)
{
    char folder[512], path[1024], what[96], remark[96];
    struct tally tally = {0};
    (void)snprintf(folder, sizeof folder, "%s/%s", root, set);
    (void)snprintf(what, sizeof what, "bits a value, columns of %s", set);
    DIR *directory = opendir(folder);
    if (!directory) {
        printf("%-46s skipped: there is no %s\n", what, folder);
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!strstr(entry->d_name, ".csv")) continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        tally_file(&tally, path);
    }
    (void)closedir(directory);
    (void)snprintf(remark, sizeof remark, "mean of %zu; at most 3 %% above; archive %.2f",
                   tally.columns, tally.archive_bits / (double)tally.columns);
    bench_print(what, tally.bits / (double)tally.columns, "bits", floor, remark);
}

int main(int argument_count, char **arguments)
{
    const char *root = getenv("BEDE_DATA_DIR");
    if (!root) root = argument_count > 1 ? arguments[1] : "../shared/data";
    bench_speed("decimals", make_temperature, VALUE_F64);
    bench_speed("widened floats", make_widened, VALUE_F64);
    bench_speed("real doubles", make_real, VALUE_F64);
    bench_speed("counter", make_counter, VALUE_I64);
    bench_speed("times", make_times, VALUE_I64);
    bench_speed("states", make_states, VALUE_I64);
    bench_size(root, "ett", 15.2);
    bench_size(root, "skab", 11.7);
    bench_size(root, "rosa", 7.3);
    bench_size(root, "nab", 16.7);
    return sink == 1; /* never, but the compiler cannot know */
}
