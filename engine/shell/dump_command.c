#include "engine/shell/dump_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/shell/place.h"
#include "engine/shell/sample_text.h"
#include "engine/shell/selection.h"
#include "storage/base/csv.h"
#include "storage/base/hash.h"
#include "storage/base/text.h"

enum { OUTPUT_BYTES = 1 << 16, ROW_BYTES_MAX = 1 << 20 };

static bool buffer_out(struct buffer *output)
{
    if (output->size_bytes == 0) return true;
    bool written = fwrite(output->bytes, 1, output->size_bytes, stdout) == output->size_bytes;
    buffer_clear(output);
    return written;
}

/* tag,ts_ns,type,value,quality */
static int dump_columns(void *context, const char *name, const struct bede_columns *columns)
{
    struct buffer *output = context;
    struct error error;
    char number[TEXT_NUMBER_BYTES_MAX];
    size_t name_bytes = strlen(name);
    const char *type = type_text(columns->type);
    for (size_t i = 0; i < columns->count; i++) {
        size_t time_bytes = text_from_i64(number, columns->times_ns[i]);
        char quality[9] = ",00000000";
        uint32_t bits = columns->qualities ? columns->qualities[i] : 0;
        if (bits != 0) text_from_hex(quality + 1, bits, 8);
        bool done = csv_write_field(output, name, name_bytes, 1, &error) == STATUS_OK &&
                    buffer_add(output, ",", 1, &error) == STATUS_OK &&
                    buffer_add(output, number, time_bytes, &error) == STATUS_OK &&
                    buffer_add(output, ",", 1, &error) == STATUS_OK &&
                    buffer_add(output, type, strlen(type), &error) == STATUS_OK &&
                    buffer_add(output, ",", 1, &error) == STATUS_OK &&
                    value_write(output, columns, i) &&
                    buffer_add(output, quality, sizeof quality, &error) == STATUS_OK &&
                    buffer_add(output, "\n", 1, &error) == STATUS_OK;
        if (!done || (output->size_bytes >= OUTPUT_BYTES && !buffer_out(output))) return -1;
    }
    return 0;
}

/* What both commands begin with: options, their range, the store. After saying what is wrong, the code
 * to end with. */
static enum exit_code selected_open(struct bede **out_bede, struct selection *selection,
                                    const struct command *command, int argc, const char **argv)
{
    struct place place = {0};
    struct bede_read read;
    const struct option options[] = {PLACE_OPTIONS(place), SELECTION_OPTIONS(*selection)};
    if (!options_parse(command, options, sizeof options / sizeof options[0], argc, argv)) {
        return EXIT_WRONG_USAGE;
    }
    if (!selection_range(selection, command, &read)) return EXIT_WRONG_USAGE;
    *out_bede = place_open(&place, command, false);
    return *out_bede ? EXIT_DONE : EXIT_FAILED;
}

enum exit_code dump_run(const struct command *command, int argc, const char **argv)
{
    struct selection selection = {0};
    struct bede *bede = NULL;
    enum exit_code code = selected_open(&bede, &selection, command, argc, argv);
    if (code != EXIT_DONE) return code;
    struct buffer output;
    buffer_init(&output, OUTPUT_BYTES + ROW_BYTES_MAX);
    bool done = selection_read(&selection, command, bede, dump_columns, &output);
    if (!done || !buffer_out(&output) || fflush(stdout) != 0) code = EXIT_FAILED;
    buffer_finish(&output);
    return place_close(bede, command, code);
}

/* The sum over all samples of one hash each of (name, time, type, value, quality). */
struct digest_sum {
    uint64_t low;
    uint64_t high;
    uint64_t count;
};

/* What is hashed of one sample: exactly what `bede dump` tells apart. */
struct digest_row {
    uint64_t name_low;
    uint64_t name_high;
    int64_t time_ns;
    uint64_t value_low; /* bits; of a text its hash */
    uint64_t value_high;
    uint32_t quality;
    uint32_t type;
};

static void digest_value(const struct bede_columns *columns, size_t index, struct digest_row *row)
{
    row->value_low = 0;
    row->value_high = 0;
    switch ((enum bede_type)columns->type) {
    case BEDE_F64:
    case BEDE_I64:
    case BEDE_STATE:
        memcpy(&row->value_low, (const uint64_t *)columns->values + index, sizeof(uint64_t));
        break;
    case BEDE_F32:
        memcpy(&row->value_low, (const float *)columns->values + index, sizeof(float));
        break;
    case BEDE_BOOL: row->value_low = ((const uint8_t *)columns->values)[index]; break;
    case BEDE_TEXT: {
        const struct bede_text *text = (const struct bede_text *)columns->values + index;
        struct hash128 hash = hash128(text->bytes, text->size);
        row->value_low = hash.low;
        row->value_high = hash.high;
        break;
    }
    }
}

static int digest_columns(void *context, const char *name, const struct bede_columns *columns)
{
    struct digest_sum *sum = context;
    struct hash128 name_hash = hash128(name, strlen(name));
    struct digest_row row = {
        .name_low = name_hash.low, .name_high = name_hash.high, .type = (uint32_t)columns->type};
    for (size_t i = 0; i < columns->count; i++) {
        row.time_ns = columns->times_ns[i];
        row.quality = columns->qualities ? columns->qualities[i] : 0;
        digest_value(columns, i, &row);
        struct hash128 hash = hash128(&row, sizeof row);
        sum->low += hash.low;
        sum->high += hash.high + (sum->low < hash.low);
    }
    sum->count += columns->count;
    return 0;
}

enum exit_code digest_run(const struct command *command, int argc, const char **argv)
{
    struct selection selection = {0};
    struct bede *bede = NULL;
    enum exit_code code = selected_open(&bede, &selection, command, argc, argv);
    if (code != EXIT_DONE) return code;
    struct digest_sum sum = {0};
    if (!selection_read(&selection, command, bede, digest_columns, &sum)) {
        return place_close(bede, command, EXIT_FAILED);
    }
    printf("%" PRIu64 " values, digest %016" PRIx64 "%016" PRIx64 "\n", sum.count, sum.high,
           sum.low);
    return place_close(bede, command, EXIT_DONE);
}
