/*
 * ws_session.c - the life of one WebSocket, from the 101 to the last callback.
 */
#include "server/ws_session.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/utf8.h"
#include "rooms/reply.h"
#include "server/deliver.h"
#include "server/encode.h"
#include "server/server.h"
#include "ws/close.h"
#include "ws/encoder.h"

static const struct session_ops ws_session_ops;
static const struct sock_ops ws_sock_ops;

static const belfry_options *options_of(const struct ws_session *ws)
{
    return &ws->sock.route->server->options;
}

static const belfry_ws_handlers *handlers_of(const struct ws_session *ws)
{
    return &ws->sock.route->ws;
}

static bool is_dedicated(const struct ws_session *ws)
{
    return ws->decoder.params.is_on && options_of(ws)->deflate == BELFRY_DEFLATE_DEDICATED &&
           ws_deflate_has_takeover(ws->decoder.params, WS_SERVER);
}

/* The form of room messages that this socket gets; see encode.h. */
static unsigned form_of(const struct ws_session *ws)
{
    if (!ws->decoder.params.is_on || is_dedicated(ws))
        return FORM_WS_PLAIN;
    return FORM_WS_DEFLATED(ws_deflate_window_bits(ws->decoder.params, WS_SERVER));
}

static struct receiver receiver_of(struct ws_session *ws)
{
    return (struct receiver){
        .sock = &ws->sock, .conn = &ws->conn, .form = form_of(ws), .is_deflated = is_dedicated(ws)
    };
}

static void deliver(struct member *member, struct hub_batch *batch, struct membership *membership)
{
    struct receiver r = receiver_of(ws_of_sock(sock_of_member(member)));
    deliver_batch(&r, batch, membership);
}

static void write_gap(belfry_sock *sock, belfry_bytes room, const char *reason)
{
    struct conn *c = &ws_of_sock(sock)->conn;
    struct buf text = { 0 };
    rooms_put_gap(&text, room, bytes_of_text(reason));
    if (!buf_failed(&text)) {
        uint8_t header[10];
        conn_write(c, header, ws_header_write(header, WS_TEXT | WS_FIN, text.size));
        conn_write(c, text.data, text.size);
    }
    buf_deinit(&text);
}

static void announce_gaps(belfry_sock *sock)
{
    if (sock->route->speaks_rooms && sock->state == SOCK_OPEN)
        sock_each_gap(sock, write_gap);
}

/* --- opening ----------------------------------------------------------------------------------*/

static uint64_t first_deadline(const struct ws_session *ws)
{
    uint32_t interval = options_of(ws)->ping_interval_ms;
    return interval == BELFRY_OFF ? 0 : ws->conn.worker->loop.now_ms + interval;
}

belfry_err ws_session_start(struct conn *from, const struct ws_accept *accept)
{
    struct worker *worker = from->worker;
    size_t data_size = accept->route->data_size;
    size_t size = data_size > 0 ? WS_DATA_OFFSET + data_size : sizeof(struct ws_session);
    struct ws_session *ws = mem_alloc_zeroed(size);
    if (ws == NULL)
        return BELFRY_ERR_NOMEM;
    belfry_err err =
        sock_open(&ws->sock, worker, accept->route, worker->server->root, &ws_sock_ops);
    if (err != BELFRY_OK) {
        mem_free(ws);
        return err;
    }
    ws->sock.user = accept->user;
    ws->decoder.params = accept->deflate;
    ws->conn.last_input_ms = (uint32_t)worker->loop.now_ms;
    counter_add(&worker->counters.connections_ws, 1);
    counter_add(&worker->counters.handshakes, 1);
    if (conn_move(from, &ws->conn, &ws_session_ops) != BELFRY_OK) {
        conn_abort(&ws->conn);
        return BELFRY_OK; /* it has become a WebSocket, and died as one */
    }
    conn_write(&ws->conn, accept->response.data, accept->response.size);
    if (first_deadline(ws) != 0)
        conn_set_timer(&ws->conn, first_deadline(ws));
    /* Behind the 101: whatever is said to everyone may follow at once. */
    if (ws->conn.state == CONN_OPEN && sock_enter(&ws->sock) != BELFRY_OK)
        ws_fail(ws, WS_CLOSE_INTERNAL, "out of memory", CLOSED_memory);
    if (ws->conn.state == CONN_OPEN && handlers_of(ws)->open != NULL)
        handlers_of(ws)->open(&ws->sock, handlers_of(ws)->user);
    return BELFRY_OK;
}

/* --- ending -----------------------------------------------------------------------------------*/

static void write_close(struct ws_session *ws, unsigned code, belfry_bytes reason)
{
    uint8_t frame[2 + WS_CONTROL_PAYLOAD_MAX];
    size_t size = ws_close_write(frame + 2, code, reason);
    frame[0] = WS_CLOSE | WS_FIN;
    frame[1] = (uint8_t)size;
    conn_write(&ws->conn, frame, size + 2);
}

/* The last callback. The connection may live on to send what is queued. */
static void end(struct ws_session *ws, uint16_t code, belfry_bytes reason)
{
    if (ws->sock.state == SOCK_ENDED)
        return;
    ws->sock.state = SOCK_ENDED;
    struct worker *worker = ws->conn.worker;
    const belfry_ws_handlers *handlers = handlers_of(ws);
    char text[WS_CONTROL_PAYLOAD_MAX];
    reason.size = BELFRY_MIN(reason.size, sizeof text);
    if (reason.size > 0)
        memcpy(text, reason.data, reason.size); /* it may lie in what the callbacks reuse */
    reason.data = text;
    counter_add(&worker->counters.closed[ws->sock.reason], 1);
    counter_add(&worker->counters.connections_ws, (uint64_t)-1);
    log_event(BELFRY_LOG_DEBUG, "closed", "sock=%s code=%u why=%s", ws->sock.public_id, code,
              LOG_FIELD(bytes_of_text(close_reason_text((enum close_reason)ws->sock.reason))));
    sock_leave_all(&ws->sock, ws->sock.route->on_leave);
    if (handlers->close != NULL)
        handlers->close(&ws->sock, code, reason, handlers->user);
    if (handlers->free_data != NULL)
        handlers->free_data(belfry_data(&ws->sock));
    sock_retire(&ws->sock);
}

void ws_fail(struct ws_session *ws, uint16_t code, const char *why, enum close_reason reason)
{
    if (ws->sock.state == SOCK_ENDED)
        return;
    if (ws->sock.state == SOCK_OPEN) {
        ws->sock.reason = (uint8_t)reason;
        write_close(ws, code, bytes_of_text(why));
    }
    end(ws, code, bytes_of_text(why));
    conn_finish(&ws->conn);
}

static void on_peer_close(struct ws_session *ws, const struct ws_event *event)
{
    if (ws->sock.state == SOCK_OPEN) {
        ws->sock.reason = CLOSED_peer;
        write_close(ws, event->code, bytes_of(NULL, 0)); /* RFC 6455 5.5.1: echo the code */
    }
    /* Both have said close, and the peer waits for us to end TCP (RFC 6455 7.1.1): it says nothing
     * any more, and nothing can be lost that lingering would save. */
    ws->conn.has_ended = true;
    end(ws, event->code, bytes_of(event->data, event->size));
    conn_finish(&ws->conn);
}

static void begin_close(struct ws_session *ws, uint16_t code, belfry_bytes why,
                        enum close_reason reason)
{
    if (ws->sock.state != SOCK_OPEN)
        return;
    ws->sock.state = SOCK_CLOSING;
    ws->sock.reason = (uint8_t)reason;
    write_close(ws, ws_close_is_valid(code) ? code : WS_CLOSE_INTERNAL, why);
    conn_set_timer(&ws->conn, ws->conn.worker->loop.now_ms + options_of(ws)->close_timeout_ms);
}

static void on_lost(struct conn *c)
{
    struct ws_session *ws = ws_of_conn(c);
    if (ws->sock.state == SOCK_OPEN)
        ws->sock.reason = CLOSED_lost;
    end(ws, WS_CLOSE_ABNORMAL, bytes_of(NULL, 0));
}

static void on_end(struct conn *c)
{
    struct ws_session *ws = ws_of_conn(c);
    if (ws->sock.state == SOCK_OPEN)
        ws->sock.reason = CLOSED_lost; /* an end without a close frame */
    end(ws, WS_CLOSE_ABNORMAL, bytes_of(NULL, 0));
    conn_finish(c);
}

static void free_compressor(struct ws_session *ws)
{
    if (ws->compressor == NULL)
        return;
    (void)ws_deflate_free(ws->compressor->deflate);
    mem_free(ws->compressor);
    ws->compressor = NULL;
}

static void free_session(struct conn *c)
{
    struct ws_session *ws = ws_of_conn(c);
    ws_decoder_deinit(&ws->decoder);
    free_compressor(ws);
    sock_deinit(&ws->sock);
    mem_free(ws);
}

/* --- input ------------------------------------------------------------------------------------*/

static enum close_reason reason_of_code(unsigned code)
{
    switch (code) {
    case WS_CLOSE_BAD_DATA:
        return CLOSED_bad_data;
    case WS_CLOSE_TOO_BIG:
        return CLOSED_too_big;
    case WS_CLOSE_INTERNAL:
        return CLOSED_memory;
    default:
        return CLOSED_protocol;
    }
}

static void on_message(struct ws_session *ws, const struct ws_event *event, belfry_type type)
{
    struct worker *worker = ws->conn.worker;
    counter_add(&worker->counters.messages_in, 1);
    if (ws->sock.state != SOCK_OPEN || handlers_of(ws)->message == NULL)
        return;
    /* An echo of it can be sent from where it lies. */
    worker->in_place = event->is_in_place ? event->data : NULL;
    worker->in_place_size = event->size;
    worker->in_place_type = type;
    handlers_of(ws)->message(&ws->sock, type, bytes_of(event->data, event->size),
                             handlers_of(ws)->user);
    worker->in_place = NULL;
}

static void on_ping(struct ws_session *ws, const struct ws_event *event)
{
    if (ws->sock.state != SOCK_OPEN)
        return;
    const uint8_t header[] = { WS_PONG | WS_FIN, (uint8_t)event->size }; /* RFC 6455 5.5: < 126 */
    conn_write(&ws->conn, header, sizeof header);
    conn_write(&ws->conn, event->data, event->size);
}

static void handle(struct ws_session *ws, const struct ws_event *event)
{
    switch (event->type) {
    case WS_EVENT_TEXT:
        on_message(ws, event, BELFRY_TEXT);
        break;
    case WS_EVENT_BINARY:
        on_message(ws, event, BELFRY_BINARY);
        break;
    case WS_EVENT_PING:
        on_ping(ws, event);
        break;
    case WS_EVENT_PONG:
        break; /* that it came is what counts */
    case WS_EVENT_CLOSE:
        on_peer_close(ws, event);
        break;
    case WS_EVENT_FAIL:
        ws_fail(ws, event->code, event->why, reason_of_code(event->code));
        break;
    }
}

static size_t on_input(struct conn *c, uint8_t *data, size_t size)
{
    struct ws_session *ws = ws_of_conn(c);
    const belfry_options *options = options_of(ws);
    struct ws_decoder_config config = {
        .max_message = ws->sock.route->ws.max_message_bytes,
        .max_fragments = options->max_fragments,
        .role = WS_SERVER,
        .pool = c->worker->pool,
    };
    ws->sock.is_pinged = false;
    if (BELFRY_UNLIKELY(c->is_held))
        return 0; /* the answer to what was said before is awaited */
    uint8_t *at = data;
    struct ws_event event;
    while (ws_decoder_next(&ws->decoder, &config, &at, data + size, &event)) {
        handle(ws, &event);
        if (c->state != CONN_OPEN)
            return size; /* nothing behind the end matters */
        if (BELFRY_UNLIKELY(conn_is_clogged(c)))
            return (size_t)(at - data);
    }
    return size;
}

/* Drops what waits and closes with 1013. */
static void close_slow(struct ws_session *ws)
{
    struct receiver r = receiver_of(ws);
    deliver_drop_all(&r);
    ws_fail(ws, WS_CLOSE_TRY_LATER, "too slow: max_queue_bytes were waiting", CLOSED_slow);
}

/* --- deadlines --------------------------------------------------------------------------------*/

static void send_ping(struct ws_session *ws, uint64_t now_ms)
{
    static const uint8_t ping[] = { WS_PING | WS_FIN, 0 };
    ws->sock.is_pinged = true;
    conn_write(&ws->conn, ping, sizeof ping);
    conn_set_timer(&ws->conn, now_ms + options_of(ws)->ping_timeout_ms);
}

static void trim(struct ws_session *ws, uint64_t now_ms)
{
    uint32_t limit = options_of(ws)->deflate_idle_ms;
    if (ws->compressor != NULL && limit != BELFRY_OFF &&
        (uint32_t)now_ms - ws->compressor->last_ms >= limit)
        free_compressor(ws);
}

static void on_timer(struct conn *c, uint64_t now_ms)
{
    struct ws_session *ws = ws_of_conn(c);
    const belfry_options *options = options_of(ws);
    if (ws->sock.is_too_slow) {
        close_slow(ws);
        return;
    }
    if (ws->sock.state == SOCK_CLOSING) {
        end(ws, WS_CLOSE_ABNORMAL, bytes_of(NULL, 0)); /* no answer: RFC 6455 7.1.1 lets us */
        conn_finish(c);
        return;
    }
    if (ws->sock.is_pinged) {
        ws->sock.reason = CLOSED_ping_timeout;
        end(ws, WS_CLOSE_ABNORMAL, bytes_of(NULL, 0));
        conn_abort(c);
        return;
    }
    trim(ws, now_ms);
    uint32_t silent_ms = (uint32_t)now_ms - c->last_input_ms;
    if (silent_ms >= options->ping_interval_ms)
        send_ping(ws, now_ms);
    else
        conn_set_timer(c, now_ms + (options->ping_interval_ms - silent_ms));
}

static void on_drained(struct conn *c)
{
    struct ws_session *ws = ws_of_conn(c);
    if (ws->sock.has_gap)
        announce_gaps(&ws->sock);
    if (ws->sock.state == SOCK_OPEN && handlers_of(ws)->drained != NULL)
        handlers_of(ws)->drained(&ws->sock, handlers_of(ws)->user);
}

/* --- output -----------------------------------------------------------------------------------*/

static belfry_err send_shared_deflated(struct ws_session *ws, unsigned first, belfry_bytes data)
{
    struct buf *out = &ws->conn.worker->deflated;
    unsigned bits = ws_deflate_window_bits(ws->decoder.params, WS_SERVER);
    buf_clear(out);
    if (ws_deflate_message(ws->conn.worker->pool, NULL, bits, data, out) != BELFRY_OK)
        return BELFRY_ERR_NOMEM;
    uint8_t header[10];
    size_t header_size = ws_header_write(header, first | WS_COMPRESSED, out->size);
    conn_write(&ws->conn, header, header_size);
    conn_write(&ws->conn, out->data, out->size);
    return BELFRY_OK;
}

static belfry_err send_dedicated(struct ws_session *ws, unsigned first, belfry_bytes data)
{
    struct frame *frame = encode_frame(first, data);
    if (frame == NULL)
        return BELFRY_ERR_NOMEM;
    conn_write_frame(&ws->conn, frame, OUT_COMPRESS);
    return BELFRY_OK;
}

/* The message just received, sent back from the receive buffer: our header fits before it, since
 * the peer's had a mask. */
static void send_in_place(struct ws_session *ws, unsigned first)
{
    struct worker *worker = ws->conn.worker;
    size_t header_size = ws_header_size(worker->in_place_size);
    uint8_t *start = worker->in_place - header_size;
    (void)ws_header_write(start, first, worker->in_place_size);
    conn_write_borrowed(&ws->conn, NULL, 0, start, header_size + worker->in_place_size);
    worker->in_place = NULL; /* the header before it is ours now, once */
}

static bool lies_in_place(const struct ws_session *ws, belfry_type type, belfry_bytes data)
{
    const struct worker *worker = ws->conn.worker;
    return worker->in_place != NULL && worker->in_place == data.data &&
           worker->in_place_size == data.size && worker->cork.conn == &ws->conn &&
           (type == BELFRY_BINARY || type == worker->in_place_type);
}

/* Frames and sends @data, which may lie where it was received. */
static belfry_err send_message(struct ws_session *ws, belfry_type type, belfry_bytes data,
                               bool is_in_place)
{
    struct conn *c = &ws->conn;
    const belfry_options *options = options_of(ws);
    unsigned first = (unsigned)type | WS_FIN;
    counter_add(&c->worker->counters.messages_out, 1);
    if (ws->decoder.params.is_on && data.size >= options->deflate_threshold_bytes)
        return is_dedicated(ws) ? send_dedicated(ws, first, data)
                                : send_shared_deflated(ws, first, data);
    if (is_in_place) {
        send_in_place(ws, first);
        return BELFRY_OK;
    }
    uint8_t header[10];
    size_t header_size = ws_header_write(header, first, data.size);
    conn_write(c, header, header_size);
    conn_write(c, data.data, data.size);
    return c->state == CONN_DEAD ? BELFRY_ERR_NOMEM : BELFRY_OK;
}

static belfry_err sock_send(belfry_sock *sock, belfry_type type, belfry_bytes data)
{
    struct ws_session *ws = ws_of_sock(sock);
    bool is_in_place = lies_in_place(ws, type, data);
    if (ws->sock.state != SOCK_OPEN)
        return server_outcome(BELFRY_ERR_GONE);
    if (conn_queued(&ws->conn) >= options_of(ws)->max_queue_bytes)
        return server_why(BELFRY_ERR_LIMIT, "the peer does not read: max_queue_bytes are waiting");
    if (!is_in_place && !server_can_send(type, data))
        return BELFRY_ERR_INVALID;
    return server_outcome(send_message(ws, type, data, is_in_place));
}

static belfry_err sock_reply(belfry_sock *sock, belfry_bytes text)
{
    struct ws_session *ws = ws_of_sock(sock);
    if (ws->sock.state != SOCK_OPEN)
        return BELFRY_ERR_GONE;
    return send_message(ws, BELFRY_TEXT, text, false);
}

/* A dedicated compressor at work, as late as possible: on what is written next. */
static struct frame *compress_frame(struct conn *c, struct frame *plain)
{
    struct ws_session *ws = ws_of_conn(c);
    struct buf out = { 0 };
    size_t size_form = plain->bytes[1] & 0x7f;
    size_t header_size = size_form < 126 ? 2 : size_form == 126 ? 4 : 10;
    belfry_bytes payload = bytes_of(plain->bytes + header_size, plain->size - header_size);
    struct frame *frame = NULL;
    if (ws->compressor == NULL)
        ws->compressor = mem_alloc_zeroed(sizeof *ws->compressor);
    if (ws->compressor == NULL)
        return NULL;
    ws->compressor->last_ms = (uint32_t)c->worker->loop.now_ms;
    if (ws_deflate_message(c->worker->pool, &ws->compressor->deflate,
                           ws_deflate_window_bits(ws->decoder.params, WS_SERVER), payload,
                           &out) == BELFRY_OK)
        frame = encode_frame(plain->bytes[0] | WS_COMPRESSED, buf_bytes(&out));
    buf_deinit(&out);
    return frame;
}

static void sock_close(belfry_sock *sock, uint16_t code, belfry_bytes reason)
{
    begin_close(ws_of_sock(sock), code, reason, CLOSED_server);
}

static void sock_stop(belfry_sock *sock)
{
    begin_close(ws_of_sock(sock), WS_CLOSE_GOING_AWAY, BELFRY_BYTES("server shutdown"),
                CLOSED_shutdown);
}

static void sock_abort(belfry_sock *sock)
{
    conn_abort(&ws_of_sock(sock)->conn);
}

static struct conn *sock_conn(belfry_sock *sock)
{
    return &ws_of_sock(sock)->conn;
}

static size_t sock_queued(const belfry_sock *sock)
{
    return conn_queued(&ws_of_sock(sock)->conn);
}

static void sock_address(const belfry_sock *sock, char *out)
{
    stream_address(&ws_of_sock(sock)->conn.stream, out);
}

static void *sock_data(belfry_sock *sock)
{
    return sock->route->data_size > 0 ? (char *)ws_of_sock(sock) + WS_DATA_OFFSET : NULL;
}

static const struct session_ops ws_session_ops = {
    .on_input = on_input,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_timer = on_timer,
    .compress = compress_frame,
    .on_lost = on_lost,
    .free = free_session,
};

static const struct sock_ops ws_sock_ops = {
    .member = { .deliver = deliver, .describe = sock_describe },
    .send = sock_send,
    .reply = sock_reply,
    .close = sock_close,
    .stop = sock_stop,
    .abort = sock_abort,
    .announce_gaps = announce_gaps,
    .queued = sock_queued,
    .conn = sock_conn,
    .address = sock_address,
    .data = sock_data,
};
