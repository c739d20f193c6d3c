/* How fast `bede import` takes a long CSV: 10 M lines of 1,000 tags, as a collector would write them,
 * one time after the other. The command is run as a user would run it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

enum { TAGS = 1000, TIMES = 10000 };

static double write_lines(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) bench_die(path, "cannot make");
    (void)fputs("tag,ts,value\n", file);
    uint64_t state = 42;
    for (int time = 0; time < TIMES; time++) {
        for (int tag = 0; tag < TAGS; tag++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            (void)fprintf(file, "area%d.unit%d.pv,%lld,%d.%03d\n", tag / 100, tag % 100,
                          1760000000000ll + time * 1000, (int)(state >> 57),
                          (int)(state >> 40) % 1000 & 0x3ff);
        }
    }
    double bytes = (double)ftell(file);
    if (fclose(file) != 0) bench_die(path, "cannot write");
    return bytes;
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 2) bench_die("usage", "bench_import BEDE");
    const char *directory = bench_directory("import");
    char lines[1100], command[2600], answer[200] = "";
    bench_print_machine(directory);
    (void)snprintf(lines, sizeof lines, "%s/lines.csv", directory);
    double bytes = write_lines(lines);
    (void)snprintf(command, sizeof command, "'%s' import --unit ms --data '%s/store' '%s'",
                   arguments[1], directory, lines);
    double begin = bench_seconds();
    FILE *output = popen(command, "r");
    if (!output || !fgets(answer, sizeof answer, output) || pclose(output) != 0) {
        bench_die(command, "failed");
    }
    double seconds = bench_seconds() - begin;
    if (strncmp(answer, "imported 10000000 values, rejected 0,", 37) != 0) {
        bench_die("not what was written", answer);
    }
    char remark[128];
    (void)snprintf(remark, sizeof remark, "10 M lines, %.0f MB of CSV, start to end %.1f s",
                   bytes / 1e6, seconds);
    bench_print("bede import of long CSV, durable", TAGS * (double)TIMES / seconds / 1e6,
                "M values/s", 2, remark);
    return 0;
}
