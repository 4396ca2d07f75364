/*
 * presence.c - names for small rooms; for large ones a list of rooms whose count is due.
 *
 * The room itself remembers (under its namespace's lock) that some worker will announce its count,
 * so however many come and go, one message a second leaves.
 */
#include "server/presence.h"

#include <stdio.h>

#include "base/alloc.h"
#include "server/encode.h"
#include "server/server.h"

#define COUNT_DELAY_MS 1000

struct presence_room {
    struct presence_room *next;
    struct hub_nsp *nsp;
    size_t size;
    char name[];
};

struct presence {
    struct worker *worker;
    struct timer timer;
    struct presence_room *due;
};

static void publish(struct worker *worker, struct hub_nsp *nsp, struct message_spec spec,
                    uint32_t members)
{
    char digits[16];
    struct belfry *server = worker->server;
    spec.args = bytes_of(digits, (size_t)snprintf(digits, sizeof digits, "%u", members));
    spec.flags |= MESSAGE_UNLOGGED;
    spec.wall_ms = worker_wall_ms(worker);
    struct message *m = message_new(&spec, &server->hub.hash_key, server->worker_count);
    struct hub_published published;
    if (m != NULL)
        (void)hub_publish(nsp, worker->shard, m, &published);
    else
        counter_add(&worker->counters.dropped_memory, 1);
}

static void announce_counts(struct timer *timer, uint64_t now_ms)
{
    struct presence *presence = BELFRY_CONTAINER_OF(timer, struct presence, timer);
    struct worker *worker = presence->worker;
    (void)now_ms;
    while (presence->due != NULL) {
        struct presence_room *room = presence->due;
        presence->due = room->next;
        belfry_bytes name = bytes_of(room->name, room->size);
        uint32_t members = hub_take_count(room->nsp, name);
        /* Each server counts its own. */
        struct message_spec spec = {
            .kind = KIND_COUNT, .flags = MESSAGE_LOCAL, .room_count = 1, .rooms = { name }
        };
        if (members > 0)
            publish(worker, room->nsp, spec, members);
        mem_free(room);
    }
}

static void announce_count_soon(struct worker *worker, struct hub_nsp *nsp, belfry_bytes name)
{
    struct presence *presence = worker->presence;
    if (!hub_mark_count_due(nsp, name))
        return;
    struct presence_room *room = mem_alloc(sizeof *room + name.size);
    if (room == NULL) {
        (void)hub_take_count(nsp, name); /* the next change tries again */
        return;
    }
    *room = (struct presence_room){ .next = presence->due, .nsp = nsp, .size = name.size };
    memcpy(room->name, name.data, name.size);
    presence->due = room;
    if (!timer_is_set(&presence->timer))
        timer_set(&worker->loop.timers, &presence->timer, worker->loop.now_ms + COUNT_DELAY_MS);
}

void presence_announce(const belfry_sock *sock, belfry_bytes room, enum presence_change change,
                       uint32_t members)
{
    struct worker *worker = sock_worker(sock);
    uint32_t limit = worker->server->options.presence_limit;
    if (members > limit) {
        announce_count_soon(worker, sock->nsp->hub, room);
        return;
    }
    bool is_alone = members == 0 || (members == 1 && change == PRESENCE_JOINED);
    if (is_alone && worker->server->node == NULL)
        return; /* nobody else is there; in a cluster, who knows */
    struct message_spec spec = { .kind =
                                     change == PRESENCE_JOINED ? KIND_USER_JOINED : KIND_USER_LEFT,
                                 .room_count = 1,
                                 .rooms = { room },
                                 .except_member = sock->member.id,
                                 .sender = bytes_of(sock->public_id, PUBLIC_ID_SIZE),
                                 .user = bytes_of_text(sock->user) };
    publish(worker, sock->nsp->hub, spec, members);
}

void presence_init(struct worker *worker)
{
    struct presence *presence = mem_alloc_zeroed(sizeof *presence);
    worker->presence = presence;
    if (presence == NULL)
        return;
    presence->worker = worker;
    presence->timer.fire = announce_counts;
}

void presence_deinit(struct worker *worker)
{
    struct presence *presence = worker->presence;
    if (presence == NULL)
        return;
    timer_cancel(&worker->loop.timers, &presence->timer);
    while (presence->due != NULL) {
        struct presence_room *room = presence->due;
        presence->due = room->next;
        mem_free(room);
    }
    mem_free(presence);
    worker->presence = NULL;
}
