/*
 * enter.c - being in a namespace at all, which comes before being in its rooms.
 *
 *   enter:    count, interest, marker into the own inbox
 *   exit:     count, interest
 *
 * The marker is what it is for rooms (join.c): what is said to everyone before it is not for the
 * newcomer, what comes after it is.
 */
#include "hub/everyone.h"
#include "hub/nsp.h"

struct enter_marker {
    struct delivery delivery;
    struct hub_nsp *nsp;
    struct member *member;
    const struct hub_enter *how;
    const struct hub_joined *joined;
};

static void become_live(struct delivery *delivery, struct hub_shard *shard)
{
    struct enter_marker *marker = BELFRY_CONTAINER_OF(delivery, struct enter_marker, delivery);
    everyone_add(&nsp_part(marker->nsp, shard)->everyone, marker->member);
    if (marker->how->on_live != NULL)
        marker->how->on_live(marker->member, marker->joined, marker->how->user);
}

belfry_err hub_enter(struct hub_shard *shard, struct hub_nsp *nsp, struct member *member,
                     const struct hub_enter *how, struct hub_joined *out)
{
    struct everyone *everyone = &nsp_part(nsp, shard)->everyone;
    BELFRY_ASSERT(!shard->is_draining);
    BELFRY_ASSERT(!everyone_has(everyone, member));
    *out = (struct hub_joined){ 0 };
    belfry_err err = everyone_reserve(everyone);
    if (err != BELFRY_OK)
        return err;
    struct enter_marker marker = {
        .delivery.run = become_live, .nsp = nsp, .member = member, .how = how, .joined = out
    };
    pthread_mutex_lock(&nsp->lock);
    out->members = ++nsp->member_count;
    out->last = nsp->last;
    nsp->interest |= (uint64_t)1 << shard->index;
    nsp_push_own(shard, &marker.delivery);
    pthread_mutex_unlock(&nsp->lock);
    hub_drain(shard);
    return BELFRY_OK;
}

void hub_exit(struct hub_shard *shard, struct hub_nsp *nsp, struct member *member)
{
    struct everyone *everyone = &nsp_part(nsp, shard)->everyone;
    BELFRY_ASSERT(!shard->is_draining);
    if (!everyone_has(everyone, member))
        return;
    BELFRY_ASSERT(member->membership_count == 0);
    everyone_remove(everyone, member);
    pthread_mutex_lock(&nsp->lock);
    BELFRY_ASSERT(nsp->member_count > 0);
    nsp->member_count--;
    if (everyone->count == 0)
        nsp->interest &= ~((uint64_t)1 << shard->index);
    pthread_mutex_unlock(&nsp->lock);
}

uint32_t hub_nsp_member_count(struct hub_nsp *nsp)
{
    pthread_mutex_lock(&nsp->lock);
    uint32_t count = nsp->member_count;
    pthread_mutex_unlock(&nsp->lock);
    return count;
}
