/*
 * sse_request.c - from a request to an event stream.
 *
 *   the application -> rooms -> position -> coding -> head -> sse_session
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/message_id.h"
#include "http/accept.h"
#include "http/field.h"
#include "http/target.h"
#include "rooms/names.h"
#include "server/http_session.h"
#include "server/rooms_app.h"
#include "server/server.h"
#include "server/sse_session.h"

static void refuse(belfry_request *req, unsigned status, const char *why)
{
    counter_add(&req->conn->worker->counters.streams_refused, 1);
    request_reply_error(req, status, why);
}

/* --- who and what -----------------------------------------------------------------------------*/

static bool ask_application(belfry_request *req)
{
    const belfry_sse_handlers *handlers = &req->route->sse;
    unsigned status = handlers->request(req, handlers->user);
    if (status == 0 && !req->is_replied)
        return true;
    counter_add(&req->conn->worker->counters.streams_refused, 1);
    if (!req->is_replied)
        request_reply_error(req, status >= 400 && status <= 599 ? status : 403, NULL);
    return false;
}

static unsigned refuse_room(belfry_request *req, enum rooms_name_fault fault)
{
    char why[100];
    snprintf(why, sizeof why, "room: the name %s", rooms_name_fault_text(fault));
    request_reply_error(req, 400, why);
    return 400;
}

/* ?room=a&room=b, for routes whose readers say it themselves. 0: fine. */
static unsigned join_named(belfry_request *req, void *user)
{
    (void)user;
    belfry_bytes rest = req->head->query;
    struct buf name = { 0 };
    unsigned status = 0;
    belfry_err err = BELFRY_OK;
    size_t most = req->route->server->options.max_room_name_bytes;
    while (status == 0 &&
           (err = http_query_find_next(&rest, "room", &name)) != BELFRY_ERR_NOT_FOUND) {
        enum rooms_name_fault fault = ROOMS_NAME_OK;
        if (err == BELFRY_OK)
            fault = rooms_check_room(buf_bytes(&name), most);
        buf_put_char(&name, '\0');
        if (err == BELFRY_ERR_NOMEM || buf_failed(&name)) {
            status = 503;
        } else if (err != BELFRY_OK) {
            request_reply_error(req, 400, "room: not UTF-8, or badly encoded");
            status = 400;
        } else if (fault != ROOMS_NAME_OK) {
            status = refuse_room(req, fault);
        } else if (belfry_request_join(req, (const char *)name.data) != BELFRY_OK) {
            status = 503;
        }
    }
    buf_deinit(&name);
    return status;
}

/* Of the program's stream: at least one room, and maybe a name. */
static unsigned on_events_request(belfry_request *req, void *user)
{
    unsigned status = join_named(req, user);
    if (status != 0)
        return status;
    if (req->rooms.size == 0) {
        request_reply_error(req, 400, "no room: say which, as in /events?room=general");
        return 400;
    }
    return rooms_app_take_user(req);
}

/* --- where it goes on -------------------------------------------------------------------------*/

/* What an EventSource says when it comes back is newer than what its URL says. */
static const char *position_of(belfry_request *req)
{
    static const char *const names[] = { "since", "lastEventId" };
    const char *text = belfry_request_header(req, "last-event-id");
    for (size_t i = 0; i < BELFRY_COUNT(names) && (text == NULL || text[0] == '\0'); i++)
        text = belfry_request_query(req, names[i]);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static void read_position(belfry_request *req, struct sse_accept *accept)
{
    const char *text = position_of(req);
    uint64_t history = 0;
    belfry_bytes epoch;
    if (text != NULL) {
        accept->has_since = true;
        accept->is_since_unknown = !message_id_parse(bytes_of_text(text), &accept->since, &epoch) ||
                                   !bytes_equal_text(epoch, req->route->server->hub.epoch);
        if (accept->is_since_unknown)
            accept->since = (struct message_id){ 0 };
        return;
    }
    text = belfry_request_query(req, "history");
    if (text != NULL && json_u64(bytes_of_text(text), &history))
        accept->history = (uint32_t)BELFRY_MIN(history, (uint64_t)UINT32_MAX);
}

/* --- the answer -------------------------------------------------------------------------------*/

/* Python's requests asks for gzip whoever reads the answer, and sseclient reads the bytes as they
 * come: it would hear nothing. */
static bool takes_gzip(const struct http_head *head)
{
    static const char requests[] = "python-requests/";
    belfry_bytes agent;
    bool is_requests = http_single(head, "user-agent", &agent) == HTTP_ONE &&
                       agent.size >= sizeof requests - 1 &&
                       memcmp(agent.data, requests, sizeof requests - 1) == 0;
    return http_accepts_gzip(head) && !is_requests;
}

static void put_head(struct buf *out, belfry_request *req, bool is_gzip)
{
    struct http_reply reply = http_reply_to(req->head, 200, worker_date(req->conn->worker));
    http_response_begin(out, &reply);
    buf_put_text(out, "Content-Type: text/event-stream\r\n"
                      "Cache-Control: no-store, no-transform\r\n"
                      "X-Accel-Buffering: no\r\n" /* nginx and those that do as it does */
                      "X-Content-Type-Options: nosniff\r\n");
    if (is_gzip)
        buf_put_text(out, "Content-Encoding: gzip\r\n");
    if (req->route->server->options.deflate != BELFRY_DEFLATE_NONE)
        buf_put_text(out, "Vary: Accept-Encoding\r\n");
    buf_put_bytes(out, buf_bytes(&req->fields));
    buf_put_text(out, "Connection: close\r\n\r\n");
    if (buf_failed(&req->fields))
        out->has_failed = 1;
}

/* The answer has no end: what the request had is the reader's now. */
static void become_stream(belfry_request *req)
{
    req->is_replied = true;
    req->user = NULL;
}

static void start(belfry_request *req)
{
    const belfry_options *options = &req->route->server->options;
    struct buf head = { 0 };
    struct sse_accept accept = {
        .route = req->route,
        .is_gzip = options->deflate != BELFRY_DEFLATE_NONE && takes_gzip(req->head),
        .user = req->user,
        .rooms = (const belfry_bytes *)(const void *)req->rooms.data,
        .room_count = (uint32_t)(req->rooms.size / sizeof(belfry_bytes)),
    };
    read_position(req, &accept);
    put_head(&head, req, accept.is_gzip);
    accept.head = buf_bytes(&head);
    if (accept.room_count > options->max_rooms_per_socket)
        refuse(req, 400, "too many rooms for one reader: open another stream");
    else if (buf_failed(&head) || sse_session_start(req->conn, &accept) != BELFRY_OK)
        refuse(req, 503, "out of memory");
    else
        become_stream(req);
    buf_deinit(&head);
}

static void answer(belfry_request *req, void *user)
{
    (void)user;
    if (req->conn->worker->is_stopping) {
        conn_abort(req->conn); /* an EventSource that hears a status gives up for good */
        req->is_replied = true;
    } else if (!ask_application(req)) {
        BELFRY_ASSERT(req->is_replied);
    } else if (req->head->method == HTTP_HEAD) {
        (void)http_response_field(&req->fields, "Cache-Control", BELFRY_BYTES("no-store"));
        request_reply(req, 200, "text/event-stream", bytes_of(NULL, 0));
    } else {
        start(req);
    }
}

/* --- routes -----------------------------------------------------------------------------------*/

static belfry_err add_route(belfry *server, const char *pattern,
                            const belfry_sse_handlers *handlers, struct route **out_route)
{
    struct route *route;
    belfry_err err = server_add_route(server, ROUTE_SSE, pattern, &route);
    if (err != BELFRY_OK)
        return err;
    route_set_method(route, BELFRY_BYTES("GET"));
    route->handler = answer;
    if (handlers != NULL)
        route->sse = *handlers;
    if (route->sse.request == NULL)
        route->sse.request = join_named;
    route->data_size = (size_t)server->options.sock_data;
    *out_route = route;
    return BELFRY_OK;
}

belfry_err belfry_sse(belfry *server, const char *pattern, const belfry_sse_handlers *handlers)
{
    struct route *route;
    return add_route(server, pattern, handlers, &route);
}

belfry_err belfry_events(belfry *server, const char *pattern)
{
    struct route *route;
    belfry_err err =
        add_route(server, pattern, &(belfry_sse_handlers){ .request = on_events_request }, &route);
    if (err != BELFRY_OK)
        return err;
    route->speaks_rooms = true;
    route->on_leave = rooms_app_on_leave;
    route->data_size = 0;
    return BELFRY_OK;
}
