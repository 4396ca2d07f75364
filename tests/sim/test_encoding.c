/*
 * test_encoding.c - one message, many members: each wire form is made once, whatever the workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/sim_alloc.h"
#include "support/sim_client.h"
#include "support/sim_seeds.h"

#define MEMBERS 400

static struct sim_client *members[MEMBERS];

static void gather(struct sim_world *world, bool offers_deflate)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct sim_client_how how = { .worker = i % world->server->worker_count,
                                      .offers_deflate = offers_deflate && i % 2 == 0 };
        members[i] = sim_client_new(world, &how);
        sim_client_say(members[i], "{\"type\":\"join\",\"room\":\"r0\"}");
    }
    sim_settle(world);
    sim_advance_ms(world, 2000); /* the count of so large a room is announced */
}

static void leave(void)
{
    for (unsigned i = 0; i < MEMBERS; i++)
        sim_client_free(members[i]);
}

/* Ten messages to everyone cost @want_forms encodings each. */
static void check_forms(belfry_deflate_mode mode, unsigned want_forms)
{
    static const struct sim_faults faults = { .short_io = 30 };
    struct sim_world world;
    sim_set_seed(7);
    belfry_options options = { .workers = 4, .deflate = mode, .deflate_threshold_bytes = 1 };
    assert_true(sim_world_init(&world, 7, &options, &faults));
    gather(&world, mode != BELFRY_DEFLATE_NONE);
    uint64_t encoded = SIM_COUNTER(&world, encoded);
    uint64_t delivered = sim_delivered(&world);
    unsigned heard = members[MEMBERS - 1]->message_count;
    for (unsigned i = 0; i < 10; i++)
        sim_client_say(members[i], "{\"type\":\"message\",\"text\":\"hello to all of you, %u\"}",
                       i);
    sim_settle(&world);
    assert_int_equal(members[MEMBERS - 1]->message_count - heard, 10);
    assert_int_equal(sim_delivered(&world) - delivered, 10 * MEMBERS);
    assert_int_equal(SIM_COUNTER(&world, encoded) - encoded, 10 * want_forms);
    leave();
    sim_world_deinit(&world);
}

static void test_a_broadcast_is_encoded_once(void **state)
{
    (void)state;
    check_forms(BELFRY_DEFLATE_NONE, 1);
}

static void test_a_broadcast_is_compressed_once(void **state)
{
    (void)state;
    check_forms(BELFRY_DEFLATE_SHARED, 2); /* one plain form, one deflated */
}

static void test_dedicated_compressors_share_the_plain_form(void **state)
{
    (void)state;
    check_forms(BELFRY_DEFLATE_DEDICATED, 1);
}

/* What a message costs while nobody reads: its bytes once, and a place in every queue. */
static void test_members_that_wait_share_the_bytes(void **state)
{
    static const struct sim_faults faults = { .pipe_bytes = 1024 };
    struct sim_world world;
    (void)state;
    sim_set_seed(8);
    belfry_options options = { .workers = 4, .history_messages = BELFRY_OFF };
    assert_true(sim_world_init(&world, 8, &options, &faults));
    gather(&world, false);
    for (unsigned i = 1; i < MEMBERS; i++)
        sim_client_stall(members[i], true);
    for (unsigned i = 0; i < 20; i++)
        sim_client_say(members[0], "{\"type\":\"message\",\"text\":\"%900u\"}", i);
    sim_settle(&world);
    size_t before = sim_alloc_bytes();
    for (unsigned i = 0; i < 10; i++)
        sim_client_say(members[0], "{\"type\":\"message\",\"text\":\"%900u\"}", i);
    sim_settle(&world);
    size_t per_message = (sim_alloc_bytes() - before) / 10;
    assert_true(per_message < 4000 + MEMBERS * 64); /* copies would be 900 * MEMBERS */
    leave();
    sim_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_broadcast_is_encoded_once),
        cmocka_unit_test(test_a_broadcast_is_compressed_once),
        cmocka_unit_test(test_dedicated_compressors_share_the_plain_form),
        cmocka_unit_test(test_members_that_wait_share_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
