/*
 * test_exchanges.c - requests that are answered later, and elsewhere: what peers get, and what
 * owners hear, whichever worker has the connection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sim_answers.h"
#include "support/sim_client.h"
#include "support/sim_seeds.h"
#include "ws/encoder.h"
#include "ws/mask.h"

#define WORKERS 2
#define HOST "Host: h\r\n"
#define PING_FRAME "\x81\x8f\x00\x00\x00\x00{\"type\":\"ping\"}"

struct stage {
    struct sim_world world;
    struct sim_answers answers;
    struct sim_client *client;
};

static void set_stage(struct stage *s, uint64_t seed, const struct sim_faults *faults)
{
    static const belfry_options options = { .workers = WORKERS,
                                            .body_timeout_ms = 5000,
                                            .close_timeout_ms = 700,
                                            .keep_alive_timeout_ms = 60000,
                                            .drain_timeout_ms = 3000 };
    static const struct sim_faults none;
    assert_true(sim_world_init(&s->world, seed, &options, faults != NULL ? faults : &none));
    assert_true(sim_answers_init(&s->answers, &s->world));
    s->client = NULL;
}

static void clear_stage(struct stage *s)
{
    sim_client_free(s->client);
    s->client = NULL;
    sim_advance_ms(&s->world, 10000);
    assert_int_equal(s->answers.live, 0);
    assert_int_equal(sim_connection_count(&s->world), 0);
    sim_world_deinit(&s->world);
}

/* A new client at worker 0. */
static void come(struct stage *s)
{
    sim_client_free(s->client);
    s->client = sim_client_new(&s->world, &(struct sim_client_how){ .is_raw = true });
}

/* Sends @text with 'W' as the @worker. */
static void say(struct stage *s, unsigned worker, const char *text)
{
    char wire[8192];
    size_t size = strlen(text);
    assert_true(size < sizeof wire);
    memcpy(wire, text, size);
    for (size_t i = 0; i + 5 < size; i++)
        if (memcmp(wire + i, "/x/W/", 5) == 0)
            wire[i + 3] = (char)('0' + worker);
    sim_client_send_raw(s->client, bytes_of(wire, size));
}

/* All that came. */
static const char *heard(struct stage *s)
{
    sim_settle(&s->world);
    buf_put_char(&s->client->inbox, '\0');
    s->client->inbox.size--;
    return (const char *)s->client->inbox.data;
}

static void expect_part(struct stage *s, const char *what, const char *part)
{
    const char *text = heard(s);
    if (part != NULL && strstr(text, part) == NULL)
        fail_msg("%s: not \"%s\" but \"%s\"", what, part, text);
}

/* --- answers ----------------------------------------------------------------------------------*/

static const struct answer_case {
    const char *name;
    const char *request;
    const char *want;
    const char *want_end; /* of all that came; NULL: whatever */
    bool is_end;          /* the connection ends */
} answer_cases[] = {
    { "get", "GET /x/W/now HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK\r\n", "now ", false },
    { "fields", "GET /x/W/now HTTP/1.1\r\n" HOST "\r\n", "X-Test: yes\r\n", NULL, false },
    { "alive", "GET /x/W/now HTTP/1.1\r\n" HOST "\r\n", "Connection: keep-alive\r\n", NULL, false },
    { "type", "GET /x/W/now HTTP/1.1\r\n" HOST "\r\n", "Content-Type: text/plain\r\n", NULL,
      false },
    { "post", "POST /x/W/now HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\n", "now hello", false },
    { "empty post", "POST /x/W/now HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n", "now ", false },
    { "chunks",
      "POST /x/W/now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
      "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n", "now hello", false },
    { "expecting",
      "POST /x/W/now HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", "now hello", false },
    { "head", "HEAD /x/W/now HTTP/1.1\r\n" HOST "\r\n", "Content-Length: ", "\r\n\r\n", false },
    { "any method", "BREW /x/W/now HTTP/1.1\r\n" HOST "\r\n", "BREW ", "now ", false },
    { "old", "GET /x/W/now HTTP/1.0\r\n\r\n", "Connection: close\r\n", "now ", true },
    { "closing", "GET /x/W/now HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
      "Connection: close\r\n", "now ", true },
    { "last", "GET /x/W/last HTTP/1.1\r\n" HOST "\r\n", "Connection: close\r\n", "last ", true },
    { "abort", "GET /x/W/abort HTTP/1.1\r\n" HOST "\r\n", "", "", true },
    { "query", "GET /x/W/now?a=b HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200 OK\r\n", "now ", false },
    { "an upgrade with a body is none",
      "POST /x/W/now HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: websocket\r\n"
      "Content-Length: 2\r\n\r\nhi",
      "HTTP/1.1 200 OK\r\n", "now hi", false },
    { "too large", "POST /x/W/now HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n",
      "HTTP/1.1 413 ", NULL, true },
    { "too large, expecting",
      "POST /x/W/now HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
      "HTTP/1.1 413 ", NULL, true },
    { "too large a chunk",
      "POST /x/W/now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
      "HTTP/1.1 413 ", NULL, true },
    { "malformed chunk",
      "POST /x/W/now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 400 ",
      NULL, true },
    { "early", "POST /x/W/early HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\n", "early", false },
    { "early and too large", "POST /x/W/early HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\nh",
      "HTTP/1.1 200 OK\r\n", NULL, true },
    { "elsewhere", "POST /no HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "HTTP/1.1 404 ", NULL,
      false },
    { "not below the prefix", "GET /x HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 404 ", NULL, false },
};

static void check_answer(struct stage *s, const struct answer_case *c, unsigned worker, size_t step)
{
    size_t size = strlen(c->request);
    char part[4096];
    come(s);
    char text[1024];
    snprintf(text, sizeof text, "%s", c->request);
    for (char *at = text; (at = strstr(at, "/x/W/")) != NULL;)
        at[3] = (char)('0' + worker);
    for (size_t at = 0; at < size; at += step) {
        size_t n = BELFRY_MIN(step, size - at);
        memcpy(part, text + at, n);
        part[n] = '\0';
        sim_client_send_raw(s->client, bytes_of(part, n));
        sim_steps(&s->world, 8);
    }
    expect_part(s, c->name, c->want);
    const char *all = heard(s);
    if (c->want_end != NULL && (strlen(all) < strlen(c->want_end) ||
                                strcmp(all + strlen(all) - strlen(c->want_end), c->want_end) != 0))
        fail_msg("%s: \"%s\" does not end with \"%s\"", c->name, all, c->want_end);
    if ((s->client->state == SIM_ENDED) != c->is_end)
        fail_msg("%s: the connection should %s", c->name, c->is_end ? "end" : "go on");
    assert_int_equal(s->answers.live, 0);
    if (c->is_end)
        return;
    say(s, worker, "GET /x/W/now/next HTTP/1.1\r\n" HOST "\r\n"); /* nothing was left over */
    expect_part(s, c->name, "/now/next ");
}

static void test_answers(void **state)
{
    static const struct sim_faults faults = { .short_io = 30, .again = 20 };
    struct stage s;
    (void)state;
    sim_set_seed(1);
    set_stage(&s, 1, &faults);
    for (const struct answer_case *c = answer_cases; c != BELFRY_END(answer_cases); c++)
        for (unsigned worker = 0; worker < WORKERS; worker++)
            for (size_t step = 1; step < 300; step = step * 7)
                check_answer(&s, c, worker, step);
    clear_stage(&s);
}

static void test_the_request_can_be_asked(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 1, NULL);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        say(&s, worker,
            "POST /x/W/hold?name=a%20b HTTP/1.1\r\n" HOST
            "X-One: 1\r\nX-One: 2\r\nContent-Length: 3\r\n\r\nabc");
        sim_settle(&s.world);
        struct exchange *x = sim_answers_first(&s.answers);
        belfry_request *req = exchange_request(x);
        assert_string_equal(belfry_request_method(req), "POST");
        assert_string_equal(belfry_request_query(req, "name"), "a b");
        assert_string_equal(belfry_request_header(req, "x-one"), "1, 2");
        assert_null(belfry_request_header(req, "x-two"));
        assert_string_equal(belfry_request_address(req), "192.0.2.1:4711");
        assert_memory_equal(belfry_request_body(req).data, "abc", 3);
        assert_ptr_equal(belfry_request_server(req), s.world.server);
        assert_int_equal(belfry_reply(req, 200, NULL, NULL, 0), BELFRY_ERR_STATE);
        assert_int_equal(belfry_reply_header(req, "X-Two", "3"), BELFRY_OK);
        assert_int_equal(belfry_request_set_user(req, "ada"), BELFRY_OK);
        assert_false(exchange_is_secure(x));
        sim_answers_release(&s.answers, worker);
        expect_part(&s, "the answer", "X-Two: 3\r\n");
    }
    clear_stage(&s);
}

/* --- waiting ----------------------------------------------------------------------------------*/

static void test_requests_behind_a_waiting_one_wait(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 2, NULL);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        say(&s, worker,
            "GET /x/W/hold HTTP/1.1\r\n" HOST "\r\nGET /x/W/now/2 HTTP/1.1\r\n" HOST
            "\r\nGET /no HTTP/1.1\r\n" HOST "\r\nGET /x/W/hold/3 HTTP/1.1\r\n" HOST "\r\n");
        sim_settle(&s.world);
        say(&s, worker, "GET /x/W/now/4 HTTP/1.1\r\n" HOST "\r\n");
        assert_string_equal(heard(&s), "");
        sim_advance_ms(&s.world, 600000); /* there is no deadline */
        sim_answers_release(&s.answers, worker);
        const char *first = strstr(heard(&s), "released");
        assert_non_null(first);
        const char *second = strstr(first, "/now/2 ");
        assert_non_null(second);
        assert_non_null(strstr(second, "HTTP/1.1 404"));
        assert_null(strstr(second, "/now/4"));
        sim_answers_release(&s.answers, worker);
        assert_non_null(strstr(heard(&s), "/now/4"));
    }
    clear_stage(&s);
}

static void test_after_an_early_answer_the_body_is_thrown_away(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 2, NULL);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        say(&s, worker, "POST /x/W/early HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\nsome");
        expect_part(&s, "an answer though the body has not come", "early");
        for (int i = 0; i < 896; i++)
            say(&s, worker, "x");
        say(&s, worker, "GET /x/W/now/next HTTP/1.1\r\n" HOST "\r\n");
        expect_part(&s, "the next request", "/now/next ");
        /* The rest is waited for, but not for ever. */
        say(&s, worker, "POST /x/W/early HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\nsome");
        sim_settle(&s.world);
        sim_advance_ms(&s.world, 5000);
        sim_settle(&s.world);
        assert_int_equal(s.client->state, SIM_ENDED);
        assert_null(strstr(heard(&s), "408"));
    }
    clear_stage(&s);
}

static void test_a_slow_body_has_a_deadline(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 2, NULL);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        unsigned lost = s.answers.lost;
        say(&s, worker, "POST /x/W/now HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\n");
        for (int i = 0; i < 49; i++) {
            sim_advance_ms(&s.world, 100);
            say(&s, worker, "x");
        }
        sim_settle(&s.world);
        assert_int_equal(s.answers.live, 1);
        sim_advance_ms(&s.world, 100);
        expect_part(&s, "a deadline", "HTTP/1.1 408 ");
        assert_int_equal(s.answers.lost, lost + 1);
        assert_int_equal(s.answers.live, 0);
    }
    clear_stage(&s);
}

static void test_the_body_that_is_too_large_may_wait_for_its_answer(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 2, NULL);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        say(&s, worker, "POST /x/W/hold HTTP/1.1\r\n" HOST "Content-Length: 2000\r\n\r\n");
        for (int i = 0; i < 2000; i++)
            say(&s, worker, "x");
        sim_advance_ms(&s.world, 60000);
        assert_string_equal(heard(&s), "");
        assert_int_equal(s.answers.too_large, worker + 1);
        sim_answers_release(&s.answers, worker);
        expect_part(&s, "the answer", "released");
        assert_int_equal(s.client->state, SIM_ENDED);
    }
    clear_stage(&s);
}

/* --- losing the peer --------------------------------------------------------------------------*/

#define HOLD "GET /x/W/hold HTTP/1.1\r\n" HOST "\r\n"

static const struct loss_case {
    const char *name;
    const char *request;
    unsigned begun;
    unsigned lost;
} loss_cases[] = {
    { "in the head", "GET /x/W/hold HTTP/1.1\r\nHos", 0, 0 },
    { "before the body", "POST /x/W/hold HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 1, 1 },
    { "in the body", "POST /x/W/hold HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhell", 1, 1 },
    { "in a chunk", "POST /x/W/hold HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
      1, 1 },
    { "waiting", HOLD, 1, 1 },
    { "waiting, aborted", "GET /x/W/hold/abort HTTP/1.1\r\n" HOST "\r\n", 1, 1 },
    { "waiting with a body", "POST /x/W/hold HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 1,
      1 },
    { "waiting, more behind", HOLD HOLD HOLD, 1, 1 },
    { "waiting, too large", "POST /x/W/hold HTTP/1.1\r\n" HOST "Content-Length: 5000\r\n\r\nhello",
      1, 1 },
    { "in a body that nobody wants",
      "POST /x/W/early HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhell", 1, 0 },
};

enum way_out { WAY_END, WAY_ABANDON, WAY_RESET, WAY_COUNT };

static void leave(struct sim_client *c, enum way_out way)
{
    switch (way) {
    case WAY_END:
        sim_link_end(c->link);
        break;
    case WAY_ABANDON:
        sim_client_hang_up(c);
        break;
    default:
        sim_client_reset(c);
    }
}

static void test_the_owner_hears_of_a_lost_peer_at_once(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 3, NULL);
    for (const struct loss_case *c = loss_cases; c != BELFRY_END(loss_cases); c++) {
        for (unsigned i = 0; i < WORKERS * WAY_COUNT; i++) {
            struct sim_answers before = s.answers;
            come(&s);
            say(&s, i % WORKERS, c->request);
            sim_settle(&s.world);
            leave(s.client, (enum way_out)(i / WORKERS));
            sim_settle(&s.world);
            if (s.answers.begun - before.begun != c->begun ||
                s.answers.lost - before.lost != c->lost)
                fail_msg("%s, %u: %u begun, %u lost", c->name, i, s.answers.begun - before.begun,
                         s.answers.lost - before.lost);
            assert_int_equal(s.answers.live, 0);
        }
    }
    clear_stage(&s);
}

/* Half-closed: it hears what the owner says to its loss, unless that takes too long. */
static void test_a_peer_that_only_ends_its_side_gets_its_answer(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 3, NULL);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        say(&s, worker, HOLD HOLD);
        sim_settle(&s.world);
        sim_link_end(s.client->link);
        expect_part(&s, "half-closed", "HTTP/1.1 503 ");
        assert_int_equal(s.client->state, SIM_ENDED);
        for (unsigned i = 0; i < 2; i++) {
            come(&s);
            say(&s, worker, "GET /x/W/hold/on HTTP/1.1\r\n" HOST "\r\n");
            sim_settle(&s.world);
            sim_link_end(s.client->link);
            sim_settle(&s.world);
            assert_int_equal(s.client->state, SIM_RAW);
            sim_advance_ms(&s.world, i == 0 ? 699 : 700);
            sim_answers_release(&s.answers, worker);
            assert_int_equal(strstr(heard(&s), "released") != NULL, i == 0);
            assert_int_equal(s.client->state, SIM_ENDED);
        }
    }
    clear_stage(&s);
}

/* --- upgrades ---------------------------------------------------------------------------------*/

#define UPGRADE(path)                                                                \
    "GET " path " HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void say_ping(struct stage *s)
{
    sim_client_send_raw(s->client, BELFRY_BYTES(PING_FRAME));
}

static void test_an_upgrade_moves_to_its_owner(void **state)
{
    static const struct sim_faults faults = { .short_io = 50, .again = 20 };
    struct stage s;
    (void)state;
    set_stage(&s, 4, &faults);
    for (unsigned round = 0; round < 100; round++) {
        unsigned worker = round % WORKERS;
        come(&s);
        if (round % 3 == 0)
            say(&s, 1 - worker, "GET /x/W/now/1 HTTP/1.1\r\n" HOST "\r\n");
        say(&s, worker, UPGRADE("/x/W/ws"));
        if (round % 5 == 0)
            sim_settle(&s.world);
        say_ping(&s);
        say_ping(&s);
        const char *text = heard(&s);
        const char *switched = strstr(text, "HTTP/1.1 101 ");
        assert_non_null(switched);
        const char *pong = strstr(switched, "pong");
        assert_non_null(pong);
        assert_non_null(strstr(pong, "pong"));
        assert_int_equal(strstr(text, "/now/1 ") != NULL, round % 3 == 0);
        assert_int_equal(sim_counter(&s.world, offsetof(struct counters, connections_ws)), 1);
        struct counters *there = &s.world.server->workers[worker].counters;
        assert_int_equal(atomic_load(&there->connections_ws), 1);
        sim_client_hang_up(s.client);
        sim_settle(&s.world);
    }
    assert_int_equal(s.answers.upgrades, 100);
    assert_int_equal(SIM_COUNTER(&s.world, accepted), 100);
    assert_int_equal((uint64_t)SIM_COUNTER(&s.world, connections_http), 0);
    clear_stage(&s);
}

static void test_an_upgrade_may_be_refused_where_it_arrives(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 4, NULL);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        say(&s, worker, UPGRADE("/x/W/no"));
        expect_part(&s, "refused", "HTTP/1.1 400 ");
        assert_int_equal(s.client->state, SIM_ENDED);
        come(&s);
        say(&s, worker,
            "GET /x/W/ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n"
            "Connection: upgrade\r\n\r\nGET /x/W/now/2 HTTP/1.1\r\n" HOST "\r\n");
        expect_part(&s, "no version", "HTTP/1.1 426 ");
        expect_part(&s, "it goes on as HTTP", "/now/2 ");
    }
    clear_stage(&s);
}

/* Answers that the peer has not read come along, and stay before the 101. */
static void test_what_is_unsent_moves_too(void **state)
{
    static const struct sim_faults faults = { .pipe_bytes = 1000 };
    struct stage s;
    (void)state;
    set_stage(&s, 5, &faults);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        come(&s);
        sim_client_stall(s.client, true);
        for (int i = 0; i < 5; i++)
            say(&s, worker, "GET /x/W/big HTTP/1.1\r\n" HOST "\r\n");
        say(&s, worker, UPGRADE("/x/W/ws"));
        say_ping(&s);
        sim_settle(&s.world);
        sim_client_stall(s.client, false);
        sim_settle(&s.world);
        struct buf *in = &s.client->inbox;
        const uint8_t *switched = memmem(in->data, in->size, "HTTP/1.1 101 ", 13);
        assert_non_null(switched);
        assert_true((size_t)(switched - in->data) > 5 * SIM_BIG_ANSWER);
        assert_non_null(memmem(switched, in->size - (size_t)(switched - in->data), "pong", 4));
    }
    clear_stage(&s);
}

/* --- stopping ---------------------------------------------------------------------------------*/

static void test_a_server_that_stops_waits_for_answers(void **state)
{
    struct stage s;
    (void)state;
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        set_stage(&s, 6, NULL);
        come(&s);
        say(&s, worker, HOLD);
        sim_settle(&s.world);
        belfry_stop_soon(s.world.server);
        sim_advance_ms(&s.world, 1000);
        assert_string_equal(heard(&s), "");
        assert_false(sim_has_stopped(&s.world));
        sim_answers_release(&s.answers, worker);
        expect_part(&s, "the answer", "released");
        expect_part(&s, "the last one", "Connection: close\r\n");
        sim_client_hang_up(s.client);
        sim_settle(&s.world);
        clear_stage(&s);
    }
}

static void test_stopping_ends_at_its_deadline_whoever_waits(void **state)
{
    struct stage s;
    (void)state;
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        set_stage(&s, 6, NULL);
        come(&s);
        say(&s, worker, HOLD);
        sim_settle(&s.world);
        belfry_stop_soon(s.world.server);
        sim_advance_ms(&s.world, 3000);
        sim_settle(&s.world);
        assert_int_equal(s.client->state, SIM_ENDED);
        assert_int_equal(sim_connection_count(&s.world), 0);
        sim_world_deinit(&s.world); /* runs what a stopped worker was told last */
        assert_int_equal(s.answers.lost, 1);
        assert_int_equal(s.answers.live, 0);
        sim_client_free(s.client);
    }
}

static void test_a_stopped_worker_is_not_asked(void **state)
{
    struct stage s;
    (void)state;
    set_stage(&s, 6, NULL);
    come(&s);
    say(&s, 0, "GET /x/W/hold HTTP/1.1\r\n" HOST "\r\n");
    say(&s, 1, "GET /x/W/now HTTP/1.1\r\n" HOST "\r\n");
    sim_settle(&s.world);
    belfry_stop_soon(s.world.server);
    sim_settle(&s.world);
    s.world.server->workers[0].is_stopping = false; /* as if it had not noticed yet */
    sim_answers_release(&s.answers, 0);
    expect_part(&s, "busy", "HTTP/1.1 503 ");
    clear_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_the_request_can_be_asked),
        cmocka_unit_test(test_requests_behind_a_waiting_one_wait),
        cmocka_unit_test(test_after_an_early_answer_the_body_is_thrown_away),
        cmocka_unit_test(test_a_slow_body_has_a_deadline),
        cmocka_unit_test(test_the_body_that_is_too_large_may_wait_for_its_answer),
        cmocka_unit_test(test_the_owner_hears_of_a_lost_peer_at_once),
        cmocka_unit_test(test_a_peer_that_only_ends_its_side_gets_its_answer),
        cmocka_unit_test(test_an_upgrade_moves_to_its_owner),
        cmocka_unit_test(test_an_upgrade_may_be_refused_where_it_arrives),
        cmocka_unit_test(test_what_is_unsent_moves_too),
        cmocka_unit_test(test_a_server_that_stops_waits_for_answers),
        cmocka_unit_test(test_stopping_ends_at_its_deadline_whoever_waits),
        cmocka_unit_test(test_a_stopped_worker_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
