/*
 * test_exchange_storm.c - many peers, many requests one behind the other, owners everywhere, a
 * faulty network, peers that go, and memory that fails: every answer is the right one in its
 * place, every exchange ends, and nothing is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sim_alloc.h"
#include "support/sim_answers.h"
#include "support/sim_client.h"
#include "support/sim_seeds.h"

#define PEERS 12
#define MAX_ASKED 12
#define SEEDS 150
#define RUNS 250 /* of each kind of failing memory; BELFRY_SIM_SEEDS=N for another number */

static const uint64_t past_seeds[] = { 1 };

#define HANDSHAKE_FIELDS                                       \
    "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

enum kind {
    ASK_NOW,
    ASK_POST,
    ASK_CHUNKED,
    ASK_EARLY,
    ASK_HOLD,
    ASK_BIG,
    ASK_LARGE,
    ASK_KINDS,
    ASK_UPGRADE = ASK_KINDS
};

/* One connection: what it has asked, in order, and the bytes of that which it has not sent yet. */
struct peer {
    struct sim_client *client;
    enum kind asked[MAX_ASKED];
    unsigned owner[MAX_ASKED];
    unsigned count;
    struct buf bytes;
    size_t sent;
};

struct storm {
    struct sim_world world;
    struct sim_answers answers;
    struct peer peers[PEERS];
    bool may_refuse; /* memory fails */
};

/* --- asking -----------------------------------------------------------------------------------*/

static void put_request(struct peer *p, enum kind kind, unsigned owner)
{
    unsigned number = p->count;
    p->asked[p->count] = kind;
    p->owner[p->count++] = owner;
    struct buf *b = &p->bytes;
    switch (kind) {
    case ASK_NOW:
        buf_printf(b, "GET /x/%u/now/%u HTTP/1.1\r\nHost: h\r\n\r\n", owner, number);
        break;
    case ASK_POST:
        buf_printf(b,
                   "POST /x/%u/now/%u HTTP/1.1\r\nHost: h\r\nContent-Length: 26\r\n\r\n"
                   "abcdefghijklmnopqrstuvwxyz",
                   owner, number);
        break;
    case ASK_CHUNKED:
        buf_printf(b,
                   "POST /x/%u/now/%u HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nabcde\r\n15\r\nfghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
                   owner, number);
        break;
    case ASK_EARLY:
        buf_printf(b, "POST /x/%u/early/%u HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\n%300u",
                   owner, number, 7);
        break;
    case ASK_HOLD:
        buf_printf(b, "GET /x/%u/hold/%u HTTP/1.1\r\nHost: h\r\n\r\n", owner, number);
        break;
    case ASK_BIG:
        buf_printf(b, "GET /x/%u/big/%u HTTP/1.1\r\nHost: h\r\n\r\n", owner, number);
        break;
    case ASK_LARGE:
        buf_printf(b, "POST /x/%u/now/%u HTTP/1.1\r\nHost: h\r\nContent-Length: 1200\r\n\r\n%1200u",
                   owner, number, 7);
        break;
    case ASK_UPGRADE:
        buf_printf(b, "GET /x/%u/ws HTTP/1.1\r\n" HANDSHAKE_FIELDS, owner);
        buf_put(b, "\x81\x8f\x00\x00\x00\x00{\"type\":\"ping\"}", 21);
        break;
    }
}

static void arrive(struct storm *s, struct peer *p)
{
    unsigned workers = s->world.server->worker_count;
    struct sim_client_how how = { .is_raw = true,
                                  .worker = (unsigned)sim_below(&s->world, workers) };
    *p = (struct peer){ .client = sim_client_new(&s->world, &how) };
    unsigned count = (unsigned)sim_below(&s->world, MAX_ASKED);
    enum kind kind = ASK_NOW;
    while (p->count < count && kind != ASK_LARGE) { /* nothing comes behind that one */
        kind = (enum kind)sim_below(&s->world, ASK_KINDS);
        if (kind == ASK_LARGE && !sim_chance(&s->world, 20))
            kind = ASK_NOW;
        put_request(p, kind, (unsigned)sim_below(&s->world, workers));
    }
    if (kind != ASK_LARGE && sim_chance(&s->world, 60))
        put_request(p, ASK_UPGRADE, (unsigned)sim_below(&s->world, workers));
    SIM_CHECK(!buf_failed(&p->bytes), "the test is out of memory");
}

/* --- judging ----------------------------------------------------------------------------------*/

/* The text that begins with an answer's status line, cut off from @rest. False: it is not whole. */
static bool next_answer(belfry_bytes *rest, unsigned *out_status, belfry_bytes *out_body)
{
    const char *at = rest->data;
    const char *end = rest->size > 0 ? memmem(at, rest->size, "\r\n\r\n", 4) : NULL;
    if (end == NULL)
        return false;
    SIM_CHECK(memcmp(at, "HTTP/1.1 ", 9) == 0, "not an answer: %.40s", at);
    *out_status = (unsigned)atoi(at + 9);
    const char *length = memmem(at, (size_t)(end - at), "Content-Length: ", 16);
    size_t size = length != NULL ? (size_t)atoi(length + 16) : 0;
    size_t left = rest->size - (size_t)(end + 4 - at);
    if (left < size)
        return false;
    *out_body = bytes_of(end + 4, size);
    *rest = bytes_of(end + 4 + size, left - size);
    return true;
}

static void judge_answer(const struct peer *p, unsigned i, unsigned status, belfry_bytes body)
{
    char want[200] = "";
    unsigned want_status = 200;
    switch (p->asked[i]) {
    case ASK_NOW:
        snprintf(want, sizeof want, "%u GET /x/%u/now/%u ", p->owner[i], p->owner[i], i);
        break;
    case ASK_POST:
    case ASK_CHUNKED:
        snprintf(want, sizeof want, "%u POST /x/%u/now/%u abcdefghijklmnopqrstuvwxyz", p->owner[i],
                 p->owner[i], i);
        break;
    case ASK_EARLY:
        snprintf(want, sizeof want, "early");
        break;
    case ASK_HOLD:
        snprintf(want, sizeof want, "released");
        break;
    case ASK_BIG:
        SIM_CHECK(status == 200 && body.size == SIM_BIG_ANSWER, "%zu of a big answer", body.size);
        return;
    case ASK_LARGE:
        want_status = 413;
        break;
    case ASK_UPGRADE:
        want_status = 101;
        break;
    }
    SIM_CHECK(status == want_status && bytes_equal_text(body, want),
              "the answer to request %u, \"%s\", is %u, \"%.*s\"", i, want, status, (int)body.size,
              (const char *)body.data);
}

/* @is_all: nothing may be missing. */
static void judge(struct storm *s, struct peer *p, bool is_all)
{
    belfry_bytes rest = buf_bytes(&p->client->inbox);
    belfry_bytes body;
    unsigned status;
    unsigned i = 0;
    for (; i < p->count && next_answer(&rest, &status, &body); i++) {
        if (status == 503 && (s->may_refuse || !is_all))
            return; /* the last that it hears: no memory, or it has half-closed */
        judge_answer(p, i, status, body);
    }
    if (is_all && !s->may_refuse) {
        SIM_CHECK(i == p->count, "%u answers to %u requests", i, p->count);
        SIM_CHECK(i == 0 || p->asked[i - 1] != ASK_UPGRADE ||
                      memmem(rest.data, rest.size, "pong", 4) != NULL,
                  "no answer behind the upgrade");
    }
}

static void depart(struct storm *s, struct peer *p, bool is_all)
{
    judge(s, p, is_all);
    sim_client_free(p->client);
    buf_deinit(&p->bytes);
}

/* --- the storm --------------------------------------------------------------------------------*/

static void press_on(struct storm *s, struct peer *p)
{
    size_t left = p->bytes.size - p->sent;
    size_t size = (size_t)sim_below(&s->world, 500);
    size = BELFRY_MIN(size, left);
    if (size > 0)
        sim_client_send_raw(p->client, bytes_of(p->bytes.data + p->sent, size));
    p->sent += size;
}

static void misbehave(struct storm *s, struct peer *p)
{
    switch (sim_below(&s->world, 3)) {
    case 0:
        sim_client_reset(p->client);
        break;
    case 1:
        sim_client_hang_up(p->client);
        break;
    default:
        if (p->client->link != NULL)
            sim_link_end(p->client->link);
    }
    sim_steps(&s->world, 10);
    depart(s, p, false);
    arrive(s, p);
}

static void release_any(struct storm *s)
{
    sim_answers_release(&s->answers, (unsigned)sim_below(&s->world, s->world.server->worker_count));
}

static void blow(struct storm *s, unsigned turns)
{
    for (unsigned i = 0; i < PEERS; i++)
        arrive(s, &s->peers[i]);
    for (unsigned turn = 0; turn < turns; turn++) {
        struct peer *p = &s->peers[sim_below(&s->world, PEERS)];
        press_on(s, p);
        sim_client_stall(p->client, sim_chance(&s->world, 20));
        if (sim_chance(&s->world, 2))
            misbehave(s, p);
        if (sim_chance(&s->world, 10))
            release_any(s);
        sim_steps(&s->world, (unsigned)sim_below(&s->world, 20));
    }
}

/* Everybody says the rest and gets all answers. */
static void calm_down(struct storm *s)
{
    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *p = &s->peers[i];
        sim_client_stall(p->client, false);
        if (p->sent < p->bytes.size)
            sim_client_send_raw(p->client,
                                bytes_of(p->bytes.data + p->sent, p->bytes.size - p->sent));
    }
    for (unsigned i = 0; i <= MAX_ASKED; i++) {
        for (unsigned w = 0; w < s->world.server->worker_count; w++)
            sim_answers_release(&s->answers, w);
        sim_settle(&s->world);
    }
}

static bool make_storm(struct storm *s, uint64_t seed)
{
    struct random_seeded r;
    random_seed(&r, seed);
    belfry_options options = { .workers = 1 + (uint32_t)random_below(&r, 3),
                               .body_timeout_ms = 600000,
                               .handshake_timeout_ms = 600000 };
    struct sim_faults faults = { .short_io = (unsigned)random_below(&r, 80),
                                 .again = (unsigned)random_below(&r, 50),
                                 .delay = (unsigned)random_below(&r, 20),
                                 .max_delay_ms = 30,
                                 .pipe_bytes = (size_t)(500 + random_below(&r, 20000)) };
    *s = (struct storm){ 0 };
    if (!sim_world_init(&s->world, seed, &options, &faults))
        return false;
    if (sim_answers_init(&s->answers, &s->world))
        return true;
    sim_world_deinit(&s->world);
    return false;
}

static void end_storm(struct storm *s)
{
    for (unsigned i = 0; i < PEERS; i++)
        depart(s, &s->peers[i], true);
    sim_advance_ms(&s->world, 5000);
    SIM_CHECK(s->answers.live == 0, "%u exchanges are left", s->answers.live);
    SIM_CHECK(sim_connection_count(&s->world) == 0, "%u connections are left",
              sim_connection_count(&s->world));
    sim_world_deinit(&s->world);
}

static void run_storm(uint64_t seed)
{
    struct storm s;
    SIM_CHECK(make_storm(&s, seed), "no server");
    blow(&s, 400);
    calm_down(&s);
    end_storm(&s);
}

static void test_every_answer_in_its_place(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_storm);
}

/* The server is freed in the middle of it. */
static void run_shipwreck(uint64_t seed)
{
    struct storm s;
    SIM_CHECK(make_storm(&s, seed), "no server");
    blow(&s, (unsigned)sim_below(&s.world, 200));
    if (sim_chance(&s.world, 50)) {
        belfry_stop_soon(s.world.server);
        sim_steps(&s.world, (unsigned)sim_below(&s.world, 300));
    }
    for (unsigned i = 0; i < PEERS; i++)
        sim_client_hang_up(s.peers[i].client);
    sim_world_deinit(&s.world);
    SIM_CHECK(s.answers.live == 0, "%u exchanges are left", s.answers.live);
    s.may_refuse = true;
    for (unsigned i = 0; i < PEERS; i++)
        depart(&s, &s.peers[i], false);
}

static void test_a_server_is_freed_in_the_middle(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_shipwreck);
}

/* --- memory -----------------------------------------------------------------------------------*/

static bool run_failing(uint64_t first, uint64_t count)
{
    struct storm s;
    sim_set_seed(first);
    sim_alloc_fail(first, count);
    bool is_made = make_storm(&s, 3);
    s.may_refuse = true;
    if (is_made)
        blow(&s, 60);
    sim_alloc_fail(0, 0);
    if (!is_made)
        return false;
    calm_down(&s);
    end_storm(&s);
    return true;
}

static void test_any_allocation_may_fail(void **state)
{
    (void)state;
    sim_each_failure(RUNS, 1, run_failing);
}

static void test_memory_may_be_out_for_a_while(void **state)
{
    (void)state;
    sim_each_failure(RUNS, 25, run_failing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_answer_in_its_place),
        cmocka_unit_test(test_a_server_is_freed_in_the_middle),
        cmocka_unit_test(test_any_allocation_may_fail),
        cmocka_unit_test(test_memory_may_be_out_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
