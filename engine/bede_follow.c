/* The public face of following: subscriptions to what becomes visible. */
#include <stdlib.h>

#include "engine/border.h"

enum { SUBSCRIPTION_BYTES_DEFAULT = 4 << 20 };

struct bede_subscription {
    struct bede *bede;
    struct follower *follower;
    struct arena arena;
    uint8_t *wanted; /* owned; one bit a tag number; NULL: all */
    uint32_t wanted_count;
};

static bool subscription_wants(void *context, uint32_t tag)
{
    const struct bede_subscription *subscription = context;
    if (!subscription->wanted) return true;
    return tag < subscription->wanted_count && (subscription->wanted[tag / 8] >> (tag % 8) & 1);
}

static enum status subscription_choose(struct bede_subscription *subscription, const char *pattern,
                                       struct error *error)
{
    uint32_t *tags;
    size_t count;
    enum status status =
        catalog_match(store_catalog(subscription->bede->store), pattern, &tags, &count, error);
    if (status < 0) return status;
    for (size_t i = 0; i < count; i++) {
        if (tags[i] >= subscription->wanted_count) subscription->wanted_count = tags[i] + 1;
    }
    subscription->wanted = calloc(subscription->wanted_count / 8 + 1, 1);
    for (size_t i = 0; subscription->wanted && i < count; i++) {
        subscription->wanted[tags[i] / 8] |= (uint8_t)(1u << (tags[i] % 8));
    }
    free(tags);
    return subscription->wanted ? STATUS_OK : error_set(error, STATUS_NO_MEMORY, "subscription");
}

int bede_subscribe(struct bede_subscription **out_subscription, struct bede *bede,
                   const char *pattern, size_t buffer_bytes, struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct bede_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription) {
        return report(error_set(&inner, STATUS_NO_MEMORY, "subscription"), &inner, error);
    }
    subscription->bede = bede;
    arena_init(&subscription->arena, 256 << 20);
    enum status status = STATUS_OK;
    if (pattern) status = subscription_choose(subscription, pattern, &inner);
    if (status == STATUS_OK) {
        if (buffer_bytes == 0) buffer_bytes = SUBSCRIPTION_BYTES_DEFAULT;
        status = follower_create(&subscription->follower, store_feed(bede->store), buffer_bytes,
                                 subscription_wants, subscription, &inner);
    }
    if (status < 0) {
        bede_unsubscribe(subscription);
        return report(status, &inner, error);
    }
    *out_subscription = subscription;
    return BEDE_OK;
}

int bede_subscription_next(struct bede_subscription *subscription, uint32_t timeout_ms,
                           uint32_t *out_tag, struct bede_columns *out_columns,
                           struct bede_error *error)
{
    struct error inner = {.text = ""};
    struct batch batch;
    uint64_t missed = 0;
    arena_reset(&subscription->arena);
    enum status status = follower_next(subscription->follower, timeout_ms, &subscription->arena,
                                       &batch, &missed, &inner);
    if (status == STATUS_MISSED) *out_columns = (struct bede_columns){.count = missed};
    if (status == STATUS_OK) {
        *out_tag = batch.tag;
        status = columns_outside(&batch, &subscription->arena, true, out_columns, &inner);
    }
    return report(status, &inner, error);
}

void bede_unsubscribe(struct bede_subscription *subscription)
{
    if (!subscription) return;
    follower_destroy(subscription->follower);
    arena_finish(&subscription->arena);
    free(subscription->wanted);
    free(subscription);
}
