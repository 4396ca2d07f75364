/*
 * move.c - many members into a room or out of it, on all workers, in the order of what is said.
 *
 *   caller:       hold the room, a delivery into every inbox
 *   each worker:  at its place in the inbox: select, then act
 *   the last:     let the room go
 *
 * While a room is held, what is said in it goes to all workers of the namespace: some of them may
 * have the first members there when it arrives.
 */
#include "base/alloc.h"
#include "hub/hub.h"
#include "hub/nsp.h"

#define SMALLEST_CHOICE 64

/* Whom it concerns on one worker: collected first, for rooms must not change while they are walked.
 */
struct choice {
    struct member **members;
    size_t count;
    size_t capacity;
    bool is_partial; /* no memory for all of them */
};

static void choose(struct member *member, void *arg)
{
    struct choice *choice = arg;
    if (choice->count == choice->capacity) {
        size_t capacity = BELFRY_MAX(choice->capacity * 2, (size_t)SMALLEST_CHOICE);
        struct member **members = mem_realloc(choice->members, capacity * sizeof(struct member *));
        if (members == NULL) {
            choice->is_partial = true;
            return;
        }
        choice->members = members;
        choice->capacity = capacity;
    }
    choice->members[choice->count++] = member;
}

/* True for the last worker. */
static bool settle(struct hub_move *move, const struct hub_shard *shard, bool is_partial)
{
    struct hub_nsp *nsp = move->nsp;
    pthread_mutex_lock(&nsp->lock);
    nsp_part(nsp, shard)->moves--;
    move->is_partial = move->is_partial || is_partial;
    bool is_last = --move->pending == 0;
    if (is_last && move->is_join) {
        struct hub_room *room =
            nsp_find_room(nsp, move->room, map_hash(&nsp->hub->hash_key, move->room));
        BELFRY_ASSERT(room != NULL && room->holds > 0);
        room->holds--;
        nsp_drop_room_if_unused(nsp, room);
    }
    pthread_mutex_unlock(&nsp->lock);
    return is_last;
}

static void run_part(struct delivery *delivery, struct hub_shard *shard)
{
    struct hub_move *move = BELFRY_CONTAINER_OF(delivery, struct hub_move_part, delivery)->move;
    struct choice choice = { 0 };
    hub_each_selected(shard, move->nsp, &move->selection, choose, &choice);
    for (size_t i = 0; i < choice.count; i++)
        move->act(move, shard, choice.members[i]);
    mem_free(choice.members);
    if (settle(move, shard, choice.is_partial))
        move->done(move);
}

/* Under the lock. */
static belfry_err hold(struct hub_nsp *nsp, belfry_bytes name)
{
    belfry_err err = BELFRY_OK;
    struct hub_room *room = nsp_get_room(nsp, name, map_hash(&nsp->hub->hash_key, name), &err);
    if (room == NULL)
        return err;
    room->holds++;
    return BELFRY_OK;
}

belfry_err hub_move(struct hub_nsp *nsp, struct hub_shard *own, struct hub_move *move)
{
    struct hub *hub = nsp->hub;
    uint64_t to_wake = 0;
    if (hub_owner_of(hub, move->room) >= 0)
        return BELFRY_ERR_INVALID;
    if (own == NULL && nsp_is_over_bound(hub))
        return BELFRY_ERR_AGAIN;
    move->nsp = nsp;
    move->pending = hub->worker_count;
    move->is_partial = false;
    for (unsigned w = 0; w < hub->worker_count; w++)
        move->parts[w] = (struct hub_move_part){ .delivery.run = run_part, .move = move };
    pthread_mutex_lock(&nsp->lock);
    belfry_err err = move->is_join ? hold(nsp, move->room) : BELFRY_OK;
    for (unsigned w = 0; w < hub->worker_count && err == BELFRY_OK; w++) {
        nsp->shards[w].moves++;
        if (nsp_push(&hub->shards[w], &move->parts[w].delivery) && &hub->shards[w] != own)
            to_wake |= (uint64_t)1 << w;
    }
    pthread_mutex_unlock(&nsp->lock);
    nsp_wake_workers(hub, to_wake);
    if (err == BELFRY_OK && own != NULL)
        hub_drain(own);
    return err;
}
