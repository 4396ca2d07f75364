/*
 * presence.h - telling a room who came and who left.
 *
 * Small rooms hear each name; rooms above presence_limit hear their count once a second, since
 * names would cost the square of the room. Thread: the worker's.
 */
#ifndef SERVER_PRESENCE_H
#define SERVER_PRESENCE_H

#include "server/sock.h"

enum presence_change { PRESENCE_JOINED, PRESENCE_LEFT };

/* @members: how many are in @room now. */
void presence_announce(const belfry_sock *sock, belfry_bytes room, enum presence_change change,
                       uint32_t members);

void presence_init(struct worker *worker);
void presence_deinit(struct worker *worker);

#endif
