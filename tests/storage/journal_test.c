/* Goal:   what a journal record says is what a reader of it learns, and no bytes harm the reader.
 * Method: records with their exact text, both ways; round trips of random records; tables of what
 *         is refused and of what a newer version may add; damaged and cut records. */
#include "storage/journal.h"

#include "storage/base/random.h"
#include "tests/unit.h"

#define HEAD "7 00000000000000ab "
#define IDENTITY "00000000000000020000000000000001"
#define GROUP "0000000000000003.0000000000000004.00000005"

static uint64_t seed; /* of the test in work */
static const struct identity identity = {.low = 1, .high = 2};
static const struct revision group = {.clock = 3, .node = 4, .generation = 5};

static struct journal_record record_of(enum journal_kind kind)
{
    return (struct journal_record){
        .kind = kind,
        .sequence = 7,
        .chain = 0xab,
        .name_space = "",
        .identity = identity,
        .incarnation = 2,
        .path = "p",
        .definition = {.name = "",
                       .unit = "",
                       .description = "",
                       .states = "",
                       .source = "",
                       .attributes = ""},
        .group = group,
        .from_ns = -1,
        .to_ns = 1000,
        .user = "",
        .reason = "",
        .identities = &identity,
        .identity_count = 1,
    };
}

/* Bits of floats are compared as bits. */
static void check_definition(const struct tag_definition *got,
                             const struct tag_definition *expected, unsigned fields)
{
    for (int field = 0; field < TAG_FIELD_COUNT; field++) {
        if (!(fields & (1u << field))) continue;
        const struct tag_field_row *row = &tag_field_rows[field];
        const char *left = (const char *)got + row->offset;
        const char *right = (const char *)expected + row->offset;
        if (row->form == TAG_FORM_TEXT) {
            const char *texts[2];
            memcpy(&texts[0], left, sizeof texts[0]);
            memcpy(&texts[1], right, sizeof texts[1]);
            ck_assert_str_eq(texts[0], texts[1]);
        } else {
            ck_assert_msg(memcmp(left, right, row->bytes) == 0, "%s", row->word);
        }
    }
}

static void check_record(const struct journal_record *got, const struct journal_record *expected)
{
    ck_assert_int_eq(got->kind, expected->kind);
    ck_assert_uint_eq(got->sequence, expected->sequence);
    ck_assert_uint_eq(got->chain, expected->chain);
    if (got->kind == JOURNAL_STORE) {
        ck_assert_str_eq(got->name_space, expected->name_space);
        return;
    }
    if (got->kind == JOURNAL_TAG) {
        ck_assert_int_eq(identity_compare(got->identity, expected->identity), 0);
        ck_assert_uint_eq(got->incarnation, expected->incarnation);
        ck_assert_str_eq(got->path, expected->path);
        ck_assert_uint_eq(got->fields, expected->fields);
        check_definition(&got->definition, &expected->definition, got->fields);
        return;
    }
    ck_assert_int_eq(revision_compare(got->group, expected->group), 0);
    ck_assert_str_eq(got->user, expected->user);
    ck_assert_str_eq(got->reason, expected->reason);
    if (got->kind == JOURNAL_UNMASK) return;
    ck_assert_int_eq(got->from_ns, expected->from_ns);
    ck_assert_int_eq(got->to_ns, expected->to_ns);
    ck_assert_uint_eq(got->identity_count, expected->identity_count);
    ck_assert_mem_eq(got->identities, expected->identities,
                     got->identity_count * sizeof(struct identity));
}

/* Writes, parses, and writes again what was parsed: the same text. */
static void check_round_trip(const struct journal_record *record)
{
    struct error error;
    struct buffer texts[2];
    struct buffer scratch;
    struct journal_record parsed;
    for (int i = 0; i < 2; i++) buffer_init(&texts[i], 4 * JOURNAL_RECORD_BYTES_MAX);
    buffer_init(&scratch, 4 * JOURNAL_RECORD_BYTES_MAX);
    ASSERT_OK(journal_write(&texts[0], record, &error), &error);
    ASSERT_OK(
        journal_parse((const char *)texts[0].bytes, texts[0].size_bytes, &scratch, &parsed, &error),
        &error);
    check_record(&parsed, record);
    ASSERT_OK(journal_write(&texts[1], &parsed, &error), &error);
    ck_assert_uint_eq(texts[0].size_bytes, texts[1].size_bytes);
    ck_assert_mem_eq(texts[0].bytes, texts[1].bytes, texts[0].size_bytes);
    for (int i = 0; i < 2; i++) buffer_finish(&texts[i]);
    buffer_finish(&scratch);
}

START_TEST(a_record_is_a_line_that_a_person_can_read)
{
    struct journal_record store = record_of(JOURNAL_STORE);
    store.name_space = "plant a";
    struct journal_record tag = record_of(JOURNAL_TAG);
    tag.path = "boiler1.pressure";
    tag.fields = TAG_FIELDS_ALL;
    tag.definition = (struct tag_definition){
        .name = "boiler1.\"p\"",
        .unit = "m\xc2\xb3/h",
        .description = "back\\slash\nand line",
        .states = "0=stopped,1=running",
        .source = "",
        .attributes = "{}",
        .zero = -0.5,
        .span = 100,
        .max_gap_ns = 60000000000,
        .type = VALUE_F64,
        .step = true,
    };
    struct journal_record some = record_of(JOURNAL_TAG);
    some.fields = 1u << TAG_FIELD_DELETED | 1u << TAG_FIELD_TYPE;
    some.definition.deleted = true;
    some.definition.type = VALUE_STATE;
    struct journal_record none = record_of(JOURNAL_TAG);
    struct journal_record mask = record_of(JOURNAL_MASK);
    mask.user = "anna";
    mask.reason = "sensor was wet";
    struct journal_record unmask = record_of(JOURNAL_UNMASK);
    const struct {
        const struct journal_record *record;
        const char *text;
    } cases[] = {
        {&store, HEAD "store \"plant a\""},
        {&tag, HEAD "tag " IDENTITY " 2 path=\"boiler1.pressure\" name=\"boiler1.\\\"p\\\"\" "
                    "type=f64 unit=\"m\xc2\xb3/h\" "
                    "description=\"back\\\\slash\\u000aand line\" step=true zero=-0.5 span=100 "
                    "max_gap=60000000000 states=\"0=stopped,1=running\" source=\"\" "
                    "attributes=\"{}\" deleted=false"},
        {&some, HEAD "tag " IDENTITY " 2 path=\"p\" type=state deleted=true"},
        {&none, HEAD "tag " IDENTITY " 2 path=\"p\""},
        {&mask, HEAD "mask " GROUP " -1 1000 user=\"anna\" reason=\"sensor was wet\" " IDENTITY},
        {&unmask, HEAD "unmask " GROUP " user=\"\" reason=\"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        struct buffer text;
        buffer_init(&text, JOURNAL_RECORD_BYTES_MAX);
        ASSERT_OK(buffer_add(&text, "before", 6, &error), &error);
        ASSERT_OK(journal_write(&text, cases[i].record, &error), &error);
        ASSERT_OK(buffer_add(&text, "", 1, &error), &error);
        ck_assert_str_eq((const char *)text.bytes + 6, cases[i].text);
        buffer_finish(&text);
        check_round_trip(cases[i].record);
    }
}
END_TEST

/* Letters of every kind: plain, escaped, control, two to four bytes long. */
static const char *random_text(struct random *random, char *target, size_t letters_max)
{
    static const char *const letters[] = {
        "a",    "Z",    " ", "\"",       "\\", "\n",           "\x01",
        "\x1f", "\x7f", "=", "\xc3\xa9", "~",  "\xe2\x82\xac", "\xf0\x9f\x8f\xad",
        "/"};
    char *end = target;
    for (uint64_t left = random_below(random, letters_max + 1); left > 0; left--) {
        const char *letter = letters[random_below(random, sizeof letters / sizeof *letters)];
        memcpy(end, letter, strlen(letter));
        end += strlen(letter);
    }
    *end = 0;
    return target;
}

static double random_number(struct random *random)
{
    static const double edges[] = {0.0, -0.0, 1e308, 5e-324, 0.1, -1e15};
    if (random_chance(random, 1, 2)) return edges[random_below(random, 6)];
    return (random_double(random) - 0.5) * 1e6;
}

static void check_random_record(struct random *random)
{
    static char texts[8][1024];
    static struct identity identities[JOURNAL_MASK_TAGS_MAX];
    struct journal_record record = record_of((enum journal_kind)random_below(random, 4));
    record.sequence = random_u64(random) | 1;
    record.chain = random_u64(random);
    record.name_space = random_text(random, texts[0], 20);
    record.incarnation = (uint32_t)random_u64(random);
    record.identity = (struct identity){random_u64(random), random_u64(random)};
    record.fields = (unsigned)random_below(random, TAG_FIELDS_ALL + 1);
    record.definition = (struct tag_definition){
        .name = "name \"\\~",
        .unit = random_text(random, texts[1], 5),
        .description = random_text(random, texts[2], 200),
        .states = random_text(random, texts[3], 50),
        .source = random_text(random, texts[4], 50),
        .attributes = random_text(random, texts[5], 50),
        .zero = random_number(random),
        .span = random_number(random),
        .max_gap_ns = (int64_t)(random_u64(random) >> (1 + random_below(random, 60))),
        .type = (uint8_t)(VALUE_F64 + random_below(random, VALUE_TEXT)),
        .step = random_chance(random, 1, 2),
        .deleted = random_chance(random, 1, 2),
    };
    record.group =
        (struct revision){random_u64(random), random_u64(random), (uint32_t)random_u64(random)};
    record.from_ns = random_chance(random, 1, 5) ? INT64_MIN : (int64_t)(random_u64(random) >> 2);
    record.to_ns = random_chance(random, 1, 5)
                       ? INT64_MAX
                       : record.from_ns + 1 + (int64_t)(random_u64(random) >> 9);
    record.user = random_text(random, texts[6], 10);
    record.reason = random_text(random, texts[7], 100);
    record.identity_count = 1 + random_below(random, random_chance(random, 1, 9) ? 1000 : 9);
    for (size_t i = 0; i < record.identity_count; i++) {
        identities[i] = (struct identity){random_u64(random), random_u64(random)};
    }
    record.identities = identities;
    check_round_trip(&record);
}

START_TEST(whatever_is_written_is_read_again)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", unit_number("BEDE_SEED", 0) ? 1 : 5000);
    for (seed = first; seed < first + count; seed++) {
        struct random random;
        random_init(&random, seed);
        check_random_record(&random);
    }
}
END_TEST

static enum status parse(const char *text, struct buffer *scratch, struct journal_record *record,
                         struct error *error)
{
    return journal_parse(text, strlen(text), scratch, record, error);
}

START_TEST(what_a_newer_version_adds_is_left_out)
{
    static const struct {
        const char *why;
        const char *text;
        enum journal_kind kind;
    } cases[] = {
        {"another word", HEAD "user \"anna\" role=admin", JOURNAL_UNKNOWN},
        {"a word alone", HEAD "checkpoint", JOURNAL_UNKNOWN},
        {"a bare field", HEAD "tag " IDENTITY " 0 path=\"p\" colour=12 unit=\"m\"", JOURNAL_TAG},
        {"a quoted one", HEAD "tag " IDENTITY " 0 icon=\"\\\"\" path=\"p\" unit=\"m\"",
         JOURNAL_TAG},
        {"of a store", HEAD "store \"\" x=1", JOURNAL_STORE},
        {"of a mask", HEAD "mask " GROUP " 1 2 user=\"u\" x=1 reason=\"r\" " IDENTITY,
         JOURNAL_MASK},
        {"of an unmask", HEAD "unmask " GROUP " user=\"u\" x=\"1\" reason=\"r\"", JOURNAL_UNMASK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {.text = ""};
        struct buffer scratch;
        struct journal_record record;
        buffer_init(&scratch, 4096);
        enum status status = parse(cases[i].text, &scratch, &record, &error);
        ck_assert_msg(status == STATUS_OK, "%s: %s", cases[i].why, error.text);
        ck_assert_msg(record.kind == cases[i].kind, "%s", cases[i].why);
        ck_assert_uint_eq(record.sequence, 7);
        if (record.kind == JOURNAL_TAG) {
            ck_assert_uint_eq(record.fields, 1u << TAG_FIELD_UNIT);
            ck_assert_str_eq(record.definition.unit, "m");
        }
        buffer_finish(&scratch);
    }
}
END_TEST

#define TAG HEAD "tag " IDENTITY " 0 path=\"p\""
#define MASK HEAD "mask " GROUP " 1 2 user=\"\" reason=\"\""

START_TEST(a_malformed_record_is_refused)
{
    static const char *const cases[] = {
        "",
        "7",
        "7 ",
        "0 00000000000000ab store \"\"",
        "07 00000000000000ab store \"\"",
        "+7 00000000000000ab store \"\"",
        "18446744073709551616 00000000000000ab store \"\"",
        "7 ab store \"\"",
        "7 00000000000000AB store \"\"",
        "7  00000000000000ab store \"\"",
        HEAD,
        HEAD "store",
        HEAD "store ",
        HEAD "store \"",
        HEAD "store a",
        HEAD "store \"\" ",
        HEAD "store \"\"x",
        HEAD "store \"\n\"",
        HEAD "store \"\\n\"",
        HEAD "store \"\\u0000\"",
        HEAD "store \"\\u0020\"",
        HEAD "store \"\\u000A\"",
        HEAD "store \"\\u00\"",
        HEAD "store \"\xff\"",
        HEAD "tag",
        HEAD "tag 00000000000000000000000000000000 0 path=\"p\"",
        HEAD "tag 0000000000000002000000000000000 0 path=\"p\"",
        HEAD "tag " IDENTITY " 4294967296 path=\"p\"",
        HEAD "tag " IDENTITY " 0",
        HEAD "tag " IDENTITY " 0 path=\"\"",
        HEAD "tag " IDENTITY " 0 path=\"a\\u0001\"",
        HEAD "tag " IDENTITY " 0 path=p",
        TAG " path=\"p\"",
        TAG " name=\"\"",
        TAG " unit=\"a\" unit=\"a\"",
        TAG " unit=5",
        TAG " unit",
        TAG " unit=",
        TAG " =5",
        TAG " zero=\"5\"",
        TAG " zero=five",
        TAG " zero=inf",
        TAG " zero=1 ",
        TAG " max_gap=-1",
        TAG " max_gap=1.5",
        TAG " max_gap=9223372036854775808",
        TAG " type=f16",
        TAG " type=averyverylongtype",
        TAG " step=1",
        TAG "  unit=\"m\"",
        MASK,
        MASK " " IDENTITY " ",
        MASK " 00000000000000000000000000000000",
        MASK " x",
        HEAD "mask " GROUP " 2 2 user=\"\" reason=\"\" " IDENTITY,
        HEAD "mask " GROUP " 1 user=\"\" reason=\"\" " IDENTITY,
        HEAD "mask " GROUP " 1 2 user=\"\" " IDENTITY,
        HEAD "mask " GROUP " 1 2 reason=\"\" " IDENTITY,
        HEAD "mask " GROUP " 1 2 user=\"\" user=\"\" reason=\"\" " IDENTITY,
        HEAD "mask " GROUP "0 1 2 user=\"\" reason=\"\" " IDENTITY,
        HEAD "unmask " GROUP " user=\"\" reason=\"\" " IDENTITY,
        HEAD "unmask 0000000000000003.0000000000000004 user=\"\" reason=\"\"",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        struct buffer scratch;
        struct journal_record record;
        buffer_init(&scratch, 4096);
        ck_assert_msg(parse(cases[i], &scratch, &record, &error) == STATUS_BAD_INPUT, "%s",
                      cases[i]);
        ck_assert(error.text[0] != 0);
        buffer_finish(&scratch);
    }
}
END_TEST

START_TEST(limits_are_kept_by_writer_and_definition)
{
    static char name[TAG_NAME_BYTES_MAX + 2];
    static char text[TAG_TEXT_BYTES_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    memset(text, '\n', sizeof text - 1);
    struct error error;
    struct buffer target;
    buffer_init(&target, 1 << 20);
    struct journal_record record = record_of(JOURNAL_TAG);
    struct tag_definition *definition = &record.definition;
    record.fields = TAG_FIELDS_ALL;
    *definition = (struct tag_definition){.name = name,
                                          .unit = text,
                                          .description = text,
                                          .states = text,
                                          .source = "",
                                          .attributes = "",
                                          .type = VALUE_F64};
    ASSERT_STATUS(STATUS_BAD_INPUT, tag_definition_check(definition, &error), &error);
    ck_assert_ptr_nonnull(strstr(error.text, "name"));
    name[TAG_NAME_BYTES_MAX] = 0;
    ASSERT_STATUS(STATUS_BAD_INPUT, journal_write(&target, &record, &error), &error);
    ck_assert_ptr_nonnull(strstr(error.text, "unit"));
    text[TAG_TEXT_BYTES_MAX] = 0;
    ASSERT_OK(tag_definition_check(definition, &error), &error);

    /* Each text is within its limit, but with their escapes they are too much for a record. */
    ASSERT_OK(buffer_add(&target, "kept", 4, &error), &error);
    ASSERT_STATUS(STATUS_TOO_LARGE, journal_write(&target, &record, &error), &error);
    ck_assert_uint_eq(target.size_bytes, 4);
    definition->states = "";
    check_round_trip(&record);

    record = record_of(JOURNAL_MASK);
    record.identity_count = JOURNAL_MASK_TAGS_MAX + 1;
    ASSERT_STATUS(STATUS_BAD_INPUT, journal_write(&target, &record, &error), &error);
    record.identity_count = 0;
    ASSERT_STATUS(STATUS_BAD_INPUT, journal_write(&target, &record, &error), &error);
    buffer_finish(&target);
}
END_TEST

START_TEST(more_tags_than_a_mask_may_have_are_refused)
{
    struct error error;
    struct buffer text;
    struct buffer scratch;
    struct journal_record record;
    buffer_init(&text, 1 << 20);
    buffer_init(&scratch, 1 << 20);
    ASSERT_OK(buffer_print(&text, &error, MASK), &error);
    for (int i = 0; i < JOURNAL_MASK_TAGS_MAX; i++) {
        ASSERT_OK(buffer_print(&text, &error, " " IDENTITY), &error);
    }
    const char *bytes = (const char *)text.bytes;
    ASSERT_OK(journal_parse(bytes, text.size_bytes, &scratch, &record, &error), &error);
    ck_assert_uint_eq(record.identity_count, JOURNAL_MASK_TAGS_MAX);
    ASSERT_OK(buffer_print(&text, &error, " " IDENTITY), &error);
    bytes = (const char *)text.bytes;
    ASSERT_STATUS(STATUS_BAD_INPUT,
                  journal_parse(bytes, text.size_bytes, &scratch, &record, &error), &error);
    buffer_finish(&text);
    buffer_finish(&scratch);
}
END_TEST

START_TEST(no_bytes_harm_the_parser)
{
    static const char *const seeds[] = {
        TAG " name=\"\\\"\\u0001\" type=bool zero=1.5e-05 max_gap=5 step=true x=y z=\"\"",
        MASK " " IDENTITY " " IDENTITY,
        HEAD "unmask " GROUP " user=\"\" reason=\"\"",
        HEAD "store \"n\"",
    };
    struct random random;
    struct error error;
    struct buffer scratch;
    struct journal_record record;
    random_init(&random, unit_number("BEDE_SEED", 1));
    buffer_init(&scratch, 4096);
    for (uint64_t i = 0; i < unit_number("BEDE_SEEDS", 200000); i++) {
        /* Its own allocation, so that the sanitizer sees a read past its end. */
        const char *whole = seeds[random_below(&random, 4)];
        size_t size = random_below(&random, strlen(whole) + 1);
        char *text = malloc(size + 1);
        memcpy(text, whole, size);
        for (uint64_t edits = random_below(&random, 4); edits > 0 && size > 0; edits--) {
            text[random_below(&random, size)] = (char)random_u64(&random);
        }
        char *exact = malloc(size);
        ck_assert(exact || size == 0);
        if (size > 0) memcpy(exact, text, size);
        (void)journal_parse(exact, size, &scratch, &record, &error);
        free(exact);
        free(text);
    }
    buffer_finish(&scratch);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_record_is_a_line_that_a_person_can_read,
        whatever_is_written_is_read_again,
        what_a_newer_version_adds_is_left_out,
        a_malformed_record_is_refused,
        limits_are_kept_by_writer_and_definition,
        more_tags_than_a_mask_may_have_are_refused,
        no_bytes_harm_the_parser,
    };
    int result = unit_run("journal", tests, sizeof tests / sizeof tests[0]);
    if (result != EXIT_SUCCESS) printf("seed %llu\n", (unsigned long long)seed);
    return result;
}
