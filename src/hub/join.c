/*
 * join.c - being in a room: what happens under a namespace's lock when somebody comes or goes.
 *
 *   join:     count, interest, snapshot, marker into the own inbox
 *   leave:    count, interest
 *
 * The marker makes a join exact: what was published before it is in the snapshot, what comes after
 * it finds the member in the room. Joining drains the inbox before it returns, so the marker needs
 * no memory of its own. Places are reserved before; nothing before the marker may take them, so
 * what moves others (move.c) is drained first.
 */
#include "base/alloc.h"
#include "hub/everyone.h"
#include "hub/local_room.h"
#include "hub/nsp.h"

/* What a snapshot holds: some of what others have kept, then the end of the view. */
struct snapshot {
    uint32_t older_start, older_end;
    uint32_t start; /* in the view */
    bool has_gap;   /* something before it may be missing */
};

/* Where it begins in what is known here. */
static uint32_t snapshot_start(const struct hub_room *room, const struct hub_nsp *nsp,
                               const struct hub_join *how, bool *out_gap)
{
    const struct history_view *view = &room->view;
    *out_gap = false;
    switch (how->since) {
    case HUB_SINCE_NOW:
        return view->ring.count;
    case HUB_SINCE_COUNT:
        return how->count >= view->ring.count ? 0 : view->ring.count - how->count;
    case HUB_SINCE_UNKNOWN:
        *out_gap = true;
        return 0;
    case HUB_SINCE_ID:
        /* A position from the future is not one of ours. */
        *out_gap = nsp_may_have_missed(nsp, room) || message_id_compare(how->id, view->floor) < 0 ||
                   message_id_compare(how->id, nsp->missed) < 0 ||
                   message_id_compare(how->id, nsp->last) > 0;
        return message_id_compare(how->id, nsp->last) > 0
                   ? 0
                   : message_ring_after(&view->ring, how->id);
    }
    return view->ring.count;
}

/* Up to the room's floor it is what others have kept, behind it what is known here. */
static void put_older_before(struct hub_room *room, const struct hub_nsp *nsp,
                             const struct hub_join *how, struct snapshot *s)
{
    const struct message_ring *ring = &room->view.ring;
    struct message_id floor = nsp_room_floor(nsp, room);
    uint32_t first_known = message_ring_after(ring, floor);
    if (!nsp_can_use(how->older, floor))
        return;
    s->older_end = s->older_start = message_list_after(&how->older->messages, floor);
    if (how->since == HUB_SINCE_ID && s->has_gap && message_id_compare(how->id, floor) < 0) {
        s->start = first_known;
        s->older_start = message_list_after(&how->older->messages, how->id);
        s->has_gap = nsp_may_have_missed(nsp, room) || nsp_has_gap_in(nsp, how->older, how->id);
    } else if (how->since == HUB_SINCE_COUNT) {
        s->start = BELFRY_MAX(s->start, first_known);
        uint32_t wanted = how->count - BELFRY_MIN(how->count, ring->count - s->start);
        s->older_start = s->older_end - BELFRY_MIN(wanted, s->older_end);
        if (s->older_end == 0)
            room->searched = nsp->missed;
    }
}

static belfry_err take_snapshot(struct hub_room *room, const struct hub_nsp *nsp,
                                const struct hub_join *how, struct hub_joined *out)
{
    const struct message_ring *ring = &room->view.ring;
    struct snapshot s = { 0 };
    s.start = snapshot_start(room, nsp, how, &s.has_gap);
    put_older_before(room, nsp, how, &s);
    uint32_t count = s.older_end - s.older_start + ring->count - s.start;
    out->last = nsp->last;
    out->has_gap = s.has_gap;
    if (count == 0)
        return BELFRY_OK;
    out->history.items = mem_alloc(count * sizeof(struct message *));
    if (out->history.items == NULL)
        return BELFRY_ERR_NOMEM;
    struct message **at = out->history.items;
    for (uint32_t i = s.older_start; i < s.older_end; i++)
        *at++ = message_ref(how->older->messages.items[i]);
    for (uint32_t i = s.start; i < ring->count; i++)
        *at++ = message_ref(message_ring_at(ring, i));
    out->history.count = count;
    return BELFRY_OK;
}

static enum hub_lack lacks(const struct hub_nsp *nsp, const struct hub_room *room,
                           const struct hub_join *how)
{
    struct message_id floor = nsp_room_floor(nsp, room);
    if (how->since == HUB_SINCE_ID && message_id_compare(how->id, nsp->last) > 0)
        return HUB_LACKS_NEWER;
    if (how->since == HUB_SINCE_ID)
        return message_id_compare(how->id, floor) < 0 ? HUB_LACKS_OLDER : HUB_LACKS_NOTHING;
    if (how->since != HUB_SINCE_COUNT || message_id_compare(room->searched, nsp->missed) == 0)
        return HUB_LACKS_NOTHING;
    uint32_t known = room->view.ring.count - message_ring_after(&room->view.ring, floor);
    uint32_t most = BELFRY_MIN(how->count, room->limits->max_messages);
    return known < most ? HUB_LACKS_OLDER : HUB_LACKS_NOTHING;
}

enum hub_lack hub_join_lacks(struct hub_nsp *nsp, belfry_bytes name, const struct hub_join *how)
{
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    pthread_mutex_lock(&nsp->lock);
    const struct hub_room *found = nsp_find_room(nsp, name, hash);
    struct hub_room none = { .limits = hub_limits_of(nsp->hub, name) };
    none.view.floor = nsp->forgotten;
    enum hub_lack lack = lacks(nsp, found != NULL ? found : &none, how);
    pthread_mutex_unlock(&nsp->lock);
    return lack;
}

void hub_joined_deinit(struct hub_joined *joined)
{
    message_list_deinit(&joined->history);
    *joined = (struct hub_joined){ 0 };
}

/* A joining member's place in the order of its worker's inbox. */
struct join_marker {
    struct delivery delivery;
    struct local_room *room;
    struct member *member;
    const struct hub_join *how;
    struct hub_joined *joined;
};

static void become_live(struct delivery *delivery, struct hub_shard *shard)
{
    struct join_marker *marker = BELFRY_CONTAINER_OF(delivery, struct join_marker, delivery);
    (void)shard;
    if (marker->joined->was_member)
        local_room_make_latest(marker->room, marker->member);
    else
        local_room_add(marker->room, marker->member);
    if (marker->how->on_live != NULL)
        marker->how->on_live(marker->member, marker->joined, marker->how->user);
}

/* Under the lock. */
static uint32_t count_in(const struct hub_shard *shard, struct hub_room *room)
{
    room->interest |= (uint64_t)1 << shard->index;
    return ++room->member_count;
}

static belfry_err count_in_named(const struct hub_shard *shard, struct hub_nsp *nsp,
                                 belfry_bytes name, uint64_t hash, uint32_t *out_members)
{
    belfry_err err = BELFRY_OK;
    struct hub_room *room = nsp_get_room(nsp, name, hash, &err);
    if (room == NULL)
        return err;
    *out_members = count_in(shard, room);
    return BELFRY_OK;
}

static belfry_err join_locked(struct hub_shard *shard, struct hub_nsp *nsp,
                              struct join_marker *marker, uint64_t hash)
{
    belfry_err err = BELFRY_OK;
    struct hub_joined *out = marker->joined;
    belfry_bytes name = bytes_of(marker->room->name, marker->room->name_size);
    struct hub_room *room = nsp_get_room(nsp, name, hash, &err);
    if (room == NULL)
        return err;
    if (marker->how->wall_ms > 0)
        history_view_expire(&room->view, room->limits, marker->how->wall_ms);
    err = take_snapshot(room, nsp, marker->how, out);
    if (err != BELFRY_OK) {
        nsp_drop_room_if_unused(nsp, room);
        return err;
    }
    out->members = out->was_member ? room->member_count : count_in(shard, room);
    (void)nsp_push(shard, &marker->delivery); /* who drains next */
    return BELFRY_OK;
}

static belfry_err reserve_place(struct hub_nsp *nsp, struct local_room *room, struct member *member)
{
    if (member->membership_count >= nsp->hub->limits.max_rooms_per_member)
        return BELFRY_ERR_LIMIT;
    belfry_err err = local_room_reserve(room);
    return err != BELFRY_OK ? err : member_reserve(member, 1);
}

/* The room on this worker, with a place for the newcomer. */
static belfry_err prepare(struct hub_shard *shard, struct hub_nsp *nsp, struct join_marker *marker,
                          belfry_bytes name, uint64_t hash)
{
    marker->room = local_room_get(nsp_part(nsp, shard), name, hash);
    if (marker->room == NULL)
        return BELFRY_ERR_NOMEM;
    marker->joined->was_member = local_room_membership(marker->room, marker->member) != NULL;
    return marker->joined->was_member ? BELFRY_OK
                                      : reserve_place(nsp, marker->room, marker->member);
}

belfry_err hub_join(struct hub_shard *shard, struct hub_nsp *nsp, struct member *member,
                    belfry_bytes name, const struct hub_join *how, struct hub_joined *out)
{
    BELFRY_ASSERT(!shard->is_draining);
    BELFRY_ASSERT(everyone_has(&nsp_part(nsp, shard)->everyone, member));
    *out = (struct hub_joined){ 0 };
    if (hub_owner_of(nsp->hub, name) >= 0)
        return BELFRY_ERR_INVALID;
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    struct join_marker marker = {
        .delivery.run = become_live, .member = member, .how = how, .joined = out
    };
    belfry_err err = prepare(shard, nsp, &marker, name, hash);
    while (err == BELFRY_OK && !nsp_lock_unless_moving(nsp, shard)) {
        hub_drain(shard);
        err = prepare(shard, nsp, &marker, name, hash);
    }
    if (err == BELFRY_OK) {
        err = join_locked(shard, nsp, &marker, hash);
        pthread_mutex_unlock(&nsp->lock);
    }
    if (err != BELFRY_OK) {
        if (marker.room != NULL)
            local_room_drop_if_empty(nsp_part(nsp, shard), marker.room);
        return err;
    }
    hub_drain(shard);
    if (out->members == 1 && !out->was_member)
        hub_tell_interest(shard, nsp, name);
    return BELFRY_OK;
}

belfry_err hub_join_here(struct hub_shard *shard, struct hub_nsp *nsp, struct member *member,
                         belfry_bytes name)
{
    BELFRY_ASSERT(shard->is_draining);
    BELFRY_ASSERT(everyone_has(&nsp_part(nsp, shard)->everyone, member));
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    struct hub_joined joined = { 0 };
    struct join_marker here = { .member = member, .joined = &joined };
    if (hub_owner_of(nsp->hub, name) >= 0)
        return BELFRY_ERR_INVALID;
    belfry_err err = prepare(shard, nsp, &here, name, hash);
    if (err == BELFRY_OK && joined.was_member) {
        local_room_make_latest(here.room, member);
        return BELFRY_OK;
    }
    if (err == BELFRY_OK) {
        pthread_mutex_lock(&nsp->lock);
        err = count_in_named(shard, nsp, name, hash, &joined.members);
        pthread_mutex_unlock(&nsp->lock);
    }
    if (err == BELFRY_OK)
        local_room_add(here.room, member);
    else if (here.room != NULL)
        local_room_drop_if_empty(nsp_part(nsp, shard), here.room);
    if (err == BELFRY_OK && joined.members == 1)
        hub_tell_interest(shard, nsp, name);
    return err;
}

belfry_err hub_leave(struct hub_shard *shard, struct hub_nsp *nsp, struct member *member,
                     belfry_bytes name, uint32_t *out_members)
{
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    struct local_room *local = local_room_find(nsp_part(nsp, shard), name, hash);
    struct membership *membership = local ? local_room_membership(local, member) : NULL;
    if (membership == NULL)
        return BELFRY_ERR_NOT_FOUND;
    pthread_mutex_lock(&nsp->lock);
    struct hub_room *room = nsp_find_room(nsp, name, hash);
    BELFRY_ASSERT(room != NULL && room->member_count > 0);
    *out_members = --room->member_count;
    if (local->count == 1)
        room->interest &= ~((uint64_t)1 << shard->index);
    nsp_drop_room_if_unused(nsp, room);
    pthread_mutex_unlock(&nsp->lock);
    if (*out_members == 0)
        hub_tell_interest(shard, nsp, name);
    local_room_remove(local, member, (uint32_t)(membership - member->memberships));
    local_room_drop_if_empty(nsp_part(nsp, shard), local);
    return BELFRY_OK;
}

bool hub_is_member(struct hub_shard *shard, struct hub_nsp *nsp, const struct member *member,
                   belfry_bytes name)
{
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    const struct local_room *room = local_room_find(nsp_part(nsp, shard), name, hash);
    return room != NULL && local_room_membership(room, member) != NULL;
}
