/*
 * eio_endpoint.c - requests of one path, sorted: refusals, handshakes, sessions.
 */
#include "server/eio_endpoint.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "engineio/error.h"
#include "http/chars.h"
#include "http/cors.h"
#include "http/field.h"
#include "server/client_files.h"
#include "server/eio_session.h"
#include "server/origins.h"
#include "server/relay.h"
#include "server/relay_in.h"
#include "server/server.h"
#include "server/upgrade.h"

#define DEFAULT_PATH "/socket.io/"

static const belfry_options *options_of(const struct eio_endpoint *e)
{
    return &e->server->options;
}

static bool lists(const char *transports, const char *name)
{
    belfry_bytes rest = bytes_of_text(transports);
    belfry_bytes one;
    while (http_list_next(&rest, &one)) {
        if (bytes_equal_text(one, name))
            return true;
    }
    return false;
}

bool eio_endpoint_has(const struct eio_endpoint *e, enum eio_transport transport)
{
    return transport != EIO_TRANSPORT_UNKNOWN &&
           lists(options_of(e)->transports, eio_transport_name(transport));
}

/* --- CORS -------------------------------------------------------------------------------------*/

static struct cors_policy cors_of(const struct eio_endpoint *e)
{
    const belfry_options *o = options_of(e);
    return (struct cors_policy){ .origins = o->origins,
                                 .allows_credentials = o->cors_credentials,
                                 .methods = o->cors_methods[0] != '\0' ? o->cors_methods : NULL,
                                 .headers = o->cors_headers[0] != '\0' ? o->cors_headers : NULL,
                                 .exposed = o->cors_exposed_headers[0] != '\0'
                                                ? o->cors_exposed_headers
                                                : NULL,
                                 .max_age_s = o->cors_max_age_ms / 1000 };
}

void eio_endpoint_put_cors(const struct eio_endpoint *e, struct exchange *x)
{
    struct cors_policy cors = cors_of(e);
    cors_put_fields(&cors, exchange_head(x), exchange_fields(x));
}

void eio_endpoint_put_fields(const struct eio_endpoint *e, struct exchange *x)
{
    eio_endpoint_put_cors(e, x);
    (void)http_response_field(exchange_fields(x), "Cache-Control", BELFRY_BYTES("no-store"));
}

static bool answer_preflight(const struct eio_endpoint *e, struct exchange *x)
{
    struct cors_policy cors = cors_of(e);
    if (!cors_is_preflight(&cors, exchange_head(x)))
        return false;
    cors_put_fields(&cors, exchange_head(x), exchange_fields(x));
    cors_put_preflight(&cors, exchange_head(x), exchange_fields(x));
    exchange_reply(x, 204, NULL, bytes_of(NULL, 0));
    return true;
}

/* --- verifying --------------------------------------------------------------------------------*/

/* What is wrong with a request; code -1: nothing. */
struct fault {
    int code; /* enum eio_error */
    enum eio_context context;
    const char *message; /* NULL: the code's */
    belfry_bytes detail; /* for the hook: what was asked for, where there is no name for it */
};

static const struct fault no_fault = { .code = -1 };

static struct fault fault_of(enum eio_error code, enum eio_context context)
{
    return (struct fault){ .code = (int)code, .context = context };
}

/* A request with a session's id (engineio.md 4). */
static struct fault check_session(const struct eio_endpoint *e, const struct eio_session *s,
                                  const struct eio_query *query, enum eio_asked asked)
{
    if (s == NULL || s->endpoint != e)
        return (struct fault){ .code = EIO_ERR_UNKNOWN_SID, .detail = query->sid };
    if (asked == EIO_ASKED_HTTP &&
        (query->transport == EIO_TRANSPORT_WEBSOCKET || eio_state_is_websocket(&s->state)))
        return fault_of(EIO_ERR_BAD_REQUEST, EIO_CONTEXT_TRANSPORT_MISMATCH);
    if (s->state.revision != (uint8_t)query->revision)
        return fault_of(EIO_ERR_BAD_REQUEST, EIO_CONTEXT_PROTOCOL_MISMATCH);
    return no_fault;
}

static struct fault check_handshake(struct eio_endpoint *e, belfry_request *req,
                                    const struct eio_query *query, enum eio_asked asked)
{
    if (req->head->method != HTTP_GET)
        return fault_of(EIO_ERR_BAD_HANDSHAKE_METHOD, EIO_CONTEXT_NONE);
    if (asked == EIO_ASKED_HTTP && query->transport == EIO_TRANSPORT_WEBSOCKET)
        return fault_of(EIO_ERR_BAD_REQUEST, EIO_CONTEXT_TRANSPORT_HANDSHAKE_ERROR);
    if (e->hooks.allow != NULL) {
        const char *why = e->hooks.allow(req, e->hooks.user);
        if (why != NULL)
            return (struct fault){ .code = EIO_ERR_FORBIDDEN,
                                   .message = why[0] != '\0' ? why : NULL };
    }
    if (query->revision == EIO_REVISION_3 && !options_of(e)->allow_eio3)
        return fault_of(EIO_ERR_UNSUPPORTED_REVISION, EIO_CONTEXT_NONE);
    return no_fault;
}

/* Transport first, then the session or the handshake. */
static struct fault check(struct eio_endpoint *e, belfry_request *req,
                          const struct eio_query *query, const struct eio_session *s,
                          enum eio_asked asked)
{
    if (!eio_endpoint_has(e, query->transport))
        return (struct fault){ .code = EIO_ERR_UNKNOWN_TRANSPORT, .detail = query->transport_text };
    if (query->has_sid)
        return check_session(e, s, query, asked);
    return check_handshake(e, req, query, asked);
}

static void tell_refusal(const struct eio_endpoint *e, belfry_request *req,
                         const struct fault *fault, struct worker *worker)
{
    counter_add(&worker->counters.eio_refused[fault->code], 1);
    const char *message =
        fault->message != NULL ? fault->message : eio_error_message((enum eio_error)fault->code);
    char context[128]; /* what clients send is cut */
    if (fault->detail.size > 0)
        snprintf(context, sizeof context, "%.*s",
                 (int)BELFRY_MIN(fault->detail.size, sizeof context),
                 (const char *)fault->detail.data);
    else
        snprintf(context, sizeof context, "%s", eio_context_name(fault->context));
    log_event(
        BELFRY_LOG_DEBUG, "refused", "address=%s code=%d message=%s context=%s",
        LOG_FIELD(bytes_of_text(belfry_request_address(req))), fault->code,
        LOG_FIELD(bytes_of_text(message)),
        LOG_FIELD(fault->code == EIO_ERR_UNKNOWN_SID ? bytes_of(NULL, 0) : bytes_of_text(context)));
    if (e->hooks.connection_error != NULL)
        e->hooks.connection_error(req,
                                  &(belfry_connection_error){ .code = (unsigned)fault->code,
                                                              .message = message,
                                                              .context = context },
                                  e->hooks.user);
}

/* --- ordinary requests ------------------------------------------------------------------------*/

static void refuse(struct eio_endpoint *e, struct exchange *x, const struct fault *fault)
{
    struct buf body = { 0 };
    enum eio_error code = (enum eio_error)fault->code;
    tell_refusal(e, exchange_request(x), fault, worker_current());
    eio_error_put(&body, code, EIO_ASKED_HTTP, bytes_of_text(fault->message));
    eio_endpoint_put_fields(e, x);
    if (buf_failed(&body))
        exchange_abort(x);
    else
        exchange_reply(x, eio_error_status(code, EIO_ASKED_HTTP),
                       eio_error_content_type(EIO_ASKED_HTTP), buf_bytes(&body));
    buf_deinit(&body);
}

static void answer_unavailable(struct eio_endpoint *e, struct exchange *x)
{
    eio_endpoint_put_fields(e, x);
    (void)http_response_field(exchange_fields(x), "Retry-After", BELFRY_BYTES("5"));
    exchange_reply_last(x, 503, NULL, bytes_of(NULL, 0));
}

static void put_cookie(const struct eio_endpoint *e, const struct eio_session *s,
                       struct exchange *x)
{
    const belfry_options *o = options_of(e);
    struct buf value = { 0 };
    if (o->cookie[0] == '\0')
        return;
    eio_cookie_put(&value,
                   &(struct eio_cookie){ .name = o->cookie, .is_secure = exchange_is_secure(x) },
                   eio_sid(s));
    if (!buf_failed(&value))
        (void)http_response_field(exchange_fields(x), "Set-Cookie", buf_bytes(&value));
    buf_deinit(&value);
}

/* The open packet as a payload. */
static void put_handshake(const struct eio_session *s, enum eio_revision revision, struct buf *body)
{
    struct buf open = { 0 };
    struct buf scratch = { 0 };
    struct eio_payload_writer writer;
    struct eio_packet packet;
    eio_session_put_open(s, &open);
    if (!buf_failed(&open) &&
        eio_packet_read(revision, false, buf_bytes(&open), &scratch, &packet) == EIO_OK) {
        eio_payload_begin(&writer, body, revision, EIO_FORM_TEXT);
        eio_payload_put(&writer, &packet);
        eio_payload_end(&writer);
    } else {
        body->has_failed = 1;
    }
    buf_deinit(&open);
    buf_deinit(&scratch);
}

static void handshake(struct eio_endpoint *e, struct exchange *x, const struct eio_query *query)
{
    struct eio_wish wish = { e, query, exchange_request(x), EIO_VIA_POLLING };
    struct worker *worker = worker_current();
    struct eio_session *s = worker->is_stopping ? NULL : eio_session_new(worker, &wish);
    struct buf body = { 0 };
    if (s != NULL)
        put_handshake(s, query->revision, &body);
    if (s != NULL && buf_failed(&body)) {
        eio_session_discard(s);
        s = NULL;
    }
    if (s == NULL) {
        answer_unavailable(e, x);
    } else {
        put_cookie(e, s, x);
        eio_polling_reply(s, x, EIO_FORM_TEXT, &body);
        eio_session_open_polling(s);
    }
    buf_deinit(&body);
}

static void on_begin(struct exchange *x, void *user)
{
    struct eio_endpoint *e = user;
    const struct http_head *head = exchange_head(x);
    struct eio_query query;
    if (client_files_reply(e, x) || answer_preflight(e, x))
        return;
    eio_query_parse(head->query, &query);
    struct relay_tag node;
    unsigned owner;
    if (query.has_sid && !exchange_is_far(x) &&
        relay_owner_of(e->server, query.sid, &node, &owner)) {
        (void)relay_begin(x, &node); /* or answered */
        return;
    }
    struct eio_session *s = query.has_sid ? eio_session_find(worker_current(), query.sid) : NULL;
    struct fault fault = check(e, exchange_request(x), &query, s, EIO_ASKED_HTTP);
    if (fault.code >= 0) {
        refuse(e, x, &fault);
        return;
    }
    if (s == NULL) {
        handshake(e, x, &query);
        return;
    }
    switch (head->method) {
    case HTTP_GET:
        break; /* when it is whole */
    case HTTP_POST:
        eio_polling_post_begin(s, x);
        break;
    default:
        eio_endpoint_put_fields(e, x);
        exchange_reply(x, 500, NULL, bytes_of(NULL, 0)); /* as the reference */
        break;
    }
}

static void on_body(struct exchange *x, belfry_bytes body, void *user)
{
    struct eio_endpoint *e = user;
    struct eio_session *s = exchange_data(x);
    if (exchange_relay(x) != NULL) {
        relay_body(x, body);
        return;
    }
    if (s != NULL) {
        eio_polling_post_body(s, x, body);
        return;
    }
    /* A poll; its session may have ended since the head came. */
    struct eio_query query;
    eio_query_parse(exchange_head(x)->query, &query);
    s = eio_session_find(worker_current(), query.sid);
    struct fault fault = check_session(e, s, &query, EIO_ASKED_HTTP);
    if (fault.code >= 0)
        refuse(e, x, &fault);
    else
        eio_polling_get(s, x);
}

static void on_too_large(struct exchange *x, void *user)
{
    struct eio_endpoint *e = user;
    struct eio_session *s = exchange_data(x);
    if (s != NULL) {
        eio_polling_post_too_large(s, x);
        return;
    }
    if (exchange_relay(x) != NULL)
        relay_forget(x);
    eio_endpoint_put_fields(e, x);
    exchange_reply(x, 413, NULL, bytes_of(NULL, 0));
}

void relay_refuse_unknown(struct exchange *x)
{
    struct fault fault = fault_of(EIO_ERR_UNKNOWN_SID, EIO_CONTEXT_NONE);
    refuse(exchange_request(x)->route->exchange.user, x, &fault);
}

static void on_lost(struct exchange *x, void *user)
{
    struct eio_session *s = exchange_data(x);
    (void)user;
    if (exchange_relay(x) != NULL)
        relay_lost(x);
    else if (s != NULL)
        eio_polling_lost(s, x);
    else
        exchange_abort(x);
}

static struct worker *owner(struct worker *home, belfry_request *req, void *user)
{
    struct eio_query query;
    (void)user;
    eio_query_parse(req->head->query, &query);
    return query.has_sid ? eio_session_owner(home->server, query.sid) : NULL;
}

/* --- upgrades ---------------------------------------------------------------------------------*/

static void refuse_upgrade(struct eio_endpoint *e, belfry_request *req, const struct fault *fault)
{
    struct buf body = { 0 };
    enum eio_error code = (enum eio_error)fault->code;
    tell_refusal(e, req, fault, req->conn->worker);
    eio_error_put(&body, code, EIO_ASKED_UPGRADE, bytes_of_text(fault->message));
    req->must_close = true;
    request_reply(req, eio_error_status(code, EIO_ASKED_UPGRADE),
                  eio_error_content_type(EIO_ASKED_UPGRADE), buf_bytes(&body));
    buf_deinit(&body);
}

static void refuse_plainly(belfry_request *req, unsigned status, const char *text)
{
    counter_add(&req->conn->worker->counters.handshakes_bad, 1);
    req->must_close = true;
    request_reply(req, status, "text/html", bytes_of_text(text));
}

/* As the ws library says it (engineio.md 4). False: answered. */
static bool check_websocket(belfry_request *req, belfry_bytes *out_key)
{
    switch (upgrade_check(req->head, out_key)) {
    case UPGRADE_FINE:
        return true;
    case UPGRADE_NO_WEBSOCKET:
        refuse_plainly(req, 400, "Invalid Upgrade header");
        break;
    case UPGRADE_BAD_METHOD:
        refuse_plainly(req, 405, "Invalid HTTP method");
        break;
    case UPGRADE_BAD_VERSION:
        (void)http_response_field(&req->fields, "Sec-WebSocket-Version", BELFRY_BYTES("13"));
        refuse_plainly(req, 400, "Missing or invalid Sec-WebSocket-Version header");
        break;
    case UPGRADE_BAD_KEY:
        refuse_plainly(req, 400, "Missing or invalid Sec-WebSocket-Key header");
        break;
    case UPGRADE_HAS_BODY:
        refuse_plainly(req, 400, "A WebSocket handshake has no body");
        break;
    case UPGRADE_BAD_EXTENSIONS:
    case UPGRADE_NO_MEMORY:
        refuse_plainly(req, 400, "Invalid Sec-WebSocket-Extensions header");
        break;
    }
    return false;
}

static bool check_origin(const struct eio_endpoint *e, belfry_request *req)
{
    if (origins_allow(e->server, req->head, request_is_secure(req)))
        return true;
    counter_add(&req->conn->worker->counters.handshakes_origin, 1);
    log_event(BELFRY_LOG_DEBUG, "refused", "address=%s origin=%s",
              LOG_FIELD(bytes_of_text(belfry_request_address(req))),
              LOG_FIELD(bytes_of_text(belfry_request_header(req, "origin"))));
    req->must_close = true;
    request_reply(req, 403, "text/html", BELFRY_BYTES("Forbidden: " ORIGINS_REFUSAL));
    return false;
}

static belfry_err accept_websocket(struct eio_endpoint *e, belfry_request *req,
                                   const struct eio_query *query, struct eio_session *s,
                                   belfry_bytes response, struct ws_deflate_params deflate)
{
    if (query->has_sid)
        return eio_probe_start(s, req->conn, response, deflate);
    struct eio_wish wish = { e, query, req, EIO_VIA_WEBSOCKET };
    s = eio_session_new(req->conn->worker, &wish);
    return s == NULL ? BELFRY_ERR_NOMEM
                     : eio_session_open_websocket(s, req->conn, response, deflate);
}

/* permessage-deflate is for those who ask for it (engineio.md 6). */
static const struct ws_deflate_policy *deflate_policy(const struct eio_endpoint *e)
{
    static const struct ws_deflate_policy shared = { .server_no_context_takeover = true,
                                                     .client_no_context_takeover = true,
                                                     .server_max_window_bits = 15 };
    return options_of(e)->socketio_deflate ? &shared : NULL;
}

static bool is_token(belfry_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!http_char_is(((const uint8_t *)text.data)[i], HTTP_CHAR_TOKEN))
            return false;
    }
    return text.size > 0;
}

/* The first one offered, whatever it is (engineio.md 4). */
static void choose_subprotocol(belfry_request *req)
{
    struct buf offered = { 0 };
    belfry_bytes first;
    if (http_join(req->head, "sec-websocket-protocol", &offered) > 0) {
        belfry_bytes rest = buf_bytes(&offered);
        if (http_list_next(&rest, &first) && is_token(first))
            (void)http_response_field(&req->fields, "Sec-WebSocket-Protocol", first);
    }
    buf_deinit(&offered);
}

/* The session is at another node: so is what answers. False: it is not. */
static bool start_tunnel(const struct eio_endpoint *e, belfry_request *req,
                         const struct eio_query *query)
{
    struct relay_tag node;
    unsigned owner;
    if (!query->has_sid || !relay_owner_of(e->server, query->sid, &node, &owner))
        return false;
    if (!node_is_ready(e->server) || tunnel_start(req, &node, owner) != BELFRY_OK) {
        counter_add(&req->conn->worker->counters.relay_failures, 1);
        request_reply_error(req, 503, "the server that has this session cannot be reached");
    }
    return true;
}

static void on_upgrade(belfry_request *req, void *user)
{
    struct eio_endpoint *e = user;
    struct worker *worker = req->conn->worker;
    struct eio_query query;
    belfry_bytes key;
    eio_query_parse(req->head->query, &query);
    struct eio_session *s = query.has_sid ? eio_session_find(worker, query.sid) : NULL;
    if (query.transport == EIO_TRANSPORT_POLLING)
        query.transport = EIO_TRANSPORT_UNKNOWN; /* not with an upgrade */
    if (!check_origin(e, req))
        return;
    if (start_tunnel(e, req, &query))
        return;
    struct fault fault = check(e, req, &query, s, EIO_ASKED_UPGRADE);
    if (fault.code >= 0) {
        refuse_upgrade(e, req, &fault);
        return;
    }
    if (!check_websocket(req, &key))
        return;
    struct cors_policy cors = cors_of(e);
    struct ws_deflate_params deflate = { 0 };
    struct buf response = { 0 };
    cors_put_fields(&cors, req->head, &req->fields);
    req->route = &e->route;
    choose_subprotocol(req);
    if (upgrade_write_response(req, key, deflate_policy(e), &deflate, &response) != UPGRADE_FINE)
        refuse_plainly(req, 400, "Invalid Sec-WebSocket-Extensions header");
    else if (accept_websocket(e, req, &query, s, buf_bytes(&response), deflate) != BELFRY_OK)
        request_reply_error(req, 503, "out of memory");
    buf_deinit(&response);
}

/* --- adding -----------------------------------------------------------------------------------*/

static struct eio_endpoint *new_endpoint(struct belfry *server, const char *path,
                                         const belfry_socketio_hooks *hooks)
{
    size_t size = strlen(path);
    struct eio_endpoint *e = mem_alloc_zeroed(sizeof *e);
    char *copy = mem_alloc(size + 2);
    if (e == NULL || copy == NULL) {
        mem_free(e);
        mem_free(copy);
        return NULL;
    }
    memcpy(copy, path, size + 1);
    if (copy[size - 1] != '/')
        memcpy(copy + size, "/", 2);
    e->server = server;
    e->path = copy;
    if (hooks != NULL)
        e->hooks = *hooks;
    e->route = (struct route){ .server = server, .kind = ROUTE_EXCHANGE };
    return e;
}

belfry_err belfry_socketio(belfry *server, const char *path, const belfry_socketio_hooks *hooks)
{
    if (server == NULL)
        return BELFRY_ERR_STATE;
    if (path == NULL || path[0] != '/')
        return server_why(BELFRY_ERR_INVALID, "a path begins with a slash: \"/socket.io/\"");
    struct eio_endpoint *e = new_endpoint(server, path, hooks);
    if (e == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory");
    struct exchange_handlers handlers = { .owner = owner,
                                          .on_begin = on_begin,
                                          .on_body = on_body,
                                          .on_too_large = on_too_large,
                                          .on_lost = on_lost,
                                          .upgrade = on_upgrade,
                                          .user = e,
                                          .max_body_bytes = server->options.max_payload_bytes };
    belfry_err err = exchange_route_add(server, e->path, &handlers);
    if (err != BELFRY_OK) {
        mem_free(e->path);
        mem_free(e);
        return err;
    }
    e->next = server->endpoints;
    server->endpoints = e;
    return BELFRY_OK;
}

belfry_err eio_endpoints_complete(struct belfry *server)
{
    if (server->endpoints != NULL || !server->namespaces.has_handlers)
        return BELFRY_OK;
    return belfry_socketio(server, DEFAULT_PATH, NULL);
}

void eio_endpoints_deinit(struct belfry *server)
{
    while (server->endpoints != NULL) {
        struct eio_endpoint *e = server->endpoints;
        server->endpoints = e->next;
        mem_free(e->path);
        mem_free(e);
    }
}
