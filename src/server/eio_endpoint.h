/*
 * eio_endpoint.h - a path where Socket.IO is spoken: which request is whose, and what is refused.
 *
 *   request --> preflight? --> transport --> sid: known, same transport, same revision?
 *                                  |               +--> its session, on its worker
 *                                  +--> no sid: method, revision, the application's hook
 *                                                  +--> a new session
 *
 * Refusals have the reference's codes and bodies (engineio.md 4), whatever worker the request came
 * to. Thread: as exchange.h.
 */
#ifndef SERVER_EIO_ENDPOINT_H
#define SERVER_EIO_ENDPOINT_H

#include <belfry/belfry.h>

#include "engineio/query.h"
#include "server/exchange.h"
#include "server/router.h"

struct eio_endpoint {
    struct eio_endpoint *next; /* of the server's */
    struct belfry *server;
    char *path;
    belfry_socketio_hooks hooks;
    struct route route; /* what its sockets are of */
};

/* Is @transport among those that the option transports lists? */
bool eio_endpoint_has(const struct eio_endpoint *e, enum eio_transport transport);

/* What every answer has: CORS; and that it is not to be stored. */
void eio_endpoint_put_cors(const struct eio_endpoint *e, struct exchange *x);
void eio_endpoint_put_fields(const struct eio_endpoint *e, struct exchange *x);

/* Adds the endpoint that nobody asked for by name, if there are handlers. At the start. */
BELFRY_NODISCARD belfry_err eio_endpoints_complete(struct belfry *server);
void eio_endpoints_deinit(struct belfry *server);

#endif
