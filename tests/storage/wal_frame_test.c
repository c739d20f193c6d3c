/* Goal:   a batch comes back from its frame as it was, and no other bytes are taken for a frame.
 * Method: round trips of random batches of every shape; one of every limit; every single bit of
 *         frames turned over; random fields changed and the checksums made good again, as only
 *         somebody who means it could. */
#include "storage/wal_frame.h"

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "tests/random_batch.h"

enum { FRAME_BYTES = 64 << 10 };

static _Alignas(64) uint8_t frame[FRAME_BYTES];

static size_t frame_make(const struct batch *batch, uint64_t sequence, unsigned links)
{
    size_t bytes = wal_frame_bytes(batch);
    ck_assert(bytes <= sizeof frame && bytes % 8 == 0);
    memset(frame, 0xa5, sizeof frame);
    wal_frame_encode(frame, batch, sequence, links);
    ck_assert(bytes == sizeof frame || frame[bytes] == 0xa5);
    return bytes;
}

static void assert_round_trip(const struct batch *batch, uint64_t sequence, unsigned links,
                              struct arena *arena)
{
    size_t bytes = frame_make(batch, sequence, links);
    struct batch decoded;
    uint64_t decoded_sequence;
    bool more;
    ck_assert(wal_frame_header_is_valid(frame, bytes));
    ck_assert_int_eq(wal_frame_decode(frame, bytes, arena, &decoded, &decoded_sequence, &more),
                     STATUS_OK);
    ck_assert_uint_eq(decoded_sequence, sequence);
    ck_assert_int_eq(more, (links & WAL_FRAME_MORE) != 0);
    ck_assert(batch_samples_are_equal(batch, &decoded));
    arena_reset(arena);
}

START_TEST(every_batch_comes_back)
{
    static struct random_batch made;
    struct arena arena;
    struct random random;
    arena_init(&arena, WAL_FRAME_ARENA_BYTES);
    for (uint64_t seed = 0; seed < unit_number("BEDE_SEEDS", 5000); seed++) {
        random_init(&random, seed);
        random_batch_make(&made, &random, random_chance(&random, 1, 2) ? 4 : 300);
        assert_round_trip(&made.batch, random_u64(&random),
                          (unsigned)random_below(&random, 4) * WAL_FRAME_MORE, &arena);
    }
    arena_finish(&arena);
}
END_TEST

START_TEST(the_same_batch_gives_the_same_bytes)
{
    static struct random_batch made;
    static uint8_t earlier[FRAME_BYTES];
    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < 200; i++) {
        random_batch_make(&made, &random, 20);
        size_t bytes = frame_make(&made.batch, 1, 0);
        memcpy(earlier, frame, bytes);
        memset(frame, 0x5a, sizeof frame);
        wal_frame_encode(frame, &made.batch, 1, 0);
        ck_assert_mem_eq(earlier, frame, bytes); /* padding too */
    }
}
END_TEST

START_TEST(the_largest_frame_and_text_fit)
{
    size_t count = WAL_FRAME_SAMPLES_MAX;
    uint64_t *values = calloc(count, sizeof *values);
    uint32_t *column = calloc(count, sizeof *column);
    uint8_t *types = calloc(count, 1);
    for (size_t i = 0; i < count; i++) {
        column[i] = TAG_COUNT_MAX - 1;
        types[i] = VALUE_STATE;
        values[i] = 1;
    }
    struct batch batch = {
        .sample_count = (uint32_t)count,
        .tags = column,
        .values = values,
        .qualities = column,
        .types = types,
        .clocks = values,
    };
    struct arena arena;
    arena_init(&arena, WAL_FRAME_ARENA_BYTES);
    size_t bytes = wal_frame_bytes(&batch);
    ck_assert(bytes <= WAL_FRAME_BYTES_MAX);
    uint8_t *target = aligned_alloc(64, bytes_align(bytes, 64));
    wal_frame_encode(target, &batch, 1, 0);
    struct batch decoded;
    uint64_t sequence;
    bool more;
    ck_assert_int_eq(wal_frame_decode(target, bytes, &arena, &decoded, &sequence, &more),
                     STATUS_OK);
    ck_assert(batch_samples_are_equal(&batch, &decoded));
    ck_assert_int_eq(wal_frame_decode(target, bytes - 8, &arena, &decoded, &sequence, &more),
                     STATUS_CORRUPT);
    free(target);

    uint32_t *text = calloc(1, sizeof *text + TEXT_VALUE_BYTES_MAX);
    text[0] = TEXT_VALUE_BYTES_MAX;
    for (size_t i = 0; i < 60; i++) values[i] = value_from_text((const void *)text);
    batch = (struct batch){.sample_count = 60, .values = values, .type = VALUE_TEXT};
    bytes = wal_frame_bytes(&batch);
    ck_assert(bytes <= WAL_FRAME_BYTES_MAX);
    target = aligned_alloc(64, bytes_align(bytes, 64));
    wal_frame_encode(target, &batch, 1, 0);
    ck_assert_int_eq(wal_frame_decode(target, bytes, &arena, &decoded, &sequence, &more),
                     STATUS_OK);
    ck_assert(batch_samples_are_equal(&batch, &decoded));
    free(target);
    free(text);
    free(values);
    free(column);
    free(types);
    arena_finish(&arena);
}
END_TEST

START_TEST(the_layout_is_that_of_the_picture)
{
    const uint64_t values[] = {7, 8, 9};
    const uint32_t tags[] = {1, 2, 3}, qualities[] = {4, 5, 6};
    struct batch batch = {.sample_count = 3,
                          .tags = tags,
                          .time_ns = 10,
                          .values = values,
                          .qualities = qualities,
                          .type = VALUE_I64,
                          .origin = 11};
    size_t bytes = frame_make(&batch, 12, WAL_FRAME_AFTER);
    ck_assert_uint_eq(bytes, 64 + 16 + 24 + 16);
    struct wal_frame_header header;
    memcpy(&header, frame, sizeof header);
    ck_assert_mem_eq(frame, "WFRM", 4);
    ck_assert_uint_eq(header.frame_bytes, bytes);
    ck_assert_uint_eq(header.sequence, 12);
    ck_assert_int_eq(header.time_ns, 10);
    ck_assert_uint_eq(header.flags, WAL_FRAME_TAGS | WAL_FRAME_QUALITIES | WAL_FRAME_AFTER);
    ck_assert_uint_eq(bytes_get_u32(frame + 64), 1);
    ck_assert_uint_eq(bytes_get_u32(frame + 76), 0); /* padding */
    ck_assert_uint_eq(bytes_get_u64(frame + 80), 7);
    ck_assert_uint_eq(bytes_get_u32(frame + 104), 4);
    ck_assert_uint_eq(header.columns_checksum, hash32(frame + 64, bytes - 64));
}
END_TEST

START_TEST(no_bit_turns_over_unseen)
{
    static struct random_batch made;
    struct arena arena;
    struct random random;
    arena_init(&arena, WAL_FRAME_ARENA_BYTES);
    random_init(&random, 7);
    for (int round = 0; round < 40; round++) {
        random_batch_make(&made, &random, 6);
        size_t bytes = frame_make(&made.batch, 5, 0);
        for (size_t bit = 0; bit < bytes * 8; bit++) {
            struct batch decoded;
            uint64_t sequence;
            bool more;
            frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_int_eq(
                wal_frame_decode(frame, sizeof frame, &arena, &decoded, &sequence, &more),
                STATUS_CORRUPT);
            frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
            arena_reset(&arena);
        }
    }
    arena_finish(&arena);
}
END_TEST

static void checksums_make_good(size_t bytes)
{
    struct wal_frame_header header;
    memcpy(&header, frame, sizeof header);
    if (header.frame_bytes >= sizeof header && header.frame_bytes <= bytes) {
        header.columns_checksum = hash32(frame + sizeof header, header.frame_bytes - sizeof header);
    }
    header.header_checksum = hash32(&header, offsetof(struct wal_frame_header, header_checksum));
    memcpy(frame, &header, sizeof header);
}

/* Whatever a peer or a disk made up: what is accepted is valid in every sample. */
START_TEST(what_is_accepted_is_valid)
{
    static struct random_batch made;
    struct arena arena;
    arena_init(&arena, WAL_FRAME_ARENA_BYTES);
    size_t accepted_count = 0, refused_count = 0;
    for (uint64_t seed = 0; seed < unit_number("BEDE_SEEDS", 20000); seed++) {
        struct random random;
        random_init(&random, seed);
        random_batch_make(&made, &random, 6);
        size_t bytes = frame_make(&made.batch, 5, 0);
        for (uint64_t change = random_below(&random, 3) + 1; change > 0; change--) {
            size_t place = random_below(&random, random_chance(&random, 1, 2) ? 64 : bytes);
            frame[place] = (uint8_t)random_below(&random, random_chance(&random, 1, 2) ? 8 : 256);
        }
        checksums_make_good(bytes);

        struct batch decoded;
        uint64_t sequence;
        bool more;
        enum status status = wal_frame_decode(frame, bytes, &arena, &decoded, &sequence, &more);
        ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
        accepted_count += status == STATUS_OK;
        refused_count += status != STATUS_OK;
        for (size_t i = 0; status == STATUS_OK && i < decoded.sample_count; i++) {
            struct entry entry = batch_entry(&decoded, i);
            ck_assert(batch_tag(&decoded, i) < TAG_COUNT_MAX);
            ck_assert(entry_is_valid(&entry));
        }
        arena_reset(&arena);
    }
    ck_assert(accepted_count > 0 && refused_count > 0);
    arena_finish(&arena);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_batch_comes_back,         the_same_batch_gives_the_same_bytes,
        the_largest_frame_and_text_fit, the_layout_is_that_of_the_picture,
        no_bit_turns_over_unseen,       what_is_accepted_is_valid,
    };
    return unit_run("wal_frame", tests, sizeof tests / sizeof tests[0]);
}
