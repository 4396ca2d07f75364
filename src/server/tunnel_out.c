/*
 * tunnel_out.c - a WebSocket that came here and belongs to a session elsewhere: its bytes, both
 * ways.
 *
 *   client ──on_input──► UP ───► owner         at most RELAY_WINDOW bytes that were not TAKEN
 *          ◄─conn_write─ DOWN ◄─ owner         TAKEN is said when they are in our queue, and that
 *                                              is not too long
 *
 * The owner answers the upgrade, talks WebSocket and closes; here nobody looks into the bytes.
 */
#include "base/alloc.h"
#include "server/relay_in.h"
#include "server/request.h"

struct tunnel_out {
    struct conn conn;
    struct map_node by_id;
    struct tunnel_out *next, **link; /* NULL link: unlisted */
    struct relay_tag tag;
    unsigned owner; /* the worker there */
    uint64_t id;
    uint64_t sent;    /* messages */
    uint64_t heard;   /* messages */
    size_t under_way; /* bytes of UP that were not taken */
    size_t untold;    /* bytes of DOWN that we have taken and not said so */
};

static struct tunnel_out *of_conn(struct conn *c)
{
    return BELFRY_CONTAINER_OF(c, struct tunnel_out, conn);
}

static uint64_t hash_id(uint64_t id)
{
    return id * 0x9e3779b97f4a7c15u;
}

static bool is_same(const struct map_node *node, const void *context)
{
    (void)node;
    (void)context; /* equal hashes are equal ids */
    return true;
}

static void unlist(struct tunnel_out *t)
{
    struct relay *r = &t->conn.worker->relay;
    if (t->link == NULL)
        return;
    map_remove(&r->tunnels_out, &t->by_id);
    *t->link = t->next;
    if (t->next != NULL)
        t->next->link = t->link;
    t->link = NULL;
    r->count--;
}

static void list(struct tunnel_out *t)
{
    struct relay *r = &t->conn.worker->relay;
    t->by_id.hash = hash_id(t->id);
    map_insert(&r->tunnels_out, &t->by_id);
    t->next = r->first_tunnel_out;
    t->link = &r->first_tunnel_out;
    if (t->next != NULL)
        t->next->link = &t->next;
    r->first_tunnel_out = t;
    r->count++;
}

/* --- to the owner -----------------------------------------------------------------------------*/

static void close_tunnel(struct tunnel_out *t)
{
    unlist(t);
    conn_abort(&t->conn);
}

static void on_said(struct worker *worker, const struct relay_tag *tag, uint64_t id, int nodes)
{
    struct map_node *node = map_find(&worker->relay.tunnels_out, hash_id(id), is_same, NULL);
    (void)tag;
    if (node != NULL && nodes <= 0) {
        counter_add(&worker->counters.relay_failures, 1);
        close_tunnel(BELFRY_CONTAINER_OF(node, struct tunnel_out, by_id));
    }
}

static bool say(struct tunnel_out *t, enum relay_kind kind, uint64_t number, belfry_bytes body,
                relay_said_fn *said)
{
    struct relay_message m = {
        .kind = kind, .id = t->id, .worker = t->owner, .number = number, .body = body
    };
    return relay_say(t->conn.worker, &t->tag, &m, said) == BELFRY_OK;
}

static void say_close(struct tunnel_out *t)
{
    if (t->link != NULL)
        (void)say(t, RELAY_UP_CLOSE, 0, bytes_of(NULL, 0), NULL); /* else its ping finds out */
    unlist(t);
}

static size_t on_input(struct conn *c, uint8_t *data, size_t size)
{
    struct tunnel_out *t = of_conn(c);
    size_t taken = BELFRY_MIN(size, RELAY_WINDOW - t->under_way);
    if (taken > 0 && !say(t, RELAY_UP, t->sent++, bytes_of(data, taken), NULL)) {
        say_close(t);
        conn_abort(c);
        return size;
    }
    t->under_way += taken;
    if (taken < size)
        conn_hold(c);
    return taken;
}

static void tell_taken(struct tunnel_out *t)
{
    if (t->untold == 0 || t->link == NULL)
        return;
    (void)say(t, RELAY_UP_TAKEN, t->untold, bytes_of(NULL, 0), NULL); /* without memory it stands */
    t->untold = 0;
}

static void on_end(struct conn *c)
{
    say_close(of_conn(c));
    conn_finish(c);
}

static void on_drained(struct conn *c)
{
    tell_taken(of_conn(c));
}

static void on_timer(struct conn *c, uint64_t now_ms)
{
    (void)c;
    (void)now_ms;
}

static void on_lost(struct conn *c)
{
    say_close(of_conn(c));
}

static void free_tunnel(struct conn *c)
{
    unlist(of_conn(c));
    mem_free(of_conn(c));
}

static const struct session_ops ops = {
    .on_input = on_input,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_timer = on_timer,
    .on_lost = on_lost,
    .free = free_tunnel,
};

/* The head as it was understood: the owner parses it again. */
static void put_head(struct buf *out, const struct http_head *head)
{
    buf_put_bytes(out, head->method_text);
    buf_put_char(out, ' ');
    buf_put_bytes(out, head->target);
    buf_put_text(out, head->minor_version == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    for (size_t i = 0; i < head->field_count; i++) {
        buf_put_bytes(out, head->fields[i].name);
        buf_put_text(out, ": ");
        buf_put_bytes(out, head->fields[i].value);
        buf_put_text(out, "\r\n");
    }
    buf_put_text(out, "\r\n");
}

belfry_err tunnel_start(belfry_request *req, const struct relay_tag *tag, unsigned owner)
{
    struct worker *worker = req->conn->worker;
    struct relay *r = &worker->relay;
    if (r->count >= RELAY_MAX)
        return BELFRY_ERR_LIMIT;
    struct tunnel_out *t = mem_alloc_zeroed(sizeof *t);
    if (t == NULL)
        return BELFRY_ERR_NOMEM;
    t->tag = *tag;
    t->owner = owner;
    t->id = ++r->numbers << 6 | worker->index;
    char address[STREAM_ADDRESS_SIZE];
    stream_address(&req->conn->stream, address);
    struct buf head = { 0 };
    put_head(&head, req->head);
    if (buf_failed(&head)) {
        mem_free(t);
        return BELFRY_ERR_NOMEM;
    }
    struct relay_message m = { .kind = RELAY_OPEN,
                               .id = t->id,
                               .worker = owner,
                               .is_secure = request_is_secure(req),
                               .address = bytes_of_text(address),
                               .head = buf_bytes(&head) };
    if (conn_move(req->conn, &t->conn, &ops) != BELFRY_OK) {
        buf_deinit(&head);
        conn_abort(&t->conn);
        return BELFRY_OK;
    }
    counter_add(&worker->counters.relayed_out, 1);
    list(t);
    relay_watch(worker);
    if (relay_say(worker, tag, &m, on_said) != BELFRY_OK)
        close_tunnel(t);
    buf_deinit(&head);
    return BELFRY_OK;
}

/* --- from the owner ---------------------------------------------------------------------------*/

static void take_down(struct tunnel_out *t, const struct relay_message *m)
{
    struct conn *c = &t->conn;
    if (m->number != t->heard++) { /* Redis has lost one: what follows makes no sense */
        say_close(t);
        conn_abort(c);
        return;
    }
    conn_write(c, m->body.data, m->body.size);
    if (c->state != CONN_OPEN)
        return;
    t->untold += m->body.size;
    if (!c->is_blocked)
        tell_taken(t); /* else when it has drained */
}

void tunnel_out_hear(struct worker *worker, const struct relay_message *m)
{
    struct map_node *node = map_find(&worker->relay.tunnels_out, hash_id(m->id), is_same, NULL);
    struct tunnel_out *t =
        node != NULL ? BELFRY_CONTAINER_OF(node, struct tunnel_out, by_id) : NULL;
    if (t == NULL || !relay_tag_is(&t->tag, m->from))
        return;
    if (m->kind == RELAY_DOWN) {
        take_down(t, m);
    } else if (m->kind == RELAY_DOWN_TAKEN) {
        t->under_way -= BELFRY_MIN((size_t)m->number, t->under_way);
        if (t->conn.is_held && t->under_way < RELAY_WINDOW / 2)
            conn_release(&t->conn);
    } else {
        unlist(t);
        conn_finish(&t->conn);
    }
}

void tunnel_out_fail(struct worker *worker, const struct relay_tag *tag)
{
    struct tunnel_out *next;
    for (struct tunnel_out *t = worker->relay.first_tunnel_out; t != NULL; t = next) {
        next = t->next;
        if (tag == NULL || strcmp(tag->text, t->tag.text) == 0)
            close_tunnel(t);
    }
}

void tunnel_out_each_tag(struct worker *worker, struct tags *tags,
                         void (*visit)(struct worker *worker, const struct relay_tag *tag))
{
    for (const struct tunnel_out *t = worker->relay.first_tunnel_out; t != NULL; t = t->next) {
        if (relay_tags_add(tags, &t->tag))
            visit(worker, &t->tag);
    }
}
