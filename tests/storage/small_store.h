/* A small store on a disk in memory that can fail, for tests of one part of the store. */
#ifndef TESTS_STORAGE_SMALL_STORE_H
#define TESTS_STORAGE_SMALL_STORE_H

#include <stdio.h>
#include <string.h>

#include "storage/base/file_fault.h"
#include "storage/base/file_memory.h"
#include "storage/store.h"
#include "tests/unit.h"

#define SMALL_SECOND_NS INT64_C(1000000000)
#define SMALL_EPOCH_NS (INT64_C(1760000000) * SMALL_SECOND_NS)

struct small_store {
    struct file_memory *memory;
    struct file_fault *fault;
    struct clock_virtual clock;
    struct store_options options;
    struct store *store;
    struct error error;
};

static inline void small_store_init(struct small_store *small)
{
    *small = (struct small_store){0};
    clock_virtual_init(&small->clock, SMALL_EPOCH_NS + 3600 * SMALL_SECOND_NS);
    ASSERT_OK(file_memory_create(&small->memory, &small->error), &small->error);
    ASSERT_OK(file_fault_create(&small->fault, file_memory_system(small->memory), &small->error),
              &small->error);
    small->options = (struct store_options){
        .file_system = file_fault_system(small->fault),
        .clock = &small->clock.clock,
        .path = "store",
        .memory_bytes_max = 8 << 20,
        .wal_file_bytes = 256 << 10,
        .node = 77,
        .generation = 3,
        .manual = true,
    };
}

static inline void small_store_open(struct small_store *small)
{
    ASSERT_OK(store_open(&small->store, &small->options, &small->error), &small->error);
}

static inline void small_store_close(struct small_store *small)
{
    ASSERT_OK(store_close(small->store, &small->error), &small->error);
    small->store = NULL;
}

static inline void small_store_finish(struct small_store *small)
{
    if (small->store)
        (void)store_close(small->store, &small->error); /* it may have failed before */
    file_fault_destroy(small->fault);
    file_memory_destroy(small->memory);
}

static inline uint32_t small_store_tag(struct small_store *small, const char *name, uint8_t type)
{
    struct tag_definition definition = {.name = name,
                                        .unit = "",
                                        .description = "",
                                        .states = "",
                                        .source = "",
                                        .attributes = "",
                                        .type = type};
    uint32_t number;
    ASSERT_OK(store_tags_create(small->store, &definition, 1, &number, &small->error),
              &small->error);
    return number;
}

/* One sample of an i64 tag, so many seconds after the epoch. */
static inline enum status small_store_append(struct small_store *small, uint32_t tag,
                                             int64_t second, uint64_t value)
{
    int64_t time_ns = SMALL_EPOCH_NS + second * SMALL_SECOND_NS;
    struct batch batch = {.sample_count = 1, .tag = tag, .times_ns = &time_ns, .values = &value};
    uint64_t ticket;
    enum status status = store_append(small->store, &batch, &ticket, &small->error);
    return status == STATUS_OK ? store_wait(small->store, ticket, &small->error) : status;
}

static inline struct store_statistics small_store_statistics(struct small_store *small)
{
    struct store_statistics statistics;
    ASSERT_OK(store_statistics(small->store, &statistics, &small->error), &small->error);
    return statistics;
}

static inline enum status small_store_count_name(void *context, const char *name)
{
    uint64_t *count = context;
    (void)name;
    (*count)++;
    return STATUS_OK;
}

/* Files in a directory of the store, as the disk has them. */
static inline uint64_t small_store_file_count(struct small_store *small, const char *directory)
{
    char path[64];
    uint64_t count = 0;
    (void)snprintf(path, sizeof path, "store/%s", directory);
    ASSERT_OK(file_list(file_memory_system(small->memory), path, small_store_count_name, &count,
                        &small->error),
              &small->error);
    return count;
}

#endif
