/*
 * idle.c - connections that do nothing, and the memory they take.
 *
 *   open up to the first mark, let it settle, read RSS;  up to the next mark ...;  hold
 *
 * Memory divided by connections misleads, for it spreads the process itself over them. What counts
 * is the difference between two marks. Pings are answered all the while.
 */
#include "bench/bench.h"
#include "bench/modes.h"
#include "bench/swarm.h"
#include "bench/usage.h"

static bool on_frame(void *user, const struct wire_frame *frame, belfry_bytes shown)
{
    return !wire_is_control(frame->opcode) || swarm_on_control(user, frame, shown);
}

static bool on_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    (void)s;
    return walk_feed(&m->walk, bytes, WALK_PREFIX, on_frame, m);
}

/* The time to settle is no time of opening. */
static bool open_to(struct swarm *s, uint32_t connections, struct report *r)
{
    struct meter meter;
    if (!meter_begin(&meter, r->options->pid) || !swarm_open(s, connections) ||
        !meter_end(&meter, r->options->pid))
        return false;
    r->opening.wall_ns += meter.wall_ns;
    r->opening.server_cpu_ns += meter.server_cpu_ns;
    r->opening.own_cpu_ns += meter.own_cpu_ns;
    return true;
}

static bool open_to_mark(struct swarm *s, uint32_t connections, struct report *r)
{
    struct mark mark = { .connections = connections };
    if (!open_to(s, connections, r) || !swarm_linger(s, r->options->settle_ms))
        return false;
    if (r->options->pid == 0)
        return true;
    if (!usage_resident_bytes(r->options->pid, &mark.resident_bytes))
        return bench_complain("cannot read the memory of process %d: check --pid",
                              (int)r->options->pid);
    r->marks[r->mark_count++] = mark;
    return true;
}

static bool open_all(struct swarm *s, struct report *r)
{
    const struct bench_options *o = r->options;
    for (uint32_t i = 0; i < o->mark_count; i++) {
        if (!open_to_mark(s, o->marks[i], r))
            return false;
    }
    return open_to(s, o->connections, r);
}

bool idle_measure(const struct target *target, struct report *r)
{
    struct swarm s;
    const struct bench_options *o = r->options;
    bool is_good = swarm_init(&s, o, target);
    s.on_bytes = on_bytes;
    is_good = is_good && open_all(&s, r) && meter_begin(&r->measured, o->pid) &&
              swarm_linger(&s, o->duration_ms) && meter_end(&r->measured, o->pid);
    swarm_deinit(&s);
    return is_good;
}
