/*
 * worker.c - a turn of a worker, what comes in, and how it ends.
 */
#include "server/worker.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "rooms/names.h"
#include "server/eio_session.h"
#include "server/http_session.h"
#include "server/node.h"
#include "server/presence.h"
#include "server/relay.h"
#include "server/request.h"
#include "server/server.h"
#include "server/sio_call.h"
#include "server/sio_recovery.h"
#include "server/sock.h"

#define HOUSEKEEPING_MS 1000
#define CATCH_UP_MS 1
#define ROUNDS_PER_TURN 8
#define POOL_TRIM_S 10

static _Thread_local struct worker *current_worker;

struct worker *worker_current(void)
{
    return current_worker;
}

struct worker *worker_current_of(const struct belfry *server)
{
    return current_worker != NULL && current_worker->server == server ? current_worker : NULL;
}

/* --- small things -----------------------------------------------------------------------------*/

uint64_t worker_wall_ms(const struct worker *w)
{
    return w->loop.clock->wall_ms(w->loop.clock->user);
}

const char *worker_keep_text(struct worker *w, belfry_bytes text)
{
    struct request_text *kept = mem_alloc(sizeof *kept + text.size + 1);
    if (kept == NULL)
        return NULL;
    if (text.size > 0)
        memcpy(kept->text, text.data, text.size);
    kept->text[text.size] = '\0';
    kept->next = w->kept_texts;
    w->kept_texts = kept;
    return kept->text;
}

static void free_kept_texts(struct worker *w)
{
    while (w->kept_texts != NULL) {
        struct request_text *next = w->kept_texts->next;
        mem_free(w->kept_texts);
        w->kept_texts = next;
    }
}

belfry_bytes worker_date(struct worker *w)
{
    uint64_t now_s = worker_wall_ms(w) / 1000;
    if (now_s != w->date_s) {
        http_date_format(w->date, now_s);
        w->date_s = now_s;
    }
    return bytes_of(w->date, HTTP_DATE_SIZE);
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool worker_split_public_id(belfry_bytes name, struct public_id_owner *out)
{
    uint32_t tag = 0;
    if (!rooms_is_socket_id(name))
        return false;
    for (int i = 0; i < 4; i++)
        tag = tag << 6 | (uint32_t)(strchr(letters, ((const char *)name.data)[i]) - letters);
    *out = (struct public_id_owner){ .node = tag >> 6, .worker = tag & 63 };
    return true;
}

int worker_of_public_id(const struct belfry *server, belfry_bytes name)
{
    struct public_id_owner owner;
    if (!worker_split_public_id(name, &owner) || owner.node != server->node_tag)
        return -1;
    return owner.worker < server->hub.worker_count ? (int)owner.worker : -1;
}

void worker_node_text(uint32_t node_tag, char out[4])
{
    for (int i = 0; i < 3; i++)
        out[i] = letters[(node_tag >> (12 - 6 * i)) & 63];
    out[3] = '\0';
}

void worker_make_public_id(struct worker *w, char out[PUBLIC_ID_SIZE + 1])
{
    /* 3 characters say which node of a cluster owns it, 1 which worker; 16 are random. */
    uint8_t bytes[12];
    uint32_t tag = w->server->node_tag << 6 | w->index;
    random_fill(&w->random, bytes, sizeof bytes);
    for (int i = 0; i < 4; i++)
        out[i] = letters[(tag >> (18 - 6 * i)) & 63];
    for (int i = 0; i < 16; i++) {
        unsigned bit = (unsigned)i * 6;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < 12 ? bytes[bit / 8 + 1] : 0);
        out[4 + i] = letters[(pair >> (10 - bit % 8)) & 63];
    }
    out[PUBLIC_ID_SIZE] = '\0';
}

/* --- lists of connections --------------------------------------------------------------------- */

static bool list_add(struct conn_list *list, struct conn *c)
{
    if (list->count == list->capacity) {
        size_t capacity = BELFRY_MAX(list->capacity * 2, (size_t)64);
        struct conn **items = mem_realloc(list->items, capacity * sizeof(struct conn *));
        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = c;
    return true;
}

static void list_forget(struct conn_list *list, const struct conn *c)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i] == c)
            list->items[i] = NULL;
    }
}

/* Takes the whole list, so that it can be filled anew meanwhile. */
static struct conn_list list_take(struct conn_list *list)
{
    struct conn_list taken = *list;
    *list = (struct conn_list){ 0 };
    return taken;
}

static void list_give_back(struct conn_list *list, struct conn_list *taken)
{
    if (list->items != NULL) {
        mem_free(taken->items);
        return;
    }
    list->items = taken->items;
    list->capacity = taken->capacity;
}

bool worker_add_dirty(struct worker *w, struct conn *c)
{
    return list_add(&w->dirty, c);
}

bool worker_replace_dirty(struct worker *w, const struct conn *from, struct conn *to)
{
    for (size_t i = 0; i < w->dirty.count; i++) {
        if (w->dirty.items[i] != from)
            continue;
        w->dirty.items[i] = to;
        return true;
    }
    return false;
}

bool worker_add_congested(struct worker *w, struct conn *c)
{
    if (!list_add(&w->congested, c))
        return false;
    if (!timer_is_set(&w->catch_up)) {
        counter_add(&w->counters.congested, 1);
        timer_set(&w->loop.timers, &w->catch_up, w->loop.now_ms + CATCH_UP_MS);
    }
    return true;
}

void worker_read_again(struct worker *w, struct conn *c)
{
    if (c->is_again)
        return;
    c->is_again = list_add(&w->again, c);
    w->loop.wants_turn = true;
    if (!c->is_again)
        conn_abort(c); /* without memory it would wait for ever */
}

static void free_conn(struct grave *grave)
{
    struct conn *c = BELFRY_CONTAINER_OF(grave, struct conn, grave);
    c->worker->connection_count--;
    c->ops->free(c);
}

void worker_bury(struct worker *w, struct conn *c)
{
    if (c->is_dirty)
        list_forget(&w->dirty, c);
    if (c->is_congested)
        list_forget(&w->congested, c);
    if (c->is_again)
        list_forget(&w->again, c);
    loop_bury(&w->loop, &c->grave, free_conn);
}

/* --- the turn's end ---------------------------------------------------------------------------*/

static void read_again(struct worker *w)
{
    if (w->again.count == 0)
        return;
    struct conn_list list = list_take(&w->again);
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i] == NULL)
            continue;
        list.items[i]->is_again = false;
        conn_read(list.items[i]);
    }
    list_give_back(&w->again, &list);
}

/* A crowd's connections do not stay in the cache between being written to and being flushed. */
static void prefetch_conn(const struct conn *c)
{
    __builtin_prefetch(c);
    __builtin_prefetch((const char *)c + 64);
    __builtin_prefetch((const char *)c + 128);
}

static void flush_dirty(struct worker *w)
{
    /* Flushing may make others dirty; they are appended and reached too. */
    for (size_t i = 0; i < w->dirty.count; i++) {
        if (i + 4 < w->dirty.count && w->dirty.items[i + 4] != NULL)
            prefetch_conn(w->dirty.items[i + 4]);
        if (w->dirty.items[i] != NULL)
            conn_flush_dirty(w->dirty.items[i]);
    }
    w->dirty.count = 0;
    frame_releaser_flush(&w->releaser);
}

static void resume_congested(struct timer *timer, uint64_t now_ms)
{
    struct worker *w = BELFRY_CONTAINER_OF(timer, struct worker, catch_up);
    if (worker_is_congested(w)) {
        timer_set(&w->loop.timers, timer, now_ms + CATCH_UP_MS);
        return;
    }
    struct conn_list list = list_take(&w->congested);
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i] != NULL)
            conn_resume_congested(list.items[i]);
    }
    list_give_back(&w->congested, &list);
}

static void expire_recoverable(struct belfry_nsp *nsp, void *arg)
{
    sio_recovery_expire(nsp, *(const uint64_t *)arg);
}

static void keep_house(struct timer *timer, uint64_t now_ms)
{
    struct worker *w = BELFRY_CONTAINER_OF(timer, struct worker, housekeeping);
    hub_keep_house(w->shard, worker_wall_ms(w));
    if (w->index == 0)
        nsp_each(w->server, expire_recoverable, &now_ms);
    (void)map_tidy(&w->eio_by_sid, 256);
    node_refresh_sessions(w, false);
    if (now_ms / 1000 % POOL_TRIM_S == 0) {
        ws_pool_trim(w->pool);
        buf_deinit(&w->scratch);
        buf_deinit(&w->deflated);
        buf_deinit(&w->request_scratch);
        buf_deinit(&w->packet);
        buf_deinit(&w->base64);
        sio_scratch_deinit(&w->msgpack);
    }
    /* After a crowd has left, its memory goes back to the system. */
    if (w->peak_connections > 1000 && w->connection_count < w->peak_connections / 2) {
        w->peak_connections = w->connection_count;
        mem_trim();
    }
    w->peak_connections = BELFRY_MAX(w->peak_connections, w->connection_count);
    timer_set(&w->loop.timers, timer, now_ms + HOUSEKEEPING_MS);
}

static void check_stop(struct worker *w)
{
    unsigned requests = atomic_load_explicit(&w->server->stop_requests, memory_order_acquire);
    if (requests > 0 && !w->is_stopping)
        worker_stop(w, w->server->options.drain_timeout_ms);
    if (!w->is_stopping)
        return;
    if (requests > 1)
        w->stop_deadline_ms = w->loop.now_ms;
    if (w->connection_count > 0 && w->loop.now_ms >= w->stop_deadline_ms)
        worker_abort_all(w);
    if (w->loop.graves != NULL)
        w->loop.wants_turn = true; /* they count as connections until this turn is over */
    else if (w->connection_count == 0 && atomic_load(&w->posted) == 0)
        atomic_store_explicit(&w->is_stopped, true, memory_order_release);
}

static void on_turn_end(void *owner)
{
    struct worker *w = owner;
    read_again(w);
    for (int round = 0; round < ROUNDS_PER_TURN; round++) {
        if (hub_has_pending(w->shard))
            hub_drain(w->shard);
        if (w->dirty.count == 0)
            break;
        flush_dirty(w);
    }
    frame_releaser_flush(&w->releaser);
    if (w->sessions_due.size > 0)
        node_save_due(w);
    if (w->index == 0 && w->server->node != NULL)
        node_turn_end(w->server->node);
    if (w->dirty.count > 0 || hub_has_pending(w->shard))
        w->loop.wants_turn = true;
    free_kept_texts(w);
    check_stop(w);
    atomic_store_explicit(&w->last_turn_ms, w->loop.now_ms, memory_order_relaxed);
}

void worker_step(struct worker *w, int max_wait_ms)
{
    struct worker *before = current_worker;
    current_worker = w;
    loop_step(&w->loop, max_wait_ms);
    current_worker = before;
}

/* --- connections ------------------------------------------------------------------------------*/

struct incoming {
    int fd;
    struct tls_context *tls;
};

static void setup_stream(struct stream *s, struct loop *loop, void *arg)
{
    const struct incoming *in = arg;
    if (in->tls == NULL)
        stream_tcp_init(s, loop, in->fd);
    else if (stream_tls_init(s, loop, in->fd, in->tls) != BELFRY_OK)
        s->ops = NULL; /* not open: closed already */
}

static void on_connection(void *user, int fd)
{
    struct worker_listener *listener = user;
    struct worker *w = listener->worker;
    struct incoming in = { fd, listener->is_ops ? NULL : w->server->tls };
    if (w->connection_count >= w->max_connections && !listener->is_ops) {
        counter_add(&w->counters.refused_limit, 1);
        listener_refuse(fd, in.tls != NULL ? bytes_of(NULL, 0)
                                           : BELFRY_BYTES("HTTP/1.1 503 Service Unavailable\r\n"
                                                          "Retry-After: 5\r\nContent-Length: 0\r\n"
                                                          "Connection: close\r\n\r\n"));
        return;
    }
    worker_adopt(w, setup_stream, &in, listener->is_ops);
}

void worker_adopt(struct worker *w, void (*setup)(struct stream *s, struct loop *loop, void *arg),
                  void *arg, bool is_ops)
{
    if (http_session_start(w, setup, arg, is_ops) == BELFRY_OK)
        counter_add(&w->counters.accepted, 1);
    else
        counter_add(&w->counters.refused_exhausted, 1);
}

static void on_exhausted(void *user)
{
    struct worker_listener *listener = user;
    struct worker *w = listener->worker;
    counter_add(&w->counters.refused_exhausted, 1);
    if (w->loop.now_ms - w->last_exhausted_ms < 10000 && w->last_exhausted_ms != 0)
        return; /* said already */
    w->last_exhausted_ms = w->loop.now_ms;
    log_event(BELFRY_LOG_ERROR, "exhausted",
              "worker=%u connections=%u hint=\"raise RLIMIT_NOFILE or lower max_connections\"",
              w->index, w->connection_count);
}

belfry_err worker_listen(struct worker *w)
{
    for (unsigned i = 0; i < w->listener_count; i++) {
        struct worker_listener *listener = &w->listeners[i];
        struct listener_callbacks callbacks = { on_connection, on_exhausted, listener };
        belfry_err err = listener_start(&listener->listener, &w->loop, &callbacks);
        if (err != BELFRY_OK)
            return err;
    }
    return BELFRY_OK;
}

/* --- ending -----------------------------------------------------------------------------------*/

static void stop_sock(struct belfry_sock *sock, void *arg)
{
    (void)arg;
    sock_catch_up(sock);
    sock_ops_of(sock)->stop(sock);
}

static void abort_sock(struct belfry_sock *sock, void *arg)
{
    (void)arg;
    sock_ops_of(sock)->abort(sock);
}

/* Each ends, and is out of the list, when @end returns; handlers may have ended others too. */
static void end_sessions(struct worker *w, void (*end)(struct eio_session *s))
{
    hub_drain(w->shard);
    while (w->eio_sessions != NULL)
        end(w->eio_sessions);
}

/* While it drains, operators may still ask how it goes. */
static void stop_listening(struct worker *w)
{
    for (unsigned i = 0; i < w->listener_count; i++) {
        if (!w->listeners[i].is_ops)
            listener_deinit(&w->listeners[i].listener);
    }
}

static void close_listeners(struct worker *w)
{
    for (unsigned i = 0; i < w->listener_count; i++)
        listener_deinit(&w->listeners[i].listener);
}

void worker_unlisten(struct worker *w)
{
    close_listeners(w);
    mem_free(w->listeners);
    w->listeners = NULL;
    w->listener_count = 0;
}

static void on_stop_deadline(struct timer *timer, uint64_t now_ms)
{
    (void)timer; /* the turn's end looks at the time */
    (void)now_ms;
}

void worker_stop(struct worker *w, uint32_t drain_timeout_ms)
{
    if (w->is_stopping)
        return;
    w->is_stopping = true;
    w->stop_deadline_ms = w->loop.now_ms + drain_timeout_ms;
    w->stop_timer.fire = on_stop_deadline;
    timer_set(&w->loop.timers, &w->stop_timer, w->stop_deadline_ms);
    stop_listening(w);
    struct http_session *next;
    for (struct http_session *h = w->http_sessions; h != NULL; h = next) {
        next = h->next;
        http_session_stop(h);
    }
    slots_each(&w->slots, stop_sock, NULL);
    end_sessions(w, eio_session_stop);
    sio_calls_finish(w->calls);
    w->loop.wants_turn = true;
}

void worker_abort_all(struct worker *w)
{
    end_sessions(w, eio_session_abort);
    slots_each(&w->slots, abort_sock, NULL);
    struct http_session *next;
    for (struct http_session *h = w->http_sessions; h != NULL; h = next) {
        next = h->next;
        conn_abort(&h->conn);
    }
    conn_abort_finishing(w); /* sessions that have ended, and probes, are in no list */
    w->loop.wants_turn = true;
}

static void run_job(struct loop_post *post, void *owner)
{
    struct worker *w = owner;
    struct job *job = BELFRY_CONTAINER_OF(post, struct job, post);
    atomic_fetch_sub_explicit(&w->posted, 1, memory_order_relaxed);
    job->run(w, job);
}

belfry_err worker_post(struct worker *w, struct job *job, bool is_bounded)
{
    unsigned waiting = atomic_fetch_add_explicit(&w->posted, 1, memory_order_relaxed);
    if (is_bounded && waiting >= w->server->options.max_inbox) {
        atomic_fetch_sub_explicit(&w->posted, 1, memory_order_relaxed);
        return server_why(BELFRY_ERR_AGAIN, "max_inbox jobs wait for a worker: try again");
    }
    job->post.run = run_job;
    loop_post(&w->loop, &job->post);
    return BELFRY_OK;
}

/* --- life -------------------------------------------------------------------------------------*/

static belfry_err make_memory(struct worker *w)
{
    w->rx_size = WORKER_RX_SIZE;
    w->rx = mem_alloc(w->rx_size);
    w->fields = mem_alloc(HTTP_MAX_FIELDS * sizeof *w->fields);
    w->pool = ws_pool_new((int)w->server->options.deflate_level);
    w->calls = sio_calls_new(w);
    presence_init(w);
    relay_init(w);
    if (w->calls == NULL || w->rx == NULL || w->fields == NULL || w->pool == NULL ||
        w->presence == NULL)
        return BELFRY_ERR_NOMEM;
    return BELFRY_OK;
}

belfry_err worker_init(struct worker *w, struct belfry *server, unsigned index)
{
    struct poller *poller = NULL;
    w->server = server;
    w->index = index;
    w->random = server->env.random;
    w->slots.worker = index;
    w->max_connections = server->options.max_connections;
    /* Where room messages are dropped they may fill a queue for ever, and are no reason to leave
     * requests and pongs unread; answers, which come on top of them, are. */
    bool may_drop = server->options.slow_policy != BELFRY_SLOW_CLOSE;
    w->clog_bytes = (size_t)(server->options.max_queue_bytes / (may_drop ? 1 : 4));
    w->full_bytes = (size_t)server->options.max_queue_bytes;
    w->close_timeout_ms = server->options.close_timeout_ms;
    w->shard = &server->hub.shards[index];
    w->shard->owner = w;
    w->shard->loop = &w->loop;
    belfry_err err = server->env.new_poller(&poller, server->env.user);
    if (err != BELFRY_OK)
        return err;
    err = loop_init(&w->loop, server->env.poller_ops, poller, server->env.clock);
    if (err == BELFRY_OK)
        err = make_memory(w);
    w->loop.owner = w;
    w->loop.on_turn_end = on_turn_end;
    w->catch_up.fire = resume_congested;
    w->housekeeping.fire = keep_house;
    timer_set(&w->loop.timers, &w->housekeeping, w->loop.now_ms + HOUSEKEEPING_MS);
    return err;
}

bool worker_wind_up(struct worker *w)
{
    if (w->server == NULL || w->loop.poller == NULL)
        return false;
    bool was_busy = false;
    struct worker *before = current_worker;
    current_worker = w;
    w->is_stopping = true; /* nobody waits for anything new */
    close_listeners(w);
    sio_calls_finish(w->calls);
    /* Jobs that came too late still free themselves, or bring a connection; deliveries find nobody.
     */
    while (w->connection_count > 0 || !mailbox_is_empty(&w->loop.posts) || w->loop.graves != NULL ||
           hub_has_pending(w->shard)) {
        worker_abort_all(w);
        sio_calls_finish(w->calls);
        loop_step(&w->loop, 0);
        was_busy = true;
    }
    current_worker = before;
    return was_busy;
}

void worker_deinit(struct worker *w)
{
    if (w->server == NULL)
        return;
    worker_unlisten(w);
    struct worker *before = current_worker;
    current_worker = w;
    w->calls = sio_calls_free(w->calls);
    presence_deinit(w);
    relay_deinit(w);
    map_deinit(&w->eio_by_sid);
    loop_deinit(&w->loop);
    current_worker = before;
    w->pool = ws_pool_free(w->pool);
    slots_deinit(&w->slots);
    buf_deinit(&w->scratch);
    buf_deinit(&w->deflated);
    buf_deinit(&w->request_scratch);
    buf_deinit(&w->packet);
    buf_deinit(&w->base64);
    buf_deinit(&w->sessions_due);
    sio_scratch_deinit(&w->msgpack);
    free_kept_texts(w);
    mem_free(w->dirty.items);
    mem_free(w->congested.items);
    mem_free(w->again.items);
    mem_free(w->fields);
    mem_free(w->rx);
}
