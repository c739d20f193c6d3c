/* What a fuzzer defines: one call with any bytes. It must neither crash nor hang; what it finds
 * wrong it ASSERTs. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The name is libFuzzer's. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size); /* NOLINT(*-identifier-naming) */

#endif
