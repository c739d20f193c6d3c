/* What tests through the public header share: a store in a temporary directory, and calls that
 * must end in a given status. */
#ifndef TESTS_ENGINE_API_H
#define TESTS_ENGINE_API_H

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/bede.h"
#include "tests/simulation/temporary.h"
#include "tests/unit.h"

#define SECOND_NS INT64_C(1000000000)
#define EPOCH_NS (INT64_C(1760000000) * SECOND_NS)

/* A call with the plant's error as its last argument. */
#define EXPECT(expected, call)                                                                     \
    do {                                                                                           \
        int api_status = (call);                                                                   \
        ck_assert_msg(api_status == (expected), "%s: got %d, expected %s (%s)", #call, api_status, \
                      #expected, api_status < 0 ? plant.error.text : "no error");                  \
    } while (0)

struct plant {
    char path[TEMPORARY_PATH_BYTES];
    struct bede *bede;
    struct bede_options options;
    struct bede_error error;
};

static inline struct plant plant_open(const struct bede_options *options)
{
    struct plant plant = {0};
    if (options) plant.options = *options;
    temporary_make(plant.path);
    EXPECT(BEDE_OK, bede_open(&plant.bede, plant.path, &plant.options, &plant.error));
    return plant;
}

static inline void plant_reopen(struct plant *at)
{
    struct plant plant = *at;
    EXPECT(BEDE_OK, bede_close(plant.bede, &plant.error));
    EXPECT(BEDE_OK, bede_open(&plant.bede, plant.path, &plant.options, &plant.error));
    *at = plant;
}

static inline void plant_report(void *context, const char *damage)
{
    (void)context;
    ck_abort_msg("%s", damage);
}

/* Every byte of it was whole to the end. */
static inline void plant_close(struct plant *at)
{
    struct plant plant = *at;
    struct bede_verify_result found;
    EXPECT(BEDE_OK, bede_close(plant.bede, &plant.error));
    EXPECT(BEDE_OK, bede_verify(plant.path, plant_report, NULL, &found, &plant.error));
    ck_assert_uint_eq(found.damaged_count, 0);
    temporary_remove(plant.path);
}

static inline uint32_t plant_tag(struct plant *at, const char *name, int type)
{
    struct plant plant = *at;
    uint32_t tag = 0;
    EXPECT(BEDE_OK, bede_tag(plant.bede, name, type, &tag, &plant.error));
    return tag;
}

#endif
