/*
 * relay_wire.h - what Belfry nodes say to one another about requests of sessions elsewhere.
 *
 *     [kind, id, from, worker, ...] in MessagePack, on the private channel of a node
 *
 * A contract of our own; the reference's (cluster-engine.md) asks all nodes who owns a session,
 * while our ids say it. The relay is the node that a request came to, the owner the one that has
 * its session; ids are the relay's. Pure. Thread: any.
 */
#ifndef SERVER_RELAY_WIRE_H
#define SERVER_RELAY_WIRE_H

#include "base/buf.h"
#include "base/defs.h"

#define RELAY_TAG_SIZE 3

enum relay_kind {
    /* relay to owner */
    RELAY_REQUEST = 1, /* address, is_secure, head, body */
    RELAY_LOST,        /* nobody wants the answer any more */
    RELAY_OPEN,        /* a tunnel: address, is_secure, head */
    RELAY_UP,          /* number, body: bytes of the tunnel's client */
    RELAY_UP_TAKEN,    /* number: so many bytes of DOWN were taken */
    RELAY_UP_CLOSE,
    RELAY_TAKEN, /* number, body: the socket, and the pid that has gone elsewhere */
    /* owner to relay */
    RELAY_ANSWER,     /* number: the outcome; status, head: whole header lines, body */
    RELAY_DOWN,       /* number, body: bytes for the tunnel's client */
    RELAY_DOWN_TAKEN, /* number: so many bytes of UP were taken */
    RELAY_DOWN_CLOSE,
    RELAY_PING, /* is anybody there? PUBLISH says it */
    RELAY_KIND_END,
};

struct relay_message {
    enum relay_kind kind;
    uint64_t id;
    belfry_bytes from; /* the tag of who says it: RELAY_TAG_SIZE characters */
    unsigned worker;   /* of the owner; tunnels */
    bool is_secure;
    unsigned status;
    uint64_t number;
    belfry_bytes address;
    belfry_bytes head;
    belfry_bytes body;
};

/* Sticky. */
void relay_put(struct buf *out, const struct relay_message *message);

/* Spans point into @payload. False: not one of these. */
BELFRY_NODISCARD bool relay_read(belfry_bytes payload, struct relay_message *out);

#endif
