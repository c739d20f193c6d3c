#include "engine/shell/sample_text.h"

#include <string.h>
#include <strings.h>

#include "storage/base/csv.h"
#include "storage/base/text.h"

static const char *const type_names[] = {
    [BEDE_F64] = "f64",   [BEDE_F32] = "f32",     [BEDE_I64] = "i64",
    [BEDE_BOOL] = "bool", [BEDE_STATE] = "state", [BEDE_TEXT] = "text",
};

static bool word_is(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && strncasecmp(text, word, size) == 0;
}

const char *type_text(int type)
{
    return type >= BEDE_F64 && type <= BEDE_TEXT ? type_names[type] : "?";
}

bool type_from_text(const char *text, size_t size, int *out_type)
{
    for (int type = BEDE_F64; type <= BEDE_TEXT; type++) {
        if (!word_is(text, size, type_names[type])) continue;
        *out_type = type;
        return true;
    }
    return false;
}

bool value_write(struct buffer *target, const struct bede_columns *columns, size_t index)
{
    struct error error;
    if (columns->type == BEDE_TEXT) {
        const struct bede_text *text = (const struct bede_text *)columns->values + index;
        return csv_write_field(target, text->bytes, text->size, 1, &error) == STATUS_OK;
    }
    char number[TEXT_NUMBER_BYTES_MAX];
    size_t size = 0;
    switch ((enum bede_type)columns->type) {
    case BEDE_F64: size = text_from_double(number, ((const double *)columns->values)[index]); break;
    case BEDE_F32: size = text_from_float(number, ((const float *)columns->values)[index]); break;
    case BEDE_I64:
    case BEDE_STATE: size = text_from_i64(number, ((const int64_t *)columns->values)[index]); break;
    case BEDE_BOOL: {
        const char *word = ((const uint8_t *)columns->values)[index] ? "true" : "false";
        return buffer_add(target, word, strlen(word), &error) == STATUS_OK;
    }
    case BEDE_TEXT: break;
    }
    return buffer_add(target, number, size, &error) == STATUS_OK;
}

static bool bool_read(const char *text, size_t size, uint8_t *out_value)
{
    static const char *const words[2][4] = {{"0", "false", "off", "no"},
                                            {"1", "true", "on", "yes"}};
    for (uint8_t value = 0; value < 2; value++) {
        for (size_t i = 0; i < 4; i++) {
            if (!word_is(text, size, words[value][i])) continue;
            *out_value = value;
            return true;
        }
    }
    return false;
}

/* The code of a state by its name, in "0=stopped,1=running". */
static bool state_read(const char *text, size_t size, const char *states, int64_t *out_code)
{
    if (text_to_i64(text, size, out_code)) return true;
    const char *next = states;
    while (*next) {
        size_t length = strcspn(next, ",");
        const char *equals = memchr(next, '=', length);
        if (equals) {
            const char *name = equals + 1;
            size_t name_bytes = length - (size_t)(name - next);
            if (name_bytes == size && memcmp(name, text, size) == 0) {
                return text_to_i64(next, (size_t)(equals - next), out_code);
            }
        }
        next += length + (next[length] == ',');
    }
    return false;
}

bool value_read(int type, const char *text, size_t size, const char *states,
                union bede_value *out_value)
{
    *out_value = (union bede_value){.i64 = 0};
    switch ((enum bede_type)type) {
    case BEDE_F64: return text_to_double(text, size, &out_value->f64);
    case BEDE_F32: return text_to_float(text, size, &out_value->f32);
    case BEDE_I64: return text_to_i64(text, size, &out_value->i64);
    case BEDE_BOOL: return bool_read(text, size, &out_value->boolean);
    case BEDE_STATE: return state_read(text, size, states, &out_value->i64);
    case BEDE_TEXT: break;
    }
    return false;
}

bool quality_read(const char *text, size_t size, uint32_t *out_quality)
{
    static const struct {
        const char *word;
        uint32_t quality;
    } words[] = {{"good", BEDE_GOOD}, {"uncertain", BEDE_UNCERTAIN}, {"bad", BEDE_BAD}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!word_is(text, size, words[i].word)) continue;
        *out_quality = words[i].quality;
        return true;
    }
    uint64_t bits;
    if (size == 0 || size > 8 || !text_to_hex(text, size, &bits)) return false;
    *out_quality = (uint32_t)bits;
    return true;
}
