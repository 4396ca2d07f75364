/*
 * relay_out.c - requests that came here and belong elsewhere.
 *
 *   begin --body--> WAITING --ANSWER--> answered as the owner says
 *                       |--nobody there--> Session ID unknown: the client begins anew
 *                       |--Redis away, too long--> 503
 *                       `--the client goes--> LOST to the owner
 */
#include "base/alloc.h"
#include "engineio/error.h"
#include "server/relay.h"
#include "server/relay_in.h"
#include "server/request.h"

#define GRACE_MS 10000 /* beyond the longest poll */

struct relay_out {
    struct map_node by_id;
    struct relay_out *next, **link;
    struct worker *worker;
    struct exchange *x;
    struct relay_tag tag;
    uint64_t id;
    uint64_t due_ms;
};

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

static struct relay_out *find(struct worker *worker, uint64_t id)
{
    struct map_node *node = map_find(&worker->relay.out, hash_id(id), is_same, NULL);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct relay_out, by_id) : NULL;
}

static struct exchange *take(struct relay_out *out)
{
    struct relay *r = &out->worker->relay;
    struct exchange *x = out->x;
    map_remove(&r->out, &out->by_id);
    *out->link = out->next;
    if (out->next != NULL)
        out->next->link = out->link;
    r->count--;
    mem_free(out);
    exchange_set_relay(x, NULL);
    return x;
}

/* --- answering ourselves ----------------------------------------------------------------------*/

static void answer_away(struct exchange *x)
{
    (void)http_response_field(exchange_fields(x), "Retry-After", BELFRY_BYTES("1"));
    exchange_reply(x, 503, NULL, bytes_of(NULL, 0));
}

static void fail(struct relay_out *out, bool is_away)
{
    struct worker *worker = out->worker;
    struct exchange *x = take(out);
    counter_add(&worker->counters.relay_failures, 1);
    if (is_away)
        answer_away(x);
    else
        relay_refuse_unknown(x);
}

void relay_out_fail(struct worker *worker, const struct relay_tag *tag, bool is_away)
{
    struct relay_out *next;
    for (struct relay_out *out = worker->relay.first_out; out != NULL; out = next) {
        next = out->next;
        if (tag == NULL || strcmp(tag->text, out->tag.text) == 0)
            fail(out, is_away);
    }
}

void relay_out_expire(struct worker *worker)
{
    struct relay_out *next;
    for (struct relay_out *out = worker->relay.first_out; out != NULL; out = next) {
        next = out->next;
        if (out->due_ms <= worker->loop.now_ms)
            fail(out, true);
    }
}

/* --- asking the owner -------------------------------------------------------------------------*/

bool relay_begin(struct exchange *x, const struct relay_tag *tag)
{
    struct worker *worker = worker_current();
    struct relay *r = &worker->relay;
    const belfry_options *o = &worker->server->options;
    struct relay_out *out = r->count < RELAY_MAX ? mem_alloc_zeroed(sizeof *out) : NULL;
    if (out == NULL || !node_is_ready(worker->server)) {
        mem_free(out);
        counter_add(&worker->counters.relay_failures, 1);
        answer_away(x);
        return false;
    }
    out->worker = worker;
    out->x = x;
    out->tag = *tag;
    out->id = ++r->numbers << 6 | worker->index;
    out->due_ms = worker->loop.now_ms + o->ping_interval_ms + o->ping_timeout_ms + GRACE_MS;
    out->by_id.hash = hash_id(out->id);
    map_insert(&r->out, &out->by_id);
    out->next = r->first_out;
    out->link = &r->first_out;
    if (out->next != NULL)
        out->next->link = &out->next;
    r->first_out = out;
    r->count++;
    exchange_set_relay(x, out);
    relay_watch(worker);
    return true;
}

static void on_said(struct worker *worker, const struct relay_tag *tag, uint64_t id, int nodes)
{
    struct relay_out *out = find(worker, id);
    (void)tag;
    if (out != NULL && nodes <= 0)
        fail(out, nodes < 0);
}

void relay_body(struct exchange *x, belfry_bytes body)
{
    struct relay_out *out = exchange_relay(x);
    belfry_request *req = exchange_request(x);
    struct relay_message m = { .kind = RELAY_REQUEST,
                               .id = out->id,
                               .is_secure = exchange_is_secure(x),
                               .address = bytes_of_text(req->address),
                               .head = exchange_head_bytes(x),
                               .body = body };
    counter_add(&out->worker->counters.relayed_out, 1);
    if (relay_say(out->worker, &out->tag, &m, on_said) != BELFRY_OK)
        fail(out, true);
}

void relay_lost(struct exchange *x)
{
    struct relay_out *out = exchange_relay(x);
    struct relay_message m = { .kind = RELAY_LOST, .id = out->id };
    (void)relay_say(out->worker, &out->tag, &m, NULL); /* else it finds out itself */
    exchange_abort(take(out));
}

void relay_forget(struct exchange *x)
{
    (void)take(exchange_relay(x));
}

void relay_out_hear(struct worker *worker, const struct relay_message *m)
{
    struct relay_out *out = find(worker, m->id);
    if (out == NULL || !relay_tag_is(&out->tag, m->from))
        return; /* the client has gone meanwhile */
    struct exchange *x = take(out);
    buf_put_bytes(exchange_fields(x), m->head);
    switch ((enum relay_outcome)m->number) {
    case RELAY_REPLY:
        exchange_reply(x, BELFRY_MAX(m->status, 200u), NULL, m->body);
        return;
    case RELAY_REPLY_LAST:
        exchange_reply_last(x, BELFRY_MAX(m->status, 200u), NULL, m->body);
        return;
    case RELAY_ABORT:
        break;
    }
    exchange_abort(x);
}

/* --- whom we wait for -------------------------------------------------------------------------*/

struct tags {
    struct relay_tag seen[64];
    unsigned count;
};

bool relay_tags_add(struct tags *tags, const struct relay_tag *tag)
{
    for (unsigned i = 0; i < tags->count; i++) {
        if (strcmp(tags->seen[i].text, tag->text) == 0)
            return false;
    }
    if (tags->count == BELFRY_COUNT(tags->seen))
        return false; /* the others' turn comes when these are done */
    tags->seen[tags->count++] = *tag;
    return true;
}

void relay_each_tag(struct worker *worker,
                    void (*visit)(struct worker *worker, const struct relay_tag *tag))
{
    struct tags tags = { .count = 0 };
    for (const struct relay_out *out = worker->relay.first_out; out != NULL; out = out->next) {
        if (relay_tags_add(&tags, &out->tag))
            visit(worker, &out->tag);
    }
    tunnel_out_each_tag(worker, &tags, visit);
    tunnel_in_each_tag(worker, &tags, visit);
}
