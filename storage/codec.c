#include "storage/codec.h"

#include <string.h>

#include "storage/base/assert.h"
#include "storage/codec_field.h"

enum {
    AGE_MAX = 31,     /* then all are tried again: the column may have become simpler */
    TOLERANCE = 20,   /* a hint's codec may take a 20th more than it used to */
    FAR_LESS = 4,     /* or up to a fourth less */
    RUNNING_PART = 4, /* how much of the difference the running size follows */
    ARCHIVE_GAIN = 25,
};

/* Those first that usually win: what they reach is what the others must beat, and most see at a
 * glance that they cannot. */
const struct codec *const codecs[] = {
    &codec_constant,   &codec_steady, &codec_parts, &codec_decimal, &codec_decimal_single,
    &codec_single,     &codec_for,    &codec_grid,  &codec_delta,   &codec_rle,
    &codec_dictionary, &codec_split,  &codec_lz4,   &codec_raw,     &codec_planes,
};
const size_t codecs_count = sizeof codecs / sizeof *codecs;

const struct codec *codec_find(uint8_t id)
{
    for (size_t i = 0; i < codecs_count; i++) {
        if (codecs[i]->id == id) return codecs[i];
    }
    return NULL;
}

bool codec_takes(uint8_t id, enum value_type type)
{
    const struct codec *codec = codec_find(id);
    return codec && codec->types & CODEC_OF(type);
}

/* Where one column stands while codecs compete for it. */
struct contest {
    uint8_t *target;
    size_t bytes; /* the best so far; at first one more than there is room for */
    struct codec_column column;
    struct codec_hint known;    /* what all are told */
    const struct codec *winner; /* NULL: none yet */
    struct codec_hint learned;  /* by the winner */
};

static struct contest contest_of(uint8_t *target, size_t room, enum value_type type,
                                 enum codec_class class, const uint64_t *words, size_t count)
{
    struct contest contest = {
        .bytes = room + 1,
        .column = {.type = type, .class = class, .words = words, .count = count},
    };
    contest.target = target;
    kernels_here()->survey(&contest.column.survey, words, count);
    return contest;
}

static bool codec_may_enter(const struct codec *codec, const struct contest *contest)
{
    if (!(codec->types & CODEC_OF(contest->column.type))) return false;
    if (contest->column.count > codec->count_max) return false;
    return !contest->winner || contest->bytes > CODEC_BYTES_ENOUGH;
}

/* The winner so far stands in target, so others write elsewhere, but for the first; of the codecs
 * for columns too long for that, only one is not tiny. Parts see to their hints themselves. */
static void contest_enter(struct contest *contest, const struct codec *codec)
{
    if (!codec_may_enter(codec, contest)) return;
    uint8_t trial[CODEC_RUN * sizeof(uint64_t)];
    bool is_first = !contest->winner;
    struct codec_hint hint = contest->known;
    size_t bytes = codec->encode(is_first ? contest->target : trial, contest->bytes - 1,
                                 &contest->column, &hint);
    if (bytes == 0) return;
    ASSERT(bytes < contest->bytes && (is_first || contest->column.count <= CODEC_RUN));
    if (!is_first) memcpy(contest->target, trial, bytes);
    contest->winner = codec;
    contest->bytes = bytes;
    contest->learned = hint;
    if (contest->column.count <= CODEC_RUN) contest->learned.codec = (uint8_t)codec->id;
}

static void contest_enter_all(struct contest *contest)
{
    for (size_t i = 0; i < codecs_count; i++) {
        if (codecs[i]->class == CODEC_EVERYDAY) contest_enter(contest, codecs[i]);
    }
}

/* The hint's codec alone, if it keeps to these bytes. */
static void contest_enter_known(struct contest *contest, const struct codec_hint *hint,
                                size_t bytes_max)
{
    const struct codec *known = codec_find(hint->codec);
    if (!known || known->class != CODEC_EVERYDAY) return;
    size_t bytes = contest->bytes;
    contest->bytes = bytes_max < bytes ? bytes_max + 1 : bytes;
    contest->known = *hint;
    contest_enter(contest, known);
    contest->known = (struct codec_hint){0};
    if (!contest->winner) contest->bytes = bytes;
}

static void contest_enter_archive(struct contest *contest)
{
    if (contest->column.class != CODEC_ARCHIVE || contest->bytes <= CODEC_BYTES_ENOUGH) return;
    size_t room = contest->bytes - contest->bytes / ARCHIVE_GAIN - 1;
    size_t bytes = codec_planes.encode(contest->target, room, &contest->column, &contest->known);
    if (bytes == 0) return;
    contest->winner = &codec_planes;
    contest->bytes = bytes;
}

/* Constant and steady columns first, whatever the hint: they tell themselves at once. A column that
 * takes far less than the others did is another kind of column, or a longer one. */
static void short_encode(struct contest *contest, struct codec_hint *hint)
{
    contest_enter(contest, &codec_constant);
    contest_enter(contest, &codec_steady);
    if (contest->winner) return;
    size_t usual_bytes = (size_t)hint->run_bytes * contest->column.count / CODEC_RUN;
    if (hint->age < AGE_MAX) {
        contest_enter_known(contest, hint, usual_bytes + usual_bytes / TOLERANCE);
    }
    bool is_usual = contest->winner && contest->bytes >= usual_bytes - usual_bytes / FAR_LESS;
    if (!is_usual) contest_enter_all(contest);

    uint32_t usual = hint->run_bytes;
    uint32_t run_bytes = (uint32_t)(contest->bytes * CODEC_RUN / contest->column.count);
    uint8_t age = is_usual ? (uint8_t)(hint->age + 1) : 0;
    *hint = contest->learned;
    hint->age = age;
    hint->run_bytes =
        is_usual ? usual - usual / RUNNING_PART + run_bytes / RUNNING_PART : run_bytes;
}

size_t codec_encode(uint8_t *target, enum value_type type, const uint64_t *words, size_t count,
                    struct codec_hint *hint, enum codec_class class, enum codec_id *out_id)
{
    ASSERT(count >= 1 && count <= CODEC_VALUES_MAX);
    struct codec_hint nothing = {0};
    if (!hint) hint = &nothing;
    struct contest contest = contest_of(target, codec_bytes_max(count), type, class, words, count);
    if (count <= CODEC_RUN) {
        short_encode(&contest, hint);
    } else {
        contest.known = *hint;
        contest_enter_all(&contest);
        *hint = contest.learned;
    }
    contest_enter_archive(&contest);
    *out_id = contest.winner->id;
    return contest.bytes;
}

enum status codec_decode(uint64_t *target, uint8_t id, enum value_type type, size_t count,
                         const uint8_t *source, size_t source_bytes)
{
    const struct codec *codec = codec_find(id);
    if (!codec || !(codec->types & CODEC_OF(type)) || count > codec->count_max) {
        return STATUS_CORRUPT;
    }
    return codec->decode(target, count, source, source_bytes);
}

static size_t nested_encode(uint8_t *target, size_t room, enum value_type type,
                            enum codec_class class, const uint64_t *words, size_t count,
                            struct codec_hint *hint)
{
    if (room < 1) return 0;
    struct contest contest = contest_of(target + 1, room - 1, type, class, words, count);
    contest_enter_known(&contest, hint, room);
    if (!contest.winner) contest_enter_all(&contest);
    if (!contest.winner) return 0;
    contest_enter_archive(&contest);
    *hint = contest.learned;
    *target = (uint8_t)contest.winner->id;
    return 1 + contest.bytes;
}

size_t codec_pair_encode(uint8_t *target, size_t room, const struct codec_pair *pair, size_t count,
                         struct codec_hint *hint)
{
    ASSERT(count >= 1 && count <= CODEC_RUN);
    if (!pair->rests)
        return nested_encode(target, room, pair->type, pair->class, pair->words, count, hint);

    uint8_t column[1 + CODEC_RUN * sizeof(uint64_t)];
    size_t words_room = room < sizeof column ? room : sizeof column;
    size_t words_bytes =
        nested_encode(column, words_room, pair->type, pair->class, pair->words, count, hint);
    size_t bytes = field_bytes(words_bytes) + words_bytes;
    if (words_bytes == 0 || bytes > room) return 0;
    memcpy(field_put(target, words_bytes), column, words_bytes);
    struct codec_hint nothing = {0};
    size_t rests_bytes = nested_encode(target + bytes, room - bytes, VALUE_I64, pair->class,
                                       pair->rests, count, &nothing);
    return rests_bytes ? bytes + rests_bytes : 0;
}

static enum status nested_decode(uint64_t *target, enum value_type type, size_t count,
                                 const uint8_t *source, size_t source_bytes)
{
    if (source_bytes == 0) return STATUS_CORRUPT;
    return codec_decode(target, source[0], type, count, source + 1, source_bytes - 1);
}

enum status codec_pair_decode(uint64_t *words, uint64_t *rests, enum value_type type, size_t count,
                              struct bytes_reader *reader)
{
    size_t left = (size_t)(reader->end - reader->next);
    uint64_t words_bytes = rests ? field_take(reader) : left;
    const uint8_t *column = bytes_take(reader, words_bytes);
    if (!column) return STATUS_CORRUPT;
    enum status status = nested_decode(words, type, count, column, words_bytes);
    if (status < 0 || !rests) return status;
    left = (size_t)(reader->end - reader->next);
    return nested_decode(rests, VALUE_I64, count, reader->next, left);
}
