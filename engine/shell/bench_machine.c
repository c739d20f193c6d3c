#include "engine/shell/bench_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/base/time_text.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif
#ifdef __OPTIMIZE__
#define COMPILED COMPILER
#else
#define COMPILED COMPILER " without optimisation"
#endif

double bench_seconds(void)
{
    struct clock *clock = clock_system();
    return (double)clock->monotonic_ns(clock) * 1e-9;
}

double bench_cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

uint64_t bench_peak_bytes(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
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

/* Writes pages that are there already, as the log does, and syncs each. */
static enum status time_syncs(struct file *file, double *samples, size_t count, struct error *error)
{
    static char page[4096];
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status >= 0; i++) {
        status = file_write_at(file, page, sizeof page, i * sizeof page, error);
    }
    if (status >= 0) status = file_sync(file, error);
    memset(page, 1, sizeof page);
    for (size_t i = 0; i < count && status >= 0; i++) {
        double begin = bench_seconds();
        status = file_write_at(file, page, sizeof page, i * sizeof page, error);
        if (status >= 0) status = file_sync(file, error);
        samples[i] = bench_seconds() - begin;
    }
    return status;
}

static enum status measure_sync(struct bench_machine *machine, const char *directory,
                                struct error *error)
{
    enum { ROUNDS = 500 };
    static double samples[ROUNDS];
    char path[FILE_PATH_BYTES_MAX];
    (void)snprintf(path, sizeof path, "%s/sync-probe", directory);
    struct file *file;
    enum status status = file_open(file_system_posix(), &file, path, FILE_CREATE, error);
    if (status < 0) return status;
    status = time_syncs(file, samples, ROUNDS, error);
    file_close(file);
    (void)file_remove(file_system_posix(), path, error); /* it is small, and made anew each time */
    machine->sync_seconds = bench_percentile(samples, ROUNDS, 0.5);
    machine->sync_seconds_p99 = bench_percentile(samples, ROUNDS, 0.99);
    return status;
}

static void read_processor(struct bench_machine *machine)
{
    char line[256];
    (void)snprintf(machine->processor, sizeof machine->processor, "unknown processor");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        (void)snprintf(machine->processor, sizeof machine->processor, "%.*s",
                       (int)strcspn(colon + 2, "\n\"\\"), colon + 2);
        break;
    }
    (void)fclose(file);
}

enum status bench_machine_read(struct bench_machine *machine, const char *directory,
                               struct error *error)
{
    struct utsname system;
    struct sysinfo memory;
    struct clock *clock = clock_system();
    char moment[TIME_TEXT_BYTES_MAX];
    (void)uname(&system);
    (void)sysinfo(&memory);
    (void)time_text_from_ns(moment, clock->wall_ns(clock));
    (void)snprintf(machine->date, sizeof machine->date, "%.10s", moment);
    (void)snprintf(machine->kernel, sizeof machine->kernel, "%s %s", system.sysname,
                   system.release);
    (void)snprintf(machine->compiler, sizeof machine->compiler, "%s", COMPILED);
    machine->cores = sysconf(_SC_NPROCESSORS_ONLN);
    machine->memory_bytes = (double)memory.totalram * memory.mem_unit;
    read_processor(machine);
    return measure_sync(machine, directory, error);
}

void bench_machine_print(const struct bench_machine *machine)
{
    printf("%s · %s, %ld cores, %.0f GiB · %s · %s · fdatasync of 4 KiB: %.0f us median, %.0f us "
           "p99 · every append durable when acknowledged\n",
           machine->date, machine->processor, machine->cores, machine->memory_bytes / (1 << 30),
           machine->kernel, machine->compiler, machine->sync_seconds * 1e6,
           machine->sync_seconds_p99 * 1e6);
}

void bench_machine_print_json(const struct bench_machine *machine)
{
    printf("{\"date\": \"%s\", \"processor\": \"%s\", \"cores\": %ld, \"memory_bytes\": %.0f, "
           "\"kernel\": \"%s\", \"compiler\": \"%s\", \"fdatasync_us\": %.1f, "
           "\"fdatasync_us_p99\": %.1f, \"durability\": \"every append\"}",
           machine->date, machine->processor, machine->cores, machine->memory_bytes,
           machine->kernel, machine->compiler, machine->sync_seconds * 1e6,
           machine->sync_seconds_p99 * 1e6);
}
