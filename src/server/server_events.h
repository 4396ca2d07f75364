/*
 * server_events.h - events between the servers of a cluster (serverSideEmit).
 */
#ifndef SERVER_SERVER_EVENTS_H
#define SERVER_SERVER_EVENTS_H

#include <belfry/belfry.h>

#include "redis/note.h"

struct nsp_handlers;

/* One handler of belfry_on_server. */
struct server_handler {
    struct server_handler *next;
    belfry_server_handler fn;
    void *user;
    size_t name_size;
    char name[];
};

void server_handlers_free(struct nsp_handlers *handlers);

/* Calls the handlers of @note's event. @answered is called at most once, and before it returns, if
 * the note asks for an answer and one gives it. Thread: worker 0. */
void server_event_dispatch(belfry_nsp *nsp, const struct note *note,
                           void (*answered)(belfry_bytes args, const belfry_bytes *parts,
                                            unsigned count, void *user),
                           void *user);

#endif
