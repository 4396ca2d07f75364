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
#include "base/buf.h"
#include "hub/hub.h"
#include "hub/nsp.h"

/* Collected first: rooms must not change while they are walked. */
static void choose(struct member *member, void *arg)
{
    buf_put(arg, &member, sizeof(struct member *));
}

/* True for the last worker. */
static bool settle(struct hub_move *move, const struct hub_shard *shard, bool is_partial)
{
    struct hub_nsp *nsp = move->nsp;
    pthread_mutex_lock(&nsp->lock);
    nsp_part(nsp, shard)->moves--;
    move->is_partial = move->is_partial || is_partial;
    bool is_last = --move->pending == 0;
    if (is_last && move->held != NULL) {
        move->held->holds--;
        nsp_drop_room_if_unused(nsp, move->held);
    }
    pthread_mutex_unlock(&nsp->lock);
    return is_last;
}

static void run_part(struct delivery *delivery, struct hub_shard *shard)
{
    struct hub_move *move = BELFRY_CONTAINER_OF(delivery, struct hub_move_part, delivery)->move;
    struct buf chosen = { 0 };
    hub_each_selected(shard, move->nsp, &move->selection, choose, &chosen);
    bool is_partial = buf_failed(&chosen);
    struct member *const *members = (struct member *const *)(const void *)chosen.data;
    for (size_t i = 0; i < chosen.size / sizeof(struct member *); i++) {
        if (move->act(move, shard, members[i]) == BELFRY_ERR_NOMEM)
            is_partial = true;
    }
    buf_deinit(&chosen);
    if (settle(move, shard, is_partial))
        move->done(move);
}

/* Under the lock. */
static belfry_err hold(struct hub_nsp *nsp, struct hub_move *move)
{
    belfry_err err = BELFRY_OK;
    move->held = nsp_get_room(nsp, move->room, map_hash(&nsp->hub->hash_key, move->room), &err);
    if (move->held == NULL)
        return err;
    move->held->holds++;
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
    move->held = NULL;
    move->pending = hub->worker_count;
    move->is_partial = false;
    for (unsigned w = 0; w < hub->worker_count; w++)
        move->parts[w] = (struct hub_move_part){ .delivery.run = run_part, .move = move };
    pthread_mutex_lock(&nsp->lock);
    belfry_err err = move->is_join ? hold(nsp, move) : BELFRY_OK;
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
