/*
 * fuzz_engineio_state.c - whatever happens in whatever order, a session asks only for what makes
 * sense, always has a deadline, ends when nobody speaks any more, and stays ended.
 *
 * First byte: revision, transport. Then two bytes a step: what happens, and how much later.
 */
#include "engineio/state.h"

static const struct eio_timing timing = { 300, 200, 1000 };

static const struct eio_packet packets[] = {
    { EIO_OPEN, false, { 0 } },    { EIO_CLOSE, false, { 0 } },
    { EIO_PING, false, { 0 } },    { EIO_PONG, false, { 0 } },
    { EIO_MESSAGE, false, { 0 } }, { EIO_PING, false, { "probe", 5 } },
    { EIO_UPGRADE, false, { 0 } }, { EIO_MESSAGE, true, { 0 } },
};

/* High bits: which packet, or whether packets are waiting. */
static enum eio_action happen(struct eio_state *s, uint8_t what, uint64_t now_ms)
{
    const struct eio_packet *packet = &packets[what >> 5];
    enum eio_output output = what >> 7 ? EIO_OUTPUT_WAITING : EIO_OUTPUT_NONE;
    switch (what & 15) {
    case 0:
        return eio_state_close(s, output, now_ms);
    case 1:
        return eio_state_end(s, (enum eio_cause)(what >> 5));
    case 2:
        eio_state_probe_lost(s);
        return EIO_ACT_NOTHING;
    case 3:
    case 4:
        return eio_state_is_websocket(s) ? EIO_ACT_NOTHING
                                         : eio_state_poll_opened(s, output, now_ms);
    case 5:
        eio_state_poll_answered(s);
        return EIO_ACT_NOTHING;
    case 6:
    case 7:
        BELFRY_ASSERT(!eio_state_probe_opened(s, &timing, now_ms) || eio_state_is_upgrading(s));
        return EIO_ACT_NOTHING;
    case 8:
    case 9:
    case 10:
        return eio_state_packet(s, EIO_VIA_PROBE, packet, &timing, now_ms);
    case 11:
        return eio_state_packet(s, EIO_VIA_POLLING, packet, &timing, now_ms);
    default:
        return eio_state_packet(s, eio_state_is_websocket(s) ? EIO_VIA_WEBSOCKET : EIO_VIA_POLLING,
                                packet, &timing, now_ms);
    }
}

static void check(const struct eio_state *before, const struct eio_state *s, enum eio_action action)
{
    BELFRY_ASSERT(s->life >= before->life); /* only forward */
    BELFRY_ASSERT(!eio_state_is_websocket(before) || eio_state_is_websocket(s));
    BELFRY_ASSERT(eio_state_is_closed(s) == (eio_state_deadline_ms(s) == UINT64_MAX));
    BELFRY_ASSERT(!eio_state_is_closed(s) || !eio_state_is_upgrading(s));
    BELFRY_ASSERT(s->life != EIO_LIFE_CLOSING || !eio_state_is_websocket(s));
    bool ends = action == EIO_ACT_CLOSE || action == EIO_ACT_UPGRADE_CLOSE;
    BELFRY_ASSERT((s->life == EIO_LIFE_CLOSED && before->life != EIO_LIFE_CLOSED) == ends);
    bool upgrades = action == EIO_ACT_UPGRADE || action == EIO_ACT_UPGRADE_CLOSE;
    BELFRY_ASSERT((eio_state_is_websocket(s) && !eio_state_is_websocket(before)) == upgrades);
    if (before->life == EIO_LIFE_CLOSED)
        BELFRY_ASSERT(action == EIO_ACT_NOTHING);
    if (action == EIO_ACT_DELIVER || action == EIO_ACT_PING || action == EIO_ACT_PONG)
        BELFRY_ASSERT(eio_state_is_open(s));
    if (action == EIO_ACT_PONG)
        BELFRY_ASSERT(s->revision == EIO_REVISION_3);
    if (action == EIO_ACT_PING)
        BELFRY_ASSERT(s->revision == EIO_REVISION_4 && before->beat == EIO_BEAT_QUIET);
    if (action == EIO_ACT_NOOP) {
        BELFRY_ASSERT(s->path == EIO_PATH_PROBE_ANSWERED && !eio_state_has_poll(s));
        BELFRY_ASSERT(s->noop_ms >= before->noop_ms + EIO_NOOP_INTERVAL_MS);
    } else {
        BELFRY_ASSERT(s->noop_ms >= before->noop_ms);
    }
    if (action == EIO_ACT_PROBE_PONG)
        BELFRY_ASSERT(s->path == EIO_PATH_PROBE_ANSWERED);
}

static void tick(struct eio_state *s, uint64_t now_ms)
{
    enum eio_action action = EIO_ACT_NOTHING;
    unsigned count = 0;
    do {
        struct eio_state before = *s;
        action = eio_state_tick(s, &timing, now_ms);
        check(&before, s, action);
        BELFRY_ASSERT(count++ < 4);
    } while (action != EIO_ACT_NOTHING);
    BELFRY_ASSERT(eio_state_deadline_ms(s) > now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct eio_state s;
    uint64_t now_ms = 1000;
    eio_state_init(&s, data[0] & 1 ? EIO_REVISION_3 : EIO_REVISION_4,
                   data[0] & 2 ? EIO_VIA_WEBSOCKET : EIO_VIA_POLLING, &timing, now_ms);
    for (size_t i = 1; i + 1 < size; i += 2) {
        struct eio_state before = s;
        enum eio_action action = happen(&s, data[i], now_ms);
        check(&before, &s, action);
        now_ms += data[i + 1];
        tick(&s, now_ms);
    }
    for (unsigned silence = 0; !eio_state_is_closed(&s); silence++) {
        BELFRY_ASSERT(silence < 6);
        tick(&s, eio_state_deadline_ms(&s));
    }
    return 0;
}
