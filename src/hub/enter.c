/*
 * enter.c - being in a namespace at all, which comes before being in its rooms; and coming back.
 *
 *   enter:    count, interest, what was missed, all rooms, one marker into the own inbox
 *   exit:     count, interest
 *
 * The marker is what it is for rooms (join.c): what was said before it is what the newcomer may
 * have missed, what comes after it is heard. All that may fail comes before anything is changed,
 * or is undone.
 */
#include "base/alloc.h"
#include "hub/everyone.h"
#include "hub/local_room.h"
#include "hub/nsp.h"

#define PREFETCH_AHEAD 8

/* A room to be in from the start. */
struct entry_room {
    struct map_node by_name;
    belfry_bytes name;
    struct local_room *local;
    struct hub_room *room;
    bool is_first; /* nobody else is in it */
};

/* Somebody on the way in. */
struct entry {
    struct delivery marker;
    struct hub_nsp *nsp;
    struct hub_nsp_shard *part;
    struct member *member;
    const struct hub_enter *how;
    struct hub_joined *joined;
    struct entry_room *rooms;
    uint32_t room_count;
    struct map names; /* of the rooms */
};

static bool has_name(const struct map_node *node, const void *context)
{
    const struct entry_room *room = BELFRY_CONTAINER_OF(node, struct entry_room, by_name);
    return bytes_equal(room->name, *(const belfry_bytes *)context);
}

/* --- before the lock: memory on this worker ---------------------------------------------------*/

static belfry_err add_room(struct entry *e, belfry_bytes name)
{
    uint64_t hash = map_hash(&e->nsp->hub->hash_key, name);
    if (hub_owner_of(e->nsp->hub, name) >= 0 || map_find(&e->names, hash, has_name, &name) != NULL)
        return BELFRY_OK; /* nobody joins an id, or anything twice */
    if (e->room_count >= e->nsp->hub->limits.max_rooms_per_member)
        return BELFRY_ERR_LIMIT;
    struct local_room *local = local_room_get(e->part, name, hash);
    if (local == NULL)
        return BELFRY_ERR_NOMEM;
    struct entry_room *room = &e->rooms[e->room_count++];
    *room = (struct entry_room){ .by_name.hash = hash, .name = name, .local = local };
    map_insert(&e->names, &room->by_name);
    return local_room_reserve(local);
}

static belfry_err prepare(struct entry *e)
{
    belfry_err err = everyone_reserve(&e->part->everyone);
    if (err != BELFRY_OK || e->how->room_count == 0)
        return err;
    e->rooms = mem_alloc(e->how->room_count * sizeof *e->rooms);
    if (e->rooms == NULL)
        return BELFRY_ERR_NOMEM;
    for (uint32_t i = 0; i < e->how->room_count && err == BELFRY_OK; i++)
        err = add_room(e, e->how->rooms[i]);
    return err == BELFRY_OK ? member_reserve(e->member, e->room_count) : err;
}

static void forget(struct entry *e)
{
    for (uint32_t i = 0; i < e->room_count; i++)
        local_room_drop_if_empty(e->part, e->rooms[i].local);
    map_deinit(&e->names);
    mem_free(e->rooms);
    e->rooms = NULL;
    e->room_count = 0;
}

/* --- what was missed --------------------------------------------------------------------------*/

static bool is_own_id(const struct entry *e, belfry_bytes id)
{
    return id.size > 0 && bytes_equal(id, e->how->own_id);
}

/* Is it the newcomer's id, or one of the rooms? */
static bool is_named(const struct entry *e, const struct message_room *name)
{
    if (is_own_id(e, name->name))
        return true;
    return name->owner < 0 && map_find(&e->names, name->hash, has_name, &name->name) != NULL;
}

static bool is_for(const struct entry *e, const struct message *m)
{
    if (m->except_member != 0 && is_own_id(e, m->sender))
        return false; /* it had another number then, and is the one who said it */
    for (unsigned i = 0; i < m->except_count; i++) {
        if (is_named(e, &m->rooms[m->room_count + i]))
            return false;
    }
    for (unsigned i = 0; i < m->room_count; i++) {
        if (is_named(e, &m->rooms[i]))
            return true;
    }
    return m->room_count == 0;
}

/* The lines that is_for looks at: what it is, and its rooms. */
static void prefetch_message(const struct message *m)
{
    __builtin_prefetch(m);
    __builtin_prefetch(m + 1);
}

static belfry_err add_missed(struct hub_joined *joined, struct message *m)
{
    belfry_err err = message_list_add(&joined->history, m);
    if (err == BELFRY_OK)
        message_ref(m);
    return err;
}

static struct message_id log_floor(const struct hub_nsp *nsp)
{
    return message_id_compare(nsp->log_floor, nsp->missed) < 0 ? nsp->missed : nsp->log_floor;
}

/* What others have kept, up to where the log begins: then @since is there. */
static belfry_err take_older(const struct entry *e, struct message_id *since)
{
    const struct hub_older *older = e->how->older;
    struct message_id floor = log_floor(e->nsp);
    belfry_err err = BELFRY_OK;
    if (message_id_compare(*since, floor) >= 0 || !nsp_can_use(older, floor))
        return BELFRY_OK;
    e->joined->has_gap = nsp_has_gap_in(e->nsp, older, *since);
    for (uint32_t i = message_list_after(&older->messages, *since);
         i < message_list_after(&older->messages, floor) && err == BELFRY_OK; i++) {
        if (is_for(e, older->messages.items[i]))
            err = add_missed(e->joined, older->messages.items[i]);
    }
    *since = floor;
    return err;
}

/* One pass over the log behind the position: others wait for the lock. */
static belfry_err take_missed(const struct entry *e)
{
    const struct hub_nsp *nsp = e->nsp;
    const struct message_ring *log = &nsp->log;
    struct message_id since = e->how->since;
    bool is_from_future = message_id_compare(since, nsp->last) > 0; /* not one of ours */
    e->joined->has_gap = is_from_future || message_id_compare(since, log_floor(nsp)) < 0;
    belfry_err err = take_older(e, &since);
    uint32_t start = is_from_future ? 0 : message_ring_after(log, since);
    for (uint32_t i = 0; i < e->room_count && !e->joined->has_gap; i++)
        e->joined->has_gap = nsp_may_have_missed(nsp, e->rooms[i].room);
    for (uint32_t i = start; i < log->count && err == BELFRY_OK; i++) {
        struct message *m = message_ring_at(log, i);
        if (i + PREFETCH_AHEAD < log->count)
            prefetch_message(message_ring_at(log, i + PREFETCH_AHEAD));
        if (is_for(e, m))
            err = add_missed(e->joined, m);
    }
    return err;
}

static bool names(const struct message *m, const struct entry_room *room)
{
    for (unsigned i = 0; i < m->room_count; i++) {
        if (bytes_equal(m->rooms[i].name, room->name))
            return true;
    }
    return false;
}

/* The latest @wanted of @r among what others have kept, before what is known here. */
static belfry_err take_latest_older(const struct entry *e, const struct entry_room *r,
                                    uint32_t wanted)
{
    const struct hub_older *older = e->how->older;
    struct message_id floor = nsp_room_floor(e->nsp, r->room);
    belfry_err err = BELFRY_OK;
    if (!nsp_can_use(older, floor))
        return BELFRY_OK;
    for (uint32_t i = message_list_after(&older->messages, floor);
         i > 0 && wanted > 0 && err == BELFRY_OK; i--) {
        if (!names(older->messages.items[i - 1], r))
            continue;
        err = add_missed(e->joined, older->messages.items[i - 1]);
        wanted--;
    }
    return err;
}

static belfry_err take_latest(const struct entry *e)
{
    belfry_err err = BELFRY_OK;
    for (uint32_t r = 0; r < e->room_count && err == BELFRY_OK; r++) {
        struct hub_room *room = e->rooms[r].room;
        const struct message_ring *ring = &room->view.ring;
        if (e->how->wall_ms > 0)
            history_view_expire(&room->view, room->limits, e->how->wall_ms);
        uint32_t i = ring->count - BELFRY_MIN(e->how->history, ring->count);
        if (e->how->older != NULL)
            i = BELFRY_MAX(i, message_ring_after(ring, nsp_room_floor(e->nsp, room)));
        err = take_latest_older(e, &e->rooms[r], e->how->history - (ring->count - i));
        for (; i < ring->count && err == BELFRY_OK; i++)
            err = add_missed(e->joined, message_ring_at(ring, i));
    }
    message_list_put_in_order(&e->joined->history);
    return err;
}

/* --- under the lock ---------------------------------------------------------------------------*/

static belfry_err find_rooms(struct entry *e)
{
    belfry_err err = BELFRY_OK;
    for (uint32_t i = 0; i < e->room_count; i++) {
        struct entry_room *r = &e->rooms[i];
        r->room = nsp_get_room(e->nsp, r->name, r->by_name.hash, &err);
        if (r->room == NULL)
            return err;
    }
    return BELFRY_OK;
}

static void drop_found_rooms(struct entry *e)
{
    for (uint32_t i = 0; i < e->room_count && e->rooms[i].room != NULL; i++)
        nsp_drop_room_if_unused(e->nsp, e->rooms[i].room);
}

static belfry_err enter_locked(struct entry *e, struct hub_shard *shard)
{
    struct hub_nsp *nsp = e->nsp;
    uint64_t worker_bit = (uint64_t)1 << shard->index;
    belfry_err err = find_rooms(e);
    if (err == BELFRY_OK && e->how->has_since)
        err = take_missed(e);
    else if (err == BELFRY_OK && e->how->history > 0)
        err = take_latest(e);
    if (err != BELFRY_OK) {
        drop_found_rooms(e);
        return err;
    }
    for (uint32_t i = 0; i < e->room_count; i++) {
        e->rooms[i].is_first = e->rooms[i].room->member_count == 0;
        e->rooms[i].room->member_count++;
        e->rooms[i].room->interest |= worker_bit;
    }
    nsp->interest |= worker_bit;
    e->joined->members = ++nsp->member_count;
    e->joined->last = nsp->last;
    (void)nsp_push(shard, &e->marker); /* who drains next */
    return BELFRY_OK;
}

static void become_live(struct delivery *marker, struct hub_shard *shard)
{
    struct entry *e = BELFRY_CONTAINER_OF(marker, struct entry, marker);
    (void)shard;
    everyone_add(&e->part->everyone, e->member);
    for (uint32_t i = 0; i < e->room_count; i++)
        local_room_add(e->rooms[i].local, e->member);
    if (e->how->on_live != NULL)
        e->how->on_live(e->member, e->joined, e->how->user);
}

/* --- in and out -------------------------------------------------------------------------------*/

belfry_err hub_enter(struct hub_shard *shard, struct hub_nsp *nsp, struct member *member,
                     const struct hub_enter *how, struct hub_joined *out)
{
    struct entry e = { .marker.run = become_live,
                       .nsp = nsp,
                       .part = nsp_part(nsp, shard),
                       .member = member,
                       .how = how,
                       .joined = out };
    BELFRY_ASSERT(!shard->is_draining);
    BELFRY_ASSERT(!everyone_has(&e.part->everyone, member));
    BELFRY_ASSERT(member->membership_count == 0);
    *out = (struct hub_joined){ 0 };
    belfry_err err = prepare(&e);
    while (err == BELFRY_OK && !nsp_lock_unless_moving(nsp, shard)) {
        forget(&e);
        hub_drain(shard);
        err = prepare(&e);
    }
    if (err == BELFRY_OK) {
        err = enter_locked(&e, shard);
        pthread_mutex_unlock(&nsp->lock);
    }
    if (err == BELFRY_OK)
        hub_drain(shard);
    else
        hub_joined_deinit(out);
    for (uint32_t i = 0; i < e.room_count && err == BELFRY_OK; i++) {
        if (e.rooms[i].is_first)
            hub_tell_interest(shard, nsp, e.rooms[i].name);
    }
    forget(&e);
    return err;
}

static enum hub_lack lacks(struct hub_nsp *nsp, const struct hub_enter *how)
{
    if (how->has_since && message_id_compare(how->since, nsp->last) > 0)
        return HUB_LACKS_NEWER;
    if (how->has_since)
        return message_id_compare(how->since, log_floor(nsp)) < 0 ? HUB_LACKS_OLDER
                                                                  : HUB_LACKS_NOTHING;
    return HUB_LACKS_NOTHING;
}

enum hub_lack hub_enter_lacks(struct hub_nsp *nsp, const struct hub_enter *how)
{
    struct hub_join latest = { .since = HUB_SINCE_COUNT, .count = how->history };
    pthread_mutex_lock(&nsp->lock);
    enum hub_lack lack = lacks(nsp, how);
    pthread_mutex_unlock(&nsp->lock);
    for (uint32_t i = 0;
         i < how->room_count && !how->has_since && lack == HUB_LACKS_NOTHING && how->history > 0;
         i++)
        lack = hub_join_lacks(nsp, how->rooms[i], &latest);
    return lack;
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
