/*
 * node_session.c - Socket.IO clients that come back to another server of the cluster.
 *
 *   connected, joined, left, shared --turn's end--> session text --outlet--> Redis
 *                                                        answers wait for its word --'
 *   CONNECT with pid and offset --outlet--> taken from Redis --job--> sio_connect_go_on
 *
 * The reference keeps a session when its connection ends; who was killed cannot. Here it is kept
 * from the start and at every change, and what a client is told of a change (the answer to its
 * join) waits until Redis has it. While a socket lives its session is kept alive.
 */
#include <jansson.h>

#include "base/alloc.h"
#include "base/json.h"
#include "server/conn.h"
#include "server/node.h"
#include "server/relay.h"
#include "server/sio_client.h"
#include "server/sio_recovery.h"
#include "server/sock.h"

#define REFRESH_MS 30000 /* at least so often; kept for as much longer */

static bool keeps_sessions(const belfry_sock *sock)
{
    const struct belfry *server = sock->nsp->server;
    return server->node != NULL && server->node->url.contract == NOTE_STREAMS &&
           sock_is_sio(sock) && sio_of_sock(sock)->pid != NULL;
}

/* --- saving -----------------------------------------------------------------------------------*/

/* A session on its way to Redis, and the socket whose answers wait for it. */
struct session_save {
    struct delivery delivery;
    struct job job; /* back, to let it out */
    struct worker *home;
    belfry_id sock;
    bool is_shut_in;
    uint32_t keep_ms;
    struct note_session session; /* its texts lie behind */
    belfry_bytes rooms[];
};

static void run_saved(struct worker *worker, struct job *job)
{
    struct session_save *save = BELFRY_CONTAINER_OF(job, struct session_save, job);
    belfry_sock *sock = save->is_shut_in ? slots_find(&worker->slots, save->sock) : NULL;
    if (sock != NULL)
        conn_let_out(sock_ops_of(sock)->conn(sock));
    mem_free(save);
}

static void on_saved(void *user)
{
    struct session_save *save = user;
    save->job.run = run_saved;
    belfry_err err = worker_post(save->home, &save->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

static void run_save(struct delivery *delivery, struct hub_shard *shard)
{
    struct session_save *save = BELFRY_CONTAINER_OF(delivery, struct session_save, delivery);
    const struct worker *worker = shard != NULL ? shard->owner : NULL;
    struct cluster *cluster = worker != NULL ? worker->server->node->cluster : NULL;
    if (cluster == NULL)
        on_saved(save);
    else
        cluster_save_session(cluster, &save->session, save->keep_ms, on_saved, save);
}

/* Who is saved: a socket that is connected, or what is left of one. */
struct identity {
    const char *id;
    const char *pid;
    const char *user;
    const char *shared;
    const belfry_bytes *rooms;
    unsigned room_count;
    belfry_id lives_as; /* 0: nowhere any more */
    uint32_t keep_ms;
};

/* What other nodes need to know beside id and rooms: where it lives, the user's name and what is
 * shared. */
static void put_data(struct buf *out, uint32_t node_tag, const struct identity *who)
{
    buf_printf(out, "{\"belfry\":{\"node\":%u,\"sock\":\"%llu\"", node_tag,
               (unsigned long long)who->lives_as);
    if (who->user != NULL) {
        buf_put_text(out, ",\"user\":");
        json_put_string(out, bytes_of_text(who->user));
    }
    if (who->shared != NULL) {
        buf_put_text(out, ",\"shared\":");
        buf_put_text(out, who->shared);
    }
    buf_put_text(out, "}}");
}

static belfry_bytes copy_to(char **at, belfry_bytes from)
{
    char *start = *at;
    if (from.size > 0)
        memcpy(start, from.data, from.size);
    *at += from.size;
    return bytes_of(start, from.size);
}

static struct session_save *copy_identity(const struct identity *who, belfry_bytes data)
{
    size_t size = ((size_t)who->room_count + 1) * sizeof(belfry_bytes) +
                  (size_t)2 * PUBLIC_ID_SIZE + data.size;
    for (unsigned i = 0; i < who->room_count; i++)
        size += who->rooms[i].size;
    struct session_save *save = mem_alloc_zeroed(sizeof *save + size);
    if (save == NULL)
        return NULL;
    char *at = (char *)&save->rooms[who->room_count + 1];
    save->session.sid = copy_to(&at, bytes_of(who->id, PUBLIC_ID_SIZE));
    save->session.pid = copy_to(&at, bytes_of(who->pid, PUBLIC_ID_SIZE));
    save->session.data = copy_to(&at, data);
    save->rooms[0] = save->session.sid; /* a room too, in the reference */
    for (unsigned i = 0; i < who->room_count; i++)
        save->rooms[i + 1] = copy_to(&at, who->rooms[i]);
    save->session.rooms = (struct note_names){ save->rooms, who->room_count + 1 };
    save->keep_ms = who->keep_ms;
    return save;
}

/* NULL: no memory, counted. */
static struct session_save *new_save(struct worker *worker, const struct identity *who)
{
    struct buf data = { 0 };
    put_data(&data, worker->server->node_tag, who);
    struct session_save *save = buf_failed(&data) ? NULL : copy_identity(who, buf_bytes(&data));
    buf_deinit(&data);
    if (save == NULL)
        counter_add(&worker->counters.dropped_memory, 1);
    return save;
}

static uint32_t window_of(const belfry_sock *sock)
{
    return sio_recovery_window_ms(sock->nsp);
}

static void push(struct worker *worker, struct session_save *save)
{
    save->delivery.run = run_save;
    save->home = worker;
    hub_outlet_push(&worker->server->hub, worker->shard, &save->delivery);
}

static void save_sock(belfry_sock *sock, uint32_t keep_ms, bool is_shut_in)
{
    struct worker *worker = sock_worker(sock);
    const struct member *member = &sock->member;
    belfry_bytes *rooms = mem_alloc((member->membership_count + 1) * sizeof *rooms);
    struct session_save *save = NULL;
    for (unsigned i = 0; i < member->membership_count && rooms != NULL; i++)
        rooms[i] = membership_room_name(&member->memberships[i]);
    if (rooms != NULL)
        save = new_save(worker, &(struct identity){ .id = sock->public_id,
                                                    .pid = sio_of_sock(sock)->pid,
                                                    .user = sock->user,
                                                    .shared = sock->shared,
                                                    .rooms = rooms,
                                                    .room_count = member->membership_count,
                                                    .lives_as = sock->member.id,
                                                    .keep_ms = keep_ms });
    else
        counter_add(&worker->counters.dropped_memory, 1);
    mem_free(rooms);
    if (save == NULL) {
        if (is_shut_in)
            conn_let_out(sock_ops_of(sock)->conn(sock));
        return;
    }
    save->sock = sock->member.id;
    save->is_shut_in = is_shut_in;
    push(worker, save);
}

/* --- when ------------------------------------------------------------------------------------- */

void node_session_changed(belfry_sock *sock)
{
    struct worker *worker = sock_worker(sock);
    if (!keeps_sessions(sock) || sio_of_sock(sock)->is_due)
        return;
    buf_put(&worker->sessions_due, &sock->member.id, sizeof sock->member.id);
    if (buf_failed(&worker->sessions_due)) {
        worker->sessions_due.has_failed = 0; /* its refreshing will do it */
        return;
    }
    sio_of_sock(sock)->is_due = true;
    conn_shut_in(sock_ops_of(sock)->conn(sock));
    worker->loop.wants_turn = true;
}

void node_save_due(struct worker *worker)
{
    size_t count = worker->sessions_due.size / sizeof(belfry_id);
    for (size_t i = 0; i < count; i++) {
        belfry_id id;
        memcpy(&id, worker->sessions_due.data + i * sizeof id, sizeof id);
        belfry_sock *sock = slots_find(&worker->slots, id);
        if (sock == NULL)
            continue;
        sio_of_sock(sock)->is_due = false;
        if (sio_of_sock(sock)->phase == SIO_CONNECTED)
            save_sock(sock, window_of(sock) + 2 * REFRESH_MS, true);
        else
            conn_let_out(sock_ops_of(sock)->conn(sock));
    }
    buf_clear(&worker->sessions_due);
}

static void refresh(belfry_sock *sock, void *arg)
{
    (void)arg;
    if (keeps_sessions(sock) && sio_of_sock(sock)->phase == SIO_CONNECTED)
        save_sock(sock, window_of(sock) + 2 * REFRESH_MS, false);
}

void node_refresh_sessions(struct worker *worker, bool is_now)
{
    const struct node *node = worker->server->node;
    if (node == NULL || node->url.contract != NOTE_STREAMS)
        return;
    if (!is_now && worker->loop.now_ms < worker->sessions_refreshed_ms + REFRESH_MS)
        return;
    worker->sessions_refreshed_ms = worker->loop.now_ms;
    slots_each(&worker->slots, refresh, NULL);
}

void node_session_ended(struct sio_sock *sock, const struct sio_saved *saved)
{
    struct worker *worker = sock_worker(&sock->sock);
    if (!keeps_sessions(&sock->sock) || sock->is_taken)
        return; /* or it is somebody else's by now */
    struct identity who = { .id = sock->sock.public_id,
                            .pid = sock->pid,
                            .user = sock->sock.user,
                            .shared = sock->sock.shared,
                            .keep_ms = 1 }; /* it will not come back */
    if (saved != NULL) {
        who.rooms = saved->rooms;
        who.room_count = saved->room_count;
        who.keep_ms = window_of(&sock->sock);
    }
    struct session_save *save = new_save(worker, &who);
    if (save != NULL)
        push(worker, save);
}

void node_session_kept(struct worker *worker, const struct sio_saved *saved)
{
    const struct node *node = worker->server->node;
    uint64_t now_ms = worker->loop.now_ms;
    if (node == NULL || node->url.contract != NOTE_STREAMS || saved->expires_ms <= now_ms)
        return;
    struct identity who = { .id = saved->id,
                            .pid = saved->pid,
                            .user = saved->user,
                            .shared = saved->shared,
                            .rooms = saved->rooms,
                            .room_count = saved->room_count,
                            .keep_ms = (uint32_t)(saved->expires_ms - now_ms) };
    struct session_save *save = new_save(worker, &who);
    if (save != NULL)
        push(worker, save);
}

/* --- coming back ------------------------------------------------------------------------------*/

/* A question for a session, and the answer: first to worker 0, then home. */
struct session_take {
    struct delivery delivery;
    struct job job;
    struct worker *home;
    struct belfry_nsp *nsp; /* used */
    belfry_id sock;
    struct message_id since;
    char pid[PUBLIC_ID_SIZE];
    bool is_known;
    struct sio_saved *saved; /* NULL: there is none */
    struct relay_tag node;   /* where it lives still, and as whom; 0: nowhere */
    bool is_here;
    belfry_id lives_as;
};

static struct sio_saved *saved_of(const struct note_session *session)
{
    size_t size = session->rooms.count * sizeof(belfry_bytes);
    for (unsigned i = 0; i < session->rooms.count; i++)
        size += session->rooms.names[i].size;
    struct public_id_owner owner;
    if (!worker_split_public_id(session->sid, &owner) || session->pid.size != PUBLIC_ID_SIZE)
        return NULL;
    struct sio_saved *saved = mem_alloc_zeroed(sizeof *saved + size);
    if (saved == NULL)
        return NULL;
    char *at = (char *)&saved->rooms[session->rooms.count];
    memcpy(saved->id, session->sid.data, PUBLIC_ID_SIZE);
    memcpy(saved->pid, session->pid.data, PUBLIC_ID_SIZE);
    for (unsigned i = 0; i < session->rooms.count; i++) {
        if (!bytes_equal(session->rooms.names[i], session->sid))
            saved->rooms[saved->room_count++] = copy_to(&at, session->rooms.names[i]);
    }
    return saved;
}

/* Where it lives still, if its connection was not lost as far as its server knows. */
static void read_home(struct session_take *take, const struct json_field *node,
                      const struct json_field *sock)
{
    const struct belfry *server = take->home->server;
    belfry_bytes text;
    uint64_t tag = 0;
    uint64_t id = 0;
    if (!json_u64(node->value.text, &tag) || tag > 0x3ffff ||
        sock->value.kind != JSON_KIND_STRING || !json_string_plain(sock->value.text, &text) ||
        !json_u64(text, &id))
        return;
    take->lives_as = id;
    take->is_here = tag == server->node_tag;
    worker_node_text((uint32_t)tag, take->node.text);
}

/* What a Belfry node has kept beside the rooms. */
static void read_data(struct session_take *take, belfry_bytes data)
{
    struct sio_saved *saved = take->saved;
    struct json_field ours = { .name = BELFRY_BYTES("belfry") };
    struct json_field fields[] = { { .name = BELFRY_BYTES("user") },
                                   { .name = BELFRY_BYTES("shared") },
                                   { .name = BELFRY_BYTES("node") },
                                   { .name = BELFRY_BYTES("sock") } };
    struct buf user = { 0 };
    if (json_read_fields(data, JSON_MAX_DEPTH, &ours, 1, NULL) != BELFRY_OK ||
        ours.value.kind != JSON_KIND_OBJECT ||
        json_read_fields(ours.value.text, JSON_MAX_DEPTH, fields, BELFRY_COUNT(fields), NULL) !=
            BELFRY_OK)
        return;
    read_home(take, &fields[2], &fields[3]);
    if (fields[0].value.kind == JSON_KIND_STRING &&
        json_string_decode(fields[0].value.text, &user) == BELFRY_OK)
        saved->user = mem_dup_bytes(buf_bytes(&user));
    if (fields[1].value.kind != JSON_KIND_ABSENT)
        saved->shared = mem_dup_bytes(fields[1].value.text);
    buf_deinit(&user);
}

/* What this server itself has kept of it has more: the application's data. */
static struct sio_saved *merge(struct belfry_nsp *nsp, const struct session_take *take,
                               struct sio_saved *own)
{
    if (!take->is_known)
        return own; /* Redis is away: what is here is all there is */
    if (take->saved == NULL && own != NULL)
        sio_saved_expire(nsp, own); /* somebody else has taken it, or its time is over */
    if (take->saved == NULL || own == NULL)
        return take->saved;
    sio_saved_free(take->saved);
    return own;
}

static void run_taken(struct worker *worker, struct job *job)
{
    struct session_take *take = BELFRY_CONTAINER_OF(job, struct session_take, job);
    belfry_sock *found = slots_find(&worker->slots, take->sock);
    struct sio_sock *sock = found != NULL ? sio_of_sock(found) : NULL;
    if (take->saved != NULL)
        take->saved->expires_ms = worker->loop.now_ms + sio_recovery_window_ms(take->nsp);
    if (sock != NULL && sock->phase == SIO_CONNECTING && sock->admission->is_taking) {
        sock_catch_up(found);
        sock->admission->is_taking = false;
        struct sio_saved *own =
            sio_recovery_take(found->nsp, bytes_of(take->pid, PUBLIC_ID_SIZE), worker->loop.now_ms);
        sio_connect_as(sock, merge(found->nsp, take, own), take->since);
    } else if (take->saved != NULL) { /* its connection is gone again: it may come once more */
        node_session_kept(worker, take->saved);
        sio_saved_free(take->saved);
    }
    nsp_release(take->nsp);
    mem_free(take);
}

static void send_home(struct session_take *take)
{
    take->job.run = run_taken;
    belfry_err err = worker_post(take->home, &take->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

/* --- who lives still under that name ----------------------------------------------------------*/

/* The client has gone elsewhere, though its old connection does not know it yet. Its session is not
 * kept again; on this server its data is, for whoever it is now. */
static void end_taken(struct worker *worker, belfry_id id, belfry_bytes pid, bool is_here)
{
    belfry_sock *found = slots_find(&worker->slots, id);
    struct sio_sock *sock = found != NULL && sock_is_sio(found) ? sio_of_sock(found) : NULL;
    if (sock == NULL || sock->pid == NULL || !bytes_equal_text(pid, sock->pid))
        return;
    struct eio_session *s = sock->session;
    sock->is_taken = true;
    sio_sock_end(sock, "transport close", NULL, is_here ? SIO_MAY_RETURN : SIO_LEAVES);
    if (s->socks == NULL)
        eio_session_end(s, EIO_CAUSE_WEBSOCKET_CLOSED);
}

static void run_end_former(struct worker *worker, struct job *job)
{
    struct session_take *take = BELFRY_CONTAINER_OF(job, struct session_take, job);
    end_taken(worker, take->lives_as, bytes_of(take->pid, PUBLIC_ID_SIZE), true);
    send_home(take);
}

/* First the old one ends, then the new one begins, where this server has both. */
static void end_former(struct session_take *take)
{
    struct belfry *server = take->home->server;
    unsigned owner = slot_worker_of(take->lives_as);
    if (take->saved == NULL || take->lives_as == 0 || owner >= HUB_MAX_WORKERS) {
        send_home(take);
        return;
    }
    if (take->is_here && owner < server->worker_count) {
        take->job.run = run_end_former;
        belfry_err err = worker_post(&server->workers[owner], &take->job, false);
        BELFRY_ASSERT(err == BELFRY_OK);
        return;
    }
    struct relay_message m = { .kind = RELAY_TAKEN,
                               .worker = owner,
                               .number = take->lives_as,
                               .body = bytes_of(take->pid, PUBLIC_ID_SIZE) };
    if (!take->is_here)
        (void)relay_say(&server->workers[0], &take->node, &m, NULL); /* else its ping ends it */
    send_home(take);
}

void node_hear_taken(struct worker *worker, const struct relay_message *m)
{
    end_taken(worker, m->number, m->body, false);
}

static void on_taken(const struct note_session *session, bool is_known, void *user)
{
    struct session_take *take = user;
    take->is_known = is_known;
    take->saved = session != NULL ? saved_of(session) : NULL;
    if (take->saved != NULL)
        read_data(take, session->data);
    end_former(take);
}

static void run_take(struct delivery *delivery, struct hub_shard *shard)
{
    struct session_take *take = BELFRY_CONTAINER_OF(delivery, struct session_take, delivery);
    const struct worker *worker = shard != NULL ? shard->owner : NULL;
    struct cluster *cluster = worker != NULL ? worker->server->node->cluster : NULL;
    if (cluster == NULL || !cluster_take_session(cluster, bytes_of(take->pid, PUBLIC_ID_SIZE),
                                                 take->since, on_taken, take))
        send_home(take);
}

bool node_take_session(struct sio_sock *sock, belfry_bytes pid, struct message_id since)
{
    struct worker *worker = sock_worker(&sock->sock);
    const struct node *node = worker->server->node;
    if (node == NULL || node->url.contract != NOTE_STREAMS || pid.size != PUBLIC_ID_SIZE)
        return false;
    struct session_take *take = mem_alloc_zeroed(sizeof *take);
    if (take == NULL)
        return false;
    *take = (struct session_take){ .delivery.run = run_take,
                                   .home = worker,
                                   .nsp = sock->sock.nsp,
                                   .sock = sock->sock.member.id,
                                   .since = since };
    memcpy(take->pid, pid.data, PUBLIC_ID_SIZE);
    nsp_acquire(take->nsp);
    sock->admission->is_taking = true;
    hub_outlet_push(&worker->server->hub, worker->shard, &take->delivery);
    return true;
}
