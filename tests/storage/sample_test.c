/* Goal:   values keep their types and bits, qualities their class, names lead to one identity.
 * Method: tables; the identity against XXH3-128 of the bytes laid out by hand. */
#include "storage/sample.h"

#include "storage/base/hash.h"
#include "tests/unit.h"

START_TEST(every_type_has_a_name_that_leads_back)
{
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        bool expected = type >= VALUE_F64 && type <= VALUE_TEXT;
        ck_assert_msg(value_type_is_valid((uint8_t)type) == expected, "type %u", type);
        if (!expected) continue;
        uint8_t found = 0;
        ck_assert(value_type_from_name(value_type_name((uint8_t)type), &found));
        ck_assert_uint_eq(found, type);
    }
    uint8_t untouched = 77;
    ck_assert(!value_type_from_name("double", &untouched));
    ck_assert(!value_type_from_name("", &untouched));
    ck_assert_uint_eq(untouched, 77);
}
END_TEST

START_TEST(bits_are_valid_for_their_type)
{
    static const struct {
        const char *why;
        uint64_t bits;
        uint8_t type;
        bool expected;
    } cases[] = {
        {"every double, NaN with payload included", 0x7ff8000000000123, VALUE_F64, true},
        {"every double, all bits set", UINT64_MAX, VALUE_F64, true},
        {"a float has zero above it", 0x7f800000, VALUE_F32, true},
        {"the greatest float pattern", UINT32_MAX, VALUE_F32, true},
        {"a float with something above it", (uint64_t)UINT32_MAX + 1, VALUE_F32, false},
        {"every integer", (uint64_t)INT64_MIN, VALUE_I64, true},
        {"false", 0, VALUE_BOOL, true},
        {"true", 1, VALUE_BOOL, true},
        {"neither false nor true", 2, VALUE_BOOL, false},
        {"a state's code may be negative", (uint64_t)-3, VALUE_STATE, true},
        {"no type is zero", 0, 0, false},
        {"a type of a later version", 0, VALUE_TEXT + 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(value_is_valid(cases[i].type, cases[i].bits) == cases[i].expected, "%s",
                      cases[i].why);
    }
}
END_TEST

START_TEST(the_top_two_bits_are_the_class)
{
    static const struct {
        uint32_t quality;
        enum quality_class expected;
    } cases[] = {
        {0, QUALITY_GOOD},
        {0x3fffffff, QUALITY_GOOD},
        {0x40000000, QUALITY_UNCERTAIN},
        {0x7fffffff, QUALITY_UNCERTAIN},
        {0x80000000, QUALITY_BAD},
        {0xc0000000, QUALITY_BAD},
        {UINT32_MAX, QUALITY_BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(quality_class(cases[i].quality) == cases[i].expected, "%08x",
                      cases[i].quality);
    }
}
END_TEST

START_TEST(texts_lie_in_multiples_of_four_bytes)
{
    static const struct {
        uint32_t size_bytes;
        uint64_t expected;
    } cases[] = {{0, 4}, {1, 8}, {4, 8}, {5, 12}, {UINT32_MAX, 0x100000004}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(text_value_bytes(cases[i].size_bytes), cases[i].expected);
    }
}
END_TEST

START_TEST(an_identity_is_the_hash_of_namespace_path_and_incarnation)
{
    static const char laid_out[] = "site\0boiler1.pressure\0"
                                   "12";
    struct hash128 expected = hash128(laid_out, sizeof laid_out - 1);
    struct identity identity = identity_of_tag("site", "boiler1.pressure", 12);
    ck_assert_uint_eq(identity.low, expected.low);
    ck_assert_uint_eq(identity.high, expected.high);

    struct identity others[] = {
        identity_of_tag("", "boiler1.pressure", 12),
        identity_of_tag("site", "boiler1.pressure", 1),
        identity_of_tag("site", "boiler1.pressure1", 2),
        identity_of_tag("siteb", "oiler1.pressure", 12),
        identity_of_tag("site", "boiler1.pressure", UINT32_MAX),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ck_assert_int_ne(identity_compare(identity, others[i]), 0);
    }
}
END_TEST

START_TEST(identities_are_ordered_by_high_then_low)
{
    static const struct identity rising[] = {{0, 0}, {UINT64_MAX, 0}, {0, 1}, {1, 1}};
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            ck_assert_int_eq(identity_compare(rising[i], rising[j]), (i > j) - (i < j));
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_type_has_a_name_that_leads_back,
        bits_are_valid_for_their_type,
        the_top_two_bits_are_the_class,
        texts_lie_in_multiples_of_four_bytes,
        an_identity_is_the_hash_of_namespace_path_and_incarnation,
        identities_are_ordered_by_high_then_low,
    };
    return unit_run("sample", tests, sizeof tests / sizeof *tests);
}
