#include "storage/base/csv.h"

#include <stdbool.h>

#include "storage/base/random.h"
#include "tests/unit.h"

/* Delivers a text in pieces of at most so many bytes. */
struct pieces {
    const char *next;
    size_t size;
    size_t piece_bytes;
};

static enum status pieces_read(void *context, char *target, size_t target_bytes, size_t *out_size,
                               struct error *error)
{
    (void)error;
    struct pieces *pieces = context;
    size_t size = pieces->size < pieces->piece_bytes ? pieces->size : pieces->piece_bytes;
    if (size > target_bytes) size = target_bytes;
    if (size > 0) memcpy(target, pieces->next, size);
    pieces->next += size;
    pieces->size -= size;
    *out_size = size;
    return STATUS_OK;
}

static struct csv_reader *reader_of(struct pieces *pieces)
{
    struct error error;
    struct csv_reader *reader;
    ASSERT_OK(csv_reader_create(&reader, pieces_read, pieces, &error), &error);
    return reader;
}

static const size_t piece_sizes[] = {1, 2, 7, 4096, SIZE_MAX};
enum { PIECE_SIZE_COUNT = sizeof piece_sizes / sizeof *piece_sizes };

/* The rows as one text: fields in angle brackets, rows with their line, "bad" for what is none. */
static void describe(char *target, size_t target_bytes, struct csv_reader *reader)
{
    struct error error;
    size_t size = 0;
    *target = 0;
    for (;;) {
        const struct csv_field *fields;
        size_t count;
        enum status status = csv_reader_next(reader, &fields, &count, &error);
        if (status == STATUS_END) return;
        size += (size_t)snprintf(target + size, target_bytes - size,
                                 "%d:", (int)csv_reader_line(reader));
        if (status != STATUS_OK) {
            ASSERT_STATUS(STATUS_BAD_INPUT, status, &error);
            struct csv_field row = csv_reader_row_text(reader);
            size += (size_t)snprintf(target + size, target_bytes - size, "bad(%.*s)",
                                     (int)row.size_bytes, row.text);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            size += (size_t)snprintf(target + size, target_bytes - size, "<%.*s>",
                                     (int)fields[i].size_bytes, fields[i].text);
        }
        ck_assert_uint_lt(size, target_bytes);
    }
}

/* Goal:   rows are read as RFC 4180 has them, and a broken one costs itself and nothing more.
 * Method: rows of this table, delivered in pieces of several sizes. */
START_TEST(csv_reads_what_is_there)
{
    static const struct {
        const char *why, *text, *rows;
    } cases[] = {
        {"nothing", "", ""},
        {"one row", "a,b,c\n", "1:<a><b><c>"},
        {"the last line may lack its end", "a,b\nc,d", "1:<a><b>2:<c><d>"},
        {"CR LF too", "a,b\r\nc,d\r\n", "1:<a><b>2:<c><d>"},
        {"CR LF behind a quote", "\"a\"\r\n\"b\"\r\n", "1:<a>2:<b>"},
        {"a CR within a row is data", "a\rb,c\n", "1:<a\rb><c>"},
        {"empty fields", ",,\n", "1:<><><>"},
        {"empty rows are skipped, and counted", "\n\na\n\r\n\nb\n\n", "3:<a>6:<b>"},
        {"a quoted nothing is a field", "\"\"\n", "1:<>"},
        {"spaces belong to the field", " a , b\n", "1:< a >< b>"},
        {"a comma in quotes", "\"a,b\",c\n", "1:<a,b><c>"},
        {"a quote in quotes", "\"3\"\" valve\",\"\"\"\"\n", "1:<3\" valve><\">"},
        {"a line end in quotes", "\"a\nb\r\nc\",d\ne\n", "1:<a\nb\r\nc><d>4:<e>"},
        {"a byte order mark",
         "\xef\xbb\xbf"
         "a,b\n",
         "1:<a><b>"},
        {"a mark and a quote", "\xef\xbb\xbf\"a\",b\n", "1:<a><b>"},
        {"a mark elsewhere is data",
         "a\n\xef\xbb\xbf"
         "b\n",
         "1:<a>2:<\xef\xbb\xbf"
         "b>"},
        {"half a mark is data", "\xef\xbb", "1:<\xef\xbb>"},
        {"a quote within a field", "a\nx,3\" valve,1\nb\n", "1:<a>2:bad(x,3\" valve,1)3:<b>"},
        {"text behind a quote", "\"a\"b,c\nd\n", "1:bad(\"a\"b,c)2:<d>"},
        {"a space behind a quote", "\"a\" ,c\nd\n", "1:bad(\"a\" ,c)2:<d>"},
        {"a quote left open", "\"a,b\nc\nd", "1:bad(\"a,b)2:<c>3:<d>"},
        {"one left open, and a good one later", "\"a,b\n\"c\",d\n", "1:bad(\"a,b)2:<c><d>"},
        {"a broken row keeps its text without CR", "a\"\r\nb\r\n", "1:bad(a\")2:<b>"},
        {"a broken row keeps its doubled quotes", "\"a\"\"b\"c\n", "1:bad(\"a\"\"b\"c)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t j = 0; j < PIECE_SIZE_COUNT; j++) {
            char rows[256];
            struct pieces pieces = {cases[i].text, strlen(cases[i].text), piece_sizes[j]};
            struct csv_reader *reader = reader_of(&pieces);
            describe(rows, sizeof rows, reader);
            csv_reader_destroy(reader);
            ck_assert_msg(strcmp(rows, cases[i].rows) == 0, "%s: %s", cases[i].why, rows);
        }
    }
    csv_reader_destroy(NULL);
}
END_TEST

/* Goal:   the row as it stood can be put aside, quotes and all, also after its fields were read.
 * Method: a row with doubled quotes and a line end within. */
START_TEST(csv_keeps_the_row_as_it_stood)
{
    static const char text[] = "first\r\n\"a\"\"b\nc\",d\r\n";
    struct pieces pieces = {text, strlen(text), 3};
    struct csv_reader *reader = reader_of(&pieces);
    struct error error;
    const struct csv_field *fields;
    size_t count;
    ASSERT_OK(csv_reader_next(reader, &fields, &count, &error), &error);
    ASSERT_OK(csv_reader_next(reader, &fields, &count, &error), &error);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(fields[0].size_bytes, 5);
    ck_assert_mem_eq(fields[0].text, "a\"b\nc", 5);
    struct csv_field row = csv_reader_row_text(reader);
    ck_assert_uint_eq(row.size_bytes, 10);
    ck_assert_mem_eq(row.text, "\"a\"\"b\nc\",d", 10);
    ASSERT_STATUS(STATUS_END, csv_reader_next(reader, &fields, &count, &error), &error);
    ASSERT_STATUS(STATUS_END, csv_reader_next(reader, &fields, &count, &error), &error);
    csv_reader_destroy(reader);
}
END_TEST

/* ---- Tables ---- */

enum { ROWS_MAX = 40, FIELDS_MAX = 8, FIELD_BYTES_MAX = 24 };

struct table {
    size_t row_count;
    size_t field_counts[ROWS_MAX];
    size_t sizes[ROWS_MAX][FIELDS_MAX];
    char texts[ROWS_MAX][FIELDS_MAX][FIELD_BYTES_MAX];
};

static void table_make(struct table *table, struct random *random)
{
    static const char letters[] = "ab ,\"\n\r\t\xc3\xa4.";
    table->row_count = random_below(random, ROWS_MAX + 1);
    for (size_t i = 0; i < table->row_count; i++) {
        table->field_counts[i] = 1 + random_below(random, FIELDS_MAX);
        for (size_t j = 0; j < table->field_counts[i]; j++) {
            size_t size = random_below(random, FIELD_BYTES_MAX + 1);
            bool is_plain = random_chance(random, 1, 2);
            table->sizes[i][j] = size;
            for (size_t k = 0; k < size; k++) {
                uint64_t letter = random_below(random, is_plain ? 2 : sizeof letters);
                table->texts[i][j][k] = letters[letter]; /* the zero byte too */
            }
        }
    }
}

static void table_write(struct buffer *target, const struct table *table, struct random *random)
{
    struct error error;
    buffer_clear(target);
    for (size_t i = 0; i < table->row_count; i++) {
        for (size_t j = 0; j < table->field_counts[i]; j++) {
            if (j > 0) ASSERT_OK(buffer_add(target, ",", 1, &error), &error);
            bool is_alone = table->field_counts[i] == 1; /* else it would be an empty row */
            ASSERT_OK(
                csv_write_field(target, table->texts[i][j], table->sizes[i][j], is_alone, &error),
                &error);
        }
        const char *line_end = random_chance(random, 1, 2) ? "\n" : "\r\n";
        ASSERT_OK(buffer_print(target, &error, "%s", line_end), &error);
    }
}

static void table_check(const struct table *table, const struct buffer *text, size_t piece_bytes)
{
    struct pieces pieces = {(const char *)text->bytes, text->size_bytes, piece_bytes};
    struct csv_reader *reader = reader_of(&pieces);
    struct error error;
    const struct csv_field *fields;
    size_t count;
    for (size_t i = 0; i < table->row_count; i++) {
        enum status status = csv_reader_next(reader, &fields, &count, &error);
        if (status != STATUS_OK) ck_abort_msg("row %zu: %s", i, error.text);
        if (count != table->field_counts[i]) ck_abort_msg("row %zu: %zu fields", i, count);
        for (size_t j = 0; j < count; j++) {
            bool is_same = fields[j].size_bytes == table->sizes[i][j] &&
                           memcmp(fields[j].text, table->texts[i][j], table->sizes[i][j]) == 0;
            if (!is_same) ck_abort_msg("row %zu: field %zu", i, j);
        }
    }
    ASSERT_STATUS(STATUS_END, csv_reader_next(reader, &fields, &count, &error), &error);
    csv_reader_destroy(reader);
}

/* Goal:   whatever is written is read back, however it arrives.
 * Method: random tables full of what needs quotes, in pieces of several sizes. */
START_TEST(csv_comes_back)
{
    uint64_t first = unit_number("BEDE_SEED", 1);
    uint64_t count = unit_number("BEDE_SEEDS", 1000);
    static struct table table;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct random random;
        random_init(&random, seed);
        table_make(&table, &random);
        table_write(&text, &table, &random);
        for (size_t i = 0; i < PIECE_SIZE_COUNT; i++) table_check(&table, &text, piece_sizes[i]);
    }
    buffer_finish(&text);
}
END_TEST

/* Goal:   only what needs quotes gets them.
 * Method: rows. */
START_TEST(csv_quotes_what_needs_it)
{
    static const struct {
        const char *text;
        int quote_empty;
        const char *written;
    } cases[] = {
        {"boiler1.pressure", 0, "boiler1.pressure"},
        {"21.375", 1, "21.375"},
        {"", 0, ""},
        {"", 1, "\"\""},
        {"a b", 0, "a b"},
        {" a", 0, "\" a\""},
        {"a ", 0, "\"a \""},
        {"a,b", 0, "\"a,b\""},
        {"3\" valve", 0, "\"3\"\" valve\""},
        {"a\nb", 0, "\"a\nb\""},
        {"a\rb", 0, "\"a\rb\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        struct buffer target;
        buffer_init(&target, 100);
        const char *text = cases[i].text;
        ASSERT_OK(csv_write_field(&target, text, strlen(text), cases[i].quote_empty, &error),
                  &error);
        ck_assert_uint_eq(target.size_bytes, strlen(cases[i].written));
        if (target.size_bytes > 0) {
            ck_assert_mem_eq(target.bytes, cases[i].written, target.size_bytes);
        }
        buffer_finish(&target);
    }
}
END_TEST

static char *put(char *target, const char *text)
{
    while (*text) *target++ = *text++;
    return target;
}

/* Goal:   at the limits a row is read; one over them it is refused, and the next is read again.
 * Method: rows of just so many bytes and fields, all at once and in pieces; byte by byte, the
 *         line end is not there yet when the row is full. */
START_TEST(csv_keeps_its_limits)
{
    static const struct {
        const char *why;
        char filler;
        size_t size;
        size_t field_count; /* 0: refused */
        size_t piece_bytes;
    } cases[] = {
        {"as many bytes as can be", 'a', CSV_ROW_BYTES_MAX, 1, 1},
        {"one byte more", 'a', CSV_ROW_BYTES_MAX + 1, 0, 100003},
        {"many bytes more", 'a', CSV_ROW_BYTES_MAX + (1 << 20), 0, 100003},
        {"more than can be in memory", 'a', 3 * (size_t)CSV_ROW_BYTES_MAX, 0, 100003},
        {"as many fields as can be", ',', CSV_FIELDS_MAX - 1, CSV_FIELDS_MAX, 7},
        {"one field more", ',', CSV_FIELDS_MAX, 0, 7},
    };
    char *text = malloc(3 * (size_t)CSV_ROW_BYTES_MAX + 20);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        size_t size = cases[i / 2].size;
        char *next = put(text, "before\n");
        memset(next, cases[i / 2].filler, size);
        (void)put(next + size, "\r\nafter\n");
        struct pieces pieces = {text, size + 15, i % 2 ? SIZE_MAX : cases[i / 2].piece_bytes};
        struct csv_reader *reader = reader_of(&pieces);
        struct error error;
        const struct csv_field *fields;
        size_t count;
        ASSERT_OK(csv_reader_next(reader, &fields, &count, &error), &error);
        if (cases[i / 2].field_count > 0) {
            ASSERT_OK(csv_reader_next(reader, &fields, &count, &error), &error);
            ck_assert_uint_eq(count, cases[i / 2].field_count);
        } else {
            enum status status = csv_reader_next(reader, &fields, &count, &error);
            ck_assert_msg(status == STATUS_BAD_INPUT, "%s", cases[i / 2].why);
        }
        ck_assert_uint_eq(csv_reader_line(reader), 2);
        ASSERT_OK(csv_reader_next(reader, &fields, &count, &error), &error);
        ck_assert_uint_eq(csv_reader_line(reader), 3);
        ck_assert_uint_eq(fields[0].size_bytes, 5);
        ck_assert_mem_eq(fields[0].text, "after", 5);
        ASSERT_STATUS(STATUS_END, csv_reader_next(reader, &fields, &count, &error), &error);
        csv_reader_destroy(reader);
    }
    free(text);
}
END_TEST

static enum status broken_read(void *context, char *target, size_t target_bytes, size_t *out_size,
                               struct error *error)
{
    bool *is_broken = context;
    (void)target_bytes;
    if (*is_broken) return error_set(error, STATUS_IO, "the cable is out");
    *is_broken = true;
    *out_size = (size_t)(put(target, "a\nb") - target);
    return STATUS_OK;
}

/* Goal:   what the source fails with comes up, behind the rows that were whole.
 * Method: a source that breaks in the middle of the second row. */
START_TEST(csv_passes_the_failure_of_its_source_on)
{
    bool is_broken = false;
    struct error error;
    struct csv_reader *reader;
    const struct csv_field *fields;
    size_t count;
    ASSERT_OK(csv_reader_create(&reader, broken_read, &is_broken, &error), &error);
    ASSERT_OK(csv_reader_next(reader, &fields, &count, &error), &error);
    ASSERT_STATUS(STATUS_IO, csv_reader_next(reader, &fields, &count, &error), &error);
    csv_reader_destroy(reader);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        csv_reads_what_is_there, csv_keeps_the_row_as_it_stood,
        csv_comes_back,          csv_quotes_what_needs_it,
        csv_keeps_its_limits,    csv_passes_the_failure_of_its_source_on,
    };
    return unit_run("csv", tests, sizeof tests / sizeof *tests);
}
