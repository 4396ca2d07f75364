/*
 * engineio/close.h - why a session ended, and what its pending poll is told.
 *
 * Applications hear the reason, which is part of the protocol; the cause is finer, and has the
 * description where the protocol knows one.
 */
#ifndef ENGINEIO_CLOSE_H
#define ENGINEIO_CLOSE_H

#include "base/buf.h"
#include "base/defs.h"
#include "engineio/payload.h"

#define EIO_REASONS(X)                    \
    X(TRANSPORT_CLOSE, "transport close") \
    X(TRANSPORT_ERROR, "transport error") \
    X(PING_TIMEOUT, "ping timeout")       \
    X(PARSE_ERROR, "parse error")         \
    X(FORCED_CLOSE, "forced close")

enum eio_reason {
#define EIO_REASON_ENUM(name, text) EIO_REASON_##name,
    EIO_REASONS(EIO_REASON_ENUM)
#undef EIO_REASON_ENUM
};

/* clang-format off */
/*    name              reason            description */
#define EIO_CAUSES(X)                                                                              \
    X(CLIENT_CLOSE,     TRANSPORT_CLOSE,  "")          /* packet 1 */                              \
    X(WEBSOCKET_CLOSED, TRANSPORT_CLOSE,  "")          /* close frame, or TCP lost */              \
    X(WEBSOCKET_ERROR,  TRANSPORT_ERROR,  "")          /* bad frame, bad UTF-8, too big */         \
    X(POLL_OVERLAP,     TRANSPORT_ERROR,  "overlap from client")                                   \
    X(POLL_LOST,        TRANSPORT_ERROR,  "poll connection closed prematurely")                    \
    X(DATA_OVERLAP,     TRANSPORT_ERROR,  "data request overlap from client")                      \
    X(DATA_LOST,        TRANSPORT_ERROR,  "data request connection closed prematurely")            \
    X(CONTENT,          TRANSPORT_ERROR,  "invalid content")                                       \
    X(HEARTBEAT,        TRANSPORT_ERROR,  "invalid heartbeat direction")                           \
    X(NO_MEMORY,        TRANSPORT_ERROR,  "out of memory")                                         \
    X(PING_TIMEOUT,     PING_TIMEOUT,     "")                                                      \
    X(PARSE_ERROR,      PARSE_ERROR,      "")                                                      \
    X(FORCED,           FORCED_CLOSE,     "")          /* this side wanted it */
/* clang-format on */

enum eio_cause {
#define EIO_CAUSE_ENUM(name, reason, description) EIO_CAUSE_##name,
    EIO_CAUSES(EIO_CAUSE_ENUM)
#undef EIO_CAUSE_ENUM
};

enum eio_reason eio_cause_reason(enum eio_cause cause);

/* "overlap from client"; "" where there is none. Owns: static. */
const char *eio_cause_description(enum eio_cause cause);

/* "transport close". Owns: static. */
const char *eio_reason_text(enum eio_reason reason);

/* The last body that a poll of the session gets. */
enum eio_farewell {
    EIO_FAREWELL_CLOSE,      /* 1: the server or an error ended it while the poll was pending */
    EIO_FAREWELL_NOOP,       /* 6: the client ended it itself */
    EIO_FAREWELL_NOOP_CLOSE, /* 6, 1: the server had wanted to close before the poll came */
};

/* Appends that body, in text form. Sticky. */
void eio_farewell_put(struct buf *out, enum eio_revision revision, enum eio_farewell farewell);

#endif
