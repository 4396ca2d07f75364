/*
 * sse_session.h - one event stream: a belfry_sock that is written to and says nothing.
 *
 *   OPEN --we close--> CLOSING --its timer--> ENDED
 *     +------------the reader goes-------------> ENDED
 *
 * The stream ends with its connection: no length, no chunks, so that what is said to a room is the
 * same bytes for each of its readers.
 */
#ifndef SERVER_SSE_SESSION_H
#define SERVER_SSE_SESSION_H

#include "server/sock.h"

/* The application's data, if it has any, lies behind it. */
struct sse_session {
    struct conn conn;
    struct belfry_sock sock;
    bool is_gzip;
    bool is_open;        /* the application has heard of it */
    uint16_t close_code; /* of who is closing it */
    bool was_blocked;    /* when the timer rang last; nothing has left since */
};

/* What a request has come to. */
struct sse_accept {
    const struct route *route;
    belfry_bytes head; /* of the response, whole */
    bool is_gzip;
    char *user; /* Owns: taken on success */
    const belfry_bytes *rooms;
    uint32_t room_count;
    bool has_since;
    bool is_since_unknown; /* not a position of this server: all there is, and a gap */
    struct message_id since;
    uint32_t history; /* without since: the last so many of each room */
};

/* Turns the HTTP connection @from into an event stream and opens it. Errors: NOMEM, LIMIT; @from is
 * as before. */
BELFRY_NODISCARD belfry_err sse_session_start(struct conn *from, const struct sse_accept *accept);

#endif
