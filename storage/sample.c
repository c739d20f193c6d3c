#include "storage/sample.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/base/assert.h"

bool value_type_is_valid(uint8_t type)
{
    return type >= VALUE_F64 && type <= VALUE_TEXT;
}

const char *value_type_name(uint8_t type)
{
    switch ((enum value_type)type) {
#define VALUE_TYPE_CASE(name, value, text) \
    case name: return text;
        VALUE_TYPE_TABLE(VALUE_TYPE_CASE)
#undef VALUE_TYPE_CASE
    }
    UNREACHABLE();
}

bool value_type_from_name(const char *name, uint8_t *out_type)
{
    for (unsigned type = VALUE_F64; type <= VALUE_TEXT; type++) {
        if (strcmp(name, value_type_name((uint8_t)type)) != 0) continue;
        *out_type = (uint8_t)type;
        return true;
    }
    return false;
}

bool value_is_valid(uint8_t type, uint64_t bits)
{
    switch ((enum value_type)type) {
    case VALUE_F64:
    case VALUE_I64:
    case VALUE_STATE: return true;
    case VALUE_F32: return bits <= UINT32_MAX;
    case VALUE_BOOL: return bits <= 1;
    case VALUE_TEXT: break;
    }
    return false;
}

struct identity identity_of_tag(const char *name_space, const char *path, uint32_t incarnation)
{
    char decimal[sizeof "4294967295"];
    int decimal_bytes = snprintf(decimal, sizeof decimal, "%u", incarnation);
    ASSERT(decimal_bytes > 0);

    /* Streamed, because neither name has a limit here. */
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    (void)XXH3_128bits_reset(&state);
    (void)XXH3_128bits_update(&state, name_space, strlen(name_space) + 1);
    (void)XXH3_128bits_update(&state, path, strlen(path) + 1);
    (void)XXH3_128bits_update(&state, decimal, (size_t)decimal_bytes);
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    return (struct identity){.low = hash.low64, .high = hash.high64};
}
