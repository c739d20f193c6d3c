#include "storage/identity_map.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"

enum {
    CHUNK_IDENTITIES = 4096,
    CHUNKS_MAX = TAG_COUNT_MAX / CHUNK_IDENTITIES,
    SLOTS_MIN = 1024,
    TRANSFER_RECORDS = 8192, /* read or written at once */
};
#define IDENTITY_MAP_MAGIC 0x3153444945444542ull /* "BEDEIDS1" */

struct map_header {
    uint64_t magic;
    uint32_t version;
    uint32_t features; /* 0 */
    uint8_t reserved[24];
    uint64_t checksum; /* over the 40 bytes before it */
};

/* Rewritten in place, so it has a checksum of its own: losing it loses no record. */
struct map_mark {
    uint32_t durable; /* I5 */
    uint32_t reserved;
    uint64_t checksum; /* over the 8 bytes before it */
};

struct map_record {
    struct identity identity;
    uint32_t number;
    uint32_t checksum; /* over the 20 bytes before it */
};

enum { HEADER_BYTES = 64 };
static_assert(sizeof(struct map_header) + sizeof(struct map_mark) == HEADER_BYTES, "the picture");
static_assert(offsetof(struct map_header, checksum) == 40, "the picture");
static_assert(sizeof(struct map_record) == 24, "the picture");
static_assert(offsetof(struct map_record, checksum) == 20, "the checksum comes last");

struct identity_map {
    char *path;          /* owned */
    struct file *file;   /* owned */
    uv_mutex_t add_lock; /* file, marked, failure: one adds at a time */
    uv_rwlock_t lock;    /* slots; taken alone only while memory changes */
    bool has_locks;
    struct error failure; /* of an earlier add; status 0: none */
    uint32_t marked;      /* the durable count that the file states */
    uint32_t damaged_count;
    uint32_t *slots;   /* owned; number + 1; 0: empty; open addressing */
    size_t slot_count; /* a power of two, at least twice the numbers */
    /* Numbers given out. Stored with release behind what it counts; slots and chunks may hold more
     * that are on their way to the disk, and nobody sees those. */
    atomic_uint_least32_t count;
    struct identity *chunks[CHUNKS_MAX]; /* owned; NULL above the count */
};

/* ---- In memory ---------------------------------------------------------------------------- */

static bool identity_is_none(struct identity identity)
{
    return identity.low == 0 && identity.high == 0;
}

static struct identity *map_place(const struct identity_map *map, uint32_t number)
{
    return &map->chunks[number / CHUNK_IDENTITIES][number % CHUNK_IDENTITIES];
}

/* The number of the identity, if it is below limit. */
static uint32_t map_find_below(const struct identity_map *map, struct identity identity,
                               uint32_t limit)
{
    size_t last = map->slot_count - 1;
    for (size_t i = identity.low & last; map->slots[i] != 0; i = (i + 1) & last) {
        uint32_t number = map->slots[i] - 1;
        if (number < limit && identity_compare(*map_place(map, number), identity) == 0) {
            return number;
        }
    }
    return TAG_NONE;
}

/* Identities are hashes, so they need no other. */
static void slots_put(uint32_t *slots, size_t slot_count, struct identity identity, uint32_t number)
{
    size_t i = identity.low & (slot_count - 1);
    while (slots[i] != 0) i = (i + 1) & (slot_count - 1);
    slots[i] = number + 1;
}

/* Room for the numbers below total; those below count are there. Readers wait only while the new
 * slots take the place of the old ones. */
static enum status map_reserve(struct identity_map *map, uint32_t count, uint32_t total,
                               struct error *error)
{
    for (size_t i = 0; i * CHUNK_IDENTITIES < total; i++) {
        if (map->chunks[i]) continue;
        map->chunks[i] = calloc(CHUNK_IDENTITIES, sizeof(struct identity));
        if (!map->chunks[i]) return error_set(error, STATUS_NO_MEMORY, "%s", map->path);
    }
    if (map->slot_count >= 2 * (size_t)total && map->slots) return STATUS_OK;

    size_t slot_count = map->slots ? map->slot_count : SLOTS_MIN;
    while (slot_count < 2 * (size_t)total) slot_count *= 2;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots) return error_set(error, STATUS_NO_MEMORY, "%s", map->path);
    for (uint32_t number = 0; number < count; number++) {
        struct identity identity = *map_place(map, number);
        if (!identity_is_none(identity)) slots_put(slots, slot_count, identity, number);
    }
    uv_rwlock_wrlock(&map->lock);
    uint32_t *old = map->slots;
    map->slots = slots;
    map->slot_count = slot_count;
    uv_rwlock_wrunlock(&map->lock);
    free(old);
    return STATUS_OK;
}

uint32_t identity_map_count(const struct identity_map *map)
{
    return atomic_load_explicit(&map->count, memory_order_acquire);
}

uint32_t identity_map_damaged_count(const struct identity_map *map)
{
    return map->damaged_count;
}

uint32_t identity_map_find(struct identity_map *map, struct identity identity)
{
    uv_rwlock_rdlock(&map->lock);
    uint32_t number = map_find_below(map, identity, identity_map_count(map));
    uv_rwlock_rdunlock(&map->lock);
    return number;
}

struct identity identity_map_identity(struct identity_map *map, uint32_t number)
{
    ASSERT(number < identity_map_count(map));
    return *map_place(map, number);
}

/* ---- The file ----------------------------------------------------------------------------- */

static uint64_t record_offset(uint32_t number)
{
    return HEADER_BYTES + (uint64_t)number * sizeof(struct map_record);
}

static uint32_t record_checksum(const struct map_record *record)
{
    return hash32(record, offsetof(struct map_record, checksum));
}

static bool record_is_whole(const struct map_record *record, uint32_t number)
{
    return record->number == number && !identity_is_none(record->identity) &&
           record->checksum == record_checksum(record);
}

static uint64_t mark_checksum(const struct map_mark *mark)
{
    return hash64(mark, offsetof(struct map_mark, checksum));
}

static enum status map_write_mark(struct identity_map *map, uint32_t durable, struct error *error)
{
    struct map_mark mark = {.durable = durable};
    mark.checksum = mark_checksum(&mark);
    enum status status =
        file_write_at(map->file, &mark, sizeof mark, sizeof(struct map_header), error);
    if (status == STATUS_OK) map->marked = durable;
    return status;
}

/* In the place of one whose creation was cut short: when the sync of its directory failed, its name
 * may never become durable, and only a new one does. */
static enum status map_create_file(struct identity_map *map, struct file_system *file_system,
                                   struct error *error)
{
    struct map_header header = {.magic = IDENTITY_MAP_MAGIC, .version = IDENTITY_MAP_VERSION};
    header.checksum = hash64(&header, offsetof(struct map_header, checksum));
    file_close(map->file);
    map->file = NULL;
    enum status status = file_remove(file_system, map->path, error);
    if (status == STATUS_OK) {
        status = file_open(file_system, &map->file, map->path, FILE_CREATE, error);
    }
    if (status == STATUS_OK) status = file_write_at(map->file, &header, sizeof header, 0, error);
    if (status == STATUS_OK) status = map_write_mark(map, 0, error);
    if (status == STATUS_OK) status = file_sync(map->file, error);
    if (status == STATUS_OK) status = file_sync_parent(file_system, map->path, error);
    return status;
}

static enum status map_check_header(struct identity_map *map, const struct map_header *header,
                                    struct error *error)
{
    if (header->magic != IDENTITY_MAP_MAGIC ||
        header->checksum != hash64(header, offsetof(struct map_header, checksum))) {
        return error_set(error, STATUS_CORRUPT, "%s: damaged header", map->path);
    }
    if (header->version != IDENTITY_MAP_VERSION || header->features != 0) {
        return error_set(error, STATUS_UNSUPPORTED, "%s: version %" PRIu32 ", features %" PRIx32,
                         map->path, header->version, header->features);
    }
    return STATUS_OK;
}

/* Takes in the records that the file has room for. What follows from them: how many numbers are
 * kept, and how many of those that were durable are bad. */
static enum status map_read_records(struct identity_map *map, uint32_t record_count, bool has_mark,
                                    uint32_t *out_kept, struct error *error)
{
    struct map_record *records = malloc(TRANSFER_RECORDS * sizeof *records);
    if (!records) return error_set(error, STATUS_NO_MEMORY, "%s", map->path);
    enum status status = STATUS_OK;
    uint32_t kept = map->marked; /* I5 */
    uint32_t whole_count = 0;    /* of those that were durable */
    for (uint32_t number = 0; number < record_count;) {
        uint32_t part = record_count - number;
        if (part > TRANSFER_RECORDS) part = TRANSFER_RECORDS;
        status =
            file_read_at(map->file, records, part * sizeof *records, record_offset(number), error);
        if (status == STATUS_END) {
            status = error_set(error, STATUS_CORRUPT, "%s: ended while it was read", map->path);
        }
        if (status < 0) break;
        for (uint32_t i = 0; i < part; i++, number++) {
            if (!record_is_whole(&records[i], number)) continue;
            *map_place(map, number) = records[i].identity;
            slots_put(map->slots, map->slot_count, records[i].identity, number);
            if (!has_mark || number < map->marked) whole_count++;
            if (number >= kept) kept = number + 1; /* I3, I4 */
        }
    }
    free(records);
    map->damaged_count = (has_mark ? map->marked : kept) - whole_count;
    *out_kept = kept;
    return status;
}

/* What stands behind the mark may be in the system's cache alone (I2), and after a sync that failed
 * the system may take it for clean: only writing it again brings it to the disk. */
static enum status map_write_again(struct identity_map *map, uint32_t from, uint32_t to,
                                   struct error *error)
{
    struct map_record *records = malloc(TRANSFER_RECORDS * sizeof *records);
    if (!records) return error_set(error, STATUS_NO_MEMORY, "%s", map->path);
    enum status status = STATUS_OK;
    while (from < to && status == STATUS_OK) {
        uint32_t part = to - from < TRANSFER_RECORDS ? to - from : TRANSFER_RECORDS;
        size_t bytes = part * sizeof *records;
        status = file_read_at(map->file, records, bytes, record_offset(from), error);
        if (status == STATUS_OK) {
            status = file_write_at(map->file, records, bytes, record_offset(from), error);
        }
        from += part;
    }
    free(records);
    if (status != STATUS_OK) return status;
    return file_sync(map->file, error);
}

/* A mark that was cut in the middle of its writing says nothing, and does no harm: then all records
 * up to the last whole one count as given out. */
static enum status map_read_mark(struct identity_map *map, bool *out_has_mark, struct error *error)
{
    struct map_mark mark;
    enum status status =
        file_read_at(map->file, &mark, sizeof mark, sizeof(struct map_header), error);
    if (status < 0) return status;
    *out_has_mark = mark.checksum == mark_checksum(&mark);
    map->marked = *out_has_mark ? mark.durable : 0;
    return STATUS_OK;
}

static enum status map_read_file(struct identity_map *map, uint64_t file_bytes, bool has_mark,
                                 struct error *error)
{
    uint64_t record_count = (file_bytes - HEADER_BYTES) / sizeof(struct map_record);
    uint64_t total = record_count > map->marked ? record_count : map->marked;
    if (total > TAG_COUNT_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "%s: more than %d tags", map->path,
                         TAG_COUNT_MAX);
    }
    enum status status = map_reserve(map, 0, (uint32_t)total, error);
    if (status < 0) return status;
    uint32_t kept = 0;
    status = map_read_records(map, (uint32_t)record_count, has_mark, &kept, error);
    if (status < 0) return status;

    bool is_torn = file_bytes > record_offset(kept);
    if (is_torn) status = file_truncate(map->file, record_offset(kept), error);
    if (status == STATUS_OK && (is_torn || kept > map->marked)) {
        status = map_write_again(map, map->marked, kept, error);
    }
    atomic_store_explicit(&map->count, kept, memory_order_release);
    return status;
}

static enum status map_open_file(struct identity_map *map, struct file_system *file_system,
                                 struct error *error)
{
    enum status status = file_open(file_system, &map->file, map->path, FILE_EXTEND, error);
    if (status < 0) return status;
    uint64_t file_bytes;
    status = file_size(map->file, &file_bytes, error);
    if (status < 0) return status;

    struct map_header header = {.magic = 0};
    if (file_bytes >= HEADER_BYTES) {
        status = file_read_at(map->file, &header, sizeof header, 0, error);
        if (status < 0) return status;
    }
    bool has_mark = false;
    status = map_check_header(map, &header, error);
    if (status == STATUS_OK) status = map_read_mark(map, &has_mark, error);
    if (status < 0 && status != STATUS_CORRUPT) return status;
    /* Nothing behind the header: perhaps a creation that was cut short; no number was given out. */
    if (file_bytes <= HEADER_BYTES && map->marked == 0) {
        status = map_create_file(map, file_system, error);
        return status < 0 ? status : map_reserve(map, 0, 0, error);
    }
    return status < 0 ? status : map_read_file(map, file_bytes, has_mark, error);
}

static enum status map_init(struct identity_map *map, const char *path, struct error *error)
{
    map->path = strdup(path);
    if (!map->path || uv_mutex_init(&map->add_lock) != 0) {
        return error_set(error, STATUS_NO_MEMORY, "%s", path);
    }
    if (uv_rwlock_init(&map->lock) != 0) {
        uv_mutex_destroy(&map->add_lock);
        return error_set(error, STATUS_NO_MEMORY, "%s", path);
    }
    map->has_locks = true;
    return STATUS_OK;
}

enum status identity_map_open(struct identity_map **out_map, struct file_system *file_system,
                              const char *path, struct error *error)
{
    struct identity_map *map = calloc(1, sizeof *map);
    if (!map) return error_set(error, STATUS_NO_MEMORY, "%s", path);
    enum status status = map_init(map, path, error);
    if (status == STATUS_OK) status = map_open_file(map, file_system, error);
    if (status < 0) {
        map->failure.status = status; /* so that closing leaves the file alone */
        identity_map_close(map);
        return status;
    }
    *out_map = map;
    return STATUS_OK;
}

void identity_map_close(struct identity_map *map)
{
    if (!map) return;
    struct error ignored;
    if (map->failure.status == STATUS_OK && map->marked != identity_map_count(map)) {
        /* Only so that later damage is told from a torn tail. */
        enum status status = map_write_mark(map, identity_map_count(map), &ignored);
        if (status == STATUS_OK) (void)file_sync(map->file, &ignored);
    }
    file_close(map->file);
    if (map->has_locks) {
        uv_rwlock_destroy(&map->lock);
        uv_mutex_destroy(&map->add_lock);
    }
    for (size_t i = 0; i < CHUNKS_MAX && map->chunks[i]; i++) free(map->chunks[i]);
    free(map->slots);
    free(map->path);
    free(map);
}

/* ---- Adding: under add_lock --------------------------------------------------------------- */

/* Puts those that are unknown behind the count, where no reader sees them yet. */
static uint32_t map_put(struct identity_map *map, const struct identity *identities, size_t count)
{
    uint32_t next = identity_map_count(map);
    uv_rwlock_wrlock(&map->lock);
    for (size_t i = 0; i < count; i++) {
        if (map_find_below(map, identities[i], next) != TAG_NONE) continue;
        *map_place(map, next) = identities[i];
        slots_put(map->slots, map->slot_count, identities[i], next);
        next++;
    }
    uv_rwlock_wrunlock(&map->lock);
    return next;
}

static enum status map_write(struct identity_map *map, uint32_t from, uint32_t to,
                             struct map_record *records, struct error *error)
{
    enum status status = map_write_mark(map, from, error);
    while (from < to && status == STATUS_OK) {
        uint32_t part = to - from < TRANSFER_RECORDS ? to - from : TRANSFER_RECORDS;
        for (uint32_t i = 0; i < part; i++) {
            records[i] =
                (struct map_record){.identity = *map_place(map, from + i), .number = from + i};
            records[i].checksum = record_checksum(&records[i]);
        }
        status =
            file_write_at(map->file, records, part * sizeof *records, record_offset(from), error);
        from += part;
    }
    return status < 0 ? status : file_sync(map->file, error); /* I2 */
}

static enum status map_add(struct identity_map *map, const struct identity *identities,
                           size_t count, size_t missing_count, struct error *error)
{
    uint32_t known = identity_map_count(map);
    if (missing_count > TAG_COUNT_MAX - known) {
        return error_set(error, STATUS_TOO_LARGE, "more than %d tags", TAG_COUNT_MAX);
    }
    enum status status = map_reserve(map, known, known + (uint32_t)missing_count, error);
    if (status < 0) return status;
    size_t part = missing_count < TRANSFER_RECORDS ? missing_count : TRANSFER_RECORDS;
    struct map_record *records = malloc(part * sizeof *records);
    if (!records) return error_set(error, STATUS_NO_MEMORY, "%s", map->path);

    uint32_t total = map_put(map, identities, count);
    status = map_write(map, known, total, records, error);
    free(records);
    if (status < 0) {
        map->failure = *error;
        return status;
    }
    atomic_store_explicit(&map->count, total, memory_order_release);
    return STATUS_OK;
}

static enum status map_add_locked(struct identity_map *map, const struct identity *identities,
                                  size_t count, uint32_t *out_numbers, struct error *error)
{
    if (map->failure.status < 0) {
        *error = map->failure;
        return error->status;
    }
    size_t missing_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (identity_is_none(identities[i])) {
            return error_set(error, STATUS_BAD_INPUT, "zero is no identity");
        }
        if (map_find_below(map, identities[i], UINT32_MAX) == TAG_NONE) missing_count++;
    }
    if (missing_count > 0) {
        enum status status = map_add(map, identities, count, missing_count, error);
        if (status < 0) return status;
    }
    for (size_t i = 0; i < count; i++) {
        out_numbers[i] = map_find_below(map, identities[i], UINT32_MAX);
    }
    return STATUS_OK;
}

enum status identity_map_add(struct identity_map *map, const struct identity *identities,
                             size_t count, uint32_t *out_numbers, struct error *error)
{
    uv_mutex_lock(&map->add_lock);
    enum status status = map_add_locked(map, identities, count, out_numbers, error);
    uv_mutex_unlock(&map->add_lock);
    return status;
}
