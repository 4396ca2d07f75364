/*
 * handshake.h - the values of the opening handshake (RFC 6455 section 4), for either side.
 *
 * Takes header values, not requests: whoever parsed the HTTP hands them over. A header that
 * occurs several times and is a list is joined with commas first.
 */
#ifndef WS_HANDSHAKE_H
#define WS_HANDSHAKE_H

#include "base/buf.h"
#include "base/defs.h"

enum {
    WS_KEY_SIZE = 24,    /* base64 of 16 bytes */
    WS_ACCEPT_SIZE = 28, /* base64 of a SHA-1 */
    WS_NONCE_SIZE = 16,
};

/* --- both sides --- */

/* Is Sec-WebSocket-Key the base64 of 16 bytes (RFC 6455 4.2.1, 5.)? */
bool ws_key_is_valid(belfry_bytes key);

/* Sec-WebSocket-Accept of @key; no NUL is written. Errors: NOMEM, when OpenSSL cannot hash. */
BELFRY_NODISCARD belfry_err ws_accept_key(const char key[WS_KEY_SIZE],
                                          char out_accept[WS_ACCEPT_SIZE]);

/* Is @token (lower case) one of the elements of a comma-separated @list? Whole tokens, whatever
 * their case. */
bool ws_has_token(belfry_bytes list, const char *token);

/* Is @list one or more tokens (RFC 9110 5.6.2) separated by commas, with optional blanks? */
bool ws_is_token_list(belfry_bytes list);

/* --- server --- */

/* The first of the client's Sec-WebSocket-Protocol that is among the @count @offered (case counts),
 * as a pointer into @offered; NULL when there is none. */
const char *ws_subprotocol_choose(belfry_bytes clients, const char *const *offered, size_t count);

/* --- client --- */

/* The values of a request. Those of size 0 are left out; none may hold CR, LF or NUL. */
struct ws_request {
    belfry_bytes host;       /* with the port where it is not the default */
    belfry_bytes target;     /* /path?query; empty is / */
    belfry_bytes origin;     /* optional, as are all below */
    belfry_bytes protocols;  /* "chat, superchat" */
    belfry_bytes extensions; /* from ws_deflate_offer_write() */
    const char *key;         /* WS_KEY_SIZE characters, from ws_key_write() */
    belfry_bytes more;       /* further header lines, each ending in CR LF */
};

/* A key of 16 random bytes, a new one for every connection; no NUL is written. */
void ws_key_write(const uint8_t nonce[WS_NONCE_SIZE], char out_key[WS_KEY_SIZE]);

/* Appends the request. Errors: INVALID (a line break in a value), NOMEM; @out is as before. */
BELFRY_NODISCARD belfry_err ws_request_write(struct buf *out, const struct ws_request *request);

/* The values of a response. */
struct ws_response {
    unsigned status;
    belfry_bytes upgrade;
    belfry_bytes connection;
    belfry_bytes accept;
    belfry_bytes protocol; /* size 0: none */
};

/* RFC 6455 4.1: does @response accept the request with @key and @protocols? NULL: yes. Otherwise
 * why not, a static text. Its extensions are ws_deflate_confirm()'s business. */
const char *ws_response_refusal(const struct ws_response *response, const char key[WS_KEY_SIZE],
                                belfry_bytes protocols);

#endif
