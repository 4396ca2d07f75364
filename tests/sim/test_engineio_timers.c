/*
 * test_engineio_timers.c - what an Engine.IO session does when, to the millisecond; and how it
 * ends, whoever ends it. Requests come in at the session's own worker, and at another one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engineio/handshake.h"
#include "support/sim_client.h"
#include "support/sim_eio_http.h"
#include "support/sim_seeds.h"
#include "support/sim_sio_app.h"
#include "ws/opcode.h"

#define PING_INTERVAL 2500
#define PING_TIMEOUT 2000
#define UPGRADE_TIMEOUT 1000
#define CONNECT_TIMEOUT 7000
#define BODY_TIMEOUT 1500
#define CLOSE_WAIT 30000 /* engineio.md 8 */
#define NOOP_TICK 100
#define MAX_PAYLOAD 2000
#define MAX_REQUESTS 64

/* A request and what came of it. */
struct request {
    struct sim_http *http;
    bool is_answered;
    unsigned status; /* 0: the connection ended without an answer */
    char body[256];
};

struct stage {
    struct sim_world world;
    struct sim_app app;
    unsigned home; /* of requests; the session is worker 0's */
    char sid[EIO_SID_SIZE + 1];
    struct request requests[MAX_REQUESTS];
    unsigned count;
    struct sim_client *ws;
    char heard[64]; /* by the WebSocket, last */
};

/* --- asking -----------------------------------------------------------------------------------*/

static void on_response(struct sim_http *h, unsigned status, belfry_bytes body, void *user)
{
    struct request *r = user;
    (void)h;
    r->is_answered = true;
    r->status = status;
    snprintf(r->body, sizeof r->body, "%.*s", (int)body.size,
             body.size > 0 ? (const char *)body.data : "");
}

static struct request *new_request(struct stage *s)
{
    assert_true(s->count < MAX_REQUESTS);
    struct request *r = &s->requests[s->count++];
    r->http = sim_http_new(&s->world, s->home, on_response, r);
    return r;
}

static void put_target(const struct stage *s, const char *transport, char out[160])
{
    snprintf(out, 160, "/socket.io/?EIO=4&transport=%s&sid=%s", transport, s->sid);
}

static struct request *poll(struct stage *s)
{
    char target[160];
    struct request *r = new_request(s);
    put_target(s, "polling", target);
    sim_http_get(r->http, target);
    sim_settle(&s->world);
    return r;
}

static struct request *post_as(struct stage *s, const char *type, const char *body)
{
    char target[160];
    struct request *r = new_request(s);
    put_target(s, "polling", target);
    sim_http_post(r->http, target, type, bytes_of_text(body));
    sim_settle(&s->world);
    return r;
}

static struct request *post(struct stage *s, const char *body)
{
    return post_as(s, NULL, body);
}

static void post_ok(struct stage *s, const char *body)
{
    const struct request *r = post(s, body);
    if (r->status != 200 || strcmp(r->body, "ok") != 0)
        fail_msg("a post was answered %u \"%s\"", r->status, r->body);
}

/* A POST whose body stops in the middle. */
static struct request *begin_post(struct stage *s)
{
    struct buf text = { 0 };
    char target[160];
    struct request *r = new_request(s);
    put_target(s, "polling", target);
    buf_printf(&text, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n42[", target);
    sim_http_ask(r->http, buf_bytes(&text));
    buf_deinit(&text);
    sim_settle(&s->world);
    return r;
}

static void expect_answer(const struct request *r, unsigned status, const char *body)
{
    if (!r->is_answered || r->status != status || (body != NULL && strcmp(r->body, body) != 0))
        fail_msg("%s: %u \"%s\", not %u \"%s\"", r->is_answered ? "answered" : "not answered",
                 r->status, r->body, status, body != NULL ? body : "...");
}

#define UNKNOWN_SID "{\"code\":1,\"message\":\"Session ID unknown\"}"
#define BAD_REQUEST "{\"code\":3,\"message\":\"Bad request\"}"

static void expect_gone(struct stage *s)
{
    expect_answer(poll(s), 400, UNKNOWN_SID);
}

static void expect_reason(const struct stage *s, const char *reason, const char *description)
{
    const struct sim_person *person = &s->app.people[0];
    assert_int_equal(person->disconnects, person->connects);
    assert_string_equal(person->reason, reason);
    assert_string_equal(person->description, description);
}

/* --- the stage --------------------------------------------------------------------------------*/

static void handshake(struct stage *s)
{
    struct request *r = new_request(s);
    sim_http_free(r->http);
    r->http = sim_http_new(&s->world, 0, on_response, r);
    sim_http_get(r->http, "/socket.io/?EIO=4&transport=polling");
    sim_settle(&s->world);
    assert_int_equal(r->status, 200);
    assert_memory_equal(r->body, "0{\"sid\":\"", 9);
    memcpy(s->sid, r->body + 9, EIO_SID_SIZE);
}

/* In "/", with nothing waiting. */
static void join(struct stage *s)
{
    post_ok(s, "40{\"n\":0}");
    const struct request *r = poll(s);
    assert_int_equal(r->status, 200);
    assert_memory_equal(r->body, "40{\"sid\":", 9);
}

static void set_stage_with(struct stage *s, unsigned home, const belfry_options *options)
{
    static const struct sim_faults none = { 0 };
    *s = (struct stage){ .home = home };
    sim_set_seed(home);
    assert_true(sim_world_init(&s->world, 1, options, &none));
    assert_true(sim_app_init(&s->app, &s->world, &(struct sim_app_how){ .may_lose = true }));
    handshake(s);
}

static void set_stage(struct stage *s, unsigned home)
{
    static const belfry_options options = { .workers = 2,
                                            .sock_data = SIM_APP_DATA,
                                            .ping_interval_ms = PING_INTERVAL,
                                            .ping_timeout_ms = PING_TIMEOUT,
                                            .upgrade_timeout_ms = UPGRADE_TIMEOUT,
                                            .connect_timeout_ms = CONNECT_TIMEOUT,
                                            .body_timeout_ms = BODY_TIMEOUT,
                                            .max_payload_bytes = MAX_PAYLOAD };
    set_stage_with(s, home, &options);
}

static void clear_stage(struct stage *s)
{
    for (unsigned i = 0; i < s->count; i++)
        sim_http_free(s->requests[i].http);
    sim_client_free(s->ws);
    sim_advance_ms(&s->world, CONNECT_TIMEOUT + CLOSE_WAIT + 10000);
    assert_int_equal(sim_connection_count(&s->world), 0);
    assert_int_equal(SIM_COUNTER(&s->world, connections_eio), 0);
    assert_int_equal(SIM_COUNTER(&s->world, connections_sio), 0);
    sim_world_deinit(&s->world);
}

/* A scenario, with requests at the session's worker and at another one. */
static void at_both(void (*scenario)(struct stage *s))
{
    for (unsigned home = 0; home < 2; home++) {
        struct stage stage;
        set_stage(&stage, home);
        scenario(&stage);
        clear_stage(&stage);
    }
}

/* --- WebSockets -------------------------------------------------------------------------------*/

static void on_ws_message(struct sim_client *c, bool is_binary, belfry_bytes message, void *user)
{
    struct stage *s = user;
    (void)c;
    (void)is_binary;
    snprintf(s->heard, sizeof s->heard, "%.*s", (int)message.size, (const char *)message.data);
}

static void open_ws(struct stage *s, const char *target)
{
    struct sim_client_how how = {
        .worker = s->home, .target = target, .on_message = on_ws_message, .user_data = s
    };
    sim_client_free(s->ws);
    s->heard[0] = '\0';
    s->ws = sim_client_new(&s->world, &how);
    sim_settle(&s->world);
}

static void open_probe(struct stage *s)
{
    char target[160];
    put_target(s, "websocket", target);
    open_ws(s, target);
}

static void ws_say(struct stage *s, const char *packet)
{
    sim_client_send_frame(s->ws, WS_TEXT | WS_FIN, bytes_of_text(packet));
    sim_settle(&s->world);
}

static void probe(struct stage *s)
{
    open_probe(s);
    ws_say(s, "2probe");
    assert_string_equal(s->heard, "3probe");
}

/* The polls are answered and no more come. */
static void upgrade(struct stage *s)
{
    probe(s);
    ws_say(s, "5");
    assert_true(sim_client_is_open(s->ws));
}

static void expect_ws_closed(const struct stage *s, uint16_t code)
{
    assert_int_equal(s->ws->close_code, code);
    assert_false(s->ws->was_reset);
    assert_int_equal(s->ws->state, SIM_ENDED);
}

/* --- heartbeat --------------------------------------------------------------------------------*/

static void no_pong(struct stage *s)
{
    join(s);
    const struct request *r = poll(s);
    sim_advance_ms(&s->world, PING_INTERVAL - 1);
    assert_false(r->is_answered);
    sim_advance_ms(&s->world, 1);
    expect_answer(r, 200, "2");
    r = poll(s);
    sim_advance_ms(&s->world, PING_TIMEOUT - 1);
    assert_false(r->is_answered);
    sim_advance_ms(&s->world, 1);
    expect_answer(r, 200, "1");
    expect_reason(s, "ping timeout", "");
    expect_gone(s);
}

static void test_a_ping_that_is_not_answered_ends_the_session(void **state)
{
    (void)state;
    at_both(no_pong);
}

static void pongs(struct stage *s)
{
    join(s);
    for (unsigned i = 0; i < 4; i++) {
        const struct request *r = poll(s);
        sim_advance_ms(&s->world, PING_INTERVAL - 1);
        assert_false(r->is_answered);
        sim_advance_ms(&s->world, 1);
        expect_answer(r, 200, "2");
        sim_advance_ms(&s->world, PING_TIMEOUT - 1); /* at the last moment */
        post_ok(s, "3");
    }
    sim_advance_ms(&s->world, 1);
    assert_true(s->app.people[0].is_here);
}

static void test_the_interval_begins_with_the_pong(void **state)
{
    (void)state;
    at_both(pongs);
}

static void other_packets(struct stage *s)
{
    join(s);
    sim_advance_ms(&s->world, PING_INTERVAL);
    expect_answer(poll(s), 200, "2");
    sim_advance_ms(&s->world, PING_TIMEOUT - 1);
    post_ok(s, "42[\"up\",1]"); /* the wait begins anew, once */
    sim_advance_ms(&s->world, PING_TIMEOUT - 1);
    assert_true(s->app.people[0].is_here);
    post_ok(s, "42[\"up\",2]");
    assert_int_equal(s->app.people[0].up, 2);
    sim_advance_ms(&s->world, 1);
    expect_reason(s, "ping timeout", "");
}

static void test_another_packet_instead_of_the_pong_helps_once(void **state)
{
    (void)state;
    at_both(other_packets);
}

static void nobody_polls(struct stage *s)
{
    join(s);
    sim_advance_ms(&s->world, PING_INTERVAL + PING_TIMEOUT - 1);
    assert_true(s->app.people[0].is_here);
    sim_advance_ms(&s->world, 1);
    expect_reason(s, "ping timeout", "");
    expect_gone(s);
}

static void test_a_session_that_nobody_polls_ends_in_time(void **state)
{
    (void)state;
    at_both(nobody_polls);
}

static void ws_heartbeat(struct stage *s)
{
    open_ws(s, "/socket.io/?EIO=4&transport=websocket");
    ws_say(s, "40{\"n\":1}");
    sim_advance_ms(&s->world, PING_INTERVAL - 1);
    assert_string_not_equal(s->heard, "2");
    sim_advance_ms(&s->world, 1);
    assert_string_equal(s->heard, "2");
    ws_say(s, "3");
    s->heard[0] = '\0';
    sim_advance_ms(&s->world, PING_INTERVAL);
    assert_string_equal(s->heard, "2");
    sim_advance_ms(&s->world, PING_TIMEOUT - 1);
    assert_true(sim_client_is_open(s->ws));
    sim_advance_ms(&s->world, 1);
    expect_ws_closed(s, 1005);
    assert_string_equal(s->app.people[1].reason, "ping timeout");
}

static void test_a_websocket_has_the_same_heartbeat(void **state)
{
    (void)state;
    at_both(ws_heartbeat);
}

/* The ping went out by polling; the pong may take its time from the upgrade on, but must come. */
static void ping_before_upgrade(struct stage *s)
{
    join(s);
    sim_advance_ms(&s->world, PING_INTERVAL);
    expect_answer(poll(s), 200, "2");
    sim_advance_ms(&s->world, PING_TIMEOUT - 300);
    upgrade(s);
    sim_advance_ms(&s->world, PING_TIMEOUT - 1);
    assert_true(sim_client_is_open(s->ws));
    sim_advance_ms(&s->world, 1);
    expect_ws_closed(s, 1005);
    expect_reason(s, "ping timeout", "");
}

static void test_a_pong_that_is_due_at_the_upgrade_stays_due(void **state)
{
    (void)state;
    at_both(ping_before_upgrade);
}

/* --- connect timeout --------------------------------------------------------------------------*/

static void keep_alive_till(struct stage *s, uint64_t ms)
{
    for (uint64_t done = 0; done < ms;) {
        uint64_t next = BELFRY_MIN(ms - done, (uint64_t)1000);
        sim_advance_ms(&s->world, next);
        done += next;
        if (done < ms)
            post_ok(s, "3");
    }
}

static void nobody_joins(struct stage *s)
{
    const struct request *r = poll(s);
    keep_alive_till(s, CONNECT_TIMEOUT - 1);
    assert_false(r->is_answered);
    sim_advance_ms(&s->world, 1);
    expect_answer(r, 200, "1");
    expect_gone(s);
}

static void nobody_joins_or_polls(struct stage *s)
{
    keep_alive_till(s, CONNECT_TIMEOUT);
    sim_advance_ms(&s->world, CLOSE_WAIT - 1);
    expect_answer(poll(s), 200,
                  "6\x1e"
                  "1");
    expect_gone(s);
}

static void nobody_ever_comes(struct stage *s)
{
    keep_alive_till(s, CONNECT_TIMEOUT);
    sim_advance_ms(&s->world, CLOSE_WAIT);
    expect_gone(s);
}

static void only_refusals(struct stage *s)
{
    post_ok(s, "40/nowhere,");
    expect_answer(poll(s), 200, "44/nowhere,{\"message\":\"Invalid namespace\"}");
    nobody_joins(s);
}

static void joined_and_left(struct stage *s)
{
    join(s);
    post_ok(s, "41");
    keep_alive_till(s, 3 * CONNECT_TIMEOUT);
    assert_int_equal(SIM_COUNTER(&s->world, connections_eio), 1);
    join(s);
}

static void ws_without_join(struct stage *s)
{
    open_ws(s, "/socket.io/?EIO=4&transport=websocket");
    for (unsigned ms = 0; ms < CONNECT_TIMEOUT - 1000; ms += 1000) {
        sim_advance_ms(&s->world, 1000);
        ws_say(s, "3");
    }
    sim_advance_ms(&s->world, 999);
    assert_true(sim_client_is_open(s->ws));
    sim_advance_ms(&s->world, 1);
    expect_ws_closed(s, 1005);
}

static void test_who_joins_no_namespace_is_closed_at_the_connect_timeout(void **state)
{
    (void)state;
    at_both(nobody_joins);
    at_both(nobody_joins_or_polls);
    at_both(nobody_ever_comes);
    at_both(only_refusals);
    at_both(joined_and_left);
    at_both(ws_without_join);
}

static void just_a_handshake(struct stage *s)
{
    sim_advance_ms(&s->world, PING_INTERVAL + PING_TIMEOUT - 1);
    assert_int_equal(SIM_COUNTER(&s->world, connections_eio), 1);
    sim_advance_ms(&s->world, 1);
    assert_int_equal(SIM_COUNTER(&s->world, connections_eio), 0);
}

static void test_a_handshake_that_is_not_used_is_forgotten(void **state)
{
    struct stage stage;
    (void)state;
    at_both(just_a_handshake);
    /* By default the connect timeout is over in the same millisecond: nobody is waited for. */
    set_stage_with(&stage, 0, &(belfry_options){ .workers = 2, .sock_data = SIM_APP_DATA });
    sim_advance_ms(&stage.world, 45000 - 1);
    assert_int_equal(SIM_COUNTER(&stage.world, connections_eio), 1);
    sim_advance_ms(&stage.world, 1);
    assert_int_equal(SIM_COUNTER(&stage.world, connections_eio), 0);
    sim_advance_ms(&stage.world, 60000); /* its keep-alive */
    clear_stage(&stage);
}

/* --- upgrades ---------------------------------------------------------------------------------*/

static void silent_probe(struct stage *s)
{
    join(s);
    open_probe(s);
    sim_advance_ms(&s->world, UPGRADE_TIMEOUT - 1);
    assert_true(sim_client_is_open(s->ws));
    sim_advance_ms(&s->world, 1);
    expect_ws_closed(s, 1005);
    post_ok(s, "42[\"up\",1]");
    upgrade(s);
    ws_say(s, "42[\"up\",2]");
    assert_int_equal(s->app.people[0].up, 2);
}

static void unfinished_probe(struct stage *s)
{
    join(s);
    probe(s);
    sim_advance_ms(&s->world, UPGRADE_TIMEOUT - 1);
    assert_true(sim_client_is_open(s->ws));
    sim_advance_ms(&s->world, 1);
    expect_ws_closed(s, 1005);
    const struct request *r = poll(s);
    sim_advance_ms(&s->world, 3 * NOOP_TICK);
    assert_false(r->is_answered); /* no noops any more */
    expect_answer(post(s, "421[\"up\",1]"), 200, "ok");
    expect_answer(r, 200, "431[1]");
}

static void wrong_first_packet(struct stage *s)
{
    static const char *const packets[] = { "42[\"up\",1]", "2", "2prob", "3", "1", "x", "" };
    join(s);
    for (size_t i = 0; i < BELFRY_COUNT(packets); i++) {
        open_probe(s);
        ws_say(s, packets[i]);
        expect_ws_closed(s, 1005);
    }
    assert_int_equal(s->app.people[0].up, 0);
    assert_true(s->app.people[0].is_here);
    upgrade(s);
}

static void lost_probe(struct stage *s)
{
    join(s);
    probe(s);
    sim_client_reset(s->ws);
    sim_settle(&s->world);
    post_ok(s, "42[\"up\",1]");
    probe(s);
    sim_client_close(s->ws, 1000);
    sim_settle(&s->world);
    post_ok(s, "42[\"up\",2]");
    upgrade(s);
    ws_say(s, "42[\"up\",3]");
    assert_int_equal(s->app.people[0].up, 3);
}

static void test_a_probe_that_fails_leaves_the_session_to_polling(void **state)
{
    (void)state;
    at_both(silent_probe);
    at_both(unfinished_probe);
    at_both(wrong_first_packet);
    at_both(lost_probe);
}

static void noops(struct stage *s)
{
    join(s);
    const struct request *r = poll(s);
    probe(s);
    expect_answer(r, 200, "6"); /* the first one at once */
    for (unsigned i = 0; i < 3; i++) {
        r = poll(s);
        sim_advance_ms(&s->world, NOOP_TICK - 1);
        assert_false(r->is_answered);
        sim_advance_ms(&s->world, 1);
        expect_answer(r, 200, "6");
    }
}

static void test_polls_during_an_upgrade_are_answered_every_100_ms(void **state)
{
    (void)state;
    at_both(noops);
}

static void second_probe(struct stage *s)
{
    struct sim_client *first;
    join(s);
    probe(s);
    first = s->ws;
    s->ws = NULL;
    open_probe(s);
    expect_ws_closed(s, 1005);
    sim_client_free(s->ws);
    s->ws = first;
    ws_say(s, "5");
    first = s->ws;
    s->ws = NULL;
    open_probe(s); /* it is upgraded */
    expect_ws_closed(s, 1005);
    sim_client_free(s->ws);
    s->ws = first;
    assert_true(sim_client_is_open(s->ws));
    expect_answer(poll(s), 400, BAD_REQUEST);
    expect_answer(post(s, "42[\"up\",1]"), 400, BAD_REQUEST);
    assert_int_equal(s->app.people[0].up, 0);
    assert_true(s->app.people[0].is_here);
}

static void test_a_session_upgrades_once_and_does_not_poll_after_it(void **state)
{
    (void)state;
    at_both(second_probe);
}

/* A client that does not wait for its poll. */
static void hasty_upgrade(struct stage *s)
{
    join(s);
    open_probe(s);
    const struct request *r = poll(s);
    ws_say(s, "5");
    expect_answer(r, 200, "1");
    ws_say(s, "421[\"up\",1]");
    assert_string_equal(s->heard, "431[1]");
}

static void test_an_upgrade_without_a_probe_ends_the_pending_poll(void **state)
{
    (void)state;
    at_both(hasty_upgrade);
}

/* --- requests that are wrong, or end early ----------------------------------------------------*/

static void two_polls(struct stage *s)
{
    join(s);
    const struct request *first = poll(s);
    expect_answer(poll(s), 400, "");
    expect_answer(first, 200, "1");
    expect_reason(s, "transport error", "overlap from client");
    expect_gone(s);
}

static void two_posts(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    const struct request *first = begin_post(s);
    expect_answer(post(s, "42[\"up\",1]"), 400, "");
    expect_answer(first, 0, "");
    expect_answer(p, 200, "1");
    expect_reason(s, "transport error", "data request overlap from client");
    assert_int_equal(s->app.people[0].up, 0);
}

static void octets(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    expect_answer(post_as(s, "application/octet-stream", "42[\"up\",1]"), 400, "");
    expect_answer(p, 200, "1");
    expect_reason(s, "transport error", "invalid content");
}

static void malformed(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    expect_answer(post(s, "42[\"up\",1]\x1ex"), 200, "ok");
    expect_answer(p, 200, "1");
    expect_reason(s, "parse error", "");
    assert_int_equal(s->app.people[0].up, 1); /* what came before it was good */
}

static void empty_post(struct stage *s)
{
    join(s);
    expect_answer(post(s, ""), 200, "ok");
    expect_reason(s, "parse error", "");
}

static void close_packet(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    expect_answer(post(s, "42[\"up\",1]\x1e"
                          "1\x1e"
                          "42[\"up\",2]"),
                  200, "ok");
    expect_answer(p, 200, "6");
    expect_reason(s, "transport close", "");
    assert_int_equal(s->app.people[0].up, 1);
    expect_gone(s);
}

static void client_ping(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    expect_answer(post(s, "2"), 200, "ok");
    expect_answer(p, 200, "1");
    expect_reason(s, "transport error", "invalid heartbeat direction");
}

static void bad_event(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    expect_answer(post(s, "42[\"up\""), 200, "ok");
    expect_answer(p, 200, "1");
    expect_reason(s, "forced close", "");
}

static void too_large(struct stage *s)
{
    char body[MAX_PAYLOAD + 2];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    join(s);
    expect_answer(post(s, body), 413, "");
    post_ok(s, "42[\"up\",1]");
    assert_int_equal(s->app.people[0].up, 1);
}

static void test_wrong_requests_end_the_session_as_the_reference_does(void **state)
{
    (void)state;
    at_both(two_polls);
    at_both(two_posts);
    at_both(octets);
    at_both(malformed);
    at_both(empty_post);
    at_both(close_packet);
    at_both(client_ping);
    at_both(bad_event);
    at_both(too_large);
}

static void reset_poll(struct stage *s)
{
    join(s);
    sim_http_reset(poll(s)->http);
    sim_settle(&s->world);
    expect_reason(s, "transport error", "poll connection closed prematurely");
    expect_gone(s);
}

static void half_closed_poll(struct stage *s)
{
    join(s);
    const struct request *r = poll(s);
    sim_link_end(r->http->link);
    sim_settle(&s->world);
    expect_reason(s, "transport error", "poll connection closed prematurely");
    expect_answer(r, 0, "");
}

static void reset_post(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    sim_http_reset(begin_post(s)->http);
    sim_settle(&s->world);
    expect_answer(p, 200, "1");
    expect_reason(s, "transport error", "data request connection closed prematurely");
}

static void half_closed_post(struct stage *s)
{
    join(s);
    struct request *r = begin_post(s);
    sim_link_end(r->http->link);
    sim_settle(&s->world);
    expect_reason(s, "transport error", "data request connection closed prematurely");
    expect_answer(r, 0, "");
}

static void post_that_stops(struct stage *s)
{
    join(s);
    const struct request *r = begin_post(s);
    sim_advance_ms(&s->world, BODY_TIMEOUT - 1);
    assert_true(s->app.people[0].is_here);
    sim_advance_ms(&s->world, 1);
    expect_answer(r, 408, NULL);
    expect_reason(s, "transport error", "data request connection closed prematurely");
}

static void test_requests_that_end_early_end_the_session(void **state)
{
    (void)state;
    at_both(reset_poll);
    at_both(half_closed_poll);
    at_both(reset_post);
    at_both(half_closed_post);
    at_both(post_that_stops);
}

/* --- closing ----------------------------------------------------------------------------------*/

static void server_closes_polling(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    post_ok(s, "42[\"bye\",1]");
    expect_answer(p, 200, "41");
    expect_answer(poll(s), 200,
                  "6\x1e"
                  "1");
    expect_reason(s, "server namespace disconnect", "");
    expect_gone(s);
}

static void server_leaves_a_namespace(struct stage *s)
{
    join(s);
    const struct request *p = poll(s);
    post_ok(s, "42[\"bye\",0]");
    expect_answer(p, 200, "41");
    p = poll(s);
    assert_false(p->is_answered);
    post_ok(s, "40{\"n\":0}");
    assert_memory_equal(p->body, "40{\"sid\":", 9);
}

static void server_closes_websocket(struct stage *s)
{
    join(s);
    upgrade(s);
    ws_say(s, "42[\"bye\",1]");
    assert_string_equal(s->heard, "41");
    expect_ws_closed(s, 1005);
    expect_reason(s, "server namespace disconnect", "");
}

static void server_closes_during_upgrade(struct stage *s)
{
    join(s);
    probe(s);
    post_ok(s, "42[\"bye\",1]");
    ws_say(s, "5");
    assert_string_equal(s->heard, "41");
    expect_ws_closed(s, 1005);
    expect_gone(s);
}

static void client_closes_websocket(struct stage *s)
{
    join(s);
    upgrade(s);
    sim_client_close(s->ws, 3456);
    sim_settle(&s->world);
    expect_ws_closed(s, 3456);
    expect_reason(s, "transport close", "");
}

static void client_resets_websocket(struct stage *s)
{
    join(s);
    upgrade(s);
    sim_client_reset(s->ws);
    sim_settle(&s->world);
    expect_reason(s, "transport close", "");
    expect_gone(s);
}

static void client_half_closes_websocket(struct stage *s)
{
    join(s);
    upgrade(s);
    sim_link_end(s->ws->link);
    sim_settle(&s->world);
    expect_reason(s, "transport close", "");
}

static void session_ends_during_upgrade(struct stage *s)
{
    join(s);
    probe(s);
    post_ok(s, "1");
    expect_ws_closed(s, 1005);
    expect_reason(s, "transport close", "");
    expect_gone(s);
}

/* It does not answer the close frame, nor does it end: it is cut off, not waited for. */
static void mute_client(struct stage *s)
{
    join(s);
    upgrade(s);
    s->ws->how.is_mute = true;
    ws_say(s, "42[\"bye\",1]");
    assert_int_equal(s->ws->close_code, 1005);
    sim_advance_ms(&s->world, 5000);
    assert_null(s->ws->link);
}

static void test_either_side_may_close_at_any_time(void **state)
{
    (void)state;
    at_both(server_closes_polling);
    at_both(server_leaves_a_namespace);
    at_both(server_closes_websocket);
    at_both(server_closes_during_upgrade);
    at_both(client_closes_websocket);
    at_both(client_resets_websocket);
    at_both(client_half_closes_websocket);
    at_both(session_ends_during_upgrade);
    at_both(mute_client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ping_that_is_not_answered_ends_the_session),
        cmocka_unit_test(test_the_interval_begins_with_the_pong),
        cmocka_unit_test(test_another_packet_instead_of_the_pong_helps_once),
        cmocka_unit_test(test_a_session_that_nobody_polls_ends_in_time),
        cmocka_unit_test(test_a_websocket_has_the_same_heartbeat),
        cmocka_unit_test(test_a_pong_that_is_due_at_the_upgrade_stays_due),
        cmocka_unit_test(test_who_joins_no_namespace_is_closed_at_the_connect_timeout),
        cmocka_unit_test(test_a_handshake_that_is_not_used_is_forgotten),
        cmocka_unit_test(test_a_probe_that_fails_leaves_the_session_to_polling),
        cmocka_unit_test(test_polls_during_an_upgrade_are_answered_every_100_ms),
        cmocka_unit_test(test_a_session_upgrades_once_and_does_not_poll_after_it),
        cmocka_unit_test(test_an_upgrade_without_a_probe_ends_the_pending_poll),
        cmocka_unit_test(test_wrong_requests_end_the_session_as_the_reference_does),
        cmocka_unit_test(test_requests_that_end_early_end_the_session),
        cmocka_unit_test(test_either_side_may_close_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
