/* Goal:   a block gives back every entry that it took, in every column; no flipped bit goes
 *         unseen; whatever the bytes are, what comes out keeps the rules or is reported.
 * Method: random batches of every kind and type, decoded in an arena of the promised size; every
 *         bit of small blocks flipped; every allocation failing once. */
#include "storage/block.h"

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/block_rules.h"
#include "storage/codec.h"
#include "tests/simulation/allocation.h"
#include "tests/storage/block_batches.h"
#include "tests/unit.h"

enum { ARENA_BYTES_MAX = 64 << 20 };

static const struct identity identity = {0x1122334455667788, 0x99aabbccddeeff00};

/* ---- What holds for every test ---- */

struct bench {
    struct random random;
    struct arena arena; /* of the batch */
    struct buffer buffer;
    struct error error;
};

static void bench_init(struct bench *bench, uint64_t seed)
{
    random_init(&bench->random, seed);
    arena_init(&bench->arena, ARENA_BYTES_MAX);
    buffer_init(&bench->buffer, BLOCK_BYTES_MAX);
}

static void bench_finish(struct bench *bench)
{
    arena_finish(&bench->arena);
    buffer_finish(&bench->buffer);
}

/* Encodes a random batch into the empty buffer. */
static struct batch bench_encode(struct bench *bench, enum block_kind kind, uint8_t type,
                                 size_t count_max)
{
    arena_reset(&bench->arena);
    buffer_clear(&bench->buffer);
    struct batch batch = block_batch_random(&bench->random, &bench->arena, kind, type, count_max);
    ASSERT_OK(
        block_encode(&bench->buffer, identity, kind, &batch, NULL, CODEC_EVERYDAY, &bench->error),
        &bench->error);
    return batch;
}

static bool batches_are_equal(const struct batch *left, const struct batch *right)
{
    if (left->sample_count != right->sample_count) return false;
    for (size_t i = 0; i < left->sample_count; i++) {
        struct entry a = batch_entry(left, i), b = batch_entry(right, i);
        if (batch_time_ns(left, i) != batch_time_ns(right, i)) return false;
        if (a.type != b.type || entry_compare(&a, &b) != 0) return false; /* E1 */
    }
    return true;
}

/* Decodes a copy that ends where its memory ends. */
static enum status decode_exact(const uint8_t *bytes, size_t size, struct arena *arena,
                                struct batch *out_batch, uint8_t **out_copy)
{
    *out_copy = malloc(size);
    memcpy(*out_copy, bytes, size);
    return block_decode(*out_copy, size, arena, out_batch);
}

/* ---- Round trips ---- */

static void check_round_trip(struct bench *bench, enum block_kind kind, uint8_t type,
                             size_t count_max)
{
    struct batch batch = bench_encode(bench, kind, type, count_max);
    ck_assert(block_is_intact(bench->buffer.bytes, bench->buffer.size_bytes));
    struct block_header header;
    memcpy(&header, bench->buffer.bytes, sizeof header);
    ck_assert_int_eq(identity_compare(header.identity, identity), 0);
    ck_assert_int_eq(header.first_time_ns, batch_time_ns(&batch, 0));

    struct arena arena;
    arena_init(&arena, block_decode_bytes_max(&header));
    struct batch found;
    uint8_t *copy;
    ck_assert_int_eq(
        decode_exact(bench->buffer.bytes, bench->buffer.size_bytes, &arena, &found, &copy),
        STATUS_OK);
    ck_assert(batches_are_equal(&found, &batch));
    free(copy);
    arena_finish(&arena);
}

START_TEST(every_kind_and_type_comes_back)
{
    struct bench bench;
    bench_init(&bench, unit_number("BEDE_SEED", 1));
    uint64_t rounds = unit_number("BEDE_SEEDS", 60);
    for (uint64_t round = 0; round < rounds; round++) {
        static const size_t counts[] = {1, 3, 70, BLOCK_SAMPLES, 2500};
        size_t count_max = counts[round % 5];
        for (unsigned type = VALUE_F64; type <= VALUE_TEXT; type++) {
            check_round_trip(&bench, BLOCK_MAIN, (uint8_t)type, count_max);
            check_round_trip(&bench, BLOCK_HISTORY, (uint8_t)type, count_max);
        }
    }
    check_round_trip(&bench, BLOCK_MAIN, VALUE_F64, CODEC_VALUES_MAX);
    check_round_trip(&bench, BLOCK_MAIN, VALUE_TEXT, CODEC_VALUES_MAX);
    bench_finish(&bench);
}
END_TEST

START_TEST(what_is_the_same_for_all_takes_no_column)
{
    enum { COUNT = 100 };
    struct bench bench;
    bench_init(&bench, 2);
    int64_t times_ns[COUNT];
    uint64_t values[COUNT], clocks[COUNT], origins[COUNT];
    uint32_t qualities[COUNT] = {0}, generations[COUNT];
    uint8_t kinds[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        times_ns[i] = (int64_t)i * 1000;
        values[i] = random_u64(&bench.random);
        clocks[i] = 77;
        generations[i] = 5;
        origins[i] = 9;
    }
    struct batch batch = {
        .sample_count = COUNT,
        .times_ns = times_ns,
        .values = values,
        .qualities = qualities,
        .type = VALUE_F64,
        .kinds = kinds,
        .clocks = clocks,
        .generations = generations,
        .origins = origins,
    };
    ASSERT_OK(block_encode(&bench.buffer, identity, BLOCK_MAIN, &batch, NULL, CODEC_EVERYDAY,
                           &bench.error),
              &bench.error);
    struct batch found;
    const uint8_t *bytes = bench.buffer.bytes;
    ck_assert_int_eq(block_decode(bytes, bench.buffer.size_bytes, &bench.arena, &found), STATUS_OK);
    ck_assert(batches_are_equal(&found, &batch));
    ck_assert_ptr_null(found.qualities);
    ck_assert_ptr_null(found.kinds);
    ck_assert_ptr_null(found.clocks);
    ck_assert_uint_eq(found.clock, 77);
    ck_assert_ptr_null(found.generations);
    ck_assert_uint_eq(found.generation, 5);
    ck_assert_ptr_null(found.origins);
    ck_assert_uint_eq(found.origin, 9);
    ck_assert_ptr_null(found.notes);

    /* Random doubles are raw, and used where they lie. */
    const uint8_t *column = (const uint8_t *)found.values;
    ck_assert(column > bytes && column < bytes + bench.buffer.size_bytes);
    ck_assert_uint_eq(bench.buffer.size_bytes, 64 + 16 + 16 + COUNT * 8 + 8 + 8);
    bench_finish(&bench);
}
END_TEST

START_TEST(a_block_follows_what_the_buffer_holds_and_a_full_one_stays_as_it_was)
{
    struct bench bench;
    bench_init(&bench, 3);
    struct buffer small;
    buffer_init(&small, 100);
    ASSERT_OK(buffer_add(&small, "before..", 8, &bench.error), &bench.error);
    struct batch batch = block_batch_random(&bench.random, &bench.arena, BLOCK_MAIN, VALUE_I64, 50);
    ASSERT_STATUS(
        STATUS_TOO_LARGE,
        block_encode(&small, identity, BLOCK_MAIN, &batch, NULL, CODEC_EVERYDAY, &bench.error),
        &bench.error);
    ck_assert_uint_eq(small.size_bytes, 8);

    ASSERT_OK(buffer_add(&bench.buffer, "before..", 8, &bench.error), &bench.error);
    ASSERT_OK(block_encode(&bench.buffer, identity, BLOCK_MAIN, &batch, NULL, CODEC_EVERYDAY,
                           &bench.error),
              &bench.error);
    ck_assert_mem_eq(bench.buffer.bytes, "before..", 8);
    ck_assert(block_is_intact(bench.buffer.bytes + 8, bench.buffer.size_bytes - 8));
    ck_assert_uint_eq(bench.buffer.size_bytes % BLOCK_ALIGNMENT, 0);
    buffer_finish(&small);
    bench_finish(&bench);
}
END_TEST

START_TEST(a_full_block_of_the_longest_texts_fits_and_more_is_too_large)
{
    struct bench bench;
    bench_init(&bench, 4);
    enum { FULL = 1024, COUNT = 1400 };
    /* Each repeats the one before it but for its number, and farther back than LZ4 looks. */
    uint8_t *random = malloc(TEXT_VALUE_BYTES_MAX);
    for (size_t i = 0; i < TEXT_VALUE_BYTES_MAX; i++)
        random[i] = (uint8_t)random_u64(&bench.random);
    size_t text_bytes = text_value_bytes(TEXT_VALUE_BYTES_MAX);
    uint8_t *texts = malloc(COUNT * text_bytes);
    int64_t times_ns[COUNT];
    uint64_t values[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t *text = texts + i * text_bytes;
        bytes_put_u32(text, TEXT_VALUE_BYTES_MAX);
        memcpy(text + 4, random, TEXT_VALUE_BYTES_MAX);
        bytes_put_u32(text + 4, (uint32_t)i);
        times_ns[i] = (int64_t)i;
        values[i] = value_from_text((const struct text_value *)(const void *)text);
    }
    struct batch batch = {
        .sample_count = FULL, .times_ns = times_ns, .values = values, .type = VALUE_TEXT};
    ASSERT_OK(block_encode(&bench.buffer, identity, BLOCK_MAIN, &batch, NULL, CODEC_EVERYDAY,
                           &bench.error),
              &bench.error);
    struct block_header header;
    memcpy(&header, bench.buffer.bytes, sizeof header);
    struct arena arena;
    struct batch found;
    arena_init(&arena, block_decode_bytes_max(&header));
    ck_assert_int_eq(block_decode(bench.buffer.bytes, bench.buffer.size_bytes, &arena, &found),
                     STATUS_OK);
    ck_assert(batches_are_equal(&found, &batch));
    arena_finish(&arena);

    batch.sample_count = COUNT;
    buffer_clear(&bench.buffer);
    ASSERT_STATUS(STATUS_TOO_LARGE,
                  block_encode(&bench.buffer, identity, BLOCK_MAIN, &batch, NULL, CODEC_EVERYDAY,
                               &bench.error),
                  &bench.error);
    free(random);
    free(texts);
    bench_finish(&bench);
}
END_TEST

/* ---- Damage ---- */

START_TEST(every_flipped_bit_and_every_cut_is_seen)
{
    struct bench bench;
    bench_init(&bench, 5);
    for (unsigned type = VALUE_F64; type <= VALUE_TEXT; type++) {
        for (unsigned kind = BLOCK_MAIN; kind <= BLOCK_HISTORY; kind++) {
            (void)bench_encode(&bench, (enum block_kind)kind, (uint8_t)type, 12);
            uint8_t *bytes = bench.buffer.bytes;
            size_t size = bench.buffer.size_bytes;
            for (size_t bit = 0; bit < size * 8; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                ck_assert(!block_is_intact(bytes, size)); /* F1 */
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
            for (size_t cut = 0; cut < size; cut++) ck_assert(!block_is_intact(bytes, cut));
            ck_assert(block_is_intact(bytes, size));
        }
    }
    bench_finish(&bench);
}
END_TEST

/* A batch does not tell identity, checksum and kind: the reader takes them from the header. */
static bool is_in_batch(size_t byte)
{
    return byte < offsetof(struct block_header, checksum) ||
           (byte >= offsetof(struct block_header, origin) &&
            byte != offsetof(struct block_header, kind));
}

START_TEST(every_bit_of_a_block_means_something)
{
    struct bench bench;
    bench_init(&bench, 6);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    for (unsigned round = 0; round < 60; round++) {
        uint8_t type = (uint8_t)(VALUE_F64 + round / 2 % VALUE_TEXT);
        enum block_kind kind = (enum block_kind)(round % 2);
        struct batch batch = bench_encode(&bench, kind, type, 12);
        struct block_header header;
        memcpy(&header, bench.buffer.bytes, sizeof header);
        /* LZ4 has several ways to write one thing. */
        if (header.codecs[BLOCK_STREAM_VALUE] == CODEC_TEXT_LZ4) continue;
        if (header.codecs[BLOCK_STREAM_NOTE] == CODEC_TEXT_LZ4) continue;
        for (size_t bit = 0; bit < bench.buffer.size_bytes * 8; bit++) {
            if (!is_in_batch(bit / 8)) continue;
            arena_reset(&arena);
            struct batch found;
            uint8_t *copy;
            bench.buffer.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum status status =
                decode_exact(bench.buffer.bytes, bench.buffer.size_bytes, &arena, &found, &copy);
            bench.buffer.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_msg(status == STATUS_CORRUPT || !batches_are_equal(&found, &batch),
                          "round %u: bit %zu of byte %zu", round, bit % 8, bit / 8);
            free(copy);
        }
    }
    arena_finish(&arena);
    bench_finish(&bench);
}
END_TEST

/* The twin of block_entries_are_valid(): F3 as it is written. */
static bool keeps_rules(enum block_kind kind, const struct batch *batch)
{
    for (size_t i = 0; i < batch->sample_count; i++) {
        struct entry entry = batch_entry(batch, i);
        if (!entry_is_valid(&entry)) return false;
        if (kind == BLOCK_MAIN && entry.kind != ENTRY_COLLECTED) return false;
        if (i == 0) continue;
        struct entry before = batch_entry(batch, i - 1);
        int64_t time_ns = batch_time_ns(batch, i), before_ns = batch_time_ns(batch, i - 1);
        if (before_ns > time_ns) return false;
        if (before_ns == time_ns && kind == BLOCK_MAIN) return false;
        if (before_ns == time_ns && entry_compare(&before, &entry) >= 0) return false;
    }
    return true;
}

START_TEST(what_comes_out_of_damaged_blocks_keeps_the_rules)
{
    struct bench bench;
    bench_init(&bench, unit_number("BEDE_SEED", 7));
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    uint64_t rounds = unit_number("BEDE_SEEDS", 400);
    size_t decoded = 0, reported = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < 2 * VALUE_TEXT; i++) {
            enum block_kind kind = (enum block_kind)(i % 2);
            (void)bench_encode(&bench, kind, (uint8_t)(VALUE_F64 + i / 2), 1 + round % 100);
            uint8_t *bytes = bench.buffer.bytes;
            size_t size = bench.buffer.size_bytes;
            for (size_t change = 0; change < 1 + round % 3; change++) {
                size_t range = random_chance(&bench.random, 1, 2) ? size : size < 140 ? size : 140;
                size_t at = random_below(&bench.random, range);
                bytes[at] ^= (uint8_t)(1u << random_below(&bench.random, 8));
            }
            bytes_put_u64(bytes + offsetof(struct block_header, checksum),
                          block_checksum(bytes, size));

            arena_reset(&arena);
            struct batch found;
            uint8_t *copy;
            enum status status = decode_exact(bytes, size, &arena, &found, &copy);
            /* Unsupported: by a build without zstd. */
            ck_assert(status == STATUS_OK || status == STATUS_CORRUPT ||
                      status == STATUS_UNSUPPORTED);
            if (status == STATUS_OK) {
                struct block_header header;
                memcpy(&header, copy, sizeof header);
                ck_assert(keeps_rules((enum block_kind)header.kind, &found));
                decoded++;
            } else {
                reported++;
            }
            free(copy);
        }
    }
    ck_assert(decoded > 0 && reported > 0);
    arena_finish(&arena);
    bench_finish(&bench);
}
END_TEST

/* ---- Memory that runs out ---- */

static enum status encode_and_decode(const struct batch *batch)
{
    struct error error;
    struct buffer buffer;
    struct arena arena;
    struct batch found;
    buffer_init(&buffer, BLOCK_BYTES_MAX);
    arena_init(&arena, ARENA_BYTES_MAX);
    enum status status =
        block_encode(&buffer, identity, BLOCK_HISTORY, batch, NULL, CODEC_EVERYDAY, &error);
    if (status == STATUS_OK) {
        status = block_decode(buffer.bytes, buffer.size_bytes, &arena, &found);
    }
    arena_finish(&arena);
    buffer_finish(&buffer);
    return status;
}

START_TEST(no_failing_allocation_leaks_or_claims_success)
{
    struct bench bench;
    bench_init(&bench, 9);
    for (unsigned round = 0; round < 20; round++) {
        arena_reset(&bench.arena);
        struct batch batch =
            block_batch_random(&bench.random, &bench.arena, BLOCK_HISTORY, VALUE_TEXT, 500);
        bool is_met = true;
        for (uint64_t step = 0; is_met; step++) {
            int64_t live_count = allocation_live_count();
            allocation_fail(step, ALLOCATION_ONCE);
            enum status status = encode_and_decode(&batch);
            is_met = allocation_is_met();
            allocation_succeed();
            ck_assert_int_eq(status, is_met ? STATUS_NO_MEMORY : STATUS_OK);
            ck_assert_int_eq(allocation_live_count(), live_count);
        }
    }
    bench_finish(&bench);
}
END_TEST

/* ---- The bytes themselves ---- */

START_TEST(encoded_bytes_are_what_they_were)
{
    static const uint64_t expected[2] = {0x048a4ff221ff939a, 0x00bc2d2a0d0da8a7};
    struct bench bench;
    bench_init(&bench, 8);
    for (unsigned kind = BLOCK_MAIN; kind <= BLOCK_HISTORY; kind++) {
        uint64_t hashes[VALUE_STATE] = {0};
        for (unsigned type = VALUE_F64; type <= VALUE_STATE; type++) {
            struct batch batch = block_batch_random(&bench.random, &bench.arena,
                                                    (enum block_kind)kind, (uint8_t)type, 2000);
            batch.notes = NULL; /* what LZ4 makes may change with its version */
            buffer_clear(&bench.buffer);
            if (!block_entries_are_valid((enum block_kind)kind, &batch)) continue;
            ASSERT_OK(block_encode(&bench.buffer, identity, (enum block_kind)kind, &batch, NULL,
                                   CODEC_EVERYDAY, &bench.error),
                      &bench.error);
            hashes[type - 1] = hash64(bench.buffer.bytes, bench.buffer.size_bytes);
        }
        uint64_t found = hash64(hashes, sizeof hashes);
        ck_assert_msg(found == expected[kind], "kind %u: 0x%016llx", kind,
                      (unsigned long long)found);
    }
    bench_finish(&bench);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_kind_and_type_comes_back,
        what_is_the_same_for_all_takes_no_column,
        a_block_follows_what_the_buffer_holds_and_a_full_one_stays_as_it_was,
        a_full_block_of_the_longest_texts_fits_and_more_is_too_large,
        every_flipped_bit_and_every_cut_is_seen,
        every_bit_of_a_block_means_something,
        what_comes_out_of_damaged_blocks_keeps_the_rules,
        no_failing_allocation_leaks_or_claims_success,
        encoded_bytes_are_what_they_were,
    };
    return unit_run("block", tests, sizeof tests / sizeof *tests);
}
