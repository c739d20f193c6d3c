#include "storage/base/text.h"

#include <math.h>

#include "storage/base/bytes.h"
#include "storage/base/random.h"
#include "tests/unit.h"

/* ---- A slow twin of the writers ---- */

/* What sets double and float apart. */
struct form {
    size_t (*write)(char *target, double value);
    bool (*reads_back)(const char *text, double value);
    int digits_max;
};

static size_t write_double(char *target, double value)
{
    return text_from_double(target, value);
}

static bool double_reads_back(const char *text, double value)
{
    return strtod(text, NULL) == value;
}

static size_t write_float(char *target, double value)
{
    return text_from_float(target, (float)value);
}

static bool float_reads_back(const char *text, double value)
{
    return strtof(text, NULL) == (float)value;
}

static const struct form form_double = {write_double, double_reads_back, 17};
static const struct form form_float = {write_float, float_reads_back, 9};

/* The fewest digits, and of those the closest, by trying all lengths and the neighbours of what
 * printf() gives. Returns the exponent of the first digit. */
static int twin_digits(char *digits, const struct form *form, double magnitude)
{
    for (int count = 1; count <= form->digits_max; count++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%.*e", count - 1, magnitude);
        unsigned long long nearest = 0;
        char *next = text;
        for (; *next != 'e'; next++) {
            if (*next != '.') nearest = nearest * 10 + (unsigned long long)(*next - '0');
        }
        int exponent = atoi(next + 1) - (count - 1); /* NOLINT(cert-err34-c) */
        static const int steps[] = {0, 1, -1};
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            unsigned long long number = nearest + (unsigned long long)steps[i];
            (void)snprintf(text, sizeof text, "%llue%d", number, exponent);
            if (!form->reads_back(text, magnitude)) continue;
            int size = snprintf(digits, 32, "%llu", number);
            return exponent + size - 1;
        }
    }
    ck_abort_msg("%a has no decimal", magnitude);
    return 0;
}

static void twin_write(char *target, const struct form *form, double value)
{
    char digits[32];
    int exponent = twin_digits(digits, form, fabs(value));
    size_t count = strlen(digits);
    while (count > 1 && digits[count - 1] == '0') count--;
    char *next = target;
    if (value < 0) *next++ = '-';
    if (exponent < -4 || exponent >= 15) {
        (void)snprintf(next, 40, "%c%s%.*se%+03d", digits[0], count > 1 ? "." : "", (int)count - 1,
                       digits + 1, exponent);
        return;
    }
    if (exponent < 0) next += snprintf(next, 8, "0.%.*s", -exponent - 1, "000");
    for (int i = 0; i < (int)count || i <= exponent; i++) {
        if (i == exponent + 1 && exponent >= 0) *next++ = '.';
        char digit = '0';
        if (i < (int)count) digit = digits[i];
        *next++ = digit;
    }
    *next = 0;
}

static void check_written(const struct form *form, double value)
{
    char expected[64], written[TEXT_NUMBER_BYTES_MAX + 1];
    twin_write(expected, form, value);
    size_t size = form->write(written, value);
    written[size] = 0;
    if (strcmp(written, expected) == 0) return; /* ck_assert() takes longer than all of this */
    ck_abort_msg("%a: %s, expected %s", value, written, expected);
}

/* ---- Numbers ---- */

/* Of every kind that a plant or a bad day brings forth. */
static double random_number(struct random *random)
{
    double decimal = (double)random_below(random, 1ULL << random_below(random, 51));
    switch (random_below(random, 8)) {
    case 0: return decimal / pow(10, (double)random_below(random, 16));
    case 1: return decimal * pow(10, (double)random_below(random, 30));
    case 2: return decimal / pow(10, (double)random_below(random, 40));
    case 3: return (random_double(random) - 0.5) * pow(2, (double)random_below(random, 40));
    case 4: return random_double(random) * pow(10, -(double)random_below(random, 30));
    case 5: return ldexp(1, (int)random_below(random, 2098) - 1074);
    case 6:
        return double_of_bits(
            random_below(random, 1ULL << random_below(random, 53))); /* subnormal */
    default: return double_of_bits(random_u64(random));
    }
}

static void check_double_comes_back(double value)
{
    char text[TEXT_NUMBER_BYTES_MAX];
    size_t size = text_from_double(text, value);
    double again = 0;
    if (text_to_double(text, size, &again) && bits_of_double(again) == bits_of_double(value))
        return;
    ck_abort_msg("%a: %.*s: %a", value, (int)size, text, again);
}

static void check_float_comes_back(float value)
{
    char text[TEXT_NUMBER_BYTES_MAX];
    size_t size = text_from_float(text, value);
    float again = 0;
    if (text_to_float(text, size, &again) && bits_of_float(again) == bits_of_float(value)) return;
    ck_abort_msg("%a: %.*s: %a", (double)value, (int)size, text, (double)again);
}

/* ---- Tests ---- */

/* Goal:   numbers look as an engineer and PostgreSQL write them.
 * Method: rows. */
START_TEST(number_is_written_as_people_do)
{
    static const struct {
        const char *why;
        double value;
        const char *text;
    } cases[] = {
        {"a plant's value", 21.375, "21.375"},
        {"nothing but a number of tenths", 0.1, "0.1"},
        {"nothing", 0, "0"},
        {"nothing, from below", -0.0, "-0"},
        {"a whole number", -40, "-40"},
        {"the last plain whole number", 999999999999999, "999999999999999"},
        {"the first one that is not", 1e15, "1e+15"},
        {"15 digits and two more", 123456789012345.67, "123456789012345.67"},
        {"the least plain fraction", 0.0001, "0.0001"},
        {"the next power", 0.00001, "1e-05"},
        {"one with digits", -0.000015, "-1.5e-05"},
        {"full precision", 1.0 / 3, "0.3333333333333333"},
        {"17 digits", 0.1 + 0.2, "0.30000000000000004"},
        {"the closest of 16 digits reads back as another", 0x1p-44, "5.684341886080802e-14"},
        {"the greatest", 1.7976931348623157e308, "1.7976931348623157e+308"},
        {"the least normal", 2.2250738585072014e-308, "2.2250738585072014e-308"},
        {"the least", 4.9406564584124654e-324, "5e-324"},
        {"over the range", (double)INFINITY, "inf"},
        {"under the range", -(double)INFINITY, "-inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TEXT_NUMBER_BYTES_MAX + 1];
        text[text_from_double(text, cases[i].value)] = 0;
        ck_assert_msg(strcmp(text, cases[i].text) == 0, "%s: %s", cases[i].why, text);
        check_double_comes_back(cases[i].value);
    }
    char text[TEXT_NUMBER_BYTES_MAX + 1];
    text[text_from_float(text, 21.3F)] = 0;
    ck_assert_str_eq(text, "21.3");
    text[text_from_float(text, 16777216.0F)] = 0;
    ck_assert_str_eq(text, "16777216");
    text[text_from_float(text, 3.4028235e38F)] = 0;
    ck_assert_str_eq(text, "3.4028235e+38");
    text[text_from_float(text, -1e-45F)] = 0;
    ck_assert_str_eq(text, "-1e-45");
}
END_TEST

/* Goal:   a NaN keeps its payload and its sign, a signalling one too; nothing else has bits.
 * Method: some of each kind there and back; bits that are numbers. */
START_TEST(number_keeps_the_bits_of_a_nan)
{
    static const uint64_t bits[] = {0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001,
                                    0xfff4deadbeef0001, 0x7fffffffffffffff};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        check_double_comes_back(double_of_bits(bits[i]));
    }
    static const uint32_t float_bits[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345};
    for (size_t i = 0; i < sizeof float_bits / sizeof *float_bits; i++) {
        check_float_comes_back(float_of_bits(float_bits[i]));
    }
    char text[TEXT_NUMBER_BYTES_MAX + 1];
    text[text_from_double(text, double_of_bits(bits[3]))] = 0;
    ck_assert_str_eq(text, "0xfff4deadbeef0001");
    text[text_from_float(text, float_of_bits(float_bits[3]))] = 0;
    ck_assert_str_eq(text, "0xff812345");

    double value;
    float half;
    ck_assert(!text_to_double("0x7ff0000000000000", 18, &value));
    ck_assert(!text_to_double("0x4035600000000000", 18, &value));
    ck_assert(!text_to_double("0x7fc00000", 10, &value));
    ck_assert(!text_to_float("0x7f800000", 10, &half));
    ck_assert(!text_to_float("0x7ff8000000000000", 18, &half));
}
END_TEST

/* Goal:   the text is the one that the definition names: fewest digits, then closest, laid out.
 * Method: against a twin that tries all lengths, on numbers of all kinds. */
START_TEST(number_is_written_shortest)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", 40);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct random random;
        random_init(&random, seed);
        for (int i = 0; i < 1000; i++) {
            double value = random_number(&random);
            if (isfinite(value) && value != 0) check_written(&form_double, value);
            value = (double)(float)value;
            if (isfinite(value) && value != 0) check_written(&form_float, value);
            value = (double)float_of_bits((uint32_t)random_u64(&random));
            if (isfinite(value) && value != 0) check_written(&form_float, value);
        }
    }
}
END_TEST

/* Goal:   around every power of two and of ten the shortest is right too.
 * Method: each with its neighbours, against the twin. */
START_TEST(number_is_written_shortest_at_edges)
{
    for (int exponent = -1074; exponent < 1024; exponent++) {
        double power = ldexp(1, exponent);
        check_written(&form_double, power);
        if (power > 4.9406564584124654e-324) check_written(&form_double, nextafter(power, 0));
        check_written(&form_double, -nextafter(power, (double)INFINITY));
    }
    for (int exponent = -149; exponent < 128; exponent++) {
        float power = ldexpf(1, exponent);
        check_written(&form_float, (double)power);
        if (exponent > -149) check_written(&form_float, (double)nextafterf(power, 0));
        check_written(&form_float, (double)nextafterf(power, INFINITY));
    }
    for (int exponent = -323; exponent <= 308; exponent++) {
        char text[16];
        (void)snprintf(text, sizeof text, "1e%d", exponent);
        double power = strtod(text, NULL);
        check_written(&form_double, power);
        check_written(&form_double, nextafter(power, 0));
        check_written(&form_double, nextafter(power, (double)INFINITY));
        float half = strtof(text, NULL);
        if (half == 0 || isinf(half)) continue;
        check_written(&form_float, (double)half);
        check_written(&form_float, (double)nextafterf(half, INFINITY));
    }
}
END_TEST

/* Goal:   every bit pattern comes back.
 * Method: millions of them, of all kinds. */
START_TEST(number_comes_back)
{
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 2));
    for (int i = 0; i < 1000000; i++) {
        check_double_comes_back(random_number(&random));
        check_float_comes_back(float_of_bits((uint32_t)random_u64(&random)));
    }
}
END_TEST

/* Goal:   texts are read as people mean them, and nothing else is a number.
 * Method: rows; each as all of a text with other digits behind it, so that its end is respected. */
START_TEST(number_is_read_as_people_write_it)
{
    static const struct {
        const char *text;
        bool is_number;
        double value;
    } cases[] = {
        {"21.375", true, 21.375},
        {"+21.375", true, 21.375},
        {"-.5", true, -0.5},
        {"5.", true, 5},
        {"007", true, 7},
        {"-0", true, -0.0},
        {"0e9999999999999999999999", true, 0},
        {"1E3", true, 1000},
        {"1e+03", true, 1000},
        {"1.5e-05", true, 1.5e-5},
        {"123456789012345678901234567890", true, 123456789012345678901234567890.0},
        {"0.000000000000000000000000000000000000000012", true, 1.2e-41},
        {"9007199254740993", true, 9007199254740992.0},
        {"9007199254740993.00000000000000000000000000001", true, 9007199254740994.0},
        {"1.7976931348623157e308", true, 1.7976931348623157e308},
        {"1e-400", true, 0},
        {"inf", true, (double)INFINITY},
        {"-Infinity", true, -(double)INFINITY},
        {"1.7976931348623159e308", false, 0},
        {"1e400", false, 0},
        {"-1e99999999999999999999", false, 0},
        {"1e18446744073709551616", false, 0},
        {"", false, 0},
        {"+", false, 0},
        {".", false, 0},
        {"-.", false, 0},
        {"e5", false, 0},
        {".e5", false, 0},
        {"1e", false, 0},
        {"1e+", false, 0},
        {"1e5.", false, 0},
        {"1e5e5", false, 0},
        {"1.2.3", false, 0},
        {"--1", false, 0},
        {"+-1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1,5", false, 0},
        {"1_000", false, 0},
        {"0x10", false, 0},
        {"0x1p3", false, 0},
        {"infin", false, 0},
        {"in", false, 0},
        {"1d5", false, 0},
        {"1f", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        size_t size = strlen(cases[i].text);
        (void)snprintf(text, sizeof text, "%s55", cases[i].text);
        double value = 4711;
        float half = 4711;
        bool is_number = text_to_double(text, size, &value);
        ck_assert_msg(is_number == cases[i].is_number, "%s", cases[i].text);
        ck_assert_msg(bits_of_double(value) == bits_of_double(is_number ? cases[i].value : 4711),
                      "%s: %a", cases[i].text, value);
        is_number = text_to_float(text, size, &half);
        if (fabs(cases[i].value) > 1e300 && isfinite(cases[i].value)) {
            ck_assert(!is_number);
        } else {
            ck_assert(is_number == cases[i].is_number);
        }
    }
    static const char *const nans[] = {"nan", "NaN", "-nan", "+NAN"};
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        double value;
        float half;
        ck_assert(text_to_double(nans[i], strlen(nans[i]), &value) && isnan(value));
        ck_assert(text_to_float(nans[i], strlen(nans[i]), &half) && isnan(half));
    }
}
END_TEST

static void check_read(const char *text)
{
    size_t size = strlen(text);
    double value = 0, expected = strtod(text, NULL);
    bool is_double = isfinite(expected);
    if (!is_double) expected = 0;
    bool is_number = text_to_double(text, size, &value);
    if (is_number != is_double || bits_of_double(value) != bits_of_double(expected)) {
        ck_abort_msg("%s: %a, expected %a", text, value, expected);
    }
    float half = 0, half_expected = strtof(text, NULL);
    bool is_half = isfinite(half_expected);
    if (!is_half) half_expected = 0;
    is_number = text_to_float(text, size, &half);
    if (is_number != is_half || bits_of_float(half) != bits_of_float(half_expected)) {
        ck_abort_msg("%s: %a, expected %a", text, (double)half, (double)half_expected);
    }
}

/* Goal:   every decimal is rounded correctly, also just beside the middle of two numbers.
 * Method: against strtod() and strtof(): random digits with points and exponents; the exact middle
 *         between two neighbours, and a little beside it, for doubles and for floats. */
START_TEST(number_is_read_correctly_rounded)
{
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 3));
    for (int i = 0; i < 200000; i++) {
        char text[128];
        char *next = text;
        if (random_chance(&random, 1, 4)) *next++ = random_chance(&random, 1, 2) ? '-' : '+';
        uint64_t digits = 1 + random_below(&random, random_chance(&random, 1, 8) ? 60 : 20);
        uint64_t point = random_below(&random, 2 * digits);
        for (uint64_t j = 0; j < digits; j++) {
            if (j == point) *next++ = '.';
            *next++ = (char)('0' + random_below(&random, random_chance(&random, 1, 3) ? 1 : 10));
        }
        *next = 0;
        int reach = random_chance(&random, 1, 2) ? 25 : 340;
        int exponent = (int)random_below(&random, 2 * (uint64_t)reach) - reach;
        if (random_chance(&random, 2, 3)) (void)snprintf(next, 16, "e%d", exponent);
        check_read(text);
    }
    for (int i = 0; i < 10000; i++) {
        /* The double of 16 digits here is often the middle of two floats, the decimal never. */
        char text[32];
        double middle = 4 + (double)(2 * random_below(&random, 1 << 23) + 1) * 0x1p-22;
        if (middle >= 8) continue;
        (void)snprintf(text, sizeof text, "%.15f", middle);
        check_read(text);
    }
    for (int i = 0; i < 10000; i++) {
        static char text[1400];
        /* One bit behind the 53 of a double, or behind the 24 of a float. */
        int lost_bits = random_chance(&random, 1, 2) ? 1 : 30;
        uint64_t mantissa = (random_u64(&random) >> 10) | 1ULL << 53;
        mantissa = (mantissa >> lost_bits << lost_bits) | 1ULL << (lost_bits - 1);
        int range = lost_bits == 1 ? 1000 : 150;
        int exponent = (int)random_below(&random, (uint64_t)range) - range / 2 - 53;
        if (random_chance(&random, 1, 2)) exponent = -(int)random_below(&random, 70);
        long double middle = ldexpl((long double)mantissa, exponent);
        int size = snprintf(text, sizeof text - 8, "%.*Lf", exponent < 0 ? -exponent : 0, middle);
        check_read(text);
        if (!strchr(text, '.')) text[size++] = '.';
        memcpy(text + size, random_chance(&random, 1, 2) ? "0001" : "0000", 5);
        check_read(text);
    }
}
END_TEST

/* Goal:   digits without end still decide.
 * Method: the middle between 1 and its next, a thousand zeros, and a last digit or none; the same
 *         shifted by zeros in front and an exponent. */
START_TEST(number_of_endless_digits_is_read)
{
    static const char middle[] = "1.00000000000000011102230246251565404236316680908203125";
    static char text[4096];
    size_t size = strlen(middle);
    memcpy(text, middle, size);
    memset(text + size, '0', 2000);
    size += 2000;
    double value;
    ck_assert(text_to_double(text, size, &value) && value == 1);
    text[size - 1] = '1';
    ck_assert(text_to_double(text, size, &value) && value == nextafter(1, 2));

    memset(text, '0', 2000);
    text[1] = '.';
    size = 2000 + (size_t)snprintf(text + 2000, 16, "25e%d", 2000);
    ck_assert(text_to_double(text, size, &value) && value == 25);
    float half;
    ck_assert(text_to_float(text, size, &half) && half == 25);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        number_is_written_as_people_do,
        number_keeps_the_bits_of_a_nan,
        number_is_written_shortest,
        number_is_written_shortest_at_edges,
        number_comes_back,
        number_is_read_as_people_write_it,
        number_is_read_correctly_rounded,
        number_of_endless_digits_is_read,
    };
    return unit_run("text_number", tests, sizeof tests / sizeof *tests);
}
