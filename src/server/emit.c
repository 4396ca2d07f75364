/*
 * emit.c - targets, and what is said to them: from C into rooms.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"
#include "server/encode.h"
#include "server/server.h"
#include "server/sio_encode.h"
#include "server/sio_msg.h"
#include "server/sio_sock.h"
#include "server/target.h"

enum target_kind { TARGET_ROOMS, TARGET_EVERYONE, TARGET_SOCK };

#define TARGET_VOLATILE 1u
#define TARGET_LOCAL 2u
#define TARGET_TOO_MANY 4u
#define TARGET_UNCOMPRESSED 8u

/* --- targets ----------------------------------------------------------------------------------*/

belfry_target belfry_to(belfry_sock *sock, const char *room)
{
    belfry_target target = { .nsp = sock->nsp, .sock = sock };
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
    return (belfry_target){ .nsp = sock->nsp, .sock = sock, .kind = TARGET_SOCK };
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
    target.flags |= TARGET_LOCAL;
    return target;
}

belfry_target belfry_uncompressed(belfry_target target)
{
    target.flags |= TARGET_UNCOMPRESSED;
    return target;
}

belfry_target belfry_timeout(belfry_target target, uint32_t timeout_ms)
{
    target.timeout_ms = timeout_ms;
    return target;
}

bool target_is_sock(const belfry_target *target)
{
    return target->kind == TARGET_SOCK;
}

bool target_is_local(const belfry_target *target)
{
    return (target->flags & TARGET_LOCAL) != 0;
}

/* --- saying -----------------------------------------------------------------------------------*/

belfry_err target_fill(const belfry_target *target, struct message_spec *spec)
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
    if (target->sock != NULL && target->kind != TARGET_SOCK)
        spec->except_member = target->sock->member.id;
    return BELFRY_OK;
}

static belfry_err publish(struct belfry_nsp *nsp, struct message_spec *spec)
{
    struct belfry *server = nsp->server;
    struct worker *own = worker_current_of(server);
    spec->wall_ms = server->env.clock->wall_ms(server->env.clock->user);
    struct message *m = message_new(spec, &server->hub.hash_key, server->worker_count);
    struct hub_published published;
    if (m == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory");
    belfry_err err = hub_publish(nsp->hub, own != NULL ? own->shard : NULL, m, &published);
    if (err == BELFRY_ERR_AGAIN)
        return server_why(err, "max_inbox messages wait for a worker: try again");
    return err;
}

static belfry_err say_to_plain_sock(belfry_sock *sock, struct message_spec *spec)
{
    struct belfry *server = sock->route->server;
    spec->wall_ms = worker_wall_ms(sock_worker(sock));
    spec->flags |= MESSAGE_UNLOGGED;
    struct message *m = message_new(spec, &server->hub.hash_key, server->worker_count);
    if (m == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    if (sock_ops_of(sock)->queued(sock) >= server->options.max_queue_bytes) {
        message_unref(m);
        return server_why(BELFRY_ERR_LIMIT, "the peer does not read: max_queue_bytes are waiting");
    }
    hub_deliver_to(sock_worker(sock)->shard, sock->nsp->hub, m, &sock->member);
    message_unref(m);
    return BELFRY_OK;
}

/* Where clients can come back it goes into the log, under the socket's own name. */
static bool must_be_logged(const belfry_sock *sock, const struct message_spec *spec)
{
    return sock->nsp->recovered != NULL && (spec->flags & MESSAGE_UNLOGGED) == 0 &&
           sio_of_sock((belfry_sock *)sock)->phase == SIO_CONNECTED;
}

/* To one socket that has caught up. */
static belfry_err say_behind(belfry_sock *sock, struct message_spec *spec)
{
    if (!sock_is_sio(sock))
        return say_to_plain_sock(sock, spec);
    if (!must_be_logged(sock, spec))
        return sio_sock_say(sio_of_sock(sock), spec);
    spec->rooms[0] = bytes_of(sock->public_id, PUBLIC_ID_SIZE);
    spec->room_count = 1;
    if (!sock->nsp->hub->hub->outlet.is_sequencer)
        spec->flags |= MESSAGE_LOCAL; /* it is here: others need not hear of it */
    return publish(sock->nsp, spec);
}

static belfry_err say_to_sock(belfry_sock *sock, struct message_spec *spec)
{
    BELFRY_ASSERT(sock != NULL);
    sock_catch_up(sock);
    if (sock->state != SOCK_OPEN)
        return server_outcome(BELFRY_ERR_GONE);
    return say_behind(sock, spec);
}

/* What is said to a parent is said in each namespace that was made of it. */
struct to_children {
    struct belfry_nsp *parent;
    struct message_spec *spec;
    belfry_err err;
};

static void say_to_child(struct belfry_nsp *nsp, void *arg)
{
    struct to_children *to = arg;
    if (nsp->parent != to->parent)
        return;
    belfry_err err = publish(nsp, to->spec);
    if (err != BELFRY_OK)
        to->err = err;
}

belfry_err target_say(const belfry_target *target, struct message_spec *spec)
{
    belfry *server = target->nsp->server;
    belfry_err err = target_fill(target, spec);
    if (err != BELFRY_OK)
        return err;
    if (target->flags & TARGET_LOCAL)
        spec->flags |= MESSAGE_LOCAL;
    if (target->flags & TARGET_VOLATILE)
        spec->flags |= MESSAGE_VOLATILE | MESSAGE_UNLOGGED;
    if (target->flags & TARGET_UNCOMPRESSED)
        spec->flags |= MESSAGE_NO_COMPRESS;
    if (target->sock != NULL) {
        spec->sender = bytes_of(target->sock->public_id, PUBLIC_ID_SIZE);
        spec->user = bytes_of_text(target->sock->user);
    }
    if (target->kind == TARGET_SOCK)
        return say_to_sock(target->sock, spec);
    if (target->nsp->hub != NULL)
        return publish(target->nsp, spec);
    struct to_children to = { target->nsp, spec, BELFRY_OK };
    nsp_each(server, say_to_child, &to);
    return to.err;
}

belfry_err target_check_event(const belfry_target *target, belfry_bytes name)
{
    if (target->nsp == NULL)
        return BELFRY_ERR_STATE; /* belfry_of has said why */
    if (name.size == 0 || !utf8_is_valid(name))
        return server_why(BELFRY_ERR_INVALID, "an event has a name, in UTF-8");
    if (nsp_event_is_reserved(name))
        return server_why(BELFRY_ERR_INVALID, "\"%.*s\" is a reserved event name", (int)name.size,
                          (const char *)name.data);
    return BELFRY_OK;
}

belfry_err belfry_broadcast(belfry_target target, belfry_type type, const void *data, size_t size)
{
    struct message_spec spec = { .kind = type == BELFRY_TEXT ? KIND_TEXT : KIND_BINARY,
                                 .args = bytes_of(data, size) };
    if (target.nsp == NULL)
        return BELFRY_ERR_STATE; /* belfry_of has said why */
    if (!server_can_send(type, spec.args))
        return BELFRY_ERR_INVALID;
    return target_say(&target, &spec);
}

belfry_err belfry_broadcast_json(belfry_target target, json_t *data)
{
    struct buf text = { 0 };
    belfry_err err = data != NULL
                         ? msg_put_value(&text, data)
                         : server_why(BELFRY_ERR_INVALID, "there is no JSON value to send");
    if (err == BELFRY_OK)
        err = belfry_broadcast(target, BELFRY_TEXT, text.data, text.size);
    buf_deinit(&text);
    json_decref(data);
    return err;
}

/* An event as it was given: @args were checked. */
struct event {
    belfry_bytes name;
    belfry_bytes args;
    const belfry_bytes *attachments;
    unsigned attachment_count;
};

/* One Socket.IO socket that keeps no log: the most frequent target, which needs no message. */
static bool is_direct(const belfry_target *target)
{
    return target->kind == TARGET_SOCK && target->nsp->recovered == NULL &&
           (target->flags & ~TARGET_LOCAL) == 0 && sock_is_sio(target->sock);
}

static belfry_err emit_event(const belfry_target *target, const struct event *event)
{
    belfry_err err = target_check_event(target, event->name);
    if (err != BELFRY_OK)
        return err;
    if (is_direct(target)) {
        sock_catch_up(target->sock);
        return sio_sock_emit(sio_of_sock(target->sock),
                             &(struct sio_said){ .name = event->name,
                                                 .args = event->args,
                                                 .attachments = event->attachments,
                                                 .attachment_count = event->attachment_count });
    }
    struct message_spec spec = { .kind = KIND_EVENT,
                                 .name = event->name,
                                 .args = event->args,
                                 .attachments = event->attachments,
                                 .attachment_count = (uint8_t)event->attachment_count };
    return target_say(target, &spec);
}

static belfry_err emit_args(const belfry_target *target, const char *event, belfry_bytes args)
{
    return emit_event(target, &(struct event){ .name = bytes_of_text(event), .args = args });
}

belfry_err belfry_emit_raw(belfry_target target, const char *event, const char *json, size_t size)
{
    uint32_t count = 0;
    belfry_err err = msg_check_args(bytes_of(json, size), &count);
    if (err == BELFRY_OK && count == 0)
        err = server_why(BELFRY_ERR_INVALID, "no JSON: belfry_emit with NULL has no arguments");
    return err != BELFRY_OK ? err : emit_args(&target, event, bytes_of(json, size));
}

belfry_err belfry_emit_json(belfry_target target, const char *event, json_t *data)
{
    struct buf args = { 0 };
    belfry_err err = data != NULL
                         ? msg_put_value(&args, data)
                         : server_why(BELFRY_ERR_INVALID, "there is no JSON value to emit");
    if (err == BELFRY_OK)
        err = emit_args(&target, event, buf_bytes(&args));
    buf_deinit(&args);
    json_decref(data);
    return err;
}

belfry_err belfry_emit(belfry_target target, const char *event, const char *format, ...)
{
    struct buf args = { 0 };
    va_list list;
    va_start(list, format);
    belfry_err err = msg_pack_args(&args, format, list);
    va_end(list);
    if (err == BELFRY_OK)
        err = emit_args(&target, event, buf_bytes(&args));
    buf_deinit(&args);
    return err;
}

belfry_err belfry_emit_bin(belfry_target target, const char *event, const char *json,
                           const belfry_bytes *parts, unsigned count)
{
    struct buf args = { 0 };
    belfry_err err = msg_bin_args(&args, json, count);
    if (err == BELFRY_OK)
        err = emit_event(&target, &(struct event){ .name = bytes_of_text(event),
                                                   .args = buf_bytes(&args),
                                                   .attachments = parts,
                                                   .attachment_count = count });
    buf_deinit(&args);
    return err;
}

belfry_err belfry_forward(belfry_target target, const char *event, const belfry_msg *msg)
{
    return emit_event(&target, &(struct event){ .name = bytes_of_text(event),
                                                .args = msg->args,
                                                .attachments = msg->attachments,
                                                .attachment_count = msg->attachment_count });
}

/* --- to one socket from anywhere --------------------------------------------------------------*/

/* Takes its place among the room messages of the socket's worker. */
struct direct_event {
    struct delivery delivery;
    belfry_id id;
    size_t name_size;
    size_t args_size;
    char bytes[];
};

static void run_direct_event(struct delivery *delivery, struct hub_shard *shard)
{
    struct direct_event *direct = BELFRY_CONTAINER_OF(delivery, struct direct_event, delivery);
    struct worker *worker = shard->owner;
    belfry_sock *sock = slots_find(&worker->slots, direct->id);
    struct message_spec spec = {
        .kind = KIND_EVENT,
        .name = bytes_of(direct->bytes, direct->name_size),
        .args = bytes_of(direct->bytes + direct->name_size, direct->args_size),
    };
    belfry_err err = BELFRY_ERR_GONE;
    if (sock != NULL && sock->state == SOCK_OPEN)
        err = say_behind(sock, &spec);
    if (err == BELFRY_ERR_LIMIT)
        counter_add(&worker->counters.dropped_slow, 1);
    else if (err != BELFRY_OK)
        counter_add(&worker->counters.dropped_closed, 1);
    mem_free(direct);
}

static belfry_err push_direct(belfry *server, belfry_id id, belfry_bytes name, belfry_bytes args)
{
    struct worker *worker = sock_owner_of(server, id);
    if (worker == NULL)
        return server_outcome(BELFRY_ERR_GONE);
    struct direct_event *direct = mem_alloc(sizeof *direct + name.size + args.size);
    if (direct == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    *direct = (struct direct_event){
        .delivery.run = run_direct_event, .id = id, .name_size = name.size, .args_size = args.size
    };
    memcpy(direct->bytes, name.data, name.size);
    if (args.size > 0)
        memcpy(direct->bytes + name.size, args.data, args.size);
    struct worker *own = worker_current_of(server);
    belfry_err err = hub_push(worker->shard, own != NULL ? own->shard : NULL, &direct->delivery);
    if (err == BELFRY_OK)
        return err;
    mem_free(direct);
    return server_why(err, "max_inbox messages wait for a worker: try again");
}

belfry_err belfry_emit_id(belfry *server, belfry_id id, const char *event, const char *format, ...)
{
    struct buf args = { 0 };
    belfry_bytes name = bytes_of_text(event);
    belfry_err err = target_check_event(&(belfry_target){ .nsp = server->root }, name);
    va_list list;
    va_start(list, format);
    if (err == BELFRY_OK)
        err = msg_pack_args(&args, format, list);
    va_end(list);
    if (err == BELFRY_OK)
        err = push_direct(server, id, name, buf_bytes(&args));
    buf_deinit(&args);
    return err;
}
