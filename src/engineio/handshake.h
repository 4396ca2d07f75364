/*
 * engineio/handshake.h - a session begins: its id, the open packet, the cookie.
 */
#ifndef ENGINEIO_HANDSHAKE_H
#define ENGINEIO_HANDSHAKE_H

#include "base/buf.h"
#include "base/defs.h"

/* 15 bytes are 20 characters of [A-Za-z0-9_-]. Others test the length, so keep it. */
enum { EIO_SID_BYTES = 15, EIO_SID_SIZE = 20 };

/* Writes an id. No NUL follows it. */
void eio_sid_write(const uint8_t bytes[EIO_SID_BYTES], char out_sid[EIO_SID_SIZE]);

/* The bytes of an id that eio_sid_write could have written; false for all others. */
BELFRY_NODISCARD bool eio_sid_read(belfry_bytes sid, uint8_t out_bytes[EIO_SID_BYTES]);

struct eio_handshake {
    belfry_bytes sid;
    bool may_upgrade; /* lists "websocket" in upgrades: polling sessions, unless not wanted */
    uint32_t ping_interval_ms;
    uint32_t ping_timeout_ms;
    uint64_t max_payload;
};

/*
 * Appends the open packet, type included: 0{"sid":...}. Sticky. It is a WebSocket message as it
 * is; eio_packet_read makes a packet of it for eio_payload_put.
 */
void eio_handshake_put(struct buf *out, const struct eio_handshake *handshake);

enum eio_same_site {
    EIO_SAME_SITE_LAX,
    EIO_SAME_SITE_STRICT,
    EIO_SAME_SITE_NONE,
    EIO_SAME_SITE_UNSET
};

/* How to set the cookie. All zero is the default: io=<sid>; Path=/; HttpOnly; SameSite=Lax */
struct eio_cookie {
    const char *name;    /* NULL: "io" */
    const char *path;    /* NULL: "/" */
    const char *domain;  /* NULL: none */
    const char *expires; /* an HTTP date; NULL: none */
    uint64_t max_age_s;  /* 0: none */
    enum eio_same_site same_site;
    bool is_for_scripts; /* without HttpOnly */
    bool is_secure;
};

/* Is it a cookie that can be set (RFC 6265 4.1.1): name a token, no ';' or control in the rest? */
bool eio_cookie_is_valid(const struct eio_cookie *cookie);

/* Appends the value of Set-Cookie. For handshakes by polling only. Sticky. */
void eio_cookie_put(struct buf *out, const struct eio_cookie *cookie, belfry_bytes sid);

#endif
