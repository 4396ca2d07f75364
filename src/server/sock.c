/*
 * sock.c - the part of the public API that takes a belfry_sock or a belfry_id.
 *
 * On the socket's own worker calls act at once; from anywhere else they become jobs in its
 * worker's inbox, in order.
 */
#include "server/sock.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "server/eio_session.h"
#include "server/node.h"
#include "server/server.h"
#include "server/sio_sock.h"

struct worker *sock_worker(const belfry_sock *sock)
{
    return &sock->route->server->workers[slot_worker_of(sock->member.id)];
}

void sock_catch_up(belfry_sock *sock)
{
    struct hub_shard *shard = sock_worker(sock)->shard;
    if (hub_has_pending(shard))
        hub_drain(shard);
}

belfry_err sock_open(belfry_sock *sock, struct worker *worker, const struct route *route,
                     struct belfry_nsp *nsp, const struct sock_ops *ops)
{
    sock->route = route;
    sock->nsp = nsp;
    sock->member.ops = &ops->member;
    belfry_err err = slots_add(&worker->slots, sock, &sock->member.id);
    if (err != BELFRY_OK)
        return err;
    worker_make_public_id(worker, sock->public_id);
    slots_name(&worker->slots, sock->member.id);
    return BELFRY_OK;
}

void sock_rename(belfry_sock *sock, const char public_id[PUBLIC_ID_SIZE])
{
    struct slots *slots = &sock_worker(sock)->slots;
    slots_unname(slots, sock->member.id);
    memcpy(sock->public_id, public_id, PUBLIC_ID_SIZE);
    slots_name(slots, sock->member.id);
}

void sock_each_gap(belfry_sock *sock,
                   void (*announce)(belfry_sock *sock, belfry_bytes room, const char *reason))
{
    const char *reason = sock->has_missed
                             ? "missed: this server did not hear all that was said on others"
                             : "slow: this connection did not keep up and missed messages";
    sock->has_gap = false;
    sock->has_missed = false;
    for (unsigned i = 0; i < sock->member.membership_count; i++) {
        struct membership *membership = &sock->member.memberships[i];
        if (membership->dropped == 0)
            continue;
        membership->dropped = 0;
        announce(sock, membership_room_name(membership), reason);
    }
}

void sock_note_missed(belfry_sock *sock)
{
    const struct sock_ops *ops = sock_ops_of(sock);
    if (ops->announce_gaps == NULL || !sock->route->speaks_rooms)
        return;
    for (unsigned i = 0; i < sock->member.membership_count; i++)
        sock->member.memberships[i].dropped++;
    sock->has_gap = true;
    sock->has_missed = true;
    if (!ops->conn(sock)->is_blocked) /* else when it has drained */
        ops->announce_gaps(sock);
}

void sock_describe(struct member *member, belfry_bytes *out_id, belfry_bytes *out_user)
{
    const belfry_sock *sock = sock_of_member(member);
    *out_id = bytes_of(sock->public_id, PUBLIC_ID_SIZE);
    *out_user = bytes_of_text(sock->user);
}

belfry_err sock_enter(belfry_sock *sock)
{
    struct hub_joined joined;
    struct hub_enter how = { 0 };
    belfry_err err =
        hub_enter(sock_worker(sock)->shard, sock->nsp->hub, &sock->member, &how, &joined);
    if (err == BELFRY_OK)
        hub_joined_deinit(&joined);
    return err;
}

void sock_leave_all(belfry_sock *sock,
                    void (*on_leave)(belfry_sock *sock, belfry_bytes room, uint32_t members))
{
    struct worker *worker = sock_worker(sock);
    struct hub_nsp *nsp = sock->nsp->hub;
    while (sock->member.membership_count > 0) {
        uint32_t row = sock->member.membership_count - 1u;
        belfry_bytes name = membership_room_name(&sock->member.memberships[row]);
        char room[4096]; /* the bound of max_room_name_bytes */
        BELFRY_ASSERT(name.size <= sizeof room);
        memcpy(room, name.data, name.size);
        name.data = room;
        uint32_t members = 0;
        belfry_err err = hub_leave(worker->shard, nsp, &sock->member, name, &members);
        BELFRY_ASSERT(err == BELFRY_OK);
        if (on_leave != NULL)
            on_leave(sock, name, members);
    }
    hub_exit(worker->shard, nsp, &sock->member);
}

struct member *sock_find_member(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes name)
{
    struct worker *worker = shard->owner;
    struct belfry_sock *sock = NULL;
    belfry_bytes nsp_part;
    belfry_bytes id;
    (void)nsp; /* the hub looks whose member it is */
    if (name.size == PUBLIC_ID_SIZE) {
        sock = slots_find_public(&worker->slots, name.data);
    } else if (sio_split_long_id(name, &nsp_part, &id)) {
        const struct eio_session *s = eio_session_find(worker, id);
        struct sio_sock *found = s != NULL ? sio_sock_find(s, nsp_part) : NULL;
        sock = found != NULL ? &found->sock : NULL;
    }
    return sock != NULL ? &sock->member : NULL;
}

void sock_retire(belfry_sock *sock)
{
    slots_retire(&sock_worker(sock)->slots, sock->member.id);
}

void sock_deinit(belfry_sock *sock)
{
    slots_remove(&sock_worker(sock)->slots, sock->member.id);
    member_deinit(&sock->member);
    mem_free(sock->user);
    mem_free(sock->shared);
    sock->user = NULL;
    sock->shared = NULL;
}

/* --- the public API, on the socket's own thread ----------------------------------------------- */

belfry_err belfry_send(belfry_sock *sock, belfry_type type, const void *data, size_t size)
{
    sock_catch_up(sock);
    return sock_ops_of(sock)->send(sock, type, bytes_of(data, size));
}

belfry_err belfry_send_text(belfry_sock *sock, const char *text)
{
    return belfry_send(sock, BELFRY_TEXT, text, strlen(text));
}

void belfry_close(belfry_sock *sock, uint16_t code, const char *reason)
{
    sock_catch_up(sock);
    sock_ops_of(sock)->close(sock, code, bytes_of_text(reason));
}

void *belfry_data(belfry_sock *sock)
{
    return sock_ops_of(sock)->data(sock);
}

belfry_id belfry_sock_id(const belfry_sock *sock)
{
    return sock->member.id;
}

const char *belfry_sock_id_text(const belfry_sock *sock)
{
    if (sock_is_sio(sock) && sio_of_sock((belfry_sock *)sock)->long_id != NULL)
        return sio_of_sock((belfry_sock *)sock)->long_id;
    return sock->public_id;
}

const char *belfry_sock_user(const belfry_sock *sock)
{
    return sock->user;
}

belfry *belfry_sock_server(const belfry_sock *sock)
{
    return sock->route->server;
}

belfry_err belfry_sock_set_user(belfry_sock *sock, const char *user)
{
    if (user == NULL || !utf8_is_valid(bytes_of_text(user)))
        return server_why(BELFRY_ERR_INVALID, "a user's name must be UTF-8");
    if (sock->member.membership_count > 0)
        return server_why(BELFRY_ERR_STATE, "the socket is in a room, whose members know its name");
    char *copy = mem_dup_text(user);
    if (copy == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    mem_free(sock->user);
    sock->user = copy;
    return BELFRY_OK;
}

const char *belfry_sock_address(belfry_sock *sock)
{
    char address[STREAM_ADDRESS_SIZE];
    sock_ops_of(sock)->address(sock, address);
    const char *text = worker_keep_text(sock_worker(sock), bytes_of_text(address));
    return text != NULL ? text : "-";
}

size_t belfry_queued(const belfry_sock *sock)
{
    return sock_ops_of(sock)->queued(sock);
}

belfry_err sock_check_room(const struct belfry *server, const char *room)
{
    size_t most = server->options.max_room_name_bytes;
    if (room == NULL || room[0] == '\0' || strlen(room) > most ||
        !utf8_is_valid(bytes_of_text(room)))
        return server_why(BELFRY_ERR_INVALID, "a room's name is 1 to %zu bytes of UTF-8", most);
    if (hub_owner_of(&server->hub, bytes_of_text(room)) >= 0)
        return server_why(BELFRY_ERR_INVALID,
                          "the room has the id of a socket, who alone is in it");
    return BELFRY_OK;
}

belfry_err belfry_join(belfry_sock *sock, const char *room)
{
    belfry_err err = sock_check_room(sock->route->server, room);
    if (err != BELFRY_OK)
        return err;
    struct hub_joined joined;
    struct hub_join how = { .since = HUB_SINCE_NOW };
    if (sock->state != SOCK_OPEN)
        return server_outcome(BELFRY_ERR_GONE); /* it has left all rooms for good */
    if (sock_is_sio(sock) && sio_of_sock(sock)->phase == SIO_CONNECTING)
        return server_outcome(sio_wish_join(sio_of_sock(sock), room));
    err = hub_join(sock_worker(sock)->shard, sock->nsp->hub, &sock->member, bytes_of_text(room),
                   &how, &joined);
    if (err != BELFRY_OK)
        return server_why(err, "cannot join: %s",
                          err == BELFRY_ERR_LIMIT ? "max_rooms_per_socket or max_rooms is reached"
                                                  : belfry_strerror(err));
    hub_joined_deinit(&joined);
    node_await_rooms(sock);
    node_session_changed(sock);
    return BELFRY_OK;
}

belfry_err belfry_leave(belfry_sock *sock, const char *room)
{
    uint32_t members;
    if (sock_is_sio(sock) && sio_of_sock(sock)->phase == SIO_CONNECTING)
        return server_outcome(sio_wish_leave(sio_of_sock(sock), room));
    sock_catch_up(sock);
    if (hub_leave(sock_worker(sock)->shard, sock->nsp->hub, &sock->member, bytes_of_text(room),
                  &members) != BELFRY_OK)
        return server_why(BELFRY_ERR_NOT_FOUND, "the socket is not in this room");
    node_session_changed(sock);
    return BELFRY_OK;
}

uint32_t belfry_members(belfry_nsp *nsp, const char *room)
{
    /* A parent's are those of the namespaces made of it. */
    return nsp->hub != NULL ? hub_member_count(nsp->hub, bytes_of_text(room)) : 0;
}

void belfry_each_room(belfry_sock *sock, void (*visit)(const char *room, void *user), void *user)
{
    for (unsigned i = 0; i < sock->member.membership_count; i++) {
        belfry_bytes name = membership_room_name(&sock->member.memberships[i]);
        char room[4096 + 1]; /* the bound of max_room_name_bytes */
        memcpy(room, name.data, name.size);
        room[name.size] = '\0';
        visit(room, user);
    }
}

/* Also one that is not connected yet, and will be in @room. */
bool belfry_is_in(belfry_sock *sock, const char *room)
{
    if (sock_is_sio(sock) && sio_of_sock(sock)->phase == SIO_CONNECTING)
        return sio_wishes(sio_of_sock(sock), room);
    return hub_is_member(sock_worker(sock)->shard, sock->nsp->hub, &sock->member,
                         bytes_of_text(room));
}

/* --- the public API, from any thread -----------------------------------------------------------*/

enum sock_job_kind { SOCK_CLOSE, SOCK_CALL };

struct sock_job {
    struct job job;
    enum sock_job_kind kind;
    uint64_t id;
    uint16_t code;
    void (*fn)(belfry_sock *sock, void *user);
    void *user;
    size_t size;
    char bytes[];
};

static void act(const struct sock_job *j, belfry_sock *sock)
{
    switch (j->kind) {
    case SOCK_CLOSE:
        if (sock != NULL)
            belfry_close(sock, j->code, j->size > 0 ? j->bytes : NULL);
        break;
    case SOCK_CALL:
        j->fn(sock, j->user);
        break;
    }
}

static void run_sock_job(struct worker *worker, struct job *job)
{
    struct sock_job *j = BELFRY_CONTAINER_OF(job, struct sock_job, job);
    act(j, slots_find(&worker->slots, j->id));
    mem_free(j);
}

struct worker *sock_owner_of(belfry *server, belfry_id id)
{
    unsigned owner = slot_worker_of(id);
    if (id == 0 || owner >= server->worker_count)
        return NULL;
    struct worker *worker = &server->workers[owner];
    if (worker_current() == worker && slots_find(&worker->slots, id) == NULL)
        return NULL;
    return worker;
}

static belfry_err post_to_owner(belfry *server, const struct sock_job *what, const void *bytes)
{
    struct worker *worker = sock_owner_of(server, what->id);
    if (worker == NULL)
        return server_outcome(BELFRY_ERR_GONE);
    struct sock_job *job = mem_alloc(sizeof *job + what->size + 1);
    if (job == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    *job = *what;
    job->job.run = run_sock_job;
    if (what->size > 0)
        memcpy(job->bytes, bytes, what->size);
    job->bytes[what->size] = '\0';
    belfry_err err = worker_post(worker, &job->job, worker_current_of(server) == NULL);
    if (err != BELFRY_OK)
        mem_free(job);
    return err;
}

/* A message for one socket takes its place among the room messages of its worker. */
struct direct {
    struct delivery delivery;
    belfry_id id;
    belfry_type type;
    size_t size;
    char bytes[];
};

static void run_direct(struct delivery *delivery, struct hub_shard *shard)
{
    struct direct *direct = BELFRY_CONTAINER_OF(delivery, struct direct, delivery);
    struct worker *worker = shard->owner;
    belfry_sock *sock = slots_find(&worker->slots, direct->id);
    belfry_err err = BELFRY_ERR_GONE;
    if (sock != NULL)
        err = sock_ops_of(sock)->send(sock, direct->type, bytes_of(direct->bytes, direct->size));
    if (err == BELFRY_ERR_LIMIT)
        counter_add(&worker->counters.dropped_slow, 1);
    else if (err != BELFRY_OK)
        counter_add(&worker->counters.dropped_closed, 1);
    mem_free(direct);
}

belfry_err belfry_send_id(belfry *server, belfry_id id, belfry_type type, const void *data,
                          size_t size)
{
    if (!server_can_send(type, bytes_of(data, size)))
        return BELFRY_ERR_INVALID;
    struct worker *worker = sock_owner_of(server, id);
    if (worker == NULL)
        return server_outcome(BELFRY_ERR_GONE);
    struct direct *direct = mem_alloc(sizeof *direct + size);
    if (direct == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    *direct = (struct direct){ .delivery.run = run_direct, .id = id, .type = type, .size = size };
    if (size > 0)
        memcpy(direct->bytes, data, size);
    struct worker *own = worker_current_of(server);
    belfry_err err = hub_push(worker->shard, own != NULL ? own->shard : NULL, &direct->delivery);
    if (err == BELFRY_OK)
        return err;
    mem_free(direct);
    return server_why(err, "max_inbox messages wait for a worker: try again");
}

belfry_err belfry_close_id(belfry *server, belfry_id id, uint16_t code, const char *reason)
{
    struct sock_job job = { .kind = SOCK_CLOSE, .id = id, .code = code };
    job.size = reason == NULL ? 0 : strlen(reason);
    return post_to_owner(server, &job, reason);
}

belfry_err belfry_with(belfry *server, belfry_id id, void (*fn)(belfry_sock *sock, void *user),
                       void *user)
{
    struct sock_job job = { .kind = SOCK_CALL, .id = id, .fn = fn, .user = user };
    return post_to_owner(server, &job, NULL);
}
