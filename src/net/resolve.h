/*
 * resolve.h - from a name to addresses, by c-ares on our loop: /etc/hosts, then DNS, both families.
 *
 *     struct resolve r = { 0 };
 *     resolve_start(&r, loop, "redis.example", 6379, on_resolved);
 *
 * A field of its owner; zeroed before the first start, may be started again when it is done or
 * cancelled. Thread: the loop's.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/loop.h"

#define RESOLVE_MAX_ADDRESSES 16
#define RESOLVE_MAX_SOCKETS 16

struct resolve;
struct ares_channeldata;

/* @why: NULL: r->addresses are there; else why not, a static text. Once, in a later turn. */
typedef void resolve_done_fn(struct resolve *r, const char *why);

struct resolve_address {
    struct sockaddr_storage address;
    socklen_t size;
};

struct resolve_socket {
    struct watch watch;
    struct resolve *resolve;
    bool is_used;
};

struct resolve {
    struct loop *loop;
    struct ares_channeldata *channel; /* NULL: nothing is being resolved */
    struct resolve_socket sockets[RESOLVE_MAX_SOCKETS];
    struct timer timer; /* c-ares' deadlines, and the end */
    resolve_done_fn *done;
    bool has_answer;
    const char *why;
    struct resolve_address addresses[RESOLVE_MAX_ADDRESSES];
    unsigned address_count;
};

/* A literal address is its own answer. */
void resolve_start(struct resolve *r, struct loop *loop, const char *host, uint16_t port,
                   resolve_done_fn *done);
void resolve_cancel(struct resolve *r); /* no callback any more; idle is fine */

#endif
