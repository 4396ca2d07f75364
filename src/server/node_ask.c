/*
 * node_ask.c - what this server asks of the others, from any thread, and how many they are.
 *
 * A question takes its place in the hub's outlet, behind what was said before it. Whatever becomes
 * of the cluster, its last call (DONE or PARTIAL) comes.
 */
#include "base/alloc.h"
#include "server/node.h"

struct question {
    struct delivery delivery;
    struct note *note;
    uint32_t timeout_ms;
    cluster_ask_fn *heard;
    void *user;
};

static void run_question(struct delivery *delivery, struct hub_shard *shard)
{
    struct question *q = BELFRY_CONTAINER_OF(delivery, struct question, delivery);
    struct cluster_ask *ask = NULL;
    if (shard != NULL) {
        const struct worker *worker = shard->owner;
        struct cluster *cluster = worker->server->node->cluster;
        if (cluster != NULL)
            ask = cluster_ask(cluster, q->note, q->timeout_ms, q->heard, q->user);
    }
    if (ask == NULL)
        q->heard(NULL, CLUSTER_PARTIAL, 0, NULL, q->user);
    mem_free(q->note);
    mem_free(q);
}

belfry_err node_ask(struct belfry *server, const struct note *note, uint32_t timeout_ms,
                    cluster_ask_fn *heard, void *user)
{
    struct worker *own = worker_current_of(server);
    struct question *q = mem_alloc(sizeof *q);
    struct note *copy = q != NULL ? node_copy_note(note) : NULL;
    if (copy == NULL) {
        mem_free(q);
        return server_outcome(BELFRY_ERR_NOMEM);
    }
    *q = (struct question){ .delivery.run = run_question,
                            .note = copy,
                            .timeout_ms = timeout_ms,
                            .heard = heard,
                            .user = user };
    hub_outlet_push(&server->hub, own != NULL ? own->shard : NULL, &q->delivery);
    return BELFRY_OK;
}

/* --- how many servers there are ---------------------------------------------------------------*/

struct count {
    struct delivery delivery;
    struct job job; /* the answer, on the worker that asked */
    struct worker *home;
    belfry_nsp *nsp; /* used */
    belfry_count_handler on_count;
    void *user;
    unsigned nodes;
};

static void run_answer(struct worker *worker, struct job *job)
{
    struct count *count = BELFRY_CONTAINER_OF(job, struct count, job);
    (void)worker;
    bool is_known = count->nodes > 0;
    count->on_count(is_known ? BELFRY_OK : BELFRY_ERR_PARTIAL, is_known ? count->nodes : 1,
                    count->user);
    nsp_release(count->nsp);
    mem_free(count);
}

static void on_nodes(unsigned nodes, void *user)
{
    struct count *count = user;
    count->nodes = nodes;
    count->job.run = run_answer;
    belfry_err err = worker_post(count->home, &count->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

static void run_count(struct delivery *delivery, struct hub_shard *shard)
{
    struct count *count = BELFRY_CONTAINER_OF(delivery, struct count, delivery);
    const struct worker *worker = shard != NULL ? shard->owner : NULL;
    struct cluster *cluster = worker != NULL ? worker->server->node->cluster : NULL;
    if (cluster == NULL || !cluster_count(cluster, nsp_name(count->nsp), on_nodes, count))
        on_nodes(0, count);
}

belfry_err belfry_server_count(belfry_nsp *nsp, belfry_count_handler on_count, void *user)
{
    if (nsp == NULL || nsp->hub == NULL || on_count == NULL)
        return server_why(BELFRY_ERR_INVALID, "a namespace that is no parent, and on_count");
    struct belfry *server = nsp->server;
    struct worker *own = worker_current_of(server);
    struct count *count = mem_alloc_zeroed(sizeof *count);
    if (count == NULL)
        return server_outcome(BELFRY_ERR_NOMEM);
    nsp_acquire(nsp);
    count->home = own != NULL ? own : &server->workers[0];
    count->nsp = nsp;
    count->on_count = on_count;
    count->user = user;
    if (server->node == NULL) {
        on_nodes(1, count);
        return BELFRY_OK;
    }
    count->delivery.run = run_count;
    hub_outlet_push(&server->hub, own != NULL ? own->shard : NULL, &count->delivery);
    return BELFRY_OK;
}
