/* Segment verify: reads and checks every byte of a segment.
 *
 * It follows the tree of checksums as every reader does (G1), and then looks at what only the whole
 * can show: that nothing lies between, that blocks hold what their descriptors say, that sums are
 * sums. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/bytes.h"
#include "storage/block.h"
#include "storage/segment_reader.h"
#include "storage/segment_tally.h"

#define VERIFY_ARENA_BYTES_MAX ((size_t)4 << 30)

/* A block as it was read and decoded. */
struct verify_block {
    struct segment_bytes bytes;
    struct arena decoded;
    struct batch batch; /* sample_count 0: none */
};

struct verify {
    struct segment *segment; /* borrowed, as is the report's context */
    void (*report)(void *context, const char *text);
    void *context;
    struct segment_check check;
    struct segment_tally tally;
    struct arena descriptors;
    struct verify_block blocks[2]; /* of one (tag, kind): the one at hand, and the one before */
    struct segment_index_entry last_entry;
    uint64_t next_descriptor; /* where the next one is expected */
    uint64_t next_offset;
    size_t next_mixed;
    struct verify_mixed {
        struct segment_bytes bytes;
        struct arena decoded;
    } mixed;
    bool has_lost_place; /* behind damage: from there on, not below */
};

static void verify_report(struct verify *verify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void verify_report(struct verify *verify, const char *format, ...)
{
    char text[FILE_PATH_BYTES_MAX + 400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    verify->check.damaged_count++;
    verify->report(verify->context, text);
}

/* With what it costs. */
static void verify_report_entry(struct verify *verify, const char *what,
                                const struct segment_index_entry *entry)
{
    verify_report(verify,
                  "%s; tag %016" PRIx64 "%016" PRIx64 ", %s, %" PRIu64 " samples of times %" PRId64
                  " to %" PRId64,
                  what, entry->identity.high, entry->identity.low,
                  entry->kind == BLOCK_MAIN ? "main" : "history", entry->sample_count,
                  entry->first_time_ns, entry->last_time_ns);
}

static void verify_report_block(struct verify *verify, const char *what,
                                const struct segment_index_entry *entry,
                                const struct block_descriptor *descriptor)
{
    verify_report(verify,
                  "%s: block at %" PRIu64 " %s; tag %016" PRIx64 "%016" PRIx64
                  ", %s, %u samples of times %" PRId64 " to %" PRId64,
                  segment_path(verify->segment), descriptor->offset, what, entry->identity.high,
                  entry->identity.low, entry->kind == BLOCK_MAIN ? "main" : "history",
                  descriptor->sample_count, descriptor->first_time_ns, descriptor->last_time_ns);
}

/* ---- Blocks ---- */

/* The descriptor that this block should have; what only the writer knew is taken over. */
static struct block_descriptor descriptor_expected(const struct block_descriptor *found,
                                                   const uint8_t *block, const struct batch *batch)
{
    struct block_header header;
    struct block_descriptor expected;
    memcpy(&header, block, sizeof header);
    descriptor_fill(&expected, &header, batch, found->flags & BLOCK_STEPPED);
    expected.offset = found->offset;
    expected.sequence = found->sequence;
    expected.origin_index = found->origin_index;
    return expected;
}

/* F3 across the border: history blocks may share a time, but not an entry. */
static bool batches_follow(const struct batch *earlier, const struct batch *later)
{
    if (earlier->sample_count == 0) return true;
    size_t last = earlier->sample_count - 1;
    if (batch_time_ns(earlier, last) != batch_time_ns(later, 0)) return true; /* G2 was checked */
    struct entry before = batch_entry(earlier, last), behind = batch_entry(later, 0);
    return entry_compare(&before, &behind) < 0;
}

/* What is wrong with an intact block that was decoded; NULL for nothing. */
static const char *block_fault(const struct segment_index_entry *entry,
                               const struct block_descriptor *descriptor, const uint8_t *block,
                               const struct batch *batch, const struct batch *before)
{
    struct identity identity;
    memcpy(&identity, block + offsetof(struct block_header, identity), sizeof identity);
    if (identity_compare(identity, entry->identity) != 0) return "is of another tag";
    if (!batches_follow(before, batch)) return "does not follow the one before";
    struct block_descriptor expected = descriptor_expected(descriptor, block, batch);
    if (expected.digest_low != descriptor->digest_low ||
        expected.digest_high != descriptor->digest_high) {
        return "has another digest than its descriptor";
    }
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits, also of its doubles */
    if (memcmp(&expected, descriptor, sizeof expected) != 0) return "is not as its descriptor says";
    return NULL;
}

static enum status verify_tally(struct verify *verify, const struct segment_index_entry *entry,
                                const struct block_descriptor *descriptor, const uint8_t *block,
                                const struct batch *batch, struct error *error)
{
    struct block_header header;
    memcpy(&header, block, sizeof header);
    struct tally_block counted = tally_block_of(descriptor, &header);
    uint32_t origin_index;
    enum status status = segment_tally_add(&verify->tally, &counted, batch, &origin_index, error);
    if (status < 0) return status;
    verify->tally.block_count++;
    verify->check.block_count++;
    verify->check.sample_count += batch->sample_count;
    size_t origin_count;
    const struct segment_origin *origins = segment_origins(verify->segment, &origin_count);
    if (origins[descriptor->origin_index].node != header.origin) {
        verify_report_block(verify, "is of another origin than its descriptor says", entry,
                            descriptor);
    }
    return STATUS_OK;
}

static enum status verify_block(struct verify *verify, const struct segment_index_entry *entry,
                                const struct block_descriptor *descriptor, size_t index,
                                struct error *error)
{
    struct verify_block *mine = &verify->blocks[index % 2];
    const struct verify_block *before = &verify->blocks[(index + 1) % 2];
    const uint8_t *block;
    size_t bad;
    mine->batch.sample_count = 0;
    arena_reset(&mine->decoded);
    enum status status =
        segment_read_blocks(verify->segment, descriptor, 1, &mine->bytes, &block, &bad, error);
    if (status == STATUS_CORRUPT) {
        verify_report_block(verify, "is damaged", entry, descriptor);
        return STATUS_OK;
    }
    if (status < 0) return status;
    struct batch batch;
    status = block_decode(block, descriptor->block_bytes, &mine->decoded, &batch);
    if (status == STATUS_CORRUPT) {
        verify_report_block(verify, "cannot be decoded", entry, descriptor);
        return STATUS_OK;
    }
    if (status < 0) {
        return error_set(error, status, "%s: block at %" PRIu64, segment_path(verify->segment),
                         descriptor->offset);
    }
    mine->batch = batch;
    const char *fault = block_fault(entry, descriptor, block, &batch, &before->batch);
    if (fault) {
        verify_report_block(verify, fault, entry, descriptor);
        return STATUS_OK;
    }
    return verify_tally(verify, entry, descriptor, block, &batch, error);
}

/* Whether something begins where the one before ended; behind damage it may be later. */
static bool verify_place(const struct verify *verify, uint64_t found, uint64_t expected)
{
    return verify->has_lost_place ? found >= expected : found == expected;
}

/* ---- Mixed blocks ---- */

static void verify_report_mixed(struct verify *verify, const char *what,
                                const struct mixed_descriptor *descriptor)
{
    verify_report(verify,
                  "%s: mixed block at %" PRIu64 " %s; %" PRIu32 " samples of %" PRIu32
                  " tags, of times %" PRId64 " to %" PRId64,
                  segment_path(verify->segment), descriptor->offset, what, descriptor->sample_count,
                  descriptor->tag_count, descriptor->first_time_ns, descriptor->last_time_ns);
}

/* What the block's tags add up to, as its descriptor should say it. */
static struct mixed_descriptor mixed_expected(const struct mixed_descriptor *found,
                                              const struct mixed_block *block)
{
    struct mixed_descriptor expected = *found;
    struct digest digest = {0};
    expected.last_identity = block->identities[block->tag_count - 1];
    expected.first_time_ns = INT64_MAX;
    expected.last_time_ns = INT64_MIN;
    for (size_t i = 0; i < block->tag_count; i++) {
        struct batch batch = mixed_block_batch(block, i);
        int64_t first_ns = batch.times_ns[0], last_ns = batch.times_ns[batch.sample_count - 1];
        if (first_ns < expected.first_time_ns) expected.first_time_ns = first_ns;
        if (last_ns > expected.last_time_ns) expected.last_time_ns = last_ns;
        digest_batch(&digest, block->identities[i], &batch);
    }
    expected.digest_low = digest.low;
    expected.digest_high = digest.high;
    return expected;
}

static enum status verify_mixed_tally(struct verify *verify,
                                      const struct mixed_descriptor *descriptor,
                                      const struct mixed_block *block, struct error *error)
{
    const struct batch *columns = &block->columns;
    struct tally_block counted = {
        .first_time_ns = descriptor->first_time_ns,
        .last_time_ns = descriptor->last_time_ns,
        .sequence = descriptor->sequence,
        .digest = {descriptor->digest_low, descriptor->digest_high, descriptor->sample_count},
        .origin = columns->origins ? columns->origins[0] : columns->origin,
    };
    uint32_t origin_index;
    enum status status = segment_tally_add(&verify->tally, &counted, columns, &origin_index, error);
    if (status < 0) return status;
    verify->check.block_count++;
    verify->check.sample_count += descriptor->sample_count;
    size_t origin_count;
    const struct segment_origin *origins = segment_origins(verify->segment, &origin_count);
    if (origins[descriptor->origin_index].node != counted.origin) {
        verify_report_mixed(verify, "is of another origin than its descriptor says", descriptor);
    }
    return STATUS_OK;
}

static enum status verify_mixed(struct verify *verify, const struct mixed_descriptor *descriptor,
                                struct error *error)
{
    if (!verify_place(verify, descriptor->offset, verify->next_offset)) {
        verify_report_mixed(verify, "does not begin where the one before ends", descriptor);
    }
    verify->next_offset = descriptor->offset + descriptor->block_bytes;
    struct mixed_block block;
    enum status status = segment_read_mixed(verify->segment, descriptor, &verify->mixed.bytes,
                                            &verify->mixed.decoded, &block, error);
    if (status == STATUS_CORRUPT) {
        verify_report(verify, "%s", error->text);
        return STATUS_OK;
    }
    if (status < 0) return status;
    struct mixed_descriptor expected = mixed_expected(descriptor, &block);
    if (memcmp(&expected, descriptor, sizeof expected) != 0) {
        verify_report_mixed(verify, "is not as its descriptor says", descriptor);
        return STATUS_OK;
    }
    return verify_mixed_tally(verify, descriptor, &block, error);
}

/* Those that lie before this place in the file, so that everything is counted in the order in which
 * it was written. */
static enum status verify_mixed_before(struct verify *verify, uint64_t offset, struct error *error)
{
    size_t count;
    const struct mixed_descriptor *descriptors = segment_mixed(verify->segment, &count);
    while (verify->next_mixed < count && descriptors[verify->next_mixed].offset < offset) {
        enum status status = verify_mixed(verify, &descriptors[verify->next_mixed++], error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

/* ---- The index ---- */

static enum status verify_blocks(struct verify *verify, const struct segment_index_entry *entry,
                                 const struct block_descriptor *descriptors, struct error *error)
{
    const struct block_descriptor *last = &descriptors[entry->descriptor_count - 1];
    enum status status = verify_mixed_before(verify, descriptors[0].offset, error);
    if (status < 0) return status;
    if (!verify_place(verify, descriptors[0].offset, verify->next_offset)) {
        verify_report_block(verify, "does not begin where the one before ends", entry,
                            &descriptors[0]);
    }
    verify->next_offset = last->offset + last->block_bytes;
    verify->blocks[0].batch.sample_count = verify->blocks[1].batch.sample_count = 0;
    for (size_t i = 0; i < entry->descriptor_count; i++) {
        status = verify_block(verify, entry, &descriptors[i], i, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

static enum status verify_entry(struct verify *verify, const struct segment_index_entry *entry,
                                struct error *error)
{
    char what[FILE_PATH_BYTES_MAX + 100];
    if (!verify_place(verify, entry->first_descriptor, verify->next_descriptor)) {
        (void)snprintf(
            what, sizeof what, "%s: descriptors begin at number %" PRIu32 ", not %" PRIu64,
            segment_path(verify->segment), entry->first_descriptor, verify->next_descriptor);
        verify_report_entry(verify, what, entry);
    }
    verify->next_descriptor = (uint64_t)entry->first_descriptor + entry->descriptor_count;

    const struct block_descriptor *descriptors;
    size_t count;
    arena_reset(&verify->descriptors);
    enum status status = segment_descriptors(verify->segment, entry, INT64_MIN, INT64_MAX,
                                             &verify->descriptors, &descriptors, &count, error);
    if (status == STATUS_CORRUPT) {
        (void)snprintf(what, sizeof what, "%s", error->text);
        verify_report_entry(verify, what, entry);
        verify->has_lost_place = true;
        return STATUS_OK;
    }
    if (status < 0) return status;
    status = verify_blocks(verify, entry, descriptors, error);
    verify->has_lost_place = false;
    return status;
}

static enum status verify_page(struct verify *verify, uint64_t page, struct error *error)
{
    struct segment_index_entry entries[SEGMENT_INDEX_PAGE_ENTRIES];
    size_t count;
    enum status status = segment_read_page(verify->segment, page, entries, &count, error);
    if (status == STATUS_CORRUPT) {
        verify_report(verify, "%s", error->text);
        verify->has_lost_place = true;
        return STATUS_OK;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct segment_index_entry *last = &verify->last_entry;
        if (last->descriptor_count > 0 &&
            segment_index_compare(last, entries[i].identity, entries[i].kind) >= 0) {
            verify_report(verify, "%s: index page %" PRIu64 " does not follow the one before",
                          segment_path(verify->segment), page);
        }
        verify->last_entry = entries[i];
        status = verify_entry(verify, &entries[i], error);
    }
    return status;
}

/* ---- The whole ---- */

/* The bytes between two sections, and before the footer, are zeros. */
static enum status verify_gaps(struct verify *verify, struct error *error)
{
    const struct segment_footer *footer = segment_footer(verify->segment);
    const struct segment_section *sections[] = {
        &footer->blocks, &footer->descriptors, &footer->summaries, &footer->index,
        &footer->top,    &footer->origins,     &footer->mixed};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        uint8_t gap[SEGMENT_ALIGNMENT];
        uint64_t end = sections[i]->offset + sections[i]->size_bytes;
        size_t bytes = (size_t)(bytes_align(end, SEGMENT_ALIGNMENT) - end);
        enum status status = segment_read(verify->segment, gap, bytes, end, error);
        if (status < 0) return status;
        for (size_t j = 0; j < bytes; j++) {
            if (gap[j] == 0) continue;
            verify_report(verify, "%s: %" PRIu64 " lies between two sections and is not zero",
                          segment_path(verify->segment), end + j);
            break;
        }
    }
    return STATUS_OK;
}

/* Sums are those of all blocks, so they tell nothing once a block is lost. */
static void verify_totals(struct verify *verify)
{
    const struct segment_footer *footer = segment_footer(verify->segment);
    const char *path = segment_path(verify->segment);
    if (verify->check.damaged_count > 0) return;
    if (verify->next_descriptor != footer->block_count ||
        verify->next_offset != footer->blocks.offset + footer->blocks.size_bytes) {
        verify_report(verify, "%s: blocks that no tag of the index speaks of", path);
    }
    struct segment_footer expected = *footer;
    segment_tally_tell(&verify->tally, &expected);
    if (memcmp(&expected, footer, sizeof expected) != 0) {
        verify_report(verify, "%s: the footer's sums are not those of the blocks", path);
    }
    size_t count;
    const struct segment_origin *origins = segment_origins(verify->segment, &count);
    const struct buffer *counted = &verify->tally.origins;
    if (counted->size_bytes != count * sizeof *origins ||
        memcmp(counted->bytes, origins, counted->size_bytes) != 0) {
        verify_report(verify, "%s: the list of origins is not that of the blocks", path);
    }
}

static void verify_init(struct verify *verify)
{
    segment_tally_init(&verify->tally);
    arena_init(&verify->descriptors, VERIFY_ARENA_BYTES_MAX);
    segment_bytes_init(&verify->mixed.bytes);
    arena_init(&verify->mixed.decoded, VERIFY_ARENA_BYTES_MAX);
    for (size_t i = 0; i < 2; i++) {
        segment_bytes_init(&verify->blocks[i].bytes);
        arena_init(&verify->blocks[i].decoded, VERIFY_ARENA_BYTES_MAX);
    }
}

static void verify_finish(struct verify *verify)
{
    segment_tally_finish(&verify->tally);
    arena_finish(&verify->descriptors);
    segment_bytes_finish(&verify->mixed.bytes);
    arena_finish(&verify->mixed.decoded);
    for (size_t i = 0; i < 2; i++) {
        segment_bytes_finish(&verify->blocks[i].bytes);
        arena_finish(&verify->blocks[i].decoded);
    }
}

enum status segment_verify(struct segment *segment, void (*report)(void *context, const char *text),
                           void *context, struct segment_check *out_check, struct error *error)
{
    const struct segment_footer *footer = segment_footer(segment);
    struct verify verify = {.segment = segment,
                            .report = report,
                            .context = context,
                            .next_offset = footer->blocks.offset};
    verify_init(&verify);
    enum status status = verify_gaps(&verify, error);
    for (uint64_t i = 0; i < segment_page_count(footer) && status == STATUS_OK; i++) {
        status = verify_page(&verify, i, error);
    }
    if (status == STATUS_OK) status = verify_mixed_before(&verify, UINT64_MAX, error);
    if (status == STATUS_OK) {
        verify_totals(&verify);
        *out_check = verify.check;
    }
    verify_finish(&verify);
    return status;
}
