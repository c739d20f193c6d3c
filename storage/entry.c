#include "storage/entry.h"

#include <string.h>

#include "storage/base/assert.h"

static int number_compare(uint64_t left, uint64_t right)
{
    if (left == right) return 0;
    return left < right ? -1 : 1;
}

/* As bytes, a shorter one before a longer one that begins with it; none before an empty one. */
static int text_compare(const struct text_value *left, const struct text_value *right)
{
    if (left == right) return 0;
    if (!left || !right) return left ? 1 : -1;
    size_t shared = left->size_bytes < right->size_bytes ? left->size_bytes : right->size_bytes;
    int order = memcmp(left->bytes, right->bytes, shared);
    if (order != 0) return order < 0 ? -1 : 1;
    return number_compare(left->size_bytes, right->size_bytes);
}

/* Of values of one type. */
static int value_compare(uint8_t type, uint64_t left, uint64_t right)
{
    if (type == VALUE_TEXT) return text_compare(value_text(left), value_text(right));
    return number_compare(left, right);
}

int revision_compare(struct revision left, struct revision right)
{
    int order = number_compare(left.clock, right.clock);
    if (order == 0) order = number_compare(left.node, right.node);
    if (order == 0) order = number_compare(left.generation, right.generation);
    return order;
}

/* Revision 0 names no node: what two nodes collected in order has one revision, so that the better
 * quality wins and not the greater node. */
struct revision entry_revision(const struct entry *entry)
{
    if (entry->clock == 0) return (struct revision){0};
    return (struct revision){entry->clock, entry->origin, entry->generation}; /* E3 */
}

int entry_compare(const struct entry *left, const struct entry *right)
{
    int order = revision_compare(entry_revision(left), entry_revision(right));
    if (order != 0) return order;
    order = number_compare(left->kind, right->kind);
    if (order != 0) return order;
    order = number_compare(quality_class(right->quality), quality_class(left->quality));
    if (order != 0) return order;
    order = number_compare(left->type, right->type);
    if (order != 0) return order;
    order = value_compare(left->type, left->value, right->value);
    if (order != 0) return order;
    order = number_compare(left->quality, right->quality);
    if (order != 0) return order;
    order = number_compare(left->origin, right->origin);
    if (order != 0) return order;
    return text_compare(left->note, right->note);
}

static bool text_is_valid(const struct text_value *text)
{
    return text && text->size_bytes <= TEXT_VALUE_BYTES_MAX;
}

bool entry_is_valid(const struct entry *entry)
{
    if (entry->kind > ENTRY_DELETION || !value_type_is_valid(entry->type)) return false;
    if (entry->clock == 0 && (entry->kind != ENTRY_COLLECTED || entry->generation != 0)) {
        return false; /* E2 */
    }
    if (entry->note && (entry->kind == ENTRY_COLLECTED || !text_is_valid(entry->note))) {
        return false;
    }
    if (entry->kind == ENTRY_DELETION) return entry->value == 0 && entry->quality == 0;
    if (entry->type == VALUE_TEXT) return text_is_valid(value_text(entry->value));
    return value_is_valid(entry->type, entry->value);
}

void cell_init(struct cell *cell, struct entry *room, size_t room_count)
{
    *cell = (struct cell){.explicit_entries = room, .explicit_count_max = room_count};
}

/* Where the entry stands or belongs among the explicit ones. */
static size_t explicit_position(const struct cell *cell, const struct entry *entry)
{
    size_t low = 0, high = cell->explicit_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entry_compare(&cell->explicit_entries[middle], entry) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool cell_add(struct cell *cell, const struct entry *entry)
{
    ASSERT_SLOW(entry_is_valid(entry));
    if (entry->kind == ENTRY_COLLECTED) {
        if (!cell->has_collected || entry_compare(entry, &cell->collected) > 0) {
            cell->collected = *entry;
        }
        cell->has_collected = true;
        return true;
    }

    size_t position = explicit_position(cell, entry);
    struct entry *place = &cell->explicit_entries[position];
    if (position < cell->explicit_count && entry_compare(place, entry) == 0) return true;
    if (cell->explicit_count == cell->explicit_count_max) return false;
    memmove(place + 1, place, (cell->explicit_count - position) * sizeof *place);
    *place = *entry;
    cell->explicit_count++;
    return true;
}

const struct entry *cell_greatest(const struct cell *cell, uint64_t as_of)
{
    size_t known_count = cell->explicit_count;
    while (known_count > 0 && cell->explicit_entries[known_count - 1].clock > as_of) known_count--;

    const struct entry *collected = cell->has_collected ? &cell->collected : NULL;
    if (known_count == 0) return collected;
    const struct entry *newest = &cell->explicit_entries[known_count - 1];
    return collected && entry_compare(collected, newest) > 0 ? collected : newest;
}

const struct entry *cell_shown(const struct cell *cell, uint64_t as_of, struct revision mask)
{
    const struct entry *greatest = cell_greatest(cell, as_of);
    if (!greatest || greatest->kind == ENTRY_DELETION) return NULL;
    if (mask.clock > 0 && revision_compare(entry_revision(greatest), mask) < 0) return NULL;
    return greatest;
}
