/*
 * modes.h - the four kinds of load. Each opens its own swarm, measures, and fills the report.
 *
 * False: what went wrong has been printed.
 */
#ifndef BENCH_MODES_H
#define BENCH_MODES_H

#include "bench/report.h"
#include "bench/target.h"

BELFRY_NODISCARD bool echo_measure(const struct target *target, struct report *r);
BELFRY_NODISCARD bool fanout_measure(const struct target *target, struct report *r);
BELFRY_NODISCARD bool connect_measure(const struct target *target, struct report *r);
BELFRY_NODISCARD bool idle_measure(const struct target *target, struct report *r);

#endif
