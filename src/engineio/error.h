/*
 * engineio/error.h - why a request is refused: codes, texts, and the bodies that say so.
 */
#ifndef ENGINEIO_ERROR_H
#define ENGINEIO_ERROR_H

#include "base/buf.h"
#include "base/defs.h"

/*    name                  code  message */
#define EIO_ERRORS(X)                                      \
    X(UNKNOWN_TRANSPORT, 0, "Transport unknown")           \
    X(UNKNOWN_SID, 1, "Session ID unknown")                \
    X(BAD_HANDSHAKE_METHOD, 2, "Bad handshake method")     \
    X(BAD_REQUEST, 3, "Bad request")                       \
    X(FORBIDDEN, 4, "Forbidden") /* or the hook's words */ \
    X(UNSUPPORTED_REVISION, 5, "Unsupported protocol version")

enum eio_error {
#define EIO_ERROR_ENUM(name, code, message) EIO_ERR_##name = code,
    EIO_ERRORS(EIO_ERROR_ENUM)
#undef EIO_ERROR_ENUM
};

/* Codes are numbered without a gap. */
#define EIO_ERROR_COUNT (EIO_ERR_UNSUPPORTED_REVISION + 1)

/* What exactly was wrong, for those who watch refusals; clients are not told. */
#define EIO_CONTEXTS(X)          \
    X(INVALID_ORIGIN)            \
    X(TRANSPORT_MISMATCH)        \
    X(PROTOCOL_MISMATCH)         \
    X(TRANSPORT_HANDSHAKE_ERROR) \
    X(ID_GENERATION_ERROR)       \
    X(MIDDLEWARE_FAILURE)

enum eio_context {
    EIO_CONTEXT_NONE, /* the code says it all */
#define EIO_CONTEXT_ENUM(name) EIO_CONTEXT_##name,
    EIO_CONTEXTS(EIO_CONTEXT_ENUM)
#undef EIO_CONTEXT_ENUM
};

/* A refused upgrade is answered with 400, a text, and the end of the connection. */
enum eio_asked { EIO_ASKED_HTTP, EIO_ASKED_UPGRADE };

/* "Transport unknown". Owns: static. */
const char *eio_error_message(enum eio_error error);

/* "TRANSPORT_MISMATCH"; "" for EIO_CONTEXT_NONE. Owns: static. */
const char *eio_context_name(enum eio_context context);

/* The status: 403 for a request that a hook forbids, else 400, upgrades included. */
unsigned eio_error_status(enum eio_error error, enum eio_asked asked);

/*
 * Appends the body: {"code":N,"message":"..."} (application/json), or for an upgrade the message
 * alone (text/html). @message is UTF-8; empty means the table's. Sticky.
 */
void eio_error_put(struct buf *out, enum eio_error error, enum eio_asked asked,
                   belfry_bytes message);

/* The Content-Type of that body. Owns: static. */
const char *eio_error_content_type(enum eio_asked asked);

#endif
