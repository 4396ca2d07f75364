/*
 * server.h - what a belfry is made of. Internal; the public face is include/belfry/belfry.h.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <belfry/belfry.h>

#include "net/tls.h"
#include "rooms/request.h"
#include "server/eio_endpoint.h"
#include "server/nsp.h"
#include "server/router.h"
#include "server/worker.h"
#include "ws/extension.h"

#define SERVER_MAX_ADDRESSES 16

/* The world that a server lives in; the simulation makes another one. */
struct server_env {
    const struct clock *clock;
    struct random_source random;
    const struct poller_ops *poller_ops;
    belfry_err (*new_poller)(struct poller **out_poller, void *user);
    void *user;
};

enum server_state { SERVER_NEW, SERVER_RUNNING, SERVER_STOPPED };

/* One listening address, once resolved. */
struct server_address {
    struct net_address address;
    char text[LISTENER_ADDRESS_SIZE];
    bool is_ops;
};

struct belfry {
    belfry_options options; /* complete: no zero stands for a default any more */
    struct server_env env;
    struct hub hub;
    struct belfry_nsp *root; /* "/" */
    struct nsp_registry namespaces;
    struct eio_endpoint *endpoints;
    struct client_files *client_files;
    struct moved_ids *moved;             /* ids on other workers than they name */
    struct node *node;                   /* its part in a cluster; NULL: it is alone */
    struct history_rules *history_rules; /* NULL: all rooms are alike */
    struct stats *stats;                 /* belfry_stats; NULL: not wanted */
    uint32_t node_tag;                   /* in all its ids; 0: it is alone */
    struct worker *workers;
    unsigned worker_count;
    struct router router;
    const belfry_asset *assets;
    struct tls_context *tls; /* NULL: plain */
    struct server_address addresses[SERVER_MAX_ADDRESSES];
    unsigned address_count;
    char *ops_listen;
    struct ws_deflate_policy deflate_policy;
    struct rooms_limits rooms_limits;
    uint64_t start_ms;
    bool is_stepped;           /* by the application: belfry_step */
    atomic_int state;          /* enum server_state */
    atomic_uint stop_requests; /* 1: drain, more: at once */
    pthread_mutex_t lock;      /* guards what starts and stops threads */
    pthread_cond_t has_stopped;
};

/* As belfry_new, in another world. */
belfry *server_new_in(const struct server_env *env, const belfry_options *options);

/* May routes still be added? Errors: STATE, belfry_why says so. */
BELFRY_NODISCARD belfry_err server_check_new(const belfry *server);

/* A route of @kind, to be refined by the caller. Errors: INVALID, STATE, NOMEM. */
BELFRY_NODISCARD belfry_err server_add_route(belfry *server, enum route_kind kind,
                                             const char *pattern, struct route **out_route);

/* A WebSocket route, to be refined by the caller. Errors: INVALID, STATE, NOMEM. */
BELFRY_NODISCARD belfry_err server_add_ws_route(belfry *server, const char *pattern,
                                                const belfry_ws_handlers *handlers,
                                                struct route **out_route);

/* As belfry_http, for any kind of HTTP route. */
belfry_err server_add_http_route(belfry *server, enum route_kind kind,
                                 const char *method_and_pattern, belfry_http_handler handler,
                                 void *user);

/* Makes the workers' listeners; called once by whatever way the server is run. */
BELFRY_NODISCARD belfry_err server_listen(belfry *server);

/* hub.owner_of: the worker whose socket has the public id @name, or -1. */
int server_owner_of_id(const struct hub *hub, belfry_bytes name);

/* Have all workers ended? Then the state is SERVER_STOPPED. */
bool server_check_stopped(belfry *server);

/* Is @data a message of @type, and is that a type? False: belfry_why says what it is not. */
bool server_can_send(belfry_type type, belfry_bytes data);

/* --- why.c: the sentence behind belfry_why ---------------------------------------------------*/

/* Remembers why, for this thread, and returns @err. */
belfry_err server_why(belfry_err err, const char *format, ...) BELFRY_PRINTF(2, 3);

/* The same where belfry_strerror says it all; BELFRY_OK is nothing to remember. */
belfry_err server_outcome(belfry_err err);

/* --- options.c -------------------------------------------------------------------------------*/

/* Fills defaults in, checks bounds, copies texts. NULL @given: all defaults. */
BELFRY_NODISCARD belfry_err options_complete(belfry_options *out, const belfry_options *given);
void options_free_texts(belfry_options *options);

#endif
