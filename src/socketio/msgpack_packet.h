/*
 * socketio/msgpack_packet.h - packets of socket.io-msgpack-parser: one binary message each.
 *
 *     {"type":2,"nsp":"/","id":3,"data":["echo",<bin>]}       in MessagePack
 *
 * Inside, a packet is the same struct sio_packet with JSON and attachments beside it, so that what
 * comes from such clients reaches all others, and the other way round.
 */
#ifndef SOCKETIO_MSGPACK_PACKET_H
#define SOCKETIO_MSGPACK_PACKET_H

#include "base/buf.h"
#include "socketio/encode.h"
#include "socketio/packet.h"

/* Where the JSON of a packet lies. All zero is empty; one may serve all sessions of a worker. */
struct sio_scratch {
    struct buf json;
    struct buf attachments; /* of belfry_bytes */
};

void sio_scratch_deinit(struct sio_scratch *scratch);

/*
 * Reads one binary message. @scratch is emptied first; the packet is valid as long as it and
 * @message are left alone. The type of an event or ack with attachments is BINARY_. Never SIO_MORE.
 * SIO_BAD:
 *
 *     invalid format         not MessagePack, or not a map
 *     invalid packet type    invalid namespace    invalid payload    invalid packet id
 *     too many attachments, or nested too deep    other clients could not hear them either
 *
 * An event may be `[]`, as in the reference: it has no name. Refused are, which the reference does
 * not: reserved names, names that are neither string nor number, binary data outside events and
 * acks, namespaces that sio_nsp_is_valid does not like, ids beyond SIO_MAX_ID.
 */
BELFRY_NODISCARD enum sio_verdict sio_msgpack_read(belfry_bytes message,
                                                   const struct sio_limits *limits,
                                                   struct sio_scratch *scratch,
                                                   struct sio_packet *out_packet,
                                                   const char **out_why);

/*
 * Writers, as in socketio/encode.h; each appends one whole message, or nothing.
 *
 * Errors:  BELFRY_ERR_NOMEM
 *          BELFRY_ERR_LIMIT    attachments are named so often that the message would be far larger
 *                              than text and attachments together
 *          BELFRY_ERR_INVALID  what should be JSON is not, or a placeholder names no attachment
 */
BELFRY_NODISCARD belfry_err sio_msgpack_put_event(struct buf *b, const struct sio_head *head,
                                                  const struct sio_event *event,
                                                  const belfry_bytes *attachments);
BELFRY_NODISCARD belfry_err sio_msgpack_put_ack(struct buf *b, const struct sio_head *head,
                                                belfry_bytes args, const belfry_bytes *attachments);
BELFRY_NODISCARD belfry_err sio_msgpack_put_connect(struct buf *b, belfry_bytes nsp,
                                                    belfry_bytes sid, belfry_bytes pid);
BELFRY_NODISCARD belfry_err sio_msgpack_put_connect_error(struct buf *b, belfry_bytes nsp,
                                                          belfry_bytes message, belfry_bytes data);
BELFRY_NODISCARD belfry_err sio_msgpack_put_disconnect(struct buf *b, belfry_bytes nsp);

/* Any packet as it was read. */
BELFRY_NODISCARD belfry_err sio_msgpack_put_packet(struct buf *b, const struct sio_packet *packet);

#endif
