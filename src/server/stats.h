/*
 * stats.h - the server's own figures, said in a room once a second (belfry_stats).
 *
 * Thread: worker 0's.
 */
#ifndef SERVER_STATS_H
#define SERVER_STATS_H

#include "server/worker.h"

struct stats {
    struct belfry *server;
    struct timer timer;
    char *room;
};

/* Bytes of memory that the process holds. */
uint64_t stats_resident_bytes(void);

/* Nothing without belfry_stats. */
void stats_start(struct belfry *server);
void stats_stop(struct belfry *server);
void stats_free(struct belfry *server);

#endif
