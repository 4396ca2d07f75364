/*
 * exchange.c - the object between a connection and whoever answers, on one worker or on two.
 *
 * What the home tells goes by jobs that are fields of the exchange, so that telling cannot fail;
 * each job under way to the owner is a reference, and the answer is one, which the home drops when
 * it has dealt with it. The fields have one user at a time: those of the request and the answer
 * are the owner's until it has answered and the home's from then on.
 */
#include "server/exchange.h"

#include "base/alloc.h"
#include "base/frame.h"
#include "server/http_session.h"
#include "server/server.h"

enum outcome { OUTCOME_REPLY, OUTCOME_REPLY_LAST, OUTCOME_ABORT };

/* Something that the owner is told, on its way. */
struct news {
    struct job job;
    struct exchange *exchange;
    void (*callback)(struct exchange *x, void *user);
};

struct exchange {
    struct worker *home;
    struct worker *owner;
    const struct exchange_handlers *handlers;
    struct http_head head;
    atomic_uint refs;
    struct news begin;
    struct news rest; /* the body, or that it is too large */
    struct news lost;
    struct job answer;
    struct buf body; /* set before it is told */

    /* the owner's */
    belfry_request request;
    void *data;
    bool is_answered;
    uint8_t outcome;
    uint16_t status;
    struct frame *answer_body; /* on its way home */

    /* the home's */
    struct http_session *session; /* NULL: it wants no answer any more */
    bool is_far;                  /* its client is at another node */
    exchange_answered_fn *answered;
    void *answered_user;
    struct relay_out *relay; /* it is to be answered by another node */
    bool has_told_lost;

    struct http_field fields[]; /* of the head; its bytes are behind them */
};

/* --- the route --------------------------------------------------------------------------------*/

belfry_err exchange_route_add(belfry *server, const char *prefix,
                              const struct exchange_handlers *handlers)
{
    struct route *route;
    belfry_err err = server_add_route(server, ROUTE_EXCHANGE, prefix, &route);
    if (err == BELFRY_OK)
        route->exchange = *handlers;
    return err;
}

const struct route *exchange_route_find(const struct router *router, const struct http_head *head)
{
    for (const struct route *route = router->first; route != NULL; route = route->next) {
        if (route->kind != ROUTE_EXCHANGE)
            continue;
        size_t size = strlen(route->pattern);
        if (head->path.size >= size && memcmp(head->path.data, route->pattern, size) == 0)
            return route;
    }
    return NULL;
}

/* --- life -------------------------------------------------------------------------------------*/

/* The same bytes in the copy; static ones stay where they are. */
static belfry_bytes moved(belfry_bytes span, const uint8_t *from, size_t size, const uint8_t *to)
{
    const uint8_t *at = span.data;
    if (at != NULL && (uintptr_t)at >= (uintptr_t)from && (uintptr_t)at <= (uintptr_t)from + size)
        span.data = to + (at - from);
    return span;
}

static void copy_head(struct exchange *x, const uint8_t *data, const struct http_head *head)
{
    size_t size = head->head_size;
    uint8_t *copy = (uint8_t *)&x->fields[head->field_count];
    memcpy(copy, data, size);
    x->head = *head;
    x->head.fields = x->fields;
    x->head.field_capacity = head->field_count;
    x->head.method_text = moved(head->method_text, data, size, copy);
    x->head.target = moved(head->target, data, size, copy);
    x->head.path = moved(head->path, data, size, copy);
    x->head.query = moved(head->query, data, size, copy);
    x->head.host = moved(head->host, data, size, copy);
    for (size_t i = 0; i < head->field_count; i++) {
        x->fields[i].name = moved(head->fields[i].name, data, size, copy);
        x->fields[i].value = moved(head->fields[i].value, data, size, copy);
    }
}

static struct exchange *new_exchange(struct worker *home, const struct route *route,
                                     struct worker *owner, const uint8_t *data,
                                     const struct http_head *head, bool is_secure)
{
    size_t fields_size = head->field_count * sizeof(struct http_field);
    struct exchange *x = mem_alloc(sizeof *x + fields_size + head->head_size);
    if (x == NULL)
        return NULL;
    *x = (struct exchange){ .home = home, .owner = owner, .handlers = &route->exchange, .refs = 1 };
    copy_head(x, data, head);
    x->request = (belfry_request){ .head = &x->head, .route = route, .is_secure = is_secure };
    return x;
}

struct exchange *exchange_new(struct http_session *h, const struct route *route,
                              struct worker *owner, const uint8_t *data,
                              const struct http_head *head)
{
    struct exchange *x =
        new_exchange(h->conn.worker, route, owner, data, head, h->conn.stream.ops->is_secure);
    if (x == NULL)
        return NULL;
    x->session = h;
    stream_address(&h->conn.stream, x->request.address);
    return x;
}

struct exchange *exchange_new_far(struct worker *home, const struct route *route,
                                  struct worker *owner, const uint8_t *data,
                                  const struct http_head *head, belfry_bytes address,
                                  bool is_secure, exchange_answered_fn *answered, void *user)
{
    struct exchange *x = new_exchange(home, route, owner, data, head, is_secure);
    if (x == NULL)
        return NULL;
    x->is_far = true;
    x->answered = answered;
    x->answered_user = user;
    size_t size = BELFRY_MIN(address.size, sizeof x->request.address - 1);
    if (size > 0)
        memcpy(x->request.address, address.data, size);
    return x;
}

bool exchange_is_far(const struct exchange *x)
{
    return x->is_far;
}

void exchange_forget_far(struct exchange *x)
{
    x->answered = NULL;
    exchange_tell_lost(x);
}

belfry_bytes exchange_head_bytes(const struct exchange *x)
{
    return bytes_of(&x->fields[x->head.field_count], x->head.head_size);
}

struct relay_out *exchange_relay(const struct exchange *x)
{
    return x->relay;
}

void exchange_set_relay(struct exchange *x, struct relay_out *out)
{
    x->relay = out;
}

/* Thread: any. */
static void unref(struct exchange *x)
{
    if (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
        return;
    request_deinit(&x->request);
    buf_deinit(&x->body);
    frame_unref(x->answer_body);
    mem_free(x);
}

/* --- telling the owner ------------------------------------------------------------------------*/

static bool is_local(const struct exchange *x)
{
    return x->owner == x->home;
}

/* A connection has one exchange at a time, and that four jobs: no need for a limit. */
static void post(struct worker *to, struct job *job)
{
    belfry_err err = worker_post(to, job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

static void call_owner(struct exchange *x, void (*callback)(struct exchange *x, void *user))
{
    if (!x->is_answered)
        callback(x, x->handlers->user);
}

static void run_news(struct worker *owner, struct job *job)
{
    struct news *news = BELFRY_CONTAINER_OF(job, struct news, job);
    struct exchange *x = news->exchange;
    (void)owner;
    call_owner(x, news->callback);
    unref(x);
}

static void tell(struct exchange *x, struct news *news,
                 void (*callback)(struct exchange *x, void *user))
{
    if (is_local(x)) {
        call_owner(x, callback);
        return;
    }
    *news = (struct news){ .job.run = run_news, .exchange = x, .callback = callback };
    atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
    post(x->owner, &news->job);
}

void exchange_tell_begin(struct exchange *x)
{
    tell(x, &x->begin, x->handlers->on_begin);
}

static void hand_body_over(struct exchange *x, void *user)
{
    x->request.body = buf_bytes(&x->body);
    x->handlers->on_body(x, x->request.body, user);
}

void exchange_tell_body(struct exchange *x, struct buf *body)
{
    x->body = *body;
    *body = (struct buf){ 0 };
    tell(x, &x->rest, hand_body_over);
}

void exchange_tell_too_large(struct exchange *x)
{
    tell(x, &x->rest, x->handlers->on_too_large);
}

void exchange_tell_lost(struct exchange *x)
{
    if (x->has_told_lost)
        return;
    x->has_told_lost = true;
    tell(x, &x->lost, x->handlers->on_lost);
}

void exchange_leave(struct exchange *x)
{
    x->session = NULL;
    exchange_tell_lost(x);
}

/* --- the answer -------------------------------------------------------------------------------*/

/* At home. @body: what is not in the frame. */
static void finish(struct exchange *x, belfry_bytes body)
{
    struct http_session *h = x->session;
    if (x->answered != NULL) {
        struct exchange_answer answer = { .is_abort = x->outcome == OUTCOME_ABORT,
                                          .is_last = x->outcome == OUTCOME_REPLY_LAST,
                                          .status = x->status,
                                          .body = body };
        if (x->answer_body != NULL)
            answer.body = bytes_of(x->answer_body->bytes, x->answer_body->size);
        x->answered(x, &answer, x->answered_user);
    } else if (h != NULL && x->outcome == OUTCOME_ABORT) {
        http_session_abandon(h);
    } else if (h != NULL) {
        x->request.must_close = x->outcome == OUTCOME_REPLY_LAST;
        http_session_answer(h, &x->request, x->status, body, x->answer_body);
        x->answer_body = NULL;
    }
    unref(x);
}

static void run_finish(struct worker *home, struct job *job)
{
    (void)home;
    finish(BELFRY_CONTAINER_OF(job, struct exchange, answer), bytes_of(NULL, 0));
}

static void answer(struct exchange *x, enum outcome outcome, belfry_bytes body)
{
    BELFRY_ASSERT(!x->is_answered);
    x->is_answered = true;
    x->outcome = (uint8_t)outcome;
    if (is_local(x)) {
        finish(x, body);
        return;
    }
    if (body.size > 0) {
        x->answer_body = frame_new_copy(body.data, body.size);
        if (x->answer_body == NULL)
            x->outcome = OUTCOME_ABORT;
    }
    x->answer.run = run_finish;
    post(x->home, &x->answer);
}

static void reply(struct exchange *x, unsigned status, const char *content_type, belfry_bytes body,
                  enum outcome outcome)
{
    BELFRY_ASSERT(status >= 200 && status <= 599);
    x->status = (uint16_t)status;
    if (content_type != NULL)
        (void)http_response_field(&x->request.fields, "Content-Type", bytes_of_text(content_type));
    answer(x, outcome, body);
}

void exchange_reply(struct exchange *x, unsigned status, const char *content_type,
                    belfry_bytes body)
{
    reply(x, status, content_type, body, OUTCOME_REPLY);
}

void exchange_reply_last(struct exchange *x, unsigned status, const char *content_type,
                         belfry_bytes body)
{
    reply(x, status, content_type, body, OUTCOME_REPLY_LAST);
}

void exchange_abort(struct exchange *x)
{
    answer(x, OUTCOME_ABORT, bytes_of(NULL, 0));
}

/* --- asking -----------------------------------------------------------------------------------*/

const struct http_head *exchange_head(const struct exchange *x)
{
    return &x->head;
}

belfry_request *exchange_request(struct exchange *x)
{
    return &x->request;
}

struct worker *exchange_owner(const struct exchange *x)
{
    return x->owner;
}

bool exchange_is_secure(const struct exchange *x)
{
    return x->request.is_secure;
}

void *exchange_data(const struct exchange *x)
{
    return x->data;
}

void exchange_set_data(struct exchange *x, void *data)
{
    x->data = data;
}

struct buf *exchange_fields(struct exchange *x)
{
    return &x->request.fields;
}
