/*
 * test_hostile.c - noise, mutated handshakes and mutated frames on many connections, while good
 * clients chat and must not notice; afterwards connections and memory are where they were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sim_alloc.h"
#include "support/sim_rooms.h"
#include "support/sim_seeds.h"
#include "ws/encoder.h"
#include "ws/mask.h"

#define GOOD 4
#define ATTACKERS 24
#define WAVES 3
#define SEEDS 25
#define SLACK_BYTES 8192 /* tables that keep their size */

static const uint64_t past_seeds[] = { 1 };

#define HANDSHAKE                                                     \
    "GET /ws HTTP/1.1\r\nHost: sim.example\r\nUpgrade: websocket\r\n" \
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"            \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                 \
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"

struct run {
    struct sim_world world;
    struct sim_rooms rooms;
    struct sim_visit *good[GOOD];
};

/* --- what attackers send ----------------------------------------------------------------------*/

static void put_noise(struct buf *out, struct random_seeded *r, size_t size)
{
    while (size-- > 0)
        buf_put_char(out, (char)random_next(r));
}

static void put_frame(struct buf *out, struct random_seeded *r, unsigned first,
                      belfry_bytes payload)
{
    uint8_t header[WS_HEADER_MAX];
    uint32_t key = (uint32_t)random_next(r);
    buf_put(out, header, ws_header_write_masked(header, first, payload.size, key));
    size_t start = out->size;
    buf_put_bytes(out, payload);
    ws_mask(out->data + start, payload.size, key, 0);
}

static void put_request(struct buf *out, struct random_seeded *r)
{
    static const char *const requests[] = {
        "{\"type\":\"join\",\"room\":\"hostile-%u\",\"history\":9,\"ref\":1}",
        "{\"type\":\"join\",\"room\":\"hostile-%u\",\"since\":\"17-0.abc\"}",
        "{\"type\":\"message\",\"room\":\"hostile-%u\",\"text\":\"hi\",\"key\":\"k\",\"ref\":[]}",
        "{\"type\":\"event\",\"room\":\"hostile-%u\",\"event\":\"e\",\"data\":{\"a\":[1,2]}}",
        "{\"type\":\"members\",\"room\":\"hostile-%u\",\"after\":\"A\",\"ref\":{}}",
        "{\"type\":\"leave\",\"room\":\"hostile-%u\"}",
    };
    char text[256];
    const char *format = requests[random_below(r, BELFRY_COUNT(requests))];
    int size = snprintf(text, sizeof text, format, (unsigned)random_below(r, 3));
    put_frame(out, r, WS_TEXT | WS_FIN, bytes_of(text, (size_t)size));
}

static void put_odd_frame(struct buf *out, struct random_seeded *r)
{
    struct buf payload = { 0 };
    put_noise(&payload, r, (size_t)random_below(r, 200));
    put_frame(out, r, (unsigned)random_below(r, 256), buf_bytes(&payload));
    buf_deinit(&payload);
}

static void mutate(struct buf *bytes, struct random_seeded *r)
{
    for (uint64_t i = random_below(r, 5); i > 0 && bytes->size > 0; i--) {
        size_t at = (size_t)random_below(r, bytes->size);
        switch (random_below(r, 3)) {
        case 0:
            bytes->data[at] = (uint8_t)random_next(r);
            break;
        case 1:
            bytes->data[at] ^= (uint8_t)(1u << random_below(r, 8));
            break;
        default:
            bytes->size = random_below(r, 4) == 0 ? at : bytes->size; /* cut short */
        }
    }
}

static void put_attack(struct buf *out, struct random_seeded *r)
{
    struct buf frames = { 0 };
    if (random_below(r, 8) == 0) {
        put_noise(out, r, (size_t)random_below(r, 3000));
        return;
    }
    buf_put_text(out, HANDSHAKE);
    if (random_below(r, 4) == 0)
        mutate(out, r);
    for (uint64_t i = random_below(r, 30); i > 0; i--) {
        if (random_below(r, 6) == 0)
            put_odd_frame(&frames, r);
        else
            put_request(&frames, r);
    }
    if (random_below(r, 2) == 0)
        mutate(&frames, r);
    buf_put_bytes(out, buf_bytes(&frames));
    buf_deinit(&frames);
}

/* --- a wave -----------------------------------------------------------------------------------*/

struct attacker {
    struct sim_client *client;
    struct buf bytes;
    size_t sent;
};

static void press_on(struct run *run, struct attacker *a)
{
    struct sim_world *world = &run->world;
    size_t left = a->bytes.size - a->sent;
    size_t most = (size_t)sim_below(world, 400);
    size_t size = BELFRY_MIN(left, most);
    if (size > 0)
        sim_client_send_raw(a->client, bytes_of(a->bytes.data + a->sent, size));
    a->sent += size;
    sim_client_stall(a->client, sim_chance(world, 20));
    if (sim_chance(world, 2))
        sim_client_reset(a->client);
    else if (sim_chance(world, 2) && a->client->link != NULL)
        sim_link_end(a->client->link);
}

static void chat(struct run *run)
{
    struct sim_visit *from = run->good[sim_below(&run->world, GOOD)];
    (void)sim_rooms_say(from, (unsigned)sim_below(&run->world, 2),
                        (enum sim_post_kind)sim_below(&run->world, 2), false, true);
}

static void attack(struct run *run)
{
    struct sim_world *world = &run->world;
    struct attacker attackers[ATTACKERS] = { 0 };
    for (unsigned i = 0; i < ATTACKERS; i++) {
        struct sim_client_how how = { .worker = i % world->server->worker_count, .is_raw = true };
        attackers[i].client = sim_client_new(world, &how);
        put_attack(&attackers[i].bytes, &world->random);
    }
    for (unsigned turn = 0; turn < 400; turn++) {
        press_on(run, &attackers[sim_below(world, ATTACKERS)]);
        if (turn % 8 == 0)
            chat(run);
        sim_steps(world, (unsigned)sim_below(world, 25));
    }
    for (unsigned i = 0; i < ATTACKERS; i++) {
        sim_client_free(attackers[i].client);
        buf_deinit(&attackers[i].bytes);
    }
    /* Past every deadline, history and trimming; the good ones answer their pings. */
    sim_advance_ms(world, 61000);
    SIM_CHECK(sim_connection_count(world) == GOOD, "%u connections are left of an attack",
              sim_connection_count(world) - GOOD);
}

static void gather(struct run *run)
{
    for (unsigned i = 0; i < GOOD; i++) {
        struct sim_client_how how = { .worker = i % run->world.server->worker_count };
        run->good[i] = sim_rooms_enter(&run->rooms, &how);
        for (unsigned room = 0; room < 2; room++)
            sim_rooms_join(run->good[i], room, HUB_SINCE_NOW, (struct message_id){ 0 }, 0);
    }
    sim_settle(&run->world);
}

static void run_attack(uint64_t seed)
{
    struct run run = { 0 };
    struct random_seeded r;
    random_seed(&r, seed);
    belfry_options options = { .workers = 1 + (uint32_t)random_below(&r, 3),
                               .deflate = (belfry_deflate_mode)random_below(&r, 3),
                               .history_ms = 1000,
                               .max_message_bytes = 4096 };
    struct sim_faults faults = { .short_io = (unsigned)random_below(&r, 80), .pipe_bytes = 3000 };
    sim_rooms_init(&run.rooms, &run.world);
    SIM_CHECK(sim_world_init(&run.world, seed, &options, &faults), "no server");
    run.rooms.may_forget = true;
    gather(&run);
    attack(&run); /* tables find their size */
    size_t before = sim_alloc_bytes();
    for (unsigned wave = 1; wave < WAVES; wave++) {
        attack(&run);
        SIM_CHECK(sim_alloc_bytes() <= before + SLACK_BYTES, "%zu bytes are left of an attack",
                  sim_alloc_bytes() - before);
    }
    for (unsigned i = 0; i < GOOD; i++)
        SIM_CHECK(sim_client_is_open(run.good[i]->client), "a good client was lost");
    sim_rooms_judge(&run.rooms);
    sim_rooms_deinit(&run.rooms);
    sim_world_deinit(&run.world);
}

static void test_good_clients_do_not_notice_bad_ones(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_attack);
}

/* --- particular attacks -----------------------------------------------------------------------*/

/* Answers that nobody reads, and then an upgrade: the 101 takes its place behind them. */
static void test_an_upgrade_waits_behind_blocked_answers(void **state)
{
    static const struct sim_faults faults = { .pipe_bytes = 1024 };
    struct sim_world world;
    struct buf bytes = { 0 };
    struct random_seeded r;
    (void)state;
    sim_set_seed(3);
    random_seed(&r, 3);
    belfry_options options = { .max_queue_bytes = 65536 };
    assert_true(sim_world_init(&world, 3, &options, &faults));
    for (unsigned i = 0; i < 100; i++)
        buf_put_text(&bytes, "GET /no HTTP/1.1\r\nHost: sim.example\r\n\r\n");
    buf_put_text(&bytes, HANDSHAKE);
    put_frame(&bytes, &r, WS_TEXT | WS_FIN, BELFRY_BYTES("{\"type\":\"ping\"}"));
    for (size_t step = 1; step <= bytes.size; step = step * 5 + 1) {
        struct sim_client *c = sim_client_new(&world, &(struct sim_client_how){ .is_raw = true });
        sim_client_stall(c, true);
        for (size_t at = 0; at < bytes.size; at += step) {
            sim_client_send_raw(c, bytes_of(bytes.data + at, BELFRY_MIN(step, bytes.size - at)));
            sim_steps(&world, 10);
        }
        sim_settle(&world);
        sim_client_stall(c, false);
        sim_settle(&world);
        buf_put_char(&c->inbox, '\0');
        const char *text = (const char *)c->inbox.data;
        unsigned answers = 0;
        for (const char *at = text; (at = strstr(at, "HTTP/1.1 404")) != NULL; at++)
            answers++;
        assert_int_equal(answers, 100);
        assert_non_null(strstr(text, "HTTP/1.1 101"));
        assert_non_null(strstr(text, "{\"type\":\"pong\"}"));
        sim_client_free(c);
        sim_advance_ms(&world, 100);
    }
    buf_deinit(&bytes);
    sim_world_deinit(&world);
}

/* Requests without end from a peer that reads nothing: what waits for it is bounded. */
static void test_requests_of_a_peer_that_does_not_read_are_bounded(void **state)
{
    static const struct sim_faults faults = { .pipe_bytes = 2048 };
    struct sim_world world;
    (void)state;
    sim_set_seed(4);
    belfry_options options = { .max_queue_bytes = 65536, .history_messages = BELFRY_OFF };
    assert_true(sim_world_init(&world, 4, &options, &faults));
    struct sim_client *c = sim_client_new(&world, &(struct sim_client_how){ .worker = 0 });
    sim_client_say(c, "{\"type\":\"join\",\"room\":\"r0\"}");
    sim_settle(&world);
    size_t before = sim_alloc_bytes();
    sim_client_stall(c, true);
    for (unsigned i = 0; i < 20000; i++) {
        sim_client_say(c, "{\"type\":\"members\",\"room\":\"r0\",\"ref\":\"%400u\"}", i);
        sim_steps(&world, 4); /* one read each: no one of them sees much */
    }
    sim_settle(&world);
    assert_true(sim_alloc_bytes() - before < 3 * 65536);
    unsigned heard = c->message_count;
    sim_client_stall(c, false);
    sim_settle(&world);
    assert_int_equal(c->message_count - heard, 20000); /* and each has its answer */
    sim_client_free(c);
    sim_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_clients_do_not_notice_bad_ones),
        cmocka_unit_test(test_an_upgrade_waits_behind_blocked_answers),
        cmocka_unit_test(test_requests_of_a_peer_that_does_not_read_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
