/*
 * relay_state.h - what a worker has under way with other nodes (relay.h).
 */
#ifndef SERVER_RELAY_STATE_H
#define SERVER_RELAY_STATE_H

#include "base/map.h"
#include "net/timer.h"

struct relay_in;
struct relay_out;
struct tunnel_in;
struct tunnel_out;

/* A field of the worker. */
struct relay {
    struct map out;         /* requests, by id */
    struct map tunnels_out; /* by id */
    struct map tunnels_in;  /* by relay and id */
    struct relay_out *first_out;
    struct tunnel_out *first_tunnel_out;
    struct tunnel_in *first_tunnel_in;
    size_t count;
    uint64_t numbers; /* of ids */
    struct timer timer;
    struct map in; /* worker 0: exchanges for others, by relay and id */
    struct relay_in *first_in;
};

#endif
