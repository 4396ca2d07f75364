/*
 * rooms_app.c - the default application: the room protocol (docs/rooms.md), over WebSocket.
 *
 * Parsing and writing JSON is src/rooms; order, membership and history are src/hub. What is here
 * is what a request does, and that every request gets its answer. rooms_io.c hands the requests of
 * Socket.IO clients in.
 */
#include "server/rooms_app.h"

#include "base/alloc.h"
#include "base/json.h"
#include "rooms/reply.h"
#include "rooms/request.h"
#include "server/encode.h"
#include "server/node.h"
#include "server/presence.h"
#include "server/request.h"
#include "server/server.h"
#include "server/sio_msg.h"
#include "server/sio_sock.h"

#define MAX_QUESTIONS 4 /* member lists being collected for one socket */

static struct hub_nsp *nsp_of(const belfry_sock *sock)
{
    return sock->nsp->hub;
}

static struct rooms_person person_of(const belfry_sock *sock)
{
    return (struct rooms_person){ bytes_of(sock->public_id, PUBLIC_ID_SIZE),
                                  bytes_of_text(sock->user) };
}

/* --- answering --------------------------------------------------------------------------------*/

/* Sends the JSON in @text; without memory the connection cannot keep its promises and ends. */
static void send_json(belfry_sock *sock, const struct buf *text)
{
    belfry_err err = BELFRY_ERR_NOMEM;
    if (!buf_failed(text))
        err = sock_ops_of(sock)->reply(sock, buf_bytes(text));
    if (err == BELFRY_ERR_NOMEM) /* else it is closing: nobody asks any more */
        sock_ops_of(sock)->abort(sock);
}

static struct buf *begin_reply(belfry_sock *sock)
{
    struct buf *reply = &sock_worker(sock)->scratch;
    buf_clear(reply);
    return reply;
}

void rooms_app_refuse(belfry_sock *sock, belfry_bytes ref, enum rooms_error error,
                      belfry_bytes reason)
{
    struct buf *reply = begin_reply(sock);
    counter_add(&sock_worker(sock)->counters.room_errors, 1);
    rooms_put_error(reply, ref, error, reason);
    send_json(sock, reply);
}

static void reply_hub_error(belfry_sock *sock, belfry_bytes ref, belfry_err err)
{
    bool is_own_limit =
        sock->member.membership_count >= sock->route->server->options.max_rooms_per_socket;
    enum rooms_error error = err != BELFRY_ERR_LIMIT ? ROOMS_ERR_BUSY
                             : is_own_limit          ? ROOMS_ERR_TOO_MANY_ROOMS
                                                     : ROOMS_ERR_SERVER_FULL;
    rooms_app_refuse(sock, ref, error, bytes_of(NULL, 0));
}

static void reply_ack(belfry_sock *sock, belfry_bytes ref, const struct hub_published *published)
{
    if (ref.size == 0 && !(sock_is_sio(sock) && sio_of_sock(sock)->asking != NULL))
        return;
    char id[MESSAGE_ID_MAX_TEXT];
    size_t size =
        message_id_format(id, published->id, bytes_of_text(sock->route->server->hub.epoch));
    sock_catch_up(sock); /* the sender's own copy comes first */
    struct buf *reply = begin_reply(sock);
    rooms_put_ack(reply, ref, bytes_of(id, size));
    send_json(sock, reply);
}

/* --- join and leave ---------------------------------------------------------------------------*/

static struct hub_join join_wish(belfry_sock *sock, const struct rooms_request *request)
{
    struct hub_join how = { .since = HUB_SINCE_NOW, .wall_ms = worker_wall_ms(sock_worker(sock)) };
    belfry_bytes epoch;
    if (request->since.size > 0) {
        /* Of another life of this server, or of none: all there is, and a gap. */
        how.since = HUB_SINCE_UNKNOWN;
        if (message_id_parse(request->since, &how.id, &epoch) &&
            bytes_equal_text(epoch, sock->route->server->hub.epoch))
            how.since = HUB_SINCE_ID;
    } else if (request->has_history) {
        how.since = HUB_SINCE_COUNT;
        how.count = request->history;
    }
    return how;
}

/* The history as JSON objects behind each other; @items point into @text. */
static bool encode_history(const struct hub_joined *joined, const char *epoch, struct buf *text,
                           belfry_bytes *items)
{
    size_t *ends = mem_alloc((joined->history.count + 1) * sizeof *ends);
    if (ends == NULL)
        return false;
    for (uint32_t i = 0; i < joined->history.count; i++) {
        (void)encode_json(text, joined->history.items[i], epoch);
        ends[i] = text->size;
    }
    for (uint32_t i = 0; i < joined->history.count && !buf_failed(text); i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        items[i] = bytes_of(text->data + start, ends[i] - start);
    }
    mem_free(ends);
    return !buf_failed(text);
}

struct join_reply {
    belfry_sock *sock;
    const struct rooms_request *request;
    bool is_since_unknown;
};

static void write_joined(const struct join_reply *to, const struct hub_joined *joined,
                         const belfry_bytes *items)
{
    const char *epoch = to->sock->route->server->hub.epoch;
    char last[MESSAGE_ID_MAX_TEXT];
    struct rooms_joined reply = {
        .ref = to->request->ref,
        .room = to->request->room,
        .members = joined->members,
        .history = items,
        .history_count = joined->history.count,
        .last = bytes_of(last, message_id_format(last, joined->last, bytes_of_text(epoch))),
    };
    if (joined->has_gap)
        reply.gap = to->is_since_unknown
                        ? BELFRY_BYTES("unknown position: not one of this server since its start")
                        : BELFRY_BYTES("too long ago: the room's history begins later");
    struct buf *text = begin_reply(to->sock);
    rooms_put_joined(text, &reply);
    send_json(to->sock, text);
}

/* Called at the exact place between what the snapshot holds and what comes live. */
static void on_live(struct member *member, const struct hub_joined *joined, void *user)
{
    const struct join_reply *to = user;
    struct buf text = { 0 };
    belfry_bytes none;
    belfry_bytes *items = &none;
    (void)member;
    if (joined->history.count > 0)
        items = mem_alloc(joined->history.count * sizeof *items);
    if (items != NULL && encode_history(joined, to->sock->route->server->hub.epoch, &text, items))
        write_joined(to, joined, items);
    else
        sock_ops_of(to->sock)->abort(to->sock);
    if (items != &none)
        mem_free(items);
    buf_deinit(&text);
}

static bool is_in(const belfry_sock *sock, belfry_bytes room)
{
    for (unsigned i = sock->member.membership_count; i > 0; i--) {
        if (bytes_equal(membership_room_name(&sock->member.memberships[i - 1]), room))
            return true;
    }
    return false;
}

static void join_with(belfry_sock *sock, const struct rooms_request *request,
                      const struct hub_join *wish)
{
    struct hub_joined joined;
    struct hub_join how = *wish;
    struct join_reply to = { sock, request, how.since == HUB_SINCE_UNKNOWN };
    how.on_live = on_live;
    how.user = &to;
    belfry_err err = hub_join(sock_worker(sock)->shard, nsp_of(sock), &sock->member, request->room,
                              &how, &joined);
    if (err != BELFRY_OK) {
        reply_hub_error(sock, request->ref, err);
        return;
    }
    if (!joined.was_member)
        presence_announce(sock, request->room, PRESENCE_JOINED, joined.members);
    hub_joined_deinit(&joined);
    node_await_rooms(sock);
    node_session_changed(sock);
}

/* --- a join that needs what is elsewhere ------------------------------------------------------*/

struct join_wait {
    struct rooms_request request; /* its room and ref lie behind */
    struct hub_join how;
    belfry_ack_ref ack; /* of a Socket.IO client */
    char bytes[];
};

static struct join_wait *new_join_wait(const struct rooms_request *request,
                                       const struct hub_join *how)
{
    belfry_bytes room = request->room;
    belfry_bytes ref = request->ref;
    struct join_wait *wait = mem_alloc(sizeof *wait + room.size + ref.size);
    if (wait == NULL)
        return NULL;
    *wait = (struct join_wait){ .how = *how };
    memcpy(wait->bytes, room.data, room.size);
    if (ref.size > 0)
        memcpy(wait->bytes + room.size, ref.data, ref.size);
    wait->request.room = bytes_of(wait->bytes, room.size);
    wait->request.ref = bytes_of(wait->bytes + room.size, ref.size);
    return wait;
}

static void go_on_joining(belfry_sock *sock, const struct hub_older *older, void *arg)
{
    struct join_wait *wait = arg;
    wait->how.older = older;
    if (sock != NULL && sock_is_sio(sock)) {
        struct belfry_msg asking = { .server = sock_worker(sock)->server,
                                     .sock = sock,
                                     .wants_ack = wait->ack.is_wanted,
                                     .ack_id = wait->ack.id };
        sock->questions--;
        sio_of_sock(sock)->asking = &asking;
        join_with(sock, &wait->request, &wait->how);
        sio_of_sock(sock)->asking = NULL;
    } else if (sock != NULL) {
        conn_release(sock_ops_of(sock)->conn(sock));
        if (sock->state == SOCK_OPEN)
            join_with(sock, &wait->request, &wait->how);
    }
    mem_free(wait);
}

/* What the client says next must wait too, where that is in an order; answers to Socket.IO clients
 * know their questions. False: it need not wait, or cannot. */
static bool join_later(belfry_sock *sock, const struct rooms_request *request,
                       const struct hub_join *how)
{
    struct node_recall_wish wish = { .lack = hub_join_lacks(nsp_of(sock), request->room, how),
                                     .rooms = &request->room,
                                     .room_count = 1,
                                     .has_since = how->since == HUB_SINCE_ID,
                                     .since = how->id,
                                     .latest = how->count };
    if (wish.lack == HUB_LACKS_NOTHING || sock->questions >= MAX_QUESTIONS)
        return false;
    struct join_wait *wait = new_join_wait(request, how);
    if (wait == NULL || !node_recall(sock, &wish, go_on_joining, wait)) {
        mem_free(wait);
        return false;
    }
    if (!sock_is_sio(sock)) {
        conn_hold(sock_ops_of(sock)->conn(sock));
        return true;
    }
    if (sio_of_sock(sock)->asking != NULL)
        wait->ack = belfry_ack_later(sio_of_sock(sock)->asking);
    sock->questions++;
    return true;
}

static void join(belfry_sock *sock, const struct rooms_request *request)
{
    struct hub_join how = join_wish(sock, request);
    if (sock_worker(sock)->server->node == NULL || !join_later(sock, request, &how))
        join_with(sock, request, &how);
}

static void leave(belfry_sock *sock, const struct rooms_request *request)
{
    uint32_t members;
    sock_catch_up(sock);
    if (hub_leave(sock_worker(sock)->shard, nsp_of(sock), &sock->member, request->room, &members) !=
        BELFRY_OK) {
        rooms_app_refuse(sock, request->ref, ROOMS_ERR_NOT_MEMBER,
                         BELFRY_BYTES("not a member of this room: there is nothing to leave"));
        return;
    }
    struct buf *reply = begin_reply(sock);
    rooms_put_left(reply, request->ref, request->room);
    send_json(sock, reply);
    node_session_changed(sock);
    presence_announce(sock, request->room, PRESENCE_LEFT, members);
}

void rooms_app_on_leave(belfry_sock *sock, belfry_bytes room, uint32_t members)
{
    presence_announce(sock, room, PRESENCE_LEFT, members);
}

/* --- saying something -------------------------------------------------------------------------*/

/* The room that is meant: the one named, else the one joined last. False: answered. */
static bool find_target(belfry_sock *sock, const struct rooms_request *request,
                        belfry_bytes *out_room)
{
    const struct member *member = &sock->member;
    if (request->has_room) {
        *out_room = request->room;
        if (is_in(sock, request->room))
            return true;
        rooms_app_refuse(sock, request->ref, ROOMS_ERR_NOT_MEMBER, bytes_of(NULL, 0));
        return false;
    }
    if (member->membership_count > 0) {
        *out_room = membership_room_name(&member->memberships[member->membership_count - 1]);
        return true;
    }
    rooms_app_refuse(sock, request->ref, ROOMS_ERR_NO_ROOM, bytes_of(NULL, 0));
    return false;
}

/* --- where the order is made elsewhere, the answer comes later --------------------------------*/

/* Of a request to say something: who asked, until it has its place. */
struct said_receipt {
    struct receipt receipt;
    belfry_id sock;
    belfry_ack_ref ack; /* of a Socket.IO client */
    size_t ref_size;
    char ref[];
};

static void answer_said(belfry_sock *sock, const struct said_receipt *said)
{
    const struct receipt *r = &said->receipt;
    belfry_bytes ref = bytes_of(said->ref, said->ref_size);
    char id[MESSAGE_ID_MAX_TEXT];
    size_t size =
        r->has_id ? message_id_format(id, r->id, bytes_of_text(sock->route->server->hub.epoch)) : 0;
    if (r->err == BELFRY_ERR_LIMIT) {
        rooms_app_refuse(sock, ref, ROOMS_ERR_TOO_LARGE, bytes_of(NULL, 0));
    } else if (r->err != BELFRY_OK) {
        rooms_app_refuse(sock, ref, ROOMS_ERR_BUSY, bytes_of(NULL, 0));
    } else if (said->ref_size > 0 || said->ack.is_wanted) {
        struct buf *reply = begin_reply(sock);
        rooms_put_ack(reply, ref, bytes_of(id, size));
        send_json(sock, reply);
    }
}

/* Behind the sender's own copy: it lies in the same inbox. */
static void run_said(struct delivery *delivery, struct hub_shard *shard)
{
    struct receipt *receipt = BELFRY_CONTAINER_OF(delivery, struct receipt, delivery);
    struct said_receipt *said = BELFRY_CONTAINER_OF(receipt, struct said_receipt, receipt);
    struct worker *worker = shard->owner;
    belfry_sock *sock = slots_find(&worker->slots, said->sock);
    if (receipt->is_repeat)
        counter_add(&worker->counters.repeats, 1);
    if (sock != NULL && sock->state == SOCK_OPEN) {
        struct belfry_msg asking = { .server = worker->server,
                                     .sock = sock,
                                     .wants_ack = said->ack.is_wanted,
                                     .ack_id = said->ack.id };
        if (sock_is_sio(sock))
            sio_of_sock(sock)->asking = &asking;
        answer_said(sock, said);
        if (sock_is_sio(sock))
            sio_of_sock(sock)->asking = NULL;
    }
    mem_free(said);
}

/* NULL: no memory. */
static struct said_receipt *new_receipt(const belfry_sock *sock,
                                        const struct rooms_request *request)
{
    struct said_receipt *said = mem_alloc(sizeof *said + request->ref.size);
    if (said == NULL)
        return NULL;
    *said = (struct said_receipt){ .receipt = { .delivery.run = run_said,
                                                .worker = sock_worker(sock)->index },
                                   .sock = sock->member.id,
                                   .ref_size = request->ref.size };
    if (request->ref.size > 0)
        memcpy(said->ref, request->ref.data, request->ref.size);
    return said;
}

static bool is_order_elsewhere(const belfry_sock *sock, const struct message_spec *spec)
{
    return sock->nsp->hub->hub->outlet.is_sequencer && (spec->flags & MESSAGE_UNLOGGED) == 0;
}

void rooms_app_publish(belfry_sock *sock, const struct rooms_request *request,
                       struct message_spec *spec)
{
    struct worker *worker = sock_worker(sock);
    struct belfry *server = worker->server;
    struct rooms_person from = person_of(sock);
    struct hub_published published;
    if (!find_target(sock, request, &spec->rooms[0]))
        return;
    if (spec->args.size > server->options.max_queue_bytes) {
        rooms_app_refuse(sock, request->ref, ROOMS_ERR_TOO_LARGE, bytes_of(NULL, 0));
        return;
    }
    spec->room_count = 1;
    spec->sender = from.id;
    spec->user = from.user;
    spec->key = request->key;
    spec->wall_ms = worker_wall_ms(worker);
    struct said_receipt *said = NULL;
    if (is_order_elsewhere(sock, spec)) {
        said = new_receipt(sock, request);
        if (said == NULL) {
            rooms_app_refuse(sock, request->ref, ROOMS_ERR_BUSY, bytes_of(NULL, 0));
            return;
        }
    }
    struct message *m = message_new(spec, &server->hub.hash_key, server->worker_count);
    if (m != NULL && said != NULL)
        m->receipt = &said->receipt;
    if (m == NULL || hub_publish(nsp_of(sock), worker->shard, m, &published) != BELFRY_OK) {
        mem_free(said);
        rooms_app_refuse(sock, request->ref, ROOMS_ERR_BUSY, bytes_of(NULL, 0));
        return;
    }
    if (published.is_later) {
        if (said != NULL && sock_is_sio(sock) && sio_of_sock(sock)->asking != NULL)
            said->ack = belfry_ack_later(sio_of_sock(sock)->asking);
        return;
    }
    if (published.is_repeat)
        counter_add(&worker->counters.repeats, 1);
    reply_ack(sock, request->ref, &published);
}

static void say(belfry_sock *sock, const struct rooms_request *request)
{
    struct message_spec spec = { .kind = KIND_MESSAGE, .args = request->text };
    rooms_app_publish(sock, request, &spec);
}

static void emit(belfry_sock *sock, const struct rooms_request *request)
{
    struct message_spec spec = { .kind = KIND_EVENT,
                                 .name = request->event,
                                 .args = request->data,
                                 .except_member = sock->member.id };
    if (request->is_volatile)
        spec.flags = MESSAGE_VOLATILE | MESSAGE_UNLOGGED;
    rooms_app_publish(sock, request, &spec);
}

/* --- members ----------------------------------------------------------------------------------*/

/* Kept while the workers are asked; the socket may be gone by then. */
struct roster_wait {
    belfry_id id;
    belfry_nsp *nsp;    /* used until the answer */
    belfry_ack_ref ack; /* of a Socket.IO client */
    size_t ref_size;
    size_t room_size;
    char bytes[];
};

static void write_roster(belfry_sock *sock, const struct roster_wait *wait,
                         const struct hub_roster *roster)
{
    struct rooms_person *page = mem_alloc((roster->count + 1) * sizeof *page);
    belfry_bytes ref = bytes_of(wait->bytes, wait->ref_size);
    if (page == NULL || !roster->is_complete) {
        mem_free(page);
        rooms_app_refuse(sock, ref, ROOMS_ERR_BUSY, bytes_of(NULL, 0));
        return;
    }
    for (uint32_t i = 0; i < roster->count; i++)
        page[i] = (struct rooms_person){ roster->people[i].id, roster->people[i].user };
    struct rooms_members reply = { .ref = ref,
                                   .room = bytes_of(wait->bytes + wait->ref_size, wait->room_size),
                                   .count = roster->total,
                                   .page = page,
                                   .page_count = roster->count };
    if (roster->has_more && roster->count > 0)
        reply.next = page[roster->count - 1].id;
    struct buf *text = begin_reply(sock);
    rooms_put_members(text, &reply);
    send_json(sock, text);
    mem_free(page);
}

static void on_roster(struct hub_shard *shard, const struct hub_roster *roster, void *user)
{
    struct roster_wait *wait = user;
    struct worker *worker = shard->owner;
    belfry_sock *sock = slots_find(&worker->slots, wait->id);
    if (sock != NULL) {
        struct belfry_msg asking = { .server = worker->server,
                                     .sock = sock,
                                     .wants_ack = wait->ack.is_wanted,
                                     .ack_id = wait->ack.id };
        sock->questions--;
        sock_catch_up(sock);
        if (sock_is_sio(sock))
            sio_of_sock(sock)->asking = &asking;
        write_roster(sock, wait, roster);
        if (sock_is_sio(sock))
            sio_of_sock(sock)->asking = NULL;
    }
    nsp_release(wait->nsp);
    mem_free(wait);
}

static void list_members(belfry_sock *sock, const struct rooms_request *request)
{
    struct worker *worker = sock_worker(sock);
    if (!is_in(sock, request->room)) {
        rooms_app_refuse(sock, request->ref, ROOMS_ERR_NOT_MEMBER, bytes_of(NULL, 0));
        return;
    }
    if (sock->questions >= MAX_QUESTIONS) {
        rooms_app_refuse(sock, request->ref, ROOMS_ERR_BUSY,
                         BELFRY_BYTES("too many member lists at once: wait for the answers"));
        return;
    }
    struct roster_wait *wait = mem_alloc(sizeof *wait + request->ref.size + request->room.size);
    if (wait != NULL) {
        nsp_acquire(sock->nsp);
        *wait = (struct roster_wait){ .id = sock->member.id,
                                      .nsp = sock->nsp,
                                      .ref_size = request->ref.size,
                                      .room_size = request->room.size };
        if (request->ref.size > 0)
            memcpy(wait->bytes, request->ref.data, request->ref.size);
        memcpy(wait->bytes + request->ref.size, request->room.data, request->room.size);
    }
    if (wait == NULL ||
        hub_ask_roster(worker->shard, nsp_of(sock), request->room, request->after,
                       worker->server->options.max_members_page, on_roster, wait) != BELFRY_OK) {
        if (wait != NULL)
            nsp_release(sock->nsp);
        mem_free(wait);
        rooms_app_refuse(sock, request->ref, ROOMS_ERR_BUSY, bytes_of(NULL, 0));
        return;
    }
    if (sock_is_sio(sock) && sio_of_sock(sock)->asking != NULL)
        wait->ack = belfry_ack_later(sio_of_sock(sock)->asking);
    sock->questions++;
}

/* --- the socket -------------------------------------------------------------------------------*/

bool rooms_app_may_be_user(const struct belfry *server, belfry_bytes name)
{
    return name.size <= server->options.max_room_name_bytes && !json_text_has_control(name);
}

unsigned rooms_app_take_user(belfry_request *req)
{
    const char *name = belfry_request_query(req, "user");
    if (name == NULL || name[0] == '\0')
        return 0;
    if (!rooms_app_may_be_user(req->route->server, bytes_of_text(name))) {
        request_reply_error(req, 400, "user: too long, or has control characters");
        return 400;
    }
    return belfry_request_set_user(req, name) == BELFRY_OK ? 0 : 503;
}

static unsigned on_upgrade(belfry_request *req, void *user)
{
    (void)user;
    return rooms_app_take_user(req);
}

static void on_open(belfry_sock *sock, void *user)
{
    (void)user;
    struct buf *text = begin_reply(sock);
    rooms_put_welcome(text, person_of(sock));
    send_json(sock, text);
}

void rooms_app_handle(belfry_sock *sock, const struct rooms_request *request)
{
    switch (request->type) {
    case ROOMS_JOIN:
        join(sock, request);
        break;
    case ROOMS_LEAVE:
        leave(sock, request);
        break;
    case ROOMS_MESSAGE:
        say(sock, request);
        break;
    case ROOMS_EVENT:
        emit(sock, request);
        break;
    case ROOMS_MEMBERS:
        list_members(sock, request);
        break;
    case ROOMS_PING: {
        sock_catch_up(sock);
        struct buf *reply = begin_reply(sock);
        rooms_put_pong(reply, request->ref);
        send_json(sock, reply);
        break;
    }
    }
}

static void on_message(belfry_sock *sock, belfry_type type, belfry_bytes message, void *user)
{
    struct worker *worker = sock_worker(sock);
    struct rooms_request request;
    (void)user;
    if (type != BELFRY_TEXT) {
        sock_catch_up(sock);
        rooms_app_refuse(sock, bytes_of(NULL, 0), ROOMS_ERR_NOT_TEXT, bytes_of(NULL, 0));
        return;
    }
    enum rooms_error error = rooms_request_parse(message, &worker->server->rooms_limits, &request,
                                                 &worker->request_scratch);
    if (error == ROOMS_OK) {
        rooms_app_handle(sock, &request);
        return;
    }
    sock_catch_up(sock);
    rooms_app_refuse(sock, request.ref, error, request.reason);
}

belfry_err belfry_rooms(belfry *server, const char *pattern)
{
    belfry_ws_handlers handlers = { .upgrade = on_upgrade, .open = on_open, .message = on_message };
    struct route *route;
    belfry_err err = server_add_ws_route(server, pattern, &handlers, &route);
    if (err != BELFRY_OK)
        return err;
    route->speaks_rooms = true;
    route->on_leave = rooms_app_on_leave;
    route->data_size = 0;
    return BELFRY_OK;
}
