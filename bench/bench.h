/* Bench: the machine, a directory to work in, and one way to print a figure. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "engine/shell/bench_machine.h"

/* The machine, and how long an fdatasync takes in this directory: one line. */
void bench_print_machine(const char *directory);
double bench_sync_seconds(const char *directory, double *out_p99);

/* A directory of its own below the one given by BEDE_BENCH_DIR or ./bench-data; emptied first. */
const char *bench_directory(const char *name);
void bench_remove(const char *directory);

/* One line: what, the figure with its unit, floor, and remarks. */
void bench_print(const char *what, double figure, const char *unit, double floor,
                 const char *remark);

_Noreturn void bench_die(const char *what, const char *why);

#endif
