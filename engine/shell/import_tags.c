#include "engine/shell/import_tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/shell/sample_text.h"
#include "storage/base/hash.h"
#include "storage/base/text.h"

enum {
    NOT_MADE = -1,
    ROWS_FIRST = 16,
    TICKETS = 32,
    WAITING_BYTES_MAX = 128 << 20,
    NAME_BYTES_MAX = 255,
    TEXT_BYTES_MAX = 64 << 10,
    APPEND_TEXT_BYTES_MAX = 256 << 10, /* texts of one append: a log frame has its limit */
};

struct import_tag {
    char *name;        /* owned */
    size_t name_bytes; /* with the prefix */
    int64_t number;    /* NOT_MADE: still to be made */
    int type;
    char *states;      /* owned; of a state tag */
    int64_t *times_ns; /* owned, like the other columns */
    char *values;      /* words, or struct bede_text whose bytes are offsets into texts */
    uint32_t *qualities;
    size_t count;
    size_t count_max;
    char *texts;
    size_t text_bytes;
    size_t text_bytes_max;
    bool has_quality;
};

struct import_tags {
    struct bede *bede;
    const char *prefix;
    size_t batch;
    struct import_tag **table; /* owned; open addressing by hash of the name */
    size_t table_size;         /* a power of two */
    struct import_tag **list;  /* owned; in order of first use */
    size_t list_count;
    size_t list_count_max;
    struct import_tag *last; /* found last: rows of one tag come together */
    size_t waiting_bytes;
    uint64_t row_count;
    uint64_t tickets[TICKETS];
    size_t ticket_next;
};

static size_t type_bytes(int type)
{
    switch ((enum bede_type)type) {
    case BEDE_F64:
    case BEDE_I64:
    case BEDE_STATE: return 8;
    case BEDE_F32: return 4;
    case BEDE_BOOL: return 1;
    case BEDE_TEXT: return sizeof(struct bede_text);
    }
    return 0;
}

static void out_of_memory(struct bede_error *error)
{
    error->status = BEDE_NO_MEMORY;
    (void)snprintf(error->text, sizeof error->text, "out of memory");
}

struct import_tags *import_tags_create(struct bede *bede, const char *prefix, size_t batch)
{
    struct import_tags *tags = calloc(1, sizeof *tags);
    if (!tags) return NULL;
    *tags =
        (struct import_tags){.bede = bede, .prefix = prefix, .batch = batch, .table_size = 1024};
    tags->table = calloc(tags->table_size, sizeof(struct import_tag *));
    if (tags->table) return tags;
    free(tags);
    return NULL;
}

static void import_tag_destroy(struct import_tag *tag)
{
    if (!tag) return;
    free(tag->name);
    free(tag->states);
    free(tag->times_ns);
    free(tag->values);
    free(tag->qualities);
    free(tag->texts);
    free(tag);
}

void import_tags_destroy(struct import_tags *tags)
{
    if (!tags) return;
    for (size_t i = 0; i < tags->list_count; i++) import_tag_destroy(tags->list[i]);
    free(tags->list);
    free(tags->table);
    free(tags);
}

static bool name_is(const struct import_tag *tag, const struct import_tags *tags, const char *name,
                    size_t name_bytes)
{
    size_t prefix_bytes = strlen(tags->prefix);
    return tag->name_bytes - prefix_bytes == name_bytes &&
           memcmp(tag->name + prefix_bytes, name, name_bytes) == 0;
}

/* Where the tag is in the table, or belongs. */
static size_t table_place(const struct import_tags *tags, const char *name, size_t name_bytes)
{
    size_t place = hash64(name, name_bytes) & (tags->table_size - 1);
    while (tags->table[place] && !name_is(tags->table[place], tags, name, name_bytes)) {
        place = (place + 1) & (tags->table_size - 1);
    }
    return place;
}

static bool table_grow(struct import_tags *tags)
{
    size_t size = tags->table_size * 2;
    struct import_tag **table = calloc(size, sizeof(struct import_tag *));
    if (!table) return false;
    free(tags->table);
    tags->table = table;
    tags->table_size = size;
    for (size_t i = 0; i < tags->list_count; i++) {
        const char *name = tags->list[i]->name + strlen(tags->prefix);
        tags->table[table_place(tags, name, strlen(name))] = tags->list[i];
    }
    return true;
}

static bool list_add(struct import_tags *tags, struct import_tag *tag)
{
    if (tags->list_count == tags->list_count_max) {
        size_t count_max = tags->list_count_max ? tags->list_count_max * 2 : 256;
        struct import_tag **list = realloc(tags->list, count_max * sizeof(struct import_tag *));
        if (!list) return false;
        tags->list = list;
        tags->list_count_max = count_max;
    }
    tags->list[tags->list_count++] = tag;
    return true;
}

/* What the store says of the name; a new tag's type is that of its first value. */
static bool import_tag_define(struct import_tags *tags, struct import_tag *tag,
                              const char *first_value, size_t value_bytes, struct bede_error *error)
{
    uint32_t number;
    tag->number = NOT_MADE;
    if (bede_tag_find(tags->bede, tag->name, &number) != BEDE_OK) {
        double ignored;
        tag->type = text_to_double(first_value, value_bytes, &ignored) ? BEDE_F64 : BEDE_TEXT;
        tag->states = strdup("");
        if (!tag->states) out_of_memory(error);
        return tag->states != NULL;
    }
    struct bede_tag_info info;
    int status = bede_tag_info(tags->bede, number, &info, error);
    if (status != BEDE_OK) return false;
    tag->number = number;
    tag->type = info.definition.type;
    tag->states = strdup(info.definition.states);
    bede_tag_info_free(&info);
    if (!tag->states) out_of_memory(error);
    return tag->states != NULL;
}

/* Why the store would refuse the name, or NULL: one bad name must not cost the other rows. */
static const char *name_fault(const char *name, size_t name_bytes)
{
    if (name_bytes == 0) return "no tag";
    if (name_bytes > NAME_BYTES_MAX) return "the tag's name is longer than 255 bytes";
    if (name[0] == '$') return "names that begin with $ are the store's own";
    if (!text_is_clean_utf8(name, name_bytes)) {
        return "the tag's name is no UTF-8, or holds a control character";
    }
    return NULL;
}

struct import_tag *import_tags_find(struct import_tags *tags, const char *name, size_t name_bytes,
                                    const char *first_value, size_t value_bytes,
                                    const char **out_reason, struct bede_error *error)
{
    if (tags->last && name_is(tags->last, tags, name, name_bytes)) return tags->last;
    size_t place = table_place(tags, name, name_bytes);
    if (tags->table[place]) return tags->last = tags->table[place];

    struct import_tag *tag = calloc(1, sizeof *tag);
    size_t prefix_bytes = strlen(tags->prefix);
    error->status = BEDE_NO_MEMORY;
    if (tag) tag->name = malloc(prefix_bytes + name_bytes + 1);
    if (!tag || !tag->name) goto fail;
    memcpy(tag->name, tags->prefix, prefix_bytes);
    memcpy(tag->name + prefix_bytes, name, name_bytes);
    tag->name_bytes = prefix_bytes + name_bytes;
    tag->name[tag->name_bytes] = 0;
    error->status = BEDE_OK;
    const char *fault = name_fault(tag->name, tag->name_bytes);
    if (fault) {
        *out_reason = fault;
        goto fail;
    }
    if (!import_tag_define(tags, tag, first_value, value_bytes, error)) goto fail;
    if (!list_add(tags, tag)) {
        out_of_memory(error);
        goto fail;
    }
    tags->table[place] = tag;
    if (tags->list_count * 2 > tags->table_size && !table_grow(tags)) {
        out_of_memory(error);
        return NULL;
    }
    return tags->last = tag;

fail:
    if (error->status == BEDE_NO_MEMORY) out_of_memory(error);
    import_tag_destroy(tag);
    return NULL;
}

static bool import_tag_grow(struct import_tag *tag)
{
    size_t count_max = tag->count_max ? tag->count_max * 4 : ROWS_FIRST;
    int64_t *times = realloc(tag->times_ns, count_max * sizeof *times);
    if (times) tag->times_ns = times;
    char *values = realloc(tag->values, count_max * type_bytes(tag->type));
    if (values) tag->values = values;
    uint32_t *qualities = realloc(tag->qualities, count_max * sizeof *qualities);
    if (qualities) tag->qualities = qualities;
    if (!times || !values || !qualities) return false;
    tag->count_max = count_max;
    return true;
}

/* Texts lie one behind the other; where each begins is told when they have stopped moving. */
static bool import_tag_add_text(struct import_tag *tag, const char *value, size_t value_bytes)
{
    if (tag->text_bytes + value_bytes > tag->text_bytes_max) {
        size_t bytes_max = 2 * (tag->text_bytes + value_bytes) + 256;
        char *texts = realloc(tag->texts, bytes_max);
        if (!texts) return false;
        tag->texts = texts;
        tag->text_bytes_max = bytes_max;
    }
    if (value_bytes > 0) memcpy(tag->texts + tag->text_bytes, value, value_bytes);
    struct bede_text *text = (struct bede_text *)(void *)tag->values + tag->count;
    *text = (struct bede_text){.size = value_bytes}; /* its bytes: import_tag_append() */
    tag->text_bytes += value_bytes;
    return true;
}

static int import_tag_append(struct import_tags *tags, struct import_tag *tag,
                             struct bede_error *error)
{
    if (tag->count == 0) return BEDE_OK;
    struct bede_text *texts = (struct bede_text *)(void *)tag->values;
    const char *next = tag->texts;
    for (size_t i = 0; tag->type == BEDE_TEXT && i < tag->count; i++) {
        texts[i].bytes = next;
        next += texts[i].size;
    }
    struct bede_columns columns = {
        .count = tag->count,
        .times_ns = tag->times_ns,
        .values = tag->values,
        .qualities = tag->has_quality ? tag->qualities : NULL,
    };
    uint64_t *ticket = &tags->tickets[tags->ticket_next++ % TICKETS];
    int status = bede_wait(tags->bede, *ticket, error);
    if (status >= 0) {
        status = bede_append(tags->bede, (uint32_t)tag->number, &columns, ticket, error);
    }
    tags->waiting_bytes -= tag->count * (24 + type_bytes(tag->type)) + tag->text_bytes;
    tag->count = 0;
    tag->text_bytes = 0;
    tag->has_quality = false;
    return status;
}

/* All new tags in one call: their definitions are durable with one sync. */
static int import_tags_make(struct import_tags *tags, struct bede_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < tags->list_count; i++) count += tags->list[i]->number == NOT_MADE;
    if (count == 0) return BEDE_OK;
    struct bede_tag_definition *definitions = calloc(count, sizeof *definitions);
    uint32_t *numbers = calloc(count, sizeof *numbers);
    int status = BEDE_NO_MEMORY;
    if (definitions && numbers) {
        count = 0;
        for (size_t i = 0; i < tags->list_count; i++) {
            if (tags->list[i]->number != NOT_MADE) continue;
            definitions[count++] = (struct bede_tag_definition){.name = tags->list[i]->name,
                                                                .type = tags->list[i]->type};
        }
        status = bede_tags_create(tags->bede, definitions, count, numbers, error);
    } else {
        out_of_memory(error);
    }
    count = 0;
    for (size_t i = 0; status == BEDE_OK && i < tags->list_count; i++) {
        if (tags->list[i]->number == NOT_MADE) tags->list[i]->number = numbers[count++];
    }
    free(definitions);
    free(numbers);
    if (status == BEDE_EXISTS) {
        error->status = BEDE_BAD_INPUT; /* its text names the tag */
        return BEDE_BAD_INPUT;
    }
    return status;
}

int import_tags_write(struct import_tags *tags, struct bede_error *error)
{
    int status = import_tags_make(tags, error);
    for (size_t i = 0; status >= 0 && i < tags->list_count; i++) {
        status = import_tag_append(tags, tags->list[i], error);
    }
    return status;
}

bool import_tag_add(struct import_tags *tags, struct import_tag *tag, int64_t time_ns,
                    const char *value, size_t value_bytes, uint32_t quality,
                    const char **out_reason, struct bede_error *error)
{
    union bede_value parsed = {.i64 = 0};
    error->status = BEDE_OK;
    if (tag->type != BEDE_TEXT &&
        !value_read(tag->type, value, value_bytes, tag->states, &parsed)) {
        *out_reason = "the tag's type cannot hold the value";
        return false;
    }
    if (tag->type == BEDE_TEXT && value_bytes > TEXT_BYTES_MAX) {
        *out_reason = "the text is longer than 65536 bytes";
        return false;
    }
    if (time_ns == INT64_MIN || time_ns == INT64_MAX) {
        *out_reason = "ts is outside the calendar";
        return false;
    }
    *out_reason = "out of memory";
    if (tag->count == tag->count_max && !import_tag_grow(tag)) {
        out_of_memory(error);
        return false;
    }
    if (tag->type == BEDE_TEXT && !import_tag_add_text(tag, value, value_bytes)) {
        out_of_memory(error);
        return false;
    }
    size_t width = type_bytes(tag->type);
    if (tag->type != BEDE_TEXT) memcpy(tag->values + tag->count * width, &parsed, width);
    tag->times_ns[tag->count] = time_ns;
    tag->qualities[tag->count] = quality;
    tag->has_quality = tag->has_quality || quality != BEDE_GOOD;
    tag->count++;
    tags->row_count++;
    tags->waiting_bytes += 24 + width + (tag->type == BEDE_TEXT ? value_bytes : 0);

    int status = BEDE_OK;
    bool is_full = tag->count >= tags->batch || tag->text_bytes >= APPEND_TEXT_BYTES_MAX;
    if (tags->waiting_bytes > WAITING_BYTES_MAX || (is_full && tag->number == NOT_MADE)) {
        status = import_tags_write(tags, error);
    } else if (is_full) {
        status = import_tag_append(tags, tag, error);
    }
    *out_reason = error->text;
    return status >= 0;
}

uint64_t import_tags_row_count(const struct import_tags *tags)
{
    return tags->row_count;
}
