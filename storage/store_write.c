/* The store's writing side: which revision a sample gets, and frames into the log. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/disk_names.h"
#include "storage/store_state.h"
#include "storage/wal_frame.h"

enum {
    COLUMN_FRAMES_MAX = 3,                                   /* late, in order, future */
    SCAN_FRAMES_MAX = 2,                                     /* in order, stamped */
    FRAME_ROOM_BYTES = sizeof(struct wal_frame_header) + 64, /* header, padding of columns */
};

static enum status batch_check(const struct batch *batch, struct error *error)
{
    if (batch->sample_count > STORE_BATCH_SAMPLES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "batch of %u samples, at most %d are allowed",
                         batch->sample_count, STORE_BATCH_SAMPLES_MAX);
    }
    for (size_t i = 0; i < batch->sample_count; i++) {
        if (!store_time_is_valid(batch_time_ns(batch, i))) {
            return error_set(error, STATUS_BAD_INPUT,
                             "sample %zu: time %" PRId64 " is outside the calendar", i,
                             batch_time_ns(batch, i));
        }
        uint8_t type = batch_type(batch, i);
        bool is_number = type != VALUE_TEXT;
        if (is_number && !value_is_valid(type, batch->values[i])) {
            return error_set(error, STATUS_BAD_INPUT, "sample %zu: value is no %s", i,
                             value_type_name(type));
        }
        if (!is_number && value_text(batch->values[i])->size_bytes > TEXT_VALUE_BYTES_MAX) {
            return error_set(error, STATUS_TOO_LARGE, "sample %zu: text over %d bytes", i,
                             TEXT_VALUE_BYTES_MAX);
        }
    }
    return STATUS_OK;
}

/* ---- One tag ---- */

static bool times_rise(const int64_t *times_ns, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (times_ns[i] <= times_ns[i - 1]) return false;
    }
    return true;
}

/* A batch whose times do not rise, put in order: of several samples at one time the last counts. */
struct sorted_batch {
    int64_t *times_ns;
    uint64_t *values;
    uint32_t *qualities; /* NULL when the batch has none */
    void *memory;        /* owned */
};

struct sample_place {
    int64_t time_ns;
    uint32_t index;
};

static int place_order(const void *left, const void *right)
{
    const struct sample_place *a = left;
    const struct sample_place *b = right;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static enum status sorted_batch_make(struct sorted_batch *sorted, struct batch *batch,
                                     struct error *error)
{
    size_t count = batch->sample_count;
    size_t row_bytes = sizeof(int64_t) + sizeof(uint64_t) + sizeof(uint32_t);
    struct sample_place *places = malloc(count * sizeof *places);
    sorted->memory = malloc(count * row_bytes);
    if (!places || !sorted->memory) {
        free(places);
        return error_set(error, STATUS_NO_MEMORY, "batch of %zu samples", count);
    }
    sorted->times_ns = sorted->memory;
    sorted->values = (uint64_t *)(sorted->times_ns + count);
    sorted->qualities = batch->qualities ? (uint32_t *)(sorted->values + count) : NULL;
    for (size_t i = 0; i < count; i++) {
        places[i] = (struct sample_place){batch->times_ns[i], (uint32_t)i};
    }
    qsort(places, count, sizeof *places, place_order);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && places[i + 1].time_ns == places[i].time_ns) continue;
        sorted->times_ns[kept] = places[i].time_ns;
        sorted->values[kept] = batch->values[places[i].index];
        if (sorted->qualities) sorted->qualities[kept] = batch->qualities[places[i].index];
        kept++;
    }
    free(places);
    batch->sample_count = (uint32_t)kept;
    batch->times_ns = sorted->times_ns;
    batch->values = sorted->values;
    batch->qualities = sorted->qualities;
    return STATUS_OK;
}

enum status store_begin(struct store *store, size_t bytes, struct error *error)
{
    enum status status;
    do {
        status = store_wait_for_room(store, error);
        if (status == STATUS_OK) status = wal_begin(store->wal, bytes, error);
    } while (status == STATUS_AGAIN); /* others took the room */
    return status;
}

void store_end(struct store *store)
{
    wal_end(store->wal);
    if (wal_is_near_cap(store->wal)) store_wake_keeper(store);
}

/* Adds the stretches of a rising batch, each with its revision. Under the log's lock. */
static uint64_t store_add_column(struct store *store, const struct batch *batch,
                                 struct frontier_tag *tag)
{
    int64_t now_ns = store->clock->wall_ns(store->clock);
    size_t count = batch->sample_count;
    struct frontier_cut cut = frontier_cut(tag, batch->times_ns, count, now_ns);
    uint64_t stamp = tag->late_clock;
    if (cut.late_needs_stamp) {
        stamp = store_stamp(store);
        wal_raise_ceiling(store->wal, stamp);
    }
    frontier_advance(tag, &cut, batch->times_ns, count, stamp);

    const size_t ends[3] = {cut.late_count, cut.late_count + cut.ordered_count, count};
    uint64_t sequence = 0;
    size_t first = 0;
    for (size_t part = 0; part < 3; part++) {
        if (ends[part] == first) continue;
        struct batch frame = batch_slice(batch, first, ends[part] - first);
        bool is_ordered = part == 1;
        frame.clock = is_ordered ? 0 : stamp;
        frame.generation = is_ordered ? 0 : store_generation(store);
        sequence = wal_add(store->wal, &frame, ends[part] < count);
        first = ends[part];
    }
    size_t stamped_count = count - cut.ordered_count;
    if (stamped_count > 0) {
        atomic_fetch_add_explicit(&store->late_count, stamped_count, memory_order_relaxed);
    }
    return sequence;
}

/* Bytes of a batch in at most three frames. */
static size_t column_bytes_max(const struct batch *batch)
{
    return wal_frame_bytes(batch) + (size_t)COLUMN_FRAMES_MAX * FRAME_ROOM_BYTES;
}

size_t store_append_bytes_max(const struct store *store)
{
    size_t header_bytes = (size_t)(1 + COLUMN_FRAMES_MAX) * FRAME_ROOM_BYTES;
    size_t bytes_max = wal_append_bytes_max(store->wal);
    ASSERT(bytes_max > header_bytes);
    return bytes_max - header_bytes;
}

static enum status store_append_column(struct store *store, struct batch *batch,
                                       uint64_t *out_ticket, struct error *error)
{
    enum status status = store_begin(store, column_bytes_max(batch), error);
    if (status < 0) return status;
    struct frontier_tag *tag = frontier_table_tag(store->frontiers, batch->tag);
    if (tag) {
        *out_ticket = store_add_column(store, batch, tag);
    } else {
        status = error_set(error, STATUS_NO_MEMORY, "frontiers");
    }
    store_end(store);
    if (status < 0) return status;
    atomic_fetch_add_explicit(&store->appended_count, batch->sample_count, memory_order_relaxed);
    return STATUS_OK;
}

enum status store_append(struct store *store, const struct batch *batch, uint64_t *out_ticket,
                         struct error *error)
{
    *out_ticket = 0;
    if (batch->sample_count == 0) return STATUS_OK;
    struct batch own = *batch;
    own.origin = store_node(store);
    own.kind = ENTRY_COLLECTED;
    if (catalog_type(store->catalog, batch->tag, &own.type) != STATUS_OK) {
        return error_set(error, STATUS_BAD_INPUT, "there is no tag %u", batch->tag);
    }
    enum status status = batch_check(&own, error);
    if (status < 0) return status;
    struct sorted_batch sorted = {0};
    if (!times_rise(own.times_ns, own.sample_count)) {
        status = sorted_batch_make(&sorted, &own, error);
    }
    if (status == STATUS_OK) status = store_append_column(store, &own, out_ticket, error);
    free(sorted.memory);
    return status;
}

/* ---- One value each of many tags ---- */

/* What cannot go into the one frame of a scan: late and future samples, a run of one each. */
struct scan_parts {
    uint32_t *tags; /* of the ordered ones first, the stamped ones from the end backwards */
    uint64_t *values;
    uint32_t *qualities; /* NULL when the scan has none */
    uint8_t *types;
    uint64_t *clocks; /* of the stamped ones */
    void *memory;     /* owned */
};

static enum status scan_parts_make(struct scan_parts *parts, const struct batch *batch,
                                   struct error *error)
{
    size_t count = batch->sample_count;
    size_t row_bytes = 2 * sizeof(uint64_t) + 2 * sizeof(uint32_t) + 1;
    parts->memory = malloc(count * row_bytes);
    if (!parts->memory) {
        return error_set(error, STATUS_NO_MEMORY, "scan of %zu values", count);
    }
    parts->values = parts->memory;
    parts->clocks = parts->values + count;
    parts->tags = (uint32_t *)(parts->clocks + count);
    parts->qualities = parts->tags + count;
    parts->types = (uint8_t *)(parts->qualities + count);
    if (!batch->qualities) parts->qualities = NULL;
    return STATUS_OK;
}

static void scan_parts_put(struct scan_parts *parts, size_t place, const struct batch *batch,
                           size_t index, uint64_t clock)
{
    parts->tags[place] = batch->tags[index];
    parts->values[place] = batch->values[index];
    if (parts->qualities) parts->qualities[place] = batch->qualities[index];
    parts->types[place] = batch->types[index];
    parts->clocks[place] = clock;
}

/* The stamp of one value: 0 when it comes in order. Advances the tag. */
static uint64_t scan_value_stamp(struct store *store, struct frontier_tag *tag, int64_t time_ns,
                                 int64_t now_ns, uint64_t *shared_stamp)
{
    if (frontier_take(tag, time_ns, now_ns)) return 0;
    struct frontier_cut cut = frontier_cut(tag, &time_ns, 1, now_ns);
    uint64_t stamp = tag->late_clock;
    if (cut.late_needs_stamp) {
        /* One stamp serves all of the scan: its cells are of different tags. A tag that is in it
         * twice needs another. */
        bool is_taken = *shared_stamp == 0 || tag->late_clock == *shared_stamp;
        if (is_taken) *shared_stamp = store_stamp(store);
        stamp = *shared_stamp;
    }
    frontier_advance(tag, &cut, &time_ns, 1, stamp);
    return cut.ordered_count > 0 ? 0 : stamp;
}

static bool types_are_equal(const uint8_t *types, size_t count)
{
    return count < 2 || memcmp(types, types + 1, count - 1) == 0;
}

static uint64_t store_add_scan_part(struct store *store, const struct batch *batch,
                                    const struct scan_parts *parts, size_t first, size_t count,
                                    bool stamped, bool more)
{
    struct batch frame = *batch;
    frame.sample_count = (uint32_t)count;
    frame.tags = parts->tags + first;
    frame.values = parts->values + first;
    frame.qualities = parts->qualities ? parts->qualities + first : NULL;
    frame.type = parts->types[first];
    frame.types = types_are_equal(parts->types + first, count) ? NULL : parts->types + first;
    frame.clocks = stamped ? parts->clocks + first : NULL;
    frame.generation = stamped ? store_generation(store) : 0;
    return wal_add(store->wal, &frame, more);
}

/* Under the log's lock. Frontiers exist: store_reserve_frontiers() made them. */
static uint64_t store_add_scan(struct store *store, const struct batch *batch,
                               struct scan_parts *parts)
{
    enum { AHEAD = 16 };
    int64_t now_ns = store->clock->wall_ns(store->clock);
    size_t count = batch->sample_count;
    size_t ordered_count = 0;
    size_t stamped_first = count;
    uint64_t shared_stamp = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            __builtin_prefetch(frontier_table_tag(store->frontiers, batch->tags[i + AHEAD]), 1);
        }
        struct frontier_tag *tag = frontier_table_tag(store->frontiers, batch->tags[i]);
        uint64_t stamp = scan_value_stamp(store, tag, batch->time_ns, now_ns, &shared_stamp);
        size_t place = stamp == 0 ? ordered_count++ : --stamped_first;
        scan_parts_put(parts, place, batch, i, stamp);
    }
    if (shared_stamp != 0) wal_raise_ceiling(store->wal, shared_stamp);

    uint64_t sequence = 0;
    size_t stamped_count = count - stamped_first;
    if (ordered_count > 0) {
        sequence =
            store_add_scan_part(store, batch, parts, 0, ordered_count, false, stamped_count > 0);
    }
    if (stamped_count > 0) {
        sequence =
            store_add_scan_part(store, batch, parts, stamped_first, stamped_count, true, false);
        atomic_fetch_add_explicit(&store->late_count, stamped_count, memory_order_relaxed);
    }
    return sequence;
}

enum status store_reserve_frontiers(struct store *store, const uint32_t *numbers, size_t count,
                                    struct error *error)
{
    uint32_t last = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        uint32_t page = numbers[i] / 4096;
        if (page == last) continue;
        last = page;
        if (!frontier_table_tag(store->frontiers, numbers[i])) {
            return error_set(error, STATUS_NO_MEMORY, "frontiers");
        }
    }
    return STATUS_OK;
}

enum status store_append_scan(struct store *store, const struct batch *batch, uint64_t *out_ticket,
                              struct error *error)
{
    *out_ticket = 0;
    if (batch->sample_count == 0) return STATUS_OK;
    struct batch own = *batch;
    own.origin = store_node(store);
    own.kind = ENTRY_COLLECTED;
    enum status status = batch_check(&own, error);
    if (status < 0) return status;
    /* Every value may have to carry its stamp. */
    size_t bytes = wal_frame_bytes(&own) + own.sample_count * sizeof(uint64_t) +
                   (size_t)SCAN_FRAMES_MAX * FRAME_ROOM_BYTES;
    if (bytes > wal_append_bytes_max(store->wal)) {
        return error_set(error, STATUS_TOO_LARGE,
                         "scan of %u values takes %zu bytes, the log takes at most %zu at once",
                         own.sample_count, bytes, wal_append_bytes_max(store->wal));
    }
    struct scan_parts parts;
    status = scan_parts_make(&parts, &own, error);
    if (status < 0) return status;
    status = store_begin(store, bytes, error);
    if (status == STATUS_OK) {
        status = store_reserve_frontiers(store, own.tags, own.sample_count, error);
        if (status == STATUS_OK) *out_ticket = store_add_scan(store, &own, &parts);
        store_end(store);
    }
    free(parts.memory);
    if (status < 0) return status;
    atomic_fetch_add_explicit(&store->appended_count, own.sample_count, memory_order_relaxed);
    return STATUS_OK;
}

enum status store_wait(struct store *store, uint64_t ticket, struct error *error)
{
    if (ticket > wal_last_sequence(store->wal)) {
        return error_set(error, STATUS_BAD_INPUT, "ticket %" PRIu64 " was never given out", ticket);
    }
    return wal_wait(store->wal, ticket, error);
}

enum status store_sync(struct store *store, struct error *error)
{
    return wal_commit(store->wal, error);
}

/* ---- Explicit entries ---- */

/* Raises *clock to that of the masks over the cell. */
static enum status store_mask_clock(struct store *store, uint32_t number, int64_t time_ns,
                                    uint64_t *clock, struct error *error)
{
    struct arena arena;
    const struct mask *masks;
    size_t count;
    arena_init(&arena, 64 << 20);
    enum status status = catalog_masks(store->catalog, number, time_ns, time_ns + 1, UINT64_MAX,
                                       &arena, &masks, &count, error);
    if (status == STATUS_OK) {
        struct revision mask = masks_over(masks, count, time_ns);
        if (mask.clock > *clock) *clock = mask.clock;
    }
    arena_finish(&arena);
    return status;
}

/* The greatest clock of any entry in the cell and of any mask over it. */
static enum status store_cell_clock(struct store *store, uint32_t number, int64_t time_ns,
                                    uint64_t *out_clock, struct error *error)
{
    struct store_range range = {
        .from_ns = time_ns, .to_ns = time_ns + 1, .as_of = UINT64_MAX, .history = true};
    struct cursor *cursor = NULL;
    enum status status = store_cursor(store, number, &range, &cursor, error);
    if (status < 0) return status;
    *out_clock = 0;
    struct batch batch;
    while ((status = cursor_next(cursor, &batch, error)) == STATUS_OK) {
        for (size_t i = 0; i < batch.sample_count; i++) {
            uint64_t clock = batch_entry(&batch, i).clock;
            if (clock > *out_clock) *out_clock = clock;
        }
    }
    cursor_close(cursor);
    return status < 0 ? status : store_mask_clock(store, number, time_ns, out_clock, error);
}

/* User, zero, reason, in one text. */
static enum status note_make(const char *user, const char *reason, struct text_value **out_note,
                             struct error *error)
{
    size_t user_bytes = user ? strlen(user) : 0;
    size_t reason_bytes = reason ? strlen(reason) : 0;
    *out_note = NULL;
    if (user_bytes + reason_bytes == 0) return STATUS_OK;
    if (user_bytes > TAG_NAME_BYTES_MAX || reason_bytes > TAG_TEXT_BYTES_MAX) {
        return error_set(error, STATUS_TOO_LARGE, "user over %d bytes or reason over %d",
                         TAG_NAME_BYTES_MAX, TAG_TEXT_BYTES_MAX);
    }
    struct text_value *note = malloc(text_value_bytes((uint32_t)(user_bytes + 1 + reason_bytes)));
    if (!note) return error_set(error, STATUS_NO_MEMORY, "note");
    note->size_bytes = (uint32_t)(user_bytes + 1 + reason_bytes);
    if (user) memcpy(note->bytes, user, user_bytes);
    note->bytes[user_bytes] = 0;
    if (reason) memcpy(note->bytes + user_bytes + 1, reason, reason_bytes);
    *out_note = note;
    return STATUS_OK;
}

static enum status store_add_explicit(struct store *store, struct batch *batch,
                                      uint64_t *out_ticket, struct error *error)
{
    uint64_t cell_clock;
    enum status status =
        store_cell_clock(store, batch->tag, batch->times_ns[0], &cell_clock, error);
    if (status < 0) return status;
    status = store_begin(store, wal_frame_bytes(batch), error);
    if (status < 0) return status;
    batch->clock = store_stamp(store);
    batch->generation = store_generation(store);
    wal_raise_ceiling(store->wal, batch->clock);
    /* Wins whatever a peer's clock said: its stamp may be far ahead of ours. That moves neither our
     * clock nor its ceiling. */
    if (batch->clock <= cell_clock) batch->clock = cell_clock + 1;
    struct frontier_tag *tag = frontier_table_tag(store->frontiers, batch->tag);
    if (tag) {
        frontier_raise(tag, batch->times_ns[0]);
        *out_ticket = wal_add(store->wal, batch, false);
    } else {
        status = error_set(error, STATUS_NO_MEMORY, "frontiers");
    }
    store_end(store);
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): a correction is this many things */
enum status store_append_explicit(struct store *store, uint32_t number, int64_t time_ns,
                                  enum entry_kind kind, uint64_t value, uint32_t quality,
                                  const char *user, const char *reason, struct error *error)
{
    ASSERT(kind == ENTRY_CORRECTION || kind == ENTRY_DELETION);
    bool is_deletion = kind == ENTRY_DELETION;
    uint64_t stored_value = is_deletion ? 0 : value;
    uint32_t stored_quality = is_deletion ? 0 : quality;
    struct text_value *note = NULL;
    enum status status = note_make(user, reason, &note, error);
    if (status < 0) return status;
    const struct text_value *borrowed = note;
    struct batch batch = {
        .sample_count = 1,
        .tag = number,
        .times_ns = &time_ns,
        .values = &stored_value,
        .qualities = &stored_quality,
        .kind = (uint8_t)kind,
        .origin = store_node(store),
        .notes = note ? &borrowed : NULL,
    };
    if (catalog_type(store->catalog, number, &batch.type) != STATUS_OK) {
        status = error_set(error, STATUS_BAD_INPUT, "there is no tag %u", number);
    } else if (!store_time_is_valid(time_ns)) {
        status =
            error_set(error, STATUS_BAD_INPUT, "time %" PRId64 " is outside the calendar", time_ns);
    } else if (!is_deletion) {
        status = batch_check(&batch, error);
    }
    if (status < 0) goto done;

    /* One at a time, and each after all that was appended before: it must find what it overrules. */
    uv_mutex_lock(&store->explicit_lock);
    status = wal_wait(store->wal, wal_last_sequence(store->wal), error);
    uint64_t ticket = 0;
    if (status == STATUS_OK) status = store_add_explicit(store, &batch, &ticket, error);
    if (status == STATUS_OK) status = wal_wait(store->wal, ticket, error);
    uv_mutex_unlock(&store->explicit_lock);
done:
    free(note);
    return status;
}
