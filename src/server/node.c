/*
 * node.c - a node's life, the rooms that it listens to, and what operators see of it.
 *
 *   first member of a room:  on_interest --job--> worker 0: cluster_listen
 *                            the newcomer's answers are held --> on_listening: go on
 *
 * Whoever was told that it is in a room hears what any node says there from then on. So what is
 * written to a newcomer in a room new to this node waits for Redis' word, but not for long: without
 * Redis the room is local, and that is said elsewhere (readiness, metrics, a gap for who resumes).
 */
#include "server/node.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "net/tls_client.h"
#include "server/conn.h"
#include "server/relay.h"
#include "server/sio_recovery.h"
#include "server/sock.h"

#define LINGER_MS 10000        /* a room that lost its last member is listened to for so long */
#define LINGER_PLAIN_MS 120000 /* and for so long, if there is a history to come back to */
#define GIVE_UP_MS 1000        /* on Redis' word: a newcomer is not kept longer */

/* --- making -----------------------------------------------------------------------------------*/

static belfry_err refuse_url(const char *why)
{
    return server_why(BELFRY_ERR_CONFIG, "cluster: %s", why);
}

static enum cluster_away away_of(const belfry_options *o, enum note_contract contract)
{
    switch (o->cluster_away) {
    case BELFRY_AWAY_DEFAULT:
        return contract == NOTE_STREAMS ? CLUSTER_HOLD : CLUSTER_DROP;
    case BELFRY_AWAY_DROP:
        return CLUSTER_DROP;
    case BELFRY_AWAY_QUEUE:
        return CLUSTER_QUEUE;
    case BELFRY_AWAY_HOLD:
        return CLUSTER_HOLD;
    case BELFRY_AWAY_LOCAL:
        return CLUSTER_LOCAL;
    }
    return CLUSTER_DROP;
}

static belfry_err check_away(const belfry_options *o, enum note_contract contract)
{
    bool is_stream = contract == NOTE_STREAMS;
    bool is_for_stream =
        o->cluster_away == BELFRY_AWAY_HOLD || o->cluster_away == BELFRY_AWAY_LOCAL;
    if (o->cluster_away == BELFRY_AWAY_DEFAULT || is_for_stream == is_stream)
        return BELFRY_OK;
    return server_why(BELFRY_ERR_CONFIG, "cluster_away: with %s it is %s",
                      is_stream ? "a stream" : "Pub/Sub",
                      is_stream ? "hold or local" : "drop or queue");
}

static belfry_err make_tls(struct node *node)
{
    const belfry_options *o = &node->server->options;
    const char *why = "";
    if (!node->url.is_tls)
        return BELFRY_OK;
    if (tls_client_context_new(&node->tls, o->cluster_ca[0] != '\0' ? o->cluster_ca : NULL, &why) ==
        BELFRY_OK)
        return BELFRY_OK;
    return server_why(BELFRY_ERR_TLS, "cluster_ca: %s", why);
}

static void open_outlet(struct node *node)
{
    struct hub *hub = &node->server->hub;
    hub->outlet.worker = 0;
    hub->outlet.loop = &node->worker->loop;
    hub->outlet.is_sequencer = node->url.contract == NOTE_STREAMS;
    hub->outlet.is_partial = !hub->outlet.is_sequencer;
    if (hub->outlet.is_sequencer)
        hub->epoch[0] = '\0'; /* ids are the stream's, whoever gives them out */
}

static void give_tag(struct belfry *server)
{
    uint32_t bits = 0;
    while (server->node_tag == 0) {
        random_fill(&server->env.random, &bits, sizeof bits);
        server->node_tag = bits & 0x3ffff;
    }
}

static void on_interest(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes room);
static void on_giving_up(struct timer *timer, uint64_t now_ms);

belfry_err node_new(struct belfry *server)
{
    const belfry_options *o = &server->options;
    char why[REDIS_URL_WHY];
    if (o->cluster[0] == '\0')
        return BELFRY_OK;
    struct node *node = mem_alloc_zeroed(sizeof *node);
    if (node == NULL)
        return BELFRY_ERR_NOMEM;
    server->node = node;
    node->server = server;
    node->worker = &server->workers[0];
    node->last_wait = &node->waits;
    node->giving_up.fire = on_giving_up;
    node->names = mem_alloc((size_t)2 * (NOTE_MAX_NAMES + 1) * sizeof *node->names);
    belfry_err err =
        node->names != NULL ? redis_url_parse(o->cluster, &node->url, why) : BELFRY_ERR_NOMEM;
    if (err != BELFRY_OK)
        return err == BELFRY_ERR_NOMEM ? err : refuse_url(why);
    err = check_away(o, node->url.contract);
    if (err == BELFRY_OK)
        err = make_tls(node);
    if (err != BELFRY_OK)
        return err;
    give_tag(server);
    open_outlet(node);
    if (node->url.contract != NOTE_STREAMS)
        server->hub.on_interest = on_interest;
    return BELFRY_OK;
}

struct node *node_free(struct node *node)
{
    if (node == NULL)
        return NULL;
    BELFRY_ASSERT(node->cluster == NULL);
    node->tls = tls_client_context_free(node->tls);
    redis_url_deinit(&node->url);
    buf_deinit(&node->extra);
    buf_deinit(&node->argument);
    mem_free(node->names);
    mem_free(node);
    return NULL;
}

/* --- up and down ------------------------------------------------------------------------------*/

static void run_refresh(struct worker *worker, struct job *job)
{
    node_refresh_sessions(worker, true);
    mem_free(job);
}

/* What was not kept while Redis was away, or lost with it. */
static void refresh_sessions(struct belfry *server)
{
    for (unsigned w = 0; w < server->worker_count; w++) {
        struct job *job = mem_alloc(sizeof *job);
        if (job == NULL)
            continue; /* within REFRESH_MS it is done anyway */
        *job = (struct job){ .run = run_refresh };
        belfry_err err = worker_post(&server->workers[w], job, false);
        BELFRY_ASSERT(err == BELFRY_OK);
    }
}

static void tell_local_gap(struct belfry_nsp *nsp, void *arg)
{
    (void)arg;
    hub_note_missed(nsp->hub, 0);
}

static void on_up(struct cluster *cluster, void *user)
{
    struct node *node = user;
    (void)cluster;
    atomic_store(&node->is_up, true);
    if (node->url.contract == NOTE_STREAMS)
        refresh_sessions(node->server);
    if (node->was_local) /* who was away meanwhile has missed what only members here heard */
        nsp_each(node->server, tell_local_gap, NULL);
    node->was_local = false;
    log_event(BELFRY_LOG_INFO, "cluster-up", NULL);
    node->has_said_down = false;
}

static void on_down(struct cluster *cluster, const char *why, void *user)
{
    struct node *node = user;
    (void)cluster;
    atomic_store(&node->is_up, false);
    relay_cluster_down(node->server);
    if (!node->has_said_down)
        log_event(BELFRY_LOG_WARN, "cluster-down", "why=%s", LOG_FIELD(bytes_of_text(why)));
    node->has_said_down = true;
}

bool node_is_ready(const struct belfry *server)
{
    return server->node == NULL || atomic_load(&server->node->is_up);
}

static void put_row(struct buf *out, const char *name, const char *labels, const char *type,
                    const char *help, uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s%s %llu\n", name, help, name, type, name, labels,
               (unsigned long long)value);
}

static void put_dropped(struct buf *out, const char *reason, atomic_ullong *count)
{
    buf_printf(out, "belfry_cluster_dropped_total{reason=\"%s\"} %llu\n", reason,
               (unsigned long long)atomic_load_explicit(count, memory_order_relaxed));
}

void node_put_metrics(const struct belfry *server, struct buf *out)
{
    if (server->node == NULL || server->node->cluster == NULL)
        return;
    struct cluster_counters *c = cluster_counters_of(server->node->cluster);
    put_row(out, "belfry_cluster_up", "", "gauge", "joined to the cluster through Redis",
            node_is_ready(server));
    put_row(out, "belfry_cluster_nodes", "", "gauge",
            "servers of the cluster, this one included, as last counted; 0: not yet",
            atomic_load(&c->nodes));
    put_row(out, "belfry_cluster_queued_bytes", "", "gauge", "bytes that wait for Redis",
            atomic_load(&c->queued_bytes));
    buf_printf(out,
               "# HELP belfry_cluster_messages_total messages to and from other servers\n"
               "# TYPE belfry_cluster_messages_total counter\n"
               "belfry_cluster_messages_total{direction=\"out\"} %llu\n"
               "belfry_cluster_messages_total{direction=\"in\"} %llu\n",
               (unsigned long long)atomic_load(&c->sent),
               (unsigned long long)atomic_load(&c->heard));
    buf_printf(out, "# HELP belfry_cluster_dropped_total messages that other servers may not have "
                    "heard, or this one not understood\n"
                    "# TYPE belfry_cluster_dropped_total counter\n");
    put_dropped(out, "away", &c->dropped_away);
    put_dropped(out, "queue-full", &c->dropped_full);
    put_dropped(out, "too-large", &c->dropped_large);
    put_dropped(out, "memory", &c->dropped_memory);
    put_dropped(out, "unconfirmed", &c->unconfirmed);
    put_dropped(out, "refused", &c->refused);
    put_dropped(out, "bad", &c->bad);
    put_row(out, "belfry_cluster_losses_total", "", "counter", "times a link to Redis was lost",
            atomic_load(&c->losses));
    put_row(out, "belfry_cluster_local_total", "", "counter",
            "messages that only members of this server heard (cluster_away local)",
            atomic_load(&c->said_locally));
    put_row(out, "belfry_cluster_resent_total", "", "counter",
            "entries that were added to the stream again behind a lost link",
            atomic_load(&c->resent));
    put_row(out, "belfry_cluster_recalls_total", "", "counter",
            "times Redis was asked for what a room said before this server knew it",
            atomic_load(&c->recalls));
}

static struct hub_nsp *find_hub(struct node *node, belfry_bytes name)
{
    struct belfry_nsp *nsp = nsp_find_existing(node->server, name);
    return nsp != NULL ? nsp->hub : NULL;
}

static void on_deaf(struct cluster *cluster, belfry_bytes name, void *user)
{
    struct node *node = user;
    struct hub_nsp *nsp = find_hub(node, name);
    (void)cluster;
    if (nsp != NULL)
        hub_note_missed(nsp, worker_wall_ms(node->worker));
}

static void on_hearing(struct cluster *cluster, belfry_bytes name, belfry_bytes room, bool is_heard,
                       void *user)
{
    struct node *node = user;
    struct hub_nsp *nsp = find_hub(node, name);
    (void)cluster;
    if (nsp != NULL)
        hub_hear_room(nsp, room, is_heard, worker_wall_ms(node->worker));
}

/* --- members are told of what did not come ----------------------------------------------------*/

struct missed_news {
    struct delivery delivery;
    struct belfry_nsp *nsp; /* used until it is told */
};

static void note_missed(belfry_sock *sock, void *arg)
{
    if (sock->nsp == arg)
        sock_note_missed(sock);
}

static void run_missed(struct delivery *delivery, struct hub_shard *shard)
{
    struct missed_news *news = BELFRY_CONTAINER_OF(delivery, struct missed_news, delivery);
    struct worker *worker = shard->owner;
    slots_each(&worker->slots, note_missed, news->nsp);
    nsp_release(news->nsp);
    mem_free(news);
}

/* Behind what they have heard, before what comes. */
static void tell_members(struct node *node, struct belfry_nsp *nsp)
{
    struct hub *hub = &node->server->hub;
    for (unsigned w = 0; w < hub->worker_count; w++) {
        struct missed_news *news = mem_alloc(sizeof *news);
        if (news == NULL) {
            counter_add(&node->worker->counters.dropped_memory, 1);
            continue;
        }
        *news = (struct missed_news){ .delivery.run = run_missed, .nsp = nsp };
        nsp_acquire(nsp);
        belfry_err err = hub_push(&hub->shards[w], node->worker->shard, &news->delivery);
        BELFRY_ASSERT(err == BELFRY_OK);
    }
}

/* --- the stream -------------------------------------------------------------------------------*/

static void begin_behind(struct belfry_nsp *nsp, void *arg)
{
    hub_begin_behind(nsp->hub, *(const struct message_id *)arg);
    if (nsp->server->node->has_begun)
        tell_members(nsp->server->node, nsp);
}

static void on_begin(struct cluster *cluster, struct message_id id, void *user)
{
    struct node *node = user;
    (void)cluster;
    /* The entry itself is still there: only what is before it is not. */
    if (id.seq > 0)
        id.seq--;
    else if (id.ms > 0)
        id = (struct message_id){ .ms = id.ms - 1, .seq = UINT64_MAX };
    nsp_each(node->server, begin_behind, &id);
    node->has_begun = true;
}

/* Worker 0's own inbox is emptied with each turn; it is the others that may be behind. */
static bool is_busy(struct cluster *cluster, void *user)
{
    const struct node *node = user;
    (void)cluster;
    return hub_is_congested(&node->server->hub);
}

/* --- rooms that are listened to ---------------------------------------------------------------*/

struct interest {
    struct job job;
    struct belfry_nsp *nsp; /* used until it is done */
    size_t room_size;
    char room[];
};

static void run_interest(struct worker *worker, struct job *job)
{
    struct interest *interest = BELFRY_CONTAINER_OF(job, struct interest, job);
    struct node *node = worker->server->node;
    belfry_bytes nsp = nsp_name(interest->nsp);
    belfry_bytes room = bytes_of(interest->room, interest->room_size);
    if (node->cluster != NULL) {
        if (hub_member_count(interest->nsp->hub, room) > 0)
            cluster_listen(node->cluster, nsp, room);
        else
            cluster_unlisten(node->cluster, nsp, room);
    }
    nsp_release(interest->nsp);
    mem_free(interest);
}

/* Looked at by worker 0, in its order: what is so then is what counts. */
static void on_interest(struct hub_shard *shard, struct hub_nsp *nsp, belfry_bytes room)
{
    struct worker *worker = shard->owner;
    struct belfry *server = worker->server;
    struct interest *interest = mem_alloc(sizeof *interest + room.size);
    if (interest == NULL) {
        counter_add(&worker->counters.dropped_memory, 1);
        return;
    }
    worker->has_new_room = true;
    *interest =
        (struct interest){ .job.run = run_interest, .nsp = nsp->owner, .room_size = room.size };
    memcpy(interest->room, room.data, room.size);
    nsp_acquire(nsp->owner);
    belfry_err err = worker_post(&server->workers[0], &interest->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

/* --- newcomers whose answers wait -------------------------------------------------------------*/

/* First a job for worker 0, then in its list, then a job for the socket's worker. */
struct node_wait {
    struct job job;
    struct node_wait *next;
    belfry_id sock;
    uint64_t mark;
    uint64_t since_ms;
};

static void run_let_out(struct worker *worker, struct job *job)
{
    struct node_wait *wait = BELFRY_CONTAINER_OF(job, struct node_wait, job);
    belfry_sock *sock = slots_find(&worker->slots, wait->sock);
    if (sock != NULL)
        conn_let_out(sock_ops_of(sock)->conn(sock));
    mem_free(wait);
}

static void let_out(struct node *node, struct node_wait *wait)
{
    struct worker *worker = &node->server->workers[slot_worker_of(wait->sock)];
    wait->job.run = run_let_out;
    belfry_err err = worker_post(worker, &wait->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

/* They are in the order of their marks, and of their times. */
static void let_out_until(struct node *node, uint64_t mark, uint64_t since_ms)
{
    while (node->waits != NULL &&
           (node->waits->mark <= mark || node->waits->since_ms <= since_ms)) {
        struct node_wait *wait = node->waits;
        node->waits = wait->next;
        if (node->waits == NULL)
            node->last_wait = &node->waits;
        let_out(node, wait);
    }
}

static void on_listening(struct cluster *cluster, uint64_t mark, void *user)
{
    struct node *node = user;
    (void)cluster;
    if (node->waits != NULL)
        let_out_until(node, mark, 0);
}

static void on_giving_up(struct timer *timer, uint64_t now_ms)
{
    struct node *node = BELFRY_CONTAINER_OF(timer, struct node, giving_up);
    let_out_until(node, 0, now_ms - GIVE_UP_MS);
    if (node->waits != NULL)
        timer_set(&node->worker->loop.timers, timer, node->waits->since_ms + GIVE_UP_MS);
}

static void run_wait(struct worker *worker, struct job *job)
{
    struct node_wait *wait = BELFRY_CONTAINER_OF(job, struct node_wait, job);
    struct node *node = worker->server->node;
    wait->mark = node->cluster != NULL ? cluster_mark(node->cluster) : 0;
    wait->since_ms = worker->loop.now_ms;
    if (wait->mark == 0) {
        let_out(node, wait);
        return;
    }
    *node->last_wait = wait;
    node->last_wait = &wait->next;
    if (!timer_is_set(&node->giving_up))
        timer_set(&worker->loop.timers, &node->giving_up, wait->since_ms + GIVE_UP_MS);
}

void node_await_rooms(struct belfry_sock *sock)
{
    struct worker *worker = sock_worker(sock);
    struct belfry *server = worker->server;
    if (!worker->has_new_room)
        return;
    worker->has_new_room = false;
    struct node_wait *wait = mem_alloc_zeroed(sizeof *wait);
    if (wait == NULL)
        return; /* it may hear some of it late */
    conn_shut_in(sock_ops_of(sock)->conn(sock));
    wait->job.run = run_wait;
    wait->sock = sock->member.id;
    belfry_err err = worker_post(&server->workers[0], &wait->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

/* --- namespaces -------------------------------------------------------------------------------*/

struct nsp_news {
    struct job job;
    bool is_new;
    size_t size;
    char name[];
};

static void add_to_cluster(struct node *node, belfry_bytes name)
{
    if (cluster_add_nsp(node->cluster, name) != BELFRY_OK)
        log_event(BELFRY_LOG_ERROR, "cluster-namespace", "namespace=%s why=memory",
                  LOG_FIELD(name));
}

static void run_nsp_news(struct worker *worker, struct job *job)
{
    struct nsp_news *news = BELFRY_CONTAINER_OF(job, struct nsp_news, job);
    struct node *node = worker->server->node;
    belfry_bytes name = bytes_of(news->name, news->size);
    struct belfry_nsp *nsp = nsp_find_existing(worker->server, name);
    if (node->cluster != NULL && nsp != NULL) {
        add_to_cluster(node, name);
        if (node->url.contract == NOTE_STREAMS) /* what was said there before is not in its log */
            hub_begin_behind(nsp->hub, cluster_place(node->cluster));
    }
    if (node->cluster != NULL && nsp == NULL)
        cluster_remove_nsp(node->cluster, name);
    mem_free(news);
}

static void post_nsp_news(struct belfry *server, belfry_bytes name)
{
    struct nsp_news *news = mem_alloc(sizeof *news + name.size);
    if (news == NULL)
        return; /* it stays as it is: in the cluster without members, or outside of it */
    *news = (struct nsp_news){ .job.run = run_nsp_news, .size = name.size };
    memcpy(news->name, name.data, name.size);
    belfry_err err = worker_post(&server->workers[0], &news->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

void node_add_nsp(struct belfry_nsp *nsp)
{
    struct belfry *server = nsp->server;
    if (server->node != NULL && atomic_load(&server->state) == SERVER_RUNNING)
        post_nsp_news(server, nsp_name(nsp));
}

void node_remove_nsp(struct belfry *server, belfry_bytes name)
{
    if (server->node != NULL && atomic_load(&server->state) == SERVER_RUNNING)
        post_nsp_news(server, name);
}

/* Whoever may come back to a room has not missed what was said there meanwhile. */
static void find_window(struct belfry_nsp *nsp, void *arg)
{
    uint32_t *longest_ms = arg;
    if (nsp->handlers->recovers)
        *longest_ms = BELFRY_MAX(*longest_ms, sio_recovery_window_ms(nsp));
}

static void add_existing(struct belfry_nsp *nsp, void *arg)
{
    add_to_cluster(arg, nsp_name(nsp));
}

/* --- joining and leaving ----------------------------------------------------------------------*/

belfry_err node_start(struct belfry *server)
{
    static const struct cluster_host host = {
        .on_note = node_on_note,
        .on_lost = node_on_lost,
        .on_up = on_up,
        .on_down = on_down,
        .on_deaf = on_deaf,
        .on_hearing = on_hearing,
        .on_begin = on_begin,
        .on_listening = on_listening,
        .is_busy = is_busy,
        .on_private = relay_on_private,
    };
    struct node *node = server->node;
    const belfry_options *o = &server->options;
    if (node == NULL)
        return BELFRY_OK;
    struct cluster_options options = {
        .url = &node->url,
        .tls = node->tls,
        .key = o->cluster_key,
        .away = away_of(o, node->url.contract),
        .max_queue_bytes = o->cluster_queue_bytes,
        .max_message_bytes = o->cluster_message_bytes,
        .ask_timeout_ms = o->cluster_timeout_ms,
        .stream_length = o->cluster_stream_length,
        .keeps_history = !o->cluster_stream_only,
        .memory_ms = (uint32_t)BELFRY_MIN(server->hub.log_age_ms, (uint64_t)UINT32_MAX),
        .limits = { .max_depth = JSON_MAX_DEPTH, .max_attachments = UINT8_MAX },
        .hash_key = &server->hub.hash_key,
    };
    options.linger_ms = (uint32_t)BELFRY_MIN((uint64_t)o->history_ms, (uint64_t)LINGER_PLAIN_MS);
    options.linger_ms = BELFRY_MAX(options.linger_ms, (uint32_t)LINGER_MS);
    nsp_each(server, find_window, &options.linger_ms);
    worker_node_text(server->node_tag, options.tag);
    node->cluster = cluster_new(&node->worker->loop, &server->env.random, &options, &host, node);
    if (node->cluster == NULL)
        return server_why(BELFRY_ERR_NOMEM, "out of memory");
    nsp_each(server, add_existing, node);
    cluster_start(node->cluster);
    return BELFRY_OK;
}

void node_stop(struct belfry *server)
{
    struct node *node = server->node;
    if (node == NULL)
        return;
    node->cluster = cluster_free(node->cluster);
    let_out_until(node, UINT64_MAX, UINT64_MAX);
    timer_cancel(&node->worker->loop.timers, &node->giving_up);
}

bool node_discard(struct belfry *server)
{
    struct hub *hub = &server->hub;
    struct post *rest = NULL;
    bool was_busy = false;
    if (server->node == NULL)
        return false;
    for (struct delivery *d; (d = hub_outlet_take(hub, &rest)) != NULL; was_busy = true) {
        if (d->message == NULL) {
            d->run(d, NULL);
            continue;
        }
        hub_tell(hub, d->message, BELFRY_ERR_GONE);
        message_unref(d->message);
    }
    return was_busy;
}

void node_turn_end(struct node *node)
{
    struct hub *hub = &node->server->hub;
    struct post *rest = NULL;
    if (node->cluster == NULL)
        return;
    for (struct delivery *d; (d = hub_outlet_take(hub, &rest)) != NULL;) {
        if (d->message != NULL)
            node_say_message(node, d->message);
        else
            d->run(d, node->worker->shard);
    }
    cluster_flush(node->cluster);
}
