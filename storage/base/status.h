/* How a call turned out, and what to tell a person when it failed. */
#ifndef STORAGE_BASE_STATUS_H
#define STORAGE_BASE_STATUS_H

/* The sign carries the rule:
 *
 *   negative  failure: the caller cannot do its job either. Pass it up unchanged.
 *   zero      done.
 *   positive  an ordinary answer, such as "no more". Handle it in the direct caller;
 *             it means nothing further up.
 */
#define STATUS_TABLE(X)                                        \
    X(STATUS_BUSY, -8, "in use by another process")            \
    X(STATUS_NO_SPACE, -7, "no space left")                    \
    X(STATUS_UNSUPPORTED, -6, "not supported by this version") \
    X(STATUS_CORRUPT, -5, "stored data is damaged")            \
    X(STATUS_TOO_LARGE, -4, "over a configured limit")         \
    X(STATUS_BAD_INPUT, -3, "input is not valid")              \
    X(STATUS_NO_MEMORY, -2, "out of memory")                   \
    X(STATUS_IO, -1, "input/output failed")                    \
    X(STATUS_OK, 0, "ok")                                      \
    X(STATUS_END, 1, "no more")                                \
    X(STATUS_NOT_FOUND, 2, "not found")                        \
    X(STATUS_AGAIN, 3, "try again later")                      \
    X(STATUS_EXISTS, 4, "exists already")                      \
    X(STATUS_MISSED, 5, "some were missed")

#ifdef __clang__
#define MUST_USE_TYPE __attribute__((warn_unused_result))
#else
#define MUST_USE_TYPE
#endif

enum MUST_USE_TYPE status {
#define STATUS_ENUM(name, value, text) name = value,
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
};

/* Filled in once, where the failure happens and the facts are at hand; callers above only pass
 * the pointer on. Left untouched on success. */
struct error {
    enum status status;
    int os_errno; /* 0 unless status is STATUS_IO or STATUS_NO_SPACE */
    char text[240];
};

const char *status_text(enum status status);

/* Records the failure and returns its status, so that the origin is one line. STATUS_IO also
 * records errno, and becomes STATUS_NO_SPACE when errno says so. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* The analyzer does not look into other files: that a failure comes back as it went in. */
#define error_set(target, failure, ...) /* NOLINT(readability-identifier-naming) */ \
    ((void)(0, __VA_ARGS__), (*(target) = (struct error){.status = (failure)}).status)
#endif

#endif
