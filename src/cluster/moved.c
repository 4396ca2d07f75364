/*
 * moved.c - rooms that sockets have just been moved into, by whomever.
 *
 *   said or heard: JOIN into a room  -->  for a moment, what is said in it goes to everybody, and
 *                                         is not passed over as meant for others
 *
 * The channel of a room is listened to a round trip after its first member came. So without this
 * what is said right behind a JOIN would miss those who were moved on other nodes. A room is a slot
 * of a table: one that has its slot in common with such a room is treated alike, which costs a
 * little and changes nothing.
 */
#include "cluster/node.h"

#define MOMENT_MS 2000

static unsigned slot_of(const struct cluster *c, belfry_bytes nsp, belfry_bytes room)
{
    uint64_t hash = map_hash(c->options.hash_key, room) ^ map_hash(c->options.hash_key, nsp);
    return (unsigned)(hash % MOVED_SLOTS);
}

void moved_note(struct cluster *c, const struct note *note)
{
    if (note->type != NOTE_JOIN)
        return;
    c->moved.latest_ms = c->loop->now_ms + MOMENT_MS;
    for (unsigned i = 0; i < note->targets.count; i++)
        c->moved.until_ms[slot_of(c, note->nsp, note->targets.names[i])] = c->moved.latest_ms;
}

bool moved_into(const struct cluster *c, belfry_bytes nsp, belfry_bytes room)
{
    return c->loop->now_ms < c->moved.latest_ms &&
           c->loop->now_ms < c->moved.until_ms[slot_of(c, nsp, room)];
}
