/*
 * upgrade.c - the server's side of the opening handshake (RFC 6455 4.2).
 *
 *   method, version, Upgrade, Connection, key -> origin -> the application -> extension -> 101
 */
#include "server/upgrade.h"
#include "base/alloc.h"
#include "http/field.h"
#include "server/http_session.h"
#include "server/origins.h"
#include "server/server.h"
#include "server/ws_session.h"
#include "ws/handshake.h"

/* --- the handshake ----------------------------------------------------------------------------*/

enum upgrade_fault upgrade_check(const struct http_head *head, belfry_bytes *out_key)
{
    belfry_bytes version;
    belfry_bytes key;
    if (!http_has_token(head, "upgrade", "websocket") ||
        !http_has_token(head, "connection", "upgrade"))
        return UPGRADE_NO_WEBSOCKET;
    if (head->method != HTTP_GET || head->minor_version != 1)
        return UPGRADE_BAD_METHOD;
    if (head->framing != HTTP_NO_BODY)
        return UPGRADE_HAS_BODY;
    if (http_single(head, "sec-websocket-version", &version) != HTTP_ONE ||
        !bytes_equal_text(version, "13"))
        return UPGRADE_BAD_VERSION;
    if (http_single(head, "sec-websocket-key", &key) != HTTP_ONE || !ws_key_is_valid(key))
        return UPGRADE_BAD_KEY;
    *out_key = key;
    return UPGRADE_FINE;
}

/* The extension's line of the response. */
static enum upgrade_fault negotiate(const struct http_head *head,
                                    const struct ws_deflate_policy *policy,
                                    struct ws_deflate_params *out_deflate, struct buf *out)
{
    struct buf offers = { 0 };
    char response[WS_DEFLATE_TEXT_MAX];
    enum ws_negotiation outcome = WS_EXTENSIONS_NONE;
    if (policy != NULL && http_join(head, "sec-websocket-extensions", &offers) > 0)
        outcome = ws_deflate_negotiate(policy, buf_bytes(&offers), out_deflate, response);
    buf_deinit(&offers);
    if (outcome == WS_EXTENSIONS_MALFORMED)
        return UPGRADE_BAD_EXTENSIONS;
    if (outcome == WS_EXTENSIONS_DEFLATE)
        (void)http_response_field(out, "Sec-WebSocket-Extensions", bytes_of_text(response));
    return UPGRADE_FINE;
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

enum upgrade_fault upgrade_write_response(belfry_request *req, belfry_bytes key,
                                          const struct ws_deflate_policy *policy,
                                          struct ws_deflate_params *out_deflate, struct buf *out)
{
    char hash[WS_ACCEPT_SIZE];
    if (ws_accept_key(key.data, hash) != BELFRY_OK)
        return UPGRADE_NO_MEMORY;
    buf_put_text(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    buf_put(out, hash, sizeof hash);
    buf_put_text(out, "\r\n");
    enum upgrade_fault fault = negotiate(req->head, policy, out_deflate, out);
    if (fault != UPGRADE_FINE)
        return fault;
    choose_subprotocol(req, out);
    buf_put_bytes(out, buf_bytes(&req->fields));
    buf_put_text(out, "\r\n");
    return buf_failed(out) || buf_failed(&req->fields) ? UPGRADE_NO_MEMORY : UPGRADE_FINE;
}

/* --- a WebSocket route ------------------------------------------------------------------------*/

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
    (void)http_response_field(&req->fields, "Upgrade", BELFRY_BYTES("websocket"));
    (void)http_response_field(&req->fields, "Sec-WebSocket-Version", BELFRY_BYTES("13"));
    refuse(req, 426, "connect to this path with a WebSocket");
}

/* RFC 6455 4.2.2. */
static void answer_fault(belfry_request *req, enum upgrade_fault fault)
{
    switch (fault) {
    case UPGRADE_FINE:
        BELFRY_UNREACHABLE("not a fault");
    case UPGRADE_NO_WEBSOCKET:
        ask_for_upgrade(req);
        break;
    case UPGRADE_BAD_METHOD:
        refuse(req, 400, "a WebSocket handshake is a GET request of HTTP/1.1");
        break;
    case UPGRADE_HAS_BODY:
        refuse(req, 400, "a WebSocket handshake has no body");
        break;
    case UPGRADE_BAD_VERSION:
        (void)http_response_field(&req->fields, "Sec-WebSocket-Version", BELFRY_BYTES("13"));
        refuse(req, 426, "this server speaks version 13 of the WebSocket protocol");
        break;
    case UPGRADE_BAD_KEY:
        refuse(req, 400, "Sec-WebSocket-Key must be the base64 of 16 bytes, once");
        break;
    case UPGRADE_BAD_EXTENSIONS:
        refuse(req, 400, "Sec-WebSocket-Extensions is malformed");
        break;
    case UPGRADE_NO_MEMORY:
        request_reply_error(req, 503, "out of memory");
        break;
    }
}

static bool check_origin(belfry_request *req)
{
    if (origins_allow(req->conn->worker->server, req->head, req->is_secure))
        return true;
    counter_add(&req->conn->worker->counters.handshakes_origin, 1);
    request_reply_error(req, 403, ORIGINS_REFUSAL);
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

/* As the server's options have it; NULL: no compression. */
static const struct ws_deflate_policy *policy_of(const struct belfry *server)
{
    return server->options.deflate != BELFRY_DEFLATE_NONE ? &server->deflate_policy : NULL;
}

/* All is checked: from here on it is a WebSocket, but for what the handshake still finds. */
static enum upgrade_fault start(belfry_request *req, belfry_bytes key)
{
    struct ws_accept accept = { .route = req->route, .user = req->user };
    struct buf response = { 0 };
    enum upgrade_fault fault = upgrade_write_response(
        req, key, policy_of(req->conn->worker->server), &accept.deflate, &response);
    accept.response = buf_bytes(&response);
    if (fault == UPGRADE_FINE && ws_session_start(req->conn, &accept) != BELFRY_OK)
        fault = UPGRADE_NO_MEMORY;
    if (fault == UPGRADE_FINE)
        req->user = NULL; /* it is the socket's now */
    buf_deinit(&response);
    return fault;
}

void upgrade_request(belfry_request *req)
{
    belfry_bytes key;
    enum upgrade_fault fault = upgrade_check(req->head, &key);
    if (fault != UPGRADE_FINE) {
        answer_fault(req, fault);
        return;
    }
    if (!check_origin(req) || !ask_application(req))
        return;
    if (req->conn->worker->is_stopping) {
        request_reply_error(req, 503, "the server is shutting down");
        return;
    }
    fault = start(req, key);
    if (fault != UPGRADE_FINE)
        answer_fault(req, fault);
}
