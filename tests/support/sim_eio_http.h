/*
 * sim_eio_http.h - one connection that carries HTTP requests, one at a time.
 *
 *     h = sim_http_new(&world, worker, on_response, user);
 *     sim_http_post(h, "/socket.io/?EIO=4&transport=polling&sid=...", NULL, body);
 *     ... on_response(h, 200, "ok", user); now it is idle and may be asked again
 *     sim_http_free(h);                    also from on_response
 *
 * A request on a connection that was used before, which the server has just closed for being idle,
 * goes out again on a fresh one: that is what browsers do.
 */
#ifndef SUPPORT_SIM_EIO_HTTP_H
#define SUPPORT_SIM_EIO_HTTP_H

#include "support/sim_world.h"

struct sim_http;

/* @status 0: it ended without an answer. The body is valid until this returns. */
typedef void sim_http_response(struct sim_http *h, unsigned status, belfry_bytes body, void *user);

struct sim_http {
    struct sim_world *world;
    struct sim_link *link; /* NULL once it has ended */
    sim_http_response *on_response;
    void *user;
    struct buf request; /* the one that waits for its answer */
    struct buf inbox;
    unsigned worker;
    unsigned served; /* answers that came */
    bool is_waiting;
    bool was_reset;
    bool may_be_cut; /* the server may end it inside an answer: its memory is out */
};

struct sim_http *sim_http_new(struct sim_world *world, unsigned worker,
                              sim_http_response *on_response, void *user);

/* Hangs up if need be. @h may be NULL. */
void sim_http_free(struct sim_http *h);

/* May it be asked something? */
static inline bool sim_http_is_idle(const struct sim_http *h)
{
    return h->link != NULL && !h->is_waiting;
}

void sim_http_get(struct sim_http *h, const char *target);

/* @type NULL: "text/plain;charset=UTF-8". */
void sim_http_post(struct sim_http *h, const char *target, const char *type, belfry_bytes body);

/* Any bytes; an answer is expected. */
void sim_http_ask(struct sim_http *h, belfry_bytes request);

void sim_http_reset(struct sim_http *h);

#endif
