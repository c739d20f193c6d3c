/* The public face of aggregates: several tags at once, on as many threads as there are processors. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "engine/border.h"
#include "storage/stamp.h"

enum {
    THREADS_MAX = 16,
    THREAD_TAGS_MIN = 16,  /* for fewer a thread costs more than it saves */
    BUCKETS_MAX = 1 << 24, /* of one tag */
};

/* One call. */
struct aggregate_call {
    struct bede *bede;
    const uint32_t *tags;
    size_t tag_count;
    struct aggregation_rules rules;
    uint64_t as_of;
    struct bede_bucket *buckets;
    atomic_size_t next_tag;
    atomic_bool has_failed;
};

/* One thread's share. */
struct aggregate_worker {
    struct aggregate_call *call;
    struct bucket *room; /* owned; a tag's buckets */
    enum status status;
    struct error error;
};

static void bucket_outside(const struct bucket *bucket, int64_t from_ns,
                           struct bede_bucket *out_bucket)
{
    *out_bucket = (struct bede_bucket){
        .from_ns = from_ns,
        .count = bucket->count,
        .good_count = bucket->good_count,
        .number_count = bucket->number_count,
        .minimum = bucket->minimum,
        .maximum = bucket->maximum,
        .sum = exact_sum_total(&bucket->sum),
        .first = bucket->first,
        .last = bucket->last,
        .first_ns = bucket->first_ns,
        .last_ns = bucket->last_ns,
        .integral = exact_sum_total(&bucket->integral),
        .covered_ns = bucket->covered_ns,
    };
}

static void worker_run(void *context)
{
    struct aggregate_worker *worker = context;
    struct aggregate_call *call = worker->call;
    size_t bucket_count = call->rules.bucket_count;
    while (!atomic_load_explicit(&call->has_failed, memory_order_relaxed)) {
        size_t index = atomic_fetch_add_explicit(&call->next_tag, 1, memory_order_relaxed);
        if (index >= call->tag_count) return;
        worker->status = store_aggregate(call->bede->store, call->tags[index], &call->rules,
                                         call->as_of, worker->room, &worker->error);
        if (worker->status < 0) {
            atomic_store_explicit(&call->has_failed, true, memory_order_relaxed);
            return;
        }
        struct bede_bucket *target = call->buckets + index * bucket_count;
        for (size_t i = 0; i < bucket_count; i++) {
            bucket_outside(&worker->room[i], aggregation_boundary(&call->rules, i), &target[i]);
        }
    }
}

static size_t worker_count(size_t tag_count)
{
    size_t count = uv_available_parallelism();
    if (count > THREADS_MAX) count = THREADS_MAX;
    if (count > tag_count / THREAD_TAGS_MIN) count = tag_count / THREAD_TAGS_MIN;
    return count > 0 ? count : 1;
}

/* The calling thread is the first worker. One that cannot be started is not missed. */
static enum status call_run(struct aggregate_call *call, struct error *error)
{
    struct aggregate_worker workers[THREADS_MAX];
    uv_thread_t threads[THREADS_MAX];
    size_t count = worker_count(call->tag_count), started = 1;
    enum status status = STATUS_OK;
    size_t room_bytes = call->rules.bucket_count * sizeof(struct bucket);
    for (size_t i = 0; i < count; i++) {
        workers[i] = (struct aggregate_worker){.call = call, .room = malloc(room_bytes)};
        if (workers[i].room) continue;
        status = error_set(error, STATUS_NO_MEMORY, "%zu buckets", call->rules.bucket_count);
        count = i;
    }
    for (size_t i = 1; i < count && status == STATUS_OK; i++) {
        if (uv_thread_create(&threads[i], worker_run, &workers[i]) != 0) break;
        started++;
    }
    if (status == STATUS_OK) worker_run(&workers[0]);
    for (size_t i = 1; i < started; i++) (void)uv_thread_join(&threads[i]);
    for (size_t i = 0; i < count; i++) {
        if (status == STATUS_OK && workers[i].status < 0) {
            status = workers[i].status;
            *error = workers[i].error;
        }
        free(workers[i].room);
    }
    return status;
}

static enum status question_check(const struct bede_aggregate *question, struct error *error)
{
    const unsigned known = BEDE_AGGREGATE_GOOD | BEDE_AGGREGATE_RANGE | BEDE_AGGREGATE_INTEGRAL;
    if (question->from_ns >= question->to_ns) {
        return error_set(error, STATUS_BAD_INPUT,
                         "the range ends at %" PRId64 ", before it begins at %" PRId64,
                         question->to_ns, question->from_ns);
    }
    uint64_t width = (uint64_t)question->to_ns - (uint64_t)question->from_ns;
    if (question->bucket_count == 0 || question->bucket_count > BUCKETS_MAX) {
        return error_set(error, STATUS_BAD_INPUT, "%zu buckets; 1 to %d are allowed",
                         question->bucket_count, BUCKETS_MAX);
    }
    if (question->bucket_count > width) {
        return error_set(error, STATUS_BAD_INPUT, "%zu buckets in %" PRIu64 " ns",
                         question->bucket_count, width);
    }
    if (question->flags & ~known) {
        return error_set(error, STATUS_BAD_INPUT, "flags %x are unknown", question->flags & ~known);
    }
    if ((question->flags & BEDE_AGGREGATE_RANGE) && (question->flags & BEDE_AGGREGATE_INTEGRAL)) {
        return error_set(error, STATUS_BAD_INPUT, "an integral over a range of values");
    }
    return STATUS_OK;
}

int bede_aggregate(struct bede *bede, const uint32_t *tags, size_t tag_count,
                   const struct bede_aggregate *question, struct bede_bucket *out_buckets,
                   struct bede_error *error)
{
    struct error inner = {.text = ""};
    enum status status = question_check(question, &inner);
    if (status < 0) return report(status, &inner, error);
    struct aggregate_call call = {
        .bede = bede,
        .tags = tags,
        .tag_count = tag_count,
        .rules = {.from_ns = question->from_ns,
                  .to_ns = question->to_ns,
                  .bucket_count = question->bucket_count,
                  .good_only = question->flags & BEDE_AGGREGATE_GOOD,
                  .has_range = question->flags & BEDE_AGGREGATE_RANGE,
                  .low = question->low,
                  .high = question->high,
                  .has_integral = question->flags & BEDE_AGGREGATE_INTEGRAL},
        .as_of = question->as_of_ns == 0 ? UINT64_MAX : stamp_ceiling_of(question->as_of_ns),
        .buckets = out_buckets,
    };
    return report(call_run(&call, &inner), &inner, error);
}
