/*
 * socketio/decoder.h - from the messages of one Engine.IO session to packets.
 *
 *     struct sio_decoder d = { 0 };
 *     switch (sio_decoder_text(&d, &limits, text, &packet, &why)) {      or sio_decoder_binary
 *     case SIO_PACKET:    handle it; then sio_decoder_release(&d);
 *     case SIO_MORE:      attachments are due
 *     case SIO_BAD:       close the session
 *     case SIO_NO_MEMORY: close the session: attachments would have no packet
 *     }
 *
 *     idle --text of a binary packet: SIO_MORE--> collecting --its last attachment: SIO_PACKET-->
 * idle
 *
 * The state is the session's: not of a namespace and not of a transport. Between packets it is one
 * pointer. The text of a binary packet is checked when it comes, its placeholders when the last
 * attachment comes.
 *
 * Owns:    a packet's spans point into the message of this call or into the decoder; they are valid
 *          until the next call with this decoder, or until that message is gone.
 */
#ifndef SOCKETIO_DECODER_H
#define SOCKETIO_DECODER_H

#include "socketio/packet.h"

/* All zero is fresh. */
struct sio_decoder {
    struct sio_pending *pending; /* the packet whose attachments come; or the one just delivered */
};

/*
 * A text message (without Engine.IO's `4`; valid UTF-8). SIO_BAD beside those of sio_packet_read:
 *
 *     got plaintext data when reconstructing a packet
 *
 * After SIO_BAD and SIO_NO_MEMORY, here and below, the decoder is idle and holds nothing.
 */
BELFRY_NODISCARD enum sio_verdict sio_decoder_text(struct sio_decoder *d,
                                                   const struct sio_limits *limits,
                                                   belfry_bytes text, struct sio_packet *out_packet,
                                                   const char **out_why);

/*
 * A binary message: the next attachment. The last one is not copied. SIO_BAD:
 *
 *     got binary data when not reconstructing a packet
 *     attachments are too large         all together above max_binary_bytes
 *     illegal attachments               a placeholder is not flat or names none of them
 */
BELFRY_NODISCARD enum sio_verdict sio_decoder_binary(struct sio_decoder *d,
                                                     const struct sio_limits *limits,
                                                     belfry_bytes bytes,
                                                     struct sio_packet *out_packet,
                                                     const char **out_why);

/* The packet that was delivered last is not needed any more. A packet being collected stays. */
void sio_decoder_release(struct sio_decoder *d);

/* Are attachments due? */
bool sio_decoder_is_collecting(const struct sio_decoder *d);

/* Frees; the decoder is fresh again. */
void sio_decoder_deinit(struct sio_decoder *d);

#endif
