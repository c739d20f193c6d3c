#include "tests/simulation/allocation.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* The linker's --wrap sends malloc() to __wrap_malloc(), and __real_malloc() to malloc(). */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
void __wrap_free(void *memory);

static atomic_uint_fast64_t fail_step = UINT64_MAX;
static atomic_bool is_sticky;
static atomic_uint_fast64_t step_count;
static atomic_bool is_met;
static atomic_int_fast64_t live_count;

void allocation_fail(uint64_t step, enum allocation_failure failure)
{
    atomic_store(&is_met, false);
    atomic_store(&step_count, 0);
    atomic_store(&is_sticky, failure == ALLOCATION_STICKY);
    atomic_store(&fail_step, step);
}

void allocation_succeed(void)
{
    atomic_store(&fail_step, UINT64_MAX);
}

bool allocation_is_met(void)
{
    return atomic_load(&is_met);
}

int64_t allocation_live_count(void)
{
    return atomic_load(&live_count);
}

static bool allocation_fails(void)
{
    uint64_t planned = atomic_load(&fail_step);
    uint64_t step = atomic_fetch_add(&step_count, 1);
    if (step < planned || (step > planned && !atomic_load(&is_sticky))) return false;
    atomic_store(&is_met, true);
    return true;
}

static void *allocation_count(void *memory)
{
    if (memory) atomic_fetch_add(&live_count, 1);
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : allocation_count(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : allocation_count(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (allocation_fails()) return NULL;
    void *moved = __real_realloc(memory, size);
    return memory ? moved : allocation_count(moved);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return allocation_fails() ? NULL : allocation_count(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

char *__wrap_strndup(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    char *copy = __wrap_malloc(length + 1);
    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

void __wrap_free(void *memory)
{
    if (memory) atomic_fetch_sub(&live_count, 1);
    __real_free(memory);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */
