#include "tests/storage/fault_scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum {
    TEXT_TAG = FAULT_TAGS - 1,
    SAMPLES_MAX = 40,
    TEXT_BYTES = 1000, /* so that few samples fill a file of the log */
    PLANT_TAGS = 1050, /* more than a start folds without a snapshot */
    PLANT_STEP = 50,
    PLANT_NAME_BYTES = 32,
};
#define SECOND_NS INT64_C(1000000000)
/* 2025-10-31T23:59:00Z: merges deal out into two days. */
#define EPOCH_NS (INT64_C(1761955140) * SECOND_NS)
#define NOTHING UINT64_MAX /* the outcome of a cell that shows nothing */

static const char *const tag_names[FAULT_TAGS] = {"mill.speed", "mill.load", "mill.operator"};
static const char *const units[2] = {"m/s", "km/h"};

struct fault_world *fault_world_create(bool has_threads)
{
    struct fault_world *world = calloc(1, sizeof *world);
    ck_assert_ptr_nonnull(world);
    for (size_t tag = 0; tag < FAULT_TAGS; tag++) {
        world->numbers[tag] = TAG_NONE;
        for (size_t i = 0; i < FAULT_CELLS; i++) {
            world->cells[tag][i] = (struct fault_cell){.outcomes = {NOTHING}, .outcome_count = 1};
        }
    }
    clock_virtual_init(&world->clock, EPOCH_NS + 3600 * SECOND_NS);
    ASSERT_OK(file_memory_create(&world->memory, &world->error), &world->error);
    ASSERT_OK(file_fault_create(&world->fault, file_memory_system(world->memory), &world->error),
              &world->error);
    world->options = (struct store_options){
        .file_system = file_fault_system(world->fault),
        .clock = &world->clock.clock,
        .path = "store",
        .memory_bytes_max = 8 << 20,
        .wal_file_bytes = 64 << 10,
        .wal_buffer_bytes = 16 << 10,
        .wal_bytes_max = 128 << 10, /* so that journals meet it, too */
        .block_samples_max = 16,
        .node = 77,
        .generation = 3,
        .manual = !has_threads,
    };
    return world;
}

void fault_world_destroy(struct fault_world *world)
{
    file_fault_destroy(world->fault);
    file_memory_destroy(world->memory);
    free(world);
}

static enum status note(struct fault_world *world, enum status status)
{
    if (status < 0 && world->failed_count++ == 0) world->first_failure = status;
    return status;
}

static void wrong(struct fault_world *world, const char *what, size_t tag, size_t cell)
{
    if (world->wrong[0] != 0) return;
    (void)snprintf(world->wrong, sizeof world->wrong, "%s (tag %zu, cell %zu)", what, tag, cell);
}

static int64_t cell_time_ns(size_t cell)
{
    return EPOCH_NS + (int64_t)cell * SECOND_NS;
}

static void cell_add_outcome(struct fault_cell *cell, uint64_t value, bool is_sent)
{
    if (cell->outcome_count == FAULT_OUTCOMES_MAX) abort();
    cell->outcomes[cell->outcome_count++] = value;
    cell->is_sent = is_sent;
}

/* A wait that succeeded: it waits for all before it. */
static void keep_promises(struct fault_world *world)
{
    for (size_t tag = 0; tag < FAULT_TAGS; tag++) {
        for (size_t i = 0; i < FAULT_CELLS; i++) {
            struct fault_cell *cell = &world->cells[tag][i];
            if (!cell->is_sent) continue;
            cell->outcomes[0] = cell->outcomes[cell->outcome_count - 1];
            cell->outcome_count = 1;
            cell->is_sent = false;
        }
    }
}

struct text_room {
    uint32_t size_bytes;
    char bytes[TEXT_BYTES];
};

/* The number itself, or a text that begins with it. */
static uint64_t value_make(size_t tag, uint64_t number, struct text_room *room)
{
    if (tag != TEXT_TAG) return number;
    memset(room->bytes, '.', sizeof room->bytes);
    (void)snprintf(room->bytes, sizeof room->bytes, "%llu", (unsigned long long)number);
    room->size_bytes = sizeof room->bytes;
    return value_from_text((const struct text_value *)(const void *)room);
}

static uint64_t value_number(size_t tag, uint64_t value)
{
    return tag == TEXT_TAG ? strtoull(value_text(value)->bytes, NULL, 10) : value;
}

static void append(struct fault_world *world, size_t tag, size_t first, size_t count)
{
    static struct text_room rooms[SAMPLES_MAX];
    int64_t times[SAMPLES_MAX];
    uint64_t values[SAMPLES_MAX];
    uint64_t number = world->value_count;
    world->value_count += count;
    for (size_t i = 0; i < count; i++) {
        times[i] = cell_time_ns(first + i);
        values[i] = value_make(tag, number + i, &rooms[i]);
    }
    struct batch batch = {.sample_count = (uint32_t)count,
                          .tag = world->numbers[tag],
                          .times_ns = times,
                          .values = values};
    uint64_t ticket;
    /* One that failed may not come to light later. */
    if (note(world, store_append(world->store, &batch, &ticket, &world->error)) < 0) return;
    for (size_t i = 0; i < count; i++) {
        cell_add_outcome(&world->cells[tag][first + i], number + i, true);
    }
    bool waits = first % 20 == 0;
    if (waits && note(world, store_wait(world->store, ticket, &world->error)) == STATUS_OK) {
        keep_promises(world);
    }
}

static void append_scan(struct fault_world *world, size_t cell)
{
    uint64_t values[2] = {world->value_count, world->value_count + 1};
    uint8_t types[2] = {VALUE_I64, VALUE_I64};
    if (world->numbers[0] == TAG_NONE) return; /* a scan names tags that there are */
    world->value_count += 2;
    struct batch batch = {.sample_count = 2,
                          .tags = world->numbers,
                          .time_ns = cell_time_ns(cell),
                          .values = values,
                          .types = types};
    uint64_t ticket;
    if (note(world, store_append_scan(world->store, &batch, &ticket, &world->error)) < 0) return;
    for (size_t tag = 0; tag < 2; tag++) {
        cell_add_outcome(&world->cells[tag][cell], values[tag], true);
    }
}

static void synchronise(struct fault_world *world)
{
    if (note(world, store_sync(world->store, &world->error)) == STATUS_OK) keep_promises(world);
}

/* What waits by itself: promised when it succeeds, else possible. */
static void end_explicit(struct fault_world *world, enum status status, size_t tag, size_t first,
                         size_t count, uint64_t outcome)
{
    for (size_t i = 0; i < count; i++) {
        cell_add_outcome(&world->cells[tag][first + i], outcome, status == STATUS_OK);
    }
    if (note(world, status) == STATUS_OK) keep_promises(world);
}

static void overrule(struct fault_world *world, size_t tag, size_t cell, enum entry_kind kind)
{
    struct text_room room;
    uint64_t number = world->value_count++;
    uint64_t value = value_make(tag, number, &room);
    enum status status =
        store_append_explicit(world->store, world->numbers[tag], cell_time_ns(cell), kind, value, 0,
                              "anna", "the sensor was off", &world->error);
    end_explicit(world, status, tag, cell, 1, kind == ENTRY_DELETION ? NOTHING : number);
}

static void mask(struct fault_world *world, size_t tag, size_t first, size_t count)
{
    struct revision group;
    enum status status = store_mask(world->store, &world->numbers[tag], 1, cell_time_ns(first),
                                    cell_time_ns(first + count), "anna", "", &group, &world->error);
    end_explicit(world, status, tag, first, count, NOTHING);
}

static struct tag_definition definition(size_t tag)
{
    return (struct tag_definition){.name = tag_names[tag],
                                   .unit = units[0],
                                   .description = "",
                                   .states = "",
                                   .source = "",
                                   .attributes = "",
                                   .type = tag == TEXT_TAG ? VALUE_TEXT : VALUE_I64};
}

static const char *plant_name(char *target, size_t tag)
{
    (void)snprintf(target, PLANT_NAME_BYTES, "plant.%zu", tag);
    return target;
}

static void find_tags(struct fault_world *world)
{
    struct catalog *catalog = store_catalog(world->store);
    for (size_t tag = 0; tag < FAULT_TAGS; tag++) {
        bool is_there = catalog_find(catalog, tag_names[tag], &world->numbers[tag]) == STATUS_OK;
        if (!is_there) world->numbers[tag] = TAG_NONE;
        if (!is_there && world->tag_is_promised[tag]) wrong(world, "a tag is gone", tag, 0);
    }
    char name[PLANT_NAME_BYTES];
    for (size_t tag = 0; tag < world->plant_count; tag++) {
        uint32_t number;
        if (catalog_find(catalog, plant_name(name, tag), &number) != STATUS_OK) {
            wrong(world, "a tag of the plant is gone", tag, 0);
        }
    }
    bool is_half = (world->numbers[0] == TAG_NONE) != (world->numbers[1] == TAG_NONE);
    if (is_half) wrong(world, "of two tags made together one is there", 0, 0);
}

/* The tags first .. first + count - 1, in one call, unless they are there. */
static void make_tags(struct fault_world *world, size_t first, size_t count)
{
    struct tag_definition definitions[FAULT_TAGS];
    uint32_t numbers[FAULT_TAGS];
    if (world->numbers[first] != TAG_NONE) return;
    for (size_t i = 0; i < count; i++) definitions[i] = definition(first + i);
    if (note(world, store_tags_create(world->store, definitions, count, numbers, &world->error)) <
        0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        world->numbers[first + i] = numbers[i];
        world->tag_is_promised[first + i] = true;
    }
}

/* All of them, some at a time, until a call fails. */
static void make_plant(struct fault_world *world)
{
    struct tag_definition definitions[PLANT_STEP];
    char names[PLANT_STEP][PLANT_NAME_BYTES];
    uint32_t numbers[PLANT_STEP];
    for (size_t first = 0; first < PLANT_TAGS; first += PLANT_STEP) {
        for (size_t i = 0; i < PLANT_STEP; i++) {
            definitions[i] = definition(0);
            definitions[i].name = plant_name(names[i], first + i);
        }
        enum status status =
            store_tags_create(world->store, definitions, PLANT_STEP, numbers, &world->error);
        if (note(world, status) < 0) return;
        world->plant_count = first + PLANT_STEP;
    }
}

static void change_unit(struct fault_world *world)
{
    struct tag_definition changed = definition(0);
    changed.unit = units[1];
    enum status status = store_tag_change(world->store, world->numbers[0], &changed,
                                          1u << TAG_FIELD_UNIT, &world->error);
    if (note(world, status) == STATUS_OK) world->unit_is_promised = true;
}

static void read_unit(struct fault_world *world)
{
    struct arena arena;
    struct tag_view view;
    arena_init(&arena, 1 << 16);
    if (catalog_view(store_catalog(world->store), world->numbers[0], &arena, &view,
                     &world->error) == STATUS_OK) {
        bool is_new = strcmp(view.definition.unit, units[1]) == 0;
        if (!is_new && world->unit_is_promised) wrong(world, "a changed unit is gone", 0, 0);
    }
    arena_finish(&arena);
}

static bool cell_may_show(const struct fault_cell *cell, uint64_t shown)
{
    for (size_t i = 0; i < cell->outcome_count; i++) {
        if (cell->outcomes[i] == shown) return true;
    }
    return false;
}

static void read_rows(struct fault_world *world, size_t tag, const struct batch *batch,
                      uint64_t *shown)
{
    for (size_t i = 0; i < batch->sample_count; i++) {
        int64_t since_ns = batch_time_ns(batch, i) - EPOCH_NS;
        if (since_ns < 0 || since_ns % SECOND_NS != 0 || since_ns / SECOND_NS >= FAULT_CELLS) {
            wrong(world, "a sample at a time that nobody wrote", tag, i);
            continue;
        }
        shown[since_ns / SECOND_NS] = value_number(tag, batch->values[i]);
    }
}

static enum status read_tag(struct fault_world *world, size_t tag)
{
    uint64_t shown[FAULT_CELLS];
    for (size_t i = 0; i < FAULT_CELLS; i++) shown[i] = NOTHING;
    struct store_range range = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .as_of = UINT64_MAX};
    struct cursor *cursor = NULL;
    struct batch batch;
    enum status status =
        store_cursor(world->store, world->numbers[tag], &range, &cursor, &world->error);
    if (status < 0) return status;
    while ((status = cursor_next(cursor, &batch, &world->error)) == STATUS_OK) {
        read_rows(world, tag, &batch, shown);
    }
    cursor_close(cursor);
    for (size_t i = 0; i < FAULT_CELLS && status == STATUS_END; i++) {
        const struct fault_cell *cell = &world->cells[tag][i];
        if (!cell_may_show(cell, shown[i])) wrong(world, "a cell shows what it may not", tag, i);
    }
    return status;
}

static enum status read_newest(struct fault_world *world)
{
    struct arena arena;
    int64_t time_ns;
    struct entry entry;
    arena_init(&arena, 1 << 16);
    enum status status = store_value_at(world->store, world->numbers[TEXT_TAG], INT64_MAX, &arena,
                                        &time_ns, &entry, &world->error);
    arena_finish(&arena);
    return status;
}

void fault_read(struct fault_world *world)
{
    struct store_statistics statistics;
    for (size_t tag = 0; tag < FAULT_TAGS; tag++) {
        if (world->numbers[tag] == TAG_NONE) {
            for (size_t i = 0; i < FAULT_CELLS; i++) {
                if (!cell_may_show(&world->cells[tag][i], NOTHING)) {
                    wrong(world, "samples of a tag that is gone", tag, i);
                }
            }
            continue;
        }
        (void)note(world, read_tag(world, tag));
    }
    read_unit(world);
    if (world->numbers[TEXT_TAG] != TAG_NONE) (void)note(world, read_newest(world));
    (void)note(world, store_statistics(world->store, &statistics, &world->error));
}

bool fault_open(struct fault_world *world)
{
    for (size_t tag = 0; tag < FAULT_TAGS; tag++) {
        for (size_t i = 0; i < FAULT_CELLS; i++) world->cells[tag][i].is_sent = false;
    }
    world->store = NULL;
    if (note(world, store_open(&world->store, &world->options, &world->error)) < 0) return false;
    world->was_open = true;
    find_tags(world);
    return true;
}

void fault_close(struct fault_world *world)
{
    (void)note(world, store_close(world->store, &world->error));
    world->store = NULL;
}

void fault_life(struct fault_world *world, size_t index)
{
    size_t first = index * FAULT_LIFE_CELLS;
    if (!fault_open(world)) return;
    make_tags(world, 0, 2);
    append(world, 0, first, 40);
    append(world, 1, first + 1, 30);
    append_scan(world, first + 60);
    synchronise(world);
    (void)note(world, store_flush(world->store, &world->error));
    make_tags(world, TEXT_TAG, 1);
    append(world, 0, first + 20, 20); /* once more: late */
    for (size_t i = 0; i < 8; i++) append(world, TEXT_TAG, first + 10 * i, 10);
    overrule(world, 0, first + 1, ENTRY_CORRECTION);
    overrule(world, 1, first + 1, ENTRY_DELETION);
    overrule(world, TEXT_TAG, first + 1, ENTRY_CORRECTION);
    mask(world, 0, first + 5, 4);
    append(world, 0, first + 101, 30);
    change_unit(world);
    (void)note(world, store_flush(world->store, &world->error));
    (void)note(world, store_compact(world->store, true, &world->error));
    append(world, 1, first + 200, 20);
    append(world, 0, first + 201, 20);
    fault_read(world);
    fault_close(world);
}

void fault_plant(struct fault_world *world)
{
    if (!fault_open(world)) return;
    make_plant(world);
    fault_read(world);
    (void)note(world, store_flush(world->store, &world->error));
    fault_close(world);
    if (!fault_open(world)) return;
    make_tags(world, 0, 2);
    append(world, 0, 0, 40);
    fault_read(world);
    fault_close(world);
}
