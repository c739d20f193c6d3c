/* Goal:   every server that holds the same entries shows the same value, whatever the order in
 *         which they came.
 * Method: a table with a sentence for every level of the order; the order against a naive twin that
 *         compares bytes; the laws of merging on random states with few values, so that they meet
 *         often. */
#include "storage/entry.h"

#include "storage/base/random.h"
#include "tests/unit.h"

/* ---- Entries to choose from ----------------------------------------------------------------- */

/* Every text twice, so that content decides and not the address. */
#define TEXT(variable, text)                                 \
    static const struct {                                    \
        uint32_t size_bytes;                                 \
        char bytes[sizeof(text) > 1 ? sizeof(text) - 1 : 1]; \
    } variable[2] = {{sizeof(text) - 1, text}, {sizeof(text) - 1, text}}

TEXT(empty, "");
TEXT(ab, "ab");
TEXT(abc, "abc");
TEXT(b, "b");
TEXT(high, "\xc3");

static const struct text_value *text_at(size_t index, size_t copy)
{
    const void *texts[] = {&empty[copy], &ab[copy], &abc[copy], &b[copy], &high[copy]};
    return texts[index];
}

static struct entry random_entry(struct random *random)
{
    static const uint8_t types[] = {VALUE_F64, VALUE_I64, VALUE_BOOL, VALUE_TEXT};
    static const uint32_t qualities[] = {0, 1, 0x40000000, 0x80000000, 0xc0000000, 0xc0000001};
    static const uint64_t numbers[] = {0, 1, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX};
    struct entry entry = {
        .clock = random_below(random, 3),
        .origin = random_below(random, 3),
        .type = types[random_below(random, 4)],
    };
    if (entry.clock > 0) {
        entry.generation = (uint32_t)random_below(random, 2);
        entry.kind = (uint8_t)random_below(random, 3);
    }
    if (entry.kind != ENTRY_COLLECTED && random_chance(random, 1, 2)) {
        entry.note = text_at(random_below(random, 5), random_below(random, 2));
    }
    if (entry.kind == ENTRY_DELETION) return entry;
    entry.quality = qualities[random_below(random, 6)];
    if (entry.type == VALUE_TEXT) {
        entry.value = value_from_text(text_at(random_below(random, 5), random_below(random, 2)));
    } else {
        entry.value = numbers[random_below(random, entry.type == VALUE_BOOL ? 2 : 5)];
    }
    return entry;
}

/* ---- The order ------------------------------------------------------------------------------ */

START_TEST(every_level_of_the_order_decides)
{
    const struct entry base = {.clock = 5,
                               .origin = 5,
                               .generation = 5,
                               .kind = ENTRY_CORRECTION,
                               .type = VALUE_I64,
                               .value = 5};
#define WITH(...)                                                                              \
    (struct entry)                                                                             \
    {                                                                                          \
        .clock = 5, .origin = 5, .generation = 5, .kind = ENTRY_CORRECTION, .type = VALUE_I64, \
        .value = 5, __VA_ARGS__                                                                \
    }
    /* Each winner would lose by every later level. */
    const struct {
        const char *why;
        struct entry winner, loser;
    } cases[] = {
        {"the later clock wins, whoever it was", {.clock = 6, .type = VALUE_F64}, base},
        {"at one clock the greater node wins",
         {.clock = 5, .origin = 6, .generation = 0, .type = VALUE_F64, .quality = UINT32_MAX},
         base},
        {"on one node the greater generation wins",
         {.clock = 5, .origin = 5, .generation = 6, .type = VALUE_F64, .quality = UINT32_MAX},
         base},
        {"a deletion beats a correction of the same stamp",
         {.clock = 5, .origin = 5, .generation = 5, .kind = ENTRY_DELETION, .type = VALUE_F64},
         base},
        {"a correction beats what was collected",
         base,
         {.clock = 5, .origin = 5, .generation = 5, .type = VALUE_TEXT, .value = 0}},
        {"good beats uncertain, whatever the value",
         base,
         {.clock = 5,
          .origin = 5,
          .generation = 5,
          .kind = ENTRY_CORRECTION,
          .type = VALUE_STATE,
          .value = 9,
          .quality = 0x40000000}},
        {"uncertain beats bad",
         {.type = VALUE_F64, .quality = 0x40000000},
         {.type = VALUE_STATE, .value = 9, .quality = 0x80000000}},
        {"quality decides before the node where both were in order",
         {.origin = 1, .type = VALUE_F64, .quality = 0x3fffffff},
         {.origin = 2, .type = VALUE_F64, .value = 9, .quality = 0x40000000}},
        {"both bad patterns are one class: the type decides",
         {.type = VALUE_I64, .value = 1, .quality = 0x80000000},
         {.type = VALUE_F64, .value = 2, .quality = 0xc0000000}},
        {"the greater type wins", {.type = VALUE_STATE}, {.type = VALUE_I64, .value = 9}},
        {"bits are compared unsigned",
         {.type = VALUE_I64, .value = (uint64_t)-1},
         {.type = VALUE_I64, .value = INT64_MAX, .quality = 1}},
        {"a text that begins with another is greater",
         {.type = VALUE_TEXT, .value = value_from_text(text_at(2, 0))},
         {.type = VALUE_TEXT, .value = value_from_text(text_at(1, 0)), .quality = 1}},
        {"bytes of texts are compared unsigned",
         {.type = VALUE_TEXT, .value = value_from_text(text_at(4, 0))},
         {.type = VALUE_TEXT, .value = value_from_text(text_at(3, 0)), .quality = 1}},
        {"then all bits of the status",
         {.type = VALUE_I64, .quality = 2, .origin = 1},
         {.type = VALUE_I64, .quality = 1, .origin = 9}},
        {"then the node, for what was collected in order",
         {.type = VALUE_I64, .origin = 2},
         {.type = VALUE_I64, .origin = 1}},
        {"a note beats none", WITH(.note = text_at(0, 0)), base},
        {"notes are compared as texts", WITH(.note = text_at(3, 0)), WITH(.note = text_at(2, 0))},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(entry_compare(&cases[i].winner, &cases[i].loser) > 0, "%s", cases[i].why);
        ck_assert_msg(entry_compare(&cases[i].loser, &cases[i].winner) < 0, "%s", cases[i].why);
    }
    struct entry copy = WITH(.note = text_at(2, 1)), original = WITH(.note = text_at(2, 0));
    ck_assert_int_eq(entry_compare(&copy, &original), 0);
#undef WITH
}
END_TEST

/* The naive twin: all of an entry as bytes whose order is the order of entries. */
struct key {
    unsigned char bytes[128];
    size_t size;
};

static void key_number(struct key *key, uint64_t number, size_t size)
{
    unsigned char *target = key->bytes + key->size;
    key->size += size;
    while (size > 0) *target++ = (unsigned char)(number >> 8 * --size);
}

static void key_text(struct key *key, const struct text_value *text)
{
    key_number(key, text != NULL, 1);
    for (uint32_t i = 0; text && i < text->size_bytes; i++) {
        key_number(key, 1, 1);
        key_number(key, (unsigned char)text->bytes[i], 1);
    }
    key_number(key, 0, 1);
}

static struct key key_of(const struct entry *entry)
{
    struct key key = {.size = 0};
    key_number(&key, entry->clock, 8);
    key_number(&key, entry->clock ? entry->origin : 0, 8);
    key_number(&key, entry->generation, 4);
    key_number(&key, entry->kind, 1);
    key_number(&key, 3 - quality_class(entry->quality), 1);
    key_number(&key, entry->type, 1);
    if (entry->type == VALUE_TEXT) {
        key_text(&key, value_text(entry->value));
    } else {
        key_number(&key, entry->value, 8);
    }
    key_number(&key, entry->quality, 4);
    key_number(&key, entry->origin, 8);
    key_text(&key, entry->note);
    return key;
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

START_TEST(the_order_is_that_of_the_bytes)
{
    struct random random;
    random_init(&random, 1);
    int equal_count = 0;
    for (int i = 0; i < 300000; i++) {
        struct entry left = random_entry(&random), right = random_entry(&random);
        struct key left_key = key_of(&left), right_key = key_of(&right);
        int order = entry_compare(&left, &right);
        int expected = memcmp(left_key.bytes, right_key.bytes, sizeof left_key.bytes);
        ck_assert_int_eq(sign(order), sign(expected)); /* E1: 0 only for equal bytes */
        ck_assert_int_eq(sign(order), -sign(entry_compare(&right, &left)));
        equal_count += order == 0;
    }
    ck_assert_int_gt(equal_count, 100);
}
END_TEST

START_TEST(the_order_is_transitive)
{
    struct random random;
    random_init(&random, 2);
    for (int i = 0; i < 300000; i++) {
        struct entry a = random_entry(&random), m = random_entry(&random),
                     z = random_entry(&random);
        int a_m = entry_compare(&a, &m), m_z = entry_compare(&m, &z);
        if (a_m <= 0 && m_z <= 0) {
            ck_assert_int_eq(sign(entry_compare(&a, &z)), a_m < 0 || m_z < 0 ? -1 : 0);
        }
    }
}
END_TEST

START_TEST(revisions_are_ordered_by_clock_node_generation)
{
    static const struct revision rising[] = {
        {0, 0, 0}, {1, 0, UINT32_MAX}, {1, 2, 0}, {1, 2, 1}, {UINT64_MAX, 0, 0}};
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
            ck_assert_int_eq(sign(revision_compare(rising[i], rising[j])), (i > j) - (i < j));
        }
    }
}
END_TEST

START_TEST(which_entries_can_be)
{
    static const struct {
        uint32_t size_bytes;
        char bytes[4];
    } too_long = {TEXT_VALUE_BYTES_MAX + 1, ""};
    const struct text_value *long_text = (const void *)&too_long;
    const struct {
        const char *why;
        struct entry entry;
        bool expected;
    } cases[] = {
        {"collected in order", {.type = VALUE_F64, .origin = 1, .value = 7}, true},
        {"collected late", {.type = VALUE_F64, .clock = 1, .generation = 4}, true},
        {"revision 0 has no generation", {.type = VALUE_F64, .generation = 4}, false},
        {"a correction without a stamp", {.type = VALUE_F64, .kind = ENTRY_CORRECTION}, false},
        {"a deletion", {.type = VALUE_F64, .clock = 1, .kind = ENTRY_DELETION}, true},
        {"a deletion of a text", {.type = VALUE_TEXT, .clock = 1, .kind = ENTRY_DELETION}, true},
        {"a deletion with a value",
         {.type = VALUE_F64, .clock = 1, .kind = ENTRY_DELETION, .value = 1},
         false},
        {"a deletion with a quality",
         {.type = VALUE_F64, .clock = 1, .kind = ENTRY_DELETION, .quality = 1},
         false},
        {"a kind of a later version", {.type = VALUE_F64, .clock = 1, .kind = 3}, false},
        {"no type", {.clock = 1}, false},
        {"a value that its type cannot have", {.type = VALUE_BOOL, .value = 2}, false},
        {"a text", {.type = VALUE_TEXT, .value = value_from_text(text_at(0, 0))}, true},
        {"a text that is missing", {.type = VALUE_TEXT}, false},
        {"a text over the limit", {.type = VALUE_TEXT, .value = value_from_text(long_text)}, false},
        {"a note on a correction",
         {.type = VALUE_F64, .clock = 1, .kind = ENTRY_CORRECTION, .note = text_at(1, 0)},
         true},
        {"a note on what was collected",
         {.type = VALUE_F64, .clock = 1, .note = text_at(1, 0)},
         false},
        {"a note over the limit",
         {.type = VALUE_F64, .clock = 1, .kind = ENTRY_CORRECTION, .note = long_text},
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(entry_is_valid(&cases[i].entry) == cases[i].expected, "%s", cases[i].why);
    }
    struct random random;
    random_init(&random, 3);
    for (int i = 0; i < 10000; i++) {
        struct entry entry = random_entry(&random);
        ck_assert(entry_is_valid(&entry));
    }
}
END_TEST

/* ---- Cells ---------------------------------------------------------------------------------- */

#define ENTRIES_MAX ((size_t)8)

struct state {
    struct cell cell;
    struct entry room[2 * ENTRIES_MAX];
};

static void state_add(struct state *state, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) ck_assert(cell_add(&state->cell, &entries[i]));
}

static void state_init(struct state *state, const struct entry *entries, size_t count)
{
    cell_init(&state->cell, state->room, 2 * ENTRIES_MAX);
    state_add(state, entries, count);
}

static void state_merge(struct state *state, const struct state *other)
{
    if (other->cell.has_collected) state_add(state, &other->cell.collected, 1);
    state_add(state, other->cell.explicit_entries, other->cell.explicit_count);
}

static bool state_equal(const struct state *left, const struct state *right)
{
    if (left->cell.has_collected != right->cell.has_collected) return false;
    if (left->cell.explicit_count != right->cell.explicit_count) return false;
    if (left->cell.has_collected &&
        entry_compare(&left->cell.collected, &right->cell.collected) != 0) {
        return false;
    }
    for (size_t i = 0; i < left->cell.explicit_count; i++) {
        if (entry_compare(&left->room[i], &right->room[i]) != 0) return false;
    }
    return true;
}

static size_t random_entries(struct random *random, struct entry *entries)
{
    size_t count = random_below(random, ENTRIES_MAX / 2 + 1);
    for (size_t i = 0; i < count; i++) entries[i] = random_entry(random);
    return count;
}

START_TEST(merging_is_commutative_associative_idempotent)
{
    struct random random;
    random_init(&random, 4);
    for (int i = 0; i < 50000; i++) {
        struct entry entries[3][ENTRIES_MAX];
        struct state a, m, z;
        struct state *const states[] = {&a, &m, &z};
        for (int j = 0; j < 3; j++) {
            size_t count = random_entries(&random, entries[j]);
            state_init(states[j], entries[j], count);
        }
        struct state a_m, m_a, am_z, m_z, a_mz, twice;
        state_init(&a_m, NULL, 0);
        state_merge(&a_m, &a);
        state_merge(&a_m, &m);
        state_init(&m_a, NULL, 0);
        state_merge(&m_a, &m);
        state_merge(&m_a, &a);
        ck_assert(state_equal(&a_m, &m_a));

        state_init(&am_z, NULL, 0);
        state_merge(&am_z, &a_m);
        state_merge(&am_z, &z);
        state_init(&m_z, NULL, 0);
        state_merge(&m_z, &m);
        state_merge(&m_z, &z);
        state_init(&a_mz, NULL, 0);
        state_merge(&a_mz, &a);
        state_merge(&a_mz, &m_z);
        ck_assert(state_equal(&am_z, &a_mz));

        state_init(&twice, NULL, 0);
        state_merge(&twice, &a);
        state_merge(&twice, &a);
        ck_assert(state_equal(&twice, &a));
    }
}
END_TEST

/* The naive twin of what a cell answers, from all that was ever added. */
static const struct entry *greatest_of(const struct entry *entries, size_t count, uint64_t as_of)
{
    const struct entry *collected = NULL, *greatest = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i];
        if (entry->kind == ENTRY_COLLECTED) {
            if (!collected || entry_compare(entry, collected) > 0) collected = entry;
        } else if (entry->clock <= as_of) {
            if (!greatest || entry_compare(entry, greatest) > 0) greatest = entry;
        }
    }
    if (!greatest || (collected && entry_compare(collected, greatest) > 0)) return collected;
    return greatest;
}

static void assert_same(const struct entry *entry, const struct entry *expected)
{
    ck_assert((entry == NULL) == (expected == NULL));
    if (entry) ck_assert_int_eq(entry_compare(entry, expected), 0);
}

START_TEST(what_a_cell_answers_follows_from_all_that_was_added)
{
    struct random random;
    random_init(&random, 5);
    for (int i = 0; i < 100000; i++) {
        struct entry entries[ENTRIES_MAX];
        size_t count = random_entries(&random, entries);
        struct state state;
        state_init(&state, entries, count);
        uint64_t as_of = random_chance(&random, 1, 2) ? UINT64_MAX : random_below(&random, 4);
        struct revision mask = {random_below(&random, 4), random_below(&random, 3),
                                (uint32_t)random_below(&random, 2)};

        const struct entry *expected = greatest_of(entries, count, as_of);
        assert_same(cell_greatest(&state.cell, as_of), expected);
        if (expected && expected->kind == ENTRY_DELETION) expected = NULL;
        if (expected && mask.clock > 0 && revision_compare(entry_revision(expected), mask) < 0) {
            expected = NULL;
        }
        assert_same(cell_shown(&state.cell, as_of, mask), expected);
    }
}
END_TEST

START_TEST(what_shows)
{
    const struct entry in_order = {.type = VALUE_I64, .origin = 9, .value = 1};
    const struct entry late = {.type = VALUE_I64, .clock = 10, .value = 2};
    const struct entry correction = {
        .type = VALUE_I64, .clock = 20, .kind = ENTRY_CORRECTION, .value = 3};
    const struct entry deletion = {.type = VALUE_I64, .clock = 30, .kind = ENTRY_DELETION};
    const struct {
        const char *why;
        struct entry entries[4];
        size_t count;
        uint64_t as_of, mask;
        const struct entry *expected;
    } cases[] = {
        {"an empty cell shows nothing", {{0}}, 0, UINT64_MAX, 0, NULL},
        {"what was collected", {in_order}, 1, UINT64_MAX, 0, &in_order},
        {"what came late replaces it", {in_order, late}, 2, UINT64_MAX, 0, &late},
        {"a correction replaces both", {in_order, late, correction}, 3, UINT64_MAX, 0, &correction},
        {"a deletion leaves nothing",
         {in_order, late, correction, deletion},
         4,
         UINT64_MAX,
         0,
         NULL},
        {"what was collected after a deletion shows",
         {deletion, {.type = VALUE_I64, .clock = 40, .value = 4}},
         2,
         UINT64_MAX,
         0,
         &(struct entry){.type = VALUE_I64, .clock = 40, .value = 4}},
        {"as of before the deletion",
         {in_order, late, correction, deletion},
         4,
         29,
         0,
         &correction},
        {"at its very stamp it counts", {in_order, late, correction, deletion}, 4, 30, 0, NULL},
        {"as of before every operation: what was collected, late or not",
         {in_order, late, correction, deletion},
         4,
         0,
         0,
         &late},
        {"a mask hides what is older", {in_order, late}, 2, UINT64_MAX, 11, NULL},
        {"originals always", {in_order}, 1, UINT64_MAX, 1, NULL},
        {"but not what came after it", {in_order, late}, 2, UINT64_MAX, 9, &late},
        {"an older one below does not come back through it",
         {in_order, correction},
         2,
         UINT64_MAX,
         21,
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct state state;
        state_init(&state, cases[i].entries, cases[i].count);
        struct revision mask = {.clock = cases[i].mask};
        const struct entry *shown = cell_shown(&state.cell, cases[i].as_of, mask);
        ck_assert_msg((shown == NULL) == (cases[i].expected == NULL), "%s", cases[i].why);
        if (shown) ck_assert_msg(entry_compare(shown, cases[i].expected) == 0, "%s", cases[i].why);
    }
}
END_TEST

START_TEST(a_full_room_is_told_and_changes_nothing)
{
    struct entry room[2];
    struct cell cell;
    cell_init(&cell, room, 2);
    struct entry entry = {.type = VALUE_I64, .kind = ENTRY_CORRECTION, .clock = 3};
    ck_assert(cell_add(&cell, &entry));
    entry.clock = 1;
    ck_assert(cell_add(&cell, &entry));
    entry.clock = 2;
    ck_assert(!cell_add(&cell, &entry));
    ck_assert_uint_eq(cell.explicit_count, 2);
    ck_assert_uint_eq(room[0].clock, 1);
    ck_assert_uint_eq(room[1].clock, 3);
    ck_assert(cell_add(&cell, &room[0])); /* there already: no room needed */
    entry.kind = ENTRY_COLLECTED;
    ck_assert(cell_add(&cell, &entry));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_level_of_the_order_decides,
        the_order_is_that_of_the_bytes,
        the_order_is_transitive,
        revisions_are_ordered_by_clock_node_generation,
        which_entries_can_be,
        merging_is_commutative_associative_idempotent,
        what_a_cell_answers_follows_from_all_that_was_added,
        what_shows,
        a_full_room_is_told_and_changes_nothing,
    };
    return unit_run("entry", tests, sizeof tests / sizeof *tests);
}
