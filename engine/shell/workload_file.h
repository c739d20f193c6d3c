/* Workload file: the pieces of a workload, made before anything is measured.
 *
 * Whoever appends them then needs neither the time nor the memory that making them takes, and may
 * take them in another order. It is read by the program that wrote it, and thrown away.
 *
 *    +--------+-------------------+---------------------------------------+----------------+
 *    | header | tags ...          | head, times, values, qualities | ...   | offsets of ... |
 *    +--------+-------------------+---------------------------------------+----------------+
 */
#ifndef ENGINE_SHELL_WORKLOAD_FILE_H
#define ENGINE_SHELL_WORKLOAD_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/shell/workload.h"
#include "storage/base/status.h"

/* What a reader of all values must find. */
struct workload_totals {
    uint64_t tag_count;
    uint64_t piece_count;
    uint64_t value_count;
    uint64_t above_count; /* of the values above WORKLOAD_ABOVE */
    double above_sum;
    double sum;
    int64_t first_ns;
    int64_t last_ns;
};

#define WORKLOAD_ABOVE 50.0

struct workload_writer;

enum status workload_writer_create(struct workload_writer **out_writer, const char *path,
                                   struct error *error);
/* All tags before the first piece. */
enum status workload_writer_tag(struct workload_writer *writer, const struct workload_tag *tag,
                                struct error *error);
enum status workload_writer_piece(struct workload_writer *writer,
                                  const struct workload_piece *piece, struct error *error);
/* Completes the file and syncs it, so that its way to the disk is not measured with what follows.*/
enum status workload_writer_finish(struct workload_writer *writer, struct error *error);
void workload_writer_destroy(struct workload_writer *writer); /* accepts NULL */

struct workload_file;

enum status workload_file_open(struct workload_file **out_file, const char *path,
                               struct error *error);
void workload_file_close(struct workload_file *file); /* accepts NULL */

const struct workload_totals *workload_file_totals(const struct workload_file *file);

/* Tags first .. first+count-1. */
enum status workload_file_tags(struct workload_file *file, size_t first, size_t count,
                               struct workload_tag *out_tags, struct error *error);

/* Valid until the next call. */
enum status workload_file_piece(struct workload_file *file, uint64_t index,
                                struct workload_piece *out_piece, struct error *error);

#endif
