#include "storage/base/hash.h"

#include "tests/unit.h"

static void pattern_fill(uint8_t *bytes, size_t size)
{
    uint64_t state = 2654435761U;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(state >> 56);
        state *= 11400714785074694797U;
    }
}

/* Goal:   checksums on disk never change their meaning with a library or a processor.
 * Method: the published test vectors of XXH3 (its sanity check's buffer, seed 0). */
START_TEST(hash_has_its_published_values)
{
    static const struct {
        size_t size;
        uint64_t hash;
    } cases[] = {
        {0, 0x2D06800538D394C2},   {1, 0xC44BDFF4074EECDB},    {6, 0x27B56A84CD2D7325},
        {12, 0xA713DAF0DFBB77E7},  {24, 0xA3FE70BF9D3510EB},   {48, 0x397DA259ECBA1F11},
        {80, 0xBCDEFBBB2C47C90A},  {195, 0xCD94217EE362EC3A},  {403, 0xCDEB804D65C6DEA4},
        {512, 0x617E49599013CB6B}, {2048, 0xDD59E2C3A5F038E0}, {2367, 0xCB37AEB9E5D361ED},
    };
    uint8_t bytes[2367];
    pattern_fill(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(hash64(bytes, cases[i].size), cases[i].hash);
        ck_assert_uint_eq(hash32(bytes, cases[i].size), (uint32_t)cases[i].hash);
    }
    struct hash128 empty = hash128(bytes, 0);
    ck_assert_uint_eq(empty.low, 0x6001C324468D497F);
    ck_assert_uint_eq(empty.high, 0x99AA06D3014798D8);
    struct hash128 long_one = hash128(bytes, 2048);
    ck_assert_uint_eq(long_one.low, 0xDD59E2C3A5F038E0);
    ck_assert_uint_eq(long_one.high, 0xF736557FD47073A5);
}
END_TEST

/* Goal:   a stream of pieces has the hash of the whole.
 * Method: every size up to some blocks, cut at every kind of place, after a reset. */
START_TEST(hash_stream_equals_hash_of_the_whole)
{
    uint8_t bytes[2367];
    pattern_fill(bytes, sizeof bytes);
    struct hash_stream *stream = hash_stream_create();
    ck_assert_ptr_nonnull(stream);
    for (size_t size = 0; size <= sizeof bytes; size += 7) {
        for (size_t cut = 0; cut <= size; cut += 1 + size / 9) {
            hash_stream_reset(stream);
            hash_stream_add(stream, bytes, cut);
            hash_stream_add(stream, NULL, 0);
            hash_stream_add(stream, bytes + cut, size - cut);
            ck_assert_uint_eq(hash_stream_value(stream), hash64(bytes, size));
        }
    }
    hash_stream_destroy(stream);
    hash_stream_destroy(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        hash_has_its_published_values,
        hash_stream_equals_hash_of_the_whole,
    };
    return unit_run("hash", tests, sizeof tests / sizeof *tests);
}
