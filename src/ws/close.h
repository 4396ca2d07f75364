/*
 * close.h - close codes (RFC 6455 7.4 and the IANA registry) as one table, and close payloads.
 */
#ifndef WS_CLOSE_H
#define WS_CLOSE_H

#include "base/defs.h"
#include "ws/opcode.h"

/* name           code  wire?  text */
#define WS_CLOSE_CODES(X)                                           \
    X(NORMAL, 1000, true, "normal closure")                         \
    X(GOING_AWAY, 1001, true, "going away")                         \
    X(PROTOCOL_ERROR, 1002, true, "protocol error")                 \
    X(UNSUPPORTED, 1003, true, "unsupported data")                  \
    X(RESERVED, 1004, false, "reserved")                            \
    X(NO_STATUS, 1005, false, "no status received")                 \
    X(ABNORMAL, 1006, false, "abnormal closure")                    \
    X(BAD_DATA, 1007, true, "invalid payload data")                 \
    X(POLICY, 1008, true, "policy violation")                       \
    X(TOO_BIG, 1009, true, "message too big")                       \
    X(EXTENSION_MISSING, 1010, true, "mandatory extension missing") \
    X(INTERNAL, 1011, true, "internal error")                       \
    X(RESTART, 1012, true, "service restart")                       \
    X(TRY_LATER, 1013, true, "try again later")                     \
    X(BAD_GATEWAY, 1014, true, "bad gateway")                       \
    X(TLS_FAILED, 1015, false, "TLS handshake failed")

enum ws_close_code {
#define WS_CLOSE_ENUM(name, code, may_be_sent, text) WS_CLOSE_##name = code,
    WS_CLOSE_CODES(WS_CLOSE_ENUM)
#undef WS_CLOSE_ENUM
};

/* May @code stand in a close frame? 1000-1003, 1007-1014, and 3000-4999 for applications. */
bool ws_close_is_valid(unsigned code);

/* A short text for @code, never NULL. Owns: static. */
const char *ws_close_text(unsigned code);

/*
 * Writes the payload of a close frame and returns its size. @reason must be UTF-8; it is cut to
 * 123 bytes at the border of a character. WS_CLOSE_NO_STATUS gives the empty payload; any other
 * code must be valid (a peer's invalid one is answered with 1002, not echoed).
 */
size_t ws_close_write(uint8_t out[WS_CONTROL_PAYLOAD_MAX], unsigned code, belfry_bytes reason);

#endif
