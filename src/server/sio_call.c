/*
 * sio_call.c - waiting for answers.
 *
 * A call waits on one worker, its home. Members on other workers are counted there when the message
 * has been handed out, and their answers are posted home. All numbers of one call are in its key,
 * which is in the message, so a worker needs no table to know where an answer belongs.
 */
#include "server/sio_call.h"

#include "base/alloc.h"
#include "server/encode.h"
#include "server/node.h"
#include "server/server.h"
#include "server/sio_encode.h"
#include "server/sio_msg.h"
#include "server/target.h"

#define DEFAULT_TIMEOUT_MS 5000
#define KEY_WORKER_BITS 6           /* the home, in the low bits of a key */
#define FAR_GRACE_MS 1000           /* other servers' own time is up before we stop listening */
#define MAX_REPLY_BYTES (64u << 20) /* kept for one call: what comes beyond it counts as lost */

/* An answer that came: a copy, its spans point behind it. */
struct reply {
    struct reply *next;
    size_t size;
    struct belfry_msg msg;
    belfry_bytes attachments[];
};

struct call {
    struct map_node by_key;
    uint64_t key;
    struct call *next; /* of the worker's */
    struct call **link;
    struct worker *home;
    struct timer timer;
    belfry_reply_handler on_reply;
    const struct sio_call_watch *watch; /* in place of on_reply; NULL: none */
    void *user;
    bool is_counted;      /* the watch knows how many were asked */
    unsigned reports_due; /* workers that have not said how many they asked */
    int servers_due;      /* the same of other servers; a report may come before their number */
    bool counts_servers;  /* their number is not known yet */
    unsigned expected;
    unsigned count;
    unsigned lost; /* asked, and gone */
    size_t bytes;  /* of the replies */
    struct reply *first;
    struct reply **last;
};

/* How many sockets of a worker were handed a call's message, until it is reported. */
struct asked {
    struct asked *next;
    uint64_t key;
    unsigned count;
};

struct sio_calls {
    struct worker *worker;
    struct map calls;
    struct call *first; /* the same, in a list */
    struct asked *asked;
    uint64_t made;
};

/* Of a socket: an answer that its client owes. */
struct sio_wait {
    struct sio_wait *next;
    uint64_t id; /* on the wire */
    uint64_t key;
    uint64_t due_ms; /* nobody waits any more after it */
};

struct sio_calls *sio_calls_new(struct worker *worker)
{
    struct sio_calls *calls = mem_alloc_zeroed(sizeof *calls);
    if (calls != NULL)
        calls->worker = worker;
    return calls;
}

/* --- ending -----------------------------------------------------------------------------------*/

static void free_call(struct call *call)
{
    while (call->first != NULL) {
        struct reply *reply = call->first;
        call->first = reply->next;
        belfry_msg_deinit(&reply->msg);
        mem_free(reply);
    }
    mem_free(call);
}

/* Keys count up in steps of a power of two: spread over the buckets, each keeps its own hash. */
static uint64_t hash_key(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15u;
}

static void list_call(struct call *call)
{
    struct sio_calls *calls = call->home->calls;
    call->by_key.hash = hash_key(call->key);
    map_insert(&calls->calls, &call->by_key);
    call->next = calls->first;
    call->link = &calls->first;
    if (call->next != NULL)
        call->next->link = &call->next;
    calls->first = call;
}

static void unlist_call(struct call *call)
{
    map_remove(&call->home->calls->calls, &call->by_key);
    timer_cancel(&call->home->loop.timers, &call->timer);
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
}

static void finish(struct call *call, belfry_err err)
{
    unlist_call(call);
    if (call->watch != NULL) {
        call->watch->end(call->user);
        free_call(call);
        return;
    }
    belfry_msg **replies = mem_alloc((call->count + 1) * sizeof *replies);
    unsigned count = 0;
    for (struct reply *reply = call->first; reply != NULL && replies != NULL; reply = reply->next)
        replies[count++] = &reply->msg;
    if (replies == NULL)
        err = BELFRY_ERR_NOMEM;
    /* Who has answered was asked, even if its worker had no memory to say so. */
    unsigned expected = BELFRY_MAX(call->expected, call->count + call->lost);
    call->on_reply(err, replies, count, expected, call->user);
    mem_free(replies);
    free_call(call);
}

/* Who watches hears of each answer as it comes, but first how many were asked. */
static void tell_watch(struct call *call)
{
    if (call->reports_due > 0)
        return; /* only those of this server are asked for others */
    if (!call->is_counted)
        call->watch->asked(call->expected, call->user);
    call->is_counted = true;
    while (call->first != NULL) {
        struct reply *reply = call->first;
        call->first = reply->next;
        call->bytes -= reply->size;
        call->watch->answered(&reply->msg, call->user);
        belfry_msg_deinit(&reply->msg);
        mem_free(reply);
    }
    call->last = &call->first;
}

static void finish_if_done(struct call *call)
{
    if (call->watch != NULL)
        tell_watch(call);
    bool is_counted = call->reports_due == 0 && !call->counts_servers && call->servers_due <= 0;
    if (is_counted && call->count + call->lost >= call->expected)
        finish(call, call->lost > 0 ? BELFRY_ERR_GONE : BELFRY_OK);
}

static void on_timeout(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    finish(BELFRY_CONTAINER_OF(timer, struct call, timer), BELFRY_ERR_TIMEOUT);
}

void sio_calls_finish(struct sio_calls *calls)
{
    /* What on_reply calls now is refused: it ends. */
    while (calls != NULL && calls->first != NULL)
        finish(calls->first, BELFRY_ERR_GONE);
}

struct sio_calls *sio_calls_free(struct sio_calls *calls)
{
    if (calls == NULL)
        return NULL;
    BELFRY_ASSERT(calls->calls.count == 0);
    map_deinit(&calls->calls);
    while (calls->asked != NULL) {
        struct asked *next = calls->asked->next;
        mem_free(calls->asked);
        calls->asked = next;
    }
    mem_free(calls);
    return NULL;
}

static bool is_key(const struct map_node *node, const void *context)
{
    (void)node;
    (void)context; /* equal hashes are equal keys */
    return true;
}

static struct call *find_call(struct worker *home, uint64_t key)
{
    struct map_node *node = map_find(&home->calls->calls, hash_key(key), is_key, NULL);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct call, by_key) : NULL;
}

static struct worker *home_of(struct belfry *server, uint64_t key)
{
    return &server->workers[key & ((1u << KEY_WORKER_BITS) - 1)];
}

/* --- news for a call, from its own worker or another ------------------------------------------*/

enum news_kind {
    NEWS_ASKED,
    NEWS_REPLY,
    NEWS_LOST,
    NEWS_SERVERS,     /* so many others are asked */
    NEWS_ASKED_THERE, /* one of them has said how many of its own it asked */
    NEWS_PARTIAL,
};

struct news {
    struct job job;
    enum news_kind kind;
    uint64_t key;
    unsigned count;
    struct reply *reply; /* REPLY; NULL: no memory for it */
};

static void hear(struct worker *home, const struct news *news)
{
    struct call *call = find_call(home, news->key);
    if (call == NULL) {
        mem_free(news->reply);
        return;
    }
    switch (news->kind) {
    case NEWS_ASKED:
        call->reports_due--;
        call->expected += news->count;
        break;
    case NEWS_LOST:
        call->lost++;
        break;
    case NEWS_SERVERS:
        call->counts_servers = false;
        call->servers_due += (int)news->count;
        break;
    case NEWS_ASKED_THERE:
        call->servers_due--;
        call->expected += news->count;
        break;
    case NEWS_PARTIAL:
        finish(call, BELFRY_ERR_PARTIAL);
        return;
    case NEWS_REPLY:
        if (news->reply == NULL || call->bytes + news->reply->size > MAX_REPLY_BYTES) {
            mem_free(news->reply);
            call->lost++;
            break;
        }
        call->bytes += news->reply->size;
        *call->last = news->reply;
        call->last = &news->reply->next;
        call->count++;
        break;
    }
    finish_if_done(call);
}

static void run_news(struct worker *home, struct job *job)
{
    struct news *news = BELFRY_CONTAINER_OF(job, struct news, job);
    hear(home, news);
    mem_free(news);
}

static void tell(struct worker *worker, const struct news *what)
{
    struct worker *home = home_of(worker->server, what->key);
    if (home == worker) {
        hear(home, what);
        return;
    }
    struct news *news = mem_alloc(sizeof *news);
    if (news == NULL) {
        mem_free(what->reply); /* the call times out */
        return;
    }
    *news = *what;
    news->job.run = run_news;
    belfry_err err = worker_post(home, &news->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

/* --- on the members' workers ------------------------------------------------------------------*/

static struct asked *get_asked(struct sio_calls *calls, uint64_t key)
{
    struct asked *asked = calls->asked;
    while (asked != NULL && asked->key != key)
        asked = asked->next;
    if (asked != NULL)
        return asked;
    asked = mem_alloc(sizeof *asked);
    if (asked == NULL)
        return NULL;
    *asked = (struct asked){ .next = calls->asked, .key = key };
    calls->asked = asked;
    return asked;
}

static unsigned take_asked(struct sio_calls *calls, uint64_t key)
{
    for (struct asked **at = &calls->asked; *at != NULL; at = &(*at)->next) {
        struct asked *asked = *at;
        if (asked->key != key)
            continue;
        unsigned count = asked->count;
        *at = asked->next;
        mem_free(asked);
        return count;
    }
    return 0;
}

/* Those that nobody waits for any more go, so that a client that never answers holds little. */
static void drop_overdue(struct sio_sock *sock, uint64_t now_ms)
{
    struct sio_wait **at = &sock->waits;
    while (*at != NULL) {
        struct sio_wait *wait = *at;
        if (wait->due_ms > now_ms) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        mem_free(wait);
    }
}

static bool add_wait(struct sio_sock *sock, uint64_t id, uint64_t key, uint64_t due_ms)
{
    drop_overdue(sock, sock_worker(&sock->sock)->loop.now_ms);
    struct sio_wait *wait = mem_alloc(sizeof *wait);
    if (wait == NULL)
        return false;
    *wait = (struct sio_wait){ .next = sock->waits, .id = id, .key = key, .due_ms = due_ms };
    sock->waits = wait;
    return true;
}

static uint64_t due_ms_of(const struct worker *worker, uint32_t timeout_ms)
{
    return timeout_ms == BELFRY_OFF ? UINT64_MAX : worker->loop.now_ms + timeout_ms;
}

bool sio_call_ask(struct sio_sock *sock, const struct message *m)
{
    struct worker *worker = sock_worker(&sock->sock);
    struct asked *asked = get_asked(worker->calls, m->call_key);
    uint64_t due_ms = due_ms_of(worker, m->call_timeout_ms);
    if (asked == NULL || !add_wait(sock, m->ack_id, m->call_key, due_ms)) {
        counter_add(&worker->counters.dropped_memory, 1);
        return false;
    }
    asked->count++;
    return true;
}

static struct reply *copy_reply(const struct belfry *server, belfry_bytes args, uint32_t arg_count,
                                const belfry_bytes *attachments, unsigned attachment_count)
{
    size_t size = args.size;
    for (unsigned i = 0; i < attachment_count; i++)
        size += attachments[i].size;
    struct reply *reply =
        mem_alloc_zeroed(sizeof *reply + attachment_count * sizeof(belfry_bytes) + size);
    if (reply == NULL)
        return NULL;
    char *at = (char *)&reply->attachments[attachment_count];
    reply->size = size;
    reply->msg = (struct belfry_msg){ .server = (struct belfry *)server,
                                      .args = bytes_of(at, args.size),
                                      .arg_count = arg_count,
                                      .attachment_count = attachment_count,
                                      .attachments = reply->attachments };
    if (args.size > 0)
        memcpy(at, args.data, args.size);
    at += args.size;
    for (unsigned i = 0; i < attachment_count; i++) {
        reply->attachments[i] = bytes_of(at, attachments[i].size);
        if (attachments[i].size > 0)
            memcpy(at, attachments[i].data, attachments[i].size);
        at += attachments[i].size;
    }
    return reply;
}

void sio_call_answer(struct sio_sock *sock, const struct sio_packet *packet)
{
    struct worker *worker = sock_worker(&sock->sock);
    struct sio_wait **at = &sock->waits;
    while (*at != NULL && (!packet->has_id || (*at)->id != packet->id))
        at = &(*at)->next;
    struct sio_wait *wait = *at;
    if (wait == NULL)
        return;
    *at = wait->next;
    tell(worker,
         &(struct news){ .kind = NEWS_REPLY,
                         .key = wait->key,
                         .reply = copy_reply(worker->server, packet->args, packet->arg_count,
                                             packet->attachments, packet->attachment_count) });
    mem_free(wait);
}

void sio_call_forget(struct sio_sock *sock)
{
    while (sock->waits != NULL) {
        struct sio_wait *wait = sock->waits;
        sock->waits = wait->next;
        tell(sock_worker(&sock->sock), &(struct news){ .kind = NEWS_LOST, .key = wait->key });
        mem_free(wait);
    }
}

/* --- calling ----------------------------------------------------------------------------------*/

/* Runs on each worker behind the message: everybody there has been asked. */
struct survey {
    struct job job;
    uint64_t key;
};

static void run_survey(struct worker *worker, struct job *job)
{
    struct survey *survey = BELFRY_CONTAINER_OF(job, struct survey, job);
    hub_drain(worker->shard);
    unsigned count = take_asked(worker->calls, survey->key);
    tell(worker, &(struct news){ .kind = NEWS_ASKED, .key = survey->key, .count = count });
    mem_free(survey);
}

static void free_surveys(const struct belfry *server, struct survey **surveys)
{
    for (unsigned w = 0; w < server->worker_count && surveys != NULL; w++)
        mem_free(surveys[w]);
    mem_free(surveys);
}

/* One for each worker; NULL: no memory. */
static struct survey **new_surveys(const struct belfry *server, uint64_t key)
{
    struct survey **surveys = mem_alloc_zeroed(server->worker_count * sizeof *surveys);
    bool is_made = surveys != NULL;
    for (unsigned w = 0; w < server->worker_count && is_made; w++) {
        surveys[w] = mem_alloc(sizeof *surveys[w]);
        is_made = surveys[w] != NULL;
        if (is_made)
            *surveys[w] = (struct survey){ .job.run = run_survey, .key = key };
    }
    if (is_made || surveys == NULL)
        return surveys;
    free_surveys(server, surveys);
    return NULL;
}

static void start_surveys(struct belfry *server, struct survey **surveys)
{
    for (unsigned w = 0; w < server->worker_count; w++) {
        belfry_err err = worker_post(&server->workers[w], &surveys[w]->job, false);
        BELFRY_ASSERT(err == BELFRY_OK);
    }
    mem_free(surveys);
}

static struct call *new_call(struct worker *home, uint32_t timeout_ms, belfry_reply_handler fn,
                             void *user)
{
    struct call *call = mem_alloc_zeroed(sizeof *call);
    if (call == NULL)
        return NULL;
    uint64_t made = ++home->calls->made;
    call->home = home;
    call->on_reply = fn;
    call->user = user;
    call->last = &call->first;
    call->timer.fire = on_timeout;
    call->key = made << KEY_WORKER_BITS | home->index;
    list_call(call);
    if (timeout_ms != BELFRY_OFF)
        timer_set(&home->loop.timers, &call->timer, home->loop.now_ms + timeout_ms);
    return call;
}

static void forget_call(struct call *call)
{
    unlist_call(call);
    free_call(call);
}

/* Takes the wait for @key away from @sock, if it is still there. */
static void drop_wait(struct sio_sock *sock, uint64_t key)
{
    for (struct sio_wait **at = &sock->waits; *at != NULL; at = &(*at)->next) {
        struct sio_wait *wait = *at;
        if (wait->key != key)
            continue;
        *at = wait->next;
        mem_free(wait);
        return;
    }
}

/* One socket, which is this worker's. What is written may end its connection, and the call with it:
 * then on_reply has been called already. */
static belfry_err call_one(struct worker *home, uint64_t key, const belfry_target *target,
                           struct message_spec *spec)
{
    struct sio_sock *sock = sio_of_sock(target->sock);
    uint64_t due_ms = due_ms_of(home, spec->call_timeout_ms);
    sock_catch_up(target->sock);
    if (target->sock->state != SOCK_OPEN)
        return server_outcome(BELFRY_ERR_GONE);
    if (!add_wait(sock, spec->ack_id, key, due_ms))
        return server_outcome(BELFRY_ERR_NOMEM);
    find_call(home, key)->expected = 1;
    belfry_err err = sio_sock_say(sock, spec);
    if (err == BELFRY_OK || find_call(home, key) == NULL)
        return BELFRY_OK;
    drop_wait(sock, key);
    return err;
}

/* --- on other servers -------------------------------------------------------------------------*/

struct far_part {
    struct belfry *server;
    uint64_t key;
};

static void on_far_heard(struct cluster_ask *ask, enum cluster_heard what, unsigned count,
                         const struct note *note, void *user)
{
    struct far_part *far = user;
    struct worker *worker = &far->server->workers[0];
    struct news news = { .key = far->key, .count = count };
    (void)ask;
    switch (what) {
    case CLUSTER_NODES:
        news.kind = NEWS_SERVERS;
        break;
    case CLUSTER_ANSWER:
        if (note->type == NOTE_CLIENT_COUNT) {
            news.kind = NEWS_ASKED_THERE;
            news.count = note->client_count;
            break;
        }
        news.kind = NEWS_REPLY;
        news.reply =
            copy_reply(far->server, note->args, 1, note->attachments, note->attachment_count);
        break;
    case CLUSTER_DONE:
    case CLUSTER_PARTIAL:
        news.kind = NEWS_PARTIAL;
        mem_free(far);
        break;
    }
    tell(worker, &news);
}

/* The same event, said to the others as a question. */
static belfry_err ask_far(const belfry_target *target, const struct message_spec *spec)
{
    struct belfry *server = target->nsp->server;
    belfry_bytes excepts[MESSAGE_MAX_ROOMS + 1];
    unsigned except_count = spec->except_count;
    for (unsigned i = 0; i < except_count; i++)
        excepts[i] = spec->excepts[i];
    if (spec->except_member != 0)
        excepts[except_count++] = spec->sender;
    bool is_endless = spec->call_timeout_ms == BELFRY_OFF;
    uint32_t timeout_ms = is_endless ? server->options.cluster_timeout_ms : spec->call_timeout_ms;
    struct note note = { .type = NOTE_BROADCAST,
                         .nsp = nsp_name(target->nsp),
                         .rooms = { spec->rooms, spec->room_count },
                         .except = { excepts, except_count },
                         .is_uncompressed = (spec->flags & MESSAGE_NO_COMPRESS) != 0,
                         .has_timeout = true,
                         .timeout_ms = timeout_ms,
                         .name = spec->name,
                         .args = spec->args,
                         .attachments = spec->attachments,
                         .attachment_count = spec->attachment_count };
    struct far_part *far = mem_alloc(sizeof *far);
    if (far == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    *far = (struct far_part){ .server = server, .key = spec->call_key };
    belfry_err err = node_ask(server, &note, timeout_ms + FAR_GRACE_MS, on_far_heard, far);
    if (err != BELFRY_OK)
        mem_free(far);
    return err;
}

static belfry_err call_many(struct call *call, const belfry_target *target,
                            struct message_spec *spec)
{
    struct belfry *server = call->home->server;
    struct survey **surveys = new_surveys(server, spec->call_key);
    bool is_far = server->node != NULL && target->nsp->hub != NULL && !target_is_local(target);
    if (surveys == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    call->reports_due = server->worker_count;
    call->counts_servers = is_far;
    belfry_err err = target_say(target, spec);
    if (err == BELFRY_OK && is_far)
        err = ask_far(target, spec);
    start_surveys(server, surveys); /* also after a failure: some may have been asked */
    return err;
}

static belfry_err call_here(struct worker *home, const belfry_target *target,
                            struct message_spec *spec, belfry_reply_handler fn, void *user)
{
    bool is_one = target_is_sock(target);
    if (home->is_stopping)
        return server_why(BELFRY_ERR_GONE, "the server is shutting down");
    if (is_one && !sock_is_sio(target->sock))
        return server_why(BELFRY_ERR_INVALID, "a plain WebSocket cannot be asked for an answer");
    struct call *call = new_call(home, spec->call_timeout_ms, fn, user);
    if (call == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    uint64_t key = call->key;
    spec->has_ack = true;
    spec->ack_id = atomic_fetch_add(&target->nsp->ack_ids, 1);
    spec->call_key = key;
    spec->flags |= MESSAGE_UNLOGGED;
    belfry_err err = is_one ? call_one(home, key, target, spec) : call_many(call, target, spec);
    if (err != BELFRY_OK)
        forget_call(find_call(home, key));
    return err;
}

belfry_err sio_call_for(struct worker *home, struct belfry_nsp *nsp, struct message_spec *spec,
                        uint32_t timeout_ms, const struct sio_call_watch *watch, void *user)
{
    struct belfry *server = home->server;
    struct hub_published published;
    if (home->is_stopping)
        return BELFRY_ERR_GONE;
    struct call *call = new_call(home, timeout_ms, NULL, user);
    if (call == NULL)
        return BELFRY_ERR_NOMEM;
    spec->has_ack = true;
    spec->ack_id = atomic_fetch_add(&nsp->ack_ids, 1);
    spec->call_key = call->key;
    spec->call_timeout_ms = timeout_ms;
    struct survey **surveys = new_surveys(server, call->key);
    struct message *m =
        surveys != NULL ? message_new(spec, &server->hub.hash_key, server->worker_count) : NULL;
    if (m == NULL) {
        free_surveys(server, surveys);
        forget_call(call);
        return BELFRY_ERR_NOMEM;
    }
    call->watch = watch;
    call->reports_due = server->worker_count;
    (void)hub_publish(nsp->hub, home->shard, m, &published);
    start_surveys(server, surveys);
    return BELFRY_OK;
}

/* From a foreign thread: the first worker makes the call its own. */
struct far_call {
    struct job job;
    belfry_target target;
    uint32_t timeout_ms;
    belfry_reply_handler fn;
    void *user;
    size_t name_size;
    size_t args_size;
    char *rooms[2 * BELFRY_TARGET_ROOMS];
    char bytes[];
};

static void free_far_call(struct far_call *far)
{
    for (size_t i = 0; i < BELFRY_COUNT(far->rooms); i++)
        mem_free(far->rooms[i]);
    mem_free(far);
}

static void run_far_call(struct worker *worker, struct job *job)
{
    struct far_call *far = BELFRY_CONTAINER_OF(job, struct far_call, job);
    struct message_spec spec = { .kind = KIND_EVENT,
                                 .name = bytes_of(far->bytes, far->name_size),
                                 .args = bytes_of(far->bytes + far->name_size, far->args_size),
                                 .call_timeout_ms = far->timeout_ms };
    belfry_err err = call_here(worker, &far->target, &spec, far->fn, far->user);
    if (err != BELFRY_OK)
        far->fn(err, NULL, 0, 0, far->user);
    free_far_call(far);
}

static belfry_err copy_target(struct far_call *far)
{
    belfry_target *t = &far->target;
    for (unsigned i = 0; i < BELFRY_TARGET_ROOMS; i++) {
        if (i < t->room_count) {
            far->rooms[i] = mem_dup_text(t->rooms[i]);
            t->rooms[i] = far->rooms[i];
        }
        if (i < t->except_count) {
            far->rooms[BELFRY_TARGET_ROOMS + i] = mem_dup_text(t->excepts[i]);
            t->excepts[i] = far->rooms[BELFRY_TARGET_ROOMS + i];
        }
        if ((i < t->room_count && t->rooms[i] == NULL) ||
            (i < t->except_count && t->excepts[i] == NULL))
            return BELFRY_ERR_NOMEM;
    }
    return BELFRY_OK;
}

static belfry_err call_from_far(const belfry_target *target, const struct message_spec *spec,
                                belfry_reply_handler fn, void *user)
{
    struct belfry *server = target->nsp->server;
    struct far_call *far = mem_alloc_zeroed(sizeof *far + spec->name.size + spec->args.size);
    if (far == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    far->job.run = run_far_call;
    far->target = *target;
    far->timeout_ms = spec->call_timeout_ms;
    far->fn = fn;
    far->user = user;
    far->name_size = spec->name.size;
    far->args_size = spec->args.size;
    memcpy(far->bytes, spec->name.data, spec->name.size);
    if (spec->args.size > 0)
        memcpy(far->bytes + spec->name.size, spec->args.data, spec->args.size);
    belfry_err err = server_outcome(copy_target(far));
    if (err == BELFRY_OK)
        err = worker_post(&server->workers[0], &far->job, true);
    if (err != BELFRY_OK)
        free_far_call(far);
    return err;
}

belfry_err belfry_call_raw(belfry_target target, uint32_t timeout_ms, belfry_reply_handler on_reply,
                           void *user, const char *event, const char *json, size_t size)
{
    struct message_spec spec = { .kind = KIND_EVENT,
                                 .name = bytes_of_text(event),
                                 .args = bytes_of(json, size) };
    uint32_t count;
    if (on_reply == NULL)
        return server_why(BELFRY_ERR_INVALID,
                          "on_reply is missing: belfry_emit asks for no answer");
    belfry_err err = target_check_event(&target, spec.name);
    if (err == BELFRY_OK)
        err = msg_check_args(spec.args, &count);
    if (err != BELFRY_OK)
        return err;
    if (timeout_ms == 0)
        timeout_ms = target.timeout_ms != 0 ? target.timeout_ms : DEFAULT_TIMEOUT_MS;
    spec.call_timeout_ms = timeout_ms;
    struct worker *own = worker_current_of(target.nsp->server);
    return own != NULL ? call_here(own, &target, &spec, on_reply, user)
                       : call_from_far(&target, &spec, on_reply, user);
}

belfry_err belfry_call(belfry_target target, uint32_t timeout_ms, belfry_reply_handler on_reply,
                       void *user, const char *event, const char *format, ...)
{
    struct buf args = { 0 };
    va_list list;
    va_start(list, format);
    belfry_err err = msg_pack_args(&args, format, list);
    va_end(list);
    if (err == BELFRY_OK)
        err = belfry_call_raw(target, timeout_ms, on_reply, user, event, (const char *)args.data,
                              args.size);
    buf_deinit(&args);
    return err;
}
