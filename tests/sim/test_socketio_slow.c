/*
 * test_socketio_slow.c - Socket.IO members that do not keep up: a WebSocket that is not read, a
 * session that is not polled. The others hear everything, what waits is bounded, what is missing
 * was counted, and whoever missed something is not told that it was recovered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/sim_seeds.h"
#include "support/sim_sio.h"
#include "support/sim_sio_app.h"

#define QUEUE_BYTES 4096
#define MEMBERS 8
#define SLOW 4 /* the first so many: two of them poll */
#define SEEDS 30
#define MESSAGES 300
#define AHEAD 16 /* messages that nobody misses for it */

static const uint64_t past_seeds[] = { 1, 4 };

struct slow_run;

struct hearer {
    struct slow_run *run;
    struct sim_sio *sio;
    uint64_t last;
    uint64_t heard;
    bool has_gap;
};

struct slow_run {
    struct sim_world world;
    struct sim_app app;
    struct hearer members[MEMBERS];
    belfry_slow_policy policy;
    uint64_t said;
};

static bool is_slow(const struct hearer *m)
{
    return m - m->run->members < SLOW;
}

static void on_event(struct sim_sio *s, const struct sio_packet *packet, void *user)
{
    struct hearer *m = user;
    uint64_t number;
    (void)s;
    SIM_CHECK(sim_sio_number(packet, "all", &number), "an event that nobody said");
    SIM_CHECK(number > m->last, "%u after %u", (unsigned)number, (unsigned)m->last);
    m->has_gap |= number != m->last + 1;
    SIM_CHECK(!m->has_gap || is_slow(m), "a member that reads missed something");
    m->last = number;
    m->heard++;
}

/* --- the run ----------------------------------------------------------------------------------*/

static void gather(struct slow_run *run)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct sim_sio_how how = { .mode = i % 2 == 0 ? SIM_EIO_WEBSOCKET : SIM_EIO_POLLS,
                                   .worker = SIM_ANY_WORKER,
                                   .number = i,
                                   .on_event = on_event,
                                   .user = &run->members[i] };
        run->members[i] = (struct hearer){ .run = run };
        run->members[i].sio = sim_sio_new(&run->world, &how);
    }
    sim_settle(&run->world);
    for (unsigned i = 0; i < MEMBERS; i++)
        SIM_CHECK(run->members[i].sio->is_connected, "%u is not connected", i);
}

static void say(struct slow_run *run, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        SIM_CHECK(sim_app_emit(&run->app, NULL, "all", ++run->said) == BELFRY_OK, "not said");
}

/* A session that does not poll has answered its last poll by now. */
static void slow_down(struct slow_run *run)
{
    say(run, 1);
    for (unsigned i = 0; i < SLOW; i++)
        run->members[i].sio->eio->how.is_deaf = true;
    sim_settle(&run->world);
    for (unsigned i = 0; i < SLOW; i++) {
        SIM_CHECK(run->members[i].heard == run->said, "it was slow before it should");
        if (run->members[i].sio->eio->ws != NULL)
            sim_client_stall(run->members[i].sio->eio->ws, true);
    }
}

static void speed_up(struct slow_run *run)
{
    for (unsigned i = 0; i < SLOW; i++) {
        struct sim_eio *e = run->members[i].sio->eio;
        e->how.is_deaf = false;
        if (e->ws != NULL)
            sim_client_stall(e->ws, false);
        else
            sim_eio_send_packet(e, "6"); /* a noop; and it polls */
    }
    sim_settle(&run->world);
}

static void check_queue(belfry_sock *sock, void *arg)
{
    size_t queued = belfry_queued(sock);
    (void)arg;
    SIM_CHECK(queued <= QUEUE_BYTES + 64, "%zu bytes wait for a slow member", queued);
}

static void check_queues(struct slow_run *run)
{
    for (unsigned w = 0; w < run->world.server->worker_count; w++)
        slots_each(&run->world.server->workers[w].slots, check_queue, NULL);
}

static void talk(struct slow_run *run)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        say(run, 1);
        sim_steps(&run->world, (unsigned)sim_below(&run->world, 40));
        check_queues(run);
    }
    sim_settle(&run->world);
    for (unsigned i = SLOW; i < MEMBERS; i++)
        SIM_CHECK(run->members[i].heard == run->said, "a reader waits for slow ones");
}

/* published x members = heard + dropped, by reason */
static void check_counters(const struct slow_run *run)
{
    uint64_t heard = 0;
    for (unsigned i = 0; i < MEMBERS; i++)
        heard += run->members[i].heard;
    uint64_t slow = SIM_COUNTER(&run->world, dropped_slow);
    uint64_t closed = SIM_COUNTER(&run->world, dropped_closed);
    SIM_CHECK(slow > 0, "nothing was dropped");
    SIM_CHECK(sim_delivered(&run->world) == heard + slow + closed,
              "handed out: %u, heard: %u, dropped: %u slow, %u lost",
              (unsigned)sim_delivered(&run->world), (unsigned)heard, (unsigned)slow,
              (unsigned)closed);
}

static void check_slow_ones(const struct slow_run *run)
{
    bool is_closing = run->policy == BELFRY_SLOW_CLOSE;
    for (unsigned i = 0; i < SLOW; i++) {
        const struct hearer *m = &run->members[i];
        const struct sim_eio *e = m->sio->eio;
        SIM_CHECK(sim_eio_is_open(e) == !is_closing, "%u: %s %u", i, e->why, e->status);
        SIM_CHECK(m->heard < run->said, "%u missed nothing", i);
        if (is_closing && e->ws != NULL)
            SIM_CHECK(e->ws->close_code == 1013, "closed with %u", e->ws->close_code);
        else if (is_closing)
            SIM_CHECK(e->status == 400, "a poll was answered %u", e->status);
    }
    if (!is_closing)
        return;
    SIM_CHECK(SIM_COUNTER(&run->world, closed[CLOSED_slow]) == SLOW, "a wrong reason");
    SIM_CHECK(SIM_COUNTER(&run->world, sessions_ended[SESSION_END_SLOW]) == SLOW, "a wrong end");
}

/* All lose their connections and come back. */
static void check_returns(struct slow_run *run)
{
    for (unsigned i = 0; i < MEMBERS; i++)
        sim_sio_reset(run->members[i].sio);
    sim_advance_ms(&run->world, 50000); /* also polling sessions are noticed to be gone */
    say(run, 1);
    for (unsigned i = 0; i < MEMBERS; i++) {
        bool missed = is_slow(&run->members[i]);
        run->members[i].last = missed ? run->said : run->members[i].last;
        sim_sio_open(run->members[i].sio);
    }
    sim_settle(&run->world);
    for (unsigned i = 0; i < MEMBERS; i++) {
        const struct hearer *m = &run->members[i];
        SIM_CHECK(m->sio->is_connected, "%u is not connected", i);
        SIM_CHECK(m->sio->was_recovered == !is_slow(m), "%u was%s recovered", i,
                  is_slow(m) ? "" : " not");
        SIM_CHECK(m->last == run->said, "%u missed something", i);
    }
}

static void play(uint64_t seed, belfry_slow_policy policy)
{
    struct slow_run run = { .policy = policy };
    struct random_seeded r;
    random_seed(&r, seed);
    belfry_options options = { .workers = 1 + (uint32_t)random_below(&r, 3),
                               .slow_policy = policy,
                               .sock_data = SIM_APP_DATA,
                               .max_queue_bytes = QUEUE_BYTES,
                               .close_timeout_ms = 60000 };
    struct sim_faults faults = { .short_io = 50, .pipe_bytes = 1000 };
    SIM_CHECK(sim_world_init(&run.world, seed, &options, &faults), "no server");
    SIM_CHECK(sim_app_init(&run.app, &run.world, &(struct sim_app_how){ .recovers = true }),
              "no application");
    gather(&run);
    slow_down(&run);
    talk(&run);
    speed_up(&run);
    check_slow_ones(&run);
    check_counters(&run);
    check_returns(&run);
    for (unsigned i = 0; i < MEMBERS; i++)
        sim_sio_free(run.members[i].sio);
    sim_world_deinit(&run.world);
}

static void play_close(uint64_t seed)
{
    play(seed, BELFRY_SLOW_CLOSE);
}

static void play_drop_newest(uint64_t seed)
{
    play(seed, BELFRY_SLOW_DROP_NEWEST);
}

static void play_drop_oldest(uint64_t seed)
{
    play(seed, BELFRY_SLOW_DROP_OLDEST);
}

static void play_latest(uint64_t seed)
{
    play(seed, BELFRY_SLOW_LATEST);
}

static void test_slow_members_are_closed_with_1013(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_close);
}

static void test_slow_members_miss_the_newest(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_drop_newest);
}

static void test_slow_members_miss_the_oldest(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_drop_oldest);
}

static void test_slow_members_hear_the_latest(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_latest);
}

/* A little slow is not too slow: nothing was dropped. */
static void play_a_little(uint64_t seed)
{
    struct slow_run run = { .policy = BELFRY_SLOW_DROP_OLDEST };
    struct sim_faults faults = { .short_io = 50, .pipe_bytes = 1000 };
    belfry_options options = { .workers = 2,
                               .slow_policy = BELFRY_SLOW_DROP_OLDEST,
                               .sock_data = SIM_APP_DATA,
                               .max_queue_bytes = QUEUE_BYTES };
    SIM_CHECK(sim_world_init(&run.world, seed, &options, &faults), "no server");
    SIM_CHECK(sim_app_init(&run.app, &run.world, &(struct sim_app_how){ .recovers = true }),
              "no application");
    gather(&run);
    slow_down(&run);
    say(&run, AHEAD);
    sim_settle(&run.world);
    speed_up(&run);
    for (unsigned i = 0; i < MEMBERS; i++) {
        SIM_CHECK(run.members[i].heard == run.said, "%u missed something", i);
        sim_sio_reset(run.members[i].sio);
    }
    sim_advance_ms(&run.world, 50000);
    say(&run, 1);
    for (unsigned i = 0; i < MEMBERS; i++)
        sim_sio_open(run.members[i].sio);
    sim_settle(&run.world);
    for (unsigned i = 0; i < MEMBERS; i++) {
        SIM_CHECK(run.members[i].sio->was_recovered, "%u was not recovered", i);
        SIM_CHECK(run.members[i].heard == run.said, "%u missed something", i);
        sim_sio_free(run.members[i].sio);
    }
    sim_world_deinit(&run.world);
}

static void test_who_is_a_little_slow_misses_nothing(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, play_a_little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_members_are_closed_with_1013),
        cmocka_unit_test(test_slow_members_miss_the_newest),
        cmocka_unit_test(test_slow_members_miss_the_oldest),
        cmocka_unit_test(test_slow_members_hear_the_latest),
        cmocka_unit_test(test_who_is_a_little_slow_misses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
