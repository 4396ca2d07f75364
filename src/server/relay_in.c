/*
 * relay_in.c - requests that another node got, for sessions of ours.
 *
 * The head is parsed again, as it came; an exchange without a connection stands for the client. Its
 * answer goes back by the cluster. A poll's answer has taken packets out of the session's queue: if
 * nobody hears it they are lost, and so is the session.
 */
#include "server/relay_in.h"

#include "base/alloc.h"
#include "engineio/query.h"
#include "server/eio_session.h"
#include "server/request.h"

struct relay_in {
    struct map_node by_id;
    struct relay_in *next, **link;
    struct worker *worker; /* 0 */
    struct relay_tag relay;
    uint64_t id;
    struct exchange *x;
    char sid[PUBLIC_ID_SIZE + 1];
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
    const struct relay_in *in = BELFRY_CONTAINER_OF(node, struct relay_in, by_id);
    const struct in_name *name = context;
    return in->id == name->id && relay_tag_is(&in->relay, name->relay);
}

static struct relay_in *find(struct worker *worker, belfry_bytes relay, uint64_t id)
{
    struct in_name name = { relay, id };
    struct map_node *node = map_find(&worker->relay.in, hash_of(relay, id), has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct relay_in, by_id) : NULL;
}

static void free_in(struct relay_in *in)
{
    map_remove(&in->worker->relay.in, &in->by_id);
    *in->link = in->next;
    if (in->next != NULL)
        in->next->link = in->link;
    mem_free(in);
}

/* --- the answer -------------------------------------------------------------------------------*/

struct lost_session {
    struct job job;
    char sid[PUBLIC_ID_SIZE + 1];
};

static void run_lost_session(struct worker *worker, struct job *job)
{
    struct lost_session *lost = BELFRY_CONTAINER_OF(job, struct lost_session, job);
    struct eio_session *s = eio_session_find(worker, bytes_of_text(lost->sid));
    if (s != NULL)
        eio_session_end(s, EIO_CAUSE_POLL_LOST);
    mem_free(lost);
}

static void lose_session(struct belfry *server, const char *sid)
{
    struct worker *owner = eio_session_owner(server, bytes_of_text(sid));
    struct lost_session *lost = owner != NULL ? mem_alloc_zeroed(sizeof *lost) : NULL;
    if (lost == NULL)
        return; /* its ping finds out */
    lost->job.run = run_lost_session;
    memcpy(lost->sid, sid, sizeof lost->sid);
    belfry_err err = worker_post(owner, &lost->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

/* Until it is known whether the answer was heard the entry stays, without its exchange. */
static void on_answer_said(struct worker *worker, const struct relay_tag *tag, uint64_t id,
                           int nodes)
{
    struct relay_in *in = find(worker, bytes_of(tag->text, RELAY_TAG_SIZE), id);
    if (in == NULL)
        return;
    if (nodes <= 0) {
        counter_add(&worker->counters.relay_failures, 1);
        lose_session(worker->server, in->sid);
    }
    free_in(in);
}

/* exchange_answered_fn, on worker 0 */
static void on_answered(struct exchange *x, const struct exchange_answer *answer, void *user)
{
    struct relay_in *in = user;
    struct relay_message m = { .kind = RELAY_ANSWER,
                               .id = in->id,
                               .number = answer->is_abort  ? RELAY_ABORT
                                         : answer->is_last ? RELAY_REPLY_LAST
                                                           : RELAY_REPLY,
                               .status = answer->status,
                               .head = buf_bytes(exchange_fields(x)),
                               .body = answer->body };
    in->x = NULL;
    if (relay_say(in->worker, &in->relay, &m, on_answer_said) != BELFRY_OK) {
        lose_session(in->worker->server, in->sid);
        free_in(in);
    }
}

/* --- the request ------------------------------------------------------------------------------*/

static void refuse(struct worker *worker, const struct relay_message *m, unsigned status)
{
    struct relay_tag relay = relay_tag_of(m->from);
    struct relay_message answer = { .kind = RELAY_ANSWER, .id = m->id, .status = status };
    (void)relay_say(worker, &relay, &answer, NULL); /* the relay gives up in time */
}

/* The head again, in worker 0's fields. False: not one that the relay can have accepted. */
static bool parse_head(struct worker *worker, belfry_bytes bytes, struct http_head *out)
{
    const belfry_options *o = &worker->server->options;
    struct http_limits limits = { (size_t)o->max_head_bytes, o->max_headers };
    struct http_head_parser parser = { 0 };
    *out = (struct http_head){ .fields = worker->fields, .field_capacity = HTTP_MAX_FIELDS };
    return http_head_parse(&parser, &limits, bytes.data, bytes.size, out) == HTTP_DONE &&
           out->head_size == bytes.size;
}

static void begin(struct worker *worker, const struct relay_message *m)
{
    struct belfry *server = worker->server;
    struct http_head head;
    struct eio_query query;
    const struct route *route = NULL;
    if (parse_head(worker, m->head, &head))
        route = exchange_route_find(&server->router, &head);
    if (route == NULL || find(worker, m->from, m->id) != NULL) {
        refuse(worker, m, 400);
        return;
    }
    eio_query_parse(head.query, &query);
    struct worker *owner = query.has_sid ? eio_session_owner(server, query.sid) : NULL;
    struct relay_in *in = mem_alloc_zeroed(sizeof *in);
    struct buf body = { 0 };
    if (in == NULL || buf_append(&body, m->body.data, m->body.size) != BELFRY_OK) {
        mem_free(in);
        refuse(worker, m, 503);
        return;
    }
    *in = (struct relay_in){ .worker = worker, .relay = relay_tag_of(m->from), .id = m->id };
    if (query.has_sid && query.sid.size == PUBLIC_ID_SIZE)
        memcpy(in->sid, query.sid.data, PUBLIC_ID_SIZE);
    in->x = exchange_new_far(worker, route, owner != NULL ? owner : worker, m->head.data, &head,
                             m->address, m->is_secure, on_answered, in);
    if (in->x == NULL) {
        mem_free(in);
        buf_deinit(&body);
        refuse(worker, m, 503);
        return;
    }
    in->by_id.hash = hash_of(m->from, m->id);
    map_insert(&worker->relay.in, &in->by_id);
    in->next = worker->relay.first_in;
    in->link = &worker->relay.first_in;
    if (in->next != NULL)
        in->next->link = &in->next;
    worker->relay.first_in = in;
    counter_add(&worker->counters.relayed_in, 1);
    struct exchange *x = in->x;
    exchange_tell_begin(x);
    in = find(worker, m->from, m->id); /* it may be answered already */
    if (in != NULL && in->x == x)
        exchange_tell_body(x, &body);
    buf_deinit(&body);
}

void relay_in_hear(struct worker *worker, const struct relay_message *m)
{
    if (m->kind == RELAY_REQUEST) {
        begin(worker, m);
        return;
    }
    struct relay_in *in = find(worker, m->from, m->id);
    if (in != NULL && in->x != NULL)
        exchange_tell_lost(in->x); /* which answers, to nobody */
}

void relay_in_deinit(struct worker *worker)
{
    while (worker->relay.first_in != NULL) {
        struct relay_in *in = worker->relay.first_in;
        if (in->x != NULL)
            exchange_forget_far(in->x);
        free_in(in);
    }
}
