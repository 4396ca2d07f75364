/*
 * sim_answers.c - doing as the path says.
 */
#include "support/sim_answers.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/http_session.h"
#include "server/server.h"
#include "support/sim_alloc.h"
#include "support/sim_seeds.h"

/* An exchange, as long as it has no answer. */
struct sim_question {
    struct sim_question *next;
    struct sim_question **link;
    struct sim_answers *answers;
    struct exchange *x;
    unsigned worker; /* who heard of it */
    bool has_rest;   /* the body, or that it is too large */
    bool is_lost;
};

/* --- what the path says -----------------------------------------------------------------------*/

static unsigned worker_of(const struct http_head *head)
{
    const char *path = head->path.data;
    SIM_CHECK(head->path.size >= 3 && memcmp(path, "/x/", 3) == 0, "a path that is not ours");
    return head->path.size > 3 ? (unsigned)(uint8_t)path[3] - '0' : UINT32_MAX;
}

static bool says(const struct http_head *head, const char *verb)
{
    const char *path = head->path.data;
    size_t size = strlen(verb);
    return head->path.size >= 5 + size && memcmp(path + 5, verb, size) == 0;
}

static struct worker *owner(struct worker *home, belfry_request *req, void *user)
{
    unsigned index = worker_of(req->head);
    (void)user;
    SIM_CHECK(worker_current() == home, "asked on another worker");
    return index < home->server->worker_count ? &home->server->workers[index] : NULL;
}

/* --- exchanges --------------------------------------------------------------------------------*/

static struct sim_question *question_of(struct exchange *x)
{
    struct sim_question *q = exchange_data(x);
    SIM_CHECK(q != NULL && q->x == x, "an exchange that did not begin");
    SIM_CHECK(q->worker == worker_current()->index, "told on another worker");
    return q;
}

static void forget(struct sim_question *q)
{
    *q->link = q->next;
    if (q->next != NULL)
        q->next->link = q->link;
    q->answers->live--;
    free(q);
}

static void answer(struct sim_question *q, unsigned status, const char *text)
{
    struct exchange *x = q->x;
    forget(q);
    (void)http_response_field(exchange_fields(x), "X-Test", BELFRY_BYTES("yes"));
    exchange_reply(x, status, "text/plain", bytes_of_text(text));
}

static void answer_big(struct sim_question *q)
{
    static char big[SIM_BIG_ANSWER];
    struct exchange *x = q->x;
    memset(big, 'b', sizeof big);
    forget(q);
    exchange_reply(x, 200, NULL, bytes_of(big, sizeof big));
}

static void on_begin(struct exchange *x, void *user)
{
    struct sim_answers *a = user;
    struct sim_question *q = calloc(1, sizeof *q);
    SIM_CHECK(q != NULL, "the test is out of memory");
    SIM_CHECK(exchange_data(x) == NULL, "begun twice");
    const struct worker *here = worker_current();
    unsigned wanted = worker_of(exchange_head(x));
    SIM_CHECK(wanted == here->index || wanted >= here->server->worker_count, "the wrong worker");
    *q = (struct sim_question){
        .next = a->first, .link = &a->first, .answers = a, .x = x, .worker = here->index
    };
    if (q->next != NULL)
        q->next->link = &q->next;
    a->first = q;
    a->begun++;
    a->live++;
    exchange_set_data(x, q);
    if (says(exchange_head(x), "early"))
        answer(q, 200, "early");
}

static void on_body(struct exchange *x, belfry_bytes body, void *user)
{
    struct sim_answers *a = user;
    struct sim_question *q = question_of(x);
    const struct http_head *head = exchange_head(x);
    char text[SIM_MAX_BODY + 512];
    SIM_CHECK(!q->has_rest && !q->is_lost, "a body that was there, or of one who is lost");
    q->has_rest = true;
    a->bodies++;
    snprintf(text, sizeof text, "%u %.*s %.*s %.*s", worker_current()->index,
             (int)head->method_text.size, (const char *)head->method_text.data,
             (int)head->path.size, (const char *)head->path.data, (int)body.size,
             body.size > 0 ? (const char *)body.data : "");
    if (says(head, "now")) {
        answer(q, 200, text);
    } else if (says(head, "big")) {
        answer_big(q);
    } else if (says(head, "last")) {
        forget(q);
        exchange_reply_last(x, 200, NULL, bytes_of_text(text));
    } else if (says(head, "abort")) {
        forget(q);
        exchange_abort(x);
    }
}

static void on_too_large(struct exchange *x, void *user)
{
    struct sim_answers *a = user;
    struct sim_question *q = question_of(x);
    SIM_CHECK(!q->has_rest && !q->is_lost, "too large though whole, or lost");
    q->has_rest = true;
    a->too_large++;
    if (!says(exchange_head(x), "hold"))
        answer(q, 413, "");
}

static void on_lost(struct exchange *x, void *user)
{
    struct sim_answers *a = user;
    struct sim_question *q = question_of(x);
    SIM_CHECK(!q->is_lost, "lost twice");
    q->is_lost = true;
    a->lost++;
    if (says(exchange_head(x), "hold/abort")) {
        forget(q);
        exchange_abort(x);
    } else if (!says(exchange_head(x), "hold/on")) {
        answer(q, 503, "lost");
    }
}

struct exchange *sim_answers_first(struct sim_answers *a)
{
    SIM_CHECK(a->first != NULL, "nobody asks");
    return a->first->x;
}

/* --- releasing --------------------------------------------------------------------------------*/

struct release {
    struct loop_post post;
    struct sim_answers *answers;
};

static void release(struct loop_post *post, void *owner_of_loop)
{
    struct release *r = BELFRY_CONTAINER_OF(post, struct release, post);
    const struct worker *worker = owner_of_loop;
    struct sim_question *next;
    for (struct sim_question *q = r->answers->first; q != NULL; q = next) {
        next = q->next;
        if (q->worker == worker->index && says(exchange_head(q->x), "hold"))
            answer(q, 200, "released");
    }
    free(r);
}

void sim_answers_release(struct sim_answers *a, unsigned worker)
{
    struct release *r = malloc(sizeof *r);
    SIM_CHECK(r != NULL, "the test is out of memory");
    *r = (struct release){ .post.run = release, .answers = a };
    loop_post(&a->world->server->workers[worker].loop, &r->post);
}

/* --- upgrades ---------------------------------------------------------------------------------*/

static void upgrade(belfry_request *req, void *user)
{
    struct sim_answers *a = user;
    a->upgrades++;
    SIM_CHECK(worker_current()->index == worker_of(req->head) ||
                  worker_of(req->head) >= a->world->server->worker_count,
              "an upgrade at the wrong worker");
    if (says(req->head, "no")) {
        req->must_close = true;
        request_reply_error(req, 400, "no");
        return;
    }
    for (req->route = a->world->server->router.first; req->route->kind != ROUTE_WS;)
        req->route = req->route->next;
    upgrade_request(req);
}

bool sim_answers_init(struct sim_answers *a, struct sim_world *world)
{
    *a = (struct sim_answers){ .world = world };
    struct exchange_handlers handlers = { .owner = owner,
                                          .on_begin = on_begin,
                                          .on_body = on_body,
                                          .on_too_large = on_too_large,
                                          .on_lost = on_lost,
                                          .upgrade = upgrade,
                                          .user = a,
                                          .max_body_bytes = SIM_MAX_BODY };
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    belfry_err err = exchange_route_add(world->server, "/x/", &handlers);
    (void)sim_alloc_enter(before);
    return err == BELFRY_OK;
}
