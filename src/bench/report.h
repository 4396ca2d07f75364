/*
 * report.h - what was measured, for people or for scripts.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/histogram.h"
#include "bench/options.h"

/* A stretch of time, and what it cost. */
struct meter {
    uint64_t wall_ns;
    uint64_t server_cpu_ns; /* 0 when options->pid is 0 */
    uint64_t own_cpu_ns;
};

/* Begin before, end after; the meter then holds the differences. False: the pid is gone. */
BELFRY_NODISCARD bool meter_begin(struct meter *m, pid_t pid);
BELFRY_NODISCARD bool meter_end(struct meter *m, pid_t pid);

struct mark {
    uint32_t connections;
    uint64_t resident_bytes;
};

struct report {
    const struct bench_options *options;
    struct meter opening; /* connecting, upgrading, and joining; not in mode connect */
    struct meter measured;
    uint64_t messages;  /* echoed; fan-out: copies delivered; connect: connections */
    uint64_t published; /* fan-out: messages sent */
    struct histogram latency;
    struct mark marks[BENCH_MAX_MARKS]; /* idle, with a pid */
    uint32_t mark_count;
};

void report_print(const struct report *r);

#endif
