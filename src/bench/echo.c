/*
 * echo.c - every connection in a closed loop with the server.
 *
 *   one write: [frame 1 | frame 2 | ... | frame k] --> server
 *              [reply 1 | reply 2 | ... | reply k] <-- whole again? record, write the next batch
 *
 * All connections send the same bytes and so expect the same bytes, which are built once. The
 * first batch of each connection is compared byte by byte; afterwards bytes are counted, and only
 * the first few of each read are compared (a close, a ping or a slipped frame shows there).
 *
 * Over Socket.IO a message is the event "echo" with the payload, or "ack" and the ack; replies are
 * known to the byte as well, for every JSON writer spells [name, text] the same way.
 *
 * Against the floor (--raw) the same client bytes go out, and come back as they are: k frames of
 * size + 6, 8 or 14 bytes, where a WebSocket server returns size + 2, 4 or 10.
 *
 * A run starts and ends with nothing in flight, so messages and CPU time belong together exactly.
 */
#include "base/clock.h"
#include "bench/bench.h"
#include "bench/modes.h"
#include "bench/swarm.h"

enum { GLANCE_BYTES = 16 };

struct echo {
    struct swarm swarm;
    struct histogram *latency;
    struct buf batch;   /* what is sent */
    struct buf replies; /* what must come back */
    uint32_t reply_bytes;
    uint64_t stop_ns; /* no new batch after this */
    uint64_t busy;    /* connections with a batch under way */
    uint64_t messages;
    bool is_first_batch;
};

/* Payload @number of a batch: text that differs from its neighbours, so that order shows. */
static void put_payload(struct buf *out, uint32_t size, uint32_t number)
{
    for (uint32_t i = 0; i < size; i++)
        buf_put_char(out, (char)('a' + (i + number) % 26));
}

/* Ack ids of one length, so that all replies have one: 1 to 9, or 10 to 99, or 100 to 999... */
static uint32_t first_ack_id(uint32_t depth)
{
    uint32_t first = 1;
    while (first * 9 < depth)
        first *= 10;
    return first;
}

/* What a Socket.IO client sends, and what it must hear: the same event, or the ack. Ids come again
 * in every batch; they are the client's to choose. */
static void put_packets(struct buf *request, struct buf *reply, const struct bench_options *o,
                        uint32_t number)
{
    uint32_t id = first_ack_id(o->depth) + number;
    if (o->wants_acks) {
        buf_printf(request, "42%u[\"ack\",\"", id);
        buf_printf(reply, "43%u[\"", id);
    } else {
        buf_put_text(request, "42[\"echo\",\"");
        buf_put_text(reply, "42[\"echo\",\"");
    }
    put_payload(request, o->message_bytes, number);
    put_payload(reply, o->message_bytes, number);
    buf_put_text(request, "\"]");
    buf_put_text(reply, "\"]");
}

/* One message and the reply to it, as frames. */
static bool put_exchange(struct echo *e, const struct bench_options *o, uint32_t number)
{
    enum wire_opcode opcode = o->is_binary ? WIRE_BINARY : WIRE_TEXT;
    struct buf request = { 0 }, reply = { 0 };
    if (o->is_socketio) {
        put_packets(&request, &reply, o, number);
    } else {
        put_payload(&request, o->message_bytes, number);
        put_payload(&reply, o->message_bytes, number);
    }
    wire_put_client_frame(&e->batch, opcode, buf_bytes(&request));
    if (!o->is_raw)
        wire_put_server_frame(&e->replies, opcode, buf_bytes(&reply));
    bool is_put = !buf_failed(&request) && !buf_failed(&reply);
    buf_deinit(&request);
    buf_deinit(&reply);
    return is_put;
}

static bool build_batch(struct echo *e, const struct bench_options *o)
{
    bool is_built = true;
    BELFRY_ASSERT(o->depth > 0);
    for (uint32_t number = 0; number < o->depth && is_built; number++)
        is_built = put_exchange(e, o, number);
    if (o->is_raw)
        buf_put_bytes(&e->replies, buf_bytes(&e->batch));
    is_built = is_built && !buf_failed(&e->batch) && !buf_failed(&e->replies);
    e->reply_bytes = (uint32_t)(e->replies.size / o->depth);
    return is_built || bench_complain("out of memory: lower -s or -k");
}

static bool send_batch(struct echo *e, struct member *m)
{
    m->received = 0;
    m->sent_ns = clock_monotonic_ns();
    return swarm_send(&e->swarm, m, buf_bytes(&e->batch));
}

static bool matches(const struct echo *e, const struct member *m, belfry_bytes bytes)
{
    if (bytes.size > e->replies.size - m->received)
        return false;
    size_t size = e->is_first_batch ? bytes.size : BELFRY_MIN(bytes.size, (size_t)GLANCE_BYTES);
    return memcmp(bytes.data, e->replies.data + m->received, size) == 0;
}

/* What came is no echo. If it is a control frame, it says why; pings would spoil the count. */
static bool complain_about(const struct echo *e, const struct member *m, belfry_bytes bytes)
{
    struct wire_frame frame;
    bool is_between = m->received % e->reply_bytes == 0;
    if (is_between && wire_peek(bytes, &frame) == WIRE_FRAME && frame.opcode == WIRE_CLOSE &&
        bytes.size >= frame.header_bytes + frame.payload_bytes)
        return swarm_on_control(
            &(struct member){ .index = m->index }, &frame,
            bytes_of((const uint8_t *)bytes.data + frame.header_bytes, frame.payload_bytes));
    return bench_complain("connection %u: the reply differs after %u bytes (of %zu): is %s an "
                          "echo of exactly what is sent?",
                          m->index, m->received, (size_t)e->replies.size, e->swarm.target->path);
}

static bool on_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    struct echo *e = s->user;
    if (!matches(e, m, bytes))
        return complain_about(e, m, bytes);
    uint64_t now_ns = clock_monotonic_ns();
    uint32_t before = m->received / e->reply_bytes;
    m->received += (uint32_t)bytes.size;
    uint32_t arrived = m->received / e->reply_bytes - before;
    histogram_add(e->latency, now_ns - m->sent_ns, arrived);
    e->messages += arrived;
    if (m->received < e->replies.size)
        return true;
    if (now_ns < e->stop_ns)
        return send_batch(e, m);
    e->busy--;
    return true;
}

/* Everybody sends until @duration_ms is over, at least one batch, and gets all replies. */
static bool run(struct echo *e, uint32_t duration_ms)
{
    const struct bench_options *o = e->swarm.options;
    histogram_clear(e->latency);
    e->messages = 0;
    e->busy = o->connections;
    e->stop_ns = clock_monotonic_ns() + (uint64_t)duration_ms * 1000000u;
    for (uint32_t i = 0; i < o->connections; i++) {
        if (!send_batch(e, &e->swarm.members[i]))
            return false;
    }
    if (!swarm_run(&e->swarm, &e->busy, duration_ms + o->timeout_ms,
                   "connections still waited for replies"))
        return false;
    if (e->messages != e->latency->count || e->messages % o->depth != 0)
        return bench_complain("the totals do not add up");
    return true;
}

static bool open_all(struct echo *e, struct report *r)
{
    pid_t pid = r->options->pid;
    return meter_begin(&r->opening, pid) && swarm_open(&e->swarm, r->options->connections) &&
           meter_end(&r->opening, pid);
}

static bool check_first_batch(struct echo *e)
{
    e->is_first_batch = true;
    bool is_good = run(e, 0);
    e->is_first_batch = false;
    return is_good;
}

bool echo_measure(const struct target *target, struct report *r)
{
    struct echo e = { .latency = &r->latency };
    const struct bench_options *o = r->options;
    bool is_good = swarm_init(&e.swarm, o, target) && build_batch(&e, o);
    e.swarm.on_bytes = on_bytes;
    e.swarm.user = &e;
    is_good = is_good && open_all(&e, r) && check_first_batch(&e) && run(&e, o->warmup_ms) &&
              meter_begin(&r->measured, o->pid) && run(&e, o->duration_ms) &&
              meter_end(&r->measured, o->pid);
    r->messages = e.messages;
    swarm_deinit(&e.swarm);
    buf_deinit(&e.batch);
    buf_deinit(&e.replies);
    return is_good;
}
