/*
 * engineio/packet.h - one Engine.IO packet, and what it is as one WebSocket message.
 *
 *     result = eio_packet_read(revision, is_binary, message, &scratch, &packet);
 *     is_binary = eio_packet_put(&out, revision, EIO_MAY_BINARY, &packet);
 *
 *                    revision 4            revision 3
 *     text           "4hello"              "4hello"
 *     binary         the bytes             04, then the bytes
 *     as base64      "bAQID"               "b4AQID"          in text, for peers without binary
 *
 * Text is UTF-8 that somebody has checked; nothing here looks inside it.
 */
#ifndef ENGINEIO_PACKET_H
#define ENGINEIO_PACKET_H

#include "base/buf.h"
#include "base/defs.h"

enum eio_type {
    EIO_OPEN,
    EIO_CLOSE,
    EIO_PING,
    EIO_PONG,
    EIO_MESSAGE,
    EIO_UPGRADE,
    EIO_NOOP,
};

/* Revision 3 is Socket.IO 1 and 2, revision 4 is Socket.IO 3 and 4. */
enum eio_revision { EIO_REVISION_3 = 3, EIO_REVISION_4 = 4 };

enum eio_result {
    EIO_OK,
    EIO_MALFORMED, /* close the session: "parse error" */
    EIO_NO_MEMORY,
};

/* Can the peer receive binary? Not if it said b64=1. */
enum eio_binary { EIO_MAY_BINARY, EIO_BASE64_ONLY };

struct eio_packet {
    enum eio_type type;
    bool is_binary;
    belfry_bytes data; /* without the type */
};

/* The part of eio_packet_read for everything but text that begins with a digit. */
BELFRY_NODISCARD enum eio_result eio_packet_read_rare(enum eio_revision revision, bool is_binary,
                                                      belfry_bytes message, struct buf *scratch,
                                                      struct eio_packet *out_packet);

/*
 * Reads one WebSocket message. @scratch is replaced by decoded base64 when there is some, else it
 * is not touched.
 *
 * Owns:  @out_packet->data points into @message or @scratch, and is valid as long as that is.
 */
BELFRY_NODISCARD static inline enum eio_result eio_packet_read(enum eio_revision revision,
                                                               bool is_binary, belfry_bytes message,
                                                               struct buf *scratch,
                                                               struct eio_packet *out_packet)
{
    const uint8_t *data = message.data;
    if (BELFRY_UNLIKELY(is_binary || message.size == 0 || data[0] < '0' || data[0] > '6'))
        return eio_packet_read_rare(revision, is_binary, message, scratch, out_packet);
    out_packet->type = (enum eio_type)(data[0] - '0');
    out_packet->is_binary = false;
    out_packet->data = bytes_of(data + 1, message.size - 1);
    return EIO_OK;
}

/*
 * Appends @packet as one WebSocket message (sticky). True: send it as binary. Only messages are
 * binary in revision 4.
 */
bool eio_packet_put(struct buf *out, enum eio_revision revision, enum eio_binary binary,
                    const struct eio_packet *packet);

#endif
