/*
 * emit.c - targets, and what is said to them: from C into rooms.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"
#include "server/encode.h"
#include "server/server.h"
#include "server/sock.h"

enum target_kind { TARGET_ROOMS, TARGET_EVERYONE, TARGET_SOCK };

#define TARGET_VOLATILE 1u
#define TARGET_LOCAL 2u
#define TARGET_TOO_MANY 4u

/* --- targets ----------------------------------------------------------------------------------*/

belfry_target belfry_to(belfry_sock *sock, const char *room)
{
    belfry_target target = { .nsp = &sock->route->server->root, .sock = sock };
    return belfry_and(target, room);
}

belfry_target belfry_in(belfry_nsp *nsp, const char *room)
{
    return belfry_and((belfry_target){ .nsp = nsp }, room);
}

belfry_target belfry_everyone(belfry_nsp *nsp)
{
    return (belfry_target){ .nsp = nsp, .kind = TARGET_EVERYONE };
}

belfry_target belfry_only(belfry_sock *sock)
{
    return (belfry_target){ .nsp = &sock->route->server->root, .sock = sock, .kind = TARGET_SOCK };
}

belfry_target belfry_and(belfry_target target, const char *room)
{
    if (target.room_count == BELFRY_TARGET_ROOMS)
        target.flags |= TARGET_TOO_MANY;
    else
        target.rooms[target.room_count++] = room;
    return target;
}

belfry_target belfry_except(belfry_target target, const char *room)
{
    if (target.except_count == BELFRY_TARGET_ROOMS)
        target.flags |= TARGET_TOO_MANY;
    else
        target.excepts[target.except_count++] = room;
    return target;
}

belfry_target belfry_volatile(belfry_target target)
{
    target.flags |= TARGET_VOLATILE;
    return target;
}

belfry_target belfry_local(belfry_target target)
{
    target.flags |= TARGET_LOCAL; /* the hub of this process is all there is, without a cluster */
    return target;
}

/* --- saying -----------------------------------------------------------------------------------*/

static belfry_err fill_rooms(const belfry_target *target, struct message_spec *spec)
{
    size_t most = target->nsp->server->options.max_room_name_bytes;
    if (target->flags & TARGET_TOO_MANY)
        return server_why(BELFRY_ERR_LIMIT, "a target has at most %d rooms and %d exceptions",
                          BELFRY_TARGET_ROOMS, BELFRY_TARGET_ROOMS);
    for (unsigned i = 0; i < target->room_count; i++)
        spec->rooms[i] = bytes_of_text(target->rooms[i]);
    for (unsigned i = 0; i < target->except_count; i++)
        spec->excepts[i] = bytes_of_text(target->excepts[i]);
    spec->room_count = target->room_count;
    spec->except_count = target->except_count;
    for (unsigned i = 0; i < target->room_count; i++) {
        if (spec->rooms[i].size == 0 || spec->rooms[i].size > most ||
            !utf8_is_valid(spec->rooms[i]))
            return server_why(BELFRY_ERR_INVALID, "a room's name is 1 to %zu bytes of UTF-8", most);
    }
    return BELFRY_OK;
}

static belfry_err say_to_sock(belfry_sock *sock, struct message_spec *spec)
{
    BELFRY_ASSERT(sock != NULL);
    struct belfry *server = sock->route->server;
    struct worker *worker = sock_worker(sock);
    sock_catch_up(sock);
    if (sock->state != SOCK_OPEN)
        return server_outcome(BELFRY_ERR_GONE);
    spec->flags |= MESSAGE_UNLOGGED;
    struct message *m = message_new(spec, &server->hub.hash_key, server->worker_count);
    if (m == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    if (conn_queued(sock_ops_of(sock)->conn(sock)) >= server->options.max_queue_bytes) {
        message_unref(m);
        return server_why(BELFRY_ERR_LIMIT, "the peer does not read: max_queue_bytes are waiting");
    }
    hub_deliver_to(worker->shard, &server->hub.root, m, &sock->member);
    message_unref(m);
    return BELFRY_OK;
}

static belfry_err say(const belfry_target *target, struct message_spec *spec)
{
    belfry *server = target->nsp->server;
    struct worker *own = worker_current_of(server);
    belfry_err err = fill_rooms(target, spec);
    if (err != BELFRY_OK)
        return err;
    spec->wall_ms = server->env.clock->wall_ms(server->env.clock->user);
    if (target->flags & TARGET_VOLATILE)
        spec->flags |= MESSAGE_VOLATILE | MESSAGE_UNLOGGED;
    if (target->sock != NULL) {
        spec->sender = bytes_of(target->sock->public_id, PUBLIC_ID_SIZE);
        spec->user = bytes_of_text(target->sock->user);
    }
    if (target->kind == TARGET_SOCK)
        return say_to_sock(target->sock, spec);
    if (target->sock != NULL)
        spec->except_member = target->sock->member.id;
    struct message *m = message_new(spec, &server->hub.hash_key, server->worker_count);
    struct hub_published published;
    if (m == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory");
    err = hub_publish(target->nsp->hub, own != NULL ? own->shard : NULL, m, &published);
    if (err == BELFRY_ERR_AGAIN)
        return server_why(err, "max_inbox messages wait for a worker: try again");
    return err;
}

belfry_err belfry_broadcast(belfry_target target, belfry_type type, const void *data, size_t size)
{
    struct message_spec spec = { .kind = type == BELFRY_TEXT ? KIND_TEXT : KIND_BINARY,
                                 .args = bytes_of(data, size) };
    if (!server_can_send(type, spec.args))
        return BELFRY_ERR_INVALID;
    return say(&target, &spec);
}

belfry_err belfry_emit_raw(belfry_target target, const char *event, const char *json, size_t size)
{
    struct message_spec spec = { .kind = KIND_EVENT,
                                 .name = bytes_of_text(event),
                                 .args = bytes_of(json, size) };
    struct json_fault fault;
    if (spec.name.size == 0 || !utf8_is_valid(spec.name))
        return server_why(BELFRY_ERR_INVALID, "an event has a name, in UTF-8");
    if (!utf8_is_valid(spec.args))
        return server_why(BELFRY_ERR_INVALID, "JSON must be UTF-8");
    if (json_scan(spec.args, JSON_MAX_DEPTH, NULL, &fault) != BELFRY_OK)
        return server_why(BELFRY_ERR_INVALID, "not JSON at byte %zu: %s", fault.at, fault.what);
    return say(&target, &spec);
}

/* What json_dumps made: the application may have given jansson an allocator of its own. */
static void free_dump(char *text)
{
    json_free_t free_with;
    json_get_alloc_funcs(NULL, &free_with);
    free_with(text);
}

belfry_err belfry_emit_json(belfry_target target, const char *event, json_t *data)
{
    char *text = data != NULL ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    belfry_err err = BELFRY_ERR_INVALID;
    if (text != NULL)
        err = belfry_emit_raw(target, event, text, strlen(text));
    else
        (void)server_why(err, "this JSON value cannot be written as text");
    if (text != NULL)
        free_dump(text);
    json_decref(data);
    return err;
}

belfry_err belfry_emit(belfry_target target, const char *event, const char *format, ...)
{
    if (format == NULL)
        return belfry_emit_raw(target, event, "null", 4);
    json_error_t error;
    va_list args;
    va_start(args, format);
    json_t *data = json_vpack_ex(&error, 0, format, args);
    va_end(args);
    if (data == NULL)
        return server_why(BELFRY_ERR_INVALID, "cannot pack \"%s\": %s", format, error.text);
    return belfry_emit_json(target, event, data);
}
