/*
 * node_hear.c - what other nodes and emitters say, done here.
 *
 *   BROADCAST            into the hub, as what was said by somebody who is not here
 *     with a request id  a call on their behalf: how many were asked, then each answer
 *   JOIN LEAVE           the sockets it concerns, on all workers
 *   DISCONNECT
 *   FETCH, SOCKETS,      asked of all workers, answered
 *   ALL_ROOMS
 *   SERVER_EMIT          handlers of belfry_on_server
 */
#include "base/alloc.h"
#include "base/json.h"
#include "base/msgpack.h"
#include "server/encode.h"
#include "server/node.h"
#include "server/server_events.h"
#include "server/sio_call.h"
#include "server/sio_move.h"
#include "server/sio_msg.h"
#include "server/sio_peers.h"
#include "socketio/args.h"

static struct belfry_nsp *find_nsp(struct node *node, belfry_bytes name)
{
    struct belfry_nsp *nsp = nsp_find_existing(node->server, name);
    return nsp != NULL && nsp->hub != NULL ? nsp : NULL;
}

static void count_memory(struct node *node)
{
    counter_add(&cluster_counters_of(node->cluster)->dropped_memory, 1);
}

/* --- broadcasts -------------------------------------------------------------------------------*/

/* Who said it is the one that it is not for, if that is one socket: so it is when a client emits.
 */
static belfry_bytes sender_of(const struct note *note)
{
    struct public_id_owner owner;
    bool is_one = note->except.count == 1 && worker_split_public_id(note->except.names[0], &owner);
    return is_one ? note->except.names[0] : bytes_of(NULL, 0);
}

static void fill_spec(struct node *node, const struct note *note, struct message_spec *spec)
{
    *spec = (struct message_spec){
        .kind = KIND_EVENT,
        .flags = MESSAGE_LOCAL,
        .room_count = (uint8_t)note->rooms.count,
        .except_count = (uint8_t)note->except.count,
        .attachment_count = (uint8_t)note->attachment_count,
        .many_rooms = note->rooms.names,
        .many_excepts = note->except.names,
        .wall_ms = worker_wall_ms(node->worker),
        .sender = sender_of(note),
        .name = note->name,
        .args = note->args,
        .attachments = note->attachments,
    };
    if (note->is_volatile)
        spec->flags |= MESSAGE_VOLATILE | MESSAGE_UNLOGGED;
    if (note->is_unlogged)
        spec->flags |= MESSAGE_UNLOGGED;
    if (note->is_uncompressed)
        spec->flags |= MESSAGE_NO_COMPRESS;
}

/* Raw bytes were made an event; here they are raw again. False: not as they were made. */
static bool unpack_raw(enum message_kind kind, const struct note *note, struct buf *text,
                       struct message_spec *spec)
{
    if (kind == KIND_BINARY && note->attachment_count == 1) {
        spec->args = note->attachments[0];
        spec->attachment_count = 0;
    } else if (kind != KIND_TEXT || json_string_decode(note->args, text) != BELFRY_OK) {
        return false;
    } else {
        spec->args = buf_bytes(text);
    }
    spec->kind = (uint8_t)kind;
    spec->name = bytes_of(NULL, 0);
    return true;
}

/* What a Belfry node added (node_say.c). */
static void read_extra(belfry_bytes extra, const struct note *note, struct buf *text,
                       struct message_spec *spec)
{
    struct msgpack_reader r = msgpack_reader_of(extra);
    struct msgpack_token t[6];
    for (int i = 0; i < 6; i++) {
        if (!msgpack_next(&r, &t[i]))
            return;
    }
    if (t[0].kind != MSGPACK_ARRAY || t[1].kind != MSGPACK_UINT || t[2].kind != MSGPACK_UINT ||
        t[3].kind != MSGPACK_STR || t[4].kind != MSGPACK_STR || t[5].kind != MSGPACK_BIN)
        return;
    spec->wall_ms = t[2].u;
    spec->sender = t[3].bytes;
    spec->user = t[4].bytes;
    spec->whole_key = t[5].bytes;
    if (t[1].u == KIND_TEXT || t[1].u == KIND_BINARY)
        (void)unpack_raw((enum message_kind)t[1].u, note, text, spec);
}

struct message *node_message_of(struct node *node, const struct note *note, belfry_bytes extra)
{
    struct belfry *server = node->server;
    struct message_spec spec;
    struct buf text = { 0 };
    fill_spec(node, note, &spec);
    if (extra.size > 0)
        read_extra(extra, note, &text, &spec);
    struct message *m = message_new(&spec, &server->hub.hash_key, server->worker_count);
    buf_deinit(&text);
    if (m == NULL)
        count_memory(node);
    return m;
}

static void hear_entry(struct node *node, struct belfry_nsp *nsp, const struct note *note,
                       const struct cluster_entry *entry)
{
    struct hub *hub = &node->server->hub;
    struct message *m = entry->own != NULL ? entry->own : node_message_of(node, note, entry->extra);
    if (m != NULL)
        (void)hub_publish_as(nsp->hub, node->worker->shard, m, entry->id, entry->is_past);
    if (entry->own != NULL)
        atomic_store_explicit(&hub->outlet.is_full, cluster_is_full(node->cluster),
                              memory_order_relaxed);
}

static void hear_broadcast(struct node *node, struct belfry_nsp *nsp, const struct note *note,
                           const struct cluster_entry *entry)
{
    struct hub_published published;
    if (entry != NULL) {
        hear_entry(node, nsp, note, entry);
        return;
    }
    struct message *m = node_message_of(node, note, bytes_of(NULL, 0));
    if (m != NULL)
        (void)hub_publish(nsp->hub, node->worker->shard, m, &published);
}

void node_on_lost(struct cluster *cluster, void *own, belfry_err err, void *user)
{
    struct node *node = user;
    struct message *m = own;
    (void)cluster;
    hub_tell(&node->server->hub, m, err);
    message_unref(m);
}

/* --- answers ----------------------------------------------------------------------------------*/

/* Who asked, kept while the workers are. */
struct asker {
    struct node *node;
    struct belfry_nsp *nsp; /* used */
    struct note *note;      /* a copy */
};

static struct asker *new_asker(struct node *node, struct belfry_nsp *nsp, const struct note *note)
{
    struct asker *asker = mem_alloc(sizeof *asker);
    struct note *copy = asker != NULL ? node_copy_note(note) : NULL;
    if (copy == NULL) {
        mem_free(asker);
        count_memory(node);
        return NULL;
    }
    nsp_acquire(nsp);
    *asker = (struct asker){ node, nsp, copy };
    return asker;
}

static void free_asker(struct asker *asker)
{
    nsp_release(asker->nsp);
    mem_free(asker->note);
    mem_free(asker);
}

static void answer(const struct asker *asker, struct note *reply)
{
    reply->nsp = asker->note->nsp;
    reply->request_id = asker->note->request_id;
    if (asker->node->cluster != NULL)
        (void)cluster_answer(asker->node->cluster, asker->note->uid, reply); /* counted */
}

/* --- who is here? -----------------------------------------------------------------------------*/

static void put_peer(struct buf *out, const belfry_peer *peer)
{
    buf_put_text(out, "{\"id\":");
    json_put_string(out, bytes_of_text(peer->id_text));
    buf_put_text(out, ",\"handshake\":");
    buf_put_text(out, peer->handshake);
    buf_put_text(out, ",\"rooms\":[");
    json_put_string(out, bytes_of_text(peer->id_text));
    for (unsigned i = 0; i < peer->room_count; i++) {
        buf_put_char(out, ',');
        json_put_string(out, bytes_of_text(peer->rooms[i]));
    }
    buf_put_text(out, "],\"data\":");
    buf_put_text(out, peer->shared);
    buf_put_char(out, '}');
}

static void put_ids(struct buf *out, const belfry_peer *peers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            buf_put_char(out, ',');
        json_put_string(out, bytes_of_text(peers[i].id_text));
    }
}

static void put_room(belfry_bytes room, uint32_t members, void *arg)
{
    struct buf *out = arg;
    (void)members;
    if (out->size > 1)
        buf_put_char(out, ',');
    json_put_string(out, room);
}

static enum note_type answer_to(enum note_type question)
{
    return question == NOTE_FETCH     ? NOTE_FETCHED
           : question == NOTE_SOCKETS ? NOTE_SOCKETS_ANSWER
                                      : NOTE_ALL_ROOMS_ANSWER;
}

static void on_peers(belfry_err err, const belfry_peer *peers, unsigned count, void *user)
{
    struct asker *asker = user;
    struct buf list = { 0 };
    struct note reply = { .type = answer_to(asker->note->type) };
    (void)err; /* what could be told is told */
    buf_put_char(&list, '[');
    if (asker->note->type == NOTE_FETCH) {
        for (unsigned i = 0; i < count; i++) {
            if (i > 0)
                buf_put_char(&list, ',');
            put_peer(&list, &peers[i]);
        }
    } else {
        put_ids(&list, peers, count);
    }
    if (asker->note->type == NOTE_ALL_ROOMS)
        hub_each_room(asker->nsp->hub, put_room, &list);
    buf_put_char(&list, ']');
    reply.list = buf_bytes(&list);
    if (buf_failed(&list))
        count_memory(asker->node);
    else
        answer(asker, &reply);
    buf_deinit(&list);
    free_asker(asker);
}

static struct hub_selection selection_of(const struct note *note)
{
    return (struct hub_selection){ .room_count = (uint8_t)note->rooms.count,
                                   .except_count = (uint8_t)note->except.count,
                                   .rooms = note->rooms.names,
                                   .excepts = note->except.names };
}

static void hear_question(struct node *node, struct belfry_nsp *nsp, const struct note *note)
{
    struct hub_selection selection = selection_of(note);
    struct asker *asker = new_asker(node, nsp, note);
    if (asker != NULL && sio_peers_fetch(nsp, &selection, on_peers, asker) != BELFRY_OK) {
        count_memory(node);
        free_asker(asker);
    }
}

/* --- what is to be done with them -------------------------------------------------------------*/

/* Each room for itself: one that cannot be is no reason to leave out the others. */
static belfry_err move_as_told(belfry_nsp *nsp, const struct hub_selection *selection,
                               const struct note *note)
{
    belfry_err outcome = BELFRY_OK;
    for (unsigned i = 0; i < note->targets.count; i++) {
        char *room = mem_dup_bytes(note->targets.names[i]);
        belfry_err err = room == NULL ? BELFRY_ERR_NOMEM
                                      : sio_move(nsp, selection, room, note->type == NOTE_JOIN);
        mem_free(room);
        if (err == BELFRY_ERR_NOMEM)
            outcome = err;
    }
    return outcome;
}

static void hear_order(struct node *node, struct belfry_nsp *nsp, const struct note *note)
{
    struct hub_selection selection = selection_of(note);
    belfry_extent extent = note->is_whole ? BELFRY_WHOLE_CONNECTION : BELFRY_THIS_NAMESPACE;
    belfry_err err = note->type == NOTE_DISCONNECT ? sio_peers_disconnect(nsp, &selection, extent)
                                                   : move_as_told(nsp, &selection, note);
    if (err == BELFRY_ERR_NOMEM)
        count_memory(node);
    if (note->request_id.size > 0) { /* an old request wants to know that it was done */
        struct note done = { .type = NOTE_DONE, .nsp = note->nsp, .request_id = note->request_id };
        (void)cluster_answer(node->cluster, note->uid, &done);
    }
}

/* --- calls on behalf of others ----------------------------------------------------------------*/

static void on_asked(unsigned count, void *user)
{
    struct note reply = { .type = NOTE_CLIENT_COUNT, .client_count = count };
    answer(user, &reply);
}

/* The first argument: more than one the contract does not know. */
static belfry_bytes first_of(belfry_bytes args)
{
    struct json_value first = sio_args_at(args, 0);
    return first.kind != JSON_KIND_ABSENT ? first.text : BELFRY_BYTES("null");
}

static void on_answered(const belfry_msg *msg, void *user)
{
    struct note reply = { .type = NOTE_ACK,
                          .args = first_of(msg->args),
                          .attachments = msg->attachments,
                          .attachment_count = msg->attachment_count };
    answer(user, &reply);
}

static void on_call_end(void *user)
{
    free_asker(user);
}

static void hear_call(struct node *node, struct belfry_nsp *nsp, const struct note *note)
{
    static const struct sio_call_watch watch = { on_asked, on_answered, on_call_end };
    struct message_spec spec;
    struct asker *asker = new_asker(node, nsp, note);
    if (asker == NULL)
        return;
    fill_spec(node, note, &spec);
    uint32_t timeout_ms =
        note->has_timeout ? note->timeout_ms : node->server->options.cluster_timeout_ms;
    if (sio_call_for(node->worker, nsp, &spec, timeout_ms, &watch, asker) != BELFRY_OK) {
        count_memory(node);
        free_asker(asker);
    }
}

/* --- server to server -------------------------------------------------------------------------*/

static void on_server_answer(belfry_bytes args, const belfry_bytes *parts, unsigned count,
                             void *user)
{
    struct note reply = { .type = NOTE_SERVER_ANSWER,
                          .args = first_of(args),
                          .attachments = parts,
                          .attachment_count = count };
    answer(user, &reply);
}

static void hear_server_event(struct node *node, struct belfry_nsp *nsp, const struct note *note)
{
    struct asker *asker = new_asker(node, nsp, note);
    if (asker == NULL)
        return;
    server_event_dispatch(nsp, note, on_server_answer, asker);
    free_asker(asker);
}

void node_on_note(struct cluster *cluster, const struct note *note,
                  const struct cluster_entry *entry, void *user)
{
    struct node *node = user;
    struct belfry_nsp *nsp = find_nsp(node, note->nsp);
    if (nsp == NULL) {
        if (entry != NULL && entry->own != NULL)
            node_on_lost(cluster, entry->own, BELFRY_ERR_NOT_FOUND, user);
        return;
    }
    if (entry != NULL && entry->is_past && note->type != NOTE_BROADCAST)
        return;
    switch (note->type) {
    case NOTE_BROADCAST:
        if (note->request_id.size > 0)
            hear_call(node, nsp, note);
        else
            hear_broadcast(node, nsp, note, entry);
        break;
    case NOTE_JOIN:
    case NOTE_LEAVE:
    case NOTE_DISCONNECT:
        hear_order(node, nsp, note);
        break;
    case NOTE_FETCH:
    case NOTE_SOCKETS:
    case NOTE_ALL_ROOMS:
        hear_question(node, nsp, note);
        break;
    case NOTE_SERVER_EMIT:
        hear_server_event(node, nsp, note);
        break;
    case NOTE_NOTHING:
    case NOTE_FETCHED:
    case NOTE_SERVER_ANSWER:
    case NOTE_CLIENT_COUNT:
    case NOTE_ACK:
    case NOTE_SOCKETS_ANSWER:
    case NOTE_ALL_ROOMS_ANSWER:
    case NOTE_DONE:
        break;
    }
}
