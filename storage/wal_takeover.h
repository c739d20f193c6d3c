/* WAL takeover: what becomes of the files that an open finds.
 *
 *   below the end of the log, and not wholly below from_position   stay until they are released
 *   all others, and spare ones                                     are removed (K3)
 *
 * Nothing is removed before the new file, with its number and the end of the log, is durable:
 * else a crash could leave a log that has forgotten how far its numbers had come. */
#ifndef STORAGE_WAL_TAKEOVER_H
#define STORAGE_WAL_TAKEOVER_H

#include "storage/wal_directory.h"
#include "storage/wal_writer.h"

/* The log ends at end_position, all durable, and goes on in a new file (W7). writer->files is empty,
 * and writer->written_sequence is the last one of the log. */
enum status wal_takeover(struct wal_writer *writer, const struct wal_directory *directory,
                         uint64_t end_position, struct error *error);

#endif
