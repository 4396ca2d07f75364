/*
 * sio_peers.c - doing something with all sockets that a target reaches, on all workers.
 *
 *   caller --job--> each worker: drain, select its own, act
 *                                  `fetch: what it found --job--> home: all of it, one callback
 *
 * A job drains the inbox first, so that it finds what the caller's earlier emits and joins have
 * made. Members are collected before anything is done to them: nobody may come or go while they are
 * walked.
 */
#include "base/alloc.h"
#include "server/eio_session.h"
#include "server/server.h"
#include "server/sio_sock.h"
#include "server/sock.h"
#include "server/target.h"

enum peers_action { PEERS_JOIN, PEERS_LEAVE, PEERS_DISCONNECT, PEERS_FETCH };

struct fetch;

/* What one worker is to do. */
struct peers_job {
    struct job job;
    struct peers_request *request;
    belfry_id *ids; /* whom it selected */
    size_t count;
    size_t capacity;
    bool has_failed;    /* no memory for all of them */
    belfry_peer *peers; /* FETCH: what they are, all in one block of memory each */
    size_t peer_count;
};

struct peers_request {
    struct belfry *server;
    belfry_nsp *nsp;
    struct hub_selection selection; /* its names lie in @names */
    enum peers_action action;
    belfry_extent extent;
    belfry_peers_handler on_peers;
    void *user;
    struct worker *home; /* where on_peers is called */
    atomic_uint pending; /* jobs that are not done */
    struct job answer;
    char *room;
    char *names;
    unsigned job_count;
    struct peers_job jobs[];
};

static void free_request(struct peers_request *r)
{
    for (unsigned w = 0; w < r->job_count; w++) {
        for (size_t i = 0; i < r->jobs[w].peer_count; i++)
            mem_free((void *)r->jobs[w].peers[i].rooms);
        mem_free(r->jobs[w].peers);
        mem_free(r->jobs[w].ids);
    }
    nsp_release(r->nsp);
    mem_free(r->room);
    mem_free(r->names);
    mem_free(r);
}

/* --- selecting --------------------------------------------------------------------------------*/

static void collect(struct member *member, void *arg)
{
    struct peers_job *job = arg;
    if (job->count == job->capacity) {
        size_t capacity = BELFRY_MAX(job->capacity * 2, (size_t)64);
        belfry_id *ids = mem_realloc(job->ids, capacity * sizeof *ids);
        if (ids == NULL) {
            job->has_failed = true;
            return;
        }
        job->ids = ids;
        job->capacity = capacity;
    }
    job->ids[job->count++] = member->id;
}

/* --- acting -----------------------------------------------------------------------------------*/

static void act(const struct peers_request *r, belfry_sock *sock)
{
    switch (r->action) {
    case PEERS_JOIN:
        (void)belfry_join(sock, r->room); /* one that is in too many rooms stays where it is */
        break;
    case PEERS_LEAVE:
        (void)belfry_leave(sock, r->room);
        break;
    case PEERS_DISCONNECT:
        belfry_disconnect(sock, r->extent);
        break;
    case PEERS_FETCH:
        break;
    }
}

/* --- telling ----------------------------------------------------------------------------------*/

struct texts {
    const char **rooms;
    char *at;
};

static const char *put_text(struct texts *to, belfry_bytes text)
{
    char *start = to->at;
    if (text.size > 0)
        memcpy(start, text.data, text.size);
    start[text.size] = '\0';
    to->at += text.size + 1;
    return start;
}

/* One block: room pointers, then texts, then data. */
static bool describe(belfry_sock *sock, belfry_peer *out)
{
    char address[STREAM_ADDRESS_SIZE];
    const struct member *member = &sock->member;
    size_t data_size = (size_t)sock->nsp->server->options.sock_data;
    const void *data = belfry_data(sock);
    belfry_bytes url = bytes_of_text(belfry_sock_url(sock));
    sock_ops_of(sock)->address(sock, address);
    size_t size = strlen(belfry_sock_id_text(sock)) + 1 + strlen(address) + 1 + url.size + 1 +
                  bytes_of_text(sock->user).size + 1 + (data != NULL ? data_size + 16 : 0);
    for (unsigned i = 0; i < member->membership_count; i++)
        size += membership_room_name(&member->memberships[i]).size + 1;
    const char **rooms = mem_alloc(member->membership_count * sizeof *rooms + size);
    if (rooms == NULL)
        return false;
    struct texts to = { rooms, (char *)(rooms + member->membership_count) };
    *out = (belfry_peer){ .id = member->id,
                          .rooms = rooms,
                          .room_count = member->membership_count,
                          .issued_ms = belfry_sock_issued_ms(sock) };
    if (data != NULL) {
        to.at += -(uintptr_t)to.at & 15; /* for whatever the application keeps there */
        out->data = memcpy(to.at, data, data_size);
        to.at += data_size;
    }
    out->id_text = put_text(&to, bytes_of_text(belfry_sock_id_text(sock)));
    out->address = put_text(&to, bytes_of_text(address));
    out->url = url.data != NULL ? put_text(&to, url) : NULL;
    out->user = sock->user != NULL ? put_text(&to, bytes_of_text(sock->user)) : NULL;
    for (unsigned i = 0; i < member->membership_count; i++)
        rooms[i] = put_text(&to, membership_room_name(&member->memberships[i]));
    return true;
}

static void describe_all(struct peers_job *job, struct worker *worker)
{
    job->peers = mem_alloc((job->count + 1) * sizeof *job->peers);
    job->has_failed = job->has_failed || job->peers == NULL;
    for (size_t i = 0; i < job->count && job->peers != NULL; i++) {
        belfry_sock *sock = slots_find(&worker->slots, job->ids[i]);
        if (sock == NULL)
            continue;
        if (describe(sock, &job->peers[job->peer_count]))
            job->peer_count++;
        else
            job->has_failed = true;
    }
}

static void run_answer(struct worker *worker, struct job *job)
{
    struct peers_request *r = BELFRY_CONTAINER_OF(job, struct peers_request, answer);
    size_t sum = 0;
    bool has_failed = false;
    (void)worker;
    for (unsigned w = 0; w < r->job_count; w++) {
        sum += r->jobs[w].peer_count;
        has_failed = has_failed || r->jobs[w].has_failed;
    }
    belfry_peer *all = mem_alloc((sum + 1) * sizeof *all);
    size_t count = 0;
    for (unsigned w = 0; w < r->job_count && all != NULL; w++) {
        if (r->jobs[w].peer_count > 0)
            memcpy(all + count, r->jobs[w].peers, r->jobs[w].peer_count * sizeof *all);
        count += r->jobs[w].peer_count;
    }
    r->on_peers(has_failed || all == NULL ? BELFRY_ERR_NOMEM : BELFRY_OK, all, (unsigned)count,
                r->user);
    mem_free(all);
    free_request(r);
}

/* --- on each worker ---------------------------------------------------------------------------*/

static void finish(struct peers_request *r)
{
    if (atomic_fetch_sub(&r->pending, 1) > 1)
        return;
    if (r->action != PEERS_FETCH) {
        free_request(r);
        return;
    }
    r->answer.run = run_answer;
    belfry_err err = worker_post(r->home, &r->answer, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

static void run_job(struct worker *worker, struct job *job)
{
    struct peers_job *mine = BELFRY_CONTAINER_OF(job, struct peers_job, job);
    struct peers_request *r = mine->request;
    hub_drain(worker->shard);
    hub_each_selected(worker->shard, r->nsp->hub, &r->selection, collect, mine);
    if (r->action == PEERS_FETCH)
        describe_all(mine, worker);
    for (size_t i = 0; i < mine->count && r->action != PEERS_FETCH; i++) {
        belfry_sock *sock = slots_find(&worker->slots, mine->ids[i]);
        if (sock != NULL && sock->state == SOCK_OPEN)
            act(r, sock);
    }
    finish(r);
}

/* --- asking -----------------------------------------------------------------------------------*/

/* The target's names are the caller's: copies are kept. */
static belfry_err copy_names(struct peers_request *r, const struct message_spec *spec)
{
    size_t size = 1;
    for (unsigned i = 0; i < spec->room_count; i++)
        size += spec->rooms[i].size;
    for (unsigned i = 0; i < spec->except_count; i++)
        size += spec->excepts[i].size;
    r->names = mem_alloc(size);
    if (r->names == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    char *at = r->names;
    struct hub_selection *s = &r->selection;
    for (unsigned i = 0; i < (unsigned)spec->room_count + spec->except_count; i++) {
        bool is_room = i < spec->room_count;
        belfry_bytes name = is_room ? spec->rooms[i] : spec->excepts[i - spec->room_count];
        if (name.size > 0)
            memcpy(at, name.data, name.size);
        *(is_room ? &s->rooms[i] : &s->excepts[i - spec->room_count]) = bytes_of(at, name.size);
        at += name.size;
    }
    s->room_count = spec->room_count;
    s->except_count = spec->except_count;
    s->except_member = spec->except_member;
    return BELFRY_OK;
}

static belfry_err fill(struct peers_request *r, const belfry_target *target)
{
    struct message_spec spec = { 0 };
    belfry_err err = target_fill(target, &spec);
    if (err == BELFRY_OK && target_is_sock(target)) {
        spec.rooms[0] = bytes_of(target->sock->public_id, PUBLIC_ID_SIZE);
        spec.room_count = 1;
    }
    return err == BELFRY_OK ? copy_names(r, &spec) : err;
}

static belfry_err start(const belfry_target *target, const struct peers_request *what,
                        const char *room)
{
    if (target->nsp == NULL || target->nsp->hub == NULL)
        return server_why(BELFRY_ERR_STATE,
                          "a parent has no sockets of its own: ask the namespaces made of it");
    struct belfry *server = target->nsp->server;
    struct worker *own = worker_current_of(server);
    struct peers_request *r =
        mem_alloc_zeroed(sizeof *r + server->worker_count * sizeof r->jobs[0]);
    if (r == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    *r = *what;
    r->server = server;
    r->nsp = target->nsp;
    nsp_acquire(r->nsp);
    r->home = own != NULL ? own : &server->workers[0];
    r->job_count = server->worker_count;
    belfry_err err = fill(r, target);
    if (err == BELFRY_OK && room != NULL) {
        r->room = mem_dup_text(room);
        err = server_outcome(r->room != NULL ? BELFRY_OK : BELFRY_ERR_NOMEM);
    }
    if (err != BELFRY_OK) {
        free_request(r);
        return err;
    }
    atomic_init(&r->pending, r->job_count);
    for (unsigned w = 0; w < server->worker_count; w++)
        r->jobs[w] = (struct peers_job){ .job.run = run_job, .request = r };
    for (unsigned w = 0; w < server->worker_count; w++) {
        if (&server->workers[w] == own)
            continue;
        err = worker_post(&server->workers[w], &r->jobs[w].job, false);
        BELFRY_ASSERT(err == BELFRY_OK);
    }
    if (own != NULL) /* the last: @r may be gone after it */
        run_job(own, &r->jobs[own->index].job);
    return BELFRY_OK;
}

belfry_err belfry_sockets_join(belfry_target target, const char *room)
{
    belfry_err err = target.nsp != NULL ? sock_check_room(target.nsp->server, room) : BELFRY_OK;
    return err != BELFRY_OK ? err
                            : start(&target, &(struct peers_request){ .action = PEERS_JOIN }, room);
}

belfry_err belfry_sockets_leave(belfry_target target, const char *room)
{
    belfry_err err = target.nsp != NULL ? sock_check_room(target.nsp->server, room) : BELFRY_OK;
    return err != BELFRY_OK
               ? err
               : start(&target, &(struct peers_request){ .action = PEERS_LEAVE }, room);
}

belfry_err belfry_disconnect_sockets(belfry_target target, belfry_extent extent)
{
    return start(&target, &(struct peers_request){ .action = PEERS_DISCONNECT, .extent = extent },
                 NULL);
}

belfry_err belfry_fetch_sockets(belfry_target target, belfry_peers_handler on_peers, void *user)
{
    if (on_peers == NULL)
        return server_why(BELFRY_ERR_INVALID, "on_peers is missing");
    return start(
        &target,
        &(struct peers_request){ .action = PEERS_FETCH, .on_peers = on_peers, .user = user }, NULL);
}

struct room_visit {
    void (*visit)(const char *room, uint32_t members, void *user);
    void *user;
};

static void visit_room(belfry_bytes name, uint32_t members, void *arg)
{
    const struct room_visit *v = arg;
    char text[4096 + 1]; /* the bound of max_room_name_bytes */
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (members > 0)
        v->visit(text, members, v->user);
}

void belfry_nsp_each_room(belfry_nsp *nsp,
                          void (*visit)(const char *room, uint32_t members, void *user), void *user)
{
    struct room_visit v = { visit, user };
    if (nsp->hub != NULL)
        hub_each_room(nsp->hub, visit_room, &v);
}

/* --- several rooms at once --------------------------------------------------------------------*/

belfry_err belfry_join_many(belfry_sock *sock, const char *const *rooms, unsigned count)
{
    unsigned done = 0;
    belfry_err err = BELFRY_OK;
    uint64_t was_in = 0; /* bit i: before this call */
    if (count > 64)
        return server_why(BELFRY_ERR_LIMIT, "at most 64 rooms at once");
    for (; done < count && err == BELFRY_OK; done++) {
        if (rooms[done] != NULL && belfry_is_in(sock, rooms[done]))
            was_in |= (uint64_t)1 << done;
        err = belfry_join(sock, rooms[done]);
    }
    for (unsigned i = 0; i + 1 < done && err != BELFRY_OK; i++) {
        if ((was_in & (uint64_t)1 << i) == 0)
            (void)belfry_leave(sock, rooms[i]);
    }
    return err;
}

/* --- one socket from any thread ---------------------------------------------------------------*/

struct far_disconnect {
    struct job job;
    belfry_id id;
    belfry_extent extent;
};

static void run_far_disconnect(struct worker *worker, struct job *job)
{
    struct far_disconnect *far = BELFRY_CONTAINER_OF(job, struct far_disconnect, job);
    belfry_sock *sock = slots_find(&worker->slots, far->id);
    if (sock != NULL && sock->state == SOCK_OPEN)
        belfry_disconnect(sock, far->extent);
    mem_free(far);
}

belfry_err belfry_disconnect_id(belfry *server, belfry_id id, belfry_extent extent)
{
    struct worker *worker = sock_owner_of(server, id);
    if (worker == NULL)
        return server_outcome(BELFRY_ERR_GONE);
    struct far_disconnect *far = mem_alloc(sizeof *far);
    if (far == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    *far = (struct far_disconnect){ .job.run = run_far_disconnect, .id = id, .extent = extent };
    belfry_err err = worker_post(worker, &far->job, worker_current_of(server) == NULL);
    if (err != BELFRY_OK)
        mem_free(far);
    return err;
}
