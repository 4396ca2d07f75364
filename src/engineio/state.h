/*
 * engineio/state.h - the life of one session: heartbeat, upgrade, end. Time comes in as a value,
 * what to do comes out as an action, when to come again as a deadline.
 *
 *   Transport:
 *
 *     POLLING <--wrong packet, timeout, lost-- PROBE_OPEN --2probe: 3probe--> PROBE_ANSWERED
 *        |                                     ^  |   (same ways back to POLLING) |
 *        +----------probe_opened---------------+  +--------------5--------------+-+
 *                                                                               v
 *                                          sessions that began so ----------> WEBSOCKET
 *
 *   Life:
 *
 *     OPEN --close, no poll to tell--> CLOSING --next poll, 5, or 30 s--> CLOSED
 *       +------close otherwise, an error, a lost transport, a timeout-------^
 *
 *   Heartbeat, revision 4:                           revision 3:
 *
 *     QUIET --interval: PING--> PONG_DUE               the client pings; silence for
 *       ^                          | other packet      interval + timeout is the end
 *       +------pong----- PONG_LATE <+ (timeout anew, once)
 *       timeout in PONG_DUE or PONG_LATE is the end
 *
 * Whoever has a state does what the action says, then asks eio_state_deadline_ms again:
 *
 *     while ((action = eio_state_tick(&s, &timing, now_ms)) != EIO_ACT_NOTHING)
 *         act(session, action);
 *
 * Nothing is said twice, and nothing after EIO_ACT_CLOSE or EIO_ACT_UPGRADE_CLOSE.
 */
#ifndef ENGINEIO_STATE_H
#define ENGINEIO_STATE_H

#include "base/defs.h"
#include "engineio/close.h"
#include "engineio/packet.h"

enum {
    EIO_NOOP_INTERVAL_MS = 100,   /* between two noops of an upgrade */
    EIO_CLOSE_TIMEOUT_MS = 30000, /* how long a closing session waits for a poll */
};

/* The same for all sessions of a server. */
struct eio_timing {
    uint32_t ping_interval_ms; /* > 0, all of them */
    uint32_t ping_timeout_ms;
    uint32_t upgrade_timeout_ms;
};

/* Where a packet came from: the session's transport, or a WebSocket that wants to become it. */
enum eio_via { EIO_VIA_POLLING, EIO_VIA_WEBSOCKET, EIO_VIA_PROBE };

/* Has the session packets that no transport has taken yet? */
enum eio_output { EIO_OUTPUT_NONE, EIO_OUTPUT_WAITING };

enum eio_action {
    EIO_ACT_NOTHING,
    EIO_ACT_DELIVER,       /* the packet is a message for the application */
    EIO_ACT_PING,          /* send packet 2 */
    EIO_ACT_PONG,          /* send packet 3, without data: revision 3 */
    EIO_ACT_PROBE_PONG,    /* send 3probe, on the probe */
    EIO_ACT_NOOP,          /* answer the pending poll with 6; it counts as answered */
    EIO_ACT_DROP_PROBE,    /* close the probe; the session goes on with polling */
    EIO_ACT_UPGRADE,       /* the probe is the transport now: a pending poll gets 1 and counts as
                            * answered, then what waits goes to the WebSocket */
    EIO_ACT_UPGRADE_CLOSE, /* as UPGRADE; then the session has ended (eio_state_cause) */
    EIO_ACT_CLOSE,         /* the session has ended: eio_state_cause says why. A pending poll gets
                            * eio_state_farewell; probe and WebSocket are closed */
};

enum eio_life { EIO_LIFE_OPEN, EIO_LIFE_CLOSING, EIO_LIFE_CLOSED };
enum eio_path {
    EIO_PATH_POLLING,
    EIO_PATH_PROBE_OPEN,
    EIO_PATH_PROBE_ANSWERED,
    EIO_PATH_WEBSOCKET
};
enum eio_beat { EIO_BEAT_QUIET, EIO_BEAT_PONG_DUE, EIO_BEAT_PONG_LATE };

struct eio_state {
    uint64_t beat_ms;    /* when the heartbeat acts; in CLOSING: when waiting ends */
    uint64_t upgrade_ms; /* with a probe: when it has taken too long */
    uint64_t noop_ms;    /* PROBE_ANSWERED: when the next noop may go */
    uint8_t revision;    /* enum eio_revision, and so on */
    uint8_t life;
    uint8_t path;
    uint8_t beat;
    uint8_t cause;
    uint8_t farewell;
    bool has_poll;
};

_Static_assert(sizeof(struct eio_state) <= 32, "idle sessions are to be small");

/* A session opens, over EIO_VIA_POLLING or EIO_VIA_WEBSOCKET. */
void eio_state_init(struct eio_state *s, enum eio_revision revision, enum eio_via via,
                    const struct eio_timing *timing, uint64_t now_ms);

/*
 * A packet came. What comes over polling after the upgrade, or to a session that is closing, is
 * dropped. A probe that was dropped meanwhile is EIO_ACT_DROP_PROBE again.
 */
BELFRY_NODISCARD enum eio_action eio_state_packet(struct eio_state *s, enum eio_via via,
                                                  const struct eio_packet *packet,
                                                  const struct eio_timing *timing, uint64_t now_ms);

/* PING, NOOP, DROP_PROBE or CLOSE if it is time; call until NOTHING. */
BELFRY_NODISCARD enum eio_action eio_state_tick(struct eio_state *s,
                                                const struct eio_timing *timing, uint64_t now_ms);

/* When to tick. Always some time, until the session is CLOSED: then UINT64_MAX. */
uint64_t eio_state_deadline_ms(const struct eio_state *s);

/*
 * A poll came (GET), for a session whose transport is polling.
 *
 *   NOTHING  if EIO_OUTPUT_WAITING answer it with that, else keep it; eio_state_poll_answered then
 *   NOOP     answer it with 6, an upgrade is under way; it counts as answered
 *   CLOSE    the overlapping poll gets 400 (EIO_CAUSE_POLL_OVERLAP) and the earlier one the
 *            farewell; or the session was closing and this poll gets the farewell
 */
BELFRY_NODISCARD enum eio_action eio_state_poll_opened(struct eio_state *s, enum eio_output output,
                                                       uint64_t now_ms);

/* The pending poll was answered with packets. */
void eio_state_poll_answered(struct eio_state *s);

/*
 * A WebSocket came for this session. False: it is being upgraded or was, or is closed; answer 101
 * and close it.
 */
BELFRY_NODISCARD bool eio_state_probe_opened(struct eio_state *s, const struct eio_timing *timing,
                                             uint64_t now_ms);

/* The probe's connection is gone, or what it said was no packet. */
void eio_state_probe_lost(struct eio_state *s);

/* The session's transport failed, or something else of EIO_CAUSES happened: CLOSE, or NOTHING if
 * it is closed already. */
BELFRY_NODISCARD enum eio_action eio_state_end(struct eio_state *s, enum eio_cause cause);

/*
 * This side closes. CLOSE: at once; on a WebSocket what waits goes out before its close frame.
 * NOTHING: the session is closing, and takes and gives no more packets than those that wait now.
 * To discard those, use eio_state_end with EIO_CAUSE_FORCED.
 */
BELFRY_NODISCARD enum eio_action eio_state_close(struct eio_state *s, enum eio_output output,
                                                 uint64_t now_ms);

static inline bool eio_state_is_open(const struct eio_state *s)
{
    return s->life == EIO_LIFE_OPEN;
}

static inline bool eio_state_is_closed(const struct eio_state *s)
{
    return s->life == EIO_LIFE_CLOSED;
}

static inline bool eio_state_is_websocket(const struct eio_state *s)
{
    return s->path == EIO_PATH_WEBSOCKET;
}

static inline bool eio_state_is_upgrading(const struct eio_state *s)
{
    return s->path == EIO_PATH_PROBE_OPEN || s->path == EIO_PATH_PROBE_ANSWERED;
}

/* Is a poll waiting for its answer? */
static inline bool eio_state_has_poll(const struct eio_state *s)
{
    return s->has_poll;
}

/* Can packets go out right now? What must not wait for better times is dropped otherwise. */
static inline bool eio_state_is_writable(const struct eio_state *s)
{
    return s->life != EIO_LIFE_CLOSED && (s->has_poll || s->path == EIO_PATH_WEBSOCKET);
}

/* Both: once the session is CLOSED. */
enum eio_cause eio_state_cause(const struct eio_state *s);
enum eio_farewell eio_state_farewell(const struct eio_state *s);

#endif
