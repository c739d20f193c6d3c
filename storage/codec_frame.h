/* Frame: words near one another, packed as what each is above a base; the few that are not near
 * are patches. What most codecs end in.
 *
 *   | width u8 | patches | base, signed | positions, words of patches | packed ... |
 *
 * Patches and base are fields (codec_field.h). A patched word is packed as 0. Width is 0..64; at 0
 * nothing is packed, at 64 the words lie as they are; it is the least that holds what is packed. */
#ifndef STORAGE_CODEC_FRAME_H
#define STORAGE_CODEC_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/bytes.h"
#include "storage/base/status.h"
#include "storage/kernels.h"

enum { FRAME_WORDS_MAX = 1024 };

/* Returns the bytes written, or 0 when that would be more than room. Of the survey only minimum and
 * maximum are asked; NULL: it is made here. */
size_t frame_encode(uint8_t *target, size_t room, const uint64_t *words, size_t count,
                    const struct survey *survey);

/* Takes exactly the frame. */
enum status frame_decode(uint64_t *target, size_t count, struct bytes_reader *reader);

#endif
