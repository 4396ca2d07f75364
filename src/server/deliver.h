/*
 * deliver.h - room messages into one connection's queue, and what happens when it is full.
 *
 * The same for every protocol; what differs is the form that a member gets.
 */
#ifndef SERVER_DELIVER_H
#define SERVER_DELIVER_H

#include "server/sock.h"

/* Somebody who is to get a batch. */
struct receiver {
    belfry_sock *sock;
    struct conn *conn;
    unsigned form;    /* see encode.h */
    bool is_deflated; /* by a compressor of its own, when written */
};

/* For member_ops.deliver. A member that is too slow for the policy gets is_too_slow, and its
 * connection's timer is due: it cannot be closed while rooms are walked. */
void deliver_batch(const struct receiver *r, struct hub_batch *batch,
                   struct membership *membership);

/* Drops what waits for one that is too slow. */
void deliver_drop_all(const struct receiver *r);

#endif
