#include "storage/base/text.h"

#include <inttypes.h>

#include "storage/base/random.h"
#include "tests/unit.h"

/* Goal:   every integer is written as printf() does, and comes back.
 * Method: integers of every length, and the extremes. */
START_TEST(integer_comes_back)
{
    struct random random;
    random_init(&random, 1);
    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)(random_u64(&random) >> random_below(&random, 64));
        if (random_chance(&random, 1, 2)) value = -value;
        if (i == 0) value = INT64_MIN;
        if (i == 1) value = INT64_MAX;
        if (i == 2) value = 0;
        char text[TEXT_NUMBER_BYTES_MAX], expected[32];
        size_t size = text_from_i64(text, value);
        ck_assert_uint_eq(size, (size_t)snprintf(expected, sizeof expected, "%" PRId64, value));
        ck_assert_mem_eq(text, expected, size);
        int64_t again;
        ck_assert(text_to_i64(text, size, &again));
        ck_assert_int_eq(again, value);
    }
}
END_TEST

/* Goal:   what is not an integer, or none of ours, is refused; the end of the text is respected.
 * Method: rows, with digits behind them. */
START_TEST(integer_is_all_of_the_text)
{
    static const struct {
        const char *text;
        bool is_integer;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"+42", true, 42},
        {"000000000000000000000000000042", true, 42},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"92233720368547758070", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+", false, 0},
        {"--1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"0x1", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s77", cases[i].text);
        int64_t value = 0;
        bool is_integer = text_to_i64(text, strlen(cases[i].text), &value);
        ck_assert_msg(is_integer == cases[i].is_integer, "%s", cases[i].text);
        ck_assert_int_eq(value, cases[i].value);
    }
}
END_TEST

/* Goal:   hexadecimal keeps its width, and comes back.
 * Method: numbers of every width; texts that are none. */
START_TEST(hex_comes_back)
{
    struct random random;
    random_init(&random, 2);
    for (unsigned digits = 1; digits <= 16; digits++) {
        uint64_t value = random_u64(&random) >> (64 - 4 * digits);
        char text[16], expected[32];
        text_from_hex(text, value, digits);
        (void)snprintf(expected, sizeof expected, "%0*" PRIx64, (int)digits, value);
        ck_assert_mem_eq(text, expected, digits);
        uint64_t again;
        ck_assert(text_to_hex(text, digits, &again));
        ck_assert_uint_eq(again, value);
    }
    uint64_t value;
    ck_assert(text_to_hex("ABCdef", 6, &value) && value == 0xabcdef);
    ck_assert(!text_to_hex("", 0, &value));
    ck_assert(!text_to_hex("00000000000000001", 17, &value));
    ck_assert(!text_to_hex("0g", 2, &value));
    ck_assert(!text_to_hex("0x", 2, &value));
}
END_TEST

/* Goal:   people find what they mean by '*', '?' and sets.
 * Method: rows. */
START_TEST(pattern_finds_what_is_meant)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"boiler1.pressure", "boiler1.pressure", true},
        {"boiler1.pressure", "boiler1.pressures", false},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"boiler*", "boiler1.pressure", true},
        {"*.pressure", "boiler1.pressure", true},
        {"*.pressure", "boiler1.pressure.max", false},
        {"b*1*e", "boiler1.pressure", true},
        {"***a***", "bab", true},
        {"*ab", "aab", true},
        {"boiler?.*", "boiler1.pressure", true},
        {"boiler?.*", "boiler12.pressure", false},
        {"?", "", false},
        {"???", "äöü", true},
        {"?", "\xff", true},
        {"boiler[1-3].*", "boiler2.pressure", true},
        {"boiler[1-3].*", "boiler4.pressure", false},
        {"boiler[!1-3].*", "boiler4.pressure", true},
        {"[a-cx]", "x", true},
        {"[ä-ü]", "ö", true},
        {"[]x]", "]", true},
        {"[!]x]", "y", true},
        {"[!]x]", "]", false},
        {"[a-]", "-", true},
        {"[-a]", "-", true},
        {"[\\]]", "]", true},
        {"[\\a-c]", "b", true},
        {"[c-a]", "b", false},
        {"[!a]b", "äb", true},
        {"[^a]", "b", true},
        {"*[!ä]", "ä", false},
        {"[a", "a", false},
        {"[!a", "b", false},
        {"x[", "x[", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\?\\[", "?[", true},
        {"\\", "\\", true},
        {"a\\\\b", "a\\b", true},
        {"Boiler*", "boiler1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(text_matches(cases[i].pattern, cases[i].text) == cases[i].matches, "%s on %s",
                      cases[i].pattern, cases[i].text);
    }
}
END_TEST

/* A naive twin: every '*' tries all it could take. Of single bytes, without ranges. */
static bool twin_matches(const char *pattern, const char *text) /* NOLINT(misc-no-recursion) */
{
    if (*pattern == 0) return *text == 0;
    if (*pattern == '*') {
        return twin_matches(pattern + 1, text) || (*text && twin_matches(pattern, text + 1));
    }
    if (*text == 0) return false;
    if (*pattern == '?') return twin_matches(pattern + 1, text + 1);
    if (*pattern == '[') {
        const char *end = strchr(pattern + 2, ']');
        bool is_in = memchr(pattern + 1, *text, (size_t)(end - pattern - 1)) != NULL;
        return is_in && twin_matches(end + 1, text + 1);
    }
    return *pattern == *text && twin_matches(pattern + 1, text + 1);
}

/* Goal:   patterns match what they say, with any number of '*'.
 * Method: random patterns on random texts of few letters, against the twin. */
START_TEST(pattern_matches_as_its_twin)
{
    static const char *const elements[] = {"a", "b", "?", "*", "*", "[ab]", "[b]"};
    struct random random;
    random_init(&random, 3);
    int matched = 0;
    for (int i = 0; i < 200000; i++) {
        char pattern[64] = "", text[16] = "";
        size_t size = 0;
        for (uint64_t j = random_below(&random, 9); j > 0; j--) {
            const char *element = elements[random_below(&random, 7)];
            memcpy(pattern + size, element, strlen(element) + 1);
            size += strlen(element);
        }
        for (uint64_t j = random_below(&random, 10), k = 0; k < j; k++) {
            text[k] = (char)('a' + random_below(&random, 3));
        }
        bool expected = twin_matches(pattern, text);
        ck_assert_msg(text_matches(pattern, text) == expected, "%s on %s", pattern, text);
        matched += expected;
    }
    ck_assert_int_gt(matched, 20000);
}
END_TEST

/* Goal:   no pattern takes long.
 * Method: one that a matcher which tries every '*' again would not finish within a year. */
START_TEST(pattern_takes_no_time)
{
    static char text[20001];
    memset(text, 'a', sizeof text - 1);
    ck_assert(!text_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
    ck_assert(text_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*", text));
}
END_TEST

/* Goal:   what goes into names and texts can be shown anywhere.
 * Method: rows: the first and last character of every length, and what only looks like one. */
START_TEST(utf8_is_clean)
{
    static const struct {
        const char *why, *text;
        size_t size;
        bool is_clean;
    } cases[] = {
        {"nothing", "", 0, true},
        {"plain letters", "boiler 1~", 9, true},
        {"two bytes", "\xc2\x80\xdf\xbf", 4, true},
        {"three bytes", "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12, true},
        {"four bytes", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8, true},
        {"a zero byte", "a\0b", 3, false},
        {"a tab", "a\tb", 3, false},
        {"a delete", "a\x7f", 2, false},
        {"a line end", "a\n", 2, false},
        {"a byte that only continues", "\x80", 1, false},
        {"one cut short", "\xc3", 1, false},
        {"three cut short", "\xe2\x82", 2, false},
        {"a letter where one should continue", "\xc3(", 2, false},
        {"two bytes for an ASCII letter", "\xc1\x81", 2, false},
        {"three bytes where two do", "\xe0\x9f\xbf", 3, false},
        {"four bytes where three do", "\xf0\x8f\xbf\xbf", 4, false},
        {"half of a pair", "\xed\xa0\x80", 3, false},
        {"behind the last", "\xf4\x90\x80\x80", 4, false},
        {"five bytes", "\xf8\x88\x80\x80\x80", 5, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* A copy of its own size, so that the sanitizer sees a byte too many. */
        char *copy = malloc(cases[i].size + 1);
        ck_assert_ptr_nonnull(copy);
        char *text = copy + 1;
        memcpy(text, cases[i].text, cases[i].size);
        ck_assert_msg(text_is_clean_utf8(text, cases[i].size) == cases[i].is_clean, "%s",
                      cases[i].why);
        free(copy);
    }
}
END_TEST

/* Goal:   "did you mean" finds the nearest name, and no name is too long for it.
 * Method: rows; each also the other way round. */
START_TEST(distance_counts_edits)
{
    static const struct {
        const char *left, *right;
        unsigned limit, distance;
    } cases[] = {
        {"", "", 3, 0},
        {"listen", "listen", 0, 0},
        {"listen", "lisen", 3, 1},
        {"listen", "listem", 3, 1},
        {"listen", "liisten", 3, 1},
        {"tags", "tgas", 3, 2},
        {"kitten", "sitting", 9, 3},
        {"", "abc", 9, 3},
        {"kitten", "sitting", 2, 3},
        {"abcdefgh", "ijklmnop", 3, 4},
        {"a", "b", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(text_distance(cases[i].left, cases[i].right, cases[i].limit),
                          cases[i].distance);
        ck_assert_uint_eq(text_distance(cases[i].right, cases[i].left, cases[i].limit),
                          cases[i].distance);
    }
    char longest[64 + 1] = "", longer[65 + 1] = "";
    memset(longest, 'a', sizeof longest - 1);
    memset(longer, 'a', sizeof longer - 1);
    ck_assert_uint_eq(text_distance(longest, "a", 1000), 63);
    ck_assert_uint_eq(text_distance(longer, longest, 3), 4);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        integer_comes_back,
        integer_is_all_of_the_text,
        hex_comes_back,
        pattern_finds_what_is_meant,
        pattern_matches_as_its_twin,
        pattern_takes_no_time,
        utf8_is_clean,
        distance_counts_edits,
    };
    return unit_run("text", tests, sizeof tests / sizeof *tests);
}
