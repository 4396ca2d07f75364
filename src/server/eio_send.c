/*
 * eio_send.c - one Engine.IO message as a WebSocket frame, whatever the transport: a poll unwraps
 * it.
 */
#include "base/alloc.h"
#include "server/eio_session.h"
#include "server/encode.h"
#include "server/server.h"
#include "ws/deflate.h"
#include "ws/encoder.h"

/* What is shared with others starts from an empty window, so this does too. */
static unsigned deflate_bits(const struct eio_session *s)
{
    if (!s->decoder.params.is_on || !eio_state_is_websocket(&s->state))
        return 0;
    return ws_deflate_window_bits(s->decoder.params, WS_SERVER);
}

unsigned eio_session_form(const struct eio_session *s)
{
    unsigned form = FORM_SIO;
    unsigned bits = deflate_bits(s);
    if (s->state.revision == EIO_REVISION_3)
        form |= FORM_SIO_REVISION_3;
    if (s->wants_base64)
        form |= FORM_SIO_BASE64;
    if (s->endpoint->hooks.parser == BELFRY_PARSER_MSGPACK)
        form |= FORM_SIO_MSGPACK;
    return bits != 0 ? form | FORM_WS_DEFLATED(bits) : form;
}

void eio_send_frame(struct eio_session *s, unsigned opcode, belfry_bytes payload)
{
    uint8_t header[10];
    size_t size = ws_header_write(header, opcode | WS_FIN, payload.size);
    conn_write(&s->conn, header, size);
    conn_write(&s->conn, payload.data, payload.size);
}

static void send_deflated(struct eio_session *s, unsigned opcode, belfry_bytes payload)
{
    struct buf *out = &s->conn.worker->deflated;
    buf_clear(out);
    if (ws_deflate_message(s->conn.worker->pool, NULL, deflate_bits(s), payload, out) !=
        BELFRY_OK) {
        conn_abort(&s->conn); /* what is lost of an order cannot be said otherwise */
        return;
    }
    eio_send_frame(s, opcode | WS_COMPRESSED, buf_bytes(out));
}

static bool must_deflate(const struct eio_session *s, size_t size, bool may_compress)
{
    return may_compress && s->decoder.params.is_on && deflate_bits(s) != 0 &&
           size >= s->endpoint->server->options.deflate_threshold_bytes;
}

void eio_send_text(struct eio_session *s, struct buf *text, bool may_compress)
{
    size_t size = text->size - EIO_TEXT_ROOM + 1; /* with the 4 */
    size_t header_size = ws_header_size(size);
    uint8_t *start = text->data + EIO_TEXT_ROOM - 1;
    *start = '4';
    counter_add(&s->conn.worker->counters.messages_out, 1);
    if (BELFRY_UNLIKELY(must_deflate(s, size, may_compress))) {
        send_deflated(s, WS_TEXT, bytes_of(start, size));
        return;
    }
    (void)ws_header_write(start - header_size, WS_TEXT | WS_FIN, size);
    conn_write(&s->conn, start - header_size, header_size + size);
}

void eio_send_binary(struct eio_session *s, belfry_bytes bytes, bool may_compress)
{
    struct buf out = { 0 };
    struct eio_packet packet = { .type = EIO_MESSAGE, .is_binary = true, .data = bytes };
    bool is_binary = eio_packet_put(&out, (enum eio_revision)s->state.revision,
                                    s->wants_base64 ? EIO_BASE64_ONLY : EIO_MAY_BINARY, &packet);
    unsigned opcode = is_binary ? WS_BINARY : WS_TEXT;
    counter_add(&s->conn.worker->counters.messages_out, 1);
    if (buf_failed(&out))
        conn_abort(&s->conn);
    else if (must_deflate(s, out.size, may_compress))
        send_deflated(s, opcode, buf_bytes(&out));
    else
        eio_send_frame(s, opcode, buf_bytes(&out));
    buf_deinit(&out);
}

void eio_send_packet(struct eio_session *s, const char *text)
{
    eio_send_frame(s, WS_TEXT, bytes_of_text(text));
}
