/*
 * test_socketio_no_memory.c - all that happens to a Socket.IO client, again and again, the nth
 * allocation failing: nothing crashes or leaks, no session or socket stays behind, a recovery never
 * has a hole, and whoever comes when memory is back is served.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sim_alloc.h"
#include "support/sim_seeds.h"
#include "support/sim_sio.h"
#include "support/sim_sio_app.h"

#define RUNS 300 /* of each kind, spread evenly; BELFRY_SIM_SEEDS=N for another number */
#define CLIENTS 3
#define WINDOW_MS 5000

static const belfry_options options = { .workers = 2,
                                        .sock_data = SIM_APP_DATA,
                                        .ping_interval_ms = 1000,
                                        .ping_timeout_ms = 1000,
                                        .connect_timeout_ms = 3000,
                                        .upgrade_timeout_ms = 1000,
                                        .http_compression_bytes = 500 };
static const struct sim_faults faults = { .short_io = 40, .pipe_bytes = 2000 };

struct stage {
    struct sim_world world;
    struct sim_app app;
    struct sim_sio *clients[CLIENTS];
    uint64_t said;
    uint64_t heard[CLIENTS];
    unsigned acks;
};

static void on_event(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct stage *stage = user;
    uint64_t number;
    uint64_t *heard = &stage->heard[s->how.number];
    if (!sim_sio_number(packet, "all", &number))
        return;
    SIM_CHECK(number > *heard, "%u after %u", (unsigned)number, (unsigned)*heard);
    /* Before it is connected: what it missed. */
    SIM_CHECK(s->is_connected || number == *heard + 1, "a recovery with a hole: %u after %u",
              (unsigned)number, (unsigned)*heard);
    *heard = number;
}

static void on_ack(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    (void)s;
    (void)packet;
    ((struct stage *)user)->acks++;
}

/* Clients may be told that there is no memory, or lose their connections: then they try again. */
static void come_in(struct stage *stage, unsigned i)
{
    struct sim_sio_how how = { .mode = (enum sim_eio_mode)(i % 3),
                               .worker = i % 2,
                               .number = i,
                               .may_be_cut = true,
                               .on_event = on_event,
                               .on_ack = on_ack,
                               .user = stage };
    stage->clients[i] = sim_sio_new(&stage->world, &how);
}

static void say(struct stage *stage)
{
    if (sim_app_emit(&stage->app, NULL, "all", stage->said + 1) == BELFRY_OK)
        stage->said++;
    (void)sim_app_emit(&stage->app, "another", "some", stage->said);
}

static void talk(struct stage *stage, struct sim_sio *s)
{
    sim_sio_emit(s, "join", "\"room\"");
    (void)sim_sio_ask(s, "up", "%u", (unsigned)s->last_ack + 1);
    if (s->is_connected)
        (void)sim_sio_ask_binary(s, 3, 200);
    (void)sim_sio_ask(s, "join", "\"%s\"", "another");
    sim_sio_emit(s, "call", "%s", "");
    sim_sio_emit(s, "leave", "\"room\"");
    sim_sio_emit(s, "nobody hears", "{\"a\":[1,2,3]}");
    say(stage);
}

static void run_scenario(struct stage *stage)
{
    struct sim_world *world = &stage->world;
    for (unsigned i = 0; i < CLIENTS; i++)
        come_in(stage, i);
    sim_settle(world);
    for (unsigned i = 0; i < CLIENTS; i++) {
        talk(stage, stage->clients[i]);
        sim_steps(world, 30);
    }
    sim_advance_ms(world, 300);
    for (unsigned i = 0; i < 20; i++)
        say(stage); /* enough for a compressed answer */
    sim_advance_ms(world, 1500);
    for (unsigned i = 0; i < CLIENTS; i++)
        sim_sio_reset(stage->clients[i]);
    say(stage);
    sim_advance_ms(world, 2500); /* by now the server knows */
    say(stage);
    for (unsigned i = 0; i < CLIENTS; i++) {
        stage->clients[i]->how.worker = (i + 1) % 2;
        sim_sio_open(stage->clients[i]);
        sim_steps(world, 30);
    }
    sim_settle(world);
    for (unsigned i = 0; i < CLIENTS; i++)
        talk(stage, stage->clients[i]);
    sim_advance_ms(world, 300);
    sim_sio_emit(stage->clients[0], "bye", "1");
    sim_eio_close(stage->clients[1]->eio);
    sim_settle(world);
    for (unsigned i = 0; i < CLIENTS; i++)
        sim_sio_free(stage->clients[i]);
    sim_advance_ms(world, 70000);
}

/* Memory is back. */
static void check_service(struct stage *stage, unsigned worker)
{
    struct sim_sio_how how = { .mode = SIM_EIO_UPGRADES,
                               .worker = worker,
                               .number = CLIENTS + worker,
                               .on_ack = on_ack,
                               .user = stage };
    unsigned acks = stage->acks;
    struct sim_sio *s = sim_sio_new(&stage->world, &how);
    sim_advance_ms(&stage->world, 300);
    SIM_CHECK(s->is_connected, "no service after memory was out");
    SIM_CHECK(s->eio->path == SIM_EIO_ON_WEBSOCKET, "no upgrade after memory was out");
    (void)sim_sio_ask(s, "join", "\"room\"");
    (void)sim_sio_ask_binary(s, 2, 100);
    sim_settle(&stage->world);
    SIM_CHECK(stage->acks == acks + 2, "not answered after memory was out");
    SIM_CHECK(belfry_members(stage->app.nsp, "room") == 1, "somebody was left in a room");
    SIM_CHECK(belfry_nsp_members(stage->app.nsp) == 1, "somebody was left");
    sim_sio_free(s);
    sim_advance_ms(&stage->world, 10);
}

static bool set_stage(struct stage *stage)
{
    struct sim_app_how how = { .recovers = true, .may_lose = true, .window_ms = WINDOW_MS };
    if (!sim_world_init(&stage->world, 1, &options, &faults))
        return false;
    if (sim_app_init(&stage->app, &stage->world, &how))
        return true;
    sim_world_deinit(&stage->world);
    return false;
}

static bool run_failing(uint64_t first, uint64_t count)
{
    struct stage stage = { 0 };
    sim_set_seed(first);
    sim_alloc_fail(first, count);
    bool is_made = set_stage(&stage);
    if (is_made)
        run_scenario(&stage);
    sim_alloc_fail(0, 0);
    if (!is_made)
        return false;
    SIM_CHECK(sim_connection_count(&stage.world) == 0, "%u connections were left behind",
              sim_connection_count(&stage.world));
    SIM_CHECK(SIM_COUNTER(&stage.world, connections_eio) == 0, "a session was left behind");
    SIM_CHECK(SIM_COUNTER(&stage.world, connections_sio) == 0, "a socket was left behind");
    SIM_CHECK(stage.app.calls == stage.app.calls_ended, "a call did not end");
    check_service(&stage, 0);
    check_service(&stage, 1);
    sim_world_deinit(&stage.world);
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
        cmocka_unit_test(test_any_allocation_may_fail),
        cmocka_unit_test(test_memory_may_be_out_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
