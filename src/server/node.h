/*
 * node.h - this server as one node of a cluster: where the hub and the API meet src/cluster.
 *
 *   node.c       life, channels that rooms need, up and down
 *   node_say.c   from the hub's outlet to other nodes
 *   node_hear.c  from other nodes into the hub, and what they ask of this one
 *   node_ask.c   what this one asks of them
 *   node_session.c   clients that come back to another node
 *   node_recall.c    what a newcomer lacks here, from Redis
 *
 * All of it lives on worker 0. Other workers reach it through the hub's outlet, in the order in
 * which things were said, and are reached by jobs.
 */
#ifndef SERVER_NODE_H
#define SERVER_NODE_H

#include "cluster/cluster.h"
#include "server/server.h"
#include "server/sio_sock.h"

/* A socket whose answers wait until its room is listened to. */
struct node_wait;

struct node {
    struct belfry *server;
    struct worker *worker; /* 0 */
    struct cluster *cluster;
    struct redis_url url;
    struct tls_client_context *tls;
    bool has_said_down;
    bool has_begun; /* with a stream: to read it */
    bool was_local; /* something was said to this node's members alone (CLUSTER_LOCAL) */
    atomic_bool is_up;
    struct node_wait *waits, **last_wait; /* oldest first */
    struct timer giving_up;               /* on waits */
    struct buf extra;                     /* of the message being said */
    struct buf argument;
    belfry_bytes *names; /* rooms and exceptions of the note being made: NOTE_MAX_NAMES + 1 each */
};

/* Before the workers are made: what the options say of a cluster; none: nothing. Errors: CONFIG,
 * TLS, NOMEM, and belfry_why. */
BELFRY_NODISCARD belfry_err node_new(struct belfry *server);
/* As the server begins to listen: joins. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err node_start(struct belfry *server);
/* Worker 0 ends: nothing more is said or heard. */
void node_stop(struct belfry *server);
struct node *node_free(struct node *node);

/* The server ends: what still waits to be said or asked is told so. True: there was something. */
bool node_discard(struct belfry *server);

/* At the end of each turn of worker 0: what was said leaves. */
void node_turn_end(struct node *node);

/* A namespace begins, or ends, to exist. Thread: any. */
void node_add_nsp(struct belfry_nsp *nsp);
void node_remove_nsp(struct belfry *server, belfry_bytes name);

/* @sock has just joined: if that was a room new to this server, what is written to it waits until
 * Redis has confirmed that the room is listened to. Thread: its worker's. */
void node_await_rooms(struct belfry_sock *sock);

/* Is it ready, as far as the cluster goes? Thread: any. */
bool node_is_ready(const struct belfry *server);
void node_put_metrics(const struct belfry *server, struct buf *out);

/* --- node_say.c ------------------------------------------------------------------------------ */

/* What @m says, as a note; valid until the next one. */
void node_note_of(struct node *node, const struct message *m, struct note *out);
void node_say_message(struct node *node, struct message *m); /* Owns: takes the reference */

/* A note that is said in its turn (JOIN, LEAVE, DISCONNECT, SERVER_EMIT), from any thread.
 * Errors: NOMEM. */
belfry_err node_say_note(struct belfry *server, const struct note *note);

/* --- node_hear.c ----------------------------------------------------------------------------- */

void node_on_note(struct cluster *cluster, const struct note *note,
                  const struct cluster_entry *entry, void *user);
void node_on_lost(struct cluster *cluster, void *own, belfry_err err, void *user);

/* What @note says, for the hub; @extra: of a Belfry node. NULL: no memory, and it was counted. */
struct message *node_message_of(struct node *node, const struct note *note, belfry_bytes extra);

/* --- node_recall.c; thread: the worker's ------------------------------------------------------ */

struct node_recall_wish {
    enum hub_lack lack;
    const belfry_bytes *rooms;
    uint32_t room_count;
    bool hears_everyone; /* as well: of who enters */
    bool has_since;
    struct message_id since;
    uint32_t latest; /* without since: so many of each room */
};

/* @sock: NULL: it is gone. @older: until it returns; NULL: what is here is all there is. */
typedef void node_recalled_fn(belfry_sock *sock, const struct hub_older *older, void *arg);

/* Gets what @sock lacks; meanwhile it waits, if its caller lets it. @done is called once, later.
 * False: it is not called; there is nobody to ask, or nothing lacks. */
BELFRY_NODISCARD bool node_recall(belfry_sock *sock, const struct node_recall_wish *wish,
                                  node_recalled_fn *done, void *arg);

/* --- node_session.c; thread: the worker's ----------------------------------------------------- */

struct sio_saved;

/* What is kept of @sock has changed: what is written to it waits until Redis has it. */
void node_session_changed(struct belfry_sock *sock);
void node_save_due(struct worker *worker); /* at its turn's end */
/* All sessions of a worker are kept alive: now and then, or @is_now. */
void node_refresh_sessions(struct worker *worker, bool is_now);
/* It has ended; @saved: it may come back. */
void node_session_ended(struct sio_sock *sock, const struct sio_saved *saved);

/* The way back of @saved failed with its connection: it may try again, anywhere, until it expires.
 * What came out of Redis does so a window after it was taken. */
void node_session_kept(struct worker *worker, const struct sio_saved *saved);

/* Another node has taken the session of a socket here. */
struct relay_message;
void node_hear_taken(struct worker *worker, const struct relay_message *m);

/* A client wants to be who went with @pid: sio_connect_as goes on. False: there is nobody to ask.
 */
bool node_take_session(struct sio_sock *sock, belfry_bytes pid, struct message_id since);

/* --- node_ask.c ------------------------------------------------------------------------------ */

/* Asks the other nodes in its turn, from any thread; @heard runs on worker 0, and its last call is
 * DONE or PARTIAL, which comes in any case. Errors: NOMEM. */
BELFRY_NODISCARD belfry_err node_ask(struct belfry *server, const struct note *note,
                                     uint32_t timeout_ms, cluster_ask_fn *heard, void *user);

/* A copy of @note in one block of memory, all that it points to behind it; NULL: no memory. */
struct note *node_copy_note(const struct note *note);

#endif
