#include "storage/base/text.h"

#include <string.h>

/* ---- Integers ---- */

enum { UINT64_DIGITS_MAX = 20 };

static size_t write_u64(char *target, uint64_t value)
{
    char reversed[UINT64_DIGITS_MAX];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < count; i++) target[i] = reversed[count - 1 - i];
    return count;
}

size_t text_from_i64(char *target, int64_t value)
{
    size_t size = 0;
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        target[size++] = '-';
        magnitude = 0 - magnitude;
    }
    return size + write_u64(target + size, magnitude);
}

void text_from_hex(char *target, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0;) {
        target[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_to_i64(const char *text, size_t size, int64_t *out_value)
{
    size_t at = 0;
    bool negative = size > 0 && text[0] == '-';
    if (size > 0 && (text[0] == '-' || text[0] == '+')) at = 1;
    if (at == size) return false;
    uint64_t magnitude = 0;
    for (; at < size; at++) {
        if (!is_digit(text[at])) return false;
        if (__builtin_mul_overflow(magnitude, (uint64_t)10, &magnitude)) return false;
        if (__builtin_add_overflow(magnitude, (uint64_t)(text[at] - '0'), &magnitude)) return false;
    }
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (magnitude > limit) return false;
    *out_value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

bool text_to_hex(const char *text, size_t size, uint64_t *out_value)
{
    if (size == 0 || size > 16) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        unsigned digit;
        if (is_digit(c)) {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (unsigned)(c - 'A') + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    *out_value = value;
    return true;
}

/* ---- Characters ---- */

/* The bytes of the well-formed character of UTF-8 at text[0..size), 0 when there is none. */
static size_t character_read(const char *text, size_t size, uint32_t *out_character)
{
    if (size == 0) return 0;
    uint8_t first = (uint8_t)text[0];
    *out_character = first;
    if (first < 0x80) return 1;

    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first < 0xc2 || first > 0xf4 || size < length) return 0;
    uint32_t character = first & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        uint8_t next = (uint8_t)text[i];
        if ((next & 0xc0) != 0x80) return 0;
        character = character << 6 | (next & 0x3f);
    }
    bool is_short = length == 3 ? character < 0x800 : length == 4 && character < 0x10000;
    bool is_half = character >= 0xd800 && character <= 0xdfff;
    if (is_short || is_half || character > 0x10ffff) return 0;
    *out_character = character;
    return length;
}

bool text_is_clean_utf8(const char *text, size_t size)
{
    while (size > 0) {
        uint32_t character;
        size_t length = character_read(text, size, &character);
        if (length == 0 || character < ' ' || character == 0x7f) return false;
        text += length;
        size -= length;
    }
    return true;
}

/* ---- Patterns ---- */

/* The next character, which is not the ending zero. A byte that is no UTF-8 counts as one, and
 * as none of Unicode's. */
static uint32_t character_take(const char **text)
{
    enum { NO_CHARACTER = 0x110000 };
    uint32_t character;
    size_t length = character_read(*text, strnlen(*text, 4), &character);
    if (length == 0) character = NO_CHARACTER + (uint8_t) * *text;
    *text += length > 0 ? length : 1;
    return character;
}

/* The next character of a pattern as it is, behind a backslash if there is one. */
static uint32_t literal_take(const char **pattern)
{
    if ((*pattern)[0] == '\\' && (*pattern)[1]) ++*pattern;
    return character_take(pattern);
}

/* Whether the set behind '[' has the character; *pattern is moved behind the set. One that never
 * ends has none. */
static bool set_take(const char **pattern, uint32_t character)
{
    bool is_inverse = **pattern == '!' || **pattern == '^';
    if (is_inverse) ++*pattern;
    bool is_in = false;
    for (bool is_first = true; **pattern && (is_first || **pattern != ']'); is_first = false) {
        uint32_t low = literal_take(pattern);
        uint32_t high = low;
        if ((*pattern)[0] == '-' && (*pattern)[1] && (*pattern)[1] != ']') {
            ++*pattern;
            high = literal_take(pattern);
        }
        is_in |= low <= character && character <= high;
    }
    if (!**pattern) return false;
    ++*pattern;
    return is_in != is_inverse;
}

/* One character of the text against one element of the pattern, which is not '*'; both move. */
static bool element_matches(const char **pattern, const char **text)
{
    uint32_t character = character_take(text);
    switch (**pattern) {
    case 0: return false;
    case '?': ++*pattern; return true;
    case '[': ++*pattern; return set_take(pattern, character);
    default: return literal_take(pattern) == character;
    }
}

bool text_matches(const char *pattern, const char *text)
{
    /* If what follows a '*' does not match here, the '*' takes one character more. Earlier ones
     * need not be tried again: what they took already is the least. */
    const char *star = NULL, *star_text = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            star_text = text;
            continue;
        }
        if (element_matches(&pattern, &text)) continue;
        if (!star) return false;
        (void)character_take(&star_text);
        pattern = star;
        text = star_text;
    }
    while (*pattern == '*') pattern++;
    return *pattern == 0;
}

/* ---- Distance ---- */

unsigned text_distance(const char *left, const char *right, unsigned limit)
{
    enum { WORD_MAX = 64 };
    size_t left_size = strlen(left), right_size = strlen(right);
    if (left_size > WORD_MAX || right_size > WORD_MAX) return limit + 1;
    unsigned row[WORD_MAX + 1];
    for (size_t j = 0; j <= right_size; j++) row[j] = (unsigned)j;
    for (size_t i = 1; i <= left_size; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= right_size; j++) {
            unsigned best = diagonal + (left[i - 1] != right[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[right_size] <= limit ? row[right_size] : limit + 1;
}
