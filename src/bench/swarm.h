/*
 * swarm.h - many connections to one server, on one epoll instance and one thread.
 *
 *     swarm_init(&s, options, &target)            then set on_open, on_bytes and user
 *     swarm_open(&s, 1000)                        open sessions up to member 999
 *     swarm_run(&s, &missing, ms, "...")          turn until the callbacks have counted it to zero
 *     swarm_deinit(&s)
 *
 * Whatever fails has been printed; the swarm is then good for swarm_deinit only.
 */
#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include "bench/heartbeat.h"
#include "bench/options.h"
#include "bench/target.h"
#include "bench/walk.h"

enum { SID_BYTES = 40 };

/* opening.c has the picture of all that is between CONNECTING and OPEN. */
enum member_state {
    MEMBER_CONNECTING,
    MEMBER_POLLING_OPEN, /* until UPGRADING, HTTP responses are due; then frames */
    MEMBER_POLLING_JOIN,
    MEMBER_POLLING_JOINED,
    MEMBER_UPGRADING,
    MEMBER_GREETING,
    MEMBER_JOINING,
    MEMBER_PROBING,
    MEMBER_OPEN,
    MEMBER_CLOSING, /* our close frame has left; the server ends the connection */
};

struct member {
    int fd; /* -1: none */
    uint32_t index;
    enum member_state state;
    uint32_t received;          /* the mode's own count */
    uint64_t sent_ns;           /* the mode's own time */
    belfry_bytes unsent;        /* rest of the last swarm_send */
    bool owes_pong;             /* a Socket.IO ping came while @unsent was not empty */
    struct walk walk;           /* its tail collects what arrives while opening */
    struct heartbeat heartbeat; /* Socket.IO */
    char sid[SID_BYTES];        /* --upgrade: the session begun by polling; "": none */
};

struct swarm {
    const struct bench_options *options;
    const struct target *target;

    bool (*on_open)(struct swarm *s, struct member *m);
    bool (*on_bytes)(struct swarm *s, struct member *m, belfry_bytes bytes);
    bool (*on_closed)(struct swarm *s, struct member *m); /* after swarm_close */
    void *user;

    int epoll;
    struct member *members; /* options->connections of them, the first @started in use */
    uint32_t started;
    uint32_t opened;
    uint32_t sources;
    uint8_t *scratch; /* every read goes here */
};

BELFRY_NODISCARD bool swarm_init(struct swarm *s, const struct bench_options *options,
                                 const struct target *target);
void swarm_deinit(struct swarm *s);

/* Opens members until @count are open, at most 128 at a time and options->rate per second. */
BELFRY_NODISCARD bool swarm_open(struct swarm *s, uint32_t count);

/* Waits up to @wait_ms for events and handles them. */
BELFRY_NODISCARD bool swarm_turn(struct swarm *s, uint32_t wait_ms);

/* Turns until *@missing is 0; fails after @allowed_ms with "N @what". */
BELFRY_NODISCARD bool swarm_run(struct swarm *s, const uint64_t *missing, uint32_t allowed_ms,
                                const char *what);

/* Turns for so long, whatever happens. */
BELFRY_NODISCARD bool swarm_linger(struct swarm *s, uint32_t duration_ms);

/* Writes @bytes, now as far as the socket takes them. Owns: borrows them until they are sent. */
BELFRY_NODISCARD bool swarm_send(struct swarm *s, struct member *m, belfry_bytes bytes);

/* Sends few bytes at once, which a socket with nothing unsent has room for. */
BELFRY_NODISCARD bool swarm_send_now(struct member *m, belfry_bytes bytes);

/* The same with a text frame of one packet. */
BELFRY_NODISCARD bool swarm_send_text(struct member *m, const char *text);

/* Begins the close handshake of an open member; on_closed when the server has ended TCP. */
BELFRY_NODISCARD bool swarm_close(struct member *m);

/* Leaves the connection, if there is one, and starts another for the same member. */
BELFRY_NODISCARD bool swarm_reconnect(struct swarm *s, struct member *m);

/* --- for opening.c: @m has become open; and what arrives from then on. */
BELFRY_NODISCARD bool swarm_opened(struct swarm *s, struct member *m);
BELFRY_NODISCARD bool swarm_receive(struct swarm *s, struct member *m, belfry_bytes bytes);

/* Answers a ping, explains a close; for frames that are wire_is_control. */
BELFRY_NODISCARD bool swarm_on_control(struct member *m, const struct wire_frame *frame,
                                       belfry_bytes payload);

#endif
