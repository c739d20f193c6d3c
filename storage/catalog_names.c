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

/* Eight bytes of the name decide most comparisons, without a look at the name. */
struct order_item {
    uint64_t key; /* big-endian, so that it compares as bytes do; zeros behind the name's end */
    const struct catalog *catalog;
    uint32_t number;
};

static int shown_compare(const struct catalog *catalog, uint32_t left, uint32_t right)
{
    char rooms[2][CATALOG_SHOWN_BYTES_MAX];
    int order = strcmp(catalog_shown_name(catalog, left, rooms[0]),
                       catalog_shown_name(catalog, right, rooms[1]));
    /* A name may look like the shown name of another tag. */
    return order != 0 ? order : (left > right) - (left < right);
}

static int item_compare(const void *left, const void *right)
{
    const struct order_item *a = left;
    const struct order_item *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return shown_compare(a->catalog, a->number, b->number);
}

static uint64_t name_key(const char *name, size_t skip)
{
    uint64_t key = 0;
    size_t size = strnlen(name + skip, sizeof key);
    for (size_t i = 0; i < size; i++) {
        key |= (uint64_t)(unsigned char)name[skip + i] << (8 * (sizeof key - 1 - i));
    }
    return key;
}

static size_t common_bytes(const char *left, const char *right, size_t limit)
{
    size_t size = 0;
    while (size < limit && left[size] != 0 && left[size] == right[size]) size++;
    return size;
}

/* The live ones among the tags that moved, sorted. Keys begin behind what all names share. */
static size_t order_collect(const struct catalog *catalog, struct order_item *items)
{
    size_t count = 0;
    for (uint32_t number = 0; number < catalog->tag_count; number++) {
        uint8_t flags = catalog_tag(catalog, number)->flags;
        if (flags != (TAG_MOVED | TAG_LISTED)) continue;
        items[count++] = (struct order_item){.catalog = catalog, .number = number};
    }
    char rooms[2][CATALOG_SHOWN_BYTES_MAX];
    size_t shared = CATALOG_SHOWN_BYTES_MAX;
    for (size_t i = 0; i < count; i++) {
        const char *first = catalog_shown_name(catalog, items[0].number, rooms[0]);
        shared =
            common_bytes(first, catalog_shown_name(catalog, items[i].number, rooms[1]), shared);
    }
    for (size_t i = 0; i < count; i++) {
        items[i].key = name_key(catalog_shown_name(catalog, items[i].number, rooms[0]), shared);
    }
    qsort(items, count, sizeof *items, item_compare);
    return count;
}

/* What stayed of the order, merged with the items. */
static uint32_t order_merge(const struct catalog *catalog, const struct order_item *items,
                            size_t item_count, uint32_t *target)
{
    uint32_t count = 0;
    size_t taken = 0;
    for (uint32_t i = 0; i < catalog->order_count; i++) {
        uint32_t number = catalog->order[i];
        if (catalog_tag(catalog, number)->flags & TAG_MOVED) continue;
        while (taken < item_count && shown_compare(catalog, items[taken].number, number) < 0) {
            target[count++] = items[taken++].number;
        }
        target[count++] = number;
    }
    while (taken < item_count) target[count++] = items[taken++].number;
    return count;
}

/* Under the lock, alone. */
static enum status order_refresh(struct catalog *catalog, struct error *error)
{
    size_t live_count = catalog->live_count;
    struct order_item *items = malloc((catalog->moved_count + (size_t)1) * sizeof *items);
    uint32_t *order = malloc((live_count + 1) * sizeof *order);
    if (!items || !order) {
        free(items);
        free(order);
        return error_set(error, STATUS_NO_MEMORY, "names of %zu tags", live_count);
    }
    size_t item_count = order_collect(catalog, items);
    uint32_t count = order_merge(catalog, items, item_count, order);
    ASSERT(count == live_count);
    free(items);
    for (uint32_t number = 0; number < catalog->tag_count; number++) {
        catalog_tag(catalog, number)->flags &= (uint8_t)~TAG_MOVED;
    }
    free(catalog->order);
    catalog->order = order;
    catalog->order_count = count; /* G4 */
    catalog->moved_count = 0;
    return STATUS_OK;
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

enum status catalog_match(struct catalog *catalog, const char *pattern, uint32_t **out_numbers,
                          size_t *out_count, struct error *error)
{
    if (!pattern) pattern = "*";
    enum status status = catalog_lock_order(catalog, error);
    if (status < 0) return status;

    size_t literal_bytes = strcspn(pattern, "*?[\\");
    uint32_t begin = order_bound(catalog, pattern, literal_bytes, false);
    uint32_t end = order_bound(catalog, pattern, literal_bytes, true);
    bool is_prefix = strcmp(pattern + literal_bytes, "*") == 0;
    size_t count = 0;
    uint32_t *numbers = malloc((end - begin + (size_t)1) * sizeof *numbers);
    if (!numbers) status = error_set(error, STATUS_NO_MEMORY, "%u tags", end - begin);
    for (uint32_t i = begin; i < end && numbers; i++) {
        char room[CATALOG_SHOWN_BYTES_MAX];
        uint32_t number = catalog->order[i];
        if (is_prefix || text_matches(pattern, catalog_shown_name(catalog, number, room))) {
            numbers[count++] = number;
        }
    }
    uv_rwlock_rdunlock(&catalog->lock);
    if (status < 0) return status;
    *out_numbers = numbers;
    *out_count = count;
    return STATUS_OK;
}
