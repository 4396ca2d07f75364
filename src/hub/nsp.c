/*
 * nsp.c - the sequencer: what happens under a namespace's lock when something is said.
 *
 *   publish:  key seen? -> id -> log and views -> a delivery into every interested inbox
 */
#include "hub/nsp.h"

#include "base/alloc.h"
#include "hub/everyone.h"

#define EVICTIONS_PER_PUBLISH 32
#define EVICTIONS_PER_EXPIRE 4096

static bool hub_room_has_name(const struct map_node *node, const void *context)
{
    const struct hub_room *room = BELFRY_CONTAINER_OF(node, struct hub_room, by_name);
    return bytes_equal(bytes_of(room->name, room->name_size), *(const belfry_bytes *)context);
}

struct hub_room *nsp_find_room(struct hub_nsp *nsp, belfry_bytes name, uint64_t hash)
{
    struct map_node *node = map_find(&nsp->rooms, hash, hub_room_has_name, &name);
    return node != NULL ? BELFRY_CONTAINER_OF(node, struct hub_room, by_name) : NULL;
}

const struct history_limits *hub_limits_of(const struct hub *hub, belfry_bytes name)
{
    for (unsigned i = 0; i < hub->limits.rule_count; i++) {
        if (history_pattern_matches(hub->limits.rules[i].pattern, name))
            return &hub->limits.rules[i].limits;
    }
    return &hub->limits.history;
}

struct hub_room *nsp_get_room(struct hub_nsp *nsp, belfry_bytes name, uint64_t hash,
                              belfry_err *out_err)
{
    struct hub_room *room = nsp_find_room(nsp, name, hash);
    if (room != NULL)
        return room;
    *out_err = BELFRY_ERR_LIMIT;
    if (nsp->rooms.count >= nsp->hub->limits.max_rooms)
        return NULL;
    *out_err = BELFRY_ERR_NOMEM;
    room = mem_alloc(sizeof *room + name.size);
    if (room == NULL)
        return NULL;
    *room = (struct hub_room){ .by_name.hash = hash,
                               .limits = hub_limits_of(nsp->hub, name),
                               .name_size = (uint16_t)name.size };
    /* What was forgotten of it cannot be resumed; which room it was of is forgotten too. */
    room->view.floor = nsp->forgotten;
    memcpy(room->name, name.data, name.size);
    map_insert(&nsp->rooms, &room->by_name);
    return room;
}

void nsp_drop_room_if_unused(struct hub_nsp *nsp, struct hub_room *room)
{
    if (room->member_count > 0 || room->holds > 0 || room->view.ring.count > 0 || room->is_heard)
        return;
    if (message_id_compare(nsp->forgotten, room->view.floor) < 0)
        nsp->forgotten = room->view.floor;
    map_remove(&nsp->rooms, &room->by_name);
    history_view_deinit(&room->view);
    mem_free(room);
}

static struct hub_room *find_target(struct hub_nsp *nsp, const struct message_room *target)
{
    return target->owner < 0 ? nsp_find_room(nsp, target->name, target->hash) : NULL;
}

/* --- the log ----------------------------------------------------------------------------------*/

static void raise_log_floor(struct hub_nsp *nsp, struct message_id to)
{
    if (message_id_compare(nsp->log_floor, to) < 0)
        nsp->log_floor = to;
}

static void evict_oldest(struct hub_nsp *nsp, struct message **evicted)
{
    struct message *m = message_ring_pop(&nsp->log);
    nsp->log_bytes -= m->cost;
    raise_log_floor(nsp, m->id);
    if (m->key.size > 0)
        map_remove(&nsp->keys, &m->by_key);
    for (unsigned i = 0; i < m->room_count; i++) {
        struct hub_room *room = find_target(nsp, &m->rooms[i]);
        if (room == NULL)
            continue;
        history_view_forget(&room->view, m);
        nsp_drop_room_if_unused(nsp, room);
    }
    m->next_evicted = *evicted;
    *evicted = m;
}

static bool log_is_over(const struct hub_nsp *nsp, uint64_t wall_ms)
{
    const struct history_limits *limits = &nsp->hub->limits.history;
    if (nsp->log.count == 0)
        return false;
    return nsp->log_bytes > limits->max_log_bytes ||
           message_ring_at(&nsp->log, 0)->id.ms + nsp->hub->log_age_ms < wall_ms;
}

static void evict_some(struct hub_nsp *nsp, uint64_t wall_ms, unsigned most,
                       struct message **evicted)
{
    for (unsigned i = 0; i < most && log_is_over(nsp, wall_ms); i++)
        evict_oldest(nsp, evicted);
}

static void free_evicted(struct message *evicted)
{
    while (evicted != NULL) {
        struct message *m = evicted;
        evicted = m->next_evicted;
        message_unref(m);
    }
}

static void remember_in_room(struct hub_nsp *nsp, struct message *m,
                             const struct message_room *target, bool is_kept)
{
    struct hub_room *room = find_target(nsp, target);
    if (room == NULL && is_kept) {
        belfry_err err;
        room = nsp_get_room(nsp, target->name, target->hash, &err);
    }
    if (room != NULL && is_kept)
        history_view_add(&room->view, room->limits, m);
    else if (room != NULL)
        room->view.floor = m->id;
    else
        nsp->forgotten = m->id;
}

/* A socket's own id is no room whose name could say how much it remembers. */
static const struct history_limits *limits_for(struct hub_nsp *nsp,
                                               const struct message_room *target)
{
    const struct hub *hub = nsp->hub;
    if (hub->limits.rule_count == 0 || target->owner >= 0)
        return &hub->limits.history;
    const struct hub_room *room = nsp_find_room(nsp, target->name, target->hash);
    return room != NULL ? room->limits : hub_limits_of(hub, target->name);
}

/* Who comes back to such a room has a gap whatever was said there (nsp_may_have_missed): what is
 * said to nobody else is no loss for the log. */
static bool is_passed_over(struct hub_nsp *nsp, const struct message_room *target)
{
    return nsp->hub->limits.rule_count > 0 && target->owner < 0 &&
           limits_for(nsp, target)->max_messages == 0;
}

static bool is_worth_keeping(struct hub_nsp *nsp, const struct message *m)
{
    if (m->room_count == 0)
        return nsp->hub->limits.history.max_messages > 0;
    for (unsigned i = 0; i < m->room_count; i++) {
        if (limits_for(nsp, &m->rooms[i])->max_messages > 0)
            return true;
    }
    return false;
}

static bool is_no_loss(struct hub_nsp *nsp, const struct message *m)
{
    for (unsigned i = 0; i < m->room_count; i++) {
        if (!is_passed_over(nsp, &m->rooms[i]))
            return false;
    }
    return m->room_count > 0;
}

static void remember(struct hub_nsp *nsp, struct message *m)
{
    bool is_worth_it = is_worth_keeping(nsp, m);
    if (!is_worth_it && is_no_loss(nsp, m))
        return;
    bool is_kept = is_worth_it && message_ring_push(&nsp->log, m) == BELFRY_OK;
    if (is_kept) {
        message_ref(m);
        nsp->log_bytes += m->cost;
        if (m->key.size > 0)
            map_insert(&nsp->keys, &m->by_key);
    } else {
        raise_log_floor(nsp, m->id);
    }
    for (unsigned i = 0; i < m->room_count; i++) {
        if (m->rooms[i].owner < 0 && !is_passed_over(nsp, &m->rooms[i]))
            remember_in_room(nsp, m, &m->rooms[i], is_kept);
    }
}

/* --- publishing -------------------------------------------------------------------------------*/

static bool has_key(const struct map_node *node, const void *context)
{
    const struct message *m = BELFRY_CONTAINER_OF(node, struct message, by_key);
    return bytes_equal(m->key, *(const belfry_bytes *)context);
}

static struct message_id next_id(struct message_id last, uint64_t wall_ms)
{
    if (wall_ms > last.ms)
        return (struct message_id){ .ms = wall_ms };
    return (struct message_id){ .ms = last.ms, .seq = last.seq + 1 };
}

static uint64_t interested_workers(struct hub_nsp *nsp, const struct message *m)
{
    if (m->room_count == 0)
        return nsp->interest;
    uint64_t interest = 0;
    for (unsigned i = 0; i < m->room_count; i++) {
        struct hub_room *room = find_target(nsp, &m->rooms[i]);
        if (room != NULL)
            interest |= room->holds > 0 ? nsp->interest : room->interest;
        else if (m->rooms[i].owner >= 0)
            interest |= nsp->interest & (uint64_t)1 << m->rooms[i].owner;
    }
    return interest;
}

bool nsp_push(struct hub_shard *shard, struct delivery *delivery)
{
    atomic_fetch_add_explicit(&shard->inbox_count, 1, memory_order_relaxed);
    return mailbox_push(&shard->inbox, &delivery->post);
}

/* Returns the workers to wake. */
static uint64_t push_deliveries(struct hub *hub, struct message *m, uint64_t interest,
                                const struct hub_shard *own)
{
    uint64_t to_wake = 0;
    atomic_fetch_add_explicit(&m->refs, (unsigned)__builtin_popcountll(interest),
                              memory_order_relaxed);
    for (uint64_t rest = interest; rest != 0; rest &= rest - 1) {
        unsigned w = (unsigned)__builtin_ctzll(rest);
        struct hub_shard *shard = &hub->shards[w];
        if (nsp_push(shard, &m->deliveries[w]) && shard != own)
            to_wake |= (uint64_t)1 << w;
    }
    return to_wake;
}

bool nsp_is_over_bound(const struct hub *hub)
{
    for (unsigned w = 0; w < hub->worker_count; w++) {
        if (atomic_load_explicit(&hub->shards[w].inbox_count, memory_order_relaxed) >=
            hub->limits.max_inbox)
            return true;
    }
    return atomic_load_explicit(&hub->outlet.count, memory_order_relaxed) >= hub->limits.max_inbox;
}

bool hub_is_congested(const struct hub *hub)
{
    return hub->worker_count > 1 && nsp_is_over_bound(hub);
}

belfry_err hub_push(struct hub_shard *shard, struct hub_shard *own, struct delivery *delivery)
{
    unsigned waiting = atomic_fetch_add_explicit(&shard->inbox_count, 1, memory_order_relaxed);
    if (own == NULL && waiting >= shard->hub->limits.max_inbox) {
        atomic_fetch_sub_explicit(&shard->inbox_count, 1, memory_order_relaxed);
        return BELFRY_ERR_AGAIN;
    }
    if (mailbox_push(&shard->inbox, &delivery->post) && shard != own)
        loop_wake(shard->loop);
    return BELFRY_OK;
}

bool nsp_lock_unless_moving(struct hub_nsp *nsp, const struct hub_shard *shard)
{
    pthread_mutex_lock(&nsp->lock);
    if (nsp_part(nsp, shard)->moves == 0)
        return true;
    pthread_mutex_unlock(&nsp->lock);
    return false;
}

static bool find_repeat(struct hub_nsp *nsp, const struct message *m, struct hub_published *out)
{
    if (m->key.size == 0)
        return false;
    struct map_node *first = map_find(&nsp->keys, m->by_key.hash, has_key, &m->key);
    if (first == NULL)
        return false;
    *out = (struct hub_published){ .is_repeat = true };
    out->id = BELFRY_CONTAINER_OF(first, struct message, by_key)->id;
    return true;
}

static void find_owners(const struct hub *hub, struct message *m)
{
    for (unsigned i = 0; i < (unsigned)m->room_count + m->except_count; i++)
        m->rooms[i].owner = hub_owner_of(hub, m->rooms[i].name);
}

void hub_make_past(struct hub_nsp *nsp, struct message *m, struct message_id id)
{
    m->nsp = nsp;
    m->id = id;
    find_owners(nsp->hub, m);
}

void nsp_wake_workers(struct hub *hub, uint64_t to_wake)
{
    for (; to_wake != 0; to_wake &= to_wake - 1)
        loop_wake(hub->shards[__builtin_ctzll(to_wake)].loop);
}

/* --- the outlet -------------------------------------------------------------------------------*/

static bool goes_out(const struct hub *hub, const struct message *m)
{
    return hub->outlet.loop != NULL && (m->flags & MESSAGE_LOCAL) == 0;
}

/* Does the sequencer say where it belongs? */
static bool is_sequenced(const struct hub *hub, const struct message *m)
{
    return goes_out(hub, m) && hub->outlet.is_sequencer && (m->flags & MESSAGE_UNLOGGED) == 0;
}

/* Returns the worker to wake. */
static uint64_t push_out(struct hub *hub, struct delivery *delivery, const struct hub_shard *own)
{
    struct hub_outlet *outlet = &hub->outlet;
    atomic_fetch_add_explicit(&outlet->count, 1, memory_order_relaxed);
    bool is_first = mailbox_push(&outlet->box, &delivery->post);
    bool is_own = own != NULL && own->index == outlet->worker;
    return is_first && !is_own ? (uint64_t)1 << outlet->worker : 0;
}

static uint64_t push_message_out(struct hub *hub, struct message *m, const struct hub_shard *own)
{
    message_ref(m);
    return push_out(hub, &m->deliveries[hub->worker_count], own);
}

void hub_outlet_push(struct hub *hub, struct hub_shard *own, struct delivery *delivery)
{
    nsp_wake_workers(hub, push_out(hub, delivery, own));
}

struct delivery *hub_outlet_take(struct hub *hub, struct post **rest)
{
    if (*rest == NULL)
        *rest = mailbox_take(&hub->outlet.box);
    struct post *post = *rest;
    if (post == NULL)
        return NULL;
    *rest = post->next;
    atomic_fetch_sub_explicit(&hub->outlet.count, 1, memory_order_relaxed);
    return BELFRY_CONTAINER_OF(post, struct delivery, post);
}

static void tell_receipt(struct hub *hub, struct message *m, const struct hub_published *published,
                         belfry_err err)
{
    struct receipt *receipt = m->receipt;
    if (m->origin >= 0)
        atomic_fetch_sub_explicit(&hub->shards[m->origin].sequenced, 1, memory_order_relaxed);
    m->origin = -1;
    if (receipt == NULL)
        return;
    m->receipt = NULL;
    receipt->err = err;
    receipt->is_repeat = published->is_repeat;
    receipt->id = published->id;
    receipt->has_id = err == BELFRY_OK && (m->flags & MESSAGE_NO_ID) == 0;
    struct hub_shard *shard = &hub->shards[receipt->worker];
    if (nsp_push(shard, &receipt->delivery))
        loop_wake(shard->loop);
}

void hub_tell(struct hub *hub, struct message *m, belfry_err err)
{
    tell_receipt(hub, m, &(struct hub_published){ 0 }, err);
}

/* --- one message ------------------------------------------------------------------------------*/

static belfry_err hand_to_sequencer(struct hub *hub, struct hub_shard *own, struct message *m,
                                    struct hub_published *out)
{
    *out = (struct hub_published){ .is_later = true };
    if (atomic_load_explicit(&hub->outlet.is_full, memory_order_relaxed)) {
        message_unref(m);
        return BELFRY_ERR_AGAIN;
    }
    if (own != NULL) {
        m->origin = (int16_t)own->index;
        atomic_fetch_add_explicit(&own->sequenced, 1, memory_order_relaxed);
    }
    nsp_wake_workers(hub, push_message_out(hub, m, own));
    message_unref(m);
    return BELFRY_OK;
}

/* Its place in the order: one of its own, or none where a sequencer gives them. */
static void give_id(struct hub_nsp *nsp, struct message *m)
{
    if (nsp->hub->outlet.is_sequencer) {
        m->flags |= MESSAGE_NO_ID | MESSAGE_UNLOGGED;
        m->id = nsp->last;
        return;
    }
    m->id = next_id(nsp->last, m->wall_ms);
    nsp->last = m->id;
}

/* Under the lock. Returns the workers to wake. */
static uint64_t enter_order(struct hub_nsp *nsp, struct message *m, const struct hub_shard *own,
                            struct message **evicted, bool is_past)
{
    if ((m->flags & MESSAGE_UNLOGGED) == 0) {
        evict_some(nsp, m->wall_ms, EVICTIONS_PER_PUBLISH, evicted);
        remember(nsp, m);
    }
    return is_past ? 0 : push_deliveries(nsp->hub, m, interested_workers(nsp, m), own);
}

belfry_err hub_publish(struct hub_nsp *nsp, struct hub_shard *own, struct message *m,
                       struct hub_published *out)
{
    struct hub *hub = nsp->hub;
    if (own == NULL && nsp_is_over_bound(hub)) {
        message_unref(m);
        return BELFRY_ERR_AGAIN;
    }
    m->nsp = nsp;
    find_owners(hub, m);
    if (BELFRY_UNLIKELY(is_sequenced(hub, m)))
        return hand_to_sequencer(hub, own, m, out);
    struct message *evicted = NULL;
    uint64_t to_wake = 0;
    pthread_mutex_lock(&nsp->lock);
    bool is_repeat = find_repeat(nsp, m, out);
    if (!is_repeat) {
        give_id(nsp, m);
        *out = (struct hub_published){ .id = m->id };
        to_wake = enter_order(nsp, m, own, &evicted, false);
        if (goes_out(hub, m))
            to_wake |= push_message_out(hub, m, own);
    }
    pthread_mutex_unlock(&nsp->lock);
    nsp_wake_workers(hub, to_wake);
    free_evicted(evicted);
    message_unref(m);
    return BELFRY_OK;
}

bool hub_publish_as(struct hub_nsp *nsp, struct hub_shard *own, struct message *m,
                    struct message_id id, bool is_past)
{
    struct hub *hub = nsp->hub;
    struct message *evicted = NULL;
    struct hub_published published = { 0 };
    uint64_t to_wake = 0;
    m->nsp = nsp;
    find_owners(hub, m);
    pthread_mutex_lock(&nsp->lock);
    bool is_repeat = find_repeat(nsp, m, &published);
    bool is_behind = message_id_compare(id, nsp->last) > 0;
    if (is_behind)
        nsp->last = id;
    if (!is_repeat && is_behind) {
        m->id = id;
        published = (struct hub_published){ .id = id };
        to_wake = enter_order(nsp, m, own, &evicted, is_past);
    }
    tell_receipt(hub, m, &published, BELFRY_OK);
    pthread_mutex_unlock(&nsp->lock);
    nsp_wake_workers(hub, to_wake);
    free_evicted(evicted);
    message_unref(m);
    return !is_repeat && is_behind;
}

/* --- what was not heard -----------------------------------------------------------------------*/

/* Whoever heard the newest message has missed something all the same: a place behind it. One of its
 * own, unless others give the places. */
static struct message_id place_behind(struct hub_nsp *nsp, uint64_t wall_ms)
{
    struct message_id place = next_id(nsp->last, nsp->hub->outlet.is_sequencer ? 0 : wall_ms);
    if (!nsp->hub->outlet.is_sequencer)
        nsp->last = place;
    return place;
}

void hub_note_missed(struct hub_nsp *nsp, uint64_t wall_ms)
{
    pthread_mutex_lock(&nsp->lock);
    nsp->missed = nsp->lost = place_behind(nsp, wall_ms);
    pthread_mutex_unlock(&nsp->lock);
}

void hub_hear_room(struct hub_nsp *nsp, belfry_bytes name, bool is_heard, uint64_t wall_ms)
{
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    belfry_err err;
    pthread_mutex_lock(&nsp->lock);
    struct hub_room *room =
        is_heard ? nsp_get_room(nsp, name, hash, &err) : nsp_find_room(nsp, name, hash);
    if (room != NULL && is_heard)
        room->view.floor = place_behind(nsp, wall_ms);
    if (room != NULL) {
        room->is_heard = is_heard;
        nsp_drop_room_if_unused(nsp, room);
    }
    pthread_mutex_unlock(&nsp->lock);
}

void hub_begin_behind(struct hub_nsp *nsp, struct message_id id)
{
    pthread_mutex_lock(&nsp->lock);
    if (message_id_compare(nsp->missed, id) < 0)
        nsp->missed = id;
    if (message_id_compare(nsp->last, id) < 0)
        nsp->last = id;
    pthread_mutex_unlock(&nsp->lock);
}

void hub_forget(struct hub_nsp *nsp)
{
    struct message *evicted = NULL;
    pthread_mutex_lock(&nsp->lock);
    while (nsp->log.count > 0)
        evict_oldest(nsp, &evicted);
    pthread_mutex_unlock(&nsp->lock);
    free_evicted(evicted);
}

bool hub_reaches(struct hub_nsp *nsp, struct message_id since)
{
    pthread_mutex_lock(&nsp->lock);
    bool reaches = message_id_compare(since, nsp->log_floor) >= 0 &&
                   message_id_compare(since, nsp->missed) >= 0 &&
                   message_id_compare(since, nsp->last) <= 0;
    pthread_mutex_unlock(&nsp->lock);
    return reaches;
}

void hub_expire(struct hub_nsp *nsp, uint64_t wall_ms)
{
    struct message *evicted = NULL;
    pthread_mutex_lock(&nsp->lock);
    evict_some(nsp, wall_ms, EVICTIONS_PER_EXPIRE, &evicted);
    (void)map_tidy(&nsp->rooms, 256);
    (void)map_tidy(&nsp->keys, 256);
    pthread_mutex_unlock(&nsp->lock);
    free_evicted(evicted);
}

/* --- asking -----------------------------------------------------------------------------------*/

uint32_t hub_member_count(struct hub_nsp *nsp, belfry_bytes name)
{
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    pthread_mutex_lock(&nsp->lock);
    const struct hub_room *room = nsp_find_room(nsp, name, hash);
    uint32_t count = room != NULL ? room->member_count : 0;
    pthread_mutex_unlock(&nsp->lock);
    return count;
}

uint64_t hub_room_count(struct hub_nsp *nsp)
{
    pthread_mutex_lock(&nsp->lock);
    uint64_t count = nsp->rooms.count;
    pthread_mutex_unlock(&nsp->lock);
    return count;
}

void hub_each_room(struct hub_nsp *nsp,
                   void (*visit)(belfry_bytes room, uint32_t members, void *arg), void *arg)
{
    struct map_cursor cursor = { 0 };
    pthread_mutex_lock(&nsp->lock);
    for (struct map_node *node; (node = map_next(&nsp->rooms, &cursor)) != NULL;) {
        const struct hub_room *room = BELFRY_CONTAINER_OF(node, struct hub_room, by_name);
        if (room->member_count > 0)
            visit(bytes_of(room->name, room->name_size), room->member_count, arg);
    }
    pthread_mutex_unlock(&nsp->lock);
}

bool hub_mark_count_due(struct hub_nsp *nsp, belfry_bytes name)
{
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    pthread_mutex_lock(&nsp->lock);
    struct hub_room *room = nsp_find_room(nsp, name, hash);
    bool is_first = room != NULL && !room->is_count_due;
    if (is_first)
        room->is_count_due = true;
    pthread_mutex_unlock(&nsp->lock);
    return is_first;
}

uint32_t hub_take_count(struct hub_nsp *nsp, belfry_bytes name)
{
    uint64_t hash = map_hash(&nsp->hub->hash_key, name);
    pthread_mutex_lock(&nsp->lock);
    struct hub_room *room = nsp_find_room(nsp, name, hash);
    if (room != NULL)
        room->is_count_due = false;
    uint32_t count = room != NULL ? room->member_count : 0;
    pthread_mutex_unlock(&nsp->lock);
    return count;
}

/* --- life -------------------------------------------------------------------------------------*/

belfry_err nsp_init(struct hub_nsp *nsp, struct hub *hub)
{
    *nsp = (struct hub_nsp){ .hub = hub };
    nsp->shards = mem_alloc_zeroed(hub->worker_count * sizeof *nsp->shards);
    if (nsp->shards == NULL)
        return BELFRY_ERR_NOMEM;
    pthread_mutex_init(&nsp->lock, NULL);
    return BELFRY_OK;
}

static void free_parts(struct hub_nsp *nsp)
{
    for (unsigned w = 0; w < nsp->hub->worker_count; w++) {
        BELFRY_ASSERT(nsp->shards[w].rooms.count == 0);
        BELFRY_ASSERT(nsp->shards[w].everyone.count == 0);
        map_deinit(&nsp->shards[w].rooms);
        everyone_deinit(&nsp->shards[w].everyone);
    }
    mem_free(nsp->shards);
}

/* Those that were listened to to the end. */
static void drop_rooms(struct hub_nsp *nsp)
{
    struct map_cursor cursor = { 0 };
    for (struct map_node *node; (node = map_next(&nsp->rooms, &cursor)) != NULL;) {
        struct hub_room *room = BELFRY_CONTAINER_OF(node, struct hub_room, by_name);
        room->is_heard = false;
        nsp_drop_room_if_unused(nsp, room);
    }
}

void nsp_deinit(struct hub_nsp *nsp)
{
    struct message *evicted = NULL;
    while (nsp->log.count > 0)
        evict_oldest(nsp, &evicted);
    free_evicted(evicted);
    drop_rooms(nsp);
    BELFRY_ASSERT(nsp->rooms.count == 0);
    message_ring_deinit(&nsp->log);
    map_deinit(&nsp->rooms);
    map_deinit(&nsp->keys);
    free_parts(nsp);
    pthread_mutex_destroy(&nsp->lock);
}
