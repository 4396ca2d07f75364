/*
 * test_timers.c - every deadline, to the millisecond of a clock that is turned by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/sim_client.h"
#include "support/sim_seeds.h"

static const struct sim_faults no_faults;

struct scene {
    struct sim_world world;
};

static void begin(struct scene *s, const belfry_options *options)
{
    sim_set_seed(1);
    assert_true(sim_world_init(&s->world, 1, options, &no_faults));
}

static void end(struct scene *s)
{
    sim_advance_ms(&s->world, 10000);
    assert_int_equal(sim_connection_count(&s->world), 0);
    sim_world_deinit(&s->world);
}

static struct sim_client *connect_with(struct scene *s, struct sim_client_how how)
{
    struct sim_client *c = sim_client_new(&s->world, &how);
    sim_settle(&s->world);
    return c;
}

static bool was_told(const struct sim_client *c, const char *text)
{
    return c->inbox.size >= strlen(text) && memcmp(c->inbox.data, text, strlen(text)) == 0;
}

/* --- WebSockets -------------------------------------------------------------------------------*/

static const belfry_options ping_options = { .ping_interval_ms = 7000, .ping_timeout_ms = 3000 };

static void test_a_silent_client_is_pinged_and_dropped_at_the_deadline(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &ping_options);
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_mute = true });
    assert_true(sim_client_is_open(c));
    sim_advance_ms(&s.world, 6999);
    assert_int_equal(c->ping_count, 0);
    sim_advance_ms(&s.world, 1);
    assert_int_equal(c->ping_count, 1);
    sim_advance_ms(&s.world, 2999);
    assert_true(sim_client_is_open(c));
    sim_advance_ms(&s.world, 1);
    assert_int_equal(c->state, SIM_ENDED);
    assert_int_equal(c->ping_count, 1);
    assert_int_equal(SIM_COUNTER(&s.world, closed[CLOSED_ping_timeout]), 1);
    sim_client_free(c);
    end(&s);
}

static void test_any_byte_counts_as_life(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &ping_options);
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_mute = true });
    sim_advance_ms(&s.world, 6999);
    sim_client_say(c, "{\"type\":\"ping\"}");
    sim_advance_ms(&s.world, 6999);
    assert_int_equal(c->ping_count, 0);
    sim_advance_ms(&s.world, 1);
    assert_int_equal(c->ping_count, 1);
    sim_advance_ms(&s.world, 2999);
    sim_client_send_raw(c, BELFRY_BYTES("\x81")); /* the first byte of a frame */
    sim_advance_ms(&s.world, 6999);
    assert_true(sim_client_is_open(c));
    sim_client_free(c);
    end(&s);
}

static void test_an_answering_client_stays_for_ever(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &ping_options);
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ 0 });
    sim_advance_ms(&s.world, 100 * 7000);
    assert_true(sim_client_is_open(c));
    assert_int_equal(c->ping_count, 100);
    sim_client_free(c);
    end(&s);
}

static void test_a_stalled_client_is_dropped_too(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &ping_options);
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ 0 });
    sim_client_stall(c, true);
    sim_advance_ms(&s.world, 9999);
    assert_int_equal(sim_connection_count(&s.world), 1);
    sim_advance_ms(&s.world, 1);
    assert_int_equal(sim_connection_count(&s.world), 0);
    sim_client_free(c);
    end(&s);
}

static void close_from_server(belfry_sock *sock, void *arg)
{
    (void)arg;
    belfry_close(sock, 4000, "enough");
}

static void test_a_close_without_an_answer_ends_at_its_deadline(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &(belfry_options){ .close_timeout_ms = 1500 });
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_mute = true });
    struct worker *w = &s.world.server->workers[0];
    belfry_id id = (uint64_t)1 << 32; /* the first socket */
    assert_int_equal(belfry_with(s.world.server, id, close_from_server, NULL), BELFRY_OK);
    sim_settle(&s.world);
    assert_int_equal(c->close_code, 4000);
    sim_advance_ms(&s.world, 1499);
    assert_int_equal(c->state, SIM_CLOSING);
    assert_non_null(slots_find(&w->slots, id));
    sim_advance_ms(&s.world, 1);
    assert_null(slots_find(&w->slots, id));
    assert_int_equal(c->state, SIM_ENDED);
    sim_client_free(c);
    end(&s);
}

/* --- HTTP -------------------------------------------------------------------------------------*/

static void test_a_handshake_has_its_time_and_no_more(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &(belfry_options){ .handshake_timeout_ms = 4000 });
    struct sim_client *idle = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    struct sim_client *slow = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_send_raw(slow, BELFRY_BYTES("GET / HTTP/1.1\r\nHost: sim.example\r\nX: "));
    for (int i = 0; i < 93; i++) {
        sim_advance_ms(&s.world, 43);
        sim_client_send_raw(slow, BELFRY_BYTES("x")); /* a dribble that moves no deadline */
    }
    sim_advance_ms(&s.world, 3999 - 93 * 43);
    assert_int_equal(slow->inbox.size, 0);
    assert_int_equal(idle->state, SIM_RAW);
    sim_advance_ms(&s.world, 1);
    assert_true(was_told(slow, "HTTP/1.1 408 "));
    assert_int_equal(slow->state, SIM_ENDED);
    assert_int_equal(idle->state, SIM_ENDED);
    assert_int_equal(idle->inbox.size, 0); /* it asked nothing */
    sim_client_free(idle);
    sim_client_free(slow);
    end(&s);
}

static void test_a_kept_connection_has_its_own_deadlines(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &(belfry_options){ .handshake_timeout_ms = 1000, .keep_alive_timeout_ms = 5000 });
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_send_raw(c, BELFRY_BYTES("GET /no HTTP/1.1\r\nHost: sim.example\r\n\r\n"));
    sim_advance_ms(&s.world, 4999);
    assert_true(was_told(c, "HTTP/1.1 404 "));
    assert_int_equal(c->state, SIM_RAW);
    sim_client_send_raw(c, BELFRY_BYTES("G")); /* from here on the head's deadline counts */
    sim_advance_ms(&s.world, 999);
    assert_int_equal(c->state, SIM_RAW);
    size_t before = c->inbox.size;
    sim_advance_ms(&s.world, 1);
    assert_int_equal(c->state, SIM_ENDED);
    assert_memory_equal(c->inbox.data + before, "HTTP/1.1 408 ", 13);
    sim_client_free(c);

    c = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_send_raw(c, BELFRY_BYTES("GET /no HTTP/1.1\r\nHost: sim.example\r\n\r\n"));
    sim_advance_ms(&s.world, 4999);
    assert_int_equal(c->state, SIM_RAW);
    before = c->inbox.size;
    sim_advance_ms(&s.world, 1);
    assert_int_equal(c->state, SIM_ENDED);
    assert_int_equal(c->inbox.size, before); /* silently */
    sim_client_free(c);
    end(&s);
}

static void test_a_kept_connection_may_be_kept_for_ever(void **state)
{
    struct scene s;
    (void)state;
    begin(&s,
          &(belfry_options){ .handshake_timeout_ms = 1000, .keep_alive_timeout_ms = BELFRY_OFF });
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_send_raw(c, BELFRY_BYTES("GET /no HTTP/1.1\r\nHost: sim.example\r\n\r\n"));
    sim_advance_ms(&s.world, 86400000);
    assert_true(was_told(c, "HTTP/1.1 404 "));
    assert_int_equal(c->state, SIM_RAW);
    sim_client_send_raw(c, BELFRY_BYTES("G")); /* but a head has its deadline as ever */
    sim_advance_ms(&s.world, 1000);
    assert_int_equal(c->state, SIM_ENDED);
    sim_client_free(c);
    end(&s);
}

static void test_a_body_has_its_time(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &(belfry_options){ .body_timeout_ms = 2000 });
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_send_raw(c, BELFRY_BYTES("POST /no HTTP/1.1\r\nHost: sim.example\r\n"
                                        "Content-Length: 9\r\n\r\nabc"));
    sim_advance_ms(&s.world, 1999);
    assert_int_equal(c->inbox.size, 0);
    sim_advance_ms(&s.world, 1);
    assert_true(was_told(c, "HTTP/1.1 408 "));
    sim_client_free(c);
    end(&s);
}

static void test_a_peer_that_lingers_is_left_behind(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, &(belfry_options){ .close_timeout_ms = 3000 });
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_stall(c, true); /* sees neither the answer nor the end */
    sim_client_send_raw(c, BELFRY_BYTES("nonsense\r\n\r\n"));
    sim_settle(&s.world);
    assert_int_equal(sim_connection_count(&s.world), 1);
    sim_advance_ms(&s.world, 5000);
    assert_int_equal(sim_connection_count(&s.world), 0);
    sim_client_stall(c, false);
    sim_settle(&s.world);
    assert_true(was_told(c, "HTTP/1.1 400 ")); /* it was not lost to a reset */
    assert_false(c->was_reset);
    sim_client_free(c);
    end(&s);
}

#define LARGE 600000

static void reply_large(belfry_request *req, void *user)
{
    static const char zeros[LARGE];
    (void)user;
    assert_int_equal(belfry_reply(req, 200, NULL, zeros, LARGE), BELFRY_OK);
}

/* The last response of a connection, to a peer that takes a pipe's worth each second. */
static void test_a_slow_peer_gets_the_whole_response(void **state)
{
    struct scene s;
    (void)state;
    sim_set_seed(1);
    struct sim_faults narrow = { .pipe_bytes = 16384 };
    belfry_options options = { .close_timeout_ms = 3000 };
    assert_true(sim_world_init(&s.world, 1, &options, &narrow));
    assert_int_equal(belfry_http(s.world.server, "GET /large", reply_large, NULL), BELFRY_OK);
    struct sim_client *c = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    struct sim_client *deaf = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_stall(c, true);
    sim_client_stall(deaf, true);
    sim_client_send_raw(c, BELFRY_BYTES("GET /large HTTP/1.0\r\n\r\n"));
    sim_client_send_raw(deaf, BELFRY_BYTES("GET /large HTTP/1.0\r\n\r\n"));
    while (c->state == SIM_RAW) {
        sim_advance_ms(&s.world, 1000);
        sim_client_stall(c, false);
        (void)sim_step(&s.world);
        sim_client_stall(c, true);
    }
    assert_true(c->inbox.size > LARGE);
    sim_advance_ms(&s.world, 3000 + LARGE / 8); /* that was enough for anybody */
    assert_int_equal(sim_connection_count(&s.world), 0);
    sim_client_free(c);
    sim_client_free(deaf);
    end(&s);
}

/* --- stopping ---------------------------------------------------------------------------------*/

#define CROWD 24

struct crowd {
    struct sim_client *clients[CROWD];
};

static void gather(struct scene *s, struct crowd *crowd, bool is_mute)
{
    for (unsigned i = 0; i < CROWD; i++) {
        struct sim_client_how how = { .worker = i % 3, .is_mute = is_mute };
        crowd->clients[i] = sim_client_new(&s->world, &how);
        sim_client_say(crowd->clients[i], "{\"type\":\"join\",\"room\":\"r%u\"}", i % 5);
    }
    sim_settle(&s->world);
}

static void stop(struct scene *s)
{
    belfry_stop_soon(s->world.server);
    sim_settle(&s->world);
}

static void leave(struct crowd *crowd)
{
    for (unsigned i = 0; i < CROWD; i++)
        sim_client_free(crowd->clients[i]);
}

static const belfry_options stop_options = { .workers = 3, .drain_timeout_ms = 4000 };

static void test_a_stop_says_1001_to_everyone(void **state)
{
    struct scene s;
    struct crowd crowd;
    (void)state;
    begin(&s, &stop_options);
    gather(&s, &crowd, false);
    struct sim_client *idle = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    stop(&s);
    assert_true(sim_has_stopped(&s.world)); /* everyone answered at once */
    for (unsigned i = 0; i < CROWD; i++) {
        assert_int_equal(crowd.clients[i]->close_code, 1001);
        assert_false(crowd.clients[i]->was_reset);
    }
    assert_int_equal(SIM_COUNTER(&s.world, closed[CLOSED_shutdown]), CROWD);
    assert_int_equal(idle->state, SIM_ENDED);
    leave(&crowd);
    sim_client_free(idle);
    end(&s);
}

static void test_a_stop_does_not_wait_for_ever(void **state)
{
    struct scene s;
    struct crowd crowd;
    (void)state;
    /* Not even for the close's own deadline, when that is further away. */
    belfry_options options = stop_options;
    options.close_timeout_ms = 60000;
    begin(&s, &options);
    gather(&s, &crowd, true);
    stop(&s);
    for (unsigned i = 0; i < CROWD; i++) {
        assert_int_equal(crowd.clients[i]->close_code, 1001);
        sim_client_stall(crowd.clients[i], i % 2 == 0);
    }
    sim_advance_ms(&s.world, 3999);
    assert_false(sim_has_stopped(&s.world));
    sim_advance_ms(&s.world, 1);
    assert_true(sim_has_stopped(&s.world));
    assert_int_equal(sim_connection_count(&s.world), 0);
    leave(&crowd);
    end(&s);
}

static void test_a_stop_meets_every_kind_of_connection(void **state)
{
    struct scene s;
    struct crowd crowd;
    (void)state;
    begin(&s, &stop_options);
    gather(&s, &crowd, false);
    struct sim_client *midway = connect_with(&s, (struct sim_client_how){ .is_raw = true });
    sim_client_send_raw(midway, BELFRY_BYTES("GET / HT"));
    for (unsigned i = 0; i < CROWD; i += 2)
        sim_client_stall(crowd.clients[i], true);
    for (unsigned i = 0; i < CROWD; i += 3)
        sim_client_close(crowd.clients[i], 1000); /* crosses the server's */
    sim_settle(&s.world);
    stop(&s);
    /* Whoever comes now is told to go elsewhere. */
    struct sim_client *late = connect_with(&s, (struct sim_client_how){ .worker = 0 });
    sim_advance_ms(&s.world, 4000);
    assert_true(sim_has_stopped(&s.world));
    assert_true(late->status == 503 || late->status == 0);
    leave(&crowd);
    sim_client_free(midway);
    sim_client_free(late);
    end(&s);
}

static void test_a_second_stop_does_not_wait(void **state)
{
    struct scene s;
    struct crowd crowd;
    (void)state;
    begin(&s, &stop_options);
    gather(&s, &crowd, true);
    stop(&s);
    assert_false(sim_has_stopped(&s.world));
    stop(&s);
    assert_true(sim_has_stopped(&s.world));
    leave(&crowd);
    end(&s);
}

/* A list of members that is being collected when its asker's worker is torn down. */
static void test_a_server_may_be_freed_at_any_moment(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 200; steps += 3) {
        struct scene s;
        struct crowd crowd;
        begin(&s, &stop_options);
        gather(&s, &crowd, false);
        for (unsigned i = 0; i < CROWD; i++) {
            sim_client_say(crowd.clients[i], "{\"type\":\"members\",\"room\":\"r%u\"}", i % 5);
            sim_client_say(crowd.clients[i], "{\"type\":\"message\",\"text\":\"hi\"}");
        }
        sim_steps(&s.world, steps);
        leave(&crowd);
        sim_world_deinit(&s.world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_silent_client_is_pinged_and_dropped_at_the_deadline),
        cmocka_unit_test(test_any_byte_counts_as_life),
        cmocka_unit_test(test_an_answering_client_stays_for_ever),
        cmocka_unit_test(test_a_stalled_client_is_dropped_too),
        cmocka_unit_test(test_a_close_without_an_answer_ends_at_its_deadline),
        cmocka_unit_test(test_a_handshake_has_its_time_and_no_more),
        cmocka_unit_test(test_a_kept_connection_has_its_own_deadlines),
        cmocka_unit_test(test_a_kept_connection_may_be_kept_for_ever),
        cmocka_unit_test(test_a_body_has_its_time),
        cmocka_unit_test(test_a_peer_that_lingers_is_left_behind),
        cmocka_unit_test(test_a_slow_peer_gets_the_whole_response),
        cmocka_unit_test(test_a_stop_says_1001_to_everyone),
        cmocka_unit_test(test_a_stop_does_not_wait_for_ever),
        cmocka_unit_test(test_a_stop_meets_every_kind_of_connection),
        cmocka_unit_test(test_a_second_stop_does_not_wait),
        cmocka_unit_test(test_a_server_may_be_freed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
