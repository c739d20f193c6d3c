/* Goal:   memory that runs out costs the call that needed it and nothing else: no leak, no half of a
 *         record, no half of a catalog.
 * Method: one scenario again and again, failing its first allocation, then its second, and so on;
 *         the call that fails is made again, and the end must be the same. */
#include "storage/base/assert.h"
#include "storage/base/file.h"
#include "storage/catalog.h"
#include "tests/simulation/allocation.h"
#include "tests/simulation/temporary.h"
#include "tests/unit.h"

enum { TAGS = 300, TAGS_IN_VIEW = 4 };

struct scenario {
    const char *identities; /* path */
    const char *snapshot;   /* path */
    struct identity_map *map;
    struct catalog *catalog;
    uint64_t failed_count;
};

/* Makes the call; once more when it failed, which must be for want of memory. */
#define AGAIN(scenario, call)                         \
    do {                                              \
        enum status again_status = (call);            \
        if (again_status != STATUS_OK) {              \
            ASSERT(again_status == STATUS_NO_MEMORY); \
            (scenario)->failed_count++;               \
            again_status = (call);                    \
            ASSERT(again_status == STATUS_OK);        \
        }                                             \
    } while (0)

static void fold_tag(struct scenario *scenario, uint64_t tag, uint64_t clock, unsigned fields)
{
    struct error error;
    char name[32];
    char unit[32];
    (void)snprintf(name, sizeof name, "name%d", (int)(tag / 2)); /* each has a twin */
    (void)snprintf(unit, sizeof unit, "unit%d", (int)(tag + clock));
    struct journal_record record = {.kind = JOURNAL_TAG,
                                    .sequence = 1,
                                    .path = name,
                                    .identity = {tag + 1, tag},
                                    .fields = fields};
    record.definition = (struct tag_definition){.name = name,
                                                .unit = unit,
                                                .description = "",
                                                .states = "",
                                                .source = "",
                                                .attributes = "",
                                                .type = VALUE_F64};
    struct revision stamp = {.clock = clock, .node = tag % 7, .generation = 1};
    AGAIN(scenario, catalog_fold(scenario->catalog, stamp, &record, &error));
}

static void fold_mask(struct scenario *scenario, uint64_t clock)
{
    struct error error;
    struct identity identities[2] = {{clock % TAGS + 1, clock % TAGS}, {1, 0}};
    struct revision stamp = {.clock = clock, .node = 1, .generation = 1};
    struct journal_record record = {.kind = JOURNAL_MASK,
                                    .sequence = 1,
                                    .group = stamp,
                                    .to_ns = (int64_t)clock,
                                    .user = "",
                                    .reason = "",
                                    .identities = identities,
                                    .identity_count = 2};
    AGAIN(scenario, catalog_fold(scenario->catalog, stamp, &record, &error));
}

static void check_end(struct scenario *scenario)
{
    struct error error;
    struct arena arena;
    uint32_t *numbers;
    size_t count;
    const struct mask *masks;
    ASSERT(catalog_tag_count(scenario->catalog) == TAGS);
    AGAIN(scenario, catalog_match(scenario->catalog, "*", &numbers, &count, &error));
    ASSERT(count == TAGS);
    for (uint32_t i = 0; i < TAGS_IN_VIEW; i++) {
        struct tag_view view;
        char unit[32];
        uint64_t tag = identity_map_identity(scenario->map, numbers[i]).high;
        (void)snprintf(unit, sizeof unit, "unit%d", (int)(tag + 2000 + tag));
        arena_init(&arena, 1 << 16);
        enum status status = catalog_view(scenario->catalog, numbers[i], &arena, &view, &error);
        if (status == STATUS_OK) ASSERT(strcmp(view.definition.unit, unit) == 0);
        if (status < 0) scenario->failed_count++; /* an arena does not tell why it is full */
        arena_finish(&arena);
    }
    free(numbers);
    arena_init(&arena, 1 << 16);
    uint32_t first = identity_map_find(scenario->map, (struct identity){1, 0});
    enum status status = catalog_masks(scenario->catalog, first, 0, INT64_MAX, UINT64_MAX, &arena,
                                       &masks, &count, &error);
    if (status == STATUS_OK) ASSERT(count == 40);
    if (status < 0) scenario->failed_count++;
    arena_finish(&arena);
}

static void run_scenario(struct scenario *scenario)
{
    struct error error;
    struct file_system *system = file_system_posix();
    AGAIN(scenario, identity_map_open(&scenario->map, system, scenario->identities, &error));
    AGAIN(scenario, catalog_create(&scenario->catalog, scenario->map, &error));
    struct identity identities[TAGS];
    uint32_t numbers[TAGS];
    for (uint64_t tag = 0; tag < TAGS; tag++) identities[tag] = (struct identity){tag + 1, tag};
    AGAIN(scenario, identity_map_add(scenario->map, identities, TAGS, numbers, &error));
    for (uint64_t tag = 0; tag < TAGS; tag++) {
        fold_tag(scenario, tag, 1000 + tag, TAG_FIELDS_ALL);
        fold_tag(scenario, tag, 2000 + tag, 1u << TAG_FIELD_UNIT);
    }
    for (uint64_t clock = 3001; clock < 3041; clock++) fold_mask(scenario, clock);
    check_end(scenario);

    struct journal_position *positions;
    size_t count;
    AGAIN(scenario,
          catalog_snapshot_write(scenario->catalog, system, scenario->snapshot, NULL, 0, &error));
    catalog_destroy(scenario->catalog);
    AGAIN(scenario, catalog_create(&scenario->catalog, scenario->map, &error));
    AGAIN(scenario, catalog_snapshot_read(scenario->catalog, system, scenario->snapshot, &positions,
                                          &count, &error));
    free(positions);
    check_end(scenario);
    catalog_destroy(scenario->catalog);
    identity_map_close(scenario->map);
}

START_TEST(memory_that_runs_out_costs_one_call)
{
    char directory[TEMPORARY_PATH_BYTES];
    char identities[TEMPORARY_PATH_BYTES + 16];
    char snapshot[TEMPORARY_PATH_BYTES + 16];
    temporary_make(directory);
    (void)snprintf(identities, sizeof identities, "%s/identities", directory);
    (void)snprintf(snapshot, sizeof snapshot, "%s/snapshot", directory);
    bool is_met = true;
    uint64_t step = 0;
    for (; is_met; step++) {
        struct scenario scenario = {.identities = identities, .snapshot = snapshot};
        (void)remove(identities);
        int64_t live_count = allocation_live_count();
        allocation_fail(step, ALLOCATION_ONCE);
        run_scenario(&scenario);
        is_met = allocation_is_met();
        allocation_succeed();
        ck_assert_int_eq(allocation_live_count(), live_count);
        ck_assert_uint_eq(scenario.failed_count, is_met ? 1 : 0);
    }
    temporary_remove(directory);
    ck_assert_uint_gt(step, 40);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        memory_that_runs_out_costs_one_call,
    };
    return unit_run("catalog_memory", tests, sizeof tests / sizeof tests[0]);
}
