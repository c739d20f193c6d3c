#include "storage/wal_replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/arena.h"
#include "storage/base/assert.h"
#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "storage/disk_names.h"
#include "storage/wal_format.h"
#include "storage/wal_frame.h"

struct found_file {
    uint64_t number;
    bool has_header;         /* and what follows is from it */
    uint64_t first_sequence; /* without a header: of the first group, or of the next file */
    uint64_t previous_end;
    uint64_t cut; /* position where the content of this and earlier files ends; or UINT64_MAX */
};

struct replayer {
    const struct wal_replay *replay; /* borrowed */
    struct wal_recovery recovery;
    uint64_t end_position;    /* of the log (P5) */
    struct found_file *files; /* owned; from from_position on */
    size_t file_count;
    struct arena arena;
    struct batch batch;     /* the frame decoded last */
    uint64_t next_sequence; /* of the log, as far as it was read */
    uint64_t read_position; /* all below was handed out, reported, or is no part of the log */
    bool gap_is_explained;  /* sequences are missing, and why was reported */
    struct error *error;    /* borrowed */

    /* The file in work. */
    uint8_t *bytes; /* owned; file_bytes, zeros behind what the file holds */
    uint64_t number;
    uint64_t limit;        /* offset; what lies at or above it is not part of the log */
    uint64_t durable_end;  /* offset; bad bytes below it are damage, above it a torn tail (P1) */
    uint64_t sequence_end; /* frames from here on belong to a later file */
    bool is_newest;
    bool is_torn; /* the log ended within this file */
};

/* A stretch of frames in the file in work. */
struct stretch {
    uint64_t at;
    uint64_t end;
    uint64_t sequence;     /* of the frame at `at` */
    uint64_t sequence_end; /* of the frame behind the last */
};

/* ---- Places --------------------------------------------------------------------------------- */

static uint64_t position_of(const struct replayer *replayer, uint64_t number, uint64_t offset)
{
    return wal_position(replayer->replay->file_bytes, number, offset);
}

static uint64_t smaller(uint64_t left, uint64_t right)
{
    return left < right ? left : right;
}

/* What is lost belongs to the log: it stays, and is found again, until it is released (P5). */
static void report_damage(struct replayer *replayer, uint64_t number, uint64_t offset,
                          uint64_t bytes)
{
    uint64_t end_position = position_of(replayer, number, offset + bytes);
    if (end_position > replayer->end_position) replayer->end_position = end_position;
    struct wal_recovery *recovery = &replayer->recovery;
    if (recovery->damaged_count == 0) {
        (void)snprintf(recovery->first_damage, sizeof recovery->first_damage,
                       DISK_WAL_FORMAT " at %" PRIu64, number, offset);
    }
    recovery->damaged_count++;
    recovery->damaged_bytes += bytes;
    replayer->gap_is_explained = true;
}

/* A file that the log went on in, and that nobody but the store takes away (P7). */
static void report_missing(struct replayer *replayer, uint64_t number)
{
    struct wal_recovery *recovery = &replayer->recovery;
    if (recovery->damaged_count == 0) {
        (void)snprintf(recovery->first_damage, sizeof recovery->first_damage,
                       DISK_WAL_FORMAT " is missing", number);
    }
    recovery->damaged_count++;
    replayer->gap_is_explained = true;
}

/* ---- Groups --------------------------------------------------------------------------------- */

static uint64_t group_bytes(const struct wal_group_header *group)
{
    return bytes_align(sizeof *group + group->payload_bytes, WAL_ALIGNMENT);
}

/* Whether a group of the file in work begins at offset (W1, W6). */
static bool group_get(const struct replayer *replayer, uint64_t offset,
                      struct wal_group_header *out_group)
{
    struct wal_group_header group;
    memcpy(&group, replayer->bytes + offset, sizeof group);
    if (group.magic != WAL_GROUP_MAGIC || group.file_number != replayer->number) return false;
    if (group.checksum != hash64(&group, offsetof(struct wal_group_header, checksum))) return false;
    uint64_t room_bytes = replayer->replay->file_bytes - offset - sizeof group;
    if (group.payload_bytes > room_bytes || group.payload_bytes % 8 != 0) return false;
    if (group.frame_count > group.payload_bytes / sizeof(struct wal_frame_header)) return false;
    if (group.frame_count > UINT64_MAX - group.first_sequence) return false;
    if (group.durable_position > position_of(replayer, replayer->number, offset)) return false;
    *out_group = group;
    return true;
}

/* The first group at or behind offset; limit when there is none below it. */
static uint64_t group_find(const struct replayer *replayer, uint64_t offset, uint64_t limit,
                           struct wal_group_header *out_group)
{
    for (; offset < limit; offset += WAL_ALIGNMENT) {
        if (group_get(replayer, offset, out_group)) return offset;
    }
    return limit;
}

/* ---- Units ---------------------------------------------------------------------------------- */

static struct wal_frame_header frame_header_at(const struct replayer *replayer, uint64_t at)
{
    struct wal_frame_header header;
    memcpy(&header, replayer->bytes + at, sizeof header);
    return header;
}

static bool frame_is_at(const struct replayer *replayer, uint64_t at, uint64_t end)
{
    return wal_frame_header_is_valid(replayer->bytes + at, end - at);
}

static enum status frame_decode(struct replayer *replayer, uint64_t at, uint64_t end)
{
    uint64_t sequence;
    bool more;
    arena_reset(&replayer->arena);
    return wal_frame_decode(replayer->bytes + at, end - at, &replayer->arena, &replayer->batch,
                            &sequence, &more);
}

/* Checks the unit that begins the stretch: STATUS_CORRUPT with *out_bad at its first bad frame,
 * or its end and count. A unit of one frame is left in replayer->batch. */
static enum status unit_check(struct replayer *replayer, const struct stretch *stretch,
                              uint64_t *out_end, uint64_t *out_count, uint64_t *out_bad)
{
    uint64_t at = stretch->at;
    for (uint64_t count = 0;; count++) {
        *out_bad = at;
        if (at >= stretch->end || !frame_is_at(replayer, at, stretch->end)) return STATUS_CORRUPT;
        struct wal_frame_header header = frame_header_at(replayer, at);
        bool is_after = (header.flags & WAL_FRAME_AFTER) != 0;
        if (header.sequence != stretch->sequence + count) return STATUS_CORRUPT; /* W4 */
        if (header.sequence >= stretch->sequence_end) return STATUS_CORRUPT;
        if (is_after != (count > 0)) return STATUS_CORRUPT; /* W5 */
        enum status status = frame_decode(replayer, at, stretch->end);
        if (status < 0) return status;
        at += header.frame_bytes;
        if (header.flags & WAL_FRAME_MORE) continue;
        *out_end = at;
        *out_count = count + 1;
        return STATUS_OK;
    }
}

static enum status unit_apply(struct replayer *replayer, uint64_t at, uint64_t count,
                              uint64_t sequence)
{
    for (uint64_t i = 0; i < count; i++) {
        struct wal_frame_header header = frame_header_at(replayer, at);
        if (count > 1) {
            enum status decoded = frame_decode(replayer, at, at + header.frame_bytes);
            if (decoded < 0) return error_set(replayer->error, decoded, "log frame");
        }
        at += header.frame_bytes;
        if (sequence + i < replayer->next_sequence) continue; /* P3 */
        const struct wal_replay *replay = replayer->replay;
        enum status status =
            replay->apply(replay->context, &replayer->batch, sequence + i, replayer->error);
        if (status < 0) return status;
        replayer->recovery.frame_count++;
        replayer->recovery.sample_count += header.sample_count;
    }
    return STATUS_OK;
}

static enum status unit_replay(struct replayer *replayer, struct stretch *stretch, uint64_t end,
                               uint64_t count)
{
    if (stretch->sequence > replayer->next_sequence && !replayer->gap_is_explained) {
        report_damage(replayer, replayer->number, stretch->at, 0);
    }
    enum status status = unit_apply(replayer, stretch->at, count, stretch->sequence);
    if (status < 0) return status;
    stretch->at = end;
    stretch->sequence += count;
    if (stretch->sequence <= replayer->next_sequence) return STATUS_OK;
    replayer->next_sequence = stretch->sequence;
    replayer->gap_is_explained = false;
    replayer->end_position = position_of(replayer, replayer->number, end); /* P5 */
    return STATUS_OK;
}

/* Moves the stretch to the next frame that begins a unit, at or behind `at`, of a sequence that
 * can be: old frames of a recycled file have lower ones (W6). To its end when there is none. */
static void stretch_seek(const struct replayer *replayer, struct stretch *stretch, uint64_t at,
                         uint64_t sequence)
{
    while (at < stretch->end) {
        if (!frame_is_at(replayer, at, stretch->end)) {
            at += 8;
            continue;
        }
        struct wal_frame_header header = frame_header_at(replayer, at);
        bool is_wanted = header.sequence >= sequence && header.sequence < stretch->sequence_end;
        if (is_wanted && !(header.flags & WAL_FRAME_AFTER)) {
            stretch->at = at;
            stretch->sequence = header.sequence;
            return;
        }
        at += is_wanted ? header.frame_bytes : 8;
    }
    stretch->at = stretch->end;
    stretch->sequence = stretch->sequence_end;
}

/* Moves the stretch past the unit that begins it, whose frame at bad is bad. */
static void stretch_skip(const struct replayer *replayer, struct stretch *stretch, uint64_t bad)
{
    uint64_t at = bad + 8;
    if (bad >= stretch->end) {
        at = stretch->end;
    } else if (frame_is_at(replayer, bad, stretch->end)) {
        struct wal_frame_header header = frame_header_at(replayer, bad);
        bool is_expected =
            header.sequence >= stretch->sequence && header.sequence < stretch->sequence_end;
        if (is_expected) at = bad + header.frame_bytes; /* only its columns are bad */
    }
    stretch_seek(replayer, stretch, at, stretch->sequence + 1);
}

/* Hands out what is good in the stretch. What is not is damage, or ends the log. */
static enum status stretch_replay(struct replayer *replayer, struct stretch *stretch)
{
    while (stretch->at < stretch->end && stretch->sequence < stretch->sequence_end) {
        uint64_t begin = stretch->at;
        uint64_t end, count, bad;
        enum status status = unit_check(replayer, stretch, &end, &count, &bad);
        if (status == STATUS_OK) {
            status = unit_replay(replayer, stretch, end, count);
            if (status < 0) return status;
            continue;
        }
        if (status != STATUS_CORRUPT) return error_set(replayer->error, status, "log frame");
        if (bad >= replayer->durable_end) {
            replayer->is_torn = true;
            return STATUS_OK;
        }
        stretch_skip(replayer, stretch, bad);
        report_damage(replayer, replayer->number, begin, stretch->at - begin);
    }
    return STATUS_OK;
}

/* ---- A group -------------------------------------------------------------------------------- */

static enum status group_replay(struct replayer *replayer, uint64_t offset,
                                const struct wal_group_header *group)
{
    uint64_t payload_end = offset + sizeof *group + group->payload_bytes;
    struct stretch stretch = {
        .at = offset + sizeof *group,
        .end = smaller(payload_end, replayer->limit),
        .sequence = group->first_sequence,
        .sequence_end = smaller(group->first_sequence + group->frame_count, replayer->sequence_end),
    };
    struct wal_recovery *recovery = &replayer->recovery;
    if (group->clock_ceiling > recovery->clock_ceiling) {
        recovery->clock_ceiling = group->clock_ceiling;
    }
    recovery->clean_close = (group->flags & WAL_GROUP_CLEAN_CLOSE) != 0;
    bool goes_on = (group->flags & WAL_GROUP_GOES_ON) != 0;
    if (goes_on && replayer->is_newest) report_missing(replayer, replayer->number + 1);
    enum status status = stretch_replay(replayer, &stretch);
    if (status < 0) return status;
    uint64_t end = smaller(offset + group_bytes(group), replayer->limit);
    if (replayer->is_torn) {
        recovery->torn_bytes += end - stretch.at;
        return STATUS_OK;
    }
    if (stretch.sequence < stretch.sequence_end) {
        report_damage(replayer, replayer->number, stretch.at, 0); /* fewer frames than it says */
    }
    if (stretch.sequence_end > replayer->next_sequence) {
        replayer->next_sequence = stretch.sequence_end; /* given out, though the frames are lost */
    }
    uint64_t end_position = position_of(replayer, replayer->number, end);
    bool is_ending = position_of(replayer, replayer->number, offset) < replayer->end_position;
    if (is_ending) replayer->end_position = end_position; /* its padding, too */
    return replayer->replay->applied(replayer->replay->context, replayer->next_sequence - 1,
                                     end_position, replayer->error);
}

/* Good frames of a group whose header is bad, up to the next group (P4). */
static enum status group_salvage(struct replayer *replayer, uint64_t offset, uint64_t next,
                                 uint64_t sequence_end)
{
    struct stretch stretch = {.end = next, .sequence_end = sequence_end};
    stretch_seek(replayer, &stretch, offset + 8, replayer->next_sequence);
    report_damage(replayer, replayer->number, offset, stretch.at - offset);
    return stretch_replay(replayer, &stretch);
}

/* ---- A file --------------------------------------------------------------------------------- */

/* Reads the first bytes of a file of the log; zeros stand for what it is too short for. */
static enum status file_load(struct replayer *replayer, uint64_t number, uint64_t bytes)
{
    const struct wal_replay *replay = replayer->replay;
    char path[FILE_PATH_BYTES_MAX];
    wal_path(path, replay->directory, number);
    struct file *file;
    enum status status = file_open(replay->file_system, &file, path, FILE_READ, replayer->error);
    if (status > 0) return error_set(replayer->error, STATUS_IO, "%s is gone", path);
    if (status < 0) return status;
    uint64_t size_bytes;
    status = file_size(file, &size_bytes, replayer->error);
    if (status == STATUS_OK) {
        size_bytes = smaller(size_bytes, bytes);
        memset(replayer->bytes + size_bytes, 0, bytes - size_bytes);
        status = file_read_at(file, replayer->bytes, size_bytes, 0, replayer->error);
    }
    file_close(file);
    if (status > 0) return error_set(replayer->error, STATUS_IO, "%s has become shorter", path);
    replayer->number = number;
    return status;
}

/* Where the content of a file ends whose successors do not tell: behind its last group. */
static uint64_t groups_end(const struct replayer *replayer, uint64_t begin)
{
    uint64_t end = begin;
    uint64_t file_bytes = replayer->replay->file_bytes;
    struct wal_group_header group;
    for (uint64_t at = begin; (at = group_find(replayer, at, file_bytes, &group)) < file_bytes;) {
        at += group_bytes(&group);
        end = at;
    }
    return end;
}

/* Offset up to which the groups of the newest file say that it was durable. */
static uint64_t groups_durable_end(const struct replayer *replayer, uint64_t begin)
{
    uint64_t position = 0;
    uint64_t file_bytes = replayer->replay->file_bytes;
    struct wal_group_header group;
    for (uint64_t at = begin; (at = group_find(replayer, at, file_bytes, &group)) < file_bytes;) {
        at += group_bytes(&group);
        if (group.durable_position > position) position = group.durable_position;
    }
    uint64_t file_position = position_of(replayer, replayer->number, 0);
    return position > file_position ? position - file_position : 0;
}

/* What the groups behind the end would have held. */
static void file_drop_tail(struct replayer *replayer, uint64_t offset)
{
    uint64_t file_bytes = replayer->replay->file_bytes;
    struct wal_group_header group;
    while ((offset = group_find(replayer, offset, file_bytes, &group)) < file_bytes) {
        offset += group_bytes(&group);
        replayer->recovery.torn_bytes += group_bytes(&group);
        replayer->recovery.clean_close = false;
    }
}

static enum status file_replay_groups(struct replayer *replayer, uint64_t begin)
{
    struct wal_group_header group;
    uint64_t offset = begin;
    while (offset < replayer->limit && !replayer->is_torn) {
        enum status status;
        uint64_t next;
        if (group_get(replayer, offset, &group)) {
            next = smaller(offset + group_bytes(&group), replayer->limit);
            status = group_replay(replayer, offset, &group);
        } else if (offset >= replayer->durable_end) {
            break;
        } else {
            next = group_find(replayer, offset + WAL_ALIGNMENT, replayer->limit, &group);
            bool is_known = next < replayer->limit;
            status = group_salvage(replayer, offset, next,
                                   is_known ? group.first_sequence : replayer->sequence_end);
        }
        if (status < 0) return status;
        offset = next;
    }
    replayer->read_position = position_of(replayer, replayer->number, offset);
    if (offset < replayer->limit) file_drop_tail(replayer, offset);
    return STATUS_OK;
}

static void file_check_header(struct replayer *replayer, const struct found_file *file)
{
    if (!file->has_header) {
        report_damage(replayer, file->number, 0, WAL_ALIGNMENT);
        return;
    }
    if (file->previous_end > replayer->read_position) {
        uint64_t missing = replayer->read_position;
        uint64_t file_bytes = replayer->replay->file_bytes;
        report_damage(replayer, missing / file_bytes, missing % file_bytes,
                      file->previous_end - missing);
    }
    if (file->first_sequence > replayer->next_sequence) {
        replayer->next_sequence = file->first_sequence;
    }
}

/* Makes the tail of the newest file durable (P6). A sync that failed before the log was last closed
 * may have left pages that look written and are not, so what no group vouches for is written
 * again. */
static enum status file_settle(struct replayer *replayer, uint64_t begin)
{
    const struct wal_replay *replay = replayer->replay;
    uint64_t end = groups_end(replayer, begin);
    if (replayer->durable_end > begin) begin = replayer->durable_end;
    if (!replay->must_settle || begin >= end) return STATUS_OK;
    char path[FILE_PATH_BYTES_MAX];
    wal_path(path, replay->directory, replayer->number);
    struct file *file;
    enum status status = file_open(replay->file_system, &file, path, FILE_WRITE, replayer->error);
    if (status > 0) return error_set(replayer->error, STATUS_IO, "%s is gone", path);
    if (status < 0) return status;
    status = file_write_at(file, replayer->bytes + begin, end - begin, begin, replayer->error);
    if (status == STATUS_OK) status = file_sync(file, replayer->error);
    file_close(file);
    return status;
}

static enum status file_replay(struct replayer *replayer, size_t index)
{
    const struct wal_replay *replay = replayer->replay;
    const struct found_file *file = &replayer->files[index];
    uint64_t file_position = position_of(replayer, file->number, 0);
    uint64_t begin = WAL_ALIGNMENT;
    if (replay->from_position > file_position + begin) {
        begin = bytes_align(replay->from_position - file_position, WAL_ALIGNMENT);
    }
    replayer->recovery.clean_close = false;
    if (file->cut <= file_position + begin) return STATUS_OK;

    enum status status = file_load(replayer, file->number, replay->file_bytes);
    if (status < 0) return status;
    file_check_header(replayer, file);
    replayer->is_newest = index + 1 == replayer->file_count;
    replayer->durable_end = UINT64_MAX; /* W2 */
    replayer->sequence_end = UINT64_MAX;
    if (replayer->is_newest) {
        replayer->limit = replay->file_bytes;
        replayer->durable_end = groups_durable_end(replayer, begin); /* W3 */
    } else {
        bool is_cut = file->cut <= file_position + replay->file_bytes;
        replayer->limit = is_cut ? file->cut - file_position : groups_end(replayer, begin);
        replayer->sequence_end = replayer->files[index + 1].first_sequence;
    }
    status = replayer->is_newest ? file_settle(replayer, begin) : STATUS_OK;
    return status < 0 ? status : file_replay_groups(replayer, begin);
}

/* ---- The log -------------------------------------------------------------------------------- */

/* A header that is damaged is no failure. */
static enum status found_file_read(struct replayer *replayer, struct found_file *file)
{
    const struct wal_replay *replay = replayer->replay;
    enum status status = file_load(replayer, file->number, WAL_ALIGNMENT);
    if (status < 0) return status;
    struct wal_file_header header;
    memcpy(&header, replayer->bytes, sizeof header);
    if (header.magic == WAL_FILE_MAGIC && header.number == file->number &&
        header.checksum == hash64(&header, offsetof(struct wal_file_header, checksum)) &&
        header.previous_end <= position_of(replayer, file->number, 0)) {
        char path[FILE_PATH_BYTES_MAX];
        wal_path(path, replay->directory, file->number);
        if (header.version != WAL_VERSION || header.features != 0) {
            return error_set(replayer->error, STATUS_UNSUPPORTED, "%s: version %" PRIu32, path,
                             header.version);
        }
        if (identity_compare(header.store, replay->store) != 0 ||
            header.file_bytes != replay->file_bytes) {
            return error_set(replayer->error, STATUS_CORRUPT, "%s belongs to another store", path);
        }
        file->has_header = true;
        file->first_sequence = header.first_sequence;
        file->previous_end = header.previous_end;
        return STATUS_OK;
    }
    status = file_load(replayer, file->number, replay->file_bytes);
    if (status < 0) return status;
    struct wal_group_header group;
    uint64_t found = group_find(replayer, WAL_ALIGNMENT, replay->file_bytes, &group);
    if (found < replay->file_bytes) file->first_sequence = group.first_sequence;
    return STATUS_OK;
}

/* Headers from the newest to the oldest, because each says where the earlier ones end. */
static enum status found_files_read(struct replayer *replayer)
{
    uint64_t first_sequence = UINT64_MAX;
    uint64_t cut = UINT64_MAX;
    for (size_t i = replayer->file_count; i-- > 0;) {
        struct found_file *file = &replayer->files[i];
        file->first_sequence = first_sequence;
        file->cut = cut;
        enum status status = found_file_read(replayer, file);
        if (status < 0) return status;
        first_sequence = file->first_sequence;
        if (file->has_header) cut = smaller(cut, file->previous_end);
    }
    return STATUS_OK;
}

static enum status replayer_init(struct replayer *replayer, const struct wal_replay *replay,
                                 const struct wal_directory *directory, struct error *error)
{
    *replayer = (struct replayer){
        .replay = replay,
        .end_position = replay->from_position,
        .next_sequence = replay->applied_sequence + 1,
        .read_position = replay->from_position,
        .gap_is_explained = true, /* what came before from_position is not our business */
        .error = error,
    };
    arena_init(&replayer->arena, WAL_FRAME_ARENA_BYTES);
    replayer->bytes = aligned_alloc(WAL_ALIGNMENT, replay->file_bytes);
    replayer->files = calloc(directory->files.count + 1, sizeof *replayer->files);
    if (!replayer->bytes || !replayer->files) {
        return error_set(error, STATUS_NO_MEMORY, "log file of %" PRIu64 " bytes",
                         replay->file_bytes);
    }
    for (size_t i = 0; i < directory->files.count; i++) {
        uint64_t number = directory->files.numbers[i];
        if (number < replay->from_position / replay->file_bytes) continue;
        replayer->files[replayer->file_count++].number = number;
    }
    return STATUS_OK;
}

static void replayer_finish(struct replayer *replayer)
{
    arena_finish(&replayer->arena);
    free(replayer->bytes);
    free(replayer->files);
}

/* A log in use always has a file that from_position lies in or ends, or a later one. */
static void replayer_check_newest(struct replayer *replayer, const struct wal_directory *directory)
{
    uint64_t from_position = replayer->replay->from_position;
    if (from_position == 0 && !replayer->replay->was_used) return;
    uint64_t number = from_position > 0 ? (from_position - 1) / replayer->replay->file_bytes : 1;
    size_t count = directory->files.count;
    if (count > 0 && directory->files.numbers[count - 1] >= number) return;
    report_missing(replayer, number);
}

enum status wal_replay(const struct wal_replay *replay, const struct wal_directory *directory,
                       struct wal_recovery *out_recovery, uint64_t *out_end_position,
                       struct error *error)
{
    ASSERT(replay->file_bytes >= WAL_FILE_BYTES_MIN && replay->file_bytes <= WAL_FILE_BYTES_MAX);
    ASSERT(replay->file_bytes % WAL_ALIGNMENT == 0);
    struct replayer replayer;
    enum status status = replayer_init(&replayer, replay, directory, error);
    if (status < 0) goto done;
    status = found_files_read(&replayer);
    if (status < 0) goto done;
    replayer_check_newest(&replayer, directory);
    for (size_t i = 0; i < replayer.file_count; i++) {
        status = file_replay(&replayer, i);
        if (status < 0) goto done;
    }
    replayer.recovery.last_sequence = replayer.next_sequence - 1;
    *out_recovery = replayer.recovery;
    *out_end_position = replayer.end_position;

done:
    replayer_finish(&replayer);
    return status;
}
