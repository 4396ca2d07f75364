/*
 * rooms/request.h - what a client of the room protocol asks for.
 *
 *     enum rooms_error error = rooms_request_parse(text, &limits, &request, &scratch);
 *     if (error != ROOMS_OK)
 *         rooms_put_error(&reply, request.ref, error, request.reason);
 *
 * One text frame is one JSON object. Unknown fields are ignored; an optional field that is null
 * counts as absent.
 *
 *     type      needs        may have
 *     join      room         since, history
 *     leave     room
 *     message   text         room, key
 *     event     event        room, data, key, volatile
 *     members   room         after
 *     ping
 *
 * and every one may have a ref.
 */
#ifndef ROOMS_REQUEST_H
#define ROOMS_REQUEST_H

#include "base/buf.h"
#include "base/defs.h"
#include "rooms/errors.h"

#define ROOMS_MAX_REF_BYTES 128   /* as it stands in the request, with quotes */
#define ROOMS_MAX_KEY_BYTES 128   /* kept with the message while history lasts */
#define ROOMS_MAX_EVENT_BYTES 256 /* of an event's name */
#define ROOMS_MAX_USER_BYTES 256  /* of who a backend speaks for */
#define ROOMS_MAX_SINCE_BYTES 128 /* of the positions `since` and `after` */

enum rooms_request_type {
    ROOMS_JOIN,
    ROOMS_LEAVE,
    ROOMS_MESSAGE,
    ROOMS_EVENT,
    ROOMS_MEMBERS,
    ROOMS_PING,
};

/* Settings; none may be 0. */
struct rooms_limits {
    unsigned max_json_depth;
    size_t max_room_name_bytes;
};

/*
 * Bytes point into the request's text or into the scratch buffer and live as long as both are left
 * alone. "JSON" is a value as the client wrote it, to be spliced into other JSON unchanged.
 */
struct rooms_request {
    enum rooms_request_type type;
    bool has_room;
    bool has_history;
    bool is_volatile;
    uint32_t history;        /* how many past messages are asked for; larger wishes are cut */
    belfry_bytes ref;        /* JSON string or number to echo; empty: none */
    belfry_bytes room;       /* a name that rooms_check_room accepts */
    belfry_bytes since;      /* the position to resume from; empty: none */
    belfry_bytes text;       /* JSON string */
    belfry_bytes event;      /* a name that rooms_check_event accepts */
    belfry_bytes event_json; /* the same, as JSON string */
    belfry_bytes data;       /* JSON value; `null` if there was none */
    belfry_bytes key;        /* makes a resend safe; empty: none */
    belfry_bytes user;       /* rooms_publish_parse: who is to have said it; empty: nobody */
    belfry_bytes after;      /* the page of members to go on from; empty: the first */
    belfry_bytes reason;     /* of an error: what is wrong and what to do */
};

/*
 * Reads @text (valid UTF-8). @scratch is emptied first. On errors only @ref (if it could be read)
 * and @reason are set. Without memory the answer is ROOMS_ERR_BUSY.
 */
enum rooms_error rooms_request_parse(belfry_bytes text, const struct rooms_limits *limits,
                                     struct rooms_request *out_request, struct buf *scratch);

/*
 * The same for what a backend says: MESSAGE if it has a text, else EVENT. The room and who speaks
 * are known otherwise; there is no ref.
 *
 *     needs              may have
 *     text               key, user
 *     event              data, key, user, volatile
 */
BELFRY_NODISCARD enum rooms_error rooms_publish_parse(belfry_bytes text,
                                                      const struct rooms_limits *limits,
                                                      struct rooms_request *out_request,
                                                      struct buf *scratch);

#endif
