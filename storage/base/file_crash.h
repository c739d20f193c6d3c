/* File crash: what a disk may hold after the power failed.
 *
 * Pure but for the image that it works on: the same image, seed and kind give the same disk. */
#ifndef STORAGE_BASE_FILE_CRASH_H
#define STORAGE_BASE_FILE_CRASH_H

#include "storage/base/file_image.h"
#include "storage/base/random.h"

enum { CRASH_SECTOR_BYTES = 512 };

enum file_crash {
    FILE_CRASH_KILLED,    /* the program ended, the system did not: all is as it was, and what was
                             not synced can still be lost later */
    FILE_CRASH_LOST,      /* only what was synced is there */
    FILE_CRASH_TORN,      /* and the changes up to some moment, the last one cut between sectors */
    FILE_CRASH_SCATTERED, /* and any of the names and sectors; where a file grew without its
                             sectors, zeros or garbage */
    FILE_CRASH_COUNT
};

/* Nothing may be in use. */
void image_crash(struct image *image, struct random *random, enum file_crash crash);

#endif
