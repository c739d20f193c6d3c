/* Goal:   a snapshot brings back what was folded or says that it cannot; a damaged or made-up one
 *         never crashes the store and never leaves half a catalog.
 * Method: a small catalog with everything in it; every byte flipped, every length cut; bytes changed
 *         at random with the checksums put right again; a fault walk over the writing. What folds of
 *         random records become in a snapshot is tested by catalog_test.c. */
#include "storage/catalog.h"

#include "storage/base/file_fault.h"
#include "storage/base/file_memory.h"
#include "storage/base/hash.h"
#include "tests/unit.h"

#define PATH "d/snapshot"

enum { TAGS = 5, HEADER_BYTES = 64, FILE_BYTES_MAX = 8192 };

struct world {
    struct file_memory *memory;
    struct file_system *system;
    struct identity_map *map;
    struct catalog *catalog;
};

static struct identity identity_of(uint64_t tag)
{
    return (struct identity){.low = tag + 1, .high = 7};
}

static void fold(struct world *world, uint64_t clock, struct journal_record *record)
{
    struct error error;
    struct revision stamp = {.clock = clock, .node = clock % 2 + 1, .generation = 3};
    record->sequence = 1;
    ASSERT_OK(catalog_fold(world->catalog, stamp, record, &error), &error);
}

static void world_fill(struct world *world)
{
    struct identity identities[TAGS + 1];
    for (uint64_t tag = 0; tag < TAGS; tag++) {
        struct journal_record record = {.kind = JOURNAL_TAG,
                                        .identity = identity_of(tag),
                                        .path = "path",
                                        .fields = TAG_FIELDS_ALL};
        record.definition = (struct tag_definition){.name = tag < 2    ? "twin"
                                                            : tag == 2 ? "c"
                                                            : tag == 3 ? "d"
                                                                       : "e",
                                                    .unit = "bar",
                                                    .description = "",
                                                    .states = "",
                                                    .source = "plc",
                                                    .attributes = "",
                                                    .type = VALUE_F64};
        fold(world, 10 + tag, &record);
        record.fields = 1u << TAG_FIELD_UNIT | 1u << TAG_FIELD_DELETED;
        record.definition.unit = "Pa";
        record.definition.deleted = tag == 2;
        if (tag % 2 == 0) fold(world, 20 + tag, &record);
    }
    for (uint64_t tag = 0; tag <= TAGS; tag++) identities[tag] = identity_of(tag); /* one a hole */
    struct journal_record mask = {.kind = JOURNAL_MASK,
                                  .group = {30, 1, 3},
                                  .from_ns = 5,
                                  .to_ns = 9,
                                  .user = "",
                                  .reason = "",
                                  .identities = identities,
                                  .identity_count = TAGS + 1};
    fold(world, 30, &mask);
    mask.identity_count = 1;
    mask.group.clock = 31;
    fold(world, 31, &mask);
    struct journal_record unmask = {
        .kind = JOURNAL_UNMASK, .group = {31, 1, 3}, .user = "", .reason = ""};
    fold(world, 32, &unmask);
}

static void world_open(struct world *world)
{
    struct error error;
    ASSERT_OK(file_memory_create(&world->memory, &error), &error);
    world->system = file_memory_system(world->memory);
    ASSERT_OK(file_create_directory(world->system, "d", &error), &error);
    ASSERT_OK(identity_map_open(&world->map, world->system, "d/identities", &error), &error);
    ASSERT_OK(catalog_create(&world->catalog, world->map, &error), &error);
}

static void world_empty(struct world *world)
{
    struct error error;
    catalog_destroy(world->catalog);
    ASSERT_OK(catalog_create(&world->catalog, world->map, &error), &error);
}

static void world_close(struct world *world)
{
    catalog_destroy(world->catalog);
    identity_map_close(world->map);
    file_memory_destroy(world->memory);
}

static enum status snapshot_write(struct world *world, struct file_system *system,
                                  struct error *error)
{
    struct journal_position position = {1, 3, 1000, 9, 0xabcdef};
    return catalog_snapshot_write(world->catalog, system, PATH, &position, 1, error);
}

static enum status snapshot_read(struct world *world, struct error *error)
{
    struct journal_position *positions;
    size_t count;
    enum status status =
        catalog_snapshot_read(world->catalog, world->system, PATH, &positions, &count, error);
    if (status == STATUS_OK) free(positions);
    return status;
}

/* What a person would see of it. */
static void check_filled(struct world *world)
{
    struct error error;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    uint32_t *numbers;
    size_t count;
    static const char *const shown[] = {"d", "e", "twin", "twin~00000000"};
    static const char *const units[] = {"bar", "Pa", "bar", "Pa"};
    ASSERT_OK(catalog_match(world->catalog, NULL, &numbers, &count, &error), &error);
    ck_assert_uint_eq(count, 4);
    for (size_t i = 0; i < count; i++) {
        struct tag_view view;
        ASSERT_OK(catalog_view(world->catalog, numbers[i], &arena, &view, &error), &error);
        ck_assert_str_eq(view.definition.name, shown[i]);
        ck_assert_str_eq(view.definition.unit, units[i]);
        ck_assert_str_eq(view.path, "path");
        ck_assert_uint_eq(view.created.generation, 3);
    }
    free(numbers);
    for (uint64_t tag = 0; tag <= TAGS; tag++) {
        const struct mask *masks;
        uint32_t number = identity_map_find(world->map, identity_of(tag));
        ASSERT_OK(catalog_masks(world->catalog, number, 0, 99, 31, &arena, &masks, &count, &error),
                  &error);
        ck_assert_uint_eq(count, tag == 0 ? 2 : 1);
        ASSERT_OK(catalog_masks(world->catalog, number, 0, 99, 32, &arena, &masks, &count, &error),
                  &error);
        ck_assert_uint_eq(count, 1);
    }
    arena_finish(&arena);
}

static void check_empty(struct world *world)
{
    struct error error;
    uint32_t *numbers;
    size_t count;
    uint32_t number;
    ck_assert_uint_eq(catalog_tag_count(world->catalog), 0);
    ck_assert(!catalog_has_mask_group(world->catalog, (struct revision){30, 1, 3}));
    ck_assert_int_eq(catalog_find(world->catalog, "twin", &number), STATUS_NOT_FOUND);
    ASSERT_OK(catalog_match(world->catalog, NULL, &numbers, &count, &error), &error);
    ck_assert_uint_eq(count, 0);
    free(numbers);
}

/* The bytes of a snapshot of the filled world, which stays open. */
static size_t world_snapshot(struct world *world, uint8_t target[FILE_BYTES_MAX])
{
    struct error error;
    const uint8_t *bytes;
    size_t size;
    world_open(world);
    world_fill(world);
    ASSERT_OK(snapshot_write(world, world->system, &error), &error);
    ck_assert_int_eq(file_memory_bytes(world->memory, PATH, &bytes, &size), STATUS_OK);
    ck_assert_uint_le(size, FILE_BYTES_MAX);
    memcpy(target, bytes, size);
    return size;
}

static void file_replace(struct world *world, const void *bytes, size_t size)
{
    struct error error;
    struct file *file;
    ASSERT_OK(file_open(world->system, &file, PATH, FILE_CREATE, &error), &error);
    ASSERT_OK(file_write_at(file, bytes, size, 0, &error), &error);
    file_close(file);
}

START_TEST(a_snapshot_brings_everything_back)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct world world;
    struct error error;
    (void)world_snapshot(&world, bytes);
    check_filled(&world);
    for (int round = 0; round < 3; round++) {
        world_empty(&world);
        ASSERT_OK(snapshot_read(&world, &error), &error);
        check_filled(&world);
        ASSERT_OK(snapshot_write(&world, world.system, &error), &error);
    }
    world_fill(&world); /* the journals' tails repeat some of it */
    check_filled(&world);
    world_close(&world);
}
END_TEST

START_TEST(an_absent_snapshot_is_not_found)
{
    struct world world;
    struct error error;
    world_open(&world);
    ASSERT_STATUS(STATUS_NOT_FOUND, snapshot_read(&world, &error), &error);
    world_close(&world);
}
END_TEST

START_TEST(every_flipped_byte_is_noticed)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct world world;
    size_t size = world_snapshot(&world, bytes);
    world_empty(&world);
    for (size_t offset = 0; offset < size; offset++) {
        struct error error;
        bytes[offset] ^= (uint8_t)(1 << offset % 8);
        file_replace(&world, bytes, size);
        bytes[offset] ^= (uint8_t)(1 << offset % 8);
        ASSERT_STATUS(STATUS_CORRUPT, snapshot_read(&world, &error), &error);
        ck_assert_ptr_nonnull(strstr(error.text, PATH));
        check_empty(&world);
    }
    world_close(&world);
}
END_TEST

START_TEST(every_cut_is_noticed)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct world world;
    size_t size = world_snapshot(&world, bytes);
    world_empty(&world);
    for (size_t cut = 0; cut < size; cut++) {
        struct error error;
        file_replace(&world, bytes, cut);
        ASSERT_STATUS(STATUS_CORRUPT, snapshot_read(&world, &error), &error);
    }
    check_empty(&world);
    world_close(&world);
}
END_TEST

static void checksums_repair(uint8_t *bytes, size_t size)
{
    uint64_t checksum = hash64(bytes, HEADER_BYTES - sizeof checksum);
    memcpy(bytes + HEADER_BYTES - sizeof checksum, &checksum, sizeof checksum);
    checksum = hash64(bytes, size - sizeof checksum);
    memcpy(bytes + size - sizeof checksum, &checksum, sizeof checksum);
}

START_TEST(a_made_up_snapshot_does_no_harm)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    static uint8_t copy[FILE_BYTES_MAX];
    struct world world;
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 1));
    size_t size = world_snapshot(&world, bytes);
    uint64_t refused_count = 0;
    uint64_t rounds = unit_number("BEDE_SEEDS", 20000);
    for (uint64_t round = 0; round < rounds; round++) {
        static const uint8_t edges[] = {0, 1, 2, 7, 0x7f, 0x80, 0xff};
        struct error error;
        memcpy(copy, bytes, size);
        for (uint64_t edits = 1 + random_below(&random, 3); edits > 0; edits--) {
            size_t offset = 16 + random_below(&random, size - 16);
            copy[offset] = random_chance(&random, 1, 2) ? edges[random_below(&random, sizeof edges)]
                                                        : (uint8_t)random_u64(&random);
        }
        checksums_repair(copy, size);
        file_replace(&world, copy, size);
        world_empty(&world);
        enum status status = snapshot_read(&world, &error);
        ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
        if (status == STATUS_CORRUPT) {
            refused_count++;
            check_empty(&world);
            continue;
        }
        uint32_t *numbers;
        size_t count;
        ASSERT_OK(catalog_match(world.catalog, NULL, &numbers, &count, &error), &error);
        free(numbers);
        ASSERT_OK(snapshot_write(&world, world.system, &error), &error);
    }
    ck_assert_uint_gt(refused_count, rounds / 10);
    world_close(&world);
}
END_TEST

START_TEST(a_newer_version_is_not_damage)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct world world;
    struct error error;
    size_t size = world_snapshot(&world, bytes);
    world_empty(&world);
    for (size_t offset = 8; offset <= 12; offset += 4) { /* version, features */
        bytes[offset]++;
        checksums_repair(bytes, size);
        file_replace(&world, bytes, size);
        ASSERT_STATUS(STATUS_UNSUPPORTED, snapshot_read(&world, &error), &error);
        check_empty(&world);
        bytes[offset]--;
    }
    world_close(&world);
}
END_TEST

START_TEST(identities_that_the_map_lost_get_new_numbers)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct world world;
    struct error error;
    size_t size = world_snapshot(&world, bytes);
    world_close(&world);
    world_open(&world);
    struct identity identity = {99, 99};
    uint32_t number;
    ASSERT_OK(identity_map_add(world.map, &identity, 1, &number, &error), &error);
    file_replace(&world, bytes, size);
    ASSERT_OK(snapshot_read(&world, &error), &error);
    check_filled(&world);
    ck_assert_uint_eq(identity_map_count(world.map), TAGS + 2);
    world_close(&world);
}
END_TEST

/* A text in the file that no tag has any more would be kept for ever. */
START_TEST(texts_that_are_no_longer_used_are_left_behind)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct world world;
    struct error error;
    size_t size_before = world_snapshot(&world, bytes);
    char unit[100];
    struct journal_record record = {.kind = JOURNAL_TAG,
                                    .identity = identity_of(0),
                                    .path = "path",
                                    .fields = 1u << TAG_FIELD_UNIT};
    record.definition.unit = unit;
    for (uint64_t i = 0; i < 500; i++) {
        (void)snprintf(unit, sizeof unit, "a unit that is soon another %d", (int)i);
        fold(&world, 100 + 2 * i, &record);
    }
    record.definition.unit = "Pa";
    fold(&world, 2000, &record);
    ASSERT_OK(snapshot_write(&world, world.system, &error), &error);
    const uint8_t *after;
    size_t size_after;
    ck_assert_int_eq(file_memory_bytes(world.memory, PATH, &after, &size_after), STATUS_OK);
    ck_assert_uint_eq(size_after, size_before);
    world_close(&world);
}
END_TEST

START_TEST(a_failing_disk_leaves_the_older_snapshot)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct world world;
    struct error error;
    (void)world_snapshot(&world, bytes);
    for (uint64_t step = 0;; step++) {
        struct file_fault *fault;
        ASSERT_OK(file_fault_create(&fault, world.system, &error), &error);
        struct file_fault_plan plan = {.status = STATUS_IO, .step = step, .part_per_1024 = 300};
        file_fault_plan(fault, &plan);
        enum status status = snapshot_write(&world, file_fault_system(fault), &error);
        bool is_met = file_fault_is_met(fault);
        ck_assert_uint_eq(file_fault_open_count(fault), 0);
        file_fault_destroy(fault);
        ck_assert_int_eq(status, is_met ? STATUS_IO : STATUS_OK);
        world_empty(&world);
        ASSERT_OK(snapshot_read(&world, &error), &error);
        check_filled(&world);
        struct file *file;
        ASSERT_STATUS(STATUS_NOT_FOUND,
                      file_open(world.system, &file, PATH ".tmp", FILE_READ, &error), &error);
        if (!is_met) break;
    }
    world_close(&world);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_snapshot_brings_everything_back,
        an_absent_snapshot_is_not_found,
        every_flipped_byte_is_noticed,
        every_cut_is_noticed,
        a_made_up_snapshot_does_no_harm,
        a_newer_version_is_not_damage,
        identities_that_the_map_lost_get_new_numbers,
        texts_that_are_no_longer_used_are_left_behind,
        a_failing_disk_leaves_the_older_snapshot,
    };
    return unit_run("catalog_snapshot", tests, sizeof tests / sizeof tests[0]);
}
