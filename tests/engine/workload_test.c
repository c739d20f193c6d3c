#include "engine/shell/workload.h"

#include <math.h>

#include "engine/bede.h"
#include "engine/shell/workload_file.h"
#include "storage/base/hash.h"
#include "tests/unit.h"

#define MILLISECOND_NS INT64_C(1000000)

/* A sum over every byte of every piece, and how many values there were. */
static uint64_t digest_of(const char *name, uint64_t seed, double scale, uint64_t *out_count)
{
    struct workload *workload = workload_create(name, seed, scale);
    struct hash_stream *stream = hash_stream_create();
    struct workload_piece piece;
    ck_assert(workload && stream);
    *out_count = 0;
    while (workload_next(workload, &piece)) {
        hash_stream_add(stream, piece.times_ns, 8 * (size_t)(piece.is_scan ? 1 : piece.count));
        hash_stream_add(stream, piece.values, 8 * (size_t)piece.count);
        if (piece.qualities) hash_stream_add(stream, piece.qualities, 4 * (size_t)piece.count);
        *out_count += piece.count;
    }
    uint64_t digest = hash_stream_value(stream);
    hash_stream_destroy(stream);
    workload_destroy(workload);
    return digest;
}

/* Goal:   figures of different machines and years are about the same values.
 * Method: the digests of a hundredth of each workload, as they were when the workloads were made. */
START_TEST(workload_repeats_its_seed)
{
    static const struct {
        const char *name;
        uint64_t seed;
        uint64_t count;
        uint64_t digest;
    } cases[] = {
        {"plant", 1, 108000, 0xb8df22c5d028f64a},
        {"plant", 2, 108000, 0xa7eabae4c4117569},
        {"single", 1, 500000, 0x6bc036cf2fc7a439},
        {"slow", 1, 300000, 0x1c64026d83c0c27d},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t count;
        uint64_t digest = digest_of(cases[i].name, cases[i].seed, 0.01, &count);
        ck_assert_uint_eq(count, cases[i].count);
        ck_assert_msg(digest == cases[i].digest, "%s: 0x%016llx", cases[i].name,
                      (unsigned long long)digest);
    }
}
END_TEST

START_TEST(workload_has_a_name_or_is_none)
{
    ck_assert_ptr_null(workload_create("heap", 1, 1));
    workload_destroy(NULL);
}
END_TEST

/* Goal:   the plant is what its header says: kinds of tags by share, times that rise, a tenth of
 *         the stamps late, a thousandth of the values bad, whole milliseconds.
 * Method: counts over a tenth of it. */
START_TEST(plant_is_as_described)
{
    enum { TAGS = 1000 };
    static int64_t last_ns[TAGS];
    struct workload *plant = workload_create("plant", 1, 0.1);
    ck_assert_uint_eq(workload_tag_count(plant), TAGS);
    int types[BEDE_TEXT + 1] = {0};
    for (size_t i = 0; i < TAGS; i++) {
        struct workload_tag tag;
        workload_tag(plant, i, &tag);
        types[tag.type]++;
    }
    ck_assert_int_eq(types[BEDE_F64], 700);
    ck_assert_int_eq(types[BEDE_I64], 150);
    ck_assert_int_eq(types[BEDE_STATE], 150);

    struct workload_piece piece;
    double count = 0, bad = 0, late = 0;
    while (workload_next(plant, &piece)) {
        ck_assert(!piece.is_scan);
        int64_t phase_ns = piece.tag * INT64_C(7) % 900 * MILLISECOND_NS;
        for (size_t i = 0; i < piece.count; i++) {
            ck_assert_int_gt(piece.times_ns[i], last_ns[piece.tag]); /* W2 */
            ck_assert_int_eq(piece.times_ns[i] % MILLISECOND_NS, 0);
            last_ns[piece.tag] = piece.times_ns[i];
            count++;
            bad += piece.qualities && piece.qualities[i] >= BEDE_BAD;
            late += piece.times_ns[i] % (1000 * MILLISECOND_NS) != phase_ns;
        }
    }
    ck_assert_double_eq(count, 1080000);
    ck_assert_double_eq_tol(late / count, 0.1, 0.002);
    ck_assert_double_eq_tol(bad / count, 0.001, 0.0005);
    workload_destroy(plant);
}
END_TEST

/* Goal:   analog values have as many decimals as their tag, computed ones have no such form,
 *         counters rise, states and setpoints rarely change.
 * Method: the values of the first sixty tags of the plant, by kind. */
START_TEST(plant_values_are_of_their_kind)
{
    struct workload *plant = workload_create("plant", 1, 0.1);
    struct workload_piece piece;
    int computed = 0, short_ones = 0, changes = 0, held = 0;
    while (workload_next(plant, &piece)) {
        if (piece.tag >= 60) continue;
        const double *values = piece.values;
        const int64_t *whole = piece.values;
        unsigned place = piece.tag % 20;
        unsigned decimals = 1 + piece.tag / 20;
        double unit = pow(10, decimals);
        for (size_t i = 1; i < piece.count; i++) {
            if (place < 8) ck_assert_double_eq(values[i], round(values[i] * unit) / unit);
            if (place >= 8 && place < 12) {
                computed++;
                short_ones += values[i] == round(values[i] * 1e6) / 1e6;
            }
            bool is_good = !piece.qualities || piece.qualities[i] == BEDE_GOOD;
            if (place >= 12 && place < 15 && is_good) ck_assert_int_gt(whole[i], whole[i - 1]);
            if (place >= 15) {
                held++;
                changes += whole[i] != whole[i - 1];
            }
        }
    }
    ck_assert_int_lt(short_ones, computed / 1000);
    ck_assert_int_gt(changes, 0);
    ck_assert_int_lt(changes, held / 200);
    workload_destroy(plant);
}
END_TEST

/* Goal:   the single tag stays in its span, keeps its interval, and has three decimals.
 * Method: its first half million values. */
START_TEST(single_is_as_described)
{
    struct workload *single = workload_create("single", 1, 0.01);
    struct workload_piece piece;
    int64_t next_ns = 0;
    while (workload_next(single, &piece)) {
        const double *values = piece.values;
        if (next_ns == 0) next_ns = piece.times_ns[0];
        for (size_t i = 0; i < piece.count; i++) {
            ck_assert_int_eq(piece.times_ns[i], next_ns);
            next_ns += 10 * MILLISECOND_NS;
            ck_assert(values[i] >= 0 && values[i] <= 100);
            ck_assert_double_eq(values[i], round(values[i] * 1000) / 1000);
        }
    }
    workload_destroy(single);
}
END_TEST

/* Goal:   what was made is what is loaded, in any order, and its totals are right.
 * Method: a small plant through a file, compared piece by piece with one made again. */
START_TEST(workload_file_gives_back_what_it_took)
{
    static const char path[] = "workload-test.values";
    struct error error;
    struct workload_writer *writer;
    struct workload *plant = workload_create("plant", 3, 0.01);
    struct workload_piece piece, stored;
    struct workload_tag tag, stored_tag;
    ASSERT_OK(workload_writer_create(&writer, path, &error), &error);
    for (size_t i = 0; i < workload_tag_count(plant); i++) {
        workload_tag(plant, i, &tag);
        ASSERT_OK(workload_writer_tag(writer, &tag, &error), &error);
    }
    while (workload_next(plant, &piece)) {
        ASSERT_OK(workload_writer_piece(writer, &piece, &error), &error);
    }
    ASSERT_OK(workload_writer_finish(writer, &error), &error);
    workload_writer_destroy(writer);
    workload_destroy(plant);

    struct workload_file *file;
    ASSERT_OK(workload_file_open(&file, path, &error), &error);
    const struct workload_totals *totals = workload_file_totals(file);
    ck_assert_uint_eq(totals->tag_count, 1000);
    ck_assert_uint_eq(totals->value_count, 108000);
    plant = workload_create("plant", 3, 0.01);
    ASSERT_OK(workload_file_tags(file, 999, 1, &stored_tag, &error), &error);
    workload_tag(plant, 999, &tag);
    ck_assert_mem_eq(&tag, &stored_tag, sizeof tag);
    uint64_t index = 0;
    while (workload_next(plant, &piece)) {
        ASSERT_OK(workload_file_piece(file, index++, &stored, &error), &error);
        ck_assert_uint_eq(piece.tag, stored.tag);
        ck_assert_uint_eq(piece.count, stored.count);
        ck_assert_mem_eq(piece.times_ns, stored.times_ns, 8 * (size_t)piece.count);
        ck_assert_mem_eq(piece.values, stored.values, 8 * (size_t)piece.count);
        ck_assert_int_eq(piece.qualities != NULL, stored.qualities != NULL);
        if (!piece.qualities) continue;
        ck_assert_mem_eq(piece.qualities, stored.qualities, 4 * (size_t)piece.count);
    }
    ck_assert_uint_eq(index, totals->piece_count);
    workload_destroy(plant);
    workload_file_close(file);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        workload_repeats_its_seed, workload_has_a_name_or_is_none,
        plant_is_as_described,     plant_values_are_of_their_kind,
        single_is_as_described,    workload_file_gives_back_what_it_took,
    };
    return unit_run("workload", tests, sizeof tests / sizeof *tests);
}
