/*
 * opening.c - requests, answers, and the state that each of them leads to.
 *
 *   CONNECTING --+--> UPGRADING --101--+--------------------------------------> OPEN
 *        ^       |                     +--> GREETING --0{--> JOINING --40{------^
 *        |       |                     +--> PROBING --3probe--------------------^
 *        |       +--> POLLING_OPEN --0{--> POLLING_JOIN --ok--> POLLING_JOINED --40{--+
 *        +-- second connection of --upgrade, with the session's id -------------------+
 *
 * What arrives is collected in the walk's tail until it is a whole response or frame. What comes
 * behind the last one belongs to the mode.
 */
#include "bench/opening.h"

#include <stdlib.h>
#include <strings.h>

#include "bench/bench.h"

enum { MAX_OPENING_BYTES = 16384 };

/* RFC 6455 1.3 gives this key and the answer to it, which saves us the SHA-1. */
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* A whole response or frame at the front of what has arrived. */
struct unit {
    size_t bytes;         /* 0: not whole yet */
    belfry_bytes payload; /* of a response the body; of the 101 its head */
};

/* --- what is sent --------------------------------------------------------------------------- */

static void put_request_head(struct buf *out, const struct swarm *s, const struct member *m,
                             const char *method, const char *transport)
{
    const struct target *t = s->target;
    buf_printf(out, "%s %s", method, t->path);
    if (s->options->is_socketio)
        buf_printf(out, "%cEIO=4&transport=%s", strchr(t->path, '?') == NULL ? '?' : '&',
                   transport);
    if (m->sid[0] != '\0')
        buf_printf(out, "&sid=%s", m->sid);
    buf_printf(out, " HTTP/1.1\r\nHost: %s\r\n", t->host);
}

static bool send_built(struct member *m, struct buf *built)
{
    bool is_sent = buf_failed(built) ? bench_complain("out of memory: lower -c")
                                     : swarm_send_now(m, buf_bytes(built));
    buf_deinit(built);
    return is_sent;
}

static bool send_handshake(struct swarm *s, struct member *m)
{
    struct buf request = { 0 };
    put_request_head(&request, s, m, "GET", "websocket");
    buf_put_text(&request, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Key: " HANDSHAKE_KEY "\r\n"
                           "Sec-WebSocket-Version: 13\r\n\r\n");
    return send_built(m, &request);
}

static bool send_poll(struct swarm *s, struct member *m)
{
    struct buf request = { 0 };
    put_request_head(&request, s, m, "GET", "polling");
    buf_put_text(&request, "\r\n");
    return send_built(m, &request);
}

static bool send_join_by_post(struct swarm *s, struct member *m)
{
    struct buf request = { 0 };
    put_request_head(&request, s, m, "POST", "polling");
    buf_put_text(&request, "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 2\r\n\r\n40");
    return send_built(m, &request);
}

/* --- what arrives --------------------------------------------------------------------------- */

/* The Content-Length in @head, SIZE_MAX if there is none. */
static size_t content_length(belfry_bytes head)
{
    static const char name[] = "\r\ncontent-length:";
    const char *at = head.data, *end = at + head.size;
    for (; at + sizeof name <= end; at++) {
        if (strncasecmp(at, name, sizeof name - 1) == 0)
            return (size_t)strtoull(at + sizeof name - 1, NULL, 10); /* the head ends in \r\n */
    }
    return SIZE_MAX;
}

static bool find_response(struct member *m, belfry_bytes bytes, struct unit *out_unit)
{
    const uint8_t *end = memmem(bytes.data, bytes.size, "\r\n\r\n", 4);
    if (end == NULL)
        return true;
    belfry_bytes head = bytes_of(bytes.data, (size_t)(end - (const uint8_t *)bytes.data) + 4);
    if (m->state == MEMBER_UPGRADING) {
        *out_unit = (struct unit){ .bytes = head.size, .payload = head };
        return true;
    }
    size_t body_bytes = content_length(head);
    if (body_bytes > MAX_OPENING_BYTES)
        return bench_complain("connection %u: a response without a fair Content-Length", m->index);
    if (bytes.size - head.size >= body_bytes)
        *out_unit = (struct unit){ .bytes = head.size + body_bytes,
                                   .payload = bytes_of(end + 4, body_bytes) };
    return true;
}

static bool find_frame(struct member *m, belfry_bytes bytes, struct unit *out_unit)
{
    struct wire_frame frame;
    enum wire_verdict verdict = wire_peek(bytes, &frame);
    if (verdict == WIRE_INVALID ||
        (verdict == WIRE_FRAME && frame.payload_bytes > MAX_OPENING_BYTES))
        return bench_complain("connection %u: that is no frame of Engine.IO", m->index);
    if (verdict == WIRE_INCOMPLETE || bytes.size - frame.header_bytes < frame.payload_bytes)
        return true;
    out_unit->bytes = frame.header_bytes + frame.payload_bytes;
    out_unit->payload =
        bytes_of((const uint8_t *)bytes.data + frame.header_bytes, frame.payload_bytes);
    return !wire_is_control(frame.opcode) || swarm_on_control(m, &frame, out_unit->payload);
}

static bool is_http(enum member_state state)
{
    return state <= MEMBER_UPGRADING;
}

static bool expect(const struct member *m, belfry_bytes got, const char *prefix)
{
    size_t size = strlen(prefix);
    if (got.size >= size && memcmp(got.data, prefix, size) == 0)
        return true;
    return bench_complain("connection %u: %s... was to come, not \"%.*s\"", m->index, prefix,
                          (int)BELFRY_MIN(got.size, 200u), (const char *)got.data);
}

static bool check_handshake(struct swarm *s, belfry_bytes head)
{
    const char *line_end = memchr(head.data, '\r', head.size);
    int line_size = (int)(line_end - (const char *)head.data);
    if (head.size < 12 || memcmp(head.data, "HTTP/1.1 101", 12) != 0)
        return bench_complain("%s%s is no WebSocket here: the server answered \"%.*s\"",
                              s->target->host, s->target->path, line_size, (const char *)head.data);
    if (memmem(head.data, head.size, HANDSHAKE_ACCEPT, strlen(HANDSHAKE_ACCEPT)) == NULL)
        return bench_complain("the server's Sec-WebSocket-Accept is wrong");
    return true;
}

/* Keeps the session's id, for the requests to come. */
static bool note_sid(struct member *m, belfry_bytes open)
{
    static const char key[] = "\"sid\":\"";
    const char *from = memmem(open.data, open.size, key, sizeof key - 1);
    const char *end = (const char *)open.data + open.size;
    if (from == NULL)
        return expect(m, open, "0{\"sid\":");
    from += sizeof key - 1;
    const char *to = memchr(from, '"', (size_t)(end - from));
    if (to == NULL || to == from || (size_t)(to - from) >= sizeof m->sid)
        return bench_complain("connection %u: a session id of a size unheard of", m->index);
    memcpy(m->sid, from, (size_t)(to - from));
    m->sid[to - from] = '\0';
    return true;
}

/* --- from state to state -------------------------------------------------------------------- */

static bool enter(struct member *m, enum member_state next)
{
    m->state = next;
    return true;
}

static bool on_handshake_answer(struct swarm *s, struct member *m, belfry_bytes head)
{
    if (!check_handshake(s, head))
        return false;
    if (!s->options->is_socketio)
        return enter(m, MEMBER_OPEN);
    if (m->sid[0] == '\0')
        return enter(m, MEMBER_GREETING);
    return swarm_send_text(m, "2probe") && enter(m, MEMBER_PROBING);
}

static bool on_unit(struct swarm *s, struct member *m, belfry_bytes payload)
{
    switch (m->state) {
    case MEMBER_POLLING_OPEN:
        return expect(m, payload, "0{") && note_sid(m, payload) && send_join_by_post(s, m) &&
               enter(m, MEMBER_POLLING_JOIN);
    case MEMBER_POLLING_JOIN:
        return expect(m, payload, "ok") && send_poll(s, m) && enter(m, MEMBER_POLLING_JOINED);
    case MEMBER_POLLING_JOINED:
        return expect(m, payload, "40{") && enter(m, MEMBER_CONNECTING);
    case MEMBER_UPGRADING:
        return on_handshake_answer(s, m, payload);
    case MEMBER_GREETING:
        return expect(m, payload, "0{") && swarm_send_text(m, "40") && enter(m, MEMBER_JOINING);
    case MEMBER_JOINING:
        return expect(m, payload, "40{") && enter(m, MEMBER_OPEN);
    case MEMBER_PROBING:
        return expect(m, payload, "3probe") && swarm_send_text(m, "5") && enter(m, MEMBER_OPEN);
    case MEMBER_CONNECTING:
    case MEMBER_OPEN:
    case MEMBER_CLOSING:
        break;
    }
    BELFRY_UNREACHABLE("only what is opening gets here");
}

static bool is_opening(const struct member *m)
{
    return m->state > MEMBER_CONNECTING && m->state < MEMBER_OPEN;
}

/* Hands the member to the mode, and behind that what came with the last answer. */
static bool hand_over(struct swarm *s, struct member *m)
{
    struct buf rest = m->walk.tail;
    m->walk.tail = (struct buf){ 0 };
    bool is_good = swarm_opened(s, m);
    if (is_good && rest.size > 0 && m->state == MEMBER_OPEN)
        is_good = swarm_receive(s, m, buf_bytes(&rest));
    buf_deinit(&rest);
    return is_good;
}

bool opening_begin(struct swarm *s, struct member *m)
{
    BELFRY_ASSERT(m->state == MEMBER_CONNECTING);
    if (s->options->is_raw)
        return enter(m, MEMBER_OPEN) && hand_over(s, m);
    if (s->options->is_upgraded && m->sid[0] == '\0')
        return send_poll(s, m) && enter(m, MEMBER_POLLING_OPEN);
    return send_handshake(s, m) && enter(m, MEMBER_UPGRADING);
}

bool opening_on_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    struct buf *arrived = &m->walk.tail;
    buf_put_bytes(arrived, bytes);
    if (buf_failed(arrived))
        return bench_complain("out of memory: lower -c");
    while (is_opening(m)) {
        struct unit unit = { 0 };
        bool is_good = is_http(m->state) ? find_response(m, buf_bytes(arrived), &unit)
                                         : find_frame(m, buf_bytes(arrived), &unit);
        if (!is_good)
            return false;
        if (unit.bytes == 0 && arrived->size > MAX_OPENING_BYTES)
            return bench_complain("the answer to the handshake is too long");
        if (unit.bytes == 0)
            return true;
        if (!on_unit(s, m, unit.payload))
            return false;
        buf_consume(arrived, unit.bytes);
    }
    return m->state == MEMBER_OPEN ? hand_over(s, m) : swarm_reconnect(s, m);
}
