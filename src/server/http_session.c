/*
 * http_session.c - from bytes to requests, with a deadline in every state.
 *
 * A head that is wholly in the receive buffer is parsed where it lies; one that is cut is kept and
 * parsed on. The deadline for a head starts with its first byte and no later byte moves it.
 *
 * An exchange begins when its head is complete. Telling its owner may answer it at once, so
 * whoever tells looks at h->exchange afterwards.
 */
#include "server/http_session.h"

#include <unistd.h>

#include "base/alloc.h"
#include "http/field.h"
#include "server/server.h"

#define FILE_CHUNK 131072
#define FILE_CHUNKS_PER_TURN 8

static const struct session_ops http_session_ops;
static void send_more(struct http_session *h);

static const belfry_options *options_of(const struct http_session *h)
{
    return &h->conn.worker->server->options;
}

/* Instead of the one before, which is over. */
static void set_deadline(struct http_session *h, uint32_t timeout_ms)
{
    if (timeout_ms != BELFRY_OFF)
        conn_set_timer(&h->conn, h->conn.worker->loop.now_ms + timeout_ms);
    else
        conn_clear_timer(&h->conn);
}

/* --- life -------------------------------------------------------------------------------------*/

static void link_session(struct http_session *h, struct worker *worker)
{
    h->next = worker->http_sessions;
    h->link = &worker->http_sessions;
    if (h->next != NULL)
        h->next->link = &h->next;
    worker->http_sessions = h;
}

belfry_err http_session_start(struct worker *worker,
                              void (*setup)(struct stream *s, struct loop *loop, void *arg),
                              void *arg, bool is_ops)
{
    struct http_session *h = mem_alloc_zeroed(sizeof *h);
    if (h == NULL)
        return BELFRY_ERR_NOMEM;
    h->file_fd = -1;
    h->is_ops = is_ops;
    setup(&h->conn.stream, &worker->loop, arg);
    if (!stream_is_open(&h->conn.stream)) {
        mem_free(h);
        return BELFRY_ERR_NOMEM;
    }
    belfry_err err = conn_init(&h->conn, worker, &http_session_ops);
    if (err != BELFRY_OK) {
        mem_free(h);
        return err;
    }
    link_session(h, worker);
    counter_add(&worker->counters.connections_http, 1);
    set_deadline(h, options_of(h)->handshake_timeout_ms);
    return BELFRY_OK;
}

static void free_session(struct conn *c)
{
    struct http_session *h = http_of_conn(c);
    *h->link = h->next;
    if (h->next != NULL)
        h->next->link = h->link;
    if (h->file_fd >= 0)
        (void)close(h->file_fd);
    counter_add(&c->worker->counters.connections_http, (uint64_t)-1);
    BELFRY_ASSERT(h->exchange == NULL);
    buf_deinit(&h->head);
    buf_deinit(&h->body_bytes);
    mem_free(h);
}

static bool is_idle(const struct http_session *h)
{
    return h->state == HTTP_IN_HEAD && h->head.size == 0 && http_head_is_idle(&h->parser);
}

/* Whatever the owner answers, nobody waits for it any more. */
static void leave_exchange(struct http_session *h)
{
    struct exchange *x = h->exchange;
    h->exchange = NULL;
    if (x != NULL)
        exchange_leave(x);
}

static void on_lost(struct conn *c)
{
    struct http_session *h = http_of_conn(c);
    leave_exchange(h);
    /* Nothing was ever decrypted: that was no TLS, or not one we speak. */
    if (c->worker->server->tls != NULL && !h->is_ops && !h->is_served && is_idle(h))
        counter_add(&c->worker->counters.tls_failed, 1);
}

static void on_end(struct conn *c)
{
    struct http_session *h = http_of_conn(c);
    switch ((enum http_session_state)h->state) {
    case HTTP_SENDING: /* half-closing after a request is fine: this still goes out */
        break;
    case HTTP_WAITING:
        /* A peer that waits does not close. Should it only have half-closed, it gets what the owner
         * says to its loss; but that must come soon. */
        set_deadline(h, options_of(h)->close_timeout_ms);
        exchange_tell_lost(h->exchange);
        break;
    case HTTP_IN_HEAD:
    case HTTP_IN_BODY:
    case HTTP_SKIPPING:
        leave_exchange(h);
        conn_finish(c);
        break;
    }
}

void http_session_stop(struct http_session *h)
{
    if (is_idle(h) && h->conn.state == CONN_OPEN)
        conn_finish(&h->conn);
}

/* --- refusing ---------------------------------------------------------------------------------*/

static void refuse(struct http_session *h, unsigned status, const char *why)
{
    struct worker *worker = h->conn.worker;
    struct http_reply reply = { .status = (uint16_t)status, .date = worker_date(worker) };
    struct buf *out = &worker->scratch;
    buf_clear(out);
    http_response_error(out, &reply, why);
    if (!buf_failed(out))
        conn_write(&h->conn, out->data, out->size);
    leave_exchange(h);
    conn_finish(&h->conn);
}

static void refuse_input(struct http_session *h, unsigned status, const char *why)
{
    counter_add(&h->conn.worker->counters.http_refused, 1);
    refuse(h, status, why);
}

static void on_timer(struct conn *c, uint64_t now_ms)
{
    struct http_session *h = http_of_conn(c);
    if (h->state == HTTP_SENDING && now_ms < h->send_deadline_ms) {
        send_more(h);
        return;
    }
    counter_add(&c->worker->counters.http_timeouts, 1);
    switch ((enum http_session_state)h->state) {
    case HTTP_IN_HEAD:
        if (is_idle(h))
            conn_finish(c);
        else
            refuse(h, 408, "the head took too long");
        break;
    case HTTP_IN_BODY:
        refuse(h, 408, "the body took too long");
        break;
    case HTTP_SENDING:
    case HTTP_WAITING: /* after the peer's end */
        conn_abort(c);
        break;
    case HTTP_SKIPPING: /* the peer has its answer */
        conn_finish(c);
        break;
    }
}

/* --- requests ---------------------------------------------------------------------------------*/

static void next_request(struct http_session *h)
{
    h->parser = (struct http_head_parser){ 0 };
    h->state = HTTP_IN_HEAD;
    h->is_served = true;
    buf_deinit(&h->head);
    buf_deinit(&h->body_bytes);
    set_deadline(h, options_of(h)->keep_alive_timeout_ms);
}

static belfry_request new_request(struct http_session *h, const struct http_head *head)
{
    return (belfry_request){ .conn = &h->conn,
                             .head = head,
                             .body = buf_bytes(&h->body_bytes),
                             .is_secure = h->conn.stream.ops->is_secure };
}

/* The handler has replied, or made something else of the connection. */
static void conclude(struct http_session *h, belfry_request *req)
{
    bool has_moved = h->conn.worker->moved_to != NULL;
    bool must_close = req->must_close;
    request_deinit(req);
    if (has_moved || h->conn.state != CONN_OPEN)
        return;
    if (h->state == HTTP_SENDING) {
        h->must_close = must_close;
        send_more(h);
    } else if (must_close) {
        conn_finish(&h->conn);
    } else {
        next_request(h);
    }
}

/* Hands a complete request to its handler. */
static void serve(struct http_session *h, const struct http_head *head)
{
    belfry_request req = new_request(h, head);
    dispatch_request(h, &req);
    conclude(h, &req);
}

static struct http_head new_head(struct http_session *h)
{
    struct worker *worker = h->conn.worker;
    return (struct http_head){ .fields = worker->fields, .field_capacity = HTTP_MAX_FIELDS };
}

static struct http_limits limits_of(const struct http_session *h)
{
    return (struct http_limits){ .max_head_bytes = (size_t)options_of(h)->max_head_bytes,
                                 .max_headers = options_of(h)->max_headers };
}

/* Keeps the head, for when something else has come. False: no memory. */
static bool keep_head(struct http_session *h, const uint8_t *data, const struct http_head *head)
{
    return h->head.size > 0 || buf_append(&h->head, data, head->head_size) == BELFRY_OK;
}

/* The body is to come. What can be said without it: that it is refused, that there is none, or
 * (MORE) nothing yet; then the peer is asked for it if it wants to be asked. */
enum body_prospect { BODY_MORE, BODY_EMPTY, BODY_REFUSED };

static enum body_prospect expect_body(struct http_session *h, const struct http_head *head,
                                      uint64_t max_bytes, struct http_body_event *event)
{
    const uint8_t *nothing = (const uint8_t *)"";
    h->state = HTTP_IN_BODY;
    set_deadline(h, options_of(h)->body_timeout_ms);
    http_body_init(&h->body, head, max_bytes);
    if (http_body_next(&h->body, &nothing, nothing, event))
        return event->type == HTTP_BODY_REFUSED ? BODY_REFUSED : BODY_EMPTY;
    if (head->expects_continue) {
        struct buf *out = &h->conn.worker->scratch;
        buf_clear(out);
        http_response_continue(out);
        conn_write(&h->conn, out->data, out->size);
    }
    return BODY_MORE;
}

/* The head is complete at @data; the body is to come. */
static void begin_body(struct http_session *h, const uint8_t *data, const struct http_head *head)
{
    struct http_body_event event;
    if (!keep_head(h, data, head)) {
        conn_abort(&h->conn);
        return;
    }
    switch (expect_body(h, head, options_of(h)->max_body_bytes, &event)) {
    case BODY_MORE:
        break;
    case BODY_EMPTY:
        serve(h, head);
        break;
    case BODY_REFUSED:
        refuse_input(h, event.status, event.why);
        break;
    }
}

/* --- exchanges --------------------------------------------------------------------------------*/

static void wait_for_answer(struct http_session *h)
{
    h->state = HTTP_WAITING;
    conn_clear_timer(&h->conn);
    conn_hold_till_end(&h->conn);
}

static void end_exchange_body(struct http_session *h)
{
    wait_for_answer(h);
    exchange_tell_body(h->exchange, &h->body_bytes);
}

/* The rest of it is left where it is; the connection ends with the answer. */
static void give_up_body(struct http_session *h)
{
    counter_add(&h->conn.worker->counters.http_refused, 1);
    h->must_close = true;
    wait_for_answer(h);
    exchange_tell_too_large(h->exchange);
}

static void begin_exchange(struct http_session *h, const struct route *route, struct worker *owner,
                           const uint8_t *data, const struct http_head *head)
{
    struct http_body_event event;
    h->exchange = exchange_new(h, route, owner, data, head);
    if (h->exchange == NULL) {
        refuse(h, 503, "out of memory");
        return;
    }
    buf_deinit(&h->head); /* the exchange has its own */
    enum body_prospect prospect = BODY_EMPTY;
    if (head->framing != HTTP_NO_BODY)
        prospect = expect_body(h, head, route->exchange.max_body_bytes, &event);
    if (prospect != BODY_MORE)
        wait_for_answer(h);
    h->must_close = prospect == BODY_REFUSED;
    exchange_tell_begin(h->exchange);
    if (h->exchange == NULL)
        return; /* answered */
    if (prospect == BODY_EMPTY)
        end_exchange_body(h);
    else if (prospect == BODY_REFUSED)
        give_up_body(h);
}

/* As a request of a handler, or it moves to where that is done. */
static void begin_upgrade(struct http_session *h, const struct route *route, struct worker *owner,
                          const uint8_t *data, belfry_request *req)
{
    struct worker *here = h->conn.worker;
    if (here->is_stopping) {
        request_reply_error(req, 503, "the server is shutting down");
    } else if (owner == here) {
        route->exchange.upgrade(req, route->exchange.user);
        if (here->moved_to == NULL && !req->is_replied)
            request_reply_error(req, 500, "the handler gave no answer");
    } else if (h->has_moved) {
        request_reply_error(req, 500, "nobody wants to answer this");
    } else if (!keep_head(h, data, req->head)) {
        request_reply_error(req, 503, "out of memory");
    } else {
        h->move_to = owner;
        request_deinit(req);
        return;
    }
    conclude(h, req);
}

static bool is_upgrade(const struct http_head *head)
{
    return head->framing == HTTP_NO_BODY && http_find(head, "Upgrade") != NULL &&
           http_has_token(head, "Connection", "upgrade");
}

static void dispatch_exchange(struct http_session *h, const struct route *route,
                              const uint8_t *data, const struct http_head *head)
{
    struct worker *here = h->conn.worker;
    belfry_request req = new_request(h, head);
    req.route = route;
    struct worker *owner = route->exchange.owner(here, &req, route->exchange.user);
    if (owner == NULL)
        owner = here;
    if (owner != here && atomic_load_explicit(&owner->is_stopped, memory_order_acquire)) {
        request_deinit(&req);
        refuse(h, 503, "the server is shutting down");
    } else if (is_upgrade(head)) {
        begin_upgrade(h, route, owner, data, &req);
    } else {
        request_deinit(&req);
        begin_exchange(h, route, owner, data, head);
    }
}

void http_session_answer(struct http_session *h, belfry_request *req, unsigned status,
                         belfry_bytes body, struct frame *shared)
{
    struct conn *c = &h->conn;
    enum http_session_state state = (enum http_session_state)h->state;
    h->exchange = NULL;
    req->conn = c;
    if (h->must_close || c->has_ended)
        req->must_close = true;
    if (shared != NULL)
        request_reply_frame(req, status, shared);
    else
        request_reply(req, status, NULL, body);
    if (c->state != CONN_OPEN)
        return;
    if (req->must_close) {
        conn_finish(c);
    } else if (state == HTTP_IN_BODY) {
        h->state = HTTP_SKIPPING; /* until its deadline */
    } else {
        next_request(h);
        conn_release(c);
    }
}

void http_session_abandon(struct http_session *h)
{
    h->exchange = NULL;
    conn_abort(&h->conn);
}

/* --- input ------------------------------------------------------------------------------------*/

/* Takes of @data what belongs to the head. */
static size_t take_head(struct http_session *h, const uint8_t *data, size_t size)
{
    struct http_head head = new_head(h);
    struct http_limits limits = limits_of(h);
    size_t before = h->head.size;
    if (is_idle(h) && h->is_served)
        set_deadline(h, options_of(h)->handshake_timeout_ms);
    if (before > 0) {
        /* One byte over the limit is enough for the parser to say so. */
        size_t room = limits.max_head_bytes + 1 - BELFRY_MIN(before, limits.max_head_bytes);
        size = BELFRY_MIN(size, room);
        if (buf_append(&h->head, data, size) != BELFRY_OK) {
            conn_abort(&h->conn);
            return size;
        }
    }
    const uint8_t *whole = before > 0 ? h->head.data : data;
    switch (http_head_parse(&h->parser, &limits, whole, before + size, &head)) {
    case HTTP_MORE:
        if (before == 0 && buf_append(&h->head, data, size) != BELFRY_OK)
            conn_abort(&h->conn);
        return size;
    case HTTP_REFUSED:
        refuse_input(h, h->parser.status, h->parser.why);
        return size;
    case HTTP_DONE:
        break;
    }
    size_t taken = head.head_size - before;
    if (before > 0)
        h->head.size = head.head_size;
    const struct route *route =
        h->is_ops ? NULL : exchange_route_find(&h->conn.worker->server->router, &head);
    if (route != NULL)
        dispatch_exchange(h, route, whole, &head);
    else if (head.framing == HTTP_NO_BODY)
        serve(h, &head);
    else
        begin_body(h, whole, &head);
    return taken;
}

/* The body is whole: the head is read again from where it was kept. */
static void serve_with_body(struct http_session *h)
{
    struct http_head head = new_head(h);
    struct http_limits limits = limits_of(h);
    struct http_head_parser parser = { 0 };
    enum http_verdict verdict =
        http_head_parse(&parser, &limits, h->head.data, h->head.size, &head);
    BELFRY_ASSERT(verdict == HTTP_DONE);
    serve(h, &head);
}

/* False: no memory; the connection is gone. */
static bool take_body_data(struct http_session *h, belfry_bytes data)
{
    if (h->state == HTTP_SKIPPING || buf_append(&h->body_bytes, data.data, data.size) == BELFRY_OK)
        return true;
    conn_abort(&h->conn);
    return false;
}

static void refuse_body(struct http_session *h, const struct http_body_event *event)
{
    if (h->state == HTTP_SKIPPING)
        conn_finish(&h->conn); /* the peer has its answer */
    else if (h->exchange != NULL && event->status == 413)
        give_up_body(h);
    else
        refuse_input(h, event->status, event->why);
}

static void end_body(struct http_session *h)
{
    if (h->state == HTTP_SKIPPING && h->conn.worker->is_stopping)
        conn_finish(&h->conn);
    else if (h->state == HTTP_SKIPPING)
        next_request(h);
    else if (h->exchange != NULL)
        end_exchange_body(h);
    else
        serve_with_body(h);
}

static size_t take_body(struct http_session *h, const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    struct http_body_event event;
    while (http_body_next(&h->body, &at, data + size, &event)) {
        switch (event.type) {
        case HTTP_BODY_DATA:
            if (!take_body_data(h, event.data))
                return size;
            break;
        case HTTP_BODY_REFUSED:
            refuse_body(h, &event);
            return size;
        case HTTP_BODY_END:
            end_body(h);
            return (size_t)(at - data);
        }
    }
    return size;
}

/* --- to another worker ------------------------------------------------------------------------*/

struct move {
    struct job job;
    struct http_session *session; /* what it will be there */
};

/* On the new worker: as if it had arrived here, with the head unread. */
static void arrive(struct worker *worker, struct job *job)
{
    struct move *move = BELFRY_CONTAINER_OF(job, struct move, job);
    struct http_session *h = move->session;
    mem_free(move);
    if (conn_adopt(&h->conn, worker, &http_session_ops) != BELFRY_OK) {
        mem_free(h);
        return;
    }
    link_session(h, worker);
    counter_add(&worker->counters.connections_http, 1);
    set_deadline(h, options_of(h)->handshake_timeout_ms);
    conn_flush(&h->conn);
}

static struct move *new_move(void)
{
    struct move *move = mem_alloc(sizeof *move);
    struct http_session *h = mem_alloc_zeroed(sizeof *h);
    if (move == NULL || h == NULL) {
        mem_free(move);
        mem_free(h);
        return NULL;
    }
    h->file_fd = -1;
    h->is_served = true;
    h->has_moved = true;
    *move = (struct move){ .job.run = arrive, .session = h };
    return move;
}

/* @rest: what came behind the head. */
static void move_away(struct http_session *h, const uint8_t *rest, size_t size)
{
    struct worker *to = h->move_to;
    struct move *move = new_move();
    struct buf *input = mem_alloc(sizeof *input);
    belfry_err err = BELFRY_ERR_NOMEM;
    h->move_to = NULL;
    if (move != NULL && input != NULL && buf_append(&h->head, rest, size) == BELFRY_OK) {
        *input = h->head;
        err = conn_give(&h->conn, &move->session->conn, input);
    }
    if (err == BELFRY_OK) {
        h->head = (struct buf){ 0 };
        err = worker_post(to, &move->job, false);
        BELFRY_ASSERT(err == BELFRY_OK);
        return;
    }
    if (move != NULL)
        mem_free(move->session);
    mem_free(move);
    mem_free(input);
    if (err == BELFRY_ERR_NOMEM)
        refuse(h, 503, "out of memory");
}

static size_t on_input(struct conn *c, uint8_t *data, size_t size)
{
    struct http_session *h = http_of_conn(c);
    size_t taken = 0;
    while (taken < size && c->state == CONN_OPEN && !conn_is_clogged(c)) {
        taken += h->state == HTTP_IN_HEAD ? take_head(h, data + taken, size - taken)
                                          : take_body(h, data + taken, size - taken);
        if (c->worker->moved_to != NULL)
            return taken; /* the rest belongs to the WebSocket */
        if (h->move_to != NULL)
            move_away(h, data + taken, size - taken);
    }
    return c->state == CONN_OPEN ? taken : size;
}

/* --- files ------------------------------------------------------------------------------------*/

static void end_file(struct http_session *h)
{
    (void)close(h->file_fd);
    h->file_fd = -1;
    if (h->must_close || h->conn.worker->is_stopping || h->conn.has_ended) {
        conn_finish(&h->conn);
        return;
    }
    next_request(h);
    conn_release(&h->conn);
}

/* Reads on as the peer takes, some chunks a turn; a file that shrank meanwhile ends it all. */
static void send_more(struct http_session *h)
{
    struct conn *c = &h->conn;
    for (int i = 0; i < FILE_CHUNKS_PER_TURN && h->file_left > 0; i++) {
        size_t size = (size_t)BELFRY_MIN(h->file_left, (uint64_t)FILE_CHUNK);
        struct frame *frame = frame_new(size);
        ssize_t got = frame != NULL ? read(h->file_fd, frame->bytes, size) : -1;
        if (got <= 0) {
            frame_unref(frame);
            conn_abort(c);
            return;
        }
        frame->size = (uint32_t)got;
        h->file_left -= (uint64_t)got;
        conn_write_frame(c, frame, 0);
        conn_flush(c);
        if (c->state != CONN_OPEN || c->is_blocked)
            break;
    }
    uint64_t now_ms = c->worker->loop.now_ms;
    h->send_deadline_ms = now_ms + options_of(h)->body_timeout_ms; /* for the next progress */
    conn_set_timer(c, c->is_blocked ? h->send_deadline_ms : now_ms);
    if (h->file_left == 0 && c->state == CONN_OPEN)
        end_file(h);
}

void http_session_send_file(struct http_session *h, int fd, uint64_t size)
{
    h->file_fd = fd;
    h->file_left = size;
    h->state = HTTP_SENDING;
    conn_hold(&h->conn);
}

static void on_drained(struct conn *c)
{
    struct http_session *h = http_of_conn(c);
    if (h->state == HTTP_SENDING)
        send_more(h);
}

static const struct session_ops http_session_ops = {
    .on_input = on_input,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_timer = on_timer,
    .on_lost = on_lost,
    .free = free_session,
};
