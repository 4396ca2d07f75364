/*
 * test_socketio_shutdown.c - the server stops, or is freed, while Socket.IO clients are in any
 * phase: whoever can be told is told, every socket has its last callback, nothing is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/sim_alloc.h"
#include "support/sim_seeds.h"
#include "support/sim_sio.h"
#include "support/sim_sio_app.h"

#define CLIENTS 8
#define SEEDS 150
#define DRAIN_MS 3000

static const uint64_t past_seeds[] = { 1, 17 };

struct stage {
    struct sim_world world;
    struct sim_app app;
    struct sim_sio *clients[CLIENTS];
    unsigned count;
};

static void come(struct stage *stage, enum sim_eio_mode mode)
{
    struct sim_sio_how how = {
        .mode = mode, .worker = SIM_ANY_WORKER, .number = stage->count, .may_be_cut = true
    };
    stage->clients[stage->count++] = sim_sio_new(&stage->world, &how);
}

static void open_stage(struct stage *stage, uint64_t seed, uint32_t workers,
                       const struct sim_faults *faults)
{
    belfry_options options = { .workers = workers,
                               .sock_data = SIM_APP_DATA,
                               .drain_timeout_ms = DRAIN_MS,
                               .close_timeout_ms = 1000,
                               .max_payload_bytes = 30000 };
    struct sim_app_how how = { .may_lose = true, .recovers = seed % 2 == 0, .has_porter = true };
    *stage = (struct stage){ 0 };
    sim_set_seed(seed);
    SIM_CHECK(sim_world_init(&stage->world, seed, &options, faults), "no server");
    SIM_CHECK(sim_app_init(&stage->app, &stage->world, &how), "no application");
}

static void close_stage(struct stage *stage)
{
    for (unsigned i = 0; i < stage->count; i++)
        sim_sio_free(stage->clients[i]);
    sim_world_deinit(&stage->world);
    for (unsigned i = 0; i < CLIENTS; i++) {
        const struct sim_person *person = &stage->app.people[i];
        SIM_CHECK(person->disconnects == person->connects, "%u of %u were told that they are gone",
                  person->disconnects, person->connects);
    }
    SIM_CHECK(stage->app.calls == stage->app.calls_ended, "a call did not end");
}

/* --- at random --------------------------------------------------------------------------------*/

static void act(struct stage *stage)
{
    struct sim_world *world = &stage->world;
    struct sim_sio *s = stage->count > 0 ? stage->clients[sim_below(world, stage->count)] : NULL;
    switch (sim_below(world, 10)) {
    case 0:
    case 1:
        if (stage->count < CLIENTS)
            come(stage, (enum sim_eio_mode)sim_below(world, 3));
        break;
    case 2:
        (void)sim_app_emit(&stage->app, NULL, "all", 1);
        break;
    case 3:
        if (s != NULL)
            sim_sio_emit(s, "call", "%s", "");
        break;
    case 4:
        if (s != NULL && s->is_connected)
            (void)sim_sio_ask_binary(s, 3, 3000);
        break;
    case 5:
        if (s != NULL)
            sim_eio_probe(s->eio);
        break;
    case 6:
        if (s != NULL && s->eio->ws != NULL)
            sim_client_stall(s->eio->ws, true);
        break;
    case 7:
        if (s != NULL && sim_chance(world, 20))
            sim_sio_reset(s);
        break;
    case 8:
        stage->app.porter = (enum sim_porter)sim_below(world, 3);
        break;
    case 9:
        sim_app_decide(&stage->app, sim_chance(world, 50));
        break;
    }
}

static void play_till_any_moment(struct stage *stage, uint64_t seed)
{
    struct random_seeded r;
    random_seed(&r, seed);
    struct sim_faults faults = { .short_io = (unsigned)random_below(&r, 90),
                                 .again = (unsigned)random_below(&r, 30),
                                 .delay = (unsigned)random_below(&r, 10),
                                 .max_delay_ms = 20,
                                 .pipe_bytes = 200 + (size_t)random_below(&r, 5000) };
    open_stage(stage, seed, 1 + (uint32_t)random_below(&r, 4), &faults);
    for (uint64_t turns = sim_below(&stage->world, 60); turns > 0; turns--) {
        act(stage);
        sim_steps(&stage->world, (unsigned)sim_below(&stage->world, 40));
    }
}

static void play_stop(uint64_t seed)
{
    struct stage stage;
    play_till_any_moment(&stage, seed);
    belfry_stop_soon(stage.world.server);
    for (unsigned i = 0; i < 20; i++) {
        act(&stage); /* life goes on */
        sim_steps(&stage.world, (unsigned)sim_below(&stage.world, 40));
    }
    if (sim_chance(&stage.world, 30))
        belfry_stop_soon(stage.world.server);
    sim_advance_ms(&stage.world, DRAIN_MS + 1);
    SIM_CHECK(sim_has_stopped(&stage.world), "it has not stopped, and has %u connections",
              sim_connection_count(&stage.world));
    for (unsigned i = 0; i < CLIENTS; i++)
        SIM_CHECK(!stage.app.people[i].is_here, "somebody is still here");
    close_stage(&stage);
}

static void test_the_server_may_stop_at_any_moment(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_stop);
}

static void play_free(uint64_t seed)
{
    struct stage stage;
    play_till_any_moment(&stage, seed);
    close_stage(&stage);
}

static void test_the_server_may_be_freed_at_any_moment(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_free);
}

static void free_server(struct stage *stage)
{
    enum sim_side before = sim_alloc_enter(SIM_SERVER);
    belfry_free(stage->world.server);
    stage->world.server = NULL;
    (void)sim_alloc_enter(before);
}

/* The server goes first, its clients see what they see. */
static void play_free_first(uint64_t seed)
{
    struct stage stage;
    play_till_any_moment(&stage, seed);
    free_server(&stage);
    close_stage(&stage);
}

static void test_clients_may_outlive_the_server(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS / 2, play_free_first);
}

/* --- what is told -----------------------------------------------------------------------------*/

static void test_whoever_can_be_told_is_told(void **state)
{
    static const struct sim_faults none = { 0 };
    struct stage stage;
    (void)state;
    open_stage(&stage, 2, 3, &none);
    come(&stage, SIM_EIO_POLLS);
    come(&stage, SIM_EIO_WEBSOCKET);
    come(&stage, SIM_EIO_UPGRADES);
    sim_advance_ms(&stage.world, 500);
    for (unsigned i = 0; i < 3; i++)
        assert_true(stage.clients[i]->is_connected);
    belfry_stop_soon(stage.world.server);
    sim_settle(&stage.world);
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(stage.clients[i]->eio->why, "transport close");
        assert_string_equal(stage.app.people[i].reason, "server shutting down");
    }
    assert_int_equal(stage.clients[1]->eio->ws->close_code, 1001);
    assert_int_equal(stage.clients[2]->eio->ws->close_code, 1001);
    assert_true(sim_has_stopped(&stage.world));
    close_stage(&stage);
}

static void on_response(struct sim_http *h, unsigned status, belfry_bytes body, void *user)
{
    (void)h;
    (void)body;
    *(unsigned *)user = status;
}

/* Somebody who does not close keeps the server for a while; nobody new is served meanwhile. */
static void test_who_comes_while_it_stops_is_sent_away(void **state)
{
    static const struct sim_faults none = { 0 };
    struct stage stage;
    unsigned status = 1;
    (void)state;
    open_stage(&stage, 1, 2, &none);
    come(&stage, SIM_EIO_WEBSOCKET);
    sim_settle(&stage.world);
    stage.clients[0]->eio->ws->how.is_mute = true;
    sim_client_stall(stage.clients[0]->eio->ws, true);
    struct sim_http *h = sim_http_new(&stage.world, 0, on_response, &status);
    sim_settle(&stage.world);
    sim_link_send(h->link, "GET /", 5); /* its head has begun: it is not idle */
    sim_settle(&stage.world);
    belfry_stop_soon(stage.world.server);
    sim_settle(&stage.world);
    sim_http_ask(h, BELFRY_BYTES("socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n"));
    sim_settle(&stage.world);
    assert_int_equal(status, 503);
    assert_false(sim_has_stopped(&stage.world));
    sim_http_free(h);
    sim_advance_ms(&stage.world, DRAIN_MS);
    assert_true(sim_has_stopped(&stage.world));
    close_stage(&stage);
}

/* --- two of them ------------------------------------------------------------------------------*/

/* They share nothing: what one knows the other does not. */
static void test_two_servers_keep_apart(void **state)
{
    static const struct sim_faults none = { 0 };
    struct stage one, two;
    (void)state;
    open_stage(&one, 2, 2, &none);
    open_stage(&two, 4, 2, &none);
    come(&one, SIM_EIO_UPGRADES);
    come(&two, SIM_EIO_UPGRADES);
    sim_advance_ms(&one.world, 300);
    sim_advance_ms(&two.world, 300);
    (void)sim_app_emit(&one.app, NULL, "all", 1);
    (void)sim_app_emit(&two.app, NULL, "all", 1);
    sim_settle(&one.world);
    sim_settle(&two.world);
    sim_sio_reset(one.clients[0]);
    sim_sio_reset(two.clients[0]);
    sim_settle(&one.world);
    sim_settle(&two.world);
    memcpy(two.clients[0]->pid, one.clients[0]->pid, sizeof one.clients[0]->pid);
    sim_sio_open(two.clients[0]);
    sim_settle(&two.world);
    assert_true(two.clients[0]->is_connected);
    assert_false(two.clients[0]->was_recovered);
    sim_sio_open(one.clients[0]);
    sim_settle(&one.world);
    assert_true(one.clients[0]->was_recovered);
    free_server(&one);
    free_server(&two);
    two.world.bytes_before = one.world.bytes_before; /* what the other held is gone, too */
    close_stage(&one);
    close_stage(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_server_may_stop_at_any_moment),
        cmocka_unit_test(test_the_server_may_be_freed_at_any_moment),
        cmocka_unit_test(test_clients_may_outlive_the_server),
        cmocka_unit_test(test_whoever_can_be_told_is_told),
        cmocka_unit_test(test_who_comes_while_it_stops_is_sent_away),
        cmocka_unit_test(test_two_servers_keep_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
