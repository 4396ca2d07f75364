/*
 * router.h - which handler a path belongs to.
 *
 *   /feed           that path          /rooms/:room    any one segment, by name
 *   a last segment that is an asterisk matches all below
 *
 * Routes are few and set before the start: a list, first match wins.
 */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include <belfry/belfry.h>

#include "http/head.h"
#include "server/exchange.h"

enum route_kind { ROUTE_HTTP, ROUTE_WS, ROUTE_SSE, ROUTE_OPS, ROUTE_EXCHANGE };

#define ROUTE_MAX_METHOD 31 /* bytes of a method's name */

struct route {
    struct route *next;
    struct belfry *server;
    enum route_kind kind;
    bool speaks_rooms; /* its sockets get room messages as JSON and are told of gaps */
    uint8_t subprotocol_count;
    enum http_method method;
    char method_text[ROUTE_MAX_METHOD + 1];
    char *pattern;
    belfry_http_handler handler;
    void *user;
    belfry_ws_handlers ws;
    belfry_sse_handlers sse;
    struct exchange_handlers exchange; /* then @pattern is a prefix; see exchange_route_find */
    /* A socket of this route left @room as it ended; may be NULL. */
    void (*on_leave)(belfry_sock *sock, belfry_bytes room, uint32_t members);
    size_t data_size;
    char *subprotocol_text; /* the list, cut up */
    const char **subprotocols;
};

struct router {
    struct route *first;
    struct route **last;
};

void router_init(struct router *router);
void router_deinit(struct router *router);

/* Adds an empty route of @kind at @pattern; NULL: no memory, or not a pattern (belfry_why). */
struct route *router_add(struct router *router, enum route_kind kind, const char *pattern);

/* Which requests it takes; with GET also those that HEAD it. @method has at most ROUTE_MAX_METHOD
 * bytes. */
void route_set_method(struct route *route, belfry_bytes method);

/* What a request leads to. */
struct route_match {
    struct route *route; /* NULL: none */
    bool has_path;       /* some route has the path, with another method */
    char allow[128];     /* then: the methods it has */
};

/* @kinds: a bit per route_kind. */
void router_match(const struct router *router, const struct http_head *head, unsigned kinds,
                  struct route_match *out);

/* The segment of @path that stands where @pattern has :name; false: there is none. */
bool route_param(const struct route *route, belfry_bytes path, const char *name,
                 belfry_bytes *out_segment);

#endif
