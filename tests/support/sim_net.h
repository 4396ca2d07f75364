/*
 * sim_net.h - a network in memory: struct stream_ops and struct poller_ops without a kernel.
 *
 *   client --> [in flight] --a step of the link--> [to_server] --> server reads
 *   client <--a step of the link-- [to_client, at most pipe_bytes] <-- server writes
 *
 * What the seed decides: how much each read, write and step takes, refusals for no reason
 * (STREAM_AGAIN), delays of a whole link. What a test decides: stalling (a client that does not
 * read), half-closing, resetting. Level-triggered, as epoll is.
 *
 * Closing with unread input resets the connection, as TCP does: the client may lose the last
 * bytes. That is what lingering is for.
 */
#ifndef SUPPORT_SIM_NET_H
#define SUPPORT_SIM_NET_H

#include "base/buf.h"
#include "base/random.h"
#include "net/stream.h"

/* Chances are in percent. All zero is a perfect network, pipes of 64 KiB. */
struct sim_faults {
    unsigned short_io;     /* a read, write or step takes less than it could */
    unsigned again;        /* it takes nothing at first */
    unsigned delay;        /* after a step the link rests */
    uint32_t max_delay_ms; /* for up to so long */
    size_t pipe_bytes;
};

struct sim_net {
    struct random_seeded random;
    struct sim_faults faults;
    uint64_t now_ms;
    struct sim_link **links; /* those that may still do something */
    size_t link_count;
    size_t link_capacity;
};

/* What a client hears from its link. */
struct sim_link_user {
    void (*on_bytes)(void *user, uint8_t *bytes, size_t size);
    void (*on_end)(void *user, bool is_reset); /* no more bytes will come; called once */
    void *user;
};

struct sim_link {
    struct sim_net *net;
    struct sim_link_user user;
    struct buf in_flight;
    struct buf to_server;
    struct buf to_client;
    uint64_t held_until_ms;
    bool is_stalled;   /* the client does not read */
    bool client_ended; /* it will send no more */
    bool client_gone;  /* nor does it read: further bytes for it reset the link */
    bool server_ended;
    bool server_closed;
    bool is_reset;
    bool has_told_end;
};

void sim_net_init(struct sim_net *net, uint64_t seed, const struct sim_faults *faults);
void sim_net_deinit(struct sim_net *net);

/* True with a chance of @percent. */
bool sim_net_chance(struct sim_net *net, unsigned percent);

/* Owns: the network; until it is retired (both sides gone) or sim_net_deinit. */
struct sim_link *sim_link_new(struct sim_net *net, const struct sim_link_user *user);

/* --- the client's side --- */

void sim_link_send(struct sim_link *link, const void *bytes, size_t size);
void sim_link_end(struct sim_link *link);     /* half-close */
void sim_link_abandon(struct sim_link *link); /* close: the user hears nothing any more */
void sim_link_reset(struct sim_link *link);   /* the same, rudely */

/* --- the server's side --- */

/* For worker_adopt: fills @s in with the server's end of @arg, a struct sim_link. */
void sim_link_setup_stream(struct stream *s, struct loop *loop, void *arg);

/* --- the scheduler's --- */

bool sim_link_can_step(const struct sim_link *link); /* were it not held */
void sim_link_step(struct sim_link *link);

/* Frees the links that nobody needs any more. */
void sim_net_sweep(struct sim_net *net);

/* --- the poller --- */

extern const struct poller_ops poll_sim;

BELFRY_NODISCARD belfry_err poll_sim_new(struct poller **out_poller, struct sim_net *net);
bool poll_sim_is_ready(const struct poller *poller);

#endif
