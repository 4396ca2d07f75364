/*
 * opcode.h - what the first byte of a frame says (RFC 6455 5.2), and who masks.
 *
 *      0   1   2   3   4 5 6 7
 *     FIN RSV1 RSV2 RSV3 opcode        WS_TEXT | WS_FIN is a whole text message
 */
#ifndef WS_OPCODE_H
#define WS_OPCODE_H

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xA,
};

enum {
    WS_FIN = 0x80,
    WS_COMPRESSED = 0x40, /* RSV1, as RFC 7692 uses it: on the first frame of a message */
    WS_RESERVED = 0x30,   /* RSV2 and RSV3: nobody has given them a meaning */
    WS_OPCODE_BITS = 0x0F,
    WS_CONTROL = 0x08, /* set in the opcode of every control frame */
    WS_MASKED = 0x80,  /* in the second byte */
};

enum {
    WS_HEADER_MAX = 14,          /* bytes: 2, a 64-bit length, a mask key */
    WS_CONTROL_PAYLOAD_MAX = 125 /* bytes, RFC 6455 5.5 */
};

/* Which side we are. A server receives masked frames and sends unmasked ones; a client the
 * other way round (RFC 6455 5.1). */
enum ws_role { WS_SERVER, WS_CLIENT };

#endif
