#include "storage/wal_directory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/disk_names.h"

void wal_path(char *target, const char *directory, uint64_t number)
{
    int length = snprintf(target, FILE_PATH_BYTES_MAX, "%s/" DISK_WAL_FORMAT, directory, number);
    ASSERT(length > 0 && length < FILE_PATH_BYTES_MAX);
}

void wal_spare_path(char *target, const char *directory, uint64_t number)
{
    int length =
        snprintf(target, FILE_PATH_BYTES_MAX, "%s/" DISK_WAL_SPARE_FORMAT, directory, number);
    ASSERT(length > 0 && length < FILE_PATH_BYTES_MAX);
}

/* Whether the name is exactly what the format makes of a number that can be. */
static bool name_has_number(const char *name, const char *suffix, uint64_t *out_number)
{
    enum { DIGITS = 16 };
    if (strlen(name) != DIGITS + strlen(suffix) || strcmp(name + DIGITS, suffix) != 0) return false;
    if (strspn(name, "0123456789abcdef") < DIGITS) return false;
    *out_number = strtoull(name, NULL, 16);
    return *out_number <= WAL_NUMBER_MAX;
}

static enum status numbers_add(struct wal_numbers *numbers, uint64_t number, struct error *error)
{
    if (numbers->count == numbers->capacity) {
        size_t capacity = numbers->capacity ? 2 * numbers->capacity : 64;
        uint64_t *grown = realloc(numbers->numbers, capacity * sizeof *grown);
        if (!grown) return error_set(error, STATUS_NO_MEMORY, "%zu log files", capacity);
        numbers->numbers = grown;
        numbers->capacity = capacity;
    }
    numbers->numbers[numbers->count++] = number;
    return STATUS_OK;
}

struct listing {
    struct wal_directory directory;
    struct error *error;
};

static enum status listing_visit(void *context, const char *name)
{
    struct listing *listing = context;
    uint64_t number;
    if (name_has_number(name, ".wal", &number)) {
        return numbers_add(&listing->directory.files, number, listing->error);
    }
    if (name_has_number(name, ".spare", &number)) {
        return numbers_add(&listing->directory.spares, number, listing->error);
    }
    return STATUS_OK;
}

static int number_order(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static void numbers_sort(struct wal_numbers *numbers)
{
    if (numbers->count < 2) return;
    qsort(numbers->numbers, numbers->count, sizeof *numbers->numbers, number_order);
}

enum status wal_directory_read(struct wal_directory *out_directory, struct file_system *file_system,
                               const char *path, struct error *error)
{
    struct listing listing = {.error = error};
    enum status status = file_list(file_system, path, listing_visit, &listing, error);
    if (status == STATUS_NOT_FOUND) status = error_set(error, STATUS_IO, "%s is missing", path);
    if (status < 0) goto fail;

    numbers_sort(&listing.directory.files);
    numbers_sort(&listing.directory.spares);
    *out_directory = listing.directory;
    return STATUS_OK;

fail:
    wal_directory_finish(&listing.directory);
    return status;
}

void wal_directory_finish(struct wal_directory *directory)
{
    free(directory->files.numbers);
    free(directory->spares.numbers);
    *directory = (struct wal_directory){0};
}
