/*
 * ws_session.h - one WebSocket: frames below, a belfry_sock above (whose states are its own).
 */
#ifndef SERVER_WS_SESSION_H
#define SERVER_WS_SESSION_H

#include "http/head.h"
#include "server/sock.h"
#include "ws/decoder.h"
#include "ws/deflate.h"

/* A compressor of one connection's own. */
struct ws_compressor {
    struct ws_deflate *deflate;
    uint32_t last_ms; /* it compressed something; the low half of the loop's time */
};

/* Idle, this and its slot (20 bytes) and place among everyone (8 bytes) are all that a connection
 * holds. The application's data, if it has any, lies behind it. */
struct ws_session {
    struct conn conn;
    struct belfry_sock sock;
    struct ws_decoder decoder;
    struct ws_compressor *compressor; /* a dedicated one, while in use */
};

#define WS_DATA_OFFSET ((sizeof(struct ws_session) + 15) & ~(size_t)15)

/* What the handshake agreed on. */
struct ws_accept {
    const struct route *route;
    belfry_bytes response; /* the 101 and its fields */
    struct ws_deflate_params deflate;
    char *user; /* Owns: taken on success */
};

/* Turns the HTTP connection @from into a WebSocket and opens it. Errors: NOMEM, LIMIT; @from is as
 * before. */
BELFRY_NODISCARD belfry_err ws_session_start(struct conn *from, const struct ws_accept *accept);

/* Ends it: out of its rooms, last callback, close frame @code if the peer has not had one. */
void ws_fail(struct ws_session *ws, uint16_t code, const char *why, enum close_reason reason);

static inline struct ws_session *ws_of_conn(struct conn *c)
{
    return BELFRY_CONTAINER_OF(c, struct ws_session, conn);
}

static inline struct ws_session *ws_of_sock(const belfry_sock *sock)
{
    return BELFRY_CONTAINER_OF(sock, struct ws_session, sock);
}

#endif
