/*
 * sio_peers.c - doing something with all sockets that a target reaches, on all workers.
 *
 *   caller --job--> each worker: drain, select its own, act
 *                                  `fetch: what it found --job--> home: all of it, one callback
 *          --note-> the other servers of a cluster, which do the same
 *
 * A job drains the inbox first, so that it finds what the caller's earlier emits and joins have
 * made. Members are collected before anything is done to them: nobody may come or go while they are
 * walked.
 */
#include "server/sio_peers.h"

#include <jansson.h>

#include "base/alloc.h"
#include "base/json.h"
#include "http/target.h"
#include "server/eio_session.h"
#include "server/node.h"
#include "server/selection.h"
#include "server/server.h"
#include "server/sio_msg.h"
#include "server/sio_sock.h"
#include "server/sock.h"

enum peers_action { PEERS_DISCONNECT, PEERS_FETCH };

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
    atomic_uint pending; /* jobs that are not done, and the question to other servers */
    json_t *far;         /* what those answered: an array of arrays */
    bool is_partial;     /* not all have */
    struct job answer;
    belfry_bytes *names;
    unsigned job_count;
    struct peers_job jobs[];
};

static void free_request(struct peers_request *r)
{
    json_decref(r->far);
    for (unsigned w = 0; w < r->job_count; w++) {
        for (size_t i = 0; i < r->jobs[w].peer_count; i++)
            mem_free((void *)r->jobs[w].peers[i].rooms);
        mem_free(r->jobs[w].peers);
        mem_free(r->jobs[w].ids);
    }
    nsp_release(r->nsp);
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

static void put_member(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s\"%s\":", out->data[out->size - 1] != '{' ? "," : "", name);
    json_put_string(out, bytes_of_text(value != NULL ? value : ""));
}

static void put_headers(struct buf *out, const struct eio_request *request)
{
    if (request == NULL || request->text[0] == '\0')
        return;
    const char *end = request->text + request->size;
    const char *at = request->text + strlen(request->text) + 1;
    at += strlen(at) + 1;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        put_member(out, at, value);
        at = value + strlen(value) + 1;
    }
}

static void put_query(struct buf *out, const char *url)
{
    const char *question = url != NULL ? strchr(url, '?') : NULL;
    belfry_bytes rest = bytes_of_text(question != NULL ? question + 1 : "");
    belfry_bytes raw_name;
    belfry_bytes raw_value;
    struct buf name = { 0 };
    struct buf value = { 0 };
    while (http_query_next(&rest, &raw_name, &raw_value)) {
        if (raw_name.size == 0 || http_query_decode(raw_name, &name) != BELFRY_OK ||
            http_query_decode(raw_value, &value) != BELFRY_OK)
            continue;
        if (out->data[out->size - 1] != '{')
            buf_put_char(out, ',');
        json_put_string(out, buf_bytes(&name));
        buf_put_char(out, ':');
        json_put_string(out, buf_bytes(&value));
    }
    buf_deinit(&name);
    buf_deinit(&value);
}

/* "Mon Nov 23 2026 05:51:28 GMT+0000 (Coordinated Universal Time)", as JavaScript says it. */
static void put_time(struct buf *out, uint64_t ms)
{
    char text[80] = "";
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(text, sizeof text,
                       "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)", &tm);
    put_member(out, "time", text);
}

/* The handshake as the reference tells of it (redis.md 1.5): what is kept of it. */
static void put_handshake(struct buf *out, belfry_sock *sock, const char *address)
{
    const char *url = belfry_sock_url(sock);
    uint64_t issued_ms = belfry_sock_issued_ms(sock);
    const char *colon = strrchr(address, ':');
    buf_put_text(out, "{\"headers\":{");
    if (sock_is_sio(sock))
        put_headers(out, sio_of_sock(sock)->session->request);
    buf_put_char(out, '}');
    put_time(out, issued_ms);
    buf_put_text(out, ",\"address\":");
    json_put_string(out, colon != NULL ? bytes_of(address, (size_t)(colon - address))
                                       : bytes_of_text(address));
    buf_printf(out, ",\"xdomain\":false,\"secure\":%s,\"issued\":%llu",
               belfry_sock_is_secure(sock) ? "true" : "false", (unsigned long long)issued_ms);
    put_member(out, "url", url);
    buf_put_text(out, ",\"query\":{");
    put_query(out, url);
    buf_printf(out, "},\"auth\":%s}", sock_is_sio(sock) ? belfry_sock_auth(sock) : "{}");
}

/* One block: room pointers, then texts, then data. */
static bool describe(belfry_sock *sock, belfry_peer *out)
{
    char address[STREAM_ADDRESS_SIZE];
    const struct member *member = &sock->member;
    size_t data_size = (size_t)sock->nsp->server->options.sock_data;
    const void *data = belfry_data(sock);
    belfry_bytes url = bytes_of_text(belfry_sock_url(sock));
    const char *shared = sock->shared != NULL ? sock->shared : "{}";
    struct buf *handshake = &sock_worker(sock)->scratch;
    sock_ops_of(sock)->address(sock, address);
    buf_clear(handshake);
    put_handshake(handshake, sock, address);
    if (buf_failed(handshake))
        return false;
    size_t size = strlen(belfry_sock_id_text(sock)) + 1 + strlen(address) + 1 + url.size + 1 +
                  bytes_of_text(sock->user).size + 1 + strlen(shared) + 1 + handshake->size + 1 +
                  (data != NULL ? data_size + 16 : 0);
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
    out->shared = put_text(&to, bytes_of_text(shared));
    out->handshake = put_text(&to, buf_bytes(handshake));
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

/* --- those of other servers -------------------------------------------------------------------*/

struct far_peers {
    belfry_peer *peers;
    char **handshakes; /* two texts for each */
    size_t count;
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* The text of a JSON value in memory of ours. */
static char *dump(const json_t *value)
{
    struct buf text = { 0 };
    char *copy = NULL;
    if (value == NULL)
        return mem_dup_text("{}");
    if (msg_put_value(&text, value) == BELFRY_OK)
        copy = mem_dup_bytes(buf_bytes(&text));
    buf_deinit(&text);
    return copy;
}

/* A room that is the socket's own id is none that it has joined. */
static bool read_rooms(belfry_peer *out, const json_t *rooms)
{
    size_t i;
    const json_t *room;
    const char **names = mem_alloc((json_array_size(rooms) + 1) * sizeof *names);
    if (names == NULL)
        return false;
    out->rooms = names;
    json_array_foreach(rooms, i, room)
    {
        const char *name = json_string_value(room);
        if (name != NULL && strcmp(name, out->id_text) != 0)
            names[out->room_count++] = name;
    }
    return true;
}

static bool read_peer(struct far_peers *far, const json_t *one)
{
    const json_t *handshake = json_object_get(one, "handshake");
    const json_t *data = json_object_get(one, "data");
    belfry_peer *peer = &far->peers[far->count];
    char **texts = &far->handshakes[2 * far->count];
    *peer = (belfry_peer){ .id_text = text_of(one, "id"),
                           .url = text_of(handshake, "url"),
                           .address = text_of(handshake, "address"),
                           .issued_ms =
                               (uint64_t)json_integer_value(json_object_get(handshake, "issued")) };
    peer->user = json_string_value(json_object_get(data, "user"));
    texts[0] = dump(handshake);
    texts[1] = dump(data);
    peer->handshake = texts[0];
    peer->shared = texts[1];
    bool is_whole =
        texts[0] != NULL && texts[1] != NULL && read_rooms(peer, json_object_get(one, "rooms"));
    far->count++; /* what it has is freed in any case */
    return is_whole;
}

static void free_far(struct far_peers *far)
{
    for (size_t i = 0; i < far->count; i++) {
        mem_free((void *)far->peers[i].rooms);
        mem_free(far->handshakes[2 * i]);
        mem_free(far->handshakes[2 * i + 1]);
    }
    mem_free(far->peers);
    mem_free(far->handshakes);
}

/* False: no memory for all of them. */
static bool read_far(struct far_peers *far, const json_t *lists)
{
    size_t i;
    size_t k;
    size_t sum = 0;
    bool is_whole = true;
    const json_t *list;
    const json_t *one;
    json_array_foreach(lists, i, list) sum += json_array_size(list);
    far->peers = mem_alloc_zeroed((sum + 1) * sizeof *far->peers);
    far->handshakes = mem_alloc_zeroed((2 * sum + 1) * sizeof *far->handshakes);
    if (far->peers == NULL || far->handshakes == NULL)
        return false;
    json_array_foreach(lists, i, list)
    {
        json_array_foreach(list, k, one) is_whole = read_peer(far, one) && is_whole;
    }
    return is_whole;
}

static void finish(struct peers_request *r);

static void on_far_heard(struct cluster_ask *ask, enum cluster_heard what, unsigned count,
                         const struct note *note, void *user)
{
    struct peers_request *r = user;
    (void)ask;
    (void)count;
    switch (what) {
    case CLUSTER_NODES:
        return;
    case CLUSTER_ANSWER: {
        json_t *list = json_loadb(note->list.data, note->list.size, JSON_ALLOW_NUL, NULL);
        if (list == NULL || json_array_append_new(r->far, list) != 0)
            r->is_partial = true;
        return;
    }
    case CLUSTER_PARTIAL:
        r->is_partial = true;
        break;
    case CLUSTER_DONE:
        break;
    }
    finish(r);
}

/* --- all together -----------------------------------------------------------------------------*/

static void run_answer(struct worker *worker, struct job *job)
{
    struct peers_request *r = BELFRY_CONTAINER_OF(job, struct peers_request, answer);
    struct far_peers far = { 0 };
    bool has_failed = !read_far(&far, r->far);
    size_t sum = far.count;
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
    if (all != NULL && far.count > 0)
        memcpy(all + count, far.peers, far.count * sizeof *all);
    count += far.count;
    belfry_err err = has_failed || all == NULL ? BELFRY_ERR_NOMEM
                     : r->is_partial           ? BELFRY_ERR_PARTIAL
                                               : BELFRY_OK;
    r->on_peers(err, all, all != NULL ? (unsigned)count : 0, r->user);
    mem_free(all);
    free_far(&far);
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
            belfry_disconnect(sock, r->extent);
    }
    finish(r);
}

/* --- asking -----------------------------------------------------------------------------------*/

static struct peers_request *new_request(belfry_nsp *nsp, const struct hub_selection *selection,
                                         const struct peers_request *what)
{
    struct belfry *server = nsp->server;
    struct worker *own = worker_current_of(server);
    struct peers_request *r =
        mem_alloc_zeroed(sizeof *r + server->worker_count * sizeof r->jobs[0]);
    if (r == NULL)
        return NULL;
    *r = *what;
    r->server = server;
    r->nsp = nsp;
    nsp_acquire(r->nsp);
    r->home = own != NULL ? own : &server->workers[0];
    r->job_count = server->worker_count;
    atomic_init(&r->pending, r->job_count);
    r->names = selection_copy(selection, &r->selection);
    bool is_made = r->names != NULL;
    if (is_made && r->action == PEERS_FETCH)
        is_made = (r->far = json_array()) != NULL;
    if (is_made)
        return r;
    free_request(r);
    return NULL;
}

static void start(struct peers_request *r)
{
    struct belfry *server = r->server;
    struct worker *own = worker_current_of(server);
    for (unsigned w = 0; w < server->worker_count; w++)
        r->jobs[w] = (struct peers_job){ .job.run = run_job, .request = r };
    for (unsigned w = 0; w < server->worker_count; w++) {
        if (&server->workers[w] == own)
            continue;
        belfry_err err = worker_post(&server->workers[w], &r->jobs[w].job, false);
        BELFRY_ASSERT(err == BELFRY_OK);
    }
    if (own != NULL) /* the last: @r may be gone after it */
        run_job(own, &r->jobs[own->index].job);
}

static belfry_err do_here(belfry_nsp *nsp, const struct hub_selection *selection,
                          const struct peers_request *what)
{
    struct peers_request *r = new_request(nsp, selection, what);
    if (r == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    start(r);
    return BELFRY_OK;
}

belfry_err sio_peers_fetch(belfry_nsp *nsp, const struct hub_selection *selection,
                           belfry_peers_handler on_peers, void *user)
{
    return do_here(
        nsp, selection,
        &(struct peers_request){ .action = PEERS_FETCH, .on_peers = on_peers, .user = user });
}

belfry_err sio_peers_disconnect(belfry_nsp *nsp, const struct hub_selection *selection,
                                belfry_extent extent)
{
    return do_here(nsp, selection,
                   &(struct peers_request){ .action = PEERS_DISCONNECT, .extent = extent });
}

/* --- the public API: here, and on the other servers of a cluster ------------------------------*/

belfry_err belfry_disconnect_sockets(belfry_target target, belfry_extent extent)
{
    struct message_spec spec = { 0 };
    struct hub_selection selection = { 0 };
    belfry_bytes excepts[MESSAGE_MAX_ROOMS + 1];
    belfry_err err = selection_of_target(&target, &spec, &selection);
    if (err == BELFRY_OK)
        err = sio_peers_disconnect(target.nsp, &selection, extent);
    if (err != BELFRY_OK || !selection_is_for_cluster(&target))
        return err;
    struct note note = { .type = NOTE_DISCONNECT, .is_whole = extent == BELFRY_WHOLE_CONNECTION };
    selection_put_note(&note, &target, &selection, excepts);
    return node_say_note(target.nsp->server, &note);
}

belfry_err belfry_fetch_sockets(belfry_target target, belfry_peers_handler on_peers, void *user)
{
    struct message_spec spec = { 0 };
    struct hub_selection selection;
    belfry_bytes excepts[MESSAGE_MAX_ROOMS + 1];
    if (on_peers == NULL)
        return server_why(BELFRY_ERR_INVALID, "on_peers is missing");
    belfry_err err = selection_of_target(&target, &spec, &selection);
    if (err != BELFRY_OK)
        return err;
    struct peers_request *r = new_request(
        target.nsp, &selection,
        &(struct peers_request){ .action = PEERS_FETCH, .on_peers = on_peers, .user = user });
    if (r == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    bool is_far = selection_is_for_cluster(&target);
    struct note note = { .type = NOTE_FETCH };
    selection_put_note(&note, &target, &selection, excepts);
    if (is_far)
        atomic_fetch_add(&r->pending, 1); /* the other servers' part */
    if (is_far)
        err = node_ask(target.nsp->server, &note, target.timeout_ms, on_far_heard, r);
    if (err != BELFRY_OK) {
        free_request(r);
        return err;
    }
    start(r);
    return BELFRY_OK;
}

/* --- what other servers are told of a socket --------------------------------------------------*/

static belfry_err set_shared(belfry_sock *sock, belfry_bytes json)
{
    char *copy = mem_dup_bytes(json);
    if (copy == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    mem_free(sock->shared);
    sock->shared = copy;
    node_session_changed(sock);
    return BELFRY_OK;
}

belfry_err belfry_share_raw(belfry_sock *sock, const char *json, size_t size)
{
    uint32_t count;
    belfry_err err = msg_check_args(bytes_of(json, size), &count);
    if (err == BELFRY_OK && count != 1)
        err = server_why(BELFRY_ERR_INVALID, "one JSON value is shared");
    return err != BELFRY_OK ? err : set_shared(sock, bytes_of(json, size));
}

belfry_err belfry_share(belfry_sock *sock, const char *format, ...)
{
    struct buf text = { 0 };
    va_list args;
    va_start(args, format);
    belfry_err err = msg_pack_args(&text, format, args);
    va_end(args);
    if (err == BELFRY_OK)
        err = belfry_share_raw(sock, (const char *)text.data, text.size);
    buf_deinit(&text);
    return err;
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
