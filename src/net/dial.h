/*
 * dial.h - opening a stream to somebody: name, address, connection, TLS.
 *
 *     struct dial dial = { 0 };
 *     dial_start(&dial, loop, &target, loop->now_ms + 3000, on_dialled);
 *     ...
 *     static void on_dialled(struct dial *dial, belfry_err err, const char *why)
 *         if (err == BELFRY_OK) dial_take(dial, &owner->stream);      its watch is the owner's now
 *
 *   IDLE --> RESOLVING (a name) --> CONNECTING (each address in turn) --> SHAKING (TLS) --> OPEN
 *     ^          +------------------------+--------------------------------+--> FAILED       |
 *     +---- done, dial_cancel, dial_take <----------------------------------------+----------+
 *
 * Names are resolved again each time. A field of its owner, who stays until the end of the turn in
 * which the dial ends or is cancelled; zeroed before the first start, may be started again when it
 * is idle, from inside done too. Thread: the loop's.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/resolve.h"
#include "net/stream.h"
#include "net/tls_client.h"

#define DIAL_WHY_SIZE 400

struct dial_target {
    const char *host; /* a name, or a literal address without brackets */
    uint16_t port;
    const char *unix_path;          /* in place of host and port; NULL: TCP */
    struct tls_client_context *tls; /* NULL: plain. The certificate must be for @host, which TLS
                                     * over a Unix socket needs too */
};

struct dial;

/* @why: a sentence without a full stop, borrowed; "" when @err is OK. Errors:
 *   NOT_FOUND  there is no such name
 *   ADDRESS    it cannot be an address
 *   IO         nobody answers at any of the addresses, or no name server does
 *   TLS        the handshake has failed: not the one we trust, or no TLS at all
 *   TIMEOUT    the deadline
 *   NOMEM */
typedef void dial_done_fn(struct dial *dial, belfry_err err, const char *why);

enum dial_state {
    DIAL_IDLE,
    DIAL_RESOLVING,
    DIAL_CONNECTING,
    DIAL_SHAKING,
    DIAL_OPEN,
    DIAL_FAILED
};

struct dial {
    enum dial_state state;
    struct loop *loop;
    struct dial_target target;
    uint64_t deadline_ms;
    dial_done_fn *done;
    struct resolve resolve;
    struct timer timer; /* the deadline, an address's share of it, or now: a failure to tell */
    struct stream stream;
    char address[STREAM_ADDRESS_SIZE]; /* that is being tried */
    belfry_err err;
    char why[DIAL_WHY_SIZE];
};

/* @target is copied, its strings and context are not: they outlive the dial. @done is called once
 * unless the dial is cancelled, and never from inside dial_start. */
void dial_start(struct dial *dial, struct loop *loop, const struct dial_target *target,
                uint64_t deadline_ms, dial_done_fn *done);

/* At any time, also when idle: no more calls, everything freed. A stream that nobody took is
 * closed. */
void dial_cancel(struct dial *dial);

/* After OK: the open stream moves to @out. Its watch has no interest yet: the owner sets
 * watch.on_ready and calls stream_want. */
void dial_take(struct dial *dial, struct stream *out);

#endif
