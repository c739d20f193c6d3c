/* Goal:   what a fuzzer once found stays repaired.
 * Method: give its function every file of its corpus directory, the argument, and nothing at all. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_BYTES_MAX = 1 << 20 };

static void replay(const char *directory, const char *name)
{
    static uint8_t input[INPUT_BYTES_MAX];
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t size = fread(input, 1, sizeof input, file);
    (void)fclose(file);

    /* A copy of its own size, so that the address sanitizer sees every byte past the end. */
    uint8_t *bytes = malloc(size + (size == 0));
    if (!bytes) exit(EXIT_FAILURE);
    for (size_t i = 0; i < size; i++) bytes[i] = input[i];
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
}

int main(int argc, char **argv)
{
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    if (!directory) {
        (void)fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return EXIT_FAILURE;
    }
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)); count++) {
        if (entry->d_name[0] != '.') replay(argv[1], entry->d_name);
    }
    (void)closedir(directory);
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    return count > 2 ? EXIT_SUCCESS : EXIT_FAILURE; /* more than . and .. */
}
