/*
 * opening.h - what is said between a TCP connection and an open session.
 *
 *   WebSocket   GET --> 101
 *   Socket.IO   GET --> 101, <-- 0{...}, 40 -->, <-- 40{...}
 *   --upgrade   GET --> 0{...}, POST 40 --> ok, GET --> 40{...}, all on one connection;
 *               then on another one  GET --> 101, 2probe -->, <-- 3probe, 5 -->
 *
 * A second connection, for with SO_REUSEPORT it may land on another worker than the first.
 */
#ifndef BENCH_OPENING_H
#define BENCH_OPENING_H

#include "bench/swarm.h"

/* TCP is there: sends the first request, or with --raw opens the member. */
BELFRY_NODISCARD bool opening_begin(struct swarm *s, struct member *m);

/* What arrived before the member was open; opens it when that was the last that had to come. */
BELFRY_NODISCARD bool opening_on_bytes(struct swarm *s, struct member *m, belfry_bytes bytes);

#endif
