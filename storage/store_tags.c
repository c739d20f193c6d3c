/* The store's configuration: journal records written, and folded once they are durable. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"
#include "storage/disk_names.h"
#include "storage/store_state.h"
#include "storage/wal_frame.h"

enum { FRAME_RECORDS_MAX = 4096, FRAME_TEXT_BYTES_MAX = 1 << 20 };

static struct store_journal *store_journal_of(struct store *store, uint32_t number)
{
    for (size_t i = 0; i < store->journal_count; i++) {
        if (store->journals[i].number == number) return &store->journals[i];
    }
    UNREACHABLE();
}

static enum status store_fold_record(struct store *store, struct store_journal *journal,
                                     int64_t time_ns, const struct text_value *text,
                                     struct buffer *scratch, struct error *error)
{
    struct revision stamp = {
        .clock = stamp_from_journal_ns(time_ns),
        .node = journal->position.node,
        .generation = journal->position.generation,
    };
    struct journal_record record;
    enum status status = journal_parse(text->bytes, text->size_bytes, scratch, &record, error);
    if (status == STATUS_BAD_INPUT) {
        /* Its checksum was good, so nobody can mend it: the store lives without it, and says so. */
        store->bad_record_count++;
        return STATUS_OK;
    }
    if (status < 0) return status;
    status = catalog_fold(store->catalog, stamp, &record, error);
    if (status < 0) return status;
    if (time_ns > journal->position.time_ns) {
        journal->position.time_ns = time_ns;
        journal->position.sequence = record.sequence;
        journal->position.chain = hash64(text->bytes, text->size_bytes);
    }
    store->journal_tail_count++;
    return STATUS_OK;
}

enum status store_fold(struct store *store, const struct batch *batch, struct error *error)
{
    struct store_journal *journal = store_journal_of(store, batch->tag);
    struct buffer scratch;
    buffer_init(&scratch, (size_t)4 * JOURNAL_RECORD_BYTES_MAX);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < batch->sample_count && status == STATUS_OK; i++) {
        ASSERT(batch_type(batch, i) == VALUE_TEXT);
        status = store_fold_record(store, journal, batch_time_ns(batch, i),
                                   value_text(batch->values[i]), &scratch, error);
    }
    buffer_finish(&scratch);
    return status;
}

/* Records on their way into the journal, under journal_lock: texts one behind the other. */
struct journal_frame {
    struct store *store;
    size_t count;
    uint64_t last_ticket;
    int64_t times_ns[FRAME_RECORDS_MAX];
    uint64_t offsets[FRAME_RECORDS_MAX]; /* in store->journal_text */
    uint64_t values[FRAME_RECORDS_MAX];
};

/* Numbers of tags whose frontiers, which exist, a mask raises together with the frame that holds it. */
struct frontier_lift {
    const uint32_t *numbers;
    size_t count;
    int64_t time_ns;
};

static enum status journal_frame_write(struct journal_frame *frame,
                                       const struct frontier_lift *lift, struct error *error)
{
    struct store *store = frame->store;
    if (frame->count == 0) return STATUS_OK;
    for (size_t i = 0; i < frame->count; i++) {
        frame->values[i] =
            value_from_text((const struct text_value *)(const void *)(store->journal_text.bytes +
                                                                      frame->offsets[i]));
    }
    struct batch batch = {
        .sample_count = (uint32_t)frame->count,
        .tag = store->journal_number,
        .times_ns = frame->times_ns,
        .values = frame->values,
        .type = VALUE_TEXT,
        .kind = ENTRY_COLLECTED,
        .origin = store_node(store),
    };
    enum status status = store_begin(store, wal_frame_bytes(&batch), error);
    if (status < 0) return status;
    frame->last_ticket = wal_add(store->wal, &batch, false);
    wal_raise_ceiling(store->wal, stamp_from_journal_ns(frame->times_ns[frame->count - 1]));
    for (size_t i = 0; lift && i < lift->count; i++) {
        struct frontier_tag *tag = frontier_table_tag(store->frontiers, lift->numbers[i]);
        ASSERT(tag); /* reserved */
        frontier_raise(tag, lift->time_ns);
    }
    store_end(store);
    frame->count = 0;
    buffer_clear(&store->journal_text);
    return STATUS_OK;
}

/* Whether the records and the text behind them are more than a frame should hold, or than the log
 * takes at once. */
static bool journal_frame_is_over(const struct journal_frame *frame)
{
    size_t bytes_max = store_append_bytes_max(frame->store);
    if (bytes_max > FRAME_TEXT_BYTES_MAX) bytes_max = FRAME_TEXT_BYTES_MAX;
    size_t text_bytes = frame->store->journal_text.size_bytes;
    return text_bytes + (frame->count + 1) * STORE_SAMPLE_BYTES > bytes_max;
}

/* Writes the records before the text at *begin, which moves to the front. */
static enum status journal_frame_make_room(struct journal_frame *frame, size_t *begin,
                                           struct error *error)
{
    struct buffer *text = &frame->store->journal_text;
    size_t bytes = text->size_bytes - *begin;
    enum status status = journal_frame_write(frame, NULL, error);
    if (status < 0) return status;
    memmove(text->bytes, text->bytes + *begin, bytes);
    text->size_bytes = bytes;
    *begin = 0;
    return STATUS_OK;
}

/* Adds a record, stamped now; record->sequence and chain are filled in. A record that cannot be
 * made leaves the journal as it was. */
static enum status journal_frame_add(struct journal_frame *frame, struct journal_record *record,
                                     uint64_t stamp, struct error *error)
{
    struct store *store = frame->store;
    struct buffer *text = &store->journal_text;
    size_t begin = text->size_bytes;
    record->sequence = store->journal_sequence + 1;
    record->chain = store->journal_chain;
    enum status status = buffer_add(text, NULL, sizeof(uint32_t), error);
    if (status == STATUS_OK) status = journal_write(text, record, error);
    size_t size = text->size_bytes - begin - sizeof(uint32_t);
    if (status == STATUS_OK && size > JOURNAL_RECORD_BYTES_MAX) {
        status = error_set(error, STATUS_TOO_LARGE, "journal record over %d bytes",
                           JOURNAL_RECORD_BYTES_MAX);
    }
    if (status < 0) {
        text->size_bytes = begin;
        return status;
    }
    if (frame->count > 0 && journal_frame_is_over(frame)) {
        status = journal_frame_make_room(frame, &begin, error);
        if (status < 0) return status;
    }
    uint32_t size_bytes = (uint32_t)size;
    memcpy(text->bytes + begin, &size_bytes, sizeof size_bytes);
    store->journal_sequence++;
    store->journal_chain = hash64(text->bytes + begin + sizeof(uint32_t), size);
    frame->times_ns[frame->count] = stamp_journal_ns(stamp);
    frame->offsets[frame->count++] = begin;
    status = buffer_align(text, 8, error);
    if (status < 0) return status;
    bool is_full = frame->count == FRAME_RECORDS_MAX;
    return is_full ? journal_frame_write(frame, NULL, error) : STATUS_OK;
}

/* Takes the journal: from here to journal_frame_close() nobody else writes to it. */
static enum status journal_frame_open(struct journal_frame **out_frame, struct store *store,
                                      struct error *error)
{
    struct journal_frame *frame = calloc(1, sizeof *frame);
    if (!frame) return error_set(error, STATUS_NO_MEMORY, "journal");
    frame->store = store;
    uv_mutex_lock(&store->journal_lock);
    const struct store_journal *own = store_journal_of(store, store->journal_number);
    /* Nothing is under way while the lock is free, so the fold knows the journal's end. */
    uv_mutex_lock(&store->head_lock);
    store->journal_sequence = own->position.sequence;
    store->journal_chain = own->position.chain;
    uv_mutex_unlock(&store->head_lock);
    buffer_clear(&store->journal_text);
    *out_frame = frame;
    return STATUS_OK;
}

/* Writes what is left, waits until all of it is folded, and gives the journal back. */
static enum status journal_frame_close(struct journal_frame *frame, enum status status,
                                       const struct frontier_lift *lift, struct error *error)
{
    struct store *store = frame->store;
    if (status == STATUS_OK) status = journal_frame_write(frame, lift, error);
    if (status == STATUS_OK) {
        status = wal_wait(store->wal, frame->last_ticket, error);
    } else if (frame->last_ticket != 0) {
        struct error ignored;
        (void)wal_wait(store->wal, frame->last_ticket, &ignored); /* the first failure counts */
    }
    uv_mutex_unlock(&store->journal_lock);
    free(frame);
    return status;
}

static int definition_order(const void *left, const void *right)
{
    const struct tag_definition *const *a = left;
    const struct tag_definition *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

/* Whether every definition is within limits and its name free, also among themselves. */
static enum status definitions_check(struct store *store, const struct tag_definition *definitions,
                                     size_t count, struct error *error)
{
    const struct tag_definition **order = malloc(count * sizeof *order);
    if (!order) return error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        uint32_t number;
        order[i] = &definitions[i];
        status = tag_definition_check(&definitions[i], error);
        if (status == STATUS_OK && definitions[i].name[0] == '$') {
            status = error_set(error, STATUS_BAD_INPUT,
                               "tag name \"%.100s\": names beginning with $ are the store's own",
                               definitions[i].name);
        }
        if (status < 0) break;
        if (catalog_find(store->catalog, definitions[i].name, &number) == STATUS_OK) {
            (void)snprintf(error->text, sizeof error->text, "tag \"%.200s\" exists already",
                           definitions[i].name);
            status = STATUS_EXISTS;
        }
    }
    if (status == STATUS_OK) {
        qsort(order, count, sizeof(const struct tag_definition *), definition_order);
        for (size_t i = 1; i < count; i++) {
            if (strcmp(order[i - 1]->name, order[i]->name) != 0) continue;
            status =
                error_set(error, STATUS_BAD_INPUT, "tag \"%.200s\" is there twice", order[i]->name);
            break;
        }
    }
    free(order);
    return status;
}

static enum status tags_identify(struct store *store, const struct tag_definition *definitions,
                                 size_t count, uint32_t *incarnations, uint32_t *out_numbers,
                                 struct error *error)
{
    struct identity *identities = malloc(count * sizeof *identities);
    if (!identities) return error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        status = catalog_incarnation(store->catalog, store->name_space, definitions[i].name,
                                     &incarnations[i]);
        ASSERT(status == STATUS_OK); /* the name is free */
        identities[i] = identity_of_tag(store->name_space, definitions[i].name, incarnations[i]);
    }
    status = identity_map_add(store->identities, identities, count, out_numbers, error);
    free(identities);
    return status;
}

static enum status tags_record(struct journal_frame *frame,
                               const struct tag_definition *definitions, size_t count,
                               uint32_t *out_numbers, struct error *error)
{
    struct store *store = frame->store;
    enum status status = definitions_check(store, definitions, count, error);
    if (status != STATUS_OK) return status;
    uint32_t *incarnations = malloc(count * sizeof *incarnations);
    if (!incarnations) return error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
    status = tags_identify(store, definitions, count, incarnations, out_numbers, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct journal_record record = {
            .kind = JOURNAL_TAG,
            .identity = identity_map_identity(store->identities, out_numbers[i]),
            .incarnation = incarnations[i],
            .path = definitions[i].name,
            .fields = TAG_FIELDS_ALL,
            .definition = definitions[i],
        };
        status = journal_frame_add(frame, &record, store_stamp(store), error);
    }
    free(incarnations);
    return status;
}

enum status store_tags_create(struct store *store, const struct tag_definition *definitions,
                              size_t count, uint32_t *out_numbers, struct error *error)
{
    if (count == 0) return STATUS_OK;
    struct journal_frame *frame;
    enum status status = journal_frame_open(&frame, store, error);
    if (status < 0) return status;
    status = tags_record(frame, definitions, count, out_numbers, error);
    return journal_frame_close(frame, status, NULL, error);
}

static enum status tag_change_record(struct journal_frame *frame, uint32_t number,
                                     const struct tag_definition *definition, unsigned fields,
                                     struct error *error)
{
    struct store *store = frame->store;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct tag_view view;
    enum status status = catalog_view(store->catalog, number, &arena, &view, error);
    if (status == STATUS_NOT_FOUND) {
        status = error_set(error, STATUS_BAD_INPUT, "there is no tag %u", number);
    }
    if (status == STATUS_OK) status = tag_definition_check(definition, error);
    uint32_t other;
    if (status == STATUS_OK && (fields & (1u << TAG_FIELD_NAME)) &&
        catalog_find(store->catalog, definition->name, &other) == STATUS_OK && other != number) {
        status =
            error_set(error, STATUS_BAD_INPUT, "tag \"%.200s\" exists already", definition->name);
    }
    if (status == STATUS_OK) {
        struct journal_record record = {
            .kind = JOURNAL_TAG,
            .identity = view.identity,
            .incarnation = view.incarnation,
            .path = view.path,
            .fields = fields,
            .definition = *definition,
        };
        status = journal_frame_add(frame, &record, store_stamp(store), error);
    }
    arena_finish(&arena);
    return status;
}

enum status store_tag_change(struct store *store, uint32_t number,
                             const struct tag_definition *definition, unsigned fields,
                             struct error *error)
{
    struct journal_frame *frame;
    enum status status = journal_frame_open(&frame, store, error);
    if (status < 0) return status;
    status = tag_change_record(frame, number, definition, fields, error);
    return journal_frame_close(frame, status, NULL, error);
}

/* Before the first record of a mask is written: its tags' frontiers may be too high afterwards, but
 * never too low (R1). */
static enum status mask_reserve(struct store *store, const uint32_t *numbers, size_t count,
                                struct error *error)
{
    enum status status = store_begin(store, 0, error);
    if (status < 0) return status;
    status = store_reserve_frontiers(store, numbers, count, error);
    store_end(store);
    return status;
}

static enum status mask_record(struct journal_frame *frame, const struct identity *identities,
                               const uint32_t *numbers, size_t count, struct journal_record *record,
                               struct error *error)
{
    struct store *store = frame->store;
    enum status status = mask_reserve(store, numbers, count, error);
    for (size_t first = 0; first < count && status == STATUS_OK; first += JOURNAL_MASK_TAGS_MAX) {
        size_t part = count - first;
        if (part > JOURNAL_MASK_TAGS_MAX) part = JOURNAL_MASK_TAGS_MAX;
        uint64_t stamp = store_stamp(store);
        if (first == 0) record->group.clock = stamp;
        record->identities = identities + first;
        record->identity_count = part;
        status = journal_frame_add(frame, record, stamp, error);
        struct frontier_lift lift = {numbers + first, part, record->to_ns};
        if (status == STATUS_OK) status = journal_frame_write(frame, &lift, error);
    }
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): a deletion is this many things */
enum status store_mask(struct store *store, const uint32_t *numbers, size_t count, int64_t from_ns,
                       int64_t to_ns, const char *user, const char *reason,
                       struct revision *out_group, struct error *error)
{
    int64_t now_ns = store->clock->wall_ns(store->clock);
    if (to_ns > now_ns) to_ns = now_ns;
    if (count == 0) return error_set(error, STATUS_BAD_INPUT, "no tags to delete from");
    if (from_ns >= to_ns) {
        return error_set(error, STATUS_BAD_INPUT,
                         "empty range (it ends at the latest now): nothing to delete");
    }
    struct identity *identities = malloc(count * sizeof *identities);
    if (!identities) return error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
    for (size_t i = 0; i < count; i++) {
        uint8_t type;
        if (catalog_type(store->catalog, numbers[i], &type) != STATUS_OK) {
            free(identities);
            return error_set(error, STATUS_BAD_INPUT, "there is no tag %u", numbers[i]);
        }
        identities[i] = identity_map_identity(store->identities, numbers[i]);
    }
    struct journal_frame *frame;
    enum status status = journal_frame_open(&frame, store, error);
    if (status == STATUS_OK) {
        struct journal_record record = {
            .kind = JOURNAL_MASK,
            .group = {.node = store_node(store), .generation = store_generation(store)},
            .from_ns = from_ns,
            .to_ns = to_ns,
            .user = user,
            .reason = reason,
        };
        status = mask_record(frame, identities, numbers, count, &record, error);
        status = journal_frame_close(frame, status, NULL, error);
        if (status == STATUS_OK) *out_group = record.group;
    }
    free(identities);
    return status;
}

enum status store_unmask(struct store *store, struct revision group, const char *user,
                         const char *reason, struct error *error)
{
    if (!catalog_has_mask_group(store->catalog, group)) return STATUS_NOT_FOUND;
    struct journal_frame *frame;
    enum status status = journal_frame_open(&frame, store, error);
    if (status < 0) return status;
    struct journal_record record = {
        .kind = JOURNAL_UNMASK, .group = group, .user = user, .reason = reason};
    status = journal_frame_add(frame, &record, store_stamp(store), error);
    return journal_frame_close(frame, status, NULL, error);
}
