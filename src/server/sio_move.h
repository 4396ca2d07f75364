/*
 * sio_move.h - many sockets of this server into a room, or out of one, in the order of what is
 * said.
 *
 * Thread: any. The selection and the room's name are copied.
 * Errors: AGAIN (a foreign thread), LIMIT, INVALID, NOMEM.
 */
#ifndef SERVER_SIO_MOVE_H
#define SERVER_SIO_MOVE_H

#include <belfry/belfry.h>

#include "hub/hub.h"

BELFRY_NODISCARD belfry_err sio_move(belfry_nsp *nsp, const struct hub_selection *selection,
                                     const char *room, bool is_join);

#endif
