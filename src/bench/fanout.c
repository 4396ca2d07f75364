/*
 * fanout.c - a room in a closed loop.
 *
 *   round: each sender writes k messages at once --> server --> S * k copies to each of N members
 *          all N * S * k copies are there? next round
 *
 * So "k in flight" means that at most k messages of a sender are anywhere in the system, and no
 * member falls behind another by more than a round. Rounds are never cut: the measured stretch
 * starts and ends with nothing in flight, and takes at least one round.
 *
 * A copy is a data frame that begins as dialect.c says; acks, presence and whatever else the server
 * says do not count. With --plain every data frame is a copy. Before anything is measured, one
 * message must reach every member with the right text.
 */
#include "base/clock.h"
#include "bench/bench.h"
#include "bench/dialect.h"
#include "bench/modes.h"
#include "bench/swarm.h"

struct fanout {
    struct swarm swarm;
    const struct dialect *dialect;
    struct histogram *latency;
    struct buf text;    /* the text of every message */
    struct buf join;    /* one frame */
    struct buf message; /* one frame */
    struct buf batch;   /* k of them */
    uint64_t sent_ns;   /* when the round began */
    uint64_t missing;   /* joins, or copies of this round */
    uint64_t copies;
    uint64_t published;
};

/* A read of one member under way. */
struct reading {
    struct fanout *fanout;
    struct member *member;
    uint32_t copies;
};

static bool begins_with(belfry_bytes bytes, const char *prefix)
{
    size_t size = strlen(prefix);
    return bytes.size >= size && memcmp(bytes.data, prefix, size) == 0;
}

/* --- what is sent --------------------------------------------------------------------------- */

static void put_text(struct buf *out, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        buf_put_char(out, (char)('a' + i % 26));
}

static bool build_frames(struct fanout *f, const struct bench_options *o)
{
    const struct dialect *d = f->dialect;
    struct buf payload = { 0 };
    put_text(&f->text, o->message_bytes);
    if (d->join != NULL) {
        dialect_put(&payload, d->join, o->room, buf_bytes(&f->text));
        wire_put_client_frame(&f->join, WIRE_TEXT, buf_bytes(&payload));
        buf_clear(&payload);
    }
    dialect_put(&payload, d->message, o->room, buf_bytes(&f->text));
    wire_put_client_frame(&f->message, WIRE_TEXT, buf_bytes(&payload));
    for (uint32_t i = 0; i < o->depth; i++)
        buf_put_bytes(&f->batch, buf_bytes(&f->message));
    bool is_built = !buf_failed(&payload) && !buf_failed(&f->text) && !buf_failed(&f->join) &&
                    !buf_failed(&f->message) && !buf_failed(&f->batch);
    buf_deinit(&payload);
    return is_built || bench_complain("out of memory: lower -s or -k");
}

/* --- joining -------------------------------------------------------------------------------- */

static bool on_joining_frame(void *user, const struct wire_frame *frame, belfry_bytes shown)
{
    struct reading *reading = user;
    if (wire_is_control(frame->opcode))
        return swarm_on_control(reading->member, frame, shown);
    const struct dialect *d = reading->fanout->dialect;
    if (begins_with(shown, d->refused))
        return bench_complain("member %u may not join: %.*s", reading->member->index,
                              (int)BELFRY_MIN(shown.size, 200u), (const char *)shown.data);
    if (begins_with(shown, d->joined))
        reading->fanout->missing--;
    return true;
}

static bool on_joining_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    struct reading reading = { .fanout = s->user, .member = m };
    return walk_feed(&m->walk, bytes, WALK_WHOLE, on_joining_frame, &reading);
}

static bool send_join(struct swarm *s, struct member *m)
{
    struct fanout *f = s->user;
    return f->dialect->join == NULL || swarm_send(s, m, buf_bytes(&f->join));
}

static bool join_all(struct fanout *f)
{
    const struct bench_options *o = f->swarm.options;
    f->missing = f->dialect->join == NULL ? 0 : o->connections;
    f->swarm.on_open = send_join;
    f->swarm.on_bytes = on_joining_bytes;
    return swarm_open(&f->swarm, o->connections) &&
           swarm_run(&f->swarm, &f->missing, o->timeout_ms,
                     "members had no answer to their join (which protocol does this path speak? "
                     "see --plain and --socketio)");
}

/* --- rounds --------------------------------------------------------------------------------- */

static bool is_copy(const struct fanout *f, const struct wire_frame *frame, belfry_bytes shown)
{
    return frame->opcode != WIRE_CONTINUATION && begins_with(shown, f->dialect->copy);
}

static bool count_copy(struct reading *reading)
{
    struct fanout *f = reading->fanout;
    if (f->missing == 0)
        return bench_complain("member %u got a message that nobody sent", reading->member->index);
    f->missing--;
    reading->member->received++;
    reading->copies++;
    return true;
}

static bool on_frame(void *user, const struct wire_frame *frame, belfry_bytes shown)
{
    struct reading *reading = user;
    if (wire_is_control(frame->opcode))
        return swarm_on_control(reading->member, frame, shown);
    return !is_copy(reading->fanout, frame, shown) || count_copy(reading);
}

static bool on_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    struct fanout *f = s->user;
    struct reading reading = { .fanout = f, .member = m };
    bool is_good = walk_feed(&m->walk, bytes, WALK_PREFIX, on_frame, &reading);
    if (reading.copies > 0)
        histogram_add(f->latency, clock_monotonic_ns() - f->sent_ns, reading.copies);
    return is_good;
}

/* One round of @depth messages from each of the first @senders members. */
static bool run_round(struct fanout *f, belfry_bytes batch, uint32_t senders, uint32_t depth)
{
    const struct bench_options *o = f->swarm.options;
    uint64_t copies = (uint64_t)senders * depth * o->connections;
    f->missing = copies;
    f->sent_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < senders; i++) {
        if (!swarm_send(&f->swarm, &f->swarm.members[i], batch))
            return false;
    }
    if (!swarm_run(&f->swarm, &f->missing, o->timeout_ms, "copies of messages had not arrived"))
        return false;
    f->copies += copies;
    f->published += (uint64_t)senders * depth;
    return true;
}

/* Every member must have got every message exactly once. */
static bool check_totals(const struct fanout *f)
{
    for (uint32_t i = 0; i < f->swarm.options->connections; i++) {
        uint32_t received = f->swarm.members[i].received;
        if (received != (uint32_t)f->published)
            return bench_complain("member %u got %u messages, not %u", i, received,
                                  (uint32_t)f->published);
    }
    if (f->copies != f->latency->count)
        return bench_complain("the totals do not add up");
    return true;
}

static bool run(struct fanout *f, uint32_t duration_ms)
{
    const struct bench_options *o = f->swarm.options;
    uint64_t stop_ns = clock_monotonic_ns() + (uint64_t)duration_ms * 1000000u;
    histogram_clear(f->latency);
    f->copies = f->published = 0;
    for (uint32_t i = 0; i < o->connections; i++)
        f->swarm.members[i].received = 0;
    do {
        if (!run_round(f, buf_bytes(&f->batch), o->senders, o->depth))
            return false;
    } while (clock_monotonic_ns() < stop_ns);
    return check_totals(f);
}

/* --- the first message ---------------------------------------------------------------------- */

static bool on_first_frame(void *user, const struct wire_frame *frame, belfry_bytes shown)
{
    struct reading *reading = user;
    struct fanout *f = reading->fanout;
    if (wire_is_control(frame->opcode))
        return swarm_on_control(reading->member, frame, shown);
    if (!is_copy(f, frame, shown))
        return true;
    if (!frame->is_final || memmem(shown.data, shown.size, f->text.data, f->text.size) == NULL)
        return bench_complain("member %u got a message without the text that was sent",
                              reading->member->index);
    return count_copy(reading);
}

static bool on_first_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    struct reading reading = { .fanout = s->user, .member = m };
    return walk_feed(&m->walk, bytes, WALK_WHOLE, on_first_frame, &reading);
}

static bool check_first_message(struct fanout *f)
{
    f->swarm.on_bytes = on_first_bytes;
    bool is_good = run_round(f, buf_bytes(&f->message), 1, 1);
    f->swarm.on_bytes = on_bytes;
    return is_good;
}

/* -------------------------------------------------------------------------------------------- */

static bool open_all(struct fanout *f, struct report *r)
{
    pid_t pid = r->options->pid;
    return meter_begin(&r->opening, pid) && join_all(f) && meter_end(&r->opening, pid);
}

bool fanout_measure(const struct target *target, struct report *r)
{
    const struct bench_options *o = r->options;
    struct fanout f = { .latency = &r->latency, .dialect = dialect_of(o) };
    bool is_good = swarm_init(&f.swarm, o, target) && build_frames(&f, o);
    f.swarm.user = &f;
    is_good = is_good && open_all(&f, r) && check_first_message(&f) &&
              (o->warmup_ms == 0 || run(&f, o->warmup_ms)) && meter_begin(&r->measured, o->pid) &&
              run(&f, o->duration_ms) && meter_end(&r->measured, o->pid);
    r->messages = f.copies;
    r->published = f.published;
    swarm_deinit(&f.swarm);
    buf_deinit(&f.text);
    buf_deinit(&f.join);
    buf_deinit(&f.message);
    buf_deinit(&f.batch);
    return is_good;
}
