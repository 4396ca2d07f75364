/*
 * test_no_memory.c - one scenario, again and again, the nth allocation failing: nothing crashes,
 * nothing leaks, nobody stays in a room who has gone, and the server goes on serving.
 *
 * Once a single allocation fails, once a whole run of them, as when memory is out for a while.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/sim_alloc.h"
#include "support/sim_client.h"
#include "support/sim_seeds.h"

#define RUNS 350 /* of each kind, spread evenly; BELFRY_SIM_SEEDS=N for another number */
#define CLIENTS 5

static const belfry_options options = { .workers = 2,
                                        .deflate_threshold_bytes = 32,
                                        .presence_limit = 3,
                                        .max_queue_bytes = 4096,
                                        .slow_policy = BELFRY_SLOW_DROP_OLDEST };
static const struct sim_faults faults = { .short_io = 40, .pipe_bytes = 2000 };

static void talk(struct sim_client *c, unsigned i)
{
    sim_client_say(c, "{\"type\":\"join\",\"room\":\"r%u\",\"history\":5,\"ref\":1}", i % 2);
    sim_client_say(c, "{\"type\":\"message\",\"text\":\"%40u\",\"key\":\"k\",\"ref\":2}", i);
    sim_client_say(c, "{\"type\":\"message\",\"text\":\"again\",\"key\":\"k\",\"ref\":3}");
    sim_client_say(c, "{\"type\":\"event\",\"event\":\"e\",\"data\":[1],\"volatile\":true}");
    sim_client_say(c, "{\"type\":\"join\",\"room\":\"other\",\"since\":\"1-0.elsewhere\"}");
    sim_client_say(c, "{\"type\":\"members\",\"room\":\"r%u\"}", i % 2);
    sim_client_say(c, "{\"type\":\"nonsense\",\"ref\":4}");
    sim_client_send_frame(c, WS_TEXT, BELFRY_BYTES("{\"type\":"));
    sim_client_send_frame(c, WS_PING | WS_FIN, BELFRY_BYTES("there?"));
    sim_client_send_frame(c, WS_CONTINUATION | WS_FIN, BELFRY_BYTES("\"ping\"}"));
}

/* A little of everything. */
static void run_scenario(struct sim_world *world)
{
    struct sim_client *clients[CLIENTS];
    struct sim_client *http =
        sim_client_new(world, &(struct sim_client_how){ .is_raw = true, .worker = 1 });
    sim_client_send_raw(http, BELFRY_BYTES("POST /no HTTP/1.1\r\nHost: sim.example\r\n"
                                           "Content-Length: 3\r\n\r\nabc"
                                           "GET / HTTP/1.1\r\nHost: sim.example\r\n\r\n"));
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sim_client_how how = { .worker = i % 2,
                                      .user = i % 3 == 0 ? "ada" : NULL,
                                      .offers_deflate = i % 2 == 1,
                                      .may_be_cut = true };
        clients[i] = sim_client_new(world, &how);
        talk(clients[i], i);
        sim_steps(world, 20);
    }
    sim_settle(world);
    sim_client_stall(clients[0], true);
    for (unsigned i = 0; i < 8; i++)
        sim_client_say(clients[2], "{\"type\":\"message\",\"room\":\"r0\",\"text\":\"%900u\"}", i);
    sim_settle(world);
    sim_client_stall(clients[0], false);
    sim_client_say(clients[1], "{\"type\":\"leave\",\"room\":\"other\"}");
    sim_client_close(clients[2], 1000);
    sim_client_reset(clients[3]);
    sim_advance_ms(world, 1500);
    for (unsigned i = 0; i < CLIENTS; i++)
        sim_client_free(clients[i]);
    sim_client_free(http);
    sim_advance_ms(world, 60000);
}

static void count_members(struct sim_client *c, const struct sim_said *said, void *user_data)
{
    uint64_t *members = user_data;
    (void)c;
    if (bytes_equal_text(said->type, "joined"))
        *members = said->member_count;
}

/* Memory is back: whoever comes now is served, in a room where nobody was left behind. */
static void check_service(struct sim_world *world, unsigned worker)
{
    uint64_t members = 0;
    struct sim_client_how how = { .worker = worker,
                                  .on_said = count_members,
                                  .user_data = &members };
    struct sim_client *c = sim_client_new(world, &how);
    sim_client_say(c, "{\"type\":\"join\",\"room\":\"r0\"}");
    sim_client_say(c, "{\"type\":\"message\",\"text\":\"still here\",\"ref\":1}");
    sim_settle(world);
    SIM_CHECK(sim_client_is_open(c), "no service after memory was out");
    SIM_CHECK(members == 1, "%u members where one came", (unsigned)members);
    SIM_CHECK(c->message_count == 4, "%u messages, not welcome, joined, copy and ack",
              c->message_count);
    sim_client_free(c);
    sim_advance_ms(world, 10);
}

/* @first: of the allocations from before the server is made. False: not even that worked. */
static bool run_failing(uint64_t first, uint64_t count)
{
    struct sim_world world;
    sim_set_seed(first);
    sim_alloc_fail(first, count);
    bool is_made = sim_world_init(&world, 1, &options, &faults);
    if (is_made)
        run_scenario(&world);
    sim_alloc_fail(0, 0);
    if (!is_made)
        return false;
    SIM_CHECK(sim_connection_count(&world) == 0, "%u connections were left behind",
              sim_connection_count(&world));
    check_service(&world, 0);
    check_service(&world, 1);
    sim_world_deinit(&world);
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
