/* Change feed: new samples on their way to those who follow, as they become visible.
 *
 * Each follower has a bounded buffer of its own. What does not fit is counted and dropped, and the
 * follower is told; nothing waits for a slow one.
 *
 * N1  a follower sees the batches of its tags in order of sequence, without gaps but for those it
 *     was told of
 *
 * Threads: publishing by the commit thread, following by any. */
#ifndef STORAGE_CHANGE_FEED_H
#define STORAGE_CHANGE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/status.h"
#include "storage/batch.h"

struct change_feed;
struct follower;

enum status change_feed_create(struct change_feed **out_feed, struct error *error);
void change_feed_destroy(struct change_feed *feed); /* accepts NULL; no follower is left */

/* wants(context, tag) is asked by the commit thread, so it must be quick; it never hears of tags
 * whose number is hidden from it by the publisher. */
enum status follower_create(struct follower **out_follower, struct change_feed *feed,
                            size_t buffer_bytes, bool (*wants)(void *context, uint32_t tag),
                            void *context, struct error *error);
void follower_destroy(struct follower *follower); /* accepts NULL */

void change_feed_publish(struct change_feed *feed, const struct batch *batch, uint64_t sequence);

/* The next batch of one tag, in the arena. STATUS_AGAIN when none came within the time;
 * STATUS_MISSED with the number of dropped samples, before the batch behind the gap. */
enum status follower_next(struct follower *follower, uint32_t timeout_ms, struct arena *arena,
                          struct batch *out_batch, uint64_t *out_missed, struct error *error);

#endif
