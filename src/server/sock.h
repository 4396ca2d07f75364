/*
 * sock.h - belfry_sock: one peer as the application and the hub see it, whatever its protocol.
 *
 * A field of the protocol's session (ws_session). What differs by protocol is in sock_ops.
 */
#ifndef SERVER_SOCK_H
#define SERVER_SOCK_H

#include <belfry/belfry.h>

#include "hub/hub.h"
#include "server/router.h"
#include "server/worker.h"

struct sock_ops {
    struct member_ops member; /* first: member.ops points here */
    /* LIMIT above max_queue_bytes. */
    belfry_err (*send)(belfry_sock *sock, belfry_type type, belfry_bytes data);
    /* An answer: text that is valid UTF-8, sent whatever waits. Above max_queue_bytes the
     * connection is not read any more, so that there will not be more answers. */
    belfry_err (*reply)(belfry_sock *sock, belfry_bytes text);
    void (*close)(belfry_sock *sock, uint16_t code, belfry_bytes reason);
    void (*stop)(belfry_sock *sock);  /* the server shuts down */
    void (*abort)(belfry_sock *sock); /* at once */
    /* Tells of what the slow policy took, before anything newer. NULL: cannot be told. */
    void (*announce_gaps)(belfry_sock *sock);
    /* The slow policy took something from the queue, maybe of others that share it. May be NULL. */
    void (*note_gap)(belfry_sock *sock);
    size_t (*queued)(const belfry_sock *sock);
    struct conn *(*conn)(belfry_sock *sock);             /* by which it is written to */
    void (*address)(const belfry_sock *sock, char *out); /* of STREAM_ADDRESS_SIZE bytes */
    void *(*data)(belfry_sock *sock);
};

/*
 *   OPEN --we close--> CLOSING --peer's close, or deadline--> ENDED
 *     +------------peer's close, or a fault------------------> ENDED
 *
 * ENDED: the application has heard its last callback; what is queued is still sent.
 */
enum sock_state { SOCK_OPEN, SOCK_CLOSING, SOCK_ENDED };

struct belfry_sock {
    struct member member; /* its id is the belfry_id */
    const struct route *route;
    struct belfry_nsp *nsp;
    char *user;   /* NULL: not named */
    char *shared; /* JSON that other servers see as its data (belfry_share); NULL: none */
    char public_id[PUBLIC_ID_SIZE + 1];
    uint8_t state;         /* enum sock_state */
    uint8_t reason;        /* enum close_reason, once it is closing */
    uint8_t questions : 4; /* member lists being collected for it */
    bool is_too_slow : 1;  /* will be closed when nobody walks its rooms */
    bool has_gap : 1;      /* the slow policy dropped something that was not announced */
    bool is_pinged : 1;    /* and has not been heard since (ws_session) */
    bool has_missed : 1;   /* the gap is not of its own making (sock_note_missed) */
};

static inline const struct sock_ops *sock_ops_of(const belfry_sock *sock)
{
    return (const struct sock_ops *)sock->member.ops;
}

static inline belfry_sock *sock_of_member(struct member *member)
{
    return BELFRY_CONTAINER_OF(member, struct belfry_sock, member);
}

struct worker *sock_worker(const belfry_sock *sock);

/* What others hear first, the socket itself must not hear later: delivers what is pending. */
void sock_catch_up(belfry_sock *sock);

/* Gives the socket its ids. Errors: NOMEM, LIMIT. */
BELFRY_NODISCARD belfry_err sock_open(belfry_sock *sock, struct worker *worker,
                                      const struct route *route, struct belfry_nsp *nsp,
                                      const struct sock_ops *ops);

/* It is known by another public id from now on. */
void sock_rename(belfry_sock *sock, const char public_id[PUBLIC_ID_SIZE]);

/* The worker that a socket belongs to, NULL when it is known to be gone. */
struct worker *sock_owner_of(struct belfry *server, belfry_id id);

/* From now on it hears what is said to everyone, and may join rooms. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err sock_enter(belfry_sock *sock);

/* Out of all rooms, the namespace and the ids: nobody finds it any more. @on_leave (may be NULL)
 * hears of each room just left. */
void sock_leave_all(belfry_sock *sock,
                    void (*on_leave)(belfry_sock *sock, belfry_bytes room, uint32_t members));
void sock_retire(belfry_sock *sock);

/* Each room with a gap that was not announced, and why, once there is room to say so. */
void sock_each_gap(belfry_sock *sock,
                   void (*announce)(belfry_sock *sock, belfry_bytes room, const char *reason));

/* Something may have been said in its rooms that did not come here: it is told, if it can be. */
void sock_note_missed(belfry_sock *sock);

/* member_ops.describe */
void sock_describe(struct member *member, belfry_bytes *out_id, belfry_bytes *out_user);

/* hub.find_member */
struct member *sock_find_member(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes name);

/* May one join a room called @room? Errors: INVALID, belfry_why says why. */
BELFRY_NODISCARD belfry_err sock_check_room(const struct belfry *server, const char *room);

/* Frees what it owns. */
void sock_deinit(belfry_sock *sock);

#endif
