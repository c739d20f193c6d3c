/* Workload from CSV: a folder of published files, each column of each file a tag.
 *
 * The first column is the time: a date, or milliseconds. Numbers are doubles; a column that begins
 * with a text is a state, its texts numbered as they come; past 64 of them a new one is left out, and
 * so is a text among numbers. Empty fields are no values. Fields are parted by commas or semicolons,
 * the header says which. */
#ifndef ENGINE_SHELL_WORKLOAD_CSV_H
#define ENGINE_SHELL_WORKLOAD_CSV_H

#include "engine/shell/workload_file.h"

/* Tags and pieces of all files *.csv in directory, in order of their names. STATUS_NOT_FOUND when
 * there is no such directory or no such file in it. */
enum status workload_csv_write(struct workload_writer *writer, const char *directory,
                               struct error *error);

#endif
