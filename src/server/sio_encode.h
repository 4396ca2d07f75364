/*
 * sio_encode.h - Socket.IO packets on their way out: to one session, or as a form for many.
 *
 * The only place that chooses between the default parser and MessagePack.
 */
#ifndef SERVER_SIO_ENCODE_H
#define SERVER_SIO_ENCODE_H

#include "hub/message.h"
#include "server/eio_session.h"
#include "socketio/packet.h"

/* An event or an ack, as it is to be written. */
struct sio_said {
    belfry_bytes nsp;
    bool is_ack;
    bool has_id;
    uint64_t id;
    belfry_bytes name; /* text */
    belfry_bytes args; /* JSON values between commas */
    belfry_bytes offset;
    const belfry_bytes *attachments;
    unsigned attachment_count;
    bool is_text;   /* @args is text, to become the one JSON string argument */
    bool is_binary; /* @args are bytes, to become the one attachment */
};

/* What belfry_emit and belfry_send have put into @spec, for one socket. */
struct sio_said sio_said_of_spec(const struct belfry_nsp *nsp, const struct message_spec *spec);

/* What @m says, to anybody: without an offset. The argument of what the default application says is
 * made in @argument. */
struct sio_said sio_said_of_message(const struct message *m, struct buf *argument);

/* Writes to @s, now. Errors: NOMEM, INVALID (cannot be said in MessagePack), GONE. */
belfry_err sio_send(struct eio_session *s, const struct sio_said *said, bool may_compress);

void sio_send_connect(struct eio_session *s, belfry_bytes nsp, belfry_bytes sid, belfry_bytes pid);
/* @data: JSON or empty. @is_refusal: of a middleware, which revision 3 hears otherwise. */
void sio_send_connect_error(struct eio_session *s, belfry_bytes nsp, belfry_bytes message,
                            belfry_bytes data, bool is_refusal);
void sio_send_disconnect(struct eio_session *s, belfry_bytes nsp);

/* The form @key of @m: WebSocket frames, those of attachments included. NULL: no memory. */
struct frame *sio_encode_message(const struct message *m, unsigned key, struct worker *worker);

#endif
