/*
 * sio_sock.h - one Socket.IO socket: a client in one namespace.
 *
 *   CONNECTING --middlewares passed: in the namespace, answered--> CONNECTED --end--> ENDED
 *       +------refused, connection lost-----------------------------------------------^
 *
 * An Engine.IO session has one for each namespace that it is in; the first lies inside it.
 */
#ifndef SERVER_SIO_SOCK_H
#define SERVER_SIO_SOCK_H

#include "server/nsp.h"
#include "server/sock.h"
#include "socketio/packet.h"

struct eio_session;
struct sio_saved;
struct sio_wait;

enum sio_phase { SIO_CONNECTING, SIO_CONNECTED, SIO_ENDED };

/* What there is only until it is connected. */
struct sio_admission {
    const struct nsp_middleware *next; /* whose word is asked next */
    bool is_later;                     /* one has said BELFRY_LATER */
    bool is_taking;                    /* the cluster is asked what it comes back to */
    char *message;                     /* why it is refused; NULL: it is not */
    char *data;                        /* JSON; NULL: none */
    belfry_bytes *rooms;               /* that middlewares want it in; each a copy */
    uint32_t room_count;
    struct sio_saved *saved; /* what it comes back to; NULL: it is new */
    struct message_id since; /* and what it has heard */
};

/* Has it gone for good, or lost its connection (socketio.md 10)? */
enum sio_farewell { SIO_LEAVES, SIO_MAY_RETURN };

struct sio_sock {
    struct belfry_sock sock;
    struct eio_session *session;
    struct sio_sock *next;
    struct sio_wait *waits; /* answers that its client owes (sio_call.c) */
    belfry_msg *asking;     /* what sock_ops.reply answers, while it is handled; or NULL */
    void *data;             /* the application's; NULL: option sock_data is 0 */
    char *auth;             /* JSON; NULL: none was given */
    char *long_id; /* of revision 3 outside of "/": "/nsp#" and the session's id; else NULL */
    char *pid;     /* private id to come back with; NULL: cannot */
    struct sio_admission *admission; /* while it is CONNECTING */
    struct grave grave;
    uint8_t phase;
    bool is_inside : 1; /* the session's @first */
    bool is_recovered : 1;
    bool is_taken : 1; /* its session is another socket's by now (node_session.c) */
    bool is_due : 1;   /* its session is to be saved at the turn's end (node_session.c) */
    bool is_moved : 1; /* its id names another worker: it came back to this one */
};

extern const struct sock_ops sio_sock_ops;

static inline struct sio_sock *sio_of_sock(const belfry_sock *sock)
{
    return BELFRY_CONTAINER_OF(sock, struct sio_sock, sock);
}

static inline bool sock_is_sio(const belfry_sock *sock)
{
    return sock_ops_of(sock) == &sio_sock_ops;
}

/* "/nsp#id" as old clients call themselves: its two parts. False: it is not of that form. */
static inline bool sio_split_long_id(belfry_bytes name, belfry_bytes *out_nsp, belfry_bytes *out_id)
{
    const char *text = name.data;
    if (name.size <= PUBLIC_ID_SIZE + 1 || text[0] != '/' ||
        text[name.size - PUBLIC_ID_SIZE - 1] != '#')
        return false;
    *out_nsp = bytes_of(text, name.size - PUBLIC_ID_SIZE - 1);
    *out_id = bytes_of(text + name.size - PUBLIC_ID_SIZE, PUBLIC_ID_SIZE);
    return true;
}

/* The socket of @s in the namespace called @nsp, or NULL. */
struct sio_sock *sio_sock_find(const struct eio_session *s, belfry_bytes nsp);

/* A socket of @s in @nsp, not connected yet. NULL: no memory, or too many. */
struct sio_sock *sio_sock_new(struct eio_session *s, struct belfry_nsp *nsp);

/* Calls the handlers of "connection". */
void sio_sock_tell_connected(struct sio_sock *sock);

/* Frees what is kept of how it came. */
void sio_sock_forget_handshake(struct sio_sock *sock);

/* It is connected, or will not be. */
void sio_admission_end(struct sio_sock *sock);

/* CONNECTING: joins @room once it is connected, or does not. Errors: LIMIT, NOMEM, NOT_FOUND. */
BELFRY_NODISCARD belfry_err sio_wish_join(struct sio_sock *sock, const char *room);
BELFRY_NODISCARD belfry_err sio_wish_leave(struct sio_sock *sock, const char *room);
bool sio_wishes(const struct sio_sock *sock, const char *room);

/* Leaves its namespace as the server wishes; its client is told. */
void sio_disconnect(struct sio_sock *sock);

/* The last callbacks; out of its rooms and its session. Nothing is written. @description may be
 * NULL. */
void sio_sock_end(struct sio_sock *sock, const char *reason, const char *description,
                  enum sio_farewell farewell);

/* Writes @said (nsp is filled in) to it, at once, whatever else is said of it. Errors: GONE, LIMIT
 * (above max_queue_bytes), NOMEM. */
struct sio_said;
belfry_err sio_sock_emit(struct sio_sock *sock, struct sio_said *said);

/* Emits to it alone, at once. What is emitted in namespaces that recover goes through the hub. */
belfry_err sio_sock_say(struct sio_sock *sock, const struct message_spec *spec);

#endif
