/*
 * upgrade.c - the server's side of the opening handshake (RFC 6455 4.2).
 *
 *   method, version, Upgrade, Connection, key -> origin -> the application -> extension -> 101
 */
#include "base/alloc.h"
#include "http/field.h"
#include "http/origin.h"
#include "server/http_session.h"
#include "server/server.h"
#include "server/ws_session.h"
#include "ws/extension.h"
#include "ws/handshake.h"

static void count_bad(belfry_request *req)
{
    counter_add(&req->conn->worker->counters.handshakes_bad, 1);
}

static void refuse(belfry_request *req, unsigned status, const char *why)
{
    count_bad(req);
    request_reply_error(req, status, why);
}

/* A path that speaks WebSocket only (RFC 9110 15.5.22). */
static void ask_for_upgrade(belfry_request *req)
{
    count_bad(req);
    (void)http_response_field(&req->fields, "Upgrade", BELFRY_BYTES("websocket"));
    (void)http_response_field(&req->fields, "Sec-WebSocket-Version", BELFRY_BYTES("13"));
    request_reply_error(req, 426, "connect to this path with a WebSocket");
}

/* RFC 6455 4.2.1; false: answered. */
static bool check_request(belfry_request *req, belfry_bytes *out_key)
{
    const struct http_head *head = req->head;
    belfry_bytes version;
    if (!http_has_token(head, "upgrade", "websocket") ||
        !http_has_token(head, "connection", "upgrade")) {
        ask_for_upgrade(req);
        return false;
    }
    if (head->method != HTTP_GET || head->minor_version != 1) {
        refuse(req, 400, "a WebSocket handshake is a GET request of HTTP/1.1");
        return false;
    }
    if (head->framing != HTTP_NO_BODY) {
        refuse(req, 400, "a WebSocket handshake has no body");
        return false;
    }
    if (http_single(head, "sec-websocket-version", &version) != HTTP_ONE ||
        !bytes_equal_text(version, "13")) {
        (void)http_response_field(&req->fields, "Sec-WebSocket-Version", BELFRY_BYTES("13"));
        refuse(req, 426, "this server speaks version 13 of the WebSocket protocol");
        return false;
    }
    if (http_single(head, "sec-websocket-key", out_key) != HTTP_ONE || !ws_key_is_valid(*out_key)) {
        refuse(req, 400, "Sec-WebSocket-Key must be the base64 of 16 bytes, once");
        return false;
    }
    return true;
}

static bool check_origin(belfry_request *req)
{
    const char *origins = req->conn->worker->server->options.origins;
    belfry_bytes origin;
    enum http_security security = req->conn->stream.ops->is_secure ? HTTP_TLS : HTTP_PLAIN;
    if (http_origin_check(req->head, security, bytes_of_text(origins), &origin) !=
        HTTP_ORIGIN_REFUSED)
        return true;
    counter_add(&req->conn->worker->counters.handshakes_origin, 1);
    request_reply_error(req, 403, "this origin is not allowed: list it in `origins`");
    return false;
}

static bool ask_application(belfry_request *req)
{
    const belfry_ws_handlers *handlers = &req->route->ws;
    unsigned status = handlers->upgrade != NULL ? handlers->upgrade(req, handlers->user) : 0;
    if (status == 0 && !req->is_replied)
        return true;
    counter_add(&req->conn->worker->counters.handshakes_refused, 1);
    if (!req->is_replied)
        request_reply_error(req, status >= 400 && status <= 599 ? status : 403, NULL);
    return false;
}

/* The extension's line of the response; false: answered. */
static bool negotiate(belfry_request *req, struct ws_accept *accept, struct buf *out)
{
    const struct belfry *server = req->conn->worker->server;
    struct buf offers = { 0 };
    char response[WS_DEFLATE_TEXT_MAX];
    enum ws_negotiation outcome = WS_EXTENSIONS_NONE;
    if (server->options.deflate != BELFRY_DEFLATE_NONE &&
        http_join(req->head, "sec-websocket-extensions", &offers) > 0)
        outcome = ws_deflate_negotiate(&server->deflate_policy, buf_bytes(&offers),
                                       &accept->deflate, response);
    buf_deinit(&offers);
    if (outcome == WS_EXTENSIONS_MALFORMED) {
        refuse(req, 400, "Sec-WebSocket-Extensions is malformed");
        return false;
    }
    if (outcome == WS_EXTENSIONS_DEFLATE)
        (void)http_response_field(out, "Sec-WebSocket-Extensions", bytes_of_text(response));
    return true;
}

static void choose_subprotocol(belfry_request *req, struct buf *out)
{
    struct buf wanted = { 0 };
    const struct route *route = req->route;
    if (route->subprotocol_count > 0 &&
        http_join(req->head, "sec-websocket-protocol", &wanted) > 0) {
        const char *chosen = ws_subprotocol_choose(buf_bytes(&wanted), route->subprotocols,
                                                   route->subprotocol_count);
        if (chosen != NULL)
            (void)http_response_field(out, "Sec-WebSocket-Protocol", bytes_of_text(chosen));
    }
    buf_deinit(&wanted);
}

static bool write_response(belfry_request *req, belfry_bytes key, struct ws_accept *accept,
                           struct buf *out)
{
    char hash[WS_ACCEPT_SIZE];
    if (ws_accept_key(key.data, hash) != BELFRY_OK) {
        request_reply_error(req, 503, "out of memory");
        return false;
    }
    buf_put_text(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    buf_put(out, hash, sizeof hash);
    buf_put_text(out, "\r\n");
    if (!negotiate(req, accept, out))
        return false;
    choose_subprotocol(req, out);
    buf_put_bytes(out, buf_bytes(&req->fields));
    buf_put_text(out, "\r\n");
    return true;
}

void upgrade_request(belfry_request *req)
{
    belfry_bytes key;
    if (!check_request(req, &key) || !check_origin(req) || !ask_application(req))
        return;
    if (req->conn->worker->is_stopping) {
        request_reply_error(req, 503, "the server is shutting down");
        return;
    }
    struct ws_accept accept = { .route = req->route, .user = req->user };
    struct buf response = { 0 };
    if (write_response(req, key, &accept, &response)) {
        accept.response = buf_bytes(&response);
        if (!buf_failed(&response) && !buf_failed(&req->fields) &&
            ws_session_start(req->conn, &accept) == BELFRY_OK)
            req->user = NULL; /* it is the socket's now */
        else
            request_reply_error(req, 503, "out of memory");
    }
    buf_deinit(&response);
}
