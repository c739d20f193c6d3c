#include "storage/base/file_memory.h"

#include <stdbool.h>
#include <uv.h>

#include "storage/base/hash.h"
#include "tests/simulation/temporary.h"
#include "tests/unit.h"

static struct error error;

/* ---- the naive twin: the same calls on a real disk ---- */

enum { SIDES = 2, HANDLES = 5, TWIN_FILE_BYTES_MAX = 3000 };

struct side {
    struct file_system *disk;
    char root[TEMPORARY_PATH_BYTES];
    struct file *handles[HANDLES];
};

/* A call on both sides, with the side's path of each name. */
static const char *side_path(const struct side *side, const char *name)
{
    static char paths[4][2 * TEMPORARY_PATH_BYTES];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", side->root, name);
    return path;
}

static enum status name_append(void *context, const char *name)
{
    char(*names)[16] = context;
    int i = 0;
    while (names[i][0]) i++;
    (void)snprintf(names[i], sizeof names[i], "%s", name);
    return STATUS_OK;
}

static int name_order(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* The directory's names, sorted, into 40 places. */
static enum status side_list(const struct side *side, const char *name, char names[40][16])
{
    memset(names, 0, 40 * sizeof names[0]);
    enum status status = file_list(side->disk, side_path(side, name), name_append, names, &error);
    int count = 0;
    while (names[count][0]) count++;
    qsort(names, (size_t)count, sizeof names[0], name_order);
    return status;
}

struct step {
    int call;
    int handle;
    enum file_mode mode;
    uint64_t offset;
    size_t size;
    char name[16];
    char other[16];
    uint8_t bytes[1000];
};

static void step_draw(struct step *step, struct random *random)
{
    static const char *const files[] = {"f0", "f1", "d0/f0", "d0/f1", "d1/f0", "d1/./f1", "d2/f0"};
    static const char *const directories[] = {"d0", "d1", "/d2", ".", "f0"};
    step->call = (int)random_below(random, 16);
    step->handle = (int)random_below(random, HANDLES);
    step->mode = (enum file_mode)random_below(random, 4);
    step->offset = random_below(random, TWIN_FILE_BYTES_MAX - sizeof step->bytes);
    step->size = 1 + random_below(random, sizeof step->bytes);
    memset(step->bytes, (int)random_u64(random), sizeof step->bytes);

    /* A directory never gets a file's name: opening it to read would do on a real disk. */
    bool reads_directory = step->call == 13 || step->call == 15;
    const char *file = files[random_below(random, 7)];
    const char *other_file = files[random_below(random, 7)];
    const char *directory = directories[random_below(random, reads_directory ? 5 : 4)];
    const char *other_directory = directories[random_below(random, 4)];
    (void)snprintf(step->name, sizeof step->name, "%s", step->call >= 11 ? directory : file);
    (void)snprintf(step->other, sizeof step->other, "%s",
                   step->call >= 9 ? other_directory : other_file);
}

/* What the step came to: its status, and in *out_hash what it read. */
static enum status step_take(const struct step *step, struct side *side, uint64_t *out_hash)
{
    struct file_system *disk = side->disk;
    struct file **handle = &side->handles[step->handle];
    const char *name = side_path(side, step->name);
    const char *other = side_path(side, step->other);
    enum status status = STATUS_OK;
    uint8_t bytes[sizeof step->bytes] = {0};
    uint64_t size = 0;
    char names[40][16];
    *out_hash = 0;
    if (step->call < 6 && !*handle) {
        /* Locking one file from two handles is what lock() is for; the rest opens. */
        bool locks = step->call == 0;
        return locks ? file_lock(disk, handle, name, &error)
                     : file_open(disk, handle, name, step->mode, &error);
    }
    switch (step->call) {
    case 0:
    case 1: return file_write_at(*handle, step->bytes, step->size, step->offset, &error);
    case 2:
        status = file_read_at(*handle, bytes, step->size, step->offset, &error);
        if (status == STATUS_OK) *out_hash = hash64(bytes, step->size);
        return status;
    case 3: return file_truncate(*handle, step->offset, &error);
    case 4:
        status = file_size(*handle, &size, &error);
        *out_hash = size;
        return status;
    case 5: return file_sync(*handle, &error);
    case 6:
    case 7:
        file_close(*handle);
        *handle = NULL;
        return STATUS_OK;
    case 8:
    case 9: return file_rename(disk, name, other, &error);
    case 10:
    case 11: return file_remove(disk, name, &error);
    case 12: return file_create_directory(disk, name, &error);
    case 13: return file_sync_directory(disk, name, &error);
    case 14: return file_rename(disk, name, other, &error);
    default:
        status = side_list(side, step->name, names);
        *out_hash = hash64(names, sizeof names);
        return status;
    }
}

/* Goal:   the file system in memory answers as the real one does.
 * Method: the same random calls on both; every status, every byte read and every list agree. */
START_TEST(memory_is_like_a_disk)
{
    uint64_t seeds = unit_number("BEDE_SEEDS", 20);
    uint64_t only = unit_number("BEDE_SEED", UINT64_MAX);
    int met[16][2] = {{0}}; /* by call: whether it has worked, and been refused */
    for (uint64_t seed = 0; seed < seeds; seed++) {
        if (only != UINT64_MAX && seed != only) continue;
        struct random random;
        random_init(&random, seed);
        struct file_memory *memory;
        ASSERT_OK(file_memory_create(&memory, &error), &error);
        struct side sides[SIDES] = {{.disk = file_system_posix()},
                                    {.disk = file_memory_system(memory)}};
        temporary_make(sides[0].root);
        for (int i = 0; i < 400; i++) {
            struct step step;
            step_draw(&step, &random);
            uint64_t hashes[SIDES];
            enum status left = step_take(&step, &sides[0], &hashes[0]);
            enum status right = step_take(&step, &sides[1], &hashes[1]);
            ck_assert_msg(left == right, "seed %lu step %d: call %d on %s: %s, but in memory %s",
                          (unsigned long)seed, i, step.call, step.name, status_text(left),
                          status_text(right));
            ck_assert_msg(hashes[0] == hashes[1], "seed %lu step %d: call %d reads differently",
                          (unsigned long)seed, i, step.call);
            met[step.call][left == STATUS_OK ? 0 : 1]++;
        }
        for (int i = 0; i < HANDLES; i++) {
            file_close(sides[0].handles[i]);
            file_close(sides[1].handles[i]);
        }
        file_memory_destroy(memory);
        temporary_remove(sides[0].root);
    }
    bool is_whole = only == UINT64_MAX && seeds >= 20;
    for (int call = 0; is_whole && call < 16; call++) {
        ck_assert_msg(met[call][0] > 0, "call %d never worked", call);
        bool can_be_refused = call != 5 && call != 6 && call != 7;
        ck_assert_msg(!can_be_refused || met[call][1] > 0, "call %d was never refused", call);
    }
}
END_TEST

/* ---- what only memory has ---- */

static struct file_memory *memory;
static struct file_system *disk;

static void begin(void)
{
    ASSERT_OK(file_memory_create(&memory, &error), &error);
    disk = file_memory_system(memory);
}

/* A file of these bytes, durable, name and all. */
static void file_put(const char *path, const void *bytes, size_t size)
{
    struct file *file;
    ASSERT_OK(file_open(disk, &file, path, FILE_CREATE, &error), &error);
    ASSERT_OK(file_write_at(file, bytes, size, 0, &error), &error);
    ASSERT_OK(file_sync(file, &error), &error);
    file_close(file);
    ASSERT_OK(file_sync_directory(disk, "/", &error), &error);
}

static void crash(enum file_crash how)
{
    struct random random;
    random_init(&random, 1);
    file_memory_crash(memory, &random, how);
}

static void assert_content(struct file_memory *holder, const char *path, const char *expected)
{
    const uint8_t *bytes;
    size_t size;
    ck_assert_int_eq(file_memory_bytes(holder, path, &bytes, &size), STATUS_OK);
    ck_assert_uint_eq(size, strlen(expected));
    if (size > 0) ck_assert_mem_eq(bytes, expected, size);
}

/* Goal:   a crash takes files and locks from their users, who may close them or forget them.
 * Method: every call on a file that was open, for each kind of crash. */
START_TEST(memory_crash_ends_files_and_locks)
{
    for (int how = 0; how < FILE_CRASH_COUNT; how++) {
        begin();
        file_put("f", "abc", 3);
        struct file *file;
        struct file *forgotten;
        struct file *lock;
        ASSERT_OK(file_open(disk, &file, "f", FILE_WRITE, &error), &error);
        ASSERT_OK(file_open(disk, &forgotten, "f", FILE_READ, &error), &error);
        ASSERT_OK(file_lock(disk, &lock, "LOCK", &error), &error);
        ASSERT_STATUS(STATUS_BUSY, file_lock(disk, &lock, "LOCK", &error), &error);
        crash((enum file_crash)how);

        char bytes[3];
        uint64_t size;
        ASSERT_STATUS(STATUS_IO, file_read_at(file, bytes, 3, 0, &error), &error);
        ASSERT_STATUS(STATUS_IO, file_write_at(file, bytes, 3, 0, &error), &error);
        ASSERT_STATUS(STATUS_IO, file_sync(file, &error), &error);
        ASSERT_STATUS(STATUS_IO, file_size(file, &size, &error), &error);
        ASSERT_STATUS(STATUS_IO, file_truncate(file, 0, &error), &error);
        file_memory_drop(file);
        file_close(file);
        struct file *second;
        ASSERT_OK(file_lock(disk, &second, "LOCK", &error), &error);
        file_close(lock); /* must not let go of the new holder's lock */
        ASSERT_STATUS(STATUS_BUSY, file_lock(disk, &lock, "LOCK", &error), &error);
        assert_content(memory, "f", "abc");
        file_memory_destroy(memory);
    }
}
END_TEST

/* Goal:   a full disk takes what fits, refuses the rest, and has room again when files go.
 * Method: fill to the limit by a write and by a size; remove; write. */
START_TEST(memory_has_a_limit)
{
    begin();
    file_memory_limit(memory, 10);
    file_put("a", "12345678", 8);
    struct file *file;
    ASSERT_OK(file_open(disk, &file, "b", FILE_CREATE, &error), &error);
    ASSERT_STATUS(STATUS_NO_SPACE, file_write_at(file, "abcd", 4, 0, &error), &error);
    assert_content(memory, "b", "ab");
    ck_assert_uint_eq(file_memory_total_bytes(memory), 10);
    ASSERT_STATUS(STATUS_NO_SPACE, file_truncate(file, 3, &error), &error);
    ASSERT_OK(file_write_at(file, "xy", 2, 0, &error), &error);
    ASSERT_OK(file_truncate(file, 1, &error), &error);
    ASSERT_OK(file_write_at(file, "cd", 2, 0, &error), &error);

    ASSERT_OK(file_remove(disk, "a", &error), &error);
    ck_assert_uint_eq(file_memory_total_bytes(memory), 2);
    ASSERT_OK(file_write_at(file, "0123456789", 10, 0, &error), &error);
    file_close(file);
    crash(FILE_CRASH_LOST);
    ck_assert_uint_eq(file_memory_total_bytes(memory), 8);
    assert_content(memory, "a", "12345678");
    file_memory_destroy(memory);
}
END_TEST

/* Goal:   a removed file stays with those who have it open, and goes with the last of them.
 * Method: remove and replace open files; the room that files take tells when they go. */
START_TEST(memory_keeps_removed_files_for_their_users)
{
    begin();
    file_put("a", "aaaa", 4);
    file_put("b", "bb", 2);
    struct file *file;
    char bytes[4];
    ASSERT_OK(file_open(disk, &file, "a", FILE_WRITE, &error), &error);
    ASSERT_OK(file_rename(disk, "b", "a", &error), &error);
    ASSERT_OK(file_read_at(file, bytes, 4, 0, &error), &error);
    ck_assert_mem_eq(bytes, "aaaa", 4);
    ASSERT_OK(file_sync_directory(disk, "", &error), &error);
    ck_assert_uint_eq(file_memory_total_bytes(memory), 6);
    ASSERT_OK(file_write_at(file, "cccccc", 6, 0, &error), &error);
    ck_assert_uint_eq(file_memory_total_bytes(memory), 8);
    file_close(file);
    ck_assert_uint_eq(file_memory_total_bytes(memory), 2);
    assert_content(memory, "a", "bb");
    file_memory_destroy(memory);
}
END_TEST

/* Goal:   a copy is a disk of its own with the same content, and the same crash makes it the same.
 * Method: unsynced changes of every sort; copy; change and crash one, look at the other. */
START_TEST(memory_copy_has_the_same_future)
{
    for (int how = 0; how < FILE_CRASH_COUNT; how++) {
        begin();
        file_put("a", "durable", 7);
        file_put("b", "removed", 7);
        struct file *file;
        ASSERT_OK(file_create_directory(disk, "d", &error), &error);
        ASSERT_OK(file_open(disk, &file, "a", FILE_WRITE, &error), &error);
        ASSERT_OK(file_write_at(file, "unsynced", 8, 3, &error), &error);
        ASSERT_OK(file_truncate(file, 9, &error), &error);
        ASSERT_OK(file_remove(disk, "b", &error), &error);
        ASSERT_OK(file_rename(disk, "a", "d/c", &error), &error);

        struct file_memory *copies[2];
        ASSERT_OK(file_memory_copy(&copies[0], memory, &error), &error);
        ASSERT_OK(file_write_at(file, "later", 5, 0, &error), &error);
        ASSERT_OK(file_memory_copy(&copies[1], copies[0], &error), &error);
        assert_content(memory, "d/c", "latersync");
        assert_content(copies[1], "d/c", "durunsync");
        file_close(file);
        file_memory_destroy(memory);

        const uint8_t *bytes[2];
        size_t sizes[2];
        for (int i = 0; i < 2; i++) {
            struct random random;
            random_init(&random, 99);
            file_memory_crash(copies[i], &random, (enum file_crash)how);
        }
        static const char *const paths[] = {"a", "b", "d/c"};
        for (int i = 0; i < 3; i++) {
            enum status left = file_memory_bytes(copies[0], paths[i], &bytes[0], &sizes[0]);
            enum status right = file_memory_bytes(copies[1], paths[i], &bytes[1], &sizes[1]);
            ck_assert_int_eq(left, right);
            if (left != STATUS_OK) continue;
            ck_assert_uint_eq(sizes[0], sizes[1]);
            ck_assert_mem_eq(bytes[0], bytes[1], sizes[0]);
        }
        file_memory_destroy(copies[0]);
        file_memory_destroy(copies[1]);
    }
}
END_TEST

/* Goal:   damage is what the disk holds from then on.
 * Method: damage a synced file, write beside it, sync, crash. */
START_TEST(memory_damage_stays)
{
    begin();
    file_put("a", "abcdef", 6);
    ck_assert_int_eq(file_memory_damage(memory, "a", "XXXX", 4, 4), STATUS_OK);
    ck_assert_int_eq(file_memory_damage(memory, "b", "X", 1, 0), STATUS_NOT_FOUND);
    assert_content(memory, "a", "abcdXX");
    struct file *file;
    ASSERT_OK(file_open(disk, &file, "a", FILE_WRITE, &error), &error);
    ASSERT_OK(file_write_at(file, "1", 1, 0, &error), &error);
    ASSERT_OK(file_sync(file, &error), &error);
    ASSERT_OK(file_write_at(file, "2", 1, 0, &error), &error);
    file_close(file);
    crash(FILE_CRASH_LOST);
    assert_content(memory, "a", "1bcdXX");
    file_memory_destroy(memory);
}
END_TEST

enum { THREADS = 3, THREAD_ROUNDS = 2000 };

static void thread_work(void *argument)
{
    char path[16];
    (void)snprintf(path, sizeof path, "%s", (const char *)argument);
    struct error own;
    struct file *file;
    ck_assert_int_eq(file_open(disk, &file, path, FILE_CREATE, &own), STATUS_OK);
    for (uint32_t i = 0; i < THREAD_ROUNDS; i++) {
        uint32_t read;
        uint64_t offset = i % 100 * sizeof i;
        ck_assert_int_eq(file_write_at(file, &i, sizeof i, offset, &own), STATUS_OK);
        if (i % 7 == 0) ck_assert_int_eq(file_sync(file, &own), STATUS_OK);
        ck_assert_int_eq(file_read_at(file, &read, sizeof read, offset, &own), STATUS_OK);
        ck_assert_uint_eq(read, i);
    }
    file_close(file);
}

/* Goal:   any threads may use it at once.
 * Method: each with a file of its own on one disk; the thread sanitizer looks on. */
START_TEST(memory_serves_threads)
{
    static const char *const paths[THREADS] = {"a", "b", "c"};
    begin();
    uv_thread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(uv_thread_create(&threads[i], thread_work, (void *)(uintptr_t)paths[i]),
                         0);
    }
    for (int i = 0; i < THREADS; i++) (void)uv_thread_join(&threads[i]);
    ck_assert_uint_eq(file_memory_total_bytes(memory), THREADS * 100 * sizeof(uint32_t));
    file_memory_destroy(memory);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        memory_is_like_a_disk,
        memory_crash_ends_files_and_locks,
        memory_has_a_limit,
        memory_keeps_removed_files_for_their_users,
        memory_copy_has_the_same_future,
        memory_damage_stays,
        memory_serves_threads,
    };
    return unit_run("file_memory", tests, sizeof tests / sizeof *tests);
}
