/*
 * rooms/errors.h - what the room protocol can refuse, as one table.
 *
 * Clients see the code, which is stable, and a reason, which says what is wrong and what to do;
 * where the reason can name the field or the limit, rooms_request_parse says it more exactly than
 * the text here.
 */
#ifndef ROOMS_ERRORS_H
#define ROOMS_ERRORS_H

/* clang-format off */
/*    name            code              default reason */
#define ROOMS_ERRORS(X)                                                                            \
    X(BAD_JSON,       "bad-json",       "not a JSON object: send one JSON object per text frame")   \
    X(NOT_TEXT,       "not-text",       "binary frames mean nothing here: send JSON in text frames") \
    X(BAD_REQUEST,    "bad-request",    "a field is missing or has the wrong type")                \
    X(UNKNOWN_TYPE,   "unknown-type",   "type must be join, leave, message, event, members or ping") \
    X(BAD_ROOM,       "bad-room",       "this cannot be the name of a room: choose another")       \
    X(NO_ROOM,        "no-room",        "no room was named or joined: join one, or say which in room") \
    X(NOT_MEMBER,     "not-member",     "not a member of this room: join it first")                \
    X(TOO_MANY_ROOMS, "too-many-rooms", "this connection is in as many rooms as it may be: leave one first") \
    X(SERVER_FULL,    "server-full",    "the server has as many rooms as it may have: try again later") \
    X(RESERVED_EVENT, "reserved-event", "this event name is spoken by the server only: choose another") \
    X(TOO_LARGE,      "too-large",      "larger than a member may be sent: send less at a time")   \
    X(BUSY,           "busy",           "the server is busy: try again in a moment")
/* clang-format on */

enum rooms_error {
    ROOMS_OK,
#define ROOMS_ERROR_ENUM(name, code, reason) ROOMS_ERR_##name,
    ROOMS_ERRORS(ROOMS_ERROR_ENUM)
#undef ROOMS_ERROR_ENUM
};

/* "bad-json", as on the wire; "ok" for ROOMS_OK. Owns: static. */
const char *rooms_error_code(enum rooms_error error);

/* The default reason. Owns: static. */
const char *rooms_error_reason(enum rooms_error error);

#endif
