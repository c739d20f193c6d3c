/* Bench: time, the machine, and one way to print a figure. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

double bench_seconds(void);      /* monotonic */
double bench_cpu_seconds(void);  /* user and system, of this process */
uint64_t bench_peak_bytes(void); /* resident, of this process so far */

/* Processor, cores, memory, kernel, compiler, build type, date; and how long an fdatasync of 4 KiB
 * in a preallocated file takes in this directory: median and 99th percentile. */
void bench_print_machine(const char *directory);
double bench_sync_seconds(const char *directory, double *out_p99);

/* A directory of its own below the one given by BEDE_BENCH_DIR or ./bench-data; emptied first. */
const char *bench_directory(const char *name);
void bench_remove(const char *directory);

/* One line: what, the figure with its unit, floor, and remarks. */
void bench_print(const char *what, double figure, const char *unit, double floor,
                 const char *remark);

/* For sorting samples: the value at this share (0..1) of them. */
double bench_percentile(double *samples, size_t count, double share);

_Noreturn void bench_die(const char *what, const char *why);

#endif
