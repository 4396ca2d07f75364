/*
 * deliver.c - a batch for one member: queued, or dropped by a named policy.
 *
 *   fits: the batch as one frame, shared with every other member
 *   does not fit: flush, look again, then message by message by slow_policy
 *
 * Whatever is not delivered is counted. A member that lost something remembers it (has_gap): one
 * that speaks the room protocol is told before it hears anything newer, and a Socket.IO client that
 * comes back is not told that it has missed nothing.
 */
#include "server/deliver.h"

#include "server/encode.h"
#include "server/server.h"

static const belfry_options *options_of(const struct receiver *r)
{
    return &r->sock->route->server->options;
}

static size_t max_queue_of(const struct receiver *r)
{
    return (size_t)options_of(r)->max_queue_bytes;
}

/* A message alone may be as large as any: the limit is for what piles up. */
static bool fits(const struct receiver *r, size_t size)
{
    return outq_is_empty(&r->conn->out) || conn_queued(r->conn) + size <= max_queue_of(r);
}

static void count_drops(const struct receiver *r, uint64_t count)
{
    counter_add(&r->conn->worker->counters.dropped_slow, count);
}

/* It hears nothing any more: it is being closed, for whatever reason. */
static void count_unheard(const struct receiver *r, uint64_t count)
{
    struct counters *counters = &r->conn->worker->counters;
    counter_add(r->sock->is_too_slow ? &counters->dropped_slow : &counters->dropped_closed, count);
}

/* Which room lost something is known for the message at hand only; of those that left the queue
 * earlier it is not, so all rooms are told. More than needed is honest, less would not be. */
static void note_gap(const struct receiver *r, struct membership *membership, unsigned count)
{
    r->sock->has_gap = true;
    if (membership != NULL) {
        membership->dropped += count;
        return;
    }
    for (unsigned i = 0; i < r->sock->member.membership_count; i++)
        r->sock->member.memberships[i].dropped++;
    if (sock_ops_of(r->sock)->note_gap != NULL)
        sock_ops_of(r->sock)->note_gap(r->sock);
}

/* The conflation key of a message: the same event of the same sender in the same room. */
static uint32_t conflation_key(const struct message *m)
{
    if (m->kind != KIND_EVENT)
        return 0;
    uint64_t hash = 14695981039346656037u ^ (m->room_count > 0 ? m->rooms[0].hash : 0);
    belfry_bytes parts[] = { m->name, m->sender };
    for (size_t p = 0; p < BELFRY_COUNT(parts); p++) {
        for (size_t i = 0; i < parts[p].size; i++)
            hash = (hash ^ ((const uint8_t *)parts[p].data)[i]) * 1099511628211u;
        hash *= 1099511628211u;
    }
    uint32_t key = (uint32_t)(hash >> 40) & OUT_KEY_MASK;
    return key == 0 ? 1 : key;
}

static uint32_t tag_of(const struct receiver *r, const struct message *m, unsigned count,
                       size_t size)
{
    uint32_t tag = OUT_MAY_DROP | (count - 1) << OUT_COUNT_SHIFT;
    if (options_of(r)->slow_policy == BELFRY_SLOW_LATEST)
        tag |= conflation_key(m);
    if (r->is_deflated && (m->flags & MESSAGE_NO_COMPRESS) == 0 &&
        size >= options_of(r)->deflate_threshold_bytes)
        tag |= OUT_COMPRESS;
    return tag;
}

/* Makes room by the policy; false: @m itself is what is dropped. */
static bool make_room(const struct receiver *r, const struct message *m, size_t size)
{
    struct outq *q = &r->conn->out;
    unsigned dropped = 0;
    switch (options_of(r)->slow_policy) {
    case BELFRY_SLOW_CLOSE:
    case BELFRY_SLOW_DROP_NEWEST:
        return false;
    case BELFRY_SLOW_LATEST:
        if (conflation_key(m) != 0)
            dropped = outq_drop_key(q, conflation_key(m));
        break;
    case BELFRY_SLOW_DROP_OLDEST:
        break;
    }
    if (!fits(r, size))
        dropped += outq_drop_oldest(q, q->bytes + size - max_queue_of(r));
    if (dropped > 0) {
        count_drops(r, dropped);
        note_gap(r, NULL, dropped);
    }
    return fits(r, size);
}

/* A client that has a newer message must have been told of the hole before it: it may leave with
 * that message's id as its position. */
static void announce_before_newer(const struct receiver *r)
{
    if (BELFRY_UNLIKELY(r->sock->has_gap) && sock_ops_of(r->sock)->announce_gaps != NULL)
        sock_ops_of(r->sock)->announce_gaps(r->sock);
}

static void deliver_one(const struct receiver *r, struct hub_batch *batch, unsigned index,
                        struct membership *membership)
{
    const struct message *m = batch->messages[index];
    struct frame *frame = hub_batch_frame_of(batch, index, r->form);
    if (frame == NULL) {
        counter_add(&r->conn->worker->counters.dropped_memory, 1);
        note_gap(r, membership, 1);
        return;
    }
    if (!fits(r, frame->size) && !r->conn->is_blocked)
        conn_flush(r->conn);
    if (r->sock->state != SOCK_OPEN) {
        frame_unref(frame);
        count_unheard(r, 1);
        return;
    }
    if (!fits(r, frame->size) && !make_room(r, m, frame->size)) {
        frame_unref(frame);
        count_drops(r, 1);
        if (options_of(r)->slow_policy == BELFRY_SLOW_CLOSE)
            r->sock->is_too_slow = true;
        else
            note_gap(r, membership, 1);
        return;
    }
    counter_add(&r->conn->worker->counters.messages_out, 1);
    announce_before_newer(r);
    conn_write_frame(r->conn, frame, tag_of(r, m, 1, frame->size));
}

void deliver_drop_all(const struct receiver *r)
{
    count_drops(r, outq_drop_oldest(&r->conn->out, SIZE_MAX));
}

void deliver_batch(const struct receiver *r, struct hub_batch *batch, struct membership *membership)
{
    struct conn *c = r->conn;
    if (r->sock->state != SOCK_OPEN || r->sock->is_too_slow) {
        count_unheard(r, batch->count);
        return;
    }
    if ((batch->messages[0]->flags & MESSAGE_VOLATILE) != 0 && c->is_blocked) {
        counter_add(&c->worker->counters.dropped_volatile, batch->count);
        return;
    }
    bool may_join =
        batch->count == 1 || (options_of(r)->slow_policy != BELFRY_SLOW_LATEST && !r->is_deflated);
    struct frame *frame = may_join ? hub_batch_frame(batch, r->form) : NULL;
    if (frame != NULL && fits(r, frame->size)) {
        counter_add(&c->worker->counters.messages_out, batch->count);
        announce_before_newer(r);
        conn_write_frame(c, frame, tag_of(r, batch->messages[0], batch->count, frame->size));
        return;
    }
    frame_unref(frame);
    unsigned done = 0;
    while (done < batch->count && r->sock->state == SOCK_OPEN && !r->sock->is_too_slow)
        deliver_one(r, batch, done++, membership);
    count_unheard(r, batch->count - done);
    if (r->sock->is_too_slow) /* not now: the room is being walked */
        conn_set_timer(c, c->worker->loop.now_ms);
}
