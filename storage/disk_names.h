/* Every name the store gives to a file or directory below its root. */
#ifndef STORAGE_DISK_NAMES_H
#define STORAGE_DISK_NAMES_H

#include <inttypes.h>

#define DISK_LOCK "LOCK"
#define DISK_CURRENT "CURRENT"
#define DISK_CURRENT_TEMPORARY "CURRENT.tmp"
#define DISK_MANIFEST_FORMAT "MANIFEST-%016" PRIx64
#define DISK_WAL_DIRECTORY "wal"
#define DISK_WAL_FORMAT "%016" PRIx64 ".wal"
#define DISK_WAL_SPARE_FORMAT "%016" PRIx64 ".spare"
#define DISK_SEGMENT_DIRECTORY "segments"
#define DISK_SEGMENT_FORMAT "%016" PRIx64 ".segment"
#define DISK_SEGMENT_TEMPORARY_FORMAT "%016" PRIx64 ".segment.tmp"
#define DISK_CATALOG_DIRECTORY "catalog"
#define DISK_IDENTITIES "identities"
#define DISK_SNAPSHOT_FORMAT "snapshot-%016" PRIx64
#define DISK_FRONTIER_FORMAT "frontier-%016" PRIx64
#define DISK_TEMPORARY_SUFFIX ".tmp"

#define JOURNAL_TAG_FORMAT "$journal/%016" PRIx64 ".%08" PRIx32 /* node, generation */

#endif
