/* Names of the catalog: which tag a name leads to, and all of them in order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/text.h"
#include "storage/catalog.h"
#include "storage/catalog_state.h"

enum { TWIN_DIGITS = 8, TWIN_BYTES = 1 + TWIN_DIGITS }; /* ~ and 8 digits of the identity */

/* ---- Lists of tags of one name ------------------------------------------------------------ */

static uint32_t *catalog_holder(const struct catalog *catalog, uint32_t name)
{
    return (uint32_t *)(void *)catalog->holders.bytes + name;
}

enum status catalog_reserve_names(struct catalog *catalog, struct error *error)
{
    size_t count = catalog->holders.size_bytes / sizeof(uint32_t);
    size_t wanted = text_pool_count(&catalog->texts);
    if (count >= wanted) return STATUS_OK;
    uint8_t *added = buffer_reserve(&catalog->holders, (wanted - count) * sizeof(uint32_t), error);
    if (!added) return error->status;
    memset(added, 0xff, (wanted - count) * sizeof(uint32_t)); /* TAG_NONE */
    catalog->holders.size_bytes = wanted * sizeof(uint32_t);
    return STATUS_OK;
}

static void catalog_mark_moved(struct catalog *catalog, uint32_t number)
{
    struct tag *tag = catalog_tag(catalog, number);
    if (!(tag->flags & TAG_MOVED)) catalog->moved_count++;
    tag->flags |= TAG_MOVED;
}

/* Whether the name of the left one was given later (C3). */
static bool name_is_newer(const struct catalog *catalog, uint32_t left, uint32_t right)
{
    struct revision revisions[2] = {
        catalog_revision(catalog,
                         catalog_field_stamp(catalog, catalog_tag(catalog, left), TAG_FIELD_NAME)),
        catalog_revision(catalog,
                         catalog_field_stamp(catalog, catalog_tag(catalog, right), TAG_FIELD_NAME)),
    };
    int order = revision_compare(revisions[0], revisions[1]);
    if (order != 0) return order > 0;
    return identity_compare(identity_map_identity(catalog->map, left),
                            identity_map_identity(catalog->map, right)) > 0;
}

void catalog_list_tag(struct catalog *catalog, uint32_t number)
{
    struct tag *tag = catalog_tag(catalog, number);
    ASSERT(tag_is_live(tag) && !(tag->flags & TAG_LISTED)); /* G2 */
    uint32_t *first = catalog_holder(catalog, tag->name);
    if (*first == TAG_NONE || name_is_newer(catalog, number, *first)) {
        if (*first != TAG_NONE) catalog_mark_moved(catalog, *first);
        tag->next_of_name = *first;
        *first = number; /* G3 */
    } else {
        tag->next_of_name = catalog_tag(catalog, *first)->next_of_name;
        catalog_tag(catalog, *first)->next_of_name = number;
    }
    tag->flags |= TAG_LISTED;
    *catalog_live_type(catalog, number) = tag->type;
    catalog->live_count++;
    catalog_mark_moved(catalog, number);
}

/* Where the number is linked in its list. */
static uint32_t *list_link(const struct catalog *catalog, uint32_t *first, uint32_t number)
{
    uint32_t *link = first;
    while (*link != number) link = &catalog_tag(catalog, *link)->next_of_name;
    return link;
}

/* Brings the newest of a list that has lost its first to the front (G3). */
static void list_promote(struct catalog *catalog, uint32_t *first)
{
    if (*first == TAG_NONE) return;
    uint32_t newest = *first;
    for (uint32_t i = newest; i != TAG_NONE; i = catalog_tag(catalog, i)->next_of_name) {
        if (i != newest && name_is_newer(catalog, i, newest)) newest = i;
    }
    struct tag *tag = catalog_tag(catalog, newest);
    *list_link(catalog, first, newest) = tag->next_of_name;
    tag->next_of_name = *first;
    *first = newest;
    catalog_mark_moved(catalog, newest);
}

void catalog_unlist_tag(struct catalog *catalog, uint32_t number)
{
    struct tag *tag = catalog_tag(catalog, number);
    if (!(tag->flags & TAG_LISTED)) return;
    uint32_t *first = catalog_holder(catalog, tag->name);
    bool was_first = *first == number;
    *list_link(catalog, first, number) = tag->next_of_name;
    if (was_first) list_promote(catalog, first);
    tag->flags &= (uint8_t)~TAG_LISTED;
    *catalog_live_type(catalog, number) = 0;
    catalog->live_count--;
    catalog_mark_moved(catalog, number);
}

/* ---- Shown names -------------------------------------------------------------------------- */

static uint32_t identity_twin_digits(struct identity identity)
{
    return (uint32_t)(identity.high >> 32);
}

const char *catalog_shown_name(const struct catalog *catalog, uint32_t number,
                               char room[CATALOG_SHOWN_BYTES_MAX])
{
    const struct tag *tag = catalog_tag(catalog, number);
    const char *name = text_pool_text(&catalog->texts, tag->name);
    if (!(tag->flags & TAG_LISTED) || *catalog_holder(catalog, tag->name) == number) return name;

    struct identity identity = identity_map_identity(catalog->map, number);
    (void)snprintf(room, CATALOG_SHOWN_BYTES_MAX, "%s~%08" PRIx32, name,
                   identity_twin_digits(identity));
    return room;
}

static uint32_t catalog_find_exact(const struct catalog *catalog, const char *name, size_t size)
{
    uint32_t id = text_pool_find(&catalog->texts, name, size);
    /* A text may be there that never was a name. */
    if (id >= catalog->holders.size_bytes / sizeof(uint32_t)) return TAG_NONE;
    return *catalog_holder(catalog, id);
}

/* A tag by the name that it is shown under because another one has its own. */
static uint32_t catalog_find_twin(const struct catalog *catalog, const char *name, size_t size)
{
    uint64_t digits;
    if (size <= TWIN_BYTES || name[size - TWIN_BYTES] != '~' ||
        !text_to_hex(name + size - TWIN_DIGITS, TWIN_DIGITS, &digits)) {
        return TAG_NONE;
    }
    uint32_t number = catalog_find_exact(catalog, name, size - TWIN_BYTES);
    while (number != TAG_NONE) {
        number = catalog_tag(catalog, number)->next_of_name; /* the first shows as it is */
        if (number == TAG_NONE) break;
        struct identity identity = identity_map_identity(catalog->map, number);
        if (identity_twin_digits(identity) == digits) break;
    }
    return number;
}

enum status catalog_find(struct catalog *catalog, const char *name, uint32_t *out_number)
{
    size_t size = strlen(name);
    if (size >= CATALOG_SHOWN_BYTES_MAX) return STATUS_NOT_FOUND;
    uv_rwlock_rdlock(&catalog->lock);
    uint32_t number = catalog_find_exact(catalog, name, size);
    if (number == TAG_NONE) number = catalog_find_twin(catalog, name, size);
    uv_rwlock_rdunlock(&catalog->lock);
    if (number == TAG_NONE) return STATUS_NOT_FOUND;
    *out_number = number;
    return STATUS_OK;
}

/* ---- Order -------------------------------------------------------------------------------- */

static bool bitmap_get(const uint64_t *bitmap, uint32_t number)
{
    return bitmap[number / 64] >> number % 64 & 1;
}

static void bitmap_set(uint64_t *bitmap, uint32_t number)
{
    bitmap[number / 64] |= UINT64_C(1) << number % 64;
}

/* One bit a tag number, all 0; NULL when out of memory. */
static uint64_t *bitmap_create(const struct catalog *catalog)
{
    return calloc(catalog->tag_count / 64 + (size_t)1, sizeof(uint64_t));
}

/* A name on its way into the order. Names are sorted by eight bytes at a time: all that are equal
 * so far make a run, and each run is then sorted by its next eight. */
struct order_item {
    uint64_t key;     /* big-endian, so that it compares as bytes do; zeros behind the name's end */
    const char *name; /* in the texts; not as shown for a twin */
    uint32_t number;
    bool is_twin;
    bool begins_run;
};

static uint64_t item_key(const struct catalog *catalog, const struct order_item *item, size_t depth)
{
    char room[CATALOG_SHOWN_BYTES_MAX];
    const char *name = item->is_twin ? catalog_shown_name(catalog, item->number, room) : item->name;
    uint64_t key = 0;
    size_t size = strnlen(name + depth, sizeof key);
    for (size_t i = 0; i < size; i++) {
        key |= (uint64_t)(unsigned char)name[depth + i] << (8 * (sizeof key - 1 - i));
    }
    return key;
}

/* By number where names are equal: a name may look like the shown name of another tag. */
static int item_compare(const void *left, const void *right)
{
    const struct order_item *a = left;
    const struct order_item *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* Sorts one run by the eight bytes at depth. False when no run in it is left to sort. */
static bool run_sort(const struct catalog *catalog, struct order_item *items, size_t count,
                     size_t depth)
{
    bool is_open = false;
    for (size_t i = 0; i < count; i++) items[i].key = item_key(catalog, &items[i], depth);
    qsort(items, count, sizeof *items, item_compare);
    items[0].begins_run = true; /* sorting has moved the flags */
    for (size_t i = 1; i < count; i++) {
        bool is_ended = (items[i].key & 0xff) == 0;
        items[i].begins_run = is_ended || items[i].key != items[i - 1].key;
        is_open |= !items[i].begins_run;
    }
    return is_open;
}

static void items_sort(const struct catalog *catalog, struct order_item *items, size_t count)
{
    bool is_open = count > 1;
    for (size_t depth = 0; is_open; depth += sizeof items->key) {
        is_open = false;
        for (size_t begin = 0, end; begin < count; begin = end) {
            for (end = begin + 1; end < count && !items[end].begins_run;) end++;
            if (end - begin < 2) continue;
            is_open |= run_sort(catalog, items + begin, end - begin, depth);
        }
    }
}

/* The live ones among the tags that moved; sets the bits of all that did, and forgets it. */
static size_t order_collect(struct catalog *catalog, struct order_item *items, uint64_t *moved)
{
    size_t count = 0;
    for (uint32_t number = 0; number < catalog->tag_count; number++) {
        struct tag *tag = catalog_tag(catalog, number);
        if (!(tag->flags & TAG_MOVED)) continue;
        tag->flags &= (uint8_t)~TAG_MOVED;
        bitmap_set(moved, number);
        if (!(tag->flags & TAG_LISTED)) continue;
        items[count++] = (struct order_item){
            .name = text_pool_text(&catalog->texts, tag->name),
            .number = number,
            .is_twin = *catalog_holder(catalog, tag->name) != number,
        };
    }
    return count;
}

static int shown_compare(const struct catalog *catalog, uint32_t left, uint32_t right)
{
    char rooms[2][CATALOG_SHOWN_BYTES_MAX];
    int order = strcmp(catalog_shown_name(catalog, left, rooms[0]),
                       catalog_shown_name(catalog, right, rooms[1]));
    return order != 0 ? order : (left > right) - (left < right);
}

/* How many at the front of the numbers stand before this one; in steps that double, since the next
 * one is near when there are many to merge, and far when there are few. */
static uint32_t order_gallop(const struct catalog *catalog, const uint32_t *numbers, uint32_t count,
                             uint32_t number)
{
    uint32_t low = 0;
    uint32_t step = 1;
    while (step <= count - low && shown_compare(catalog, numbers[low + step - 1], number) < 0) {
        low += step;
        step *= 2;
    }
    uint32_t high = step <= count - low ? low + step - 1 : count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (shown_compare(catalog, numbers[middle], number) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Merges the sorted items into what stayed of the order. */
static uint32_t order_merge(const struct catalog *catalog, const struct order_item *items,
                            size_t item_count, const uint64_t *moved, uint32_t *target)
{
    uint32_t *stayed = catalog->order;
    uint32_t stayed_count = 0;
    for (uint32_t i = 0; i < catalog->order_count; i++) {
        if (!bitmap_get(moved, stayed[i])) stayed[stayed_count++] = stayed[i];
    }
    uint32_t count = 0;
    uint32_t taken = 0;
    for (size_t i = 0; i < item_count; i++) {
        uint32_t before =
            order_gallop(catalog, stayed + taken, stayed_count - taken, items[i].number);
        memcpy(target + count, stayed + taken, before * sizeof *target);
        taken += before;
        count += before;
        target[count++] = items[i].number;
    }
    memcpy(target + count, stayed + taken, (stayed_count - taken) * sizeof *target);
    return count + stayed_count - taken;
}

/* Under the lock, alone. */
static enum status order_refresh(struct catalog *catalog, struct error *error)
{
    size_t live_count = catalog->live_count;
    struct order_item *items = malloc((catalog->moved_count + (size_t)1) * sizeof *items);
    uint32_t *order = malloc((live_count + 1) * sizeof *order);
    uint64_t *moved = bitmap_create(catalog);
    enum status status = STATUS_OK;
    if (items && order && moved) {
        size_t item_count = order_collect(catalog, items, moved);
        items_sort(catalog, items, item_count);
        uint32_t count = order_merge(catalog, items, item_count, moved, order);
        ASSERT(count == live_count); /* G4 */
        free(catalog->order);
        catalog->order = order;
        catalog->order_count = count;
        catalog->moved_count = 0;
    } else {
        status = error_set(error, STATUS_NO_MEMORY, "names of %zu tags", live_count);
        free(order);
    }
    free(items);
    free(moved);
    return status;
}

/* Takes the lock to read, with the order complete. */
static enum status catalog_lock_order(struct catalog *catalog, struct error *error)
{
    for (;;) {
        uv_rwlock_rdlock(&catalog->lock);
        if (catalog->moved_count == 0) return STATUS_OK;
        uv_rwlock_rdunlock(&catalog->lock);

        uv_rwlock_wrlock(&catalog->lock);
        enum status status = order_refresh(catalog, error);
        uv_rwlock_wrunlock(&catalog->lock);
        if (status < 0) return status;
    }
}

/* The first place in the order whose name begins with the prefix, or with something greater;
 * past: with something greater only. */
static uint32_t order_bound(const struct catalog *catalog, const char *prefix, size_t prefix_bytes,
                            bool past)
{
    uint32_t low = 0;
    uint32_t high = catalog->order_count;
    while (low < high) {
        char room[CATALOG_SHOWN_BYTES_MAX];
        uint32_t middle = low + (high - low) / 2;
        const char *name = catalog_shown_name(catalog, catalog->order[middle], room);
        int order = strncmp(name, prefix, prefix_bytes);
        if (order < 0 || (past && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Those of order[begin..end) that match, in order: how many. Many are looked at in the order in
 * which they lie in memory, which is several times faster; found is a bitmap for that. */
static size_t order_match(const struct catalog *catalog, const char *pattern, uint32_t begin,
                          uint32_t end, uint64_t *found, uint32_t *target)
{
    char room[CATALOG_SHOWN_BYTES_MAX];
    bool is_many = end - begin > catalog->tag_count / 8;
    for (uint32_t number = 0; is_many && number < catalog->tag_count; number++) {
        if (!(catalog_tag(catalog, number)->flags & TAG_LISTED)) continue;
        if (text_matches(pattern, catalog_shown_name(catalog, number, room))) {
            bitmap_set(found, number);
        }
    }
    size_t count = 0;
    for (uint32_t i = begin; i < end; i++) {
        uint32_t number = catalog->order[i];
        bool matches = is_many ? bitmap_get(found, number)
                               : text_matches(pattern, catalog_shown_name(catalog, number, room));
        if (matches) target[count++] = number;
    }
    return count;
}

enum status catalog_match(struct catalog *catalog, const char *pattern, uint32_t **out_numbers,
                          size_t *out_count, struct error *error)
{
    if (!pattern) pattern = "*";
    enum status status = catalog_lock_order(catalog, error);
    if (status < 0) return status;

    size_t literal_bytes = strcspn(pattern, "*?[\\");
    uint32_t begin = order_bound(catalog, pattern, literal_bytes, false);
    uint32_t end = order_bound(catalog, pattern, literal_bytes, true);
    size_t count = end - begin;
    uint32_t *numbers = malloc((count + 1) * sizeof *numbers);
    uint64_t *found = bitmap_create(catalog);
    if (!numbers || !found) {
        status = error_set(error, STATUS_NO_MEMORY, "%zu tags", count);
    } else if (strcmp(pattern + literal_bytes, "*") == 0) {
        memcpy(numbers, catalog->order + begin, count * sizeof *numbers);
    } else {
        count = order_match(catalog, pattern, begin, end, found, numbers);
    }
    uv_rwlock_rdunlock(&catalog->lock);
    free(found);
    if (status < 0) {
        free(numbers);
        return status;
    }
    *out_numbers = numbers;
    *out_count = count;
    return STATUS_OK;
}
