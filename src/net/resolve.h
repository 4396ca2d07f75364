/*
 * resolve.h - the addresses of a name, by c-ares on our loop.
 *
 *     resolve_start(&r, loop, "redis.example", on_resolved);
 *     ...
 *     static void on_resolved(struct resolve *r, belfry_err err, const char *why)
 *         while (resolve_next(r, 6379, &address, &size)) ...      of both families, best first
 *         resolve_cancel(r);
 *
 * Looks into /etc/hosts (or the file that $CARES_HOSTS names), then asks the name servers of
 * /etc/resolv.conf. A field of its owner, who stays until the end of the turn in which it is
 * cancelled; zeroed before the first start. No deadline of its own worth the name: the owner has
 * one. Thread: the loop's.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <sys/socket.h>

#include "net/loop.h"

struct resolve;

/* Called once, never from inside resolve_start. @why is borrowed. Errors: NOT_FOUND, TIMEOUT,
 * NOMEM, IO (the name servers are out of reach, or answer nonsense). */
typedef void resolve_done_fn(struct resolve *r, belfry_err err, const char *why);

struct resolve {
    struct loop *loop;
    struct ares_channeldata *channel; /* NULL: none, or over */
    struct resolve_socket *sockets;   /* that c-ares has open */
    struct timer timer;               /* c-ares' next timeout */
    struct ares_addrinfo *found;
    struct ares_addrinfo_node *next; /* of what was found */
    int status;                      /* c-ares' */
    bool is_over;
    bool is_out_of_memory; /* a socket could not be watched */
    resolve_done_fn *done;
};

void resolve_start(struct resolve *r, struct loop *loop, const char *name, resolve_done_fn *done);

/* Also when it is over: forgets what was found. Idle: a no-op. */
void resolve_cancel(struct resolve *r);

/* Pulls one address; false: there are no more. */
bool resolve_next(struct resolve *r, uint16_t port, struct sockaddr_storage *out_address,
                  socklen_t *out_size);
size_t resolve_count_left(const struct resolve *r);

#endif
