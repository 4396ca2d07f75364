/*
 * sim_eio.h - an Engine.IO 4 client in memory, as the official one behaves.
 *
 *   polling: at most one GET and one POST under way, each on whatever connection and worker the
 *            seed gives it
 *
 *   POLLING --sim_eio_probe--> PROBING --3probe--> PAUSING --poll and post done: 5--> WEBSOCKET
 *      ^                          |                   |
 *      +-----the probe is lost----+-------------------+
 *
 *     e = sim_eio_new(&world, &(struct sim_eio_how){ .on_message = ... });
 *     sim_eio_send(e, BELFRY_BYTES("hello"));
 *     sim_eio_probe(e);                now or whenever; SIM_EIO_UPGRADES does so by itself
 *     sim_eio_free(e);                 not from a callback
 *
 * It has no timers: what the server owes it in time, tests look at the clock for. An answer that is
 * not what the protocol promises ends it with @why.
 */
#ifndef SUPPORT_SIM_EIO_H
#define SUPPORT_SIM_EIO_H

#include "engineio/handshake.h"
#include "support/sim_client.h"
#include "support/sim_eio_http.h"

enum sim_eio_mode { SIM_EIO_UPGRADES, SIM_EIO_POLLS, SIM_EIO_WEBSOCKET };
enum sim_eio_state { SIM_EIO_OPENING, SIM_EIO_OPEN, SIM_EIO_CLOSED };
enum sim_eio_path { SIM_EIO_ON_POLLING, SIM_EIO_PROBING, SIM_EIO_PAUSING, SIM_EIO_ON_WEBSOCKET };

#define SIM_ANY_WORKER UINT32_MAX /* each connection goes where the seed wants it */

struct sim_eio;

struct sim_eio_how {
    enum sim_eio_mode mode;
    uint32_t worker;
    bool is_mute;    /* does not answer pings */
    bool is_deaf;    /* does not poll */
    bool may_be_cut; /* the server's memory may be out */
    bool offers_deflate;
    void (*on_open)(struct sim_eio *e, void *user);
    void (*on_message)(struct sim_eio *e, bool is_binary, belfry_bytes message, void *user);
    void (*on_close)(struct sim_eio *e, void *user);
    void *user;
};

struct sim_eio {
    struct sim_world *world;
    struct sim_eio_how how;
    enum sim_eio_state state;
    enum sim_eio_path path;
    char sid[EIO_SID_SIZE + 1];
    struct sim_http *get;  /* the poll under way, or the handshake; or NULL */
    struct sim_http *post; /* the same */
    struct sim_http *idle; /* a connection that may be used again; or NULL */
    struct sim_client *ws; /* NULL, or the WebSocket or the probe, even when it has ended */
    struct buf unsent;     /* packets; see put_packet */
    const char *why;       /* of the end; NULL: this side wanted it */
    unsigned status;       /* of the answer that ended it */
    unsigned pings;
    unsigned upgrades;
    unsigned lost_probes;
    unsigned polls; /* answers */
    unsigned targets;
};

struct sim_eio *sim_eio_new(struct sim_world *world, const struct sim_eio_how *how);
void sim_eio_free(struct sim_eio *e); /* vanishes, if it has not ended */

static inline bool sim_eio_is_open(const struct sim_eio *e)
{
    return e->state == SIM_EIO_OPEN;
}

/* Messages wait while it is not open or just upgrading. */
void sim_eio_send(struct sim_eio *e, belfry_bytes text);
void sim_eio_send_binary(struct sim_eio *e, belfry_bytes bytes);

/* Any packet, its type included: "3", "1". */
void sim_eio_send_packet(struct sim_eio *e, const char *text);

/* Begins an upgrade, if it is open and polls. */
void sim_eio_probe(struct sim_eio *e);

/* Resets the probe's connection, if there is one: back to polling. */
void sim_eio_drop_probe(struct sim_eio *e);

/* Ends. Politely: packet 1 or a close frame, behind what waits. */
void sim_eio_close(struct sim_eio *e);
void sim_eio_reset(struct sim_eio *e);  /* every connection, rudely */
void sim_eio_vanish(struct sim_eio *e); /* every connection is closed */

/* The target of a request of this session: "/socket.io/?EIO=4&transport=...". */
void sim_eio_target(struct sim_eio *e, const char *transport, char out[160]);

#endif
