/*
 * connect.c - sessions that are opened only to be closed.
 *
 *   each of -c members:  TCP, handshake, session --> open? close frame --> server ends TCP? again
 *
 * A connection counts when it is gone, so everything that it costs the server lies within the
 * measured stretch; latency is the time until it is open.
 */
#include "base/clock.h"
#include "bench/bench.h"
#include "bench/modes.h"
#include "bench/swarm.h"

struct connecting {
    struct swarm swarm;
    struct histogram *latency;
    uint64_t stop_ns; /* nobody connects again after this */
    uint64_t busy;    /* members with a connection */
    uint64_t connections;
};

static bool on_open(struct swarm *s, struct member *m)
{
    struct connecting *c = s->user;
    histogram_add(c->latency, clock_monotonic_ns() - m->sent_ns, 1);
    return swarm_close(m);
}

/* What a server says unasked is not for us. */
static bool on_bytes(struct swarm *s, struct member *m, belfry_bytes bytes)
{
    (void)s;
    (void)m;
    (void)bytes;
    return true;
}

static bool on_closed(struct swarm *s, struct member *m)
{
    struct connecting *c = s->user;
    c->connections++;
    m->sent_ns = clock_monotonic_ns();
    if (m->sent_ns < c->stop_ns)
        return swarm_reconnect(s, m);
    c->busy--;
    return true;
}

/* Every member connects until @duration_ms is over, at least once. */
static bool run(struct connecting *c, uint32_t duration_ms)
{
    const struct bench_options *o = c->swarm.options;
    uint64_t now_ns = clock_monotonic_ns();
    histogram_clear(c->latency);
    c->connections = 0;
    c->busy = o->connections;
    c->stop_ns = now_ns + (uint64_t)duration_ms * 1000000u;
    for (uint32_t i = 0; i < o->connections; i++) {
        c->swarm.members[i].sent_ns = now_ns;
        if (!swarm_reconnect(&c->swarm, &c->swarm.members[i]))
            return false;
    }
    if (!swarm_run(&c->swarm, &c->busy, duration_ms + o->timeout_ms,
                   "connections were not closed by the server"))
        return false;
    if (c->connections != c->latency->count)
        return bench_complain("the totals do not add up");
    return true;
}

/* The first connection of each member, one after the other where --rate says so. */
static bool run_first(struct connecting *c)
{
    const struct bench_options *o = c->swarm.options;
    c->busy = o->connections;
    return swarm_open(&c->swarm, o->connections) &&
           swarm_run(&c->swarm, &c->busy, o->timeout_ms,
                     "connections were not closed by the server");
}

bool connect_measure(const struct target *target, struct report *r)
{
    struct connecting c = { .latency = &r->latency };
    const struct bench_options *o = r->options;
    bool is_good = swarm_init(&c.swarm, o, target);
    c.swarm.on_open = on_open;
    c.swarm.on_bytes = on_bytes;
    c.swarm.on_closed = on_closed;
    c.swarm.user = &c;
    is_good = is_good && run_first(&c) && run(&c, o->warmup_ms) &&
              meter_begin(&r->measured, o->pid) && run(&c, o->duration_ms) &&
              meter_end(&r->measured, o->pid);
    r->messages = c.connections;
    swarm_deinit(&c.swarm);
    return is_good;
}
