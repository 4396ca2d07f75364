/*
 * conn.c - reading into the shared buffer, corked writing, queues, and the ways to end.
 *
 * The cork belongs to the worker and serves the connection whose input is being handled: small
 * replies are copied behind each other into its scratch, large ones that lie in the receive buffer
 * are pointed at, shared frames are held by reference. When the input is done all leave in one
 * write. What the kernel does not take goes into the connection's own queue.
 */
#include "server/conn.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "server/worker.h"

#define COPY_BELOW 2048 /* bytes: copying is cheaper than another part of a write */
#define WRITE_PARTS 64
#define WRITE_BYTES 1048576 /* per write, so that one connection does not hold the turn */
#define WRITES_PER_FLUSH 4
#define LINGER_MS 2000
#define LEAST_BYTES_PER_MS 8 /* that a peer takes of what is left for it at the end */
#define PINNED_BYTES 16384   /* a TLS record: may have been encrypted though not written */

static void die(struct conn *c);
static void uncork(struct conn *c);
static void on_stream_ready(struct watch *watch, unsigned events);
static void on_conn_timer(struct timer *timer, uint64_t now_ms);

static belfry_err update_interest(struct conn *c)
{
    unsigned wanted = 0;
    if (!c->is_paused && !c->is_congested && !c->has_ended)
        wanted |= WATCH_READ;
    if (c->is_blocked && c->gates == 0)
        wanted |= WATCH_WRITE;
    if (c->is_paused && c->hears_end && !c->has_ended)
        wanted |= WATCH_END; /* reading would have shown it */
    return stream_want(&c->stream, wanted);
}

/* After a read or write: TLS may now wait for something else. */
static void follow_transport(struct conn *c)
{
    if (c->stream.ops->interest != NULL && update_interest(c) != BELFRY_OK)
        die(c);
}

belfry_err conn_init(struct conn *c, struct worker *worker, const struct session_ops *ops)
{
    worker->connection_count++;
    c->worker = worker;
    c->ops = ops;
    c->stream.watch.on_ready = on_stream_ready;
    c->timer = (struct timer){ .fire = on_conn_timer };
    belfry_err err = update_interest(c);
    if (err != BELFRY_OK) {
        stream_close(&c->stream);
        worker->connection_count--;
    }
    return err;
}

/* The stream, and what is still to be sent, go to @to. */
static belfry_err move_stream(struct conn *from, struct conn *to, const struct session_ops *ops)
{
    BELFRY_ASSERT(from->state == CONN_OPEN && from->unread == NULL);
    to->stream = from->stream;
    to->worker = from->worker;
    to->ops = ops;
    to->last_input_ms = from->last_input_ms;
    /* Earlier responses may still be waiting in the queue. */
    to->is_blocked = from->is_blocked;
    to->has_ended = from->has_ended;
    if (from->is_dirty)
        to->is_dirty = worker_replace_dirty(from->worker, from, to);
    from->is_dirty = false;
    to->out = from->out;
    timer_cancel(&from->worker->loop.timers, &from->timer);
    /* The poller knows the old address. */
    belfry_err err = stream_move(&from->stream, &to->stream);
    from->stream.ops = NULL;
    from->out = (struct outq){ 0 };
    from->state = CONN_DEAD;
    if (from->worker->cork.conn == from)
        from->worker->cork.conn = to;
    from->worker->moved_to = to;
    worker_bury(from->worker, from);
    return err;
}

belfry_err conn_move(struct conn *from, struct conn *to, const struct session_ops *ops)
{
    from->worker->connection_count++;
    to->timer = (struct timer){ .fire = on_conn_timer };
    return move_stream(from, to, ops);
}

belfry_err conn_plug(struct conn *from, struct conn *to, const struct session_ops *ops)
{
    BELFRY_ASSERT(!stream_is_open(&to->stream) && outq_is_empty(&to->out));
    return move_stream(from, to, ops);
}

void conn_init_detached(struct conn *c, struct worker *worker, const struct session_ops *ops)
{
    worker->connection_count++;
    c->worker = worker;
    c->ops = ops;
    c->timer = (struct timer){ .fire = on_conn_timer };
}

belfry_err conn_give(struct conn *from, struct conn *to, struct buf *input)
{
    BELFRY_ASSERT(from->unread == NULL && !from->is_held);
    uncork(from);
    if (from->state != CONN_OPEN || from->is_doomed)
        return BELFRY_ERR_GONE;
    stream_leave(&from->stream);
    to->stream = from->stream;
    to->out = from->out;
    to->unread = input;
    to->is_paused = true;
    to->is_blocked = from->is_blocked;
    to->has_ended = from->has_ended;
    to->last_input_ms = from->last_input_ms;
    from->stream.ops = NULL;
    from->out = (struct outq){ 0 };
    from->state = CONN_DEAD;
    timer_cancel(&from->worker->loop.timers, &from->timer);
    worker_bury(from->worker, from);
    return BELFRY_OK;
}

static void free_unread(struct conn *c)
{
    if (c->unread == NULL)
        return;
    buf_deinit(c->unread);
    mem_free(c->unread);
    c->unread = NULL;
}

belfry_err conn_adopt(struct conn *c, struct worker *worker, const struct session_ops *ops)
{
    stream_enter(&c->stream, &worker->loop);
    belfry_err err = conn_init(c, worker, ops);
    if (err != BELFRY_OK) {
        outq_deinit(&c->out);
        free_unread(c);
    }
    return err;
}

/* Rooms must not change while they are walked: then death comes with the next turn. */
static bool must_die_later(struct conn *c)
{
    if (!c->worker->shard->is_draining || c->state != CONN_OPEN)
        return false;
    c->is_doomed = true;
    timer_set(&c->worker->loop.timers, &c->timer, c->worker->loop.now_ms);
    return true;
}

static void die(struct conn *c)
{
    if (c->state == CONN_DEAD || must_die_later(c))
        return;
    bool was_finishing = c->state != CONN_OPEN;
    c->state = CONN_DEAD;
    timer_cancel(&c->worker->loop.timers, &c->timer);
    stream_close(&c->stream);
    if (c->worker->cork.conn == c)
        cork_drop(&c->worker->cork);
    if (!was_finishing)
        c->ops->on_lost(c);
    counter_add(&c->worker->counters.dropped_closed, outq_message_count(&c->out));
    outq_deinit(&c->out);
    free_unread(c);
    worker_bury(c->worker, c);
}

void conn_abort(struct conn *c)
{
    die(c);
}

/* --- the cork ---------------------------------------------------------------------------------*/

static bool is_writable(const struct conn *c)
{
    return c->state < CONN_LINGERING && !c->is_doomed;
}

static void queue_copy(struct conn *c, const void *data, size_t size)
{
    if (size == 0 || !is_writable(c))
        return;
    if (outq_copy(&c->out, data, size) != BELFRY_OK)
        die(c);
}

static void mark_dirty(struct conn *c)
{
    if (c->is_dirty || c->is_blocked)
        return;
    if (worker_add_dirty(c->worker, c))
        c->is_dirty = true;
    else if (c->ops->flush != NULL)
        die(c); /* a flush now might take half a frame */
    else
        conn_flush(c);
}

/* What the kernel did not take of the cork moves into the queue. */
static void queue_rest(struct conn *c, struct cork *cork, size_t sent)
{
    for (unsigned i = 0; i < cork->count; i++) {
        struct iovec part = cork->parts[i];
        size_t skip = BELFRY_MIN(sent, part.iov_len);
        sent -= skip;
        if (skip == part.iov_len)
            continue;
        if (cork->frames[i] != NULL && skip == 0 && is_writable(c)) {
            if (outq_push(&c->out, frame_ref(cork->frames[i]), 0) != BELFRY_OK)
                die(c);
            continue;
        }
        queue_copy(c, (const char *)part.iov_base + skip, part.iov_len - skip);
    }
}

/* Sends what is corked; true: all of it went, the cork goes on. */
static bool cork_flush(struct conn *c)
{
    struct cork *cork = &c->worker->cork;
    if (cork->count == 0)
        return true;
    if (BELFRY_UNLIKELY(c->gates > 0)) {
        cork->conn = NULL;
        queue_rest(c, cork, 0);
        cork_empty(cork);
        return false;
    }
    /* conn_finish flushes last, and ends what it could send. */
    bool is_last = c->state == CONN_FINISHING && outq_is_empty(&c->out);
    ssize_t sent = is_last ? stream_writev_last(&c->stream, cork->parts, (int)cork->count)
                           : stream_writev(&c->stream, cork->parts, (int)cork->count);
    size_t done = sent > 0 ? (size_t)sent : 0;
    counter_add(&c->worker->counters.bytes_out, done);
    bool is_all = done == cork->bytes;
    if (!is_all) {
        cork->conn = NULL; /* from here on everything is queued, in order */
        if (sent != STREAM_FAILED)
            queue_rest(c, cork, done);
    }
    cork_empty(cork);
    if (sent == STREAM_FAILED) {
        die(c);
    } else if (!is_all && is_writable(c)) {
        c->is_blocked = true;
        if (update_interest(c) != BELFRY_OK)
            die(c);
    }
    return is_all;
}

static bool is_corked(const struct conn *c)
{
    return c->worker->cork.conn == c;
}

static void uncork(struct conn *c)
{
    if (!is_corked(c))
        return;
    (void)cork_flush(c);
    if (is_corked(c))
        c->worker->cork.conn = NULL;
}

void conn_write(struct conn *c, const void *data, size_t size)
{
    if (size == 0 || !is_writable(c))
        return;
    if (is_corked(c)) {
        if (cork_copy(&c->worker->cork, data, size))
            return;
        if (cork_flush(c) && cork_copy(&c->worker->cork, data, size))
            return;
        uncork(c); /* it is larger than the cork */
    }
    queue_copy(c, data, size);
    if (c->state != CONN_DEAD)
        mark_dirty(c);
}

void conn_write_borrowed(struct conn *c, const void *header, size_t header_size,
                         const void *payload, size_t size)
{
    if (!is_corked(c) || size < COPY_BELOW) {
        conn_write(c, header, header_size);
        conn_write(c, payload, size);
        return;
    }
    struct cork *cork = &c->worker->cork;
    if (header_size > 0)
        conn_write(c, header, header_size);
    if (is_corked(c) && (cork->count < CORK_PARTS || cork_flush(c)))
        cork_point(cork, payload, size, NULL);
    else
        conn_write(c, payload, size);
}

/* Nobody will get it: a room message is counted. */
static void drop_frame(struct conn *c, struct frame *frame, uint32_t tag)
{
    if ((tag & OUT_MAY_DROP) != 0)
        counter_add(&c->worker->counters.dropped_closed, out_tag_count(tag));
    frame_unref(frame);
}

void conn_write_frame(struct conn *c, struct frame *frame, uint32_t tag)
{
    if (!is_writable(c)) {
        drop_frame(c, frame, tag);
        return;
    }
    if (is_corked(c) && (tag & OUT_COMPRESS) == 0) {
        struct cork *cork = &c->worker->cork;
        if (frame->size < COPY_BELOW && cork_copy(cork, frame->bytes, frame->size)) {
            frame_unref(frame);
            return;
        }
        if (cork->count < CORK_PARTS || cork_flush(c)) {
            cork_point(cork, frame->bytes, frame->size, frame);
            return;
        }
    }
    uncork(c);
    if (!is_writable(c)) {
        drop_frame(c, frame, tag);
        return;
    }
    if (outq_push(&c->out, frame, tag) != BELFRY_OK)
        die(c);
    else
        mark_dirty(c);
}

/* --- the queue --------------------------------------------------------------------------------*/

/* Compresses the front of the queue, as late as possible: what is compressed can't be dropped. */
static bool compress_front(struct conn *c)
{
    size_t bytes = 0;
    struct out_item *item;
    for (unsigned i = 0; i < WRITE_PARTS && bytes < 65536; i++) {
        item = outq_at(&c->out, i);
        if (item == NULL)
            return true;
        if ((item->tag & OUT_COMPRESS) != 0) {
            uint32_t before = item->frame->size;
            struct frame *frame = c->ops->compress(c, item->frame);
            if (frame == NULL) {
                /* A compressor that failed has lost its place: the peer could not follow. */
                die(c);
                return false;
            }
            frame_unref(item->frame);
            *item = (struct out_item){ .frame = frame };
            c->out.bytes = c->out.bytes - before + frame->size;
        }
        bytes += item->frame->size;
    }
    return true;
}

static void finish_writing(struct conn *c)
{
    c->state = CONN_LINGERING;
    if (c->has_ended && !c->stream.ops->is_secure) {
        die(c); /* closing says all that is left to say */
        return;
    }
    stream_end_writing(&c->stream);
    if (c->has_ended) {
        die(c);
        return;
    }
    c->is_paused = false;
    timer_set(&c->worker->loop.timers, &c->timer, c->worker->loop.now_ms + LINGER_MS);
    if (update_interest(c) != BELFRY_OK)
        die(c);
}

static void on_queue_empty(struct conn *c)
{
    bool was_blocked = c->is_blocked;
    if (was_blocked) {
        c->is_blocked = false;
        if (update_interest(c) != BELFRY_OK) {
            die(c);
            return;
        }
    }
    if (c->state == CONN_FINISHING)
        finish_writing(c);
    else if (was_blocked && c->ops->on_drained != NULL)
        c->ops->on_drained(c);
}

static void handle_unread(struct conn *c);

/* More than the limit waits: answers to a peer that asks and does not read. */
static bool is_full(const struct conn *c)
{
    return conn_queued(c) > c->worker->full_bytes;
}

/* A paused connection: not yet? One that was paused for being full has nothing unread, and goes on
 * as soon as it is not full: under a policy that drops, room messages may keep it clogged. */
static bool must_wait(const struct conn *c)
{
    return c->unread != NULL || c->is_held ? conn_is_clogged(c) : is_full(c);
}

static void block(struct conn *c)
{
    if (c->is_blocked)
        return;
    c->is_blocked = true;
    if (update_interest(c) != BELFRY_OK)
        die(c);
}

void conn_flush(struct conn *c)
{
    if (BELFRY_UNLIKELY(c->gates > 0)) {
        if (is_corked(c))
            (void)cork_flush(c);
        return;
    }
    if (BELFRY_UNLIKELY(c->ops->flush != NULL)) {
        c->ops->flush(c);
        return;
    }
    struct worker *worker = c->worker;
    if (!is_writable(c) || (is_corked(c) && !cork_flush(c)))
        return;
    for (int i = 0; i < WRITES_PER_FLUSH && !outq_is_empty(&c->out); i++) {
        struct iovec parts[WRITE_PARTS];
        if (c->ops->compress != NULL && !compress_front(c))
            return;
        int count = outq_parts(&c->out, parts, WRITE_PARTS, WRITE_BYTES);
        ssize_t sent = stream_writev(&c->stream, parts, count);
        if (sent == STREAM_FAILED) {
            die(c);
            return;
        }
        if (sent == STREAM_AGAIN)
            break;
        counter_add(&worker->counters.bytes_out, (uint64_t)sent);
        outq_consume(&c->out, (size_t)sent, &worker->releaser);
    }
    if (c->stream.ops->is_secure)
        outq_pin(&c->out, PINNED_BYTES);
    if (outq_is_empty(&c->out))
        on_queue_empty(c);
    else
        block(c);
    if (!c->is_paused || c->state == CONN_DEAD || must_wait(c))
        return;
    if (worker->shard->is_draining)
        worker_read_again(worker, c); /* no callbacks while rooms are walked */
    else
        handle_unread(c);
}

void conn_flush_dirty(struct conn *c)
{
    c->is_dirty = false;
    if (!c->is_blocked)
        conn_flush(c);
}

bool conn_is_clogged(const struct conn *c)
{
    size_t corked = is_corked(c) ? c->worker->cork.bytes : 0;
    return c->is_held || conn_queued(c) + corked > c->worker->clog_bytes;
}

void conn_shut_in(struct conn *c)
{
    if (c->state == CONN_OPEN && c->gates < UINT16_MAX)
        c->gates++;
}

void conn_let_out(struct conn *c)
{
    if (c->gates == 0 || --c->gates > 0 || c->state == CONN_DEAD)
        return;
    if (c->is_blocked && stream_is_open(&c->stream) && update_interest(c) != BELFRY_OK)
        die(c);
    else if (!c->is_blocked && !outq_is_empty(&c->out))
        mark_dirty(c);
}

void conn_hold(struct conn *c)
{
    c->is_held = true;
}

void conn_hold_till_end(struct conn *c)
{
    c->is_held = true;
    c->hears_end = true;
}

void conn_release(struct conn *c)
{
    c->is_held = false;
    c->hears_end = false;
    if (c->is_paused && c->state == CONN_OPEN)
        worker_read_again(c->worker, c);
}

/* --- reading ----------------------------------------------------------------------------------*/

/* Keeps what the session did not take, and stops reading until its queue has drained. */
static void keep_unread(struct conn *c, const uint8_t *data, size_t size)
{
    if (c->unread == NULL) {
        c->unread = mem_alloc_zeroed(sizeof *c->unread);
        if (c->unread == NULL || buf_append(c->unread, data, size) != BELFRY_OK) {
            die(c);
            return;
        }
    }
    c->is_paused = true;
    if (update_interest(c) != BELFRY_OK)
        die(c);
}

/* Hands input over, corked. An upgrade may move the connection into another object midway: returns
 * the one that it is now. */
static struct conn *take_input(struct conn *c, uint8_t *data, size_t size)
{
    struct worker *worker = c->worker;
    while (size > 0 && c->state == CONN_OPEN) {
        if (outq_is_empty(&c->out) && !c->is_blocked && worker->cork.conn == NULL)
            worker->cork.conn = c;
        worker->moved_to = NULL;
        size_t taken = c->ops->on_input(c, data, size);
        if (worker->moved_to != NULL)
            c = worker->moved_to;
        uncork(c);
        data += taken;
        size -= taken;
        if (size > 0 && c->state == CONN_OPEN && conn_is_clogged(c)) {
            keep_unread(c, data, size);
            break;
        }
    }
    return c;
}

/* The queue has drained: what was left comes first, then the stream again. */
static void handle_unread(struct conn *c)
{
    struct buf *unread = c->unread;
    c->is_paused = false;
    c->unread = NULL;
    if (unread != NULL && c->state == CONN_OPEN)
        c = take_input(c, unread->data, unread->size);
    if (unread != NULL) {
        buf_deinit(unread);
        mem_free(unread);
    }
    if (c->state == CONN_DEAD)
        return;
    if (update_interest(c) != BELFRY_OK)
        die(c);
    else if (!c->is_paused && stream_has_pending(&c->stream))
        worker_read_again(c->worker, c);
}

static void on_peer_end(struct conn *c)
{
    c->has_ended = true;
    if (c->state != CONN_OPEN) {
        if (c->state == CONN_LINGERING)
            die(c);
        else
            (void)update_interest(c);
        return;
    }
    c->ops->on_end(c);
    /* The end is reported for as long as we ask; what is queued may have to wait for the peer. */
    if (c->state != CONN_DEAD && update_interest(c) != BELFRY_OK)
        die(c);
}

void conn_read(struct conn *c)
{
    struct worker *worker = c->worker;
    if (c->state == CONN_DEAD || c->is_doomed)
        return;
    if (c->is_paused) {
        if (!must_wait(c))
            handle_unread(c);
        return;
    }
    if (c->has_ended)
        return;
    if (BELFRY_UNLIKELY(is_full(c)) && c->state == CONN_OPEN) {
        c->is_paused = true;
        if (update_interest(c) != BELFRY_OK)
            die(c);
        return;
    }
    if (BELFRY_UNLIKELY(worker_is_congested(worker)) && c->state == CONN_OPEN) {
        if (worker_add_congested(worker, c)) {
            c->is_congested = true;
            if (update_interest(c) != BELFRY_OK)
                die(c);
            return;
        }
    }
    ssize_t got = stream_read(&c->stream, worker->rx, worker->rx_size);
    if (got == STREAM_AGAIN) {
        follow_transport(c);
        return;
    }
    if (got == STREAM_FAILED) {
        die(c);
        return;
    }
    if (got == STREAM_END) {
        on_peer_end(c);
        return;
    }
    counter_add(&worker->counters.bytes_in, (uint64_t)got);
    c->last_input_ms = (uint32_t)worker->loop.now_ms;
    if (c->state != CONN_OPEN)
        return; /* lingering: nobody wants it any more */
    bool has_more = stream_has_pending(&c->stream);
    c = take_input(c, worker->rx, (size_t)got);
    if (has_more && c->state != CONN_DEAD)
        worker_read_again(worker, c);
}

void conn_resume_congested(struct conn *c)
{
    c->is_congested = false;
    if (c->state == CONN_DEAD)
        return;
    if (update_interest(c) != BELFRY_OK)
        die(c);
    else if (stream_has_pending(&c->stream))
        worker_read_again(c->worker, c);
}

static void on_stream_ready(struct watch *watch, unsigned events)
{
    struct stream *stream = BELFRY_CONTAINER_OF(watch, struct stream, watch);
    struct conn *c = BELFRY_CONTAINER_OF(stream, struct conn, stream);
    if (c->state == CONN_DEAD)
        return;
    if (c->stream.ops->interest != NULL)
        events |= WATCH_READ | WATCH_WRITE; /* TLS may have waited for the other one */
    if (events & WATCH_WRITE) {
        if (c->is_blocked)
            conn_flush(c);
        if (c->state == CONN_DEAD)
            return;
    }
    if (events & WATCH_READ) {
        /* Paused: reported before the pause, or a hang-up, which the write has found out. */
        if (!c->is_paused && !c->is_congested && !c->is_doomed)
            conn_read(c);
    }
    if ((events & WATCH_END) && c->is_paused && c->hears_end && !c->has_ended && !c->is_doomed)
        on_peer_end(c);
}

/* --- ending -----------------------------------------------------------------------------------*/

void conn_finish(struct conn *c)
{
    if (c->state != CONN_OPEN || c->is_doomed) /* its timer is to kill it, not to wait */
        return;
    c->state = CONN_FINISHING;
    c->gates = 0;
    uncork(c);
    if (c->state != CONN_FINISHING)
        return;
    if (outq_is_empty(&c->out)) {
        finish_writing(c);
        return;
    }
    /* A peer that does not read must not keep us, and one that reads slowly must not be cut off:
     * what is left has as long as a close, and the longer the more it is. */
    uint64_t patience_ms = c->worker->close_timeout_ms + conn_queued(c) / LEAST_BYTES_PER_MS;
    timer_set(&c->worker->loop.timers, &c->timer, c->worker->loop.now_ms + patience_ms);
    mark_dirty(c);
}

static void on_conn_timer(struct timer *timer, uint64_t now_ms)
{
    struct conn *c = BELFRY_CONTAINER_OF(timer, struct conn, timer);
    if (c->state == CONN_OPEN && !c->is_doomed)
        c->ops->on_timer(c, now_ms);
    else
        die(c);
}

static void abort_if_finishing(struct timer *timer, void *arg)
{
    (void)arg;
    if (timer->fire != on_conn_timer)
        return;
    struct conn *c = BELFRY_CONTAINER_OF(timer, struct conn, timer);
    if (c->state != CONN_OPEN)
        die(c);
}

/* Each has a timer, or it would wait for its peer for ever. */
void conn_abort_finishing(struct worker *worker)
{
    timer_each(&worker->loop.timers, abort_if_finishing, NULL);
}

void conn_set_timer(struct conn *c, uint64_t due_ms)
{
    if (c->state == CONN_OPEN && !c->is_doomed)
        timer_set(&c->worker->loop.timers, &c->timer, due_ms);
}

void conn_clear_timer(struct conn *c)
{
    if (c->state == CONN_OPEN && !c->is_doomed)
        timer_cancel(&c->worker->loop.timers, &c->timer);
}
