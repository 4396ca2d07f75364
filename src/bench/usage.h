/*
 * usage.h - what a process has consumed: CPU time of all its threads, and resident memory.
 */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <sys/types.h>

#include "base/defs.h"

/* CPU time of process @pid in nanoseconds, all living threads together:
 * /proc/PID/task/TID/schedstat, or where the kernel lacks that, /proc/PID/stat in steps of 10 ms.
 * False: no such process. */
bool usage_cpu_ns(pid_t pid, uint64_t *out_ns);

/* CPU time of this process. */
uint64_t usage_own_cpu_ns(void);

/* Resident bytes of process @pid: /proc/PID/smaps_rollup, or statm. False: no such process. */
bool usage_resident_bytes(pid_t pid, uint64_t *out_bytes);

#endif
