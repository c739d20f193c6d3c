/* Goal:   whichever call to the disk fails, and whichever allocation, the store says so or does
 *         without: what it acknowledged is there when it is opened again and nothing else is, its
 *         files are whole, and nothing leaks or hangs.
 * Method: one scenario (fault_scenario.h) again and again, failing its first call, then its second,
 *         and so on, until a run gets through; with faults that pass and faults that stay, with and
 *         without a crash afterwards, with a second fault in the recovery. An oracle outside keeps
 *         what every cell may show. All steps with BEDE_SECONDS=60 and more, else every few. */
#include "storage/base/random.h"
#include "tests/simulation/allocation.h"
#include "tests/storage/fault_scenario.h"
#include "tests/unit.h"

static void report_damage(void *context, const char *text)
{
    ck_abort_msg("step %llu: %s", *(unsigned long long *)context, text);
}

static void check_files(struct fault_world *world, unsigned long long step)
{
    struct store_check check;
    ASSERT_OK(store_verify(file_memory_system(world->memory), world->options.path, report_damage,
                           &step, &check, &world->error),
              &world->error);
}

/* Opens the store while it is struck a second time. */
static void fail_recovery(struct fault_world *world, struct random *random)
{
    struct file_fault_plan plan = {.status = STATUS_IO,
                                   .step = random_below(random, 60),
                                   .is_sticky = random_chance(random, 1, 2),
                                   .part_per_1024 = (uint32_t)random_below(random, 1025)};
    file_fault_plan(world->fault, &plan);
    if (fault_open(world)) {
        fault_read(world);
        fault_close(world);
    }
    file_fault_plan(world->fault, NULL);
}

/* On a disk that is whole again: what was promised is there, and the store goes on. */
static void check_promises(struct fault_world *world, uint64_t step)
{
    struct random random;
    random_init(&random, step);
    for (uint64_t fault = random_below(&random, 2);; fault--) {
        ck_assert_uint_eq(file_fault_open_count(world->fault), 0);
        if (random_chance(&random, 1, 2)) {
            file_memory_crash(world->memory, &random,
                              (enum file_crash)random_below(&random, FILE_CRASH_COUNT));
        }
        if (fault == 0) break;
        fail_recovery(world, &random);
    }
    if (world->was_open) check_files(world, step);
    world->failed_count = 0;
    if (fault_open(world)) {
        fault_read(world);
        fault_close(world);
    }
    fault_life(world, FAULT_LIVES);
    ck_assert_msg(world->failed_count == 0, "step %llu: afterwards: %s", (unsigned long long)step,
                  world->error.text);
    ck_assert_msg(world->wrong[0] == 0, "step %llu: %s", (unsigned long long)step, world->wrong);
    check_files(world, step);
}

/* Every step when there is time, else every few. */
static uint64_t stride_of(uint64_t everyday)
{
    return unit_number("BEDE_SECONDS", 0) >= 60 ? 1 : everyday;
}

static void live_twice(struct fault_world *world)
{
    for (size_t i = 0; i < FAULT_LIVES; i++) fault_life(world, i);
}

struct walk {
    void (*scenario)(struct fault_world *world);
    enum status status; /* of the disk's failure */
    bool is_sticky;
    bool has_threads;
    uint64_t stride;
    uint64_t step;
    uint64_t silent_count; /* failures that no call told */
};

static void check_failures(struct walk *walk, const struct fault_world *world, bool is_met,
                           enum status also)
{
    unsigned long long step = walk->step;
    if (world->failed_count == 0) {
        walk->silent_count += is_met ? 1 : 0;
        return;
    }
    ck_assert_msg(is_met, "no failure, but: %s", world->error.text);
    ck_assert_msg(world->first_failure == walk->status || world->first_failure == also,
                  "step %llu: %s", step, status_text(world->first_failure));
}

/* Whether the step was met. */
static bool walk_disk_step(struct walk *walk)
{
    struct fault_world *world = fault_world_create(walk->has_threads);
    struct file_fault_plan plan = {.status = walk->status,
                                   .step = walk->step,
                                   .is_sticky = walk->is_sticky,
                                   .part_per_1024 = (uint32_t)(walk->step * 300 % 1025)};
    file_fault_plan(world->fault, &plan);
    walk->scenario(world);
    bool is_met = file_fault_is_met(world->fault);
    file_fault_plan(world->fault, NULL);
    check_failures(walk, world, is_met, walk->status);
    check_promises(world, walk->step);
    fault_world_destroy(world);
    return is_met;
}

static void walk_disk(struct walk walk)
{
    while (walk_disk_step(&walk)) walk.step += walk.stride;
    ck_assert_uint_gt(walk.step, 100);
    /* Some tidying is done as well as may be, and tried again by the next start. */
    ck_assert_uint_lt(walk.silent_count, 2 + walk.step / walk.stride / 10);
}

START_TEST(a_call_that_fails_once)
{
    walk_disk((struct walk){.scenario = live_twice, .status = STATUS_IO, .stride = stride_of(3)});
}
END_TEST

START_TEST(a_disk_that_stays_broken)
{
    walk_disk((struct walk){
        .scenario = live_twice, .status = STATUS_IO, .is_sticky = true, .stride = stride_of(5)});
}
END_TEST

START_TEST(a_disk_that_is_full)
{
    walk_disk(
        (struct walk){.scenario = live_twice, .status = STATUS_NO_SPACE, .stride = stride_of(3)});
    walk_disk((struct walk){.scenario = live_twice,
                            .status = STATUS_NO_SPACE,
                            .is_sticky = true,
                            .stride = stride_of(5)});
}
END_TEST

START_TEST(a_broken_disk_below_a_plant_of_many_tags)
{
    walk_disk((struct walk){.scenario = fault_plant, .status = STATUS_IO, .stride = stride_of(7)});
}
END_TEST

START_TEST(a_broken_disk_below_threads)
{
    walk_disk((struct walk){.scenario = live_twice,
                            .status = STATUS_IO,
                            .is_sticky = true,
                            .has_threads = true,
                            .stride = stride_of(31)});
}
END_TEST

static bool walk_memory_step(struct walk *walk)
{
    int64_t live_count = allocation_live_count();
    struct fault_world *world = fault_world_create(false);
    allocation_fail(walk->step, walk->is_sticky ? ALLOCATION_STICKY : ALLOCATION_ONCE);
    walk->scenario(world);
    bool is_met = allocation_is_met();
    allocation_succeed();
    /* An arena does not tell whether it is full. */
    check_failures(walk, world, is_met, STATUS_TOO_LARGE);
    check_promises(world, walk->step);
    fault_world_destroy(world);
    int64_t leaked_count = allocation_live_count() - live_count;
    ck_assert_msg(leaked_count < 10, "step %llu leaks %lld", /* Check's own */
                  (unsigned long long)walk->step, (long long)leaked_count);
    return is_met;
}

static void walk_memory(struct walk walk)
{
    walk.status = STATUS_NO_MEMORY;
    while (walk_memory_step(&walk)) walk.step += walk.stride;
    ck_assert_uint_gt(walk.step, 300);
}

START_TEST(an_allocation_that_fails_once)
{
    walk_memory((struct walk){.scenario = live_twice, .stride = stride_of(7)});
}
END_TEST

START_TEST(memory_that_stays_used_up)
{
    walk_memory((struct walk){.scenario = live_twice, .is_sticky = true, .stride = stride_of(7)});
}
END_TEST

START_TEST(memory_that_ends_in_a_plant_of_many_tags)
{
    walk_memory((struct walk){.scenario = fault_plant, .stride = stride_of(31)});
}
END_TEST

START_TEST(a_store_that_lost_its_manifest_is_left_alone)
{
    struct fault_world *world = fault_world_create(false);
    struct file_system *file_system = file_memory_system(world->memory);
    fault_life(world, 0);
    ck_assert_uint_eq(world->failed_count, 0);
    ASSERT_OK(file_rename(file_system, "store/CURRENT", "lost", &world->error), &world->error);
    uint64_t bytes = file_memory_total_bytes(world->memory);
    ck_assert_int_lt(store_open(&world->store, &world->options, &world->error), 0);
    ck_assert_uint_ge(file_memory_total_bytes(world->memory), bytes);
    ASSERT_OK(file_rename(file_system, "lost", "store/CURRENT", &world->error), &world->error);
    check_promises(world, 1);
    fault_world_destroy(world);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_call_that_fails_once,
        a_disk_that_stays_broken,
        a_disk_that_is_full,
        a_broken_disk_below_a_plant_of_many_tags,
        a_broken_disk_below_threads,
        an_allocation_that_fails_once,
        memory_that_stays_used_up,
        memory_that_ends_in_a_plant_of_many_tags,
        a_store_that_lost_its_manifest_is_left_alone,
    };
    return unit_run("store_fault", tests, sizeof tests / sizeof tests[0]);
}
