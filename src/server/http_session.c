/*
 * http_session.c - from bytes to requests, with a deadline in every state.
 *
 * A head that is wholly in the receive buffer is parsed where it lies; one that is cut is kept and
 * parsed on. The deadline for a head starts with its first byte and no later byte moves it.
 */
#include "server/http_session.h"

#include <unistd.h>

#include "base/alloc.h"
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
    buf_deinit(&h->head);
    buf_deinit(&h->body_bytes);
    mem_free(h);
}

static bool is_idle(const struct http_session *h)
{
    return h->state == HTTP_IN_HEAD && h->head.size == 0 && http_head_is_idle(&h->parser);
}

static void on_lost(struct conn *c)
{
    const struct http_session *h = http_of_conn(c);
    /* Nothing was ever decrypted: that was no TLS, or not one we speak. */
    if (c->worker->server->tls != NULL && !h->is_ops && !h->is_served && is_idle(h))
        counter_add(&c->worker->counters.tls_failed, 1);
}

static void on_end(struct conn *c)
{
    struct http_session *h = http_of_conn(c);
    /* Half-closing after a request is fine: what is being sent still goes out. */
    if (h->state != HTTP_SENDING)
        conn_finish(c);
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
    if (is_idle(h))
        conn_finish(c);
    else if (h->state == HTTP_SENDING)
        conn_abort(c);
    else
        refuse(h, 408,
               h->state == HTTP_IN_HEAD ? "the head took too long" : "the body took too long");
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

/* Hands a complete request to its handler. True: the connection goes on as HTTP. */
static bool serve(struct http_session *h, const struct http_head *head)
{
    belfry_request req = { .conn = &h->conn, .head = head, .body = buf_bytes(&h->body_bytes) };
    dispatch_request(h, &req);
    bool has_moved = h->conn.worker->moved_to != NULL;
    bool must_close = req.must_close;
    request_deinit(&req);
    if (has_moved || h->conn.state != CONN_OPEN)
        return false;
    if (h->state == HTTP_SENDING) {
        h->must_close = must_close;
        send_more(h);
        return h->conn.state == CONN_OPEN;
    }
    if (must_close) {
        conn_finish(&h->conn);
        return false;
    }
    next_request(h);
    return true;
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

/* The head is complete at @data; the body, if any, is to come. */
static void begin_body(struct http_session *h, const uint8_t *data, const struct http_head *head)
{
    if (h->head.size == 0 && buf_append(&h->head, data, head->head_size) != BELFRY_OK) {
        conn_abort(&h->conn);
        return;
    }
    h->state = HTTP_IN_BODY;
    set_deadline(h, options_of(h)->body_timeout_ms);
    struct http_body_event event;
    const uint8_t *nothing = data;
    http_body_init(&h->body, head, options_of(h)->max_body_bytes);
    /* Without input it can only refuse, or have nothing to wait for. */
    if (http_body_next(&h->body, &nothing, nothing, &event) && event.type == HTTP_BODY_REFUSED) {
        refuse_input(h, event.status, event.why);
        return;
    }
    if (head->expects_continue) {
        struct buf *out = &h->conn.worker->scratch;
        buf_clear(out);
        http_response_continue(out);
        conn_write(&h->conn, out->data, out->size);
    }
}

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
    if (head.framing == HTTP_NO_BODY)
        (void)serve(h, &head);
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
    (void)serve(h, &head);
}

static size_t take_body(struct http_session *h, const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    struct http_body_event event;
    while (http_body_next(&h->body, &at, data + size, &event)) {
        switch (event.type) {
        case HTTP_BODY_DATA:
            if (buf_append(&h->body_bytes, event.data.data, event.data.size) != BELFRY_OK) {
                conn_abort(&h->conn);
                return size;
            }
            break;
        case HTTP_BODY_REFUSED:
            refuse_input(h, event.status, event.why);
            return size;
        case HTTP_BODY_END:
            serve_with_body(h);
            return (size_t)(at - data);
        }
    }
    return size;
}

static size_t on_input(struct conn *c, uint8_t *data, size_t size)
{
    struct http_session *h = http_of_conn(c);
    size_t taken = 0;
    while (taken < size && c->state == CONN_OPEN && !conn_is_clogged(c)) {
        taken += h->state == HTTP_IN_BODY ? take_body(h, data + taken, size - taken)
                                          : take_head(h, data + taken, size - taken);
        if (c->worker->moved_to != NULL)
            return taken; /* the rest belongs to the WebSocket */
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
