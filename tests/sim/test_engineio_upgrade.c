/*
 * test_engineio_upgrade.c - sessions whose requests land on any worker, and that change from
 * polling to a WebSocket while both sides talk: nothing is lost, doubled or swapped.
 *
 * Every message has a number, per client and direction; whoever hears one expects exactly the next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/sim_seeds.h"
#include "support/sim_sio.h"
#include "support/sim_sio_app.h"

#define CLIENTS 5
#define SEEDS 400

static const uint64_t past_seeds[] = { 1 };

struct run;

struct visitor {
    struct run *run;
    struct sim_sio *sio;
    uint64_t up;    /* said */
    uint64_t acked; /* of these */
    uint64_t own;   /* said to it alone */
    uint64_t own_heard;
    uint64_t all_heard;
    unsigned blobs; /* asked, and answered */
    unsigned blob_answers;
    uint64_t first_ack_of_blob;
};

struct run {
    struct sim_world world;
    struct sim_app app;
    struct visitor visitors[CLIENTS];
    unsigned count;
    uint64_t all;   /* said to everyone */
    unsigned calls; /* wished for */
};

/* --- what clients hear ------------------------------------------------------------------------*/

static void expect_next(uint64_t *last, uint64_t number, const char *what)
{
    SIM_CHECK(number == *last + 1, "%s %u after %u", what, (unsigned)number, (unsigned)*last);
    *last = number;
}

static void on_event(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct visitor *v = user;
    uint64_t number;
    (void)s;
    if (sim_sio_number(packet, "own", &number))
        expect_next(&v->own_heard, number, "own");
    else if (sim_sio_number(packet, "all", &number))
        expect_next(&v->all_heard, number, "all");
    else
        sim_fail(__FILE__, __LINE__, "an event that nobody said");
}

static void on_ack(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct visitor *v = user;
    (void)s;
    if (packet->type == SIO_BINARY_ACK) {
        v->blob_answers++;
        SIM_CHECK(packet->attachment_count == 1 + v->blob_answers % 3, "another blob");
        for (unsigned i = 0; i < packet->attachment_count; i++) {
            const uint8_t *bytes = packet->attachments[i].data;
            SIM_CHECK(packet->attachments[i].size == 50 && bytes[0] == i && bytes[49] == i + 49,
                      "a blob that was mixed up");
        }
        return;
    }
    expect_next(&v->acked, sim_sio_arg(packet, 0), "ack");
}

/* --- a run ------------------------------------------------------------------------------------*/

static void act(struct run *run, struct visitor *v)
{
    switch (sim_below(&run->world, 10)) {
    case 0:
    case 1:
    case 2:
        (void)sim_sio_ask(v->sio, "up", "%u", (unsigned)++v->up);
        break;
    case 3:
    case 4:
        SIM_CHECK(sim_app_emit(&run->app, v->sio->sid, "own", ++v->own) == BELFRY_OK, "not said");
        break;
    case 5:
        SIM_CHECK(sim_app_emit(&run->app, NULL, "all", ++run->all) == BELFRY_OK, "not said");
        break;
    case 6:
        (void)sim_sio_ask_binary(v->sio, 1 + ++v->blobs % 3, 50);
        break;
    case 7:
        if (v->sio->how.mode == SIM_EIO_UPGRADES)
            sim_eio_probe(v->sio->eio);
        break;
    case 8:
        if (sim_chance(&run->world, 30))
            sim_eio_drop_probe(v->sio->eio);
        break;
    case 9:
        sim_sio_emit(v->sio, "call", "%s", "");
        run->calls++;
        break;
    }
}

static void come_in(struct run *run, unsigned index, enum sim_eio_mode mode)
{
    struct visitor *v = &run->visitors[index];
    struct sim_sio_how how = { .mode = SIM_EIO_POLLS,
                               .worker = SIM_ANY_WORKER,
                               .offers_deflate = sim_chance(&run->world, 50),
                               .number = index,
                               .on_event = on_event,
                               .on_ack = on_ack,
                               .user = v };
    *v = (struct visitor){ .run = run };
    if (mode == SIM_EIO_WEBSOCKET)
        how.mode = mode;
    v->sio = sim_sio_new(&run->world, &how);
    v->sio->how.mode = mode; /* it probes when we say so */
}

static void gather(struct run *run, bool may_upgrade)
{
    run->count = 1 + (unsigned)sim_below(&run->world, CLIENTS);
    for (unsigned i = 0; i < run->count; i++) {
        enum sim_eio_mode mode = may_upgrade ? SIM_EIO_UPGRADES : SIM_EIO_POLLS;
        if (may_upgrade && i > 0 && sim_chance(&run->world, 20))
            mode = (enum sim_eio_mode)sim_below(&run->world, 3);
        come_in(run, i, mode);
    }
    sim_settle(&run->world);
    for (unsigned i = 0; i < run->count; i++)
        SIM_CHECK(run->visitors[i].sio->is_connected, "%u is not connected", i);
}

static void talk(struct run *run)
{
    struct sim_world *world = &run->world;
    uint64_t turns = 20 + sim_below(world, 100);
    uint64_t pace = 1 + sim_below(world, 60);
    for (uint64_t turn = 0; turn < turns; turn++) {
        act(run, &run->visitors[sim_below(world, run->count)]);
        sim_steps(world, (unsigned)sim_below(world, pace));
        if (sim_chance(world, 10))
            sim_advance_ms(world, sim_below(world, 150));
    }
}

/* All that was said has been heard, by now. */
static void judge(const struct run *run)
{
    for (unsigned i = 0; i < run->count; i++) {
        const struct visitor *v = &run->visitors[i];
        const struct sim_eio *e = v->sio->eio;
        SIM_CHECK(sim_eio_is_open(e), "%u ended: %s (%u)", i, e->why, e->status);
        SIM_CHECK(run->app.people[i].up == v->up, "%u of %u were heard",
                  (unsigned)run->app.people[i].up, (unsigned)v->up);
        SIM_CHECK(v->acked == v->up && v->blob_answers == v->blobs, "an answer is missing");
        SIM_CHECK(v->own_heard == v->own && v->all_heard == run->all, "%u of %u, %u of %u heard",
                  (unsigned)v->own_heard, (unsigned)v->own, (unsigned)v->all_heard,
                  (unsigned)run->all);
        SIM_CHECK(run->app.people[i].connects == 1, "it came more than once");
        if (v->sio->how.mode == SIM_EIO_UPGRADES)
            SIM_CHECK(e->path == SIM_EIO_ON_WEBSOCKET, "%u did not upgrade", i);
        if (v->sio->how.mode == SIM_EIO_POLLS)
            SIM_CHECK(e->path == SIM_EIO_ON_POLLING, "%u did upgrade", i);
    }
}

static void come_to_rest(struct run *run)
{
    for (unsigned i = 0; i < run->count; i++) {
        if (run->visitors[i].sio->how.mode == SIM_EIO_UPGRADES)
            sim_eio_probe(run->visitors[i].sio->eio);
    }
    sim_advance_ms(&run->world, 1000); /* noops have their ticks; a few heartbeats too */
    sim_settle(&run->world);
    SIM_CHECK(run->app.calls == run->calls && run->app.calls_ended == run->calls, "%u of %u calls",
              run->app.calls_ended, run->calls);
    SIM_CHECK(run->app.calls_failed == 0, "not everyone answered");
}

static void leave(struct run *run)
{
    for (unsigned i = 0; i < run->count; i++)
        sim_sio_free(run->visitors[i].sio);
    sim_advance_ms(&run->world, 30000);
    SIM_CHECK(sim_connection_count(&run->world) == 0, "%u connections are left",
              sim_connection_count(&run->world));
    for (unsigned i = 0; i < run->count; i++)
        SIM_CHECK(run->app.people[i].disconnects == 1, "%u did not end once", i);
    sim_world_deinit(&run->world);
}

static void play(uint64_t seed, uint32_t workers, bool may_upgrade)
{
    struct run run = { 0 };
    struct random_seeded r;
    random_seed(&r, seed);
    if (workers == 0)
        workers = 1 + (uint32_t)random_below(&r, 8);
    belfry_options options = { .workers = workers,
                               .sock_data = SIM_APP_DATA,
                               .ping_interval_ms = 400,
                               .http_compression_bytes = BELFRY_OFF,
                               .socketio_deflate = random_below(&r, 2) == 0,
                               .deflate_threshold_bytes = 1 + random_below(&r, 60) };
    struct sim_faults faults = { .short_io = (unsigned)random_below(&r, 90),
                                 .again = (unsigned)random_below(&r, 30),
                                 .delay = (unsigned)random_below(&r, 20),
                                 .max_delay_ms = 1 + (uint32_t)random_below(&r, 60),
                                 .pipe_bytes = 64 + (size_t)random_below(&r, 8000) };
    SIM_CHECK(sim_world_init(&run.world, seed, &options, &faults), "no server");
    SIM_CHECK(sim_app_init(&run.app, &run.world, &(struct sim_app_how){ 0 }), "no application");
    gather(&run, may_upgrade);
    talk(&run);
    come_to_rest(&run);
    judge(&run);
    leave(&run);
}

static void play_upgrades(uint64_t seed)
{
    play(seed, 0, true);
}

static void play_polling(uint64_t seed)
{
    play(seed, 8, false);
}

static void test_an_upgrade_under_traffic_loses_doubles_and_swaps_nothing(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_upgrades);
}

static void test_requests_of_a_polling_session_may_land_on_any_of_eight_workers(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS / 2, play_polling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_upgrade_under_traffic_loses_doubles_and_swaps_nothing),
        cmocka_unit_test(test_requests_of_a_polling_session_may_land_on_any_of_eight_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
