/*
 * sio_client.c - packets of one client: connecting to namespaces, events, acks, leaving.
 *
 *   CONNECT --> namespace? --> back again? --> middlewares (maybe later) --> in, answered, told
 *   EVENT   --> catch-all handlers --> middlewares of events --> the handlers of its name
 */
#include "server/sio_client.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/message_id.h"
#include "http/target.h"
#include "server/node.h"
#include "server/server.h"
#include "server/sio_call.h"
#include "server/sio_encode.h"
#include "server/sio_msg.h"
#include "server/sio_recovery.h"
#include "socketio/msgpack_packet.h"

/* --- failing ----------------------------------------------------------------------------------*/

void sio_client_fail(struct eio_session *s, const char *why)
{
    if (s->has_ended)
        return;
    counter_add(&s->conn.worker->counters.sio_bad_packets, 1);
    log_event(BELFRY_LOG_DEBUG, "bad-packet", "why=\"%s\"", why);
    /* A polling session whose client is not polling is told with its next polls (engineio.md 8). */
    bool can_tell = eio_state_is_writable(&s->state);
    sio_client_end(s, can_tell ? "forced close" : "forced server close", NULL);
    eio_session_close(s);
}

void sio_client_end(struct eio_session *s, const char *reason, const char *description)
{
    while (s->socks != NULL)
        sio_sock_end(s->socks, reason, description, SIO_MAY_RETURN);
}

/* --- connecting -------------------------------------------------------------------------------*/

static struct sio_saved *take_saved(struct sio_sock *sock)
{
    struct sio_saved *saved = sock->admission->saved;
    sock->admission->saved = NULL;
    return saved;
}

void sio_connect_refuse(struct sio_sock *sock, const char *message, const char *data)
{
    struct eio_session *s = sock->session;
    if (sock->admission->saved != NULL)
        sio_saved_expire(sock->sock.nsp, take_saved(sock));
    counter_add(&s->conn.worker->counters.sio_refused, 1);
    log_event(BELFRY_LOG_DEBUG, "connect-refused", "address=%s namespace=%s message=%s",
              LOG_FIELD(bytes_of_text(belfry_sock_address(&sock->sock))),
              LOG_FIELD(nsp_name(sock->sock.nsp)), LOG_FIELD(bytes_of_text(message)));
    sio_send_connect_error(s, nsp_name(sock->sock.nsp), bytes_of_text(message), bytes_of_text(data),
                           true);
    sio_sock_end(sock, "", NULL, SIO_LEAVES);
}

struct entering {
    struct sio_sock *sock;
    bool is_return;
    bool has_gap;
};

static void send_missed(struct sio_sock *sock, const struct hub_joined *joined)
{
    struct eio_session *s = sock->session;
    unsigned form = eio_session_form(s);
    struct worker *worker = s->conn.worker;
    for (uint32_t i = 0; i < joined->history.count; i++) {
        struct frame *frame =
            message_form(joined->history.items[i], form, worker->shard->hub->encode, worker);
        if (frame == NULL) {
            conn_abort(&s->conn); /* a hole could not be told from none */
            return;
        }
        counter_add(&worker->counters.messages_out, 1);
        conn_write_frame(&s->conn, frame_ref(frame), 0);
    }
}

/* At its exact place in the order: what it missed, then the answer, then what comes live. */
static void on_live(struct member *member, const struct hub_joined *joined, void *user)
{
    struct entering *entering = user;
    struct sio_sock *sock = entering->sock;
    (void)member;
    entering->has_gap = joined->has_gap;
    if (entering->is_return && joined->has_gap)
        return;
    if (entering->is_return)
        send_missed(sock, joined);
    sock->phase = SIO_CONNECTED;
    sio_send_connect(sock->session, nsp_name(sock->sock.nsp),
                     bytes_of(sock->sock.public_id, PUBLIC_ID_SIZE), bytes_of_text(sock->pid));
}

static void finish_connecting(struct sio_sock *sock)
{
    struct worker *worker = sock_worker(&sock->sock);
    if (sock->phase != SIO_CONNECTED)
        return; /* its connection was lost while it was answered */
    sio_admission_end(sock);
    node_session_changed(&sock->sock);
    counter_add(&worker->counters.connections_sio, 1);
    counter_add(&worker->counters.sio_connects, 1);
    sock->session->connect_deadline_ms = UINT64_MAX;
    sio_sock_tell_connected(sock);
    if (worker->server->options.forget_handshakes)
        sio_sock_forget_handshake(sock);
}

static char *new_pid(struct worker *worker)
{
    char pid[PUBLIC_ID_SIZE + 1];
    worker_make_public_id(worker, pid);
    return mem_dup_text(pid);
}

/* Middlewares have passed: it is a member from here on. */
static void enter(struct sio_sock *sock)
{
    struct worker *worker = sock_worker(&sock->sock);
    belfry_nsp *nsp = sock->sock.nsp;
    struct entering entering = { .sock = sock };
    struct hub_joined joined;
    struct hub_enter how = { .rooms = sock->admission->rooms,
                             .room_count = sock->admission->room_count,
                             .on_live = on_live,
                             .user = &entering };
    if (nsp->recovered != NULL && sock->session->state.revision == EIO_REVISION_4) {
        sock->pid = new_pid(worker);
        if (sock->pid == NULL) {
            sio_connect_refuse(sock, "out of memory", NULL);
            return;
        }
    }
    belfry_err err = hub_enter(worker->shard, nsp->hub, &sock->sock.member, &how, &joined);
    if (err != BELFRY_OK) {
        sio_connect_refuse(sock, err == BELFRY_ERR_LIMIT ? "too many rooms" : "out of memory",
                           NULL);
        return;
    }
    hub_joined_deinit(&joined);
    node_await_rooms(&sock->sock);
    finish_connecting(sock);
}

static void go_on_refused(struct sio_sock *sock, belfry_err err)
{
    const struct sio_admission *a = sock->admission;
    sio_connect_refuse(sock, a->message != NULL ? a->message : belfry_strerror(err), a->data);
}

/* --- coming back ------------------------------------------------------------------------------*/

struct return_wish {
    belfry_bytes pid;
    struct message_id since;
};

/* {"pid":...,"offset":...} among what the client gave as auth. */
static bool read_return_wish(const struct belfry_nsp *nsp, belfry_bytes auth,
                             struct return_wish *out)
{
    struct json_field fields[] = { { .name = BELFRY_BYTES("pid") },
                                   { .name = BELFRY_BYTES("offset") } };
    belfry_bytes offset;
    belfry_bytes epoch;
    if (nsp->recovered == NULL || auth.size == 0 ||
        json_read_fields(auth, JSON_MAX_DEPTH, fields, BELFRY_COUNT(fields), NULL) != BELFRY_OK)
        return false;
    return fields[0].value.kind == JSON_KIND_STRING && fields[1].value.kind == JSON_KIND_STRING &&
           json_string_plain(fields[0].value.text, &out->pid) &&
           json_string_plain(fields[1].value.text, &offset) &&
           message_id_parse(offset, &out->since, &epoch) &&
           bytes_equal_text(epoch, nsp->server->hub.epoch);
}

/* Gives the socket what was saved: id, rooms' names stay with @saved. */
static belfry_err take_identity(struct sio_sock *sock, struct sio_saved *saved)
{
    struct worker *worker = sock_worker(&sock->sock);
    belfry_bytes id = bytes_of_text(saved->id);
    int named = worker_of_public_id(worker->server, id);
    sock->pid = mem_dup_text(saved->pid);
    if (sock->pid == NULL)
        return BELFRY_ERR_NOMEM;
    if (named != (int)worker->index) {
        if (moved_ids_add(worker->server, id, worker->index) != BELFRY_OK)
            return BELFRY_ERR_NOMEM;
        sock->is_moved = true;
    }
    sock_rename(&sock->sock, saved->id);
    return BELFRY_OK;
}

static bool enter_again(struct sio_sock *sock, const struct sio_saved *saved,
                        struct message_id since)
{
    struct entering entering = { .sock = sock, .is_return = true };
    struct hub_joined joined;
    struct hub_enter how = { .own_id = bytes_of_text(saved->id),
                             .rooms = saved->rooms,
                             .room_count = saved->room_count,
                             .has_since = true,
                             .since = since,
                             .on_live = on_live,
                             .user = &entering };
    if (hub_enter(sock_worker(&sock->sock)->shard, sock->sock.nsp->hub, &sock->sock.member, &how,
                  &joined) != BELFRY_OK)
        return false;
    hub_joined_deinit(&joined);
    node_await_rooms(&sock->sock);
    return !entering.has_gap;
}

/* What middlewares wanted it in, beside the rooms that it had. */
static void join_wishes(struct sio_sock *sock)
{
    struct sio_admission *a = sock->admission;
    for (uint32_t i = 0; i < a->room_count && sock->phase == SIO_CONNECTED; i++)
        (void)belfry_join(&sock->sock, a->rooms[i].data);
}

/* Its id is its own again, and it hears what it missed. If it cannot be, its connection ends: it
 * will connect as anybody. */
static void come_back(struct sio_sock *sock)
{
    belfry_nsp *nsp = sock->sock.nsp;
    struct counters *counters = &sock_worker(&sock->sock)->counters;
    struct sio_saved *saved = take_saved(sock);
    if (take_identity(sock, saved) != BELFRY_OK ||
        !enter_again(sock, saved, sock->admission->since)) {
        counter_add(&counters->not_recovered, 1);
        sio_saved_expire(nsp, saved);
        sio_client_fail(sock->session, "could not come back");
        return;
    }
    if (sock->data != NULL && nsp->handlers->free_data != NULL)
        nsp->handlers->free_data(sock->data); /* what middlewares may have put there */
    mem_free(sock->data);
    sock->data = saved->data;
    saved->data = NULL;
    if (saved->user != NULL) {
        mem_free(sock->sock.user);
        sock->sock.user = saved->user;
        saved->user = NULL;
    }
    mem_free(sock->sock.shared);
    sock->sock.shared = saved->shared;
    saved->shared = NULL;
    sock->is_recovered = true;
    counter_add(&counters->recovered, 1);
    sio_saved_free(saved);
    join_wishes(sock);
    finish_connecting(sock);
}

/* --- middlewares ------------------------------------------------------------------------------*/

void sio_connect_go_on(struct sio_sock *sock)
{
    belfry_bytes auth = bytes_of_text(belfry_sock_auth(&sock->sock));
    while (sock->phase == SIO_CONNECTING && sock->admission->next != NULL) {
        struct sio_admission *a = sock->admission;
        const struct nsp_middleware *m = a->next;
        struct belfry_msg msg = { .server = sock->sock.nsp->server,
                                  .sock = &sock->sock,
                                  .event = BELFRY_BYTES("connection"),
                                  .args = auth,
                                  .arg_count = 1 };
        a->next = m->next;
        a->is_later = true; /* an accept may come before we look */
        belfry_err err = m->fn(&sock->sock, &msg, m->user);
        belfry_msg_deinit(&msg);
        if (sock->phase != SIO_CONNECTING)
            return; /* it was disconnected meanwhile */
        if (err == BELFRY_LATER)
            return;
        a->is_later = false;
        if (err != BELFRY_OK) {
            go_on_refused(sock, err);
            return;
        }
    }
    if (sock->phase != SIO_CONNECTING)
        return;
    if (sock->admission->saved != NULL)
        come_back(sock);
    else
        enter(sock);
}

void sio_connect_as(struct sio_sock *sock, struct sio_saved *saved, struct message_id since)
{
    belfry_nsp *nsp = sock->sock.nsp;
    if (saved != NULL && !hub_reaches(nsp->hub, since)) {
        counter_add(&sock_worker(&sock->sock)->counters.not_recovered, 1);
        sio_saved_expire(nsp, saved);
        saved = NULL;
    }
    sock->admission->saved = saved;
    sock->admission->since = since;
    if (saved != NULL && !nsp->handlers->recovery.runs_middlewares)
        sock->admission->next = NULL;
    sio_connect_go_on(sock);
}

/* --- the CONNECT packet -----------------------------------------------------------------------*/

static struct sio_sock *new_sock(struct eio_session *s, struct belfry_nsp *nsp, belfry_bytes auth)
{
    struct sio_sock *sock = sio_sock_new(s, nsp);
    if (sock == NULL)
        return NULL;
    sock->admission->next = nsp->handlers->on_connect;
    if (auth.size > 0) {
        sock->auth = mem_dup_bytes(auth);
        if (sock->auth == NULL) {
            nsp_acquire(nsp); /* the caller's, which the end lets go of */
            sio_sock_end(sock, "", NULL, SIO_LEAVES);
            return NULL;
        }
    }
    return sock;
}

/* Revision 3 reckons with these (socketio.md 3.2): the session's id, or "/nsp#" and that. */
static bool take_old_id(struct sio_sock *sock)
{
    const struct eio_session *s = sock->session;
    belfry_bytes nsp = nsp_name(sock->sock.nsp);
    if (bytes_equal_text(nsp, "/")) {
        sock_rename(&sock->sock, s->sid);
        return true;
    }
    struct buf id = { 0 };
    buf_put_bytes(&id, nsp);
    buf_put_char(&id, '#');
    buf_put_bytes(&id, eio_sid(s));
    sock->long_id = buf_failed(&id) ? NULL : mem_dup_bytes(buf_bytes(&id));
    buf_deinit(&id);
    return sock->long_id != NULL;
}

/* Takes over the use of @nsp that nsp_find_for_client has counted. */
static void connect_to(struct eio_session *s, struct belfry_nsp *nsp, belfry_bytes auth)
{
    struct return_wish wish;
    bool is_too_large = auth.size > s->endpoint->server->options.max_auth_bytes;
    struct sio_sock *sock = is_too_large ? NULL : new_sock(s, nsp, auth);
    if (sock == NULL) {
        counter_add(&s->conn.worker->counters.sio_refused, 1);
        sio_send_connect_error(s, nsp_name(nsp),
                               is_too_large ? BELFRY_BYTES("auth is too large")
                                            : BELFRY_BYTES("out of memory"),
                               bytes_of(NULL, 0), true);
        nsp_release(nsp);
        return;
    }
    if (s->state.revision == EIO_REVISION_3 && !take_old_id(sock)) {
        sio_connect_refuse(sock, "out of memory", NULL);
        return;
    }
    bool wants_return = read_return_wish(nsp, auth, &wish);
    if (wants_return && node_take_session(sock, wish.pid, wish.since))
        return;
    struct sio_saved *saved = NULL;
    if (wants_return && hub_reaches(nsp->hub, wish.since))
        saved = sio_recovery_take(nsp, wish.pid, s->conn.worker->loop.now_ms);
    sio_connect_as(sock, saved, wants_return ? wish.since : (struct message_id){ 0 });
}

/* What revision 3 sends for an auth: its query, as an object. What cannot be decoded is left out.
 */
static belfry_bytes query_as_json(belfry_bytes query, struct buf *out)
{
    belfry_bytes raw_name;
    belfry_bytes raw_value;
    struct buf name = { 0 };
    struct buf value = { 0 };
    buf_put_char(out, '{');
    while (http_query_next(&query, &raw_name, &raw_value)) {
        if (raw_name.size == 0 || http_query_decode(raw_name, &name) != BELFRY_OK ||
            http_query_decode(raw_value, &value) != BELFRY_OK)
            continue;
        if (out->size > 1)
            buf_put_char(out, ',');
        json_put_string(out, buf_bytes(&name));
        buf_put_char(out, ':');
        json_put_string(out, buf_bytes(&value));
    }
    buf_put_char(out, '}');
    buf_deinit(&name);
    buf_deinit(&value);
    return buf_failed(out) ? bytes_of(NULL, 0) : buf_bytes(out);
}

static void on_connect(struct eio_session *s, const struct sio_packet *packet)
{
    belfry_bytes name = packet->nsp;
    belfry_bytes auth = packet->data;
    belfry_bytes query = bytes_of(NULL, 0);
    struct buf json = { 0 };
    belfry_err err;
    if (s->state.revision == EIO_REVISION_3)
        sio_split_query(packet->nsp, &name, &query);
    if (sio_sock_find(s, name) != NULL) {
        /* Revision 3 is in "/" already, and says so again. */
        if (s->state.revision != EIO_REVISION_3 || !bytes_equal_text(name, "/"))
            sio_client_fail(s, "connected to this namespace already");
        return;
    }
    if (s->sock_count >= s->endpoint->server->options.max_namespaces_per_connection) {
        counter_add(&s->conn.worker->counters.sio_refused, 1);
        sio_send_connect_error(s, name, BELFRY_BYTES("too many namespaces"), bytes_of(NULL, 0),
                               false);
        return;
    }
    struct belfry_nsp *nsp = nsp_find_for_client(s->endpoint->server, name, &err);
    if (nsp == NULL) {
        counter_add(&s->conn.worker->counters.sio_refused, 1);
        sio_send_connect_error(s, name,
                               err == BELFRY_ERR_NOT_FOUND ? BELFRY_BYTES("Invalid namespace")
                                                           : BELFRY_BYTES("too many namespaces"),
                               bytes_of(NULL, 0), false);
        return;
    }
    if (s->has_ended || !eio_state_is_open(&s->state)) {
        nsp_release(nsp); /* the application was asked, and has ended it */
        return;
    }
    if (query.size > 0)
        auth = query_as_json(query, &json);
    connect_to(s, nsp, auth);
    buf_deinit(&json);
}

void sio_client_join_root(struct eio_session *s)
{
    nsp_acquire(s->endpoint->server->root);
    connect_to(s, s->endpoint->server->root, bytes_of(NULL, 0));
}

/* --- events -----------------------------------------------------------------------------------*/

/* A handler may disconnect the socket: then the rest is not called. */
static void call_handlers(belfry_sock *sock, struct belfry_msg *msg, const struct nsp_handler *h)
{
    for (; h != NULL && sock->state == SOCK_OPEN; h = h->next)
        h->fn(sock, msg, h->user);
}

static bool passes_event_middlewares(belfry_sock *sock, struct belfry_msg *msg)
{
    const struct belfry_nsp *nsp = sock->nsp;
    for (const struct nsp_middleware *m = nsp->handlers->on_event; m != NULL; m = m->next) {
        belfry_err err = m->fn(sock, msg, m->user);
        if (sock->state != SOCK_OPEN)
            return false;
        if (err == BELFRY_OK)
            continue;
        const struct nsp_event *errors = nsp_find_event(nsp, BELFRY_BYTES("error"));
        call_handlers(sock, msg, errors != NULL ? errors->first : NULL);
        return false;
    }
    return true;
}

static void dispatch(belfry_sock *sock, struct belfry_msg *msg)
{
    const struct belfry_nsp *nsp = sock->nsp;
    call_handlers(sock, msg, nsp->handlers->any);
    if (sock->state != SOCK_OPEN)
        return;
    if (nsp->handlers->on_event != NULL && !passes_event_middlewares(sock, msg))
        return;
    const struct nsp_event *event = nsp_find_event(nsp, msg->event);
    if (event != NULL)
        call_handlers(sock, msg, event->first);
}

/* The name as text; in @scratch if it has escapes. False: it cannot be said in UTF-8. */
static bool event_name(const struct sio_packet *packet, struct buf *scratch, belfry_bytes *out)
{
    const uint8_t *token = packet->name.data;
    if (packet->name.size == 0 || token[0] != '"') {
        *out = packet->name; /* a number */
        return packet->name.size > 0;
    }
    if (json_string_plain(packet->name, out))
        return true;
    buf_clear(scratch);
    if (json_string_decode(packet->name, scratch) != BELFRY_OK)
        return false;
    *out = buf_bytes(scratch);
    return true;
}

static void on_event(struct sio_sock *sock, const struct sio_packet *packet)
{
    struct buf name = { 0 };
    struct belfry_msg msg = { .server = sock->sock.nsp->server,
                              .sock = &sock->sock,
                              .args = packet->args,
                              .arg_count = packet->arg_count,
                              .attachment_count = packet->attachment_count,
                              .attachments = packet->attachments,
                              .wants_ack = packet->has_id,
                              .ack_id = packet->id };
    if (event_name(packet, &name, &msg.event))
        dispatch(&sock->sock, &msg);
    belfry_msg_deinit(&msg);
    buf_deinit(&name);
}

/* --- packets ----------------------------------------------------------------------------------*/

static void on_packet(struct eio_session *s, const struct sio_packet *packet)
{
    if (packet->type == SIO_CONNECT) {
        on_connect(s, packet);
        return;
    }
    struct sio_sock *sock = sio_sock_find(s, packet->nsp);
    if (sock == NULL || (sock->phase != SIO_CONNECTED && packet->type != SIO_DISCONNECT)) {
        sio_client_fail(s, "not connected to this namespace");
        return;
    }
    switch (packet->type) {
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        on_event(sock, packet);
        break;
    case SIO_ACK:
    case SIO_BINARY_ACK:
        sio_call_answer(sock, packet);
        break;
    case SIO_DISCONNECT:
        sio_sock_end(sock, "client namespace disconnect", NULL, SIO_LEAVES);
        break;
    case SIO_CONNECT_ERROR:
        sio_client_fail(s, "clients do not refuse");
        break;
    case SIO_CONNECT:
        break;
    }
}

static struct sio_limits limits_of(const struct eio_session *s)
{
    const belfry_options *o = &s->endpoint->server->options;
    return (struct sio_limits){ .max_depth = o->max_json_depth,
                                .max_attachments = o->max_attachments,
                                .max_binary_bytes =
                                    o->max_payload_bytes * (uint64_t)o->max_attachments };
}

static enum sio_verdict read_packet(struct eio_session *s, bool is_binary, belfry_bytes data,
                                    struct sio_packet *packet, const char **why)
{
    struct sio_limits limits = limits_of(s);
    if (BELFRY_UNLIKELY(s->endpoint->hooks.parser == BELFRY_PARSER_MSGPACK)) {
        *why = "text in MessagePack";
        return is_binary ? sio_msgpack_read(data, &limits, &s->conn.worker->msgpack, packet, why)
                         : SIO_BAD;
    }
    return is_binary ? sio_decoder_binary(&s->packets, &limits, data, packet, why)
                     : sio_decoder_text(&s->packets, &limits, data, packet, why);
}

void sio_client_message(struct eio_session *s, bool is_binary, belfry_bytes data)
{
    struct sio_packet packet;
    const char *why = NULL;
    switch (read_packet(s, is_binary, data, &packet, &why)) {
    case SIO_PACKET:
        on_packet(s, &packet);
        sio_decoder_release(&s->packets);
        break;
    case SIO_MORE:
        break;
    case SIO_BAD:
        sio_client_fail(s, why);
        break;
    case SIO_NO_MEMORY:
        eio_session_end(s, EIO_CAUSE_NO_MEMORY);
        break;
    }
}
