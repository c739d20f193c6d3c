#include "storage/base/file_crash.h"

#include <stdbool.h>

#include "storage/base/file_memory.h"
#include "tests/unit.h"

static struct error error;
static struct file_memory *memory;
static struct file_system *disk;

static void begin(void)
{
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    disk = file_memory_system(memory);
}

static struct file_memory *crash_copy(enum file_crash how, uint64_t seed)
{
    struct file_memory *copy;
    ASSERT_OK(file_memory_copy(&copy, memory, &error), &error);
    struct random random;
    random_init(&random, seed);
    file_memory_crash(copy, &random, how);
    return copy;
}

/* ---- contents ---- */

enum { FILES = 3, BYTES_MAX = 8 * CRASH_SECTOR_BYTES, CHANGES_MAX = 20, WRITE_BYTES_MAX = 1500 };

struct content {
    uint8_t bytes[BYTES_MAX];
    size_t size;
};

struct change {
    int file;
    bool is_resize;
    size_t offset; /* the size, of a resize */
    size_t size;
    uint8_t value; /* of all bytes */
};

/* The naive twin: what was synced, and the list of what was not. */
struct twin {
    struct content durable[FILES];
    struct change changes[CHANGES_MAX];
    int count;
};

/* The change, or of a write only its bytes before end. */
static void content_change(struct content *content, const struct change *change, size_t end)
{
    if (change->is_resize) {
        if (change->offset > content->size) {
            memset(content->bytes + content->size, 0, change->offset - content->size);
        }
        content->size = change->offset;
        return;
    }
    if (end > change->offset + change->size) end = change->offset + change->size;
    if (end <= change->offset) return;
    if (end > content->size) {
        memset(content->bytes + content->size, 0, end - content->size);
        content->size = end;
    }
    memset(content->bytes + change->offset, change->value, end - change->offset);
}

static bool contents_are(struct file_memory *holder, const struct content *expected)
{
    for (int i = 0; i < FILES; i++) {
        char path[2] = {(char)('a' + i), 0};
        const uint8_t *bytes;
        size_t size;
        ck_assert_int_eq(file_memory_bytes(holder, path, &bytes, &size), STATUS_OK);
        if (size != expected[i].size) return false;
        if (size > 0 && memcmp(bytes, expected[i].bytes, size) != 0) return false;
    }
    return true;
}

/* Whether the disk is as after some of the first changes, the next one cut between sectors. */
static bool contents_are_torn(struct file_memory *holder, const struct twin *twin)
{
    struct content contents[FILES];
    memcpy(contents, twin->durable, sizeof contents);
    for (int i = 0; i <= twin->count; i++) {
        if (contents_are(holder, contents)) return true;
        if (i == twin->count) return false;
        const struct change *change = &twin->changes[i];
        struct content *content = &contents[change->file];
        struct content whole = *content;
        size_t end = change->offset / CRASH_SECTOR_BYTES * CRASH_SECTOR_BYTES;
        for (; !change->is_resize && end < change->offset + change->size;
             end += CRASH_SECTOR_BYTES) {
            content_change(content, change, end);
            if (contents_are(holder, contents)) return true;
            *content = whole;
        }
        content_change(content, change, BYTES_MAX);
    }
    return false;
}

/* The size that the file never fell below, as a reader saw it since its last sync. */
static size_t size_min(const struct twin *twin, int file)
{
    size_t size = twin->durable[file].size;
    for (int i = 0; i < twin->count; i++) {
        const struct change *change = &twin->changes[i];
        if (change->file == file && change->is_resize && change->offset < size) {
            size = change->offset;
        }
    }
    return size;
}

/* Whether the sector, before limit, is as after some of the first changes to it. */
static bool sector_is_some_version(const struct twin *twin, int file, size_t sector, size_t limit,
                                   const uint8_t *bytes)
{
    size_t offset = sector * CRASH_SECTOR_BYTES;
    size_t size = limit - offset < CRASH_SECTOR_BYTES ? limit - offset : CRASH_SECTOR_BYTES;
    struct content content = twin->durable[file];
    for (int i = 0; i <= twin->count; i++) {
        if (memcmp(content.bytes + offset, bytes + offset, size) == 0) return true;
        if (i == twin->count || twin->changes[i].file != file) continue;
        if (!twin->changes[i].is_resize) content_change(&content, &twin->changes[i], BYTES_MAX);
    }
    return false;
}

static bool size_is_some(const struct twin *twin, int file, size_t size)
{
    if (size == twin->durable[file].size) return true;
    for (int i = 0; i < twin->count; i++) {
        const struct change *change = &twin->changes[i];
        size_t end = change->is_resize ? change->offset : change->offset + change->size;
        if (change->file == file && end == size) return true;
    }
    return false;
}

static bool contents_are_scattered(struct file_memory *holder, const struct twin *twin)
{
    for (int i = 0; i < FILES; i++) {
        char path[2] = {(char)('a' + i), 0};
        const uint8_t *bytes;
        size_t size;
        ck_assert_int_eq(file_memory_bytes(holder, path, &bytes, &size), STATUS_OK);
        if (!size_is_some(twin, i, size)) return false;
        size_t limit = size_min(twin, i);
        if (size < limit) return false;
        for (size_t sector = 0; sector * CRASH_SECTOR_BYTES < limit; sector++) {
            if (!sector_is_some_version(twin, i, sector, limit, bytes)) return false;
        }
    }
    return true;
}

static void twin_sync(struct twin *twin, int file)
{
    int kept = 0;
    for (int i = 0; i < twin->count; i++) {
        if (twin->changes[i].file == file) {
            content_change(&twin->durable[file], &twin->changes[i], BYTES_MAX);
        } else {
            twin->changes[kept++] = twin->changes[i];
        }
    }
    twin->count = kept;
}

static void assert_crashes(const struct twin *twin, uint64_t seed)
{
    struct content visible[FILES];
    memcpy(visible, twin->durable, sizeof visible);
    for (int i = 0; i < twin->count; i++) {
        content_change(&visible[twin->changes[i].file], &twin->changes[i], BYTES_MAX);
    }
    for (int how = 0; how < FILE_CRASH_COUNT; how++) {
        struct file_memory *copy = crash_copy((enum file_crash)how, seed);
        bool is_kept = false;
        switch ((enum file_crash)how) {
        case FILE_CRASH_KILLED: is_kept = contents_are(copy, visible); break;
        case FILE_CRASH_LOST: is_kept = contents_are(copy, twin->durable); break;
        case FILE_CRASH_TORN: is_kept = contents_are_torn(copy, twin); break;
        case FILE_CRASH_SCATTERED: is_kept = contents_are_scattered(copy, twin); break;
        case FILE_CRASH_COUNT: break;
        }
        ck_assert_msg(is_kept, "seed %lu: crash %d breaks its promise", (unsigned long)seed, how);
        file_memory_destroy(copy);
    }
}

/* Goal:   what was synced survives any crash exactly, and the rest as the crash's kind allows.
 * Method: random writes, resizes and syncs of some files; after every third, a copy of the disk crashes
 *         in every way, and is compared with a twin that lists what was not synced. */
START_TEST(crash_keeps_what_was_synced)
{
    uint64_t seeds = unit_number("BEDE_SEEDS", 20);
    uint64_t only = unit_number("BEDE_SEED", UINT64_MAX);
    for (uint64_t seed = only == UINT64_MAX ? 0 : only; seed < seeds || seed == only; seed++) {
        struct random random;
        random_init(&random, seed);
        static struct twin twin;
        memset(&twin, 0, sizeof twin);
        begin();
        struct file *files[FILES];
        for (int i = 0; i < FILES; i++) {
            char path[2] = {(char)('a' + i), 0};
            ASSERT_OK(file_open(disk, &files[i], path, FILE_CREATE, &error), &error);
        }
        ASSERT_OK(file_sync_directory(disk, "/", &error), &error);

        for (int i = 0; i < 60; i++) {
            int file = (int)random_below(&random, FILES);
            uint64_t kind = random_below(&random, 10);
            if (kind == 0 || twin.count == CHANGES_MAX) {
                ASSERT_OK(file_sync(files[file], &error), &error);
                twin_sync(&twin, file);
                continue;
            }
            struct change *change = &twin.changes[twin.count++];
            *change = (struct change){.file = file, .is_resize = kind < 3};
            change->offset = random_below(&random, BYTES_MAX - WRITE_BYTES_MAX);
            change->size = 1 + random_below(&random, WRITE_BYTES_MAX);
            change->value = (uint8_t)random_u64(&random);
            if (change->is_resize) {
                ASSERT_OK(file_truncate(files[file], change->offset, &error), &error);
            } else {
                uint8_t bytes[WRITE_BYTES_MAX];
                memset(bytes, change->value, change->size);
                ASSERT_OK(file_write_at(files[file], bytes, change->size, change->offset, &error),
                          &error);
            }
            if (i % 3 == 0) assert_crashes(&twin, seed * 1000 + (uint64_t)i);
        }
        for (int i = 0; i < FILES; i++) file_close(files[i]);
        file_memory_destroy(memory);
        if (seed == only) break;
    }
}
END_TEST

/* ---- how bad it gets ---- */

/* The sectors of "f" that hold this byte throughout, as bits; others must hold the other one. */
static unsigned sectors_with(struct file_memory *holder, uint8_t value, uint8_t other)
{
    const uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(file_memory_bytes(holder, "f", &bytes, &size), STATUS_OK);
    ck_assert_uint_eq(size, BYTES_MAX);
    unsigned sectors = 0;
    bool is_whole = true;
    for (size_t i = 0; i < BYTES_MAX; i++) {
        size_t sector = i / CRASH_SECTOR_BYTES;
        if (i % CRASH_SECTOR_BYTES == 0 && bytes[i] == value) sectors |= 1U << sector;
        is_whole &= bytes[i] == (sectors >> sector & 1 ? value : other);
    }
    ck_assert(is_whole);
    return sectors;
}

/* Goal:   crashes tear and scatter one large write in all ways between sectors, never within one.
 * Method: many seeds over one write of eight sectors; count what is met. */
START_TEST(crash_tears_and_scatters)
{
    begin();
    static uint8_t bytes[BYTES_MAX];
    struct file *file;
    memset(bytes, 'o', sizeof bytes);
    ASSERT_OK(file_open(disk, &file, "f", FILE_CREATE, &error), &error);
    ASSERT_OK(file_write_at(file, bytes, sizeof bytes, 0, &error), &error);
    ASSERT_OK(file_sync(file, &error), &error);
    ASSERT_OK(file_sync_directory(disk, "", &error), &error);
    memset(bytes, 'n', sizeof bytes);
    ASSERT_OK(file_write_at(file, bytes, sizeof bytes, 0, &error), &error);
    file_close(file);

    bool torn[256] = {false};
    bool scattered[256] = {false};
    for (uint64_t seed = 0; seed < 600; seed++) {
        struct file_memory *copy = crash_copy(FILE_CRASH_TORN, seed);
        torn[sectors_with(copy, 'n', 'o')] = true;
        file_memory_destroy(copy);
        copy = crash_copy(FILE_CRASH_SCATTERED, seed);
        scattered[sectors_with(copy, 'n', 'o')] = true;
        file_memory_destroy(copy);
    }
    int scattered_count = 0;
    for (unsigned i = 0; i < 256; i++) {
        bool is_prefix = (i & (i + 1)) == 0;
        ck_assert_msg(torn[i] == is_prefix, "torn as %x", i);
        scattered_count += scattered[i];
    }
    ck_assert_int_gt(scattered_count, 100);
    file_memory_destroy(memory);
}
END_TEST

/* Goal:   a file that grew without its sectors holds zeros or garbage there, and may not have grown.
 * Method: many seeds over one write behind the end; count what is met. */
START_TEST(crash_fills_what_grew)
{
    begin();
    struct file *file;
    static uint8_t bytes[BYTES_MAX];
    memset(bytes, 'n', sizeof bytes);
    ASSERT_OK(file_open(disk, &file, "f", FILE_CREATE, &error), &error);
    ASSERT_OK(file_sync_directory(disk, "", &error), &error);
    ASSERT_OK(file_write_at(file, bytes, sizeof bytes, 0, &error), &error);
    file_close(file);

    int old_sizes = 0;
    int zeros = 0;
    int garbage = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct file_memory *copy = crash_copy(FILE_CRASH_SCATTERED, seed);
        const uint8_t *content;
        size_t size;
        ck_assert_int_eq(file_memory_bytes(copy, "f", &content, &size), STATUS_OK);
        old_sizes += size == 0;
        for (size_t i = 0; i < size; i += CRASH_SECTOR_BYTES) {
            zeros += memcmp(content + i, (uint8_t[8]){0}, 8) == 0;
            garbage += content[i] != 0 && memcmp(content + i, bytes, 8) != 0;
        }
        file_memory_destroy(copy);
    }
    ck_assert_int_gt(old_sizes, 0);
    ck_assert_int_gt(zeros, 0);
    ck_assert_int_gt(garbage, 0);
    file_memory_destroy(memory);
}
END_TEST

/* Goal:   a file that was emptied and written anew never mixes the old content with the new.
 * Method: many seeds over two sectors replaced by two others; both sorts are met, alone. */
START_TEST(crash_keeps_emptied_content_apart)
{
    begin();
    static uint8_t bytes[2 * CRASH_SECTOR_BYTES];
    struct file *file;
    memset(bytes, 'o', sizeof bytes);
    ASSERT_OK(file_open(disk, &file, "f", FILE_CREATE, &error), &error);
    ASSERT_OK(file_write_at(file, bytes, sizeof bytes, 0, &error), &error);
    ASSERT_OK(file_sync(file, &error), &error);
    file_close(file);
    ASSERT_OK(file_sync_directory(disk, "", &error), &error);
    memset(bytes, 'n', sizeof bytes);
    ASSERT_OK(file_open(disk, &file, "f", FILE_CREATE, &error), &error);
    ASSERT_OK(file_write_at(file, bytes, sizeof bytes, 0, &error), &error);
    file_close(file);

    int old_count = 0;
    int new_count = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct file_memory *copy = crash_copy(FILE_CRASH_SCATTERED, seed);
        const uint8_t *content;
        size_t size;
        ck_assert_int_eq(file_memory_bytes(copy, "f", &content, &size), STATUS_OK);
        bool has_old = false;
        bool has_new = false;
        for (size_t i = 0; i < size; i += CRASH_SECTOR_BYTES) {
            has_old |= memcmp(content + i, "oooooooo", 8) == 0;
            has_new |= memcmp(content + i, "nnnnnnnn", 8) == 0;
        }
        ck_assert(!has_old || !has_new);
        old_count += has_old;
        new_count += has_new;
        file_memory_destroy(copy);
    }
    ck_assert_int_gt(old_count, 0);
    ck_assert_int_gt(new_count, 0);
    file_memory_destroy(memory);
}
END_TEST

/* Goal:   a failed sync loses for good what it should have made durable, though readers see it.
 * Method: write, drop as a failed sync does, sync with success, crash; for bytes and for names. */
START_TEST(crash_after_a_failed_sync)
{
    begin();
    struct file *file;
    ASSERT_OK(file_open(disk, &file, "f", FILE_CREATE, &error), &error);
    ASSERT_OK(file_write_at(file, "old", 3, 0, &error), &error);
    ASSERT_OK(file_sync(file, &error), &error);
    ASSERT_OK(file_sync_directory(disk, "", &error), &error);

    ASSERT_OK(file_write_at(file, "new", 3, 0, &error), &error);
    ASSERT_OK(file_rename(disk, "f", "g", &error), &error);
    file_memory_drop(file);
    file_memory_drop_directory(disk, "/");
    ASSERT_OK(file_write_at(file, "!", 1, 3, &error), &error);
    ASSERT_OK(file_sync(file, &error), &error);
    ASSERT_OK(file_sync_directory(disk, "/", &error), &error);
    char seen[4];
    ASSERT_OK(file_read_at(file, seen, 4, 0, &error), &error);
    ck_assert_mem_eq(seen, "new!", 4);
    file_close(file);

    const uint8_t *bytes;
    size_t size;
    struct file_memory *copy = crash_copy(FILE_CRASH_LOST, 0);
    ck_assert_int_eq(file_memory_bytes(copy, "g", &bytes, &size), STATUS_NOT_FOUND);
    ck_assert_int_eq(file_memory_bytes(copy, "f", &bytes, &size), STATUS_OK);
    ck_assert_uint_eq(size, 4);
    ck_assert_mem_eq(bytes, "old!", 4);
    file_memory_destroy(copy);
    file_memory_destroy(memory);
}
END_TEST

/* ---- names ---- */

enum { NAMES = 6, RENAMES_MAX = 30 }; /* names 0..2 lie in one directory, 3..5 in another */

static const char *const name_paths[NAMES] = {"x/a", "x/b", "x/c", "y/a", "y/b", "y/c"};

/* What each name leads to: a number, which is the file's content; 0 for nothing. */
struct names {
    uint32_t numbers[NAMES];
};

struct name_change {
    int from; /* leads to nothing now; -1 for none */
    int to;   /* leads to number now; -1 for none */
    uint32_t number;
};

static int directory_of(const struct name_change *change)
{
    return (change->to >= 0 ? change->to : change->from) / 3;
}

static void names_change(struct names *names, const struct name_change *change)
{
    if (change->from >= 0) names->numbers[change->from] = 0;
    if (change->to >= 0) names->numbers[change->to] = change->number;
}

static struct names names_read(struct file_memory *holder)
{
    struct names names = {{0}};
    for (int i = 0; i < NAMES; i++) {
        const uint8_t *bytes;
        size_t size;
        if (file_memory_bytes(holder, name_paths[i], &bytes, &size) != STATUS_OK) continue;
        ck_assert_uint_eq(size, sizeof names.numbers[i]);
        memcpy(&names.numbers[i], bytes, size);
        ck_assert_uint_ne(names.numbers[i], 0);
    }
    return names;
}

static bool names_are(const struct names *names, const struct names *expected)
{
    return memcmp(names, expected, sizeof *names) == 0;
}

static bool names_are_torn(const struct names *names, struct names durable,
                           const struct name_change *changes, int count)
{
    for (int i = 0; i < count; i++) {
        if (names_are(names, &durable)) return true;
        names_change(&durable, &changes[i]);
    }
    return names_are(names, &durable);
}

static bool names_are_scattered(const struct names *names, const struct names *durable,
                                const struct name_change *changes, int count)
{
    for (int name = 0; name < NAMES; name++) {
        bool is_some = names->numbers[name] == durable->numbers[name];
        for (int i = 0; i < count; i++) {
            if (changes[i].from == name && names->numbers[name] == 0) is_some = true;
            if (changes[i].to == name && names->numbers[name] == changes[i].number) is_some = true;
        }
        if (!is_some) return false;
    }
    return true;
}

static void assert_names(const struct names *durable, const struct names *visible,
                         const struct name_change *changes, int count, uint64_t seed)
{
    for (int how = 0; how < FILE_CRASH_COUNT; how++) {
        struct file_memory *copy = crash_copy((enum file_crash)how, seed);
        struct names names = names_read(copy);
        bool is_kept = false;
        switch ((enum file_crash)how) {
        case FILE_CRASH_KILLED: is_kept = names_are(&names, visible); break;
        case FILE_CRASH_LOST: is_kept = names_are(&names, durable); break;
        case FILE_CRASH_TORN: is_kept = names_are_torn(&names, *durable, changes, count); break;
        case FILE_CRASH_SCATTERED:
            is_kept = names_are_scattered(&names, durable, changes, count);
            break;
        case FILE_CRASH_COUNT: break;
        }
        ck_assert_msg(is_kept, "seed %lu: crash %d breaks its promise", (unsigned long)seed, how);
        file_memory_destroy(copy);
    }
}

/* Makes, renames or removes at random, as the names allow; appends to changes what it did. */
static int names_step(struct random *random, const struct names *visible,
                      struct name_change *changes, int count, uint32_t number)
{
    int from = (int)random_below(random, NAMES);
    int to = (int)random_below(random, NAMES);
    if (visible->numbers[from] == 0) {
        struct file *file;
        ASSERT_OK(file_open(disk, &file, name_paths[from], FILE_CREATE, &error), &error);
        ASSERT_OK(file_write_at(file, &number, sizeof number, 0, &error), &error);
        ASSERT_OK(file_sync(file, &error), &error);
        file_close(file);
        changes[count++] = (struct name_change){.from = -1, .to = from, .number = number};
    } else if (from == to) {
        ASSERT_OK(file_remove(disk, name_paths[from], &error), &error);
        changes[count++] = (struct name_change){.from = from, .to = -1};
    } else {
        ASSERT_OK(file_rename(disk, name_paths[from], name_paths[to], &error), &error);
        number = visible->numbers[from];
        if (from / 3 == to / 3) {
            changes[count++] = (struct name_change){.from = from, .to = to, .number = number};
        } else {
            changes[count++] = (struct name_change){.from = -1, .to = to, .number = number};
            changes[count++] = (struct name_change){.from = from, .to = -1};
        }
    }
    return count;
}

static int names_sync(struct names *durable, struct name_change *changes, int count, int directory)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (directory_of(&changes[i]) == directory) {
            names_change(durable, &changes[i]);
        } else {
            changes[kept++] = changes[i];
        }
    }
    return kept;
}

/* Goal:   names that were synced survive any crash exactly, and the rest as its kind allows; a
 *         rename within a directory happens at once or not at all.
 * Method: as for contents, with files that are known by their number. */
START_TEST(crash_keeps_names_that_were_synced)
{
    uint64_t seeds = unit_number("BEDE_SEEDS", 20);
    uint64_t only = unit_number("BEDE_SEED", UINT64_MAX);
    for (uint64_t seed = only == UINT64_MAX ? 0 : only; seed < seeds || seed == only; seed++) {
        struct random random;
        random_init(&random, seed);
        begin();
        ASSERT_OK(file_create_directory(disk, "x", &error), &error);
        ASSERT_OK(file_create_directory(disk, "y", &error), &error);
        ASSERT_OK(file_sync_directory(disk, ".", &error), &error);
        struct names durable = {{0}};
        struct names visible = {{0}};
        struct name_change changes[RENAMES_MAX];
        int count = 0;
        for (uint32_t i = 1; i <= 100; i++) {
            if (count > RENAMES_MAX - 2 || random_chance(&random, 1, 8)) {
                int directory = (int)random_below(&random, 2);
                ASSERT_OK(file_sync_directory(disk, directory == 0 ? "x" : "y", &error), &error);
                count = names_sync(&durable, changes, count, directory);
                continue;
            }
            count = names_step(&random, &visible, changes, count, i);
            visible = durable;
            for (int j = 0; j < count; j++) names_change(&visible, &changes[j]);
            assert_names(&durable, &visible, changes, count, seed * 1000 + i);
        }
        file_memory_destroy(memory);
        if (seed == only) break;
    }
}
END_TEST

/* Goal:   names may survive in any combination, and what lies in a lost directory is lost.
 * Method: three directories with a synced file each, the names above them not synced. */
START_TEST(crash_scatters_names)
{
    static const char *const paths[3][2] = {{"a", "a/f"}, {"b", "b/f"}, {"c", "c/f"}};
    begin();
    for (int i = 0; i < 3; i++) {
        struct file *file;
        ASSERT_OK(file_create_directory(disk, paths[i][0], &error), &error);
        ASSERT_OK(file_open(disk, &file, paths[i][1], FILE_CREATE, &error), &error);
        ASSERT_OK(file_write_at(file, "1234", 4, 0, &error), &error);
        ASSERT_OK(file_sync(file, &error), &error);
        file_close(file);
        ASSERT_OK(file_sync_directory(disk, paths[i][0], &error), &error);
    }
    bool met[8] = {false};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct file_memory *copy = crash_copy(FILE_CRASH_SCATTERED, seed);
        unsigned kept = 0;
        for (unsigned i = 0; i < 3; i++) {
            const uint8_t *bytes;
            size_t size;
            enum status status = file_memory_bytes(copy, paths[i][1], &bytes, &size);
            if (status == STATUS_OK) kept |= 1U << i;
        }
        met[kept] = true;
        size_t kept_count = (kept & 1) + (kept >> 1 & 1) + (kept >> 2 & 1);
        ck_assert_uint_eq(file_memory_total_bytes(copy), 4 * kept_count);
        file_memory_destroy(copy);
    }
    for (int i = 0; i < 8; i++) ck_assert_msg(met[i], "never only %x", (unsigned)i);
    file_memory_destroy(memory);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        crash_keeps_what_was_synced, crash_tears_and_scatters,
        crash_fills_what_grew,       crash_keeps_emptied_content_apart,
        crash_after_a_failed_sync,   crash_keeps_names_that_were_synced,
        crash_scatters_names,
    };
    return unit_run("file_crash", tests, sizeof tests / sizeof *tests);
}
