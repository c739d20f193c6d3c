/* Bench export: a workload as CSV, for `bede import` and for other databases. */
#ifndef ENGINE_SHELL_BENCH_EXPORT_H
#define ENGINE_SHELL_BENCH_EXPORT_H

#include "engine/shell/workload_file.h"

/* DIRECTORY/NAME.tags.csv for `bede tags import`, in the order of the tags' indices, and
 * DIRECTORY/NAME.csv for `bede import --unit ms`, in the order in which the values come. */
enum status bench_export(struct workload_file *file, const char *directory, const char *name,
                         struct error *error);

#endif
