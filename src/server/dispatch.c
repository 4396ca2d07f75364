/*
 * dispatch.c - which part of the server answers a request.
 *
 *   routes (WebSocket, HTTP, operations) -> assets and files -> 404
 *
 * The origin policy covers what a page could do in its user's name: WebSockets (upgrade.c) and
 * routes. Requests without an Origin field do not come from another site's scripts.
 */
#include <stdio.h>

#include "http/field.h"
#include "server/http_session.h"
#include "server/origins.h"
#include "server/server.h"

static bool lets_read(belfry_request *req)
{
    return origins_allow_reading(req->conn->worker->server, req->head, req->is_secure,
                                 &req->fields);
}

static void answer_options(belfry_request *req, const struct route_match *match)
{
    char allow[sizeof match->allow + 16];
    snprintf(allow, sizeof allow, "%s%sOPTIONS", match->allow, match->allow[0] ? ", " : "");
    (void)http_response_field(&req->fields, "Allow", bytes_of_text(allow));
    if (http_find(req->head, "access-control-request-method") != NULL)
        origins_put_preflight(allow, &req->fields);
    request_reply(req, 204, NULL, bytes_of(NULL, 0));
}

static void call_handler(belfry_request *req, const struct route *route)
{
    req->route = route;
    if (!lets_read(req)) {
        request_reply_error(req, 403, ORIGINS_REFUSAL);
        return;
    }
    route->handler(req, route->user);
    if (!req->is_replied)
        request_reply_error(req, 500, "the handler gave no answer");
}

static void answer_wrong_method(belfry_request *req, const struct route_match *match)
{
    if (req->head->method == HTTP_OPTIONS) {
        (void)lets_read(req);
        answer_options(req, match);
        return;
    }
    (void)http_response_field(&req->fields, "Allow", bytes_of_text(match->allow));
    request_reply_error(req, 405, NULL);
}

static unsigned kinds_of(const struct http_session *h)
{
    const struct belfry *server = h->conn.worker->server;
    if (h->is_ops)
        return 1u << ROUTE_OPS;
    unsigned kinds = 1u << ROUTE_HTTP | 1u << ROUTE_WS | 1u << ROUTE_SSE;
    return server->ops_listen == NULL ? kinds | 1u << ROUTE_OPS : kinds;
}

void dispatch_request(struct http_session *h, belfry_request *req)
{
    struct route_match match;
    struct belfry *server = h->conn.worker->server;
    router_match(&server->router, req->head, kinds_of(h), &match);
    if (match.route != NULL && match.route->kind == ROUTE_WS) {
        req->route = match.route;
        upgrade_request(req);
    } else if (match.route != NULL) {
        call_handler(req, match.route);
    } else if (match.has_path) {
        answer_wrong_method(req, &match);
    } else if (bytes_equal_text(req->head->path, "*")) {
        answer_options(req, &(struct route_match){ .allow = "GET, HEAD" });
    } else if (h->is_ops || !files_reply(h, req)) {
        request_reply_error(req, 404, "nothing is served at this path");
    }
}
