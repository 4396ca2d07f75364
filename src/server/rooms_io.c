/*
 * rooms_io.c - the default application over Socket.IO: its events become requests of rooms_app.c.
 *
 *   emit("join-room", "general", ack)     {"room":"general","type":"join"}
 *   ack({type: "joined", ...})            the object that a plain client would get
 *
 * Any other event goes, as it is, to the room that the client joined last.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "rooms/names.h"
#include "server/encode.h"
#include "server/presence.h"
#include "server/rooms_app.h"
#include "server/server.h"
#include "server/sio_msg.h"
#include "server/sio_sock.h"
#include "socketio/args.h"

struct request_row {
    const char *event;
    const char *type;     /* of the request */
    const char *argument; /* what a lone value is; NULL: it must be an object */
};

static const struct request_row requests[] = {
    { "join-room", "join", "room" },       { "leave-room", "leave", "room" },
    { "send-message", "message", "text" }, { "send-event", "event", NULL },
    { "room-members", "members", "room" },
};

/* --- requests ---------------------------------------------------------------------------------*/

/* The members of the object, its roomId under the name that requests have for it. */
static void put_members(struct buf *out, belfry_bytes object)
{
    struct json_iter it;
    struct json_member member;
    json_iter_init(&it, object, JSON_MAX_DEPTH, JSON_KIND_OBJECT);
    while (json_iter_next(&it, &member)) {
        if (json_string_equals(member.key, BELFRY_BYTES("roomId")))
            buf_put_text(out, "\"room\"");
        else
            buf_put_bytes(out, member.key);
        buf_put_char(out, ':');
        buf_put_bytes(out, member.value.text);
        buf_put_char(out, ',');
    }
}

/* The type comes last, and the last counts. */
static void put_request(struct buf *out, const char *type, const char *argument,
                        const struct json_value *value)
{
    buf_put_char(out, '{');
    if (value->kind == JSON_KIND_OBJECT)
        put_members(out, value->text);
    else if (argument != NULL && value->kind != JSON_KIND_ABSENT) {
        buf_printf(out, "\"%s\":", argument);
        buf_put_bytes(out, value->text);
        buf_put_char(out, ',');
    }
    buf_printf(out, "\"type\":\"%s\"}", type);
}

static void on_request(belfry_sock *sock, belfry_msg *msg, void *user)
{
    const struct request_row *row = user;
    struct belfry *server = sock->route->server;
    struct worker *worker = sock_worker(sock);
    struct json_value value = sio_args_at(msg->args, 0);
    struct rooms_request request;
    struct buf text = { 0 };
    put_request(&text, row->type, row->argument, &value);
    if (buf_failed(&text)) {
        buf_deinit(&text);
        sock_ops_of(sock)->abort(sock);
        return;
    }
    sio_of_sock(sock)->asking = msg->wants_ack ? msg : NULL;
    enum rooms_error error = rooms_request_parse(buf_bytes(&text), &server->rooms_limits, &request,
                                                 &worker->request_scratch);
    if (error == ROOMS_OK) {
        rooms_app_handle(sock, &request);
    } else {
        sock_catch_up(sock);
        rooms_app_refuse(sock, request.ref, error, request.reason);
    }
    if (sock->state == SOCK_OPEN)
        sio_of_sock(sock)->asking = NULL;
    buf_deinit(&text);
}

/* --- any other event --------------------------------------------------------------------------*/

static bool is_request(belfry_bytes event)
{
    for (size_t i = 0; i < BELFRY_COUNT(requests); i++) {
        if (bytes_equal_text(event, requests[i].event))
            return true;
    }
    return false;
}

static void refuse_name(belfry_sock *sock, enum rooms_name_fault fault)
{
    char reason[128];
    snprintf(reason, sizeof reason, "the event %s: choose another name",
             rooms_name_fault_text(fault));
    rooms_app_refuse(sock, bytes_of(NULL, 0),
                     fault == ROOMS_NAME_RESERVED ? ROOMS_ERR_RESERVED_EVENT
                                                  : ROOMS_ERR_BAD_REQUEST,
                     bytes_of_text(reason));
}

static void on_any(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)user;
    if (is_request(msg->event) || nsp_find_event(sock->nsp, msg->event) != NULL)
        return;
    struct rooms_request request = { .type = ROOMS_EVENT };
    struct message_spec spec = { .kind = KIND_EVENT,
                                 .name = msg->event,
                                 .args = msg->args,
                                 .attachments = msg->attachments,
                                 .attachment_count = (uint8_t)msg->attachment_count,
                                 .except_member = sock->member.id };
    enum rooms_name_fault fault = rooms_check_event(msg->event, ROOMS_MAX_EVENT_BYTES);
    sio_of_sock(sock)->asking = msg->wants_ack ? msg : NULL;
    sock_catch_up(sock);
    if (fault != ROOMS_NAME_OK)
        refuse_name(sock, fault);
    else
        rooms_app_publish(sock, &request, &spec);
    if (sock->state == SOCK_OPEN)
        sio_of_sock(sock)->asking = NULL;
}

/* --- names ------------------------------------------------------------------------------------*/

/* Its rooms were told that it left; that it is among them again is in no history either. */
static void announce_return(belfry_sock *sock)
{
    for (unsigned i = 0; i < sock->member.membership_count; i++) {
        belfry_bytes room = membership_room_name(&sock->member.memberships[i]);
        presence_announce(sock, room, PRESENCE_JOINED, hub_member_count(sock->nsp->hub, room));
    }
}

static void on_connection(belfry_sock *sock, belfry_msg *msg, void *user)
{
    (void)msg;
    (void)user;
    if (belfry_sock_is_recovered(sock))
        announce_return(sock);
}

/* As io({ auth: { user: "ada" } }) or io("/?user=ada") says it, unless the application has. */
static belfry_err take_user(belfry_sock *sock, belfry_msg *msg, void *user)
{
    struct json_field field = { .name = BELFRY_BYTES("user") };
    struct buf name = { 0 };
    belfry_err err = BELFRY_OK;
    (void)user;
    if (sock->user != NULL)
        return BELFRY_OK;
    if (json_read_fields(msg->args, JSON_MAX_DEPTH, &field, 1, NULL) == BELFRY_OK &&
        field.value.kind == JSON_KIND_STRING)
        err = json_string_decode(field.value.text, &name);
    else
        buf_put_bytes(&name, bytes_of_text(belfry_sock_query(sock, "user")));
    if (err == BELFRY_OK && !rooms_app_may_be_user(sock->route->server, buf_bytes(&name)))
        err = belfry_refuse(sock, "user: too long, or has control characters", NULL);
    if (err == BELFRY_OK && name.size > 0) {
        sock->user = mem_dup_bytes(buf_bytes(&name));
        err = sock->user != NULL ? BELFRY_OK : BELFRY_ERR_NOMEM;
    }
    buf_deinit(&name);
    return err;
}

belfry_err belfry_rooms_io(belfry_nsp *nsp)
{
    belfry_err err = belfry_use(nsp, take_user, NULL);
    if (err == BELFRY_OK)
        err = belfry_on(nsp, "connection", on_connection, NULL);
    for (size_t i = 0; i < BELFRY_COUNT(requests) && err == BELFRY_OK; i++)
        err = belfry_on(nsp, requests[i].event, on_request, (void *)&requests[i]);
    if (err == BELFRY_OK)
        err = belfry_on_any(nsp, on_any, NULL);
    if (err == BELFRY_OK)
        nsp->handlers->on_leave = rooms_app_on_leave;
    return err;
}
