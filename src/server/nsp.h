/*
 * nsp.h - belfry_nsp: a namespace as the application knows it: its name, who handles what.
 *
 *   belfry_of("/admin")          a namespace with handlers of its own
 *   belfry_of_pattern("^/r-")    a parent: no members, no rooms; what clients make of it shares its
 *                                handlers
 *
 * Handlers are added before the start and never change after it, so nobody locks to read them. The
 * table of names has a lock; namespaces themselves live as long as the server, but where
 * max_namespaces is reached, those made by clients that nobody is in serve again, renamed.
 *
 * Thread: any, but for adding.
 */
#ifndef SERVER_NSP_H
#define SERVER_NSP_H

#include <pthread.h>
#include <regex.h>

#include <belfry/belfry.h>

#include "base/map.h"
#include "hub/hub.h"

/* What happens to a socket, under the names of belfry_on. */
enum nsp_moment { NSP_CONNECTION, NSP_DISCONNECTING, NSP_DISCONNECT, NSP_MOMENT_COUNT };

struct nsp_handler {
    struct nsp_handler *next;
    belfry_handler fn;
    void *user;
};

struct nsp_middleware {
    struct nsp_middleware *next;
    belfry_middleware fn;
    void *user;
};

/* Those of one event. */
struct nsp_event {
    struct map_node by_name;
    struct nsp_handler *first;
    size_t name_size;
    char name[];
};

/* What was added to a namespace; those made of a parent share the parent's. */
#define NSP_FEW_EVENTS 8

struct nsp_handlers {
    struct map events;
    struct nsp_event *few[NSP_FEW_EVENTS]; /* the same while they are no more: faster than a hash */
    struct nsp_handler *any;
    struct nsp_handler *moments[NSP_MOMENT_COUNT];
    struct nsp_middleware *on_connect;
    struct nsp_middleware *on_event;
    struct server_handler *server_events; /* of belfry_on_server */
    void (*free_data)(void *data);
    /* A socket left @room as it ended (the default application); may be NULL. */
    void (*on_leave)(belfry_sock *sock, belfry_bytes room, uint32_t members);
    bool recovers;
    belfry_recovery recovery;
};

struct belfry_nsp {
    struct belfry *server;
    struct hub_nsp *hub; /* NULL: a parent */
    struct nsp_handlers *handlers;
    struct nsp_handlers own_handlers;
    struct belfry_nsp *parent; /* of which it was made; NULL: none */
    struct belfry_nsp *next;   /* in the order of making */
    struct map_node by_name;
    regex_t *pattern; /* of a parent; NULL: @accepts decides */
    bool (*accepts)(const char *name, void *user);
    void *accepts_user;
    atomic_ullong ack_ids; /* given out so far (socketio.md 4: one counter per namespace) */
    struct sio_recovery *recovered; /* sockets that may come back; NULL: does not recover */
    char *name;
    size_t name_size;
    /* Made by a client's wish: when nobody is in it, it may serve under another name. */
    uint32_t users; /* sockets in it, or connecting to it */
    bool is_pinned; /* the application knows it */
    bool is_idle;   /* in the list of those that may be renamed */
    struct belfry_nsp *idle_next;
    struct belfry_nsp **idle_link;
};

struct nsp_registry {
    pthread_mutex_t lock; /* guards all below, and names and uses, once the server has started */
    struct map by_name;
    struct belfry_nsp *first;
    struct belfry_nsp **last_next;
    uint32_t count;
    struct belfry_nsp *first_idle; /* the one idle for longest */
    struct belfry_nsp **last_idle;
    struct belfry_nsp *first_parent; /* parents, in the order of adding */
    struct belfry_nsp **last_parent;
    void (*on_namespace)(belfry_nsp *nsp, void *user);
    void *on_namespace_user;
    bool has_handlers; /* somebody wants Socket.IO */
};

/* Makes "/". Errors: NOMEM. */
BELFRY_NODISCARD belfry_err nsp_registry_init(struct belfry *server);
void nsp_registry_deinit(struct belfry *server);

/* The namespace called @name (from a client), made if a parent accepts it; it counts as used until
 * nsp_release. NULL: none does, or BELFRY_ERR_LIMIT, BELFRY_ERR_NOMEM in @out_err (else NOT_FOUND).
 */
struct belfry_nsp *nsp_find_for_client(struct belfry *server, belfry_bytes name,
                                       belfry_err *out_err);

/* The same, if it is there already; not a parent. NULL: it is not. */
struct belfry_nsp *nsp_find_existing(struct belfry *server, belfry_bytes name);

/* One more socket of it, and one less. */
void nsp_acquire(struct belfry_nsp *nsp);
void nsp_release(struct belfry_nsp *nsp);

/* Those of event @name, or NULL. */
const struct nsp_event *nsp_find_event(const struct belfry_nsp *nsp, belfry_bytes name);

/* Every namespace but the parents. */
void nsp_each(struct belfry *server, void (*visit)(struct belfry_nsp *nsp, void *arg), void *arg);

/* May an application or a client emit an event called @name? (socketio.md 6) */
bool nsp_event_is_reserved(belfry_bytes name);

static inline belfry_bytes nsp_name(const struct belfry_nsp *nsp)
{
    return bytes_of(nsp->name, nsp->name_size);
}

#endif
