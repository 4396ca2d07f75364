/*
 * socketio/encode.h - the text of packets, without Engine.IO's `4`.
 *
 *     sio_put_event(&b, &(struct sio_head){ .nsp = nsp },
 *                   &(struct sio_event){ .name = BELFRY_BYTES("\"news\""), .args = args });
 *     if (buf_failed(&b)) ...
 *
 * Each function appends one packet; sticky, as all buf_put functions. "JSON" is text that was
 * checked, spliced in unchanged; other text is valid UTF-8 and is written as JSON strings.
 * Attachments follow as binary messages of their own.
 */
#ifndef SOCKETIO_ENCODE_H
#define SOCKETIO_ENCODE_H

#include "base/buf.h"
#include "socketio/packet.h"

/* What stands before the payload. All zero: namespace "/", no id, no attachments. */
struct sio_head {
    belfry_bytes nsp; /* as sio_nsp_is_valid wants it; empty: "/" */
    bool has_id;
    uint64_t id;
    unsigned attachment_count; /* makes events and acks binary */
};

/* `51-/admin,12`: all but the payload. */
void sio_put_head(struct buf *b, enum sio_type type, const struct sio_head *head);

struct sio_event {
    belfry_bytes name;      /* JSON: a string or a number */
    belfry_bytes name_text; /* looked at only without @name: the name as text */
    belfry_bytes args;      /* JSON values between commas; empty: none */
    belfry_bytes offset;    /* text, added as the last argument; empty: none */
};

/* `2["name",args,"offset"]` */
void sio_put_event(struct buf *b, const struct sio_head *head, const struct sio_event *event);

/* Only the payload: `["name",args,"offset"]` */
void sio_put_event_payload(struct buf *b, const struct sio_event *event);

/* `31[args]`; the head needs an id. */
void sio_put_ack(struct buf *b, const struct sio_head *head, belfry_bytes args);

/* `0{"sid":...,"pid":...}`; an empty @pid is left out. To Engine.IO 3 clients `0`: no @sid. */
void sio_put_connect(struct buf *b, belfry_bytes nsp, belfry_bytes sid, belfry_bytes pid);

/* Only the payload: `{"sid":...,"pid":...}` */
void sio_put_connect_payload(struct buf *b, belfry_bytes sid, belfry_bytes pid);

/* `4{"message":...,"data":...}`; @data is JSON, empty: left out. */
void sio_put_connect_error(struct buf *b, belfry_bytes nsp, belfry_bytes message,
                           belfry_bytes data);

/* Only the payload: `{"message":...,"data":...}` */
void sio_put_connect_error_payload(struct buf *b, belfry_bytes message, belfry_bytes data);

/* What middlewares refuse, to Engine.IO 3 clients: `4"message"`, or `4data` if there is data. An
 * unknown namespace has the object form there too. */
void sio_put_connect_error_v3(struct buf *b, belfry_bytes nsp, belfry_bytes message,
                              belfry_bytes data);

/* `1` */
void sio_put_disconnect(struct buf *b, belfry_bytes nsp);

/* Any packet as it was read: its type, head and data. */
void sio_put_packet(struct buf *b, const struct sio_packet *packet);

#endif
