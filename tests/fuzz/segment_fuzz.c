/* Goal:   no bytes in a segment can crash its readers, and what verifying finds whole is whole.
 * Method: any bytes as a segment file, with the checksums put right so that what is behind them is
 *         reached; everything is walked, found, read and decoded. When verifying finds no damage,
 *         all entries are written again and must have the digest that the file claims. */
#include <stdlib.h>
#include <string.h>

#include "storage/base/assert.h"
#include "storage/base/file_memory.h"
#include "storage/block.h"
#include "storage/digest.h"
#include "storage/segment_reader.h"
#include "storage/segment_writer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/storage/segment_mend.h"

#define SEGMENT_PATH "0000000000000001.segment"
#define ARENA_BYTES_MAX ((size_t)256 << 20)

struct fuzz {
    struct file_system *disk;
    struct segment *segment;
    struct segment_bytes bytes;
    struct arena found;
    struct arena decoded;
    struct error error;
};

static struct file_system *disk_create(struct file_memory **out_memory, const uint8_t *bytes,
                                       size_t size)
{
    struct error error;
    struct file *file;
    enum status status = file_memory_create(out_memory, &error);
    ASSERT(status == STATUS_OK);
    struct file_system *disk = file_memory_system(*out_memory);
    status = file_open(disk, &file, SEGMENT_PATH, FILE_CREATE, &error);
    ASSERT(status == STATUS_OK);
    if (size > 0) status = file_write_at(file, bytes, size, 0, &error);
    ASSERT(status == STATUS_OK);
    file_close(file);
    return disk;
}

/* Reads the blocks of one entry; with a writer, also writes what they hold. */
static void read_entry(struct fuzz *fuzz, const struct segment_index_entry *entry, int64_t from_ns,
                       int64_t to_ns, struct segment_writer *writer)
{
    const struct block_descriptor *descriptors;
    size_t count;
    arena_reset(&fuzz->found);
    if (segment_descriptors(fuzz->segment, entry, from_ns, to_ns, &fuzz->found, &descriptors,
                            &count, &fuzz->error) < 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *block;
        struct batch batch;
        size_t bad;
        arena_reset(&fuzz->decoded);
        if (segment_read_blocks(fuzz->segment, &descriptors[i], 1, &fuzz->bytes, &block, &bad,
                                &fuzz->error) < 0 ||
            block_decode(block, descriptors[i].block_bytes, &fuzz->decoded, &batch) < 0) {
            ASSERT(!writer);
            continue;
        }
        if (!writer) continue;
        enum status status =
            segment_writer_add(writer, entry->identity, (enum block_kind)entry->kind, &batch,
                               descriptors[i].sequence, &fuzz->error);
        ASSERT(status == STATUS_OK);
    }
}

/* The tags of mixed blocks; with a writer, also writes what they hold. */
static void read_mixed(struct fuzz *fuzz, struct segment_writer *writer)
{
    struct mixed_walk walk;
    struct identity identity;
    struct batch batch;
    enum status status;
    mixed_walk_init(&walk, fuzz->segment);
    do {
        status = mixed_walk_next(&walk, &identity, &batch, &fuzz->error);
        if (status != STATUS_OK || !writer) continue;
        status = segment_writer_add(writer, identity, BLOCK_MAIN, &batch, walk.descriptor->sequence,
                                    &fuzz->error);
        ASSERT(status == STATUS_OK);
    } while (status == STATUS_OK || status == STATUS_CORRUPT);
    mixed_walk_finish(&walk);
}

static void read_all(struct fuzz *fuzz, struct segment_writer *writer)
{
    struct segment_walk walk;
    struct segment_index_entry entry, found;
    segment_walk_init(&walk, fuzz->segment);
    while (segment_walk_next(&walk, &entry, &fuzz->error) == STATUS_OK) {
        read_entry(fuzz, &entry, INT64_MIN, INT64_MAX, writer);
        if (writer) continue;
        if (segment_find(fuzz->segment, entry.identity, (enum block_kind)entry.kind, &found,
                         &fuzz->error) == STATUS_OK) {
            read_entry(fuzz, &found, entry.first_time_ns, entry.last_time_ns, NULL);
        }
    }
}

/* Entries of the index and mixed tags each rise by identity; together they would have to be merged,
 * so each gets a file of its own. */
static void write_part(struct fuzz *fuzz, uint64_t number,
                       void (*read)(struct fuzz *fuzz, struct segment_writer *writer),
                       struct digest *digest, uint64_t *clock_max)
{
    struct segment_writer_options options = {
        .file_system = fuzz->disk, .directory = "", .number = number, .mixed_samples_max = 9};
    struct segment_writer *writer;
    struct segment_footer footer;
    enum status status = segment_writer_create(&writer, &options, &fuzz->error);
    ASSERT(status == STATUS_OK);
    read(fuzz, writer);
    if (segment_writer_sample_count(writer) > 0) {
        status = segment_writer_finish(writer, &footer, NULL, &fuzz->error);
        ASSERT(status == STATUS_OK);
        digest_add(digest,
                   (struct digest){footer.digest_low, footer.digest_high, footer.sample_count});
        if (footer.clock_max > *clock_max) *clock_max = footer.clock_max;
    }
    segment_writer_destroy(writer);
}

static void write_again(struct fuzz *fuzz)
{
    struct digest digest = {0};
    uint64_t clock_max = 0;
    write_part(fuzz, 2, read_all, &digest, &clock_max);
    write_part(fuzz, 3, read_mixed, &digest, &clock_max);
    const struct segment_footer *claimed = segment_footer(fuzz->segment);
    ASSERT(digest.count == claimed->sample_count);
    ASSERT(digest.low == claimed->digest_low && digest.high == claimed->digest_high);
    ASSERT(clock_max == claimed->clock_max);
}

static void report_ignore(void *context, const char *text)
{
    (void)context;
    ASSERT(strlen(text) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));
    ASSERT(copy);
    if (size > 0) memcpy(copy, bytes, size);
    segment_mend(copy, size);
    struct file_memory *memory;
    struct fuzz fuzz = {.disk = disk_create(&memory, copy, size)};
    segment_bytes_init(&fuzz.bytes);
    arena_init(&fuzz.found, ARENA_BYTES_MAX);
    arena_init(&fuzz.decoded, ARENA_BYTES_MAX);

    if (segment_open(&fuzz.segment, fuzz.disk, "", 1, &fuzz.error) == STATUS_OK) {
        struct segment_check check;
        read_all(&fuzz, NULL);
        read_mixed(&fuzz, NULL);
        enum status status = segment_verify(fuzz.segment, report_ignore, NULL, &check, &fuzz.error);
        if (status == STATUS_OK && check.damaged_count == 0) write_again(&fuzz);
        segment_unref(fuzz.segment);
    }
    segment_bytes_finish(&fuzz.bytes);
    arena_finish(&fuzz.found);
    arena_finish(&fuzz.decoded);
    file_memory_destroy(memory);
    free(copy);
    return 0;
}
