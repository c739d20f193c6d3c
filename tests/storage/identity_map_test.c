/* Goal:   an identity keeps its number for ever, through restarts, power cuts, failing disks and
 *         damage; and no number ever stands for two identities.
 * Method: random adds next to a plain list; crashes on seeds with what was acknowledged kept outside
 *         the map; a fault walk over the disk's calls; every byte of a small file flipped. */
#include "storage/identity_map.h"

#include <stdatomic.h>
#include <uv.h>

#include "storage/base/assert.h"
#include "storage/base/file_fault.h"
#include "storage/base/file_memory.h"
#include "storage/base/hash.h"
#include "tests/unit.h"

#define DIRECTORY "catalog"
#define PATH DIRECTORY "/identities"

enum { HEADER_BYTES = 64, RECORD_BYTES = 24, IDENTITIES = 5000 };

static uint64_t seed; /* of the test in work */

/* Four of them share their first slot. */
static struct identity identity_of(uint64_t which)
{
    return (struct identity){.low = which / 4 * 0x9e3779b97f4a7c15 >> 20, .high = which + 1};
}

static struct file_memory *disk_create(void)
{
    struct error error;
    struct file_memory *memory;
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    struct file_system *system = file_memory_system(memory);
    ASSERT_OK(file_create_directory(system, DIRECTORY, &error), &error);
    ASSERT_OK(file_sync_directory(system, "/", &error), &error);
    return memory;
}

static struct identity_map *map_open(struct file_memory *memory)
{
    struct error error;
    struct identity_map *map;
    ASSERT_OK(identity_map_open(&map, file_memory_system(memory), PATH, &error), &error);
    return map;
}

static uint32_t map_add_one(struct identity_map *map, uint64_t which)
{
    struct error error;
    struct identity identity = identity_of(which);
    uint32_t number;
    ASSERT_OK(identity_map_add(map, &identity, 1, &number, &error), &error);
    return number;
}

START_TEST(a_number_stays_through_every_restart)
{
    struct error error;
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 1));
    static uint32_t numbers[IDENTITIES];
    memset(numbers, 0xff, sizeof numbers);
    uint32_t count = 0;
    struct file_memory *memory = disk_create();
    struct identity_map *map = map_open(memory);
    for (int step = 0; step < 600; step++) {
        uint64_t which[40];
        struct identity identities[40];
        uint32_t got[40];
        size_t some = random_below(&random, 41);
        for (size_t i = 0; i < some; i++) {
            which[i] = random_below(&random, IDENTITIES);
            identities[i] = identity_of(which[i]);
            ck_assert_uint_eq(identity_map_find(map, identities[i]), numbers[which[i]]);
        }
        ASSERT_OK(identity_map_add(map, identities, some, got, &error), &error);
        for (size_t i = 0; i < some; i++) {
            if (numbers[which[i]] == TAG_NONE) numbers[which[i]] = count++; /* I1 */
            ck_assert_uint_eq(got[i], numbers[which[i]]);
            ck_assert_int_eq(identity_compare(identity_map_identity(map, got[i]), identities[i]),
                             0);
        }
        ck_assert_uint_eq(identity_map_count(map), count);
        if (!random_chance(&random, 1, 20)) continue;
        identity_map_close(map);
        map = map_open(memory);
        ck_assert_uint_eq(identity_map_damaged_count(map), 0);
        ck_assert_uint_eq(identity_map_count(map), count);
    }
    identity_map_close(map);
    file_memory_destroy(memory);
}
END_TEST

START_TEST(zero_is_no_identity)
{
    struct error error;
    struct file_memory *memory = disk_create();
    struct identity_map *map = map_open(memory);
    struct identity identities[2] = {identity_of(1), {0, 0}};
    uint32_t numbers[2];
    ASSERT_STATUS(STATUS_BAD_INPUT, identity_map_add(map, identities, 2, numbers, &error), &error);
    ck_assert_uint_eq(identity_map_count(map), 0);
    ck_assert_uint_eq(identity_map_find(map, identities[1]), TAG_NONE);
    identity_map_close(map);
    identity_map_close(NULL);
    file_memory_destroy(memory);
}
END_TEST

/* Adds until the power fails. What add() answered before that holds for ever. */
static void crash_once(struct file_memory *memory, struct random *random, uint32_t *acknowledged)
{
    struct error error;
    struct identity_map *map = map_open(memory);
    ck_assert_uint_eq(identity_map_damaged_count(map), 0);
    for (uint64_t which = 0; which < 300; which++) {
        uint32_t number = identity_map_find(map, identity_of(which));
        if (acknowledged[which] != TAG_NONE) ck_assert_uint_eq(number, acknowledged[which]);
        acknowledged[which] = number; /* found now, so kept from now on */
    }
    bool closes = random_chance(random, 1, 4);
    for (uint64_t adds = random_below(random, 6); adds > 0; adds--) {
        struct identity identities[30];
        uint64_t which[30];
        uint32_t numbers[30];
        size_t some = random_below(random, 31);
        for (size_t i = 0; i < some; i++) {
            which[i] = random_below(random, 300);
            identities[i] = identity_of(which[i]);
        }
        if (adds == 1 && !closes) {
            /* The power fails before the sync: nothing was answered. */
            struct file *file;
            ASSERT_OK(file_open(file_memory_system(memory), &file, PATH, FILE_WRITE, &error),
                      &error);
            uint8_t garbage[900];
            for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = (uint8_t)random_u64(random);
            uint64_t end = HEADER_BYTES + (uint64_t)identity_map_count(map) * RECORD_BYTES;
            ASSERT_OK(
                file_write_at(file, garbage, random_below(random, sizeof garbage), end, &error),
                &error);
            file_close(file);
            break;
        }
        ASSERT_OK(identity_map_add(map, identities, some, numbers, &error), &error);
        for (size_t i = 0; i < some; i++) acknowledged[which[i]] = numbers[i];
    }
    if (closes) identity_map_close(map);
    file_memory_crash(memory, random, (enum file_crash)random_below(random, FILE_CRASH_COUNT));
    if (!closes) identity_map_close(map);
}

START_TEST(what_was_answered_survives_every_power_cut)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", unit_number("BEDE_SEED", 0) ? 1 : 150);
    for (seed = first; seed < first + count; seed++) {
        struct random random;
        random_init(&random, seed);
        uint32_t acknowledged[300];
        memset(acknowledged, 0xff, sizeof acknowledged);
        struct file_memory *memory = disk_create();
        for (int round = 0; round < 12; round++) crash_once(memory, &random, acknowledged);
        file_memory_destroy(memory);
    }
}
END_TEST

/* Opens, adds one, adds another; false once no call failed. */
static bool fault_once(uint64_t step)
{
    struct error error;
    struct file_memory *memory = disk_create();
    struct file_fault *fault;
    ASSERT_OK(file_fault_create(&fault, file_memory_system(memory), &error), &error);
    struct file_fault_plan plan = {.status = STATUS_IO, .step = step, .part_per_1024 = 500};
    file_fault_plan(fault, &plan);

    struct identity_map *map = NULL;
    enum status status = identity_map_open(&map, file_fault_system(fault), PATH, &error);
    uint32_t numbers[2] = {TAG_NONE, TAG_NONE};
    uint32_t acknowledged = 0;
    for (uint64_t i = 0; i < 2 && status == STATUS_OK; i++) {
        struct identity identity = identity_of(i);
        status = identity_map_add(map, &identity, 1, &numbers[i], &error);
        if (status == STATUS_OK) acknowledged++;
    }
    if (map) {
        ck_assert_uint_eq(identity_map_count(map), acknowledged);
        ck_assert_uint_eq(identity_map_find(map, identity_of(acknowledged)), TAG_NONE);
    }
    if (map && status < 0) {
        struct identity identity = identity_of(acknowledged);
        ck_assert(identity_map_add(map, &identity, 1, &numbers[1], &error) == status);
    }
    identity_map_close(map);
    ck_assert_uint_eq(file_fault_open_count(fault), 0);
    bool is_met = file_fault_is_met(fault);
    file_fault_destroy(fault);

    map = map_open(memory);
    ck_assert_uint_eq(identity_map_damaged_count(map), 0);
    for (uint32_t i = 0; i < acknowledged; i++) {
        ck_assert_uint_eq(identity_map_find(map, identity_of(i)), i);
    }
    identity_map_close(map);
    file_memory_destroy(memory);
    return is_met;
}

START_TEST(no_failing_disk_call_makes_it_claim_success)
{
    uint64_t step = 0;
    while (fault_once(step)) step++;
    ck_assert_uint_gt(step, 10);
}
END_TEST

/* A closed map of 5 identities, with one byte of its file replaced. */
static struct file_memory *disk_with_damage(size_t offset, uint8_t mask)
{
    struct file_memory *memory = disk_create();
    struct identity_map *map = map_open(memory);
    for (uint64_t which = 0; which < 5; which++) (void)map_add_one(map, which);
    identity_map_close(map);
    const uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(file_memory_bytes(memory, PATH, &bytes, &size), STATUS_OK);
    ck_assert_uint_eq(size, HEADER_BYTES + 5 * RECORD_BYTES);
    uint8_t byte = bytes[offset] ^ mask;
    ck_assert_int_eq(file_memory_damage(memory, PATH, &byte, 1, offset), STATUS_OK);
    return memory;
}

START_TEST(every_flipped_byte_is_noticed_or_harmless)
{
    for (size_t offset = 0; offset < HEADER_BYTES + 5 * RECORD_BYTES; offset++) {
        struct error error;
        struct file_memory *memory = disk_with_damage(offset, (uint8_t)(1 << offset % 8));
        struct identity_map *map = NULL;
        enum status status = identity_map_open(&map, file_memory_system(memory), PATH, &error);
        if (offset < 48) {
            ck_assert_int_eq(status, STATUS_CORRUPT);
            ck_assert_ptr_nonnull(strstr(error.text, PATH));
            file_memory_destroy(memory);
            continue;
        }
        ck_assert_int_eq(status, STATUS_OK);
        bool is_mark = offset < HEADER_BYTES; /* it says nothing then, but all records are whole */
        ck_assert_uint_eq(identity_map_damaged_count(map), is_mark ? 0 : 1);
        ck_assert_uint_eq(identity_map_count(map), 5);
        for (uint32_t which = 0; which < 5; which++) {
            bool is_hit = !is_mark && (offset - HEADER_BYTES) / RECORD_BYTES == which;
            ck_assert_uint_eq(identity_map_find(map, identity_of(which)),
                              is_hit ? TAG_NONE : which);
            struct identity held = identity_map_identity(map, which);
            struct identity expected = is_hit ? (struct identity){0, 0} : identity_of(which);
            ck_assert_int_eq(identity_compare(held, expected), 0);
        }
        ck_assert_uint_eq(map_add_one(map, 9), 5); /* no number twice */
        identity_map_close(map);
        file_memory_destroy(memory);
    }
}
END_TEST

START_TEST(a_file_that_lost_its_end_keeps_the_numbers)
{
    for (uint64_t size = HEADER_BYTES; size < HEADER_BYTES + 5 * RECORD_BYTES; size++) {
        struct error error;
        struct file_memory *memory = disk_with_damage(0, 0);
        struct file *file;
        ASSERT_OK(file_open(file_memory_system(memory), &file, PATH, FILE_WRITE, &error), &error);
        ASSERT_OK(file_truncate(file, size, &error), &error);
        file_close(file);
        uint32_t whole = (uint32_t)((size - HEADER_BYTES) / RECORD_BYTES);
        struct identity_map *map = map_open(memory);
        ck_assert_uint_eq(identity_map_damaged_count(map), 5 - whole);
        ck_assert_uint_eq(map_add_one(map, 4), 5);
        ck_assert_uint_eq(identity_map_find(map, identity_of(4)), 5);
        identity_map_close(map);
        map = map_open(memory);
        ck_assert_uint_eq(identity_map_find(map, identity_of(4)), 5);
        ck_assert_uint_eq(identity_map_count(map), 6);
        identity_map_close(map);
        file_memory_destroy(memory);
    }
}
END_TEST

START_TEST(a_newer_version_is_left_alone)
{
    struct error error;
    struct file_memory *memory = disk_with_damage(0, 0);
    uint8_t header[48];
    const uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(file_memory_bytes(memory, PATH, &bytes, &size), STATUS_OK);
    memcpy(header, bytes, sizeof header);
    header[8]++; /* the version */
    uint64_t checksum = hash64(header, 40);
    memcpy(header + 40, &checksum, sizeof checksum);
    ck_assert_int_eq(file_memory_damage(memory, PATH, header, sizeof header, 0), STATUS_OK);
    struct identity_map *map;
    ASSERT_STATUS(STATUS_UNSUPPORTED,
                  identity_map_open(&map, file_memory_system(memory), PATH, &error), &error);
    file_memory_destroy(memory);
}
END_TEST

struct shared {
    struct identity_map *map;
    atomic_bool must_stop;
};

/* Whatever is found is whole, and stays. */
static void read_until_stopped(void *context)
{
    struct shared *shared = context;
    uint32_t seen = 0;
    while (!atomic_load(&shared->must_stop)) {
        uint32_t count = identity_map_count(shared->map);
        ASSERT(count >= seen);
        seen = count;
        for (uint32_t number = count > 50 ? count - 50 : 0; number < count; number++) {
            ASSERT(identity_map_find(shared->map, identity_of(number)) == number);
            ASSERT(identity_map_identity(shared->map, number).high == number + 1);
        }
    }
}

START_TEST(readers_see_whole_adds_only)
{
    struct error error;
    struct file_memory *memory = disk_create();
    struct shared shared = {.map = map_open(memory)};
    uv_thread_t threads[2];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(uv_thread_create(&threads[i], read_until_stopped, &shared), 0);
    }
    for (uint64_t which = 0; which < 6000;) {
        struct identity identities[16];
        uint32_t numbers[16];
        for (int i = 0; i < 16; i++) identities[i] = identity_of(which++);
        ASSERT_OK(identity_map_add(shared.map, identities, 16, numbers, &error), &error);
    }
    atomic_store(&shared.must_stop, true);
    for (int i = 0; i < 2; i++) ck_assert_int_eq(uv_thread_join(&threads[i]), 0);
    identity_map_close(shared.map);
    file_memory_destroy(memory);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_number_stays_through_every_restart,
        zero_is_no_identity,
        what_was_answered_survives_every_power_cut,
        no_failing_disk_call_makes_it_claim_success,
        every_flipped_byte_is_noticed_or_harmless,
        a_file_that_lost_its_end_keeps_the_numbers,
        a_newer_version_is_left_alone,
        readers_see_whole_adds_only,
    };
    int result = unit_run("identity_map", tests, sizeof tests / sizeof tests[0]);
    if (result != EXIT_SUCCESS) printf("seed %llu\n", (unsigned long long)seed);
    return result;
}
