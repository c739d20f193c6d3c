#include "storage/latest.h"

#include <stdlib.h>
#include <uv.h>

#include "storage/base/assert.h"

enum { PAGE_TAGS = 1024, PAGES_MAX = TAG_COUNT_MAX / PAGE_TAGS };

struct latest_slot {
    struct latest latest;
    bool is_known;
};

struct latest_table {
    uv_mutex_t lock; /* everything below */
    uint64_t epoch;
    size_t page_count;
    struct latest_slot *pages[PAGES_MAX]; /* owned; NULL until something is put */
};

struct latest_table *latest_table_create(void)
{
    struct latest_table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    if (uv_mutex_init(&table->lock) == 0) return table;
    free(table);
    return NULL;
}

void latest_table_destroy(struct latest_table *table)
{
    if (!table) return;
    for (size_t i = 0; i < PAGES_MAX; i++) free(table->pages[i]);
    uv_mutex_destroy(&table->lock);
    free(table);
}

uint64_t latest_table_epoch(struct latest_table *table)
{
    uv_mutex_lock(&table->lock);
    uint64_t epoch = table->epoch;
    uv_mutex_unlock(&table->lock);
    return epoch;
}

void latest_table_next_epoch(struct latest_table *table)
{
    uv_mutex_lock(&table->lock);
    table->epoch++;
    uv_mutex_unlock(&table->lock);
}

static struct latest_slot *table_slot(struct latest_table *table, uint32_t number)
{
    ASSERT(number < TAG_COUNT_MAX);
    struct latest_slot *page = table->pages[number / PAGE_TAGS];
    return page ? &page[number % PAGE_TAGS] : NULL;
}

bool latest_table_get(struct latest_table *table, uint32_t number, struct latest *out_latest)
{
    uv_mutex_lock(&table->lock);
    const struct latest_slot *slot = table_slot(table, number);
    bool is_known = slot && slot->is_known;
    if (is_known) *out_latest = slot->latest;
    uv_mutex_unlock(&table->lock);
    return is_known;
}

void latest_table_put(struct latest_table *table, uint32_t number, uint64_t epoch,
                      const struct latest *latest)
{
    ASSERT(number < TAG_COUNT_MAX && latest->type != VALUE_TEXT);
    uv_mutex_lock(&table->lock);
    struct latest_slot **page = &table->pages[number / PAGE_TAGS];
    if (!*page && (*page = calloc(PAGE_TAGS, sizeof **page))) table->page_count++;
    if (*page && epoch == table->epoch) { /* L2 */
        (*page)[number % PAGE_TAGS] = (struct latest_slot){.latest = *latest, .is_known = true};
    }
    uv_mutex_unlock(&table->lock);
}

/* Samples that are older change nothing; of one at the same time the merge must say which shows. */
void latest_table_advance(struct latest_table *table, uint32_t number, const struct latest *newest)
{
    uv_mutex_lock(&table->lock);
    struct latest_slot *slot = table_slot(table, number);
    if (slot && slot->is_known) {
        const struct latest *known = &slot->latest;
        bool is_another = newest && newest->time_ns == known->time_ns &&
                          (newest->value != known->value || newest->quality != known->quality ||
                           newest->type != known->type);
        if (!newest || is_another) {
            slot->is_known = false;
        } else if (newest->time_ns > known->time_ns) {
            slot->latest = *newest;
        }
    }
    uv_mutex_unlock(&table->lock);
}

uint64_t latest_table_bytes(struct latest_table *table)
{
    uv_mutex_lock(&table->lock);
    uint64_t bytes = sizeof *table + table->page_count * PAGE_TAGS * sizeof(struct latest_slot);
    uv_mutex_unlock(&table->lock);
    return bytes;
}
