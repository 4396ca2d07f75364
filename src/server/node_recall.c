/*
 * node_recall.c - what a newcomer lacks that others have: it comes from another server of the
 * cluster and has heard more than this one has read, or wants what was said before this one began.
 *
 *   hub_join_lacks, hub_enter_lacks
 *     NEWER   wait until the stream was read that far        --.
 *     OLDER   ask Redis what each of the rooms said, in turn  --+--> home: the join goes on
 */
#include "base/alloc.h"
#include "server/node.h"

#define MOST_ENTRIES 10000             /* of one room */
#define MOST_BYTES ((uint64_t)8 << 20) /* of all rooms of one newcomer */

struct recall {
    struct delivery delivery; /* to worker 0, behind what was said here before */
    struct job job;           /* and back */
    struct worker *home;
    struct node *node;
    struct belfry_nsp *nsp; /* used */
    belfry_id sock;
    node_recalled_fn *done;
    void *arg;
    bool is_older; /* Redis is asked */
    bool has_since;
    bool is_known; /* so far, all of it */
    bool has_tip;  /* of one of the rooms */
    struct message_id since;
    uint32_t latest;
    struct hub_older older;
    uint64_t bytes;
    uint64_t oldest_ms; /* of the room being asked for: what was said before it remembers no more */
    unsigned next;      /* of @rooms */
    unsigned room_count;
    belfry_bytes rooms[]; /* their texts lie behind */
};

/* --- home again -------------------------------------------------------------------------------*/

static void run_recalled(struct worker *worker, struct job *job)
{
    struct recall *r = BELFRY_CONTAINER_OF(job, struct recall, job);
    belfry_sock *sock = slots_find(&worker->slots, r->sock);
    bool is_usable = r->is_older && r->is_known;
    message_list_put_in_order(&r->older.messages); /* what was said to two of the rooms is twice */
    if (sock != NULL)
        sock_catch_up(sock);
    r->done(sock, is_usable ? &r->older : NULL, r->arg);
    message_list_deinit(&r->older.messages);
    nsp_release(r->nsp);
    mem_free(r);
}

static void send_home(struct recall *r)
{
    r->job.run = run_recalled;
    belfry_err err = worker_post(r->home, &r->job, false);
    BELFRY_ASSERT(err == BELFRY_OK);
}

/* --- worker 0 ---------------------------------------------------------------------------------*/

static void raise_floor(struct recall *r, struct message_id to)
{
    if (message_id_compare(r->older.floor, to) < 0)
        r->older.floor = to;
}

static void on_heard(struct message_id id, const struct note *note, belfry_bytes extra, void *user)
{
    struct recall *r = user;
    if (id.ms < r->oldest_ms) {
        raise_floor(r, id);
        return;
    }
    struct message *m = node_message_of(r->node, note, extra);
    if (m == NULL || message_list_add(&r->older.messages, m) != BELFRY_OK) {
        message_unref(m);
        r->is_known = false;
        return;
    }
    hub_make_past(r->nsp->hub, m, id);
    r->bytes += m->cost;
}

static void ask_next(struct recall *r);

static void on_done(bool is_known, struct message_id floor, struct message_id tip, void *user)
{
    struct recall *r = user;
    r->is_known = r->is_known && is_known;
    raise_floor(r, floor);
    if (!r->has_tip || message_id_compare(tip, r->older.tip) < 0)
        r->older.tip = tip;
    r->has_tip = true;
    if (r->bytes >= MOST_BYTES && r->next < r->room_count)
        raise_floor(r, tip); /* what the other rooms said is not asked for */
    if (r->is_known && r->bytes < MOST_BYTES)
        ask_next(r);
    else
        send_home(r);
}

/* A room that remembers nothing is no question: who comes back to it has a gap. */
static void ask_next(struct recall *r)
{
    static const struct cluster_recall_hooks hooks = { on_heard, on_done };
    const struct hub *hub = &r->node->server->hub;
    while (r->next < r->room_count) {
        belfry_bytes room = r->rooms[r->next++];
        const struct history_limits *limits =
            room.size > 0 ? hub_limits_of(hub, room) : &hub->limits.history;
        uint64_t wall_ms = worker_wall_ms(r->node->worker);
        struct cluster_recall_wish wish = {
            .nsp = nsp_name(r->nsp),
            .room = room,
            .since = r->has_since ? &r->since : NULL,
            .most =
                BELFRY_MIN(r->has_since ? limits->max_messages : r->latest, (uint32_t)MOST_ENTRIES),
            .most_bytes = MOST_BYTES - r->bytes,
            .age_ms = limits->max_age_ms,
        };
        if (limits->max_messages == 0)
            continue;
        r->oldest_ms = wall_ms > limits->max_age_ms ? wall_ms - limits->max_age_ms : 0;
        if (cluster_recall(r->node->cluster, &wish, &hooks, r))
            return;
        r->is_known = false;
        break;
    }
    send_home(r);
}

static void on_place(void *user)
{
    struct recall *r = user;
    if (r->is_older)
        ask_next(r);
    else
        send_home(r);
}

static void run_recall(struct delivery *delivery, struct hub_shard *shard)
{
    struct recall *r = BELFRY_CONTAINER_OF(delivery, struct recall, delivery);
    if (shard == NULL || r->node->cluster == NULL) {
        r->is_known = false;
        send_home(r);
        return;
    }
    struct message_id since = r->has_since ? r->since : (struct message_id){ 0 };
    cluster_await_place(r->node->cluster, since, on_place, r);
}

/* --- from home --------------------------------------------------------------------------------*/

static struct recall *new_recall(const struct node_recall_wish *wish)
{
    unsigned count = wish->room_count + (wish->hears_everyone ? 1 : 0);
    size_t size = count * sizeof(belfry_bytes);
    for (unsigned i = 0; i < wish->room_count; i++)
        size += wish->rooms[i].size;
    struct recall *r = mem_alloc_zeroed(sizeof *r + size);
    if (r == NULL)
        return NULL;
    char *at = (char *)&r->rooms[count];
    for (unsigned i = 0; i < wish->room_count; i++) {
        memcpy(at, wish->rooms[i].data, wish->rooms[i].size);
        r->rooms[i] = bytes_of(at, wish->rooms[i].size);
        at += wish->rooms[i].size;
    }
    r->room_count = count; /* the last one may be empty: everyone */
    return r;
}

bool node_recall(belfry_sock *sock, const struct node_recall_wish *wish, node_recalled_fn *done,
                 void *arg)
{
    struct worker *worker = sock_worker(sock);
    struct node *node = worker->server->node;
    if (node == NULL || node->url.contract != NOTE_STREAMS || wish->lack == HUB_LACKS_NOTHING)
        return false;
    struct recall *r = new_recall(wish);
    if (r == NULL)
        return false;
    r->delivery.run = run_recall;
    r->home = worker;
    r->node = node;
    r->nsp = sock->nsp;
    r->sock = sock->member.id;
    r->done = done;
    r->arg = arg;
    r->is_older = wish->lack == HUB_LACKS_OLDER;
    r->is_known = true;
    r->has_since = wish->has_since;
    r->since = wish->since;
    r->latest = wish->latest;
    nsp_acquire(sock->nsp);
    hub_outlet_push(&worker->server->hub, worker->shard, &r->delivery);
    return true;
}
