#include "bench/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

double bench_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double bench_cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

uint64_t bench_peak_bytes(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

_Noreturn void bench_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static int order_of_doubles(const void *left, const void *right)
{
    double a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return (a > b) - (a < b);
}

double bench_percentile(double *samples, size_t count, double share)
{
    qsort(samples, count, sizeof *samples, order_of_doubles);
    size_t index = (size_t)((double)count * share);
    return samples[index < count ? index : count - 1];
}

double bench_sync_seconds(const char *directory, double *out_p99)
{
    enum { ROUNDS = 500, BYTES = 4096 };
    char path[1024];
    static char page[BYTES];
    static double samples[ROUNDS];
    (void)snprintf(path, sizeof path, "%s/sync-probe", directory);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) bench_die(path, "cannot make");
    for (int i = 0; i < ROUNDS; i++) {
        if (pwrite(file, page, BYTES, (off_t)i * BYTES) != BYTES) bench_die(path, "cannot write");
    }
    (void)fsync(file);
    memset(page, 1, sizeof page);
    for (int i = 0; i < ROUNDS; i++) {
        double begin = bench_seconds();
        if (pwrite(file, page, BYTES, (off_t)i * BYTES) != BYTES) bench_die(path, "cannot write");
        (void)fdatasync(file);
        samples[i] = bench_seconds() - begin;
    }
    (void)close(file);
    (void)unlink(path);
    if (out_p99) *out_p99 = bench_percentile(samples, ROUNDS, 0.99);
    return bench_percentile(samples, ROUNDS, 0.5);
}

/* The value of the first line of a file that begins with this key. */
static void first_value(const char *path, const char *key, char *target, size_t target_bytes)
{
    char line[256];
    (void)snprintf(target, target_bytes, "unknown");
    FILE *file = fopen(path, "r");
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        const char *value = strchr(line, ':');
        value = value ? value + 2 : line + strlen(key);
        (void)snprintf(target, target_bytes, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    (void)fclose(file);
}

void bench_print_machine(const char *directory)
{
    struct utsname system;
    struct sysinfo memory;
    char processor[128], date[32];
    time_t now = time(NULL);
    struct tm day;
    (void)uname(&system);
    (void)sysinfo(&memory);
    (void)gmtime_r(&now, &day);
    (void)strftime(date, sizeof date, "%Y-%m-%d", &day);
    first_value("/proc/cpuinfo", "model name", processor, sizeof processor);
    double p99;
    double median = bench_sync_seconds(directory, &p99);
    printf("%s · %s, %ld cores, %.0f GiB · %s %s · gcc %s · fdatasync of 4 KiB: %.0f us median, "
           "%.0f us p99\n",
           date, processor, sysconf(_SC_NPROCESSORS_ONLN),
           (double)memory.totalram * memory.mem_unit / (1 << 30), system.sysname, system.release,
           __VERSION__, median * 1e6, p99 * 1e6);
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
