/*
 * swarm.h - many connections to one server, on one epoll instance and one thread.
 *
 *     swarm_init(&s, options, &target)            then set on_open, on_bytes and user
 *     swarm_open(&s, 1000)                        connect and upgrade up to member 999
 *     swarm_run(&s, &missing, ms, "...")          turn until the callbacks have counted it to zero
 *     swarm_deinit(&s)
 *
 * Whatever fails has been printed; the swarm is then good for swarm_deinit only.
 */
#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include "bench/options.h"
#include "bench/target.h"
#include "bench/walk.h"

enum member_state { MEMBER_CONNECTING, MEMBER_UPGRADING, MEMBER_OPEN };

struct member {
    int fd;
    uint32_t index;
    enum member_state state;
    uint32_t received;   /* the mode's own count */
    uint64_t sent_ns;    /* the mode's own time */
    belfry_bytes unsent; /* rest of the last swarm_send */
    struct walk walk;    /* its tail collects the response head first */
};

struct swarm {
    const struct bench_options *options;
    const struct target *target;

    bool (*on_open)(struct swarm *s, struct member *m);
    bool (*on_bytes)(struct swarm *s, struct member *m, belfry_bytes bytes);
    void *user;

    int epoll;
    struct member *members; /* options->connections of them, the first @started in use */
    uint32_t started;
    uint32_t opened;
    uint32_t sources;
    uint8_t *scratch; /* every read goes here */
    struct buf request;
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

/* Answers a ping, explains a close; for frames that are wire_is_control. */
BELFRY_NODISCARD bool swarm_on_control(struct member *m, const struct wire_frame *frame,
                                       belfry_bytes payload);

#endif
