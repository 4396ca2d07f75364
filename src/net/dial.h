/*
 * dial.h - opening a stream to somebody: name, address, connection, TLS.
 *
 *     dial_start(&owner->dial, loop, &target, loop->now_ms + 3000, on_dialled);
 *     ...
 *     static void on_dialled(struct dial *dial, belfry_err err, const char *why)
 *         if (err == BELFRY_OK)
 *             dial_take(dial, &owner->stream);
 *
 *   IDLE --> RESOLVING (a name) --> CONNECTING (each address in turn) --> SHAKING (TLS) --> IDLE
 *
 * Names are resolved again each time. A field of its owner; zeroed before the first start.
 * Thread: the loop's.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/resolve.h"
#include "net/stream.h"
#include "net/tls_client.h"

#define DIAL_WHY 160

struct dial_target {
    const char *host; /* a name, or a literal address */
    uint16_t port;
    const char *unix_path;          /* in place of host and port; NULL: TCP */
    struct tls_client_context *tls; /* NULL: plain */
};

struct dial;

/* Once, in a later turn than dial_start's. Errors: IO, TLS, ADDRESS, TIMEOUT, NOMEM; @why: a
 * sentence that names the peer, valid until it returns. */
typedef void dial_done_fn(struct dial *dial, belfry_err err, const char *why);

enum dial_state { DIAL_IDLE, DIAL_RESOLVING, DIAL_CONNECTING, DIAL_SHAKING };

struct dial {
    struct loop *loop;
    struct dial_target target;
    dial_done_fn *done;
    enum dial_state state;
    struct resolve resolve;
    unsigned next_address;
    struct stream stream; /* once it connects */
    struct timer deadline;
    struct timer failure; /* of the start itself: told in a turn of its own */
    belfry_err err;
    char why[DIAL_WHY];
};

/* The texts of @target must outlive it. */
void dial_start(struct dial *dial, struct loop *loop, const struct dial_target *target,
                uint64_t deadline_ms, dial_done_fn *done);

/* No callback any more, everything is closed; idle is fine. */
void dial_cancel(struct dial *dial);

/* After OK, from inside of the callback: the open stream. The owner sets watch.on_ready, then calls
 * stream_want. */
void dial_take(struct dial *dial, struct stream *out);

#endif
