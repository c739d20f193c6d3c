/* Aggregates of one tag: blocks that nothing overlaps answer with their statistics or are decoded
 * where they lie; the rest goes through cursors.
 *
 *   snapshot ─▶ extents of all places ─▶ plan ─▶ pieces ─▶ block or cursor ─▶ aggregation */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "storage/aggregate_plan.h"
#include "storage/base/assert.h"
#include "storage/block.h"
#include "storage/store_state.h"

enum { READ_BYTES_MAX = 256 << 10, TEXT_ROWS = 1024 };
#define ARENA_BYTES_MAX ((size_t)1 << 30)

/* What one segment has of the tag. */
struct block_list {
    struct segment *segment;
    const struct block_descriptor *descriptors; /* of main blocks; in the arena */
    struct mixed_source mixed;                  /* loaded, where there is an extent of it */
};

struct aggregating {
    struct store *store;
    uint32_t number;
    uint64_t as_of;
    struct identity identity;
    struct snapshot *snapshot; /* owned reference */
    struct aggregation aggregation;
    uint64_t poured_count;
    const struct mask *masks; /* in the arena */
    size_t mask_count;
    struct arena arena;    /* lists, masks, descriptors */
    struct buffer extents; /* struct extent */
    struct block_list *lists;
    struct segment_bytes blocks;
    struct arena decoded;
};

/* ---- Where there are samples ---- */

static enum status add_extent(struct aggregating *aggregating, const struct extent *extent,
                              struct error *error)
{
    return buffer_add(&aggregating->extents, extent, sizeof *extent, error);
}

/* What lies in a batch, which only a merge may hand out. */
static enum status add_batch_extent(struct aggregating *aggregating, const struct batch *batch,
                                    struct error *error)
{
    struct extent extent = {.first_ns = batch_time_ns(batch, 0),
                            .last_ns = batch_time_ns(batch, batch->sample_count - 1)};
    return add_extent(aggregating, &extent, error);
}

static enum status add_head_extents(struct aggregating *aggregating, const struct head *head,
                                    struct error *error)
{
    const struct aggregation_rules *rules = &aggregating->aggregation.rules;
    struct head_run run = head_run(head, aggregating->number);
    struct batch batch;
    while (head_run_next(&run, &batch) == STATUS_OK) {
        enum status status = add_batch_extent(aggregating, &batch, error);
        if (status < 0) return status;
    }
    struct head_entry *entries;
    size_t count;
    enum status status = head_bag(head, aggregating->number, rules->from_ns, rules->to_ns,
                                  &aggregating->arena, &entries, &count, error);
    if (status < 0 || count == 0) return status;
    struct extent extent = {.first_ns = entries[0].time_ns, .last_ns = entries[count - 1].time_ns};
    return add_extent(aggregating, &extent, error);
}

/* History lies under main blocks: that they overlap is what makes a merge of them. */
static enum status add_block_extents(struct aggregating *aggregating, uint32_t source,
                                     enum block_kind kind, struct error *error)
{
    const struct aggregation_rules *rules = &aggregating->aggregation.rules;
    struct block_list *list = &aggregating->lists[source];
    struct segment_index_entry entry;
    enum status status = segment_find(list->segment, aggregating->identity, kind, &entry, error);
    if (status == STATUS_NOT_FOUND) return STATUS_OK;
    if (status < 0) return status;
    const struct block_descriptor *descriptors;
    size_t count;
    status = segment_descriptors(list->segment, &entry, rules->from_ns, rules->to_ns,
                                 &aggregating->arena, &descriptors, &count, error);
    if (kind == BLOCK_MAIN) list->descriptors = descriptors;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct extent extent = {
            .first_ns = descriptors[i].first_time_ns,
            .last_ns = descriptors[i].last_time_ns,
            .is_plain = kind == BLOCK_MAIN,
            .source = source,
            .index = (uint32_t)i,
        };
        status = add_extent(aggregating, &extent, error);
    }
    return status;
}

static enum status add_mixed_extent(struct aggregating *aggregating, uint32_t source,
                                    struct error *error)
{
    const struct aggregation_rules *rules = &aggregating->aggregation.rules;
    struct block_list *list = &aggregating->lists[source];
    mixed_source_init(&list->mixed);
    enum status status = mixed_source_open(&list->mixed, list->segment, aggregating->identity,
                                           rules->from_ns, rules->to_ns, error);
    if (status != STATUS_OK) return status < 0 ? status : STATUS_OK;
    const struct batch *batch = &list->mixed.source.batch;
    struct extent extent = {
        .first_ns = source_time_ns(&list->mixed.source),
        .last_ns = batch->times_ns[batch->sample_count - 1],
        .is_plain = true,
        .is_mixed = true,
        .source = source,
    };
    return add_extent(aggregating, &extent, error);
}

static enum status add_segment_extents(struct aggregating *aggregating, struct error *error)
{
    const struct aggregation_rules *rules = &aggregating->aggregation.rules;
    const struct snapshot *snapshot = aggregating->snapshot;
    aggregating->lists =
        arena_take(&aggregating->arena, (snapshot->segment_count + 1) * sizeof(struct block_list));
    if (!aggregating->lists) return error_set(error, STATUS_NO_MEMORY, "aggregate");
    for (uint32_t i = 0; i < snapshot->segment_count; i++) {
        struct segment *segment = snapshot->segments[i];
        const struct segment_footer *footer = segment_footer(segment);
        if (footer->last_time_ns < rules->from_ns || footer->first_time_ns >= rules->to_ns) {
            continue;
        }
        aggregating->lists[i].segment = segment;
        enum status status = add_block_extents(aggregating, i, BLOCK_MAIN, error);
        if (status == STATUS_OK) {
            status = add_block_extents(aggregating, i, BLOCK_HISTORY, error);
        }
        if (status == STATUS_OK) status = add_mixed_extent(aggregating, i, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

/* ---- Pouring ---- */

/* Texts count, but as numbers they are nothing. */
static void pour_texts(struct aggregation *aggregation, const struct batch *batch)
{
    uint64_t values[TEXT_ROWS];
    double nothing = NAN;
    for (size_t i = 0; i < TEXT_ROWS; i++) memcpy(&values[i], &nothing, sizeof values[i]);
    for (size_t first = 0; first < batch->sample_count; first += TEXT_ROWS) {
        size_t left = batch->sample_count - first;
        struct batch rows = batch_slice(batch, first, left < TEXT_ROWS ? left : TEXT_ROWS);
        rows.type = VALUE_F64;
        rows.values = values;
        aggregation_add(aggregation, &rows);
    }
}

static void pour(struct aggregating *aggregating, const struct batch *batch)
{
    aggregating->poured_count += batch->sample_count;
    if (batch->type == VALUE_TEXT) {
        pour_texts(&aggregating->aggregation, batch);
    } else {
        aggregation_add(&aggregating->aggregation, batch);
    }
}

static enum status aggregating_cursor(const struct aggregating *aggregating, int64_t from_ns,
                                      int64_t to_ns, struct cursor **out_cursor,
                                      struct error *error)
{
    struct cursor_options options = {
        .tag = aggregating->number,
        .identity = aggregating->identity,
        .from_ns = from_ns,
        .to_ns = to_ns,
        .as_of = aggregating->as_of,
        .masks = aggregating->masks,
        .mask_count = aggregating->mask_count,
    };
    return cursor_open(out_cursor, aggregating->snapshot, &options, error);
}

static enum status pour_merged(struct aggregating *aggregating, int64_t from_ns, int64_t to_ns,
                               struct error *error)
{
    struct cursor *cursor;
    enum status status = aggregating_cursor(aggregating, from_ns, to_ns, &cursor, error);
    if (status < 0) return status;
    struct batch batch;
    while ((status = cursor_next(cursor, &batch, error)) == STATUS_OK) {
        pour(aggregating, &batch);
    }
    cursor_close(cursor);
    return status < 0 ? status : STATUS_OK;
}

/* How many of the blocks from this piece on lie side by side and must be read, in one read. */
static size_t pieces_to_read(const struct aggregating *aggregating,
                             const struct aggregate_piece *pieces, size_t count)
{
    const struct extent *first = pieces[0].block;
    const struct block_descriptor *descriptors = aggregating->lists[first->source].descriptors;
    size_t bytes = descriptors[first->index].block_bytes;
    size_t taken = 1;
    for (; taken < count; taken++) {
        const struct extent *next = pieces[taken].block;
        if (!next || next->is_mixed || next->source != first->source ||
            next->index != first->index + taken)
            break;
        if (aggregation_takes_block(&aggregating->aggregation, &descriptors[next->index])) break;
        bytes += descriptors[next->index].block_bytes;
        if (bytes > READ_BYTES_MAX) break;
    }
    return taken;
}

/* What is left of a loaded batch. */
static void pour_rest(struct aggregating *aggregating, const struct source *source)
{
    struct batch rows =
        batch_slice(&source->batch, source->next, source->batch.sample_count - source->next);
    pour(aggregating, &rows);
}

static enum status pour_blocks(struct aggregating *aggregating, const struct extent *first,
                               size_t count, struct error *error)
{
    const struct aggregation_rules *rules = &aggregating->aggregation.rules;
    struct segment *segment = aggregating->lists[first->source].segment;
    const struct block_descriptor *descriptors =
        &aggregating->lists[first->source].descriptors[first->index];
    const uint8_t *bytes;
    size_t bad;
    enum status status =
        segment_read_blocks(segment, descriptors, count, &aggregating->blocks, &bytes, &bad, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct source source = {0};
        arena_reset(&aggregating->decoded);
        status = block_decode(bytes + (descriptors[i].offset - descriptors[0].offset),
                              descriptors[i].block_bytes, &aggregating->decoded, &source.batch);
        if (status < 0) {
            return error_set(error, status, "%s: block at %" PRIu64 " cannot be decoded",
                             segment_path(segment), descriptors[i].offset);
        }
        if (source_trim(&source, rules->from_ns, rules->to_ns)) pour_rest(aggregating, &source);
    }
    return status;
}

/* The first pieces; *out_taken of them. */
static enum status pour_piece(struct aggregating *aggregating, const struct aggregate_piece *pieces,
                              size_t count, size_t *out_taken, struct error *error)
{
    const struct aggregation_rules *rules = &aggregating->aggregation.rules;
    const struct extent *block = pieces[0].block;
    *out_taken = 1;
    if (!block) {
        int64_t from_ns = pieces->first_ns > rules->from_ns ? pieces->first_ns : rules->from_ns;
        int64_t to_ns = pieces->last_ns < rules->to_ns ? pieces->last_ns + 1 : rules->to_ns;
        if (from_ns >= to_ns) return STATUS_OK;
        return pour_merged(aggregating, from_ns, to_ns, error);
    }
    const struct block_list *list = &aggregating->lists[block->source];
    if (block->is_mixed) {
        pour_rest(aggregating, &list->mixed.source);
        return STATUS_OK;
    }
    const struct block_descriptor *descriptor = &list->descriptors[block->index];
    if (aggregation_takes_block(&aggregating->aggregation, descriptor)) {
        aggregation_add_block(&aggregating->aggregation, descriptor);
        return STATUS_OK;
    }
    *out_taken = pieces_to_read(aggregating, pieces, count);
    return pour_blocks(aggregating, block, *out_taken, error);
}

static enum status pour_pieces(struct aggregating *aggregating,
                               const struct aggregate_piece *pieces, size_t count,
                               struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0, taken; i < count && status == STATUS_OK; i += taken) {
        status = pour_piece(aggregating, &pieces[i], count - i, &taken, error);
    }
    return status;
}

/* The line comes from the last sample before the range and goes on to the first behind it. */
static enum status pour_before(struct aggregating *aggregating, struct error *error)
{
    const struct aggregation_rules *rules = &aggregating->aggregation.rules;
    int64_t before_ns = rules->from_ns;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && before_ns > INT64_MIN) {
        int64_t floor_ns;
        status = cursor_floor_ns(aggregating->snapshot, aggregating->number, aggregating->identity,
                                 before_ns - 1, &floor_ns, error);
        if (status < 0 || floor_ns == INT64_MIN) return status;
        status = pour_merged(aggregating, floor_ns, before_ns, error);
        if (aggregating->poured_count > 0) return status; /* else all of it was hidden */
        before_ns = floor_ns;
    }
    return status;
}

static enum status pour_behind(struct aggregating *aggregating, struct error *error)
{
    const struct aggregation *aggregation = &aggregating->aggregation;
    if (!aggregation->has_line || aggregation->rules.to_ns == INT64_MAX) return STATUS_OK;
    struct cursor *cursor;
    enum status status =
        aggregating_cursor(aggregating, aggregation->rules.to_ns, INT64_MAX, &cursor, error);
    if (status < 0) return status;
    struct batch batch;
    status = cursor_next(cursor, &batch, error);
    if (status == STATUS_OK) {
        struct batch first = batch_slice(&batch, 0, 1);
        pour(aggregating, &first);
    }
    cursor_close(cursor);
    return status < 0 ? status : STATUS_OK;
}

/* ---- The whole ---- */

static enum status aggregating_run(struct aggregating *aggregating, struct error *error)
{
    enum status status = add_head_extents(aggregating, aggregating->snapshot->active, error);
    if (status == STATUS_OK && aggregating->snapshot->flushing) {
        status = add_head_extents(aggregating, aggregating->snapshot->flushing, error);
    }
    if (status == STATUS_OK) status = add_segment_extents(aggregating, error);
    if (status < 0) return status;

    size_t count = aggregating->extents.size_bytes / sizeof(struct extent);
    struct aggregate_piece *pieces =
        arena_take_raw(&aggregating->arena, (count + 1) * sizeof *pieces);
    if (!pieces) return error_set(error, STATUS_NO_MEMORY, "plan of %zu blocks", count);
    size_t piece_count = aggregate_plan((struct extent *)(void *)aggregating->extents.bytes, count,
                                        aggregating->masks, aggregating->mask_count, pieces);
    bool has_integral = aggregating->aggregation.rules.has_integral;
    if (has_integral) status = pour_before(aggregating, error);
    if (status == STATUS_OK) status = pour_pieces(aggregating, pieces, piece_count, error);
    if (status == STATUS_OK && has_integral) status = pour_behind(aggregating, error);
    return status;
}

enum status store_aggregate(struct store *store, uint32_t number,
                            const struct aggregation_rules *rules, uint64_t as_of,
                            struct bucket *buckets, struct error *error)
{
    if (number >= identity_map_count(store->identities)) {
        return error_set(error, STATUS_BAD_INPUT, "there is no tag %u", number);
    }
    struct tag_line line = catalog_line(store->catalog, number);
    struct aggregation_rules own = *rules;
    own.is_stepped = line.is_stepped;
    own.max_gap_ns = line.max_gap_ns;
    struct aggregating aggregating = {
        .store = store,
        .number = number,
        .as_of = as_of,
        .identity = identity_map_identity(store->identities, number),
    };
    aggregation_init(&aggregating.aggregation, &own, buckets);
    arena_init(&aggregating.arena, ARENA_BYTES_MAX);
    arena_init(&aggregating.decoded, ARENA_BYTES_MAX);
    buffer_init(&aggregating.extents, ARENA_BYTES_MAX);
    segment_bytes_init(&aggregating.blocks);
    /* Masks before the snapshot, as a cursor takes them; all of them, for what lies outside of the
     * range lends its ends to the line. */
    enum status status =
        catalog_masks(store->catalog, number, INT64_MIN, INT64_MAX, as_of, &aggregating.arena,
                      &aggregating.masks, &aggregating.mask_count, error);
    if (status == STATUS_OK) {
        aggregating.snapshot = store_snapshot(store);
        status = aggregating_run(&aggregating, error);
        for (size_t i = 0; aggregating.lists && i < aggregating.snapshot->segment_count; i++) {
            mixed_source_finish(&aggregating.lists[i].mixed);
        }
        snapshot_unref(aggregating.snapshot);
    }
    arena_finish(&aggregating.arena);
    arena_finish(&aggregating.decoded);
    buffer_finish(&aggregating.extents);
    segment_bytes_finish(&aggregating.blocks);
    return status;
}
