/* Text: numbers as people write them, patterns of names, and hexadecimal. */
#ifndef STORAGE_BASE_TEXT_H
#define STORAGE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_NUMBER_BYTES_MAX = 40 };

/* The decimal of fewest digits that reads back as the same bits, of those the closest (of two
 * equally close the even one); plain from 0.0001 up to 15 digits before the point, else with an
 * exponent of at least two digits ("1e+15", "1.5e-05"), as PostgreSQL writes doubles. NaN as 0x and the 16 (8) hexadecimal digits of its bits; inf, -inf; -0.
 * Returns the length; target holds TEXT_NUMBER_BYTES_MAX. No ending zero is written. */
size_t text_from_double(char *target, double value);
size_t text_from_float(char *target, float value);
size_t text_from_i64(char *target, int64_t value);

/* All of text[0..size) must be the number. Reads what text_from_* write (the 0x form of NaN
 * included), leading +, usual forms of decimals, inf, infinity and nan in any case; correctly
 * rounded. False for a decimal too large: only the word is infinite. */
bool text_to_double(const char *text, size_t size, double *out_value);
bool text_to_float(const char *text, size_t size, float *out_value);
bool text_to_i64(const char *text, size_t size, int64_t *out_value);

/* Hexadecimal of exactly digits digits, most significant first: lower case; reads 1 to 16 of
 * either case. */
void text_from_hex(char *target, uint64_t value, unsigned digits);
bool text_to_hex(const char *text, size_t size, uint64_t *out_value);

/* '*' any run, '?' one character (of UTF-8), '[a-z]' '[!a-z]' sets, '\' takes the next as it is.
 * In a set, ']' stands first and '-' first or last for itself; a set left open matches nothing.
 * Never recursive, time at most |pattern| x |text|. */
bool text_matches(const char *pattern, const char *text);

/* Well-formed UTF-8 without zero bytes and other control characters of ASCII. */
bool text_is_clean_utf8(const char *text, size_t size);

/* Bytes to add, remove or replace that lead from one to the other, at most limit + 1: for "did you
 * mean". Texts of more than 64 bytes are limit + 1 apart. */
unsigned text_distance(const char *left, const char *right, unsigned limit);

#endif
