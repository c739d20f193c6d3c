/* bede.h - store and read time series inside your own program.
 *
 *   struct bede_error error;
 *   struct bede *bede;
 *   uint32_t pressure;
 *
 *   if (bede_open(&bede, "/var/lib/plant", NULL, &error) < 0) die(error.text);
 *   if (bede_tag(bede, "boiler1.pressure", BEDE_F64, &pressure, &error) < 0) die(error.text);
 *   if (bede_append_f64(bede, pressure, now_ns, 4.2, BEDE_GOOD, &error) < 0) die(error.text);
 *   if (bede_close(bede, &error) < 0) die(error.text);
 *
 * Threads: one struct bede may be used from any number of threads at once; one cursor or one
 *          subscription by one thread at a time. bede_close() must be the last call.
 * Memory:  what is passed in is copied before the call returns; what a cursor or subscription hands
 *          out is valid until its next step or its end. Every pointer that a call hands out says
 *          which call gives it back.
 * Errors:  a negative result is a failure and fills in *error (which may be NULL); 0 is success; a
 *          positive result is an ordinary answer named beside the function.
 *
 * Time is int64 nanoseconds since 1970-01-01T00:00:00Z. Ranges are [from, to): to is excluded. */
#ifndef BEDE_H
#define BEDE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BEDE_API __attribute__((visibility("default")))

struct bede;              /* one open store */
struct bede_cursor;       /* one pass over the samples of one tag */
struct bede_subscription; /* new samples as they become visible */

enum bede_status {
    BEDE_BUSY = -8,        /* the directory is in use; the error names the pid */
    BEDE_NO_SPACE = -7,    /* the disk is full */
    BEDE_UNSUPPORTED = -6, /* written by a newer version */
    BEDE_CORRUPT = -5,     /* stored data is damaged; the error names file and place */
    BEDE_TOO_LARGE = -4,   /* over a limit, which the error names */
    BEDE_BAD_INPUT = -3,
    BEDE_NO_MEMORY = -2,
    BEDE_IO = -1,
    BEDE_OK = 0,
    BEDE_END = 1,
    BEDE_NOT_FOUND = 2,
    BEDE_AGAIN = 3,
    BEDE_EXISTS = 4,
    BEDE_MISSED = 5
};

struct bede_error {
    int status;
    int os_errno; /* 0 unless status is BEDE_IO or BEDE_NO_SPACE */
    char text[240];
};

BEDE_API const char *bede_version(void);

/* ---- The store ------------------------------------------------------------------------------ */

enum bede_sync {
    BEDE_SYNC_EVERY = 0,    /* an append is durable when it is acknowledged (default) */
    BEDE_SYNC_INTERVAL = 1, /* acknowledged when written; durable every sync_interval_ms */
    BEDE_SYNC_NONE = 2      /* acknowledged when written; durable at bede_sync() and bede_close() */
};

enum bede_open_flag {
    BEDE_OPEN_EXISTING = 1 /* BEDE_NOT_FOUND instead of making a store that is not there */
};

/* Zero means the default in every field, so {0} is a valid value and new fields can be added. */
struct bede_options {
    uint64_t memory_bytes_max; /* default: 512 MiB; samples not yet in segments, buffers, cache */
    uint64_t wal_bytes_max;    /* default: 2 GiB; what a restart has to read at most */
    uint64_t wal_file_bytes;   /* default: 16 MiB; counts only when the store is made */
    uint32_t sync;             /* enum bede_sync */
    uint32_t sync_interval_ms; /* default: 100 */
    uint32_t flush_interval_s; /* default: 600 */
    uint32_t flags;            /* enum bede_open_flag */
    const char *name_space;    /* of tag identities; counts only when the store is made */
    uint64_t reserved[8];
};

/* Opens the store at path, making it if absent. Give back with bede_close(). */
BEDE_API int bede_open(struct bede **out_bede, const char *path, const struct bede_options *options,
                       struct bede_error *error);

/* Makes everything appended so far durable, then closes, whatever the result. Accepts NULL. */
BEDE_API int bede_close(struct bede *bede, struct bede_error *error);

/* ---- Tags ----------------------------------------------------------------------------------- */

enum bede_type {
    BEDE_F64 = 1,
    BEDE_F32 = 2,
    BEDE_I64 = 3,
    BEDE_BOOL = 4,
    BEDE_STATE = 5, /* a code; the names of the codes are the tag's states */
    BEDE_TEXT = 6
};

/* A tag is known by its number: dense, local to this store, the same for its whole life. Texts may
 * be NULL for "". */
struct bede_tag_definition {
    const char *name; /* 1 to 255 bytes of UTF-8 */
    const char *unit;
    const char *description;
    const char *states; /* "0=stopped,1=running" */
    const char *source;
    const char *attributes; /* a JSON object */
    double zero;
    double span;
    int64_t max_gap_ns; /* longest time between samples that still belong together; 0: any */
    int type;           /* enum bede_type */
    int step;           /* 1: the value holds until the next sample; 0: slopes to it */
    uint64_t reserved[4];
};

enum bede_tag_field {
    BEDE_TAG_NAME = 1 << 0,
    BEDE_TAG_TYPE = 1 << 1,
    BEDE_TAG_UNIT = 1 << 2,
    BEDE_TAG_DESCRIPTION = 1 << 3,
    BEDE_TAG_STEP = 1 << 4,
    BEDE_TAG_ZERO = 1 << 5,
    BEDE_TAG_SPAN = 1 << 6,
    BEDE_TAG_MAX_GAP = 1 << 7,
    BEDE_TAG_STATES = 1 << 8,
    BEDE_TAG_SOURCE = 1 << 9,
    BEDE_TAG_ATTRIBUTES = 1 << 10
};

/* The tag of this name, made with this type and otherwise defaults when it is new. Of an existing
 * one of another type: BEDE_BAD_INPUT. */
BEDE_API int bede_tag(struct bede *bede, const char *name, int type, uint32_t *out_tag,
                      struct bede_error *error);

/* Makes count tags at once, all or none; much faster than one by one. BEDE_EXISTS (nothing made)
 * when a name is taken; the error's text names it. */
BEDE_API int bede_tags_create(struct bede *bede, const struct bede_tag_definition *definitions,
                              size_t count, uint32_t *out_tags, struct bede_error *error);

/* BEDE_NOT_FOUND when there is none of this name. */
BEDE_API int bede_tag_find(struct bede *bede, const char *name, uint32_t *out_tag);

/* Changes the fields named by the bits of enum bede_tag_field. A rename keeps the history. */
BEDE_API int bede_tag_change(struct bede *bede, uint32_t tag,
                             const struct bede_tag_definition *definition, unsigned fields,
                             struct bede_error *error);

/* Takes the name away; the history stays stored, and a new tag of this name begins empty. */
BEDE_API int bede_tag_drop(struct bede *bede, uint32_t tag, struct bede_error *error);

/* What a tag is. Texts belong to *out_info; give back with bede_tag_info_free(). BEDE_NOT_FOUND. */
struct bede_tag_info {
    uint32_t tag;
    uint8_t identity[16];
    int64_t created_ns;
    struct bede_tag_definition definition;
    void *memory;
};
BEDE_API int bede_tag_info(struct bede *bede, uint32_t tag, struct bede_tag_info *out_info,
                           struct bede_error *error);
BEDE_API void bede_tag_info_free(struct bede_tag_info *info);

/* Tags whose name matches the glob pattern (NULL: all), sorted by name. Give back with
 * bede_free(). */
BEDE_API int bede_tags_match(struct bede *bede, const char *pattern, uint32_t **out_tags,
                             size_t *out_count, struct bede_error *error);
BEDE_API void bede_free(void *memory);

/* ---- Writing -------------------------------------------------------------------------------- */

/* OPC UA status codes; the top two bits are the class. */
#define BEDE_GOOD 0x00000000u
#define BEDE_UNCERTAIN 0x40000000u
#define BEDE_BAD 0x80000000u

struct bede_text {
    const char *bytes; /* any bytes; not ended by a zero */
    size_t size;
};

/* Samples of one tag. values is an array of the tag's type: double, float, int64_t (i64 and
 * state), uint8_t (bool: 0 or 1) or struct bede_text. */
struct bede_columns {
    size_t count;
    const int64_t *times_ns;
    const void *values;
    const uint32_t *qualities; /* NULL: all BEDE_GOOD */
    int type;                  /* set by cursors; ignored when writing */
    /* Set by a cursor opened with BEDE_READ_HISTORY, else NULL: */
    const uint8_t *kinds;          /* enum bede_kind */
    const int64_t *changed_ns;     /* when it was written; 0 for what came in order */
    const struct bede_text *users; /* of corrections and deletions */
    const struct bede_text *reasons;
    uint64_t reserved[4];
};

/* Stores samples in any order of time; of several at one time the last one written counts. Up to
 * 65,536 samples are stored all or none; more are cut into pieces of this. Pieces are smaller where
 * that would be more than 1 MiB of texts, or more than a file of the log holds (20 bytes a sample,
 * and its text); BEDE_TOO_LARGE for a text that such a file cannot hold. With out_ticket NULL it returns when they are acknowledged (see enum bede_sync); else at once, with a ticket for
 * bede_wait(). */
BEDE_API int bede_append(struct bede *bede, uint32_t tag, const struct bede_columns *columns,
                         uint64_t *out_ticket, struct bede_error *error);

/* One sample of an f64 tag, acknowledged when it returns. */
BEDE_API int bede_append_f64(struct bede *bede, uint32_t tag, int64_t time_ns, double value,
                             uint32_t quality, struct bede_error *error);

union bede_value {
    double f64;
    float f32;
    int64_t i64; /* i64 and state */
    uint8_t boolean;
    const struct bede_text *text;
};

/* One value each of many tags at one time. The value's member is the one of the tag's type. Up to
 * 16,384 values are stored all or none; more are cut into pieces of this. BEDE_TOO_LARGE, with size
 * and limit in the error's text, for a piece of more than 4 MiB, or more than a file of the log
 * holds (25 bytes a value, and its text). */
struct bede_scan {
    int64_t time_ns;
    size_t count;
    const uint32_t *tags;
    const union bede_value *values;
    const uint32_t *qualities; /* NULL: all BEDE_GOOD */
    uint64_t reserved[4];
};
BEDE_API int bede_append_scan(struct bede *bede, const struct bede_scan *scan, uint64_t *out_ticket,
                              struct bede_error *error);

/* Until the ticket's samples are acknowledged and visible. Tickets rise: waiting for one waits for
 * all before it. */
BEDE_API int bede_wait(struct bede *bede, uint64_t ticket, struct bede_error *error);

/* Until everything appended so far is durable, whatever the policy. */
BEDE_API int bede_sync(struct bede *bede, struct bede_error *error);

/* Replaces (or adds) the value at one time. What was there before stays in the history; what is
 * written there afterwards shows. user and reason may be NULL. */
BEDE_API int bede_correct(struct bede *bede, uint32_t tag, int64_t time_ns,
                          const union bede_value *value, uint32_t quality, const char *user,
                          const char *reason, struct bede_error *error);

/* Deletes the value at one time; it stays in the history. What is written there afterwards shows. */
BEDE_API int bede_erase(struct bede *bede, uint32_t tag, int64_t time_ns, const char *user,
                        const char *reason, struct bede_error *error);

/* Names a deletion of ranges, to lift it again. */
struct bede_mask {
    uint64_t clock;
    uint64_t node;
    uint32_t generation;
    uint32_t reserved;
};

/* Hides everything that was written before this call in [from_ns, to_ns) of these tags; to_ns is
 * clamped to now. What is written afterwards shows. out_mask may be NULL. */
BEDE_API int bede_delete(struct bede *bede, const uint32_t *tags, size_t count, int64_t from_ns,
                         int64_t to_ns, const char *user, const char *reason,
                         struct bede_mask *out_mask, struct bede_error *error);

/* Shows again what that call hid. BEDE_NOT_FOUND when there is no such mask. */
BEDE_API int bede_undelete(struct bede *bede, const struct bede_mask *mask, const char *user,
                           const char *reason, struct bede_error *error);

/* ---- Reading -------------------------------------------------------------------------------- */

enum bede_read_flag {
    BEDE_READ_HISTORY = 1 /* every entry that is kept, overruled and deleted ones too */
};

struct bede_read {
    int64_t from_ns;  /* included; INT64_MIN: from the first */
    int64_t to_ns;    /* excluded; INT64_MAX: to the last, that time included */
    int64_t as_of_ns; /* 0: now; else corrections and deletions as they were known then */
    uint32_t flags;   /* enum bede_read_flag */
    uint64_t reserved[4];
};

/* The samples of one tag in order of time. Sees what was acknowledged before, no matter what is
 * written meanwhile. read may be NULL for everything. Give back with bede_cursor_close(). */
BEDE_API int bede_cursor_open(struct bede_cursor **out_cursor, struct bede *bede, uint32_t tag,
                              const struct bede_read *read, struct bede_error *error);

/* The next columns, 1 to 65,535 samples; BEDE_END after the last. */
BEDE_API int bede_cursor_next(struct bede_cursor *cursor, struct bede_columns *out_columns,
                              struct bede_error *error);
BEDE_API void bede_cursor_close(struct bede_cursor *cursor); /* accepts NULL */

struct bede_sample {
    int64_t time_ns;
    union bede_value value; /* text: valid until bede_sample_free() */
    uint32_t quality;
    int type;
    void *memory;
};

/* The newest sample at or before time_ns; BEDE_NOT_FOUND. */
BEDE_API int bede_value_at(struct bede *bede, uint32_t tag, int64_t time_ns,
                           struct bede_sample *out_sample, struct bede_error *error);

/* The newest sample that is not in the future (more than ten minutes ahead); BEDE_NOT_FOUND. */
BEDE_API int bede_latest(struct bede *bede, uint32_t tag, struct bede_sample *out_sample,
                         struct bede_error *error);
BEDE_API void bede_sample_free(struct bede_sample *sample); /* needed for text only */

enum bede_aggregate_flag {
    BEDE_AGGREGATE_GOOD = 1,    /* only samples of good quality count */
    BEDE_AGGREGATE_RANGE = 2,   /* only values from low to high, both included */
    BEDE_AGGREGATE_INTEGRAL = 4 /* integral and covered_ns are wanted; not with a range */
};

/* A range of time, cut into buckets of one width. One bucket a pixel makes a trend. */
struct bede_aggregate {
    int64_t from_ns;  /* included */
    int64_t to_ns;    /* excluded */
    int64_t as_of_ns; /* as in struct bede_read */
    size_t bucket_count;
    double low;
    double high;
    uint32_t flags; /* enum bede_aggregate_flag */
    uint64_t reserved[4];
};

/* What the samples of one bucket add up to. Values are taken as numbers, those of i64 and state as
 * the nearest double. NaN and texts count as samples and in nothing else. */
struct bede_bucket {
    int64_t from_ns;     /* the bucket's begin */
    uint64_t count;      /* samples; 0: the fields below mean nothing but integral and covered_ns */
    uint64_t good_count; /* of good quality */
    uint64_t number_count;
    double minimum; /* of numbers, while there are any */
    double maximum;
    double sum;
    double first;
    double last;
    int64_t first_ns;
    int64_t last_ns;
    double integral; /* value x seconds, under the line through good samples; as the tag says,  */
    int64_t covered_ns; /* it steps or slopes, and ends where two are more than max_gap apart */
    uint64_t reserved[4];
};

/* Of each of these tags bucket_count buckets, one tag behind the other. Takes statistics instead of
 * samples where they say the same, so its time does not depend on how many samples a bucket has. */
BEDE_API int bede_aggregate(struct bede *bede, const uint32_t *tags, size_t tag_count,
                            const struct bede_aggregate *question, struct bede_bucket *out_buckets,
                            struct bede_error *error);

/* ---- Following ------------------------------------------------------------------------------ */

/* New samples of the tags that match the pattern now (NULL: all, later ones too), as they become
 * visible. Keeps at most buffer_bytes (0: 4 MiB) of what was not fetched yet. Give back with
 * bede_unsubscribe(). */
BEDE_API int bede_subscribe(struct bede_subscription **out_subscription, struct bede *bede,
                            const char *pattern, size_t buffer_bytes, struct bede_error *error);

/* The next samples, of one tag. BEDE_AGAIN when none came within timeout_ms; BEDE_MISSED (once)
 * when the buffer ran full, with the number of lost samples in out_columns->count: read them with
 * a cursor. Deletions and corrections are shown with their kind. */
BEDE_API int bede_subscription_next(struct bede_subscription *subscription, uint32_t timeout_ms,
                                    uint32_t *out_tag, struct bede_columns *out_columns,
                                    struct bede_error *error);
BEDE_API void bede_unsubscribe(struct bede_subscription *subscription); /* accepts NULL */

enum bede_kind { BEDE_COLLECTED = 0, BEDE_CORRECTION = 1, BEDE_DELETION = 2 };

/* ---- Care ----------------------------------------------------------------------------------- */

/* Moves everything from memory into segments, so that a restart has nothing to replay. */
BEDE_API int bede_flush(struct bede *bede, struct bede_error *error);

/* Merges the segments that are there when it begins, until nothing is left to do; all: into one a
 * month (UTC), or a day where the month is large or not over. What is flushed meanwhile stays beside
 * them. */
BEDE_API int bede_compact(struct bede *bede, int all, struct bede_error *error);

struct bede_stats {
    uint64_t tag_count;
    uint64_t sample_count; /* stored entries, overruled ones too; tags named $… left out */
    uint64_t segment_count;
    uint64_t segment_bytes;
    uint64_t wal_bytes; /* on disk, spare files included */
    uint64_t catalog_bytes;
    uint64_t memory_bytes;   /* samples not yet in segments, buffers and catalog */
    uint64_t appended_count; /* samples since the store was opened */
    uint64_t late_count;     /* of these, late ones */
    uint64_t flush_count;
    uint64_t compaction_count;
    /* What the last opening found */
    uint64_t recovered_count; /* samples read from the log */
    uint64_t recovered_ns;    /* time it took */
    uint64_t damaged_count;   /* damaged places in the log */
    uint64_t torn_bytes;      /* of an unfinished write at its end */
    char first_damage[200];
    uint64_t reserved[16];
};
BEDE_API int bede_stats(struct bede *bede, struct bede_stats *out_stats, struct bede_error *error);

struct bede_verify_result {
    uint64_t block_count;
    uint64_t sample_count;
    uint64_t damaged_count;
    uint64_t reserved[8];
};

/* Reads and checks every byte of the store at path, which must not be open. report is called once
 * a damage. BEDE_OK also when there are damages: see damaged_count. */
BEDE_API int bede_verify(const char *path, void (*report)(void *context, const char *damage),
                         void *context, struct bede_verify_result *out_result,
                         struct bede_error *error);

#ifdef __cplusplus
}
#endif
#endif
