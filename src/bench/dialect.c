/*
 * dialect.c - the room protocol of /ws, the default application over Socket.IO, and none at all.
 *
 * In Socket.IO packets (protocol 5, inside Engine.IO messages) 42 is an event, 420 one that wants
 * ack number 0, and 430 that ack.
 */
#include "bench/dialect.h"

#include "bench/walk.h"

#define SOCKETIO_COPY "42[\"new-message\""
_Static_assert(sizeof SOCKETIO_COPY - 1 <= WALK_PREFIX_BYTES, "a copy is known by its prefix");

static const struct dialect plain = { .message = "@t", .joined = "", .refused = "", .copy = "" };

static const struct dialect rooms = {
    .join = "{\"type\":\"join\",\"room\":\"@r\"}",
    .message = "{\"type\":\"message\",\"text\":\"@t\"}",
    .joined = "{\"type\":\"joined\"",
    .refused = "{\"type\":\"error\"",
    .copy = "{\"type\":\"message\"",
};

static const struct dialect socketio = {
    .join = "420[\"join-room\",\"@r\"]",
    .message = "42[\"send-message\",{\"roomId\":\"@r\",\"text\":\"@t\"}]",
    .joined = "430[",
    .refused = "430[{\"error\"",
    .copy = SOCKETIO_COPY,
};

const struct dialect *dialect_of(const struct bench_options *options)
{
    if (options->is_plain)
        return &plain;
    return options->is_socketio ? &socketio : &rooms;
}

void dialect_put(struct buf *out, const char *pattern, const char *room, belfry_bytes text)
{
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at != '@') {
            buf_put_char(out, *at);
            continue;
        }
        at++;
        BELFRY_ASSERT(*at == 'r' || *at == 't');
        if (*at == 'r')
            buf_put_text(out, room);
        else
            buf_put_bytes(out, text);
    }
}
