#include "storage/head.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"

enum {
    PAGE_SLOTS = 1024,
    PAGES_MAX = TAG_COUNT_MAX / PAGE_SLOTS,
    CHUNK_SAMPLES_MIN = 16,
    CHUNK_SAMPLES_STEP_MAX = 512,
    BAG_ENTRIES_MIN = 4,
    BAG_ENTRIES_MAX = 1024,
};

/* Samples that share everything but time, value and, where it is kept, quality. The columns
 * follow: times, values, qualities. */
struct head_chunk {
    struct head_chunk *next; /* written before the slot's count passes this chunk */
    uint64_t clock;
    uint64_t origin;
    uint32_t generation;
    uint32_t first_index; /* of its first sample in the run */
    uint16_t capacity;
    _Atomic uint16_t used; /* final once a later chunk's samples are published */
    uint8_t type;
    bool has_quality;
};

struct head_bag_node {
    struct head_bag_node *next;
    uint32_t capacity;
    uint32_t used; /* writer only */
    struct head_entry entries[];
};

struct head_bag {
    struct head_bag_node *first;
    struct head_bag_node *last; /* writer only */
    size_t filled;              /* writer only: published or not */
    atomic_size_t count;
};

struct head_slot {
    struct head_chunk *first;          /* written before count becomes 1 */
    _Atomic(struct head_chunk *) last; /* may be ahead of the count */
    atomic_uint_fast32_t count;
    uint32_t filled; /* writer only: in the run, published or not */
    int64_t last_time_ns;
    _Atomic(struct head_bag *) bag;
    atomic_uint_fast64_t sequence; /* of the last batch; stored before the counts */
};

struct head_slab {
    struct head_slab *older;
    bool is_pooled; /* else of a size of its own */
};

struct head {
    atomic_uint references;
    struct slab_pool *pool;  /* borrowed */
    struct head_slab *slabs; /* owned; writer only */
    char *next;              /* free room in the newest slab */
    char *end;
    atomic_uint_fast64_t bytes;
    atomic_uint_fast64_t sample_count;
    atomic_uint_fast64_t first_sequence;
    atomic_uint_fast64_t last_sequence;
    _Atomic(struct head_slot *) pages[PAGES_MAX];
};

struct head *head_create(struct slab_pool *pool)
{
    struct head *head = calloc(1, sizeof *head);
    if (!head) return NULL;
    head->pool = pool;
    atomic_store_explicit(&head->references, 1, memory_order_relaxed);
    atomic_store_explicit(&head->bytes, sizeof *head, memory_order_relaxed);
    return head;
}

struct head *head_ref(struct head *head)
{
    atomic_fetch_add_explicit(&head->references, 1, memory_order_relaxed);
    return head;
}

void head_unref(struct head *head)
{
    if (!head) return;
    if (atomic_fetch_sub_explicit(&head->references, 1, memory_order_acq_rel) != 1) return;
    while (head->slabs) {
        struct head_slab *slab = head->slabs;
        head->slabs = slab->older;
        if (slab->is_pooled) {
            slab_pool_give(head->pool, slab);
        } else {
            free(slab);
        }
    }
    free(head);
}

uint64_t head_bytes(const struct head *head)
{
    return atomic_load_explicit(&head->bytes, memory_order_relaxed);
}

uint64_t head_sample_count(const struct head *head)
{
    return atomic_load_explicit(&head->sample_count, memory_order_relaxed);
}

uint64_t head_first_sequence(const struct head *head)
{
    return atomic_load_explicit(&head->first_sequence, memory_order_relaxed);
}

uint64_t head_last_sequence(const struct head *head)
{
    return atomic_load_explicit(&head->last_sequence, memory_order_relaxed);
}

/* Room that lives as long as the head, aligned to 8; not zeroed. */
static void *head_take(struct head *head, size_t size_bytes)
{
    size_bytes = (size_bytes + 7) / 8 * 8;
    if (size_bytes > (size_t)(head->end - head->next)) {
        size_t slab_bytes = sizeof(struct head_slab) + size_bytes;
        bool is_pooled = slab_bytes <= head->pool->slab_bytes;
        if (is_pooled) slab_bytes = head->pool->slab_bytes;
        struct head_slab *slab = is_pooled ? slab_pool_take(head->pool) : slab_take(slab_bytes);
        if (!slab) return NULL;
        *slab = (struct head_slab){.older = head->slabs, .is_pooled = is_pooled};
        head->slabs = slab;
        head->next = (char *)(slab + 1);
        head->end = (char *)slab + slab_bytes;
        atomic_fetch_add_explicit(&head->bytes, slab_bytes, memory_order_relaxed);
    }
    void *taken = head->next;
    head->next += size_bytes;
    return taken;
}

static const struct head_slot *head_slot_find(const struct head *head, uint32_t tag)
{
    ASSERT(tag < TAG_COUNT_MAX);
    const struct head_slot *page =
        atomic_load_explicit(&head->pages[tag / PAGE_SLOTS], memory_order_acquire);
    return page ? &page[tag % PAGE_SLOTS] : NULL;
}

static struct head_slot *head_slot_make(struct head *head, uint32_t tag)
{
    ASSERT(tag < TAG_COUNT_MAX);
    struct head_slot *page =
        atomic_load_explicit(&head->pages[tag / PAGE_SLOTS], memory_order_relaxed);
    if (!page) {
        page = head_take(head, PAGE_SLOTS * sizeof *page);
        if (!page) return NULL;
        memset(page, 0, PAGE_SLOTS * sizeof *page);
        atomic_store_explicit(&head->pages[tag / PAGE_SLOTS], page, memory_order_release);
    }
    return &page[tag % PAGE_SLOTS];
}

static int64_t *chunk_times(const struct head_chunk *chunk)
{
    return (int64_t *)(uintptr_t)(chunk + 1); /* NOLINT(performance-no-int-to-ptr) */
}

static uint64_t *chunk_values(const struct head_chunk *chunk)
{
    return (uint64_t *)(chunk_times(chunk) + chunk->capacity);
}

static uint32_t *chunk_qualities(const struct head_chunk *chunk)
{
    return (uint32_t *)(chunk_values(chunk) + chunk->capacity);
}

static size_t chunk_used(const struct head_chunk *chunk)
{
    return atomic_load_explicit(&chunk->used, memory_order_relaxed);
}

static void chunk_extend(struct head_chunk *chunk, size_t count)
{
    uint16_t used = (uint16_t)(chunk_used(chunk) + count);
    atomic_store_explicit(&chunk->used, used, memory_order_relaxed);
}

/* The writer's view: of what it stored itself. */
static struct head_chunk *slot_last(const struct head_slot *slot)
{
    return atomic_load_explicit(&slot->last, memory_order_relaxed);
}

/* Whether samples with these properties may go on in the chunk. */
static bool chunk_suits(const struct head_chunk *chunk, const struct entry *entry)
{
    return chunk && chunk_used(chunk) < chunk->capacity && chunk->clock == entry->clock &&
           chunk->type == entry->type && chunk->origin == entry->origin &&
           chunk->generation == entry->generation && (entry->quality == 0 || chunk->has_quality);
}

/* Chunks grow with what the tag already holds, so that at most a third of them stands empty. */
static struct head_chunk *slot_add_chunk(struct head *head, struct head_slot *slot,
                                         const struct entry *entry, size_t wanted)
{
    size_t capacity = CHUNK_SAMPLES_MIN;
    while (capacity * 4 <= slot->filled && capacity < CHUNK_SAMPLES_STEP_MAX) capacity *= 2;
    if (capacity < wanted) capacity = wanted;
    if (capacity > UINT16_MAX) capacity = UINT16_MAX;
    bool has_quality = entry->quality != 0;
    size_t sample_bytes = sizeof(int64_t) + sizeof(uint64_t) + (has_quality ? 4 : 0);
    struct head_chunk *chunk = head_take(head, sizeof *chunk + capacity * sample_bytes);
    if (!chunk) return NULL;
    *chunk = (struct head_chunk){
        .clock = entry->clock,
        .origin = entry->origin,
        .generation = entry->generation,
        .first_index = slot->filled,
        .capacity = (uint16_t)capacity,
        .type = entry->type,
        .has_quality = has_quality,
    };
    /* The chunk before may keep empty room: its samples end where it was left. */
    struct head_chunk *last = slot_last(slot);
    if (last) {
        last->next = chunk;
    } else {
        slot->first = chunk;
    }
    atomic_store_explicit(&slot->last, chunk, memory_order_release);
    return chunk;
}

static enum status slot_add_to_bag(struct head *head, struct head_slot *slot, int64_t time_ns,
                                   const struct entry *entry)
{
    struct head_bag *bag = atomic_load_explicit(&slot->bag, memory_order_relaxed);
    if (!bag) {
        bag = head_take(head, sizeof *bag);
        if (!bag) return STATUS_NO_MEMORY;
        *bag = (struct head_bag){0};
        atomic_store_explicit(&slot->bag, bag, memory_order_release);
    }
    struct head_bag_node *node = bag->last;
    if (!node || node->used == node->capacity) {
        uint32_t capacity = node ? node->capacity * 2 : BAG_ENTRIES_MIN;
        if (capacity > BAG_ENTRIES_MAX) capacity = BAG_ENTRIES_MAX;
        struct head_bag_node *added =
            head_take(head, sizeof *added + capacity * sizeof added->entries[0]);
        if (!added) return STATUS_NO_MEMORY;
        *added = (struct head_bag_node){.capacity = capacity};
        if (node) {
            node->next = added;
        } else {
            bag->first = added;
        }
        bag->last = added;
        node = added;
    }
    node->entries[node->used++] = (struct head_entry){.time_ns = time_ns, .entry = *entry};
    bag->filled++;
    return STATUS_OK;
}

static const struct text_value *head_copy_text(struct head *head, const struct text_value *text)
{
    size_t bytes = text_value_bytes(text->size_bytes);
    struct text_value *copy = head_take(head, bytes);
    return copy ? memcpy(copy, text, sizeof *text + text->size_bytes) : NULL;
}

/* Texts move into the head. */
static enum status entry_settle(struct head *head, struct entry *entry)
{
    if (entry->type == VALUE_TEXT && entry->kind != ENTRY_DELETION) {
        const struct text_value *copy = head_copy_text(head, value_text(entry->value));
        if (!copy) return STATUS_NO_MEMORY;
        entry->value = value_from_text(copy);
    }
    if (entry->note) {
        entry->note = head_copy_text(head, entry->note);
        if (!entry->note) return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

/* One sample; the caller publishes the run's count. */
static enum status slot_add(struct head *head, struct head_slot *slot, int64_t time_ns,
                            struct entry *entry, size_t wanted)
{
    if (entry->type == VALUE_TEXT || entry->note) {
        enum status status = entry_settle(head, entry);
        if (status < 0) return status;
    }
    bool in_order = slot->filled == 0 || time_ns > slot->last_time_ns;
    if (entry->kind != ENTRY_COLLECTED || !in_order) {
        return slot_add_to_bag(head, slot, time_ns, entry);
    }
    struct head_chunk *chunk = slot_last(slot);
    if (!chunk_suits(chunk, entry)) {
        chunk = slot_add_chunk(head, slot, entry, wanted);
        if (!chunk) return STATUS_NO_MEMORY;
    }
    size_t index = chunk_used(chunk);
    chunk_times(chunk)[index] = time_ns;
    chunk_values(chunk)[index] = entry->value;
    if (chunk->has_quality) chunk_qualities(chunk)[index] = entry->quality;
    chunk_extend(chunk, 1);
    slot->filled++;
    slot->last_time_ns = time_ns;
    return STATUS_OK;
}

/* How many samples from first on go into one chunk as they are: in order, same in all but time,
 * value and quality. */
static size_t batch_run_count(const struct batch *batch, size_t first)
{
    if (batch->kinds || batch->clocks || batch->generations || batch->origins || batch->types ||
        batch->notes || batch->type == VALUE_TEXT || batch->kind != ENTRY_COLLECTED ||
        !batch->times_ns) {
        return 1;
    }
    size_t end = first + 1;
    while (end < batch->sample_count && batch->times_ns[end] > batch->times_ns[end - 1]) end++;
    return end - first;
}

/* The fast path of a column batch: whole stretches are copied. */
static enum status slot_add_stretch(struct head *head, struct head_slot *slot,
                                    const struct batch *batch, size_t first, size_t count)
{
    struct entry entry = batch_entry(batch, first);
    bool any_quality = batch->qualities != NULL;
    size_t done = 0;
    while (done < count) {
        entry.quality = any_quality ? 1 : 0; /* stands for "keeps qualities" */
        struct head_chunk *chunk = slot_last(slot);
        if (!chunk_suits(chunk, &entry)) chunk = slot_add_chunk(head, slot, &entry, count - done);
        if (!chunk) return STATUS_NO_MEMORY;
        size_t index = chunk_used(chunk);
        size_t part = chunk->capacity - index;
        if (part > count - done) part = count - done;
        size_t from = first + done;
        memcpy(chunk_times(chunk) + index, batch->times_ns + from, part * sizeof(int64_t));
        memcpy(chunk_values(chunk) + index, batch->values + from, part * sizeof(uint64_t));
        if (chunk->has_quality && any_quality) {
            memcpy(chunk_qualities(chunk) + index, batch->qualities + from,
                   part * sizeof(uint32_t));
        } else if (chunk->has_quality) {
            memset(chunk_qualities(chunk) + index, 0, part * sizeof(uint32_t));
        }
        chunk_extend(chunk, part);
        slot->filled += (uint32_t)part;
        done += part;
    }
    slot->last_time_ns = batch->times_ns[first + count - 1];
    return STATUS_OK;
}

static void slot_publish(struct head_slot *slot, uint64_t sequence)
{
    atomic_store_explicit(&slot->sequence, sequence, memory_order_relaxed);
    atomic_store_explicit(&slot->count, slot->filled, memory_order_release); /* H1, H2 */
    struct head_bag *bag = atomic_load_explicit(&slot->bag, memory_order_relaxed);
    if (bag) atomic_store_explicit(&bag->count, bag->filled, memory_order_release);
}

static enum status head_apply_column(struct head *head, const struct batch *batch,
                                     uint64_t sequence)
{
    struct head_slot *slot = head_slot_make(head, batch->tag);
    if (!slot) return STATUS_NO_MEMORY;
    size_t first = 0;
    while (first < batch->sample_count) {
        /* A late sample is taken alone; to look how long its stretch is, each time, would cost the
         * square of it. */
        bool in_order = slot->filled == 0 || batch_time_ns(batch, first) > slot->last_time_ns;
        size_t count = in_order ? batch_run_count(batch, first) : 1;
        enum status status;
        if (count > 1) {
            status = slot_add_stretch(head, slot, batch, first, count);
        } else {
            struct entry entry = batch_entry(batch, first);
            status = slot_add(head, slot, batch_time_ns(batch, first), &entry, 0);
        }
        if (status < 0) return status;
        first += count;
    }
    slot_publish(slot, sequence);
    return STATUS_OK;
}

/* Scans touch a cache line or two a tag: fetch them ahead. */
static void head_prefetch_end(const struct head *head, uint32_t tag, bool deep)
{
    const struct head_slot *page =
        atomic_load_explicit(&head->pages[tag / PAGE_SLOTS], memory_order_relaxed);
    if (!page) return;
    const struct head_slot *slot = &page[tag % PAGE_SLOTS];
    __builtin_prefetch(slot, 1);
    const struct head_chunk *last = slot_last(slot);
    if (deep && last) {
        __builtin_prefetch(last, 1);
        __builtin_prefetch(chunk_times(last) + chunk_used(last), 1);
    }
}

static enum status head_apply_scan(struct head *head, const struct batch *batch, uint64_t sequence)
{
    enum { NEAR = 8, FAR = 24 };
    for (size_t i = 0; i < batch->sample_count; i++) {
        if (i + FAR < batch->sample_count) head_prefetch_end(head, batch->tags[i + FAR], false);
        if (i + NEAR < batch->sample_count) head_prefetch_end(head, batch->tags[i + NEAR], true);
        struct head_slot *slot = head_slot_make(head, batch->tags[i]);
        if (!slot) return STATUS_NO_MEMORY;
        struct entry entry = batch_entry(batch, i);
        enum status status = slot_add(head, slot, batch->time_ns, &entry, 0);
        if (status < 0) return status;
        slot_publish(slot, sequence);
    }
    return STATUS_OK;
}

enum status head_apply(struct head *head, const struct batch *batch, uint64_t sequence,
                       struct error *error)
{
    ASSERT(batch->sample_count >= 1); /* B1 */
    enum status status = batch->tags ? head_apply_scan(head, batch, sequence)
                                     : head_apply_column(head, batch, sequence);
    if (status < 0) return error_set(error, status, "samples in memory");
    atomic_fetch_add_explicit(&head->sample_count, batch->sample_count, memory_order_relaxed);
    if (atomic_load_explicit(&head->first_sequence, memory_order_relaxed) == 0) {
        atomic_store_explicit(&head->first_sequence, sequence, memory_order_relaxed);
    }
    atomic_store_explicit(&head->last_sequence, sequence, memory_order_relaxed);
    return STATUS_OK;
}

struct head_run head_run(const struct head *head, uint32_t tag)
{
    const struct head_slot *slot = head_slot_find(head, tag);
    if (!slot) return (struct head_run){0};
    size_t count = atomic_load_explicit(&slot->count, memory_order_acquire);
    if (count == 0) return (struct head_run){0};
    return (struct head_run){.chunk = slot->first, .samples_left = count};
}

enum status head_run_next(struct head_run *run, struct batch *out_batch)
{
    if (run->samples_left == 0) return STATUS_END;
    const struct head_chunk *chunk = run->chunk;
    size_t count = chunk_used(chunk); /* more than is published only in the last chunk */
    if (count > run->samples_left) count = run->samples_left;
    *out_batch = (struct batch){
        .sample_count = (uint32_t)count,
        .times_ns = chunk_times(chunk),
        .values = chunk_values(chunk),
        .qualities = chunk->has_quality ? chunk_qualities(chunk) : NULL,
        .type = chunk->type,
        .kind = ENTRY_COLLECTED,
        .clock = chunk->clock,
        .generation = chunk->generation,
        .origin = chunk->origin,
    };
    run->samples_left -= count;
    if (run->samples_left > 0) run->chunk = chunk->next;
    return STATUS_OK;
}

enum status head_last(const struct head *head, uint32_t tag, int64_t *out_time_ns,
                      struct entry *out_entry)
{
    const struct head_slot *slot = head_slot_find(head, tag);
    if (!slot) return STATUS_END;
    size_t count = atomic_load_explicit(&slot->count, memory_order_acquire);
    if (atomic_load_explicit(&slot->bag, memory_order_acquire)) return STATUS_AGAIN;
    if (count == 0) return STATUS_END;
    const struct head_chunk *chunk = atomic_load_explicit(&slot->last, memory_order_acquire);
    if (chunk->first_index >= count) { /* begun, and not published yet */
        for (chunk = slot->first; chunk->next && chunk->next->first_index < count;) {
            chunk = chunk->next;
        }
    }
    size_t index = count - 1 - chunk->first_index;
    *out_time_ns = chunk_times(chunk)[index];
    *out_entry = (struct entry){
        .clock = chunk->clock,
        .origin = chunk->origin,
        .value = chunk_values(chunk)[index],
        .generation = chunk->generation,
        .quality = chunk->has_quality ? chunk_qualities(chunk)[index] : 0,
        .kind = ENTRY_COLLECTED,
        .type = chunk->type,
    };
    return STATUS_OK;
}

static int head_entry_compare(const void *left, const void *right)
{
    const struct head_entry *a = left;
    const struct head_entry *b = right;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return entry_compare(&a->entry, &b->entry);
}

static bool head_entries_are_sorted(const struct head_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (head_entry_compare(&entries[i - 1], &entries[i]) >= 0) return false;
    }
    return true;
}

/* Sorts, and drops all but one of equal entries. */
static size_t head_entries_order(struct head_entry *entries, size_t count)
{
    if (head_entries_are_sorted(entries, count)) return count;
    qsort(entries, count, sizeof *entries, head_entry_compare);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (head_entry_compare(&entries[kept - 1], &entries[i]) != 0) entries[kept++] = entries[i];
    }
    return kept;
}

enum status head_bag(const struct head *head, uint32_t tag, int64_t from_ns, int64_t to_ns,
                     struct arena *arena, struct head_entry **out_entries, size_t *out_count,
                     struct error *error)
{
    *out_entries = NULL;
    *out_count = 0;
    const struct head_slot *slot = head_slot_find(head, tag);
    if (!slot) return STATUS_OK;
    const struct head_bag *bag = atomic_load_explicit(&slot->bag, memory_order_acquire);
    if (!bag) return STATUS_OK;
    size_t count = atomic_load_explicit(&bag->count, memory_order_acquire);
    if (count == 0) return STATUS_OK;
    struct head_entry *entries = arena_take_raw(arena, count * sizeof *entries);
    if (!entries) return error_set(error, STATUS_NO_MEMORY, "%zu late samples of a tag", count);

    size_t kept = 0;
    const struct head_bag_node *node = bag->first;
    for (size_t i = 0, index = 0; i < count; i++) {
        if (index == node->capacity) {
            node = node->next;
            index = 0;
        }
        const struct head_entry *entry = &node->entries[index++];
        if (entry->time_ns >= from_ns && entry->time_ns < to_ns) entries[kept++] = *entry;
    }
    if (kept == 0) return STATUS_OK;
    *out_entries = entries;
    *out_count = head_entries_order(entries, kept);
    return STATUS_OK;
}

void head_prefetch(const struct head *head, uint32_t tag, bool deep)
{
    const struct head_slot *slot = head_slot_find(head, tag);
    if (!slot) return;
    if (!deep) {
        __builtin_prefetch(slot);
        return;
    }
    const char *chunk = (const char *)slot->first;
    for (size_t line = 0; chunk && line < 5; line++) __builtin_prefetch(chunk + 64 * line);
}

static bool slot_is_used(const struct head_slot *slot)
{
    return atomic_load_explicit(&slot->sequence, memory_order_relaxed) != 0;
}

enum status head_tags(const struct head *head, uint32_t **out_tags, size_t *out_count,
                      struct error *error)
{
    size_t count = 0;
    uint32_t *tags = NULL;
    for (int pass = 0; pass < 2; pass++) {
        count = 0;
        for (uint32_t page_number = 0; page_number < PAGES_MAX; page_number++) {
            const struct head_slot *page =
                atomic_load_explicit(&head->pages[page_number], memory_order_acquire);
            for (uint32_t i = 0; page && i < PAGE_SLOTS; i++) {
                if (!slot_is_used(&page[i])) continue;
                if (tags) tags[count] = page_number * PAGE_SLOTS + i;
                count++;
            }
        }
        if (pass == 0 && count > 0) {
            tags = malloc(count * sizeof *tags);
            if (!tags) return error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
        }
    }
    *out_tags = tags;
    *out_count = count;
    return STATUS_OK;
}

uint64_t head_tag_sequence(const struct head *head, uint32_t tag)
{
    const struct head_slot *slot = head_slot_find(head, tag);
    return slot ? atomic_load_explicit(&slot->sequence, memory_order_relaxed) : 0;
}
