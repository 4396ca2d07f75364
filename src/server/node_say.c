/*
 * node_say.c - from what was published here to what other nodes hear.
 *
 *   Pub/Sub:  delivered here already; said to the others
 *   stream:   nobody has heard it; added, it comes back to node_on_note with its place
 *
 * On the wire everything is a Socket.IO event, whatever said it: a message of the room protocol is
 * `new-message` with {from, text, timestamp, room}. What only Belfry knows (who, when, the
 * idempotency key) travels in a field of its own of the stream's entry.
 */
#include "base/alloc.h"
#include "base/json.h"
#include "base/msgpack.h"
#include "server/encode.h"
#include "server/node.h"
#include "server/sio_encode.h"

#define ONE_PLACEHOLDER BELFRY_BYTES("{\"_placeholder\":true,\"num\":0}")

/* --- messages as notes ------------------------------------------------------------------------*/

static void copy_names(struct node *node, const struct message *m, struct note *out)
{
    belfry_bytes *rooms = node->names;
    belfry_bytes *except = node->names + NOTE_MAX_NAMES + 1;
    unsigned except_count = 0;
    for (unsigned i = 0; i < m->room_count; i++)
        rooms[i] = m->rooms[i].name;
    for (unsigned i = 0; i < m->except_count; i++)
        except[except_count++] = m->rooms[m->room_count + i].name;
    if (m->except_member != 0 && m->sender.size > 0)
        except[except_count++] = m->sender; /* others know it by this name */
    out->rooms = (struct note_names){ rooms, m->room_count };
    out->except = (struct note_names){ except, except_count };
}

/* What is volatile is not remembered by anybody, and is not called so twice. */
static bool is_unlogged_only(const struct message *m)
{
    return (m->flags & (MESSAGE_UNLOGGED | MESSAGE_VOLATILE)) == MESSAGE_UNLOGGED;
}

void node_note_of(struct node *node, const struct message *m, struct note *out)
{
    buf_clear(&node->argument);
    struct sio_said said = sio_said_of_message(m, &node->argument);
    *out = (struct note){ .type = NOTE_BROADCAST,
                          .nsp = said.nsp,
                          .is_volatile = (m->flags & MESSAGE_VOLATILE) != 0,
                          .is_uncompressed = (m->flags & MESSAGE_NO_COMPRESS) != 0,
                          .is_unlogged = is_unlogged_only(m),
                          .name = said.name,
                          .args = said.args,
                          .attachments = said.attachments,
                          .attachment_count = said.attachment_count };
    if (said.is_text) {
        json_put_string(&node->argument, said.args);
        out->args = buf_bytes(&node->argument);
    } else if (said.is_binary) {
        out->args = ONE_PLACEHOLDER;
        out->attachments = &m->args;
        out->attachment_count = 1;
    }
    copy_names(node, m, out);
}

/* --- what only Belfry knows -------------------------------------------------------------------*/

/* [kind, wall clock, sender, user, whole key] in MessagePack. */
static belfry_bytes extra_of(struct node *node, const struct message *m)
{
    struct buf *out = &node->extra;
    buf_clear(out);
    msgpack_put_array(out, 5);
    msgpack_put_u64(out, m->kind);
    msgpack_put_u64(out, m->wall_ms);
    msgpack_put_str(out, m->sender);
    msgpack_put_str(out, m->user);
    msgpack_put_bin(out, m->key);
    return buf_bytes(out);
}

/* --- saying -----------------------------------------------------------------------------------*/

static bool is_for_stream(const struct node *node, const struct message *m)
{
    return node->url.contract == NOTE_STREAMS && (m->flags & MESSAGE_UNLOGGED) == 0;
}

/* Only for members here, without an id: nothing like it will be in the stream. */
static void say_here(struct node *node, struct message *m)
{
    struct hub_published published;
    message_ref(m);
    m->flags |= MESSAGE_LOCAL;
    node->was_local = true;
    counter_add(&cluster_counters_of(node->cluster)->said_locally, 1);
    (void)hub_publish(m->nsp, node->worker->shard, m, &published);
    hub_tell(&node->server->hub, m, BELFRY_OK);
    message_unref(m);
}

static void set_full(struct node *node)
{
    atomic_store_explicit(&node->server->hub.outlet.is_full, cluster_is_full(node->cluster),
                          memory_order_relaxed);
}

/* Whose histories it belongs to. What is for one socket alone is in none. */
static unsigned files_of(const struct hub *hub, const struct message *m,
                         struct cluster_file files[MESSAGE_MAX_ROOMS])
{
    struct public_id_owner owner;
    unsigned count = 0;
    for (unsigned i = 0; i < BELFRY_MAX(m->room_count, 1u) && count < MESSAGE_MAX_ROOMS; i++) {
        belfry_bytes room = m->room_count > 0 ? m->rooms[i].name : bytes_of(NULL, 0);
        const struct history_limits *limits =
            m->room_count > 0 ? hub_limits_of(hub, room) : &hub->limits.history;
        if (limits->max_messages == 0 || worker_split_public_id(room, &owner))
            continue;
        files[count++] = (struct cluster_file){ room, limits->max_messages, limits->max_bytes,
                                                limits->max_age_ms };
    }
    return count;
}

static void append(struct node *node, struct message *m, const struct note *note)
{
    struct cluster_file files[MESSAGE_MAX_ROOMS];
    belfry_bytes extra = extra_of(node, m);
    unsigned count = files_of(&node->server->hub, m, files);
    belfry_err err = buf_failed(&node->extra) || buf_failed(&node->argument)
                         ? BELFRY_ERR_NOMEM
                         : cluster_append(node->cluster, note, extra, files, count, m);
    set_full(node);
    if (err == BELFRY_ERR_STATE) {
        say_here(node, m);
    } else if (err != BELFRY_OK) {
        hub_tell(&node->server->hub, m, err);
        message_unref(m);
    }
}

void node_say_message(struct node *node, struct message *m)
{
    struct note note;
    node_note_of(node, m, &note);
    if (is_for_stream(node, m)) {
        append(node, m, &note);
        return;
    }
    if (!m->has_ack)
        (void)cluster_say(node->cluster, &note); /* counted, if it is not */
    message_unref(m);
}

/* --- notes from any thread --------------------------------------------------------------------*/

static size_t size_of_names(const struct note_names *names)
{
    size_t size = names->count * sizeof(belfry_bytes);
    for (unsigned i = 0; i < names->count; i++)
        size += names->names[i].size;
    return size;
}

struct copying {
    belfry_bytes *spans;
    char *text;
};

static belfry_bytes copy_text(struct copying *to, belfry_bytes from)
{
    char *start = to->text;
    if (from.size > 0)
        memcpy(start, from.data, from.size);
    to->text += from.size;
    return bytes_of(start, from.size);
}

static const belfry_bytes *copy_list(struct copying *to, const belfry_bytes *from, unsigned count)
{
    belfry_bytes *start = to->spans;
    to->spans += count;
    for (unsigned i = 0; i < count; i++)
        start[i] = copy_text(to, from[i]);
    return start;
}

struct note *node_copy_note(const struct note *note)
{
    struct note_names parts = { note->attachments, note->attachment_count };
    size_t size = note->uid.size + note->nsp.size + note->request_id.size + note->name.size +
                  note->args.size + note->list.size + size_of_names(&note->rooms) +
                  size_of_names(&note->except) + size_of_names(&note->targets) +
                  size_of_names(&parts);
    struct note *copy = mem_alloc(sizeof *copy + size);
    if (copy == NULL)
        return NULL;
    unsigned spans =
        note->rooms.count + note->except.count + note->targets.count + note->attachment_count;
    struct copying to = { (belfry_bytes *)(copy + 1), (char *)(copy + 1) };
    to.text += spans * sizeof(belfry_bytes);
    *copy = *note;
    copy->rooms.names = copy_list(&to, note->rooms.names, note->rooms.count);
    copy->except.names = copy_list(&to, note->except.names, note->except.count);
    copy->targets.names = copy_list(&to, note->targets.names, note->targets.count);
    copy->attachments = copy_list(&to, note->attachments, note->attachment_count);
    copy->uid = copy_text(&to, note->uid);
    copy->nsp = copy_text(&to, note->nsp);
    copy->request_id = copy_text(&to, note->request_id);
    copy->name = copy_text(&to, note->name);
    copy->args = copy_text(&to, note->args);
    copy->list = copy_text(&to, note->list);
    return copy;
}

struct noted {
    struct delivery delivery;
    struct note *note;
};

static void run_noted(struct delivery *delivery, struct hub_shard *shard)
{
    struct noted *noted = BELFRY_CONTAINER_OF(delivery, struct noted, delivery);
    if (shard != NULL) {
        const struct worker *worker = shard->owner;
        (void)cluster_say(worker->server->node->cluster, noted->note); /* counted, if it is not */
    }
    mem_free(noted->note);
    mem_free(noted);
}

belfry_err node_say_note(struct belfry *server, const struct note *note)
{
    struct worker *own = worker_current_of(server);
    struct noted *noted = mem_alloc(sizeof *noted);
    struct note *copy = noted != NULL ? node_copy_note(note) : NULL;
    if (copy == NULL) {
        mem_free(noted);
        return server_outcome(BELFRY_ERR_NOMEM);
    }
    *noted = (struct noted){ .delivery.run = run_noted, .note = copy };
    hub_outlet_push(&server->hub, own != NULL ? own->shard : NULL, &noted->delivery);
    return BELFRY_OK;
}
