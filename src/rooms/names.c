/*
 * names.c - names are any text that prints, except the few that mean something already.
 *
 * Control characters are refused because a name ends up in log lines, in SSE's `event:` lines and
 * on screens.
 */
#include "rooms/names.h"

#include "base/json.h"

/* What the server says itself, and what Socket.IO's clients and servers say to themselves. */
static const belfry_bytes reserved_events[] = {
    BELFRY_BYTES("user-joined"), BELFRY_BYTES("user-left"),
    BELFRY_BYTES("new-message"), BELFRY_BYTES("gap"),
    BELFRY_BYTES("connect"),     BELFRY_BYTES("connect_error"),
    BELFRY_BYTES("disconnect"),  BELFRY_BYTES("disconnecting"),
    BELFRY_BYTES("newListener"), BELFRY_BYTES("removeListener"),
};

bool rooms_is_socket_id(belfry_bytes name)
{
    const char *c = name.data;
    if (name.size != ROOMS_SOCKET_ID_SIZE)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        bool is_letter = (c[i] >= 'a' && c[i] <= 'z') || (c[i] >= 'A' && c[i] <= 'Z');
        if (!is_letter && !(c[i] >= '0' && c[i] <= '9') && c[i] != '_' && c[i] != '-')
            return false;
    }
    return true;
}

bool rooms_is_reserved_event(belfry_bytes name)
{
    for (const belfry_bytes *r = reserved_events; r != BELFRY_END(reserved_events); r++) {
        if (bytes_equal(name, *r))
            return true;
    }
    return false;
}

static enum rooms_name_fault check_text(belfry_bytes name, size_t max_bytes)
{
    if (name.size == 0)
        return ROOMS_NAME_EMPTY;
    if (name.size > max_bytes)
        return ROOMS_NAME_TOO_LONG;
    return json_text_has_control(name) ? ROOMS_NAME_CONTROL : ROOMS_NAME_OK;
}

enum rooms_name_fault rooms_check_room(belfry_bytes name, size_t max_bytes)
{
    if (rooms_is_socket_id(name))
        return ROOMS_NAME_SOCKET_ID;
    return check_text(name, max_bytes);
}

enum rooms_name_fault rooms_check_event(belfry_bytes name, size_t max_bytes)
{
    if (rooms_is_reserved_event(name))
        return ROOMS_NAME_RESERVED;
    return check_text(name, max_bytes);
}

const char *rooms_name_fault_text(enum rooms_name_fault fault)
{
    switch (fault) {
    case ROOMS_NAME_OK:
        return "is fine";
    case ROOMS_NAME_EMPTY:
        return "is empty";
    case ROOMS_NAME_TOO_LONG:
        return "is too long";
    case ROOMS_NAME_CONTROL:
        return "has control characters";
    case ROOMS_NAME_SOCKET_ID:
        return "has the form of a socket id, and those rooms are private";
    case ROOMS_NAME_RESERVED:
        return "is spoken by the server only";
    }
    BELFRY_UNREACHABLE("every fault has a text");
}
