/*
 * tunnel_in.c - a WebSocket whose client is at another node, as a stream without a descriptor.
 *
 *   UP ───► input ──read──► HTTP, then Engine.IO, as of any connection
 *   DOWN ◄──writev─────────          at most RELAY_WINDOW bytes that were not TAKEN
 *
 * Readiness is told by a job of its own, since what comes may come while rooms are walked. The
 * stream is a field of a connection that may move; the tunnel follows it (stream_ops.moved).
 */
#include <stdio.h>

#include "base/alloc.h"
#include "server/eio_session.h"
#include "server/relay_in.h"

struct tunnel_in {
    struct map_node by_name;
    struct tunnel_in *next, **link; /* NULL link: unlisted */
    struct worker *worker;
    struct stream *stream; /* NULL: closed */
    struct relay_tag relay;
    uint64_t id;
    uint64_t sent;
    uint64_t heard;
    size_t under_way; /* bytes of DOWN that were not taken */
    struct buf input;
    size_t read;    /* of it */
    bool has_ended; /* the client, or its node, has gone */
    bool is_secure;
    bool is_telling; /* the job is under way */
    struct job job;
    char address[STREAM_ADDRESS_SIZE];
};

struct in_name {
    belfry_bytes relay;
    uint64_t id;
};

static uint64_t hash_of(belfry_bytes relay, uint64_t id)
{
    uint32_t bits = 0;
    memcpy(&bits, relay.data, RELAY_TAG_SIZE);
    return (id ^ (uint64_t)bits << 40) * 0x9e3779b97f4a7c15u;
}

static bool has_name(const struct map_node *node, const void *context)
{
    const struct tunnel_in *t = BELFRY_CONTAINER_OF(node, struct tunnel_in, by_name);
    const struct in_name *name = context;
    return t->id == name->id && relay_tag_is(&t->relay, name->relay);
}

static struct tunnel_in *find(struct worker *worker, const struct relay_message *m)
{
    struct in_name name = { m->from, m->id };
    struct map_node *node =
        map_find(&worker->relay.tunnels_in, hash_of(m->from, m->id), has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct tunnel_in, by_name) : NULL;
}

static void unlist(struct tunnel_in *t)
{
    struct relay *r = &t->worker->relay;
    if (t->link == NULL)
        return;
    map_remove(&r->tunnels_in, &t->by_name);
    *t->link = t->next;
    if (t->next != NULL)
        t->next->link = t->link;
    t->link = NULL;
    r->count--;
}

/* Neither the stream nor a job needs it any more. */
static void free_if_unused(struct tunnel_in *t)
{
    if (t->stream != NULL || t->is_telling)
        return;
    unlist(t);
    buf_deinit(&t->input);
    mem_free(t);
}

/* --- readiness --------------------------------------------------------------------------------*/

static size_t unread(const struct tunnel_in *t)
{
    return t->input.size - t->read;
}

static unsigned readiness(const struct tunnel_in *t)
{
    unsigned events = 0;
    if (unread(t) > 0 || t->has_ended)
        events |= WATCH_READ;
    if (t->has_ended)
        events |= WATCH_END;
    if (t->under_way < RELAY_WINDOW)
        events |= WATCH_WRITE;
    return t->stream != NULL ? events & t->stream->watch.interest : 0;
}

static void run_telling(struct worker *worker, struct job *job);

static void tell_soon(struct tunnel_in *t)
{
    if (t->is_telling || readiness(t) == 0)
        return;
    t->is_telling = true;
    t->job = (struct job){ .run = run_telling };
    belfry_err err = worker_post(t->worker, &t->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

static void run_telling(struct worker *worker, struct job *job)
{
    struct tunnel_in *t = BELFRY_CONTAINER_OF(job, struct tunnel_in, job);
    unsigned events = readiness(t);
    (void)worker;
    if (events != 0) /* is_telling yet: it must not be freed meanwhile */
        t->stream->watch.on_ready(&t->stream->watch, events);
    t->is_telling = false;
    if (t->stream == NULL)
        free_if_unused(t);
    else
        tell_soon(t); /* again, for as long as it is so */
}

/* --- the stream -------------------------------------------------------------------------------*/

static struct tunnel_in *of_stream(const struct stream *s)
{
    return s->transport;
}

static bool say(struct tunnel_in *t, enum relay_kind kind, uint64_t number, belfry_bytes body)
{
    struct relay_message m = { .kind = kind, .id = t->id, .number = number, .body = body };
    return t->has_ended || relay_say(t->worker, &t->relay, &m, NULL) == BELFRY_OK;
}

static ssize_t on_read(struct stream *s, void *out, size_t size)
{
    struct tunnel_in *t = of_stream(s);
    size_t taken = BELFRY_MIN(size, unread(t));
    if (taken == 0)
        return t->has_ended ? STREAM_END : STREAM_AGAIN;
    memcpy(out, t->input.data + t->read, taken);
    t->read += taken;
    if (unread(t) == 0) {
        buf_clear(&t->input);
        t->read = 0;
    }
    return say(t, RELAY_DOWN_TAKEN, taken, bytes_of(NULL, 0)) ? (ssize_t)taken : STREAM_FAILED;
}

static ssize_t on_writev(struct stream *s, const struct iovec *parts, int count, bool is_last)
{
    struct tunnel_in *t = of_stream(s);
    size_t room = RELAY_WINDOW - t->under_way;
    struct buf body = { 0 };
    (void)is_last;
    if (t->has_ended)
        return STREAM_FAILED;
    for (int i = 0; i < count && room > 0; i++) {
        size_t size = BELFRY_MIN(parts[i].iov_len, room);
        buf_put(&body, parts[i].iov_base, size);
        room -= size;
    }
    ssize_t written = STREAM_AGAIN;
    if (buf_failed(&body))
        written = STREAM_FAILED;
    else if (body.size > 0)
        written =
            say(t, RELAY_DOWN, t->sent++, buf_bytes(&body)) ? (ssize_t)body.size : STREAM_FAILED;
    if (written > 0)
        t->under_way += (size_t)written;
    buf_deinit(&body);
    return written;
}

static belfry_err on_want(struct stream *s, unsigned wanted)
{
    s->watch.interest = (uint8_t)wanted;
    tell_soon(of_stream(s));
    return BELFRY_OK;
}

static void on_moved(struct stream *s)
{
    of_stream(s)->stream = s;
}

static void on_end_writing(struct stream *s)
{
    struct tunnel_in *t = of_stream(s);
    (void)say(t, RELAY_DOWN_CLOSE, 0, bytes_of(NULL, 0)); /* else the relay's ping finds out */
    t->has_ended = true; /* of a WebSocket nothing comes behind its close */
    tell_soon(t);
}

static void on_close(struct stream *s)
{
    struct tunnel_in *t = of_stream(s);
    (void)say(t, RELAY_DOWN_CLOSE, 0, bytes_of(NULL, 0));
    t->has_ended = true;
    t->stream = NULL;
    unlist(t);
    free_if_unused(t);
}

static void on_address(const struct stream *s, char *out)
{
    snprintf(out, STREAM_ADDRESS_SIZE, "%s", of_stream(s)->address);
}

static const struct stream_ops plain_ops = {
    .read = on_read,
    .writev = on_writev,
    .want = on_want,
    .moved = on_moved,
    .end_writing = on_end_writing,
    .close = on_close,
    .address = on_address,
};

static const struct stream_ops secure_ops = {
    .read = on_read,
    .writev = on_writev,
    .want = on_want,
    .moved = on_moved,
    .end_writing = on_end_writing,
    .close = on_close,
    .address = on_address,
    .is_secure = true,
};

static void set_up(struct stream *s, struct loop *loop, void *arg)
{
    struct tunnel_in *t = arg;
    *s = (struct stream){ .watch = { .fd = -1 },
                          .ops = t->is_secure ? &secure_ops : &plain_ops,
                          .loop = loop,
                          .transport = t };
    t->stream = s;
}

/* --- from the relay ---------------------------------------------------------------------------*/

static void open(struct worker *worker, const struct relay_message *m)
{
    struct relay *r = &worker->relay;
    struct relay_tag relay = relay_tag_of(m->from);
    struct relay_message close = { .kind = RELAY_DOWN_CLOSE, .id = m->id };
    struct tunnel_in *t = NULL;
    if (find(worker, m) == NULL && r->count < RELAY_MAX && !worker->is_stopping)
        t = mem_alloc_zeroed(sizeof *t);
    if (t == NULL || buf_append(&t->input, m->head.data, m->head.size) != BELFRY_OK) {
        mem_free(t);
        (void)relay_say(worker, &relay, &close, NULL); /* else the relay's ping finds out */
        return;
    }
    t->worker = worker;
    t->relay = relay;
    t->id = m->id;
    t->is_secure = m->is_secure;
    memcpy(t->address, m->address.data, BELFRY_MIN(m->address.size, sizeof t->address - 1));
    t->by_name.hash = hash_of(m->from, m->id);
    map_insert(&r->tunnels_in, &t->by_name);
    t->next = r->first_tunnel_in;
    t->link = &r->first_tunnel_in;
    if (t->next != NULL)
        t->next->link = &t->next;
    r->first_tunnel_in = t;
    r->count++;
    counter_add(&worker->counters.relayed_in, 1);
    relay_watch(worker);
    t->is_telling = true; /* it must not be freed meanwhile */
    worker_adopt(worker, set_up, t, false);
    t->is_telling = false;
    if (t->stream == NULL)
        free_if_unused(t);
    else
        tell_soon(t);
}

static void end(struct tunnel_in *t)
{
    t->has_ended = true;
    unlist(t);
    tell_soon(t);
}

static void take_up(struct tunnel_in *t, const struct relay_message *m)
{
    bool is_next = m->number == t->heard++;
    if (!is_next || unread(t) + m->body.size > (size_t)2 * RELAY_WINDOW ||
        buf_append(&t->input, m->body.data, m->body.size) != BELFRY_OK) {
        (void)say(t, RELAY_DOWN_CLOSE, 0, bytes_of(NULL, 0));
        end(t); /* Redis has lost one, or the relay does not keep to the window */
        return;
    }
    tell_soon(t);
}

void tunnel_in_hear(struct worker *worker, const struct relay_message *m)
{
    if (m->kind == RELAY_OPEN) {
        open(worker, m);
        return;
    }
    struct tunnel_in *t = find(worker, m);
    if (t == NULL)
        return;
    if (m->kind == RELAY_UP) {
        take_up(t, m);
    } else if (m->kind == RELAY_UP_TAKEN) {
        t->under_way -= BELFRY_MIN((size_t)m->number, t->under_way);
        tell_soon(t);
    } else {
        end(t);
    }
}

void tunnel_in_fail(struct worker *worker, const struct relay_tag *tag)
{
    struct tunnel_in *next;
    for (struct tunnel_in *t = worker->relay.first_tunnel_in; t != NULL; t = next) {
        next = t->next;
        if (tag == NULL || strcmp(tag->text, t->relay.text) == 0)
            end(t);
    }
}

void tunnel_in_each_tag(struct worker *worker, struct tags *tags,
                        void (*visit)(struct worker *worker, const struct relay_tag *tag))
{
    for (const struct tunnel_in *t = worker->relay.first_tunnel_in; t != NULL; t = t->next) {
        if (relay_tags_add(tags, &t->relay))
            visit(worker, &t->relay);
    }
}
