/*
 * server.c - making a server, the ways to run it, and stopping.
 *
 *   NEW --listen--> RUNNING --stop requested--> (workers drain) --> STOPPED
 *
 * A stop is a counter that every worker looks at when its turn ends: a signal handler can raise it.
 */
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/utf8.h"
#include "http/field.h"
#include "server/client_files.h"
#include "server/encode.h"
#include "server/history_rules.h"
#include "server/node.h"
#include "server/sio_recovery.h"
#include "server/sio_sock.h"
#include "server/sock.h"
#include "server/stats.h"

static belfry_err new_epoll(struct poller **out_poller, void *user)
{
    (void)user;
    return poll_epoll_new(out_poller);
}

static const struct server_env system_env = {
    .clock = &clock_system,
    .poller_ops = &poll_epoll,
    .new_poller = new_epoll,
};

/* --- making -----------------------------------------------------------------------------------*/

static uint64_t or_unlimited(uint64_t value, uint64_t unlimited)
{
    return value == BELFRY_OFF ? unlimited : value;
}

int server_owner_of_id(const struct hub *hub, belfry_bytes name)
{
    const struct belfry *server = BELFRY_CONTAINER_OF(hub, struct belfry, hub);
    belfry_bytes nsp;
    belfry_bytes id;
    if (sio_split_long_id(name, &nsp, &id))
        return worker_of_public_id(server, id);
    int moved = moved_ids_find(server, name);
    return moved >= 0 ? moved : worker_of_public_id(server, name);
}

static belfry_err make_hub(belfry *server)
{
    const belfry_options *o = &server->options;
    struct hub_limits limits = {
        .history = { .max_messages = o->history_messages == BELFRY_OFF ? 0 : o->history_messages,
                     .max_bytes = or_unlimited(o->history_bytes, UINT64_MAX),
                     .max_age_ms = o->history_ms,
                     .max_log_bytes = o->log_bytes },
        .max_rooms = o->max_rooms,
        .max_rooms_per_member = BELFRY_MIN(o->max_rooms_per_socket, (uint32_t)UINT16_MAX),
        .max_inbox = o->max_inbox,
    };
    belfry_err err = history_rules_parse(o->history_rooms, &limits.history, &server->history_rules);
    if (err != BELFRY_OK)
        return err;
    if (server->history_rules != NULL) {
        limits.rules = server->history_rules->rules;
        limits.rule_count = server->history_rules->count;
    }
    err =
        hub_init(&server->hub, server->worker_count, &limits, encode_message, &server->env.random);
    server->hub.owner_of = server_owner_of_id;
    server->hub.find_member = sock_find_member;
    server->moved = moved_ids_new();
    server->client_files = client_files_new();
    if (err == BELFRY_OK && (server->moved == NULL || server->client_files == NULL))
        err = BELFRY_ERR_NOMEM;
    return err == BELFRY_OK ? nsp_registry_init(server) : err;
}

static belfry_err make_workers(belfry *server)
{
    server->workers = mem_alloc_zeroed(server->worker_count * sizeof *server->workers);
    if (server->workers == NULL)
        return BELFRY_ERR_NOMEM;
    for (unsigned i = 0; i < server->worker_count; i++) {
        belfry_err err = worker_init(&server->workers[i], server, i);
        if (err != BELFRY_OK)
            return err;
    }
    return BELFRY_OK;
}

static belfry_err make_tls(belfry *server)
{
    const belfry_options *o = &server->options;
    const char *why = "";
    if (o->tls_self_signed && tls_context_new_self_signed(&server->tls, &why) != BELFRY_OK)
        return server_why(BELFRY_ERR_TLS, "cannot make a certificate: %s", why);
    if (o->tls_cert[0] != '\0' &&
        tls_context_new(&server->tls, o->tls_cert, o->tls_key, &why) != BELFRY_OK)
        return server_why(BELFRY_ERR_TLS, "cannot use %s with %s: %s", o->tls_cert, o->tls_key,
                          why);
    return BELFRY_OK;
}

belfry *server_new_in(const struct server_env *env, const belfry_options *options)
{
    belfry *server = mem_alloc_zeroed(sizeof *server);
    if (server == NULL) {
        (void)server_why(BELFRY_ERR_NOMEM, "out of memory");
        return NULL;
    }
    server->env = *env;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->has_stopped, NULL);
    router_init(&server->router);
    belfry_err err = options_complete(&server->options, options);
    if (err == BELFRY_OK) {
        const belfry_options *o = &server->options;
        server->worker_count = o->workers;
        server->start_ms = env->clock->monotonic_ms(env->clock->user);
        server->rooms_limits =
            (struct rooms_limits){ o->max_json_depth, (size_t)o->max_room_name_bytes };
        server->deflate_policy = (struct ws_deflate_policy){
            .server_no_context_takeover = o->deflate == BELFRY_DEFLATE_SHARED,
            .client_no_context_takeover = o->deflate == BELFRY_DEFLATE_SHARED,
            .server_max_window_bits = (uint8_t)o->deflate_window_bits,
        };
        err = make_hub(server);
    }
    if (err == BELFRY_OK)
        err = make_workers(server);
    if (err == BELFRY_OK)
        err = node_new(server);
    if (err == BELFRY_OK)
        return server;
    if (err != BELFRY_ERR_CONFIG && err != BELFRY_ERR_TLS)
        (void)server_why(err, "cannot make a server: %s", belfry_strerror(err));
    belfry_free(server);
    return NULL;
}

belfry *belfry_new(const belfry_options *options)
{
    struct server_env env = system_env;
    env.random = random_system;
    return server_new_in(&env, options);
}

/* Until no worker has left anything for another. */
static void wind_up(belfry *server, unsigned count)
{
    for (bool was_busy = true; was_busy;) {
        was_busy = node_discard(server);
        for (unsigned i = 0; i < count; i++)
            was_busy = worker_wind_up(&server->workers[i]) || was_busy;
    }
}

static void expire_all(struct belfry_nsp *nsp, void *arg)
{
    (void)arg;
    sio_recovery_expire(nsp, UINT64_MAX);
}

void belfry_free(belfry *server)
{
    if (server == NULL)
        return;
    if (atomic_load(&server->state) == SERVER_RUNNING) {
        belfry_stop_soon(server);
        belfry_stop_soon(server); /* the second does not wait for peers */
        belfry_stop(server);
    }
    unsigned count = server->workers != NULL ? server->worker_count : 0;
    stats_stop(server);
    node_stop(server);
    wind_up(server, count);
    /* What may come back never will: applications may still say something about it. */
    if (count > 0 && server->root != NULL)
        nsp_each(server, expire_all, NULL);
    wind_up(server, count);
    for (unsigned i = 0; i < count; i++)
        worker_deinit(&server->workers[i]);
    nsp_registry_deinit(server);
    hub_deinit(&server->hub);
    server->moved = moved_ids_free(server->moved);
    stats_free(server);
    mem_free(server->history_rules);
    server->node = node_free(server->node);
    eio_endpoints_deinit(server);
    server->client_files = client_files_free(server->client_files);
    mem_free(server->workers);
    router_deinit(&server->router);
    server->tls = tls_context_free(server->tls);
    mem_free(server->ops_listen);
    options_free_texts(&server->options);
    pthread_cond_destroy(&server->has_stopped);
    pthread_mutex_destroy(&server->lock);
    mem_free(server);
}

/* --- routes -----------------------------------------------------------------------------------*/

belfry_err server_check_new(const belfry *server)
{
    if (server == NULL)
        return BELFRY_ERR_STATE; /* belfry_new has said why */
    if (atomic_load(&server->state) != SERVER_NEW)
        return server_why(BELFRY_ERR_STATE, "routes are added before the server starts");
    return BELFRY_OK;
}

static belfry_err cut_subprotocols(struct route *route, const char *list)
{
    belfry_bytes rest = bytes_of_text(list);
    belfry_bytes one;
    if (rest.size == 0)
        return BELFRY_OK;
    route->subprotocol_text = mem_dup_text(list);
    route->subprotocols = mem_alloc((rest.size / 2 + 1) * sizeof *route->subprotocols);
    if (route->subprotocol_text == NULL || route->subprotocols == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory for a route");
    while (http_list_next(&rest, &one) && route->subprotocol_count < UINT8_MAX) {
        char *own = route->subprotocol_text + ((const char *)one.data - list);
        own[one.size] = '\0'; /* the comma or blank behind it */
        route->subprotocols[route->subprotocol_count++] = own;
    }
    return BELFRY_OK;
}

belfry_err server_add_route(belfry *server, enum route_kind kind, const char *pattern,
                            struct route **out_route)
{
    belfry_err err = server_check_new(server);
    if (err != BELFRY_OK)
        return err;
    *out_route = router_add(&server->router, kind, pattern);
    if (*out_route == NULL)
        return pattern == NULL || pattern[0] != '/' ? BELFRY_ERR_INVALID : BELFRY_ERR_NOMEM;
    (*out_route)->server = server;
    return BELFRY_OK;
}

belfry_err server_add_ws_route(belfry *server, const char *pattern,
                               const belfry_ws_handlers *handlers, struct route **out_route)
{
    static const belfry_ws_handlers none;
    struct route *route;
    belfry_err err = server_add_route(server, ROUTE_WS, pattern, &route);
    if (err != BELFRY_OK)
        return err;
    route->ws = handlers != NULL ? *handlers : none;
    route->data_size = (size_t)server->options.sock_data;
    if (route->ws.max_message_bytes == 0)
        route->ws.max_message_bytes = server->options.max_message_bytes;
    *out_route = route;
    return cut_subprotocols(route, route->ws.subprotocols);
}

belfry_err belfry_ws(belfry *server, const char *pattern, const belfry_ws_handlers *handlers)
{
    struct route *route;
    return server_add_ws_route(server, pattern, handlers, &route);
}

belfry_err server_add_http_route(belfry *server, enum route_kind kind,
                                 const char *method_and_pattern, belfry_http_handler handler,
                                 void *user)
{
    struct route *route;
    const char *blank = method_and_pattern == NULL ? NULL : strchr(method_and_pattern, ' ');
    size_t method_size = blank != NULL ? (size_t)(blank - method_and_pattern) : 0;
    if (method_size == 0 || method_size > ROUTE_MAX_METHOD || handler == NULL)
        return server_why(BELFRY_ERR_INVALID, "a route is written \"GET /path\", with a handler");
    belfry_err err = server_add_route(server, kind, blank + 1, &route);
    if (err != BELFRY_OK)
        return err;
    route_set_method(route, bytes_of(method_and_pattern, method_size));
    route->handler = handler;
    route->user = user;
    return BELFRY_OK;
}

belfry_err belfry_http(belfry *server, const char *method_and_pattern, belfry_http_handler handler,
                       void *user)
{
    return server_add_http_route(server, ROUTE_HTTP, method_and_pattern, handler, user);
}

belfry_err belfry_assets(belfry *server, const belfry_asset *assets)
{
    belfry_err err = server_check_new(server);
    if (err == BELFRY_OK)
        server->assets = assets;
    return err;
}

/* --- listening --------------------------------------------------------------------------------*/

static belfry_err resolve(belfry *server, const char *list, bool is_ops)
{
    belfry_bytes rest = bytes_of_text(list);
    belfry_bytes one;
    while (http_list_next(&rest, &one)) {
        if (server->address_count == SERVER_MAX_ADDRESSES)
            return server_why(BELFRY_ERR_LIMIT, "at most %d addresses", SERVER_MAX_ADDRESSES);
        struct server_address *address = &server->addresses[server->address_count++];
        address->is_ops = is_ops;
        if (net_address_parse(one, &address->address) != BELFRY_OK)
            return server_why(BELFRY_ERR_ADDRESS,
                              "\"%.*s\" is not an address: write :3001, 127.0.0.1:3001 or "
                              "[::1]:3001",
                              (int)one.size, (const char *)one.data);
    }
    if (server->address_count == 0)
        return server_why(BELFRY_ERR_ADDRESS, "nothing to listen on");
    return BELFRY_OK;
}

static belfry_err open_listeners(belfry *server, struct worker *w)
{
    w->listeners = mem_alloc_zeroed(server->address_count * sizeof *w->listeners);
    if (w->listeners == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    for (unsigned i = 0; i < server->address_count; i++) {
        struct server_address *address = &server->addresses[i];
        const char *why = "";
        char text[LISTENER_ADDRESS_SIZE];
        net_address_format(&address->address, text);
        enum listener_role role = w->index == 0 ? LISTENER_FIRST : LISTENER_FURTHER;
        if (listener_init(&w->listeners[i].listener, &address->address, role, &why) != BELFRY_OK)
            return server_why(BELFRY_ERR_ADDRESS, "cannot listen on %s: %s", text, why);
        w->listeners[i].worker = w;
        w->listeners[i].is_ops = address->is_ops;
        w->listener_count = i + 1;
        net_address_format(&address->address, address->text);
    }
    return server_outcome(worker_listen(w));
}

/* As before server_listen, so that it may be tried again. */
static void undo_listening(belfry *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_unlisten(&server->workers[i]);
    memset(server->addresses, 0, sizeof server->addresses);
    server->address_count = 0;
    server->tls = tls_context_free(server->tls);
}

belfry_err server_listen(belfry *server)
{
    if (atomic_load(&server->state) != SERVER_NEW)
        return server_why(BELFRY_ERR_STATE, "this server has been started before");
    belfry_err err = make_tls(server);
    if (err == BELFRY_OK)
        err = eio_endpoints_complete(server);
    if (err == BELFRY_OK)
        err = resolve(server, server->options.listen, false);
    if (err == BELFRY_OK && server->ops_listen != NULL)
        err = resolve(server, server->ops_listen, true);
    for (unsigned i = 0; i < server->worker_count && err == BELFRY_OK; i++)
        err = open_listeners(server, &server->workers[i]);
    if (err != BELFRY_OK) {
        undo_listening(server);
        return err;
    }
    err = node_start(server);
    if (err != BELFRY_OK) {
        undo_listening(server);
        return err;
    }
    stats_start(server);
    atomic_store(&server->state, SERVER_RUNNING);
    for (unsigned i = 0; i < server->address_count; i++)
        log_event(BELFRY_LOG_INFO, "listening", "address=%s workers=%u tls=%s%s",
                  server->addresses[i].text, server->worker_count,
                  server->tls != NULL && !server->addresses[i].is_ops ? "true" : "false",
                  server->addresses[i].is_ops ? " ops=true" : "");
    return BELFRY_OK;
}

const char *belfry_address(belfry *server, unsigned index)
{
    if (index >= server->address_count || server->addresses[index].text[0] == '\0')
        return NULL;
    return server->addresses[index].text;
}

/* --- running ----------------------------------------------------------------------------------*/

bool server_check_stopped(belfry *server)
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (!atomic_load_explicit(&server->workers[i].is_stopped, memory_order_acquire))
            return false;
    }
    pthread_mutex_lock(&server->lock);
    if (atomic_load(&server->state) != SERVER_STOPPED) {
        atomic_store(&server->state, SERVER_STOPPED);
        log_event(BELFRY_LOG_INFO, "stopped", NULL);
    }
    pthread_cond_broadcast(&server->has_stopped);
    pthread_mutex_unlock(&server->lock);
    return true;
}

static void run_worker(struct worker *w)
{
    while (!atomic_load_explicit(&w->is_stopped, memory_order_acquire))
        worker_step(w, -1);
    (void)server_check_stopped(w->server);
}

static void *worker_thread(void *arg)
{
    run_worker(arg);
    return NULL;
}

/* Signals are for the application's threads. */
static belfry_err start_threads(belfry *server, unsigned first)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    belfry_err err = BELFRY_OK;
    for (unsigned i = first; i < server->worker_count && err == BELFRY_OK; i++) {
        struct worker *w = &server->workers[i];
        w->has_thread = pthread_create(&w->thread, NULL, worker_thread, w) == 0;
        if (!w->has_thread)
            err = server_why(BELFRY_ERR_NOMEM, "cannot start a thread");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

/* Not all threads could be had: those there are end, and nobody waits for the others. */
static void give_up(belfry *server, unsigned first)
{
    for (unsigned i = first; i < server->worker_count; i++) {
        if (!server->workers[i].has_thread)
            atomic_store_explicit(&server->workers[i].is_stopped, true, memory_order_release);
    }
    belfry_stop_soon(server);
    (void)server_check_stopped(server);
}

static void join_threads(belfry *server)
{
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct worker *w = &server->workers[i];
        if (!w->has_thread)
            continue;
        w->has_thread = false;
        pthread_mutex_unlock(&server->lock);
        pthread_join(w->thread, NULL);
        pthread_mutex_lock(&server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

belfry_err belfry_start(belfry *server)
{
    belfry_err err = server_listen(server);
    if (err != BELFRY_OK)
        return err;
    err = start_threads(server, 0);
    if (err != BELFRY_OK)
        give_up(server, 0);
    return err;
}

/* SIGTERM and SIGINT as something the first worker's loop waits for. */
struct signal_watch {
    struct watch watch;
    belfry *server;
    sigset_t before;
};

static void on_signal(struct watch *watch, unsigned events)
{
    struct signal_watch *s = BELFRY_CONTAINER_OF(watch, struct signal_watch, watch);
    struct signalfd_siginfo info;
    (void)events;
    while (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        log_event(BELFRY_LOG_INFO, "stopping", "signal=%s",
                  info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
        belfry_stop_soon(s->server);
    }
}

static belfry_err watch_signals(struct signal_watch *s, belfry *server)
{
    sigset_t ours;
    *s = (struct signal_watch){ .watch = { .on_ready = on_signal, .fd = -1 }, .server = server };
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ours, &s->before);
    s->watch.fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->watch.fd < 0)
        return server_why(BELFRY_ERR_IO, "cannot wait for signals: %s", strerror(errno));
    return loop_watch(&server->workers[0].loop, &s->watch, WATCH_READ);
}

static void unwatch_signals(struct signal_watch *s)
{
    if (s->watch.interest != 0)
        (void)loop_watch(&s->server->workers[0].loop, &s->watch, 0);
    if (s->watch.fd >= 0)
        (void)close(s->watch.fd);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

int belfry_run(belfry *server)
{
    struct signal_watch signals = { .watch = { .fd = -1 } };
    if (server == NULL)
        return 1; /* belfry_new has said why */
    belfry_err err = server_listen(server);
    if (err != BELFRY_OK)
        return 1;
    bool has_signals = !server->options.keep_signals;
    if (has_signals)
        err = watch_signals(&signals, server);
    if (err == BELFRY_OK)
        err = start_threads(server, 1);
    if (err != BELFRY_OK)
        give_up(server, 1);
    run_worker(&server->workers[0]);
    join_threads(server);
    if (has_signals)
        unwatch_signals(&signals);
    return err == BELFRY_OK ? 0 : 1;
}

void belfry_stop_soon(belfry *server)
{
    atomic_fetch_add_explicit(&server->stop_requests, 1, memory_order_release);
    for (unsigned i = 0; i < server->worker_count; i++)
        loop_wake(&server->workers[i].loop);
}

void belfry_stop(belfry *server)
{
    if (atomic_load(&server->state) == SERVER_NEW)
        return;
    if (atomic_load(&server->stop_requests) == 0)
        belfry_stop_soon(server);
    if (server->is_stepped) {
        while (!server_check_stopped(server))
            worker_step(&server->workers[0], 100);
        return;
    }
    join_threads(server);
    pthread_mutex_lock(&server->lock);
    while (atomic_load(&server->state) != SERVER_STOPPED)
        pthread_cond_wait(&server->has_stopped, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

/* --- in somebody else's loop ------------------------------------------------------------------ */

static bool begin_stepping(belfry *server)
{
    if (server->is_stepped)
        return true;
    if (atomic_load(&server->state) != SERVER_NEW) {
        (void)server_why(BELFRY_ERR_STATE, "this server runs on threads of its own");
        return false;
    }
    if (server->worker_count != 1) {
        (void)server_why(BELFRY_ERR_STATE, "stepping by hand is for one worker");
        return false;
    }
    server->is_stepped = server_listen(server) == BELFRY_OK;
    return server->is_stepped;
}

int belfry_fd(belfry *server)
{
    if (!begin_stepping(server))
        return -1;
    struct loop *loop = &server->workers[0].loop;
    return loop->poller_ops->fd(loop->poller);
}

int belfry_timeout_ms(belfry *server)
{
    return begin_stepping(server) ? loop_timeout_ms(&server->workers[0].loop) : -1;
}

belfry_err belfry_step(belfry *server)
{
    if (!begin_stepping(server))
        return BELFRY_ERR_STATE;
    if (server_check_stopped(server))
        return server_why(BELFRY_ERR_GONE, "the server has stopped");
    worker_step(&server->workers[0], 0);
    return BELFRY_OK;
}

bool server_can_send(belfry_type type, belfry_bytes data)
{
    if (type != BELFRY_TEXT && type != BELFRY_BINARY)
        (void)server_why(BELFRY_ERR_INVALID, "a message is BELFRY_TEXT or BELFRY_BINARY");
    else if (type == BELFRY_TEXT && !utf8_is_valid(data))
        (void)server_why(BELFRY_ERR_INVALID, "text must be UTF-8; send it as BELFRY_BINARY");
    else
        return true;
    return false;
}

/* --- odds and ends ----------------------------------------------------------------------------*/

uint64_t belfry_now_ms(void)
{
    return clock_system.wall_ms(clock_system.user);
}

const char *belfry_version(void)
{
    return BELFRY_VERSION;
}

void belfry_set_alloc(void *(*alloc)(size_t), void *(*realloc_with)(void *, size_t),
                      void (*free_with)(void *))
{
    mem_set_functions(alloc, realloc_with, free_with);
}
