/* Words that keep to a grid, but for some: times of a device that is asked every second and answers
 * late now and then.
 *
 *   | first, signed | step | unit | offs | map: a bit a word, set where it is off | frame of the offs |
 *
 *   grid  ·    ·    ·    ·         ·    ·        word = grid + unit x off, where the map says so
 *   word  o    o     o   o    gap  o    o
 *
 * The grid goes on from a word that is off by more than half a step (a gap), or by as much as the
 * one before it (another rhythm). Differences would say each late answer twice. */
#include "storage/base/bytes.h"
#include "storage/codec.h"
#include "storage/codec_field.h"
#include "storage/codec_frame.h"

enum {
    COUNT_MIN = 16,
    LOOK = 32, /* steps that tell whether there is a grid at all */
    MAP_BYTES_MAX = CODEC_RUN / 8,
    FIELDS_BYTES_MAX = 4 * FIELD_BYTES_MAX,
};

struct grid {
    uint64_t step;
    uint64_t unit;
    size_t off_count;
    uint64_t offs[CODEC_RUN];
    uint8_t map[MAP_BYTES_MAX];
};

static size_t map_bytes(size_t count)
{
    return (count + 7) / 8;
}

/* The step that more than half of the first ones are; 0 when there is none, or it does not rise. */
static uint64_t usual_step(const uint64_t *words, size_t count)
{
    size_t looked = count - 1 < LOOK ? count - 1 : LOOK;
    uint64_t candidate = 0;
    size_t votes = 0, found = 0;
    for (size_t i = 0; i < looked; i++) {
        uint64_t step = words[i + 1] - words[i];
        if (votes == 0) candidate = step;
        votes = step == candidate ? votes + 1 : votes - 1;
    }
    for (size_t i = 0; i < looked; i++) found += words[i + 1] - words[i] == candidate;
    return (int64_t)candidate > 0 && 2 * found > looked ? candidate : 0;
}

/* Where the grid goes on from: told from what is off alone, so that a reader sees the same. */
struct rhythm {
    uint64_t step;
    uint64_t last_off; /* of the word before; 0: it was not off, or began the grid anew */
    size_t last;       /* the word that was off */
};

static bool rhythm_breaks(struct rhythm *rhythm, size_t index, uint64_t off)
{
    bool is_far = off + rhythm->step / 2 > rhythm->step;
    bool is_repeated = rhythm->last + 1 == index && rhythm->last_off == off;
    rhythm->last = index;
    rhythm->last_off = is_far || is_repeated ? 0 : off;
    return is_far || is_repeated;
}

/* The greatest common divisor: of the unit so far, 0 for none, and what one word is off. */
static uint64_t unit_with(uint64_t unit, uint64_t off)
{
    uint64_t rest = (int64_t)off < 0 ? 0 - off : off;
    if (unit != 0 && rest % unit == 0) return unit;
    while (rest != 0) {
        uint64_t next = unit % rest;
        unit = rest;
        rest = next;
    }
    return unit;
}

/* False when more than half are off: then something else is shorter. */
static bool grid_lay(struct grid *grid, const uint64_t *words, size_t count)
{
    uint64_t place = words[0];
    struct rhythm rhythm = {.step = grid->step};
    grid->unit = 0;
    grid->off_count = 0;
    memset(grid->map, 0, map_bytes(count));
    for (size_t i = 1; i < count; i++) {
        place += grid->step;
        uint64_t off = words[i] - place;
        if (off == 0) continue;
        if (2 * grid->off_count >= count) return false;
        grid->offs[grid->off_count++] = off;
        grid->map[i / 8] |= (uint8_t)(1u << i % 8);
        grid->unit = unit_with(grid->unit, off);
        if (rhythm_breaks(&rhythm, i, off)) place = words[i];
    }
    return grid->off_count > 0;
}

static size_t grid_encode(uint8_t *target, size_t room, const struct codec_column *column,
                          struct codec_hint *hint)
{
    (void)hint;
    const uint64_t *words = column->words;
    size_t count = column->count;
    if (count < COUNT_MIN || room < FIELDS_BYTES_MAX + map_bytes(count)) return 0;
    struct grid grid = {.step = usual_step(words, count)};
    if (grid.step == 0 || !grid_lay(&grid, words, count)) return 0;
    int64_t unit = (int64_t)grid.unit;
    if (unit <= 0) return 0;
    for (size_t i = 0; i < grid.off_count; i++) {
        grid.offs[i] = (uint64_t)((int64_t)grid.offs[i] / unit);
    }

    uint8_t *next = field_put(target, field_of_signed(words[0]));
    next = field_put(next, grid.step);
    next = field_put(next, grid.unit);
    next = field_put(next, grid.off_count);
    memcpy(next, grid.map, map_bytes(count));
    next += map_bytes(count);
    size_t header_bytes = (size_t)(next - target);
    size_t bytes = frame_encode(next, room - header_bytes, grid.offs, grid.off_count, NULL);
    return bytes ? header_bytes + bytes : 0;
}

static void lay(uint64_t *target, size_t count, uint64_t first, uint64_t step)
{
    for (size_t i = 0; i < count; i++) target[i] = first + i * step;
}

/* The bits behind the last word are zero, as is that of the first, and the others as many as said. */
static bool map_is_valid(const uint8_t *map, size_t count, uint64_t off_count)
{
    uint64_t found = 0;
    for (size_t i = 0; i < map_bytes(count); i++) found += (unsigned)__builtin_popcount(map[i]);
    bool has_more = count % 8 != 0 && map[count / 8] >> count % 8 != 0;
    return found == off_count && off_count > 0 && !has_more && (map[0] & 1) == 0;
}

/* As it was read. */
struct grid_offs {
    uint64_t step;
    uint64_t unit;
    _Alignas(64) uint64_t offs[CODEC_RUN];
};

/* False when a word is called off and is not. */
static bool offs_apply(uint64_t *target, size_t count, const struct grid_offs *grid,
                       const uint8_t *map)
{
    size_t next = 0;
    struct rhythm rhythm = {.step = grid->step};
    for (size_t byte = 0; byte < map_bytes(count); byte++) {
        for (unsigned bits = map[byte]; bits != 0; bits &= bits - 1) {
            size_t i = 8 * byte + (unsigned)__builtin_ctz(bits);
            uint64_t off = grid->unit * grid->offs[next++];
            if (off == 0) return false;
            if (rhythm_breaks(&rhythm, i, off)) {
                lay(target + i, count - i, target[i] + off, grid->step);
            } else {
                target[i] += off;
            }
        }
    }
    return true;
}

static enum status grid_decode(uint64_t *target, size_t count, const uint8_t *source,
                               size_t source_bytes)
{
    struct bytes_reader reader = {.next = source, .end = source + source_bytes};
    uint64_t first = field_to_signed(field_take(&reader));
    struct grid_offs grid;
    grid.step = field_take(&reader);
    grid.unit = field_take(&reader);
    uint64_t off_count = field_take(&reader);
    if (reader.failed || count < COUNT_MIN || (int64_t)grid.step <= 0 || (int64_t)grid.unit <= 0) {
        return STATUS_CORRUPT;
    }
    const uint8_t *map = bytes_take(&reader, map_bytes(count));
    if (!map || !map_is_valid(map, count, off_count)) return STATUS_CORRUPT;
    enum status status = frame_decode(grid.offs, off_count, &reader);
    if (status < 0) return status;
    if (reader.next != reader.end) return STATUS_CORRUPT;
    lay(target, count, first, grid.step);
    return offs_apply(target, count, &grid, map) ? STATUS_OK : STATUS_CORRUPT;
}

const struct codec codec_grid = {
    .id = CODEC_GRID,
    .name = "grid",
    .types = CODEC_OF_WORDS,
    .count_max = CODEC_RUN,
    .encode = grid_encode,
    .decode = grid_decode,
};
