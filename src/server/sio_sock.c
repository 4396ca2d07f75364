/*
 * sio_sock.c - a socket's end, what it is told directly, and how room messages reach it.
 */
#include "server/sio_sock.h"

#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "http/target.h"
#include "server/deliver.h"
#include "server/eio_session.h"
#include "server/encode.h"
#include "server/node.h"
#include "server/server.h"
#include "server/sio_call.h"
#include "server/sio_encode.h"
#include "server/sio_msg.h"
#include "server/sio_recovery.h"
#include "ws/close.h"

struct sio_sock *sio_sock_find(const struct eio_session *s, belfry_bytes nsp)
{
    struct sio_sock *sock = s->socks;
    while (sock != NULL && !bytes_equal(nsp_name(sock->sock.nsp), nsp))
        sock = sock->next;
    return sock;
}

/* --- making -----------------------------------------------------------------------------------*/

static struct sio_sock *take_memory(struct eio_session *s)
{
    if (!s->is_first_used) {
        s->is_first_used = true;
        s->first = (struct sio_sock){ .is_inside = true };
        return &s->first;
    }
    return mem_alloc_zeroed(sizeof(struct sio_sock));
}

static void give_back(struct eio_session *s, struct sio_sock *sock)
{
    mem_free(sock->admission);
    mem_free(sock->data);
    if (sock->is_inside)
        s->is_first_used = false;
    else
        mem_free(sock);
}

struct sio_sock *sio_sock_new(struct eio_session *s, struct belfry_nsp *nsp)
{
    struct worker *worker = s->conn.worker;
    size_t data_size = (size_t)worker->server->options.sock_data;
    struct sio_sock *sock = take_memory(s);
    if (sock == NULL)
        return NULL;
    sock->admission = mem_alloc_zeroed(sizeof *sock->admission);
    if (data_size > 0)
        sock->data = mem_alloc_zeroed(data_size);
    char *user = s->user != NULL ? mem_dup_text(s->user) : NULL;
    if (sock->admission == NULL || (data_size > 0 && sock->data == NULL) ||
        (s->user != NULL && user == NULL)) {
        mem_free(user);
        give_back(s, sock);
        return NULL;
    }
    sock->session = s;
    if (sock_open(&sock->sock, worker, &s->endpoint->route, nsp, &sio_sock_ops) != BELFRY_OK) {
        mem_free(user);
        give_back(s, sock);
        return NULL;
    }
    sock->sock.user = user;
    sock->next = s->socks;
    s->socks = sock;
    s->sock_count++;
    return sock;
}

void sio_admission_end(struct sio_sock *sock)
{
    struct sio_admission *a = sock->admission;
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < a->room_count; i++)
        mem_free((void *)a->rooms[i].data);
    mem_free(a->rooms);
    if (a->saved != NULL) { /* its connection was lost on the way */
        node_session_kept(sock_worker(&sock->sock), a->saved);
        sio_recovery_keep(sock->sock.nsp, a->saved);
    }
    mem_free(a->message);
    mem_free(a->data);
    mem_free(a);
    sock->admission = NULL;
}

static uint32_t find_wish(const struct sio_admission *a, const char *room)
{
    uint32_t i = 0;
    while (i < a->room_count && !bytes_equal_text(a->rooms[i], room))
        i++;
    return i;
}

bool sio_wishes(const struct sio_sock *sock, const char *room)
{
    return find_wish(sock->admission, room) < sock->admission->room_count;
}

belfry_err sio_wish_join(struct sio_sock *sock, const char *room)
{
    struct sio_admission *a = sock->admission;
    if (find_wish(a, room) < a->room_count)
        return BELFRY_OK;
    if (a->room_count >= sock->sock.nsp->server->options.max_rooms_per_socket)
        return BELFRY_ERR_LIMIT;
    char *copy = mem_dup_text(room);
    belfry_bytes *rooms =
        copy != NULL ? mem_realloc(a->rooms, (a->room_count + 1) * sizeof *rooms) : NULL;
    if (rooms == NULL) {
        mem_free(copy);
        return BELFRY_ERR_NOMEM;
    }
    a->rooms = rooms;
    a->rooms[a->room_count++] = bytes_of_text(copy);
    return BELFRY_OK;
}

belfry_err sio_wish_leave(struct sio_sock *sock, const char *room)
{
    struct sio_admission *a = sock->admission;
    uint32_t i = find_wish(a, room);
    if (i == a->room_count)
        return BELFRY_ERR_NOT_FOUND;
    mem_free((void *)a->rooms[i].data);
    a->rooms[i] = a->rooms[--a->room_count];
    return BELFRY_OK;
}

/* The session is still there: it was buried later. */
static void free_sock(struct grave *grave)
{
    struct sio_sock *sock = BELFRY_CONTAINER_OF(grave, struct sio_sock, grave);
    sock_deinit(&sock->sock);
    mem_free(sock->data);
    mem_free(sock->auth);
    mem_free(sock->pid);
    mem_free(sock->long_id);
    sio_admission_end(sock);
    nsp_release(sock->sock.nsp); /* not earlier: handlers could ask for its name */
    if (sock->is_inside)
        sock->session->is_first_used = false;
    else
        mem_free(sock);
}

/* --- ending -----------------------------------------------------------------------------------*/

static void unlink_sock(struct sio_sock *sock)
{
    struct sio_sock **at = &sock->session->socks;
    while (*at != sock)
        at = &(*at)->next;
    *at = sock->next;
    sock->session->sock_count--;
}

static void call_moment(struct sio_sock *sock, enum nsp_moment moment, belfry_bytes args,
                        uint32_t arg_count)
{
    static const char *const names[] = { "connection", "disconnecting", "disconnect" };
    belfry_nsp *nsp = sock->sock.nsp;
    struct belfry_msg msg = { .server = nsp->server,
                              .sock = &sock->sock,
                              .event = bytes_of_text(names[moment]),
                              .args = args,
                              .arg_count = arg_count };
    for (const struct nsp_handler *h = nsp->handlers->moments[moment]; h != NULL; h = h->next) {
        if (moment == NSP_CONNECTION && sock->sock.state != SOCK_OPEN)
            break; /* an earlier one has disconnected it: it has had its last callback */
        h->fn(&sock->sock, &msg, h->user);
    }
    belfry_msg_deinit(&msg);
}

void sio_sock_tell_connected(struct sio_sock *sock)
{
    belfry_bytes auth = bytes_of_text(sock->auth != NULL ? sock->auth : "{}");
    call_moment(sock, NSP_CONNECTION, auth, 1);
}

void sio_sock_forget_handshake(struct sio_sock *sock)
{
    mem_free(sock->auth);
    sock->auth = NULL;
    eio_session_forget_request(sock->session);
}

static bool has_moment(const struct sio_sock *sock, enum nsp_moment moment)
{
    return sock->sock.nsp->handlers->moments[moment] != NULL;
}

static void forget_moved(struct sio_sock *sock)
{
    if (sock->is_moved)
        moved_ids_remove(sock->sock.nsp->server, bytes_of(sock->sock.public_id, PUBLIC_ID_SIZE));
    sock->is_moved = false;
}

/* Handlers of the end; in between it leaves its rooms. */
static void leave(struct sio_sock *sock, const char *reason, const char *description,
                  enum sio_farewell farewell)
{
    const struct nsp_handlers *handlers = sock->sock.nsp->handlers;
    struct buf args = { 0 };
    json_put_string(&args, bytes_of_text(reason));
    uint32_t count = 1;
    if (description != NULL && description[0] != '\0') {
        buf_put_char(&args, ',');
        json_put_string(&args, bytes_of_text(description));
        count = 2;
    }
    belfry_bytes text = buf_failed(&args) ? BELFRY_BYTES("\"\"") : buf_bytes(&args);
    if (has_moment(sock, NSP_DISCONNECTING))
        call_moment(sock, NSP_DISCONNECTING, text, count);
    struct sio_saved *saved = NULL;
    if (sock->pid != NULL && farewell == SIO_MAY_RETURN)
        saved = sio_recovery_prepare(sock);
    sock->sock.state = SOCK_ENDED;
    sock_leave_all(&sock->sock, handlers->on_leave);
    call_moment(sock, NSP_DISCONNECT, text, count);
    forget_moved(sock);
    node_session_ended(sock, saved);
    if (saved != NULL)
        sio_recovery_save(sock, saved); /* from here on another worker may have it */
    buf_deinit(&args);
}

void sio_sock_end(struct sio_sock *sock, const char *reason, const char *description,
                  enum sio_farewell farewell)
{
    if (sock->phase == SIO_ENDED)
        return;
    bool was_connected = sock->phase == SIO_CONNECTED;
    struct worker *worker = sock_worker(&sock->sock);
    const struct nsp_handlers *handlers = sock->sock.nsp->handlers;
    sock->phase = SIO_ENDED;
    unlink_sock(sock); /* first: its handlers may end the session, which ends those it lists */
    if (was_connected) {
        sock_catch_up(&sock->sock);
        counter_add(&worker->counters.connections_sio, (uint64_t)-1);
        leave(sock, reason, description, farewell);
    } else {
        sock->sock.state = SOCK_ENDED;
        sock_leave_all(&sock->sock, NULL); /* one that could not come back may be in some */
        forget_moved(sock);
    }
    if (handlers->free_data != NULL && sock->data != NULL)
        handlers->free_data(sock->data);
    mem_free(sock->data);
    sock->data = NULL;
    sio_call_forget(sock);
    sock_retire(&sock->sock);
    loop_bury(&worker->loop, &sock->grave, free_sock);
}

/* --- what it hears ----------------------------------------------------------------------------*/

static void on_deliver(struct member *member, struct hub_batch *batch,
                       struct membership *membership)
{
    struct sio_sock *sock = sio_of_sock(sock_of_member(member));
    struct eio_session *s = sock->session;
    if (BELFRY_UNLIKELY(sock->phase != SIO_CONNECTED)) { /* it hears from its answer on */
        counter_add(&s->conn.worker->counters.dropped_closed, batch->count);
        return;
    }
    if (BELFRY_UNLIKELY(batch->messages[0]->has_ack) && !sio_call_ask(sock, batch->messages[0]))
        return;
    deliver_batch(
        &(struct receiver){ .sock = &sock->sock, .conn = &s->conn, .form = eio_session_form(s) },
        batch, membership);
}

static belfry_err check_queue(struct sio_sock *sock)
{
    if (sock->sock.state != SOCK_OPEN)
        return server_outcome(BELFRY_ERR_GONE);
    if (conn_queued(&sock->session->conn) >= sock->sock.nsp->server->options.max_queue_bytes)
        return server_why(BELFRY_ERR_LIMIT, "the peer does not read: max_queue_bytes are waiting");
    return BELFRY_OK;
}

belfry_err sio_sock_emit(struct sio_sock *sock, struct sio_said *said)
{
    belfry_err err = check_queue(sock);
    if (err != BELFRY_OK)
        return err;
    said->nsp = nsp_name(sock->sock.nsp);
    return sio_send(sock->session, said, true);
}

belfry_err sio_sock_say(struct sio_sock *sock, const struct message_spec *spec)
{
    belfry_err err = check_queue(sock);
    if (err != BELFRY_OK)
        return err;
    struct conn *c = &sock->session->conn;
    if ((spec->flags & MESSAGE_VOLATILE) != 0 && c->is_blocked) {
        counter_add(&c->worker->counters.dropped_volatile, 1);
        return BELFRY_OK;
    }
    struct sio_said said = sio_said_of_spec(sock->sock.nsp, spec);
    return sio_send(sock->session, &said, (spec->flags & MESSAGE_NO_COMPRESS) == 0);
}

static belfry_err on_send(belfry_sock *sock, belfry_type type, belfry_bytes data)
{
    struct message_spec spec = { .kind = type == BELFRY_TEXT ? KIND_TEXT : KIND_BINARY,
                                 .args = data };
    if (!server_can_send(type, data))
        return BELFRY_ERR_INVALID;
    return sio_sock_say(sio_of_sock(sock), &spec);
}

static void on_close(belfry_sock *sock, uint16_t code, belfry_bytes reason)
{
    (void)code; /* Socket.IO has no words for it */
    (void)reason;
    belfry_disconnect(sock, BELFRY_WHOLE_CONNECTION);
}

static void on_stop(belfry_sock *sock)
{
    (void)sock; /* the worker stops sessions, with or without sockets */
}

static void on_abort(belfry_sock *sock)
{
    conn_abort(&sio_of_sock(sock)->session->conn); /* rooms may be walked: it waits then */
}

/* Nobody asked for an answer: there is none. */
static belfry_err on_reply(belfry_sock *sock, belfry_bytes text)
{
    belfry_msg *asking = sio_of_sock(sock)->asking;
    return asking != NULL ? msg_answer(asking, text) : BELFRY_OK;
}

static struct conn *conn_of(belfry_sock *sock)
{
    return &sio_of_sock(sock)->session->conn;
}

static size_t on_queued(const belfry_sock *sock)
{
    const struct sio_sock *mine = sio_of_sock((belfry_sock *)sock);
    return conn_queued(&mine->session->conn);
}

static void on_address(const belfry_sock *sock, char *out)
{
    eio_session_address(sio_of_sock((belfry_sock *)sock)->session, out);
}

/* What the slow policy took from a connection's queue may have been any of its sockets'. */
static void on_gap(belfry_sock *sock)
{
    for (struct sio_sock *one = sio_of_sock(sock)->session->socks; one != NULL; one = one->next)
        one->sock.has_gap = true;
}

static void *on_data(belfry_sock *sock)
{
    return sio_of_sock(sock)->data;
}

const struct sock_ops sio_sock_ops = {
    .member = { .deliver = on_deliver, .describe = sock_describe },
    .send = on_send,
    .reply = on_reply,
    .close = on_close,
    .stop = on_stop,
    .abort = on_abort,
    .note_gap = on_gap,
    .queued = on_queued,
    .conn = conn_of,
    .address = on_address,
    .data = on_data,
};

/* --- the public API ---------------------------------------------------------------------------*/

/* Of a socket that is not Socket.IO's: nothing. */
static const struct eio_request *request_of(const belfry_sock *sock)
{
    if (!sock_is_sio(sock))
        return NULL;
    return sio_of_sock((belfry_sock *)sock)->session->request;
}

const char *belfry_sock_url(belfry_sock *sock)
{
    const struct eio_request *request = request_of(sock);
    return request != NULL && request->text[0] != '\0' ? request->text : NULL;
}

const char *belfry_sock_header(belfry_sock *sock, const char *name)
{
    const struct eio_request *request = request_of(sock);
    if (request == NULL || request->text[0] == '\0')
        return NULL;
    const char *end = request->text + request->size;
    const char *at = request->text + strlen(request->text) + 1;
    at += strlen(at) + 1;
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

const char *belfry_sock_query(belfry_sock *sock, const char *name)
{
    const char *url = belfry_sock_url(sock);
    const char *query = url != NULL ? strchr(url, '?') : NULL;
    struct buf value = { 0 };
    const char *text = NULL;
    if (query != NULL && http_query_find(bytes_of_text(query + 1), name, &value) == BELFRY_OK)
        text = worker_keep_text(sock_worker(sock), buf_bytes(&value));
    buf_deinit(&value);
    return text;
}

const char *belfry_sock_auth(belfry_sock *sock)
{
    const char *auth = sock_is_sio(sock) ? sio_of_sock(sock)->auth : NULL;
    return auth != NULL ? auth : "{}";
}

uint64_t belfry_sock_issued_ms(const belfry_sock *sock)
{
    const struct eio_request *request = request_of(sock);
    return request != NULL ? request->issued_ms : 0;
}

bool belfry_sock_is_secure(const belfry_sock *sock)
{
    return sock->route->server->tls != NULL;
}

const char *belfry_sock_transport(const belfry_sock *sock)
{
    if (!sock_is_sio(sock) ||
        eio_state_is_websocket(&sio_of_sock((belfry_sock *)sock)->session->state))
        return "websocket";
    return "polling";
}

bool belfry_sock_is_recovered(const belfry_sock *sock)
{
    return sock_is_sio(sock) && sio_of_sock((belfry_sock *)sock)->is_recovered;
}

belfry_nsp *belfry_sock_nsp(const belfry_sock *sock)
{
    return sock->nsp;
}

void belfry_disconnect(belfry_sock *sock, belfry_extent extent)
{
    sock_catch_up(sock);
    if (!sock_is_sio(sock)) {
        belfry_close(sock, WS_CLOSE_NORMAL, NULL);
        return;
    }
    struct eio_session *s = sio_of_sock(sock)->session;
    if (extent == BELFRY_THIS_NAMESPACE) {
        sio_disconnect(sio_of_sock(sock));
        return;
    }
    struct sio_sock *next;
    for (struct sio_sock *one = s->socks; one != NULL; one = next) {
        next = one->next;
        sio_disconnect(one);
    }
    eio_session_close(s);
}

void sio_disconnect(struct sio_sock *sock)
{
    if (sock->phase == SIO_ENDED)
        return;
    sio_send_disconnect(sock->session, nsp_name(sock->sock.nsp));
    sio_sock_end(sock, "server namespace disconnect", NULL, SIO_LEAVES);
}
