/* Goal:   a catalog is the same whatever order the journals arrive in, however often, and through
 *         any snapshot on the way; and a name leads to the tag that a person means.
 * Method: random records of a few tags that fight over a few names are folded, shuffled and
 *         repeated, and every answer is compared with a twin that looks through all records for
 *         each question (last writer by stamp a field). Tables and stories for the rest. */
#include "storage/catalog.h"

#include <stdatomic.h>
#include <uv.h>

#include "storage/base/assert.h"
#include "storage/base/file_memory.h"
#include "storage/base/text.h"
#include "tests/unit.h"

enum { TAGS = 10, EVENTS = 90, NAMES = 6, GROUPS = 4, TEXT_BYTES = 32, SHOWN_BYTES = 300 };

static const char *const names[NAMES] = {"a",       "a.b", "a~00000000", "b", "boiler1.pressure",
                                         "\xc3\xa9"};
static const char *const units[] = {"", "bar", "m\xc2\xb3/h"};

static uint64_t seed; /* of the test in work */

/* ---- The twin: everything that ever was recorded ------------------------------------------ */

struct event {
    struct revision stamp;
    struct journal_record record;
    struct identity identities[TAGS];
    char path[TEXT_BYTES];
    bool is_folded;
};

struct plant {
    struct event events[EVENTS];
    struct identity identities[TAGS];
    struct revision groups[GROUPS];
};

static int tag_of(const struct plant *plant, struct identity identity)
{
    for (int tag = 0; tag < TAGS; tag++) {
        if (identity_compare(plant->identities[tag], identity) == 0) return tag;
    }
    return -1;
}

/* The folded event that set a field of a tag last; NULL for none. */
static const struct event *field_event(const struct plant *plant, int tag, enum tag_field field)
{
    const struct event *last = NULL;
    for (size_t i = 0; i < EVENTS; i++) {
        const struct event *event = &plant->events[i];
        if (!event->is_folded || event->record.kind != JOURNAL_TAG ||
            tag_of(plant, event->record.identity) != tag ||
            !(event->record.fields & (1u << field))) {
            continue;
        }
        if (!last || revision_compare(event->stamp, last->stamp) > 0) last = event;
    }
    return last;
}

static const struct event *created_event(const struct plant *plant, int tag)
{
    const struct event *first = NULL;
    for (size_t i = 0; i < EVENTS; i++) {
        const struct event *event = &plant->events[i];
        if (!event->is_folded || event->record.kind != JOURNAL_TAG ||
            tag_of(plant, event->record.identity) != tag) {
            continue;
        }
        if (!first || revision_compare(event->stamp, first->stamp) < 0) first = event;
    }
    return first;
}

static bool is_defined(const struct plant *plant, int tag)
{
    return field_event(plant, tag, TAG_FIELD_NAME) && field_event(plant, tag, TAG_FIELD_TYPE);
}

static bool is_live(const struct plant *plant, int tag)
{
    const struct event *deleted = field_event(plant, tag, TAG_FIELD_DELETED);
    return is_defined(plant, tag) && !(deleted && deleted->record.definition.deleted);
}

static const char *plain_name(const struct plant *plant, int tag)
{
    return field_event(plant, tag, TAG_FIELD_NAME)->record.definition.name;
}

/* C3 */
static const char *shown_name(const struct plant *plant, int tag, char room[SHOWN_BYTES])
{
    const struct event *own = field_event(plant, tag, TAG_FIELD_NAME);
    (void)snprintf(room, SHOWN_BYTES, "%s", plain_name(plant, tag));
    if (!is_live(plant, tag)) return room;
    for (int other = 0; other < TAGS; other++) {
        if (other == tag || !is_live(plant, other)) continue;
        if (strcmp(plain_name(plant, other), plain_name(plant, tag)) != 0) continue;
        const struct event *rival = field_event(plant, other, TAG_FIELD_NAME);
        if (revision_compare(rival->stamp, own->stamp) < 0) continue;
        (void)snprintf(room, SHOWN_BYTES, "%s~%08x", plain_name(plant, tag),
                       (unsigned)(plant->identities[tag].high >> 32));
        break;
    }
    return room;
}

static struct tag_definition random_definition(struct random *random)
{
    return (struct tag_definition){
        .name = names[random_below(random, NAMES)],
        .unit = units[random_below(random, 3)],
        .description = names[random_below(random, NAMES)],
        .states = units[random_below(random, 3)],
        .source = units[random_below(random, 3)],
        .attributes = units[random_below(random, 3)],
        .zero = (double)random_below(random, 3),
        .span = (double)random_below(random, 3),
        .max_gap_ns = (int64_t)random_below(random, 3),
        .type = (uint8_t)(VALUE_F64 + random_below(random, VALUE_TEXT)),
        .step = random_chance(random, 1, 2),
        .deleted = random_chance(random, 1, 4),
    };
}

static void random_event(struct plant *plant, struct event *event, struct random *random)
{
    struct journal_record *record = &event->record;
    record->sequence = 1;
    if (random_chance(random, 3, 4)) {
        int tag = (int)random_below(random, TAGS);
        record->kind = JOURNAL_TAG;
        record->identity = plant->identities[tag];
        record->incarnation = (uint32_t)random_below(random, 3);
        (void)snprintf(event->path, sizeof event->path, "path %d", (int)random_below(random, 3));
        record->path = event->path;
        record->fields = (unsigned)random_below(random, TAG_FIELDS_ALL + 1);
        if (random_chance(random, 1, 4)) record->fields = TAG_FIELDS_ALL;
        record->definition = random_definition(random);
        return;
    }
    record->group = plant->groups[random_below(random, GROUPS)];
    record->user = record->reason = "";
    record->kind = random_chance(random, 1, 4) ? JOURNAL_UNMASK : JOURNAL_MASK;
    record->from_ns = (int64_t)random_below(random, 20);
    record->to_ns = record->from_ns + 1 + (int64_t)random_below(random, 5);
    record->identities = event->identities;
    for (int tag = 0; tag < TAGS; tag++) {
        if (random_chance(random, 1, 3)) {
            event->identities[record->identity_count++] = plant->identities[tag];
        }
    }
}

static void plant_grow(struct plant *plant, struct random *random)
{
    *plant = (struct plant){0};
    for (int tag = 0; tag < TAGS; tag++) {
        /* The first digits of one are those of the name that looks like a twin. */
        uint64_t high = tag == 0 ? 5 : random_u64(random);
        plant->identities[tag] = (struct identity){random_u64(random), high};
    }
    for (uint64_t i = 0; i < GROUPS; i++) plant->groups[i] = (struct revision){i + 1, 1, 1};
    for (uint64_t i = 0; i < EVENTS; i++) {
        /* Three a clock, so that nodes and generations decide. */
        plant->events[i].stamp = (struct revision){1 + i / 3, 9 - i % 2, (uint32_t)(i % 3)};
        random_event(plant, &plant->events[i], random);
    }
}

/* ---- Comparing ---------------------------------------------------------------------------- */

struct world {
    struct plant plant;
    struct file_memory *memory;
    struct identity_map *map;
    struct catalog *catalog;
};

static void world_open(struct world *world, struct random *random)
{
    struct error error;
    plant_grow(&world->plant, random);
    ASSERT_OK(file_memory_create(&world->memory, &error), &error);
    struct file_system *system = file_memory_system(world->memory);
    ASSERT_OK(file_create_directory(system, "d", &error), &error);
    ASSERT_OK(identity_map_open(&world->map, system, "d/identities", &error), &error);
    ASSERT_OK(catalog_create(&world->catalog, world->map, &error), &error);
}

static void world_close(struct world *world)
{
    catalog_destroy(world->catalog);
    identity_map_close(world->map);
    file_memory_destroy(world->memory);
}

static uint32_t number_of(struct world *world, int tag)
{
    return identity_map_find(world->map, world->plant.identities[tag]);
}

static void check_definition(const struct plant *plant, int tag,
                             const struct tag_definition *definition)
{
    for (int field = 0; field < TAG_FIELD_COUNT; field++) {
        const struct tag_field_row *row = &tag_field_rows[field];
        if (field == TAG_FIELD_NAME) continue;
        const struct event *event = field_event(plant, tag, (enum tag_field)field);
        static const struct tag_definition unset = {
            .unit = "", .description = "", .states = "", .source = "", .attributes = ""};
        const char *got = (const char *)definition + row->offset;
        const char *expected =
            (const char *)(event ? &event->record.definition : &unset) + row->offset;
        if (row->form == TAG_FORM_TEXT) {
            const char *texts[2];
            memcpy(&texts[0], got, sizeof texts[0]);
            memcpy(&texts[1], expected, sizeof texts[1]);
            ck_assert_str_eq(texts[0], texts[1]);
        } else {
            ck_assert_msg(memcmp(got, expected, row->bytes) == 0, "%s", row->word);
        }
    }
}

static void check_tag(struct world *world, int tag)
{
    struct error error;
    struct arena arena;
    struct tag_view view;
    char room[SHOWN_BYTES];
    uint8_t type;
    uint32_t number = number_of(world, tag);
    const struct plant *plant = &world->plant;
    arena_init(&arena, 1 << 16);
    enum status status = catalog_view(world->catalog, number, &arena, &view, &error);
    ck_assert_int_eq(status, is_defined(plant, tag) ? STATUS_OK : STATUS_NOT_FOUND);
    ck_assert_int_eq(catalog_type(world->catalog, number, &type),
                     is_live(plant, tag) ? STATUS_OK : STATUS_NOT_FOUND);
    if (status == STATUS_OK) {
        const struct event *created = created_event(plant, tag);
        ck_assert_uint_eq(view.number, number);
        ck_assert_int_eq(identity_compare(view.identity, plant->identities[tag]), 0);
        ck_assert_int_eq(revision_compare(view.created, created->stamp), 0);
        ck_assert_str_eq(view.path, created->path);
        ck_assert_uint_eq(view.incarnation, created->record.incarnation);
        ck_assert_str_eq(view.definition.name, shown_name(plant, tag, room));
        check_definition(plant, tag, &view.definition);
    }
    arena_finish(&arena);
}

static void check_names(struct world *world)
{
    const struct plant *plant = &world->plant;
    size_t live_count = 0;
    for (int tag = 0; tag < TAGS; tag++) {
        if (!is_live(plant, tag)) continue;
        live_count++;
        char room[SHOWN_BYTES];
        uint32_t number = TAG_NONE;
        const char *shown = shown_name(plant, tag, room);
        ck_assert_int_eq(catalog_find(world->catalog, shown, &number), STATUS_OK);
        if (number == number_of(world, tag)) continue;
        /* Only a tag whose very name it is may stand before a twin. */
        for (int other = 0; other < TAGS; other++) {
            if (number_of(world, other) == number)
                ck_assert_str_eq(plain_name(plant, other), shown);
        }
        ck_assert_ptr_nonnull(strchr(shown, '~'));
    }
    ck_assert_uint_eq(catalog_tag_count(world->catalog), live_count);
    for (int i = 0; i < NAMES; i++) {
        bool is_there = false;
        for (int tag = 0; tag < TAGS; tag++) {
            char room[SHOWN_BYTES];
            is_there |= is_live(plant, tag) && strcmp(shown_name(plant, tag, room), names[i]) == 0;
        }
        uint32_t number;
        ck_assert_int_eq(catalog_find(world->catalog, names[i], &number),
                         is_there ? STATUS_OK : STATUS_NOT_FOUND);
    }
}

static void check_match(struct world *world, const char *pattern)
{
    struct error error;
    uint32_t *numbers;
    size_t count;
    ASSERT_OK(catalog_match(world->catalog, pattern, &numbers, &count, &error), &error);
    size_t expected_count = 0;
    char rooms[2][SHOWN_BYTES] = {"", ""};
    for (int tag = 0; tag < TAGS; tag++) {
        if (!is_live(&world->plant, tag)) continue;
        const char *shown = shown_name(&world->plant, tag, rooms[0]);
        if (pattern && !text_matches(pattern, shown)) continue;
        expected_count++;
        bool is_there = false;
        for (size_t i = 0; i < count; i++) is_there |= numbers[i] == number_of(world, tag);
        ck_assert_msg(is_there, "%s lacks %s", pattern ? pattern : "all", shown);
    }
    ck_assert_uint_eq(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        struct identity identity = identity_map_identity(world->map, numbers[i]);
        int tag = tag_of(&world->plant, identity);
        const char *shown = shown_name(&world->plant, tag, rooms[i % 2]);
        if (i > 0) ck_assert_int_le(strcmp(rooms[(i + 1) % 2], shown), 0);
    }
    free(numbers);
}

/* As in mask_test, but by identities and through the fold. */
static void check_masks(struct world *world, struct random *random)
{
    struct error error;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    int tag = (int)random_below(random, TAGS);
    uint64_t as_of =
        random_chance(random, 1, 3) ? UINT64_MAX : random_below(random, EVENTS / 3 + 2);
    const struct mask *masks;
    size_t count;
    ASSERT_OK(catalog_masks(world->catalog, number_of(world, tag), 0, 100, as_of, &arena, &masks,
                            &count, &error),
              &error);
    for (int64_t time_ns = 0; time_ns < 26; time_ns++) {
        struct revision expected = {.clock = 0};
        for (size_t i = 0; i < EVENTS; i++) {
            const struct event *event = &world->plant.events[i];
            const struct journal_record *record = &event->record;
            bool counts = event->is_folded && record->kind == JOURNAL_MASK &&
                          event->stamp.clock <= as_of && record->from_ns <= time_ns &&
                          time_ns < record->to_ns;
            bool is_on_tag = false;
            for (size_t j = 0; j < record->identity_count; j++) {
                is_on_tag |= tag_of(&world->plant, record->identities[j]) == tag;
            }
            for (size_t j = 0; j < EVENTS; j++) {
                const struct event *lifting = &world->plant.events[j];
                counts &= !(lifting->is_folded && lifting->record.kind == JOURNAL_UNMASK &&
                            lifting->stamp.clock <= as_of &&
                            revision_compare(lifting->record.group, record->group) == 0);
            }
            if (!counts || !is_on_tag) continue;
            if (revision_compare(event->stamp, expected) > 0) expected = event->stamp;
        }
        ck_assert_int_eq(revision_compare(masks_over(masks, count, time_ns), expected), 0);
    }
    arena_finish(&arena);
}

static void check_world(struct world *world, struct random *random)
{
    static const char *const patterns[] = {"*", "a*", "a", "a~*", "?", "*.*", "b*", "zz*", "[ab]*"};
    for (int tag = 0; tag < TAGS; tag++) check_tag(world, tag);
    check_names(world);
    check_match(world, NULL);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        check_match(world, patterns[i]);
    }
    check_masks(world, random);
}

/* Out through a snapshot and in again. */
static void pass_through_snapshot(struct world *world, struct random *random)
{
    struct error error;
    struct file_system *system = file_memory_system(world->memory);
    struct journal_position positions[3] = {{.node = 1}, {.node = 2}, {.node = 3}};
    for (int i = 0; i < 3; i++) {
        positions[i].generation = (uint32_t)random_u64(random);
        positions[i].time_ns = (int64_t)random_u64(random);
        positions[i].sequence = random_u64(random);
        positions[i].chain = random_u64(random);
    }
    size_t position_count = random_below(random, 4);
    ASSERT_OK(catalog_snapshot_write(world->catalog, system, "d/snapshot", positions,
                                     position_count, &error),
              &error);
    catalog_destroy(world->catalog);
    ASSERT_OK(catalog_create(&world->catalog, world->map, &error), &error);
    struct journal_position *got;
    size_t got_count;
    ASSERT_OK(catalog_snapshot_read(world->catalog, system, "d/snapshot", &got, &got_count, &error),
              &error);
    ck_assert_uint_eq(got_count, position_count);
    for (size_t i = 0; i < 3 && i < got_count; i++) {
        ck_assert_uint_eq(got[i].node, positions[i].node);
        ck_assert_uint_eq(got[i].generation, positions[i].generation);
        ck_assert_int_eq(got[i].time_ns, positions[i].time_ns);
        ck_assert_uint_eq(got[i].sequence, positions[i].sequence);
        ck_assert_uint_eq(got[i].chain, positions[i].chain);
    }
    free(got);
}

START_TEST(the_fold_is_what_a_look_at_all_records_says)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", unit_number("BEDE_SEED", 0) ? 1 : 40);
    for (seed = first; seed < first + count; seed++) {
        static struct world world;
        struct random random;
        struct error error;
        random_init(&random, seed);
        world_open(&world, &random);
        for (int left = EVENTS; left > 0;) { /* C1: any order, any number of times */
            struct event *event = &world.plant.events[random_below(&random, EVENTS)];
            ASSERT_OK(catalog_fold(world.catalog, event->stamp, &event->record, &error), &error);
            if (!event->is_folded) left--;
            event->is_folded = true;
            if (random_chance(&random, 1, 60)) pass_through_snapshot(&world, &random);
            if (random_chance(&random, 1, 30)) check_world(&world, &random);
        }
        check_world(&world, &random);
        pass_through_snapshot(&world, &random);
        check_world(&world, &random);
        world_close(&world);
    }
}
END_TEST

/* ---- Stories ------------------------------------------------------------------------------ */

static struct world story;
static uint64_t story_clock;

static void story_begin(void)
{
    struct random random;
    random_init(&random, 1);
    world_open(&story, &random);
    story_clock = 100;
}

/* Records a change of a tag of this path; the number it has. */
static uint32_t record_change(const char *path, uint32_t incarnation, unsigned fields,
                              const struct tag_definition *definition)
{
    struct error error;
    struct journal_record record = {.kind = JOURNAL_TAG,
                                    .sequence = 1,
                                    .path = path,
                                    .incarnation = incarnation,
                                    .fields = fields,
                                    .definition = *definition};
    record.identity = identity_of_tag("site", path, incarnation);
    struct revision stamp = {.clock = story_clock++, .node = 1, .generation = 1};
    ASSERT_OK(catalog_fold(story.catalog, stamp, &record, &error), &error);
    return identity_map_find(story.map, record.identity);
}

static struct tag_definition plain_definition(const char *name)
{
    return (struct tag_definition){.name = name,
                                   .unit = "",
                                   .description = "",
                                   .states = "",
                                   .source = "",
                                   .attributes = "",
                                   .type = VALUE_F64};
}

static uint32_t create_tag(const char *path)
{
    uint32_t incarnation;
    ck_assert_int_eq(catalog_incarnation(story.catalog, "site", path, &incarnation), STATUS_OK);
    struct tag_definition definition = plain_definition(path);
    return record_change(path, incarnation, TAG_FIELDS_ALL, &definition);
}

static uint32_t found(const char *name)
{
    uint32_t number;
    return catalog_find(story.catalog, name, &number) == STATUS_OK ? number : TAG_NONE;
}

START_TEST(renamed_deleted_and_created_again)
{
    uint32_t incarnation;
    struct tag_definition definition;
    story_begin();
    uint32_t first = create_tag("pump");
    ck_assert_uint_eq(found("pump"), first);
    ck_assert_int_eq(catalog_incarnation(story.catalog, "site", "pump", &incarnation),
                     STATUS_EXISTS);

    /* Renamed: found by the new name only, and the old one is free for another tag. */
    definition = plain_definition("pump1");
    ck_assert_uint_eq(record_change("pump", 0, 1u << TAG_FIELD_NAME, &definition), first);
    ck_assert_uint_eq(found("pump"), TAG_NONE);
    ck_assert_uint_eq(found("pump1"), first);
    uint32_t second = create_tag("pump");
    ck_assert_uint_ne(second, first);
    ck_assert_uint_eq(found("pump"), second);
    ck_assert_uint_eq(catalog_tag_count(story.catalog), 2);

    /* Deleted: its number and definition stay, its name does not lead to it. */
    definition.deleted = true;
    (void)record_change("pump", 1, 1u << TAG_FIELD_DELETED, &definition);
    ck_assert_uint_eq(found("pump"), TAG_NONE);
    uint8_t type;
    ck_assert_int_eq(catalog_type(story.catalog, second, &type), STATUS_NOT_FOUND);
    struct error error;
    struct arena arena;
    struct tag_view view;
    arena_init(&arena, 4096);
    ASSERT_OK(catalog_view(story.catalog, second, &arena, &view, &error), &error);
    ck_assert(view.definition.deleted);
    ck_assert_str_eq(view.definition.name, "pump");
    ck_assert_uint_eq(view.incarnation, 1);
    arena_finish(&arena);

    /* Created again: another tag. */
    ck_assert_int_eq(catalog_incarnation(story.catalog, "site", "pump", &incarnation), STATUS_OK);
    ck_assert_uint_eq(incarnation, 2);
    uint32_t third = create_tag("pump");
    ck_assert(third != first && third != second);
    ck_assert_uint_eq(found("pump"), third);
    world_close(&story);
}
END_TEST

START_TEST(an_identity_without_a_tag_is_taken_up)
{
    story_begin();
    struct error error;
    struct identity identity = identity_of_tag("site", "pump", 0);
    uint32_t number;
    uint32_t incarnation;
    ASSERT_OK(identity_map_add(story.map, &identity, 1, &number, &error), &error);
    ck_assert_int_eq(catalog_incarnation(story.catalog, "site", "pump", &incarnation), STATUS_OK);
    ck_assert_uint_eq(incarnation, 0);
    ck_assert_uint_eq(create_tag("pump"), number);
    world_close(&story);
}
END_TEST

START_TEST(a_thousand_tags_of_one_name)
{
    story_begin();
    uint32_t last = TAG_NONE;
    for (int i = 0; i < 1000; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "path%d", i);
        struct tag_definition definition = plain_definition("same");
        last = record_change(path, 0, TAG_FIELDS_ALL, &definition);
    }
    ck_assert_uint_eq(found("same"), last);
    struct error error;
    uint32_t *numbers;
    size_t count;
    ASSERT_OK(catalog_match(story.catalog, "same*", &numbers, &count, &error), &error);
    ck_assert_uint_eq(count, 1000);
    ck_assert_uint_eq(numbers[0], last);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        struct tag_view view;
        ASSERT_OK(catalog_view(story.catalog, numbers[i], &arena, &view, &error), &error);
        ck_assert_uint_eq(found(view.definition.name), numbers[i]);
    }
    arena_finish(&arena);
    free(numbers);
    world_close(&story);
}
END_TEST

/* Few letters, so that names share long beginnings and some begin with all of another. */
static void random_name(struct random *random, char *target)
{
    size_t size = 1 + random_below(random, random_chance(random, 1, 5) ? TAG_NAME_BYTES_MAX : 20);
    for (size_t i = 0; i < size; i++) {
        target[i] = 'a';
        if (random_chance(random, 1, 12)) target[i] = "bcdef"[random_below(random, 5)];
    }
    target[size] = 0;
}

static void check_order(const char *pattern, size_t prefix_bytes, size_t *out_count)
{
    struct error error;
    struct arena arena;
    uint32_t *numbers;
    const char *last = "";
    arena_init(&arena, 16 << 20);
    ASSERT_OK(catalog_match(story.catalog, pattern, &numbers, out_count, &error), &error);
    for (size_t i = 0; i < *out_count; i++) {
        struct tag_view view;
        ASSERT_OK(catalog_view(story.catalog, numbers[i], &arena, &view, &error), &error);
        ck_assert_int_lt(strcmp(last, view.definition.name), 0);
        if (prefix_bytes > 0)
            ck_assert_int_eq(strncmp(pattern, view.definition.name, prefix_bytes), 0);
        last = view.definition.name;
    }
    free(numbers);
    arena_finish(&arena);
}

START_TEST(names_of_any_length_are_in_order)
{
    struct random random;
    random_init(&random, unit_number("BEDE_SEED", 1));
    story_begin();
    for (int step = 0; step < 4000; step++) {
        char path[16];
        char name[TAG_NAME_BYTES_MAX + 1];
        (void)snprintf(path, sizeof path, "%d", (int)random_below(&random, 1000));
        random_name(&random, name);
        struct tag_definition definition = plain_definition(name);
        (void)record_change(path, 0, TAG_FIELDS_ALL, &definition);
        if (step % 100 != 99 && !random_chance(&random, 1, 50)) continue;
        size_t count, some_count, pattern_count;
        check_order(NULL, 0, &count);
        ck_assert_uint_eq(count, catalog_tag_count(story.catalog));
        check_order("aaab*", 4, &some_count);
        check_order("[a]aab*", 0, &pattern_count);
        ck_assert_uint_eq(some_count, pattern_count);
    }
    world_close(&story);
}
END_TEST

START_TEST(names_that_never_were)
{
    static const char *const strange[] = {"",
                                          "~",
                                          "~12345678",
                                          "x~1234567",
                                          "x~123456789",
                                          "bar",
                                          "x~\xff\xff\xff\xff\xff\xff\xff\xff"};
    char much[2000];
    story_begin();
    struct tag_definition definition = plain_definition("x");
    definition.unit = "bar";
    (void)record_change("x", 0, TAG_FIELDS_ALL, &definition);
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        ck_assert_uint_eq(found(strange[i]), TAG_NONE);
    }
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = 0;
    ck_assert_uint_eq(found(much), TAG_NONE);
    world_close(&story);
}
END_TEST

START_TEST(a_view_larger_than_its_arena_is_refused)
{
    static char text[TAG_TEXT_BYTES_MAX + 1];
    memset(text, 'd', TAG_TEXT_BYTES_MAX);
    story_begin();
    struct tag_definition definition = plain_definition("x");
    definition.description = definition.unit = definition.states = text;
    definition.source = definition.attributes = text;
    uint32_t number = record_change("x", 0, TAG_FIELDS_ALL, &definition);
    struct error error;
    struct arena arena;
    struct tag_view view;
    arena_init(&arena, 10000);
    ASSERT_STATUS(STATUS_TOO_LARGE, catalog_view(story.catalog, number, &arena, &view, &error),
                  &error);
    arena_finish(&arena);
    arena_init(&arena, 100000);
    ASSERT_OK(catalog_view(story.catalog, number, &arena, &view, &error), &error);
    ck_assert_str_eq(view.definition.description, text);
    arena_finish(&arena);
    world_close(&story);
}
END_TEST

START_TEST(changing_a_field_again_and_again_takes_no_memory)
{
    story_begin();
    struct tag_definition definition = plain_definition("x");
    uint32_t number = record_change("x", 0, TAG_FIELDS_ALL, &definition);
    uint64_t before_bytes = 0;
    for (int i = 0; i < 3000; i++) {
        definition.zero = i;
        (void)record_change("x", 0, 1u << (i % 2 ? TAG_FIELD_ZERO : TAG_FIELD_NAME), &definition);
        if (i % 100 == 99) (void)record_change("x", 0, TAG_FIELDS_ALL, &definition);
        if (i == 100) before_bytes = catalog_memory_bytes(story.catalog);
    }
    ck_assert_uint_eq(catalog_memory_bytes(story.catalog), before_bytes);
    ck_assert_uint_eq(found("x"), number);
    world_close(&story);
}
END_TEST

START_TEST(more_masks_than_the_arena_holds_are_refused)
{
    story_begin();
    struct error error;
    struct arena arena;
    const struct mask *masks;
    size_t count;
    struct identity identity = {1, 1};
    for (uint64_t clock = 1; clock < 100; clock++) {
        struct revision stamp = {.clock = clock, .node = 1};
        struct journal_record mask = {.kind = JOURNAL_MASK,
                                      .sequence = 1,
                                      .group = stamp,
                                      .to_ns = 2,
                                      .user = "",
                                      .reason = "",
                                      .identities = &identity,
                                      .identity_count = 1};
        ASSERT_OK(catalog_fold(story.catalog, stamp, &mask, &error), &error);
    }
    arena_init(&arena, 64);
    ASSERT_STATUS(STATUS_TOO_LARGE,
                  catalog_masks(story.catalog, 0, 0, 9, UINT64_MAX, &arena, &masks, &count, &error),
                  &error);
    ASSERT_OK(catalog_masks(story.catalog, 0, 2, 9, UINT64_MAX, &arena, &masks, &count, &error),
              &error);
    ck_assert_uint_eq(count, 0);
    ck_assert_ptr_null(masks);
    ck_assert_int_eq(catalog_mask_end_ns(story.catalog, 0), 2);
    ck_assert_int_eq(catalog_mask_end_ns(story.catalog, 1), INT64_MIN);
    arena_finish(&arena);
    world_close(&story);
}
END_TEST

struct shared {
    struct catalog *catalog;
    atomic_bool must_stop;
};

static void read_until_stopped(void *context)
{
    struct shared *shared = context;
    struct error error;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    while (!atomic_load(&shared->must_stop)) {
        uint32_t *numbers;
        size_t count;
        ASSERT(catalog_match(shared->catalog, "t*", &numbers, &count, &error) == STATUS_OK);
        ASSERT(count <= catalog_tag_count(shared->catalog));
        for (size_t i = 0; i < count; i += 10) {
            struct tag_view view;
            uint32_t number;
            ASSERT(catalog_view(shared->catalog, numbers[i], &arena, &view, &error) == STATUS_OK);
            ASSERT(catalog_find(shared->catalog, view.definition.name, &number) == STATUS_OK);
            ASSERT(number == numbers[i]);
        }
        free(numbers);
        arena_reset(&arena);
    }
    arena_finish(&arena);
}

START_TEST(readers_go_on_while_records_are_folded)
{
    story_begin();
    struct shared shared = {.catalog = story.catalog};
    uv_thread_t threads[2];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(uv_thread_create(&threads[i], read_until_stopped, &shared), 0);
    }
    for (int i = 0; i < 1500; i++) {
        char path[16];
        (void)snprintf(path, sizeof path, "t%d", i);
        struct tag_definition definition = plain_definition(path);
        (void)record_change(path, 0, TAG_FIELDS_ALL, &definition);
    }
    atomic_store(&shared.must_stop, true);
    for (int i = 0; i < 2; i++) ck_assert_int_eq(uv_thread_join(&threads[i]), 0);
    world_close(&story);
}
END_TEST

START_TEST(records_that_are_no_change_of_a_tag)
{
    story_begin();
    struct error error;
    struct revision stamp = {.clock = 5, .node = 1};
    struct journal_record unknown = {.kind = JOURNAL_UNKNOWN, .sequence = 1};
    struct journal_record store = {.kind = JOURNAL_STORE, .sequence = 1, .name_space = ""};
    ASSERT_OK(catalog_fold(story.catalog, stamp, &unknown, &error), &error);
    ASSERT_OK(catalog_fold(story.catalog, stamp, &store, &error), &error);
    ck_assert_uint_eq(catalog_tag_count(story.catalog), 0);
    stamp.clock = 0; /* made up: no stamp is 0 */
    ASSERT_STATUS(STATUS_BAD_INPUT, catalog_fold(story.catalog, stamp, &store, &error), &error);
    world_close(&story);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_fold_is_what_a_look_at_all_records_says,
        renamed_deleted_and_created_again,
        an_identity_without_a_tag_is_taken_up,
        a_thousand_tags_of_one_name,
        names_of_any_length_are_in_order,
        names_that_never_were,
        a_view_larger_than_its_arena_is_refused,
        changing_a_field_again_and_again_takes_no_memory,
        more_masks_than_the_arena_holds_are_refused,
        readers_go_on_while_records_are_folded,
        records_that_are_no_change_of_a_tag,
    };
    int result = unit_run("catalog", tests, sizeof tests / sizeof tests[0]);
    if (result != EXIT_SUCCESS) printf("seed %llu\n", (unsigned long long)seed);
    return result;
}
