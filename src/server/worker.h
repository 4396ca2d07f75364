/*
 * worker.h - one thread of a server: its loop, its connections, its part of every room.
 *
 *   turn:  events, timers, posts -> read again -> hub inbox -> dirty connections -> graves
 *
 * Thread: the worker's, except worker_post.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <belfry/belfry.h>

#include "base/random.h"
#include "http/date.h"
#include "hub/hub.h"
#include "net/listener.h"
#include "server/conn.h"
#include "server/cork.h"
#include "server/counters.h"
#include "server/relay_state.h"
#include "server/slots.h"
#include "socketio/msgpack_packet.h"
#include "ws/pool.h"

#define WORKER_RX_SIZE 524288

struct http_session;
struct presence;

/* A list of connections that grows; order is kept. */
struct conn_list {
    struct conn **items;
    size_t count;
    size_t capacity;
};

/* Where connections of one listening address go. */
struct worker_listener {
    struct listener listener;
    struct worker *worker;
    bool is_ops; /* serves operations only */
};

struct worker {
    struct belfry *server;
    unsigned index;
    struct loop loop;
    struct hub_shard *shard;
    struct ws_pool *pool;
    struct random_source random;
    struct counters counters;

    struct worker_listener *listeners;
    unsigned listener_count;
    struct slots slots; /* every WebSocket */
    struct http_session *http_sessions;
    uint32_t connection_count;
    uint32_t max_connections;

    struct http_field *fields; /* of the head being parsed: HTTP_MAX_FIELDS */
    uint8_t *rx;               /* the shared receive buffer */
    size_t rx_size;
    struct cork cork;
    uint8_t *in_place; /* the message being handled, where it was received; or NULL */
    size_t in_place_size;
    belfry_type in_place_type;
    struct conn *moved_to; /* set by conn_move for whoever was handing input over */
    struct frame_releaser releaser;
    struct conn_list dirty;
    struct conn_list congested;
    struct conn_list again;
    size_t clog_bytes; /* unsent by one connection: it takes no more of its input for now */
    size_t full_bytes; /* the same: it is not even read */
    uint32_t close_timeout_ms;
    struct presence *presence; /* rooms whose count is to be announced */
    struct timer housekeeping;
    struct timer catch_up;

    struct buf request_scratch;       /* decoded parts of the request being handled */
    struct buf deflated;              /* the same, for the message being compressed */
    struct buf scratch;               /* for the function that is running; nobody keeps it */
    struct buf packet;                /* the Socket.IO packet being written */
    struct buf base64;                /* the Engine.IO packet being read, decoded */
    struct sio_scratch msgpack;       /* the MessagePack packet being read */
    struct map eio_by_sid;            /* Engine.IO sessions */
    struct eio_session *eio_sessions; /* the same, in a list */
    struct request_text *kept_texts;  /* handed out to handlers; until the turn's end */
    struct sio_calls *calls;          /* that wait here for answers */
    struct relay relay;               /* requests of sessions on other nodes */
    char date[HTTP_DATE_SIZE + 1];
    uint64_t date_s;

    atomic_uint posted; /* jobs from other threads under way */
    atomic_ullong last_turn_ms;
    uint64_t last_exhausted_ms; /* when it was said last */
    uint32_t peak_connections;
    struct buf sessions_due; /* belfry_ids whose session is to be saved (node_session.c) */
    uint64_t sessions_refreshed_ms;
    bool has_new_room; /* the hub has told of one: node_await_rooms */
    bool is_stopping;
    atomic_bool is_stopped;
    struct timer stop_timer;
    uint64_t stop_deadline_ms;
    pthread_t thread;
    bool has_thread;
};

/* A job for a worker from another thread. */
struct job {
    struct loop_post post;
    void (*run)(struct worker *worker, struct job *job); /* frees it */
};

/* The worker whose turn it is on this thread; NULL on foreign threads. */
struct worker *worker_current(void);

/* The same, if it belongs to @server. */
struct worker *worker_current_of(const struct belfry *server);

BELFRY_NODISCARD belfry_err worker_init(struct worker *w, struct belfry *server, unsigned index);

/* Ends all connections and runs what waits. True: it did something, which may have left work for
 * others; all are wound up before the first one goes. */
bool worker_wind_up(struct worker *w);
void worker_deinit(struct worker *w);

/* One turn. Marks the thread as this worker's for its time. */
void worker_step(struct worker *w, int max_wait_ms);

/* Accepts from now on. */
BELFRY_NODISCARD belfry_err worker_listen(struct worker *w);

/* Closes its listeners and forgets them. */
void worker_unlisten(struct worker *w);

/* Takes over a stream that somebody else set up (the simulation). @setup fills it in. */
void worker_adopt(struct worker *w, void (*setup)(struct stream *s, struct loop *loop, void *arg),
                  void *arg, bool is_ops);

/* Begins to end all connections; is_stopped says when that is done. */
void worker_stop(struct worker *w, uint32_t drain_timeout_ms);

/* Ends all connections now. */
void worker_abort_all(struct worker *w);

/* Thread: any. Errors: AGAIN when @is_bounded and too many wait. Owns: takes @job on success. */
BELFRY_NODISCARD belfry_err worker_post(struct worker *w, struct job *job, bool is_bounded);

/* --- for connections -------------------------------------------------------------------------*/

bool worker_add_dirty(struct worker *w, struct conn *c);
bool worker_replace_dirty(struct worker *w, const struct conn *from, struct conn *to);
bool worker_add_congested(struct worker *w, struct conn *c);
void worker_read_again(struct worker *w, struct conn *c);
void worker_bury(struct worker *w, struct conn *c);

static inline bool worker_is_congested(const struct worker *w)
{
    return hub_is_congested(w->shard->hub);
}

/* A copy of @text with a NUL, until the turn's end; NULL: no memory. */
const char *worker_keep_text(struct worker *w, belfry_bytes text);

/* The date for a response, made once a second. */
belfry_bytes worker_date(struct worker *w);

uint64_t worker_wall_ms(const struct worker *w);

/* 20 characters of [A-Za-z0-9_-] and a NUL: an owner tag and 96 random bits. */
#define PUBLIC_ID_SIZE 20
void worker_make_public_id(struct worker *w, char out[PUBLIC_ID_SIZE + 1]);

/* Who made a public id. */
struct public_id_owner {
    uint32_t node; /* its tag, 18 bits; 0: not in a cluster */
    unsigned worker;
};

/* False: @name has not the form of one. Thread: any, also the two below. */
bool worker_split_public_id(belfry_bytes name, struct public_id_owner *out);

/* The worker that made the public id @name; -1: none of @server's did. */
int worker_of_public_id(const struct belfry *server, belfry_bytes name);

/* The characters with which the ids of a node begin, and a NUL. */
void worker_node_text(uint32_t node_tag, char out[4]);

#endif
