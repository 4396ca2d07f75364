/*
 * test_slow.c - members that do not read, under each policy: the others hear everything, what waits
 * is bounded, frames stay whole, and every message that is missing was counted and announced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/sim_rooms.h"
#include "support/sim_seeds.h"

#define QUEUE_BYTES 4096
#define MEMBERS 8
#define SLOW 3 /* the first so many of them stop reading */
#define SEEDS 60

static const uint64_t past_seeds[] = { 1, 9 };

struct run {
    struct sim_world world;
    struct sim_rooms rooms;
    struct sim_visit *members[MEMBERS];
    belfry_slow_policy policy;
};

/* --- what a member may hold -------------------------------------------------------------------*/

static void check_queue(belfry_sock *sock, void *arg)
{
    size_t queued = belfry_queued(sock);
    (void)arg;
    /* Above the limit for room messages come answers to what was asked before it was reached. */
    SIM_CHECK(queued <= QUEUE_BYTES + 1024, "%zu bytes wait for a slow member", queued);
}

static void check_queues(struct run *run)
{
    for (unsigned w = 0; w < run->world.server->worker_count; w++)
        slots_each(&run->world.server->workers[w].slots, check_queue, NULL);
}

/* --- the run ----------------------------------------------------------------------------------*/

static void gather(struct run *run)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct sim_client_how how = { .worker = i % run->world.server->worker_count,
                                      .offers_deflate = i % 2 == 0 };
        run->members[i] = sim_rooms_enter(&run->rooms, &how);
        sim_rooms_join(run->members[i], 0, HUB_SINCE_NOW, (struct message_id){ 0 }, 0);
    }
    sim_settle(&run->world);
}

static void stall(struct run *run, bool is_stalled)
{
    for (unsigned i = 0; i < SLOW; i++)
        sim_client_stall(run->members[i]->client, is_stalled);
}

static void talk(struct run *run)
{
    struct sim_world *world = &run->world;
    for (unsigned i = 0; i < 300; i++) {
        /* Slow members talk too, and should not starve by it. */
        struct sim_visit *from = run->members[sim_below(world, MEMBERS)];
        enum sim_post_kind kind = (enum sim_post_kind)sim_below(world, 3);
        if (sim_client_is_open(from->client))
            (void)sim_rooms_say(from, 0, kind, false, sim_chance(world, 50));
        sim_steps(world, (unsigned)sim_below(world, 40));
        check_queues(run);
    }
    sim_settle(world);
}

/* Readers have heard everything by now, whatever the slow ones do. */
static void check_readers(const struct run *run)
{
    unsigned newest = 0;
    for (unsigned i = SLOW; i < MEMBERS; i++) {
        const struct sim_visit *member = run->members[i];
        assert_true(sim_client_is_open(member->client));
        assert_int_equal(member->gap_count, 0);
        newest = BELFRY_MAX(newest, (unsigned)member->stays[0]->heard.count);
    }
    assert_true(newest > 100);
}

static void check_slow_ones(const struct run *run)
{
    unsigned closed = 0;
    unsigned gaps = 0;
    for (unsigned i = 0; i < SLOW; i++) {
        const struct sim_visit *member = run->members[i];
        closed += member->client->close_code == 1013;
        gaps += member->gap_count > 0;
        SIM_CHECK(member->client->close_code == 1013 || sim_client_is_open(member->client),
                  "a slow member was neither kept nor told why (close %u, reset %d)",
                  member->client->close_code, member->client->was_reset);
    }
    if (run->policy == BELFRY_SLOW_CLOSE) {
        SIM_CHECK(closed == SLOW && gaps == 0, "%u were closed", closed);
        SIM_CHECK(SIM_COUNTER(&run->world, closed[CLOSED_slow]) == SLOW, "a wrong reason");
    } else {
        SIM_CHECK(closed == 0 && gaps == SLOW, "%u heard of a gap, %u closed", gaps, closed);
    }
}

/* published x members = delivered + dropped, by reason */
static void check_counters(const struct run *run)
{
    uint64_t slow = SIM_COUNTER(&run->world, dropped_slow);
    uint64_t vanished = SIM_COUNTER(&run->world, dropped_closed);
    uint64_t skipped = SIM_COUNTER(&run->world, dropped_volatile);
    uint64_t delivered = sim_delivered(&run->world);
    SIM_CHECK(slow > 0, "nothing was dropped");
    SIM_CHECK(delivered == run->rooms.live_count + slow + skipped + vanished,
              "handed out: %u, received: %u, dropped: %u slow, %u volatile, %u lost",
              (unsigned)delivered, (unsigned)run->rooms.live_count, (unsigned)slow,
              (unsigned)skipped, (unsigned)vanished);
}

static void run_policy(uint64_t seed, belfry_slow_policy policy)
{
    struct run run = { .policy = policy };
    struct random_seeded r;
    random_seed(&r, seed);
    belfry_options options = {
        .workers = 1 + (uint32_t)random_below(&r, 3),
        .slow_policy = policy,
        .max_queue_bytes = QUEUE_BYTES,
        .deflate = (belfry_deflate_mode)random_below(&r, 3),
        .deflate_threshold_bytes = 64,
        .close_timeout_ms = 60000, /* so that the close frame finds its way in the end */
    };
    struct sim_faults faults = { .short_io = 50, .pipe_bytes = 1000 };
    sim_rooms_init(&run.rooms, &run.world);
    SIM_CHECK(sim_world_init(&run.world, seed, &options, &faults), "no server");
    gather(&run);
    stall(&run, true);
    run.rooms.may_drop = true;
    talk(&run);
    check_readers(&run);
    stall(&run, false);
    sim_settle(&run.world);
    sim_advance_ms(&run.world, 10);
    check_slow_ones(&run);
    check_counters(&run);
    sim_rooms_judge(&run.rooms);
    sim_rooms_deinit(&run.rooms);
    sim_world_deinit(&run.world);
}

static void run_close(uint64_t seed)
{
    run_policy(seed, BELFRY_SLOW_CLOSE);
}

static void run_drop_newest(uint64_t seed)
{
    run_policy(seed, BELFRY_SLOW_DROP_NEWEST);
}

static void run_drop_oldest(uint64_t seed)
{
    run_policy(seed, BELFRY_SLOW_DROP_OLDEST);
}

static void run_latest(uint64_t seed)
{
    run_policy(seed, BELFRY_SLOW_LATEST);
}

static void test_close_tells_1013(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_close);
}

static void test_drop_newest_announces_gaps(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_drop_newest);
}

static void test_drop_oldest_announces_gaps(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_drop_oldest);
}

static void test_latest_announces_gaps(void **state)
{
    (void)state;
    sim_each_seed(past_seeds, BELFRY_COUNT(past_seeds), SEEDS, run_latest);
}

/* --- slow, but alive --------------------------------------------------------------------------*/

/* Takes up to a pipe's bytes in 100 ms; three times as much is said in its room. */
static void read_slowly(struct sim_world *world, struct sim_client *slow, struct sim_client *loud)
{
    for (unsigned i = 0; i < 3; i++)
        sim_client_say(loud, "{\"type\":\"message\",\"text\":\"%800u\"}", i);
    sim_advance_ms(world, 100);
    SIM_CHECK(slow->link != NULL, "a member that reads was dropped");
    sim_client_stall(slow, false);
    sim_link_step(slow->link);
    sim_client_stall(slow, true);
}

static void count_pongs(struct sim_client *c, const struct sim_said *said, void *user_data)
{
    unsigned *pongs = user_data;
    (void)c;
    *pongs += bytes_equal_text(said->type, "pong");
}

/* Its queue is full all the time, and still it is heard and answered. */
static void test_a_slow_member_is_not_starved(void **state)
{
    static const struct sim_faults faults = { .pipe_bytes = 1000 };
    struct sim_world world;
    unsigned pongs = 0;
    (void)state;
    sim_set_seed(1);
    belfry_options options = { .max_queue_bytes = 8192,
                               .slow_policy = BELFRY_SLOW_DROP_OLDEST,
                               .history_messages = BELFRY_OFF };
    assert_true(sim_world_init(&world, 1, &options, &faults));
    struct sim_client *loud = sim_client_new(&world, &(struct sim_client_how){ 0 });
    struct sim_client *slow = sim_client_new(
        &world, &(struct sim_client_how){ .on_said = count_pongs, .user_data = &pongs });
    sim_client_say(loud, "{\"type\":\"join\",\"room\":\"r0\"}");
    sim_client_say(slow, "{\"type\":\"join\",\"room\":\"r0\"}");
    sim_settle(&world);
    for (unsigned turn = 0; turn < 1200; turn++) { /* two minutes: many a ping */
        read_slowly(&world, slow, loud);
        if (turn % 50 != 0)
            continue;
        for (unsigned i = 0; i < 5; i++)
            sim_client_say(slow, "{\"type\":\"ping\",\"ref\":%u}", i);
    }
    assert_true(pongs > 24 * 5 - 10); /* the last ones are still on their way */
    sim_client_free(slow);
    sim_client_free(loud);
    sim_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_tells_1013),
        cmocka_unit_test(test_drop_newest_announces_gaps),
        cmocka_unit_test(test_drop_oldest_announces_gaps),
        cmocka_unit_test(test_latest_announces_gaps),
        cmocka_unit_test(test_a_slow_member_is_not_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
