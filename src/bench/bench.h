/*
 * bench.h - `belfry bench`: a load generator that costs less than what it drives.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/defs.h"

/* Runs `bench MODE [URL] [options]`; argv[0] is "bench". Returns the program's exit code:
 * 0, 1 when a measurement failed, 2 when the command line is wrong. */
int bench_main(int argc, char **argv);

/* Says on stderr what is wrong and what to do about it; false, so that callers can return it. */
bool bench_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
