/*
 * rooms/names.h - which names clients may use for rooms and events.
 *
 * The same rules hold wherever a name comes in: WebSocket, Socket.IO, SSE, the HTTP API.
 */
#ifndef ROOMS_NAMES_H
#define ROOMS_NAMES_H

#include "base/defs.h"

/* The length of a public socket id; all characters are of [A-Za-z0-9_-]. */
#define ROOMS_SOCKET_ID_SIZE 20

/* What is wrong with a name. */
enum rooms_name_fault {
    ROOMS_NAME_OK,
    ROOMS_NAME_EMPTY,
    ROOMS_NAME_TOO_LONG,
    ROOMS_NAME_CONTROL,   /* has a control character */
    ROOMS_NAME_SOCKET_ID, /* a room that belongs to one socket */
    ROOMS_NAME_RESERVED,  /* an event that only the server speaks */
};

/* May clients join a room called @name (valid UTF-8)? */
enum rooms_name_fault rooms_check_room(belfry_bytes name, size_t max_bytes);

/* May clients send an event called @name (valid UTF-8)? */
enum rooms_name_fault rooms_check_event(belfry_bytes name, size_t max_bytes);

/* Has @name the form of a socket id? */
bool rooms_is_socket_id(belfry_bytes name);

/* Does only the server speak the event @name? */
bool rooms_is_reserved_event(belfry_bytes name);

/* "is empty", "has control characters": what comes behind "the room". Owns: static. */
const char *rooms_name_fault_text(enum rooms_name_fault fault);

#endif
