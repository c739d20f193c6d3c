#include "storage/change_feed.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "storage/base/assert.h"
#include "storage/base/clock.h"
#include "storage/wal_frame.h"

/* What a follower has not fetched: frames, one of one tag each, in a ring that wraps by leaving
 * its end unused. */
struct follower {
    struct change_feed *feed; /* borrowed */
    struct follower *next;    /* under feed->lock */
    bool (*wants)(void *context, uint32_t tag);
    void *context;
    uv_mutex_t lock; /* guards all below */
    uv_cond_t filled;
    uint8_t *ring; /* owned */
    size_t ring_bytes;
    size_t read_at;
    size_t write_at;
    size_t wrap_at; /* where the frames in front of the wrap end; 0: not wrapped */
    uint64_t missed_count;
};

struct change_feed {
    uv_mutex_t lock; /* guards the list; taken before a follower's lock */
    struct follower *followers;
};

enum status change_feed_create(struct change_feed **out_feed, struct error *error)
{
    struct change_feed *feed = calloc(1, sizeof *feed);
    if (!feed) return error_set(error, STATUS_NO_MEMORY, "change feed");
    if (uv_mutex_init(&feed->lock) != 0) {
        free(feed);
        return error_set(error, STATUS_NO_MEMORY, "change feed");
    }
    *out_feed = feed;
    return STATUS_OK;
}

void change_feed_destroy(struct change_feed *feed)
{
    if (!feed) return;
    ASSERT(!feed->followers);
    uv_mutex_destroy(&feed->lock);
    free(feed);
}

enum status follower_create(struct follower **out_follower, struct change_feed *feed,
                            size_t buffer_bytes, bool (*wants)(void *context, uint32_t tag),
                            void *context, struct error *error)
{
    struct follower *follower = calloc(1, sizeof *follower);
    if (!follower) return error_set(error, STATUS_NO_MEMORY, "follower");
    *follower = (struct follower){
        .feed = feed,
        .wants = wants,
        .context = context,
        .ring_bytes = buffer_bytes / 8 * 8,
        .ring = malloc(buffer_bytes),
    };
    if (!follower->ring) {
        free(follower);
        return error_set(error, STATUS_NO_MEMORY, "follower of %zu bytes", buffer_bytes);
    }
    if (uv_mutex_init(&follower->lock) != 0) goto fail;
    if (uv_cond_init(&follower->filled) != 0) {
        uv_mutex_destroy(&follower->lock);
        goto fail;
    }
    uv_mutex_lock(&feed->lock);
    follower->next = feed->followers;
    feed->followers = follower;
    uv_mutex_unlock(&feed->lock);
    *out_follower = follower;
    return STATUS_OK;

fail:
    free(follower->ring);
    free(follower);
    return error_set(error, STATUS_NO_MEMORY, "follower");
}

void follower_destroy(struct follower *follower)
{
    if (!follower) return;
    uv_mutex_lock(&follower->feed->lock);
    struct follower **place = &follower->feed->followers;
    while (*place != follower) place = &(*place)->next;
    *place = follower->next;
    uv_mutex_unlock(&follower->feed->lock);
    uv_cond_destroy(&follower->filled);
    uv_mutex_destroy(&follower->lock);
    free(follower->ring);
    free(follower);
}

/* Room for a frame behind the last one; NULL when it is full. */
static uint8_t *follower_reserve(struct follower *follower, size_t bytes)
{
    if (follower->wrap_at == 0) {
        if (bytes <= follower->ring_bytes - follower->write_at) {
            return follower->ring + follower->write_at;
        }
        /* Strictly before read_at, or a full ring would look empty. */
        if (bytes >= follower->read_at) return NULL;
        follower->wrap_at = follower->write_at;
        follower->write_at = 0;
        return follower->ring;
    }
    bool fits = follower->write_at + bytes < follower->read_at;
    return fits ? follower->ring + follower->write_at : NULL;
}

static void follower_put(struct follower *follower, const struct batch *batch, uint64_t sequence)
{
    size_t bytes = wal_frame_bytes(batch);
    uv_mutex_lock(&follower->lock);
    /* Behind a gap nothing is taken until the gap was told, so that N1 has one place. */
    uint8_t *target = follower->missed_count == 0 ? follower_reserve(follower, bytes) : NULL;
    if (target) {
        wal_frame_encode(target, batch, sequence, false);
        follower->write_at += bytes;
    } else {
        follower->missed_count += batch->sample_count;
    }
    uv_cond_signal(&follower->filled);
    uv_mutex_unlock(&follower->lock);
}

static void follower_offer(struct follower *follower, const struct batch *batch, uint64_t sequence)
{
    if (!batch->tags) {
        if (follower->wants(follower->context, batch->tag)) {
            follower_put(follower, batch, sequence);
        }
        return;
    }
    for (size_t i = 0; i < batch->sample_count; i++) {
        if (!follower->wants(follower->context, batch->tags[i])) continue;
        struct batch one = batch_slice(batch, i, 1);
        one.tag = batch->tags[i];
        one.tags = NULL;
        follower_put(follower, &one, sequence);
    }
}

void change_feed_publish(struct change_feed *feed, const struct batch *batch, uint64_t sequence)
{
    uv_mutex_lock(&feed->lock);
    for (struct follower *follower = feed->followers; follower; follower = follower->next) {
        follower_offer(follower, batch, sequence);
    }
    uv_mutex_unlock(&feed->lock);
}

static bool follower_is_empty(const struct follower *follower)
{
    return follower->wrap_at == 0 && follower->read_at == follower->write_at;
}

/* The frame's room is free again. An empty ring begins anew, so that it holds whatever fits. */
static void follower_step(struct follower *follower, size_t bytes)
{
    follower->read_at += bytes;
    if (follower->wrap_at != 0 && follower->read_at == follower->wrap_at) {
        follower->read_at = 0;
        follower->wrap_at = 0;
    }
    if (follower_is_empty(follower)) {
        follower->read_at = 0;
        follower->write_at = 0;
    }
}

/* Copies the oldest frame into the arena, and frees its room once it is decoded. */
static enum status follower_take(struct follower *follower, struct arena *arena,
                                 struct batch *out_batch, struct error *error)
{
    struct wal_frame_header header;
    memcpy(&header, follower->ring + follower->read_at, sizeof header);
    uint8_t *copy = arena_take_raw(arena, header.frame_bytes);
    if (!copy) return error_set(error, STATUS_NO_MEMORY, "followed samples");
    memcpy(copy, follower->ring + follower->read_at, header.frame_bytes);
    uint64_t sequence;
    bool more;
    enum status status =
        wal_frame_decode(copy, header.frame_bytes, arena, out_batch, &sequence, &more);
    ASSERT(status == STATUS_OK || status == STATUS_NO_MEMORY);
    if (status < 0) return error_set(error, status, "followed samples");
    follower_step(follower, header.frame_bytes);
    return STATUS_OK;
}

enum status follower_next(struct follower *follower, uint32_t timeout_ms, struct arena *arena,
                          struct batch *out_batch, uint64_t *out_missed, struct error *error)
{
    enum status status = STATUS_AGAIN;
    struct clock *clock = clock_system();
    int64_t deadline_ns = clock->monotonic_ns(clock) + timeout_ms * INT64_C(1000000);
    uv_mutex_lock(&follower->lock);
    while (follower_is_empty(follower) && follower->missed_count == 0) {
        int64_t left_ns = deadline_ns - clock->monotonic_ns(clock);
        if (left_ns <= 0) break;
        (void)uv_cond_timedwait(&follower->filled, &follower->lock, (uint64_t)left_ns);
    }
    if (!follower_is_empty(follower)) {
        status = follower_take(follower, arena, out_batch, error);
    } else if (follower->missed_count > 0) {
        *out_missed = follower->missed_count;
        follower->missed_count = 0;
        status = STATUS_MISSED;
    }
    uv_mutex_unlock(&follower->lock);
    return status;
}
