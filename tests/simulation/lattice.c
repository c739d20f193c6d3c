#include "tests/simulation/lattice.h"

#include <stdlib.h>

#include "storage/base/assert.h"
#include "storage/base/hash.h"
#include "storage/base/random.h"

enum {
    NODES_MAX = 6,
    MESSAGES_MAX = 8,
    SEEN_MAX = 4096,
    REGISTERS = 2,
};

#define MS INT64_C(1000000)

/* Something on its way, as its sender had it. */
struct message {
    size_t to;
    size_t entry_count;
    size_t record_count;
    struct {
        unsigned tag;
        unsigned time;
        struct entry entry;
    } entries[LATTICE_TAGS * LATTICE_TIMES + LATTICE_EXPLICIT_MAX]; /* room for all there is */
    struct lattice_record records[LATTICE_RECORDS_MAX];
};

/* What was given a name, as far as another node saw it (W1). */
struct seen {
    uint64_t run; /* of another run: free */
    uint64_t name;
    uint64_t content;
};

struct lattice {
    struct random random;
    enum lattice_fault fault;
    uint64_t run; /* counts runs, so that seen[] need not be cleared */
    uint64_t trace;
    const char *failure; /* NULL: none */
    int64_t world_ns;
    int64_t tick_ns_max; /* between steps */
    uint32_t generation_last;
    size_t explicit_count; /* ever written: no cell can hold more */
    size_t record_count;
    size_t node_count;
    size_t message_count;
    int64_t skews_ns[NODES_MAX];
    struct lattice_node nodes[NODES_MAX];
    struct lattice_state merged; /* of all, for W2 */
    struct message messages[MESSAGES_MAX];
    struct seen seen[SEEN_MAX];
};

struct lattice *lattice_create(void)
{
    return calloc(1, sizeof(struct lattice));
}

void lattice_destroy(struct lattice *lattice)
{
    free(lattice);
}

uint64_t lattice_trace(const struct lattice *lattice)
{
    return lattice->trace;
}

static uint64_t below(struct lattice *lattice, uint64_t bound)
{
    return random_below(&lattice->random, bound);
}

static bool one_in(struct lattice *lattice, uint32_t count)
{
    return random_chance(&lattice->random, 1, count);
}

static void lattice_fail(struct lattice *lattice, const char *failure)
{
    if (!lattice->failure) lattice->failure = failure;
}

static struct lattice_node *lattice_node_at(struct lattice *lattice, size_t index)
{
    struct lattice_node *node = &lattice->nodes[index];
    lattice_node_set_wall(node, lattice->world_ns + lattice->skews_ns[index]);
    return node;
}

/* Different in every call, in no order. */
static uint32_t lattice_generation(struct lattice *lattice)
{
    uint32_t high = (uint32_t)below(lattice, 1 << 16);
    return high << 16 | ++lattice->generation_last;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static const struct {
    uint32_t size_bytes;
    char bytes[8];
} texts[] = {{1, "a"}, {1, "b"}, {2, "ab"}};

static const struct text_value *some_text(struct lattice *lattice)
{
    const void *text = &texts[below(lattice, sizeof texts / sizeof *texts)];
    return text;
}

/* Few values, so that nodes often say the same. */
static struct entry some_sample(struct lattice *lattice)
{
    static const uint8_t types[] = {VALUE_I64, VALUE_I64, VALUE_STATE, VALUE_TEXT};
    static const uint32_t qualities[] = {0, 0, 0, 1, 0x40000000, 0x80000000};
    struct entry entry = {
        .type = types[below(lattice, sizeof types)],
        .quality = qualities[below(lattice, sizeof qualities / sizeof *qualities)],
        .value = below(lattice, 3),
    };
    if (entry.type == VALUE_TEXT) entry.value = value_from_text(some_text(lattice));
    return entry;
}

/* Mostly what is measured now, else anything late or far ahead. */
static unsigned some_time(struct lattice *lattice, const struct lattice_node *node)
{
    if (one_in(lattice, 2)) return (unsigned)below(lattice, LATTICE_TIMES);
    int64_t now = (node->wall_ns - LATTICE_FIRST_NS) / LATTICE_STEP_NS;
    if (now < 0) return 0;
    return now < LATTICE_TIMES ? (unsigned)now : LATTICE_TIMES - 1;
}

static void step_collect(struct lattice *lattice, struct lattice_node *node)
{
    unsigned times[3];
    struct entry samples[3];
    size_t count = 0;
    unsigned time = some_time(lattice, node);
    size_t count_max = 1 + below(lattice, 3);
    while (count < count_max && time < LATTICE_TIMES) {
        times[count] = time;
        samples[count++] = some_sample(lattice);
        time += 1 + (unsigned)below(lattice, 3);
    }
    lattice_node_collect(node, (unsigned)below(lattice, LATTICE_TAGS), times, samples, count);
}

static void step_explicit(struct lattice *lattice, struct lattice_node *node)
{
    if (lattice->explicit_count == LATTICE_EXPLICIT_MAX) return;
    lattice->explicit_count++;
    struct entry entry = some_sample(lattice);
    entry.kind = ENTRY_CORRECTION;
    if (one_in(lattice, 2)) {
        entry = (struct entry){.type = entry.type, .kind = ENTRY_DELETION};
    }
    if (one_in(lattice, 2)) entry.note = some_text(lattice);
    lattice_node_explicit(node, (unsigned)below(lattice, LATTICE_TAGS), some_time(lattice, node),
                          entry);
}

static void step_mask(struct lattice *lattice, struct lattice_node *node)
{
    if (lattice->record_count == LATTICE_RECORDS_MAX) return;
    lattice->record_count++;
    unsigned from = (unsigned)below(lattice, LATTICE_TIMES);
    int64_t from_ns = lattice_time_ns(from);
    int64_t to_ns = lattice_time_ns(from + 1 + (unsigned)below(lattice, 4));
    lattice_node_mask(node, 1 + (unsigned)below(lattice, (1 << LATTICE_TAGS) - 1), from_ns, to_ns);
}

static void step_unmask(struct lattice *lattice, struct lattice_node *node)
{
    if (lattice->record_count == LATTICE_RECORDS_MAX || node->live.record_count == 0) return;
    const struct lattice_record *record =
        &node->live.records[below(lattice, node->live.record_count)];
    if (record->kind != RECORD_MASK) return;
    lattice->record_count++;
    lattice_node_unmask(node, record->stamp);
}

static void step_register(struct lattice *lattice, struct lattice_node *node)
{
    if (lattice->record_count == LATTICE_RECORDS_MAX) return;
    lattice->record_count++;
    lattice_node_register(node, (unsigned)below(lattice, REGISTERS), below(lattice, 3));
}

/* ---- Time and failure ----------------------------------------------------------------------- */

static void step_commit(struct lattice *lattice, struct lattice_node *node)
{
    (void)lattice;
    lattice_node_commit(node);
}

static void step_crash(struct lattice *lattice, struct lattice_node *node)
{
    (void)lattice;
    lattice_node_crash(node);
}

static void step_back_up(struct lattice *lattice, struct lattice_node *node)
{
    (void)lattice;
    lattice_node_back_up(node);
}

/* A machine that is set back to an image often has the image's wall clock, too. */
static void step_restore(struct lattice *lattice, struct lattice_node *node)
{
    size_t index = (size_t)(node - lattice->nodes);
    if (one_in(lattice, 2)) lattice->skews_ns[index] = node->backup_wall_ns - lattice->world_ns;
    node = lattice_node_at(lattice, index);
    lattice_node_restore(node, lattice_generation(lattice));
}

static void step_time(struct lattice *lattice, struct lattice_node *node)
{
    (void)node;
    lattice->world_ns += (int64_t)below(lattice, 150000) * MS;
}

static void step_skew(struct lattice *lattice, struct lattice_node *node)
{
    int64_t skew_ns = ((int64_t)below(lattice, 301) - 150) * 1000 * MS;
    lattice->skews_ns[node - lattice->nodes] = one_in(lattice, 2) ? skew_ns : 0;
}

static void step_check(struct lattice *lattice, struct lattice_node *node)
{
    (void)lattice;
    lattice_node_check(node);
}

/* ---- Exchange ------------------------------------------------------------------------------- */

/* Takes note that a name stands for this content. */
static void lattice_see(struct lattice *lattice, uint64_t name, uint64_t content)
{
    size_t slot = name % SEEN_MAX;
    while (lattice->seen[slot].run == lattice->run) {
        if (lattice->seen[slot].name == name) {
            bool is_same = lattice->seen[slot].content == content;
            if (!is_same) lattice_fail(lattice, "a stamp was given twice"); /* W1 */
            return;
        }
        slot = (slot + 1) % SEEN_MAX;
    }
    lattice->seen[slot] = (struct seen){lattice->run, name, content};
}

static void lattice_see_entry(struct lattice *lattice, unsigned tag, unsigned time,
                              const struct entry *entry)
{
    if (entry->clock == 0) return;
    const uint64_t name[] = {tag,          time,          entry->kind,
                             entry->clock, entry->origin, entry->generation};
    struct digest content = {0};
    digest_entry(&content, (struct identity){0}, 0, entry);
    lattice_see(lattice, hash64(name, sizeof name), content.low);
}

static void lattice_see_record(struct lattice *lattice, const struct lattice_record *record)
{
    const uint64_t name[] = {record->stamp.clock, record->stamp.node, record->stamp.generation};
    struct entry content = lattice_record_entry(record);
    lattice_see(lattice, hash64(name, sizeof name), content.value);
}

static void message_add_cell(struct message *message, const struct lattice_state *state,
                             unsigned tag, unsigned time)
{
    const struct cell *cell = &state->cells[tag][time].cell;
    size_t count = cell->explicit_count + cell->has_collected;
    for (size_t i = 0; i < count; i++) {
        bool is_collected = i == cell->explicit_count;
        size_t place = message->entry_count++;
        message->entries[place].tag = tag;
        message->entries[place].time = time;
        message->entries[place].entry = is_collected ? cell->collected : cell->explicit_entries[i];
    }
}

/* One in stride of the cells and records that the sender serves. */
static void message_fill(struct lattice *lattice, struct message *message,
                         const struct lattice_state *state, uint32_t stride)
{
    message->entry_count = 0;
    message->record_count = 0;
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            if (one_in(lattice, stride)) message_add_cell(message, state, tag, time);
        }
    }
    for (size_t i = 0; i < state->record_count; i++) {
        if (!one_in(lattice, stride)) continue;
        message->records[message->record_count++] = state->records[i];
    }
}

static void message_deliver(struct lattice *lattice, const struct message *message)
{
    struct lattice_node *node = lattice_node_at(lattice, message->to);
    for (size_t i = 0; i < message->entry_count; i++) {
        unsigned tag = message->entries[i].tag, time = message->entries[i].time;
        lattice_see_entry(lattice, tag, time, &message->entries[i].entry);
        lattice_node_receive(node, tag, time, &message->entries[i].entry);
    }
    for (size_t i = 0; i < message->record_count; i++) {
        lattice_see_record(lattice, &message->records[i]);
        lattice_node_receive_record(node, &message->records[i]);
    }
}

/* When the net is full, a message is lost. */
static void step_send(struct lattice *lattice, struct lattice_node *node)
{
    size_t from = (size_t)(node - lattice->nodes);
    size_t place = lattice->message_count;
    if (place < MESSAGES_MAX) {
        lattice->message_count++;
    } else {
        place = below(lattice, MESSAGES_MAX);
    }
    struct message *message = &lattice->messages[place];
    message->to = (from + 1 + below(lattice, lattice->node_count - 1)) % lattice->node_count;
    bool is_rash = lattice->fault == FAULT_SERVED_UNCOMMITTED;
    message_fill(lattice, message, is_rash ? &node->live : &node->durable,
                 1 + (uint32_t)below(lattice, 4));
}

/* Any message, for any node: some come again. */
static void step_deliver(struct lattice *lattice, struct lattice_node *node)
{
    (void)node;
    if (lattice->message_count == 0) return;
    size_t place = below(lattice, lattice->message_count);
    message_deliver(lattice, &lattice->messages[place]);
    if (one_in(lattice, 4)) return;
    lattice->messages[place] = lattice->messages[--lattice->message_count];
}

/* ---- The end -------------------------------------------------------------------------------- */

static void state_merge(struct lattice_state *target, const struct lattice_state *source)
{
    for (unsigned tag = 0; tag < LATTICE_TAGS; tag++) {
        for (unsigned time = 0; time < LATTICE_TIMES; time++) {
            const struct cell *cell = &source->cells[tag][time].cell;
            if (cell->has_collected) lattice_state_add(target, tag, time, &cell->collected);
            for (size_t i = 0; i < cell->explicit_count; i++) {
                lattice_state_add(target, tag, time, &cell->explicit_entries[i]);
            }
        }
    }
    for (size_t i = 0; i < source->record_count; i++) {
        lattice_state_add_record(target, &source->records[i]);
    }
}

/* All that one node holds, to another. */
static void lattice_exchange(struct lattice *lattice, size_t from, size_t to)
{
    struct message message;
    message.to = to;
    message_fill(lattice, &message, &lattice->nodes[from].durable, 1);
    message_deliver(lattice, &message);
    lattice_node_commit(&lattice->nodes[to]);
}

/* Along a line of all nodes in any order and back, so that everything reaches everyone over
 * others. */
static void lattice_converge(struct lattice *lattice)
{
    size_t line[NODES_MAX] = {0};
    for (size_t i = 0; i < lattice->node_count; i++) {
        size_t place = below(lattice, i + 1);
        line[i] = line[place];
        line[place] = i;
    }
    for (size_t i = 1; i < lattice->node_count; i++) {
        lattice_exchange(lattice, line[i - 1], line[i]);
    }
    for (size_t i = lattice->node_count - 1; i > 0; i--) {
        lattice_exchange(lattice, line[i], line[i - 1]);
    }
}

static void lattice_finish(struct lattice *lattice)
{
    lattice_state_init(&lattice->merged, 0);
    for (size_t i = 0; i < lattice->node_count; i++) {
        struct lattice_node *node = lattice_node_at(lattice, i);
        if (one_in(lattice, 4)) lattice_node_crash(node);
        lattice_node_commit(node);
        state_merge(&lattice->merged, &node->durable);
    }
    lattice_converge(lattice);
    for (size_t i = 0; i < lattice->node_count; i++) {
        struct lattice_node *node = &lattice->nodes[i];
        lattice_node_check(node);
        if (node->failure) lattice_fail(lattice, node->failure);
        if (!lattice_state_equal(&node->live, &lattice->merged)) {
            lattice_fail(lattice, "the nodes do not hold the same"); /* W2 */
        }
    }
}

/* ---- The run -------------------------------------------------------------------------------- */

static const struct {
    uint32_t weight;
    void (*run)(struct lattice *lattice, struct lattice_node *node);
} steps[] = {
    {24, step_collect}, {8, step_explicit}, {4, step_mask},  {3, step_unmask},
    {2, step_register}, {12, step_commit},  {3, step_crash}, {2, step_back_up},
    {2, step_restore},  {5, step_time},     {2, step_skew},  {4, step_check},
    {14, step_send},    {14, step_deliver},
};

enum { STEPS = sizeof steps / sizeof *steps };

static void lattice_begin(struct lattice *lattice, uint64_t seed, enum lattice_fault fault)
{
    random_init(&lattice->random, seed);
    lattice->fault = fault;
    lattice->run++;
    lattice->failure = NULL;
    lattice->world_ns = LATTICE_FIRST_NS + 3 * LATTICE_STEP_NS;
    lattice->tick_ns_max = one_in(lattice, 2) ? MS / 32 : MS; /* many stamps in a ms, or one */
    lattice->generation_last = 0;
    lattice->explicit_count = 0;
    lattice->record_count = 0;
    lattice->message_count = 0;
    lattice->node_count = 2 + below(lattice, NODES_MAX - 1);
    for (size_t i = 0; i < lattice->node_count; i++) {
        uint64_t id = below(lattice, 1 << 16) << 8 | i;
        lattice_node_init(&lattice->nodes[i], id, lattice_generation(lattice), fault);
        lattice->skews_ns[i] = 0;
        step_skew(lattice, &lattice->nodes[i]);
    }
}

/* Each run has a taste of its own: some steps not at all, some often. */
static uint32_t lattice_weigh(struct lattice *lattice, uint32_t *weights)
{
    static const uint32_t factors[] = {0, 1, 1, 2, 4};
    uint32_t sum = 0;
    for (size_t i = 0; i < STEPS; i++) {
        sum += steps[i].weight * factors[below(lattice, sizeof factors / sizeof *factors)];
        weights[i] = sum;
    }
    return sum;
}

const char *lattice_run(struct lattice *lattice, uint64_t seed, enum lattice_fault fault)
{
    lattice_begin(lattice, seed, fault);
    uint32_t weights[STEPS];
    uint32_t sum = lattice_weigh(lattice, weights);
    uint64_t step_count = sum == 0 ? 0 : 20 + below(lattice, 300);
    for (uint64_t i = 0; i < step_count && !lattice->failure; i++) {
        lattice->world_ns += (int64_t)below(lattice, (uint64_t)lattice->tick_ns_max + 1);
        struct lattice_node *node = lattice_node_at(lattice, below(lattice, lattice->node_count));
        uint64_t choice = below(lattice, sum);
        size_t step = 0;
        while (weights[step] <= choice) step++;
        steps[step].run(lattice, node);
        if (node->failure) lattice_fail(lattice, node->failure);
    }
    if (!lattice->failure) lattice_finish(lattice);
    lattice->trace = random_u64(&lattice->random) ^ lattice->nodes[0].live.digests[0].low ^
                     lattice->nodes[0].live.journal_digest.low;
    return lattice->failure;
}
