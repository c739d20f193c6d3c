#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

_Noreturn void bench_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static struct bench_machine machine_in(const char *directory)
{
    struct bench_machine machine;
    struct error error;
    if (bench_machine_read(&machine, directory, &error) < 0) bench_die(directory, error.text);
    return machine;
}

double bench_sync_seconds(const char *directory, double *out_p99)
{
    struct bench_machine machine = machine_in(directory);
    *out_p99 = machine.sync_seconds_p99;
    return machine.sync_seconds;
}

void bench_print_machine(const char *directory)
{
    struct bench_machine machine = machine_in(directory);
    bench_machine_print(&machine);
}

void bench_remove(const char *directory)
{
    char command[1200];
    (void)snprintf(command, sizeof command, "rm -rf -- '%s'", directory);
    if (system(command) != 0) bench_die(directory, "cannot remove");
}

const char *bench_directory(const char *name)
{
    static char path[1024];
    const char *root = getenv("BEDE_BENCH_DIR");
    if (!root) root = "bench-data";
    (void)mkdir(root, 0700);
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    bench_remove(path);
    if (mkdir(path, 0700) != 0) bench_die(path, "cannot make");
    return path;
}

void bench_print(const char *what, double figure, const char *unit, double floor,
                 const char *remark)
{
    printf("%-46s %10.2f %-12s floor %-8.2f %s\n", what, figure, unit, floor, remark);
    (void)fflush(stdout);
}
