/* Bench machine: what stands above every table of figures, since figures without it say nothing. */
#ifndef ENGINE_SHELL_BENCH_MACHINE_H
#define ENGINE_SHELL_BENCH_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/status.h"

struct bench_machine {
    char date[32];
    char processor[128];
    char kernel[160];
    char compiler[96];
    long cores;
    double memory_bytes;
    double sync_seconds; /* fdatasync of 4 KiB in a preallocated file: median */
    double sync_seconds_p99;
};

/* directory: on the disk that is meant; it must exist. */
enum status bench_machine_read(struct bench_machine *machine, const char *directory,
                               struct error *error);

/* One line of text, or one JSON object. */
void bench_machine_print(const struct bench_machine *machine);
void bench_machine_print_json(const struct bench_machine *machine);

double bench_seconds(void);      /* monotonic */
double bench_cpu_seconds(void);  /* user and system, of this process */
uint64_t bench_peak_bytes(void); /* resident, of this process so far */

/* The value at this share (0..1) of them, which are sorted. */
double bench_percentile(double *samples, size_t count, double share);

#endif
