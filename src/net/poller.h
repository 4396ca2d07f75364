/*
 * poller.h - what the loop needs from the system: who is ready?
 *
 * Two backends: level-triggered epoll (poll_epoll.c), and the simulated network of tests/sim.
 */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include "base/defs.h"

#define WATCH_READ 1u
#define WATCH_WRITE 2u
#define WATCH_END 4u /* the peer has ended or is lost, whatever is still unread */

/* Something that can become ready; a field of its owner. */
struct watch {
    void (*on_ready)(struct watch *watch, unsigned events);
    int fd;
    uint8_t interest; /* what the poller was told */
};

struct poller_event {
    struct watch *watch;
    unsigned events;
};

struct poller; /* opaque to the loop */

struct poller_ops {
    /* Errors and hang-ups are reported as readiness for whatever was asked; interest 0 removes. */
    belfry_err (*set_interest)(struct poller *poller, struct watch *watch, unsigned interest);
    /* @to takes the place of @from, with its descriptor and interest. NULL: take away and add. */
    belfry_err (*move)(struct poller *poller, struct watch *from, struct watch *to);
    /* Up to @max events; waits at most @timeout_ms (-1: for ever). */
    int (*wait)(struct poller *poller, struct poller_event *events, int max, int timeout_ms);
    /* Ends a wait, the current or the next one. Thread: any. */
    void (*wake)(struct poller *poller);
    /* A descriptor that is readable when wait() would return at once; -1: none. */
    int (*fd)(struct poller *poller);
    void (*free)(struct poller *poller);
};

extern const struct poller_ops poll_epoll;

BELFRY_NODISCARD belfry_err poll_epoll_new(struct poller **out_poller);

#endif
