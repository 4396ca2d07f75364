/*
 * socketio/packet.h - one Socket.IO packet, and how it is read from a text message.
 *
 *     5   1-            /admin,    12     ["photo",{"_placeholder":true,"num":0}]
 *     type attachments  namespace  ack id payload
 *
 * Nothing is copied or decoded: names and payloads stay the JSON that the client wrote, checked
 * once, to be spliced into other packets. This file reads a text alone; socketio/decoder.h adds the
 * attachments that come behind it.
 */
#ifndef SOCKETIO_PACKET_H
#define SOCKETIO_PACKET_H

#include "base/defs.h"

enum sio_type {
    SIO_CONNECT,
    SIO_DISCONNECT,
    SIO_EVENT,
    SIO_ACK,
    SIO_CONNECT_ERROR,
    SIO_BINARY_EVENT,
    SIO_BINARY_ACK,
};

/* The largest ack id: JavaScript could not echo larger ones exactly, and nobody counts so far. */
#define SIO_MAX_ID 9007199254740991u

struct sio_packet {
    enum sio_type type; /* as on the wire; BINARY_ is for attachments > 0 */
    bool has_id;
    uint64_t id;                     /* at most SIO_MAX_ID */
    belfry_bytes nsp;                /* "/" when absent; otherwise begins with it */
    belfry_bytes data;               /* JSON of the payload without blanks around; empty: none */
    belfry_bytes name;               /* EVENT: JSON token, string or number; empty: none */
    belfry_bytes args;               /* EVENT: the JSON values behind the name, "1,{}"; ACK: all */
    uint32_t arg_count;              /* values in @args */
    unsigned attachment_count;       /* of BINARY_EVENT and BINARY_ACK */
    const belfry_bytes *attachments; /* what the placeholders in @args stand for */
};

static inline bool sio_is_event(const struct sio_packet *packet)
{
    return packet->type == SIO_EVENT || packet->type == SIO_BINARY_EVENT;
}

static inline bool sio_is_ack(const struct sio_packet *packet)
{
    return packet->type == SIO_ACK || packet->type == SIO_BINARY_ACK;
}

/* Settings. */
struct sio_limits {
    unsigned max_depth;        /* nesting of a payload, its own brackets included */
    unsigned max_attachments;  /* of one packet */
    uint64_t max_binary_bytes; /* all attachments of one packet together */
};

enum sio_verdict {
    SIO_PACKET,    /* a whole packet was read */
    SIO_MORE,      /* a binary packet's head was read: its attachments are due */
    SIO_BAD,       /* not Socket.IO; @out_why says why */
    SIO_NO_MEMORY, /* the packet is lost */
};

/*
 * Reads the text of one message (without Engine.IO's `4`; valid UTF-8). SIO_MORE fills in all but
 * the attachments. Never SIO_NO_MEMORY. @out_why is static: the reference's words where it has
 * some; @out_packet is untouched then.
 *
 *     unknown packet type 7    Illegal attachments    too many attachments    invalid packet id
 *     invalid payload          (also: nested too deep, reserved event name, a blank before it)
 */
BELFRY_NODISCARD enum sio_verdict sio_packet_read(belfry_bytes text,
                                                  const struct sio_limits *limits,
                                                  struct sio_packet *out_packet,
                                                  const char **out_why);

/*
 * Fills in name, args and arg_count of an event or ack whose data is set. False: the data is not
 * what the type needs.
 */
BELFRY_NODISCARD bool sio_packet_split(struct sio_packet *packet, unsigned max_depth);

/* Names that only the library speaks; @token is a JSON string. */
bool sio_is_reserved_event(belfry_bytes token);

/* Can @nsp be said on the wire: "/", or "/" and more, without a comma? */
bool sio_nsp_is_valid(belfry_bytes nsp);

/*
 * Engine.IO 3 clients put what others send as auth behind the namespace: "/foo?token=abc" is
 * "/foo" and "token=abc". Without a question mark the query is empty. A '#' ends either.
 */
void sio_split_query(belfry_bytes nsp, belfry_bytes *out_path, belfry_bytes *out_query);

#endif
