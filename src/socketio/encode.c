/*
 * encode.c - writes packets as text.
 */
#include "socketio/encode.h"

#include "base/json.h"

static enum sio_type type_for(enum sio_type type, unsigned attachment_count)
{
    if (attachment_count == 0)
        return type;
    BELFRY_ASSERT(type != SIO_CONNECT && type != SIO_DISCONNECT && type != SIO_CONNECT_ERROR);
    return type == SIO_ACK || type == SIO_BINARY_ACK ? SIO_BINARY_ACK : SIO_BINARY_EVENT;
}

void sio_put_head(struct buf *b, enum sio_type type, const struct sio_head *head)
{
    buf_put_char(b, (char)('0' + (int)type_for(type, head->attachment_count)));
    if (head->attachment_count > 0) {
        buf_put_u64(b, head->attachment_count);
        buf_put_char(b, '-');
    }
    if (head->nsp.size > 0 && !bytes_equal_text(head->nsp, "/")) {
        buf_put_bytes(b, head->nsp);
        buf_put_char(b, ',');
    }
    if (head->has_id)
        buf_put_u64(b, head->id);
}

/* --- events and acks --------------------------------------------------------------------- */

void sio_put_event_payload(struct buf *b, const struct sio_event *event)
{
    buf_put_char(b, '[');
    if (event->name.size > 0)
        buf_put_bytes(b, event->name);
    else
        json_put_string(b, event->name_text);
    if (event->args.size > 0) {
        buf_put_char(b, ',');
        buf_put_bytes(b, event->args);
    }
    if (event->offset.size > 0) {
        buf_put_char(b, ',');
        json_put_string(b, event->offset);
    }
    buf_put_char(b, ']');
}

void sio_put_event(struct buf *b, const struct sio_head *head, const struct sio_event *event)
{
    sio_put_head(b, SIO_EVENT, head);
    sio_put_event_payload(b, event);
}

void sio_put_ack(struct buf *b, const struct sio_head *head, belfry_bytes args)
{
    BELFRY_ASSERT(head->has_id);
    sio_put_head(b, SIO_ACK, head);
    buf_put_char(b, '[');
    buf_put_bytes(b, args);
    buf_put_char(b, ']');
}

/* --- connecting -------------------------------------------------------------------------- */

void sio_put_connect_payload(struct buf *b, belfry_bytes sid, belfry_bytes pid)
{
    buf_put_text(b, "{\"sid\":");
    json_put_string(b, sid);
    if (pid.size > 0) {
        buf_put_text(b, ",\"pid\":");
        json_put_string(b, pid);
    }
    buf_put_char(b, '}');
}

void sio_put_connect(struct buf *b, belfry_bytes nsp, belfry_bytes sid, belfry_bytes pid)
{
    sio_put_head(b, SIO_CONNECT, &(struct sio_head){ .nsp = nsp });
    if (sid.size > 0)
        sio_put_connect_payload(b, sid, pid);
}

void sio_put_connect_error_payload(struct buf *b, belfry_bytes message, belfry_bytes data)
{
    buf_put_text(b, "{\"message\":");
    json_put_string(b, message);
    if (data.size > 0) {
        buf_put_text(b, ",\"data\":");
        buf_put_bytes(b, data);
    }
    buf_put_char(b, '}');
}

void sio_put_connect_error(struct buf *b, belfry_bytes nsp, belfry_bytes message, belfry_bytes data)
{
    sio_put_head(b, SIO_CONNECT_ERROR, &(struct sio_head){ .nsp = nsp });
    sio_put_connect_error_payload(b, message, data);
}

void sio_put_connect_error_v3(struct buf *b, belfry_bytes nsp, belfry_bytes message,
                              belfry_bytes data)
{
    sio_put_head(b, SIO_CONNECT_ERROR, &(struct sio_head){ .nsp = nsp });
    if (data.size > 0)
        buf_put_bytes(b, data);
    else
        json_put_string(b, message);
}

void sio_put_disconnect(struct buf *b, belfry_bytes nsp)
{
    sio_put_head(b, SIO_DISCONNECT, &(struct sio_head){ .nsp = nsp });
}

void sio_put_packet(struct buf *b, const struct sio_packet *packet)
{
    sio_put_head(b, packet->type,
                 &(struct sio_head){ .nsp = packet->nsp,
                                     .has_id = packet->has_id,
                                     .id = packet->id,
                                     .attachment_count = packet->attachment_count });
    buf_put_bytes(b, packet->data);
}
