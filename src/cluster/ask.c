/*
 * ask.c - questions to all other nodes.
 *
 *   PUBSUB NUMSUB ---> how many there are          } in one write
 *   PUBLISH request -> they answer, or do not      }
 *
 * Done when as many have answered as there are; partial when time is up, or a link is lost, through
 * which answers may have gone.
 */
#include <stdio.h>

#include <belfry/options.h>

#include "base/alloc.h"
#include "cluster/node.h"

static bool has_id(const struct map_node *node, const void *context)
{
    const struct cluster_ask *ask = BELFRY_CONTAINER_OF(node, struct cluster_ask, by_id);
    return bytes_equal_text(*(const belfry_bytes *)context, ask->id);
}

static struct cluster_ask *find(struct cluster *c, belfry_bytes id)
{
    struct map_node *node = map_find(&c->asks, map_hash(c->options.hash_key, id), has_id, &id);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct cluster_ask, by_id) : NULL;
}

static void unlist(struct cluster_ask *ask)
{
    struct cluster *c = ask->cluster;
    timer_cancel(&c->loop->timers, &ask->timer);
    map_remove(&c->asks, &ask->by_id);
    *ask->link = ask->next;
    if (ask->next != NULL)
        ask->next->link = ask->link;
}

void cluster_ask_end(struct cluster_ask *ask)
{
    unlist(ask);
    mem_free(ask);
}

static void finish(struct cluster_ask *ask, enum cluster_heard what)
{
    unlist(ask);
    ask->heard(ask, what, ask->answers, NULL, ask->user);
    mem_free(ask);
}

/* Does one answer of each node end it? */
static bool counts_answers(const struct cluster_ask *ask)
{
    return ask->type != NOTE_BROADCAST;
}

static void finish_if_done(struct cluster_ask *ask)
{
    if (counts_answers(ask) && ask->knows_nodes && ask->answers >= ask->nodes)
        finish(ask, CLUSTER_DONE);
}

static void on_timeout(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    finish(BELFRY_CONTAINER_OF(timer, struct cluster_ask, timer), CLUSTER_PARTIAL);
}

void ask_end_all(struct cluster *c)
{
    while (c->first_ask != NULL)
        finish(c->first_ask, CLUSTER_PARTIAL);
}

void ask_hear(struct cluster *c, const struct note *note)
{
    struct cluster_ask *ask = find(c, note->request_id);
    if (ask == NULL)
        return;
    cluster_count_one(&c->counters.heard);
    ask->answers++;
    ask->heard(ask, CLUSTER_ANSWER, 1, note, ask->user);
    ask = find(c, note->request_id); /* it may have ended it */
    if (ask != NULL)
        finish_if_done(ask);
}

/* --- counting nodes ---------------------------------------------------------------------------*/

struct census {
    struct cluster *cluster;
    char ask_id[ASK_ID_SIZE + 1];
    void (*counted)(unsigned nodes, void *user);
    void *user;
    bool is_root;
};

static unsigned nodes_in(const struct resp *reply)
{
    bool is_count = reply != NULL && reply->type == RESP_ARRAY && reply->count == 2 &&
                    reply->items[1].type == RESP_INTEGER;
    return is_count ? (unsigned)reply->items[1].integer : 0;
}

static void on_count(struct link *link, const struct resp *reply, void *user, void *arg)
{
    struct cluster *c = user;
    struct census *census = arg;
    unsigned nodes = nodes_in(reply);
    (void)link;
    if (census->is_root && nodes > 0)
        atomic_store_explicit(&c->counters.nodes, nodes, memory_order_relaxed);
    if (census->counted != NULL)
        census->counted(nodes, census->user);
    struct cluster_ask *ask =
        census->ask_id[0] != '\0' ? find(c, bytes_of_text(census->ask_id)) : NULL;
    mem_free(census);
    if (ask == NULL)
        return;
    if (nodes == 0) {
        finish(ask, CLUSTER_PARTIAL);
        return;
    }
    ask->knows_nodes = true;
    ask->nodes = nodes - 1;
    char id[ASK_ID_SIZE + 1];
    memcpy(id, ask->id, sizeof id);
    ask->heard(ask, CLUSTER_NODES, ask->nodes, NULL, ask->user);
    ask = find(c, bytes_of_text(id));
    if (ask != NULL)
        finish_if_done(ask);
}

static belfry_err count_nodes(struct cluster *c, belfry_bytes nsp, const struct census *what)
{
    bool is_sharded = c->contract == NOTE_SHARDED;
    belfry_bytes argv[] = {
        BELFRY_BYTES("PUBSUB"), is_sharded ? BELFRY_BYTES("SHARDNUMSUB") : BELFRY_BYTES("NUMSUB"),
        channel_name(c, c->contract == NOTE_CLASSIC ? "-request" : "", nsp, bytes_of(NULL, 0))
    };
    struct census *census = argv[2].size > 0 ? mem_alloc(sizeof *census) : NULL;
    if (census == NULL)
        return BELFRY_ERR_NOMEM;
    *census = *what;
    census->is_root = bytes_equal_text(nsp, "/");
    belfry_err err = link_command(c->publisher, argv, 3, on_count, census, 0);
    if (err != BELFRY_OK)
        mem_free(census);
    return err;
}

bool cluster_count(struct cluster *c, belfry_bytes nsp, void (*counted)(unsigned nodes, void *user),
                   void *user)
{
    return count_nodes(c, nsp,
                       &(struct census){ .cluster = c, .counted = counted, .user = user }) ==
           BELFRY_OK;
}

/* --- asking -----------------------------------------------------------------------------------*/

static void make_id(struct cluster *c, char out[ASK_ID_SIZE + 1])
{
    uint8_t bytes[ASK_ID_SIZE / 2];
    random_fill(&c->random, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void list(struct cluster *c, struct cluster_ask *ask)
{
    ask->by_id.hash = map_hash(c->options.hash_key, bytes_of_text(ask->id));
    map_insert(&c->asks, &ask->by_id);
    ask->next = c->first_ask;
    ask->link = &c->first_ask;
    if (ask->next != NULL)
        ask->next->link = &ask->next;
    c->first_ask = ask;
}

struct cluster_ask *cluster_ask(struct cluster *c, const struct note *note, uint32_t timeout_ms,
                                cluster_ask_fn *heard, void *user)
{
    struct cluster_ask *ask = mem_alloc_zeroed(sizeof *ask);
    if (ask == NULL)
        return NULL;
    ask->cluster = c;
    ask->type = note->type;
    ask->heard = heard;
    ask->user = user;
    ask->timer.fire = on_timeout;
    make_id(c, ask->id);
    list(c, ask);
    uint32_t wait_ms = timeout_ms != 0 ? timeout_ms : c->options.ask_timeout_ms;
    if (wait_ms != BELFRY_OFF)
        timer_set(&c->loop->timers, &ask->timer, c->loop->now_ms + wait_ms);
    struct census census = { .cluster = c };
    memcpy(census.ask_id, ask->id, sizeof census.ask_id);
    struct note mine = *note;
    mine.request_id = bytes_of_text(ask->id);
    /* Partial from the start: told at once, but not before this has returned. */
    if (!link_is_up(c->publisher) || count_nodes(c, note->nsp, &census) != BELFRY_OK ||
        cluster_say(c, &mine) != BELFRY_OK)
        timer_set(&c->loop->timers, &ask->timer, c->loop->now_ms);
    return ask;
}
