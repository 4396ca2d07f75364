/*
 * sio_encode.c - from what was said to the bytes that say it.
 *
 *   42["new-message",{...},"offset"]        default parser; attachments follow as binary
 *   {type: 2, nsp: "/", data: [...]}        MessagePack: one binary message
 */
#include "server/sio_encode.h"

#include "base/alloc.h"
#include "base/json.h"
#include "rooms/reply.h"
#include "server/encode.h"
#include "server/server.h"
#include "socketio/encode.h"
#include "socketio/msgpack_packet.h"
#include "ws/deflate.h"
#include "ws/encoder.h"

/* --- what is said -----------------------------------------------------------------------------*/

#define ONE_PLACEHOLDER BELFRY_BYTES("{\"_placeholder\":true,\"num\":0}")

struct sio_said sio_said_of_spec(const struct belfry_nsp *nsp, const struct message_spec *spec)
{
    return (struct sio_said){ .nsp = nsp_name(nsp),
                              .name =
                                  spec->kind == KIND_EVENT ? spec->name : BELFRY_BYTES("message"),
                              .args = spec->args,
                              .attachments = spec->attachments,
                              .attachment_count = spec->attachment_count,
                              .has_id = spec->has_ack,
                              .id = spec->ack_id,
                              .is_text = spec->kind == KIND_TEXT,
                              .is_binary = spec->kind == KIND_BINARY };
}

static void put_name(struct buf *out, const char *name)
{
    if (!buf_failed(out) && out->data[out->size - 1] != '{')
        buf_put_char(out, ',');
    buf_printf(out, "\"%s\":", name);
}

static void put_field(struct buf *out, const char *name, belfry_bytes text)
{
    if (text.size == 0)
        return;
    put_name(out, name);
    json_put_string(out, text);
}

/* The one argument of what the default application says (docs/rooms.md). */
static void put_room_argument(struct buf *out, const struct message *m)
{
    belfry_bytes room = m->room_count == 1 ? m->rooms[0].name : bytes_of(NULL, 0);
    bool is_message = m->kind == KIND_MESSAGE;
    buf_put_char(out, '{');
    put_field(out, is_message ? "from" : "userId", m->sender);
    put_field(out, "user", m->user);
    put_field(out, "room", room);
    if (is_message) {
        put_name(out, "text");
        buf_put_bytes(out, m->args);
        put_name(out, "timestamp");
        buf_put_u64(out, m->wall_ms);
    } else {
        put_name(out, m->kind == KIND_COUNT ? "count" : "members");
        buf_put_bytes(out, m->args);
    }
    buf_put_char(out, '}');
}

static belfry_bytes name_of(const struct message *m)
{
    switch ((enum message_kind)m->kind) {
    case KIND_MESSAGE:
        return BELFRY_BYTES("new-message");
    case KIND_EVENT:
        return m->name;
    case KIND_USER_JOINED:
        return BELFRY_BYTES("user-joined");
    case KIND_USER_LEFT:
        return BELFRY_BYTES("user-left");
    case KIND_COUNT:
        return BELFRY_BYTES("members");
    case KIND_TEXT:
    case KIND_BINARY:
        return BELFRY_BYTES("message");
    }
    return bytes_of(NULL, 0);
}

/* Where a client is when it has heard @m; only what is in the log can be come back to. */
static belfry_bytes offset_of(const struct message *m, char text[MESSAGE_ID_MAX_TEXT])
{
    const belfry_nsp *nsp = m->nsp->owner;
    if (nsp->recovered == NULL || (m->flags & (MESSAGE_UNLOGGED | MESSAGE_NO_ID)) != 0 ||
        m->has_ack)
        return bytes_of(NULL, 0);
    size_t size = message_id_format(text, m->id, bytes_of_text(m->nsp->hub->epoch));
    return bytes_of(text, size);
}

struct sio_said sio_said_of_message(const struct message *m, struct buf *argument)
{
    const belfry_nsp *nsp = m->nsp->owner;
    struct sio_said said = { .nsp = nsp_name(nsp),
                             .name = name_of(m),
                             .args = m->args,
                             .attachments = m->attachments,
                             .attachment_count = m->attachment_count,
                             .has_id = m->has_ack,
                             .id = m->ack_id,
                             .is_text = m->kind == KIND_TEXT,
                             .is_binary = m->kind == KIND_BINARY };
    if (encode_has_json(m) && m->kind != KIND_EVENT) {
        put_room_argument(argument, m);
        said.args = buf_bytes(argument);
    }
    return said;
}

/* --- packets ----------------------------------------------------------------------------------*/

/* One packet before its attachments; @key says for whom. */
struct packet_out {
    struct buf *text; /* or the MessagePack message */
    bool is_msgpack;
};

static belfry_err put_said(struct packet_out *out, const struct sio_said *said,
                           belfry_bytes *out_attachment, const belfry_bytes **out_attachments,
                           unsigned *out_count)
{
    struct buf string = { 0 };
    belfry_bytes args = said->args;
    *out_attachments = said->attachments;
    *out_count = said->attachment_count;
    if (said->is_text) {
        json_put_string(&string, said->args);
        args = buf_bytes(&string);
    } else if (said->is_binary) {
        *out_attachment = said->args;
        *out_attachments = out_attachment;
        *out_count = 1;
        args = ONE_PLACEHOLDER;
    }
    struct sio_head head = {
        .nsp = said->nsp, .has_id = said->has_id, .id = said->id, .attachment_count = *out_count
    };
    struct sio_event event = { .name_text = said->name, .args = args, .offset = said->offset };
    belfry_err err = buf_failed(&string) ? BELFRY_ERR_NOMEM : BELFRY_OK;
    if (err == BELFRY_OK && out->is_msgpack)
        err = said->is_ack ? sio_msgpack_put_ack(out->text, &head, args, *out_attachments)
                           : sio_msgpack_put_event(out->text, &head, &event, *out_attachments);
    else if (err == BELFRY_OK && said->is_ack)
        sio_put_ack(out->text, &head, args);
    else if (err == BELFRY_OK)
        sio_put_event(out->text, &head, &event);
    buf_deinit(&string);
    return err == BELFRY_OK && buf_failed(out->text) ? BELFRY_ERR_NOMEM : err;
}

/* --- to one session ---------------------------------------------------------------------------*/

static struct packet_out begin(struct eio_session *s)
{
    static const uint8_t room[EIO_TEXT_ROOM];
    struct buf *text = &s->conn.worker->packet;
    bool is_msgpack = s->endpoint->hooks.parser == BELFRY_PARSER_MSGPACK;
    buf_clear(text);
    if (!is_msgpack)
        buf_put(text, room, sizeof room);
    return (struct packet_out){ text, is_msgpack };
}

static void send_packet(struct eio_session *s, const struct packet_out *out, bool may_compress)
{
    if (out->is_msgpack)
        eio_send_binary(s, buf_bytes(out->text), may_compress);
    else
        eio_send_text(s, out->text, may_compress);
}

belfry_err sio_send(struct eio_session *s, const struct sio_said *said, bool may_compress)
{
    struct packet_out out = begin(s);
    belfry_bytes attachment;
    const belfry_bytes *attachments;
    unsigned count;
    belfry_err err = put_said(&out, said, &attachment, &attachments, &count);
    if (err != BELFRY_OK)
        return server_outcome(err);
    send_packet(s, &out, may_compress);
    for (unsigned i = 0; i < count && !out.is_msgpack; i++)
        eio_send_binary(s, attachments[i], may_compress);
    return s->conn.state == CONN_DEAD ? server_outcome(BELFRY_ERR_GONE) : BELFRY_OK;
}

/* A packet that the client cannot do without: without memory its connection ends. */
static void send_or_abort(struct eio_session *s, const struct packet_out *out, belfry_err err)
{
    if (err != BELFRY_OK || buf_failed(out->text))
        conn_abort(&s->conn);
    else
        send_packet(s, out, true);
}

void sio_send_connect(struct eio_session *s, belfry_bytes nsp, belfry_bytes sid, belfry_bytes pid)
{
    struct packet_out out = begin(s);
    belfry_err err = BELFRY_OK;
    if (s->state.revision == EIO_REVISION_3)
        sid = pid = bytes_of(NULL, 0);
    if (out.is_msgpack)
        err = sio_msgpack_put_connect(out.text, nsp, sid, pid);
    else
        sio_put_connect(out.text, nsp, sid, pid);
    send_or_abort(s, &out, err);
}

void sio_send_connect_error(struct eio_session *s, belfry_bytes nsp, belfry_bytes message,
                            belfry_bytes data, bool is_refusal)
{
    struct packet_out out = begin(s);
    belfry_err err = BELFRY_OK;
    if (out.is_msgpack)
        err = sio_msgpack_put_connect_error(out.text, nsp, message, data);
    else if (is_refusal && s->state.revision == EIO_REVISION_3)
        sio_put_connect_error_v3(out.text, nsp, message, data);
    else
        sio_put_connect_error(out.text, nsp, message, data);
    send_or_abort(s, &out, err);
}

void sio_send_disconnect(struct eio_session *s, belfry_bytes nsp)
{
    struct packet_out out = begin(s);
    belfry_err err = BELFRY_OK;
    if (out.is_msgpack)
        err = sio_msgpack_put_disconnect(out.text, nsp);
    else
        sio_put_disconnect(out.text, nsp);
    send_or_abort(s, &out, err);
}

/* --- for many ---------------------------------------------------------------------------------*/

struct form {
    struct worker *worker;
    unsigned key;
    bool may_compress;
    struct buf frames;
};

static void put_frame(struct form *form, unsigned opcode, belfry_bytes payload)
{
    const belfry_options *o = &form->worker->server->options;
    struct buf small = { 0 };
    unsigned first = opcode | WS_FIN;
    if ((form->key & FORM_WS_DEFLATED(0)) != 0 && form->may_compress &&
        payload.size >= o->deflate_threshold_bytes) {
        if (ws_deflate_message(form->worker->pool, NULL, form->key & FORM_WINDOW_MASK, payload,
                               &small) != BELFRY_OK)
            form->frames.has_failed = 1;
        first |= WS_COMPRESSED;
        payload = buf_bytes(&small);
    }
    uint8_t header[10];
    buf_put(&form->frames, header, ws_header_write(header, first, payload.size));
    buf_put_bytes(&form->frames, payload);
    buf_deinit(&small);
}

static void put_message(struct form *form, const struct eio_packet *packet)
{
    enum eio_revision revision =
        (form->key & FORM_SIO_REVISION_3) != 0 ? EIO_REVISION_3 : EIO_REVISION_4;
    enum eio_binary binary = (form->key & FORM_SIO_BASE64) != 0 ? EIO_BASE64_ONLY : EIO_MAY_BINARY;
    struct buf message = { 0 };
    bool is_binary = eio_packet_put(&message, revision, binary, packet);
    if (buf_failed(&message))
        form->frames.has_failed = 1;
    else
        put_frame(form, is_binary ? WS_BINARY : WS_TEXT, buf_bytes(&message));
    buf_deinit(&message);
}

static void put_form(struct form *form, const struct sio_said *said)
{
    struct buf text = { 0 };
    struct packet_out out = { &text, (form->key & FORM_SIO_MSGPACK) != 0 };
    belfry_bytes attachment;
    const belfry_bytes *attachments;
    unsigned count = 0;
    if (put_said(&out, said, &attachment, &attachments, &count) != BELFRY_OK)
        form->frames.has_failed = 1;
    struct eio_packet packet = { .type = EIO_MESSAGE, .is_binary = out.is_msgpack };
    packet.data = buf_bytes(&text);
    put_message(form, &packet);
    for (unsigned i = 0; i < count && !out.is_msgpack; i++) {
        packet.is_binary = true;
        packet.data = attachments[i];
        put_message(form, &packet);
    }
    buf_deinit(&text);
}

struct frame *sio_encode_message(const struct message *m, unsigned key, struct worker *worker)
{
    char offset[MESSAGE_ID_MAX_TEXT];
    struct buf argument = { 0 };
    struct frame *frame = NULL;
    struct form form = { .worker = worker,
                         .key = key,
                         .may_compress = (m->flags & MESSAGE_NO_COMPRESS) == 0 };
    struct sio_said said = sio_said_of_message(m, &argument);
    said.offset = offset_of(m, offset);
    if (!buf_failed(&argument))
        put_form(&form, &said);
    if (!buf_failed(&argument) && !buf_failed(&form.frames))
        frame = frame_new_copy(form.frames.data, form.frames.size);
    buf_deinit(&argument);
    buf_deinit(&form.frames);
    return frame;
}
