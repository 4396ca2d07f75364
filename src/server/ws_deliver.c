/*
 * ws_deliver.c - room messages into one WebSocket's queue, and what happens when it is full.
 *
 *   fits: the batch as one frame, shared with every other member
 *   does not fit: flush, look again, then message by message by slow_policy
 *
 * Whatever is not delivered is counted, and a member that speaks the room protocol is told of the
 * gap as soon as it reads again.
 */
#include "base/alloc.h"
#include "rooms/reply.h"
#include "server/encode.h"
#include "server/server.h"
#include "server/ws_session.h"
#include "ws/close.h"
#include "ws/encoder.h"

static size_t max_queue_of(const struct ws_session *ws)
{
    return (size_t)ws->sock.route->server->options.max_queue_bytes;
}

/* A message alone may be as large as any: the limit is for what piles up. */
static bool fits(const struct ws_session *ws, size_t size)
{
    return outq_is_empty(&ws->conn.out) || conn_queued(&ws->conn) + size <= max_queue_of(ws);
}

static void count_drops(struct ws_session *ws, uint64_t count)
{
    counter_add(&ws->conn.worker->counters.dropped_slow, count);
}

/* It hears nothing any more: it is being closed, for whatever reason. */
static void count_unheard(struct ws_session *ws, uint64_t count)
{
    struct counters *counters = &ws->conn.worker->counters;
    counter_add(ws->is_too_slow ? &counters->dropped_slow : &counters->dropped_closed, count);
}

/* Which room lost something is known for the message at hand only; of those that left the queue
 * earlier it is not, so all rooms are told. More than needed is honest, less would not be. */
static void note_gap(struct ws_session *ws, struct membership *membership, unsigned count)
{
    ws->has_gap = true;
    if (membership != NULL) {
        membership->dropped += count;
        return;
    }
    for (unsigned i = 0; i < ws->sock.member.membership_count; i++)
        ws->sock.member.memberships[i].dropped++;
}

void ws_announce_gaps(struct ws_session *ws)
{
    if (!ws->sock.route->speaks_rooms || ws->sock.state != SOCK_OPEN)
        return;
    ws->has_gap = false;
    for (unsigned i = 0; i < ws->sock.member.membership_count; i++) {
        struct membership *membership = &ws->sock.member.memberships[i];
        if (membership->dropped == 0)
            continue;
        membership->dropped = 0;
        struct buf text = { 0 };
        rooms_put_gap(&text, membership_room_name(membership),
                      BELFRY_BYTES("slow: this connection did not keep up and missed messages"));
        if (!buf_failed(&text)) {
            uint8_t header[10];
            conn_write(&ws->conn, header, ws_header_write(header, WS_TEXT | WS_FIN, text.size));
            conn_write(&ws->conn, text.data, text.size);
        }
        buf_deinit(&text);
    }
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

static uint32_t tag_of(const struct ws_session *ws, const struct message *m, unsigned count,
                       size_t size)
{
    const belfry_options *options = &ws->sock.route->server->options;
    uint32_t tag = OUT_MAY_DROP | (count - 1) << OUT_COUNT_SHIFT;
    if (options->slow_policy == BELFRY_SLOW_LATEST)
        tag |= conflation_key(m);
    if (ws->decoder.params.is_on && ws_session_form(ws) == FORM_WS_PLAIN &&
        size >= options->deflate_threshold_bytes)
        tag |= OUT_COMPRESS;
    return tag;
}

/* Makes room by the policy; false: @m itself is what is dropped. */
static bool make_room(struct ws_session *ws, const struct message *m, size_t size)
{
    struct outq *q = &ws->conn.out;
    unsigned dropped = 0;
    switch (ws->sock.route->server->options.slow_policy) {
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
    if (!fits(ws, size))
        dropped += outq_drop_oldest(q, q->bytes + size - max_queue_of(ws));
    if (dropped > 0) {
        count_drops(ws, dropped);
        note_gap(ws, NULL, dropped);
    }
    return fits(ws, size);
}

/* A client that has a newer message must have been told of the hole before it: it may leave with
 * that message's id as its position. */
static void announce_before_newer(struct ws_session *ws)
{
    if (BELFRY_UNLIKELY(ws->has_gap))
        ws_announce_gaps(ws);
}

static void deliver_one(struct ws_session *ws, struct hub_batch *batch, unsigned index,
                        struct membership *membership)
{
    const struct message *m = batch->messages[index];
    struct frame *frame = hub_batch_frame_of(batch, index, ws_session_form(ws));
    if (frame == NULL) {
        counter_add(&ws->conn.worker->counters.dropped_memory, 1);
        note_gap(ws, membership, 1);
        return;
    }
    if (!fits(ws, frame->size) && !ws->conn.is_blocked)
        conn_flush(&ws->conn);
    if (ws->sock.state != SOCK_OPEN) {
        frame_unref(frame);
        count_unheard(ws, 1);
        return;
    }
    if (!fits(ws, frame->size) && !make_room(ws, m, frame->size)) {
        frame_unref(frame);
        count_drops(ws, 1);
        if (ws->sock.route->server->options.slow_policy == BELFRY_SLOW_CLOSE)
            ws->is_too_slow = true;
        else
            note_gap(ws, membership, 1);
        return;
    }
    counter_add(&ws->conn.worker->counters.messages_out, 1);
    announce_before_newer(ws);
    conn_write_frame(&ws->conn, frame, tag_of(ws, m, 1, frame->size));
}

void ws_close_slow(struct ws_session *ws)
{
    count_drops(ws, outq_drop_oldest(&ws->conn.out, SIZE_MAX));
    ws_fail(ws, WS_CLOSE_TRY_LATER, "too slow: max_queue_bytes were waiting", CLOSED_slow);
}

void ws_deliver(struct member *member, struct hub_batch *batch, struct membership *membership)
{
    struct ws_session *ws = ws_of_sock(sock_of_member(member));
    struct conn *c = &ws->conn;
    if (ws->sock.state != SOCK_OPEN || ws->is_too_slow) {
        count_unheard(ws, batch->count);
        return;
    }
    if ((batch->messages[0]->flags & MESSAGE_VOLATILE) != 0 && c->is_blocked) {
        counter_add(&c->worker->counters.dropped_volatile, batch->count);
        return;
    }
    bool may_join =
        batch->count == 1 || ws->sock.route->server->options.slow_policy != BELFRY_SLOW_LATEST;
    struct frame *frame = may_join && !(ws->decoder.params.is_on && batch->count > 1 &&
                                        ws_session_form(ws) == FORM_WS_PLAIN)
                              ? hub_batch_frame(batch, ws_session_form(ws))
                              : NULL;
    if (frame != NULL && fits(ws, frame->size)) {
        counter_add(&c->worker->counters.messages_out, batch->count);
        announce_before_newer(ws);
        conn_write_frame(c, frame, tag_of(ws, batch->messages[0], batch->count, frame->size));
        return;
    }
    frame_unref(frame);
    unsigned done = 0;
    while (done < batch->count && ws->sock.state == SOCK_OPEN && !ws->is_too_slow)
        deliver_one(ws, batch, done++, membership);
    count_unheard(ws, batch->count - done);
    if (ws->is_too_slow) /* not now: the room is being walked */
        conn_set_timer(c, c->worker->loop.now_ms);
}
