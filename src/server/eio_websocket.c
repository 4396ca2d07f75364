/*
 * eio_websocket.c - a session over a WebSocket, and the probe that wants to become one
 * (engineio.md 6 and 10).
 *
 *   upgrade request --> eio_probe --2probe, 5--> its stream moves into the session's conn
 *                           `--anything else, timeout--> closed; the session goes on polling
 */
#include "base/alloc.h"
#include "server/eio_session.h"
#include "server/server.h"
#include "ws/close.h"
#include "ws/encoder.h"

struct eio_probe {
    struct conn conn;
    struct ws_decoder decoder;
    struct eio_session *session; /* NULL: it is not wanted any more */
};

static struct ws_decoder_config config_of(const struct conn *c)
{
    const belfry_options *options = &c->worker->server->options;
    return (struct ws_decoder_config){ .max_message = options->max_payload_bytes,
                                       .max_fragments = options->max_fragments,
                                       .role = WS_SERVER,
                                       .pool = c->worker->pool };
}

static void write_close(struct conn *c, unsigned code, belfry_bytes reason)
{
    uint8_t frame[2 + WS_CONTROL_PAYLOAD_MAX];
    size_t size = ws_close_write(frame + 2, code, reason);
    frame[0] = WS_CLOSE | WS_FIN;
    frame[1] = (uint8_t)size;
    conn_write(c, frame, size + 2);
}

static void write_pong(struct conn *c, const struct ws_event *event)
{
    const uint8_t header[] = { WS_PONG | WS_FIN, (uint8_t)event->size };
    conn_write(c, header, sizeof header);
    conn_write(c, event->data, event->size);
}

/* --- the session's own ------------------------------------------------------------------------*/

void eio_websocket_finish(struct eio_session *s)
{
    unsigned code = s->close_code != 0 ? s->close_code
                    : s->is_shutdown   ? WS_CLOSE_GOING_AWAY
                                       : WS_CLOSE_NO_STATUS;
    write_close(&s->conn, code, bytes_of(NULL, 0));
    conn_finish(&s->conn);
}

static void on_message(struct eio_session *s, bool is_binary, const struct ws_event *event)
{
    struct eio_packet packet;
    counter_add(&s->conn.worker->counters.messages_in, 1);
    switch (eio_packet_read((enum eio_revision)s->state.revision, is_binary,
                            bytes_of(event->data, event->size), &s->conn.worker->base64, &packet)) {
    case EIO_OK:
        (void)eio_session_packet(s, EIO_VIA_WEBSOCKET, &packet);
        break;
    case EIO_MALFORMED:
        eio_session_end(s, EIO_CAUSE_PARSE_ERROR);
        break;
    case EIO_NO_MEMORY:
        eio_session_end(s, EIO_CAUSE_NO_MEMORY);
        break;
    }
}

static void handle(struct eio_session *s, const struct ws_event *event)
{
    switch (event->type) {
    case WS_EVENT_TEXT:
    case WS_EVENT_BINARY:
        on_message(s, event->type == WS_EVENT_BINARY, event);
        break;
    case WS_EVENT_PING:
        write_pong(&s->conn, event);
        break;
    case WS_EVENT_PONG:
        break;
    case WS_EVENT_CLOSE:
        s->close_code = event->code; /* RFC 6455 5.5.1: echo it */
        s->conn.has_ended = true;    /* 7.1.1: then we end TCP; it says nothing any more */
        eio_session_end(s, EIO_CAUSE_WEBSOCKET_CLOSED);
        break;
    case WS_EVENT_FAIL:
        s->close_code = event->code;
        eio_session_end(s, EIO_CAUSE_WEBSOCKET_ERROR);
        break;
    }
}

static size_t on_input(struct conn *c, uint8_t *data, size_t size)
{
    struct eio_session *s = eio_of_conn(c);
    struct ws_decoder_config config = config_of(c);
    uint8_t *at = data;
    struct ws_event event;
    while (ws_decoder_next(&s->decoder, &config, &at, data + size, &event)) {
        handle(s, &event);
        if (c->state != CONN_OPEN)
            return size;
        if (BELFRY_UNLIKELY(conn_is_clogged(c)))
            return (size_t)(at - data);
    }
    return size;
}

static void on_end(struct conn *c)
{
    eio_session_end(eio_of_conn(c), EIO_CAUSE_WEBSOCKET_CLOSED);
}

const struct session_ops eio_websocket_ops = {
    .on_input = on_input,
    .on_end = on_end,
    .on_timer = eio_session_on_timer,
    .on_lost = eio_session_on_lost,
    .free = eio_session_free,
};

/* --- the probe --------------------------------------------------------------------------------*/

static struct eio_probe *probe_of(struct conn *c)
{
    return BELFRY_CONTAINER_OF(c, struct eio_probe, conn);
}

static void finish_probe(struct eio_probe *p)
{
    write_close(&p->conn, WS_CLOSE_NO_STATUS, bytes_of(NULL, 0));
    conn_finish(&p->conn);
}

void eio_probe_drop(struct eio_session *s)
{
    struct eio_probe *p = s->probe;
    if (p == NULL)
        return;
    s->probe = NULL;
    p->session = NULL;
    finish_probe(p);
}

static void lose_probe(struct eio_probe *p)
{
    struct eio_session *s = p->session;
    if (s == NULL)
        return;
    p->session = NULL;
    s->probe = NULL;
    eio_state_probe_lost(&s->state);
}

void eio_probe_pong(struct eio_session *s)
{
    static const uint8_t frame[] = { WS_TEXT | WS_FIN, 6, '3', 'p', 'r', 'o', 'b', 'e' };
    if (s->probe != NULL)
        conn_write(&s->probe->conn, frame, sizeof frame);
}

void eio_probe_upgrade(struct eio_session *s)
{
    struct eio_probe *p = s->probe;
    BELFRY_ASSERT(p != NULL);
    s->probe = NULL;
    p->session = NULL;
    eio_poll_close(s);
    struct outq waiting = s->conn.out;
    s->conn.out = (struct outq){ 0 };
    s->decoder = p->decoder;
    p->decoder = (struct ws_decoder){ 0 };
    s->conn.is_blocked = false;
    counter_add(&s->conn.worker->counters.eio_upgrades, 1);
    belfry_err err = conn_plug(&p->conn, &s->conn, &eio_websocket_ops);
    struct out_item *item;
    for (unsigned i = 0; (item = outq_at(&waiting, i)) != NULL; i++)
        conn_write_frame(&s->conn, frame_ref(item->frame), item->tag & ~OUT_COPIES);
    outq_deinit(&waiting);
    if (s->held != NULL)
        conn_set_timer(&s->conn, s->conn.worker->loop.now_ms);
    if (err != BELFRY_OK)
        conn_abort(&s->conn);
}

static void on_probe_message(struct eio_probe *p, bool is_binary, const struct ws_event *event)
{
    struct eio_session *s = p->session;
    struct eio_packet packet;
    if (s == NULL)
        return;
    if (eio_packet_read((enum eio_revision)s->state.revision, is_binary,
                        bytes_of(event->data, event->size), &s->conn.worker->base64,
                        &packet) == EIO_OK) {
        (void)eio_session_packet(s, EIO_VIA_PROBE, &packet);
        return;
    }
    lose_probe(p);
    finish_probe(p);
}

static void handle_probe(struct eio_probe *p, const struct ws_event *event)
{
    switch (event->type) {
    case WS_EVENT_TEXT:
    case WS_EVENT_BINARY:
        on_probe_message(p, event->type == WS_EVENT_BINARY, event);
        break;
    case WS_EVENT_PING:
        write_pong(&p->conn, event);
        break;
    case WS_EVENT_PONG:
        break;
    case WS_EVENT_CLOSE:
    case WS_EVENT_FAIL:
        lose_probe(p);
        write_close(&p->conn, event->code, bytes_of(NULL, 0));
        conn_finish(&p->conn);
        break;
    }
}

static size_t on_probe_input(struct conn *c, uint8_t *data, size_t size)
{
    struct eio_probe *p = probe_of(c);
    struct ws_decoder_config config = config_of(c);
    uint8_t *at = data;
    struct ws_event event;
    while (ws_decoder_next(&p->decoder, &config, &at, data + size, &event)) {
        handle_probe(p, &event);
        if (c->worker->moved_to != NULL)
            return (size_t)(at - data); /* the rest belongs to the session */
        if (c->state != CONN_OPEN)
            return size;
    }
    return size;
}

static void on_probe_end(struct conn *c)
{
    lose_probe(probe_of(c));
    conn_finish(c);
}

static void on_probe_timer(struct conn *c, uint64_t now_ms)
{
    (void)c; /* the session's state has the deadline */
    (void)now_ms;
}

static void on_probe_lost(struct conn *c)
{
    lose_probe(probe_of(c));
}

static void free_probe(struct conn *c)
{
    struct eio_probe *p = probe_of(c);
    ws_decoder_deinit(&p->decoder);
    mem_free(p);
}

static const struct session_ops probe_ops = {
    .on_input = on_probe_input,
    .on_end = on_probe_end,
    .on_timer = on_probe_timer,
    .on_lost = on_probe_lost,
    .free = free_probe,
};

belfry_err eio_probe_start(struct eio_session *s, struct conn *from, belfry_bytes response,
                           struct ws_deflate_params deflate)
{
    struct eio_probe *p = mem_alloc_zeroed(sizeof *p);
    if (p == NULL)
        return BELFRY_ERR_NOMEM;
    p->decoder.params = deflate;
    struct eio_timing timing = { 0 };
    if (s != NULL)
        timing = eio_timing_of(s);
    if (s != NULL && eio_state_probe_opened(&s->state, &timing, from->worker->loop.now_ms)) {
        p->session = s;
        s->probe = p;
    }
    if (conn_move(from, &p->conn, &probe_ops) != BELFRY_OK) {
        conn_abort(&p->conn);
        return BELFRY_OK;
    }
    conn_write(&p->conn, response.data, response.size);
    if (p->session == NULL)
        finish_probe(p);
    else
        eio_session_set_timer(s);
    return BELFRY_OK;
}
