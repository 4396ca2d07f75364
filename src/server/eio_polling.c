/*
 * eio_polling.c - a session over long-polling (engineio.md 5): polls take what waits, posts bring
 * packets.
 *
 * The queue holds WebSocket frames, maybe several in one piece or one in several: all of it is
 * joined, unwrapped, and becomes the body of one response.
 *
 * A client that posts requests and does not poll for their answers is not read any further when
 * max_queue_bytes wait for it, as a WebSocket is not: the rest of the body is held, and with it the
 * answer to the POST, until a poll has taken what waits.
 */
#include "base/alloc.h"
#include "base/utf8.h"
#include "engineio/jsonp.h"
#include "engineio/payload.h"
#include "http/compress.h"
#include "http/field.h"
#include "http/response.h"
#include "server/eio_session.h"
#include "server/server.h"
#include "ws/opcode.h"

/* The rest of a body that waits. */
struct eio_held {
    struct eio_payload payload; /* its bytes are the exchange's, or @form's */
    struct buf form;            /* what a script's form said, decoded; mostly empty */
};

static enum eio_revision revision_of(const struct eio_session *s)
{
    return (enum eio_revision)s->state.revision;
}

/* --- answering a poll -------------------------------------------------------------------------*/

static void let_go(struct eio_session *s)
{
    s->poll = NULL;
    s->conn.is_blocked = true;
}

static bool try_compressed(struct eio_session *s, struct exchange *x, enum eio_form form,
                           belfry_bytes body)
{
    const belfry_options *o = &s->endpoint->server->options;
    if (o->http_compression_bytes == BELFRY_OFF || body.size < o->http_compression_bytes)
        return false;
    enum http_coding coding = http_choose_coding(exchange_head(x));
    struct buf small = { 0 };
    bool is_done = false;
    if (coding != HTTP_IDENTITY &&
        http_compress(coding, (int)o->deflate_level, body, &small) == BELFRY_OK) {
        struct buf *fields = exchange_fields(x);
        (void)http_response_field(fields, "Content-Encoding",
                                  bytes_of_text(http_coding_name(coding)));
        exchange_reply(x, 200, eio_form_content_type(form), buf_bytes(&small));
        is_done = true;
    }
    buf_deinit(&small);
    return is_done;
}

/* For browsers of long ago: a script that calls a function of the page (engineio.md 11). */
static void reply_script(struct exchange *x, belfry_bytes index, belfry_bytes body)
{
    struct buf script = { 0 };
    eio_jsonp_put(&script, index, body);
    if (buf_failed(&script))
        exchange_abort(x);
    else
        exchange_reply(x, 200, "text/javascript; charset=UTF-8", buf_bytes(&script));
    buf_deinit(&script);
}

void eio_polling_reply(struct eio_session *s, struct exchange *x, enum eio_form form,
                       const struct buf *body)
{
    struct eio_query query;
    if (buf_failed(body)) {
        exchange_abort(x);
        s->is_broken = true;
        conn_set_timer(&s->conn, s->conn.worker->loop.now_ms);
        return;
    }
    eio_endpoint_put_fields(s->endpoint, x);
    eio_query_parse(exchange_head(x)->query, &query);
    if (query.is_jsonp)
        reply_script(x, query.jsonp, buf_bytes(body));
    else if (!try_compressed(s, x, form, buf_bytes(body)))
        exchange_reply(x, 200, eio_form_content_type(form), buf_bytes(body));
}

static void answer(struct eio_session *s, enum eio_form form, const struct buf *body)
{
    struct exchange *x = s->poll;
    let_go(s);
    counter_add(&s->conn.worker->counters.eio_polls, 1);
    eio_polling_reply(s, x, form, body);
}

static bool is_jsonp(struct exchange *x)
{
    struct eio_query query;
    eio_query_parse(exchange_head(x)->query, &query);
    return query.is_jsonp;
}

/* All that waits, in one piece; the queue is empty after it. */
static void take_queue(struct eio_session *s, struct buf *out)
{
    struct out_item *item;
    for (unsigned i = 0; (item = outq_at(&s->conn.out, i)) != NULL; i++)
        buf_put(out, item->frame->bytes, item->frame->size);
    if (!buf_failed(out))
        outq_deinit(&s->conn.out);
}

/* The next frame of our own making (RFC 6455 5.2): whole, not masked, not compressed. */
static bool next_frame(belfry_bytes *rest, bool *out_is_binary, belfry_bytes *out_payload)
{
    const uint8_t *at = rest->data;
    if (rest->size == 0)
        return false;
    size_t header = 2;
    uint64_t size = at[1];
    if (size == 126) {
        size = (uint64_t)at[2] << 8 | at[3];
        header = 4;
    } else if (size == 127) {
        size = 0;
        for (int i = 2; i < 10; i++)
            size = size << 8 | at[i];
        header = 10;
    }
    BELFRY_ASSERT(header + size <= rest->size);
    *out_is_binary = (at[0] & 0x0f) == WS_BINARY;
    *out_payload = bytes_of(at + header, (size_t)size);
    *rest = bytes_of(at + header + size, rest->size - header - (size_t)size);
    return true;
}

static bool has_binary(belfry_bytes frames)
{
    bool is_binary;
    belfry_bytes payload;
    while (next_frame(&frames, &is_binary, &payload)) {
        if (is_binary)
            return true;
    }
    return false;
}

static void put_packets(struct eio_session *s, enum eio_form form, belfry_bytes frames,
                        struct buf *out)
{
    struct eio_payload_writer writer;
    struct buf scratch = { 0 };
    bool is_binary;
    belfry_bytes payload;
    eio_payload_begin(&writer, out, revision_of(s), form);
    while (next_frame(&frames, &is_binary, &payload)) {
        struct eio_packet packet;
        enum eio_result result =
            eio_packet_read(revision_of(s), is_binary, payload, &scratch, &packet);
        BELFRY_ASSERT(result != EIO_MALFORMED); /* we wrote it */
        if (result == EIO_OK)
            eio_payload_put(&writer, &packet);
        else
            out->has_failed = 1;
    }
    eio_payload_end(&writer);
    buf_deinit(&scratch);
}

void eio_poll_flush(struct conn *c)
{
    struct eio_session *s = eio_of_conn(c);
    if (s->poll == NULL || outq_is_empty(&c->out) || c->is_doomed || c->gates > 0)
        return; /* doomed: a frame in its queue may be torn */
    struct buf frames = { 0 };
    struct buf body = { 0 };
    take_queue(s, &frames);
    enum eio_form form = EIO_FORM_TEXT;
    if (revision_of(s) == EIO_REVISION_3 && !s->wants_base64 && !is_jsonp(s->poll) &&
        has_binary(buf_bytes(&frames)))
        form = EIO_FORM_OCTETS;
    if (buf_failed(&frames))
        body.has_failed = 1;
    else
        put_packets(s, form, buf_bytes(&frames), &body);
    eio_state_poll_answered(&s->state);
    answer(s, form, &body);
    buf_deinit(&frames);
    buf_deinit(&body);
    if (s->held != NULL) /* not now: rooms may be being walked */
        conn_set_timer(c, c->worker->loop.now_ms);
}

static void answer_packet(struct eio_session *s, enum eio_type type)
{
    struct eio_payload_writer writer;
    struct buf body = { 0 };
    eio_payload_begin(&writer, &body, revision_of(s), EIO_FORM_TEXT);
    eio_payload_put(&writer, &(struct eio_packet){ .type = type });
    eio_payload_end(&writer);
    answer(s, EIO_FORM_TEXT, &body);
    buf_deinit(&body);
}

void eio_poll_noop(struct eio_session *s)
{
    if (s->poll == NULL)
        return;
    if (!outq_is_empty(&s->conn.out))
        eio_poll_flush(&s->conn);
    else
        answer_packet(s, EIO_NOOP);
}

void eio_poll_close(struct eio_session *s)
{
    if (s->poll != NULL)
        answer_packet(s, EIO_CLOSE);
}

void eio_poll_farewell(struct eio_session *s)
{
    struct buf body = { 0 };
    eio_farewell_put(&body, revision_of(s), eio_state_farewell(&s->state));
    answer(s, EIO_FORM_TEXT, &body);
    buf_deinit(&body);
}

/* --- requests ---------------------------------------------------------------------------------*/

static void refuse(struct eio_session *s, struct exchange *x, unsigned status)
{
    eio_endpoint_put_fields(s->endpoint, x);
    exchange_reply(x, status, NULL, bytes_of(NULL, 0));
}

static void keep_poll(struct eio_session *s, struct exchange *x)
{
    exchange_set_data(x, s);
    s->poll = x;
    s->conn.is_blocked = false;
}

void eio_polling_get(struct eio_session *s, struct exchange *x)
{
    bool is_overlap = s->poll != NULL;
    uint64_t now_ms = s->conn.worker->loop.now_ms;
    enum eio_action action = eio_state_poll_opened(&s->state, eio_output_of(s), now_ms);
    if (action == EIO_ACT_CLOSE && is_overlap) {
        refuse(s, x, 400);
        eio_session_finish(s);
        return;
    }
    keep_poll(s, x);
    if (action == EIO_ACT_CLOSE) {
        eio_session_finish(s);
        return;
    }
    if (action == EIO_ACT_NOOP)
        eio_poll_noop(s);
    else
        eio_poll_flush(&s->conn);
    if (!s->has_ended)
        eio_session_set_timer(s);
}

static enum eio_form form_of(struct exchange *x)
{
    belfry_bytes type;
    if (http_single(exchange_head(x), "content-type", &type) != HTTP_ONE)
        type = bytes_of(NULL, 0);
    return eio_form_of(type);
}

void eio_polling_post_begin(struct eio_session *s, struct exchange *x)
{
    if (s->post != NULL) {
        refuse(s, x, 400);
        eio_session_end(s, EIO_CAUSE_DATA_OVERLAP); /* the earlier one is cut off */
        return;
    }
    if (form_of(x) == EIO_FORM_OCTETS && revision_of(s) == EIO_REVISION_4) {
        refuse(s, x, 400);
        eio_session_end(s, EIO_CAUSE_CONTENT);
        return;
    }
    exchange_set_data(x, s);
    s->post = x;
}

/* As conn_is_clogged has it for a WebSocket; a poll that is there may take it. */
static bool is_clogged(struct eio_session *s)
{
    size_t most = s->conn.worker->full_bytes;
    if (eio_state_is_websocket(&s->state))
        return false; /* what still comes this way is dropped */
    if (conn_queued(&s->conn) > most && s->poll != NULL)
        eio_poll_flush(&s->conn);
    return conn_queued(&s->conn) > most;
}

/* False: there is more, which has to wait. */
static bool handle_payload(struct eio_session *s, struct eio_payload *payload)
{
    struct buf *scratch = &s->conn.worker->base64;
    struct eio_packet packet;
    while (!is_clogged(s)) {
        if (!eio_payload_next(payload, scratch, &packet)) {
            if (payload->result == EIO_MALFORMED)
                eio_session_end(s, EIO_CAUSE_PARSE_ERROR);
            else if (payload->result == EIO_NO_MEMORY)
                eio_session_end(s, EIO_CAUSE_NO_MEMORY);
            return true;
        }
        if (!eio_session_packet(s, EIO_VIA_POLLING, &packet))
            return true;
    }
    return false;
}

static bool hold(struct eio_session *s, struct exchange *x, const struct eio_held *rest)
{
    s->held = mem_alloc(sizeof *s->held);
    if (s->held == NULL) {
        eio_session_end(s, EIO_CAUSE_NO_MEMORY);
        return false;
    }
    *s->held = *rest;
    s->post = x;
    return true;
}

/* The session may end meanwhile: @x is not its post while this runs, and is answered in any case.
 * Owns: takes what @rest holds. */
static void go_on(struct eio_session *s, struct exchange *x, struct eio_held *rest)
{
    if (!handle_payload(s, &rest->payload) && hold(s, x, rest))
        return;
    buf_deinit(&rest->form);
    eio_endpoint_put_fields(s->endpoint, x);
    exchange_reply(x, 200, "text/html", BELFRY_BYTES("ok"));
}

/* The body as a payload. Not EIO_OK: it is none. */
static enum eio_result open_body(struct eio_session *s, struct exchange *x, belfry_bytes body,
                                 struct eio_held *out)
{
    enum eio_form form = form_of(x);
    enum eio_result result = EIO_OK;
    if (is_jsonp(x)) {
        result = eio_jsonp_read(body, &out->form);
        body = buf_bytes(&out->form);
    }
    if (result == EIO_OK && form == EIO_FORM_TEXT && !utf8_is_valid(body))
        result = EIO_MALFORMED;
    if (result == EIO_OK)
        eio_payload_init(&out->payload, revision_of(s), form, body);
    else
        out->payload = (struct eio_payload){ .is_ended = true };
    return result;
}

void eio_polling_post_body(struct eio_session *s, struct exchange *x, belfry_bytes body)
{
    struct eio_held rest = { 0 };
    BELFRY_ASSERT(s->post == x && s->held == NULL);
    s->post = NULL;
    enum eio_result result = open_body(s, x, body, &rest);
    if (result != EIO_OK)
        eio_session_end(s, result == EIO_MALFORMED ? EIO_CAUSE_PARSE_ERROR : EIO_CAUSE_NO_MEMORY);
    go_on(s, x, &rest);
}

void eio_polling_drop_held(struct eio_session *s)
{
    if (s->held == NULL)
        return;
    buf_deinit(&s->held->form);
    mem_free(s->held);
    s->held = NULL;
}

void eio_polling_resume(struct eio_session *s)
{
    struct exchange *x = s->post;
    if (s->held == NULL || is_clogged(s))
        return;
    struct eio_held rest = *s->held;
    mem_free(s->held);
    s->held = NULL;
    s->post = NULL;
    go_on(s, x, &rest);
}

void eio_polling_post_too_large(struct eio_session *s, struct exchange *x)
{
    s->post = NULL;
    counter_add(&s->conn.worker->counters.http_refused, 1);
    refuse(s, x, 413);
}

void eio_polling_lost(struct eio_session *s, struct exchange *x)
{
    bool is_poll = s->poll == x;
    if (is_poll)
        let_go(s);
    else
        s->post = NULL;
    exchange_abort(x);
    eio_session_end(s, is_poll ? EIO_CAUSE_POLL_LOST : EIO_CAUSE_DATA_LOST);
}

const struct session_ops eio_polling_ops = {
    .on_timer = eio_session_on_timer,
    .flush = eio_poll_flush,
    .on_lost = eio_session_on_lost,
    .free = eio_session_free,
};
