/* Goal:   after any crash, failing call or damage the manifest gives the state of the last commit, or
 *         that of the one under way, or says that it cannot.
 * Method: random edits against a list kept beside; the power fails at random calls with every kind
 *         of loss; single calls and allocations fail; every byte is flipped; the file is cut at
 *         every length. */
#include <inttypes.h>

#include "storage/base/file_fault.h"
#include "storage/base/file_memory.h"
#include "storage/base/hash.h"
#include "storage/base/random.h"
#include "storage/disk_names.h"
#include "storage/manifest.h"
#include "tests/simulation/allocation.h"
#include "tests/unit.h"

enum { LIVE_MAX = 40, EDIT_MAX = 4, LIMIT_BYTES = 3000 };

/* The state as a test keeps it. */
struct twin {
    struct manifest_state state; /* its segments are the array below */
    struct manifest_segment segments[LIVE_MAX];
};

struct world {
    struct random random;
    struct file_memory *memory;
    struct file_fault *fault;
    struct file_system *disk;
    struct manifest *manifest;
    struct twin committed;
    struct twin flying; /* of the commit under way */
    struct error error;
};

static void world_begin(struct world *world, uint64_t seed)
{
    *world = (struct world){0};
    random_init(&world->random, seed);
    ASSERT_OK(file_memory_create(&world->memory, &world->error), &world->error);
    ASSERT_OK(file_fault_create(&world->fault, file_memory_system(world->memory), &world->error),
              &world->error);
    world->disk = file_fault_system(world->fault);
    ASSERT_OK(file_create_directory(world->disk, "store", &world->error), &world->error);
    ASSERT_OK(file_sync_directory(world->disk, "", &world->error), &world->error);
}

static void world_end(struct world *world)
{
    manifest_close(world->manifest);
    file_fault_destroy(world->fault);
    file_memory_destroy(world->memory);
}

static uint64_t below(struct world *world, uint64_t bound)
{
    return random_below(&world->random, bound);
}

static void twin_init(struct twin *twin)
{
    *twin = (struct twin){.state = {.store = {11, 22},
                                    .node = 33,
                                    .generation = 44,
                                    .generation_count = 1,
                                    .generations = {44},
                                    .name_space = "plant",
                                    .wal_file_bytes = 16 << 20,
                                    .next_number = 1}};
}

static bool twin_equal(const struct twin *twin, const struct manifest_state *state)
{
    const struct manifest_state *own = &twin->state;
    return identity_compare(own->store, state->store) == 0 && own->node == state->node &&
           own->generation == state->generation &&
           own->generation_count == state->generation_count &&
           memcmp(own->generations, state->generations,
                  own->generation_count * sizeof own->generations[0]) == 0 &&
           strcmp(own->name_space, state->name_space) == 0 &&
           own->wal_file_bytes == state->wal_file_bytes &&
           own->flushed_position == state->flushed_position &&
           own->flushed_sequence == state->flushed_sequence &&
           own->clock_ceiling == state->clock_ceiling && own->next_number == state->next_number &&
           own->snapshot_number == state->snapshot_number &&
           own->frontier_number == state->frontier_number &&
           own->segment_count == state->segment_count &&
           (own->segment_count == 0 || memcmp(twin->segments, state->segments,
                                              own->segment_count * sizeof twin->segments[0]) == 0);
}

/* Random drops and additions, done to the twin as well. */
static void twin_step(struct world *world, struct twin *twin, struct manifest_segment *added,
                      size_t *added_count, uint64_t *dropped, size_t *dropped_count)
{
    struct manifest_state *state = &twin->state;
    *added_count = *dropped_count = 0;
    for (size_t count = below(world, EDIT_MAX); count > 0 && state->segment_count > 0; count--) {
        size_t index = below(world, state->segment_count--);
        dropped[(*dropped_count)++] = twin->segments[index].number;
        memmove(&twin->segments[index], &twin->segments[index + 1],
                (state->segment_count - index) * sizeof twin->segments[0]);
    }
    for (size_t count = below(world, EDIT_MAX); count > 0 && state->segment_count < LIVE_MAX;
         count--) {
        struct manifest_segment segment = {.number = state->next_number++,
                                           .size_bytes = random_u64(&world->random),
                                           .sample_count = below(world, 1000),
                                           .first_time_ns = -(int64_t)below(world, 1000),
                                           .last_time_ns = (int64_t)below(world, 1000),
                                           .level = (uint32_t)below(world, 3)};
        twin->segments[state->segment_count++] = added[(*added_count)++] = segment;
    }
    state->flushed_position += below(world, 1000);
    state->flushed_sequence += below(world, 100);
    state->clock_ceiling += below(world, 100);
    if (below(world, 4) == 0) state->frontier_number = state->next_number++;
    if (below(world, 8) == 0) state->snapshot_number = state->next_number++;
    if (below(world, 20) == 0 && state->generation_count < MANIFEST_GENERATIONS_MAX) {
        state->generation = (uint32_t)random_u64(&world->random);
        state->generations[state->generation_count++] = state->generation;
    }
}

static enum status commit(struct world *world)
{
    struct manifest_segment added[EDIT_MAX];
    uint64_t dropped[EDIT_MAX];
    world->flying = world->committed;
    struct manifest_edit edit = {.state = &world->flying.state, .added = added, .dropped = dropped};
    twin_step(world, &world->flying, added, &edit.added_count, dropped, &edit.dropped_count);
    enum status status = manifest_commit(world->manifest, &edit, &world->error);
    if (status == STATUS_OK) world->committed = world->flying;
    return status;
}

static enum status create(struct world *world)
{
    twin_init(&world->flying);
    enum status status = manifest_create(&world->manifest, world->disk, "store",
                                         &world->flying.state, &world->error);
    if (status < 0) return status;
    world->committed = world->flying;
    manifest_limit(world->manifest, LIMIT_BYTES);
    return STATUS_OK;
}

static enum status reopen(struct world *world)
{
    manifest_close(world->manifest);
    world->manifest = NULL;
    enum status status = manifest_open(&world->manifest, world->disk, "store", &world->error);
    if (status == STATUS_OK) manifest_limit(world->manifest, LIMIT_BYTES);
    return status;
}

static void report_ignore(void *context, const char *text)
{
    (void)context, (void)text;
}

static uint64_t damages(struct world *world)
{
    uint64_t count = 0;
    ASSERT_OK(manifest_verify(world->disk, "store", report_ignore, NULL, &count, &world->error),
              &world->error);
    return count;
}

static enum status count_manifests(void *context, const char *name)
{
    if (strncmp(name, "MANIFEST-", 9) == 0) ++*(size_t *)context;
    return STATUS_OK;
}

START_TEST(no_store_is_not_found)
{
    struct world world;
    world_begin(&world, 1);
    ASSERT_STATUS(STATUS_NOT_FOUND, reopen(&world), &world.error);
    world_end(&world);
}
END_TEST

START_TEST(what_was_committed_is_there_again)
{
    struct world world;
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 20); seed++) {
        world_begin(&world, seed);
        ASSERT_OK(create(&world), &world.error);
        for (int i = 0; i < 100; i++) {
            ASSERT_OK(commit(&world), &world.error);
            ck_assert(twin_equal(&world.committed, manifest_state(world.manifest)));
            if (below(&world, 10) > 0) continue;
            ASSERT_OK(reopen(&world), &world.error);
            ck_assert(twin_equal(&world.committed, manifest_state(world.manifest)));
        }
        ck_assert_uint_eq(damages(&world), 0);
        size_t count = 0;
        ASSERT_OK(file_list(world.disk, "store", count_manifests, &count, &world.error),
                  &world.error);
        ck_assert_uint_eq(count, 2); /* M3 */
        world_end(&world);
    }
}
END_TEST

/* The outdated one must be whole: it is what a person falls back on. */
START_TEST(the_older_manifest_is_a_valid_state)
{
    struct world world;
    world_begin(&world, 5);
    ASSERT_OK(create(&world), &world.error);
    for (int i = 0; i < 200; i++) ASSERT_OK(commit(&world), &world.error);
    const uint8_t *bytes;
    size_t size;
    ASSERT_OK(file_memory_bytes(world.memory, "store/CURRENT", &bytes, &size), &world.error);
    uint64_t number = strtoull((const char *)bytes + 9, NULL, 16);
    ck_assert_uint_gt(number, 2);

    char name[32], text[64];
    (void)snprintf(name, sizeof name, DISK_MANIFEST_FORMAT, number - 1);
    int length = snprintf(text, sizeof text, "%s %016" PRIx64 "\n", name, hash64(name, 25));
    ASSERT_OK(file_memory_damage(world.memory, "store/CURRENT", text, (size_t)length, 0),
              &world.error);
    ASSERT_OK(reopen(&world), &world.error);
    ck_assert_uint_lt(manifest_state(world.manifest)->next_number,
                      world.committed.state.next_number);
    world_end(&world);
}
END_TEST

/* ---- Crashes and failures ---- */

/* The state must be the last committed one or, once something was under way, that. */
static void assert_known_state(struct world *world, bool has_store, const char *what, uint64_t seed)
{
    enum status status = reopen(world);
    if (status == STATUS_NOT_FOUND && !has_store) return;
    ck_assert_msg(status == STATUS_OK, "%s, seed %" PRIu64 ": %s", what, seed, world->error.text);
    const struct manifest_state *state = manifest_state(world->manifest);
    bool is_committed = has_store && twin_equal(&world->committed, state);
    ck_assert_msg(is_committed || twin_equal(&world->flying, state),
                  "%s, seed %" PRIu64 ": a state that never was", what, seed);
    ck_assert_uint_eq(damages(world), 0);
    world->committed = is_committed ? world->committed : world->flying;
}

static void run_crashes(uint64_t seed, enum file_crash crash)
{
    struct world world;
    world_begin(&world, seed);
    bool has_store = false;
    for (int life = 0; life < 8; life++) {
        /* The disk stops answering at some call; or it does not, and only the power goes. */
        struct file_fault_plan plan = {.status = STATUS_IO,
                                       .step = below(&world, 60),
                                       .is_sticky = true,
                                       .part_per_1024 = (uint32_t)below(&world, 1025)};
        file_fault_plan(world.fault, &plan);
        enum status status = STATUS_OK;
        if (!has_store) {
            status = create(&world);
            has_store = status == STATUS_OK;
        }
        for (int i = 0; i < 12 && status == STATUS_OK; i++) status = commit(&world);
        manifest_close(world.manifest);
        world.manifest = NULL;
        file_fault_plan(world.fault, NULL);
        file_memory_crash(world.memory, &world.random, crash);
        assert_known_state(&world, has_store, "crash", seed);
        has_store = world.manifest != NULL;
    }
    world_end(&world);
}

START_TEST(a_crash_leaves_the_last_state_or_the_one_under_way)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 300); seed++) {
        for (int crash = 0; crash < FILE_CRASH_COUNT; crash++) {
            run_crashes(seed, (enum file_crash)crash);
        }
    }
}
END_TEST

/* A disk whose power fails when a directory should be synced: names are then as durable as the kind
 * of crash has it, while a failing sync would have dropped them. */
struct dark_disk {
    struct file_system file_system;
    struct world *world;
    struct file_system *lit; /* what it stands before */
    uint64_t syncs_left;
    enum file_crash crash;
};

static struct file_system *lit(struct file_system *disk)
{
    return ((struct dark_disk *)disk)->lit;
}

static enum status dark_open(struct file_system *disk, struct file **out_file, const char *path,
                             enum file_mode mode, struct error *error)
{
    return file_open(lit(disk), out_file, path, mode, error);
}

static enum status dark_rename(struct file_system *disk, const char *from, const char *to,
                               struct error *error)
{
    return file_rename(lit(disk), from, to, error);
}

static enum status dark_remove(struct file_system *disk, const char *path, struct error *error)
{
    return file_remove(lit(disk), path, error);
}

static enum status dark_list(struct file_system *disk, const char *path,
                             enum status (*visit)(void *context, const char *name), void *context,
                             struct error *error)
{
    return file_list(lit(disk), path, visit, context, error);
}

static enum status dark_sync_directory(struct file_system *disk, const char *path,
                                       struct error *error)
{
    struct dark_disk *dark = (struct dark_disk *)disk;
    if (dark->syncs_left-- > 0) return file_sync_directory(lit(disk), path, error);
    file_memory_crash(dark->world->memory, &dark->world->random, dark->crash);
    return error_set(error, STATUS_IO, "the power fails");
}

static const struct file_system_operations dark_operations = {
    .open = dark_open,
    .rename = dark_rename,
    .remove = dark_remove,
    .list = dark_list,
    .sync_directory = dark_sync_directory,
};

static void run_dark(uint64_t seed, enum file_crash crash)
{
    struct world world;
    world_begin(&world, seed);
    struct dark_disk dark = {{&dark_operations}, &world, world.disk, below(&world, 8), crash};
    world.disk = &dark.file_system;
    enum status status = create(&world);
    bool has_store = status == STATUS_OK;
    while (status == STATUS_OK) status = commit(&world);
    world.disk = dark.lit;
    assert_known_state(&world, has_store, "dark", seed);
    world_end(&world);
}

START_TEST(a_crash_amid_the_names_leaves_one_of_the_two_manifests)
{
    for (uint64_t seed = 1; seed <= unit_number("BEDE_SEEDS", 100); seed++) {
        for (int crash = 0; crash < FILE_CRASH_COUNT; crash++) {
            run_dark(seed, (enum file_crash)crash);
        }
    }
}
END_TEST

START_TEST(a_failing_call_never_claims_success)
{
    for (uint64_t step = 0;; step++) {
        struct world world;
        world_begin(&world, 7);
        struct file_fault_plan plan = {.status = STATUS_IO, .step = step, .part_per_1024 = 700};
        file_fault_plan(world.fault, &plan);
        bool has_store = create(&world) == STATUS_OK;
        enum status status = has_store ? STATUS_OK : STATUS_IO;
        for (int i = 0; i < 30 && status == STATUS_OK; i++) status = commit(&world);
        bool is_met = file_fault_is_met(world.fault);
        ck_assert(status == STATUS_OK || is_met);
        if (has_store && status < 0) {
            /* The end of the file is unknown: nothing more is accepted. */
            struct twin flying = world.flying;
            ASSERT_STATUS(STATUS_IO, commit(&world), &world.error);
            world.flying = flying;
            ck_assert(twin_equal(&world.committed, manifest_state(world.manifest)));
        }
        ck_assert_uint_le(file_fault_open_count(world.fault), 1);
        manifest_close(world.manifest);
        world.manifest = NULL;
        ck_assert_uint_eq(file_fault_open_count(world.fault), 0);
        file_fault_plan(world.fault, NULL);
        file_memory_crash(world.memory, &world.random, FILE_CRASH_LOST);
        assert_known_state(&world, has_store, "fault", step);
        world_end(&world);
        if (!is_met) break;
    }
}
END_TEST

/* Whether the allocation was met before anything was asked of the disk. */
static bool commit_without_memory(uint64_t step, bool *out_is_met)
{
    enum { SEGMENTS = 30 }; /* so that the edit needs a larger buffer than the first one did */
    struct world world;
    struct manifest_segment added[SEGMENTS];
    world_begin(&world, 9);
    ASSERT_OK(create(&world), &world.error);
    world.flying = world.committed;
    struct manifest_state *state = &world.flying.state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        added[i] = (struct manifest_segment){.number = state->next_number++};
        world.flying.segments[state->segment_count++] = added[i];
    }
    struct manifest_edit edit = {.state = state, .added = added, .added_count = SEGMENTS};
    file_fault_plan(world.fault, NULL);
    allocation_fail(step, ALLOCATION_ONCE);
    enum status status = manifest_commit(world.manifest, &edit, &world.error);
    *out_is_met = allocation_is_met();
    allocation_succeed();
    bool is_early = *out_is_met && file_fault_step_count(world.fault) == 0;
    if (is_early) {
        ck_assert_int_eq(status, STATUS_NO_MEMORY);
        ck_assert(twin_equal(&world.committed, manifest_state(world.manifest)));
        ASSERT_OK(manifest_commit(world.manifest, &edit, &world.error), &world.error);
        ASSERT_OK(reopen(&world), &world.error);
        ck_assert(twin_equal(&world.flying, manifest_state(world.manifest)));
    }
    world_end(&world);
    return is_early;
}

START_TEST(a_commit_that_finds_no_memory_before_it_writes_is_made_again)
{
    bool is_met = true;
    uint64_t early_count = 0;
    for (uint64_t step = 0; is_met; step++) early_count += commit_without_memory(step, &is_met);
    ck_assert_uint_ge(early_count, 3);
}
END_TEST

/* ---- Damage ---- */

/* A store of some edits in one file; its name and content. */
static void world_fill(struct world *world, char *path, uint8_t **out_bytes, size_t *out_size)
{
    world_begin(world, 3);
    ASSERT_OK(create(world), &world->error);
    for (int i = 0; i < 5; i++) ASSERT_OK(commit(world), &world->error);
    (void)snprintf(path, 64, "store/" DISK_MANIFEST_FORMAT, (uint64_t)1);
    const uint8_t *bytes;
    ASSERT_OK(file_memory_bytes(world->memory, path, &bytes, out_size), &world->error);
    *out_bytes = malloc(*out_size);
    memcpy(*out_bytes, bytes, *out_size);
}

static void flip_all(struct world *world, const char *path)
{
    const uint8_t *bytes;
    size_t size;
    ASSERT_OK(file_memory_bytes(world->memory, path, &bytes, &size), &world->error);
    for (size_t i = 0; i < size; i++) {
        uint8_t flipped = bytes[i] ^ (uint8_t)(1 << below(world, 8)), intact = bytes[i];
        ASSERT_OK(file_memory_damage(world->memory, path, &flipped, 1, i), &world->error);
        enum status status = reopen(world);
        if (status == STATUS_OK) {
            ck_assert_msg(twin_equal(&world->committed, manifest_state(world->manifest)),
                          "%s: byte %zu changes the state", path, i);
        } else {
            ck_assert_int_eq(status, STATUS_CORRUPT);
            ck_assert_ptr_nonnull(strstr(world->error.text, "store/"));
            ck_assert_uint_gt(damages(world), 0);
        }
        ASSERT_OK(file_memory_damage(world->memory, path, &intact, 1, i), &world->error);
        ASSERT_OK(file_memory_bytes(world->memory, path, &bytes, &size), &world->error);
    }
}

START_TEST(every_flipped_byte_is_noticed_or_harmless)
{
    struct world world;
    char path[64];
    uint8_t *bytes;
    size_t size;
    world_fill(&world, path, &bytes, &size);
    flip_all(&world, path);
    flip_all(&world, "store/CURRENT");
    free(bytes);
    world_end(&world);
}
END_TEST

static void file_replace(struct world *world, const char *path, const uint8_t *bytes, size_t size)
{
    struct file *file;
    ASSERT_OK(file_open(world->disk, &file, path, FILE_CREATE, &world->error), &world->error);
    if (size > 0) ASSERT_OK(file_write_at(file, bytes, size, 0, &world->error), &world->error);
    file_close(file);
}

/* Up to the end of the first edit it is no manifest; then the tail is torn. */
START_TEST(a_torn_tail_is_dropped)
{
    struct world world;
    char path[64];
    uint8_t *bytes;
    size_t size;
    world_fill(&world, path, &bytes, &size);
    size_t first_end = sizeof(struct manifest_header) + sizeof(struct manifest_edit_head) +
                       sizeof(struct manifest_edit_state) + 8;
    uint64_t last_number = 0;
    for (size_t cut = 0; cut <= size; cut++) {
        file_replace(&world, path, bytes, cut);
        enum status status = reopen(&world);
        ck_assert_int_eq(status, cut < first_end ? STATUS_CORRUPT : STATUS_OK);
        if (status < 0) continue;
        ck_assert_uint_eq(damages(&world), 0);
        ck_assert_uint_ge(manifest_state(world.manifest)->next_number, last_number);
        last_number = manifest_state(world.manifest)->next_number;
    }
    ck_assert(twin_equal(&world.committed, manifest_state(world.manifest)));

    file_replace(&world, path, bytes, size - 100);
    ASSERT_OK(reopen(&world), &world.error);
    struct manifest_edit nothing = {0};
    ASSERT_OK(manifest_commit(world.manifest, &nothing, &world.error), &world.error);
    ASSERT_OK(reopen(&world), &world.error);
    free(bytes);
    world_end(&world);
}
END_TEST

/* Checksums that are right do not make a reader trust what they cover. */
START_TEST(an_edit_that_contradicts_itself_is_damage)
{
    struct world world;
    world_begin(&world, 4);
    twin_init(&world.committed);
    struct manifest_segment added[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    uint64_t dropped[] = {7, 5};
    struct manifest_segment live[] = {{.number = 5}, {.number = 6}, {.number = 7}};
    struct manifest_edit edit = {
        .added = added, .added_count = 3, .dropped = dropped, .dropped_count = 2};
    world.committed.state.next_number = 8;
    struct buffer intact, bent;
    buffer_init(&intact, 1 << 20);
    buffer_init(&bent, 1 << 20);
    ASSERT_OK(manifest_edit_encode(&intact, &world.committed.state, &edit, &world.error),
              &world.error);
    size_t followed_count = 0;
    for (uint64_t round = 0; round < unit_number("BEDE_SEEDS", 20000); round++) {
        buffer_clear(&bent);
        ASSERT_OK(buffer_add(&bent, intact.bytes, intact.size_bytes, &world.error), &world.error);
        struct manifest_edit_head head;
        uint8_t *body = bent.bytes + sizeof head;
        memcpy(&head, bent.bytes, sizeof head);
        if (round % 4 == 0 && round > 0) head.body_bytes = (uint32_t)below(&world, 50) * 8;
        if (head.body_bytes > bent.size_bytes - sizeof head) continue;
        if (round % 4 > 0) body[below(&world, head.body_bytes)] = (uint8_t)below(&world, 256);
        head.checksum = hash64(&head, 8) ^ hash64(body, head.body_bytes);
        memcpy(bent.bytes, &head, sizeof head);
        ck_assert_uint_eq(manifest_edit_bytes(bent.bytes, bent.size_bytes, 0),
                          sizeof head + head.body_bytes);

        struct manifest_state state = {.segments = malloc(sizeof live), .segment_count = 3};
        memcpy(state.segments, live, sizeof live);
        enum status status = manifest_edit_follow(&state, bent.bytes, &world.error);
        ck_assert(status == STATUS_OK || status == STATUS_CORRUPT);
        if (round == 0) ck_assert_uint_eq(state.segment_count, 4);
        if (status == STATUS_OK) followed_count++;
        free(state.segments);
    }
    ck_assert_uint_gt(followed_count, 1);
    buffer_finish(&intact);
    buffer_finish(&bent);
    world_end(&world);
}
END_TEST

START_TEST(a_newer_version_is_left_alone)
{
    struct world world;
    char path[64];
    uint8_t *bytes;
    size_t size;
    world_fill(&world, path, &bytes, &size);
    struct manifest_header header;
    for (int field = 0; field < 2; field++) {
        memcpy(&header, bytes, sizeof header);
        if (field == 0) header.version++;
        if (field == 1) header.features = 1;
        header.checksum = hash64(&header, offsetof(struct manifest_header, checksum));
        ASSERT_OK(file_memory_damage(world.memory, path, &header, sizeof header, 0), &world.error);
        ASSERT_STATUS(STATUS_UNSUPPORTED, reopen(&world), &world.error);
        const uint8_t *found;
        size_t found_size;
        ASSERT_OK(file_memory_bytes(world.memory, path, &found, &found_size), &world.error);
        ck_assert_uint_eq(found_size, size);
        ck_assert_int_eq(memcmp(found, &header, sizeof header), 0);
        ck_assert_int_eq(memcmp(found + sizeof header, bytes + sizeof header, size - sizeof header),
                         0);
    }
    free(bytes);
    world_end(&world);
}
END_TEST

START_TEST(too_many_segments_are_refused)
{
    struct world world;
    world_begin(&world, 9);
    ASSERT_OK(create(&world), &world.error);
    size_t count = MANIFEST_SEGMENTS_MAX;
    struct manifest_segment *added = calloc(count + 1, sizeof *added);
    for (size_t i = 0; i <= count; i++) added[i].number = i + 1;
    struct manifest_state state = world.committed.state;
    state.next_number = count + 2;
    struct manifest_edit edit = {.state = &state, .added = added, .added_count = count + 1};
    ASSERT_STATUS(STATUS_TOO_LARGE, manifest_commit(world.manifest, &edit, &world.error),
                  &world.error);
    edit.added_count = count;
    ASSERT_OK(manifest_commit(world.manifest, &edit, &world.error), &world.error);
    struct manifest_edit nothing = {0};
    for (int i = 0; i < 3; i++) {
        ASSERT_OK(manifest_commit(world.manifest, &nothing, &world.error), &world.error);
    }
    ASSERT_OK(reopen(&world), &world.error);
    ck_assert_uint_eq(manifest_state(world.manifest)->segment_count, count);
    free(added);
    world_end(&world);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_store_is_not_found,
        what_was_committed_is_there_again,
        the_older_manifest_is_a_valid_state,
        a_crash_leaves_the_last_state_or_the_one_under_way,
        a_crash_amid_the_names_leaves_one_of_the_two_manifests,
        a_failing_call_never_claims_success,
        a_commit_that_finds_no_memory_before_it_writes_is_made_again,
        every_flipped_byte_is_noticed_or_harmless,
        a_torn_tail_is_dropped,
        an_edit_that_contradicts_itself_is_damage,
        a_newer_version_is_left_alone,
        too_many_segments_are_refused,
    };
    return unit_run("manifest", tests, sizeof tests / sizeof tests[0]);
}
