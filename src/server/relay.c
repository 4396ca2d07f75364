/*
 * relay.c - what goes between workers and nodes, and who is still there.
 *
 *   worker: relay_say --outlet--> worker 0: PUBLISH <tag> --how many heard it--> job: said
 *   worker 0: relay_on_private --job--> the worker that it concerns
 */
#include "server/relay.h"

#include "base/alloc.h"
#include "server/eio_session.h"
#include "server/relay_in.h"

#define WATCH_MS 2000

bool relay_owner_of(const struct belfry *server, belfry_bytes sid, struct relay_tag *out_tag,
                    unsigned *out_worker)
{
    struct public_id_owner owner;
    if (server->node == NULL || !worker_split_public_id(sid, &owner) ||
        owner.node == server->node_tag || owner.node == 0)
        return false;
    worker_node_text(owner.node, out_tag->text);
    *out_worker = owner.worker;
    return true;
}

/* --- saying -----------------------------------------------------------------------------------*/

struct saying {
    struct delivery delivery;
    struct job job;
    struct worker *home;
    relay_said_fn *said;
    struct relay_tag tag;
    uint64_t id;
    int nodes;
    struct buf payload;
};

static void free_saying(struct saying *saying)
{
    buf_deinit(&saying->payload);
    mem_free(saying);
}

static void run_said(struct worker *worker, struct job *job)
{
    struct saying *saying = BELFRY_CONTAINER_OF(job, struct saying, job);
    saying->said(worker, &saying->tag, saying->id, saying->nodes);
    free_saying(saying);
}

static void on_sent(int nodes, void *user)
{
    struct saying *saying = user;
    saying->nodes = nodes;
    saying->job.run = run_said;
    belfry_err err = worker_post(saying->home, &saying->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

static void run_saying(struct delivery *delivery, struct hub_shard *shard)
{
    struct saying *saying = BELFRY_CONTAINER_OF(delivery, struct saying, delivery);
    const struct worker *worker = shard != NULL ? shard->owner : NULL;
    struct cluster *cluster = worker != NULL ? worker->server->node->cluster : NULL;
    belfry_err err = BELFRY_ERR_GONE;
    bool is_asked = saying->said != NULL;
    if (cluster != NULL)
        err = cluster_whisper(cluster, saying->tag.text, buf_bytes(&saying->payload),
                              is_asked ? on_sent : NULL, saying);
    if (err != BELFRY_OK && is_asked)
        on_sent(-1, saying);
    else if (!is_asked)
        free_saying(saying);
}

belfry_err relay_say(struct worker *worker, const struct relay_tag *tag, struct relay_message *m,
                     relay_said_fn *said)
{
    char own[RELAY_TAG_SIZE + 1];
    struct saying *saying = mem_alloc_zeroed(sizeof *saying);
    if (saying == NULL)
        return BELFRY_ERR_NOMEM;
    worker_node_text(worker->server->node_tag, own);
    m->from = bytes_of(own, RELAY_TAG_SIZE);
    relay_put(&saying->payload, m);
    m->from = bytes_of(NULL, 0);
    if (buf_failed(&saying->payload)) {
        free_saying(saying);
        return BELFRY_ERR_NOMEM;
    }
    saying->delivery.run = run_saying;
    saying->home = worker;
    saying->said = said;
    saying->tag = *tag;
    saying->id = m->id;
    hub_outlet_push(&worker->server->hub, worker->shard, &saying->delivery);
    return BELFRY_OK;
}

/* --- hearing ----------------------------------------------------------------------------------*/

static void hear(struct worker *worker, const struct relay_message *m)
{
    switch (m->kind) {
    case RELAY_REQUEST:
    case RELAY_LOST:
        relay_in_hear(worker, m);
        break;
    case RELAY_OPEN:
    case RELAY_UP:
    case RELAY_UP_TAKEN:
    case RELAY_UP_CLOSE:
        tunnel_in_hear(worker, m);
        break;
    case RELAY_TAKEN:
        node_hear_taken(worker, m);
        break;
    case RELAY_ANSWER:
        relay_out_hear(worker, m);
        break;
    case RELAY_DOWN:
    case RELAY_DOWN_TAKEN:
    case RELAY_DOWN_CLOSE:
        tunnel_out_hear(worker, m);
        break;
    case RELAY_PING:
    case RELAY_KIND_END:
        break;
    }
}

/* Exchanges for others are begun on worker 0; the rest knows its worker. */
static struct worker *worker_for(struct belfry *server, const struct relay_message *m)
{
    unsigned index = m->worker;
    if (m->kind == RELAY_REQUEST || m->kind == RELAY_LOST || m->kind == RELAY_PING)
        index = 0;
    else if (m->kind >= RELAY_ANSWER)
        index = (unsigned)(m->id & 63); /* the relay's own ids */
    return index < server->worker_count ? &server->workers[index] : NULL;
}

struct hearing {
    struct job job;
    struct buf payload;
};

static void run_hearing(struct worker *worker, struct job *job)
{
    struct hearing *hearing = BELFRY_CONTAINER_OF(job, struct hearing, job);
    struct relay_message m;
    if (relay_read(buf_bytes(&hearing->payload), &m))
        hear(worker, &m);
    buf_deinit(&hearing->payload);
    mem_free(hearing);
}

static void hand_on(struct worker *worker, belfry_bytes payload)
{
    struct hearing *hearing = mem_alloc_zeroed(sizeof *hearing);
    if (hearing == NULL || buf_append(&hearing->payload, payload.data, payload.size) != BELFRY_OK) {
        mem_free(hearing);
        counter_add(&cluster_counters_of(worker->server->node->cluster)->dropped_memory, 1);
        return; /* whoever waits gives up in time */
    }
    hearing->job.run = run_hearing;
    belfry_err err = worker_post(worker, &hearing->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

void relay_on_private(struct cluster *cluster, belfry_bytes payload, void *user)
{
    struct node *node = user;
    struct relay_message m;
    struct worker *worker = NULL;
    if (relay_read(payload, &m))
        worker = worker_for(node->server, &m);
    else
        counter_add(&cluster_counters_of(cluster)->bad, 1);
    if (worker == node->worker)
        hear(worker, &m);
    else if (worker != NULL)
        hand_on(worker, payload);
}

/* --- who is still there -----------------------------------------------------------------------*/

static void fail(struct worker *worker, const struct relay_tag *tag)
{
    relay_out_fail(worker, tag, false);
    tunnel_out_fail(worker, tag);
    tunnel_in_fail(worker, tag);
}

static void on_pinged(struct worker *worker, const struct relay_tag *tag, uint64_t id, int nodes)
{
    (void)id;
    if (nodes == 0)
        fail(worker, tag);
}

static void ping(struct worker *worker, const struct relay_tag *tag)
{
    struct relay_message m = { .kind = RELAY_PING };
    (void)relay_say(worker, tag, &m, on_pinged); /* the next one comes soon */
}

static void on_watch(struct timer *timer, uint64_t now_ms)
{
    struct worker *worker = BELFRY_CONTAINER_OF(timer, struct worker, relay.timer);
    relay_out_expire(worker);
    relay_each_tag(worker, ping);
    if (worker->relay.count > 0)
        timer_set(&worker->loop.timers, timer, now_ms + WATCH_MS);
}

void relay_watch(struct worker *worker)
{
    if (!timer_is_set(&worker->relay.timer))
        timer_set(&worker->loop.timers, &worker->relay.timer, worker->loop.now_ms + WATCH_MS);
}

static void run_down(struct worker *worker, struct job *job)
{
    relay_out_fail(worker, NULL, true);
    tunnel_out_fail(worker, NULL);
    tunnel_in_fail(worker, NULL);
    mem_free(job);
}

void relay_cluster_down(struct belfry *server)
{
    for (unsigned w = 0; w < server->worker_count; w++) {
        struct job *job = mem_alloc(sizeof *job);
        if (job == NULL)
            continue; /* they give up in time */
        *job = (struct job){ .run = run_down };
        belfry_err err = worker_post(&server->workers[w], job, false);
        BELFRY_ASSERT(err == BELFRY_OK);
    }
}

/* --- life -------------------------------------------------------------------------------------*/

void relay_init(struct worker *worker)
{
    worker->relay.timer.fire = on_watch;
}

void relay_deinit(struct worker *worker)
{
    struct relay *r = &worker->relay;
    timer_cancel(&worker->loop.timers, &r->timer);
    relay_in_deinit(worker);
    BELFRY_ASSERT(r->first_out == NULL && r->first_tunnel_out == NULL);
    tunnel_in_fail(worker, NULL);
    map_deinit(&r->out);
    map_deinit(&r->tunnels_out);
    map_deinit(&r->tunnels_in);
    map_deinit(&r->in);
}
