/*
 * sio_peers.h - doing something with all sockets of this server that a selection reaches.
 *
 * Thread: any; callbacks run on the calling worker, from elsewhere on worker 0, and may run before
 * the function returns. The selection is copied. Errors: NOMEM; STATE: @nsp is a parent.
 */
#ifndef SERVER_SIO_PEERS_H
#define SERVER_SIO_PEERS_H

#include <belfry/belfry.h>

#include "hub/hub.h"

BELFRY_NODISCARD belfry_err sio_peers_fetch(belfry_nsp *nsp, const struct hub_selection *selection,
                                            belfry_peers_handler on_peers, void *user);
BELFRY_NODISCARD belfry_err sio_peers_disconnect(belfry_nsp *nsp,
                                                 const struct hub_selection *selection,
                                                 belfry_extent extent);

#endif
