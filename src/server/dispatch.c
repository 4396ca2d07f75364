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
#include "http/origin.h"
#include "server/http_session.h"
#include "server/server.h"
#include "server/sse_session.h"

static enum http_security security_of(const belfry_request *req)
{
    return req->is_secure ? HTTP_TLS : HTTP_PLAIN;
}

static bool origin_is_refused(const belfry_request *req, belfry_bytes *out_origin)
{
    const char *origins = req->conn->worker->server->options.origins;
    return http_origin_check(req->head, security_of(req), bytes_of_text(origins), out_origin) ==
           HTTP_ORIGIN_REFUSED;
}

/* A page of a listed origin may read the answer (WHATWG Fetch, CORS). */
static void allow_origin(belfry_request *req, belfry_bytes origin)
{
    const belfry_options *options = &req->conn->worker->server->options;
    if (origin.size == 0)
        return;
    (void)http_response_field(&req->fields, "Access-Control-Allow-Origin", origin);
    (void)http_response_field(&req->fields, "Vary", BELFRY_BYTES("Origin"));
    if (options->cors_credentials && strcmp(options->origins, "*") != 0)
        (void)http_response_field(&req->fields, "Access-Control-Allow-Credentials",
                                  BELFRY_BYTES("true"));
}

static void answer_options(belfry_request *req, const struct route_match *match)
{
    char allow[sizeof match->allow + 16];
    snprintf(allow, sizeof allow, "%s%sOPTIONS", match->allow, match->allow[0] ? ", " : "");
    (void)http_response_field(&req->fields, "Allow", bytes_of_text(allow));
    if (http_find(req->head, "access-control-request-method") != NULL) {
        (void)http_response_field(&req->fields, "Access-Control-Allow-Methods",
                                  bytes_of_text(allow));
        (void)http_response_field(&req->fields, "Access-Control-Allow-Headers",
                                  BELFRY_BYTES("Authorization, Content-Type, Idempotency-Key, "
                                               "Last-Event-ID"));
    }
    request_reply(req, 204, NULL, bytes_of(NULL, 0));
}

/* False: answered. */
static bool let_in(belfry_request *req)
{
    belfry_bytes origin = bytes_of(NULL, 0);
    if (origin_is_refused(req, &origin)) {
        request_reply_error(req, 403, "this origin is not allowed: list it in `origins`");
        return false;
    }
    allow_origin(req, origin);
    return true;
}

static void call_handler(belfry_request *req, const struct route *route)
{
    req->route = route;
    if (!let_in(req))
        return;
    if (route->kind == ROUTE_SSE) {
        sse_request(req);
        return;
    }
    route->handler(req, route->user);
    if (!req->is_replied)
        request_reply_error(req, 500, "the handler gave no answer");
}

static void answer_wrong_method(belfry_request *req, const struct route_match *match)
{
    if (req->head->method == HTTP_OPTIONS) {
        belfry_bytes origin = bytes_of(NULL, 0);
        if (!origin_is_refused(req, &origin))
            allow_origin(req, origin);
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
