#include "storage/segment_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/base/random.h"
#include "storage/block.h"
#include "storage/codec.h"
#include "storage/disk_names.h"
#include "storage/mixed_stage.h"
#include "storage/segment_stage.h"
#include "storage/segment_tally.h"

enum { WRITE_BYTES = 1 << 20 };
#define COPY_ARENA_BYTES_MAX ((size_t)1 << 30)

struct segment_writer {
    struct file_system *file_system; /* borrowed */
    char directory[FILE_PATH_BYTES_MAX];
    char temporary_path[FILE_PATH_BYTES_MAX];
    char path[FILE_PATH_BYTES_MAX];
    struct file *file; /* owned; NULL once finished */
    struct identity uuid;
    uint64_t header_checksum;
    bool has_temporary; /* name, that is not renamed yet */

    struct buffer out; /* what is not written yet; begins at written_bytes */
    uint8_t *pages;    /* owned; WRITE_BYTES, aligned for writes past the cache */
    uint64_t written_bytes;

    struct segment_stage stage;
    uint64_t stage_sequence;
    size_t block_samples_max;
    struct mixed_stage mixed;
    size_t mixed_samples_max; /* of a tag; 0: no tag is mixed */

    struct segment_index_entry entry; /* of the (tag, kind) at hand; no descriptors yet: none */
    bool entry_has_step;              /* the next one is known */
    bool entry_is_stepped;
    struct codec_hint entry_hint; /* what its last block took */
    bool (*is_stepped)(void *context, struct identity identity);
    void *context;
    struct buffer descriptors;       /* of struct block_descriptor */
    struct buffer index;             /* of struct segment_index_entry */
    struct buffer mixed_descriptors; /* of struct mixed_descriptor */
    struct segment_tally tally;
    struct arena decoded; /* of a copied block */
};

/* ---- Bytes into the file ---- */

static uint64_t writer_offset(const struct segment_writer *writer)
{
    return writer->written_bytes + writer->out.size_bytes;
}

uint64_t segment_writer_bytes(const struct segment_writer *writer)
{
    return writer_offset(writer);
}

/* Writes from aligned memory, so that whole pages need not pass through the system's cache. */
static enum status writer_write(struct segment_writer *writer, size_t size, struct error *error)
{
    const uint8_t *next = writer->out.bytes;
    for (size_t done = 0; done < size;) {
        size_t part = size - done < WRITE_BYTES ? size - done : WRITE_BYTES;
        memcpy(writer->pages, next + done, part);
        enum status status =
            file_write_at(writer->file, writer->pages, part, writer->written_bytes, error);
        if (status < 0) return status;
        writer->written_bytes += part;
        done += part;
    }
    return STATUS_OK;
}

/* Writes the whole pages of what is there; the rest waits for more. */
static enum status writer_write_out(struct segment_writer *writer, struct error *error)
{
    struct buffer *out = &writer->out;
    size_t size = out->size_bytes / FILE_DIRECT_ALIGNMENT * FILE_DIRECT_ALIGNMENT;
    enum status status = writer_write(writer, size, error);
    if (status < 0) return status;
    out->size_bytes -= size;
    memmove(out->bytes, out->bytes + size, out->size_bytes);
    return STATUS_OK;
}

static enum status writer_write_rest(struct segment_writer *writer, struct error *error)
{
    enum status status = writer_write(writer, writer->out.size_bytes, error);
    buffer_clear(&writer->out);
    return status;
}

/* Zeros up to where a section may begin; then the section, in pieces. */
static enum status writer_put_section(struct segment_writer *writer, const void *bytes, size_t size,
                                      struct segment_section *out_section, struct error *error)
{
    uint64_t end = writer_offset(writer);
    uint64_t offset = bytes_align(end, SEGMENT_ALIGNMENT);
    enum status status = buffer_add(&writer->out, NULL, offset - end, error);
    *out_section = (struct segment_section){.offset = offset, .size_bytes = size};
    const uint8_t *next = bytes;
    while (size > 0 && status == STATUS_OK) {
        size_t part = size < WRITE_BYTES ? size : WRITE_BYTES;
        status = buffer_add(&writer->out, next, part, error);
        if (status == STATUS_OK && part == WRITE_BYTES) status = writer_write_out(writer, error);
        next += part;
        size -= part;
    }
    return status;
}

/* ---- Lifetime ---- */

static enum status writer_name(struct segment_writer *writer, const char *directory,
                               uint64_t number, struct error *error)
{
    int length = snprintf(writer->temporary_path, FILE_PATH_BYTES_MAX,
                          "%s/" DISK_SEGMENT_TEMPORARY_FORMAT, directory, number);
    if (length < 0 || length >= FILE_PATH_BYTES_MAX) {
        return error_set(error, STATUS_BAD_INPUT, "%s: longer than a path may be", directory);
    }
    (void)snprintf(writer->path, FILE_PATH_BYTES_MAX, "%s/" DISK_SEGMENT_FORMAT, directory, number);
    (void)snprintf(writer->directory, FILE_PATH_BYTES_MAX, "%s", directory);
    return STATUS_OK;
}

static enum status writer_begin(struct segment_writer *writer,
                                const struct segment_writer_options *options, struct error *error)
{
    struct segment_header header = {
        .magic = SEGMENT_MAGIC,
        .version = SEGMENT_VERSION,
        .uuid = {random_system_u64(), random_system_u64()},
        .store = options->store,
        .level = options->level,
    };
    header.checksum = segment_header_checksum(&header);
    writer->uuid = header.uuid;
    writer->header_checksum = header.checksum;
    enum status status = file_open(writer->file_system, &writer->file, writer->temporary_path,
                                   FILE_CREATE_DIRECT, error);
    if (status < 0) return status;
    writer->has_temporary = true;
    return buffer_add(&writer->out, &header, sizeof header, error);
}

enum status segment_writer_create(struct segment_writer **out_writer,
                                  const struct segment_writer_options *options, struct error *error)
{
    struct segment_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return error_set(error, STATUS_NO_MEMORY, "%s: writer", options->directory);
    writer->file_system = options->file_system;
    writer->block_samples_max =
        options->block_samples_max > 0 ? options->block_samples_max : BLOCK_SAMPLES;
    writer->is_stepped = options->is_stepped;
    writer->context = options->context;
    writer->mixed_samples_max = options->mixed_samples_max;
    ASSERT(writer->block_samples_max <= CODEC_VALUES_MAX);
    ASSERT(writer->mixed_samples_max < writer->block_samples_max &&
           writer->mixed_samples_max <= MIXED_SAMPLES_MAX);
    buffer_init(&writer->out, WRITE_BYTES + BLOCK_BYTES_MAX);
    buffer_init(&writer->descriptors, UINT32_MAX * sizeof(struct block_descriptor));
    buffer_init(&writer->index, UINT32_MAX * sizeof(struct segment_index_entry));
    buffer_init(&writer->mixed_descriptors, UINT32_MAX * sizeof(struct mixed_descriptor));
    segment_tally_init(&writer->tally);
    arena_init(&writer->decoded, COPY_ARENA_BYTES_MAX);

    enum status status = STATUS_NO_MEMORY;
    writer->pages = aligned_alloc(FILE_DIRECT_ALIGNMENT, WRITE_BYTES);
    if (!writer->pages) {
        status = error_set(error, STATUS_NO_MEMORY, "%s: writer", options->directory);
        goto fail;
    }
    status = writer_name(writer, options->directory, options->number, error);
    if (status < 0) goto fail;
    status = segment_stage_init(&writer->stage, writer->block_samples_max, error);
    if (status < 0) goto fail;
    status = mixed_stage_init(&writer->mixed, options->mixed_tags_max, error);
    if (status < 0) goto fail;
    status = writer_begin(writer, options, error);
    if (status < 0) goto fail;
    *out_writer = writer;
    return STATUS_OK;

fail:
    segment_writer_destroy(writer);
    return status;
}

void segment_writer_destroy(struct segment_writer *writer)
{
    if (!writer) return;
    struct error ignored;
    file_close(writer->file);
    /* Where this fails, the store removes it at its next start. */
    if (writer->has_temporary) {
        (void)file_remove(writer->file_system, writer->temporary_path, &ignored);
    }
    segment_stage_finish(&writer->stage);
    mixed_stage_finish(&writer->mixed);
    segment_tally_finish(&writer->tally);
    arena_finish(&writer->decoded);
    buffer_finish(&writer->out);
    free(writer->pages);
    buffer_finish(&writer->descriptors);
    buffer_finish(&writer->index);
    buffer_finish(&writer->mixed_descriptors);
    free(writer);
}

uint64_t segment_writer_sample_count(const struct segment_writer *writer)
{
    return writer->tally.digest.count + writer->stage.batch.sample_count +
           writer->mixed.digest.count;
}

/* ---- Blocks ---- */

/* The block that ends the buffer gets its descriptor. batch as for segment_tally_add(). */
static enum status writer_list(struct segment_writer *writer, struct block_descriptor *descriptor,
                               const struct block_header *header, const struct batch *batch,
                               struct error *error)
{
    struct segment_index_entry *entry = &writer->entry;
    bool is_first = entry->descriptor_count == 0;
    ASSERT(is_first || descriptor->first_time_ns > entry->last_time_ns ||
           (entry->kind == BLOCK_HISTORY && descriptor->first_time_ns == entry->last_time_ns));
    descriptor->offset = writer_offset(writer) - descriptor->block_bytes;
    struct tally_block block = tally_block_of(descriptor, header);
    enum status status =
        segment_tally_add(&writer->tally, &block, batch, &descriptor->origin_index, error);
    if (status == STATUS_OK) {
        status = buffer_add(&writer->descriptors, descriptor, sizeof *descriptor, error);
    }
    if (status < 0) return status;
    writer->tally.block_count++;
    if (is_first) entry->first_time_ns = descriptor->first_time_ns;
    entry->last_time_ns = descriptor->last_time_ns;
    entry->sample_count += descriptor->sample_count;
    entry->descriptor_count++;
    entry->type = descriptor->type;
    return writer->out.size_bytes < WRITE_BYTES ? STATUS_OK : writer_write_out(writer, error);
}

static enum status writer_encode(struct segment_writer *writer, const struct batch *batch,
                                 uint64_t sequence, struct error *error)
{
    size_t offset = writer->out.size_bytes;
    const struct segment_index_entry *entry = &writer->entry;
    if (!writer->entry_has_step) {
        writer->entry_is_stepped =
            writer->is_stepped && writer->is_stepped(writer->context, entry->identity);
        writer->entry_has_step = true;
    }
    enum status status = block_encode(&writer->out, entry->identity, (enum block_kind)entry->kind,
                                      batch, &writer->entry_hint, CODEC_EVERYDAY, error);
    if (status < 0) return status;
    struct block_header header;
    struct block_descriptor descriptor;
    memcpy(&header, writer->out.bytes + offset, sizeof header);
    descriptor_fill(&descriptor, &header, batch, writer->entry_is_stepped);
    descriptor.sequence = sequence;
    return writer_list(writer, &descriptor, &header, batch, error);
}

static enum status writer_encode_stage(struct segment_writer *writer, struct error *error)
{
    if (writer->stage.batch.sample_count == 0) return STATUS_OK;
    enum status status = writer_encode(writer, &writer->stage.batch, writer->stage_sequence, error);
    segment_stage_clear(&writer->stage);
    writer->stage_sequence = 0;
    return status;
}

/* ---- Mixed blocks ---- */

static struct mixed_descriptor mixed_describe(const struct mixed_stage *mixed,
                                              const struct mixed_header *header)
{
    return (struct mixed_descriptor){
        .first_identity = header->identity,
        .last_identity = mixed->entries[mixed->tag_count - 1].identity,
        .block_bytes = MIXED_PAYLOAD_OFFSET + header->payload_bytes,
        .sample_count = header->sample_count,
        .first_time_ns = mixed->first_time_ns,
        .last_time_ns = mixed->last_time_ns,
        .sequence = mixed->sequence,
        .digest_low = mixed->digest.low,
        .digest_high = mixed->digest.high,
        .block_checksum = (uint32_t)header->checksum,
        .tag_count = header->tag_count,
    };
}

static enum status writer_encode_mixed(struct segment_writer *writer, struct error *error)
{
    struct mixed_stage *mixed = &writer->mixed;
    if (mixed->tag_count == 0) return STATUS_OK;
    uint64_t offset = writer_offset(writer);
    size_t place = writer->out.size_bytes;
    enum status status = mixed_stage_encode(mixed, &writer->out, error);
    if (status < 0) return status;
    struct mixed_header header;
    memcpy(&header, writer->out.bytes + place, sizeof header);
    struct mixed_descriptor descriptor = mixed_describe(mixed, &header);
    descriptor.offset = offset;
    struct tally_block block = {
        .first_time_ns = mixed->first_time_ns,
        .last_time_ns = mixed->last_time_ns,
        .sequence = mixed->sequence,
        .digest = mixed->digest,
        .origin = header.origin,
    };
    status = segment_tally_add(&writer->tally, &block, &mixed->samples.batch,
                               &descriptor.origin_index, error);
    if (status == STATUS_OK) {
        status = buffer_add(&writer->mixed_descriptors, &descriptor, sizeof descriptor, error);
    }
    mixed_stage_clear(mixed);
    if (status < 0) return status;
    return writer->out.size_bytes < WRITE_BYTES ? STATUS_OK : writer_write_out(writer, error);
}

/* Whether all that there is of the tag is staged, and is little. */
static bool writer_can_mix(const struct segment_writer *writer)
{
    const struct batch *staged = &writer->stage.batch;
    return writer->entry.descriptor_count == 0 && writer->entry.kind == BLOCK_MAIN &&
           staged->type != VALUE_TEXT && staged->sample_count <= writer->mixed_samples_max;
}

static enum status writer_mix(struct segment_writer *writer, struct error *error)
{
    const struct batch *staged = &writer->stage.batch;
    enum status status = STATUS_OK;
    if (!mixed_stage_has_room(&writer->mixed, staged->sample_count)) {
        status = writer_encode_mixed(writer, error);
    }
    if (status == STATUS_OK) {
        status = mixed_stage_add(&writer->mixed, writer->entry.identity, staged,
                                 writer->stage_sequence, error);
    }
    segment_stage_clear(&writer->stage);
    writer->stage_sequence = 0;
    return status;
}

/* ---- Tags ---- */

/* Ends the (tag, kind) at hand. */
static enum status writer_end_entry(struct segment_writer *writer, struct error *error)
{
    struct segment_index_entry *entry = &writer->entry;
    if (writer->stage.batch.sample_count > 0 && writer_can_mix(writer)) {
        return writer_mix(writer, error);
    }
    enum status status = writer_encode_stage(writer, error);
    if (status < 0 || entry->descriptor_count == 0) return status;
    size_t bytes = entry->descriptor_count * sizeof(struct block_descriptor);
    entry->descriptors_checksum =
        hash64(writer->descriptors.bytes + writer->descriptors.size_bytes - bytes, bytes);
    return buffer_add(&writer->index, entry, sizeof *entry, error);
}

/* Goes on with the (tag, kind), or begins it. */
static enum status writer_enter(struct segment_writer *writer, struct identity identity,
                                uint8_t kind, struct error *error)
{
    struct segment_index_entry *entry = &writer->entry;
    bool is_first = entry->descriptor_count == 0 && writer->stage.batch.sample_count == 0;
    int order = segment_index_compare(entry, identity, kind);
    ASSERT(is_first || order <= 0);
    if (!is_first && order == 0) return STATUS_OK;
    enum status status = writer_end_entry(writer, error);
    if (status < 0) return status;
    uint64_t count = writer->descriptors.size_bytes / sizeof(struct block_descriptor);
    *entry = (struct segment_index_entry){
        .identity = identity, .kind = kind, .first_descriptor = (uint32_t)count};
    writer->entry_hint = (struct codec_hint){0};
    writer->entry_has_step = false;
    return STATUS_OK;
}

/* The first samples that have one type, as a batch that says so. */
static struct batch first_of_one_type(const struct batch *batch, size_t first)
{
    uint8_t type = batch_type(batch, first);
    size_t count = batch->sample_count - first;
    if (batch->types) {
        size_t end = first + 1;
        while (end < batch->sample_count && batch->types[end] == type) end++;
        count = end - first;
    }
    struct batch run = batch_slice(batch, first, count);
    run.types = NULL;
    run.type = type;
    return run;
}

/* Samples of one type; *out_count of the first are taken. */
static enum status writer_take(struct segment_writer *writer, const struct batch *run,
                               uint64_t sequence, size_t *out_count, struct error *error)
{
    size_t full = writer->block_samples_max;
    const struct batch *staged = &writer->stage.batch;
    if (staged->sample_count > 0 && staged->type != run->type) {
        *out_count = 0;
        return writer_encode_stage(writer, error);
    }
    bool is_direct = staged->sample_count == 0 && run->sample_count >= full &&
                     run->type != VALUE_TEXT && !run->notes;
    if (is_direct) {
        struct batch slice = batch_slice(run, 0, full);
        *out_count = full;
        return writer_encode(writer, &slice, sequence, error);
    }
    enum status status = segment_stage_add(&writer->stage, run, out_count, error);
    if (status < 0) return status;
    if (*out_count > 0 && sequence > writer->stage_sequence) writer->stage_sequence = sequence;
    bool is_full = *out_count < run->sample_count || staged->sample_count == full;
    return is_full ? writer_encode_stage(writer, error) : STATUS_OK;
}

enum status segment_writer_add(struct segment_writer *writer, struct identity identity,
                               enum block_kind kind, const struct batch *batch, uint64_t sequence,
                               struct error *error)
{
    ASSERT(!batch->tags && batch->sample_count >= 1);
    enum status status = writer_enter(writer, identity, (uint8_t)kind, error);
    for (size_t next = 0; status == STATUS_OK && next < batch->sample_count;) {
        struct batch run = first_of_one_type(batch, next);
        size_t count = 0;
        status = writer_take(writer, &run, sequence, &count, error);
        next += count;
    }
    return status;
}

enum status segment_writer_copy(struct segment_writer *writer, const uint8_t *block,
                                const struct block_descriptor *descriptor, struct error *error)
{
    ASSERT_SLOW(block_is_intact(block, descriptor->block_bytes));
    struct block_header header;
    memcpy(&header, block, sizeof header);
    enum status status = writer_enter(writer, header.identity, header.kind, error);
    if (status == STATUS_OK) status = writer_encode_stage(writer, error);
    if (status < 0) return status;

    /* What the descriptor does not tell, the block does. */
    struct batch batch;
    const struct batch *known = NULL;
    arena_reset(&writer->decoded);
    if (descriptor->flags & (BLOCK_HAS_REVISION | BLOCK_HAS_ORIGINS)) {
        status = block_decode(block, descriptor->block_bytes, &writer->decoded, &batch);
        if (status < 0) return error_set(error, status, "a block to be copied cannot be decoded");
        known = &batch;
    }
    status = buffer_add(&writer->out, block, descriptor->block_bytes, error);
    if (status < 0) return status;
    struct block_descriptor copy = *descriptor;
    return writer_list(writer, &copy, &header, known, error);
}

/* ---- The end of the file ---- */

static enum status index_top(const struct buffer *index, struct buffer *out_top,
                             struct error *error)
{
    const size_t page_bytes = SEGMENT_INDEX_PAGE_ENTRIES * sizeof(struct segment_index_entry);
    for (size_t offset = 0; offset < index->size_bytes; offset += page_bytes) {
        size_t bytes = index->size_bytes - offset;
        if (bytes > page_bytes) bytes = page_bytes;
        struct segment_top_entry top = {.page_checksum = hash64(index->bytes + offset, bytes)};
        memcpy(&top.first_identity, index->bytes + offset, sizeof top.first_identity);
        enum status status = buffer_add(out_top, &top, sizeof top, error);
        if (status < 0) return status;
    }
    return STATUS_OK;
}

/* Everything behind the blocks but the footer, which it fills. */
static enum status writer_put_sections(struct segment_writer *writer, struct segment_footer *footer,
                                       struct error *error)
{
    struct buffer top;
    buffer_init(&top, SIZE_MAX / 2);
    footer->blocks.offset = sizeof(struct segment_header);
    footer->blocks.size_bytes = writer_offset(writer) - footer->blocks.offset;
    enum status status = index_top(&writer->index, &top, error);
    if (status < 0) goto done;

    const struct buffer none = {0};
    const struct buffer *origins = &writer->tally.origins;
    const struct {
        const struct buffer *content;
        struct segment_section *section;
    } sections[] = {
        {&writer->descriptors, &footer->descriptors},
        {&none, &footer->summaries},
        {&writer->index, &footer->index},
        {&top, &footer->top},
        {origins, &footer->origins},
        {&writer->mixed_descriptors, &footer->mixed},
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0] && status == STATUS_OK; i++) {
        status = writer_put_section(writer, sections[i].content->bytes,
                                    sections[i].content->size_bytes, sections[i].section, error);
    }
    footer->top_checksum = hash64(top.bytes, top.size_bytes);
    footer->origins_checksum = hash64(origins->bytes, origins->size_bytes);
    footer->mixed_checksum =
        hash64(writer->mixed_descriptors.bytes, writer->mixed_descriptors.size_bytes);
done:
    buffer_finish(&top);
    return status;
}

static enum status writer_put_footer(struct segment_writer *writer, struct segment_footer *footer,
                                     struct error *error)
{
    footer->magic = SEGMENT_FOOTER_MAGIC;
    footer->version = SEGMENT_VERSION;
    footer->uuid = writer->uuid;
    footer->header_checksum = writer->header_checksum;
    segment_tally_tell(&writer->tally, footer);
    footer->checksum = segment_footer_checksum(footer);
    struct segment_section place;
    enum status status = writer_put_section(writer, footer, sizeof *footer, &place, error);
    if (status == STATUS_OK) status = writer_write_rest(writer, error);
    ASSERT(status < 0 || segment_footer_is_valid(footer, writer->written_bytes));
    return status;
}

enum status segment_writer_finish(struct segment_writer *writer, struct segment_footer *out_footer,
                                  uint64_t *out_bytes, struct error *error)
{
    struct segment_footer footer = {0};
    ASSERT(segment_writer_sample_count(writer) > 0);
    enum status status = writer_end_entry(writer, error);
    if (status == STATUS_OK) status = writer_encode_mixed(writer, error);
    if (status == STATUS_OK) status = writer_put_sections(writer, &footer, error);
    if (status == STATUS_OK) status = writer_put_footer(writer, &footer, error);
    if (status == STATUS_OK) status = file_sync(writer->file, error);
    file_close(writer->file);
    writer->file = NULL;
    if (status == STATUS_OK) {
        status = file_rename(writer->file_system, writer->temporary_path, writer->path, error);
    }
    if (status < 0) return status;
    writer->has_temporary = false;
    status = file_sync_directory(writer->file_system, writer->directory, error);
    if (status < 0) return status;
    if (out_footer) *out_footer = footer;
    if (out_bytes) *out_bytes = writer->written_bytes;
    return STATUS_OK;
}
