#include "storage/frontier.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"
#include "storage/disk_names.h"
#include "storage/sample.h"

/* The file: header, one i64 a tag, hash64 of those. */
#define FRONTIER_MAGIC 0x314e4f5246444542ull /* "BEDFRON1" */

struct frontier_header {
    uint64_t magic;
    uint32_t version;
    uint32_t features;
    uint64_t count;
    uint64_t checksum; /* of the 24 bytes before and the frontiers */
};

static_assert(sizeof(struct frontier_header) == 32, "no hidden padding reaches the disk");

enum { FRONTIER_VERSION = 1, PAGE_TAGS = 4096, PAGES_MAX = TAG_COUNT_MAX / PAGE_TAGS };

struct frontier_table {
    atomic_uint count;
    _Atomic(struct frontier_tag *) pages[PAGES_MAX]; /* owned; NULL until used */
};

/* What frontier_table_write() reads is written so that it may do so at any time: who sees that
 * samples are waiting, or no longer, sees what was set before. */
static void set_ns(int64_t *target, int64_t time_ns) /* NOLINT(readability-non-const-parameter) */
{
    __atomic_store_n(target, time_ns, __ATOMIC_RELEASE);
}

/* The first index whose time is above the limit. */
static size_t times_above(const int64_t *times_ns, size_t count, int64_t limit_ns)
{
    if (count == 0 || times_ns[0] > limit_ns) return 0;
    if (times_ns[count - 1] <= limit_ns) return count;
    size_t low = 0, high = count - 1; /* times[low] <= limit < times[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (times_ns[middle] <= limit_ns) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

struct frontier_cut frontier_cut(struct frontier_tag *tag, const int64_t *times_ns, size_t count,
                                 int64_t now_ns)
{
    int64_t horizon_ns = now_ns + FRONTIER_FUTURE_NS;
    if (tag->future_first_ns <= horizon_ns) {
        if (tag->future_last_ns > tag->frontier_ns) {
            set_ns(&tag->frontier_ns, tag->future_last_ns); /* R3 */
        }
        set_ns(&tag->future_first_ns, INT64_MAX);
    }
    struct frontier_cut cut = {.late_count = times_above(times_ns, count, tag->frontier_ns)};
    size_t due_count = times_above(times_ns, count, horizon_ns);
    if (due_count > cut.late_count) cut.ordered_count = due_count - cut.late_count;

    size_t first_stamped = cut.late_count > 0 ? 0 : cut.ordered_count;
    cut.late_needs_stamp = first_stamped < count &&
                           (tag->late_clock == 0 || times_ns[first_stamped] <= tag->late_last_ns);
    return cut;
}

/* Takes note of future samples. */
static void frontier_wait(struct frontier_tag *tag, int64_t first_ns, int64_t last_ns)
{
    bool is_first = tag->future_first_ns == INT64_MAX;
    if (is_first || last_ns > tag->future_last_ns) set_ns(&tag->future_last_ns, last_ns);
    if (first_ns < tag->future_first_ns) set_ns(&tag->future_first_ns, first_ns);
}

void frontier_advance(struct frontier_tag *tag, const struct frontier_cut *cut,
                      const int64_t *times_ns, size_t count, uint64_t stamp)
{
    size_t due_count = cut->late_count + cut->ordered_count;
    if (cut->ordered_count > 0) set_ns(&tag->frontier_ns, times_ns[due_count - 1]);
    if (due_count < count) frontier_wait(tag, times_ns[due_count], times_ns[count - 1]);
    if (cut->ordered_count == count) return;
    tag->late_clock = stamp;
    tag->late_last_ns = due_count < count ? times_ns[count - 1] : times_ns[cut->late_count - 1];
}

void frontier_raise(struct frontier_tag *tag, int64_t time_ns)
{
    if (time_ns > tag->frontier_ns) set_ns(&tag->frontier_ns, time_ns);
    tag->late_clock = 0; /* R2 */
}

void frontier_note(struct frontier_tag *tag, int64_t time_ns, int64_t now_ns)
{
    bool is_future = time_ns > now_ns + FRONTIER_FUTURE_NS;
    if (is_future) frontier_wait(tag, time_ns, time_ns);
    frontier_raise(tag, is_future ? tag->frontier_ns : time_ns);
}

struct frontier_table *frontier_table_create(void)
{
    return calloc(1, sizeof(struct frontier_table));
}

void frontier_table_destroy(struct frontier_table *table)
{
    if (!table) return;
    for (size_t i = 0; i < PAGES_MAX; i++) free(table->pages[i]);
    free(table);
}

struct frontier_tag *frontier_table_tag(struct frontier_table *table, uint32_t number)
{
    ASSERT(number < TAG_COUNT_MAX);
    _Atomic(struct frontier_tag *) *place = &table->pages[number / PAGE_TAGS];
    struct frontier_tag *page = atomic_load_explicit(place, memory_order_relaxed);
    if (!page) {
        page = malloc(PAGE_TAGS * sizeof *page);
        if (!page) return NULL;
        for (size_t i = 0; i < PAGE_TAGS; i++) {
            page[i] = (struct frontier_tag){.frontier_ns = INT64_MIN, .future_first_ns = INT64_MAX};
        }
        atomic_store_explicit(place, page, memory_order_release);
    }
    if (number >= frontier_table_count(table)) {
        atomic_store_explicit(&table->count, number + 1, memory_order_relaxed);
    }
    return &page[number % PAGE_TAGS];
}

uint32_t frontier_table_count(const struct frontier_table *table)
{
    return atomic_load_explicit(&table->count, memory_order_relaxed);
}

/* What a restart has to know: it forgets which samples were future, and so takes them all (R1). */
static int64_t frontier_durable_ns(const struct frontier_tag *tag)
{
    /* First of all: when they come due meanwhile (R3), either this or the frontier tells. */
    bool waiting = __atomic_load_n(&tag->future_first_ns, __ATOMIC_ACQUIRE) != INT64_MAX;
    int64_t future_ns = __atomic_load_n(&tag->future_last_ns, __ATOMIC_RELAXED);
    int64_t frontier_ns = __atomic_load_n(&tag->frontier_ns, __ATOMIC_RELAXED);
    return waiting && future_ns > frontier_ns ? future_ns : frontier_ns;
}

enum status frontier_table_write(struct frontier_table *table, struct file_system *file_system,
                                 const char *path, struct error *error)
{
    char temporary[FILE_PATH_BYTES_MAX];
    (void)snprintf(temporary, sizeof temporary, "%s" DISK_TEMPORARY_SUFFIX, path);
    uint32_t count = frontier_table_count(table);
    size_t bytes = sizeof(struct frontier_header) + count * sizeof(int64_t);
    struct frontier_header *header = calloc(1, bytes);
    if (!header) return error_set(error, STATUS_NO_MEMORY, "%s", path);
    int64_t *frontiers = (int64_t *)(header + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct frontier_tag *page =
            atomic_load_explicit(&table->pages[i / PAGE_TAGS], memory_order_acquire);
        frontiers[i] = page ? frontier_durable_ns(&page[i % PAGE_TAGS]) : INT64_MIN;
    }
    *header = (struct frontier_header){
        .magic = FRONTIER_MAGIC, .version = FRONTIER_VERSION, .count = count};
    header->checksum = hash64(frontiers, count * sizeof(int64_t)) ^
                       hash64(header, offsetof(struct frontier_header, checksum));

    struct file *file = NULL;
    enum status status = file_open(file_system, &file, temporary, FILE_CREATE, error);
    if (status == STATUS_OK) status = file_write_at(file, header, bytes, 0, error);
    if (status == STATUS_OK) status = file_sync(file, error);
    file_close(file);
    free(header);
    if (status == STATUS_OK) status = file_rename(file_system, temporary, path, error);
    struct error ignored;
    /* What is left of it is only in the way. */
    if (status < 0) (void)file_remove(file_system, temporary, &ignored);
    return status;
}

static bool frontier_header_is_valid(const struct frontier_header *header, uint64_t file_bytes)
{
    return header->magic == FRONTIER_MAGIC && header->count <= TAG_COUNT_MAX &&
           file_bytes == sizeof *header + header->count * sizeof(int64_t) &&
           header->checksum == (hash64(header + 1, header->count * sizeof(int64_t)) ^
                                hash64(header, offsetof(struct frontier_header, checksum)));
}

enum status frontier_table_read(struct frontier_table *table, struct file_system *file_system,
                                const char *path, struct error *error)
{
    struct file *file = NULL;
    struct frontier_header *header = NULL;
    uint64_t bytes = 0;
    enum status status = file_open(file_system, &file, path, FILE_READ, error);
    if (status != STATUS_OK) return status;
    status = file_size(file, &bytes, error);
    if (status < 0) goto done;
    if (bytes < sizeof *header ||
        bytes > sizeof *header + (uint64_t)TAG_COUNT_MAX * sizeof(int64_t)) {
        status =
            error_set(error, STATUS_CORRUPT, "%s: length %llu", path, (unsigned long long)bytes);
        goto done;
    }
    header = malloc(bytes);
    if (!header) {
        status = error_set(error, STATUS_NO_MEMORY, "%s", path);
        goto done;
    }
    status = file_read_at(file, header, bytes, 0, error);
    if (status < 0) goto done;
    if (status == STATUS_END || !frontier_header_is_valid(header, bytes)) {
        status = error_set(error, STATUS_CORRUPT, "%s: checksum", path);
        goto done;
    }
    if (header->version != FRONTIER_VERSION || header->features != 0) {
        status = error_set(error, STATUS_UNSUPPORTED, "%s: version %u, features %u", path,
                           header->version, header->features);
        goto done;
    }
    const int64_t *frontiers = (const int64_t *)(header + 1);
    for (uint32_t i = 0; i < header->count && status == STATUS_OK; i++) {
        struct frontier_tag *tag = frontier_table_tag(table, i);
        if (tag) {
            frontier_raise(tag, frontiers[i]);
        } else {
            status = error_set(error, STATUS_NO_MEMORY, "%s", path);
        }
    }
done:
    free(header);
    file_close(file);
    return status;
}
