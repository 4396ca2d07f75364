/*
 * test_state.c - sessions as stories: at a time something happens, and this is what to do about it.
 *
 * Events: "p:..." "w:..." "x:..."  a packet over polling, over the WebSocket, over the probe
 *         "tick"    time is up: the deadline must be exactly now, and nothing due before
 *         "late"    the same, but somebody was slow
 *         "poll" "poll+"  a GET came; + : packets are waiting        "answered"  it was answered
 *         "probe" "lost"  a WebSocket came for the session; is gone
 *         "close" "close+"  this side closes; + : packets are waiting
 *         "overlap" "discard"  something that ends it at once
 */
#include "engineio/state.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "unit/engineio/show.h"

static const struct eio_timing timing = {
    .ping_interval_ms = 300,
    .ping_timeout_ms = 200,
    .upgrade_timeout_ms = 1000,
};

struct step {
    uint64_t at_ms;
    const char *event;
    const char *want; /* the action; for the end its reason, and what a pending poll gets */
};

static const char *const actions[] = {
    [EIO_ACT_NOTHING] = "nothing",
    [EIO_ACT_DELIVER] = "deliver",
    [EIO_ACT_PING] = "ping",
    [EIO_ACT_PONG] = "pong",
    [EIO_ACT_PROBE_PONG] = "3probe",
    [EIO_ACT_NOOP] = "noop",
    [EIO_ACT_DROP_PROBE] = "drop",
    [EIO_ACT_UPGRADE] = "upgrade",
    [EIO_ACT_UPGRADE_CLOSE] = "upgrade-close",
    [EIO_ACT_CLOSE] = "close",
};

static void show_action(struct buf *out, const struct eio_state *s, enum eio_action action)
{
    static const char *const farewells[] = { "1", "6", "6 1" };
    buf_put_text(out, actions[action]);
    if (action == EIO_ACT_CLOSE || action == EIO_ACT_UPGRADE_CLOSE) {
        assert_true(eio_state_is_closed(s));
        assert_int_equal(eio_state_deadline_ms(s), UINT64_MAX);
        enum eio_cause cause = eio_state_cause(s);
        buf_printf(out, ": %s", eio_reason_text(eio_cause_reason(cause)));
        if (*eio_cause_description(cause) != '\0')
            buf_printf(out, " (%s)", eio_cause_description(cause));
        if (action == EIO_ACT_CLOSE)
            buf_printf(out, ", %s", farewells[eio_state_farewell(s)]);
    }
}

static enum eio_action on_packet_event(struct eio_state *s, const char *event, uint64_t now_ms)
{
    struct buf scratch = { 0 };
    struct eio_packet packet;
    enum eio_via via = event[0] == 'p'   ? EIO_VIA_POLLING
                       : event[0] == 'w' ? EIO_VIA_WEBSOCKET
                                         : EIO_VIA_PROBE;
    assert_int_equal(
        eio_packet_read(s->revision, false, bytes_of_text(event + 2), &scratch, &packet), EIO_OK);
    enum eio_action action = eio_state_packet(s, via, &packet, &timing, now_ms);
    buf_deinit(&scratch);
    return action;
}

static enum eio_action on_tick(struct eio_state *s, uint64_t now_ms)
{
    struct eio_state before = *s;
    assert_int_equal(eio_state_deadline_ms(s), now_ms);
    assert_int_equal(eio_state_tick(&before, &timing, now_ms - 1), EIO_ACT_NOTHING);
    return eio_state_tick(s, &timing, now_ms);
}

static void happen(struct buf *out, struct eio_state *s, const struct step *step)
{
    const char *event = step->event;
    uint64_t now_ms = step->at_ms;
    enum eio_action action = EIO_ACT_NOTHING;
    bool is_waiting = event[strlen(event) - 1] == '+';
    enum eio_output output = is_waiting ? EIO_OUTPUT_WAITING : EIO_OUTPUT_NONE;
    if (event[1] == ':')
        action = on_packet_event(s, event, now_ms);
    else if (strcmp(event, "tick") == 0)
        action = on_tick(s, now_ms);
    else if (strcmp(event, "late") == 0)
        action = eio_state_tick(s, &timing, now_ms);
    else if (strncmp(event, "poll", 4) == 0)
        action = eio_state_poll_opened(s, output, now_ms);
    else if (strncmp(event, "close", 5) == 0)
        action = eio_state_close(s, output, now_ms);
    else if (strcmp(event, "answered") == 0)
        eio_state_poll_answered(s);
    else if (strcmp(event, "lost") == 0)
        eio_state_probe_lost(s);
    else if (strcmp(event, "overlap") == 0)
        action = eio_state_end(s, EIO_CAUSE_DATA_OVERLAP);
    else if (strcmp(event, "discard") == 0)
        action = eio_state_end(s, EIO_CAUSE_FORCED);
    else if (strcmp(event, "probe") == 0) {
        buf_put_text(out, eio_state_probe_opened(s, &timing, now_ms) ? "yes" : "no");
        return;
    } else {
        fail_msg("no such event: %s", event);
    }
    show_action(out, s, action);
}

/* Plays one story; its steps end with one that has no event. */
static void play(enum eio_revision revision, enum eio_via via, const struct step *steps)
{
    struct eio_state s;
    eio_state_init(&s, revision, via, &timing, 0);
    for (const struct step *step = steps; step->event != NULL; step++) {
        struct buf shown = { 0 };
        assert_true(eio_state_is_closed(&s) || eio_state_deadline_ms(&s) != UINT64_MAX);
        happen(&shown, &s, step);
        buf_put_char(&shown, '\0');
        if (strcmp((char *)shown.data, step->want) != 0)
            fail_msg("step %td, %s at %d: %s, want %s", step - steps, step->event, (int)step->at_ms,
                     (char *)shown.data, step->want);
        buf_deinit(&shown);
    }
}

#define R3 EIO_REVISION_3
#define R4 EIO_REVISION_4
#define POLLING EIO_VIA_POLLING
#define WEBSOCKET EIO_VIA_WEBSOCKET
#define STORY(...) ((const struct step[]){ __VA_ARGS__, { 0, NULL, NULL } })

/* --- heartbeat -------------------------------------------------------------------------------- */

static void test_the_server_pings_and_the_period_begins_at_the_pong(void **state)
{
    (void)state;
    play(R4, WEBSOCKET,
         STORY({ 300, "tick", "ping" }, { 340, "w:3", "nothing" }, { 640, "tick", "ping" },
               { 650, "w:3", "nothing" }, { 950, "tick", "ping" },
               { 1150, "tick", "close: ping timeout, 1" }, { 9999, "late", "nothing" },
               { 9999, "w:4x", "nothing" }));
}

static void test_messages_do_not_delay_the_ping(void **state)
{
    (void)state;
    play(R4, WEBSOCKET,
         STORY({ 100, "w:4a", "deliver" }, { 200, "w:4b", "deliver" }, { 300, "tick", "ping" }));
}

static void test_an_unsolicited_pong_delays_the_ping(void **state)
{
    (void)state;
    play(R4, WEBSOCKET,
         STORY({ 100, "w:3", "nothing" }, { 299, "w:3", "nothing" }, { 599, "tick", "ping" }));
}

/* Captured: ping at 3959, messages 151 and 302 ms later, closed 200 ms after the first of them. */
static void test_the_first_other_packet_buys_one_more_timeout(void **state)
{
    (void)state;
    play(R4, WEBSOCKET,
         STORY({ 300, "tick", "ping" }, { 451, "w:4a", "deliver" }, { 602, "w:4b", "deliver" },
               { 651, "tick", "close: ping timeout, 1" }));
    play(R4, POLLING,
         STORY({ 300, "tick", "ping" }, { 451, "p:4a", "deliver" }, { 460, "p:3", "nothing" },
               { 760, "tick", "ping" }, { 900, "p:6", "nothing" },
               { 1100, "tick", "close: ping timeout, 1" }));
}

static void test_a_ping_over_polling_times_out_without_a_poll(void **state)
{
    (void)state;
    play(R4, POLLING, STORY({ 300, "tick", "ping" }, { 500, "tick", "close: ping timeout, 1" }));
}

static void test_a_stopped_server_pings_once_and_waits(void **state)
{
    (void)state;
    play(R4, WEBSOCKET,
         STORY({ 99999, "late", "ping" }, { 99999, "late", "nothing" },
               { 100198, "w:3", "nothing" }, { 100498, "tick", "ping" }));
}

static void test_revision_4_clients_do_not_ping(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 10, "p:2", "close: transport error (invalid heartbeat direction), 1" },
               { 10, "p:2", "nothing" }));
}

static void test_revision_3_clients_ping(void **state)
{
    (void)state;
    play(R3, WEBSOCKET,
         STORY({ 250, "w:2", "pong" }, { 500, "w:2probe", "pong" }, { 900, "w:4x", "deliver" },
               { 1000, "tick", "close: ping timeout, 1" }));
    play(R3, POLLING, STORY({ 500, "tick", "close: ping timeout, 1" }));
    play(R3, POLLING,
         STORY({ 10, "p:3", "close: transport error (invalid heartbeat direction), 1" }));
}

/* --- packets ---------------------------------------------------------------------------------- */

static void test_packets_that_mean_nothing_are_ignored(void **state)
{
    (void)state;
    play(R4, WEBSOCKET,
         STORY({ 1, "w:0", "nothing" }, { 1, "w:5", "nothing" }, { 1, "w:6", "nothing" },
               { 1, "w:4", "deliver" }, { 1, "w:bAQ==", "deliver" }));
    play(R4, POLLING,
         STORY({ 1, "p:0", "nothing" }, { 1, "p:5", "nothing" }, { 1, "p:6", "nothing" },
               { 1, "p:4", "deliver" }));
}

static void test_a_client_that_closes_gets_a_noop_for_its_poll(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 5, "poll", "nothing" }, { 9, "p:1", "close: transport close, 6" },
               { 9, "p:4", "nothing" }));
    play(R4, WEBSOCKET, STORY({ 9, "w:1", "close: transport close, 6" }));
}

/* --- polls ------------------------------------------------------------------------------------ */

static void test_one_poll_at_a_time(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 5, "poll", "nothing" }, { 6, "answered", "nothing" }, { 7, "poll+", "nothing" },
               { 7, "answered", "nothing" }, { 8, "poll", "nothing" },
               { 9, "poll", "close: transport error (overlap from client), 1" },
               { 9, "poll", "nothing" }));
}

static void test_other_ends(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 5, "poll", "nothing" },
               { 9, "overlap", "close: transport error (data request overlap from client), 1" },
               { 9, "overlap", "nothing" }, { 9, "close", "nothing" }, { 9, "probe", "no" }));
    play(R4, POLLING, STORY({ 5, "poll", "nothing" }, { 9, "discard", "close: forced close, 1" }));
}

/* --- upgrade ---------------------------------------------------------------------------------- */

static void test_an_upgrade_as_captured(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 20, "p:40", "deliver" }, { 20, "probe", "yes" }, { 30, "poll+", "nothing" },
               { 30, "answered", "nothing" }, { 79, "x:2probe", "3probe" },
               { 83, "poll", "noop" }, /* the first at once */
               { 85, "p:451-0[]", "deliver" }, { 90, "poll", "nothing" }, { 183, "tick", "noop" },
               { 186, "x:5", "upgrade" }, { 187, "w:bAQID", "deliver" }, { 187, "probe", "no" },
               { 190, "p:4late", "nothing" }, { 300, "tick", "ping" }, { 310, "w:3", "nothing" }));
}

static void test_a_pending_poll_gets_its_noop_when_the_probe_speaks(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 10, "poll", "nothing" }, { 11, "probe", "yes" }, { 20, "x:2probe", "3probe" },
               { 20, "tick", "noop" }, { 21, "poll", "nothing" }, { 50, "x:2probe", "3probe" },
               { 120, "tick", "noop" }, { 121, "poll", "nothing" }, { 130, "x:5", "upgrade" }));
}

static void test_new_probes_do_not_make_noops_come_faster(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 10, "probe", "yes" }, { 10, "x:2probe", "3probe" }, { 10, "poll", "noop" },
               { 11, "lost", "nothing" }, { 11, "poll", "nothing" }, { 12, "probe", "yes" },
               { 12, "x:2probe", "3probe" }, { 110, "tick", "noop" }));
}

static void test_packets_go_before_noops(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 11, "probe", "yes" }, { 20, "x:2probe", "3probe" }, { 30, "poll+", "nothing" },
               { 30, "answered", "nothing" }, { 31, "poll", "noop" }));
}

static void test_an_upgrade_without_a_probe_is_taken(void **state)
{
    (void)state;
    play(R4, POLLING, STORY({ 10, "probe", "yes" }, { 20, "x:5", "upgrade" }));
}

static void test_a_wrong_packet_drops_the_probe_and_nothing_else(void **state)
{
    (void)state;
    static const char *const wrong[] = { "x:4hi", "x:2", "x:2prob", "x:2probe2", "x:3probe",
                                         "x:0",   "x:1", "x:6",     "x:bAQID" };
    for (size_t i = 0; i < BELFRY_COUNT(wrong); i++) {
        play(R4, POLLING,
             STORY({ 10, "probe", "yes" }, { 20, wrong[i], "drop" }, { 20, "x:5", "drop" },
                   { 30, "p:4x", "deliver" }, { 40, "probe", "yes" }, { 50, "x:2probe", "3probe" },
                   { 50, wrong[i], "drop" }, { 60, "probe", "yes" }, { 61, "x:5", "upgrade" }));
    }
}

static void test_a_probe_that_takes_too_long_is_dropped(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 10, "probe", "yes" }, { 11, "probe", "no" }, { 300, "tick", "ping" },
               { 301, "p:3", "nothing" }, { 601, "tick", "ping" }, { 602, "p:3", "nothing" },
               { 800, "x:2probe", "3probe" }, { 902, "tick", "ping" }, { 903, "p:3", "nothing" },
               { 1010, "tick", "drop" }, { 1010, "x:5", "drop" }, { 1011, "probe", "yes" },
               { 1012, "lost", "nothing" }, { 1012, "probe", "yes" }));
}

/* Our guard where the reference has no timer left. */
static void test_a_ping_before_the_upgrade_still_times_out_after_it(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 290, "probe", "yes" }, { 300, "tick", "ping" }, { 450, "x:5", "upgrade" },
               { 650, "tick", "close: ping timeout, 1" }));
    play(R4, POLLING,
         STORY({ 290, "probe", "yes" }, { 300, "tick", "ping" }, { 450, "x:5", "upgrade" },
               { 460, "w:3", "nothing" }, { 760, "tick", "ping" }));
    play(R4, POLLING, /* the probe's packets buy no time */
         STORY({ 290, "probe", "yes" }, { 300, "tick", "ping" }, { 450, "x:2probe", "3probe" },
               { 500, "tick", "close: ping timeout, 1" }, { 500, "x:5", "nothing" }));
}

static void test_revision_3_upgrades_too(void **state)
{
    (void)state;
    play(R3, POLLING,
         STORY({ 10, "poll", "nothing" }, { 11, "probe", "yes" }, { 20, "x:2probe", "3probe" },
               { 20, "tick", "noop" }, { 30, "x:5", "upgrade" }, { 300, "w:2", "pong" },
               { 800, "tick", "close: ping timeout, 1" }));
}

static void test_a_session_that_ends_takes_its_probe_along(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 10, "probe", "yes" }, { 20, "x:2probe", "3probe" },
               { 30, "p:1", "close: transport close, 6" }, { 31, "x:5", "nothing" },
               { 31, "lost", "nothing" }, { 5000, "late", "nothing" }));
}

/* --- close ------------------------------------------------------------------------------------ */

static void test_a_pending_poll_hears_the_close(void **state)
{
    (void)state;
    play(R4, POLLING, STORY({ 5, "poll", "nothing" }, { 9, "close", "close: forced close, 1" }));
}

static void test_a_close_waits_for_the_next_poll(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 9, "close", "nothing" }, { 10, "close", "nothing" }, { 11, "p:4x", "nothing" },
               { 900, "poll", "close: forced close, 6 1" }));
}

static void test_what_is_buffered_goes_out_before_the_close(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 9, "close+", "nothing" }, { 11, "poll+", "nothing" },
               { 11, "answered", "nothing" }, { 12, "poll", "close: forced close, 6 1" }));
    play(R4, POLLING, /* the same with a poll that was pending */
         STORY({ 5, "poll", "nothing" }, { 9, "close+", "nothing" }, { 9, "answered", "nothing" },
               { 12, "poll", "close: forced close, 6 1" }));
}

static void test_a_closing_session_does_not_wait_for_ever(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 9, "close", "nothing" }, { 10, "p:3", "nothing" }, { 11, "p:2", "nothing" },
               { 30009, "tick", "close: forced close, 1" }));
    play(R4, POLLING, STORY({ 9, "close", "nothing" }, { 10, "p:1", "close: transport close, 6" }));
}

static void test_a_websocket_closes_at_once(void **state)
{
    (void)state;
    play(R4, WEBSOCKET, STORY({ 9, "close+", "close: forced close, 1" }));
}

static void test_a_closing_session_that_upgrades_closes_then(void **state)
{
    (void)state;
    play(R4, POLLING,
         STORY({ 5, "probe", "yes" }, { 6, "x:2probe", "3probe" }, { 9, "close+", "nothing" },
               { 12, "x:5", "upgrade-close: forced close" }, { 13, "w:4x", "nothing" }));
    play(R4, POLLING,
         STORY({ 9, "close", "nothing" }, { 10, "probe", "yes" }, { 1010, "tick", "drop" },
               { 30009, "tick", "close: forced close, 1" }));
}

static void test_what_can_be_written_to(void **state)
{
    (void)state;
    struct eio_state s;
    eio_state_init(&s, R4, POLLING, &timing, 0);
    assert_false(eio_state_is_writable(&s));
    assert_int_equal(eio_state_poll_opened(&s, EIO_OUTPUT_NONE, 1), EIO_ACT_NOTHING);
    assert_true(eio_state_is_writable(&s));
    assert_true(eio_state_has_poll(&s));
    assert_true(eio_state_probe_opened(&s, &timing, 2));
    assert_true(eio_state_is_upgrading(&s));
    assert_true(eio_state_is_writable(&s));
    eio_state_poll_answered(&s);
    assert_false(eio_state_is_writable(&s));
    eio_state_init(&s, R4, WEBSOCKET, &timing, 0);
    assert_true(eio_state_is_writable(&s));
    assert_true(eio_state_is_websocket(&s));
    assert_int_equal(eio_state_end(&s, EIO_CAUSE_WEBSOCKET_CLOSED), EIO_ACT_CLOSE);
    assert_false(eio_state_is_writable(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_server_pings_and_the_period_begins_at_the_pong),
        cmocka_unit_test(test_messages_do_not_delay_the_ping),
        cmocka_unit_test(test_an_unsolicited_pong_delays_the_ping),
        cmocka_unit_test(test_the_first_other_packet_buys_one_more_timeout),
        cmocka_unit_test(test_a_ping_over_polling_times_out_without_a_poll),
        cmocka_unit_test(test_a_stopped_server_pings_once_and_waits),
        cmocka_unit_test(test_revision_4_clients_do_not_ping),
        cmocka_unit_test(test_revision_3_clients_ping),
        cmocka_unit_test(test_packets_that_mean_nothing_are_ignored),
        cmocka_unit_test(test_a_client_that_closes_gets_a_noop_for_its_poll),
        cmocka_unit_test(test_one_poll_at_a_time),
        cmocka_unit_test(test_other_ends),
        cmocka_unit_test(test_an_upgrade_as_captured),
        cmocka_unit_test(test_a_pending_poll_gets_its_noop_when_the_probe_speaks),
        cmocka_unit_test(test_new_probes_do_not_make_noops_come_faster),
        cmocka_unit_test(test_packets_go_before_noops),
        cmocka_unit_test(test_an_upgrade_without_a_probe_is_taken),
        cmocka_unit_test(test_a_wrong_packet_drops_the_probe_and_nothing_else),
        cmocka_unit_test(test_a_probe_that_takes_too_long_is_dropped),
        cmocka_unit_test(test_a_ping_before_the_upgrade_still_times_out_after_it),
        cmocka_unit_test(test_revision_3_upgrades_too),
        cmocka_unit_test(test_a_session_that_ends_takes_its_probe_along),
        cmocka_unit_test(test_a_pending_poll_hears_the_close),
        cmocka_unit_test(test_a_close_waits_for_the_next_poll),
        cmocka_unit_test(test_what_is_buffered_goes_out_before_the_close),
        cmocka_unit_test(test_a_closing_session_does_not_wait_for_ever),
        cmocka_unit_test(test_a_websocket_closes_at_once),
        cmocka_unit_test(test_a_closing_session_that_upgrades_closes_then),
        cmocka_unit_test(test_what_can_be_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
