/*
 * state.c - what to do next, for one session.
 *
 * Three small machines (header: life, transport, heartbeat) that meet in four places: only OPEN
 * sessions have a heartbeat (a closing one uses its timer to wait for a poll), an upgrade starts
 * a wait for a pong anew, packet 5 ends a closing session, and CLOSED ends everything.
 */
#include "engineio/state.h"

#define NEVER UINT64_MAX

/* The timer starts anew from @now_ms. Revision 3 hears a ping every interval, or nothing. */
static void expect_quiet(struct eio_state *s, const struct eio_timing *timing, uint64_t now_ms)
{
    s->beat = EIO_BEAT_QUIET;
    s->beat_ms = now_ms + timing->ping_interval_ms;
    if (s->revision == EIO_REVISION_3)
        s->beat_ms += timing->ping_timeout_ms;
}

static void expect_pong(struct eio_state *s, enum eio_beat beat, const struct eio_timing *timing,
                        uint64_t now_ms)
{
    s->beat = (uint8_t)beat;
    s->beat_ms = now_ms + timing->ping_timeout_ms;
}

void eio_state_init(struct eio_state *s, enum eio_revision revision, enum eio_via via,
                    const struct eio_timing *timing, uint64_t now_ms)
{
    BELFRY_ASSERT(via != EIO_VIA_PROBE);
    *s = (struct eio_state){
        .revision = (uint8_t)revision,
        .life = EIO_LIFE_OPEN,
        .path = via == EIO_VIA_WEBSOCKET ? EIO_PATH_WEBSOCKET : EIO_PATH_POLLING,
    };
    expect_quiet(s, timing, now_ms);
}

/* --- the end ---------------------------------------------------------------------------------- */

static enum eio_action close_with(struct eio_state *s, enum eio_cause cause,
                                  enum eio_farewell farewell)
{
    BELFRY_ASSERT(s->life != EIO_LIFE_CLOSED);
    s->life = EIO_LIFE_CLOSED;
    s->cause = (uint8_t)cause;
    s->farewell = (uint8_t)farewell;
    s->has_poll = false;
    if (eio_state_is_upgrading(s))
        s->path = EIO_PATH_POLLING;
    return EIO_ACT_CLOSE;
}

enum eio_action eio_state_end(struct eio_state *s, enum eio_cause cause)
{
    if (s->life == EIO_LIFE_CLOSED)
        return EIO_ACT_NOTHING;
    return close_with(s, cause,
                      cause == EIO_CAUSE_CLIENT_CLOSE ? EIO_FAREWELL_NOOP : EIO_FAREWELL_CLOSE);
}

enum eio_action eio_state_close(struct eio_state *s, enum eio_output output, uint64_t now_ms)
{
    if (s->life != EIO_LIFE_OPEN)
        return EIO_ACT_NOTHING;
    if (s->path == EIO_PATH_WEBSOCKET || (s->has_poll && output == EIO_OUTPUT_NONE))
        return close_with(s, EIO_CAUSE_FORCED, EIO_FAREWELL_CLOSE);
    s->life = EIO_LIFE_CLOSING;
    s->beat_ms = now_ms + EIO_CLOSE_TIMEOUT_MS;
    return EIO_ACT_NOTHING;
}

/* --- packets ---------------------------------------------------------------------------------- */

/*
 * Belfry's rule, where the reference has none: it stops waiting for the pong at an upgrade, and a
 * session whose pong then never comes has no timer left. Here the wait begins anew.
 */
static enum eio_action upgrade(struct eio_state *s, const struct eio_timing *timing,
                               uint64_t now_ms)
{
    s->path = EIO_PATH_WEBSOCKET;
    s->has_poll = false;
    if (s->life == EIO_LIFE_CLOSING) {
        (void)close_with(s, EIO_CAUSE_FORCED, EIO_FAREWELL_CLOSE); /* said as UPGRADE_CLOSE */
        return EIO_ACT_UPGRADE_CLOSE;
    }
    if (s->beat != EIO_BEAT_QUIET)
        expect_pong(s, EIO_BEAT_PONG_DUE, timing, now_ms);
    return EIO_ACT_UPGRADE;
}

static enum eio_action on_probe_packet(struct eio_state *s, const struct eio_packet *packet,
                                       const struct eio_timing *timing, uint64_t now_ms)
{
    if (!eio_state_is_upgrading(s))
        return EIO_ACT_DROP_PROBE;
    if (packet->type == EIO_UPGRADE)
        return upgrade(s, timing, now_ms);
    if (packet->type == EIO_PING && !packet->is_binary && bytes_equal_text(packet->data, "probe")) {
        /* The first one at once, that makes upgrades faster; but a new probe does not buy it early.
         */
        if (s->path == EIO_PATH_PROBE_OPEN)
            s->noop_ms = BELFRY_MAX(s->noop_ms, now_ms);
        s->path = EIO_PATH_PROBE_ANSWERED;
        return EIO_ACT_PROBE_PONG;
    }
    s->path = EIO_PATH_POLLING;
    return EIO_ACT_DROP_PROBE;
}

static enum eio_action on_ping(struct eio_state *s, const struct eio_timing *timing,
                               uint64_t now_ms)
{
    if (s->revision == EIO_REVISION_4)
        return eio_state_end(s, EIO_CAUSE_HEARTBEAT);
    expect_quiet(s, timing, now_ms);
    return EIO_ACT_PONG;
}

static enum eio_action on_pong(struct eio_state *s, const struct eio_timing *timing,
                               uint64_t now_ms)
{
    if (s->revision == EIO_REVISION_3)
        return eio_state_end(s, EIO_CAUSE_HEARTBEAT);
    expect_quiet(s, timing, now_ms);
    return EIO_ACT_NOTHING;
}

/* Over the session's own transport, while it is open. */
static enum eio_action on_packet(struct eio_state *s, const struct eio_packet *packet,
                                 const struct eio_timing *timing, uint64_t now_ms)
{
    /* As of engine.io 6.6.12: whoever sends something is alive, but only once is that enough. */
    if (s->beat == EIO_BEAT_PONG_DUE && packet->type != EIO_PONG)
        expect_pong(s, EIO_BEAT_PONG_LATE, timing, now_ms);
    switch (packet->type) {
    case EIO_PING:
        return on_ping(s, timing, now_ms);
    case EIO_PONG:
        return on_pong(s, timing, now_ms);
    case EIO_MESSAGE:
        return EIO_ACT_DELIVER;
    case EIO_CLOSE:
        return eio_state_end(s, EIO_CAUSE_CLIENT_CLOSE);
    case EIO_OPEN:
    case EIO_UPGRADE:
    case EIO_NOOP:
        break;
    }
    return EIO_ACT_NOTHING;
}

enum eio_action eio_state_packet(struct eio_state *s, enum eio_via via,
                                 const struct eio_packet *packet, const struct eio_timing *timing,
                                 uint64_t now_ms)
{
    if (s->life == EIO_LIFE_CLOSED)
        return EIO_ACT_NOTHING;
    if (via == EIO_VIA_PROBE)
        return on_probe_packet(s, packet, timing, now_ms);
    BELFRY_ASSERT(via == EIO_VIA_POLLING || s->path == EIO_PATH_WEBSOCKET);
    if (via == EIO_VIA_POLLING && s->path == EIO_PATH_WEBSOCKET)
        return EIO_ACT_NOTHING;
    if (s->life == EIO_LIFE_CLOSING && packet->type != EIO_CLOSE)
        return EIO_ACT_NOTHING;
    return on_packet(s, packet, timing, now_ms);
}

/* --- polls and probes ------------------------------------------------------------------------- */

static bool is_noop_due(const struct eio_state *s, uint64_t now_ms)
{
    return s->path == EIO_PATH_PROBE_ANSWERED && s->has_poll && now_ms >= s->noop_ms;
}

static enum eio_action answer_noop(struct eio_state *s, uint64_t now_ms)
{
    s->has_poll = false;
    s->noop_ms = now_ms + EIO_NOOP_INTERVAL_MS;
    return EIO_ACT_NOOP;
}

enum eio_action eio_state_poll_opened(struct eio_state *s, enum eio_output output, uint64_t now_ms)
{
    BELFRY_ASSERT(s->path != EIO_PATH_WEBSOCKET);
    if (s->life == EIO_LIFE_CLOSED)
        return EIO_ACT_NOTHING;
    if (s->has_poll)
        return eio_state_end(s, EIO_CAUSE_POLL_OVERLAP);
    if (s->life == EIO_LIFE_CLOSING && output == EIO_OUTPUT_NONE)
        return close_with(s, EIO_CAUSE_FORCED, EIO_FAREWELL_NOOP_CLOSE);
    s->has_poll = true;
    if (output == EIO_OUTPUT_NONE && is_noop_due(s, now_ms))
        return answer_noop(s, now_ms);
    return EIO_ACT_NOTHING;
}

void eio_state_poll_answered(struct eio_state *s)
{
    s->has_poll = false;
}

bool eio_state_probe_opened(struct eio_state *s, const struct eio_timing *timing, uint64_t now_ms)
{
    if (s->life == EIO_LIFE_CLOSED || s->path != EIO_PATH_POLLING)
        return false;
    s->path = EIO_PATH_PROBE_OPEN;
    s->upgrade_ms = now_ms + timing->upgrade_timeout_ms;
    return true;
}

void eio_state_probe_lost(struct eio_state *s)
{
    if (eio_state_is_upgrading(s))
        s->path = EIO_PATH_POLLING;
}

/* --- time ------------------------------------------------------------------------------------- */

static enum eio_action on_beat_due(struct eio_state *s, const struct eio_timing *timing,
                                   uint64_t now_ms)
{
    if (s->life == EIO_LIFE_CLOSING)
        return close_with(s, EIO_CAUSE_FORCED, EIO_FAREWELL_CLOSE);
    if (s->revision == EIO_REVISION_3 || s->beat != EIO_BEAT_QUIET)
        return eio_state_end(s, EIO_CAUSE_PING_TIMEOUT);
    expect_pong(s, EIO_BEAT_PONG_DUE, timing, now_ms);
    return EIO_ACT_PING;
}

enum eio_action eio_state_tick(struct eio_state *s, const struct eio_timing *timing,
                               uint64_t now_ms)
{
    if (s->life == EIO_LIFE_CLOSED)
        return EIO_ACT_NOTHING;
    if (now_ms >= s->beat_ms)
        return on_beat_due(s, timing, now_ms);
    if (eio_state_is_upgrading(s) && now_ms >= s->upgrade_ms) {
        s->path = EIO_PATH_POLLING;
        return EIO_ACT_DROP_PROBE;
    }
    return is_noop_due(s, now_ms) ? answer_noop(s, now_ms) : EIO_ACT_NOTHING;
}

uint64_t eio_state_deadline_ms(const struct eio_state *s)
{
    if (s->life == EIO_LIFE_CLOSED)
        return NEVER;
    uint64_t deadline_ms = s->beat_ms;
    if (eio_state_is_upgrading(s))
        deadline_ms = BELFRY_MIN(deadline_ms, s->upgrade_ms);
    if (s->path == EIO_PATH_PROBE_ANSWERED && s->has_poll)
        deadline_ms = BELFRY_MIN(deadline_ms, s->noop_ms);
    return deadline_ms;
}

enum eio_cause eio_state_cause(const struct eio_state *s)
{
    BELFRY_ASSERT(s->life == EIO_LIFE_CLOSED);
    return (enum eio_cause)s->cause;
}

enum eio_farewell eio_state_farewell(const struct eio_state *s)
{
    BELFRY_ASSERT(s->life == EIO_LIFE_CLOSED);
    return (enum eio_farewell)s->farewell;
}
