/*
 * peek.c - [uid, packet, {rooms: [..], ..}]
 */
#include "redis/peek.h"

#include "base/msgpack.h"

static bool take(struct msgpack_reader *r, enum msgpack_kind kind, struct msgpack_token *out)
{
    return msgpack_next(r, out) && out->kind == kind;
}

static bool take_rooms(struct msgpack_reader *r, struct note_peek *out)
{
    struct msgpack_token token;
    if (!take(r, MSGPACK_ARRAY, &token) || token.count == 0 || token.count > NOTE_PEEK_ROOMS)
        return false;
    out->room_count = token.count;
    for (unsigned i = 0; i < out->room_count; i++) {
        if (!take(r, MSGPACK_STR, &token))
            return false;
        out->rooms[i] = token.bytes;
    }
    return true;
}

/* The member that the reference writes first. */
static bool take_target(struct msgpack_reader *r, struct note_peek *out)
{
    struct msgpack_token map, key;
    return take(r, MSGPACK_MAP, &map) && map.count > 0 && take(r, MSGPACK_STR, &key) &&
           bytes_equal_text(key.bytes, "rooms") && take_rooms(r, out);
}

bool note_peek(belfry_bytes payload, struct note_peek *out)
{
    struct msgpack_reader r = msgpack_reader_of(payload);
    struct msgpack_token array;
    return take(&r, MSGPACK_ARRAY, &array) && array.count == 3 && msgpack_pass(&r) &&
           msgpack_pass(&r) && take_target(&r, out);
}
