/*
 * eio_session.c - a session's life: made, driven by what its state says, ended once.
 *
 * Whatever happens ends in eio_session_finish: sockets hear their last callbacks while they are
 * still in their rooms, then the transport is told, then the memory goes after the turn.
 */
#include "server/eio_session.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/field.h"
#include "server/request.h"
#include "server/server.h"
#include "server/sio_client.h"
#include "ws/close.h"

/* --- finding ----------------------------------------------------------------------------------*/

static bool has_sid(const struct map_node *node, const void *context)
{
    const struct eio_session *s = BELFRY_CONTAINER_OF(node, struct eio_session, by_sid);
    return bytes_equal(eio_sid(s), *(const belfry_bytes *)context);
}

struct eio_session *eio_session_find(struct worker *worker, belfry_bytes sid)
{
    uint64_t hash = map_hash(&worker->server->hub.hash_key, sid);
    struct map_node *node = map_find(&worker->eio_by_sid, hash, has_sid, &sid);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct eio_session, by_sid) : NULL;
}

struct worker *eio_session_owner(struct belfry *server, belfry_bytes sid)
{
    int owner = worker_of_public_id(server, sid);
    return owner >= 0 ? &server->workers[owner] : NULL;
}

struct eio_timing eio_timing_of(const struct eio_session *s)
{
    const belfry_options *o = &s->endpoint->server->options;
    return (struct eio_timing){ .ping_interval_ms = o->ping_interval_ms,
                                .ping_timeout_ms = o->ping_timeout_ms,
                                .upgrade_timeout_ms = o->upgrade_timeout_ms };
}

enum eio_output eio_output_of(const struct eio_session *s)
{
    return outq_is_empty(&s->conn.out) ? EIO_OUTPUT_NONE : EIO_OUTPUT_WAITING;
}

static void list_session(struct worker *worker, struct eio_session *s)
{
    map_insert(&worker->eio_by_sid, &s->by_sid);
    s->next = worker->eio_sessions;
    s->link = &worker->eio_sessions;
    if (s->next != NULL)
        s->next->link = &s->next;
    worker->eio_sessions = s;
}

static void unlist_session(struct worker *worker, struct eio_session *s)
{
    map_remove(&worker->eio_by_sid, &s->by_sid);
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
}

/* --- making -----------------------------------------------------------------------------------*/

static size_t size_with_nul(belfry_bytes bytes)
{
    return bytes.size + 1;
}

static char *put_with_nul(char *at, belfry_bytes bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    at[bytes.size] = '\0';
    return at + bytes.size + 1;
}

/* A WebSocket can be asked where it comes from when somebody wants to know. */
static struct eio_request *keep_request(struct worker *worker, const struct eio_wish *wish)
{
    belfry_request *req = wish->request;
    const struct http_head *head = req->head;
    belfry_bytes address =
        bytes_of_text(wish->via == EIO_VIA_POLLING ? belfry_request_address(req) : NULL);
    size_t size = size_with_nul(head->target) + size_with_nul(address);
    for (size_t i = 0; i < head->field_count; i++)
        size += size_with_nul(head->fields[i].name) + size_with_nul(head->fields[i].value);
    struct eio_request *kept = mem_alloc(sizeof *kept + size);
    if (kept == NULL)
        return NULL;
    *kept = (struct eio_request){ .issued_ms = worker_wall_ms(worker), .size = (uint32_t)size };
    char *at = put_with_nul(put_with_nul(kept->text, head->target), address);
    for (size_t i = 0; i < head->field_count; i++) {
        at = put_with_nul(at, head->fields[i].name);
        at = put_with_nul(at, head->fields[i].value);
    }
    return kept;
}

static const char *kept_address(const struct eio_request *request)
{
    return request->text + strlen(request->text) + 1;
}

void eio_session_address(const struct eio_session *s, char *out)
{
    if (stream_is_open(&s->conn.stream))
        stream_address(&s->conn.stream, out);
    else
        snprintf(out, STREAM_ADDRESS_SIZE, "%s",
                 s->request != NULL ? kept_address(s->request) : "-");
}

void eio_session_forget_request(struct eio_session *s)
{
    struct eio_request *request = s->request;
    if (request == NULL)
        return;
    /* A WebSocket can be asked where it comes from; polls come by many connections. */
    const char *address = kept_address(request);
    size_t size = strlen(address) + 1;
    request->text[0] = '\0';
    memmove(request->text + 1, address, size);
    request->size = (uint32_t)(1 + size);
    struct eio_request *smaller = mem_realloc(request, sizeof *request + 1 + size);
    s->request = smaller != NULL ? smaller : request;
    if (eio_state_is_websocket(&s->state)) {
        mem_free(s->request);
        s->request = NULL;
    }
}

static bool is_full(const struct worker *worker)
{
    return worker->connection_count >= worker->max_connections;
}

struct eio_session *eio_session_new(struct worker *worker, const struct eio_wish *wish)
{
    /* A WebSocket is a connection already; a polling session is one more thing to keep. */
    if (wish->via == EIO_VIA_POLLING && is_full(worker))
        return NULL;
    struct eio_session *s = mem_alloc_zeroed(sizeof *s);
    if (s == NULL)
        return NULL;
    s->endpoint = wish->endpoint;
    s->wants_base64 = wish->query->wants_base64;
    s->conn.worker = worker;
    s->request = keep_request(worker, wish);
    if (s->request == NULL) {
        mem_free(s);
        return NULL;
    }
    s->user = wish->request->user; /* it is the session's now */
    wish->request->user = NULL;
    char sid[PUBLIC_ID_SIZE + 1];
    worker_make_public_id(worker, sid);
    memcpy(s->sid, sid, sizeof s->sid);
    s->by_sid.hash = map_hash(&worker->server->hub.hash_key, eio_sid(s));
    list_session(worker, s);
    struct eio_timing timing = eio_timing_of(s);
    uint64_t now_ms = worker->loop.now_ms;
    eio_state_init(&s->state, wish->query->revision, wish->via, &timing, now_ms);
    s->connect_deadline_ms = now_ms + worker->server->options.connect_timeout_ms;
    counter_add(&worker->counters.connections_eio, 1);
    return s;
}

void eio_session_put_open(const struct eio_session *s, struct buf *out)
{
    const belfry_options *o = &s->endpoint->server->options;
    eio_handshake_put(out,
                      &(struct eio_handshake){
                          .sid = eio_sid(s),
                          .may_upgrade = !o->no_upgrades &&
                                         eio_endpoint_has(s->endpoint, EIO_TRANSPORT_WEBSOCKET) &&
                                         !eio_state_is_websocket(&s->state),
                          .ping_interval_ms = o->ping_interval_ms,
                          .ping_timeout_ms = o->ping_timeout_ms,
                          .max_payload = o->max_payload_bytes,
                      });
}

static void begin(struct eio_session *s)
{
    eio_session_set_timer(s);
    if (s->state.revision == EIO_REVISION_3)
        sio_client_join_root(s);
}

void eio_session_open_polling(struct eio_session *s)
{
    conn_init_detached(&s->conn, s->conn.worker, &eio_polling_ops);
    s->conn.is_blocked = true; /* until a poll comes */
    begin(s);
}

void eio_session_discard(struct eio_session *s)
{
    struct worker *worker = s->conn.worker;
    unlist_session(worker, s);
    counter_add(&worker->counters.connections_eio, (uint64_t)-1);
    mem_free(s->request);
    mem_free(s->user);
    mem_free(s);
}

belfry_err eio_session_open_websocket(struct eio_session *s, struct conn *from,
                                      belfry_bytes response, struct ws_deflate_params deflate)
{
    struct worker *worker = from->worker;
    struct buf open = { 0 };
    eio_session_put_open(s, &open);
    if (buf_failed(&open)) {
        buf_deinit(&open);
        eio_session_discard(s);
        return BELFRY_ERR_NOMEM;
    }
    s->decoder.params = deflate;
    s->conn.last_input_ms = (uint32_t)worker->loop.now_ms;
    counter_add(&worker->counters.handshakes, 1);
    if (conn_move(from, &s->conn, &eio_websocket_ops) != BELFRY_OK) {
        buf_deinit(&open);
        conn_abort(&s->conn);
        return BELFRY_OK; /* it has become a session, and died as one */
    }
    conn_write(&s->conn, response.data, response.size);
    eio_send_frame(s, WS_TEXT, buf_bytes(&open));
    buf_deinit(&open);
    if (!s->has_ended)
        begin(s);
    return BELFRY_OK;
}

/* --- acting -----------------------------------------------------------------------------------*/

static void act(struct eio_session *s, enum eio_action action)
{
    switch (action) {
    case EIO_ACT_NOTHING:
    case EIO_ACT_DELIVER: /* the caller has the packet */
        break;
    case EIO_ACT_PING:
        eio_send_packet(s, "2");
        break;
    case EIO_ACT_PONG:
        eio_send_packet(s, "3");
        break;
    case EIO_ACT_PROBE_PONG:
        eio_probe_pong(s);
        break;
    case EIO_ACT_NOOP:
        eio_poll_noop(s);
        break;
    case EIO_ACT_DROP_PROBE:
        eio_probe_drop(s);
        break;
    case EIO_ACT_UPGRADE:
        eio_probe_upgrade(s);
        break;
    case EIO_ACT_UPGRADE_CLOSE:
        eio_probe_upgrade(s);
        eio_session_finish(s);
        break;
    case EIO_ACT_CLOSE:
        eio_session_finish(s);
        break;
    }
}

void eio_session_set_timer(struct eio_session *s)
{
    uint64_t due_ms = BELFRY_MIN(eio_state_deadline_ms(&s->state), s->connect_deadline_ms);
    /* One that fires too early looks again; moving it with every packet would cost more. */
    if (due_ms != UINT64_MAX && (!timer_is_set(&s->conn.timer) || due_ms < s->conn.timer.due_ms))
        conn_set_timer(&s->conn, due_ms);
}

static void tick(struct eio_session *s)
{
    struct eio_timing timing = eio_timing_of(s);
    enum eio_action action;
    while (!s->has_ended &&
           (action = eio_state_tick(&s->state, &timing, s->conn.worker->loop.now_ms)) !=
               EIO_ACT_NOTHING)
        act(s, action);
}

bool eio_session_packet(struct eio_session *s, enum eio_via via, const struct eio_packet *packet)
{
    struct eio_timing timing = eio_timing_of(s);
    uint64_t now_ms = s->conn.worker->loop.now_ms;
    enum eio_action action = eio_state_packet(&s->state, via, packet, &timing, now_ms);
    if (BELFRY_LIKELY(action == EIO_ACT_DELIVER))
        sio_client_message(s, packet->is_binary, packet->data);
    else
        act(s, action);
    if (BELFRY_UNLIKELY(s->has_ended))
        return false;
    if (BELFRY_LIKELY(action == EIO_ACT_DELIVER && s->state.beat == EIO_BEAT_QUIET))
        return eio_state_is_open(&s->state); /* no deadline has moved */
    if (action == EIO_ACT_PROBE_PONG)
        tick(s); /* the first noop goes at once */
    if (!s->has_ended)
        eio_session_set_timer(s);
    return !s->has_ended && eio_state_is_open(&s->state);
}

static bool is_too_slow(const struct eio_session *s)
{
    for (const struct sio_sock *sock = s->socks; sock != NULL; sock = sock->next) {
        if (sock->sock.is_too_slow)
            return true;
    }
    return false;
}

static void drop_what_waits(struct eio_session *s)
{
    counter_add(&s->conn.worker->counters.dropped_slow, outq_drop_oldest(&s->conn.out, SIZE_MAX));
}

void eio_session_end_slow(struct eio_session *s)
{
    drop_what_waits(s);
    s->close_code = WS_CLOSE_TRY_LATER;
    s->is_slow = true;
    counter_add(&s->conn.worker->counters.closed[CLOSED_slow], 1);
    eio_session_end(s, EIO_CAUSE_WEBSOCKET_ERROR);
}

void eio_session_on_timer(struct conn *c, uint64_t now_ms)
{
    struct eio_session *s = eio_of_conn(c);
    if (s->has_ended)
        return;
    if (s->is_broken) {
        eio_session_end(s, EIO_CAUSE_NO_MEMORY);
        return;
    }
    if (is_too_slow(s)) {
        eio_session_end_slow(s);
        return;
    }
    eio_polling_resume(s);
    tick(s); /* first: who is dead by now is not waited for */
    if (!s->has_ended && now_ms >= s->connect_deadline_ms) {
        s->connect_deadline_ms = UINT64_MAX;
        eio_session_close(s);
    }
    if (!s->has_ended)
        eio_session_set_timer(s);
}

/* --- ending -----------------------------------------------------------------------------------*/

static void drop_requests(struct eio_session *s)
{
    if (s->poll != NULL)
        eio_poll_farewell(s);
    if (s->post != NULL) {
        exchange_abort(s->post);
        s->post = NULL;
    }
    eio_polling_drop_held(s);
}

static enum session_end end_of(const struct eio_session *s, enum eio_cause cause)
{
    if (s->is_shutdown)
        return SESSION_END_SHUTDOWN;
    if (s->is_slow)
        return SESSION_END_SLOW;
    return (enum session_end)eio_cause_reason(cause);
}

/* What an operator wants to know beside the reason. */
static const char *why_of(const struct eio_session *s, enum eio_cause cause)
{
    if (s->is_slow)
        return "slow member: max_queue_bytes were waiting";
    if (s->close_code == WS_CLOSE_TOO_BIG)
        return "message too big";
    if (s->close_code == WS_CLOSE_BAD_DATA)
        return "invalid data";
    return eio_cause_description(cause);
}

void eio_session_finish(struct eio_session *s)
{
    if (s->has_ended)
        return;
    s->has_ended = true;
    struct worker *worker = s->conn.worker;
    enum eio_cause cause = eio_state_cause(&s->state);
    const char *reason = s->reason != NULL ? s->reason : eio_reason_text(eio_cause_reason(cause));
    char address[STREAM_ADDRESS_SIZE];
    counter_add(&worker->counters.sessions_ended[end_of(s, cause)], 1);
    eio_session_address(s, address);
    log_event(BELFRY_LOG_DEBUG, "session-ended", "address=%s transport=%s reason=%s why=%s",
              LOG_FIELD(bytes_of_text(address)),
              eio_state_is_websocket(&s->state) ? "websocket" : "polling",
              LOG_FIELD(bytes_of_text(reason)), LOG_FIELD(bytes_of_text(why_of(s, cause))));
    sio_client_end(s, reason, eio_cause_description(cause));
    unlist_session(worker, s);
    counter_add(&worker->counters.connections_eio, (uint64_t)-1);
    drop_requests(s);
    if (s->probe != NULL)
        eio_probe_drop(s);
    if (eio_state_is_websocket(&s->state))
        eio_websocket_finish(s);
    else
        conn_abort(&s->conn);
}

void eio_session_end(struct eio_session *s, enum eio_cause cause)
{
    if (eio_state_end(&s->state, cause) == EIO_ACT_CLOSE)
        eio_session_finish(s);
}

void eio_session_end_for(struct eio_session *s, enum eio_cause cause, const char *reason)
{
    if (!s->has_ended)
        s->reason = reason;
    eio_session_end(s, cause);
}

void eio_session_close(struct eio_session *s)
{
    if (eio_state_close(&s->state, eio_output_of(s), s->conn.worker->loop.now_ms) == EIO_ACT_CLOSE)
        eio_session_finish(s);
    else if (!s->has_ended)
        eio_session_set_timer(s);
}

void eio_session_stop(struct eio_session *s)
{
    s->is_shutdown = true;
    if (!eio_state_is_websocket(&s->state))
        counter_add(&s->conn.worker->counters.dropped_closed,
                    outq_drop_oldest(&s->conn.out, SIZE_MAX));
    eio_session_end_for(s, EIO_CAUSE_FORCED, "server shutting down");
}

void eio_session_abort(struct eio_session *s)
{
    eio_session_stop(s);
    conn_abort(&s->conn);
}

/* Of either transport: the connection is dead, or the queue of a polling session is. */
void eio_session_on_lost(struct conn *c)
{
    eio_session_end(eio_of_conn(c), EIO_CAUSE_WEBSOCKET_CLOSED);
}

void eio_session_free(struct conn *c)
{
    struct eio_session *s = eio_of_conn(c);
    BELFRY_ASSERT(s->has_ended && s->poll == NULL && s->post == NULL && s->probe == NULL);
    BELFRY_ASSERT(s->held == NULL);
    BELFRY_ASSERT(s->socks == NULL && !s->is_first_used);
    ws_decoder_deinit(&s->decoder);
    sio_decoder_deinit(&s->packets);
    mem_free(s->request);
    mem_free(s->user);
    mem_free(s);
}
