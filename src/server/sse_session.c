/*
 * sse_session.c - the life of one event stream, from its head to the last callback.
 *
 *   head, retry, [gap], what was missed, joined (with the position), live ...
 *
 * Only `joined` says where the reader is, behind everything that it missed: whoever is cut off in
 * the middle of that goes on from where it was. A comment shows now and then that we are there; a
 * reader that takes nothing between two of them is gone.
 */
#include "server/sse_session.h"

#include "base/alloc.h"
#include "base/log.h"
#include "rooms/reply.h"
#include "server/deliver.h"
#include "server/encode.h"
#include "server/node.h"
#include "server/presence.h"
#include "server/server.h"
#include "sse/event.h"
#include "sse/gzip.h"
#include "ws/close.h"

#define DATA_OFFSET ((sizeof(struct sse_session) + 15) & ~(size_t)15)

static const struct session_ops sse_session_ops;
static const struct sock_ops sse_sock_ops;

static struct sse_session *of_conn(struct conn *c)
{
    return BELFRY_CONTAINER_OF(c, struct sse_session, conn);
}

static struct sse_session *of_sock(const belfry_sock *sock)
{
    return BELFRY_CONTAINER_OF(sock, struct sse_session, sock);
}

static const belfry_options *options_of(const struct sse_session *sse)
{
    return &sse->sock.route->server->options;
}

static const belfry_sse_handlers *handlers_of(const struct sse_session *sse)
{
    return &sse->sock.route->sse;
}

/* --- writing ----------------------------------------------------------------------------------*/

/* Whole events for this reader alone. Sticky: a failed @text ends the connection. */
static void write_events(struct sse_session *sse, const struct buf *text)
{
    struct buf piece = { 0 };
    const struct buf *out = text;
    if (sse->is_gzip) {
        sse_gzip_stored(&piece, buf_bytes(text));
        out = &piece;
    }
    if (buf_failed(text) || buf_failed(out))
        conn_abort(&sse->conn);
    else
        conn_write(&sse->conn, out->data, out->size);
    buf_deinit(&piece);
}

static void write_json(struct sse_session *sse, belfry_bytes id, const char *name,
                       const struct buf *json)
{
    struct buf text = { 0 };
    sse_put_event(&text, &(struct sse_event){
                             .id = id, .name = bytes_of_text(name), .data = buf_bytes(json) });
    if (buf_failed(json))
        text.has_failed = 1;
    write_events(sse, &text);
    buf_deinit(&text);
}

static void write_gap(struct sse_session *sse, belfry_bytes room, const char *reason)
{
    struct buf json = { 0 };
    rooms_put_gap(&json, room, bytes_of_text(reason));
    write_json(sse, bytes_of(NULL, 0), "gap", &json);
    buf_deinit(&json);
}

static void write_one_gap(belfry_sock *sock, belfry_bytes room, const char *reason)
{
    write_gap(of_sock(sock), room, reason);
}

static void announce_gaps(belfry_sock *sock)
{
    if (sock->state == SOCK_OPEN)
        sock_each_gap(sock, write_one_gap);
}

static unsigned form_of(const struct sse_session *sse)
{
    return sse->is_gzip ? FORM_SSE_DEFLATED(options_of(sse)->deflate_window_bits) : FORM_SSE;
}

static struct receiver receiver_of(struct sse_session *sse)
{
    return (struct receiver){ .sock = &sse->sock, .conn = &sse->conn, .form = form_of(sse) };
}

static void deliver(struct member *member, struct hub_batch *batch, struct membership *membership)
{
    struct receiver r = receiver_of(of_sock(sock_of_member(member)));
    deliver_batch(&r, batch, membership);
}

/* --- opening ----------------------------------------------------------------------------------*/

static const char *gap_reason(const struct sse_accept *accept)
{
    return accept->is_since_unknown
               ? "unknown position: not one of this server since its start"
               : "too long ago: the history begins later, or was not heard here";
}

static void write_missed(struct sse_session *sse, const struct hub_joined *joined)
{
    struct worker *worker = sse->conn.worker;
    for (uint32_t i = 0; i < joined->history.count && sse->conn.state == CONN_OPEN; i++) {
        struct frame *frame =
            message_form(joined->history.items[i], form_of(sse), encode_message, worker);
        if (frame == NULL) {
            conn_abort(&sse->conn);
            return;
        }
        conn_write_frame(&sse->conn, frame_ref(frame), 0);
        counter_add(&worker->counters.messages_out, 1);
    }
}

static void write_joined(struct sse_session *sse, const struct sse_accept *accept,
                         const struct hub_joined *joined, bool has_gap)
{
    char last[MESSAGE_ID_MAX_TEXT];
    belfry_bytes position =
        bytes_of(last, message_id_format(last, joined->last,
                                         bytes_of_text(sse->sock.route->server->hub.epoch)));
    struct buf json = { 0 };
    rooms_put_reading(&json, &(struct rooms_reading){
                                 .rooms = accept->rooms,
                                 .room_count = accept->room_count,
                                 .gap = bytes_of_text(has_gap ? gap_reason(accept) : ""),
                                 .last = position,
                             });
    write_json(sse, position, "joined", &json);
    buf_deinit(&json);
}

/* Called at the exact place between what was missed and what comes live. */
static void on_live(struct member *member, const struct hub_joined *joined, void *user)
{
    struct sse_session *sse = of_sock(sock_of_member(member));
    const struct sse_accept *accept = user;
    bool has_gap = accept->is_since_unknown || joined->has_gap;
    if (has_gap)
        write_gap(sse, bytes_of(NULL, 0), gap_reason(accept));
    write_missed(sse, joined);
    write_joined(sse, accept, joined, has_gap);
}

static struct hub_enter entry_of(const struct sse_session *sse, const struct sse_accept *accept)
{
    return (struct hub_enter){
        .rooms = accept->rooms,
        .room_count = accept->room_count,
        .has_since = accept->has_since && !accept->is_since_unknown,
        .since = accept->since,
        .history = accept->history,
        .wall_ms = worker_wall_ms(sse->conn.worker),
        .own_id = bytes_of(sse->sock.public_id, PUBLIC_ID_SIZE),
        .on_live = on_live,
        .user = (void *)(uintptr_t)accept,
    };
}

static belfry_err enter(struct sse_session *sse, const struct sse_accept *accept,
                        const struct hub_older *older)
{
    struct hub_joined joined;
    struct hub_enter how = entry_of(sse, accept);
    how.has_since = accept->has_since;
    how.older = older;
    belfry_err err =
        hub_enter(sse->conn.worker->shard, sse->sock.nsp->hub, &sse->sock.member, &how, &joined);
    if (err != BELFRY_OK)
        return err;
    hub_joined_deinit(&joined);
    for (unsigned i = 0; i < sse->sock.member.membership_count && sse->sock.route->speaks_rooms;
         i++) {
        belfry_bytes room = membership_room_name(&sse->sock.member.memberships[i]);
        presence_announce(&sse->sock, room, PRESENCE_JOINED,
                          hub_member_count(sse->sock.nsp->hub, room));
    }
    node_await_rooms(&sse->sock);
    return BELFRY_OK;
}

static void fail(struct sse_session *sse, const char *why, enum close_reason reason);

static void open_stream(struct sse_session *sse, const struct sse_accept *accept,
                        const struct hub_older *older)
{
    const belfry_sse_handlers *handlers = handlers_of(sse);
    if (sse->conn.state != CONN_OPEN || sse->sock.state != SOCK_OPEN)
        return;
    if (enter(sse, accept, older) != BELFRY_OK)
        fail(sse, "no memory, or too many rooms", CLOSED_memory);
    if (sse->conn.state != CONN_OPEN)
        return;
    sse->is_open = true;
    if (handlers->open != NULL)
        handlers->open(&sse->sock, handlers->user);
}

/* --- what is elsewhere comes first ------------------------------------------------------------*/

struct sse_wait {
    struct sse_accept accept;
    belfry_bytes rooms[]; /* their texts lie behind */
};

static struct sse_wait *new_wait(const struct sse_accept *accept)
{
    size_t size = accept->room_count * sizeof(belfry_bytes);
    for (uint32_t i = 0; i < accept->room_count; i++)
        size += accept->rooms[i].size;
    struct sse_wait *wait = mem_alloc(sizeof *wait + size);
    if (wait == NULL)
        return NULL;
    char *at = (char *)&wait->rooms[accept->room_count];
    for (uint32_t i = 0; i < accept->room_count; i++) {
        memcpy(at, accept->rooms[i].data, accept->rooms[i].size);
        wait->rooms[i] = bytes_of(at, accept->rooms[i].size);
        at += accept->rooms[i].size;
    }
    wait->accept = *accept;
    wait->accept.rooms = wait->rooms;
    return wait;
}

static void go_on_opening(belfry_sock *sock, const struct hub_older *older, void *arg)
{
    struct sse_wait *wait = arg;
    if (sock != NULL)
        open_stream(of_sock(sock), &wait->accept, older);
    mem_free(wait);
}

/* False: it need not wait, or cannot. */
static bool open_later(struct sse_session *sse, const struct sse_accept *accept)
{
    struct hub_enter how = entry_of(sse, accept);
    struct node_recall_wish wish = { .rooms = accept->rooms,
                                     .room_count = accept->room_count,
                                     .hears_everyone = how.has_since,
                                     .has_since = how.has_since,
                                     .since = how.since,
                                     .latest = how.history };
    if (sse->conn.worker->server->node == NULL || accept->is_since_unknown)
        return false;
    wish.lack = hub_enter_lacks(sse->sock.nsp->hub, &how);
    struct sse_wait *wait = wish.lack != HUB_LACKS_NOTHING ? new_wait(accept) : NULL;
    if (wait != NULL && node_recall(&sse->sock, &wish, go_on_opening, wait))
        return true;
    mem_free(wait);
    return false;
}

static void write_head(struct sse_session *sse, belfry_bytes head)
{
    struct buf text = { 0 };
    conn_write(&sse->conn, head.data, head.size);
    if (sse->is_gzip) {
        sse_gzip_begin(&text);
        conn_write(&sse->conn, text.data, text.size);
        buf_clear(&text);
    }
    sse_put_retry(&text, options_of(sse)->sse_retry_ms);
    write_events(sse, &text);
    buf_deinit(&text);
}

static void set_timer(struct sse_session *sse, uint64_t now_ms)
{
    uint32_t interval = options_of(sse)->ping_interval_ms;
    if (interval != BELFRY_OFF)
        conn_set_timer(&sse->conn, now_ms + interval);
}

belfry_err sse_session_start(struct conn *from, const struct sse_accept *accept)
{
    struct worker *worker = from->worker;
    size_t data_size = accept->route->data_size;
    struct sse_session *sse =
        mem_alloc_zeroed(data_size > 0 ? DATA_OFFSET + data_size : sizeof *sse);
    if (sse == NULL)
        return BELFRY_ERR_NOMEM;
    belfry_err err =
        sock_open(&sse->sock, worker, accept->route, worker->server->root, &sse_sock_ops);
    if (err != BELFRY_OK) {
        mem_free(sse);
        return err;
    }
    sse->sock.user = accept->user;
    sse->is_gzip = accept->is_gzip;
    counter_add(&worker->counters.connections_sse, 1);
    if (conn_move(from, &sse->conn, &sse_session_ops) != BELFRY_OK) {
        conn_abort(&sse->conn);
        return BELFRY_OK; /* it has become a stream, and died as one */
    }
    write_head(sse, accept->head);
    set_timer(sse, worker->loop.now_ms);
    if (sse->conn.state == CONN_OPEN && !open_later(sse, accept))
        open_stream(sse, accept, NULL);
    return BELFRY_OK;
}

/* --- ending -----------------------------------------------------------------------------------*/

/* The last callback. The connection may live on to send what is queued. Who was closing it has its
 * own reason, whatever came in between. */
static void end(struct sse_session *sse, enum close_reason reason, uint16_t code, const char *why)
{
    if (sse->sock.state == SOCK_ENDED)
        return;
    if (sse->sock.state == SOCK_CLOSING) {
        reason = (enum close_reason)sse->sock.reason;
        code = sse->close_code;
        why = "";
    }
    sse->sock.state = SOCK_ENDED;
    sse->sock.reason = (uint8_t)reason;
    struct worker *worker = sse->conn.worker;
    const belfry_sse_handlers *handlers = handlers_of(sse);
    counter_add(&worker->counters.closed[reason], 1);
    counter_add(&worker->counters.connections_sse, (uint64_t)-1);
    log_event(BELFRY_LOG_DEBUG, "stream-closed", "sock=%s why=%s", sse->sock.public_id,
              LOG_FIELD(bytes_of_text(close_reason_text(reason))));
    sock_leave_all(&sse->sock, sse->sock.route->on_leave);
    if (sse->is_open && handlers->close != NULL)
        handlers->close(&sse->sock, code, bytes_of_text(why), handlers->user);
    if (sse->is_open && handlers->free_data != NULL)
        handlers->free_data(belfry_data(&sse->sock));
    sock_retire(&sse->sock);
}

static void fail(struct sse_session *sse, const char *why, enum close_reason reason)
{
    end(sse, reason, WS_CLOSE_INTERNAL, why);
    conn_finish(&sse->conn);
}

static void on_lost(struct conn *c)
{
    end(of_conn(c), CLOSED_lost, WS_CLOSE_ABNORMAL, "");
}

/* Whoever will say nothing more does not read either: browsers, curl and proxies end so. */
static void on_end(struct conn *c)
{
    end(of_conn(c), CLOSED_peer, WS_CLOSE_ABNORMAL, "");
    conn_abort(c);
}

static void free_session(struct conn *c)
{
    sock_deinit(&of_conn(c)->sock);
    mem_free(of_conn(c));
}

/* --- events -----------------------------------------------------------------------------------*/

static size_t on_input(struct conn *c, uint8_t *data, size_t size)
{
    (void)c;
    (void)data;
    return size; /* a reader has nothing to say */
}

static void on_drained(struct conn *c)
{
    struct sse_session *sse = of_conn(c);
    sse->was_blocked = false;
    if (sse->sock.has_gap)
        announce_gaps(&sse->sock);
}

static void close_slow(struct sse_session *sse)
{
    struct receiver r = receiver_of(sse);
    deliver_drop_all(&r);
    end(sse, CLOSED_slow, WS_CLOSE_TRY_LATER, "too slow: max_queue_bytes were waiting");
    conn_abort(&sse->conn); /* what is half written cannot be made whole */
}

static void on_timer(struct conn *c, uint64_t now_ms)
{
    struct sse_session *sse = of_conn(c);
    struct buf text = { 0 };
    if (sse->sock.is_too_slow) {
        close_slow(sse);
        return;
    }
    if (sse->sock.state == SOCK_CLOSING) {
        end(sse, CLOSED_server, WS_CLOSE_NORMAL, "");
        conn_finish(c);
        return;
    }
    if (c->is_blocked && sse->was_blocked) {
        end(sse, CLOSED_ping_timeout, WS_CLOSE_ABNORMAL, "");
        conn_abort(c);
        return;
    }
    sse->was_blocked = c->is_blocked;
    set_timer(sse, now_ms);
    if (c->is_blocked)
        return;
    sse_put_comment(&text);
    write_events(sse, &text);
    buf_deinit(&text);
}

/* --- the socket -------------------------------------------------------------------------------*/

static belfry_err sock_send(belfry_sock *sock, belfry_type type, belfry_bytes data)
{
    struct sse_session *sse = of_sock(sock);
    struct buf text = { 0 };
    if (sock->state != SOCK_OPEN)
        return server_outcome(BELFRY_ERR_GONE);
    if (conn_queued(&sse->conn) >= options_of(sse)->max_queue_bytes)
        return server_why(BELFRY_ERR_LIMIT, "the peer does not read: max_queue_bytes are waiting");
    if (type != BELFRY_TEXT)
        return server_why(BELFRY_ERR_INVALID, "an event stream is text");
    if (!server_can_send(type, data))
        return BELFRY_ERR_INVALID;
    sse_put_event(&text, &(struct sse_event){ .data = data });
    write_events(sse, &text);
    buf_deinit(&text);
    counter_add(&sse->conn.worker->counters.messages_out, 1);
    return server_outcome(sse->conn.state == CONN_DEAD ? BELFRY_ERR_NOMEM : BELFRY_OK);
}

static belfry_err sock_reply(belfry_sock *sock, belfry_bytes text)
{
    return sock_send(sock, BELFRY_TEXT, text);
}

/* It ends as its timer rings: who calls this may still look at it. */
static void begin_close(belfry_sock *sock, enum close_reason reason, uint16_t code)
{
    struct sse_session *sse = of_sock(sock);
    if (sock->state != SOCK_OPEN)
        return;
    sock->state = SOCK_CLOSING;
    sock->reason = (uint8_t)reason;
    sse->close_code = code;
    conn_set_timer(&sse->conn, sse->conn.worker->loop.now_ms);
}

static void sock_close(belfry_sock *sock, uint16_t code, belfry_bytes reason)
{
    (void)reason; /* a stream has no words for it */
    begin_close(sock, CLOSED_server, code);
}

static void sock_stop(belfry_sock *sock)
{
    begin_close(sock, CLOSED_shutdown, WS_CLOSE_GOING_AWAY);
}

static void sock_abort(belfry_sock *sock)
{
    conn_abort(&of_sock(sock)->conn);
}

static struct conn *sock_conn(belfry_sock *sock)
{
    return &of_sock(sock)->conn;
}

static size_t sock_queued(const belfry_sock *sock)
{
    return conn_queued(&of_sock(sock)->conn);
}

static void sock_address(const belfry_sock *sock, char *out)
{
    stream_address(&of_sock(sock)->conn.stream, out);
}

static void *sock_data(belfry_sock *sock)
{
    return sock->route->data_size > 0 ? (char *)of_sock(sock) + DATA_OFFSET : NULL;
}

static const struct session_ops sse_session_ops = {
    .on_input = on_input,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_timer = on_timer,
    .on_lost = on_lost,
    .free = free_session,
};

static const struct sock_ops sse_sock_ops = {
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
